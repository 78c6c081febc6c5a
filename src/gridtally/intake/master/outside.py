"""Steps 1-2, checks of master data: terms of agreements, prices by time, events; none overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtally.intake.master.columns import groups, overlaps
from gridtally.intake.master.state import State
from gridtally.intake.report import shown
from gridtally.periods import iso_utc

__all__ = ["CHECKS"]

Ints = npt.NDArray[np.int64]


def _terms(state: State) -> None:
    """Two values of one term at once."""
    name = "agreement_terms"
    one, two = overlaps(state.groups(name, "agreement", "term"), *state.period(name))
    state.tell("intake.master.overlap", name, two, lambda i: {
        "text": f"Two values of the term {shown(state.cell(name, 'term', two[i]))} of "
                f"{shown(state.cell(name, 'agreement', two[i]))} overlap",
        "day": state.cell(name, "from", two[i]),
        "other": state.places(name, one[i], two[i]),
    })  # fmt: skip


def _prices(state: State) -> None:
    """Two prices of one series at once."""
    _stretches(state, "price_series", ("series",), "Two prices of the series {} overlap")


def _events(state: State) -> None:
    """Two events of one name at once; statements that a list is complete may overlap."""
    _stretches(state, "market_events", ("event", "kind"), "Two events {} overlap")


def _stretches(state: State, name: str, key: tuple[str, ...], text: str) -> None:
    if not state.has(name):
        return
    table = state.table(name)
    one, two = _meeting(
        groups(*(table[column] for column in key)),
        np.asarray(table["start_utc"]),
        np.asarray(table["end_utc"]),
    )
    if "kind" in key:
        events = [state.cell(name, "kind", row) == "event" for row in two]
        one, two = one[events], two[events]
    state.tell("intake.master.overlap", name, two, lambda i: {
        "text": text.format(shown(state.cell(name, key[0], two[i]))),
        "day": iso_utc(state.cell(name, "start_utc", two[i])),
        "other": state.places(name, one[i], two[i]),
    })  # fmt: skip


def _meeting(key: Ints, first: Ints, after: Ints) -> tuple[Ints, Ints]:
    """Rows of one group and the next one by start, where the earlier has not ended by then."""
    order = np.lexsort((first, key))
    same = key[order][1:] == key[order][:-1]
    hit = np.flatnonzero(same & (after[order][:-1] > first[order][1:]))
    return order[hit], order[hit + 1]


CHECKS = (_terms, _prices, _events)
"""Run in this order; each tells what it finds and changes nothing."""
