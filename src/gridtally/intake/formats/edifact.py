"""Step 2: EDIFACT interchanges (ISO 9735) as columns: segments and their cells, piece by piece.

The service string advice (UNA) says which characters separate; a release character takes the
meaning from the one after it. Line ends between segments are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.errors import RefusedFile
from gridtally.intake.report import shown
from gridtally.intake.text import Cells, packed
from gridtally.intake.words import refuse

__all__ = ["Interchange", "Segments", "Service", "number_of", "pick", "sniffs"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_HEAD = 4096
_PIECE = 4 << 20
"""Bytes per piece, so that memory follows the piece and not the file."""
_GROUP_MAX = 64 << 20
"""Longest run of segments that belong together [bytes]; honest ones have some hundred."""
_ELEMENTS, _COMPONENTS = 64, 64
"""More than any segment has of each."""
_CHARSETS = {
    "UNOA": "ascii", "UNOB": "ascii", "UNOC": "latin-1", "UNOD": "iso8859-2", "UNOE": "iso8859-5",
    "UNOF": "iso8859-7", "UNOG": "iso8859-3", "UNOH": "iso8859-4", "UNOI": "iso8859-6",
    "UNOJ": "iso8859-8", "UNOK": "iso8859-9", "UNOW": "utf-8", "UNOY": "utf-8",
}  # fmt: skip
"""Syntax identifier of UNB -> the encoding of the text."""
_PAD = np.zeros(64, np.uint8)


def sniffs(head: bytes) -> bool:
    """Whether the file begins with a service string advice or an interchange header."""
    head = head.removeprefix(_BOM).lstrip(_BLANK)
    if head[:3] == b"UNA":
        return head[9:].lstrip(_BLANK)[:3] == b"UNB"
    return head[:4] == b"UNB+"


def number_of(tag: str) -> int:
    """A segment tag such as QTY as the number by which `Segments.tag` names it."""
    return int.from_bytes(tag.encode(), "big")


@dataclass(frozen=True, slots=True)
class Service:
    """The characters that have a meaning: `:`, `+`, `.`, `?` and `'`, or what UNA says."""

    component: int
    element: int
    decimal: int
    release: int
    terminator: int


@dataclass(frozen=True)
class Segments(Cells):
    """Segments of a piece: the rows of `Cells`, of which the first cell is the tag.

    `tag` (see `number_of`) and `number` (from 1: UNB) have shape (rows,); `key` numbers row,
    element and component of each cell, in order.
    """

    tag: Ints
    number: Ints
    key: Ints
    charset: str
    release: int

    def at(self, cell: int) -> str:
        """The cell of that number as text, without release characters."""
        raw = self.data[self.starts[cell] : self.ends[cell]].tobytes()
        if self.release in raw:
            mark = bytes([self.release])
            raw = b"\0".join(part.replace(mark, b"") for part in raw.split(mark + mark))
            raw = raw.replace(b"\0", mark)
        return raw.decode(self.charset, "replace")

    def find(self, rows: Ints, element: int, component: int = 0) -> Ints:
        """The cell of an element and component (from 0) of each row, -1 where there is none."""
        want = (rows * _ELEMENTS + element) * _COMPONENTS + component
        # In most segments no element before it has several components: look there first.
        cell = np.minimum(self.first[rows] + element + component, len(self.key) - 1)
        rest = np.flatnonzero(self.key[cell] != want)
        if rest.size:
            cell[rest] = np.minimum(np.searchsorted(self.key, want[rest]), len(self.key) - 1)
        return np.where(self.key[cell] == want, cell, -1)

    def said(self, row: int, element: int, component: int = 0) -> str:
        """One cell of one row as text; empty where there is none."""
        cell = int(self.find(np.array([row]), element, component)[0])
        return self.at(cell) if cell >= 0 else ""

    def span(self, cells: Ints) -> tuple[Ints, Ints]:
        """Where cells begin and end; an empty stretch where there is none (-1)."""
        there = cells >= 0
        return np.where(there, self.starts[cells], 0), np.where(there, self.ends[cells], 0)


def pick(segments: Segments, cells: Ints, choices: Mapping[str, int]) -> Ints:
    """The number that `choices` gives each cell; -1 where it has none, or there is no cell."""
    starts, ends = segments.span(cells)
    words = packed(segments.data, starts, ends - starts, 1)[0]
    known = np.array([int.from_bytes(text.encode(), "little") for text in choices], np.uint64)
    order = np.argsort(known)
    near = np.minimum(np.searchsorted(known[order], words), len(known) - 1)
    hit = (known[order][near] == words) & (ends - starts <= 8) & (cells >= 0)
    return np.where(hit, np.array(list(choices.values()))[order][near], -1)


class Interchange:
    """A file while it is read, in whole segments; its frame is checked by `edifact_frame`.

    `by_line`: lines are those of the text; False: it has none, and the segments are counted.
    """

    def __init__(self, data: Bytes, *, file: str) -> None:
        """Refuses what is empty, no interchange, or not in the character set that it declares."""
        self.file, self.data = file, data
        head = data[:_HEAD].tobytes()
        self.start = len(_BOM) if head.startswith(_BOM) else 0
        self.start = len(head) - len(head[self.start :].lstrip(_BLANK))
        if self.start == len(head):
            raise refuse("intake.file.empty", file=file, line=1)
        self.service = Service(*b":+.?'")
        if head[self.start :][:3] == b"UNA":
            self.service = self._advice(head[self.start + 3 :][:6])
            self.start += 9
        self.end = len(data) - len(data[-_HEAD:]) + len(data[-_HEAD:].tobytes().rstrip(_BLANK))
        self.by_line = bool((data[self.start : self.end] == 10).any())
        self.charset, self.prepared = "latin-1", ""
        self._header()
        self._check_text()

    def pieces(self, heads: Sequence[int]) -> Iterator[Segments]:
        """The segments in pieces of some MiB; each but the last ends before a segment of `heads`.

        So what such a segment begins is never cut. Raises `RefusedFile`.
        """
        at, number, size = self.start, 1, _PIECE
        line = 1 + int(np.count_nonzero(self.data[:at] == 10))
        last = False
        while not last:
            last = at + size >= len(self.data)
            raw = self.data[at : at + size]
            found = self._cells(raw, number=number, line=line, last=last)
            keep = found.rows if last else _before_last(found, heads)
            if not keep and not last:
                size *= 2
                if size > _GROUP_MAX:
                    raise self.broken(line, "segments without end belong together")
                continue
            used = len(raw) if last else int(found.starts[found.first[keep]])
            yield _first_rows(found, keep)
            at, number, size = at + used, number + keep, _PIECE
            line += int(np.count_nonzero(raw[:used] == 10))

    def broken(self, line: int, text: str) -> RefusedFile:
        """The refusal of an interchange whose frame is wrong."""
        return refuse("intake.edifact.frame", file=self.file, line=line, text=text)

    # --------------------------------------------------------------- header

    def _advice(self, given: bytes) -> Service:
        """What UNA says: component, element, decimal mark, release, reserved, terminator."""
        component, element, decimal, release, _, terminator = given.ljust(6, b"\0")
        service = Service(component, element, decimal, release, terminator)
        marks = {component, element, decimal, release, terminator}
        plain = any(chr(mark).isalnum() or not 32 < mark < 127 for mark in marks)
        if len(marks) < 5 or plain or decimal not in b".,":
            text = f"UNA names no service characters: {shown(given.decode('latin-1'))}"
            raise self.broken(1, text)
        return service

    def _header(self) -> None:
        """What UNB says of the file: its character set, and when it was prepared."""
        head = self._cells(self.data[self.start : self.start + _HEAD], number=1, line=1, last=False)
        if not head.rows:
            self._refuse_end(self.data[self.start : self.end], 0, line=1, number=1)
        if not head.rows or head.said(0, 0) != "UNB":
            raise self.broken(1, "it does not begin with UNB")
        identifier = head.said(0, 1)
        if identifier not in _CHARSETS:
            raise self.broken(1, f"UNB names the character set {shown(identifier)}")
        self.charset = _CHARSETS[identifier]
        self.prepared = head.said(0, 4) + head.said(0, 4, 1)

    def _check_text(self) -> None:
        """Refuse bytes that the declared character set does not have, and control characters."""
        low = np.flatnonzero((self.data < 32) & (self.data != 10) & (self.data != 13))
        high = np.flatnonzero(self.data > 126)
        wrong, code = low, "intake.file.control"
        if not low.size and high.size and self.charset == "latin-1":
            wrong = high[self.data[high] < 160]
        elif not low.size and high.size:
            code = "intake.edifact.charset"
            try:
                self.data.tobytes().removeprefix(_BOM).decode(self.charset)
            except UnicodeDecodeError as err:
                wrong = np.array([err.start])
        if wrong.size:
            at = int(wrong[0])
            line = 1 + int(np.count_nonzero(self.data[:at] == 10))
            text = str(int(self.data[at])) if code.endswith("control") else self.charset.upper()
            raise refuse(code, file=self.file, line=line, text=text)

    # ------------------------------------------------------------- segments

    def _cells(self, raw: Bytes, *, number: int, line: int, last: bool) -> Segments:
        """The whole segments of a stretch of bytes; the last stretch must end with one."""
        ends, kind = self._separators(raw)
        closing = np.flatnonzero(kind == self.service.terminator)
        if last:
            used = int(ends[closing[-1]]) + 1 if closing.size else 0
            self._refuse_end(raw, used, line=line, number=number + len(closing))
        size = int(closing[-1]) + 1 if closing.size else 0
        ends, kind = ends[:size], kind[:size]
        starts = np.empty_like(ends)
        starts[:1], starts[1:] = 0, ends[:-1] + 1
        first = np.concatenate([[0], closing + 1])
        rows = np.arange(len(closing))
        starts[first[:-1]] = _past_line_ends(raw, starts[first[:-1]])
        numbers = number + rows
        lines = numbers
        if self.by_line:
            lines = line + np.searchsorted(np.flatnonzero(raw == 10), starts[first[:-1]])
        self._refuse_odd(raw, starts[first[:-1]], ends, first, lines)
        key = self._keys(kind, first, rows, lines)
        data = np.concatenate([raw, _PAD])
        head = data[starts[first[:-1], None] + np.arange(3)].astype(np.int64)
        return Segments(
            data, starts, ends, first, lines, False, last,
            (head[:, 0] << 16) + (head[:, 1] << 8) + head[:, 2], numbers, key,
            self.charset, self.service.release,
        )  # fmt: skip

    def _separators(self, raw: Bytes) -> tuple[Ints, Bytes]:
        """Positions of the characters that separate, and which they are."""
        service = self.service
        special = np.zeros(256, bool)
        special[[service.component, service.element, service.terminator, service.release]] = True
        marks = np.flatnonzero(special[raw])
        kind = raw[marks]
        release = np.flatnonzero(kind == service.release)
        if release.size:
            # Of several release characters in a row, each second one is released itself.
            place = np.arange(len(release))
            new = np.ones(len(release), bool)
            new[1:] = np.diff(marks[release]) != 1
            active = (place - np.maximum.accumulate(np.where(new, place, 0))) % 2 == 0
            keep = kind != service.release
            after = np.minimum(release[active] + 1, len(marks) - 1)
            keep[after[marks[after] == marks[release[active]] + 1]] = False
            marks, kind = marks[keep], kind[keep]
        return marks, kind

    def _keys(self, kind: Bytes, first: Ints, rows: Ints, lines: Ints) -> Ints:
        """Row, element and component of each cell as one growing number."""
        cells = np.arange(len(kind))
        owner = np.repeat(rows, np.diff(first))
        opens = np.zeros(len(kind), bool)
        opens[1:] = kind[:-1] == self.service.element
        elements = np.cumsum(opens)
        element = elements - elements[first[:-1]][owner]
        opens[first[:-1]] = True
        component = cells - np.maximum.accumulate(np.where(opens, cells, 0))
        wide = np.flatnonzero((element >= _ELEMENTS) | (component >= _COMPONENTS))
        if wide.size:
            raise self.broken(
                int(lines[owner[wide[0]]]), "a segment has more elements than any may have"
            )
        key: Ints = (owner * _ELEMENTS + element) * _COMPONENTS + component
        return key

    def _refuse_odd(self, raw: Bytes, begin: Ints, ends: Ints, first: Ints, lines: Ints) -> None:
        """Refuse line ends inside segments, and what begins with no tag of three letters."""
        if not len(begin):
            return
        breaks = np.flatnonzero((raw == 10) | (raw == 13))
        if breaks.size:
            owner = np.searchsorted(ends[first[1:] - 1], breaks)
            inside = (owner < len(begin)) & (breaks > begin[np.minimum(owner, len(begin) - 1)])
            if inside.any():
                text = "a line ends inside a segment"
                raise self.broken(int(lines[owner[inside][0]]), text)
        short = np.flatnonzero(ends[first[:-1]] - begin != 3)
        if short.size:
            row = int(short[0])
            text = raw[begin[row] : ends[first[row]]][:40].tobytes().decode("latin-1")
            raise self.broken(int(lines[row]), f"{shown(text)} is no segment")

    def _refuse_end(self, raw: Bytes, used: int, *, line: int, number: int) -> None:
        """Refuse a file whose last segment does not end."""
        rest = raw[used:].tobytes().strip(_BLANK)
        if rest:
            at = line + int(np.count_nonzero(raw[:used] == 10)) if self.by_line else number
            text = shown(rest[:40].decode("latin-1"))
            raise self.truncated(at, f"the segment that begins {text} does not end")

    def truncated(self, line: int, text: str) -> RefusedFile:
        """The refusal of a file that lost its end."""
        return refuse("intake.file.truncated", file=self.file, line=line, text=text)


def _before_last(found: Segments, heads: Sequence[int]) -> int:
    """Segments before the last one of `heads`: what that one begins may go on."""
    at = np.flatnonzero(np.isin(found.tag, heads))
    return int(at[-1]) if at.size else 0


def _first_rows(found: Segments, rows: int) -> Segments:
    """The first segments of a piece."""
    cells = int(found.first[rows])
    return Segments(
        found.data, found.starts[:cells], found.ends[:cells], found.first[: rows + 1],
        found.line[:rows], False, found.last, found.tag[:rows], found.number[:rows],
        found.key[:cells], found.charset, found.release,
    )  # fmt: skip


def _past_line_ends(raw: Bytes, starts: Ints) -> Ints:
    """Positions moved on over line ends and blanks."""
    blank = np.zeros(256, bool)
    blank[list(_BLANK)] = True
    at = np.minimum(starts, len(raw) - 1)
    if not len(at) or not blank[raw[at]].any():
        return starts
    solid = np.flatnonzero(~blank[raw])
    return solid[np.searchsorted(solid, starts)]
