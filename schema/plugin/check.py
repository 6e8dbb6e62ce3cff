"""Refuses a schema that would make a poor interface.  A schema that passes has
all that emitters rely on; they check nothing.

Every line is "file: thing: what is wrong"."""
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from model import (
    Call, Enumeration, Kind, Lifetime, Model, Object, Parameter, Role, Shape,
    Slot, Type)

Refusals = Iterator[str]


class Place(NamedTuple):
    """Where a slot stands, and what it can be there."""
    name: str
    holds: set[str]


SHAPES = {
    Shape.ARGUMENTS: "arguments",
    Shape.STRUCT: "a struct",
    Shape.TABLE: "a table",
    Shape.CALLBACK: "a callback",
    Shape.HANDLE: "a handle",
    Shape.RECORD: "a record",
}

# Values are numbers, enums, strings and bytes; there are no arrays of bytes,
# enums and bools.
INPUTS = {"a value", "values", "texts", "a struct", "a table", "a handle"}
REQUEST = Place("a request", INPUTS)
RESPONSE = Place("a response", {"a value", "a handle", "a record", "records"})
IN_STRUCT = Place("a struct", INPUTS)
IN_TABLE = Place("a table", {"a callback", "a handle"})
IN_CALLBACK = Place("a callback", INPUTS | {"a record"})
IN_RECORD = Place("a record", {"a value", "texts", "a handle"})

PLACES = {
    Shape.STRUCT: IN_STRUCT,
    Shape.TABLE: IN_TABLE,
    Shape.CALLBACK: IN_CALLBACK,
    Shape.RECORD: IN_RECORD,
}

# Names of functions are methods in Python and Rust, so that only the first list
# is closed to them; fields would collide with both.
METHOD_KEYWORDS = set("""
    abstract and as assert async await become box break class const continue
    crate def del do dyn elif else enum except extern false final finally fn
    for from gen global if impl import in is lambda let loop macro match mod
    move mut nonlocal not or override pass priv pub raise ref return self static
    struct super trait true try type typeof union unsafe unsized use virtual
    where while with yield
""".split())

FIELD_KEYWORDS = METHOD_KEYWORDS | set("""
    alignas alignof and_eq asm auto bitand bitor bool case catch chan char
    co_await co_return co_yield compl concept const_cast consteval constexpr
    constinit decltype default defer delete double dynamic_cast explicit export
    fallthrough float friend func go goto inline int interface long map mutable
    namespace new noexcept not_eq nullptr operator or_eq package private
    protected public range register reinterpret reinterpret_cast requires
    restrict select short signed sizeof static_assert static_cast switch
    template this thread_local throw typedef typeid typename unsigned using var
    void volatile wchar_t xor xor_eq
""".split())


def check(model: Model) -> Refusals:
    if not model.status:
        yield "schema: has no enum Status"
    if not model.error:
        yield "schema: has no service Error"
    if model.cycle:
        yield f"{model.cycle}: contains itself"
    for type in model.types:
        yield from check_type(type)
    for enumeration in model.enumerations:
        yield from check_enumeration(enumeration)
    for object in model.objects:
        yield from check_object(model, object)
    yield from check_names(model)


def check_doc(where: str, doc: str) -> Refusals:
    if not doc:
        yield f"{where}: has no comment"
    elif "*/" in doc:
        yield f"{where}: has a comment that would end a comment in C"


def check_names(model: Model) -> Refusals:
    """All typedefs and functions are one set of names in C."""
    names = [(type.name.snake, type.where) for type in model.types
             if type.is_struct or type.shape is Shape.HANDLE]
    names += [(it.name.snake, it.where) for it in model.enumerations]
    names += [(call.function, call.where) for call in model.calls]
    seen: set[str] = set()
    for name, where in names:
        if name in seen:
            yield f"{where}: is a second wws_{name}"
        seen.add(name)


# Slots


def check_slots(type: Type, place: Place) -> Refusals:
    since = type.since if type.is_struct else 1
    for due, slot in enumerate(type.slots, start=1):
        if slot.number != due:
            yield f"{slot.where}: has number {slot.number} where {due} is due"
        if slot.name.snake in FIELD_KEYWORDS:
            yield f"{slot.where}: is a keyword in one of our languages"
        yield from check_kind(slot, place)
        yield from check_options(slot, place)
        yield from check_since(slot, type, since)
        if type.is_struct:
            yield from check_doc(slot.where, slot.doc)
        since = max(since, slot.since)


def needed(slot: Slot) -> str | None:
    """What a place must hold for it, if any can."""
    if slot.kind is Kind.UNSUPPORTED:
        return None
    one = SHAPES.get(slot.shape) if slot.kind is Kind.MESSAGE else "a value"
    if not slot.repeated:
        return one
    if slot.kind in (Kind.BYTES, Kind.ENUM, Kind.BOOL):
        return None
    if slot.kind is Kind.STRING:
        return "texts"
    return {"a value": "values", "a record": "records"}.get(one)


