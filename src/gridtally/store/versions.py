"""The store: readings that arrive, against those that are stored for the same slots.

Per slot: the same value again is counted and left out; a better rank or a newer declared version
supersedes; another value with neither is a conflict, and the stored one stays
(`bad-inputs` M46-M48). A version that loses by rank or version is kept, and never wins. One that
confirms a value is kept too when it is newer: else a later arrival between the two would win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.periods import iso_utc
from gridtally.store import readings
from gridtally.store.slots import KEYS, Slots, expand, find, keys, or_zero, winners
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["Compared", "compare", "spans", "unsaid", "with_mark"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_WHERE = ("load_seq", "source", "line")
_SAID = ("channel", "bucket", "kind", "digits", "multiplier", "reason")
"""What a register reading says beside its value: with other words it is another row."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What is left to store, how many readings were left out or supersede, and why."""

    table: pa.Table
    repeated: int
    """were there already; the newer ones among them are kept, and are `confirmed`"""
    confirmed: int
    conflicting: int
    superseding: int
    rows: tuple[int, int, int]
    """rows of which all readings are repeated, any conflicts, any supersedes"""
    findings: list[dict[str, Any]]
    touched: pa.Table
    """metering_point, first, last [s]: where the winning value or quality changes"""


@dataclass(frozen=True, slots=True)
class _Decided:
    """What becomes of each new reading."""

    same: Mask
    confirm: Mask
    """newer than what stands, and says the same"""
    conflict: Mask
    better: Mask
    """newer or of better quality than what stands, and says something else"""
    changed: Mask
    """the value or quality that wins in its slot is another one now"""


def compare(
    new: pa.Table, stored: pa.Table, *, kind: str, file: str, mark: int | None = None
) -> Compared:
    """Readings of one delivery against stored ones; `kind` is blocks or registers.

    In blocks, repeated and conflicting slots become null. `mark`: the version that the receiver
    gives to readings without one; such a reading that confirms what stands is repeated.
    """
    marked = np.zeros(new.num_rows, dtype=np.bool_)
    if mark is not None:
        marked = or_zero(new["version"]) == 0
        new = with_mark(new, mark)
    mine, theirs = expand(new, kind=kind), expand(stored, kind=kind)
    slot = keys((new, stored), KEYS[kind])
    words = keys((new, stored), _SAID) if kind == "registers" else [row * 0 for row in slot]
    decided = _decide((mine, theirs), slot=slot, words=words, marked=marked[mine.row])
    left = ~decided.same & ~decided.conflict
    return Compared(
        table=_without(new, mine, left) if kind == "blocks" else new.filter(pa.array(left)),
        repeated=int(decided.same.sum() + decided.confirm.sum()),
        confirmed=int(decided.confirm.sum()),
        conflicting=int(decided.conflict.sum()),
        superseding=int(decided.better.sum()),
        rows=_rows(mine, decided, count=new.num_rows),
        findings=_conflicts(new, mine, decided.conflict, file=file, kind=kind),
        touched=_touched(new, mine, decided.changed, kind=kind),
    )


def _rows(mine: Slots, decided: _Decided, *, count: int) -> tuple[int, int, int]:
    """Rows by what becomes of their readings; each under the first that fits."""

    def of(which: Mask) -> Ints:
        found: Ints = np.bincount(mine.row[which], minlength=count)
        return found

    conflict = of(decided.conflict) > 0
    there = of(mine.there)
    same = (there > 0) & (of(decided.same | decided.confirm) == there)
    better = (of(decided.better) > 0) & ~conflict
    return int(same.sum()), int(conflict.sum()), int(better.sum())


def with_mark(table: pa.Table, mark: int) -> pa.Table:
    """Readings whose sender gave no version mark get that of the receiver."""
    given = or_zero(table["version"])
    marked = pa.array(np.where(given == 0, mark, given), pa.int64())
    place = table.schema.get_field_index("version")
    return table.set_column(place, table.schema.field("version"), marked)


def spans(table: pa.Table, *, kind: str) -> pa.Table:
    """Where readings lie, by row: metering_point, first, last [s].

    A dial reading ends one period and begins the next: it touches the seconds on both sides.
    """
    first, last = readings.span_utc(table, kind)
    early = first - 1 if kind == "registers" else first
    return pa.table({"metering_point": table["metering_point"], "first": early, "last": last})


def unsaid(new: pa.Table, stored: pa.Table) -> pa.Table:
    """Remarks that nobody made before, each once."""
    names = [name for name in new.column_names if name not in _WHERE]
    rows = new.append_column("row", pa.array(np.arange(new.num_rows)))
    once = rows.group_by(names, use_threads=False).aggregate([("row", "min")])
    fresh = once.join(stored.select(names), names, join_type="left anti", use_threads=False)
    return new.take(pa.array(np.sort(fresh["row_min"].to_numpy())))


