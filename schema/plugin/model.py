"""The schema as plain objects: all that emitters see.  Everything stands in
the order in which it is written out, with its name in every case form.

Nothing is judged here, see check.py: a reference that leads nowhere is None."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

# The numbers of the next three are those of schema/wws/abi.proto.


class Shape(IntEnum):
    ARGUMENTS = 0
    STRUCT = 1
    TABLE = 2
    CALLBACK = 3
    HANDLE = 4
    RECORD = 5


class Lifetime(IntEnum):
    CALL = 0
    COMPLETION = 1
    OBJECT = 2


class Role(IntEnum):
    ACT = 0
    CREATE = 1
    FREE = 2
    CANCEL = 3
    READ = 4


class Kind(Enum):
    """The type of a field."""
    BOOL = FieldDescriptorProto.TYPE_BOOL
    INT32 = FieldDescriptorProto.TYPE_INT32
    UINT32 = FieldDescriptorProto.TYPE_UINT32
    INT64 = FieldDescriptorProto.TYPE_INT64
    UINT64 = FieldDescriptorProto.TYPE_UINT64
    DOUBLE = FieldDescriptorProto.TYPE_DOUBLE
    STRING = FieldDescriptorProto.TYPE_STRING
    BYTES = FieldDescriptorProto.TYPE_BYTES
    ENUM = FieldDescriptorProto.TYPE_ENUM
    MESSAGE = FieldDescriptorProto.TYPE_MESSAGE
    UNSUPPORTED = None

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        return cls.UNSUPPORTED


class Name:
    """A name, given in any form."""

    def __init__(self, name: str):
        if name != name.upper():
            name = re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])",
                          "_", name)
        self.snake = name.lower()  # service_proxy
        self.upper = name.upper()  # SERVICE_PROXY
        self.pascal = "".join(     # ServiceProxy
            word.capitalize() for word in self.snake.split("_"))
        self.spoken = self.snake.replace("_", " ")


@dataclass(eq=False)
class Slot:
    """A member, slot or argument: a field."""
    name: Name
    where: str  # "wws/channel.proto: OpenChannel.address"
    doc: str
    kind: Kind
    type_name: str  # ".wws.ChannelOptions", or empty
    number: int
    required: bool
    repeated: bool
    value: str | None  # the default as written
    lifetime: Lifetime
    moved: bool
    pointer: bool  # a UINT64 that is an application's own pointer
    text: bool     # BYTES that are text in UTF-8
    since: int
    type: Type | None = None  # of a MESSAGE
    enumeration: Enumeration | None = None  # of an ENUM

    @property
    def shape(self) -> Shape | None:
        """That of a MESSAGE."""
        return self.type.shape if self.type else None

    @property
    def is_struct(self) -> bool:
        return self.type is not None and self.type.is_struct

    @property
    def is_handed_over(self) -> bool:
        """Whether this is an object that whoever is given it completes."""
        return self.shape is Shape.HANDLE and self.type.object.handed_over

    @property
    def is_buffer(self) -> bool:
        """Whether these are bytes that come with what releases them."""
        return self.kind is Kind.BYTES and self.moved

    @property
    def is_view(self) -> bool:
        """Whether there is something in it that belongs to somebody else."""
        if self.shape is Shape.RECORD:
            return any(it.is_view for it in self.type.slots)
        return self.kind is Kind.STRING or (self.kind is Kind.BYTES
                                            and not self.moved)

    @property
    def is_greatest(self) -> bool:
        """Whether the default is the greatest value that there is."""
        bits = {Kind.UINT32: 32, Kind.UINT64: 64}.get(self.kind)
        return (bits is not None and self.value is not None
                and int(self.value) == 2**bits - 1)

    def is_like(self, other: Slot) -> bool:
        return all(getattr(self, name) == getattr(other, name) for name in
                   ("kind", "type_name", "repeated", "moved", "pointer"))


@dataclass(eq=False)
class Declaration:
    """What a type, an enum and an object have in common."""
    name: Name
    full_name: str  # ".wws.ChannelOptions"
    where: str      # "wws/channel.proto: ChannelOptions"
    file: str
    doc: str


@dataclass(eq=False)
class Type(Declaration):
    """A message of any shape."""
    shape: Shape
    since: int
    slots: list[Slot]
    nests: bool  # has types or alternatives inside
    result: Slot | None = None    # of a CALLBACK that returns a status
    object: Object | None = None  # of a HANDLE

    @property
    def is_struct(self) -> bool:
        """Whether it is laid out in memory: versioned, its size in front."""
        return self.shape in (Shape.STRUCT, Shape.TABLE, Shape.RECORD)

    @property
    def callbacks(self) -> list[Slot]:
        """Those of a TABLE."""
        return [it for it in self.slots if it.shape is Shape.CALLBACK]

    @property
    def only_callback(self) -> Slot | None:
        """That of a TABLE that has no other."""
        return self.callbacks[0] if len(self.callbacks) == 1 else None

    @property
    def arguments(self) -> list[Slot]:
        """Those of a CALLBACK, without its result and its state."""
        return [it for it in self.slots if it is not self.result]

    @property
    def is_handed(self) -> bool:
        """Whether a CALLBACK is given what it completes itself."""
        return any(it.is_handed_over for it in self.arguments)


@dataclass(eq=False)
class Value:
    name: str         # CHANNEL_STATE_OPEN
    constant: str     # WWS_CHANNEL_STATE_OPEN
    short_name: Name  # without the name of its enum
    where: str
    doc: str
    number: int
    since: int

    @property
    def scoped_name(self) -> str:
        """As a name: what begins with a digit is a version."""
        name = self.short_name.upper
        return f"V{name}" if name[0].isdigit() else name

    @property
    def is_end(self) -> bool:
        """Whether this is what a function ends with that may end."""
        return self.constant == "WWS_S_END"


@dataclass(eq=False)
class Enumeration(Declaration):
    values: list[Value]
    is_status: bool
    prefix: str    # of the names of its values
    aliases: bool  # two values may have one number

    def default(self, written: str | None) -> Value:
        """The value written as a default; without one, the first."""
        return next(it for it in self.values if written in (None, it.name))


@dataclass(eq=False)
class Parameter:
    """A parameter of a function.  What stands in the request and in the
    response is one parameter that goes both ways."""
    slot: Slot
    input: bool
    output: bool
    required: bool
    capacity: bool = False  # says how many records fit into another one

    @property
    def name(self) -> str:
        return self.slot.name.snake

    @property
    def has_default(self) -> bool:
        """Whether it is a handle whose zero names the default object."""
        return (self.slot.shape is Shape.HANDLE
                and self.slot.type.object is not None
                and self.slot.type.object.has_default)

    @property
    def is_record_output(self) -> bool:
        return self.output and self.slot.shape is Shape.RECORD

    @property
    def is_result(self) -> bool:
        """Whether it comes out for the caller: a handle that also goes in is
        there already."""
        return self.output and not (self.input
                                    and self.slot.shape is Shape.HANDLE)


@dataclass(eq=False)
class Call:
    """A function: an rpc."""
    name: Name
    function: str  # channel_open, of wws_channel_open
    where: str
    doc: str
    role: Role
    is_async: bool
    cancelled_by: str  # "Channel.Abort", or empty
    any_thread: bool
    may_end: bool  # with WWS_S_END, which is neither failure nor result
    since: int
    object: Object
    request_name: str
    response_name: str
    has_self: bool   # the object is the first parameter
    has_error: bool  # an error object is the last one
    streams: bool
    request: Type | None = None
    response: Type | None = None
    canceller: Call | None = None
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def inputs(self) -> list[Parameter]:
        """Those that only go in."""
        return [it for it in self.parameters if not it.output]

    @property
    def outputs(self) -> list[Parameter]:
        return [it for it in self.parameters if it.output]

    @property
    def bare_name(self) -> str:
        """Its name without what only says that it asks or makes, unless
        another one is named so."""
        name = self.name.snake
        bare = name.removeprefix("create_" if self.role is Role.CREATE
                                 else "get_")
        taken = (it.name.snake for it in self.object.calls)
        return name if bare in taken else bare

    @property
    def ends_object(self) -> bool:
        """Whether this is what whoever was given an object completes it by."""
        return self.object.handed_over and self.name.snake == "complete"

    @property
    def cancelled_through(self) -> Parameter | None:
        """The handle whose object cancels, if that is not the call's own."""
        owner = self.canceller.object if self.canceller else None
        return next((it for it in self.parameters
                     if it.slot.shape is Shape.HANDLE and owner is not
                     self.object and it.slot.type.object is owner), None)


