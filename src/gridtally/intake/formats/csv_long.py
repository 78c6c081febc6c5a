"""Step 2: CSV with a row per reading: metering_point,channel,start,value,unit or …,start,kwh.

The interval length is that of `resolution_min` or `end` where the file has such a column, else the
smallest step between the starts of the channel, if it divides all the others (see `steps.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake import numbers, steps, times
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    ENERGY_MAX,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_POWER,
    Delivery,
    Read,
    mark_numbers,
    mark_times,
    point_names,
    versions,
)
from gridtally.intake.formats.sheet import Sheet, header_names, open_sheet
from gridtally.intake.plain import Plain
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import settle_slots, to_blocks, totals
from gridtally.intake.slots import Gathered, Slots, in_blocks
from gridtally.intake.text import Cells, Names
from gridtally.intake.units import CHANNELS, QUALITIES
from gridtally.periods import iso_utc
from gridtally.tables import BLOCKS

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SENTENCE = "CSV with a row per reading: metering_point,channel,start,value,unit."
_OPTIONAL = ("quality", "version", "end", "resolution_min")
_KNOWN = {"metering_point", "channel", "start", "value", "kwh", "unit"}
_KWH = UNIT_CODES["kwh"]
_LONGEST_S = 86_400
_SHORTEST = len("P,import,2026-01-01,0,Wh")
"""No row has fewer bytes and is a reading."""
_ACTUAL = QUALITIES["A"]


def sniff(head: bytes) -> bool:
    """Whether the first line names at least two of the format's columns."""
    return len(_KNOWN & set(header_names(head))) >= 2


@dataclass(slots=True)
class _Rows:
    """What the pieces of a file have in common while it is read."""

    sheet: Sheet
    delivery: Delivery
    slots: Gathered
    points: Names = field(default_factory=Names)
    strays: list[tuple[Ints, Ints]] = field(default_factory=list)
    """Channels and starts of rows that were set aside for another reason: they tell lengths too."""
    rounded: int = 0


