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
from gridtally.rating.importers.demand import billing, demand, ratchet_unused
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
_AT_ONCE = 10
"""Names of keys in a sentence, which a tariff document bounds."""
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
    _doubled(source, rate)
    rule = export_rule(source, resolution_s=resolution_s, registers=registers)
    parts = [*_fixed(source), *energy(source, rule), *demand(source, resolution_s)]
    if any(part.get("demand") == BILLING for part in parts):
        parts.insert(0, billing(source, resolution_s))
    if not parts and not source.refused:
        source.refuse("the rate has no charge at all")
    ratchet_unused(source, parts)
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
    more, other = source.amount("fixedchargeeaaddl"), source.amount("fixedchargeeachaddl")
    _same(source, {"fixedchargeeaaddl": more, "fixedchargeeachaddl": other}, "")
    if more or other:
        source.assume(
            f"One meter is billed: the charge of {number(more or other)} for each additional "
            "meter is not."
        )
    first, named = source.amount("fixedchargefirstmeter"), "fixedchargefirstmeter"
    monthly = _monthly(source, first, source.get("fixedchargeunits"), named) if first else first
    plain = source.amount("fixedmonthlycharge")
    _same(source, {named: monthly, "fixedmonthlycharge": plain}, " per month")
    monthly = monthly or plain
    if monthly == 0:
        return []
    return [signed({"id": "fixed", "shape": "fixed", "per": "month", "price": monthly})]


def _minima(source: Rate, parts: list[Part], rule: Export) -> list[Part]:
    """The least that a month costs, then a year."""
    month, year = _least(source)
    if month < 0 or year < 0:
        source.refuse("mincharge or annualmincharge is below zero")
        return []
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
        made += _minimum(source, parts, counted, month)
        counted = counted + ["minimum"] * (made[-1:] != [] and made[-1]["id"] == "minimum")
    if year:
        source.assume("The minimum of a year is compared on the bill that ends on 31 December.")
        made.append({"id": "minimum-year", "shape": "minimum", "of": counted, "amount": year,
                     "per": "year", "settle": {"on": "01-01"}})  # fmt: skip
    if aside:
        made.append({"id": "aside-back", "shape": "percentage", "of": ["aside"], "negative": True,
                     "title": {"en": "Credit, given back"}, "percent": Decimal(-100)})  # fmt: skip
    return made


def _least(source: Rate) -> tuple[Decimal, Decimal]:
    """The minimum of a month and of a year, each stated once or twice alike."""
    stated, month = source.amount("mincharge"), source.amount("minmonthlycharge")
    year, unit = source.amount("annualmincharge"), source.get("minchargeunits")
    if source.get("mincharge") is None or stated < 0:
        return stated or month, year
    yearly = str(unit or "").lower().replace(" ", "") == "$/year"
    monthly = stated
    if yearly:
        monthly = Decimal(number(round_fraction(Fraction(stated) / 12, EIGHT)))
    elif stated:
        monthly = _monthly(source, stated, unit, "mincharge")
    _same(source, {"mincharge": monthly, "minmonthlycharge": month}, " per month")
    if not yearly:
        return monthly or month, year
    _same(source, {"mincharge": stated, "annualmincharge": year}, " per year")
    return Decimal(0), stated or year


def _same(source: Rate, stated: Mapping[str, Decimal], unit: str) -> None:
    """Two names of one price must say one thing."""
    (one, this), (two, that) = stated.items()
    if this != that and source.get(one) is not None and source.get(two) is not None:
        source.refuse(f"{one} and {two} differ, {number(this)} and {number(that)}{unit}: keep one")


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
    unknown = [_shown(key) for key in sorted(source.keys.keys() - known)]
    for start in range(0, len(unknown), _AT_ONCE):
        names = ", ".join(unknown[start : start + _AT_ONCE])
        source.assume(f"Keys that are not known and not read: {names}.")


def _doubled(source: Rate, rate: Mapping[str, Any]) -> None:
    """A key in two spellings: refused where it changes an amount, else said."""
    for one, two in keys.doubled(rate):
        name = keys.plain(one)
        if name in keys.READ - keys.NAMES:
            source.refuse(f"{one} and {two} are one key, and say two things: keep one")
        elif name not in keys.INFORMATION:
            source.assume(f"{one} and {two} are one key, and say two things: {one} is read.")


def _shown(value: object) -> str:
    """A value on one line, cut between words."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}: {each}" for key, each in value.items())
    elif isinstance(value, list):
        value = "; ".join(_shown(each) for each in value)
    text = _plain_text(value)
    if len(text) <= _SHOWN:
        return text
    whole = text[: _SHOWN - 1].rpartition(" ")[0] or text[: _SHOWN - 2]
    return f"{whole} …"


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
