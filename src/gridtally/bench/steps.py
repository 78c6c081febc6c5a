"""The door for measuring, steps 3 to 7 as a whole, step 3, the audit and the second rater alone."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import bucket
from gridtally.bench.data import (
    PERIOD,
    THREADS,
    ZONE,
    bare,
    base,
    buckets_for,
    by_bucket,
    decode_floor,
    filled,
    peak_mib,
    tariff_documents,
)  # fmt: skip
from gridtally.bench.validate import work_of
from gridtally.metering.scope import Version, scope
from gridtally.periods import zone
from gridtally.rating.assemble import to_bills
from gridtally.store import readings
from gridtally.store.digest import canonical
from gridtally.store.partition import buckets_of
from gridtally.tables import (
    ACCOUNTS,
    BLOCKS,
    CARRY,
    HISTORY,
    METERS,
    REGISTER_READINGS,
    REGISTERS,
)  # fmt: skip

__all__ = ["stage_audit", "stage_bill", "stage_second", "stage_validate"]


def jobs(
    root: Path, entries: list[readings.Entry], points: int
) -> tuple[pa.Table, list[Callable[[], bucket.Job]]]:
    """SPANS of the base, and a maker of each bucket's job."""
    tariffs = tariff_documents()
    agreements, places = base(points, tariffs)
    versions = [Version(t.id, t.digest, t.valid_from, t.valid_to, t.resets) for t in tariffs]
    spans, _ = scope(agreements, places, period=PERIOD, versions=versions)
    del agreements
    groups = by_bucket(entries)
    of_row = buckets_of(spans["metering_point"].to_pylist(), buckets_for(points))
    low, high = zone(ZONE).bounds(PERIOD)
    known = {t.digest: t for t in tariffs}

    def job(number: int) -> bucket.Job:
        mine = spans.filter(pa.array(of_row == number))
        group, names = groups[number], mine["metering_point"].combine_chunks()
        return bucket.Job(
            period=PERIOD,
            spans=mine,
            blocks=lambda: readings.read(
                root, group, kind="blocks", columns=readings.BLOCK_COLUMNS, start_utc=low,
                end_utc=high,
            ),
            past=BLOCKS.empty_table,
            register_readings=REGISTER_READINGS.empty_table,
            meters=METERS.empty_table(),
            registers=REGISTERS.empty_table(),
            points=places.filter(pc.is_in(places["metering_point"], names)),
            kinds={},
            usual={},
            tariffs=known,
            carry_in=CARRY.empty_table(),
        )  # fmt: skip

    return spans, [partial(job, number) for number in range(len(groups))]


def bill_all(root: Path, entries: list[readings.Entry], points: int) -> tuple[int, str]:
    """Steps 3 to 7 over all buckets; how many bills, and a digest over their segments."""
    _, makers = jobs(root, entries, points)
    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(lambda make: bucket.bill(make(), with_daily=False).segments, makers))
    segments, bills, _ = to_bills(pa.concat_tables(made))
    assert bills["total"].null_count == 0, "a bill could not be made"
    return bills.num_rows, canonical(segments).digest


def rating_cases(root: Path, entries: list[readings.Entry], points: int) -> list[dict[str, Any]]:
    """The rating case of every bill."""
    found = []
    for make in jobs(root, entries, points)[1]:
        job = make()
        metered = bucket.meter(job)
        made = bucket.cases(job, metered)
        found += [made.case(segment) for segment in made]
    return found


def billed_tables(root: Path, entries: list[readings.Entry], points: int) -> dict[str, pa.Table]:
    """What the audit reads: a billed month, and the same bills as twelve months of history."""
    spans, makers = jobs(root, entries, points)
    parts = [bucket.bill(make()) for make in makers]
    agreements, places = base(points, tariff_documents())
    names = ("determinants", "lines", "carry", "estimates", "advances", "daily", "findings")
    tables = {name: pa.concat_tables([getattr(p, name) for p in parts]) for name in names}
    segments, bills, _ = to_bills(pa.concat_tables([p.segments for p in parts]))
    accounts = {
        "account": agreements["account"], "segment": pa.repeat("household", points),
    }  # fmt: skip
    return tables | {
        "segments": segments, "bills": bills, "spans": spans, "agreements": agreements,
        "metering_points": places, "accounts": filled(ACCOUNTS, accounts, points),
        "history": pa.concat_tables([_month(segments, back) for back in range(12, 0, -1)]),
    }  # fmt: skip


