"""Tables: the types of them, and what C calls of Go."""
from __future__ import annotations

from header import c_type, callback_parameters, callback_result
from model import Shape, Slot, Type
from text import Files, fill, flow, spread

from .types import cgo_type, go_type, lifted, lower_head
from .words import (
    Go, argument_name, code, comment, exported, filled, joined, member_name,
    opening)

# What there is


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


def queued(go: Go, table: Type) -> Slot | None:
    """The callback of a table that a queue can stand for."""
    slot = table.only_callback
    if not slot or not go.model.queue_of(table):
        return None
    return slot if not slot.type.result or is_served(slot.type) else None


def called(go: Go) -> list[tuple[Type, Slot]]:
    return [(table, slot) for table in go.model.tables
            if go.is_spoken_table(table) and not queued(go, table)
            for slot in table.callbacks]


# Tables


def slot_type(go: Go, table: Type, slot: Slot) -> str:
    callback = slot.type
    arguments = [f"{argument_name(it)} {go_type(it)}"
                 for it in arguments_of(callback)]
    if is_served(callback):
        arguments.insert(0, "ctx context.Context")
    result = " error" if callback.result else ""
    if slot is queued(go, table) and is_served(callback):
        result = " ([]byte, error)"
    return f"func({joined(arguments)}){result}"


def slot_doc(go: Go, table: Type, slot: Slot) -> str:
    doc = go.words(slot.doc)
    if slot is queued(go, table) and is_served(slot.type):
        doc += (" It runs on a goroutine of its own, with a context that ends "
                "when nobody wants the answer any more; what it returns is the "
                "body of the reply, and an error becomes a fault.")
    elif slot is queued(go, table):
        doc += " It runs on a goroutine of its own."
    return comment(doc, "\t")


def table_lower(go: Go, table: Type) -> str:
    text = lower_head("t", table) + code("""
        |    c.free_state = (*[0]byte)(C.wws_go_freed)
        |    copied := *t
        |    f.register(&c.state, &copied)
        """)
    for slot in table.callbacks:
        how = (f"c.{go.model.queue_of(table).name.snake} = events.handle"
               if slot is queued(go, table) else
               f"c.{slot.name.snake} = (*[0]byte)(C.{shim_name(table, slot)})")
        text += code("""
            |    if t.$name$ != nil {
            |        $how$
            |    }
            """, name=member_name(slot), how=how)
    return text + "\treturn c\n}\n"


def event_handler(go: Go, table: Type) -> str:
    slot = queued(go, table)
    name = member_name(slot)
    slots = arguments_of(slot.type)
    arguments = [lifted(it, f"event.{it.name.snake}", "object{}")
                 for it in slots]
    head = code("""
        |
        |func (t *$table$) happened(event *C.wws_$event$) {
        """, table=exported(table.name.snake), event=go.model.event.name.snake)
    if is_served(slot.type):
        return head + f"\tgo serve(t.{name}, {arguments[0]})\n}}\n"
    names = [argument_name(it) for it in slots]
    return "".join([
        head,
        *(f"\t{it} := {value}\n" for it, value in zip(names, arguments)),
        "\tgo func() {\n\t\tdefer caught()\n",
        filled(f"        t.{name}(", names, ")\n"),
        "\t}()\n}\n"])


def table(go: Go, table: Type) -> str:
    name = exported(table.name.snake)
    slots = [slot_doc(go, table, it)
             + f"\t{member_name(it)} {slot_type(go, table, it)}\n"
             for it in table.callbacks]
    return "".join([
        "\n", go.type_doc(name, table.doc, ""),
        f"type {name} struct {{\n", "\n".join(slots), "}\n",
        table_lower(go, table),
        event_handler(go, table) if queued(go, table) else ""])


# What C calls of Go, and what it calls it through: a callback has a pointer
# where Go must not see one.


def export_name(table: Type, slot: Slot) -> str:
    return f"wwsGo{table.name.pascal}{slot.name.pascal}"


def shim_name(table: Type, slot: Slot) -> str:
    return f"wws_go_{table.name.snake}_{slot.name.snake}"


def export_body(slot: Slot) -> str:
    """Calls Go.  What a callback returns answers, or settles what it was
    given."""
    slots = arguments_of(slot.type)
    arguments = [lifted(it, argument_name(it), "object{}") for it in slots]
    call = f"t.{member_name(slot)}("
    if not slot.type.result:
        return filled(f"        {call}", arguments, ")\n")
    for i, it in enumerate(slots):
        if it.is_handed_over:
            given, arguments[i] = arguments[i], "given"
            return f"\t\tgiven := {given}\n" + filled(
                f"        return settle(given, {call}", arguments, "))\n")
    return filled(f"        return answer({call}", arguments, "))\n")


def export(table: Type, slot: Slot) -> str:
    name = export_name(table, slot)
    parameters = [
        f"{argument_name(it)} {'*' * (it.shape is Shape.RECORD)}{cgo_type(it)}"
        for it in slot.type.arguments]
    result = "C.wws_status " if slot.type.result else ""
    run = "return ask" if slot.type.result else "tell"
    return "".join([
        f"\n//export {name}\n",
        filled(f"func {name}(", [*parameters, "state C.uintptr_t"],
               f") {result}{{\n"),
        f"\t{run}(state, func(t *{exported(table.name.snake)}) {result}{{\n",
        export_body(slot),
        "\t})\n}\n"])


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


def files(go: Go) -> Files:
    yield "bindings/go/callbacks.h", (
        "/* Generated by schema/plugin; change the schema.  What C calls, and "
        "calls\n * Go through: a state is a number to Go, for it may look "
        "like no pointer. */\n") + fill("""
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
            spread(shim_head(*it), callback_parameters(it[1].type), ");\n")
            for it in called(go)))
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
        """, shims="".join(shim(*it) for it in called(go)))
    yield "bindings/go/exports.go", opening("the schema") + fill("""
        |// #include <wws/wws.h>
        |import "C"
        |$exports$
        """, exports="".join(export(*it) for it in called(go)))
