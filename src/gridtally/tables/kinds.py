"""How a schema of Gridtally is written down, and the column types that recur."""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "AMOUNT", "DATE", "I8", "I32", "I64", "PRICE", "QUANTITY", "STR", "UTC", "WORD", "schema",
]  # fmt: skip

STR, I64, I32, I8 = pa.string(), pa.int64(), pa.int32(), pa.int8()
DATE, UTC = pa.date32(), pa.timestamp("s", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())
"""A text of which there are few, each many times."""
QUANTITY = PRICE = AMOUNT = pa.decimal128(38, 8)
"""A quantity has 6 decimals when it is energy or power, those of amounts when it sums lines."""


def schema(title: str, *columns: tuple[str, pa.DataType, str]) -> pa.Schema:
    """A schema with a sentence of its own and one per column; units stand in brackets."""
    fields = [pa.field(name, type_, metadata={"doc": doc}) for name, type_, doc in columns]
    return pa.schema(fields, metadata={"doc": title})
