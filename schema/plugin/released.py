"""Compares the schema with a released one: what was released is a promise, and
only additions are allowed, marked with the version that brings them."""
from __future__ import annotations

from collections.abc import Iterator

from model import Call, Enumeration, Model, Slot, Type

GONE = "was released and is gone"


def check_released(now: Model, then: Model) -> Iterator[str]:
    new = f"is new, but version {then.version} is released"

    types = {it.full_name: it for it in now.types}
    for type in then.types:
        if type.full_name in types:
            yield from compare_types(types[type.full_name], type, then, new)
        else:
            yield f"{type.where}: {GONE}"

    enumerations = {it.full_name: it for it in now.enumerations}
    for enumeration in then.enumerations:
        if enumeration.full_name in enumerations:
            yield from compare_values(enumerations[enumeration.full_name],
                                      enumeration, then, new)
        else:
            yield f"{enumeration.where}: {GONE}"

    calls = {it.function: it for it in now.calls}
    old_calls = {it.function for it in then.calls}
    for call in then.calls:
        if call.function in calls:
            yield from compare_calls(calls[call.function], call)
        else:
            yield f"{call.where}: {GONE}"
    for call in now.calls:
        if call.function not in old_calls and call.since <= then.version:
            yield f"{call.where}: {new}"


def compare_types(
    now: Type, old: Type, then: Model, new: str
) -> Iterator[str]:
    if now.shape is not old.shape:
        yield f"{now.where}: was released with another shape"
        return
    for slot, old_slot in zip(now.slots, old.slots):
        wrong = what_broke(slot, old_slot)
        if wrong:
            yield f"{slot.where}: was released {wrong}"
    for slot in old.slots[len(now.slots):]:
        yield f"{slot.where}: {GONE}"
    for slot in now.slots[len(old.slots):]:
        if not now.is_struct:
            yield f"{slot.where}: is added to a prototype that was released"
        elif slot.since <= then.version:
            yield f"{slot.where}: {new}"


def what_broke(now: Slot, old: Slot) -> str | None:
    if now.name.snake != old.name.snake:
        return f"as {old.name.snake}"
    if not now.is_like(old):
        return "with another type"
    if now.required and not old.required:
        return "as optional"
    if now.value != old.value:
        return "with another default"
    if now.since != old.since:
        return "with another since"
    return None


def compare_values(
    now: Enumeration, old: Enumeration, then: Model, new: str
) -> Iterator[str]:
    values = {it.name: it for it in now.values}
    old_names = {it.name for it in old.values}
    for value in old.values:
        if value.name not in values:
            yield f"{value.where}: {GONE}"
        elif values[value.name].number != value.number:
            yield (f"{values[value.name].where}: was released with number "
                   f"{value.number}")
    for value in now.values:
        if value.name not in old_names and value.since <= then.version:
            yield f"{value.where}: {new}"


def compare_calls(now: Call, old: Call) -> Iterator[str]:
    prototypes = [(it.is_async, it.has_self, it.has_error, it.request_name,
                   it.response_name) for it in (now, old)]
    if prototypes[0] != prototypes[1]:
        yield f"{now.where}: was released with another prototype"
    elif now.role is not old.role:
        yield f"{now.where}: was released with another role"
