"""Step 5: the demand of windows: power active and apparent, means of the largest, exactly.

Specification: `docs/tariff.md`, *demand* and *Apparent power*.
"""

from __future__ import annotations

from math import gcd, isqrt

import numpy as np
import numpy.typing as npt

from gridtally.terms import Windows

__all__ = ["apparent", "half_even", "measured"]

Ints = npt.NDArray[np.int64]
HOUR_S = 3600
_root = np.frompyfunc(isqrt, 1, 1)


def measured(windows: Windows, powers: Ints, days: Ints) -> Ints:
    """The measured demand of each row; `powers` has shape (rows, windows), `days` (windows,).

    The largest, the mean of all, or the mean of the so many largest, at most one of a day when
    these are to be distinct. No window: 0.
    """
    rows, count = powers.shape
    if not count:
        return np.zeros(rows, np.int64)
    if windows.mean:
        return half_even(powers.sum(axis=1), np.int64(count))
    if windows.distinct_days:
        starts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
        powers = np.maximum.reduceat(powers, starts, axis=1)
        count = len(starts)
    if windows.top is None:
        return np.asarray(powers.max(axis=1))
    top = min(windows.top, count)
    largest = np.partition(powers, count - top, axis=1)[:, count - top :]
    return half_even(largest.sum(axis=1), np.int64(top))


def half_even(numerator: Ints, denominator: Ints | np.int64) -> Ints:
    """numerator / denominator, rounded half even; denominators above zero."""
    whole, rest = np.divmod(numerator, denominator)
    if not rest.any():
        return np.asarray(whole)
    up = (2 * rest > denominator) | ((2 * rest == denominator) & (whole % 2 == 1))
    return np.asarray(whole + up)


def apparent(active: Ints, reactive: Ints, seconds: Ints) -> Ints:
    """√(P² + Q²) x 3600 / seconds of the energies of windows, rounded half even once.

    With 3600 / seconds = a / b this is √N / b for N = a² (P² + Q²): whole = ⌊√N⌋ // b, and one
    more where 4 N is above (b (2 whole + 1))².
    """
    result = np.zeros(active.shape, np.int64)
    for length in np.unique(seconds).tolist():
        shared = gcd(HOUR_S, length)
        top, bottom = HOUR_S // shared, length // shared
        mine = seconds == length
        p, q = active[:, mine], reactive[:, mine]
        bound = (int(np.abs(p).max(initial=0)) ** 2 + int(np.abs(q).max(initial=0)) ** 2) * top**2
        small = bound < 2**58 and bottom < 2**16
        if not small:
            p, q = p.astype(object), q.astype(object)
        square = (p * p + q * q) * top**2
        root = _int_root(square) if small else _root(square)
        whole = root // bottom
        edge = (bottom * (2 * whole + 1)) ** 2
        up = (4 * square > edge) | ((4 * square == edge) & (whole % 2 == 1))
        result[:, mine] = (whole + up).astype(np.int64)
    return result


def _int_root(square: Ints) -> Ints:
    """⌊√n⌋ of integers from 0 to 2^58, by Newton's way from above: it falls until it is there."""
    bits, rest = np.zeros(square.shape, np.int64), square
    for step in (32, 16, 8, 4, 2, 1):
        large = rest >> step > 0
        bits, rest = bits + step * large, np.where(large, rest >> step, rest)
    root = np.int64(1) << (bits + 2) // 2
    while True:
        lower = (root + square // np.maximum(root, 1)) // 2
        if (lower >= root).all():
            return root
        root = np.minimum(root, lower)
