"""Says in another language what a comment of the schema says in C's."""
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from model import Call, Enumeration, Model, Value


@dataclass(frozen=True)
class Speech:
    """How another language calls what comments call by its C name."""
    of_call: Callable[[Call], str]
    of_value: Callable[[Enumeration, Value], str]
    infinite: str  # WWS_INFINITE


def in_speech(model: Model, words: str, speech: Speech) -> str:
    calls = {f"wws_{call.function}": call for call in model.calls}
    values = {value.constant: (enumeration, value)
              for enumeration in model.enumerations
              for value in enumeration.values}

    def other(found: re.Match[str]) -> str:
        word = found[1]
        if word in calls:
            return speech.of_call(calls[word])
        if word == "WWS_INFINITE":
            return speech.infinite + found[2]
        if word in values:
            return speech.of_value(*values[word]) + found[2]
        return found[0]

    return re.sub(r"(\w+)((?:\(\))?)", other, words, flags=re.A)