def _decide(
    both: tuple[Slots, Slots], *, slot: list[Ints], words: list[Ints], marked: Mask
) -> _Decided:
    """New readings against stored ones; `slot` and `words` are numbers of their rows."""
    mine, theirs = both
    best = winners(theirs, slot[1])
    at = (slot[1][theirs.row], theirs.at), (slot[0][mine.row], mine.at)
    place, found = find([column[best] for column in at[0]], at[1])
    found &= mine.there
    if not found.any():
        return _Decided(found, found, found, found, mine.there)
    win = best[place]
    stands = found & (theirs.value[win] == mine.value) & (theirs.rank[win] == mine.rank)
    spoken = stands & (words[1][theirs.row[win]] == words[0][mine.row])
    alike = found & (theirs.rank[win] == mine.rank) & (theirs.version[win] == mine.version)
    conflict = alike & ~stands
    same = spoken & (alike | marked)
    # What lost, or was said in other words, is looked through only where the winner is another.
    left = np.flatnonzero(found & ~same)
    beaten = np.setdiff1d(np.flatnonzero(theirs.there), best)
    if len(left) and len(beaten):
        columns = (*at[0], theirs.rank, theirs.version, theirs.value, words[1][theirs.row])
        asked = (*at[1], mine.rank, mine.version, mine.value, words[0][mine.row])
        beaten = beaten[np.lexsort([column[beaten] for column in reversed(columns)])]
        have, want = [c[beaten] for c in columns], [c[left] for c in asked]
        same[left] |= find(have, want)[1]
        known, valued = find(have[:4], want[:4])[1], find(have[:5], want[:5])[1]
        conflict[left] |= known & ~valued
    newer = found & ~same & ~conflict & _outranks(mine, theirs, win)
    better = newer & ~stands
    return _Decided(same, newer & stands, conflict, better, mine.there & (~found | better))


def _outranks(mine: Slots, theirs: Slots, win: Ints) -> Mask:
    """Whether a new reading wins over the stored winner of its slot."""
    rank, version = theirs.rank[win], theirs.version[win]
    newer: Mask = (mine.rank > rank) | ((mine.rank == rank) & (mine.version > version))
    return newer


def _without(new: pa.Table, mine: Slots, left: Mask) -> pa.Table:
    """Blocks with null in the slots that are left out; without those that have no value left."""
    keep = mine.there & left
    if (keep == mine.there).all():
        return new
    lengths = pc.fill_null(pc.list_value_length(new["values"].combine_chunks()), 0).to_numpy()
    values = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()),
        pa.array(np.where(mine.there, mine.value, 0), pa.int64(), mask=~keep),
    )
    place = new.schema.get_field_index("values")
    full = np.bincount(mine.row[keep], minlength=new.num_rows) > 0
    return new.set_column(place, new.schema.field("values"), values).filter(pa.array(full))


def _touched(new: pa.Table, mine: Slots, changed: Mask, *, kind: str) -> pa.Table:
    """The rows in which a winner changes, from the first such instant to the last."""
    row, at = mine.row[changed], mine.at[changed]
    which, begin = np.unique(row, return_index=True)  # slots come in the order of their rows
    whole = spans(new.take(pa.array(which)), kind=kind)
    if kind == "registers" or not len(which):
        return whole
    step = new["resolution_s"].to_numpy()[which]
    low, high = np.minimum.reduceat(at, begin), np.maximum.reduceat(at, begin) + step
    return pa.table({"metering_point": whole["metering_point"], "first": low, "last": high})


def _conflicts(
    new: pa.Table, mine: Slots, conflict: Mask, *, file: str, kind: str
) -> list[dict[str, Any]]:
    """One finding per metering point and channel or dial."""
    if not conflict.any():
        return []
    rows = pa.array(mine.row[conflict])
    what = "channel" if kind == "blocks" else "register"
    first = pa.table({
        "point": new["metering_point"].take(rows), "what": new[what].take(rows),
        "line": new["line"].take(rows), "at": mine.at[conflict],
    })  # fmt: skip
    groups = first.group_by(["point", "what"], use_threads=False).aggregate(
        [("at", "min"), ("at", "max"), ("at", "count"), ("line", "min")]
    )
    return [_conflict(row, file=file, channel=kind == "blocks") for row in groups.to_pylist()]


def _conflict(row: dict[str, Any], *, file: str, channel: bool) -> dict[str, Any]:
    return finding(
        "intake.reading.conflict",
        Severity.WARN,
        f"{row['at_count']} readings of {row['point']} ({row['what']}) from "
        f"{iso_utc(row['at_min'])} on differ from stored ones, and neither says that it is newer. "
        "The stored ones stay.",
        remedy="Ask the sender which are right. If these are, deliver them with a version mark, "
        "or take them with `gridtally quarantine retry ITEM --correction --reason TEXT`.",
        file=file,
        line=row["line_min"],
        metering_point=row["point"],
        channel=row["what"] if channel else "",
        start_utc=row["at_min"],
        end_utc=row["at_max"] + 1,
        count=row["at_count"],
    )
