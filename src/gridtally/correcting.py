"""For the doors: what a changed reading or tariff changes on issued bills, exactly. Writes nothing.

`rating/cone.py` says which segments a change reaches; here they are made anew by steps 3 to 7, each
on the snapshot of its own run with what changed put in, and set beside what was issued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import bucket, control, deltas
from gridtally.control.database import in_chunks
from gridtally.deltas import Walked
from gridtally.periods import Period
from gridtally.prepare import Prepared, cases, jobs
from gridtally.prepare import again as as_prepared
from gridtally.rating import tariff as tariffs
from gridtally.rating.cone import Handed, Made, Wave, cone
from gridtally.rating.explain.replaced import replaced
from gridtally.rating.tariff import TariffVersion
from gridtally.store.known import as_known_by
from gridtally.store.named import issued_bill, no_bill
from gridtally.store.plans import on_days
from gridtally.store.rebills import proposals
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.snapshot import Snapshot, put_in_place, snapshot
from gridtally.store.workspace import Workspace
from gridtally.tables import (
    CARRY,
    DETERMINANTS,
    FINDINGS,
    HISTORY,
    LINES,
    REGISTERS_USED,
    SEGMENTS,
    fitted,
)
from gridtally.tariff_book import ends_on
from gridtally.terms import LegalSource

__all__ = ["corrections"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Change:
    """What is not as it was when the bills were made."""

    readings: bool = False
    master: bool = False
    documents: Sequence[bytes] = ()
    segments: frozenset[str] = frozenset()
    """issued segments whose own readings or master data changed"""

    @property
    def versions(self) -> list[TariffVersion]:
        return [tariffs.load(data, name="the corrected version") for data in self.documents]

    def seen(self, ws: Workspace, run: RunFolder) -> tuple[Snapshot, list[bytes]]:
        """What the run saw, and what came since where it counts; documents in place of others."""
        then, now = as_known_by(ws, run.id), snapshot(ws)
        mixed = replace(
            then,
            load_seq=now.load_seq if self.readings else then.load_seq,
            master_seq=now.master_seq if self.master else then.master_seq,
        )
        return mixed, [*put_in_place(then), *self.documents]


@dataclass
class _Work:
    """The state of one walk, and what was corrected on the way."""

    ws: Workspace
    change: _Change
    issued: dict[str, list[Row]]
    """run -> its issued segments that may be reached"""
    walked: Walked
    energy: dict[str, int | None] = field(default_factory=dict)
    """corrected segment -> its import [10^-6 kWh], which later estimates build on"""


def corrections(
    ws: Workspace,
    bills: Sequence[str] = (),
    *,
    document: bytes | None = None,
    master: bool = False,
) -> dict[str, Any]:
    """What is to be corrected on issued bills, as JSON values: exact deltas, bill by bill.

    `bills` (numbers or names) are made anew from today's readings, and what builds on them; none
    and no `document`: all for which a rebill is proposed. `document` stands, on its days, in place
    of the stored versions of its tariff. `master`: with today's master data. Raises `NotFound`.
    """
    named = _named(bills)
    if not bills and document is None:
        named = {one.segment for one in proposals(open_only=True)}
    change = _Change(
        readings=document is None or bool(bills),
        master=master,
        documents=(document,) if document else (),
        segments=frozenset(named),
    )
    issued = _issued(named if document is None or bills else None, change)
    numbers = {row["segment"]: row["bill__number"] for rows in issued.values() for row in rows}
    walked = Walked(ws, [version.digest for version in change.versions], numbers)
    work = _Work(ws, change, issued, walked)
    steps = list(cone(_waves(work), lambda wave, names, handed: _make(work, wave, names, handed)))
    return deltas.document(walked, steps)


# ------------------------------------------------------------------- the walk


def _named(bills: Sequence[str]) -> set[str]:
    """The segments of bills by number or name."""
    found: set[str] = set()
    for name in bills:
        rows = control.models.IssuedSegment.objects.filter(live=True)
        mine = rows.filter(bill=issued_bill(name))
        segments = set(mine.values_list("segment", flat=True))
        if not segments:
            raise no_bill(name, issued=True)
        found |= segments
    return found


def _issued(named: set[str] | None, change: _Change) -> dict[str, list[Row]]:
    """Live issued segments that may be reached, by run, in order of time; None: of all agreements.

    Of an agreement or a metering point these are the named ones and all later; of a tariff those
    from its first day on.
    """
    if named is None:
        begins = min(version.valid_from for version in change.versions)
        rows = control.models.IssuedSegment.objects.filter(live=True)
        found = list(rows.filter(date_to__gt=begins).values(*_COLUMNS))
    else:
        found = list(_from_these_on(named))
    by_run: dict[str, list[Row]] = {}
    for row in sorted(found, key=lambda row: (row["date_from"], row["bill__run_id"])):
        by_run.setdefault(row["bill__run_id"], []).append(row)
    return by_run


_COLUMNS = ("agreement", "segment", "date_from", "date_to", "bill__run_id", "bill__number",
            "bill__bill", "metering_point")  # fmt: skip


def _from_these_on(named: set[str]) -> Iterator[Row]:
    """The named segments, and of their run or later those of their agreements and metering points.

    Whoever has the metering point: what one run reads, all its estimates there look at.
    """
    rows = control.models.IssuedSegment.objects.filter(live=True)
    first: dict[tuple[str, str], date] = {}
    for part in in_chunks(sorted(named)):
        for row in rows.filter(segment__in=part).values(*_COLUMNS, "bill__run__period_from"):
            for key in ("agreement", "metering_point"):
                begins = row["date_from" if key == "agreement" else "bill__run__period_from"]
                day = first.setdefault((key, row[key]), begins)
                first[key, row[key]] = min(day, begins)
    seen: set[str] = set()
    for key in ("agreement", "metering_point"):
        names = sorted(name for kind, name in first if kind == key)
        for part in in_chunks(names):
            for row in rows.filter(**{f"{key}__in": part}).values(*_COLUMNS):
                if row["date_from"] >= first[key, row[key]] and row["segment"] not in seen:
                    seen.add(row["segment"])
                    yield row


def _waves(work: _Work) -> Iterator[Wave]:
    """The issued segments run by run; a run is read when its turn comes."""
    for run_id, rows in work.issued.items():
        run = open_run(work.ws, run_id)
        names = pa.array([row["segment"] for row in rows], pa.string())
        segments = _some(fitted(run.read("segments"), SEGMENTS), names)
        points = segments["metering_point"].combine_chunks()
        estimates = run.read("estimates", columns=["metering_point"])
        guessed = set(estimates["metering_point"].to_pylist())
        agreements = dict(zip(segments["agreement"].to_pylist(), points.to_pylist(), strict=True))
        yield Wave(
            run=run_id,
            segments=segments,
            lines=_some(fitted(run.read("lines"), LINES), names),
            carry=_some(fitted(run.read("carry"), CARRY), names),
            touched=_touched(work, run, rows),
            looking_back=frozenset(a for a, point in agreements.items() if point in guessed),
        )


def _some(table: pa.Table, segments: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["segment"], segments))


def _touched(work: _Work, run: RunFolder, rows: Sequence[Row]) -> frozenset[str]:
    """Agreements whose own segment in this run changed: named, or under a corrected version."""
    own = {row["agreement"] for row in rows if row["segment"] in work.change.segments}
    proposed = work.change.readings and {one.segment for one in proposals(open_only=True)}
    own |= {row["agreement"] for row in rows if proposed and row["segment"] in proposed}
    if work.change.master:  # which bills it changes only making them anew can say
        own |= {row["agreement"] for row in rows}
    for version in work.change.versions:
        known = control.models.TariffDocument.objects.filter(tariff=version.id)
        versions = set(known.values_list("digest", flat=True))
        reached = on_days(run, versions, version.valid_from, ends_on(work.ws, version))
        own |= {row["agreement"] for row in rows if row["segment"] in reached}
    return frozenset(own)


def _make(work: _Work, wave: Wave, agreements: list[str], handed: Handed) -> Made:
    """Steps 3 to 7 for some agreements of a run, as the run saw them, with what changed put in."""
    run = open_run(work.ws, wave.run)
    prepared = _prepared(work, run, agreements, handed)
    mine = pa.array(agreements, pa.string())
    spans = prepared.spans
    points = spans.filter(pc.is_in(spans["agreement"], mine))["metering_point"].unique()
    parts = [
        bucket.bill(job, with_daily=False) for job in jobs(prepared, points=points.to_pylist())
    ]
    made = {
        name: pa.concat_tables([schema.empty_table(), *(getattr(part, name) for part in parts)])
        for name, schema in _MADE.items()
    }
    work.walked.tariffs |= prepared.tariffs
    _note(work, run, prepared, made)
    segments = made["segments"].filter(pc.is_in(made["segments"]["agreement"], mine))
    _note_estimates(work, wave, prepared, segments)
    for row in segments.select(["segment", "import_ukwh"]).to_pylist():
        work.energy[row["segment"]] = row["import_ukwh"]
    findings = pa.concat_tables([prepared.findings, made["findings"]])
    carrying = _carrying(prepared, spans.filter(pc.is_in(spans["agreement"], mine)))
    return Made(segments, made["lines"], made["carry"], findings, carrying)


def _carrying(prepared: Prepared, spans: pa.Table) -> frozenset[str]:
    """Agreements one of whose versions hands something on."""
    digests = [name for name, version in prepared.tariffs.items() if version.carries]
    mine = spans.filter(pc.is_in(spans["tariff"], pa.array(digests, pa.string())))
    return frozenset(mine["agreement"].to_pylist())


_MADE = {
    "segments": SEGMENTS, "lines": LINES, "carry": CARRY, "findings": FINDINGS,
    "determinants": DETERMINANTS, "used": REGISTERS_USED,
}  # fmt: skip


def _prepared(work: _Work, run: RunFolder, agreements: Sequence[str], handed: Handed) -> Prepared:
    """What the run saw, with today's readings, the corrected documents and carry."""
    segments = run.read("segments", columns=["agreement", "account"])
    mine = segments.filter(pc.is_in(segments["agreement"], pa.array(agreements, pa.string())))
    snap, documents = work.change.seen(work.ws, run)
    prepared = as_prepared(
        work.ws,
        run,
        accounts=sorted(set(mine["account"].to_pylist())),
        snap=snap,
        instead=documents,
    )
    carry = prepared.before["carry"]
    kept = carry.filter(
        pc.invert(pc.is_in(carry["agreement"], pa.array(list(handed), pa.string())))
    )
    rows = [row for given in handed.values() for row in given]
    before = dict(prepared.before)
    before["carry"] = pa.concat_tables([kept, pa.Table.from_pylist(rows, schema=CARRY)])
    return replace(prepared, before=before, history=_history(prepared.history, work.energy))


