"""Step 6: percentages of the lines of others: the shapes `percentage` and `table`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gridtally.rating.charges import Percentage, StepTable
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.ratios import ONE, Factor, above, column, counted, minus, over, plus, times
from gridtally.rating.wants import energy_of
from gridtally.terms import Channel

__all__ = ["percentage", "step_table"]

Mask = npt.NDArray[np.bool_]
_PERCENT = Fraction(1, 100)
_HUNDRED = Fraction(100)


def percentage(charge: Percentage, cohort: Cohort) -> None:
    """Its line; for a tax that is included, the net amount apart."""
    percent = cohort.value(charge.percent, charge)
    factor: Factor = _PERCENT
    if charge.method != "on_top":
        base = (minus if charge.method == "inside" else plus)(_HUNDRED, percent)
        factor = over(ONE, _divisor(charge, cohort, base))
    price, named = cohort.price(charge.percent, charge), cohort.sum_of(charge.of)
    for bucket, shown in (("", price), ("net", -price))[: 1 + (charge.method == "included")]:
        cohort.line(
            charge,
            bucket=bucket,
            quantity=named,
            unit=cohort.version.currency,
            price=shown,
            factor=factor,
            decimals=8,
        )


def _divisor(charge: Percentage, cohort: Cohort, base: Factor) -> Factor:
    """What the tax leaves of its base; a term that leaves nothing holds."""
    if isinstance(base, Fraction):
        return base
    none = (base[0] <= 0).astype(bool)
    cohort.hold(
        "rating.term.range",
        none,
        f"{charge.id} is a tax that leaves nothing of its own base.",
        "Correct the term of the agreement.",
    )
    return np.where(none, 1, base[0]), base[1]


# --------------------------------------------------------------------- steps


def step_table(charge: StepTable, cohort: Cohort) -> None:
    """A percentage of the named lines by the step in which the metric lies."""
    metric = _metric(charge, cohort)
    named, rows = cohort.sum_of(charge.of), len(cohort)
    left = np.ones(rows, bool)
    for number, row in enumerate(charge.rows, 1):
        mine = left.copy()
        if row.upto is not None:
            edge = Fraction(row.upto)
            if charge.edge == "lower":
                mine &= ~above(metric, edge, rows=rows)
            else:
                mine &= above(edge, metric, rows=rows)
        left &= ~mine
        cohort.line(
            charge,
            bucket=f"row-{number}",
            quantity=named,
            unit=cohort.version.currency,
            price=row.percent,
            factor=_PERCENT,
            decimals=8,
            keep=mine,
        )


def _metric(charge: StepTable, cohort: Cohort) -> Factor:
    """The number by which the row is chosen, exactly."""
    if charge.metric == "term":
        assert charge.term
        return counted(cohort.term(charge.term, charge.id), 8)
    if charge.metric == "kw":
        return _demand(charge, cohort)
    wanted = energy_of(cohort.version.zone, charge.channel or Channel.IMPORT, None, charge.months)
    energy = counted(cohort.want(wanted, "", charge), MICRO_DECIMALS)
    if charge.metric == "kwh":
        return energy
    if charge.metric == "kwh_per_day":
        return over(energy, cohort.day_count(charge.months))
    if charge.metric == "kwh_per_kw":
        size = _demand(charge, cohort)
    else:
        size = counted(cohort.term("capacity_kva", charge.id), 8)
    return over(energy, _above_zero(charge, cohort, times(size, cohort.factor(charge))))


def _demand(charge: StepTable, cohort: Cohort) -> Factor:
    assert charge.demand
    none = np.zeros(len(cohort), np.int64)
    return counted(cohort.demands.get(charge.demand, none), MICRO_DECIMALS)


def _above_zero(charge: StepTable, cohort: Cohort, number: Factor) -> Factor:
    """A denominator; zero holds."""
    top, bottom = column(number, len(cohort))
    none = (top <= 0).astype(bool)
    cohort.hold(
        "rating.metric.zero",
        none,
        f"{charge.id} counts {charge.metric}, and what it divides by is zero.",
        "Check the demand, or the capacity of the agreement.",
    )
    return np.where(none, 1, top), bottom
