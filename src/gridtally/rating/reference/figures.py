"""Step 6, the second opinion: exact numbers, and how the pages write them.

Every number is a whole number of millionths or a fraction; a float never comes to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor, isqrt
from typing import Any

__all__ = [
    "MICRO",
    "REMEMBERED",
    "Held",
    "Value",
    "decimal",
    "micro",
    "nearest_root",
    "plain",
    "rounded",
]

MICRO = 1_000_000
REMEMBERED = 1 << 16
"""How many answers are kept of what thousands of cases ask again: of hours, days and prices."""
HALF_EVEN = {"places": 0, "mode": "half_even"}


class Held(Exception):
    """The pages say: no lines for this segment."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Value:
    """A number of the document, or the name of the term that gives it; both within bounds."""

    number: Fraction | None = None
    term: str = ""
    least: Fraction | None = None
    most: Fraction | None = None
    above_zero: bool = False

    def allows(self, number: Fraction) -> bool:
        """Whether the place takes this number."""
        return not (
            (self.least is not None and number < self.least)
            or (self.most is not None and number > self.most)
            or (self.above_zero and number == 0)
        )


def rounded(value: Fraction, how: Mapping[str, Any]) -> Fraction:
    """Round to `places` decimals; every mode treats a negative number as its mirror image."""
    scale, one = 10 ** int(how["places"]), value.denominator
    whole, rest = divmod(abs(value.numerator) * scale, one)  # the rest in parts of `one`
    up = {
        "half_up": 2 * rest >= one,
        "half_even": 2 * rest > one or (2 * rest == one and whole % 2 == 1),
        "down": False,
        "up": rest > 0,
    }[how["mode"]]
    return Fraction(whole + up if value.numerator >= 0 else -whole - up, scale)


def micro(value: Fraction) -> int:
    """A quantity as a whole number of millionths, rounded half even."""
    return int(rounded(value * MICRO, HALF_EVEN))


def nearest_root(square: Fraction) -> int:
    """The whole number nearest to the square root, half even, by comparing squares alone."""
    root = isqrt(floor(square))  # the largest whole number whose square is not above
    half = (root + Fraction(1, 2)) ** 2
    return root + (square > half or (square == half and root % 2 == 1))


def plain(value: Fraction) -> str:
    """An exact decimal as text: no exponent, no trailing zero, no minus zero."""
    places = 0
    while 10**places % value.denominator:  # until it counts whole parts of that size
        places += 1
        if places > 60:
            raise ArithmeticError(f"{value} is no decimal")
    parts = abs(value.numerator) * 10**places // value.denominator
    digits = str(parts).rjust(places + 1, "0")
    point = len(digits) - places
    return ("-" if value < 0 else "") + digits[:point] + ("." + digits[point:] if places else "")


@lru_cache(maxsize=REMEMBERED, typed=True)  # typed: 1 is a number, and True is none
def decimal(value: object) -> Fraction:
    """A plain decimal below a million with at most 8 decimals."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,8})?", text, re.ASCII):
        raise ValueError(f"{str(value)[:40]!r} is not an exact decimal")
    return Fraction(text)
