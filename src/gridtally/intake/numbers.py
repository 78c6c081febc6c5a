"""Step 2: columns of decimal text become exact integers, without one loop per value.

The bytes are checked before anything is computed: `-`, ASCII digits, one dot. `NaN`, exponents,
underscores, blanks, `+`, full-width digits and the like are never numbers here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.money import Rounding
from gridtally.terms import RoundingMode

__all__ = [
    "EMPTY", "FINER", "LARGE", "LONG", "OK", "ROUNDED", "SYNTAX", "Numbers", "integers", "micro",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]

OK, EMPTY, SYNTAX, LONG, FINER, LARGE, ROUNDED = range(7)
"""What a cell is: a number, nothing, no number, over 18 digits, finer than 10^-6, too large,
or rounded as declared."""

_WIDTH = 48
"""Longest text that can be a number; more is no number."""
_DIGITS = 18
_MOST = (1 << 63) - 1
_CHUNK = 1 << 15
"""Values per pass: what a pass touches stays in the processor's cache (measured: 2 x faster)."""
_POWERS = np.array([10**n for n in range(19)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Integers and the state of each: shape (n,); the value is 0 where the state is no number."""

    value: Ints
    state: States


def micro(
    data: Bytes,
    starts: Ints,
    ends: Ints,
    power: Ints | int,
    *,
    limit: int,
    rounding: Rounding | None = None,
    factor: int = 1,
) -> Numbers:
    """The decimals in `data[start:end]`, each times 10^power, as whole numbers. Shape (n,).

    `data` goes on for 48 bytes after the last cell (`text.piece_of` sees to it).
    `power` is 6 for a unit whose millionth is stored. A result beyond `limit` is LARGE; one that is
    not whole is FINER, or ROUNDED to `rounding.places` decimals of the unit with power 6.
    `factor`: a whole number that each is multiplied by.
    """
    count = len(starts)
    value, state = np.zeros(count, np.int64), np.zeros(count, np.int8)
    for at in range(0, count, _CHUNK):
        part = slice(at, at + _CHUNK)
        digits, places, found = _scan(data, starts[part], ends[part])
        if factor != 1:
            found[(found == OK) & (np.abs(digits) > _MOST // factor)] = LARGE
            digits = np.where(found == OK, digits * factor, 0)
        shift = (power if isinstance(power, int) else power[part]) - places
        value[part], state[part] = _scale(digits, shift, found, limit, rounding)
    return Numbers(value, state)


def integers(data: Bytes, starts: Ints, ends: Ints) -> Numbers:
    """Whole numbers, no dot, at most 18 digits. Shape (n,)."""
    digits, places, state = _scan(data, starts, ends)
    state = np.where((state == OK) & (places > 0), SYNTAX, state).astype(np.int8)
    return Numbers(np.where(state == OK, digits, 0), state)


def _scan(data: Bytes, starts: Ints, ends: Ints) -> tuple[Ints, Ints, States]:
    """All digits as one integer, how many stood after the dot, and the state, for each cell."""
    length = ends - starts
    count = len(starts)
    value, places = np.zeros(count, np.int64), np.zeros(count, np.int64)
    significant, dot = np.zeros(count, np.int64), np.zeros(count, bool)
    bad, digit_seen = length > _WIDTH, np.zeros(count, bool)
    minus = np.zeros(count, bool)
    for column in range(min(int(length.max(initial=0)), _WIDTH)):
        inside = column < length
        char = data[starts + column]
        digit = char - np.uint8(48)
        is_digit = (digit < 10) & inside
        is_dot = (char == 46) & inside & ~dot
        wrong = inside & ~is_digit & ~is_dot
        if column == 0:
            minus = (char == 45) & inside
            wrong &= ~minus
        bad |= wrong
        value = np.where(is_digit, value * 10 + digit, value)
        digit_seen |= is_digit
        significant += is_digit & ((significant > 0) | (digit > 0))
        places += is_digit & dot
        dot |= is_dot
    bad |= ~digit_seen | (dot & (places == 0))
    state = np.where(significant > _DIGITS, LONG, OK)
    state = np.where(bad, SYNTAX, state)
    state = np.where(length == 0, EMPTY, state).astype(np.int8)
    return np.where(state == OK, np.where(minus, -value, value), 0), places, state


def _scale(
    digits: Ints, shift: Ints, state: States, limit: int, rounding: Rounding | None
) -> tuple[Ints, States]:
    """Digits times 10^shift, exactly; what does not fit or is not whole says so."""
    up = np.clip(shift, 0, 18)
    large = np.abs(digits) > limit // _POWERS[up]
    value = np.where(large, 0, digits) * _POWERS[up]
    finer = (shift < 0) & (digits != 0)
    if finer.any():
        at = np.flatnonzero(finer)
        down = _POWERS[np.minimum(-shift[at], 18)]
        whole = digits[at] // down
        exact = (digits[at] % down == 0) & (-shift[at] <= 18)
        value[at] = np.where(exact, whole, 0)
        large[at] = np.abs(value[at]) > limit
        finer[at] = ~exact
        inexact = at[~exact]
        if rounding is not None and inexact.size:
            value[inexact] = _round(digits[inexact], -shift[inexact], rounding)
    fine_state = FINER if rounding is None else ROUNDED
    state = np.where((state == OK) & finer, fine_state, state)
    state = np.where((state == OK) & large, LARGE, state).astype(np.int8)
    good = (state == OK) | (state == ROUNDED)
    return np.where(good, value, 0), state


def _round(digits: Ints, down: Ints, rounding: Rounding) -> Ints:
    """Round digits / 10^down to whole steps of 10^(6 - places), on magnitudes as terms.py says."""
    step = 10 ** (6 - rounding.places)
    exponent = down + (6 - rounding.places)
    divisor = _POWERS[np.minimum(exponent, 18)]
    size = np.abs(digits)
    far = exponent > 18
    whole, rest = np.where(far, 0, size // divisor), np.where(far, size, size % divisor)
    above = ~far & (2 * rest > divisor)
    tie = ~far & (2 * rest == divisor)
    # Beyond 10^18 a half may still be reached: 18 digits over 10^19 never exceed 0.1 of a step.
    up = {
        RoundingMode.HALF_UP: above | tie,
        RoundingMode.HALF_EVEN: above | (tie & (whole % 2 == 1)),
        RoundingMode.DOWN: np.zeros(len(digits), bool),
        RoundingMode.UP: rest > 0,
    }[rounding.mode]
    rounded: Ints = np.sign(digits) * (whole + up) * step
    return rounded
