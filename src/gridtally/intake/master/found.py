"""Steps 1-2: what is found in master data, as few findings however many rows there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gridtally.intake.master.words import severity, words
from gridtally.intake.report import SHOWN
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["Found"]

Row = dict[str, Any]
_WHERE = ("file", "line", "metering_point", "account")
_BLANK = dict.fromkeys(
    ("what", "text", "other", "day", "expected", "column", "table", "hint", "ct", "pt", "constant"),
    "",
)


class Found:
    """Findings of a delivery: the first cases of a code one by one, the rest in one."""

    def __init__(self, most: int | None = SHOWN) -> None:
        self._most = most
        self._rows: list[Row] = []
        self._seen: dict[str, int] = {}
        self._rest: dict[str, Row] = {}

    def tell(self, code: str, count: int, describe: Callable[[int], Mapping[str, Any]]) -> None:
        """`count` cases of one code; `describe(i)` places one and fills its message.

        It gives `file`, `line`, `metering_point`, `account` where they are known, and the holes.
        """
        for case in range(count):
            seen = self._seen[code] = self._seen.get(code, 0) + 1
            if code in self._rest:
                self._rest[code]["count"] += count - case
                return
            row = _row(code, describe(case))
            self._rows.append(row)
            if self._most is not None and seen > self._most:
                self._rest[code] = row

    def rows(self) -> list[Row]:
        """All findings, in the order in which they were told."""
        for row in self._rest.values():
            if row["count"] > 1:
                row["message"] += f" This finding stands for {row['count']} such cases."
        self._rest = {}
        return self._rows


def _row(code: str, told: Mapping[str, Any]) -> Row:
    where = {key: told[key] for key in _WHERE if told.get(key) not in (None, "")}
    filling = {key: str(value) for key, value in told.items() if key not in _WHERE}
    say, grave = words(code), severity(code)
    return finding(
        code, grave, say.message.format(**(_BLANK | filling)), remedy=say.remedy,
        must_hold=grave is Severity.HOLD,
        evidence={key: value for key, value in filling.items() if value}, **where,
    )  # fmt: skip
