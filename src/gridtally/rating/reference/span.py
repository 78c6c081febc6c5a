"""Step 6, the second opinion: one span under one tariff version: its terms, factors and lines."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference.carry import Carry
from gridtally.rating.reference.figures import MICRO, Held, Value, decimal, plain, rounded
from gridtally.rating.reference.hours import Calendar
from gridtally.rating.reference.instants import Buckets, Span, first_instant, whole
from gridtally.rating.reference.readings import Readings
from gridtally.rating.reference.series import Series
from gridtally.rating.reference.values import AGREED

__all__ = ["C", "Line", "Rater", "line", "written_line"]

Line = dict[str, Any]
C = Mapping[str, Any]
DAY = timedelta(days=1)


def line(
    span: Span,
    component: C,
    quantity: Fraction,
    unit: str,
    price: Fraction,
    amount: Fraction,
    *,
    factor: Fraction = Fraction(1),
    bucket: str = "",
) -> Line:
    """A line with exact numbers; `written_line` makes the texts."""
    return {
        "span": span.number,
        "component": component["id"],
        "kind": component.get("kind", component["shape"]),
        "bucket": bucket,
        "quantity": quantity,
        "unit": unit,
        "price": price,
        "factor": factor,
        "amount": amount,
    }


def written_line(made: Line) -> Line:
    """The line as the page on rating cases shows it."""
    texts = {key: plain(made[key]) for key in ("quantity", "price", "amount")}
    return made | texts | {"factor": str(made["factor"])}


class Rater:
    """What the shapes need to know of a span, and the lines made so far."""

    def __init__(
        self,
        span: Span,
        written: Mapping[str, Any],
        document: Mapping[str, Any],
        readings: Readings,
        series: Mapping[str, Series],
        carry: Carry,
    ) -> None:
        self.span, self.written, self.document = span, written, document
        self.readings, self.series, self.carry = readings, series, carry
        self.made: dict[str, list[Line]] = {}
        self.billed_kw: dict[str, Fraction] = {}
        self.currency = str(document["currency"])

    # ----------------------------------------------------------------- terms

    def term(self, name: str) -> Fraction:
        """What the agreement states; not stated or outside its declaration holds."""
        declared = self.document["terms"].get(name, {})
        if name in AGREED:
            given = self.written[AGREED[name]]
            found = None if given is None else Fraction(whole(given), MICRO)
        else:
            stated = self.written.get("terms", {}).get(name)
            found = None if stated is None else decimal(stated)
        if found is None:
            raise Held("rating.term.missing", f"The agreement does not state {name!r}.")
        if found < declared.get("least", found) or found > declared.get("most", found):
            raise Held("rating.term.range", f"The term {name!r} is outside what is declared.")
        return found

    def value(self, given: Value) -> Fraction:
        """A number of the document as it is, one of a term within the bounds of its place."""
        if given.number is not None:
            return given.number
        found = self.term(given.term)
        if not given.allows(found):
            raise Held("rating.term.range", f"The term {given.term!r} is out of range here.")
        return found

    def count(self, name: str) -> Fraction:
        """A term that counts something."""
        return self.value(Value(term=name, least=Fraction(0)))

    # --------------------------------------------------------------- factors

    def days(self, c: C) -> tuple[date, ...]:
        """The days that the component sees."""
        return self.span.days(c.get("months"))

    def factor(self, c: C, per: str = "month") -> Fraction:
        """The span in months, years or days, as the component's proration counts."""
        if per == "day":
            return Fraction(len(self.days(c)))
        found = self._factor(self.days(c), c.get("proration", "days"), per)
        return rounded(found, c["round_factor"]) if "round_factor" in c else found

    def _factor(self, days: tuple[date, ...], proration: str, per: str) -> Fraction:
        if proration == "none":
            return Fraction(1)
        if proration == "thirtieths":
            return thirtieths(days) / (12 if per == "year" else 1)
        return share_of_days(days, proration, per, self.readings.clock.zone)

    # ---------------------------------------------------------------- energy

    def calendar(self, c: C) -> Calendar | None:
        """The component's calendar, its events known."""
        found: Calendar | None = self.document["calendars"].get(c.get("calendar"))
        for rule in found.event_rules if found else []:
            self.readings.span_events(self.span, rule.event)
        return found

    def energy(self, c: C, channel: str) -> Buckets:
        """The span's energy of a channel by the component's buckets."""
        return self.readings.energy(self.span, channel, self.calendar(c), c.get("months"))

    def all_hours(self, channel: str, months: list[int] | None = None) -> int:
        """The span's energy of a channel, whatever the hour."""
        return self.readings.energy(self.span, channel, None, months)[""]

    def reactive(self) -> list[str]:
        """The reactive channels that are there; at least one must be."""
        there = [ch for ch in ("reactive_import", "reactive_export") if self.readings.has(ch)]
        if not there:
            raise Held("rating.quantity.missing", "There are no readings of reactive energy.")
        return there

    # ----------------------------------------------------------------- lines

    def rounding(self, c: C) -> Mapping[str, Any]:
        """The component's own rounding, or the document's for lines."""
        found: Mapping[str, Any] = c.get("rounding", self.document["rounding"]["line"])
        return found

    def rate(
        self,
        c: C,
        quantity: Fraction,
        unit: str,
        price: Fraction,
        factor: Fraction = Fraction(1),
        bucket: str = "",
    ) -> list[Line]:
        """One line, rounded once; none when there is nothing to rate."""
        unreached = c["shape"] == "tiered" and factor == 0
        if c["shape"] != "fixed" and (quantity == 0 or unreached):
            return []
        amount = rounded(quantity * price * factor, self.rounding(c))
        amount = -amount if c.get("credit") else amount
        return [line(self.span, c, quantity, unit, price, amount, factor=factor, bucket=bucket)]

    def money(self, c: C, amount: Fraction, bucket: str = "", unit: str = "") -> Line:
        """A line that says an amount and no more."""
        unit = unit or self.currency
        return line(self.span, c, Fraction(1), unit, amount, amount, bucket=bucket)

    def sum_of(self, c: C, key: str = "of") -> Fraction:
        """The already rounded amounts of the components that `of` names."""
        amounts = (made["amount"] for name in c.get(key, []) for made in self.made[name])
        return sum(amounts, Fraction(0))


