"""Before step 6: every hour of the next ten years, priced once by each kind of component.

That a calendar covers each hour once is asked of the document (`checks.py`). Here the hours are
walked as bills meet them: local time with its clock changes, holidays, months, standard time.
Components of one channel and one `kind` are taken as parts of a whole, such as summer and winter:
then each hour has as many of them as any other. What is charged on top has a kind of its own.
Where every hour has two or more, they say what sets them apart: a kind, a ledger account, a title.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.rating.calendars import Calendar
from gridtally.rating.charges import Charge, Document, Energy, Tiered
from gridtally.rating.document.checks import resolve
from gridtally.rating.document.values import Problem
from gridtally.rating.lint.buckets import never_met
from gridtally.rating.lint.grid import Grid
from gridtally.rating.lint.notes import note

__all__ = ["hour_problems"]

_PLAIN = (None, "energy", "tiered")
"""Kinds that say no more than that it is energy."""
_LISTED = 3
_APART = ("id", "title", "source", "ledger", "sets")
"""Keys in which components that are the same may differ."""


def hour_problems(document: Document) -> Iterator[Problem]:
    """Hours without a bucket (hold), hours that more components price than others, and copies."""
    dates = document.holidays.dates if document.holidays else ()
    calendars = {name: resolve(name, c, dates)[0] for name, c in document.calendars.items()}
    grid = Grid(document)
    for name, calendar in calendars.items():
        wrong = np.flatnonzero(grid.labels(calendar, ()) < 0)
        if len(wrong):
            message = f"{grid.local(int(wrong[0]))} has no bucket, or more than one."
            remedy = "Let one rule cover this hour."
            yield Problem("rating.document.hours", f"calendars.{name}.rules", message, remedy)
    groups: dict[tuple[Any, ...], dict[int, Charge]] = {}
    for i, charge in enumerate(document.components):
        if isinstance(charge, Energy | Tiered):
            kind = "" if charge.kind in _PLAIN else charge.kind
            key = (charge.channel, kind, charge.part, charge.credit, charge.payee)
            groups.setdefault(key, {})[i] = charge
    for group in groups.values():
        if len(group) > 1:
            yield from _copies(group)
            yield from _shared(group, grid, calendars)
    yield from never_met(document, calendars, grid)


def _shared(
    group: dict[int, Charge], grid: Grid, calendars: dict[str, Calendar]
) -> Iterator[Problem]:
    """Hours that more components of a group price than other hours have (T14)."""
    active = {i: _prices(charge, grid, calendars) for i, charge in group.items()}
    count = np.sum(list(active.values()), axis=0)
    usual = int(count[count > 0].min()) if (count > 0).any() else 0
    most = int(count.max())
    yield from _stacked(group, active, grid, count == usual)
    if most <= usual or not usual:
        return
    more = count == most
    example = int(np.flatnonzero(more)[0])
    both = [i for i, where in active.items() if where[example]]
    names = " and ".join(group[i].id for i in both)
    when = grid.told(more)
    listed = "; ".join(when[:_LISTED]) + (" and more" if len(when) > _LISTED else "")
    yield note(
        f"components[{both[-1]}]",
        f"{names} price {listed}, such as {grid.local(example)}; other hours have "
        f"{usual} such component{'s' if usual > 1 else ''}.",
        "If a kWh shall not be priced twice, part the hours or months; what is charged on top gets "
        "a `kind` of its own.",
    )


def _stacked(
    group: dict[int, Charge],
    active: dict[int, npt.NDArray[np.bool_]],
    grid: Grid,
    least: npt.NDArray[np.bool_],
) -> Iterator[Problem]:
    """Components that share hours, of those that have the least, and say alike what they are."""
    places = list(group)
    for k, i in enumerate(places):
        for j in places[:k]:
            both = active[i] & active[j]
            if not (both & least).any() or _alike_or_apart(group[i], group[j]):
                continue
            times = grid.told(both)
            when = "every hour" if both.all() else "; ".join(times[:_LISTED])
            more = " and more" if len(times) > _LISTED else ""
            yield note(
                f"components[{i}]",
                f"{group[j].id} and {group[i].id} both price {when}{more}.",
                "Take one away, if a kWh shall not be priced twice. If both are meant, give one a "
                "`kind` of its own, or each its `ledger` or `title`.",
            )
            break


def _alike_or_apart(one: Charge, other: Charge) -> bool:
    """Whether one is a copy, noted elsewhere; or both are posted or named differently: meant."""
    if _said(one) == _said(other):
        return True
    if one.ledger and other.ledger and one.ledger != other.ledger:
        return True
    names = [_names(charge) for charge in (one, other)]
    return all(names) and not names[0] & names[1]


def _names(charge: Charge) -> set[str]:
    """Its titles, without figures: "Energy 2026" and "Energy (2)" are one name."""
    title = charge.title
    texts = [title] if isinstance(title, str) else list((title or {}).values())
    return {"".join(letter for letter in text.casefold() if letter.isalpha()) for text in texts}


def _prices(charge: Charge, grid: Grid, calendars: dict[str, Calendar]) -> npt.NDArray[np.bool_]:
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
        text = _said(charge)
        if text in seen:
            message = f"{charge.id} is the same as {seen[text]}: every kWh is priced by both."
            remedy = "Leave one out, or give it a `kind` of its own if both are meant."
            yield note(f"components[{i}]", message, remedy)
        seen.setdefault(text, charge.id)


def _said(charge: Charge) -> str:
    """All that a component says, but for how it is called."""
    return charge.model_copy(update=dict.fromkeys(_APART)).model_dump_json()