def check_kind(slot: Slot, place: Place) -> Refusals:
    if slot.kind is Kind.ENUM and not slot.enumeration:
        yield f"{slot.where}: is of an enum that is not ours"
    elif needed(slot) in place.holds:
        return
    elif place is IN_TABLE:
        yield f"{slot.where}: is in a table but is not a callback"
    else:
        array = "an array and " if slot.repeated else ""
        what = SHAPES.get(slot.shape, "of this type")
        yield (f"{slot.where}: is {array}{what}, which {place.name} cannot "
               "hold")


def check_options(slot: Slot, place: Place) -> Refusals:
    """Who takes what is moved must be able to: a buffer or a handle that comes
    in or goes out by itself."""
    movable = slot.kind is Kind.BYTES or slot.shape is Shape.HANDLE
    if slot.moved and (not movable or place in (IN_STRUCT, IN_TABLE)):
        yield f"{slot.where}: cannot be moved"
    if slot.pointer and slot.kind is not Kind.UINT64:
        yield f"{slot.where}: is a pointer but not a uint64"
    if slot.pointer and slot.repeated:
        yield f"{slot.where}: is an array of pointers"
    if slot.text and slot.kind is not Kind.BYTES:
        yield f"{slot.where}: is marked as text but is not bytes"
    if slot.value is None:
        return
    if place is not IN_STRUCT:
        yield (f"{slot.where}: has a default, which only a member of a struct "
               "can have")
    elif slot.required:
        yield f"{slot.where}: is required and has a default"
    elif slot.kind not in (Kind.BOOL, Kind.ENUM) and (
            slot.kind in (Kind.STRING, Kind.BYTES)
            or not any(it.isdigit() for it in slot.value)):
        yield f"{slot.where}: has a default that is no number"
    elif slot.pointer:
        yield f"{slot.where}: is a pointer and has a default"


def starts_as_zero(slot: Slot) -> bool:
    if slot.enumeration:
        return slot.enumeration.default(slot.value).number == 0
    return slot.value in (None, "false", "0", "-0")


def check_since(slot: Slot, type: Type, before: int) -> Refusals:
    """Members come with a version or later; the versions of a struct never
    fall.  An older caller leaves a younger member 0, and 0 must not mean that
    it asks for something."""
    since = f"{slot.where}: is since version {slot.since}"
    if slot.since == 0:
        yield f"{slot.where}: is older than version 1"
    elif not type.is_struct:
        if slot.since > 1:
            yield (f"{slot.where}: is younger than its prototype, which cannot "
                   "change")
    elif slot.since < before:
        yield f"{since}, behind a member since version {before}"
    elif slot.since == type.since:
        return
    elif slot.required:
        yield f"{since} and required, but older callers lack it"
    elif not starts_as_zero(slot):
        yield f"{since}, so that its default must be 0"


# Types


def check_type(type: Type) -> Refusals:
    if type.nests:
        yield f"{type.where}: holds types, alternatives or extensions"
    if type.shape is Shape.HANDLE:
        yield from check_handle(type)
    elif type.shape is not Shape.ARGUMENTS:
        yield from check_doc(type.where, type.doc)
        yield from check_slots(type, PLACES[type.shape])
        yield from check_own_names(type)


def check_handle(type: Type) -> Refusals:
    if type.slots:
        yield f"{type.where}: is a handle but has fields"
    if not type.full_name.startswith(".wws.handle."):
        yield f"{type.where}: is a handle outside package wws.handle"
    if not type.object:
        yield f"{type.where}: is a handle of no service"


def check_own_names(type: Type) -> Refusals:
    """Names that the shape gives to members of its own."""
    names = {"struct_size", "version"} if type.is_struct else {"state"}
    if type.shape is Shape.TABLE:
        names |= {"state", "free_state"}
    for slot in type.slots:
        if slot.name.snake in names or slot.name.snake.startswith("reserved"):
            yield f"{slot.where}: has a name that generated members have"
    for slot in type.slots:
        if (type.shape is Shape.CALLBACK and slot.name.snake == "result"
                and not type.result):
            yield f"{slot.where}: is a result but not a Status"


def check_enumeration(enumeration: Enumeration) -> Refusals:
    yield from check_doc(enumeration.where, enumeration.doc)
    if enumeration.aliases:
        yield f"{enumeration.where}: has two names for one number"
    for value in enumeration.values:
        if not value.name.startswith(enumeration.prefix):
            yield f"{value.where}: does not begin with {enumeration.prefix}"
        if value.number < 0 and not enumeration.is_status:
            yield f"{value.where}: is negative"
        yield from check_doc(value.where, value.doc)


# Functions


def check_object(model: Model, object: Object) -> Refusals:
    yield from check_doc(object.where, object.doc)
    if not object.free_functions and not object.handle:
        yield f"{object.where}: has no handle"
    if object.free_functions and (object.borrowed or object.has_default):
        yield (f"{object.where}: is no object that could be borrowed or have a "
               "default")
    if object.handed_over:
        yield from check_handed_over(object)
    for call in object.calls:
        yield from check_call(model, call)


