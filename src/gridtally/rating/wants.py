"""Before step 6: the quantities that the components of a tariff version ask step 5 for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from gridtally.rating.calendars import Calendar, labels
from gridtally.rating.charges import (
    Charge,
    Demand,
    Energy,
    Measured,
    PowerFactor,
    Reactive,
    StepTable,
    Tiered,
)
from gridtally.rating.costs import costs
from gridtally.rating.document.declared import Loss, PriceSeries, Term
from gridtally.rating.filling import tiers_by_time
from gridtally.rating.prices import PriceBook
from gridtally.terms import Channel, Wanted, Windows

__all__ = [
    "Declarations", "all_wanted", "costs_of", "demand_of", "energy_of", "net_of", "reactive_of",
    "tiers_of",
]  # fmt: skip

REACTIVE = (Channel.REACTIVE_IMPORT, Channel.REACTIVE_EXPORT)
NO_BUCKET = ("",)
Months = tuple[int, ...]
Name = tuple[str, Months]


def energy_of(
    zone: str,
    channel: str,
    calendar: Calendar | None,
    months: Months,
    *,
    optional: bool = False,
) -> Wanted:
    """The energy of a channel, by bucket."""
    return _wanted("energy", zone, channel, calendar, months, optional=optional)


def demand_of(zone: str, charge: Demand, calendar: Calendar | None) -> Wanted:
    """The measured demand of a component, by bucket."""
    apparent = charge.power == "apparent"
    windows = Windows(
        rolling_s=charge.rolling_min * 60 if charge.rolling_min else None,
        top=charge.top,
        distinct_days=charge.distinct_days,
        mean=charge.measure == "mean",
        apparent=apparent,
    )
    return _wanted(
        "demand",
        zone,
        charge.channel,
        calendar,
        charge.months,
        window_s=charge.window_min * 60 if charge.window_min else None,
        variant=windows.name,
        windows=windows if windows.name else None,
        either=REACTIVE if apparent else (),
    )


def net_of(zone: str, charge: Energy | Tiered, calendar: Calendar | None) -> Wanted:
    """What netting of an interval or an hour leaves, by bucket."""
    assert charge.netting in ("interval", "hour")
    variant = "hour" if charge.netting == "hour" else ""
    return _wanted(
        "net", zone, charge.channel, calendar, charge.months, variant=variant, **_netting(charge)
    )


def costs_of(
    zone: str, charge: Energy, calendar: Calendar | None, declared: Declarations
) -> Wanted:
    """What the prices of a series make of the energy of each bucket, in two parts."""
    assert charge.series
    names = calendar.buckets if calendar else NO_BUCKET
    series, terms = declared.series[charge.series], declared.terms
    reduce = partial(costs, charge, zone, terms, names, PriceBook(charge, series.units))
    return _wanted(
        "cost", zone, charge.channel, calendar, charge.months,
        **(_netting(charge) | {"variant": charge.id, "reduce": reduce, "strict": False}),
    )  # fmt: skip


def tiers_of(zone: str, charge: Tiered, calendar: Calendar | None, terms: Terms) -> Wanted:
    """Energy by bucket and tier, where tiers are filled day by day or in order of time."""
    return _wanted(
        "tiers", zone, charge.channel, calendar, charge.months, variant=charge.id,
        reduce=partial(
            tiers_by_time, charge, zone, terms, calendar.buckets if calendar else NO_BUCKET
        ),
        **({"strict": True} | _netting(charge)),
    )  # fmt: skip


def reactive_of(charge: Reactive) -> tuple[str, ...]:
    """The reactive channels that it takes."""
    return REACTIVE if charge.channel in ("both", "larger") else (charge.channel,)


Terms = Mapping[str, Term]


class Declarations:
    """What a document declares that matters to quantities."""

    def __init__(
        self,
        calendars: Mapping[str, Calendar],
        *,
        terms: Terms,
        series: Mapping[str, PriceSeries],
        losses: Mapping[str, Loss],
    ) -> None:
        self.calendars, self.terms, self.series, self.losses = calendars, terms, series, losses


def all_wanted(
    components: tuple[Charge, ...], zone: str, declared: Declarations
) -> tuple[Wanted, ...]:
    """The quantities of all components, each once; required where one of them requires it."""
    found: dict[str, Wanted] = {}
    for charge in components:
        for wanted in _wants(charge, zone, declared):
            before = found.setdefault(wanted.name(""), wanted)
            if before.optional and not wanted.optional:
                found[wanted.name("")] = wanted
    return tuple(found.values())


def _wants(charge: Charge, zone: str, declared: Declarations) -> Iterator[Wanted]:
    name = getattr(charge, "calendar", None)
    calendar = declared.calendars[name] if name else None
    if isinstance(charge, Energy | Tiered):
        yield from _energies(charge, zone, calendar, declared)
    elif isinstance(charge, Demand):
        yield from _demands(charge, zone, calendar)
    elif isinstance(charge, PowerFactor):
        yield from _powers(zone, charge.months)
    elif isinstance(charge, StepTable) and charge.metric.startswith("kwh"):
        yield energy_of(zone, charge.channel or Channel.IMPORT, None, charge.months)
    elif isinstance(charge, Reactive):
        yield energy_of(zone, Channel.IMPORT, calendar, charge.months)
        channels = reactive_of(charge)
        for channel in channels:
            optional = len(channels) > 1
            yield energy_of(zone, channel, calendar, charge.months, optional=optional)
    if isinstance(charge, Measured | PowerFactor):
        yield from _losses(charge, zone, declared.losses)


def _energies(
    charge: Energy | Tiered, zone: str, calendar: Calendar | None, declared: Declarations
) -> Iterator[Wanted]:
    channels = ("import", "export") if charge.netting else (charge.channel,)
    for channel in channels:
        yield energy_of(zone, channel, calendar, charge.months)
    if charge.netting in ("interval", "hour"):
        yield net_of(zone, charge, calendar)
    if isinstance(charge, Energy) and charge.series:
        yield costs_of(zone, charge, calendar, declared)
    if isinstance(charge, Tiered) and (charge.window == "day" or charge.pooling == "in_order"):
        yield tiers_of(zone, charge, calendar, declared.terms)


def _demands(charge: Demand, zone: str, calendar: Calendar | None) -> Iterator[Wanted]:
    if charge.basis == "billed":
        return  # another component measures it
    wanted = demand_of(zone, charge, calendar)
    yield wanted
    if wanted.streamed:  # its plain sums say what is missing
        yield _present(zone, charge.channel, charge.months, optional=False)
        for channel in wanted.either:
            yield _present(zone, channel, charge.months, optional=True)
    if charge.power_factor_below is not None:
        yield from _powers(zone, charge.months)


def _present(zone: str, channel: str, months: Months, *, optional: bool) -> Wanted:
    """All energy of a span, whatever its hours: there without a gap."""
    plain = energy_of(zone, channel, None, (), optional=optional)
    return Wanted(
        "energy", channel, "", NO_BUCKET, tuple(sorted(set(months))), None, optional, plain.labels,
        variant="whole",
    )  # fmt: skip


def _powers(zone: str, months: Months) -> Iterator[Wanted]:
    yield energy_of(zone, Channel.IMPORT, None, months)
    for channel in REACTIVE:
        yield energy_of(zone, channel, None, months, optional=True)


def _losses(
    charge: Measured | PowerFactor, zone: str, losses: Mapping[str, Loss]
) -> Iterator[Wanted]:
    for name in charge.losses:
        loss = losses[name]
        if isinstance(charge, Energy | Tiered) and loss.adds_to != charge.channel:
            continue
        if loss.form == "percent":
            yield energy_of(zone, loss.channel, None, ())
        elif loss.form == "line" or loss.load or loss.load_percent:
            yield energy_of(zone, Channel.IMPORT, None, ())
            if loss.reactive is None:
                for channel in REACTIVE:
                    yield energy_of(zone, channel, None, (), optional=True)


def _netting(charge: Energy | Tiered) -> dict[str, Any]:
    if charge.netting not in ("interval", "hour"):
        return {}
    other = Channel.EXPORT if charge.channel == "import" else Channel.IMPORT
    return {"netting": charge.netting, "others": (other,), "strict": True}


def _wanted(
    kind: str,
    zone: str,
    channel: str,
    calendar: Calendar | None,
    months: Months,
    *,
    optional: bool = False,
    **more: Any,
) -> Wanted:
    months = tuple(sorted(set(months)))
    events = tuple(rule.event for rule in calendar.events) if calendar else ()
    return Wanted(
        kind=kind,
        channel=channel,
        calendar=calendar.name if calendar else "",
        buckets=calendar.buckets if calendar else NO_BUCKET,
        months=months,
        optional=optional,
        labels=partial(labels, calendar, zone, months=months),
        events=tuple(dict.fromkeys(events)),
        **({"window_s": None} | more),
    )
