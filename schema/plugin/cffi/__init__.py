"""Emits bindings/python/wws: a module for each object, the types and errors
that they share, type stubs for all of them, and the declarations that cffi
compiles.  A waiting function becomes a method that begins it; what makes the
asynchronous and the blocking twin of that is in the hand-written
wws/_waiting.py.  Two objects have no class: the one whose contents failures
carry, and the queue, which only the support waits on."""
from __future__ import annotations

from collections.abc import Iterable

from model import Model
from text import Files, fill

from .callbacks import cdef, gates, put_callbacks, tables_module
from .calls import object_module
from .module import Module, opening
from .types import errors_module, put_enumeration, put_record, put_value
from .words import (
    error_name, errors_of, failure_of, has_record, is_class, is_value)


def types_module(model: Model) -> Files:
    module = Module(model)
    for enumeration in model.enumerations:
        put_enumeration(module, enumeration)
    for type in model.structs:
        if has_record(model, type):
            put_record(module, type)
        elif is_value(type):
            put_value(module, type)
        elif is_class(model, type):
            put_callbacks(module, type)
    module.types.clear()
    yield from module.finish("types", "wws",
                             "Values that go in and out of the objects.")


def package(model: Model) -> str:
    """What comes last is by hand, and takes the place of what is printed."""

    def exports(module: str, names: Iterable[str]) -> str:
        return "".join(f"from .{module} import {it} as {it}\n" for it in names)

    types = [it.name.pascal for it in model.enumerations]
    types += [it.name.pascal for it in model.structs
              if has_record(model, it) and it is not failure_of(model)
              or is_value(it) or is_class(model, it)]
    text = opening("wws", "Web services whose every pending operation can be "
                   "stopped.")
    text += f"from . import _support\n\n_support.require({model.version})\n\n"
    text += exports("types", sorted(types))
    text += exports("errors", ["Error", *map(error_name, errors_of(model))])
    for object in model.objects:
        name = object.name
        if model.is_spoken(object):
            text += exports(name.snake, [name.pascal])
        elif object.free_functions:
            text += exports(name.snake, [it.name.snake for it
                                         in model.spoken_calls(object)])
    return text + fill("""
        |from ._extras import *  # noqa: F401,F403
        |from ._support import INFINITE as INFINITE
        """)


def emit(model: Model) -> Files:
    yield "bindings/python/wws/__init__.py", package(model)
    yield from types_module(model)
    yield from tables_module(model)
    yield from errors_module(model)
    for object in model.objects:
        if not model.is_hidden(object):
            yield from object_module(model, object)
    yield "bindings/python/wws/_cdef.h", cdef(model)
    yield "bindings/python/wws/_callbacks.h", gates(model)
