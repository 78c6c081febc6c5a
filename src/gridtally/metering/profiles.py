"""Step 5: the shape of each metering point's week, kept for comparison with the next period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.blocks import Dense
from gridtally.metering.scan import day_columns
from gridtally.periods import zone as zone_of
from gridtally.tables import PROFILES
from gridtally.terms import Channel

__all__ = ["profiles"]

Ints = npt.NDArray[np.int64]
_DAY = 86_400
_SATURDAY = 5


def profiles(grids: Sequence[Dense], spans: pa.Table) -> pa.Table:
    """PROFILES of the import channel, from the final readings of whole days of 24 hours."""
    zones = dict(zip(spans["metering_point"].to_pylist(), spans["zone"].to_pylist(), strict=True))
    tables = [
        _profile(grid, zones[grid.points[0]])
        for grid in grids
        if grid.points and grid.channel == Channel.IMPORT and _DAY % grid.resolution_s == 0
    ]
    return pa.concat_tables([PROFILES.empty_table(), *tables])


def _profile(grid: Dense, name: str) -> pa.Table:
    zone, slots = zone_of(name), _DAY // grid.resolution_s
    cuts = day_columns(grid, zone)
    first = zone.date(grid.start_utc)
    count, sums = [0, 0], np.zeros((len(grid.points), 2, slots), dtype=np.int64)
    for begin, end, rest in _stretches(cuts, slots, first.weekday()):
        part = grid.values[:, begin:end].reshape(len(grid.points), -1, slots)
        sums[:, int(rest)] += part.sum(axis=1)
        count[int(rest)] += part.shape[1]
    if not sum(count):
        return PROFILES.empty_table()
    size = len(grid.points)
    last = zone.date(grid.end_utc - 1) + timedelta(1)
    return pa.table(
        {
            "metering_point": list(grid.points),
            "channel": pa.repeat(grid.channel, size),
            "from": pa.repeat(pa.scalar(first), size),
            "to": pa.repeat(pa.scalar(last), size),
            "resolution_s": pa.repeat(pa.scalar(grid.resolution_s, pa.int32()), size),
            "workdays": pa.repeat(count[0], size),
            "restdays": pa.repeat(count[1], size),
            "values": pa.ListArray.from_arrays(
                pa.array(np.arange(size + 1, dtype=np.int32) * 2 * slots),
                pa.array(sums.reshape(-1)),
            ),
        },
        schema=PROFILES,
    )


def _stretches(cuts: Ints, slots: int, weekday: int) -> list[tuple[int, int, bool]]:
    """Runs of whole days of 24 hours: first column, column after the last, weekend or not."""
    found: list[tuple[int, int, bool]] = []
    for day, (begin, end) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        if end - begin != slots:
            continue
        rest = (weekday + day) % 7 >= _SATURDAY
        if found and found[-1][1] == begin and found[-1][2] == rest:
            found[-1] = (found[-1][0], end, rest)
        else:
            found.append((begin, end, rest))
    return found
