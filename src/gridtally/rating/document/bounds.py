"""Before step 6: minimum and maximum charges that contradict what they count (T16).

A minimum that can never be charged, a cap that takes away what is always charged, a minimum above
a maximum. Only what follows from the document alone is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from gridtally.money import number
from gridtally.rating.charges import (
    Charge,
    Demand,
    Energy,
    Fixed,
    Maximum,
    Minimum,
    Percentage,
    Reactive,
    Tiered,
)
from gridtally.rating.document.references import expanded
from gridtally.rating.document.values import Problem

__all__ = ["bound_problems"]

CODE = "rating.document.bound"
Bound = Minimum | Maximum


def bound_problems(charges: Mapping[int, Charge]) -> list[Problem]:
    """What minimum and maximum say against the lines that they count, and against each other."""
    every = {charge.id: expanded(charge, tuple(charges.values())) for charge in charges.values()}
    found: list[Problem] = []
    for i, charge in charges.items():
        bound = every[charge.id]
        if isinstance(bound, Bound) and bound.amount.number is not None:
            path = f"components[{i}].amount"
            found += _standing(bound, every, path)
            found += _crossed(bound, every, path)
    return found


def _standing(bound: Bound, every: Mapping[str, Charge], path: str) -> Iterator[Problem]:
    """The charges that the named lines always hold against the bound."""
    named = [every[name] for name in bound.of if name in every]
    if not all(_never_below_zero(charge, every) for charge in named):
        return
    always = [c for c in named if isinstance(c, Fixed) and _alike(c, bound)]
    total = sum((c.price.exact for c in always), Decimal(0))
    if total <= bound.amount.exact:
        return
    names = ", ".join(charge.id for charge in always)
    what, so = ("minimum", "it can never be charged") if isinstance(bound, Minimum) else (
        "cap", "it always takes a part of it away")  # fmt: skip
    yield Problem(
        CODE, path,
        f"The {what} of {bound.amount} per {bound.per} is below the standing charge of "
        f"{number(total)} that it counts ({names}): {so}.",
        "Check both amounts, or leave the standing charge out of `of`.",
    )  # fmt: skip


def _alike(charge: Fixed | Bound, bound: Bound) -> bool:
    """Whether an amount is told in the same way as a bound: per what, and for which days."""
    price = charge.price if isinstance(charge, Fixed) else charge.amount
    return price.number is not None and (
        charge.per, charge.proration, charge.months, charge.round_factor,
    ) == (bound.per, bound.proration, bound.months, bound.round_factor)  # fmt: skip


def _never_below_zero(
    charge: Charge, every: Mapping[str, Charge], within: Sequence[str] = ()
) -> bool:
    """Whether a component's lines cannot be below zero, whatever is measured."""
    if charge.credit or charge.negative or charge.id in within:
        return False
    if isinstance(charge, Percentage):
        inner = [every[name] for name in charge.of if name in every]
        return all(_never_below_zero(part, every, (*within, charge.id)) for part in inner)
    if isinstance(charge, Energy):
        return charge.series is None
    return isinstance(charge, Fixed | Tiered | Demand | Reactive)


def _crossed(bound: Bound, every: Mapping[str, Charge], path: str) -> Iterator[Problem]:
    """A minimum above the maximum of the same lines."""
    for other in every.values():
        if (
            isinstance(bound, Minimum)
            and isinstance(other, Maximum)
            and set(bound.of) == set(other.of)
            and bound.settle == other.settle
            and _alike(other, bound)
            and other.amount.exact < bound.amount.exact
        ):
            message = f"The minimum of {bound.amount} is above {other.amount}, the maximum of the "
            yield Problem(CODE, path, f"{message}same lines ({other.id}).", "Check both amounts.")
