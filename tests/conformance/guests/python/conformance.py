import logging
import os
import random
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypedDict

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
    Tasks,
    TimedEvent,
)

OBJECT_WITH_N = {"type": "object", "required": ["n"]}
INTEGER_N = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}

plugin = Plugin(
    emits={"echo.make": None, "report.make": None, "shape.make": INTEGER_N},
    announces={"echo.made": None, "report.made": None, "shape.made": INTEGER_N},
    limits=Limits(time=timedelta(seconds=5), memory=128 << 20, prefetch=7, attempts=4),
    timetable={
        "report.made": TimedEvent(cron="30 8 * * MON-FRI", zone="Europe/Berlin", missed="skip"),
        "echo.made": TimedEvent(every=timedelta(seconds=90), offset=timedelta(seconds=7)),
        "shape.made": TimedEvent(at=datetime.fromtimestamp(5, UTC), missed="all"),
    },
)

calls = 0


class Typed(TypedDict):
    email: str
    amount: int


@plugin.subscribe("conformance.asked")
def do(event: Event[Any]) -> Tasks:
    return DEEDS[event.payload["do"]](event)


@plugin.subscribe("conformance.echoed")
def echo(event: Event[Any]) -> Task:
    return Task("echo.make", event.payload)


@plugin.subscribe("conformance.typed")
def echo_typed(event: Event[Typed]) -> Task:
    return Task("echo.make", {"email": event.payload["email"], "amount": event.payload["amount"]})


@plugin.subscribe("conformance.shaped", schema=OBJECT_WITH_N)
def ignore(event: Event[Any]) -> None:
    pass


@plugin.perform("order.obey")
def obey(task: Assignment[Any]) -> Results:
    return ORDERS[task.payload["do"]](task)


@plugin.perform("text.echo")
def announce_echo(task: Assignment[Any]) -> Announcement:
    return Announcement("echo.made", task.payload)


@plugin.perform("account.check")
def announce_typed(task: Assignment[Typed]) -> Announcement:
    return Announcement("echo.made", {"email": task.payload["email"], "amount": task.payload["amount"]})


@plugin.perform("shape.check", schema=OBJECT_WITH_N)
def ignore_task(task: Assignment[Any]) -> None:
    pass


@plugin.recover
def recover(message: Event[Any] | Assignment[Any], attempts: list[FailedAttempt]) -> Task:
    if message.payload.get("recover") == "fail":
        raise Reject("no way out")
    failed = [
        {"attempt": each.attempt, "time": milliseconds(each.time), "version": each.version, "reason": each.reason}
        for each in attempts
    ]
    return Task("report.make", {"recovered": message.id, "attempts": failed})


@plugin.healthy
def healthy() -> str | None:
    return plugin.setting("ill")


def facts(event: Event[Any]) -> Task:
    said = {
        "name": event.name,
        "id": event.id,
        "tid": event.tid,
        "time": milliseconds(event.time),
        "source": event.source,
        "headers": event.headers,
    }
    return Task("report.make", said)


def emit(event: Event[Any]) -> Iterator[Task]:
    padding = "x" * event.payload["size"]
    for number in range(1, event.payload["count"] + 1):
        yield Task("echo.make", {"number": number, "padding": padding})


def key(event: Event[Any]) -> Task:
    return Task("echo.make", {}, key="k-1", headers={"colour": "blue"})


def undeclared(event: Event[Any]) -> Task:
    return Task("other.make", {})


def misshapen(event: Event[Any]) -> Task:
    return Task("shape.make", {"n": "one"})


def retry(message: Event[Any] | Assignment[Any]) -> NoReturn:
    after = message.payload.get("after")
    raise Retry(message.payload["reason"], after=None if after is None else timedelta(milliseconds=after))


def reject(message: Event[Any] | Assignment[Any]) -> NoReturn:
    raise Reject(message.payload["reason"])


def error(message: Event[Any] | Assignment[Any]) -> NoReturn:
    raise ValueError("boom")


def panic(message: Event[Any] | Assignment[Any]) -> NoReturn:
    raise SystemExit("boom")


def loop(event: Event[Any]) -> Tasks:
    while True:
        pass


def memory(event: Event[Any]) -> Tasks:
    taken = []
    while True:
        taken.append(bytearray(1 << 20))


def recurse(event: Event[Any]) -> Tasks:
    return recurse(event)


def log(event: Event[Any]) -> None:
    logging.log(TRACE, "a trace line")
    logging.debug("a debug line")
    logging.info("an info line")
    logging.warning("a warn line")
    logging.error("an error line")
    print("a printed line")
    print("a complaint", file=sys.stderr)


def world(event: Event[Any]) -> Task:
    return Task("report.make", seen())


def seen() -> dict[str, Any]:
    return {
        "now": time.time_ns() // 1_000_000,
        "random": [random.randrange(1 << 32) for _ in range(4)],
        "entropy": [secrets.randbelow(1 << 32) for _ in range(4)],
    }


def reach(event: Event[Any]) -> Task:
    reached = {"file": can(read_file), "environment": bool(os.environ), "network": can(connect)}
    return Task("report.make", reached)


def setting(event: Event[Any]) -> Task:
    return Task("report.make", {"value": plugin.setting(event.payload["name"])})


def state(event: Event[Any]) -> Task:
    global calls
    calls += 1
    return Task("report.make", {"calls": calls})


DEEDS: dict[str, Callable[[Event[Any]], Tasks]] = {
    deed.__name__: deed
    for deed in (
        facts, emit, key, undeclared, misshapen, retry, reject, error, panic,
        loop, memory, recurse, log, world, reach, setting, state,
    )
}  # fmt: skip


def task_facts(task: Assignment[Any]) -> Announcement:
    said = {
        "name": task.name,
        "id": task.id,
        "tid": task.tid,
        "time": milliseconds(task.time),
        "attempt": task.attempt,
        "key": task.key,
        "headers": task.headers,
    }
    return Announcement("report.made", said)


def announce(task: Assignment[Any]) -> Iterator[Announcement]:
    for number in range(1, task.payload["count"] + 1):
        yield Announcement("echo.made", {"number": number})


def create(task: Assignment[Any]) -> Iterator[Task]:
    for number in range(1, task.payload["count"] + 1):
        yield Task("echo.make", {"number": number})


def both(task: Assignment[Any]) -> list[Announcement | Task]:
    event = Announcement("echo.made", {}, headers={"colour": "blue"})
    return [event, Task("echo.make", {}, key="k-1", headers={"colour": "green"})]


ORDERS: dict[str, Callable[[Assignment[Any]], Results]] = {
    "facts": task_facts,
    "announce": announce,
    "create": create,
    "both": both,
    "undeclared": lambda task: Announcement("other.made", {}),
    "misshapen": lambda task: Announcement("shape.made", {"n": "one"}),
    "retry": retry,
    "reject": reject,
    "error": error,
    "panic": panic,
    "world": lambda task: Announcement("report.made", seen()),
    "setting": lambda task: Announcement("report.made", {"value": plugin.setting(task.payload["name"])}),
}


def can(reach: Callable[[], object]) -> bool:
    try:
        reach()
    except OSError:
        return False
    return True


def read_file() -> None:
    with open("/etc/passwd") as file:
        file.read()


def connect() -> None:
    with socket.socket() as connection:
        connection.connect(("127.0.0.1", 80))


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
