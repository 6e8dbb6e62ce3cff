"""Emits bindings/go: a file for each of the schema, with a type for each
object, enumeration, struct, record and table, and what C calls of Go.

Words.  To *lower* is to make C's value of Go's, in memory of C that a frame
holds; to *lift* is the way back.  A table is *queued* if what it tells comes as
an event of a queue, and *called* if C calls Go on a thread of its own.
bindings/go/support.go has what generated code stands on."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from model import Model, Shape
from text import Files

from . import callbacks, calls, types
from .words import Go, comment, opening


def declarations(go: Go, proto: str) -> Iterator[str]:
    """All that comes of a file of the schema."""
    for enumeration in go.model.enumerations:
        if (enumeration.file == proto
                and go.is_spoken_enumeration(enumeration)):
            yield types.enumeration(go, enumeration)
    for type in go.model.structs:
        if type.file != proto:
            continue
        if type.shape is Shape.STRUCT:
            yield types.struct(go, type)
        elif type.shape is Shape.RECORD and type is not go.model.event:
            yield types.record(go, type)
        elif type.shape is Shape.TABLE and go.is_spoken_table(type):
            yield callbacks.table(go, type)
    for object in go.model.objects:
        if object.file != proto:
            continue
        if object.free_functions:
            yield from (calls.free_function(go, it)
                        for it in go.model.spoken_calls(object))
        elif go.model.is_spoken(object):
            yield calls.object(go, object)


def imports(text: str) -> str:
    packages = [package for package, type in (("context", "context.Context"),
                                              ("time", "time.Duration"))
                if type in text]
    said = '// #include "callbacks.h"\nimport "C"\n'
    if len(packages) > 1:
        lines = "".join(f'\t"{it}"\n' for it in packages)
        return f"{said}\nimport (\n{lines})\n"
    return said + "".join(f'\nimport "{it}"\n' for it in packages)


def emit(model: Model) -> Files:
    go = Go(model)
    files = dict.fromkeys(it.file for it in [
        *model.enumerations, *model.structs, *model.objects])
    for proto in files:
        text = "".join(declarations(go, proto))
        if text:
            yield (f"bindings/go/{PurePath(proto).stem}.go",
                   opening(f"schema/{proto}") + imports(text) + text)
    yield from callbacks.files(go)
    yield "bindings/go/version.go", opening("the schema") + comment(
        "needed is the version of the interface that this package was made for."
    ) + f"const needed = {model.version}\n"
