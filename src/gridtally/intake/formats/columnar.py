"""Step 2: Parquet and Arrow files are opened with limits, and given as batches of plain columns.

What comes out is counted while it comes. Nothing that a file states about itself is believed, and
whatever is wrong with it is a refusal in words.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import wraps

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gridtally.errors import RefusedFile
from gridtally.intake import archive
from gridtally.intake.formats.ipc_sizes import unpacked_size
from gridtally.intake.report import shown
from gridtally.intake.words import refuse

__all__ = [
    "ARROW", "CONTINUATION", "ENCRYPTED", "PARQUET", "Batches", "arrow_batches", "parquet_batches",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Batches = tuple[pa.Schema, Iterator[pa.RecordBatch]]

PARQUET, ENCRYPTED, ARROW = b"PAR1", b"PARE", b"ARROW1"
CONTINUATION = b"\xff\xff\xff\xff"
_END_OF_STREAM = CONTINUATION + bytes(4)
_COLUMNS_MAX = 100
_MESSAGES_MAX = 100_000
_FOOTER_MAX = 16 << 20
_ROWS = 1 << 16
"""Rows per batch."""
_FREE = 64 << 20
"""Bytes that may always come out: repeated values pack to almost nothing in these formats."""
_TROUBLE = (
    pa.ArrowException, OSError, ValueError, TypeError, KeyError, MemoryError,
    RuntimeError, OverflowError,
)  # fmt: skip
"""What pyarrow raises for files that are damaged, hostile, or beyond what it knows."""


def _guarded(
    batches: Callable[[Bytes, str], Batches],
) -> Callable[[Bytes, str], Batches]:
    """Whatever goes wrong inside, on opening or later, refuses the file."""

    def guarded_rows(rows: Iterator[pa.RecordBatch], file: str) -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except RefusedFile:
            raise
        except _TROUBLE as err:
            raise _broken(file, err) from err

    @wraps(batches)
    def guarded(data: Bytes, file: str) -> Batches:
        try:
            schema, rows = batches(data, file)
        except RefusedFile:
            raise
        except _TROUBLE as err:
            raise _broken(file, err) from err
        return schema, guarded_rows(rows, file)

    return guarded


def _broken(file: str, err: object) -> RefusedFile:
    reason = str(err).split("\n")[0][:200] or type(err).__name__
    return refuse("intake.table.broken", file=file, text=shown(reason))


@_guarded
def parquet_batches(data: Bytes, file: str) -> Batches:
    """The columns of a Parquet file, row group by row group. Raises `RefusedFile`."""
    head, tail = data[:4].tobytes(), data[-4:].tobytes()
    if ENCRYPTED in (head, tail):
        raise refuse("intake.table.broken", file=file, text="it is encrypted")
    if tail != PARQUET or len(data) < 12:
        raise refuse("intake.file.truncated", file=file, text="there is no footer")
    footer = int.from_bytes(data[-8:-4].tobytes(), "little")
    if footer > min(len(data) - 12, _FOOTER_MAX):
        raise refuse("intake.table.broken", file=file, text="its footer cannot be that long")
    source = pa.BufferReader(pa.py_buffer(data))
    limits = {"thrift_string_size_limit": 1 << 20, "thrift_container_size_limit": 1 << 20}
    found = pq.ParquetFile(source, **limits)
    schema = found.schema_arrow
    _check_columns(schema, file)
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    found = pq.ParquetFile(source, read_dictionary=texts, **limits)
    rows = found.iter_batches(batch_size=_ROWS, use_threads=False)
    return schema, _counted(rows, len(data), file)


@_guarded
def arrow_batches(data: Bytes, file: str) -> Batches:
    """The columns of an Arrow IPC file or stream, batch by batch. Raises `RefusedFile`.

    A file is a stream between two marks, and is read as that one.
    """
    is_file = data[:6].tobytes() == ARROW
    ended = data[-6:].tobytes() == ARROW if is_file else data[-8:].tobytes() == _END_OF_STREAM
    if not ended or len(data) < 16:
        raise refuse("intake.file.truncated", file=file, text="its end mark is missing")
    stream = pa.py_buffer(data[8:] if is_file else data)
    _check_sizes(stream, len(data), file)
    reader = pa.ipc.open_stream(stream)
    _check_columns(reader.schema, file)
    return reader.schema, _counted(_sliced(reader), len(data), file)


def _check_sizes(stream: pa.Buffer, packed: int, file: str) -> None:
    """Refuse an Arrow stream whose batches would unpack to too much, before any is unpacked."""
    reader = pa.BufferReader(stream)
    size = 0
    for count in itertools.count():
        try:
            message = pa.ipc.read_message(reader)
        except EOFError:
            break
        if count > _MESSAGES_MAX:
            raise refuse("intake.table.broken", file=file, text="it is in too many pieces")
        rows, unpacked = unpacked_size(message)
        size += max(rows, unpacked)
        _limit(size, packed, file)


def _sliced(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        for at in range(0, batch.num_rows, _ROWS):
            yield batch.slice(at, _ROWS)


def _counted(batches: Iterator[pa.RecordBatch], packed: int, file: str) -> Iterator[pa.RecordBatch]:
    """The batches, each checked to be what it says; refuses as soon as it is too much."""
    size = 0
    for batch in batches:
        size += batch.nbytes
        _limit(size, packed, file)
        batch.validate(full=True)
        yield batch


def _limit(size: int, packed: int, file: str) -> None:
    if size > archive.UNPACKED_MAX:
        expected = f"{archive.UNPACKED_MAX >> 20} MiB"
        raise refuse("intake.table.large", file=file, expected=expected)
    if size > max(_FREE, archive.RATIO_MAX * packed):
        expected = f"{archive.RATIO_MAX} times its packed size"
        raise refuse("intake.table.large", file=file, expected=expected)


def _check_columns(schema: pa.Schema, file: str) -> None:
    """Refuse more columns than any table has, and columns of no plain type."""
    if len(schema) > _COLUMNS_MAX:
        text = f"it has more than {_COLUMNS_MAX} columns"
        raise refuse("intake.csv.columns", file=file, line=1, text=text)
    for field in schema:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if field.name == "values" and "start_utc" in schema.names and _is_list(kind):
            kind = kind.value_type
        if pa.types.is_timestamp(kind):
            str(kind.tz)  # a zone whose name is no text is refused here, where that is caught
        if not any(test(kind) for test in _PLAIN):
            raise refuse(
                "intake.table.type", file=file, text=shown(field.name), expected=str(field.type)
            )


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


_PLAIN: Sequence[Callable[[pa.DataType], bool]] = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer,
    pa.types.is_floating, pa.types.is_decimal, pa.types.is_timestamp, pa.types.is_null,
)  # fmt: skip
