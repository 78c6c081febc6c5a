"""Step 4, the rungs that read a point's own days: like days, days of the same type, other days.

A like-day estimate has three parts, all of the same local time: what the days of that kind
usually have, in what proportion the nearest days stand to what is usual for them, and how much
the hour on either side of the gap is above or below such an estimate of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.metering.estimate_gaps import Gaps, Stretches, kind_of

__all__ = ["day_types", "like_days", "linear", "other_days"]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_HOUR = 3600
_NEAR = {
    1: 1000, 2: 354, 3: 192, 4: 125, 5: 89, 6: 68, 7: 54, 8: 44, 9: 37, 10: 32, 11: 27, 12: 24,
    13: 21, 14: 19, 21: 10, 28: 7,
}  # fmt: skip
"""Days away, and how much such a day counts: 1000 / days^1.5, whole."""
_REACH = max(_NEAR)
_TWO_WEEKS = 14
_KEPT = (*((3**h << 20) // 5**h for h in range(24)), 0, 0)
"""What is left of a deviation after so many hours, of 2^20: three fifths per hour."""
_ONE = 1 << 20


def linear(gaps: Gaps, *, longest: int) -> None:
    """Gaps of at most `longest` slots that no like day tells about: a straight line, half up."""
    slots = gaps.open()
    runs = gaps.stretches(slots)
    left, right = gaps.read(runs.place, runs.start - 1), gaps.read(runs.place, runs.end)
    short = (runs.size <= longest) & (left >= 0) & (right >= 0)
    mine = np.flatnonzero(short[runs.of])
    of = runs.of[mine]
    steps = runs.size[of] + 1
    nth = gaps.column[slots[mine]] - runs.start[of] + 1
    rise = (right - left)[of]
    gaps.give(slots[mine], left[of] + (2 * rise * nth + steps) // (2 * steps), "linear")


# --------------------------------------------------------------------- like days


@dataclass(frozen=True, slots=True)
class _Usual:
    """What days near some slots say about them."""

    value: Ints
    own: Ints
    """How many days of the slot's own kind there are within two weeks."""
    low: Ints
    high: Ints
    """The smallest and the largest reading of all those days."""


