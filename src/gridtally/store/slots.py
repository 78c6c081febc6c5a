"""The store: readings one by one, as columns, and which of them wins in each slot.

A slot is a channel's interval, or a dial's instant. Its winner has the higher quality rank, then
the higher declared version, then the later load (DESIGN 5); quality N is no reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.store.readings import seconds

__all__ = ["KEYS", "LETTERS", "Slots", "expand", "find", "keys", "or_zero", "winners"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LETTERS = "NESA"
"""Quality letters by rank."""
KEYS = {
    "blocks": ("metering_point", "channel", "resolution_s"),
    "registers": ("metering_point", "meter", "register"),
}
"""What a slot belongs to, beside its time."""
_CODE = np.zeros(256, dtype=np.int64)
_CODE[[ord(letter) for letter in LETTERS]] = np.arange(4)


@dataclass(slots=True)
class Slots:
    """Readings in the order of their rows, all of shape (n,); where not `there`, no reading."""

    row: Ints
    at: Ints
    """[UTC s]"""
    value: Ints
    rank: Ints
    version: Ints
    load: Ints
    there: Mask


def expand(table: pa.Table, *, kind: str) -> Slots:
    """The readings of BLOCKS or REGISTER_READINGS."""
    return _blocks(table) if kind == "blocks" else _dials(table)


def _blocks(blocks: pa.Table) -> Slots:
    lists = blocks["values"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    row = np.repeat(np.arange(blocks.num_rows), lengths)
    step = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    flat = pc.list_flatten(lists)
    resolution = blocks["resolution_s"].to_numpy().astype(np.int64)
    rank = _ranks(blocks["quality"].combine_chunks(), row, step)
    return Slots(
        row=row,
        at=seconds(blocks["start_utc"])[row] + step * resolution[row],
        value=pc.fill_null(flat, 0).to_numpy(),
        rank=rank,
        version=or_zero(blocks["version"])[row],
        load=or_zero(blocks["load_seq"])[row],
        there=pc.is_valid(flat).to_numpy(zero_copy_only=False) & (rank > 0),
    )


def _ranks(quality: pa.Array, row: Ints, step: Ints) -> Ints:
    """Quality rank of each value: a block has one letter for all, or one per value."""
    letters = _CODE[np.frombuffer("".join(quality.to_pylist()).encode(), dtype=np.uint8)]
    lengths = pc.binary_length(quality).to_numpy().astype(np.int64)
    first = np.cumsum(lengths) - lengths
    ranks: Ints = letters[first[row] + np.where(lengths[row] > 1, step, 0)]
    return ranks


def _dials(readings: pa.Table) -> Slots:
    letters = "".join(readings["quality"].to_pylist()).encode()
    rank = _CODE[np.frombuffer(letters, dtype=np.uint8)]
    return Slots(
        row=np.arange(readings.num_rows),
        at=seconds(readings["time_utc"]),
        value=readings["reading"].to_numpy(),
        rank=rank,
        version=or_zero(readings["version"]),
        load=or_zero(readings["load_seq"]),
        there=rank > 0,
    )


def or_zero(column: Any) -> Ints:
    """A column of whole numbers, 0 where it is null."""
    filled: Ints = pc.fill_null(column, 0).to_numpy()
    return filled


def keys(tables: Sequence[pa.Table], names: Sequence[str]) -> list[Ints]:
    """One integer per row of each table; rows with the same cells have the same, from 0 on."""
    whole = pa.concat_tables([table.select(names) for table in tables])
    key = np.zeros(whole.num_rows, dtype=np.int64)
    for name in names:
        encoded = pc.dictionary_encode(whole[name].combine_chunks(), null_encoding="encode")
        key = key * max(1, len(encoded.dictionary)) + encoded.indices.to_numpy()
        key = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return np.split(key, np.cumsum([table.num_rows for table in tables])[:-1])


def winners(slots: Slots, key: Ints) -> Ints:
    """Positions of the winners, in the order of key and time. `key` is that of each row."""
    order = np.flatnonzero(slots.there)
    of, at = key[slots.row[order]], slots.at[order]
    ahead = (of[1:] > of[:-1]) | ((of[1:] == of[:-1]) & (at[1:] > at[:-1]))
    if ahead.all():
        return order  # sorted, and nothing is there twice
    ranked = (slots.load[order], slots.version[order], slots.rank[order], at, of)
    order, of, at = (column[np.lexsort(ranked)] for column in (order, of, at))
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (of[1:] != of[:-1]) | (at[1:] != at[:-1])
    best: Ints = order[last]
    return best


def find(have: Sequence[Ints], want: Sequence[Ints]) -> tuple[Ints, Mask]:
    """The place of each wanted tuple among sorted ones (the last of equals), and if it is there."""
    if not len(have[0]) or not len(want[0]):
        return np.zeros(len(want[0]), np.int64), np.zeros(len(want[0]), np.bool_)
    mine, asked = have[0], want[0]
    for columns in zip(have[1:], want[1:], strict=True):
        (mine, asked), (low, low_asked) = _small(mine, asked, 24), _small(*columns, 36)
        width = int(max(low.max(), low_asked.max())) + 1
        mine, asked = mine * width + low, asked * width + low_asked
    place = np.maximum(np.searchsorted(mine, asked, side="right") - 1, 0)
    return place, mine[place] == asked


def _small(mine: Ints, asked: Ints, bits: int) -> tuple[Ints, Ints]:
    """Two columns as numbers from 0 on that fit, with the same order and the same equalities."""
    low, high = min(int(mine.min()), int(asked.min())), max(int(mine.max()), int(asked.max()))
    if high - low < 1 << bits:
        return mine - low, asked - low
    known, code = np.unique(mine, return_inverse=True)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return code.astype(np.int64), np.where(known[place] == asked, place, len(known))
