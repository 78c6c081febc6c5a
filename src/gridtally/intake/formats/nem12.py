"""Step 2: NEM12, interval data of the Australian market: 100, 200, 300, 400, 500 and 900 records.

Suffixes E, B, Q, K of a 200 record are our four channels. Streams of one letter (E1, E2) are
added up interval by interval, because together they are the metering point's channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

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
from gridtally.intake.formats.mdff import Mdff, texts
from gridtally.intake.formats.nem12_said import Said
from gridtally.intake.formats.nem12_spans import Spans, spans_of
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
    said: Said = field(default_factory=Said)
    parts: list[Runs] = field(default_factory=list)
    rows: int = 0
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
    if reading.rounded:
        report.note("intake.value.rounded", count=reading.rounded)
    streams = reading.streams
    runs = settle_runs(join(reading.parts), streams.names, report)
    runs, rest = combine(runs, streams, report)
    reading.said.note_rules(report)
    return Read(
        reading.rows,
        blocks=to_blocks(rest, streams.names, delivery.source),
        remarks=reading.said.table(runs, streams, frame, delivery.source),
        totals=totals(runs, streams.names),
    )


def _take(piece: Cells, kind: Ints, reading: _Reading) -> None:
    """One piece of the file: days become runs, days that are wrong are set aside."""
    owner = np.cumsum(kind == 200) - 1
    _check_order(piece, kind, owner, reading)
    streams = _streams(piece, np.flatnonzero(kind == 200), reading)
    rows = np.flatnonzero(kind == 300)
    reading.rows += len(rows)
    broken = Marks(len(rows))
    broken.set(np.concatenate([kind[1:], [900]])[rows] == 0, "intake.row.broken")
    reading.delivery.report.take(broken, piece.line[rows], lambda _row, _column: {})
    day = _days(piece, rows[broken.good], owner, streams, reading)
    marks = Marks(len(day.rows))
    problems = [stream.problem for stream in streams]
    for problem in sorted({*problems} - {""}):
        marks.set(np.array([p == problem for p in problems], dtype=bool)[day.head], problem)
    spans = spans_of(
        piece, kind, day.rows, day.slots, number=reading.said.number, position=day.method
    )
    reading.parts += list(_runs(day, kind, spans, marks, reading)) or [_none()]

    def describe(row: int, column: int) -> dict[str, object]:
        text = streams[int(day.head[row])].quote
        if column:
            text = shown(piece.text(int(day.rows[row]), column))
        return {"text": text}

    if marks.good.all():
        return
    # The last entry is that of streams which are none of ours.
    names = [*reading.streams.names, ("", "")]
    key = np.where(np.array(problems)[day.head] == "", day.key, -1)
    flow = np.array([CHANNEL_CODES.get(channel, -1) for _, channel in names], dtype=np.int64)
    reading.delivery.report.take(
        marks, piece.line[day.rows], describe, point=key, names=[point for point, _ in names],
        channel=flow[key],
    )  # fmt: skip


def _none() -> Runs:
    none = np.zeros(0, np.int64)
    return Runs(none, none, none, none, none, np.zeros(1, np.int64), none, none.astype(np.uint8))


@dataclass(frozen=True, slots=True)
class _Days:
    """300 records of a piece: `rows` are their rows, `head` numbers its 200 records.

    `method`: the position of the quality method, the field after the values.
    """

    piece: Cells
    rows: Ints
    head: Ints
    key: Ints
    slots: Ints
    power: Ints
    method: Ints


def _days(
    piece: Cells, rows: Ints, owner: Ints, streams: list[_Stream], reading: _Reading
) -> _Days:
    """The 300 records with what their 200 records say of them, when they are as long as that."""
    head = owner[rows]
    columns = [[stream.key, stream.slots, stream.power] for stream in streams]
    key, slots, power = np.array(columns, dtype=np.int64).reshape(-1, 3).T[:, head]
    day = _Days(piece, rows, head, key, slots, power, 2 + slots)
    _check_length(day, reading)
    return day


def _streams(piece: Cells, rows: Ints, reading: _Reading) -> list[_Stream]:
    """The 200 records of a piece."""
    columns = [texts(piece, rows, at) for at in range(1, 10)]
    lines = piece.line[rows].tolist()
    streams = [
        _stream(fields, line, reading)
        for fields, line in zip(mdff.rows_of(columns), lines, strict=True)
    ]
    kept = np.array([not stream.problem for stream in streams], dtype=bool)
    reading.said.take_streams(columns, kept)
    return streams


def _stream(fields: tuple[str, ...], line: int, reading: _Reading) -> _Stream:
    """A 200 record. Refuses one without NMI, suffix or a usable interval length."""
    nmi, config, _, suffix, _, _, unit, length, _ = fields
    if not 0 < len(nmi) <= 64 or not 0 < len(suffix) <= 4:
        raise _broken(reading, line, "The 200 record has no NMI or no NMI suffix.")
    channel, slots, power, problem = _kind(suffix.upper(), unit.lower(), length)
    if not slots:
        raise _broken(
            reading, line, f"The 200 record has no usable interval length: {shown(length)}."
        )
    if problem:
        quote = shown(suffix if problem == "intake.channel.unknown" else unit)
        return _Stream(-1, slots, 6, problem, quote)
    key = reading.streams.number(nmi, suffix.upper(), channel, config.upper(), line)
    return _Stream(key, slots, power, "", "")


@lru_cache(maxsize=1024)
def _kind(suffix: str, unit: str, length: str) -> tuple[str, int, int, str]:
    """Channel, intervals a day, power of ten to the millionth, and why it cannot be kept."""
    minutes = int(length) if length.isascii() and length.isdigit() and len(length) < 3 else 0
    if minutes == 0 or 60 % minutes:
        return "", 0, 0, ""
    slots = 24 * 60 // minutes
    channel = SUFFIXES.get(suffix[0], "")
    if not channel:
        return "", slots, 0, "intake.channel.unknown"
    code = UNIT_CODES.get(unit, -1)
    if code < 0:
        return "", slots, 0, "intake.unit.unknown"
    if not UNIT_FITS[CHANNEL_CODES[channel], code]:
        return "", slots, 0, "intake.unit.channel"
    return channel, slots, int(UNIT_POWER[code]), ""


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


def _check_length(day: _Days, reading: _Reading) -> None:
    """Refuse a day with another number of values than its 200 record's interval length makes."""
    codes, methods = texts(day.piece, day.rows, day.method)
    fine = np.array([bool(mdff.METHOD.match(method)) for method in methods], dtype=bool)
    wrong = np.flatnonzero(~fine[codes])
    if not wrong.size:
        return
    row, slots = int(day.rows[wrong[0]]), int(day.slots[wrong[0]])
    cells = [mdff.field(day.piece, row, at) for at in range(2, int(day.piece.count[row]))]
    while cells and not cells[-1]:
        cells.pop()
    count = next((n for n, text in enumerate(cells) if mdff.METHOD.match(text)), len(cells))
    raise _broken(
        reading, int(day.piece.line[row]),
        f"The 300 record has {count} values; the interval length of its 200 record makes {slots}."
        if count != slots
        else "The 300 record has no quality method after its values.",
    )  # fmt: skip


