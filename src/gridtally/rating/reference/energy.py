"""Step 6, the second opinion: the shapes `energy` and `tiered`."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from gridtally.rating.reference.billed import billed, measured, pieces
from gridtally.rating.reference.carry import closes, window_start
from gridtally.rating.reference.figures import MICRO, Held, micro, rounded
from gridtally.rating.reference.instants import Buckets
from gridtally.rating.reference.span import C, Line, Rater, line

__all__ = ["energy", "energy_at_rest", "tiered"]

DAY = timedelta(days=1)
Upper = list[int | None]
"""Where each tier ends [10^-6 kWh]; None: nowhere."""


def unit_of(c: C) -> str:
    """What the channel counts."""
    return "kvarh" if c["channel"].startswith("reactive") else "kWh"


# ------------------------------------------------------------------- energy


def energy(r: Rater, c: C) -> list[Line]:
    """One line per bucket, at its price or at what the series costs."""
    quantities, lines = billed(r, c), []
    costs = cost(r, c, quantities) if "series" in c else {}
    for bucket, value in quantities.items():
        quantity = Fraction(value, MICRO)
        if "series" not in c:
            price = r.value(c["tiers"][0]["prices"][bucket])
            lines += r.rate(c, quantity, unit_of(c), price, bucket=bucket)
        elif quantity:
            lines.append(series_line(r, c, bucket, quantity, costs[bucket]))
    return lines + true_up(r, c)


def cost(r: Rater, c: C, quantities: Buckets) -> dict[str, tuple[Fraction, Fraction]]:
    """Energy before losses and parts, and what it costs, by bucket."""
    series = r.series.get(c["series"])
    if series is None:
        raise Held("rating.series.missing", f"Nothing is known of the series {c['series']!r}.")
    if r.readings.registers:
        price = price_of(r, c, series.only(r.span.start_utc, r.span.end_utc))
        billable = [(b, value, price) for b, value in measured(r, c).items()]
    else:
        billable = [
            (p.bucket, p.energy, price_of(r, c, series.at(p.start, p.start + p.seconds)))
            for p in pieces(r, c)
        ]
    sums = {bucket: (Fraction(0), Fraction(0)) for bucket in quantities}
    for bucket, value, price in billable:
        kwh, so_far = sums[bucket]
        product = Fraction(value, MICRO) * price
        if "round_each" in c:
            product = rounded(product, c["round_each"])
        sums[bucket] = (kwh + Fraction(value, MICRO), so_far + product)
    return sums


def price_of(r: Rater, c: C, step: Fraction) -> Fraction:
    """The price of an interval: times, plus, floor, cap, rounding, in this order."""
    per = r.document["series"][c["series"]]["per"]
    price = step / (1000 if per.startswith("M") else 1)
    price *= r.value(c["times"]) if "times" in c else 1
    price += r.value(c["plus"]) if "plus" in c else 0
    price = max(price, c.get("floor", price))
    price = min(price, c.get("cap", price))
    return rounded(price, c["round_price"]) if "round_price" in c else price


def series_line(
    r: Rater, c: C, bucket: str, quantity: Fraction, sums: tuple[Fraction, Fraction]
) -> Line:
    """The line of a bucket: its cost, scaled to what is billed."""
    kwh, total = sums
    if kwh == 0:
        raise Held("rating.series.missing", "Energy is added where no interval has a price.")
    amount = rounded(total * quantity / kwh, r.rounding(c))
    shown = rounded(total / kwh, {"places": 8, "mode": "half_even"})
    amount = -amount if c.get("credit") else amount
    return line(r.span, c, quantity, unit_of(c), shown, amount, bucket=bucket)


def true_up(r: Rater, c: C) -> list[Line]:
    """At the day that closes: what the bank of each bucket still holds is paid."""
    lines: list[Line] = []
    if "true_up" not in c or not closes(r.span, c["true_up"]["on"]):
        return lines
    for bucket in c["buckets"]:
        price: Fraction = c["true_up"]["prices"][bucket]
        key = f"bank/{c['id']}/{bucket or 'all'}"
        name = f"{bucket}/true-up" if bucket else "true-up"
        made = r.rate(c, Fraction(r.carry.bank(key), MICRO), unit_of(c), price, bucket=name)
        lines += [each | {"amount": -each["amount"]} for each in made]
        r.carry.keep(key, 0)
    return lines


def energy_at_rest(r: Rater, c: C) -> None:
    """Banks and tier positions are handed on as they are."""
    if c.get("netting") == "month":
        for bucket in c["buckets"]:
            key = f"bank/{c['id']}/{bucket or 'all'}"
            r.carry.keep(key, r.carry.bank(key))
    if c.get("window") == "year":
        at = window_start(c["resets"], r.span)
        for key in tier_keys(c):
            r.carry.only(key, r.carry.of(key, at), at=at)


# ------------------------------------------------------------------- tiered


def tiered(r: Rater, c: C) -> list[Line]:
    """The tiers of a month, of each day, or of the year."""
    if c["window"] == "day":
        parts = by_day(r, c)
    elif c.get("pooling") == "in_order":
        parts = in_order(r, c)
    else:
        quantities = billed(r, c)
        if c.get("pooling") == "separate":
            ends = upper(r, c)
            parts = {b: graded(c, ends, value) for b, value in quantities.items()}
        else:
            return pooled(r, c, quantities) + true_up(r, c)
    lines: list[Line] = []
    for k, tier in enumerate(c["tiers"]):
        for b in c["buckets"]:
            name = f"{b}/tier-{k + 1}" if b else f"tier-{k + 1}"
            price = r.value(tier["prices"][b])
            lines += r.rate(c, Fraction(parts[b][k], MICRO), unit_of(c), price, bucket=name)
    return lines + true_up(r, c)


def pooled(r: Rater, c: C, quantities: Buckets) -> list[Line]:
    """All buckets fill the tiers together; each takes part in proportion to its energy."""
    everything = sum(quantities.values())
    parts = (
        yearly(r, c, everything) if c["window"] == "year" else graded(c, upper(r, c), everything)
    )
    lines: list[Line] = []
    for k, (tier, value) in enumerate(zip(c["tiers"], parts, strict=True), start=1):
        for b in c["buckets"]:
            price = r.value(tier["prices"][b])
            if "calendar" not in c:
                lines += r.rate(c, Fraction(value, MICRO), unit_of(c), price, bucket=f"tier-{k}")
            elif everything:
                quantity, share = Fraction(quantities[b], MICRO), Fraction(value, everything)
                lines += r.rate(c, quantity, unit_of(c), price, share, f"{b}/tier-{k}")
    return lines


def by_day(r: Rater, c: C) -> dict[str, list[int]]:
    """Each local day fills the tiers anew; the sums over the days."""
    if r.readings.registers:
        raise Held("rating.window.register", "Dials do not tell one day from another.")
    measured(r, c)  # below zero as a whole holds as everywhere
    days: dict[tuple[str, date], int] = {}
    for piece in pieces(r, c):
        key = (piece.bucket, r.readings.clock.local(piece.start).date())
        days[key] = days.get(key, 0) + not_below_zero(piece.energy)
    sums, ends = {b: [0] * len(c["tiers"]) for b in c["buckets"]}, upper(r, c)
    for (bucket, _), value in days.items():
        parts = fill(ends, 0, value)
        sums[bucket] = [a + b for a, b in zip(sums[bucket], parts, strict=True)]
    return sums


def in_order(r: Rater, c: C) -> dict[str, list[int]]:
    """Interval by interval in the order of time; each takes what of the tiers is left."""
    if r.readings.registers:
        raise Held("rating.window.register", "Dials do not tell one hour from another.")
    measured(r, c)
    sums, position, ends = {b: [0] * len(c["tiers"]) for b in c["buckets"]}, 0, upper(r, c)
    for piece in sorted(pieces(r, c), key=lambda piece: piece.start):
        parts = fill(ends, position, not_below_zero(piece.energy))
        position += piece.energy
        sums[piece.bucket] = [a + b for a, b in zip(sums[piece.bucket], parts, strict=True)]
    return sums


def not_below_zero(value: int) -> int:
    """A single interval; below zero it holds."""
    if value < 0:
        raise Held("rating.quantity.negative", "A single interval is below zero.")
    return value


def tier_keys(c: C) -> list[str]:
    """The carry keys of yearly tiers: one position, or what was used of each quota."""
    key = f"tier/{c['id']}"
    return [f"{key}/{k + 1}" for k in range(len(c["tiers"]))] if c["fill"] == "quota" else [key]


def yearly(r: Rater, c: C, everything: int) -> list[int]:
    """The tiers of the year, from where the carry of this window says."""
    at, ends, keys = window_start(c["resets"], r.span), upper(r, c), tier_keys(c)
    used = [r.carry.of(key, at) for key in keys]
    if c["fill"] == "position":
        parts = fill(ends, used[0], everything)
        r.carry.only(keys[0], used[0] + everything, at=at)
        return parts
    parts, rest, low = [], everything, 0
    for key, before, end in zip(keys, used, ends, strict=True):
        taken = rest if end is None else min(rest, max(0, end - low - before))
        rest, low = rest - taken, low if end is None else end
        r.carry.only(key, before + taken, at=at)
        parts.append(taken)
    return parts


def upper(r: Rater, c: C) -> Upper:
    """Where the tiers end: raised by `more`, times the unit, times the factor, rounded once."""
    more, times = Fraction(0), Fraction(1)
    if "more" in c:
        given: dict[str, Any] = c["more"]
        beyond = r.value(given["term"]) - given.get("above", 0)
        more = max(Fraction(0), beyond) * given.get("each", 1)
    if c["unit"] == "kwh_per_day":
        times = Fraction(len(r.days(c)))
    elif c["unit"] == "kwh_per_kw":
        times = r.billed_kw[c["demand"]]
    elif c["unit"] == "kwh_per_kva":
        times = r.term("capacity_kva")
    elif c["unit"] == "kwh_per_person":
        times = r.count("persons")
    if c["window"] == "month" and c["unit"] != "kwh_per_day":
        times *= r.factor(c)
    return [end_of(r, c, tier, more, times) for tier in c["tiers"]]


def end_of(r: Rater, c: C, tier: C, more: Fraction, times: Fraction) -> int | None:
    """The smaller one of energy and hours of use; the last tier has neither."""
    ends = [] if tier["upto"] is None else [(tier["upto"] + more) * times]
    if tier["upto_per_kw"] is not None:
        ends.append(tier["upto_per_kw"] * r.billed_kw[c["demand"]] * times)
    return micro(min(ends)) if ends else None


def graded(c: C, ends: Upper, value: int) -> list[int]:
    """How much of the energy falls in each tier; by volume, all in the last that it reaches."""
    parts = fill(ends, 0, value)
    if c["method"] == "volume" and value:
        last = max(k for k, part in enumerate(parts) if part)
        return [value if k == last else 0 for k in range(len(parts))]
    return parts


def fill(ends: Upper, start: int, amount: int) -> list[int]:
    """How much of `[start, start + amount)` falls in each tier; a threshold is the lower tier's."""
    parts, low = [], 0
    for end in ends:
        top = start + amount if end is None else min(start + amount, end)
        parts.append(max(0, top - max(start, low)))
        low = low if end is None else end
    return parts
