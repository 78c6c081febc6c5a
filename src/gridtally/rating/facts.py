"""Step 6: what is known of spans before any reading: their days, terms and events, as columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.money import Rounding
from gridtally.periods import Period, month_number
from gridtally.periods import zone as zone_of
from gridtally.rating.charges import Component
from gridtally.rating.document.declared import Term
from gridtally.rating.document.values import Value
from gridtally.rating.exact import Column, product
from gridtally.rating.proration import days_in, factor_of, hours_in, parts_of
from gridtally.rating.ratios import Factor, counted

__all__ = ["Facts", "Hold", "facts_of", "look_back_of", "terms_of"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Known = tuple[Column, Mask]
"""Values, zero where there is none, and where there is one."""
TERM_DECIMALS = 8
_OWN = {"contract_kw": "contracted demand", "capacity_kva": "connected capacity"}


@dataclass(frozen=True, slots=True)
class Hold:
    """Why some rows get no lines."""

    code: str
    where: Mask
    message: str
    remedy: str
    channels: tuple[str, ...] = ()
    """Whose readings it is about: what step 5 found wrong with one says it better."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """Spans with the same version and months. Everything per row has shape (rows,)."""

    zone: str
    declared: Mapping[str, Term]
    """The terms of the version."""
    periods: tuple[Period, ...]
    """The distinct periods of the spans."""
    period: Ints
    """Which of `periods`, per row."""
    contract: Known
    """[10^-6 kW]"""
    capacity: Known
    """[10^-6 kVA]"""
    stated: Callable[[str], Known]
    """Terms of the agreement by name. [10^-8]"""
    look_back_from: Ints
    """From which month on demands must be known; one that never comes where none must be."""
    market: Market = NO_MARKET
    holds: list[Hold] = field(default_factory=list)
    shares: dict[object, Factor] = field(default_factory=dict)
    """Those worked out already."""

    def __len__(self) -> int:
        return len(self.period)

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
        return bool(parts_of(self.periods[0], months))

    def days(self, months: tuple[int, ...]) -> Ints:
        """Days of each span, in `months` when there are any."""
        days = [days_in(period, months) for period in self.periods]
        return np.array(days, np.int64)[self.period]

    def day_count(self, months: tuple[int, ...]) -> Factor:
        """Days of each span as a factor."""
        return self.by_period(Fraction(days_in(period, months)) for period in self.periods)

    def factor(self, charge: Component, *, yearly: bool = False) -> Factor:
        """The component's factor per month or per year."""
        point = charge.round_factor.point() if charge.round_factor else None
        return self.share(charge.proration, charge.months, yearly=yearly, rounding=point)

    def share(
        self,
        proration: str,
        months: tuple[int, ...] = (),
        *,
        yearly: bool = False,
        rounding: Rounding | None = None,
    ) -> Factor:
        """What part of a month or a year each span is."""
        key = (proration, months, yearly, rounding)
        if key not in self.shares:
            self.shares[key] = self.by_period(
                factor_of(
                    period, proration=proration, yearly=yearly, months=months, zone=self.zone,
                    rounding=rounding,
                )
                for period in self.periods
            )  # fmt: skip
        return self.shares[key]

    def hours(self) -> Factor:
        """Elapsed hours of each span."""
        return self.by_period(hours_in(period, self.zone) for period in self.periods)

    def closes(self, *days: tuple[int, int]) -> Mask:
        """Spans whose `to` is one of these days (month, day) of a year."""
        ends = [(period.end.month, period.end.day) in days for period in self.periods]
        return np.array(ends, bool)[self.period]

    def opens(self, *days: tuple[int, int]) -> Mask:
        """Spans whose first day is one of these days (month, day) of a year."""
        starts = [(period.start.month, period.start.day) in days for period in self.periods]
        return np.array(starts, bool)[self.period]

    def by_period(self, each: Iterable[Fraction]) -> Factor:
        """A fraction per period as one factor."""
        found = list(each)
        if len(set(found)) == 1:
            return found[0]
        top, bottom = ([getattr(f, n) for f in found] for n in ("numerator", "denominator"))
        return np.array(top, np.int64)[self.period], np.array(bottom, np.int64)[self.period]

    # ---------------------------------------------------------------- terms

    def term(self, name: str, used_by: str, *, least: Decimal | None = None) -> Column:
        """A term in 10^-8; rows that do not state it, or out of its range, are held."""
        if name in _OWN:
            values, known = self.contract if name == "contract_kw" else self.capacity
            values = product(values, 10**2)
            self.hold(
                "rating.contract.missing" if name == "contract_kw" else "rating.capacity.missing",
                ~known,
                f"{used_by} bills the {_OWN[name]}, and the agreement states none.",
                f"Add the {_OWN[name]} to the agreement.",
            )
        else:
            values, known = self.stated(name)
            self.hold(
                "rating.term.missing",
                ~known,
                f"{used_by} needs {name}, and the agreement does not state it.",
                "Add the term to the agreement; it is never guessed.",
            )
        declared = self.declared.get(name)
        for bound in (least, declared.least if declared else None):
            self.within(name, used_by, values, known, low=bound)
        self.within(name, used_by, values, known, high=declared.most if declared else None)
        return np.where(known, values, 0)

    def within(
        self,
        name: str,
        used_by: str,
        values: Column,
        known: Mask,
        *,
        low: Decimal | None = None,
        high: Decimal | None = None,
    ) -> Mask:
        """Hold the rows whose term [10^-8] is out of bounds, both included; give the others."""
        wrong = np.zeros(len(self), bool)
        if low is not None:
            wrong |= (values < int(low.scaleb(TERM_DECIMALS))).astype(bool)
        if high is not None:
            wrong |= (values > int(high.scaleb(TERM_DECIMALS))).astype(bool)
        bound = f"at least {low}" if low is not None else f"at most {high}"
        self.hold(
            "rating.term.range",
            known & wrong,
            f"The agreement's {name}, which {used_by} uses, must be {bound}.",
            "Correct the term of the agreement.",
        )
        return ~wrong

    def value(self, value: Value, charge: Component) -> Factor:
        """A value of a component."""
        least, most = charge.bounds(value)
        return self.bounded(value, charge.id, least=least, most=most)

    def bounded(
        self, value: Value, used_by: str, *, least: Decimal | None, most: Decimal | None
    ) -> Factor:
        """A number of the document, or what the agreement states, within bounds; else held."""
        if value.term is None:
            return Fraction(value.exact)
        numbers = self.term(value.term, used_by, least=least)
        good = self.within(value.term, used_by, numbers, np.ones(len(self), bool), high=most)
        if least is not None:
            good = good & (numbers >= int(least.scaleb(TERM_DECIMALS))).astype(bool)
        return counted(np.where(good, numbers, 0), TERM_DECIMALS)

    def price(self, value: Value, charge: Component) -> Decimal | Column:
        """A price: one, or one per row in 10^-8."""
        number = self.value(value, charge)
        return value.exact if isinstance(number, Fraction) else number[0]

    @property
    def held(self) -> Mask:
        """Rows that something holds already."""
        found = np.zeros(len(self), bool)
        for hold in self.holds:
            found |= hold.where
        return found

    def hold(
        self, code: str, where: Mask, message: str, remedy: str, channels: tuple[str, ...] = ()
    ) -> None:
        """Hold the segments of some rows."""
        if where.any():
            self.holds.append(Hold(code, where, message, remedy, channels))

    # --------------------------------------------------------------- events

    def event_counts(self, name: str, months: tuple[int, ...], used_by: str) -> Ints:
        """Events that start in each span, in `months`; held where the list is not complete."""
        place = zone_of(self.zone)
        known = self.market.events.get(name)
        counts, complete = [], []
        for period in self.periods:
            start, end = place.bounds(period)
            times = known.times if known else ()
            counts.append(sum(
                start <= at < end and (not months or place.date(at).month in months)
                for at, _ in times
            ))  # fmt: skip
            complete.append(known is not None and known.covers(start, end))
        self.hold(
            "rating.event.missing",
            ~np.array(complete, bool)[self.period],
            f"The events {name}, which {used_by} counts, are not known for all of the period.",
            "Deliver the events, or say until when there was none.",
        )
        return np.array(counts, np.int64)[self.period]


