"""Beside step 6: prices through the year as panels: day types that are alike, rows of days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.money import number
from gridtally.rating.calendars import HOLIDAY, OUTSIDE
from gridtally.rating.hours import MONTH_OF, Grid, days_text, hours, month_day
from gridtally.rating.wording import fact_text, value_text

__all__ = [
    "at_rest", "changes_with_time", "in_words", "on_a_scale", "on_map", "panels", "prices_text",
    "steps",
    "varies",
]  # fmt: skip


def at_rest(cells: Grid, months: Sequence[int], mask: npt.NDArray[np.bool_]) -> Grid:
    """The grid with OUTSIDE on days that are not in `months` (all when empty) or not in `mask`."""
    if months:
        mask = mask & np.isin(MONTH_OF + 1, months).reshape(366, 1, 1)
    return np.where(mask, cells, np.int16(OUTSIDE))


def panels(cells: Grid, *, holidays: bool) -> list[dict[str, Any]]:
    """The grid (366 x 8 x 1440) as one panel per group of day types that are alike."""
    groups: list[list[int]] = []
    for kind in range(8 if holidays else HOLIDAY):
        alike = next((g for g in groups if np.array_equal(cells[:, g[0]], cells[:, kind])), None)
        if alike is None:
            groups.append([kind])
        else:
            alike.append(kind)
    types = 8 if holidays else HOLIDAY
    return [
        {"days": days_text(group, types=types), "rows": _rows(cells[:, group[0]])}
        for group in groups
    ]


def _rows(days: npt.NDArray[np.int16]) -> list[dict[str, Any]]:
    """A row per month, or several where the hours change within it."""
    changes = (days[1:] != days[:-1]).any(axis=1) | (np.diff(MONTH_OF) != 0)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), 366]
    return [
        {"month": int(MONTH_OF[first]) + 1, "from": month_day(first), "to": month_day(last - 1),
         "count": last - first,
         "runs": [list(run) for run in hours(days[first])]}
        for first, last in pairwise(edges)
    ]  # fmt: skip


def steps(raw: Mapping[str, Any], bucket: str) -> list[dict[str, str | None]]:
    """The prices of a bucket by tier; one step without an end where there are no tiers.

    A price that the document does not give as a number is said in words.
    """
    found = []
    for tier in raw.get("tiers") or [raw]:
        price = (tier.get("prices") or {}).get(bucket) if bucket else tier.get("price")
        said = number(price) if isinstance(price, Decimal) else price and value_text(price)
        ends = {key: tier.get(key) for key in ("upto", "upto_per_kw")}
        told = {key: None if end is None else number(end) for key, end in ends.items()}
        if told["upto_per_kw"] is None:
            del told["upto_per_kw"]
        found.append(told | {"price": said or None})
    return found


def changes_with_time(part: Mapping[str, Any]) -> bool:
    """Whether a component's price is not the same at all times."""
    runs = (run for panel in part["panels"] for row in panel["rows"] for run in row["runs"])
    return len(part["buckets"]) > 1 or any(bucket < 0 for _, _, bucket in runs)


def on_map(part: Mapping[str, Any]) -> frozenset[int]:
    """The buckets that have hours of their own; others hold in events alone."""
    runs = (run for panel in part["panels"] for row in panel["rows"] for run in row["runs"])
    return frozenset(bucket for _, _, bucket in runs if bucket >= 0)


def varies(part: Mapping[str, Any]) -> bool:
    """Whether a component has more than one price: by time or by tier."""
    if not part.get("buckets"):
        return False
    return changes_with_time(part) or len(part["buckets"][0]["tiers"]) > 1


def on_a_scale(part: Mapping[str, Any]) -> bool:
    """Whether the steps of a component can be drawn: they end at amounts, not at hours of use."""
    steps = part["buckets"][0]["tiers"]
    return len(steps) > 1 and not any("upto_per_kw" in step for step in steps)


def prices_text(bucket: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """`0.149 up to 120 kWh, 0.178 up to 300 kWh, 0.219 above`."""
    steps = bucket["tiers"]
    if len(steps) == 1:
        return f"{steps[0]['price'] or 'no price here'} {part['unit']}"
    said = [f"{step['price']} up to {_end(step, part['upto_unit'])}" for step in steps[:-1]]
    return ", ".join([*said, f"{steps[-1]['price']} above"])


def _end(step: Mapping[str, str | None], unit: str) -> str:
    """Where a step ends: an amount, hours of use of the demand, or the lesser of the two."""
    use = f"{step['upto_per_kw']} kWh per kW of demand" if "upto_per_kw" in step else ""
    if use and step["upto"]:
        return f"{step['upto']} {unit} or {use}, whichever is less"
    return use or f"{step['upto']} {unit}"


def in_words(part: Mapping[str, Any], *, prices: bool = True) -> str:
    """A component as a sentence; with its one price, where it is not drawn."""
    said = [part["text"], *(fact_text(*fact) for fact in part["facts"])]
    if prices and part.get("buckets"):
        price = part["buckets"][0]["tiers"][0]["price"]
        said[0] = f"{price} {said[0]}" if price else said[0]
    words = "; ".join(said)
    return words if prices else words[0].upper() + words[1:]
