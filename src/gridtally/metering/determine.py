"""Step 5: readings, or registers, become determinants: the quantities that are billed.

Spans with the same tariff, zone and source are a group: whatever depends on the calendar is worked
out once for it, and a row of readings costs a row of NumPy. Spans of a group may cover different
days, their *stretches*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import dials
from gridtally.metering.blocks import Dense
from gridtally.metering.found import Found, segment_bounds
from gridtally.metering.group import Group, stretches
from gridtally.periods import Period
from gridtally.tables import findings_table
from gridtally.terms import LegalSource, Wanted

__all__ = ["determine"]

Ints = npt.NDArray[np.int64]


def determine(
    spans: pa.Table,
    *,
    dense: Iterable[Dense],
    advances: pa.Table,
    wanted: Mapping[str, Sequence[Wanted]],
) -> tuple[pa.Table, pa.Table]:
    """Return (DETERMINANTS, FINDINGS) of SPANS.

    `dense` holds the final readings, any number of grids per channel; the points of a grid are
    those that have the channel. `advances` is what the registers of register-billed segments
    give; `wanted` what each tariff version asks for, by digest. A quantity that cannot be had
    gives no determinant and a must-hold finding.
    """
    spans = spans.combine_chunks()
    found = Found(spans, segment_bounds(spans))
    grids: dict[str, list[tuple[Dense, Ints]]] = {}
    for grid in dense:
        points = pa.array(grid.points, pa.string())
        where = pc.fill_null(pc.index_in(spans["metering_point"], points), -1)
        grids.setdefault(grid.channel, []).append((grid, np.asarray(where).astype(np.int64)))
    registers = dials.Registers(spans, advances)
    for rows in _groups(spans):
        first = spans.slice(rows[0], 1).to_pylist()[0]
        wants = wanted.get(first["tariff"] or "", ())
        parts, which = stretches(spans, rows, wants)
        if first["legal_source"] == LegalSource.REGISTER:
            for i, stretch in enumerate(parts):
                mine = rows[which == i]
                _from_registers(found, mine, stretch.wants, registers, stretch.period)
            continue
        group = Group(rows, which, parts, first["zone"], found)
        for channel in sorted({want.channel for stretch in parts for want in stretch.wants}):
            group.channel(channel, grids.get(channel, []))
    return found.table(), findings_table(found.findings)


def _groups(spans: pa.Table) -> Iterator[Ints]:
    """Rows of spans that have the same tariff, zone and source, and known bounds."""
    known = pc.and_(pc.is_valid(spans["start_utc"]), pc.is_valid(spans["end_utc"]))
    rows = np.flatnonzero(known)
    keys = []
    for name in ("zone", "legal_source", "tariff"):
        codes = spans[name].combine_chunks().dictionary_encode().indices
        keys.append(np.asarray(pc.fill_null(codes, -1))[rows])
    order = np.lexsort(keys)
    table = np.vstack([key[order] for key in keys])
    cuts = np.flatnonzero((table[:, 1:] != table[:, :-1]).any(axis=0)) + 1
    yield from (part for part in np.split(rows[order], cuts) if len(part))


def _from_registers(
    found: Found,
    rows: Ints,
    wants: Sequence[Wanted],
    registers: dials.Registers,
    period: Period,
) -> None:
    """What the dials of register-billed spans of one period give for each bucket."""
    for want in wants:
        if dials.months_side(want.months, period) == "both":
            for row in rows.tolist():
                found.stop(
                    row,
                    "rating.months.register",
                    "A price holds in some months only, and dials cannot be cut: the period from "
                    f"{period.start} to {period.end} lies in several months.",
                    channel=want.channel,
                    remedy="Read the dials at the turn of the month, or bill by calendar month.",
                )
            continue
        for bucket in want.buckets:
            values, estimated, known = registers.of(want, bucket, rows)
            found.add((want, bucket), rows[known], values[known], estimated[known])
            if not want.optional:
                for row in rows[~known].tolist():
                    what = f"of bucket {bucket} " if bucket else ""
                    found.stop(
                        row,
                        "metering.determinant.incomplete",
                        f"No {want.kind} register {what}for {want.channel} was read.",
                        channel=want.channel,
                        remedy="Deliver this dial's readings, or correct the meter's registers.",
                    )
