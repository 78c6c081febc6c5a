"""Before step 6: what is odd about a tariff document that is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from gridtally.periods import Period
from gridtally.rating.charges import Charge, Energy, Tiered
from gridtally.rating.document.checks import months_text
from gridtally.rating.document.reader import read
from gridtally.rating.document.values import Problem, named
from gridtally.rating.lint.effects import without_effect
from gridtally.rating.lint.figures import figure_notes
from gridtally.rating.lint.holidays import holiday_notes
from gridtally.rating.lint.hours import hour_problems
from gridtally.rating.lint.magnitudes import magnitude_notes
from gridtally.rating.lint.notes import note
from gridtally.rating.lint.owed import owed_notes
from gridtally.rating.shipped import mark

__all__ = ["lint", "unpriced_months"]

_ALL, _FEW = frozenset(range(1, 13)), 3
"""A kind of price that so few months lack was probably meant for them, too."""


def lint(data: bytes) -> list[Problem]:
    """Everything about a document: the problems that refuse it (hold), or else notes.

    Looked at: tiers, hours covered once, holidays, limits of prices, range of percentages,
    circular references, rounding, unknown keys, empty validity, zone, minimum and maximum (all
    refused); prices of zero and of a size that nobody means, months in which energy has no price,
    hours of ten years that are priced twice, buckets without an hour, energy fed in that is
    charged, lines without tax, holidays that a library does not know, and parts that have no effect
    (noted).
    """
    document, problems = read(data)
    if document is None:
        return problems
    reached = _months_reached(document.valid_from, document.valid_to)
    found = list(_zero_prices(document.components))
    found += _unpriced(document.components, reached)
    found += _pasted(document.components)
    found += without_effect(document, reached)
    found += magnitude_notes(document)
    found += hour_problems(document)
    found += figure_notes(document)
    found += owed_notes(document)
    found += holiday_notes(document)
    if said := mark(document.assumptions):
        message = f"The version says that it is {said}."
        found.append(note("assumptions", message, "Name what it was checked against, if it was."))
    if document.valid_to is None:
        message = "The version has no end: it is in force until another is added."
        found.append(note("valid_to", message, "Add `valid_to`, if the source names an end."))
    return named(found, [charge.id for charge in document.components])


def _months_reached(first: date, end: date | None) -> frozenset[int]:
    """Months of a year that the version has a day in; ten years are all of them."""
    latest = first.replace(year=first.year + 1, day=1) if first.year < date.max.year else first
    if end is None or end >= latest:
        return _ALL
    return frozenset(part.start.month for part in Period(first, end).months())


def _zero_prices(charges: tuple[Charge, ...]) -> Iterator[Problem]:
    for i, charge in enumerate(charges):
        for path, price in charge.numbers().items():
            if price == 0:
                message = f"The price of {charge.id} is zero."
                yield note(
                    f"components[{i}].{path}", message, "Write the price, if it is not free."
                )
        if charge.negative and not _open(charge) and all(p >= 0 for p in charge.numbers().values()):
            message = f"No price of {charge.id} is below zero."
            yield note(f"components[{i}].negative", message, "Correct the price, or leave it out.")


def _open(charge: Charge) -> bool:
    """Whether some of its prices come from outside: of a series, or stated by the agreement."""
    terms = any(value.price and value.term for value in charge.values().values())
    return terms or (isinstance(charge, Energy) and charge.series is not None)


def unpriced_months(charges: Sequence[Charge]) -> dict[str, frozenset[int]]:
    """By channel the months in which its energy has no price, although it has one in others."""
    priced: dict[str, set[int]] = {}
    for charge in charges:
        if isinstance(charge, Energy | Tiered):
            priced.setdefault(charge.channel, set()).update(charge.months or _ALL)
    return {c: frozenset(_ALL - months) for c, months in priced.items() if _ALL - months}


def _unpriced(charges: tuple[Charge, ...], reached: frozenset[int]) -> Iterator[Problem]:
    """Months of the validity in which energy has no price, or lacks one of its kinds of price."""
    for channel, months in unpriced_months(charges).items():
        if missing := sorted(reached & months):
            message = f"Energy of {channel} has no price in {_when(missing)}: such bills are held."
            remedy = "Add a component for these months; energy that is free has a price of 0."
            yield note("components", message, remedy)
    for i, charge in enumerate(charges):
        if isinstance(charge, Energy | Tiered) and charge.months:
            yield from _gap(charge, charges, reached, f"components[{i}].months")


def _gap(
    charge: Energy | Tiered, charges: tuple[Charge, ...], reached: frozenset[int], path: str
) -> Iterator[Problem]:
    """A few months that a component leaves out, and that no other of its kind has for itself."""
    gap = reached - set(charge.months)
    alike = [
        set(other.months)
        for other in charges
        if isinstance(other, Energy | Tiered)
        and (other.channel, other.kind, other.credit)
        == (charge.channel, charge.kind, charge.credit)
        and other is not charge
    ]
    if 0 < len(gap) <= _FEW and not any(months and months <= gap for months in alike):
        message = f"{charge.id} is not charged in {_when(sorted(gap))}, and nothing stands for it."
        yield note(path, message, "Check `months`, if it is meant to be charged all year.")


def _pasted(charges: tuple[Charge, ...]) -> Iterator[Problem]:
    """Charges that are the same but for their names; energy is looked at hour by hour elsewhere."""
    first: dict[str, str] = {}
    for i, charge in enumerate(charges):
        if isinstance(charge, Energy | Tiered):
            continue
        said = charge.model_dump_json(exclude={"id", "title", "source", "ledger"})
        other = first.setdefault(said, charge.id)
        if other != charge.id:
            message = f"{charge.id} is {other} once more: both are charged."
            yield note(f"components[{i}]", message, "Take one away, if it was pasted twice.")


def _when(months: Sequence[int]) -> str:
    return months_text([month - 1 for month in months])
