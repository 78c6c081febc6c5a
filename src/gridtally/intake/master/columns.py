"""Steps 1-2: whole columns of master data: groups, periods that overlap, periods that leave gaps.

Days count from 1970-01-01; an open end is `FAR`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "FAR", "as_date", "codes", "days", "gaps", "groups", "overlaps", "reach", "rows_of", "together",
    "trimmed",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
FAR = (date.max - date(1970, 1, 1)).days + 1
"""An end that has not come: after every day."""
_SPAN, _ZERO = 1 << 23, 1 << 20
"""More days than there are from the first to the last date that is; days before 1970."""
_MOST = 1 << 39
"""Numbers of groups up to this leave room for a day in 63 bits."""


def as_date(day: int) -> date:
    """The date of a day number."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(day))


def days(column: pa.ChunkedArray, *, blank: int) -> Ints:
    """Dates as days since 1970; `blank` where there is none. Shape (rows,)."""
    filled = pc.fill_null(column.cast(pa.int32()).cast(pa.int64()), blank)
    return np.asarray(filled.to_numpy())


def codes(column: pa.ChunkedArray) -> tuple[Ints, int]:
    """Equal cells as equal numbers, and how many there are; an empty cell equals another."""
    coded = pa.concat_arrays([*column.chunks, pa.array([], column.type)])
    coded = coded.dictionary_encode(null_encoding="encode")
    return coded.indices.to_numpy().astype(np.int64), len(coded.dictionary) + 1


def groups(*columns: pa.ChunkedArray) -> Ints:
    """Rows of equal cells share a number. Shape (rows,)."""
    return together([codes(column) for column in columns])


def together(coded: Sequence[tuple[Ints, int]]) -> Ints:
    """The numbers of several columns as one: small enough to be sorted along with a day."""
    number, size = coded[0]
    for code, count in coded[1:]:
        if size * count >= _MOST:
            number = np.unique(number, return_inverse=True)[1].astype(np.int64)
            size = len(number)
        number, size = number * count + code, size * count
    if size >= _MOST:
        number = np.unique(number, return_inverse=True)[1].astype(np.int64)
    return number


def _ordered(key: Ints, first: Ints, after: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows by group and first day; for each but the first of its group, which earlier row reaches
    furthest. Gives order, position of that row within it (-1: none), and how far it reaches.
    """
    order = np.lexsort((np.arange(len(key)), first, key))
    end = key[order] * _SPAN + after[order] + _ZERO
    reach = np.maximum.accumulate(end) if len(end) else end
    place = np.maximum.accumulate(np.where(end == reach, np.arange(len(end)), 0))
    before = np.append(-1, place[:-1])[: len(key)]
    same = np.append(False, key[order][1:] == key[order][:-1])[: len(key)]
    before = np.where(same, before, -1)
    return (
        order,
        before,
        np.where(same, np.append(0, reach[:-1])[: len(key)] % _SPAN - _ZERO, -_ZERO),
    )


def overlaps(key: Ints, first: Ints, after: Ints) -> tuple[Ints, Ints]:
    """Rows of one group of which the first has not ended when the second begins.

    Each row is set against the earlier one that reaches furthest: earlier rows, later rows.
    """
    order, before, reach = _ordered(key, first, after)
    hit = np.flatnonzero((before >= 0) & (reach > first[order]))
    return order[before[hit]], order[hit]


def gaps(key: Ints, first: Ints, after: Ints) -> tuple[Ints, Ints]:
    """Rows of one group between which days are left out: the row before, the row after."""
    order, before, reach = _ordered(key, first, after)
    hit = np.flatnonzero((before >= 0) & (reach < first[order]))
    return order[before[hit]], order[hit]


def trimmed(key: Ints, first: Ints, after: Ints) -> Ints:
    """First days such that no row of a group begins before the earlier ones have ended."""
    order, _, reach = _ordered(key, first, after)
    later = np.empty_like(first)
    later[order] = np.maximum(first[order], reach)
    return later


def rows_of(names: pa.ChunkedArray, known: pa.ChunkedArray) -> Ints:
    """The row of `known` that has each name; -1 where there is none. Shape (names,)."""
    index = pc.index_in(names, value_set=pa.concat_arrays([*known.chunks, _none(known)]))
    return np.asarray(pc.fill_null(index, -1).to_numpy()).astype(np.int64)


def reach(
    known: pa.ChunkedArray, first: Ints, after: Ints, names: pa.ChunkedArray
) -> tuple[Ints, Ints]:
    """From when to when the rows of each name reach in all; an empty span where there is none."""
    low, high = np.full(len(known) + 1, FAR), np.full(len(known) + 1, -_ZERO)
    place = rows_of(known, known)
    np.minimum.at(low, place, first)
    np.maximum.at(high, place, after)
    at = rows_of(names, known)
    return low[at], high[at]


def _none(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([], column.type)
