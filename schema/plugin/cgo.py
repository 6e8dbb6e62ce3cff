"""Emits bindings/go: a file for each of the schema, with a type for each
object, enumeration, struct, record and table, and what C calls of Go.

Words.  To *lower* is to make C's value of Go's, in memory of C that a frame
holds; to *lift* is the way back.  A table is *queued* if what it tells comes as
an event of a queue, and *called* if C calls Go on a thread of its own.
bindings/go/support.go has what generated code stands on."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from header import c_type, callback_parameters, callback_result
from model import (
    Call, Enumeration, Kind, Model, Object, Parameter, Role, Shape, Slot, Type,
    Value)
from speech import Speech, in_speech
from text import Files, fill, flow, spread, wrapped

# Text


def code(template: str, **values: object) -> str:
    """A template with tabs where it begins with four spaces."""
    return re.sub("^(    )+", lambda it: "\t" * (len(it[0]) // 4),
                  fill(template, **values), flags=re.M)


def filled(head: str, items: list[str], tail: str) -> str:
    """A call whose arguments fill lines.  Comments are as wide as C's, code may
    be wider."""
    head, tail = code(head), code(tail)
    tabs = head.count("\t") + 1
    return flow(head, items, tail, columns=100, margin="\t" * tabs)


def comment(words: str, indent: str = "") -> str:
    """Single newlines are spaces, so that none behind a full stop becomes
    two."""
    words = re.sub("(?<!\n)\n(?!\n)", " ", words)
    return wrapped(words, f"{indent}// ", f"{indent}// ")


# Names

# Words that Go writes in a way of their own.
WORDS = {
    "http": "HTTP",
    "id": "ID",
    "invalidarg": "InvalidArg",
    "io": "IO",
    "ok": "OK",
    "outofmemory": "OutOfMemory",
    "soap": "SOAP",
    "tcp": "TCP",
    "uri": "URI",
    "url": "URL",
    "utf8": "UTF8",
    "xml": "XML",
}

# What generated code names itself.
TAKEN = {"c", "context", "ctx", "err", "error", "f", "first", "found", "head",
         "nil", "o", "outcome", "pending", "string", "t", "time"}


def exported(snake: str) -> str:
    return "".join(WORDS.get(word, word.capitalize())
                   for word in snake.split("_"))


def unexported(snake: str) -> str:
    first, _, others = snake.partition("_")
    return first + exported(others)


def is_duration(slot: Slot) -> bool:
    """A time, which Go has a type for."""
    return (slot.kind is Kind.UINT32 and not slot.repeated
            and slot.name.snake.endswith("_ms"))


def plain_name(slot: Slot) -> str:
    name = slot.name.snake
    return name.removesuffix("_ms") if is_duration(slot) else name


def member_name(slot: Slot) -> str:
    return exported(plain_name(slot))


def argument_name(slot: Slot) -> str:
    name = unexported(plain_name(slot))
    return f"{name}Value" if name in TAKEN else name


def place_name(slot: Slot) -> str:
    return f"{unexported(slot.name.snake)}Out"


def short_name(enumeration: Enumeration, value: Value) -> str:
    name = value.short_name.snake
    if enumeration.is_status:
        name = re.sub("^(._)?(operation_)?", "", name)
    return exported(name)


def value_name(enumeration: Enumeration, value: Value) -> str:
    return exported(enumeration.name.snake) + short_name(enumeration, value)


def sentinel_name(enumeration: Enumeration, value: Value) -> str:
    """The error that a failing status is known by."""
    return f"Err{short_name(enumeration, value)}"


def call_name(call: Call) -> str:
    """Go asks for a state by State, and makes a channel by NewChannel."""
    if call.role is Role.CREATE:
        return (f"New{exported(call.object.name.snake)}"
                f"{exported(call.name.snake.removeprefix('create'))}")
    return exported(call.bare_name)


def receiver_name(object: Object) -> str:
    return object.name.snake[0]


def named_type(slot: Slot) -> str:
    return exported((slot.enumeration or slot.type).name.snake)


def export_name(table: Type, slot: Slot) -> str:
    return f"wwsGo{table.name.pascal}{slot.name.pascal}"


def shim_name(table: Type, slot: Slot) -> str:
    return f"wws_go_{table.name.snake}_{slot.name.snake}"


# What there is in Go


def arguments_of(callback: Type) -> list[Slot]:
    """Those that Go sees."""
    return [it for it in callback.arguments if not it.pointer]


def is_served(callback: Type) -> bool:
    """A callback that answers serves the object that it was given, if that can
    be told that nobody waits any more."""
    slots = arguments_of(callback)
    return (callback.result is not None and len(slots) == 1
            and slots[0].shape is Shape.HANDLE
            and slots[0].type.object.borrowed
            and slots[0].type.object.can_be_told)


def default_of(call: Call) -> Parameter | None:
    """The parameter that is the object itself where there is a default
    one."""
    return next((it for it in call.parameters
                 if call.role is Role.CREATE and it.has_default and it.input
                 and not it.required), None)


def count_of(call: Call, records: Slot) -> Parameter | None:
    """The output that says how many records there are."""
    names = ("count", f"{records.name.snake}_count")
    return next((it for it in call.outputs if it.name in names), None)


def is_count(call: Call, parameter: Parameter) -> bool:
    """A slice knows it by itself."""
    return any(it.slot.repeated and count_of(call, it.slot) is parameter
               for it in call.outputs)


# Types of values

TYPES = {
    Kind.BOOL: "bool",
    Kind.INT32: "int32",
    Kind.UINT32: "uint32",
    Kind.INT64: "int64",
    Kind.UINT64: "uint64",
    Kind.DOUBLE: "float64",
    Kind.STRING: "string",
    Kind.BYTES: "[]byte",
}
NUMBERS = (Kind.INT32, Kind.UINT32, Kind.INT64, Kind.UINT64, Kind.DOUBLE)


def go_type(slot: Slot) -> str:
    if is_duration(slot):
        type = "time.Duration"
    elif slot.text:
        type = "string"
    else:
        type = TYPES.get(slot.kind) or named_type(slot)
    if slot.shape in (Shape.HANDLE, Shape.STRUCT) or (
            slot.shape is Shape.TABLE and not slot.required):
        type = f"*{type}"
    return f"[]{type}" if slot.repeated else type


def cgo_type(slot: Slot) -> str:
    return f"C.{c_type(slot)}"


def lowered(slot: Slot, value: str) -> str:
    """Go's value as an argument of C."""
    if slot.repeated and slot.kind is Kind.STRING:
        return f"f.texts({value})"
    if slot.repeated:
        return f"array[{cgo_type(slot)}](f, {value})"
    if is_duration(slot):
        return f"milliseconds({value})"
    if slot.kind is Kind.STRING:
        return f"f.text({value})"
    if slot.text:
        value = f"[]byte({value})"
    if slot.kind is Kind.BYTES:
        return f"f.moved({value})" if slot.moved else f"f.octets({value})"
    if slot.shape is Shape.HANDLE:
        return f"{value}.in(f)"
    if slot.kind is Kind.MESSAGE:
        return f"{value}.lower(f)"
    return f"{cgo_type(slot)}({value})"


