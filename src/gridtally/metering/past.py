"""Step 8: what a customer's own bills say about each bill, with whole columns.

The checks of `checks_history.py` go by it, and `learning.py` takes thresholds from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.layout import integers
from gridtally.metering.meters import day_number
from gridtally.metering.scan import Ints, Mask
from gridtally.metering.thresholds import Each

__all__ = ["RATIOS", "Past", "comparable", "flagged", "past_of"]

_SHORT = 10
"""Bills of fewer days are not compared. [days]"""
_MEAN, _YEAR = 3, 365
_JOIN = "\x1f"
RATIOS = {
    "usage_high_pct": "usual",
    "usage_low_pct": "usual",
    "year_high_pct": "year",
    "year_low_pct": "year",
    "highest_pct": "highest",
}
"""Thresholds on a bill's energy per day as a share of something in its past."""


@dataclass(frozen=True, slots=True)
class Past:
    """Bills, and what the bills before say about each; -1 where they say nothing."""

    days: Ints
    energy: Ints
    guessed: Mask
    """The bill itself is mostly estimated."""
    usual: Ints
    """Energy per day of the last three bills. [10^-6 kWh]"""
    year: Ints
    """Energy per day of the same period last year. [10^-6 kWh]"""
    highest: Ints
    """The second highest energy per day of all past bills. [10^-6 kWh]"""
    bills: Ints
    """How many past bills there are."""
    same_run: Ints
    """How many of the bills directly before have the same energy per day."""
    zero_run: Ints
    """How many of them have no energy."""
    guessed_run: Ints
    """How many of them are mostly estimated."""
    guessed_days: Ints
    """The days of those."""

    @property
    def each_day(self) -> Ints:
        """Energy per day. [10^-6 kWh]"""
        return self.energy // np.maximum(self.days, 1)


@dataclass(frozen=True, slots=True)
class _Bills:
    """Columns of SEGMENTS or HISTORY."""

    key: Ints
    """Agreement and metering point, as a number."""
    first: Ints
    days: Ints
    energy: Ints
    guessed: Mask

    @classmethod
    def of(cls, table: pa.Table, key: Ints) -> _Bills:
        first, last = (day_number(table[name], empty=0) for name in ("from", "to"))
        energy, guess = (
            integers(pc.fill_null(table[name], -1)) for name in ("import_ukwh", "estimated_ukwh")
        )
        return cls(key, first, last - first, energy, (energy > 0) & (2 * guess > energy))

    def take(self, at: Ints) -> _Bills:
        return _Bills(*(getattr(self, name)[at] for name in self.__slots__))


def past_of(bills: pa.Table, history: pa.Table, each: Each) -> Past:
    """What HISTORY says about each of `bills` (columns of SEGMENTS or HISTORY).

    Past bills are those of the same agreement and metering point that ended by its first day.
    """
    keys = [
        pc.binary_join_element_wise(t["agreement"], t["metering_point"], _JOIN).combine_chunks()
        for t in (bills, history)
    ]
    names = pc.unique(pa.concat_arrays(keys))
    mine, theirs = (pc.index_in(key, names).to_numpy().astype(np.int64) for key in keys)
    now, old = _Bills.of(bills, mine), _Bills.of(history, theirs)
    old = old.take(np.lexsort((old.first, old.key)))
    low, high = (np.searchsorted(old.key, mine, side=side) for side in ("left", "right"))
    fold = _Fold(now, each("same_ppm"))
    for back in range(int((high - low).max(initial=0))):  # once per bill of the longest past
        at = high - 1 - back
        fold.add(old.take(np.maximum(at, 0)), at >= low)
    return fold.past()


class _Fold:
    """Takes past bills in, the latest first, for all bills at once."""

    def __init__(self, now: _Bills, same_ppm: Ints) -> None:
        size = len(now.key)
        self.now, self.same_ppm = now, same_ppm
        self.count = np.zeros(size, dtype=np.int64)
        self.recent = np.zeros((2, size), dtype=np.int64)
        self.year = np.full(size, -1, dtype=np.int64)
        self.top = np.full((2, size), -1, dtype=np.int64)
        self.going = np.ones((3, size), dtype=np.bool_)
        self.run = np.zeros((3, size), dtype=np.int64)
        self.guessed_days = np.zeros(size, dtype=np.int64)

    def add(self, old: _Bills, there: Mask) -> None:
        """One past bill of each bill that has so many."""
        now = self.now
        there = there & (old.first + old.days <= now.first) & (old.energy >= 0) & (old.days > 0)
        per_day = np.where(there, old.energy // np.maximum(old.days, 1), -1)
        self.count += there
        self.recent += np.where(there & (self.count <= _MEAN), [old.energy, old.days], 0)
        middle = 2 * (now.first - old.first - _YEAR) + now.days - old.days
        alike = there & (np.abs(middle) <= now.days) & (2 * abs(old.days - now.days) <= now.days)
        self.year = np.where(alike & (self.year < 0), per_day, self.year)
        self.top = np.sort(np.vstack([self.top, per_day]), axis=0)[1:]
        mine = now.energy // np.maximum(now.days, 1)
        same = abs(per_day - mine) * 1000 <= mine * self.same_ppm // 1000
        self.going &= ~there | np.vstack([same, old.energy == 0, old.guessed])
        self.run += there & self.going
        self.guessed_days += np.where(there & self.going[2], old.days, 0)

    def past(self) -> Past:
        """What all of them say."""
        energy, days = self.recent
        return Past(
            self.now.days, self.now.energy, self.now.guessed,
            np.where(days > 0, energy // np.maximum(days, 1), -1), self.year,
            np.where(self.count > 1, self.top[0], -1), self.count, self.run[0], self.run[1],
            self.run[2], self.guessed_days,
        )  # fmt: skip


def comparable(past: Past, each: Each) -> dict[str, Mask]:
    """Which bills have enough in their past, and energy enough, by the name of what is compared."""
    floor = each("usage_floor_ukwh")
    known = (past.energy >= 0) & (past.days >= _SHORT)
    return {
        "usual": known & (past.usual >= 0)
        & (np.maximum(past.energy, past.usual * past.days) > floor),
        "year": known & (past.year >= 0)
        & (np.maximum(past.energy, past.year * past.days) > floor),
        "highest": known & (past.bills >= each("highest_bills")) & (past.energy > floor),
        "same": known & (past.energy > floor),
        "zero": known & (past.energy == 0),
    }  # fmt: skip


def flagged(past: Past, each: Each) -> dict[str, Mask]:
    """Which bills each threshold flags, by the name of the threshold."""
    now, use = past.each_day, comparable(past, each)
    most = np.maximum(past.highest, 0) * each("highest_pct") // 100
    return {
        "usage_high_pct": use["usual"] & (now > past.usual * each("usage_high_pct") // 100),
        "usage_low_pct": use["usual"] & (now < past.usual * each("usage_low_pct") // 100),
        "year_high_pct": use["year"] & (now > past.year * each("year_high_pct") // 100),
        "year_low_pct": use["year"] & (now < past.year * each("year_low_pct") // 100),
        "highest_pct": use["highest"] & (now >= most),
        "same_bills": use["same"] & (past.same_run + 1 >= each("same_bills")),
        "zero_bills": use["zero"] & (past.zero_run + 1 >= each("zero_bills")),
        "estimated_bills": past.guessed & (past.guessed_run + 1 >= each("estimated_bills")),
        "estimated_days": past.guessed & (past.guessed_days + past.days > each("estimated_days")),
    }
