"""Step 3: the channels of one metering point against each other, and against its connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.scan import Ints, Mask, Row
from gridtally.metering.validate import Judged
from gridtally.metering.words import amount, counted
from gridtally.money import number
from gridtally.tables import finding, findings_table
from gridtally.terms import Channel, Severity

__all__ = ["channels"]

_NIGHT_S = 4 * 3600
"""Midnight to four: dark wherever people live, but for the far north in summer."""
_MOST = 10**13
"""Capacities are cut here, so that no product wraps. [10^-6 kVA]"""


@dataclass(frozen=True, slots=True)
class _Side:
    """One channel of all points of a window."""

    total: Ints
    """Energy, shape (points, days)."""
    whole: Mask
    """Days without a gap."""
    night: Ints
    """Energy between midnight and four, shape (points,)."""


@dataclass(frozen=True, slots=True)
class _Street:
    """All channels of the points of one window."""

    points: Sequence[str]
    seconds: Ints
    """Length of each day."""
    start: int
    sides: dict[str, _Side]
    limits: dict[str, Ints]
    capacity: Ints
    """[10^-6 kVA]; -1 unknown"""
    pv: Mask

    def found(
        self, code: str, severity: Severity, row: int, *, tell: str, channel: str, remedy: str,
        **more: Any,
    ) -> Row:  # fmt: skip
        """A finding on the whole window of a point."""
        end = self.start + int(self.seconds.sum())
        return finding(
            code, severity, f"{self.points[row]}: {tell}", remedy=remedy,
            metering_point=self.points[row], channel=channel, start_utc=self.start, end_utc=end,
            **more,
        )  # fmt: skip


def channels(judged: Sequence[Judged], *, spans: pa.Table, points: pa.Table) -> pa.Table:
    """Findings on the grids of one window: `metering.reactive.*`, `.power.*`, `.export.*`.

    `spans` SPANS for the connected capacity, `points` METERING_POINTS for fuse and features.
    """
    if not judged:
        return findings_table([])
    street = _street(judged, spans, points)
    return findings_table(
        [*_alone(street), *_factor(street), *_apparent(street), *_night(street), *_sun(street)]
    )


def _street(judged: Sequence[Judged], spans: pa.Table, points: pa.Table) -> _Street:
    names = sorted({point for one in judged for point in one.case.dense.points})
    place = {point: number for number, point in enumerate(names)}
    first = judged[0].case
    size, days = len(names), len(first.days) - 1
    wanted = ("reactive_floor_ukvarh", "power_factor_permille", "capacity_pct", "night_permille",
              "night_floor_ukwh", "sun_hours")  # fmt: skip
    limits = {name: np.zeros(size, dtype=np.int64) for name in wanted}
    sides: dict[str, _Side] = {}
    for one in judged:
        dense = one.case.dense
        side = sides.setdefault(
            dense.channel,
            _Side(np.zeros((size, days), np.int64), np.zeros((size, days), np.bool_),
                  np.zeros(size, np.int64)),
        )  # fmt: skip
        rows = np.array([place[point] for point in dense.points], dtype=np.int64)
        side.total[rows] = one.scan.total
        side.whole[rows] = one.scan.whole
        if dense.channel == Channel.EXPORT:
            side.night[rows] = _at_night(one)
        for name in wanted:
            limits[name][rows] = one.case.each(name)
    features = _column(points, "features", names)
    return _Street(
        names, np.diff(first.days) * first.dense.resolution_s, first.dense.start_utc, sides,
        limits, _capacity(spans, points, names),
        np.array(["pv" in (f or "").split() and "battery" not in (f or "").split()
                  for f in features], dtype=np.bool_),
    )  # fmt: skip


def _at_night(one: Judged) -> Ints:
    dense = one.case.dense
    start = dense.start_utc + np.arange(dense.values.shape[1]) * dense.resolution_s
    local = one.case.zone.to_local(start) % 86_400
    night: Ints = dense.values[:, local + dense.resolution_s <= _NIGHT_S].sum(axis=1)
    return night


def _capacity(spans: pa.Table, points: pa.Table, names: Sequence[str]) -> Ints:
    """The largest capacity of the spans of each point, else its fuse; -1 where unknown."""
    known = spans.group_by("metering_point", use_threads=False).aggregate(
        [("capacity_ukva", "max")]
    )
    of = dict(zip(*(known[n].to_pylist() for n in ("metering_point", "capacity_ukva_max")),
                  strict=True))  # fmt: skip
    fuses = _column(points, "fuse_ukw", names)
    both = (of.get(name) or fuse for name, fuse in zip(names, fuses, strict=True))
    return np.array([-1 if one is None else min(one, _MOST) for one in both], dtype=np.int64)


def _column(points: pa.Table, column: str, names: Sequence[str]) -> list[Any]:
    if column not in points.column_names:
        return [None] * len(names)
    at = pc.index_in(pa.array(names, pa.string()), points["metering_point"].combine_chunks())
    found: list[Any] = points[column].combine_chunks().take(at).to_pylist()
    return found


# ------------------------------------------------------------------- reactive


def _reactive(street: _Street) -> _Side | None:
    """Lagging and leading reactive energy together; None where no point has any."""
    parts = [street.sides[n] for n in (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT)
             if n in street.sides]  # fmt: skip
    if not parts:
        return None
    total = np.sum([np.maximum(part.total, 0) for part in parts], axis=0)
    return _Side(total, np.any([part.whole for part in parts], axis=0), parts[0].night)


def _alone(street: _Street) -> Iterator[Row]:
    """Reactive energy on days on which no active energy flowed at all."""
    reactive, active = _reactive(street), street.sides.get(Channel.IMPORT)
    if reactive is None or active is None:
        return
    none = active.whole & (active.total == 0)
    if (back := street.sides.get(Channel.EXPORT)) is not None:
        none &= back.total == 0
    days = none & (reactive.total > street.limits["reactive_floor_ukvarh"][:, None])
    for row in np.flatnonzero(days.any(axis=1)).tolist():
        count = int(days[row].sum())
        energy = int(reactive.total[row, days[row]].sum())
        yield street.found(
            "metering.reactive.alone", Severity.WARN, row,
            tell=f"{amount(energy, 'kvarh')} of reactive energy on {counted(count, 'day')} "
            "without any active energy.",
            channel=Channel.REACTIVE_IMPORT, direction="under",
            remedy="Check that the active channel counts, and that the channels are not mixed up.",
            count=count, evidence={"reactive_ukvarh": energy, "days": count},
        )  # fmt: skip


def _factor(street: _Street) -> Iterator[Row]:
    """A power factor over the period that hardly any load has."""
    reactive, active = _reactive(street), street.sides.get(Channel.IMPORT)
    if reactive is None or active is None:
        return
    both = reactive.whole & active.whole
    q, p = (np.where(both, side.total, 0).sum(axis=1) for side in (reactive, active))
    least = street.limits["power_factor_permille"]
    enough = (q > street.limits["reactive_floor_ukvarh"] * both.sum(axis=1)) & (p > 0)
    for row in np.flatnonzero(enough & ((least > 707) | (q > p))).tolist():
        one, other, bound = int(p[row]), int(q[row]), int(least[row])
        if one * one * 10**6 < bound * bound * (one * one + other * other):
            yield street.found(
                "metering.reactive.factor", Severity.WARN, row,
                tell=f"{amount(other, 'kvarh')} of reactive energy with {amount(one, 'kWh')} of "
                f"active: a power factor below {number(Decimal(bound).scaleb(-3))}.",
                channel=Channel.REACTIVE_IMPORT, direction="over",
                remedy="Check multiplier and unit of the reactive channel, and which is which.",
                evidence={"active_ukwh": one, "reactive_ukvarh": other, "bound_permille": bound},
            )  # fmt: skip


def _apparent(street: _Street) -> Iterator[Row]:
    """More apparent energy on a day than the connected capacity gives in its hours."""
    active = street.sides.get(Channel.IMPORT)
    if active is None:
        return
    reactive = _reactive(street)
    p = np.maximum(active.total, 0)
    q = np.zeros_like(p) if reactive is None else reactive.total
    seconds, percent = street.seconds[None, :], street.limits["capacity_pct"][:, None]
    bound = street.capacity[:, None] * percent // 100 * seconds // 3600
    maybe = (street.capacity[:, None] > 0) & (p + q > bound)
    for row in np.flatnonzero(maybe.any(axis=1)).tolist():
        hit = [
            day for day in np.flatnonzero(maybe[row]).tolist()
            if int(p[row, day]) ** 2 + int(q[row, day]) ** 2 > int(bound[row, day]) ** 2
        ]  # fmt: skip
        if hit:
            most = max(hit, key=lambda day: int(p[row, day]) + int(q[row, day]))
            yield street.found(
                "metering.power.apparent", Severity.WARN, row,
                tell=f"on {counted(len(hit), 'day')} more than the "
                f"{amount(street.capacity[row], 'kVA')} that are connected can carry, at most "
                f"{amount(p[row, most], 'kWh')} and {amount(q[row, most], 'kvarh')} in a day.",
                channel=Channel.IMPORT, direction="over",
                remedy="Check unit, multiplier and the capacity on record.",
                count=len(hit), evidence={"bound_ukvah": bound[row, most], "days": len(hit)},
            )  # fmt: skip


# ------------------------------------------------------------------ generation


def _night(street: _Street) -> Iterator[Row]:
    """A solar system that feeds in while it is dark: channels exchanged, or a clock that is off."""
    export = street.sides.get(Channel.EXPORT)
    if export is None:
        return
    total = export.total.sum(axis=1)
    dark = street.pv & (export.night > street.limits["night_floor_ukwh"])
    dark &= export.night > total // 1000 * street.limits["night_permille"]
    for row in np.flatnonzero(dark).tolist():
        yield street.found(
            "metering.export.night", Severity.WARN, row,
            tell=f"{amount(export.night[row], 'kWh')} of {amount(total[row], 'kWh')} were fed in "
            "between midnight and four, and solar panels are all that is known to generate.",
            channel=Channel.EXPORT, direction="under",
            remedy="Check whether import and export are exchanged, the clock, and for a battery.",
            evidence={"night_ukwh": export.night[row], "export_ukwh": total[row]},
        )  # fmt: skip


def _sun(street: _Street) -> Iterator[Row]:
    """More fed in on a day than the connection gives in the hours of sun."""
    export = street.sides.get(Channel.EXPORT)
    if export is None:
        return
    bound = street.capacity * street.limits["sun_hours"]
    days = street.pv[:, None] & (street.capacity > 0)[:, None] & (export.total > bound[:, None])
    for row in np.flatnonzero(days.any(axis=1)).tolist():
        most = int(export.total[row].max())
        yield street.found(
            "metering.export.generation", Severity.WARN, row,
            tell=f"on {counted(int(days[row].sum()), 'day')} more was fed in than panels on this "
            f"connection can give, at most {amount(most, 'kWh')} where "
            f"{amount(bound[row], 'kWh')} is the bound.",
            channel=Channel.EXPORT, direction="under",
            remedy="Check unit and multiplier of the export channel, and the capacity on record.",
            count=int(days[row].sum()), evidence={"day_ukwh": most, "bound_ukwh": bound[row]},
        )  # fmt: skip
