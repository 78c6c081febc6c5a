"""Step 5's kernel: sums and largest demands of many metering points.

The labels that tariffs give to the intervals become a short list of runs; `add.reduceat` and
`maximum.reduceat` do the rest on blocks of rows that fit the cache. Rows may count over stretches
of their own: runs are cut where a stretch begins or ends, and each row takes those inside its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gridtally.metering.windows import half_even
from gridtally.periods import iso_utc
from gridtally.terms import Wanted

__all__ = [
    "LIMIT_BITS", "MIDNIGHT", "Bounds", "Output", "Plan", "Unfit", "about", "changes", "plan",
]  # fmt: skip

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bounds = tuple[Ints, Ints] | None
"""First interval of each row's stretch, and the first after it; None: all rows count throughout."""
HOUR_S = 3600
LIMIT_BITS = 62
MIDNIGHT = "A local midnight lies inside a reading."
_CHANGES = -2
_FOLDING = ("energy", "demand")
"""Kinds whose value over a stretch follows from those of its runs. Others are reduced stretch by
stretch, with `bounds` None."""


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
    begins: Ints
    """First interval of each run."""
    windows: Ints | None
    """Demand: first interval of each window; None: every interval is a window."""
    even: int
    """Demand: intervals per window when all are alike, else 0."""
    seconds: Ints
    """Demand: length of the windows of each run. [s]"""
    widest: int
    """Intervals of the longest window."""
    outputs: tuple[Output, ...]

    def reduce(self, values: Ints, bounds: Bounds) -> list[Ints]:
        """One value per row for each output. [10^-6 kWh, kvarh or kW]; shape (rows,) each."""
        if self.outputs[0].wanted.kind != "demand":
            return self._fold(np.add.reduceat(values, self.starts, axis=1), bounds, _sum)
        return self._largest(self.energies(values), bounds)

    def _largest(self, energies: Ints, bounds: Bounds) -> list[Ints]:
        peaks = np.maximum.reduceat(energies, self.starts, axis=1)
        first = self.seconds[:1]
        if (self.seconds == first).all():  # the largest energy is the largest power
            most = self._fold(peaks, bounds, _maximum)
            return [half_even(energy * HOUR_S, first) for energy in most]
        return self._fold(half_even(peaks * HOUR_S, self.seconds), bounds, _maximum)

    def _fold(self, reduced: Ints, bounds: Bounds, fold: Callable[..., Ints]) -> list[Ints]:
        """Each output from its runs, of each row those in its stretch."""
        found = []
        for out in self.outputs:
            within = None
            if bounds is not None:
                begins = self.begins[out.runs]
                within = np.searchsorted(begins, bounds[0]), np.searchsorted(begins, bounds[1])
            found.append(fold(_pick(reduced, out.runs), within))
        return found

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

    def estimated(
        self, values: Ints, estimate: Mask, whole: Sequence[Ints], bounds: Bounds
    ) -> list[Ints]:
        """The estimated part of each output; `whole` is what `reduce` gave for these rows.

        A demand counts as estimated when no window without an estimate is as large.
        """
        if self.outputs[0].wanted.kind != "demand":
            return self.reduce(np.where(estimate, values, 0), bounds)
        touched = self.energies(estimate.astype(np.int64)) > 0
        sure = self._largest(np.where(touched, -1, self.energies(values)), bounds)
        return [np.where(s < w, w, 0) for s, w in zip(sure, whole, strict=True)]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to reduce `count` intervals to determinants."""

    count: int
    parts: tuple[Part, ...]

    @property
    def folds(self) -> bool:
        """Whether rows may count over stretches of their own, cut from one reduction."""
        return all(out.wanted.kind in _FOLDING for out in self.outputs)

    @property
    def limit(self) -> int:
        """From which energy of an interval on a sum, or the power of a window, may not fit."""
        widest = max((part.widest for part in self.parts), default=1)
        return (1 << LIMIT_BITS) // max(self.count, widest * HOUR_S)

    @property
    def outputs(self) -> list[Output]:
        """All outputs, in the order in which `reduce` gives them."""
        return [out for part in self.parts for out in part.outputs]

    def reduce(self, values: Ints, bounds: Bounds = None) -> list[Ints]:
        """One array of shape (rows,) per output. `bounds` only at cuts of the plan."""
        return [column for part in self.parts for column in part.reduce(values, bounds)]

    def estimated(
        self, values: Ints, estimate: Mask, whole: Sequence[Ints], bounds: Bounds = None
    ) -> list[Ints]:
        """The estimated part of each output."""
        found: list[Ints] = []
        for part in self.parts:
            given = whole[len(found) : len(found) + len(part.outputs)]
            found += part.estimated(values, estimate, given, bounds)
        return found


@dataclass(frozen=True, slots=True)
class Unfit:
    """The readings' grid does not fit what a tariff wants: the code of the finding and why."""

    code: str
    wanted: Wanted
    message: str


