"""Step 8, checks of demand dials on the merged tables of a run, with whole columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.layout import integers
from gridtally.metering.scan import Ints, Row
from gridtally.metering.thresholds import Thresholds
from gridtally.metering.words import amount
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["demands"]

_MOST = 10**13
"""Powers are cut here, so that no product wraps. [10^-6 kW]"""
_LEAST = 1_000_000
"""Energy of a period below which it says nothing about a demand. [10^-6 kWh]"""


@dataclass(frozen=True, slots=True)
class _Dials:
    """Segments whose meters have a demand dial."""

    segment: list[str]
    point: list[str]
    start: Ints
    end: Ints
    demand: Ints
    """After multiplier. [10^-6 kW]"""
    energy: Ints
    """[10^-6 kWh]; -1 unknown"""
    capacity: Ints
    """[10^-6 kVA]; -1 unknown"""

    def found(
        self, code: str, severity: Severity, row: int, *, tell: str, remedy: str, **more: Any
    ) -> Row:
        """A finding on a segment."""
        return finding(
            code, severity, f"{self.point[row]}: {tell}", remedy=remedy, channel="import",
            metering_point=self.point[row], segment=self.segment[row],
            start_utc=int(self.start[row]), end_utc=int(self.end[row]), **more,
        )  # fmt: skip


def demands(
    spans: pa.Table,
    advances: pa.Table,
    used: pa.Table,
    before: pa.Table,
    *,
    thresholds: Thresholds,
    kinds: Mapping[str, str],
) -> Iterator[Row]:
    """Findings `metering.demand.*`: demand dials against energy, capacity and their last reading.

    SPANS, ADVANCES, REGISTERS_USED of the run and, in `before`, of the segments before; `kinds`:
    metering point -> customer segment.
    """
    dials = _dials(spans, advances)
    if not dials.segment:
        return
    each = thresholds.of([kinds.get(point, "") for point in dials.point])
    yield from _energy(dials)
    over = dials.demand > np.where(
        dials.capacity > 0, dials.capacity * each("capacity_pct") // 100, _MOST
    )
    for row in np.flatnonzero(over).tolist():
        yield dials.found(
            "metering.demand.capacity", Severity.WARN, row,
            tell=f"the demand dial shows {amount(dials.demand[row], 'kW')}, connected are "
            f"{amount(dials.capacity[row], 'kVA')}.",
            remedy="Check multiplier and unit of the dial, and the capacity on record.",
            direction="over",
            evidence={"demand_ukw": dials.demand[row], "capacity_ukva": dials.capacity[row]},
        )  # fmt: skip
    yield from _last(dials, used, before, each("slip_permille"))


def _dials(spans: pa.Table, advances: pa.Table) -> _Dials:
    """Of each segment with a demand dial of import: its demand, energy, capacity."""
    dials = advances.filter(pc.equal(advances["channel"], "import"))
    demand = dials.filter(pc.equal(dials["kind"], "demand"))
    top = (
        demand.group_by("segment", use_threads=False)
        .aggregate([("value", "max")])
        .sort_by("segment")
    )
    segments = top["segment"].to_pylist()
    place = pa.array(segments, pa.string())
    mine = spans.filter(pc.is_in(spans["segment"], value_set=place))
    bounds = mine.group_by("segment", use_threads=False).aggregate(
        [("metering_point", "min"), ("start_utc", "min"), ("end_utc", "max"),
         ("capacity_ukva", "max")]
    )  # fmt: skip
    at = pc.index_in(place, bounds["segment"].combine_chunks())
    bounds = bounds.take(at)
    energy = dials.filter(pc.not_equal(dials["kind"], "demand"))
    whole = pc.equal(energy["bucket"], "total")
    total, parts = (
        energy.filter(which).group_by("segment", use_threads=False).aggregate([("value", "sum")])
        for which in (whole, pc.invert(whole))
    )
    return _Dials(
        segments, bounds["metering_point_min"].to_pylist(),
        integers(bounds["start_utc_min"]), integers(bounds["end_utc_max"]),
        np.clip(integers(top["value_max"]), 0, _MOST),
        pc.fill_null(pc.coalesce(_of(total, place), _of(parts, place)), -1).to_numpy(),
        np.minimum(pc.fill_null(bounds["capacity_ukva_max"], -1).to_numpy(), _MOST),
    )  # fmt: skip


def _of(sums: pa.Table, place: pa.Array) -> pa.Array:
    at = pc.index_in(place, sums["segment"].combine_chunks())
    return sums["value_sum"].combine_chunks().take(at)


def _energy(dials: _Dials) -> Iterator[Row]:
    """A demand of nothing with energy, one without energy, one below the average power."""
    seconds = dials.end - dials.start
    average = np.maximum(dials.energy, 0) // np.maximum(seconds // 3600, 1)
    none = (dials.demand == 0) & (dials.energy > _LEAST)
    alone = (dials.demand > 0) & (dials.energy == 0)
    low = (dials.demand > 0) & (average * 100 > dials.demand * 101)
    for row in np.flatnonzero(none | alone | low).tolist():
        energy, demand = amount(dials.energy[row], "kWh"), amount(dials.demand[row], "kW")
        evidence = {"demand_ukw": dials.demand[row], "energy_ukwh": dials.energy[row]}
        if none[row]:
            yield dials.found(
                "metering.demand.zero", Severity.WARN, row,
                tell=f"the demand dial shows nothing, though {energy} were used.",
                remedy="Read the demand dial again; it may have been reset before it was read.",
                direction="under", evidence=evidence,
            )  # fmt: skip
        elif alone[row]:
            yield dials.found(
                "metering.demand.alone", Severity.WARN, row,
                tell=f"the demand dial shows {demand}, though no energy was used.",
                remedy="Check that the energy dial counts, and that the demand dial was reset.",
                direction="under", evidence=evidence,
            )  # fmt: skip
        else:
            yield dials.found(
                "metering.demand.factor", Severity.WARN, row,
                tell=f"the demand dial shows {demand}, less than the average power of "
                f"{amount(average[row], 'kW')}: a load factor above one cannot be.",
                remedy="Read the demand dial again: a slipped decimal or a wrong multiplier.",
                direction="under", evidence=evidence,
            )  # fmt: skip


def _last(dials: _Dials, used: pa.Table, before: pa.Table, close: Ints) -> Iterator[Row]:
    """Demand dials against their last reading of the period before: not reset, or slipped."""
    place = {name: row for row, name in enumerate(dials.segment)}
    old = {key: value for key, _, value in _readings(before)}
    for key, segment, now in _readings(used):
        row, last = place.get(segment), old.get(key, 0)
        if row is None or last <= 0 or now <= 0:
            continue
        meter, was, shows = key[0], *(amount(value, "").strip() for value in (last, now))
        large, small = max(now, last), min(now, last)
        if now == last:
            yield dials.found(
                "metering.demand.kept", Severity.NOTE, row,
                tell=f"the demand dial of meter {meter} shows {shows} again, to the last digit: "
                "as if it had not been reset.",
                remedy="Ask whether the dial was reset when it was last read.", direction="over",
                evidence={"reading": shows},
            )  # fmt: skip
        elif abs(large - 10 * small) * 1000 <= 10 * small * int(close[row]):
            yield dials.found(
                "metering.demand.slip", Severity.NOTE, row,
                tell=f"the demand dial of meter {meter} shows {shows}, last time {was}: about "
                f"{'ten times' if now > last else 'a tenth of'} it, as if a decimal had slipped.",
                remedy="Read the demand dial again.", direction="over" if now > last else "under",
                evidence={"reading": shows, "before": was},
            )  # fmt: skip


def _readings(used: pa.Table) -> Iterator[tuple[tuple[str, str, int], str, int]]:
    """The last reading of each demand dial: (meter, register, multiplier), segment, reading."""
    which = pc.and_(pc.equal(used["kind"], "demand"), pc.equal(used["channel"], "import"))
    mine = used.filter(which).sort_by("time_utc")
    columns = ("meter", "register", "multiplier", "segment", "reading")
    found = {}
    for meter, register, times, segment, value in zip(
        *(mine[name].to_pylist() for name in columns), strict=True
    ):
        found[(meter, register, times, segment)] = value
    for (meter, register, times, segment), value in sorted(found.items()):
        yield (meter, register, times), segment, value
