"""Step 2: NEM13, accumulation data of the Australian market: 100, 250, 550 and 900 records.

A 250 record has two readings of one dial and the quantity between them; both readings are kept,
the quantity is what `summary` adds up. A dial is named by its NMI suffix (11, 41).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from gridtally.intake import numbers, times
from gridtally.intake.formats import mdff
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    DIAL_MAX,
    UNIT_CODES,
    UNIT_KEPT,
    UNIT_POWER,
    Column,
    Delivery,
    Read,
)
from gridtally.intake.formats.mdff import QUALITY
from gridtally.intake.formats.nem13_said import Nem13Said
from gridtally.intake.readings import Dials, to_table
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import Total
from gridtally.intake.text import Cells, Names
from gridtally.intake.units import ACTIVE, REACTIVE
from gridtally.intake.words import refuse
from gridtally.periods import iso_utc

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SENTENCE = "NEM13: accumulation (register) data of the Australian market, always UTC+10."
_KNOWN = ("250", "550")
_FIELDS = 20
"""Fields that a 250 record has at least, up to its unit."""
_QUALITY = re.compile(r"[AEFNS][0-9]{0,2}\Z", re.IGNORECASE)
_CHANNEL = {
    (ACTIVE, "E"): "import", (ACTIVE, "I"): "export",
    (REACTIVE, "E"): "reactive_import", (REACTIVE, "I"): "reactive_export",
}  # fmt: skip
"""Unit and direction indicator -> channel; E is from the grid to the customer."""


def sniff(head: bytes) -> bool:
    """Whether the file begins with an MDFF record and is NEM13."""
    return mdff.sniffs(head, b"NEM13")


@dataclass(frozen=True, slots=True)
class _End:
    """One of the two readings of each record. Shape (records,)."""

    time: Ints
    reading: Ints
    quality: Ints


@dataclass(frozen=True, slots=True)
class _Records:
    """250 records that are good, all columns of shape (records,)."""

    point: Ints
    meter: Ints
    register: Ints
    channel: Ints
    quantity: Ints
    version: Ints
    line: Ints
    t0: Ints
    r0: Ints
    q0: Ints
    t1: Ints
    r1: Ints
    q1: Ints

    def take(self, which: Ints) -> _Records:
        """The records at these positions, in this order."""
        return _Records(*(getattr(self, column.name)[which] for column in fields(self)))


@dataclass(slots=True)
class _Reading:
    """What the pieces of a file have in common while it is read."""

    delivery: Delivery
    created: int
    points: Names = field(default_factory=Names)
    meters: Names = field(default_factory=Names)
    registers: Names = field(default_factory=Names)
    parts: list[_Records] = field(default_factory=list)
    said: Nem13Said = field(default_factory=Nem13Said)
    rows: int = 0


def read(text: Bytes, delivery: Delivery) -> Read:
    """The file's register readings. Raises `RefusedFile` with the line that breaks the rules."""
    frame = mdff.open_mdff(text, file=delivery.file, version="NEM13")
    reading = _Reading(delivery, frame.created)
    for piece, kind in mdff.pieces(text, frame, known=_KNOWN):
        _check_order(piece, kind, reading)
        _take(piece, np.flatnonzero(kind == 250), reading)
        reading.said.take_events(piece, kind)
    if not reading.rows:
        raise refuse("intake.file.rows", file=delivery.file, line=1)
    columns = [column.name for column in fields(_Records)]
    records = _Records(
        *(np.concatenate([getattr(part, name) for part in reading.parts]) for name in columns)
    )
    records = _settled(records, reading)
    names = (reading.points.texts, reading.meters.texts, reading.registers.texts, ("",))
    table = to_table(_dials(records), names, delivery.source)
    where = [records.point, records.channel, records.register, records.t0, records.t1]
    remarks = reading.said.table(
        [*where, records.version, records.line], names[0], names[2], frame=frame,
        source=delivery.source,
    )  # fmt: skip
    totals = _totals(records, reading)
    return Read(reading.rows, registers=table, remarks=remarks, totals=totals)


def _check_order(piece: Cells, kind: Ints, reading: _Reading) -> None:
    """A 550 record follows a 250 record, and every line begins a record."""
    previous = np.concatenate([[900], kind[:-1]])
    wrong = np.flatnonzero((kind == 0) | ((kind == 550) & (previous == 900)))
    if wrong.size:
        row = int(wrong[0])
        raise _broken(
            reading, int(piece.line[row]),
            f"The line begins with {shown(mdff.field(piece, row, 0))}, which is no record here.",
        )  # fmt: skip


