"""The second opinion on step 6 for charging sessions, second half: money, from charging.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = ["EPOCH", "Use", "bill_of", "fraction", "instant", "moment"]

Json = Mapping[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THIRDS = "BHD IQD JOD KWD LYD OMR TND"


@dataclass
class Use:
    """What one component of the tariff is to be paid for: 1, Wh or seconds."""

    family: str
    measured: Fraction = Fraction(0)
    billed: Fraction = Fraction(0)


def fraction(value: object) -> Fraction:
    """A number of a document, exactly."""
    return Fraction(str(value))


def instant(text: str) -> Fraction:
    """Seconds since 1970."""
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return Fraction((at - EPOCH) // timedelta(microseconds=1), 1_000_000)


def moment(at: Fraction) -> datetime:
    """The microsecond of an instant."""
    return EPOCH + timedelta(microseconds=int(at * 1_000_000 // 1))


def _half_up(value: Fraction, places: int) -> Fraction:
    scaled = abs(value) * 10**places
    whole = (2 * scaled + 1) // 2
    return Fraction(int(whole), 10**places) * (-1 if value < 0 else 1)


def _text(value: Fraction) -> str:
    """A decimal where one spells it exactly, else a fraction."""
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _cents(value: Fraction, places: int) -> str:
    return format(Decimal(int(value * 10**places)).scaleb(-places), f".{places}f")


def _line(
    component: str, kind: str, *, bucket: str, unit: str, vat: str | None, measured: Fraction,
    quantity: Fraction, price: Fraction, factor: str, amount: Fraction,
) -> dict[str, Any]:  # fmt: skip
    return {
        "component": component,
        "kind": kind,
        "bucket": bucket,
        "measured": _text(_half_up(measured, 6)),
        "quantity": _text(_half_up(quantity, 6)),
        "unit": unit,
        "price": _text(price),
        "factor": factor,
        "amount": _text(_half_up(amount, 6)),
        "vat": vat,
    }


def _extra(component: str, kind: str, currency: str, amount: Fraction) -> dict[str, Any]:
    amount = _half_up(amount, 6)
    return _line(component, kind, bucket="", unit=currency, vat=None, measured=Fraction(1),
                 quantity=Fraction(1), price=amount, factor="1", amount=amount)  # fmt: skip


def _lines(
    tariff: Json, uses: dict[tuple[int, int, int], Use]
) -> Iterator[tuple[dict[str, Any], Fraction, Fraction | None]]:
    """Each line with its exact amount and its rate of VAT."""
    for (part, element, component), use in sorted(uses.items()):
        said = tariff["elements"][element]["price_components"][component]
        kind = said["type"]
        unit, divisor = {"FLAT": ("", 1), "ENERGY": ("kWh", 1000)}.get(kind, ("s", 3600))
        amount = use.billed * fraction(said["price"]) / divisor
        shown = 1000 if kind == "ENERGY" else 1
        vat = None if said.get("vat") is None else fraction(said["vat"])
        yield (
            _line(
                ("RESERVATION_" if part == 0 else "") + kind,
                {"FLAT": "flat", "ENERGY": "energy"}.get(kind, "time"),
                bucket=f"element-{element + 1}",
                unit=unit,
                vat=None if vat is None else _text(vat),
                measured=use.measured / shown,
                quantity=use.billed / shown,
                price=fraction(said["price"]),
                factor="1/3600" if unit == "s" else "1",
                amount=amount,
            ),
            amount,
            vat,
        )


def _limit(tariff: Json, key: str) -> tuple[Fraction, Fraction | None] | None:
    """A limit's amounts before and with taxes; None for the latter when nothing tells it."""
    said = tariff.get(key)
    if said is None:
        return None
    before = fraction(said["before_taxes"] if said.get("before_taxes") is not None
                       else said["excl_vat"])  # fmt: skip
    for name in ("after_taxes", "incl_vat"):
        if said.get(name) is not None:
            return before, fraction(said[name])
    parts = [c for e in tariff["elements"] for c in e["price_components"]]
    rates = {fraction(c["vat"]) if c.get("vat") is not None else Fraction(0) for c in parts}
    return before, before * (1 + rates.pop() / 100) if len(rates) == 1 else None


def _bounded(
    tariff: Json, charged: bool, totals: tuple[Fraction | None, Fraction | None]
) -> tuple[Fraction | None, Fraction | None, str]:
    """Both totals within the limits, and the last limit that changed one of them."""
    before, after = totals
    name = ""
    for key, better in (("min_price", max), ("max_price", min)):
        limit = _limit(tariff, key)
        if limit is None or (key == "min_price" and not charged):
            continue
        was = before, after
        if before is not None:
            before = better(before, limit[0])
        if after is not None:
            if limit[1] is not None:
                after = better(after, limit[1])
            elif before != was[0]:
                after = None
        if (before, after) != was:
            name = key
    return before, after, name


