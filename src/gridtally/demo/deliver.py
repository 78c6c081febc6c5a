"""Before step 1: interval files as a head-end would send them, with gaps and late corrections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from gridtally.demo.almanac import MONTHS, ZONE, Grid, grid
from gridtally.demo.draw import Draw, Ints
from gridtally.demo.faults import Faults
from gridtally.demo.lines import cells, column, join
from gridtally.demo.loads import Load
from gridtally.demo.plan import Point

__all__ = ["Counts", "corrections_file", "deliver"]

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
_LONG_SINCE = 304
"""From August 2026 on the works' readings come from another system, one reading per line."""


@dataclass(slots=True)
class Counts:
    """How much was delivered; over all files."""

    intervals: int = 0
    gaps: int = 0
    days: int = 0
    corrected: int = 0
    corrections: list[bytes] = field(default_factory=list)


def deliver(
    load_name: str, month: int, points: Sequence[Point], load: Load, faults: Faults, counts: Counts
) -> Iterator[tuple[str, bytes]]:
    """The interval files of one load model and month: (name, bytes)."""
    fine = grid(MONTHS[month], 900 if load_name in ("shop", "factory") else 3600)
    names = {"home": "homes", "pv": "solar", "shop": "shops", "factory": "works"}
    for minutes in (15, 30, 60):
        mine = [point for point in points if point.kind.minutes == minutes]
        if not mine:
            continue
        of = grid(MONTHS[month], minutes * 60)
        rows = np.array([point.row for point in mine])
        imported = _coarser(load.imported[rows], of.step // fine.step)
        exported = None if load.exported is None else load.exported[rows].copy()
        if month == len(MONTHS) - 1:
            faults.distort(mine, imported, exported, of)
        group = names[load_name] + (f"-{minutes}" if load_name == "shop" else "")
        streams = [("import", mine, imported)]
        if exported is not None:
            streams.append(("export", mine, exported))
        yield _files(f"{group}-{of.period.start:%Y-%m}", of, streams, faults, counts)


def _coarser(values: Ints, factor: int) -> Ints:
    return np.asarray(values.reshape(len(values), -1, factor).sum(axis=2))


Stream = tuple[str, Sequence[Point], Ints]


def _files(
    name: str, of: Grid, streams: Sequence[Stream], faults: Faults, counts: Counts
) -> tuple[str, bytes]:
    """Punch gaps, spoil what will be corrected, and write."""
    parts: list[bytes] = []
    long = name.startswith("works") and int(of.day[0]) >= _LONG_SINCE
    for channel, points, values in streams:
        draw = Draw(faults.plan.seed, "deliver", name, channel)
        there = _there(of, channel, points)
        gone = _gaps(of, draw, there)
        wrong = _wrong(of, draw, there, gone)
        spoilt = _spoil(of, values, wrong, draw)
        days = of.day - of.day[0]
        counts.intervals += int(there[:, days].sum())
        counts.gaps += int((gone & there[:, days]).sum())
        counts.days += int(there.sum())
        counts.corrected += int(wrong.sum())
        counts.corrections.append(_wide(of, channel, points, values, wrong, mark=_mark(of)))
        if long:
            parts.append(_long(of, channel, points, spoilt, there[:, days] & ~gone))
        else:
            parts.append(_wide(of, channel, points, spoilt, there, gone))
    header = _LONG if long else _header(_WIDE, int(np.diff(of.edges).max()))
    return f"{name}.csv", header + b"".join(parts)


_LONG = b"metering_point,channel,start,value,unit\n"
_WIDE = "metering_point,channel,date,resolution_min"


def _header(columns: str, width: int) -> bytes:
    return f"{columns},{','.join(f'v{n}' for n in range(1, width + 1))}\n".encode()


def corrections_file(parts: Sequence[bytes]) -> bytes:
    """One file of corrections: a row per day, marked with the time of its version."""
    return _header(_WIDE + ",version", 100) + b"".join(parts)


def _mark(of: Grid) -> str:
    """The version mark of a month's corrections: made on the morning after its end."""
    at = of.start_utc + of.slots * of.step + 30_600
    return f",{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _there(of: Grid, channel: str, points: Sequence[Point]) -> Bools:
    """Which days a stream exists: shape (points, days of the month).

    A meter shows export, zero at first, from the first of the month in which panels come.
    """
    days = np.arange(int(of.day[0]), int(of.day[-1]) + 1)
    there = days[None, :] >= np.array([point.since for point in points])[:, None]
    if channel == "export":
        sun = np.array([point.feature_since.get("pv", 0) for point in points])
        there &= (sun <= days[-1])[:, None]
    return there


def _gaps(of: Grid, draw: Draw, there: Bools) -> Bools:
    """Lost readings, about 2 in 100: days in a row, or a few hours. Shape (points, slots).

    A day with a clock change is lost whole or not at all: cut short it could not be told from one
    of a sender who counts 24 hours every day, and would be set aside.
    """
    rows, days = there.shape
    starts, length = draw.below(10_000, rows, days) < 80, draw.below(3, rows, days)
    lost = starts.copy()
    for far in (1, 2):
        lost[:, far:] |= (starts & (length >= far))[:, :-far]
    gone = lost[:, of.day - of.day[0]]
    part = draw.below(10_000, rows, days) < 250
    first, count = draw.below(20, rows, days), 1 + draw.below(8, rows, days)
    day = of.day - of.day[0]
    part &= np.diff(of.edges)[None, :] * of.step == 86_400
    hours = (of.hour >= first[:, day]) & (of.hour < (first + count)[:, day])
    return np.asarray(gone | (part[:, day] & hours))


def _wrong(of: Grid, draw: Draw, there: Bools, gone: Bools) -> Bools:
    """Days that are sent wrong first and corrected later, 1 in 100. Shape (points, days)."""
    whole = np.add.reduceat(gone, of.edges[:-1], axis=1) == 0
    return np.asarray((draw.below(10_000, *there.shape) < 104) & there & whole)


def _spoil(of: Grid, values: Ints, wrong: Bools, draw: Draw) -> Ints:
    """What the first delivery of the wrong days said: a factor from a half to one and a half."""
    factor = np.where(wrong, 128 + draw.bytes(*wrong.shape), 256)
    return values * factor[:, of.day - of.day[0]] // 256


def _wide(of: Grid, channel: str, points: Sequence[Point], values: Ints, there: Bools,
          gone: Bools | None = None, *, mark: str = "") -> bytes:  # fmt: skip
    """Lines of one day each; a day of 23 hours has that many cells."""
    lengths = np.diff(of.edges)
    width = int(lengths.max())
    slots = of.edges[:-1, None] + np.arange(width)[None, :]
    beyond = np.arange(width)[None, :] >= lengths[:, None]
    slots = np.minimum(slots, of.slots - 1)
    row, day = np.nonzero(there)
    at = slots[day]
    absent = beyond[day]
    missing = None
    if gone is not None:
        missing = gone[row[:, None], at]
        kept = ~(missing | absent).all(axis=1)
        row, day, at, absent, missing = row[kept], day[kept], at[kept], absent[kept], missing[kept]
    if not len(row):
        return b""
    names = column([f"{point.id},{channel}," for point in points])
    dates = column([f"{date.isoformat()},{of.step // 60}{mark}" for date in of.dates()])
    body = cells(values[row[:, None], at], missing, absent)
    return join(names[row], dates[day], body, column(["\n"]))


@lru_cache(maxsize=4)
def _times(start_utc: int, slots: int, step: int) -> Bytes:
    """The instants as local time with offset."""
    there = ZoneInfo(ZONE)
    instants = range(start_utc, start_utc + slots * step, step)
    return column([datetime.fromtimestamp(at, there).isoformat() for at in instants])


def _long(of: Grid, channel: str, points: Sequence[Point], values: Ints, shown: Bools) -> bytes:
    """Lines of one reading each."""
    row, slot = np.nonzero(shown)
    if not len(row):
        return b""
    names = column([f"{point.id},{channel}," for point in points])
    times = _times(of.start_utc, of.slots, of.step)
    body = cells(values[row, slot][:, None])
    return join(names[row], times[slot], body, column([",kWh\n"]))
