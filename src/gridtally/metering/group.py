"""Step 5: interval-billed spans of one tariff and zone, a *group*, over grids of readings.

Whatever depends on the calendar is worked out once for a group. Its spans may cover different
days: rows of a stretch that is frequent are reduced by themselves, all others together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering import dials
from gridtally.metering.blocks import ACTUAL, ESTIMATED, MISSING, Dense
from gridtally.metering.found import Found
from gridtally.metering.sums import Output, Plan, Unfit, about, plan
from gridtally.periods import Period, iso_utc, zone
from gridtally.terms import Channel, Wanted

__all__ = ["TOTALS", "Group", "Stretch", "stretches"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_ROWS = 64
"""Rows of readings that are reduced together: 64 months of quarter-hours fit the cache."""


def _always(start_utc: int, end_utc: int, resolution_s: int) -> npt.NDArray[np.int16]:
    return np.zeros((end_utc - start_utc) // resolution_s, np.int16)


TOTALS = tuple(
    Wanted("energy", channel, "", ("",), (), None, True, _always)
    for channel in (Channel.IMPORT, Channel.EXPORT)
)
"""Wanted of every span, whatever its tariff: what the segment took and gave."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days that spans of a group have in common."""

    start_utc: int
    end_utc: int
    period: Period
    wants: Sequence[Wanted]
    """What is asked for in these days; the same list for all stretches of the same months."""

    def of(self, channel: str) -> list[Wanted]:
        """The sums and demands of one channel."""
        return [want for want in self.wants if want.channel == channel and not want.streamed]


