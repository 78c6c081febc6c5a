"""Before step 6: what the parts of a tariff document say together and must not.

Calendars that price every hour once, holidays, validity. Names are in `references.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from gridtally.money import minor_digits
from gridtally.rating.calendars import DAY_TYPES, Rule, Stretch
from gridtally.rating.calendars import Calendar as Resolved
from gridtally.rating.document.models import Calendar, Header
from gridtally.rating.document.values import Problem
from gridtally.rating.hours import MONTHS

__all__ = [
    "coverage_problems", "header_problems", "hours_told", "months_text", "names_holiday", "resolve",
]  # fmt: skip

_LAST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_COVERED = {
    "by no rule": "A rule `otherwise` covers what is left.",
    "by more than one rule": "Leave these hours to one of the rules.",
}
_LISTED = 12
"""Holes of one calendar that are named one by one."""


def resolve(
    name: str, calendar: Calendar, holidays: Iterable[date] = ()
) -> tuple[Resolved, npt.NDArray[np.int16]]:
    """A calendar as its table, and how many rules cover each minute of it."""
    rules = [
        Rule(
            bucket=rule.bucket or "",
            months=tuple(sorted({month - 1 for month in rule.months})),
            days=_days(rule.days),
            hours=tuple(rule.minutes(text) for text in rule.hours),
            seasons=rule.seasons or (),
            event=rule.event,
        )
        for rule in calendar.rules
        if not rule.otherwise
    ]
    otherwise = next((rule.otherwise for rule in calendar.rules if rule.otherwise), None)
    dates = frozenset(holidays) if names_holiday(calendar) else None
    standard = calendar.clock == "standard"
    return Resolved.of(name, rules, otherwise, dates, standard=standard)


def names_holiday(calendar: Calendar) -> bool:
    """Whether a rule of the calendar names the day type `holiday`."""
    return any("holiday" in (rule.days or ()) for rule in calendar.rules)


def _days(names: Sequence[str] | None) -> tuple[int, ...]:
    groups = {"weekday": range(5), "weekend": range(5, 7)}
    if names is None:
        return tuple(range(8))
    found = {i for name in names for i in groups.get(name, [])}
    return tuple(sorted(found | {DAY_TYPES.index(name) for name in names if name in DAY_TYPES}))


# ------------------------------------------------------- calendars and dates


def header_problems(header: Header, calendars: Mapping[str, Calendar]) -> list[Problem]:
    """Validity, decimals of the currency, holidays."""
    found = []
    if header.valid_to is not None and header.valid_to <= header.valid_from:
        message = f"The version ends on {header.valid_to}, before it begins."
        remedy = "`valid_to` is the day after the last; leave it out for an open end."
        found.append(Problem("rating.document.validity", "valid_to", message, remedy))
    digits = minor_digits(header.currency)
    if header.rounding.total.places > digits:
        message = f"{header.currency} has {digits} decimals; a total cannot have more."
        remedy = f"Write {digits}, or less."
        found.append(Problem("rating.document.rounding", "rounding.total.places", message, remedy))
    for name, calendar in calendars.items():
        found += _holidays(name, calendar, header)
    return found


def coverage_problems(calendars: Mapping[str, Calendar]) -> list[Problem]:
    """Each hour of each calendar covered once."""
    return [
        problem for name, calendar in calendars.items() for problem in _coverage(name, calendar)
    ]


def _holidays(name: str, calendar: Calendar, header: Header) -> Iterator[Problem]:
    """The list of holidays is there for every year that the version reaches (T04)."""
    code, path = "rating.document.holidays", "holidays.years"
    if not names_holiday(calendar):
        return
    if header.holidays is None:
        message = f"The calendar {name!r} uses the day type `holiday`, but no dates are listed."
        yield Problem(code, "holidays", message, "Add [holidays] with source, years and dates.")
        return
    years = set(header.holidays.years)
    last = header.valid_to.toordinal() - 1 if header.valid_to else None
    until = date.fromordinal(last).year if last else max(years)
    for year in range(header.valid_from.year, until + 1):
        if year not in years:
            message = f"The holidays of {year} are not listed, but the version reaches that year."
            yield Problem(code, path, message, "List them and add the year, or end the version.")


def _coverage(name: str, calendar: Calendar) -> Iterator[Problem]:
    """Each minute of each month and day type is covered exactly once (T02, T03)."""
    resolved, cover = resolve(name, calendar)
    for wrong, what in ((cover == 0, "by no rule"), (cover > 1, "by more than one rule")):
        for shown, (rows, days, hours) in enumerate(_holes(wrong)):
            path = f"calendars.{name}.rules"
            if shown == _LISTED:
                remedy = "Correct these first."
                yield Problem("rating.document.hours", path, "And more of this kind.", remedy)
                break
            when = _stretches_text([resolved.stretches[i] for i in rows])
            message = f"{when}, {_days_text(days)}, {hours} is covered {what}."
            remedy = _COVERED[what]
            yield Problem("rating.document.hours", path, message, remedy)


def _holes(wrong: npt.NDArray[np.bool_]) -> list[tuple[list[int], list[int], str]]:
    """Where a table (stretches, day types, minutes) is true: rows, day types, hours."""
    found: dict[tuple[int, int], dict[int, list[int]]] = {}
    for month, day in np.argwhere(wrong.any(axis=2)).tolist():
        row = np.r_[False, wrong[month, day], False]
        edges = np.flatnonzero(row[1:] != row[:-1]).tolist()
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            found.setdefault((start, end), {}).setdefault(month, []).append(day)
    holes: dict[tuple[tuple[int, ...], str], list[int]] = {}
    for (start, end), by_month in found.items():
        hours = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
        for month, days in by_month.items():
            holes.setdefault((tuple(days), hours), []).append(month)
    return sorted((months, list(days), hours) for (days, hours), months in holes.items())


def hours_told(where: npt.NDArray[np.bool_]) -> list[str]:
    """`June to August, mon to fri, 08:00-20:00` of a table (12 months, 8 day types, 1440)."""
    return [
        f"{months_text(rows)}, {_days_text(days)}, {hours}" for rows, days, hours in _holes(where)
    ]


def months_text(months: Sequence[int]) -> str:
    """`January, March to May` of indices 0, 2, 3, 4."""
    return "Every month" if len(months) == 12 else _ranges(months, MONTHS)


def _stretches_text(stretches: Sequence[Stretch]) -> str:
    """Whole months by name, other days as `06-15 to 08-31`."""
    by_month: dict[int, list[Stretch]] = {}
    for part in stretches:
        by_month.setdefault(part.month, []).append(part)
    days = {
        month: sum(min(part.last, _LAST[month]) - part.first + 1 for part in parts)
        for month, parts in by_month.items()
    }
    whole = [month for month, count in days.items() if count == _LAST[month]]
    pieces = [months_text(whole)] if whole else []
    joined: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for part in (p for m, parts in by_month.items() if m not in whole for p in parts):
        first, last = (part.month, part.first), (part.month, min(part.last, _LAST[part.month]))
        if joined and _next(joined[-1][1]) == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return ", ".join([*pieces, *(f"{_day(a)} to {_day(b)}" for a, b in joined)])


def _next(day: tuple[int, int]) -> tuple[int, int]:
    month, number = day
    return (month, number + 1) if number < _LAST[month] else ((month + 1) % 12, 1)


def _day(day: tuple[int, int]) -> str:
    return f"{day[0] + 1:02}-{day[1]:02}"


def _days_text(days: Sequence[int]) -> str:
    return "every day" if len(days) >= 7 else _ranges(days, DAY_TYPES)


def _ranges(found: Sequence[int], names: Sequence[str]) -> str:
    parts: list[list[int]] = []
    for i in found:
        if parts and parts[-1][-1] == i - 1:
            parts[-1].append(i)
        else:
            parts.append([i])
    return ", ".join(
        names[part[0]] + (f" to {names[part[-1]]}" if len(part) > 1 else "") for part in parts
    )