def lifted(slot: Slot, value: str, lender: str) -> str:
    """C's value in Go, where it is more than a conversion: views are copied,
    handles borrowed of what lends them."""
    if slot.kind is Kind.STRING:
        return f"goText({value})"
    if slot.kind is Kind.BYTES:
        octets = f"goOctets({value})"
        return f"string({octets})" if slot.text else octets
    if slot.is_handed_over:
        return f"hand{named_type(slot)}({value})"
    if is_duration(slot):
        return f"duration({value})"
    if slot.kind is Kind.BOOL or slot.kind in NUMBERS:
        return f"{go_type(slot)}({value})"
    if slot.kind is Kind.ENUM:
        return f"{named_type(slot)}({value})"
    return f"lift{named_type(slot)}({value}, {lender})"


# Members of structs


def initial(slot: Slot) -> str | None:
    """What a member is that is left out, in Go; None if that is its zero
    value."""
    if slot.required or slot.repeated:
        return None
    if slot.kind is Kind.ENUM:
        value = slot.enumeration.default(slot.value)
        return value_name(slot.enumeration, value) if value.number else None
    if slot.kind is Kind.BOOL:
        return "true" if slot.value == "true" else None
    if slot.kind in NUMBERS and slot.value != "0":
        return slot.value
    return None


def by_pointer(slot: Slot) -> bool:
    """A member whose zero value is a choice of its own can be left out only by
    being a pointer."""
    return initial(slot) is not None and (
        slot.kind is Kind.BOOL
        or slot.kind is Kind.ENUM
        and any(it.number == 0 for it in slot.enumeration.values))


def said_duration(slot: Slot) -> str:
    if slot.is_greatest:
        return "Infinite"
    ms = int(slot.value)
    return f"{ms} ms" if ms % 1000 else f"{ms // 1000} s"


def member_type(slot: Slot) -> str:
    return f"*{go_type(slot)}" if by_pointer(slot) else go_type(slot)


def lowered_member(slot: Slot) -> str:
    value = f"o.{member_name(slot)}"
    zero = initial(slot)
    if zero and by_pointer(slot):
        value = f"given({value}, {zero})"
    elif zero and is_duration(slot):
        return f"or({lowered(slot, value)}, {zero})"
    elif zero:
        value = f"or({value}, {zero})"
    return f"truth({value})" if slot.kind is Kind.BOOL else lowered(slot, value)


