from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from . import payload


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
        return payload.written(self.payload, f"task {self.name}")


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
