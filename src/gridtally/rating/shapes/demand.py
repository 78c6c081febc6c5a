"""Step 6: the shape `demand`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from gridtally.periods import first_of, month_name, month_number
from gridtally.rating.charges import Demand, Tier
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort, Ints, micro
from gridtally.rating.document.values import Value
from gridtally.rating.exact import Column, add, divide, product, scaled
from gridtally.rating.ratios import Factor, counted, rounded, times
from gridtally.rating.shapes.measured import buckets_of, hundredths, powers
from gridtally.rating.shapes.tiered import tier_name
from gridtally.rating.thresholds import FAR
from gridtally.rating.wants import demand_of
from gridtally.terms import RoundingMode

__all__ = ["demand"]

_EVEN = RoundingMode.HALF_EVEN


def demand(charge: Demand, cohort: Cohort, active: bool) -> None:
    """Its lines by tier and bucket, and the demand that later months look back to."""
    if charge.basis == "contract":
        if active:
            _contract(charge, cohort)
        return
    if charge.basis == "billed":
        billed = {"": _of_another(charge, cohort)}
    else:
        billed = {
            bucket: _billed(charge, cohort, bucket, active) for bucket in buckets_of(charge, cohort)
        }
    if not active:
        return
    cohort.demands[charge.id] = np.max(list(billed.values()), axis=0)
    bounds = [0, *(micro(t.upto) if t.upto else FAR for t in charge.tiers or (Tier(),))]
    for number, (_, one, by_bucket) in enumerate(charge.priced(), 1):
        for bucket, quantity in billed.items():
            low, high = bounds[number - 1 : number + 1]
            price = by_bucket[bucket] if by_bucket else one
            assert price is not None
            cohort.line(
                charge,
                bucket=tier_name(bucket, number) if charge.tiers else bucket,
                quantity=np.clip(quantity, low, high) - low,
                unit=_unit(charge, cohort),
                price=cohort.price(price, charge),
                factor=_factor(charge, cohort),
            )


def _of_another(charge: Demand, cohort: Cohort) -> Column:
    """The billed demand of the component that it names; 0 where that one is at rest."""
    assert charge.demand is not None
    return cohort.demands.get(charge.demand, np.zeros(len(cohort), np.int64))


def _unit(charge: Demand, cohort: Cohort) -> str:
    if charge.basis == "billed":
        charge = next(
            c for c in cohort.version.components if isinstance(c, Demand) and c.id == charge.demand
        )
    return charge.unit


def _factor(charge: Demand, cohort: Cohort) -> Factor:
    if charge.per == "day":
        return cohort.day_count(charge.months)
    return cohort.factor(charge, yearly=charge.per == "year")


def _measured(charge: Demand, cohort: Cohort, bucket: str) -> Ints:
    version = cohort.version
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    return cohort.want(demand_of(version.zone, charge, calendar), bucket, charge)


def _billed(charge: Demand, cohort: Cohort, bucket: str, active: bool) -> Column:
    """Measured demand, smoothed, corrected, raised and rounded, in the order of the page."""
    measured: Column = np.zeros(len(cohort), np.int64)
    if active:
        measured = _measured(charge, cohort, bucket)
        if charge.least_measured is not None:
            measured = np.maximum(measured, _least(charge, cohort, charge.least_measured, None))
    earlier = _history(charge, cohort, bucket, measured)
    if not active:
        return measured
    _all_known(charge, cohort, bucket)
    billed = _counted(charge, cohort, measured)
    if charge.mean_of_months is not None:
        billed = _mean(charge.mean_of_months, earlier)
    if charge.power_factor_below is not None:
        billed = _corrected(charge, cohort, billed)
    for value, of in (
        (charge.minimum_kw, None),
        (charge.least_of_contract, "contract_kw"),
        (charge.least_of_capacity, "capacity_kva"),
    ):
        if value is not None:
            billed = np.maximum(billed, _least(charge, cohort, value, of))
    if charge.ratchet:
        billed = np.maximum(billed, _ratchet(charge, cohort, earlier))
    if charge.above_percent is not None:
        other = _percent_of(charge.above_percent, _of_another(charge, cohort))
        billed = np.maximum(add(billed, -other), 0)
    return _round_kw(charge, billed)


def _counted(charge: Demand, cohort: Cohort, measured: Column) -> Column:
    """What was measured, with the percentage that its own month counts with."""
    by_month = charge.ratchet.current_by_month if charge.ratchet else None
    percent = (by_month or {}).get(str(cohort.month.month))
    return measured if percent is None else _percent_of(percent, measured)


def _least(charge: Demand, cohort: Cohort, value: Value, of: str | None) -> Column:
    """A least demand: a number, or that percentage of a term."""
    number = cohort.value(value, charge)
    if of is not None:
        term = counted(cohort.term(of, charge.id), 8)
        number = times(number, term, Fraction(1, 100))
    return rounded(number, decimals=MICRO_DECIMALS, mode=_EVEN, rows=len(cohort))


# ------------------------------------------------------------ earlier months

History = dict[date, tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]]


def _history(charge: Demand, cohort: Cohort, bucket: str, measured: Column) -> History:
    """Measured demand of this month and of those before; this month joins the carry."""
    back = charge.months_back
    if not back:
        return {}
    key, rows, month = _key(charge, bucket), cohort.segments, cohort.month
    largest = np.maximum(measured, cohort.carry.get(key, month, rows)).astype(np.int64)
    found: History = {month: (largest, np.ones(len(rows), bool))}
    for count in range(1, back + 1):
        before = _months_before(month, count)
        found[before] = cohort.carry.known(key, before, rows)
    cohort.carry.put(key, month, rows, largest)
    cohort.carry.forget(key, _months_before(month, back), rows)
    return found


def _key(charge: Demand, bucket: str) -> str:
    return f"demand/{charge.id}/{bucket or 'all'}"


def _all_known(charge: Demand, cohort: Cohort, bucket: str) -> None:
    """Hold where a month is not known that the agreement had, and that counts.

    A bill over several months is known by its first month alone.
    """
    if not charge.months_back or charge.look_back == "known":
        return
    month = month_number(cohort.month)
    needed = np.maximum(month - charge.months_back, cohort.look_back_from)
    found = cohort.carry.first(_key(charge, bucket), cohort.segments)
    missing = (needed < month) & (found > needed)
    what = f"{charge.id} ({bucket})" if bucket else charge.id
    for number in np.unique(needed[missing]).tolist():
        cohort.hold(
            "rating.history.missing",
            missing & (needed == number),
            f"{what} looks back to {month_name(number)}, of which no demand is known.",
            "Take over the demands since then with the opening, correct the agreement's first day, "
            'or let the tariff look back to what is known: `look_back = "known"`.',
        )


def _months_before(month: date, count: int) -> date:
    return first_of(month_number(month) - count)


def _mean(months: int, history: History) -> Column:
    """The mean of this month and those before of which there is an entry."""
    some = list(history.values())[:months]
    total: Column = np.zeros(len(some[0][0]), np.int64)
    for values, known in some:
        total = add(total, np.where(known, values, 0))
    return divide(total, np.sum([known for _, known in some], axis=0), _EVEN)


def _ratchet(charge: Demand, cohort: Cohort, history: History) -> Column:
    """The least demand that earlier months allow."""
    assert charge.ratchet
    least: Column = np.zeros(len(cohort), np.int64)
    by_month = charge.ratchet.by_month or {}
    for month, (values, _) in list(history.items())[1 : charge.ratchet.months + 1]:
        percent = by_month.get(str(month.month), charge.ratchet.percent)
        least = np.maximum(least, _percent_of(percent, values))
    return least


def _percent_of(percent: Decimal, power: Column) -> Column:
    exact = Fraction(percent) / 100
    return divide(product(power, exact.numerator), exact.denominator, _EVEN)


def _corrected(charge: Demand, cohort: Cohort, billed: Column) -> Column:
    """Times the power factor that is asked for / that of the span, where this is below it."""
    assert charge.power_factor_below is not None
    active, reactive = powers(charge, cohort)
    factor = hundredths(active, reactive)
    none = (active == 0) | (factor == 0)
    cohort.hold(
        "rating.power_factor.price",
        none.astype(bool),
        f"There is no power factor by which {charge.id} could correct the demand.",
        "Check the active and reactive readings.",
    )
    wanted = Fraction(charge.power_factor_below) * 100
    below = (factor * wanted.denominator < wanted.numerator) & ~none
    bottom = np.where(none, 1, factor)
    more = divide(product(billed, wanted.numerator), product(bottom, wanted.denominator), _EVEN)
    return np.where(below, more, billed)


def _round_kw(charge: Demand, power: Column) -> Column:
    if charge.round_kw is None:
        return power
    step = 10 ** (MICRO_DECIMALS - charge.round_kw.places)
    return product(divide(power, step, charge.round_kw.mode), step)


# ----------------------------------------------------------------- contracts


def _contract(charge: Demand, cohort: Cohort) -> None:
    """A line for what is agreed, and one for what goes beyond it; of each bucket its own."""
    most: list[Column] = []
    for bucket in buckets_of(charge, cohort):
        lines = _of_contract(charge, cohort, bucket)
        most += [_round_kw(charge, quantity) for quantity in lines.values()]
        for (name, quantity), price in zip(
            lines.items(), _prices(charge, cohort, bucket), strict=True
        ):
            cohort.line(
                charge,
                bucket=f"{bucket}/{name}" if bucket else name,
                quantity=_round_kw(charge, quantity),
                unit=_unit(charge, cohort),
                price=price,
                factor=_factor(charge, cohort),
            )
    cohort.demands[charge.id] = np.max(most, axis=0)


def _of_contract(charge: Demand, cohort: Cohort, bucket: str) -> dict[str, Column]:
    """What is billed at the price, and at that of the excess."""
    assert charge.excess_over is not None
    contract = _agreed(charge, cohort, bucket)
    if charge.least_of_capacity is not None:
        contract = np.maximum(
            contract, _least(charge, cohort, charge.least_of_capacity, "capacity_kva")
        )
    measured = _measured(charge, cohort, bucket)
    allowed = _percent_of(charge.excess_over, contract)
    over = measured > allowed
    above = over & (charge.excess_reading == "above_threshold")
    return {
        "contract": np.where(above, allowed, contract),
        "excess": np.where(over, add(measured, -allowed), 0),
    }


def _agreed(charge: Demand, cohort: Cohort, bucket: str) -> Column:
    """The contract of the agreement, or what the document says of the bucket."""
    if charge.contracts is None:
        return cohort.term("contract_kw", charge.id) // 100
    return _least(charge, cohort, charge.contracts[bucket], None)


def _prices(
    charge: Demand, cohort: Cohort, bucket: str
) -> tuple[Decimal | Column, Decimal | Column]:
    """The price of the contract, and that of the excess."""
    value = charge.prices[bucket] if charge.prices else charge.price
    assert value is not None
    assert charge.excess_factor is not None
    price = cohort.price(value, charge)
    if isinstance(price, Decimal):
        return price, price * charge.excess_factor
    top, places = scaled(charge.excess_factor)
    exact = product(price, top)
    cohort.hold(
        "rating.term.range",
        (exact % 10**places != 0).astype(bool),
        f"{charge.id}: the price of the agreement x excess_factor has more than 8 decimals.",
        "Correct the term of the agreement.",
    )
    return price, exact // 10**places