def like_days(gaps: Gaps, *, longest: int) -> None:
    """Slots with a reading at that time on a near day of their kind.

    In gaps of at most `longest` slots the deviation of the two neighbours is carried on in a
    straight line, which is the method `linear` on the shape of like days.
    """
    open_ = gaps.open()
    if not len(open_):
        return
    runs = gaps.stretches(open_)
    beside = gaps.read(runs.place, runs.start - 1), gaps.read(runs.place, runs.end)
    short = (runs.size <= longest) & (beside[0] >= 0) & (beside[1] >= 0)
    place, column, owner, side = _edges(gaps, runs, short)
    usual = _usual(
        gaps, np.concatenate([gaps.place[open_], place]),
        np.concatenate([gaps.column[open_], column]),
    )  # fmt: skip
    size = len(open_)
    off = np.minimum(gaps.read(place, column), 5 * usual.value[size:]) - usual.value[size:]
    off[usual.own[size:] == 0] = 0
    level = np.zeros((2, len(runs.place)), dtype=np.int64)
    count = np.zeros_like(level)
    np.add.at(level, (side, owner), off)
    np.add.at(count, (side, owner), 1)
    level = np.where(count > 0, level // np.maximum(count, 1), 0)
    value = usual.value[:size] + _carried(gaps, runs, level, (count > 0, short))
    value = np.clip(value, usual.low[:size], usual.high[:size])
    for rung, which in (("linear", short[runs.of]), ("like_days", ~short[runs.of])):
        known = np.flatnonzero((usual.own[:size] > 0) & which)
        gaps.give(open_[known], value[known], rung)


def _usual(gaps: Gaps, place: Ints, column: Ints) -> _Usual:
    """The usual value of slots by their kind of day, and how near days differ from theirs."""
    calendar = gaps.calendar
    clocks, days = calendar.columns.shape[1], len(calendar.kinds)
    result = _Usual(*(np.zeros(len(place), dtype=np.int64) for _ in range(4)))
    if not len(place):
        return result
    week = (calendar.day[column] + calendar.first) % 7
    table = np.full((days + 2 * _REACH, clocks), gaps.width, dtype=np.int64)
    table[_REACH:-_REACH] = calendar.columns
    for weekday in np.unique(week).tolist():
        mine = np.flatnonzero(week == weekday)
        day = calendar.day[column[mine]]
        lookup = (day + _REACH) * clocks + calendar.clock[column[mine]]
        base = place[mine] * (gaps.width + 1)
        parts = _gathered(gaps, base, lookup, table, int(day[0]))
        for name in _Usual.__slots__:
            getattr(result, name)[mine] = getattr(parts, name)
    return result


def _gathered(gaps: Gaps, base: Ints, lookup: Ints, table: Ints, day: int) -> _Usual:
    """`_usual` of slots that lie on one weekday, that of `day`."""
    kinds = 1 if gaps.calendar.alike else 3
    clocks, columns, flat = table.shape[1], table.reshape(-1), gaps.values.reshape(-1)
    near, weight, plain, count = np.zeros((4, kinds, len(base)), dtype=np.int64)
    own, mine = np.zeros(len(base), dtype=np.int64), _kind(gaps, day, kinds)
    low, high = np.full((2, len(base)), -1, dtype=np.int64)
    for k in (sign * k for k in _NEAR for sign in (-1, 1)):
        q = _kind(gaps, day + k, kinds)
        read = flat.take(base + columns.take(lookup + k * clocks))
        there = read >= 0
        # -1, no reading, is the largest of all unsigned numbers
        np.minimum(low.view(np.uint64), read.view(np.uint64), out=low.view(np.uint64))
        np.maximum(high, read, out=high)
        read *= there
        plain[q] += read
        count[q] += there
        own += there * (q == mine and abs(k) <= _TWO_WEEKS)
        read *= _NEAR[abs(k)]
        near[q] += read
        weight[q] += _NEAR[abs(k)] * there
    value = _level(plain, count, near, weight)[mine]
    return _Usual(value, own, np.maximum(low, 0), np.maximum(high, 0))


def _level(plain: Ints, count: Ints, near: Ints, weight: Ints) -> Ints:
    """The mean of each kind of day, at the level at which the near days stand to theirs.

    So a shop's Sunday follows the week, and stays a Sunday. At most four times the mean.
    """
    if len(plain) == 1:
        return (2 * near + weight) // np.maximum(2 * weight, 1)
    mean = (2 * plain + count) // np.maximum(2 * count, 1)
    usual = np.maximum((weight * mean).sum(axis=0), 1)
    level = np.minimum(((near.sum(axis=0) << 10) + usual // 2) // usual, 4 << 10)
    scaled: Ints = (mean * level + 512) >> 10
    return scaled


def _kind(gaps: Gaps, day: int, kinds: int) -> int:
    """Kind of a day, also of one outside the calendar."""
    return int(kind_of(np.array([gaps.calendar.first + day]))[0]) if kinds > 1 else 0


# ------------------------------------------------------------- beside the gap


def _edges(gaps: Gaps, runs: Stretches, short: Mask) -> tuple[Ints, Ints, Ints, Ints]:
    """Readings of the hour on either side: place, column, stretch, side (0 before, 1 after).

    Of short stretches the neighbours alone.
    """
    found: list[tuple[Ints, Ints, Ints, Ints]] = []
    for side in (0, 1):
        begin, step = (runs.start - 1, -1) if side == 0 else (runs.end, 1)
        owner = np.arange(len(runs.place))
        for nth in range(max(1, _HOUR // gaps.dense.resolution_s)):
            column = begin[owner] + step * nth
            owner = owner[gaps.read(runs.place[owner], column) >= 0]
            column = begin[owner] + step * nth
            found.append((runs.place[owner], column, owner, np.full(len(owner), side)))
            owner = owner[~short[owner]]
    place, column, owner, side_ = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return place, column, owner, side_


def _carried(gaps: Gaps, runs: Stretches, level: Ints, which: tuple[Mask, Mask]) -> Ints:
    """What the deviations on both sides still are in each slot.

    Deviations fade by two fifths an hour; between two known ones they are those of a first-order
    autoregression that passes through both, in short stretches a straight line. `which` sides are
    known, and which stretches are short.
    """
    known, short = which[0], which[1][runs.of]
    size = runs.size[runs.of]
    after = gaps.column[runs.slots] - runs.start[runs.of] + 1
    before = size + 1 - after
    left, right = level[:, runs.of]
    both = (known[0] & known[1])[runs.of]
    step = gaps.dense.resolution_s
    whole = np.where(both, _kept(2 * (size + 1), step), 0)
    still = np.zeros_like(size)
    for near, far, off in ((after, before, left), (before, after, right)):
        back = np.where(both, _kept(2 * far + near, step), 0)
        share = ((_kept(near, step) - back) << 20) // (_ONE - whole)
        still += np.where(short, (far << 20) // (size + 1), share) * off
    return still >> 20


def _kept(slots: Ints, step: int) -> Ints:
    """What is left of a deviation so many slots away, of 2^20."""
    hour, part = np.divmod(np.minimum(slots * step, (len(_KEPT) - 2) * _HOUR), _HOUR)
    table = np.array(_KEPT)
    kept: Ints = table[hour] + (table[hour + 1] - table[hour]) * part // _HOUR
    return kept


# -------------------------------------------------------------------- other days


def day_types(gaps: Gaps) -> None:
    """The mean of all days of the slot's kind in the period."""
    first = gaps.calendar.day[gaps.past] if gaps.past else 0
    _mean(gaps, "day_types", int(first), same=True)


def other_days(gaps: Gaps) -> None:
    """The mean of all days of the slot's kind that there are, past included; else of any days."""
    _mean(gaps, "other_days", 0, same=True)
    _mean(gaps, "other_days", 0, same=False)


def _mean(gaps: Gaps, rung: str, first: int, *, same: bool) -> None:
    """The mean of the same local time on the days from `first` on."""
    open_, calendar = gaps.open(), gaps.calendar
    kinds = calendar.kinds if same else np.zeros_like(calendar.kinds)
    of = kinds[calendar.day[gaps.column[open_]]]
    for kind in np.unique(of).tolist():
        mine = open_[of == kind]
        place, clock = gaps.place[mine], calendar.clock[gaps.column[mine]]
        total, count = np.zeros((2, len(mine)), dtype=np.int64)
        for day in (np.flatnonzero(kinds[first:] == kind) + first).tolist():
            read = gaps.values[place, calendar.columns[day, clock]]
            total += np.maximum(read, 0)
            count += read >= 0
        known = np.flatnonzero(count)
        gaps.give(mine[known], ((2 * total + count) // np.maximum(2 * count, 1))[known], rung)
