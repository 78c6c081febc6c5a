"""Steps 2 to 5 without a workspace, for dials: what a file of register readings says by itself.

There are no master data here. What a dial is must stand with its readings; a meter serves from its
first reading to its last where these say that it came or left, else always: a dial of the file that
nobody read at a bound is missing there, and never passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.blocks import Dense
from gridtally.metering.registers import advances
from gridtally.periods import Period, Zone
from gridtally.tables import METERS, REGISTERS, finding, findings_table, table
from gridtally.terms import Severity

__all__ = ["Dialled", "dialled", "unused"]

Row = Mapping[str, Any]
Stays = dict[tuple[str, str], tuple[int, int]]

_SAID = ("channel", "bucket", "kind", "digits", "multiplier")
_DIAL = ("metering_point", "meter", "register")
_DAY = timedelta(1)


@dataclass(frozen=True, slots=True)
class Dialled:
    """Metering points with the same channels and days to bill, and what their readings say."""

    points: tuple[str, ...]
    channels: frozenset[str]
    days: Period
    readings: pa.Table
    """REGISTER_READINGS"""
    meters: pa.Table
    """METERS, as far as the readings tell"""
    registers: pa.Table
    """REGISTERS, as far as the readings tell"""

    def measure(self, spans: pa.Table, _month: Period) -> tuple[list[Dense], pa.Table, pa.Table]:
        """No intervals, the ADVANCES of the segments of SPANS by `docs/registers.md`, FINDINGS."""
        moved = advances(spans, self.readings, self.meters, self.registers)
        return [], moved.advances, moved.findings


def dialled(
    readings: pa.Table, *, zone: Zone, from_: date | None, to: date | None
) -> tuple[list[Dialled], pa.Table]:
    """Return the groups of metering points to bill from REGISTER_READINGS, and FINDINGS.

    `from_`, `to` are local days, half-open; None: the calendar months that the readings touch, one
    within the reading window of a month's bound being at the bound. Raises `UsageError` when they
    are empty. A metering point of which a dial is not described whole is in no group.
    """
    readings = readings.filter(pc.not_equal(readings["quality"], "N"))
    dials: dict[str, list[Row]] = {}
    for dial in _dials(readings):
        dials.setdefault(dial["metering_point"], []).append(dial)
    stays = _stays(readings)
    shared, bounds = _shared(stays), _bounds(stays)
    groups: dict[tuple[frozenset[str], Period, str], list[str]] = {}
    found = []
    for point, mine in dials.items():
        days = _days(*bounds[point], zone=zone, from_=from_, to=to)
        if any(_left_open(dial) for dial in mine):
            found.append(_unknown(point, mine))
        elif days is None:
            found.append(_no_month(point))
        else:
            channels = frozenset(dial["channel_max"] for dial in mine)
            alike = (channels, days, point if point in shared else "")
            groups.setdefault(alike, []).append(point)
    meters = _meters(readings, stays, zone)
    made = []
    for (channels, days, _), points in groups.items():
        named = pa.array(points, pa.string())
        made.append(
            Dialled(
                tuple(points), channels, days,
                readings.filter(pc.is_in(readings["metering_point"], named)),
                meters.filter(pc.is_in(meters["metering_point"], named)),
                _registers(dial for point in points for dial in dials[point]),
            )
        )  # fmt: skip
    return made, findings_table(found)


# ------------------------------------------------------------------- the dials


def _dials(readings: pa.Table) -> list[Row]:
    """A row per dial, sorted, with the smallest and the largest of what its readings say."""
    columns = {name: readings[name] for name in _DIAL}
    for name in _SAID:
        said = readings[name]
        if pa.types.is_string(said.type):
            said = pc.if_else(pc.equal(said, ""), pa.scalar(None, pa.string()), said)
        columns[name] = said
    grouped = pa.table(columns).group_by(list(_DIAL), use_threads=False).aggregate(
        [(name, how) for name in _SAID for how in ("min", "max")]
    )  # fmt: skip
    return grouped.sort_by([(name, "ascending") for name in _DIAL]).to_pylist()  # type: ignore[no-any-return]


def _left_open(dial: Row) -> list[str]:
    return [name for name in _SAID if dial[f"{name}_max"] is None]


def _registers(dials: Iterable[Row]) -> pa.Table:
    """REGISTERS. Where readings of a dial differ, those of each month speak for themselves."""
    rows = []
    for dial in dials:
        agreed = {
            name: dial[f"{name}_max"]
            for name in _SAID
            if dial[f"{name}_min"] == dial[f"{name}_max"]
        }
        rows.append({"meter": dial["meter"], "register": dial["register"]} | agreed)
    return table(REGISTERS, rows)


# ------------------------------------------------------------------ the meters


def _stays(readings: pa.Table) -> Stays:
    """First and last instant of the readings of each meter at each metering point. [s]"""
    keys = ["metering_point", "meter"]
    named = readings.select(keys).append_column("time", readings["time_utc"].cast(pa.int64()))
    grouped = named.group_by(keys, use_threads=False).aggregate([("time", "min"), ("time", "max")])
    columns = (grouped[name].to_pylist() for name in (*keys, "time_min", "time_max"))
    return {(point, meter): (low, high) for point, meter, low, high in zip(*columns, strict=True)}


def _bounds(stays: Stays) -> dict[str, tuple[int, int]]:
    """First and last instant of the readings of each metering point. [s]"""
    found: dict[str, tuple[int, int]] = {}
    for (point, _), (first, last) in stays.items():
        low, high = found.get(point, (first, last))
        found[point] = (min(low, first), max(high, last))
    return found


def _shared(stays: Stays) -> frozenset[str]:
    """Metering points of a meter that was read at several: it may be another thing at each."""
    places: dict[str, set[str]] = {}
    for point, meter in stays:
        places.setdefault(meter, set()).add(point)
    return frozenset(point for points in places.values() if len(points) > 1 for point in points)


def _meters(readings: pa.Table, stays: Stays, zone: Zone) -> pa.Table:
    """METERS: from and to where the first reading says that a meter came, the last that it left."""

    def those(*reasons: str) -> Stays:
        return _stays(readings.filter(pc.is_in(readings["reason"], pa.array(reasons))))

    came, left = those("initial", "exchange_in"), those("exchange_out")
    rows: list[dict[str, Any]] = []
    for (point, meter), (first, last) in stays.items():
        row: dict[str, Any] = {"meter": meter, "metering_point": point}
        if came.get((point, meter), (None,))[0] == first:
            row["from"] = zone.date(first)
        if left.get((point, meter), (None,))[-1] == last:
            row["to"] = zone.date(last - 1) + _DAY
        rows.append(row)
    return table(METERS, rows)


# -------------------------------------------------------------------- the days


def _days(
    first: int, last: int, *, zone: Zone, from_: date | None, to: date | None
) -> Period | None:
    """The days to bill: as given, else from the month of the first reading to that of the last."""
    if from_ and to:
        return Period(from_, to)
    month = _month(zone.date(first))
    start = month.end if first >= zone.midnight(month.end - _DAY) else month.start
    month = _month(zone.date(last))
    end = month.start if last <= zone.midnight(month.start + _DAY) else month.end
    start, end = from_ or start, to or end
    return Period(start, end) if start < end else None


def _month(day: date) -> Period:
    return Period.month(day.year, day.month)


# -------------------------------------------------------------------- findings


def _unknown(point: str, dials: Iterable[Row]) -> dict[str, Any]:
    gaps = {f"{dial['meter']} {dial['register']}": _left_open(dial) for dial in dials}
    columns = ", ".join(name for name in _SAID if any(name in gap for gap in gaps.values()))
    names = ", ".join(name for name, gap in gaps.items() if gap)
    return finding(
        "rating.register.unknown",
        Severity.HOLD,
        f"{point}: the file does not say what a bill needs to know of meter {names}: {columns}.",
        remedy="Deliver the readings as csv-registers with these columns, or bill them in a "
        "workspace, where the master data have them.",
        must_hold=True,
        metering_point=point,
        evidence={"columns": columns},
    )


def _no_month(point: str) -> dict[str, Any]:
    return finding(
        "rating.month.none",
        Severity.HOLD,
        "The register readings do not reach from one end of a calendar month to the other.",
        remedy="Deliver a reading within a day of both ends of the month, or check --zone.",
        must_hold=True,
        metering_point=point,
    )


def unused(readings: pa.Table, points: Iterable[str]) -> pa.Table:
    """FINDINGS: of `points`, which are billed from intervals, the file has registers as well."""
    named = pa.array(sorted(points), pa.string())
    mine = readings.filter(pc.is_in(readings["metering_point"], named))
    counts = mine["metering_point"].value_counts().to_pylist()
    return findings_table(
        finding(
            "rating.registers.unused",
            Severity.NOTE,
            f"{row['values']} is billed from its intervals; the register readings that the file "
            "holds of it are not used.",
            remedy="Deliver the registers in a file of their own to bill from them.",
            metering_point=row["values"],
            count=row["counts"],
        )
        for row in sorted(counts, key=lambda row: row["values"])
    )