def look_back_of(spans: pa.Table) -> Ints:
    """The month of `look_back_from` of each span; where there is none, one that never comes."""
    never = np.full(spans.num_rows, month_number(date.max), np.int64)
    name = "look_back_from"
    if name not in spans.column_names or spans[name].null_count == spans.num_rows:
        return never
    years, months = (pc.cast(of(spans[name]), pa.int64()) for of in (pc.year, pc.month))
    number = pc.add(pc.multiply(years, 12), pc.subtract(months, 1))
    return np.asarray(pc.fill_null(number, int(never[0])).combine_chunks())


def facts_of(
    spans: pa.Table, *, zone: str, declared: Mapping[str, Term], market: Market = NO_MARKET
) -> Facts:
    """The facts of SPANS."""
    days = list(zip(spans["from"].to_pylist(), spans["to"].to_pylist(), strict=True))
    distinct = {pair: i for i, pair in enumerate(dict.fromkeys(days))}
    return Facts(
        zone=zone,
        declared=declared,
        periods=tuple(Period(*pair) for pair in distinct),
        period=np.array([distinct[pair] for pair in days], np.int64),
        contract=known_column(spans, "contract_ukw"),
        capacity=known_column(spans, "capacity_ukva"),
        stated=terms_of(spans),
        look_back_from=look_back_of(spans),
        market=market,
    )


def terms_of(spans: pa.Table) -> Callable[[str], Known]:
    """Terms by name of each row of SPANS; each distinct text is read once."""
    encoded = spans["terms"].combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64)
    texts = [json.loads(text) for text in encoded.dictionary.to_pylist()]
    found: dict[str, Known] = {}

    def stated(name: str) -> Known:
        if name not in found:
            each = [Decimal(terms[name]) if name in terms else None for terms in texts]
            numbers = [0 if d is None else _counted(name, d) for d in each]
            known = [d is not None for d in each]
            found[name] = np.array([*numbers, 0], np.int64)[codes], np.array([*known, False])[codes]
        return found[name]

    return stated


def _counted(name: str, stated: Decimal) -> int:
    exact = stated.scaleb(TERM_DECIMALS)
    assert exact == int(exact), f"{name} has more than {TERM_DECIMALS} decimals"
    return int(exact)


def known_column(spans: pa.Table, name: str) -> tuple[Ints, Mask]:
    """A column, zero where it is null, and where it is not."""
    column = spans[name]
    return np.asarray(pc.fill_null(column, 0)), np.asarray(pc.is_valid(column))
