"""Step 2: the register readings of a mapped file: one or more dials in each row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake import numbers
from gridtally.intake.formats.common import DIAL_MAX, UNIT_KEPT, Read, mark_numbers
from gridtally.intake.formats.mapped_cells import Rows, Shared, numbers_of, powers, words_of
from gridtally.intake.mapping import Value
from gridtally.intake.readings import KINDS, REASONS, Dials, settle_dials
from gridtally.intake.report import Marks
from gridtally.intake.text import Cells, Names
from gridtally.intake.units import CHANNELS, POWER
from gridtally.tables import REMARKS

__all__ = ["read_dials"]

Ints = npt.NDArray[np.int64]

_REASONS = {word: number for number, word in enumerate(REASONS)}
_DIGITS_MAX = 12
_MULTIPLIER_MAX = 10**13
_IS_POWER = np.array([kept == POWER for kept in UNIT_KEPT])


@dataclass(slots=True)
class _Found:
    """What the pieces of a file give."""

    meters: Names = field(default_factory=Names)
    registers: Names = field(default_factory=Names)
    buckets: Names = field(default_factory=Names)
    dials: list[Dials] = field(default_factory=list)
    occurred: list[tuple[Ints, Ints, Ints, Ints, pa.Array]] = field(default_factory=list)


def read_dials(rows: Rows) -> Read:
    """Register readings, and when the largest demands occurred."""
    found = _Found()
    found.buckets.number("")
    for piece in rows.sheet.pieces():
        _take(piece, rows, found)
    names = (rows.points.texts, found.meters.texts, found.registers.texts, found.buckets.texts)
    delivery = rows.delivery
    table, totals = settle_dials(found.dials, names, delivery.report, delivery.source)
    return Read(rows.count, registers=table, remarks=_occurred(rows, found), totals=totals)


def _take(piece: Cells, rows: Rows, found: _Found) -> None:
    """One piece of the file: the dials of its good rows become readings."""
    shared, mapping = rows.shared(piece), rows.mapping
    meter = rows.names(piece, "meter", found.meters, shared.marks)
    reason = np.zeros(piece.rows, np.int64)
    if "reason" in mapping.columns:
        own = {word: _REASONS[reason] for word, reason in rows.words("reason").items()}
        known = own or {**_REASONS, "": 0}
        reason = words_of(rows, piece, shared.marks, "reason", known, "intake.register.value")
    for number, value in enumerate(mapping.values):
        marks = Marks(piece.rows)
        marks.code[:], marks.column[:] = shared.marks.code, shared.marks.column
        channel = rows.channels(piece, marks, value)
        register = _named(rows, piece, marks, "register", value.register, found.registers)
        bucket = _named(rows, piece, marks, "bucket", value.bucket, found.buckets)
        reading, digits = _readings(shared, rows, marks, number, channel)
        multiplier = _multipliers(rows, piece, marks)
        here = shared.here[number]
        rows.count += int(here.sum())
        rows.report(shared, marks, number, channel)
        kind = np.full(piece.rows, KINDS.index(value.dial) if value.dial else -1)
        good = here & marks.good
        found.dials.append(
            Dials(
                shared.point, meter, register, channel, bucket, kind, shared.stamps["time"].value,
                reading, digits, multiplier, shared.quality, np.maximum(reason, 0), shared.version,
                piece.line,
            ).take(good)
        )  # fmt: skip
        _take_occurred(shared, rows, value, channel, good, found)


def _named(rows: Rows, piece: Cells, marks: Marks, name: str, constant: str, names: Names) -> Ints:
    """The names of dials or buckets as numbers."""
    if constant or name not in rows.mapping.columns:
        return np.full(piece.rows, names.number(constant), np.int64)
    if name == "bucket" and rows.constant(name) is None:
        return rows.column(piece, name).codes(names)
    return rows.names(piece, name, names, marks)


def _readings(
    shared: Shared, rows: Rows, marks: Marks, number: int, channel: Ints
) -> tuple[Ints, Ints]:
    """What the dial showed [10^-6], and its digits before the mark, -1 where nobody says."""
    value, at = rows.mapping.values[number], rows.value_places[number]
    unit = rows.units(shared.piece, marks, value)
    power = powers(np.where(_IS_POWER[unit], -1, channel), unit, marks, at)
    found = numbers_of(rows, shared.piece, value, at, power=power, limit=DIAL_MAX)
    mark_numbers(found, marks, at)
    marks.set(shared.quality == 0, "intake.register.value", at)
    rows.rounded += int((shared.here[number] & marks.good & (found.state == numbers.ROUNDED)).sum())
    digits = np.full(shared.piece.rows, value.digits or -1, np.int64)
    if "digits" in rows.mapping.columns:
        digits = _whole(rows, shared.piece, marks)
    turn = 10 ** (np.clip(digits, 1, _DIGITS_MAX) + 6)
    marks.set((digits > 0) & (found.value >= turn), "intake.register.digits", at)
    return found.value, digits


def _whole(rows: Rows, piece: Cells, marks: Marks) -> Ints:
    """Digits of each row's dial in kWh (kvarh, kW), -1 where the cell is empty."""
    text = rows.constant("digits")
    if text is not None:
        fits = text.isascii() and text.isdigit() and 1 <= int(text) <= _DIGITS_MAX
        marks.set(np.full(piece.rows, not fits), "intake.register.value")
        return np.full(piece.rows, int(text) if fits else -1)
    column = rows.column(piece, "digits")
    found = numbers.integers(piece.data, column.starts, column.ends)
    fits = (found.state == numbers.OK) & (found.value >= 1) & (found.value <= _DIGITS_MAX)
    marks.set(
        ~fits & (found.state != numbers.EMPTY), "intake.register.value", rows.place["digits"][0]
    )
    return np.where(fits, found.value, -1)


