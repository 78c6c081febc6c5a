"""Before step 6 for charging sessions: an OCPI Tariff object, checked key by key.

`docs/charging.md` says what each key means. All that is wrong is said at once, with its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gridtally.errors import InvalidDocument, NotFound, UsageError
from gridtally.rating.sessions.values import Complaint, Reader, json_of, same_id, unwrapped

__all__ = [
    "ChargingTariff",
    "Component",
    "Element",
    "Limit",
    "Restrictions",
    "load",
    "looks_so",
    "objects",
    "read",
]

KINDS = ("FLAT", "ENERGY", "TIME", "PARKING_TIME")
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
RESERVATIONS = ("RESERVATION", "RESERVATION_EXPIRES")
_TARIFF = (
    "country_code", "party_id", "id", "currency", "type", "tariff_alt_text", "tariff_alt_url",
    "min_price", "max_price", "preauthorize_amount", "elements", "tax_included",
    "start_date_time", "end_date_time", "energy_mix", "last_updated",
)  # fmt: skip
_BANDS = ("kwh", "current", "power", "duration")
_RESTRICTIONS = (
    "start_time", "end_time", "start_date", "end_date", "day_of_week", "reservation",
    *(f"{side}_{band}" for band in _BANDS for side in ("min", "max")),
)  # fmt: skip
_BEFORE, _AFTER = ("before_taxes", "excl_vat"), ("after_taxes", "incl_vat")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Component:
    """One price."""

    price: Fraction
    vat: Fraction | None
    """Percent; None: no VAT applies."""
    step: int
    """[Wh] or [s]."""
    order: int
    """Its place in the element."""


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an element is active; None: whenever."""

    minutes: tuple[int, int] | None = None
    """Local time of day [min]; an end that is not after its start wraps."""
    days: tuple[int | None, int | None] = (None, None)
    """Local days since 1970-01-01, half-open."""
    weekdays: frozenset[int] | None = None
    kwh: tuple[int | None, int | None] = (None, None)
    """[10^-6 kWh]"""
    current: tuple[int | None, int | None] = (None, None)
    """[10^-6 A]"""
    power: tuple[int | None, int | None] = (None, None)
    """[10^-6 kW]"""
    duration: tuple[int | None, int | None] = (None, None)
    """[ms]"""
    reservation: str = ""

    @property
    def local(self) -> bool:
        """Whether the local time matters."""
        return self.minutes is not None or self.days != (None, None) or self.weekdays is not None


@dataclass(frozen=True, slots=True)
class Element:
    """Prices that share their restrictions."""

    components: Mapping[str, Component]
    when: Restrictions


@dataclass(frozen=True, slots=True)
class Limit:
    """The least or the most that a session costs."""

    before: Fraction
    after: Fraction | None
    """With taxes; None: nothing tells it."""


@dataclass(frozen=True, slots=True)
class ChargingTariff:
    """A tariff that can be rated."""

    id: str
    currency: str
    elements: tuple[Element, ...]
    tax_included: str
    taxes_known: bool
    start: int | None
    """First instant [ms] at which a session may start; None: always."""
    end: int | None
    lowest: Limit | None
    highest: Limit | None
    type: str = ""
    """Whom it is for; not checked."""
    unknown: tuple[str, ...] = ()
    """Keys that are ignored."""
    zero_steps: tuple[str, ...] = ()
    """Paths of steps of 0, read as 1."""

    def components(self) -> Iterator[Component]:
        """All of them."""
        for element in self.elements:
            yield from element.components.values()

    @property
    def needs_zone(self) -> bool:
        """Whether a price depends on local time."""
        return any(element.when.local for element in self.elements)

    @property
    def needs_energy(self) -> bool:
        """Whether energy decides a price of the charging part."""
        return any(
            "ENERGY" in element.components or element.when.kwh != (None, None)
            for element in self.elements
            if not element.when.reservation
        )


def looks_so(data: bytes) -> bool:
    """Whether a file holds OCPI tariffs; never raises."""
    try:
        value = unwrapped(json_of(data))
    except ValueError:
        return False
    first = value[0] if isinstance(value, list) and value else value
    elements = first.get("elements") if isinstance(first, dict) else None
    return isinstance(elements, list) and any(
        isinstance(e, dict) and "price_components" in e for e in elements
    )


def load(
    data: bytes, *, name: str, key: str | None = None
) -> tuple[ChargingTariff, dict[str, Any]]:
    """The tariff of a file, and the JSON object that it is made of; of several, `key` names one.

    Raises `InvalidDocument` that lists everything that is wrong, `UsageError`, `NotFound`.
    """
    chosen = _pick(objects(data, name=name), name=name, key=key)
    tariff, problems = read(chosen)
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise InvalidDocument(
            f"This OCPI tariff cannot be rated:{listed}\n",
            code="rating.charging.tariff",
            file=name,
            remedy="Correct these keys, or ask the operator for a corrected tariff.",
        )
    return tariff, chosen


