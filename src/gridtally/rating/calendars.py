"""Steps 5-6: a tariff's calendars, from rules to one label per interval of a UTC grid.

Specification: `docs/tariff.md`, *Calendars*. A calendar is a table of 12 months x 8 day types x
1440 minutes; everything else is looking up local time in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

from gridtally.periods import zone as zone_of

__all__ = ["CHANGES", "DAY_TYPES", "HOLIDAY", "OUTSIDE", "Calendar", "Rule", "labels", "runs"]

Labels = npt.NDArray[np.int16]
DAY_TYPES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
HOLIDAY = 7
OUTSIDE, CHANGES = -1, -2
"""Labels that are no bucket: outside the months; the bucket changes inside the interval."""
_MINUTES = 1440
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with everything resolved: indices of months (0-11) and day types, minutes of hours."""

    bucket: str
    months: tuple[int, ...]
    days: tuple[int, ...]
    hours: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Calendar:
    """One calendar of a tariff version. Compared by identity: it is the key of a cache."""

    name: str
    buckets: tuple[str, ...]
    table: Labels
    """Index of the bucket, shape (12 months, 8 day types, 1440 minutes)."""
    holidays: frozenset[date] | None
    """Dates of the type `holiday`; None when no rule names that type."""

    @classmethod
    def of(
        cls,
        name: str,
        rules: Sequence[Rule],
        otherwise: str | None,
        holidays: frozenset[date] | None,
    ) -> tuple[Calendar, npt.NDArray[np.int16]]:
        """The calendar and how many rules cover each minute, in the shape of its table."""
        named = [rule.bucket for rule in rules] + ([otherwise] if otherwise else [])
        buckets = tuple(dict.fromkeys(named))
        table = np.full((12, 8, _MINUTES), OUTSIDE, np.int16)
        cover = np.zeros_like(table)
        for rule in rules:
            for start, end in rule.hours:
                where = np.ix_(rule.months, rule.days, range(start, end))
                table[where] = buckets.index(rule.bucket)
                cover[where] += 1
        if otherwise:
            table[cover == 0] = buckets.index(otherwise)
            cover[cover == 0] = 1
        if holidays is None:
            cover[:, HOLIDAY] = 1
        return cls(name, buckets, table, holidays), cover


def labels(
    calendar: Calendar | None,
    zone: str,
    start_utc: int,
    end_utc: int,
    resolution_s: int,
    *,
    months: tuple[int, ...] = (),
) -> Labels:
    """The bucket of every interval of [start_utc, end_utc), by the local time of its start.

    Without a calendar the one bucket is 0. OUTSIDE where the local month is not in `months`,
    CHANGES where an interval lies in more than one bucket. Shape: (intervals,); read-only.
    """
    assert (end_utc - start_utc) % resolution_s == 0, "not a whole number of intervals"
    return _labels(calendar, zone, start_utc, end_utc, resolution_s, months)


@lru_cache(maxsize=1024)
def _labels(
    calendar: Calendar | None,
    zone: str,
    start_utc: int,
    end_utc: int,
    resolution_s: int,
    months: tuple[int, ...],
) -> Labels:
    count = (end_utc - start_utc) // resolution_s
    if calendar is None and not months:
        result = np.zeros(count, np.int16)
    else:
        # Edges lie on whole minutes, so that looking at each minute sees every change.
        step = gcd(resolution_s, 60)
        fine = _at(calendar, zone, np.arange(start_utc, end_utc, step), months)
        parts = fine.reshape(count, resolution_s // step)
        result = parts[:, 0].copy()
        result[(parts != parts[:, :1]).any(axis=1)] = CHANGES
    result.flags.writeable = False
    return result


def _at(
    calendar: Calendar | None,
    zone: str,
    instants: npt.NDArray[np.int64],
    months: tuple[int, ...],
) -> Labels:
    local = zone_of(zone).to_local(instants)
    day = local // 86_400
    days, where = np.unique(day, return_inverse=True)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    if calendar is None:
        result = np.zeros(len(instants), np.int16)
    else:
        kind = (days + 3) % 7
        holidays = [when.toordinal() - _EPOCH for when in calendar.holidays or ()]
        kind[np.isin(days, np.array(holidays, np.int64))] = HOLIDAY
        result = calendar.table[month[where], kind[where], local % 86_400 // 60]
    if months:
        result = np.where(np.isin(month + 1, months)[where], result, np.int16(OUTSIDE))
    return result.astype(np.int16)


def runs(column: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Where each run of equal values begins: what `reduceat` takes."""
    if len(column) == 0:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.r_[True, column[1:] != column[:-1]]).astype(np.int64)
