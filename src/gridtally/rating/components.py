"""Step 6: the shapes of `docs/tariff.md` as functions on columns, all spans of a cohort at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np

from gridtally.rating.carry import END
from gridtally.rating.charges import (
    Charge,
    Demand,
    Energy,
    Fixed,
    Maximum,
    Minimum,
    Percentage,
    PowerFactor,
    Priced,
    Tier,
    Tiered,
)
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort, Factor, Ints, micro
from gridtally.rating.exact import Column, add, divide, product, round_to
from gridtally.rating.tariff import demand_of, energy_of
from gridtally.terms import Channel, RoundingMode

__all__ = ["charge_lines", "window_start"]

_FAR = 2**62
_PERCENT = Fraction(1, 100)
_UNIT = 10**MICRO_DECIMALS


def charge_lines(charge: Charge, cohort: Cohort) -> None:
    """Add the lines of one component, and its carry, to a cohort.

    Components that it names have been computed before. A component whose months have no day in
    the span gives no line and carries on as if it had measured nothing.
    """
    active = cohort.active(charge.months)
    if isinstance(charge, Energy | Tiered | Demand):
        _MEASURED[type(charge)](charge, cohort, active)
    elif active:
        _OTHERS[type(charge)](charge, cohort)


# ------------------------------------------------------------------- energy


def _energy(charge: Energy, cohort: Cohort, active: bool) -> None:
    for bucket in _buckets(charge, cohort):
        quantity = _billed_energy(charge, cohort, bucket, active)
        price = charge.prices[bucket] if charge.prices else charge.price
        if active and price is not None:
            unit = _unit(charge.channel)
            cohort.line(charge, bucket=bucket, quantity=quantity, unit=unit, price=price.exact)


def _tiered(charge: Tiered, cohort: Cohort, active: bool) -> None:
    buckets = _buckets(charge, cohort)
    energy = {bucket: _billed_energy(charge, cohort, bucket, active) for bucket in buckets}
    together: Column = np.zeros(len(cohort), np.int64)
    for quantity in energy.values():
        together = add(together, quantity)
    parts = _tier_parts(charge, cohort, together)
    if not active:
        return
    for number, (tier, part) in enumerate(zip(charge.tiers, parts, strict=True), 1):
        for bucket, quantity in energy.items():
            price = tier.prices[bucket] if tier.prices else tier.price
            assert price is not None
            cohort.line(
                charge,
                bucket=_tier_name(bucket, number),
                quantity=quantity if bucket else part,
                unit=_unit(charge.channel),
                price=price,
                factor=(part, np.maximum(together, 1)) if bucket else Fraction(1),
                keep=(part > 0).astype(bool),
            )


def _tier_parts(charge: Tiered, cohort: Cohort, energy: Column) -> list[Column]:
    """How much of the energy falls in each tier; a yearly window moves on."""
    position: Column = np.zeros(len(cohort), np.int64)
    factor = cohort.factor(charge)
    if charge.window == "year":
        factor = Fraction(1)
        key, start = f"tier/{charge.id}", window_start(cohort.first_day, charge.reset)
        position = cohort.carry.get(key, start, cohort.segments)
        cohort.carry.only(key, start, cohort.segments, add(position, energy).astype(np.int64))
    reached = add(position, energy)
    edges = _edges(charge.tiers, factor)
    return [
        np.clip(reached, low, high) - np.clip(position, low, high) for low, high in pairwise(edges)
    ]


def window_start(day: date, reset: tuple[int, int]) -> date:
    """The last reset on or before a day."""
    start = day.replace(month=reset[0], day=reset[1])
    return start if start <= day else start.replace(year=day.year - 1)


def _edges(tiers: Sequence[Tier], factor: Factor = Fraction(1)) -> list[int | Column]:
    """Bounds of the tiers in 10^-6 units, one or one per row; the last is far away."""
    return [0, *(micro(t.upto, factor) if t.upto else _FAR for t in tiers)]


def _billed_energy(charge: Energy | Tiered, cohort: Cohort, bucket: str, active: bool) -> Ints:
    """Energy of a bucket, netted against export and bank where the component says so."""
    measured = np.zeros(len(cohort), np.int64)
    if active:
        measured = _measured_energy(charge, cohort, charge.channel, bucket)
    if not charge.netting:
        return measured
    if active:
        measured = measured - _measured_energy(charge, cohort, Channel.EXPORT, bucket)
    key = f"bank/{charge.id}/{bucket or 'all'}"
    net = measured - cohort.carry.latest(key, cohort.segments)
    cohort.carry.only(key, END, cohort.segments, np.maximum(-net, 0))
    return np.asarray(np.maximum(net, 0))


def _measured_energy(charge: Energy | Tiered, cohort: Cohort, channel: str, bucket: str) -> Ints:
    version = cohort.version
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    wanted = energy_of(version.zone, channel, calendar, charge.months)
    return cohort.want(wanted, bucket, charge)


# ------------------------------------------------------------------- demand


def _demand(charge: Demand, cohort: Cohort, active: bool) -> None:
    if charge.basis == "contract":
        if active:
            _contract(charge, cohort)
        return
    billed = {
        bucket: _billed_demand(charge, cohort, bucket, active)
        for bucket in _buckets(charge, cohort)
    }
    if not active:
        return
    edges = _edges(charge.tiers or (Tier(),))
    for number, (_, one, by_bucket) in enumerate(charge.priced(), 1):
        for bucket, quantity in billed.items():
            low, high = edges[number - 1 : number + 1]
            price = by_bucket[bucket] if by_bucket else one
            assert price is not None
            cohort.line(
                charge,
                bucket=_tier_name(bucket, number) if charge.tiers else bucket,
                quantity=np.clip(quantity, low, high) - low,
                unit="kW",
                price=price.exact,
                factor=cohort.factor(charge),
            )


def _billed_demand(charge: Demand, cohort: Cohort, bucket: str, active: bool) -> Ints:
    """Measured demand, raised to minimum and ratchet, rounded."""
    measured = np.zeros(len(cohort), np.int64)
    if active:
        measured = _measured_demand(charge, cohort, bucket)
    billed = measured
    if charge.minimum_kw is not None:
        billed = np.maximum(billed, micro(charge.minimum_kw.exact))
    if charge.ratchet:
        billed = np.maximum(billed, _ratchet(charge, cohort, bucket, measured))
    return _round_kw(charge, billed)


def _measured_demand(charge: Demand, cohort: Cohort, bucket: str) -> Ints:
    version = cohort.version
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    wanted = demand_of(version.zone, charge.channel, calendar, charge.months, charge.window_min)
    return cohort.want(wanted, bucket, charge)


def _ratchet(charge: Demand, cohort: Cohort, bucket: str, measured: Ints) -> Ints:
    """The least demand that earlier months allow; this month joins them."""
    assert charge.ratchet
    key = f"demand/{charge.id}/{bucket or 'all'}"
    rows, month = cohort.segments, cohort.month
    earlier = np.zeros(len(cohort), np.int64)
    for back in range(1, charge.ratchet.months + 1):
        earlier = np.maximum(earlier, cohort.carry.get(key, _months_before(month, back), rows))
    cohort.carry.put(key, month, rows, np.maximum(measured, cohort.carry.get(key, month, rows)))
    cohort.carry.forget(key, _months_before(month, charge.ratchet.months), rows)
    return _percent_of(charge.ratchet.percent, earlier)


def _months_before(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def _percent_of(percent: Decimal, power: Ints) -> Ints:
    exact = Fraction(percent) / 100
    top = product(power, exact.numerator)
    return divide(top, exact.denominator, RoundingMode.HALF_EVEN).astype(np.int64)


def _round_kw(charge: Demand, power: Ints) -> Ints:
    if charge.round_kw is None:
        return power
    step = 10 ** (MICRO_DECIMALS - charge.round_kw.places)
    return np.asarray(divide(power, step, charge.round_kw.mode) * step)


def _contract(charge: Demand, cohort: Cohort) -> None:
    assert charge.price is not None
    assert charge.excess_over is not None
    assert charge.excess_factor is not None
    contract, known = cohort.contract
    cohort.hold(
        "rating.contract.missing",
        ~known,
        f"{charge.id} bills the contracted demand, and the agreement states none.",
        "Add the contracted demand to the agreement.",
    )
    contract = np.where(known, contract, 0)
    measured = _measured_demand(charge, cohort, "")
    allowed = _percent_of(charge.excess_over, contract)
    over = measured > allowed
    above = over & (charge.excess_reading == "above_threshold")
    factor = cohort.factor(charge)
    price = charge.price.exact
    for bucket, quantity, rate in (
        ("contract", np.where(above, allowed, contract), price),
        ("excess", np.where(over, measured - allowed, 0), price * charge.excess_factor),
    ):
        billed = _round_kw(charge, quantity)
        cohort.line(charge, bucket=bucket, quantity=billed, unit="kW", price=rate, factor=factor)


# ------------------------------------------------------------------- others


def _fixed(charge: Fixed, cohort: Cohort) -> None:
    quantity = np.full(len(cohort), _UNIT, np.int64)
    factor, unit = cohort.factor(charge), str(charge.per)
    if charge.per == "day":
        quantity, factor = quantity * cohort.days(charge.months), Fraction(1)
    elif charge.per == "year" and charge.proration == "days":
        factor = cohort.years(charge.months)
    elif charge.per in ("kva_month", "kw_month"):
        kva = charge.per == "kva_month"
        unit = "kVA" if kva else "kW"
        quantity, known = cohort.capacity if kva else cohort.contract
        what = "connected capacity" if kva else "contracted demand"
        cohort.hold(
            "rating.capacity.missing" if kva else "rating.contract.missing",
            ~known,
            f"{charge.id} bills the {what}, and the agreement states none.",
            f"Add the {what} to the agreement.",
        )
        quantity = np.where(known, quantity, 0)
    cohort.line(
        charge,
        bucket="",
        quantity=quantity,
        unit=unit,
        price=charge.price.exact,
        factor=factor,
        always=True,
    )


def _percentage(charge: Percentage, cohort: Cohort) -> None:
    cohort.line(
        charge,
        bucket="",
        quantity=cohort.sum_of(charge.of),
        unit=cohort.version.currency,
        price=charge.percent.exact,
        factor=_PERCENT,
        decimals=8,
    )


def _power_factor(charge: PowerFactor, cohort: Cohort) -> None:
    active, reactive = _powers(charge, cohort)
    hundredths = _hundredths(active, reactive)
    assert charge.rows, "a formula by power factor"
    percents = {int(Decimal(key) * 100): (key, value) for key, value in charge.rows.items()}
    found = np.unique(hundredths).tolist()
    none = np.isin(hundredths, [k for k in found if k not in percents]) | (active == 0)
    cohort.hold(
        "rating.power_factor.price",
        none,
        f"There is no power factor, or {charge.id} has no row for it.",
        "Check the active and reactive readings, or complete the table of the tariff.",
    )
    base = cohort.sum_of(charge.of)
    for step in sorted(set(found) & percents.keys(), reverse=True):
        text, percent = percents[step]
        cohort.line(
            charge,
            bucket=text,
            quantity=base,
            unit=cohort.version.currency,
            price=percent,
            factor=_PERCENT,
            decimals=8,
            keep=hundredths == step,
        )


def _powers(charge: PowerFactor, cohort: Cohort) -> tuple[Ints, Ints]:
    """Active and reactive energy of all hours."""
    zone, months = cohort.version.zone, charge.months
    active = cohort.want(energy_of(zone, Channel.IMPORT, None, months), "", charge)
    reactive = np.zeros(len(cohort), np.int64)
    known = np.zeros(len(cohort), bool)
    for channel in (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT):
        wanted = energy_of(zone, channel, None, months)
        _, there = cohort.determinant(wanted.name(""))
        known |= there
        if there.any():
            reactive = reactive + cohort.want(wanted, "", charge, optional=True)
    cohort.hold(
        "rating.quantity.missing",
        ~known,
        f"{charge.id} needs reactive energy, and there is none.",
        "Deliver the reactive readings, or give the agreement a tariff without power factor.",
    )
    return active, reactive


def _hundredths(active: Ints, reactive: Ints) -> Ints:
    """cos φ in 0.01, half up: the largest k with 40000 P² >= (2k - 1)² (P² + Q²)."""
    p2 = active.astype(object) ** 2
    s2 = p2 + reactive.astype(object) ** 2
    low, high = np.zeros(len(active), np.int64), np.full(len(active), 101, np.int64)
    for _ in range(7):
        middle = (low + high) // 2
        fits = (40_000 * p2 >= (2 * middle - 1) ** 2 * s2).astype(bool)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def _bound(charge: Minimum | Maximum, cohort: Cohort) -> None:
    one = np.full(len(cohort), _UNIT, np.int64)
    limit = round_to(
        one,
        decimals=MICRO_DECIMALS,
        price=charge.amount.exact,
        factor=cohort.factor(charge),
        rounding=cohort.rounding(charge),
    )
    missing = add(limit, -cohort.sum_of(charge.of))
    keep = (missing > 0 if isinstance(charge, Minimum) else missing < 0).astype(bool)
    if keep.any():
        cohort.add(
            charge, "", keep, one, MICRO_DECIMALS, "month", missing, Fraction(1), missing
        )  # fmt: skip


_MEASURED: dict[type, Callable[..., None]] = {Energy: _energy, Tiered: _tiered, Demand: _demand}
_OTHERS: dict[type, Callable[..., None]] = {
    Fixed: _fixed,
    Percentage: _percentage,
    PowerFactor: _power_factor,
    Minimum: _bound,
    Maximum: _bound,
}


def _buckets(charge: Priced, cohort: Cohort) -> tuple[str, ...]:
    return cohort.version.calendars[charge.calendar].buckets if charge.calendar else ("",)


def _tier_name(bucket: str, number: int) -> str:
    return f"{bucket}/tier-{number}" if bucket else f"tier-{number}"


def _unit(channel: str) -> str:
    return "kvarh" if channel.startswith("reactive") else "kWh"
