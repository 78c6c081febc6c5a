"""Step 4, the rungs for gaps that the weeks around them say nothing about.

`previous_year` reads the weeks of the same season a year before, weekday by weekday, at the level
of today; `class_profile` spreads a point's usual energy as its kind of customer uses it
(`estimate_class.py`). Both are asked for only where every rung before them had nothing to go by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.blocks import MISSING, Dense
from gridtally.metering.estimate_class import ClassProfiles
from gridtally.metering.estimate_gaps import DAY, Calendar, Gaps, clipped
from gridtally.periods import Zone

__all__ = ["BACK_DAYS", "PAST_DAYS", "SEASON_DAYS", "class_profile", "previous_year"]

Ints = npt.NDArray[np.int64]
Year = Callable[[Sequence[str]], Dense | None]

PAST_DAYS, BACK_DAYS, SEASON_DAYS = 28, 364, 14
"""The weeks before; 52 weeks before, so that weekdays fit; two weeks on either side of that."""
_WEEKS = {0: 3, -7: 2, 7: 2, -14: 1, 14: 1}
_PPM = 1_000_000
_MOST = 100 * _PPM


def previous_year(gaps: Gaps, *, zone: Zone, year: Year) -> None:
    """The same weekday and local time a year before, at the level of the readings there are."""
    open_ = gaps.open()
    places = np.unique(gaps.place[open_])
    points = [gaps.dense.points[row] for row in gaps.rows[places].tolist()]
    then = year(points)
    if then is None or then.resolution_s != gaps.dense.resolution_s:
        return
    line = np.full(len(gaps.rows), -1, dtype=np.int64)
    number = {point: row for row, point in enumerate(then.points)}
    line[places] = [number.get(point, -1) for point in points]
    before = _Before(gaps, then, zone, line)
    value, known = before.mean(gaps.place[open_], gaps.column[open_])
    level = _level(gaps, before, places)
    value = value * level[gaps.place[open_]] // _PPM
    gaps.give(open_[known], value[known], "previous_year")


class _Before:
    """Readings of a year before, found by point, local day and local time of today."""

    def __init__(self, gaps: Gaps, then: Dense, zone: Zone, line: Ints) -> None:
        size = then.values.shape[1]
        self.today, self.line = gaps.calendar, line
        self.calendar = Calendar.of(
            zone, start_utc=then.start_utc, size=size, step=then.resolution_s,
            channel=then.channel,
        )  # fmt: skip
        read = clipped(then.values, then.quality == MISSING)
        self.values = np.concatenate([read, np.full((len(read), 1), -1)], axis=1)

    def mean(self, place: Ints, column: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Weighted mean over the weeks around, and where there is one."""
        total, weight = np.zeros((2, len(place)), dtype=np.int64)
        for shift, share in _WEEKS.items():
            read = self.read(place, column, shift)
            total += np.maximum(read, 0) * share
            weight += (read >= 0) * share
        return (2 * total + weight) // np.maximum(2 * weight, 1), weight > 0

    def read(self, place: Ints, column: Ints, shift: int) -> Ints:
        """Readings 52 weeks and `shift` days before; -1 where there is none."""
        table = self.calendar.columns
        day = self.today.day[column] + self.today.first - BACK_DAYS + shift - self.calendar.first
        clock, line = self.today.clock[column], self.line[place]
        there = (day >= 0) & (day < len(table)) & (clock < table.shape[1]) & (line >= 0)
        read = np.full(len(place), -1, dtype=np.int64)
        read[there] = self.values[line[there], table[day[there], clock[there]]]
        return read


def _level(gaps: Gaps, before: _Before, places: Ints) -> Ints:
    """How much the readings of today are above those of the same days a year before [10^-6]."""
    level = np.full(len(gaps.rows), _PPM, dtype=np.int64)
    for place in places.tolist():
        column = np.flatnonzero(gaps.values[place, :-1] >= 0)
        then = before.read(np.full(len(column), place), column, 0)
        now, then = gaps.values[place, column][then >= 0], then[then >= 0]
        if len(then) * gaps.dense.resolution_s >= DAY and then.sum() > 0:
            level[place] = min(int(now.sum()) * _PPM // int(then.sum()), _MOST)
    return level


def class_profile(
    gaps: Gaps, *, profiles: ClassProfiles, segments: Sequence[str], usual: pa.Array | None
) -> None:
    """The point's own energy per day, spread as its kind of customer uses it.

    Its energy: what its readings have, set against the profile at their times; without readings,
    what its last bills took per day (`usual`). Without either there is no estimate.
    """
    open_ = gaps.open()
    told = None if usual is None else usual.to_pylist()
    for place in np.unique(gaps.place[open_]).tolist():
        row = int(gaps.rows[place])
        shape = profiles.shape(segments[row], gaps.dense.channel, gaps.calendar)
        if shape is None:
            continue
        column = np.flatnonzero(gaps.values[place, :-1] >= 0)
        weight, energy = int(shape[column].sum()), int(gaps.values[place, column].sum())
        if len(column) * gaps.dense.resolution_s < DAY or not weight:
            if told is None or told[row] is None:
                continue
            energy, weight = int(told[row]), DAY // gaps.dense.resolution_s * _PPM
        mine = open_[gaps.place[open_] == place]
        share = [int(part) for part in shape[gaps.column[mine]].tolist()]
        value = [(2 * energy * part + weight) // (2 * weight) for part in share]
        gaps.give(mine, np.array(value, dtype=np.int64), "class_profile")
