"""Step 2: QTY segments of a piece as whole columns: number, unit, quality, time; each is judged."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gridtally.intake import numbers, times
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    DIAL_MAX,
    ENERGY_MAX,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_KEPT,
    UNIT_POWER,
    Delivery,
    mark_names,
    mark_numbers,
)
from gridtally.intake.formats.edifact import Segments, Service, pick
from gridtally.intake.formats.edifact_times import instants
from gridtally.intake.formats.mscons_context import DTM, Context, Where, owners
from gridtally.intake.formats.obis import DEMAND, ENERGY, PROFILE, READING
from gridtally.intake.report import Marks, shown
from gridtally.intake.times import Times
from gridtally.intake.units import POWER, QUALITIES

__all__ = ["PERIOD", "QUALIFIERS", "Stated", "Values", "is_length", "judged"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_A, _S, _E, _N = (QUALITIES[letter] for letter in "ASEN")
QUALIFIERS = {
    "220": _A, "67": _S, "79": _A, "Z31": _A, "Z47": _A,
    "187": _E, "201": _E, "Z18": _E, "Z30": _N, "20": _N,
}  # fmt: skip
"""QTY qualifier -> quality: 220 true value, 67 substitute, 79 sum, Z31 delivery note, Z47 basis of
the price cap; 187 forecast, 201 proposed, Z18 provisional; Z30 missing, 20 not to be used."""
_UNITS = {"": -2} | {
    code: UNIT_CODES[unit]
    for code, unit in {
        "WHR": "wh", "KWH": "kwh", "MWH": "mwh", "GWH": "gwh", "K3": "kvarh",
        "WTT": "w", "KWT": "kw", "MAW": "mw",
    }.items()
}  # fmt: skip
"""Units of UN/ECE recommendation 20; without one, the OBIS code implies kWh, kvarh or kW."""
_DTM = {"163": 0, "164": 1, "7": 2, "9": 3, "306": 4}
"""Qualifiers of times: begin, end, instant that counts, instant of reading, month."""
_BEGIN, _END, _VALID, _READ, _MONTH = range(5)
PERIOD = 4
"""Kind of a value that is energy of a period which is no interval; beside those of `obis`."""
_TWICE = -2
_CODE, _DOCUMENT, _NAME, _METER = -1, -2, -3, -4
"""What a message quotes when it is no cell: the OBIS code, the document, the
metering point, the meter."""
_POINT = 46
_DAY = 86_400
_IS_POWER = np.array([kept == POWER for kept in UNIT_KEPT])
_TIME = {
    times.PATTERN: "intake.mscons.time",
    times.NO_ZONE: "intake.mscons.time",
    times.NONEXISTENT: "intake.time.nonexistent",
    times.AMBIGUOUS: "intake.time.ambiguous",
    times.OFFSET: "intake.time.offset",
}


@dataclass(frozen=True, slots=True)
class Stated:
    """Energy that the sender states, whatever became of it; 0 for a time that cannot be used.

    All columns of shape (n,). What is made of it may be less: each value set aside has a finding.
    """

    point: Ints
    code: Ints
    start: Ints
    end: Ints
    value: Ints


@dataclass(frozen=True, slots=True)
class Values:
    """Good values, all columns of shape (n,); `row` is that of the QTY segment in its piece."""

    row: Ints
    kind: Ints
    point: Ints
    meter: Ints
    code: Ints
    channel: Ints
    message: Ints
    start: Ints
    end: Ints
    value: Ints
    quality: Ints
    version: Ints
    line: Ints

    def take(self, which: Bools | Ints) -> Values:
        """The values at these positions, in this order."""
        return Values(*(getattr(self, column.name)[which] for column in fields(self)))


def is_length(seconds: Ints) -> Bools:
    """A minute or more, a day or less, and a part of the day."""
    fits: Bools = (seconds >= 60) & (seconds <= _DAY) & (_DAY % np.maximum(seconds, 1) == 0)
    return fits


def judged(
    piece: Segments, rows: Ints, where: Where, context: Context, service: Service,
    delivery: Delivery,
) -> tuple[Values, Stated, int]:  # fmt: skip
    """The good QTY segments among `rows`, the energy stated, and how many values were rounded.

    The others are set aside.
    """
    marks = Marks(len(rows))
    withdrawn = np.array([message.withdraws for message in context.messages], bool)
    marks.set(withdrawn[where.message], "intake.mscons.withdrawn", _DOCUMENT)
    marks.set(where.point < 0, "intake.point.name")
    mark_names(where.point, context.points, marks, _NAME)
    kind, channel = _meanings(where, context)
    meter = np.where(kind >= READING, where.meter, -1)
    mark_names(meter, context.meters, marks, _METER)
    marks.set(kind < 0, "intake.mscons.obis", _CODE)
    qualifier = piece.find(rows, 1)
    quality = pick(piece, qualifier, QUALIFIERS)
    marks.set(quality < 0, "intake.mscons.qualifier", qualifier)
    marks.set((quality == _N) & (kind >= READING), "intake.register.value", qualifier)
    found = _numbers(piece, rows, kind, channel, quality, marks, service, delivery)
    sound = marks.good & (kind < READING)
    kind, start, end = _times(piece, rows, kind, marks, delivery)
    good = marks.good
    values = Values(
        rows, kind, where.point, where.meter, where.code, channel, where.message, start, end,
        found.value, quality, where.version, piece.line[rows],
    ).take(good)  # fmt: skip
    columns = (where.point, where.code, start, end, found.value)
    stated = Stated(*(column[sound] for column in columns))

    def describe(row: int, cell: int) -> dict[str, object]:
        if cell == _CODE:
            text = context.codes.texts[where.code[row]] if where.code[row] >= 0 else ""
        elif cell == _DOCUMENT:
            text = context.messages[int(where.message[row])].document
        elif cell == _NAME:
            text = context.points.texts[where.point[row]]
        elif cell == _METER:
            text = context.meters.texts[where.meter[row]]
        else:
            text = piece.at(cell) if cell > 0 else ""
        minutes = int(end[row] - start[row]) // 60
        return {"text": shown(text), "expected": minutes}

    delivery.report.take(
        marks, piece.line[rows], describe, point=where.point, names=context.points.texts,
        channel=channel,
    )  # fmt: skip
    return values, stated, int((good & (found.state == numbers.ROUNDED)).sum())


def _meanings(where: Where, context: Context) -> tuple[Ints, Ints]:
    """Kind of value and number of the channel by the OBIS codes, -1 for one that has none here."""
    meant = [(m.kind, CHANNEL_CODES[m.channel]) if m else (-1, -1) for m in context.meanings]
    table = np.array([*meant, (-1, -1)], np.int64)
    return table[where.code, 0], table[where.code, 1]


def _numbers(
    piece: Segments, rows: Ints, kind: Ints, channel: Ints, quality: Ints, marks: Marks,
    service: Service, delivery: Delivery,
) -> numbers.Numbers:  # fmt: skip
    """The quantities in millionths of the unit that is kept; no value where there is none."""
    cell = piece.find(rows, 1, 2)
    unit = np.where(cell < 0, -2, pick(piece, cell, _UNITS))
    marks.set(unit == -1, "intake.unit.unknown", cell)
    power = np.where(unit < 0, 6, UNIT_POWER[np.maximum(unit, 0)])
    fits = np.where(
        kind == DEMAND,
        _IS_POWER[np.maximum(unit, 0)],
        UNIT_FITS[np.maximum(channel, 0), np.maximum(unit, 0)],
    )
    marks.set((unit >= 0) & ~fits, "intake.unit.channel", cell)
    quantity = piece.find(rows, 1, 1)
    starts, ends = piece.span(quantity)
    found = numbers.micro(
        _with_points(piece, service), starts, ends, power, limit=DIAL_MAX,
        rounding=delivery.round_finer,
    )  # fmt: skip
    state = found.state
    state[(kind < READING) & (np.abs(found.value) > ENERGY_MAX)] = numbers.LARGE
    state[quality == _N] = numbers.OK
    found = numbers.Numbers(np.where(quality == _N, 0, found.value), state)
    mark_numbers(found, marks, quantity)
    return found


def _with_points(piece: Segments, service: Service) -> npt.NDArray[np.uint8]:
    """The piece's bytes with a point for the decimal mark, and none for another point."""
    if service.decimal == _POINT:
        return piece.data
    plain = np.arange(256, dtype=np.uint8)
    plain[_POINT], plain[service.decimal] = service.decimal, _POINT
    return plain[piece.data]


