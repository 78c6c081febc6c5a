"""Step 6, the second opinion: the shape `demand`."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from gridtally.rating.reference.carry import months_back
from gridtally.rating.reference.charges import power_factor
from gridtally.rating.reference.energy import fill
from gridtally.rating.reference.figures import MICRO, Held, micro, nearest_root, rounded
from gridtally.rating.reference.instants import Buckets
from gridtally.rating.reference.readings import none_negative
from gridtally.rating.reference.span import C, Line, Rater

__all__ = ["demand", "demand_at_rest"]

Windows = dict[tuple[int, int], int]
"""Energy by first instant and end."""


def demand(r: Rater, c: C) -> list[Line]:
    """The billed demand of each bucket, by tiers if there are any."""
    if c.get("basis") == "billed":
        return priced(r, c, {"": micro(r.billed_kw[c["demand"]])})
    measured = measure(r, c)
    if c["basis"] == "contract":
        return contract(r, c, measured)
    billed = {b: above(r, c, raised(r, c, b, kw)) for b, kw in measured.items()}
    return priced(r, c, {b: round_kw(c, kw) for b, kw in billed.items()})


def priced(r: Rater, c: C, billed: Buckets) -> list[Line]:
    """The billed demand by tiers and buckets."""
    r.billed_kw[c["id"]] = Fraction(max(billed.values()), MICRO)
    ends = [None if t["upto"] is None else micro(t["upto"]) for t in c["tiers"]]
    filled = {b: fill(ends, 0, kw) for b, kw in billed.items()}
    lines: list[Line] = []
    for k, tier in enumerate(c["tiers"]):
        for bucket in c["buckets"]:
            name = f"tier-{k + 1}" if len(c["tiers"]) > 1 else ""
            name = "/".join(part for part in (bucket, name) if part)
            price = r.value(tier["prices"][bucket])
            lines += kw_line(r, c, filled[bucket][k], price, name)
    return lines


def kw_line(r: Rater, c: C, kw: int, price: Fraction, bucket: str) -> list[Line]:
    """A line per kW (kvar, kVA) and month, day or year."""
    factor = r.factor(c, c.get("per", "month"))
    return r.rate(c, Fraction(kw, MICRO), unit(c), price, factor, bucket)


def unit(c: C) -> str:
    """Of the channel, unless its power is apparent."""
    if c.get("power") == "apparent":
        return "kVA"
    return "kvar" if c["channel"].startswith("reactive") else "kW"


def round_kw(c: C, kw: int) -> int:
    """The billed demand as `round_kw` declares, if it does."""
    return micro(rounded(Fraction(kw, MICRO), c["round_kw"])) if "round_kw" in c else kw


# --------------------------------------------------------------- what was measured


def measure(r: Rater, c: C) -> Buckets:
    """The measured demand by bucket [10^-6 kW, kvar or kVA]; 0 where no window lies."""
    calendar, months = r.calendar(c), c.get("months")
    if r.readings.registers:
        if c.keys() & {"rolling_min", "top", "measure"} or c.get("power") == "apparent":
            raise Held("rating.demand.register", "Dials show the largest demand alone.")
        r.readings.months_fit(r.span, months)
        return r.readings.dials.largest(c["channel"], calendar)
    powers: dict[str, list[tuple[int, date]]] = {b: [] for b in c["buckets"]}
    for (start, end), kw in window_powers(r, c).items():
        if "rolling_min" in c:
            found = r.readings.buckets_in(start, end - start, calendar)
            clocks = [r.readings.clock.local(at) for at in (start, end - 1)]
            outside = months is not None and any(clock.month not in months for clock in clocks)
            if len(found) > 1 or outside:
                continue
            (bucket,) = found
        elif not r.readings.in_months(start, end - start, months):
            continue
        else:
            bucket = r.readings.bucket(start, end - start, calendar)
        powers[bucket].append((kw, r.readings.clock.local(start).date()))
    return none_negative({b: of_windows(c, each) for b, each in powers.items()}, c["channel"])


def window_powers(r: Rater, c: C) -> Windows:
    """The power of each window [10^-6 kW or kvar, or kVA of active and reactive power]."""
    active = windows(r, c, c["channel"])
    if c.get("power") != "apparent":
        return {w: micro(Fraction(e, MICRO) * 3600 / (w[1] - w[0])) for w, e in active.items()}
    sides = [windows(r, c, channel) for channel in r.reactive()]
    if any(side.keys() != active.keys() for side in sides):
        message = "Active and reactive energy are not read in the same intervals."
        raise Held("rating.demand.window", message)
    made = {}
    for window, energy in active.items():
        reactive, per_hour = sum(side[window] for side in sides), window[1] - window[0]
        square = Fraction(energy**2 + reactive**2) * Fraction(3600, per_hour) ** 2
        made[window] = nearest_root(square)
    return made


def windows(r: Rater, c: C, channel: str) -> Windows:
    """The windows of a channel, rolling or one after the other."""
    if "rolling_min" in c:
        return r.readings.rolling(r.span, channel, c["window_min"], c["rolling_min"])
    return r.readings.windows(r.span, channel, c.get("window_min"))


def of_windows(c: C, powers: list[tuple[int, date]]) -> int:
    """The largest, the mean of the largest, or the mean of all."""
    if not powers:
        return 0
    counted = sorted((kw for kw, _ in powers), reverse=True)
    if c.get("distinct_days"):
        days = {day for _, day in powers}
        counted = sorted((max(kw for kw, d in powers if d == day) for day in days), reverse=True)
    if "measure" not in c:
        counted = counted[: c.get("top", 1)]
    return micro(Fraction(sum(counted), len(counted) * MICRO))


# --------------------------------------------------------------- what is billed


def raised(r: Rater, c: C, bucket: str, measured: int) -> int:
    """Mean of months, power factor, and whatever the billed demand is at least."""
    if "least_measured" in c:
        measured = max(measured, micro(r.value(c["least_measured"])))
    months = history(r, c, bucket, measured)
    ask(r, c, bucket, months)
    billed = mean_of_months(r, c, months) if "mean_of_months" in c else measured
    percent = c.get("ratchet", {}).get("current_by_month", {}).get(str(r.span.first.month))
    if percent is not None:
        billed = micro(Fraction(billed, MICRO) * percent / 100)
    if "power_factor_below" in c:
        billed = for_power_factor(r, c, billed)
    least = [billed]
    if "minimum_kw" in c:
        least.append(micro(r.value(c["minimum_kw"])))
    for key, term in (("least_of_contract", "contract_kw"), ("least_of_capacity", "capacity_kva")):
        if key in c:
            least.append(micro(r.term(term) * r.value(c[key]) / 100))
    if "ratchet" in c:
        least.append(ratchet(r, c, months))
    return max(least)


def above(r: Rater, c: C, kw: int) -> int:
    """What lies above a percentage of the billed demand of another."""
    if "above_percent" not in c:
        return kw
    return max(0, kw - micro(r.billed_kw[c["demand"]] * c["above_percent"] / 100))


def history(r: Rater, c: C, bucket: str, measured: int) -> dict[date, int]:
    """The months' largest measured demands, this one's included.

    Carried are those looked at, from the newest entry on that makes their first month known.
    """
    key, month = f"demand/{c['id']}/{bucket or 'all'}", months_back(r.span.first, 0)
    months = {at: kw for (name, at), kw in r.carry.values.items() if name == key}
    months[month] = max(measured, months.get(month, 0))
    if looks_back(c):
        oldest = months_back(r.span.first, looks_back(c))
        oldest = max((at for at in months if at <= oldest), default=oldest)
        r.carry.values = {k: v for k, v in r.carry.values.items() if k[0] != key}
        r.carry.values |= {(key, at): kw for at, kw in months.items() if at >= oldest}
    return months


def looks_back(c: C) -> int:
    """The months before the span's that the component looks at."""
    ratcheted: int = c.get("ratchet", {}).get("months", 0)
    averaged: int = c.get("mean_of_months", 1) - 1
    return max(ratcheted, averaged)


