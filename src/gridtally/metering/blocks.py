"""Steps 3-5: readings as dense integer blocks, metering points x intervals.

`dense` lays the blocks of many loads on one grid. It decides per block, not per reading: blocks
that nothing contests are copied as they lie in the Arrow buffers, and only where blocks overlap
are the readings looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import layout
from gridtally.metering.layout import LETTERS, Layout, Load, Readings
from gridtally.metering.words import counted
from gridtally.periods import iso_utc
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["ACTUAL", "ESTIMATED", "LETTERS", "MISSING", "SUBSTITUTED", "Dense", "dense", "grids"]

MISSING, ESTIMATED, SUBSTITUTED, ACTUAL = 0, 1, 2, 3
"""Quality codes in rank order; `LETTERS[code]` is the letter of `terms.Quality`."""

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]

_FEW = 16
"""A pattern (load, first slot, length) with fewer blocks may not be worth a copy of its own."""


@dataclass(frozen=True, slots=True)
class Dense:
    """One channel of many metering points over one span of time, without holes in the grid.

    `values` [10^-6 kWh or kvarh] and `quality` have shape (points, intervals); where quality is
    MISSING the value is 0 and means nothing.
    """

    points: tuple[str, ...]
    channel: str
    start_utc: int
    resolution_s: int
    values: npt.NDArray[np.int64]
    quality: npt.NDArray[np.uint8]

    @property
    def end_utc(self) -> int:
        """First instant after the grid [s]."""
        return self.start_utc + int(self.values.shape[1]) * self.resolution_s


def dense(
    blocks: pa.Table,
    *,
    points: Sequence[str],
    channel: str,
    start_utc: int,
    end_utc: int,
    resolution_s: int,
) -> tuple[Dense, pa.Table]:
    """Lay BLOCKS of any number of loads on the grid `points x [start_utc, end_utc)`.

    The winner of a slot has the higher quality rank, then the higher declared version, then the
    later `load_seq`, then the later line; the order of rows does not matter (DESIGN 5). A null
    and a value of quality N are no value. Blocks of other points, channels and times are left
    aside; a point without any has a row of MISSING. Blocks that are malformed, of another
    resolution or off the grid are left out and found (`metering.block.*`).
    """
    assert start_utc < end_utc, "an empty grid"
    assert (end_utc - start_utc) % resolution_s == 0, "not a whole number of intervals"
    assert len(set(points)) == len(points), "a point twice"
    shape = (len(points), (end_utc - start_utc) // resolution_s)
    grid = Dense(
        tuple(points), channel, start_utc, resolution_s,
        np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.uint8),
    )  # fmt: skip
    loads = [layout.load(chunk) for chunk in blocks["values"].chunks]
    placed, codes, rows = _place(blocks, grid)
    group, alone = placed.overlaps(shape[1])
    clean = (placed.letters < 0) & (placed.code != MISSING) & ~placed.with_nulls(loads)
    several = np.flatnonzero(~(alone & clean))
    version, rank = _priority(blocks, placed.index[several])
    wins, loses = _supersede(placed.take(several), group[several], clean[several], version, rank)
    plain = alone & clean
    plain[several[wins]] = True
    open_ = ~_copy(grid, placed, loads, plain)
    open_[several[loses]] = False
    rest = np.flatnonzero(open_)
    if len(rest):
        rows += _settle(grid, placed.take(rest), group[rest], blocks, (loads, codes))
    return grid, findings_table(rows)


def grids(blocks: pa.Table) -> list[tuple[str, int, tuple[str, ...]]]:
    """Which grids a table of BLOCKS needs: channel, resolution [s], sorted points.

    Each point and channel is on the resolution of most of its blocks, the finer of equals;
    `dense` finds the blocks of another one.
    """
    keys = ["metering_point", "channel", "resolution_s"]
    counted = blocks.select(keys).group_by(keys, use_threads=False).aggregate([([], "count_all")])
    ordered = counted.sort_by(
        [("metering_point", "ascending"), ("channel", "ascending"),
         ("count_all", "descending"), ("resolution_s", "ascending")]
    )  # fmt: skip
    chosen: dict[tuple[str, str], int] = {}
    for point, name, seconds in zip(*(ordered[key].to_pylist() for key in keys), strict=True):
        chosen.setdefault((point, name), seconds)
    result: dict[tuple[str, int], list[str]] = {}
    for (point, name), seconds in chosen.items():
        result.setdefault((name, seconds), []).append(point)
    return [(*key, tuple(result[key])) for key in sorted(result)]


# --------------------------------------------------------------- laying blocks


def _place(blocks: pa.Table, grid: Dense) -> tuple[Layout, layout.Codes, list[Row]]:
    """Blocks of this grid, clipped to it; all quality codes; findings on blocks left out."""
    named = pc.index_in(
        layout.text(blocks["metering_point"]), value_set=pa.array(grid.points, pa.string())
    )
    row = named.fill_null(-1).to_numpy().astype(np.int64)
    load, first, length = layout.bounds(blocks["values"])
    start, step = layout.integers(blocks["start_utc"]), layout.integers(blocks["resolution_s"])
    codes, place, letters, unknown = layout.letters(blocks["quality"])
    channel = pc.equal(layout.text(blocks["channel"]), grid.channel)
    mine = (row >= 0) & (length > 0) & (start < grid.end_utc)
    mine &= (start + step * length > grid.start_utc) & channel.to_numpy(zero_copy_only=False)
    bad = mine & (unknown | ((letters != 1) & (letters != length)))
    other = mine & ~bad & (step != grid.resolution_s)
    slot, off = np.divmod(start - grid.start_utc, grid.resolution_s)
    drift = mine & ~bad & ~other & (off != 0)
    fits = np.flatnonzero(mine & ~bad & ~other & ~drift)
    rows: list[Row] = []
    if len(fits) < np.count_nonzero(mine):
        span = (row, start, start + step * length, length, step)
        rows = [
            row
            for which, tell in ((bad, _malformed), (other, _resolution), (drift, _offgrid))
            for row in tell(grid, *(column[which] for column in span))
        ]
    cut = np.maximum(-slot[fits], 0)
    end = np.minimum(slot[fits] + length[fits], grid.values.shape[1])
    many = letters[fits] > 1
    placed = Layout(
        row=row[fits],
        slot=slot[fits] + cut,
        length=end - slot[fits] - cut,
        load=load[fits],
        first=first[fits] + cut,
        code=codes[place[fits]],
        letters=np.where(many, place[fits] + cut, -1),
        index=fits,
    )
    return placed, codes, rows


def _copy(grid: Dense, blocks: Layout, loads: list[Load], plain: Mask) -> Mask:
    """Copy uncontested blocks, pattern by pattern; return which blocks were copied."""
    width = grid.values.shape[1]
    which = np.flatnonzero(plain)
    pattern = ((blocks.load * width + blocks.slot) * (width + 1) + blocks.length)[which]
    if np.any(pattern[1:] < pattern[:-1]):
        order = np.argsort(pattern, kind="stable")
        which, pattern = which[order], pattern[order]
    cuts = np.flatnonzero(np.r_[True, pattern[1:] != pattern[:-1], True]) if len(which) else which
    done = np.zeros(len(blocks), dtype=np.bool_)
    for begin, end in pairwise(cuts.tolist()):
        if end - begin >= _FEW or len(cuts) < _FEW * _FEW:
            group = which[begin:end]
            _copy_pattern(grid, blocks.take(group), loads)
            done[group] = True
    return done


def _copy_pattern(grid: Dense, blocks: Layout, loads: list[Load]) -> None:
    """Copy blocks of one load that have the same first slot and length."""
    slot, length = int(blocks.slot[0]), int(blocks.length[0])
    columns = slice(slot, slot + length)
    rows: Ints | slice = blocks.row
    if np.all(np.diff(blocks.row) == 1):
        rows = slice(int(blocks.row[0]), int(blocks.row[-1]) + 1)
    grid.values[rows, columns] = _gather(loads[blocks.load[0]].values, blocks.first, length)
    same = bool(np.all(blocks.code == blocks.code[0]))
    grid.quality[rows, columns] = blocks.code[0] if same else blocks.code[:, None]


def _gather(flat: Ints, first: Ints, length: int) -> Ints:
    """The runs of `length` values that begin at `first`, shape (runs, length)."""
    step = np.diff(first)
    if len(step) and step[0] > 0 and np.all(step == step[0]):
        runs = flat[first[0] :]
        strides = (int(step[0]) * runs.itemsize, runs.itemsize)
        return np.lib.stride_tricks.as_strided(runs, (len(first), length), strides, writeable=False)
    low = int(first.min())
    turn, rest = np.divmod(first - low, length)
    if not rest.any():
        whole = flat[low : low + (int(turn.max()) + 1) * length]
        return np.asarray(whole.reshape(-1, length)[turn])
    return np.asarray(flat[first[:, None] + np.arange(length)])


# ------------------------------------------------------------ contested slots


def _priority(table: pa.Table, index: Ints) -> tuple[Ints, Ints]:
    """Declared versions of blocks, and their order from the weakest to the strongest."""
    every = ("version", "load_seq", "source", "line", "start_utc")
    keys = [key for key in every if key in table.column_names]
    part = table.select(keys).take(pa.array(index))
    order = pc.sort_indices(part, sort_keys=[(key, "ascending") for key in keys])
    rank = np.empty(len(index), dtype=np.int64)
    rank[order.to_numpy()] = np.arange(len(index))
    return layout.integers(part["version"]), rank


def _supersede(
    blocks: Layout, group: Ints, clean: Mask, version: Ints, rank: Ints
) -> tuple[Mask, Mask]:
    """Which blocks win, and which lose, as a whole: a corrected day over the day it corrects.

    That needs a group of clean blocks over the same slots, and a winner that is of another
    quality or version than each of the others.
    """
    if not len(group):
        return clean, clean
    group = np.unique(group, return_inverse=True)[1]
    best = np.full(int(group.max()) + 1, -1, dtype=np.int64)
    key = blocks.code.astype(np.int64) * len(group) + rank
    np.maximum.at(best, group, key)
    wins = best[group] == key
    winner = np.zeros(len(best), dtype=np.int64)
    winner[group[wins]] = np.flatnonzero(wins)
    top = winner[group]
    same = (blocks.slot == blocks.slot[top]) & (blocks.length == blocks.length[top]) & clean
    decided = wins | (blocks.code != blocks.code[top]) | (version != version[top])
    whole = np.bincount(group[~(same & decided)], minlength=len(best))[group] == 0
    return wins & whole, ~wins & whole


def _settle(
    grid: Dense,
    blocks: Layout,
    group: Ints,
    table: pa.Table,
    source: tuple[list[Load], layout.Codes],
) -> Iterator[Row]:
    """Write the winner of every slot of these blocks; find equals with different values."""
    version, rank = _priority(table, blocks.index)
    read = Readings.of(blocks, *source)
    slot = blocks.slot[read.block] + read.step
    cell, cells = _cells(blocks, group, grid.values.shape[1])
    cell = cell[read.block] + read.step
    key = read.code.astype(np.int64) * len(blocks) + rank[read.block]
    best = np.full(cells, -1, dtype=np.int64)
    np.maximum.at(best, cell, key)
    wins = np.flatnonzero(best[cell] == key)
    row = blocks.row[read.block]
    grid.values[row[wins], slot[wins]] = read.value[wins]
    grid.quality[row[wins], slot[wins]] = read.code[wins]
    winner = np.zeros(cells, dtype=np.int64)
    winner[cell[wins]] = wins
    kept = winner[cell]
    same = (read.code == read.code[kept]) & (version[read.block] == version[read.block[kept]])
    clash = np.flatnonzero(same & (read.value != read.value[kept]))
    if len(clash):
        yield from _conflicts(grid, row[clash], slot[clash], read.value[clash])


def _cells(blocks: Layout, group: Ints, width: int) -> tuple[Ints, int]:
    """Consecutive numbers for all slots that the groups cover: that of each block's first slot."""
    group = np.unique(group, return_inverse=True)[1]
    low = np.full(int(group.max()) + 1, width, dtype=np.int64)
    high = np.zeros_like(low)
    np.minimum.at(low, group, blocks.slot)
    np.maximum.at(high, group, blocks.slot + blocks.length)
    total = np.cumsum(high - low)
    return (total - high)[group] + blocks.slot, int(total[-1])


