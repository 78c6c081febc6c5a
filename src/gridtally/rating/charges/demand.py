"""Before step 6: the shape `demand`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from gridtally.rating.charges.base import PriceAt, Tiers, tier_complaints
from gridtally.rating.document.values import (
    PLACES,
    Channel,
    Complaint,
    NotNegative,
    NotNegativeValue,
    Positive,
    Price,
    RoundingPoint,
    Strict,
    Word,
)

__all__ = ["Demand", "Ratchet"]

Minutes = Annotated[int, Field(ge=1, le=1440)]
_MEASURED = (
    "channel", "calendar", "window_min", "rolling_min", "top", "distinct_days", "measure", "power",
    "least_measured", "mean_of_months", "power_factor_below", "minimum_kw", "least_of_contract",
    "least_of_capacity", "ratchet", "look_back", "above_percent", "round_kw", "contracts",
    "excess_over", "excess_factor", "excess_reading",
)  # fmt: skip
"""What a component says of the demand that it measures itself."""


_ByMonth = dict[
    Annotated[str, Field(pattern=r"^([1-9]|1[0-2])$")], Annotated[NotNegative, Field(le=100)]
]


class Ratchet(Strict):
    """Billed demand is at least a percentage of the largest of earlier months."""

    percent: Annotated[Positive, Field(le=100)]
    months: Annotated[int, Field(ge=1, le=36)]
    by_month: _ByMonth | None = None
    current_by_month: _ByMonth | None = None
    """With which percentage the demand of the month itself counts, 100 where it is not named."""


class Demand(Tiers):
    """The largest demand x price per month."""

    shape: Literal["demand"]
    channel: Channel = "import"
    price: Price | None = None
    prices: dict[str, Price] | None = None
    per: Literal["month", "day", "year"] = "month"
    window_min: Minutes | None = None
    rolling_min: Minutes | None = None
    top: Annotated[int, Field(ge=1, le=100)] | None = None
    distinct_days: bool = False
    measure: Literal["mean"] | None = None
    power: Literal["active", "apparent"] = "active"
    basis: Literal["measured", "contract", "billed"] = "measured"
    demand: Word | None = None
    """Another demand: the one that basis "billed" bills, or that `above_percent` is of."""
    above_percent: NotNegative | None = None
    """Only what lies above that part of another component's billed demand. [%]"""
    least_measured: NotNegativeValue | None = None
    mean_of_months: Annotated[int, Field(ge=2, le=36)] | None = None
    power_factor_below: Annotated[Positive, Field(le=1)] | None = None
    minimum_kw: NotNegativeValue | None = None
    least_of_contract: NotNegativeValue | None = None
    least_of_capacity: NotNegativeValue | None = None
    ratchet: Ratchet | None = None
    look_back: Literal["agreement", "known"] = "agreement"
    """Whether all months since the agreement began must be known, or those that are count."""
    round_kw: RoundingPoint | None = None
    contracts: dict[str, NotNegativeValue] | None = None
    """With basis "contract" and a calendar: what is agreed for each bucket. [kW]"""
    excess_over: Positive | None = None
    excess_factor: NotNegative | None = None
    excess_reading: Literal["above_contract", "above_threshold"] | None = None

    @property
    def unit(self) -> str:
        """kW, kvar or kVA: of what it measures."""
        if self.power == "apparent":
            return "kVA"
        return "kvar" if self.channel.startswith("reactive") else "kW"

    @property
    def months_back(self) -> int:
        """How many months before its own it looks back to."""
        return max(self.ratchet.months if self.ratchet else 0, (self.mean_of_months or 1) - 1)

    @override
    def priced(self) -> list[PriceAt]:
        return [("", self.price, self.prices)] if self.tiers is None else self.tier_prices()

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        refers = self.basis == "billed" or self.above_percent is not None
        yield from self.only_with(("demand",), refers, 'with basis = "billed" or `above_percent`')
        if self.above_percent is not None and self.demand in (None, self.id):
            yield "demand", "is required beside `above_percent`: another component with this shape"
        if self.tiers is not None:
            yield from tier_complaints(self.tiers, what="demand")
            if self.price is not None or self.prices is not None:
                yield "tiers", "prices stand in the tiers or beside them, not in both"
        if self.round_kw and self.round_kw.places > 6:
            yield "round_kw.places", "is at most 6"
        if self.ratchet and self.ratchet.current_by_month and self.mean_of_months:
            yield "ratchet.current_by_month", "cannot stand beside `mean_of_months`"
        yield from self.only_with(
            ("look_back",), self.months_back > 0, "beside `ratchet` or `mean_of_months`"
        )
        if self.basis == "billed":
            if self.demand is None:
                yield "demand", 'is required with basis = "billed": the component that measures it'
            yield from self.only_with(_MEASURED, False, "where a component measures a demand")
            return
        yield from self._windows()
        yield from self._contract()

    def _windows(self) -> Iterator[Complaint]:
        if self.window_min and 1440 % self.window_min:
            yield "window_min", "must divide a day of 1440 minutes"
        if self.rolling_min and not self.window_min:
            yield "window_min", "is missing: `rolling_min` says how far apart such windows start"
        elif self.rolling_min and self.window_min and self.window_min % self.rolling_min:
            yield "rolling_min", f"must divide `window_min`, {self.window_min}"
        if self.measure and self.top is not None:
            yield "measure", "cannot stand beside `top`: both say which windows count"
        yield from self.only_with(("distinct_days",), self.top is not None, "beside `top`")
        if self.power == "apparent" and self.channel.startswith("reactive"):
            yield "power", "apparent power is that of an active channel and the reactive ones"

    def _contract(self) -> Iterator[Complaint]:
        excess = ("excess_over", "excess_factor", "excess_reading")
        if self.basis == "measured":
            yield from self.only_with((*excess, "contracts"), False, 'with basis = "contract"')
            return
        yield from self.only_with(("contracts",), self.calendar is not None, "with a calendar")
        if self.calendar is not None and self.contracts is None:
            yield "contracts", "is required with a calendar: what is agreed for each bucket"
        for key in excess:
            if getattr(self, key) is None:
                yield key, 'is required with basis = "contract"'
        for key in (
            "tiers", "least_measured", "minimum_kw", "ratchet", "least_of_contract",
            "mean_of_months", "power_factor_below", "above_percent",
        ):  # fmt: skip
            if getattr(self, key) is not None:
                yield key, 'has no meaning with basis = "contract"'
        for value in (self.price, *(self.prices or {}).values()):
            if value is not None and value.number is not None and self.excess_factor is not None:
                price = (value.number * self.excess_factor).normalize()
                if -price.as_tuple().exponent > PLACES:  # type: ignore[operator]
                    yield "excess_factor", f"x price gives more than {PLACES} decimals"
