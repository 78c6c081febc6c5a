"""Step 2: CSV with a row per event that a meter reported: metering_point,time,event,value.

Events become remarks `event.*`, which the checks of the readings look at: a clock that drifts, a
cover that was opened, energy that flowed the wrong way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.common import (
    Column,
    Delivery,
    Read,
    mark_times,
    point_names,
)
from gridtally.intake.formats.sheet import Sheet, header_names, open_sheet
from gridtally.intake.remarks import Remarks
from gridtally.intake.report import Marks, shown
from gridtally.intake.text import Cells, Names

__all__ = ["EVENTS", "SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SENTENCE = "CSV with a row per event of a meter: metering_point,time,event,value."
EVENTS = (
    "clock_drift", "clock_set", "cover_open", "overflow", "phase_loss", "power_loss", "reverse",
    "tamper", "test_mode",
)  # fmt: skip
_CODES = {name: number for number, name in enumerate(EVENTS)}
_VALUE_MAX = 200


def sniff(head: bytes) -> bool:
    """Whether the first line names metering_point, time and event."""
    return {"metering_point", "time", "event"} <= set(header_names(head))


@dataclass(slots=True)
class _Events:
    """What the pieces of a file have in common while it is read."""

    sheet: Sheet
    delivery: Delivery
    points: Names = field(default_factory=Names)
    remarks: Remarks = field(default_factory=Remarks)
    seen: set[tuple[int, int, int, int]] = field(default_factory=set)


def read(text: Bytes, delivery: Delivery) -> Read:
    """The file's events as remarks. Raises `RefusedFile`."""
    sheet = open_sheet(
        text, file=delivery.file, required=("metering_point", "time", "event"), optional=("value",)
    )
    rows = _Events(sheet, delivery)
    count = 0
    for piece in sheet.pieces():
        count += piece.rows
        _take(piece, rows)
    if not sheet.ended:
        delivery.report.note("intake.file.unended", line=sheet.header_line + count)
    names = [(point, "") for point in rows.points.texts]
    return Read(count, remarks=rows.remarks.table(names, delivery.source))


def _take(piece: Cells, rows: _Events) -> None:
    """One piece of the file: its good rows become remarks, the others are set aside."""
    sheet, delivery, place = rows.sheet, rows.delivery, rows.sheet.place
    marks = Marks(piece.rows)
    whole = sheet.whole_rows(piece, marks)
    own = Marks(len(whole))
    column = Column(piece, piece.first[whole] + place["metering_point"])
    point = point_names(column, rows.points, own, place["metering_point"])
    column = Column(piece, piece.first[whole] + place["time"])
    time = column.instants(zone=delivery.zone, as_of=delivery.as_of)
    mark_times(time, own, column, place["time"], delivery)
    kind = Column(piece, piece.first[whole] + place["event"]).one_of(_CODES)
    own.set(kind < 0, "intake.event.unknown", place["event"])
    value = np.full(len(whole), rows.remarks.texts.number(""), np.int64)
    if "value" in place:
        column = Column(piece, piece.first[whole] + place["value"])
        value = column.codes(rows.remarks.texts)
        fits = rows.remarks.texts.all(_is_value)
        own.set(~fits[value], "intake.event.value", place["value"])
    fresh = _first(rows, (point, time.value, kind, value), own.good, piece.line[whole])
    for number, name in enumerate(EVENTS):
        which = np.flatnonzero(fresh & (kind == number))
        rows.remarks.add(
            f"event.{name}", name=point[which], start=time.value[which], end=time.value[which],
            value=value[which], version=np.zeros(len(which), np.int64),
            line=piece.line[whole][which], join=False,
        )  # fmt: skip
    marks.code[whole], marks.column[whole] = own.code, own.column
    owner = np.full(piece.rows, -1, np.int64)
    owner[whole] = point
    delivery.report.take(
        marks, piece.line, lambda row, at: _describe(piece, row, at, len(place)), point=owner,
        names=rows.points.texts,
    )  # fmt: skip


def _describe(piece: Cells, row: int, column: int, expected: int) -> dict[str, object]:
    if piece.count[row] != expected:
        cells = int(piece.count[row])
        return {"text": shown(piece.row_text(row)), "cells": cells, "expected": expected}
    return {"text": shown(piece.text(row, column))}


def _first(
    rows: _Events, columns: tuple[Ints, ...], good: npt.NDArray[np.bool_], line: Ints
) -> npt.NDArray[np.bool_]:
    """Good rows that say something new; the same event again is a duplicate. Events are few."""
    fresh = good.copy()
    twice = []
    for at in np.flatnonzero(good).tolist():
        said = tuple(int(column[at]) for column in columns)
        if said in rows.seen:
            fresh[at] = False
            twice.append(int(line[at]))
        rows.seen.add(said)  # type: ignore[arg-type]
    if twice:
        rows.delivery.report.duplicates += len(twice)
        rows.delivery.report.note("intake.interval.duplicate", count=len(twice), line=twice[0])
    return fresh


def _is_value(text: str) -> bool:
    return len(text) <= _VALUE_MAX and text.isprintable()
