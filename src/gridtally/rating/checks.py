"""Before step 6: what the parts of a tariff document say together and must not.

References between components, calendars that price every hour once, holidays, validity, zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.money import minor_digits
from gridtally.rating.calendars import DAY_TYPES, Rule
from gridtally.rating.calendars import Calendar as Resolved
from gridtally.rating.charges import Charge, OnLines, Priced, StepTable, Tiered
from gridtally.rating.document import Calendar, Header
from gridtally.rating.values import Problem

__all__ = [
    "coverage_problems", "header_problems", "months_text", "names_holiday", "order",
    "reference_problems", "resolve",
]  # fmt: skip

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August",
           "September", "October", "November", "December")  # fmt: skip
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
        )
        for rule in calendar.rules
        if not rule.otherwise
    ]
    otherwise = next((rule.otherwise for rule in calendar.rules if rule.otherwise), None)
    dates = frozenset(holidays) if names_holiday(calendar) else None
    return Resolved.of(name, rules, otherwise, dates)


def names_holiday(calendar: Calendar) -> bool:
    """Whether a rule of the calendar names the day type `holiday`."""
    return any("holiday" in (rule.days or ()) for rule in calendar.rules)


def _days(names: Sequence[str] | None) -> tuple[int, ...]:
    groups = {"weekday": range(5), "weekend": range(5, 7)}
    if names is None:
        return tuple(range(8))
    found = {i for name in names for i in groups.get(name, [])}
    return tuple(sorted(found | {DAY_TYPES.index(name) for name in names if name in DAY_TYPES}))


# ---------------------------------------------------------------- references


def reference_problems(
    raw: Mapping[str, Any], calendars: Mapping[str, Calendar], charges: Mapping[int, Charge]
) -> list[Problem]:
    """Names that lead nowhere, or in a circle; buckets without a price.

    `raw` is the document before validation: what is refused for another reason still has its name.
    """
    return [
        *_duplicates(raw),
        *_buckets(raw, calendars, charges),
        *_circles(charges),
        *_targets(raw),
    ]


def _ids(raw: Mapping[str, Any]) -> list[str]:
    parts = raw.get("components")
    parts = parts if isinstance(parts, list) else []
    return [str(part.get("id", "")) if isinstance(part, dict) else "" for part in parts]


def _sets(raw: Mapping[str, Any]) -> list[str]:
    """Names of the sets that components are in."""
    found: dict[str, None] = {}
    parts = raw.get("components")
    for part in parts if isinstance(parts, list) else ():
        sets = part.get("sets") if isinstance(part, dict) else None
        found |= dict.fromkeys(
            s for s in (sets if isinstance(sets, list) else ()) if isinstance(s, str)
        )
    return list(found)


def _duplicates(raw: Mapping[str, Any]) -> Iterator[Problem]:
    ids = _ids(raw)
    for i, name in enumerate(ids):
        if name and name in ids[:i]:
            message = f"There are two components with the id {name!r}."
            yield Problem("rating.document.value", f"components[{i}].id", message)


def _targets(raw: Mapping[str, Any]) -> Iterator[Problem]:
    ids, sets = _ids(raw), _sets(raw)
    for i, part in enumerate(raw["components"] if ids else ()):
        of = part.get("of") if isinstance(part, dict) else None
        of = of if isinstance(of, list) else []
        for j, name in enumerate(of):
            path = f"components[{i}].of[{j}]"
            if isinstance(name, str) and name.startswith("@"):
                if name[1:] not in sets:
                    known = f"Sets are {', '.join(sets)}." if sets else ""
                    message = f"No component is in the set {name[1:64]!r}."
                    yield Problem("rating.document.reference", path, message, known)
            elif isinstance(name, str) and name not in ids:
                known = f"Components are {', '.join(filter(None, ids))}."
                message = f"There is no component {name[:64]!r}."
                yield Problem("rating.document.reference", path, message, known)
            elif name in of[:j]:
                message = f"{name!r} is named twice: its lines would count twice."
                yield Problem("rating.document.reference", path, message)


def _buckets(
    raw: Mapping[str, Any], calendars: Mapping[str, Calendar], charges: Mapping[int, Charge]
) -> Iterator[Problem]:
    written = raw.get("calendars")
    for i, charge in charges.items():
        if not isinstance(charge, Priced) or charge.calendar is None:
            continue
        path = f"components[{i}]"
        if charge.calendar not in (written if isinstance(written, dict) else ()):
            message = f"There is no calendar {charge.calendar!r}."
            remedy = f"Add [calendars.{charge.calendar}] with its rules."
            yield Problem("rating.document.reference", f"{path}.calendar", message, remedy)
        if charge.calendar not in calendars:
            continue
        rules = calendars[charge.calendar].rules
        buckets = dict.fromkeys(rule.bucket or rule.otherwise for rule in rules)
        for where, _, prices in charge.priced():
            for bucket in buckets.keys() - (prices or {}).keys():
                message = f"The bucket {bucket!r} has no price."
                remedy = "A price of zero is written as 0; a missing one is never read as zero."
                code = "rating.document.price"
                yield Problem(code, f"{path}.{where}prices.{bucket}", message, remedy)
            for bucket in (prices or {}).keys() - buckets.keys():
                message = f"The calendar {charge.calendar!r} has no bucket {bucket!r}."
                code = "rating.document.reference"
                yield Problem(code, f"{path}.{where}prices.{bucket}", message)


def _circles(charges: Mapping[int, Charge]) -> Iterator[Problem]:
    """Components that are computed from themselves, by way of others (T11)."""
    every = tuple(charges.values())
    named = {c.id: _members(c.of, every) for c in every if isinstance(c, OnLines)}
    reported: set[str] = set()
    for i, charge in charges.items():
        if charge.id in reported or charge.id not in named:
            continue
        way = _way_back(charge.id, named)
        if way:
            reported.update(way)
            circle = " -> ".join((*way, charge.id))
            remedy = "Let one of them leave the other out of `of`."
            message = f"These components are computed from each other: {circle}."
            yield Problem("rating.document.circle", f"components[{i}].of", message, remedy)


def _way_back(start: str, named: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The shortest way from a component back to itself; empty when there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in ways:
        for name in named.get(way[-1], ()):
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def expanded(charge: Charge, charges: Sequence[Charge]) -> Charge:
    """A component whose `of` lists ids only: each @set stands for its components, in order."""
    if not isinstance(charge, OnLines):
        return charge
    return charge.model_copy(update={"of": _members(charge.of, charges)})


def _members(of: Sequence[str], charges: Iterable[Charge]) -> tuple[str, ...]:
    """Ids that a list of ids and @sets stands for."""
    sets: dict[str, list[str]] = {}
    for charge in charges:
        for name in charge.sets:
            sets.setdefault(f"@{name}", []).append(charge.id)
    return tuple(name for item in of for name in sets.get(item, [item]))


def order(charges: Sequence[Charge]) -> tuple[int, ...]:
    """Positions in which components are computed: after those that they name."""
    at = {charge.id: i for i, charge in enumerate(charges)}
    done: dict[int, None] = {}

    def visit(i: int) -> None:
        charge = charges[i]
        for name in _needs(charge):
            if at[name] not in done:
                visit(at[name])
        done[i] = None

    for i in range(len(charges)):
        if i not in done:
            visit(i)
    return tuple(done)


def _needs(charge: Charge) -> tuple[str, ...]:
    """Components that are computed before one."""
    demand = charge.demand if isinstance(charge, Tiered | StepTable) else None
    return (*(charge.of if isinstance(charge, OnLines) else ()), *((demand,) if demand else ()))


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
        found.append(Problem("rating.document.rounding", "rounding.total.places", message))
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
    _, cover = resolve(name, calendar)
    for wrong, what in ((cover == 0, "by no rule"), (cover > 1, "by more than one rule")):
        for shown, (months, days, hours) in enumerate(_holes(wrong)):
            path = f"calendars.{name}.rules"
            if shown == _LISTED:
                yield Problem("rating.document.hours", path, "And more of this kind.")
                break
            message = f"{months_text(months)}, {_days_text(days)}, {hours} is covered {what}."
            remedy = "A rule `otherwise` covers what is left." if what == "by no rule" else ""
            yield Problem("rating.document.hours", path, message, remedy)


def _holes(wrong: npt.NDArray[np.bool_]) -> list[tuple[list[int], list[int], str]]:
    """Where a table (months, day types, minutes) is true, in few words."""
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


def months_text(months: Sequence[int]) -> str:
    """`January, March to May` of indices 0, 2, 3, 4."""
    return "Every month" if len(months) == 12 else _ranges(months, _MONTHS)


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