def read(text: Bytes, delivery: Delivery) -> Read:
    """The file's readings as blocks. Raises `RefusedFile`."""
    kwh = "kwh" in header_names(text[:4096].tobytes())
    required = ["metering_point", "channel", "start", *(["kwh"] if kwh else ["value", "unit"])]
    sheet = open_sheet(text, file=delivery.file, required=required, optional=_OPTIONAL)
    rows = _Rows(sheet, delivery, Gathered(len(text) // _SHORTEST + 1))
    count = 0
    for piece in sheet.plain_pieces(("kwh" if kwh else "value",)):
        count += piece.rows
        _take(piece, rows)
    report = delivery.report
    if rows.rounded:
        report.note("intake.value.rounded", count=rows.rounded)
    if not sheet.ended:
        report.note("intake.file.unended", line=sheet.header_line + count)
    names = [(point, channel) for point in rows.points.texts for channel in CHANNELS]
    blocks, sums = [BLOCKS.empty_table()], []
    slots = rows.slots.slots()
    lengths = _lengths_of(slots, rows, len(names))
    for part in in_blocks(slots):
        placed = _on_grid(_with_lengths(part, lengths, rows), rows)
        runs = settle_slots(placed, names, report, zone=delivery.zone)
        blocks.append(to_blocks(runs, names, delivery.source))
        sums += totals(runs, names)
    return Read(count, blocks=pa.concat_tables(blocks), totals=sums)


def _take(piece: Cells | Plain, rows: _Rows) -> None:
    """One piece of the file: its good rows become slots, the others are set aside."""
    sheet, delivery = rows.sheet, rows.delivery
    marks = Marks(piece.rows)
    whole = sheet.whole_rows(piece, marks)
    own = Marks(len(whole))
    place = sheet.place
    point = point_names(
        sheet.column(piece, whole, "metering_point"), rows.points, own, place["metering_point"]
    )
    channel = sheet.column(piece, whole, "channel").one_of(CHANNEL_CODES)
    own.set(channel < 0, "intake.channel.unknown", place["channel"])
    key = point * len(CHANNELS) + np.maximum(channel, 0)
    start_column = sheet.column(piece, whole, "start")
    start = start_column.instants(zone=delivery.zone, as_of=delivery.as_of)
    mark_times(start, own, start_column, place["start"], delivery)
    placed = own.good
    seconds = _lengths(piece, whole, rows, own, start.value)
    quality = _qualities(piece, whole, rows, own)
    value = _values(piece, whole, rows, own, channel, quality)
    version = _versions(piece, whole, rows, own)
    good = own.good
    rows.strays.append((key[placed & ~good], start.value[placed & ~good]))
    rows.slots.add(
        Slots(
            key[good],
            start.value[good],
            seconds[good],
            value[good],
            quality[good].astype(np.uint8),
            version[good],
            piece.line[whole][good],
        )
    )
    marks.code[whole], marks.column[whole] = own.code, own.column
    owner, flow = np.full(piece.rows, -1, np.int64), np.full(piece.rows, -1, np.int64)
    owner[whole], flow[whole] = point, channel
    delivery.report.take(
        marks, piece.line, lambda row, column: _describe(piece, row, column, rows), point=owner,
        names=rows.points.texts, channel=flow,
    )  # fmt: skip


def _describe(piece: Cells | Plain, row: int, column: int, rows: _Rows) -> dict[str, object]:
    if piece.count[row] != len(rows.sheet.place):
        return {
            "text": shown(piece.row_text(row)), "cells": int(piece.count[row]),
            "expected": len(rows.sheet.place),
        }  # fmt: skip
    return {"text": shown(piece.text(row, column))}


def _values(
    piece: Cells | Plain, whole: Ints, rows: _Rows, marks: Marks, channel: Ints, quality: Ints
) -> Ints:
    """Energy [10^-6 kWh or kvarh]; a row of quality N need not have one."""
    sheet = rows.sheet
    name = "kwh" if "kwh" in sheet.place else "value"
    column = sheet.column(piece, whole, name)
    if name == "kwh":
        unit = np.full(len(whole), _KWH, np.int64)
        unit_place = sheet.place["channel"]
    else:
        unit_place = sheet.place["unit"]
        unit = sheet.column(piece, whole, "unit").one_of(UNIT_CODES, fold=True)
        marks.set(unit < 0, "intake.unit.unknown", unit_place)
    fits = UNIT_FITS[np.maximum(channel, 0), np.maximum(unit, 0)]
    marks.set(~fits, "intake.unit.channel", unit_place)
    found = numbers.micro(
        column.data, column.starts, column.ends, UNIT_POWER[np.maximum(unit, 0)],
        limit=ENERGY_MAX, rounding=rows.delivery.round_finer,
    )  # fmt: skip
    sheet.refuse_decimal_commas(column, np.flatnonzero(found.state == numbers.SYNTAX))
    found.state[(quality == 0) & (found.state == numbers.EMPTY)] = numbers.OK
    mark_numbers(found, marks, sheet.place[name])
    rows.rounded += int((marks.good & (found.state == numbers.ROUNDED)).sum())
    return np.where(quality == 0, 0, found.value)


def _qualities(piece: Cells | Plain, whole: Ints, rows: _Rows, marks: Marks) -> Ints:
    """Quality codes; actual where the file has no such column or leaves the cell empty."""
    if "quality" not in rows.sheet.place:
        return np.full(len(whole), _ACTUAL, np.int64)
    column = rows.sheet.column(piece, whole, "quality")
    codes = column.one_of(QUALITIES | {"": _ACTUAL})
    marks.set(codes < 0, "intake.quality.unknown", rows.sheet.place["quality"])
    return np.maximum(codes, 0)


def _versions(piece: Cells | Plain, whole: Ints, rows: _Rows, marks: Marks) -> Ints:
    if "version" not in rows.sheet.place:
        return np.zeros(len(whole), np.int64)
    column = rows.sheet.column(piece, whole, "version")
    return versions(column, marks, rows.sheet.place["version"])


def _lengths(piece: Cells | Plain, whole: Ints, rows: _Rows, marks: Marks, start: Ints) -> Ints:
    """The length of each interval [s] where the file states it; 0 where it does not."""
    place, delivery = rows.sheet.place, rows.delivery
    if "resolution_min" in place:
        column = rows.sheet.column(piece, whole, "resolution_min")
        found = numbers.integers(column.data, column.starts, column.ends)
        seconds = np.clip(found.value, 0, 1440) * 60
        marks.set(~_is_length(seconds), "intake.interval.length", place["resolution_min"])
        return seconds
    if "end" in place:
        column = rows.sheet.column(piece, whole, "end")
        # An interval may end after as_of only if it starts before: its start decides.
        end = column.instants(zone=delivery.zone, as_of=delivery.as_of + _LONGEST_S)
        mark_times(end, marks, column, place["end"], delivery)
        seconds = np.where(end.state == times.OK, end.value - start, 0)
        marks.set(~_is_length(seconds), "intake.interval.length", place["end"])
        return seconds
    return np.zeros(len(whole), np.int64)


def _is_length(seconds: Ints) -> npt.NDArray[np.bool_]:
    """A minute or more, a day or less, and a part of the day."""
    fits: npt.NDArray[np.bool_] = seconds >= 60
    fits &= _LONGEST_S % np.maximum(seconds, 1) == 0
    return fits


def _lengths_of(slots: Slots, rows: _Rows, keys: int) -> Ints | None:
    """The interval length of each channel [s], by its starts; None where the file states it."""
    if "resolution_min" in rows.sheet.place or "end" in rows.sheet.place:
        return None
    stray = [np.concatenate(column) for column in zip(*rows.strays, strict=True)]
    lengths, alone = np.zeros(keys, np.int64), np.zeros(keys, bool)
    for part in in_blocks(slots):
        low, high = int(part.key[0]), int(part.key[-1]) + 1
        near = (stray[0] >= low) & (stray[0] < high)
        one, two = steps.measure(
            np.concatenate([part.key, stray[0][near]]),
            np.concatenate([part.start, stray[1][near]]), keys,
        )  # fmt: skip
        lengths[low:high], alone[low:high] = one[low:high], two[low:high]
    return steps.lend(lengths, alone)


def _with_lengths(slots: Slots, lengths: Ints | None, rows: _Rows) -> Slots:
    """Slots with the interval length of their channel; rows whose length is not plain go aside."""
    if lengths is None:
        return slots
    slots = replace(slots, seconds=lengths[slots.key])
    slots = _drop(slots, slots.seconds == steps.UNKNOWN, "intake.interval.unknown", rows)
    unlike = steps.mixed(slots.key, slots.start, slots.seconds)
    return _drop(slots, unlike, "intake.interval.mixed", rows)


def _on_grid(slots: Slots, rows: _Rows) -> Slots:
    """Slots that start on the local clock's grid of their length."""
    delivery = rows.delivery
    if delivery.zone is not None:
        off = (slots.start + delivery.zone.offset(slots.start)) % slots.seconds != 0
    else:
        # Every zone is a multiple of a quarter-hour from UTC.
        off = slots.start % np.gcd(slots.seconds, 900) != 0
    return _drop(slots, off, "intake.interval.grid", rows)


def _drop(slots: Slots, wrong: npt.NDArray[np.bool_], code: str, rows: _Rows) -> Slots:
    if not wrong.any():
        return slots
    marks = Marks(len(slots.key))
    marks.set(wrong, code)

    def describe(row: int, _column: int) -> dict[str, object]:
        moment = iso_utc(int(slots.start[row]))
        return {"text": moment, "expected": int(slots.seconds[row]) // 60}

    rows.delivery.report.take(
        marks, slots.line, describe, point=slots.key // len(CHANNELS), names=rows.points.texts,
        channel=slots.key % len(CHANNELS),
    )  # fmt: skip
    return slots.take(~wrong)
