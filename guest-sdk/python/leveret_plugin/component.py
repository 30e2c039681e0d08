"""The way between the component's interfaces and the author's functions. It can be imported inside of a component only.

`start` makes a plugin the component's; the classes are what componentize-py looks for, by the interfaces' names.
"""

import gc
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from componentize_py_types import Err
from wit_world.exports import manifest
from wit_world.imports import log as host_log
from wit_world.imports import store, types

# Without a timetable there is no such interface, and nobody asks.
with suppress(ImportError):
    from wit_world.exports import timekeeper

from . import host, log
from .announcement import Announcement
from .assignment import Assignment
from .event import Event, FailedAttempt
from .failure import Failure, Reject, Retry, reason
from .handler import Schema
from .plugin import Plugin
from .task import Task
from .timed_event import TimedEvent

if TYPE_CHECKING:
    from .http import Request, Response

# What the standard library loads at the first use, when a component cannot load anything any more.
for module in ("_strptime", "encodings.ascii", "encodings.latin_1"):
    importlib.import_module(module)

_LAST_TIME = 253_402_300_799_000
_MILLISECOND = timedelta(milliseconds=1)

_plugin = Plugin()
_random: Any = None


@dataclass
class Delivery:
    """The host of this component. HTTP and buckets are there if the plugin uses them."""

    send: "Callable[[Request], Response]" = host.Nobody().send
    bucket: Callable[[str], host.Bucket] = host.Nobody().bucket

    def setting(self, name: str) -> str | None:
        return store.get(name)

    def log(self, level: int, line: str) -> None:
        host_log.log(_level(level), _text(line))


def start(plugin: Plugin, version: str, summary: str, modules: list[str], delivery: Delivery) -> None:
    """Makes the plugin the component's. The last step before the snapshot that every delivery starts from is taken.

    `modules` are those that the plugin's functions import. One that this Python lacks fails when its function runs.
    """
    global _plugin, _random
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)
    _plugin = plugin
    plugin.version = plugin.version or version
    plugin.summary = summary if plugin.summary is None else plugin.summary
    for handler in [*plugin.subscriptions.values(), *plugin.work.values()]:
        handler.prepare()
    _random = sys.modules.get("random")
    _rehearse()
    gc.collect()
    # Else a collection in a delivery would touch, and so copy, every page of the snapshot.
    gc.freeze()
    host.current = delivery


def _begin() -> None:
    if _random:
        # Its state is the snapshot's, so that it would be the same in every delivery.
        _random.seed(int.from_bytes(os.urandom(32)))


class Manifest:
    def describe(self) -> manifest.Description:
        limits = _plugin.limits
        return manifest.Description(
            version=_plugin.version or "",
            summary=_plugin.summary or "",
            subscriptions=[
                manifest.Subscription(handler.name, _schema(handler.schema))
                for handler in _plugin.subscriptions.values()
            ],
            emits=_shapes(_plugin.emits),
            performs=_shapes({handler.name: handler.schema for handler in _plugin.work.values()}),
            announces=_shapes(_plugin.announces),
            limits=manifest.Limits(
                time=None if limits.time is None else limits.time // _MILLISECOND,
                memory=limits.memory,
                prefetch=limits.prefetch,
                attempts=limits.attempts,
            ),
        )


class Subscriber:
    def on_event(self, event: types.Event) -> list[types.Task]:
        _begin()
        return _handled(_plugin, event)


def _handled(plugin: Plugin, event: types.Event) -> list[types.Task]:
    try:
        return [_given(task) for task in plugin.on_event(_event(event))]
    except Exception as error:
        raise Err(_failure(error)) from None


class Worker:
    def perform(self, task: types.Assignment) -> types.Performed:
        _begin()
        return _performed(_plugin, task)


def _performed(plugin: Plugin, task: types.Assignment) -> types.Performed:
    try:
        performed = plugin.on_task(_assignment(task))
        announcements = [_announced(announcement) for announcement in performed.announcements]
        return types.Performed(announcements, [_given(task) for task in performed.tasks])
    except Exception as error:
        raise Err(_failure(error)) from None


class Recovery:
    def recover(self, message: types.Message, attempts: list[types.FailedAttempt]) -> list[types.Task]:
        _begin()
        try:
            dead = _event(message.value) if isinstance(message, types.Message_Event) else _assignment(message.value)
            failed = [FailedAttempt(each.attempt, _time(each.time), each.version, each.reason) for each in attempts]
            return [_given(task) for task in _plugin.on_dead(dead, failed)]
        except Exception as error:
            raise Err(_text(_reason(error))) from None


