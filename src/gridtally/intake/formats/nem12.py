"""Step 2: NEM12, interval data of the Australian market: 100, 200, 300, 400, 500 and 900 records.

Suffixes E, B, Q, K of a 200 record are our four channels. Streams of one letter (E1, E2) are
added up interval by interval, because together they are the metering point's channel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridtally.intake import numbers, times
from gridtally.intake.formats import mdff
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    ENERGY_MAX,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_POWER,
    Delivery,
    Read,
    mark_numbers,
)
from gridtally.intake.formats.mdff import QUALITY, Mdff
from gridtally.intake.formats.streams import Streams, combine
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import Runs, join, settle_runs, to_blocks, totals
from gridtally.intake.text import Cells
from gridtally.intake.words import refuse

__all__ = ["SENTENCE", "SUFFIXES", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SENTENCE = "NEM12: interval data of the Australian market (AEMO MDFF), always UTC+10."
SUFFIXES = {"E": "import", "B": "export", "Q": "reactive_import", "K": "reactive_export"}
"""First letter of an NMI suffix -> channel (master streams; check and average ones are others)."""
_KNOWN = ("200", "300", "400", "500")
_QUALITY = re.compile(r"[AEFNSV][0-9]{0,2}\Z")
_DAY = 86_400


def sniff(head: bytes) -> bool:
    """Whether the file begins with an MDFF record and has no 250 records."""
    return mdff.sniffs(head, b"NEM12")


@dataclass(frozen=True, slots=True)
class _Stream:
    """A 200 record: one data stream; `key` numbers (NMI, suffix), -1 when it cannot be kept."""

    key: int
    slots: int
    power: int
    problem: str
    quote: str


@dataclass(slots=True)
class _Reading:
    """What the pieces of a file have in common while it is read."""

    mdff: Mdff
    delivery: Delivery
    streams: Streams = field(default_factory=Streams)
    parts: list[Runs] = field(default_factory=list)
    rows: int = 0
    events: int = 0
    rounded: int = 0


def read(text: Bytes, delivery: Delivery) -> Read:
    """The file's readings as blocks. Raises `RefusedFile` with the line that breaks the rules."""
    frame = mdff.open_mdff(text, file=delivery.file, version="NEM12")
    reading = _Reading(frame, delivery)
    for piece, kind in mdff.pieces(text, frame, known=_KNOWN):
        _take(piece, kind, reading)
    report = delivery.report
    if not reading.rows:
        raise refuse("intake.file.rows", file=delivery.file, line=1)
    if reading.events:
        report.note("intake.nem.events", count=reading.events)
    if reading.rounded:
        report.note("intake.value.rounded", count=reading.rounded)
    streams = reading.streams
    runs = settle_runs(join(reading.parts), streams.names, report)
    runs, rest = combine(runs, streams, report)
    found = totals(runs, streams.names)
    return Read(
        reading.rows,
        blocks=to_blocks(rest, streams.names, delivery.source),
        totals=found,
    )


def _take(piece: Cells, kind: Ints, reading: _Reading) -> None:
    """One piece of the file: days become runs, days that are wrong are set aside."""
    owner = np.maximum.accumulate(np.where(kind == 200, np.arange(len(kind)), -1))
    streams = {
        int(row): _stream(piece, int(row), reading) for row in np.flatnonzero(kind == 200).tolist()
    }
    _check_order(piece, kind, owner, reading)
    reading.events += int((kind == 500).sum())
    days = np.flatnonzero(kind == 300)
    reading.rows += len(days)
    marks = Marks(len(days))
    own = [streams[at] for at in owner[days].tolist()]
    columns = [[stream.key, stream.slots, stream.power] for stream in own]
    key, slots, power = np.array(columns, dtype=np.int64).reshape(-1, 3).T
    whole = _check_length(piece, kind, days, slots, marks, reading)
    for problem in sorted({stream.problem for stream in own} - {""}):
        marks.set(np.array([stream.problem == problem for stream in own]), problem)
    day = _Days(piece, kind, days, key, slots, power)
    reading.parts += list(_runs(day, whole, marks, reading)) or [_none()]

    def describe(row: int, column: int) -> dict[str, object]:
        text = streams[int(owner[days[row]])].quote
        if column:
            text = shown(piece.text(int(days[row]), column))
        return {"text": text}

    reading.delivery.report.take(marks, piece.line[days], describe)


def _none() -> Runs:
    none = np.zeros(0, np.int64)
    return Runs(none, none, none, none, none, np.zeros(1, np.int64), none, none.astype(np.uint8))


