"""Step 6: the spans of one tariff version, as columns, and the lines they get.

Their days may differ, but they touch the same calendar months and lie in the same yearly windows:
whether a component is at rest, and which month a demand is kept for, is the same for all of them.
What the days decide (shares, thresholds) is worked out once per period and taken by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gridtally.money import Rounding
from gridtally.rating.carry import State
from gridtally.rating.charges import Component
from gridtally.rating.exact import Column, add, divide, product, round_to, scaled
from gridtally.rating.facts import Facts, Hold
from gridtally.rating.ratios import ONE, Factor
from gridtally.rating.tariff import TariffVersion
from gridtally.terms import RoundingMode, Wanted

__all__ = ["MICRO_DECIMALS", "Block", "Cohort", "Factor", "Hold", "micro"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MICRO_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Block:
    """One kind of line for all rows of a cohort; rows outside `keep` have none."""

    component: int
    kind: str
    bucket: str
    keep: Mask
    quantity: Column
    decimals: int
    """`quantity` counts 10^-decimals units."""
    unit: str
    price: Decimal | Column
    """One price, or one per row [10^-8]."""
    factor: Factor
    amount: Column
    """[10^-8 of the currency]"""


@dataclass(slots=True, kw_only=True)
class Cohort(Facts):
    """Spans with the same version and months, and the lines they get."""

    version: TariffVersion
    segments: Ints
    """The segment of each row: its row in the carry state."""
    determinant: Callable[[str], tuple[Ints, Mask]]
    """Values of a determinant and where they are known."""
    carry: State
    blocks: list[Block] = field(default_factory=list)
    demands: dict[str, Ints] = field(default_factory=dict)
    """Billed demand of each component that has been computed. [10^-6 kW]"""

    def want(
        self, wanted: Wanted, bucket: str, charge: Component, *, optional: bool = False
    ) -> Ints:
        """A determinant that a component bills."""
        return self.wanted(wanted, bucket, charge.id, optional=optional)

    def wanted(self, wanted: Wanted, bucket: str, used_by: str, *, optional: bool = False) -> Ints:
        """A determinant; rows below zero, or without it unless `optional`, are held."""
        values, known = self.determinant(wanted.name(bucket))
        known = known | optional
        what = f"{wanted.channel} {wanted.kind}" + (f" of {bucket.lstrip('/')}" if bucket else "")
        self.hold(
            "rating.quantity.missing",
            ~known,
            f"The {what}, which {used_by} bills, is not known.",
            "See the findings about the readings of this segment.",
            channels=wanted.channels,
        )
        self.hold(
            "rating.quantity.negative",
            values < 0,
            f"The {what} is below zero.",
            "Correct the readings; energy given back belongs on the export channel.",
        )
        return np.maximum(values, 0)

    def hand_on(self, key: str, at: date, value: Column) -> None:
        """Set the one value that a carry has; what does not fit its table is held."""
        far = (np.abs(value) >= 2**62).astype(bool)
        self.hold(
            "rating.carry.range",
            far & ~self.held,  # what another reason holds need not be what it seems
            f"The carry {key} is too large to be energy or money.",
            "Correct the readings, the prices or the terms of the agreement.",
        )
        self.carry.only(key, at, self.segments, np.where(far, 0, value).astype(np.int64))

    def rounding(self, charge: Component) -> Rounding:
        """Where the component's lines are rounded."""
        return charge.rounding.point() if charge.rounding else self.version.line

    def line(
        self,
        charge: Component,
        *,
        bucket: str,
        quantity: Column,
        unit: str,
        price: Decimal | Column,
        factor: Factor = ONE,
        decimals: int = MICRO_DECIMALS,
        keep: Mask | None = None,
        always: bool = False,
        negated: bool = False,
    ) -> None:
        """Add lines of quantity x price x factor; those of quantity zero are left out."""
        if keep is None:
            keep = np.ones(len(self), bool)
        if not always:
            keep = keep & (quantity != 0).astype(bool)
        if not keep.any():
            return
        amount = round_to(
            quantity,
            decimals=decimals,
            price=price,
            factor=factor,
            rounding=self.rounding(charge),
        )
        amount = -amount if charge.credit != negated else amount
        self.add(charge, bucket, keep, quantity, decimals, unit, price, factor, amount)

    def add(
        self,
        charge: Component,
        bucket: str,
        keep: Mask,
        quantity: Column,
        decimals: int,
        unit: str,
        price: Decimal | Column,
        factor: Factor,
        amount: Column,
        kind: str | None = None,
    ) -> None:
        """Add lines whose amounts are known."""
        index = self.index[charge.id]
        kind = kind or charge.kind or charge.shape  # type: ignore[attr-defined]
        self.blocks.append(
            Block(index, kind, bucket, keep, quantity, decimals, unit, price, factor, amount)
        )

    @property
    def index(self) -> dict[str, int]:
        """Position of each component in the document."""
        return {charge.id: i for i, charge in enumerate(self.version.components)}

    def sum_of(self, ids: Iterable[str]) -> Column:
        """The rounded amounts of the lines of components. [10^-8 of the currency]"""
        wanted = {self.index[name] for name in ids}
        result: Column = np.zeros(len(self), np.int64)
        for block in self.blocks:
            if block.component in wanted:
                result = add(result, np.where(block.keep, block.amount, 0))
        return result


def micro(value: Decimal, factor: Factor = ONE) -> int | Column:
    """A number of the document times a factor in 10^-6 units, half even: one, or one per row."""
    if not isinstance(factor, Fraction):
        number, places = scaled(value)
        top = product(factor[0], number * 10**MICRO_DECIMALS)
        return divide(top, product(factor[1], 10**places), RoundingMode.HALF_EVEN)
    nearest: int = round(Fraction(value) * factor * 10**MICRO_DECIMALS)  # half even
    return nearest
