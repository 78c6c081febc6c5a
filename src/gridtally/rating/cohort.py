"""Step 6: the spans of one tariff version and one period, as columns, and the lines they get."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gridtally.money import Rounding
from gridtally.periods import Period
from gridtally.rating.carry import State
from gridtally.rating.charges import Component
from gridtally.rating.exact import Column, add, round_to
from gridtally.rating.tariff import TariffVersion
from gridtally.terms import Wanted

__all__ = ["MICRO_DECIMALS", "Block", "Cohort", "Hold", "micro"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MICRO_DECIMALS = 6
ONE = Fraction(1)


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
    factor: Fraction | tuple[Column, Column]
    amount: Column
    """[10^-8 of the currency]"""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why some rows get no lines."""

    code: str
    where: Mask
    message: str
    remedy: str


@dataclass(slots=True)
class Cohort:
    """Spans with the same version and period. Everything per row has shape (rows,)."""

    version: TariffVersion
    period: Period
    segments: Ints
    """The segment of each row: its row in the carry state."""
    determinant: Callable[[str], tuple[Ints, Mask]]
    """Values of a determinant and where they are known."""
    contract: tuple[Ints, Mask]
    capacity: tuple[Ints, Mask]
    carry: State
    blocks: list[Block] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def month(self) -> date:
        """First day of the span's month."""
        return self.period.start.replace(day=1)

    def share(self, months: tuple[int, ...]) -> Fraction:
        """The span in months, by days; only days in `months` when there are any."""
        parts = self._parts(months)
        return sum(
            (Fraction(p.days, calendar.monthrange(p.start.year, p.start.month)[1]) for p in parts),
            Fraction(0),
        )

    def days(self, months: tuple[int, ...]) -> int:
        """Days of the span, in `months` when there are any."""
        return sum(part.days for part in self._parts(months))

    def years(self, months: tuple[int, ...]) -> Fraction:
        """The span in years, by days."""
        parts = self._parts(months)
        return sum(
            (
                Fraction(part.days, 366 if calendar.isleap(part.start.year) else 365)
                for part in parts
            ),
            Fraction(0),
        )

    def factor(self, charge: Component) -> Fraction:
        """The component's factor: its share of the span, or 1 without proration."""
        return self.share(charge.months) if charge.proration == "days" else ONE

    def _parts(self, months: tuple[int, ...]) -> list[Period]:
        parts = self.period.months()
        return [part for part in parts if not months or part.start.month in months]

    def want(
        self, wanted: Wanted, bucket: str, charge: Component, *, optional: bool = False
    ) -> Ints:
        """A determinant; rows below zero, or without it unless `optional`, are held."""
        values, known = self.determinant(wanted.name(bucket))
        known = known | optional
        what = f"{wanted.channel} {wanted.kind}" + (f" of {bucket}" if bucket else "")
        self.hold(
            "rating.quantity.missing",
            ~known,
            f"The {what}, which {charge.id} bills, is not known.",
            "See the findings about the readings of this segment.",
        )
        self.hold(
            "rating.quantity.negative",
            values < 0,
            f"The {what} is below zero.",
            "Correct the readings; energy given back belongs on the export channel.",
        )
        return np.maximum(values, 0)

    def hold(self, code: str, where: Mask, message: str, remedy: str) -> None:
        """Hold the segments of some rows."""
        if where.any():
            self.holds.append(Hold(code, where, message, remedy))

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
        price: Decimal,
        factor: Fraction | tuple[Column, Column] = ONE,
        decimals: int = MICRO_DECIMALS,
        keep: Mask | None = None,
        always: bool = False,
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
        amount = -amount if charge.credit else amount
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
        factor: Fraction | tuple[Column, Column],
        amount: Column,
    ) -> None:
        """Add lines whose amounts are known."""
        index = self.index[charge.id]
        kind = charge.kind or charge.shape  # type: ignore[attr-defined]
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


def micro(value: Decimal, factor: Fraction = ONE) -> int:
    """A number of the document times a factor in 10^-6 units, half even."""
    exact = Fraction(value) * factor * 10**MICRO_DECIMALS
    whole, rest = divmod(exact.numerator, exact.denominator)
    up = 2 * rest > exact.denominator or (2 * rest == exact.denominator and whole % 2 == 1)
    return int(whole + up)
