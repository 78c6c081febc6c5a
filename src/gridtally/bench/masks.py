"""For the door that measures: readings of which all are known, and gaps cut into them.

Rows of readings come from files, or are the demo's town, whose readings are drawn. A scenario says
what an estimate may look at: the weeks before, the register, a year before, or hardly anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.demo.almanac import MONTHS, Weather, grid
from gridtally.demo.almanac import ZONE as TOWN_ZONE
from gridtally.demo.events import happen
from gridtally.demo.loads import STEPS, model
from gridtally.demo.plan import make
from gridtally.demo.town import SEED
from gridtally.metering.blocks import ACTUAL, MISSING, Dense
from gridtally.metering.estimate import Help
from gridtally.metering.estimate_class import Learner
from gridtally.periods import Period, zone

__all__ = [
    "DAY",
    "HOUR",
    "Masked",
    "Year",
    "chosen",
    "long_gaps",
    "read",
    "short_gaps",
    "town",
    "whole",
    "write",
]

Ints = npt.NDArray[np.int64]

HOUR, DAY = 3600, 86_400
PAST_DAYS, SILENT_DAYS = 28, 15


@dataclass(frozen=True, slots=True)
class Year:
    """A long row of readings of some points, all there: one channel, one class of customers."""

    name: str
    zone: str
    dense: Dense


# ------------------------------------------------------------------------ data


def read(folder: Path) -> list[Year]:
    """The rows of readings in a folder, one per file `*.npz`, as `write` makes them."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as told:
            name, zone_, channel = (str(told[key]) for key in ("name", "zone", "channel"))
            points, size = told["points"].tolist(), (int(told["start"]), int(told["step"]))
            found.append(Year(name, zone_, whole(points, channel, *size, told["values"])))
    return found


def write(year: Year, path: Path) -> None:
    """A row of readings as a file: name, zone, channel, start [s], step [s], points, values."""
    of = year.dense
    np.savez_compressed(
        path, name=year.name, zone=year.zone, channel=of.channel, start=of.start_utc,
        step=of.resolution_s, points=np.array(of.points), values=of.values,
    )  # fmt: skip


def whole(points: Sequence[str], channel: str, start: int, step: int, values: Ints) -> Dense:
    """Readings [10^-6 of their unit] of points by steps, all of them measured."""
    quality = np.full(values.shape, ACTUAL, dtype=np.uint8)
    return Dense(tuple(points), channel, start, step, values, quality)


def town(*, seed: int = SEED, accounts: int = 400, each: int = 10) -> list[Year]:
    """Up to so many points of each kind of load of the demo's town, over its 13 months."""
    plan = make(seed, accounts)
    happen(plan)
    weather, years = Weather(seed), []
    start = zone(TOWN_ZONE).midnight(MONTHS[0].start)
    for name, step in STEPS.items():
        points = [p for p in plan.of(name) if p.since <= 0 and "vacant" not in p.features][:each]
        if not points:
            continue
        loads = model(name, points, seed, weather)
        months = [loads(grid(period, step)) for period in MONTHS]
        for channel, of in (
            ("import", "imported"), ("export", "exported"), ("reactive_import", "reactive"),
        ):  # fmt: skip
            parts = [getattr(month, of) for month in months]
            if parts[0] is not None:
                values = np.concatenate(parts, axis=1) * 1000
                dense = whole([p.id for p in points], channel, start, step, values)
                years.append(Year(name, TOWN_ZONE, dense))
    return years


def chosen(year: Year, rows: slice) -> Year:
    """Some of its points."""
    dense = year.dense
    part = replace(
        dense, points=dense.points[rows], values=dense.values[rows], quality=dense.quality[rows]
    )
    return replace(year, dense=part)


