"""Beside step 6: the demand charges of a URDB rate; see `urdb.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from gridtally.money import number, round_fraction
from gridtally.rating.importers.energy import BILLING
from gridtally.rating.importers.parts import Part, Times, calendar, prices, signed
from gridtally.rating.importers.rate import EIGHT, Rate, Step, charges, is_list
from gridtally.terms import Channel

__all__ = ["billing", "demand", "ratchet_unused"]

_HP = Fraction(74569987, 10**8)
"""kW of a horsepower of 550 foot-pounds a second."""
_DAY_S = 86_400
_PEAK = "coincident-peak"
_FAR = 36
"""So many months a ratchet may look back, at most."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How demand is measured and billed in this rate."""

    window: Part
    ratchet: Part
    said: list[str]
    """How they were read: told where a demand is measured so."""

    @classmethod
    def of(cls, source: Rate, resolution_s: int | None) -> Measured:
        """The window and the ratchet of the rate."""
        quiet = replace(source, assumptions=[])
        window, ratchet = _window(quiet, resolution_s), _ratchet(quiet)
        return cls(window, ratchet, quiet.assumptions)


def demand(source: Rate, resolution_s: int | None) -> list[Part]:
    """Demand of the month, of periods, and of reactive power."""
    how = Measured.of(source, resolution_s)
    measured = _flat(source, how) + _by_periods(source, how)
    if measured:
        source.assume(*how.said)
    return measured + _coincident(source) + _reactive(source)


def billing(source: Rate, resolution_s: int | None) -> Part:
    """The month's demand without a price, for tiers by hours of use."""
    how = Measured.of(source, resolution_s)
    source.assume(*how.said)
    title = {"en": "Billing demand, for the hours of use"}
    part = {"id": BILLING, "shape": "demand", "title": title, "price": Decimal(0)}
    return part | how.window | how.ratchet


def ratchet_unused(source: Rate, parts: Sequence[Part]) -> None:
    """Say so where the rate has a ratchet and none of its parts."""
    if _has_ratchet(source) and not any("ratchet" in part for part in parts):
        source.assume("There is a ratchet, and no demand that it could raise.")


# ------------------------------------------------------------------ the month


def _flat(source: Rate, how: Measured) -> list[Part]:
    before = len(source.refused)
    periods = _structure(source, "flatdemandstructure")
    months = _months(source, len(periods))
    if not charges(periods) or len(source.refused) > before:
        return []
    periods, unit = _unit(source, "flatdemandunit", periods, flat=True)
    used = sorted(set(months))
    if not source.filled("flatdemandstructure", periods, used):
        return []
    priced = [p for p in used if charges([periods[p]])]
    measured = unit | how.window | how.ratchet
    parts: list[Part] = []
    if how.ratchet and priced and len(used) > 1:
        parts, measured = _measured_once(measured)
        source.assume("The ratchet looks back over the seasons of flat demand alike.")
    for p in priced:
        mine = [m for m, period in enumerate(months, 1) if period == p]
        part = {"id": f"demand-flat-{p + 1}", "shape": "demand", **_tiers({"": periods[p]})}
        part |= {"months": mine} if len(mine) < 12 else {}
        parts.append(signed(part | measured))
    return parts


def _measured_once(measured: Part) -> tuple[list[Part], Part]:
    """One component measures for all seasons, at a price of zero; each season has its price."""
    per = {key: value for key, value in measured.items() if key == "per"}
    title = {"en": "Flat demand, measured for its seasons"}
    one = {"id": "demand-flat", "shape": "demand", "title": title, "price": Decimal(0)}
    one |= {key: value for key, value in measured.items() if key != "per"}
    return [one], {"basis": "billed", "demand": "demand-flat"} | per


def _months(source: Rate, count: int) -> list[int]:
    """The period of each month."""
    given = source.get("flatdemandmonths")
    if given is None:
        if count:
            source.assume("flatdemandmonths is missing: the first period holds all year.")
        return [0] * 12
    texts = [str(cell).removesuffix(".0") for cell in given] if is_list(given) else []
    if len(texts) != 12 or not all(text.isdigit() for text in texts):
        source.refuse("flatdemandmonths is not a list of twelve periods")
        return [0] * 12
    months = [int(text) for text in texts]
    if not count and not any(months):
        source.assume("flatdemandmonths has no prices beside it: no such demand is charged.")
        return [0] * 12
    if max(months) >= count:
        source.refuse("flatdemandmonths names a period that is not there")
        return [0] * 12
    return months


