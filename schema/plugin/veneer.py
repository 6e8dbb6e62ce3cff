"""Emits capi/<object>.c: every exported function checks its arguments, adopts
the caller's structs, resolves handles, forwards to core, and gives back what it
holds.  A function that holds nothing yet returns; afterwards it goes to its
end."""
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from header import c_head, c_parameters, origin, size_macro, versions
from model import (
    Call, Enumeration, Kind, Model, Name, Object, Parameter, Role, Shape, Slot,
    Type)
from text import COLUMNS, Files, fill, flow, spread

# Where core has an object; all others are services.
FOLDERS = {
    "runtime": "core",
    "error": "core/base",
    "queue": "core/io",
    "message": "core/channel",
    "channel": "core/channel",
    "listener": "core/channel",
    "transport_task": "core/transport",
}

# Conditions that must not hold


def has_gaps(enumeration: Enumeration) -> bool:
    return any(value.number != i for i, value in enumerate(enumeration.values))


def unknown_value(enumeration: Enumeration, place: str) -> str | None:
    if enumeration.is_status:
        return None
    if has_gaps(enumeration):
        return f"!{enumeration.name.snake}_known({place})"
    return f"{place} > {enumeration.values[-1].constant}"


def bad_value(slot: Slot, place: str, member: bool = False) -> str | None:
    """What would be wrong with a value or a member, if anything could."""
    if slot.repeated and slot.kind is Kind.STRING:
        return f"!texts_valid({place}, {place}_count)"
    if slot.repeated:
        return f"{place} == NULL && {place}_count > 0"
    if slot.kind in (Kind.STRING, Kind.BYTES) and not slot.is_buffer:
        what = "text" if slot.kind is Kind.STRING else "bytes"
        empty = f" || {place}.size == 0" if slot.required else ""
        return f"!wwi_{what}_valid({place}){empty}"
    if slot.kind is Kind.ENUM:
        return unknown_value(slot.enumeration, place)
    if slot.kind is Kind.BOOL and member:
        return f"{place} > 1"
    if not slot.required:
        return None
    if slot.shape is Shape.HANDLE:
        needed = member and not slot.type.object.has_default
        return f"{place}.id == 0" if needed else None
    if slot.kind is Kind.MESSAGE or slot.is_buffer or slot.pointer:
        return f"{place} == NULL"
    return None


def bad_output(parameter: Parameter) -> str | None:
    name = parameter.name
    if parameter.is_record_output:
        type = parameter.slot.type
        absent = "== NULL ||" if parameter.required else "!= NULL &&"
        return (f"{name} {absent} !wwi_adopt_record({name}, "
                f"{type.name.snake}_sizes, {len(versions(type))})")
    return f"{name} == NULL" if parameter.required else None


def faults_of(call: Call) -> list[tuple[str, str]]:
    """Conditions that must not hold, and what is wrong then.  Room for records
    is looked at before the first one is."""
    faults = [(f"{it.name} == 0", it.name)
              for it in call.parameters if it.capacity]
    for it in call.parameters:
        bad = bad_output(it) if it.output else bad_value(it.slot, it.name)
        if bad:
            faults.append((bad, it.name))
    return faults


def when(head: str, condition: str, tail: str) -> str:
    """A condition in parentheses, broken at its first "||" if it is too
    long."""
    line = f"{head}({condition}){tail}"
    for operator in (" || ", " && "):
        if len(line) > COLUMNS and operator in condition:
            first, rest = condition.split(operator, 1)
            return f"{head}({first}\n            {operator[1:]}{rest}){tail}\n"
    return f"{line}\n"


# Helpers in front of the functions


def is_adopted(slot: Slot) -> bool:
    return slot.shape in (Shape.STRUCT, Shape.TABLE)


def may_be_absent(type: Type) -> bool:
    """Whether there is anything at all only if the caller gives it: a table, or
    a struct whose defaults alone cannot stand."""
    return type.shape is Shape.TABLE or any(it.required for it in type.slots)


def known(enumeration: Enumeration) -> str:
    cases = "".join(f"    case {it.constant}:\n" for it in enumeration.values)
    return fill("""
        |static bool $name$_known(wws_$name$ value)
        |{
        |    switch (value) {
        |$cases$
        |        return true;
        |    default:
        |        return false;
        |    }
        |}
        |
        """, name=enumeration.name.snake, cases=cases)


TEXTS_VALID = fill("""
    |static bool texts_valid(const wws_string *texts, size_t count)
    |{
    |    if (texts == NULL && count > 0)
    |        return false;
    |    for (size_t i = 0; i < count; i++)
    |        if (!wwi_text_valid(texts[i]))
    |            return false;
    |    return true;
    |}
    |
    """)


def sizes(type: Type, name: str, indent: str = "") -> str:
    macros = [size_macro(type, version) for version in versions(type)]
    head = f"{indent}static const uint32_t {name}[] = {{"
    line = f"{head} {macros[0]} }};"
    if len(macros) == 1 and len(line) <= COLUMNS:
        return f"{line}\n\n"
    lines = "".join(f"{indent}    {macro},\n" for macro in macros)
    return f"{head}\n{lines}{indent}}};\n\n"


