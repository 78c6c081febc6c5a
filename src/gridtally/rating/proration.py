"""Step 6: what part of a month or a year a span is, by each convention of `docs/tariff.md`."""

from __future__ import annotations

import calendar
from datetime import date
from fractions import Fraction
from functools import lru_cache

from gridtally.money import Rounding
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.rating.ratios import ONE, ZERO, rounded_fraction

__all__ = ["days_in", "factor_of", "hours_in", "parts_of"]


def parts_of(period: Period, months: tuple[int, ...]) -> list[Period]:
    """A period cut at the first of each month; only `months` when there are any."""
    return [part for part in period.months() if not months or part.start.month in months]


def days_in(period: Period, months: tuple[int, ...]) -> int:
    """Days of a period, in `months` when there are any."""
    return sum(part.days for part in parts_of(period, months))


def hours_in(period: Period, zone: str) -> Fraction:
    """Elapsed hours of a period."""
    start, end = zone_of(zone).bounds(period)
    return Fraction(end - start, 3600)


@lru_cache(maxsize=4096)
def factor_of(
    period: Period,
    *,
    proration: str,
    yearly: bool,
    months: tuple[int, ...],
    zone: str,
    rounding: Rounding | None = None,
) -> Fraction:
    """The factor per month, or per year, of a span."""
    if proration == "none":
        return ONE
    parts = parts_of(period, months)
    number = sum((_part(part, proration, yearly, zone) for part in parts), ZERO)
    return rounded_fraction(number, rounding) if rounding else number


def _part(part: Period, proration: str, yearly: bool, zone: str) -> Fraction:
    """The factor of a part of one calendar month."""
    first = part.start
    month = Period.month(first.year, first.month)
    year = Period(date(first.year, 1, 1), date(first.year + 1, 1, 1))
    if proration == "thirtieths":
        share = ONE if part.days == month.days else min(ONE, Fraction(part.days, 30))
        return share / 12 if yearly else share
    if proration in ("days_365", "days_366"):
        return Fraction(part.days * (1 if yearly else 12), int(proration[-3:]))
    if proration == "hours":
        return hours_in(part, zone) / hours_in(year if yearly else month, zone)
    if yearly:
        return Fraction(part.days, year.days)
    if proration == "days_year":
        return Fraction(part.days * 12, year.days)
    return Fraction(part.days, calendar.monthrange(first.year, first.month)[1])
