"""Before step 6: the shapes that price energy: `energy`, `tiered`, `reactive`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from typing_extensions import override

from gridtally.rating.charges.base import (
    Measured,
    PriceAt,
    Priced,
    Tier,
    Tiers,
    listed,
    tier_complaints,
)
from gridtally.rating.document.values import (
    MONTH_DAY,
    Channel,
    Complaint,
    Many,
    MonthDay,
    NotNegative,
    NotNegativeValue,
    Number,
    Price,
    RoundingPoint,
    Strict,
    Word,
    month_day,
    month_days,
)

__all__ = ["Energy", "More", "Reactive", "Tiered", "TrueUp"]

_NO_END = Decimal("Infinity")


def _on(value: object) -> object:
    return value if value == "month" else month_day(value)


OnDay = Annotated[
    str,
    BeforeValidator(_on),
    WithJsonSchema({"anyOf": [{"const": "month"}, {"type": "string", "pattern": MONTH_DAY}]}),
]
Netting = Literal["interval", "hour", "month"]


class TrueUp(Strict):
    """On which day the bank of energy is paid, and for how much."""

    on: OnDay
    price: Number | None = None
    prices: dict[str, Number] | None = None

    @property
    def days(self) -> tuple[tuple[int, int], ...]:
        """Months and days on which it is paid."""
        if self.on == "month":
            return tuple((month, 1) for month in range(1, 13))
        return month_days((self.on,))

    def numbers(self) -> dict[str, Decimal]:
        """Its prices by path."""
        found = {} if self.price is None else {"true_up.price": self.price}
        return found | {f"true_up.prices.{name}": p for name, p in (self.prices or {}).items()}

    @override
    def complaints(self) -> Iterator[Complaint]:
        if (self.price is None) == (self.prices is None):
            yield "price", "what is paid for the bank is `price`, or `prices` per bucket"


class BankMove(Strict):
    """On which day the bank of a bucket becomes that of another."""

    on: MonthDay
    from_: Annotated[Word, Field(alias="from")]
    to: Word

    @property
    def day(self) -> tuple[int, int]:
        """Month and day."""
        return month_days((self.on,))[0]


class Netted(Measured):
    """Energy of a channel, of which what is given back may be taken off."""

    channel: Channel
    netting: Netting | None = None
    true_up: TrueUp | None = None
    bank_moves: Annotated[tuple[BankMove, ...], Many(0)] = ()

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.netting == "month":
            if self.channel != "import":
                yield "netting", "only the channel `import` can be netted by the month"
            for key in ("part", "loss_factor", "loss_factors"):
                if key in self.model_fields_set:
                    yield key, 'cannot stand beside netting = "month"'
        elif self.netting and self.channel not in ("import", "export"):
            yield "netting", "only the channels `import` and `export` can be netted"
        if self.netting and self.losses:
            yield "losses", "cannot stand beside `netting`"
        if self.true_up and self.netting != "month":
            yield "true_up", 'has a meaning only with netting = "month"'
        yield from self._true_up()
        yield from self._bank_moves()

    def _bank_moves(self) -> Iterator[Complaint]:
        if self.bank_moves and not (self.netting == "month" and getattr(self, "calendar", None)):
            yield "bank_moves", 'have a meaning only with netting = "month" and a `calendar`'
        given: set[tuple[str, str]] = set()
        for i, move in enumerate(self.bank_moves):
            if (move.on, move.from_) in given:
                yield f"bank_moves[{i}]", f"the bank of {move.from_!r} moves once on a day"
            given.add((move.on, move.from_))

    def _true_up(self) -> Iterator[Complaint]:
        if self.true_up is None:
            return
        if self.true_up.prices is not None and not getattr(self, "calendar", None):
            yield "true_up.prices", "needs a `calendar` that says when each holds"
        for path, price in self.true_up.numbers().items():
            if price < 0 and not self.negative:
                yield path, f"{price} is below zero; say `negative = true` if it is meant"


class Energy(Netted, Priced):
    """Energy x price, or x the prices of a series."""

    shape: Literal["energy"]
    price: Price | None = None
    prices: dict[str, Price] | None = None
    series: Word | None = None
    times: Price | None = None
    plus: Price | None = None
    floor: Number | None = None
    cap: Number | None = None
    round_price: RoundingPoint | None = None
    round_each: RoundingPoint | None = None

    @override
    def priced(self) -> list[PriceAt]:
        return [] if self.series else [("", self.price, self.prices)]

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.series:
            for key in ("price", "prices"):
                if getattr(self, key) is not None:
                    yield key, "the prices of a `series` come from outside: leave it out"
            if self.netting == "month":
                yield "netting", 'a `series` cannot be netted by the month; "hour" can'
        keys = ("times", "plus", "floor", "cap", "round_price", "round_each")
        yield from self.only_with(keys, bool(self.series), "with a `series`")
        if self.floor is not None and self.cap is not None and self.floor > self.cap:
            yield "floor", f"{self.floor} is above `cap`, {self.cap}"


class More(Strict):
    """What raises every threshold: persons above four, times 100 kWh."""

    term: Word
    above: NotNegative | None = None
    each: NotNegative | None = None


Unit = Literal["kwh", "kwh_per_day", "kwh_per_kw", "kwh_per_kva", "kwh_per_person"]
_DAILY = ("kwh", "kwh_per_kva", "kwh_per_person")


class Tiered(Netted, Tiers):
    """Energy x the prices of the tiers that it fills."""

    shape: Literal["tiered"]
    tiers: Annotated[tuple[Tier, ...], Many()]
    unit: Unit = "kwh"
    demand: Word | None = None
    more: More | None = None
    window: Literal["month", "year", "day"] = "month"
    resets: Annotated[
        tuple[MonthDay, ...],
        Field(min_length=1, max_length=12),
        BeforeValidator(listed, json_schema_input_type=MonthDay | list[MonthDay]),
    ] = ("01-01",)
    fill: Literal["position", "quota"] = "position"
    method: Literal["graduated", "volume"] = "graduated"
    pooling: Literal["pro_rata", "separate", "in_order"] | None = None

    @property
    def reset(self) -> tuple[int, int]:
        """Month and day on which the first yearly window starts."""
        return self.reset_days[0]

    @property
    def reset_days(self) -> tuple[tuple[int, int], ...]:
        """Months and days on which a yearly window starts, in order."""
        return tuple(sorted(set(month_days(self.resets))))

    @override
    def priced(self) -> list[PriceAt]:
        return self.tier_prices()

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        hours_of_use = any(tier.upto_per_kw is not None for tier in self.tiers)
        yield from _hours_of_use(self.tiers) if hours_of_use else tier_complaints(self.tiers)
        if hours_of_use and (self.unit != "kwh" or self.window != "month"):
            yield "unit", 'hours of use stand with unit = "kwh" and windows of a month'
        if self.calendar and not self.pooling:
            yield "pooling", "tiers with a calendar need `pooling`: separate, in_order or pro_rata"
        if self.pooling and not self.calendar:
            yield "pooling", "`pooling` has a meaning only with a calendar"
        if (hours_of_use or self.unit == "kwh_per_kw") != (self.demand is not None):
            yield "demand", 'stands with unit = "kwh_per_kw" or `upto_per_kw`, and only there'
        if hours_of_use and self.pooling == "in_order":
            yield "pooling", 'hours of use are not known interval by interval: not "in_order"'
        yield from self._window()
        if self.pooling == "in_order":
            yield from self._in_order()

    def _window(self) -> Iterator[Complaint]:
        yearly, daily = self.window == "year", self.window == "day"
        yield from self.only_with(("fill",), yearly, 'with window = "year"')
        if yearly and self.unit != "kwh":
            yield "unit", 'yearly windows count "kwh"'
        if daily and self.unit not in _DAILY:
            yield "unit", f"windows of a day count {', '.join(_DAILY)}"
        for key in ("losses", "part", "loss_factor", "loss_factors", "round_quantity"):
            if daily and key in self.model_fields_set:
                yield key, "cannot stand beside a window of a day"
        if daily and self.netting == "month":
            yield "netting", '"month" cannot stand beside a window of a day'
        if self.method == "volume" and (yearly or daily):
            yield "method", '"volume" has a meaning only with windows of a month'
        if daily and self.pooling not in (None, "separate"):
            yield "pooling", 'windows of a day are pooled "separate"'
        if yearly and self.pooling not in (None, "pro_rata"):
            yield "pooling", 'windows of a year are pooled "pro_rata"'

    def _in_order(self) -> Iterator[Complaint]:
        if self.unit not in ("kwh", "kwh_per_day"):
            yield "unit", 'tiers filled in order count "kwh" or "kwh_per_day"'
        if self.method != "graduated":
            yield "method", 'tiers filled in order are "graduated"'
        for key in ("more", "losses", "part", "loss_factor", "loss_factors", "round_quantity"):
            if key in self.model_fields_set:
                yield key, 'cannot stand beside pooling = "in_order"'
        if self.netting not in (None, "interval"):
            yield "netting", 'only "interval" can stand beside pooling = "in_order"'

    @override
    def term_names(self) -> dict[str, str]:
        found = dict(super().term_names())
        implied = {"kwh_per_kva": "capacity_kva", "kwh_per_person": "persons"}.get(self.unit)
        if implied:
            found["unit"] = implied
        if self.more:
            found["more.term"] = self.more.term
        return found


def _hours_of_use(tiers: tuple[Tier, ...]) -> Iterator[Complaint]:
    """Neither kind of threshold falls, one of them grows, and only the last tier has none."""
    before = (Decimal(0), Decimal(0))
    for i, tier in enumerate(tiers):
        here = tuple(_NO_END if x is None else x for x in (tier.upto, tier.upto_per_kw))
        last, path = i == len(tiers) - 1, f"tiers[{i}].upto"
        if (min(here) == _NO_END) != last:
            yield path, "the last tier has neither `upto` nor `upto_per_kw`, and only it"
        for key, now, then in zip(("upto", "upto_per_kw"), here, before, strict=True):
            if now < then:
                yield f"tiers[{i}].{key}", f"falls from {then} to {now}: thresholds never fall"
        if here == before:
            yield path, "one of `upto` and `upto_per_kw` grows with each tier"
        before = (max(here[0], before[0]), max(here[1], before[1]))


class Reactive(Priced):
    """Reactive energy beyond what is free, x price."""

    shape: Literal["reactive"]
    channel: Literal["reactive_import", "reactive_export", "both", "larger"]
    free_ratio: NotNegativeValue
    price: Price | None = None
    prices: dict[str, Price] | None = None
    round_quantity: RoundingPoint | None = None

    @override
    def priced(self) -> list[PriceAt]:
        return [("", self.price, self.prices)]

    @override
    def complaints(self) -> Iterator[Complaint]:
        yield from super().complaints()
        if self.round_quantity and self.round_quantity.places > 6:
            yield "round_quantity.places", "is at most 6"