def _runs(day: _Days, kind: Ints, spans: Spans, marks: Marks, reading: _Reading) -> Iterator[Runs]:
    """Runs of the days that are good, those of equal length together."""
    start = _starts(day, marks, reading.delivery.as_of)
    version, update = _versions(day, marks, reading)
    marks.set(spans.wrong, "intake.nem.quality", day.method)
    offsets = np.concatenate([[0], np.cumsum(day.slots)])
    for slots in np.unique(day.slots).tolist():
        at = np.flatnonzero(day.slots == slots)
        quality = spans.quality[offsets[at][:, None] + np.arange(slots)]
        value = _values(day, at, quality, marks, reading)
        keep = marks.good[at]
        good = at[keep]
        where = [day.key, start, version, day.piece.line[day.rows]]
        reading.said.take_null(value[keep], quality[keep] == 0, [column[good] for column in where])
        value[quality == 0] = 0
        yield Runs(
            day.key[good], start[good], np.full(len(good), _DAY // slots), version[good],
            day.piece.line[day.rows[good]], np.arange(len(good) + 1) * slots,
            value[keep].reshape(-1), quality[keep].reshape(-1),
        )  # fmt: skip
    good = np.flatnonzero(marks.good)
    reading.said.take(
        day.piece, kind, day.rows, good, key=day.key, start=start, slots=day.slots,
        version=version, update=update, method=day.method, spans=spans,
    )  # fmt: skip


def _values(
    day: _Days, at: Ints, quality: npt.NDArray[np.uint8], marks: Marks, reading: _Reading
) -> Ints:
    """Values in millionths, shape (days, slots); days with a wrong one are marked."""
    piece, delivery = day.piece, reading.delivery
    count, slots = quality.shape
    flat = ((piece.first[day.rows[at]] + 2)[:, None] + np.arange(slots)).reshape(-1)
    found = numbers.micro(
        piece.data, piece.starts[flat], piece.ends[flat], np.repeat(day.power[at], slots),
        limit=ENERGY_MAX, rounding=delivery.round_finer,
    )  # fmt: skip
    none = quality.reshape(-1) == 0
    found.state[none & (found.state == numbers.EMPTY)] = numbers.OK
    cells = Marks(len(flat))
    mark_numbers(found, cells, np.tile(np.arange(slots), count) + 2)
    code = cells.code.reshape(-1, slots)
    hit = np.flatnonzero((code >= 0).any(axis=1))
    first = (code[hit] >= 0).argmax(axis=1)
    fresh = marks.code[at[hit]] < 0
    marks.code[at[hit[fresh]]] = code[hit, first][fresh]
    marks.column[at[hit[fresh]]] = first[fresh] + 2
    inside = np.repeat(marks.good[at], slots)
    reading.rounded += int(((found.state == numbers.ROUNDED) & inside).sum())
    return found.value.reshape(-1, slots)


def _starts(day: _Days, marks: Marks, as_of: int) -> Ints:
    """First instants of the days in UTC+10."""
    codes, dates = texts(day.piece, day.rows, 1)
    moments = [mdff.moment(text) if len(text) == 8 else None for text in dates]
    wrong = np.array([moment is None for moment in moments], dtype=bool)[codes]
    found = np.array([moment or 0 for moment in moments], dtype=np.int64)[codes]
    marks.set(wrong, "intake.time.pattern", 1)
    marks.set(~wrong & (found < times.EARLIEST), "intake.time.past", 1)
    late = found + _DAY - _DAY // day.slots > as_of + times.SLACK_S
    marks.set(~wrong & late, "intake.time.future", 1)
    return found


def _versions(day: _Days, marks: Marks, reading: _Reading) -> tuple[Ints, tuple[Ints, list[str]]]:
    """The update time of each day, else the time of the file: the sender's version mark.

    With the update times as they were written.
    """
    codes, updates = texts(day.piece, day.rows, day.method + 3)
    moments = [mdff.moment(text) if text else reading.mdff.created for text in updates]
    wrong = np.array([moment is None for moment in moments], dtype=bool)[codes]
    marks.set(wrong, "intake.version.number", day.method + 3)
    return np.array([moment or 0 for moment in moments], dtype=np.int64)[codes], (codes, updates)


def _broken(reading: _Reading, line: int, text: str) -> Exception:
    return refuse("intake.nem.record", file=reading.delivery.file, line=line, text=text)
