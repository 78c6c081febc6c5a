"""Step 2: what a file is told: rows set aside and counted, notes; few findings however many rows.

Every row of a file is accepted, a duplicate, or quarantined under exactly one code. The first
twenty rows of a code have a finding each; the others share one, which says how many they are.
Of all of them code and line are kept, in whole columns, so that each can be found again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.units import CHANNELS
from gridtally.intake.words import NOTED, QUARANTINED
from gridtally.tables import ASIDE, finding
from gridtally.terms import Severity

__all__ = ["SHOWN", "Marks", "Report", "shown"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHOWN = 20
"""How many rows of one code get a finding of their own."""
_CODES = tuple(QUARANTINED)
_WIDEST = 80


def shown(text: str) -> str:
    """A cell as it is quoted in a message: short, in quotation marks, `<U+200B>` for the unseen."""
    text = text if len(text) <= _WIDEST else text[:_WIDEST] + "…"
    return "'" + "".join(map(_seen, text)) + "'"


def _seen(char: str) -> str:
    if char.isprintable():
        return char
    return f"<{' '.join([f'U+{ord(char):04X}', unicodedata.name(char, '')]).strip()}>"


class Marks:
    """The one reason for which each row is set aside: the first that was found. Shape (rows,)."""

    def __init__(self, rows: int) -> None:
        self.code = np.full(rows, -1, np.int16)
        self.column = np.zeros(rows, np.int64)

    @property
    def good(self) -> Bools:
        """Rows without a reason against them."""
        return self.code < 0

    def set(self, wrong: Bools, code: str, column: Ints | int = 0) -> None:
        """Set aside the rows in `wrong` that are still good; `column` is the cell to quote."""
        fresh = wrong & (self.code < 0)
        self.code[fresh] = _CODES.index(code)
        self.column[fresh] = column if isinstance(column, int) else column[fresh]


class Report:
    """Counts and findings of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.above = 0
        """Lines that a reader was given above the file's own first: lines are told without them."""
        self.quarantined = 0
        self.duplicates = 0
        self._rows: list[dict[str, Any]] = []
        self._seen: dict[str, int] = {}
        self._rest: dict[str, dict[str, Any]] = {}
        self._aside: list[pa.Table] = []
        self._single: list[tuple[int, int, str, str]] = []

    def set_aside(
        self,
        code: str,
        line: int | None,
        *,
        rows: int = 1,
        lines: Ints | None = None,
        where: Mapping[str, Any] | None = None,
        **filling: Any,
    ) -> None:
        """Quarantine `rows` rows for one reason; `filling` completes the code's message.

        `lines`: those of all these rows; without it they all stand in `line`.
        """
        line = None if line is None else max(line - self.above, 1)
        where = where or {}
        spot = str(where.get("metering_point", "")), str(where.get("channel", ""))
        if lines is None:
            self._single += [(_CODES.index(code), line or 0, *spot)] * rows
        else:
            assert len(lines) == rows, "each row that is set aside has a line"
            same = np.zeros(rows, np.int32)
            points, channels = _coded(same, [spot[0]]), _coded(same, [spot[1]])
            self._keep(same + _CODES.index(code), lines - self.above, points, channels)
        self._find(code, line, rows=rows, where=where, **filling)

    def _find(
        self, code: str, line: int | None, *, rows: int, where: Mapping[str, Any], **filling: Any
    ) -> None:
        """Count rows that are set aside; the first ones of a code get a finding each."""
        self.quarantined += rows
        seen = self._seen[code] = self._seen.get(code, 0) + 1
        if seen > SHOWN and code in self._rest:
            self._rest[code]["count"] += rows
            return
        blank: dict[str, object] = {"text": "", "expected": "", "cells": ""}
        row = finding(
            code,
            Severity.WARN,
            QUARANTINED[code].message.format(**(blank | filling)),
            remedy=QUARANTINED[code].remedy,
            evidence={key: value for key, value in filling.items() if value != ""},
            count=rows,
            file=self.file,
            line=line,
            **where,
        )
        self._rows.append(row)
        if seen > SHOWN:
            self._rest[code] = row

    def take(
        self,
        marks: Marks,
        lines: Ints,
        describe: Callable[[int, int], dict[str, Any]],
        *,
        point: Ints | None = None,
        names: Sequence[str] = (),
        channel: Ints | None = None,
        told: bool = False,
    ) -> None:
        """Quarantine the marked rows; `describe(row, column)` completes the message of one, and
        its `where` the finding.

        `point` gives each row's place in `names`, `channel` that in CHANNELS, below zero where it
        cannot be told. All of shape (rows,). `told`: further readings of rows that have their
        finding, which then stands for them too.
        """
        bad = np.flatnonzero(marks.code >= 0)
        if not bad.size:
            return
        lines = lines - self.above
        code, none = marks.code[bad], np.full(len(bad), -1, np.int64)
        owner = none if point is None else np.where(np.isin(code, _NAMELESS), -1, point[bad])
        used, place = np.unique(owner, return_inverse=True)
        points = [names[number] if number >= 0 else "" for number in used.tolist()]
        flow = none if channel is None else np.where(np.isin(code, _FLOWLESS), -1, channel[bad])
        self._keep(code, lines[bad], _coded(place, points), _coded(flow + 1, _CHANNELS))
        for number in np.unique(code).tolist():
            rows = bad[code == number]
            if told:
                self.quarantined += len(rows)
                last = next(row for row in reversed(self._rows) if row["code"] == _CODES[number])
                last["count"] += len(rows)
                continue
            single = max(0, SHOWN + 1 - self._seen.get(_CODES[number], 0))
            for row in rows[:single].tolist():
                filling = {"where": {}} | describe(row, int(marks.column[row]))
                self._find(_CODES[number], int(lines[row]), rows=1, **filling)
            if rest := len(rows[single:]):
                self._find(_CODES[number], int(lines[rows[single]]), rows=rest, where={})

    def _keep(
        self, code: npt.NDArray[Any], line: Ints, points: pa.Array, channels: pa.Array
    ) -> None:
        """Remember rows that are set aside, each with the number of its code."""
        file = _coded(np.zeros(len(code), np.int32), [self.file])
        columns = (file, _coded(code, _CODES), pa.array(line, pa.int64()), points, channels)
        self._aside.append(pa.Table.from_arrays(columns, schema=ASIDE))

    def aside(self) -> pa.Table:
        """Every row that was set aside, in any order: as many as `quarantined` counts."""
        if self._single:
            code, line, *names = zip(*self._single, strict=True)
            points, channels = (pa.array(texts, pa.string()).dictionary_encode() for texts in names)
            self._keep(np.array(code), np.array(line, np.int64), points, channels)
            self._single = []
        if not self._aside:
            return ASIDE.empty_table()
        return pa.concat_tables(self._aside).unify_dictionaries().combine_chunks()

    def note(self, code: str, *, count: int = 1, line: int | None = None, **rest: Any) -> None:
        """Say something about the file; `rest` fills the message, or names columns of FINDINGS."""
        where = {key: rest.pop(key) for key in _COLUMNS if key in rest}
        seen = self._seen[code] = self._seen.get(code, 0) + 1
        if seen > SHOWN and code in self._rest:
            self._rest[code]["count"] += count
            return
        line = None if line is None else max(line - self.above, 1)
        text = NOTED[code].message.format(**({"text": "", "count": count} | rest))
        row = finding(
            code, Severity.NOTE, text, remedy=NOTED[code].remedy, count=count,
            file=self.file, line=line, **where,
        )  # fmt: skip
        self._rows.append(row)
        if seen > SHOWN:
            self._rest[code] = row

    def findings(self) -> Sequence[dict[str, Any]]:
        """Rows for FINDINGS; a row that stands for many says so."""
        for row in self._rest.values():
            if row["count"] > 1:
                row["message"] += f" This finding stands for {row['count']} such cases."
        self._rest = {}
        return self._rows


_COLUMNS = ("metering_point", "channel", "start_utc", "end_utc")
_CHANNELS = ("", *CHANNELS)
_NAMELESS = [_CODES.index("intake.point.name"), _CODES.index("intake.point.unseen")]
"""Reasons for which a row's metering point is no name."""
_FLOWLESS = [_CODES.index("intake.channel.unknown")]


def _coded(numbers: npt.NDArray[Any], texts: Sequence[str]) -> pa.Array:
    """A column of a few texts that repeat, by their numbers."""
    indices = pa.array(numbers.astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))
