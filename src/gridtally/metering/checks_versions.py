"""Step 3: readings that came again with other values, and how much of the energy they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import layout
from gridtally.metering.scan import HUGE, Ints, Row
from gridtally.metering.thresholds import Thresholds
from gridtally.metering.words import amount, counted, unit
from gridtally.periods import iso_utc
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["replaced"]

_KEYS = ("metering_point", "channel", "start_utc", "resolution_s")


def replaced(blocks: pa.Table, *, thresholds: Thresholds, kinds: Mapping[str, str]) -> pa.Table:
    """Findings `metering.block.replaced`: a later version changes a block's energy by far.

    Compares BLOCKS of one channel with the same start: the best version with the weakest.
    `kinds`: metering point -> customer segment.
    """
    if not _twice(blocks):
        return findings_table([])
    part = blocks.select(list(_KEYS)).append_column("index", pa.array(np.arange(blocks.num_rows)))
    groups = part.group_by(list(_KEYS), use_threads=False).aggregate([("index", "list")])
    groups = groups.filter(pc.greater(pc.list_value_length(groups["index_list"]), 1))
    return findings_table(_changed(blocks, groups, thresholds, kinds) if groups.num_rows else [])


def _twice(blocks: pa.Table) -> bool:
    """Cheap bound: some load reaches into the time of another one."""
    if not blocks.num_rows:
        return False
    grouped = blocks.select(["load_seq", "start_utc"]).group_by("load_seq", use_threads=False)
    spans = grouped.aggregate([("start_utc", "min"), ("start_utc", "max")])
    low, high = (layout.integers(spans[f"start_utc_{way}"]) for way in ("min", "max"))
    order = np.argsort(low, kind="stable")
    return bool((low[order][1:] <= np.maximum.accumulate(high[order])[:-1]).any())


def _changed(
    blocks: pa.Table, groups: pa.Table, thresholds: Thresholds, kinds: Mapping[str, str]
) -> Iterator[Row]:
    lists = groups["index_list"].combine_chunks()
    group = np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy())
    first, best = _ends(blocks.take(pc.list_flatten(lists)), group)
    points = groups["metering_point"].to_pylist()
    limit = thresholds.of([kinds.get(point, "") for point in points])("replaced_pct")
    change = np.abs(best.energy - first.energy)
    far = (first.size == best.size) & (change > np.abs(first.energy) * limit // 100)
    starts, steps = (layout.integers(groups[name]) for name in ("start_utc", "resolution_s"))
    names = [
        (point, str(c)) for point, c in zip(points, groups["channel"].to_pylist(), strict=True)
    ]
    told: dict[tuple[str, str], list[int]] = {}
    for at in np.flatnonzero(far).tolist():
        told.setdefault(names[at], []).append(at)
    for (point, channel), mine in sorted(told.items()):
        most = max(mine, key=lambda at: (change[at], starts[at]))
        before, after, name = first.energy[most], best.energy[most], unit(channel)
        yield finding(
            "metering.block.replaced", Severity.NOTE,
            f"{point} {channel}: {counted(len(mine), 'block')} came in versions far apart, most of "
            f"all the one from {iso_utc(starts[most])} on: {amount(before, name)}, and what counts "
            f"is {amount(after, name)}.",
            remedy="Ask the sender for the reason of the correction.",
            metering_point=point, channel=channel, count=len(mine),
            start_utc=int(starts[mine].min()),
            end_utc=int((starts[mine] + steps[mine] * best.size[mine]).max()),
            evidence={"before_ukwh": before, "after_ukwh": after, "change_ukwh": change[most]},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Blocks:
    """One block of each group: its energy, cut so that nothing wraps, and its values."""

    energy: Ints
    size: Ints


def _ends(blocks: pa.Table, group: Ints) -> tuple[_Blocks, _Blocks]:
    """Of each group (ascending) the weakest version and the one that wins, whoever came first."""
    lists = blocks["values"].combine_chunks()
    size = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    flat = np.clip(pc.fill_null(pc.list_flatten(lists), 0).to_numpy(), -HUGE, HUGE)
    sums = np.r_[0, np.cumsum(flat)]
    ends = np.cumsum(size)
    energy = sums[ends] - sums[ends - size]
    codes, begins, letters, _ = layout.letters(blocks["quality"])
    rank = np.zeros(len(size), dtype=np.int64)
    some = np.flatnonzero(letters > 0)
    if len(some):
        rank[some] = np.minimum.reduceat(codes, begins[some])
    order = np.lexsort((energy, layout.integers(blocks["version"]), rank, group))
    change = np.diff(group[order]) > 0
    first, best = order[np.r_[True, change]], order[np.r_[change, True]]
    return _Blocks(energy[first], size[first]), _Blocks(energy[best], size[best])
