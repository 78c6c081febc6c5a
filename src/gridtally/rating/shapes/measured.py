"""Step 6: from measured to billed energy: netting, losses, parts, factors (`docs/tariff.md`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from gridtally.rating.carry import END
from gridtally.rating.charges import Component, Energy, Priced, Tiered
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.document.declared import Part
from gridtally.rating.exact import Column, add, largest, product, to_step
from gridtally.rating.ratios import Factor, column, counted, rounded, times
from gridtally.rating.shapes.losses import lost
from gridtally.rating.wants import energy_of, net_of
from gridtally.terms import Channel, RoundingMode

__all__ = [
    "bank_true_up", "billed_energy", "buckets_of", "hundredths", "measured_energy", "powers",
    "rounded_quantity", "sum_of", "unit_of",
]  # fmt: skip

_EVEN = RoundingMode.HALF_EVEN
ByBucket = dict[str, Column]


def buckets_of(charge: Priced, cohort: Cohort) -> tuple[str, ...]:
    """Its buckets; ("",) without a calendar."""
    return cohort.version.calendars[charge.calendar].buckets if charge.calendar else ("",)


def unit_of(channel: str) -> str:
    """kWh or kvarh."""
    return "kvarh" if channel.startswith("reactive") else "kWh"


def sum_of(columns: Mapping[str, Column], rows: int) -> Column:
    """All buckets together."""
    total: Column = np.zeros(rows, np.int64)
    for quantity in columns.values():
        total = add(total, quantity)
    return total


def measured_energy(charge: Energy | Tiered, cohort: Cohort) -> ByBucket:
    """Energy of each bucket, net of what an hour or an interval gave back."""
    version, months = cohort.version, charge.months
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    found = {}
    for bucket in buckets_of(charge, cohort):
        plain = energy_of(version.zone, charge.channel, calendar, months)
        found[bucket] = cohort.want(plain, bucket, charge)
        if charge.netting in ("interval", "hour"):
            other = net_of(version.zone, charge, calendar)
            cohort.want(energy_of(version.zone, other.others[0], calendar, months), bucket, charge)
            found[bucket] = cohort.want(other, bucket, charge)
    return found


def billed_energy(charge: Energy | Tiered, cohort: Cohort, active: bool) -> ByBucket:
    """The quantity of each bucket [10^-6 kWh or kvarh]; zero where the component is at rest."""
    if not active:
        names = buckets_of(charge, cohort)
        energy: ByBucket = {name: np.zeros(len(cohort), np.int64) for name in names}
        return _netted(charge, cohort, energy, active) if charge.netting == "month" else energy
    energy = measured_energy(charge, cohort)
    if charge.losses:
        more = lost(charge.losses, charge.channel, charge.id, cohort)
        shares = spread(more, list(energy.values()))
        energy = {b: add(e, s) for (b, e), s in zip(energy.items(), shares, strict=True)}
    if charge.part:
        part = _part(charge.part, charge, cohort, sum_of(energy, len(cohort)))
        energy = dict(zip(energy, spread(part, list(energy.values())), strict=True))
    energy = _factored(charge, cohort, energy)
    if charge.netting == "month":
        energy = _netted(charge, cohort, energy, active)
    return {bucket: rounded_quantity(charge, quantity) for bucket, quantity in energy.items()}


def rounded_quantity(charge: Component, quantity: Column) -> Column:
    """Rounded where the component says so."""
    point = getattr(charge, "round_quantity", None)
    if point is None:
        return quantity
    step = 10 ** (MICRO_DECIMALS - point.places)
    return to_step(quantity, step, point.mode)


def _factored(charge: Energy | Tiered, cohort: Cohort, energy: ByBucket) -> ByBucket:
    """Times the loss factor, or that of the bucket, half even."""
    common = times(Fraction(1), *(cohort.value(value, charge) for value in charge.loss_factor))
    if not charge.loss_factor and charge.loss_factors is None:
        return energy
    found = {}
    for bucket, quantity in energy.items():
        factor = common
        if charge.loss_factors is not None:
            factor = cohort.value(charge.loss_factors[bucket], charge)
        found[bucket] = rounded(
            times(counted(quantity, 0), factor), decimals=0, mode=_EVEN, rows=len(cohort)
        )
    return found


# --------------------------------------------------------------------- banks


def _netted(charge: Energy | Tiered, cohort: Cohort, energy: ByBucket, active: bool) -> ByBucket:
    """Import less export less the bank; what is short is the new bank."""
    version = cohort.version
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    found, banks = {}, _banks(charge, cohort, list(energy), active)
    for bucket, quantity in energy.items():
        measured = quantity
        if active:
            export = energy_of(version.zone, Channel.EXPORT, calendar, charge.months)
            measured = measured - cohort.want(export, bucket, charge)
        net = measured - banks[bucket]
        _put_bank(charge, cohort, bucket, np.maximum(-net, 0))
        found[bucket] = np.maximum(net, 0)
    return found


def _banks(
    charge: Energy | Tiered, cohort: Cohort, buckets: Sequence[str], active: bool
) -> dict[str, Column]:
    """What each bucket's bank holds at the start of the span, moved where its day says so."""
    held = {b: cohort.carry.latest(_bank_key(charge, b), cohort.segments) for b in buckets}
    if not active or not charge.bank_moves:
        return held
    banks: dict[str, Column] = dict(held)
    for move in charge.bank_moves:
        moved = np.where(cohort.opens(move.day), held[move.from_], 0)
        banks[move.from_] = add(banks[move.from_], -moved)
        banks[move.to] = add(banks[move.to], moved)
    return banks