@dataclass(frozen=True, slots=True)
class _Days:
    """The 300 records of a piece: `rows` are their rows, the rest is of their streams."""

    piece: Cells
    kind: Ints
    rows: Ints
    key: Ints
    slots: Ints
    power: Ints

    def column(self, which: Ints, position: Ints | int) -> list[str]:
        """A field of some of the days as text without blanks; empty where there is none."""
        row = self.rows[which]
        at = self.piece.first[row] + position
        there = at < self.piece.first[row + 1]
        texts = self.piece.strings(np.where(there, at, self.piece.first[row])).to_pylist()
        return [
            text.strip() if is_there else "" for text, is_there in zip(texts, there, strict=True)
        ]


def _stream(piece: Cells, row: int, reading: _Reading) -> _Stream:
    """A 200 record. Refuses one without NMI, suffix or a usable interval length."""
    nmi, config, suffix = (mdff.field(piece, row, column) for column in (1, 2, 4))
    unit, length = mdff.field(piece, row, 7), mdff.field(piece, row, 8)
    line = int(piece.line[row])
    minutes = int(length) if length.isascii() and length.isdigit() and len(length) < 3 else 0
    if not 0 < len(nmi) <= 64 or not 0 < len(suffix) <= 4:
        raise _broken(reading, line, "The 200 record has no NMI or no NMI suffix.")
    if minutes == 0 or 60 % minutes:
        raise _broken(
            reading, line, f"The 200 record has no usable interval length: {shown(length)}."
        )
    slots = 24 * 60 // minutes
    channel = SUFFIXES.get(suffix[0].upper(), "")
    if not channel:
        return _Stream(0, slots, 6, "intake.channel.unknown", shown(suffix))
    code = UNIT_CODES.get(unit.lower(), -1)
    if code < 0:
        return _Stream(0, slots, 6, "intake.unit.unknown", shown(unit))
    if not UNIT_FITS[CHANNEL_CODES[channel], code]:
        return _Stream(0, slots, 6, "intake.unit.channel", shown(unit))
    key = reading.streams.number(nmi, suffix.upper(), channel, config.upper(), line)
    return _Stream(key, slots, int(UNIT_POWER[code]), "", shown(suffix))


def _check_order(piece: Cells, kind: Ints, owner: Ints, reading: _Reading) -> None:
    """300 belongs to a 200, 400 and 500 to a 300; a line that begins no record to a broken 300."""
    previous = np.concatenate([[200], kind[:-1]])
    before = np.maximum.accumulate(np.where(kind != 0, np.arange(len(kind)), -1))
    after_day = np.isin(previous, (300, 400, 500, 0))
    orphan = (owner < 0) | (np.isin(kind, (400, 500)) & ~after_day)
    stray = (kind == 0) & ((before < 0) | (kind[np.maximum(before, 0)] != 300))
    wrong = np.flatnonzero(orphan | stray)
    if wrong.size:
        row = int(wrong[0])
        name = mdff.field(piece, row, 0)
        text = (
            f"The line begins with {shown(name)}, which is no record."
            if kind[row] == 0
            else f"The {name} record does not follow the record that it belongs to."
        )
        raise _broken(reading, int(piece.line[row]), text)


def _check_length(
    piece: Cells, kind: Ints, days: Ints, slots: Ints, marks: Marks, reading: _Reading
) -> Ints:
    """Days with as many values as their 200 record's interval length needs. Shape (whole,).

    A day that is broken over lines is set aside; one that is whole, but of another length,
    contradicts its 200 record, and the file is refused.
    """
    following = np.concatenate([kind[1:], [900]])[days]
    broken = following == 0
    marks.set(broken, "intake.row.broken")
    method = piece.first[days] + 2 + slots
    there = method < piece.first[days + 1]
    texts = piece.strings(np.where(there, method, piece.first[days])).to_pylist()
    for at in np.flatnonzero(~broken).tolist():
        if there[at] and _QUALITY.match(texts[at].strip()):
            continue
        row = int(days[at])
        cells = [mdff.field(piece, row, column) for column in range(2, int(piece.count[row]))]
        while cells and not cells[-1]:
            cells.pop()
        count = next((n for n, text in enumerate(cells) if _QUALITY.match(text)), len(cells))
        raise _broken(
            reading, int(piece.line[row]),
            f"The 300 record has {count} values; the interval length of its 200 record makes "
            f"{int(slots[at])}."
            if count != slots[at]
            else "The 300 record has no quality method after its values.",
        )  # fmt: skip
    return np.flatnonzero(~broken)