# -------------------------------------------------------------------- findings


def _per_row(row: Ints) -> Iterator[tuple[int, Ints]]:
    """Each row that occurs, with the positions where it does."""
    order = np.argsort(row, kind="stable")
    cuts = np.flatnonzero(np.diff(row[order])) + 1
    for part in np.split(order, cuts):
        if len(part):
            yield int(row[part[0]]), part


def _left_out(
    grid: Dense,
    columns: tuple[Ints, Ints, Ints, Ints],
    code: str,
    tell: str,
    remedy: str,
    **evidence: object,
) -> Iterator[Row]:
    """One finding per point on readings that have no place on the grid."""
    row, start, end, length = columns
    for number, part in _per_row(row):
        count = int(length[part].sum())
        where, at = f"{grid.points[number]} {grid.channel}", iso_utc(start[part].min())
        yield finding(
            f"metering.block.{code}", Severity.HOLD,
            tell.format(where=where, count=counted(count, "reading"), at=at),
            remedy=remedy, must_hold=True, count=count, evidence=evidence,
            metering_point=grid.points[number], channel=grid.channel,
            start_utc=int(start[part].min()), end_utc=int(end[part].max()),
        )  # fmt: skip


def _malformed(grid: Dense, row: Ints, start: Ints, end: Ints, length: Ints, _: Ints) -> list[Row]:
    return list(_left_out(
        grid, (row, start, end, length), "malformed",
        "{where}: quality letters that do not fit; left out: {count} from {at} on.",
        "Give one letter of A, S, E, N for all values of a block, or one for each.",
    ))  # fmt: skip


