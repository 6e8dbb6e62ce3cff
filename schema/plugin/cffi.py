"""Emits bindings/python/wws: a module for each object, the types and errors
that they share, type stubs for all of them, and the declarations that cffi
compiles.  A waiting function becomes a method that begins it; what makes the
asynchronous and the blocking twin of that is in the hand-written
wws/_waiting.py.  Two objects have no class: the one whose contents failures
carry, and the queue, which only the support waits on."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cdef import declarations
from header import (
    c_type, callback_parameters, callback_result, files_of_types, origin,
    since_doc)
from model import (
    Call, Enumeration, Kind, Model, Object, Parameter, Role, Shape, Slot, Type,
    Value)
from speech import Speech, in_speech
from text import COLUMNS, Files, fill, flow, spread, wrapped

# Rules


def is_options_type(type: Type) -> bool:
    """Options are arguments with names; other structs are values of a
    class."""
    return (type.shape is Shape.STRUCT
            and type.name.pascal.endswith("Options"))


def is_options(slot: Slot) -> bool:
    return slot.type is not None and is_options_type(slot.type)


def is_raised(model: Model, type: Type) -> bool:
    """What a handler can give to the operation that it was given, it can raise,
    too."""
    return any(it.slot.type is type for call in model.calls
               if call.object.borrowed for it in call.parameters)


def is_queued(model: Model, table: Type) -> bool:
    """Whether a table is served through the queue that it can name."""
    return (table.only_callback is not None
            and model.queue_of(table) is not None)


def externs_of(model: Model) -> list[tuple[Type, Slot]]:
    """The tables that the library calls, and their callbacks."""
    return [(table, slot) for table in model.tables
            if not is_queued(model, table) for slot in table.callbacks]


def results_of(call: Call) -> list[Slot]:
    return [it.slot for it in call.parameters if it.is_result]


def is_attribute(call: Call) -> bool:
    """What is read without an argument is an attribute."""
    return (call.role is Role.READ and not call.is_async and call.has_self
            and call.name.snake.startswith("get_")
            and not any(it.input for it in call.parameters))


def method_name(call: Call) -> str:
    name = call.name.snake
    if is_attribute(call):
        return name.removeprefix("get_")
    if call.role is Role.CREATE:
        bare = name.removeprefix("create_")
        return bare if bare != name else "__init__"
    return name


def error_name(value: Value) -> str:
    """E_OPERATION_ABORTED is Aborted, E_QUOTA_EXCEEDED QuotaExceeded."""
    return value.short_name.pascal[1:].removeprefix("Operation")


def errors_of(model: Model) -> list[Value]:
    return [it for it in model.status.values if it.number < 0]


# Words


def spoken_call(call: Call) -> str:
    owner = call.object.name.pascal
    name = method_name(call)
    if call.object.free_functions:
        return f"{name}()"
    if name == "__init__":
        return f"{owner}()"
    return f"{owner}.{name}" if is_attribute(call) else f"{owner}.{name}()"


def spoken_value(enumeration: Enumeration, value: Value) -> str:
    if enumeration.is_status and value.number < 0:
        return error_name(value)
    return f"{enumeration.name.pascal}.{value.scoped_name}"


SPEECH = Speech(spoken_call, spoken_value, "INFINITE")


def speech_of(call: Call) -> Speech:
    """That there is none is an answer of its own, not a status."""

    def spoken(enumeration: Enumeration, value: Value) -> str:
        if value.is_end:
            return "None" if results_of(call) else "False"
        return spoken_value(enumeration, value)

    return replace(SPEECH, of_value=spoken) if call.may_end else SPEECH


def sentence(doc: str) -> str:
    """The first one of a comment."""
    for end in (".  ", ".\n"):
        if end in doc:
            return doc[:doc.index(end) + 1]
    return doc


def docstring(doc: str, indent: str = "") -> str:
    one_line = f'{indent}"""{doc}"""'
    if len(one_line) <= COLUMNS and "\n" not in doc:
        return f"{one_line}\n"
    return wrapped(f'"""{doc}', indent, indent) + f'{indent}"""\n'


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


def output_type(call: Call) -> str:
    types = [told_type(it) for it in results_of(call)]
    if not types:
        return "bool" if call.may_end or call.role is Role.CANCEL else "None"
    all = f"tuple[{', '.join(types)}]" if len(types) > 1 else types[0]
    return none_or(all, not call.may_end)


@dataclass
class Signature:
    """The arguments of a function: as it is defined, and with types."""
    plain: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def add(self, plain: str, typed: str | None = None) -> None:
        self.plain.append(plain)
        self.typed.append(typed or plain)


class Module:
    """What is printed, and what it has to import."""

    def __init__(self, model: Model):
        self.model = model
        self.body = ""
        self.typed = ""
        self.helpers: set[str] = set()  # of _support
        self.types: set[str] = set()
        self.tables: set[str] = set()
        self.self = "self"  # the object at hand, as Python calls it

    def help(self, name: str) -> str:
        self.helpers.add(name)
        return name

    def type(self, name: str) -> str:
        self.types.add(name)
        return name

    def words(self, doc: str) -> str:
        return in_speech(self.model, doc, SPEECH)

    # Documentation

    def entries(self, doc: str, slots: Iterable[tuple[str, str]]) -> str:
        """A comment with a list behind it."""
        for name, of in slots:
            if of:
                gap = "\n" if "\n- " in doc else "\n\n"
                doc += f"{gap}- {name}: {self.words(of)}"
        return doc

    def members_doc(self, doc: str, type: Type) -> str:
        return self.entries(doc, ((it.name.snake, it.doc) for it in type.slots))

    def call_doc(self, call: Call) -> str:
        doc = call.doc
        if not call.object.free_functions:
            doc = in_speech(self.model, doc, speech_of(call))
        if call.canceller:
            doc += ("  When its task is cancelled, or its deadline passes, "
                    f"{spoken_call(call.canceller)} ends it.")
        doc = since_doc(doc, call.since)
        for it in call.parameters:
            doc = self.entries(doc, [(it.name, it.slot.doc)])
            if is_options(it.slot):
                doc = self.members_doc(doc, it.slot.type)
        return doc

    # Arguments

    def input_type(self, slot: Slot) -> str:
        type = value_type(slot)
        if slot.shape is Shape.TABLE and slot.type.only_callback:
            type = self.callable_type(slot.type)
        elif slot.kind is Kind.BYTES:
            type = "Octets"
        return f"Sequence[{type}]" if slot.repeated else type

    def callable_type(self, table: Type) -> str:
        callback = table.only_callback.type
        arguments = ", ".join(map(value_type, callback.arguments))
        result = ("object" if not callback.result
                  else "Handled" if is_queued(self.model, table)
                  else "wws.Status | None")
        return f"Callable[[{arguments}], {result}]"

    def member_type(self, slot: Slot) -> str:
        return none_or(self.input_type(slot),
                       slot.repeated or slot.kind is not Kind.MESSAGE)

    def initial(self, slot: Slot) -> str:
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
            return (f"{self.type(slot.enumeration.name.pascal)}"
                    f".{value.scoped_name}")
        if slot.kind is Kind.UINT32 and slot.is_greatest:
            return self.help("INFINITE")
        return slot.value or "0"

    def add_argument(
        self, signature: Signature, slot: Slot, required: bool
    ) -> None:
        name = slot.name.snake
        if required:
            signature.add(name, f"{name}: {self.input_type(slot)}")
        else:
            signature.add(f"{name}={self.initial(slot)}",
                          f"{name}: {self.member_type(slot)} = ...")

    def signature(self, call: Call, self_name: str | None) -> Signature:
        """First comes what must be given, then what is often given, and behind
        a star what has to be named."""
        given: list[Slot] = []
        often: list[Slot] = []
        named: list[Slot] = []
        for it in call.parameters:
            if not it.input or self.model.is_hidden_handle(it.slot):
                continue
            if is_options(it.slot):
                for member in it.slot.type.slots:
                    if not self.model.is_hidden_handle(member):
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
            self.add_argument(signature, slot, True)
        for slot in often:
            self.add_argument(signature, slot, False)
        if named:
            signature.add("*")
        elif call.is_async:
            signature.typed.append("*")
        for slot in named:
            self.add_argument(signature, slot, False)
        return signature

    # Values on their way in

    def item_in(self, slot: Slot, name: str, required: bool) -> str:
        if slot.pointer:
            return f"{self.help('pointer_in')}({name})"
        if slot.kind is Kind.STRING:
            return f"{self.help('text_in')}({name})"
        if slot.kind is Kind.BYTES:
            help = self.help("buffer_in" if slot.moved else "octets_in")
            return f"{help}({name})"
        if slot.shape is Shape.HANDLE:
            help = self.help("handle_in" if required else "handle_or_none")
            return f'{help}({name}, "{slot.type.name.pascal}")'
        if slot.shape is Shape.STRUCT:
            help = self.help("struct_in")
            return f'{help}({name}, "{slot.type.name.pascal}")'
        if slot.shape is Shape.TABLE:
            table = f"{slot.type.name.snake}_table"
            self.tables.add(table)
            owner = f", {self.self}" if is_queued(self.model, slot.type) else ""
            return f"{table}({name}{owner})"
        return name

    def value_in(self, slot: Slot, required: bool, prefix: str = "") -> str:
        name = f"{prefix}{slot.name.snake}"
        if not slot.repeated:
            return self.item_in(slot, name, required)
        if slot.kind is Kind.STRING:
            return f"{self.help('texts_in')}({name})"
        item = self.item_in(slot, "item", True)
        items = name if item == "item" else f"[{item} for item in {name}]"
        return f'{self.help("array_in")}("{c_type(slot)}", {items})'

    def put_members(self, type: Type, prefix: str = "") -> None:
        for slot in type.slots:
            if self.model.is_hidden_handle(slot):
                continue
            value = self.value_in(slot, slot.required, prefix)
            if slot.repeated:
                self.body += fill("""
                    |            **$help$("$name$",
                    |                            $value$),
                    """, help=self.help("array_members"), value=value,
                    name=slot.name.snake)
            else:
                self.body += f'            "{slot.name.snake}": {value},\n'

    # Values on their way out

    def value_out(self, call: Call, slot: Slot) -> str:
        name = slot.name.snake
        if slot.pointer:
            return f"{self.help('pointer_out')}({name}[0])"
        if slot.kind is Kind.STRING:
            return f"{self.help('text_out')}({name})"
        if slot.kind is Kind.BYTES:
            help = (("take_" if slot.moved else "")
                    + ("text" if slot.text else "octets")
                    + ("" if slot.moved else "_out"))
            return f"{self.help(help)}({name})"
        if slot.kind is Kind.ENUM:
            return f"{self.type(slot.enumeration.name.pascal)}({name}[0])"
        if slot.shape is Shape.RECORD:
            type = self.type(slot.type.name.pascal)
            return (f"[{type}._of({name}[i]) for i in range(count[0])]"
                    if slot.repeated else f"{type}._of({name})")
        if slot.shape is Shape.HANDLE:
            type = f'"{slot.type.name.pascal}"'
            owner = "self" if call.has_self else "None"
            return (f"{self.help('owned')}({name}[0], {type})" if slot.moved
                    else f"{self.help('lent')}({name}[0], {type}, {owner})")
        return f"{name}[0]"

    def values_out(self, call: Call) -> str:
        return ", ".join(self.value_out(call, it) for it in results_of(call))

    def put_output(self, parameter: Parameter) -> None:
        slot = parameter.slot
        name = slot.name.snake
        type = c_type(slot)
        if slot.shape is Shape.RECORD:
            new = self.help("new_records" if slot.repeated else "new_record")
            capacity = ", capacity" if slot.repeated else ""
            self.body += f'        {name} = {new}("{type}"{capacity})\n'
            return

        # It begins as it was given, or as nothing.
        items = [f'"{type} *"']
        if parameter.input:
            items.append(self.value_in(slot, slot.shape is not Shape.HANDLE))
        self.body += flow(f"        {name} = {self.help('ffi')}.new(", items,
                          ")\n")

    # Functions

    def passed(self, call: Call) -> list[str]:
        passed = []
        for it in call.parameters:
            if it.output or is_options(it.slot):
                passed.append(it.name)
            elif self.model.is_hidden_handle(it.slot):
                passed.append(self.help("NONE"))
            else:
                star = "*" if it.slot.repeated else ""
                required = it.required and not it.has_default
                passed.append(star + self.value_in(it.slot, required))
        return passed

    def function_and_passed(self, call: Call) -> list[str]:
        return [f"{self.help('lib')}.wws_{call.function}",
                *(["self._handle"] if call.has_self else []),
                *self.passed(call)]

    def put_locals(self, call: Call) -> None:
        for it in call.parameters:
            if it.output:
                self.put_output(it)
            elif is_options(it.slot):
                new = self.help("new_struct")
                type = c_type(it.slot)
                self.body += f'        {it.name} = {new}("{type}", {{\n'
                self.put_members(it.slot.type)
                self.body += "        })\n"

    def put_pending(self, call: Call) -> None:
        passed = [*self.function_and_passed(call), canceller_of(call)]
        results = results_of(call)
        if results:
            values = self.values_out(call)
            values = f"({values})" if len(results) > 1 else values
            passed.append(f"result=lambda: {values}")
        elif call.may_end:
            passed += ["result=lambda: True", "end=False"]
        self.body += flow(f"        return {self.help('Pending')}(", passed,
                          ")\n")

    def put_invocation(self, call: Call, indent: str) -> None:
        """Calls, and gives back what came of it."""
        passed = self.function_and_passed(call)
        head = f"{indent}{self.help('invoke')}("
        tail = ")\n"
        if call.may_end and results_of(call):
            head = f"{indent}if invoke("
            tail = f") == {self.help('END')}:\n{indent}    return None\n"
        elif call.may_end:
            head = f"{indent}return invoke("
            tail = f") != {self.help('END')}\n"
        self.body += flow(head, passed, tail)
        if results_of(call) and call.role is not Role.CREATE:
            self.body += f"{indent}return {self.values_out(call)}\n"

    def put_definition(
        self, name: str, signature: Signature, doc: str
    ) -> None:
        self.body += flow(f"    def {name}(", signature.plain, "):\n")
        self.body += docstring(doc, "        ")

    def put_stub(
        self, head: str, signature: Signature, type: str
    ) -> None:
        self.typed += spread(head, signature.typed, f") -> {type}: ...\n",
                            "    ")

    def put_waiting(self, call: Call) -> None:
        """Once as it is awaited, once as it blocks."""
        signature = self.signature(call, "self")
        name = method_name(call)
        self.body += "\n"
        self.put_definition(f"_{name}", signature, self.call_doc(call))
        self.put_locals(call)
        self.put_pending(call)
        twins = self.help("twins")
        self.body += f"\n    {name}, {name}_sync = {twins}(_{name})\n"

        signature.typed.append("deadline: float | None = ...")
        type = output_type(call)
        self.put_stub(f"async def {name}(", signature, type)
        self.put_stub(f"def {name}_sync(", signature, type)

    def put_create(self, call: Call) -> None:
        name = method_name(call)
        is_init = name == "__init__"
        signature = self.signature(call, "self" if is_init else "cls")
        handle = call.parameters[-1].name
        decorator = "" if is_init else "    @classmethod\n"
        self.body += f"\n{decorator}"
        self.put_definition(name, signature, self.call_doc(call))
        self.self = "self" if is_init else "None"
        self.put_locals(call)
        self.put_invocation(call, "        ")
        self.self = "self"
        self.body += (f"        self._handle = {handle}[0]\n" if is_init
                      else f"        return cls._own({handle}[0])\n")

        self.typed += decorator
        self.put_stub(
            f"def {name}(", signature,
            "None" if is_init else f"wws.{call.object.name.pascal}")

    def put_short(self, call: Call) -> None:
        """What frees and what cancels never waits and takes nothing."""
        signature = self.signature(call, "self")
        name = method_name(call)
        function = f"{self.help('lib')}.wws_{call.function}"
        self.body += "\n"
        self.put_definition(name, signature, self.call_doc(call))
        if call.role is Role.FREE:
            self.body += f"        self._give_back({function})\n"
        else:
            reach = self.help("reach")
            self.body += f"        return {reach}({function}, self._handle)\n"
        self.put_stub(f"def {name}(", signature, output_type(call))

    def put_method(self, call: Call) -> None:
        signature = self.signature(call, "self")
        name = method_name(call)
        decorator = "    @property\n" if is_attribute(call) else ""
        guarded = call.object.is_looked_into
        self.body += f"\n{decorator}"
        self.put_definition(name, signature, self.call_doc(call))
        self.put_locals(call)
        if guarded:
            self.body += "        with self._guard:\n"
        self.put_invocation(call, "            " if guarded else "        ")

        self.typed += decorator
        self.put_stub(f"def {name}(", signature, output_type(call))

    def put_default(self, object: Object) -> None:
        self.body += fill('''
            |
            |    @classmethod
            |    def default(cls):
            |        """The one that is used where none is named."""
            |        return $default$(cls)
            ''', default=self.help("default"))
        self.typed += fill("""
            |    @classmethod
            |    def default(cls) -> wws.$object$: ...
            """, object=object.name.pascal)

    def put_class(self, object: Object) -> None:
        base = self.help("Handed" if object.handed_over
                         else "Served" if object.borrowed
                         else "Owned" if object.free else "Object")
        name = object.name.pascal
        self.body += f'\n\nclass {name}({base}, kind="{name}"):\n'
        self.body += docstring(self.words(object.doc), "    ")
        self.typed += f"\nclass {name}({base}):\n"
        for call in self.model.spoken_calls(object):
            if call.role is Role.CREATE:
                self.put_create(call)
            elif call.role in (Role.FREE, Role.CANCEL):
                self.put_short(call)
            elif call.is_async:
                self.put_waiting(call)
            else:
                self.put_method(call)
        if object.has_default:
            self.put_default(object)

    def put_function(self, call: Call) -> None:
        """A function that stands alone gives its result back by value."""
        signature = self.signature(call, None)
        given = [passed for it, passed in zip(call.parameters,
                                              self.passed(call))
                 if not it.output]
        head = f"{self.help('lib')}.wws_{call.function}("
        tail = ")\n"
        for slot in results_of(call):
            if slot.kind is Kind.STRING:
                head, tail = f"{self.help('c_text')}({head}", "))\n"
            elif slot.kind is Kind.ENUM:
                type = self.type(slot.enumeration.name.pascal)
                head, tail = f"{type}({head}", "))\n"
            head = f"return {head}"
        self.body += "\n\n"
        self.body += flow(f"def {call.name.snake}(", signature.plain, "):\n")
        self.body += docstring(self.call_doc(call), "    ")
        self.body += flow(f"    {head}", given, tail)
        self.typed += "\n" + spread(f"def {call.name.snake}(", signature.typed,
                                   f") -> {output_type(call)}: ...\n")

    # Types

    def seen(self, slot: Slot, place: str) -> str:
        """A member of a record, or the argument of a callback."""
        if slot.pointer:
            return f"{self.help('pointer_out')}({place})"
        if slot.kind is Kind.STRING or slot.text:
            return f"{self.help('text_out')}({place})"
        if slot.kind is Kind.BYTES:
            return f"{self.help('octets_out')}({place})"
        if slot.kind is Kind.BOOL:
            return f"bool({place})"
        if slot.kind is Kind.ENUM:
            return f"{self.type(slot.enumeration.name.pascal)}({place})"
        if slot.shape is Shape.HANDLE:
            help = self.help("lent")
            return f'{help}({place}, "{slot.type.name.pascal}", None)'
        if slot.shape is Shape.RECORD:
            return f"{slot.type.name.pascal}._of({place})"
        return place

    def put_record(self, type: Type) -> None:
        name = type.name.pascal
        doc = self.members_doc(self.words(type.doc), type)
        self.body += f"\n\nclass {name}({self.help('Record')}):\n"
        self.body += docstring(doc, "    ")
        self.body += "\n    @classmethod\n    def _of(cls, record):\n"
        self.typed += f"\nclass {name}(Record):\n"
        members = []
        for slot in type.slots:
            place = slot.name.snake
            if slot.repeated:
                members.append(spread(
                    f"{place}={self.help('texts_out')}(",
                    [f"record.{place}", f"record.{place}_count"], ")",
                    " " * 12).lstrip())
            else:
                members.append(f"{place}={self.seen(slot, f'record.{place}')}")
            self.typed += f"    {place}: {told_type(slot)}\n"
        self.body += spread("return cls(", members, ")\n", "        ")

    def put_value(self, type: Type) -> None:
        name = type.name.pascal
        signature = Signature()
        signature.add("self")
        for slot in type.slots:
            if slot.required:
                self.add_argument(signature, slot, True)
        signature.add("*")
        for slot in type.slots:
            if not slot.required:
                self.add_argument(signature, slot, False)

        base = self.help("Raised" if is_raised(self.model, type) else "Struct")
        self.body += f'\n\nclass {name}({base}, kind="{name}"):\n'
        doc = self.members_doc(self.words(type.doc), type)
        self.body += docstring(doc, "    ") + "\n"
        self.body += flow("    def __init__(", signature.plain, "):\n")
        self.typed += f"\nclass {name}({base}):\n"
        for slot in type.slots:
            name = slot.name.snake
            stubbed = (self.input_type(slot) if slot.required
                       else self.member_type(slot))
            self.body += f"        self.{name} = {name}\n"
            self.typed += f"    {name}: {stubbed}\n"
        self.body += fill("""
            |
            |    def _lower(self):
            |        return $new$("wws_$type$", {
            """, new=self.help("new_struct"), type=type.name.snake)
        self.put_members(type, "self.")
        self.body += "        })\n"
        self.put_stub("def __init__(", signature, "None")

    def put_callbacks(self, table: Type) -> None:
        """A table with several callbacks is a class to be derived from."""
        name = table.name.pascal
        self.body += f"\n\nclass {name}:\n"
        self.body += docstring(self.words(table.doc), "    ")
        self.typed += f"\nclass {name}:\n"
        for slot in table.callbacks:
            signature = Signature()
            signature.add("self")
            for it in slot.type.arguments:
                signature.add(it.name.snake,
                              f"{it.name.snake}: {value_type(it)}")
            self.body += "\n"
            self.put_definition(slot.name.snake, signature,
                                self.words(slot.doc))
            self.put_stub(
                f"def {slot.name.snake}(", signature,
                "wws.Status | None" if slot.type.result else "object")

    def put_enumeration(self, enumeration: Enumeration) -> None:
        name = enumeration.name.pascal
        self.body += f"\n\nclass {name}({self.help('Enumeration')}):\n"
        self.body += docstring(self.words(enumeration.doc), "    ") + "\n"
        self.typed += f"\nclass {name}(IntEnum):\n"
        for value in enumeration.values:
            line = f"    {value.scoped_name} = {value.number}\n"
            self.body += wrapped(self.words(value.doc), "    #: ", "    #: ")
            self.body += line
            self.typed += line

    # Tables

    def arguments(self, callback: Type, before: str = "") -> str:
        return ", ".join(self.seen(it, f"{before}{it.name.snake}")
                         for it in callback.arguments)

    def put_queued(self, table: Type) -> None:
        slot = table.only_callback
        self.body += fill("""
            |
            |
            |def $table$_table($slot$, owner):
            |$doc$
            |    return $queued$("wws_$table$", $slot$, owner,
            |        lambda event: ($all$$comma$), answers=$answers$)
            """, queued=self.help("queued"), table=table.name.snake,
            slot=slot.name.snake, doc=docstring(self.words(table.doc), "    "),
            all=self.arguments(slot.type, "event."),
            comma="," if slot.type.slots else "",
            answers=slot.type.result is not None)

    def put_extern(self, table: Type, slot: Slot) -> None:
        names = []
        for it in slot.type.arguments:
            names.append(it.name.snake)
            if it.repeated:
                names.append(f"{it.name.snake}_count")
        failing = f"error={self.help('OTHER')}" if slot.type.result else ""
        self.body += f"\n\n@{self.help('ffi')}.def_extern({failing})\n"
        self.body += flow(f"def wws_python_{callback_name(table, slot)}(",
                          [*names, "state"], "):\n")
        self.body += docstring(self.words(slot.doc), "    ")
        method = "" if table.only_callback else f".{slot.name.snake}"
        passed = [f"ffi.from_handle(state){method}"]
        passed += [self.seen(it, it.name.snake) for it in slot.type.arguments]
        asks = "hand" if slot.type.is_handed else "ask"
        head = (f"return {self.help(asks)}(" if slot.type.result
                else f"{self.help('tell')}(")
        self.body += flow(f"    {head}", passed, ")\n")

    def put_table(self, table: Type) -> None:
        for slot in table.callbacks:
            self.put_extern(table, slot)
        slots = [f'{it.name.snake}="wws_call_{callback_name(table, it)}"'
                 for it in table.callbacks]
        self.body += fill("""
            |
            |
            |def $table$_table(callbacks):
            |$doc$
            |    return $foreign$("wws_$table$", callbacks,
            |        $slots$)
            """, table=table.name.snake, slots=",\n        ".join(slots),
            doc=docstring(self.words(table.doc), "    "),
            foreign=self.help("foreign"))

    # Files

    def finish(self, name: str, file: str, what: str) -> Files:
        yield f"bindings/python/wws/{name}.py", "".join([
            opening(file, what),
            import_of("._support", self.helpers),
            import_of("._tables", self.tables),
            import_of(".types", self.types),
            self.body])
        if self.typed:
            yield f"bindings/python/wws/{name}.pyi", "".join([
                "# Generated by schema/plugin; change the schema.\n",
                import_of("enum", self.used_in_stub("IntEnum")),
                import_of("typing", self.used_in_stub("Callable", "Sequence")),
                "\nimport wws\n",
                import_of("._support", self.used_in_stub(
                    "Handed", "Handled", "Object", "Octets", "Owned", "Raised",
                    "Record", "Served", "Struct")),
                self.typed])

    def used_in_stub(self, *names: str) -> set[str]:
        return {name for name in names if name in self.typed}


def canceller_of(call: Call) -> str:
    by = call.canceller
    through = call.cancelled_through
    if not through:
        return f"cancel=self.{by.name.snake}"
    if not through.output:
        return f"cancel={through.name}.{by.name.snake}"
    return f"cancel=lambda: lib.wws_{by.function}({through.name}[0])"


def callback_name(table: Type, slot: Slot) -> str:
    return f"{table.name.snake}_{slot.name.snake}"


def import_of(module: str, names: set[str]) -> str:
    if not names:
        return ""
    head = f"from {module} import "
    line = head + ", ".join(sorted(names))
    if len(line) < COLUMNS:
        return f"{line}\n"
    return flow(f"{head}(", sorted(names), ")\n")


def opening(file: str, what: str) -> str:
    return docstring(f"{what}\n\nGenerated by schema/plugin from "
                     f"schema/{file}; change it there.")


def has_record(model: Model, type: Type) -> bool:
    """What an event tells is for the support alone."""
    return type.shape is Shape.RECORD and type is not model.event


def is_value(type: Type) -> bool:
    return type.shape is Shape.STRUCT and not is_options_type(type)


def is_class(model: Model, type: Type) -> bool:
    return type in model.tables and not type.only_callback


def object_module(model: Model, object: Object) -> Files:
    module = Module(model)
    if object.free_functions:
        for call in model.spoken_calls(object):
            module.put_function(call)
    else:
        module.put_class(object)
    yield from module.finish(object.name.snake, object.file,
                             sentence(module.words(object.doc)))


def types_module(model: Model) -> Files:
    module = Module(model)
    for enumeration in model.enumerations:
        module.put_enumeration(enumeration)
    for type in model.structs:
        if has_record(model, type):
            module.put_record(type)
        elif is_value(type):
            module.put_value(type)
        elif is_class(model, type):
            module.put_callbacks(type)
    module.types.clear()
    yield from module.finish("types", "wws",
                             "Values that go in and out of the objects.")


def tables_module(model: Model) -> Files:
    module = Module(model)
    for table in model.tables:
        if is_queued(model, table):
            module.put_queued(table)
        else:
            module.put_table(table)
    yield from module.finish("_tables", "wws", "What is called by the library, "
                             "and what an event calls.")


def failure_of(model: Model) -> Type | None:
    """The record that an error object knows of itself."""
    return next((it.slot.type for call in model.error.calls
                 for it in call.parameters
                 if it.is_record_output and not call.may_end), None)


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


def package(model: Model) -> str:
    """What comes last is by hand, and takes the place of what is printed."""

    def exports(module: str, names: Iterable[str]) -> str:
        return "".join(f"from .{module} import {it} as {it}\n" for it in names)

    types = [it.name.pascal for it in model.enumerations]
    types += [it.name.pascal for it in model.structs
              if has_record(model, it) and it is not failure_of(model)
              or is_value(it) or is_class(model, it)]
    text = opening("wws", "Web services whose every pending operation can be "
                   "stopped.")
    text += f"from . import _support\n\n_support.require({model.version})\n\n"
    text += exports("types", sorted(types))
    text += exports("errors", ["Error", *map(error_name, errors_of(model))])
    for object in model.objects:
        name = object.name
        if model.is_spoken(object):
            text += exports(name.snake, [name.pascal])
        elif object.free_functions:
            text += exports(name.snake, [it.name.snake for it
                                         in model.spoken_calls(object)])
    return text + fill("""
        |from ._extras import *  # noqa: F401,F403
        |from ._support import INFINITE as INFINITE
        """)


# Declarations for cffi


def callback_head(before: str, who: str, table: Type, slot: Slot) -> str:
    return (f"{before}{callback_result(slot.type)} "
            f"wws_{who}_{callback_name(table, slot)}(")


def cdef(model: Model) -> str:
    text = origin(files_of_types(model), "All declarations of the interface, "
                  "as cffi takes them, and what calls Python.")
    text += f"\n{declarations(model)}\n"
    for before, who in ('extern "Python" ', "python"), ("", "call"):
        for table, slot in externs_of(model):
            text += spread(callback_head(before, who, table, slot),
                           callback_parameters(slot.type), ");\n")
    return text


def gate(model: Model, table: Type, slot: Slot) -> str:
    """A thread of the library may come when Python is gone already."""
    parameters = callback_parameters(slot.type)
    names = [it.rpartition(" ")[2].lstrip("*") for it in parameters]
    failure = f" {errors_of(model)[0].constant}" if slot.type.result else ""
    into = "return " if slot.type.result else ""
    return "".join([
        "\n",
        spread(callback_head("static ", "python", table, slot), parameters,
               ");\n"),
        "\n",
        spread(callback_head("static ", "call", table, slot), parameters,
               ")\n{\n"),
        "    if (wws_python_is_gone())\n",
        f"        return{failure};\n",
        flow(f"    {into}wws_python_{callback_name(table, slot)}(", names,
             ");\n}\n")])


def gates(model: Model) -> str:
    return origin(files_of_types(model), "What the library calls: Python, as "
                  "long as it is there.") + "".join(
        gate(model, table, slot) for table, slot in externs_of(model))


def emit(model: Model) -> Files:
    yield "bindings/python/wws/__init__.py", package(model)
    yield from types_module(model)
    yield from tables_module(model)
    yield from errors_module(model)
    for object in model.objects:
        if not model.is_hidden(object):
            yield from object_module(model, object)
    yield "bindings/python/wws/_cdef.h", cdef(model)
    yield "bindings/python/wws/_callbacks.h", gates(model)
