"""Step 5: what one sum per bucket does not say: energy net of what is given back, demand over
rolling windows, costs by the hour, tiers of a day or filled in order of time.

Specification: `docs/tariff.md`, *energy*, *tiered*, *demand*. The readings of a few rows at a time
become one stream of blocks of time; what prices them is handed in (`Wanted.reduce`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import Market
from gridtally.metering.blocks import MISSING, Dense
from gridtally.metering.found import Found
from gridtally.metering.stream_blocks import HOUR_S, Blocks, Part, Unfit, all_blocks
from gridtally.metering.sums import LIMIT_BITS, about
from gridtally.metering.windows import apparent, half_even, measured
from gridtally.terms import Reduced, Stream, Wanted, Windows

__all__ = ["Part", "add_reduced", "reduce_streams"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Grids = Mapping[str, Sequence[tuple[Dense, Ints]]]
_ROWS = 256
_FEW = 64
"""A part of fewer rows is not worth a stream of its own."""
_ADDING = ("cost", "net", "tiers")
"""Kinds to which intervals without energy add nothing."""
_REMEDY = "Deliver finer readings, or correct the tariff."


def reduce_streams(
    found: Found, parts: Sequence[Part], want: Wanted, *, grids: Grids, market: Market
) -> None:
    """Add the determinants of a want that needs a stream; what does not fit is held.

    Rows with a gap are left out: whoever wants a stream wants the plain sums of its channels as
    well, and those say what is missing. Parts of a few rows are looked at together, where no
    energy before and after a span adds nothing; if anything is wrong then, each by itself.
    """
    for part in _joined(parts) if want.kind in _ADDING else parts:
        mark, fits = found.mark, _fits(part, want, grids)
        if fits:
            _part(found, part, want, grids=grids, market=market)
        if part.joined and (not fits or found.mark[1] > mark[1]):
            found.back_to(mark)
            for alone in part.joined:
                _part(found, alone, want, grids=grids, market=market)


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Those with many rows by themselves, all others as one."""
    few = [part for part in parts if len(part.rows) < _FEW]
    if len(few) < 2:
        return list(parts)
    one = Part(
        np.concatenate([part.rows for part in few]),
        min(part.start_utc for part in few),
        max(part.end_utc for part in few),
        few[0].zone,
        few,
    )
    return [one, *(part for part in parts if len(part.rows) >= _FEW)]


def _fits(part: Part, want: Wanted, grids: Grids) -> bool:
    """Whether all grids of joined parts cover them, and all their bounds begin an interval."""
    edges = np.array([edge for one in part.joined for edge in (one.start_utc, one.end_utc)])
    for channel in want.channels if part.joined else ():
        for grid, where in grids.get(channel, ()):
            if (where[part.rows] >= 0).any():
                inside = grid.start_utc <= part.start_utc and part.end_utc <= grid.end_utc
                if not inside or ((edges - grid.start_utc) % grid.resolution_s).any():
                    return False
    return True


def _part(found: Found, part: Part, want: Wanted, *, grids: Grids, market: Market) -> None:
    bounds = None
    if part.joined:
        bounds = tuple(
            np.asarray(pc.fill_null(found.spans[name], 0)) for name in ("start_utc", "end_utc")
        )
    for rows, places in _alike(part, want, grids, bounds):
        try:
            _reduce(found, part, want, rows=rows, parts=places, bounds=bounds, market=market)
        except Unfit as why:
            for row in rows.tolist():
                found.stop(
                    row, why.code, why.message, channel=want.channel, remedy=_REMEDY,
                    about=about(why.code, want),
                )  # fmt: skip


Bounds = tuple[Ints, ...] | None
"""First instant of every span, and the first after it, where those of a part differ. [s]"""
Channels = dict[str, tuple[Dense, Ints]]
"""By channel: its grid, and the row of it for each span."""


