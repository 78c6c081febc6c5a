"""Step 3: checks of single values and days: impossible, far above the rest, or always the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gridtally.metering.blocks import MISSING
from gridtally.metering.scan import HUGE, Case, Ints, Mask, Row, Scan
from gridtally.metering.words import amount, counted, runs, unit, when
from gridtally.terms import Severity

__all__ = ["above", "flat", "jumps", "negative", "spikes", "units", "zeros"]

_FUSE = 10**13
"""Fuses are cut here, so that no product wraps. [10^-6 kW]"""


def negative(case: Case, scan: Scan) -> Iterator[Row]:
    """Each channel has one direction: a negative value is impossible."""
    for row in np.flatnonzero(scan.low < 0).tolist():
        columns = np.flatnonzero(case.dense.values[row] < 0)
        lowest, name = int(scan.low[row]), unit(case.dense.channel)
        yield case.found(
            "metering.interval.negative", Severity.HOLD, row,
            tell=f"below zero: {counted(len(columns), 'interval')}, the lowest "
            f"{amount(lowest, name)}.",
            columns=(columns[0], columns[-1] + 1),
            remedy="Ask the sender for corrected readings, or whether the channel is a net one.",
            count=len(columns), must_hold=True, evidence={"lowest_ukwh": lowest},
        )  # fmt: skip


def above(case: Case, scan: Scan, fuse: Ints) -> Iterator[Row]:
    """More energy than the connection can carry."""
    power = np.where(
        fuse >= 0, np.minimum(fuse, _FUSE) * case.each("fuse_pct") // 100, case.each("power_ukw")
    )
    bound = power * case.dense.resolution_s // 3600
    for row in np.flatnonzero(scan.high.max(axis=1, initial=0) > bound).tolist():
        columns = np.flatnonzero(case.dense.values[row] > bound[row])
        peak = int(columns[case.dense.values[row, columns].argmax()])
        highest, name = int(case.dense.values[row, peak]), unit(case.dense.channel)
        what = "the fuse allows" if fuse[row] >= 0 else "any connection carries"
        yield case.found(
            "metering.interval.limit", Severity.HOLD, row,
            tell=f"above the {amount(bound[row], name)} that {what}: "
            f"{counted(len(columns), 'interval')}, the highest {amount(highest, name)} "
            f"at {when(case.zone, case.at(peak))}.",
            columns=(columns[0], columns[-1] + 1),
            remedy="Check unit, multiplier and fuse rating; ask the sender for corrected readings.",
            count=len(columns), must_hold=True, direction="over",
            evidence={"highest_ukwh": highest, "limit_ukwh": bound[row]},
        )  # fmt: skip


def jumps(case: Case, scan: Scan, fuse: Ints) -> Iterator[Row]:
    """A change between neighbours that takes nearly all that the connection can carry."""
    percent, step = case.each("jump_pct"), case.dense.resolution_s
    bound = np.where(fuse >= 0, np.minimum(fuse, _FUSE) * percent // 100 * step // 3600, HUGE)
    rows = np.flatnonzero(scan.high.max(axis=1, initial=0) > bound)
    if not len(rows):
        return
    quality = case.dense.quality[rows]
    both = (quality[:, 1:] > MISSING) & (quality[:, :-1] > MISSING)
    change = np.where(both, np.abs(np.diff(case.dense.values[rows], axis=1)), 0)
    count = (change > bound[rows, None]).sum(axis=1)
    name = unit(case.dense.channel)
    for i in np.flatnonzero(count).tolist():
        row, at = int(rows[i]), int(change[i].argmax())
        before, after = (int(case.dense.values[row, column]) for column in (at, at + 1))
        yield case.found(
            "metering.interval.jump", Severity.NOTE, row,
            tell=f"from {amount(before, name)} to {amount(after, name)} at "
            f"{when(case.zone, case.at(at + 1))}: nearly all that the fuse allows, "
            f"{counted(int(count[i]), 'time')}.",
            columns=(at, at + 2),
            remedy="Look at the day; ask the customer about large equipment if it goes on.",
            count=int(count[i]), evidence={"change_ukwh": change[i, at], "limit_ukwh": bound[row]},
        )  # fmt: skip


def spikes(case: Case, scan: Scan) -> Iterator[Row]:
    """The highest interval of a day far above the third highest (California's rule)."""
    floor = case.each("spike_floor_ukw") * case.dense.resolution_s // 3600
    ratio = case.each("spike_pct")
    # The third highest is at least the mean of all but the two highest.
    rest = np.maximum(scan.total - 2 * scan.high, 0) // np.maximum(np.diff(case.days) - 2, 1)
    maybe = (scan.high > floor[:, None]) & _far(scan.high, rest, ratio[:, None])
    worst: dict[int, list[tuple[int, int, int]]] = {}
    for day in np.flatnonzero(maybe.any(axis=0)).tolist():
        begin, end = int(case.days[day]), int(case.days[day + 1])
        rows = np.flatnonzero(maybe[:, day])
        there = (case.dense.quality[rows, begin:end] > MISSING).sum(axis=1)
        rows = rows[(there >= 3) & (2 * there >= end - begin)]
        if not len(rows):
            continue
        third = np.partition(case.dense.values[rows, begin:end], -3, axis=1)[:, -3]
        first, third = scan.high[rows, day], np.clip(third, 0, HUGE)
        for i in np.flatnonzero(_far(first, third, ratio[rows])).tolist():
            worst.setdefault(int(rows[i]), []).append((int(first[i]), day, int(third[i])))
    name = unit(case.dense.channel)
    for row in sorted(worst):
        peak, day, rest = max(worst[row])
        begin, end = int(case.days[day]), int(case.days[day + 1])
        column = begin + int(case.dense.values[row, begin:end].argmax())
        yield case.found(
            "metering.interval.spike", Severity.WARN, row,
            tell=f"{amount(peak, name)} at {when(case.zone, case.at(column))} stands out: the "
            f"third highest interval of that day is {amount(rest, name)}.",
            columns=(column, column + 1),
            remedy="Look at the day; if the value is wrong, ask the sender for a corrected one.",
            count=len(worst[row]), direction="over",
            evidence={"peak1_ukwh": peak, "peak3_ukwh": rest, "days": len(worst[row])},
        )  # fmt: skip


def _far(first: Ints, third: Ints, percent: Ints) -> Mask:
    return (first - third) > third * percent // 100


def flat(case: Case) -> Iterator[Row]:
    """Long runs of one value that is not zero: a stuck meter, or a hidden estimate."""
    values, width = case.dense.values, case.dense.values.shape[1]
    least = np.maximum(case.each("flat_s") // case.dense.resolution_s, 3)
    rows = _perhaps_flat(values, int(least.min(initial=width + 1)))
    if not len(rows):
        return
    part = values[rows]
    same = (part[:, 1:] == part[:, :-1]) & (part[:, 1:] != 0)
    place, start, end = runs(same)
    size = end - start + 1
    long = size >= least[rows[place]]
    place, start, size = place[long], start[long], size[long]
    for i in np.unique(place):
        mine = np.flatnonzero(place == i)
        at = mine[size[mine].argmax()]
        row, begin, length = int(rows[i]), int(start[at]), int(size[at])
        value = int(values[row, begin])
        yield case.found(
            "metering.interval.flat", Severity.WARN, row,
            tell=f"the same {amount(value, unit(case.dense.channel))} in {length} intervals from "
            f"{when(case.zone, case.at(begin))} on.",
            columns=(begin, begin + length),
            remedy="Check whether the meter is stuck or the values are estimates.",
            count=int(size[mine].sum()),
            evidence={"value_ukwh": value, "runs": len(mine), "longest": length},
        )  # fmt: skip


def _perhaps_flat(values: Ints, least: int) -> Ints:
    """Rows that may have `least` identical values in a row; no such row is left out.

    So long a run covers two neighbouring columns of every (least // 2)-th, and all between.
    """
    step = least // 2
    if values.shape[1] < least:
        return np.zeros(0, dtype=np.int64)
    probe = values[:, ::step]
    row, column = np.nonzero((probe[:, 1:] == probe[:, :-1]) & (probe[:, 1:] != 0))
    for cut in (step // 2, step // 4, step // 4 + step // 2, 1):
        alike = values[row, column * step + cut] == values[row, column * step]
        row, column = row[alike], column[alike]
    return np.unique(row)


def units(case: Case, scan: Scan, past: Ints) -> Iterator[Row]:
    """A day about a thousand times above or below the usual: kWh sent as Wh, or as MWh."""
    factor, floor = case.each("unit_factor"), case.each("unit_floor_ukwh")
    rows = np.flatnonzero((past >= floor) & (past > 0))
    if not len(rows):
        return
    usual, times = past[rows, None], np.maximum(factor[rows, None], 1)
    over = scan.total[rows] // times >= usual
    under = (scan.total[rows] > 0) & (scan.total[rows] <= usual // times)
    for days, word, direction in ((over, "1000 times", "over"), (under, "1/1000 of", "under")):
        for i in np.flatnonzero(days.any(axis=1)).tolist():
            row, hit = int(rows[i]), np.flatnonzero(days[i])
            if direction == "under":
                hit = hit[_lasting(case, row)[hit]]
            if len(hit):
                yield _unit(case, row, hit, (scan, int(past[row])), word, direction)


def _lasting(case: Case, row: int) -> Mask:
    """Days without a gap that have energy in at least half of their intervals.

    A wrong unit makes every value small; the sun makes most of them zero.
    """
    whole = np.minimum.reduceat(case.dense.quality[row], case.days[:-1]) > MISSING
    used = np.add.reduceat(case.dense.values[row] > 0, case.days[:-1], dtype=np.int64)
    lasting: Mask = whole & (2 * used >= np.diff(case.days))
    return lasting


def _unit(
    case: Case, row: int, hit: Ints, energy: tuple[Scan, int], word: str, direction: str
) -> Row:
    scan, usual = energy
    begin, end = int(case.days[hit[0]]), int(case.days[hit[-1] + 1])
    day, name = int(scan.total[row, hit[0]]), unit(case.dense.channel)
    return case.found(
        "metering.interval.unit", Severity.HOLD, row,
        tell=f"about {word} the usual {amount(usual, name)} a day: {counted(len(hit), 'day')}, "
        f"{when(case.zone, case.at(begin))[:10]} with {amount(day, name)}.",
        columns=(begin, end),
        remedy="Ask the sender for the unit (Wh, kWh or MWh); values are never rescaled.",
        count=len(hit), must_hold=True, direction=direction,
        evidence={"day_ukwh": day, "usual_ukwh": usual},
    )  # fmt: skip


def zeros(case: Case, scan: Scan, totals: Ints) -> Iterator[Row]:
    """All intervals zero although the register moved."""
    still = (scan.high.max(axis=1, initial=0) == 0) & (scan.low == 0)
    for row in np.flatnonzero(still & (totals > 0)).tolist():
        if case.dense.quality[row].max() == MISSING:
            continue
        moved = amount(totals[row], unit(case.dense.channel))
        yield case.found(
            "metering.interval.zero", Severity.HOLD, row,
            tell=f"all intervals are zero, but the register advanced by {moved}.",
            columns=(0, case.dense.values.shape[1]),
            remedy="Check the meter's interval channel; bill from the register until it is right.",
            count=case.dense.values.shape[1], must_hold=True, direction="under",
            evidence={"register_ukwh": totals[row], "interval_ukwh": 0},
        )  # fmt: skip
