"""Tables: what the library calls, and what an event calls."""
from __future__ import annotations

from cdef import declarations
from header import (
    callback_parameters, callback_result, files_of_types, origin)
from model import Model, Slot, Type
from text import Files, fill, flow, spread

from .module import Module, Signature
from .types import seen, value_type
from .words import docstring, errors_of, is_queued

# What there is


def externs_of(model: Model) -> list[tuple[Type, Slot]]:
    """The tables that the library calls, and their callbacks."""
    return [(table, slot) for table in model.tables
            if not is_queued(model, table) for slot in table.callbacks]


def callback_name(table: Type, slot: Slot) -> str:
    return f"{table.name.snake}_{slot.name.snake}"


# Tables


def put_callbacks(module: Module, table: Type) -> None:
    """A table with several callbacks is a class to be derived from."""
    name = table.name.pascal
    module.body += f"\n\nclass {name}:\n"
    module.body += docstring(module.words(table.doc), "    ")
    module.typed += f"\nclass {name}:\n"
    for slot in table.callbacks:
        signature = Signature()
        signature.add("self")
        for it in slot.type.arguments:
            signature.add(it.name.snake, f"{it.name.snake}: {value_type(it)}")
        module.body += "\n"
        module.put_definition(slot.name.snake, signature,
                              module.words(slot.doc))
        module.put_stub(
            f"def {slot.name.snake}(", signature,
            "wws.Status | None" if slot.type.result else "object")


def arguments(module: Module, callback: Type, before: str = "") -> str:
    return ", ".join(seen(module, it, f"{before}{it.name.snake}")
                     for it in callback.arguments)


def put_queued(module: Module, table: Type) -> None:
    slot = table.only_callback
    module.body += fill("""
        |
        |
        |def $table$_table($slot$, owner):
        |$doc$
        |    return $queued$("wws_$table$", $slot$, owner,
        |        lambda event: ($all$$comma$), answers=$answers$)
        """, queued=module.help("queued"), table=table.name.snake,
        slot=slot.name.snake, doc=docstring(module.words(table.doc), "    "),
        all=arguments(module, slot.type, "event."),
        comma="," if slot.type.slots else "",
        answers=slot.type.result is not None)


def put_extern(module: Module, table: Type, slot: Slot) -> None:
    names = []
    for it in slot.type.arguments:
        names.append(it.name.snake)
        if it.repeated:
            names.append(f"{it.name.snake}_count")
    failing = f"error={module.help('OTHER')}" if slot.type.result else ""
    module.body += f"\n\n@{module.help('ffi')}.def_extern({failing})\n"
    module.body += flow(f"def wws_python_{callback_name(table, slot)}(",
                        [*names, "state"], "):\n")
    module.body += docstring(module.words(slot.doc), "    ")
    method = "" if table.only_callback else f".{slot.name.snake}"
    passed = [f"ffi.from_handle(state){method}"]
    passed += [seen(module, it, it.name.snake) for it in slot.type.arguments]
    asks = "hand" if slot.type.is_handed else "ask"
    head = (f"return {module.help(asks)}(" if slot.type.result
            else f"{module.help('tell')}(")
    module.body += flow(f"    {head}", passed, ")\n")


def put_table(module: Module, table: Type) -> None:
    for slot in table.callbacks:
        put_extern(module, table, slot)
    slots = [f'{it.name.snake}="wws_call_{callback_name(table, it)}"'
             for it in table.callbacks]
    module.body += fill("""
        |
        |
        |def $table$_table(callbacks):
        |$doc$
        |    return $foreign$("wws_$table$", callbacks,
        |        $slots$)
        """, table=table.name.snake, slots=",\n        ".join(slots),
        doc=docstring(module.words(table.doc), "    "),
        foreign=module.help("foreign"))


def tables_module(model: Model) -> Files:
    module = Module(model)
    for table in model.tables:
        if is_queued(model, table):
            put_queued(module, table)
        else:
            put_table(module, table)
    yield from module.finish("_tables", "wws", "What is called by the library, "
                             "and what an event calls.")


# What C calls


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
