"""Step 2: instants of P1 telegrams, `YYMMDDhhmmss` with S (summer time) or W, in whole columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridtally import periods
from gridtally.intake import times
from gridtally.intake.text import packed
from gridtally.intake.times import Times, civil_days
from gridtally.periods import Zone

__all__ = ["instants"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_LENGTH = 13
_SUMMER, _WINTER = ord("S"), ord("W")
_DAY = 86_400
_SEASONS = tuple(days * _DAY for days in (-182, -91, 91, 182))
"""One of these days away it is winter, whenever and wherever there is summer time."""


def instants(data: Bytes, starts: Ints, ends: Ints, *, zone: Zone) -> Times:
    """UTC seconds of the texts, and the state of each as in `times`. Shape (n,).

    The letter tells the two passes of a repeated hour apart, and must be that of the day.
    """
    length = ends - starts
    chars = packed(data, starts, length, 2).view(np.uint8).reshape(2, -1, 8)
    digit = [chars[at // 8, :, at % 8].astype(np.int64) - 48 for at in range(_LENGTH - 1)]
    letter = chars[1, :, 4]
    good = (length == _LENGTH) & ((letter == _SUMMER) | (letter == _WINTER))
    for one in digit:
        good &= (one >= 0) & (one <= 9)
    year, month, day, hour, minute, second = (
        digit[at] * 10 + digit[at + 1] for at in range(0, _LENGTH - 1, 2)
    )
    days, exists = civil_days(year + 2000, month, day)
    good &= exists & (hour < 24) & (minute < 60) & (second < 60)
    local = np.where(good, days * _DAY + hour * 3600 + minute * 60 + second, 0)
    value, kind = zone.to_utc(local)
    later = (kind == periods.AMBIGUOUS) & (letter == _WINTER)
    value = np.where(later, local - zone.offset(local + _DAY), value)
    usual = np.min([zone.offset(value + away) for away in _SEASONS], axis=0)
    is_summer = zone.offset(value) > usual
    state = np.where(is_summer == (letter == _SUMMER), times.OK, times.OFFSET)
    state = np.where(kind == periods.NONEXISTENT, times.NONEXISTENT, state)
    return Times(value, np.where(good, state, times.PATTERN).astype(np.int8))
