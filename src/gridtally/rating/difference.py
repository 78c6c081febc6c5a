"""After step 7: why two bills differ, as a sum whose residual is zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gridtally.money import Rounding, number, round_fraction
from gridtally.terms import RoundingMode

__all__ = ["difference"]

_CENT = Rounding(2, RoundingMode.HALF_EVEN)
_ENERGY = ("kWh", "kvarh")
_PER_TIME = ("month", "year", "day", "kW", "kVA")


@dataclass(slots=True)
class _Sum:
    """The lines of one component and bucket of a bill."""

    volume: Fraction = Fraction(0)
    """Sum of quantity x factor."""
    value: Fraction = Fraction(0)
    """Sum of quantity x factor x price, signed as the amounts are."""
    factor: Fraction = Fraction(0)
    amount: Decimal = Decimal(0)
    unit: str = ""

    @property
    def price(self) -> Fraction:
        """Mean price."""
        return self.value / self.volume if self.volume else Fraction(0)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """How `after` comes from `before`, two trees of `explain` in one currency.

    For each component: what other days alone would have changed, then the quantity, then the
    price, each rounded to 0.01; `other` is the rest (rounding, lines that come or go), so that
    before + days + quantity + price + other = after, exactly.
    """
    assert before["currency"] == after["currency"], "two currencies cannot be compared"
    days = Fraction(_days(after), _days(before))
    old, new = _sums(before), _sums(after)
    names = dict.fromkeys(component for component, _ in (*old, *new))
    parts = []
    for name in names:
        keys = dict.fromkeys(key for key in (*old, *new) if key[0] == name)
        effects = [_effects(old.get(key, _Sum()), new.get(key, _Sum()), days) for key in keys]
        from_, to = (sum((s[k].amount for k in keys if k in s), Decimal(0)) for s in (old, new))
        by_days, by_quantity, by_price = (
            round_fraction(sum((effect[i] for effect in effects), Fraction(0)), _CENT)
            for i in range(3)
        )
        other = to - from_ - by_days - by_quantity - by_price
        row = (from_, to, by_days, by_quantity, by_price, other)
        labels = ("before", "after", "days", "quantity", "price", "other")
        parts.append({"component": name} | dict(zip(labels, map(number, row), strict=True)))
    totals = {
        label: number(sum((Decimal(part[label]) for part in parts), Decimal(0)))
        for label in ("before", "after", "days", "quantity", "price", "other")
    }
    steps = (totals[label] for label in ("before", "days", "quantity", "price", "other"))
    residual = Decimal(totals["after"]) - sum(map(Decimal, steps), Decimal(0))
    return {
        "before": before["bill"], "after": after["bill"], "currency": before["currency"],
        "components": parts, "total": totals, "residual": number(residual),
    }  # fmt: skip


def _days(tree: Mapping[str, Any]) -> int:
    return (date.fromisoformat(tree["to"]) - date.fromisoformat(tree["from"])).days


def _lines(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for segment in tree["segments"]:
        for span in segment["spans"]:
            yield from span["lines"]


def _sums(tree: Mapping[str, Any]) -> dict[tuple[str, str], _Sum]:
    found: dict[tuple[str, str], _Sum] = {}
    for line in _lines(tree):
        mine = found.setdefault((line["component"], line["bucket"]), _Sum(unit=line["unit"]))
        volume = Fraction(line["quantity"]) * Fraction(line["factor"])
        value = volume * Fraction(line["price"])
        amount = Decimal(line["amount"])
        mine.volume += volume
        mine.factor += Fraction(line["factor"])
        mine.value += -value if (amount < 0) != (value < 0) else value
        mine.amount += amount
    return found


def _effects(old: _Sum, new: _Sum, days: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """(days, quantity, price) of one component and bucket; prices are those of the old bill.

    Energy is taken to grow with the days, demand and monthly charges with their factors; a
    percentage follows its base, which is a quantity.
    """
    unit = old.unit or new.unit
    if not old.volume or not new.volume or old.volume == new.volume:
        step = Fraction(1)
    elif unit in _ENERGY:
        step = days
    elif unit in _PER_TIME:
        step = new.factor / old.factor
    else:
        step = Fraction(1)
    price = old.price if old.volume else new.price
    longer = old.volume * step
    return (
        (longer - old.volume) * price,
        (new.volume - longer) * price,
        new.volume * (new.price - price) if new.volume else Fraction(0),
    )
