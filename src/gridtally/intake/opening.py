"""Steps 1-2: opening balances as CSV or Parquet become tables that fit their control totals.

Read strictly: one wrong cell, one name twice, one total that differs, and nothing is taken over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.fields import day, identifier, optional, tariff_id
from gridtally.intake.master.columns import days, groups, overlaps
from gridtally.intake.master.files import Column, File
from gridtally.intake.master.found import Found
from gridtally.intake.master.reading import read_file
from gridtally.intake.words import refuse
from gridtally.money import MICRO, number, parse_decimal
from gridtally.tables import (
    BILL_HISTORY,
    CONTROL_TOTALS,
    CREDIT_BANKS,
    DEPOSITS,
    OPEN_ITEMS,
    RATCHETS,
    TIER_ENERGY,
    finding,
    findings_table,
)
from gridtally.terms import Severity

__all__ = ["TABLES", "Opening", "Sum", "problem", "read_opening"]

Row = dict[str, Any]
_TOTALS = "control_totals"
_ENERGY_MAX = Decimal(10**12)


def _amount(cell: str) -> Decimal:
    try:
        value = parse_decimal(cell, places_max=4)
    except ValueError as err:
        raise ValueError("is no plain decimal amount with at most 4 decimals") from err
    if abs(value) >= 10**13:
        raise ValueError("is larger than any amount")
    return value


def _deposit(cell: str) -> Decimal:
    value = _amount(cell)
    if value <= 0:
        raise ValueError("must be above zero")
    return value


def _quantity(cell: str) -> int:
    try:
        value = parse_decimal(cell, places_max=6)
    except ValueError as err:
        raise ValueError("is no plain decimal number with at most 6 decimals") from err
    if not 0 <= value < _ENERGY_MAX:
        raise ValueError("must not be below zero or above 10^12")
    return int(value * MICRO)


def _sum(cell: str) -> Decimal:
    try:
        return parse_decimal(cell, places_max=8)
    except ValueError as err:
        raise ValueError("is no plain decimal number") from err


def _maybe(name: str, parse: Any, target: str = "") -> Column:
    return Column(name, optional(parse), target, required=False)


_ID = {name: Column(name, identifier) for name in (
    "account", "reference", "agreement", "metering_point", "component", "bucket", "table", "column",
)}  # fmt: skip
_FILES: dict[str, File] = {
    "open_items": File(
        OPEN_ITEMS,
        (_ID["account"], _ID["reference"], Column("amount", _amount), Column("posted", day),
         _maybe("due", day), _maybe("service_from", day), _maybe("service_to", day)),
        key=("account", "reference"),
    ),
    "deposits": File(
        DEPOSITS,
        (_ID["account"], _ID["reference"], Column("amount", _deposit), Column("posted", day)),
        key=("account", "reference"),
    ),
    "bill_history": File(
        BILL_HISTORY,
        (_ID["account"], _ID["agreement"], _ID["metering_point"], Column("from", day),
         Column("to", day), Column("tariff", tariff_id),
         Column("import_kwh", _quantity, "import_ukwh"),
         _maybe("export_kwh", _quantity, "export_ukwh"),
         _maybe("estimated_kwh", _quantity, "estimated_ukwh"),
         _maybe("demand_kw", _quantity, "demand_ukw"), Column("total", _amount)),
        key=("agreement", "from"),
    ),
    "tier_energy": File(
        TIER_ENERGY,
        (_ID["agreement"], _ID["component"], Column("window_from", day),
         Column("kwh", _quantity, "ukwh")),
        key=("agreement", "component"),
    ),
    "ratchets": File(
        RATCHETS,
        (_ID["agreement"], _ID["component"], _ID["bucket"], Column("month", day),
         Column("kw", _quantity, "ukw")),
        key=("agreement", "component", "bucket", "month"),
    ),
    "credit_banks": File(
        CREDIT_BANKS,
        (_ID["agreement"], _ID["component"], _ID["bucket"], Column("kwh", _quantity, "ukwh")),
        key=("agreement", "component", "bucket"),
    ),
    _TOTALS: File(
        CONTROL_TOTALS,
        (_ID["table"], _ID["column"], Column("total", _sum)),
        key=("table", "column"),
    ),
}  # fmt: skip
TABLES = tuple(_FILES)
"""Names of the files of an opening; all but the control totals may be missing."""
_CARRIED = ("tier_energy", "ratchets", "credit_banks")


@dataclass(frozen=True, slots=True)
class Sum:
    """A column of a file: what it sums to, and what the control total says; None: nothing."""

    table: str
    column: str
    sum: Decimal
    control: Decimal | None

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return self.sum == self.control


@dataclass(frozen=True, slots=True)
class Opening:
    """Opening balances as they were read: tables by name, sums, and FINDINGS that forbid them."""

    tables: Mapping[str, pa.Table]
    sums: tuple[Sum, ...]
    findings: pa.Table


def read_opening(files: Mapping[str, bytes]) -> Opening:
    """Read the files of an opening; `files` has bytes by name, such as `open_items.csv`.

    Any finding means that the opening as a whole cannot be taken over.
    Raises `RefusedFile` when a file as a whole is not what its name says.
    """
    found = Found()
    given = {_table(name): (name, data) for name, data in files.items()}
    read = {}
    for name in TABLES:
        file, data = given.get(name, ("", b""))
        if file:
            read[name] = read_file(name, file, data, found, files=_FILES)
    tables = {
        name: read[name].table if name in read else _FILES[name].schema.empty_table()
        for name in TABLES
    }
    sums = tuple(_sums(tables, set(read)))
    rows = [
        *found.rows(),
        *_twice(tables),
        *_overlapping(tables["bill_history"]),
        *_periods(tables["bill_history"]),
        *_months(tables["ratchets"]),
        *_without_history(tables),
        *_differing(tables, sums, set(read)),
    ]
    return Opening(tables, sums, findings_table(rows))


def _table(name: str) -> str:
    stem = name.replace("\\", "/").rpartition("/")[2]
    for ending in (".gz", ".csv", ".parquet"):
        stem = stem.removesuffix(ending)
    if stem not in _FILES:
        raise refuse(
            "intake.csv.columns", file=name, line=1,
            text=f"no file of an opening is called so; there are {', '.join(TABLES)}",
        )  # fmt: skip
    return stem


def problem(what: str, message: str, *, remedy: str, **where: Any) -> Row:
    """A finding that forbids an opening."""
    return finding(
        f"intake.opening.{what}", Severity.HOLD, message, remedy=remedy, must_hold=True, **where
    )


# ---------------------------------------------------------------------- rules


def _twice(tables: Mapping[str, pa.Table]) -> Iterator[Row]:
    """What names a row stands there once."""
    for name, spec in _FILES.items():
        table = tables[name]
        if not len(table):
            continue
        number = groups(*(table[column] for column in spec.key))
        counts = np.bincount(number)
        for one in np.flatnonzero(counts > 1)[:20].tolist():
            row = table.slice(int(np.flatnonzero(number == one)[0]), 1).to_pylist()[0]
            what = " ".join(str(row[column]) for column in spec.key)
            yield problem(
                "twice", f"{name}: {what} stands there {counts[one]} times.",
                remedy="Leave one of the rows away, or give each its own reference.",
                file=name, count=int(counts[one]),
            )  # fmt: skip


def _overlapping(history: pa.Table) -> Iterator[Row]:
    """The bills of an agreement never overlap."""
    if not len(history):
        return
    first, after = (days(history[name], blank=0) for name in ("from", "to"))
    for one, two in zip(*overlaps(groups(history["agreement"]), first, after), strict=True):
        rows = [history.slice(int(at), 1).to_pylist()[0] for at in (one, two)]
        yield problem(
            "overlap",
            f"bill_history: two bills of the agreement {rows[0]['agreement']} overlap: from "
            f"{rows[0]['from']} to {rows[0]['to']}, and from {rows[1]['from']} to {rows[1]['to']}.",
            remedy="Deliver corrected bills alone, without those that they replace.",
            file="bill_history", account=rows[0]["account"],
        )  # fmt: skip


def _periods(history: pa.Table) -> Iterator[Row]:
    empty = history.filter(pc.less_equal(history["to"], history["from"]))
    for row in empty.slice(0, 20).to_pylist():
        yield problem(
            "period",
            f"bill_history: the period from {row['from']} to {row['to']} of the agreement "
            f"{row['agreement']} is empty.",
            remedy="`to` is the day after the last one.", file="bill_history",
            account=row["account"],
        )  # fmt: skip


def _months(ratchets: pa.Table) -> Iterator[Row]:
    for row in ratchets.filter(pc.not_equal(pc.day(ratchets["month"]), 1)).slice(0, 20).to_pylist():
        yield problem(
            "month", f"ratchets: {row['month']} of the agreement {row['agreement']} is no first of "
            "a month.",
            remedy="Write the month of a demand as its first day.", file="ratchets",
        )  # fmt: skip


def _without_history(tables: Mapping[str, pa.Table]) -> Iterator[Row]:
    """What is carried on comes from a last bill, which says to which day it holds."""
    known = tables["bill_history"]["agreement"].unique()
    for name in _CARRIED:
        rows = tables[name].filter(pc.invert(pc.is_in(tables[name]["agreement"], known)))
        for agreement in rows["agreement"].unique().to_pylist()[:20]:
            yield problem(
                "history",
                f"{name}: the agreement {agreement} has no bill in bill_history, so that it is not "
                "known to which day its figures hold.",
                remedy="Deliver its last bill at least.", file=name,
            )  # fmt: skip


# --------------------------------------------------------------------- totals


def _sums(tables: Mapping[str, pa.Table], given: set[str]) -> Iterator[Sum]:
    """Rows and sums of every file, each with its control total."""
    control = {
        (row["table"], row["column"]): Decimal(row["total"])
        for row in tables[_TOTALS].to_pylist()
    }  # fmt: skip
    for name in TABLES:
        if name == _TOTALS or name not in given:
            continue
        table = tables[name]
        yield Sum(name, "rows", Decimal(len(table)), control.get((name, "rows")))
        for column in _FILES[name].columns:
            field = table.schema.field(column.target or column.name)
            if pa.types.is_decimal(field.type):
                total = sum(filter(None, table[field.name].to_pylist()), Decimal(0))
            elif pa.types.is_integer(field.type):
                total = Decimal(sum(filter(None, table[field.name].to_pylist()))) / MICRO
            else:
                continue
            if column.required or (name, column.name) in control or total:
                yield Sum(name, column.name, total, control.get((name, column.name)))


def _differing(
    tables: Mapping[str, pa.Table], sums: tuple[Sum, ...], given: set[str]
) -> Iterator[Row]:
    if _TOTALS not in given:
        yield problem(
            "control", "There is no file control_totals, so that nothing can be reconciled.",
            remedy="Deliver control_totals.csv with table,column,total for each column of numbers, "
            "and for the rows, of each file.",
        )  # fmt: skip
        return
    for one in sums:
        if one.control is None:
            yield problem(
                "control", f"There is no control total for {one.column} of {one.table}, which is "
                f"{number(one.sum)}.",
                remedy=f"Add the row {one.table},{one.column},TOTAL to control_totals, with what "
                "the other system says.",
                file=_TOTALS,
            )  # fmt: skip
        elif not one.agrees:
            yield problem(
                "differs",
                f"{one.table}: {one.column} is {number(one.sum)}, and the control total says "
                f"{number(one.control)}: {number(one.sum - one.control)} too much.",
                remedy="Find the rows that are missing or too many; deliver again.",
                file=one.table, evidence={"sum": one.sum, "control": one.control},
            )  # fmt: skip
    known = {(one.table, one.column) for one in sums}
    for row in tables[_TOTALS].to_pylist():
        if (row["table"], row["column"]) not in known:
            yield problem(
                "control", f"The control total {row['table']},{row['column']} is of nothing that "
                "was delivered.",
                remedy="Deliver the file as well, or leave the row away.", file=_TOTALS,
            )  # fmt: skip
