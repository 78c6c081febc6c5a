"""Step 4: how far an estimate may be off: a 90 % interval of the energy of each gap.

The point's own readings say how much it varies: the stretch is laid on every other day at the
same local time, where its energy is known, and set against the near days as an estimate would be.
How often what was masked lay how many of these deviations away is a table that ships with the
package (`bars.csv`; how it was measured is in `docs/estimation.md`).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from gridtally.metering.estimate_gaps import DAY, METHODS, Gaps, Stretches

__all__ = ["GAP_CLASSES", "KEY", "bars", "deviation", "gap_class", "variability"]

Ints = npt.NDArray[np.int64]

GAP_CLASSES = (3_600, 6 * 3_600, 25 * 3_600, 3 * DAY + 3_600, 7 * DAY + 3_600)
"""Gaps of at most so long are a class [s], days of 25 hours included; longer ones the last."""
VARIABILITY = (40, 100, 250, 500, 1_000)
"""Deviations up to so many permille of the estimate are a class; larger ones the last."""
KEY = ("method", "alike", "gap_class", "variability")
_LONGEST, _REACH = 7 * DAY, 21
_WEIGHT = tuple(1000 // (k + 1) for k in range(_REACH + 1))
_FEW = 3


def deviation(gaps: Gaps, runs: Stretches) -> Ints:
    """How much the energy of such a stretch varies from day to day [10^-6]; -1 where unknown.

    The mean over all days of what it differs from the weighted mean of the near days of its kind.
    A stretch of more than a week is judged by its first week, in proportion.
    """
    result = np.full(len(runs.place), -1, dtype=np.int64)
    step, calendar = gaps.dense.resolution_s, gaps.calendar
    size = np.minimum(runs.size, _LONGEST // step)
    day, clock = calendar.day[runs.start], calendar.clock[runs.start]
    nights = (clock + size - 1) * step // DAY
    sums, there = _running(gaps)
    for span in np.unique(nights).tolist():
        mine = np.flatnonzero(nights == span)
        begin = calendar.columns[:, clock[mine]].T
        end = begin + size[mine, None]
        line = runs.place[mine, None]
        inside = np.minimum(end, gaps.width)
        whole = (end <= gaps.width) & (
            there[line, inside] - there[line, np.minimum(begin, inside)] == size[mine, None]
        )
        energy = np.where(whole, sums[line, inside] - sums[line, np.minimum(begin, inside)], 0)
        result[mine] = _typical(calendar.kinds, span + 1, energy, whole, day[mine])
    times = np.maximum(runs.size * 1000 // np.maximum(size, 1), 1000)
    return np.where(result < 0, -1, result * times // 1000)


def _running(gaps: Gaps) -> tuple[Ints, Ints]:
    """Running sums over the columns: of energy, and of how many readings there are."""
    read = gaps.values[:, :-1]
    sums = np.zeros(gaps.values.shape, dtype=np.int64)
    np.cumsum(np.maximum(read, 0), axis=1, out=sums[:, 1:])
    there = np.zeros(gaps.values.shape, dtype=np.int32)
    np.cumsum(read >= 0, axis=1, out=there[:, 1:])
    return sums, there.astype(np.int64)


def _typical(kinds: Ints, days: int, energy: Ints, whole: npt.NDArray[np.bool_], day: Ints) -> Ints:
    """Mean deviation of stretches that touch `days` days, from the day before them on."""
    pattern = _patterns(kinds, days)
    apart = np.abs(np.arange(len(kinds))[:, None] - np.arange(len(kinds)))
    near = (apart >= days) & (apart <= _REACH) & (pattern[:, None] == pattern)
    weight = np.where(near, np.array(_WEIGHT)[np.minimum(apart, _REACH)], 0)
    total = whole.astype(np.int64) @ weight
    known = whole & (total > 0)
    off = np.where(known, np.abs(energy - (energy @ weight) // np.maximum(total, 1)), 0)
    alike = known & (pattern[day][:, None] == pattern)
    chosen = np.where((alike.sum(axis=1) >= _FEW)[:, None], alike, known)
    count = chosen.sum(axis=1)
    mean = (off * chosen).sum(axis=1) // np.maximum(count, 1)
    return np.where(count > 0, mean, -1)


def _patterns(kinds: Ints, days: int) -> Ints:
    """The kinds of so many days from each day on, as one number."""
    pattern = np.zeros(len(kinds), dtype=np.int64)
    padded = np.r_[kinds, np.zeros(days, dtype=np.int64)]
    for ahead in range(days):
        pattern = 3 * pattern + padded[ahead : ahead + len(kinds)]
    return pattern


# ------------------------------------------------------------------- the table


def gap_class(seconds: Ints) -> Ints:
    """Class of a gap by its length."""
    return np.searchsorted(np.array(GAP_CLASSES), seconds)


def variability(energy: Ints, deviations: Ints) -> Ints:
    """Class of a point by how much such a stretch varies; -1 where that is not known."""
    permille = np.maximum(deviations, 0) * 1000 // np.maximum(energy, 1)
    return np.where(deviations < 0, -1, np.searchsorted(np.array(VARIABILITY), permille))


@lru_cache(maxsize=1)
def _shipped() -> dict[tuple[str, int, int, int], tuple[int, int]]:
    """(method, days alike, gap class, variability) -> permille below and above."""
    text = (resources.files("gridtally.metering") / "bars.csv").read_text()
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        (row["method"], int(row["alike"]), int(row["gap_class"]), int(row["variability"])): (
            int(row["below_permille"]), int(row["above_permille"]),
        )
        for row in rows
    }  # fmt: skip


def bars(gaps: Gaps, runs: Stretches, rung: Sequence[int], energy: Ints) -> tuple[Ints, Ints]:
    """Widths of the interval below and above the energy of each stretch [10^-6].

    Permille of the deviation, or where that is not known, of the estimate itself.
    """
    off = deviation(gaps, runs)
    lengths = gap_class(runs.size * gaps.dense.resolution_s).tolist()
    classes = variability(energy, off).tolist()
    alike = int(gaps.calendar.alike)
    table = _shipped()
    found = [
        _entry(table, METHODS[way], alike, length, kind)
        for way, length, kind in zip(rung, lengths, classes, strict=True)
    ]
    permille = np.array(found, dtype=np.int64).reshape(-1, 2)
    base = np.where(off < 0, energy, off)
    return base * permille[:, 0] // 1000, base * permille[:, 1] // 1000


def _entry(
    table: dict[tuple[str, int, int, int], tuple[int, int]],
    method: str, alike: int, length: int, kind: int,
) -> tuple[int, int]:  # fmt: skip
    """The row of a class; where none was measured, that of the nearest longer, then shorter gap."""
    for other in (*range(length, len(GAP_CLASSES) + 1), *range(length - 1, -1, -1)):
        row = table.get((method, alike, other, kind)) or table.get((method, 1 - alike, other, kind))
        if row is not None:
            return row
    return (1000, 1000)
