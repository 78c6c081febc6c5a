"""Steps 1-2: one file of master data, CSV or Parquet, becomes a table; strict, in whole columns.

A row with a wrong cell is set aside with a finding. A distinct text is looked at once, and a cell
that surely is what it must be is never taken out of its column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gridtally.errors import RefusedFile
from gridtally.intake.archive import UNPACKED_MAX, Buffer, members
from gridtally.intake.formats.sheet import open_sheet
from gridtally.intake.master.files import FILES, Column, File
from gridtally.intake.master.found import Found
from gridtally.intake.report import shown
from gridtally.intake.text import checked
from gridtally.intake.words import refuse

__all__ = ["Delivered", "read_file"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ROWS_MAX = 50_000_000
_PARQUET = b"PAR1"
_QUOTES = ("intake.file.truncated", "intake.csv.columns", "intake.csv.dialect")
"""Refusals that quote the file."""
_NOT_SHOWN = "it is not shown, because it may be personal"


@dataclass(slots=True)
class Delivered:
    """A file as it was read: the rows that can be meant, each with its line."""

    name: str
    file: str
    table: pa.Table
    line: Ints
    rows: int
    duplicates: int = 0

    def keep(self, good: Bools) -> None:
        """Leave out the rows that are not good."""
        if good.all():
            return
        self.table = self.table.filter(pa.array(good))
        self.line = self.line[good]


@dataclass(slots=True)
class _Raw:
    """Cells as text, by column; `rows` counts those that are torn, too."""

    columns: dict[str, pa.Array]
    line: Ints
    rows: int


def read_file(
    name: str, file: str, data: bytes, found: Found, *, files: Mapping[str, File] = FILES
) -> Delivered:
    """The table `name` of the file `file`; findings go to `found`.

    Raises `RefusedFile` when it as a whole is not what its name says.
    """
    spec = files[name]
    unpacked = members(data, name=file)
    if len(unpacked) != 1:
        raise refuse("intake.archive.unsafe", file=file, text="it holds more than one file")
    content = unpacked[0][1]
    try:
        read = _parquet if content[:4] == _PARQUET else _csv
        raw = read(spec, content, file, found)
    except RefusedFile as err:
        if spec.personal and err.code in _QUOTES:
            raise refuse(err.code, file=file, line=err.line, text=_NOT_SHOWN) from None
        raise
    delivered = _parsed(name, spec, raw, file, found)
    for rule in (_empty_period, _empty_stretch, _relation, _calendar):
        rule(delivered, found)
    return delivered


# ------------------------------------------------------------------ two doors


def _csv(spec: File, data: Buffer, file: str, found: Found) -> _Raw:
    sheet = open_sheet(
        checked(data, file=file),
        file=file,
        required=[column.name for column in spec.columns if column.required],
        optional=[column.name for column in spec.columns if not column.required],
    )
    sheet.may_be_empty = True
    width = len(sheet.place)
    parts: dict[str, list[pa.Array]] = {name: [] for name in sheet.place}
    lines, torn, sizes = [], [], []
    rows = 0
    for piece in sheet.pieces():
        fits = piece.count == width
        whole = np.flatnonzero(fits)
        rows += piece.rows
        lines.append(piece.line[whole])
        torn.append(piece.line[~fits])
        sizes.append(piece.count[~fits])
        for name, place in sheet.place.items():
            parts[name].append(piece.strings(piece.first[whole] + place))
    odd, size = _joined(torn), _joined(sizes)
    found.tell("intake.master.value", len(odd), lambda i: {
        "file": file, "line": int(odd[i]),
        "text": f"The row has {size[i]} cells where the header names {width}",
    })  # fmt: skip
    columns = {name: pa.concat_arrays([*arrays, _NONE]) for name, arrays in parts.items()}
    return _Raw(columns, _joined(lines), rows)


_NONE = pa.array([], pa.string())


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)


def _parquet(spec: File, data: Buffer, file: str, found: Found) -> _Raw:
    """Parquet: names of columns as in CSV; numbers and dates may have types of their own."""
    try:
        source = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
        meta = source.metadata
        size = sum(meta.row_group(at).total_byte_size for at in range(meta.num_row_groups))
        if size > UNPACKED_MAX or meta.num_rows > ROWS_MAX:
            raise refuse("intake.file.large", file=file, expected=UNPACKED_MAX >> 20)
        _check_columns(spec, source.schema_arrow, file)
        table = source.read(use_threads=False).combine_chunks()
        table.validate(full=True)  # text that is no UTF-8
        columns = {name: _as_text(table[name]) for name in table.column_names}
    except (pa.ArrowException, OSError) as err:
        text = f"{type(err).__name__} while it was read as Parquet"
        raise refuse("intake.master.columns", file=file, line=1, text=text) from err
    return _Raw(columns, np.arange(1, len(table) + 1), len(table))


def _check_columns(spec: File, schema: pa.Schema, file: str) -> None:
    """The header of a Parquet file: the same names as in CSV, and no type that rounds."""
    problems = []
    known = {column.name: column.required for column in spec.columns}
    if unknown := [name for name in schema.names if name not in known]:
        problems.append("unknown: " + ", ".join(map(shown, unknown[:5])))
    if missing := [name for name, needed in known.items() if needed and name not in schema.names]:
        problems.append("missing: " + ", ".join(missing))
    if len(set(schema.names)) < len(schema.names):
        problems.append("a name stands there twice")
    odd = [field.name for field in schema if not _exact(field.type)]
    if odd and not problems:
        problems.append(f"{', '.join(odd[:5])}: only text, whole numbers, decimals and dates")
    if problems:
        raise refuse("intake.csv.columns", file=file, line=1, text="; ".join(problems))


def _exact(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer,
             pa.types.is_decimal, pa.types.is_date32, pa.types.is_null)  # fmt: skip
    return any(test(kind) for test in tests)


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    """A column as its cells would be written in CSV; null is an empty cell."""
    array = pa.concat_arrays([*column.chunks, pa.array([], column.type)])
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    decimal = pa.types.is_decimal(array.type)
    array = array.cast(pa.string())
    if decimal:
        array = pc.replace_substring_regex(array, r"(\.[0-9]*?)0+$", r"\1")
        array = pc.replace_substring_regex(array, r"\.$", "")
    return pc.fill_null(array, "")


# ---------------------------------------------------------------------- cells


def _parsed(name: str, spec: File, raw: _Raw, file: str, found: Found) -> Delivered:
    """Cells as values; the rows of which all cells can be meant."""
    count = len(raw.line)
    wrong = np.full(count, -1, np.int64)
    reasons: list[dict[str, str]] = []
    fields = []
    for at, column in enumerate(spec.columns):
        cells = raw.columns.get(column.name)
        field = spec.schema.field(column.target or column.name)
        if cells is None:
            blank = column.parse("")
            fields.append(pa.array([blank], field.type).take(pa.array(np.zeros(count, np.int64))))
            reasons.append({})
            continue
        values, bad, why = _column(column, cells, field.type)
        fields.append(values)
        reasons.append(why)
        wrong[bad & (wrong < 0)] = at
    rows = np.flatnonzero(wrong >= 0)
    found.tell(
        "intake.master.value",
        len(rows),
        lambda i: _wrong(spec, raw, int(rows[i]), int(wrong[rows[i]]), reasons) | {"file": file},
    )
    names = [column.target or column.name for column in spec.columns]
    order = [fields[names.index(field)] for field in spec.schema.names]
    delivered = Delivered(
        name, file, pa.Table.from_arrays(order, schema=spec.schema), raw.line, raw.rows
    )
    delivered.keep(wrong < 0)
    return delivered


def _column(
    column: Column, cells: pa.Array, kind: pa.DataType
) -> tuple[pa.Array, Bools, dict[str, str]]:
    """The values of a column, where they are wrong, and why by distinct text."""
    bad = np.zeros(len(cells), bool)
    if column.plain is not None:
        doubt = np.flatnonzero(~column.plain(cells).to_numpy(zero_copy_only=False))
        if not doubt.size:
            return cells, bad, {}
        _, rows, why = _each(column, cells.take(pa.array(doubt)), kind)
        bad[doubt] = rows
        return cells, bad, why
    return _each(column, cells, kind)


def _each(
    column: Column, cells: pa.Array, kind: pa.DataType
) -> tuple[pa.Array, Bools, dict[str, str]]:
    """Each distinct text parsed once."""
    coded = cells.dictionary_encode()
    why: dict[str, str] = {}
    values: list[object] = []
    for text in coded.dictionary.to_pylist():
        try:
            values.append(column.parse(text))
        except ValueError as err:
            values.append(None)
            why[text] = str(err)
    wrong = np.array([text in why for text in coded.dictionary.to_pylist()], dtype=bool)
    codes = coded.indices.to_numpy()
    bad = wrong[codes] if len(codes) else np.zeros(0, bool)
    return pa.array(values, kind).take(coded.indices), bad, why


def _wrong(
    spec: File, raw: _Raw, row: int, at: int, reasons: Iterable[dict[str, str]]
) -> dict[str, object]:
    """Place and words of one wrong cell; a personal one is not quoted."""
    column = spec.columns[at]
    cell = raw.columns[column.name][row].as_py()
    why = list(reasons)[at][cell]
    quoted = "(personal, not shown)" if column.name in spec.personal else shown(cell)
    earlier = {c.name for c in spec.columns[:at]} & raw.columns.keys()
    named = {
        name: raw.columns[name][row].as_py()
        for name in ("account", "metering_point")
        if name in earlier
    }
    return named | {"line": int(raw.line[row]), "text": f"{column.name} {quoted} {why}"}


# ----------------------------------------------------------------------- rows


def _set_aside(delivered: Delivered, wrong: Bools, found: Found, texts: Iterator[str]) -> None:
    rows = np.flatnonzero(wrong)
    if not rows.size:
        return
    said = list(texts)
    where = delivered.table.take(pa.array(rows)).select(
        [n for n in ("account", "metering_point") if n in delivered.table.column_names]
    )
    places = where.to_pylist() if where.num_columns else [{}] * len(rows)
    found.tell("intake.master.value", len(rows), lambda i: {
        **places[i], "file": delivered.file, "line": int(delivered.line[rows[i]]), "text": said[i],
    })  # fmt: skip
    delivered.keep(~wrong)


def _empty_period(delivered: Delivered, found: Found) -> None:
    """A period has a day at least: who moves in and out on one day was not supplied (T18, T19)."""
    table = delivered.table
    if not {"from", "to"} <= set(table.column_names):
        return
    empty = pc.fill_null(pc.less_equal(table["to"], table["from"]), False)
    wrong = empty.to_numpy(zero_copy_only=False).astype(bool)
    rows = table.filter(pa.array(wrong)).select(["from", "to"]).to_pylist()
    _set_aside(
        delivered,
        wrong,
        found,
        (f"The period from {row['from']} to {row['to']} is empty" for row in rows),
    )


def _empty_stretch(delivered: Delivered, found: Found) -> None:
    """A price or an event lasts: its end comes after its start."""
    table = delivered.table
    if not {"start_utc", "end_utc"} <= set(table.column_names):
        return
    wrong = pc.less_equal(table["end_utc"], table["start_utc"]).to_numpy().astype(bool)
    text = "The end is not after the start"
    _set_aside(delivered, wrong, found, repeat(text, int(wrong.sum())))


def _relation(delivered: Delivered, found: Found) -> None:
    """A ratio has a share, a quantity its energy, and nothing has what it does not need."""
    if delivered.name != "topology":
        return
    table = delivered.table
    wrong = np.zeros(len(table), bool)
    for relation, column in (("ratio", "share"), ("quantity", "quantity_ukwh")):
        needs = pc.equal(table["relation"], relation)
        wrong |= pc.xor(needs, pc.is_valid(table[column])).to_numpy(zero_copy_only=False)
    rows = table.filter(pa.array(wrong))["relation"].to_pylist()
    text = "The relation {} needs {}".format
    needs_what = {"ratio": "a share alone", "quantity": "quantity_kwh alone"}
    _set_aside(
        delivered,
        wrong,
        found,
        (text(row, needs_what.get(row, "neither share nor quantity_kwh")) for row in rows),
    )


def _calendar(delivered: Delivered, found: Found) -> None:
    """Working days are counted by a calendar."""
    if delivered.name != "cycles":
        return
    table = delivered.table
    counted = pc.ends_with(table["due_rule"], "working days")
    wrong = pc.and_(counted, pc.equal(table["holidays"], "")).to_numpy().astype(bool)
    text = "A rule in working days needs the name of a calendar in holidays"
    _set_aside(delivered, wrong, found, repeat(text, int(wrong.sum())))
