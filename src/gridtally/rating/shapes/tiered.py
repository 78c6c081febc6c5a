"""Step 6: the shape `tiered`: how energy falls in tiers, by each window, fill and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import numpy as np

from gridtally.rating.charges import Tiered
from gridtally.rating.cohort import Cohort
from gridtally.rating.exact import Column, add, largest
from gridtally.rating.filling import part_name
from gridtally.rating.ratios import ONE, Factor
from gridtally.rating.shapes.measured import (
    bank_true_up,
    billed_energy,
    buckets_of,
    sum_of,
    unit_of,
)
from gridtally.rating.thresholds import FAR, edges
from gridtally.rating.wants import tiers_of
from gridtally.terms import Wanted

__all__ = ["tier_name", "tiered", "window_start"]

Edges = Sequence[Column | int]
Line = tuple[str, Column, Factor, Column]
"""(bucket, quantity, factor, energy in the tier) of a tier's line."""


def tiered(charge: Tiered, cohort: Cohort, active: bool) -> None:
    """Its lines by tier and bucket, its position and its bank."""
    energy = billed_energy(charge, cohort, active)
    if not active and charge.window != "year":
        return
    if charge.window == "day" or charge.pooling == "in_order":
        tiers = _by_time(charge, cohort)
    elif charge.pooling == "separate":
        tiers = _separate(charge, cohort, energy)
    else:
        tiers = _pooled(charge, cohort, energy, active)
    if not active:
        return
    for number, (tier, lines) in enumerate(zip(charge.tiers, tiers, strict=True), 1):
        for bucket, quantity, factor, part in lines:
            price = tier.prices[bucket] if tier.prices else tier.price
            assert price is not None
            cohort.line(
                charge,
                bucket=tier_name(bucket, number),
                quantity=quantity,
                unit=unit_of(charge.channel),
                price=price,
                factor=factor,
                keep=(part > 0).astype(bool),
            )
    bank_true_up(charge, cohort)


def tier_name(bucket: str, number: int) -> str:
    """`tier-1`, or `peak/tier-1`."""
    return f"{bucket}/tier-{number}" if bucket else f"tier-{number}"


def _pooled(
    charge: Tiered, cohort: Cohort, energy: dict[str, Column], active: bool
) -> list[list[Line]]:
    """All buckets fill the tiers together, each takes part in proportion."""
    together = sum_of(energy, len(cohort))
    demand = _demand(charge, cohort)
    bounds = edges(charge, cohort, demand) if active else _at_rest(charge)
    if charge.window == "year":
        filled = _quota if charge.fill == "quota" else _position
        parts = filled(charge, cohort, together, bounds)
    else:
        parts = _fill(charge, together, bounds)
    whole = np.maximum(together, 1)
    return [
        [
            (bucket, quantity, (part, whole), part) if bucket else ("", part, ONE, part)
            for bucket, quantity in energy.items()
        ]
        for part in parts
    ]


def _separate(charge: Tiered, cohort: Cohort, energy: dict[str, Column]) -> list[list[Line]]:
    """Each bucket fills tiers of its own."""
    bounds = edges(charge, cohort, _demand(charge, cohort))
    parts = {bucket: _fill(charge, quantity, bounds) for bucket, quantity in energy.items()}
    return [
        [(bucket, mine[number], ONE, mine[number]) for bucket, mine in parts.items()]
        for number in range(len(charge.tiers))
    ]


def _by_time(charge: Tiered, cohort: Cohort) -> list[list[Line]]:
    """What step 5 found of each tier: filled by day, or in order of time."""
    version = cohort.version
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    wanted = tiers_of(version.zone, charge, calendar, version.terms)
    edges(charge, cohort)  # holds what the agreement does not state
    return [
        [_measured(wanted, charge, cohort, bucket, number) for bucket in buckets_of(charge, cohort)]
        for number in range(1, len(charge.tiers) + 1)
    ]


def _measured(wanted: Wanted, charge: Tiered, cohort: Cohort, bucket: str, number: int) -> Line:
    part = cohort.want(wanted, part_name(bucket, number), charge)
    return bucket, part, ONE, part


def _demand(charge: Tiered, cohort: Cohort) -> Column | None:
    """What the named demand component bills; zero when it is at rest."""
    if charge.demand is None:
        return None
    return cohort.demands.get(charge.demand, np.zeros(len(cohort), np.int64))


def _at_rest(charge: Tiered) -> Edges:
    """Bounds that nothing is compared with."""
    return [0] * (len(charge.tiers) + 1)


def _beyond(bounds: Edges, energy: Column) -> Edges:
    """Bounds whose last is beyond the energy, however much losses have raised it."""
    return [*bounds[:-1], max(FAR, largest(energy))]


def _fill(charge: Tiered, energy: Column, bounds: Edges) -> list[Column]:
    """Energy in each tier, from zero on."""
    bounds = _beyond(bounds, energy)
    if charge.method == "volume":
        return [
            np.where((energy > low) & (energy <= high), energy, 0) for low, high in pairwise(bounds)
        ]
    return [np.clip(energy, low, high) - low for low, high in pairwise(bounds)]


# ------------------------------------------------------------- yearly windows


def window_start(day: date, resets: Sequence[tuple[int, int]]) -> date:
    """The last reset (month, day) on or before a day."""
    starts = [date(day.year - back, *reset) for reset in resets for back in (0, 1)]
    return max(start for start in starts if start <= day)


def _position(charge: Tiered, cohort: Cohort, energy: Column, bounds: Edges) -> list[Column]:
    """Tiers count what the window has reached."""
    key, start = f"tier/{charge.id}", window_start(cohort.first_day, charge.reset_days)
    position: Column = cohort.carry.get(key, start, cohort.segments)
    reached = add(position, energy)
    bounds = _beyond(bounds, reached)
    cohort.hand_on(key, start, reached)
    return [
        np.clip(reached, low, high) - np.clip(position, low, high) for low, high in pairwise(bounds)
    ]


def _quota(charge: Tiered, cohort: Cohort, energy: Column, bounds: Edges) -> list[Column]:
    """Each tier takes what is left of its quota, the last takes the rest."""
    start, left = window_start(cohort.first_day, charge.reset_days), energy
    parts: list[Column] = []
    for number, (low, high) in enumerate(pairwise(bounds), 1):
        key = f"tier/{charge.id}/{number}"
        used = cohort.carry.get(key, start, cohort.segments)
        free = np.maximum((high - low) - used, 0)
        part = left if number == len(charge.tiers) else np.minimum(left, free)
        left = add(left, -part)
        cohort.hand_on(key, start, add(used, part))
        parts.append(part)
    return parts
