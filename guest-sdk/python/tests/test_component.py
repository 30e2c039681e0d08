import importlib
import json
import logging
import random
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret_plugin import (
    TRACE,
    Announcement,
    Assignment,
    Event,
    FailedAttempt,
    Limits,
    Plugin,
    Reject,
    Results,
    Retry,
    Task,
    TimedEvent,
    host,
)

Lines = list[tuple[str, str]]


@pytest.fixture
def component(bindings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module as it is inside of a component, on bindings that no host is behind."""
    monkeypatch.syspath_prepend(bindings)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    module = importlib.import_module("leveret_plugin.component")
    module.log.install()
    yield module
    root.handlers[:] = handlers
    root.setLevel(level)
    host.current = host.Nobody()


@pytest.fixture
def lines(component: Any, monkeypatch: pytest.MonkeyPatch) -> Lines:
    written: Lines = []
    monkeypatch.setattr(component.host_log, "log", lambda level, line: written.append((level.name, line)))
    return written


def given(component: Any, name: str, payload: str = "{}", time: int = 1500) -> Any:
    types = component.types
    return types.Event(name, "id-1", "tid-1", time, "cream", payload, [types.Header("traceparent", "00-1")])


def start(component: Any, plugin: Plugin) -> None:
    component.start(plugin, "0.1.0", "Greets people.", [], component.Delivery())


def plugin_of(function: Any) -> Plugin:
    plugin = Plugin()
    plugin.subscribe("user.authorized")(function)
    return plugin


def test_a_plugin_describes_itself(component: Any) -> None:
    limits = Limits(time=timedelta(seconds=5), memory=1 << 20, prefetch=7, attempts=4)
    emits = {"greeting.send": {"type": "object"}, "visit.count": None}
    plugin = Plugin(emits=emits, announces=["greeting.sent"], limits=limits)
    plugin.perform("greeting.send", schema=True)(lambda task: None)
    plugin.subscribe("user.authorized", schema='{"type": "object"}')(lambda event: None)
    start(component, plugin)
    assert asdict(component.Manifest().describe()) == {
        "version": "0.1.0",
        "summary": "Greets people.",
        "subscriptions": [{"event": "user.authorized", "schema": '{"type": "object"}'}],
        "emits": [{"name": "greeting.send", "schema": '{"type": "object"}'}, {"name": "visit.count", "schema": None}],
        "performs": [{"name": "greeting.send", "schema": "true"}],
        "announces": [{"name": "greeting.sent", "schema": None}],
        "limits": {"time": 5000, "memory": 1 << 20, "prefetch": 7, "attempts": 4},
    }


def test_an_event_reaches_its_subscriber_whole_and_so_does_its_task_the_host(component: Any) -> None:
    def repeat(event: Event[Any]) -> Task:
        seen = [event.name, event.id, event.tid, event.time.isoformat(), event.source, event.payload]
        return Task("echo.make", seen, key="k", headers=event.headers)

    start(component, plugin_of(repeat))
    [task] = component.Subscriber().on_event(given(component, "user.authorized", '{"user":7}'))
    seen = ["user.authorized", "id-1", "tid-1", "1970-01-01T00:00:01.500000+00:00", "cream", {"user": 7}]
    assert (task.name, json.loads(task.payload), task.key) == ("echo.make", seen, "k")
    assert task.headers == [component.types.Header("traceparent", "00-1")]


def assigned(component: Any, payload: str = "{}") -> Any:
    types = component.types
    header = types.Header("traceparent", "00-1")
    return types.Assignment("email.send", "id-1", "tid-1", 1500, 2, payload, "k-1", [header])


def test_a_task_reaches_its_worker_whole_and_so_does_what_comes_of_it_the_host(component: Any) -> None:
    plugin = Plugin()

    @plugin.perform("email.send")
    def repeat(task: Assignment[Any]) -> Results:
        seen = [task.name, task.id, task.tid, task.time.isoformat(), task.attempt, task.key, task.payload]
        return [Task("visit.count", seen, key="k-2"), Announcement("email.sent", seen, headers=task.headers)]

    start(component, plugin)
    performed = component.Worker().perform(assigned(component, '{"to":7}'))
    [announced], [task] = performed.announcements, performed.tasks
    seen = ["email.send", "id-1", "tid-1", "1970-01-01T00:00:01.500000+00:00", 2, "k-1", {"to": 7}]
    assert (announced.name, json.loads(announced.payload)) == ("email.sent", seen)
    assert announced.headers == [component.types.Header("traceparent", "00-1")]
    assert (task.name, json.loads(task.payload), task.key, task.headers) == ("visit.count", seen, "k-2", [])


def test_a_worker_s_failure_reaches_the_host(component: Any) -> None:
    plugin = Plugin()

    @plugin.perform("email.send")
    def fail(task: Assignment[Any]) -> None:
        raise Retry("busy", after=timedelta(seconds=1))

    start(component, plugin)
    with pytest.raises(component.Err) as raised:
        component.Worker().perform(assigned(component))
    assert asdict(raised.value.value)["value"] == {"reason": "busy", "after": 1000}


@pytest.mark.parametrize("time", [0, 1, 1_795_188_745_359, 253_402_300_799_000])
def test_a_time_is_exact_to_the_millisecond(component: Any, time: int) -> None:
    start(component, plugin_of(lambda event: Task("echo.make", round(event.time.timestamp() * 1000))))
    [task] = component.Subscriber().on_event(given(component, "user.authorized", time=time))
    assert json.loads(task.payload) == time


def test_a_time_that_python_cannot_tell_is_the_last_that_it_can(component: Any) -> None:
    start(component, plugin_of(lambda event: Task("echo.make", event.time)))
    [task] = component.Subscriber().on_event(given(component, "user.authorized", time=2**64 - 1))
    assert task.payload == '"9999-12-31T23:59:59+00:00"'


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Retry("busy"), {"reason": "busy", "after": None}),
        (Retry("busy", after=timedelta(days=58)), {"reason": "busy", "after": 5_011_200_000}),
        (Reject("broken \ud800"), "broken ?"),
        (ValueError("boom"), {"reason": "ValueError: boom", "after": None}),
    ],
)
def test_a_failure_reaches_the_host(component: Any, lines: Lines, error: Exception, failure: Any) -> None:
    def fail(event: Event[Any]) -> None:
        raise error

    start(component, plugin_of(fail))
    with pytest.raises(component.Err) as raised:
        component.Subscriber().on_event(given(component, "user.authorized"))
    assert asdict(raised.value.value)["value"] == failure
    # The traceback of what its author did not foresee.
    assert [level for level, _ in lines] == ["DEBUG"] * isinstance(error, ValueError)


def test_log_lines_reach_the_host_at_their_levels(component: Any, lines: Lines) -> None:
    def log(event: Event[Any]) -> None:
        for level in (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
            logging.log(level, "a line of %s", "text")

    start(component, plugin_of(log))
    component.Subscriber().on_event(given(component, "user.authorized"))
    assert lines == [(level, "a line of text") for level in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "ERROR")]


def test_randomness_is_not_the_snapshot_s(component: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    start(component, plugin_of(lambda event: Task("echo.make", random.random())))
    seen = []
    for seed in (b"a", b"a", b"b"):
        monkeypatch.setattr(component.os, "urandom", lambda size, seed=seed: seed * size)
        seen.append(component.Subscriber().on_event(given(component, "user.authorized"))[0].payload)
    assert seen[0] == seen[1] != seen[2]


def test_a_setting_is_the_host_s(component: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin()
    plugin.subscribe("user.authorized")(lambda event: Task("echo.make", plugin.setting("greeting")))
    monkeypatch.setattr(component.store, "get", lambda name: f"the {name}")
    start(component, plugin)
    [task] = component.Subscriber().on_event(given(component, "user.authorized"))
    assert task.payload == '"the greeting"'


def test_recovery_and_probe_answer_the_host(component: Any) -> None:
    plugin = plugin_of(lambda event: None)

    @plugin.recover
    def complain(message: Event[Any] | Assignment[Any], attempts: list[FailedAttempt]) -> Task:
        if message.payload == "fail":
            raise Reject("no way out")
        if isinstance(message, Assignment):
            return Task("complaint.file", [message.name, message.attempt])
        return Task("complaint.file", [attempts[0].attempt, attempts[0].reason])

    @plugin.healthy
    def healthy() -> str | None:
        return "ill"

    start(component, plugin)
    types = component.types
    attempts = [types.FailedAttempt(3, 5, "1", "busy")]
    dead = types.Message_Event(given(component, "user.authorized"))
    assert component.Recovery().recover(dead, attempts)[0].payload == '[3,"busy"]'
    dead = types.Message_Task(assigned(component))
    assert component.Recovery().recover(dead, attempts)[0].payload == '["email.send",2]'
    with pytest.raises(component.Err) as raised:
        component.Recovery().recover(types.Message_Event(given(component, "user.authorized", '"fail"')), attempts)
    assert raised.value.value == "no way out"
    with pytest.raises(component.Err) as raised:
        component.Probe().healthy()
    assert raised.value.value == "ill"


def test_a_timetable_says_when_events_are_due(component: Any) -> None:
    timetable = {
        "report.due": TimedEvent(cron="30 8 * * MON-FRI", zone="Europe/Berlin", missed="skip"),
        "cache.expired": TimedEvent(every=timedelta(seconds=90), offset=timedelta(seconds=7)),
        "year.ended": TimedEvent(at=datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC), missed="all"),
    }
    start(component, Plugin(timetable=timetable))
    report, cache, year = component.Timekeeper().timetable()
    assert (report.event, report.schedule.value, report.zone) == ("report.due", "30 8 * * MON-FRI", "Europe/Berlin")
    assert (cache.schedule.value.length, cache.schedule.value.offset, cache.zone) == (90_000, 7_000, None)
    assert (year.event, year.schedule.value) == ("year.ended", 5_000)
    assert [each.missed.name for each in (report, cache, year)] == ["SKIP", "ONCE", "ALL"]


def test_a_timed_event_is_due_in_one_way() -> None:
    with pytest.raises(ValueError, match="by one of"):
        TimedEvent()
    with pytest.raises(ValueError, match="by one of"):
        TimedEvent(cron="* * * * *", every=timedelta(seconds=1))
    with pytest.raises(ValueError, match="time zone"):
        TimedEvent(at=datetime(2030, 1, 1))
