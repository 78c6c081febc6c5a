"""Step 4: gaps are filled, flagged, and named with method and inputs; readings are never replaced.

The ladder of methods, each tried where the ones before had nothing to go by (`docs/estimation.md`):
a line between the neighbours of a short gap, like days, days of the same type in the period, the
year before, other days, the profile of the customer's segment; and where the register's advance
is known, the estimates are scaled to it exactly. Only metering points with gaps cost time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering import estimate_days as days
from gridtally.metering.blocks import ESTIMATED, MISSING, Dense
from gridtally.metering.estimate_bars import bars, elsewhere
from gridtally.metering.estimate_class import ClassProfiles
from gridtally.metering.estimate_gaps import METHODS, NONE, Gaps, Stretches, chunks, laid
from gridtally.metering.estimate_total import allocated, exact_sum
from gridtally.metering.estimate_words import exceeds, impossible, inputs, notes, too_much
from gridtally.metering.estimate_year import class_profile, previous_year
from gridtally.money import MICRO
from gridtally.periods import Zone
from gridtally.periods import zone as zone_of
from gridtally.tables import ESTIMATES, FINDINGS, empty, findings_table

__all__ = ["LADDER", "Help", "Ladder", "estimate"]

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ladder:
    """When which method is used. Sources: `docs/estimation.md`."""

    linear_n: int = 2
    """Longest gap that is filled by a line between its neighbours. [intervals]"""
    linear_s: int = 3_600
    """The same. [s]"""
    linear_else_s: int = 7_200
    """The same where no near day of its kind has a reading. [s]"""
    share_pct: int = 50
    """Share of estimated intervals above which the bill is held. [%]"""


LADDER = Ladder()


@dataclass(frozen=True, slots=True)
class Help:
    """What there is beside the grid and its past; asked for only where it is needed."""

    year: Callable[[Sequence[str]], Dense | None] | None = None
    """Readings of some points a year before, `BACK_DAYS` and `SEASON_DAYS` around."""
    profiles: ClassProfiles | None = None
    segments: Sequence[str] = ()
    """Customer segment of each point of the grid."""
    usual: pa.Array | None = None
    """Energy that each point's last bills took per day, nullable int64 [10^-6 kWh]."""


def estimate(
    dense: Dense,
    *,
    zone: str,
    past: Dense | None = None,
    totals: pa.Array | None = None,
    help: Help = Help(),
    ladder: Ladder = LADDER,
    in_place: bool = False,
) -> tuple[Dense, pa.Table, pa.Table]:
    """Fill the gaps of a grid; give the filled grid, ESTIMATES and findings.

    `past` holds readings of the same channel and resolution before this grid, of any points.
    `totals`: register advance of each point over the whole grid, nullable int64 [10^-6 kWh]; the
    estimates of such a point then add up to what its readings leave of it, exactly. A slot that
    nothing tells about stays MISSING and is found. With `in_place` the arrays of `dense` are
    filled and given back: for a caller who no longer needs the gaps.
    """
    rows = np.flatnonzero(dense.quality.min(axis=1, initial=ESTIMATED) == MISSING)
    if not len(rows):
        return dense, empty(ESTIMATES), empty(FINDINGS)
    values, quality = dense.values, dense.quality
    if not in_place:
        values, quality = values.copy(), quality.copy()
    filled = Dense(
        dense.points, dense.channel, dense.start_utc, dense.resolution_s, values, quality
    )
    place, made, found = zone_of(zone), [], []
    for part in chunks(rows):
        gaps = laid(dense, part, zone=place, past=past)
        _climb(gaps, place, help, ladder)
        scaled, more = _scale(gaps, totals)
        runs = gaps.stretches(np.flatnonzero(gaps.rung > NONE))
        found += [*more, *impossible(gaps, place)]
        if len(runs.place):
            made.append(_made(gaps, runs, scaled))
            found += notes(gaps, runs, made[-1])
        known = gaps.rung > NONE
        at = part[gaps.place[known]], gaps.column[known] - gaps.past
        values[at], quality[at] = gaps.value[known], ESTIMATED
    found += too_much(filled, rows, ladder.share_pct)
    found.sort(key=lambda row: (row["metering_point"], row["code"]))
    return filled, pa.concat_tables([empty(ESTIMATES), *made]), findings_table(found)


