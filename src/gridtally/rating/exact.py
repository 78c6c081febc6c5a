"""Step 6: exact integers on whole columns; int64 where a bound proves it, Python integers else."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.money import Rounding
from gridtally.terms import RoundingMode

__all__ = [
    "E8", "Column", "add", "decimals", "divide", "fraction_texts", "integers", "largest",
    "product", "round_to", "scaled", "to_step", "total",
]  # fmt: skip

Column = npt.NDArray[Any]
"""Integers: dtype int64, or object holding Python integers."""
E8 = 10**8
"""Amounts and prices are counted in 10^-8."""
_SAFE = 2**62


def largest(column: Column) -> int:
    """The largest absolute value of a column, 0 when it is empty."""
    if column.size == 0:
        return 0
    return max(abs(int(column.max())), abs(int(column.min())))


def product(*factors: Column | int) -> Column:
    """The product of columns and integers, exactly: int64 when no row can overflow."""
    bound = 1
    for factor in factors:
        bound *= max(1, largest(factor) if isinstance(factor, np.ndarray) else abs(factor))
    kind = np.int64 if bound < _SAFE else object
    result: Any = 1
    for factor in sorted(factors, key=lambda f: isinstance(f, np.ndarray)):
        result = result * (factor.astype(kind) if isinstance(factor, np.ndarray) else factor)
    assert isinstance(result, np.ndarray), "at least one factor must be a column"
    return result


def add(left: Column, right: Column) -> Column:
    """The sum of two columns, exactly."""
    if left.dtype == right.dtype == np.int64 and largest(left) + largest(right) < _SAFE:
        return np.asarray(left + right)
    return np.asarray(left.astype(object) + right.astype(object))


def total(column: Column, starts: npt.NDArray[np.int64]) -> Column:
    """Sums of consecutive rows, from each of `starts` (increasing) to the next, exactly."""
    if column.size and largest(column) * column.size >= _SAFE:
        column = column.astype(object)
    if len(starts) == 0:
        return np.zeros(0, np.int64)
    return np.asarray(np.add.reduceat(column, starts))


def divide(numerator: Column, denominator: Column | int, mode: RoundingMode) -> Column:
    """numerator / denominator, rounded once to an integer by `mode`; denominators above zero."""
    big = largest(denominator) if isinstance(denominator, np.ndarray) else denominator
    if numerator.dtype == np.int64 and big >= _SAFE:
        numerator = numerator.astype(object)
    if isinstance(denominator, np.ndarray) and denominator.dtype == object:
        numerator = numerator.astype(object)
    size = np.abs(numerator)
    whole = size // denominator
    rest = size - whole * denominator
    if mode is RoundingMode.UP:
        up = rest > 0
    elif mode is RoundingMode.HALF_UP:
        up = rest >= denominator - rest
    elif mode is RoundingMode.HALF_EVEN:
        tie = rest == denominator - rest
        up = (rest > denominator - rest) | (tie & (whole % 2 == 1))
    else:
        up = np.zeros(size.shape, bool)
    whole = whole + up.astype(bool)
    return np.asarray(np.where(numerator < 0, -whole, whole))


def to_step(column: Column, step: int, mode: RoundingMode) -> Column:
    """A column rounded to whole steps, a step above zero."""
    return product(divide(column, step, mode), step)


def scaled(value: Decimal) -> tuple[int, int]:
    """A decimal as (integer, decimals), without trailing zeros."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    number = int("".join(map(str, digits))) * (-1 if sign else 1)
    while number and number % 10 == 0 and exponent < 0:
        number, exponent = number // 10, exponent + 1
    return (number, -exponent) if exponent < 0 else (number * 10**exponent, 0)


