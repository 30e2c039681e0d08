from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Event(Generic[T]):
    """A notice that something happened, with its payload as a `T`."""

    name: str
    """The full name, such as `org.payment.processed`."""
    id: str
    """What makes it the same event, however often it is delivered."""
    tid: str
    """The transaction ID: the same on everything that one first event causes."""
    time: datetime
    """When it was published, in UTC, to the millisecond."""
    payload: T
    """What the publisher says about it."""
    source: str | None = None
    """The application that published it, where it says so. Anyone can claim anything here: do not base trust on it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the fields above do not foresee, by name."""

    def of(self, payload: U) -> "Event[U]":
        """The same event with another payload. `dataclasses.replace` would take three times as long."""
        return Event(self.name, self.id, self.tid, self.time, payload, self.source, self.headers)


@dataclass(frozen=True)
class FailedAttempt:
    """One attempt that failed."""

    attempt: int
    """Its number, from 1."""
    time: datetime
    """When it ended, in UTC, to the millisecond."""
    version: str
    """The version that ran."""
    reason: str
    """Why it failed."""