def lower_member(slot: Slot) -> str:
    place = f"c.{slot.name.snake}"
    places = f"{place}, {place}_count" if slot.repeated else place
    return f"\t{places} = {lowered_member(slot)}\n"


def lifted_member(slot: Slot) -> str:
    value = f"c.{slot.name.snake}"
    if slot.kind is Kind.BOOL:
        return f"{value} != 0"
    if slot.repeated:
        return f"goTexts({value}, {value}_count)"
    if slot.is_buffer:
        return f"string(take(&{value}))" if slot.text else f"take(&{value})"
    return lifted(slot, value, "o")


def lower_head(receiver: str, type: Type) -> str:
    """The head of a method that lays a struct out for C."""
    return code("""
        |
        |func ($receiver$ *$name$) lower(f *frame) *C.wws_$snake$ {
        |    if $receiver$ == nil {
        |        return nil
        |    }
        |    c := place[C.wws_$snake$](f)
        |    c.struct_size = C.sizeof_wws_$snake$
        |    c.version = C.WWS_VERSION
        """, receiver=receiver, name=exported(type.name.snake),
        snake=type.name.snake)


# Documentation


def spoken_call(call: Call) -> str:
    if call.role is Role.CREATE or call.object.free_functions:
        return call_name(call)
    return f"{exported(call.object.name.snake)}.{call_name(call)}"


def spoken_value(enumeration: Enumeration, value: Value) -> str:
    if enumeration.is_status and value.number < 0:
        return sentinel_name(enumeration, value)
    if value.is_end:
        return "End"
    return value_name(enumeration, value)


SPEECH = Speech(spoken_call, spoken_value, "Infinite")

NOUNS = ("The", "A", "An", "One")
CLAUSES = ("How", "What", "Which", "Whether", "Why", "Where", "On")


def uncapitalised(doc: str) -> str:
    if re.match("[A-Z0-9/]", doc[1:]):
        return doc
    return doc[0].lower() + doc[1:]


def joined(items: list[str]) -> str:
    return ", ".join(items)


def joined_parameters(items: list[str]) -> str:
    """Neighbours of one type name it once."""
    said = []
    for item, after in zip(items, [*items[1:], ""]):
        name, _, type = item.partition(" ")
        said.append(name if type == after.partition(" ")[2] else item)
    return ", ".join(said)


