"""Steps 3 to 7 for one bucket of metering points: what a worker does.

A bucket's result depends on nothing but its own readings, master data, carry and tariffs, so
buckets can be worked on in any order, by threads, processes or a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.metering.blocks import Dense, dense, grids
from gridtally.metering.cases import Cases
from gridtally.metering.checks_channels import channels
from gridtally.metering.checks_events import Place, events
from gridtally.metering.checks_versions import replaced
from gridtally.metering.daily import daily
from gridtally.metering.determine import determine
from gridtally.metering.estimate import Help, estimate
from gridtally.metering.estimate_class import ClassProfiles
from gridtally.metering.estimate_year import BACK_DAYS, PAST_DAYS, SEASON_DAYS
from gridtally.metering.profiles import profiles
from gridtally.metering.registers import advances, check_sums, totals
from gridtally.metering.resolutions import Stretch, refine, unfit
from gridtally.metering.thresholds import Thresholds
from gridtally.metering.validate import Judged, judge
from gridtally.periods import Period, zone
from gridtally.rating.assemble import to_segments
from gridtally.rating.rate import rate
from gridtally.rating.tariff import TariffVersion
from gridtally.tables import BLOCKS, DAILY, ESTIMATES, FINDINGS, REMARKS
from gridtally.terms import Channel, LegalSource

__all__ = ["Job", "Metered", "Part", "Settled", "bill", "cases", "meter", "settle"]

Ints = npt.NDArray[np.int64]
_YEAR_S = (BACK_DAYS - SEASON_DAYS) * 86_400


@dataclass(frozen=True)
class Job:
    """One bucket of a run. `blocks` and `past` are read when they are needed."""

    period: Period
    spans: pa.Table
    """SPANS of the bucket's metering points."""
    blocks: Callable[[], pa.Table]
    """BLOCKS of the period."""
    past: Callable[[], pa.Table]
    """BLOCKS of the weeks before, to estimate long gaps from; asked for once or never."""
    register_readings: Callable[[], pa.Table]
    """REGISTER_READINGS around the period."""
    meters: pa.Table
    registers: pa.Table
    points: pa.Table
    """METERING_POINTS, for their fuses."""
    kinds: Mapping[str, str]
    """metering point -> customer segment, for the thresholds of validation."""
    usual: Mapping[str, int]
    """metering point -> energy that its last bills took per day [10^-6 kWh]"""
    tariffs: Mapping[str, TariffVersion]
    carry_in: pa.Table
    remarks: Callable[[], pa.Table] = REMARKS.empty_table
    """REMARKS of the period."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    year: Callable[[], pa.Table] = BLOCKS.empty_table
    """BLOCKS of a year before, for gaps that nothing nearer tells about; asked for once or never"""
    class_profiles: ClassProfiles | None = None
    """How each customer segment spreads its energy; None: not learned."""
    market: Market = NO_MARKET
    """The prices and events that the tariffs refer to."""


@dataclass
class Metered:
    """After steps 3 and 4: final readings, register advances, and what was wrong."""

    dense: list[Dense] = field(default_factory=list)
    estimates: list[pa.Table] = field(default_factory=list)
    findings: list[pa.Table] = field(default_factory=list)
    advances: pa.Table = None
    used: pa.Table = None
    stretches: Sequence[Stretch] = ()
    """Readings that were longer than their grid."""


@dataclass(frozen=True)
class Settled:
    """What steps 5 to 7 give for one bucket."""

    determinants: pa.Table
    lines: pa.Table
    carry: pa.Table
    segments: pa.Table
    """SEGMENTS without their bill"""
    findings: pa.Table


@dataclass(frozen=True)
class Part:
    """What steps 3 to 7 give for one bucket."""

    determinants: pa.Table
    lines: pa.Table
    carry: pa.Table
    estimates: pa.Table
    advances: pa.Table
    used: pa.Table
    findings: pa.Table
    segments: pa.Table
    """SEGMENTS without their bill, which may have segments in other buckets"""
    daily: pa.Table
    profiles: pa.Table


def bill(job: Job, *, with_daily: bool = True) -> Part:
    """Steps 3 to 6, and of step 7 the segments."""
    metered = meter(job)
    wanted = {digest: tariff.wanted for digest, tariff in job.tariffs.items()}
    metered.findings.append(unfit(job.spans, metered.stretches, wanted=wanted, market=job.market))
    settled = settle(
        job.spans,
        dense=metered.dense,
        advances=metered.advances,
        used=metered.used,
        tariffs=job.tariffs,
        carry_in=job.carry_in,
        market=job.market,
        findings=metered.findings,
    )
    return Part(
        determinants=settled.determinants,
        lines=settled.lines,
        carry=settled.carry,
        estimates=_joined(metered.estimates, ESTIMATES),
        advances=metered.advances,
        used=metered.used,
        findings=settled.findings,
        segments=settled.segments,
        daily=daily(metered.dense, job.spans) if with_daily else DAILY.empty_table(),
        profiles=profiles(metered.dense, job.spans),
    )


def settle(
    spans: pa.Table,
    *,
    dense: Sequence[Dense],
    advances: pa.Table,
    used: pa.Table,
    tariffs: Mapping[str, TariffVersion],
    carry_in: pa.Table,
    findings: Sequence[pa.Table],
    market: Market = NO_MARKET,
) -> Settled:
    """Steps 5 and 6, and of step 7 the segments; `findings` are those of the steps before."""
    wanted = {digest: tariff.wanted for digest, tariff in tariffs.items()}
    determinants, missing = determine(
        spans, dense=dense, advances=advances, wanted=wanted, market=market
    )
    rated = rate(
        spans,
        determinants,
        tariffs=tariffs,
        carry_in=carry_in,
        incomplete=_joined([*findings, missing], FINDINGS),
        market=market,
    )
    made = Cases(spans, dense=dense, used=used, carry=carry_in, market=market, tariffs=tariffs)
    found = _joined([*findings, missing, rated.findings], FINDINGS)
    segments = to_segments(
        spans,
        rated.lines,
        determinants,
        tariffs=tariffs,
        findings=found,
        input_digests=made.digests(),
    )
    return Settled(determinants, rated.lines, rated.carry, segments, found)


def meter(job: Job) -> Metered:
    """Steps 3 and 4: lay the readings on grids, judge them, fill their gaps."""
    result = Metered()
    dials = job.register_readings()
    found = advances(_dialled(job.spans, dials), dials, job.meters, job.registers)
    result.advances, result.used = found.advances, found.used
    result.findings.append(found.findings)
    given = job.blocks()
    result.findings.append(replaced(given, thresholds=job.thresholds, kinds=job.kinds))
    refined = refine(given)
    blocks, result.stretches = refined.blocks, refined.stretches
    result.findings.append(refined.findings)
    for start, end, name, points in _windows(job.spans):
        mine = (
            blocks
            if len(points) == len(set(job.spans["metering_point"].to_pylist()))
            else (blocks.filter(pc.is_in(blocks["metering_point"], pa.array(points))))
        )
        judged = [
            _judge(job, _Window(start, end, name, channel, resolution_s, there), mine, result)
            for channel, resolution_s, there in grids(mine)
        ]
        result.findings.append(channels(judged, spans=job.spans, points=job.points))
        result.findings.append(_events(job, points, (start, end, name), judged))
    return result


def _events(
    job: Job, points: Sequence[str], window: tuple[int, int, str], judged: Sequence[Judged]
) -> pa.Table:
    """What the meters of these points reported, with what it means for their bills."""
    remarks = job.remarks()
    remarks = remarks.filter(pc.is_in(remarks["metering_point"], pa.array(points, pa.string())))
    if not remarks.num_rows:
        return FINDINGS.empty_table()
    by_hour = {
        digest for digest, tariff in job.tariffs.items() if any(w.calendar for w in tariff.wanted)
    }
    named = (job.spans[column].to_pylist() for column in ("metering_point", "tariff"))
    priced = {point for point, digest in zip(*named, strict=True) if digest in by_hour}
    still = {point for one in judged for point in one.still}
    limits = job.thresholds
    return events(remarks, {
        point: Place(
            *window, limits.segments.get(job.kinds.get(point, ""), limits.all), point in priced,
            point in still,
        )
        for point in points
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Window:
    """Points that share zone, service days, channel and resolution: one grid."""

    start_utc: int
    end_utc: int
    zone: str
    channel: str
    resolution_s: int
    points: Sequence[str]


def _windows(spans: pa.Table) -> Iterator[tuple[int, int, str, list[str]]]:
    """Points by the stretch of time for which the run bills them."""
    known = spans.filter(pc.and_(pc.is_valid(spans["start_utc"]), pc.is_valid(spans["end_utc"])))
    bounds = known.group_by(["metering_point", "zone"], use_threads=False).aggregate(
        [("start_utc", "min"), ("end_utc", "max")]
    )
    groups: dict[tuple[int, int, str], list[str]] = {}
    for row in zip(
        *(
            bounds[n].to_pylist()
            for n in ("start_utc_min", "end_utc_max", "zone", "metering_point")
        ),
        strict=True,
    ):
        groups.setdefault(row[:3], []).append(row[3])
    for key in sorted(groups):
        yield *key, sorted(groups[key])


def _dialled(spans: pa.Table, dials: pa.Table) -> pa.Table:
    """Spans that are billed from registers, or whose registers check their intervals."""
    billed = pc.equal(spans["legal_source"], LegalSource.REGISTER)
    read = pc.is_in(spans["metering_point"], pc.unique(dials["metering_point"]))
    return spans.filter(pc.or_(billed, read))


def _judge(job: Job, window: _Window, blocks: pa.Table, result: Metered) -> Judged:
    grid, found = dense(
        blocks,
        points=window.points,
        channel=window.channel,
        start_utc=window.start_utc,
        end_utc=window.end_utc,
        resolution_s=window.resolution_s,
    )
    result.findings.append(found)
    known = {"spans": job.spans, "used": result.used}
    total = totals(grid, result.advances, **known) if result.advances.num_rows else None
    judged = judge(
        grid,
        zone=window.zone,
        thresholds=job.thresholds,
        segments=[job.kinds.get(point, "") for point in grid.points],
        fuse_ukw=_look_up(job.points, "metering_point", grid.points, "fuse_ukw"),
        past=pa.array([job.usual.get(p) for p in grid.points], pa.int64())
        if window.channel == Channel.IMPORT
        else None,
        totals=total,
    )
    result.findings.append(judged.findings)
    if not grid.quality.all():
        gaps = [
            p
            for p, full in zip(grid.points, np.all(grid.quality, axis=1).tolist(), strict=True)
            if not full
        ]
        before = _before(window, PAST_DAYS), window.start_utc
        grid, made, found = estimate(
            grid, zone=window.zone, past=_laid(job.past(), window, gaps, before),
            totals=total, help=_help(job, window, grid), in_place=True,
        )  # fmt: skip
        result.estimates.append(made)
        result.findings.append(found)
    if window.channel in (Channel.IMPORT, Channel.EXPORT) and result.advances.num_rows:
        result.findings.append(check_sums(grid, result.advances, **known))
    result.dense.append(grid)
    return judged


def _help(job: Job, window: _Window, grid: Dense) -> Help:
    """What there is for gaps that the weeks around them say nothing about."""

    def year(points: Sequence[str]) -> Dense | None:
        bounds = _before(window, PAST_DAYS + BACK_DAYS), window.end_utc - _YEAR_S
        return _laid(job.year(), window, points, bounds)

    known = job.usual if window.channel == Channel.IMPORT else {}
    return Help(
        year=year,
        profiles=job.class_profiles,
        segments=[job.kinds.get(point, "") for point in grid.points],
        usual=pa.array([known.get(point) for point in grid.points], pa.int64()),
    )


def _before(window: _Window, days: int) -> int:
    """The beginning of the local day so many days before a window."""
    place = zone(window.zone)
    return place.midnight(place.date(window.start_utc) - timedelta(days))


def _laid(
    blocks: pa.Table, window: _Window, points: Sequence[str], bounds: tuple[int, int]
) -> Dense | None:
    """Blocks of some points on the grid that the window's continues; None where there is none."""
    blocks = blocks.filter(pc.is_in(blocks["metering_point"], pa.array(points, pa.string())))
    blocks = refine(blocks, at_most_s=window.resolution_s).blocks
    if not blocks.num_rows:
        return None
    start, end = (at + (window.start_utc - at) % window.resolution_s for at in bounds)
    grid, _ = dense(
        blocks,
        points=points,
        channel=window.channel,
        start_utc=start,
        end_utc=end,
        resolution_s=window.resolution_s,
    )
    return grid


def _look_up(table: pa.Table, key: str, names: Sequence[str], column: str) -> pa.Array:
    at = pc.index_in(pa.array(names, pa.string()), table[key].combine_chunks())
    return table[column].combine_chunks().take(at)


def cases(job: Job, metered: Metered) -> Cases:
    """The rating cases of the bucket's segments."""
    return Cases(
        job.spans, dense=metered.dense, used=metered.used, carry=job.carry_in, market=job.market,
        tariffs=job.tariffs,
    )  # fmt: skip


def _joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    kept = [table for table in tables if table is not None and table.num_rows]
    return pa.concat_tables(kept) if kept else schema.empty_table()
