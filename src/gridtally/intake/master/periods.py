"""Steps 1-2, checks of master data: supplies and meters in time, no overlap and no gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from gridtally.intake.master.columns import (
    FAR,
    as_date,
    days,
    gaps,
    overlaps,
    reach,
    rows_of,
    trimmed,
)
from gridtally.intake.master.state import State
from gridtally.intake.report import shown

__all__ = ["CHECKS"]

Ints = npt.NDArray[np.int64]


def _terms_overlap(state: State) -> None:
    """Two rows of one agreement at once."""
    pairs = overlaps(state.groups("agreements", "agreement"), *state.period("agreements"))
    _overlap(state, "agreements", pairs, "agreement", "Two rows of the agreement {} overlap")


def _supplied_twice(state: State) -> None:
    """Two agreements for one supply (M30)."""
    first, after = state.period("agreements")
    first = trimmed(state.groups("agreements", "metering_point", "agreement"), first, after)
    rows = np.flatnonzero(first < after)
    key = state.groups("agreements", "metering_point")
    one, two = overlaps(key[rows], first[rows], after[rows])
    pairs = (rows[one], rows[two])
    _overlap(state, "agreements", pairs, "metering_point", "Two agreements supply {}")


def _two_places(state: State) -> None:
    """A meter at two places at once."""
    pairs = overlaps(state.groups("meters", "meter"), *state.period("meters"))
    _overlap(state, "meters", pairs, "meter", "The meter {} stands at two places")


def _contacts_overlap(state: State) -> None:
    """Two contacts of one party at once."""
    pairs = overlaps(state.groups("contacts", "party"), *state.period("contacts"))
    _overlap(state, "contacts", pairs, "party", "Two contacts of the party {} overlap")


def _transformers_overlap(state: State) -> None:
    """Two sets of data of one transformer at once."""
    pairs = overlaps(state.groups("transformers", "transformer"), *state.period("transformers"))
    _overlap(state, "transformers", pairs, "transformer", "Two rows of the transformer {} overlap")


def _overlap(state: State, name: str, pairs: tuple[Ints, Ints], column: str, text: str) -> None:
    one, two = pairs
    state.tell("intake.master.overlap", name, two, lambda i: {
        "text": text.format(shown(state.cell(name, column, two[i]))),
        "day": state.cell(name, "from", two[i]),
        "other": state.places(name, one[i], two[i]),
    })  # fmt: skip


def _supply_gap(state: State) -> None:
    """Days between two agreements of a supply, unless it is marked as vacant."""
    table = state.table("agreements")
    one, two = gaps(state.groups("agreements", "metering_point"), *state.period("agreements"))
    points = state.table("metering_points")
    place = rows_of(table["metering_point"], points["metering_point"])
    vacant = pc.match_substring_regex(pc.fill_null(points["features"], ""), r"\bvacant\b")
    empty = np.append(vacant.to_numpy().astype(bool), False)[place]
    keep = ~empty[two]
    one, two = one[keep], two[keep]
    state.tell("intake.supply.gap", "agreements", two, lambda i: {
        "what": shown(state.cell("agreements", "metering_point", two[i])),
        "day": state.cell("agreements", "to", one[i]),
        "other": state.cell("agreements", "from", two[i]),
    })  # fmt: skip


def _two_meters(state: State) -> None:
    """Two meters at one place for more than the day on which one replaces the other."""
    first, after = state.period("meters")
    one, two = overlaps(state.groups("meters", "metering_point"), first, after - 1)
    meter = state.groups("meters", "meter")
    differ = meter[one] != meter[two]
    one, two = one[differ], two[differ]
    state.tell("intake.place.meters", "meters", two, lambda i: {
        "what": shown(state.cell("meters", "metering_point", two[i])),
        "day": state.cell("meters", "from", two[i]),
        "other": shown(state.cell("meters", "meter", one[i])),
        "text": shown(state.cell("meters", "meter", two[i])),
    })  # fmt: skip


def _exchange_gap(state: State) -> None:
    """A meter leaves, and the next one comes days later."""
    first, after = state.period("meters")
    one, two = gaps(state.groups("meters", "metering_point"), first, after)
    state.tell("intake.exchange.gap", "meters", two, lambda i: {
        "what": shown(state.cell("meters", "metering_point", two[i])),
        "other": shown(state.cell("meters", "meter", one[i])),
        "text": shown(state.cell("meters", "meter", two[i])),
        "day": as_date(after[one[i]]),
        "expected": int(first[two[i]] - after[one[i]]),
    })  # fmt: skip


def _unmetered(state: State) -> None:
    """An agreement before the first meter of its place came, or after the last one left."""
    if not state.has("meters", "agreements") or not len(state.table("meters")):
        return
    meters, places = state.table("meters"), state.table("agreements")["metering_point"]
    low, high = reach(meters["metering_point"], *state.period("meters"), places)
    first, after = state.period("agreements")
    rows = np.flatnonzero((first < low) | (after > high))
    state.tell("intake.place.unmetered", "agreements", rows, lambda i: {
        "what": shown(state.cell("agreements", "metering_point", rows[i])),
        **_outside(int(first[rows[i]]), int(after[rows[i]]), int(low[rows[i]]), int(high[rows[i]])),
    })  # fmt: skip


def _outside(first: int, after: int, low: int, high: int) -> dict[str, object]:
    """The first days of an agreement on which there is no meter."""
    start, end = (first, min(low, after)) if first < low else (max(first, high), after)
    return {"day": as_date(start), "other": "now" if end >= FAR else as_date(end)}


def _exemption_over(state: State) -> None:
    """An exemption that has ended while the terms that rest on it run."""
    if state.day is None:
        return
    first, after = state.period("agreements")
    over = days(state.table("agreements")["exempt_to"], blank=FAR)
    rows = np.flatnonzero((over <= state.day) & (over > first) & (after > state.day))
    state.tell("intake.agreement.exemption", "agreements", rows, lambda i: {
        "what": shown(state.cell("agreements", "agreement", rows[i])),
        "day": state.cell("agreements", "exempt_to", rows[i]),
    })  # fmt: skip


CHECKS = (
    _terms_overlap, _supplied_twice, _two_places, _contacts_overlap, _transformers_overlap,
    _supply_gap, _two_meters, _exchange_gap, _unmetered, _exemption_over,
)  # fmt: skip
"""Run in this order; each tells what it finds and changes nothing."""
