"""Step 2: the columns that every row of a mapped file has: who, when, what, how good.

A cell that cannot be read sets its row aside, or refuses the file, as the mapping declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridtally.intake import numbers, stamps, times
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    TIME_CODES,
    UNIT_CODES,
    UNIT_FITS,
    UNIT_POWER,
    Column,
    Delivery,
    point_names,
    versions,
)
from gridtally.intake.formats.mapped_sheet import MappedSheet
from gridtally.intake.mapping import Mapping as Document
from gridtally.intake.mapping import Value
from gridtally.intake.numbers import Numbers
from gridtally.intake.report import Marks, shown
from gridtally.intake.text import Cells, Names
from gridtally.intake.units import CHANNELS, QUALITIES
from gridtally.intake.words import QUARANTINED, refuse
from gridtally.periods import Zone

__all__ = ["Day", "Rows", "Shared", "When", "numbers_of", "powers", "words_of"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
States = npt.NDArray[np.int8]

_ACTUAL = QUALITIES["A"]
_SIGN, _POINT, _NOTHING = 44, 46, 0
_POWER_MAX = 18
_PEEK = 100
"""How many odd values are looked at for another decimal mark."""
_DAY = 86_400
_CODES = tuple(QUARANTINED)
_BELOW_ZERO = _CODES.index("intake.value.negative")
_ODD, _DAY_SLOTS = _CODES.index("intake.row.cells"), _CODES.index("intake.day.slots")
_NAMELESS = [_ODD, *(_CODES.index(f"intake.point.{what}") for what in ("name", "unseen"))]


@dataclass(frozen=True, slots=True)
class When:
    """A column of stamps: wall-clock seconds, instants, and the state of each. Shape (n,)."""

    local: Ints
    value: Ints
    state: States


@dataclass(frozen=True, slots=True)
class Shared:
    """What all values of a row have in common. Shape (rows of the piece,).

    `marks`: why the row is set aside with all of them. `point`: -1 where it is no name.
    """

    piece: Cells
    marks: Marks
    point: Ints
    quality: Ints
    version: Ints
    stamps: Mapping[str, When]
    here: npt.NDArray[np.bool_]
    """Where a column of values has a reading. Shape (columns of values, rows).

    A row without any, and one that is not whole, is counted at the first.
    """

    @property
    def first(self) -> Ints:
        """The first column of values in which each row has a reading. Shape (rows,)."""
        first: Ints = self.here.argmax(axis=0)
        return first


@dataclass(slots=True)
class Rows:
    """What the pieces of a file have in common while it is read."""

    sheet: MappedSheet
    delivery: Delivery
    mapping: Document
    zone: Zone | None
    points: Names = field(default_factory=Names)
    place: dict[str, tuple[int, ...]] = field(default_factory=dict)
    count: int = 0
    rounded: int = 0
    value_places: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        columns = (value.column for value in self.mapping.values)
        self.value_places = tuple(self.sheet.place(column) for column in columns)
        for name, froms in self.mapping.columns.items():
            self.place[name] = tuple(
                -1 if one.constant is not None else self.sheet.place(one) for one in froms
            )

    @property
    def series(self) -> list[tuple[str, str]]:
        """Metering point and channel of each key."""
        return [(point, channel) for point in self.points.texts for channel in CHANNELS]

    def shared(self, piece: Cells) -> Shared:
        """The columns of a piece that are not values."""
        marks = Marks(piece.rows)
        self.sheet.mark_odd_rows(piece, marks)
        point = self.names(piece, "metering_point", self.points, marks)
        stamps = {name: self.when(piece, name) for name in self.mapping.stamp_columns}
        for name, when in stamps.items():
            self.mark_times(when, marks, piece, name)
        quality, version = self.qualities(piece, marks), self.versions(piece, marks)
        point = np.where(np.isin(marks.code, _NAMELESS), -1, point)
        here = self._here(piece, marks.code == _ODD, quality == 0)
        return Shared(piece, marks, point, quality, version, stamps, here)

    def _here(self, piece: Cells, odd: Bools, valueless: Bools) -> Bools:
        """Where there is a reading; a row that says that it has no value says so in each column."""
        if len(self.value_places) == 1:
            return np.ones((1, piece.rows), bool)
        filled = [~self.sheet.column(piece, at).empty for at in self.value_places]
        here = (np.stack(filled) | valueless) & ~odd
        here[0] |= ~here.any(axis=0)
        return here

    def constant(self, name: str) -> str | None:
        """The text that all rows have instead of a column."""
        return self.mapping.columns[name][0].constant

    def column(self, piece: Cells, name: str) -> Column:
        """A column that is not a constant."""
        return self.sheet.column(piece, self.place[name][0])

    def names(self, piece: Cells, name: str, names: Names, marks: Marks) -> Ints:
        """Identifiers as numbers of `names`."""
        text = self.constant(name)
        if text is not None:
            return np.full(piece.rows, names.number(text), np.int64)
        return point_names(self.column(piece, name), names, marks, self.place[name][0])

    def when(self, piece: Cells, name: str) -> When:
        """A stamp, which may be spread over several columns."""
        time = self.mapping.time
        read = [
            self._fields(piece, at, pattern)
            for at, pattern in zip(self.place[name], time.pattern, strict=True)
        ]
        local, state = stamps.local_times(read, hour_24=time.hour_24)
        said = {key: part for one in read for key, part in one.value.items()}
        local = local + _DAY * (time.day == "ends" and name != "start")
        instants = stamps.resolved(
            local, state, zone=self.zone, offset=said.get("offset"), fold=said.get("fold"),
            dates="hour" not in said,
        )  # fmt: skip
        found = When(local, instants.value, instants.state)
        if "ordinal" in said:
            found = self.numbered(found, said["ordinal"])
        late = found.value > self.delivery.as_of + times.SLACK_S
        found.state[(found.state == times.OK) & late] = times.FUTURE
        return found

    def _fields(self, piece: Cells, at: int, pattern: stamps.Pattern) -> stamps.Fields:
        """The fields of a column; texts that repeat, as dates do, are read once."""
        column = self.sheet.column(piece, at)
        codes, one = piece.distinct(column.cell)
        found = stamps.read_fields(
            piece.data, piece.starts[one], piece.ends[one], pattern, self.mapping.time.marks
        )
        each = {key: part[codes] for key, part in found.value.items()}
        return stamps.Fields(found.good[codes], each)

    def numbered(self, midnight: When, ordinal: Ints | int) -> When:
        """The stamp at which the interval starts that has this number in the local day."""
        length, number = self.mapping.interval.length, np.asarray(ordinal)
        state, value = midnight.state.copy(), midnight.value + (number - 1) * length
        inside = (number >= 1) & (value + length <= midnight.value + self.day_length(midnight))
        state[(state == times.OK) & ~inside] = times.PATTERN
        return When(midnight.local, np.where(state == times.OK, value, 0), state)

    def day_length(self, midnight: When) -> Ints:
        """How long the local days are that begin then [s]."""
        if self.zone is None:
            return np.full(len(midnight.value), _DAY)
        after = stamps.first_of_day(midnight.local + _DAY, self.zone)
        return after - midnight.value

    def mark_times(self, found: When, marks: Marks, piece: Cells, name: str) -> None:
        """Set aside the rows whose stamp is no instant; refuse the file when a zone is missing."""
        at = self.place[name][0]
        unzoned = np.flatnonzero((found.state == times.NO_ZONE) & marks.good)
        if unzoned.size:
            row = int(unzoned[0])
            raise refuse(
                "intake.time.zone", file=self.delivery.file, line=int(piece.line[row]),
                text=shown(piece.text(row, at)),
            )  # fmt: skip
        waits = self.mapping.time.fold == "in_order"
        for state, code in (TIME_CODES | {times.PATTERN: "intake.mapped.pattern"}).items():
            if not (waits and state == times.AMBIGUOUS):
                marks.set(found.state == state, code, at)

    def qualities(self, piece: Cells, marks: Marks) -> Ints:
        """Quality codes; actual where the file has no such column or leaves the cell empty."""
        if "quality" not in self.mapping.columns:
            return np.full(piece.rows, _ACTUAL, np.int64)
        own = {word: QUALITIES[letter] for word, letter in self.words("quality").items()}
        known = own or {**QUALITIES, "": _ACTUAL}
        return np.maximum(
            words_of(self, piece, marks, "quality", known, "intake.quality.unknown"), 0
        )

    def words(self, name: str) -> Mapping[str, str]:
        """The sender's words of a column, if the mapping translates them."""
        return self.mapping.words.get(name, {})

    def versions(self, piece: Cells, marks: Marks) -> Ints:
        """The sender's version marks; 0 when there are none."""
        if "version" not in self.mapping.columns or self.constant("version") is not None:
            return np.zeros(piece.rows, np.int64)
        return versions(self.column(piece, "version"), marks, self.place["version"][0])

    def channels(self, piece: Cells, marks: Marks, value: Value) -> Ints:
        """Numbers of channels; -1 where that is left to master data."""
        if value.channel:
            return np.full(piece.rows, CHANNEL_CODES[value.channel], np.int64)
        if "channel" not in self.mapping.columns:
            return np.full(piece.rows, -1, np.int64)
        own = {word: CHANNEL_CODES[channel] for word, channel in self.words("channel").items()}
        return words_of(
            self, piece, marks, "channel", own or CHANNEL_CODES, "intake.channel.unknown"
        )

    def units(self, piece: Cells, marks: Marks, value: Value) -> Ints:
        """Numbers of units."""
        if value.unit:
            return np.full(piece.rows, UNIT_CODES[value.unit], np.int64)
        own = {word: UNIT_CODES[unit] for word, unit in self.words("unit").items()}
        code = "intake.unit.unknown"
        found = words_of(self, piece, marks, "unit", own or UNIT_CODES, code, fold=not own)
        return np.maximum(found, 0)

    def report(
        self, shared: Shared, marks: Marks, number: int, channel: Ints, *, day: Day | None = None
    ) -> None:
        """Tell of the readings of one column that are set aside; refuse the file if it must be
        whole. What is wrong with a row is told once, at its first reading.
        """
        piece = shared.piece

        def describe(row: int, column: int) -> dict[str, object]:
            if marks.code[row] == _ODD:
                return {
                    "text": shown(piece.row_text(row)), "cells": int(piece.count[row]),
                    "expected": self.sheet.width,
                }  # fmt: skip
            if marks.code[row] == _DAY_SLOTS and day is not None:
                return {"cells": int(day.filled[row]), "expected": int(day.slots[row])}
            expected = " ".join(pattern.text for pattern in self.mapping.time.pattern)
            return {"text": shown(piece.text(row, column)), "expected": expected}

        if self.mapping.file.unreadable == "refuse":
            self._refuse(piece, marks, describe)
        report, here = self.delivery.report, shared.here[number]
        told = (shared.marks.code >= 0) & (shared.first < number)
        for which, again in ((here & told, True), (here & ~told, False)):
            part = Marks(piece.rows)
            part.code[:] = np.where(which, marks.code, -1)
            part.column[:] = marks.column
            report.take(
                part, piece.line, describe, point=shared.point, names=self.points.texts,
                channel=channel, told=again,
            )  # fmt: skip

    def _refuse(
        self, piece: Cells, marks: Marks, describe: Callable[[int, int], dict[str, object]]
    ) -> None:
        wrong = np.flatnonzero((marks.code >= 0) & (marks.code != _BELOW_ZERO))
        if wrong.size:
            row = int(wrong[0])
            blank: dict[str, object] = {"text": "", "cells": "", "expected": ""}
            filling = blank | describe(row, int(marks.column[row]))
            said = QUARANTINED[_CODES[int(marks.code[row])]].message.format(**filling)
            raise refuse(
                "intake.mapped.unreadable", file=self.delivery.file, line=int(piece.line[row]),
                text=said,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """Of rows that hold a local day: how many intervals it has, and which was the last given."""

    slots: Ints
    filled: Ints


def words_of(
    rows: Rows,
    piece: Cells,
    marks: Marks,
    name: str,
    known: Mapping[str, int],
    code: str,
    *,
    fold: bool = False,
) -> Ints:
    """The number of a word out of those that are known; a row with another is set aside.

    `fold`: capital letters are small ones.
    """
    text = rows.constant(name)
    if text is not None:
        found = np.full(piece.rows, known.get(text.lower() if fold else text, -1), np.int64)
    else:
        found = rows.column(piece, name).one_of(known, fold=fold)
    marks.set(found < 0, code, max(rows.place[name][0], 0))
    return found


def powers(channel: Ints, unit: Ints, marks: Marks, at: int) -> Ints:
    """Power of ten of each row's unit; a unit that is not the channel's sets the row aside."""
    fits = UNIT_FITS[np.maximum(channel, 0), unit]
    marks.set((channel >= 0) & ~fits, "intake.unit.channel", at)
    return UNIT_POWER[unit]


def numbers_of(
    rows: Rows, piece: Cells, value: Value, at: int, *, power: Ints, limit: int
) -> Numbers:
    """The values of a column [10^-6], with the declared decimal mark, exponent and factor."""
    dialect, column = rows.mapping.file, rows.sheet.column(piece, at)
    data, ends = piece.data, column.ends
    if dialect.decimal == ",":
        swap = np.arange(256, dtype=np.uint8)
        swap[_SIGN], swap[_POINT] = _POINT, _NOTHING
        data = swap[data]
    if dialect.exponent:
        ends, power = _exponents(data, column.starts, ends, power)
    factor, places = value.scale
    found = numbers.micro(
        data, column.starts, ends, power - places, limit=limit,
        rounding=rows.delivery.round_finer, factor=factor,
    )  # fmt: skip
    odd = (found.state == numbers.SYNTAX) & (piece.count == rows.sheet.width)
    _refuse_other_mark(rows, piece, column, np.flatnonzero(odd))
    return found


def _refuse_other_mark(rows: Rows, piece: Cells, column: Column, odd: Ints) -> None:
    """Refuse a file that writes decimals with the other mark than its mapping says."""
    mark = "." if rows.mapping.file.decimal == "," else ","
    for row in odd[:_PEEK].tolist():
        text = column.text(row)
        whole, found, part = text.removeprefix("-").partition(mark)
        if found and (whole + part).isascii() and whole.isdigit() and part.isdigit():
            raise refuse(
                "intake.mapped.fit", file=rows.delivery.file, line=int(piece.line[row]),
                text=f"{shown(text)} is not written with the decimal mark of file.decimal",
            )  # fmt: skip


def _exponents(data: Bytes, starts: Ints, ends: Ints, power: Ints) -> tuple[Ints, Ints]:
    """Where the number before an exponent ends, and the power of ten with it."""
    at = np.flatnonzero((data | 32) == ord("e"))
    near = np.searchsorted(at, starts)
    place = np.append(at, len(data))[near]
    has = place < ends
    if not has.any():
        return ends, power
    digits = np.where(data[np.minimum(place + 1, len(data) - 1)] == ord("+"), place + 2, place + 1)
    found = numbers.integers(data, np.where(has, digits, 0), np.where(has, ends, 0))
    usable = has & (found.state == numbers.OK) & (np.abs(power + found.value) <= _POWER_MAX)
    return np.where(usable, place, ends), power + np.where(usable, found.value, 0)
