"""Step 6, the second opinion: charges by time and number, and charges on other lines."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gridtally.rating.reference.billed import listed, lost, round_quantity
from gridtally.rating.reference.carry import closes
from gridtally.rating.reference.figures import MICRO, Held, micro, rounded
from gridtally.rating.reference.instants import Buckets
from gridtally.rating.reference.span import C, Line, Rater, line

__all__ = [
    "bank",
    "bank_at_rest",
    "bound",
    "bound_at_rest",
    "fixed",
    "percentage",
    "power_factor",
    "power_factor_line",
    "reactive",
    "table",
    "transfer",
]

CENTS = 10**8
"""Carry of money counts 10^-8 of the currency."""
UNITS = {"kva": "kVA", "kw": "kW", "meter": "meter"}


def fixed(r: Rater, c: C) -> list[Line]:
    """So much per month, day or year, alone or for each kVA, kW, meter or unit."""
    price = r.value(c["tiers"][0]["prices"][""])
    if c["per"] == "event":
        times = r.readings.span_events(r.span, c["event"])
        days = set(r.days(c))
        local = r.readings.clock.local
        count = sum(
            r.span.start_utc <= a < r.span.end_utc and local(a).date() in days for a, _ in times
        )
        return r.rate(c, Fraction(count), "event", price) if count else []
    what, _, per = c["per"].rpartition("_")
    if what == "":
        if per == "day":
            return r.rate(c, r.factor(c, "day"), "day", price)
        return r.rate(c, Fraction(1), per, price, r.factor(c, per))
    return r.rate(c, number(r, c, what), unit(c, what), price, r.factor(c, per))


def number(r: Rater, c: C, what: str) -> Fraction:
    """How many kVA, kW, meters or units."""
    if what == "kva":
        return r.term("capacity_kva")
    if what == "kw":
        return r.term("contract_kw")
    found = r.count("meters") if what == "meter" else r.value(c["count"])
    return Fraction(micro(found), MICRO)


def unit(c: C, what: str) -> str:
    """What is counted."""
    return str(c.get("unit", "unit")) if what == "unit" else UNITS[what]


# ------------------------------------------------------------- on other lines


def percentage(r: Rater, c: C) -> list[Line]:
    """A percentage on top, inside its own base, or included in the named lines."""
    percent, quantity = r.value(c["percent"]), r.sum_of(c)
    if c["method"] == "on_top":
        return r.rate(c, quantity, r.currency, percent, Fraction(1, 100))
    base = 100 - percent if c["method"] == "inside" else 100 + percent
    if base <= 0:
        raise Held("rating.term.range", "Such a percentage leaves nothing to be part of.")
    made = r.rate(c, quantity, r.currency, percent, 1 / base)
    if c["method"] == "inside":
        return made
    net = [each | {"bucket": "net", "price": -percent, "amount": -each["amount"]} for each in made]
    return made + net


def table(r: Rater, c: C) -> list[Line]:
    """The percentage of the row in which the metric lies."""
    found = metric(r, c)
    upper = c.get("edge") == "upper"
    for k, row in enumerate(c["rows"], start=1):
        upto = row["upto"]
        if upto is None or found < upto or (found == upto and not upper):
            percent: Fraction = row["percent"]
            return r.rate(c, r.sum_of(c), r.currency, percent, Fraction(1, 100), f"row-{k}")
    raise AssertionError("the last row has no end")


def metric(r: Rater, c: C) -> Fraction:
    """What a table looks at, exactly."""
    name = c["metric"]
    if name == "term":
        return r.value(c["term"])
    if name == "kw":
        return r.billed_kw[c["demand"]]
    energy = Fraction(r.all_hours(c.get("channel", "import"), c.get("months")), MICRO)
    if name == "kwh":
        return energy
    if name == "kwh_per_day":
        return energy / len(r.days(c))
    of = r.billed_kw[c["demand"]] if name == "kwh_per_kw" else r.term("capacity_kva")
    if of * r.factor(c) == 0:
        raise Held("rating.metric.zero", f"There is nothing to divide by for {c['id']!r}.")
    return energy / (of * r.factor(c))


def power_factor_line(r: Rater, c: C) -> list[Line]:
    """The adjustment for the power factor, from rows or by a formula."""
    there, months = r.reactive(), c.get("months")
    active = r.all_hours("import", months) + sum(lost(r, n) for n in listed(r, c, "import"))
    q = sum(r.all_hours(channel, months) for channel in there)
    q += sum(lost(r, n) for n in listed(r, c, "reactive_import"))
    hundredths = power_factor(active, q)
    bucket = f"{hundredths // 100}.{hundredths % 100:02d}"
    percent = by_formula(c, hundredths)
    if "rows" in c:
        percents = dict(c["rows"])
        if Fraction(hundredths, 100) not in percents:
            raise Held("rating.price.missing", f"There is no row for the power factor {bucket}.")
        percent = percents[Fraction(hundredths, 100)]
    return r.rate(c, r.sum_of(c), r.currency, percent, Fraction(1, 100), bucket)


def by_formula(c: C, hundredths: int) -> Fraction:
    """So much for each 0.01 below one bound, so much off for each above another."""

    def part(given: Mapping[str, Any], steps: Fraction) -> Fraction:
        percent: Fraction = given["percent"] * max(steps, Fraction(0))
        limit: Fraction = given.get("limit", percent)
        return min(percent, limit)

    percent = Fraction(0)
    if "below" in c:
        percent += part(c["below"], 100 * c["below"]["from"] - hundredths)
    if "above" in c:
        percent -= part(c["above"], hundredths - 100 * c["above"]["from"])
    return percent


def power_factor(active: int, reactive_energy: int) -> int:
    """P / sqrt(P² + Q²) in hundredths, rounded half up, by comparing integers alone."""
    if active <= 0:
        raise Held("rating.price.missing", "Without active energy there is no power factor.")
    square = active**2 + reactive_energy**2
    reached = [x for x in range(101) if active**2 * 1000**2 >= (10 * x - 5) ** 2 * square or x == 0]
    return max(reached)


def reactive(r: Rater, c: C) -> list[Line]:
    """Reactive energy beyond what active energy makes free."""
    ratio, active = r.value(c["free_ratio"]), r.energy(c, "import")
    lines: list[Line] = []
    for bucket, energy in reactive_energy(r, c).items():
        free = micro(Fraction(active[bucket], MICRO) * ratio)
        quantity = Fraction(round_quantity(c, max(0, energy - free)), MICRO)
        price = r.value(c["tiers"][0]["prices"][bucket])
        lines += r.rate(c, quantity, "kvarh", price, bucket=bucket)
    return lines


def reactive_energy(r: Rater, c: C) -> Buckets:
    """One channel, the sum of both, or the larger one of each bucket."""
    if c["channel"] not in ("both", "larger"):
        return r.energy(c, c["channel"])
    sides = [r.energy(c, channel) for channel in r.reactive()]
    combine = sum if c["channel"] == "both" else max
    return {bucket: combine([side[bucket] for side in sides]) for bucket in sides[0]}


# ------------------------------------------------------------- least and most


def bound(r: Rater, c: C) -> list[Line]:
    """`minimum` and `maximum`: what is missing to the bound, or beyond it."""
    exact, total = exact_bound(r, c), r.sum_of(c)
    if "settle" not in c:
        return bound_line(r, c, exact, total)
    keys = (f"bound/{c['id']}", f"sum/{c['id']}")
    so_far = rounded(exact, {"places": 8, "mode": "half_even"})
    bounds = r.carry.bank(keys[0]) + int(so_far * CENTS)
    sums = r.carry.bank(keys[1]) + int(total * CENTS)
    done = closes(r.span, c["settle"]["on"])
    for key, value in zip(keys, (bounds, sums), strict=True):
        r.carry.keep(key, 0 if done else value)
    return bound_line(r, c, Fraction(bounds, CENTS), Fraction(sums, CENTS)) if done else []


def exact_bound(r: Rater, c: C) -> Fraction:
    """Amount times factor, for each kVA or kW where it says so."""
    what, _, per = c.get("per", "month").rpartition("_")
    each = number(r, c, what) if what else Fraction(1)
    return r.value(c["amount"]) * each * r.factor(c, per)


def bound_line(r: Rater, c: C, exact: Fraction, total: Fraction) -> list[Line]:
    """The line that brings the sum to its bound, if it is on the wrong side."""
    missing = rounded(exact, r.rounding(c)) - total
    wanted = missing > 0 if c["shape"] == "minimum" else missing < 0
    return [r.money(c, missing, unit="month")] if wanted else []


def bound_at_rest(r: Rater, c: C) -> None:
    """What was added up stays."""
    if "settle" in c:
        for key in (f"bound/{c['id']}", f"sum/{c['id']}"):
            r.carry.keep(key, r.carry.bank(key))


# ------------------------------------------------------------- bank, transfer


def bank(r: Rater, c: C) -> list[Line]:
    """Money left over is kept, and used when there is something to pay."""
    key, total, later = f"money/{c['id']}", r.sum_of(c), r.sum_of(c, "later")
    before, zero = Fraction(r.carry.bank(key), CENTS), Fraction(0)
    lines = [r.money(c, -later, "kept")] if later else []
    amount = max(zero, total - before) - total
    lines += [r.money(c, amount, "kept" if amount > 0 else "used")] if amount else []
    kept = max(zero, max(zero, before - total) - later)
    if "true_up" in c and closes(r.span, c["true_up"]["on"]):
        paid = rounded(kept * c["true_up"]["percent"] / 100, r.rounding(c))
        lines += [r.money(c, -paid, "true-up")] if kept else []
        kept = Fraction(0)
    r.carry.keep(key, int(kept * CENTS))
    return lines


def bank_at_rest(r: Rater, c: C) -> None:
    """What was kept stays."""
    r.carry.keep(f"money/{c['id']}", r.carry.bank(f"money/{c['id']}"))


def transfer(r: Rater, c: C) -> list[Line]:
    """Parts of the named lines for others, no cent lost between them."""
    total, so_far, lines = r.sum_of(c), Fraction(0), []
    percents = {name: r.value(each) for name, each in c["parts"].items()}
    if sum(percents.values()) > 100:
        raise Held("rating.term.range", f"{c['id']!r} gives away more than there is.")
    if total == 0:
        return []
    for name, percent in percents.items():
        low, high = (rounded(total * p / 100, r.rounding(c)) for p in (so_far, so_far + percent))
        so_far += percent
        if percent or high != low:
            lines.append(
                line(
                    r.span, c, total, r.currency, -percent, low - high,
                    factor=Fraction(1, 100), bucket=name,
                )
            )  # fmt: skip
    return lines