def _history(past: pa.Table, energy: Mapping[str, int | None]) -> pa.Table:
    """HISTORY with the energy of corrected bills, which estimates of later ones build on."""
    names = past["segment"].to_pylist()
    if not energy.keys() & set(names):
        return past
    known = past["import_ukwh"].to_pylist()
    column = [energy.get(name, value) for name, value in zip(names, known, strict=True)]
    place = HISTORY.get_field_index("import_ukwh")
    field_ = past.schema.field("import_ukwh")
    return past.set_column(place, field_, pa.array(column, field_.type))


def _note(work: _Work, run: RunFolder, prepared: Prepared, made: Mapping[str, pa.Table]) -> None:
    """Keep what the document needs of these segments: their spans then and now, their tables."""
    names = made["segments"]["segment"].combine_chunks()
    tables = {name: made[name] for name in deltas.SCHEMAS if name in made}
    tables["spans"] = _some(prepared.spans, names)
    kept = work.walked.made.setdefault(run.id, {})
    for name, table in tables.items():
        kept.setdefault(name, []).append(_some(fitted(table, deltas.SCHEMAS[name]), names))
    sides = []
    for spans in (_some(run.read("spans"), names), tables["spans"]):
        ordered = spans.sort_by([("segment", "ascending"), ("span", "ascending")])
        digests: dict[str, list[str]] = {}
        for row in ordered.select(["segment", "tariff"]).to_pylist():
            digests.setdefault(row["segment"], []).append(row["tariff"] or "")
        sides.append(digests)
    for name in names.to_pylist():
        work.walked.spans[name] = (sides[0].get(name, []), sides[1].get(name, []))


