"""Step 2: DSMR P1 telegrams (2.2, 3, 4, 5, ESMR, Fluvius): register readings of a smart meter.

A telegram names no metering point but its meter: the equipment identifier is both. Dials (1.8, 2.8,
3.8, 4.8) and demands (1.6.0 and its history) are rows; what else is said becomes remarks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake import numbers, times
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    DIAL_MAX,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_KEPT,
    UNIT_POWER,
    Column,
    Delivery,
    Read,
    is_name,
    mark_names,
    mark_numbers,
)
from gridtally.intake.formats.dsmr_frame import Telegrams, split
from gridtally.intake.formats.dsmr_said import Said
from gridtally.intake.formats.dsmr_times import instants
from gridtally.intake.formats.obis import DEMAND, READING, Obis, obis_of
from gridtally.intake.readings import KINDS, Dials, settle_dials
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import Total
from gridtally.intake.text import Cells, Names
from gridtally.intake.times import Times
from gridtally.intake.units import CHANNELS, POWER, QUALITIES
from gridtally.intake.words import refuse
from gridtally.periods import Zone
from gridtally.periods import zone as zone_of

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SENTENCE = "DSMR P1: telegrams of smart meters in the Netherlands, Belgium and elsewhere."
_ZONE = "Europe/Amsterdam"
_SAME = ("Europe/Amsterdam", "Europe/Brussels")
_LINE = re.compile(rb"\n\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}(?:\*\d{1,3})?\(")
_TIME, _IDENTITY, _VERSION = "0-0:1.0.0", "0-0:96.1.1", ("1-3:0.2.8", "0-0:96.1.4")
_HISTORY = "0-0:98.1.0"
_MEASURED = "1-0:"
_QUANTITIES = (1, 2, 3, 4)
_IS_POWER = np.array([kept == POWER for kept in UNIT_KEPT])
_BEFORE, _MONTH = 3, 3
"""Groups of a history before its first month, and of each month."""
_STAR = ord("*")
_NOTHING, _POINT = -1, -2
"""What a message quotes when it is no cell: nothing, or the metering point."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")


def sniff(head: bytes) -> bool:
    """Whether the file begins like a telegram and has a line of data."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    return head[:1] == b"/" and _LINE.search(head) is not None


@dataclass(slots=True)
class _File:
    """A file while it is read: its telegrams, its codes, and each telegram's point and time."""

    telegrams: Telegrams
    delivery: Delivery
    zone: Zone
    codes: list[str]
    code: Ints
    points: Names = field(default_factory=Names)

    def rows_of(self, *codes: str) -> Ints:
        """The data lines of some codes."""
        wanted = [number for number, text in enumerate(self.codes) if text in codes]
        return np.flatnonzero(np.isin(self.code, wanted))

    def first(self, rows: Ints) -> Ints:
        """For each telegram its first line among `rows`, -1 where it has none."""
        found = np.full(len(self.telegrams.line), -1, np.int64)
        found[self.telegrams.owner[rows[::-1]]] = rows[::-1]
        return found


def read(text: Bytes, delivery: Delivery) -> Read:
    """The telegrams' readings. Raises `RefusedFile`: frame or CRC are wrong."""
    telegrams = split(text, file=delivery.file)
    cells = telegrams.cells
    code, one = cells.distinct(cells.first[:-1])
    zone = delivery.zone or zone_of(_ZONE)
    file = _File(telegrams, delivery, zone, [cells.at(cell) for cell in one.tolist()], code)
    _refuse_unchecked(file)
    if delivery.zone is not None and zone.name not in _SAME:
        delivery.report.note("intake.dsmr.zone", text=zone.name)
    point, time = _points(file), _instants(file)
    rows = _rows(file, point, time)
    said = Said(cells, file.codes, code, delivery)
    named = np.where(file.points.all(is_name)[point], point, -1)
    remarks = said.table(file.points.texts, named, time, telegrams.owner, zone)
    if not len(rows.point) and not remarks.num_rows and not said.media:
        raise refuse("intake.file.rows", file=delivery.file, line=1)
    table, totals = _settled(rows, file)
    return Read(len(rows.point), registers=table, remarks=remarks, totals=totals)


def _refuse_unchecked(file: _File) -> None:
    """A telegram that states its version is of DSMR 4 or later, which has a CRC."""
    stated = file.first(file.rows_of(*_VERSION)) >= 0
    bare = np.flatnonzero(stated & ~file.telegrams.checked)
    if bare.size:
        raise refuse(
            "intake.dsmr.crc", file=file.delivery.file, line=int(file.telegrams.line[bare[0]]),
            text="no CRC", expected="one",
        )  # fmt: skip