def _alike(
    stretch: Part, want: Wanted, grids: Grids, bounds: Bounds
) -> Iterator[tuple[Ints, Channels]]:
    """Rows whose channels lie in the same grids, without a gap."""
    places: dict[str, tuple[Ints, Ints]] = {}
    good = np.ones(len(stretch.rows), bool)
    any_optional = np.zeros(len(stretch.rows), bool)
    for channel in want.channels:
        which = np.full(len(stretch.rows), -1)
        at = np.zeros(len(stretch.rows), np.int64)
        for i, (grid, where) in enumerate(grids.get(channel, ())):
            mine = where[stretch.rows]
            end = grid.start_utc + grid.quality.shape[1] * grid.resolution_s
            if grid.start_utc <= stretch.start_utc and stretch.end_utc <= end:
                here = (which < 0) & (mine >= 0)
                here[here] = _whole(grid, mine[here], stretch, _own(bounds, stretch.rows[here]))
                which, at = np.where(here, i, which), np.where(here, mine, at)
        places[channel] = which, at
        if channel in want.either:
            any_optional |= which >= 0
        else:
            good &= which >= 0
    good &= any_optional | (not want.either)
    if not good.any():
        return
    keys = np.vstack([which for which, _ in places.values()])
    for key in np.unique(keys[:, good], axis=1).T:
        mine = np.flatnonzero(good & (keys == key[:, None]).all(axis=0))
        yield (
            stretch.rows[mine],
            {
                channel: (grids[channel][i][0], places[channel][1][mine])
                for channel, i in zip(places, key.tolist(), strict=True)
                if i >= 0
            },
        )


def _own(bounds: Bounds, rows: Ints) -> Bounds:
    return bounds and tuple(bound[rows] for bound in bounds)


def _outside(grid: Dense, low: int, high: int, own: tuple[Ints, ...]) -> Mask:
    """Intervals of a grid from `low` to `high` that do not lie in each row's own bounds."""
    instants = grid.start_utc + np.arange(low, high) * grid.resolution_s
    return np.asarray((instants < own[0][:, None]) | (instants >= own[1][:, None]))


def _columns(grid: Dense, stretch: Part) -> tuple[int, int]:
    low, high = (
        (bound - grid.start_utc) // grid.resolution_s
        for bound in (stretch.start_utc, stretch.end_utc)
    )
    return low, high


def _whole(grid: Dense, at: Ints, stretch: Part, own: Bounds) -> Mask:
    """Rows of a grid without a gap in the stretch, or in their own part of it."""
    low, high = _columns(grid, stretch)
    whole = np.ones(len(at), bool)
    for begin in range(0, len(at), _ROWS):  # masks of a few rows, not of a whole part
        some = slice(begin, begin + _ROWS)
        there = grid.quality[at[some], low:high] != MISSING
        if own:
            there |= _outside(grid, low, high, tuple(bound[some] for bound in own))
        whole[some] = there.all(axis=1)
    return whole


def _reduce(
    found: Found,
    stretch: Part,
    want: Wanted,
    *,
    rows: Ints,
    parts: Channels,
    bounds: Bounds,
    market: Market,
) -> None:
    for grid, _ in parts.values():
        edges = (stretch.start_utc - grid.start_utc, stretch.end_utc - grid.start_utc)
        if any(edge % grid.resolution_s for edge in edges):
            return  # the plain sums of the channel say so
    made = all_blocks(want, stretch, {c: grid.resolution_s for c, (grid, _) in parts.items()})
    for low in range(0, len(rows), _ROWS):
        mine = rows[low : low + _ROWS]
        values = {
            channel: _values(grid, at[low : low + _ROWS], stretch, _own(bounds, mine))
            for channel, (grid, at) in parts.items()
        }
        if want.windows:
            _demands(found, want, mine, values, made)
        else:
            _stream(found, want, mine, values, made[want.channel], market)


