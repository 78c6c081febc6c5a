"""Step 8: which bill a finding is about, when it names only a segment, point or account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["attach"]


def attach(findings: pa.Table, bills: pa.Table, segments: pa.Table) -> Iterator[dict[str, Any]]:
    """The hold and warn findings (schema FINDINGS) as rows whose `bill` is filled in.

    A finding without bill takes that of its segment; else those of its metering point; else those
    of its account. One about a point that two bills share comes once for each. One that fits no
    bill keeps an empty `bill`; one that names no account either is about a delivery, not about a
    customer, and is left out.
    """
    grave = findings.filter(pc.is_in(findings["severity"], pa.array(["hold", "warn"])))
    of_segment = _index(segments, "segment", grave)
    of_point = _index(segments, "metering_point", grave)
    of_account = _index(bills, "account", grave)
    for row in grave.to_pylist():
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


def _index(table: pa.Table, key: str, findings: pa.Table) -> dict[str, list[str]]:
    """Bills by `key`, for the values that findings name."""
    named = findings.filter(pc.equal(findings["bill"], ""))[key].combine_chunks()
    chosen = table.filter(pc.is_in(table[key], named))
    index: dict[str, list[str]] = defaultdict(list)
    for name, bill in zip(chosen[key].to_pylist(), chosen["bill"].to_pylist(), strict=True):
        index[name].append(bill)
    return index
