"""Step 2, the way back: blocks as whole days of a fixed offset, one row of intervals per day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.runs import LETTERS

__all__ = ["Days", "days_of"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
_DAY = 86_400
_CODE = np.zeros(256, np.uint8)
_CODE[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(len(LETTERS))


@dataclass(frozen=True, slots=True)
class Days:
    """Days of one interval length: `value`, `quality` (codes) have shape (days, intervals).

    `name` numbers the (metering point, channel); a missing interval has quality 0 and `here` False.
    """

    seconds: int
    name: Ints
    start: Ints
    version: Ints
    value: Ints
    quality: Codes
    here: Bools


def days_of(
    blocks: pa.Table, *, offset: int
) -> tuple[list[tuple[str, str]], list[Days], dict[str, int]]:
    """Names, days by interval length, and how many intervals have no place in any day, by reason.

    `offset`: seconds east of UTC at which days begin. Rows that overlap stay apart.
    """
    names, name = _names(blocks)
    columns = [
        blocks[column].cast(pa.int64()).to_numpy()
        for column in ("start_utc", "resolution_s", "version")
    ]
    start, seconds, version = columns
    values = blocks["values"].combine_chunks()
    count = pc.list_value_length(values).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = values.flatten()
    value = pc.fill_null(flat, 0).to_numpy(zero_copy_only=False)
    quality = _codes(blocks["quality"], count)
    quality[pc.is_null(flat).to_numpy(zero_copy_only=False)] = 0
    odd = (seconds % 60 != 0) | (3600 % np.maximum(seconds, 1) != 0)
    off = ~odd & ((start + offset) % np.maximum(seconds, 1) != 0)
    lost = {"length": int(count[odd].sum()), "grid": int(count[off].sum())}
    cells = np.concatenate([[0], np.cumsum(count)])
    days = [
        _of_length(length, np.flatnonzero((seconds == length) & ~odd & ~off), offset=offset,
                   cells=cells, columns=(name, start, version, count), flat=(value, quality))
        for length in np.unique(seconds[~odd & ~off]).tolist()
    ]  # fmt: skip
    return names, days, {reason: rows for reason, rows in lost.items() if rows}


def _names(blocks: pa.Table) -> tuple[list[tuple[str, str]], Ints]:
    """The (metering point, channel) of each block as a number, in order of appearance."""
    codes = [
        blocks[column].combine_chunks().dictionary_encode()
        for column in ("metering_point", "channel")
    ]
    point, channel = (c.indices.to_numpy(zero_copy_only=False).astype(np.int64) for c in codes)
    points, channels = (c.dictionary.to_pylist() for c in codes)
    both = point * max(len(channels), 1) + channel
    distinct, first, name = np.unique(both, return_index=True, return_inverse=True)
    rank = np.empty(len(distinct), np.int64)
    rank[np.argsort(first)] = np.arange(len(distinct))
    names = [("", "")] * len(distinct)
    for number, one in zip(rank.tolist(), distinct.tolist(), strict=True):
        names[number] = (points[one // len(channels)], channels[one % len(channels)])
    return names, rank[name.reshape(-1)] if len(distinct) else name


def _codes(quality: pa.ChunkedArray, count: Ints) -> Codes:
    """The quality code of each interval; one letter stands for all of its block."""
    texts = quality.combine_chunks()
    size = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    raw = np.frombuffer("".join(texts.to_pylist()).encode(), np.uint8)
    first = np.concatenate([[0], np.cumsum(size)])[:-1]
    step = np.repeat(size == count, count)
    place = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    codes: Codes = _CODE[raw[np.repeat(first, count) + np.where(step, place, 0)]]
    return codes


def _of_length(
    seconds: int, rows: Ints, *, offset: int, cells: Ints,
    columns: tuple[Ints, Ints, Ints, Ints], flat: tuple[Ints, Codes],
) -> Days:  # fmt: skip
    """The days of the blocks at `rows`, all of one interval length."""
    name, start, version, count = (column[rows] for column in columns)
    block = np.repeat(np.arange(len(rows)), count)
    within = np.arange(len(block)) - np.repeat(np.cumsum(count) - count, count)
    local = start[block] + within * seconds + offset
    cell = cells[rows][block] + within
    new = np.ones(len(local), bool)
    new[1:] = (block[1:] != block[:-1]) | (local[1:] // _DAY != local[:-1] // _DAY)
    first = np.flatnonzero(new)
    size = np.diff(np.append(first, len(local)))
    row, heads = _rows(name[block[first]], version[block[first]], local[first], size * seconds)
    slots, rows_ = _DAY // seconds, len(heads)
    at = np.repeat(row, size) * slots + local % _DAY // seconds
    value, quality = np.zeros(rows_ * slots, np.int64), np.zeros(rows_ * slots, np.uint8)
    here = np.zeros(rows_ * slots, bool)
    value[at], quality[at], here[at] = flat[0][cell], flat[1][cell], True
    head, shape = first[heads], (rows_, slots)
    return Days(
        seconds, name[block[head]], local[head] // _DAY * _DAY - offset, version[block[head]],
        value.reshape(shape), quality.reshape(shape), here.reshape(shape),
    )  # fmt: skip


def _rows(name: Ints, version: Ints, local: Ints, length: Ints) -> tuple[Ints, Ints]:
    """The row of each part of a day, and the first part of each row.

    Parts of one name, version and day share a row, unless they overlap.
    """
    day = local // _DAY
    order = np.lexsort((local, day, version, name))
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in (name, version, day):
        same &= column[order[1:]] == column[order[:-1]]
    same &= local[order[1:]] >= (local + length)[order[:-1]]
    row = np.empty(len(order), np.int64)
    row[order] = np.concatenate([[0], np.cumsum(~same)])[: len(order)]
    heads = order[np.concatenate([[0], np.flatnonzero(~same) + 1])[: len(order)]]
    return row, heads
