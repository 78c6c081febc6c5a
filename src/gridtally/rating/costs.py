"""Step 5, handed in: energy x a price by time, summed exactly (`docs/tariff.md`, *energy*).

A cost counts 10^-25: energy 10^-6, a price up to 19 decimals (8 of the step, 8 of `times`, 3 of
the unit). It does not fit 63 bits and is handed on in two parts, `hi` x 10^18 + `lo`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.market import Market, Series
from gridtally.rating.charges import Energy
from gridtally.rating.declared import PriceSeries, Term
from gridtally.rating.exact import Column, divide, largest, product
from gridtally.rating.facts import Facts, facts_of
from gridtally.rating.ratios import column
from gridtally.rating.values import Value
from gridtally.terms import Reduced, Stream

__all__ = ["COST_DECIMALS", "HALF", "costs", "joined", "price_of"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
COST_DECIMALS = 25
HALF = 10**18
_ENERGY, _PRICE = 6, 19
_VALUE = 10**8


def joined(high: Ints, low: Ints) -> Column:
    """A cost of its two parts. [10^-25 of the currency]"""
    return np.asarray(high.astype(object) * HALF + low.astype(object))


def costs(
    charge: Energy,
    declared: PriceSeries,
    zone: str,
    terms: Mapping[str, Term],
    names: tuple[str, ...],
    stream: Stream,
    spans: pa.Table,
    market: Market,
) -> Reduced:
    """The cost of each bucket; `spans` has a row per row of `stream`."""
    rows = len(stream.energy)
    assert charge.series
    step, steps, problem = _steps(stream, market.series.get(charge.series), charge)
    if problem:
        return Reduced([], [(problem[0], np.ones(rows, bool), *problem[1:])])
    facts = facts_of(spans, zone=zone, declared=terms)
    total = np.zeros((rows, len(names)), object)
    for times, plus, mine in _alike(facts, charge):
        prices = {
            i: _price(steps[i], declared.units, times, plus, charge)
            for i in np.unique(step).tolist()
        }
        price = np.array([prices[i] for i in step.tolist()], object)
        total[mine] = _sums(stream.energy[mine], price, stream.labels, len(names), charge)
    high, low = total // HALF, total % HALF  # divmod knows no Python integers
    good = np.asarray((np.abs(high) < 2**62).all(axis=1)).astype(bool)
    message = "Energy x price is too large to be money."
    holds = [("metering.determinant.overflow", ~good, message, "Correct the readings or prices.")]
    columns = []
    for i, name in enumerate(names):
        for part, values in (("hi", high), ("lo", low)):
            kept = np.where(good, values[:, i], 0).astype(np.int64)
            columns.append((f"{name or 'all'}/{part}", kept, good))
    return Reduced(columns, holds)


Why = tuple[str, str, str]
"""(code, message, remedy)"""


def _steps(
    stream: Stream, series: Series | None, charge: Energy
) -> tuple[Ints, tuple[Decimal | None, ...], Why | None]:
    """The step in which each block lies, and the values of the steps; or why there is none."""
    none = np.zeros(0, np.int64)
    if not len(stream.starts):
        return none, (), None
    missing = (
        "rating.series.missing",
        f"The prices {charge.series}, which {charge.id} bills, are not known for all of the time.",
        "Deliver the missing prices; a missing price is never read as zero.",
    )
    known = series.cut(int(stream.starts.min()), int(stream.ends.max())) if series else None
    if known is None:
        return none, (), missing
    starts = np.array(known.starts, np.int64)
    first = np.searchsorted(starts, stream.starts, side="right") - 1
    last = np.searchsorted(starts, stream.ends - 1, side="right") - 1
    if (first != last).any():
        return none, (), _finer(stream, charge)
    without = {i for i, value in enumerate(known.values) if value is None}
    if (stream.ends > known.to).any() or without & set(np.unique(first).tolist()):
        return none, (), missing
    return first, known.values, None


def _finer(stream: Stream, charge: Energy) -> Why:
    if stream.dial:
        return (
            "rating.series.registers",
            f"The prices {charge.series} change within the period that the dials measure.",
            "Bill from intervals, or read the dials whenever the price changes.",
        )
    return (
        "rating.series.finer",
        f"The prices {charge.series} change inside a reading.",
        "Deliver readings that are as fine as the prices.",
    )


def _alike(facts: Facts, charge: Energy) -> list[tuple[Fraction, Fraction, Ints]]:
    """(times, plus, rows) of the rows whose prices are made alike."""
    one, zero = Value(number=Decimal(1), price=True), Value(number=Decimal(0), price=True)
    made = [facts.value(value, charge) for value in (charge.times or one, charge.plus or zero)]
    if all(isinstance(number, Fraction) for number in made):
        return [(made[0], made[1], np.arange(len(facts)))]  # type: ignore[list-item]
    pairs: dict[tuple[Fraction, Fraction], list[int]] = {}
    tops = [column(number, len(facts)) for number in made]
    for row, parts in enumerate(zip(*(c.tolist() for pair in tops for c in pair), strict=True)):
        key = Fraction(parts[0], parts[1]), Fraction(parts[2], parts[3])
        pairs.setdefault(key, []).append(row)
    return [(*key, np.array(rows, np.int64)) for key, rows in pairs.items()]


def _price(
    step: Decimal | None, units: int, times: Fraction, plus: Fraction, charge: Energy
) -> int:
    """The price of a step. [10^-19 per kWh]"""
    assert step is not None
    price = Fraction(step) / units * times + plus
    if charge.floor is not None:
        price = max(price, Fraction(charge.floor))
    if charge.cap is not None:
        price = min(price, Fraction(charge.cap))
    exact = price * 10**_PRICE
    assert exact.denominator == 1, "a price has at most 19 decimals"
    if charge.round_price is None:
        return int(exact.numerator)
    point = charge.round_price.point()
    unit: int = 10 ** (_PRICE - point.places)
    return int(divide(np.array([exact.numerator], object), unit, point.mode)[0]) * unit


def price_of(step: Decimal | None, declared: PriceSeries, charge: Energy) -> Decimal | None:
    """The price of a step, for whoever shows one; None where the agreement's terms decide too."""
    times, plus = (
        known if value is None else value.number
        for value, known in ((charge.times, Decimal(1)), (charge.plus, Decimal(0)))
    )
    if step is None or times is None or plus is None:
        return None
    return Decimal(_price(step, declared.units, Fraction(times), Fraction(plus), charge)).scaleb(
        -_PRICE
    )


