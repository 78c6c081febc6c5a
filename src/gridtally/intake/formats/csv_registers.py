"""Step 2: CSV with a row per register reading: metering_point,meter,register,time,reading.

What a dial is (channel, bucket, kind, digits, multiplier) may be in the file, else master data say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridtally.intake import numbers
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    DIAL_MAX,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_KEPT,
    UNIT_POWER,
    Delivery,
    Read,
    mark_numbers,
    mark_times,
    point_names,
    versions,
)
from gridtally.intake.formats.sheet import Sheet, header_names, open_sheet
from gridtally.intake.readings import KINDS, REASONS, Dials, settle_dials
from gridtally.intake.report import Marks, shown
from gridtally.intake.text import Cells, Names
from gridtally.intake.units import POWER, QUALITIES

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SENTENCE = "CSV with a row per register reading: metering_point,meter,register,time,reading."
_REQUIRED = ("metering_point", "meter", "register", "time", "reading")
_OPTIONAL = (
    "unit", "quality", "reason", "channel", "bucket", "kind", "digits", "multiplier", "version",
)  # fmt: skip
_DIGITS_MAX = 12
_MULTIPLIER_MAX = 10**13
_IS_POWER = np.array([kept == POWER for kept in UNIT_KEPT])


def sniff(head: bytes) -> bool:
    """Whether the first line names two of meter, register and reading."""
    return len({"meter", "register", "reading"} & set(header_names(head))) >= 2


@dataclass(slots=True)
class _Rows:
    """What the pieces of a file have in common while it is read."""

    sheet: Sheet
    delivery: Delivery
    points: Names = field(default_factory=Names)
    meters: Names = field(default_factory=Names)
    registers: Names = field(default_factory=Names)
    buckets: Names = field(default_factory=Names)
    parts: list[Dials] = field(default_factory=list)


def read(text: Bytes, delivery: Delivery) -> Read:
    """The file's register readings. Raises `RefusedFile`."""
    sheet = open_sheet(text, file=delivery.file, required=_REQUIRED, optional=_OPTIONAL)
    rows = _Rows(sheet, delivery)
    rows.buckets.number("")
    count = 0
    for piece in sheet.pieces():
        count += piece.rows
        _take(piece, rows)
    if not sheet.ended:
        delivery.report.note("intake.file.unended", line=sheet.header_line + count)
    names = (rows.points.texts, rows.meters.texts, rows.registers.texts, rows.buckets.texts)
    table, found = settle_dials(rows.parts, names, delivery.report, delivery.source)
    return Read(count, registers=table, totals=found)


def _take(piece: Cells, rows: _Rows) -> None:
    """One piece of the file: its good rows become readings, the others are set aside."""
    sheet, delivery, place = rows.sheet, rows.delivery, rows.sheet.place
    marks = Marks(piece.rows)
    whole = sheet.whole_rows(piece, marks)
    own = Marks(len(whole))
    name = {
        column: point_names(sheet.column(piece, whole, column), names, own, place[column])
        for column, names in (
            ("metering_point", rows.points), ("meter", rows.meters), ("register", rows.registers),
        )
    }  # fmt: skip
    column = sheet.column(piece, whole, "time")
    time = column.instants(zone=delivery.zone, as_of=delivery.as_of)
    mark_times(time, own, column, place["time"], delivery)
    channel = _choice(piece, whole, rows, own, "channel", CHANNEL_CODES)
    kind = _choice(piece, whole, rows, own, "kind", _numbered(KINDS))
    reason = np.maximum(_choice(piece, whole, rows, own, "reason", _numbered(REASONS)), 0)
    quality = _choice(piece, whole, rows, own, "quality", QUALITIES)
    quality = np.where(quality < 0, QUALITIES["A"], quality)
    power = _powers(piece, whole, rows, own, channel, kind)
    reading = _readings(piece, whole, rows, own, quality, power)
    digits = _digits(piece, whole, rows, own, reading, power)
    multiplier = _multipliers(piece, whole, rows, own)
    version = np.zeros(len(whole), np.int64)
    if "version" in place:
        version = versions(sheet.column(piece, whole, "version"), own, place["version"])
    bucket = np.zeros(len(whole), np.int64)
    if "bucket" in place:
        bucket = sheet.column(piece, whole, "bucket").codes(rows.buckets)
    rows.parts.append(
        Dials(
            name["metering_point"], name["meter"], name["register"], channel, bucket, kind,
            time.value, reading, digits, multiplier, quality, reason, version, piece.line[whole],
        ).take(own.good)
    )  # fmt: skip
    marks.code[whole], marks.column[whole] = own.code, own.column

    def describe(row: int, column: int) -> dict[str, object]:
        if piece.count[row] != len(place):
            return {
                "text": shown(piece.row_text(row)), "cells": int(piece.count[row]),
                "expected": len(place),
            }  # fmt: skip
        given = piece.text(row, place["digits"]) if "digits" in place else ""
        return {"text": shown(piece.text(row, column)), "expected": given}

    owner, flow = np.full(piece.rows, -1, np.int64), np.full(piece.rows, -1, np.int64)
    owner[whole], flow[whole] = name["metering_point"], channel
    delivery.report.take(
        marks, piece.line, describe, point=owner, names=rows.points.texts, channel=flow
    )