class Go:
    """All that depends on the whole schema."""

    def __init__(self, model: Model):
        self.model = model
        self.members: dict[str, str] = {}
        for type in model.structs:
            for slot in type.slots:
                self.members.setdefault(slot.name.snake, member_name(slot))

    # What there is

    def is_spoken_table(self, table: Type) -> bool:
        """What callbacks are given by C has to be lifted."""
        return table in self.model.tables and not any(
            it.repeated or it.moved or it.shape in (Shape.STRUCT, Shape.TABLE)
            for slot in table.callbacks for it in slot.type.slots)

    def is_spoken(self, slot: Slot) -> bool:
        if slot.shape is Shape.TABLE:
            return self.is_spoken_table(slot.type)
        return not slot.pointer and not self.model.is_hidden_handle(slot)

    def is_spoken_enumeration(self, enumeration: Enumeration) -> bool:
        """The kinds of events are no concern of those who see none."""
        users = [type for type in self.model.types
                 if any(it.enumeration is enumeration for it in type.slots)]
        return enumeration.is_status or users != [self.model.event]

    def queued(self, table: Type) -> Slot | None:
        """The callback of a table that a queue can stand for."""
        slot = table.only_callback
        if not slot or not self.model.queue_of(table):
            return None
        return slot if not slot.type.result or is_served(slot.type) else None

    def called(self) -> list[tuple[Type, Slot]]:
        return [(table, slot) for table in self.model.tables
                if self.is_spoken_table(table) and not self.queued(table)
                for slot in table.callbacks]

    # Documentation

    def go_name_of(self, word: str) -> str:
        """How Go says a word of a comment that is a name in C."""
        if word in ("null", "Null"):
            return {"null": "nil", "Null": "Nil"}[word]
        return self.members.get(word, word) if "_" in word else word

    def unquoted(self, doc: str) -> str:
        """Words between quotation marks, with single spaces."""
        said = in_speech(self.model, doc, SPEECH).replace(".  ", ". ")
        return re.sub(r"[^ .,;:()\n]+", lambda it: self.go_name_of(it[0]), said)

    def words(self, doc: str) -> str:
        """A comment of the schema in Go's words.  What is quoted stays as it
        is."""
        parts = doc.split('"')
        parts[::2] = map(self.unquoted, parts[::2])
        return '"'.join(parts)

    def doc_of(self, name: str, doc: str, noun: str, other: str) -> str:
        """A comment that begins with the name of what it is about, as Go's
        do."""
        first = re.split("[ ,.]", doc)[0]
        verb = (noun if first in NOUNS
                else "says " if first in CLAUSES else other)
        return f"{name} {verb}{uncapitalised(self.words(doc))}"

    def type_doc(self, name: str, doc: str, other: str) -> str:
        return comment(self.doc_of(name, doc, "is ", other))

    def marked(self, name: str, value: Value) -> str:
        words = f"{name}: {uncapitalised(self.words(value.doc))}"
        if value.since > 1:
            words += f" Since version {value.since}."
        return comment(words, "\t")

    # Enumerations

    def enumeration(self, enumeration: Enumeration) -> str:
        name = exported(enumeration.name.snake)
        return "".join([
            "\n", self.type_doc(name, enumeration.doc, "stands for "),
            f"type {name} {'int32' if enumeration.is_status else 'uint32'}\n",
            self.values(enumeration, name),
            self.sentinels(enumeration) if enumeration.is_status
            else self.string_method(enumeration, name)])

    def values(self, enumeration: Enumeration, name: str) -> str:
        values = []
        for value in enumeration.values:
            own = value_name(enumeration, value)
            values.append(self.marked(own, value)
                          + f"\t{own} {name} = {value.number}\n")
        return "\nconst (\n" + "\n".join(values) + ")\n"

    def sentinels(self, enumeration: Enumeration) -> str:
        sentinels = []
        for value in enumeration.values:
            if value.number < 0:
                name = sentinel_name(enumeration, value)
                of = value_name(enumeration, value)
                sentinels.append(self.marked(name, value)
                                 + f"\t{name} error = {of}\n")
        doc = comment("What failures are known by: errors.Is(err, ErrX) says "
                      "whether the status of err is StatusX.")
        return f"\n{doc}var (\n" + "\n".join(sentinels) + ")\n"

    def string_method(self, enumeration: Enumeration, name: str) -> str:
        cases = [code("""
            |    case $value$:
            |        return "$word$"
            """, value=value_name(enumeration, it), word=it.short_name.snake)
            for it in enumeration.values]
        return code("""
            |
            |// String names the value as the schema does, in lower case.
            |func (v $name$) String() string {
            |    switch v {
            |$cases$
            |    }
            |    return unknown("$name$", uint32(v))
            |}
            """, name=name, cases="".join(cases))

    # Structs and records

    def member_doc(self, type: Type, slot: Slot) -> str:
        doc = self.words(slot.doc)
        value = initial(slot)
        if slot.required and type.shape is Shape.STRUCT:
            doc += " Required."
        if value:
            said = said_duration(slot) if is_duration(slot) else value
            doc += f" Default: {said}."
        if slot.since > type.since:
            doc += f" Since version {slot.since}."
        return comment(doc, "\t")

    def struct_type(self, type: Type) -> str:
        name = exported(type.name.snake)
        members = [self.member_doc(type, it)
                   + f"\t{member_name(it)} {member_type(it)}\n"
                   for it in type.slots if self.is_spoken(it)]
        return "\n" + self.type_doc(name, type.doc, "holds ") + fill("""
            |type $name$ struct {
            |$members$
            |}
            """, name=name, members="\n".join(members))

    def struct(self, type: Type) -> str:
        return "".join([self.struct_type(type), lower_head("o", type),
                        *(lower_member(it) for it in type.slots
                          if self.is_spoken(it)),
                        "\treturn c\n}\n"])

    def record(self, type: Type) -> str:
        members = [f"\tr.{member_name(it)} = {lifted_member(it)}\n"
                   for it in type.slots if self.is_spoken(it)]
        return self.struct_type(type) + code("""
            |
            |func lift$name$(c *C.wws_$snake$, o object) (r $name$) {
            |$members$
            |    return
            |}
            |
            |func place$name$(f *frame, count int) []C.wws_$snake$ {
            |    c := places[C.wws_$snake$](f, count)
            |    for i := range c {
            |        c[i].struct_size = C.sizeof_wws_$snake$
            |        c[i].version = C.WWS_VERSION
            |    }
            |    return c
            |}
            """, name=exported(type.name.snake), snake=type.name.snake,
            members="".join(members))

    # Tables

    def slot_type(self, table: Type, slot: Slot) -> str:
        callback = slot.type
        arguments = [f"{argument_name(it)} {go_type(it)}"
                     for it in arguments_of(callback)]
        if is_served(callback):
            arguments.insert(0, "ctx context.Context")
        result = " error" if callback.result else ""
        if slot is self.queued(table) and is_served(callback):
            result = " ([]byte, error)"
        return f"func({joined(arguments)}){result}"

    def slot_doc(self, table: Type, slot: Slot) -> str:
        doc = self.words(slot.doc)
        if slot is self.queued(table) and is_served(slot.type):
            doc += (" It runs on a goroutine of its own, with a context that "
                    "ends when nobody wants the answer any more; what it "
                    "returns is the body of the reply, and an error becomes a "
                    "fault.")
        elif slot is self.queued(table):
            doc += " It runs on a goroutine of its own."
        return comment(doc, "\t")

    def table(self, table: Type) -> str:
        name = exported(table.name.snake)
        slots = [self.slot_doc(table, it)
                 + f"\t{member_name(it)} {self.slot_type(table, it)}\n"
                 for it in table.callbacks]
        return "".join([
            "\n", self.type_doc(name, table.doc, ""),
            f"type {name} struct {{\n", "\n".join(slots), "}\n",
            self.table_lower(table),
            self.event_handler(table) if self.queued(table) else ""])

    def table_lower(self, table: Type) -> str:
        text = lower_head("t", table) + code("""
            |    c.free_state = (*[0]byte)(C.wws_go_freed)
            |    copied := *t
            |    f.register(&c.state, &copied)
            """)
        for slot in table.callbacks:
            how = (f"c.{self.model.queue_of(table).name.snake} = events.handle"
                   if slot is self.queued(table) else
                   f"c.{slot.name.snake} = "
                   f"(*[0]byte)(C.{shim_name(table, slot)})")
            text += code("""
                |    if t.$name$ != nil {
                |        $how$
                |    }
                """, name=member_name(slot), how=how)
        return text + "\treturn c\n}\n"

    def event_handler(self, table: Type) -> str:
        slot = self.queued(table)
        name = member_name(slot)
        slots = arguments_of(slot.type)
        arguments = [lifted(it, f"event.{it.name.snake}", "object{}")
                     for it in slots]
        head = code("""
            |
            |func (t *$table$) happened(event *C.wws_$event$) {
            """, table=exported(table.name.snake),
            event=self.model.event.name.snake)
        if is_served(slot.type):
            return head + f"\tgo serve(t.{name}, {arguments[0]})\n}}\n"
        names = [argument_name(it) for it in slots]
        return "".join([
            head,
            *(f"\t{it} := {value}\n" for it, value in zip(names, arguments)),
            "\tgo func() {\n\t\tdefer caught()\n",
            filled(f"        t.{name}(", names, ")\n"),
            "\t}()\n}\n"])

    # What C calls of Go, and what it calls it through: a callback has a pointer
    # where Go must not see one.

    def export(self, table: Type, slot: Slot) -> str:
        callback = slot.type
        name = export_name(table, slot)
        parameters = [
            f"{argument_name(it)} {'*' * (it.shape is Shape.RECORD)}"
            f"{cgo_type(it)}"
            for it in callback.arguments]
        arguments = [lifted(it, argument_name(it), "object{}")
                     for it in arguments_of(callback)]
        answers = callback.result is not None
        call = f"t.{member_name(slot)}("
        answer, given = "answer(", ""
        for i, it in enumerate(arguments_of(callback)):
            if it.is_handed_over:
                given = f"\t\tgiven := {arguments[i]}\n"
                answer, arguments[i] = "settle(given, ", "given"
        return "".join([
            f"\n//export {name}\n",
            filled(f"func {name}(", [*parameters, "state C.uintptr_t"],
                   ") (outcome C.wws_status) {\n" if answers else ") {\n"),
            ("\toutcome = C.wws_status(StatusOther)\n" if answers else ""),
            code("""
                |    defer $catch$
                |    if t, found := registered[$table$](uintptr(state)); found {
                """, catch="refused(&outcome)" if answers else "caught()",
                table=exported(table.name.snake)),
            given,
            filled(f"        return {answer}{call}" if answers
                   else f"        {call}",
                   arguments, "))\n" if answers else ")\n"),
            "\t}\n",
            "\treturn C.wws_status(StatusHandle)\n" if answers else "",
            "}\n"])

    def callback_files(self) -> Files:
        yield "bindings/go/callbacks.h", (
            "/* Generated by schema/plugin; change the schema.  What C calls, "
            "and calls\n"
            " * Go through: a state is a number to Go, for it may look like no "
            "pointer. */\n") + fill("""
            |#ifndef CALLBACKS_H
            |#define CALLBACKS_H
            |
            |#include <wws/wws.h>
            |
            |void wws_go_freed(void *state);
            |$declarations$
            |
            |#endif
            """, declarations="".join(
                spread(shim_head(*it), callback_parameters(it[1].type),
                       ");\n")
                for it in self.called()))
        yield "bindings/go/callbacks.c", fill("""
            |/* Generated by schema/plugin; change the schema. */
            |#include "callbacks.h"
            |
            |#include "_cgo_export.h"
            |
            |void wws_go_freed(void *state)
            |{
            |    wwsGoFreed((uintptr_t) state);
            |}
            |$shims$
            """, shims="".join(shim(*it) for it in self.called()))
        yield "bindings/go/exports.go", opening("the schema") + fill("""
            |// #include <wws/wws.h>
            |import "C"
            |$exports$
            """, exports="".join(self.export(*it) for it in self.called()))

    # Calls

    def is_result(self, call: Call, parameter: Parameter) -> bool:
        return (parameter.output and not parameter.input
                and self.is_spoken(parameter.slot)
                and not is_count(call, parameter))

    def results(self, call: Call) -> list[Parameter]:
        return [it for it in call.parameters if self.is_result(call, it)]

    def both_ways(self, call: Call) -> list[Parameter]:
        """Handles that C makes if it is given none: callers seldom have
        one."""
        return [it for it in call.parameters
                if it.input and it.output and self.is_spoken(it.slot)]

    def arguments(self, call: Call) -> list[str]:
        arguments = ["ctx context.Context"] if call.is_async else []
        for it in call.inputs:
            if self.is_spoken(it.slot) and it is not default_of(call):
                pointer = it.slot.shape is Shape.TABLE and it.slot.required
                arguments.append(f"{argument_name(it.slot)} "
                                 f"{'*' * pointer}{go_type(it.slot)}")
        both = self.both_ways(call)
        dots = "..." if len(both) == 1 else ""
        return arguments + [f"{argument_name(it.slot)} {dots}{go_type(it.slot)}"
                            for it in both]

    def signature(self, call: Call) -> str:
        arguments = joined_parameters(self.arguments(call))
        results = []
        for it in self.results(call):
            # A result would shadow the receiver of the same name.
            name = argument_name(it.slot)
            if call.has_self and name == receiver_name(call.object):
                name += "Value"
            results.append(f"{name} {go_type(it.slot)}")
        if not results:
            return f"({arguments}) error"
        return f"({arguments}) ({joined(results)}, err error)"

    def place(self, call: Call, parameter: Parameter) -> str:
        """Where C writes an output."""
        slot = parameter.slot
        name = place_name(slot)
        if slot.shape is Shape.RECORD:
            capacity = next(it.slot for it in call.parameters if it.capacity) \
                if slot.repeated else None
            count = f"int({argument_name(capacity)})" if capacity else "1"
            text = f"\t{name} := place{named_type(slot)}(f, {count})\n"
        elif slot.is_buffer:
            text = f"\t{name} := f.buffer()\n"
        else:
            text = f"\t{name} := place[{cgo_type(slot)}](f)\n"
        both = self.both_ways(call)
        if parameter in both:
            given = argument_name(slot)
            given = f"first({given})" if len(both) == 1 else given
            text += f"\t*{name} = {lowered(slot, given)}\n"
        return text

    def c_arguments(self, call: Call) -> list[str]:
        arguments = []
        if call.has_self:
            arguments.append(f"{receiver_name(call.object)}.in(f)")
        for it in call.parameters:
            slot = it.slot
            name = argument_name(slot)
            if it.output:
                arguments.append(place_argument(slot) if self.is_spoken(slot)
                                 else "nil")
            elif not self.is_spoken(slot):
                arguments.append(f"{cgo_type(slot)}{{}}"
                                 if slot.shape is Shape.HANDLE else "nil")
            elif it is default_of(call):
                arguments.append(f"{receiver_name(slot.type.object)}.in(f)")
            elif not slot.repeated:
                arguments.append(lowered(slot, name))
            if slot.repeated and not it.output:
                arguments += [f"{name}At", f"{name}Count"]
        if call.is_async:
            arguments.append("f.completion()")
        if call.has_error:
            arguments.append("f.lock()")
        return arguments

    def body(self, call: Call) -> str:
        results = [lifted_result(call, it) for it in self.results(call)]
        text = ""
        if call.role is Role.CREATE or call.is_async:
            text += code("""
                |    if err $assign$ $checked$; err != nil {
                |        $leave$
                |    }
                """, assign="=" if results else ":=",
                checked="begun(ctx)" if call.is_async else "ready()",
                leave="return" if results else "return err")
        text += "\tf := begin()\n\tdefer f.end()\n"

        # Arrays are two arguments in C and one in Go.
        for it in call.inputs:
            if it.slot.repeated:
                name = argument_name(it.slot)
                text += (f"\t{name}At, {name}Count := "
                         f"{lowered(it.slot, name)}\n")
        for it in call.parameters:
            if it.output and self.is_spoken(it.slot):
                text += self.place(call, it)

        into = "err = " if results else "return "
        function = f"C.wws_{call.function}("
        arguments = self.c_arguments(call)
        if call.is_async:
            text += filled(f"    pending := {function}", arguments, ")\n")
            text += f"\t{into}f.wait(ctx, {canceller(call)}, pending)\n"
        else:
            text += filled(f"    {into}f.check({function}", arguments, "))\n")
        if results:
            text += f"\treturn {joined([*results, 'err'])}\n"
        return text + "}\n"

    def call_doc(self, call: Call) -> str:
        doc = self.doc_of(call_name(call), call.doc, "returns ", "")
        if call.is_async:
            doc += ("\n\nIt waits, but holds no thread. When ctx ends first, "
                    f"it is ended early, by {spoken_call(call.canceller)}.")
        if call.since > 1:
            doc += f" Since version {call.since}."
        return doc

    def default_creator(self, call: Call) -> str:
        """What is created on a default object is created by a function,
        too."""
        owner = named_type(default_of(call).slot)
        names = [it.partition(" ")[0] for it in self.arguments(call)]
        doc = f"{self.call_doc(call)} It lives on Default{owner}."
        return "\n" + comment(doc) + code("""
            |func $name$$signature$ {
            |    return Default$owner$.$name$($names$)
            |}
            """, name=call_name(call), signature=self.signature(call),
            owner=owner, names=joined(names))

    def method(self, call: Call, object: Object | None) -> str:
        receiver = (f"({receiver_name(object)} *{exported(object.name.snake)}) "
                    if object else "")
        return "".join([
            "\n", comment(self.call_doc(call)),
            f"func {receiver}{call_name(call)}{self.signature(call)} {{\n",
            self.body(call)])

    def free(self, call: Call) -> str:
        object = call.object
        doc = (f"{self.call_doc(call)} It may be called again, and is when the "
               f"{object.name.spoken} is collected.")
        return "\n" + comment(doc) + code("""
            |func ($receiver$ *$name$) $free$() {
            |    if $receiver$ != nil {
            |        $receiver$.free()
            |    }
            |}
            """, receiver=receiver_name(object),
            name=exported(object.name.snake), free=call_name(call))

    def object_call(self, call: Call) -> str:
        default = default_of(call)
        if call.role is Role.FREE:
            return self.free(call)
        if call.role is not Role.CREATE:
            return self.method(call, call.object)
        if not default:
            return self.method(call, None)
        return (self.default_creator(call)
                + self.method(call, default.slot.type.object))

    # Objects

    def object(self, object: Object) -> str:
        name = exported(object.name.snake)
        text = "\n" + self.type_doc(name, object.doc, "stands for ") + code("""
            |type $name$ struct {
            |    object
            |    handle C.wws_$snake$
            |}
            """, name=name, snake=object.name.snake)
        if object.has_default:
            text += code("""
                |
                |// Default$name$ is the one that is used where none is named.
                |var Default$name$ = new($name$)
                """, name=name)
        for call in self.model.spoken_calls(object):
            text += self.object_call(call)
        text += code("""
            |
            |func ($receiver$ *$name$) in(f *frame) (handle C.wws_$snake$) {
            |    if $receiver$ != nil {
            |        f.use($receiver$.object)
            |        handle = $receiver$.handle
            |    }
            |    return
            |}
            |
            |func lift$name$(handle C.wws_$snake$, o object) *$name$ {
            |    if handle.id == 0 {
            |        return nil
            |    }
            |    return &$name${object: $object$, handle: handle}
            |}
            """, receiver=receiver_name(object), name=name,
            snake=object.name.snake,
            object="o.guarded()" if object.is_looked_into else "o")
        if object.handed_over:
            text += code("""
                |
                |func hand$name$(handle C.wws_$snake$) *$name$ {
                |    return lift$name$(handle, kept(func() {
                |        settle(lift$name$(handle, object{}), errLetGo)
                |    }))
                |}
                """, name=name, snake=object.name.snake)
        if object.free:
            text += code("""
                |
                |func own$name$(f *frame, handle C.wws_$snake$) *$name$ {
                |    o := object{}
                |    if handle.id != 0 {
                |        o = f.own(func() { C.wws_$free$(handle) })
                |    }
                |    return lift$name$(handle, o)
                |}
                """, name=name, snake=object.name.snake,
                free=object.free.function)
        return text

    def free_function(self, call: Call) -> str:
        """Functions without an object give their result back by value."""
        type = ""
        head, tail = f"    C.wws_{call.function}(", ")\n"
        for it in call.parameters:
            if it.output:
                type = go_type(it.slot)
                name = "C.GoString" if it.slot.kind is Kind.STRING else type
                head = f"    return {name}(C.wws_{call.function}("
                tail = "))\n"
        slots = [it.slot for it in call.inputs]
        framed = any(it.repeated or it.kind in (Kind.STRING, Kind.BYTES,
                                                Kind.MESSAGE) for it in slots)
        parameters = joined_parameters(self.arguments(call))
        return "".join([
            "\n", comment(self.call_doc(call)),
            f"func {call_name(call)}({parameters}){' ' if type else ''}{type} "
            "{\n",
            "\tf := begin()\n\tdefer f.end()\n" if framed else "",
            filled(head, [lowered(it, argument_name(it)) for it in slots],
                   tail),
            "}\n"])

    # The whole

    def declarations(self, proto: str) -> Iterator[str]:
        """All that comes of a file of the schema."""
        for enumeration in self.model.enumerations:
            if (enumeration.file == proto
                    and self.is_spoken_enumeration(enumeration)):
                yield self.enumeration(enumeration)
        for type in self.model.structs:
            if type.file != proto:
                continue
            if type.shape is Shape.STRUCT:
                yield self.struct(type)
            elif type.shape is Shape.RECORD and type is not self.model.event:
                yield self.record(type)
            elif type.shape is Shape.TABLE and self.is_spoken_table(type):
                yield self.table(type)
        for object in self.model.objects:
            if object.file != proto:
                continue
            if object.free_functions:
                yield from map(self.free_function,
                               self.model.spoken_calls(object))
            elif self.model.is_spoken(object):
                yield self.object(object)


