"""The store: readings that arrive, against those that are stored for the same slots.

Per slot: the same value again is counted and left out; a better rank or a newer declared version
supersedes; another value with neither is a conflict, and the stored one stays
(`bad-inputs` M46-M48). A version that loses by rank or version is kept, and never wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.periods import iso_utc
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["Compared", "compare_blocks", "compare_registers"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_CODE = np.zeros(256, dtype=np.int64)
_CODE[[ord(letter) for letter in "NESA"]] = np.arange(4)


@dataclass(frozen=True, slots=True)
class Compared:
    """What is left to store, how many readings were left out, and why."""

    table: pa.Table
    repeated: int
    conflicting: int
    findings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Slots:
    """Readings one by one: the row they stand in, time [s], value, rank, version, load."""

    row: Ints
    at: Ints
    value: Ints
    rank: Ints
    version: Ints
    load: Ints
    there: Mask


def compare_blocks(new: pa.Table, stored: pa.Table, *, file: str) -> Compared:
    """Blocks of one delivery against stored blocks: repeated and conflicting slots become null."""
    key_new, key_old = _keys(new, stored, ("metering_point", "channel", "resolution_s"))
    mine, theirs = _block_slots(new), _block_slots(stored)
    same, conflict, _ = _decide(mine, key_new, theirs, key_old)
    if not (same.any() or conflict.any()):
        return Compared(new, 0, 0, [])
    values = np.where(mine.there, mine.value, 0)
    keep = mine.there & ~same & ~conflict
    lists = pc.list_value_length(new["values"]).combine_chunks()
    offsets = np.concatenate([[0], np.cumsum(pc.fill_null(lists, 0).to_numpy())])
    cleaned = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(values, pa.int64(), mask=~keep)
    )
    table = new.set_column(
        new.schema.get_field_index("values"), new.schema.field("values"), cleaned
    )
    full = np.bincount(mine.row[keep], minlength=new.num_rows) > 0
    findings = _conflicts(new, mine, conflict, file=file, what=("metering_point", "channel"))
    return Compared(table.filter(pa.array(full)), int(same.sum()), int(conflict.sum()), findings)


def compare_registers(new: pa.Table, stored: pa.Table, *, file: str) -> Compared:
    """Register readings of one delivery against stored ones."""
    key_new, key_old = _keys(new, stored, ("metering_point", "meter", "register"))
    mine, theirs = _dial_slots(new), _dial_slots(stored)
    same, conflict, _ = _decide(mine, key_new, theirs, key_old)
    findings = _conflicts(new, mine, conflict, file=file, what=("metering_point", "register"))
    table = new.filter(pa.array(~same & ~conflict))
    return Compared(table, int(same.sum()), int(conflict.sum()), findings)


def _keys(new: pa.Table, stored: pa.Table, names: tuple[str, ...]) -> tuple[Ints, Ints]:
    """One integer per row; rows of both tables with the same text have the same."""
    both = pa.concat_tables([new.select(names), stored.select(names)])
    key = np.zeros(both.num_rows, dtype=np.int64)
    for name in names:
        encoded = pc.dictionary_encode(both[name].combine_chunks())
        key = key * max(1, len(encoded.dictionary)) + encoded.indices.to_numpy()
    return key[: new.num_rows], key[new.num_rows :]


def _block_slots(blocks: pa.Table) -> _Slots:
    lists = blocks["values"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    row = np.repeat(np.arange(blocks.num_rows), lengths)
    step = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    flat = pc.list_flatten(lists)
    resolution = blocks["resolution_s"].to_numpy().astype(np.int64)
    return _Slots(
        row=row,
        at=blocks["start_utc"].cast(pa.int64()).to_numpy()[row] + step * resolution[row],
        value=pc.fill_null(flat, 0).to_numpy(),
        rank=_ranks(blocks["quality"].combine_chunks(), row, step),
        version=_or_zero(blocks["version"])[row],
        load=_or_zero(blocks["load_seq"])[row],
        there=pc.is_valid(flat).to_numpy(zero_copy_only=False),
    )


def _ranks(quality: pa.Array, row: Ints, step: Ints) -> Ints:
    """Quality rank of each value: a block has one letter for all, or one per value."""
    letters = _CODE[np.frombuffer("".join(quality.to_pylist()).encode(), dtype=np.uint8)]
    lengths = pc.binary_length(quality).to_numpy().astype(np.int64)
    first = np.cumsum(lengths) - lengths
    ranks: Ints = letters[first[row] + np.where(lengths[row] > 1, step, 0)]
    return ranks


def _dial_slots(readings: pa.Table) -> _Slots:
    count = readings.num_rows
    letters = "".join(readings["quality"].to_pylist()).encode()
    return _Slots(
        row=np.arange(count),
        at=readings["time_utc"].cast(pa.int64()).to_numpy(),
        value=readings["reading"].to_numpy(),
        rank=_CODE[np.frombuffer(letters, dtype=np.uint8)],
        version=_or_zero(readings["version"]),
        load=_or_zero(readings["load_seq"]),
        there=np.ones(count, dtype=np.bool_),
    )


def _or_zero(column: Any) -> Ints:
    filled: Ints = pc.fill_null(column, 0).to_numpy()
    return filled


def _decide(mine: _Slots, key_new: Ints, theirs: _Slots, key_old: Ints) -> tuple[Mask, Mask, Mask]:
    """Which new readings are repeated, in conflict, superseding."""
    order = np.lexsort((theirs.load, theirs.version, theirs.rank, theirs.at, key_old[theirs.row]))
    order = order[theirs.there[order]]
    key, at = key_old[theirs.row][order], theirs.at[order]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (np.diff(key) != 0) | (np.diff(at) != 0)
    winner = order[last]
    place, found = _find(key[last], at[last], key_new[mine.row], mine.at)
    found &= mine.there
    old = winner[place] if len(winner) else np.zeros(len(mine.row), dtype=np.int64)
    if not len(winner):
        nothing = np.zeros(len(mine.row), dtype=np.bool_)
        return nothing, nothing, nothing
    equal = found & (theirs.value[old] == mine.value) & (theirs.rank[old] == mine.rank)
    tie = (theirs.rank[old] == mine.rank) & (theirs.version[old] == mine.version)
    better = (mine.rank > theirs.rank[old]) | (
        (mine.rank == theirs.rank[old]) & (mine.version > theirs.version[old])
    )
    return equal, found & ~equal & tie, found & ~equal & better


def _find(key: Ints, at: Ints, key_wanted: Ints, at_wanted: Ints) -> tuple[Ints, Mask]:
    """Position of each wanted (key, at) among sorted ones, and whether it is there."""
    if not len(key):
        return np.zeros(len(key_wanted), np.int64), np.zeros(len(key_wanted), np.bool_)
    low = min(int(at.min()), int(at_wanted.min(initial=at[0])))
    width = max(int(at.max()), int(at_wanted.max(initial=at[0]))) - low + 1
    have, want = key * width + (at - low), key_wanted * width + (at_wanted - low)
    place = np.minimum(np.searchsorted(have, want), len(have) - 1)
    return place, have[place] == want


def _conflicts(
    new: pa.Table, mine: _Slots, conflict: Mask, *, file: str, what: tuple[str, str]
) -> list[dict[str, Any]]:
    """One finding per metering point and channel or dial."""
    if not conflict.any():
        return []
    rows = mine.row[conflict]
    first = pa.table({
        "point": new[what[0]].take(pa.array(rows)), "what": new[what[1]].take(pa.array(rows)),
        "line": new["line"].take(pa.array(rows)), "at": mine.at[conflict],
    })  # fmt: skip
    groups = first.group_by(["point", "what"], use_threads=False).aggregate(
        [("at", "min"), ("at", "max"), ("at", "count"), ("line", "min")]
    )
    return [_conflict(row, file=file, channel=what[1] == "channel") for row in groups.to_pylist()]


def _conflict(row: dict[str, Any], *, file: str, channel: bool) -> dict[str, Any]:
    return finding(
        "intake.reading.conflict",
        Severity.WARN,
        f"{row['at_count']} readings of {row['point']} ({row['what']}) from "
        f"{iso_utc(row['at_min'])} on differ from stored ones, and neither says that it is newer. "
        "The stored ones stay.",
        remedy="Ask the sender which are right. If these are, deliver them with a version mark, "
        "or receive the file as a correction.",
        file=file,
        line=row["line_min"],
        metering_point=row["point"],
        channel=row["what"] if channel else "",
        start_utc=row["at_min"],
        end_utc=row["at_max"] + 1,
        count=row["at_count"],
    )
