"""Beside step 6: what a kWh costs at each hour, all components that charge energy together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.money import Rounding, number, round_fraction
from gridtally.rating.calendars import HOLIDAY, OUTSIDE
from gridtally.rating.hours import Grid, grid
from gridtally.rating.show.panels import at_rest, panels
from gridtally.rating.tariff import TariffVersion
from gridtally.rating.wording import name_of, plain, unit_of
from gridtally.terms import RoundingMode

__all__ = ["total"]

_SHOWN = Rounding(6, RoundingMode.HALF_UP)
_OTHERWISE = {
    "fixed": "charged by time, not by energy",
    "demand": "charged by demand",
    "minimum": "depends on the whole bill",
    "maximum": "depends on the whole bill",
    "power_factor": "depends on the power factor",
}


@dataclass
class _Sum:
    """What goes into the price of a kWh, and what does not and why."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    on_lines: list[dict[str, Any]] = field(default_factory=list)
    excluded: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def total(version: TariffVersion, mask: npt.NDArray[np.bool_]) -> dict[str, Any] | None:
    """The price of an imported kWh by hour, or None when no component gives one.

    Exact up to the shown price (6 decimals, half up). Of tiers that are cut alike each step is
    there; of others the first alone, which is said.
    """
    found = _sorted(version)
    if not found.parts:
        return None
    bounds = _bounds(found)
    cells, codes = _cells(version, found, mask)
    classes = [_prices(found, active, len(bounds)) for active in codes]
    order = sorted({price for price, _ in classes}, key=lambda prices: (-prices[0], prices))
    place = np.array([*(order.index(prices) for prices, _ in classes), OUTSIDE], np.int16)
    names = {
        price: dict.fromkeys(name for p, name in classes if p == price and name) for price in order
    }
    holidays = any(c.holidays is not None for c in version.calendars.values())
    return {
        "text": "What one more kWh costs, by the hour",
        "unit": f"{version.currency} per kWh",
        "upto_unit": next(
            (unit_of(raw, ("upto",), "") for raw in found.parts if raw.get("tiers")), "kWh"
        ),
        "includes": [part["says"] for part in (*found.parts, *found.on_lines)],
        "excludes": found.excluded,
        "remarks": found.remarks,
        "buckets": [
            {"bucket": " / ".join(names[prices]), "tiers": _steps(prices, bounds)}
            for prices in order
        ],
        "panels": panels(place[cells], holidays=holidays),
    }


def _steps(
    prices: Sequence[Fraction], bounds: Sequence[Decimal | None]
) -> list[dict[str, str | None]]:
    return [
        {"upto": None if upto is None else number(upto),
         "price": number(round_fraction(price, _SHOWN))}
        for price, upto in zip(prices, bounds, strict=True)
    ]  # fmt: skip


# ------------------------------------------------------------- what belongs to it


def _sorted(version: TariffVersion) -> _Sum:
    found = _Sum()
    known: set[str] = set()
    for i in version.order:
        raw = _named(plain(version.components[i]), version)
        name = name_of(raw["title"], raw["id"])
        why = _why_not(raw) if raw.get("of") is None else _why_not_on_lines(raw, known)
        if why is not None:
            if why:
                found.excluded.append([name, why])
            continue
        known.add(raw["id"])
        if raw.get("of") is None:
            found.parts.append(raw | {"says": name})
            found.remarks += _remarks(raw, name, version)
        else:
            found.on_lines.append(raw | {"says": f"{name} ({number(raw['percent'])} %)"})
    missing = {name for raw in found.on_lines for name in raw["of"]} - known
    if missing and found.on_lines:
        found.remarks.append("A percentage counts as far as it is on the components included.")
    return found


def _named(raw: dict[str, Any], version: TariffVersion) -> dict[str, Any]:
    """A component with the names of its buckets."""
    calendar = version.calendars[raw["calendar"]] if raw.get("calendar") else None
    raw["names"] = calendar.buckets if calendar else ("",)
    return raw


def _why_not(raw: Mapping[str, Any]) -> str | None:  # noqa: PLR0911 - one reason a line
    """Why a component is not part of the price of a kWh; None when it is."""
    if raw["shape"] not in ("energy", "tiered"):
        return _OTHERWISE.get(raw["shape"], f"{raw['shape'].replace('_', ' ')}, not by kWh")
    if raw["channel"] != "import":
        return f"on {raw['channel'].replace('_', ' ')}"
    if raw.get("series"):
        return f"its price by time, series {raw['series']}, is not in the document"
    if raw.get("part"):
        return "charged on a part of the energy"
    if not all(isinstance(price, Decimal) for price in _numbers(raw)):
        return "its price is a term of the agreement"
    factors = [*(raw.get("loss_factor") or ()), *(raw.get("loss_factors") or {}).values()]
    if not all(isinstance(factor, Decimal) for factor in factors):
        return "its energy is multiplied by a term of the agreement"
    if any(tier.get("upto_per_kw") is not None for tier in raw.get("tiers") or ()):
        return "its steps are hours of use, which depend on the demand"
    if raw.get("window") == "day" or raw.get("method") == "volume":
        return "its price depends on the energy of the whole day or month"
    return None


def _why_not_on_lines(raw: Mapping[str, Any], known: set[str]) -> str | None:
    if raw["shape"] != "percentage":
        return _OTHERWISE.get(raw["shape"], f"{raw['shape'].replace('_', ' ')}, not by kWh")
    if not isinstance(raw["percent"], Decimal):
        return "its percentage is a term of the agreement"
    return None if known & set(raw["of"]) else "on lines that are not by kWh"


