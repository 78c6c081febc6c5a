"""Before step 1: interval files as a head-end would send them, with gaps and late corrections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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

__all__ = ["Counts", "deliver"]

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
            faults.distort(mine, imported, exported, 86_400 // of.step)
        group = names[load_name] + (f"-{minutes}" if load_name == "shop" else "")
        streams = [("import", mine, imported)]
        if exported is not None:
            streams.append(("export", mine, exported))
        yield from _files(f"{group}-{of.period.start:%Y-%m}", of, streams, faults, counts)


def _coarser(values: Ints, factor: int) -> Ints:
    return np.asarray(values.reshape(len(values), -1, factor).sum(axis=2))


Stream = tuple[str, Sequence[Point], Ints]


def _files(
    name: str, of: Grid, streams: Sequence[Stream], faults: Faults, counts: Counts
) -> Iterator[tuple[str, bytes]]:
    """Punch gaps, spoil what will be corrected, and write."""
    bodies: dict[int, list[bytes]] = {}
    long = name.startswith("works") and int(of.day[0]) >= _LONG_SINCE
    for channel, points, values in streams:
        draw = Draw(faults.plan.seed, "deliver", name, channel)
        there = _there(of, channel, points)
        gone = _gaps(of, draw, there)
        wrong = _wrong(of, draw, there, gone)
        spoilt = _spoil(of, values, wrong, draw)
        counts.intervals += int(there[:, of.day - of.day[0]].sum())
        counts.gaps += int((gone & there[:, of.day - of.day[0]]).sum())
        counts.days += int(there.sum())
        counts.corrected += int(wrong.sum())
        counts.corrections.append(_corrections(of, channel, points, values, wrong))
        if long:
            shown = there[:, of.day - of.day[0]] & ~gone
            bodies.setdefault(0, []).append(_long(of, channel, points, spoilt, shown))
            continue
        for width, body in _wide(of, channel, points, spoilt, there, gone):
            bodies.setdefault(width, []).append(body)
    if long:
        yield f"{name}.csv", b"metering_point,channel,start,value,unit\n" + b"".join(bodies[0])
        return
    usual = 86_400 // of.step
    for width in sorted(bodies):
        suffix = "" if width == usual else "-clock-change"
        yield f"{name}{suffix}.csv", _header(width) + b"".join(bodies[width])


def _header(width: int) -> bytes:
    columns = ",".join(f"v{n}" for n in range(1, width + 1))
    return f"metering_point,channel,date,resolution_min,{columns}\n".encode()


def _there(of: Grid, channel: str, points: Sequence[Point]) -> Bools:
    """Which days a stream exists: shape (points, days of the month)."""
    since = [
        max(p.since, p.feature_since.get("pv", 0) if channel == "export" else 0) for p in points
    ]
    days = np.arange(int(of.day[0]), int(of.day[-1]) + 1)
    return np.asarray(days[None, :] >= np.array(since)[:, None])


def _gaps(of: Grid, draw: Draw, there: Bools) -> Bools:
    """Lost readings, about 2 in 100: days in a row, or a few hours. Shape (points, slots)."""
    rows, days = there.shape
    starts, length = draw.below(10_000, rows, days) < 75, draw.below(3, rows, days)
    lost = starts.copy()
    for far in (1, 2):
        lost[:, far:] |= (starts & (length >= far))[:, :-far]
    gone = lost[:, of.day - of.day[0]]
    part = draw.below(10_000, rows, days) < 250
    first, count = draw.below(20, rows, days), 1 + draw.below(8, rows, days)
    day = of.day - of.day[0]
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
          gone: Bools) -> Iterator[tuple[int, bytes]]:  # fmt: skip
    """Lines of one day each, days of one length together: (intervals in the day, lines)."""
    lengths = np.diff(of.edges)
    dates = [f"{day.isoformat()},{of.step // 60}" for day in of.dates()]
    for width in sorted(set(lengths.tolist())):
        days = np.flatnonzero(lengths == width)
        slots = (of.edges[days][:, None] + np.arange(width)[None, :]).reshape(-1)
        block = values[:, slots].reshape(-1, width)
        lost = gone[:, slots].reshape(-1, width)
        keep = there[:, days].reshape(-1) & ~lost.all(axis=1)
        if not keep.any():
            continue
        names = column([f"{point.id},{channel}," for point in points])
        heads = np.repeat(names, len(days), axis=0)
        dated = np.tile(column([dates[day] for day in days]), (len(points), 1))
        yield width, join(heads[keep], dated[keep], cells(block[keep], lost[keep]), column(["\n"]))


@lru_cache(maxsize=4)
def _times(start_utc: int, slots: int, step: int) -> Bytes:
    """The instants as local time with offset."""
    there = ZoneInfo(ZONE)
    instants = range(start_utc, start_utc + slots * step, step)
    return column([datetime.fromtimestamp(at, there).isoformat() for at in instants])


def _long(of: Grid, channel: str, points: Sequence[Point], values: Ints, shown: Bools,
          tail: str = ",kWh\n") -> bytes:  # fmt: skip
    """Lines of one reading each."""
    row, slot = np.nonzero(shown)
    if not len(row):
        return b""
    names = column([f"{point.id},{channel}," for point in points])
    times = _times(of.start_utc, of.slots, of.step)
    return join(names[row], times[slot], cells(values[row, slot][:, None]), column([tail]))


def _corrections(
    of: Grid, channel: str, points: Sequence[Point], values: Ints, wrong: Bools
) -> bytes:
    """The true readings of the wrong days, with the version mark of their late delivery."""
    shown = wrong[:, of.day - of.day[0]]
    mark = datetime.fromtimestamp(of.start_utc + of.slots * of.step + 30_600, ZoneInfo("UTC"))
    return _long(of, channel, points, values, shown, f",kWh,A,{mark:%Y-%m-%dT%H:%M:%SZ}\n")


def corrections_file(parts: Sequence[bytes]) -> bytes:
    """One file of corrections."""
    return b"metering_point,channel,start,value,unit,quality,version\n" + b"".join(parts)
