"""Step 3: one pass over a grid: what the checks of each local day go by.

A clean grid costs a few plain passes (highest, sum, profile); what a cheap bound clears is never
looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.metering.blocks import MISSING, Dense
from gridtally.metering.thresholds import Each
from gridtally.periods import Period, Zone
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["HUGE", "Case", "Ints", "Mask", "Row", "Scan", "day_columns", "scan"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]

HUGE = 1 << 52
"""Values from here on are cut before they are added up, so that no sum wraps. [10^-6 kWh]"""


@dataclass(frozen=True, slots=True)
class Case:
    """A grid, its local days, and the thresholds of each of its points."""

    dense: Dense
    zone: Zone
    days: Ints
    """First column of each local day, and the number of columns: shape (days + 1,)."""
    each: Each

    def at(self, column: int) -> int:
        """Instant at which a column begins. [s]"""
        return self.dense.start_utc + int(column) * self.dense.resolution_s

    def found(
        self, code: str, severity: Severity, row: int, *, tell: str, columns: tuple[int, int],
        remedy: str, **more: Any,
    ) -> Row:  # fmt: skip
        """A finding on columns of a row."""
        point = self.dense.points[row]
        return finding(
            code, severity, f"{point} {self.dense.channel}: {tell}",
            remedy=remedy, metering_point=point, channel=self.dense.channel,
            start_utc=self.at(columns[0]), end_utc=self.at(columns[1]), **more,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over the grid gives, cut at `HUGE`."""

    low: Ints
    """Lowest value of each point; 0 where none is below zero."""
    high: Ints
    """Highest value, shape (points, days)."""
    total: Ints
    """Energy, shape (points, days)."""
    whole: Mask
    """Days without a gap, shape (points, days)."""


def scan(case: Case) -> Scan:
    """Lowest value of each point, highest and sum of each of its local days."""
    values, days = case.dense.values, case.days[:-1]
    lowest = int(values.min(initial=0))
    high = np.maximum.reduceat(values, days, axis=1)
    low = values.min(axis=1) if lowest < 0 else np.zeros(len(values), dtype=np.int64)
    if lowest <= -HUGE or high.max(initial=0) >= HUGE:
        values = np.clip(values, -HUGE, HUGE)
    whole = np.ones(high.shape, dtype=np.bool_)
    if case.dense.quality.min(initial=MISSING + 1) == MISSING:
        whole = np.minimum.reduceat(case.dense.quality, days, axis=1) > MISSING
    return Scan(low, np.minimum(high, HUGE), np.add.reduceat(values, days, axis=1), whole)


def day_columns(dense: Dense, zone: Zone) -> Ints:
    """First column of each local day, and the number of columns: shape (days + 1,).

    An interval belongs to the local day in which it starts.
    """
    days = Period(zone.date(dense.start_utc), zone.date(dense.end_utc - 1) + timedelta(1))
    cut = -((dense.start_utc - zone.day_bounds(days)[1:-1]) // dense.resolution_s)
    return np.unique(np.r_[0, cut, dense.values.shape[1]])
