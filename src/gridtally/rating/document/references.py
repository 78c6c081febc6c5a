"""Before step 6: names in a tariff document that lead somewhere, and never in a circle."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gridtally.rating.charges import (
    Bank,
    Charge,
    Demand,
    Energy,
    Fixed,
    Measured,
    OnLines,
    PowerFactor,
    Priced,
    StepTable,
    Tiered,
)
from gridtally.rating.document.declared import PriceSeries
from gridtally.rating.document.models import Calendar
from gridtally.rating.document.values import Problem, values_of

__all__ = ["expanded", "order", "reference_problems"]

CODE = "rating.document.reference"
_OWN_TERMS = ("contract_kw", "capacity_kva")
"""Every span has them: they need no declaration."""


def reference_problems(
    raw: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]], charges: Mapping[int, Charge]
) -> list[Problem]:
    """Names that lead nowhere, or in a circle; buckets without a price.

    `raw` is the document before validation: what is refused for another reason still has its name.
    """
    return [
        *_duplicates(raw),
        *_declared_names(raw, declared, charges),
        *_terms(raw, declared, charges),
        *_buckets(declared["calendars"], charges),
        *_demands(raw, charges),
        *_circles(charges),
        *_targets(raw),
        *_kept(charges),
    ]


def _names(raw: Mapping[str, Any], kind: str) -> list[str]:
    """Names that a document declares, whatever else is wrong with what they name."""
    written = raw.get(kind)
    return list(written) if isinstance(written, dict) else []


_WORDS = {
    "calendars": ("calendar", "its rules"), "series": ("series", "`per`"),
    "events": ("event", "`title` or `source`"), "parts": ("part", "`ratio` or its like"),
    "losses": ("loss", "`adds_to` and its figures"),
    "terms": ("term", "`title` and `unit`"),
}  # fmt: skip


def _unknown(raw: Mapping[str, Any], kind: str, name: str, path: str) -> Iterator[Problem]:
    """A name that is not declared, with the nearest that is."""
    known = _names(raw, kind)
    if name in known:
        return
    word, keys = _WORDS[kind]
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Add [{kind}.{name}] with {keys}."
    yield Problem(CODE, path, f"There is no {word} {name!r}.", remedy)


def _declared_names(
    raw: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]], charges: Mapping[int, Charge]
) -> Iterator[Problem]:
    """Calendars, series, events, parts and losses that components and calendars name."""
    for name, calendar in declared["calendars"].items():
        for i, rule in enumerate(calendar.rules):
            if rule.event:
                yield from _unknown(raw, "events", rule.event, f"calendars.{name}.rules[{i}].event")
    for i, charge in charges.items():
        for kind, key, name in _uses(charge):
            yield from _unknown(raw, kind, name, f"components[{i}].{key}")
        if isinstance(charge, Energy) and (series := declared["series"].get(charge.series or "")):
            yield from _series_unit(series, charge, f"components[{i}]")


def _uses(charge: Charge) -> Iterator[tuple[str, str, str]]:
    """(kind, key, name) of what a component names."""
    if isinstance(charge, Priced) and charge.calendar:
        yield "calendars", "calendar", charge.calendar
    if isinstance(charge, Energy) and charge.series:
        yield "series", "series", charge.series
    if isinstance(charge, Fixed) and charge.event:
        yield "events", "event", charge.event
    if isinstance(charge, Measured) and charge.part:
        yield "parts", "part", charge.part
    if isinstance(charge, Measured | PowerFactor):
        for j, name in enumerate(charge.losses):
            yield "losses", f"losses[{j}]", name


def _series_unit(series: PriceSeries, charge: Energy, path: str) -> Iterator[Problem]:
    if series.reactive != charge.channel.startswith("reactive"):
        message = (
            f"{charge.channel} is not counted in {series.per}, which {charge.series!r} prices."
        )
        yield Problem(CODE, f"{path}.series", message, "Name a series of the channel's own unit.")


def _terms(
    raw: Mapping[str, Any], declared: Mapping[str, Mapping[str, Any]], charges: Mapping[int, Charge]
) -> Iterator[Problem]:
    """Terms that are used are declared; those that every agreement has are not."""
    for name in _OWN_TERMS:
        if name in _names(raw, "terms"):
            message = f"{name} is known of every agreement and is not declared."
            yield Problem(CODE, f"terms.{name}", message, "Leave it out.")
    used = [(f"components[{i}].{key}", name) for i, charge in charges.items()
            for key, name in charge.term_names().items()]  # fmt: skip
    for kind in ("parts", "losses"):
        for path, value in values_of(dict(declared[kind])):
            if value.term:
                used.append((f"{kind}{path}", value.term))
    for path, name in used:
        if name not in _OWN_TERMS:
            yield from _unknown(raw, "terms", name, path)


def _buckets(calendars: Mapping[str, Calendar], charges: Mapping[int, Charge]) -> Iterator[Problem]:
    """Every bucket of a calendar has a price (or a loss factor), and nothing else has one."""
    for i, charge in charges.items():
        path = f"components[{i}]"
        factors = charge.loss_factors if isinstance(charge, Measured) else None
        name = charge.calendar if isinstance(charge, Priced) else None
        if factors is not None and name is None:
            message = "`loss_factors` needs a `calendar` that says when each holds."
            yield Problem(
                CODE, f"{path}.loss_factors", message, "Name one, or write one `loss_factor`."
            )
        if name is None or name not in calendars or not isinstance(charge, Priced):
            continue
        buckets = calendars[name].buckets
        for where, _, prices in charge.priced():
            yield from _per_bucket(buckets, prices or {}, f"{path}.{where}prices", name)
        if factors is not None:
            yield from _per_bucket(buckets, factors, f"{path}.loss_factors", name)
        if isinstance(charge, Demand) and charge.contracts is not None:
            yield from _per_bucket(buckets, charge.contracts, f"{path}.contracts", name)
        for j, move in enumerate(charge.bank_moves if isinstance(charge, Energy | Tiered) else ()):
            for key, bucket in (("from", move.from_), ("to", move.to)):
                if bucket not in buckets:
                    message = f"The calendar {name!r} has no bucket {bucket!r}."
                    known = f"Buckets are {', '.join(buckets)}."
                    yield Problem(CODE, f"{path}.bank_moves[{j}].{key}", message, known)
        true_up = charge.true_up if isinstance(charge, Energy | Tiered) else None
        if true_up and true_up.prices is not None:
            yield from _per_bucket(buckets, true_up.prices, f"{path}.true_up.prices", name)


_MISSING = {
    "prices": ("price", "A price of zero is written as 0; a missing one is never read as zero."),
    "loss_factors": ("loss factor", "No loss is written as 1."),
    "contracts": ("contract", "Where nothing is agreed, write 0: all of it is then excess."),
}
"""What a bucket may lack, and what to do about it."""


def _per_bucket(
    buckets: Sequence[str], given: Mapping[str, object], path: str, calendar: str
) -> Iterator[Problem]:
    what, remedy = _MISSING[path.rpartition(".")[2]]
    for bucket in [name for name in buckets if name not in given]:
        message = f"The bucket {bucket!r} has no {what}."
        yield Problem("rating.document.price", f"{path}.{bucket}", message, remedy)
    for bucket in [name for name in given if name not in buckets]:
        message = f"The calendar {calendar!r} has no bucket {bucket!r}."
        near = difflib.get_close_matches(bucket, buckets, n=1)
        known = f"Buckets are {', '.join(buckets)}."
        remedy = f"Did you mean {near[0]!r}?" if near else known
        yield Problem(CODE, f"{path}.{bucket}", message, remedy)


def _demands(raw: Mapping[str, Any], charges: Mapping[int, Charge]) -> Iterator[Problem]:
    """`demand` names a component of that shape."""
    shapes = {charge.id: charge for charge in charges.values()}
    for i, charge in charges.items():
        name = charge.demand if isinstance(charge, Tiered | StepTable | Demand) else None
        if name is None or (name in _ids(raw) and name not in shapes):
            continue
        target = shapes.get(name)
        known = [c.id for c in charges.values() if isinstance(c, Demand) and c.basis != "billed"]
        if not isinstance(target, Demand):
            remedy = f"Demand components are {', '.join(known)}." if known else "Add one."
            message = f"{name!r} is no component of the shape `demand`."
            yield Problem(CODE, f"components[{i}].demand", message, remedy)
        elif isinstance(charge, Demand) and target.basis == "billed":
            message = f"{name!r} measures no demand: it has that of another component."
            remedy = f"Components that do are {', '.join(known)}." if known else "Add one."
            yield Problem(CODE, f"components[{i}].demand", message, remedy)


# ------------------------------------------------------ components on others


def _ids(raw: Mapping[str, Any]) -> list[str]:
    parts = raw.get("components")
    parts = parts if isinstance(parts, list) else []
    return [str(part.get("id", "")) if isinstance(part, dict) else "" for part in parts]


def _sets(raw: Mapping[str, Any]) -> dict[str, list[str]]:
    """set -> ids of the components that are in it"""
    found: dict[str, list[str]] = {}
    parts = raw.get("components")
    for part in parts if isinstance(parts, list) else ():
        sets = part.get("sets") if isinstance(part, dict) else None
        for name in sets if isinstance(sets, list) else ():
            if isinstance(name, str):
                found.setdefault(name, []).append(str(part.get("id", "")))
    return found


def _duplicates(raw: Mapping[str, Any]) -> Iterator[Problem]:
    ids = _ids(raw)
    for i, name in enumerate(ids):
        if name and name in ids[:i]:
            message = f"There are two components with the id {name!r}."
            remedy = "Give each an id of its own, or take away the one that was pasted twice."
            yield Problem("rating.document.value", f"components[{i}].id", message, remedy)


def _targets(raw: Mapping[str, Any]) -> Iterator[Problem]:
    ids, members = _ids(raw), _sets(raw)
    for i, part in enumerate(raw["components"] if ids else ()):
        named = [
            (f"components[{i}].{key}[{j}]", name)
            for key in ("of", "later")
            if isinstance(part, dict) and isinstance(part.get(key), list)
            for j, name in enumerate(part[key])
        ]
        for path, name in named:
            if isinstance(name, str) and name.startswith("@"):
                if name[1:] not in members:
                    known = (
                        f"Sets are {', '.join(members)}."
                        if members
                        else f'Put components into it: sets = ["{name[1:64]}"].'
                    )
                    message = f"No component is in the set {name[1:64]!r}."
                    yield Problem(CODE, path, message, known)
            elif isinstance(name, str) and name not in ids:
                known = f"Components are {', '.join(filter(None, ids))}."
                message = f"There is no component {name[:64]!r}."
                yield Problem(CODE, path, message, known)


def _kept(charges: Mapping[int, Charge]) -> Iterator[Problem]:
    """What a bank keeps for later is none of what it pays now."""
    every = tuple(charges.values())
    for i, charge in charges.items():
        now = set(_members(charge.of, every)) if isinstance(charge, Bank) else set()
        for j, item in enumerate((charge.later or ()) if isinstance(charge, Bank) else ()):
            for name in sorted(now & set(_members((item,), every))):
                message = f"{name!r} is named twice: its lines would count twice."
                remedy = "Its credits are good now (`of`) or later (`later`): leave out one."
                yield Problem(CODE, f"components[{i}].later[{j}]", message, remedy)


def _circles(charges: Mapping[int, Charge]) -> Iterator[Problem]:
    """Components that are computed from themselves, by way of others (T11)."""
    every = tuple(charges.values())
    named = {c.id: _members(c.named, every) for c in every if isinstance(c, OnLines)}
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
    update: dict[str, tuple[str, ...]] = {"of": _members(charge.of, charges)}
    if isinstance(charge, Bank) and charge.later:
        update["later"] = _members(charge.later, charges)
    return charge.model_copy(update=update)


def _members(of: Sequence[str], charges: Iterable[Charge]) -> tuple[str, ...]:
    """Ids that a list of ids and @sets stands for; one that is named twice counts once."""
    sets: dict[str, list[str]] = {}
    for charge in charges:
        for name in charge.sets:
            sets.setdefault(f"@{name}", []).append(charge.id)
    return tuple(dict.fromkeys(name for item in of for name in sets.get(item, [item])))


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
    demand = charge.demand if isinstance(charge, Tiered | StepTable | Demand) else None
    named = charge.named if isinstance(charge, OnLines) else ()
    return (*named, *((demand,) if demand else ()))
