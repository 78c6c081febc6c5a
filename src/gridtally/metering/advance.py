"""Step 5: what dials moved between the readings that count, per span of their segment."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.faults import Faults
from gridtally.metering.layout import LETTERS
from gridtally.metering.meters import DEMAND, KINDS, Dials
from gridtally.metering.segments import Segments
from gridtally.money import MICRO, allocate
from gridtally.tables import ADVANCES, REGISTERS_USED, empty

__all__ = ["Pairs", "Stretches", "advanced", "used_table"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ESTIMATED = LETTERS.index("E")
_LARGEST = 10**18
_JOIN = "\x1f"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Each dial of each segment's metering point that is in service there."""

    segment: Ints
    dial: Ints
    opening: Ints
    """Reading that opens the stretch; -1 when there is none."""
    closing: Ints
    entered: Ints
    """Reading with which the dial came in the segment; -1 when it was there before."""
    left: Ints
    """Reading with which it went in the segment; -1 when it is still there."""

    def __len__(self) -> int:
        return len(self.segment)

    def take(self, which: Mask | Ints) -> Pairs:
        """The chosen pairs."""
        return Pairs(*(getattr(self, name)[which] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Stretches:
    """Pairs with every reading of theirs that counts, in order of pair and time."""

    segments: Segments
    dials: Dials
    pairs: Pairs
    pair: Ints
    """Of each reading: its pair."""
    reading: Ints
    """Its place in `dials`."""

    def first(self) -> Mask:
        """Which readings open their stretch."""
        return np.asarray(np.diff(self.pair, prepend=-1) != 0)

    def demand(self) -> Mask:
        """Which pairs are demand dials."""
        return np.asarray(self.dials.kind[self.pairs.dial] == DEMAND)

    def spans(self) -> Ints:
        """How many spans the segment of each pair has."""
        return np.diff(self.segments.offset)[self.pairs.segment]

    def guess(self) -> Mask:
        """Which readings were estimated by the sender."""
        return np.asarray(self.dials.code[self.reading] == _ESTIMATED)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Quantities of dials per span, shape (parts,) each."""

    segment: Ints
    span: Ints
    """Position of the span in its segment."""
    dial: Ints
    value: Ints
    estimated: Ints


def advanced(stretches: Stretches, faults: Faults) -> pa.Table:
    """ADVANCES of the segments that no fault holds; faults of the dials' steps are added."""
    step = _steps(stretches, faults)
    value = _values(stretches, step, faults)
    sound = ~faults.held[stretches.pairs.segment]
    several = sound & ~stretches.demand() & (stretches.spans() > 1)
    parts = [
        _whole(stretches, np.flatnonzero(sound & ~several), value),
        *_allocated(stretches, np.flatnonzero(several), value, step),
    ]
    names = _Parts.__slots__
    joined = _Parts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return _summed(joined, stretches.segments, stretches.dials)


def _steps(stretches: Stretches, faults: Faults) -> Ints:
    """What each reading of a cumulative dial moved since the one before; 0 for the first.

    A step below zero is a roll-over only from the top tenth of the dial, by a tenth at most.
    """
    dials, reading = stretches.dials, stretches.reading
    step = np.zeros(len(reading), dtype=np.int64)
    later = np.flatnonzero(~stretches.first() & ~stretches.demand()[stretches.pair])
    step[later] = dials.value[reading[later]] - dials.value[reading[later - 1]]
    for at in later[step[later] < 0].tolist():
        before, after = int(reading[at - 1]), int(reading[at])
        size = MICRO * 10 ** max(int(dials.digits[dials.dial[after]]), 0)
        turned = int(step[at]) + size
        wrapped = 10 * int(dials.value[before]) >= 9 * size and 0 <= 10 * turned <= size
        where = int(stretches.pairs.segment[stretches.pair[at]])
        faults.turned(where, before, after, turned, wrapped=wrapped)
        step[at] = turned if wrapped else 0
    return step


def _values(stretches: Stretches, step: Ints, faults: Faults) -> Ints:
    """Quantity of each pair after multiplier, rounded half even once. [10^-6 kWh, kvarh, kW]"""
    pairs, dials = stretches.pairs, stretches.dials
    begin = np.flatnonzero(stretches.first())
    if not len(begin):
        return begin
    shown = np.where(stretches.first(), -1, dials.value[stretches.reading])
    moved = np.where(
        stretches.demand(), np.maximum.reduceat(shown, begin), np.add.reduceat(step, begin)
    )
    value = np.zeros(len(pairs), dtype=np.int64)
    both = zip(moved.tolist(), dials.multiplier[pairs.dial].tolist(), strict=True)
    for at, (units, times) in enumerate(both):
        whole, rest = divmod(units * times, MICRO)
        whole += 2 * rest > MICRO or (2 * rest == MICRO and whole % 2 == 1)
        if whole > _LARGEST:
            faults.large(int(pairs.segment[at]), int(pairs.dial[at]))
            whole = 0
        value[at] = whole
    return value


# -------------------------------------------------------------------- the spans


def _whole(stretches: Stretches, which: Ints, value: Ints) -> _Parts:
    """A demand counts in each span of its segment, an advance in the only one."""
    count = stretches.spans()[which]
    each = np.repeat(which, count)
    span = np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    guessed = np.where(_guessed(stretches)[each], value[each], 0)
    return _Parts(
        stretches.pairs.segment[each], span, stretches.pairs.dial[each], value[each], guessed
    )


def _guessed(stretches: Stretches) -> Mask:
    """Which pairs rest on an estimated reading: of an advance any, of a demand the largest."""
    pair, dials = stretches.pair, stretches.dials
    demand = stretches.demand()[pair]
    shown = np.where(stretches.first(), -1, dials.value[stretches.reading])
    top = np.full(len(stretches.pairs), -1, dtype=np.int64)
    np.maximum.at(top, pair, shown)
    decides = ~demand | (~stretches.first() & (shown == top[pair]))
    guessed = np.zeros(len(stretches.pairs), dtype=np.bool_)
    guessed[pair[stretches.guess() & decides]] = True
    return guessed


def _allocated(stretches: Stretches, which: Ints, value: Ints, step: Ints) -> list[_Parts]:
    """Advances of segments with several spans, split over them."""
    cuts = np.searchsorted(stretches.pair, np.arange(len(stretches.pairs) + 1))
    result, guess = [], stretches.guess()
    for at in which.tolist():
        mine = slice(int(cuts[at]), int(cuts[at + 1]))
        split = _split(stretches, mine, int(value[at]), (step[mine], guess[mine]))
        parts = np.array(split, dtype=np.int64)
        size = len(parts)
        result.append(
            _Parts(
                np.full(size, stretches.pairs.segment[at]), np.arange(size),
                np.full(size, stretches.pairs.dial[at]), parts[:, 0], parts[:, 1],
            )
        )  # fmt: skip
    return result


def _split(
    stretches: Stretches, mine: slice, value: int, each: tuple[Ints, Mask]
) -> list[list[int]]:
    """An advance on the spans of its segment: quantity, and estimated part, of each.

    First to the pieces between readings, by what the dial moved; then of each piece to the spans
    by days (`docs/tariff.md`, *Dial stretches across spans*).
    """
    segments, reading = stretches.segments, stretches.reading[mine]
    segment = int(stretches.pairs.segment[stretches.pair[mine.start]])
    spans = segments.spans(segment)
    first, last = segments.span_first[spans].tolist(), segments.span_last[spans].tolist()
    days = [segments.day(segment, at) for at in stretches.dials.time[reading].tolist()]
    either = [a or b for a, b in pairwise(each[1].tolist())]
    result = [[0, 0] for _ in first]
    pieces = zip(pairwise(days), allocate(value, each[0][1:].tolist()), either, strict=True)
    for (low, high), part, guess in pieces:
        shares = _days(low, high, first, last)
        if not any(shares):
            day = min(max(low, first[0]), last[-1] - 1)
            shares = _days(day, day + 1, first, last)
        for row, share in zip(result, allocate(part, shares), strict=True):
            row[0] += share
            row[1] += share if guess else 0
    return result


def _days(low: int, high: int, first: list[int], last: list[int]) -> list[int]:
    """How many of the days [low, high) lie in each span."""
    return [max(min(high, b) - max(low, a), 0) for a, b in zip(first, last, strict=True)]


# -------------------------------------------------------------------- the tables


def _summed(parts: _Parts, segments: Segments, dials: Dials) -> pa.Table:
    """ADVANCES: the dials of a bucket together; their sum, or the largest demand."""
    if not len(parts.segment):
        return empty(ADVANCES)
    both = zip(dials.channel, dials.bucket, strict=True)
    names, group = np.unique([_JOIN.join(pair) for pair in both], return_inverse=True)
    demand = dials.kind[parts.dial] == DEMAND
    key = np.vstack([demand, group[parts.dial], parts.span, parts.segment])
    order = np.lexsort((parts.estimated, parts.value, *key))
    key, value, estimated = key[:, order], parts.value[order], parts.estimated[order]
    begin = np.flatnonzero(np.r_[True, (np.diff(key, axis=1) != 0).any(axis=0)])
    final = np.r_[begin[1:], len(value)] - 1
    largest, named, span, segment = key[:, begin]
    channel, bucket = zip(*(str(names[at]).split(_JOIN) for at in named), strict=True)
    columns = {
        "segment": [segments.name[at] for at in segment.tolist()],
        "span": segments.span[segments.offset[segment] + span].astype(np.int32),
        "channel": list(channel),
        "bucket": list(bucket),
        "kind": [KINDS[at] for at in largest.tolist()],
        "value": np.where(largest, value[final], np.add.reduceat(value, begin)),
        "estimated": np.where(largest, estimated[final], np.add.reduceat(estimated, begin)),
    }
    return pa.table(columns, schema=ADVANCES)


def used_table(stretches: Stretches, readings: pa.Table, held: Mask) -> pa.Table:
    """REGISTERS_USED of the segments that are not held, by segment, meter, register, time."""
    dials, sound = stretches.dials, ~held[stretches.pairs.segment[stretches.pair]]
    segment, used = stretches.pairs.segment[stretches.pair][sound], stretches.reading[sound]
    dial = dials.dial[used]
    taken = readings.take(pa.array(dials.row[used]))
    columns = {
        "segment": [stretches.segments.name[at] for at in segment.tolist()],
        "meter": dials.meter[dial].tolist(),
        "register": dials.register[dial].tolist(),
        "channel": dials.channel[dial].tolist(),
        "bucket": dials.bucket[dial].tolist(),
        "kind": [KINDS[at] for at in dials.kind[dial].tolist()],
        "digits": dials.digits[dial].astype(np.int8),
        "multiplier": dials.multiplier[dial],
        **{name: taken[name] for name in ("time_utc", "reading", "quality", "reason")},
    }
    return pa.table(columns, schema=REGISTERS_USED)