def adopt(type: Type) -> str:
    """Lays the caller's struct over our defaults and looks at the outcome.
    What is absent lacks nothing."""
    checks = ""
    for slot in type.slots:
        name = slot.name.snake
        bad = bad_value(slot, f"ours->{name}", member=True)
        if bad:
            checks += when("    if ", bad, "") + fill("""
                |        return wwi_invalid_argument(failure, "$name$");
                """, name=name)
    absent = fill("""
        |    if (theirs == NULL)
        |        return WWS_S_OK;
        """)
    return fill("""
        |static wws_status adopt_$name$(
        |    wws_$name$ *ours,
        |    const wws_$name$ *theirs,
        |    struct wwi_error *failure)
        |{
        |$sizes$
        |$absent$
        |    if (!wwi_adopt(ours, sizes, $count$, theirs))
        |        return wwi_invalid_argument(failure, "$name$");
        |$checks$
        |    return WWS_S_OK;
        |}
        |
        """, name=type.name.snake, sizes=sizes(type, "sizes", "    "),
        absent=absent if may_be_absent(type) and checks else "",
        count=len(versions(type)), checks=checks)


def helpers(model: Model, object: Object) -> str:
    """Each once, in front of what uses it."""
    records: dict[Type, str] = {}
    checks: dict[Enumeration, str] = {}
    adopted: dict[Type, str] = {}
    slots: list[Slot] = []

    def need(type: Type) -> None:
        if type in adopted:
            return
        for slot in type.slots:
            if is_adopted(slot):
                need(slot.type)
            slots.append(slot)
        adopted[type] = adopt(type)

    for call in object.calls:
        for it in call.parameters:
            if it.is_record_output:
                type = it.slot.type
                records[type] = sizes(type, f"{type.name.snake}_sizes")
            if it.output:
                continue
            if is_adopted(it.slot):
                need(it.slot.type)
            slots.append(it.slot)
        if call.is_async:
            need(model.completion)
    for slot in slots:
        enumeration = slot.enumeration
        if enumeration and not enumeration.is_status and has_gaps(enumeration):
            checks[enumeration] = known(enumeration)
    texts = any(it.repeated and it.kind is Kind.STRING for it in slots)
    return "".join([*records.values(), *checks.values(), TEXTS_VALID * texts,
                    *adopted.values()])


# Functions


class Copy(NamedTuple):
    """Our copy of a STRUCT or TABLE of the caller."""
    type: Type
    place: str  # where it is, in the caller's terms
    local: str
    required: bool


def copies_of(slot: Slot, place: str, local: str) -> Iterator[Copy]:
    """Of all that is adopted under a parameter, the outer one first."""
    if is_adopted(slot):
        yield Copy(slot.type, place, local, slot.required)
        for inner in slot.type.slots:
            name = inner.name.snake
            yield from copies_of(inner, f"{local}.{name}", f"{local}_{name}")


