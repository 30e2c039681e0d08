import inspect
import json
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from . import host
from .event import Event, FailedAttempt
from .failure import Reject, reason
from .payload import Misfit, Read, reader
from .task import Task, Tasks, listed

Schema: TypeAlias = Mapping[str, Any] | bool | str
"""A JSON Schema (draft 2020-12), as a value or as a JSON text."""

Handle = TypeVar("Handle", bound=Callable[[Event[Any]], Tasks])
Recover = TypeVar("Recover", bound=Callable[[Event[Any], list[FailedAttempt]], Tasks])
Healthy = TypeVar("Healthy", bound=Callable[[], str | None])


_DECODER = json.JSONDecoder()


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


class Subscription:
    """One function's interest in one event."""

    def __init__(self, event: str, function: Callable[[Event[Any]], Tasks], schema: Schema | None) -> None:
        self.event = event
        self.function = function
        self.schema = schema
        self._read: Read | None = None

    def prepare(self) -> Read:
        """What reads a payload into the type that the function's annotation says.

        Made at the first use, since the annotation may name what is defined below the function.
        """
        if self._read is None:
            self._read = reader(_payload_type(self.function)).read
        return self._read

    def handle(self, event: Event[str]) -> list[Task]:
        try:
            payload = self.prepare()(_DECODER.decode(event.payload))
        except Misfit as misfit:
            raise Reject(f"the payload does not fit: {misfit}") from None
        return listed(self.function(event.of(payload)))


class Plugin:
    """A plugin: its functions, and what it says of itself. One in a project, in the module that is built.

        plugin = Plugin(summary="Thanks people for their payments.", emits=["email.send"])

    `emits` lists the tasks that it may create, relative to its application; as a mapping, each with a JSON Schema
    or None. A task that does not fit its schema fails the delivery, as a retry. `version` and `summary` are those of
    `pyproject.toml`, unless given.
    """

    def __init__(
        self,
        *,
        summary: str | None = None,
        version: str | None = None,
        emits: Iterable[str] | Mapping[str, Schema | None] = (),
        limits: Limits | None = None,
    ) -> None:
        self.summary = summary
        self.version = version
        self.emits: dict[str, Schema | None] = dict(emits) if isinstance(emits, Mapping) else dict.fromkeys(emits)
        self.limits = limits or Limits()
        self.subscriptions: dict[str, Subscription] = {}
        self.recovery: Callable[[Event[Any], list[FailedAttempt]], Tasks] | None = None
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
            self.subscriptions[event] = Subscription(event, _ordinary(function), schema)
            return function

        return register

    def recover(self, function: Recover) -> Recover:
        """Makes a function the last chance of an event that failed for good, before it becomes a dead letter.

        It gets the event, with whatever JSON its payload is, and the failed attempts. Its tasks are published as a
        handler's are; an error is recorded and changes nothing.
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
        return self.subscriptions[event.name].handle(event)

    def on_dead(self, event: Event[str], attempts: list[FailedAttempt]) -> list[Task]:
        """Hands an event that failed for good to the function under `recover`."""
        if self.recovery is None:
            return []
        return listed(self.recovery(event.of(_DECODER.decode(event.payload)), attempts))

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


def _payload_type(function: Callable[..., Any]) -> Any:
    parameter = next(iter(inspect.signature(function).parameters), None)
    hint = typing.get_type_hints(function, include_extras=True).get(parameter or "", Event)
    if hint is Event or hint is Any:
        return Any
    if typing.get_origin(hint) is not Event:
        raise TypeError(f"the argument of {function.__name__} is an Event[...], not {hint}")
    return typing.get_args(hint)[0]