class Probe:
    def healthy(self) -> None:
        _begin()
        illness = _plugin.illness()
        if illness is not None:
            raise Err(_text(illness))


class Timekeeper:
    def timetable(self) -> list[Any]:
        return [_timed(event, timed) for event, timed in _plugin.timetable.items()]


def _timed(event: str, timed: TimedEvent) -> Any:
    schedule: timekeeper.Schedule
    if timed.cron is not None:
        schedule = timekeeper.Schedule_Cron(timed.cron)
    elif timed.every is not None:
        schedule = timekeeper.Schedule_Every(timekeeper.Interval(*timed.milliseconds()))
    else:
        schedule = timekeeper.Schedule_At(timed.moment())
    return timekeeper.TimedEvent(event, schedule, timed.zone, timekeeper.Missed[timed.missed.upper()])


def _event(event: types.Event) -> Event[str]:
    headers = _read_headers(event.headers)
    return Event(event.name, event.id, event.tid, _time(event.time), event.payload, event.source, headers)


def _assignment(task: types.Assignment) -> Assignment[str]:
    headers = _read_headers(task.headers)
    return Assignment(task.name, task.id, task.tid, _time(task.time), task.attempt, task.payload, task.key, headers)


def _read_headers(headers: list[types.Header]) -> dict[str, str]:
    return {header.name: header.value for header in headers}


def _time(milliseconds: int) -> datetime:
    """Anyone can claim any time: one after the last that Python knows is taken for that."""
    return datetime.fromtimestamp(min(milliseconds, _LAST_TIME) / 1000, UTC)


def _given(task: Task) -> types.Task:
    return types.Task(task.name, task.json(), task.key, _written_headers(task.headers))


def _announced(announcement: Announcement) -> types.Announcement:
    return types.Announcement(announcement.name, announcement.json(), _written_headers(announcement.headers))


def _written_headers(headers: Mapping[str, str]) -> list[types.Header]:
    return [types.Header(name, value) for name, value in headers.items()]


def _failure(error: Exception) -> types.Failure:
    why = _text(_reason(error))
    if isinstance(error, Reject):
        return types.Failure_Reject(why)
    after = error.after // _MILLISECOND if isinstance(error, Retry) and error.after is not None else None
    return types.Failure_Retry(types.Retry(why, after))


def _reason(error: Exception) -> str:
    if not isinstance(error, Failure):
        logging.debug("the plugin failed", exc_info=error)
    return reason(error)


def _text(text: str) -> str:
    """A text that UTF-8 has a form for."""
    return text.encode(errors="replace").decode()


def _shapes(shapes: Mapping[str, Schema | None]) -> list[manifest.Shape]:
    return [manifest.Shape(name, _schema(schema)) for name, schema in shapes.items()]


def _schema(schema: Schema | None) -> str | None:
    return schema if schema is None or isinstance(schema, str) else json.dumps(schema)


def _level(level: int) -> host_log.Level:
    for least, name in _LEVELS:
        if level >= least:
            return name
    return host_log.Level.TRACE


_LEVELS = [
    (logging.ERROR, host_log.Level.ERROR),
    (logging.WARNING, host_log.Level.WARN),
    (logging.INFO, host_log.Level.INFO),
    (logging.DEBUG, host_log.Level.DEBUG),
]


@dataclass
class _Rehearsed:
    text: str
    numbers: list[int]


def _rehearse() -> None:
    """Delivers to a plugin of its own, so that the snapshot has the way of a delivery warm."""
    plugin = Plugin()

    @plugin.perform("rehearse")
    def perform(task: Assignment[_Rehearsed]) -> Announcement:
        return Announcement("rehearsed", {"numbers": task.payload.numbers}, {"name": "value"})

    @plugin.subscribe("rehearsed")
    def answer(event: Event[_Rehearsed]) -> Task:
        logging.info("%s", event.payload.text)
        return Task("rehearse", {"numbers": event.payload.numbers}, "key", {"name": "value"})

    header = types.Header("name", "value")
    payload = '{"text": "text", "numbers": [1]}'
    event = types.Event("rehearsed", "id", "tid", 0, None, payload, [header])
    task = types.Assignment("rehearse", "id", "tid", 0, 1, payload, None, [header])
    host.current = _Silence()
    for _ in range(32):
        _begin()
        _handled(plugin, event)
        if _plugin.work:
            _performed(plugin, task)


class _Silence(host.Nobody):
    """The host of the rehearsal."""

    def log(self, level: int, line: str) -> None:
        pass


log.install()
