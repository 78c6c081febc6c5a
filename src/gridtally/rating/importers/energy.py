"""Beside step 6: the energy charges and export credits of a URDB rate; see `urdb.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gridtally.rating.importers.export import Export
from gridtally.rating.importers.parts import (
    MONTHS,
    Part,
    Price,
    Times,
    by_hour,
    calendar,
    prices,
    signed,
)
from gridtally.rating.importers.rate import Rate, Step, is_list

__all__ = ["BILLING", "energy"]

BILLING = "billing-demand"
"""The component that measures the demand of tiers by hours of use."""
_LENGTHS = ((31, (1, 3, 5, 7, 8, 10, 12)), (30, (4, 6, 9, 11)), (28, (2,)))
_UNITS = {
    "": "kwh", "kwh": "kwh", "kwh daily": "kwh_per_day", "kwh/kw": "kw", "kwh/kw daily": "kw_daily",
}  # fmt: skip
Bound = tuple[Decimal | None, Decimal | None]
"""The end of a tier in kWh, and in hours of use; None: no end."""


@dataclass(frozen=True, slots=True)
class Group:
    """Months whose tiers are written alike."""

    months: tuple[int, ...]
    unit: str
    bounds: tuple[Bound, ...]
    days: int = 1


def energy(source: Rate, rule: Export) -> list[Part]:
    """What import costs and export earns, and the adjustments by month."""
    times = _times(source)
    fuel = _fuel(source)
    if times is None:
        return _apart(fuel)
    if rule.netting == "month" and any(s.sell for each in times.periods.values() for s in each):
        source.assume("Net metering: export counts as energy, so the sell rates are not used.")
    if rule.netting == "month" and any(fuel):
        times, fuel = _with_fuel(times, fuel), []
        source.assume(
            "fueladjustmentsmonthly is part of the energy price of its months, so that it is "
            "netted as energy is."
        )
    groups = _groups(source, times, rule)
    parts = []
    for number, group in enumerate(groups, 1):
        suffix = f"-{number}" if len(groups) > 1 else ""
        part: Part = {"id": f"energy{suffix}", "channel": "import"}
        part |= _charge(source, times, group, rule, name=f"energy{suffix}", price=_price)
        if rule.netting == "month" and (moves := by_hour(times, _base)):
            part["bank_moves"] = moves
            source.assume(
                "When a season begins, banked energy goes to the period that stands at the same "
                "hour of weekdays in the new season."
            )
        parts.append(signed(part))
    return parts + _apart(fuel) + (_sold(source, times, groups, rule) if rule.sold else [])


def _times(source: Rate) -> Times | None:
    before = len(source.refused)
    periods = source.periods("energyratestructure")
    if not periods:
        if source.get("energyweekdayschedule", "energyweekendschedule") is not None:
            source.assume("There is an energy schedule and no energy price: none is charged.")
        else:
            source.assume("The source has no energy price: none is charged.")
        return None
    tables = source.schedules("energy", len(periods))
    used = {cell for table in tables for row in table for cell in row}
    if len(source.refused) > before or not source.filled("energyratestructure", periods, used):
        return None
    times = Times.of(periods, tables)
    for name, steps in times.periods.items():
        if unknown := sorted({step.unit for step in steps} - _UNITS.keys()):
            what = "tiers" if len(steps) > 1 else "a price"
            source.refuse(f"energyratestructure, {name}: {what} in {', '.join(unknown)[:40]}")
    return times if len(source.refused) == before else None


def _price(step: Step) -> Decimal:
    return step.price


def _sell(step: Step) -> Decimal:
    return step.sell or Decimal(0)


# ------------------------------------------------------------------- tiers


def _groups(source: Rate, times: Times, rule: Export) -> list[Group]:
    """Months whose tiers have one unit; for hours of use also the same ends."""
    found: dict[tuple[str, tuple[Bound, ...]], list[int]] = {}
    flat: list[int] = []
    for month in MONTHS:
        tiered = {n: s for n, s in times.used([month]).items() if len(s) > 1}
        units = {_unit(source, name, steps) for name, steps in tiered.items()}
        if len(units) > 1:
            source.refuse(f"energyratestructure: in month {month} tiers have more than one unit")
        if not units:
            flat.append(month)
            continue
        unit = units.pop()
        ladders = {tuple(_ladder(steps)) for steps in tiered.values()}
        if unit.startswith("kw") and not unit.startswith("kwh") and len(ladders) > 1:
            source.refuse(f"energyratestructure: in month {month} hours of use end differently")
        bounds = ladders.pop() if unit in ("kw", "kw_daily") else ()
        found.setdefault((unit, bounds), []).append(month)
    if not found:
        return [Group(MONTHS, "kwh", ())]
    first = next(iter(found))
    found[first] = sorted(found[first] + flat)
    _told(source, times, list(found), rule)
    groups = [
        Group(tuple(months), unit, bounds or _bounds(times, months))
        for (unit, bounds), months in found.items()
    ]
    daily = [
        Group(tuple(m for m in group.months if m in months), group.unit, group.bounds, days)
        for group in groups
        for days, months in (_LENGTHS if group.unit == "kw_daily" else ((1, MONTHS),))
    ]
    made = [group for group in daily if group.months]
    if rule.netting == "month" and len(made) > 1:
        source.refuse(
            "energyratestructure: net metering with tiers whose kind differs by month: "
            "a credit would not pass from one to the other"
        )
    return made


def _unit(source: Rate, name: str, steps: Sequence[Step]) -> str:
    """What the tiers of a period count."""
    texts = {step.unit for step in steps}
    if texts == {""}:
        source.assume("Energy tiers without a unit are in kWh.")
    units = {_UNITS[text] for text in texts}
    if units == {"kwh", "kw"} and steps[0].unit == "kwh/kw":
        source.assume(
            "A tier in kWh/kW that tiers in kWh follow is the block of hours of use that they "
            "divide; its own price is not used."
        )
        return "kw"
    if len(units) > 1:
        source.refuse(f"energyratestructure, {name}: tiers in {', '.join(sorted(texts))} together")
    return min(units)


def _told(
    source: Rate, times: Times, kinds: Sequence[tuple[str, tuple[Bound, ...]]], rule: Export
) -> None:
    units = {unit for unit, _ in kinds}
    if "kwh_per_day" in units:
        source.assume("Tiers in kWh daily are multiplied by the days of the bill.")
    if "kw_daily" in units:
        source.assume(
            "Tiers in kWh/kW daily are multiplied by the days of the month, February by 28."
        )
    if units & {"kw", "kw_daily"}:
        source.assume(
            "Tiers in kWh/kW are multiplied by the month's largest demand, and ratchet if any."
        )
    if all(len(times.used([month])) < 2 for month in MONTHS):
        return
    if rule.pooling == "in_order" and not units & {"kw", "kw_daily"}:
        source.assume(
            "Tiers are filled in the order of time by the energy of all periods of the month "
            "together."
        )
    else:
        source.assume(
            "Tiers are filled by the energy of all periods of the month together, and each "
            "period takes part in each tier in proportion to its energy."
        )


def _ladder(steps: Sequence[Step]) -> list[Bound]:
    """The ends of all tiers but the last; a block that tiers in kWh divide has none of its own."""
    ends: list[Bound] = []
    block: Decimal | None = None
    for at, step in enumerate(steps):
        if step.unit.startswith("kwh/kw"):
            block = step.upto
            if at + 1 < len(steps) and not steps[at + 1].unit.startswith("kwh/kw"):
                continue
            ends.append((None, block))
        else:
            ends.append((step.upto, block))
    while len(ends) > 1 and ends[-2] == (None, None):
        ends.pop()
    return ends[:-1]


def _rungs(steps: Sequence[Step]) -> list[Step]:
    """The steps of `_ladder`, with the last."""
    return [
        step
        for at, step in enumerate(steps)
        if not (
            step.unit.startswith("kwh/kw")
            and at + 1 < len(steps)
            and not steps[at + 1].unit.startswith("kwh/kw")
        )
    ]


def _bounds(times: Times, months: Sequence[int]) -> tuple[Bound, ...]:
    """All thresholds of the periods: tiers in which each of them can be written."""
    steps = [step for each in times.used(months).values() for step in each]
    return tuple((upto, None) for upto in sorted({s.upto for s in steps if s.upto is not None}))


# -------------------------------------------------------------------- parts


def _charge(
    source: Rate, times: Times, group: Group, rule: Export, *, name: str, price: Price
) -> Part:
    """Shape, calendar, tiers and prices of a group of months."""
    hours = group.unit in ("kw", "kw_daily")

    def at(steps: Sequence[Step], tier: int) -> Step:
        if hours:
            rungs = _rungs(steps)
            return rungs[min(tier, len(rungs) - 1)]
        end = group.bounds[tier][0] if tier < len(group.bounds) else None
        return next(s for s in steps if s.upto is None or (end is not None and end <= s.upto))

    bounds = [_ends(bound, group.days) for bound in group.bounds]
    part: Part = {"shape": "tiered" if bounds else "energy"}
    part |= calendar(source, name, times, group.months)
    if bounds:
        part |= {"unit": "kwh_per_day"} if group.unit == "kwh_per_day" else {}
        part |= {"demand": BILLING} if hours else {}
        if "calendar" in part:
            part["pooling"] = "pro_rata" if hours else rule.pooling
    part |= {"months": list(group.months)} if len(group.months) < 12 else {}
    part |= {"netting": rule.netting} if rule.netting else {}
    return part | prices(times.used(group.months), bounds, at, price)


def _ends(bound: Bound, days: int) -> Part:
    found: Part = {} if bound[0] is None else {"upto": bound[0]}
    return found | ({} if bound[1] is None else {"upto_per_kw": bound[1] * days})


def _sold(source: Rate, times: Times, groups: Sequence[Group], rule: Export) -> list[Part]:
    """What export earns."""
    steps = [step for each in times.periods.values() for step in each]
    if not any(step.sell for step in steps):
        source.assume("The source has no sell rate: export earns nothing.")
        return []
    if any(step.sell is None for step in steps):
        source.assume("Where the source has no sell rate, export earns nothing.")
    by_tier = any(len({_sell(step) for step in each}) > 1 for each in times.periods.values())
    if by_tier:
        if any(group.unit in ("kw", "kw_daily") for group in groups):
            source.refuse("energyratestructure: sell rates that differ by tiers in kWh/kW")
            return []
        source.assume("Sell rates by tier: export fills tiers of its own, as import does.")
    else:
        groups = [Group(MONTHS, "kwh", ())]
    parts = []
    for number, group in enumerate(groups, 1):
        name = f"export-{number}" if len(groups) > 1 else "export"
        charge = _charge(source, times, group, rule, name=name, price=_sell)
        parts.append(signed({"id": name, "channel": "export", "credit": True, **charge}))
    return parts


# ----------------------------------------------------------- fuel adjustments


def _fuel(source: Rate) -> list[Decimal]:
    """$/kWh on all energy, by month; empty when there is none."""
    values = source.get("fueladjustmentsmonthly") or []
    if not is_list(values) or len(values) not in (0, 12):
        source.refuse("fueladjustmentsmonthly is not a list of twelve")
        return []
    return [source.exact(value, "fueladjustmentsmonthly") for value in values]


def _apart(rates: Sequence[Decimal]) -> list[Part]:
    """Adjustments as components of their own."""
    return [
        signed({"id": f"fuel-{i}", "shape": "energy", "channel": "import", "price": rate,
                "months": [m for m, r in enumerate(rates, 1) if r == rate]})
        for i, rate in enumerate(sorted(set(rates) - {Decimal(0)}), 1)
    ]  # fmt: skip


def _base(name: str) -> str:
    """The period without its adjustment."""
    return name.partition("-fuel-")[0]


def _with_fuel(times: Times, fuel: Sequence[Decimal]) -> Times:
    """Each period once for each adjustment that it meets, at the sum of both."""
    different = sorted(set(fuel))
    periods: dict[str, Sequence[Step]] = {}
    tables: list[list[list[str]]] = [[], []]
    for month in MONTHS:
        rate = fuel[month - 1]
        suffix = f"-fuel-{different.index(rate) + 1}" if len(different) > 1 else ""
        for table, rows in zip(tables, (times.weekday, times.weekend), strict=True):
            table.append([cell + suffix for cell in rows[month - 1]])
        for name, steps in times.used([month]).items():
            periods[name + suffix] = [Step(s.upto, s.price + rate, s.sell, s.unit) for s in steps]
    return Times(dict(sorted(periods.items())), tables[0], tables[1])
