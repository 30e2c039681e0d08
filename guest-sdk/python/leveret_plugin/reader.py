"""Reads JSON values into the types of an author's annotations, strictly: no text becomes a number."""

import dataclasses
import enum
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

Read: TypeAlias = Callable[[Any], Any]


class Misfit(Exception):
    """A value does not fit its type. The text says where: `lines[1].amount: expected int, found str`."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"{path.removeprefix('.')}: {problem}" if path else problem)
        self.problem = problem
        self.path = path

    def within(self, step: str) -> "Misfit":
        return Misfit(self.problem, step + self.path)


class Mismatch(Misfit):
    """A value is of another kind altogether, such as a list where there should be a text."""


class Reader(NamedTuple):
    """How a type is called in messages, and how its values are read."""

    name: str
    read: Read


def reader(kind: Any) -> Reader:
    """The reader of a type. Raises `TypeError` for a type that JSON values cannot be read into."""
    return _reader(kind, {})


def _reader(kind: Any, known: dict[Any, Reader]) -> Reader:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or kind is object:
        return Reader("anything", lambda value: value)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _reader(arguments[0], known)
    if alias := getattr(kind, "__value__", None):
        return _reader(alias, known)
    if isinstance(kind, typing.NewType):
        return _reader(kind.__supertype__, known)
    if origin is typing.Literal:
        return _literal(arguments)
    if origin in (typing.Union, types.UnionType):
        return _union([_reader(member, known) for member in arguments])
    base = origin or kind
    if base in (list, abc.Sequence, abc.Iterable, set, frozenset) or (base is tuple and arguments[1:] == (...,)):
        make = base if base in (set, frozenset, tuple) else list
        return _array(_reader(arguments[0] if arguments else Any, known).read, make)
    if base is tuple and arguments:
        return _tuple([_reader(member, known).read for member in arguments])
    if base in (dict, abc.Mapping):
        key, member = arguments or (str, Any)
        if key is not str:
            raise TypeError(f"{kind} has keys that are not texts, as those of JSON objects are")
        return _mapping(_reader(member, known).read)
    if typing.is_typeddict(kind) or (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return _record(kind, known)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _parsed(kind.__name__, object, kind)
    raise TypeError(f"JSON values cannot be read into {kind}")


def _found(value: object) -> str:
    names = {type(None): "null", dict: "object", list: "list"}
    return names.get(type(value)) or type(value).__name__


def _expected(name: str, value: object) -> Mismatch:
    return Mismatch(f"expected {name}, found {_found(value)}")


def _exactly(kind: type, name: str) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise _expected(name, value)
        return value

    return Reader(name, read)


def _float(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise _expected("float", value)
    return float(value)


def _parsed(name: str, kind: type, parse: Callable[[Any], Any]) -> Reader:
    """A type whose values are made from a text, or from another JSON value."""

    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise _expected(name, value)
        try:
            return parse(value)
        except (ValueError, TypeError) as error:
            raise Misfit(f"expected {name}, found {value!r}") from error

    return Reader(name, read)


_PLAIN: Mapping[Any, Reader] = {
    str: _exactly(str, "str"),
    int: _exactly(int, "int"),
    bool: _exactly(bool, "bool"),
    float: Reader("float", _float),
    None: _exactly(type(None), "null"),
    type(None): _exactly(type(None), "null"),
    datetime: _parsed("datetime", str, datetime.fromisoformat),
    date: _parsed("date", str, date.fromisoformat),
}


def _literal(values: tuple[Any, ...]) -> Reader:
    name = " or ".join(repr(value) for value in values)

    def read(value: Any) -> Any:
        for allowed in values:
            if type(value) is type(allowed) and value == allowed:
                return allowed
        raise Misfit(f"expected {name}, found {value!r}")

    return Reader(name, read)


def _union(members: list[Reader]) -> Reader:
    name = " or ".join(member.name for member in members)

    def read(value: Any) -> Any:
        misfits = []
        for member in members:
            try:
                return member.read(value)
            except Mismatch:
                pass
            except Misfit as misfit:
                misfits.append(misfit)
        if len(misfits) == 1:
            # The only alternative that was meant: what is wrong within it says more.
            raise misfits[0]
        raise _expected(name, value)

    return Reader(name, read)


def _array(read_member: Read, make: Callable[[list[Any]], Any]) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise _expected("list", value)
        members = []
        for index, member in enumerate(value):
            try:
                members.append(read_member(member))
            except Misfit as misfit:
                raise misfit.within(f"[{index}]") from None
        return make(members)

    return Reader("list", read)


def _tuple(members: list[Read]) -> Reader:
    name = f"list of {len(members)}"

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise _expected(name, value)
        if len(value) != len(members):
            raise Misfit(f"expected {name}, found list of {len(value)}")
        found = []
        for index, (read_member, member) in enumerate(zip(members, value, strict=True)):
            try:
                found.append(read_member(member))
            except Misfit as misfit:
                raise misfit.within(f"[{index}]") from None
        return tuple(found)

    return Reader(name, read)


def _mapping(read_member: Read) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _expected("object", value)
        found = {}
        for key, member in value.items():
            try:
                found[key] = read_member(member)
            except Misfit as misfit:
                raise misfit.within(f".{key}") from None
        return found

    return Reader("object", read)


def _record(kind: Any, known: dict[Any, Reader]) -> Reader:
    """A dataclass or a TypedDict. What the type does not name is left out."""
    if kind in known:
        return known[kind]
    members: list[tuple[str, Read, bool]] = []

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _expected(kind.__name__, value)
        found = {}
        for name, read_member, required in members:
            if name in value:
                try:
                    found[name] = read_member(value[name])
                except Misfit as misfit:
                    raise misfit.within(f".{name}") from None
            elif required:
                raise Misfit("missing", f".{name}")
        try:
            return kind(**found)
        except ValueError as error:
            raise Misfit(str(error)) from error

    # Known before its members are, since one of them may be of the same type.
    known[kind] = Reader(kind.__name__, read)
    hints = typing.get_type_hints(kind, include_extras=True)
    for name, required in _members(kind, hints).items():
        members.append((name, _reader(hints[name], known).read, required))
    return known[kind]


def _members(kind: Any, hints: Mapping[str, Any]) -> dict[str, bool]:
    """The names of a record's members, and whether each must be there."""
    if typing.is_typeddict(kind):
        marks = {typing.Required: True, typing.NotRequired: False}
        return {name: marks.get(typing.get_origin(hints[name]), name in kind.__required_keys__) for name in hints}
    missing = dataclasses.MISSING
    return {
        member.name: member.default is missing and member.default_factory is missing
        for member in dataclasses.fields(kind)
        if member.init
    }
