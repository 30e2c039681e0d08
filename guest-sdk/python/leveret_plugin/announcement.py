from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from . import payload
from .task import Task


@dataclass
class Announcement:
    """An event that a worker announces once its task succeeded.

    The payload is anything that JSON has a form for, as a task's is.
    """

    name: str
    """The full name, such as `email.sent`, one of those that the plugin lists under `announces`."""
    payload: Any
    """What happened. What is not JSON is a rejection, since it would not be the next time either."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, by name. `x-leveret-…` and `x-death…` are the host's: they fail the delivery."""

    def json(self) -> str:
        """The payload as one JSON text."""
        return payload.written(self.payload, f"event {self.name}")


Results: TypeAlias = Announcement | Task | Iterable[Announcement | Task] | None
"""What a worker's function returns: an event, a task, several of both (it may be a generator), or nothing."""


@dataclass
class Performed:
    """What came of a task that succeeded."""

    announcements: list[Announcement]
    tasks: list[Task]

    @classmethod
    def of(cls, results: Results) -> "Performed":
        """Sorts what a worker's function returned. Each kind keeps its order."""
        performed = cls([], [])
        if results is None:
            return performed
        for each in [results] if isinstance(results, (Announcement, Task)) else results:
            if isinstance(each, Announcement):
                performed.announcements.append(each)
            elif isinstance(each, Task):
                performed.tasks.append(each)
            else:
                raise TypeError(f"a worker returns announcements and tasks, not {each!r}")
        return performed
