"""Steps 1-2: master data as CSV becomes tables: who pays, what is supplied, where dials stand.

Strict: exact column names, one meaning per cell. A row that cannot be meant is left out, with a
finding that holds; so is a row that points at nothing, or that contradicts another. Periods that
overlap are kept and held, because only a person knows which is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from gridtally import tables
from gridtally.intake.archive import members
from gridtally.intake.fields import (
    address,
    choice,
    day,
    features,
    identifier,
    micro,
    optional,
    tariff_id,
    text,
    whole,
    zone_name,
)
from gridtally.intake.formats.sheet import Sheet, open_sheet
from gridtally.intake.report import shown
from gridtally.intake.text import checked
from gridtally.intake.units import CHANNELS
from gridtally.intake.words import refuse
from gridtally.tables import finding, findings_table
from gridtally.terms import LegalSource, RegisterKind, Severity

__all__ = ["TABLES", "read_master"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a file: its name there, its name in the table, and what its text means."""

    name: str
    parse: Callable[[str], object]
    target: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class _File:
    """A file of master data: `key` names a row, `periods` columns must not overlap within a key."""

    schema: pa.Schema
    columns: tuple[_Column, ...]
    key: tuple[str, ...]
    references: Mapping[str, str] = field(default_factory=dict)


_FROM = _Column("from", day)
_TO = _Column("to", optional(day), required=False)

_FILES: dict[str, _File] = {
    "accounts": _File(
        tables.ACCOUNTS,
        (
            _Column("account", identifier),
            _Column("segment", identifier),
            _Column("language", choice("en", "zh")),
            _Column("name", text, required=False),
            _Column("address", text, required=False),
            _Column("email", optional(address, ""), required=False),
        ),
        key=("account",),
    ),
    "metering_points": _File(
        tables.METERING_POINTS,
        (
            _Column("metering_point", identifier),
            _Column("zone", zone_name),
            _Column("region", text, required=False),
            _Column("fuse_kw", optional(micro), "fuse_ukw", required=False),
            _Column("features", features, required=False),
        ),
        key=("metering_point",),
    ),
    "meters": _File(
        tables.METERS,
        (_Column("meter", identifier), _Column("metering_point", identifier), _FROM, _TO),
        key=("meter", "from"),
        references={"metering_point": "metering_points"},
    ),
    "registers": _File(
        tables.REGISTERS,
        (
            _Column("meter", identifier),
            _Column("register", identifier),
            _Column("channel", choice(*CHANNELS)),
            _Column("bucket", identifier),
            _Column("kind", choice(*RegisterKind)),
            _Column("digits", whole(1, 12)),
            _Column("multiplier", micro),
        ),
        key=("meter", "register"),
        references={"meter": "meters"},
    ),
    "agreements": _File(
        tables.AGREEMENTS,
        (
            _Column("agreement", identifier),
            _Column("account", identifier),
            _Column("metering_point", identifier),
            _FROM,
            _TO,
            _Column("tariff", tariff_id),
            _Column("legal_source", choice(*LegalSource)),
            _Column("contract_kw", optional(micro), "contract_ukw", required=False),
            _Column("capacity_kva", optional(micro), "capacity_ukva", required=False),
        ),
        key=("agreement", "from"),
        references={"account": "accounts", "metering_point": "metering_points"},
    ),
}
TABLES = tuple(_FILES)
"""Names of the files of master data, in the order in which they refer to each other."""


@dataclass(slots=True)
class _Entry:
    """A row that was read, with its place and the reason to leave it out, if there is one."""

    line: int
    row: Row
    good: bool = True


def read_master(files: Mapping[str, bytes]) -> tuple[dict[str, pa.Table], pa.Table]:
    """Tables by name for the files given, and FINDINGS.

    `files`: bytes by name, one of `TABLES` (a folder and `.csv` are cut off); any of them may be
    missing, and references into a missing one are not checked.
    Raises `RefusedFile` when a file as a whole is not what its name says.
    """
    found: list[Row] = []
    read: dict[str, list[_Entry]] = {}
    given = {_table_name(name): (name, data) for name, data in files.items()}
    for name in (table for table in TABLES if table in given):
        read[name] = _read(name, *given[name], found)
    for name, entries in read.items():
        _check_keys(name, entries, given[name][0], found)
    for name, entries in read.items():
        _check_references(name, entries, read, given[name][0], found)
    _check_periods(read, given, found)
    result = {
        name: tables.table(_FILES[name].schema, [entry.row for entry in entries if entry.good])
        for name, entries in read.items()
    }
    return result, findings_table(found)


def _table_name(name: str) -> str:
    stem = name.replace("\\", "/").rpartition("/")[2].removesuffix(".gz").removesuffix(".csv")
    if stem not in _FILES:
        raise refuse(
            "intake.master.columns", file=name, line=1,
            text=f"No file of master data is called {shown(stem)}; there are {', '.join(TABLES)}",
        )  # fmt: skip
    return stem


def _read(name: str, file: str, data: bytes, found: list[Row]) -> list[_Entry]:
    """A file's rows; one with a wrong cell is left out."""
    spec = _FILES[name]
    unpacked = members(data, name=file)
    if len(unpacked) != 1:
        raise refuse("intake.archive.unsafe", file=file, text="it holds more than one file")
    sheet = open_sheet(
        checked(unpacked[0][1], file=file),
        file=file,
        required=[column.name for column in spec.columns if column.required],
        optional=[column.name for column in spec.columns if not column.required],
    )
    sheet.may_be_empty = True
    entries = []
    for line, cells in _rows(sheet):
        entry = _entry(spec, sheet, line, cells, found)
        if entry is not None:
            entries.append(entry)
    return entries