def shim_head(table: Type, slot: Slot) -> str:
    return f"{callback_result(slot.type)} {shim_name(table, slot)}("


def shim(table: Type, slot: Slot) -> str:
    callback = slot.type
    names = [f"({c_type(it)} *) {it.name.snake}"
             if it.shape is Shape.RECORD else it.name.snake
             for it in callback.arguments]
    into = "return " if callback.result else ""
    return "".join([
        "\n", spread(shim_head(table, slot), callback_parameters(callback),
                     ")\n{\n"),
        flow(f"    {into}{export_name(table, slot)}(",
             [*names, "(uintptr_t) state"], ");\n}\n")])


def place_argument(slot: Slot) -> str:
    name = place_name(slot)
    if slot.shape is not Shape.RECORD:
        return name
    return f"head({name})" if slot.repeated else f"&{name}[0]"


def lifted_result(call: Call, result: Parameter) -> str:
    slot = result.slot
    place = place_name(slot)
    lender = (f"{receiver_name(call.object)}.lent()" if call.has_self
              else "object{}")
    if slot.is_buffer:
        return f"string(f.take({place}))" if slot.text else f"f.take({place})"
    if slot.shape is Shape.HANDLE and slot.type.object.free and (
            call.role is Role.CREATE or slot.moved):
        return f"own{named_type(slot)}(f, *{place})"
    if slot.shape is Shape.RECORD and slot.repeated:
        count = count_of(call, slot)
        size = f"int(*{place_name(count.slot)})" if count else f"len({place})"
        return f"lifts({place}, {size}, lift{named_type(slot)}, {lender})"
    if slot.shape is Shape.RECORD:
        place = f"&{place}[0]"
        return f"lift{named_type(slot)}({place}, {lender})"
    return lifted(slot, f"*{place}", lender)


