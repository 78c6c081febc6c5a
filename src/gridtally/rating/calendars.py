"""Steps 5-6: a tariff's calendars, from rules to one label per interval of a UTC grid.

Specification: `docs/tariff.md`, *Calendars*. A calendar is a table of the stretches of a year (the
months, cut where a season begins or ends) x 8 day types x 1440 minutes; everything else is looking
up local time in it. Rules of events lie above the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from math import gcd

import numpy as np
import numpy.typing as npt

from gridtally.market import NO_MARKET, Market
from gridtally.periods import zone as zone_of

__all__ = [
    "CHANGES", "DAY_TYPES", "HOLIDAY", "OUTSIDE", "Calendar", "EventRule", "Rule", "Stretch",
    "labels", "runs",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int16]
Cover = npt.NDArray[np.bool_]
Times = tuple[tuple[int, int], ...]
DAY_TYPES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
HOLIDAY = 7
OUTSIDE, CHANGES = -1, -2
"""Labels that are no bucket: outside the months; the bucket changes inside the interval."""
_MINUTES = 1440
_EPOCH = date(1970, 1, 1).toordinal()
_LEAP = 2024
"""Days of the year are those of a leap year: 29 February has a place, and is not met in others."""
_DAYS = range(date(_LEAP, 1, 1).toordinal(), date(_LEAP + 1, 1, 1).toordinal())
_YEAR = tuple((day.month, day.day) for day in map(date.fromordinal, _DAYS))
Season = tuple[tuple[int, int], tuple[int, int]]
"""First and last (month, day), both included; it may run over the end of the year."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with everything resolved: indices of months (0-11) and day types, minutes of hours."""

    bucket: str
    months: tuple[int, ...]
    days: tuple[int, ...]
    hours: tuple[tuple[int, int], ...]
    seasons: tuple[Season, ...] = ()
    """Days of the year that it is narrowed to; none: all."""
    event: str | None = None
    """Only within this event."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of one month, both included, that every rule treats alike: a row of the table."""

    month: int
    """0 to 11"""
    first: int
    last: int


