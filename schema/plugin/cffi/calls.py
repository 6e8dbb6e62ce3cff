"""Objects and their functions, and functions without an object."""
from __future__ import annotations

from header import c_type, since_doc
from model import Call, Kind, Model, Object, Parameter, Role, Shape, Slot
from speech import in_speech
from text import Files, fill, flow, spread

from .module import Module, Signature
from .types import add_argument, none_or, put_members, told_type, value_in
from .words import (
    docstring, is_attribute, is_options, method_name, results_of, sentence,
    speech_of, spoken_call)

# Signatures


def call_doc(module: Module, call: Call) -> str:
    doc = call.doc
    if not call.object.free_functions:
        doc = in_speech(module.model, doc, speech_of(call))
    if call.canceller:
        doc += ("  When its task is cancelled, or its deadline passes, "
                f"{spoken_call(call.canceller)} ends it.")
    doc = since_doc(doc, call.since)
    for it in call.parameters:
        doc = module.entries(doc, [(it.name, it.slot.doc)])
        if is_options(it.slot):
            doc = module.members_doc(doc, it.slot.type)
    return doc


def output_type(call: Call) -> str:
    types = [told_type(it) for it in results_of(call)]
    if not types:
        return "bool" if call.may_end or call.role is Role.CANCEL else "None"
    all = f"tuple[{', '.join(types)}]" if len(types) > 1 else types[0]
    return none_or(all, not call.may_end)


def signature_of(
    module: Module, call: Call, self_name: str | None
) -> Signature:
    """First comes what must be given, then what is often given, and behind a
    star what has to be named."""
    given: list[Slot] = []
    often: list[Slot] = []
    named: list[Slot] = []
    for it in call.parameters:
        if not it.input or module.model.is_hidden_handle(it.slot):
            continue
        if is_options(it.slot):
            for member in it.slot.type.slots:
                if not module.model.is_hidden_handle(member):
                    (given if member.required else named).append(member)
        elif it.required and not it.has_default:
            given.append(it.slot)
        elif it.slot.shape in (Shape.HANDLE, Shape.STRUCT):
            named.append(it.slot)
        else:
            often.append(it.slot)

    signature = Signature()
    if self_name:
        signature.add(self_name)
    for slot in given:
        add_argument(module, signature, slot, True)
    for slot in often:
        add_argument(module, signature, slot, False)
    if named:
        signature.add("*")
    elif call.is_async:
        signature.typed.append("*")
    for slot in named:
        add_argument(module, signature, slot, False)
    return signature


# Outputs


def value_out(module: Module, call: Call, slot: Slot) -> str:
    name = slot.name.snake
    if slot.pointer:
        return f"{module.help('pointer_out')}({name}[0])"
    if slot.kind is Kind.STRING:
        return f"{module.help('text_out')}({name})"
    if slot.kind is Kind.BYTES:
        help = (("take_" if slot.moved else "")
                + ("text" if slot.text else "octets")
                + ("" if slot.moved else "_out"))
        return f"{module.help(help)}({name})"
    if slot.kind is Kind.ENUM:
        return f"{module.type(slot.enumeration.name.pascal)}({name}[0])"
    if slot.shape is Shape.RECORD:
        type = module.type(slot.type.name.pascal)
        return (f"[{type}._of({name}[i]) for i in range(count[0])]"
                if slot.repeated else f"{type}._of({name})")
    if slot.shape is Shape.HANDLE:
        type = f'"{slot.type.name.pascal}"'
        owner = "self" if call.has_self else "None"
        return (f"{module.help('owned')}({name}[0], {type})" if slot.moved
                else f"{module.help('lent')}({name}[0], {type}, {owner})")
    return f"{name}[0]"


def values_out(module: Module, call: Call) -> str:
    return ", ".join(value_out(module, call, it) for it in results_of(call))


