"""Step 4: how far an estimate may be off: a 90 % interval of the energy of each gap.

The point's own readings say how much it varies: the stretch is laid on every other day at the
same local time, where its energy is known, and set against the near days as an estimate would be.
How often what was masked lay how many of these deviations away is a table that ships with the
package (`bars.csv`; how it was measured is in `docs/estimation.md`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from gridtally.metering.estimate_gaps import DAY, METHODS, Gaps, Stretches

__all__ = ["GAP_CLASSES", "VARIABILITY", "Elsewhere", "bars", "elsewhere", "gap_class"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Table = dict[tuple[str, int, int, int], tuple[int, int]]

GAP_CLASSES = (3_600, 6 * 3_600, 25 * 3_600, 3 * DAY + 3_600, 7 * DAY + 3_600)
"""Gaps of at most so long are a class [s], days of 25 hours included; longer ones the last."""
VARIABILITY = (40, 100, 250, 500, 1_000)
"""Deviations up to so many permille of the estimate are a class; larger ones the last."""
_FEW, _AT_ONCE = 3, 1024
_WEEKS = 28
_NEAR = {k: 1000 // (k + 1) for k in (*range(1, 11), 14, 21)}
"""Days away, and how much they count in what a day is set against."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Stretches laid on other days at the same local time."""

    deviation: Ints
    """What the energy there differs from that of near days, on average [10^-6]; -1: unknown."""
    first: Ints
    """First of the days with a reading there."""
    last: Ints
    """Last of them."""
    days: Ints
    """How many there are."""