def bill_of(tariff: Json, session: Json, uses: dict[tuple[int, int, int], Use]) -> dict[str, Any]:
    """The bill; `uses` by (0 reservation or 1 charging, element, component)."""
    periods = session["periods"]
    rows = list(_lines(tariff, uses))
    included, parts = tariff.get("tax_included") or "NO", [
        c for e in tariff["elements"] for c in e["price_components"]
    ]  # fmt: skip
    unknown = (
        included != "N/A"
        and all(c.get("vat") is None for c in parts)
        and any(fraction(c["price"]) != 0 for c in parts)
    )
    gross = included == "YES"
    net, taxes = list[Fraction](), list[Fraction]()
    for _, amount, vat in rows:
        share = Fraction(0) if vat is None else vat / 100
        net.append(amount / (1 + share) if gross else amount)
        taxes.append(net[-1] * share)
    known = sum((amount for _, amount, _ in rows), Fraction(0))
    before = None if unknown and gross else sum(net, Fraction(0))
    after = None if unknown and not gross else sum(net, Fraction(0)) + sum(taxes, Fraction(0))
    if gross:
        after = known
    charged = any(period["state"] in ("charging", "parking") for period in periods)
    ex, inc, limit = _bounded(tariff, charged, (before, after))
    return _document(
        tariff, session, rows=rows, bases=list(zip(net, taxes, strict=True)),
        plain=(before, after), bounded=(ex, inc), limit=limit, gross=gross,
    )  # fmt: skip


def _document(
    tariff: Json, session: Json, *,
    rows: list[tuple[dict[str, Any], Fraction, Fraction | None]],
    bases: list[tuple[Fraction, Fraction]],
    plain: tuple[Fraction | None, Fraction | None],
    bounded: tuple[Fraction | None, Fraction | None],
    limit: str, gross: bool,
) -> dict[str, Any]:  # fmt: skip
    currency = tariff["currency"]
    places = 0 if currency in WHOLE.split() else 3 if currency in THIRDS.split() else 2
    ex, inc = (None if v is None else _half_up(v, places) for v in bounded)
    side = 1 if gross else 0
    lines = [line for line, _, _ in rows]
    total = inc if gross else ex
    was, now = plain[side], bounded[side]
    assert total is not None
    assert was is not None
    assert now is not None
    if now != was:
        word = {"min_price": "minimum", "max_price": "maximum"}[limit]
        lines.append(_extra(limit, word, currency, now - was))
    shown = sum((fraction(line["amount"]) for line in lines), Fraction(0))
    if shown != total:
        lines.append(_extra("rounding", "rounding", currency, total - shown))
    bill: dict[str, Any] = {
        "session": session["id"],
        "tariff": tariff["id"],
        "zone": session.get("time_zone") or "UTC",
        "from": _stamp(session["periods"][0]["start"]),
        "to": _stamp(session["periods"][-1]["end"]),
        "currency": currency,
        "lines": lines,
        "vat": _vat(rows, bases, plain=plain, bounded=bounded, rounded=(ex, inc), limit=limit),
        "total_ex_vat": None if ex is None else _cents(ex, places),
        "total_vat": None if ex is None or inc is None else _cents(inc - ex, places),
        "total_inc_vat": None if inc is None else _cents(inc, places),
        "total": _cents(total if inc is None else inc, places),
        "exact_ex_vat": None if bounded[0] is None else _text(bounded[0]),
        "exact_inc_vat": None if bounded[1] is None else _text(bounded[1]),
    }
    return bill


def _stamp(text: str) -> str:
    at = moment(instant(text))
    spec = "milliseconds" if at.microsecond else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def _vat(
    rows: list[tuple[dict[str, Any], Fraction, Fraction | None]],
    bases: list[tuple[Fraction, Fraction]], *,
    plain: tuple[Fraction | None, Fraction | None],
    bounded: tuple[Fraction | None, Fraction | None],
    rounded: tuple[Fraction | None, Fraction | None],
    limit: str,
) -> list[dict[str, Any]]:  # fmt: skip
    if None in (*plain, *bounded) or not rows:
        return []
    sums: dict[Fraction | None, tuple[Fraction, Fraction]] = {}
    for (_, _, rate), (base, tax) in zip(rows, bases, strict=True):
        old = sums.get(rate, (Fraction(0), Fraction(0)))
        sums[rate] = (old[0] + base, old[1] + tax)
    entries = []
    for rate in sorted(sums, key=lambda rate: -1 if rate is None else rate):
        base, tax = sums[rate]
        entries.append(("vat", None if rate is None else _text(rate), base, tax))
    (ex0, inc0), (ex1, inc1) = plain, bounded
    assert ex0 is not None
    assert ex1 is not None
    assert inc0 is not None
    assert inc1 is not None
    if (ex0, inc0) != (ex1, inc1):
        entries.append((limit, None, ex1 - ex0, (inc1 - ex1) - (inc0 - ex0)))
    told = [(kind, rate, _half_up(base, 6), _half_up(tax, 6)) for kind, rate, base, tax in entries]
    ex, inc = rounded
    assert ex is not None
    assert inc is not None
    base = ex - sum((row[2] for row in told), Fraction(0))
    tax = inc - ex - sum((row[3] for row in told), Fraction(0))
    if base or tax:
        told.append(("rounding", None, base, tax))
    return [
        {"kind": kind, "rate": rate, "base": _text(base), "tax": _text(tax)}
        for kind, rate, base, tax in told
    ]
