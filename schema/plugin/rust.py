"""Emits bindings/rust/wws/src/api: for each file of the schema one with its
enumerations, structs, callback tables and objects.  Two objects have no type:
that of errors, and the one that completions name as their queue.  Lines are
broken as rustfmt breaks them."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from header import files_of_calls, files_of_types
from model import (
    Call, Enumeration, Kind, Model, Object, Parameter, Role, Shape, Slot, Type,
    Value)
from speech import Speech, in_speech
from text import COLUMNS, Files, fill, wrapped

# Text in the shape of rustfmt's


def member(name: str, type: str) -> str:
    line = f"    pub {name}: {type},\n"
    return (line if len(line) <= COLUMNS + 1
            else f"    pub {name}:\n        {type},\n")


def laid_out(indent: str, head: str, items: list[str], tail: str) -> str:
    """Items on one line, or each on a line of its own."""
    line = f"{indent}{head}{', '.join(items)}{tail}"
    if len(line) <= COLUMNS or not items:
        return f"{line}\n"
    lines = "".join(f"{indent}    {item},\n" for item in items)
    return f"{indent}{head.rstrip()}\n{lines}{indent}{tail.lstrip()}\n"


def enclosed(
    indent: str, opening: tuple[str, str], head: str, items: list[str],
    tail: str, closing: tuple[str, str]
) -> str:
    """A call inside of something else, which stands on lines of its own, with
    the second of its forms, unless all fits on one line."""
    line = laid_out(indent, opening[0] + head, items, tail + closing[0])
    if line.count("\n") == 1 and len(line) <= COLUMNS + 1:
        return line
    return "".join([f"{indent}{opening[1]}\n",
                    laid_out(f"{indent}    ", head, items, tail),
                    f"{indent}{closing[1]}\n"])


def statement(indent: str, line: str) -> str:
    """As in "let a = b;": on one line or two."""
    if len(indent + line) <= COLUMNS:
        return f"{indent}{line}\n"
    name, value = line.split("= ", 1)
    return f"{indent}{name}=\n{indent}    {value}\n"


def joined(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"


# Names

KEYWORDS = set("""
    as break const crate dyn else enum extern fn for if impl in let loop match
    mod move mut pub ref return self static super true type unsafe use where
    while