def put_output(module: Module, parameter: Parameter) -> None:
    slot = parameter.slot
    name = slot.name.snake
    type = c_type(slot)
    if slot.shape is Shape.RECORD:
        new = module.help("new_records" if slot.repeated else "new_record")
        capacity = ", capacity" if slot.repeated else ""
        module.body += f'        {name} = {new}("{type}"{capacity})\n'
        return

    # It begins as it was given, or as nothing.
    items = [f'"{type} *"']
    if parameter.input:
        items.append(value_in(module, slot, slot.shape is not Shape.HANDLE))
    module.body += flow(f"        {name} = {module.help('ffi')}.new(", items,
                        ")\n")


# Bodies


def c_arguments(module: Module, call: Call) -> list[str]:
    passed = []
    for it in call.parameters:
        if it.output or is_options(it.slot):
            passed.append(it.name)
        elif module.model.is_hidden_handle(it.slot):
            passed.append(module.help("NONE"))
        else:
            star = "*" if it.slot.repeated else ""
            required = it.required and not it.has_default
            passed.append(star + value_in(module, it.slot, required))
    return passed


def function_and_arguments(module: Module, call: Call) -> list[str]:
    return [f"{module.help('lib')}.wws_{call.function}",
            *(["self._handle"] if call.has_self else []),
            *c_arguments(module, call)]


def put_locals(module: Module, call: Call) -> None:
    for it in call.parameters:
        if it.output:
            put_output(module, it)
        elif is_options(it.slot):
            new = module.help("new_struct")
            type = c_type(it.slot)
            module.body += f'        {it.name} = {new}("{type}", {{\n'
            put_members(module, it.slot.type)
            module.body += "        })\n"


def canceller_of(call: Call) -> str:
    by = call.canceller
    through = call.cancelled_through
    if not through:
        return f"cancel=self.{by.name.snake}"
    if not through.output:
        return f"cancel={through.name}.{by.name.snake}"
    return f"cancel=lambda: lib.wws_{by.function}({through.name}[0])"


def put_pending(module: Module, call: Call) -> None:
    passed = [*function_and_arguments(module, call), canceller_of(call)]
    results = results_of(call)
    if results:
        values = values_out(module, call)
        values = f"({values})" if len(results) > 1 else values
        passed.append(f"result=lambda: {values}")
    elif call.may_end:
        passed += ["result=lambda: True", "end=False"]
    module.body += flow(f"        return {module.help('Pending')}(", passed,
                        ")\n")


def put_invocation(module: Module, call: Call, indent: str) -> None:
    """Calls, and gives back what came of it."""
    passed = function_and_arguments(module, call)
    head = f"{indent}{module.help('invoke')}("
    tail = ")\n"
    if call.may_end and results_of(call):
        head = f"{indent}if invoke("
        tail = f") == {module.help('END')}:\n{indent}    return None\n"
    elif call.may_end:
        head = f"{indent}return invoke("
        tail = f") != {module.help('END')}\n"
    module.body += flow(head, passed, tail)
    if results_of(call) and call.role is not Role.CREATE:
        module.body += f"{indent}return {values_out(module, call)}\n"


# Functions


def put_waiting(module: Module, call: Call) -> None:
    """Once as it is awaited, once as it blocks."""
    signature = signature_of(module, call, "self")
    name = method_name(call)
    module.body += "\n"
    module.put_definition(f"_{name}", signature, call_doc(module, call))
    put_locals(module, call)
    put_pending(module, call)
    twins = module.help("twins")
    module.body += f"\n    {name}, {name}_sync = {twins}(_{name})\n"

    signature.typed.append("deadline: float | None = ...")
    type = output_type(call)
    module.put_stub(f"async def {name}(", signature, type)
    module.put_stub(f"def {name}_sync(", signature, type)


