"""Before step 6 for charging sessions: a Charge Detail Record of OCPI, as a session of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gridtally.rating.sessions.tariff import ChargingTariff
from gridtally.rating.sessions.values import Reader

__all__ = ["Claim", "adapted"]

_TIMES = {"TIME": "charging", "PARKING_TIME": "parking", "RESERVATION_TIME": "reserved"}
_VALUES = {
    "ENERGY": "energy_kwh", "CURRENT": "current_a", "POWER": "power_kw",
    "MIN_CURRENT": "min_current_a", "MAX_CURRENT": "max_current_a",
    "MIN_POWER": "min_power_kw", "MAX_POWER": "max_power_kw",
}  # fmt: skip
_IGNORED = ("ENERGY_EXPORT", "ENERGY_IMPORT", "STATE_OF_CHARGE", "FLAT")
_SLACK = Decimal(3600) * Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Claim:
    """`total_cost` of a CDR."""

    before: Decimal | None
    after: Decimal | None


def adapted(
    reader: Reader, cdr: Mapping[str, Any], path: str, tariff: ChargingTariff
) -> tuple[dict[str, Any], Claim | None]:
    """A CDR as docs/charging.md describes our sessions, and what it says that it costs."""
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
    periods = reader.items(cdr, "charging_periods", path)
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
    return said, _claim(reader, cdr, path)


def _period(
    reader: Reader, value: object, bounds: tuple[object, object], path: str, tariff: ChargingTariff
) -> dict[str, Any]:
    said = reader.mapping(value, path)
    if said.get("tariff_id") not in (None, tariff.id):
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
        if kind in found and (state == "charging" or kind == "ENERGY"):
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


def _claim(reader: Reader, cdr: Mapping[str, Any], path: str) -> Claim | None:
    if cdr.get("total_cost") is None:
        return None
    where = f"{path}.total_cost"
    if not isinstance(cdr["total_cost"], dict):  # OCPI 2.1.1: a number, before VAT
        return Claim(reader.number(cdr, "total_cost", path, places=18, below=10**9), None)
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
    return Claim(before, after)
