"""What-if: steps 3 to 5 again, for segments of which the stored determinants do not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally import bucket
from gridtally.market import Market
from gridtally.metering.determine import determine
from gridtally.metering.resolutions import unfit
from gridtally.metering.scope import Version, scope
from gridtally.prepare import Prepared, jobs
from gridtally.prepare import again as as_prepared
from gridtally.rating.rate import Refused
from gridtally.rating.tariff import TariffVersion
from gridtally.store.known import as_known_by
from gridtally.store.runs import open_run
from gridtally.tables import ADVANCES, DETERMINANTS, FINDINGS, SPANS
from gridtally.what_if.columns import LACKING, Sheet, sheet
from gridtally.what_if.outside import Outside
from gridtally.what_if.stored import Stored, segments_of

__all__ = ["again"]

Ints = npt.NDArray[np.int64]


def again(outside: Outside, run: str, made: Sheet, stored: Stored, where: Ints) -> Sheet:
    """`made` with the segments `where` of the stored spans determined anew.

    Readings, master data and thresholds are those that the run saw.
    """
    version = outside.version
    names, spans = stored.names, stored.spans
    wanted = names.take(pa.array(where))
    accounts = spans["account"].take(pa.array(stored.starts[where])).unique().to_pylist()
    prepared, found = _prepared(outside, run, accounts)
    mine, findings = _determined(prepared, version, wanted, made.market)
    mine.market = stored.market
    held = pc.and_(findings["must_hold"], pc.is_in(findings["segment"], wanted))
    held = pa.concat_tables([found.filter(found["must_hold"]), findings.filter(held)])
    mine = _without(mine, held["segment"])
    new = sheet(mine, version, known={}, outside=outside)
    place = np.asarray(pc.index_in(mine.names, names)).astype(np.int64)
    kept = [no for no in made.refused if no.code != LACKING]
    refused = [
        *(replace(no, segments=np.setdiff1d(no.segments, where)) for no in kept),
        *(replace(no, segments=place[no.segments]) for no in new.refused),
        *_refused(held, names),
    ]
    return _joined(made, replace(new, kept=place[new.kept]), refused)


def _prepared(outside: Outside, run: str, accounts: Sequence[str]) -> tuple[Prepared, pa.Table]:
    """What the run saw of some accounts, their agreements under the new tariff."""
    ws, version = outside.workspace, outside.version
    snap = as_known_by(ws, run)
    prepared = as_prepared(ws, open_run(ws, run), accounts=accounts, snap=snap)
    agreements = prepared.master["agreements"]
    agreements = agreements.filter(pc.is_in(agreements["account"], pa.array(accounts)))
    place = agreements.column_names.index("tariff")
    agreements = agreements.set_column(
        place, "tariff", pa.array([version.id] * agreements.num_rows, pa.string())
    )
    declared = frozenset(version.terms)
    always = Version(version.id, version.digest, date.min, None, version.resets, declared)
    points = prepared.master["metering_points"]
    spans, found = scope(
        agreements, points, period=prepared.period, versions=[always], stated=outside.stated
    )
    return replace(prepared, spans=spans, tariffs={version.digest: version}), found


def _determined(
    prepared: Prepared, version: TariffVersion, wanted: pa.Array, market: Market
) -> tuple[Stored, pa.Table]:
    """Steps 3 to 5 of the metering points of some segments; only these segments are kept."""
    spans = prepared.spans.filter(pc.is_in(prepared.spans["segment"], wanted))
    wants = {version.digest: version.wanted}
    parts, advances, findings = [], [ADVANCES.empty_table()], [FINDINGS.empty_table()]
    for job in jobs(replace(prepared, spans=spans)):
        metered = bucket.meter(job)
        found, missing = determine(
            job.spans, dense=metered.dense, advances=metered.advances, wanted=wants,
            market=market,
        )  # fmt: skip
        parts.append(found)
        advances.append(metered.advances)
        findings += [*metered.findings, missing]
        findings.append(unfit(job.spans, metered.stretches, wanted=wants))
    determinants = pa.concat_tables([DETERMINANTS.empty_table(), *parts])
    return (
        Stored(spans.combine_chunks(), determinants, pa.concat_tables(advances)),
        pa.concat_tables([part for part in findings if part is not None]),
    )


def _without(stored: Stored, segments: pa.ChunkedArray) -> Stored:
    held = pc.is_in(stored.spans["segment"], segments.combine_chunks())
    spans = stored.spans.filter(pc.invert(held))
    return Stored(spans.combine_chunks(), stored.determinants, stored.advances)


def _refused(held: pa.Table, names: pa.Array) -> list[Refused]:
    """Findings that hold, by code; one of each speaks for all."""
    found = []
    for code in sorted(set(held["code"].to_pylist())):
        mine = held.filter(pc.equal(held["code"], code))
        at = pc.drop_null(pc.index_in(mine["segment"].combine_chunks(), names))
        said = mine["message"][0].as_py(), mine["remedy"][0].as_py()
        found.append(Refused(code, *said, np.unique(np.asarray(at)).astype(np.int64)))
    return found


def _joined(one: Sheet, other: Sheet, refused: Sequence[Refused]) -> Sheet:
    """Two sheets of different segments as one, sorted."""
    both = pa.concat_tables([part.spans.cast(SPANS) for part in (one, other)])
    segment = np.r_[one.kept[segments_of(one.spans)], other.kept[segments_of(other.spans)]]
    order = np.lexsort((np.asarray(both["span"]), segment))
    row = np.empty(len(order), np.int64)
    row[order] = np.arange(len(order))
    shift = one.spans.num_rows
    determinants: dict[str, tuple[Ints, Ints]] = {}
    for part, by in ((one, 0), (other, shift)):
        for name, (rows, values) in part.determinants.items():
            before = determinants.get(name, (np.zeros(0, np.int64), np.zeros(0, np.int64)))
            at = np.r_[before[0], row[rows + by]]
            sort = np.argsort(at, kind="stable")
            determinants[name] = at[sort], np.r_[before[1], values][sort]
    kept = np.sort(np.r_[one.kept, other.kept])
    return Sheet(both.take(pa.array(order)), determinants, kept, one.market, refused)
