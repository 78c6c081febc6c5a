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
    hours = _unit(charge, facts, demand, unit="kwh_per_kw") if _hours_of_use(charge) else ONE
    for tier in charge.tiers[:-1]:
        bounds = [
            _bound(times(plus(Fraction(upto), raised), each), facts)
            for upto, raised, each in ((tier.upto, more, unit), (tier.upto_per_kw, ZERO, hours))
            if upto is not None
        ]
        smaller = np.minimum(bounds[0], bounds[-1])
        found.append(int(smaller[0]) if len(smaller) == 1 else smaller)
    return [*found, FAR]


def _hours_of_use(charge: Tiered) -> bool:
    return any(tier.upto_per_kw is not None for tier in charge.tiers)


def _bound(exact: Factor, facts: Facts) -> Column:
    """One threshold in whole units: shape (1,), or one per row."""
    rows = 1 if isinstance(exact, Fraction) else len(facts)
    bound = rounded(exact, decimals=_MICRO, mode=RoundingMode.HALF_EVEN, rows=rows)
    return np.minimum(bound, FAR).astype(np.int64)


def _unit(
    charge: Tiered, facts: Facts, demand: Column | None, *, unit: str | None = None
) -> Factor:
    """What thresholds are multiplied by: unit and factor."""
    what = unit or charge.unit
    if what == "kwh_per_day":
        return facts.day_count(charge.months)
    each: Factor = ONE
    if what == "kwh_per_kw":
        assert demand is not None
        each = counted(demand, _MICRO)
    elif what != "kwh":
        name = "capacity_kva" if what == "kwh_per_kva" else "persons"
        term = facts.term(name, charge.id, least=_ZERO)
        each = counted(term * (term > 0), TERM_DECIMALS)
    return times(each, facts.factor(charge)) if charge.window == "month" else each


def _more(charge: Tiered, facts: Facts) -> Factor:
    if charge.more is None:
        return ZERO
    term = counted(facts.term(charge.more.term, charge.id, least=_ZERO), TERM_DECIMALS)
    each = ONE if charge.more.each is None else Fraction(charge.more.each)
    beyond = positive(minus(term, Fraction(charge.more.above or 0)))
    return times(beyond, each)
