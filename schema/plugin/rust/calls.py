"""Objects and their functions, and functions without an object."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from model import Call, Kind, Object, Parameter, Role, Shape, Slot
from text import COLUMNS, fill

from .types import has_parts, is_plain_struct
from .words import (
    Rust, enclosed, function_name, is_alone, is_owned, joined, laid_out,
    raw_type, scalar, statement)

# Outputs


def is_self(call: Call, slot: Slot) -> bool:
    return call.role is Role.CREATE and slot.type.object is call.object


def result_type(call: Call, parameter: Parameter) -> str:
    slot = parameter.slot
    if slot.kind is Kind.STRING or slot.text:
        return "String"
    if slot.kind is Kind.BYTES:
        return "Buffer" if slot.moved else "Vec<u8>"
    if not slot.type:
        return scalar(slot)
    name = slot.type.name.pascal
    if slot.shape is not Shape.HANDLE:
        return name
    if is_self(call, slot):
        return "Self"
    return name if is_owned(call, parameter) else f"Lent<'_, {name}>"


def results(call: Call) -> str:
    types = [result_type(call, it) for it in call.parameters if it.is_result]
    if not call.may_end:
        return joined(types)
    return f"Option<{joined(types)}>" if types else "bool"


def is_raw(call: Call, slot: Slot) -> bool:
    """Pointers of the library's may go to another thread while it waits."""
    return call.is_async and slot.is_view


def empty(call: Call, parameter: Parameter) -> str:
    slot = parameter.slot
    name = slot.name.snake
    if parameter.input:
        return (f"support::handle(&{name})" if slot.shape is Shape.HANDLE
                else name)
    if slot.enumeration:
        return f"{slot.enumeration.name.pascal}(0)"
    if slot.is_buffer:
        return "Buffer::default()"
    if slot.shape is Shape.RECORD:
        value = f"{slot.type.name.pascal}::slot()"
    elif slot.kind in (Kind.STRING, Kind.BYTES, Kind.MESSAGE):
        value = f"{raw_type(slot)}::default()"
    else:
        value = {Kind.BOOL: "false", Kind.DOUBLE: "0.0"}.get(slot.kind, "0")
    return f"Raw({value})" if is_raw(call, slot) else value


def converted(call: Call, parameter: Parameter, value: str) -> str:
    slot = parameter.slot
    if is_raw(call, slot):
        value = f"{value}.0"
    if slot.kind is Kind.STRING:
        return f"unsafe {{ support::text({value}) }}"
    if slot.kind is Kind.BYTES and not slot.moved:
        return f"unsafe {{ support::octets({value}) }}.to_vec()"
    if slot.text:
        return f"{value}.to_string()"
    if slot.shape is Shape.RECORD:
        return f"{slot.type.name.pascal}::lift(&{value})"
    if slot.shape is not Shape.HANDLE:
        return value
    if is_self(call, slot):
        return f"Self::of({value})"
    value = f"{slot.type.name.pascal}::of({value})"
    return value if is_owned(call, parameter) else f"Lent::new({value})"


def part_of_out(call: Call, parameter: Parameter) -> str:
    """Outputs are one value, or the members of a tuple."""
    outputs = call.outputs
    return f".{outputs.index(parameter)}" if len(outputs) > 1 else ""


def place(call: Call, parameter: Parameter) -> str:
    """An output may have another type than C's, of the same size."""
    slot = parameter.slot
    part = part_of_out(call, parameter)
    where = f"ptr::addr_of_mut!((*out){part})" if part else "out"
    cast = (slot.pointer or slot.enumeration or is_raw(call, slot)
            or slot.is_buffer)
    return f"{where}.cast()" if cast else where


