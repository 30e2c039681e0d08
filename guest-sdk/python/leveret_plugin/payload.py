"""Payloads as JSON text, and back."""

import json
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from .failure import Reject


def read(text: str) -> Any:
    """The value in a JSON text."""
    return _DECODER.decode(text)


def written(value: object, whose: str) -> str:
    """A value as one JSON text. One that is not JSON is a rejection, since it would not be the next time either."""
    try:
        text = _ENCODER.encode(value)
        text.encode()
    except (TypeError, ValueError) as error:
        raise Reject(f"the payload of {whose} is not JSON: {error}") from error
    return text


def _plain(value: object) -> object:
    """What `json` does not know by itself."""
    if is_dataclass(value) and not isinstance(value, type):
        return {member.name: getattr(value, member.name) for member in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_DECODER = json.JSONDecoder()
_ENCODER = json.JSONEncoder(default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