def _runs(day: _Days, whole: Ints, marks: Marks, reading: _Reading) -> Iterator[Runs]:
    """Runs of the days that are whole and good, those of equal length together."""
    delivery = reading.delivery
    for slots in np.unique(day.slots[whole]).tolist():
        at = whole[day.slots[whole] == slots]
        start = _starts(day, at, slots, marks, delivery.as_of)
        version = _versions(day, at, slots, marks, reading)
        quality = _qualities(day, at, slots, marks, reading)
        piece = day.piece
        flat = ((piece.first[day.rows[at]] + 2)[:, None] + np.arange(slots)).reshape(-1)
        found = numbers.micro(
            piece.data, piece.starts[flat], piece.ends[flat], np.repeat(day.power[at], slots),
            limit=ENERGY_MAX, rounding=delivery.round_finer,
        )  # fmt: skip
        none = quality.reshape(-1) == 0
        found.state[none & (found.state == numbers.EMPTY)] = numbers.OK
        cells = Marks(len(flat))
        mark_numbers(found, cells, np.tile(np.arange(slots), len(at)) + 2)
        code = cells.code.reshape(-1, slots)
        hit = np.flatnonzero((code >= 0).any(axis=1))
        first = (code[hit] >= 0).argmax(axis=1)
        fresh = marks.code[at[hit]] < 0
        marks.code[at[hit[fresh]]] = code[hit, first][fresh]
        marks.column[at[hit[fresh]]] = first[fresh] + 2
        keep = marks.good[at]
        inside = np.repeat(keep, slots)
        reading.rounded += int(((found.state == numbers.ROUNDED) & inside).sum())
        yield Runs(
            day.key[at][keep], start[keep], np.full(int(keep.sum()), _DAY // slots),
            version[keep], piece.line[day.rows[at]][keep],
            np.arange(int(keep.sum()) + 1) * slots,
            np.where(none, 0, found.value)[inside], quality.reshape(-1)[inside],
        )  # fmt: skip


def _starts(day: _Days, at: Ints, slots: int, marks: Marks, as_of: int) -> Ints:
    """First instants of the days in UTC+10."""
    texts = day.column(at, 1)
    known = mdff.moments(texts)
    start = np.array([known[t] if len(t) == 8 else None for t in texts], dtype=object)
    wrong = np.array([value is None for value in start.tolist()], dtype=bool)
    found = np.where(wrong, 0, start).astype(np.int64)
    marks.set(_spread(at, wrong, marks), "intake.time.pattern", 1)
    marks.set(_spread(at, ~wrong & (found < times.EARLIEST), marks), "intake.time.past", 1)
    late = found + (slots - 1) * (_DAY // slots) > as_of + times.SLACK_S
    marks.set(_spread(at, ~wrong & late, marks), "intake.time.future", 1)
    return found


def _spread(at: Ints, wrong: npt.NDArray[np.bool_], marks: Marks) -> npt.NDArray[np.bool_]:
    result = np.zeros(len(marks.code), bool)
    result[at[wrong]] = True
    return result


def _versions(day: _Days, at: Ints, slots: int, marks: Marks, reading: _Reading) -> Ints:
    """The update time of each day, else the time of the file: the sender's version mark."""
    texts = day.column(at, 2 + slots + 3)
    known = mdff.moments(texts) | {"": reading.mdff.created}
    values = [known[text] for text in texts]
    wrong = np.array([value is None for value in values], dtype=bool)
    marks.set(_spread(at, wrong, marks), "intake.version.number", 2 + slots + 3)
    return np.array([value or 0 for value in values], dtype=np.int64)


def _qualities(
    day: _Days, at: Ints, slots: int, marks: Marks, reading: _Reading
) -> npt.NDArray[np.uint8]:
    """Quality codes, shape (days, slots); V takes them from the 400 records that follow."""
    letters = [text[:1] for text in day.column(at, 2 + slots)]
    code = np.array([QUALITY.get(letter, 0) for letter in letters], dtype=np.uint8)
    result = np.repeat(code[:, None], slots, axis=1)
    varied = day.kind[np.minimum(day.rows[at] + 1, len(day.kind) - 1)] == 400
    varied |= np.array([letter == "V" for letter in letters], dtype=bool)
    for index in np.flatnonzero(varied).tolist():
        codes = _varied(day, int(day.rows[at[index]]), slots)
        if codes is None:
            marks.set(
                _spread(at, np.arange(len(at)) == index, marks), "intake.nem.quality", 2 + slots
            )
        else:
            result[index] = codes
    return result


def _varied(day: _Days, row: int, slots: int) -> npt.NDArray[np.uint8] | None:
    """Quality codes by the 400 records after a 300; None unless they tile 1 … slots once."""
    codes = np.zeros(slots, np.uint8)
    expected = 1
    at = row + 1
    while at < len(day.kind) and day.kind[at] == 400:
        start, end, method = (mdff.field(day.piece, at, column) for column in (1, 2, 3))
        plain = start.isascii() and end.isascii() and start.isdigit() and end.isdigit()
        if not plain or not _QUALITY.match(method) or method[0] not in QUALITY:
            return None
        first, last = int(start[:6]), int(end[:6])
        if first != expected or not first <= last <= slots:
            return None
        codes[first - 1 : last] = QUALITY[method[0]]
        expected = last + 1
        at += 1
    return codes if expected == slots + 1 else None


def _broken(reading: _Reading, line: int, text: str) -> Exception:
    return refuse("intake.nem.record", file=reading.delivery.file, line=line, text=text)
