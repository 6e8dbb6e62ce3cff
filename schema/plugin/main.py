#!/usr/bin/python3 -B
"""The plugin: protoc hands it the schema on standard input and writes to disk
what it answers on standard output.  --wws_opt takes names of emitters, all of
them by default, and released=FILE for each released descriptor set.

An emitter is a file, or for a language a folder: words (names and comments),
types (values), callbacks and calls (objects and functions)."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.compiler.plugin_pb2 import (
    CodeGeneratorRequest, CodeGeneratorResponse)
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessages

import cdef
import cffi
import cgo
import header
import rust
import symbols
import veneer
from check import check
from model import Model
from read import model_of
from released import check_released
from text import Files

EMITTERS: dict[str, Callable[[Model], Files]] = {
    "header": header.emit,
    "veneer": veneer.emit,
    "symbols": symbols.emit,
    "cdef": cdef.emit,
    "cffi": cffi.emit,
    "cgo": cgo.emit,
    "rust": rust.emit,
}


class Reader:
    """Knows our annotations: what they are is in the request, too."""

    def __init__(self, request: CodeGeneratorRequest):
        files = {file.name: file for file in request.proto_file}
        if "wws/abi.proto" not in files:
            sys.exit("schema/plugin: is run by protoc --wws_out=FOLDER, for a "
                     "schema that imports wws/abi.proto")
        classes = GetMessages([files["google/protobuf/descriptor.proto"],
                               files["wws/abi.proto"]])
        abi = classes["wws.abi.Type"].DESCRIPTOR.file
        self.annotations = abi.extensions_by_name
        self.set_class = classes["google.protobuf.FileDescriptorSet"]

    def read(self, descriptor_set: bytes) -> Model:
        read: Any = self.set_class.FromString(descriptor_set)
        return model_of(read.file, self.annotations)


def refusals(model: Model, reader: Reader, words: list[str]) -> Iterator[str]:
    paths = [word.partition("=")[2] for word in words
             if word.startswith("released=")]
    for word in words:
        if word not in EMITTERS and not word.startswith("released="):
            yield f"option: {word}: is neither an emitter nor released=FILE"
    yield from check(model)
    for path in paths:
        try:
            released = reader.read(Path(path).read_bytes())
        except (OSError, DecodeError):
            yield f"{path}: released: is no descriptor set"
        else:
            yield from check_released(model, released)


def answer(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    reader = Reader(request)
    files = FileDescriptorSet(file=request.proto_file)
    model = reader.read(files.SerializeToString())
    words = [word for word in request.parameter.split(",") if word]
    response = CodeGeneratorResponse()

    # Each once: a message may be the request of several functions.
    refused = dict.fromkeys(refusals(model, reader, words))
    if refused:
        response.error = "\n".join(["refused", *refused, ""])
        return response
    for name in [it for it in EMITTERS if it in words] or EMITTERS:
        for path, content in EMITTERS[name](model):
            response.file.add(name=path, content=content)
    return response


def main() -> None:
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(answer(request).SerializeToString())


if __name__ == "__main__":
    main()
