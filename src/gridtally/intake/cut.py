"""Step 2, looking back: the rows of a kept file by their lines, to be shown and to be corrected.

What was set aside is not copied anywhere: it is cut out of the file when somebody asks. A table is
cut into a smaller one with the same header (one of Parquet or Arrow as CSV), NEM12 and NEM13 into
whole records inside their frame; other formats hang together, and are given back whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import UsageError
from gridtally.intake import archive
from gridtally.intake.formats import csv_registers
from gridtally.intake.formats.columnar import arrow_batches, parquet_batches
from gridtally.intake.formats.columnar_text import csv_of
from gridtally.intake.formats.sheet import REASON, header_names, open_sheet
from gridtally.intake.mapping import load
from gridtally.intake.report import Marks
from gridtally.intake.text import Names, checked

__all__ = ["Part", "export", "lines_of", "member", "shown_rows"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_NEWLINE = 10
_PIECE = 32 << 20
_TEXT_MAX = 4000
_TABLES = ("csv-long", "csv-wide", "csv-registers", "csv-events", "csv-frozen", "csv-mapped")
_MARKED = ("csv-long", "csv-wide", "csv-registers", "csv-events")
"""Tables whose readers pass over the columns that are added here."""
_HEADS = {"nem12": (b"200", b"300"), "nem13": (b"250", b"250")}
"""The record that says what follows belongs to, and the one that is a row."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file: their lines, why they were set aside, their intervals [s], 0: unknown.

    `reason` and `seconds` are one for all of them.
    """

    lines: Ints
    reason: str = ""
    seconds: int = 0


def member(data: archive.Buffer, *, name: str, file: str) -> archive.Buffer:
    """The bytes of `file`, which is `name`, or `name!member` of an archive."""
    members = archive.members(data, name=name)
    if len(members) == 1:
        return members[0][1]
    return next(content for inner, content in members if f"{name}!{inner}" == file)


def lines_of(data: archive.Buffer, point: str, *, format: str) -> Ints:
    """Lines of a table's rows of one metering point; none where the format is no such table."""
    if format not in _MARKED:
        return np.zeros(0, np.int64)
    text = checked(data, file="")
    names = header_names(text[: 1 << 20].tobytes())
    sheet = open_sheet(text, file="", required=(), optional=names)
    found = []
    for piece in sheet.pieces():
        whole = sheet.whole_rows(piece, Marks(piece.rows))
        points = Names()
        code = sheet.column(piece, whole, "metering_point").codes(points)
        mine = whole[code == points.number(point)]
        found.append(piece.line[mine])
    return np.concatenate(found)


def _written_out(data: archive.Buffer, format: str) -> tuple[archive.Buffer, str, int]:
    """A table of Parquet or Arrow as CSV; its name as a format, and how many lines come before.

    What is no table of rows stays as it is.
    """
    opened = {"parquet": parquet_batches, "arrow": arrow_batches}.get(format)
    if opened is None:
        return data, format, 0
    schema, batches = opened(np.frombuffer(data, np.uint8), "")
    if "values" in schema.names or "time_utc" in schema.names:
        return data, format, 0
    header = f"{','.join(schema.names)}\n".encode()
    parts, rows = [header], 0
    for batch in batches:
        parts.append(csv_of(batch, row=rows + 1, file=""))
        rows += batch.num_rows
    return b"".join(parts), "csv-registers" if csv_registers.sniff(header) else "csv-long", 1


