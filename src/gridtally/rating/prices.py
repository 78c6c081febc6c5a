"""Step 5: what a component makes of the prices of a series, worked out once for all readings.

Blocks of rows, stretches of days and buckets of points ask for the same steps again and again: a
price is made when it is first asked for, and then kept beside the digits that sums need.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt

from gridtally.market import Series
from gridtally.rating.charges import Energy
from gridtally.rating.exact import Column, divide

__all__ = ["PRICE_DECIMALS", "PriceBook", "Prices", "Steps", "price"]

Ints = npt.NDArray[np.int64]
_KEPT = 8
"""Series whose prices are kept: a run has one, a comparison of runs a few."""
PRICE_DECIMALS = 19
"""A price counts 10^-19: 8 decimals of the step, 8 of `times`, 3 of the unit."""


def price(step: Decimal, units: int, times: Fraction, plus: Fraction, charge: Energy) -> int:
    """The price of a step. [10^-19 per kWh]"""
    found = Fraction(step) / units * times + plus
    if charge.floor is not None:
        found = max(found, Fraction(charge.floor))
    if charge.cap is not None:
        found = min(found, Fraction(charge.cap))
    exact = found * 10**PRICE_DECIMALS
    assert exact.denominator == 1, "a price has at most 19 decimals"
    if charge.round_price is None:
        return int(exact.numerator)
    point = charge.round_price.point()
    unit: int = 10 ** (PRICE_DECIMALS - point.places)
    return int(divide(np.array([exact.numerator], object), unit, point.mode)[0]) * unit


class PriceBook:
    """The prices of one component, by series. Threads may share it: at worst one works twice."""

    def __init__(self, charge: Energy, units: int) -> None:
        self._charge, self._units = charge, units
        self._known: dict[int, Steps] = {}

    def steps(self, series: Series) -> Steps:
        """A series whose prices are kept."""
        found = self._known.get(id(series))
        if found is None or found.series is not series:
            while len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)), None)
            found = self._known[id(series)] = Steps(series, self._charge, self._units)
        return found


class Steps:
    """A series with equal neighbours joined, and the prices of its steps."""

    def __init__(self, series: Series, charge: Energy, units: int) -> None:
        self.series = series
        self._charge, self._units = charge, units
        self._prices: dict[tuple[Fraction, Fraction], Prices] = {}
        first = [
            i for i, value in enumerate(series.values) if not i or value != series.values[i - 1]
        ]
        self._starts = np.array([series.starts[i] for i in first], np.int64)
        self._values = [series.values[i] for i in first]
        self._without = np.array([value is None for value in self._values], bool)

    def at(self, instants: Ints) -> Ints:
        """The step of each instant, -1 before the first."""
        return np.searchsorted(self._starts, instants, side="right") - 1

    def unknown(self, step: Ints, ends: Ints) -> int | None:
        """The first of these steps that has no value, or does not last to the end asked for."""
        without = (step < 0) | (ends > self.series.to) | self._without[step]
        return int(np.argmax(without)) if without.any() else None

    def prices(self, times: Fraction, plus: Fraction, needed: Iterable[int]) -> Prices:
        """The prices of the steps that are needed, and others that were needed before."""
        found = self._prices.get((times, plus))
        if found is not None and found.made.issuperset(needed):
            return found
        whole = dict(found.whole) if found else {}
        for i in needed:
            value = self._values[i]
            assert value is not None
            if i not in whole:
                whole[i] = price(value, self._units, times, plus, self._charge)
        made = self._prices[times, plus] = Prices(whole, len(self._values))
        return made


class Prices:
    """Prices as whole numbers of 10^(shift-19), and as digits of a few bits."""

    def __init__(self, whole: dict[int, int], count: int) -> None:
        self.whole = whole
        self.made = frozenset(whole)
        shared, self.shift = gcd(10**PRICE_DECIMALS, *whole.values()), 0
        while shared % 10 == 0:
            shared, self.shift = shared // 10, self.shift + 1
        self.units: Column = np.zeros(count, object)
        for i, number in whole.items():
            self.units[i] = number // 10**self.shift
        self._digits: dict[int, list[Ints]] = {}

    def split(self, digits: int) -> tuple[Column, Column, npt.NDArray[np.bool_]]:
        """The sizes of the prices in two, before the last so many digits and these; which are
        below zero."""
        size = np.abs(self.units)
        below = np.asarray(self.units < 0, bool)
        return size // 10**digits, size % 10**digits, below

    def digits(self, bits: int) -> list[Ints]:
        """The prices of the steps in base 2^bits, the lowest digit first, signs in each digit."""
        found = self._digits.get(bits)
        if found is None:
            found, rest = [], np.abs(self.units)
            sign = np.where(self.units < 0, -1, 1).astype(np.int64)
            while rest.any():
                found.append((rest % 2**bits).astype(np.int64) * sign)
                rest = rest // 2**bits
            self._digits[bits] = found
        return found
