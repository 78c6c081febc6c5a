"""Step 2: what the readers of all formats share: what they are given, what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.errors import RefusedFile
from gridtally.intake import numbers, times
from gridtally.intake.numbers import Numbers
from gridtally.intake.plain import PlainColumn
from gridtally.intake.report import Marks, Report, shown
from gridtally.intake.runs import Total
from gridtally.intake.text import Cells, Names
from gridtally.intake.times import Times
from gridtally.intake.units import CHANNELS, UNITS, unit_of
from gridtally.intake.words import refuse
from gridtally.money import Rounding
from gridtally.periods import Zone
from gridtally.tables import BLOCKS, REGISTER_READINGS, REMARKS, empty

__all__ = [
    "DIAL_MAX", "ENERGY_MAX", "Column", "Delivery", "Read", "is_name", "mark_names", "mark_numbers",
    "mark_times", "point_names", "versions",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ENERGY_MAX = 10**15
"""Most energy in one interval [10^-6 kWh]: a thousand million kWh."""
DIAL_MAX = 9 * 10**18
"""Most that a dial can show [10^-6 kWh]."""
_NAME_MAX = 64


Stands = Callable[[Sequence[str], int, int], pa.Table]
"""REMARKS of some metering points that other deliveries brought, which touch `[start, end)` [s]."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a reader may know besides the bytes. `zone` is the source's declared zone."""

    file: str
    source: str
    as_of: int
    zone: Zone | None
    round_finer: Rounding | None
    report: Report
    mapping: bytes | None = None
    stands: Stands | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader gives: tables, what each channel holds, and how many rows the file had."""

    rows: int
    blocks: pa.Table = field(default_factory=lambda: empty(BLOCKS))
    registers: pa.Table = field(default_factory=lambda: empty(REGISTER_READINGS))
    remarks: pa.Table = field(default_factory=lambda: empty(REMARKS))
    totals: Sequence[Total] = ()


class Column:
    """One column of some rows: positions in the bytes. `cell` numbers the cells, shape (rows,)."""

    def __init__(self, cells: Cells, cell: Ints) -> None:
        self.cells, self.cell, self.data = cells, cell, cells.data
        self.starts, self.ends = cells.starts[cell], cells.ends[cell]

    @property
    def empty(self) -> Bools:
        """Rows in which the cell is empty."""
        return self.starts >= self.ends

    def codes(self, names: Names) -> Ints:
        """The cells as numbers of `names`."""
        codes, one = self.cells.distinct(self.cell)
        return names.encode(codes, [self.cells.at(cell) for cell in one.tolist()])

    def one_of(self, choices: Mapping[str, int], *, fold: bool = False) -> Ints:
        """The number that `choices` gives each cell, -1 where it has none."""
        codes, one = self.cells.distinct(self.cell)
        texts = [self.cells.at(cell) for cell in one.tolist()]
        texts = [text.lower() for text in texts] if fold else texts
        table = np.array([choices.get(text, -1) for text in texts], dtype=np.int64)
        return table[codes] if len(codes) else codes

    def instants(self, *, zone: Zone | None, as_of: int) -> Times:
        """The cells as instants; texts that repeat, as they do over meters, are read once."""
        codes, one = self.cells.distinct(self.cell)
        cells = self.cells
        found = times.instants(
            cells.data, cells.starts[one], cells.ends[one], zone=zone, as_of=as_of
        )
        return Times(found.value[codes], found.state[codes])

    def text(self, row: int) -> str:
        """The cell of one row."""
        return self.cells.at(int(self.cell[row]))

    def line(self, row: int) -> int:
        """The line of one row."""
        at = int(np.searchsorted(self.cells.first, self.cell[row], side="right")) - 1
        return int(self.cells.line[at])


AnyColumn = Column | PlainColumn


def point_names(column: AnyColumn, names: Names, marks: Marks, position: int) -> Ints:
    """Identifiers as numbers; rows whose identifier cannot be one are set aside."""
    codes = column.codes(names)
    mark_names(codes, names, marks, position)
    return codes


def mark_names(codes: Ints, names: Names, marks: Marks, position: int) -> None:
    """Set aside the rows whose name (-1: none) cannot be an identifier."""
    wrong = ~names.all(is_name)
    wrong[-1] = False
    unseen = np.zeros_like(wrong)
    for number in np.flatnonzero(wrong[:-1]).tolist():
        unseen[number] = not names.texts[number].isprintable()
    marks.set(unseen[codes], "intake.point.unseen", position)
    marks.set(wrong[codes], "intake.point.name", position)


def is_name(text: str) -> bool:
    """Whether a text can be an identifier: not too long, nothing unseen in it or around it."""
    return 0 < len(text.encode()) <= _NAME_MAX and text == text.strip() and text.isprintable()


_NUMBER_CODES = {
    numbers.EMPTY: "intake.value.number",
    numbers.SYNTAX: "intake.value.number",
    numbers.LONG: "intake.value.number",
    numbers.FINER: "intake.value.finer",
    numbers.LARGE: "intake.value.large",
}


def mark_numbers(found: Numbers, marks: Marks, column: Ints | int) -> None:
    """Set aside the rows whose cell is no number that can be kept, or is below zero."""
    for state, code in _NUMBER_CODES.items():
        marks.set(found.state == state, code, column)
    marks.set(found.value < 0, "intake.value.negative", column)


TIME_CODES = {
    times.PATTERN: "intake.time.pattern",
    times.NONEXISTENT: "intake.time.nonexistent",
    times.AMBIGUOUS: "intake.time.ambiguous",
    times.OFFSET: "intake.time.offset",
    times.PAST: "intake.time.past",
    times.FUTURE: "intake.time.future",
}


def mark_times(
    found: Times, marks: Marks, column: AnyColumn, position: int, delivery: Delivery
) -> None:
    """Set aside the rows whose cell is no instant; refuse the file when a zone is missing."""
    unzoned = np.flatnonzero(found.state == times.NO_ZONE)
    if unzoned.size:
        raise _refusal("intake.time.zone", column, int(unzoned[0]), delivery)
    odd = np.flatnonzero(found.state == times.PATTERN)
    for row in odd[:_PEEK].tolist():
        if _is_slashed(column.text(row)):
            raise _refusal("intake.time.dialect", column, row, delivery)
    for state, code in TIME_CODES.items():
        marks.set(found.state == state, code, position)


def versions(column: AnyColumn, marks: Marks, position: int) -> Ints:
    """The sender's version marks: a whole number, or an instant as UTC seconds; 0 when none."""
    data, starts, ends = column.data, column.starts, column.ends
    found = numbers.integers(data, starts, ends)
    value = np.where(found.state == numbers.OK, found.value, 0)
    wrong = (found.state == numbers.OK) & (found.value < 0)
    other = np.flatnonzero((found.state != numbers.OK) & (found.state != numbers.EMPTY))
    if other.size:
        instant = times.instants(data, starts[other], ends[other], zone=None, as_of=1 << 33)
        value[other], wrong[other] = instant.value, instant.state != times.OK
    marks.set(wrong, "intake.version.number", position)
    return value


_PEEK = 1000
"""How many odd dates are looked at for a day/month order."""


def _is_slashed(text: str) -> bool:
    """25/04/2026, 4-25-2026, 25.04.26: an order of day and month that nobody declared."""
    date = text.split(" ", maxsplit=1)[0].split("T", maxsplit=1)[0]
    for mark in "/-.":
        parts = date.split(mark)
        if len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts):
            return len(parts[0]) <= 2
    return False


def _refusal(code: str, column: AnyColumn, row: int, delivery: Delivery) -> RefusedFile:
    return refuse(code, file=delivery.file, line=column.line(row), text=shown(column.text(row)))


UNIT_CODES = {unit: number for number, unit in enumerate(UNITS)}
UNIT_POWER = np.array([power for _, power in UNITS.values()], dtype=np.int64)
UNIT_KEPT = [kept for kept, _ in UNITS.values()]
CHANNEL_CODES = {channel: number for number, channel in enumerate(CHANNELS)}
UNIT_FITS = np.array([[kept == unit_of(channel) for kept in UNIT_KEPT] for channel in CHANNELS])
"""Whether a unit belongs to a channel: shape (channels, units)."""