def _times(
    piece: Segments, rows: Ints, kind: Ints, marks: Marks, delivery: Delivery
) -> tuple[Ints, Ints, Ints]:
    """Kind, begin and end of each value; a dial has one instant. Energy may be of any period."""
    dtm, found, cells = _given(piece, rows, delivery)
    twice = dtm == _TWICE
    marks.set(twice.any(axis=0), "intake.mscons.time")
    column = np.arange(len(rows))
    is_period = kind < READING
    instant = np.where(dtm[_VALID] >= 0, _VALID, np.where(kind == READING, _READ, _END))
    instant = np.where((kind == DEMAND) & (dtm[instant, column] < 0), _MONTH, instant)
    begin = np.where(is_period, _BEGIN, instant)
    finish = np.where(is_period, _END, instant)
    place = [np.where(dtm[which, column] >= 0, dtm[which, column], -1) for which in (begin, finish)]
    for which in place:
        _mark(found, which, cells, marks, delivery)
    start, end = (np.where(which >= 0, found.value[which], 0) for which in place)
    quote = np.where(place[0] >= 0, cells[place[0]], 0)
    marks.set(start < times.EARLIEST, "intake.time.past", quote)
    marks.set(start > delivery.as_of + times.SLACK_S, "intake.time.future", quote)
    seconds = end - start
    usual = is_length(seconds)
    bad = is_period & ((seconds <= 0) | ((kind == PROFILE) & ~usual))
    marks.set(bad, "intake.interval.length", quote)
    zone = delivery.zone
    local = start + zone.offset(start) if zone is not None else start
    grid = np.maximum(seconds, 1) if zone is not None else np.gcd(np.maximum(seconds, 1), 900)
    off = is_period & usual & (local % grid != 0)
    marks.set(off, "intake.interval.grid", quote)
    return np.where((kind == ENERGY) & ~usual, PERIOD, kind), start, end


