"""Step 6, the second opinion: `docs/tariff.md`, *From measured to billed energy*, in its order."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor, prod
from typing import Any

from gridtally.rating.reference.dials import spread
from gridtally.rating.reference.figures import MICRO, Held, Value, micro, rounded
from gridtally.rating.reference.instants import Buckets
from gridtally.rating.reference.readings import Piece, by_bucket
from gridtally.rating.reference.span import C, Rater

__all__ = ["billed", "lost", "measured", "pieces", "round_quantity"]


def measured(r: Rater, c: C) -> Buckets:
    """Step 1: the channel's energy by bucket; under netting what is left of it."""
    energy = r.energy(c, c["channel"])
    if c.get("netting") in ("interval", "hour"):
        r.energy(c, "export" if c["channel"] == "import" else "import")
        return by_bucket(pieces(r, c), r.calendar(c))
    if "netting" in c:
        export = r.energy(c, "export")
        move_banks(r, c)
        return {bucket: left(r, c, bucket, energy[bucket] - export[bucket]) for bucket in energy}
    return energy


def pieces(r: Rater, c: C) -> list[Piece]:
    """The single intervals, or netted blocks, that the component bills."""
    where = (r.span, c["channel"], r.calendar(c), c.get("months"))
    if c.get("netting") in ("interval", "hour"):
        return r.readings.netted(*where, c["netting"])
    return r.readings.pieces(*where)


def move_banks(r: Rater, c: C) -> None:
    """On its day each move hands what one bucket has banked to another, all at once."""
    today = [m for m in c.get("bank_moves", []) if f"{r.span.first:%m-%d}" == m["on"]]
    key = f"bank/{c['id']}"
    moved = [(move, r.carry.bank(f"{key}/{move['from']}")) for move in today]
    for move, _ in moved:
        r.carry.keep(f"{key}/{move['from']}", 0)
    for move, energy in moved:
        to = f"{key}/{move['to']}"
        r.carry.keep(to, r.carry.bank(to) + energy)


def left(r: Rater, c: C, bucket: str, energy: int) -> int:
    """What the bank of a bucket leaves of its energy; a shortfall is the new bank."""
    key = f"bank/{c['id']}/{bucket or 'all'}"
    net = energy - r.carry.bank(key)
    r.carry.keep(key, max(0, -net))
    return max(0, net)


def billed(r: Rater, c: C) -> Buckets:
    """Steps 2 to 5: losses, part, loss factors, rounding."""
    energy = measured(r, c)
    losses = sum(lost(r, name) for name in listed(r, c, c["channel"]))
    if "losses" in c:
        more = spread(losses, energy)
        energy = {bucket: energy[bucket] + more[bucket] for bucket in energy}
    if "part" in c:
        energy = spread(part(r, c, c["part"], sum(energy.values())), energy)
    for bucket, factors in c.get("loss_factors", {}).items():
        product = prod((r.value(each) for each in factors), start=Fraction(1))
        energy[bucket] = micro(Fraction(energy[bucket], MICRO) * product)
    return {bucket: round_quantity(c, value) for bucket, value in energy.items()}


def round_quantity(c: C, energy: int) -> int:
    """As `round_quantity` declares, if it does."""
    if "round_quantity" not in c:
        return energy
    return micro(rounded(Fraction(energy, MICRO), c["round_quantity"]))


# ------------------------------------------------------------------- parts


def part(r: Rater, c: C, name: str, energy: int) -> int:
    """The part of the energy of all buckets together."""
    given: Mapping[str, Any] = r.document["parts"][name]
    if "rest" in given:
        others = [
            part(r, c, other, energy)
            for other, each in r.document["parts"].items()
            if each.keys() & {"ratio", "per_month"}
        ]
        if sum(others) > energy:
            raise Held("rating.part.negative", f"The other parts leave nothing of part {name!r}.")
        return energy - sum(others)
    if "ratio" in given:
        return micro(Fraction(energy, MICRO) * r.value(given["ratio"]))
    if "per_month" in given:
        return micro(r.value(given["per_month"]) * r.factor(c))
    low, high = (r.value(each) for each in given["slice"])
    if low > high:
        raise Held("rating.term.range", f"The part {name!r} ends before it begins.")
    return floor(energy * high) - floor(energy * low)


# ------------------------------------------------------------------ losses


def listed(r: Rater, c: C, channel: str) -> list[str]:
    """The losses of a component that add to a channel."""
    return [
        name for name in c.get("losses", []) if r.document["losses"][name]["adds_to"] == channel
    ]


def lost(r: Rater, name: str) -> int:
    """One loss [10^-6 kWh or kvarh], rounded once."""
    given: Mapping[str, Any] = r.document["losses"][name]
    forms = (transformer, cable, percent_lost, lost_by_month)
    exact = forms[given["form"]](r, given)
    return micro(rounded(exact, given.get("round", {"places": 6, "mode": "half_even"})))


def squares(r: Rater, given: Mapping[str, Any]) -> Fraction:
    """P² + Q² of the span [kWh², kvarh²]."""
    active = Fraction(r.all_hours("import"), MICRO)
    there = r.reactive() if given.get("reactive", True) else []
    reactive = Fraction(sum(r.all_hours(channel) for channel in there), MICRO)
    return active**2 + reactive**2


def hours(r: Rater, given: Mapping[str, Any]) -> Fraction:
    """T: the elapsed hours, less those of the day in which nothing flows."""
    elapsed = Fraction(r.span.end_utc - r.span.start_utc, 3600)
    return elapsed * r.value(given["hours_per_day"]) / 24


def transformer(r: Rater, given: Mapping[str, Any]) -> Fraction:
    """no_load x T + load x shape x (P² + Q²) / (capacity² x T)."""
    time = hours(r, given)

    def load(name: str) -> Fraction:
        if f"{name}_percent" in given:
            capacity: Value = given["capacity"]
            return r.value(given[f"{name}_percent"]) * r.value(capacity) / 100
        return r.value(given[name]) if name in given else Fraction(0)

    if not given.keys() & {"load", "load_percent"}:  # needs no energy
        return load("no_load") * time
    by_load = load("load") * r.value(given["shape"]) * squares(r, given)
    return load("no_load") * time + by_load / (r.value(given["capacity"]) ** 2 * time)


def cable(r: Rater, given: Mapping[str, Any]) -> Fraction:
    """Ohm x (P² + Q²) / (kv² x T x 1000)."""
    square, time = squares(r, given), hours(r, given)
    return r.value(given["ohm"]) * square / (r.value(given["kv"]) ** 2 * time * 1000)


def percent_lost(r: Rater, given: Mapping[str, Any]) -> Fraction:
    """A percentage of the channel that the loss adds to."""
    return Fraction(r.all_hours(given["adds_to"]), MICRO) * r.value(given["percent"]) / 100


def lost_by_month(r: Rater, given: Mapping[str, Any]) -> Fraction:
    """So much a month, by the loss's own proration."""
    return r.value(given["per_month"]) * r.factor({"proration": given["proration"]})
