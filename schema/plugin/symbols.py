"""Emits capi/wws.map: what the shared library exports, a node for each version
of the interface."""
from __future__ import annotations

from header import files_of_calls, origin
from model import Call, Model
from text import Files


def since_of(call: Call) -> int:
    return max(call.since, call.object.since)


def emit(model: Model) -> Files:
    text = origin(files_of_calls(model),
                  "All that the shared library exports.")
    before = None
    for version in range(1, model.version + 1):
        symbols = [call.function for call in model.calls
                   if since_of(call) == version]
        if not symbols:
            continue
        text += f"WWS_{version} {{\nglobal:\n"
        text += "".join(f"    wws_{symbol};\n" for symbol in symbols)
        text += f"}} WWS_{before};\n" if before else "local:\n    *;\n};\n"
        before = version
    yield "capi/wws.map", text