def stretches(spans: pa.Table, rows: Ints, wants: Sequence[Wanted]) -> tuple[list[Stretch], Ints]:
    """The distinct stretches of rows of spans, in order of time, and which one each row has."""
    start, end = (
        np.asarray(spans[name].combine_chunks())[rows] for name in ("start_utc", "end_utc")
    )
    begins, stops = (np.unique(edge, return_inverse=True) for edge in (start, end))
    pairs = begins[1] * len(stops[0]) + stops[1]
    _, first, which = np.unique(pairs, return_index=True, return_inverse=True)
    days = spans.select(["from", "to"]).take(pa.array(rows[first]))
    found = []
    alike: dict[tuple[date, date], list[Wanted]] = {}
    for begin, stop, from_, to in zip(
        start[first].tolist(), end[first].tolist(), *(d.to_pylist() for d in days.columns),
        strict=True,
    ):  # fmt: skip
        period = Period(from_, to)
        months = from_.replace(day=1), (to - timedelta(1)).replace(day=1)
        if months not in alike:
            alike[months] = _wants(wants, period)
        found.append(Stretch(begin, stop, period, alike[months]))
    return found, which.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Group:
    """Interval-billed spans of one tariff and zone."""

    rows: Ints
    stretch: Ints
    """Which of `stretches`, per row."""
    stretches: Sequence[Stretch]
    zone: str
    found: Found
    worst: Mapping[int, npt.NDArray[np.uint8]]
    """By the identity of a grid the lowest quality in each of its rows."""

    def channel(self, channel: str, grids: Sequence[tuple[Dense, Ints]]) -> None:
        """All determinants of one channel."""
        asked, needed = self._asked(channel)
        left, partly = asked.copy(), np.zeros(len(self.rows), bool)
        for grid, where in grids:
            at = where[self.rows]
            partly |= at >= 0
            inside = self._each(partial(_inside, grid))
            here = left & (at >= 0) & inside
            for some in self._parts(grid, here):
                self._reduce(grid, some, at[some], needed[some])
            left &= ~here
        for i in np.flatnonzero(left & (partly | needed)).tolist():
            start = self.stretches[self.stretch[i]].start_utc
            self._incomplete(int(self.rows[i]), channel, start, None)

    def _each(self, holds: Callable[[Stretch], bool]) -> Mask:
        """Something about its stretch, for each row."""
        return np.array([holds(stretch) for stretch in self.stretches], bool)[self.stretch]

    def _asked(self, channel: str) -> tuple[Mask, Mask]:
        """Rows for which a channel is asked for, and those that must have it."""
        found: dict[int, tuple[bool, bool]] = {}
        for stretch in self.stretches:
            if id(stretch.wants) not in found:
                mine = stretch.of(channel)
                found[id(stretch.wants)] = bool(mine), any(not want.optional for want in mine)
        each = np.array([found[id(stretch.wants)] for stretch in self.stretches], bool)
        return each[self.stretch, 0], each[self.stretch, 1]

    def _parts(self, grid: Dense, here: Mask) -> Iterator[Ints]:
        """Rows that are reduced together: those of a stretch that is frequent, and all others.

        Rows whose stretch does not begin and end with an interval are held.
        """
        step = grid.resolution_s
        whole = self._each(
            lambda s: (s.start_utc - grid.start_utc) % step == (s.end_utc - s.start_utc) % step == 0
        )
        message = f"The first day does not begin with a reading of {step // 60} minutes."
        for row in self.rows[here & ~whole].tolist():
            self._unfit(row, "rating.calendar.finer", grid.channel, message, about="first day")
        here = here & whole
        often = np.bincount(self.stretch[here], minlength=len(self.stretches)) >= _ROWS
        for i in np.flatnonzero(often).tolist():
            yield np.flatnonzero(here & (self.stretch == i))
        rest = np.flatnonzero(here & ~often[self.stretch])
        if len(rest):
            yield rest

    def _reduce(self, grid: Dense, some: Ints, at: Ints, needed: Mask) -> None:
        """The determinants of rows `some` of the group, which are rows `at` of a grid."""
        own, which = np.unique(self.stretch[some], return_inverse=True)
        mine = [self.stretches[i] for i in own.tolist()]
        made, unfit = self._plan(grid, mine)
        if len(mine) > 1 and (unfit or not made.folds):
            for i in range(len(mine)):
                alone = which == i
                self._reduce(grid, some[alone], at[alone], needed[alone])
            return
        rows = self.rows[some]
        for problem in unfit:
            for row in rows.tolist():
                self._unfit(
                    row,
                    problem.code,
                    grid.channel,
                    problem.message,
                    about=about(problem.code, problem.wanted),
                )
        if not made.parts:
            return
        low, high = (
            np.array([(edge - grid.start_utc) // grid.resolution_s for edge in edges])[which]
            for edges in ([s.start_utc for s in mine], [s.end_utc for s in mine])
        )
        total, part, good = _sums(made, grid, self.worst[id(grid)][at], at, (low, high))
        for i in np.flatnonzero(~good).tolist():
            if needed[i] or self._has(int(rows[i]), grid, int(at[i])):
                self._explain(int(rows[i]), grid, int(at[i]), (int(low[i]), int(high[i])))
        for out, values, estimated in zip(made.outputs, total, part, strict=True):
            has = np.array([any(want is out.wanted for want in s.wants) for s in mine])
            keep = good & has[which]
            name = (out.wanted, out.bucket)
            self.found.add(name, rows[keep], values[keep], estimated[keep])

    def _has(self, row: int, grid: Dense, at: int) -> bool:
        """Whether a segment has a reading of the channel at all: if not, it lacks the channel."""
        low, high = (
            (bound[row] - grid.start_utc) // grid.resolution_s for bound in self.found.bounds
        )
        return bool(grid.quality[at, max(0, low) : high].any())

    def _plan(self, grid: Dense, stretches: Sequence[Stretch]) -> tuple[Plan, list[Unfit]]:
        """How to reduce rows of a grid over these stretches."""
        days = zone(self.zone)
        start, end = min(s.start_utc for s in stretches), max(s.end_utc for s in stretches)
        edges = {edge for s in stretches for edge in (s.start_utc, s.end_utc)} - {end}
        lists = {id(s.wants): s for s in stretches}.values()
        wants = {id(want): want for s in lists for want in s.of(grid.channel)}
        return plan(
            list(wants.values()), start_utc=start, end_utc=end, resolution_s=grid.resolution_s,
            midnights=days.day_bounds(Period(days.date(start), days.date(end))),
            cuts=[(edge - start) // grid.resolution_s for edge in sorted(edges)],
        )  # fmt: skip

    def _unfit(self, row: int, code: str, channel: str, message: str, *, about: str) -> None:
        remedy = "Deliver finer readings, or correct the hours of the tariff."
        self.found.stop(row, code, message, channel=channel, remedy=remedy, about=about)

    def _explain(self, row: int, grid: Dense, at: int, bounds: tuple[int, int]) -> None:
        gaps = np.flatnonzero(grid.quality[at, slice(*bounds)] == MISSING)
        if len(gaps):
            start = grid.start_utc + (bounds[0] + int(gaps[0])) * grid.resolution_s
            self._incomplete(row, grid.channel, start, len(gaps))
            return
        self.found.too_large(row, grid.channel)

    def _incomplete(self, row: int, channel: str, start_utc: int, missing: int | None) -> None:
        what = "all readings are" if missing is None else f"{missing} readings are"
        what = "1 reading is" if missing == 1 else what
        self.found.stop(
            row,
            "metering.determinant.incomplete",
            f"The {channel} energy cannot be summed: {what} missing, from {iso_utc(start_utc)} on.",
            remedy="Complete the readings, or let the run estimate them.",
            channel=channel,
            start_utc=start_utc,
            evidence={"missing": "all" if missing is None else missing},
            count=missing or 1,
        )


def _inside(grid: Dense, stretch: Stretch) -> bool:
    return grid.start_utc <= stretch.start_utc and stretch.end_utc <= grid.end_utc


def _sums(
    made: Plan, grid: Dense, lowest: npt.NDArray[np.uint8], at: Ints, bounds: tuple[Ints, Ints]
) -> tuple[list[Ints], list[Ints], Mask]:
    """Values and estimated parts of each output, shape (rows,); and which rows are good.

    `bounds`: first interval of each row's stretch, and the first after it; `lowest` the lowest
    quality in it or around it.
    """
    outputs: list[Output] = made.outputs
    total = [np.zeros(len(at), np.int64) for _ in outputs]
    part = [np.zeros(len(at), np.int64) for _ in outputs]
    good = np.ones(len(at), bool)
    first = int(bounds[0].min())
    columns = slice(first, first + made.count)
    low, high = bounds[0] - first, bounds[1] - first
    alike = not low.any() and bool((high == made.count).all())
    bound = made.limit
    room = np.empty((_ROWS, made.count), np.int64)
    clean = lowest > ESTIMATED
    for begin in range(0, len(at), _ROWS):
        block = slice(begin, min(begin + _ROWS, len(at)))
        rows = at[block]
        values = _gather(grid.values, rows, columns, room)
        own = None if alike else (low[block], high[block])
        small = 0 <= np.bitwise_or.reduce(values, axis=None) < bound
        if small and clean[block].all():
            for column, result in zip(total, made.reduce(values, own), strict=True):
                column[block] = result
            continue
        quality = grid.quality[rows, columns]
        if own:
            inside = _between(own, made.count)
            values, quality = np.where(inside, values, 0), np.where(inside, quality, ACTUAL)
        worst = quality.min(axis=1)
        good[block] = worst != MISSING
        if not small:
            good[block] &= ((values < bound) & (values > -bound)).all(axis=1)
            values = np.where(good[block, None], values, 0)
        reduced = made.reduce(values, own)
        for column, result in zip(total, reduced, strict=True):
            column[block] = result
        some = np.flatnonzero(worst == ESTIMATED)
        if len(some):
            whole = [result[some] for result in reduced]
            theirs = (own[0][some], own[1][some]) if own else None
            estimates = made.estimated(values[some], quality[some] == ESTIMATED, whole, theirs)
            for column, result in zip(part, estimates, strict=True):
                column[begin + some] = result
    return total, part, good


def _gather(source: npt.NDArray[Any], rows: Ints, columns: slice, room: npt.NDArray[Any]) -> Any:
    """Rows of a grid: as they lie, or copied side by side into `room`.

    A new array for each block costs more than all sums: the system hands out every page anew.
    """
    if rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return source[rows[0] : rows[-1] + 1, columns]
    if room.shape[1] == source.shape[1]:
        return np.take(source, rows, axis=0, out=room[: len(rows)], mode="clip")
    for place, row in zip(room, rows.tolist(), strict=False):
        place[:] = source[row, columns]
    return room[: len(rows)]


def _between(bounds: tuple[Ints, Ints], count: int) -> Mask:
    column = np.arange(count)
    return np.asarray((column >= bounds[0][:, None]) & (column < bounds[1][:, None]))


def _wants(wants: Sequence[Wanted], period: Period) -> list[Wanted]:
    """What is asked for in a period: a component at rest asks for nothing."""
    awake = [want for want in wants if dials.months_side(want.months, period) != "out"]
    have = {want.name("") for want in awake}
    return [*awake, *(want for want in TOTALS if want.name("") not in have)]