def _resolution(
    grid: Dense, row: Ints, start: Ints, end: Ints, length: Ints, step: Ints
) -> list[Row]:
    found: list[Row] = []
    for seconds in np.unique(step):
        which = step == seconds
        found += _left_out(
            grid, (row[which], start[which], end[which], length[which]), "resolution",
            f"{{where}}: readings of {_minutes(seconds)} among those of "
            f"{_minutes(grid.resolution_s)}; left out: {{count}} from {{at}} on.",
            "Ask the sender for one resolution, or bill the metering point in that of these "
            "readings.",
            resolution_s=seconds, expected_s=grid.resolution_s,
        )  # fmt: skip
    return found


def _minutes(seconds: int) -> str:
    whole, rest = divmod(int(seconds), 60)
    return f"{seconds} s" if rest else f"{whole} min"


def _offgrid(grid: Dense, row: Ints, start: Ints, end: Ints, length: Ints, _: Ints) -> list[Row]:
    return list(_left_out(
        grid, (row, start, end, length), "offgrid",
        f"{{where}}: readings that do not begin on the {_minutes(grid.resolution_s)} grid; "
        "left out: {count} from {at} on.",
        "Check the meter's clock, and ask the sender for readings on the grid.",
    ))  # fmt: skip


def _conflicts(grid: Dense, row: Ints, slot: Ints, value: Ints) -> Iterator[Row]:
    for number, part in _per_row(row):
        count = len(np.unique(slot[part]))
        first = part[np.lexsort((value[part], slot[part]))[0]]
        at = grid.start_utc + slot[part] * grid.resolution_s
        yield finding(
            "metering.block.conflict", Severity.WARN,
            f"{grid.points[number]} {grid.channel}: delivered with different values, and nothing "
            f"says which is newer: {counted(count, 'interval')} from {iso_utc(at.min())} on; "
            "the later delivery counts.",
            remedy="Ask the sender which values are right, and to mark corrections with a version.",
            evidence={"at": iso_utc(at.min()), "other_ukwh": value[first],
                      "kept_ukwh": grid.values[number, slot[first]]},
            count=count, metering_point=grid.points[number], channel=grid.channel,
            start_utc=int(at.min()), end_utc=int(at.max()) + grid.resolution_s,
        )  # fmt: skip
