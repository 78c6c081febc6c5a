"""After step 7: what moved one charge between two bills, exactly: `docs/explain.md`, *Effects*.

A charge is a product (days x usage a day x price …). Its change is split over the factors as the
mean over all orders in which they could have changed one after the other (Shapley's value), so
that no order is preferred, nothing is left over, and swapping the bills turns every sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from gridtally.rating.explain.sides import Cell, Moved, Side

__all__ = ["EFFECTS", "Effects", "changed"]

EFFECTS = (
    "days", "usage", "feed_in", "hours", "tier_shift", "demand", "power_factor", "price",
    "estimate", "adjustment", "came_or_went", "rounding",
)  # fmt: skip
"""In the order in which they are shown."""
Effects = dict[str, Fraction]
_ENERGY, _POWER, _TIME = ("kWh", "kvarh"), ("kW", "kvar", "kVA"), ("month", "year", "day")
_CORRECTIONS = ("adjustment", "correction")
_BOUNDS = ("minimum", "maximum", "bank")
_ZERO = Fraction(0)
Replaced = tuple[Moved, Moved]
"""What replaced estimates, sorted as the one and as the other bill sorts energy."""
NOTHING: Replaced = ({}, {})


def changed(
    old: Side,
    new: Side,
    *,
    base: Mapping[str, Effects],
    replaced: Replaced | None = NOTHING,
) -> Effects:
    """Exact effects on one charge, which sum to the change of its amount.

    `base` has the effects on the charges that it is computed on by both bills; `replaced` is by
    how much its measured energy changed because readings took the place of estimates, or the other
    way round; None: all that usage a day differs by rests on an estimate.
    """
    change = Fraction(new.amount) - Fraction(old.amount)
    kinds = {cell.kind for cell in (*old.cells, *new.cells)}
    if kinds & set(_CORRECTIONS):
        return {"adjustment": change}
    if kinds == {"rounding"}:
        return {"rounding": change}
    if not old.days or not new.days:
        return {"came_or_went": change}
    settled = _settled(new) - _settled(old)
    old, new = _charged(old), _charged(new)
    found = _moved(old, new, base, replaced)
    found["adjustment"] = found.get("adjustment", _ZERO) + settled
    exact = new.value - old.value + settled
    found["rounding"] = found.get("rounding", _ZERO) + change - exact
    return found


def _settled(side: Side) -> Fraction:
    """What its lines pay out of other bills; a bank of money is what is left over itself."""
    if side.shape == "bank":
        return _ZERO
    return _sum(Fraction(cell.amount) for cell in side.cells if cell.settles)


def _charged(side: Side) -> Side:
    """Without its own rounding lines, and without what it settles."""
    cells = [
        cell
        for cell in side.cells
        if cell.kind != "rounding" and (side.shape == "bank" or not cell.settles)
    ]
    return replace(side, cells=cells)


def _moved(old: Side, new: Side, base: Mapping[str, Effects], replaced: Replaced | None) -> Effects:
    if old.of or new.of:
        return _on_lines(old, new, base)
    units = {cell.unit for cell in (*old.cells, *new.cells)}
    if len(units) > 1:
        return {"price": new.value - old.value}  # charged by another measure: another tariff
    if units <= set(_ENERGY):
        return _energy(old, new, replaced)
    if units <= set(_POWER):
        return _power(old, new)
    over = "days" if units <= set(_TIME) else "usage"
    return _pair(old, new, over)


# -------------------------------------------------------------------- products


def _energy(old: Side, new: Side, replaced: Replaced | None) -> Effects:
    """What replaced estimates, where it was used, and what is left as if it had always been so.

    It comes first or last: the mean of both, as of all other orders.
    """
    if replaced is None:
        found = _used(old, new)
        usage = found.pop(_over(old, new), _ZERO)
        return found | {"estimate": usage}
    if not any(replaced):
        return _used(old, new)
    then, now = (
        old.moved(replaced[0], like=new),
        new.moved({place: -energy for place, energy in replaced[1].items()}, like=old),
    )
    found = {"estimate": (then.value - old.value + new.value - now.value) / 2}
    for part in (_used(then, new), _used(old, now)):
        for name, value in part.items():
            found[name] = found.get(name, _ZERO) + value / 2
    return found


def _over(old: Side, new: Side) -> str:
    """What more energy a day is called."""
    if "reactive" in (old.shape, new.shape):
        return "power_factor"
    return "feed_in" if old.fed_in or new.fed_in else "usage"


def _used(old: Side, new: Side) -> Effects:
    """days x usage a day x mean price, and the mean price by tiers, hours and prices."""
    over = _over(old, new)
    if any(side.value and not side.volume for side in (old, new)):
        return {"usage": new.value - old.value}
    same = _Alike(old.tiered == new.tiered, old.buckets == new.buckets)
    before, after = _mix(old.cells, same), _mix(new.cells, same)
    daily = Fraction(old.volume, old.days), Fraction(new.volume, new.days)
    prices = _mean(before, after), _mean(after, before)
    by_days, usage, weight = _three(
        (Fraction(old.days), Fraction(new.days)), daily, prices
    )  # fmt: skip
    return {"days": by_days, over: usage} | {
        name: weight * part for name, part in _means(before, after).items()
    }


def _power(old: Side, new: Side) -> Effects:
    """For each bucket months x power x mean price, and the mean price by tiers and prices."""
    months = _months(old), _months(new)
    months = months[0] or months[1], months[1] or months[0]
    found = dict.fromkeys(EFFECTS, _ZERO)
    hours = dict.fromkeys(cell.place[1] for cell in (*old.cells, *new.cells))
    for hour in hours:
        mine = [[c for c in side.cells if c.place[1] == hour] for side in (old, new)]
        volumes = [_sum(cell.volume for cell in cells) for cells in mine]
        if not all(months):
            found["demand"] += _sum(c.value for c in mine[1]) - _sum(c.value for c in mine[0])
            continue
        same = _Alike(old.tiered == new.tiered)
        before, after = _mix(mine[0], same), _mix(mine[1], same)
        by_days, demand, weight = _three(
            months,
            (volumes[0] / months[0], volumes[1] / months[1]),
            (_mean(before, after), _mean(after, before)),
        )
        found["days"] += by_days
        found["demand"] += demand
        for name, part in _means(before, after).items():
            found[name] += weight * part
    return found


def _months(side: Side) -> Fraction:
    """For how many months power is charged: the factors of its spans."""
    return _sum({cell.span: cell.factor for cell in side.cells}.values())


def _pair(old: Side, new: Side, over: str) -> Effects:
    """A volume x its mean price."""
    volumes = old.volume, new.volume
    before, after = _mix(old.cells), _mix(new.cells)
    prices = _mean(before, after), _mean(after, before)
    return {
        over: (volumes[1] - volumes[0]) * (prices[0] + prices[1]) / 2,
        "price": (prices[1] - prices[0]) * (volumes[0] + volumes[1]) / 2,
    }


_Pair = tuple[Fraction, Fraction]


def _three(a: _Pair, b: _Pair, c: _Pair) -> tuple[Fraction, Fraction, Fraction]:
    """Of a x b x c: the effects of a and of b, and what one unit of c is worth."""

    def weight(x: _Pair, y: _Pair) -> Fraction:
        return (2 * x[0] * y[0] + x[0] * y[1] + x[1] * y[0] + 2 * x[1] * y[1]) / 6

    return (a[1] - a[0]) * weight(b, c), (b[1] - b[0]) * weight(a, c), weight(a, b)


# ------------------------------------------------------------------ mean price


_Mix = dict[str, dict[str, tuple[Fraction, Fraction]]]
"""tier -> hours -> (volume, value)"""


@dataclass(frozen=True, slots=True)
class _Alike:
    """Whether both bills sort energy into tiers, and into the same buckets; else it is all one."""

    tiers: bool = True
    hours: bool = True


_ALIKE = _Alike()


def _mix(cells: Sequence[Cell], same: _Alike = _ALIKE) -> _Mix:
    found: _Mix = {}
    for cell in cells:
        tier, hours = cell.place
        tier, hours = tier if same.tiers else "", hours if same.hours else ""
        volume, value = found.setdefault(tier, {}).get(hours, (_ZERO, _ZERO))
        found[tier][hours] = volume + cell.volume, value + cell.value
    return {
        tier: parts for tier, parts in found.items() if _sum(volume for volume, _ in parts.values())
    }


def _mean(mine: _Mix, other: _Mix) -> Fraction:
    """The mean price; where nothing is charged, that of the other bill."""
    for mix in (mine, other):
        volume = _sum(part[0] for parts in mix.values() for part in parts.values())
        if volume:
            return _sum(part[1] for parts in mix.values() for part in parts.values()) / volume
    return _ZERO


def _means(before: _Mix, after: _Mix) -> Effects:
    """The change of the mean price: by other tiers, by other hours, by other prices.

    What only one bill charges has that bill's price on both.
    """
    before, after = before or after, after or before
    found = {"tier_shift": _ZERO, "hours": _ZERO, "price": _ZERO}
    volumes = [_sum(v for parts in mix.values() for v, _ in parts.values()) for mix in
               (before, after)]  # fmt: skip
    if not all(volumes):
        return found
    for tier in dict.fromkeys((*before, *after)):
        parts = before.get(tier), after.get(tier)
        shares = tuple(
            _sum(v for v, _ in part.values()) / volume if part else _ZERO
            for part, volume in zip(parts, volumes, strict=True)
        )
        known = parts[0] or parts[1] or {}, parts[1] or parts[0] or {}
        means = tuple(
            _sum(v for _, v in part.values()) / _sum(v for v, _ in part.values()) for part in known
        )
        found["tier_shift"] += (shares[1] - shares[0]) * (means[0] + means[1]) / 2
        for name, part in _within(*known).items():
            found[name] += (shares[0] + shares[1]) / 2 * part
    return found


def _within(
    before: Mapping[str, tuple[Fraction, Fraction]], after: Mapping[str, tuple[Fraction, Fraction]]
) -> Effects:
    """The change of one tier's mean price: by other hours, by other prices."""
    found = {"hours": _ZERO, "price": _ZERO}
    totals = [_sum(v for v, _ in part.values()) for part in (before, after)]
    for hours in dict.fromkeys((*before, *after)):
        pairs = [part.get(hours, (_ZERO, _ZERO)) for part in (before, after)]
        prices = [value / volume if volume else None for volume, value in pairs]
        known = [p for p in prices if p is not None] or [_ZERO]
        first, last = (known[0] if p is None else p for p in prices)
        shares = [volume / total for (volume, _), total in zip(pairs, totals, strict=True)]
        found["hours"] += (shares[1] - shares[0]) * (first + last) / 2
        found["price"] += (shares[0] + shares[1]) / 2 * (last - first)
    return found


