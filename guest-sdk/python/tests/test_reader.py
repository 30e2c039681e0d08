from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Literal, NewType, NotRequired, TypedDict

import pytest

from leveret_plugin.reader import Misfit, reader

Euros = NewType("Euros", int)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Line:
    amount: int
    colour: Colour = Colour.RED


@dataclass
class User:
    email: str
    friends: list[User] = field(default_factory=list)


@dataclass
class Order:
    user: User
    lines: list[Line]
    note: str | None = None
    total: float = 0.0


class Parcel(TypedDict):
    weight: float
    to: NotRequired[User]


@dataclass
class Card:
    number: str


@dataclass
class Cash:
    coins: int

    def __post_init__(self) -> None:
        if self.coins < 0:
            raise ValueError("fewer coins than none")


def test_a_value_that_fits_is_read() -> None:
    value = {
        "user": {"email": "a", "friends": [{"email": "b"}]},
        "lines": [{"amount": 7, "colour": "blue"}],
        "total": 3,
    }
    order = Order(User("a", [User("b")]), [Line(7, Colour.BLUE)], None, 3.0)
    assert reader(Order).read(value) == order


def test_what_the_type_does_not_name_is_left_out() -> None:
    assert reader(Line).read({"amount": 7, "currency": "EUR"}) == Line(7)


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (Order, {"user": {"email": 1}, "lines": []}, "user.email: expected str, found int"),
        (list[Line], [{"amount": 1}, {"amount": "x"}], "[1].amount: expected int, found str"),
        (dict[str, list[Line]], {"lines": [{"amount": "x"}]}, "lines[0].amount: expected int, found str"),
        (Order, {"user": {}, "lines": []}, "user.email: missing"),
        (Order, {"user": {"email": "a", "friends": [{}]}, "lines": []}, "user.friends[0].email: missing"),
        (Order, {"user": "a", "lines": []}, "user: expected User, found str"),
        (Order, {"user": {"email": "a"}, "lines": {}}, "lines: expected list, found object"),
        (Order, {"user": {"email": "a"}, "lines": [], "note": 7}, "note: expected str or null, found int"),
        (Line, {"amount": 1, "colour": "sky"}, "colour: expected Colour, found 'sky'"),
        (Order, [], "expected Order, found list"),
        (Parcel, {"weight": "1"}, "weight: expected float, found str"),
        (Parcel, {"weight": 1, "to": {}}, "to.email: missing"),
        (int, True, "expected int, found bool"),
        (int, 1.0, "expected int, found float"),
        (str, None, "expected str, found null"),
        (dict[str, Line], {"a": {"amount": None}}, "a.amount: expected int, found null"),
        (tuple[int, str], [1], "expected list of 2, found list of 1"),
        (tuple[int, str], [1, 2], "[1]: expected str, found int"),
        (Literal["a", 1], "b", "expected 'a' or 1, found 'b'"),
        (Card | Cash, {"coins": -1}, "expected Card or Cash, found object"),
        (Cash, {"coins": -1}, "fewer coins than none"),
        (Card | None, {}, "number: missing"),
        (datetime, "noon", "expected datetime, found 'noon'"),
    ],
)  # fmt: skip
def test_a_misfit_says_where_and_what(kind: Any, value: Any, problem: str) -> None:
    with pytest.raises(Misfit) as misfit:
        reader(kind).read(value)
    assert str(misfit.value) == problem


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (Any, {"a": [None]}, {"a": [None]}),
        (None, None, None),
        (int | str, "a", "a"),
        (Card | Cash, {"coins": 2}, Cash(2)),
        (tuple[int, ...], [1, 2], (1, 2)),
        (set[str], ["a", "a"], {"a"}),
        (dict[str, Euros], {"a": 1}, {"a": 1}),
        (list[dict[str, Any]], [{"a": None}], [{"a": None}]),
        (Parcel, {"weight": 1}, {"weight": 1.0}),
        (Literal["a", "b"], "b", "b"),
        (datetime, "2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        (date, "2026-11-20", date(2026, 11, 20)),
    ],
)
def test_every_type_that_json_has_a_form_for_is_read(kind: Any, value: Any, read: Any) -> None:
    assert reader(kind).read(value) == read


@pytest.mark.parametrize("kind", [bytes, complex, dict[int, str], list[bytes], object()])
def test_a_type_that_json_has_no_form_for_is_refused_at_once(kind: Any) -> None:
    with pytest.raises(TypeError):
        reader(kind)