def _take(piece: Cells, rows: Ints, reading: _Reading) -> None:
    """The 250 records of a piece: each good one gives two readings and a quantity."""
    reading.rows += len(rows)
    short = np.flatnonzero(piece.count[rows] < _FIELDS)
    if short.size:
        row = int(rows[short[0]])
        raise _broken(
            reading, int(piece.line[row]),
            f"The 250 record has {int(piece.count[row])} fields, it needs {_FIELDS} or more.",
        )  # fmt: skip
    marks = Marks(len(rows))
    columns = [_column(piece, rows, at) for at in range(23)]
    for at in (1, 4, 6):
        unseen = [not text.isprintable() for text in columns[at]]
        marks.set(np.array(unseen, dtype=bool), "intake.point.unseen", at)
        wrong = [not 0 < len(text.encode()) <= 64 or text != text.strip() for text in columns[at]]
        marks.set(np.array(wrong, dtype=bool), "intake.point.name", at)
    unit = np.array([UNIT_CODES.get(text.lower(), -1) for text in columns[19]], dtype=np.int64)
    marks.set(unit < 0, "intake.unit.unknown", 19)
    kept = [UNIT_KEPT[code] for code in np.maximum(unit, 0).tolist()]
    words = [_CHANNEL.get((k, way.upper())) for k, way in zip(kept, columns[7], strict=True)]
    channel = np.array([CHANNEL_CODES.get(word or "", -1) for word in words], dtype=np.int64)
    marks.set(channel < 0, "intake.channel.unknown", 7)
    power = UNIT_POWER[np.maximum(unit, 0)]
    before = _end(piece, rows, columns, 8, power, marks, reading)
    after = _end(piece, rows, columns, 13, power, marks, reading)
    marks.set(before.time > after.time, "intake.nem.order", 9)
    quantity = _number(piece, rows, 18, power, marks, reading)
    version = _versions(columns[21], marks, reading)
    good = np.flatnonzero(marks.good)
    codes = [
        Column(piece, piece.first[rows] + at).codes(names)
        for names, at in ((reading.points, 1), (reading.meters, 6), (reading.registers, 4))
    ]
    reading.parts.append(
        _Records(
            codes[0], codes[1], codes[2], channel, quantity, version, piece.line[rows],
            before.time, before.reading, before.quality, after.time, after.reading, after.quality,
        ).take(good)
    )  # fmt: skip
    reading.said.take(columns, good, piece.line[rows])
    _note_quantities(good, quantity, before, after, piece.line[rows], columns, reading)

    def describe(row: int, column: int) -> dict[str, object]:
        return {"text": shown(columns[column][row])}

    reading.delivery.report.take(
        marks, piece.line[rows], describe, point=codes[0], names=reading.points.texts,
        channel=channel,
    )  # fmt: skip


def _column(piece: Cells, rows: Ints, position: int) -> list[str]:
    at = piece.first[rows] + position
    there = at < piece.first[rows + 1]
    texts = piece.strings(np.where(there, at, piece.first[rows])).to_pylist()
    return [text.strip() if is_there else "" for text, is_there in zip(texts, there, strict=True)]


def _number(
    piece: Cells, rows: Ints, position: int, power: Ints, marks: Marks, reading: _Reading
) -> Ints:
    """A field as millionths; a quantity may be below zero, a reading may not (see `_end`)."""
    at = piece.first[rows] + position
    found = numbers.micro(
        piece.data, piece.starts[at], piece.ends[at], power, limit=DIAL_MAX,
        rounding=reading.delivery.round_finer,
    )  # fmt: skip
    marks.set(found.state == numbers.FINER, "intake.value.finer", position)
    marks.set(found.state == numbers.LARGE, "intake.value.large", position)
    fine = np.isin(found.state, (numbers.OK, numbers.ROUNDED, numbers.FINER, numbers.LARGE))
    marks.set(~fine, "intake.value.number", position)
    return found.value


def _end(
    piece: Cells, rows: Ints, columns: list[list[str]], position: int, power: Ints,
    marks: Marks, reading: _Reading,
) -> _End:  # fmt: skip
    """A reading, its time and its quality method: three fields from `position` on."""
    value = _number(piece, rows, position, power, marks, reading)
    marks.set(value < 0, "intake.value.negative", position)
    known = mdff.moments(columns[position + 1])
    instants = [known[text] if len(text) == 14 else None for text in columns[position + 1]]
    wrong = np.array([instant is None for instant in instants], dtype=bool)
    time = np.array([instant or 0 for instant in instants], dtype=np.int64)
    marks.set(wrong, "intake.time.pattern", position + 1)
    marks.set(~wrong & (time < times.EARLIEST), "intake.time.past", position + 1)
    late = time > reading.delivery.as_of + times.SLACK_S
    marks.set(~wrong & late, "intake.time.future", position + 1)
    methods = columns[position + 2]
    fine = np.array([bool(_QUALITY.match(method)) for method in methods], dtype=bool)
    marks.set(~fine, "intake.quality.unknown", position + 2)
    quality = np.array([QUALITY.get(method[:1].upper(), 0) for method in methods], dtype=np.int64)
    return _End(time, value, quality)


