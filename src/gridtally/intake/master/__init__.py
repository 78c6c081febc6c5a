"""Steps 1-2: master data become tables: who pays, what is supplied, where dials stand.

Strict: exact column names, one meaning per cell. A row that cannot be meant is left out, with a
finding that holds; so is a row that points at nothing, or that contradicts another. Periods that
overlap are kept and held, because only a person knows which is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.master import devices, mentions, outside, periods, topology
from gridtally.intake.master.changes import Changes, changes, key_groups, merged, sorted_by_key
from gridtally.intake.master.columns import rows_of
from gridtally.intake.master.files import FILES, table_name
from gridtally.intake.master.found import Found
from gridtally.intake.master.reading import Delivered, read_file
from gridtally.intake.master.state import State
from gridtally.intake.report import shown
from gridtally.intake.words import refuse
from gridtally.periods import iso_utc
from gridtally.tables import findings_table

__all__ = [
    "CHECKS", "TABLES", "Changes", "Counts", "MasterData", "changes", "check_master", "read_master",
    "table_name", "take_in",
]  # fmt: skip

Ints = npt.NDArray[np.int64]

TABLES = tuple(FILES)
"""Names of the files of master data, in the order in which they refer to each other."""
CHECKS = (*periods.CHECKS, *devices.CHECKS, *topology.CHECKS, *mentions.CHECKS, *outside.CHECKS)
"""Every check of the data as a whole, in the order in which they are run."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one file: `rows = accepted + duplicates + quarantined`."""

    table: str
    file: str
    rows: int
    accepted: int
    """Rows that are new or different."""
    duplicates: int
    """Rows that are in the file twice, or known already."""
    quarantined: int
    changes: Changes


@dataclass(frozen=True, slots=True)
class MasterData:
    """What files of master data come to."""

    tables: dict[str, pa.Table]
    """The tables of the given files as they are from now on, sorted by key."""
    counts: list[Counts]
    findings: pa.Table


def read_master(files: Mapping[str, bytes]) -> tuple[dict[str, pa.Table], pa.Table]:
    """The tables of the files by name, and FINDINGS; see `take_in`."""
    taken = take_in(files)
    return taken.tables, taken.findings


def take_in(
    files: Mapping[str, bytes],
    *,
    known: Mapping[str, pa.Table] | None = None,
    replace: bool = True,
    tariffs: frozenset[str] | None = None,
    as_of: int | None = None,
) -> MasterData:
    """What the files say, and what it means together with the tables `known` before.

    `files`: bytes by name, one of `TABLES` with `.csv` or `.parquet`; any may be missing, and
    references into a table that is nowhere are not checked. `replace`: a file replaces its table;
    otherwise its rows add to it or take the place of those of the same key.
    `tariffs`: those of the workspace; `as_of`: now [UTC seconds]; None: not checked.
    Raises `RefusedFile` when a file as a whole is not what its name says.
    """
    found = Found()
    before = dict(known or {})
    state = State(dict(before), _day(as_of), found, before=before, tariffs=tariffs)
    given = _by_table(files)
    counts = []
    for name in (table for table in TABLES if table in given):
        delivered = read_file(name, *given[name], found)
        _check_keys(delivered, found)
        _check_references(delivered, state)
        old = before.get(name, FILES[name].schema.empty_table())
        _take_in(delivered, old, state, replace=replace)
        counts.append(_count(delivered, changes(name, old, state.tables[name])))
    for check in CHECKS:
        check(state)
    tables = {count.table: state.tables[count.table] for count in counts}
    return MasterData(tables, counts, findings_table(found.rows()))


def _count(delivered: Delivered, differ: Changes) -> Counts:
    accepted = len(differ.added) + len(differ.changed[1])
    duplicates = delivered.duplicates + len(delivered.table) - accepted
    return Counts(
        delivered.name, delivered.file, delivered.rows, accepted, duplicates,
        quarantined=delivered.rows - accepted - duplicates, changes=differ,
    )  # fmt: skip


def check_master(
    known: Mapping[str, pa.Table], *, tariffs: frozenset[str] | None = None, as_of: int
) -> pa.Table:
    """FINDINGS of master data as they stand, all of them."""
    found = Found(most=None)
    state = State(dict(known), _day(as_of), found, tariffs=tariffs)
    for check in CHECKS:
        check(state)
    return findings_table(found.rows())


def _day(as_of: int | None) -> int | None:
    if as_of is None:
        return None
    return (datetime.fromtimestamp(as_of, UTC).date() - datetime.fromtimestamp(0, UTC).date()).days