def end_of(call: Call) -> str:
    """What a function gives back."""
    outputs = call.outputs
    names = [f"{'' if it.is_result else '_'}{it.name}" for it in outputs]
    values = [converted(call, it, name) for it, name in zip(outputs, names)
              if it.is_result]
    pattern, value = joined(names), joined(values)
    if not values:
        return ("        Ok(done.unless_end().is_some())\n" if call.may_end
                else "        Ok(())\n")
    if pattern == value:
        return ("        Ok(done.unless_end())\n" if call.may_end
                else "        Ok(done.out)\n")
    if call.may_end:
        head = f"        Ok(done.unless_end().map(|{pattern}| "
        if len(head) + len(value) + 2 <= COLUMNS:
            return f"{head}{value}))\n"
        return f"{head}{{\n            {value}\n        }}))\n"
    if len(outputs) == 1:
        return f"        Ok({converted(call, outputs[0], 'done.out')})\n"
    return f"        let {pattern} = done.out;\n        Ok({value})\n"


# Inputs


def keeps(call: Call) -> bool:
    return any(it.input and it.slot.is_struct and has_parts(it.slot.type)
               for it in call.parameters)


def preparations(call: Call) -> Iterator[str]:
    """What has to be made of the parameters first."""
    for it in call.inputs:
        slot = it.slot
        name = it.name
        if slot.repeated and slot.kind is Kind.STRING:
            yield f"let {name} = support::strings({name});"
        elif slot.is_buffer and not slot.repeated:
            yield f"let mut {name} = {name};"
        elif slot.is_struct:
            keep = "&mut keep" if has_parts(slot.type) else ""
            lower = (f"{name}.lower({keep})" if it.required
                     or is_plain_struct(slot)
                     else f"{name}.as_ref().map(|it| it.lower({keep}))")
            yield f"let {name} = {lower};"


def canceller(call: Call) -> str:
    """What a future does that is dropped."""
    by = call.canceller
    name = function_name(by)
    through = call.cancelled_through
    if not through:
        return f"|_| self.{name}()"
    if through.output:
        return (f"|out| unsafe {{ sys::wws_{by.function}"
                f"((*out){part_of_out(call, through)}) }}")
    return (f"|_| {through.name}.{name}()" if through.required
            else f"|_| {through.name}.map(|it| it.{name}())")


def is_default(parameter: Parameter) -> bool:
    return (parameter.input and not parameter.required
            and parameter.slot.shape in (Shape.STRUCT, Shape.HANDLE))


def inputs(rust: Rust, call: Call) -> list[Parameter]:
    return [it for it in call.parameters if it.input and not it.capacity
            and not rust.model.is_hidden_handle(it.slot)]


def parameter_type(rust: Rust, call: Call, parameter: Parameter) -> str:
    slot = parameter.slot
    if slot.repeated:
        item = "&str" if slot.kind is Kind.STRING else scalar(slot)
        return f"&[{item}]"
    if slot.kind is Kind.STRING:
        return "&str"
    if slot.kind is Kind.BYTES:
        return "Buffer" if slot.moved else "&[u8]"
    if not slot.type:
        return scalar(slot)
    type = slot.type.name.pascal + rust.lifetime(slot.type, "'_")
    if slot.shape is Shape.HANDLE:
        alone = call.is_async and is_alone(slot.type.object)
        type = f"&mut {type}" if alone else f"&{type}"
    needed = parameter.required or is_plain_struct(slot)
    return type if needed else f"Option<{type}>"


def argument(rust: Rust, parameter: Parameter) -> str:
    """Of the function in C."""
    slot = parameter.slot
    name = parameter.name
    if rust.model.is_hidden_handle(slot):
        return "Default::default()"
    if slot.pointer:
        return f"{name} as *mut c_void"
    if slot.kind is Kind.STRING:
        return f"support::string({name})"
    if slot.kind is Kind.BYTES:
        return f"&mut {name}.0" if slot.moved else f"support::bytes({name})"
    if slot.enumeration:
        return f"{name}.0"
    if not slot.type:
        return name
    if slot.shape is Shape.HANDLE:
        return (f"{name}.handle" if parameter.required
                else f"support::handle(&{name})")
    if parameter.required or is_plain_struct(slot):
        return f"&{name}"
    return f"support::pointer(&{name})"


def c_arguments(rust: Rust, call: Call) -> list[str]:
    arguments = ["self.handle"] if call.has_self else []
    for it in call.parameters:
        if it.output:
            arguments.append(place(call, it))
        elif it.slot.repeated:
            arguments += [f"{it.name}.as_ptr()", f"{it.name}.len()"]
        else:
            arguments.append(argument(rust, it))
    if call.is_async:
        arguments.append("completion")
    if call.has_error:
        arguments.append("error")
    return arguments


