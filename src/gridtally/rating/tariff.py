"""Before step 6: a tariff version, ready to rate with.

`load` reads a document (`docs/tariff.md`), refuses it with every problem at once, and resolves
its calendars. The digest names the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from typing import Any

from gridtally.errors import InvalidDocument
from gridtally.money import Rounding
from gridtally.rating.calendars import Calendar, labels
from gridtally.rating.charges import (
    Charge,
    Demand,
    Document,
    Energy,
    Maximum,
    Minimum,
    PowerFactor,
    Tiered,
)
from gridtally.rating.charges.lines import Bank
from gridtally.rating.checks import resolve
from gridtally.rating.declared import Eligibility, EventList, Loss, Part, PriceSeries, Term
from gridtally.rating.reader import read
from gridtally.rating.references import expanded, order
from gridtally.terms import Channel, Wanted

__all__ = ["TariffVersion", "demand_of", "document_schema", "energy_of", "load"]

NO_BUCKET = ("",)


@dataclass(frozen=True, eq=False)
class TariffVersion:
    """One dated version of a tariff. Equal bytes have equal digests."""

    digest: str
    """`sha256:` and the hex SHA-256 of the document's bytes."""
    id: str
    title: str | Mapping[str, str]
    currency: str
    zone: str
    valid_from: date
    valid_to: date | None
    source: str
    assumptions: tuple[str, ...]
    line: Rounding
    total: Rounding
    holiday_years: frozenset[int] | None
    """Years whose holidays are listed; None when no calendar uses the day type."""
    calendars: Mapping[str, Calendar]
    terms: Mapping[str, Term]
    """What the agreement has to state, by name."""
    series: Mapping[str, PriceSeries]
    events: Mapping[str, EventList]
    parts: Mapping[str, Part]
    losses: Mapping[str, Loss]
    eligibility: Eligibility | None
    verified_by: str | None
    """The published worked example that it was checked against; None: unverified."""
    components: tuple[Charge, ...]
    """In the order of the document; `of` lists ids only, sets are resolved."""
    order: tuple[int, ...]
    """Positions of the components in the order in which they are computed."""
    wanted: tuple[Wanted, ...] = field(repr=False)
    """The quantities that its components need."""

    @cached_property
    def resets(self) -> frozenset[tuple[int, int]]:
        """Month and day on which spans are cut: yearly windows start, banks and bounds close."""
        return frozenset(day for charge in self.components for day in _closing_days(charge))

    def component(self, name: str) -> Charge | None:
        """The component of that id."""
        return next((c for c in self.components if c.id == name), None)


def _closing_days(charge: Charge) -> Iterator[tuple[int, int]]:
    if isinstance(charge, Tiered) and charge.window == "year":
        yield from charge.reset_days
    if isinstance(charge, Energy | Tiered) and charge.true_up:
        yield from charge.true_up.days
    if isinstance(charge, Bank) and charge.true_up:
        yield charge.true_up.day
    if isinstance(charge, Minimum | Maximum) and charge.settle:
        yield charge.settle.day


def load(data: bytes, *, name: str) -> TariffVersion:
    """Return the tariff version of a document; `name` is how messages call it.

    Raises `InvalidDocument` that lists all problems, each with its path.
    """
    document, problems = read(data)
    if document is None:
        lines = "".join(f"\n  {problem}" for problem in problems)
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InvalidDocument(
            f"The tariff is refused, it has {count}:{lines}\n",
            file=name,
            code=problems[0].code,
            remedy="docs/tariff.md has a complete example.",
        )
    return _version(document, "sha256:" + hashlib.sha256(data).hexdigest())


def document_schema() -> dict[str, Any]:
    """The JSON Schema of a tariff document, for editors."""
    schema = Document.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Gridtally tariff document, schema 1"
    return schema


def energy_of(
    zone: str,
    channel: str,
    calendar: Calendar | None,
    months: tuple[int, ...],
    *,
    optional: bool = False,
) -> Wanted:
    """The energy of a channel, by bucket."""
    return _wanted("energy", zone, channel, calendar, months, None, optional)


def demand_of(
    zone: str,
    channel: str,
    calendar: Calendar | None,
    months: tuple[int, ...],
    window_min: int | None,
) -> Wanted:
    """The largest demand of a channel, by bucket."""
    window = window_min * 60 if window_min else None
    return _wanted("demand", zone, channel, calendar, months, window, False)


def _wanted(
    kind: str,
    zone: str,
    channel: str,
    calendar: Calendar | None,
    months: tuple[int, ...],
    window_s: int | None,
    optional: bool,
) -> Wanted:
    months = tuple(sorted(set(months)))
    return Wanted(
        kind=kind,
        channel=channel,
        calendar=calendar.name if calendar else "",
        buckets=calendar.buckets if calendar else NO_BUCKET,
        months=months,
        window_s=window_s,
        optional=optional,
        labels=partial(labels, calendar, zone, months=months),
    )


def _version(document: Document, digest: str) -> TariffVersion:
    holidays = document.holidays
    dates = holidays.dates if holidays else ()
    calendars = {
        name: resolve(name, calendar, dates)[0] for name, calendar in document.calendars.items()
    }
    components = tuple(expanded(charge, document.components) for charge in document.components)
    uses = any(calendar.holidays is not None for calendar in calendars.values())
    return TariffVersion(
        digest=digest,
        id=document.tariff,
        title=document.title or document.tariff,
        currency=document.currency,
        zone=document.zone,
        valid_from=document.valid_from,
        valid_to=document.valid_to,
        source=document.source,
        assumptions=document.assumptions,
        line=document.rounding.line.point(),
        total=document.rounding.total.point(),
        holiday_years=frozenset(holidays.years) if holidays and uses else None,
        calendars=calendars,
        terms=document.terms,
        series=document.series,
        events=document.events,
        parts=document.parts,
        losses=document.losses,
        eligibility=document.eligibility,
        verified_by=document.verified_by,
        components=components,
        order=order(components),
        wanted=_all_wanted(document, calendars),
    )


def _all_wanted(document: Document, calendars: Mapping[str, Calendar]) -> tuple[Wanted, ...]:
    found: dict[str, Wanted] = {}
    for charge in document.components:
        for wanted in _wants(charge, document.zone, calendars):
            before = found.setdefault(wanted.name(""), wanted)
            if before.optional and not wanted.optional:
                found[wanted.name("")] = wanted
    return tuple(found.values())


def _wants(charge: Charge, zone: str, calendars: Mapping[str, Calendar]) -> list[Wanted]:
    if isinstance(charge, Energy | Tiered):
        calendar = calendars[charge.calendar] if charge.calendar else None
        channels = ("import", "export") if charge.netting else (charge.channel,)
        return [energy_of(zone, channel, calendar, charge.months) for channel in channels]
    if isinstance(charge, Demand):
        calendar = calendars[charge.calendar] if charge.calendar else None
        return [demand_of(zone, charge.channel, calendar, charge.months, charge.window_min)]
    if isinstance(charge, PowerFactor):
        return [
            energy_of(zone, Channel.IMPORT, None, charge.months),
            energy_of(zone, Channel.REACTIVE_IMPORT, None, charge.months, optional=True),
            energy_of(zone, Channel.REACTIVE_EXPORT, None, charge.months, optional=True),
        ]
    return []
