"""Values: what they are in Go, how they are lowered and lifted, and the types
of those that the schema declares."""
from __future__ import annotations

from header import c_type
from model import Enumeration, Kind, Shape, Slot, Type
from text import fill

from .words import (
    Go, code, comment, exported, is_duration, member_name, named_type,
    sentinel_name, value_name)

# Values

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


# Enumerations


def enumeration(go: Go, enumeration: Enumeration) -> str:
    name = exported(enumeration.name.snake)
    return "".join([
        "\n", go.type_doc(name, enumeration.doc, "stands for "),
        f"type {name} {'int32' if enumeration.is_status else 'uint32'}\n",
        values(go, enumeration, name),
        sentinels(go, enumeration) if enumeration.is_status
        else string_method(enumeration, name)])


def values(go: Go, enumeration: Enumeration, name: str) -> str:
    values = []
    for value in enumeration.values:
        own = value_name(enumeration, value)
        values.append(go.marked(own, value)
                      + f"\t{own} {name} = {value.number}\n")
    return "\nconst (\n" + "\n".join(values) + ")\n"


def sentinels(go: Go, enumeration: Enumeration) -> str:
    sentinels = []
    for value in enumeration.values:
        if value.number < 0:
            name = sentinel_name(enumeration, value)
            of = value_name(enumeration, value)
            sentinels.append(go.marked(name, value)
                             + f"\t{name} error = {of}\n")
    doc = comment("What failures are known by: errors.Is(err, ErrX) says "
                  "whether the status of err is StatusX.")
    return f"\n{doc}var (\n" + "\n".join(sentinels) + ")\n"


def string_method(enumeration: Enumeration, name: str) -> str:
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


# Structs and records


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


def member_doc(go: Go, type: Type, slot: Slot) -> str:
    doc = go.words(slot.doc)
    value = initial(slot)
    if slot.required and type.shape is Shape.STRUCT:
        doc += " Required."
    if value:
        said = said_duration(slot) if is_duration(slot) else value
        doc += f" Default: {said}."
    if slot.since > type.since:
        doc += f" Since version {slot.since}."
    return comment(doc, "\t")


def struct_type(go: Go, type: Type) -> str:
    name = exported(type.name.snake)
    members = [member_doc(go, type, it)
               + f"\t{member_name(it)} {member_type(it)}\n"
               for it in type.slots if go.is_spoken(it)]
    return "\n" + go.type_doc(name, type.doc, "holds ") + fill("""
        |type $name$ struct {
        |$members$
        |}
        """, name=name, members="\n".join(members))


def struct(go: Go, type: Type) -> str:
    return "".join([struct_type(go, type), lower_head("o", type),
                    *(lower_member(it) for it in type.slots
                      if go.is_spoken(it)),
                    "\treturn c\n}\n"])


def record(go: Go, type: Type) -> str:
    members = [f"\tr.{member_name(it)} = {lifted_member(it)}\n"
               for it in type.slots if go.is_spoken(it)]
    return struct_type(go, type) + code("""
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
