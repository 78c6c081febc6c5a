"""Step 6: the shape `fixed`."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from gridtally.rating.charges import Fixed
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.document.values import Value
from gridtally.rating.exact import Column
from gridtally.rating.ratios import ONE, Factor, rounded
from gridtally.terms import RoundingMode

__all__ = ["fixed", "per_time"]

_UNIT = 10**MICRO_DECIMALS


def fixed(charge: Fixed, cohort: Cohort) -> None:
    """Its line."""
    of, _, time = charge.per.rpartition("_")
    units = {"kva": "kVA", "kw": "kW", "meter": "meter", "unit": charge.unit or "unit"}
    unit = units.get(of, time)
    quantity: Column = np.full(len(cohort), _UNIT, np.int64)
    factor = per_time(charge, cohort, time)
    if time == "event":
        assert charge.event
        quantity = quantity * cohort.event_counts(charge.event, charge.months, charge.id)
    elif charge.per == "day":
        quantity, factor = quantity * cohort.days(charge.months), ONE
    elif of:
        quantity = _count(charge, cohort, of)
    cohort.line(
        charge,
        bucket="",
        quantity=quantity,
        unit=unit,
        price=cohort.price(charge.price, charge),
        factor=factor,
        always=time != "event",
    )


def per_time(charge: Fixed, cohort: Cohort, time: str) -> Factor:
    """The factor of a price per month, year or day; an event has none."""
    if time == "day":
        return cohort.day_count(charge.months)
    return ONE if time == "event" else cohort.factor(charge, yearly=time == "year")


def _count(charge: Fixed, cohort: Cohort, of: str) -> Column:
    """How many units the price is for. [10^-6]"""
    names = {"kva": "capacity_kva", "kw": "contract_kw", "meter": "meters"}
    count = Value(term=names[of]) if of in names else charge.count
    assert count is not None
    number = cohort.bounded(count, charge.id, least=Decimal(0), most=None)
    rows = len(cohort)
    return rounded(number, decimals=MICRO_DECIMALS, mode=RoundingMode.HALF_EVEN, rows=rows)
