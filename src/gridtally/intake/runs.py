"""Step 2: decoded readings become BLOCKS: duplicates counted, conflicts set aside, runs joined.

`Slots` has one entry per interval (formats with a row per reading), `Runs` has one entry per run of
equal intervals (formats with a row per day). Both are whole columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.report import Marks, Report
from gridtally.intake.slots import Slots
from gridtally.intake.units import CHANNELS
from gridtally.periods import Zone, iso_utc
from gridtally.tables import BLOCKS

__all__ = [
    "LETTERS", "Runs", "Slots", "Total", "join", "settle_runs", "settle_slots", "to_blocks",
    "totals",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]

LETTERS = "NESA"
"""Letter of each quality code, in rank order: none, estimated, substituted, actual."""
_LETTER_BYTES = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
_FLOW = {channel: number for number, channel in enumerate(CHANNELS)}
_MIXED = 9
_DAY = 86_400
_LIMB = 20


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of equal intervals: run r holds `value[offsets[r]:offsets[r + 1]]`, `quality` likewise.

    `key`, `start`, `seconds`, `version`, `line` have shape (runs,), `offsets` (runs + 1,).
    """

    key: Ints
    start: Ints
    seconds: Ints
    version: Ints
    line: Ints
    offsets: Ints
    value: Ints
    quality: Codes

    @property
    def count(self) -> Ints:
        """Intervals in each run."""
        return np.diff(self.offsets)

    def take(self, which: Ints) -> Runs:
        """The runs at these positions, in this order."""
        count = self.count[which]
        offsets = np.concatenate([[0], np.cumsum(count)])
        cell = np.arange(offsets[-1]) + np.repeat(self.offsets[which] - offsets[:-1], count)
        return Runs(
            self.key[which], self.start[which], self.seconds[which], self.version[which],
            self.line[which], offsets, self.value[cell], self.quality[cell],
        )  # fmt: skip