@lru_cache(maxsize=1024)  # most spans are the same month
def share_of_days(days: tuple[date, ...], proration: str, per: str, zone: ZoneInfo) -> Fraction:
    """What each day is of its month or its year, together."""
    return sum((share_of_day(day, proration, per, zone) for day in days), Fraction(0))


def share_of_day(day: date, proration: str, per: str, zone: ZoneInfo) -> Fraction:
    """What one day is of its month or its year."""
    if proration == "hours":
        return share_of_hours(day, per, zone)
    if proration == "days" and per == "month":
        return Fraction(1, monthrange(day.year, day.month)[1])
    year = int(proration[-3:]) if proration in ("days_365", "days_366") else days_of_year(day)
    return Fraction(1 if per == "year" else 12, year)


def share_of_hours(day: date, per: str, zone: ZoneInfo) -> Fraction:
    """The elapsed hours of a day, over those of its month or year."""
    first, end = day.replace(day=1), (day.replace(day=28) + 4 * DAY).replace(day=1)
    if per == "year":
        first, end = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return Fraction(elapsed(day, day + DAY, zone), elapsed(first, end, zone))


def elapsed(first: date, end: date, zone: ZoneInfo) -> int:
    """The elapsed seconds from a local day to another."""
    return first_instant(end, zone) - first_instant(first, zone)


def days_of_year(day: date) -> int:
    """365 or 366."""
    return 366 if isleap(day.year) else 365


def thirtieths(days: tuple[date, ...]) -> Fraction:
    """Each calendar month: 1 when whole, else its days over 30, at most 1."""
    total = Fraction(0)
    for year, month in {(day.year, day.month) for day in days}:
        count = sum((day.year, day.month) == (year, month) for day in days)
        whole_month = count == monthrange(year, month)[1]
        total += 1 if whole_month else min(Fraction(count, 30), Fraction(1))
    return total
