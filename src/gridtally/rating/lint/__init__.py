"""Before step 6: what is odd about a tariff document that is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gridtally.periods import Period
from gridtally.rating.charges import Charge, Energy, Tiered
from gridtally.rating.document.checks import months_text
from gridtally.rating.document.reader import read
from gridtally.rating.document.values import Problem
from gridtally.rating.lint.effects import without_effect
from gridtally.rating.lint.holidays import holiday_notes
from gridtally.rating.lint.hours import hour_problems
from gridtally.rating.lint.magnitudes import magnitude_notes
from gridtally.rating.shipped import unverified
from gridtally.terms import Severity

__all__ = ["lint"]

_YEARS_OPEN = 10
"""An open version is looked at for so many years."""


def lint(data: bytes) -> list[Problem]:
    """Everything about a document: the problems that refuse it (hold), or else notes.

    Looked at: tiers, hours covered once, holidays, limits of prices, range of percentages,
    circular references, rounding, unknown keys, empty validity, zone, minimum and maximum (all
    refused); prices of zero and of a size that nobody means, months in which energy has no price,
    hours of ten years that are priced twice, holidays that a library does not know, and parts that
    have no effect (noted).
    """
    document, problems = read(data)
    if document is None:
        return problems
    reached = _months_reached(document.valid_from, document.valid_to)
    found = list(_zero_prices(document.components))
    found += _unpriced(document.components, reached)
    found += without_effect(document, reached)
    found += magnitude_notes(document)
    found += hour_problems(document)
    found += holiday_notes(document)
    if unverified(document.assumptions):
        message = "The version says that it is unverified."
        found.append(_note("assumptions", message, "Name what it was checked against, if it was."))
    if document.valid_to is None:
        message = "The version has no end: it is in force until another is added."
        found.append(_note("valid_to", message))
    return found


def _note(path: str, message: str, remedy: str = "") -> Problem:
    return Problem("rating.document.note", path, message, remedy, Severity.NOTE)


def _months_reached(first: date, end: date | None) -> frozenset[int]:
    last = end or first.replace(year=first.year + _YEARS_OPEN, day=1)
    return frozenset(part.start.month for part in Period(first, last).months())


def _zero_prices(charges: tuple[Charge, ...]) -> Iterator[Problem]:
    for i, charge in enumerate(charges):
        for path, price in charge.numbers().items():
            if price == 0:
                yield _note(f"components[{i}].{path}", f"The price of {charge.id} is zero.")
        if charge.negative and all(price >= 0 for price in charge.numbers().values()):
            yield _note(f"components[{i}].negative", f"No price of {charge.id} is below zero.")


def _unpriced(charges: tuple[Charge, ...], reached: frozenset[int]) -> Iterator[Problem]:
    """Channels whose energy is priced in some months of the validity and not in others."""
    priced: dict[str, set[int]] = {}
    for charge in charges:
        if isinstance(charge, Energy | Tiered):
            priced.setdefault(charge.channel, set()).update(charge.months or range(1, 13))
    for channel, months in priced.items():
        missing = sorted(reached - months)
        if missing:
            when = months_text([month - 1 for month in missing])
            message = f"Energy of {channel} has no price in {when}."
            yield _note("components", message, "Add a component for these months if one is meant.")