def join(parts: Sequence[Runs]) -> Runs:
    """Runs of many pieces as one."""
    names = [field.name for field in fields(Runs) if field.name != "offsets"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    count = np.concatenate([part.count for part in parts])
    return Runs(**columns, offsets=np.concatenate([[0], np.cumsum(count)]))


# --------------------------------------------------------------------- slots


def settle_slots(
    slots: Slots,
    names: Sequence[tuple[str, str]],
    report: Report,
    *,
    zone: Zone | None,
    overlaps: bool = False,
) -> Runs:
    """Slots as runs of a day or less; `names[key]` is (metering point, channel).

    The same interval again is a duplicate; with another value, under the same version and quality
    rank, both are set aside, as are intervals that overlap without being the same, unless such
    `overlaps` are kept as they are.
    """
    slots = _sorted(slots)
    same = _same_slot(slots)
    rank_same = same & (slots.quality[1:] == slots.quality[:-1])
    equal = (slots.value[1:] == slots.value[:-1]) & (slots.seconds[1:] == slots.seconds[:-1])
    twin = np.zeros(len(slots.key), bool)
    if rank_same.any():
        twin[1:] = rank_same & equal
        conflict = _spread(rank_same, ~equal & rank_same)
        _set_aside(slots, conflict, "intake.interval.conflict", names, report)
        twins = twin & ~conflict
        if twins.any():
            count, first = int(twins.sum()), int(slots.line[twins].min())
            report.duplicates += count
            report.note("intake.interval.duplicate", count=count, line=first)
        slots = slots.take(~(twins | conflict))
    overlap = _overlapping(slots)
    if overlap.any() and not overlaps:
        _set_aside(slots, overlap, "intake.interval.overlap", names, report)
        slots = slots.take(~overlap)
    _note_versions_and_gaps(slots, names, report)
    return _runs(slots, zone)


def _sorted(slots: Slots) -> Slots:
    """By key, version, start, rank; files mostly come so, and then nothing is moved."""
    place = (slots.key << 33) + slots.start
    if (np.diff(place) > 0).all() and (np.diff(slots.version) == 0).all():
        return slots
    order = np.lexsort((slots.line, slots.quality, slots.start, slots.version, slots.key))
    return slots.take(order)


def _same_slot(slots: Slots) -> Bools:
    """Whether each slot but the first is the same interval and version as the one before."""
    same: Bools = slots.key[1:] == slots.key[:-1]
    same &= slots.start[1:] == slots.start[:-1]
    same &= slots.version[1:] == slots.version[:-1]
    return same


def _spread(linked: Bools, wrong: Bools) -> Bools:
    """All members of each group of linked neighbours of which one pair is wrong. Shape (n,)."""
    group = np.concatenate([[0], np.cumsum(~linked)])
    bad = np.zeros(int(group[-1]) + 1, bool)
    bad[group[1:][wrong]] = True
    spread: Bools = bad[group]
    return spread


def _overlapping(slots: Slots) -> Bools:
    """Slots that overlap another of the same key and version without being the same interval."""
    if not len(slots.key):
        return np.zeros(0, bool)
    new = np.ones(len(slots.key), bool)
    new[1:] = (np.diff(slots.key) != 0) | (np.diff(slots.version) != 0)
    base = np.cumsum(new) << 34
    start, end = base + slots.start, base + slots.start + slots.seconds
    reach = np.maximum.accumulate(end)
    late = np.zeros(len(start), bool)
    late[1:] = (start[1:] < reach[:-1]) & (start[1:] != start[:-1])
    ahead = np.minimum.accumulate(np.where(late, start, 1 << 62)[::-1])[::-1]
    early = np.zeros(len(start), bool)
    early[:-1] = end[:-1] > ahead[1:]
    return late | early


def _set_aside(
    slots: Slots, which: Bools, code: str, names: Sequence[tuple[str, str]], report: Report
) -> None:
    marks = Marks(len(slots.key))
    marks.set(which, code)

    def describe(row: int, _column: int) -> dict[str, object]:
        point, channel = names[int(slots.key[row])]
        start = int(slots.start[row])
        where = {
            "metering_point": point, "channel": channel,
            "start_utc": start, "end_utc": start + int(slots.seconds[row]),
        }  # fmt: skip
        return {"text": iso_utc(start), "where": where}

    flow = np.array([_FLOW.get(channel, -1) for _, channel in names], dtype=np.int64)
    report.take(
        marks, slots.line, describe, point=slots.key, names=[point for point, _ in names],
        channel=flow[slots.key],
    )  # fmt: skip


def _note_versions_and_gaps(slots: Slots, names: Sequence[tuple[str, str]], report: Report) -> None:
    """Notes: intervals in several versions, and gaps inside each channel."""
    if len(slots.key) < 2:
        return
    place = (slots.key << 33) + slots.start
    if (np.diff(place) <= 0).any():
        slots = slots.take(np.argsort(place, kind="stable"))
        place = (slots.key << 33) + slots.start
    again = np.diff(place) == 0
    if again.any():
        report.note("intake.interval.version", count=int(again.sum()))
    ends = slots.start + slots.seconds
    hole = np.where(
        (slots.key[1:] == slots.key[:-1]) & (slots.seconds[1:] == slots.seconds[:-1]) & ~again,
        (slots.start[1:] - ends[:-1]) // slots.seconds[1:],
        0,
    )
    at = np.flatnonzero(hole > 0)
    if not at.size:
        return
    keys, first = np.unique(slots.key[at], return_index=True)
    missing = np.add.reduceat(hole[at], first)
    for key, index, count in zip(keys.tolist(), at[first].tolist(), missing.tolist(), strict=True):
        point, channel = names[key]
        report.note(
            "intake.interval.gap", count=count, metering_point=point, channel=channel,
            start_utc=int(ends[index]), end_utc=int(slots.start[index + 1]),
            line=int(slots.line[index + 1]),
        )  # fmt: skip


def _runs(slots: Slots, zone: Zone | None) -> Runs:
    """Neighbours that touch, in one local day (UTC day without a zone), become one run."""
    offset = zone.offset(slots.start) if zone is not None else 0
    day = (slots.start + offset) // _DAY
    cut = np.ones(len(slots.key), bool)
    cut[1:] = (
        (np.diff(slots.key) != 0)
        | (np.diff(slots.version) != 0)
        | (np.diff(slots.seconds) != 0)
        | (np.diff(day) != 0)
        | (slots.start[1:] != slots.start[:-1] + slots.seconds[:-1])
    )
    first = np.flatnonzero(cut)
    return Runs(
        slots.key[first], slots.start[first], slots.seconds[first], slots.version[first],
        slots.line[first], np.append(first, len(slots.key)), slots.value, slots.quality,
    )  # fmt: skip


# ---------------------------------------------------------------------- runs


def settle_runs(runs: Runs, names: Sequence[tuple[str, str]], report: Report) -> Runs:
    """Runs that came as rows: the same row again is a duplicate, another value a conflict.

    Two rows of one day may both stand if their versions differ, or if each has one quality and
    those differ in rank.
    """
    if not len(runs.key):
        return runs
    rank = _rank(runs)
    order = np.lexsort((runs.line, runs.start, runs.version, runs.key))
    twin, conflict = np.zeros(len(order), bool), np.zeros(len(order), bool)
    ends = runs.start + runs.seconds * runs.count
    later, earlier = order[1:], order[:-1]
    beside = (
        (runs.key[later] == runs.key[earlier])
        & (runs.version[later] == runs.version[earlier])
        & (runs.start[later] < ends[earlier])
    )
    wrong = np.zeros(len(beside), bool)
    for at in np.flatnonzero(beside).tolist():
        one, two = int(later[at]), int(earlier[at])
        if _alike(runs, one, two):
            twin[one] = True
        else:
            wrong[at] = rank[one] == rank[two] or _MIXED in (rank[one], rank[two])
    conflict[order[_spread(beside, wrong)]] = wrong.any()
    twin &= ~conflict
    for at in np.flatnonzero(conflict).tolist():
        point, channel = names[int(runs.key[at])]
        where: dict[str, object] = {"metering_point": point, "channel": channel}
        report.set_aside(
            "intake.interval.conflict", int(runs.line[at]), where=where,
            text=iso_utc(int(runs.start[at])),
        )  # fmt: skip
    if twin.any():
        report.duplicates += int(twin.sum())
        report.note(
            "intake.interval.duplicate", count=int(twin.sum()), line=int(runs.line[twin].min())
        )
    runs = runs.take(order[~(twin | conflict)[order]])
    _note_missing(runs, names, report)
    return runs


def _note_missing(runs: Runs, names: Sequence[tuple[str, str]], report: Report) -> None:
    """Notes: intervals that a row has, but without a value."""
    if not len(runs.key) or (runs.quality > 0).all():
        return
    missing = np.add.reduceat((runs.quality == 0).astype(np.int64), runs.offsets[:-1])
    at = np.flatnonzero(missing)
    keys, first = np.unique(runs.key[at], return_index=True)
    for key, index in zip(keys.tolist(), at[first].tolist(), strict=True):
        point, channel = names[key]
        report.note(
            "intake.interval.gap", count=int(missing[runs.key == key].sum()),
            metering_point=point, channel=channel, line=int(runs.line[index]),
            start_utc=int(runs.start[index]),
        )  # fmt: skip


def _rank(runs: Runs) -> Ints:
    """The quality code of runs that have one, else `_MIXED`."""
    best = np.maximum.reduceat(runs.quality, runs.offsets[:-1])
    worst = np.minimum.reduceat(runs.quality, runs.offsets[:-1])
    return np.where(best == worst, best, _MIXED).astype(np.int64)


def _alike(runs: Runs, one: int, two: int) -> bool:
    """Whether two runs say the same."""
    a = slice(int(runs.offsets[one]), int(runs.offsets[one + 1]))
    b = slice(int(runs.offsets[two]), int(runs.offsets[two + 1]))
    return bool(
        runs.start[one] == runs.start[two]
        and runs.seconds[one] == runs.seconds[two]
        and np.array_equal(runs.value[a], runs.value[b])
        and np.array_equal(runs.quality[a], runs.quality[b])
    )


# ------------------------------------------------------------------- results


@dataclass(frozen=True, slots=True)
class Total:
    """What a channel of a file holds: `n` interval values, their exact sum [10^-6 unit], bounds.

    `first_utc` is the first instant, `last_utc` the first instant after the last interval [s];
    None where the file has the channel and no time for it.
    """

    metering_point: str
    channel: str
    n: int
    sum: int
    first_utc: int | None
    last_utc: int | None


def totals(runs: Runs, names: Sequence[tuple[str, str]]) -> list[Total]:
    """One row per metering point and channel, in order of first appearance."""
    if not len(runs.key):
        return []
    part = np.add.reduceat(runs.value, runs.offsets[:-1])
    order = np.argsort(runs.key, kind="stable")
    keys, first = np.unique(runs.key[order], return_index=True)
    # Two limbs: a sum over a large file may not fit 64 bits.
    high = np.add.reduceat(part[order] >> _LIMB, first)
    low = np.add.reduceat(part[order] & ((1 << _LIMB) - 1), first)
    count = np.add.reduceat(runs.count[order], first)
    begin = np.minimum.reduceat(runs.start[order], first)
    end = np.maximum.reduceat((runs.start + runs.seconds * runs.count)[order], first)
    return [
        Total(names[key][0], names[key][1], n, (h << _LIMB) + lo, b, e)
        for key, n, h, lo, b, e in zip(
            *(column.tolist() for column in (keys, count, high, low, begin, end)), strict=True
        )
    ]


def to_blocks(runs: Runs, names: Sequence[tuple[str, str]], source: str) -> pa.Table:
    """Runs as a BLOCKS table."""
    rows = len(runs.key)
    if not rows:
        return BLOCKS.empty_table()
    runs = replace(runs, value=np.where(runs.quality == 0, 0, runs.value))
    points = pa.array([point for point, _ in names], pa.string())
    channels = pa.array([channel for _, channel in names], pa.string())
    values = pa.ListArray.from_arrays(
        pa.array(runs.offsets, pa.int32()),
        pa.array(runs.value, pa.int64(), mask=runs.quality == 0),
    )
    columns = [
        points.take(pa.array(runs.key)),
        channels.take(pa.array(runs.key)),
        pa.array(runs.start, pa.int64()).cast(pa.timestamp("s", tz="UTC")),
        pa.array(runs.seconds, pa.int32()),
        values,
        _letters(runs),
        pa.array(runs.version, pa.int64()),
        pa.array(np.zeros(rows, np.int64)),
        pa.repeat(pa.scalar(source), rows),
        pa.array(runs.line, pa.int64()),
    ]
    return pa.Table.from_arrays(columns, schema=BLOCKS)


def _letters(runs: Runs) -> pa.StringArray:
    """One letter for a run of one quality, else one per interval."""
    length = np.where(_rank(runs) == _MIXED, runs.count, 1)
    offsets = np.concatenate([[0], np.cumsum(length)])
    cell = np.arange(offsets[-1]) + np.repeat(runs.offsets[:-1] - offsets[:-1], length)
    return pa.LargeStringArray.from_buffers(
        len(runs.key), pa.py_buffer(offsets), pa.py_buffer(_LETTER_BYTES[runs.quality[cell]])
    ).cast(pa.string())
