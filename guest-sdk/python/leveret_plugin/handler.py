import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from . import payload
from .assignment import Assignment
from .event import Event
from .failure import Reject
from .reader import Misfit, Read, reader

Schema: TypeAlias = Mapping[str, Any] | bool | str
"""A JSON Schema (draft 2020-12), as a value or as a JSON text."""


class Handler:
    """A function, and the one event or task that it handles."""

    def __init__(self, name: str, function: Callable[[Any], Any], kind: type, schema: Schema | None) -> None:
        self.name = name
        """An event's full name, or a task's within the application."""
        self.function = function
        self.kind = kind
        """What the function takes: `Event` or `Assignment`."""
        self.schema = schema
        self._read: Read | None = None

    def prepare(self) -> Read:
        """What reads a payload into the type that the function's annotation says.

        Made at the first use, since the annotation may name what is defined below the function.
        """
        if self._read is None:
            self._read = reader(_payload_type(self.function, self.kind)).read
        return self._read

    def handle(self, message: Event[str] | Assignment[str]) -> Any:
        """What the function returns for a message, its payload still JSON text."""
        try:
            value = self.prepare()(payload.read(message.payload))
        except Misfit as misfit:
            raise Reject(f"the payload does not fit: {misfit}") from None
        return self.function(message.of(value))


def _payload_type(function: Callable[..., Any], kind: type) -> Any:
    parameter = next(iter(inspect.signature(function).parameters), None)
    hint = typing.get_type_hints(function, include_extras=True).get(parameter or "", kind)
    if hint is kind or hint is Any:
        return Any
    if typing.get_origin(hint) is not kind:
        raise TypeError(f"the argument of {function.__name__} is an {kind.__name__}[...], not {hint}")
    return typing.get_args(hint)[0]
