"""Steps 6-7 for charging sessions: exact amounts, taxes, limits, and the rounding of the total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from gridtally.money import Rounding, minor_digits, number, round_fraction
from gridtally.periods import iso_utc
from gridtally.rating.sessions.document import RESERVED, Session
from gridtally.rating.sessions.rate import Used
from gridtally.rating.sessions.tariff import ChargingTariff
from gridtally.terms import RoundingMode

__all__ = ["bill_of"]

ZERO = Fraction(0)
_MILLION = 1_000_000
"""Quantities and amounts are shown to 6 decimals: whole millionths; no total comes of them."""
_KINDS = {"FLAT": ("flat", ""), "ENERGY": ("energy", "kWh")}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with its exact amounts."""

    shown: Json
    stated: int
    """Amount as shown [10^-6]."""
    base: Fraction
    tax: Fraction
    rate: Fraction | None


@dataclass(slots=True)
class _Totals:
    """Before and with taxes; None where the taxes are not known."""

    before: Fraction | None
    after: Fraction | None

    def pair(self) -> tuple[Fraction, Fraction] | None:
        """Both, where both are known."""
        if self.before is None or self.after is None:
            return None
        return self.before, self.after


def bill_of(session: Session, used: Used, tariff: ChargingTariff) -> Json:
    """The bill of one session, as docs/charging.md shows it."""
    rounding = Rounding(minor_digits(tariff.currency), RoundingMode.HALF_UP)
    gross = tariff.tax_included == "YES"
    lines = list(_lines(used, tariff, gross=gross))
    base, tax = sum((x.base for x in lines), ZERO), sum((x.tax for x in lines), ZERO)
    plain = _Totals(base, base + tax)
    if not tariff.taxes_known:
        plain = _Totals(None, base) if gross else _Totals(base, None)
    charged = any(span.state < RESERVED for span in session.spans)
    exact, limit = _limited(plain, tariff, charged=charged)
    ex, inc = (_rounded(v, rounding) for v in (exact.before, exact.after))
    due, was, now = (
        (inc, plain.after, exact.after) if gross else (ex, plain.before, exact.before)
    )  # fmt: skip
    assert due is not None
    assert was is not None
    assert now is not None
    shown, stated = [x.shown for x in lines], sum(x.stated for x in lines)
    if now != was:
        kind = "minimum" if limit == "min_price" else "maximum"
        shown.append(_extra(limit, kind, _millionths(now - was), tariff.currency))
        stated += _millionths(now - was)
    rest = _millionths(due) - stated
    if rest:
        shown.append(_extra("rounding", "rounding", rest, tariff.currency))
    places = rounding.places
    return {
        "session": session.id,
        "tariff": tariff.id,
        "zone": session.zone,
        "from": _instant(session.spans[0].start),
        "to": _instant(session.spans[-1].end),
        "currency": tariff.currency,
        "lines": shown,
        "vat": _vat(lines, plain, exact, (ex, inc), limit),
        "total_ex_vat": _money(ex, places),
        "total_vat": None if ex is None or inc is None else _money(inc - ex, places),
        "total_inc_vat": _money(inc, places),
        "total": _money(due if inc is None else inc, places),
        "exact_ex_vat": None if exact.before is None else number(exact.before),
        "exact_inc_vat": None if exact.after is None else number(exact.after),
    }


def _lines(used: Used, tariff: ChargingTariff, *, gross: bool) -> Iterator[_Line]:
    def place(key: tuple[bool, int, str]) -> tuple[bool, int, int]:
        charging, element, kind = key
        return charging, element, tariff.elements[element].components[kind].order

    for key in sorted(used.uses, key=place):
        charging, element, kind = key
        use, price = used.uses[key], tariff.elements[element].components[kind]
        word, unit = _KINDS.get(kind, ("time", "s"))
        amount = use.billed * price.price / (3600 if unit == "s" else 1)
        percent, stated = price.vat or ZERO, _millionths(amount)
        base = amount / (1 + percent / 100) if gross else amount
        shown = {
            "component": kind if charging else f"RESERVATION_{kind}",
            "kind": word,
            "bucket": f"element-{element + 1}",
            "measured": _text(_millionths(use.measured)),
            "quantity": _text(_millionths(use.billed)),
            "unit": unit,
            "price": _number(price.price),
            "factor": "1/3600" if unit == "s" else "1",
            "amount": _text(stated),
            "vat": None if price.vat is None else _number(price.vat),
        }
        yield _Line(shown, stated, base, base * percent / 100 if percent else ZERO, price.vat)


