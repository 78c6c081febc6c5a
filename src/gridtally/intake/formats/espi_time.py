"""Step 2: ESPI's local time parameters: an offset and two rules for summer time.

A rule is 32 bits: seconds 0-11, hour 12-16, weekday 17-19 (Monday 1), day 20-24, operator 25-27,
month 28-31. Readings are in UTC; the rules are only compared with the declared zone.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

__all__ = ["offsets"]

Ints = npt.NDArray[np.int64]
_RULE = re.compile(r"[0-9A-Fa-f]{8}\Z")
_SECONDS = re.compile(r"[-+]?[0-9]{1,6}\Z")
_OFF = 0xFFFFFFFF
_DAY_OF_MONTH, _ON_OR_AFTER, _LAST = 0, 1, 7


def offsets(fields: Mapping[str, str], utc: Ints) -> Ints:
    """Seconds east of UTC at each instant, by the parameters. Raises `ValueError` if they are none.

    The clock changes at a rule's time as the clock shows it then: summer time ends in summer time.
    """
    standard, extra = (_seconds(fields.get(name, "0")) for name in ("tzOffset", "dstOffset"))
    rules = [_rule(fields.get(name, "FFFFFFFF")) for name in ("dstStartRule", "dstEndRule")]
    if not extra or _OFF in rules or not len(utc):
        return np.full(len(utc), standard, np.int64)
    first, last = (datetime.fromtimestamp(int(at), UTC).year for at in (utc.min(), utc.max()))
    changes: list[tuple[int, int]] = []
    for year in range(first - 1, last + 2):
        changes.append((_instant(rules[0], year) - standard, standard + extra))
        changes.append((_instant(rules[1], year) - standard - extra, standard))
    changes.sort()
    at = np.array([change for change, _ in changes], np.int64)
    after = np.array([offset for _, offset in changes], np.int64)
    return after[np.searchsorted(at, utc, side="right") - 1]


def _seconds(text: str) -> int:
    if not _SECONDS.match(text):
        raise ValueError(f"{text[:40]!r} is no number of seconds")
    return int(text)


def _rule(text: str) -> int:
    if not _RULE.match(text):
        raise ValueError(f"{text[:40]!r} is no rule of 8 hexadecimal digits")
    return int(text, 16)


def _instant(rule: int, year: int) -> int:
    """When a rule applies in a year, as the clock shows it [s, as if it were UTC]."""
    seconds, hour = rule & 0xFFF, rule >> 12 & 0x1F
    weekday, day = rule >> 17 & 7, rule >> 20 & 0x1F
    operator, month = rule >> 25 & 7, rule >> 28 & 0xF
    if not 1 <= month <= 12 or (operator != _DAY_OF_MONTH and not weekday):
        raise ValueError(f"rule {rule:08X} names no day")
    longest = calendar.monthrange(year, month)[1]
    if operator in (_DAY_OF_MONTH, _ON_OR_AFTER):
        if not 1 <= day <= longest:
            raise ValueError(f"rule {rule:08X} names no day")
        found = date(year, month, day)
        if operator == _ON_OR_AFTER:
            found += timedelta((weekday - 1 - found.weekday()) % 7)
    elif operator == _LAST:
        found = date(year, month, longest)
        found -= timedelta((found.weekday() - weekday + 1) % 7)
    else:
        first = date(year, month, 1)
        found = first + timedelta((weekday - 1 - first.weekday()) % 7 + 7 * (operator - 2))
    midnight = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return int(midnight.timestamp()) + hour * 3600 + seconds
