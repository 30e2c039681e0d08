import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from . import host, payload
from .announcement import Performed, Results
from .assignment import Assignment
from .event import Event, FailedAttempt
from .failure import Reject, reason
from .handler import Handler, Schema
from .task import Task, Tasks, listed
from .timed_event import TimedEvent

Handle = TypeVar("Handle", bound=Callable[[Event[Any]], Tasks])
Perform = TypeVar("Perform", bound=Callable[[Assignment[Any]], Results])
# Its message is an event, a task, or either, as the plugin has them.
Recover = TypeVar("Recover", bound=Callable[[Any, list[FailedAttempt]], Tasks])
Healthy = TypeVar("Healthy", bound=Callable[[], str | None])


@dataclass(frozen=True)
class Limits:
    """What a plugin asks for. None is the operator's default, and more than the operator allows is cut to that."""

    time: timedelta | None = None
    """The longest a delivery may take, by the clock."""
    memory: int | None = None
    """The most memory a delivery may use, in bytes. CPython itself takes 13 MiB."""
    prefetch: int | None = None
    """How many messages of one subscription may be in work at a time, 1 to 65,535."""
    attempts: int | None = None
    """After how many failed attempts a message becomes a dead letter, at least 1."""


class Plugin:
    """A plugin: its functions, and what it says of itself. One in a project, in the module that is built.

        plugin = Plugin(summary="Thanks people for their payments.", emits=["email.send"])

    `emits` lists the tasks that it may create, relative to its application, and `announces` the events that it may
    announce, by their full names; as a mapping, each with a JSON Schema or None. What does not fit its schema fails
    the delivery, as a retry. `timetable` has those of the events that the host announces because time has come, at
    most 100: `timetable={"report.due": TimedEvent(cron="30 8 * * MON-FRI")}`. `version` and `summary` are those of
    `pyproject.toml`, unless given.
    """

    def __init__(
        self,
        *,
        summary: str | None = None,
        version: str | None = None,
        emits: Iterable[str] | Mapping[str, Schema | None] = (),
        announces: Iterable[str] | Mapping[str, Schema | None] = (),
        limits: Limits | None = None,
        timetable: Mapping[str, TimedEvent] | None = None,
    ) -> None:
        self.summary = summary
        self.version = version
        self.emits = _shapes(emits)
        self.announces = _shapes(announces)
        self.limits = limits or Limits()
        self.timetable = dict(timetable or {})
        self.subscriptions: dict[str, Handler] = {}
        self.work: dict[str, Handler] = {}
        self.recovery: Callable[[Any, list[FailedAttempt]], Tasks] | None = None
        self.probe: Callable[[], str | None] | None = None

    def subscribe(self, event: str, *, schema: Schema | None = None) -> Callable[[Handle], Handle]:
        """Makes a function the subscriber of one event, by its full name.

        The function takes an `Event[T]`; the payload is read into `T`: a dataclass, a TypedDict, what they are made
        of, or `Any`. One that does not fit is rejected with the path to what does not. With a `schema`, an event
        whose payload does not fit it becomes a dead letter, and the function does not run.
        """

        def register(function: Handle) -> Handle:
            if event in self.subscriptions:
                raise ValueError(f"there are two subscribers of {event}")
            self.subscriptions[event] = Handler(event, _ordinary(function), Event, schema)
            return function

        return register

    def perform(self, task: str, *, schema: Schema | None = None) -> Callable[[Perform], Perform]:
        """Makes a function the worker of one task, by its name within the application.

        The function takes an `Assignment[T]`; its payload is read as an event's is, and so is the `schema` used. It may
        be called again for a task that it performed already, if the host or the broker died in between.
        """

        def register(function: Perform) -> Perform:
            if task in self.work:
                raise ValueError(f"there are two workers of {task}")
            self.work[task] = Handler(task, _ordinary(function), Assignment, schema)
            return function

        return register

    def recover(self, function: Recover) -> Recover:
        """Makes a function the last chance of a message that failed for good, before it becomes a dead letter.

        It gets the event or the task, with whatever JSON its payload is, and the failed attempts. Its tasks are
        published as a handler's are; an error is recorded and changes nothing.
        """
        if self.recovery:
            raise ValueError("there are two functions under `recover`")
        self.recovery = _ordinary(function)
        return function

    def healthy(self, function: Healthy) -> Healthy:
        """Makes a function the answer to whether the plugin can work at all.

        It is asked before an open circuit breaker lets messages through again, and has a second. It returns None if
        all is well, or why not, in words for the operator; an error counts as that, too.
        """
        if self.probe:
            raise ValueError("there are two functions under `healthy`")
        self.probe = _ordinary(function)
        return function

    def setting(self, name: str) -> str | None:
        """The setting of this name, which the operator gave under `[plugin.<name>.settings]`; None if there is none.

        There are settings during a delivery only, not while the module is loaded.
        """
        return host.current.setting(name)

    def on_event(self, event: Event[str]) -> list[Task]:
        """Hands an event, its payload still JSON text, to its subscriber."""
        if event.name not in self.subscriptions:
            raise Reject(f"the plugin has no subscriber of {event.name}")
        return listed(self.subscriptions[event.name].handle(event))

    def on_task(self, task: Assignment[str]) -> Performed:
        """Hands a task, its payload still JSON text, to its worker."""
        if task.name not in self.work:
            raise Reject(f"the plugin has no worker of {task.name}")
        return Performed.of(self.work[task.name].handle(task))

    def on_dead(self, message: Event[str] | Assignment[str], attempts: list[FailedAttempt]) -> list[Task]:
        """Hands a message that failed for good to the function under `recover`."""
        if self.recovery is None:
            return []
        return listed(self.recovery(message.of(payload.read(message.payload)), attempts))

    def illness(self) -> str | None:
        """Asks the function under `healthy`."""
        try:
            return self.probe() if self.probe else None
        except Exception as error:
            return reason(error)


Function = TypeVar("Function", bound=Callable[..., Any])


def _ordinary(function: Function) -> Function:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function.__name__} is `async`, but a plugin has nothing to wait for: write `def`")
    return function


def _shapes(given: Iterable[str] | Mapping[str, Schema | None]) -> dict[str, Schema | None]:
    return dict(given) if isinstance(given, Mapping) else dict.fromkeys(given)