def _numbers(raw: Mapping[str, Any]) -> list[Any]:
    found = []
    for tier in raw.get("tiers") or [raw]:
        found += [*(tier.get("prices") or {}).values()] or [tier.get("price")]
    return found


def _remarks(raw: Mapping[str, Any], name: str, version: TariffVersion) -> list[str]:
    found = []
    if raw.get("netting"):
        found.append(f"{name}: what export nets out costs nothing here.")
    calendar = version.calendars.get(str(raw.get("calendar")))
    events = sorted({rule.event for rule in calendar.events}) if calendar else []
    found += [f"{name}: within the event {event} another price may hold." for event in events]
    if raw.get("losses"):
        found.append(f"{name}: losses come on top.")
    return found


# -------------------------------------------------------------------- prices by hour


def _bounds(found: _Sum) -> list[Decimal | None]:
    """The common ends of the tiers; a single one without end where they are cut differently."""
    cuts = {
        (raw.get("window"), raw.get("unit"), str(raw.get("more")),
         tuple(tier["upto"] for tier in raw["tiers"]))
        for raw in found.parts if raw.get("tiers")
    }  # fmt: skip
    if len(cuts) == 1:
        window, _, _, ends = cuts.pop()
        found.remarks.append(f"The steps count the energy of the {window}.")
        return list(ends)
    if cuts:
        found.remarks.append("Tiers are cut in different ways: the first of each is shown.")
    return [None]


def _cells(
    version: TariffVersion, found: _Sum, mask: npt.NDArray[np.bool_]
) -> tuple[Grid, list[tuple[int, ...]]]:
    """Which combination of buckets holds when; the bucket of every part in each combination."""
    holidays = any(c.holidays is not None for c in version.calendars.values())
    place = np.zeros((366, 8, 1440), np.int64)
    actives: list[tuple[int, ...]] = [()]
    for raw in (*found.parts, *found.on_lines):
        calendar = version.calendars[raw["calendar"]] if raw.get("calendar") else None
        cells = grid(calendar)
        if calendar is None or calendar.holidays is None:
            cells[:, HOLIDAY] = cells[:, 0]  # to it a public holiday is like another day
            if holidays and (cells != cells[:, :1]).any():
                found.remarks.append(f"On public holidays {raw['says']} is as on a Monday here.")
        if not holidays:
            cells[:, HOLIDAY] = OUTSIDE
        cells = at_rest(cells, raw["months"], mask)
        size = int(cells.max()) + 2
        # Numbered anew after each part: the numbers stay as few as the combinations are.
        seen, place = _unique(place * size + cells + 1)
        pairs = (divmod(value, size) for value in seen.tolist())
        actives = [(*actives[before], bucket - 1) for before, bucket in pairs]
    live = [active for active in actives if any(bucket >= 0 for bucket in active)]
    where = [live.index(active) if active in live else len(live) for active in actives]
    return np.array(where, np.int16)[place], live


def _unique(code: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """As `np.unique`, but days that are alike are looked at once."""
    changes = np.r_[True, (code[1:] != code[:-1]).any(axis=(1, 2))]
    seen, where = np.unique(code[changes], return_inverse=True)
    few = where.reshape(-1, *code.shape[1:])
    return seen, few[np.cumsum(changes) - 1]


def _prices(found: _Sum, active: tuple[int, ...], count: int) -> tuple[tuple[Fraction, ...], str]:
    """The price of each step in a combination of buckets, and what the combination is called."""
    amounts: dict[str, list[Fraction]] = {}
    names = []
    for raw, bucket in zip((*found.parts, *found.on_lines), active, strict=True):
        if bucket < 0:
            amounts[raw["id"]] = [Fraction(0)] * count
        elif raw.get("of") is None:
            amounts[raw["id"]] = _own(raw, bucket, count)
            seasonal = raw["says"] if raw["months"] else ""
            names.append(raw["names"][bucket] or seasonal)
        else:
            amounts[raw["id"]] = _on_lines(raw, amounts, count)
    sums = tuple(sum(column, Fraction(0)) for column in zip(*amounts.values(), strict=True))
    return sums, " + ".join(dict.fromkeys(name for name in names if name))


def _own(raw: Mapping[str, Any], bucket: int, count: int) -> list[Fraction]:
    """What an energy component charges per metered kWh, by step."""
    tiers = raw.get("tiers") or [raw]
    tiers = tiers if len(tiers) == count else tiers[:1] * count
    name = raw["names"][bucket]
    prices = [Fraction(tier["prices"][name] if name else tier["price"]) for tier in tiers]
    factor = Fraction(-1 if raw.get("credit") else 1)
    for times in raw.get("loss_factor") or ():
        factor *= Fraction(times)
    factor *= Fraction((raw.get("loss_factors") or {}).get(name, 1))
    return [price * factor for price in prices]


def _on_lines(
    raw: Mapping[str, Any], amounts: Mapping[str, list[Fraction]], count: int
) -> list[Fraction]:
    """What a percentage adds: on top; as a part of its own base; or nothing, being included."""
    percent = Fraction(raw["percent"])
    rates = {
        "included": Fraction(0),
        "inside": percent / (100 - percent) if percent < 100 else percent,
    }
    rate = rates.get(str(raw.get("method")), percent / 100)
    rate *= -1 if raw.get("credit") else 1
    of = [amounts[name] for name in raw["of"] if name in amounts]
    return [sum((column[step] for column in of), Fraction(0)) * rate for step in range(count)]
