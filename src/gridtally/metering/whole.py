"""Step 8: the checks of readings that need the run's merged tables, in a fixed order.

What needs one bucket alone is in `validate.py`. Customer segments choose the thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import pyarrow as pa

from gridtally.metering.balance import balance
from gridtally.metering.checks_dials import demands
from gridtally.metering.checks_history import usage
from gridtally.metering.checks_visits import moves, windows
from gridtally.metering.neighbours import neighbours
from gridtally.metering.scan import Row
from gridtally.metering.thresholds import Thresholds
from gridtally.tables import CYCLES, HISTORY, PROFILES, REGISTERS_USED, TOPOLOGY, findings_table

__all__ = ["whole_base"]


def whole_base(
    tables: Mapping[str, pa.Table],
    master: Mapping[str, pa.Table],
    *,
    history: pa.Table,
    before: Mapping[str, pa.Table],
    thresholds: Thresholds,
    kinds: Mapping[str, str],
    period: tuple[date, date],
) -> pa.Table:
    """Findings on the merged tables of a run, as they are named in its folder.

    `before`: tables of the segments that came directly before; `kinds`: metering point ->
    customer segment; `period`: first day and the day after the last.
    """
    rows = _rows(tables, master, history, before, thresholds, kinds, period)
    return findings_table(rows)


def _rows(
    tables: Mapping[str, pa.Table],
    master: Mapping[str, pa.Table],
    history: pa.Table,
    before: Mapping[str, pa.Table],
    thresholds: Thresholds,
    kinds: Mapping[str, str],
    period: tuple[date, date],
) -> Iterator[Row]:
    spans, used, segments = tables["spans"], tables["used"], tables["segments"]
    points, last = master["metering_points"], before.get("used", REGISTERS_USED.empty_table())
    each = thresholds.of([kinds.get(p, "") for p in segments["metering_point"].to_pylist()])
    yield from usage(segments, history.select(HISTORY.names), each)
    yield from demands(spans, tables["advances"], used, last, thresholds=thresholds, kinds=kinds)
    yield from moves(spans, used, first=period[0], last=period[1])
    yield from windows(
        spans, used, agreements=master["agreements"], points=points,
        cycles=master.get("cycles", CYCLES.empty_table()),
    )  # fmt: skip
    yield from balance(segments, master.get("topology", TOPOLOGY.empty_table()), points)
    nothing = PROFILES.empty_table()
    yield from neighbours(tables.get("profiles", nothing), before.get("profiles", nothing), points)
