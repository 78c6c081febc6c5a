"""Step 2: how the intervals of NEM12 days came to be: one method for all (300), or ranges (400).

The ranges of a day leave no interval out and cover none twice. Where they leave some out and the
300 record itself names their method, that one is meant; with V it names none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.mdff import METHOD, QUALITY, texts
from gridtally.intake.text import Cells

__all__ = ["Spans", "spans_of"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Number = Callable[[Ints, Sequence[str]], Ints]
"""Makes a column of texts one of numbers that hold for the whole file."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Ranges of intervals `[first, last)` of one method, reason and description, by day.

    `day`, `first`, `last`, `said` (method, reason, text, as numbers) have shape (spans,) each;
    `wrong`, `varied` (it has 400 records) and `partial` (they leave intervals out) shape (days,),
    `quality` (intervals of all days,).
    `heads`: what the 300 records themselves say, as `said`. A wrong day has one span without value.
    """

    day: Ints
    first: Ints
    last: Ints
    said: tuple[Ints, Ints, Ints]
    quality: npt.NDArray[np.uint8]
    wrong: Bools
    varied: Bools
    partial: Bools
    heads: tuple[Ints, Ints, Ints]


def spans_of(
    piece: Cells, kind: Ints, rows: Ints, slots: Ints, *, number: Number, position: Ints
) -> Spans:
    """The spans of the 300 records at `rows`; `position` is where their methods stand."""
    heads, letters = _said(piece, rows, position, number)
    row = np.flatnonzero(kind == 400)
    above = np.maximum.accumulate(np.where(kind == 300, np.arange(len(kind)), -1))[row]
    day = np.searchsorted(rows, above)
    ours = (day < len(rows)) & (rows[np.minimum(day, len(rows) - 1)] == above) if len(rows) else []
    row, day = row[ours], day[ours]
    said, own = _said(piece, row, np.full(len(row), 3), number)
    first, last = (_interval(piece, row, at) for at in (1, 2))
    bad = (own < 0) | (first < 1) | (first > last) | (last > slots[day])
    order = np.lexsort((first, day))
    day, first, last, own = (column[order] for column in (day, first - 1, last, own))
    bad = bad[order]
    said = (said[0][order], said[1][order], said[2][order])
    varied = np.zeros(len(rows), bool)
    varied[day] = True
    gap_day, gap_first, gap_last = _gaps(day, first, last, np.where(varied, slots, 0))
    twice = (day[1:] == day[:-1]) & (first[1:] < last[:-1])
    wrong = ~varied & (letters < 0)
    wrong[day[bad]] = True
    wrong[day[1:][twice]] = True
    wrong[gap_day[letters[gap_day] < 0]] = True
    partial = np.zeros(len(rows), bool)
    partial[gap_day] = True
    # A day without 400 records is one span; so is a wrong one, whose intervals have no value.
    whole = np.flatnonzero(~varied | wrong)
    inside, holes = ~wrong[day], ~wrong[gap_day]
    fill = np.concatenate([gap_day[holes], whole])
    every = np.concatenate([day[inside], fill])
    begin = np.concatenate([first[inside], gap_first[holes], np.zeros(len(whole), np.int64)])
    end = np.concatenate([last[inside], gap_last[holes], slots[whole]])
    code = np.concatenate([own[inside], np.where(wrong[fill], 0, letters[fill])])
    columns = [np.concatenate([c[inside], h[fill]]) for c, h in zip(said, heads, strict=True)]
    order = np.lexsort((begin, every))
    quality = np.repeat(code[order].astype(np.uint8), (end - begin)[order])
    return Spans(
        every[order], begin[order], end[order],
        (columns[0][order], columns[1][order], columns[2][order]), quality, wrong, varied, partial,
        heads,
    )  # fmt: skip


def _gaps(day: Ints, first: Ints, last: Ints, slots: Ints) -> tuple[Ints, Ints, Ints]:
    """What the ranges of each day with ranges leave out: day, first, last. `slots` per day."""
    new, final = np.ones(len(day), bool), np.ones(len(day), bool)
    new[1:] = day[1:] != day[:-1]
    final[:-1] = new[1:]
    before = np.where(new, 0, np.concatenate([[0], last[:-1]])[: len(day)])
    hole = np.flatnonzero(first > before)
    tail = np.flatnonzero(final & (last < slots[day]))
    return (
        np.concatenate([day[hole], day[tail]]),
        np.concatenate([before[hole], last[tail]]),
        np.concatenate([first[hole], slots[day[tail]]]),
    )


def _said(
    piece: Cells, rows: Ints, position: Ints, number: Number
) -> tuple[tuple[Ints, Ints, Ints], Ints]:
    """Method, reason and description as numbers, and the quality code; -1: none, or V."""
    codes, methods = texts(piece, rows, position)
    letters = [
        QUALITY.get(method[:1].upper(), -1) if METHOD.match(method) else -1 for method in methods
    ]
    reason, text = (number(*texts(piece, rows, position + more)) for more in (1, 2))
    quality = np.array(letters, dtype=np.int64)[codes]
    return (number(codes, methods), reason, text), quality


def _interval(piece: Cells, rows: Ints, position: int) -> Ints:
    """Numbers of intervals; 0 where there is none."""
    codes, found = texts(piece, rows, position)
    numbers = [int(text[:6]) if text.isascii() and text.isdigit() else 0 for text in found]
    return np.array(numbers, dtype=np.int64)[codes]
