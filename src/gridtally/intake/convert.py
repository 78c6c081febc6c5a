"""Step 2, the way back: what was decoded becomes a file of another format, nothing lost unsaid.

Bytes and tables only; `gridtally convert` reads and writes the files.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gridtally.errors import UsageError
from gridtally.intake.decode import Decoded
from gridtally.intake.formats import csv_write, nem12_write, nem13_write
from gridtally.intake.report import Report, shown

__all__ = ["TARGETS", "Converted", "convert"]

TARGETS = ("nem12", "nem13", "csv-long", "csv-registers", "parquet")
"""The formats that can be written; `parquet` is a file for each kind of reading."""
_KEPT = {
    "nem12": ("blocks", "remarks"), "nem13": ("registers", "remarks"), "csv-long": ("blocks",),
    "csv-registers": ("registers",), "parquet": ("blocks", "registers", "remarks"),
}  # fmt: skip
_SAID = {"blocks": "blocks of intervals", "registers": "register readings", "remarks": "remarks"}


@dataclass(frozen=True, slots=True)
class Converted:
    """Files by name (one named after the format, three for parquet), and what has no place there.

    `findings` are rows of FINDINGS, all of them notes.
    """

    files: Mapping[str, bytes]
    findings: Sequence[dict[str, Any]]


def convert(decoded: Decoded, to: str, *, as_of: int) -> Converted:
    """The readings and remarks of a decoded file in another format.

    `as_of` [UTC s] dates a file whose header nobody stated. Rows that were set aside when decoding
    are not among them. Raises `UsageError` for a format that is not in `TARGETS`.
    """
    if to not in TARGETS:
        raise UsageError(
            f"{shown(to)} is no format that can be written.",
            remedy=f"Use one of: {', '.join(TARGETS)}.",
        )
    report = Report(to)
    tables = {"blocks": decoded.blocks, "registers": decoded.registers, "remarks": decoded.remarks}
    if decoded.quarantined:
        text = "rows that were set aside when the file was read"
        report.note("intake.convert.left", text=text, count=decoded.quarantined)
    for kind, table in tables.items():
        if kind not in _KEPT[to] and table.num_rows:
            report.note("intake.convert.left", text=_named(kind, table), count=table.num_rows)
    files = _files(tables, to, as_of=as_of, report=report)
    return Converted({name: data for name, data in files.items() if data}, list(report.findings()))


def _files(
    tables: Mapping[str, pa.Table], to: str, *, as_of: int, report: Report
) -> dict[str, bytes]:
    """The files of a format; empty bytes where there is nothing to say."""
    blocks, registers, remarks = tables.values()
    if to == "nem12":
        return {to: nem12_write.write(blocks, remarks, as_of=as_of, report=report)}
    if to == "nem13":
        return {to: nem13_write.write(registers, remarks, as_of=as_of, report=report)}
    if to == "csv-long":
        return {to: csv_write.write_long(blocks, report=report)}
    if to == "csv-registers":
        return {to: csv_write.write_registers(registers)}
    return {f"{kind}.parquet": _parquet(table) for kind, table in tables.items()}


def _named(kind: str, table: pa.Table) -> str:
    """What a table holds, in words."""
    if kind != "remarks":
        return _SAID[kind]
    keys = Counter(key.partition(".")[0] for key in table["key"].to_pylist())
    return f"remarks of {', '.join(sorted(keys))}"


def _parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file; nothing for none."""
    if not table.num_rows:
        return b""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
