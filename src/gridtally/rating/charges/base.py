"""Before step 6: the keys that every component of a tariff document has, and what shapes share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from typing_extensions import override

from gridtally.rating.document.declared import Proration
from gridtally.rating.document.values import (
    Complaint,
    Many,
    Month,
    NotNegativeValue,
    Number,
    Positive,
    RoundingPoint,
    Strict,
    Text,
    Title,
    Value,
    Word,
    values_of,
)

__all__ = [
    "Component",
    "Measured",
    "OnLines",
    "PriceAt",
    "Priced",
    "References",
    "Tier",
    "Tiers",
    "listed",
    "tier_complaints",
]

Reference = Annotated[str, Field(pattern=r"^@?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
References = Annotated[tuple[Reference, ...], Many()]


class Component(Strict):
    """The keys that every component has."""

    id: Word
    title: Title | None = None
    kind: Word | None = None
    months: Annotated[tuple[Month, ...], Many()] = ()
    proration: Proration = "days"
    round_factor: RoundingPoint | None = None
    rounding: RoundingPoint | None = None
    round_component: RoundingPoint | None = None
    sets: Annotated[tuple[Word, ...], Many()] = ()
    ledger: Text | None = None
    source: Text | None = None
    payer: Text | None = None
    payee: Text | None = None
    credit: bool = False
    negative: bool = False

    def values(self) -> Mapping[str, Value]:
        """Every value by its path: numbers, and terms of the agreement."""
        return dict(values_of(self))

    def bounds(self, value: Value) -> tuple[Decimal | None, Decimal | None]:
        """What one of its values may be, both included; None: no bound."""
        if value.price and not self.negative:
            return Decimal(0), value.most
        return value.least, value.most

    def numbers(self) -> Mapping[str, Decimal]:
        """Its prices that are numbers, by path: for the rule about prices below zero, for notes."""
        return {
            path: value.number
            for path, value in self.values().items()
            if value.price and value.number is not None
        }

    def term_names(self) -> Mapping[str, str]:
        """Terms of the agreement that it uses, by path; those that its unit implies included."""
        return {path: value.term for path, value in self.values().items() if value.term}

    @override
    def complaints(self) -> Iterator[Complaint]:
        if self.id == "rounding":
            yield "id", "`rounding` is the name of the line that rounds the total"
        if self.kind == "rounding":
            yield "kind", "`rounding` is the kind of the lines that round; name it otherwise"
        if not self.negative:
            for path, price in self.numbers().items():
                if price < 0:
                    yield path, f"{price} is below zero; say `negative = true` if it is meant"

    def only_with(self, keys: tuple[str, ...], allowed: bool, why: str) -> Iterator[Complaint]:
        """Complaints about keys that are given and have a meaning only under a condition."""
        for key in keys:
            if not allowed and key in self.model_fields_set:
                yield key, f"has a meaning only {why}"


class Tier(Strict):
    """A step of prices, up to a threshold [kWh or kW]; the last has none."""

    upto: Positive | None = None
    upto_per_kw: Positive | None = None
    """Hours of use: up to so many kWh for each kW of the billed demand, if that is less."""
    price: Number | None = None
    prices: dict[str, Number] | None = None


PriceAt = tuple[str, Value | None, Mapping[str, Value] | None]
"""(path, price, prices) of a tier, or of the component itself."""


class Priced(Component):
    """A component with a price, one per bucket of its calendar, or tiers of either."""

    calendar: Word | None = None

    def priced(self) -> list[PriceAt]:
        """Where its prices are."""
        raise AssertionError("each shape says where its prices are")

    @override
    def numbers(self) -> Mapping[str, Decimal]:
        found = dict(super().numbers())
        for path, price, prices in self.priced():
            for where, value in [
                ("price", price),
                *((f"prices.{b}", v) for b, v in (prices or {}).items()),
            ]:
                if value is not None and value.number is not None:
                    found[f"{path}{where}"] = value.number
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


class Tiers(Priced):
    """A component whose prices may stand in tiers."""

    tiers: Annotated[tuple[Tier, ...], Many()] | None = None

    def tier_prices(self) -> list[PriceAt]:
        """Where the prices of its tiers are."""
        return [
            (
                f"tiers[{i}].",
                None if tier.price is None else Value(number=tier.price, price=True),
                None
                if tier.prices is None
                else {b: Value(number=p, price=True) for b, p in tier.prices.items()},
            )
            for i, tier in enumerate(self.tiers or ())
        ]


def listed(value: object) -> object:
    """A single item as an array of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


class Measured(Component):
    """What is measured, less or more by the rules of *From measured to billed energy*."""

    losses: Annotated[tuple[Word, ...], Many()] = ()
    part: Word | None = None
    loss_factor: Annotated[
        tuple[NotNegativeValue, ...],
        Field(min_length=1, max_length=4),
        BeforeValidator(listed, json_schema_input_type=NotNegativeValue | list[NotNegativeValue]),
    ] = ()
    loss_factors: dict[Word, NotNegativeValue] | None = None
    round_quantity: RoundingPoint | None = None

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.round_quantity and self.round_quantity.places > 6:
            yield "round_quantity.places", "is at most 6"
        if self.loss_factor and self.loss_factors is not None:
            yield "loss_factors", "`loss_factor` is there already: give one of the two"
        if self.losses and self.months:
            yield "losses", "cannot be computed beside `months`: losses count all hours of a span"
        for i, name in enumerate(self.losses):
            if name in self.losses[:i]:
                yield f"losses[{i}]", f"{name!r} is named twice: it would be added twice"


class OnLines(Component):
    """A component on the lines of others."""

    of: References

    @property
    def named(self) -> tuple[str, ...]:
        """The ids and @sets that it is computed from, as written."""
        return self.of


def tier_complaints(
    tiers: tuple[Any, ...], *, key: str = "tiers", what: str = "energy"
) -> Iterator[Complaint]:
    """Thresholds strictly increase, and only the last step has none (T01)."""
    before: Decimal | None = Decimal(0) if key == "tiers" else None
    word = "tier" if key == "tiers" else "row"
    for i, tier in enumerate(tiers):
        last, path = i == len(tiers) - 1, f"{key}[{i}].upto"
        if getattr(tier, "upto_per_kw", None) is not None:
            yield f"{path}_per_kw", "hours of use are for `tiered` energy"
        if tier.upto is None and not last:
            yield path, f"only the last {word} has no `upto`; later {word}s are unreachable"
        elif tier.upto is not None and last:
            yield (
                path,
                f"the last {word} has no `upto`: {what} above {tier.upto} would have no price",
            )
        elif tier.upto is not None and before is not None and tier.upto <= before:
            yield path, f"{tier.upto} must be above {before}, where the {word} before it ends"
        if tier.upto is not None:
            before = tier.upto if before is None else max(before, tier.upto)