def read(said: Mapping[str, Any]) -> tuple[ChargingTariff, list[Complaint]]:
    """A tariff object, and everything that is wrong with it: then it must not be rated."""
    reader = Reader()
    tariff = _tariff(reader, said)
    return tariff, reader.problems


def objects(data: bytes, *, name: str) -> list[dict[str, Any]]:
    """The tariff objects of a file, one at least. Raises `InvalidDocument`."""
    try:
        value = unwrapped(json_of(data))
    except ValueError as err:
        raise InvalidDocument(f"This is not JSON: {err}.", file=name) from err
    found = [t for t in (value if isinstance(value, list) else [value]) if isinstance(t, dict)]
    if not found:
        raise InvalidDocument("There is no OCPI tariff in this file.", file=name)
    return found


def _pick(found: list[dict[str, Any]], *, name: str, key: str | None) -> dict[str, Any]:
    names = [str(tariff.get("id")) for tariff in found]
    chosen = [t for t, id_ in zip(found, names, strict=True) if key is None or same_id(id_, key)]
    if key is None and len(found) > 1:
        raise UsageError(
            f"The file holds {len(found)} tariffs.",
            file=name,
            remedy=f"Name one with --rate: {', '.join(names[:20])}.",
        )
    if not chosen:
        raise NotFound(
            f"There is no tariff {str(key)[:64]!r}.",
            file=name,
            remedy=f"There are: {', '.join(names[:20])}.",
        )
    if any(tariff != chosen[0] for tariff in chosen):
        parties = [f"{t.get('country_code', '?')} {t.get('party_id', '?')}"[:20] for t in chosen]
        raise InvalidDocument(
            f"{len(chosen)} tariffs have the id {chosen[0].get('id')!s:.64}: of "
            f"{' and '.join(parties[:5])}.",
            file=name,
            remedy="Give a file with the one that is meant.",
        )
    return chosen[0]


# -------------------------------------------------------------------- the keys


def _tariff(reader: Reader, value: Mapping[str, Any]) -> ChargingTariff:
    elements = reader.items(value, "elements", "")
    zero: list[str] = []
    parts = [_element(reader, part, f"elements[{n}]", zero) for n, part in enumerate(elements)]
    included = reader.word(value, "tax_included", "", ("YES", "NO", "N/A")) or "NO"
    components = [c for part in parts for c in part.components.values()]
    priced = any(c.price for c in components)
    known = included == "N/A" or not priced or any(c.vat is not None for c in components)
    if included == "N/A" and any(c.vat for c in components):
        reader.wrong("tax_included", "N/A says that no taxes apply, but a component states a vat.",
                     "State NO or YES, or leave the vat out.")  # fmt: skip
    rates = {c.vat or Fraction(0) for c in components}
    tied = None if len(rates) != 1 else 1 + next(iter(rates)) / 100
    limits = {
        key: _limit(
            reader,
            value,
            key,
            tied=tied,
            needs_after=included == "YES" and (tied is None or not known),
        )
        for key in ("min_price", "max_price")
    }
    lowest, highest = limits["min_price"], limits["max_price"]
    if lowest and highest and (
        lowest.before > highest.before
        or (lowest.after and highest.after and lowest.after > highest.after)
    ):  # fmt: skip
        reader.wrong("min_price", "is above max_price.", "Exchange them, or leave one out.")
    currency = reader.text(value, "currency", "")
    if currency and not re.fullmatch(r"[A-Z]{3}", currency):
        reader.wrong("currency", f"{currency!r} is no currency.", "Write three capitals, as EUR.")
    return ChargingTariff(
        id=reader.text(value, "id", ""),
        currency=currency,
        elements=tuple(parts),
        tax_included=included,
        taxes_known=known,
        start=reader.instant(value, "start_date_time", ""),
        end=reader.instant(value, "end_date_time", ""),
        lowest=lowest,
        highest=highest,
        type=str(value.get("type") or "")[:64],
        unknown=tuple(sorted(str(key) for key in value.keys() - set(_TARIFF))),
        zero_steps=tuple(zero),
    )


