"""The store: what a workspace knows of readings and master data, as one SHA-256.

It covers the winning reading of every slot, the register readings, the remarks and the master
data. How they came (files, their headers and names, lines, order, loads), how they are cut into
blocks, stretches and files, and what they won against does not count: two stores that bill the
same have the same.

The digest is that of the lines `KIND TAB MONTH TAB SHA-256`, sorted by bytes (`parts`); for master
data the table's name stands where the month is. Months are those of UTC.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally import control
from gridtally.store import files, readings
from gridtally.store.digest import table_digest
from gridtally.store.master import load
from gridtally.store.publish import Seen, seen
from gridtally.store.readings import Entry
from gridtally.store.slots import KEYS, expand, find, keys, winners
from gridtally.store.snapshot import Snapshot

__all__ = ["digest_of", "parts", "remembered_state", "state_digest"]

Ints = npt.NDArray[np.int64]
_ROW = np.dtype([("at", "<i8"), ("value", "<i8"), ("version", "<i8"), ("rank", "u1")])
"""A slot as it is hashed: start [UTC s], value [10^-6], version, quality rank."""
_MEMORY = ".state.json"
_RULE = "1"
"""Counts on when a digest is made otherwise: what is remembered is then forgotten."""
_NOTHING = "nothing"
_WHERE = {"load_seq", "source", "line"}
_SAID = ("metering_point", "channel", "key", "value")


def state_digest(snap: Snapshot) -> str:
    """The state of the store in a snapshot, 64 hex digits."""
    return digest_of(parts(snap))


def digest_of(parts: dict[tuple[str, str], str]) -> str:
    """The state that consists of these parts."""
    lines = sorted("\t".join((*key, digest)) + "\n" for key, digest in parts.items())
    return hashlib.sha256("".join(["gridtally state 1\n", *lines]).encode()).hexdigest()


def remembered_state(snap: Snapshot) -> str:
    """`state_digest`, where only months with other files than the last time are read.

    What stands in a stored file is taken to be what was stored; `gridtally check` looks.
    """
    path = snap.workspace.path / _MEMORY
    memory: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        memory = json.loads(path.read_bytes())
    used: dict[str, str] = {}
    digest = digest_of(parts(snap, memory=(memory, used)))
    if used != memory:
        with contextlib.suppress(OSError):  # a workspace that may only be read
            files.write(path, json.dumps(used).encode())
    return digest


def parts(
    snap: Snapshot,
    store: Seen | None = None,
    *,
    memory: tuple[Mapping[str, str], dict[str, str]] = ({}, {}),
) -> dict[tuple[str, str], str]:
    """(kind, month) -> digest of the readings; ("master", table) -> digest of the table.

    `store`: other readings than those of the snapshot. `memory`: digests of months by the files
    that they were made of, as they are known, and as they were used.
    """
    found = _stored(store or seen(snap), memory, buckets=snap.workspace.settings.buckets)
    if control.models.MasterTable.objects.filter(version_id=snap.master_seq).exists():
        tables = load(snap.workspace, snap.master_seq, personal=True)
        found |= {("master", n): table_digest(t) for n, t in tables.items() if t.num_rows}
    return found


def _stored(
    store: Seen, memory: tuple[Mapping[str, str], dict[str, str]], *, buckets: int
) -> dict[tuple[str, str], str]:
    making = {"blocks": _blocks, "registers": _dials, "remarks": _remarks}
    found = {}
    for kind, make in making.items():
        for month, start, end in _months(store, kind):
            near = store.find(kind=kind, start_utc=start, end_utc=end)
            key = _key(month, near)
            there = all((store.root / entry.path).exists() for entry in near)
            if not (digest := memory[0].get(key, "") if there else ""):
                some = (
                    make(_read(store, kind, bucket, start, end), start, end)
                    for bucket in range(buckets)
                )
                filled = [table for table in some if table.num_rows]
                digest = table_digest(pa.concat_tables(filled)) if filled else _NOTHING
            memory[1][key] = digest
            if digest != _NOTHING:
                found[kind, month] = digest
    return found


def _key(month: str, near: list[Entry]) -> str:
    """What decides on the digest of a month: the files that may have readings of it."""
    named = sorted(f"{entry.kind} {entry.digest} {entry.upto}" for entry in near)
    return hashlib.sha256("\n".join([_RULE, month, *named]).encode()).hexdigest()


def _months(store: Seen, kind: str) -> Iterator[tuple[str, int, int]]:
    """The months of UTC in which something is stored, and their bounds [s]."""
    held: set[int] = set()
    for entry in store.find(kind=kind):
        first, last = np.array([entry.first_utc, entry.last_utc - 1], "M8[s]").astype("M8[M]")
        held.update(range(first.astype(int), last.astype(int) + 1))
    for number in sorted(held):
        month = np.datetime64(number, "M")
        start, end = (int((month + n).astype("M8[s]").astype(np.int64)) for n in (0, 1))
        yield str(month), start, end


def _read(store: Seen, kind: str, bucket: int, start: int, end: int) -> pa.Table:
    near = store.find(kind=kind, buckets=[bucket], start_utc=start, end_utc=end)
    columns = readings.BLOCK_COLUMNS if kind == "blocks" else None
    return readings.read(store.root, near, kind=kind, columns=columns, start_utc=start, end_utc=end)


def _blocks(table: pa.Table, start: int, end: int) -> pa.Table:
    """A row per metering point, channel and resolution: number of readings, and their SHA-256."""
    slots = expand(table, kind="blocks")
    slots.there &= (slots.at >= start) & (slots.at < end)
    (key,) = keys([table], KEYS["blocks"])
    best = winners(slots, key)
    if not len(best):
        return pa.table({})
    rows = np.zeros(len(best), _ROW)
    for name in ("at", "value", "version", "rank"):
        rows[name] = getattr(slots, name)[best]
    of = key[slots.row[best]]
    first = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])
    data, cuts = memoryview(rows.tobytes()), [*(first * _ROW.itemsize).tolist(), rows.nbytes]
    hashes = [hashlib.sha256(data[a:b]).hexdigest() for a, b in pairwise(cuts)]
    named = table.select(KEYS["blocks"]).take(pa.array(slots.row[best[first]]))
    counts = np.diff(np.r_[first, len(best)])
    return named.append_column("count", pa.array(counts)).append_column("sha256", pa.array(hashes))


def _dials(table: pa.Table, start: int, end: int) -> pa.Table:
    """The readings that nothing ranks above, each once, whatever else was said with them."""
    slots = expand(table, kind="registers")
    (key,) = keys([table], KEYS["registers"])
    best = winners(slots, key)
    columns = (key, slots.at, slots.rank, slots.version)
    wins = find([column[best] for column in columns], columns)[1] & slots.there
    return _once(table.filter(pa.array(wins)))


def _remarks(table: pa.Table, start: int, end: int) -> pa.Table:
    """What was said about each stretch of the month, whatever the rows in which it was said.

    A sender's day-by-day remarks and one for the whole month say the same.
    """
    about = pc.or_(pc.ends_with(table["key"], ".header"), pc.starts_with(table["key"], "mapped."))
    table = table.filter(pc.invert(about))
    (said,) = keys([table], _SAID)
    low, high = (readings.seconds(table[name]) for name in ("start_utc", "end_utc"))
    inside = (low < end) & (np.maximum(high, low + 1) > start)
    low, high = np.maximum(low, start)[inside], np.minimum(high, end)[inside]
    order = np.lexsort((high, low, said[inside]))
    row, low, high = np.flatnonzero(inside)[order], low[order], high[order]
    base = said[row] << 34
    until = np.maximum.accumulate(base + high) if len(row) else base
    first = np.ones(len(row), dtype=np.bool_)
    first[1:] = (base + low)[1:] > until[:-1]
    cuts = np.flatnonzero(first)
    ends = np.maximum.reduceat(high, cuts) if len(cuts) else high
    found = table.select(_SAID).take(pa.array(row[cuts]))
    return found.append_column("start", pa.array(low[cuts])).append_column("end", pa.array(ends))


def _once(table: pa.Table) -> pa.Table:
    names = [name for name in table.column_names if name not in _WHERE]
    unique = table.select(names).group_by(names, use_threads=False).aggregate([])
    return unique.filter(pc.is_valid(unique["metering_point"]))
