"""Step 2: CSV with a row per day: metering_point,channel,date,resolution_min,v1…vN.

N is the number of intervals that the local day really has: 23, 24 or 25 hours of them. A header for
the longest day serves all: cells after a shorter day's last interval are empty or left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from gridtally.intake import numbers, times
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    ENERGY_MAX,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_POWER,
    Column,
    Delivery,
    Read,
    mark_numbers,
    mark_times,
    point_names,
    versions,
)
from gridtally.intake.formats.sheet import Sheet, header_names, open_sheet
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import LETTERS, Runs, join, settle_runs, to_blocks, totals
from gridtally.intake.text import Cells, Names
from gridtally.intake.units import CHANNELS, QUALITIES
from gridtally.intake.words import refuse
from gridtally.periods import Zone

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SENTENCE = "CSV with a row per day: metering_point,channel,date,resolution_min,v1…vN."
_REQUIRED = ("metering_point", "channel", "date", "resolution_min")
_OPTIONAL = ("unit", "quality", "version")
_VALUE = re.compile(r"v([1-9][0-9]{0,3})\Z")
_COLUMNS_MAX = 25 * 60
_DAY = 86_400
_EPOCH = date(1970, 1, 1)
_ACTUAL = QUALITIES["A"]
_LETTER_CODE = np.full(256, 255, np.uint8)
_LETTER_CODE[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(4)


def sniff(head: bytes) -> bool:
    """Whether the first line names day columns or a date."""
    names = set(header_names(head))
    return ("v1" in names or "resolution_min" in names) and "start" not in names


@dataclass(slots=True)
class _Rows:
    """What the pieces of a file have in common while it is read."""

    sheet: Sheet
    delivery: Delivery
    zone: Zone
    meta: int
    points: Names = field(default_factory=Names)
    days: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    parts: list[Runs] = field(default_factory=list)
    rounded: int = 0


def read(text: Bytes, delivery: Delivery) -> Read:
    """The file's readings as blocks. Raises `RefusedFile`."""
    head = text[: 1 << 17].tobytes()
    count = sum(bool(_VALUE.match(name)) for name in header_names(head))
    if count > _COLUMNS_MAX:
        blank = len(head) - len(head.lstrip(b"\r\n"))
        raise refuse(
            "intake.csv.columns", file=delivery.file, line=1 + head[:blank].count(b"\n"),
            text=f"it has more than {_COLUMNS_MAX:,} columns v1, v2 …, the minutes of 25 hours",
        )  # fmt: skip
    values = [f"v{number}" for number in range(1, 1 + count)]
    sheet = open_sheet(
        text, file=delivery.file, required=(*_REQUIRED, *(values or ["v1"])), optional=_OPTIONAL
    )
    meta = len(sheet.place) - len(values)
    if [name for name, at in sheet.place.items() if at >= meta] != values:
        raise refuse(
            "intake.csv.columns", file=delivery.file, line=sheet.header_line,
            text="v1, v2 … must be the last columns, in order",
        )  # fmt: skip
    if delivery.zone is None:
        raise refuse(
            "intake.time.zone", file=delivery.file, line=sheet.header_line, text="The date"
        )
    rows = _Rows(sheet, delivery, delivery.zone, meta)
    count = 0
    for piece in sheet.pieces():
        count += piece.rows
        _take(piece, rows)
    report = delivery.report
    if rows.rounded:
        report.note("intake.value.rounded", count=rows.rounded)
    if not sheet.ended:
        report.note("intake.file.unended", line=sheet.header_line + count)
    names = [(point, channel) for point in rows.points.texts for channel in CHANNELS]
    runs = settle_runs(join(rows.parts), names, report)
    return Read(count, blocks=to_blocks(runs, names, delivery.source), totals=totals(runs, names))


@dataclass(frozen=True, slots=True)
class _Day:
    """The columns before the values, for the rows that have them all. Shape (rows,)."""

    key: Ints
    start: Ints
    seconds: Ints
    slots: Ints
    power: Ints
    version: Ints


