"""Before step 5: which of a dial's terms are in force in a period, and which change within it.

A multiplier that changes under a dial that stays is not divided among the days: its bill is held
until a person has read the dial on the day of the change (bad input T21).
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.money import MICRO, number
from gridtally.periods import Period
from gridtally.tables import finding, findings_table
from gridtally.terms import LegalSource, Severity

__all__ = ["in_force"]

Ints = npt.NDArray[np.int64]
_EPOCH = date(1970, 1, 1)
_FAR = (date.max - _EPOCH).days


def in_force(
    registers: pa.Table, meters: pa.Table, spans: pa.Table, *, period: Period
) -> tuple[pa.Table, pa.Table]:
    """(REGISTERS, FINDINGS): one row per dial, the last in force in the period.

    A dial whose multiplier or digits change within it holds the segments at its meter's place.
    """
    low, high = (period.start - _EPOCH).days, (period.end - _EPOCH).days
    first, after = _days(registers["from"], -_FAR), _days(registers["to"], _FAR)
    rows = np.flatnonzero((first < high) & (after > low))
    if registers["from"].null_count == len(registers) == len(rows):
        return registers, findings_table([])
    key = _codes(registers, "meter", "register")
    order = rows[np.lexsort((first[rows], key[rows]))]
    last = np.append(key[order][1:] != key[order][:-1], True)[: len(order)]
    terms = _codes(registers, "multiplier", "digits")
    differ = ~last[:-1] & (terms[order][1:] != terms[order][:-1])
    found = [
        row
        for old, new in zip(order[:-1][differ], order[1:][differ], strict=True)
        for row in _held(registers, int(old), int(new), meters, spans)
    ]
    return registers.take(pa.array(np.sort(order[last]))), findings_table(found)


def _days(column: pa.ChunkedArray, blank: int) -> Ints:
    filled = pc.fill_null(column.cast(pa.int32()).cast(pa.int64()), blank)
    return np.asarray(filled.to_numpy())


def _codes(table: pa.Table, *names: str) -> Ints:
    """Rows of equal cells share a number. Shape (rows,)."""
    number_ = np.zeros(len(table), np.int64)
    for name in names:
        coded = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        number_ = number_ * (len(coded.dictionary) + 1) + coded.indices.to_numpy()
    return number_


def _held(
    registers: pa.Table, old: int, new: int, meters: pa.Table, spans: pa.Table
) -> list[dict[str, object]]:
    """One finding per segment at the places of a dial's meter."""
    one, two = (registers.slice(row, 1).to_pylist()[0] for row in (old, new))
    places = meters.filter(pc.equal(meters["meter"], two["meter"]))["metering_point"]
    mine = spans.filter(pc.is_in(spans["metering_point"], places.combine_chunks()))
    mine = mine.filter(pc.equal(mine["span"], 0))
    columns = ("segment", "account", "metering_point", "start_utc", "end_utc", "legal_source")
    return [
        finding(
            "metering.register.changed",
            Severity.HOLD if row["legal_source"] == LegalSource.REGISTER else Severity.WARN,
            f"The dial {two['meter']} {two['register']} changes on {two['from']}, within the "
            f"period: multiplier {_times(one)} to {_times(two)}, digits {one['digits']} to "
            f"{two['digits']}.",
            remedy="Read the dial on that day under both terms, as an exchange; have a second "
            "person check the multiplier.",
            must_hold=row["legal_source"] == LegalSource.REGISTER,
            evidence={"from": two["from"], "before": _times(one), "after": _times(two)},
            **{name: row[name] for name in columns if name != "legal_source"},
        )
        for row in mine.select(list(columns)).to_pylist()
    ]


def _times(row: dict[str, object]) -> str:
    return number(Fraction(int(str(row["multiplier"])), MICRO))
