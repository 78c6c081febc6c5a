"""Few rows as a table: findings above all. Not for readings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from gridtally.tables.results import FINDINGS
from gridtally.terms import Severity

__all__ = ["empty", "finding", "findings_table", "fitted", "table"]


def table(schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A table of few rows; a column that a row leaves out is null. Not for readings."""
    rows = list(rows)
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def empty(schema: pa.Schema) -> pa.Table:
    """A table without rows."""
    return schema.empty_table()


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table that was stored, with the columns of today: one that it did not have is null."""
    count = table.num_rows
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def finding(
    code: str,
    severity: Severity,
    message: str,
    *,
    remedy: str,
    must_hold: bool = False,
    evidence: Mapping[str, object] | None = None,
    money_at_risk: Decimal | None = None,
    count: int = 1,
    **where: Any,
) -> dict[str, Any]:
    """A row of FINDINGS. `where` takes the columns file, line, metering_point, … of FINDINGS."""
    text = {key: str(value) for key, value in (evidence or {}).items()}
    row: dict[str, Any] = {
        "code": code,
        "severity": str(severity),
        "must_hold": must_hold,
        "message": message,
        "remedy": remedy,
        "evidence": json.dumps(text, ensure_ascii=False, sort_keys=True),
        "money_at_risk": money_at_risk,
        "count": count,
        "direction": "",
    }
    row |= dict.fromkeys(("file", "metering_point", "channel", "account", "segment", "bill"), "")
    unknown = where.keys() - set(FINDINGS.names)
    assert not unknown, f"not columns of FINDINGS: {sorted(unknown)}"
    return row | where


def findings_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows made by `finding` as a table."""
    return table(FINDINGS, rows)
