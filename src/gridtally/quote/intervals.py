"""`rate` on interval readings: which metering points are alike, and their months on grids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.metering.blocks import Dense, dense, grids
from gridtally.metering.resolutions import Stretch, unfit
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import ADVANCES, empty

__all__ = ["Group", "days_of", "groups", "intervals"]


@dataclass(frozen=True, slots=True)
class Group:
    """Metering points with the same channels, on the same resolution, with the same days."""

    points: tuple[str, ...]
    channels: frozenset[str]
    resolution_s: int
    start_utc: int
    end_utc: int


def groups(blocks: pa.Table) -> Iterator[Group]:
    """The metering points of BLOCKS by what they have in common."""
    channels: dict[str, set[str]] = {}
    resolution: dict[str, int] = {}
    for channel, seconds, points in grids(blocks):
        for point in points:
            channels.setdefault(point, set()).add(channel)
            resolution[point] = max(seconds, resolution.get(point, 0))
    bounds = _bounds(blocks)
    alike_: dict[tuple[frozenset[str], int, int, int], list[str]] = {}
    for point in sorted(channels):
        alike = (frozenset(channels[point]), resolution[point], *bounds[point])
        alike_.setdefault(alike, []).append(point)
    for alike, members in alike_.items():
        yield Group(tuple(members), *alike)


def _bounds(blocks: pa.Table) -> dict[str, tuple[int, int]]:
    """First instant and first instant after the readings of each metering point. [s]"""
    start = np.asarray(blocks["start_utc"].cast(pa.int64()))
    length = np.asarray(pc.list_value_length(blocks["values"]), np.int64)
    end = start + length * np.asarray(blocks["resolution_s"])
    points = pa.table({"point": blocks["metering_point"], "start": start, "end": end})
    grouped = points.group_by("point", use_threads=False).aggregate(
        [("start", "min"), ("end", "max")]
    )
    rows = zip(
        *(grouped[name].to_pylist() for name in ("point", "start_min", "end_max")), strict=True
    )
    return {point: (low, high) for point, low, high in rows}


def days_of(group: Group, zone: str, from_: date | None, to: date | None) -> Period | None:
    """The days to bill: as given, else the whole days of the readings."""
    local = zone_of(zone)
    first, last = local.date(group.start_utc), local.date(group.end_utc)
    if local.midnight(first) < group.start_utc:
        first = date.fromordinal(first.toordinal() + 1)
    first, last = from_ or first, to or last
    if from_ and to:
        return Period(from_, to)
    return Period(first, last) if first < last else None


def intervals(
    blocks: pa.Table,
    zone: str,
    version: TariffVersion,
    stretches: Sequence[Stretch],
    spans: pa.Table,
    month: Period,
    *,
    market: Market = NO_MARKET,
) -> tuple[list[Dense], pa.Table, pa.Table]:
    """The intervals of a month, on their grids, which begin where the readings do."""
    start, end = zone_of(zone).bounds(month)
    readings = []
    wanted = {version.digest: version.wanted}
    found = [unfit(spans, stretches, wanted=wanted, market=market)]
    for channel, seconds, members in grids(blocks):
        mine = pc.and_(
            pc.equal(blocks["channel"], channel), pc.equal(blocks["resolution_s"], seconds)
        )
        first = int(pc.min(blocks["start_utc"].filter(mine)).cast(pa.int64()).as_py())
        low = start - (start - first) % seconds
        grid, more = dense(
            blocks, points=members, channel=channel, start_utc=low,
            end_utc=low - (low - end) // seconds * seconds, resolution_s=seconds,
        )  # fmt: skip
        readings.append(grid)
        found.append(more)
    return readings, empty(ADVANCES), pa.concat_tables(found)
