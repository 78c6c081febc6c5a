"""Step 6, the second opinion: numbers, values and prices as a tariff document writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from gridtally.rating.reference.figures import Value, decimal
from gridtally.rating.reference.hours import known, refuse

__all__ = [
    "AGREED",
    "PRORATIONS",
    "C",
    "Table",
    "check_losses",
    "check_rounding",
    "count",
    "floor_of",
    "numbers",
    "price_tiers",
    "value",
    "values",
    "yearly_day",
]

C = dict[str, Any]
Table = Mapping[str, Any]

PRORATIONS = ("days", "none", "thirtieths", "days_365", "days_366", "days_year", "hours")
AGREED = {"contract_kw": "contract_ukw", "capacity_kva": "capacity_ukva"}
"""Terms that every span has without a declaration."""


def value(
    written: object,
    terms: Mapping[str, Any],
    *,
    least: int | None = None,
    most: int | None = None,
    above_zero: bool = False,
) -> Value:
    """A number, or `{ term = "NAME" }`, with the bounds of its place."""
    low, high = (None if bound is None else Fraction(bound) for bound in (least, most))
    if isinstance(written, Mapping):
        known(written, "term", "a value")
        name = written["term"]
        refuse(name not in terms and name not in AGREED, f"the term {name!r} is not declared")
        return Value(term=name, least=low, most=high, above_zero=above_zero)
    made = Value(number=decimal(written), least=low, most=high, above_zero=above_zero)
    refuse(not made.allows(made.number or Fraction(0)), f"{written!r} is out of range")
    return made


def check_rounding(how: Mapping[str, Any], most: int = 8) -> None:
    """`{places = 0..8, mode = …}` and nothing else."""
    known(how, "places mode", "a rounding")
    refuse(not 0 <= how["places"] <= most, "a rounding's places are out of range")
    refuse(how["mode"] not in ("half_up", "half_even", "down", "up"), "unknown rounding mode")


def values(c: C, table: Table, bounds: Mapping[str, tuple[int | None, int | None]]) -> None:
    """Turn each key that is there into a value within its bounds."""
    for key, (least, most) in bounds.items():
        if key in c:
            c[key] = value(c[key], table["terms"], least=least, most=most)


def numbers(c: C, name: str, *keys: str, below_zero: bool = False) -> None:
    """Turn each key that is there into an exact number."""
    for key in keys:
        if key in c:
            c[key] = decimal(c[key])
            refuse(c[key] < 0 and not below_zero, f"{name}: {key} is below zero")


def floor_of(c: C) -> int | None:
    """The least price: 0, or none with `negative = true`."""
    return None if c.get("negative") else 0


def count(number: object, where: str, most: int = 1_000_000) -> None:
    """A whole number of one or more."""
    whole = isinstance(number, int) and not isinstance(number, bool)
    refuse(not whole or not 1 <= int(str(number)) <= most, where)


def yearly_day(text: object, where: str) -> None:
    """`MM-DD`, a day of every year."""
    refuse(not isinstance(text, str) or not re.fullmatch(r"[0-9]{2}-[0-9]{2}", text), where)
    date.fromisoformat(f"2001-{text}")  # 29 February is not a day of every year


def prices(written: Table, c: C, table: Table, name: str, *, terms: bool = True) -> dict[str, Any]:
    """The price of each bucket."""
    given = written["prices"] if "calendar" in c else {"": written["price"]}
    refuse(("price" if "calendar" in c else "prices") in written, f"{name}: price and prices")
    refuse(set(given) != set(c["buckets"]), f"{name}: prices do not fit the calendar's buckets")
    names = table["terms"]
    made = {bucket: value(price, names, least=floor_of(c)) for bucket, price in given.items()}
    refuse(not terms and any(v.term for v in made.values()), f"{name}: a tier's price is a number")
    return made


def price_tiers(c: C, table: Table, name: str) -> None:
    """The prices as tiers `{upto, prices}`: a component without tiers has one without bound."""
    if "tiers" not in c:
        c["tiers"] = [{"upto": None, "prices": prices(c, c, table, name)}]
        return
    refuse(c.keys() & {"price", "prices"} or not c["tiers"], f"{name}: prices twice or none")
    tiers: list[dict[str, Any]] = []
    keys = ("upto", "upto_per_kw") if c["shape"] == "tiered" else ("upto",)
    for i, written in enumerate(c["tiers"]):
        where = f"{name}, tier {i + 1}"
        known(written, f"{' '.join(keys)} {'prices' if 'calendar' in c else 'price'}", where)
        ends = {key: decimal(written[key]) if key in written else None for key in keys}
        refuse(any(end is not None and end <= 0 for end in ends.values()), f"{where}: no energy")
        last = i + 1 == len(c["tiers"])
        refuse(last != (set(ends.values()) == {None}), f"{where}: only the last has no end")
        if tiers and not last:
            check_rise(tiers[-1], ends, where)
        tiers.append(ends | {"prices": prices(written, c, table, name, terms=False)})
    c["tiers"] = tiers


def check_rise(before: Table, ends: Table, where: str) -> None:
    """No end falls, and one of them grows; one that is left out is unlimited."""
    pairs = [(before[key], end) for key, end in ends.items()]
    falls = [a for a, b in pairs if b is not None and (a is None or b < a)]
    grows = [a for a, b in pairs if a is not None and (b is None or b > a)]
    refuse(falls or not grows, f"{where}: tiers must rise")


def check_losses(c: C, table: Table, name: str) -> None:
    """The losses that a component lists."""
    losses = c.get("losses", [])
    refuse(not isinstance(losses, list) or set(losses) - table["losses"].keys(), f"{name}: losses")
    refuse(len(set(losses)) != len(losses), f"{name}: a loss twice")
    refuse(losses and "months" in c, f"{name}: losses beside months")
