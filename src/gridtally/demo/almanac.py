"""Before step 1: the town's months as grids of intervals, its weather, its tariffs' hours."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.demo.draw import Draw, Ints
from gridtally.periods import Period, zone

__all__ = [
    "DAYS",
    "FIRST",
    "MONTHS",
    "ZONE",
    "Grid",
    "Weather",
    "bucket_masks",
    "documents",
    "energy_prices",
]

ZONE = "Europe/Lisbon"
FIRST = date(2025, 10, 1)
MONTHS = [Period.month(2025 + (9 + m) // 12, (9 + m) % 12 + 1) for m in range(13)]
"""October 2025 to October 2026: the last is the one that the demo bills."""
EPILOGUE = Period(date(2026, 11, 1), date(2026, 11, 2))
"""One day more: the dials at the end of October are read on its morning."""
DAYS = (EPILOGUE.end - FIRST).days

_MEANS = (112, 120, 138, 154, 181, 214, 236, 238, 220, 184, 145, 119)
"""Mean temperature of each month [0.1 °C]."""
_SWING = (-30, -34, -37, -40, -41, -40, -35, -24, -8, 10, 25, 36,
          44, 48, 49, 46, 39, 28, 15, 4, -6, -13, -20, -26)  # fmt: skip
"""How much warmer or colder an hour is than its day [0.1 °C]."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The equal intervals of some local days."""

    period: Period
    step: int
    start_utc: int
    edges: Ints
    """First slot of each day and of the day after the last."""
    day: Ints
    """Day of each slot, counted from `FIRST`."""
    hour: Ints
    minute: Ints
    weekday: Ints

    @property
    def slots(self) -> int:
        """How many intervals."""
        return int(self.edges[-1])

    def dates(self) -> list[date]:
        """Its local days."""
        return [self.period.start + timedelta(n) for n in range(self.period.days)]

    def month_of_day(self) -> Ints:
        """The month, 1..12, of each of its days."""
        return np.array([day.month for day in self.dates()])


@lru_cache(maxsize=64)
def grid(period: Period, step: int) -> Grid:
    """The grid of a period with intervals of `step` seconds; days of 23 and 25 hours included."""
    there = zone(ZONE)
    bounds = there.day_bounds(period)
    utc = np.arange(bounds[0], bounds[-1], step, dtype=np.int64)
    local = there.to_local(utc)
    days = local // 86_400
    return Grid(
        period=period,
        step=step,
        start_utc=int(bounds[0]),
        edges=(bounds - bounds[0]) // step,
        day=days - (FIRST - date(1970, 1, 1)).days,
        hour=local % 86_400 // 3600,
        minute=local % 86_400 // 60,
        weekday=(days + 3) % 7,
    )


class Weather:
    """Temperature and clouds, one value per day and hour for the whole town."""

    def __init__(self, seed: int) -> None:
        draw = Draw(seed, "weather")
        drift, self.daily = 0, np.zeros(DAYS, np.int64)
        for n, push in enumerate(draw.below(49, DAYS).tolist()):
            drift = drift * 7 // 8 + push - 24
            self.daily[n] = _normal(FIRST + timedelta(n)) + drift
        sky = draw.bytes(DAYS)
        self.clear = 70 + np.minimum(186, (sky * 3) // 2)
        """How much of a clear day's sun comes through, of 256."""

    def temperature(self, of: Grid) -> Ints:
        """[0.1 °C] for each slot."""
        return np.asarray(self.daily[of.day] + np.array(_SWING)[of.hour])


def _normal(day: date) -> int:
    """The long-term mean of a day: months' means joined by straight lines."""
    other = day.month % 12 if day.day >= 15 else (day.month - 2) % 12
    far = abs(day.day - 15)
    return (_MEANS[day.month - 1] * (30 - far) + _MEANS[other] * far) // 30


# ------------------------------------------------------------------- tariffs


@lru_cache(maxsize=1)
def documents() -> dict[str, bytes]:
    """The tariff documents that come with the town, by file name."""
    folder = resources.files("gridtally.demo") / "tariffs"
    files = sorted(folder.iterdir(), key=lambda item: item.name)
    return {item.name: item.read_bytes() for item in files if item.name.endswith(".toml")}


def bucket_masks(tariff: str, of: Grid) -> dict[str, npt.NDArray[np.bool_]]:
    """Which slots a time-of-use meter counts on which dial: the tariff's first calendar."""
    document = _in_force(tariff, of.period.start)
    (rules,) = (calendar["rules"] for calendar in document["calendars"].values())
    listed = document.get("holidays", {}).get("dates", [])
    named = any("holiday" in rule.get("days", ()) for rule in rules)
    holidays = [(day - FIRST).days for day in listed] if named else []
    kinds = np.where(np.isin(of.day, holidays), 7, of.weekday)
    left = np.ones(of.slots, bool)
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    for rule in rules:
        covers = left if "otherwise" in rule else left & _covers(rule, kinds, of.minute)
        name = rule.get("otherwise") or rule["bucket"]
        masks[name] = masks.get(name, np.zeros(of.slots, bool)) | covers
        left = left & ~covers
    return masks


@lru_cache(maxsize=1)
def _parsed() -> list[dict[str, Any]]:
    return [tomllib.loads(data.decode(), parse_float=Decimal) for data in documents().values()]


def energy_prices(tariff: str, of: Grid) -> tuple[Ints, Ints]:
    """Roughly what a unit of import costs and of export earns in each slot [10^-6 EUR / kWh]."""
    components = _in_force(tariff, of.period.start)["components"]
    energy = next(part for part in components if part["id"] == "energy")
    earned = [part["price"] for part in components if part.get("channel") == "export"]
    cost = np.zeros(of.slots, np.int64)
    if "prices" in energy:
        for bucket, mask in bucket_masks(tariff, of).items():
            cost[mask] = int(energy["prices"][bucket] * 1_000_000)
    else:
        cost[:] = int(energy["tiers"][1]["price"] * 1_000_000)
    return cost, np.full(of.slots, int(sum(earned) * 1_000_000), np.int64)


def _in_force(tariff: str, day: date) -> dict[str, Any]:
    for document in _parsed():
        if document["tariff"] == tariff and document["valid_from"] <= day < document.get(
            "valid_to", date.max
        ):
            return document
    raise AssertionError(f"no version of {tariff} on {day}")


def _covers(rule: dict[str, Any], kinds: Ints, minute: Ints) -> npt.NDArray[np.bool_]:
    types = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
    wide = {"weekday": types[:5], "weekend": types[5:7]}
    names = [name for day in rule.get("days", types) for name in wide.get(day, (day,))]
    days = np.isin(kinds, [types.index(name) for name in names])
    hours = np.zeros(len(minute), bool)
    for span in rule.get("hours", ("00:00-24:00",)):
        low, high = (int(text[:2]) * 60 + int(text[3:]) for text in span.split("-"))
        hours |= (low <= minute) & (minute < high)
    return days & hours
