import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any, TypeAlias

from .failure import Reject


@dataclass
class Task:
    """An order to change state, within the plugin's own application.

    The payload is anything that JSON has a form for: dicts, lists, texts, numbers, None; dataclasses, enums, dates.
    """

    name: str
    """The name within the application, one of those that the plugin lists under `emits`."""
    payload: Any
    """The payload. One that is not JSON is a rejection, since it would not be the next time either."""
    key: str | None = None
    """The ordering key: tasks of one key are performed one at a time and in order, where the worker asks for it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, by name. `x-leveret-…` and `x-death…` are the host's: they fail the delivery."""

    def json(self) -> str:
        """The payload as one JSON text."""
        try:
            text = _ENCODER.encode(self.payload)
            text.encode()
        except (TypeError, ValueError) as error:
            raise Reject(f"the payload of task {self.name} is not JSON: {error}") from error
        return text


Tasks: TypeAlias = Task | Iterable[Task] | None
"""What a handler returns: one task, several (it may be a generator), or none."""


def listed(tasks: Tasks) -> list[Task]:
    """The tasks, in the order in which they will be published."""
    if tasks is None:
        return []
    given = [tasks] if isinstance(tasks, Task) else list(tasks)
    for task in given:
        if not isinstance(task, Task):
            raise TypeError(f"a handler returns tasks, not {task!r}")
    return given


def _plain(value: object) -> object:
    """What `json` does not know by itself."""
    if is_dataclass(value) and not isinstance(value, type):
        return {member.name: getattr(value, member.name) for member in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_ENCODER = json.JSONEncoder(default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
