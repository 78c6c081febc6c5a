"""Step 5: intervals and registers of one metering point against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.blocks import MISSING, Dense
from gridtally.metering.layout import integers
from gridtally.metering.words import amount, unit
from gridtally.money import MICRO
from gridtally.tables import finding, findings_table
from gridtally.terms import LegalSource, Severity

__all__ = ["check_sums", "totals"]

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

_WHOLE = "total"
_PER_MILLE = 5
"""Tolerance: 0.5 % of the advance, or 1 kWh x multiplier (TariffKit; docs/registers.md)."""
_HOLD_PERCENT = 5
"""A larger difference is no inaccuracy of either meter."""


@dataclass(slots=True)
class _Advance:
    """What the registers of a segment give for one channel, and between which instants."""

    segment: str
    point: str
    start: int
    end: int
    legal: str
    whole: int | None = None
    parts: int = 0
    opening: int | None = None
    closing: int | None = None
    multiplier: int = MICRO

    @property
    def energy(self) -> int:
        """The dial of all buckets, or if there is none the sum of the others. [10^-6 kWh]"""
        return self.parts if self.whole is None else self.whole

    @property
    def exact(self) -> bool:
        """Whether the readings were taken at the very bounds of the segment."""
        return (self.opening, self.closing) == (self.start, self.end)


def _advances(
    channel: str, advances: pa.Table, spans: pa.Table, used: pa.Table | None
) -> list[_Advance]:
    """Cumulative advances of a channel by segment; without `used`, as if read at the bounds."""
    keys = ["segment", "metering_point", "start_utc", "end_utc", "legal_source"]
    bounds: dict[str, _Advance] = {}
    for name, point, start, end, legal in zip(
        *(spans[key].to_pylist() for key in keys), strict=True
    ):
        known = bounds.setdefault(name, _Advance(name, point, start, end, legal))
        known.start, known.end = min(known.start, start), max(known.end, end)
    found: dict[str, _Advance] = {}
    mine = _cumulative(advances, channel)
    for name, bucket, value in zip(
        *(mine[key].to_pylist() for key in ("segment", "bucket", "value")), strict=True
    ):
        row = found.setdefault(name, bounds[name])
        if bucket == _WHOLE:
            row.whole = (row.whole or 0) + value
        else:
            row.parts += value
    if used is None:
        for row in found.values():
            row.opening, row.closing = row.start, row.end
        return list(found.values())
    mine = _cumulative(used, channel)
    columns = (mine["segment"].to_pylist(), integers(mine["time_utc"]).tolist())
    for name, time, multiplier in zip(*columns, mine["multiplier"].to_pylist(), strict=True):
        row = found[name]
        row.opening = min(time, time if row.opening is None else row.opening)
        row.closing = max(time, time if row.closing is None else row.closing)
        row.multiplier = max(row.multiplier, multiplier)
    return list(found.values())


def _cumulative(table: pa.Table, channel: str) -> pa.Table:
    cumulative = pc.equal(table["kind"], "cumulative")
    return table.filter(pc.and_(cumulative, pc.equal(table["channel"], channel)))


def totals(
    dense: Dense, advances: pa.Table, *, spans: pa.Table, used: pa.Table | None = None
) -> pa.Array:
    """Register advance of each point over exactly the whole grid, for `estimate`.

    Nullable int64 [10^-6 kWh or kvarh]: null unless the segments of the point tile the grid and
    each was read at its very bounds (`used`: REGISTERS_USED; without it, taken to be so).
    """
    energy: dict[str, int] = {}
    reach: dict[str, int] = {}
    rows = _advances(dense.channel, advances, spans, used)
    for row in sorted(rows, key=lambda row: row.start):
        if row.exact and reach.get(row.point, dense.start_utc) == row.start:
            reach[row.point] = row.end
            energy[row.point] = energy.get(row.point, 0) + row.energy
    full = (energy[p] if reach.get(p) == dense.end_utc else None for p in dense.points)
    return pa.array(full, pa.int64())


def check_sums(
    dense: Dense, advances: pa.Table, *, spans: pa.Table, used: pa.Table | None = None
) -> pa.Table:
    """Intervals against registers: findings `metering.register.sum`.

    The sum of the intervals between the instants of the readings must agree with the advance
    within 0.5 % or 1 kWh x multiplier, whichever is larger, and what the intervals hold in which
    a reading was taken. Beyond 5 % it holds. Stretches with gaps, or beyond the grid, are passed
    over. `used` (REGISTERS_USED) tells instants and multipliers; without it the readings are
    taken to be at the bounds, with multiplier 1.
    """
    rows = _advances(dense.channel, advances, spans, used)
    place = {point: number for number, point in enumerate(dense.points)}
    rows = [row for row in rows if row.point in place and row.opening is not None]
    found = [row for group in _by_columns(dense, rows) for row in _compared(dense, place, *group)]
    return findings_table(sorted(found, key=lambda row: str(row["segment"])))


def _by_columns(dense: Dense, rows: list[_Advance]) -> Iterator[tuple[int, int, list[_Advance]]]:
    """Rows whose readings lie in the same columns: first whole one, the one after, rows."""
    step = dense.resolution_s
    groups: dict[tuple[int, int], list[_Advance]] = {}
    for row in rows:
        assert row.opening is not None
        assert row.closing is not None
        key = (row.opening - dense.start_utc, row.closing - dense.start_utc)
        groups.setdefault(key, []).append(row)
    for (opening, closing), group in groups.items():
        if 0 <= opening < closing <= dense.values.shape[1] * step:
            yield opening, closing, group


def _compared(
    dense: Dense, place: dict[str, int], opening: int, closing: int, rows: list[_Advance]
) -> Iterator[Row]:
    step, lines = dense.resolution_s, np.array([place[row.point] for row in rows])
    outer = slice(opening // step, -(-closing // step))
    inner = slice(-(-opening // step), closing // step)
    whole = dense.quality[lines, outer].min(axis=1) > MISSING
    sums = dense.values[lines, inner].sum(axis=1)
    edges = dense.values[lines, outer].sum(axis=1) - sums
    for row, good, energy, edge in zip(
        rows, whole.tolist(), sums.tolist(), edges.tolist(), strict=True
    ):
        tolerance = max(row.energy * _PER_MILLE // 1000, row.multiplier) + max(edge, 0)
        if good and abs(energy - row.energy) > tolerance:
            yield _differs(dense, row, energy, tolerance)


def _differs(dense: Dense, row: _Advance, energy: int, tolerance: int) -> Row:
    gap, name = abs(energy - row.energy), unit(dense.channel)
    hold = gap * 100 > row.energy * _HOLD_PERCENT
    more = (energy > row.energy) == (row.legal == LegalSource.INTERVAL)
    return finding(
        "metering.register.sum", Severity.HOLD if hold else Severity.WARN,
        f"{row.point} {dense.channel}: the intervals add up to {amount(energy, name)}, the "
        f"registers advanced by {amount(row.energy, name)}; they may differ by "
        f"{amount(tolerance, name)}.",
        remedy="Check multiplier, readings and gaps of both before the bill leaves.",
        must_hold=hold, segment=row.segment, metering_point=row.point, channel=dense.channel,
        start_utc=row.opening, end_utc=row.closing, direction="over" if more else "under",
        evidence={"interval_ukwh": energy, "register_ukwh": row.energy,
                  "tolerance_ukwh": tolerance, "multiplier_e6": row.multiplier},
    )  # fmt: skip
