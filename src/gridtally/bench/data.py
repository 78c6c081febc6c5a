"""For the door that measures: readings of a month, and who is billed for them.

Seeded, in the store's own format: one load file per day, as a utility delivers them.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gridtally.periods import Period, zone
from gridtally.rating.tariff import TariffVersion, load
from gridtally.store import readings
from gridtally.tables import AGREEMENTS, BLOCKS, METERING_POINTS

__all__ = [
    "PERIOD",
    "RESOLUTION_S",
    "THREADS",
    "ZONE",
    "Clock",
    "bare",
    "base",
    "buckets_for",
    "by_bucket",
    "decode_floor",
    "filled",
    "generate",
    "no_files",
    "peak_mib",
    "point_names",
    "tariff_documents",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
PERIOD = Period(date(2026, 7, 1), date(2026, 8, 1))
"""31 days without a clock change: 2,976 quarter-hours."""
ZONE, RESOLUTION_S, BUCKET_POINTS, THREADS = "Europe/Lisbon", 900, 3125, 2


def point_names(points: int) -> list[str]:
    """`MP-0000001` and on."""
    return [f"MP-{n:07d}" for n in range(points)]


def buckets_for(points: int) -> int:
    """So many buckets that one holds about 3,000 points, whatever the size of the base."""
    return max(2, points // BUCKET_POINTS)


def generate(
    root: Path, points: int, also: Mapping[str, Ints] | None = None
) -> list[readings.Entry]:
    """The load files of the month, with imports of all points.

    Energy is in whole Wh; one point in 200 lacks three hours on one day. `also` names the points
    (by number) that have another channel: half of their import or so.
    """
    draw = np.random.Generator(np.random.PCG64(20261123))
    base = draw.integers(20, 400, points)[:, None]
    shape = (100 + 80 * np.sin(np.arange(96) / 96 * 2 * np.pi - 2)).astype(np.int64)[None, :]
    entries = []
    bounds = zone(ZONE).day_bounds(PERIOD)
    for day, start in enumerate(bounds[:-1]):
        wh = base * shape // 100 + draw.integers(0, 60, (points, 96))
        lost = np.zeros((points, 96), bool)
        lost[day::200, 40:52] = day % 31 == 0 and also is None
        every = np.arange(points)
        parts = [_blocks("import", every, int(start), wh, lost)]
        for channel, which in (also or {}).items():
            some = wh[which] * draw.integers(20, 60, (len(which), 1)) // 100
            parts.append(_blocks(channel, which, int(start), some, np.zeros(some.shape, bool)))
        table = pa.concat_tables(parts).combine_chunks()
        for month, number, part in readings.cut(table, kind="blocks", buckets=buckets_for(points)):
            entry = readings.write(
                root, part, kind="blocks", source=f"day{day:02d}", month=month, bucket=number
            )
            entries.append(_numbered(entry, day + 1))
    return entries


def no_files(_root: Path, _points: int) -> list[readings.Entry]:
    """For stages that make their own readings."""
    return []


def _blocks(
    channel: str, which: Ints, start: int, wh: Ints, lost: npt.NDArray[np.bool_]
) -> pa.Table:
    """One day of some points [Wh]; lost: no reading."""
    count = len(which)
    mask = lost.reshape(-1) if lost.any() else None
    values = pa.array((wh * 1000).reshape(-1), mask=mask)
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * 96)
    columns = {
        "metering_point": pa.array([f"MP-{n:07d}" for n in which.tolist()], pa.string()),
        "channel": pa.repeat(channel, count),
        "start_utc": pa.repeat(pa.scalar(start, pa.timestamp("s", "UTC")), count),
        "resolution_s": pa.repeat(pa.scalar(RESOLUTION_S, pa.int32()), count),
        "values": pa.ListArray.from_arrays(offsets, values),
        "quality": pa.repeat("A", count),
        "version": pa.repeat(0, count),
        "load_seq": pa.repeat(0, count),
        "source": pa.repeat("", count),
        "line": pa.array(np.arange(count)),
    }
    return pa.Table.from_arrays([columns[n] for n in BLOCKS.names], schema=BLOCKS)


def _numbered(entry: readings.Entry, load_seq: int) -> readings.Entry:
    return readings.Entry(
        **{**{k: getattr(entry, k) for k in entry.__slots__}, "load_seq": load_seq}
    )


def by_bucket(entries: list[readings.Entry]) -> list[list[readings.Entry]]:
    """The files of each bucket."""
    groups: dict[int, list[readings.Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.bucket, []).append(entry)
    return [groups[key] for key in sorted(groups)]


def tariff_documents() -> list[TariffVersion]:
    """Three of Port Lumen's tariffs: block, time of use, and demand."""
    folder = resources.files("gridtally.demo") / "tariffs"
    names = ("home-block-2026-01-01", "home-tou-2026-01-01", "shop-demand-2026-01-01")
    return [load((folder / f"{name}.toml").read_bytes(), name=name) for name in names]


def base(points: int, tariffs: list[TariffVersion]) -> tuple[pa.Table, pa.Table]:
    """AGREEMENTS and METERING_POINTS: one account a point, the tariffs in turn."""
    names = point_names(points)
    agreements = {
        "agreement": pa.array([name.replace("MP", "AG") for name in names]),
        "account": pa.array([name.replace("MP", "AC") for name in names]),
        "metering_point": pa.array(names),
        "from": pa.repeat(pa.scalar(date(2020, 1, 1)), points),
        "tariff": pa.array([tariffs[n % len(tariffs)].id for n in range(points)]),
        "legal_source": pa.repeat("interval", points),
    }
    place = {
        "metering_point": pa.array(names),
        "zone": pa.repeat(ZONE, points),
        "fuse_ukw": pa.repeat(pa.scalar(10**9, pa.int64()), points),
    }
    return filled(AGREEMENTS, agreements, points), filled(METERING_POINTS, place, points)


def filled(schema: pa.Schema, columns: dict[str, pa.Array], rows: int) -> pa.Table:
    """A table of some columns; the others are null."""
    arrays = [columns.get(f.name, pa.nulls(rows, f.type)) for f in schema]
    return pa.Table.from_arrays([a.cast(f.type) for a, f in zip(arrays, schema, strict=True)],
                                schema=schema)  # fmt: skip


def decode_floor(root: Path, entries: list[readings.Entry]) -> int:
    """The floor: read the same columns of the same files, two threads, and do nothing."""

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(partial(bare, root), by_bucket(entries)))


def bare(root: Path, group: list[readings.Entry]) -> int:
    """Read the files of a bucket, and do nothing: how many readings."""
    return sum(_file(root / entry.path) for entry in group)


def _file(path: Path) -> int:
    columns = [name for name in readings.BLOCK_COLUMNS if name != "load_seq"]
    table = pq.read_table(path, columns=columns, use_threads=False, partitioning=None)
    return sum(len(chunk.values) for chunk in table["values"].chunks)


class Clock:
    """Wall and processor seconds of what is timed; of repetitions the least counts."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._last: list[tuple[float, float]] = []

    def time(self, work: Callable[[], Any]) -> Any:
        """Do it, and remember how long it took."""
        began = time.perf_counter(), time.process_time()
        result = work()
        self._last.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        return result

    def keep(self) -> None:
        """Add the least of what was timed since."""
        self.wall += min(wall for wall, _ in self._last)
        self.cpu += min(cpu for _, cpu in self._last)
        self._last.clear()


def peak_mib() -> int:
    """The largest memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
