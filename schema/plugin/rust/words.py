"""How Rust says what the schema says: names, lines as rustfmt breaks them,
comments, and what is left out."""
from __future__ import annotations

import re

from model import (
    Call, Enumeration, Kind, Model, Object, Parameter, Role, Shape, Slot, Type,
    Value)
from speech import Speech, in_speech
from text import COLUMNS, wrapped

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


# Names and types

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


# Rules


def is_callback(slot: Slot) -> bool:
    return slot.shape is Shape.CALLBACK


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

    # What there is

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