def round_to(
    quantity: Column,
    *,
    decimals: int,
    price: Decimal | Column,
    factor: Fraction | tuple[Column, Column],
    rounding: Rounding,
) -> Column:
    """round(quantity x price x factor), in 10^-8 of the currency.

    `quantity` counts 10^-decimals units, a price per row 10^-8; `factor` is one fraction for all
    rows, or a pair of columns numerator and denominator.
    """
    if not isinstance(price, Decimal):
        parts = (factor.numerator, factor.denominator) if isinstance(factor, Fraction) else factor
        shift = decimals + 8 - rounding.places
        top = product(quantity, price, parts[0], 10 ** max(0, -shift))
        bottom = product(np.full(len(quantity), 10 ** max(0, shift), object), parts[1])
        units = divide(top, bottom, rounding.mode)
        return product(units, 10 ** (8 - rounding.places))
    number, places = scaled(price)
    shift = decimals + places - rounding.places
    top, bottom = number * 10 ** max(0, -shift), 10 ** max(0, shift)
    if isinstance(factor, Fraction):
        top, bottom = top * factor.numerator, bottom * factor.denominator
        shared = gcd(top, bottom)
        units = divide(product(quantity, top // shared), bottom // shared, rounding.mode)
    else:
        shared = gcd(top, bottom)
        units = _proportion(quantity, factor, top // shared, bottom // shared, rounding.mode)
    return product(units, 10 ** (8 - rounding.places))


def _proportion(
    quantity: Column, factor: tuple[Column, Column], top: int, bottom: int, mode: RoundingMode
) -> Column:
    """quantity x part / whole x top / bottom, rounded once; `factor` is (part, whole).

    The product does not fit 63 bits, but dividing by the whole first, and keeping the rest, does:
    q p t / (w b) = (u t + v + r / w) / b with q p = u w + s, s t = v w + r.
    """
    part, whole = factor
    size, many = abs(top), largest(whole)
    fits = (
        all(column.dtype == np.int64 for column in (quantity, part, whole))
        and largest(quantity) * largest(part) < 2 * _SAFE
        and (largest(quantity) + 1) * size < _SAFE
        and many * max(size, 2 * bottom) < _SAFE
        and bool((part <= whole).all() and (quantity >= 0).all() and (part >= 0).all())
    )
    if not fits:
        return divide(product(quantity, part, top), product(whole, bottom), mode)
    u, s = np.divmod(quantity * part, whole)
    v, r = np.divmod(s * size, whole)
    units, y = np.divmod(u * size + v, bottom)
    odd = units % 2  # a tie to the even digit depends on it
    rest = divide(y * whole + r + odd * whole * bottom, whole * bottom, mode)
    return np.asarray((units - odd + rest) * (-1 if top < 0 else 1))


def decimals(column: Column, type_: pa.DataType) -> pa.Array:
    """A decimal128 column whose unscaled integers are `column`."""
    limbs = np.empty((len(column), 2), np.int64)
    if column.dtype == np.int64:
        limbs[:, 0] = column
        limbs[:, 1] = column >> 63
    else:
        mask = 2**64 - 1
        low = np.fromiter((int(v) & mask for v in column), np.uint64, len(column))
        limbs[:, 0] = low.view(np.int64)
        limbs[:, 1] = np.fromiter((int(v) >> 64 for v in column), np.int64, len(column))
    return pa.Array.from_buffers(type_, len(column), [None, pa.py_buffer(limbs)])


def integers(column: pa.ChunkedArray | pa.Array) -> Column:
    """The unscaled integers of a decimal128 column without nulls."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if len(whole) == 0:
        return np.zeros(0, np.int64)
    limbs = np.frombuffer(whole.buffers()[1], np.int64)[2 * whole.offset :][: 2 * len(whole)]
    low, high = limbs[0::2], limbs[1::2]
    if (high == low >> 63).all():
        return low.copy()
    return np.asarray(high.astype(object) * 2**64 + low.view(np.uint64).astype(object))


def fraction_texts(numerator: Column, denominator: Column) -> list[str]:
    """The texts of a column of fractions, none below zero, in lowest terms: `17/31`."""
    shared = np.gcd(numerator, denominator)
    pairs = zip((numerator // shared).tolist(), (denominator // shared).tolist(), strict=True)
    return [f"{top}/{bottom}" if bottom != 1 else str(top) for top, bottom in pairs]
