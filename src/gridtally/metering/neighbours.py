"""Step 8, checks that need the whole base: week profiles against their past and each other.

Runs once on the merged PROFILES of a run, in the order of the points: a bucket's result does not
depend on its neighbours, this does. Whole numbers only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import layout
from gridtally.metering.checks_runs import FACTORS
from gridtally.metering.scan import Ints, Mask, Row
from gridtally.metering.words import amount, counted, lasting
from gridtally.periods import zone as zone_of
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["Shapes", "neighbours"]

_HOURS, _SHARE = 24, 100_000
_FLOOR = 1_000_000
"""Energy of a day below which a profile says nothing. [10^-6 kWh]"""
_MOVED = 60_000
"""So much of a day's energy must lie in another hour before it is asked whither. [10^-5, twice]"""
_SHIFT_PCT = 60
"""A shift explains the change when less than this part of it is left. [%]"""
_CLOSE = {2: 150, 3: 150}
"""How near a week must come to a multiple of its past; to 400 for ten times and more. [10^-3]"""
_CHANGED = 200
"""A week that changed by less of its energy is not asked whether it was swapped. [10^-3]"""
_SWAPPED_PCT = 60
"""Two points changed places when less than this part of their changes is left. [%]"""
_LEAST, _GROUP_PCT = 10, 80
"""A region is shifted where so many points, and this part of them, fit better moved. [%]"""
_LOADS = {"ev", "heatpump"}
_REACH = 3
"""Seasons move a day by other than one interval: so many are tried either way."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Points with a profile of this period and one of the period before, in order."""

    points: list[str]
    region: list[str]
    zone: list[str]
    new_load: Mask
    """An electric car or a heat pump moves a day by hours."""
    start: list[date]
    end: list[date]
    step: Ints
    """Length of a slot. [s]"""
    now: Ints
    """Mean workday, then mean day of rest, by hour: shape (points, 48). [10^-6 kWh]"""
    old: Ints
    days: dict[int, tuple[Ints, Ints, Ints]]
    """By length of slot: rows, and mean day by slot now and before."""

    def found(
        self, code: str, severity: Severity, row: int, *, tell: str, remedy: str, **more: Any
    ) -> Row:
        """A finding on the period of a point."""
        zone = zone_of(self.zone[row])
        return finding(
            code, severity, f"{self.points[row]} import: {tell}", remedy=remedy,
            metering_point=self.points[row], channel="import",
            start_utc=zone.midnight(self.start[row]), end_utc=zone.midnight(self.end[row]), **more,
        )  # fmt: skip


def neighbours(now: pa.Table, before: pa.Table, points: pa.Table) -> Iterator[Row]:
    """Findings `metering.profile.*` and `metering.source.shifted`.

    `now` and `before` PROFILES, `points` METERING_POINTS. A point without a past says nothing.
    """
    shapes = _shapes(now, before, points)
    if not shapes.points:
        return
    sources = _sources(shapes)
    for (region, step), lag in sorted(sources.items()):
        yield from _source(shapes, (region, step), lag)
    yield from _shifted(shapes, {region for region, _ in sources})
    yield from _swapped(shapes)
    yield from _multiplied(shapes)


# ---------------------------------------------------------------------- shapes