def check_handed_over(object: Object) -> Refusals:
    """Whoever is given it must be able to end it, and to say why."""
    needed = {"complete": (Kind.ENUM, "a status"),
              "give_reason": (Kind.STRING, "a text")}
    found = {it.name.snake: [slot.kind for slot in it.request.slots]
             for it in object.calls if it.request}
    if not object.borrowed:
        yield f"{object.where}: is handed over but not borrowed"
    for name, (kind, spoken) in needed.items():
        if found.get(name) != [kind]:
            yield (f"{object.where}: is handed over and has no {name} of "
                   f"{spoken} alone")


def check_call(model: Model, call: Call) -> Refusals:
    request, response = call.request, call.response
    yield from check_doc(call.where, call.doc)
    if call.name.snake in METHOD_KEYWORDS:
        yield f"{call.where}: is a keyword in one of our languages"
    if (not request or request.shape is not Shape.ARGUMENTS or not response
            or response.shape not in (Shape.ARGUMENTS, Shape.HANDLE)):
        yield (f"{call.where}: takes or gives something else than arguments or "
               "a handle")
        return
    if call.streams:
        yield f"{call.where}: streams"
    yield from check_slots(request, REQUEST)
    if response is not request and response.shape is Shape.ARGUMENTS:
        yield from check_slots(response, RESPONSE)
    for parameter in call.parameters:
        yield from check_parameter(call, parameter)
    for parameter in call.parameters:
        if parameter.input and parameter.output:
            yield from check_both_ways(request, parameter.slot)
    if call.object.free_functions:
        yield from check_free_function(call, response)
        return
    yield from check_role(call)
    yield from check_async(model, call)


def check_parameter(call: Call, parameter: Parameter) -> Refusals:
    slot = parameter.slot
    reserved = {"completion", "self", "failure", "wrong"}
    if call.has_error:
        reserved.add("error")
    if call.has_self:
        reserved.add(call.object.name.snake)
    if parameter.name in reserved:
        yield (f"{slot.where}: has a name that another parameter of "
               f"{call.function} has")
    if (parameter.output and slot.repeated
            and not any(it.capacity for it in call.parameters)):
        yield f"{slot.where}: is an array without a capacity in the request"


def check_both_ways(request: Type, slot: Slot) -> Refusals:
    if (slot.kind in (Kind.STRING, Kind.BYTES) or slot.repeated
            or slot.shape is Shape.RECORD):
        yield f"{slot.where}: cannot go in and come out"
    for given in request.slots:
        if given.name.snake == slot.name.snake and not slot.is_like(given):
            yield f"{slot.where}: goes in as another type"


def check_free_function(call: Call, response: Type) -> Refusals:
    if call.role in (Role.CREATE, Role.CANCEL) or call.is_async:
        yield (f"{call.where}: belongs to no object that could be created, "
               "cancelled or waited for")
    if len(response.slots) > 1 or response.shape is Shape.HANDLE:
        yield f"{call.where}: gives back more than one value"
    elif response.slots and response.slots[0].kind in (Kind.BYTES,
                                                       Kind.MESSAGE):
        yield (f"{call.where}: gives back something that is not a number, enum "
               "or string")


def check_role(call: Call) -> Refusals:
    creates = any(it.output and it.slot.type
                  and it.slot.type is call.object.handle
                  for it in call.parameters)
    if call.role is Role.CREATE and not creates:
        yield (f"{call.where}: creates an object but does not give back its "
               "handle")
    if call.role is Role.FREE and call.parameters:
        yield f"{call.where}: frees an object but has parameters"
    if call.role in (Role.FREE, Role.CANCEL) and call.is_async:
        yield f"{call.where}: is async but must never wait"
    if call.object.borrowed and call.role in (Role.FREE, Role.CREATE):
        yield (f"{call.where}: creates or frees an object that is only "
               "borrowed")


def reaches(call: Call, object: Object) -> bool:
    return (call.has_self and call.object is object
            or any(it.slot.shape is Shape.HANDLE
                   and it.slot.type.object is object
                   for it in call.parameters))


def check_async(model: Model, call: Call) -> Refusals:
    if call.is_async and not call.cancelled_by:
        yield f"{call.where}: is async but nothing cancels it"
    if not call.is_async and call.cancelled_by:
        yield f"{call.where}: is cancelled but not async"
    if call.is_async and not model.completion:
        yield f"{call.where}: is async but there is no table Completion"
    cancelled = f"{call.where}: is cancelled by {call.cancelled_by}"
    if not call.cancelled_by:
        pass
    elif not call.canceller:
        yield f"{cancelled}, which does not exist"
    elif call.canceller.role is not Role.CANCEL:
        yield f"{cancelled}, whose role is not CANCEL"
    elif not reaches(call, call.canceller.object):
        yield f"{cancelled}, of an object that is not at hand"

    # Outputs of a pending call are written when it completes, so that they must
    # live until then; inputs are copied before the function returns.
    for parameter in call.parameters:
        if (call.is_async and parameter.output
                and parameter.slot.lifetime is Lifetime.CALL):
            yield (f"{call.where}: {parameter.name} is written when the call "
                   "completes: its lifetime cannot be CALL")
