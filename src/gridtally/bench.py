"""The door for measuring: each step beside a floor measured in the same run.

`./run bench [STAGE] [--points N] [--json]`. Seconds of a shared machine mean little; the ratio to
the floor does. Every stage runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

import rich
from gridtally.periods import Period, zone
from gridtally.store import readings
from gridtally.tables import BLOCKS

__all__ = ["main"]

PERIOD = Period(date(2026, 7, 1), date(2026, 8, 1))
"""31 days without a clock change: 2,976 quarter-hours."""
ZONE, RESOLUTION_S, BUCKET_POINTS, THREADS = "Europe/Lisbon", 900, 3125, 2


def point_names(points: int) -> list[str]:
    """`MP-0000001` and on."""
    return [f"MP-{n:07d}" for n in range(points)]


def buckets_for(points: int) -> int:
    """So many buckets that one holds about 3,000 points, whatever the size of the base."""
    return max(2, points // BUCKET_POINTS)


def generate(root: Path, points: int) -> list[readings.Entry]:
    """One load file per day, as a utility delivers them; seeded, in the store's own format.

    Energy is in whole Wh; one point in 200 lacks three hours on one day.
    """
    draw = np.random.Generator(np.random.PCG64(20261123))
    names = pa.array(point_names(points))
    base = draw.integers(20, 400, points)[:, None]
    shape = (100 + 80 * np.sin(np.arange(96) / 96 * 2 * np.pi - 2)).astype(np.int64)[None, :]
    entries = []
    bounds = zone(ZONE).day_bounds(PERIOD)
    for day, start in enumerate(bounds[:-1]):
        wh = base * shape // 100 + draw.integers(0, 60, (points, 96))
        values = pa.array((wh * 1000).reshape(-1))
        keep = np.ones((points, 96), bool)
        keep[day::200, 40:52] = day % 31 == 0
        if not keep.all():
            values = pa.array((wh * 1000).reshape(-1), mask=~keep.reshape(-1))
        offsets = pa.array(np.arange(points + 1, dtype=np.int32) * 96)
        columns = {
            "metering_point": names,
            "channel": pa.repeat("import", points),
            "start_utc": pa.repeat(pa.scalar(int(start), pa.timestamp("s", "UTC")), points),
            "resolution_s": pa.repeat(pa.scalar(RESOLUTION_S, pa.int32()), points),
            "values": pa.ListArray.from_arrays(offsets, values),
            "quality": pa.repeat("A", points),
            "version": pa.repeat(0, points),
            "load_seq": pa.repeat(0, points),
            "source": pa.repeat("", points),
            "line": pa.array(np.arange(points)),
        }
        table = pa.Table.from_arrays([columns[n] for n in BLOCKS.names], schema=BLOCKS)
        for month, bucket, part in readings.cut(table, kind="blocks", buckets=buckets_for(points)):
            entry = readings.write(
                root, part, kind="blocks", source=f"day{day:02d}", month=month, bucket=bucket
            )
            entries.append(_numbered(entry, day + 1))
    return entries


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


# --------------------------------------------------------------------- stages


def decode_floor(root: Path, entries: list[readings.Entry]) -> int:
    """The floor: read the same columns of the same files, two threads, and do nothing."""

    def read(group: list[readings.Entry]) -> int:
        return sum(_bare(root / entry.path) for entry in group)

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(read, by_bucket(entries)))


def _bare(path: Path) -> int:
    import pyarrow.parquet as pq

    table = pq.read_table(
        path, columns=list(readings.BLOCK_COLUMNS[:-1]), use_threads=False, partitioning=None
    )
    return sum(len(chunk.values) for chunk in table["values"].chunks)
