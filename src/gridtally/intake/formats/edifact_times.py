"""Step 2: dates and instants of EDIFACT (DTM segments), in whole columns.

Formats 303 and 304 state their offset from UTC; 203, 204 and the month 610 are local times of the
declared zone. A date alone (102) is no instant: nothing says where in the day it lies.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtally import periods
from gridtally.intake import times
from gridtally.intake.formats.edifact import Segments, pick
from gridtally.intake.text import packed
from gridtally.intake.times import Times, civil_days
from gridtally.periods import Zone

__all__ = ["instants"]

Ints = npt.NDArray[np.int64]

_FORMATS = {"303": 0, "304": 1, "203": 2, "204": 3, "610": 4}
_DIGITS = np.array([12, 14, 12, 14, 6])
_OFFSET, _LOCAL, _MONTH = (0, 1), (2, 3, 4), 4
_HOURS_MAX = 14


def instants(segments: Segments, rows: Ints, *, zone: Zone | None) -> Times:
    """UTC seconds of DTM segments, and the state of each as in `times`. Shape (n,).

    A month gives the first instant after it. An offset other than zero must be that of `zone`.
    """
    kind = pick(segments, segments.find(rows, 1, 2), _FORMATS)
    starts, ends = segments.span(segments.find(rows, 1, 1))
    length = ends - starts
    words = packed(segments.data, starts, length, 3)
    chars = words.view(np.uint8).reshape(3, -1, 8)
    form = np.maximum(kind, 0)
    need = _DIGITS[form]
    digits = [chars[at // 8, :, at % 8].astype(np.int64) - 48 for at in range(14)]
    good = (kind >= 0) & (length >= need)
    for at, digit in enumerate(digits):
        good &= (at >= need) | ((digit >= 0) & (digit <= 9))

    def part(*at: int) -> Ints:
        value = np.zeros(len(rows), np.int64)
        for place in at:
            value = value * 10 + np.where(place < need, digits[place], 0)
        return value

    year, month = part(0, 1, 2, 3), part(4, 5)
    is_month = form == _MONTH
    good &= (month >= 1) & (month <= 12)
    year, month = year + (is_month & (month == 12)), np.where(is_month, month % 12 + 1, month)
    days, exists = civil_days(year, month, np.where(is_month, 1, part(6, 7)))
    hour, minute, second = part(8, 9), part(10, 11), part(12, 13)
    good &= exists & (hour < 24) & (minute < 60) & (second < 60)
    local = days * 86_400 + hour * 3600 + minute * 60 + second
    offset, fits = _offsets(segments, chars, need, length, np.isin(form, _OFFSET))
    good &= fits
    state = np.where(good, times.OK, times.PATTERN).astype(np.int8)
    value = np.where(good, local - offset, 0)
    return _placed(value, state, offset, np.isin(form, _LOCAL), zone)


def _offsets(
    segments: Segments,
    chars: npt.NDArray[np.uint8],
    need: Ints,
    length: Ints,
    has: npt.NDArray[np.bool_],
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Seconds east of UTC after the digits, and whether the text ends there."""
    row = np.arange(len(need))

    def char(at: Ints) -> Ints:
        near = np.minimum(at, 23)
        found: Ints = chars[near // 8, row, near % 8].astype(np.int64)
        return found

    at = need + (char(need) == segments.release)
    sign, tens, ones = char(at), char(at + 1) - 48, char(at + 2) - 48
    hours = tens * 10 + ones
    plain = ((sign == 43) | (sign == 45)) & (tens >= 0) & (tens <= 1) & (ones >= 0) & (ones <= 9)
    plain &= (hours <= _HOURS_MAX) & (length == at + 3)
    offset = np.where(has & plain, np.where(sign == 45, -hours, hours) * 3600, 0)
    return offset, np.where(has, plain, length == need)


def _placed(
    value: Ints,
    state: npt.NDArray[np.int8],
    offset: Ints,
    local: npt.NDArray[np.bool_],
    zone: Zone | None,
) -> Times:
    """Local times put into the declared zone, and stated offsets compared with it."""
    here = np.flatnonzero((state == times.OK) & local)
    if zone is None:
        state[here] = times.NO_ZONE
        return Times(value, state)
    if here.size:
        value[here], kind = zone.to_utc(value[here])
        state[here[kind == periods.NONEXISTENT]] = times.NONEXISTENT
        state[here[kind == periods.AMBIGUOUS]] = times.AMBIGUOUS
    there = np.flatnonzero((state == times.OK) & (offset != 0))
    if there.size:
        state[there[zone.offset(value[there]) != offset[there]]] = times.OFFSET
    return Times(value, state)
