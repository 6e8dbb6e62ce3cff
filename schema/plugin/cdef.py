"""Emits capi/wws.cdef: the interface as declarations without a preprocessor,
for programs that load the library through a foreign function interface."""
from __future__ import annotations

from header import c_head, c_parameters, files_of_types, origin, types
from model import Model
from text import Files, fill, spread

# As in wws/base.h, which is written by hand.
BASE = fill("""
    |typedef struct wws_string {
    |    const char *data;
    |    size_t size;
    |} wws_string;
    |
    |typedef struct wws_bytes {
    |    const void *data;
    |    size_t size;
    |} wws_bytes;
    |
    |typedef struct wws_buffer {
    |    const void *data;
    |    size_t size;
    |    void *owner;
    |    void (*release)(void *owner);
    |} wws_buffer;
    |
    """)


def declarations(model: Model) -> str:
    """The whole interface, bare."""
    return BASE + types(model, bare=True) + "".join(
        spread(c_head(call), c_parameters(call), ");\n")
        for call in model.calls)


def emit(model: Model) -> Files:
    yield "capi/wws.cdef", "\n".join([
        origin(files_of_types(model), "All declarations of the interface, for "
               "foreign function interfaces; see wws/wws.h."),
        declarations(model)])