def canceller(call: Call) -> str:
    """What ends a call early is a function of the object itself, or of one that
    the call was given or has made."""
    by = call.canceller
    through = call.cancelled_through
    if not through:
        return f"{receiver_name(call.object)}.{call_name(by)}"
    if not through.output:
        return f"{argument_name(through.slot)}.{call_name(by)}"
    return (f"func() error {{ return statusOf(C.wws_{by.function}"
            f"(*{place_name(through.slot)})) }}")


def opening(origin: str) -> str:
    return fill("""
        |// Code generated by schema/plugin from $origin$. DO NOT EDIT.
        |
        |package wws
        |
        """, origin=origin)


def imports(text: str) -> str:
    packages = [package for package, type in (("context", "context.Context"),
                                              ("time", "time.Duration"))
                if type in text]
    said = '// #include "callbacks.h"\nimport "C"\n'
    if len(packages) > 1:
        lines = "".join(f'\t"{it}"\n' for it in packages)
        return f"{said}\nimport (\n{lines})\n"
    return said + "".join(f'\nimport "{it}"\n' for it in packages)


def emit(model: Model) -> Files:
    go = Go(model)
    files = dict.fromkeys(it.file for it in [
        *model.enumerations, *model.structs, *model.objects])
    for proto in files:
        text = "".join(go.declarations(proto))
        if text:
            yield (f"bindings/go/{PurePath(proto).stem}.go",
                   opening(f"schema/{proto}") + imports(text) + text)
    yield from go.callback_files()
    yield "bindings/go/version.go", opening("the schema") + comment(
        "needed is the version of the interface that this package was made for."
    ) + f"const needed = {model.version}\n"
