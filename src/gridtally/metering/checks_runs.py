"""Step 3: checks of stretches: gaps, the hour that is there twice, a new multiplier in between."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from gridtally.metering.blocks import MISSING
from gridtally.metering.scan import HUGE, Case, Ints, Mask, Row, Scan
from gridtally.metering.words import amount, lasting, runs, unit, when
from gridtally.terms import Severity

__all__ = ["FACTORS", "clock_changes", "factor_near", "missing", "steps"]

FACTORS = (2, 3, 10, 100, 1000)
"""What a multiplier is wrong by: a phase or two not counted, a decimal, kWh and Wh (M25)."""


def missing(case: Case) -> Iterator[Row]:
    """Gaps, one finding per point with its runs."""
    quality = case.dense.quality
    if quality.size == 0 or quality.min() != MISSING:
        return
    rows = np.flatnonzero(quality.min(axis=1) == MISSING)
    place, start, end = runs(quality[rows] == MISSING)
    cuts = np.searchsorted(place, np.arange(len(rows) + 1)).tolist()
    counts = np.add.reduceat(end - start, cuts[:-1]).tolist()
    warn, width = (
        (case.each("missing_warn_pct")[rows] * quality.shape[1]).tolist(),
        quality.shape[1],
    )
    begins, sizes, step = start.tolist(), (end - start).tolist(), case.dense.resolution_s
    for row, count, over, low, high in zip(
        rows.tolist(), counts, warn, cuts[:-1], cuts[1:], strict=True
    ):
        longest = max(sizes[low:high])
        at = case.at(begins[low + sizes[low:high].index(longest)])
        gaps = "a gap" if high - low == 1 else f"{high - low} gaps, the longest"
        tell = (
            f"missing: {count} of {width} intervals, {gaps} of {lasting(longest * step)} "
            f"from {when(case.zone, at)} on."
        )
        if count == width:
            tell = f"missing: all {width} intervals."
        first = zip(begins[low:high][:5], sizes[low:high][:5], strict=True)
        yield case.found(
            "metering.interval.missing", Severity.WARN if count * 100 > over else Severity.NOTE,
            row, tell=tell, columns=(begins[low], begins[high - 1] + sizes[high - 1]),
            remedy="Ask for the missing readings; until they arrive they are estimated.",
            count=count, evidence={
                "gaps": high - low, "longest_s": longest * step,
                "first": " ".join(f"{case.at(begin)}+{size}" for begin, size in first),
            },
        )  # fmt: skip


def clock_changes(case: Case) -> Iterator[Row]:
    """Exactly the hour that clocks repeat is there once: the sender counts 24 hours a day."""
    grid, zone = case.dense, case.zone
    inside = np.flatnonzero((zone.changes > grid.start_utc) & (zone.changes < grid.end_utc))
    for number in inside.tolist():
        at, back = int(zone.changes[number]), -int(np.diff(zone.offsets)[number])
        size, rest = divmod(back, grid.resolution_s)
        change, off = divmod(at - grid.start_utc, grid.resolution_s)
        if back <= 0 or rest or off or change - size < 1:
            continue
        for begin in (change - size, change):
            near = grid.quality[:, begin - 1 : begin + size + 1] > MISSING
            if near.shape[1] < size + 2:
                continue
            lost = near[:, 0] & near[:, -1] & ~near[:, 1:-1].any(axis=1)
            for row in np.flatnonzero(lost).tolist():
                yield case.found(
                    "metering.interval.clock_change", Severity.NOTE, row,
                    tell=f"the {lasting(back)} that the clocks repeat on "
                    f"{when(zone, at)[:10]} came once: the sender seems to count 24 hours.",
                    columns=(begin, begin + size),
                    remedy="Ask the sender for all 25 hours of that day, in UTC or with offsets.",
                    count=size,
                )  # fmt: skip


# ------------------------------------------------------------------ multiplier


def steps(case: Case, scan: Scan) -> Iterator[Row]:
    """From a day on everything is 2, 3, 10 … times as large or small: a new multiplier (M25).

    Every whole day after must lie a fifth beyond every one before, and their sums, their middle
    and their highest values must change by the same factor: life never changes all of them alike.
    """
    least = np.maximum(case.each("step_days"), 1)
    if not scan.total.size or scan.total.shape[1] < 2 * int(least.min()):
        return
    rows = np.flatnonzero(scan.total.max(axis=1) > case.each("step_floor_ukwh"))
    rows = rows[_spread(scan.total[rows], int(least.min()))]
    if not len(rows):
        return
    cut, up = _cut(scan.total[rows], scan.whole[rows], least[rows])
    some = np.flatnonzero(cut > 0)
    rows, cut, up = rows[some], cut[some], up[some]
    kinds = (scan.total[rows], _middle(case, rows), scan.high[rows])
    close = case.each("step_close_permille")[rows].tolist()
    whole = scan.whole[rows]
    for i, row in enumerate(rows.tolist()):
        sides = [np.flatnonzero(whole[i, : cut[i]]), cut[i] + np.flatnonzero(whole[i, cut[i] :])]
        small, large = sides if up[i] else sides[::-1]
        found = {
            factor_near(_median(kind[i, large]), _median(kind[i, small]), close[i])
            for kind in kinds
        }
        if len(found) == 1 and (factor := found.pop()) is not None:
            yield _step(case, row, (int(cut[i]), bool(up[i])), factor, scan.total[row])


def _spread(total: Ints, least: int) -> Mask:
    """Cheap bound: so many days have more than half as much again as the lowest."""
    spread: Mask = 2 * np.partition(total, -least, axis=1)[:, -least] > 3 * total.min(axis=1)
    return spread


def _cut(total: Ints, whole: Mask, least: Ints) -> tuple[Ints, Mask]:
    """First day after the step, 0 where there is none; whether it goes up.

    Days with a gap are unknown; `least` whole days are needed on either side.
    """
    back = slice(None, None, -1)
    high, low = np.where(whole, total, 0), np.where(whole, total, HUGE)
    before = [np.maximum.accumulate(high, axis=1), np.minimum.accumulate(low, axis=1)]
    after = [
        np.maximum.accumulate(high[:, back], axis=1)[:, back],
        np.minimum.accumulate(low[:, back], axis=1)[:, back],
    ]
    seen = np.cumsum(whole, axis=1)
    enough = (seen[:, :-1] >= least[:, None]) & (seen[:, -1:] - seen[:, :-1] >= least[:, None])
    rise = np.where(enough, 5 * after[1][:, 1:] - 6 * before[0][:, :-1], 0)
    fall = np.where(enough, 5 * before[1][:, :-1] - 6 * after[0][:, 1:], 0)
    gap = np.maximum(rise, fall)
    best = gap.argmax(axis=1)
    there = np.arange(len(best))
    return np.where(gap[there, best] > 0, best + 1, 0), rise[there, best] > 0


def _middle(case: Case, rows: Ints) -> Ints:
    """The middle of each day's values above zero: the sun hides no night, a guest no base load."""
    found = np.zeros((len(rows), len(case.days) - 1), dtype=np.int64)
    for day, (begin, end) in enumerate(pairwise(case.days.tolist())):
        values = np.sort(case.dense.values[rows, begin:end], axis=1)
        first = (values <= 0).sum(axis=1)
        at = np.minimum((first + end - begin) // 2, end - begin - 1)
        found[:, day] = values[np.arange(len(rows)), at]
    return found


def _median(values: Ints) -> int:
    return int(np.sort(values)[len(values) // 2])


def factor_near(large: int, small: int, close: int) -> int | None:
    """Which of `FACTORS` lies between two energies; None: none of them.

    To within `close` [10^-3] for 2 and 3, which life brings too, and to a third for the others.
    """
    for factor in FACTORS:
        meant, permille = factor * small, close if factor < 10 else 333
        if meant > 0 and abs(large - meant) * 1000 <= meant * permille:
            return factor
    return None


def _step(case: Case, row: int, at: tuple[int, bool], factor: int, days: Ints) -> Row:
    (cut, up), name = at, unit(case.dense.channel)
    column = int(case.days[cut])
    word, direction = (f"{factor} times", "over") if up else (f"1/{factor} of", "under")
    before, after = amount(_median(days[:cut]), name), amount(_median(days[cut:]), name)
    return case.found(
        "metering.interval.step", Severity.WARN, row,
        tell=f"from {when(case.zone, case.at(column))[:10]} on everything is about {word} what it "
        f"was, {before} a day and then {after}: as if a multiplier had changed.",
        columns=(column, case.dense.values.shape[1]),
        remedy="Compare the multiplier with the plate on the transformers; nothing is rescaled.",
        count=len(days) - cut, direction=direction,
        evidence={"factor": factor, "days_before": cut, "days_after": len(days) - cut},
    )  # fmt: skip
