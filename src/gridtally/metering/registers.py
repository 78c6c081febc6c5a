"""Step 5: dial readings become advances: bounds, exchange, roll-over, multiplier, spans.

The rules are those of `docs/registers.md`; the quantities those of `docs/rating-case.md`, so that
whoever reads only the readings that were used gets the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering import layout
from gridtally.metering.advance import Pairs, Stretches, advanced, used_table
from gridtally.metering.faults import Faults
from gridtally.metering.meters import DEMAND, REASONS, STEP, Dials, collect
from gridtally.metering.reconcile import check_sums, totals
from gridtally.metering.segments import Segments
from gridtally.tables import ADVANCES, REGISTERS_USED, empty

__all__ = ["Registers", "advances", "check_sums", "totals"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_IN, _OUT = REASONS.index("exchange_in"), REASONS.index("exchange_out")


@dataclass(frozen=True, slots=True)
class Registers:
    """What the registers of segments give."""

    advances: pa.Table
    """ADVANCES; none of a segment that is held because of its registers."""
    used: pa.Table
    """REGISTERS_USED: the readings that bound the stretches of those segments."""
    findings: pa.Table


def advances(
    spans: pa.Table, readings: pa.Table, meters: pa.Table, registers: pa.Table
) -> Registers:
    """What the dials of each segment of SPANS advanced, per span, bucket and kind.

    `readings` REGISTER_READINGS, `meters` METERS, `registers` REGISTERS; the latter two fill
    what a reading leaves open and say which dials are in service. A register-billed segment with
    any dial in doubt gets a must-hold finding `metering.register.*` and no advance at all; one
    that is billed from intervals, which registers only check, a warning at most.
    """
    if not spans.num_rows:
        return Registers(empty(ADVANCES), empty(REGISTERS_USED), Faults.none())
    segments = Segments.of(spans)
    near = _near(readings, segments)
    dials = collect(near, meters, registers, sorted(set(segments.point)))
    faults = Faults(segments, dials)
    pairs = _pairs(segments, dials, faults)
    stretches = _stretches(pairs, segments, dials)
    faults.conflicts(pairs.segment[stretches.pair], stretches.reading)
    faults.unfit(pairs.segment[stretches.pair], stretches.reading)
    table = advanced(stretches, faults)
    return Registers(table, used_table(stretches, near, faults.held), faults.table())


def _near(readings: pa.Table, segments: Segments) -> pa.Table:
    """Readings that can matter: those from the first window to the last."""
    time = layout.integers(readings["time_utc"])
    first, last = segments.opens.min(), segments.closes.max()
    return readings.filter(pa.array((time >= first) & (time <= last)))


# ------------------------------------------------------- which readings bound it


def _pairs(segments: Segments, dials: Dials, faults: Faults) -> Pairs:
    """Dials in service in each segment, with the readings that bound their stretches."""
    number = {point: place for place, point in enumerate(dials.points)}
    point = np.array([number[name] for name in segments.point], dtype=np.int64)
    low, high = (np.searchsorted(dials.point, point, side=side) for side in ("left", "right"))
    count = high - low
    segment = np.repeat(np.arange(len(point)), count)
    dial = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count) + low[segment]
    start, end = segments.start[segment], segments.end[segment]
    entered = _first(dials, _IN, dial, start, end)
    left = _first(dials, _OUT, dial, start, end)
    bounds = (segments.opens[segment], segments.begins[segment])
    opening = np.where(entered >= 0, entered, _nearest(dials, dial, start, bounds))
    bounds = (segments.ends[segment], segments.closes[segment])
    closing = np.where(left >= 0, left, _nearest(dials, dial, end, bounds))
    moved = (entered >= 0) | (left >= 0)
    serves = _serving(segments, dials, (segment, dial), moved, (opening, closing))
    faults.stray(segment, dial, (opening >= 0) | (closing >= 0))
    pairs = Pairs(segment, dial, opening, closing, entered, left).take(serves)
    faults.nothing(pairs.segment)
    pairs = pairs.take(faults.master(pairs.segment, pairs.dial))
    told = faults.exchange(pairs.segment, pairs.dial, pairs.entered, pairs.left)
    still = _still(pairs, dials)
    closing = np.where(still, STEP, pairs.closing)
    faults.missing(pairs.segment, pairs.dial, pairs.opening, closing, told)
    read = (pairs.opening >= 0) & (closing > pairs.opening)
    return pairs.take(read & ~faults.silent(pairs.segment, pairs.dial))


def _still(pairs: Pairs, dials: Dials) -> Mask:
    """Stretches of one reading, with which a meter came or left just at the bound: no advance.

    A demand dial that shows only this reading does not say in which period its demand was.
    """
    moved = (pairs.entered >= 0) | (pairs.left >= 0)
    same = (pairs.opening == pairs.closing) & (pairs.opening >= 0)
    return np.asarray(moved & same & (dials.kind[pairs.dial] != DEMAND))


def _first(dials: Dials, reason: int, dial: Ints, start: Ints, end: Ints) -> Ints:
    """The first reading of each dial strictly within (start, end) with this reason."""
    which = np.flatnonzero(dials.reason == reason)
    if not len(which):
        return np.full(len(dial), -1, dtype=np.int64)
    key = dials.key()[which]
    at = np.searchsorted(key, dial * STEP + start, side="right")
    found = which[np.minimum(at, len(which) - 1)]
    fits = (at < len(which)) & (dials.dial[found] == dial) & (dials.time[found] < end)
    return np.where(fits, found, -1)


def _nearest(dials: Dials, dial: Ints, bound: Ints, window: tuple[Ints, Ints]) -> Ints:
    """The reading of each dial nearest to an instant within its window, the earlier of equals."""
    if not len(dials.dial):
        return np.full(len(dial), -1, dtype=np.int64)
    after = np.searchsorted(dials.key(), dial * STEP + bound)
    best = np.full(len(dial), -1, dtype=np.int64)
    least = np.full(len(dial), STEP, dtype=np.int64)
    for at in (after - 1, after):
        found = np.clip(at, 0, len(dials.dial) - 1)
        time = dials.time[found]
        fits = (at == found) & (dials.dial[found] == dial)
        fits &= (time >= window[0]) & (time <= window[1]) & (np.abs(time - bound) < least)
        best, least = np.where(fits, found, best), np.where(fits, np.abs(time - bound), least)
    return best


def _last(dials: Dials, reason: int, dial: Ints, bound: Ints) -> Ints:
    """The last reading of each dial until an instant with this reason; or -1."""
    which = np.flatnonzero(dials.reason == reason)
    if not len(which):
        return np.full(len(dial), -1, dtype=np.int64)
    at = np.searchsorted(dials.key()[which], dial * STEP + bound, side="right") - 1
    found = which[np.maximum(at, 0)]
    return np.where((at >= 0) & (dials.dial[found] == dial), found, -1)


def _serving(
    segments: Segments,
    dials: Dials,
    pair: tuple[Ints, Ints],
    moved: Mask,
    bounds: tuple[Ints, Ints],
) -> Mask:
    """Whether a dial is in service somewhere in a segment: by master data, or by its readings."""
    segment, dial = pair
    dated = dials.since[dial] < segments.last[segment]
    dated &= dials.until[dial] > segments.first[segment]
    start, end = segments.start[segment], segments.end[segment]
    gone = _last(dials, _OUT, dial, start) > _last(dials, _IN, dial, start)
    later = _last(dials, _IN, dial, end - 1) < 0
    later &= _first(dials, _IN, dial, end - 1, np.full(len(dial), STEP)) >= 0
    later &= (bounds[0] < 0) | (np.append(dials.time, -1)[bounds[0]] >= end)
    seen = (bounds[0] >= 0) | (bounds[1] >= 0)
    here = dated & (dials.known[dial] | seen) & ~gone & ~later
    return ~dials.stray[dial] & (moved | here)


def _stretches(pairs: Pairs, segments: Segments, dials: Dials) -> Stretches:
    """The readings of each pair that count.

    Cumulative: the bounds, and readings at the first instant of a span. Demand: all between.
    """
    demand = dials.kind[pairs.dial] == DEMAND
    rows = np.flatnonzero(~demand)
    row, at = _inner(pairs.take(rows), segments, dials)
    some = np.flatnonzero(demand)
    size = pairs.closing[some] - pairs.opening[some] + 1
    shift = np.repeat(np.cumsum(size) - size - pairs.opening[some], size)
    pair = np.concatenate([rows, rows, rows[row], np.repeat(some, size)])
    used = np.concatenate(
        [pairs.opening[rows], pairs.closing[rows], at, np.arange(len(shift)) - shift]
    )
    order = np.lexsort((used, pair))
    return Stretches(segments, dials, pairs, pair[order], used[order])


def _inner(pairs: Pairs, segments: Segments, dials: Dials) -> tuple[Ints, Ints]:
    """Readings between the bounds at the first instant of a later span: pair, reading."""
    count = np.diff(segments.offset)[pairs.segment] - 1
    pair = np.repeat(np.arange(len(pairs)), count)
    turn = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    at = segments.span_start[segments.offset[pairs.segment[pair]] + 1 + turn]
    if not len(pair) or not len(dials.dial):
        return pair[:0], pair[:0]
    keys, key = dials.key(), pairs.dial[pair] * STEP + at
    found = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    fits = (keys[found] == key) & (found > pairs.opening[pair]) & (found < pairs.closing[pair])
    return pair[fits], found[fits]
