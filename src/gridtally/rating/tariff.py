"""Before step 6: a tariff version, ready to rate with.

`load` reads a document (`docs/tariff.md`), refuses it with every problem at once, and resolves
its calendars. The digest names the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from gridtally.errors import InvalidDocument
from gridtally.money import Rounding
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.rating.calendars import Calendar
from gridtally.rating.charges import (
    Charge,
    Demand,
    Document,
    Energy,
    Maximum,
    Minimum,
    Tiered,
)
from gridtally.rating.charges.lines import Bank
from gridtally.rating.document.checks import resolve
from gridtally.rating.document.declared import Eligibility, EventList, Loss, Part, PriceSeries, Term
from gridtally.rating.document.reader import read
from gridtally.rating.document.references import expanded, order
from gridtally.rating.wants import Declarations, all_wanted, demand_of, energy_of
from gridtally.terms import Wanted

__all__ = ["TariffVersion", "demand_of", "energy_of", "load"]


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
    declarations: Declarations = field(repr=False)
    """What its quantities depend on."""
    wanted: tuple[Wanted, ...] = field(repr=False)
    """The quantities that its components need."""

    @cached_property
    def resets(self) -> frozenset[tuple[int, int]]:
        """Month and day on which spans are cut: yearly windows start, banks and bounds close."""
        return frozenset(day for charge in self.components for day in _closing_days(charge))

    @property
    def looking_back(self) -> tuple[Demand, ...]:
        """The components that have to know the demands of earlier months."""
        demands = (charge for charge in self.components if isinstance(charge, Demand))
        return tuple(d for d in demands if d.months_back and d.look_back == "agreement")

    @property
    def carries(self) -> bool:
        """Whether its segments hand anything on to those that follow them."""
        return any(map(_carries, self.components))

    def unlisted(self, period: Period) -> set[int]:
        """Years whose holidays its calendars ask for within a period, and it does not list.

        By standard time all year, the first hour of a day of summer time belongs to the day before.
        """
        if self.holiday_years is None:
            return set()
        start, _ = zone_of(self.zone).bounds(period)
        asking = (each for each in self.calendars.values() if each.holidays is not None)
        first = min(calendar.day_of(self.zone, start).year for calendar in asking)
        last = date.fromordinal(period.end.toordinal() - 1)
        return set(range(first, last.year + 1)) - self.holiday_years

    def component(self, name: str) -> Charge | None:
        """The component of that id."""
        return next((c for c in self.components if c.id == name), None)


def _carries(charge: Charge) -> bool:
    """A position in a yearly tier, a bank, a demand that is looked back to, a bound to settle."""
    if isinstance(charge, Energy | Tiered) and charge.netting == "month":
        return True
    if isinstance(charge, Tiered):
        return charge.window == "year"
    if isinstance(charge, Minimum | Maximum):
        return charge.settle is not None
    return isinstance(charge, Bank) or (isinstance(charge, Demand) and charge.months_back > 0)


def _closing_days(charge: Charge) -> Iterator[tuple[int, int]]:
    if isinstance(charge, Tiered) and charge.window == "year":
        yield from charge.reset_days
    if isinstance(charge, Energy | Tiered) and charge.true_up:
        yield from charge.true_up.days
    if isinstance(charge, Energy | Tiered):
        yield from (move.day for move in charge.bank_moves)
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


def _version(document: Document, digest: str) -> TariffVersion:
    holidays = document.holidays
    dates = holidays.dates if holidays else ()
    calendars = {
        name: resolve(name, calendar, dates)[0] for name, calendar in document.calendars.items()
    }
    declared = Declarations(
        calendars, terms=document.terms, series=document.series, losses=document.losses
    )
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
        declarations=declared,
        wanted=all_wanted(components, document.zone, declared),
    )
