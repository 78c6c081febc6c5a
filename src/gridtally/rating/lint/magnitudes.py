"""Before step 6: prices, percentages and thresholds of a size that nobody means.

Cents taken for euros, a price per MWh taken for one per kWh, a percentage that is a factor. The
rates of currencies are orders of magnitude and decide nothing but whether a note is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from gridtally.money import number
from gridtally.rating.charges import (
    Charge,
    Demand,
    Document,
    Energy,
    Fixed,
    Percentage,
    Reactive,
    StepTable,
    Tiered,
)
from gridtally.rating.document.values import Problem
from gridtally.rating.lint.audience import Audience, audience
from gridtally.rating.lint.notes import note

__all__ = ["magnitude_notes"]

_PER_EURO = {
    "EUR": "1", "USD": "1", "GBP": "1", "CHF": "1", "AUD": "2", "NZD": "2", "CAD": "1.5",
    "SGD": "1.5", "BGN": "2", "BHD": "0.4", "KWD": "0.4", "OMR": "0.4", "JOD": "0.8", "TND": "3",
    "PLN": "4", "PEN": "4", "ILS": "4", "AED": "4", "SAR": "4", "MYR": "5", "RON": "5", "BRL": "6",
    "CNY": "8", "DKK": "8", "HKD": "9", "SEK": "11", "NOK": "11", "MAD": "11", "GHS": "13",
    "MXN": "20", "ZAR": "20", "CZK": "25", "TWD": "35", "THB": "38", "TRY": "45", "UAH": "48",
    "EGP": "55", "PHP": "65", "RUB": "90", "INR": "95", "BDT": "140", "KES": "150", "ISK": "150",
    "JPY": "170", "LKR": "340", "PKR": "320", "HUF": "400", "KZT": "600", "XAF": "656",
    "XOF": "656", "CLP": "1100", "ARS": "1500", "KRW": "1600", "NGN": "1700", "COP": "4500",
    "PYG": "8500", "IDR": "19000", "VND": "30000",
}  # fmt: skip
_KWH, _KVARH, _KW_MONTH = Decimal(3), Decimal(1), Decimal(150)
"""More than this per unit is hardly meant. [EUR]"""
_LEVY = Decimal("0.25")
"""The same of what is charged on top of energy. [EUR per kWh]"""
_LEVIES = re.compile(r"lev(y|ies)|tax(es)?|dut(y|ies)|funds?|surcharges?|fees?")
_STANDING: dict[Audience, Decimal] = {
    "homes": Decimal(100), "not said": Decimal(1000), "others": Decimal(20_000),
}  # fmt: skip
"""The same of a standing charge, by whom the document is for. [EUR per month]"""
_DAYS = Decimal(30)
_TAX, _STEP, _HOURS = Decimal(50), 100, Decimal(744)
_YEARLY, _MONTHLY = Decimal(2000), Decimal(600)
"""Steps of homes: who uses less than the one in a month, more than the other in a year. [kWh]"""


def magnitude_notes(document: Document) -> Iterator[Problem]:
    """A note per component whose figures are of another size than such figures have."""
    worth, who = _PER_EURO.get(document.currency), audience(document)
    for i, charge in enumerate(document.components):
        path = f"components[{i}]"
        if worth is not None:
            limit, unit = _limit(charge, who)
            yield from _prices(charge, path, limit and limit * Decimal(worth), unit, document)
        yield from _windows(charge, path, who)
        yield from _steps(charge, path)
        if isinstance(charge, Percentage) and (charge.percent.number or 0) > _TAX:
            message = f"{charge.id} is {charge.percent} percent of what it names."
            yield note(
                f"{path}.percent", message, "8.25 percent is written 8.25, not 0.0825 or 825."
            )
        if isinstance(charge, Percentage) and 0 < (charge.percent.number or 0) < Decimal("0.3"):
            message = (
                f"{charge.id} is {charge.percent} percent: a fraction instead of a percentage?"
            )
            yield note(f"{path}.percent", message, "21 percent is written 21.")
        yield from _too_many_hours(charge, path)


def _prices(
    charge: Charge, path: str, limit: Decimal | None, unit: str, document: Document
) -> Iterator[Problem]:
    """The largest price of a component, if it is too large for its unit."""
    prices = {at: abs(price) for at, price in charge.numbers().items() if not at.endswith("times")}
    if limit is None or not prices:
        return
    place = max(prices, key=lambda at: prices[at])
    if prices[place] > limit:
        what = "a levy is" if _levied(charge) else "such prices are"
        said = f"{number(prices[place])} {document.currency} per {unit}"
        remedy = "Check for cents, or for a price per MWh."
        if isinstance(charge, Fixed):
            remedy = "Check for cents, and for what `per` says."
        yield note(f"{path}.{place}", f"{said} is far more than {what}.", remedy)


def _levied(charge: Charge) -> bool:
    """Whether it is charged on top of energy, as its kind says."""
    said = isinstance(charge, Energy | Tiered) and charge.channel == "import" and charge.kind
    return bool(said and _LEVIES.fullmatch(said.casefold()))


def _limit(charge: Charge, who: Audience) -> tuple[Decimal | None, str]:
    """More than which a price is noted [EUR], and per what it is."""
    per = {"month": Decimal(1), "year": Decimal(12), "day": 1 / _DAYS}
    if isinstance(charge, Fixed):
        what, _, span = charge.per.rpartition("_")
        limit = {"": _STANDING[who], "kw": _KW_MONTH, "kva": _KW_MONTH}.get(what)
        if limit is None or span not in per:
            return None, ""
        unit = {"": "", "kw": "kW and ", "kva": "kVA and "}[what]
        return limit * per[span], f"{unit}{span}"
    if isinstance(charge, Demand):
        return _KW_MONTH * per[charge.per], f"kW and {charge.per}"
    if isinstance(charge, Reactive):
        return _KVARH, "kvarh"
    if isinstance(charge, Energy | Tiered):
        reactive = charge.channel.startswith("reactive")
        limit = _LEVY if _levied(charge) else _KWH
        return (_KVARH, "kvarh") if reactive else (limit, "kWh")
    return None, ""


def _steps(charge: Charge, path: str) -> Iterator[Problem]:
    """Prices of one component that are a hundred times each other."""
    if not isinstance(charge, Energy | Tiered | Demand | Reactive):
        return
    prices = sorted({
        abs(price) for at, price in charge.numbers().items()
        if price and ("price" in at and "true_up" not in at)
    })  # fmt: skip
    if len(prices) > 1 and prices[-1] >= _STEP * prices[0]:
        low, high = number(prices[0]), number(prices[-1])
        message = f"The prices {low} and {high} of {charge.id} are {_STEP} times apart, or more."
        yield note(path, message, "Check whether one of them is in cents.")


def _windows(charge: Charge, path: str, who: Audience) -> Iterator[Problem]:
    """Steps of a year that are filled in a month, and steps of a month in a year."""
    if not isinstance(charge, Tiered) or charge.unit != "kwh" or who == "others":
        return
    steps = [tier.upto for tier in charge.tiers if tier.upto is not None]
    if charge.window == "month" and steps and min(steps) >= _YEARLY:
        message = f"The first {number(min(steps))} kWh of a month: steps of a year?"
        yield note(f"{path}.window", message, 'Write window = "year", if the source says so.')
    if charge.window == "year" and steps and max(steps) <= _MONTHLY:
        message = f"Nothing but the last step is above {number(max(steps))} kWh a year: of a month?"
        yield note(f"{path}.window", message, 'Write window = "month", if the source says so.')


def _too_many_hours(charge: Charge, path: str) -> Iterator[Problem]:
    """Steps by kWh per kW that no month reaches: it has at most 744 hours."""
    steps: tuple[tuple[str, Decimal | None], ...] = ()
    if isinstance(charge, StepTable) and charge.metric == "kwh_per_kw":
        steps = tuple((f"rows[{k}]", row.upto) for k, row in enumerate(charge.rows))
    if isinstance(charge, Tiered) and charge.unit == "kwh_per_kw":
        steps = tuple((f"tiers[{k}]", tier.upto) for k, tier in enumerate(charge.tiers))
    ends = [(f"{place}.upto", upto) for place, upto in steps]
    if isinstance(charge, Tiered):
        ends += [(f"tiers[{k}].upto_per_kw", t.upto_per_kw) for k, t in enumerate(charge.tiers)]
    for place, upto in ends:
        if upto is not None and upto >= _HOURS:
            message = f"Nothing lies above {upto} kWh per kW: a month has at most 744 hours."
            yield note(f"{path}.{place}", message, "Check the unit of the threshold.")
