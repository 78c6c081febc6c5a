"""Steps 1-2: master data as they stand after a delivery, for the checks: tables, lines, files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.master.columns import FAR, codes, days, together
from gridtally.intake.master.files import FILES
from gridtally.intake.master.found import Found

__all__ = ["State"]

Ints = npt.NDArray[np.int64]
_LONG_AGO = -(1 << 20)


@dataclass(slots=True)
class State:
    """All tables, those that were stored before among them."""

    tables: Mapping[str, pa.Table]
    day: int | None
    """Today, in days since 1970; None: what depends on it is not checked."""
    found: Found
    lines: Mapping[str, Ints] = field(default_factory=dict)
    """Line of each row in the file that delivers it; -1: it was stored before."""
    files: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, pa.Table] = field(default_factory=dict)
    """The tables before this delivery."""
    tariffs: frozenset[str] | None = None
    """Tariffs of the workspace; None: not known here."""
    _codes: dict[tuple[str, str], tuple[Ints, int]] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Whether these tables are there, be it without rows."""
        return all(name in self.tables for name in names)

    def table(self, name: str) -> pa.Table:
        """A table; empty when it is not there."""
        return self.tables[name] if name in self.tables else FILES[name].schema.empty_table()

    def period(self, name: str) -> tuple[Ints, Ints]:
        """First day and day after the last of each row of a table."""
        table = self.table(name)
        return days(table["from"], blank=_LONG_AGO), days(table["to"], blank=FAR)

    def groups(self, name: str, *columns: str) -> Ints:
        """Rows of equal cells share a number; a column is looked at once for all checks."""
        table = self.table(name)
        for column in columns:
            if (name, column) not in self._codes:
                self._codes[name, column] = codes(table[column])
        return together([self._codes[name, column] for column in columns])

    def cell(self, name: str, column: str, row: int) -> Any:
        """One cell."""
        return self.tables[name][column][int(row)].as_py()

    def line(self, name: str, row: int) -> int | None:
        """The line of a row in its file; None when it was stored before."""
        line = int(self.lines[name][row]) if name in self.lines else -1
        return line if line >= 0 else None

    def places(self, name: str, one: int, two: int) -> str:
        """Where two rows stand, in words."""
        lines = [self.line(name, row) for row in (one, two)]
        if None not in lines:
            return f"lines {lines[0]} and {lines[1]}"
        said = [f"line {line}" if line else f"{name} as known before" for line in lines]
        return " and ".join(dict.fromkeys(said))

    def tell(
        self, code: str, name: str, rows: Ints, describe: Callable[[int], Mapping[str, Any]]
    ) -> None:
        """A finding for each of some rows of a table; `describe(i)` fills the words of one."""

        def placed(case: int) -> dict[str, Any]:
            row = int(rows[case])
            line = self.line(name, row)
            where = {
                column: self.cell(name, column, row)
                for column in ("account", "metering_point")
                if column in self.tables[name].column_names
            }
            if line is not None:
                where |= {"file": self.files[name], "line": line}
            return {**where, **describe(case)}

        self.found.tell(code, len(rows), placed)
