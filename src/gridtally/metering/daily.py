"""Step 5: energy per local day of every point and channel, for the audit and the charts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from gridtally.metering.blocks import ESTIMATED, Dense
from gridtally.periods import Period, zone
from gridtally.tables import DAILY

__all__ = ["daily"]


def daily(dense_: Sequence[Dense], spans: pa.Table) -> pa.Table:
    """Energy per local day of every point and channel (DAILY)."""
    zones = dict(zip(spans["metering_point"].to_pylist(), spans["zone"].to_pylist(), strict=True))
    tables = [_days_of(grid, zones[grid.points[0]]) for grid in dense_ if grid.points]
    kept = [table for table in tables if table.num_rows]
    return pa.concat_tables(kept) if kept else DAILY.empty_table()


def _days_of(grid: Dense, name: str) -> pa.Table:
    place = zone(name)
    first, last = place.date(grid.start_utc), place.date(grid.end_utc - 1)
    period = Period(first, last + timedelta(1))
    cuts = np.maximum(place.day_bounds(period)[:-1] - grid.start_utc, 0) // grid.resolution_s
    sums = np.add.reduceat(grid.values, cuts, axis=1)
    guessed = grid.quality == ESTIMATED
    estimated = np.zeros_like(sums)
    rows = np.flatnonzero(guessed.any(axis=1))
    estimated[rows] = np.add.reduceat(np.where(guessed[rows], grid.values[rows], 0), cuts, axis=1)
    points, days = sums.shape
    start = (first - date(1970, 1, 1)).days
    columns: dict[str, Any] = {
        "metering_point": pa.array(grid.points).take(pa.array(np.repeat(np.arange(points), days))),
        "channel": pa.repeat(grid.channel, points * days),
        "day": pa.array(np.tile(np.arange(start, start + days, dtype=np.int32), points)).cast(
            pa.date32()
        ),
        "ukwh": pa.array(sums.reshape(-1)),
        "estimated_ukwh": pa.array(estimated.reshape(-1)),
    }
    return pa.Table.from_arrays([columns[key] for key in DAILY.names], schema=DAILY)
