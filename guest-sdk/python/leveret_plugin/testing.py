"""For an author's tests, natively.

Example::

    def test_a_payer_is_thanked() -> None:
        tasks = deliver(plugin, "org.payment.processed", {"email": "ada@example.org", "amount": 4200})
        assert tasks == [Task("email.send", {"to": "ada@example.org", "template": "thanks"})]
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

from . import host
from .event import Event, FailedAttempt, T
from .failure import Failure, Retry, reason
from .plugin import Plugin
from .task import Task

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Facts(TypedDict, total=False):
    """What an event has beside its name and its payload; a sample has something plausible where nothing is given."""

    id: str
    tid: str
    time: datetime
    source: str | None
    headers: Mapping[str, str]


def sample(name: str, payload: T, **facts: Unpack[Facts]) -> Event[T]:
    """An event for tests, to call a handler with as any function."""
    return replace(Event(name, "sample-id", "sample-tid", EPOCH, payload), **facts)


def failed(attempt: int, reason: str) -> FailedAttempt:
    """A failed attempt for tests."""
    return FailedAttempt(attempt, EPOCH, "sample-version", reason)


@contextmanager
def settings(given: Mapping[str, str]) -> Iterator[None]:
    """Within it, these are the plugin's settings, and no others. `deliver` and `recover` take them, too."""
    outside = host.current
    host.current = _Stand(given)
    try:
        yield
    finally:
        host.current = outside


_settings = settings


def deliver(
    plugin: Plugin, name: str, payload: Any, *, settings: Mapping[str, str] | None = None, **facts: Unpack[Facts]
) -> list[Task]:
    """Delivers an event as the host would: the payload becomes JSON text and is read again into the handler's type.

    The payloads of the tasks are what their consumers will read. A failure is raised as `Retry` or `Reject`; any
    other exception of the plugin as the `Retry` that it counts as, with the exception as its cause.
    """
    with _settings(settings or {}):
        try:
            return [_received(task) for task in plugin.on_event(sample(name, json.dumps(payload), **facts))]
        except Failure:
            raise
        except Exception as error:
            raise Retry(reason(error)) from error


def recover(
    plugin: Plugin,
    event: Event[Any],
    attempts: Iterable[FailedAttempt] = (),
    *,
    settings: Mapping[str, str] | None = None,
) -> list[Task]:
    """Gives an event that failed for good to the function under `recover`, as the host would."""
    with _settings(settings or {}):
        tasks = plugin.on_dead(event.of(json.dumps(event.payload)), list(attempts))
        return [_received(task) for task in tasks]


def _received(task: Task) -> Task:
    return replace(task, payload=json.loads(task.json()))


class _Stand:
    """Stands in for the host."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings

    def setting(self, name: str) -> str | None:
        return self._settings.get(name)

    def log(self, level: int, line: str) -> None:
        logging.getLogger().log(level, line)
