"""What a table holds in Rust, and what C calls through it."""
from __future__ import annotations

from model import Kind, Slot, Type

from .words import Rust, enclosed, laid_out, raw_type, scalar
# Closures


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


# What C calls


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


def asked(rust: Rust, table: Type, slot: Slot) -> str:
    """How a closure that has an answer is called."""
    name = slot.name.snake
    items = [given(it) for it in slot.type.arguments]
    guard = "support::guard(support::PANICKED.0, || "
    if rust.is_needed(table, slot):
        return enclosed("        ", (guard, f"{guard}{{"), f"(table.{name})(",
                        items, ").0", (")", "})"))
    return (f"        {guard}match &table.{name} {{\n"
            + laid_out("            ", "Some(it) => it(", items, ").0,")
            + "            None => 0,\n        })\n")


def told(rust: Rust, table: Type, slot: Slot, end: str = "") -> str:
    """How one that has none is called."""
    name = slot.name.snake
    items = [given(it) for it in slot.type.arguments]
    guard = "support::guard((), || "
    if rust.is_needed(table, slot):
        return enclosed("        ", (guard, f"{guard}{{"), f"(table.{name})(",
                        items, ")", (f"){end}", f"}}){end}"))
    return (f"        {guard}{{\n"
            f"            if let Some(it) = &table.{name} {{\n"
            + laid_out("                ", "it(", items, ")")
            + f"            }}\n        }}){end}\n")


def trampoline(rust: Rust, table: Type, slot: Slot) -> str:
    parameters = [f"{it.name.snake}: {raw_type(it)}"
                  for it in slot.type.arguments]
    views = [
        f"        let {it.name.snake} = unsafe {{ support::"
        f"{'text' if it.kind is Kind.STRING else 'octets'}"
        f"({it.name.snake}) }};\n"
        for it in slot.type.slots if it.is_view]
    if not slot.type.result:
        result, body = "", told(rust, table, slot)
    elif slot.type.is_handed:
        result = " -> sys::wws_status"
        body = told(rust, table, slot, ";") + "        Status::S_ASYNC.0\n"
    else:
        result, body = " -> sys::wws_status", asked(rust, table, slot)
    return "".join([
        "\n",
        laid_out("    ", f'unsafe extern "C" fn {slot.name.snake}(',
                 [*parameters, "state: *mut c_void"], f"){result} {{"),
        "        let table = unsafe { support::table::<Self>(state) };\n",
        *views, body, "    }\n"])