def _tiers(periods: dict[str, Sequence[Step]]) -> Part:
    """Prices, or tiers that all periods can be written in."""
    steps = [step for each in periods.values() for step in each]
    bounds = sorted({step.upto for step in steps if step.upto is not None})

    def at(of: Sequence[Step], tier: int) -> Step:
        end = bounds[tier] if tier < len(bounds) else None
        return next(s for s in of if s.upto is None or (end is not None and end <= s.upto))

    return prices(periods, [{"upto": bound} for bound in bounds], at, lambda step: step.price)


# ---------------------------------------------------------------- the periods


def _structure(source: Rate, name: str) -> list[list[Step]]:
    """The periods of a demand; nobody buys it."""
    periods = source.periods(name)
    if any(step.sell for period in periods for step in period):
        source.assume(f"{name}: sell is read for energy alone; here it is not.")
    return periods


def _by_periods(source: Rate, how: Measured) -> list[Part]:
    before = len(source.refused)
    periods = _structure(source, "demandratestructure")
    if not charges(periods):
        if not periods and source.get("demandweekdayschedule") is not None:
            source.assume("There is a demand schedule and no price beside it: nothing is charged.")
        return []
    periods, unit = _unit(source, "demandrateunit", periods, flat=False)
    tables = source.schedules("demand", len(periods))
    used = {cell for table in tables for row in table for cell in row}
    if len(source.refused) > before or not source.filled("demandratestructure", periods, used):
        return []
    times = Times.of(periods, tables)
    if how.ratchet and len(times.periods) > 1:
        source.assume("The ratchet of a demand period looks back at the same period alone.")
    part: Part = {"id": "demand", "shape": "demand", **calendar(source, "demand", times)}
    return [signed(part | _tiers(dict(times.periods)) | unit | how.window | how.ratchet)]


def _coincident(source: Rate) -> list[Part]:
    """Demand at the hours of the system's peak, which are events from elsewhere."""
    before = len(source.refused)
    periods = _structure(source, "coincidentratestructure")
    if not charges(periods):
        return []
    periods, unit = _unit(source, "coincidentrateunit", periods, flat=False)
    table = source.schedule("coincidentrateschedule", "coincidentschedule", count=len(periods))
    used = {cell for row in table for cell in row}
    if len(source.refused) > before or not source.filled("coincidentratestructure", periods, used):
        return []
    times = Times.of(periods, (table, table))
    calendar(source, "coincident", times)
    rules = source.calendars.get("coincident", {"rules": [{"bucket": next(iter(times.periods))}]})
    source.calendars["coincident"] = {
        "rules": [{**rule, "event": _PEAK} for rule in rules["rules"]] + [{"otherwise": "other"}]
    }
    source.events[_PEAK] = {"title": "The hours of the system's peak"}
    source.assume(
        f"coincidentratestructure: the mean power of the hours that the events {_PEAK!r} name is "
        "charged, in each period of its schedule; without these events there is no bill."
    )
    nothing = [Step(None, Decimal(0), None, "")]
    prices = _tiers({**times.periods, "other": nothing})
    part = {"id": "demand-coincident", "shape": "demand", "calendar": "coincident"}
    return [signed({**part, "measure": "mean", **prices, **unit})]


# ------------------------------------------------------- units, window, ratchet


def _unit(
    source: Rate, name: str, periods: list[list[Step]], *, flat: bool
) -> tuple[list[list[Step]], Part]:
    """The periods in kW, and what the unit says of the component."""
    texts = {" ".join(str(source.get(name) or "kW").lower().split())}
    texts |= {step.unit for period in periods for step in period if step.unit}
    if len(texts) > 1:
        source.refuse(f"{name}: demand in {', '.join(sorted(texts))} together")
        return periods, {}
    unit = texts.pop()
    base, daily = unit.removesuffix("daily").strip(), unit.endswith("daily")
    if base not in ("kw", "kva", "hp"):
        source.refuse(f"{name}: demand in {unit[:40]!r}, which is not kW, kVA or hp")
    part = _daily(source, name, periods, flat=flat) if daily else {}
    if base == "hp":
        source.assume(f"{name}: a horsepower is {number(Decimal(74569987).scaleb(-8))} kW.")
        periods = [[_in_kw(step) for step in period] for period in periods]
    if base == "kva" and Channel.REACTIVE_IMPORT in source.channels:
        part |= {"power": "apparent"}
    elif base == "kva":
        source.assume(f"{name}: the readings have no reactive energy, so kVA are taken as kW.")
    return periods, part


def _in_kw(step: Step) -> Step:
    price = Decimal(number(round_fraction(Fraction(step.price) / _HP, EIGHT)))
    upto = step.upto and Decimal(number(round_fraction(Fraction(step.upto) * _HP, EIGHT)))
    return replace(step, price=price, upto=upto)


