"""Step 2: tables of Parquet and Arrow files: readings by row, register readings, or our own blocks.

Tables by row become CSV text and are read as such, so that every rule and every code is the same;
only that their rows are counted from 1 and have no header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import RefusedFile
from gridtally.intake import archive
from gridtally.intake.formats import csv_long, csv_registers
from gridtally.intake.formats.columnar import Batches
from gridtally.intake.formats.columnar_blocks import is_blocks, read_blocks
from gridtally.intake.formats.columnar_text import csv_of
from gridtally.intake.formats.common import Delivery, Read
from gridtally.intake.report import shown
from gridtally.intake.words import refuse

__all__ = ["read_table"]

Bytes = npt.NDArray[np.uint8]

_FRACTIONS = ("value", "kwh", "reading", "multiplier")
"""Columns in which binary fractions are read, if a rounding is declared."""
_OURS = {"time_utc": "time"}
_MILLIONTHS = ("reading", "multiplier")
_PASSED = ("load_seq", "source", "line")
_MICRO = pa.decimal128(38, 6)


def read_table(batches: Batches, delivery: Delivery) -> Read:
    """What a table holds. Raises `RefusedFile`, also for values that Arrow cannot write out."""
    try:
        return _read(batches, delivery)
    except (pa.ArrowException, MemoryError) as err:
        reason = str(err).split("\n")[0][:200]
        raise refuse("intake.table.broken", file=delivery.file, text=shown(reason)) from err


def _read(batches: Batches, delivery: Delivery) -> Read:
    schema, rows = batches
    if is_blocks(schema.names):
        return read_blocks(schema, rows, delivery)
    if "time_utc" in schema.names:
        schema, rows = _ours(schema, rows)
    _refuse_fractions(schema, delivery)
    header = ",".join(schema.names)
    if any(mark in name for name in schema.names for mark in '",\n'):
        text = f"unknown: {shown(header)}"
        raise refuse("intake.csv.columns", file=delivery.file, line=1, text=text)
    parts = [f"{header}\n".encode()]
    count = size = 0
    for batch in rows:
        parts.append(csv_of(batch, row=count + 1, file=delivery.file))
        count += batch.num_rows
        size += len(parts[-1])
        if size > archive.UNPACKED_MAX:
            expected = f"{archive.UNPACKED_MAX >> 20} MiB of text"
            raise refuse("intake.table.large", file=delivery.file, expected=expected)
    text_ = np.frombuffer(b"".join(parts), np.uint8)
    del parts
    dials = csv_registers.sniff(header.encode())
    return _read_rows(text_, delivery, csv_registers.read if dials else csv_long.read)


def _refuse_fractions(schema: pa.Schema, delivery: Delivery) -> None:
    """Refuse binary fractions: they are no exact numbers, unless a rounding makes them so."""
    for field in schema:
        allowed = field.name in _FRACTIONS and delivery.round_finer is not None
        if pa.types.is_floating(field.type) and not allowed:
            raise refuse(
                "intake.table.type", file=delivery.file, text=shown(field.name),
                expected=str(field.type),
            )  # fmt: skip


def _ours(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Batches:
    """Our own REGISTER_READINGS in the columns of csv-registers: millionths become decimals."""
    where = [at for at, name in enumerate(schema.names) if name not in _PASSED]
    kept = [schema.field(at) for at in where]
    scaled = [field.name in _MILLIONTHS and pa.types.is_integer(field.type) for field in kept]
    names = [_OURS.get(field.name, field.name) for field in kept]
    types = [_MICRO if micro else field.type for field, micro in zip(kept, scaled, strict=True)]

    def renamed() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [batch.column(at) for at in where]
            columns = [
                _as_micro(column) if micro else column
                for column, micro in zip(columns, scaled, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, names)

    return pa.schema(list(zip(names, types, strict=True))), renamed()


def _as_micro(column: pa.Array) -> pa.Array:
    """Whole numbers as the decimals of which they are the millionths."""
    whole = column.cast(pa.decimal128(38, 0))
    return pa.Array.from_buffers(
        _MICRO, len(whole), whole.buffers(), whole.null_count, whole.offset
    )


def _read_rows(text: Bytes, delivery: Delivery, read: Callable[[Bytes, Delivery], Read]) -> Read:
    """Rows that were written as CSV below a header, numbered as rows of the table."""
    delivery.report.above = 1
    try:
        found = read(text, delivery)
    except RefusedFile as refusal:
        if refusal.line is not None:
            refusal.line = max(refusal.line - 1, 1)
        raise
    return replace(found, blocks=_numbered(found.blocks), registers=_numbered(found.registers))


def _numbered(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("line")
    return table.set_column(at, table.schema.field(at), pc.subtract(table["line"], 1))