def put_create(module: Module, call: Call) -> None:
    name = method_name(call)
    is_init = name == "__init__"
    signature = signature_of(module, call, "self" if is_init else "cls")
    handle = call.parameters[-1].name
    decorator = "" if is_init else "    @classmethod\n"
    module.body += f"\n{decorator}"
    module.put_definition(name, signature, call_doc(module, call))
    module.self = "self" if is_init else "None"
    put_locals(module, call)
    put_invocation(module, call, "        ")
    module.self = "self"
    module.body += (f"        self._handle = {handle}[0]\n" if is_init
                    else f"        return cls._own({handle}[0])\n")

    module.typed += decorator
    module.put_stub(
        f"def {name}(", signature,
        "None" if is_init else f"wws.{call.object.name.pascal}")


def put_short(module: Module, call: Call) -> None:
    """What frees and what cancels never waits and takes nothing."""
    signature = signature_of(module, call, "self")
    name = method_name(call)
    function = f"{module.help('lib')}.wws_{call.function}"
    module.body += "\n"
    module.put_definition(name, signature, call_doc(module, call))
    if call.role is Role.FREE:
        module.body += f"        self._give_back({function})\n"
    else:
        reach = module.help("reach")
        module.body += f"        return {reach}({function}, self._handle)\n"
    module.put_stub(f"def {name}(", signature, output_type(call))


def put_method(module: Module, call: Call) -> None:
    signature = signature_of(module, call, "self")
    name = method_name(call)
    decorator = "    @property\n" if is_attribute(call) else ""
    guarded = call.object.is_looked_into
    module.body += f"\n{decorator}"
    module.put_definition(name, signature, call_doc(module, call))
    put_locals(module, call)
    if guarded:
        module.body += "        with self._guard:\n"
    put_invocation(module, call, "            " if guarded else "        ")

    module.typed += decorator
    module.put_stub(f"def {name}(", signature, output_type(call))


def put_function(module: Module, call: Call) -> None:
    """A function that stands alone gives its result back by value."""
    signature = signature_of(module, call, None)
    given = [passed for it, passed in zip(call.parameters,
                                          c_arguments(module, call))
             if not it.output]
    head = f"{module.help('lib')}.wws_{call.function}("
    tail = ")\n"
    for slot in results_of(call):
        if slot.kind is Kind.STRING:
            head, tail = f"{module.help('c_text')}({head}", "))\n"
        elif slot.kind is Kind.ENUM:
            type = module.type(slot.enumeration.name.pascal)
            head, tail = f"{type}({head}", "))\n"
        head = f"return {head}"
    module.body += "\n\n"
    module.body += flow(f"def {call.name.snake}(", signature.plain, "):\n")
    module.body += docstring(call_doc(module, call), "    ")
    module.body += flow(f"    {head}", given, tail)
    module.typed += "\n" + spread(f"def {call.name.snake}(", signature.typed,
                                  f") -> {output_type(call)}: ...\n")


# Objects


def put_default(module: Module, object: Object) -> None:
    module.body += fill('''
        |
        |    @classmethod
        |    def default(cls):
        |        """The one that is used where none is named."""
        |        return $default$(cls)
        ''', default=module.help("default"))
    module.typed += fill("""
        |    @classmethod
        |    def default(cls) -> wws.$object$: ...
        """, object=object.name.pascal)


def put_class(module: Module, object: Object) -> None:
    base = module.help("Handed" if object.handed_over
                       else "Served" if object.borrowed
                       else "Owned" if object.free else "Object")
    name = object.name.pascal
    module.body += f'\n\nclass {name}({base}, kind="{name}"):\n'
    module.body += docstring(module.words(object.doc), "    ")
    module.typed += f"\nclass {name}({base}):\n"
    for call in module.model.spoken_calls(object):
        if call.role is Role.CREATE:
            put_create(module, call)
        elif call.role in (Role.FREE, Role.CANCEL):
            put_short(module, call)
        elif call.is_async:
            put_waiting(module, call)
        else:
            put_method(module, call)
    if object.has_default:
        put_default(module, object)


def object_module(model: Model, object: Object) -> Files:
    module = Module(model)
    if object.free_functions:
        for call in model.spoken_calls(object):
            put_function(module, call)
    else:
        put_class(module, object)
    yield from module.finish(object.name.snake, object.file,
                             sentence(module.words(object.doc)))
