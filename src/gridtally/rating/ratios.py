"""Step 6: exact numbers that are one for all rows, or one per row: factors, values, metrics."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gridtally.money import Rounding
from gridtally.rating.exact import Column, add, divide, product
from gridtally.terms import RoundingMode

__all__ = [
    "ONE", "ZERO", "Factor", "above", "column", "counted", "minus", "over", "plus", "positive",
    "rounded", "times",
]  # fmt: skip

Mask = npt.NDArray[np.bool_]
Factor = Fraction | tuple[Column, Column]
"""One fraction for all rows, or a pair of columns: numerators, and denominators above zero."""
ZERO, ONE = Fraction(0), Fraction(1)


def counted(values: Column, decimals: int) -> Factor:
    """A column of integers that count 10^-decimals."""
    return values, np.full(len(values), 10**decimals, np.int64)


def column(number: Factor, rows: int) -> tuple[Column, Column]:
    """Numerators and denominators of each row."""
    if isinstance(number, Fraction):
        big = max(abs(number.numerator), number.denominator) >= 2**62
        kind = object if big else np.int64
        return np.full(rows, number.numerator, kind), np.full(rows, number.denominator, kind)
    return number


def times(*numbers: Factor) -> Factor:
    """The product."""
    one, tops, bottoms = ONE, [], []
    for number in numbers:
        if isinstance(number, Fraction):
            one *= number
        else:
            tops.append(number[0])
            bottoms.append(number[1])
    if not tops:
        return one
    return product(*tops, one.numerator), product(*bottoms, one.denominator)


def plus(left: Factor, right: Factor) -> Factor:
    """The sum."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left + right
    (a, b), (c, d) = _pair(left), _pair(right)
    return add(_of(a, d), _of(c, b)), _of(b, d)


def minus(left: Factor, right: Factor) -> Factor:
    """The difference."""
    return plus(left, times(right, Fraction(-1)))


def over(left: Factor, right: Factor) -> Factor:
    """The quotient; the divisor is above zero."""
    if isinstance(right, Fraction):
        return times(left, 1 / right)
    return times(left, (right[1], right[0]))


def positive(number: Factor) -> Factor:
    """The number where it is above zero, else zero."""
    if isinstance(number, Fraction):
        return max(number, ZERO)
    return np.where(number[0] > 0, number[0], 0), number[1]


def above(left: Factor, right: Factor, *, rows: int) -> Mask:
    """Where the left number is above the right one."""
    (a, b), (c, d) = column(left, rows), column(right, rows)
    return np.asarray(add(product(a, d), -product(c, b)) > 0).astype(bool)


def rounded(number: Factor, *, decimals: int, mode: RoundingMode, rows: int) -> Column:
    """Each row's number in 10^-decimals, rounded once."""
    top, bottom = column(number, rows)
    return divide(product(top, 10**decimals), bottom, mode)


def rounded_fraction(number: Fraction, rounding: Rounding) -> Fraction:
    """A fraction rounded to a decimal, exactly."""
    units = divide(
        np.array([number.numerator * 10**rounding.places], object),
        number.denominator,
        rounding.mode,
    )
    return Fraction(int(units[0]), 10**rounding.places)


def _pair(number: Factor) -> tuple[Column | int, Column | int]:
    if isinstance(number, Fraction):
        return number.numerator, number.denominator
    return number


def _of(left: Column | int, right: Column | int) -> Column:
    return product(left, right)
