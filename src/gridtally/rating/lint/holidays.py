"""Before step 6: the holidays of a tariff document beside those that a library knows.

A bill must be computable for ever, so that both raters use the listed `dates` alone; the library
(`holidays`, MIT) only says what may have been forgotten.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from gridtally.errors import UsageError
from gridtally.rating.charges import Document
from gridtally.rating.document.checks import names_holiday
from gridtally.rating.document.values import Problem
from gridtally.rating.lint.notes import note

__all__ = ["block", "holiday_notes", "known"]

_LISTED = 8


def holiday_notes(document: Document) -> Iterator[Problem]:
    """Days that the list lacks or has beyond the library, and lists that end before the version."""
    listed = document.holidays
    if listed is None or not any(map(names_holiday, document.calendars.values())):
        return
    years, last = sorted(set(listed.years)), document.valid_to
    if last is None:
        message = f"The holidays are listed until {years[-1]}: bills of later days are held."
        remedy = "Add years to a next version in time."
        yield note("holidays.years", message, remedy)
    odd = sorted(day for day in listed.dates if day.year not in years)
    if odd:
        remedy = "Add the year, and all its holidays; or take the days away."
        yield note("holidays.dates", f"{_days(odd)}: not in one of `years`.", remedy)
    if listed.library is None:
        return
    try:
        days = known(listed.library, years)
    except UsageError as err:
        yield note("holidays.library", err.message, err.remedy)
        return
    wanted = ({*days} | {*listed.add}) - {*listed.remove}
    for what, found, key in (
        ("lacks", wanted - {*listed.dates}, "remove"),
        ("has, beyond the library and `add`,", {*listed.dates} - wanted, "add"),
    ):
        if found:
            named = _days(sorted(found), days)
            message = f"Against {listed.library} the list {what} {named}."
            yield note("holidays.dates", message, f"Correct the dates, or name them in `{key}`.")
    for key in ("add", "remove"):
        given = {*getattr(listed, key)}
        vain = given & {*days} if key == "add" else given - {*days}
        if vain:
            message = (
                f"{_days(sorted(vain))}: {listed.library} {'has' if key == 'add' else 'lacks'} "
            )
            yield note(f"holidays.{key}", f"{message}them anyway.", "Leave them out.")


def _days(found: Sequence[date], names: dict[date, str] | None = None) -> str:
    texts = [f"{day} ({names[day]})" if names and day in names else str(day) for day in found]
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def known(place: str, years: Sequence[int]) -> dict[date, str]:
    """date -> name of the public holidays of `PT` or `ES-MD`, as the library knows them.

    Raises `UsageError` for a country or subdivision that it does not know.
    """
    import holidays as library  # slow to import, and needed by nobody who bills

    country, _, part = place.partition("-")
    places: dict[str, Any] = library.list_supported_countries(include_aliases=False)
    if country not in places:
        near = difflib.get_close_matches(country, places, n=3)
        raise UsageError(
            f"The library knows no holidays of {country[:40]!r}.",
            remedy="Write ISO 3166 codes, such as PT or ES-MD."
            + (f" Near: {', '.join(near)}." if near else ""),
        )
    if part and part not in places[country]:
        raise UsageError(
            f"The library knows no part {part[:40]!r} of {country}.",
            remedy=f"It knows {', '.join(sorted(places[country])) or 'none'}.",
        )
    found = library.country_holidays(country, subdiv=part or None, years=sorted(set(years)))
    return {day: name for day, name in sorted(found.items()) if day.year in years}


def block(place: str, years: Sequence[int]) -> str:
    """The `[holidays]` of a document, ready to paste."""
    from importlib.metadata import version

    days = known(place, years)
    lines = "".join(f"    {day},  # {name}\n" for day, name in days.items())
    listed = ", ".join(map(str, sorted(set(years))))
    return (
        "[holidays]\n"
        f'source = "FILL IN: the act that says so (dates by the library holidays '
        f'{version("holidays")})"\n'
        f'library = "{place}"\n'
        f"years = [{listed}]\n"
        f"dates = [\n{lines}]\n"
    )
