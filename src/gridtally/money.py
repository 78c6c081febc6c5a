"""Shared by every room: exact numbers. No binary float between a reading and a cent.

Energy is an integer of 10^-6 kWh (`ukwh`), power of 10^-6 kW (`ukw`).
Prices are decimals from text. Money in a ledger is an integer of the smallest unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
)
from fractions import Fraction

from gridtally.terms import RoundingMode

__all__ = [
    "MICRO",
    "Rounding",
    "allocate",
    "minor_digits",
    "number",
    "parse_decimal",
    "round_fraction",
    "to_minor",
]

MICRO = 1_000_000
"""Micro-units in one unit: 10^6 ukwh are one kWh."""

_EXACT = Context(prec=100)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17}|0[0-9]{1,17})(?:\.[0-9]{1,18})?\Z")
_MODES = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.DOWN: ROUND_DOWN,
    RoundingMode.UP: ROUND_UP,
}
_MINOR = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip


def parse_decimal(text: str, *, places_max: int = 18) -> Decimal:
    """Return the decimal that plain ASCII `text` spells; refuse everything else.

    `Decimal()` itself accepts NaN, full-width digits, underscores and 1e9999999: this does not.
    Raises `ValueError` with the reason.
    """
    if len(text) > 40 or not _DECIMAL.match(text):
        raise ValueError(f"{text[:40]!r} is not a plain decimal number")
    value = Decimal(text)
    if -value.as_tuple().exponent > places_max:  # type: ignore[operator]
        raise ValueError(f"{text!r} has more than {places_max} decimals")
    return abs(value) if value == 0 else value


def number(value: Decimal | int | Fraction) -> str:
    """The canonical text of an exact number: no exponent, no trailing zero, no minus zero.

    A fraction that no decimal spells is written `numerator/denominator`.
    """
    if isinstance(value, Fraction):
        terminating = value.denominator
        for prime in (2, 5):
            while terminating % prime == 0:
                terminating //= prime
        if terminating != 1:
            return f"{value.numerator}/{value.denominator}"
        value = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    text = format(Decimal(value), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True)
class Rounding:
    """A declared rounding point: to `places` decimals by `mode`."""

    places: int
    mode: RoundingMode

    def apply(self, value: Decimal) -> Decimal:
        """Round a decimal. Exact for up to 100 digits."""
        return _EXACT.create_decimal(value).quantize(
            Decimal(1).scaleb(-self.places), rounding=_MODES[self.mode], context=_EXACT
        )


def round_fraction(value: Fraction, rounding: Rounding) -> Decimal:
    """Round an exact fraction to a decimal, as `rounding` declares."""
    scaled = value * 10**rounding.places
    whole, rest = divmod(abs(scaled.numerator), scaled.denominator)
    twice, sign = 2 * rest, -1 if scaled < 0 else 1
    up = {
        RoundingMode.HALF_UP: twice >= scaled.denominator,
        RoundingMode.HALF_EVEN: twice > scaled.denominator
        or (twice == scaled.denominator and whole % 2 == 1),
        RoundingMode.DOWN: False,
        RoundingMode.UP: rest > 0,
    }[rounding.mode]
    result = Decimal(sign * (whole + up)).scaleb(-rounding.places, context=_EXACT)
    return abs(result) if result == 0 else result


def allocate(total: int, weights: list[int]) -> list[int]:
    """Split the integer `total` in proportion to `weights`; the parts sum to it exactly.

    Largest remainder; equal remainders go to the earlier part. With all weights zero the parts
    are equal. Raises `ValueError` when a weight is negative or there is none.
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights must be one or more integers, none negative")
    if sum(weights) == 0:
        weights = [1] * len(weights)
    sign, size, base = (-1 if total < 0 else 1), abs(total), sum(weights)
    parts = [size * weight // base for weight in weights]
    rests = [size * weight % base for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-rests[i], i))
    for i in order[: size - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]


def minor_digits(currency: str) -> int:
    """Decimals of the smallest unit of a currency (ISO 4217)."""
    return _MINOR.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount as an integer of the currency's smallest unit; refuse what does not fit exactly."""
    scaled = amount.scaleb(minor_digits(currency), context=_EXACT)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} {currency} is finer than the currency's smallest unit")
    return int(scaled)
