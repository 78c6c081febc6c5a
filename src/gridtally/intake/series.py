"""Step 2: rows that follow on each other become intervals: repeats, order, dials, ends alone.

What a row means may depend on the row before it in its series (metering point and channel): the
hour that comes twice, an interval that starts where the last one ended, a dial's difference. The
rows that other deliveries brought just before and after stand beside those of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gridtally.intake import times
from gridtally.intake.formats.common import ENERGY_MAX
from gridtally.intake.mapping import Mapping
from gridtally.intake.report import Marks, Report
from gridtally.intake.slots import Slots
from gridtally.intake.stamps import later
from gridtally.intake.words import refuse
from gridtally.periods import Zone, iso_utc

__all__ = ["Chain", "in_order", "once", "to_slots"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
States = npt.NDArray[np.int8]
Codes = npt.NDArray[np.uint8]

_DAY = 86_400
_SHORTEST, _LONGEST = 60, 31 * 86_400
_TOGETHER = 1 << 19
"""Rows that are looked at together."""
_SAME_NIGHT = 6 * 3600
"""Two times that come twice belong to one change of the clocks when they are this near [s]."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Rows, all columns of shape (n,), of each series in the order of time.

    `timed`: its stamps can be read; `dialed`: its value can. `aside`: it was set aside already.
    `given`: it comes from another delivery; `fresh`: then its interval is not there yet.
    """

    key: Ints
    start: Ints
    end: Ints
    timed: Bools
    value: Ints
    dialed: Bools
    quality: Codes
    version: Ints
    line: Ints
    aside: Bools
    given: Bools
    fresh: Bools

    def take(self, which: Ints | Bools | slice) -> Chain:
        """The rows at these positions, in this order."""
        return Chain(*(getattr(self, field.name)[which] for field in fields(self)))

    def by_series(self) -> Iterator[Chain]:
        """The rows of some whole series at a time, series by series."""
        rows = self
        if (np.diff(self.key) < 0).any():
            rows = self.take(np.argsort(self.key, kind="stable"))
        low = 0
        while low < len(rows.key):
            at = min(low + _TOGETHER, len(rows.key)) - 1
            high = int(np.searchsorted(rows.key, rows.key[at], side="right"))
            yield rows.take(slice(low, high))
            low = high

    @classmethod
    def joined(cls, parts: Sequence[Chain]) -> Chain:
        """The rows of all parts, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def in_order(
    key: Ints, local: Ints, state: States, value: Ints, *, zone: Zone
) -> tuple[Ints, States]:
    """Instants and states, told apart by order where the clocks show a time twice.

    The rows of one series in one such night must go back exactly once: before it is the first
    hour, from it on the second. Where they do not, they stay ambiguous.
    """
    twice = state == times.AMBIGUOUS
    if not twice.any():
        return value, state
    at = np.flatnonzero(twice)
    at = at[np.argsort(key[at], kind="stable")]
    step = np.diff(local[at])
    split = (np.diff(key[at]) != 0) | (np.abs(step) > _SAME_NIGHT)
    night = np.concatenate([[0], np.cumsum(split)])
    back = np.concatenate([[False], (step <= 0) & ~split])
    first = np.flatnonzero(np.concatenate([[True], split]))
    went = np.add.reduceat(back.astype(np.int64), first)
    passes = np.cumsum(back) - np.cumsum(back)[first][night]
    plain = went[night] == 1
    value, state = value.copy(), state.copy()
    state[at[plain]] = times.OK
    second = at[plain & (passes == 1)]
    value[second] = later(local[second], zone)
    return value, state