def _daily(source: Rate, name: str, periods: list[list[Step]], *, flat: bool) -> Part:
    """The demand of each day is charged: the mean of the days' demands, times the days."""
    if not flat or any(len(period) > 1 for period in periods):
        source.refuse(
            f"{name}: demand of each day, by periods or by tiers: a bill knows the demand of the "
            "month, and the mean of its days"
        )
    source.assume(f"{name}: the largest demand of each day of the bill is charged, and added up.")
    return {"per": "day", "top": 31, "distinct_days": True}


def _window(source: Rate, resolution_s: int | None) -> Part:
    minutes = source.amount("demandwindow")
    if minutes <= 0:
        if minutes < 0:
            source.refuse("demandwindow is below zero")
        return {}
    seconds = int(minutes * 60)
    fits = resolution_s and seconds % resolution_s == 0 and seconds % 60 == 0
    if fits and _DAY_S % seconds == 0:
        return {"window_min": seconds // 60}
    source.assume(
        f"The source measures demand over {number(minutes)} minutes; "
        "the mean power of each reading is taken."
    )
    return {}


def _ratchet(source: Rate) -> Part:
    """At least a share of what was measured in the months before."""
    share = source.amount("lookbackpercent")
    by_month = _by_month(source) if source.get("demandratchetpercentage") else []
    if share:
        months, shares = _lookback(source, share)
        if any(by_month) and by_month != shares:
            source.refuse(
                "lookbackpercent and demandratchetpercentage are two ratchets that differ: keep one"
            )
    elif by_month:
        months, shares = 11, by_month
        if any(shares):
            source.assume(
                "demandratchetpercentage: a bill is for at least that share of the demand measured "
                "in the month it stands for, over the eleven months before."
            )
    else:
        return {}
    if any(not 0 <= each <= 100 for each in shares):
        source.refuse("a ratchet of less than nothing, or of more than all of the demand")
        return {}
    if not any(shares):
        return {}
    percent = max(shares)
    source.assume("The ratchet adds to the month's own demand, which always counts in full.")
    other = {str(m): each for m, each in enumerate(shares, 1) if each != percent}
    apart = {"by_month": other} if other else {}
    return {"ratchet": {"percent": percent, "months": months} | apart}


def _has_ratchet(source: Rate) -> bool:
    quiet = replace(source, assumptions=[])
    return bool(_ratchet(quiet))


def _lookback(source: Rate, share: Decimal) -> tuple[int, list[Decimal]]:
    stated = source.amount("lookbackrange")
    if stated == 0:
        source.assume("The ratchet has no range: it looks back over eleven months.")
    elif not 0 < stated <= _FAR or stated % 1:
        source.refuse(
            f"lookbackrange: {number(stated)} is not a whole number of months up to {_FAR}"
        )
        stated = Decimal(0)
    back = int(stated) or 11
    months = source.get("lookbackmonths")
    counted = [True] * 12
    if months is not None:
        if not is_list(months) or len(months) != 12:
            source.refuse("lookbackmonths is not a list of twelve")
        else:
            counted = [str(month).lower() not in ("0", "0.0", "false") for month in months]
    if not all(counted):
        source.assume("lookbackmonths: the months in which a demand that counts later is measured.")
    percent = _percent(source, "lookbackpercent", share)
    return back, [percent if each else Decimal(0) for each in counted]


def _by_month(source: Rate) -> list[Decimal]:
    given = source.get("demandratchetpercentage")
    given = list(given) if is_list(given) else [given]
    if len(given) == 1:
        given *= 12
    if len(given) != 12:
        source.refuse("demandratchetpercentage is not a list of twelve")
        return [Decimal(0)]
    name = "demandratchetpercentage"
    return [_percent(source, name, source.exact(share or 0, name)) for share in given]


def _percent(source: Rate, name: str, share: Decimal) -> Decimal:
    if share > 1:
        source.assume(f"{name}: {number(share)} is above 1 and is taken as per cent.")
        return share
    return Decimal(number(share * 100))


def _reactive(source: Rate) -> list[Part]:
    price = source.amount("demandreactivepowercharge")
    if price and Channel.REACTIVE_IMPORT not in source.channels:
        source.assume("The readings have no reactive energy: reactive demand is not charged.")
        return []
    if price:
        source.assume(
            "demandreactivepowercharge is per kvar of the month's largest reactive demand."
        )
        if source.amount("demandwindow") > 0 or _has_ratchet(source):
            source.assume(
                "Reactive demand is that of single readings and of the month: no window, no "
                "ratchet."
            )
    part = {"id": "demand-reactive", "shape": "demand", "channel": "reactive_import"}
    return [signed({**part, "price": price})] if price else []
