"""Step 3: what is missing or implausible in interval readings, as findings; values stay.

The list of the checks of a grid, in one pass over it. `docs/validation.md` has every check with
its threshold, source and, where it is done elsewhere, the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gridtally.metering import checks_runs, checks_values
from gridtally.metering.blocks import Dense
from gridtally.metering.scan import Case, Ints, Scan, day_columns, scan
from gridtally.metering.thresholds import Thresholds
from gridtally.periods import zone as zone_of
from gridtally.tables import findings_table
from gridtally.terms import Channel

__all__ = ["Judged", "judge", "validate"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A grid that was looked at, with what the checks of several channels go by."""

    case: Case
    scan: Scan
    findings: pa.Table

    @property
    def still(self) -> list[str]:
        """Points with a whole day of import, and nothing above zero on any."""
        dense = self.case.dense
        if dense.channel != Channel.IMPORT:
            return []
        none = (self.scan.high.max(axis=1, initial=0) == 0) & (self.scan.low == 0)
        whole = self.scan.whole.any(axis=1)
        return [dense.points[row] for row in np.flatnonzero(none & whole).tolist()]


def validate(
    dense: Dense,
    *,
    zone: str,
    thresholds: Thresholds | None = None,
    segments: Sequence[str] | None = None,
    fuse_ukw: pa.Array | None = None,
    past: pa.Array | None = None,
    totals: pa.Array | None = None,
) -> tuple[Dense, pa.Table]:
    """Check interval readings; give the same grid and findings `metering.interval.*`.

    `segments` names the customer segment of each point, for `thresholds`. Nullable int64, one
    per point: `fuse_ukw` largest possible power [10^-6 kW], `past` usual energy of a day
    [10^-6 kWh], `totals` register advance over the whole grid [10^-6 kWh]. Bad values are kept:
    findings say what to do about them.
    """
    return dense, judge(
        dense, zone=zone, thresholds=thresholds, segments=segments, fuse_ukw=fuse_ukw, past=past,
        totals=totals,
    ).findings  # fmt: skip


def judge(
    dense: Dense,
    *,
    zone: str,
    thresholds: Thresholds | None = None,
    segments: Sequence[str] | None = None,
    fuse_ukw: pa.Array | None = None,
    past: pa.Array | None = None,
    totals: pa.Array | None = None,
) -> Judged:
    """As `validate`, with the scan of the grid."""
    size, local = len(dense.points), zone_of(zone)
    each = (thresholds or Thresholds()).of(segments if segments is not None else [""] * size)
    case = Case(dense, local, day_columns(dense, local), each)
    seen = scan(case)
    fuse = _filled(fuse_ukw, size)
    rows = [
        *checks_runs.missing(case),
        *checks_runs.clock_changes(case),
        *checks_values.negative(case, seen),
        *checks_values.above(case, seen, fuse),
        *checks_values.jumps(case, seen, fuse),
        *checks_values.spikes(case, seen),
        *checks_values.flat(case),
        *checks_values.units(case, seen, _filled(past, size)),
        *checks_values.zeros(case, seen, _filled(totals, size)),
        *checks_runs.steps(case, seen),
    ]
    return Judged(case, seen, findings_table(rows))


def _filled(column: pa.Array | None, size: int) -> Ints:
    """Nullable numbers with -1 where unknown."""
    if column is None:
        return np.full(size, -1, dtype=np.int64)
    filled: Ints = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return filled