def _versions(texts: list[str], marks: Marks, reading: _Reading) -> Ints:
    """The update time of each record, else the time of the file."""
    known = mdff.moments(texts) | {"": reading.created}
    values = [known[text] for text in texts]
    marks.set(np.array([v is None for v in values], dtype=bool), "intake.version.number", 21)
    return np.array([value or 0 for value in values], dtype=np.int64)


def _settled(records: _Records, reading: _Reading) -> _Records:
    """Records said twice are counted once; those that contradict another are set aside."""
    report = reading.delivery.report
    whole = np.stack(
        [getattr(records, column.name) for column in fields(records) if column.name != "line"]
    )
    _, first = np.unique(whole, axis=1, return_index=True)
    twins = len(records.line) - len(first)
    if twins:
        report.duplicates += twins
        report.note("intake.register.duplicate", count=twins)
    records = records.take(np.sort(first))
    ends = _ends(records)
    order = np.lexsort(
        (ends.line, ends.reading, ends.quality, ends.version, ends.time, ends.register, ends.meter,
         ends.point)
    )  # fmt: skip
    ends = ends.take(order)
    same = np.ones(max(len(ends.time) - 1, 0), bool)
    for column in (ends.point, ends.meter, ends.register, ends.time, ends.version, ends.quality):
        same &= column[1:] == column[:-1]
    wrong = np.flatnonzero(same & (ends.reading[1:] != ends.reading[:-1]))
    lines = np.unique(np.concatenate([ends.line[wrong], ends.line[wrong + 1]]))
    for line in lines.tolist():
        at = int(np.flatnonzero(ends.line == line)[0])
        report.set_aside(
            "intake.register.conflict", line, text=iso_utc(int(ends.time[at])),
            where={"metering_point": reading.points.texts[int(ends.point[at])]},
        )  # fmt: skip
    return records.take(np.flatnonzero(~np.isin(records.line, lines)))


def _ends(records: _Records) -> Dials:
    """Both readings of each record; a quality N says that there is none."""
    count = len(records.line)
    none, zero = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    parts = []
    for time, value, quality in (
        (records.t0, records.r0, records.q0),
        (records.t1, records.r1, records.q1),
    ):
        dials = Dials(
            records.point, records.meter, records.register, records.channel, zero, zero,
            time, value, none, none, quality, zero, records.version, records.line,
        )  # fmt: skip
        parts.append(dials.take(quality > 0))
    return Dials(
        *(
            np.concatenate([getattr(part, column.name) for part in parts])
            for column in fields(Dials)
        )
    )


def _dials(records: _Records) -> Dials:
    """The readings of the records; the end of one that begins the next is one reading."""
    ends = _ends(records)
    order = np.lexsort(
        (ends.version, ends.quality, ends.reading, ends.time, ends.register, ends.meter, ends.point)
    )
    ends = ends.take(order)
    last = np.ones(len(ends.time), bool)
    for column in (ends.point, ends.meter, ends.register, ends.time, ends.reading, ends.quality):
        last[:-1] &= column[1:] == column[:-1]
    last[:-1] = ~last[:-1]
    return ends.take(last)


def _totals(records: _Records, reading: _Reading) -> list[Total]:
    """Quantities as the sender states them, a row each; `decode` adds them up by channel."""
    names = list(CHANNEL_CODES)
    columns = (records.point, records.channel, records.quantity, records.t0, records.t1)
    return [
        Total(reading.points.texts[point], names[channel], 1, quantity, first, last)
        for point, channel, quantity, first, last in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _note_quantities(
    good: Ints, quantity: Ints, before: _End, after: _End, line: Ints,
    columns: list[list[str]], reading: _Reading,
) -> None:  # fmt: skip
    """Say where the quantity is neither the difference of the readings nor one turn more."""
    step = after.reading - before.reading
    for at in good[np.abs(step[good]) != np.abs(quantity[good])].tolist():
        digits = len(columns[8][at].split(".")[0])
        turn = 10 ** (min(digits, 12) + 6)
        if abs(abs(int(step[at])) - turn) != abs(int(quantity[at])):
            reading.delivery.report.note(
                "intake.register.quantity", text=shown(columns[18][at]), line=int(line[at]),
                metering_point=columns[1][at],
            )  # fmt: skip


def _broken(reading: _Reading, line: int, text: str) -> Exception:
    return refuse("intake.nem.record", file=reading.delivery.file, line=line, text=text)