def _limited(plain: _Totals, tariff: ChargingTariff, *, charged: bool) -> tuple[_Totals, str]:
    """The totals within the limits, and the name of the last limit that changed one of them."""
    exact, changed = _Totals(plain.before, plain.after), ""
    if tariff.lowest is not None and charged:
        low = tariff.lowest
        if exact.before is not None and exact.before < low.before:
            exact.before, changed = low.before, "min_price"
            exact.after = exact.after if low.after is not None else None
        if exact.after is not None and low.after is not None and exact.after < low.after:
            exact.after, changed = low.after, "min_price"
    if tariff.highest is not None:
        high = tariff.highest
        if exact.before is not None and exact.before > high.before:
            exact.before, changed = high.before, "max_price"
            exact.after = exact.after if high.after is not None else None
        if exact.after is not None and high.after is not None and exact.after > high.after:
            exact.after, changed = high.after, "max_price"
    return exact, changed


def _vat(
    lines: list[_Line], plain: _Totals, exact: _Totals,
    rounded: tuple[Fraction | None, Fraction | None], limit: str,
) -> list[Json]:  # fmt: skip
    """Base and tax per rate; what limits and rounding add, so that both columns sum to totals."""
    was, now, due = plain.pair(), exact.pair(), _Totals(*rounded).pair()
    if was is None or now is None or due is None or not lines:
        return []
    sums: dict[Fraction | None, list[Fraction]] = {}
    for line in lines:
        sum_ = sums.setdefault(line.rate, [ZERO, ZERO])
        sum_[0] += line.base
        sum_[1] += line.tax
    entries: list[tuple[str, str | None, int, int]] = [
        ("vat", None if rate is None else _number(rate), _millionths(base), _millionths(tax))
        for rate, (base, tax) in sorted(sums.items(), key=_by_rate)
    ]
    if now != was:
        more = now[0] - was[0]
        entries.append((limit, None, _millionths(more), _millionths(now[1] - was[1] - more)))
    rest = _millionths(due[0]) - sum(entry[2] for entry in entries)
    rest_tax = _millionths(due[1] - due[0]) - sum(entry[3] for entry in entries)
    if rest or rest_tax:
        entries.append(("rounding", None, rest, rest_tax))
    return [
        {"kind": kind, "rate": rate, "base": _text(units), "tax": _text(tax_units)}
        for kind, rate, units, tax_units in entries
    ]


def _by_rate(entry: tuple[Fraction | None, list[Fraction]]) -> tuple[bool, Fraction]:
    """None first, then rising."""
    return entry[0] is not None, entry[0] or ZERO


def _extra(component: str, kind: str, amount: int, currency: str) -> Json:
    text = _text(amount)
    return {
        "component": component, "kind": kind, "bucket": "", "measured": "1", "quantity": "1",
        "unit": currency, "price": text, "factor": "1", "amount": text, "vat": None,
    }  # fmt: skip


@lru_cache(maxsize=4096)
def _number(value: Fraction) -> str:
    return number(value)


def _millionths(value: Fraction) -> int:
    """Half up, away from zero."""
    twice, unit = abs(value.numerator) * 2 * _MILLION, value.denominator
    whole = (twice + unit) // (2 * unit)
    return whole if value.numerator >= 0 else -whole


def _text(millionths: int) -> str:
    whole, rest = divmod(abs(millionths), _MILLION)
    tail = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if millionths < 0 else ''}{whole}{tail}"


def _rounded(value: Fraction | None, rounding: Rounding) -> Fraction | None:
    return None if value is None else Fraction(round_fraction(value, rounding))


def _money(value: Fraction | None, places: int) -> str | None:
    if value is None:
        return None
    return format(round_fraction(value, Rounding(places, RoundingMode.HALF_UP)), f".{places}f")


def _instant(ms: int) -> str:
    whole = iso_utc(ms // 1000)
    return whole if ms % 1000 == 0 else f"{whole[:-1]}.{ms % 1000:03d}Z"
