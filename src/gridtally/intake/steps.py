"""Step 2: the length of the intervals of a channel, when the file gives only their starts.

The rule: the smallest step between two starts of the channel, provided that it divides all the
others, and the hour. A few readings off the grid do not change it: when a tenth of the steps or
fewer is that small, the common grid of most starts decides. A channel with one start takes
the length of the file's other channels if they all have the same. Otherwise it stays unknown.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["UNKNOWN", "infer", "lend", "measure", "mixed", "usable"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNKNOWN = 0
_SHORTEST, _HOUR = 60, 3600
_GRIDS = (3600, 1800, 900, 300, 60)
_RARE = 10
_STEADY = 3
"""As many larger steps in a row are no gaps but another interval length."""


def usable(seconds: Ints | int) -> Bools:
    """Lengths that divide the hour, of a minute or more."""
    length = np.asarray(seconds)
    fits: Bools = (length >= _SHORTEST) & (_HOUR % np.maximum(length, 1) == 0)
    return fits


def measure(key: Ints, start: Ints, keys: int) -> tuple[Ints, Bools]:
    """The length of each of `keys` channels [s], `UNKNOWN` where it is not plain; which are alone.

    Alone is a channel of which there is one start: see `lend`.
    """
    result = np.zeros(keys, np.int64)
    key, start = _distinct(key, start)
    inner = np.diff(key) == 0
    step, owner = np.diff(start)[inner], key[1:][inner]
    if step.size:
        first = np.flatnonzero(np.concatenate([[True], np.diff(owner) != 0]))
        owners = owner[first]
        smallest = np.minimum.reduceat(step, first)
        lengths = np.diff(np.append(first, len(step)))
        least = np.repeat(smallest, lengths)
        even = np.maximum.reduceat(step % least, first)
        common = np.add.reduceat((step == least).astype(np.int64), first) * _RARE > lengths
        plain = (even == 0) & usable(smallest) & common
        result[owners[plain]] = smallest[plain]
        for one in owners[~plain].tolist():
            result[one] = _despite_strays(start[key == one])
    alone = np.zeros(keys, bool)
    alone[key] = True
    alone[owner] = False
    return result, alone


def infer(key: Ints, start: Ints, keys: int) -> Ints:
    """The interval length of each of `keys` channels [s], `UNKNOWN` where it is not plain."""
    return lend(*measure(key, start, keys))


def lend(lengths: Ints, alone: Bools) -> Ints:
    """Lengths in which channels with one start have that of all the others, if these agree."""
    known = np.unique(lengths[lengths != UNKNOWN])
    return np.where(alone, known[0], lengths) if len(known) == 1 else lengths


def mixed(key: Ints, start: Ints, seconds: Ints) -> Bools:
    """Rows in a stretch that has a steady larger step: another length is hidden there. Shape (n,).

    `seconds` is the inferred length of each row. Rows come in any order.
    """
    place = (key << 33) + start
    order = np.arange(len(place))
    if (np.diff(place) < 0).any():
        order = np.argsort(place, kind="stable")
    step = np.where(np.diff(key[order]) == 0, np.diff(start[order]), 0)
    step = np.where(step > seconds[order][1:], step, 0)
    flagged = np.zeros(len(place), bool)
    if len(step) >= _STEADY and step.any():
        run = np.concatenate([[0], np.cumsum(np.diff(step) != 0)])
        long = np.bincount(run)[run] >= _STEADY
        hit = long & (step > 0)
        flagged[:-1] |= hit
        flagged[1:] |= hit
    result = np.zeros(len(place), bool)
    result[order] = flagged
    return result


def _distinct(key: Ints, start: Ints) -> tuple[Ints, Ints]:
    """Sorted pairs without repetition."""
    place = (key << 33) + start
    steps = np.diff(place)
    if (steps < 0).any():
        place = np.sort(place)
        steps = np.diff(place)
    if (steps == 0).any():
        place = place[np.concatenate([[True], steps != 0])]
    return place >> 33, place & ((1 << 33) - 1)


def _despite_strays(start: Ints) -> int:
    """The length by the starts that lie on a common grid, if most of them do."""
    for grid in _GRIDS:
        on_grid = start[start % grid == 0]
        if len(on_grid) < 2 or 2 * len(on_grid) <= len(start):
            continue
        step = np.diff(on_grid)
        smallest = int(step.min())
        if not (step % smallest).any() and bool(usable(smallest)):
            return smallest
    return UNKNOWN