def cut(dense: Dense, start: int, end: int) -> Dense:
    """The part of a grid between two instants, as far as there is one."""
    low, high = ((at - dense.start_utc) // dense.resolution_s for at in (start, end))
    low = max(low, 0)
    return replace(
        dense, start_utc=dense.start_utc + low * dense.resolution_s,
        values=dense.values[:, low:high], quality=dense.quality[:, low:high],
    )  # fmt: skip


# ------------------------------------------------------------------------ gaps


@dataclass(frozen=True, slots=True)
class Masked:
    """Copies of the points of a grid, each with gaps of its own, and what is known beside it."""

    year: Year
    truth: Dense
    given: Dense
    weeks: Dense
    """All readings of the weeks before, for the peers."""
    past: Dense | None
    help: Help = field(default_factory=Help)
    totals: pa.Array | None = None


def short_gaps(
    year: Year, length_s: int, *, copies: int, months: int | None = None, register: bool = False
) -> Iterator[Masked]:
    """Gaps up to a week in months whose past is known, spread evenly over month and day.

    Gaps up to half a day come several to a copy, three days apart. `register`: a dial in whole
    kWh is read at both ends of the month.
    """
    chosen = _months(year)
    step = year.dense.resolution_s
    size = length_s // step
    for turn, period in enumerate(chosen[:: max(1, len(chosen) // (months or len(chosen)))]):
        truth, weeks = _around(year, period, copies)
        width, rows = truth.values.shape[1], len(truth.points) // copies
        every = 73 * HOUR // step
        many = length_s <= DAY // 2 and not register
        room = every if many else width - size + 1
        missing = np.zeros(truth.values.shape, dtype=np.bool_)
        for row in range(rows * copies):
            copy, point = divmod(row, rows)
            begin = (copy * room // copies + (turn * 7 + point * 5) * size) % room
            for at in range(begin, width - size + 1, every) if many else [begin]:
                missing[row, at : at + size] = True
        totals = _dials(truth) if register else None
        yield Masked(year, truth, _without(truth, missing), weeks, weeks, totals=totals)


LONG = ("day_types", "previous_year", "other_days", "class_profile", "even")
"""The rungs that short gaps do not reach."""


def long_gaps(year: Year, rung: str, *, every: int = 1) -> Iterator[Masked]:
    """Gaps that leave nothing but one rung: periods of a week, or months, that are missing.

    `day_types`: service began, three weeks went well, and the rest of a longer period is missing.
    Else a whole week is missing and the two weeks before it, and only what the rung reads is told.
    `every`: not all of the periods, but one of so many.
    """
    for turn, period in enumerate(_weeks(year, rung)[::every]):
        truth, weeks = _around(year, period, 1)
        missing = np.ones(truth.values.shape, dtype=np.bool_)
        if rung == "day_types":
            first = (7 + turn % 3) * DAY // truth.resolution_s
            missing[:, :first] = False
            yield Masked(year, truth, _without(truth, missing), weeks, None)
            continue
        silent = np.zeros(weeks.values.shape, dtype=np.bool_)
        silent[:, -SILENT_DAYS * DAY // truth.resolution_s :] = True
        past = _without(weeks, silent) if rung in ("previous_year", "other_days") else None
        help_ = _help(year, rung, weeks, period)
        totals = _dials(truth) if rung == "even" else None
        given = _without(truth, missing)
        yield Masked(year, truth, given, weeks, past, help=help_, totals=totals)


def _help(year: Year, rung: str, weeks: Dense, period: Period) -> Help:
    """What the rung reads; a class profile is learned from the other half of the points."""
    dense = year.dense
    if rung == "previous_year":
        low, high = zone(year.zone).bounds(period)
        end = high - 340 * DAY
        then = cut(dense, low - 420 * DAY, end)
        return Help(year=lambda points: replace(then, points=tuple(points)))
    if rung != "class_profile":
        return Help()
    learner = Learner()
    half = len(dense.points) // 2
    for number, rows in enumerate((slice(half, None), slice(half))):
        part = chosen(year, rows).dense
        learner.add(part, zone=year.zone, segments=[f"half-{number}"] * len(part.points))
    usual = weeks.values.sum(axis=1) // PAST_DAYS
    segments = [f"half-{int(row >= half)}" for row in range(len(dense.points))]
    return Help(profiles=learner.learned(), segments=segments, usual=pa.array(usual))


def _months(year: Year) -> list[Period]:
    """The whole months that have their past in the row."""
    place, dense = zone(year.zone), year.dense
    first = place.date(dense.start_utc) + timedelta(PAST_DAYS)
    month = Period.month(first.year, first.month)
    found = []
    while place.midnight(month.end) <= dense.end_utc:
        if month.start >= first:
            found.append(month)
        month = Period.month(month.end.year, month.end.month)
    return found


def _weeks(year: Year, rung: str) -> list[Period]:
    """Weeks, of the last month where a year before is read; five-week periods for day types."""
    place, dense = zone(year.zone), year.dense
    last = place.date(dense.end_utc)
    first = place.date(dense.start_utc) + timedelta(PAST_DAYS)
    if rung == "previous_year":
        first = max(first, place.date(dense.start_utc) + timedelta(364 + 14))
    days = 35 if rung == "day_types" else 7
    found, day = [], first
    while day + timedelta(days) <= last:
        found.append(Period(day, day + timedelta(days)))
        day += timedelta(days + 2)
    return found


def _around(year: Year, period: Period, copies: int) -> tuple[Dense, Dense]:
    """A period and the weeks before it, each point as often as there are copies."""
    place = zone(year.zone)
    low, high = place.bounds(period)
    before = place.midnight(period.start - timedelta(PAST_DAYS))
    names = tuple(f"{p}/{n}" for n in range(copies) for p in year.dense.points)
    both = (cut(year.dense, low, high), cut(year.dense, before, low))
    truth, weeks = (
        replace(
            part, points=names, values=np.tile(part.values, (copies, 1)),
            quality=np.tile(part.quality, (copies, 1)),
        )
        for part in both
    )  # fmt: skip
    return truth, weeks


def _without(dense: Dense, missing: npt.NDArray[np.bool_]) -> Dense:
    quality = np.where(missing, MISSING, dense.quality).astype(np.uint8)
    return replace(dense, values=np.where(missing, 0, dense.values), quality=quality)


def _dials(truth: Dense) -> pa.Array:
    """The advance of a dial of whole kWh over the grid, of each row [10^-6 kWh]."""
    sums = truth.values.sum(axis=1)
    opening = (np.arange(len(sums)) * 618_033 + truth.start_utc // HOUR * 7_919) % 1_000_000
    return pa.array(((opening + sums) // 1_000_000 - opening // 1_000_000) * 1_000_000)
