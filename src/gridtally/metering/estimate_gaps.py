"""Step 4: the points with gaps, their past before their present, and every missing slot of theirs.

What the rungs of `estimate.py` share: where a local time lies on another day, which readings
there are, and which slots are still without an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.metering.blocks import MISSING, Dense
from gridtally.periods import Zone
from gridtally.terms import Channel

__all__ = [
    "DAY",
    "HUGE",
    "METHODS",
    "NONE",
    "Calendar",
    "Gaps",
    "Stretches",
    "chunks",
    "clipped",
    "kind_of",
    "laid",
]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY = 86_400
HUGE = 1 << 40
"""Readings are cut to this [10^-6], far above any meter, so that no weighted sum overflows."""
_CHUNK = 2048
METHODS = (
    "", "linear", "like_days", "day_types", "previous_year", "other_days", "class_profile", "even",
)  # fmt: skip
"""The rungs in order; a slot's rung is the position here."""
NONE = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """The local days and times of a row of columns, one after the other in time."""

    first: int
    """The first day, counted from 1970-01-01."""
    day: Ints
    """Local day of each column, counted from the first."""
    clock: Ints
    """Local time of day of each column [intervals]."""
    columns: Ints
    """Column of a local time on a day, shape (days, clocks); one beyond the last where none."""
    kinds: Ints
    """Kind of each day: 0 Monday to Friday, 1 Saturday, 2 Sunday; all 0 where days are alike."""
    hour: Ints
    """Local hour of each column."""
    alike: bool
    """Whether weekdays mean nothing: the sun that is exported knows none."""

    @classmethod
    def of(cls, zone: Zone, *, start_utc: int, size: int, step: int, channel: str) -> Calendar:
        """Of `size` columns from `start_utc` on."""
        local = zone.to_local(start_utc + np.arange(size) * step)
        day, clock = local // DAY, local % DAY // step
        first = int(day[0])
        columns = np.full((int(day[-1]) - first + 1, int(clock.max()) + 1), size, dtype=np.int64)
        np.minimum.at(columns, (day - first, clock), np.arange(size))
        kinds = kind_of(np.arange(len(columns)) + first)
        alike = channel in (Channel.EXPORT, Channel.REACTIVE_EXPORT)
        kinds = kinds * (not alike)
        return cls(first, day - first, clock, columns, kinds, local % DAY // 3600, alike)


def kind_of(day: Ints) -> Ints:
    """0 Monday to Friday, 1 Saturday, 2 Sunday; days counted from 1970-01-01, a Thursday."""
    return np.maximum((day + 3) % 7 - 4, 0)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Some rows of a grid, laid out with what came before them."""

    dense: Dense
    calendar: Calendar
    rows: Ints
    """Rows of the grid, shape (points with gaps,)."""
    values: Ints
    """Readings cut to 0 … HUGE, -1 where there is none, and a last column of -1: shape (points
    with gaps, past + present + 1)."""
    past: int
    """Columns of the past."""
    place: Ints
    """Row of `values` of each missing slot, in order."""
    column: Ints
    """Its column."""
    value: Ints
    """Its estimate, filled in as rungs succeed."""
    rung: npt.NDArray[np.uint8]
    """The rung that gave it."""

    @property
    def width(self) -> int:
        """Columns of past and present."""
        return int(self.values.shape[1]) - 1

    def at(self, column: Ints) -> Ints:
        """Instants at which columns begin [s]."""
        return self.dense.start_utc + (column - self.past) * self.dense.resolution_s

    def read(self, place: Ints, column: Ints) -> Ints:
        """Readings; -1 where there is none, columns beyond either end included."""
        inside = np.where((column >= 0) & (column < self.width), column, self.width)
        return self.values[place, inside]

    def open(self) -> Ints:
        """The missing slots without an estimate."""
        return np.flatnonzero(self.rung == NONE)

    def give(self, slots: Ints, value: Ints, rung: str) -> None:
        """Estimates of some slots."""
        self.value[slots] = value
        self.rung[slots] = METHODS.index(rung)

    def stretches(self, slots: Ints | None = None) -> Stretches:
        """Runs of consecutive missing slots of one point; of all, or of these."""
        slots = np.arange(len(self.place)) if slots is None else slots
        place, column = self.place[slots], self.column[slots]
        if not len(slots):
            return Stretches(slots, slots, slots, slots, slots)
        begins = np.r_[True, (np.diff(place) != 0) | (np.diff(column) != 1)]
        cuts = np.flatnonzero(begins)
        size = np.diff(np.r_[cuts, len(slots)])
        return Stretches(slots, place[cuts], column[cuts], size, np.cumsum(begins) - 1)


@dataclass(frozen=True, slots=True)
class Stretches:
    """Runs of missing slots."""

    slots: Ints
    """The missing slots that they consist of, in order."""
    place: Ints
    start: Ints
    """First column of each."""
    size: Ints
    """Columns of each."""
    of: Ints
    """Stretch of each slot."""

    @property
    def end(self) -> Ints:
        """Column after the last of each."""
        return self.start + self.size

    @property
    def cuts(self) -> Ints:
        """Position in `slots` at which each begins."""
        return np.cumsum(self.size) - self.size


def clipped(values: Ints, missing: Mask) -> Ints:
    """A copy of readings cut to 0 … HUGE, -1 where they are missing."""
    result = np.clip(values, 0, HUGE)
    result[missing] = -1
    return result


def chunks(rows: Ints) -> Iterator[Ints]:
    """Rows in parts, so that memory stays flat."""
    for begin in range(0, len(rows), _CHUNK):
        yield rows[begin : begin + _CHUNK]


def laid(dense: Dense, rows: Ints, *, zone: Zone, past: Dense | None) -> Gaps:
    """Rows of a grid with their readings in `past`, of any points."""
    before = 0
    if past is not None and _fits(past, dense):
        before = (dense.start_utc - past.start_utc) // dense.resolution_s
    width = dense.values.shape[1]
    values = np.full((len(rows), before + width + 1), -1, dtype=np.int64)
    missing = dense.quality[rows] == MISSING
    values[:, before:-1] = clipped(dense.values[rows], missing)
    if past is not None and before:
        number = {point: row for row, point in enumerate(past.points)}
        known = np.array([number.get(dense.points[row], -1) for row in rows], dtype=np.int64)
        have = np.flatnonzero(known >= 0)
        size = min(before, past.values.shape[1])
        lacking = past.quality[known[have], :size] == MISSING
        values[have, :size] = clipped(past.values[known[have], :size], lacking)
    calendar = Calendar.of(
        zone, start_utc=dense.start_utc - before * dense.resolution_s, size=before + width,
        step=dense.resolution_s, channel=dense.channel,
    )  # fmt: skip
    place, column = np.divmod(np.flatnonzero(missing), width)
    return Gaps(
        dense, calendar, rows, values, before, place, column + before,
        np.zeros(len(place), dtype=np.int64), np.zeros(len(place), dtype=np.uint8),
    )  # fmt: skip


def _fits(past: Dense, dense: Dense) -> bool:
    lead = dense.start_utc - past.start_utc
    same = (past.channel, past.resolution_s) == (dense.channel, dense.resolution_s)
    return same and lead > 0 and lead % dense.resolution_s == 0