def _shapes(now: pa.Table, before: pa.Table, points: pa.Table) -> Shapes:
    """What both periods have, in order of slot length and point; the last past profile counts."""
    tables, weeks, row = [], [], 0
    days: dict[int, tuple[Ints, Ints, Ints]] = {}
    for step in sorted(set(now["resolution_s"].to_pylist())):
        if 3600 % step:
            continue
        mine, theirs = _alike(now, before, step)
        if not mine.num_rows:
            continue
        both = [_week(table, 86_400 // step) for table in (mine, theirs)]
        rows = np.arange(row, row + mine.num_rows)
        row += mine.num_rows
        tables.append(mine)
        weeks.append([week.reshape(len(rows), 2 * _HOURS, -1).sum(axis=2) for week in both])
        one, other = ((5 * week[:, 0] + 2 * week[:, 1]) // 7 for week in both)
        days[step] = (rows, one, other)
    if not row:
        nothing = np.zeros((0, 2 * _HOURS), dtype=np.int64)
        return Shapes([], [], [], nothing[:, 0] > 0, [], [], nothing[:, 0], nothing, nothing, {})
    table = pa.concat_tables(tables)
    at = pc.index_in(table["metering_point"], points["metering_point"].combine_chunks())
    where = points.select(["region", "zone", "features"]).take(at)
    features = [set((text or "").split()) for text in where["features"].to_pylist()]
    return Shapes(
        table["metering_point"].to_pylist(), [text or "" for text in where["region"].to_pylist()],
        [text or "UTC" for text in where["zone"].to_pylist()],
        np.array([bool(_LOADS & mine) for mine in features], dtype=np.bool_),
        table["from"].to_pylist(),
        table["to"].to_pylist(), layout.integers(table["resolution_s"]),
        np.concatenate([week[0] for week in weeks]), np.concatenate([week[1] for week in weeks]),
        days,
    )  # fmt: skip


def _alike(now: pa.Table, before: pa.Table, step: int) -> tuple[pa.Table, pa.Table]:
    """Profiles of one slot length, one a point, of points that both periods have."""
    sides = []
    for table in (now, before):
        whole = pc.and_(pc.equal(table["resolution_s"], step), pc.greater(table["workdays"], 0))
        part = table.filter(whole).sort_by([("metering_point", "ascending"), ("to", "ascending")])
        names = layout.text(part["metering_point"]).to_numpy(zero_copy_only=False)
        last = np.r_[names[1:] != names[:-1], True] if len(names) else np.zeros(0, np.bool_)
        sides.append(part.filter(pa.array(last)))
    mine, theirs = sides
    at = pc.index_in(mine["metering_point"], theirs["metering_point"].combine_chunks())
    known = pc.is_valid(at)
    return mine.filter(known), theirs.take(pc.drop_null(at))


def _week(table: pa.Table, slots: int) -> Ints:
    """Mean workday and mean day of rest, shape (points, 2, slots)."""
    flat = pc.list_flatten(table["values"].combine_chunks()).to_numpy(zero_copy_only=False)
    count = np.stack([layout.integers(table[name]) for name in ("workdays", "restdays")], axis=1)
    mean: Ints = flat.reshape(-1, 2, slots) // np.maximum(count, 1)[:, :, None]
    return mean


def _share(days: Ints) -> Ints:
    """Each slot's share of the day, shape (points, slots). [10^-5]"""
    total = np.maximum(days.sum(axis=1, keepdims=True), 1)
    share: Ints = np.minimum(days, 1 << 46) * _SHARE // total
    return share


# ---------------------------------------------------------------------- shifts


def _sources(shapes: Shapes) -> dict[tuple[str, int], int]:
    """Regions and slot lengths whose readings all moved, by how many slots; later above zero."""
    found: dict[tuple[str, int], int] = {}
    for step, (rows, now, old) in sorted(shapes.days.items()):
        region = np.array(shapes.region, dtype=object)[rows]
        use = (now.sum(axis=1) > _FLOOR) & (old.sum(axis=1) > _FLOOR)
        for name in sorted(set(region[use].tolist())):
            mine = use & (region == name)
            if np.count_nonzero(mine) < _LEAST:
                continue
            one, other = _share(now[mine]), _share(old[mine])
            lag = _together(one, other)
            if lag:
                found[name, step] = lag
    return found


def _together(now: Ints, old: Ints) -> int:
    """The one interval by which nearly all points fit better moved; 0 for none."""
    lags = range(-_REACH, _REACH + 1)
    left = {lag: np.abs(np.roll(now, -lag, axis=1) - old).sum(axis=1) for lag in lags}
    whole = {
        lag: int(np.abs(np.roll(now.sum(axis=0), -lag) - old.sum(axis=0)).sum()) for lag in lags
    }
    best = min(whole, key=lambda lag: (whole[lag], abs(lag)))
    better = np.count_nonzero(left[best] < left[0])
    return best if abs(best) == 1 and better * 100 >= _GROUP_PCT * len(now) else 0


def _source(shapes: Shapes, source: tuple[str, int], lag: int) -> Iterator[Row]:
    region, step = source
    way = "later" if lag > 0 else "earlier"
    where = f"of {region} " if region else ""
    for row in np.flatnonzero(np.array(shapes.region, dtype=object) == region).tolist():
        if shapes.step[row] == step:
            yield shapes.found(
                "metering.source.shifted", Severity.HOLD, row,
                tell=f"all readings {where}fit their own past when moved by "
                f"{lasting(abs(lag) * step)}: they come {way} than they did, as if stamps "
                f"now named the {'end' if lag > 0 else 'begin'} of an interval.",
                remedy="Ask the sender whether stamps name the begin or the end; deliver again.",
                evidence={"shift_s": lag * step, "region": region},
            )  # fmt: skip


def _shifted(shapes: Shapes, sources: Collection[str]) -> Iterator[Row]:
    """Single meters whose clock is hours off: their day fits its past when moved."""
    for step, (rows, now, old) in sorted(shapes.days.items()):
        slots = 86_400 // step
        use = (now.sum(axis=1) > _FLOOR) & (old.sum(axis=1) > _FLOOR)
        use &= np.array([shapes.region[row] not in sources for row in rows.tolist()], np.bool_)
        use &= ~shapes.new_load[rows]
        one, other = (_hourly(_share(days), slots) for days in (now, old))
        moved = np.abs(one - other).sum(axis=1)
        which = np.flatnonzero(use & (moved > _MOVED))
        if not len(which):
            continue
        left = np.stack(
            [np.abs(np.roll(one[which], -lag, axis=1) - other[which]).sum(axis=1)
             for lag in range(_HOURS)], axis=1,
        )  # fmt: skip
        best = left.argmin(axis=1)
        clear = left.min(axis=1) * 100 <= moved[which] * _SHIFT_PCT
        for i in np.flatnonzero(clear & (best > 1) & (best < _HOURS - 1)).tolist():
            lag = int(best[i]) if best[i] <= _HOURS // 2 else int(best[i]) - _HOURS
            yield shapes.found(
                "metering.profile.shifted", Severity.WARN, int(rows[which[i]]),
                tell=f"the day fits the one of the period before when moved by "
                f"{counted(abs(lag), 'hour')}: as if the clock were off.",
                remedy="Have the meter's clock read; by time of use, prices were applied wrongly.",
                evidence={"shift_h": lag, "left": left[i].min(), "moved": moved[which[i]]},
            )  # fmt: skip


def _hourly(days: Ints, slots: int) -> Ints:
    hours: Ints = days.reshape(len(days), _HOURS, slots // _HOURS).sum(axis=2)
    return hours


# ---------------------------------------------------------------------- swaps


def _swapped(shapes: Shapes) -> Iterator[Row]:
    """Two points of a region whose weeks look like each other's past, and not like their own."""
    change = np.abs(shapes.now - shapes.old).sum(axis=1)
    size = shapes.now.sum(axis=1) + shapes.old.sum(axis=1)
    changed = (change * 1000 > size * _CHANGED) & (size > 4 * _FLOOR)
    maybe = np.flatnonzero(changed & ~shapes.new_load)
    groups: dict[str, list[int]] = {}
    for row in maybe.tolist():
        groups.setdefault(shapes.region[row], []).append(row)
    for name in sorted(groups):
        mine = np.array(groups[name], dtype=np.int64)
        for one, other in _pairs(shapes, mine, change):
            for row, twin in ((one, other), (other, one)):
                use, was, theirs = (
                    amount(_day(week[at]), "kWh")
                    for week, at in ((shapes.now, row), (shapes.old, row), (shapes.old, twin))
                )
                yield shapes.found(
                    "metering.profile.swapped", Severity.WARN, row,
                    tell=f"the week looks like that of {shapes.points[twin]} before, and the other "
                    f"way round: {use} a day, {was} before, {theirs} there.",
                    remedy="Compare the serial numbers at both places with the record.",
                    direction="over" if shapes.now[row].sum() > shapes.old[row].sum() else "under",
                    evidence={"twin": shapes.points[twin]},
                )  # fmt: skip


def _day(week: Ints) -> int:
    return int(5 * week[:_HOURS].sum() + 2 * week[_HOURS:].sum()) // 7


def _pairs(shapes: Shapes, rows: Ints, change: Ints) -> list[tuple[int, int]]:
    """Pairs that explain each other's change, each the other's only possible partner."""
    now, old = shapes.now[rows], shapes.old[rows]
    partner: dict[int, list[int]] = {}
    order = np.argsort(old.sum(axis=1), kind="stable")
    sizes = old.sum(axis=1)[order]
    for i in range(len(rows)):
        total = int(now[i].sum())
        low, high = np.searchsorted(sizes, (total * 2 // 3, total * 3 // 2 + 1))
        near = order[low:high]
        near = near[near != i]
        crossed = np.abs(now[i] - old[near]).sum(axis=1) + np.abs(now[near] - old[i]).sum(axis=1)
        own = change[rows[i]] + change[rows[near]]
        fits = near[crossed * 100 < own * _SWAPPED_PCT]
        partner[i] = fits.tolist()
    return [
        (int(rows[i]), int(rows[found[0]])) for i, found in partner.items()
        if len(found) == 1 and partner[found[0]] == [i] and i < found[0]
    ]  # fmt: skip


# ------------------------------------------------------------------ multipliers


def _multiplied(shapes: Shapes) -> Iterator[Row]:
    """A week that is a multiple of the one before at every hour: a multiplier (M25)."""
    now, old = shapes.now, shapes.old
    one, other = now.sum(axis=1), old.sum(axis=1)
    use = np.minimum(one, other) > 2 * _FLOOR // 10
    for up in (True, False):
        large, small = (now, old) if up else (old, now)
        much, little = (one, other) if up else (other, one)
        for factor in FACTORS:
            close = _CLOSE.get(factor, 400)
            near = use & (np.abs(much - factor * little) * 1000 <= factor * little * close)
            rows = np.flatnonzero(near)
            left = np.abs(large[rows] - factor * small[rows]).sum(axis=1)
            for row in rows[left * 1000 <= much[rows] * close].tolist():
                word = f"{factor} times" if up else f"1/{factor} of"
                yield shapes.found(
                    "metering.profile.factor", Severity.WARN, row,
                    tell=f"every hour of the week is about {word} what it was before, "
                    f"{amount(_day(now[row]), 'kWh')} a day after {amount(_day(old[row]), 'kWh')}: "
                    "as if a multiplier had changed.",
                    remedy="Compare the multiplier with the plate on the transformers.",
                    direction="over" if up else "under", evidence={"factor": factor},
                )  # fmt: skip
