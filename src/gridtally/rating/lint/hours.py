"""Before step 6: every hour of the next ten years, priced once by each kind of component.

That a calendar covers each hour once is asked of the document (`checks.py`). Here the hours are
walked as bills meet them: local time with its clock changes, holidays, months, standard time.
Components of one channel and one `kind` are taken as parts of a whole, such as summer and winter:
then each hour has as many of them as any other. What is charged on top has a kind of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.periods import zone as zone_of
from gridtally.rating.calendars import Calendar, labels
from gridtally.rating.charges import Charge, Document, Energy, Tiered
from gridtally.rating.document.checks import hours_told, resolve
from gridtally.rating.document.values import Problem
from gridtally.terms import Severity

__all__ = ["hour_problems"]

_LATEST = date(2049, 1, 1)
"""Ten years from here are known to the table of zones."""
_YEARS = 10
_LISTED = 3
_APART = ("id", "title", "source", "ledger", "sets")
"""Keys in which components that are the same may differ."""


def hour_problems(document: Document) -> Iterator[Problem]:
    """Hours without a bucket (hold), hours that more components price than others, and copies."""
    dates = document.holidays.dates if document.holidays else ()
    calendars = {name: resolve(name, c, dates)[0] for name, c in document.calendars.items()}
    grid = _Grid(document)
    for name, calendar in calendars.items():
        wrong = np.flatnonzero(grid.labels(calendar, ()) < 0)
        if len(wrong):
            message = f"{grid.local(int(wrong[0]))} has no bucket, or more than one."
            yield Problem("rating.document.hours", f"calendars.{name}.rules", message)
    groups: dict[tuple[Any, ...], dict[int, Charge]] = {}
    for i, charge in enumerate(document.components):
        if isinstance(charge, Energy | Tiered):
            key = (charge.channel, charge.kind or "", charge.part, charge.credit, charge.payee)
            groups.setdefault(key, {})[i] = charge
    for group in groups.values():
        if len(group) > 1:
            yield from _copies(group)
            yield from _shared(group, grid, calendars)


class _Grid:
    """The quarter-hours (or minutes, where a calendar needs them) of up to ten years."""

    def __init__(self, document: Document) -> None:
        first = document.valid_from
        first = min(first, _LATEST)
        last = date(first.year + _YEARS, first.month, min(first.day, 28))
        self.zone = document.zone
        self.start = zone_of(self.zone).midnight(first)
        self.end = zone_of(self.zone).midnight(max(min(document.valid_to or last, last), first))
        edges = {
            at
            for calendar in document.calendars.values()
            for rule in calendar.rules
            for text in rule.hours
            for at in rule.minutes(text)
        }
        fine = self.start % 900 or self.end % 900 or any(at % 15 for at in edges)
        self.step = 60 if fine else 900
        local = zone_of(self.zone).to_local(np.arange(self.start, self.end, self.step))
        day = local // 86_400
        self.month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        self.weekday = (day + 3) % 7
        self.slot = local % 86_400 // self.step
        self._local = local

    def labels(self, calendar: Calendar | None, months: tuple[int, ...]) -> npt.NDArray[np.int16]:
        """The bucket of each slot; below zero where there is none."""
        return labels(calendar, self.zone, self.start, self.end, self.step, months=months)

    def local(self, at: int) -> str:
        """The local time of a slot."""
        moment = datetime(1970, 1, 1) + timedelta(seconds=int(self._local[at]))  # noqa: DTZ001
        return moment.strftime("%Y-%m-%d %H:%M")

    def told(self, where: npt.NDArray[np.bool_]) -> list[str]:
        """Months, days and hours of some slots, in words."""
        table = np.zeros((12, 8, 1440 * 60 // self.step), bool)
        table[self.month[where], self.weekday[where], self.slot[where]] = True
        return hours_told(np.repeat(table, self.step // 60, axis=2))


def _shared(
    group: dict[int, Charge], grid: _Grid, calendars: dict[str, Calendar]
) -> Iterator[Problem]:
    """Hours that more components of a group price than other hours have (T14)."""
    active = {i: _prices(charge, grid, calendars) for i, charge in group.items()}
    count = np.sum(list(active.values()), axis=0)
    usual = int(count[count > 0].min()) if (count > 0).any() else 0
    most = int(count.max())
    if most <= usual or not usual:
        return
    more = count == most
    example = int(np.flatnonzero(more)[0])
    both = [i for i, where in active.items() if where[example]]
    names = " and ".join(group[i].id for i in both)
    when = grid.told(more)
    listed = "; ".join(when[:_LISTED]) + (" and more" if len(when) > _LISTED else "")
    yield Problem(
        "rating.document.note",
        f"components[{both[-1]}]",
        f"{names} price {listed}, such as {grid.local(example)}; other hours have "
        f"{usual} such component{'s' if usual > 1 else ''}.",
        "If a kWh shall not be priced twice, part the hours or months; what is charged on top gets "
        "a `kind` of its own.",
        Severity.NOTE,
    )


def _prices(charge: Charge, grid: _Grid, calendars: dict[str, Calendar]) -> npt.NDArray[np.bool_]:
    """The slots that a component prices; what costs nothing in every tier is not priced."""
    assert isinstance(charge, Energy | Tiered)
    calendar = calendars[charge.calendar] if charge.calendar else None
    found = grid.labels(calendar, tuple(sorted(set(charge.months))))
    here = found >= 0
    if calendar is None:
        plain = [price for _, price, _ in charge.priced()]
        costs = not plain or any(price is None or price.number != 0 for price in plain)
        return np.asarray(here & costs)
    free = np.array(
        [
            bool(charge.priced())
            and all(prices and prices[bucket].number == 0 for _, _, prices in charge.priced())
            for bucket in calendar.buckets
        ]
    )
    return np.asarray(here & ~free[np.maximum(found, 0)])


def _copies(group: dict[int, Charge]) -> Iterator[Problem]:
    """Components that are the same but for their names (T14)."""
    seen: dict[str, str] = {}
    for i, charge in group.items():
        text = charge.model_copy(update=dict.fromkeys(_APART)).model_dump_json()
        if text in seen:
            message = f"{charge.id} is the same as {seen[text]}: every kWh is priced by both."
            remedy = "Leave one out, or give it a `kind` of its own if both are meant."
            yield Problem(
                "rating.document.note", f"components[{i}]", message, remedy, Severity.NOTE
            )
        seen.setdefault(text, charge.id)
