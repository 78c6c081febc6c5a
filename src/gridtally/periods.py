"""Shared by every room: half-open periods, zones, local days of 23, 24 and 25 hours.

Instants are UTC seconds (`int64`), dates are local to the metering point.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtally.errors import UsageError

__all__ = [
    "AMBIGUOUS", "NONEXISTENT", "OK", "Period", "Zone", "first_of", "iso_utc", "month_name",
    "month_number", "months_share", "zone", "zones",
]  # fmt: skip

Seconds = npt.NDArray[np.int64]
OK, NONEXISTENT, AMBIGUOUS = 0, 1, 2
"""States of a local wall-clock time: it exists once, never, or twice."""

_YEARS = (1990, 2060)
_DAY = 86_400


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Local dates, half-open: `start` is in, `end` is not."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise UsageError(
                f"The period {self.start} to {self.end} is empty.",
                remedy="Its end, which is not part of it, must come after its start.",
            )

    @property
    def days(self) -> int:
        """How many local days."""
        return (self.end - self.start).days

    def overlap(self, other: Period) -> Period | None:
        """What both have in common, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None

    def months(self) -> list[Period]:
        """The period cut at the first of each month."""
        cuts, cut = [self.start], date(self.start.year, self.start.month, 1)
        while (cut := _next_month(cut)) < self.end:
            cuts.append(cut)
        cuts.append(self.end)
        return [Period(a, b) for a, b in pairwise(cuts)]

    @classmethod
    def month(cls, year: int, month: int) -> Period:
        """A whole calendar month."""
        first = date(year, month, 1)
        return cls(first, _next_month(first))


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def months_share(period: Period) -> Fraction:
    """How many months a period is, by days: each calendar month counts days in it / its length."""
    return sum(
        (
            Fraction(part.days, calendar.monthrange(part.start.year, part.start.month)[1])
            for part in period.months()
        ),
        Fraction(0),
    )


def iso_utc(seconds: int) -> str:
    """`2026-01-31T23:00:00Z` of an instant."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Zone:
    """An IANA time zone as a table of offset changes, so that whole columns convert at once."""

    def __init__(self, name: str) -> None:
        if name not in zones():
            raise UsageError(
                f"There is no time zone named {name[:64]!r}.",
                remedy="Use an IANA name such as Europe/Lisbon, Asia/Shanghai or UTC.",
            )
        # From the pinned package, never from the machine: its rules may be older or newer.
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            self.info = ZoneInfo.from_file(file, key=name)
        self.name = name
        self.changes, self.offsets = _offset_table(self.info)

    def offset(self, utc: Seconds) -> Seconds:
        """Seconds east of UTC in force at each instant."""
        return self.offsets[np.searchsorted(self.changes, utc, side="right")]

    def to_local(self, utc: Seconds) -> Seconds:
        """Wall-clock seconds (as if they were UTC) of each instant."""
        return utc + self.offset(utc)

    def to_utc(self, local: Seconds) -> tuple[Seconds, npt.NDArray[np.int8]]:
        """Instants of wall-clock seconds and their states; the first of two where ambiguous."""
        earlier = local - self.offset(local - _DAY)
        later = local - self.offset(local + _DAY)
        earlier_ok = self.to_local(earlier) == local
        later_ok = self.to_local(later) == local
        state = np.where(
            earlier_ok | later_ok,
            np.where(earlier_ok & later_ok & (earlier != later), AMBIGUOUS, OK),
            NONEXISTENT,
        )
        return np.where(earlier_ok, earlier, later), state.astype(np.int8)

    def midnight(self, day: date) -> int:
        """The first instant of a local day."""
        naive = datetime(day.year, day.month, day.day, tzinfo=self.info)
        return int(naive.timestamp())

    def bounds(self, period: Period) -> tuple[int, int]:
        """First instant in and first instant after a period of local days."""
        return self.midnight(period.start), self.midnight(period.end)

    def day_bounds(self, period: Period) -> Seconds:
        """First instants of each day of the period and of the day after it: shape (days + 1,)."""
        days = (period.start + timedelta(n) for n in range(period.days + 1))
        return np.array([self.midnight(day) for day in days], dtype=np.int64)

    def date(self, utc: int) -> date:
        """The local date at an instant."""
        return datetime.fromtimestamp(int(utc), self.info).date()


@cache
def zones() -> frozenset[str]:
    """The names of all zones, of the pinned tzdata."""
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def _offset_table(info: ZoneInfo) -> tuple[Seconds, Seconds]:
    """Every change of offset from 1990 to 2060, to the second."""

    def offset(seconds: int) -> int:
        delta = datetime.fromtimestamp(seconds, info).utcoffset()
        assert delta is not None
        return int(delta.total_seconds())

    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in _YEARS)
    changes, offsets, before = [], [offset(first)], first
    for at in range(first + _DAY // 2, last + 1, _DAY // 2):
        if offset(at) != offsets[-1]:
            low, high = before, at
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
            changes.append(high)
            offsets.append(offset(at))
        before = at
    return np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64)


@lru_cache(maxsize=64)
def zone(name: str) -> Zone:
    """The zone of that name. Raises `UsageError` when there is none."""
    return Zone(name)


def month_number(day: date) -> int:
    """The month of a day, counted from that of the year 0."""
    return day.year * 12 + day.month - 1


def first_of(month: int) -> date:
    """First day of a month by its number."""
    return date(month // 12, month % 12 + 1, 1)


def month_name(month: int) -> str:
    """A month by its number, as in 2026-11."""
    return f"{first_of(month):%Y-%m}"
