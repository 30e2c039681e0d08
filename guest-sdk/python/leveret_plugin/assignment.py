from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Assignment(Generic[T]):
    """A task as its worker receives it, with its payload as a `T`."""

    name: str
    """The name within the application: `email.send` in application `pheidi` is `pheidi.email.send`."""
    id: str
    """What makes it the same task, however often it is delivered. Use it to perform a task once."""
    tid: str
    """The transaction ID: the same on everything that one first event causes."""
    time: datetime
    """When it was created, in UTC, to the millisecond."""
    attempt: int
    """The number of this attempt, from 1; for a recovery that of the last. Only failures of the function count."""
    payload: T
    """What its creator gave."""
    key: str | None = None
    """The ordering key, if its creator gave one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the fields above do not foresee, by name."""

    def of(self, payload: U) -> "Assignment[U]":
        """The same task with another payload."""
        return Assignment(self.name, self.id, self.tid, self.time, self.attempt, payload, self.key, self.headers)
