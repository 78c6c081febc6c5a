"""Step 2: columns of dates and instants become UTC seconds; strict patterns, nothing guessed.

`YYYY-MM-DDTHH:MM[:SS[.000]]` with `Z`, an offset, or the declared zone's local time. A blank may
stand for the `T`. Week dates, compact dates, hour 24, second 60 and sub-seconds are refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally import periods
from gridtally.intake.text import packed
from gridtally.periods import Zone

__all__ = [
    "AMBIGUOUS", "EARLIEST", "FUTURE", "NONEXISTENT", "NO_ZONE", "OFFSET", "OK", "PAST", "PATTERN",
    "SLACK_S", "Times", "civil_days", "dates", "instants",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
States = npt.NDArray[np.int8]

OK, PATTERN, NONEXISTENT, AMBIGUOUS, OFFSET, PAST, FUTURE, NO_ZONE = range(8)
"""What a cell is: an instant, or why it is none."""

SLACK_S = 300
"""How far a sender's clock may run ahead of `as_of` [s]."""
EARLIEST = 631_152_000
"""1990-01-01T00:00:00Z: what is said to be older comes from an unset clock [s]."""
_FIRST_YEAR = 1990
_LAST_YEAR = 2059
_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
_WIDEST_OFFSET = 14 * 3600
_CHUNK = 1 << 15
_WIDTH = 40
"""Characters that are looked at; an instant has 32 at most."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds (or days) since 1970 and the state of each: shape (n,); 0 where there is none."""

    value: Ints
    state: States


def instants(data: Bytes, starts: Ints, ends: Ints, *, zone: Zone | None, as_of: int) -> Times:
    """UTC seconds of the texts `data[start:end]`. Shape (n,).

    An offset other than zero must be that of `zone` at the instant, when a zone is declared.
    """
    value, state = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int8)
    for at in range(0, len(starts), _CHUNK):
        part = slice(at, at + _CHUNK)
        value[part], state[part] = _instants(_Reader(data, starts[part], ends[part]), zone)
    late = (state == OK) & (value > as_of + SLACK_S)
    state[late] = FUTURE
    value[state != OK] = 0
    return Times(value, state)


def dates(data: Bytes, starts: Ints, ends: Ints) -> Times:
    """Days since 1970-01-01 of texts `YYYY-MM-DD`. Shape (n,)."""
    text = _Reader(data, starts, ends)
    days, good, year = _day(text)
    good &= text.length == 10
    state = np.where(good, np.where(year < _FIRST_YEAR, PAST, OK), PATTERN)
    state = np.where(good & (year > _LAST_YEAR), FUTURE, state).astype(np.int8)
    return Times(np.where(state == OK, days, 0), state)


def civil_days(year: Ints, month: Ints, day: Ints) -> tuple[Ints, Bools]:
    """Days since 1970-01-01 of calendar dates, and whether each date exists."""
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    named = (month >= 1) & (month <= 12)
    longest = _DAYS_IN_MONTH[np.where(named, month, 1)] + (leap & (month == 2))
    exists = named & (day >= 1) & (day <= longest) & (year >= 1)
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = of_era * 365 + of_era // 4 - of_era // 100 + of_year + era * 146_097 - 719_468
    return days, exists


