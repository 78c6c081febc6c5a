"""Beside step 6: parts of a tariff document made from periods and schedules; see `urdb.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gridtally.rating.importers.rate import Rate, Schedule, Step, thresholds

__all__ = ["Part", "calendar", "prices", "signed"]

Part = dict[str, Any]
"""A table of the document."""


def prices(
    calendar: str | None, periods: Mapping[int, Sequence[Step]], days: int, shape: str = ""
) -> Part:
    """Shape and prices of a component: one price, prices per period, or tiers of either."""

    def at(period: Sequence[Step], bound: Decimal | None) -> Decimal:
        return next(
            step.price for step in period if step.upto is None or (bound and bound <= step.upto)
        )

    def cell(bound: Decimal | None) -> Part:
        if calendar is None:
            return {"price": at(next(iter(periods.values())), bound)}
        return {"prices": {f"period-{p + 1}": at(steps, bound) for p, steps in periods.items()}}

    bounds = thresholds(list(periods.values()))
    at_calendar = {"calendar": calendar} if calendar else {}
    if not bounds:
        return {"shape": shape or "energy", **at_calendar, **cell(None)}
    tiers = [{"upto": bound * days, **cell(bound)} for bound in bounds] + [cell(None)]
    pooling = {"pooling": "pro_rata"} if calendar and not shape else {}
    return {"shape": shape or "tiered", **at_calendar, **pooling, "tiers": tiers}


def calendar(
    source: Rate, name: str, used: Sequence[int], weekday: Schedule, weekend: Schedule
) -> str | None:
    """Add the calendar of two schedules; None when one period holds always."""
    if len(used) < 2:
        return None
    rules = []
    for period in used:
        by_hours: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = {}
        for month in range(12):
            hours = tuple(_hours(table[month], period) for table in (weekday, weekend))
            by_hours.setdefault((hours[0], hours[1]), []).append(month + 1)
        for (week, end), months in by_hours.items():
            days = [(["weekday"], week), (["weekend"], end)] if week != end else [([], week)]
            rules += [_rule(period, months, kind, hours) for kind, hours in days if hours]
    source.calendars[name] = {"rules": rules}
    return name


def _rule(period: int, months: list[int], days: list[str], hours: tuple[str, ...]) -> Part:
    rule: Part = {"bucket": f"period-{period + 1}"}
    rule |= {"months": months} if len(months) < 12 else {}
    rule |= {"days": days} if days else {}
    return rule | ({"hours": list(hours)} if hours != ("00:00-24:00",) else {})


def _hours(row: Sequence[int], period: int) -> tuple[str, ...]:
    on = [False, *(cell == period for cell in row), False]
    edges = [hour for hour in range(25) if on[hour] != on[hour + 1]]
    return tuple(f"{a:02}:00-{b:02}:00" for a, b in zip(edges[::2], edges[1::2], strict=True))


def signed(part: Part) -> Part:
    """Say that prices below zero are meant."""
    cells = part.get("tiers", [part])
    prices = [c["price"] for c in cells if "price" in c]
    prices += [price for c in cells for price in c.get("prices", {}).values()]
    return {**part, "negative": True} if any(price < 0 for price in prices) else part
