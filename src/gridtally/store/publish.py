"""The store: a load is prepared as files, then published by one SQL transaction.

Until that transaction commits nobody sees the files; when it never does they are rubbish.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Max

from gridtally import control
from gridtally.control.database import insert
from gridtally.store import files, readings, snapshot, versions
from gridtally.store.partition import buckets_of
from gridtally.store.readings import Entry

__all__ = [
    "Prepared",
    "Seen",
    "is_stale",
    "prepare",
    "present",
    "publish",
    "remarks",
    "said_since",
    "seen",
]


_TOGETHER = 64
"""Files that are written at once."""
_NEAR = {"blocks": 0, "registers": 0, "remarks": 31 * 86_400}
"""How far away [s] something may touch what is delivered: a series goes on from its last row."""


@dataclass(slots=True)
class Prepared:
    """Files that wait to be published, and what was found when they were made."""

    seen_seq: int
    entries: list[Entry] = field(default_factory=list)
    readings: int = 0
    repeated: int = 0
    conflicting: int = 0
    superseding: int = 0
    rows: tuple[int, int, int] = (0, 0, 0)
    """of blocks and dial readings: all repeated, in conflict, superseding"""
    findings: list[dict[str, Any]] = field(default_factory=list)
    points: dict[str, pa.Array] = field(default_factory=dict)
    """the metering points of each file, by its path"""
    touched: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    """by kind: metering_point, first, last [s] of where the winning readings change"""


@dataclass(frozen=True, slots=True)
class Seen:
    """The stored readings that a delivery is compared with."""

    load_seq: int
    root: Path
    find: Callable[..., list[Entry]]
    """Entries by kind, buckets, start_utc, end_utc"""


def seen(snap: snapshot.Snapshot) -> Seen:
    """What a snapshot sees."""
    return Seen(snap.load_seq, snap.workspace.path, partial(snapshot.entries, snap))


def prepare(
    tables: Mapping[str, pa.Table],
    *,
    store: Seen,
    buckets: int,
    source: str,
    name: str,
    mark: int | None = None,
    watch: Callable[[str, pa.Table], None] | None = None,
) -> Prepared:
    """Compare new readings with stored ones and write what is new as files.

    `tables` by kind: blocks, registers, remarks. `mark`: see `versions.compare`. `watch` is shown
    each part that will be stored, with its kind.
    """
    result = Prepared(store.load_seq)
    waiting: dict[Path, memoryview] = {}
    for kind, table in tables.items():
        if not table.num_rows:
            continue
        near = _near(store, table, kind=kind)
        for month, bucket, part in readings.cut(table, kind=kind, buckets=buckets):
            left = _new(near, part, kind=kind, bucket=bucket, name=name, mark=mark, result=result)
            if left.num_rows:
                if watch is not None:
                    watch(kind, left)
                entry, data = readings.encode(
                    left, kind=kind, source=source, month=month, bucket=bucket
                )
                result.entries.append(entry)
                result.points[entry.path] = pc.unique(left["metering_point"])
                waiting[store.root / entry.path] = data
            if len(waiting) >= _TOGETHER:
                files.write_many(waiting)
                waiting.clear()
    files.write_many(waiting)
    return result


def _near(store: Seen, table: pa.Table, *, kind: str) -> Seen:
    """The same store, its manifest asked once for the whole span of a delivery."""
    first, last = readings.span_utc(table, kind)
    every: dict[int, list[Entry]] = {}
    for entry in store.find(kind=kind, start_utc=int(first.min()), end_utc=int(last.max())):
        every.setdefault(entry.bucket, []).append(entry)

    def find(*, buckets: Sequence[int], start_utc: int, end_utc: int, **_: Any) -> list[Entry]:
        mine = (entry for bucket in buckets for entry in every.get(bucket, ()))
        return [one for one in mine if one.first_utc < end_utc and one.last_utc > start_utc]

    return Seen(store.load_seq, store.root, find)


def _new(
    store: Seen,
    part: pa.Table,
    *,
    kind: str,
    bucket: int,
    name: str,
    mark: int | None,
    result: Prepared,
) -> pa.Table:
    """What of a part is to be stored; what became of the rest is counted in `result`."""
    stored = _stored(store, part, kind=kind, bucket=bucket)
    if kind == "remarks":
        return versions.unsaid(part, stored)
    known = pc.is_in(part["metering_point"], pc.unique(stored["metering_point"]))
    mine, rest = part.filter(known), part.filter(pc.invert(known))
    left = rest = rest if mark is None else versions.with_mark(rest, mark)
    result.touched[kind].append(versions.spans(rest, kind=kind))
    if mine.num_rows:
        compared = versions.compare(mine, stored, kind=kind, file=name, mark=mark)
        result.repeated += compared.repeated
        result.readings -= compared.confirmed
        result.conflicting += compared.conflicting
        result.superseding += compared.superseding
        one, two, three = (old + new for old, new in zip(result.rows, compared.rows, strict=True))
        result.rows = one, two, three
        result.findings += compared.findings
        result.touched[kind].append(compared.touched)
        left = readings.ordered(pa.concat_tables([rest, compared.table]), kind=kind)
    if kind == "blocks":
        flat = pc.list_flatten(left["values"])
        result.readings += len(flat) - flat.null_count
    else:
        result.readings += left.num_rows
    return left


def _stored(store: Seen, part: pa.Table, *, kind: str, bucket: int) -> pa.Table:
    """Stored readings of the same metering points and time. Files without any are not decoded."""
    first, last = readings.span_utc(part, kind)
    start, end = int(first.min()), int(last.max())
    points = pc.unique(part["metering_point"])
    files_of = store.find(kind=kind, buckets=[bucket], start_utc=start, end_utc=end)
    near = [entry for entry in files_of if readings.mentions(store.root / entry.path, points)]
    return readings.read(
        store.root, near, kind=kind, points=points.to_pylist(), start_utc=start, end_utc=end
    )


def remarks(
    store: Seen, points: Sequence[str], start_utc: int, end_utc: int, *, buckets: int
) -> pa.Table:
    """REMARKS of some metering points that touch a span [s]."""
    where = sorted(set(buckets_of(points, buckets).tolist()))
    span: dict[str, Any] = {"start_utc": start_utc, "end_utc": end_utc}
    near = store.find(kind="remarks", buckets=where, **span)
    return readings.read(store.root, near, kind="remarks", points=points, **span)


def is_stale(prepared: Prepared, *, root: Path) -> bool:
    """Whether somebody published readings of the same points and time since they were compared."""
    newest = control.models.Load.objects.aggregate(last=Max("seq"))["last"] or 0
    return newest > prepared.seen_seq and any(
        _came(e.kind, e.bucket, (e.first_utc, e.last_utc), prepared.points[e.path],
              root=root, loads=(prepared.seen_seq, newest))
        for e in prepared.entries
    )  # fmt: skip


def said_since(after: int, said: pa.Table, store: Seen, *, buckets: int) -> bool:
    """Whether others made remarks near these, after a load and before what `store` has."""
    if store.load_seq <= after or not said.num_rows:
        return False
    points = pc.unique(said["metering_point"])
    first, last = readings.span_utc(said, "remarks")
    span = int(first.min()), int(last.max())
    return any(
        _came("remarks", bucket, span, points, root=store.root, loads=(after, store.load_seq))
        for bucket in set(buckets_of(points.to_pylist(), buckets).tolist())
    )


def _came(
    kind: str,
    bucket: int,
    span: tuple[int, int],
    points: pa.Array,
    *,
    root: Path,
    loads: tuple[int, int],
) -> bool:
    """Whether loads after one, until another, brought something of these points and this time."""
    near = control.models.ReadingFile.objects.filter(
        kind=kind, bucket=bucket, compaction__isnull=True,
        load_id__gt=loads[0], load_id__lte=loads[1],
        first_utc__lt=span[1] + _NEAR[kind], last_utc__gt=span[0] - _NEAR[kind],
    )  # fmt: skip
    return any(readings.mentions(root / p, points) for p in near.values_list("path", flat=True))


def publish(entries: Iterable[Entry], *, source: str) -> int:
    """Publish files as the next load, inside the caller's transaction; give its number."""
    models = control.models
    seq = (models.Load.objects.aggregate(last=Max("seq"))["last"] or 0) + 1
    models.Load.objects.create(seq=seq, source_id=source)
    columns = ("kind", "month", "bucket", "path", "rows", "digest", "first_utc", "last_utc")
    insert(
        models.ReadingFile,
        [{"load_id": seq} | {name: getattr(entry, name) for name in columns} for entry in entries],
    )
    return int(seq)


def present(store: Seen, entries: Iterable[Entry]) -> bool:
    """Whether the files are there: one that nothing named yet may have been pruned meanwhile."""
    return all((store.root / entry.path).exists() for entry in entries)
