from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import pytest

from leveret_plugin import Reject, Task


class Colour(Enum):
    RED = "red"


@dataclass
class Shirt:
    colour: Colour
    sold: list[date]


def test_a_payload_of_dataclasses_enums_and_dates_has_a_form_in_json() -> None:
    shirt = Shirt(Colour.RED, [date(2026, 11, 20)])
    assert Task("shirt.send", {"shirt": shirt}).json() == '{"shirt":{"colour":"red","sold":["2026-11-20"]}}'
    assert Task("shirt.send", datetime(2026, 11, 20, tzinfo=UTC)).json() == '"2026-11-20T00:00:00+00:00"'


def test_text_stays_readable() -> None:
    assert Task("echo.make", "ünï🐇").json() == '"ünï🐇"'


@pytest.mark.parametrize("payload", [b"bytes", {"a": float("nan")}, {(1, 2): 3}, "\ud800"])
def test_a_payload_that_is_not_json_is_rejected(payload: Any) -> None:
    with pytest.raises(Reject, match="^the payload of task echo.make is not JSON: "):
        Task("echo.make", payload).json()
