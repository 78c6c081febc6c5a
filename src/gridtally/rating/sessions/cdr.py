"""Before step 6 for charging sessions: a Charge Detail Record of OCPI, as a session of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gridtally.rating.sessions.tariff import ChargingTariff
from gridtally.rating.sessions.values import Reader, same_id

__all__ = ["Claim", "adapted"]

_TIMES = {"TIME": "charging", "PARKING_TIME": "parking", "RESERVATION_TIME": "reserved"}
_VALUES = {
    "ENERGY": "energy_kwh", "CURRENT": "current_a", "POWER": "power_kw",
    "MIN_CURRENT": "min_current_a", "MAX_CURRENT": "max_current_a",
    "MIN_POWER": "min_power_kw", "MAX_POWER": "max_power_kw",
}  # fmt: skip
_IGNORED = ("ENERGY_EXPORT", "ENERGY_IMPORT", "STATE_OF_CHARGE", "FLAT")
_NEAR = Decimal("0.001")
_SLACK = Decimal(3600) * _NEAR


@dataclass(frozen=True, slots=True)
class Claim:
    """What a CDR says of itself: `total_cost`, and what its periods contradict."""

    before: Decimal | None = None
    after: Decimal | None = None
    differs: tuple[tuple[str, Decimal, Decimal, str], ...] = ()
    """Name of a total, what is stated, what the periods have, unit."""
    averaged: bool = False
    """Whether a period tells its average current or power, and no range."""


def adapted(
    reader: Reader, cdr: Mapping[str, Any], path: str, tariff: ChargingTariff
) -> tuple[dict[str, Any], Claim]:
    """A CDR as docs/charging.md describes our sessions, and what it says of itself."""
    _other(reader, cdr, path, tariff)
    periods = reader.items(cdr, "charging_periods", path)
    _starts(reader, cdr, periods, path)
    _tariffed(reader, periods, path)
    starts = [p.get("start_date_time") if isinstance(p, dict) else None for p in periods]
    ends = [*starts[1:], cdr.get("end_date_time")][: len(starts)]
    told = [
        _period(reader, period, (start, end), f"{path}.charging_periods[{n}]", tariff)
        for n, (period, start, end) in enumerate(zip(periods, starts, ends, strict=True))
    ]
    if told and all(period["state"] == "reserved" for period in told):
        told = [{**period, "state": "expired"} for period in told]
    place = cdr.get("cdr_location") or cdr.get("location")
    zone = place.get("time_zone") if isinstance(place, dict) else None
    said = {"id": cdr.get("id"), "time_zone": zone, "periods": told}
    before, after = _claim(reader, cdr, path)
    differs = tuple(_differs(reader, cdr, told, path))
    averaged = any(period.keys() & {"current_a", "power_kw"} for period in told)
    return said, Claim(before, after, differs, averaged)


def _other(reader: Reader, cdr: Mapping[str, Any], path: str, tariff: ChargingTariff) -> None:
    """A CDR that is not to be rated, or not under this tariff."""
    if cdr.get("credit") is True:
        reader.wrong(
            f"{path}.credit",
            "this is a credit CDR: it takes another one back.",
            "Rate the one that it refers to.",
            code="rating.session.cdr_other",
        )
    if cdr.get("currency") not in (None, tariff.currency):
        reader.wrong(f"{path}.currency", f"is {cdr['currency']!s:.8}, the tariff's is "
                     f"{tariff.currency}.", "Rate it under its own tariff.",
                     code="rating.session.cdr_other")  # fmt: skip
    brought = reader.items(cdr, "tariffs", path, needed=False)
    ids = [str(each.get("id"))[:40] for each in brought if isinstance(each, dict)]
    if ids and not any(same_id(each, tariff.id) for each in ids):
        reader.wrong(f"{path}.tariffs", f"are {' and '.join(ids[:5])}, not {tariff.id}.",
                     "Rate it under its own tariff.",
                     code="rating.session.cdr_other")  # fmt: skip


def _starts(reader: Reader, cdr: Mapping[str, Any], periods: Sequence[Any], path: str) -> None:
    """The first period starts with the CDR: what is before it has no price."""
    first = periods[0] if periods and isinstance(periods[0], dict) else {}
    quiet = Reader()  # the periods' own complaints are made with them
    begins, starts = (quiet.instant(each, "start_date_time", "") for each in (cdr, first))
    if begins is not None and starts is not None:
        later = Decimal(starts - begins) / 1000
        if abs(later) > _SLACK:
            side = "later" if later > 0 else "earlier"
            reader.wrong(f"{path}.start_date_time", f"the first period starts {abs(later)} s "
                         f"{side}.", "Ask for a CDR whose periods cover it.",
                         code="rating.session.cdr_time_differs")  # fmt: skip


def _tariffed(reader: Reader, periods: Sequence[Any], path: str) -> None:
    """Where one period names a tariff, each must: one that does not has none (OCPI 2.2.1)."""
    named = [isinstance(p, dict) and p.get("tariff_id") is not None for p in periods]
    for n in (n for n, has in enumerate(named) if any(named) and not has):
        reader.wrong(f"{path}.charging_periods[{n}].tariff_id",
                     "is missing, beside periods that have one: then no tariff is relevant "
                     "(OCPI 2.2.1).", "Ask the operator for the tariff of each period.",
                     code="rating.session.cdr_untariffed")  # fmt: skip


def _differs(
    reader: Reader, cdr: Mapping[str, Any], told: Sequence[Mapping[str, Any]], path: str
) -> Iterator[tuple[str, Decimal, Decimal, str]]:
    """Totals of the CDR that are not those of its periods, by more than a thousandth of each."""
    hours = {"charging": Decimal(0), "parking": Decimal(0), "reserved": Decimal(0)}
    for period in told:
        start, end = (Reader().instant(period, key, "") or 0 for key in ("start", "end"))
        state = "reserved" if period["state"] == "expired" else period["state"]
        hours[state] += Decimal(end - start) / 3_600_000
    energies = [period["energy_kwh"] for period in told if "energy_kwh" in period]
    lasted = hours["charging"] + hours["parking"]
    sums = {
        "total_energy": ([sum(energies, Decimal(0))] if energies else [], "kWh"),
        "total_time": ([lasted, lasted + hours["reserved"]], "h"),
        "total_parking_time": ([hours["parking"]], "h"),
    }
    for name, (found, unit) in sums.items():
        stated = reader.number(cdr, name, path, places=18, below=10**9)
        if stated is not None and found:
            off, near = min((abs(each - stated), each) for each in found)
            if off > len(told) * _NEAR:
                yield name, stated, round(near, 6), unit


def _period(
    reader: Reader, value: object, bounds: tuple[object, object], path: str, tariff: ChargingTariff
) -> dict[str, Any]:
    said = reader.mapping(value, path)
    if said.get("tariff_id") is not None and not same_id(said["tariff_id"], tariff.id):
        reader.wrong(
            f"{path}.tariff_id",
            f"is {said['tariff_id']!s:.40}, not {tariff.id}.",
            "Rate it under its own tariff.",
            code="rating.session.cdr_other",
        )
    found: dict[str, Decimal] = {}
    for n, part in enumerate(reader.items(said, "dimensions", path)):
        where = f"{path}.dimensions[{n}]"
        dimension = reader.mapping(part, where)
        kind = reader.word(dimension, "type", where, (*_TIMES, *_VALUES, *_IGNORED), needed=True)
        volume = reader.number(dimension, "volume", where, places=18, below=10**9, needed=True)
        if kind in found:
            reader.wrong(f"{where}.type", f"{kind} stands twice in this period.",
                         "Leave one of the two.")  # fmt: skip
        found[kind] = volume or Decimal(0)
    state = _state(reader, found, path)
    _length(reader, found, bounds, path)
    period = {"start": bounds[0], "end": bounds[1], "state": state}
    for kind, key in _VALUES.items():
        ranged = {f"MIN_{kind}", f"MAX_{kind}"} & found.keys()  # beside them, an average is no end
        if kind in found and not ranged and (state == "charging" or kind == "ENERGY"):
            period[key] = found[kind]
    return period


def _state(reader: Reader, found: Mapping[str, Decimal], path: str) -> str:
    running = [kind for kind in _TIMES if found.get(kind)]
    if len(running) > 1:
        reader.wrong(
            f"{path}.dimensions",
            f"has {' and '.join(running)}: in which order?",
            "Ask for a period of its own for each.",
            code="rating.session.cdr_mixed",
        )
    return _TIMES[running[0]] if running else "charging"


def _length(
    reader: Reader, found: Mapping[str, Decimal], bounds: tuple[object, object], path: str
) -> None:
    """A volume of time must be what the instants say."""
    keys = {"start_date_time": bounds[0], "end_date_time": bounds[1]}
    start, end = (reader.instant(keys, key, path, needed=True) for key in keys)
    running = [kind for kind in _TIMES if found.get(kind)]
    for kind in running if len(running) == 1 else ():
        if start is not None and end is not None:
            stated, lasted = found[kind] * 3600, Decimal(end - start) / 1000
            if abs(stated - lasted) > _SLACK:
                reader.wrong(f"{path}.dimensions", f"{kind} is {found[kind]} h, but the period "
                             f"lasts {lasted} s.", "Ask for a CDR whose times agree.",
                             code="rating.session.cdr_time_differs")  # fmt: skip


def _claim(
    reader: Reader, cdr: Mapping[str, Any], path: str
) -> tuple[Decimal | None, Decimal | None]:
    """The cost before and with taxes."""
    if cdr.get("total_cost") is None:
        return None, None
    where = f"{path}.total_cost"
    if not isinstance(cdr["total_cost"], dict):  # OCPI 2.1.1: a number, before VAT
        return reader.number(cdr, "total_cost", path, places=18, below=10**9), None
    said = reader.mapping(cdr["total_cost"], where)
    amounts = [
        next(
            (reader.number(said, k, where, places=18, below=10**9) for k in keys if k in said), None
        )
        for keys in (("excl_vat", "before_taxes"), ("incl_vat", "after_taxes"))
    ]
    before, after = amounts
    taxes = said.get("taxes")
    if after is None and before is not None and isinstance(taxes, list):
        parts = [
            reader.number(reader.mapping(t, where), "amount", where, places=18, below=10**9)
            for t in taxes
        ]
        after = before + sum((p for p in parts if p is not None), Decimal(0))
    return before, after
