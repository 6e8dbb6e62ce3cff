"""Reads descriptors: a file by itself first, then what refers to what."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto,
    FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto,
    ServiceDescriptorProto)

from model import (
    Call, Enumeration, Kind, Lifetime, Model, Name, Object, Parameter, Role,
    Shape, Slot, Type, Value)

# The extensions that schema/wws/abi.proto declares, by name.
Annotations = Mapping[str, Any]

# What leads to a comment in FileDescriptorProto, DescriptorProto and so on.
MESSAGE, ENUM, SERVICE, INNER = 4, 5, 6, 2


def docs_of(file: FileDescriptorProto) -> Mapping[tuple[int, ...], str]:
    """Comments by the path of what they stand at, without the space in front of
    each line and what is white behind the last one."""
    docs: defaultdict[tuple[int, ...], str] = defaultdict(str)
    for location in file.source_code_info.location:
        said = location.leading_comments or location.trailing_comments
        said = re.sub("^ ", "", said, flags=re.M).rstrip()
        docs[tuple(location.path)] = docs[tuple(location.path)] or said
    return docs


def in_order(files: list[FileDescriptorProto]) -> list[FileDescriptorProto]:
    """First those without an object, the others as handles.proto has them."""
    handles = [message.name for file in files
               if file.package == "wws.handle" for message in file.message_type]

    def place(file: FileDescriptorProto) -> int:
        name = file.service[0].name if file.service else None
        return handles.index(name) + 1 if name in handles else 0

    return sorted(files, key=place)


class File:
    """A file, read by itself: names of types still stand for types."""

    def __init__(self, file: FileDescriptorProto, annotations: Annotations):
        self.file = file
        self.docs = docs_of(file)
        self.annotations = annotations
        self.types = [self.type_of(*it) for it in enumerate(file.message_type)]
        self.enumerations = [self.enumeration_of(*it)
                             for it in enumerate(file.enum_type)]
        self.objects = [self.object_of(*it) for it in enumerate(file.service)]

    def annotation(self, descriptor: Any, name: str) -> Any:
        return descriptor.options.Extensions[self.annotations[name]]

    def declaration(self, name: str, *path: int) -> dict[str, Any]:
        return dict(name=Name(name),
                    full_name=f".{self.file.package}.{name}",
                    where=f"{self.file.name}: {name}",
                    file=self.file.name,
                    doc=self.docs[path])

    def type_of(self, index: int, message: DescriptorProto) -> Type:
        option = self.annotation(message, "type")
        return Type(
            **self.declaration(message.name, MESSAGE, index),
            shape=Shape(option.shape),
            since=option.since,
            slots=[self.slot_of(field, f"{self.file.name}: {message.name}",
                                self.docs[MESSAGE, index, INNER, i])
                   for i, field in enumerate(message.field)],
            nests=bool(message.nested_type or message.enum_type
                       or message.oneof_decl or message.extension_range))

    def slot_of(
        self, field: FieldDescriptorProto, where: str, doc: str
    ) -> Slot:
        option = self.annotation(field, "slot")
        return Slot(
            name=Name(field.name),
            where=f"{where}.{field.name}",
            doc=doc,
            kind=Kind(field.type),
            type_name=field.type_name,
            number=field.number,
            required=field.label == FieldDescriptorProto.LABEL_REQUIRED,
            repeated=field.label == FieldDescriptorProto.LABEL_REPEATED,
            value=(field.default_value if field.HasField("default_value")
                   else None),
            lifetime=Lifetime(option.lifetime),
            moved=option.moved,
            pointer=option.pointer,
            text=option.text,
            since=option.since)

    def enumeration_of(
        self, index: int, descriptor: EnumDescriptorProto
    ) -> Enumeration:
        is_status = descriptor.name == "Status"
        prefix = "WWS_" if is_status else f"{Name(descriptor.name).upper}_"

        def value_of(i: int, value: EnumValueDescriptorProto) -> Value:
            """Those of the status are named as they stand; others repeat the
            name of their enum, which languages with scopes leave out."""
            repeats = value.name.startswith(prefix)
            return Value(
                name=value.name,
                constant=value.name if is_status else f"WWS_{value.name}",
                short_name=Name(value.name[repeats * len(prefix):]),
                where=f"{self.file.name}: {descriptor.name}.{value.name}",
                doc=self.docs[ENUM, index, INNER, i],
                number=value.number,
                since=self.annotation(value, "mark").since)

        return Enumeration(
            **self.declaration(descriptor.name, ENUM, index),
            values=[value_of(*it) for it in enumerate(descriptor.value)],
            is_status=is_status,
            prefix=prefix,
            aliases=descriptor.options.allow_alias)

    def object_of(self, index: int, service: ServiceDescriptorProto) -> Object:
        option = self.annotation(service, "object")
        object = Object(
            **self.declaration(service.name, SERVICE, index),
            borrowed=option.borrowed,
            free_functions=option.free_functions,
            has_default=option.has_default,
            handed_over=option.handed_over,
            since=option.since)
        for i, method in enumerate(service.method):
            doc = self.docs[SERVICE, index, INNER, i]
            object.calls.append(self.call_of(object, method, doc))
        return object

    def call_of(
        self, object: Object, method: MethodDescriptorProto, doc: str
    ) -> Call:
        option = self.annotation(method, "call")
        name = Name(method.name)
        role = Role(option.role)
        free = object.free_functions
        prefix = "" if free else f"{object.name.snake}_"
        call = Call(
            name=name,
            function=f"{prefix}{name.snake}",
            where=f"{object.where}.{method.name}",
            doc=doc,
            role=role,
            is_async=getattr(option, "async"),
            cancelled_by=option.cancelled_by,
            any_thread=option.any_thread,
            may_end=option.may_end,
            since=option.since,
            object=object,
            request_name=method.input_type,
            response_name=method.output_type,
            has_self=role is not Role.CREATE and not free,
            has_error=(role not in (Role.FREE, Role.CANCEL) and not free
                       and object.full_name != ".wws.Error"),
            streams=method.client_streaming or method.server_streaming)
        if role is Role.FREE and not free:
            object.free = call
        return call


def model_of(
    files: Iterable[FileDescriptorProto], annotations: Annotations
) -> Model:
    ours = [it for it in files if it.package in ("wws", "wws.handle")]
    model = Model()
    for file in (File(it, annotations) for it in in_order(ours)):
        model.types += file.types
        model.enumerations += file.enumerations
        model.objects += file.objects
    link(model)
    place_structs(model)
    model.version = max(all_since(model), default=0)
    return model


def link(model: Model) -> None:
    types = {it.full_name: it for it in model.types}
    enumerations = {it.full_name: it for it in model.enumerations}
    objects = {it.full_name: it for it in model.objects}
    calls = {f"{it.object.name.pascal}.{it.name.pascal}": it
             for it in model.calls}
    model.completion = types.get(".wws.Completion")
    model.error = objects.get(".wws.Error")
    for type in model.types:
        if type.shape is Shape.HANDLE:
            name = type.full_name.rpartition(".")[2]
            type.object = objects.get(f".wws.{name}")
        for slot in type.slots:
            slot.type = types.get(slot.type_name)
            slot.enumeration = enumerations.get(slot.type_name)
            if (type.shape is Shape.CALLBACK and slot.name.snake == "result"
                    and slot.enumeration and slot.enumeration.is_status):
                type.result = slot
    for object in model.objects:
        if not object.free_functions:
            name = object.full_name.rpartition(".")[2]
            object.handle = types.get(f".wws.handle.{name}")
    for slot in model.completion.slots if model.completion else []:
        if slot.shape is Shape.HANDLE:
            model.queue = slot.type.object
    for call in model.calls:
        call.canceller = calls.get(call.cancelled_by)
        call.request = types.get(call.request_name)
        call.response = types.get(call.response_name)
        if call.request and call.response:
            call.parameters = parameters_of(call, call.request, call.response)


def parameters_of(
    call: Call, request: Type, response: Type
) -> list[Parameter]:
    """Inputs, then outputs."""
    outputs = {slot.name.snake for slot in response.slots}
    inputs = {slot.name.snake: slot for slot in request.slots}
    parameters = [Parameter(slot, True, False, slot.required)
                  for slot in request.slots if slot.name.snake not in outputs]

    # An rpc may give back a bare handle: then the parameter is named as its
    # object.
    if response.shape is Shape.HANDLE:
        slot = Slot(response.name, call.where, "", Kind.MESSAGE,
                    response.full_name, 1, True, False, None,
                    Lifetime.COMPLETION, False, False, False, 1, response)
        return parameters + [Parameter(slot, False, True, True)]

    for slot in response.slots:
        given = inputs.get(slot.name.snake)
        parameters.append(Parameter(
            slot, given is not None, True,
            slot.required or slot.repeated
            or (given is not None and given.required)))
        if slot.repeated:
            for it in parameters:
                it.capacity |= not it.output and it.name in (
                    "capacity", f"{slot.name.snake}_capacity")
    return parameters


def place_structs(model: Model) -> None:
    """Puts a struct behind those it mentions.  A struct met again before it is
    done contains itself."""
    begun: set[Type] = set()
    done: set[Type] = set()

    def place(type: Type) -> None:
        if type in done:
            return
        if type in begun:
            model.cycle = type.where
            return
        begun.add(type)
        for slot in type.slots:
            if slot.is_struct or slot.shape is Shape.CALLBACK:
                place(slot.type)
        done.add(type)
        if type.is_struct:
            model.structs.append(type)

    for type in model.types:
        if type.is_struct:
            place(type)


def all_since(model: Model) -> Iterator[int]:
    for type in model.types:
        yield type.since
        yield from (slot.since for slot in type.slots)
    for enumeration in model.enumerations:
        yield from (value.since for value in enumeration.values)
    for object in model.objects:
        yield object.since
        yield from (call.since for call in object.calls)
