"""Step 6, the second opinion: days, instants and spans, local and in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = ["Buckets", "Clock", "Span", "first_instant", "iso_date", "iso_instant", "whole"]

Buckets = dict[str, int]
"""Energy or demand by bucket [10^-6 kWh, kvarh or kW]; without calendar there is one, ''."""
DAY = timedelta(days=1)


def iso_date(text: str) -> date:
    """A date written `YYYY-MM-DD` and in no other way."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise ValueError(f"{text!r} is not a date")
    return date.fromisoformat(text)


def iso_instant(text: str) -> int:
    """An instant written `YYYY-MM-DDTHH:MM:SSZ`, as UTC seconds."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def first_instant(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local day, as UTC seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def whole(value: object) -> int:
    """An integer that fits 64 bits; neither a float nor a truth value passes."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError(f"{str(value)[:40]!r} is not an integer of 64 bits")
    return value


@dataclass(frozen=True)
class Span:
    """Local days `first` to `end`, half-open, and their instants."""

    number: int
    first: date
    end: date
    start_utc: int
    end_utc: int

    def days(self, months: list[int] | None = None) -> Iterator[date]:
        """Its days, all or those of some calendar months."""
        for n in range((self.end - self.first).days):
            if months is None or (self.first + n * DAY).month in months:
                yield self.first + n * DAY


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

    def elapsed(self, first: date, end: date) -> int:
        """The elapsed seconds from a local day to another."""
        return self.midnight(end) - self.midnight(first)
