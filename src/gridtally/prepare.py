"""Before step 3: one snapshot, the spans of a period, what came before, and a job per bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import bucket, learned
from gridtally.eligibility import ineligible
from gridtally.market import NO_MARKET, Market
from gridtally.metering.estimate_class import ClassProfiles
from gridtally.metering.estimate_year import BACK_DAYS, SEASON_DAYS
from gridtally.metering.in_force import in_force
from gridtally.metering.scope import Version, scope
from gridtally.metering.stated import stated
from gridtally.metering.thresholds import Thresholds, of_dict, parse
from gridtally.outside import concerned, market_of, strange_units
from gridtally.periods import Period, zone
from gridtally.priced import unpriced
from gridtally.rating import tariff as tariff_room
from gridtally.rating.standing import standing
from gridtally.rating.tariff import TariffVersion
from gridtally.store import history, readings, snapshot, validation
from gridtally.store.partition import buckets_of
from gridtally.store.runs import RunFolder, past_folder
from gridtally.store.snapshot import Snapshot, StoredTariff
from gridtally.store.workspace import Workspace
from gridtally.tables import CARRY, DETERMINANTS, MASTER, PROFILES, REGISTERS_USED

__all__ = ["Prepared", "again", "cases", "jobs", "kinds", "prepare", "thresholds"]

_PAST_DAYS = 28
_MASTER = (
    "accounts", "metering_points", "meters", "registers", "agreements", "cycles", "holidays",
)  # fmt: skip
"""Tables that a run has, be it without rows."""


@dataclass(frozen=True)
class Prepared:
    """What a run sees: one snapshot, its spans, and what their predecessors hand on."""

    workspace: Workspace
    period: Period
    snap: Snapshot
    master: Mapping[str, pa.Table]
    documents: Mapping[str, bytes]
    """tariff digest -> document"""
    tariffs: Mapping[str, TariffVersion]
    spans: pa.Table
    findings: pa.Table
    history: pa.Table
    before: Mapping[str, pa.Table]
    """carry, used, determinants and profiles of the segments that came directly before"""
    thresholds: Thresholds
    """of the checks of readings, by customer segment"""
    class_profiles: ClassProfiles | None = None
    """what estimates may spread energy by; None: nothing was learned"""
    market: Market = NO_MARKET
    """prices by time and events that its tariffs refer to"""


def prepare(
    ws: Workspace,
    period: Period,
    *,
    accounts: Sequence[str] | None = None,
    snap: Snapshot | None = None,
    instead: Sequence[bytes] = (),
    backfill: bool = False,
) -> Prepared:
    """Find out which segments a period has, on a snapshot; None: what is published now.

    `accounts` None: all of them. `instead` are documents that stand, on their days, in place of
    the stored versions of the same tariffs. A `backfill` begins what later bills look back to, and
    asks for nothing before it.
    """
    snap = snap or snapshot.snapshot(ws)
    master = {name: MASTER[name].empty_table() for name in _MASTER}
    master |= snapshot.master(snap)
    stored = snapshot.tariffs(snap)
    loaded = {row.digest: _load(row.data, row.tariff) for row in stored}
    corrected = _above(stored, instead)
    loaded |= {row.digest: _load(row.data, row.tariff) for row in corrected}
    versions = [
        _version(loaded[row.digest], start, None if end == date.max else end)
        for row, start, end in standing([*stored, *corrected])
    ]
    if backfill:
        versions = [replace(version, looks_back=False) for version in versions]
    says = stated(master, names={name for version in versions for name in version.terms})
    agreements = master["agreements"]
    if accounts is not None:
        agreements = agreements.filter(pc.is_in(agreements["account"], pa.array(accounts)))
    spans, findings = scope(
        agreements, master["metering_points"], period=period, versions=versions, stated=says
    )
    master["registers"], changed = in_force(
        master["registers"], master["meters"], spans, period=period
    )
    used = set(spans["tariff"].to_pylist()) - {None}
    tariffs = {digest: loaded[digest] for digest in sorted(used)}
    strange = strange_units(spans, tariffs=tariffs, tables=master)
    barred = pa.concat_tables([ineligible(spans, tariffs, master), unpriced(spans, tariffs)])
    master |= concerned(master, tariffs.values(), bounds=_bounds(spans))
    past = _last(history.read_history(snap))
    return Prepared(
        workspace=ws,
        period=period,
        snap=snap,
        master=master,
        documents={row.digest: row.data for row in [*stored, *corrected] if row.digest in used},
        tariffs=tariffs,
        spans=spans,
        findings=pa.concat_tables([findings, changed, strange, barred]),
        history=past.filter(pc.less(past["from"], pa.scalar(period.start))),
        before=_before(ws, spans, past),
        thresholds=thresholds(ws),
        class_profiles=learned.class_profiles(ws, learned.current(ws)),
        market=market_of(master, bounds=_bounds(spans)),
    )


def _version(tariff: TariffVersion, start: date, end: date | None) -> Version:
    return Version(
        tariff.id, tariff.digest, start, end, tariff.resets, frozenset(tariff.terms),
        bool(tariff.looking_back),
    )  # fmt: skip


def _above(stored: Sequence[StoredTariff], documents: Sequence[bytes]) -> list[StoredTariff]:
    """Documents that stand in place of every stored version, each above those before it."""
    top = 1 + max((row.seq for row in stored), default=0)
    loaded = [_load(data, "the corrected version") for data in documents]
    return [
        StoredTariff(new.id, new.digest, new.valid_from, new.valid_to, data, top + place, True)
        for place, (new, data) in enumerate(zip(loaded, documents, strict=True))
    ]


def _bounds(spans: pa.Table) -> tuple[int, int]:
    """First instant of the first span, and the first after the last; (0, 0) without any."""
    low, high = pc.min(spans["start_utc"]).as_py(), pc.max(spans["end_utc"]).as_py()
    return (0, 0) if low is None or high is None else (low, high)


def again(
    ws: Workspace,
    run: RunFolder,
    *,
    accounts: Sequence[str] | None = None,
    snap: Snapshot,
    instead: Sequence[bytes] = (),
) -> Prepared:
    """What a run prepares on a snapshot, with what was learned and asked of readings then."""
    info = run.info
    period = Period(*(date.fromisoformat(info["period"][key]) for key in ("from", "to")))
    past = info.get("purpose") == "backfill"
    prepared = prepare(ws, period, accounts=accounts, snap=snap, instead=instead, backfill=past)
    digest = info.get("class_profiles")
    known = learned.class_profiles(ws, str(digest) if digest else None)
    prepared = replace(prepared, class_profiles=known)
    if "validation" in info:
        prepared = replace(prepared, thresholds=of_dict(info["validation"]))
    return prepared


def thresholds(ws: Workspace) -> Thresholds:
    """What `validation.toml` says; the defaults where there is none."""
    text = validation.current(ws)
    return Thresholds() if text is None else parse(text)


@lru_cache(maxsize=1024)
def _load(document: bytes, name: str) -> TariffVersion:
    """A tariff version; reading and resolving one takes some 10 ms, and runs share them."""
    return tariff_room.load(document, name=name)


def _last(past: pa.Table) -> pa.Table:
    """HISTORY with one row per segment, the one that was entered last."""
    names = past["segment"].to_pylist()
    place = {name: number for number, name in enumerate(names)}
    return past if len(place) == len(names) else past.take(pa.array(sorted(place.values())))


def _before(ws: Workspace, spans: pa.Table, past: pa.Table) -> dict[str, pa.Table]:
    """Tables of the issued segments that end where these begin, from the runs that made them."""
    first = spans.filter(pc.equal(spans["span"], 0)).select(["agreement", "from"])
    ended = past.select(["agreement", "to", "segment", "run"]).rename_columns(
        ["agreement", "from", "segment", "run"]
    )
    found = first.join(ended, ["agreement", "from"], join_type="inner", use_threads=False)
    empty = {"carry": CARRY, "used": REGISTERS_USED, "determinants": DETERMINANTS}
    points = spans.select(["agreement", "from", "metering_point"])
    places = points.group_by(points.column_names, use_threads=False).aggregate([])
    found = found.join(places, ["agreement", "from"], use_threads=False)
    profiles = [PROFILES.empty_table()]
    tables: dict[str, list[pa.Table]] = {
        name: [schema.empty_table()] for name, schema in empty.items()
    }
    for run_id in sorted(set(found["run"].to_pylist())):
        folder = past_folder(ws, run_id)
        mine = found.filter(pc.equal(found["run"], run_id))["segment"].combine_chunks()
        for name, parts in tables.items():
            part = folder.read(name).cast(empty[name])  # Parquet has no seconds
            parts.append(part.filter(pc.is_in(part["segment"], mine)))
        profiles.append(_profiles(folder, found.filter(pc.equal(found["run"], run_id))))
    return {name: pa.concat_tables(parts) for name, parts in tables.items()} | {
        "profiles": pa.concat_tables(profiles)
    }


def _profiles(folder: RunFolder, mine: pa.Table) -> pa.Table:
    """PROFILES of a run for these metering points; runs of older versions have none."""
    if not (folder.path / "profiles").is_dir():
        return PROFILES.empty_table()
    table = folder.read("profiles").cast(PROFILES)
    return table.filter(pc.is_in(table["metering_point"], mine["metering_point"].combine_chunks()))


def jobs(prepared: Prepared, *, points: Sequence[str] | None = None) -> list[bucket.Job]:
    """The work of steps 3 to 6, one job per bucket; `points` None: all of the spans."""
    ws, _snap = prepared.workspace, prepared.snap
    spans = prepared.spans
    if points is not None:
        spans = spans.filter(pc.is_in(spans["metering_point"], pa.array(points, pa.string())))
    if not spans.num_rows:
        return []
    names = spans["metering_point"].combine_chunks().dictionary_encode()
    of_point = buckets_of(names.dictionary.to_pylist(), ws.settings.buckets)
    row_bucket = of_point[names.indices.to_numpy()]
    low = min(zone(n).midnight(prepared.period.start) for n in _zones(spans))
    high = max(zone(n).midnight(prepared.period.end) for n in _zones(spans))
    known = (kinds(prepared), _usual(prepared))
    return [
        _job(prepared, spans.filter(pa.array(row_bucket == number)), number, (low, high), *known)
        for number in sorted(set(row_bucket.tolist()))
    ]


def _zones(spans: pa.Table) -> set[str]:
    return set(spans["zone"].to_pylist()) - {None} or {"UTC"}


def kinds(prepared: Prepared) -> dict[str, str]:
    """metering point -> customer segment."""
    accounts = prepared.master["accounts"]
    of = dict(zip(accounts["account"].to_pylist(), accounts["segment"].to_pylist(), strict=True))
    pairs = (prepared.spans[name].to_pylist() for name in ("metering_point", "account"))
    return {point: of.get(account) or "" for point, account in zip(*pairs, strict=True)}


def _usual(prepared: Prepared) -> dict[str, int]:
    """metering point -> energy per day over its last three bills [10^-6 kWh]."""
    last = prepared.history.select(["metering_point", "from", "to", "import_ukwh"]).to_pylist()
    sums: dict[str, list[tuple[int, int]]] = {}
    for row in sorted(last, key=lambda r: r["from"], reverse=True):
        mine = sums.setdefault(row["metering_point"], [])
        if len(mine) < 3 and row["import_ukwh"] is not None:
            mine.append((row["import_ukwh"], (row["to"] - row["from"]).days))
    return {
        point: sum(energy for energy, _ in mine) // sum(days for _, days in mine)
        for point, mine in sums.items()
        if mine
    }


def _job(
    prepared: Prepared,
    spans: pa.Table,
    number: int,
    bounds: tuple[int, int],
    segments: Mapping[str, str],
    usual: Mapping[str, int],
) -> bucket.Job:
    """A bucket's job. The manifest is read here, the files by whoever does the work."""
    snap, (low, high) = prepared.snap, bounds
    root, past = prepared.workspace.path, low - _PAST_DAYS * 86_400
    inside = snapshot.entries(snap, buckets=[number], start_utc=low, end_utc=high)
    earlier = snapshot.entries(snap, buckets=[number], start_utc=past, end_utc=low)
    then = past - BACK_DAYS * 86_400, high - (BACK_DAYS - SEASON_DAYS) * 86_400
    long_ago = snapshot.entries(snap, buckets=[number], start_utc=then[0], end_utc=then[1])
    dials = snapshot.entries(
        snap, kind="registers", buckets=[number], start_utc=low - 86_400, end_utc=high + 86_401
    )
    said = snapshot.entries(snap, kind="remarks", buckets=[number], start_utc=low, end_utc=high)
    points = spans["metering_point"].unique().to_pylist()
    mine = _of_points(prepared.master["meters"], points)
    registers = prepared.master["registers"]
    agreements = set(spans["agreement"].to_pylist())
    carry = prepared.before["carry"]
    read = partial(readings.read, root, kind="blocks", columns=readings.BLOCK_COLUMNS)
    return bucket.Job(
        period=prepared.period,
        spans=spans,
        blocks=lambda: read(inside, points=points, start_utc=low, end_utc=high),
        past=cache(lambda: read(earlier, points=points, start_utc=past, end_utc=low)),
        register_readings=lambda: readings.read(root, dials, kind="registers", points=points),
        meters=mine,
        registers=registers.filter(pc.is_in(registers["meter"], mine["meter"].combine_chunks())),
        points=_of_points(prepared.master["metering_points"], points),
        kinds=segments,
        usual=usual,
        tariffs=prepared.tariffs,
        carry_in=carry.filter(pc.is_in(carry["agreement"], pa.array(sorted(agreements)))),
        remarks=cache(lambda: readings.read(root, said, kind="remarks", points=points)),
        thresholds=prepared.thresholds,
        year=cache(lambda: read(long_ago, points=points, start_utc=then[0], end_utc=then[1])),
        class_profiles=prepared.class_profiles,
        market=prepared.market,
    )


def _of_points(table: pa.Table, points: Sequence[str]) -> pa.Table:
    return table.filter(pc.is_in(table["metering_point"], pa.array(points, pa.string())))


def cases(prepared: Prepared, segments: Iterable[str]) -> dict[str, dict[str, object]]:
    """The rating cases of some segments, readings in them: steps 3 and 4 done again for these."""
    wanted = set(segments)
    rows = prepared.spans.select(["segment", "metering_point"]).to_pylist()
    points = sorted({row["metering_point"] for row in rows if row["segment"] in wanted})
    found: dict[str, dict[str, object]] = {}
    for job in jobs(prepared, points=points):
        metered = bucket.meter(job)
        made = bucket.cases(job, metered)
        found |= {segment: made.case(segment) for segment in made if segment in wanted}
    return found
