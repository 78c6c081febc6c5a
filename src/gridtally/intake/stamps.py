"""Step 2: dates and times in a sender's own pattern, such as `DD.MM.YYYY hh:mm`, become instants.

The pattern is a sequence of fields and marks, and each text must fit it to the last character:
nothing is skipped, tried or guessed, and no text can make it search.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally import periods
from gridtally.intake import times
from gridtally.intake.times import Times, civil_days
from gridtally.periods import Zone

__all__ = [
    "FIRST", "SECOND", "Fields", "Pattern", "compiled", "first_of_day", "later", "local_times",
    "read_fields", "resolved",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FIRST, SECOND = 1, 2
"""Which of the two hours a mark names, when the clocks go back."""

_FIELDS = {
    "YYYY": "year", "YY": "year", "MM": "month", "M": "month", "DD": "day", "D": "day",
    "hh": "hour", "h": "hour", "mm": "minute", "ss": "second", "AM": "half", "ZZ": "offset",
    "N": "ordinal", "F": "fold",
}  # fmt: skip
_OPEN = {"M": 2, "D": 2, "h": 2, "N": 4}
"""Fields that are written without leading zero, and how many digits they have at most."""
_TOKEN = re.compile(r"YYYY|YY|MM?|DD?|hh?|mm|ss|AM|ZZ|N|F|'([^']*)'|(T|[^A-Za-z'])")
_LONGEST = 64
_DAY = 86_400
_WIDEST_OFFSET = 14 * 3600
_LAST_YEAR, _FIRST_YEAR = 2059, 1990


@dataclass(frozen=True, slots=True)
class Pattern:
    """Fields by their sign (`YYYY`, `M` …), and marks as the bytes that must stand there."""

    text: str
    tokens: tuple[str | bytes, ...]

    @property
    def open_fold(self) -> bool:
        """The mark of the hour stands behind digits of which nobody knows how many there are."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return any(first in _OPEN and second == "F" for first, second in pairs)

    @property
    def names(self) -> set[str]:
        """What it tells: year, month, day, hour, minute, second, half, offset, ordinal, fold."""
        return {_FIELDS[token] for token in self.tokens if isinstance(token, str)}


def compiled(text: object) -> Pattern:
    """The pattern that a text spells. Raises `ValueError` with the reason."""
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST:
        raise ValueError(f"must be a pattern of 1 to {_LONGEST} characters")
    tokens: list[str | bytes] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(
                f"has {text[at]!r}, which is no field (YYYY MM DD hh mm ss …); letters that stand "
                "for themselves are written in '…'"
            )
        mark = found[1] if found[1] is not None else found[2]
        tokens.append(found[0] if mark is None else mark.encode())
        at = found.end()
    fields = [_FIELDS[token] for token in tokens if isinstance(token, str)]
    if len(set(fields)) < len(fields):
        raise ValueError("has a field twice")
    if not fields:
        raise ValueError("has no field such as YYYY or hh")
    for token, after in zip(tokens, [*tokens[1:], b""], strict=True):
        runs_on = isinstance(after, str) and after != "F"
        if token in _OPEN and (runs_on or (isinstance(after, bytes) and after[:1].isdigit())):
            raise ValueError(f"cannot tell where {token} ends; put a mark after it, or double it")
    return Pattern(text, tuple(tokens))


@dataclass(frozen=True, slots=True)
class Fields:
    """What texts say, field by field, shape (n,); `good`: the text fits the pattern."""

    good: Bools
    value: dict[str, Ints]


class _Cursor:
    """A place in each of many texts, moved on field by field."""

    def __init__(self, data: Bytes, starts: Ints, ends: Ints) -> None:
        self.data, self.at, self.ends = data, starts.copy(), ends
        self.good = np.ones(len(starts), bool)

    def here(self, ahead: int = 0) -> Bytes:
        """The characters at these places; 0 behind a text's end."""
        place = self.at + ahead
        char: Bytes = self.data[np.minimum(place, len(self.data) - 1)]
        return np.where(place < self.ends, char, np.uint8(0))

    def digits(self, count: int) -> Ints:
        """A number of so many digits."""
        value = np.zeros(len(self.at), np.int64)
        for ahead in range(count):
            digit = self.here(ahead) - np.uint8(48)
            self.good &= digit < 10
            value = value * 10 + np.minimum(digit, 9)
        self.at += count
        return value

    def number(self, most: int) -> Ints:
        """A number without leading zero of at most so many digits."""
        value, running = np.zeros(len(self.at), np.int64), np.ones(len(self.at), bool)
        led = self.here() == 48
        length = np.zeros(len(self.at), np.int64)
        for ahead in range(most):
            digit = self.here(ahead) - np.uint8(48)
            running &= digit < 10
            value = np.where(running, value * 10 + digit, value)
            length += running
        self.good &= (length > 0) & ~(led & (length > 1))
        self.at += length
        return value

    def mark(self, mark: bytes) -> None:
        """Characters that must stand here."""
        self.good &= self.follows(mark)
        self.at += len(mark)

    def follows(self, mark: bytes) -> Bools:
        """Where these characters come next."""
        same = np.ones(len(self.at), bool)
        for ahead, char in enumerate(mark):
            same &= self.here(ahead) == char
        return same

    def one_of(self, marks: Sequence[bytes]) -> Ints:
        """Which of the marks (from 1) comes next, 0 for none of them; an empty one is none."""
        which = np.zeros(len(self.at), np.int64)
        for number, mark in sorted(enumerate(marks, 1), key=lambda pair: -len(pair[1])):
            if mark:
                which = np.where((which == 0) & self.follows(mark), number, which)
        lengths = np.array([0, *map(len, marks)], dtype=np.int64)
        self.at += lengths[which]
        return which

    def offset(self) -> Ints:
        """Z, +hh, +hhmm or +hh:mm as seconds."""
        digit = [self.here(ahead) - np.uint8(48) for ahead in range(6)]
        is_digit = [one < 10 for one in digit]
        zulu, minus = self.follows(b"Z"), self.here() == 45
        colon = (self.here(3) == 58) & is_digit[4] & is_digit[5]
        compact = is_digit[3] & is_digit[4] & ~colon
        signed = ((self.here() == 43) | minus) & is_digit[1] & is_digit[2]
        number = [one.astype(np.int64) for one in digit]
        hours = number[1] * 10 + number[2]
        minutes = np.where(colon, number[4] * 10 + number[5], number[3] * 10 + number[4])
        minutes = np.where(colon | compact, minutes, 0)
        seconds = hours * 3600 + minutes * 60
        self.good &= zulu | (signed & (seconds <= _WIDEST_OFFSET) & (minutes < 60))
        self.at += np.where(zulu, 1, np.where(colon, 6, np.where(compact, 5, 3)))
        return np.where(zulu, 0, np.where(minus, -seconds, seconds))


