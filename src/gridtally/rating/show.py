"""Beside step 6: a tariff version's prices by hour, as data and on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gridtally.money import number
from gridtally.rating.calendars import DAY_TYPES, HOLIDAY, Calendar
from gridtally.rating.charges import (
    Charge,
    Demand,
    Energy,
    Fixed,
    Maximum,
    Minimum,
    Percentage,
    PowerFactor,
    Priced,
    Tiered,
)
from gridtally.rating.tariff import TariffVersion

__all__ = ["heat_map", "show"]

_SHADES = ("on grey15", "on dark_green", "on yellow4", "on dark_orange3", "on red3")


def show(version: TariffVersion) -> dict[str, Any]:
    """A version as data that can be drawn: what each component charges, hour by hour.

    `grid` of a component has shape 12 months x 8 day types x 24 hours: the index of the bucket,
    -1 where the hour has several, -2 where the component is at rest.
    """
    return {
        "tariff": version.id,
        "title": version.title if isinstance(version.title, str) else dict(version.title),
        "digest": version.digest,
        "currency": version.currency,
        "zone": version.zone,
        "valid_from": version.valid_from.isoformat(),
        "valid_to": version.valid_to.isoformat() if version.valid_to else None,
        "source": version.source,
        "assumptions": list(version.assumptions),
        "day_types": list(DAY_TYPES),
        "components": [_shown(charge, version) for charge in version.components],
    }


def _shown(charge: Charge, version: TariffVersion) -> dict[str, Any]:
    part: dict[str, Any] = {
        "id": charge.id, "shape": charge.shape, "kind": charge.kind or charge.shape,
        "title": charge.title or charge.id, "months": list(charge.months or range(1, 13)),
        "text": _sentence(charge, version.currency),
    }  # fmt: skip
    if not isinstance(charge, Priced):
        return part
    calendar = version.calendars[charge.calendar] if charge.calendar else None
    names = calendar.buckets if calendar else ("",)
    return part | {
        "buckets": [{"bucket": name, "tiers": _steps(charge, name)} for name in names],
        "grid": _grid(calendar, charge.months).tolist(),
    }


def _steps(charge: Priced, bucket: str) -> list[dict[str, str | None]]:
    bounds = [tier.upto for tier in getattr(charge, "tiers", None) or ()] or [None]
    prices = [by_bucket[bucket] if by_bucket else price for _, price, by_bucket in charge.priced()]
    return [
        {"upto": None if bound is None else number(bound),
         "price": None if price is None else str(price)}
        for bound, price in zip(bounds, prices, strict=True)
    ]  # fmt: skip


def _grid(calendar: Calendar | None, months: tuple[int, ...]) -> np.ndarray[Any, Any]:
    if calendar is None:
        grid = np.zeros((12, 8, 24), np.int64)
    else:
        hours = calendar.table.reshape(12, 8, 24, 60).astype(np.int64)
        grid = np.where((hours == hours[..., :1]).all(axis=3), hours[..., 0], -1)
        if calendar.holidays is None:
            grid[:, HOLIDAY] = -2
    if months:
        grid[[month - 1 for month in range(1, 13) if month not in months]] = -2
    return grid


def _sentence(charge: Charge, currency: str) -> str:
    match charge:
        case Fixed():
            unit = charge.per.replace("_", " per ").replace("kva", "kVA").replace("kw", "kW")
            text = f"{charge.price} {currency} per {unit}"
        case Percentage():
            text = f"{charge.percent} % of {', '.join(charge.of)}"
        case PowerFactor():
            text = f"by power factor, on {', '.join(charge.of)}"
        case Minimum() | Maximum():
            word = "at least" if isinstance(charge, Minimum) else "at most"
            text = f"{word} {charge.amount} {currency} per month for {', '.join(charge.of)}"
        case Demand():
            text = f"{currency} per kW and month, {charge.basis} demand"
        case Energy() | Tiered():
            text = f"{currency} per kWh of {charge.channel}"
        case _:
            text = charge.shape
    return text


def heat_map(shown: Mapping[str, Any], *, day_type: str = "mon") -> RenderableType:
    """The priced components of `show` as tables of months x hours, darker is cheaper."""
    parts: list[RenderableType] = []
    for part in shown["components"]:
        parts.append(Text(f"{part['id']}: {part['text']}", style="bold"))
        if "grid" in part and len(part["buckets"]) > 1:
            parts += [_table(part, DAY_TYPES.index(day_type)), _legend(part)]
        elif "buckets" in part:
            parts.append(_legend(part))
    return Group(*parts)


def _shades(part: Mapping[str, Any]) -> list[str]:
    """A shade per bucket, by the rank of its first price."""
    prices = [Decimal(bucket["tiers"][0]["price"] or 0) for bucket in part["buckets"]]
    ranks = sorted(set(prices))
    top = max(1, len(ranks) - 1)
    return [_SHADES[ranks.index(price) * (len(_SHADES) - 1) // top] for price in prices]


def _table(part: Mapping[str, Any], day: int) -> Table:
    table = Table(title=DAY_TYPES[day], box=None, padding=0, header_style="dim")
    table.add_column("")
    for hour in range(24):
        table.add_column(f"{hour:02} ")
    shades = _shades(part)
    for month, rows in enumerate(part["grid"], 1):
        cells = [
            Text("   ", shades[cell]) if cell >= 0 else Text(" / " if cell == -1 else " · ")
            for cell in rows[day]
        ]
        table.add_row(f"{month:2} ", *cells)
    return table


def _legend(part: Mapping[str, Any]) -> Text:
    text = Text()
    for bucket, shade in zip(part["buckets"], _shades(part), strict=True):
        steps = ", ".join(
            f"{step['price']}" + (f" up to {step['upto']}" if step["upto"] else "")
            for step in bucket["tiers"]
        )
        text.append("   ", shade)
        text.append(f" {bucket['bucket'] or 'always'}: {steps}\n")
    return text
