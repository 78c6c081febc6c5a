"""Step 5, handed in: energy x a price by time, summed exactly (`docs/tariff.md`, *energy*).

A cost counts 10^-25: energy 10^-6, a price up to 19 decimals (8 of the step, 8 of `times`, 3 of
the unit). It does not fit 63 bits and is handed on in two parts, `hi` x 10^18 + `lo`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.market import Market
from gridtally.periods import iso_utc
from gridtally.rating.charges import Energy
from gridtally.rating.document.declared import PriceSeries, Term
from gridtally.rating.document.values import Value
from gridtally.rating.exact import Column, divide, largest, product
from gridtally.rating.facts import Facts, facts_of
from gridtally.rating.prices import PRICE_DECIMALS, PriceBook, Prices, Steps, price
from gridtally.rating.ratios import column
from gridtally.terms import Reduced, RoundingMode, Stream

__all__ = ["COST_DECIMALS", "HALF", "costs", "joined", "price_of"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
COST_DECIMALS = 25
HALF = 10**18
_SAFE = 2**62


def joined(high: Ints, low: Ints) -> Column:
    """A cost of its two parts. [10^-25 of the currency]"""
    return np.asarray(high.astype(object) * HALF + low.astype(object))


def costs(
    charge: Energy,
    zone: str,
    terms: Mapping[str, Term],
    names: tuple[str, ...],
    book: PriceBook,
    stream: Stream,
    spans: pa.Table,
    market: Market,
) -> Reduced:
    """The cost of each bucket; `spans` has a row per row of `stream`."""
    rows = len(stream.energy)
    assert charge.series
    series = market.series.get(charge.series)
    steps = book.steps(series) if series else None
    step, problem = _step(stream, steps, charge)
    if problem is not None:
        return Reduced([], [(problem[0], np.ones(rows, bool), *problem[1:])])
    facts = facts_of(spans, zone=zone, declared=terms)
    total = np.zeros((rows, len(names)), object)
    needed = np.unique(step).tolist()
    for times, plus, mine in _alike(facts, charge) if needed else ():
        assert steps is not None, "a step of no series"
        energy = stream.energy if len(mine) == rows else stream.energy[mine]
        prices = steps.prices(times, plus, needed)
        total[mine] = _sums(energy, prices, step, stream.labels, names, charge)
    high, low = total // HALF, total % HALF  # divmod knows no Python integers
    good = np.asarray((np.abs(high) < 2**62).all(axis=1)).astype(bool)
    message = "Energy x price is too large to be money."
    holds = [("metering.determinant.overflow", ~good, message, "Correct the readings or prices.")]
    columns = []
    for i, name in enumerate(names):
        for part, values in (("hi", high), ("lo", low)):
            kept = np.where(good, values[:, i], 0).astype(np.int64)
            columns.append((f"{name}/{part}", kept, good))
    return Reduced(columns, holds)


Why = tuple[str, str, str]
"""(code, message, remedy)"""


def _step(stream: Stream, steps: Steps | None, charge: Energy) -> tuple[Ints, Why | None]:
    """The step in which each block lies; or why there is none."""
    none = np.zeros(0, np.int64)
    if not len(stream.starts):
        return none, None
    if steps is not None:
        first = steps.at(stream.starts)
        if (first != steps.at(stream.ends - 1)).any():
            return none, _finer(stream, charge)
        hole = steps.unknown(first, stream.ends)
        if hole is None:
            return first, None
        when = f"at {iso_utc(int(stream.starts[hole]))}"
    else:
        when = "at all"
    return none, (
        "rating.series.missing",
        f"The prices {charge.series}, which {charge.id} bills, are not known {when}.",
        "Deliver the missing prices; a missing price is never read as zero.",
    )


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


def price_of(step: Decimal | None, declared: PriceSeries, charge: Energy) -> Decimal | None:
    """The price of a step, for whoever shows one; None where the agreement's terms decide too."""
    times, plus = (
        known if value is None else value.number
        for value, known in ((charge.times, Decimal(1)), (charge.plus, Decimal(0)))
    )
    if step is None or times is None or plus is None:
        return None
    exact = price(step, declared.units, Fraction(times), Fraction(plus), charge)
    return Decimal(exact).scaleb(-PRICE_DECIMALS)


def _sums(
    energy: Ints, prices: Prices, step: Ints, labels: Ints, names: Sequence[str], charge: Energy
) -> Column:
    """Energy x price by bucket. [10^-25]; shape (rows, buckets) of Python integers"""
    result = np.zeros((len(energy), len(names)), object)
    for i in range(len(names)):
        mine = np.flatnonzero(labels == i)
        if not len(mine):
            continue
        part = energy if len(mine) == len(labels) else energy[:, mine]
        if charge.round_each is None:
            result[:, i] = _dot(part, prices, step[mine]) * 10**prices.shift
            continue
        point = charge.round_each.point()
        unit = 10 ** (COST_DECIMALS - point.places)
        drop = COST_DECIMALS - point.places - prices.shift
        if drop > 0:
            units = _rounded(part, prices, step[mine], drop, point.mode)
        else:
            units = product(_products(part, prices.units[step[mine]]), 10**-drop)
        sums = units.sum(axis=1) if largest(units) * units.shape[1] < 2**62 else (
            units.astype(object).sum(axis=1)
        )  # fmt: skip
        result[:, i] = sums.astype(object) * unit
    return result


def _rounded(energy: Ints, prices: Prices, step: Ints, drop: int, mode: RoundingMode) -> Column:
    """energy x price / 10^drop of each block, rounded once; in int64 wherever a bound proves it.

    With price = high x 10^k + low, and energy x low = carry x 10^k + dust, what is rounded is
    (energy x high + carry + dust / 10^k) / 10^(drop - k): of the dust, only whether there is any
    matters, because half of 10^(drop - k) is whole.
    """
    most = largest(energy)
    if most * largest(prices.units) < _SAFE:
        return divide(energy * prices.units.astype(np.int64)[step], 10**drop, mode)
    k = min(drop - 1, len(str(_SAFE // max(most, 1))) - 1)
    high, low, below = prices.split(k)
    if k < 1 or drop - k > 17 or (largest(high) + 1) * most * 4 >= _SAFE:
        return divide(_products(energy, prices.units[step]), 10**drop, mode)
    size = np.abs(energy)
    rest = size * low.astype(np.int64)[step]
    carry = rest // 10**k
    whole = size * high.astype(np.int64)[step] + carry
    units = divide(2 * whole + (rest != carry * 10**k), 2 * 10 ** (drop - k), mode)
    return np.where((energy < 0) != below[step], -units, units)


def _products(energy: Ints, price: Column) -> Column:
    if largest(energy) * largest(price) < 2**62:
        return np.asarray(energy * price.astype(np.int64))
    return np.asarray(energy.astype(object) * price)


def _dot(energy: Ints, prices: Prices, step: Ints) -> Column:
    """Sums of energy x price of each row, exactly: Python integers.

    The prices are cut into digits so small that no sum of products can overflow 62 bits.
    """
    bits = 62 - largest(energy).bit_length() - energy.shape[1].bit_length()
    if bits < 4:
        return np.asarray((energy.astype(object) * prices.units[step]).sum(axis=1))
    total = np.zeros(len(energy), object)
    for place, digit in enumerate(prices.digits(bits)):
        total = total + (energy @ digit[step]).astype(object) * 2 ** (bits * place)
    return total