def read_fields(
    data: Bytes, starts: Ints, ends: Ints, pattern: Pattern, marks: Sequence[bytes]
) -> Fields:
    """The fields of the texts `data[start:end]`; `marks`: those of the repeated hour."""
    cursor = _Cursor(data, starts, ends)
    value: dict[str, Ints] = {}
    for sign in pattern.tokens:
        if isinstance(sign, bytes):
            cursor.mark(sign)
        elif sign in _OPEN:
            value[_FIELDS[sign]] = cursor.number(_OPEN[sign])
        elif sign == "AM":
            value["half"] = cursor.one_of((b"AM", b"PM"))
            cursor.good &= value["half"] > 0
        elif sign == "F":
            value["fold"] = cursor.one_of(marks)
        elif sign == "ZZ":
            value["offset"] = cursor.offset()
        else:
            value[_FIELDS[sign]] = cursor.digits(len(sign)) + (2000 if sign == "YY" else 0)
    return Fields(cursor.good & (cursor.at == ends), value)


def local_times(fields: Sequence[Fields], *, hour_24: bool) -> tuple[Ints, npt.NDArray[np.int8]]:
    """Wall-clock seconds (as if they were UTC) of the fields of one or more columns, and states."""
    value = {name: part for one in fields for name, part in one.value.items()}
    good = np.logical_and.reduce([one.good for one in fields])
    rows = len(good)

    def of(name: str, blank: int = 0) -> Ints:
        return np.where(good, value[name], blank) if name in value else np.full(rows, blank)

    year, month, day = of("year", 1970), of("month", 1), of("day", 1)
    days, exists = civil_days(year, month, day)
    hour, minute, second, half = of("hour"), of("minute"), of("second"), of("half")
    good &= exists & (minute < 60) & (second < 60)
    if "half" in value:
        good &= (hour >= 1) & (hour <= 12)
        hour = hour % 12 + np.where(half == 2, 12, 0)
    midnight = hour_24 & (hour == 24) & (minute == 0) & (second == 0)
    good &= (hour < 24) | midnight
    local = np.where(good, days * _DAY + hour * 3600 + minute * 60 + second, 0)
    state = np.where(good, times.OK, times.PATTERN)
    state = np.where(good & (year < _FIRST_YEAR), times.PAST, state)
    state = np.where(good & (year > _LAST_YEAR), times.FUTURE, state).astype(np.int8)
    return local, state


def resolved(
    local: Ints,
    state: npt.NDArray[np.int8],
    *,
    zone: Zone | None,
    offset: Ints | None,
    fold: Ints | None,
    dates: bool = False,
) -> Times:
    """Instants of wall-clock times, and states; the first of two where that stays ambiguous.

    `offset` [s]: what the texts say, which must be in force in a declared zone, or be zero.
    `fold`: FIRST or SECOND where a mark tells the two hours apart, else 0; a mark at another hour
    fits no pattern. `dates`: the texts are days, which begin at their first instant.
    """
    state = state.copy()
    if offset is not None:
        value = np.where(state == times.OK, local - offset, 0)
        if zone is not None:
            there = np.flatnonzero((state == times.OK) & (offset != 0))
            wrong = there[zone.offset(value[there]) != offset[there]]
            state[wrong] = times.OFFSET
        return Times(value, state)
    if zone is None:
        return Times(local, np.where(state == times.OK, times.NO_ZONE, state).astype(np.int8))
    here = state == times.OK
    if dates:
        return Times(np.where(here, first_of_day(local, zone), 0), state)
    value, kind = zone.to_utc(local)
    twice = here & (kind == periods.AMBIGUOUS)
    state[here & (kind == periods.NONEXISTENT)] = times.NONEXISTENT
    state[twice] = times.AMBIGUOUS
    if fold is not None:
        state[twice & (fold > 0)] = times.OK
        state[here & ~twice & (fold > 0)] = times.PATTERN
        value = np.where(twice & (fold == SECOND), later(local, zone), value)
    return Times(np.where(here, value, 0), state)


def first_of_day(local: Ints, zone: Zone) -> Ints:
    """The first instants of days: the first midnight of two, and where there is none, the jump."""
    value, kind = zone.to_utc(local)
    return np.where(kind == periods.NONEXISTENT, local - zone.offset(local - _DAY), value)


def later(local: Ints, zone: Zone) -> Ints:
    """The second of the two instants that a repeated wall-clock time is."""
    second: Ints = local - zone.offset(local + _DAY)
    return second
