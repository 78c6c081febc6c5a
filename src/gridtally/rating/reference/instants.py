"""Step 6, the second opinion: days, instants and spans, local and in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gridtally.rating.reference.figures import REMEMBERED

__all__ = ["Buckets", "Clock", "Span", "first_instant", "iso_date", "iso_instant", "whole"]

Buckets = dict[str, int]
"""Energy or demand by bucket [10^-6 kWh, kvarh or kW]; without calendar there is one, ''."""
DAY = timedelta(days=1)


def iso_date(text: str) -> date:
    """A date written `YYYY-MM-DD` and in no other way."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a date")
    return date.fromisoformat(text)


@lru_cache(maxsize=REMEMBERED)
def iso_instant(text: str) -> int:
    """An instant written `YYYY-MM-DDTHH:MM:SSZ`, as UTC seconds."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


@lru_cache(maxsize=REMEMBERED)
def first_instant(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local day, as UTC seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


@lru_cache(maxsize=REMEMBERED)
def block_of(instant: int, minutes: int, zone: ZoneInfo) -> tuple[int, int]:
    """`Clock.block`: the last of a day ends with it."""
    day = datetime.fromtimestamp(instant, zone).date()
    midnight, tomorrow = first_instant(day, zone), first_instant(day + DAY, zone)
    first = instant - (instant - midnight) % (minutes * 60)
    return first, min(first + minutes * 60, tomorrow)


def whole(value: object) -> int:
    """An integer that fits 64 bits; neither a float nor a truth value passes."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError(f"{str(value)[:40]!r} is not an integer of 64 bits")
    return value


@lru_cache(maxsize=1024)
def days_between(first: date, end: date) -> tuple[date, ...]:
    """The days of `[first, end)`."""
    return tuple(first + n * DAY for n in range((end - first).days))


@dataclass(frozen=True)
class Span:
    """Local days `first` to `end`, half-open, and their instants."""

    number: int
    first: date
    end: date
    start_utc: int
    end_utc: int

    def days(self, months: list[int] | None = None) -> tuple[date, ...]:
        """Its days, all or those of some calendar months."""
        days = days_between(self.first, self.end)
        return days if months is None else tuple(day for day in days if day.month in months)


@dataclass(frozen=True)
class Clock:
    """The segment's spans and the clock of its zone."""

    spans: list[Span]
    zone: ZoneInfo

    def local(self, instant: int) -> datetime:
        """The local clock at an instant."""
        return datetime.fromtimestamp(instant, self.zone)

    def midnight(self, day: date) -> int:
        """The first instant of a local day."""
        return first_instant(day, self.zone)

    def block(self, instant: int, minutes: int) -> tuple[int, int]:
        """The block of so many minutes, counted from local midnight, in which an instant lies."""
        return block_of(instant, minutes, self.zone)
