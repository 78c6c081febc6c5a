"""Before step 6: parts of a tariff document that do nothing, or not what they seem to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from gridtally.money import number
from gridtally.rating.charges import (
    Charge,
    Demand,
    Document,
    Energy,
    Fixed,
    Measured,
    OnLines,
    PowerFactor,
    Priced,
    Tiered,
)
from gridtally.rating.document.checks import names_holiday
from gridtally.rating.document.values import Problem, values_of
from gridtally.rating.lint.notes import note

__all__ = ["without_effect"]

_TILE = "Let each slice begin where the one before it ends, from 0 to 1."


def without_effect(document: Document, reached: frozenset[int]) -> Iterator[Problem]:
    """What is declared and not used, and keys of components that change nothing."""
    yield from _unused(document)
    yield from _parts(document)
    for i, charge in enumerate(document.components):
        for path, message, remedy in _keys(charge, reached, document):
            yield note(f"components[{i}].{path}", message, remedy)


def _unused(document: Document) -> Iterator[Problem]:
    """Calendars, terms, series, events, parts, losses, holidays and sets that nobody names."""
    charges = document.components
    lists = [c.losses for c in charges if isinstance(c, Measured | PowerFactor)]
    terms: set[str | None] = {name for charge in charges for name in charge.term_names().values()}
    for declared in (document.parts, document.losses):
        terms |= {value.term for _, value in values_of(dict(declared)) if value.term}
    events = {c.event for c in charges if isinstance(c, Fixed)}
    used: dict[str, set[str | None]] = {
        "calendars": {c.calendar for c in charges if isinstance(c, Priced)},
        "terms": terms,
        "series": {c.series for c in charges if isinstance(c, Energy)},
        "events": events | {e for c in document.calendars.values() for e in c.events},
        "parts": {c.part for c in charges if isinstance(c, Measured)},
        "losses": {*(name for names in lists for name in names)},
    }
    for kind, names in used.items():
        word = {"series": "series", "losses": "loss"}.get(kind, kind[:-1])
        for name in getattr(document, kind):
            if name not in names:
                message = f"No component uses the {word} {name!r}."
                yield note(f"{kind}.{name}", message, "Name it in a component, or take it away.")
    if document.holidays and not any(map(names_holiday, document.calendars.values())):
        remedy = "Name `holiday` in the `days` of a rule, or take the list away."
        yield note("holidays", "No calendar uses the day type `holiday`.", remedy)
    named = {item for c in charges if isinstance(c, OnLines) for item in c.named}
    for i, charge in enumerate(charges):
        for j, name in enumerate(charge.sets):
            if f"@{name}" not in named:
                message, remedy = (
                    f"Nothing names the set @{name}.",
                    "Name it in `of`, or leave it out.",
                )
                yield note(f"components[{i}].sets[{j}]", message, remedy)


def _parts(document: Document) -> Iterator[Problem]:
    """Slices that do not tile the whole, ratios that are more than it."""
    slices = [
        (part.slice[0].number, part.slice[1].number, name)
        for name, part in document.parts.items()
        if part.slice
    ]
    edges = sorted((low, high, name) for low, high, name in slices if None not in (low, high))
    if len(edges) == len(slices) > 0:
        at = Decimal(0)
        for low, high, name in edges:
            assert low is not None
            assert high is not None
            if low != at:
                what = "is in no slice" if low > at else "is in two slices"
                message = f"What lies between {number(min(low, at))} and {number(max(low, at))}"
                yield note(f"parts.{name}.slice", f"{message} {what}.", _TILE)
            at = max(at, high)
        if at < 1:
            message = f"What lies between {number(at)} and 1 is in no slice."
            yield note("parts", message, _TILE)
    ratios = [part.ratio.number for part in document.parts.values() if part.ratio]
    total = sum((ratio for ratio in ratios if ratio is not None), Decimal(0))
    if total > 1:
        message = f"The ratios of the parts are {number(total)} together, more than all."
        yield note("parts", message, "Correct the ratios; what is left is `rest = true`.")


def _keys(
    charge: Charge, reached: frozenset[int], document: Document
) -> Iterator[tuple[str, str, str]]:
    """(path, what a key does not do, what to do about it)"""
    if charge.months and not reached & set(charge.months):
        message = f"The months of {charge.id} lie outside the validity: it never charges."
        yield "months", message, "Correct the months, or take the component away."
    if isinstance(charge, Tiered | Demand) and charge.tiers:
        yield from _tiers(charge)
    monthly = isinstance(charge, Tiered) and charge.window != "year"
    if monthly and "resets" in charge.model_fields_set:
        message = '`resets` has an effect only with window = "year".'
        yield "resets", message, 'Add window = "year", or leave it out.'
    if isinstance(charge, Energy | Tiered):
        for j, name in enumerate(charge.losses):
            if document.losses[name].adds_to != charge.channel:
                message = (
                    f"{name} adds to {document.losses[name].adds_to}, not to {charge.channel}."
                )
                yield f"losses[{j}]", message, "Name a loss of this channel, or leave it out."
    if isinstance(charge, OnLines):
        for j, item in enumerate(charge.of):
            if item in charge.of[:j]:
                yield f"of[{j}]", f"{item} is named twice; it counts once.", "Name it once."


def _tiers(charge: Tiered | Demand) -> Iterator[tuple[str, str, str]]:
    tiers = charge.tiers or ()
    if len(tiers) == 1:
        message = f"{charge.id} has a single tier: it is a plain price."
        yield "tiers", message, "Add the tiers that are missing, or write a plain `price`."
    for k in range(1, len(tiers)):
        before, here = tiers[k - 1], tiers[k]
        if (before.price, before.prices) == (here.price, here.prices):
            message = f"Tier {k + 1} of {charge.id} has the price of the one before it."
            yield f"tiers[{k}]", message, "Correct one of the prices, or make one tier of them."
