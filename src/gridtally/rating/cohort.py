"""Step 6: the spans of one tariff version, as columns, and the lines they get.

Their days may differ, but they touch the same calendar months and lie in the same yearly windows:
whether a component is at rest, and which month a demand is kept for, is the same for all of them.
What the days decide (shares, thresholds) is worked out once per period and taken by row.
"""

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
from gridtally.rating.exact import Column, add, divide, product, round_to, scaled
from gridtally.rating.tariff import TariffVersion
from gridtally.terms import RoundingMode, Wanted

__all__ = ["MICRO_DECIMALS", "Block", "Cohort", "Factor", "Hold", "micro"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MICRO_DECIMALS = 6
NONE, ONE = Fraction(0), Fraction(1)
Factor = Fraction | tuple[Column, Column]
"""One fraction for all rows, or a pair of columns: numerators and denominators."""


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


@dataclass(frozen=True, slots=True)
class Hold:
    """Why some rows get no lines."""

    code: str
    where: Mask
    message: str
    remedy: str


@dataclass(slots=True)
class Cohort:
    """Spans with the same version and months. Everything per row has shape (rows,)."""

    version: TariffVersion
    periods: tuple[Period, ...]
    """The distinct periods of the spans."""
    period: Ints
    """Which of `periods`, per row."""
    segments: Ints
    """The segment of each row: its row in the carry state."""
    determinant: Callable[[str], tuple[Ints, Mask]]
    """Values of a determinant and where they are known."""
    contract: tuple[Ints, Mask]
    capacity: tuple[Ints, Mask]
    carry: State
    blocks: list[Block] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    _shares: dict[tuple[int, ...], Factor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def month(self) -> date:
        """First day of the month in which the spans begin."""
        return self.first_day.replace(day=1)

    @property
    def first_day(self) -> date:
        """First day of one of the spans: in the same month and yearly windows as the others'."""
        return self.periods[0].start

    def active(self, months: tuple[int, ...]) -> bool:
        """Whether the spans have days in `months`, when there are any."""
        return bool(_parts(self.periods[0], months))

    def days(self, months: tuple[int, ...]) -> Ints:
        """Days of each span, in `months` when there are any."""
        days = [sum(part.days for part in _parts(p, months)) for p in self.periods]
        return np.array(days, np.int64)[self.period]

    def share(self, months: tuple[int, ...]) -> Factor:
        """The spans in months, by days; only days in `months` when there are any."""
        if months not in self._shares:
            self._shares[months] = self._fractions(
                sum(
                    (Fraction(part.days, _month_days(part.start)) for part in _parts(p, months)),
                    NONE,
                )
                for p in self.periods
            )
        return self._shares[months]

    def years(self, months: tuple[int, ...]) -> Factor:
        """The spans in years, by days."""
        return self._fractions(
            sum((Fraction(part.days, _year_days(part.start)) for part in _parts(p, months)), NONE)
            for p in self.periods
        )

    def factor(self, charge: Component) -> Factor:
        """The component's factor: its share of each span, or 1 without proration."""
        return self.share(charge.months) if charge.proration == "days" else ONE

    def _fractions(self, each: Iterable[Fraction]) -> Factor:
        """A fraction per period as one factor."""
        found = list(each)
        if len(set(found)) == 1:
            return found[0]
        top, bottom = ([getattr(f, n) for f in found] for n in ("numerator", "denominator"))
        return np.array(top, np.int64)[self.period], np.array(bottom, np.int64)[self.period]

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
        factor: Factor = ONE,
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
        factor: Factor,
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


def _parts(period: Period, months: tuple[int, ...]) -> list[Period]:
    return [part for part in period.months() if not months or part.start.month in months]


def _month_days(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _year_days(day: date) -> int:
    return 366 if calendar.isleap(day.year) else 365


def micro(value: Decimal, factor: Factor = ONE) -> int | Column:
    """A number of the document times a factor in 10^-6 units, half even: one, or one per row."""
    if not isinstance(factor, Fraction):
        number, places = scaled(value)
        top = product(factor[0], number * 10**MICRO_DECIMALS)
        return divide(top, product(factor[1], 10**places), RoundingMode.HALF_EVEN)
    exact = Fraction(value) * factor * 10**MICRO_DECIMALS
    whole, rest = divmod(exact.numerator, exact.denominator)
    up = 2 * rest > exact.denominator or (2 * rest == exact.denominator and whole % 2 == 1)
    return int(whole + up)