def bank_true_up(charge: Energy | Tiered, cohort: Cohort) -> None:
    """Pay what is left of each bucket's bank where the span ends on that day."""
    if charge.true_up is None:
        return
    closes = cohort.closes(*charge.true_up.days)
    for bucket in buckets_of(charge, cohort):
        bank = cohort.carry.latest(_bank_key(charge, bucket), cohort.segments)
        prices = charge.true_up.prices
        price = prices[bucket] if prices else charge.true_up.price
        assert price is not None
        cohort.line(
            charge,
            bucket=f"{bucket}/true-up" if bucket else "true-up",
            quantity=bank,
            unit="kWh",
            price=price,
            keep=closes,
            negated=True,
        )
        _put_bank(charge, cohort, bucket, np.where(closes, 0, bank))


def _bank_key(charge: Energy | Tiered, bucket: str) -> str:
    return f"bank/{charge.id}/{bucket or 'all'}"


def _put_bank(charge: Energy | Tiered, cohort: Cohort, bucket: str, bank: Column) -> None:
    cohort.hand_on(_bank_key(charge, bucket), END, bank)


# --------------------------------------------------------------------- parts


def _part(name: str, charge: Energy | Tiered, cohort: Cohort, energy: Column) -> Column:
    """The named part of the energy of all buckets."""
    part = cohort.version.parts[name]
    if not part.rest:
        return _part_of(name, part, charge, cohort, energy)
    rest = energy
    for other, some in cohort.version.parts.items():
        if some.ratio is not None or some.per_month is not None:
            rest = add(rest, -_part_of(other, some, charge, cohort, energy))
    cohort.hold(
        "rating.part.negative",
        (rest < 0).astype(bool),
        f"{charge.id} bills what other parts leave, and they are more than there is.",
        "Correct the quantities of the parts, or the readings.",
    )
    return np.maximum(rest, 0)


