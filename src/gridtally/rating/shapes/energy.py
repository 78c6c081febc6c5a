"""Step 6: the shape `energy`: at a price, or at the prices of a series."""

from __future__ import annotations

import numpy as np

from gridtally.rating.charges import Energy
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.costs import COST_DECIMALS, joined
from gridtally.rating.exact import Column, divide, product
from gridtally.rating.ratios import ONE
from gridtally.rating.shapes.measured import (
    bank_true_up,
    billed_energy,
    measured_energy,
    unit_of,
)
from gridtally.rating.wants import costs_of
from gridtally.terms import RoundingMode

__all__ = ["energy"]


def energy(charge: Energy, cohort: Cohort, active: bool) -> None:
    """Its lines by bucket, and its bank."""
    billed = billed_energy(charge, cohort, active)
    if not active:
        return
    if charge.series:
        _series(charge, cohort, billed)
        return
    for bucket, quantity in billed.items():
        price = charge.prices[bucket] if charge.prices else charge.price
        assert price is not None
        cohort.line(
            charge,
            bucket=bucket,
            quantity=quantity,
            unit=unit_of(charge.channel),
            price=cohort.price(price, charge),
        )
    bank_true_up(charge, cohort)


def _series(charge: Energy, cohort: Cohort, billed: dict[str, Column]) -> None:
    """Cost x billed / energy, rounded once; the price that is shown is cost / energy."""
    version = cohort.version
    for value in (charge.times, charge.plus):
        if value is not None:
            cohort.value(value, charge)  # holds what the agreement does not state
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    wanted = costs_of(version.zone, charge, calendar, version.declarations)
    rounding, energy = cohort.rounding(charge), measured_energy(charge, cohort)
    for bucket, quantity in billed.items():
        cost = _cost(cohort, [wanted.name(f"{bucket}/{part}") for part in ("hi", "lo")])
        keep = (quantity != 0).astype(bool)
        none = (energy[bucket] == 0).astype(bool)
        cohort.hold(
            "rating.series.missing",
            keep & none,
            f"{charge.id} bills losses where no energy was taken, and so at no price.",
            "Bill the losses at a price of their own.",
        )
        if not keep.any():
            continue
        base = np.where(none, 1, energy[bucket]).astype(object)
        micro = 10 ** (COST_DECIMALS - MICRO_DECIMALS - 8)
        price = divide(cost, base * micro, RoundingMode.HALF_EVEN)
        step = 10 ** (COST_DECIMALS - rounding.places)
        units = divide(product(cost, quantity), base * step, rounding.mode)
        amount = product(units, 10 ** (8 - rounding.places))
        cohort.add(
            charge, bucket, keep, quantity, MICRO_DECIMALS, unit_of(charge.channel), price, ONE,
            -amount if charge.credit else amount,
        )  # fmt: skip


def _cost(cohort: Cohort, names: list[str]) -> Column:
    """A cost of its two parts; where there is none, the segment is held by what it is made of."""
    (high, known), (low, _) = (cohort.determinant(name) for name in names)
    cohort.hold(
        "rating.series.missing",
        ~known,
        "The cost of energy at prices by time is not known.",
        "See the findings about the prices and the readings of this segment.",
    )
    return joined(high, low)
