"""Step 5's kernel: sums and largest demands of many metering points over one stretch of time.

The labels that tariffs give to the intervals become a short list of runs; `add.reduceat` and
`maximum.reduceat` do the rest on blocks of rows that fit the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gridtally.terms import Wanted

__all__ = ["LIMIT_BITS", "Output", "Plan", "Unfit", "plan"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
HOUR_S = 3600
LIMIT_BITS = 62
_CHANGES = -2


@dataclass(frozen=True, slots=True)
class Output:
    """One determinant of a plan: a bucket of something wanted."""

    wanted: Wanted
    bucket: str
    runs: Ints
    """Which runs of its part of the plan lie in the bucket; none: the value is zero."""


@dataclass(frozen=True, slots=True)
class Part:
    """Outputs that share one reduction of the intervals."""

    starts: Ints
    """First interval, or first window, of each run."""
    windows: Ints | None
    """Demand: first interval of each window; None: every interval is a window."""
    even: int
    """Demand: intervals per window when all are alike, else 0."""
    seconds: Ints
    """Demand: length of the windows of each run. [s]"""
    outputs: tuple[Output, ...]

    def reduce(self, values: Ints) -> list[Ints]:
        """One value per row for each output. [10^-6 kWh, kvarh or kW]; shape (rows,) each."""
        if self.outputs[0].wanted.kind != "demand":
            sums = np.add.reduceat(values, self.starts, axis=1)
            return [_pick(sums, out.runs).sum(axis=1) for out in self.outputs]
        peaks = np.maximum.reduceat(self.energies(values), self.starts, axis=1)
        power = _half_even(peaks * HOUR_S, self.seconds)
        return [
            _pick(power, out.runs).max(axis=1) if len(out.runs) else np.zeros(len(values), np.int64)
            for out in self.outputs
        ]

    def energies(self, values: Ints) -> Ints:
        """Energy of each window; shape (rows, windows)."""
        if self.windows is None:
            return values
        if not self.even:
            return np.asarray(np.add.reduceat(values, self.windows, axis=1))
        result = values[:, 0 :: self.even].copy()
        for i in range(1, self.even):
            result += values[:, i :: self.even]
        return result

    def estimated(self, values: Ints, estimate: Mask, whole: Sequence[Ints]) -> list[Ints]:
        """The estimated part of each output; `whole` is what `reduce` gave for these rows.

        A demand counts as estimated when no window without an estimate is as large.
        """
        if self.outputs[0].wanted.kind != "demand":
            return self.reduce(np.where(estimate, values, 0))
        touched = self.energies(estimate.astype(np.int64)) > 0
        rest = Part(self.starts, None, 0, self.seconds, self.outputs)
        sure = rest.reduce(np.where(touched, -1, self.energies(values)))
        return [np.where(s < w, w, 0) for s, w in zip(sure, whole, strict=True)]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to reduce `count` intervals to determinants."""

    count: int
    parts: tuple[Part, ...]

    @property
    def outputs(self) -> list[Output]:
        """All outputs, in the order in which `reduce` gives them."""
        return [out for part in self.parts for out in part.outputs]

    def reduce(self, values: Ints) -> list[Ints]:
        """One array of shape (rows,) per output."""
        return [column for part in self.parts for column in part.reduce(values)]

    def estimated(self, values: Ints, estimate: Mask, whole: Sequence[Ints]) -> list[Ints]:
        """The estimated part of each output."""
        found: list[Ints] = []
        for part in self.parts:
            given = whole[len(found) : len(found) + len(part.outputs)]
            found += part.estimated(values, estimate, given)
        return found


@dataclass(frozen=True, slots=True)
class Unfit:
    """The readings' grid does not fit what a tariff wants: the code of the finding and why."""

    code: str
    wanted: Wanted
    message: str