def _note_estimates(work: _Work, wave: Wave, prepared: Prepared, segments: pa.Table) -> None:
    """By how much energy changed with its estimates, of segments that rest or rested on any."""
    if not work.change.readings:
        return
    guessed = wave.looking_back | _guessed(segments)
    mine = [row["segment"] for row in segments.to_pylist() if row["agreement"] in guessed]
    mine += [row["segment"] for row in segments.to_pylist()
             if row["legal_source"] == LegalSource.REGISTER]  # fmt: skip
    if not mine:
        return
    then = replace(prepared, snap=as_known_by(work.ws, wave.run))
    before, after = cases(then, mine), cases(prepared, mine)
    names = pa.array(mine, pa.string())
    spans = _some(open_run(work.ws, wave.run).read("spans"), names), _some(prepared.spans, names)
    sides = [_sides(work.walked, table) for table in spans]
    for name in before.keys() & after.keys():
        work.walked.replaced[name] = replaced(
            before[name], after[name], sides=[side.get(name, []) for side in sides],
            market=prepared.market,
        )  # fmt: skip


def _sides(walked: Walked, spans: pa.Table) -> dict[str, list[tuple[Period, TariffVersion | None]]]:
    """segment -> its spans in order, each with its version."""
    found: dict[str, list[tuple[Period, TariffVersion | None]]] = {}
    ordered = spans.sort_by([("segment", "ascending"), ("span", "ascending")])
    for row in ordered.select(["segment", "from", "to", "tariff"]).to_pylist():
        version = walked.version(row["tariff"]) if row["tariff"] else None
        found.setdefault(row["segment"], []).append((Period(row["from"], row["to"]), version))
    return found


def _guessed(segments: pa.Table) -> set[str]:
    rows = segments.select(["agreement", "estimated_ukwh"]).to_pylist()
    return {row["agreement"] for row in rows if row["estimated_ukwh"]}