def ask(r: Rater, c: C, bucket: str, months: dict[date, int]) -> None:
    """Hold unless the first month of the agreement looked at, or one before it, is known."""
    began = r.carry.look_back_from
    if began is None or c.get("look_back") == "known":
        return
    first = max(months_back(r.span.first, looks_back(c)), months_back(began, 0))
    if first < months_back(r.span.first, 0) and all(at > first for at in months):
        whose = f"The component {c['id']}{bucket and f' (bucket {bucket})'}"
        message = f"{whose} looks back to {first:%Y-%m}: no demand of it or a month before it."
        raise Held("rating.history.missing", message)


def mean_of_months(r: Rater, c: C, months: dict[date, int]) -> int:
    """The mean of this month and those before of which there is an entry."""
    month = months_back(r.span.first, 0)
    oldest = months_back(r.span.first, c["mean_of_months"] - 1)
    counted = [kw for at, kw in months.items() if oldest <= at <= month]
    return micro(Fraction(sum(counted), len(counted) * MICRO))


def for_power_factor(r: Rater, c: C, kw: int) -> int:
    """More demand for a power factor that is too low."""
    active = r.all_hours("import", c.get("months"))
    reactive = sum(r.all_hours(channel, c.get("months")) for channel in r.reactive())
    found = Fraction(power_factor(active, reactive), 100)
    if found == 0:
        raise Held("rating.price.missing", "The power factor is zero.")
    low: Fraction = c["power_factor_below"]
    return micro(Fraction(kw, MICRO) * low / found) if found < low else kw


