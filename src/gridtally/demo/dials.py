"""Before step 1: what the dials show, from the same energy as the intervals."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from gridtally.demo.almanac import EPILOGUE, MONTHS, ZONE, Grid, bucket_masks
from gridtally.demo.draw import Draw, Ints
from gridtally.demo.loads import Load
from gridtally.demo.plan import DIALS, Dial, Plan, Point, day_of
from gridtally.periods import zone

__all__ = ["Reading", "Recorder"]

_UNITS = {"reactive_import": "kvarh"}
_BY_HAND = (-15, -14, -11, -9, 8, 9, 10, 11, 13, 14, 16, 17)
"""Hours after midnight at which a person reads; below zero: on the day before."""


@dataclass(slots=True)
class Reading:
    """One line of a register file; `counted` is what the dial moved since the meter's first."""

    point: Point
    meter: int
    dial: Dial
    utc: int
    reason: str
    counted: int = 0
    quality: str = "A"
    text: str = ""

    def line(self) -> str:
        """The line of the file."""
        unit = "kW" if self.dial.kind == "demand" else _UNITS.get(self.dial.channel, "kWh")
        local = _local(self.utc)
        serial = self.point.meters[self.meter].serial
        return (
            f"{self.point.id},{serial},{self.dial.register},{local},"
            f"{self.text},{unit},{self.quality},{self.reason}\n"
        )


@lru_cache(maxsize=1024)
def _local(utc: int) -> str:
    return datetime.fromtimestamp(utc, ZoneInfo(ZONE)).isoformat()


