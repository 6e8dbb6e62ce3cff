"""Objects and their functions, and functions without an object."""
from __future__ import annotations

from model import Call, Kind, Object, Parameter, Role, Shape, Slot

from .types import cgo_type, go_type, lifted, lowered
from .words import (
    Go, argument_name, call_name, code, comment, exported, filled, joined,
    named_type, receiver_name, spoken_call, unexported)

# Inputs and outputs


def default_of(call: Call) -> Parameter | None:
    """The parameter that is the object itself where there is a default one."""
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


def is_result(go: Go, call: Call, parameter: Parameter) -> bool:
    return (parameter.output and not parameter.input
            and go.is_spoken(parameter.slot) and not is_count(call, parameter))


def results_of(go: Go, call: Call) -> list[Parameter]:
    return [it for it in call.parameters if is_result(go, call, it)]


def both_ways(go: Go, call: Call) -> list[Parameter]:
    """Handles that C makes if it is given none: callers seldom have one."""
    return [it for it in call.parameters
            if it.input and it.output and go.is_spoken(it.slot)]


def joined_parameters(items: list[str]) -> str:
    """Neighbours of one type name it once."""
    said = []
    for item, after in zip(items, [*items[1:], ""]):
        name, _, type = item.partition(" ")
        said.append(name if type == after.partition(" ")[2] else item)
    return ", ".join(said)


def go_arguments(go: Go, call: Call) -> list[str]:
    arguments = ["ctx context.Context"] if call.is_async else []
    for it in call.inputs:
        if go.is_spoken(it.slot) and it is not default_of(call):
            pointer = it.slot.shape is Shape.TABLE and it.slot.required
            arguments.append(f"{argument_name(it.slot)} "
                             f"{'*' * pointer}{go_type(it.slot)}")
    both = both_ways(go, call)
    dots = "..." if len(both) == 1 else ""
    return arguments + [f"{argument_name(it.slot)} {dots}{go_type(it.slot)}"
                        for it in both]


def signature(go: Go, call: Call) -> str:
    arguments = joined_parameters(go_arguments(go, call))
    results = []
    for it in results_of(go, call):
        # A result would shadow the receiver of the same name.
        name = argument_name(it.slot)
        if call.has_self and name == receiver_name(call.object):
            name += "Value"
        results.append(f"{name} {go_type(it.slot)}")
    if not results:
        return f"({arguments}) error"
    return f"({arguments}) ({joined(results)}, err error)"


# Bodies


def place_name(slot: Slot) -> str:
    return f"{unexported(slot.name.snake)}Out"


def place_argument(slot: Slot) -> str:
    name = place_name(slot)
    if slot.shape is not Shape.RECORD:
        return name
    return f"head({name})" if slot.repeated else f"&{name}[0]"


def place(go: Go, call: Call, parameter: Parameter) -> str:
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
    both = both_ways(go, call)
    if parameter in both:
        given = argument_name(slot)
        given = f"first({given})" if len(both) == 1 else given
        text += f"\t*{name} = {lowered(slot, given)}\n"
    return text


def c_arguments(go: Go, call: Call) -> list[str]:
    arguments = []
    if call.has_self:
        arguments.append(f"{receiver_name(call.object)}.in(f)")
    for it in call.parameters:
        slot = it.slot
        name = argument_name(slot)
        if it.output:
            arguments.append(place_argument(slot) if go.is_spoken(slot)
                             else "nil")
        elif not go.is_spoken(slot):
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


def body(go: Go, call: Call) -> str:
    results = [lifted_result(call, it) for it in results_of(go, call)]
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
            text += f"\t{name}At, {name}Count := {lowered(it.slot, name)}\n"
    for it in call.parameters:
        if it.output and go.is_spoken(it.slot):
            text += place(go, call, it)

    into = "err = " if results else "return "
    function = f"C.wws_{call.function}("
    arguments = c_arguments(go, call)
    if call.is_async:
        text += filled(f"    pending := {function}", arguments, ")\n")
        text += f"\t{into}f.wait(ctx, {canceller(call)}, pending)\n"
    else:
        text += filled(f"    {into}f.check({function}", arguments, "))\n")
    if results:
        text += f"\treturn {joined([*results, 'err'])}\n"
    return text + "}\n"


# Functions


def call_doc(go: Go, call: Call) -> str:
    doc = go.doc_of(call_name(call), call.doc, "returns ", "")
    if call.is_async:
        doc += ("\n\nIt waits, but holds no thread. When ctx ends first, "
                f"it is ended early, by {spoken_call(call.canceller)}.")
    if call.since > 1:
        doc += f" Since version {call.since}."
    return doc


def default_creator(go: Go, call: Call) -> str:
    """What is created on a default object is created by a function, too."""
    owner = named_type(default_of(call).slot)
    names = [it.partition(" ")[0] for it in go_arguments(go, call)]
    doc = f"{call_doc(go, call)} It lives on Default{owner}."
    return "\n" + comment(doc) + code("""
        |func $name$$signature$ {
        |    return Default$owner$.$name$($names$)
        |}
        """, name=call_name(call), signature=signature(go, call), owner=owner,
        names=joined(names))


def method(go: Go, call: Call, object: Object | None) -> str:
    receiver = (f"({receiver_name(object)} *{exported(object.name.snake)}) "
                if object else "")
    return "".join([
        "\n", comment(call_doc(go, call)),
        f"func {receiver}{call_name(call)}{signature(go, call)} {{\n",
        body(go, call)])


def free(go: Go, call: Call) -> str:
    object = call.object
    doc = (f"{call_doc(go, call)} It may be called again, and is when the "
           f"{object.name.spoken} is collected.")
    return "\n" + comment(doc) + code("""
        |func ($receiver$ *$name$) $free$() {
        |    if $receiver$ != nil {
        |        $receiver$.free()
        |    }
        |}
        """, receiver=receiver_name(object), name=exported(object.name.snake),
        free=call_name(call))


def object_call(go: Go, call: Call) -> str:
    default = default_of(call)
    if call.role is Role.FREE:
        return free(go, call)
    if call.role is not Role.CREATE:
        return method(go, call, call.object)
    if not default:
        return method(go, call, None)
    return default_creator(go, call) + method(go, call,
                                              default.slot.type.object)


def free_function(go: Go, call: Call) -> str:
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
    parameters = joined_parameters(go_arguments(go, call))
    return "".join([
        "\n", comment(call_doc(go, call)),
        f"func {call_name(call)}({parameters}){' ' if type else ''}{type} {{\n",
        "\tf := begin()\n\tdefer f.end()\n" if framed else "",
        filled(head, [lowered(it, argument_name(it)) for it in slots], tail),
        "}\n"])


# Objects


def object(go: Go, object: Object) -> str:
    name = exported(object.name.snake)
    text = "\n" + go.type_doc(name, object.doc, "stands for ") + code("""
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
    for call in go.model.spoken_calls(object):
        text += object_call(go, call)
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
        """, receiver=receiver_name(object), name=name, snake=object.name.snake,
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
            """, name=name, snake=object.name.snake, free=object.free.function)
    return text