class _Lines:
    """A text by its lines, counted from 1 as everywhere."""

    def __init__(self, data: archive.Buffer) -> None:
        text = np.frombuffer(data, np.uint8)
        self.text = text[3:] if data[:3] == b"\xef\xbb\xbf" else text
        ends = [
            at + 1 + np.flatnonzero(self.text[at : at + _PIECE] == _NEWLINE)
            for at in range(0, len(self.text), _PIECE)
        ]
        breaks = np.concatenate(ends) if ends else np.zeros(0, np.int64)
        if not len(breaks) or breaks[-1] < len(self.text):
            breaks = np.append(breaks, len(self.text))
        self.offsets = np.concatenate([[0], breaks]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def at(self, line: int) -> bytes:
        """One line with its end."""
        return self.text[self.offsets[line - 1] : self.offsets[line]].tobytes()

    def rows(self, lines: Ints) -> pa.Array:
        """Several lines as they are; one without an end gets one."""
        buffers = [None, pa.py_buffer(self.offsets), pa.py_buffer(np.ascontiguousarray(self.text))]
        whole = pa.Array.from_buffers(pa.large_binary(), len(self), buffers)
        wanted = whole.take(pa.array(lines - 1))
        if len(self.text) and self.text[-1] != _NEWLINE and (lines == len(self)).any():
            ended = pa.array(lines == len(self))
            end = pa.array([b"\n"], pa.large_binary())[0]
            longer = pc.binary_join_element_wise(wanted, end, pa.scalar(b"", pa.large_binary()))
            wanted = pc.if_else(ended, longer, wanted)
        return wanted


# ---------------------------------------------------------------------- show


def shown_rows(data: archive.Buffer, lines: Sequence[int], *, format: str) -> list[tuple[int, str]]:
    """Rows as text: line and what stands there. Records of NEM12 come with those that follow.

    `data` is one file, unpacked; what is not text is shown as far as it can be.
    """
    data, format, above = _written_out(data, format)
    text = _Lines(data)
    found = []
    for line in lines:
        if not 1 <= line + above <= len(text):
            continue
        parts = [text.at(line + above)]
        if format in _HEADS:
            stop = _after(text, line, format)
            parts += [text.at(n) for n in range(line + 1, min(stop, line + 50))]
        elif format == "green-button":
            parts = [_element(text, line)]
        whole = b"".join(parts).decode("utf-8", "replace").rstrip("\r\n")
        found.append((line, whole if len(whole) <= _TEXT_MAX else whole[:_TEXT_MAX] + "…"))
    return found


def _element(text: _Lines, line: int) -> bytes:
    """The XML element that begins in a line, up to its end."""
    start = int(text.offsets[line - 1])
    near = text.text[start : start + _TEXT_MAX].tobytes()
    end = near.find(b"IntervalReading>", near.find(b"IntervalReading") + 1)
    return near[: end + len(b"IntervalReading>")] if end > 0 else text.at(line)


def _after(text: _Lines, line: int, format: str) -> int:
    """The line of the next record that is no part of the one in `line`."""
    begins = {*_HEADS[format], b"900"}
    at = line + 1
    while at <= len(text) and text.at(at).split(b",")[0].strip() not in begins:
        at += 1
    return at


# -------------------------------------------------------------------- export


def export(
    data: archive.Buffer,
    parts: Sequence[Part],
    *,
    format: str,
    mapping: bytes | None = None,
    marked: bool = True,
) -> bytes:
    """Rows under their header, ready to be corrected; `data` is one file, unpacked.

    Tables get a first column with the reason where `marked`, and `csv-long` the length of each
    interval, which fewer rows might not tell. Formats that hang together come back whole.
    """
    data, format, above = _written_out(data, format)
    parts = [replace(part, lines=part.lines + above) for part in parts]
    lines = np.unique(np.concatenate([part.lines for part in parts])) if parts else np.zeros(0, int)
    if format not in (*_TABLES, *_HEADS):
        return bytes(data)
    if not len(lines):
        raise UsageError("There are no rows to export.", remedy="Name an item that has some.")
    text = _Lines(data)
    if format in _HEADS:
        return _records(text, lines.tolist(), format)
    head = _header(text, format, mapping)
    return _table(text, head, parts, add=_added(text, head, format) if marked else ())


def _header(text: _Lines, format: str, mapping: bytes | None) -> list[int]:
    """The lines before the first row: preamble and header."""
    if format == "csv-mapped":
        assert mapping is not None, "a file that was read by a mapping has one"
        dialect = load(mapping, name="mapping").file
        first, wanted = dialect.skip + 1, dialect.header
    else:
        first, wanted = 1, True
    last = first - 1
    if wanted:
        last = next(n for n in range(first, len(text) + 1) if text.at(n).strip())
    return list(range(1, last + 1))


def _added(text: _Lines, head: Sequence[int], format: str) -> tuple[str, ...]:
    """Columns that are put before those of the file."""
    if format not in _MARKED:
        return ()
    names = text.at(head[-1]).decode("utf-8", "replace")
    added = () if REASON in names else (REASON,)
    tells = "resolution_min" in names or ",end" in names or names.startswith("end,")
    return (*added, *(() if format != "csv-long" or tells else ("resolution_min",)))


def _table(
    text: _Lines, head: Sequence[int], parts: Sequence[Part], *, add: Sequence[str]
) -> bytes:
    """The header and the rows, in the order of the file; a row of two parts comes once."""
    order = np.concatenate([part.lines for part in parts])
    owner = np.repeat(np.arange(len(parts)), [len(part.lines) for part in parts])
    lines, first = np.unique(order, return_index=True)
    before = text.rows(np.array(head, dtype=np.int64)).to_pylist()
    if not add:
        return b"".join([*before, _joined(text.rows(lines))])
    before[-1] = ",".join(add).encode() + b"," + before[-1]
    cells = [_cells(part, add) for part in parts]
    prefix = pa.array(cells, pa.large_binary()).take(pa.array(owner[first]))
    none = pa.scalar(b"", pa.large_binary())
    rows = pc.binary_join_element_wise(prefix, text.rows(lines), none)
    return b"".join([*before, _joined(rows)])


def _joined(rows: pa.Array) -> bytes:
    """All rows one after the other, as they lie in memory."""
    _, offsets, values = rows.buffers()
    at = np.frombuffer(offsets, np.int64)[rows.offset : rows.offset + len(rows) + 1]
    return bytes(values[int(at[0]) : int(at[-1])])


def _cells(part: Part, add: Sequence[str]) -> bytes:
    """The added cells of a part's rows, each with the comma after it."""
    reason = " ".join(part.reason.split()).replace('"', '""')
    minutes = str(part.seconds // 60) if part.seconds and part.seconds % 60 == 0 else ""
    known = {REASON: f'"{reason}"', "resolution_min": minutes}
    return "".join(f"{known[name]}," for name in add).encode()


def _records(text: _Lines, lines: Sequence[int], format: str) -> bytes:
    """Whole records inside the file's frame, each stream named once."""
    owner, row = _HEADS[format]
    parts = [next(text.at(n) for n in range(1, len(text) + 1) if text.at(n).strip())]
    named = 0
    owners = np.array([n for n in range(1, len(text) + 1) if text.at(n).startswith(owner)])
    for line in lines:
        stream = int(owners[np.searchsorted(owners, line, side="right") - 1])
        if owner != row and stream != named:
            parts.append(text.at(stream))
            named = stream
        stop = _after(text, line, format)
        parts += [text.at(n) for n in range(line, stop)]
    return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in [*parts, b"900\n"])