def _climb(gaps: Gaps, zone: Zone, help: Help, ladder: Ladder) -> None:
    """Rung by rung, until every slot has an estimate or nothing tells about it."""
    step = gaps.dense.resolution_s
    days.like_days(gaps, longest=min(ladder.linear_n, ladder.linear_s // step))
    days.linear(gaps, longest=ladder.linear_else_s // step)
    days.day_types(gaps)
    if help.year is not None and len(gaps.open()):
        previous_year(gaps, zone=zone, year=help.year)
    days.other_days(gaps)
    if help.profiles is not None and len(gaps.open()):
        class_profile(gaps, profiles=help.profiles, segments=help.segments, usual=help.usual)


def _scale(gaps: Gaps, totals: pa.Array | None) -> tuple[dict[int, int], list[Row]]:
    """Scale the estimates of points with a register total to what their readings leave of it.

    Give the total of each such point, and findings.
    """
    scaled: dict[int, int] = {}
    found: list[Row] = []
    if totals is None:
        return scaled, found
    cuts = np.searchsorted(gaps.place, np.arange(len(gaps.rows) + 1))
    wanted = totals.take(pa.array(gaps.rows)).to_pylist()
    for place, total in enumerate(wanted):
        if total is None:
            continue
        scaled[place] = total
        mine = slice(cuts[place], cuts[place + 1])
        measured = exact_sum(gaps.dense.values[gaps.rows[place]])
        guess, rung = gaps.value[mine], gaps.rung[mine]
        lost = rung == NONE
        if lost.any():
            known = guess[~lost]
            guess[lost] = max(int(known.sum()) // len(known), 1) if len(known) else 1
            rung[lost] = METHODS.index("even")
        gaps.value[mine] = allocated(max(total - measured, 0), guess)
        if measured > total:
            found.append(exceeds(gaps, place, measured, total))
    return scaled, found


def _made(gaps: Gaps, runs: Stretches, scaled: dict[int, int]) -> pa.Table:
    """ESTIMATES: a row per filled stretch."""
    other = elsewhere(gaps, runs)
    rung = _most(gaps.rung[runs.slots], runs)
    energy = np.add.reduceat(gaps.value[runs.slots], runs.cuts)
    below, above = bars(gaps, runs, other, rung, energy)
    forced = [place in scaled for place in runs.place.tolist()]
    if scaled:
        below, above = (_bound(gaps, runs, scaled, width) for width in (below, above))
    texts = zip(inputs(gaps, runs, other, rung), forced, strict=True)
    points = gaps.dense.points
    columns = {
        "metering_point": [points[row] for row in gaps.rows[runs.place].tolist()],
        "channel": [gaps.dense.channel] * len(runs.place),
        "start_utc": gaps.at(runs.start),
        "end_utc": gaps.at(runs.end),
        "method": [
            METHODS[way] + "+register" * force for way, force in zip(rung, forced, strict=True)
        ],
        "inputs": [text + ", scaled to the register" * force for text, force in texts],
        "energy_ukwh": energy,
        "low_ukwh": np.maximum(energy - below, 0),
        "high_ukwh": energy + above,
        "count": runs.size,
    }
    return pa.table(columns, schema=ESTIMATES)


def _most(rung: npt.NDArray[np.uint8], runs: Stretches) -> list[int]:
    """The rung that gave most of each stretch; of equals the higher."""
    best, most = np.zeros((2, len(runs.place)), dtype=np.int64)
    for number in range(NONE + 1, len(METHODS)):
        count = np.add.reduceat(rung == number, runs.cuts, dtype=np.int64)
        best[(count >= most) & (count > 0)] = number
        most = np.maximum(most, count)
    ways: list[int] = best.tolist()
    return ways


def _bound(gaps: Gaps, runs: Stretches, scaled: dict[int, int], width: Ints) -> Ints:
    """Widths of points whose register is known: what one gap has more, the others have less.

    Of a single gap only the step of the dial is open: two readings cut to it are off by less than
    seven tenths of a step in nine of ten cases.
    """
    result = width.copy()
    cuts = np.searchsorted(runs.place, np.arange(len(gaps.rows) + 1))
    for place, total in scaled.items():
        mine = slice(cuts[place], cuts[place + 1])
        each = width[mine].tolist()
        whole, squares = sum(each), sum(w * w for w in each)
        step = _step(total) * 7 // 10
        result[mine] = [
            isqrt((w * (whole - w)) ** 2 + w * w * (squares - w * w)) // max(whole, 1) + step
            for w in each
        ]
    return result


def _step(total: int) -> int:
    """The dial's step, as its advance shows it: the largest power of ten, up to 1, in it."""
    step = 1
    while step < MICRO and total % (10 * step) == 0:
        step *= 10
    return step
