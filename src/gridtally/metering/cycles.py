"""Before step 5: billing cycles: which periods they cut time into, when is read, when is paid.

Periods of a cycle tile time: each begins on the cycle's day, or on the last day of a month that
has no such day, and ends where the next one begins.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import UsageError
from gridtally.periods import Period

__all__ = [
    "Calendar",
    "Cycle",
    "calendars",
    "due_date",
    "of_accounts",
    "period_from",
    "periods",
    "window",
]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cycle:
    """A row of CYCLES, as far as it says when."""

    name: str
    read_day: int
    """1 to 31"""
    months: int = 1
    first_month: int = 1
    before_days: int = 0
    after_days: int = 0
    due_rule: str = ""
    calendar: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Cycle:
        """The cycle of a row; what it leaves open is as `docs/master-data.md` says."""
        return cls(
            row["cycle"], row["read_day"], row["months"] or 1, row["first_month"] or 1,
            row["window_before_days"] or 0, row["window_after_days"] or 0,
            row["due_rule"] or "", row["holidays"] or "",
        )  # fmt: skip

    def start(self, month: int) -> date:
        """The first day of the period that begins in a month, counted from January of year 0."""
        year, at = divmod(month, 12)
        return date(year, at + 1, min(self.read_day, calendar.monthrange(year, at + 1)[1]))

    def begins(self, month: int) -> bool:
        """Whether a period begins in a month, counted likewise."""
        return (month - (self.first_month - 1)) % self.months == 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """Rows of HOLIDAYS of one calendar. A year of which it lists no day is not known."""

    name: str
    holidays: frozenset[date]
    working: frozenset[date]

    def works(self, day: date) -> bool:
        """Whether a day is a working day: Monday to Friday, but for what is listed."""
        if not any(day.year == listed.year for listed in self.holidays | self.working):
            raise UsageError(
                f"The calendar {self.name} lists no day of {day.year}, so working days cannot be "
                "counted in it.",
                remedy="Receive holidays.csv with that year; holidays are never guessed.",
            )
        return day in self.working or (day.weekday() < 5 and day not in self.holidays)


def calendars(holidays: Iterable[Mapping[str, Any]]) -> dict[str, Calendar]:
    """The calendars of rows of HOLIDAYS, by name."""
    days: dict[str, dict[str, set[date]]] = {}
    for row in holidays:
        mine = days.setdefault(row["calendar"], {"holiday": set(), "working": set()})
        mine[row["kind"]].add(row["day"])
    return {
        name: Calendar(name, frozenset(mine["holiday"]), frozenset(mine["working"]))
        for name, mine in days.items()
    }


def periods(cycle: Cycle, span: Period) -> list[Period]:
    """The periods that have a day of `span`, whole and in order; they tile without a gap."""
    first, last = _month(span.start) - cycle.months, _month(span.end) + cycle.months
    months = [month for month in range(first, last + 1) if cycle.begins(month)]
    found = [Period(cycle.start(one), cycle.start(two)) for one, two in pairwise(months)]
    return [period for period in found if period.start < span.end and span.start < period.end]


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def period_from(cycle: Cycle, span: Period) -> Period:
    """The period that a person means: a calendar month stands for the one that begins in it.

    Raises `UsageError` when `span` is neither such a month nor a period of the cycle.
    """
    whole = periods(cycle, span)
    if span in whole:
        return span
    month = _month(span.start)
    if span == Period.month(span.start.year, span.start.month) and cycle.begins(month):
        return next(period for period in whole if _month(period.start) == month)
    near = ", ".join(f"{period.start}:{period.end}" for period in whole[:3])
    raise UsageError(
        f"{span.start}:{span.end} is no period of the cycle {cycle.name}.",
        remedy=f"Near it are {near}. A final bill off the cycle is run without --cycle.",
    )


def of_accounts(
    agreements: pa.Table, metering_points: pa.Table, *, period: Period
) -> dict[str, set[str]]:
    """account -> cycles of its agreements in force in the period, or of their metering points."""
    points = metering_points.select(["metering_point", "cycle"]).to_pylist()
    of_point = {row["metering_point"]: row["cycle"] for row in points}
    live = agreements.filter(
        pc.and_(
            pc.less(agreements["from"], pa.scalar(period.end)),
            pc.fill_null(pc.greater(agreements["to"], pa.scalar(period.start)), True),
        )
    )
    found: dict[str, set[str]] = {}
    for row in live.select(["account", "metering_point", "cycle"]).to_pylist():
        if cycle := row["cycle"] or of_point.get(row["metering_point"]):
            found.setdefault(row["account"], set()).add(cycle)
    return found


def window(cycle: Cycle, bound: date) -> Period:
    """The days on which a reading for the bound may be made; that of the bound is among them."""
    return Period(
        bound - timedelta(days=cycle.before_days), bound + timedelta(days=cycle.after_days + 1)
    )


def due_date(rule: str, issued: date, known: Calendar | None) -> date:
    """When a bill is due: `21 days`, or `15 working days` of a calendar, after the day of issue.

    Raises `UsageError` when working days cannot be counted.
    """
    count, _, unit = rule.partition(" ")
    if unit == "days":
        return issued + timedelta(days=int(count))
    if known is None:
        raise UsageError(
            f"The rule {rule!r} counts working days, and no calendar is known for it.",
            remedy="Name a calendar in the cycle, and receive its holidays.csv.",
        )
    day, left = issued, int(count)
    while left:
        day += _DAY
        left -= known.works(day)
    return day
