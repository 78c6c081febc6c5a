"""Step 5, handed in: tiers that are filled day by day, or in the order of time.

Specification: `docs/tariff.md`, *tiered*. What falls in a tier depends on single days or intervals,
so it is summed where these are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.market import Market
from gridtally.rating.calendars import runs
from gridtally.rating.charges import Tiered
from gridtally.rating.document.declared import Term
from gridtally.rating.facts import facts_of
from gridtally.rating.thresholds import edges
from gridtally.terms import Reduced, Stream

__all__ = ["part_name", "tiers_by_time"]

Ints = npt.NDArray[np.int64]


def part_name(bucket: str, number: int) -> str:
    """How a determinant calls a tier of a bucket."""
    return f"{bucket}/tier-{number}"


def tiers_by_time(
    charge: Tiered,
    zone: str,
    terms: Mapping[str, Term],
    buckets: tuple[str, ...],
    stream: Stream,
    spans: pa.Table,
    market: Market,
) -> Reduced:
    """The energy of each bucket in each tier. Rows whose terms are wrong are held in step 6."""
    facts = facts_of(spans, zone=zone, declared=terms, market=market)
    bounds = [np.broadcast_to(np.asarray(edge), len(facts)) for edge in edges(charge, facts)]
    known = np.ones(len(facts), bool)
    made = _in_order if charge.pooling == "in_order" else _by_day
    columns = []
    for i, bucket in enumerate(buckets):
        for number, part in enumerate(made(stream, i, bounds), 1):
            columns.append((part_name(bucket, number), part.astype(np.int64), known))
    return Reduced(columns, [])


def _by_day(stream: Stream, bucket: int, bounds: list[Ints]) -> list[Ints]:
    """Each day of a bucket fills the tiers anew."""
    mine = np.flatnonzero(stream.labels == bucket)
    if not len(mine):
        return [np.zeros(len(stream.energy), np.int64) for _ in bounds[1:]]
    days = np.add.reduceat(stream.energy[:, mine], runs(stream.days[mine]), axis=1)
    return [
        (np.clip(days, low[:, None], high[:, None]) - low[:, None]).sum(axis=1)
        for low, high in pairwise(bounds)
    ]


def _in_order(stream: Stream, bucket: int, bounds: list[Ints]) -> list[Ints]:
    """All buckets fill the tiers together; a run of a bucket takes part where it lies."""
    if not stream.energy.shape[1]:
        return [np.zeros(len(stream.energy), np.int64) for _ in bounds[1:]]
    starts = runs(stream.labels)
    reached = np.cumsum(np.add.reduceat(stream.energy, starts, axis=1), axis=1)
    before = np.pad(reached, ((0, 0), (1, 0)))[:, :-1]
    mine = stream.labels[starts] == bucket
    return [
        np.clip(reached[:, mine], low[:, None], high[:, None]).sum(axis=1)
        - np.clip(before[:, mine], low[:, None], high[:, None]).sum(axis=1)
        for low, high in pairwise(bounds)
    ]
