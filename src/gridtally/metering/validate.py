"""Step 3: what is missing or implausible in interval readings, as findings; values stay.

A clean grid costs a few plain passes (lowest, highest and sum of each local day); what a cheap
bound clears is never looked at again. Thresholds and their sources:
`docs/validation.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.blocks import MISSING, Dense
from gridtally.metering.words import amount, counted, lasting, runs, unit, when
from gridtally.periods import Period, Zone
from gridtally.periods import zone as zone_of
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["DEFAULTS", "Limits", "day_columns", "validate"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]

_HUGE = 1 << 52
"""Values from here on are cut before they are added up, so that no sum wraps. [10^-6 kWh]"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the checks. Sources: `docs/validation.md`."""

    missing_warn_pct: int = 10
    """Missing share of a point's intervals above which it is a warning, not a note. [%]"""
    fuse_pct: int = 100
    """Highest possible power, of the metering point's fuse. [%]"""
    power_ukw: int = 1_000_000_000_000
    """Highest possible power where no fuse is known: 1 GW. [10^-6 kW]"""
    spike_pct: int = 180
    """Spike: (highest - third highest interval of a day) / third highest, above this. [%]"""
    spike_floor_ukw: int = 5_000_000
    """Power below which a peak is never a spike. [10^-6 kW]"""
    flat_s: int = 86_400
    """Identical non-zero values over at least this long are a flat line. [s]"""
    unit_factor: int = 333
    """A day that is so many times above or below the usual looks like a wrong unit (1000 / 3)."""
    unit_floor_ukwh: int = 1_000_000
    """Usual energy of a day below which the past says nothing about units. [10^-6 kWh]"""


DEFAULTS = Limits()


