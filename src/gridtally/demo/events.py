"""Before step 1: what happens to the town: exchanges, changes of terms, and innocent oddities.

An oddity looks strange in the readings and is right: a good audit lets it pass.
"""

from __future__ import annotations

from dataclasses import replace

from gridtally.demo.draw import Draw
from gridtally.demo.plan import OCTOBER, Meter, Plan, Point

__all__ = ["exchange", "happen"]

_HABITS = {
    "home": ("family",) * 34 + ("couple",) * 30 + ("retired",) * 20 + ("night-owl",) * 8
            + ("student",) * 4 + ("second-home",) * 4,
    "pv": ("family",) * 50 + ("couple",) * 35 + ("retired",) * 15,
    "shop": ("grocery",) * 20 + ("restaurant",) * 18 + ("bakery",) * 12 + ("office",) * 28
            + ("hotel",) * 8 + ("cold-store",) * 4 + ("kiosk",) * 5 + ("school",) * 5,
    "factory": ("one-shift",) * 35 + ("two-shifts",) * 40 + ("three-shifts",) * 25,
}  # fmt: skip
PRICE_CHANGE = OCTOBER + 15
"""16 October 2026: two tariffs get new prices."""


def exchange(plan: Plan, point: Point, day: int) -> Meter:
    """Put a new meter in place on `day`; the readings at the exchange come from `dials.py`."""
    old = point.meters[-1]
    old.last = day
    new = Meter(plan.serial(), day, None, old.multiplier, old.multiplier)
    point.meters.append(new)
    return new


def happen(plan: Plan) -> None:
    """Let everything innocent happen, in a fixed order."""
    draw = Draw(plan.seed, "events")
    for point in plan.points:
        point.habit = draw.pick(_HABITS[point.kind.load])
        _habits(plan, point)
    scale = len(plan.accounts)
    _exchanges(plan, draw, scale)
    _terms(plan, draw, scale)
    _connections(plan, draw, scale)
    _equipment(plan, draw, scale)
    _absences(plan, draw, scale)


