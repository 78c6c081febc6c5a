"""Step 2: decoded dial readings become REGISTER_READINGS; duplicates and conflicts are found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.report import Report
from gridtally.intake.runs import LETTERS, Total
from gridtally.intake.units import CHANNELS
from gridtally.periods import iso_utc
from gridtally.tables import REGISTER_READINGS
from gridtally.terms import RegisterKind

__all__ = ["KINDS", "REASONS", "Dials", "settle_dials", "to_table"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_LIMB = 20
REASONS = ("routine", "initial", "exchange_out", "exchange_in", "move", "check")
"""Why a dial was read."""
KINDS = tuple(str(kind) for kind in RegisterKind)
"""What a dial shows."""


@dataclass(frozen=True, slots=True)
class Dials:
    """Readings, all columns of shape (n,); names as numbers, -1 where the file does not say."""

    point: Ints
    meter: Ints
    register: Ints
    channel: Ints
    bucket: Ints
    kind: Ints
    time: Ints
    reading: Ints
    digits: Ints
    multiplier: Ints
    quality: Ints
    reason: Ints
    version: Ints
    line: Ints

    def take(self, which: Ints | Bools) -> Dials:
        """The readings at these positions, in this order."""
        return Dials(*(getattr(self, field.name)[which] for field in fields(self)))


Texts = tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[str]]
"""Names of metering points, meters, registers and buckets, by their numbers."""


def settle_dials(
    parts: Sequence[Dials], names: Texts, report: Report, source: str
) -> tuple[pa.Table, list[Total]]:
    """Readings as a table, and what each channel advanced.

    The same reading again is a duplicate; another one of the same dial, instant, version and
    quality is a conflict, and both are set aside.
    """
    columns = [field.name for field in fields(Dials)]
    dials = Dials(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))
    order = np.lexsort(
        (
            dials.line, *_terms(dials), dials.reason, dials.reading,
            dials.quality, dials.time, dials.version, *_dial(dials),
        )
    )  # fmt: skip
    dials = dials.take(order)
    twin, conflict = _repeated(dials)
    for at in np.flatnonzero(conflict).tolist():
        report.set_aside(
            "intake.register.conflict", int(dials.line[at]), text=iso_utc(int(dials.time[at])),
            where={
                "metering_point": names[0][dials.point[at]], "start_utc": int(dials.time[at]),
            },
        )  # fmt: skip
    if twin.any():
        report.duplicates += int(twin.sum())
        report.note(
            "intake.register.duplicate", count=int(twin.sum()), line=int(dials.line[twin].min())
        )
    dials = dials.take(~(twin | conflict))
    return to_table(dials, names, source), _advances(dials, names)


def _dial(dials: Dials) -> tuple[Ints, Ints, Ints]:
    return dials.register, dials.meter, dials.point


def _terms(dials: Dials) -> tuple[Ints, ...]:
    """What a figure means; below zero where the file does not say."""
    return dials.multiplier, dials.digits, dials.kind, dials.bucket, dials.channel


def _repeated(dials: Dials) -> tuple[Bools, Bools]:
    """Which readings repeat the one before, and which contradict another. Shape (n,)."""
    same = np.ones(max(len(dials.time) - 1, 0), bool)
    for column in (*_dial(dials), dials.version, dials.time, dials.quality):
        same &= column[1:] == column[:-1]
    alike = same.copy()
    for column in (dials.reading, dials.reason, *_terms(dials)):
        alike &= column[1:] == column[:-1]
    # The same figure for two reasons (routine, and the exchange that day) is no contradiction.
    wrong = same & (dials.reading[1:] != dials.reading[:-1])
    for column in _terms(dials):
        wrong |= same & (column[1:] != column[:-1]) & (column[1:] >= 0) & (column[:-1] >= 0)
    group = np.concatenate([[0], np.cumsum(~same)])
    bad = np.zeros(int(group[-1]) + 1, bool)
    bad[group[1:][wrong]] = True
    conflict = bad[group][: len(dials.time)]
    twin = np.zeros(len(dials.time), bool)
    twin[1:] = alike
    return twin & ~conflict, conflict


def to_table(dials: Dials, names: Texts, source: str) -> pa.Table:
    """Readings as a REGISTER_READINGS table."""
    points, meters, registers, buckets = (pa.array(texts, pa.string()) for texts in names)
    rows = len(dials.time)
    columns = [
        points.take(pa.array(dials.point)),
        meters.take(pa.array(dials.meter)),
        registers.take(pa.array(dials.register)),
        _words(dials.channel, CHANNELS),
        buckets.take(pa.array(dials.bucket)),
        _words(dials.kind, KINDS),
        pa.array(dials.time, pa.int64()).cast(pa.timestamp("s", tz="UTC")),
        pa.array(dials.reading, pa.int64()),
        pa.array(dials.digits, pa.int8(), mask=dials.digits < 0),
        pa.array(dials.multiplier, pa.int64(), mask=dials.multiplier < 0),
        _words(dials.quality, tuple(LETTERS)),
        _words(dials.reason, REASONS),
        pa.array(dials.version, pa.int64()),
        pa.array(np.zeros(rows, np.int64)),
        pa.repeat(pa.scalar(source), rows),
        pa.array(dials.line, pa.int64()),
    ]
    return pa.Table.from_arrays(columns, schema=REGISTER_READINGS)


def _words(numbers: Ints, words: Iterable[str]) -> pa.Array:
    """Numbers as the words they stand for; -1 as an empty text."""
    return pa.array(["", *words]).take(pa.array(numbers + 1))


def _advances(dials: Dials, names: Texts) -> list[Total]:
    """Per metering point and channel: stretches between readings, their plain sum, and bounds.

    A step below zero adds one turn of the dial where its digits are known. Step 5 decides whether
    it really turned over; multipliers and demand dials are left to it, too.
    """
    dials = dials.take(dials.kind != KINDS.index("demand"))
    if not len(dials.time):
        return []
    order = np.lexsort((dials.version, dials.quality, dials.time, *_dial(dials)))
    dials = dials.take(order)
    last = np.ones(len(dials.time), bool)
    for column in (*_dial(dials), dials.time):
        last[:-1] &= column[1:] == column[:-1]
    last[:-1] = ~last[:-1]
    dials = dials.take(last)
    same = np.ones(len(dials.time) - 1, bool)
    for column in _dial(dials):
        same &= column[1:] == column[:-1]
    step = np.diff(dials.reading)
    turn = np.where(dials.digits[1:] < 0, 0, 10 ** (np.maximum(dials.digits[1:], 0) + 6))
    step = np.where(same, np.where(step < 0, step + turn, step), 0)
    count = np.concatenate([[0], same.astype(np.int64)])
    advance = np.concatenate([[0], step])
    group = dials.point * (len(CHANNELS) + 1) + dials.channel + 1
    order = np.argsort(group, kind="stable")
    keys, first = np.unique(group[order], return_index=True)
    # Two limbs: a sum over many dials may not fit 64 bits.
    high = np.add.reduceat(advance[order] >> _LIMB, first)
    low = np.add.reduceat(advance[order] & ((1 << _LIMB) - 1), first)
    columns = (
        keys, np.add.reduceat(count[order], first), high, low,
        np.minimum.reduceat(dials.time[order], first),
        np.maximum.reduceat(dials.time[order], first),
    )  # fmt: skip
    channels = ("", *CHANNELS)
    found = []
    for key, n, upper, lower, begin, end in zip(*(c.tolist() for c in columns), strict=True):
        point, channel = divmod(key, len(channels))
        found.append(
            Total(names[0][point], channels[channel], n, (upper << _LIMB) + lower, begin, end)
        )
    return found
