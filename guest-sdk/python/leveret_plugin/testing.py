"""For an author's tests, natively.

Example::

    def test_a_payer_is_thanked() -> None:
        tasks = deliver(plugin, "org.payment.processed", {"email": "ada@example.org", "amount": 4200})
        assert tasks == [Task("email.send", {"to": "ada@example.org", "template": "thanks"})]
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from . import host
from .announcement import Performed
from .assignment import Assignment
from .event import Event, FailedAttempt, T
from .failure import Failure, Retry, reason
from .plugin import Plugin
from .stand import Stand
from .task import Task

if TYPE_CHECKING:
    from .http import Request, Response

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Facts(TypedDict, total=False):
    """What an event has beside its name and its payload; a sample has something plausible where nothing is given."""

    id: str
    tid: str
    time: datetime
    source: str | None
    headers: Mapping[str, str]


class TaskFacts(TypedDict, total=False):
    """What a task has beside its name and its payload; a sample has something plausible where nothing is given."""

    id: str
    tid: str
    time: datetime
    attempt: int
    key: str | None
    headers: Mapping[str, str]


class Grants(TypedDict, total=False):
    """What the operator set and granted."""

    settings: Mapping[str, str] | None
    """Settings and secrets, by name."""
    http: "Callable[[Request], Response] | None"
    """Answers each request that the worker sends. What it raises is why there is no answer."""
    buckets: Mapping[str, dict[str, bytes]] | None
    """The buckets that are granted, by name. A test sees in them what the worker has set."""


def sample(name: str, payload: T, **facts: Unpack[Facts]) -> Event[T]:
    """An event for tests, to call a handler with as any function."""
    return replace(Event(name, "sample-id", "sample-tid", EPOCH, payload), **facts)


def assignment(name: str, payload: T, **facts: Unpack[TaskFacts]) -> Assignment[T]:
    """A task for tests, to call a worker's function with as any function."""
    return replace(Assignment(name, "sample-id", "sample-tid", EPOCH, 1, payload), **facts)


def failed(attempt: int, reason: str) -> FailedAttempt:
    """A failed attempt for tests."""
    return FailedAttempt(attempt, EPOCH, "sample-version", reason)


@contextmanager
def settings(given: Mapping[str, str]) -> Iterator[None]:
    """Within it, these are the plugin's settings, and no others. `deliver` and `recover` take them, too."""
    with grants(settings=given):
        yield


@contextmanager
def grants(**given: Unpack[Grants]) -> Iterator[None]:
    """Within it, this is what the operator set and granted. `perform` takes it, too."""
    outside = host.current
    host.current = Stand(given.get("settings") or {}, given.get("http"), given.get("buckets") or {})
    try:
        yield
    finally:
        host.current = outside


_settings = settings


@contextmanager
def _failing() -> Iterator[None]:
    """Within it, any exception but a failure becomes the `Retry` that it counts as."""
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        raise Retry(reason(error)) from error


def deliver(
    plugin: Plugin, name: str, payload: Any, *, settings: Mapping[str, str] | None = None, **facts: Unpack[Facts]
) -> list[Task]:
    """Delivers an event as the host would: the payload becomes JSON text and is read again into the handler's type.

    The payloads of the tasks are what their consumers will read. A failure is raised as `Retry` or `Reject`; any
    other exception of the plugin as the `Retry` that it counts as, with the exception as its cause.
    """
    with _settings(settings or {}), _failing():
        return [_received(task) for task in plugin.on_event(sample(name, json.dumps(payload), **facts))]


def perform(
    plugin: Plugin, name: str, payload: Any, *, given: Grants | None = None, **facts: Unpack[TaskFacts]
) -> Performed:
    """Delivers a task to its worker as the host would, as `deliver` does an event."""
    with grants(**(given or {})), _failing():
        performed = plugin.on_task(assignment(name, json.dumps(payload), **facts))
        announcements = [
            replace(announcement, payload=json.loads(announcement.json())) for announcement in performed.announcements
        ]
        return Performed(announcements, [_received(task) for task in performed.tasks])


def recover(
    plugin: Plugin,
    message: Event[Any] | Assignment[Any],
    attempts: Iterable[FailedAttempt] = (),
    *,
    settings: Mapping[str, str] | None = None,
) -> list[Task]:
    """Gives a message that failed for good to the function under `recover`, as the host would."""
    with _settings(settings or {}):
        tasks = plugin.on_dead(message.of(json.dumps(message.payload)), list(attempts))
        return [_received(task) for task in tasks]


def _received(task: Task) -> Task:
    return replace(task, payload=json.loads(task.json()))
