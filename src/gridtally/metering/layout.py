"""Step 3: where in the Arrow buffers the readings of each block lie. Nothing is copied here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["LETTERS", "Layout", "Load", "Readings", "bounds", "integers", "letters", "load", "text"]

LETTERS = "NESA"
"""Quality letters in rank order: the code of a letter is its position."""

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

UNKNOWN = 255
_CODE = np.full(256, UNKNOWN, dtype=np.uint8)
_CODE[np.frombuffer(LETTERS.encode(), dtype=np.uint8)] = np.arange(4, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Load:
    """The values buffer of one chunk of blocks; `valid` is None when no value is null."""

    values: Ints
    valid: Mask | None


@dataclass(frozen=True, slots=True)
class Layout:
    """One entry per block that lies on the grid, clipped to it."""

    row: Ints
    """Row of the grid."""
    slot: Ints
    """First slot of the grid."""
    length: Ints
    """Number of slots."""
    load: Ints
    """Which values buffer."""
    first: Ints
    """Position of the block's first value in that buffer."""
    code: Codes
    """Quality code, where one letter stands for all values."""
    letters: Ints
    """Position of the first letter where each value has its own; -1 elsewhere."""
    index: Ints
    """Row of the input table."""

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: Ints | Mask) -> Layout:
        """The chosen blocks."""
        return Layout(*(getattr(self, name)[which] for name in self.__slots__))

    def with_nulls(self, loads: list[Load]) -> Mask:
        """Which blocks hold a null."""
        found = np.zeros(len(self), dtype=np.bool_)
        for number, source in enumerate(loads):
            if source.valid is not None:
                mine = np.flatnonzero(self.load == number)
                before = np.r_[0, np.cumsum(~source.valid)]
                first = self.first[mine]
                found[mine] = before[first + self.length[mine]] > before[first]
        return found

    def overlaps(self, width: int) -> tuple[Ints, Mask]:
        """A number for each group of overlapping blocks, and which blocks are alone in theirs."""
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0, np.bool_)
        begin = self.row * width + self.slot
        order = np.argsort(begin)
        reach = np.maximum.accumulate((begin + self.length)[order])
        opens = np.r_[True, begin[order][1:] >= reach[:-1]]
        group = np.empty(len(self), dtype=np.int64)
        group[order] = np.cumsum(opens) - 1
        return group, np.bincount(group)[group] == 1


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings one by one: block, position in it, value [10^-6 kWh or kvarh], quality code."""

    block: Ints
    step: Ints
    value: Ints
    code: Codes

    @classmethod
    def of(cls, blocks: Layout, loads: list[Load], letters: Codes) -> Readings:
        """Every value of the blocks, which are in the order of their loads.

        Nulls and values of quality N are left out.
        """
        block = np.repeat(np.arange(len(blocks)), blocks.length)
        begin = np.cumsum(blocks.length) - blocks.length
        step = np.arange(len(block)) - begin[block]
        value = np.zeros(len(block), dtype=np.int64)
        there = np.ones(len(block), dtype=np.bool_)
        at = blocks.first[block] + step
        cuts = np.searchsorted(blocks.load, np.arange(len(loads) + 1))
        begin = np.r_[begin, len(block)][cuts]
        for source, low, high in zip(loads, begin[:-1], begin[1:], strict=True):
            value[low:high] = source.values[at[low:high]]
            if source.valid is not None:
                there[low:high] = source.valid[at[low:high]]
        code = blocks.code[block]
        if (blocks.letters >= 0).any():
            mixed = np.flatnonzero(blocks.letters[block] >= 0)
            code[mixed] = letters[blocks.letters[block[mixed]] + step[mixed]]
        there &= code > 0
        if there.all():
            return cls(block, step, value, code)
        return cls(block[there], step[there], value[there], code[there])


def load(chunk: Any) -> Load:
    """The flat values of a chunk of lists, without a copy."""
    child = chunk.values
    buffer = child.buffers()[1]
    if buffer is None:
        return Load(np.zeros(0, dtype=np.int64), None)
    flat = np.frombuffer(buffer, dtype=np.int64)[child.offset : child.offset + len(child)]
    valid = pc.is_valid(child).to_numpy(zero_copy_only=False) if child.null_count else None
    return Load(flat, valid)


def integers(column: Any) -> Ints:
    """A column of numbers, or of instants [s], as int64."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", tz=column.type.tz))
    array: Ints = column.cast(pa.int64()).to_numpy()
    return array


def text(column: Any) -> Any:
    """A column of text as one Arrow array, decoded where it is dictionary-encoded."""
    if column.type != pa.string():
        column = column.cast(pa.string())
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


def letters(column: Any) -> tuple[Codes, Ints, Ints, Mask]:
    """Quality letters as codes; where each block's begin, how many; which have an unknown one."""
    array = text(column)
    _, offsets, data = array.buffers()
    if not len(array):
        nothing = np.zeros(0, np.int64)
        return np.zeros(0, np.uint8), nothing, nothing, np.zeros(0, np.bool_)
    part = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    ends: Ints = part.astype(np.int64)
    codes = np.zeros(0, np.uint8) if data is None else _CODE[np.frombuffer(data, np.uint8)]
    bad = codes[: ends[-1]] == UNKNOWN
    before = np.r_[0, np.cumsum(bad)] if bad.any() else np.zeros(len(bad) + 1, dtype=np.int64)
    return codes, ends[:-1], np.diff(ends), before[ends[1:]] > before[ends[:-1]]


def bounds(column: Any) -> tuple[Ints, Ints, Ints]:
    """Chunk, position of the first value and number of values of each list."""
    number, first, length = [], [], []
    for position, chunk in enumerate(column.chunks):
        offsets = chunk.offsets.to_numpy().astype(np.int64)
        size = np.diff(offsets)
        if chunk.null_count:
            size = np.where(chunk.is_valid().to_numpy(zero_copy_only=False), size, 0)
        number.append(np.full(len(chunk), position, dtype=np.int64))
        first.append(offsets[:-1])
        length.append(size)
    if not number:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(number), np.concatenate(first), np.concatenate(length)