def once(rows: Chain, repeats: int, report: Report) -> Chain:
    """Each reading once, of rows that hold it `repeats` times in a row and agree."""
    if repeats == 1:
        return rows
    count = len(rows.key)
    if count % repeats:
        raise refuse(
            "intake.mapped.count", file=report.file, line=int(rows.line.max()), cells=count,
            expected=repeats,
        )  # fmt: skip
    same = np.ones(count // repeats, bool)
    for name in ("key", "start", "end", "timed", "value", "dialed", "quality", "version", "aside"):
        column = getattr(rows, name).reshape(-1, repeats)
        same &= (column == column[:, :1]).all(axis=1)
    marks = Marks(count)
    marks.set(np.repeat(~same, repeats) & ~rows.aside, "intake.mapped.repeats")
    report.take(marks, rows.line, lambda _row, _column: {"expected": repeats})
    first = rows.take(np.arange(0, count, repeats)[same])
    report.duplicates += int((~first.aside).sum()) * (repeats - 1)
    return first


class _Links:
    """Each row beside the one before it in its series. Shape (n,).

    `known`: there is one, and its stamps can be read. `before`: its position; that of the row
    itself where there is none.
    """

    def __init__(self, rows: Chain) -> None:
        position = np.arange(len(rows.key))
        same = np.zeros(len(rows.key), bool)
        same[1:] = rows.key[1:] == rows.key[:-1]
        self.before: Ints = np.where(same, position - 1, position)
        self.known: Bools = same & rows.timed[self.before]


def to_slots(
    rows: Chain, mapping: Mapping, report: Report, names: list[tuple[str, str]], zone: Zone | None
) -> tuple[Slots, Chain]:
    """Intervals with their energy, and the rows with the starts that follow from their neighbours.

    Rows that give no interval are set aside, or only open their series.

    Refuses a file with a dial that goes back when it must not.
    """
    if not mapping.apart:
        rows = _without_twins(rows, report)
    links = _Links(rows)
    marks = Marks(len(rows.key))
    free = ~rows.aside & ~rows.given
    if mapping.linked:
        rows = _linked(rows, links, marks, free)
        alone = free & rows.timed & ~links.known
        lost = alone if not mapping.series.cumulative else alone & (rows.quality == 0)
        marks.set(lost, "intake.mapped.first")
    strange = _lengths(rows, links, mapping, marks, free, report)
    value, quality, opens = rows.value, rows.quality, np.zeros(len(rows.key), bool)
    if mapping.series.cumulative:
        value, quality, opens = _differences(rows, links, mapping, marks, zone, report)
    elif not mapping.apart:
        _gaps(rows, links, mapping, marks, free, report)

    def describe(row: int, _column: int) -> dict[str, object]:
        point, channel = names[int(rows.key[row])]
        return {
            "text": iso_utc(int(rows.end[row])), "cells": int(rows.end[row] - rows.start[row]),
            "where": {"metering_point": point, "channel": channel},
        }  # fmt: skip

    report.take(marks, rows.line, describe)
    fresh = rows.fresh & rows.dialed & links.known & ~strange
    keep = np.where(rows.given, fresh, ~rows.aside) & marks.good & ~opens & rows.timed
    opened = int((opens & free & marks.good).sum())
    if opened:
        report.note("intake.mapped.opened", count=opened, line=int(rows.line[opens & free].min()))
    slots = Slots(
        rows.key[keep], rows.start[keep], (rows.end - rows.start)[keep], value[keep],
        quality[keep], rows.version[keep], rows.line[keep],
    )  # fmt: skip
    if mapping.linked:  # what gave no interval only opens the series for what comes next
        rows = replace(rows, start=np.where(keep, rows.start, rows.end))
    return slots, rows


def _without_twins(rows: Chain, report: Report) -> Chain:
    """Rows that say the very same as the row before are there once."""
    twin = np.zeros(len(rows.key), bool)
    twin[1:] = rows.timed[1:] & ~rows.aside[1:] & ~rows.aside[:-1] & ~rows.given[1:]
    for name in ("key", "start", "end", "timed", "value", "dialed", "quality", "version", "given"):
        column = getattr(rows, name)
        twin[1:] &= column[1:] == column[:-1]
    if twin.any():
        report.duplicates += int(twin.sum())
        report.note(
            "intake.interval.duplicate", count=int(twin.sum()), line=int(rows.line[twin].min())
        )
    return rows.take(~twin)


def _linked(rows: Chain, links: _Links, marks: Marks, free: Bools) -> Chain:
    """Rows that have only an end: they start where the row before ended."""
    start = np.where(links.known, rows.end[links.before], rows.end)
    start = np.where(rows.given & ~rows.fresh, rows.start, start)
    marks.set(free & links.known & (rows.end <= start), "intake.mapped.order")
    return Chain(rows.key, start, *(getattr(rows, field.name) for field in fields(rows)[2:]))


def _lengths(
    rows: Chain, links: _Links, mapping: Mapping, marks: Marks, free: Bools, report: Report
) -> Bools:
    """Intervals are between a minute and 31 days, and as long as declared, or as is usual.

    Gives those rows of other deliveries to which that does not apply.
    """
    interval, length = mapping.interval, rows.end - rows.start
    fits = (length >= _SHORTEST) & (length <= _LONGEST)
    whole = rows.timed & (links.known if mapping.linked else ~rows.given | links.known)
    marks.set(free & whole & ~fits, "intake.mapped.length")
    strange: Bools = rows.given & whole & ~fits
    if interval.length < 0:
        return strange
    usual = np.full(len(length), interval.length)
    if not interval.length:
        usual = _usual(rows.key, length, fits & rows.timed)
    uneven = whole & fits & (np.abs(length - usual) > interval.tolerance)
    if interval.uneven == "set_aside":
        marks.set(free & uneven, "intake.mapped.length")
        strange |= rows.given & uneven
        return strange
    uneven &= free & marks.good
    if uneven.any():
        report.note(
            "intake.mapped.lengths", count=int(uneven.sum()), line=int(rows.line[uneven].min()),
            text=str(interval.tolerance),
        )  # fmt: skip
    return strange


def _usual(key: Ints, length: Ints, fits: Bools) -> Ints:
    """The most frequent length of each row's series, the shortest of several."""
    if not fits.any():
        return length
    pair, count = np.unique((key[fits] << 32) + length[fits], return_counts=True)
    order = np.lexsort((pair, -count, pair >> 32))
    keys, first = np.unique(pair[order] >> 32, return_index=True)
    usual = (pair & ((1 << 32) - 1))[order][first]
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    return np.where(keys[place] == key, usual[place], length)


def _gaps(
    rows: Chain, links: _Links, mapping: Mapping, marks: Marks, free: Bools, report: Report
) -> None:
    """Rows that do not begin where the one before ended, by more than is allowed."""
    interval, ahead = mapping.interval, rows.start - rows.end[links.before]
    ordered = mapping.series.order != "any"
    gap = free & marks.good & links.known & rows.timed & (np.abs(ahead) > interval.gap)
    if not ordered:
        return
    if interval.gaps == "set_aside":
        marks.set(gap, "intake.mapped.gap")
    elif gap.any():
        report.note(
            "intake.mapped.gaps", count=int(gap.sum()), line=int(rows.line[gap].min()),
            text=str(interval.gap),
        )  # fmt: skip


def _differences(
    rows: Chain, links: _Links, mapping: Mapping, marks: Marks, zone: Zone | None, report: Report
) -> tuple[Ints, Codes, Bools]:
    """Energy and quality of each step of a dial, and which rows only open their series."""
    free = ~rows.aside & ~rows.given
    opens = ~(links.known & rows.dialed[links.before] & (rows.quality[links.before] > 0))
    opens &= rows.dialed | rows.given
    ahead = rows.start - rows.end[links.before]
    steps = ~opens & rows.timed & rows.dialed & (rows.quality > 0)
    marks.set(free & steps & (ahead < 0), "intake.mapped.order")
    late = steps & (ahead > mapping.interval.gap)
    if mapping.interval.gaps == "set_aside":
        marks.set(free & late, "intake.mapped.gap")
        opens |= rows.given & late
    else:
        _gaps(rows, links, mapping, marks, free & steps, report)
    opens |= rows.given & (ahead < 0)
    step = np.where(steps, rows.value - rows.value[links.before], 0)
    back = steps & marks.good & ~opens & ~rows.aside & (step < 0)
    if back.any():
        _check_resets(rows, links, mapping, back, zone, report)
        step = np.where(back, rows.value, step)
    marks.set(free & (step > ENERGY_MAX), "intake.value.large")
    before = np.where(opens, rows.quality, rows.quality[links.before])
    return step, np.minimum(rows.quality, before), opens


def _check_resets(
    rows: Chain, links: _Links, mapping: Mapping, back: Bools, zone: Zone | None, report: Report
) -> None:
    """A dial may begin anew in the declared window of the local day, where its interval starts."""
    at = np.flatnonzero(back)
    start = rows.start[at]
    clock = (start + (zone.offset(start) if zone is not None else 0)) % _DAY
    allowed = np.zeros(len(at), bool)
    if mapping.series.reset is not None:
        first, last = mapping.series.reset
        inside = (clock >= first, clock <= last)
        allowed = inside[0] & inside[1] if first <= last else inside[0] | inside[1]
    wrong = at[~allowed]
    if wrong.size:
        row = int(wrong[np.argmin(rows.line[wrong])])
        raise refuse(
            "intake.mapped.decrease", file=report.file, line=int(rows.line[row]),
            text=iso_utc(int(rows.end[row])),
        )  # fmt: skip
    mine = at[~rows.given[at]]
    if mine.size:
        report.note("intake.mapped.reset", count=int(mine.size), line=int(rows.line[mine].min()))
