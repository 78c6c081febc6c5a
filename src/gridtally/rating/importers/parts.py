"""Beside step 6: parts of a tariff document made from periods and schedules; see `urdb.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gridtally.rating.importers.rate import Rate, Schedule, Step

__all__ = ["MONTHS", "Part", "Price", "Times", "by_hour", "calendar", "prices", "signed"]

Part = dict[str, Any]
"""A table of the document."""
MONTHS = tuple(range(1, 13))
_LOOKED_AT = (0, 5, 11, 17)
Price = Callable[[Step], Decimal]
"""What of a step is charged or paid."""


@dataclass(frozen=True, slots=True)
class Times:
    """Periods by name, and the period of each hour of each month, on weekdays and at weekends."""

    periods: Mapping[str, Sequence[Step]]
    weekday: Sequence[Sequence[str]]
    weekend: Sequence[Sequence[str]]

    @classmethod
    def of(cls, periods: Sequence[Sequence[Step]], tables: tuple[Schedule, Schedule]) -> Times:
        """The periods that the schedules name, `period-1` and so on."""
        named = [[[f"period-{cell + 1}" for cell in row] for row in table] for table in tables]
        used = {cell for table in named for row in table for cell in row}
        every = {f"period-{p}": steps for p, steps in enumerate(periods, 1)}
        return cls({n: s for n, s in every.items() if n in used}, named[0], named[1])

    def used(self, months: Sequence[int] = MONTHS) -> dict[str, Sequence[Step]]:
        """The periods of these months, in order."""
        named = {n for m in months for n in (*self.weekday[m - 1], *self.weekend[m - 1])}
        return {name: steps for name, steps in self.periods.items() if name in named}


def prices(
    periods: Mapping[str, Sequence[Step]],
    bounds: Sequence[Part],
    at: Callable[[Sequence[Step], int], Step],
    price: Price,
) -> Part:
    """One price, a price for each period, or tiers of either.

    `bounds` are the ends of the tiers but the last; `at` finds the step of a period in a tier.
    """

    def cell(tier: int) -> Part:
        found = {name: price(at(steps, tier)) for name, steps in periods.items()}
        return {"prices": found} if len(found) > 1 else {"price": next(iter(found.values()))}

    if not bounds:
        return cell(0)
    return {"tiers": [bound | cell(k) for k, bound in enumerate(bounds)] + [cell(len(bounds))]}


def calendar(source: Rate, name: str, times: Times, months: Sequence[int] = MONTHS) -> Part:
    """Add the calendar of these months; nothing when one period holds always."""
    used = list(times.used(months))
    if len(used) < 2:
        return {}
    rules = []
    for period in used:
        by_hours: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = {}
        for month in months:
            tables = (times.weekday[month - 1], times.weekend[month - 1])
            hours = tuple(_hours(row, period) for row in tables)
            by_hours.setdefault((hours[0], hours[1]), []).append(month)
        for (week, end), mine in by_hours.items():
            days = [(["weekday"], week), (["weekend"], end)] if week != end else [([], week)]
            rules += [_rule(period, mine, kind, hours) for kind, hours in days if hours]
    if len(months) < 12:
        rules.append({"otherwise": used[0]})
    source.calendars[name] = {"rules": rules}
    return {"calendar": name}


def _rule(period: str, months: list[int], days: list[str], hours: tuple[str, ...]) -> Part:
    rule: Part = {"bucket": period}
    rule |= {"months": months} if len(months) < 12 else {}
    rule |= {"days": days} if days else {}
    return rule | ({"hours": list(hours)} if hours != ("00:00-24:00",) else {})


def _hours(row: Sequence[str], period: str) -> tuple[str, ...]:
    on = [False, *(cell == period for cell in row), False]
    edges = [hour for hour in range(25) if on[hour] != on[hour + 1]]
    return tuple(f"{a:02}:00-{b:02}:00" for a, b in zip(edges[::2], edges[1::2], strict=True))


def by_hour(times: Times, base: Callable[[str], str]) -> list[Part]:
    """Where credits go when a month begins that has other periods.

    To the same period under another price, if there is one; else to the period that stands at the
    same hour of weekdays: the first of 0, 5, 11 and 17 at which the old one stood, where NREL's
    engine looks, else the first hour of a weekday, or of a weekend.
    """
    moves = []
    for month in MONTHS:
        before, after = times.used([month - 1 or 12]), times.used([month])
        hours: dict[str, str] = {}
        for table in (times.weekday, times.weekend):
            for hour in (*_LOOKED_AT, *range(24)):
                hours.setdefault(table[month - 2][hour], table[month - 1][hour])
        same = {base(name): name for name in after}
        for old in before:
            new = old if old in after else same.get(base(old), hours[old])
            if new != old:
                moves.append({"on": f"{month:02}-01", "from": old, "to": new})
    return moves


def signed(part: Part) -> Part:
    """Say that prices below zero are meant."""
    cells = part.get("tiers", [part])
    found = [c["price"] for c in cells if "price" in c]
    found += [price for c in cells for price in c.get("prices", {}).values()]
    return {**part, "negative": True} if any(price < 0 for price in found) else part
