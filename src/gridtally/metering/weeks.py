"""Step 8: PROFILES of this period beside those of the period before, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import layout
from gridtally.metering.scan import Ints, Mask, Row
from gridtally.periods import zone as zone_of
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["HOURS", "SHARE", "Days", "Weeks", "weeks"]

Shares = npt.NDArray[np.int32]
HOURS, SHARE = 24, 100_000
_LOADS = {"ev", "heatpump"}
_AT_ONCE = 8192
"""Points whose profiles are in memory one by one; of the others only what is compared."""


@dataclass(frozen=True, slots=True)
class Days:
    """The mean day of points with one length of slot."""

    rows: Ints
    now: Shares
    """Each slot's share of the day, shape (points, slots). [10^-5]"""
    old: Shares


@dataclass(frozen=True, slots=True)
class Weeks:
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
    days: dict[int, Days]
    """By length of slot."""

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


def weeks(now: pa.Table, before: pa.Table, points: pa.Table) -> Weeks:
    """What both periods have, in order of slot length and point; the last past profile counts."""
    parts: list[tuple[pa.Table, Ints, Ints]] = []
    days: dict[int, Days] = {}
    row = 0
    for step in sorted(set(now["resolution_s"].to_pylist())):
        if 3600 % step:
            continue
        mine, theirs = _alike(now, before, step)
        if not len(mine):
            continue
        (one, shape), (other, past) = _shapes(now, mine, step), _shapes(before, theirs, step)
        days[step] = Days(np.arange(row, row + len(mine)), shape, past)
        parts.append((now.select(_NAMES).take(pa.array(mine)), one, other))
        row += len(mine)
    nothing = (now.select(_NAMES).slice(0, 0), *[np.zeros((0, 2 * HOURS), np.int64)] * 2)
    tables, present, old = zip(nothing, *parts, strict=True)
    table = pa.concat_tables(tables)
    at = pc.index_in(table["metering_point"], points["metering_point"].combine_chunks())
    where = points.select(["region", "zone", "features"]).take(at)
    loads = [bool(_LOADS & set((text or "").split())) for text in where["features"].to_pylist()]
    return Weeks(
        table["metering_point"].to_pylist(), [text or "" for text in where["region"].to_pylist()],
        [text or "UTC" for text in where["zone"].to_pylist()], np.array(loads, dtype=np.bool_),
        table["from"].to_pylist(), table["to"].to_pylist(),
        layout.integers(table["resolution_s"]), np.concatenate(present), np.concatenate(old), days,
    )  # fmt: skip


_NAMES = ["metering_point", "from", "to", "resolution_s"]


def _alike(now: pa.Table, before: pa.Table, step: int) -> tuple[Ints, Ints]:
    """Rows of one slot length, one a point in order of the points that both periods have."""
    sides = []
    for table in (now, before):
        keys = table.select(["metering_point", "to"])
        keys = keys.append_column("row", pa.array(np.arange(table.num_rows)))
        whole = pc.and_(pc.equal(table["resolution_s"], step), pc.greater(table["workdays"], 0))
        part = keys.filter(whole).sort_by([("metering_point", "ascending"), ("to", "ascending")])
        names = layout.text(part["metering_point"])
        other = pc.not_equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)
        sides.append(part.filter(pa.array(np.append(other, True)[: len(names)])))
    mine, theirs = sides
    at = pc.index_in(mine["metering_point"], theirs["metering_point"].combine_chunks())
    rows = layout.integers(theirs["row"].take(pc.drop_null(at)))
    return layout.integers(mine["row"].filter(pc.is_valid(at))), rows


def _shapes(table: pa.Table, rows: Ints, step: int) -> tuple[Ints, Shares]:
    """Mean hours of workdays and days of rest, and shares of the mean day, of some profiles."""
    slots = 86_400 // step
    hours = np.zeros((len(rows), 2 * HOURS), dtype=np.int64)
    shares = np.zeros((len(rows), slots), dtype=np.int32)
    counts = [layout.integers(table[name])[rows] for name in ("workdays", "restdays")]
    count = np.maximum(np.stack(counts, axis=1), 1)[:, :, None]
    for part, values in _values(table, rows, 2 * slots):
        mean = values.reshape(-1, 2, slots) // count[part]
        hours[part] = mean.reshape(len(mean), 2 * HOURS, -1).sum(axis=2)
        day = (5 * mean[:, 0] + 2 * mean[:, 1]) // 7
        total = np.maximum(day.sum(axis=1, keepdims=True), 1)
        shares[part] = np.clip(day, 0, 1 << 46) * SHARE // total
    return hours, shares


def _values(table: pa.Table, rows: Ints, size: int) -> Iterator[tuple[slice, Ints]]:
    """The lists of some rows as matrices, a few thousand at once; nothing else is copied."""
    loads = [layout.load(chunk).values for chunk in table["values"].chunks]
    number, first, _ = layout.bounds(table["values"])
    for begin in range(0, len(rows), _AT_ONCE):
        mine = rows[begin : begin + _AT_ONCE]
        found = np.empty((len(mine), size), dtype=np.int64)
        for chunk in np.unique(number[mine]).tolist():
            which = np.flatnonzero(number[mine] == chunk)
            found[which] = loads[chunk][first[mine[which]][:, None] + np.arange(size)]
        yield slice(begin, begin + len(mine)), found
