"""Step 8, what the audit reads: the tables by name, and what an absent one looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from gridtally import tables as t
from gridtally.errors import UsageError

__all__ = ["CALIBRATION", "EXPECTED", "INPUTS", "NO_BOUND", "TARIFFS", "complete"]


def _schema(title: str, *columns: tuple[str, pa.DataType, str]) -> pa.Schema:
    fields = [pa.field(name, type_, metadata={"doc": doc}) for name, type_, doc in columns]
    return pa.schema(fields, metadata={"doc": title})


TARIFFS = _schema(
    "Tariff versions of the run.",
    ("digest", t.STR, "sha256:…"),
    ("id", t.STR, "the id that agreements name"),
    ("title", t.STR, ""),
    ("currency", t.STR, ""),
    ("valid_from", t.DATE, ""),
)

EXPECTED = _schema(
    "Expected energy of a segment; no row where there is no past to expect from.",
    ("segment", t.STR, ""),
    ("low_ukwh", t.I64, "lower bound [10^-6 kWh]"),
    ("usual_ukwh", t.I64, "the middle [10^-6 kWh]"),
    ("high_ukwh", t.I64, "upper bound [10^-6 kWh]"),
    ("months", t.I64, "how many past bills stand behind it"),
    ("coverage", t.I64, "stated coverage [10^-3]"),
)

NO_BOUND = 9 * 10**18
"""An upper bound of EXPECTED that says nothing: no bill reaches it, and a 64-bit integer
still holds it. [10^-6 kWh]"""

CALIBRATION = _schema(
    "Calibration of the expectation: how far bills were off in the past.",
    ("class", t.STR, "customer segment, /pv when it exports; empty: all together"),
    ("low", t.I64, "lower bound of (actual / predicted - 1) / own ups and downs [10^-3]"),
    ("high", t.I64, "upper bound of the same [10^-3]"),
    ("bills", t.I64, "past bills that the bounds come from"),
    ("coverage", t.I64, "share meant to lie inside [10^-3]"),
)


def _without_people(schema: pa.Schema) -> pa.Schema:
    return pa.schema([f for f in schema if f.name not in t.PERSONAL["accounts"]])


INPUTS: dict[str, pa.Schema] = {
    "spans": t.SPANS,
    "segments": t.SEGMENTS,
    "bills": t.BILLS,
    "lines": t.LINES,
    "determinants": t.DETERMINANTS,
    "carry": t.CARRY,
    "findings": t.FINDINGS,
    "history": t.HISTORY,
    "accounts": _without_people(t.ACCOUNTS),
    "metering_points": t.METERING_POINTS,
    "meters": t.METERS,
    "registers": t.REGISTERS,
    "agreements": t.AGREEMENTS,
    "register_readings": t.REGISTERS_USED,
    "past_readings": t.REGISTERS_USED,
    "past_determinants": t.DETERMINANTS,
    "advances": t.ADVANCES,
    "daily": t.DAILY,
    "estimates": t.ESTIMATES,
    "tariffs": TARIFFS,
    "expected": EXPECTED,
}
"""Tables that a rule may read. `past_*`: rows of earlier segments, those of the last bills."""


def complete(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Every input table with exactly its columns; an absent one is empty.

    Personal columns and any other that a rule need not see are dropped here.
    Raises `UsageError` for a table that is none, or that lacks a column.
    """
    unknown = sorted(tables.keys() - INPUTS.keys())
    if unknown:
        raise UsageError(
            f"The audit has no table named {', '.join(unknown)}.",
            remedy=f"It reads: {', '.join(INPUTS)}.",
        )
    return {name: _fit(name, tables.get(name), schema) for name, schema in INPUTS.items()}


def _fit(name: str, table: pa.Table | None, schema: pa.Schema) -> Any:
    if table is None:
        return schema.empty_table()
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        raise UsageError(
            f"The audit's table {name} lacks the column {', '.join(missing)}.",
            remedy="See the schema in tables.py or review/inputs.py.",
        )
    return table.select(schema.names).cast(schema)