@dataclass(frozen=True, eq=False, slots=True)
class EventRule:
    """A rule that holds within an event, above the table."""

    event: str
    bucket: int
    cover: Cover
    """Where it holds; the shape of the table."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """One calendar of a tariff version. Compared by identity: it is the key of a cache."""

    name: str
    buckets: tuple[str, ...]
    table: Labels
    """Index of the bucket, shape (stretches, 8 day types, 1440 minutes)."""
    holidays: frozenset[date] | None
    """Dates of the type `holiday`; None when no rule names that type."""
    stretches: tuple[Stretch, ...] = tuple(Stretch(month, 1, 31) for month in range(12))
    """What the rows of the table stand for: the twelve months when no rule has a season."""
    events: tuple[EventRule, ...] = ()
    """In order; the first that covers an instant decides it."""
    standard: bool = False
    """Told by the zone's standard time all year."""

    @classmethod
    def of(
        cls,
        name: str,
        rules: Sequence[Rule],
        otherwise: str | None,
        holidays: frozenset[date] | None,
        *,
        standard: bool = False,
    ) -> tuple[Calendar, Labels]:
        """The calendar and how many rules cover each minute, in the shape of its table.

        Rules of events stand beside the others and are not counted.
        """
        named = [rule.bucket for rule in rules] + ([otherwise] if otherwise else [])
        buckets = tuple(dict.fromkeys(named))
        stretches = _stretches(season for rule in rules for season in rule.seasons)
        table = np.full((len(stretches), 8, _MINUTES), OUTSIDE, np.int16)
        cover = np.zeros_like(table)
        events = []
        for rule in rules:
            rows = [i for i, part in enumerate(stretches) if _within(part, rule)]
            mine = cover if rule.event is None else np.zeros_like(table)
            for start, end in rule.hours if rows else ():
                where = (np.array(rows)[:, None], np.array(rule.days), slice(start, end))
                mine[where] += 1
                if rule.event is None:
                    table[where] = buckets.index(rule.bucket)
            if rule.event is not None:
                events.append(EventRule(rule.event, buckets.index(rule.bucket), mine > 0))
        if otherwise:
            table[cover == 0] = buckets.index(otherwise)
            cover[cover == 0] = 1
        if holidays is None:
            cover[:, HOLIDAY] = 1
        return cls(name, buckets, table, holidays, stretches, tuple(events), standard), cover

    def day_of(self, zone: str, instant: int) -> date:
        """The day to which it counts an instant."""
        at = np.array([instant], np.int64)
        local = _standard(zone, at) if self.standard else zone_of(zone).to_local(at)
        return date.fromordinal(_EPOCH + int(local[0]) // 86_400)

    @property
    def row_of(self) -> Ints:
        """The row of the table of each of the 366 days of a leap year."""
        firsts = [_YEAR.index((part.month + 1, part.first)) for part in self.stretches]
        return np.repeat(np.arange(len(firsts)), np.diff([*firsts, len(_YEAR)]))


def _stretches(seasons: Iterable[Season]) -> tuple[Stretch, ...]:
    """The months, cut where a season begins and after it ends."""
    cuts = {_YEAR.index((month, 1)) for month in range(1, 13)}
    for first, last in seasons:
        cuts |= {_YEAR.index(first), (_YEAR.index(last) + 1) % len(_YEAR)}
    found = []
    for start, end in pairwise([*sorted(cuts), len(_YEAR)]):
        (month, first_day), (_, last_day) = _YEAR[start], _YEAR[end - 1]
        whole = first_day == 1 and (end == len(_YEAR) or _YEAR[end][1] == 1)
        found.append(Stretch(month - 1, first_day, 31 if whole else last_day))
    return tuple(found)


def _within(part: Stretch, rule: Rule) -> bool:
    """Whether a stretch, which no edge of a season cuts, lies in the rule's months and seasons."""
    if part.month not in rule.months:
        return False
    day = (part.month + 1, part.first)
    return not rule.seasons or any(
        first <= day <= last if first <= last else day >= first or day <= last
        for first, last in rule.seasons
    )


def labels(
    calendar: Calendar | None,
    zone: str,
    start_utc: int,
    end_utc: int,
    resolution_s: int,
    market: Market = NO_MARKET,
    *,
    months: tuple[int, ...] = (),
) -> Labels:
    """The bucket of every interval of [start_utc, end_utc), by the local time of its start.

    Without a calendar the one bucket is 0. OUTSIDE where the local month is not in `months`,
    CHANGES where an interval lies in more than one bucket. Shape: (intervals,); read-only.
    """
    assert (end_utc - start_utc) % resolution_s == 0, "not a whole number of intervals"
    times = tuple(
        _times(market, rule.event, start_utc, end_utc)
        for rule in (calendar.events if calendar else ())
    )
    return _labels(calendar, zone, start_utc, end_utc, resolution_s, months, times)


def _times(market: Market, event: str, start: int, end: int) -> Times:
    """When an event is on within [start, end); nothing where it is not known."""
    known = market.events.get(event)
    return tuple(t for t in known.times if t[0] < end and t[1] > start) if known else ()


@lru_cache(maxsize=1024)
def _labels(
    calendar: Calendar | None,
    zone: str,
    start_utc: int,
    end_utc: int,
    resolution_s: int,
    months: tuple[int, ...],
    times: tuple[Times, ...],
) -> Labels:
    count = (end_utc - start_utc) // resolution_s
    if calendar is None and not months:
        result = np.zeros(count, np.int16)
    elif not any(times):
        # Edges lie on whole minutes, so that looking at each minute sees every change.
        step = gcd(resolution_s, 60)
        fine = _at(calendar, zone, np.arange(start_utc, end_utc, step), months, times)
        parts = fine.reshape(count, resolution_s // step)
        result = parts[:, 0].copy()
        result[(parts != parts[:, :1]).any(axis=1)] = CHANGES
    else:
        edges = [at for some in times for pair in some for at in pair if start_utc < at < end_utc]
        grid = np.arange(start_utc, end_utc, gcd(resolution_s, 60))
        instants = np.union1d(grid, np.array(edges, np.int64))
        fine = _at(calendar, zone, instants, months, times)
        first = np.searchsorted(instants, np.arange(start_utc, end_utc, resolution_s))
        result = np.minimum.reduceat(fine, first)
        result[result != np.maximum.reduceat(fine, first)] = CHANGES
    result.flags.writeable = False
    return result


def _at(
    calendar: Calendar | None,
    zone: str,
    instants: Ints,
    months: tuple[int, ...],
    times: tuple[Times, ...],
) -> Labels:
    if calendar is None:
        result = np.zeros(len(instants), np.int16)
    else:
        result = _buckets(calendar, zone, instants, times)
    if months:
        month = zone_of(zone).to_local(instants) // 86_400
        month = month.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        result = np.where(np.isin(month, months), result, np.int16(OUTSIDE))
    return result.astype(np.int16)


def _buckets(calendar: Calendar, zone: str, instants: Ints, times: tuple[Times, ...]) -> Labels:
    """The bucket of each instant."""
    local = _standard(zone, instants) if calendar.standard else zone_of(zone).to_local(instants)
    days, where = np.unique(local // 86_400, return_inverse=True)
    kind = (days + 3) % 7
    holidays = [when.toordinal() - _EPOCH for when in calendar.holidays or ()]
    kind[np.isin(days, np.array(holidays, np.int64))] = HOLIDAY
    place = calendar.row_of[_day_of_year(days)][where], kind[where], local % 86_400 // 60
    result = calendar.table[place]
    for rule, some in zip(reversed(calendar.events), reversed(times), strict=True):
        edges = np.array([at for pair in some for at in pair], np.int64)
        on = np.searchsorted(edges, instants, side="right") % 2 == 1
        result = np.where(on & rule.cover[place], np.int16(rule.bucket), result)
    return result


def _day_of_year(days: Ints) -> Ints:
    """Which day of a leap year each day is."""
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    firsts = np.array([_YEAR.index((number, 1)) for number in range(1, 13)])
    return np.asarray(firsts[month.astype(np.int64) % 12] + (dates - month).astype(np.int64))


def _standard(zone: str, instants: Ints) -> Ints:
    """Wall-clock seconds of standard time: the smaller offset of 1 January and 1 July, UTC."""
    years, where = np.unique(
        instants.astype("datetime64[s]").astype("datetime64[Y]"), return_inverse=True
    )
    place = zone_of(zone)
    offsets = [
        place.offset(year.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64))
        for year in (years, years.astype("datetime64[M]") + 6)
    ]
    return np.asarray(instants + np.minimum(*offsets)[where])


def runs(column: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Where each run of equal values begins: what `reduceat` takes."""
    if len(column) == 0:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.r_[True, column[1:] != column[:-1]]).astype(np.int64)