class Recorder:
    """Takes the energy of the months in order; then gives the readings of all dials."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.draw = Draw(plan.seed, "dials")
        self.points = [point for point in plan.points if point.kind.dials]
        self.due: dict[tuple[int, str], list[Reading]] = defaultdict(list)
        self.readings: list[Reading] = []
        self.base: dict[tuple[str, str], Ints] = {}
        self.peaks: dict[str, int] = {}
        starts = [_midnight(month.start) for month in [*MONTHS, EPILOGUE]]
        for point in self.points:
            for reading in _schedule(point, self.draw):
                month = bisect_right(starts, reading.utc) - 1
                self.due[month, point.kind.dials].append(reading)
                self.readings.append(reading)

    def record(self, month: int, of: Grid, points: Sequence[Point], load: Load) -> None:
        """Read the dials that are due in this month, from the load of these points."""
        arrays = {
            "import": load.imported, "export": load.exported, "reactive_import": load.reactive
        }  # fmt: skip
        for name in sorted({point.kind.dials for point in points} - {""}):
            mine = [point for point in points if point.kind.dials == name]
            rows = np.array([point.row for point in mine])
            where = {point.id: n for n, point in enumerate(mine)}
            due = [r for r in self.due[month, name] if r.point.id in where]
            needs_buckets = any(dial.bucket != "total" for dial in DIALS[name])
            masks = bucket_masks(mine[0].kind.tariff, of) if needs_buckets else {}
            for dial in DIALS[name]:
                array = arrays[dial.channel]
                assert array is not None
                ours = [reading for reading in due if reading.dial == dial]
                if dial.kind == "demand":
                    self._peaks(of, mine, array[rows], ours, where)
                    continue
                energy = array[rows] if dial.bucket == "total" else array[rows] * masks[dial.bucket]
                # Points of several load models may share a set of dials.
                base = self.base.setdefault(
                    (mine[0].kind.load + name, dial.register), np.zeros(len(rows), np.int64)
                )
                summed = np.cumsum(energy, axis=1)
                for reading in ours:
                    row, slot = where[reading.point.id], (reading.utc - of.start_utc) // of.step
                    reading.counted = int(base[row] + (summed[row, slot - 1] if slot else 0))
                base += summed[:, -1]

    def _peaks(self, of: Grid, points: Sequence[Point], energy: Ints, due: list[Reading],
               where: dict[str, int]) -> None:  # fmt: skip
        """The highest power since the dial was set back: at each month's first instant [W]."""
        power = energy * 3600 // of.step
        opened: dict[str, int] = {}
        for reading in due:
            point = reading.point
            row, slot = where[point.id], (reading.utc - of.start_utc) // of.step
            if reading.reason == "exchange_in":
                opened[point.id] = slot
            elif slot == 0:
                reading.counted = self.peaks.get(point.id, point.size * 3 // 4)
            else:
                first = opened.get(point.id, 0)
                reading.counted = int(power[row, first:slot].max(initial=0))
        for point in points:
            row, first = where[point.id], opened.get(point.id, 0)
            self.peaks[point.id] = int(power[row, first:].max())

    def finish(self) -> list[Reading]:
        """Turn what each dial counted into what it shows; the readings in the order of delivery."""
        by_point: dict[str, list[Reading]] = defaultdict(list)
        for reading in self.readings:
            by_point[reading.point.id].append(reading)
        for point in self.points:
            _show(point, by_point[point.id], Draw(self.plan.seed, "dials", point.id))
        kept = [r for r in self.readings if (_day(r), r.reason) not in r.point.lost]
        return sorted(kept, key=lambda r: (r.utc, r.point.id, r.meter, r.dial.register))


def _day(reading: Reading) -> int:
    return (zone(ZONE).date(reading.utc) - MONTHS[0].start).days


@lru_cache(maxsize=1024)
def _midnight(day: date) -> int:
    """The first instant of a local day."""
    return zone(ZONE).midnight(day)


def _schedule(point: Point, draw: Draw) -> Iterator[Reading]:
    """When the dials of a point are read, and why, in order of time."""
    events: list[tuple[int, str]] = []
    for number, month in enumerate([*MONTHS, EPILOGUE]):
        shift = draw.pick(_BY_HAND) * 3600 if point.by_hand else 0
        shift = max(shift, 0) if number == 0 else shift
        at = _midnight(month.start) + shift
        if at > _midnight(day_of(point.since)) or point.since == 0:
            events.append((at, "routine"))
    if point.since:
        events.append((_midnight(day_of(point.since)), "initial"))
    events += [(_midnight(day_of(day)) + 11 * 3600 * point.by_hand, "move") for day in point.moves]
    events += [(_midnight(day_of(day)), "check") for day in point.checks]
    changes = [_midnight(day_of(m.last)) + 10 * 3600 for m in point.meters if m.last is not None]
    for at in changes:
        events += [(at, "exchange_out"), (at, "exchange_in")]
    for at, reason in sorted(events, key=lambda e: (e[0], e[1] != "exchange_out")):
        meter = sum(change < at for change in changes) + (reason == "exchange_in")
        for dial in DIALS[point.kind.dials]:
            yield Reading(point, meter, dial, at, reason)


def _show(point: Point, readings: list[Reading], draw: Draw) -> None:
    """Give each reading its text: start of the dial, multiplier, roll-over, hidden estimates."""
    unit = point.meters[0].multiplier * 10 ** (3 - point.decimals)
    whole = 10 ** (point.digits + point.decimals)
    for meter in range(len(point.meters)):
        mine = [r for r in readings if r.meter == meter and r.dial.kind != "demand"]
        dials = [d for d in DIALS[point.kind.dials] if d.kind != "demand"]
        parts = [d.register for d in dials if d.channel == "import" and d.bucket != "total"]
        shown: dict[tuple[int, str, str], int] = {}
        for dial in dials:
            its = [r for r in mine if r.dial == dial]
            _estimate(point, its, draw)
            for reading in its:
                counts = (reading.counted - its[0].counted) // unit
                shown[reading.utc, reading.reason, dial.register] = counts
        for at, reason, register in list(shown):
            if register == "1.8.0" and parts:
                shown[at, reason, register] = sum(shown[at, reason, part] for part in parts)
        for dial in dials:
            its = [r for r in mine if r.dial == dial]
            start = _start(point, meter, its, unit, draw)
            for reading in its:
                count = (start + shown[reading.utc, reading.reason, dial.register]) % whole
                reading.text = _spell(count, point.decimals)
    for reading in readings:
        if reading.dial.kind == "demand":
            reading.text = _spell(reading.counted // point.meters[reading.meter].multiplier, 3)


def _spell(count: int, decimals: int) -> str:
    if not decimals:
        return str(count)
    return f"{count // 10**decimals}.{count % 10**decimals:0{decimals}d}"


def _start(point: Point, meter: int, its: list[Reading], unit: int, draw: Draw) -> int:
    """What the dial showed when its story begins; a dial that is to roll over does in October."""
    whole = 10 ** (point.digits + point.decimals)
    if meter:
        return draw.between(0, 40 * 10**point.decimals)
    if point.rolls:
        opening, closing = its[-2], its[-1]
        middle: int = (opening.counted + closing.counted) // 2 - its[0].counted
        return int(whole - middle // unit)
    return draw.between(whole // 50, whole * 4 // 5 if point.digits == 5 else whole // 20)


def _estimate(point: Point, its: list[Reading], draw: Draw) -> None:
    """Where nobody opened the door, the reader estimated, a little low."""
    if not point.by_hand or point.rolls:
        return
    for before, reading in pairwise(its):
        if reading.reason == "routine" and draw.chance(25):
            reading.quality = "E"
            reading.counted = before.counted + (reading.counted - before.counted) * 15 // 16
