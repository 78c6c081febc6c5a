"""Step 8, checks that need the whole base: week profiles against their past and each other.

Runs once on the merged PROFILES of a run, in the order of the points: a bucket's result does not
depend on its neighbours, this does. Whole numbers only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa

from gridtally.metering.checks_runs import FACTORS
from gridtally.metering.scan import Ints, Mask, Row
from gridtally.metering.weeks import HOURS, Shares, Weeks, weeks
from gridtally.metering.words import amount, counted, lasting
from gridtally.terms import Severity

__all__ = ["neighbours"]

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
_AT_MOST = 500
"""So many points of a region are compared with each other, those that changed most."""
_SWAPPED_PCT = 60
"""Two points changed places when less than this part of their changes is left. [%]"""
_LEAST, _GROUP_PCT = 10, 80
"""A region is shifted where so many points, and this part of them, fit better moved. [%]"""
_REACH = 3
"""Seasons move a day by other than one interval: so many are tried either way."""


def neighbours(now: pa.Table, before: pa.Table, points: pa.Table) -> Iterator[Row]:
    """Findings `metering.profile.*` and `metering.source.shifted`.

    `now` and `before` PROFILES, `points` METERING_POINTS. A point without a past says nothing.
    """
    base = weeks(now, before, points)
    if not base.points:
        return
    sources = _sources(base)
    for (region, step), lag in sorted(sources.items()):
        yield from _source(base, (region, step), lag)
    yield from _shifted(base, {region for region, _ in sources})
    yield from _swapped(base)
    yield from _multiplied(base)


# ---------------------------------------------------------------------- shifts


def _sources(base: Weeks) -> dict[tuple[str, int], int]:
    """Regions and slot lengths whose readings all moved, by how many slots; later above zero."""
    found: dict[tuple[str, int], int] = {}
    enough = _enough(base)
    for step, days in sorted(base.days.items()):
        region = np.array(base.region, dtype=object)[days.rows]
        use = enough[days.rows]
        for name in sorted(set(region[use].tolist())):
            mine = use & (region == name)
            if np.count_nonzero(mine) < _LEAST:
                continue
            if lag := _together(days.now[mine], days.old[mine]):
                found[name, step] = lag
    return found


def _enough(base: Weeks) -> Mask:
    """Points whose mean days, of work and of rest, are worth comparing."""
    enough: Mask = np.minimum(base.now.sum(axis=1), base.old.sum(axis=1)) > 2 * _FLOOR
    return enough


def _together(now: Shares, old: Shares) -> int:
    """The one interval by which nearly all points fit better moved; 0 for none."""
    lags = range(-_REACH, _REACH + 1)
    left = {lag: np.abs(np.roll(now, -lag, axis=1) - old).sum(axis=1) for lag in lags}
    whole = {
        lag: int(np.abs(np.roll(now.sum(axis=0), -lag) - old.sum(axis=0)).sum()) for lag in lags
    }
    best = min(whole, key=lambda lag: (whole[lag], abs(lag)))
    better = np.count_nonzero(left[best] < left[0])
    return best if abs(best) == 1 and better * 100 >= _GROUP_PCT * len(now) else 0


def _source(base: Weeks, source: tuple[str, int], lag: int) -> Iterator[Row]:
    region, step = source
    way = "later" if lag > 0 else "earlier"
    where = f"of {region} " if region else ""
    for row in np.flatnonzero(np.array(base.region, dtype=object) == region).tolist():
        if base.step[row] == step:
            yield base.found(
                "metering.source.shifted", Severity.HOLD, row,
                tell=f"all readings {where}fit their own past when moved by "
                f"{lasting(abs(lag) * step)}: they come {way} than they did, as if stamps "
                f"now named the {'end' if lag > 0 else 'begin'} of an interval.",
                remedy="Ask the sender whether stamps name the begin or the end; deliver again.",
                evidence={"shift_s": lag * step, "region": region},
            )  # fmt: skip


def _shifted(base: Weeks, sources: Collection[str]) -> Iterator[Row]:
    """Single meters whose clock is hours off: their day fits its past when moved."""
    fit = _enough(base) & ~base.new_load
    fit &= np.array([region not in sources for region in base.region], dtype=np.bool_)
    for _, days in sorted(base.days.items()):
        rows, use = days.rows, fit[days.rows]
        one, other = (_hourly(side) for side in (days.now, days.old))
        moved = np.abs(one - other).sum(axis=1)
        which = np.flatnonzero(use & (moved > _MOVED))
        if not len(which):
            continue
        left = np.stack(
            [np.abs(np.roll(one[which], -lag, axis=1) - other[which]).sum(axis=1)
             for lag in range(HOURS)], axis=1,
        )  # fmt: skip
        best = left.argmin(axis=1)
        clear = left.min(axis=1) * 100 <= moved[which] * _SHIFT_PCT
        for i in np.flatnonzero(clear & (best > 1) & (best < HOURS - 1)).tolist():
            lag = int(best[i]) if best[i] <= HOURS // 2 else int(best[i]) - HOURS
            yield base.found(
                "metering.profile.shifted", Severity.WARN, int(rows[which[i]]),
                tell=f"the day fits the one of the period before when moved by "
                f"{counted(abs(lag), 'hour')}: as if the clock were off.",
                remedy="Have the meter's clock read; by time of use, prices were applied wrongly.",
                evidence={"shift_h": lag, "left": left[i].min(), "moved": moved[which[i]]},
            )  # fmt: skip


def _hourly(days: Shares) -> Ints:
    hours: Ints = days.reshape(len(days), HOURS, -1).sum(axis=2, dtype=np.int64)
    return hours


# ---------------------------------------------------------------------- swaps


def _swapped(base: Weeks) -> Iterator[Row]:
    """Two points of a region whose weeks look like each other's past, and not like their own."""
    change = np.abs(base.now - base.old).sum(axis=1)
    size = base.now.sum(axis=1) + base.old.sum(axis=1)
    changed = (change * 1000 > size * _CHANGED) & (size > 4 * _FLOOR)
    maybe = np.flatnonzero(changed & ~base.new_load)
    share = change * 1000 // np.maximum(size, 1)
    groups: dict[str, list[int]] = {}
    for row in maybe[np.argsort(-share[maybe], kind="stable")].tolist():
        groups.setdefault(base.region[row], []).append(row)
    for name in sorted(groups):
        mine = np.array(sorted(groups[name][:_AT_MOST]), dtype=np.int64)
        for one, other in _pairs(base, mine, change):
            for row, twin in ((one, other), (other, one)):
                use, was, theirs = (
                    amount(_day(week[at]), "kWh")
                    for week, at in ((base.now, row), (base.old, row), (base.old, twin))
                )
                yield base.found(
                    "metering.profile.swapped", Severity.WARN, row,
                    tell=f"the week looks like that of {base.points[twin]} before, and the other "
                    f"way round: {use} a day, {was} before, {theirs} there.",
                    remedy="Compare the serial numbers at both places with the record.",
                    direction="over" if base.now[row].sum() > base.old[row].sum() else "under",
                    evidence={"twin": base.points[twin]},
                )  # fmt: skip


def _day(week: Ints) -> int:
    return int(5 * week[:HOURS].sum() + 2 * week[HOURS:].sum()) // 7


def _pairs(base: Weeks, rows: Ints, change: Ints) -> list[tuple[int, int]]:
    """Pairs that explain each other's change, each the other's only possible partner."""
    now, old = base.now[rows], base.old[rows]
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


def _multiplied(base: Weeks) -> Iterator[Row]:
    """A week that is a multiple of the one before at every hour: a multiplier (M25)."""
    now, old = base.now, base.old
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
                yield base.found(
                    "metering.profile.factor", Severity.WARN, row,
                    tell=f"every hour of the week is about {word} what it was before, "
                    f"{amount(_day(now[row]), 'kWh')} a day after {amount(_day(old[row]), 'kWh')}: "
                    "as if a multiplier had changed.",
                    remedy="Compare the multiplier with the plate on the transformers.",
                    direction="over" if up else "under", evidence={"factor": factor},
                )  # fmt: skip
