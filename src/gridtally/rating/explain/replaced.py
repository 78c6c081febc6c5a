"""Steps 3-6, seen from behind: where readings took the place of estimates, charge by charge.

Of two rating cases of one segment: the intervals, or the dials with a bounding reading, that were
estimated in exactly one of the two, sorted into spans and buckets as a bill sorts energy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.market import NO_MARKET, Market
from gridtally.periods import Period, zone
from gridtally.rating.charges import Energy, Tiered
from gridtally.rating.tariff import TariffVersion
from gridtally.rating.wants import all_wanted
from gridtally.terms import Channel, Wanted

__all__ = ["Sorted", "replaced"]

Case = Mapping[str, Any]
_MICRO = 10**6
_ZERO = Fraction(0)
Sorted = dict[tuple[int, str, str], Fraction]
"""(span, component, bucket) -> energy [kWh or kvarh]"""


@dataclass(frozen=True, slots=True)
class _Moved:
    """By how much the values of a segment changed with estimates."""

    intervals: Mapping[str, tuple[int, int, npt.NDArray[np.int64]]]
    """channel -> (first instant [s], resolution [s], change of each interval [10^-6])"""
    dials: Mapping[tuple[str, str], Fraction]
    """(channel, bucket of the dial) -> change [kWh or kvarh]"""


def replaced(
    before: Case,
    after: Case,
    *,
    sides: Sequence[Sequence[tuple[Period, TariffVersion | None]]],
    market: Market = NO_MARKET,
) -> tuple[Sorted, ...]:
    """What changed with estimates, sorted by the spans of each of the `sides` of a bill."""
    moved = _Moved(dict(_intervals(before, after)), _dials(before, after))
    if not moved.intervals and not moved.dials:
        return tuple({} for _ in sides)
    return tuple(_sorted(moved, after["zone"], spans, market) for spans in sides)


def _intervals(
    before: Case, after: Case
) -> Iterator[tuple[str, tuple[int, int, npt.NDArray[np.int64]]]]:
    for name, old in before["channels"].items():
        new = after["channels"].get(name)
        grid = ("start", "resolution_s")
        if new is None or any(old[key] != new[key] for key in grid):
            continue
        was, now = (np.array(list(one["quality"])) == "E" for one in (old, new))
        change = np.array(new["values"], np.int64) - np.array(old["values"], np.int64)
        change = np.where(was != now, change, 0)
        if change.any():
            first = int(datetime.fromisoformat(old["start"]).timestamp())
            yield name, (first, old["resolution_s"], change)


def _dials(before: Case, after: Case) -> dict[tuple[str, str], Fraction]:
    found: dict[tuple[str, str], Fraction] = {}
    sides = [_by_dial(case) for case in (before, after)]
    for key in sorted(sides[0].keys() & sides[1].keys()):
        (guesses, steps), (guesses_now, steps_now) = (side[key] for side in sides)
        if guesses != guesses_now:
            found[key[2:]] = found.get(key[2:], _ZERO) + steps_now - steps
    return found


def _by_dial(case: Case) -> dict[tuple[str, str, str, str], tuple[set[str], Fraction]]:
    """(meter, dial, channel, bucket) -> instants that were estimated, and what it gives."""
    found = {}
    for dial in case["registers"]:
        if dial["kind"] != "cumulative":
            continue
        values = [one["reading"] for one in dial["readings"]]
        steps = values[-1] - values[0]
        steps += sum(b < a for a, b in pairwise(values)) * 10 ** dial["digits"] * _MICRO
        guesses = {one["time"] for one in dial["readings"] if one["quality"] == "E"}
        key = dial["meter"], dial["register"], dial["channel"], dial["bucket"]
        found[key] = guesses, Fraction(steps * dial["multiplier"], _MICRO**2)
    return found


def _sorted(
    moved: _Moved,
    name: str,
    spans: Sequence[tuple[Period, TariffVersion | None]],
    market: Market,
) -> Sorted:
    found: Sorted = {}
    whole = sum(days.days for days, _ in spans)
    for number, (days, version) in enumerate(spans):
        bounds = zone(name).bounds(days)
        for component, sign, wanted in _wanted(version) if version else ():
            for i, bucket in enumerate(wanted.buckets):
                energy = _of_intervals(moved, wanted, i, bounds, market)
                energy += _of_dials(moved, wanted, bucket) * Fraction(days.days, whole)
                key = number, component, bucket
                if energy:
                    found[key] = found.get(key, _ZERO) + sign * energy
    return found


def _wanted(version: TariffVersion) -> Iterator[tuple[str, int, Wanted]]:
    """(component, sign, energy that it is charged on): what is fed in is taken off when netted."""
    for charge in version.components:
        if not isinstance(charge, Energy | Tiered):
            continue
        netted = charge.netting == "month"
        channels = {charge.channel, Channel.EXPORT} if netted else {charge.channel}
        for wanted in all_wanted((charge,), version.zone, version.declarations):
            mine = wanted.channel in channels and wanted.calendar == (charge.calendar or "")
            if mine and wanted.kind == "energy" and wanted.months == tuple(sorted(charge.months)):
                yield charge.id, -1 if wanted.channel != charge.channel else 1, wanted


def _of_intervals(
    moved: _Moved, wanted: Wanted, bucket: int, bounds: tuple[int, int], market: Market
) -> Fraction:
    if wanted.channel not in moved.intervals:
        return _ZERO
    first, step, change = moved.intervals[wanted.channel]
    if (bounds[0] - first) % step or (bounds[1] - first) % step:
        return _ZERO  # such a span is held
    low, high = ((at - first) // step for at in bounds)
    known = {"market": market} if wanted.events else {}
    labels = wanted.labels(*bounds, step, **known)
    return Fraction(int(change[low:high][labels == bucket].sum()), _MICRO)


def _of_dials(moved: _Moved, wanted: Wanted, bucket: str) -> Fraction:
    """The dial of that bucket; without a calendar the whole dial, else the sum of the others."""
    mine = {name: energy for (channel, name), energy in moved.dials.items()
            if channel == wanted.channel}  # fmt: skip
    if wanted.calendar:
        return mine.get(bucket, _ZERO)
    return mine["total"] if "total" in mine else sum(mine.values(), _ZERO)