def _given(piece: Segments, rows: Ints, delivery: Delivery) -> tuple[Ints, Times, Ints]:
    """The DTM of each meaning that each row has, by their numbers; their times; their cells.

    Shape (meanings, rows): -1 where there is none, `_TWICE` where there are several.
    """
    dtm = np.flatnonzero(piece.tag == DTM)
    owner = owners(piece, dtm)
    meaning = pick(piece, piece.find(dtm, 1), _DTM)
    use = (owner >= 0) & (meaning >= 0)
    dtm, owner, meaning = dtm[use], np.searchsorted(rows, owner[use]), meaning[use]
    given = np.full((len(_DTM), len(rows)), -1, np.int64)
    given[meaning, owner] = np.arange(len(dtm))
    spot = np.sort(meaning * len(rows) + owner)
    given.reshape(-1)[spot[1:][spot[1:] == spot[:-1]]] = _TWICE
    cells = np.append(piece.find(dtm, 1, 1), 0)
    found = instants(piece, dtm, zone=delivery.zone)
    nowhere = Times(np.append(found.value, 0), np.append(found.state, times.PATTERN))
    return given, nowhere, cells


def _mark(found: Times, which: Ints, cells: Ints, marks: Marks, delivery: Delivery) -> None:
    """Set aside values whose time cannot be used; be it in one place or two."""
    state, quote = found.state[which], np.maximum(cells[which], 0)
    for number, code in _TIME.items():
        marks.set(state == number, code, quote)
