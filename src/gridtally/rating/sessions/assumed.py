"""After step 6 for charging sessions: how a tariff was read where OCPI leaves it open, in words."""

from __future__ import annotations

from collections.abc import Iterator

from gridtally.money import minor_digits
from gridtally.rating.sessions.tariff import ChargingTariff, Restrictions

__all__ = ["assumed"]


def assumed(tariff: ChargingTariff, *, spread: bool, averaged: bool) -> list[str]:
    """The sentences that apply, in the order of docs/charging.md.

    `spread`: energy of a period was spread over two prices; `averaged`: a CDR told the average
    current or power of a period alone.
    """
    return [
        *_who(tariff),
        *_when(tariff, averaged=averaged),
        *_flat(tariff),
        *_steps(tariff, spread=spread),
        *_taxes(tariff),
        *_limits(tariff),
        f"Nothing is rounded before the total, which is rounded half up to "
        f"{minor_digits(tariff.currency)} decimals, before and with taxes each.",
    ]


def _who(tariff: ChargingTariff) -> Iterator[str]:
    if tariff.type:
        yield f"type {tariff.type}: who may have the tariff is not checked."


def _when(tariff: ChargingTariff, *, averaged: bool) -> Iterator[str]:
    kinds = [(kind, e.when) for e in tariff.elements for kind in e.components if kind != "FLAT"]
    free = sorted({k for k, _ in kinds} - {k for k, when in kinds if when == Restrictions()})
    if free:
        yield (
            f"Where no element of {', '.join(free)} matches, it costs nothing "
            "(OCPI 2.2.1, Tariff object)."
        )
    whens = [element.when for element in tariff.elements]
    if any(w.weekdays is not None and w.minutes and w.minutes[0] > w.minutes[1] > 0 for w in whens):
        yield "day_of_week is the day of each instant, also after midnight of a window that wraps."
    if averaged and any((w.current, w.power) != ((None, None), (None, None)) for w in whens):
        yield "POWER and CURRENT of a CDR are averages, and read as constant within their period."


def _flat(tariff: ChargingTariff) -> Iterator[str]:
    flat = [bool(e.when.reservation) for e in tariff.elements if "FLAT" in e.components]
    if flat.count(False) > 1:
        yield "Of several FLAT prices, the first that becomes active is charged, once."
    if flat.count(True) > 1:
        yield (
            "Of several FLAT prices of a reservation, the first that becomes active is charged, "
            "once; for an expired one those of RESERVATION_EXPIRES come first."
        )


def _steps(tariff: ChargingTariff, *, spread: bool) -> Iterator[str]:
    yield (
        "step_size rounds the total of a session up once, at the component that was used last "
        "(OCPI 2.2.1, CDR object)."
    )
    charging = {k for e in tariff.elements if not e.when.reservation for k in e.components}
    reserved = [e.components["TIME"] for e in tariff.elements
                if e.when.reservation and "TIME" in e.components]  # fmt: skip
    if any(component.step > 1 for component in reserved):
        yield "Reserved time is rounded up to steps of its own, apart from charging and parking."
    if {"TIME", "PARKING_TIME"} <= charging:
        yield "With priced parking, step_size rounds the parking time only, not the charging."
    for path in tariff.zero_steps:
        yield f"{path} is 0 and read as 1."
    if spread:
        yield "Energy of a period that crosses an edge is spread evenly over the period."
    if any("TIME" in e.components and e.when.kwh != (None, None) for e in tariff.elements):
        yield "Where kWh reach a limit within a period, its time is cut as if energy flowed evenly."


def _taxes(tariff: ChargingTariff) -> Iterator[str]:
    stated = {component.vat is not None for component in tariff.components()}
    if not tariff.taxes_known:
        side = "before" if tariff.tax_included == "YES" else "with"
        yield f"The tariff states no VAT: the total {side} taxes is not known."
    elif tariff.tax_included != "N/A" and stated == {True, False}:
        yield "A component that states no VAT bears none, beside others that state it."


def _limits(tariff: ChargingTariff) -> Iterator[str]:
    reservations = any(element.when.reservation for element in tariff.elements)
    if reservations and (tariff.lowest or tariff.highest):
        yield "Limits bound the whole session, its reservation included."
    if tariff.lowest:
        yield "min_price does not bound a session without charging and parking."
