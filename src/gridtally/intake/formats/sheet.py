"""Step 2: what the CSV formats share: a header that must fit, rows in pieces, an optional trailer.

An optional last line `#rows=N` states how many rows there are; a file that was cut is then refused.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.common import Column
from gridtally.intake.plain import Plain, PlainColumn, plain_piece
from gridtally.intake.report import Marks, shown
from gridtally.intake.text import NEWLINE, Cells, cells, line_end, release
from gridtally.intake.words import refuse

__all__ = ["REASON", "Sheet", "header_names", "open_sheet"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

P = TypeVar("P", Cells, Plain, Cells | Plain)
REASON = "quarantine_reason"
"""A column that `quarantine export` adds and that is passed over."""
_QUICK = 32 << 20
"""Bytes that are read at once where rows are plain."""
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
    misfit: tuple[int, int] | None = None
    """Line of the first row, and how many cells it has."""
    settled: bool = False
    """Some row fits the header, or rows differ: the file is no other dialect."""

    def pieces(self) -> Iterator[Cells]:
        """The rows after the header; refuses a cut last row and a file without rows."""
        yield from self._whole(cells(self.text, file=self.file, skip_lines=self.header_line))

    def plain_pieces(self, long: Collection[str]) -> Iterator[Cells | Plain]:
        """The same rows, quicker where they are plain; cells of the columns `long` differ."""
        places = [self.place[name] for name in long if name in self.place]
        yield from self._whole(self._quick(places))

    def _quick(self, long: Sequence[int]) -> Iterator[Cells | Plain]:
        text, line, start = self.text, 1, 0
        while line <= self.header_line:
            start, line = line_end(text, start), line + 1
        while start < len(text):
            end = line_end(text, start + _QUICK)
            part, last = text[start:end], end == len(text)
            plain = plain_piece(part, line, width=len(self.place), long=long, last=last)
            if plain is not None:
                release(part)
                yield plain
                line += plain.rows
            else:
                yield from cells(part, file=self.file, line=line, ends=last)
                line += int(np.count_nonzero(part == NEWLINE))
            start = end

    def _whole(self, pieces: Iterable[P]) -> Iterator[P]:
        """Pieces as they come; refuses a cut last row, another number of rows, and none.

        Also a file in which no row fits the header: its decimals are written with commas.
        """
        rows = 0
        for piece in pieces:
            rows += piece.rows
            cut = piece.last and not self.ended and piece.rows > 0
            if cut and piece.count[-1] < len(self.place):
                raise refuse(
                    "intake.file.truncated", file=self.file, line=int(piece.line[-1]),
                    text=f"its last row is {shown(piece.row_text(piece.rows - 1))}",
                )  # fmt: skip
            yield piece
        if self.misfit and not self.settled:
            line, count = self.misfit
            raise self.dialect(
                line, f"each row has {count} cells, the header {len(self.place)}"
            )  # fmt: skip
        if self.announced is not None and self.announced != rows:
            raise refuse(
                "intake.file.count", file=self.file, line=self.header_line + rows + 1,
                expected=self.announced, cells=rows,
            )  # fmt: skip
        if rows == 0 and not self.may_be_empty:
            raise refuse("intake.file.rows", file=self.file, line=self.header_line)

    def whole_rows(self, piece: Cells | Plain, marks: Marks) -> Ints:
        """Rows with a cell for each column; the others are set aside. Shape (rows,)."""
        fits = piece.count == len(self.place)
        marks.set(~fits, "intake.row.cells")
        if piece.rows and not self.settled:
            counts = np.unique(piece.count)
            self.misfit = self.misfit or (int(piece.line[0]), int(piece.count[0]))
            self.settled = fits.any() or len(counts) > 1 or counts[0] != self.misfit[1]
        return np.flatnonzero(fits)

    def column(self, piece: Cells | Plain, rows: Ints, name: str) -> Column | PlainColumn:
        """One named column of the rows that are whole."""
        if isinstance(piece, Plain):
            return piece.column(self.place[name])
        return Column(piece, piece.first[rows] + self.place[name])

    def refuse_decimal_commas(self, column: Column | PlainColumn, rows: Ints) -> None:
        """Refuse a file that writes `"1,5"`: the rows are those that are no numbers."""
        for row in rows[:100].tolist():
            text = column.text(row)
            if _DECIMAL_COMMA.match(text):
                raise self.dialect(column.line(row), f"{shown(text)} has a decimal comma")

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
    known = [*required, *optional, REASON]
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
