"""The way between the component's interfaces and the author's functions. It can be imported inside of a component only.

`start` makes a plugin the component's; the classes are what componentize-py looks for, by the interfaces' names.
"""

import gc
import importlib
import json
import logging
import os
import sys
from datetime import UTC, datetime, timedelta

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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_TIME = 253_402_300_799_999
_MILLISECOND = timedelta(milliseconds=1)

_plugin = Plugin()


def start(plugin: Plugin, version: str, summary: str) -> None:
    """Makes the plugin the component's. The last step before the snapshot that every delivery starts from is taken."""
    global _plugin
    _plugin = plugin
    plugin.version = plugin.version or version
    plugin.summary = summary if plugin.summary is None else plugin.summary
    for subscription in plugin.subscriptions.values():
        subscription.prepare()
    gc.collect()
    # Else a collection in a delivery would touch, and so copy, every page of the snapshot.
    gc.freeze()


class Delivery:
    """The host of this component."""

    def setting(self, name: str) -> str | None:
        return store.get(name)

    def log(self, level: int, line: str) -> None:
        host_log.log(_level(level), _text(line))


def _begin() -> None:
    host.current = Delivery()
    if random := sys.modules.get("random"):
        # Its state is the snapshot's, so that it would be the same in every delivery.
        random.seed(int.from_bytes(os.urandom(32)))


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
        try:
            return [_given(task) for task in _plugin.on_event(_event(event))]
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
    return _EPOCH + min(milliseconds, _LAST_TIME) * _MILLISECOND


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

log.install()
