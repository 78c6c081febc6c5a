"""Beside step 6: a rate of the OpenEI Utility Rate Database (JSON, version 7 or 8) as a tariff.

What the source leaves open is read in one way and listed in `assumptions`; what a tariff document
cannot express is refused (`docs/urdb.md`). `keys.py` has every key of the source, `energy.py`,
`export.py` and `demand.py` what each part of it becomes.
Source of the fields: https://openei.org/services/doc/rest/util_rates/?version=8
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Number
from typing import Any

from gridtally.errors import InvalidDocument
from gridtally.money import number, round_fraction
from gridtally.rating.importers import keys
from gridtally.rating.importers.demand import billing, demand
from gridtally.rating.importers.energy import BILLING, energy
from gridtally.rating.importers.export import Export, bank, export_rule
from gridtally.rating.importers.parts import Part, signed
from gridtally.rating.importers.rate import EIGHT, Rate
from gridtally.rating.importers.toml import to_toml
from gridtally.terms import Channel

__all__ = ["to_document", "to_text"]

_OPEN = date(1990, 1, 1)
_BOTH = (Channel.IMPORT, Channel.EXPORT)
_SHOWN = 160
_FAR_S = 10**11
"""A day before the year 5139, in seconds since 1970: dates beyond are no dates."""


def to_document(
    rate: Mapping[str, Any],
    *,
    zone: str,
    channels: Iterable[str] = _BOTH,
    resolution_s: int | None = None,
    registers: bool = False,
) -> dict[str, Any]:
    """The tariff document of a rate: numbers are `Decimal`, dates are dates.

    `zone` is where its hours are local; `channels` are those that the readings have: without
    export nothing is netted or credited. `resolution_s` is the readings' interval, if known: a
    demand window that it divides is taken over. `registers`: dials are billed, which know no order
    of time.
    Raises `InvalidDocument` that lists everything that cannot be expressed.
    """
    source = Rate(keys.plainly(rate), frozenset(map(str, channels)))
    rule = export_rule(source, resolution_s=resolution_s, registers=registers)
    parts = [*_fixed(source), *energy(source, rule), *demand(source, resolution_s)]
    if any(part.get("demand") == BILLING for part in parts):
        parts.insert(0, billing(source, resolution_s))
    if not parts and not source.refused:
        source.refuse("the rate has no charge at all")
    parts += _minima(source, parts, rule)
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
    if more := source.amount("fixedchargeeaaddl", "fixedchargeeachaddl"):
        source.assume(
            f"One meter is billed: the charge of {number(more)} for each additional meter is not."
        )
    if price == 0:
        return []
    named = "fixedchargefirstmeter" if source.get("fixedchargefirstmeter") is not None else ""
    unit = source.get("fixedchargeunits") if named else "$/month"
    monthly = _monthly(source, price, unit, named)
    return [signed({"id": "fixed", "shape": "fixed", "per": "month", "price": monthly})]


def _minima(source: Rate, parts: list[Part], rule: Export) -> list[Part]:
    """The least that a month costs, then a year."""
    month, year = source.amount("mincharge", "minmonthlycharge"), source.amount("annualmincharge")
    unit = str(source.get("minchargeunits") or "").lower().replace(" ", "")
    if month < 0 or year < 0:
        source.refuse("mincharge or annualmincharge is below zero")
        return []
    if unit == "$/year" and source.get("mincharge") is not None:
        month, year = Decimal(0), max(month, year)
    made = bank(source, rule, parts, minimum=bool(month or year))
    sold = any(part.get("credit") for part in parts)
    if not (month or year) or not parts:
        return made
    counted = [part["id"] for part in parts + made]
    if sold and rule.minimum == "charges":
        source.assume("A minimum is compared with the charges, without what export earns.")
        counted = [part["id"] for part in parts if not part.get("credit")]
    aside = sold and rule.minimum == "zero"
    if aside:
        source.assume("A bill below zero counts as zero when it is compared with a minimum.")
        made.append({"id": "aside", "shape": "minimum", "title": {"en": "Credit, set aside"},
                     "of": counted, "amount": Decimal(0)})  # fmt: skip
        counted = [*counted, "aside"]
    if month:
        named = source.get("mincharge") is not None
        monthly = _monthly(source, month, unit if named else "$/month", "mincharge")
        made += _minimum(source, parts, counted, monthly)
        counted = counted + ["minimum"] * (made[-1:] != [] and made[-1]["id"] == "minimum")
    if year:
        source.assume("The minimum of a year is compared on the bill that ends on 31 December.")
        made.append({"id": "minimum-year", "shape": "minimum", "of": counted, "amount": year,
                     "per": "year", "settle": {"on": "01-01"}})  # fmt: skip
    if aside:
        made.append({"id": "aside-back", "shape": "percentage", "of": ["aside"], "negative": True,
                     "title": {"en": "Credit, given back"}, "percent": Decimal(-100)})  # fmt: skip
    return made


def _minimum(source: Rate, parts: list[Part], of: list[str], monthly: Decimal) -> list[Part]:
    fixed = next((part["price"] for part in parts if part["id"] == "fixed"), Decimal(0))
    below = any(p.get("credit") or p.get("negative") for p in parts if p["id"] in of)
    if fixed > monthly and not below:
        source.assume(
            f"mincharge is below the fixed charge, {fixed}: it never acts, and is left out."
        )
        return []
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


# ------------------------------------------------------------------ the rest


def _others(source: Rate) -> None:
    """What is not charged, or cannot be, is said."""
    country = str(source.get("country") or "USA")
    if country.upper() not in ("USA", "US", "UNITED STATES"):
        source.refuse(f"country: the currency of {country[:40]} is not stated")
    service = str(source.get("servicetype") or "Bundled")
    if service.lower() != "bundled":
        source.assume(
            f"servicetype: the rate is for {service[:60]!r} alone; what else a customer pays is "
            "on other bills."
        )
    limits = [f"{key} {_shown(source.keys[key])}" for key in source.keys if key in keys.LIMITS]
    if limits:
        source.assume(f"Who may have the rate is not checked: {', '.join(limits)}.")
    for key in source.keys:
        if source.get(key) is None:
            continue
        if key in keys.NOTES:
            source.assume(f"{key} is a note and not charged: {_shown(source.keys[key])}")
        elif key in keys.COMMENTS:
            source.assume(f"{key}, not charged: {_shown(source.keys[key])}")
    known = keys.READ | keys.LIMITS | keys.COMMENTS | keys.NOTES | keys.INFORMATION
    if unknown := sorted(source.keys.keys() - known):
        source.assume(f"Keys that are not known and not read: {', '.join(unknown)[:_SHOWN]}.")


def _shown(value: object) -> str:
    """A value on one line, cut."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}: {each}" for key, each in value.items())
    elif isinstance(value, list):
        value = "; ".join(_shown(each) for each in value)
    text = _plain_text(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 2] + " …"


def _plain_text(value: object) -> str:
    return "".join(c for c in " ".join(str(value).split()) if c.isprintable())


def _document(source: Rate, zone: str, parts: list[Part]) -> dict[str, Any]:
    label = re.sub(r"[^a-z0-9.-]", "-", str(source.get("label") or "rate").lower())[:48]
    title = _plain_text(source.get("name") or label)[:500] or label
    utility = _plain_text(source.get("utility") or "")[:200]
    where = _plain_text(source.get("source", "sourcereference", "uri") or "")[:500]
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
        **({"events": source.events} if source.events else {}),
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
        seconds = Decimal(str(value))
        if seconds.is_finite() and abs(seconds) < _FAR_S:
            day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
            return day.date().isoformat()
    return None
