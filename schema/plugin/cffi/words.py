"""How Python says what the schema says: names, comments, and what is left
out."""
from __future__ import annotations

from dataclasses import replace

from model import Call, Enumeration, Model, Role, Shape, Slot, Type, Value
from speech import Speech
from text import COLUMNS, wrapped

# Rules


def is_options_type(type: Type) -> bool:
    """Options are arguments with names; other structs are values of a class."""
    return (type.shape is Shape.STRUCT
            and type.name.pascal.endswith("Options"))


def is_options(slot: Slot) -> bool:
    return slot.type is not None and is_options_type(slot.type)


def is_value(type: Type) -> bool:
    return type.shape is Shape.STRUCT and not is_options_type(type)


def is_raised(model: Model, type: Type) -> bool:
    """What a handler can give to the operation that it was given, it can raise,
    too."""
    return any(it.slot.type is type for call in model.calls
               if call.object.borrowed for it in call.parameters)


def is_queued(model: Model, table: Type) -> bool:
    """Whether a table is served through the queue that it can name."""
    return (table.only_callback is not None
            and model.queue_of(table) is not None)


def is_class(model: Model, type: Type) -> bool:
    return type in model.tables and not type.only_callback


def has_record(model: Model, type: Type) -> bool:
    """What an event tells is for the support alone."""
    return type.shape is Shape.RECORD and type is not model.event


def failure_of(model: Model) -> Type | None:
    """The record that an error object knows of itself."""
    return next((it.slot.type for call in model.error.calls
                 for it in call.parameters
                 if it.is_record_output and not call.may_end), None)


def errors_of(model: Model) -> list[Value]:
    return [it for it in model.status.values if it.number < 0]


def results_of(call: Call) -> list[Slot]:
    return [it.slot for it in call.parameters if it.is_result]


def is_attribute(call: Call) -> bool:
    """What is read without an argument is an attribute."""
    return (call.role is Role.READ and not call.is_async and call.has_self
            and call.name.snake.startswith("get_")
            and not any(it.input for it in call.parameters))


# Names


def method_name(call: Call) -> str:
    name = call.name.snake
    if is_attribute(call):
        return name.removeprefix("get_")
    if call.role is Role.CREATE:
        bare = name.removeprefix("create_")
        return bare if bare != name else "__init__"
    return name


def error_name(value: Value) -> str:
    """E_OPERATION_ABORTED is Aborted, E_QUOTA_EXCEEDED QuotaExceeded."""
    return value.short_name.pascal[1:].removeprefix("Operation")


# Documentation


def spoken_call(call: Call) -> str:
    owner = call.object.name.pascal
    name = method_name(call)
    if call.object.free_functions:
        return f"{name}()"
    if name == "__init__":
        return f"{owner}()"
    return f"{owner}.{name}" if is_attribute(call) else f"{owner}.{name}()"


def spoken_value(enumeration: Enumeration, value: Value) -> str:
    if enumeration.is_status and value.number < 0:
        return error_name(value)
    return f"{enumeration.name.pascal}.{value.scoped_name}"


SPEECH = Speech(spoken_call, spoken_value, "INFINITE")


def speech_of(call: Call) -> Speech:
    """That there is none is an answer of its own, not a status."""

    def spoken(enumeration: Enumeration, value: Value) -> str:
        if value.is_end:
            return "None" if results_of(call) else "False"
        return spoken_value(enumeration, value)

    return replace(SPEECH, of_value=spoken) if call.may_end else SPEECH


def sentence(doc: str) -> str:
    """The first one of a comment."""
    for end in (".  ", ".\n"):
        if end in doc:
            return doc[:doc.index(end) + 1]
    return doc


def docstring(doc: str, indent: str = "") -> str:
    one_line = f'{indent}"""{doc}"""'
    if len(one_line) <= COLUMNS and "\n" not in doc:
        return f"{one_line}\n"
    return wrapped(f'"""{doc}', indent, indent) + f'{indent}"""\n'
