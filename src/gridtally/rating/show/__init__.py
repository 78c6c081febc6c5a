"""Beside step 6: a tariff version's prices by hour as data, ready to be drawn or printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from gridtally.errors import UsageError
from gridtally.rating.charges import Charge
from gridtally.rating.hours import grid
from gridtally.rating.shipped import badge
from gridtally.rating.show.panels import at_rest, panels, steps
from gridtally.rating.show.total import total
from gridtally.rating.tariff import TariffVersion
from gridtally.rating.wording import fact_text, facts, leaf_text, plain, stated, unit_of, value_text

__all__ = ["show"]

_APART = frozenset(("id", "shape", "title", "kind", "calendar", "series", "price", "prices",
                    "tiers", "ledger", "source", "channel", "of", "per", "percent", "amount",
                    "basis", "credit"))  # fmt: skip
"""Keys that a component's sentence, prices and place already say."""


def show(version: TariffVersion, *, year: int | None = None) -> dict[str, Any]:
    """A version as data that can be drawn: what each component charges hour by hour, and the sum.

    Of a component with prices, `buckets` has each bucket's steps; `panels` has, per group of day
    types that are alike, rows of days that are alike: [first minute, minute after the last, index
    of the bucket or -1 at rest]. With `year`, days on which the version is not in force rest.
    """
    mask = _in_force(version, year)
    return {
        "schema": 1,
        "tariff": version.id,
        "title": version.title if isinstance(version.title, str) else dict(version.title),
        "digest": version.digest,
        "currency": version.currency,
        "zone": version.zone,
        "valid_from": version.valid_from.isoformat(),
        "valid_to": version.valid_to.isoformat() if version.valid_to else None,
        "year": year,
        "source": version.source,
        "verified_by": version.verified_by,
        "assumptions": list(version.assumptions),
        "badge": badge(version.assumptions),
        "holidays": _holidays(version, year),
        "total": total(version, mask),
        "declared": [[name, said] for name, said in _declared(version)],
        "components": [_component(charge, version, mask) for charge in version.components],
    }


def _in_force(version: TariffVersion, year: int | None) -> npt.NDArray[np.bool_]:
    """The days of a year on which the version is in force: shape (366, 1, 1)."""
    if year is None:
        return np.ones((366, 1, 1), np.bool_)
    last = version.valid_to or date(9999, 1, 1)
    mask = np.array([version.valid_from <= day < last for day in _days(year)])
    if not mask.any():
        until = f" to {version.valid_to}" if version.valid_to else " on"
        raise UsageError(
            f"The version is not in force in {year}.",
            remedy=f"It is from {version.valid_from}{until}.",
        )
    return mask.reshape(366, 1, 1)


def _days(year: int) -> list[date]:
    """The 366 days of the grid in a year; in a usual one, the 28th stands for 29 February."""
    first = date(2024, 1, 1).toordinal()
    leap = [date.fromordinal(first + n) for n in range(366)]
    usual = date(year, 2, 28)
    return [usual if (d.month, d.day) == (2, 29) else d.replace(year=year) for d in leap]


def _declared(version: TariffVersion) -> Iterator[tuple[str, str]]:
    """What is said beside the components: rounding, who may have it, what is declared by name."""
    point = "{0.places} decimals, {0.mode}"
    yield (
        "Rounding",
        (f"lines to {point.format(version.line)}; total to {point.format(version.total)}").replace(
            "_", " "
        ),
    )
    if version.eligibility:
        yield "For", _said(version.eligibility, version.currency)
    for word in ("terms", "series", "events", "parts", "losses"):
        for name, part in getattr(version, word).items():
            kind = {"series": "series", "losses": "loss"}.get(word, word.removesuffix("s"))
            yield f"{kind.capitalize()} {name}", _said(part, version.currency)


def _said(part: BaseModel, currency: str) -> str:
    return "; ".join(fact_text(*fact) for fact in facts(stated(part), currency)) or "-"


def _holidays(version: TariffVersion, year: int | None) -> list[str]:
    found = {day for c in version.calendars.values() for day in c.holidays or ()}
    return [day.isoformat() for day in sorted(found) if year is None or day.year == year]


def _component(
    charge: Charge, version: TariffVersion, mask: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    raw = plain(charge)
    part: dict[str, Any] = {
        "id": charge.id, "shape": charge.shape, "kind": charge.kind or charge.shape,
        "title": raw["title"] or charge.id, "months": list(charge.months or range(1, 13)),
        "text": sentence(raw, version.currency),
        "facts": [list(fact) for fact in facts(stated(charge), version.currency, without=_APART)],
    }  # fmt: skip
    if charge.shape == "fixed" or not any(raw.get(key) for key in ("price", "prices", "tiers")):
        return part
    calendar = version.calendars[raw["calendar"]] if raw.get("calendar") else None
    if calendar:
        part["facts"] += [
            [f"within the event {rule.event}", f"at the price of {calendar.buckets[rule.bucket]}"]
            for rule in calendar.events
        ]
        part["facts"] += [["hours", "by standard time all year"]] if calendar.standard else []
    cells = at_rest(grid(calendar), charge.months, mask)
    names = calendar.buckets if calendar else ("",)
    return part | {
        "unit": unit_of(raw, ("price",), version.currency),
        "upto_unit": unit_of(raw, ("upto",), version.currency),
        "buckets": [{"bucket": name, "tiers": steps(raw, name)} for name in names],
        "panels": panels(cells, holidays=calendar is not None and calendar.holidays is not None),
    }


def sentence(raw: Mapping[str, Any], currency: str) -> str:
    """What a component charges, in one line."""
    lines = ", ".join(raw.get("of") or ())
    match raw["shape"]:
        case "percentage":
            said = f"{leaf_text(raw, ('percent',), raw['percent'], currency)} of {lines}"
        case "minimum" | "maximum":
            word = "at least" if raw["shape"] == "minimum" else "at most"
            amount = leaf_text(raw, ("amount",), raw["amount"], currency)
            said = f"{word} {amount} for {lines}"
        case "power_factor":
            said = f"by power factor, on {lines}"
        case "demand":
            said = f"{unit_of(raw, ('price',), currency)}, {raw['basis']} demand"
        case "energy" | "tiered" | "reactive":
            said = f"{unit_of(raw, ('price',), currency)} of {raw['channel']}"
        case _ if raw.get("price") is not None:
            said = leaf_text(raw, ("price",), raw["price"], currency)
        case shape:
            said = shape.replace("_", " ") + (f" on {lines}" if lines else "")
    if raw.get("series"):
        said += f", by the series {value_text(raw['series'])}"
    return said + (", paid to the customer" if raw.get("credit") else "")
