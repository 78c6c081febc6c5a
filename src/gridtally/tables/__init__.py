"""Shared by every room: the tables that the ten steps pass on, a unit and a sentence per column.

`docs/tables.md` is generated from this folder. Every step returns `(table, findings)`.
"""

from __future__ import annotations

from gridtally.tables.kinds import (
    AMOUNT,
    DATE,
    I8,
    I32,
    I64,
    PRICE,
    QUANTITY,
    STR,
    UTC,
    schema,
)
from gridtally.tables.master import (
    ACCOUNTS,
    AGREEMENTS,
    METERING_POINTS,
    METERS,
    REGISTERS,
)
from gridtally.tables.readings import (
    BLOCKS,
    REGISTER_READINGS,
    REMARKS,
)
from gridtally.tables.results import (
    ADVANCES,
    BILLS,
    CARRY,
    DAILY,
    DETERMINANTS,
    ESTIMATES,
    FINDINGS,
    HISTORY,
    LINES,
    REGISTERS_USED,
    SEGMENTS,
    SPANS,
)
from gridtally.tables.rows import (
    empty,
    finding,
    findings_table,
    table,
)

__all__ = [
    "ACCOUNTS",
    "ADVANCES",
    "AGREEMENTS",
    "AMOUNT",
    "BILLS",
    "BLOCKS",
    "CARRY",
    "DAILY",
    "DATE",
    "DETERMINANTS",
    "ESTIMATES",
    "FINDINGS",
    "HISTORY",
    "I8",
    "I32",
    "I64",
    "LINES",
    "METERING_POINTS",
    "METERS",
    "PRICE",
    "QUANTITY",
    "REGISTERS",
    "REGISTERS_USED",
    "REGISTER_READINGS",
    "REMARKS",
    "SEGMENTS",
    "SPANS",
    "STR",
    "UTC",
    "empty",
    "finding",
    "findings_table",
    "schema",
    "table",
]
