"""The door for measuring, steps 5 to 7: ten tariffs, a fifth of the bills changed in mid-period.

Only determining, rating and assembling are timed; the readings lie on their grids before. The
floor is the bare decode of the files that they came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.bench.data import (
    PERIOD,
    RESOLUTION_S,
    ZONE,
    Clock,
    bare,
    base,
    buckets_for,
    by_bucket,
    generate,
    peak_mib,
)  # fmt: skip
from gridtally.bucket import settle
from gridtally.market import NO_MARKET, Market, Series
from gridtally.metering.blocks import Dense, dense, grids
from gridtally.metering.scope import Version, scope
from gridtally.periods import zone
from gridtally.rating.assemble import to_bills
from gridtally.rating.tariff import TariffVersion, load
from gridtally.store import readings
from gridtally.store.digest import canonical
from gridtally.store.partition import buckets_of
from gridtally.tables import ADVANCES, AGREEMENTS, CARRY, REGISTERS_USED

__all__ = ["Work", "generate_mix", "generate_whole", "stage_rate", "stage_series", "ten_tariffs"]

Ints = npt.NDArray[np.int64]

_OWN = ("flat", "demand-tou", "net-metering")
_PORT_LUMEN = (
    "home-tou-2026-01-01", "home-block-2026-01-01", "home-block-year-2026-01-01",
    "shop-demand-2026-01-01", "factory-two-part-contract-2026-01-01",
    "factory-two-part-capacity-2026-01-01", "home-pv-2026-01-01",
)  # fmt: skip
_ORDER = (_OWN[0], *_PORT_LUMEN[:3], _OWN[1], *_PORT_LUMEN[3:], _OWN[2])
_SPOT = ("spot", "spot-plain")
Kin = tuple[tuple[int, ...], ...]
"""Tariffs that one can change between: those of the same channels."""


def ten_tariffs() -> list[TariffVersion]:
    """Flat, by the hour, blocks, yearly blocks, demand (3), two parts (2), solar (2)."""
    own = dict(zip(_OWN, _loaded("bench/tariffs", _OWN), strict=True))
    theirs = dict(zip(_PORT_LUMEN, _loaded("demo/tariffs", _PORT_LUMEN), strict=True))
    return [(own | theirs)[name] for name in _ORDER]


def _loaded(folder: str, names: Sequence[str]) -> list[TariffVersion]:
    paths = [resources.files("gridtally") / folder / f"{name}.toml" for name in names]
    return [load(path.read_bytes(), name=path.name) for path in paths]


def generate_mix(root: Path, points: int) -> list[readings.Entry]:
    """Load files with exports and reactive energy for those whose tariffs ask for them."""
    kind = np.arange(points) % 10
    also = {
        "export": np.flatnonzero(kind >= 8),
        "reactive_import": np.flatnonzero((kind == 6) | (kind == 7)),
    }
    return generate(root, points, also)


def generate_whole(root: Path, points: int) -> list[readings.Entry]:
    """Load files of imports, without a gap."""
    return generate(root, points, {})


def spot_market() -> Market:
    """Prices by the hour for the month, some below zero, by chance."""
    start, end = zone(ZONE).bounds(PERIOD)
    draw = np.random.Generator(np.random.PCG64(20261203))
    hours = tuple(range(start, end, 3600))
    prices = draw.integers(-2_000, 20_000, len(hours)).tolist()
    series = Series(hours, tuple(Decimal(price).scaleb(-2) for price in prices), end)
    return Market(series={"spot": series})


def mix(points: int, tariffs: list[TariffVersion], kin: Kin) -> tuple[pa.Table, pa.Table]:
    """AGREEMENTS and METERING_POINTS: the tariffs in turn; every fifth changes on some day."""
    agreements, places = base(points, tariffs)
    draw = np.random.Generator(np.random.PCG64(20261130))
    changed = np.flatnonzero(draw.random(points) < 0.2)
    days = draw.integers(1, PERIOD.days, len(changed))
    others = {one: [k for k in group if k != one] for group in kin for one in group}
    names = [version.id for version in tariffs]
    after = [names[int(draw.choice(others[n % len(tariffs)]))] for n in changed.tolist()]
    first = (PERIOD.start - date(1970, 1, 1)).days
    turn = pa.array((first + days).astype(np.int32), pa.int32()).cast(pa.date32())
    ends = np.full(points, 2**31 - 1, np.int64)
    ends[changed] = first + days
    upto = pa.array(ends, pa.int64(), mask=ends == 2**31 - 1).cast(pa.int32()).cast(pa.date32())
    later = agreements.take(pa.array(changed))
    columns = {"from": turn, "tariff": pa.array(after)}
    later = _with(later, columns)
    terms = {
        "contract_ukw": pa.repeat(pa.scalar(2_000_000, pa.int64()), points + len(changed)),
        "capacity_ukva": pa.repeat(pa.scalar(5_000_000, pa.int64()), points + len(changed)),
    }
    whole = pa.concat_tables([_with(agreements, {"to": upto}), later])
    return _with(whole, terms), places


def _with(table: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), AGREEMENTS.field(name), column)
    return table


@dataclass(frozen=True)
class Work:
    """One bucket: its files, and what steps 5 to 7 take."""

    group: list[readings.Entry]
    spans: pa.Table
    tariffs: dict[str, TariffVersion]
    market: Market

    def lay(self, root: Path) -> list[Dense]:
        """Read the files, and lay the readings on their grids."""
        low, high = zone(ZONE).bounds(PERIOD)
        blocks = readings.read(
            root, self.group, kind="blocks", columns=readings.BLOCK_COLUMNS, start_utc=low,
            end_utc=high,
        )  # fmt: skip
        return [
            dense(
                blocks, points=points, channel=channel, start_utc=low, end_utc=high,
                resolution_s=RESOLUTION_S,
            )[0]
            for channel, _, points in grids(blocks)
        ]  # fmt: skip

    def settle(self, laid: list[Dense]) -> Any:
        """Steps 5 to 7 of the bucket."""
        return settle(
            self.spans, dense=laid, advances=ADVANCES.empty_table(),
            used=REGISTERS_USED.empty_table(), tariffs=self.tariffs, carry_in=CARRY.empty_table(),
            findings=[], market=self.market,
        )  # fmt: skip


def works(
    entries: list[readings.Entry],
    points: int,
    tariffs: list[TariffVersion],
    kin: Kin,
    market: Market = NO_MARKET,
) -> Iterator[Work]:
    """The work of each bucket."""
    agreements, places = mix(points, tariffs, kin)
    versions = [Version(t.id, t.digest, t.valid_from, t.valid_to, t.resets) for t in tariffs]
    spans, _ = scope(agreements, places, period=PERIOD, versions=versions)
    of_row = buckets_of(spans["metering_point"].to_pylist(), buckets_for(points))
    known = {t.digest: t for t in tariffs}
    for number, group in enumerate(by_bucket(entries)):
        yield Work(group, spans.filter(pa.array(of_row == number)), known, market)


def stage_rate(root: Path, entries: list[readings.Entry], points: int) -> dict[str, Any]:
    """Steps 5 to 7, bucket by bucket on one thread, in processor time; floor, work, floor, work.

    `laid_ratio` is reading, laying and steps 5 to 7 together beside the same floor.
    """
    kin = ((0, 1, 2, 3, 4, 5), (6, 7), (8, 9))
    row = _measured(root, works(entries, points, ten_tariffs(), kin), points)
    return {"name": f"steps 5-7, {points:,} points", **row}


def stage_series(root: Path, entries: list[readings.Entry], points: int) -> dict[str, Any]:
    """The same where everybody pays prices by the hour, and a fifth changes the margin."""
    tariffs = _loaded("bench/tariffs", _SPOT)
    row = _measured(root, works(entries, points, tariffs, ((0, 1),), spot_market()), points)
    return {"name": f"steps 5-7 by the hour, {points:,}", **row}


def _measured(root: Path, all_works: Iterator[Work], points: int) -> dict[str, Any]:
    floor, lay, work = Clock(), Clock(), Clock()
    segments, tables = [], {"lines": 0, "spans": 0}
    for one in all_works:
        for _ in range(2):
            floor.time(lambda one=one: bare(root, one.group))  # type: ignore[misc]
            laid = lay.time(lambda one=one: one.lay(root))  # type: ignore[misc]
            made = work.time(lambda one=one, laid=laid: one.settle(laid))  # type: ignore[misc]
        for clock in (floor, lay, work):
            clock.keep()
        segments.append(made.segments)
        tables = {"lines": tables["lines"] + made.lines.num_rows,
                  "spans": tables["spans"] + one.spans.num_rows}  # fmt: skip
        del laid, made
    _, bills, _ = work.time(lambda: to_bills(pa.concat_tables(segments)))
    work.keep()
    assert bills["total"].null_count == 0, "a bill could not be made"
    return {
        "seconds": round(work.wall, 2), "floor_seconds": round(floor.wall, 2),
        "ratio": round(work.wall / floor.wall, 2),
        "cpu_ratio": round(work.cpu / floor.cpu, 2),
        "laid_ratio": round((lay.cpu + work.cpu) / floor.cpu, 2),
        "peak_mib": peak_mib(),
        "us_per_bill": round(work.cpu / points * 1e6, 1), **tables,
        "digest": canonical(pa.concat_tables(segments)).digest[:16],
    }  # fmt: skip
