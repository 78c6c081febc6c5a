"""Steps 1-2, checks of master data: what lies behind what: no circle, one parent, no more than all.

Energy is taken apart by these relations in a later step; here they are only kept and checked.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.master.columns import groups, overlaps
from gridtally.intake.master.state import State
from gridtally.intake.report import shown
from gridtally.money import MICRO, number

__all__ = ["CHECKS"]

Ints = npt.NDArray[np.int64]


def _two_parents(state: State) -> None:
    """A child with two parents at once."""
    one, two = overlaps(state.groups("topology", "child"), *state.period("topology"))
    state.tell("intake.topology.parents", "topology", two, lambda i: {
        "what": shown(state.cell("topology", "child", two[i])),
        "metering_point": state.cell("topology", "child", two[i]),
        "day": state.cell("topology", "from", two[i]),
        "other": shown(state.cell("topology", "parent", one[i])),
        "text": shown(state.cell("topology", "parent", two[i])),
    })  # fmt: skip


def _too_much(state: State) -> None:
    """Ratios behind one parent that sum to more than the whole."""
    table = state.table("topology")
    rows = np.flatnonzero(pc.equal(table["relation"], "ratio").to_numpy().astype(bool))
    first, after = (side[rows] for side in state.period("topology"))
    share = pc.fill_null(table["share"], 0).to_numpy()[rows]
    parent = state.groups("topology", "parent")[rows]
    key = np.concatenate([parent, parent])
    at, step = np.concatenate([first, after]), np.concatenate([share, -share])
    order = np.lexsort((step, at, key))  # what ends on a day ends before what begins
    total = np.cumsum(step[order])  # each group sums to nothing, so the next begins at zero
    over = (total > MICRO) & (order < len(rows))
    hit = np.flatnonzero(over)
    hit = hit[np.unique(key[order][hit], return_index=True)[1]] if hit.size else hit
    found = rows[order[hit]]
    state.tell("intake.topology.share", "topology", found, lambda i: {
        "what": shown(state.cell("topology", "parent", found[i])),
        "metering_point": state.cell("topology", "parent", found[i]),
        "day": state.cell("topology", "from", found[i]),
        "text": f"{number(Fraction(int(total[hit[i]]) * 100, MICRO))} %",
    })  # fmt: skip


def _circle(state: State) -> None:
    """A metering point behind itself (T24): what cannot be taken away leaf by leaf."""
    table = state.table("topology")
    first, after = state.period("topology")
    names = pa.chunked_array([*table["parent"].chunks, *table["child"].chunks], pa.string())
    parent, child = np.split(groups(names), 2)
    suspects = _core(np.arange(len(table)), parent, child)
    rings = []
    for day in np.unique(first[suspects]).tolist():
        live = suspects[(first[suspects] <= day) & (day < after[suspects])]
        ring = _core(live, parent, child)
        if (begun := ring[first[ring] == day]).size:
            others = sorted({state.cell("topology", "parent", row) for row in ring[:20]})
            rings.append((int(begun[0]), ", ".join(map(shown, others))))
    rows = np.array([row for row, _ in rings], np.int64)
    state.tell("intake.topology.circle", "topology", rows, lambda i: {
        "what": shown(state.cell("topology", "child", rows[i])),
        "metering_point": state.cell("topology", "child", rows[i]),
        "other": rings[i][1],
        "day": state.cell("topology", "from", rows[i]),
    })  # fmt: skip


def _core(rows: Ints, parent: Ints, child: Ints) -> Ints:
    """Relations that remain when those to and from an end are taken away again and again."""
    while rows.size:
        keep = np.isin(child[rows], parent[rows]) & np.isin(parent[rows], child[rows])
        if keep.all():
            break
        rows = rows[keep]
    return rows


CHECKS = (_circle, _two_parents, _too_much)
"""Run in this order; each tells what it finds and changes nothing."""