def elsewhere(gaps: Gaps, runs: Stretches) -> Elsewhere:
    """What other days say about stretches; one of more than a week is judged by a week.

    And where there is no whole one elsewhere, by a day.
    """
    found = Elsewhere(*np.full((4, len(runs.place)), -1, dtype=np.int64))
    if not len(runs.place):
        return found
    sums = _running(gaps)
    for longest in (7 * DAY, DAY):
        size = np.minimum(runs.size, longest // gaps.dense.resolution_s)
        open_ = np.flatnonzero((found.deviation < 0) & ((longest > DAY) | (runs.size > size)))
        for some in _some(gaps, runs, size, open_):
            _look(gaps, runs, sums, (some, size[some]), found)
    return found


def _look(
    gaps: Gaps, runs: Stretches, running: tuple[Ints, npt.NDArray[np.int32]],
    which: tuple[Ints, Ints], found: Elsewhere,
) -> None:  # fmt: skip
    """What other days say about some stretches, which are judged by so many slots."""
    (sums, there), (some, size) = running, which
    begin = gaps.calendar.columns[:, gaps.calendar.clock[runs.start[some]]].T
    base = runs.place[some, None] * np.int64(gaps.values.shape[1])
    end = np.minimum(begin + size[:, None], gaps.width) + base
    begin = np.minimum(begin, gaps.width) + base
    count = there.take(end) - there.take(begin)
    energy = sums.take(end) - sums.take(begin)
    read = _within(count > 0, gaps.calendar.day[runs.start[some]])
    found.first[some] = read.argmax(axis=1)
    found.last[some] = read.shape[1] - 1 - read[:, ::-1].argmax(axis=1)
    found.days[some] = read.sum(axis=1)
    full = count == size[:, None]
    off = _deviation(gaps, runs.start[some], size, energy * full, full)
    times = runs.size[some] * 1000 // size
    found.deviation[some] = np.where(off < 0, -1, off * times // 1000)


def _within(read: Mask, day: Ints) -> Mask:
    """Of the days with readings those within four weeks, or all where there is none."""
    near = read & (np.abs(np.arange(read.shape[1]) - day[:, None]) <= _WEEKS)
    return np.where(near.any(axis=1)[:, None], near, read)


def _some(gaps: Gaps, runs: Stretches, size: Ints, which: Ints) -> Iterator[Ints]:
    """Of these stretches those that touch equally many days, in parts."""
    step = gaps.dense.resolution_s
    nights = (gaps.calendar.clock[runs.start] + size - 1) * step // DAY
    for night in np.unique(nights[which]).tolist():
        mine = which[nights[which] == night]
        for begin in range(0, len(mine), _AT_ONCE):
            yield mine[begin : begin + _AT_ONCE]


def _running(gaps: Gaps) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Running sums over the columns: of energy, and of how many readings there are."""
    read = gaps.values[:, :-1]
    sums = np.zeros(gaps.values.shape, dtype=np.int64)
    np.cumsum(np.maximum(read, 0), axis=1, out=sums[:, 1:])
    there = np.zeros(gaps.values.shape, dtype=np.int32)
    np.cumsum(read >= 0, axis=1, dtype=np.int32, out=there[:, 1:])
    return sums.reshape(-1), there.reshape(-1)


def _deviation(gaps: Gaps, start: Ints, size: Ints, energy: Ints, full: Mask) -> Ints:
    """The mean over days of what each differs from the weighted mean of near days of its kind.

    Days of the kind of the stretch's own, where there are a few, else any.
    """
    calendar, step = gaps.calendar, gaps.dense.resolution_s
    days = int((calendar.clock[start[0]] + size[0] - 1) * step // DAY) + 1
    pattern, count = _patterns(calendar.kinds, days), len(calendar.kinds)
    total, weight = np.zeros_like(energy), np.zeros(energy.shape, dtype=np.int32)
    there = full.astype(np.int32)
    for k in (k for k in _NEAR if days <= k < count):
        alike = (pattern[k:] == pattern[:-k]) * _NEAR[k]
        few = alike.astype(np.int32)
        total[:, k:] += energy[:, :-k] * alike
        total[:, :-k] += energy[:, k:] * alike
        weight[:, k:] += there[:, :-k] * few
        weight[:, :-k] += there[:, k:] * few
    known = full & (weight > 0)
    off = np.abs(energy - total // np.maximum(weight, 1)) * known
    own = known & (pattern[calendar.day[start]][:, None] == pattern)
    chosen = np.where((own.sum(axis=1) >= _FEW)[:, None], own, known)
    number = chosen.sum(axis=1)
    mean = (off * chosen).sum(axis=1) // np.maximum(number, 1)
    return np.where(number > 0, mean, -1)


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


@lru_cache(maxsize=1)
def _shipped() -> Table:
    """(method, days alike, gap class, variability) -> permille below and above."""
    text = (resources.files("gridtally.metering") / "bars.csv").read_text()
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        (row["method"], int(row["alike"]), int(row["gap_class"]), int(row["variability"])): (
            int(row["below_permille"]), int(row["above_permille"]),
        )
        for row in rows
    }  # fmt: skip


@lru_cache(maxsize=1)
def _permille() -> Ints:
    """The table as an array, by rung, days alike, gap class, variability + 1, side."""
    classes = (len(METHODS), 2, len(GAP_CLASSES) + 1, len(VARIABILITY) + 2)
    table = np.zeros((*classes, 2), dtype=np.int64)
    for (method, alike, length, known), sides in _shipped().items():
        table[METHODS.index(method), alike, length, known + 1] = sides
    return table


def bars(
    gaps: Gaps, runs: Stretches, other: Elsewhere, rung: Sequence[int], energy: Ints
) -> tuple[Ints, Ints]:
    """Widths of the interval below and above the energy of each stretch [10^-6].

    Permille of the deviation, or where that is not known, of the estimate itself.
    """
    unknown = other.deviation < 0
    part = np.maximum(other.deviation, 0) * 1000 // np.maximum(energy, 1)
    known = np.where(unknown, -1, np.searchsorted(np.array(VARIABILITY), part))
    length = gap_class(runs.size * gaps.dense.resolution_s)
    permille = _permille()[np.array(rung), int(gaps.calendar.alike), length, known + 1]
    base = np.where(unknown, energy, other.deviation)
    return base * permille[:, 0] // 1000, base * permille[:, 1] // 1000