# Functions


@dataclass(frozen=True)
class Form:
    """How a function comes out: some have a short form, without what has a
    default, and those that wait have a twin that blocks."""
    call: Call
    brief: bool
    blocks: bool

    @property
    def awaits(self) -> bool:
        return self.call.is_async and not self.blocks


def has_brief(rust: Rust, call: Call) -> bool:
    return any(map(is_default, inputs(rust, call)))


def form_name(rust: Rust, form: Form) -> str:
    long = not form.brief and has_brief(rust, form.call)
    return (f"{function_name(form.call)}{'_with' if long else ''}"
            f"{'_blocking' if form.blocks else ''}")


def parameters(rust: Rust, form: Form) -> list[str]:
    own = ["&self"] if form.call.has_self else []
    if form.call.ends_object:
        own = ["mut self"]
    return own + [f"{it.name}: {parameter_type(rust, form.call, it)}"
                  for it in inputs(rust, form.call)
                  if not (form.brief and is_default(it))]


def closure(rust: Rust, call: Call, indent: str) -> str:
    """The closure that calls the function, from its opening brace on."""
    first = list(preparations(call))
    inner = f"{indent}    "
    head = f"sys::wws_{call.function}("
    arguments = c_arguments(rust, call)
    if not first:
        return (f"unsafe {{\n{laid_out(inner, head, arguments, ')')}"
                f"{indent}}}")
    keep, end = ("keep.settle(", ")") if keeps(call) else ("", "")
    return "".join([
        "{\n",
        f"{inner}let mut keep = Keep::default();\n" if keep else "",
        *(statement(inner, it) for it in first),
        enclosed(inner, (f"{keep}unsafe {{ ", f"{keep}unsafe {{"), head,
                 arguments, ")", (f" }}{end}", f"}}{end}")),
        f"{indent}}}"])


def start(rust: Rust, form: Form) -> str:
    call = form.call
    empties = [empty(call, it) for it in call.outputs]
    out, taken = ("out", "out") if empties else ("()", "_")
    text = ""
    if len(empties) > 1:
        text = laid_out("        ", "let out = (", empties, ");")
    elif empties:
        text = f"        let out = {empties[0]};\n"
    text += "        "
    if call.may_end or any(it.is_result for it in call.parameters):
        text += "let done = "
    if form.awaits:
        return text + fill("""
            |pending::wait(
            |            $out$,
            |            move |$taken$, completion, error| $closure$,
            |            $canceller$,
            |        )
            |        .await?;
            """, out=out, taken=taken, canceller=canceller(call),
            closure=closure(rust, call, "            "))
    text += (f"pending::block({out}, |{taken}, completion, error| "
             if call.is_async else f"support::call({out}, |{taken}, error| ")
    return text + closure(rust, call, "        ") + ")?;\n"


def brief(rust: Rust, form: Form) -> str:
    """The long form, called with defaults."""
    call = form.call
    arguments = []
    for it in inputs(rust, call):
        if not is_default(it):
            arguments.append(it.name)
        elif is_plain_struct(it.slot):
            arguments.append(f"{it.slot.type.name.pascal}::default()")
        else:
            arguments.append("None")
    whole = form_name(rust, replace(form, brief=False))
    return laid_out("        ",
                    f"{'self.' if call.has_self else 'Self::'}{whole}(",
                    arguments, ").await" if form.awaits else ")")


def form_doc(rust: Rust, form: Form) -> str:
    call = form.call
    object = call.object.name.pascal
    by = call.canceller
    ends = f"[`{by.object.name.pascal}::{function_name(by)}`]" if by else ""
    if form.blocks:
        other = form_name(rust, replace(form, blocks=False))
        return (f"[`{object}::{other}`], blocking; {ends} from another thread "
                "ends it early.")
    if not form.brief and has_brief(rust, call):
        other = form_name(rust, replace(form, brief=True))
        return f"[`{object}::{other}`], with everything that has a default."
    if call.is_async:
        return f"{call.doc}\n\nDropping the future ends it early, by {ends}."
    return call.doc