def _rows(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row. Master data are small: a loop is quick enough."""
    for piece in sheet.pieces():
        for row, line in enumerate(piece.line.tolist()):
            first, after = int(piece.first[row]), int(piece.first[row + 1])
            yield line, [piece.at(cell) for cell in range(first, after)]


def _entry(
    spec: _File, sheet: Sheet, line: int, cells: Sequence[str], found: list[Row]
) -> _Entry | None:
    if len(cells) != len(sheet.place):
        text_ = f"The row has {len(cells)} cells where the header names {len(sheet.place)}."
        found.append(_wrong("intake.master.value", text_, sheet.file, line, {}))
        return None
    row: Row = {}
    for column in spec.columns:
        cell = cells[sheet.place[column.name]] if column.name in sheet.place else ""
        try:
            row[column.target or column.name] = column.parse(cell)
        except ValueError as err:
            text_ = f"{column.name} {shown(cell)} {err}."
            found.append(_wrong("intake.master.value", text_, sheet.file, line, row))
            return None
    if row.get("to") is not None and row["to"] <= row["from"]:
        text_ = f"The period from {row['from']} to {row['to']} is empty."
        found.append(_wrong("intake.master.value", text_, sheet.file, line, row))
        return None
    return _Entry(line, row)


_REMEDY = {
    "intake.master.value": "Correct the cell and deliver the file again.",
    "intake.master.duplicate": "Nothing to do.",
    "intake.master.contradiction": "Leave one of the rows away and deliver the file again.",
    "intake.master.reference": "Add what is missing, or correct the name; then deliver again.",
    "intake.master.overlap": "End the first period before the second begins; deliver again.",
}


def _wrong(
    code: str, message: str, file: str, line: int, row: Row, severity: Severity = Severity.HOLD
) -> Row:
    held = severity is Severity.HOLD
    return finding(
        code, severity, message, remedy=_REMEDY[code], must_hold=held, file=file, line=line,
        account=str(row.get("account") or ""), metering_point=str(row.get("metering_point") or ""),
    )  # fmt: skip


def _check_keys(name: str, entries: list[_Entry], file: str, found: list[Row]) -> None:
    """The same row twice counts once; two different rows of one key contradict each other."""
    key = _FILES[name].key
    first: dict[tuple[object, ...], _Entry] = {}
    for entry in entries:
        at = tuple(entry.row[column] for column in key)
        other = first.setdefault(at, entry)
        if other is entry:
            continue
        entry.good = False
        what = " ".join(str(part) for part in at)
        if other.row == entry.row:
            text_ = f"The row for {what} repeats line {other.line}; counted once."
            code, severity = "intake.master.duplicate", Severity.NOTE
        else:
            other.good = False
            text_ = f"The row for {what} contradicts line {other.line}; neither is used."
            code, severity = "intake.master.contradiction", Severity.HOLD
        found.append(_wrong(code, text_, file, entry.line, entry.row, severity))


def _check_references(
    name: str, entries: list[_Entry], read: Mapping[str, list[_Entry]], file: str, found: list[Row]
) -> None:
    """A row that names an account, point or meter which is not there is left out."""
    for column, table in _FILES[name].references.items():
        if table not in read:
            continue
        known = {entry.row[column] for entry in read[table] if entry.good}
        for entry in entries:
            if entry.good and entry.row[column] not in known:
                entry.good = False
                text_ = f"{column} {shown(str(entry.row[column]))} is not in {table}."
                found.append(_wrong("intake.master.reference", text_, file, entry.line, entry.row))


def _check_periods(
    read: Mapping[str, list[_Entry]], given: Mapping[str, tuple[str, bytes]], found: list[Row]
) -> None:
    """Periods that must not overlap: of an agreement, of a supply, of a meter's places."""
    for table, column, message in (
        ("agreements", "agreement", "Two rows of the agreement {what} overlap from {day}."),
        ("agreements", "metering_point", "Two agreements supply {what} from {day}."),
        ("meters", "meter", "The meter {what} stands at two places from {day}."),
    ):
        groups: dict[object, list[_Entry]] = {}
        for entry in read.get(table, []):
            if entry.good:
                groups.setdefault(entry.row[column], []).append(entry)
        for what, entries in groups.items():
            for one, two in _overlaps(entries):
                same = table == "agreements" and one.row["agreement"] == two.row["agreement"]
                if same == (column == "agreement") or table == "meters":
                    text_ = message.format(what=shown(str(what)), day=two.row["from"])
                    text_ += f" See lines {one.line} and {two.line}."
                    file = given[table][0]
                    found.append(_wrong("intake.master.overlap", text_, file, two.line, two.row))


def _overlaps(entries: list[_Entry]) -> Iterator[tuple[_Entry, _Entry]]:
    """Neighbouring pairs of which the first has not ended when the second begins."""
    ordered = sorted(entries, key=lambda entry: (entry.row["from"], entry.line))
    reach: _Entry | None = None
    for entry in ordered:
        if reach is not None and _end(reach) > entry.row["from"]:
            yield reach, entry
        if reach is None or _end(entry) > _end(reach):
            reach = entry


def _end(entry: _Entry) -> date:
    end = entry.row["to"]
    return date.max if end is None else end
