"""Step 3: checks of stretches: gaps, the hour that is there twice, a new multiplier in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gridtally.metering.blocks import MISSING
from gridtally.metering.scan import HUGE, Case, Ints, Mask, Row, Scan
from gridtally.metering.words import amount, counted, lasting, runs, unit, when
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

    Every whole day after must lie beyond every one before, and their sums, base loads and peaks
    must change by the same factor: a customer's life changes some of these, never all alike.
    """
    width = scan.total.shape[1]
    least = case.each("step_days")
    if not scan.total.size or width < 2 * int(least.min(initial=width)):
        return
    rows = np.flatnonzero(scan.total.max(axis=1) > case.each("step_floor_ukwh"))
    rows = rows[_spread(scan.total[rows])]
    if not len(rows):
        return
    days = _Days.of(case, rows, scan)
    cut, up = days.cut(least[rows])
    for i in np.flatnonzero(cut > 0).tolist():
        found = days.factor(case, rows, i, (int(cut[i]), bool(up[i])))
        if found is not None:
            yield _step(case, int(rows[i]), int(cut[i]), bool(up[i]), found)


def _spread(total: Ints) -> Mask:
    """Cheap bound: the days differ by more than half at all."""
    spread: Mask = 2 * np.sort(total, axis=1)[:, -3:].min(axis=1) >= 3 * total.min(axis=1)
    return spread


@dataclass(frozen=True, slots=True)
class _Days:
    """Days of some rows; those with a gap are unknown."""

    total: Ints
    whole: Mask

    @classmethod
    def of(cls, case: Case, rows: Ints, scan: Scan) -> _Days:
        """The days of these rows of the grid."""
        quality = np.minimum.reduceat(case.dense.quality[rows], case.days[:-1], axis=1)
        return cls(scan.total[rows], quality > MISSING)

    def cut(self, least: Ints) -> tuple[Ints, Mask]:
        """First day after the step, 0 where there is none; whether it goes up."""
        high = np.maximum.accumulate(np.where(self.whole, self.total, 0), axis=1)
        low = np.minimum.accumulate(np.where(self.whole, self.total, HUGE), axis=1)
        back = slice(None, None, -1)
        after = (self.total[:, back], self.whole[:, back])
        last_high = np.maximum.accumulate(np.where(after[1], after[0], 0), axis=1)[:, back]
        last_low = np.minimum.accumulate(np.where(after[1], after[0], HUGE), axis=1)[:, back]
        seen = np.cumsum(self.whole, axis=1)
        enough = seen[:, :-1] >= least[:, None]
        enough &= (seen[:, -1:] - seen[:, :-1]) >= least[:, None]
        rise = enough & (2 * last_low[:, 1:] > 3 * high[:, :-1])
        fall = enough & (2 * low[:, :-1] > 3 * last_high[:, 1:])
        gap = np.where(rise, last_low[:, 1:] - high[:, :-1], 0)
        gap = np.where(fall, low[:, :-1] - last_high[:, 1:], gap)
        best = gap.argmax(axis=1)
        some = gap.max(axis=1, initial=0) > 0
        return np.where(some, best + 1, 0), rise[np.arange(len(best)), best]

    def factor(self, case: Case, rows: Ints, i: int, at: tuple[int, bool]) -> int | None:
        """The factor that sums, base loads and peaks share; None where they share none."""
        (cut, up), row = at, int(rows[i])
        close = int(case.each("step_close_permille")[row])
        days, values = case.days[:-1], case.dense.values[row]
        kinds = (
            self.total[i],
            np.minimum.reduceat(values, days),
            np.maximum.reduceat(values, days),
        )
        found = set()
        for one, times in zip(kinds, (1, 4, 4), strict=True):
            sides = [np.sort(one[part][self.whole[i, part]])
                     for part in (slice(0, cut), slice(cut, None))]  # fmt: skip
            small, large = (int(side[len(side) // 2]) for side in (sides if up else sides[::-1]))
            found.add(factor_near(large, small, close * times))
        return found.pop() if len(found) == 1 else None


def factor_near(large: int, small: int, close: int) -> int | None:
    """Which of `FACTORS` lies between two energies, to within `close` [10^-3]; None: none."""
    for factor in FACTORS:
        meant = factor * small
        if meant > 0 and abs(large - meant) * 1000 <= meant * close:
            return factor
    return None


def _step(case: Case, row: int, cut: int, up: bool, factor: int) -> Row:
    column = int(case.days[cut])
    word, direction = (f"{factor} times", "over") if up else (f"1/{factor} of", "under")
    name = unit(case.dense.channel)
    sums = np.add.reduceat(case.dense.values[row], case.days[:-1])
    before, after = int(sums[cut - 1]), int(sums[cut])
    return case.found(
        "metering.interval.step", Severity.WARN, row,
        tell=f"from {when(case.zone, case.at(column))[:10]} on everything is about {word} what it "
        f"was, {amount(before, name)} a day and then {amount(after, name)}: as if a multiplier "
        "had changed.",
        columns=(column, case.dense.values.shape[1]),
        remedy="Compare the multiplier with the plate on the transformers; nothing is rescaled.",
        count=len(sums) - cut, direction=direction,
        evidence={"factor": factor, "days_before": cut, "days_after": len(sums) - cut,
                  "from": counted(cut, "day")},
    )  # fmt: skip