def _sums(energy: Ints, price: Column, labels: Ints, count: int, charge: Energy) -> Column:
    """Energy x price by bucket. [10^-25]; shape (rows, buckets) of Python integers"""
    result = np.zeros((len(energy), count), object)
    if not energy.size:
        return result
    shift = 0
    while shift < _PRICE and all(p % 10 ** (shift + 1) == 0 for p in set(price.tolist())):
        shift += 1
    whole = price // 10**shift
    for i in range(count):
        mine = labels == i
        if not mine.any():
            continue
        if charge.round_each is None:
            result[:, i] = _dot(energy[:, mine], whole[mine]) * 10**shift
            continue
        point = charge.round_each.point()
        step = 10 ** (COST_DECIMALS - point.places)
        each = _products(energy[:, mine], whole[mine])
        if shift < COST_DECIMALS - point.places:
            units = divide(each, step // 10**shift, point.mode)
        else:
            units = product(each, 10**shift // step)
        sums = units.sum(axis=1) if largest(units) * units.shape[1] < 2**62 else (
            units.astype(object).sum(axis=1)
        )  # fmt: skip
        result[:, i] = sums.astype(object) * step
    return result


def _products(energy: Ints, price: Column) -> Column:
    if largest(energy) * largest(price) < 2**62:
        return np.asarray(energy * price.astype(np.int64))
    return np.asarray(energy.astype(object) * price)


def _dot(energy: Ints, price: Column) -> Column:
    """Sums of energy x price of each row, exactly: Python integers.

    The prices are cut into digits so small that no sum of products can overflow 62 bits.
    """
    bits = 62 - largest(energy).bit_length() - energy.shape[1].bit_length()
    if bits < 4:
        return np.asarray((energy.astype(object) * price).sum(axis=1))
    total = np.zeros(len(energy), object)
    rest, place = np.abs(price), 0
    sign = np.where(price < 0, -1, 1).astype(np.int64)
    while rest.any():
        digit = (rest % 2**bits).astype(np.int64) * sign
        total = total + (energy @ digit).astype(object) * 2**place
        rest, place = rest // 2**bits, place + bits
    return total