@dataclass(frozen=True, slots=True)
class _Case:
    """A grid, its local days, and the thresholds of each of its points."""

    dense: Dense
    zone: Zone
    days: Ints
    limits: Sequence[Limits]
    """One per customer segment."""
    kind: Ints
    """Which of the limits a point has."""

    def each(self, name: str) -> Ints:
        """A threshold, one per point."""
        return np.array([getattr(limit, name) for limit in self.limits], dtype=np.int64)[self.kind]

    def at(self, column: int) -> int:
        """Instant at which a column begins. [s]"""
        return self.dense.start_utc + int(column) * self.dense.resolution_s

    def found(
        self, code: str, severity: Severity, row: int, tell: str, columns: tuple[int, int],
        *, remedy: str, **more: Any,
    ) -> Row:  # fmt: skip
        """A finding on columns of a row."""
        point = self.dense.points[row]
        return finding(
            f"metering.interval.{code}", severity, f"{point} {self.dense.channel}: {tell}",
            remedy=remedy, metering_point=point, channel=self.dense.channel,
            start_utc=self.at(columns[0]), end_utc=self.at(columns[1]), **more,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one pass over the grid gives, cut at `_HUGE`."""

    low: Ints
    """Lowest value of each point."""
    high: Ints
    """Highest value, shape (points, days)."""
    total: Ints
    """Energy, shape (points, days)."""


def validate(
    dense: Dense,
    *,
    zone: str,
    limits: Limits = DEFAULTS,
    segments: Sequence[str] | None = None,
    by_segment: Mapping[str, Limits] = MappingProxyType({}),
    fuse_ukw: pa.Array | None = None,
    past: pa.Array | None = None,
    totals: pa.Array | None = None,
) -> tuple[Dense, pa.Table]:
    """Check interval readings; give the same grid and findings `metering.interval.*`.

    `segments` names the customer segment of each point; those in `by_segment` have limits of
    their own. Nullable int64, one per point: `fuse_ukw` largest possible power [10^-6 kW],
    `past` usual energy of a day [10^-6 kWh], `totals` register advance over the whole grid
    [10^-6 kWh]. Bad values are kept: findings say what to do about them.
    """
    names = ["", *sorted(by_segment)]
    place = {name: number for number, name in enumerate(names)}
    kind = np.zeros(len(dense.points), dtype=np.int64)
    if segments is not None and by_segment:
        kind[:] = [place.get(name, 0) for name in segments]
    local = zone_of(zone)
    case = _Case(
        dense, local, day_columns(dense, local),
        [limits, *(by_segment[name] for name in names[1:])], kind,
    )  # fmt: skip
    scan = _scan(case)
    rows = [
        *_missing(case),
        *_negative(case, scan),
        *_above(case, scan, _filled(fuse_ukw, len(kind))),
        *_spikes(case, scan),
        *_flat(case),
        *_units(case, scan, _filled(past, len(kind))),
        *_zeros(case, scan, _filled(totals, len(kind))),
    ]
    return dense, findings_table(rows)


def day_columns(dense: Dense, zone: Zone) -> Ints:
    """First column of each local day, and the number of columns: shape (days + 1,).

    An interval belongs to the local day in which it starts.
    """
    days = Period(zone.date(dense.start_utc), zone.date(dense.end_utc - 1) + timedelta(1))
    cut = -((dense.start_utc - zone.day_bounds(days)[1:-1]) // dense.resolution_s)
    return np.unique(np.r_[0, cut, dense.values.shape[1]])


def _filled(column: pa.Array | None, size: int) -> Ints:
    """Nullable numbers with -1 where unknown."""
    if column is None:
        return np.full(size, -1, dtype=np.int64)
    filled: Ints = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return filled


def _scan(case: _Case) -> _Scan:
    values, days = case.dense.values, case.days[:-1]
    lowest = int(values.min(initial=0))
    high = np.maximum.reduceat(values, days, axis=1)
    low = values.min(axis=1) if lowest < 0 else np.zeros(len(values), dtype=np.int64)
    if lowest <= -_HUGE or high.max(initial=0) >= _HUGE:
        values = np.clip(values, -_HUGE, _HUGE)
    return _Scan(low, np.minimum(high, _HUGE), np.add.reduceat(values, days, axis=1))


# ---------------------------------------------------------------------- checks


def _missing(case: _Case) -> Iterator[Row]:
    """Gaps, one finding per point with its runs."""
    quality = case.dense.quality
    if quality.size == 0 or quality.min() != MISSING:
        return
    rows = np.flatnonzero(quality.min(axis=1) == MISSING)
    place, start, end = runs(quality[rows] == MISSING)
    cuts = np.searchsorted(place, np.arange(len(rows) + 1)).tolist()
    counts = np.add.reduceat(end - start, cuts[:-1]).tolist()
    warn, width = (
        (case.each("missing_warn_pct")[rows] * quality.shape[1]).tolist(),
        quality.shape[1],
    )
    begins, sizes, step = start.tolist(), (end - start).tolist(), case.dense.resolution_s
    for row, count, over, low, high in zip(
        rows.tolist(), counts, warn, cuts[:-1], cuts[1:], strict=True
    ):
        longest = max(sizes[low:high])
        at = case.at(begins[low + sizes[low:high].index(longest)])
        gaps = "a gap" if high - low == 1 else f"{high - low} gaps, the longest"
        tell = (
            f"missing: {count} of {width} intervals, {gaps} of {lasting(longest * step)} "
            f"from {when(case.zone, at)} on."
        )
        if count == width:
            tell = f"missing: all {width} intervals."
        first = zip(begins[low:high][:5], sizes[low:high][:5], strict=True)
        yield case.found(
            "missing", Severity.WARN if count * 100 > over else Severity.NOTE, row, tell,
            (begins[low], begins[high - 1] + sizes[high - 1]),
            remedy="Ask for the missing readings; until they arrive they are estimated.",
            count=count, evidence={
                "gaps": high - low, "longest_s": longest * step,
                "first": " ".join(f"{case.at(begin)}+{size}" for begin, size in first),
            },
        )  # fmt: skip


def _negative(case: _Case, scan: _Scan) -> Iterator[Row]:
    """Each channel has one direction: a negative value is impossible."""
    for row in np.flatnonzero(scan.low < 0).tolist():
        columns = np.flatnonzero(case.dense.values[row] < 0)
        lowest = int(scan.low[row])
        name = unit(case.dense.channel)
        yield case.found(
            "negative", Severity.HOLD, row,
            f"below zero: {counted(len(columns), 'interval')}, the lowest {amount(lowest, name)}.",
            (columns[0], columns[-1] + 1),
            remedy="Ask the sender for corrected readings, or whether the channel is a net one.",
            count=len(columns), must_hold=True, evidence={"lowest_ukwh": lowest},
        )  # fmt: skip


def _above(case: _Case, scan: _Scan, fuse: Ints) -> Iterator[Row]:
    """More energy than the connection can carry."""
    fuse = np.minimum(fuse, 10**13)
    power = np.where(fuse >= 0, fuse * case.each("fuse_pct") // 100, case.each("power_ukw"))
    bound = power * case.dense.resolution_s // 3600
    for row in np.flatnonzero(scan.high.max(axis=1, initial=0) > bound).tolist():
        columns = np.flatnonzero(case.dense.values[row] > bound[row])
        peak = int(columns[case.dense.values[row, columns].argmax()])
        highest, name = int(case.dense.values[row, peak]), unit(case.dense.channel)
        what = "the fuse allows" if fuse[row] >= 0 else "any connection carries"
        yield case.found(
            "limit", Severity.HOLD, row,
            f"above the {amount(bound[row], name)} that {what}: "
            f"{counted(len(columns), 'interval')}, the highest {amount(highest, name)} "
            f"at {when(case.zone, case.at(peak))}.",
            (columns[0], columns[-1] + 1),
            remedy="Check unit, multiplier and fuse rating; ask the sender for corrected readings.",
            count=len(columns), must_hold=True, direction="over",
            evidence={"highest_ukwh": highest, "limit_ukwh": bound[row]},
        )  # fmt: skip


def _spikes(case: _Case, scan: _Scan) -> Iterator[Row]:
    """The highest interval of a day far above the third highest (California's rule)."""
    floor = case.each("spike_floor_ukw") * case.dense.resolution_s // 3600
    ratio = case.each("spike_pct")
    # The third highest is at least the mean of all but the two highest.
    rest = np.maximum(scan.total - 2 * scan.high, 0) // np.maximum(np.diff(case.days) - 2, 1)
    maybe = (scan.high > floor[:, None]) & _far(scan.high, rest, ratio[:, None])
    worst: dict[int, list[tuple[int, int, int]]] = {}
    for day in np.flatnonzero(maybe.any(axis=0)).tolist():
        begin, end = int(case.days[day]), int(case.days[day + 1])
        rows = np.flatnonzero(maybe[:, day])
        there = (case.dense.quality[rows, begin:end] > MISSING).sum(axis=1)
        rows = rows[(there >= 3) & (2 * there >= end - begin)]
        if not len(rows):
            continue
        third = np.partition(case.dense.values[rows, begin:end], -3, axis=1)[:, -3]
        first, third = scan.high[rows, day], np.clip(third, 0, _HUGE)
        for i in np.flatnonzero(_far(first, third, ratio[rows])).tolist():
            worst.setdefault(int(rows[i]), []).append((int(first[i]), day, int(third[i])))
    name = unit(case.dense.channel)
    for row in sorted(worst):
        peak, day, rest = max(worst[row])
        begin, end = int(case.days[day]), int(case.days[day + 1])
        column = begin + int(case.dense.values[row, begin:end].argmax())
        yield case.found(
            "spike", Severity.WARN, row,
            f"{amount(peak, name)} at {when(case.zone, case.at(column))} stands out: the third "
            f"highest interval of that day is {amount(rest, name)}.",
            (column, column + 1),
            remedy="Look at the day; if the value is wrong, ask the sender for a corrected one.",
            count=len(worst[row]), direction="over",
            evidence={"peak1_ukwh": peak, "peak3_ukwh": rest, "days": len(worst[row])},
        )  # fmt: skip


def _far(first: Ints, third: Ints, percent: Ints) -> Mask:
    return (first - third) > third * percent // 100


def _flat(case: _Case) -> Iterator[Row]:
    """Long runs of one value that is not zero: a stuck meter, or a hidden estimate."""
    values, width = case.dense.values, case.dense.values.shape[1]
    least = np.maximum(case.each("flat_s") // case.dense.resolution_s, 3)
    rows = _perhaps_flat(values, int(least.min(initial=width + 1)))
    if not len(rows):
        return
    part = values[rows]
    same = (part[:, 1:] == part[:, :-1]) & (part[:, 1:] != 0)
    place, start, end = runs(same)
    size = end - start + 1
    long = size >= least[rows[place]]
    place, start, size = place[long], start[long], size[long]
    for i in np.unique(place):
        mine = np.flatnonzero(place == i)
        at = mine[size[mine].argmax()]
        row, begin, length = int(rows[i]), int(start[at]), int(size[at])
        value = int(values[row, begin])
        yield case.found(
            "flat", Severity.WARN, row,
            f"the same {amount(value, unit(case.dense.channel))} in {length} intervals from "
            f"{when(case.zone, case.at(begin))} on.",
            (begin, begin + length),
            remedy="Check whether the meter is stuck or the values are estimates.",
            count=int(size[mine].sum()),
            evidence={"value_ukwh": value, "runs": len(mine), "longest": length},
        )  # fmt: skip


def _perhaps_flat(values: Ints, least: int) -> Ints:
    """Rows that may have `least` identical values in a row; no such row is left out.

    So long a run covers two neighbouring columns of every (least // 2)-th, and all between.
    """
    step = least // 2
    if values.shape[1] < least:
        return np.zeros(0, dtype=np.int64)
    probe = values[:, ::step]
    row, column = np.nonzero((probe[:, 1:] == probe[:, :-1]) & (probe[:, 1:] != 0))
    for cut in (step // 2, step // 4, step // 4 + step // 2, 1):
        alike = values[row, column * step + cut] == values[row, column * step]
        row, column = row[alike], column[alike]
    return np.unique(row)


def _units(case: _Case, scan: _Scan, past: Ints) -> Iterator[Row]:
    """A day about a thousand times above or below the usual: kWh sent as Wh, or as MWh."""
    factor, floor = case.each("unit_factor"), case.each("unit_floor_ukwh")
    rows = np.flatnonzero((past >= floor) & (past > 0))
    if not len(rows):
        return
    usual, times = past[rows, None], factor[rows, None]
    over = scan.total[rows] // times >= usual
    under = (scan.total[rows] > 0) & (scan.total[rows] <= usual // times)
    for days, word, direction in ((over, "1000 times", "over"), (under, "1/1000 of", "under")):
        for i in np.flatnonzero(days.any(axis=1)).tolist():
            row, hit = int(rows[i]), np.flatnonzero(days[i])
            if direction == "under":
                hit = hit[_lasting(case, row)[hit]]
            if len(hit):
                yield _unit(case, row, hit, (scan, int(past[row])), word, direction)


def _lasting(case: _Case, row: int) -> Mask:
    """Days without a gap that have energy in at least half of their intervals.

    A wrong unit makes every value small; the sun makes most of them zero.
    """
    whole = np.minimum.reduceat(case.dense.quality[row], case.days[:-1]) > MISSING
    used = np.add.reduceat(case.dense.values[row] > 0, case.days[:-1], dtype=np.int64)
    lasting: Mask = whole & (2 * used >= np.diff(case.days))
    return lasting


def _unit(
    case: _Case, row: int, hit: Ints, energy: tuple[_Scan, int], word: str, direction: str
) -> Row:
    scan, usual = energy
    begin, end = int(case.days[hit[0]]), int(case.days[hit[-1] + 1])
    day, name = int(scan.total[row, hit[0]]), unit(case.dense.channel)
    return case.found(
        "unit", Severity.HOLD, row,
        f"about {word} the usual {amount(usual, name)} a day: {counted(len(hit), 'day')}, "
        f"{when(case.zone, case.at(begin))[:10]} with {amount(day, name)}.",
        (begin, end),
        remedy="Ask the sender for the unit (Wh, kWh or MWh); values are never rescaled.",
        count=len(hit), must_hold=True, direction=direction,
        evidence={"day_ukwh": day, "usual_ukwh": usual},
    )  # fmt: skip


def _zeros(case: _Case, scan: _Scan, totals: Ints) -> Iterator[Row]:
    """All intervals zero although the register moved."""
    still = (scan.high.max(axis=1, initial=0) == 0) & (scan.low == 0)
    for row in np.flatnonzero(still & (totals > 0)).tolist():
        if case.dense.quality[row].max() == MISSING:
            continue
        moved = amount(totals[row], unit(case.dense.channel))
        yield case.found(
            "zero", Severity.HOLD, row,
            f"all intervals are zero, but the register advanced by {moved}.",
            (0, case.dense.values.shape[1]),
            remedy="Check the meter's interval channel; bill from the register until it is right.",
            count=case.dense.values.shape[1], must_hold=True, direction="under",
            evidence={"register_ukwh": totals[row], "interval_ukwh": 0},
        )  # fmt: skip