def form(rust: Rust, form: Form) -> str:
    call = form.call
    keywords = "pub async fn" if form.awaits else "pub fn"
    ended = "        self.over = true;\n" if call.ends_object else ""
    return "".join([
        "\n", rust.doc(form_doc(rust, form), "    "),
        laid_out("    ", f"{keywords} {form_name(rust, form)}(",
                 parameters(rust, form), f") -> Result<{results(call)}> {{"),
        brief(rust, form) if form.brief
        else start(rust, form) + ended + end_of(call),
        "    }\n"])


def cancel(rust: Rust, call: Call) -> str:
    return "\n" + rust.doc(call.doc, "    ") + fill("""
        |    pub fn $name$(&self) -> Status {
        |        Status(unsafe { sys::wws_$function$(self.handle) })
        |    }
        """, name=function_name(call), function=call.function)


def forms(rust: Rust, call: Call) -> Iterator[str]:
    if call.role is Role.FREE:
        return
    if call.role is Role.CANCEL and not call.parameters:
        yield cancel(rust, call)
        return
    for brief in (True, False) if has_brief(rust, call) else (False,):
        yield form(rust, Form(call, brief, blocks=False))
        if call.is_async:
            yield form(rust, Form(call, brief, blocks=True))


def free_function(rust: Rust, call: Call) -> str:
    """A function that needs no object gives its result back by value."""
    function = f"sys::wws_{call.function}("
    type, head, tail = "", f"unsafe {{ {function}", ") }"
    for slot in call.response.slots:
        type = f" -> {scalar(slot)}" if slot.kind is not Kind.STRING \
            else " -> &'static str"
        if slot.kind is Kind.STRING:
            head, tail = f"unsafe {{ support::name({function}", ")) }"
        elif slot.enumeration:
            head = f"{slot.enumeration.name.pascal}(unsafe {{ {function}"
            tail = ") })"
    return "".join([
        "\n", rust.doc(call.doc),
        laid_out("", f"pub fn {function_name(call)}(",
                 parameters(rust, Form(call, False, False)), f"){type} {{"),
        laid_out("    ", head, [argument(rust, it) for it in call.inputs],
                 tail),
        "}\n"])


# Objects


def object(rust: Rust, object: Object) -> str:
    doc = object.doc
    field, value = "", ""
    if object.has_default:
        doc += "  The default one is that of `default()`."
    elif object.handed_over:
        doc += ("  Whoever is given one completes it, on any thread; what is "
                "dropped has failed.")
        field, value = "    pub(crate) over: bool,\n", ", over: false"
    elif object.borrowed:
        doc += "  It belongs to whom it is lent to, for as long."
    if object.borrowed and object.can_be_told:
        field = "    pub(crate) notes: Notes,\n"
        value = ", notes: Notes::default()"
    elif is_alone(object) and not object.borrowed:
        field, value = "    alone: Alone,\n", ", alone: Alone::default()"
    names = {"name": object.name.pascal, "snake": object.name.snake}
    text = fill("""
        |
        |$doc$
        |#[derive(Debug$default$)]
        |pub struct $name$ {
        |    pub(crate) handle: sys::wws_$snake$,
        |$field$
        |}
        |
        |impl $name$ {
        |    pub(crate) fn of(handle: sys::wws_$snake$) -> Self {
        |        Self { handle$value$ }
        |    }
        |$forms$
        |}
        |
        |impl Object for $name$ {
        |    type Handle = sys::wws_$snake$;
        |
        |    fn handle(&self) -> Self::Handle {
        |        self.handle
        |    }
        |}
        """, **names, doc=rust.doc(doc), field=field, value=value,
        default=", Default" if object.has_default else "",
        forms="".join(it for call in rust.model.spoken_calls(object)
                      for it in forms(rust, call)))
    if object.free:
        text += fill("""
            |
            |impl Drop for $name$ {
            |    fn drop(&mut self) {
            |        unsafe { sys::wws_$function$(self.handle) };
            |    }
            |}
            """, **names, function=object.free.function)
    return text
