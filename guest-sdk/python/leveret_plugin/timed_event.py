from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Missed = Literal["skip", "once", "all"]

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class TimedEvent:
    """When the host announces an event: by one of `cron`, `every` and `at`. See the `timetable` of a `Plugin`.

    What is announced is an object with the `tick`, the `period`, and how many ticks were `missed` before it.
    """

    cron: str | None = None
    """Whenever this cron expression fits: five fields such as `30 8 * * MON-FRI`, or six, beginning with seconds."""
    every: timedelta | None = None
    """Each time that so long has passed: whole seconds, from one second to 100 years."""
    offset: timedelta = timedelta(0)
    """How long after the full hour, day and so on the first of `every` begins."""
    at: datetime | None = None
    """Once, at this moment. It has a time zone."""
    zone: str | None = None
    """The time zone whose clocks it goes by, such as `Europe/Berlin`; None for UTC."""
    missed: Missed = "once"
    """What becomes of ticks that came while no host ran the plugin: none of them is announced, the newest for all, or
    each of them, the newest 10,000 at the most."""

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.cron, self.every, self.at)) != 1:
            raise ValueError("a timed event is due by one of `cron`, `every` and `at`")
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("`at` has no time zone")
        if self.missed not in ("skip", "once", "all"):
            raise ValueError(f"`missed` is {self.missed!r}, and not one of skip, once and all")

    def milliseconds(self) -> tuple[int, int]:
        """The length of `every` and its offset."""
        return (self.every or timedelta(0)) // _MILLISECOND, self.offset // _MILLISECOND

    def moment(self) -> int:
        """`at` in milliseconds since 1970; what is before that is past, as 1970 is."""
        return max(0, ((self.at or _EPOCH) - _EPOCH) // _MILLISECOND)
