"""Beside step 6: a rate of the OpenEI Utility Rate Database (JSON, version 7 or 8) as a tariff.

What the source leaves open is read in one way and listed in `assumptions`; what a tariff document
cannot express is refused. Keys are matched whatever their case and plural (`dgrules`, `dgRules`,
`flatDemandUnits`, `flatdemandunit`).
Source of the fields: https://openei.org/services/doc/rest/util_rates/?version=7
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Number
from typing import Any

from gridtally.errors import InvalidDocument
from gridtally.money import number, round_fraction
from gridtally.rating.importers import parts as parts_of
from gridtally.rating.importers.parts import Part
from gridtally.rating.importers.rate import EIGHT, Rate, Step, plain, thresholds
from gridtally.rating.importers.toml import to_toml
from gridtally.terms import Channel

__all__ = ["to_document", "to_text"]

_OPEN = date(1990, 1, 1)
_LENGTHS = ((31, (1, 3, 5, 7, 8, 10, 12)), (30, (4, 6, 9, 11)), (28, (2,)))
_BOTH = (Channel.IMPORT, Channel.EXPORT)


def to_document(
    rate: Mapping[str, Any],
    *,
    zone: str,
    channels: Iterable[str] = _BOTH,
    resolution_s: int | None = None,
) -> dict[str, Any]:
    """The tariff document of a rate: numbers are `Decimal`, dates are dates.

    `zone` is where its hours are local; `channels` are those that the readings have: without
    export nothing is netted or credited. `resolution_s` is the readings' interval, if known: a
    demand window that it divides is taken over.
    Raises `InvalidDocument` that lists everything that cannot be expressed.
    """
    source = Rate({plain(str(key)): rate[key] for key in rate}, frozenset(map(str, channels)))
    parts = [*_fixed(source), *_energy(source), *_monthly_adjustments(source)]
    parts += _demand(source, resolution_s)
    if not parts and not source.refused:
        source.refuse("the rate has no charge at all")
    parts += _minimum(source, parts)
    _others(source)
    if source.refused:
        listed = "".join(f"\n  {reason}" for reason in source.refused)
        raise InvalidDocument(
            f"This rate cannot be expressed as a tariff document:{listed}\n",
            code="rating.importer.unsupported",
        )
    return _document(source, zone, parts)


def to_text(rate: Mapping[str, Any], **options: Any) -> str:
    """The same as TOML text, which `gridtally.rating.tariff.load` reads."""
    return to_toml(to_document(rate, **options))


# ----------------------------------------------------------- fixed and minimum


def _fixed(source: Rate) -> list[Part]:
    price = source.amount("fixedchargefirstmeter", "fixedmonthlycharge")
    if price == 0:
        return []
    monthly = _monthly(source, price, source.get("fixedchargeunits"), "fixedchargefirstmeter")
    return [parts_of.signed({"id": "fixed", "shape": "fixed", "per": "month", "price": monthly})]


def _minimum(source: Rate, parts: list[Part]) -> list[Part]:
    price = source.amount("mincharge", "minmonthlycharge")
    if source.amount("annualmincharge"):
        source.refuse("annualmincharge: a minimum per year is settled over twelve bills")
    if price == 0:
        return []
    if str(source.get("minchargeunits") or "").lower() == "$/year":
        source.refuse("mincharge: a minimum per year is settled over twelve bills")
    monthly = _monthly(source, price, source.get("minchargeunits"), "mincharge")
    fixed = next((part["price"] for part in parts if part["id"] == "fixed"), Decimal(0))
    signed = any(part.get("credit") or part.get("negative") for part in parts)
    if fixed > monthly and not signed:
        source.assume(
            f"mincharge is below the fixed charge, {fixed}: it never acts, and is left out."
        )
        return []
    of = [part["id"] for part in parts]
    return [{"id": "minimum", "shape": "minimum", "of": of, "amount": monthly}]


def _monthly(source: Rate, price: Decimal, unit: object, what: str) -> Decimal:
    """A charge per month. Source of 365/12: the rate engine of the System Advisor Model."""
    text = str(unit or "").lower().replace(" ", "")
    if text in ("", "$/month"):
        if not text:
            source.assume(f"{what} has no unit: it is taken per month.")
        return price
    share = {"$/day": Fraction(365, 12), "$/year": Fraction(1, 12)}.get(text)
    if share is None:
        source.refuse(f"{what}: the unit {str(unit)[:40]!r} is not $/month, $/day or $/year")
        return price
    source.assume(f"{what} in {text} is charged as {share} of it per month.")
    return Decimal(number(round_fraction(Fraction(price) * share, EIGHT)))


# --------------------------------------------------------------------- energy


def _energy(source: Rate) -> list[Part]:
    periods = source.periods("energyratestructure")
    if not periods:
        return []
    weekday, weekend = source.schedules("energy", len(periods))
    if source.refused:
        return []
    used = sorted({cell for row in (*weekday, *weekend) for cell in row})
    calendar = parts_of.calendar(source, "energy", used, weekday, weekend)
    netting, credit = _export_rule(source)
    parts = []
    for days, months in _day_thresholds(source, [periods[p] for p in used], netting):
        name = "energy" if days is None else f"energy-{days}"
        part: Part = {"id": name, "channel": "import"}
        part |= parts_of.prices(calendar, {p: periods[p] for p in used}, days or 1)
        part |= {"months": list(months)} if months else {}
        part |= {"netting": "month"} if netting else {}
        parts.append(parts_of.signed(part))
    if calendar and thresholds([periods[p] for p in used]):
        source.assume(
            "Tiers are filled by the energy of all periods of the month together, and each "
            "period takes part in each tier in proportion to its energy."
        )
    return parts + (_credit(source, calendar, {p: periods[p] for p in used}) if credit else [])


def _day_thresholds(
    source: Rate, periods: Sequence[Sequence[Step]], netting: bool
) -> Sequence[tuple[int | None, tuple[int, ...]]]:
    """Groups of months by their length when thresholds are per day, else all of them."""
    if not thresholds(periods):
        return [(None, ())]
    units = {step.unit for period in periods if len(period) > 1 for step in period} - {""}
    if units - {"kwh"} == set():
        if not units:
            source.assume("Energy tiers without a unit are in kWh.")
        return [(None, ())]
    if units != {"kwh daily"}:
        source.refuse(f"energyratestructure: tiers in {', '.join(sorted(units))}")
        return [(None, ())]
    if netting:
        source.refuse("energyratestructure: net metering with tiers per day")
    source.assume("Tiers in kWh daily are multiplied by the days of the month, February by 28.")
    return _LENGTHS


def _export_rule(source: Rate) -> tuple[bool, bool]:
    """(import is netted against export, export is credited at the sell rate)."""
    if Channel.EXPORT not in source.channels:
        source.assume("The readings have no export: nothing is netted or credited.")
        return False, False
    rule = str(source.get("dgrules") or "").strip().lower()
    if rule in ("", "net metering"):
        if not rule:
            source.assume("The source has no rule for export: net metering is assumed.")
        source.assume(
            "Net metering: export is netted within the month and the bucket, the rest is banked "
            "for the same bucket without end; there is no settlement at the end of the year."
        )
        return True, False
    if rule in ("net billing instantaneous", "net billing hourly", "buy all sell all"):
        source.assume(
            f"{rule.capitalize()}: import is charged and export credited as the meter measured "
            "them; nothing is netted between readings."
        )
        return False, True
    source.refuse(f"dgrules: there is no rule {rule[:40]!r}")
    return False, False


def _credit(
    source: Rate, calendar: str | None, periods: Mapping[int, Sequence[Step]]
) -> list[Part]:
    """What export earns."""
    sells = {p: {step.sell or Decimal(0) for step in steps} for p, steps in periods.items()}
    if any(len(rates) > 1 for rates in sells.values()):
        source.refuse("energyratestructure: sell rates that differ by tier")
        return []
    rates = {p: next(iter(found)) for p, found in sells.items()}
    if not any(rates.values()):
        source.assume("The source has no sell rate: export earns nothing.")
        return []
    prices: Part = (
        {"price": next(iter(rates.values()))}
        if calendar is None
        else {"calendar": calendar, "prices": {f"period-{p + 1}": r for p, r in rates.items()}}
    )
    part = {"id": "export", "shape": "energy", "channel": "export", "credit": True}
    return [parts_of.signed({**part, **prices})]


def _monthly_adjustments(source: Rate) -> list[Part]:
    """$/kWh on all energy, by month."""
    values = source.get("fueladjustmentsmonthly") or []
    if not isinstance(values, Sequence) or len(values) not in (0, 12):
        source.refuse("fueladjustmentsmonthly is not a list of twelve")
        return []
    rates = [source.exact(value, "fueladjustmentsmonthly") for value in values]
    return [
        parts_of.signed({"id": f"fuel-{i}", "shape": "energy", "channel": "import", "price": rate,
                 "months": [m for m, r in enumerate(rates, 1) if r == rate]})
        for i, rate in enumerate(sorted(set(rates) - {Decimal(0)}), 1)
    ]  # fmt: skip


# --------------------------------------------------------------------- demand


def _demand(source: Rate, resolution_s: int | None) -> list[Part]:
    common = _window(source, resolution_s) | _ratchet(source)
    parts: list[Part] = []
    periods = source.periods("flatdemandstructure")
    if _charges(periods):
        _kw(source, "flatdemandunits", periods)
        months = source.get("flatdemandmonths")
        if months is None:
            source.assume("flatdemandmonths is missing: the first period holds all year.")
            months = [0] * 12
        for p, steps in enumerate(periods):
            mine = [m for m, period in enumerate(months, 1) if int(str(period)) == p]
            if mine and _charges([steps]):
                part = {
                    "id": f"demand-flat-{p + 1}",
                    **parts_of.prices(None, {p: steps}, 1, "demand"),
                }
                part |= {"months": mine} if len(mine) < 12 else {}
                parts.append(parts_of.signed(part | common))
        if any(not 0 <= int(str(period)) < len(periods) for period in months):
            source.refuse("flatdemandmonths names a period that is not there")
    periods = source.periods("demandratestructure")
    if _charges(periods):
        _kw(source, "demandrateunits", periods)
        weekday, weekend = source.schedules("demand", len(periods))
        if source.refused:
            return []
        used = sorted({cell for row in (*weekday, *weekend) for cell in row})
        calendar = parts_of.calendar(source, "demand", used, weekday, weekend)
        prices = parts_of.prices(calendar, {p: periods[p] for p in used}, 1, "demand")
        parts.append(parts_of.signed({"id": "demand", **prices, **common}))
    return parts + _reactive(source)


def _reactive(source: Rate) -> list[Part]:
    price = source.amount("demandreactivepowercharge")
    if price and Channel.REACTIVE_IMPORT not in source.channels:
        source.assume("The readings have no reactive energy: reactive demand is not charged.")
        return []
    part = {"id": "demand-reactive", "shape": "demand", "channel": "reactive_import"}
    return [parts_of.signed({**part, "price": price})] if price else []


def _charges(periods: Sequence[Sequence[Step]]) -> bool:
    return any(step.price for period in periods for step in period)


def _kw(source: Rate, name: str, periods: Sequence[Sequence[Step]]) -> None:
    units = {str(source.get(name) or "kW").lower()}
    units |= {step.unit for period in periods for step in period if step.unit}
    if units != {"kw"}:
        source.refuse(f"{name}: demand in {', '.join(sorted(units - {'kw'}))}, not in kW")


def _window(source: Rate, resolution_s: int | None) -> Part:
    minutes = source.amount("demandwindow")
    if minutes == 0:
        return {}
    seconds = int(minutes * 60)
    if resolution_s and seconds % resolution_s == 0 and 86_400 % seconds == 0:
        return {"window_min": int(minutes)}
    source.assume(
        f"The source measures demand over {number(minutes)} minutes; "
        "the mean power of each reading is taken."
    )
    return {}


def _ratchet(source: Rate) -> Part:
    share, back = source.amount("lookbackpercent"), int(source.amount("lookbackrange"))
    months = source.get("lookbackmonths")
    listed = source.get("demandratchetpercentage") or []
    shares = {source.exact(value, "demandratchetpercentage") for value in listed}
    if not share and len(shares) == 1:
        share = next(iter(shares))
    elif len(shares) > 1:
        source.refuse("demandratchetpercentage: a ratchet that differs by month")
    if share <= 0:
        return {}
    if months is not None and any(str(month) in ("0", "False", "false") for month in months):
        source.refuse("lookbackmonths: a ratchet over some months of the year only")
    if not 0 < back <= 36:
        source.assume("The ratchet has no range: it looks back over eleven months.")
        back = 11
    return {"ratchet": {"percent": Decimal(number(share * 100)), "months": back}}


# ------------------------------------------------------------------ the rest


def _others(source: Rate) -> None:
    coincident = source.periods("coincidentratestructure")
    if _charges(coincident):
        source.refuse("coincidentratestructure: demand at the hour of the system's peak")
    if (country := str(source.get("country") or "USA")) != "USA":
        source.refuse(f"country: the currency of {country[:40]} is not stated")


def _document(source: Rate, zone: str, parts: list[Part]) -> dict[str, Any]:
    label = re.sub(r"[^a-z0-9.-]", "-", str(source.get("label") or "rate").lower())[:48]
    title = " ".join(str(source.get("name") or label).split())[:500]
    utility = " ".join(str(source.get("utility") or "").split())[:200]
    where = " ".join(str(source.get("source", "sourcereference", "uri") or "").split())[:500]
    source.assume("The source names no rounding: lines are rounded to 8 decimals, the total to 2.")
    source.assume("The source names no holidays: they are ordinary days of the week.")
    source.assume(_validity(source))
    return {
        "schema": 1,
        "tariff": f"urdb-{label.strip('-.') or 'rate'}",
        "title": f"{utility}: {title}" if utility else title,
        "currency": "USD",
        "zone": zone,
        "valid_from": _OPEN,
        "source": f"OpenEI URDB {label}" + (f", {where}" if where else ""),
        "assumptions": source.assumptions,
        "rounding": {
            "line": {"places": 8, "mode": "half_up"},
            "total": {"places": 2, "mode": "half_up"},
        },
        "calendars": source.calendars,
        "components": parts,
    }


def _validity(source: Rate) -> str:
    start, end = (_day(source.get(name)) for name in ("startdate", "enddate"))
    if start is None and end is None:
        return "The source states no dates: the rate is used for any date."
    until = f" until {end}" if end else ""
    return f"The source is in force from {start or 'an open date'}{until}; it is used for any date."


def _day(value: object) -> str | None:
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
        return value[:10]
    if isinstance(value, Number) and not isinstance(value, bool):
        seconds = timedelta(seconds=int(str(value).split(".")[0]))
        return (datetime(1970, 1, 1, tzinfo=UTC) + seconds).date().isoformat()
    return None
