"""Steps 2 and 5 to 7 without a workspace: readings and a tariff in, bills of calendar months out.

One bill per metering point and local calendar month, carry folded from month to month: from its
intervals, and where the file has none of it, from its registers. Nothing is estimated: a month with
a gap, or without a reading at a bound, has a finding and no bill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.decode import decode
from gridtally.market import NO_MARKET, Market
from gridtally.metering.blocks import Dense
from gridtally.metering.cases import Cases
from gridtally.metering.determine import determine
from gridtally.metering.resolutions import refine
from gridtally.metering.scope import Version, scope
from gridtally.metering.stated import Stated
from gridtally.money import Rounding, number
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.priced import unpriced
from gridtally.quote.findings import as_shown, chain_broken, no_day, of_bill, partial_month
from gridtally.quote.intervals import days_of, groups, intervals
from gridtally.quote.registers import dialled, unused
from gridtally.quote.source import Source
from gridtally.rating.assemble import assemble
from gridtally.rating.rate import rate
from gridtally.rating.reference import rate_case
from gridtally.rating.tariff import TariffVersion
from gridtally.review.second import compare
from gridtally.tables import (
    AGREEMENTS,
    CARRY,
    METERING_POINTS,
    REGISTERS_USED,
    empty,
    table,
)
from gridtally.terms import LegalSource

__all__ = ["rate_readings"]

_EPOCH = date(1970, 1, 1)
_AGREED = {"contract_kw": "contract_ukw", "capacity_kva": "capacity_ukva"}
"""Terms that every agreement has a column for."""
_NO_PAST = (
    "Nothing is known of the time before {day}: steps of a year, ratchets, means of months and "
    "banks begin at nothing there."
)
Row = Mapping[str, Any]
Measured = tuple[list[Dense], pa.Table, pa.Table]
"""What was measured in a month: intervals, ADVANCES of registers, FINDINGS."""


def rate_readings(
    tariff: bytes,
    readings: bytes,
    *,
    tariff_name: str,
    readings_name: str,
    as_of: int | date,
    from_: date | None = None,
    to: date | None = None,
    zone: str | None = None,
    key: str | None = None,
    format: str | None = None,
    round_finer: Rounding | None = None,
    market: Market = NO_MARKET,
    terms: Mapping[str, str] | None = None,
    one_bill: bool = False,
    second: bool = False,
) -> dict[str, Any]:
    """Rate delivered readings; return the JSON of `gridtally rate` (numbers as text).

    `tariff` is a tariff document (TOML) or a URDB rate object (JSON); of several rates `key`
    names one. `zone` is the billing zone, and that of readings without an offset; None: the
    tariff's. `from_`, `to` are local days, half-open; None: the whole days of the intervals, and
    the months between readings of registers. `market`: the prices and events that the tariff refers
    to; `terms`: what every agreement states, name to decimal, `contract_kw` and `capacity_kva`
    among them. `one_bill`: of all days, not one per calendar month. `second`: the second rater
    computes every bill from intervals again, and the answer says how many differ. `as_of`: UTC
    seconds, or the end of a local day.
    Raises `InvalidDocument`, `RefusedFile`, `UsageError`, `NotFound`.
    """
    source = Source.read(tariff, name=tariff_name, zone=zone, key=key)
    given = _Given(market, terms or {}, one_bill, source.texts if second else None)
    if isinstance(as_of, date):
        as_of = zone_of(source.zone).midnight(as_of + timedelta(days=1))
    decoded = decode(
        readings, name=readings_name, as_of=as_of, format=format, zone=source.zone,
        round_finer=round_finer,
    )  # fmt: skip
    source.require_declared(given.terms.keys() - _AGREED.keys())
    result = _Result(source.zone, list(source.assumptions), findings=decoded.findings.to_pylist())
    found = _interval_jobs(source, decoded.blocks, from_=from_, to=to, result=result, market=market)
    for job in found:
        _rate_job(job, result, given)
    dials, known = decoded.registers, pc.unique(decoded.blocks["metering_point"])
    result.findings += unused(dials, known.to_pylist()).to_pylist()
    dials = dials.filter(pc.invert(pc.is_in(dials["metering_point"], known)))
    for job in _register_jobs(source, dials, from_=from_, to=to, result=result):
        _rate_job(job, result, given)
    return result.json()


# ---------------------------------------------------------------------- rating


@dataclass(slots=True)
class _Result:
    """What is answered."""

    zone: str
    assumptions: list[str]
    bills: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    again: list[bool] = field(default_factory=list)
    """Of each bill that the second rater computed: whether it differs."""

    def assume(self, sentences: Iterable[str]) -> None:
        """Add what is not yet said."""
        self.assumptions += [s for s in sentences if s not in self.assumptions]

    def json(self) -> dict[str, Any]:
        """The answer of `gridtally rate --json`, schema 1."""
        bills = sorted(self.bills, key=lambda bill: (bill["metering_point"], bill["from"]))
        answer = {
            "schema": 1,
            "assumptions": self.assumptions,
            "bills": bills,
            "findings": [as_shown(row) for row in self.findings],
        }
        second = {"bills": len(self.again), "differ": sum(self.again)}
        return answer | ({"second": second} if self.again else {})


@dataclass(frozen=True, slots=True)
class _Job:
    """Metering points that are billed alike, month after month."""

    points: tuple[str, ...]
    version: TariffVersion
    days: Period
    legal_source: LegalSource
    measure: Callable[[pa.Table, Period], Measured]
    """Of the SPANS of a month."""


def _interval_jobs(
    source: Source,
    blocks: pa.Table,
    *,
    from_: date | None,
    to: date | None,
    result: _Result,
    market: Market,
) -> Iterator[_Job]:
    refined = refine(blocks)
    result.findings += refined.findings.to_pylist()
    blocks = refined.blocks
    for group in groups(blocks):
        version = source.version(group.channels, group.resolution_s)
        result.assume(version.assumptions)
        days = days_of(group, result.zone, from_, to)
        if days is None:
            result.findings += [no_day(point) for point in group.points]
            continue
        mine = blocks.filter(pc.is_in(blocks["metering_point"], pa.array(group.points)))
        measure = partial(intervals, mine, result.zone, version, refined.stretches, market=market)
        yield _Job(group.points, version, days, LegalSource.INTERVAL, measure)


def _register_jobs(
    source: Source, dials: pa.Table, *, from_: date | None, to: date | None, result: _Result
) -> Iterator[_Job]:
    groups, found = dialled(dials, zone=zone_of(result.zone), from_=from_, to=to)
    result.findings += found.to_pylist()
    for group in groups:
        # A demand dial measures in its own window, so that no resolution is too coarse for a rate.
        version = source.version(group.channels, 1, registers=True)
        result.assume(version.assumptions)
        yield _Job(group.points, version, group.days, LegalSource.REGISTER, group.measure)


@dataclass(frozen=True, slots=True)
class _Given:
    """What comes from outside the tariff and the readings."""

    market: Market
    terms: Mapping[str, str]
    one_bill: bool
    texts: Mapping[str, bytes] | None
    """Documents for the second rater; None: it is not asked."""


def _rate_job(job: _Job, result: _Result, given: _Given) -> None:
    """The bills of some metering points, month after month."""
    carry, broken = empty(CARRY), frozenset[str]()
    if _carries(job.version):
        result.assume([_NO_PAST.format(day=job.days.start)])
    for month in [job.days] if given.one_bill else job.days.months():
        points = [point for point in job.points if point not in broken]
        whole = Period.month(month.start.year, month.start.month).days
        if month.days < whole and not given.one_bill:
            result.findings += [partial_month(point, month) for point in points]
        carry, bad = _rate_month(job, points, month=month, carry=carry, result=result, given=given)
        if _carries(job.version):
            if month.end < job.days.end:
                result.findings += [chain_broken(point, month, job.days) for point in sorted(bad)]
            broken |= bad
        if len(broken) == len(job.points):
            return


def _rate_month(
    job: _Job,
    points: Sequence[str],
    *,
    month: Period,
    carry: pa.Table,
    result: _Result,
    given: _Given,
) -> tuple[pa.Table, frozenset[str]]:
    """Add the bills of one month; give what they hand on, and the points without a bill."""
    spans, found = _spans(job, points, month, result.zone, given.terms)
    readings, advances, more = job.measure(spans, month)
    found = pa.concat_tables([found, more, unpriced(spans, {job.version.digest: job.version})])
    told = found.filter(found["must_hold"])["segment"].combine_chunks()
    spans = spans.filter(pc.invert(pc.is_in(spans["segment"], told)))  # what holds is said once
    versions = {job.version.digest: job.version}
    wanted = {job.version.digest: job.version.wanted}
    determinants, more = determine(
        spans, dense=readings, advances=advances, wanted=wanted, market=given.market
    )
    missing = pa.concat_tables([found, more])
    rated = rate(
        spans, determinants, tariffs=versions, carry_in=carry, incomplete=missing,
        market=given.market,
    )  # fmt: skip
    found = pa.concat_tables([missing, rated.findings])
    segments, _, more = assemble(spans, rated.lines, determinants, tariffs=versions, findings=found)
    if given.texts and job.legal_source == LegalSource.INTERVAL:
        cases = Cases(
            spans, dense=readings, used=empty(REGISTERS_USED), carry=carry, market=given.market,
            tariffs=versions,
        )  # fmt: skip
        differs = compare(
            [(name, cases.case(name)) for name in segments["segment"].to_pylist()],
            rated.lines, segments, rate_case=rate_case, tariffs=given.texts,
        )  # fmt: skip
        result.again += [True] * differs.num_rows
        result.again += [False] * (segments.num_rows - differs.num_rows)
        found = pa.concat_tables([found, differs])
    result.findings += of_bill(pa.concat_tables([found, more]), month)
    lines: dict[str, list[Row]] = {}
    for line in rated.lines.to_pylist():
        lines.setdefault(line["segment"], []).append(line)
    held = set(found.filter(found["must_hold"])["segment"].to_pylist())
    bad = set(points)
    for segment in segments.to_pylist():
        if segment["segment"] not in held and segment["total"] is not None:
            bad.discard(segment["metering_point"])
            result.bills.append(_bill(segment, lines.get(segment["segment"], [])))
    return rated.carry, frozenset(bad)


def _spans(
    job: _Job, points: Sequence[str], month: Period, zone: str, terms: Mapping[str, str]
) -> tuple[pa.Table, pa.Table]:
    """Each metering point as an agreement of its own."""
    agreed = {key: _micro(terms[name]) for name, key in _AGREED.items() if name in terms}
    agreements = table(AGREEMENTS, [
        {"agreement": point, "account": point, "metering_point": point, "from": month.start,
         "to": month.end, "tariff": job.version.id, "legal_source": str(job.legal_source), **agreed}
        for point in points
    ])  # fmt: skip
    places = table(METERING_POINTS, [{"metering_point": p, "zone": zone} for p in points])
    of = job.version
    dates = Version(of.id, of.digest, of.valid_from, of.valid_to, of.resets, frozenset(of.terms))
    days = (month.start - _EPOCH).days, (month.end - _EPOCH).days
    further = terms.keys() - _AGREED.keys()
    said = {(point, name): [(*days, terms[name])] for point in points for name in further}
    return scope(agreements, places, period=month, versions=[dates], stated=Stated(said))


def _micro(text: str) -> int:
    """A quantity as millionths, half even."""
    return int((Decimal(text) * 1_000_000).to_integral_value(ROUND_HALF_EVEN))


def _bill(segment: Row, lines: Sequence[Row]) -> dict[str, Any]:
    return {
        "metering_point": segment["metering_point"],
        "from": segment["from"].isoformat(),
        "to": segment["to"].isoformat(),
        "currency": segment["currency"],
        "total": number(segment["total"]),
        "lines": [
            {key: line[key] for key in ("component", "kind", "bucket")}
            | {"quantity": number(line["quantity"]), "unit": line["unit"]}
            | {"price": number(line["price"]), "factor": line["factor"]}
            | {"amount": number(line["amount"])}
            for line in lines
        ],
    }


def _carries(version: TariffVersion) -> bool:
    """Whether a month depends on the one before it."""
    return any(
        getattr(charge, "netting", None) == "month"
        or getattr(charge, "ratchet", None)
        or getattr(charge, "mean_of_months", None)
        or getattr(charge, "settle", None)
        or getattr(charge, "window", None) == "year"
        or charge.shape == "bank"
        for charge in version.components
    )
