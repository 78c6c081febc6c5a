"""Step 5: the blocks of time that a stream is made of: intervals, hours, windows.

Specification: `docs/tariff.md`, *Blocks*, *demand*, netting in *energy*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gridtally.metering.sums import MIDNIGHT, changes
from gridtally.periods import Period, zone
from gridtally.terms import Wanted

__all__ = ["HOUR_S", "Blocks", "Part", "Unfit", "all_blocks"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_CHANGES = -2
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Part:
    """Interval-billed spans of one tariff: of the same bounds, or within them."""

    rows: Ints
    """Rows of SPANS."""
    start_utc: int
    end_utc: int
    zone: str
    joined: Sequence[Part] = ()
    """The parts that are looked at together; none: all spans have these bounds."""

    @property
    def midnights(self) -> Ints:
        """First instants of the local days, and the end."""
        days = zone(self.zone)
        return days.day_bounds(Period(days.date(self.start_utc), days.date(self.end_utc)))


@dataclass(frozen=True, slots=True)
class Unfit(Exception):
    """Why no stream can be made of the readings: what a finding says."""

    code: str
    message: str


def all_blocks(want: Wanted, stretch: Part, steps: Mapping[str, int]) -> dict[str, Blocks]:
    """The blocks of each channel, which begin and end together."""
    step = steps[want.channel]
    if set(steps.values()) != {step} and not (want.windows and want.window_s):
        message = "The channels that are billed together have readings of different lengths."
        raise Unfit("metering.channels.lengths", message)
    labels = want.labels(stretch.start_utc, stretch.end_utc, step)
    found = {want.channel: _blocks(want, stretch, step, labels)}
    for channel, other in steps.items():
        count = (stretch.end_utc - stretch.start_utc) // other
        same = other == step
        found[channel] = (
            found[want.channel]
            if same
            else _blocks(want, stretch, other, np.zeros(count, np.int16))
        )
    return found


@dataclass(frozen=True, slots=True)
class Blocks:
    """Stretches of whole intervals: first interval and the one after the last of each."""

    first: Ints
    after: Ints
    labels: Ints
    """The bucket, -1 where it is not billed."""
    days: Ints
    """Number of the local day in which it starts."""
    starts: Ints
    """[s]"""
    ends: Ints
    inside: Mask
    """Intervals that lie in billed blocks."""

    @property
    def seconds(self) -> Ints:
        """Length of each block. [s]"""
        return self.ends - self.starts

    @property
    def widest(self) -> int:
        """Intervals of the longest block."""
        return int((self.after - self.first).max(initial=1))

    def energies(self, values: Ints) -> Ints:
        """Energy of each block; shape (rows, blocks)."""
        if (self.after - self.first == 1).all() and len(self.first) == values.shape[1]:
            return values
        sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
        return np.asarray(sums[:, self.after] - sums[:, self.first])


def _blocks(want: Wanted, stretch: Part, step: int, labels: npt.NDArray[np.int16]) -> Blocks:
    """The blocks of a want: intervals, hours, windows one after the other or rolling."""
    rolling = want.windows.rolling_s if want.windows else None
    length = HOUR_S if want.netting == "hour" else want.window_s or step
    if length % step or (rolling or step) % step:
        message = (
            f"Energy is looked at over {length // 60} minutes"
            + (f", every {rolling // 60}" if rolling else "")
            + f", but the readings are for {step // 60} minutes each."
        )
        raise Unfit("metering.demand.window", message)
    midnights = stretch.midnights
    count = len(labels)
    if length == step and not rolling and want.netting != "hour":
        first = np.arange(count)
        after = first + 1
    else:
        if ((midnights - stretch.start_utc) % step).any():
            raise Unfit("rating.calendar.finer", MIDNIGHT)
        turns = ((midnights - stretch.start_utc) // step).tolist()
        every = (rolling or length) // step
        first = np.concatenate([np.arange(a, b, every) for a, b in pairwise(turns)])
        after = first + length // step if rolling else np.r_[first[1:], count]
        first, after = first[after <= count], after[after <= count]
    runs = np.cumsum(np.r_[0, labels[1:] != labels[:-1]])
    alike = (runs[first] == runs[after - 1]) & (labels[first] != _CHANGES)
    if not rolling and not alike.all():
        at = stretch.start_utc + int(first[np.argmin(alike)]) * step
        raise Unfit("rating.calendar.finer", changes(want, at, max(length, step)))
    mine = np.where(alike, labels[first], -1).astype(np.int64)
    starts = stretch.start_utc + first * step
    inside = np.zeros(count + 1, np.int64)
    np.add.at(inside, first[mine >= 0], 1)
    np.add.at(inside, after[mine >= 0], -1)
    return Blocks(
        first=first,
        after=after,
        labels=mine,
        days=np.searchsorted(midnights, starts, side="right"),
        starts=starts,
        ends=stretch.start_utc + after * step,
        inside=np.cumsum(inside)[:-1] > 0,
    )