def _by_table(files: Mapping[str, bytes]) -> dict[str, tuple[str, bytes]]:
    given: dict[str, tuple[str, bytes]] = {}
    for file, data in files.items():
        name = table_name(file)
        if name is None:
            stem = file.replace("\\", "/").rpartition("/")[2].partition(".")[0]
            text = f"No file of master data is called {shown(stem)}; there are {', '.join(TABLES)}"
            raise refuse("intake.master.columns", file=file, line=1, text=text)
        if name in given:
            text = f"Two files deliver {name}: {shown(given[name][0])} and this one"
            raise refuse("intake.master.columns", file=file, line=1, text=text)
        given[name] = (file, data)
    return given


# ----------------------------------------------------------------------- keys


def _check_keys(delivered: Delivered, found: Found) -> None:
    """The same row twice counts once; two different rows of one key contradict each other."""
    key = key_groups(delivered.name, delivered.table)
    order = np.argsort(key, kind="stable")
    again = np.append(False, key[order][1:] == key[order][:-1])[: len(key)]
    if not again.any():
        return
    good = np.ones(len(key), bool)
    repeats: list[tuple[int, int]] = []
    clashes: list[tuple[int, int]] = []
    heads = order[~again][np.cumsum(~again) - 1]
    for row, first in sorted(zip(order[again].tolist(), heads[again].tolist(), strict=True)):
        good[row] = False
        if _row(delivered, row) == _row(delivered, first):
            repeats.append((row, first))
        else:
            good[first] = False
            clashes.append((row, first))
    said = partial(_pair, delivered)
    found.tell("intake.master.duplicate", len(repeats), lambda i: said(*repeats[i]))
    found.tell("intake.master.contradiction", len(clashes), lambda i: said(*clashes[i]))
    delivered.duplicates += len(repeats)
    delivered.keep(good)


def _row(delivered: Delivered, row: int) -> dict[str, Any]:
    found: dict[str, Any] = delivered.table.slice(row, 1).to_pylist()[0]
    return found


def _pair(delivered: Delivered, row: int, first: int) -> dict[str, Any]:
    cells = _row(delivered, row)
    parts = [
        iso_utc(cells[name]) if name.endswith("_utc") else str(cells[name])
        for name in FILES[delivered.name].key
        if cells[name] is not None
    ]
    return _where(cells) | {
        "file": delivered.file, "line": int(delivered.line[row]), "what": " ".join(parts),
        "other": int(delivered.line[first]),
    }  # fmt: skip


def _where(cells: Mapping[str, Any]) -> dict[str, Any]:
    return {name: cells[name] for name in ("account", "metering_point") if cells.get(name)}


# ----------------------------------------------------------------- references


def _check_references(delivered: Delivered, state: State) -> None:
    """A row that names an account, point or meter which is not there is left out."""
    for column, table in FILES[delivered.name].references.items():
        if not state.has(table):
            continue
        known = state.table(table)[FILES[table].key[0]]
        names, lines = delivered.table[column], delivered.line
        rows = np.flatnonzero(rows_of(names, known) < 0)
        cells = delivered.table.take(pa.array(rows))
        state.found.tell("intake.master.reference", len(rows), _describe(
            delivered.file, lines[rows], cells, known, column, table
        ))  # fmt: skip
        good = np.ones(len(names), bool)
        good[rows] = False
        delivered.keep(good)


def _describe(
    file: str, lines: Ints, cells: pa.Table, known: pa.ChunkedArray, column: str, table: str
) -> Any:
    def describe(case: int) -> dict[str, Any]:
        row = cells.slice(case, 1).to_pylist()[0]
        return _where(row) | {
            "file": file, "line": int(lines[case]), "column": column, "table": table,
            "text": shown(row[column]), "hint": mentions.hint(row[column], known),
        }  # fmt: skip

    return describe


def _take_in(delivered: Delivered, old: pa.Table, state: State, *, replace: bool) -> None:
    """The table as it is from now on, in the order of its key."""
    name = delivered.name
    table, source = (
        (delivered.table, np.arange(len(delivered.table)))
        if replace
        else merged(name, old, delivered.table)
    )
    order = sorted_by_key(name, table)
    lines = np.append(delivered.line, -1)[source]
    tables = state.tables
    assert isinstance(tables, dict)
    tables[name] = table.take(pa.array(order))
    state.lines = {**state.lines, name: lines[order]}
    state.files = {**state.files, name: delivered.file}