class _Reader:
    """Characters of many texts by position; a position outside a text reads as 0."""

    def __init__(self, data: Bytes, starts: Ints, ends: Ints) -> None:
        self.length = ends - starts
        words = packed(data, starts, self.length, _WIDTH // 8)
        self.chars = words.view(np.uint8).reshape(_WIDTH // 8, -1, 8)
        self.row = np.arange(len(starts))

    def char(self, at: Ints | int) -> Bytes:
        """The character at a position of each text."""
        if isinstance(at, int):
            return self.chars[at // 8, :, at % 8]
        near = np.minimum(at, _WIDTH - 1)
        char: Bytes = self.chars[near // 8, self.row, near % 8]
        return char

    def two(self, at: Ints | int) -> tuple[Ints, Bools]:
        """A two-digit number and whether both are digits."""
        tens, ones = self.char(at) - np.uint8(48), self.char(at + 1) - np.uint8(48)
        return tens.astype(np.int64) * 10 + ones, (tens < 10) & (ones < 10)


def _day(text: _Reader) -> tuple[Ints, Bools, Ints]:
    """Days since 1970 of the first ten characters, whether they are a date, and the year."""
    century, good = text.two(0)
    rest, good2 = text.two(2)
    month, good3 = text.two(5)
    day, good4 = text.two(8)
    year = century * 100 + rest
    good &= good2 & good3 & good4 & (text.char(4) == 45) & (text.char(7) == 45)
    safe = np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1)
    days, exists = civil_days(*safe)
    return days, good & exists, np.where(good, year, 1970)


def _clock(text: _Reader) -> tuple[Ints, Bools, Ints]:
    """Seconds of the day, whether the pattern holds, and where the offset begins."""
    hour, good = text.two(11)
    minute, good2 = text.two(14)
    second, good3 = text.two(17)
    separator = text.char(10)
    good &= good2 & ((separator == 84) | (separator == 32)) & (text.char(13) == 58)
    has_second = text.char(16) == 58
    good &= ~has_second | good3
    second = np.where(has_second, second, 0)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    tail = np.where(has_second, 19, 16)
    fraction = has_second & (text.char(19) == 46)
    if fraction.any():
        zeros, running = np.zeros(len(tail), np.int64), fraction.copy()
        for place in range(6):
            running &= text.char(20 + place) == 48
            zeros += running
        good &= ~fraction | (zeros > 0)
        tail = np.where(fraction, 20 + zeros, tail)
    return hour * 3600 + minute * 60 + second, good, tail


def _instants(text: _Reader, zone: Zone | None) -> tuple[Ints, States]:
    days, good, year = _day(text)
    clock, good_clock, tail = _clock(text)
    good &= good_clock
    local = np.where(good, days * 86_400 + clock, 0)
    rest = text.length - tail
    mark = text.char(tail)
    zulu = good & (rest == 1) & (mark == 90)
    offset, has_offset, plain = _offset(text, tail, rest, mark)
    bare = good & (rest == 0)
    state = np.where(zulu | bare | (good & has_offset), OK, PATTERN).astype(np.int8)
    state[good & has_offset & ~plain] = OFFSET
    state[(state == OK) & (year < _FIRST_YEAR)] = PAST
    state[(state == OK) & (year > _LAST_YEAR)] = FUTURE
    value = np.where(state == OK, local - np.where(has_offset, offset, 0), 0)
    if zone is None:
        state[(state == OK) & bare] = NO_ZONE
        return value, state
    here = np.flatnonzero((state == OK) & bare)
    if here.size:
        value[here], kind = zone.to_utc(local[here])
        state[here[kind == periods.NONEXISTENT]] = NONEXISTENT
        state[here[kind == periods.AMBIGUOUS]] = AMBIGUOUS
    there = np.flatnonzero((state == OK) & has_offset & (offset != 0))
    if there.size:
        state[there[zone.offset(value[there]) != offset[there]]] = OFFSET
    return value, state


def _offset(text: _Reader, tail: Ints, rest: Ints, mark: Bytes) -> tuple[Ints, Bools, Bools]:
    """Seconds east, whether an offset stands there, and whether one like it exists on Earth."""
    hours, good = text.two(tail + 1)
    minutes, good2 = text.two(tail + 4)
    sign = np.where(mark == 45, -1, 1)
    has = (rest == 6) & ((mark == 43) | (mark == 45)) & good & good2 & (text.char(tail + 3) == 58)
    seconds = np.where(has, hours * 3600 + minutes * 60, 0)
    plain = (minutes < 60) & (seconds <= _WIDEST_OFFSET) & (seconds % 900 == 0)
    # RFC 3339 keeps -00:00 for "the local offset is unknown".
    plain &= ~((seconds == 0) & (sign == -1))
    return sign * seconds, has, plain