# -------------------------------------------------------------------- on lines


def _on_lines(old: Side, new: Side, base: Mapping[str, Effects]) -> Effects:
    """A percentage or a bound follows the charges that it is computed on, effect by effect."""
    moved: Effects = {}
    for effects in base.values():
        for effect, part in effects.items():
            moved[effect] = moved.get(effect, _ZERO) + part
    change, below = new.value - old.value, _sum(moved.values())
    bound = old.shape in _BOUNDS or new.shape in _BOUNDS
    if bound:  # a rise of the lines below it is taken back, at most the whole
        follows = min(max(change / below, Fraction(-1)), _ZERO) if below else _ZERO
    else:
        rates = _rates(old, new)
        follows = (rates[0] + rates[1]) / 2
    found = {effect: follows * part for effect, part in moved.items()}
    own = "power_factor" if _other_row(old, new) else "price"
    own = "adjustment" if "bank" in (old.shape, new.shape) else own
    found[own] = found.get(own, _ZERO) + change - follows * below
    return found


def _rates(old: Side, new: Side) -> _Pair:
    """What they are of the lines below them; where these are nothing, that of the other bill."""
    rates = [side.value / side.base if side.base else None for side in (old, new)]
    known = [rate for rate in rates if rate is not None] or [_ZERO]
    first, last = (known[0] if rate is None else rate for rate in rates)
    return first, last


def _other_row(old: Side, new: Side) -> bool:
    """Whether a table by power factor was entered at another row."""
    if "power_factor" not in (old.shape, new.shape):
        return False
    return {cell.bucket for cell in old.cells} != {cell.bucket for cell in new.cells}


def _sum(values: Iterable[Fraction]) -> Fraction:
    return sum(values, _ZERO)
