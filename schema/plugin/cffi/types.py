"""Values: what they are in Python, how they go in and come out, and the types
of those that the schema declares, errors among them."""
from __future__ import annotations

from header import c_type
from model import Enumeration, Kind, Model, Shape, Slot, Type
from text import Files, fill, flow, spread, wrapped

from .module import Module, Signature
from .words import (
    docstring, error_name, errors_of, failure_of, is_queued, is_raised)

# Types of arguments

TYPES = {
    Kind.BOOL: "bool",
    Kind.INT32: "int",
    Kind.UINT32: "int",
    Kind.INT64: "int",
    Kind.UINT64: "int",
    Kind.DOUBLE: "float",
    Kind.STRING: "str",
    Kind.BYTES: "bytes",
}


def value_type(slot: Slot) -> str:
    if slot.enumeration:
        return f"wws.{slot.enumeration.name.pascal}"
    if slot.type:
        return f"wws.{slot.type.name.pascal}"
    return "str" if slot.text else TYPES[slot.kind]


def told_type(slot: Slot) -> str:
    """What the library tells is a list if there are several of it."""
    type = value_type(slot)
    return f"list[{type}]" if slot.repeated else type


def none_or(type: str, required: bool) -> str:
    return type if required else f"{type} | None"


def input_type(module: Module, slot: Slot) -> str:
    type = value_type(slot)
    if slot.shape is Shape.TABLE and slot.type.only_callback:
        type = callable_type(module, slot.type)
    elif slot.kind is Kind.BYTES:
        type = "Octets"
    return f"Sequence[{type}]" if slot.repeated else type


def callable_type(module: Module, table: Type) -> str:
    callback = table.only_callback.type
    arguments = ", ".join(map(value_type, callback.arguments))
    result = ("object" if not callback.result
              else "Handled" if is_queued(module.model, table)
              else "wws.Status | None")
    return f"Callable[[{arguments}], {result}]"


def member_type(module: Module, slot: Slot) -> str:
    return none_or(input_type(module, slot),
                   slot.repeated or slot.kind is not Kind.MESSAGE)


def initial(module: Module, slot: Slot) -> str:
    if slot.repeated:
        return "()"
    if slot.kind is Kind.MESSAGE:
        return "None"
    if slot.kind is Kind.STRING:
        return '""'
    if slot.kind is Kind.BYTES:
        return 'b""'
    if slot.kind is Kind.BOOL:
        return "True" if slot.value == "true" else "False"
    if slot.kind is Kind.ENUM:
        value = slot.enumeration.default(slot.value)
        return (f"{module.type(slot.enumeration.name.pascal)}"
                f".{value.scoped_name}")
    if slot.kind is Kind.UINT32 and slot.is_greatest:
        return module.help("INFINITE")
    return slot.value or "0"


def add_argument(
    module: Module, signature: Signature, slot: Slot, required: bool
) -> None:
    name = slot.name.snake
    if required:
        signature.add(name, f"{name}: {input_type(module, slot)}")
    else:
        signature.add(f"{name}={initial(module, slot)}",
                      f"{name}: {member_type(module, slot)} = ...")


# Values on their way in


def item_in(module: Module, slot: Slot, name: str, required: bool) -> str:
    if slot.pointer:
        return f"{module.help('pointer_in')}({name})"
    if slot.kind is Kind.STRING:
        return f"{module.help('text_in')}({name})"
    if slot.kind is Kind.BYTES:
        help = module.help("buffer_in" if slot.moved else "octets_in")
        return f"{help}({name})"
    if slot.shape is Shape.HANDLE:
        help = module.help("handle_in" if required else "handle_or_none")
        return f'{help}({name}, "{slot.type.name.pascal}")'
    if slot.shape is Shape.STRUCT:
        help = module.help("struct_in")
        return f'{help}({name}, "{slot.type.name.pascal}")'
    if slot.shape is Shape.TABLE:
        table = f"{slot.type.name.snake}_table"
        module.tables.add(table)
        owner = f", {module.self}" if is_queued(module.model, slot.type) else ""
        return f"{table}({name}{owner})"
    return name


def value_in(
    module: Module, slot: Slot, required: bool, prefix: str = ""
) -> str:
    name = f"{prefix}{slot.name.snake}"
    if not slot.repeated:
        return item_in(module, slot, name, required)
    if slot.kind is Kind.STRING:
        return f"{module.help('texts_in')}({name})"
    item = item_in(module, slot, "item", True)
    items = name if item == "item" else f"[{item} for item in {name}]"
    return f'{module.help("array_in")}("{c_type(slot)}", {items})'


def put_members(module: Module, type: Type, prefix: str = "") -> None:
    for slot in type.slots:
        if module.model.is_hidden_handle(slot):
            continue
        value = value_in(module, slot, slot.required, prefix)
        if slot.repeated:
            module.body += fill("""
                |            **$help$("$name$",
                |                            $value$),
                """, help=module.help("array_members"), value=value,
                name=slot.name.snake)
        else:
            module.body += f'            "{slot.name.snake}": {value},\n'


