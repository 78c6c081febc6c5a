"""Step 6: the shapes of `docs/tariff.md` as functions on columns, all spans of a cohort at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gridtally.rating.charges import (
    Bank,
    Charge,
    Demand,
    Energy,
    Fixed,
    Maximum,
    Minimum,
    Percentage,
    PowerFactor,
    Reactive,
    StepTable,
    Tiered,
    Transfer,
)
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.exact import add, to_step
from gridtally.rating.ratios import ONE
from gridtally.rating.shapes.demand import demand
from gridtally.rating.shapes.energy import energy
from gridtally.rating.shapes.fixed import fixed
from gridtally.rating.shapes.keeping import bank, bound, transfer
from gridtally.rating.shapes.on_lines import percentage, step_table
from gridtally.rating.shapes.reactive import power_factor, reactive
from gridtally.rating.shapes.tiered import tiered

__all__ = ["charge_lines"]


def charge_lines(charge: Charge, cohort: Cohort) -> None:
    """Add the lines of one component, and its carry, to a cohort.

    Components that it names have been computed before. A component whose months have no day in
    the span gives no line, asks for nothing, and carries on as if it had measured nothing.
    """
    active = cohort.active(charge.months)
    if isinstance(charge, Energy | Tiered | Demand | Minimum | Maximum | Bank):
        _CARRYING[type(charge)](charge, cohort, active)
    elif active:
        _OTHERS[type(charge)](charge, cohort)
    if active and charge.round_component:
        _round_component(charge, cohort)


def _round_component(charge: Charge, cohort: Cohort) -> None:
    """A line with the difference where rounding changes the sum of the component's lines."""
    assert charge.round_component
    exact = cohort.sum_of((charge.id,))
    step = 10 ** (8 - charge.round_component.places)
    rounded = to_step(exact, step, charge.round_component.mode)
    difference = add(rounded, -exact)
    keep = (difference != 0).astype(bool)
    if keep.any():
        one = np.full(len(cohort), 10**MICRO_DECIMALS, np.int64)
        cohort.add(
            charge, "rounding", keep, one, MICRO_DECIMALS, cohort.version.currency, difference,
            ONE, difference, kind="rounding",
        )  # fmt: skip


_CARRYING: dict[type, Callable[..., None]] = {
    Energy: energy,
    Tiered: tiered,
    Demand: demand,
    Minimum: bound,
    Maximum: bound,
    Bank: bank,
}
_OTHERS: dict[type, Callable[..., None]] = {
    Fixed: fixed,
    Percentage: percentage,
    StepTable: step_table,
    PowerFactor: power_factor,
    Reactive: reactive,
    Transfer: transfer,
}
