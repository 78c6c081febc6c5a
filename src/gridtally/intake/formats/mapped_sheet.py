"""Step 2: a CSV in the dialect that a mapping declares, as rows and columns of bytes.

Its separator and quotation mark change places with ours before the text is cut into cells, and back
after: no byte is lost, and the cutting is that of the other CSV formats.
"""

from __future__ import annotations

import difflib
import mmap
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridtally.intake.archive import Buffer
from gridtally.intake.formats.common import Column
from gridtally.intake.mapping import Dialect, From
from gridtally.intake.report import Marks, shown
from gridtally.intake.text import NEWLINE, Cells, cells, checked, line_end, release
from gridtally.intake.words import refuse

__all__ = ["MappedSheet", "opened"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_COLUMNS_MAX = 2000
_HEAD = 1 << 16
_PIECE = 4 << 20
_NO_BYTE = 1
"""A character that no checked text has: where there is no quotation mark, ours becomes it."""


@dataclass(slots=True)
class MappedSheet:
    """The rows of a file; `names` are those of its header, empty without one."""

    file: str
    text: Bytes
    swap: Bytes | None
    names: list[str]
    width: int
    header_line: int
    announced: int | None
    ended: bool
    rows: int = 0

    def pieces(self) -> Iterator[Cells]:
        """The rows in pieces; refuses a file that was cut, and one without rows."""
        for piece in self._cells():
            self.rows += piece.rows
            cut = piece.last and not self.ended and piece.rows > 0
            if cut and piece.count[-1] < self.width:
                raise refuse(
                    "intake.file.truncated", file=self.file, line=int(piece.line[-1]),
                    text=f"its last row is {shown(piece.row_text(piece.rows - 1))}",
                )  # fmt: skip
            yield piece
        if self.announced is not None and self.announced != self.rows:
            raise refuse(
                "intake.file.count", file=self.file, line=self.header_line + self.rows + 1,
                expected=self.announced, cells=self.rows,
            )  # fmt: skip
        if self.rows == 0:
            raise refuse("intake.file.rows", file=self.file, line=self.header_line or 1)

    def _cells(self) -> Iterator[Cells]:
        """The rows after the header; bytes that changed places change back in each piece."""
        if self.swap is None:
            yield from cells(self.text, file=self.file, skip_lines=self.header_line)
            return
        start, line = 0, 1
        while start < len(self.text):
            end = line_end(self.text, start + _PIECE)
            part, last = self.text[start:end], end == len(self.text)
            for piece in cells(
                self.swap[part], file=self.file, skip_lines=self.header_line, line=line, ends=last
            ):
                yield replace(piece, data=self.swap[piece.data])
            line += int(np.count_nonzero(part == NEWLINE))
            release(part)
            start = end

    def mark_odd_rows(self, piece: Cells, marks: Marks) -> None:
        """Set aside rows with another number of cells; refuse a file in which all are so."""
        fits = piece.count == self.width
        marks.set(~fits, "intake.row.cells")
        if piece.rows and not fits.any() and (piece.count == piece.count[0]).all():
            raise refuse(
                "intake.mapped.fit", file=self.file, line=int(piece.line[0]),
                text=f"each row has {int(piece.count[0])} cells, its header {self.width}",
            )  # fmt: skip

    def place(self, column: From) -> int:
        """The position of a column, from 0. Refuses a file that does not have it."""
        at = self._named(column) + column.number if column.name else column.number - 1
        if at >= self.width:
            raise refuse(
                "intake.mapped.columns", file=self.file, line=self.header_line or 1,
                text=f"there is no column {column}; a row has {self.width}",
            )  # fmt: skip
        return at

    def _named(self, column: From) -> int:
        found = self.names.count(column.name)
        if found != 1:
            near = difflib.get_close_matches(column.name, self.names, n=1)
            hint = f" (the nearest is {shown(near[0])})" if near else ""
            text = f"there is no column {shown(column.name)}{hint}"
            if found:
                text = f"{shown(column.name)} names {found} columns; give its number"
            raise refuse("intake.mapped.columns", file=self.file, line=self.header_line, text=text)
        return self.names.index(column.name)

    def refuse_others(self, known: Collection[str]) -> None:
        """Refuse a file with columns that its mapping does not name."""
        for name in self.names:
            if name not in known:
                near = difflib.get_close_matches(name.lower(), known, n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise refuse(
                    "intake.mapped.columns", file=self.file, line=self.header_line,
                    text=f"{shown(name)} is not one of them{hint}",
                )  # fmt: skip

    def column(self, piece: Cells, at: int) -> Column:
        """A column of all rows; where a row has no such cell, it is its first one."""
        first, count = piece.first[:-1], piece.count
        return Column(piece, np.where(count > at, first + at, first))


def opened(data: Bytes, *, file: str, dialect: Dialect) -> MappedSheet:
    """The file's text in its declared encoding, without preamble, header and trailer."""
    text = _decoded(data, file=file, encoding=dialect.encoding)
    text, announced = _without_trailer(text, file=file, dialect=dialect)
    text = _without_preamble(text, dialect.skip)
    swap = _swapped(dialect)
    top = text[: line_end(text, _HEAD)]
    head = next(cells(top if swap is None else swap[top], file=file), None)
    if head is None or not head.rows:
        raise refuse("intake.file.rows", file=file, line=1)
    if swap is not None:
        head = replace(head, data=swap[head.data])
    width = int(head.count[0])
    if width > _COLUMNS_MAX:
        raise refuse(
            "intake.mapped.columns", file=file, line=int(head.line[0]),
            text=f"a row has more than {_COLUMNS_MAX:,}",
        )  # fmt: skip
    names = [head.text(0, at).strip() for at in range(width)] if dialect.header else []
    line = int(head.line[0]) if dialect.header else 0
    ended = announced is not None or bool(text[-1] == NEWLINE)
    return MappedSheet(file, text, swap, names, width, line, announced, ended)


def _decoded(data: Bytes, *, file: str, encoding: str) -> Bytes:
    """The text as UTF-8, checked."""
    if encoding == "utf-8":
        return checked(_behind(data), file=file)
    raw = data.tobytes()
    try:
        return checked(raw.decode(encoding).removeprefix("\ufeff").encode(), file=file)
    except UnicodeDecodeError as err:
        line = raw.count(b"\n", 0, err.start) + 1
        raise refuse("intake.mapped.encoding", file=file, line=line, text=encoding) from err


def _behind(data: Bytes) -> Buffer:
    """The bytes that a whole array was made of; pages of a mapped file can then be given back."""
    base: object = data.base
    base = base.obj if isinstance(base, memoryview) else base
    if isinstance(base, bytes | mmap.mmap) and len(base) == len(data):
        return base
    return data.tobytes()


def _swapped(dialect: Dialect) -> Bytes | None:
    """Bytes that change places, so that a comma separates; None where nothing does."""
    swap = np.arange(256, dtype=np.uint8)
    for theirs, ours in ((dialect.delimiter, ","), (dialect.quote or chr(_NO_BYTE), '"')):
        swap[ord(theirs)], swap[ord(ours)] = ord(ours), ord(theirs)
    return None if (swap == np.arange(256)).all() else swap


def _without_preamble(text: Bytes, lines: int) -> Bytes:
    """The text with its first lines made blank, so that the others keep their numbers."""
    if not lines:
        return text
    breaks = np.flatnonzero(text[: 1 << 24] == NEWLINE)[:lines]
    cut = int(breaks[-1]) + 1 if len(breaks) == lines else len(text)
    return np.concatenate([np.full(len(breaks), NEWLINE, np.uint8), text[cut:]])


def _without_trailer(text: Bytes, *, file: str, dialect: Dialect) -> tuple[Bytes, int | None]:
    """The text before its last line, and how many rows that line announces."""
    if dialect.trailer is None:
        return text, None
    tail = text[-4096:].tobytes().rstrip(b"\r\n")
    at = tail.rfind(b"\n") + 1
    before, after = (part.encode() for part in dialect.trailer)
    last = tail[at:]
    number = last[len(before) : len(last) - len(after)]
    whole = last == before + number + after and number.isdigit() and len(number) <= 12
    if not whole and dialect.trailer_optional and not (before and last.startswith(before)):
        return text, None
    if not whole:
        line = int(np.count_nonzero(text == NEWLINE)) + 1
        raise refuse(
            "intake.file.truncated", file=file, line=line, text="its declared trailer is not there"
        )
    behind = len(text[-4096:].tobytes()) - at
    return text[: len(text) - behind], int(number)