def _part_of(
    name: str, part: Part, charge: Energy | Tiered, cohort: Cohort, energy: Column
) -> Column:
    rows, used_by = len(cohort), f"parts.{name}"

    def number(value: object) -> Factor:
        return cohort.bounded(value, used_by, least=value.least, most=value.most)  # type: ignore[arg-type,attr-defined]

    if part.ratio is not None:
        share = times(counted(energy, 0), number(part.ratio))
        return rounded(share, decimals=0, mode=_EVEN, rows=rows)
    if part.per_month is not None:
        fixed = times(number(part.per_month), cohort.factor(charge))
        return rounded(fixed, decimals=MICRO_DECIMALS, mode=_EVEN, rows=rows)
    assert part.slice is not None
    low, high = (number(value) for value in part.slice)
    cohort.hold(
        "rating.term.range",
        _less(high, low, rows),
        f"The slice {used_by} ends before it begins.",
        "Correct the terms of the agreement.",
    )
    ends = [
        rounded(times(counted(energy, 0), at), decimals=0, mode=RoundingMode.DOWN, rows=rows)
        for at in (low, high)
    ]
    return np.maximum(add(ends[1], -ends[0]), 0)


def _less(left: Factor, right: Factor, rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    (a, b), (c, d) = column(left, rows), column(right, rows)
    return np.asarray((product(a, d) < product(c, b)).astype(bool))


def spread(total: Column, weights: Sequence[Column]) -> list[Column]:
    """A total over buckets in proportion to their energy, by largest remainder, earlier first."""
    whole = sum_of(dict(enumerate(weights)), len(total))  # type: ignore[arg-type]
    nothing = (whole == 0).astype(bool)
    bottom = np.where(nothing, 1, whole)
    shares, rests = [], []
    for weight in weights:
        top = product(total, weight)
        if largest(bottom) >= 2**62:
            top = top.astype(object)
        shares.append(top // bottom)
        rests.append(top - shares[-1] * bottom)
    left = add(total, -sum_of(dict(enumerate(shares)), len(total)))  # type: ignore[arg-type]
    table = np.array([rest.astype(object) for rest in rests])
    order = np.argsort(-table, axis=0, kind="stable")
    rank = np.argsort(order, axis=0, kind="stable")
    found = []
    for i, share in enumerate(shares):
        more = (rank[i] < left).astype(np.int64)
        first = left if i == 0 else np.zeros(len(total), np.int64)
        found.append(add(share, np.where(nothing, first, more)))
    return found


# -------------------------------------------------------------- power factor


def powers(charge: Component, cohort: Cohort, losses: Sequence[str] = ()) -> tuple[Column, Column]:
    """Active and reactive energy of all hours, with losses."""
    zone, months = cohort.version.zone, charge.months
    active: Column = cohort.want(energy_of(zone, Channel.IMPORT, None, months), "", charge)
    reactive: Column = np.zeros(len(cohort), np.int64)
    known = np.zeros(len(cohort), bool)
    for channel in (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT):
        wanted = energy_of(zone, channel, None, months)
        _, there = cohort.determinant(wanted.name(""))
        known |= there
        if there.any():
            reactive = add(reactive, cohort.want(wanted, "", charge, optional=True))
    cohort.hold(
        "rating.quantity.missing",
        ~known,
        f"{charge.id} needs reactive energy, and there is none.",
        "Deliver the reactive readings, or give the agreement a tariff without power factor.",
    )
    if losses:
        active = add(active, lost(losses, Channel.IMPORT, charge.id, cohort))
        reactive = add(reactive, lost(losses, Channel.REACTIVE_IMPORT, charge.id, cohort))
    return active, reactive


def hundredths(active: Column, reactive: Column) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """cos φ in 0.01, half up: the largest k with 40000 P² >= (2k - 1)² (P² + Q²)."""
    p2 = active.astype(object) ** 2
    s2 = p2 + reactive.astype(object) ** 2
    low, high = np.zeros(len(active), np.int64), np.full(len(active), 101, np.int64)
    for _ in range(7):
        middle = (low + high) // 2
        fits = (40_000 * p2 >= (2 * middle - 1) ** 2 * s2).astype(bool)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low