def ratchet(r: Rater, c: C, months: dict[date, int]) -> int:
    """The largest of the earlier months' percentages."""
    given: dict[str, Any] = c["ratchet"]
    month = months_back(r.span.first, 0)
    oldest = months_back(month, given["months"])
    products = [
        micro(Fraction(kw, MICRO) * given["by_month"].get(str(at.month), given["percent"]) / 100)
        for at, kw in months.items()
        if oldest <= at < month
    ]
    return max(products, default=0)


def contract(r: Rater, c: C, measured: Buckets) -> list[Line]:
    """What is agreed and what goes beyond it, bucket by bucket."""
    parts = {b: within_and_beyond(r, c, b, measured[b]) for b in c["buckets"]}
    r.billed_kw[c["id"]] = Fraction(max(max(pair) for pair in parts.values()), MICRO)
    lines: list[Line] = []
    for bucket, (within, beyond) in parts.items():
        price = r.value(c["tiers"][0]["prices"][bucket])
        dearer = price * c["excess_factor"]
        if (dearer * 10**8).denominator != 1:
            raise Held("rating.term.range", "The price of the excess has more than 8 decimals.")
        names = [f"{bucket}/{name}" if bucket else name for name in ("contract", "excess")]
        lines += kw_line(r, c, within, price, names[0])
        lines += kw_line(r, c, beyond, dearer, names[1])
    return lines


def within_and_beyond(r: Rater, c: C, bucket: str, measured: int) -> tuple[int, int]:
    """The quantities of a bucket's two lines."""
    own = "contracts" in c
    agreed = micro(r.value(c["contracts"][bucket]) if own else r.term("contract_kw"))
    if "least_of_capacity" in c:
        agreed = max(agreed, micro(r.term("capacity_kva") * r.value(c["least_of_capacity"]) / 100))
    threshold = micro(Fraction(agreed, MICRO) * c["excess_over"] / 100)
    raised_to = measured > threshold and c["excess_reading"] == "above_threshold"
    return (
        round_kw(c, threshold if raised_to else agreed),
        round_kw(c, max(0, measured - threshold)),
    )


def demand_at_rest(r: Rater, c: C) -> None:
    """A month of nothing, for what looks back."""
    r.billed_kw[c["id"]] = Fraction(0)
    if c["basis"] == "measured":
        for bucket in c["buckets"]:
            history(r, c, bucket, 0)
