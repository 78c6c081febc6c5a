"""Step 8, figures in words: integers in 10^-6 units as a person reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gridtally.money import MICRO, minor_digits, number

__all__ = ["UNITS", "amount", "plain", "say"]

_POWERS = {"ukwh": "kWh", "ukvarh": "kvarh", "ukw": "kW", "ukva": "kVA"}
_SCALES = dict.fromkeys((*_POWERS, "money", "price"), MICRO)
_SCALES |= {"permille": 10, "times": 1000, "factor": 1000}
UNITS = (*_SCALES, "days", "months", "count", "number", "date", "text")
"""Units of evidence and parameters. `money` is 10^-6 of the currency, `price` that per kWh,
`permille`, `times` and `factor` are thousandths of one (`25 %`, `2.5 times`, `2.5`)."""


def say(value: Any, unit: str, currency: str) -> str:
    """`2900000000, ukwh` -> `2,900 kWh`: rounded for reading; `unknown` for null."""
    if value is None:
        return "unknown"
    return _SAY[unit](value, currency) if unit in _SAY else _power(value, _POWERS[unit])


def plain(value: Any, unit: str, currency: str) -> str:
    """The exact figure with its unit, for the evidence: `2900.5 kWh`."""
    if value is None:
        return ""
    if unit not in _SCALES:
        return number(value) if unit == "number" else str(value)
    return f"{number(Decimal(value) / _SCALES[unit])}{_suffix(unit, currency)}"


def _suffix(unit: str, currency: str) -> str:
    names = {
        "money": f" {currency}",
        "price": f" {currency}/kWh",
        "permille": " %",
        "times": "",
        "factor": "",
    }
    return names[unit] if unit in names else f" {_POWERS[unit]}"


def amount(value: Decimal | int, currency: str) -> str:
    """`1234.5` -> `1,234.50 EUR`."""
    return f"{_round(Decimal(value), minor_digits(currency)):,} {currency}"


def _round(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _power(value: Any, unit: str) -> str:
    size = Decimal(value) / MICRO
    places = 0 if abs(size) >= 100 else 1 if abs(size) >= 10 else 2
    shown = _round(size, places)
    if places and shown == shown.to_integral_value():
        shown = _round(shown, 0)
    return f"{shown:,} {unit}"


def _times(value: Any, _: str) -> str:
    size = Decimal(value) / 1000
    return f"{number(_round(size, 0 if size >= 20 else 1 if size >= 1 else 2))} times"


def _date(value: Any, _: str) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _counted(one: str) -> Callable[[Any, str], str]:
    return lambda value, _: f"{value:,} {one}" + ("" if value == 1 else "s")


_SAY: dict[str, Callable[[Any, str], str]] = {
    "money": lambda value, currency: amount(Decimal(value) / MICRO, currency),
    "price": lambda value, currency: f"{number(_round(Decimal(value) / MICRO, 4))} {currency}/kWh",
    "permille": lambda value, _: f"{number(_round(Decimal(value) / 10, 0))} %",
    "times": _times,
    "factor": lambda value, _: number(Decimal(value) / 1000),
    "days": _counted("day"),
    "months": _counted("month"),
    "count": lambda value, _: f"{value:,}",
    "number": lambda value, _: number(value),
    "date": _date,
    "text": lambda value, _: str(value),
}