def _take(piece: Cells, rows: _Rows) -> None:
    """One piece of the file: its good rows become runs, the others are set aside."""
    marks = Marks(piece.rows)
    has_meta = piece.count > rows.meta
    marks.set(~has_meta, "intake.row.cells")
    whole = np.flatnonzero(has_meta)
    own = Marks(len(whole))
    day = _day(piece, whole, rows, own)
    given = piece.count[whole] - rows.meta
    filled = _filled(piece, whole, rows)
    wrong = (filled > day.slots) | (given < day.slots)
    # On a day with a clock change, an empty end means a sender who counts 24 hours every day.
    changed = day.slots * day.seconds != _DAY
    wrong |= changed & (filled != day.slots)
    own.set(wrong, "intake.day.slots")
    parts = list(_runs(piece, whole, rows, own, day))
    marks.code[whole], marks.column[whole] = own.code, own.column
    rows.parts += parts or [_no_runs()]

    slots = np.zeros(piece.rows, np.int64)
    slots[whole] = day.slots

    def describe(row: int, column: int) -> dict[str, object]:
        filling: dict[str, object] = {
            "text": shown(piece.text(row, column)), "cells": int(piece.count[row]) - rows.meta,
            "expected": int(slots[row]),
        }  # fmt: skip
        if piece.count[row] <= rows.meta:
            filling |= {
                "cells": int(piece.count[row]), "expected": f"{len(rows.sheet.place)}",
                "text": shown(piece.row_text(row)),
            }  # fmt: skip
        return filling

    owner, flow = np.full(piece.rows, -1, np.int64), np.full(piece.rows, -1, np.int64)
    owner[whole], flow[whole] = np.divmod(day.key, len(CHANNELS))
    rows.delivery.report.take(
        marks, piece.line, describe, point=owner, names=rows.points.texts, channel=flow
    )


def _no_runs() -> Runs:
    none = np.zeros(0, np.int64)
    return Runs(none, none, none, none, none, np.zeros(1, np.int64), none, none.astype(np.uint8))


def _filled(piece: Cells, whole: Ints, rows: _Rows) -> Ints:
    """How many values each row has up to its last cell that is not empty."""
    at = np.arange(len(piece.starts))
    last = np.maximum.accumulate(np.where(piece.ends > piece.starts, at, -1))
    first = piece.first[whole] + rows.meta
    return np.maximum(last[piece.first[whole + 1] - 1] - first + 1, 0)


def _day(piece: Cells, whole: Ints, rows: _Rows, marks: Marks) -> _Day:
    sheet, place = rows.sheet, rows.sheet.place
    point = point_names(
        sheet.column(piece, whole, "metering_point"), rows.points, marks, place["metering_point"]
    )
    channel = sheet.column(piece, whole, "channel").one_of(CHANNEL_CODES)
    marks.set(channel < 0, "intake.channel.unknown", place["channel"])
    channel = np.maximum(channel, 0)
    column = sheet.column(piece, whole, "date")
    day = times.dates(piece.data, column.starts, column.ends)
    mark_times(day, marks, column, place["date"], rows.delivery)
    length = sheet.column(piece, whole, "resolution_min")
    minutes = numbers.integers(piece.data, length.starts, length.ends).value
    usable = (minutes > 0) & (minutes <= 60) & (60 % np.maximum(minutes, 1) == 0)
    marks.set(~usable, "intake.interval.length", place["resolution_min"])
    seconds = np.where(usable, minutes, 60) * 60
    start, slots = _bounds(day.value, seconds, rows)
    late = start + (slots - 1) * seconds > rows.delivery.as_of + times.SLACK_S
    marks.set(late, "intake.time.future", place["date"])
    power = _powers(piece, whole, rows, marks, channel)
    version = _versions(piece, whole, rows, marks)
    return _Day(point * len(CHANNELS) + channel, start, seconds, slots, power, version)


def _bounds(days: Ints, seconds: Ints, rows: _Rows) -> tuple[Ints, Ints]:
    """First instant and number of intervals of local days."""
    pairs, back = np.unique(np.stack([days, seconds]), axis=1, return_inverse=True)
    for day, length in pairs.T.tolist():
        if (day, length) not in rows.days:
            local = _EPOCH + timedelta(days=day)
            start, end = rows.zone.midnight(local), rows.zone.midnight(local + timedelta(days=1))
            rows.days[day, length] = start, (end - start) // length
    table = np.array([rows.days[day, length] for day, length in pairs.T.tolist()], dtype=np.int64)
    found = table.reshape(-1, 2)[back.reshape(-1)]
    return found[:, 0], found[:, 1]


