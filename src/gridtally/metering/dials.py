"""Step 5, register-billed spans: which dials give a bucket (`docs/tariff.md`, *Where quantities
come from* and *Demand dials*)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.periods import Period
from gridtally.terms import RegisterKind, Wanted

__all__ = ["Registers", "months_side"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
TOTAL = "total"


class Registers:
    """The table of advances, turned: one column per (kind, channel, bucket), a row per span."""

    def __init__(self, spans: pa.Table, advances: pa.Table) -> None:
        self._count = spans.num_rows
        self._dials: dict[tuple[str, str], dict[str, tuple[Ints, Ints, Ints]]] = {}
        if advances.num_rows == 0:
            return
        rows = _rows(spans, advances)
        keys = ("kind", "channel", "bucket")
        codes = [advances[key].combine_chunks().dictionary_encode() for key in keys]
        values, estimated = (
            np.asarray(advances[name].combine_chunks()) for name in ("value", "estimated")
        )
        mixed = np.vstack([np.asarray(code.indices) for code in codes])
        groups, which = np.unique(mixed, axis=1, return_inverse=True)
        for i, group in enumerate(groups.T):
            kind, channel, bucket = (
                code.dictionary[int(j)].as_py() for code, j in zip(codes, group, strict=True)
            )
            mine = np.flatnonzero((which.ravel() == i) & (rows >= 0))
            order = mine[np.argsort(rows[mine], kind="stable")]
            found = self._dials.setdefault((kind, channel), {})
            found[bucket] = (rows[order], values[order], estimated[order])

    def of(self, want: Wanted, bucket: str, rows: Ints) -> tuple[Ints, Ints, Mask]:
        """(value, estimated part, known) of a bucket for the spans `rows`; "" is without one."""
        demand = want.kind == "demand"
        kind = RegisterKind.DEMAND if demand else RegisterKind.CUMULATIVE
        found = self._dials.get((str(kind), want.channel), {})
        if bucket:
            return _column(found.get(bucket), rows)
        value, estimated, known = _column(found.get(TOTAL), rows)
        others = [_column(found[name], rows) for name in sorted(found) if name != TOTAL]
        for other, guess, there in others:
            use = there & ~known
            if demand:
                larger = use & (other > value)
                value, estimated = (
                    np.where(larger, other, value),
                    np.where(larger, guess, estimated),
                )
            else:
                value = value + np.where(use, other, 0)
                estimated = estimated + np.where(use, guess, 0)
        for _, _, there in others:
            known = known | there
        return value, estimated, known


def months_side(months: tuple[int, ...], period: Period) -> Literal["in", "out", "both"]:
    """Whether a register-billed period may be billed in these months: dials cannot be cut.

    It must lie within one calendar month (`docs/tariff.md`), unless it has no day in them.
    """
    if not months:
        return "in"
    touched = period.months()
    if not any(part.start.month in months for part in touched):
        return "out"
    return "in" if len(touched) == 1 else "both"


def _rows(spans: pa.Table, advances: pa.Table) -> Ints:
    """The row of SPANS that each row of ADVANCES belongs to; -1: none."""
    segments = pc.unique(spans["segment"])
    width = max(1, *((int(pc.max(table["span"]).as_py() or 0) + 1) for table in (spans, advances)))
    lookup = np.full(len(segments) * width, -1, np.int64)
    lookup[_keys(spans, segments, width)] = np.arange(spans.num_rows)
    keys = _keys(advances, segments, width)
    return np.where(keys >= 0, lookup[np.maximum(keys, 0)], -1)


def _keys(table: pa.Table, segments: pa.Array, width: int) -> Ints:
    at = np.asarray(pc.fill_null(pc.index_in(table["segment"], segments), -1)).astype(np.int64)
    return np.where(at < 0, -1, at * width + np.asarray(table["span"]))


def _column(dial: tuple[Ints, Ints, Ints] | None, rows: Ints) -> tuple[Ints, Ints, Mask]:
    zeros = np.zeros(len(rows), np.int64)
    if dial is None or len(dial[0]) == 0:
        return zeros, zeros.copy(), np.zeros(len(rows), bool)
    have, values, estimated = dial
    at = np.minimum(np.searchsorted(have, rows), len(have) - 1)
    known = have[at] == rows
    return np.where(known, values[at], 0), np.where(known, estimated[at], 0), known
