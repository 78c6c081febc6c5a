"""Step 2: what the CSV formats share: a header that must fit, rows in pieces, an optional trailer.

An optional last line `#rows=N` states how many rows there are; a file that was cut is then refused.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.common import Column
from gridtally.intake.report import Marks, shown
from gridtally.intake.text import Cells, cells
from gridtally.intake.words import refuse

__all__ = ["Sheet", "header_names", "open_sheet"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_TRAILER = re.compile(rb"(?:^|\n)#rows=([0-9]{1,12})[\r\n]*\Z")
_TRAILER_MAX = 64
_OTHER_MARKS = (";", "\t", "|")
_COLUMNS_MAX = 2000
"""More columns than any format has: a header beyond is refused before its names are looked at."""
_NAMED = 5
"""How many of the columns that do not fit are named."""
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+\Z")


def header_names(head: bytes) -> list[str]:
    """The names in a file's first line, whatever mark separates them; for sniffing."""
    line = head.lstrip(b"\r\n").split(b"\n", 1)[0].decode("utf-8", "replace")
    return [name.strip().strip('"').lower() for name in re.split(r"[,;\t|]", line)]


@dataclass(slots=True)
class Sheet:
    """A CSV file whose header fits: `place` is the position of each column by name."""

    file: str
    text: Bytes
    place: dict[str, int]
    header_line: int
    announced: int | None
    ended: bool
    may_be_empty: bool = False

    def pieces(self) -> Iterator[Cells]:
        """The rows after the header; refuses a cut last row and a file without rows."""
        rows = 0
        for piece in cells(self.text, file=self.file, skip_lines=self.header_line):
            rows += piece.rows
            cut = piece.last and not self.ended and piece.rows > 0
            if cut and piece.count[-1] < len(self.place):
                raise refuse(
                    "intake.file.truncated", file=self.file, line=int(piece.line[-1]),
                    text=f"its last row is {shown(piece.row_text(piece.rows - 1))}",
                )  # fmt: skip
            yield piece
        if self.announced is not None and self.announced != rows:
            raise refuse(
                "intake.file.count", file=self.file, line=self.header_line + rows + 1,
                expected=self.announced, cells=rows,
            )  # fmt: skip
        if rows == 0 and not self.may_be_empty:
            raise refuse("intake.file.rows", file=self.file, line=self.header_line)

    def whole_rows(self, piece: Cells, marks: Marks) -> Ints:
        """Rows with a cell for each column; the others are set aside. Shape (rows,).

        Refuses a file in which no row fits the header: its decimals are written with commas.
        """
        fits = piece.count == len(self.place)
        marks.set(~fits, "intake.row.cells")
        if piece.rows and not fits.any() and (piece.count == piece.count[0]).all():
            raise self.dialect(
                int(piece.line[0]),
                f"each row has {int(piece.count[0])} cells, the header {len(self.place)}",
            )
        return np.flatnonzero(fits)

    def column(self, piece: Cells, rows: Ints, name: str) -> Column:
        """One named column of the rows that are whole."""
        return Column(piece, piece.first[rows] + self.place[name])

    def refuse_decimal_commas(self, column: Column, rows: Ints) -> None:
        """Refuse a file that writes `"1,5"`: the rows are those that are no numbers."""
        for row in rows[:100].tolist():
            text = column.text(row)
            if _DECIMAL_COMMA.match(text):
                at = int(np.searchsorted(column.cells.first, column.cell[row], side="right")) - 1
                raise self.dialect(int(column.cells.line[at]), f"{shown(text)} has a decimal comma")

    def dialect(self, line: int, text: str) -> Exception:
        """The refusal of a file that is written in another dialect."""
        return refuse("intake.csv.dialect", file=self.file, line=line, text=text)


def open_sheet(
    text: Bytes, *, file: str, required: Collection[str], optional: Collection[str]
) -> Sheet:
    """The file's header, checked: each required column once, optional ones at most once."""
    tail = text[-_TRAILER_MAX:].tobytes()
    trailer = _TRAILER.search(tail)
    announced = None
    ended = bool(text[-1] == 10)
    if trailer:
        announced, ended = int(trailer[1]), True
        cut = len(text) - len(tail) + trailer.start()
        text = text[: cut + 1 if tail[trailer.start() : trailer.start() + 1] == b"\n" else cut]
    head = next(cells(text[: 1 << 20], file=file), None)
    if head is None or not head.rows:
        raise refuse("intake.file.rows", file=file, line=1)
    width = int(head.count[0])
    if width > _COLUMNS_MAX:
        raise refuse(
            "intake.csv.columns",
            file=file,
            line=int(head.line[0]),
            text=f"it has more than {_COLUMNS_MAX:,} columns",
        )
    names = [head.text(0, column) for column in range(width)]
    sheet = Sheet(file, text, {}, int(head.line[0]), announced, ended)
    _check_names(names, sheet, required=required, optional=optional)
    sheet.place = {name: column for column, name in enumerate(names)}
    return sheet


def _check_names(
    names: list[str], sheet: Sheet, *, required: Collection[str], optional: Collection[str]
) -> None:
    if len(names) == 1:
        for mark in _OTHER_MARKS:
            if mark in names[0]:
                raise sheet.dialect(sheet.header_line, f"{shown(mark)} separates its cells")
    known = [*required, *optional]
    wrong = [name for name in names if name not in known]
    missing = [name for name in required if name not in names]
    double = sorted(name for name, times in Counter(names).items() if times > 1)
    problems = []
    if double:
        problems.append("there twice: " + _first(double, shown))
    if wrong:
        problems.append("unknown: " + _first(wrong, lambda name: _nearest(name, known)))
    if missing:
        problems.append("missing: " + _first(missing, str))
    if problems:
        raise refuse(
            "intake.csv.columns", file=sheet.file, line=sheet.header_line,
            text="; ".join(problems),
        )  # fmt: skip


def _first(names: list[str], say: Callable[[str], str]) -> str:
    """The first few names in words, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(say(name) for name in names[:_NAMED]) + more


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.strip().lower(), known, n=1)
    return shown(name) + (f" (did you mean {near[0]}?)" if near else "")
