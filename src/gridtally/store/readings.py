"""The store: readings as immutable Parquet files, written once and read whole.

Needs no database: the manifest gives the `Entry` list, so a worker process can be handed entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gridtally.errors import Corrupt
from gridtally.store import files, partition
from gridtally.tables import BLOCKS, REGISTER_READINGS, REMARKS

__all__ = [
    "BLOCK_COLUMNS",
    "KINDS",
    "Entry",
    "Kind",
    "cut",
    "encode",
    "ends_utc",
    "mentions",
    "ordered",
    "read",
    "seconds",
    "span_utc",
    "write",
]

Ints = npt.NDArray[np.int64]

BLOCK_COLUMNS = (
    "metering_point", "channel", "start_utc", "resolution_s", "values", "quality", "version",
    "load_seq",
)  # fmt: skip
"""What the kernel needs of BLOCKS: the name of the file and the line stay on disk."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stored table: its schema, folder, order of rows, and what gives its time."""

    schema: pa.Schema
    folder: str
    order: tuple[str, ...]
    span: frozenset[str]


KINDS = {
    "blocks": Kind(
        BLOCKS, "readings", ("channel", "start_utc", "version"),
        frozenset({"start_utc", "resolution_s", "values"}),
    ),
    "registers": Kind(
        REGISTER_READINGS, "registers", ("meter", "register", "time_utc"), frozenset({"time_utc"})
    ),
    "remarks": Kind(
        REMARKS, "remarks", ("channel", "start_utc", "key", "value", "version"),
        frozenset({"start_utc", "end_utc"}),
    ),
}  # fmt: skip
_PLAIN = ("values", "start_utc", "end_utc", "time_utc", "reading", "line")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the manifest: a file, and what can be known of it without opening it."""

    kind: str
    load_seq: int
    """its load; of a merged file the last one"""
    month: str
    bucket: int
    path: str
    rows: int
    digest: str
    first_utc: int
    last_utc: int
    source: str
    """its source file; empty: merged, each row has its load and source in the file"""
    upto: int | None = None
    """rows of later loads are not read"""


def ends_utc(blocks: pa.Table) -> Ints:
    """First instant after each block [s]."""
    lengths = pc.fill_null(pc.list_value_length(blocks["values"]), 0).to_numpy()
    starts = seconds(blocks["start_utc"])
    ends: Ints = starts + lengths.astype(np.int64) * blocks["resolution_s"].to_numpy()
    return ends


def cut(table: pa.Table, *, kind: str, buckets: int) -> Iterator[partition.Part]:
    """The readings of one source file by month and bucket, sorted as they are stored."""
    first, last = span_utc(table, kind)
    middle, order = (first + last) // 2, KINDS[kind].order
    yield from partition.split(table, middle=middle, buckets=buckets, order=order)


def span_utc(table: pa.Table, kind: str) -> tuple[Ints, Ints]:
    """First instant of each row, and first instant after it [s]."""
    first = seconds(table["time_utc" if kind == "registers" else "start_utc"])
    if kind == "blocks":
        return first, ends_utc(table)
    last = first if kind == "registers" else seconds(table["end_utc"])
    return first, np.maximum(last, first + 1)


def seconds(instants: pa.ChunkedArray) -> Ints:
    """Instants as UTC seconds; Parquet keeps them as milliseconds."""
    whole: Ints = instants.cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    return whole


def encode(
    part: pa.Table, *, kind: str, source: str, month: str, bucket: int
) -> tuple[Entry, memoryview]:
    """The file of one part, and its manifest line, `load_seq` still 0 if it is of one `source`.

    With an empty `source` it is a merged file, and keeps load and source of each row. Its name
    follows from source and content: two processes never write different bytes to it.
    """
    first, last = span_utc(part, kind)
    stored = part.drop_columns(["load_seq", "source"]) if source else part
    data = files.table_bytes(stored, plain=_PLAIN)
    digest = files.sha256(data)
    name = f"{source[:16]}-{digest[:16]}" if source else f"merged-{digest[:32]}"
    path = f"{KINDS[kind].folder}/{month}/{bucket:04d}/{name}.parquet"
    entry = Entry(
        kind=kind,
        load_seq=0 if source else int(pc.max(part["load_seq"]).as_py()),
        month=month,
        bucket=bucket,
        path=path,
        rows=part.num_rows,
        digest=digest,
        first_utc=int(first.min()),
        last_utc=int(last.max()),
        source=source,
    )
    return entry, data


def ordered(part: pa.Table, *, kind: str) -> pa.Table:
    """Rows in the order in which they are stored."""
    keys = ("metering_point", *KINDS[kind].order, "load_seq", "source", "line")
    return part.sort_by([(key, "ascending") for key in keys])


def mentions(path: Path, points: pa.Array) -> bool:
    """Whether a file has a row of one of these metering points. Reads that column alone."""
    column = "metering_point"
    try:
        part = pq.read_table(path, columns=[column], use_threads=False, partitioning=None)
    except (OSError, pa.ArrowException) as err:
        raise _unreadable(str(path), err) from err
    return bool(pc.any(pc.is_in(part[column], points)).as_py())


def write(root: Path, part: pa.Table, *, kind: str, source: str, month: str, bucket: int) -> Entry:
    """Write one part by itself; give its manifest line, `load_seq` still 0."""
    entry, data = encode(part, kind=kind, source=source, month=month, bucket=bucket)
    files.write(root / entry.path, data)
    return entry


def read(
    root: Path,
    entries: Iterable[Entry],
    *,
    kind: str,
    columns: Sequence[str] | None = None,
    points: Sequence[str] | None = None,
    channel: str | None = None,
    start_utc: int | None = None,
    end_utc: int | None = None,
) -> pa.Table:
    """Rows of these files that touch `[start_utc, end_utc)`, one chunk per file.

    `columns` None means all of the schema. Files that lie inside the span are not copied.
    """
    schema = KINDS[kind].schema
    wanted = tuple(columns or schema.names)
    parts = [
        _narrow(part, entry, points=points, channel=channel, start_utc=start_utc, end_utc=end_utc)
        for entry, part in _open(root, entries, kind=kind, wanted=wanted)
    ]
    selected = pa.schema([schema.field(name) for name in wanted])
    parts = [_as(selected, part) for part in parts if part.num_rows]
    return pa.concat_tables(parts) if parts else selected.empty_table()


def _open(
    root: Path, entries: Iterable[Entry], *, kind: str, wanted: Sequence[str]
) -> Iterator[tuple[Entry, pa.Table]]:
    needed = {"metering_point", "channel"} | KINDS[kind].span
    for entry in sorted(entries, key=lambda e: (e.load_seq, e.path)):
        implied = {"load_seq", "source"} if entry.source else set()
        filtered = set() if entry.upto is None else {"load_seq"}
        on_disk = [
            n for n in KINDS[kind].schema.names if n in {*wanted, *needed, *filtered} - implied
        ]
        try:
            with pq.ParquetFile(root / entry.path) as file:
                part = file.read(columns=on_disk, use_threads=False)
        except (OSError, pa.ArrowException) as err:
            raise _unreadable(entry.path, err) from err
        if "load_seq" in implied & set(wanted):
            part = part.append_column(
                "load_seq", pa.repeat(pa.scalar(entry.load_seq, pa.int64()), part.num_rows)
            )
        if "source" in implied & set(wanted):
            part = part.append_column(
                "source", pa.repeat(pa.scalar(entry.source, pa.string()), part.num_rows)
            )
        yield entry, part


def _unreadable(path: str, err: Exception) -> Corrupt:
    return Corrupt(
        f"The readings file {path} cannot be read: {err}.",
        remedy="Restore it from a backup, or make it again with `gridtally store rebuild`.",
    )


def _narrow(
    part: pa.Table,
    entry: Entry,
    *,
    points: Sequence[str] | None,
    channel: str | None,
    start_utc: int | None,
    end_utc: int | None,
) -> pa.Table:
    keep = []
    if points is not None:
        keep.append(pc.is_in(part["metering_point"], pa.array(points, pa.string())))
    if channel is not None:
        keep.append(pc.equal(part["channel"], channel))
    end = entry.last_utc if end_utc is None else end_utc
    start = entry.first_utc if start_utc is None else start_utc
    if entry.last_utc > end or entry.first_utc < start:
        first, last = span_utc(part, entry.kind)
        keep.append(pa.array((first < end) & (last > start)))
    if entry.upto is not None:
        keep.append(pc.less_equal(part["load_seq"], entry.upto))
    if not keep:
        return part
    mask = keep[0]
    for other in keep[1:]:
        mask = pc.and_(mask, other)
    return part if pc.all(mask).as_py() else part.filter(mask)


def _as(schema: pa.Schema, part: pa.Table) -> pa.Table:
    """The columns of `schema` in order, with its types and documentation."""
    columns = [
        part[field.name]
        if part[field.name].type == field.type
        else part[field.name].cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