def _points(file: _File) -> Ints:
    """The equipment identifier of each telegram, as number of `file.points`; -1 for none."""
    cells = file.telegrams.cells
    row = file.first(file.rows_of(_IDENTITY))
    there = np.flatnonzero(row >= 0)
    cell = cells.first[row[there]] + 1
    codes, one = cells.distinct(cell)
    result = np.full(len(row), -1, np.int64)
    result[there] = file.points.encode(codes, [_plain(cells.at(at)) for at in one.tolist()])
    return result


def _plain(text: str) -> str:
    """An identifier written as hexadecimal ASCII as what it spells; any other as it stands."""
    if _HEX.match(text):
        raw = bytes.fromhex(text)
        if raw.isascii() and raw.decode("ascii").isprintable() and raw == raw.strip():
            return raw.decode("ascii")
    return text


def _instants(file: _File) -> Times:
    """The time of each telegram; a pattern that is none where it states no time."""
    cells = file.telegrams.cells
    row = file.first(file.rows_of(_TIME))
    cell = np.where(row >= 0, cells.first[row] + 1, 0)
    found = instants(cells.data, cells.starts[cell], cells.ends[cell], zone=file.zone)
    return Times(found.value, np.where(row >= 0, found.state, times.PATTERN).astype(np.int8))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Readings, each column of shape (n,): what is a row of the file, good or not."""

    point: Ints
    code: Ints
    cell: Ints
    time: Ints
    state: npt.NDArray[np.int8]
    quote: Ints
    line: Ints


def _rows(file: _File, point: Ints, time: Times) -> _Rows:
    """All dials and demands: of each line, and of each month of a history."""
    telegrams, cells = file.telegrams, file.telegrams.cells
    meanings = [_meaning(text) for text in file.codes]
    meant = np.array([meaning is not None for meaning in meanings], bool)
    plain = np.flatnonzero(meant[file.code]) if len(meant) else np.zeros(0, np.int64)
    owner = telegrams.owner[plain]
    stated = file.first(file.rows_of(_TIME))
    quote = np.where(stated >= 0, cells.first[stated] + 1, -1)[owner]
    history = file.rows_of(_HISTORY)
    entry, code = _entries(file, history)
    month = np.searchsorted(cells.first, entry, side="right") - 1
    past = instants(cells.data, cells.starts[entry], cells.ends[entry], zone=file.zone)
    return _Rows(
        np.concatenate([point[owner], point[telegrams.owner[month]]]),
        np.concatenate([file.code[plain], code]),
        np.concatenate([cells.first[plain + 1] - 1, entry + 2]),
        np.concatenate([time.value[owner], past.value]),
        np.concatenate([time.state[owner], past.state]),
        np.concatenate([quote, entry]),
        np.concatenate([cells.line[plain], cells.line[month]]),
    )


def _meaning(text: str) -> Obis | None:
    """What a code is here: a dial or a demand of this meter, of a quantity that we keep."""
    meaning = obis_of(text) if text.startswith(_MEASURED) else None
    if meaning is None or meaning.quantity not in _QUANTITIES:
        return None
    return meaning if meaning.kind in (READING, DEMAND) else None


def _entries(file: _File, lines: Ints) -> tuple[Ints, Ints]:
    """Of demand histories the cell where each month begins, and the number of its code.

    `(n)(code)(code)` and then for each month its end, the instant of the demand, and the demand.
    """
    cells = file.telegrams.cells
    groups = cells.count[lines] - 1
    usual = lines[(groups > _BEFORE) & ((groups - _BEFORE) % _MONTH == 0)]
    codes, one = cells.distinct(cells.first[usual] + 2)
    names = [cells.at(cell) for cell in one.tolist()]
    demands = np.array([(m := _meaning(n)) is not None and m.kind == DEMAND for n in names], bool)
    known = demands[codes] if len(codes) else np.zeros(0, bool)
    usual, codes = usual[known], codes[known]
    file.codes += [name for name in names if name not in file.codes]
    number = np.array([file.codes.index(name) for name in names], np.int64)
    months = (cells.count[usual] - 1 - _BEFORE) // _MONTH
    begin = np.repeat(cells.first[usual] + 1 + _BEFORE, months)
    step = np.arange(len(begin)) - np.repeat(np.cumsum(months) - months, months)
    return begin + step * _MONTH, np.repeat(number[codes] if len(codes) else codes, months)


def _settled(rows: _Rows, file: _File) -> tuple[pa.Table, list[Total]]:
    """The good rows as register readings; the others are set aside, their channels still listed."""
    delivery, names = file.delivery, file.points
    meanings = [_meaning(text) for text in file.codes]
    channels = [CHANNEL_CODES[meaning.channel] if meaning else -1 for meaning in meanings]
    channel = np.array(channels, np.int64)[rows.code]
    is_demand = np.array([bool(m and m.kind == DEMAND) for m in meanings], bool)[rows.code]
    marks = Marks(len(rows.point))
    marks.set(rows.point < 0, "intake.point.name", _NOTHING)
    mark_names(rows.point, names, marks, _POINT)
    reading = _readings(rows, file, channel, is_demand, marks)
    _mark_times(rows, marks, delivery)
    cells = file.telegrams.cells

    def describe(row: int, cell: int) -> dict[str, object]:
        if cell == _NOTHING:
            return {"text": "''"}
        text = names.texts[int(rows.point[row])] if cell == _POINT else cells.at(cell)
        return {"text": shown(text)}

    delivery.report.take(
        marks, rows.line, describe, point=rows.point, names=names.texts, channel=channel
    )
    listed = np.unique(np.stack([rows.point, channel])[:, (rows.point >= 0) & ~is_demand], axis=1)
    totals = [
        Total(names.texts[point], CHANNELS[flow], 0, 0, None, None)
        for point, flow in listed.T.tolist()
    ]
    dials, texts = _dials(rows, file, meanings, channel, is_demand, reading)
    table, advances = settle_dials(
        [dials.take(marks.good)], texts, delivery.report, delivery.source
    )
    return table, [*totals, *advances]


def _readings(rows: _Rows, file: _File, channel: Ints, is_demand: Bools, marks: Marks) -> Ints:
    """Numbers in millionths of kWh, kvarh or kW; each states its unit after a `*`."""
    cells = file.telegrams.cells
    starts, ends = cells.starts[rows.cell], cells.ends[rows.cell]
    stars = np.flatnonzero(cells.data == _STAR)
    at = np.append(stars, len(cells.data))[np.searchsorted(stars, starts)]
    split_ = np.minimum(at, ends)
    units = Cells(
        cells.data, np.minimum(split_ + 1, ends), ends, np.arange(len(ends) + 1), rows.line,
        False, True,
    )  # fmt: skip
    unit = Column(units, np.arange(len(ends))).one_of(UNIT_CODES, fold=True)
    marks.set(unit < 0, "intake.unit.unknown", rows.cell)
    unit = np.maximum(unit, 0)
    fits = np.where(is_demand, _IS_POWER[unit], UNIT_FITS[np.maximum(channel, 0), unit])
    marks.set(~fits, "intake.unit.channel", rows.cell)
    found = numbers.micro(
        cells.data, starts, split_, UNIT_POWER[unit], limit=DIAL_MAX,
        rounding=file.delivery.round_finer,
    )  # fmt: skip
    mark_numbers(found, marks, rows.cell)
    rounded = int((marks.good & (found.state == numbers.ROUNDED)).sum())
    if rounded:
        file.delivery.report.note("intake.value.rounded", count=rounded)
    return found.value


def _mark_times(rows: _Rows, marks: Marks, delivery: Delivery) -> None:
    """Set aside readings without an instant: nothing says when the dial showed them."""
    marks.set(rows.quote < 0, "intake.dsmr.time", _NOTHING)
    marks.set(rows.state == times.PATTERN, "intake.dsmr.time", rows.quote)
    marks.set(rows.state == times.NONEXISTENT, "intake.time.nonexistent", rows.quote)
    marks.set(rows.state == times.OFFSET, "intake.time.offset", rows.quote)
    marks.set(rows.time > delivery.as_of + times.SLACK_S, "intake.time.future", rows.quote)


def _dials(
    rows: _Rows, file: _File, meanings: list[Obis | None], channel: Ints, is_demand: Bools,
    reading: Ints,
) -> tuple[Dials, tuple[list[str], list[str], list[str], list[str]]]:  # fmt: skip
    """Rows as readings; a register is named by the end of its code, such as 1.8.1."""
    registers, buckets = Names(), Names()
    name = [registers.number(text.partition(":")[2].partition("*")[0]) for text in file.codes]
    bucket = [buckets.number(meaning.bucket if meaning else "") for meaning in meanings]
    count = len(rows.point)
    none, zero = np.full(count, -1, np.int64), np.zeros(count, np.int64)
    kind = np.where(is_demand, KINDS.index("demand"), KINDS.index("cumulative"))
    dials = Dials(
        rows.point, rows.point, np.array(name, np.int64)[rows.code], channel,
        np.array(bucket, np.int64)[rows.code], kind, rows.time, reading, none, none,
        np.full(count, QUALITIES["A"]), zero, zero, rows.line,
    )  # fmt: skip
    return dials, (file.points.texts, file.points.texts, registers.texts, buckets.texts)
