"""Beside step 6: the hours of a calendar through a year, and sets of hours in words.

A calendar is looked at as a grid: 366 days of a year (29 February is day 59) x 8 day types x 1440
minutes. So hours can be compared and told whatever rules they were written with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gridtally.rating.calendars import HOLIDAY, OUTSIDE, Calendar

__all__ = [
    "DAYS", "MONTHS", "MONTH_OF", "Grid", "Stretch", "between_text", "dates_text", "days_text",
    "grid", "hours", "hours_text", "month_day", "stretches",
]  # fmt: skip

Grid = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]
Ranges = tuple[tuple[int, int], ...]
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August",
          "September", "October", "November", "December")  # fmt: skip
DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays",
        "public holidays")  # fmt: skip
_YEAR = tuple(date(2024, 1, 1) + timedelta(n) for n in range(366))
MONTH_OF = np.array([day.month - 1 for day in _YEAR])
"""The month (0-11) of each of the 366 days."""
_FIRST = tuple(n for n, day in enumerate(_YEAR) if day.day == 1)
_LAST = (*(n - 1 for n in _FIRST[1:]), 365)


def grid(calendar: Calendar | None) -> Grid:
    """The bucket of every minute: shape (366, 8, 1440).

    Rules of events are not in it: nobody knows them beforehand.
    A calendar without holidays has OUTSIDE on that day type: a holiday is its weekday there.
    """
    result = np.zeros((366, 8, 1440), np.int16)
    if calendar is not None:
        result = calendar.table[calendar.row_of]
    if calendar is None or calendar.holidays is None:
        result[:, HOLIDAY] = OUTSIDE
    return result


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours of some days: each of `dates` (0-365) that is one of the types `days`."""

    dates: tuple[int, ...]
    days: tuple[int, ...]
    hours: Ranges
    """Minutes of the day, half-open."""

    def text(self, *, types: int = 8) -> str:
        """`Mondays to Fridays 18:00-20:30 in January to March`, all of `types` being every day."""
        when = [days_text(self.days, types=types), hours_text(self.hours)]
        if len(self.dates) < 366:
            when.append(f"in {dates_text(self.dates)}")
        return " ".join(part for part in when if part)


def stretches(mask: Mask) -> list[Stretch]:
    """The minutes of a mask (366 x 8 x 1440) as few stretches; day types that go together do."""
    by_hours: dict[Ranges, dict[int, list[int]]] = {}
    for day, kind, ranges in _rows(mask):
        by_hours.setdefault(ranges, {}).setdefault(kind, []).append(day)
    found: list[Stretch] = []
    for ranges, kinds in by_hours.items():
        together: dict[tuple[int, ...], list[int]] = {}
        for kind, days in sorted(kinds.items()):
            together.setdefault(tuple(days), []).append(kind)
        found += [Stretch(dates, tuple(days), ranges) for dates, days in together.items()]
    return sorted(found, key=lambda part: (part.days, part.dates, part.hours))


def _rows(mask: Mask) -> Iterator[tuple[int, int, Ranges]]:
    """(day, day type, ranges) of every row that has a minute."""
    seen: dict[bytes, Ranges] = {}
    packed = np.packbits(mask, axis=2)
    for day, kind in np.argwhere(mask.any(axis=2)):
        key = packed[day, kind].tobytes()
        if key not in seen:
            seen[key] = tuple((start, end) for start, end, on in hours(mask[day, kind]) if on)
        yield int(day), int(kind), seen[key]


def hours(row: npt.NDArray[np.generic]) -> list[tuple[int, int, int]]:
    """(start, end, value) of each run of equal values of a day's minutes."""
    edges = [0, *(np.flatnonzero(row[1:] != row[:-1]) + 1).tolist(), len(row)]
    return [(start, end, int(row[start])) for start, end in pairwise(edges)]


def hours_text(ranges: Ranges) -> str:
    """`08:00-10:30 and 18:00-20:30`; nothing for a whole day."""
    if ranges == ((0, 1440),):
        return ""
    return _listed([f"{_clock(start)}\N{EN DASH}{_clock(end)}" for start, end in ranges])


def days_text(days: Sequence[int], *, types: int = 8) -> str:
    """`Mondays to Fridays`; `every day` when there are as many as `types`."""
    if len(days) >= types:
        return "every day"
    # A public holiday is no day of the week, so never the end of `Saturdays to …`.
    runs = [*_runs([day for day in days if day != HOLIDAY]), *[[d] for d in days if d == HOLIDAY]]
    return _listed([name for run in runs for name in _named(run, DAYS)])


def dates_text(dates: Sequence[int]) -> str:
    """`January to March`, or `1 to 15 March` where an edge is not a month's; over the new year."""
    runs = _runs(dates)
    if len(runs) > 1 and runs[0][0] == 0 and runs[-1][-1] == 365:
        runs = [*runs[1:-1], [*runs[-1], *runs[0]]]
    return _listed([_span(run[0], run[-1]) for run in runs])


def month_day(day: int) -> str:
    """`03-15` for one of the 366 days."""
    return f"{_YEAR[day]:%m-%d}"


def between_text(first: str, last: str) -> str:
    """The days from one `03-15` to another, both included, in words."""
    days = [date.fromisoformat(f"2024-{text}").timetuple().tm_yday - 1 for text in (first, last)]
    return _span(*days)


def _span(first: int, last: int) -> str:
    start, end = _YEAR[first], _YEAR[last]
    if first in _FIRST and last in _LAST:
        names = [MONTHS[start.month - 1], MONTHS[end.month - 1]]
        return names[0] if start.month == end.month else " to ".join(names)
    if first == last:
        return f"{start.day} {MONTHS[start.month - 1]}"
    if (start.month, start.year) == (end.month, end.year) and first < last:
        return f"{start.day} to {end.day} {MONTHS[end.month - 1]}"
    return f"{start.day} {MONTHS[start.month - 1]} to {end.day} {MONTHS[end.month - 1]}"


def _runs(found: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for n in found:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs


def _named(run: Sequence[int], names: Sequence[str]) -> list[str]:
    """One name for three or more in a row, else each its own."""
    if len(run) < 3:
        return [names[n] for n in run]
    return [f"{names[run[0]]} to {names[run[-1]]}"]


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