class Function:
    """A function under way."""

    def __init__(self, model: Model, call: Call):
        names = [it.name for it in call.parameters]
        self.call = call
        self.text = ""
        self.failure = "failure" if call.has_error else "NULL"
        self.status = "outcome" if "status" in names else "status"
        self.faults = faults_of(call)
        self.handles = [it for it in call.inputs
                        if it.slot.shape is Shape.HANDLE]
        self.copies = {it.name: list(copies_of(it.slot, it.name,
                                               f"adopted_{it.name}"))
                       for it in call.inputs}
        if call.is_async:
            self.copies["completion"] = [
                Copy(model.completion, "completion", "adopted_completion",
                     False)]
        self.held: list[str] = []  # what is to be given back, last first
        self.jumps = False

    def put(self, template: str, **values: object) -> None:
        self.text += fill(template, status=self.status, failure=self.failure,
                          **values)

    def __str__(self) -> str:
        call = self.call
        object = call.object
        self.text = spread(c_head(call), c_parameters(call), ")\n{\n")
        self.put_locals()
        if call.has_error:
            self.put_enter("error", Name("error"), True, "NULL", "failure")
        if call.role is Role.FREE:
            self.put_enter_to_free()
        elif call.has_self:
            self.put_enter(object.name.snake, object.name, object.has_default,
                           self.failure, "self")
        self.put_faults()
        for it in self.handles:
            self.put_enter(it.name, it.slot.type.name,
                           not it.required or it.has_default, self.failure,
                           f"entered_{it.name}")
        for copies in self.copies.values():
            for copy in copies:
                self.put_adoption(copy)
        self.put_forward()
        return self.text

    def put_locals(self) -> None:
        call = self.call
        chained = len(self.faults) > 1
        steps = (call.has_self or call.has_error or self.handles
                 or any(self.copies.values()))
        if call.has_error:
            self.put("    struct wwi_error *failure = NULL;\n")
        if call.has_self:
            self.put("    struct wwi_$object$ *self = NULL;\n",
                     object=call.object.name.snake)
        for it in call.inputs:
            if it in self.handles:
                self.put("    struct wwi_$object$ *entered_$name$ = NULL;\n",
                         object=it.slot.type.name.snake, name=it.name)
            self.put_copies(self.copies[it.name])
        self.put_copies(self.copies.get("completion", []))
        if chained:
            self.put("    const char *wrong = NULL;\n")
        if steps:
            self.put("    wws_status $status$;\n")
        if steps or chained:
            self.put("\n")

    def put_copies(self, copies: list[Copy]) -> None:
        for copy in copies:
            start = f"    wws_{copy.type.name.snake} {copy.local} ="
            end = f"WWS_{copy.type.name.upper}_INIT;"
            fits = len(f"{start} {end}") <= COLUMNS
            self.text += start + (" " if fits else "\n        ") + end + "\n"

    def put_leave(self, indent: str) -> None:
        """Leaves the function with the status, by the shortest way."""
        if self.held:
            self.put("$indent$goto out;\n", indent=indent)
            self.jumps = True
        else:
            self.put("$indent$return $status$;\n", indent=indent)

    def put_step(self, function: str, arguments: list[str]) -> None:
        """One that may fail."""
        self.text += flow(f"    {self.status} = {function}(", arguments,
                          ");\n")
        self.put("    if ($status$ < 0)\n")
        self.put_leave("        ")

    def put_enter(
        self, name: str, object: Name, optional: bool, failure: str, local: str
    ) -> None:
        self.put_step("wwi_enter_optional" if optional else "wwi_enter",
                      [f"{name}.id", f"WWI_KIND_{object.upper}", f'"{name}"',
                       failure, f"&{local}"])
        self.held.append(local)

    def put_enter_to_free(self) -> None:
        """There may be nothing to free: then self stays null."""
        name = self.call.object.name
        self.text += flow(f"    {self.status} = wwi_enter_to_free(",
                          [f"{name.snake}.id", f"WWI_KIND_{name.upper}",
                           "&self"], ");\n")
        self.put("""
            |    if (self == NULL)
            |        return $status$;
            """)
        self.held.append("self")

    def put_faults(self) -> None:
        if len(self.faults) == 1:
            [(condition, name)] = self.faults
            self.put_refusal(condition, f'"{name}"')
            return
        head = "    if "
        for condition, name in self.faults:
            self.text += when(head, condition, "")
            self.put('        wrong = "$name$";\n', name=name)
            head = "    else if "
        if self.faults:
            self.put_refusal("wrong != NULL", "wrong")

    def put_refusal(self, condition: str, name: str) -> None:
        """Refuses an argument whose name is a literal or a variable."""
        if not self.held:
            self.text += when("    if ", condition, "")
            self.put("""
                |        return wwi_invalid_argument($failure$, $name$);
                """, name=name)
            return
        self.text += when("    if ", condition, " {")
        self.put("""
            |        $status$ = wwi_invalid_argument($failure$, $name$);
            """, name=name)
        self.put_leave("        ")
        self.put("    }\n")

    def put_adoption(self, copy: Copy) -> None:
        """Core sees our copy: of what may be absent only if it is there, of all
        else always, with its defaults."""
        self.put_step(f"adopt_{copy.type.name.snake}",
                      [f"&{copy.local}", copy.place, self.failure])
        if may_be_absent(copy.type) and not copy.required:
            self.put("    if ($place$ != NULL)\n    ", place=copy.place)
        self.put("    $place$ = &$local$;\n", place=copy.place,
                 local=copy.local)

    def put_forward(self) -> None:
        call = self.call
        arguments = ["self"] if call.has_self else []
        for it in call.parameters:
            arguments.append(f"entered_{it.name}" if it in self.handles
                             else it.name)
            if it.slot.repeated and not it.output:
                arguments.append(f"{it.name}_count")
        if call.is_async:
            arguments.append("completion")
        if call.has_error:
            arguments.append("failure")
        into = f"{self.status} =" if self.held else "return"
        self.text += flow(f"    {into} wwi_{call.function}(", arguments,
                          ");\n")
        if self.jumps:
            self.put("\nout:\n")
        for local in reversed(self.held):
            self.put("    wwi_leave($local$);\n", local=local)
        if self.held:
            self.put("    return $status$;\n")
        self.put("}\n")


def emit(model: Model) -> Files:
    for object in model.objects:
        if object.free_functions:
            continue
        name = object.name.snake
        yield f"capi/{name}.c", origin(
            [object.file], f"What is exported of wws_{name}: each function "
            "checks, adopts and forwards.") + fill("""
                |#include "$folder$/$object$.h"
                |
                |#include "adopt.h"
                |#include "wws/wws.h"
                |
                """, folder=FOLDERS.get(name, "core/service"), object=name
        ) + helpers(model, object) + "\n".join(
            str(Function(model, call)) for call in object.calls)