def plan(
    wanted: Sequence[Wanted], *, start_utc: int, end_utc: int, resolution_s: int, midnights: Ints
) -> tuple[Plan, list[Unfit]]:
    """The plan for one channel over [start_utc, end_utc), a whole number of intervals.

    What lies wholly outside its months is left out; what does not fit the grid is named.
    `midnights` are the first instants of the local days, and `end_utc`: windows count from them.
    """
    count = (end_utc - start_utc) // resolution_s
    groups: dict[int | None, list[tuple[Wanted, Ints]]] = {}
    windows: dict[int | None, Ints] = {}
    unfit: list[Unfit] = []
    for want in wanted:
        labels = want.labels(start_utc, end_utc, resolution_s)
        window = None if want.kind == "energy" else want.window_s or resolution_s
        if window is not None and window % resolution_s:
            unfit.append(_coarse(want, resolution_s))
            continue
        if window is not None and window != resolution_s:
            cut = _windows(midnights, resolution_s, window)
            labels, windows[window] = _common(labels, cut), cut
            if ((midnights - start_utc) % resolution_s).any():
                labels = np.full_like(labels, _CHANGES)
        if (labels == _CHANGES).any():
            unfit.append(_changes(want))
        elif (labels >= 0).any():
            groups.setdefault(window, []).append((want, labels.astype(np.int64)))
    parts = [
        _part(group, windows.get(window), window, count, resolution_s)
        for window, group in groups.items()
    ]
    return Plan(count, tuple(parts)), unfit


def _part(
    group: list[tuple[Wanted, Ints]],
    windows: Ints | None,
    window: int | None,
    count: int,
    resolution_s: int,
) -> Part:
    columns = [labels for _, labels in group]
    size = len(columns[0])
    lengths = np.full(size, resolution_s)
    even = 0
    if windows is not None and window is not None:
        lengths = np.diff(np.r_[windows, count]) * resolution_s
        even = window // resolution_s if (lengths == window).all() else 0
    table = np.vstack([*columns, lengths])
    starts = np.flatnonzero(np.r_[True, (table[:, 1:] != table[:, :-1]).any(axis=0)])
    outputs = [
        Output(want, bucket, np.flatnonzero(labels[starts] == i))
        for want, labels in group
        for i, bucket in enumerate(want.buckets)
    ]
    return Part(starts.astype(np.int64), windows, even, lengths[starts], tuple(outputs))


def _windows(midnights: Ints, resolution_s: int, window_s: int) -> Ints:
    """First interval of each window: consecutive blocks from each local midnight on."""
    first = (midnights - midnights[0]) // resolution_s
    step = window_s // resolution_s
    return np.concatenate([np.arange(a, b, step) for a, b in pairwise(first.tolist())])


def _common(labels: npt.NDArray[np.int16], windows: Ints) -> npt.NDArray[np.int16]:
    """The label of each window; CHANGES where its intervals do not agree."""
    low = np.minimum.reduceat(labels, windows)
    return np.where(low == np.maximum.reduceat(labels, windows), low, np.int16(_CHANGES))


def _pick(reduced: Ints, runs: Ints) -> Ints:
    return reduced if len(runs) == reduced.shape[1] else reduced[:, runs]


def _half_even(numerator: Ints, denominator: Ints) -> Ints:
    whole, rest = np.divmod(numerator, denominator)
    if not rest.any():
        return np.asarray(whole)
    up = (2 * rest > denominator) | ((2 * rest == denominator) & (whole % 2 == 1))
    return np.asarray(whole + up)


def _coarse(want: Wanted, resolution_s: int) -> Unfit:
    assert want.window_s is not None
    return Unfit(
        "metering.demand.window",
        want,
        f"Demand is billed over {want.window_s // 60} minutes, but the readings are for "
        f"{resolution_s // 60} minutes each.",
    )


def _changes(want: Wanted) -> Unfit:
    return Unfit(
        "rating.calendar.finer",
        want,
        f"The time windows of {want.calendar or 'the months'} change inside an interval "
        f"of the readings.",
    )
