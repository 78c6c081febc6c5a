"""Steps 5-6: the thresholds of tiers: raised, times their unit, times the factor."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np

from gridtally.rating.charges import Tiered
from gridtally.rating.exact import Column
from gridtally.rating.facts import TERM_DECIMALS, Facts
from gridtally.rating.ratios import (
    ONE,
    ZERO,
    Factor,
    counted,
    minus,
    plus,
    positive,
    rounded,
    times,
)
from gridtally.terms import RoundingMode

__all__ = ["FAR", "edges"]

FAR = 2**62
_MICRO = 6
_ZERO = Decimal(0)


def edges(charge: Tiered, facts: Facts, demand: Column | None = None) -> list[Column | int]:
    """Bounds of the tiers [10^-6 kWh], one for all rows or one per row; the last is far away.

    `demand` is what the component `demand` bills. [10^-6 kW]
    """
    unit = _unit(charge, facts, demand)
    more = _more(charge, facts)
    found: list[Column | int] = [0]
    for tier in charge.tiers[:-1]:
        assert tier.upto is not None
        exact = times(plus(Fraction(tier.upto), more), unit)
        rows = 1 if isinstance(exact, Fraction) else len(facts)
        bound = rounded(exact, decimals=_MICRO, mode=RoundingMode.HALF_EVEN, rows=rows)
        bound = np.minimum(bound, FAR).astype(np.int64)
        found.append(int(bound[0]) if isinstance(exact, Fraction) else bound)
    return [*found, FAR]


def _unit(charge: Tiered, facts: Facts, demand: Column | None) -> Factor:
    """What thresholds are multiplied by: unit and factor."""
    if charge.unit == "kwh_per_day":
        return facts.day_count(charge.months)
    unit: Factor = ONE
    if charge.unit == "kwh_per_kw":
        assert demand is not None
        unit = counted(demand, _MICRO)
    elif charge.unit != "kwh":
        name = "capacity_kva" if charge.unit == "kwh_per_kva" else "persons"
        term = facts.term(name, charge.id, least=_ZERO)
        unit = counted(term * (term > 0), TERM_DECIMALS)
    return times(unit, facts.factor(charge)) if charge.window == "month" else unit


def _more(charge: Tiered, facts: Facts) -> Factor:
    if charge.more is None:
        return ZERO
    term = counted(facts.term(charge.more.term, charge.id, least=_ZERO), TERM_DECIMALS)
    each = ONE if charge.more.each is None else Fraction(charge.more.each)
    beyond = positive(minus(term, Fraction(charge.more.above or 0)))
    return times(beyond, each)