def _element(reader: Reader, value: object, path: str, zero: list[str]) -> Element:
    element = reader.mapping(value, path)
    reader.known(element, ("price_components", "restrictions"), path)
    when = _restrictions(reader, element.get("restrictions"), f"{path}.restrictions")
    components: dict[str, Component] = {}
    for n, part in enumerate(reader.items(element, "price_components", path)):
        where = f"{path}.price_components[{n}]"
        said = reader.mapping(part, where)
        reader.known(said, ("type", "price", "vat", "step_size"), where)
        kind = reader.word(said, "type", where, KINDS, needed=True)
        price = reader.number(said, "price", where, places=8, below=1_000_000, needed=True)
        vat = reader.number(said, "vat", where, places=8, below=1_000_000)
        if vat is not None and not 0 <= vat <= 100:
            reader.wrong(f"{where}.vat", f"{vat} is no percentage.", "Write 0 to 100.")
        step = reader.whole(said, "step_size", where, needed=True)
        if step == 0 and kind != "FLAT":
            zero.append(f"{where}.step_size")
        if kind in components:
            reader.wrong(f"{where}.type", f"{kind} stands twice in this element.",
                         "Move one of the two prices to an element of its own.")  # fmt: skip
        if when.reservation and kind in ("ENERGY", "PARKING_TIME"):
            reader.wrong(f"{where}.type", f"a reservation has no {kind}.",
                         "Use FLAT or TIME, or leave out restrictions.reservation.")  # fmt: skip
        components[kind] = Component(
            Fraction(price or 0), None if vat is None else Fraction(vat), step or 1, n
        )
    return Element(components, when)


def _restrictions(reader: Reader, value: object, path: str) -> Restrictions:
    said = {} if value is None else reader.mapping(value, path)
    reader.known(said, _RESTRICTIONS, path)
    clock = [_minutes(reader, said, key, path) for key in ("start_time", "end_time")]
    band: dict[str, tuple[int | None, int | None]] = {}
    for name in _BANDS:
        low, high = (_bound(reader, said, f"{side}_{name}", path) for side in ("min", "max"))
        if low is not None and high is not None and low >= high:
            reader.wrong(f"{path}.min_{name}", f"is not below max_{name}: never active.",
                         "Exchange the two, or leave one out.")  # fmt: skip
        band[name] = low, high
    names = reader.items(said, "day_of_week", path, needed=False)
    for n, word in enumerate(names):
        reader.among(word, DAYS, f"{path}.day_of_week[{n}]")
    days = [_day(reader, said, key, path) for key in ("start_date", "end_date")]
    return Restrictions(
        minutes=None if clock == [None, None] else (clock[0] or 0, clock[1] or 0),
        days=(days[0], days[1]),
        weekdays=frozenset(DAYS.index(word) for word in names if word in DAYS) or None,
        reservation=reader.word(said, "reservation", path, RESERVATIONS),
        **band,
    )


def _minutes(reader: Reader, said: Mapping[str, Any], key: str, path: str) -> int | None:
    text = said.get(key)
    if text is None:
        return None
    if not isinstance(text, str) or not _CLOCK.match(text):
        reader.wrong(f"{path}.{key}", f"{text!r} is no time of day.", "Write HH:MM, as 09:30.")
        return None
    return int(text[:2]) * 60 + int(text[3:])


def _day(reader: Reader, said: Mapping[str, Any], key: str, path: str) -> int | None:
    text = said.get(key)
    if text is None:
        return None
    try:
        if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            raise ValueError
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        reader.wrong(f"{path}.{key}", f"{text!r} is no date.", "Write YYYY-MM-DD.")
        return None


def _bound(reader: Reader, said: Mapping[str, Any], key: str, path: str) -> int | None:
    if key.endswith("_duration"):
        seconds = reader.whole(said, key, path)
        return None if seconds is None else seconds * 1000
    value = reader.number(said, key, path, places=6, below=1_000_000)
    if value is not None and value < 0:
        reader.wrong(f"{path}.{key}", f"{value} is below zero.", "Write zero or more.")
    return None if value is None else int(value * 1_000_000)


def _limit(
    reader: Reader, tariff: Mapping[str, Any], key: str, *, tied: Fraction | None,
    needs_after: bool,
) -> Limit | None:  # fmt: skip
    if tariff.get(key) is None:
        return None
    said = reader.mapping(tariff[key], key)
    if said.get("taxes") is not None:
        reader.wrong(f"{key}.taxes", "are not read.", "State after_taxes in their place.")
    reader.known(said, (*_BEFORE, *_AFTER, "taxes"), key)
    amounts: list[Decimal | None] = []
    for names in (_BEFORE, _AFTER):
        name = next((name for name in names if said.get(name) is not None), names[0])
        amounts.append(reader.number(said, name, key, places=8, below=1_000_000,
                                     needed=names is _BEFORE))  # fmt: skip
        other = reader.number(said, names[1], key, places=8, below=1_000_000)
        if other is not None and amounts[-1] is not None and other != amounts[-1]:
            reader.wrong(f"{key}.{names[1]}", f"is {other}, {names[0]} is {amounts[-1]}.",
                         "Leave one of the two.")  # fmt: skip
    before, after = (None if a is None else Fraction(a) for a in amounts)
    if before is None:
        return None
    if after is None and needs_after:
        reader.wrong(f"{key}.after_taxes", "is missing: the rate of the taxes is not one.",
                     "State the limit with taxes.")  # fmt: skip
    if after is None and tied is not None:
        after = before * tied
    return Limit(before, after)
