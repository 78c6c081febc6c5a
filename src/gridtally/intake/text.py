"""Step 2: delivered bytes become checked text, and text becomes cells; strict, in whole columns.

A cell is a pair of positions in the file's bytes: nothing is copied until a column is wanted.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.archive import Buffer
from gridtally.intake.words import refuse

__all__ = [
    "Cells",
    "Names",
    "cells",
    "checked",
    "line_end",
    "line_of",
    "packed",
    "piece_of",
    "release",
]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

COMMA, QUOTE, NEWLINE, RETURN, TAB = 44, 34, 10, 13, 9
FIELD_MAX = 128 * 1024
"""Longest cell [bytes]."""
ROW_MAX = 1 << 20
"""Longest row [bytes]; a day of minutes has 30,000."""
_SHORT = 32
"""Cells up to this many bytes are compared as machine words."""
_MASK = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)
_PAD = np.zeros(64, np.uint8)
_CHUNK = 4 << 20
_PIECE = 1 << 18
"""Bytes per piece, so that memory follows the piece and not the file."""


def release(part: Bytes) -> None:
    """A stretch of a mapped file was read: its pages need not stay in memory. Bytes stay."""
    root: object = part
    while isinstance(root, np.ndarray):
        root = root.base
    root = root.obj if isinstance(root, memoryview) else root
    if isinstance(root, mmap.mmap) and part.size:
        at = part.ctypes.data - np.frombuffer(root, np.uint8).ctypes.data
        start, end = -(-at // mmap.PAGESIZE), (at + part.size) // mmap.PAGESIZE
        if start < end:
            root.madvise(mmap.MADV_DONTNEED, start * mmap.PAGESIZE, (end - start) * mmap.PAGESIZE)


def digest(data: Buffer) -> str:
    """Hex SHA-256 of a file's bytes, without keeping a mapped file in memory."""
    total, view = hashlib.sha256(), np.frombuffer(data, np.uint8)
    for at in range(0, len(view), _CHUNK):
        total.update(view[at : at + _CHUNK].data)
        release(view[at : at + _CHUNK])
    return total.hexdigest()


def line_of(text: Bytes, at: int) -> int:
    """The line (from 1) in which byte `at` stands."""
    return int(np.count_nonzero(text[:at] == NEWLINE)) + 1


def checked(data: Buffer, *, file: str) -> Bytes:
    """The file's text as UTF-8 bytes without byte order mark.

    Refuses an empty file, UTF-16 and other encodings, control characters and lone carriage returns.
    """
    if not data:
        raise refuse("intake.file.empty", file=file, line=1)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse("intake.file.encoding", file=file, line=1, text=" but UTF-16")
    text = np.frombuffer(data, dtype=np.uint8)
    if data[:3] == b"\xef\xbb\xbf":
        text = text[3:]
    high = odd = seen = False
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        low = piece < 32
        high |= int(piece.max()) >= 128
        odd |= np.count_nonzero(low) != np.count_nonzero(piece == NEWLINE)
        seen = seen or bool((piece > 32).any())
        release(piece)
    if high:
        _refuse_encoding(text, file=file)
    if odd:
        _refuse_control(text, file=file)
    if not seen:
        raise refuse("intake.file.empty", file=file, line=1)
    return text


def _refuse_encoding(text: Bytes, *, file: str) -> None:
    """Refuse what is not UTF-8, in pieces that end between characters, so that memory is small."""
    start = 0
    while start < len(text):
        end = start + _CHUNK
        while end < min(len(text), start + _CHUNK + 4) and text[end] & 0xC0 == 0x80:
            end += 1
        try:
            text[start:end].tobytes().decode("utf-8")
        except UnicodeDecodeError as err:
            line = line_of(text, start + err.start)
            raise refuse("intake.file.encoding", file=file, line=line) from err
        start = end


def _refuse_control(text: Bytes, *, file: str) -> None:
    """Refuse the first control character that is not a tab or part of a line end."""
    for begin in range(0, len(text), _CHUNK):
        at = begin + np.flatnonzero(text[begin : begin + _CHUNK] < 32)
        after = text[np.minimum(at + 1, len(text) - 1)]
        ends_line = (text[at] == RETURN) & ((after == NEWLINE) | (at + 1 == len(text)))
        wrong = at[(text[at] != NEWLINE) & (text[at] != TAB) & ~ends_line]
        if wrong.size:
            first = int(wrong[0])
            line, char = line_of(text, first), str(int(text[first]))
            raise refuse("intake.file.control", file=file, line=line, text=char)


def _refuse_long_row(data: Bytes, *, line: int, file: str) -> None:
    """Refuse a row that is longer than any table has, before its cells take memory."""
    half = ROW_MAX // 2
    for begin in range(0, len(data) - half + 1, half):
        if data[begin : begin + half].tobytes().find(b"\n") >= 0:
            continue
        before = data[max(0, begin - ROW_MAX) : begin].tobytes()
        start = begin - (len(before) - 1 - before.rfind(b"\n"))
        if b"\n" not in data[start : start + ROW_MAX + 1].tobytes():
            raise refuse("intake.csv.row", file=file, line=line - 1 + line_of(data, start))


