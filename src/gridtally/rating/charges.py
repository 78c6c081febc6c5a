"""Before step 6: the components of a tariff document, one model per shape (`docs/tariff.md`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from gridtally.rating.document import (
    PLACES,
    Calendar,
    Channel,
    Complaint,
    Header,
    Many,
    Month,
    NotNegative,
    Number,
    Percent,
    Positive,
    RoundingPoint,
    Strict,
    Text,
    Title,
    Word,
)

__all__ = [
    "ON_LINES", "SHAPES", "Charge", "Component", "Demand", "Document", "Energy", "Fixed",
    "Maximum", "Minimum", "OnLines", "Percentage", "PowerFactor", "Ratchet", "Tier", "Tiered",
]  # fmt: skip


class Component(Strict):
    """The keys that every component has."""

    id: Word
    title: Title | None = None
    kind: Word | None = None
    months: Annotated[tuple[Month, ...], Many()] = ()
    proration: Literal["days", "none"] = "days"
    rounding: RoundingPoint | None = None
    ledger: Text | None = None
    source: Text | None = None
    credit: bool = False
    negative: bool = False

    def numbers(self) -> Mapping[str, Decimal]:
        """Its prices by path: for the rule about prices below zero, and for notes."""
        return {}

    @override
    def complaints(self) -> Iterator[Complaint]:
        if self.id == "rounding":
            yield "id", "`rounding` is the name of the line that rounds the total"
        if not self.negative:
            for path, price in self.numbers().items():
                if price < 0:
                    yield path, f"{price} is below zero; say `negative = true` if it is meant"


class Tier(Strict):
    """A step of prices, up to a threshold [kWh or kW]; the last has none."""

    upto: Positive | None = None
    price: Number | None = None
    prices: dict[str, Number] | None = None


class Priced(Component):
    """A component with a price, one per bucket of its calendar, or tiers of either."""

    calendar: Word | None = None

    def priced(self) -> list[tuple[str, Decimal | None, Mapping[str, Decimal] | None]]:
        """(path, price, prices) of each tier, or of the component itself."""
        raise AssertionError("each shape says where its prices are")

    @override
    def numbers(self) -> Mapping[str, Decimal]:
        found: dict[str, Decimal] = {}
        for path, price, prices in self.priced():
            found |= {} if price is None else {f"{path}price": price}
            found |= {f"{path}prices.{bucket}": value for bucket, value in (prices or {}).items()}
        return found

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        for path, price, prices in self.priced():
            if self.calendar and prices is None:
                yield f"{path}prices", "with a calendar, `prices` names a price per bucket"
            if self.calendar and price is not None:
                yield f"{path}price", "with a calendar, write `prices` per bucket instead"
            if not self.calendar and price is None:
                yield f"{path}price", "the price is missing"
            if not self.calendar and prices is not None:
                yield f"{path}prices", "`prices` needs a `calendar` that says when each holds"


class Energy(Priced):
    """Energy x price."""

    shape: Literal["energy"]
    channel: Channel
    price: Number | None = None
    prices: dict[str, Number] | None = None
    netting: Literal["month"] | None = None

    @override
    def priced(self) -> list[tuple[str, Decimal | None, Mapping[str, Decimal] | None]]:
        return [("", self.price, self.prices)]

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.netting and self.channel != "import":
            yield "netting", "only the channel `import` can be netted"


class Tiered(Priced):
    """Energy x the prices of the tiers that it fills."""

    shape: Literal["tiered"]
    channel: Channel
    tiers: Annotated[tuple[Tier, ...], Many()]
    window: Literal["month", "year"] = "month"
    resets: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")] = "01-01"
    method: Literal["graduated"] = "graduated"
    pooling: Literal["pro_rata"] | None = None
    netting: Literal["month"] | None = None

    @override
    def priced(self) -> list[tuple[str, Decimal | None, Mapping[str, Decimal] | None]]:
        return [(f"tiers[{i}].", t.price, t.prices) for i, t in enumerate(self.tiers)]

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        yield from _tiers(self.tiers)
        if self.calendar and not self.pooling:
            yield "pooling", 'tiers with a calendar need pooling = "pro_rata"'
        if self.pooling and not self.calendar:
            yield "pooling", "`pooling` has a meaning only with a calendar"
        if self.netting and self.channel != "import":
            yield "netting", "only the channel `import` can be netted"
        month, day = self.reset
        if day > (28, 30, 31)[(month != 2) + (month in (1, 3, 5, 7, 8, 10, 12))]:
            yield "resets", f"{self.resets} is not a day of every year"
        if self.window == "month" and "resets" in self.model_fields_set:
            yield "resets", '`resets` has a meaning only with window = "year"'

    @property
    def reset(self) -> tuple[int, int]:
        """Month and day on which a yearly window starts."""
        return int(self.resets[:2]), int(self.resets[3:])


class Ratchet(Strict):
    """Billed demand is at least a percentage of the largest of earlier months."""

    percent: Annotated[Positive, Field(le=100)]
    months: Annotated[int, Field(ge=1, le=36)]


class Demand(Priced):
    """The largest demand x price per month."""

    shape: Literal["demand"]
    channel: Channel = "import"
    price: Number | None = None
    prices: dict[str, Number] | None = None
    tiers: Annotated[tuple[Tier, ...], Many()] | None = None
    window_min: Annotated[int, Field(ge=1, le=1440)] | None = None
    basis: Literal["measured", "contract"] = "measured"
    minimum_kw: NotNegative | None = None
    ratchet: Ratchet | None = None
    round_kw: RoundingPoint | None = None
    excess_over: Positive | None = None
    excess_factor: NotNegative | None = None
    excess_reading: Literal["above_contract", "above_threshold"] | None = None

    @override
    def priced(self) -> list[tuple[str, Decimal | None, Mapping[str, Decimal] | None]]:
        if self.tiers is None:
            return [("", self.price, self.prices)]
        return [(f"tiers[{i}].", t.price, t.prices) for i, t in enumerate(self.tiers)]

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.tiers is not None:
            yield from _tiers(self.tiers)
            if self.price is not None or self.prices is not None:
                yield "tiers", "prices stand in the tiers or beside them, not in both"
        if self.window_min and 1440 % self.window_min:
            yield "window_min", "must divide a day of 1440 minutes"
        if self.round_kw and self.round_kw.places > 6:
            yield "round_kw.places", "is at most 6"
        yield from self._contract()

    def _contract(self) -> Iterator[Complaint]:
        excess = ("excess_over", "excess_factor", "excess_reading")
        if self.basis == "measured":
            for key in excess:
                if getattr(self, key) is not None:
                    yield key, 'has a meaning only with basis = "contract"'
            return
        for key in excess:
            if getattr(self, key) is None:
                yield key, 'is required with basis = "contract"'
        for key in ("calendar", "tiers", "minimum_kw", "ratchet"):
            if getattr(self, key) is not None:
                yield key, 'has no meaning with basis = "contract"'
        if self.price is not None and self.excess_factor is not None:
            price = (self.price * self.excess_factor).normalize()
            if -price.as_tuple().exponent > PLACES:  # type: ignore[operator]
                yield "excess_factor", f"x price gives more than {PLACES} decimals"


class Fixed(Component):
    """A price per month, day, year, kVA or kW."""

    shape: Literal["fixed"]
    per: Literal["month", "day", "year", "kva_month", "kw_month"]
    price: Number

    @override
    def numbers(self) -> Mapping[str, Decimal]:
        return {"price": self.price}


class OnLines(Component):
    """A component on the lines of others."""

    of: Annotated[tuple[Word, ...], Many()]


class Percentage(OnLines):
    """A percentage of the lines of other components."""

    shape: Literal["percentage"]
    percent: Percent

    @override
    def numbers(self) -> Mapping[str, Decimal]:
        return {"percent": self.percent}


class PowerFactor(OnLines):
    """A percentage of the lines of other components, from a table by power factor."""

    shape: Literal["power_factor"]
    rows: dict[Annotated[str, Field(pattern=r"^(1\.00|0\.\d\d)$")], Number]
    standard: Number | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        steps = [int(Decimal(key) * 100) for key in self.rows]
        if not steps or steps != list(range(steps[0], steps[0] - len(steps), -1)):
            yield "rows", "go down by 0.01 without a hole, such as 1.00, 0.99, 0.98"


class _Bound(OnLines):
    amount: NotNegative

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.credit:
            yield "credit", "a bound is no credit: leave it out"


class Minimum(_Bound):
    """At least this amount per month for the named lines."""

    shape: Literal["minimum"]


class Maximum(_Bound):
    """At most this amount per month for the named lines."""

    shape: Literal["maximum"]


Charge = Energy | Tiered | Demand | Fixed | Percentage | PowerFactor | Minimum | Maximum
ON_LINES = (Percentage, PowerFactor, Minimum, Maximum)
SHAPES: dict[str, type[Component]] = {
    "energy": Energy, "tiered": Tiered, "demand": Demand, "fixed": Fixed,
    "percentage": Percentage, "power_factor": PowerFactor, "minimum": Minimum, "maximum": Maximum,
}  # fmt: skip


class Document(Header):
    """A tariff version, as written."""

    calendars: dict[Word, Calendar] = Field(default_factory=dict)
    components: Annotated[tuple[Annotated[Charge, Field(discriminator="shape")], ...], Many()]


def _tiers(tiers: tuple[Tier, ...]) -> Iterator[Complaint]:
    """Thresholds strictly increase, and only the last tier has none (T01)."""
    before = Decimal(0)
    for i, tier in enumerate(tiers):
        last = i == len(tiers) - 1
        if tier.upto is None and not last:
            yield (
                f"tiers[{i}].upto",
                "only the last tier has no `upto`; later tiers are unreachable",
            )
        elif tier.upto is not None and last:
            yield (
                f"tiers[{i}].upto",
                f"the last tier has no `upto`: energy above {tier.upto} would have no price",
            )
        elif tier.upto is not None and tier.upto <= before:
            yield (
                f"tiers[{i}].upto",
                f"{tier.upto} must be above {before}, where the tier before it ends",
            )
        before = max(before, tier.upto or before)