def _share(scale: int, of_2000: int) -> int:
    return max(1, scale * of_2000 // 2000)


def _odd(plan: Plan, kind: str, point: Point, what: str) -> None:
    plan.oddities.append(
        {
            "kind": kind,
            "account": plan.holder(point),
            "metering_point": point.id,
            "what": what,
        }
    )


_NOTES = {
    "student": "Students: empty in summer, back in the middle of September.",
    "second-home": "A second home: used at weekends and in August only.",
    "kiosk": "A beach kiosk: busy from June to September, nearly nothing in October.",
    "school": "A school: closed in the holidays, also from 26 to 30 October.",
}


def _habits(plan: Plan, point: Point) -> None:
    if point.habit in _NOTES:
        _odd(plan, point.habit, point, _NOTES[point.habit])
    if point.habit == "student":
        point.away += [(283, 349), (79, 97)]
    if point.habit == "school":
        point.away += [(79, 97), (180, 190), (273, 346), (390, 395)]
    if point.habit == "second-home":
        point.away += [
            (day, day + 5) for day in range(-2, 400, 7) if not 300 <= day <= 330
        ]  # Monday to Friday, but for August


def _exchanges(plan: Plan, draw: Draw, scale: int) -> None:
    groups = (
        (55, lambda p: p.kind.segment == "household" and p.kind.legal == "register"),
        (20, lambda p: p.kind.segment == "household" and p.kind.legal == "interval"),
        (12, lambda p: p.kind.segment == "factory"),
        (3, lambda p: p.kind.name == "shop-dial"),
    )
    for count, fits in groups:
        for point in plan.take(draw, _share(scale, count), fits):
            exchange(plan, point, OCTOBER + draw.between(3, 27))
    for point in plan.take(draw, _share(scale, 60), lambda p: not p.moves):
        exchange(plan, point, draw.between(20, OCTOBER - 20))
    dials = plan.take(
        draw, _share(scale, 16), lambda p: p.kind.name in ("block-dial", "year-dial") and p.by_hand
    )
    for point in dials:
        point.rolls = True
        _odd(plan, "rollover", point, "The dial turns over from 99999 to 00000 in October.")


def _terms(plan: Plan, draw: Draw, scale: int) -> None:
    """Contract, capacity and tariff changes in the last month; readings at price changes."""
    works = plan.take(draw, _share(scale, 24), lambda p: p.kind.segment == "factory", reuse=False)
    for point in works:
        (old,) = plan.terms(point)
        day = OCTOBER + draw.between(4, 26)
        new = replace(old, first=day)
        old.after = day
        if old.contract_kw:
            new.contract_kw = max(20, old.contract_kw * draw.pick((90, 110, 115, 125)) // 1000 * 10)
        if old.capacity_kva:
            new.capacity_kva = old.capacity_kva * draw.pick((80, 125)) // 100
        plan.agreements.append(new)
        if draw.chance(500):
            point.checks.append(day)
    for point in plan.of("factory"):
        if point.kind.name.startswith("works-capacity") and draw.chance(400):
            point.checks.append(PRICE_CHANGE)
    for point in plan.take(
        draw, _share(scale, 14), lambda p: p.kind.name in ("block", "block-checked")
    ):
        (old,) = plan.terms(point)
        day = OCTOBER + draw.between(4, 26)
        plan.agreements.append(replace(old, first=day, tariff="home-tou"))
        old.after = day
        _odd(plan, "tariff-change", point, "Changes from block to time-of-use prices in October.")


def _connections(plan: Plan, draw: Draw, scale: int) -> None:
    """New supplies during the year: their history is short."""

    def fits(point: Point) -> bool:
        return point.kind.segment != "factory" and len(point.meters) == 1

    for point in plan.take(draw, _share(scale, 50), fits):
        point.since = draw.between(30, OCTOBER - 10)
        point.meters[0].first = point.since
        for row in plan.terms(point):
            row.first = max(row.first, point.since)
        _odd(plan, "new-supply", point, "Supplied only since a part of the year.")


def _equipment(plan: Plan, draw: Draw, scale: int) -> None:
    """Cars, heat pumps and roofs: some were always there, some arrive in the year."""

    def home(point: Point) -> bool:
        return point.kind.load == "home"

    for feature, always, new, first in (("ev", 90, 40, 300), ("heatpump", 120, 25, 200)):
        for point in plan.take(draw, _share(scale, always), home, reuse=True):
            point.features.add(feature)
            point.feature_since[feature] = -1
        for point in plan.take(draw, _share(scale, new), home):
            point.features.add(feature)
            point.feature_since[feature] = draw.between(first, OCTOBER + 12)
            _odd(plan, f"new-{feature}", point, "Uses more since it has new equipment.")
    for point in plan.take(
        draw, _share(scale, 24), lambda p: p.kind.load == "pv" and len(plan.terms(p)) == 1
    ):
        (old,) = plan.terms(point)
        since = draw.between(150, OCTOBER - 20)
        point.feature_since["pv"] = since
        old.after = since
        plan.agreements.append(replace(old, first=since, after=None))
        old.tariff = "home-tou"
        _odd(plan, "new-pv", point, "Takes far less from the grid since it has solar panels.")


def _absences(plan: Plan, draw: Draw, scale: int) -> None:
    def home(point: Point) -> bool:
        return point.kind.segment == "household" and point.habit not in _NOTES

    for point in plan.take(draw, _share(scale, 110), home):
        start = OCTOBER + draw.between(0, 18)
        point.away.append((start, start + draw.between(5, 20)))
        _odd(plan, "holiday", point, "Away for a part of October.")
    for point in plan.take(draw, _share(scale, 26), home):
        start = draw.pick((0, draw.between(150, 330)))
        point.away.append((start, 10_000))
        point.features.add("vacant")
        _odd(plan, "vacancy", point, "Nobody lives there.")
    for point in plan.take(draw, _share(scale, 300), home, reuse=True):
        start = draw.between(285, 325)
        point.away.append((start, start + draw.between(5, 20)))
    for point in plan.take(draw, _share(scale, 200), home, reuse=True):
        start = draw.between(80, 88)
        point.away.append((start, start + draw.between(4, 10)))