def packed(data: Bytes, starts: Ints, length: Ints, words: int) -> npt.NDArray[np.uint64]:
    """The first `8 x words` bytes of each cell as little-endian words, zero beyond its end.

    Shape (words, n). `data` must go on for that many bytes after the last cell: see `piece_of`.
    One gather per eight characters instead of one per character: three times as fast.
    """
    view = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    result = np.empty((words, len(starts)), np.uint64)
    for word in range(words):
        rest = np.clip(length - 8 * word, 0, 8)
        result[word] = view[starts + 8 * word] & _MASK[rest]
    return result


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows of a piece of a file; row r has cells `first[r]` … `first[r + 1] - 1`.

    `starts`, `ends`: positions of each cell in `data`. `line`: the line of each row, shape (rows,).
    `last`: this piece ends the file.
    """

    data: Bytes
    starts: Ints
    ends: Ints
    first: Ints
    line: Ints
    quoted: bool
    last: bool

    @property
    def rows(self) -> int:
        """How many rows the piece has."""
        return len(self.line)

    @property
    def count(self) -> Ints:
        """Cells in each row. Shape (rows,)."""
        return np.diff(self.first)

    def text(self, row: int, column: int) -> str:
        """One cell as text; empty where the row has no such cell."""
        at = int(self.first[row]) + column
        return self.at(at) if at < self.first[row + 1] else ""

    def at(self, cell: int) -> str:
        """The cell of that number as text."""
        raw = self.data[self.starts[cell] : self.ends[cell]].tobytes()
        text = raw.decode("utf-8", "replace")
        return text.replace('""', '"') if self.quoted else text

    def row_text(self, row: int) -> str:
        """A whole row as it stands in the file."""
        start, end = self.starts[self.first[row]], self.ends[self.first[row + 1] - 1]
        return self.data[start:end].tobytes().decode("utf-8", "replace")

    def distinct(self, cells: Ints) -> tuple[Ints, Ints]:
        """Cells of equal text share a number: numbers, shape (n,), and one cell of each number.

        Equal neighbours are compared as machine words and looked up once.
        """
        starts, length = self.starts[cells], self.ends[cells] - self.starts[cells]
        longest = int(length.max(initial=1))
        if longest > _SHORT:
            coded = self.strings(cells).dictionary_encode()
            codes = coded.indices.to_numpy().astype(np.int64)
            heads = np.arange(len(cells))
        else:
            words = packed(self.data, starts, length, -(-longest // 8))
            fresh = np.ones(len(cells), bool)
            fresh[1:] = (words[:, 1:] != words[:, :-1]).any(axis=0)
            heads = np.flatnonzero(fresh)
            text = np.ascontiguousarray(words[:, heads].T)
            coded = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(8 * len(words)), len(heads), [None, pa.py_buffer(text)]
            ).dictionary_encode()
            codes = coded.indices.to_numpy().astype(np.int64)
        one = np.zeros(len(coded.dictionary), np.int64)
        one[codes[::-1]] = cells[heads[::-1]]
        return np.repeat(codes, np.diff(np.append(heads, len(cells)))), one

    def strings(self, cells: Ints) -> pa.StringArray:
        """The cells of these numbers as an Arrow column."""
        starts, length = self.starts[cells], self.ends[cells] - self.starts[cells]
        offsets = np.zeros(len(cells) + 1, np.int64)
        np.cumsum(length, out=offsets[1:])
        where = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], length)
        column = pa.LargeStringArray.from_buffers(
            len(cells), pa.py_buffer(offsets), pa.py_buffer(self.data[where])
        ).cast(pa.string())
        return pc.replace_substring(column, '""', '"') if self.quoted else column


class Names:
    """Texts of a column as small numbers, the same over all pieces of a file."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._number: dict[str, int] = {}
        self._fine: list[bool] = []

    def number(self, text: str) -> int:
        """The number of a text; a new one when it was not seen before."""
        if text not in self._number:
            self._number[text] = len(self.texts)
            self.texts.append(text)
        return self._number[text]

    def all(self, test: Callable[[str], bool]) -> Bools:
        """Whether each name passes the test, always the same one. Shape (names + 1,)."""
        self._fine += [test(text) for text in self.texts[len(self._fine) :]]
        return np.array([*self._fine, False], dtype=bool)

    def encode(self, codes: Ints, texts: Sequence[str]) -> Ints:
        """A column given as numbers of `texts`, as numbers of these names. Shape (n,)."""
        own = np.array([self.number(text) for text in texts], dtype=np.int64)
        return own[codes] if len(codes) else codes