def plan(
    wanted: Sequence[Wanted],
    *,
    start_utc: int,
    end_utc: int,
    resolution_s: int,
    midnights: Ints,
    cuts: Sequence[int] = (),
) -> tuple[Plan, list[Unfit]]:
    """The plan for one channel over [start_utc, end_utc), a whole number of intervals.

    What lies wholly outside its months is left out; what does not fit the grid is named.
    `midnights` are the first instants of the local days, and `end_utc`: windows count from them.
    `cuts` are the intervals, each the first of a local day, at which stretches begin or end.
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
        begins = np.arange(count)
        if window is not None and window != resolution_s:
            begins = _windows(midnights, resolution_s, window)
            labels, windows[window] = _common(labels, begins), begins
            if ((midnights - start_utc) % resolution_s).any():
                unfit.append(Unfit("rating.calendar.finer", want, MIDNIGHT))
                continue
        if (labels == _CHANGES).any():
            at = start_utc + int(begins[np.argmax(labels == _CHANGES)]) * resolution_s
            message = changes(want, at, window or resolution_s)
            unfit.append(Unfit("rating.calendar.finer", want, message))
        elif (labels >= 0).any():
            groups.setdefault(window, []).append((want, labels.astype(np.int64)))
    parts = [
        _part(group, windows.get(window), window, count, resolution_s, np.array(cuts, np.int64))
        for window, group in groups.items()
    ]
    return Plan(count, tuple(parts)), unfit


def _part(
    group: list[tuple[Wanted, Ints]],
    windows: Ints | None,
    window: int | None,
    count: int,
    resolution_s: int,
    cuts: Ints,
) -> Part:
    columns = [labels for _, labels in group]
    size = len(columns[0])
    lengths = np.full(size, resolution_s)
    even = 0
    if windows is not None and window is not None:
        lengths = np.diff(np.r_[windows, count]) * resolution_s
        even = window // resolution_s if (lengths == window).all() else 0
    table = np.vstack([*columns, lengths])
    changes = np.r_[True, (table[:, 1:] != table[:, :-1]).any(axis=0)]
    changes[cuts if windows is None else np.searchsorted(windows, cuts)] = True
    starts = np.flatnonzero(changes)
    outputs = [
        Output(want, bucket, np.flatnonzero(labels[starts] == i))
        for want, labels in group
        for i, bucket in enumerate(want.buckets)
    ]
    begins = starts if windows is None else windows[starts]
    widest = int(lengths.max()) // resolution_s
    return Part(starts, begins, windows, even, lengths[starts], widest, tuple(outputs))


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


def _sum(picked: Ints, within: Bounds) -> Ints:
    """Sums over the columns, of each row those within; shape (rows,)."""
    if within is None:
        return np.asarray(picked.sum(axis=1))
    running = np.zeros((len(picked), picked.shape[1] + 1), np.int64)
    np.cumsum(picked, axis=1, out=running[:, 1:])
    rows = np.arange(len(picked))
    return np.asarray(running[rows, within[1]] - running[rows, within[0]])


def _maximum(picked: Ints, within: Bounds) -> Ints:
    """The largest over the columns, of each row those within, 0 when there are none."""
    if not picked.shape[1]:
        return np.zeros(len(picked), np.int64)
    if within is None:
        return np.asarray(picked.max(axis=1))
    low, high = within
    column = np.arange(picked.shape[1])
    inside = (column >= low[:, None]) & (column < high[:, None])
    largest = np.where(inside, picked, np.iinfo(np.int64).min).max(axis=1)
    return np.where(low < high, largest, 0)


def _coarse(want: Wanted, resolution_s: int) -> Unfit:
    assert want.window_s is not None
    return Unfit(
        "metering.demand.window",
        want,
        f"Demand is billed over {want.window_s // 60} minutes, but the readings are for "
        f"{resolution_s // 60} minutes each.",
    )


def changes(want: Wanted, start_utc: int, seconds: int) -> str:
    """Where the bucket changes inside what is billed as one."""
    return (
        f"The hours of {want.calendar or 'the months'} change inside the {seconds // 60} minutes "
        f"from {iso_utc(start_utc)} on, which are billed as one."
    )


def about(code: str, want: Wanted) -> str:
    """Hours that change inside a reading: one finding says it, whoever asks for them."""
    return f"{want.calendar} {want.months}" if code == "rating.calendar.finer" else ""