def _multipliers(rows: Rows, piece: Cells, marks: Marks) -> Ints:
    """CT x PT x constant [10^-6], -1 where the file does not say."""
    if "multiplier" not in rows.mapping.columns or rows.constant("multiplier") is not None:
        return np.full(piece.rows, -1, np.int64)
    column = rows.column(piece, "multiplier")
    found = numbers.micro(piece.data, column.starts, column.ends, 6, limit=_MULTIPLIER_MAX)
    fits = (found.state == numbers.OK) & (found.value > 0)
    place = rows.place["multiplier"][0]
    marks.set(~fits & (found.state != numbers.EMPTY), "intake.register.value", place)
    return np.where(fits, found.value, -1)


def _take_occurred(
    shared: Shared, rows: Rows, value: Value, channel: Ints, good: npt.NDArray[np.bool_],
    found: _Found,
) -> None:  # fmt: skip
    """When a largest demand occurred, as the sender wrote it."""
    if value.occurred is None:
        return
    piece = shared.piece
    column = rows.sheet.column(piece, rows.sheet.place(value.occurred))
    at = np.flatnonzero(good & ~column.empty)
    if at.size:
        said = piece.strings(column.cell[at])
        time = shared.stamps["time"].value
        found.occurred.append((shared.point[at], channel[at], time[at], piece.line[at], said))


def _occurred(rows: Rows, found: _Found) -> pa.Table:
    if not found.occurred:
        return REMARKS.empty_table()
    point, channel, time, line = (
        np.concatenate([part[at] for part in found.occurred]) for at in range(4)
    )
    count = len(point)
    instants = pa.array(time).cast(pa.timestamp("s", tz="UTC"))
    channels = pa.array(["", *CHANNELS])
    return pa.Table.from_arrays(
        [
            pa.array(rows.points.texts, pa.string()).take(pa.array(point)),
            channels.take(pa.array(channel + 1)), instants, instants,
            pa.repeat(pa.scalar("mapped.demand_time"), count),
            pa.concat_arrays([part[4] for part in found.occurred]),
            pa.array(np.zeros(count, np.int64)), pa.array(np.zeros(count, np.int64)),
            pa.repeat(pa.scalar(rows.delivery.source), count), pa.array(line),
        ],
        schema=REMARKS,
    )  # fmt: skip
