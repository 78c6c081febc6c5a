"""Step 6 without a row per line: what segments cost, summed by component, for a whole base.

The same kernel as `rate`; only the table of lines, with its texts, is not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.market import NO_MARKET, Market
from gridtally.rating.carry import State
from gridtally.rating.exact import Column, add, to_step
from gridtally.rating.lines import ROUNDING, Totals
from gridtally.rating.rate import Refused, Sheet
from gridtally.rating.tariff import TariffVersion

__all__ = ["Charged", "charge"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Charged:
    """Step 6 in sums, without a row per line. Columns have a row per segment, sorted by name."""

    sums: Mapping[tuple[str, str], Column]
    """(component, kind) -> the amounts of its lines [10^-8 of the currency]"""
    total: Column
    """[10^-8 of the currency]; of segments that are not good it means nothing."""
    good: Mask
    refused: Sequence[Refused]
    carry: State


def charge(
    spans: pa.Table,
    determinants: Mapping[str, tuple[Ints, Ints]],
    *,
    tariffs: Mapping[str, TariffVersion],
    carry: State,
    market: Market = NO_MARKET,
) -> Charged:
    """What `rate` gives for SPANS sorted by segment and span, summed by segment and component.

    `determinants` by name: rows of `spans`, sorted, and the values there. `carry` has a row per
    segment and is moved on.
    """
    sheet = Sheet(spans, determinants, tariffs, carry, market)
    batches = [sheet.rate(*cohort) for cohort in sheet.cohorts()]
    count = len(sheet.starts)
    sums: dict[tuple[str, str], Column] = {}
    for batch in batches:
        at = sheet.segment_of[batch.rows]
        for block in batch.blocks:
            key = batch.names[block.component], block.kind
            column = np.zeros(count, block.amount.dtype)
            column[at] = np.where(block.keep, block.amount, 0)
            sums[key] = add(sums[key], column) if key in sums else column
    exact: Column = np.zeros(count, np.int64)
    for column in sums.values():
        exact = add(exact, column)
    total = _rounded(exact, sheet.totals())
    if (total != exact).any():
        sums[ROUNDING, ROUNDING] = add(total, -exact)
    return Charged(sums, total, sheet.good, sheet.refused(), sheet.carry)


def _rounded(exact: Column, totals: Totals) -> Column:
    """The totals of segments, each rounded as its last span says."""
    result = exact.copy()
    for code, (rounding, _) in enumerate(totals.points):
        mine = totals.point == code
        step = 10 ** (8 - rounding.places)
        part = to_step(exact[mine], step, rounding.mode)
        result = result.astype(object) if part.dtype == object else result
        result[mine] = part
    return result
