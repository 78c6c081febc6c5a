"""The door for measuring, what-if: a year of stored bills under another tariff.

200,000 accounts x 12 months of sealed runs, made here: random energies in the buckets of Port
Lumen's `home-tou`, billed by the kernel. The other tariff has two rates, whose hours are put
together from those three, and yearly tiers, so that every month goes on from the one before. The
floor reads the same columns of the same files, one after the other, and does nothing.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gridtally.bench.data import ZONE, base, buckets_for
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period
from gridtally.rating.assemble import to_bills, to_segments
from gridtally.rating.rate import rate
from gridtally.rating.tariff import TariffVersion, load
from gridtally.store import files, history
from gridtally.store.master import put_tariff
from gridtally.store.runs import RunFolder
from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace
from gridtally.tables import ADVANCES, CARRY, DETERMINANTS, FINDINGS, METERING_POINTS
from gridtally.what_if.bills import COLUMNS
from gridtally.what_if.compare import Question, compare
from gridtally.what_if.sums import accounts_of, summary

__all__ = ["generate_year", "stage_what_if"]

YEAR = 2026
_READ = {
    "spans": None,
    "determinants": ["segment", "span", "name", "value"],
    "lines": ["segment", "span", "component", "kind", "amount"],
    "carry_in": None,
    "advances": None,
}
_TEXTS = ("name", "component", "kind", "tariff", "zone", "legal_source", "agreement", "account",
          "customer_segment", "metering_point", "currency", "run")  # fmt: skip


def generate_year(root: Path, points: int) -> list[str]:
    """A workspace with twelve sealed runs and their history; its runs."""
    os.environ["GRIDTALLY_KEYS"] = str(root / "keys")
    ws = Workspace.create(root / "town", Settings(name="bench", zone=ZONE))
    old, data = _document("demo/tariffs/home-tou-2026-01-01")
    put_tariff(
        ws, data, tariff=old.id, digest=old.digest, valid_from=old.valid_from,
        valid_to=old.valid_to, actor="bench", as_of=0,
    )  # fmt: skip
    return [
        _month(ws, old, Period.month(YEAR, month), points, seed=month) for month in range(1, 13)
    ]


def _document(name: str) -> tuple[TariffVersion, bytes]:
    data = (resources.files("gridtally") / f"{name}.toml").read_bytes()
    return load(data, name=name), data


def _month(ws: Workspace, old: TariffVersion, period: Period, points: int, *, seed: int) -> str:
    """A month billed under the old tariff, as a run leaves it, and its rows in the history."""
    agreements, places = base(points, [old])
    always = Version(old.id, old.digest, old.valid_from, old.valid_to, old.resets)
    spans, _ = scope(agreements, places, period=period, versions=[always])
    determinants = _energies(spans, old, np.random.Generator(np.random.PCG64(20261130 + seed)))
    none = CARRY.empty_table()
    lines = rate(spans, determinants, tariffs={old.digest: old}, carry_in=none).lines
    segments, _, _ = to_bills(
        to_segments(
            spans, lines, determinants, tariffs={old.digest: old}, findings=FINDINGS.empty_table()
        )
    )
    name = f"{period.start}-bench"
    work = RunFolder(ws.path / "runs" / f".{name}", ws.path / "runs" / name)
    tables = {"determinants": determinants, "lines": lines, "advances": ADVANCES.empty_table()}
    for table, rows in tables.items():
        for number, part in enumerate(_parts(rows, buckets_for(points))):
            work.write(table, part, part=f"{number:04d}")
    regions = pa.array(["north", "south", "west"]).take(pa.array(np.arange(points) % 3))
    place = METERING_POINTS.get_field_index("region")
    work.write("spans", spans)
    work.write("carry_in", none)
    work.write("master/metering_points", places.set_column(place, "region", regions))
    files.write(work.path / "DONE", b"{}")
    work.path.rename(ws.path / "runs" / name)
    kinds = pa.array(["household", "shop"]).take(pa.array(np.arange(points) % 10 // 9))
    accounts = pa.table({"account": agreements["account"], "segment": kinds})
    rows = history.history_rows(
        segments, accounts=accounts, findings=FINDINGS.empty_table(),
        tariff_ids={old.digest: old.id}, run=name,
    )  # fmt: skip
    history.append(ws, rows, kind="backfill", actor="bench", as_of=0)
    return name


def _energies(spans: pa.Table, old: TariffVersion, draw: np.random.Generator) -> pa.Table:
    """DETERMINANTS: whole Wh per bucket, and the sum of all hours."""
    names = [want.name(bucket) for want in old.wanted for bucket in want.buckets]
    parts = [name for name in names if not name.endswith("/all/all")]
    count = spans.num_rows
    values = {name: draw.integers(10_000, 300_000, count) * 1000 for name in parts}
    values["energy/import/all/all"] = np.sum(list(values.values()), axis=0)
    ordered = sorted(values)
    row = np.repeat(np.arange(count), len(ordered))
    columns = [
        spans["segment"].take(pa.array(row)),
        spans["span"].take(pa.array(row)),
        pa.array(ordered).take(pa.array(np.tile(np.arange(len(ordered)), count))),
        pa.array(np.stack([values[name] for name in ordered], axis=1).reshape(-1)),
        pa.array(np.zeros(len(row), np.int64)),
        pa.repeat("kWh", len(row)),
    ]
    return pa.Table.from_arrays(columns, schema=DETERMINANTS)


def _parts(table: pa.Table, count: int) -> Iterator[pa.Table]:
    """Slices that end where a segment ends; each row count is a multiple of a segment's."""
    segments = table["segment"].combine_chunks().dictionary_encode()
    codes = np.asarray(segments.indices) if table.num_rows else np.zeros(0, np.int64)
    cuts = [
        int(np.searchsorted(codes, len(segments.dictionary) * i // count)) for i in range(count)
    ]
    for low, high in zip(cuts, [*cuts[1:], table.num_rows], strict=True):
        yield table.slice(low, high - low).combine_chunks()


def stage_what_if(root: Path, runs: list[str], points: int) -> dict[str, Any]:
    """Every bill of the year under two rates, with all sums, beside the bare read: twice each."""
    os.environ["GRIDTALLY_KEYS"] = str(root / "keys")
    ws = Workspace.open(root / "town")
    version, _ = _document("bench/tariffs/two-rates")
    floors, works = [_timed(lambda: _bare(ws, runs))], []
    for _ in range(2):
        works.append(_timed(lambda: _work(ws, version, points)))
        floors.append(_timed(lambda: _bare(ws, runs)))
    (best, cpu), (floor, floor_cpu) = min(works), min(floors)
    return {
        "name": f"what-if, {points:,} accounts x 12",
        "seconds": round(best, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(best / floor, 2),
        "cpu_seconds": round(cpu, 2),
        "cpu_ratio": round(cpu / floor_cpu, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bills_per_second": int(points * 12 / best),
    }


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of all processors."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


def _work(ws: Workspace, version: TariffVersion, points: int) -> None:
    period = Period(date(YEAR, 1, 1), date(YEAR + 1, 1, 1))
    compared = compare(ws, Question(version, period=period))
    assert compared.rated.all(), "a bill could not be rated"
    assert len(compared.bills) == 12 * points, "a bill is missing"
    summary(compared, accounts_of(compared))


def _bare(ws: Workspace, runs: list[str]) -> int:
    """Read the columns that a what-if reads, texts as dictionaries where it does, too."""
    rows = 0
    for run in runs:
        for table, columns in _READ.items():
            for path in sorted((ws.path / "runs" / run / table).glob("*.parquet")):
                rows += _rows(path, columns)
    for path in sorted((ws.path / "history").glob("*.parquet")):
        rows += _rows(path, list(COLUMNS))
    return rows


def _rows(path: Path, columns: list[str] | None) -> int:
    table = pq.read_table(
        path, columns=columns, use_threads=False, partitioning=None, read_dictionary=_TEXTS
    )
    return int(table.num_rows)
