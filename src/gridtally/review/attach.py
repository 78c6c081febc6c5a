"""Step 8: which bill a finding is about, when it names only a segment, point or account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

__all__ = ["attach"]


def attach(findings: pa.Table, bills: pa.Table, segments: pa.Table) -> Iterator[dict[str, Any]]:
    """The hold and warn findings (schema FINDINGS) as rows whose `bill` is filled in.

    A finding without bill takes that of its segment; else those of its metering point; else those
    of its account. One about a point that two bills share comes once for each. One that fits no
    bill keeps an empty `bill`; one that names no account either is about a delivery, not about a
    customer, and is left out.
    """
    of_segment, of_point, of_account = _indexes(bills, segments)
    for row in findings.filter(_grave(findings)).to_pylist():
        if row["bill"]:
            found: Sequence[str] = (row["bill"],)
        elif row["segment"] in of_segment:
            found = of_segment[row["segment"]]
        elif row["metering_point"] in of_point:
            found = of_point[row["metering_point"]]
        else:
            found = of_account.get(row["account"], ())
        for bill in dict.fromkeys(found):
            yield row | {"bill": bill}
        if not found and row["account"]:
            yield row


def _grave(findings: pa.Table) -> pa.Array:
    return pa.array([s in ("hold", "warn") for s in findings["severity"].to_pylist()], pa.bool_())


def _indexes(
    bills: pa.Table, segments: pa.Table
) -> tuple[dict[str, list[str]], dict[str, list[str]], dict[str, list[str]]]:
    indexes: list[dict[str, list[str]]] = []
    for table, key in (
        (segments, "segment"),
        (segments, "metering_point"),
        (bills, "account"),
    ):
        index: dict[str, list[str]] = defaultdict(list)
        for name, bill in zip(table[key].to_pylist(), table["bill"].to_pylist(), strict=True):
            index[name].append(bill)
        indexes.append(index)
    return indexes[0], indexes[1], indexes[2]
