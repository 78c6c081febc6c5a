"""The door for measuring: rating beside others who do the same, with the same result.

`pysam`: NREL's rate engine, a year of hours, one core. `sql`: DuckDB, one row per reading joined
with a calendar, the sums of step 5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.bench.data import PERIOD, RESOLUTION_S, ZONE, Clock, filled, peak_mib
from gridtally.bucket import settle
from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.metering.determine import determine
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period, zone
from gridtally.rating.assemble import to_segments
from gridtally.rating.importers.urdb import to_text
from gridtally.rating.rate import rate
from gridtally.rating.tariff import TariffVersion, load
from gridtally.tables import ADVANCES, AGREEMENTS, CARRY, METERING_POINTS, REGISTERS_USED

__all__ = ["stage_pysam", "stage_sql"]

Ints = npt.NDArray[np.int64]
YEAR = 2018
"""365 days from a Monday on: the year of the engine, which knows no other."""
HOUR = 3600
_DAY = [0] * 8 + [1] * 4 + [0] * 4 + [1] * 5 + [0] * 3
RATE: Mapping[str, Any] = {
    "label": "bench", "name": "Bench", "utility": "none", "dgrules": "Net Billing Instantaneous",
    "fixedchargefirstmeter": 25, "fixedchargeunits": "$/month",
    "energyratestructure": [
        [{"rate": 0.0812, "unit": "kWh", "sell": 0}], [{"rate": 0.1593, "unit": "kWh", "sell": 0}],
    ],
    "energyweekdayschedule": [_DAY] * 12, "energyweekendschedule": [[0] * 24] * 12,
    "flatdemandstructure": [[{"rate": 4.15}]], "flatdemandmonths": [0] * 12,
    "demandratestructure": [[{"rate": 1.1}], [{"rate": 7.4}]],
    "demandweekdayschedule": [_DAY] * 12, "demandweekendschedule": [[0] * 24] * 12,
}  # fmt: skip
"""Two buckets of energy, demand of the month and of the buckets, a charge a month."""


# ---------------------------------------------------------------------- PySAM


def stage_pysam(root: Path, entries: object, points: int, *, sample: int = 60) -> dict[str, Any]:
    """Annual hourly bills under one URDB rate: so many of ours, a sample of the engine's.

    The engine is set up once and then runs a year at a time; every bill of the sample is compared
    to the cent. `floor_seconds` is what the engine would take for as many bills. `times_pysam` is
    without the digests of the inputs, of which the engine has none; `times_with_digests` with them.
    """
    loads = _loads(points)
    text = to_text(RATE, zone="UTC", channels=frozenset({"import"}), resolution_s=HOUR)
    version = load(text.encode(), name="rate")
    plain, sealed, theirs = Clock(), Clock(), Clock()
    totals = np.zeros((12, points), object)
    for month in range(1, 13):
        spans, grid = _month(version, loads, Period.month(YEAR, month))
        for _ in range(2):
            made = plain.time(partial(_rated, spans, grid, version))
            sealed.time(partial(_sealed, spans, grid, version))
        plain.keep()
        sealed.keep()
        totals[month - 1] = made["total"].to_pylist()
    model = _engine()
    for point in range(min(sample, points)):
        bills = theirs.time(partial(_run, model, (loads[point] / 1e6).tolist()))
        theirs.keep()
        cents = [Decimal(repr(b)).quantize(Decimal("0.01"), ROUND_HALF_UP) for b in bills]
        assert cents == [t.quantize(Decimal("0.01")) for t in totals[:, point]], point
    each, mine = theirs.cpu / min(sample, points), plain.cpu / points
    return {
        "name": f"annual hourly bills, {points:,}", "seconds": round(plain.cpu, 2),
        "floor_seconds": round(each * points, 2), "ratio": round(mine / each, 4),
        "peak_mib": peak_mib(), "times_pysam": round(each / mine, 1),
        "times_with_digests": round(each * points / sealed.cpu, 1),
        "us_per_bill": round(mine * 1e6, 1), "pysam_us_per_bill": round(each * 1e6, 1),
    }  # fmt: skip


def _loads(points: int) -> Ints:
    """Hours of a year [10^-6 kWh], by the day and by chance."""
    draw = np.random.Generator(np.random.PCG64(20261201))
    shape = (100 + 80 * np.sin(np.arange(24) / 24 * 2 * np.pi - 2)).astype(np.int64)
    base = draw.integers(20, 400, (points, 1)) * np.tile(shape, 365)[None, :] * 100
    return np.asarray(base + draw.integers(0, 900_000, base.shape))


def _month(version: TariffVersion, loads: Ints, period: Period) -> tuple[pa.Table, Dense]:
    """SPANS and readings of one month."""
    names = [f"P{n:06d}" for n in range(len(loads))]
    first = (period.start - date(YEAR, 1, 1)).days * 24
    values = np.ascontiguousarray(loads[:, first : first + period.days * 24])
    start, _ = zone("UTC").bounds(period)
    grid = Dense(
        tuple(names), "import", start, HOUR, values, np.full(values.shape, ACTUAL, np.uint8)
    )
    return spans_of(version, names, "UTC", period), grid


def spans_of(version: TariffVersion, names: list[str], name: str, period: Period) -> pa.Table:
    """SPANS of points that all have one tariff."""
    rows = len(names)
    agreements = {
        "agreement": pa.array(names), "account": pa.array(names), "metering_point": pa.array(names),
        "from": pa.repeat(pa.scalar(period.start), rows), "tariff": pa.repeat(version.id, rows),
        "legal_source": pa.repeat("interval", rows),
    }  # fmt: skip
    places = {"metering_point": pa.array(names), "zone": pa.repeat(name, rows)}
    return scope(
        filled(AGREEMENTS, agreements, rows),
        filled(METERING_POINTS, places, rows),
        period=period,
        versions=[Version(version.id, version.digest, version.valid_from, version.valid_to)],
    )[0]


def _rated(spans: pa.Table, grid: Dense, version: TariffVersion) -> pa.Table:
    """Steps 5 to 7: the segments with their totals."""
    tariffs = {version.digest: version}
    wanted = {version.digest: version.wanted}
    advances, carry = ADVANCES.empty_table(), CARRY.empty_table()
    determinants, held = determine(spans, dense=[grid], advances=advances, wanted=wanted)
    rated = rate(spans, determinants, tariffs=tariffs, carry_in=carry, incomplete=held)
    findings = pa.concat_tables([held, rated.findings])
    return to_segments(spans, rated.lines, determinants, tariffs=tariffs, findings=findings)


def _sealed(spans: pa.Table, grid: Dense, version: TariffVersion) -> pa.Table:
    """The same with the digest of what decides each bill."""
    return settle(
        spans, dense=[grid], advances=ADVANCES.empty_table(), used=REGISTERS_USED.empty_table(),
        tariffs={version.digest: version}, carry_in=CARRY.empty_table(), findings=[],
    ).segments  # fmt: skip


def _engine() -> Any:
    """The engine, with the rate in it. The JSON round trip unshares the schedules it changes."""
    from PySAM import Utilityrate5, UtilityRateTools

    model = Utilityrate5.new()
    rate = json.loads(json.dumps(RATE))
    model.ElectricityRates.assign(UtilityRateTools.URDBv8_to_ElectricityRates(rate))
    model.Lifetime.analysis_period = 1
    model.Lifetime.system_use_lifetime_output = 0
    model.Lifetime.inflation_rate = 0
    model.SystemOutput.gen = [0.0] * 8760
    model.SystemOutput.degradation = [0]
    for name in (
        "ur_nm_yearend_sell_rate", "ur_nm_credit_month", "ur_nm_credit_rollover",
        "ur_en_ts_buy_rate", "ur_en_ts_sell_rate", "ur_sell_eq_buy", "TOU_demand_single_peak",
        "ur_annual_min_charge", "ur_monthly_min_charge",
    ):  # fmt: skip
        setattr(model.ElectricityRates, name, 0)
    model.ElectricityRates.rate_escalation = [0]
    return model


def _run(model: Any, load_kw: list[float]) -> list[float]:
    model.Load.load = load_kw
    model.execute(0)
    return list(model.Outputs.year1_monthly_utility_bill_w_sys)


# ------------------------------------------------------------------------ SQL

_TOU = """
schema = 1
tariff = "tou"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2020-01-01
source = "made up, to measure"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[calendars.tou]
[[calendars.tou.rules]]
bucket = "peak"
days = ["weekday"]
hours = ["08:00-11:00", "18:00-21:00"]
[[calendars.tou.rules]]
bucket = "night"
hours = ["00:00-07:00"]
[[calendars.tou.rules]]
otherwise = "day"
[[components]]
id = "energy"
shape = "energy"
channel = "import"
calendar = "tou"
prices = { peak = 0.3, day = 0.2, night = 0.1 }
"""
_QUERIES = (
    "SELECT point, sum(value) FILTER (bucket = 0), sum(value) FILTER (bucket = 1), "
    "sum(value) FILTER (bucket = 2) FROM readings JOIN calendar USING (slot) GROUP BY point",
    "SELECT point, sum(CASE WHEN bucket = 0 THEN value ELSE 0 END), "
    "sum(CASE WHEN bucket = 1 THEN value ELSE 0 END), "
    "sum(CASE WHEN bucket = 2 THEN value ELSE 0 END) "
    "FROM readings JOIN calendar USING (slot) GROUP BY point",
    "SELECT point, bucket, sum(value) FROM readings JOIN calendar USING (slot) "
    "GROUP BY point, bucket",
)
"""Ways to ask for the same; the fastest counts."""


def stage_sql(root: Path, entries: object, points: int) -> dict[str, Any]:
    """The sums of step 5 in DuckDB and here, on one thread and on two; `ratio` is on one.

    The readings lie in memory on both sides: as a table of DuckDB with one row per reading, and on
    their grids.
    """
    version = load(_TOU.encode(), name="tou")
    jobs = list(_grids(version, points))
    answer = {threads: _asked(version, jobs, threads) for threads in (1, 2)}
    mine, theirs = (answer[1][side] for side in ("ours", "duckdb"))
    return {
        "name": f"sums of {points:,} points", "seconds": round(mine, 3),
        "floor_seconds": round(theirs, 3), "ratio": round(mine / theirs, 3),
        "peak_mib": peak_mib(), "times_sql": round(theirs / mine, 1),
        "times_sql_2_threads": round(answer[2]["duckdb"] / answer[2]["ours"], 1),
        "readings_per_second": int(points * 2976 / mine), "query": answer[1]["query"],
    }  # fmt: skip


def _grids(version: TariffVersion, points: int) -> Iterator[tuple[pa.Table, Dense]]:
    """SPANS and readings by buckets."""
    draw = np.random.Generator(np.random.PCG64(20261202))
    start, end = zone(ZONE).bounds(PERIOD)
    for first in range(0, points, 3125):
        names = [f"P{n:07d}" for n in range(first, min(first + 3125, points))]
        values = draw.integers(0, 900_000, (len(names), (end - start) // RESOLUTION_S))
        grid = Dense(tuple(names), "import", start, RESOLUTION_S, values,
                     np.full(values.shape, ACTUAL, np.uint8))  # fmt: skip
        yield spans_of(version, names, ZONE, PERIOD), grid


def _asked(
    version: TariffVersion, jobs: list[tuple[pa.Table, Dense]], threads: int
) -> dict[str, Any]:
    """The best seconds of both, by turns; their sums are the same."""
    room = _database(version, jobs, threads)
    ours: list[float] = []
    theirs: list[tuple[float, str]] = []
    sums = None
    for query in _QUERIES * 2:
        clock = Clock()
        rows = clock.time(lambda query=query: room.sql(query).to_arrow_table())  # type: ignore[misc]
        clock.keep()
        theirs.append((clock.wall, query))
        clock = Clock()
        sums = clock.time(lambda: _summed(version, jobs, threads))
        clock.keep()
        ours.append(clock.wall)
        assert _same(rows, sums), "the sums differ"
    best, query = min(theirs)
    return {"ours": min(ours), "duckdb": best, "query": query}


def _database(version: TariffVersion, jobs: list[tuple[pa.Table, Dense]], threads: int) -> Any:
    import duckdb

    room = duckdb.connect(config={"threads": threads})
    grid = jobs[0][1]
    want = next(want for want in version.wanted if want.calendar)
    labels = want.labels(grid.start_utc, grid.end_utc, grid.resolution_s)
    calendar = pa.table({"slot": np.arange(len(labels), dtype=np.int16),
                         "bucket": labels.astype(np.int8)})  # fmt: skip
    room.register("given", calendar)
    room.execute("CREATE TABLE calendar AS SELECT * FROM given")
    room.execute("CREATE TABLE readings (point INTEGER, slot SMALLINT, value BIGINT)")
    first = 0
    for _, grid in jobs:
        count, width = grid.values.shape
        part = pa.table({
            "point": np.repeat(np.arange(first, first + count, dtype=np.int32), width),
            "slot": np.tile(np.arange(width, dtype=np.int16), count),
            "value": grid.values.reshape(-1),
        })  # fmt: skip
        room.register("part", part)
        room.execute("INSERT INTO readings SELECT * FROM part")
        room.unregister("part")
        first += count
    return room


def _summed(version: TariffVersion, jobs: list[tuple[pa.Table, Dense]], threads: int) -> pa.Table:
    wanted = {version.digest: version.wanted}

    def work(job: tuple[pa.Table, Dense]) -> pa.Table:
        advances = ADVANCES.empty_table()
        return determine(job[0], dense=[job[1]], advances=advances, wanted=wanted)[0]

    if threads == 1:
        return pa.concat_tables([work(job) for job in jobs])
    with ThreadPoolExecutor(threads) as pool:
        return pa.concat_tables(list(pool.map(work, jobs)))


def _same(rows: pa.Table, determinants: pa.Table) -> bool:
    """Whether both have the same sum for each point and bucket."""
    order = rows.sort_by([(name, "ascending") for name in rows.column_names[:1]])
    if rows.column_names[1] == "bucket":
        order = rows.sort_by([("point", "ascending"), ("bucket", "ascending")])
        theirs = np.asarray(order.column(2).cast(pa.int64())).reshape(-1, 3)
    else:
        theirs = np.column_stack([np.asarray(order.column(i).cast(pa.int64())) for i in (1, 2, 3)])
    columns = []
    for bucket in ("peak", "night", "day"):
        mine = determinants.filter(pc.equal(determinants["name"], f"energy/import/tou/{bucket}"))
        columns.append(np.asarray(mine["value"]))
    return bool((np.column_stack(columns) == theirs).all())