def _powers(piece: Cells, whole: Ints, rows: _Rows, marks: Marks, channel: Ints) -> Ints:
    """Power of ten of each row's unit; kWh or kvarh where the file has no such column."""
    if "unit" not in rows.sheet.place:
        return np.full(len(whole), 6, np.int64)
    place = rows.sheet.place["unit"]
    unit = rows.sheet.column(piece, whole, "unit").one_of(UNIT_CODES, fold=True)
    marks.set(unit < 0, "intake.unit.unknown", place)
    marks.set(~UNIT_FITS[channel, np.maximum(unit, 0)], "intake.unit.channel", place)
    return UNIT_POWER[np.maximum(unit, 0)]


def _versions(piece: Cells, whole: Ints, rows: _Rows, marks: Marks) -> Ints:
    if "version" not in rows.sheet.place:
        return np.zeros(len(whole), np.int64)
    return versions(rows.sheet.column(piece, whole, "version"), marks, rows.sheet.place["version"])


def _runs(piece: Cells, whole: Ints, rows: _Rows, marks: Marks, day: _Day) -> Iterator[Runs]:
    """Runs of the rows that are still good, those of equal length together."""
    letters = _letters(piece, whole, rows, marks, day)
    for slots in np.unique(day.slots[marks.good]).tolist():
        at = np.flatnonzero(marks.good & (day.slots == slots))
        cell = (piece.first[whole[at]] + rows.meta)[:, None] + np.arange(slots)
        flat = cell.reshape(-1)
        found = numbers.micro(
            piece.data, piece.starts[flat], piece.ends[flat], np.repeat(day.power[at], slots),
            limit=ENERGY_MAX, rounding=rows.delivery.round_finer,
        )  # fmt: skip
        wrong_at = np.flatnonzero(found.state == numbers.SYNTAX)
        rows.sheet.refuse_decimal_commas(Column(piece, flat), wrong_at)
        quality = np.repeat(np.uint8(_ACTUAL), len(flat))
        if letters is not None:
            quality = _spelled(letters, at, slots)
        gap = (found.state == numbers.EMPTY) | (quality == 0)
        found.state[(found.state == numbers.EMPTY)] = numbers.OK
        rounded = found.state == numbers.ROUNDED
        cells = Marks(len(flat))
        mark_numbers(found, cells, np.tile(np.arange(slots), len(at)) + rows.meta)
        _first_reason(cells, at, slots, marks)
        keep = marks.good[at]
        inside = np.repeat(keep, slots)
        rows.rounded += int((rounded & inside).sum())
        yield Runs(
            day.key[at][keep], day.start[at][keep], day.seconds[at][keep], day.version[at][keep],
            piece.line[whole[at]][keep], np.arange(int(keep.sum()) + 1) * slots,
            np.where(gap, 0, found.value)[inside],
            np.where(gap, 0, quality)[inside].astype(np.uint8),
        )  # fmt: skip


def _first_reason(cells: Marks, at: Ints, slots: int, marks: Marks) -> None:
    """A row is set aside for the first of its cells that is wrong."""
    code = cells.code.reshape(-1, slots)
    bad = code >= 0
    hit = np.flatnonzero(bad.any(axis=1))
    first = bad[hit].argmax(axis=1)
    marks.code[at[hit]] = code[hit, first]
    marks.column[at[hit]] = cells.column.reshape(-1, slots)[hit, first]


def _letters(piece: Cells, whole: Ints, rows: _Rows, marks: Marks, day: _Day) -> list[bytes] | None:
    """Quality texts of the rows, when the file has them: one letter, or one per interval."""
    if "quality" not in rows.sheet.place:
        return None
    column = rows.sheet.column(piece, whole, "quality")
    names = Names()
    codes = column.codes(names)
    texts = [text.encode() or b"A" for text in names.texts]
    fine = np.array([not text.strip(LETTERS.encode()) for text in texts], dtype=bool)
    size = np.array([len(text) for text in texts], dtype=np.int64)
    if len(codes):
        fits = fine[codes] & ((size[codes] == 1) | (size[codes] == day.slots))
        marks.set(~fits, "intake.quality.unknown", rows.sheet.place["quality"])
    return [texts[code] for code in codes.tolist()]


def _spelled(letters: list[bytes], at: Ints, slots: int) -> npt.NDArray[np.uint8]:
    """Quality codes of rows, one per interval: shape (rows x slots,)."""
    text = b"".join(
        one if len(one) == slots else one * slots for one in (letters[row] for row in at.tolist())
    )
    return _LETTER_CODE[np.frombuffer(text, np.uint8)]