# Values on their way out


def seen(module: Module, slot: Slot, place: str) -> str:
    """A member of a record, or the argument of a callback."""
    if slot.pointer:
        return f"{module.help('pointer_out')}({place})"
    if slot.kind is Kind.STRING or slot.text:
        return f"{module.help('text_out')}({place})"
    if slot.kind is Kind.BYTES:
        return f"{module.help('octets_out')}({place})"
    if slot.kind is Kind.BOOL:
        return f"bool({place})"
    if slot.kind is Kind.ENUM:
        return f"{module.type(slot.enumeration.name.pascal)}({place})"
    if slot.shape is Shape.HANDLE:
        help = module.help("lent")
        return f'{help}({place}, "{slot.type.name.pascal}", None)'
    if slot.shape is Shape.RECORD:
        return f"{slot.type.name.pascal}._of({place})"
    return place


# Types


def put_enumeration(module: Module, enumeration: Enumeration) -> None:
    name = enumeration.name.pascal
    module.body += f"\n\nclass {name}({module.help('Enumeration')}):\n"
    module.body += docstring(module.words(enumeration.doc), "    ") + "\n"
    module.typed += f"\nclass {name}(IntEnum):\n"
    for value in enumeration.values:
        line = f"    {value.scoped_name} = {value.number}\n"
        module.body += wrapped(module.words(value.doc), "    #: ", "    #: ")
        module.body += line
        module.typed += line


def put_record(module: Module, type: Type) -> None:
    name = type.name.pascal
    doc = module.members_doc(module.words(type.doc), type)
    module.body += f"\n\nclass {name}({module.help('Record')}):\n"
    module.body += docstring(doc, "    ")
    module.body += "\n    @classmethod\n    def _of(cls, record):\n"
    module.typed += f"\nclass {name}(Record):\n"
    members = []
    for slot in type.slots:
        place = slot.name.snake
        if slot.repeated:
            members.append(spread(
                f"{place}={module.help('texts_out')}(",
                [f"record.{place}", f"record.{place}_count"], ")",
                " " * 12).lstrip())
        else:
            members.append(f"{place}={seen(module, slot, f'record.{place}')}")
        module.typed += f"    {place}: {told_type(slot)}\n"
    module.body += spread("return cls(", members, ")\n", "        ")


def put_value(module: Module, type: Type) -> None:
    name = type.name.pascal
    signature = Signature()
    signature.add("self")
    for slot in type.slots:
        if slot.required:
            add_argument(module, signature, slot, True)
    signature.add("*")
    for slot in type.slots:
        if not slot.required:
            add_argument(module, signature, slot, False)

    base = module.help("Raised" if is_raised(module.model, type) else "Struct")
    module.body += f'\n\nclass {name}({base}, kind="{name}"):\n'
    doc = module.members_doc(module.words(type.doc), type)
    module.body += docstring(doc, "    ") + "\n"
    module.body += flow("    def __init__(", signature.plain, "):\n")
    module.typed += f"\nclass {name}({base}):\n"
    for slot in type.slots:
        name = slot.name.snake
        hint = (input_type(module, slot) if slot.required
                else member_type(module, slot))
        module.body += f"        self.{name} = {name}\n"
        module.typed += f"    {name}: {hint}\n"
    module.body += fill("""
        |
        |    def _lower(self):
        |        return $new$("wws_$type$", {
        """, new=module.help("new_struct"), type=type.name.snake)
    put_members(module, type, "self.")
    module.body += "        })\n"
    module.put_stub("def __init__(", signature, "None")


# Errors


def put_error(module: Module) -> None:
    model = module.model
    record = failure_of(model)
    extras = [it.slot for call in model.error.calls if call.may_end
              for it in call.parameters if it.slot.type]
    module.typed += fill("""
        |
        |class Error(Exception):
        |    strings: tuple[str, ...]
        """)
    for slot in extras:
        module.typed += f"    {slot.name.snake}: {value_type(slot)} | None\n"
    for slot in record.slots if record else []:
        module.typed += f"    {slot.name.snake}: {told_type(slot)}\n"

    doc = module.entries(
        "What went wrong: a function failed.\n\n"
        "- strings: What each layer says, the outermost first.",
        ((it.name.snake, it.type.doc) for it in extras))
    doc = module.members_doc(doc, record) if record else doc
    module.body += f"\n\nclass Error({module.help('Failure')}):\n"
    module.body += docstring(doc, "    ")


def errors_module(model: Model) -> Files:
    module = Module(model)
    put_error(module)
    for value in errors_of(model):
        name = error_name(value)
        bases = ["Error", f"status=Status.{value.scoped_name}"]
        module.body += "\n\n" + spread(f"class {name}(", bases, "):\n")
        module.body += docstring(module.words(value.doc), "    ")
        module.typed += f"\nclass {name}(Error): ...\n"
    module.type(model.status.name.pascal)
    yield from module.finish("errors", model.status.file,
                             "An exception for each status that is a failure.")