def cells(
    data: Bytes, *, file: str, skip_lines: int = 0, line: int = 1, ends: bool = True
) -> Iterator[Cells]:
    """The file's rows in pieces of some MiB; blank lines are no rows. Refuses broken quoting.

    `line` is the number of the first line of `data`; `ends`: the file ends with it.
    """
    start = 0
    while start < len(data):
        end = line_end(data, start + _CHUNK)
        piece, lines = piece_of(data[start:end], line, file=file, last=ends and end == len(data))
        if skip_lines >= line:
            piece = _without(piece, skip_lines)
        if piece.rows or end == len(data):
            yield piece
        release(data[start:end])
        start, line = end, line + lines


def line_end(data: Bytes, at: int) -> int:
    """The position after the first line end at or after `at`; the end when there is none."""
    for begin in range(at, len(data), _PIECE):
        found = data[begin : begin + _PIECE].tobytes().find(b"\n")
        if found >= 0:
            return begin + found + 1
    return len(data)


def _without(piece: Cells, lines: int) -> Cells:
    """The piece without the rows of the file's first `lines` lines."""
    drop = int(np.searchsorted(piece.line, lines, side="right"))
    return Cells(
        piece.data, piece.starts, piece.ends, piece.first[drop:], piece.line[drop:],
        piece.quoted, piece.last,
    )  # fmt: skip


def piece_of(data: Bytes, line: int, *, file: str, last: bool) -> tuple[Cells, int]:
    """Cells of a piece that begins a line and ends one, and how many lines it has."""
    _refuse_long_row(data, line=line, file=file)
    # One pass over the bytes: everything that can end or quote a cell is at most a comma.
    low = np.flatnonzero(data <= COMMA)
    mark = data[low]
    ends = low[(mark == COMMA) | (mark == NEWLINE)]
    breaking = data[ends] == NEWLINE
    lines = int(breaking.sum())
    if not len(data) or data[-1] != NEWLINE:
        ends, breaking = np.append(ends, len(data)), np.append(breaking, True)
    quotes = low[mark == QUOTE]
    if quotes.size:
        inside = _quoted(data, ends, breaking, quotes, line=line, file=file)
        ends, breaking = ends[~inside], breaking[~inside]
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1
    row_end = np.flatnonzero(breaking) + 1
    breaks = ends[row_end - 1]
    first = np.concatenate([[0], row_end])
    closing = row_end - 1
    returned = (ends[closing] > starts[closing]) & (data[np.maximum(breaks, 1) - 1] == RETURN)
    ends[closing[returned]] -= 1
    blank = (np.diff(first) == 1) & (starts[closing] == ends[closing])
    if blank.any():
        starts, ends, first = _drop_rows(starts, ends, first, ~blank)
    if quotes.size:
        open_quote = (ends > starts) & (data[np.minimum(starts, len(data) - 1)] == QUOTE)
        starts, ends = starts + open_quote, ends - open_quote
    number = line + np.flatnonzero(~blank)
    long = np.flatnonzero(ends - starts > FIELD_MAX)
    if long.size:
        row = int(np.searchsorted(first, long[0], side="right")) - 1
        raise refuse("intake.csv.field", file=file, line=int(number[row]))
    data = np.concatenate([data, _PAD])
    return Cells(data, starts, ends, first, number, bool(quotes.size), last), lines


def _drop_rows(starts: Ints, ends: Ints, first: Ints, keep: Bools) -> tuple[Ints, Ints, Ints]:
    """The cells of the rows to keep."""
    count = np.diff(first)
    cells_kept = np.repeat(keep, count)
    again = np.concatenate([[0], np.cumsum(count[keep])])
    return starts[cells_kept], ends[cells_kept], again


def _quoted(
    data: Bytes, ends: Ints, breaking: Bools, quotes: Ints, *, line: int, file: str
) -> Bools:
    """Commas inside quotation marks, which end no cell; refuses marks that do not enclose one cell.

    Marks alternate between opening and closing, a doubled one inside a cell does both.
    """
    breaks = ends[breaking]
    opening, closing = quotes[0::2], quotes[1::2]
    lone = len(opening) > len(closing)
    pairs = opening[: len(closing)]
    crossing = np.searchsorted(breaks, pairs) != np.searchsorted(breaks, closing)
    before = np.where(pairs > 0, data[np.maximum(pairs, 1) - 1], NEWLINE)
    doubled = np.zeros(len(pairs), bool)
    doubled[1:] = pairs[1:] == closing[:-1] + 1
    starts_cell = (before == COMMA) | (before == NEWLINE) | doubled
    after = np.where(closing + 1 < len(data), data[np.minimum(closing + 1, len(data) - 1)], NEWLINE)
    ends_cell = np.isin(after, (COMMA, NEWLINE, RETURN, QUOTE))
    wrong = pairs[crossing | ~starts_cell | ~ends_cell]
    if lone:
        wrong = np.append(wrong, opening[-1])
    if wrong.size:
        at = line + int(np.searchsorted(breaks, wrong.min()))
        raise refuse("intake.csv.quote", file=file, line=at)
    return np.searchsorted(opening, ends) > np.searchsorted(closing, ends)
