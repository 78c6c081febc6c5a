"""Step 6: from blocks of lines to the table LINES, with the line that rounds each total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.money import Rounding
from gridtally.rating.calendars import runs
from gridtally.rating.cohort import Block
from gridtally.rating.exact import (
    Column,
    add,
    decimals,
    fraction_texts,
    largest,
    product,
    to_step,
    total,
)
from gridtally.tables import AMOUNT, LINES, PRICE, QUANTITY

__all__ = ["Batch", "Totals", "lines_table"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ROUNDING = "rounding"
_SMALL = 2**31
_SLOTS = 2**20
"""More lines than one span can have: a line's place among all of them is one integer."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The blocks of one cohort, in the order of the document; `rows` are rows of SPANS."""

    rows: Ints
    names: tuple[str, ...]
    """Ids of the components."""
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Totals:
    """How the total of each segment is rounded."""

    points: Sequence[tuple[Rounding, str]]
    """(rounding, currency)"""
    point: Ints
    """Which of `points`, per segment."""
    last: Ints
    """Row of SPANS of its last span, per segment."""


@dataclass(slots=True)
class _Lines:
    """Lines as columns, before they are sorted. Texts are numbers of `labels` and `factors`."""

    labels: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    """(component, kind, bucket, unit)"""
    factors: list[str] = field(default_factory=list)
    place: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    label: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    factor: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    quantity: Column = field(default_factory=lambda: np.zeros(0, np.int64))
    price: Column = field(default_factory=lambda: np.zeros(0, np.int64))
    amount: Column = field(default_factory=lambda: np.zeros(0, np.int64))

    def label_of(self, *texts: str) -> int:
        """The number of these texts."""
        return self.labels.setdefault(texts, len(self.labels))  # type: ignore[arg-type]

    def factors_of(self, factor: Fraction | tuple[Column, Column], keep: Mask) -> Ints:
        """The numbers of the factors of the rows that are kept."""
        count = int(keep.sum())
        if isinstance(factor, Fraction):
            self.factors.append(str(factor))
            return np.full(count, len(self.factors) - 1)
        top, bottom = factor[0][keep], factor[1][keep]
        self.factors.append("1")
        codes = np.full(count, len(self.factors) - 1)
        parts = np.flatnonzero((top != bottom).astype(bool))
        top, bottom, which = _distinct(top[parts], bottom[parts])
        codes[parts] = which + len(self.factors)
        self.factors += fraction_texts(top, bottom)
        return codes

    def extend(self, parts: Sequence[tuple[Ints, Ints, Ints, Column, Column, Column]]) -> None:
        """Add columns (place, label, factor, quantity, price, amount), and sort by place."""
        names = ("place", "label", "factor", "quantity", "price", "amount")
        for i, name in enumerate(names):
            setattr(self, name, np.concatenate([getattr(self, name), *(p[i] for p in parts)]))
        order = np.argsort(self.place, kind="stable")
        for name in names:
            setattr(self, name, getattr(self, name)[order])


def _distinct(top: Column, bottom: Column) -> tuple[Column, Column, Ints]:
    """The distinct pairs, when they are small enough to tell quickly, and which one each row is."""
    if max(largest(top), largest(bottom)) >= _SMALL:
        return top, bottom, np.arange(len(top))
    _, first, which = np.unique(top * _SMALL + bottom, return_index=True, return_inverse=True)
    return top[first], bottom[first], which


def lines_table(
    spans: pa.Table,
    segment_of: Ints,
    batches: Sequence[Batch],
    *,
    totals: Totals,
    good: Mask,
) -> pa.Table:
    """LINES of the segments that are `good`, in order of spans, components, tiers, buckets.

    `segment_of` gives the segment of each row of `spans`; both are sorted.
    """
    lines = _Lines()
    lines.extend([
        _columns(lines, batch, block, slot, good[segment_of[batch.rows]])
        for batch in batches
        for slot, block in enumerate(sorted(batch.blocks, key=lambda block: block.component))
    ])  # fmt: skip
    _round_totals(lines, segment_of, totals)
    return _table(lines, spans, segment_of)


def _columns(
    lines: _Lines, batch: Batch, block: Block, slot: int, good: Mask
) -> tuple[Ints, Ints, Ints, Column, Column, Column]:
    keep = block.keep & good
    count = int(keep.sum())
    name = batch.names[block.component]
    label = lines.label_of(name, block.kind, block.bucket, block.unit)
    price = block.price
    return (
        batch.rows[keep] * _SLOTS + slot,
        np.full(count, label),
        lines.factors_of(block.factor, keep),
        product(block.quantity[keep], 10 ** (8 - block.decimals)),
        np.full(count, int(price.scaleb(8))) if isinstance(price, Decimal) else price[keep],
        block.amount[keep],
    )


def _round_totals(lines: _Lines, segment_of: Ints, totals: Totals) -> None:
    """Add a line with the difference wherever a declared rounding changes a total."""
    segment = segment_of[lines.place // _SLOTS]
    starts = runs(segment)
    sums, found = total(lines.amount, starts), segment[starts]
    parts = []
    for code, (rounding, currency) in enumerate(totals.points):
        mine = totals.point[found] == code
        step = 10 ** (8 - rounding.places)
        exact = sums[mine]
        difference = add(to_step(exact, step, rounding.mode), -exact)
        changed = (difference != 0).astype(bool)
        count = int(changed.sum())
        if count:
            at = totals.last[found[mine][changed]] * _SLOTS + _SLOTS - 1
            label = np.full(count, lines.label_of(ROUNDING, ROUNDING, "", currency))
            factor = lines.factors_of(Fraction(1), changed)
            amount = difference[changed]
            parts.append((at, label, factor, np.full(count, 10**8), amount, amount))
    if parts:
        lines.extend(parts)


def _table(lines: _Lines, spans: pa.Table, segment_of: Ints) -> pa.Table:
    rows = lines.place // _SLOTS
    segment = segment_of[rows]
    starts = runs(segment)
    number = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    texts = list(zip(*lines.labels, strict=True)) or [()] * 4
    take, label = pa.array(rows), pa.array(lines.label)
    component, kind, bucket, unit = (pa.array(text, pa.string()).take(label) for text in texts)
    columns = [
        spans["segment"].take(take),
        spans["span"].take(take),
        pa.array(number, pa.int32()),
        component,
        kind,
        bucket,
        decimals(lines.quantity, QUANTITY),
        unit,
        decimals(lines.price, PRICE),
        pa.array(lines.factors, pa.string()).take(pa.array(lines.factor)),
        decimals(lines.amount, AMOUNT),
    ]
    return pa.Table.from_arrays(columns, schema=LINES)
