"""Step 6: the shapes `reactive` and `power_factor`."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np

from gridtally.rating.charges import PowerFactor, Reactive
from gridtally.rating.cohort import Cohort
from gridtally.rating.exact import Column, add
from gridtally.rating.ratios import counted, rounded, times
from gridtally.rating.shapes.measured import buckets_of, hundredths, powers, rounded_quantity
from gridtally.rating.wants import energy_of, reactive_of
from gridtally.terms import RoundingMode

__all__ = ["power_factor", "reactive"]

_PERCENT = Fraction(1, 100)


def reactive(charge: Reactive, cohort: Cohort) -> None:
    """Reactive energy beyond what the active energy leaves free, by bucket."""
    version, months = cohort.version, charge.months
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    ratio = cohort.value(charge.free_ratio, charge)
    for bucket in buckets_of(charge, cohort):
        active = cohort.want(energy_of(version.zone, "import", calendar, months), bucket, charge)
        free = rounded(
            times(counted(active, 0), ratio), decimals=0, mode=RoundingMode.HALF_EVEN,
            rows=len(cohort),
        )  # fmt: skip
        beyond = np.maximum(add(_taken(charge, cohort, bucket), -free), 0)
        price = charge.prices[bucket] if charge.prices else charge.price
        assert price is not None
        cohort.line(
            charge,
            bucket=bucket,
            quantity=rounded_quantity(charge, beyond),
            unit="kvarh",
            price=cohort.price(price, charge),
        )


def _taken(charge: Reactive, cohort: Cohort, bucket: str) -> Column:
    """Reactive energy of a bucket: of one channel, of both, or of the larger."""
    version, channels = cohort.version, reactive_of(charge)
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    optional = len(channels) > 1
    found: list[Column] = []
    known = np.zeros(len(cohort), bool)
    for channel in channels:
        wanted = energy_of(version.zone, channel, calendar, charge.months)
        known |= cohort.determinant(wanted.name(bucket))[1]
        found.append(cohort.want(wanted, bucket, charge, optional=optional))
    cohort.hold(
        "rating.quantity.missing",
        ~known & optional,
        f"{charge.id} bills reactive energy, and there is none.",
        "Deliver the reactive readings, or give the agreement a tariff without reactive energy.",
    )
    if charge.channel == "larger":
        return np.maximum(found[0], found[1])
    return add(found[0], found[1]) if optional else found[0]


def power_factor(charge: PowerFactor, cohort: Cohort) -> None:
    """A percentage of the named lines, from a table or a formula by power factor."""
    active, passive = powers(charge, cohort, charge.losses)
    steps = hundredths(active, passive)
    found = np.unique(steps[active != 0]).tolist()
    percents = {step: percent for step in found if (percent := _percent(charge, step)) is not None}
    cohort.hold(
        "rating.power_factor.price",
        ~np.isin(steps, list(percents)) | (active == 0).astype(bool),
        f"There is no power factor, or {charge.id} has no row for it.",
        "Check the active and reactive readings, or complete the table of the tariff.",
    )
    base = cohort.sum_of(charge.of)
    for step in sorted(percents, reverse=True):
        cohort.line(
            charge,
            bucket=f"{step // 100}.{step % 100:02}",
            quantity=base,
            unit=cohort.version.currency,
            price=percents[step],
            factor=_PERCENT,
            decimals=8,
            keep=steps == step,
        )


def _percent(charge: PowerFactor, step: int) -> Decimal | None:
    """What a power factor [0.01] costs in percent; None: the table has no row for it."""
    if charge.rows is not None:
        return charge.rows.get(f"{step // 100}.{step % 100:02}")
    below, above = charge.below, charge.above
    if below and step < below.hundredths:
        percent = below.percent * (below.hundredths - step)
        return percent if below.limit is None else min(percent, below.limit)
    if above and step > above.hundredths:
        percent = above.percent * (step - above.hundredths)
        return -(percent if above.limit is None else min(percent, above.limit))
    return Decimal(0)
