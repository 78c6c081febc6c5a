"""Before step 6: the shapes that measure nothing: `fixed`, and those on the lines of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from gridtally.rating.charges.base import Component, OnLines, References, tier_complaints
from gridtally.rating.document.values import (
    Channel,
    Complaint,
    Many,
    MonthDay,
    NotNegative,
    NotNegativeValue,
    Number,
    PercentPrice,
    PercentValue,
    Positive,
    Price,
    Strict,
    Text,
    Word,
    month_days,
)

__all__ = [
    "Bank", "BankTrueUp", "Fixed", "Maximum", "Minimum", "Percentage", "PowerFactor", "Row",
    "Settle", "Slope", "StepTable", "Transfer",
]  # fmt: skip


class Fixed(Component):
    """A price per month, day, year, kVA, kW, meter, unit or event."""

    shape: Literal["fixed"]
    per: Literal[
        "month", "day", "year", "kva_month", "kva_day", "kva_year", "kw_month", "kw_day",
        "kw_year", "meter_month", "meter_day", "meter_year", "unit_month", "unit_day",
        "unit_year", "event",
    ]  # fmt: skip
    price: Price
    count: NotNegativeValue | None = None
    unit: Text | None = None
    event: Word | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        units = self.per.startswith("unit_")
        if units and self.count is None:
            yield "count", "is missing: it says how many units there are"
        yield from self.only_with(("count", "unit"), units, 'with per = "unit_month" and its like')
        if self.per == "event" and self.event is None:
            yield "event", "is missing: it names the events that are counted"
        yield from self.only_with(("event",), self.per == "event", 'with per = "event"')

    @override
    def term_names(self) -> Mapping[str, str]:
        found = dict(super().term_names())
        implied = {"kva": "capacity_kva", "kw": "contract_kw", "meter": "meters"}
        if name := implied.get(self.per.partition("_")[0]):
            found["per"] = name
        return found


class Percentage(OnLines):
    """A percentage of the lines of other components."""

    shape: Literal["percentage"]
    percent: PercentPrice
    method: Literal["on_top", "inside", "included"] = "on_top"

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.method == "inside" and self.percent.number == 100:
            yield "percent", 'must be below 100 with method = "inside"'
        if self.method == "included" and self.percent.number == -100:
            yield "percent", 'must be above -100 with method = "included"'


class Row(Strict):
    """A step of a table of percentages, up to a metric; the last has none."""

    upto: Number | None = None
    percent: Annotated[Number, Field(ge=-100, le=100)]


class StepTable(OnLines):
    """A percentage of the lines of other components, by the step in which a metric lies."""

    shape: Literal["table"]
    metric: Literal["kwh", "kwh_per_day", "kwh_per_kw", "kwh_per_kva", "kw", "term"]
    rows: Annotated[tuple[Row, ...], Many()]
    edge: Literal["lower", "upper"] = "lower"
    demand: Word | None = None
    term: Word | None = None
    channel: Channel | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        yield from tier_complaints(self.rows, key="rows", what="a metric")
        if (self.metric in ("kwh_per_kw", "kw")) != (self.demand is not None):
            yield "demand", 'stands with metric = "kwh_per_kw" or "kw", and only there'
        if (self.metric == "term") != (self.term is not None):
            yield "term", 'stands with metric = "term", and only there'
        yield from self.only_with(("channel",), self.metric[:3] == "kwh", "with a metric of energy")

    @override
    def term_names(self) -> Mapping[str, str]:
        found = dict(super().term_names())
        if self.metric == "kwh_per_kva":
            found["metric"] = "capacity_kva"
        if self.term:
            found["term"] = self.term
        return found


class Slope(Strict):
    """A percentage for each 0.01 of power factor on one side of a bound."""

    from_: Annotated[Positive, Field(alias="from", le=1)]
    percent: NotNegative
    limit: NotNegative | None = None

    @property
    def hundredths(self) -> int:
        """Where it begins, in 0.01."""
        return int(self.from_ * 100)

    @override
    def complaints(self) -> Iterator[Complaint]:
        if self.from_ * 100 % 1:
            yield "from", f"{self.from_} has more than two decimals, as a power factor has"


class PowerFactor(OnLines):
    """A percentage of the lines of other components, by power factor: a table or a formula."""

    shape: Literal["power_factor"]
    rows: dict[Annotated[str, Field(pattern=r"^(1\.00|0\.\d\d)$")], Number] | None = None
    below: Slope | None = None
    above: Slope | None = None
    standard: Number | None = None
    losses: Annotated[tuple[Word, ...], Many()] = ()

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        steps = [int(Decimal(key) * 100) for key in self.rows or ()]
        if self.rows is not None and (
            not steps or steps != list(range(steps[0], steps[0] - len(steps), -1))
        ):
            yield "rows", "go down by 0.01 without a hole, such as 1.00, 0.99, 0.98"
        if (self.rows is None) == (self.below is None and self.above is None):
            yield "rows", "a power factor has either `rows`, or `below` and `above` or one of them"
        if self.below and self.above and self.below.from_ > self.above.from_:
            yield "below.from", f"{self.below.from_} is above `above.from`, {self.above.from_}"
        if self.losses and self.months:
            yield "losses", "cannot be computed beside `months`: losses count all hours of a span"


class Settle(Strict):
    """On which day a bound is compared with the sum since the last such day."""

    on: MonthDay

    @property
    def day(self) -> tuple[int, int]:
        """Month and day."""
        return month_days((self.on,))[0]


class _NoCredit(OnLines):
    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.credit:
            yield "credit", "its sign follows from the named lines: leave it out"


class _Bound(_NoCredit):
    amount: NotNegativeValue
    per: Literal["month", "year", "day", "kva_month", "kw_month"] = "month"
    settle: Settle | None = None

    @override
    def term_names(self) -> Mapping[str, str]:
        found = dict(super().term_names())
        implied = {"kva_month": "capacity_kva", "kw_month": "contract_kw"}.get(self.per)
        if implied:
            found["per"] = implied
        return found


class Minimum(_Bound):
    """At least this amount for the named lines."""

    shape: Literal["minimum"]


class Maximum(_Bound):
    """At most this amount for the named lines."""

    shape: Literal["maximum"]


class BankTrueUp(Strict):
    """On which day the bank of money is paid, and how much of it."""

    on: MonthDay
    percent: Annotated[NotNegative, Field(le=100)]

    @property
    def day(self) -> tuple[int, int]:
        """Month and day."""
        return month_days((self.on,))[0]


class Bank(_NoCredit):
    """Money that is left over is kept for later bills."""

    shape: Literal["bank"]
    later: References | None = None
    """Components whose credits are good only for later bills."""
    true_up: BankTrueUp | None = None

    @property
    @override
    def named(self) -> tuple[str, ...]:
        return (*self.of, *(self.later or ()))


class Transfer(_NoCredit):
    """What of the named lines goes to others."""

    shape: Literal["transfer"]
    parts: Annotated[dict[Word, PercentValue], Field(min_length=1)]

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        known = sum((part.number or Decimal(0) for part in self.parts.values()), Decimal(0))
        if known > 100:
            yield "parts", f"the parts are {known} percent together; they are at most 100"