@dataclass(eq=False)
class Object(Declaration):
    """An object, or a group of free functions: a service."""
    borrowed: bool
    free_functions: bool
    has_default: bool
    handed_over: bool
    since: int
    calls: list[Call] = field(default_factory=list)
    handle: Type | None = None  # None for free functions
    free: Call | None = None    # None if nothing is to be given back

    @property
    def is_looked_into(self) -> bool:
        """Whether it lends what it holds: then it must not change while
        somebody looks."""
        return any(it.output and it.slot.is_view
                   for call in self.calls for it in call.parameters)

    @property
    def can_be_told(self) -> bool:
        """Whether it can register to be told of something: a callback of its
        own, or a queue in its place."""
        return any(it.input and it.slot.shape is Shape.TABLE
                   and any(inside.shape is Shape.HANDLE
                           for inside in it.slot.type.slots)
                   for call in self.calls for it in call.parameters)


@dataclass(eq=False)
class Model:
    types: list[Type] = field(default_factory=list)
    structs: list[Type] = field(default_factory=list)
    enumerations: list[Enumeration] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)
    completion: Type | None = None  # the TABLE Completion
    error: Object | None = None     # the object Error
    queue: Object | None = None     # where completions can go
    cycle: str | None = None        # where a struct contains itself
    version: int = 0                # the highest since of all

    @property
    def calls(self) -> Iterator[Call]:
        return (call for object in self.objects for call in object.calls)

    def is_hidden(self, object: Object) -> bool:
        """Whether languages have something else for it: failures and what waits
        for completions."""
        return object in (self.error, self.queue)

    def is_hidden_handle(self, slot: Slot) -> bool:
        return (slot.shape is Shape.HANDLE
                and self.is_hidden(slot.type.object))

    def is_spoken(self, object: Object) -> bool:
        """Whether languages have a type for it."""
        return not object.free_functions and not self.is_hidden(object)

    def spoken_calls(self, object: Object) -> list[Call]:
        """The calls of an object that languages have: of one that they see, not
        those that give out or need what is hidden from them, or take an
        address.  What gives memory back without an object is the support's."""
        def is_spoken(parameter: Parameter) -> bool:
            if parameter.output or parameter.required:
                if self.is_hidden_handle(parameter.slot):
                    return False
            return parameter.output or not parameter.slot.pointer

        if self.is_hidden(object):
            return []
        return [call for call in object.calls
                if all(map(is_spoken, call.parameters))
                and not (object.free_functions and call.role is Role.FREE)]

    @property
    def tables(self) -> list[Type]:
        """All but that of completions, which are the support's."""
        return [it for it in self.structs
                if it.shape is Shape.TABLE and it is not self.completion]

    def queue_of(self, table: Type) -> Slot | None:
        """Where a table can name a queue instead of its callback."""
        return next((it for it in table.slots if it.shape is Shape.HANDLE
                     and it.type.object is self.queue), None)

    @property
    def event(self) -> Type | None:
        """The record in which a queue tells of what has happened."""
        return next((it.slot.type
                     for call in (self.queue.calls if self.queue else [])
                     for it in call.parameters if it.is_record_output), None)

    @property
    def status(self) -> Enumeration | None:
        return next((it for it in self.enumerations if it.is_status), None)