def _numbered(words: tuple[str, ...]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words)}


def _choice(
    piece: Cells, whole: Ints, rows: _Rows, marks: Marks, name: str, choices: Mapping[str, int]
) -> Ints:
    """The number of a word out of a few; -1 where the cell is empty or the column is not there."""
    if name not in rows.sheet.place:
        return np.full(len(whole), -1, np.int64)
    codes = rows.sheet.column(piece, whole, name).one_of({**choices, "": -2})
    place = rows.sheet.place[name]
    code = {"channel": "intake.channel.unknown", "quality": "intake.quality.unknown"}.get(name)
    marks.set(codes == -1, code or "intake.register.value", place)
    return np.maximum(codes, -1)


def _powers(
    piece: Cells, whole: Ints, rows: _Rows, marks: Marks, channel: Ints, kind: Ints
) -> Ints:
    """Power of ten of each row's unit; kWh, kvarh or kW where there is none."""
    place = rows.sheet.place
    if "unit" not in place:
        return np.full(len(whole), 6, np.int64)
    column = rows.sheet.column(piece, whole, "unit")
    blank = column.empty
    unit = column.one_of(UNIT_CODES, fold=True)
    marks.set((unit < 0) & ~blank, "intake.unit.unknown", place["unit"])
    unit = np.maximum(unit, 0)
    is_power = _IS_POWER[unit]
    fits = np.where(is_power, kind != KINDS.index("cumulative"), kind != KINDS.index("demand"))
    fits &= is_power | (channel < 0) | UNIT_FITS[np.maximum(channel, 0), unit]
    marks.set(~fits & ~blank, "intake.unit.channel", place["unit"])
    return np.where(blank, 6, UNIT_POWER[unit])


def _readings(
    piece: Cells, whole: Ints, rows: _Rows, marks: Marks, quality: Ints, power: Ints
) -> Ints:
    """What the dial showed [10^-6]; a row of quality N has no reading and is set aside."""
    column = rows.sheet.column(piece, whole, "reading")
    found = numbers.micro(
        piece.data, column.starts, column.ends, power, limit=DIAL_MAX,
        rounding=rows.delivery.round_finer,
    )  # fmt: skip
    rows.sheet.refuse_decimal_commas(column, np.flatnonzero(found.state == numbers.SYNTAX))
    mark_numbers(found, marks, rows.sheet.place["reading"])
    if "quality" in rows.sheet.place:
        marks.set(quality == 0, "intake.register.value", rows.sheet.place["quality"])
    rounded = int((marks.good & (found.state == numbers.ROUNDED)).sum())
    if rounded:
        rows.delivery.report.note("intake.value.rounded", count=rounded)
    return found.value


def _digits(
    piece: Cells, whole: Ints, rows: _Rows, marks: Marks, reading: Ints, power: Ints
) -> Ints:
    """Digits before the mark in kWh (kvarh, kW), -1 where the file does not say."""
    if "digits" not in rows.sheet.place:
        return np.full(len(whole), -1, np.int64)
    place = rows.sheet.place["digits"]
    column = rows.sheet.column(piece, whole, "digits")
    found = numbers.integers(piece.data, column.starts, column.ends)
    blank = found.state == numbers.EMPTY
    digits = found.value + power - 6
    usable = (found.state == numbers.OK) & (digits >= 1) & (digits <= _DIGITS_MAX)
    marks.set(~usable & ~blank, "intake.register.value", place)
    turn = 10 ** (np.clip(digits, 1, _DIGITS_MAX) + 6)
    marks.set(usable & (reading >= turn), "intake.register.digits", rows.sheet.place["reading"])
    return np.where(usable, digits, -1)


def _multipliers(piece: Cells, whole: Ints, rows: _Rows, marks: Marks) -> Ints:
    """CT x PT x constant [10^-6], -1 where the file does not say."""
    if "multiplier" not in rows.sheet.place:
        return np.full(len(whole), -1, np.int64)
    column = rows.sheet.column(piece, whole, "multiplier")
    found = numbers.micro(piece.data, column.starts, column.ends, 6, limit=_MULTIPLIER_MAX)
    blank = found.state == numbers.EMPTY
    usable = (found.state == numbers.OK) & (found.value > 0)
    marks.set(~usable & ~blank, "intake.register.value", rows.sheet.place["multiplier"])
    return np.where(usable, found.value, -1)