""".split())


def function_name(call: Call) -> str:
    """create: new; create_for_listener: for_listener; get_state: state."""
    if call.role is Role.CREATE and call.name.snake == "create":
        return "new"
    return (call.name.snake if call.bare_name in KEYWORDS
            else call.bare_name)


# Types

SCALARS = {
    Kind.BOOL: "bool",
    Kind.INT32: "i32",
    Kind.UINT32: "u32",
    Kind.INT64: "i64",
    Kind.UINT64: "u64",
    Kind.DOUBLE: "f64",
}


def scalar(slot: Slot) -> str:
    if slot.pointer:
        return "usize"
    return slot.enumeration.name.pascal if slot.enumeration \
        else SCALARS[slot.kind]


def raw_type(slot: Slot) -> str:
    """As C has it."""
    if slot.kind is Kind.STRING:
        return "sys::wws_string"
    if slot.kind is Kind.BYTES:
        return "sys::wws_bytes"
    if slot.enumeration:
        return "i32" if slot.enumeration.is_status else "u32"
    if slot.type:
        return f"sys::wws_{slot.type.name.snake}"
    return "*mut c_void" if slot.pointer else scalar(slot)


def is_callback(slot: Slot) -> bool:
    return slot.shape is Shape.CALLBACK


def has_tables(type: Type) -> bool:
    return type.shape is Shape.TABLE or any(
        it.is_struct and has_tables(it.type) for it in type.slots)


def has_parts(type: Type) -> bool:
    """Whether what C sees of a struct has parts that stand elsewhere."""
    return type.shape is Shape.TABLE or any(it.repeated or it.is_struct
                                            for it in type.slots)


def has_required(type: Type) -> bool:
    return type.shape is not Shape.RECORD and any(it.required
                                                  for it in type.slots)


def is_plain_struct(slot: Slot) -> bool:
    """Whether all of it has defaults."""
    return slot.shape is Shape.STRUCT and not has_required(slot.type)


def callback_type(slot: Slot) -> str:
    """What a callback takes."""
    if slot.kind is Kind.STRING:
        return "&str"
    if slot.kind is Kind.BYTES:
        return "&[u8]"
    if slot.is_handed_over:
        return slot.type.name.pascal
    return f"&{slot.type.name.pascal}" if slot.type else scalar(slot)


def closure_type(slot: Slot) -> str:
    """One that is given what it completes itself has no result."""
    arguments = ", ".join(map(callback_type, slot.type.arguments))
    answers = slot.type.result and not slot.type.is_handed
    result = " -> Status" if answers else ""
    return f"Fn({arguments}){result} + Send + Sync"


def initial(slot: Slot) -> str:
    if slot.kind is Kind.STRING and not slot.repeated:
        return "String::new()"
    if slot.kind is Kind.BYTES or slot.repeated:
        return "Vec::new()"
    if slot.kind is Kind.MESSAGE:
        return "None"
    if slot.kind is Kind.ENUM:
        value = slot.enumeration.default(slot.value)
        return f"{slot.enumeration.name.pascal}::{value.scoped_name}"
    if slot.value is None:
        return {Kind.BOOL: "false", Kind.DOUBLE: "0.0"}.get(slot.kind, "0")
    return f"{scalar(slot)}::MAX" if slot.is_greatest else slot.value


# Callbacks, as C calls them


def given(slot: Slot) -> str:
    name = slot.name.snake
    if slot.kind is Kind.STRING:
        return f"&{name}"
    if slot.enumeration:
        return f"{slot.enumeration.name.pascal}({name})"
    if slot.type:
        value = f"{slot.type.name.pascal}::of({name})"
        if slot.is_handed_over:
            return value
        return f"&Lent::new({value})" if slot.type.object.free else f"&{value}"
    return f"{name} as usize" if slot.pointer else name


# Records: their values alone, for what they refer to may be gone.


def lifted(slot: Slot) -> str:
    name = slot.name.snake
    if slot.pointer:
        return f"{name}: raw.{name} as usize"
    if slot.kind is Kind.STRING:
        return f"{name}: unsafe {{ support::text(raw.{name}) }}"
    if slot.is_buffer:
        return f"{name}: Buffer(raw.{name}).to_vec()"
    if slot.kind is Kind.BYTES:
        return f"{name}: unsafe {{ support::octets(raw.{name}) }}.to_vec()"
    if slot.kind is Kind.BOOL:
        return f"{name}: raw.{name} != 0"
    if slot.enumeration:
        return f"{name}: {slot.enumeration.name.pascal}(raw.{name})"
    return f"{name}: raw.{name}"


def lifted_member(slot: Slot) -> str:
    if not slot.repeated:
        return f"            {lifted(slot)},\n"
    name = slot.name.snake
    return enclosed(
        " " * 12, (f"{name}: unsafe {{ ", f"{name}: unsafe {{"),
        "support::texts(", [f"raw.{name}", f"raw.{name}_count"], ")",
        (" },", "},"))


# Outputs


def is_owned(call: Call, parameter: Parameter) -> bool:
    return call.role is Role.CREATE or parameter.slot.moved


def is_alone(object: Object) -> bool:
    """Whether an object gives away what ends when it changes: then only one
    thread may have it."""
    return object.borrowed or any(
        it.output and not it.input
        and (it.slot.is_view or (it.slot.shape is Shape.HANDLE
                                  and not is_owned(call, it)))
        for call in object.calls for it in call.parameters)


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


class Rust:
    """All that depends on the whole schema."""

    def __init__(self, model: Model):
        self.model = model
        self.speech = Speech(self.spoken_call, self.spoken_value,
                             "[`u32::MAX`]")

        # What of the schema is to be seen: all that functions of objects
        # mention, those of the queue left out.
        self.reached: set[Type | Enumeration] = set()
        for object in model.objects:
            if object is not model.queue:
                for call in object.calls:
                    for it in call.parameters:
                        self.reach(it.slot)

    def reach(self, slot: Slot) -> None:
        if slot.enumeration:
            self.reached.add(slot.enumeration)
        if (slot.type and slot.type not in self.reached
                and slot.shape is not Shape.HANDLE):
            self.reached.add(slot.type)
            for inner in slot.type.slots:
                self.reach(inner)

    def seen(self, type: Type) -> list[Slot]:
        return [it for it in type.slots if not self.model.is_hidden_handle(it)]

    # Documentation

    def spoken_call(self, call: Call) -> str:
        if (call not in self.model.spoken_calls(call.object)
                or call.role is Role.FREE):
            return f"`wws_{call.function}`"
        if call.object.free_functions:
            return f"[`{function_name(call)}`]"
        return f"[`{call.object.name.pascal}::{function_name(call)}`]"

    def spoken_value(self, enumeration: Enumeration, value: Value) -> str:
        if enumeration not in self.reached:
            return f"`{value.constant}`"
        return f"[`{enumeration.name.pascal}::{value.scoped_name}`]"

    def doc(self, words: str, indent: str = "") -> str:
        """Addresses are code, not links."""
        words = in_speech(self.model, words, self.speech)
        words = re.sub(r"([^ \n]*://[^ \n]*?)([.,;:]?)(?=[ \n]|$)",
                       r"`\1`\2", words)
        return wrapped(words, f"{indent}/// ", f"{indent}/// ")

    # Enumerations

    def enumeration(self, enumeration: Enumeration) -> str:
        values = [self.doc(it.doc, "        ")
                  + f"        {it.scoped_name} = {it.number},\n"
                  for it in enumeration.values]
        return fill("""
            |
            |values! {
            |$doc$
            |    pub struct $name$($integer$) {
            |$values$
            |    }
            |}
            """, doc=self.doc(enumeration.doc, "    "),
            name=enumeration.name.pascal, values="".join(values),
            integer="i32" if enumeration.is_status else "u32")

    # Structs and tables

    def borrows(self, type: Type) -> bool:
        """Whether a struct mentions objects, which it borrows."""
        return type.shape is Shape.STRUCT and any(
            it.shape is Shape.HANDLE or it.type and self.borrows(it.type)
            for it in self.seen(type))

    def lifetime(self, type: Type, name: str) -> str:
        return f"<{name}>" if self.borrows(type) else ""

    def is_needed(self, type: Type, slot: Slot) -> bool:
        """A callback that may be null because a queue may take its place is not
        null here."""
        return slot.required or (is_callback(slot) and any(
            map(self.model.is_hidden_handle, type.slots)))

    def needs_all(self, type: Type) -> bool:
        return any(self.is_needed(type, it) for it in self.seen(type))

    def member_type(self, type: Type, slot: Slot) -> str:
        if slot.repeated:
            item = "String" if slot.kind is Kind.STRING else scalar(slot)
            return f"Vec<{item}>"
        if slot.kind is Kind.STRING:
            return "String"
        if slot.kind is Kind.BYTES:
            return "Vec<u8>"
        if not slot.type:
            return scalar(slot)
        name = slot.type.name.pascal
        if is_callback(slot):
            name = f"Arc<dyn {closure_type(slot)}>"
        elif slot.shape is Shape.HANDLE:
            name = (f"&'a mut {name}" if is_alone(slot.type.object)
                    else f"&'a {name}")
        elif self.borrows(slot.type):
            name = f"{name}<'a>"
        return name if self.is_needed(type, slot) else f"Option<{name}>"

    def derived(self, type: Type) -> str:
        if self.borrows(type):
            return ""
        if not has_tables(type):
            return "#[derive(Clone, Debug, PartialEq)]\n"
        if type.shape is Shape.TABLE and not self.needs_all(type):
            return "#[derive(Clone, Default)]\n"
        return "#[derive(Clone)]\n"

    def members(self, type: Type) -> str:
        members = [
            self.doc(it.doc, "    ")
            + member(it.name.snake, self.member_type(type, it))
            for it in self.seen(type)
            if not (it.type and type.shape is Shape.RECORD)]
        return fill("""
            |
            |$doc$
            |$derived$
            |pub struct $name$$lifetime$ {
            |$members$
            |}
            """, doc=self.doc(type.doc), derived=self.derived(type),
            name=type.name.pascal, lifetime=self.lifetime(type, "'a"),
            members="".join(members))

    def maker_type(self, type: Type, slot: Slot) -> str:
        if not slot.repeated and slot.kind is Kind.STRING:
            return "impl Into<String>"
        if not slot.repeated and slot.kind is Kind.BYTES:
            return "impl Into<Vec<u8>>"
        if is_callback(slot):
            return f"impl {closure_type(slot)} + 'static"
        return self.member_type(type, slot)

    def made(self, type: Type, slot: Slot) -> str:
        name = slot.name.snake
        if not self.is_needed(type, slot):
            return f"{name}: {initial(slot)}"
        if is_callback(slot):
            return f"{name}: Arc::new({name})"
        if not slot.repeated and slot.kind in (Kind.STRING, Kind.BYTES):
            return f"{name}: {name}.into()"
        return name

    def maker(self, type: Type) -> str:
        """With all that is required, or without anything: the former is only
        the beginning of the type's own functions."""
        needy = self.needs_all(type)
        if not needy and type.shape is Shape.TABLE:
            return ""
        parameters = [f"{it.name.snake}: {self.maker_type(type, it)}"
                      for it in self.seen(type) if self.is_needed(type, it)]
        opening = """
            |
            |impl$lifetime$ $name$$lifetime$ {
            |    /// What is required; all else has its default.
            """ if needy else """
            |
            |impl Default for $name$$elided$ {
            """
        return "".join([
            fill(opening, name=type.name.pascal,
                 lifetime=self.lifetime(type, "'a"),
                 elided=self.lifetime(type, "'_")),
            laid_out("    ", "pub fn new(" if needy else "fn default(",
                     parameters, ") -> Self {"),
            laid_out("        ", "Self { ",
                     [self.made(type, it) for it in self.seen(type)], " }"),
            "    }\n\n" if needy else "    }\n}\n"])

    def lowered(self, type: Type, slot: Slot) -> str:
        """How a member gets its value for C."""
        name = slot.name.snake
        needed = self.is_needed(type, slot)
        if slot.pointer:
            return f"{name}: self.{name} as *mut c_void"
        if slot.kind is Kind.STRING:
            return f"{name}: support::string(&self.{name})"
        if slot.kind is Kind.BYTES:
            return f"{name}: support::bytes(&self.{name})"
        if slot.kind is Kind.BOOL:
            return f"{name}: self.{name}.into()"
        if slot.enumeration:
            return f"{name}: self.{name}.0"
        if not slot.type:
            return f"{name}: self.{name}"
        if is_callback(slot):
            return (f"{name}: Some(Self::{name})" if needed else
                    f"{name}: self.{name}.as_ref().map(|_| Self::{name} as _)")
        if slot.shape is Shape.HANDLE:
            return (f"{name}: self.{name}.handle" if needed
                    else f"{name}: support::handle(&self.{name})")
        return name

    def part(self, type: Type, slot: Slot) -> str:
        """Parts of a struct that stand elsewhere come first."""
        name = slot.name.snake
        if slot.repeated:
            items = (f"support::strings(&self.{name})"
                     if slot.kind is Kind.STRING else f"self.{name}.clone()")
            return statement("        ", f"let {name} = keep.array({items});")
        if not slot.is_struct:
            return ""
        keep = "keep" if has_parts(slot.type) else ""
        if self.is_needed(type, slot):
            return fill("""
                |        let $name$ = self.$name$.lower($keep$);
                |        let $name$ = keep.part($name$);
                """, name=name, keep=keep)
        return statement(
            "        ",
            f"let {name} = self.{name}.as_ref().map(|it| it.lower({keep}));"
        ) + f"        let {name} = keep.optional({name});\n"

    def lower(self, type: Type) -> str:
        parameters = ["&self"]
        if has_parts(type):
            parameters.append("keep: &mut Keep")
        snake = type.name.snake
        members = [f"            {self.lowered(type, it)},\n"
                   if not it.repeated else fill("""
                       |            $name$,
                       |            $name$_count: self.$name$.len(),
                       """, name=it.name.snake) for it in self.seen(type)]
        state = fill("""
            |            state: keep.state(self.clone()),
            |            free_state: Some(support::free_state::<Self>),
            """)
        elided = self.lifetime(type, "'_")
        return "".join([
            "" if self.needs_all(type)
            else f"\nimpl {type.name.pascal}{elided} {{\n",
            laid_out("    ", "pub(crate) fn lower(", parameters,
                     f") -> sys::wws_{snake} {{"),
            *(self.part(type, it) for it in type.slots),
            fill("""
                |        sys::wws_$snake$ {
                |            struct_size: size_of::<sys::wws_$snake$>() as u32,
                |            version: sys::WWS_VERSION,
                |$state$
                |$members$
                |            ..Default::default()
                |        }
                |    }
                """, snake=snake, members="".join(members),
                state=state if type.shape is Shape.TABLE else "")])

    def asked(self, table: Type, slot: Slot) -> str:
        """How a closure that has an answer is called."""
        name = slot.name.snake
        items = [given(it) for it in slot.type.arguments]
        guard = "support::guard(support::PANICKED.0, || "
        if self.is_needed(table, slot):
            return enclosed("        ", (guard, f"{guard}{{"),
                            f"(table.{name})(", items, ").0", (")", "})"))
        return (f"        {guard}match &table.{name} {{\n"
                + laid_out("            ", "Some(it) => it(", items, ").0,")
                + "            None => 0,\n        })\n")

    def told(self, table: Type, slot: Slot, end: str = "") -> str:
        """How one that has none is called."""
        name = slot.name.snake
        items = [given(it) for it in slot.type.arguments]
        guard = "support::guard((), || "
        if self.is_needed(table, slot):
            return enclosed("        ", (guard, f"{guard}{{"),
                            f"(table.{name})(", items, ")",
                            (f"){end}", f"}}){end}"))
        return (f"        {guard}{{\n"
                f"            if let Some(it) = &table.{name} {{\n"
                + laid_out("                ", "it(", items, ")")
                + f"            }}\n        }}){end}\n")

    def trampoline(self, table: Type, slot: Slot) -> str:
        parameters = [f"{it.name.snake}: {raw_type(it)}"
                      for it in slot.type.arguments]
        views = [
            f"        let {it.name.snake} = unsafe {{ support::"
            f"{'text' if it.kind is Kind.STRING else 'octets'}"
            f"({it.name.snake}) }};\n"
            for it in slot.type.slots if it.is_view]
        if not slot.type.result:
            result, body = "", self.told(table, slot)
        elif slot.type.is_handed:
            result = " -> sys::wws_status"
            body = self.told(table, slot, ";") + "        Status::S_ASYNC.0\n"
        else:
            result, body = " -> sys::wws_status", self.asked(table, slot)
        return "".join([
            "\n",
            laid_out("    ", f'unsafe extern "C" fn {slot.name.snake}(',
                     [*parameters, "state: *mut c_void"], f"){result} {{"),
            "        let table = unsafe { support::table::<Self>(state) };\n",
            *views, body, "    }\n"])

    def struct(self, type: Type) -> str:
        return "".join([
            self.members(type), self.maker(type), self.lower(type),
            *(self.trampoline(type, it) for it in type.callbacks),
            "}\n"])

    def record(self, type: Type) -> str:
        members = [lifted_member(it) for it in type.slots if not it.type]
        return self.members(type) + fill("""
            |
            |impl $name$ {
            |    pub(crate) fn slot() -> sys::wws_$snake$ {
            |        sys::wws_$snake$ {
            |            struct_size: size_of::<sys::wws_$snake$>() as u32,
            |            version: sys::WWS_VERSION,
            |            ..Default::default()
            |        }
            |    }
            |
            |    pub(crate) fn lift(raw: &sys::wws_$snake$) -> Self {
            |        Self {
            |$members$
            |        }
            |    }
            |}
            """, name=type.name.pascal, snake=type.name.snake,
            members="".join(members))

    # Functions

    def inputs(self, call: Call) -> list[Parameter]:
        return [it for it in call.parameters if it.input and not it.capacity
                and not self.model.is_hidden_handle(it.slot)]

    def has_brief(self, call: Call) -> bool:
        return any(map(is_default, self.inputs(call)))

    def form_name(self, form: Form) -> str:
        long = not form.brief and self.has_brief(form.call)
        return (f"{function_name(form.call)}{'_with' if long else ''}"
                f"{'_blocking' if form.blocks else ''}")

    def parameter_type(self, call: Call, parameter: Parameter) -> str:
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
        type = slot.type.name.pascal + self.lifetime(slot.type, "'_")
        if slot.shape is Shape.HANDLE:
            alone = call.is_async and is_alone(slot.type.object)
            type = f"&mut {type}" if alone else f"&{type}"
        needed = parameter.required or is_plain_struct(slot)
        return type if needed else f"Option<{type}>"

    def parameters(self, form: Form) -> list[str]:
        own = ["&self"] if form.call.has_self else []
        if form.call.ends_object:
            own = ["mut self"]
        return own + [f"{it.name}: {self.parameter_type(form.call, it)}"
                      for it in self.inputs(form.call)
                      if not (form.brief and is_default(it))]

    def argument(self, parameter: Parameter) -> str:
        """Of the function in C."""
        slot = parameter.slot
        name = parameter.name
        if self.model.is_hidden_handle(slot):
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

    def arguments(self, call: Call) -> list[str]:
        arguments = ["self.handle"] if call.has_self else []
        for it in call.parameters:
            if it.output:
                arguments.append(place(call, it))
            elif it.slot.repeated:
                arguments += [f"{it.name}.as_ptr()", f"{it.name}.len()"]
            else:
                arguments.append(self.argument(it))
        if call.is_async:
            arguments.append("completion")
        if call.has_error:
            arguments.append("error")
        return arguments

    def closure(self, call: Call, indent: str) -> str:
        """The closure that calls the function, from its opening brace on."""
        first = list(preparations(call))
        inner = f"{indent}    "
        head = f"sys::wws_{call.function}("
        arguments = self.arguments(call)
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

    def start(self, form: Form) -> str:
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
                closure=self.closure(call, "            "))
        text += (f"pending::block({out}, |{taken}, completion, error| "
                 if call.is_async
                 else f"support::call({out}, |{taken}, error| ")
        return text + self.closure(call, "        ") + ")?;\n"

    def brief(self, form: Form) -> str:
        """The long form, called with defaults."""
        call = form.call
        arguments = []
        for it in self.inputs(call):
            if not is_default(it):
                arguments.append(it.name)
            elif is_plain_struct(it.slot):
                arguments.append(f"{it.slot.type.name.pascal}::default()")
            else:
                arguments.append("None")
        whole = self.form_name(replace(form, brief=False))
        return laid_out("        ",
                        f"{'self.' if call.has_self else 'Self::'}{whole}(",
                        arguments, ").await" if form.awaits else ")")

    def form_doc(self, form: Form) -> str:
        call = form.call
        object = call.object.name.pascal
        by = call.canceller
        ends = f"[`{by.object.name.pascal}::{function_name(by)}`]" if by else ""
        if form.blocks:
            other = self.form_name(replace(form, blocks=False))
            return (f"[`{object}::{other}`], blocking; {ends} from another "
                    "thread ends it early.")
        if not form.brief and self.has_brief(call):
            other = self.form_name(replace(form, brief=True))
            return f"[`{object}::{other}`], with everything that has a default."
        if call.is_async:
            return (f"{call.doc}\n\nDropping the future ends it early, by "
                    f"{ends}.")
        return call.doc

    def form(self, form: Form) -> str:
        call = form.call
        keywords = "pub async fn" if form.awaits else "pub fn"
        ended = "        self.over = true;\n" if call.ends_object else ""
        return "".join([
            "\n", self.doc(self.form_doc(form), "    "),
            laid_out("    ", f"{keywords} {self.form_name(form)}(",
                     self.parameters(form),
                     f") -> Result<{results(call)}> {{"),
            self.brief(form) if form.brief
            else self.start(form) + ended + end_of(call),
            "    }\n"])

    def cancel(self, call: Call) -> str:
        return "\n" + self.doc(call.doc, "    ") + fill("""
            |    pub fn $name$(&self) -> Status {
            |        Status(unsafe { sys::wws_$function$(self.handle) })
            |    }
            """, name=function_name(call), function=call.function)

    def forms(self, call: Call) -> Iterator[str]:
        if call.role is Role.FREE:
            return
        if call.role is Role.CANCEL and not call.parameters:
            yield self.cancel(call)
            return
        for brief in (True, False) if self.has_brief(call) else (False,):
            yield self.form(Form(call, brief, blocks=False))
            if call.is_async:
                yield self.form(Form(call, brief, blocks=True))

    # Objects

    def object(self, object: Object) -> str:
        doc = object.doc
        field, value = "", ""
        if object.has_default:
            doc += "  The default one is that of `default()`."
        elif object.handed_over:
            doc += ("  Whoever is given one completes it, on any thread; what "
                    "is dropped has failed.")
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
            """, **names, doc=self.doc(doc), field=field, value=value,
            default=", Default" if object.has_default else "",
            forms="".join(it for call in self.model.spoken_calls(object)
                          for it in self.forms(call)))
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

    def free_function(self, call: Call) -> str:
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
            "\n", self.doc(call.doc),
            laid_out("", f"pub fn {function_name(call)}(",
                     self.parameters(Form(call, False, False)), f"){type} {{"),
            laid_out("    ", head, [self.argument(it) for it in call.inputs],
                     tail),
            "}\n"])

    # Files

    def declarations(self, file: str) -> Iterator[str]:
        for enumeration in self.model.enumerations:
            if enumeration.file == file and (enumeration.is_status
                                             or enumeration in self.reached):
                yield self.enumeration(enumeration)
        for type in self.model.structs:
            if type.file == file and type in self.reached:
                yield (self.record(type) if type.shape is Shape.RECORD
                       else self.struct(type))
        for object in self.model.objects:
            if object.file != file:
                continue
            if object.free_functions:
                yield from map(self.free_function,
                               self.model.spoken_calls(object))
            elif self.model.is_spoken(object):
                yield self.object(object)


def root(model: Model, names: list[str]) -> str:
    return fill("""
        |// Generated by schema/plugin from schema/wws; change it there.
        |//! The surface: a module for each file of the schema.
        |#![allow(unused_imports)]
        |#![allow(clippy::derivable_impls, clippy::needless_update)]
        |#![allow(clippy::type_complexity)]
        |
        |use std::ffi::c_void;
        |use std::mem::size_of;
        |use std::ptr;
        |use std::sync::Arc;
        |
        |use wws_sys as sys;
        |
        |use crate::buffer::Buffer;
        |use crate::error::Result;
        |use crate::support::{Alone, Keep, Lent, Notes, Object, Raw};
        |use crate::{pending, support};
        |
        |$modules$
        |
        |$uses$
        |
        |/// The version of the interface that this crate was made for.
        |pub const VERSION: u32 = $version$;
        """, modules="".join(f"mod {name};\n" for name in names),
        uses="".join(f"pub use {name}::*;\n" for name in names),
        version=model.version)


def emit(model: Model) -> Files:
    rust = Rust(model)
    names = []
    for file in sorted({*files_of_types(model), *files_of_calls(model)}):
        body = "".join(rust.declarations(file))
        if body:
            name = PurePath(file).stem
            names.append(name)
            yield f"bindings/rust/wws/src/api/{name}.rs", wrapped(
                f"Generated by schema/plugin from schema/{file}; change it "
                "there.", "// ", "// ") + f"\nuse super::*;\n{body}"
    yield "bindings/rust/wws/src/api/mod.rs", root(model, names)