def _values(grid: Dense, at: Ints, stretch: Part, own: Bounds) -> Ints:
    """Rows of a grid; zero before and after their own bounds."""
    low, high = _columns(grid, stretch)
    values = grid.values[at, low:high]
    if own:
        values[_outside(grid, low, high, own)] = 0
    return values


def _demands(
    found: Found, want: Wanted, rows: Ints, values: Mapping[str, Ints], blocks: Mapping[str, Blocks]
) -> None:
    assert want.windows is not None
    made = blocks[want.channel]
    far = np.zeros(len(rows), bool)
    for channel, column in values.items():
        far |= _beyond(column, blocks[channel].widest * HOUR_S)
    active = made.energies(values[want.channel])
    if want.windows.apparent:
        others = [blocks[c].energies(values[c]) for c in want.either if c in values]
        powers = apparent(active, np.sum(others, axis=0), made.seconds)
    else:
        powers = half_even(active * HOUR_S, made.seconds)
    for i in range(len(want.buckets)):
        far |= _beyond(powers[:, made.labels == i], _added(want.windows, made.labels == i))
    for row in rows[far].tolist():
        found.too_large(row, want.channel)
    for i, bucket in enumerate(want.buckets):
        mine = made.labels == i
        column = measured(want.windows, powers[:, mine], made.days[mine])[~far]
        found.add((want, bucket), rows[~far], column, np.zeros_like(column))


def _added(windows: Windows, mine: Mask) -> int:
    """How many powers at most become one sum."""
    return int(mine.sum()) if windows.mean or windows.top else 1


def _beyond(values: Ints, times: int) -> Mask:
    """Rows in which a value does not fit exact integers when it is taken so many times."""
    limit = (1 << LIMIT_BITS) // max(times, 1)
    return np.asarray(((values >= limit) | (values <= -limit)).any(axis=1))


def _stream(
    found: Found,
    want: Wanted,
    rows: Ints,
    values: Mapping[str, Ints],
    made: Blocks,
    market: Market,
) -> None:
    billed = made.labels >= 0
    energies = {channel: made.energies(column) for channel, column in values.items()}
    negative = np.zeros(len(rows), bool)
    for column in values.values():
        inside = column if made.inside.all() else column[:, made.inside]
        negative |= inside.min(axis=1, initial=0) < 0
    energy = energies[want.channel]
    if want.netting:
        (other,) = (column for channel, column in energies.items() if channel != want.channel)
        energy = np.maximum(energy - other, 0)
    stream = Stream(
        energy if billed.all() else energy[:, billed], made.labels[billed], made.starts[billed],
        made.ends[billed], made.days[billed],
    )  # fmt: skip
    if want.strict:
        for row in rows[negative].tolist():
            found.stop(
                row,
                "rating.quantity.negative",
                f"A reading of {' or '.join(want.channels)} is below zero.",
                channel=want.channel,
                remedy="Correct the readings; energy given back belongs on the export channel.",
            )
    add_reduced(found, want, rows, stream, market)


def add_reduced(found: Found, want: Wanted, rows: Ints, stream: Stream, market: Market) -> None:
    """What a stream of the spans `rows` gives: determinants, and what holds."""
    reduce = want.reduce or partial(sums, want.buckets)
    answer = reduce(stream, found.spans.take(rows), market)
    for code, where, message, remedy in answer.holds:
        for row in rows[where].tolist():
            found.stop(row, code, message, channel=want.channel, remedy=remedy)
    for name, column, known in answer.columns:
        found.add((want, name), rows[known], column[known], np.zeros(int(known.sum()), np.int64))


def sums(buckets: Sequence[str], stream: Stream, spans: pa.Table, market: Market) -> Reduced:
    """The energy of each bucket."""
    known = np.ones(len(stream.energy), bool)
    columns = [
        (bucket, stream.energy[:, stream.labels == i].sum(axis=1), known)
        for i, bucket in enumerate(buckets)
    ]
    return Reduced(columns, [])
