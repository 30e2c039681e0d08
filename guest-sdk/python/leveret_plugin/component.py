"""The way between the component's interfaces and the author's functions. It can be imported inside of a component only.

`start` makes a plugin the component's; the classes are what componentize-py looks for, by the interfaces' names.
"""

import gc
import importlib
import json
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from componentize_py_types import Err
from wit_world.exports import manifest
from wit_world.imports import log as host_log
from wit_world.imports import store, types

from . import host, log
from .event import Event, FailedAttempt
from .failure import Failure, Reject, Retry, reason
from .plugin import Plugin, Schema
from .task import Task

# What the standard library loads at the first use, when a component cannot load anything any more.
for module in ("_strptime", "encodings.ascii", "encodings.latin_1"):
    importlib.import_module(module)

_LAST_TIME = 253_402_300_799_000
_MILLISECOND = timedelta(milliseconds=1)

_plugin = Plugin()
_random: Any = None


def start(plugin: Plugin, version: str, summary: str, modules: list[str]) -> None:
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
    for subscription in plugin.subscriptions.values():
        subscription.prepare()
    _random = sys.modules.get("random")
    _rehearse()
    gc.collect()
    # Else a collection in a delivery would touch, and so copy, every page of the snapshot.
    gc.freeze()
    host.current = Delivery()


class Delivery:
    """The host of this component."""

    def setting(self, name: str) -> str | None:
        return store.get(name)

    def log(self, level: int, line: str) -> None:
        host_log.log(_level(level), _text(line))


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
                manifest.Subscription(subscription.event, _schema(subscription.schema))
                for subscription in _plugin.subscriptions.values()
            ],
            emits=[manifest.Shape(name, _schema(schema)) for name, schema in _plugin.emits.items()],
            performs=[],
            announces=[],
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


class Recovery:
    def recover(self, message: types.Message, attempts: list[types.FailedAttempt]) -> list[types.Task]:
        _begin()
        try:
            if not isinstance(message, types.Message_Event):
                raise Reject("the plugin has no tasks")
            failed = [FailedAttempt(each.attempt, _time(each.time), each.version, each.reason) for each in attempts]
            return [_given(task) for task in _plugin.on_dead(_event(message.value), failed)]
        except Exception as error:
            raise Err(_text(_reason(error))) from None


class Probe:
    def healthy(self) -> None:
        _begin()
        illness = _plugin.illness()
        if illness is not None:
            raise Err(_text(illness))


def _event(event: types.Event) -> Event[str]:
    headers = {header.name: header.value for header in event.headers}
    return Event(event.name, event.id, event.tid, _time(event.time), event.payload, event.source, headers)


def _time(milliseconds: int) -> datetime:
    """Anyone can claim any time: one after the last that Python knows is taken for that."""
    return datetime.fromtimestamp(min(milliseconds, _LAST_TIME) / 1000, UTC)


def _given(task: Task) -> types.Task:
    headers = [types.Header(name, value) for name, value in task.headers.items()]
    return types.Task(task.name, task.json(), task.key, headers)


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

    @plugin.subscribe("rehearsed")
    def answer(event: Event[_Rehearsed]) -> Task:
        logging.info("%s", event.payload.text)
        return Task("rehearse", {"numbers": event.payload.numbers}, "key", {"name": "value"})

    header = types.Header("name", "value")
    event = types.Event("rehearsed", "id", "tid", 0, None, '{"text": "text", "numbers": [1]}', [header])
    host.current = _Silence()
    for _ in range(32):
        _begin()
        _handled(plugin, event)


class _Silence:
    """The host of the rehearsal."""

    def setting(self, name: str) -> str | None:
        return None

    def log(self, level: int, line: str) -> None:
        pass


log.install()
