"""Step 2: what the rows of a series said is kept as remarks, so that the next delivery goes on.

`mapped.dial`: what a dial showed; `mapped.end`: an end without a start. The value is a whole number
of 10^-6 kWh (kvarh) and the quality. Start and end are those of the row; equal where it only opens.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.formats.common import Delivery
from gridtally.intake.mapping import Mapping
from gridtally.intake.runs import LETTERS
from gridtally.intake.series import Chain
from gridtally.tables import REMARKS

__all__ = ["leans", "stands", "with_given"]

Ints = npt.NDArray[np.int64]

_REACH = 31 * 86_400
"""How far away the row before or after may be [s]: no interval is longer."""


def _key(mapping: Mapping) -> str:
    return "mapped.dial" if mapping.series.cumulative else "mapped.end"


def leans(remarks: pa.Table) -> bool:
    """Whether what a file says goes on from other deliveries, so that their order matters."""
    return bool(pc.any(pc.starts_with(remarks["key"], "mapped.")).as_py())


def stands(rows: Chain, mapping: Mapping, names: list[tuple[str, str]], source: str) -> pa.Table:
    """What each row of a series said, that its intervals alone do not tell."""
    if not (mapping.series.cumulative or mapping.linked):
        return REMARKS.empty_table()
    rows = rows.take(rows.timed & ~rows.given & (rows.dialed | mapping.linked))
    count = len(rows.key)
    points = pa.array([point for point, _ in names], pa.string())
    channels = pa.array([channel for _, channel in names], pa.string())
    instant = pa.timestamp("s", tz="UTC")
    letters = pa.array(list(LETTERS)).take(pa.array(np.where(rows.dialed, rows.quality, 0)))
    said = pc.binary_join_element_wise(pa.array(rows.value).cast(pa.string()), letters, " ")
    return pa.Table.from_arrays(
        [
            points.take(pa.array(rows.key)), channels.take(pa.array(rows.key)),
            pa.array(rows.start).cast(instant), pa.array(rows.end).cast(instant),
            pa.repeat(pa.scalar(_key(mapping)), count), said, pa.array(rows.version),
            pa.array(np.zeros(count, np.int64)), pa.repeat(pa.scalar(source), count),
            pa.array(rows.line),
        ],
        schema=REMARKS,
    )  # fmt: skip


def with_given(
    rows: Chain, mapping: Mapping, names: list[tuple[str, str]], delivery: Delivery
) -> Chain:
    """The rows, with those that other deliveries brought just before and after each series."""
    linked = mapping.series.cumulative or mapping.linked
    timed = rows.take(rows.timed)
    if delivery.stands is None or not linked or not len(timed.key):
        return rows
    order = np.lexsort((timed.end, timed.key))
    keys, first = np.unique(timed.key[order], return_index=True)
    last = np.append(first[1:], len(order)) - 1
    low, high = timed.end[order][first], timed.end[order][last]
    points = sorted({names[key][0] for key in keys.tolist()})
    table = delivery.stands(points, int(low.min()) - _REACH, int(high.max()) + _REACH)
    found = _chain(table.filter(pc.equal(table["key"], _key(mapping))), names, mapping)
    place = np.searchsorted(keys, found.key)
    mine = (place < len(keys)) & (keys[np.minimum(place, len(keys) - 1)] == found.key)
    found, place = found.take(mine), place[mine]
    before, after = found.end < low[place], found.end > high[place]
    line = timed.line[order]
    early = _nearest(found.take(before), latest=True)
    late = _nearest(found.take(after), latest=False)
    late = replace(late, line=line[last][np.searchsorted(keys, late.key)])
    return Chain.joined([early, rows, late])


def _chain(table: pa.Table, names: list[tuple[str, str]], mapping: Mapping) -> Chain:
    """Remarks of series that the file has too, as rows that were given by other deliveries."""
    number = {name: key for key, name in enumerate(names)}
    pairs = zip(table["metering_point"].to_pylist(), table["channel"].to_pylist(), strict=True)
    key = np.array([number.get(pair, -1) for pair in pairs], dtype=np.int64)
    start, end = (
        table[name].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
        for name in ("start_utc", "end_utc")
    )
    said = pc.split_pattern(table["value"].combine_chunks(), " ")
    value = pc.list_element(said, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    letter = pc.list_element(said, 1).to_numpy(zero_copy_only=False)
    quality = np.array([LETTERS.index(one) for one in letter.tolist()], dtype=np.uint8)
    there = np.ones(len(key), bool)
    rows = Chain(
        key, start, end, there, value, quality > 0, quality, table["version"].to_numpy(),
        np.zeros(len(key), np.int64), ~there, there, (start == end) | (not mapping.linked),
    )  # fmt: skip
    return rows.take(key >= 0)


def _nearest(rows: Chain, *, latest: bool) -> Chain:
    """Of each series the row that ends last (or first), in its newest version."""
    end = -rows.end if latest else rows.end
    order = np.lexsort((-rows.version, end, rows.key))
    _, first = np.unique(rows.key[order], return_index=True)
    return rows.take(order[first])
