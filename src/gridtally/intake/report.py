"""Step 2: what a file is told: rows set aside and counted, notes; few findings however many rows.

Every row of a file is accepted, a duplicate, or quarantined under exactly one code. The first
twenty rows of a code have a finding each; the others share one, which says how many they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.intake.words import NOTED, QUARANTINED
from gridtally.tables import finding
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
        self.quarantined = 0
        self.duplicates = 0
        self._rows: list[dict[str, Any]] = []
        self._seen: dict[str, int] = {}
        self._rest: dict[str, dict[str, Any]] = {}

    def set_aside(
        self,
        code: str,
        line: int | None,
        *,
        rows: int = 1,
        where: Mapping[str, Any] | None = None,
        **filling: Any,
    ) -> None:
        """Quarantine `rows` rows for one reason; `filling` completes the code's message."""
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
            **(where or {}),
        )
        self._rows.append(row)
        if seen > SHOWN:
            self._rest[code] = row

    def take(
        self, marks: Marks, lines: Ints, describe: Callable[[int, int], dict[str, Any]]
    ) -> None:
        """Quarantine the marked rows; `describe(row, column)` completes the message of one."""
        for number in np.unique(marks.code[marks.code >= 0]).tolist():
            code = _CODES[number]
            rows = np.flatnonzero(marks.code == number)
            single = max(0, SHOWN + 1 - self._seen.get(code, 0))
            for row in rows[:single].tolist():
                filling = describe(row, int(marks.column[row]))
                self.set_aside(code, int(lines[row]), **filling)
            if rows[single:].size:
                self.set_aside(code, int(lines[rows[single]]), rows=int(rows[single:].size))

    def note(self, code: str, *, count: int = 1, line: int | None = None, **rest: Any) -> None:
        """Say something about the file; `rest` fills the message, or names columns of FINDINGS."""
        where = {key: rest.pop(key) for key in _COLUMNS if key in rest}
        seen = self._seen[code] = self._seen.get(code, 0) + 1
        if seen > SHOWN and code in self._rest:
            self._rest[code]["count"] += count
            return
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