def _month(segments: pa.Table, back: int) -> pa.Table:
    """The segments as those of an earlier month."""
    month = 12 * 2026 + 6 - back
    first = date(month // 12, month % 12 + 1, 1)
    end = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    rows = segments.num_rows
    same = {n: segments[n] for n in HISTORY.names if n in segments.column_names}
    told = {
        "from": pa.repeat(pa.scalar(first), rows), "to": pa.repeat(pa.scalar(end), rows),
        "customer_segment": pa.repeat("household", rows), "tariff": pa.repeat("home", rows),
        "decision": pa.repeat("backfill", rows), "run": pa.repeat("bench", rows),
        "findings": pa.repeat("", rows),
    }  # fmt: skip
    return filled(HISTORY, same | told, rows)


def stage_bill(root: Path, entries: list[readings.Entry], points: int) -> dict[str, Any]:
    """Steps 3 to 7 beside the bare decode of the same files: floor, work, floor, work, floor."""
    floors, seconds = [_timed(lambda: decode_floor(root, entries))], []
    for _ in range(2):
        seconds.append(_timed(lambda: bill_all(root, entries, points)))
        floors.append(_timed(lambda: decode_floor(root, entries)))
    row = _row(f"steps 3-7, {points:,} points", min(seconds), min(floors))
    return row | {"readings": points * 2976}


def stage_audit(root: Path, entries: list[readings.Entry], points: int) -> dict[str, Any]:
    """Every rule over so many bills with a year of history; the floor is one pass in DuckDB."""
    from gridtally.review.audit import audit
    from gridtally.review.expect import calibrate, expect

    tables = billed_tables(root, entries, points)

    def work() -> None:
        found = expect(tables, calibrate(tables["history"], before=PERIOD.start))
        audit({**tables, "expected": found}, period=PERIOD, currency="EUR")

    def floor() -> None:
        import duckdb

        room = duckdb.connect()
        for name in ("history", "segments", "lines", "determinants"):
            room.register(name, tables[name])
            room.execute(f"SELECT count(*), count(DISTINCT segment) FROM {name}").fetchall()  # noqa: S608

    floors, seconds = [_timed(floor)], [_timed(work)]
    return _row(f"audit, {points:,} bills", min(seconds), min(floors)) | {
        "bills_per_second": int(points / min(seconds))
    }


def stage_validate(root: Path, entries: list[readings.Entry], points: int) -> dict[str, Any]:
    """Step 3 beside the bare decode of the same files, bucket by bucket, on one thread."""
    low, high = zone(ZONE).bounds(PERIOD)
    seconds = floor = 0.0
    for group, make in zip(by_bucket(entries), jobs(root, entries, points)[1], strict=True):
        floor += min(_timed(partial(bare, root, group)) for _ in range(2))
        work = work_of(make(), zone=ZONE, start_utc=low, end_utc=high)
        seconds += min(_timed(work) for _ in range(2))
    return _row(f"validate, {points:,} points", seconds, floor) | {"readings": points * 2976}


def stage_second(root: Path, entries: list[readings.Entry], points: int) -> dict[str, Any]:
    """The second rater alone, one core; the floor is reading its cases as JSON."""
    from gridtally.rating import reference

    cases = rating_cases(root, entries, points)
    documents = {}
    for entry in (resources.files("gridtally.demo") / "tariffs").iterdir():
        data = entry.read_bytes()
        documents[f"sha256:{hashlib.sha256(data).hexdigest()}"] = data
    texts = [json.dumps(case) for case in cases]
    floor = _timed(lambda: [json.loads(text) for text in texts])
    seconds = _timed(lambda: [reference.rate_case(case, documents) for case in cases])
    row = _row(f"second rater, {len(cases):,} bills", seconds, floor)
    return row | {"bills_per_second": int(len(cases) / seconds)}


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _row(name: str, seconds: float, floor: float) -> dict[str, Any]:
    return {
        "name": name,
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(seconds / floor, 2),
        "peak_mib": peak_mib(),
    }
