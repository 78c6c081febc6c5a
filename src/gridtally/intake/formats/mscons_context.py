"""Step 2: what holds for a QTY segment because it was said before: message, place, meter, OBIS.

A segment's word holds until the next of its kind, or until a segment above it begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from gridtally.intake import times
from gridtally.intake.formats.common import Column
from gridtally.intake.formats.edifact import Segments, number_of, pick
from gridtally.intake.formats.edifact_times import instants
from gridtally.intake.formats.obis import Obis, obis_of
from gridtally.intake.text import Names
from gridtally.periods import Zone

__all__ = [
    "DTM", "HEADS", "QTY", "STS", "Context", "Message", "Where", "owners", "prepared_at",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_TAGS = ("UNH", "BGM", "RFF", "NAD", "LOC", "LIN", "PIA", "QTY", "DTM", "STS", "UNT", "UNZ")
UNH, BGM, RFF, NAD, LOC, LIN, PIA, QTY, DTM, STS, UNT, UNZ = (number_of(tag) for tag in _TAGS)
HEADS = (UNH, LOC, LIN, QTY, UNT, UNZ)
"""Segments before which a piece may end: what follows belongs to them, or to nothing before."""
_WITHDRAWN = ("1", "3")
"""Message functions (DE 1225) that take an earlier message back: cancellation, deletion."""


@dataclass(slots=True)
class Message:
    """A message: its document number and line, and whether it takes another one back."""

    document: str
    line: int
    withdraws: bool


@dataclass(frozen=True, slots=True)
class Where:
    """For each QTY segment the numbers of point, meter, code, message, -1 for none; its version."""

    point: Ints
    meter: Ints
    code: Ints
    message: Ints
    version: Ints


class _Track:
    """A value that holds from the segment that says it on, over the pieces of a file."""

    def __init__(self, value: int) -> None:
        self.value = value

    def at(self, where: Ints, *changes: tuple[Ints, Ints | int]) -> Ints:
        """The value at the rows `where`; each change is rows and what they set it to."""
        rows = np.concatenate([place for place, _ in changes])
        values = np.concatenate([np.broadcast_to(value, place.shape) for place, value in changes])
        order = np.argsort(rows, kind="stable")
        # The value from before stands first, for the rows before any change.
        values = np.concatenate([[self.value], values[order]])
        self.value = int(values[-1])
        return values[np.searchsorted(rows[order], where, side="right")]


@dataclass(slots=True)
class Context:
    """What was said so far in a file; `meanings` has what each code of `codes` stands for."""

    prepared: int
    zone: Zone | None
    points: Names = field(default_factory=Names)
    meters: Names = field(default_factory=Names)
    codes: Names = field(default_factory=Names)
    meanings: list[Obis | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    _tracks: dict[str, _Track] = field(default_factory=dict)

    def of(self, piece: Segments, values: Ints) -> Where:
        """What holds for the QTY segments at the rows `values`."""
        tag = piece.tag
        unh, loc, lin, pia = (np.flatnonzero(tag == kind) for kind in (UNH, LOC, LIN, PIA))
        address = np.flatnonzero(tag == NAD)
        device = np.flatnonzero(tag == RFF)
        device = device[pick(piece, piece.find(device, 1), {"MG": 1}) == 1]
        measured = pick(piece, piece.find(loc, 1), {"172": 1}) == 1
        point = np.where(measured, self._texts(piece, piece.find(loc, 2), self.points), -1)
        meter = self._texts(piece, piece.find(device, 1, 1), self.meters)
        code = self._texts(piece, piece.find(pia, 2), self.codes)
        self.meanings += [obis_of(text) for text in self.codes.texts[len(self.meanings) :]]
        message = self._messages(piece, unh)
        return Where(
            self._track("point", -1).at(values, (address, -1), (unh, -1), (loc, point)),
            self._track("meter", -1).at(values, (unh, -1), (loc, -1), (device, meter)),
            self._track("code", -1).at(values, (unh, -1), (loc, -1), (lin, -1), (pia, code)),
            self._track("message", -1).at(values, (unh, message)),
            self._versions(piece, values, unh, loc),
        )

    def _track(self, name: str, value: int) -> _Track:
        return self._tracks.setdefault(name, _Track(value))

    def _texts(self, piece: Segments, cells: Ints, names: Names) -> Ints:
        """Cells as numbers of names; -1 where there is no cell, or nothing in it."""
        result = np.full(len(cells), -1, np.int64)
        there = np.flatnonzero(cells >= 0)
        column = Column(piece, cells[there])
        codes = column.codes(names)
        result[there] = np.where(column.empty, -1, codes)
        return result

    def _messages(self, piece: Segments, unh: Ints) -> Ints:
        """The numbers of the messages that begin in a piece; a BGM says what each is for."""
        numbers = len(self.messages) + np.arange(len(unh))
        self.messages += [Message("", int(piece.line[row]), False) for row in unh.tolist()]
        for row in np.flatnonzero(piece.tag == BGM).tolist():
            at = int(np.searchsorted(unh, row)) - 1
            message = self.messages[int(numbers[at]) if at >= 0 else -1]
            message.document = piece.said(row, 2)
            message.withdraws = piece.said(row, 3) in _WITHDRAWN
        return numbers

    def _versions(self, piece: Segments, values: Ints, unh: Ints, loc: Ints) -> Ints:
        """When the message was written (DTM 137), or its part was completed (DTM 293). [UTC s]

        Without an offset and a declared zone it is taken as UTC: it only says which is newer.
        """
        dtm = np.flatnonzero(piece.tag == DTM)
        dtm = dtm[owners(piece, dtm) < 0]
        kind = pick(piece, piece.find(dtm, 1), {"137": 1, "293": 2})
        written, completed = dtm[kind == 1], dtm[kind == 2]
        sent = self._track("sent", self.prepared).at(
            values, (unh, self.prepared), (written, self._marks(piece, written))
        )
        made = self._track("made", -1).at(
            values, (unh, -1), (loc, -1), (completed, self._marks(piece, completed))
        )
        return np.where(made >= 0, made, sent)

    def _marks(self, piece: Segments, rows: Ints) -> Ints:
        found = instants(piece, rows, zone=self.zone)
        return np.where(found.state == times.PATTERN, self.prepared, found.value)


def owners(piece: Segments, rows: Ints) -> Ints:
    """The row of the QTY segment that DTM or STS segments follow, -1 where it is another one."""
    plain = (piece.tag != DTM) & (piece.tag != STS)
    head = np.maximum.accumulate(np.where(plain, np.arange(piece.rows), -1))[rows]
    return np.where((head >= 0) & (piece.tag[head] == QTY), head, -1)


def prepared_at(text: str) -> int:
    """The date and time of UNB (YYMMDD or CCYYMMDD, HHMM) as seconds, 0 when there is none."""
    text = f"20{text}" if len(text) == 10 else text
    try:
        return int(datetime.strptime(text + "+0000", "%Y%m%d%H%M%z").timestamp())
    except ValueError:
        return 0
