"""Step 6: what a segment takes from its predecessor and hands to the next, as columns.

Specification: `docs/tariff.md`, *Carry*. One column per key and date, one row per segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.periods import month_number
from gridtally.tables import CARRY

__all__ = ["State"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
END = date.max
"""Stands for the segment's own last day, which is not the same in every row."""


class State:
    """The carry of all segments while their spans are rated in order."""

    def __init__(self, carry_in: pa.Table, *, agreements: pa.Array) -> None:
        """`agreements`: of each segment, no two alike."""
        self._count = len(agreements)
        self._columns: dict[str, dict[date, tuple[Ints, Mask]]] = {}
        self.doubled = np.zeros(self._count, bool)
        """Segments whose predecessor handed on one key twice."""
        if carry_in.num_rows == 0:
            return
        at = pc.fill_null(pc.index_in(carry_in["agreement"], agreements), -1)
        rows = np.asarray(at.combine_chunks() if isinstance(at, pa.ChunkedArray) else at)
        keys, dates = carry_in["key"].to_pylist(), carry_in["at"].to_pylist()
        groups: dict[tuple[str, date], list[int]] = {}
        for i in np.flatnonzero(rows >= 0).tolist():
            groups.setdefault((keys[i], dates[i]), []).append(i)
        values = np.asarray(carry_in["value"].combine_chunks())
        for (key, day), members in groups.items():
            mine = rows[members].astype(np.int64)
            self.doubled[mine[np.bincount(mine, minlength=self._count)[mine] > 1]] = True
            if not key.startswith("demand/"):
                for _, known in self._columns.get(key, {}).values():
                    self.doubled[mine[known[mine]]] = True
            self.put(key, day, mine, values[members])

    def adopt(self, other: State, of: Ints) -> None:
        """Take over what another state knows; `of` is its row for each of these, -1: none."""
        mine = np.flatnonzero(of >= 0)
        for key, days in other._columns.items():
            for day, (values, known) in days.items():
                there = mine[known[of[mine]]]
                if len(there):
                    self.put(key, day, there, values[of[there]])

    def clear(self, rows: Ints) -> None:
        """Forget everything about some rows."""
        for days in self._columns.values():
            for values, known in days.values():
                values[rows] = 0
                known[rows] = False

    def keys(self) -> set[str]:
        """The keys that some segment carries."""
        return {
            key for key, days in self._columns.items() if any(k.any() for _, k in days.values())
        }

    def get(self, key: str, at: date, rows: Ints) -> Ints:
        """Values of a key at a date, 0 where there is none."""
        column = self._columns.get(key, {}).get(at)
        return np.zeros(len(rows), np.int64) if column is None else column[0][rows]

    def known(self, key: str, at: date, rows: Ints) -> tuple[Ints, Mask]:
        """Values of a key at a date, and where there is one."""
        column = self._columns.get(key, {}).get(at)
        if column is None:
            return np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
        return np.where(column[1][rows], column[0][rows], 0), column[1][rows]

    def latest(self, key: str, rows: Ints) -> Ints:
        """Values of a key whatever their date, 0 where there is none."""
        result = np.zeros(len(rows), np.int64)
        for values, known in self._columns.get(key, {}).values():
            result = np.where(known[rows], values[rows], result)
        return result

    def put(self, key: str, at: date, rows: Ints, values: Ints) -> None:
        """Set values of a key at a date; those of other dates stay."""
        days = self._columns.setdefault(key, {})
        if at not in days:
            days[at] = (np.zeros(self._count, np.int64), np.zeros(self._count, bool))
        days[at][0][rows] = values
        days[at][1][rows] = True

    def only(self, key: str, at: date, rows: Ints, values: Ints) -> None:
        """Set the one value that a key has."""
        for day, (values_then, known) in self._columns.get(key, {}).items():
            if day != at:
                known[rows] = False
                values_then[rows] = 0
        self.put(key, at, rows, values)

    def first(self, key: str, rows: Ints) -> Ints:
        """The month of the oldest value of a key, as `month_number`; one that never comes: none."""
        oldest = np.full(len(rows), month_number(END), np.int64)
        for day, (_, known) in self._columns.get(key, {}).items():
            oldest = np.where(known[rows], np.minimum(oldest, month_number(day)), oldest)
        return oldest

    def forget(self, key: str, before: date, rows: Ints) -> None:
        """Drop values of dates before one, but the newest where that date has none."""
        covered = np.zeros(len(rows), bool)
        for day, (values, known) in sorted(self._columns.get(key, {}).items(), reverse=True):
            if day < before:
                known[rows[covered]] = False
                values[rows[covered]] = 0
            if day <= before:
                covered |= known[rows]

    def table(self, segments: Mapping[str, Sequence[object]], good: Mask) -> pa.Table:
        """CARRY of the segments that are `good`, sorted by segment, key and date.

        `segments` has the columns segment, agreement and to.
        """
        keys = sorted((key, day) for key, days in self._columns.items() for day in days)
        rows, which, values = [], [], []
        for i, (key, day) in enumerate(keys):
            column, known = self._columns[key][day]
            mine = np.flatnonzero(known & good)
            rows.append(mine)
            which.append(np.full(len(mine), i))
            values.append(column[mine])
        if not rows:
            return CARRY.empty_table()
        row, code, value = np.concatenate(rows), np.concatenate(which), np.concatenate(values)
        order = np.lexsort((code, row))
        row, code, value = row[order], code[order], value[order]
        days = pa.array([None if day == END else day for _, day in keys], pa.date32())
        take, pick = pa.array(row), pa.array(code)
        ends = pa.array(segments["to"], pa.date32()).take(take)
        columns = [
            pa.array(segments["agreement"], pa.string()).take(take),
            pa.array(segments["segment"], pa.string()).take(take),
            pa.array([key for key, _ in keys]).take(pick),
            pc.coalesce(days.take(pick), ends),
            pa.array(value),
        ]
        return pa.Table.from_arrays(columns, schema=CARRY)
