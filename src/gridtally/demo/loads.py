"""Before step 1: how much each place uses, interval by interval, in whole watt-hours.

Integers throughout: shapes are tables, chance comes from `draw.py`, and every result is a floor
division, so that each machine gets the same town. Arrays have shape (points, slots) [Wh].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtally.demo.almanac import DAYS, Grid, Weather
from gridtally.demo.draw import Draw, Ints
from gridtally.demo.plan import Point
from gridtally.demo.shapes import FACTORY, HOME, LAZY, SEASON, SHOP, SHOP_SEASON, SUN, WARMTH

__all__ = ["STEPS", "Load", "Model", "model"]

STEPS = {"home": 3600, "pv": 3600, "shop": 900, "factory": 900}
"""Length of the slots in which each kind of load is drawn [s]."""


@dataclass(frozen=True, slots=True)
class Load:
    """The true energy of some points over a grid: shape (points, slots) [Wh, varh]."""

    imported: Ints
    exported: Ints | None = None
    reactive: Ints | None = None


Model = Callable[[Grid], Load]


def model(name: str, points: Sequence[Point], seed: int, weather: Weather) -> Model:
    """The load model of these points; `name` is one of `STEPS`."""
    draw = Draw(seed, "loads", name)
    traits = draw.bytes(len(points), 6)
    away = _away(points)
    make = {"home": _home, "pv": _home, "shop": _shop, "factory": _factory}[name]

    def at(of: Grid) -> Load:
        chance = Draw(seed, "loads", name, of.period.start.isoformat())
        load = make(points, traits, of, weather, chance, away[:, of.day])
        since = np.array([point.since for point in points])
        dead = of.day[None, :] < since[:, None]
        for array in (load.imported, load.exported, load.reactive):
            if array is not None:
                array[dead] = 0
        return load

    return at


def _away(points: Sequence[Point]) -> npt.NDArray[np.bool_]:
    """Whether nobody is there: shape (points, days)."""
    away = np.zeros((len(points), DAYS), bool)
    for row, point in enumerate(points):
        for first, after in point.away:
            away[row, max(first, 0) : max(after, 0)] = True
    return away


def _by_day(of: Grid, draw: Draw, rows: int) -> Ints:
    """A level for each point and day, 96..159 of 128, spread over the day's slots."""
    levels = 96 + draw.bytes(rows, of.period.days) // 4
    return levels[:, of.day - of.day[0]]


def _noise(draw: Draw, rows: int, slots: int) -> Ints:
    """Skewed noise with a mean near 128: appliances are mostly off."""
    table = np.arange(256)
    return (56 + table * table // 320)[draw.bytes(rows, slots)]


def _since(points: Sequence[Point], feature: str) -> Ints:
    never = 100_000
    return np.array(
        [p.feature_since.get(feature, -1 if feature in p.features else never) for p in points]
    )


def _home(points: Sequence[Point], traits: Ints, of: Grid, weather: Weather, draw: Draw,
          away: npt.NDArray[np.bool_]) -> Load:  # fmt: skip
    """Homes: a shape by habit, season and weekday, heat and cold, cars, panels."""
    rows, slots = len(points), of.slots
    month = np.repeat(of.month_of_day(), np.diff(of.edges)) - 1
    names = list(HOME)
    shapes = np.array([HOME[name] for name in names])[:, of.hour]
    lazy = np.where(of.weekday >= 5, np.array(LAZY)[of.hour], 100)
    shape = shapes * lazy * np.array(SEASON)[month] // 1000
    habit = np.array([names.index(point.habit) for point in points], np.int64)
    size = np.array([point.size for point in points], np.int64)[:, None]
    noise = _noise(draw, rows, slots)
    used = size * shape[habit] * _by_day(of, draw, rows) // (1000 * 128) * noise // 128
    outside = weather.temperature(of)
    cold = np.maximum(0, 165 - outside) * np.array(WARMTH)[of.hour] // 10
    hot = np.maximum(0, outside - 255) * 10
    heats = np.where(traits[:, 0] < 64, 12 + traits[:, 1] // 8, 0)
    pump = _since(points, "heatpump")[:, None] <= of.day[None, :]
    gain = heats[:, None] + np.where(pump, 45 + traits[:, 1:2] // 6, 0)
    cools = np.where(traits[:, 2] < 70, 8 + traits[:, 3] // 12, 0)[:, None]
    used += (gain * cold[None, :] + cools * hot[None, :]) // 100 * noise // 128
    idle = (14 + traits[:, 4:5] // 5) * (noise // 2 + 64) // 128
    vacant = np.array(["vacant" in point.features for point in points])[:, None]
    used = np.where(away, np.where(vacant, idle // 6, idle), used)
    used += np.where(away, 0, _cars(points, of, draw))
    if points and points[0].kind.load == "pv":
        return _with_sun(points, traits, used, of, weather, draw)
    return Load(used)


def _cars(points: Sequence[Point], of: Grid, draw: Draw) -> Ints:
    """Cars charge on some nights, from midnight to two, for three to five hours."""
    draws = draw.bytes(len(points), of.period.days, 3)
    since = _since(points, "ev")
    used = np.zeros((len(points), of.slots), np.int64)
    owners = np.flatnonzero(since <= of.day[-1])
    night = draws[owners][:, of.day - of.day[0]]
    starts, hours = night[..., 1] % 3, 3 + night[..., 2] % 3
    charging = (night[..., 0] < 105) & (since[owners, None] <= of.day[None, :])
    charging &= (of.hour >= starts) & (of.hour < starts + hours)
    used[owners] = np.where(charging, np.where(owners % 3 == 0, 7360, 3680)[:, None], 0)
    return used


def _with_sun(points: Sequence[Point], traits: Ints, used: Ints, of: Grid, weather: Weather,
              draw: Draw) -> Load:  # fmt: skip
    """Split a home's use and its panels' yield into what crosses the meter each way."""
    month = np.repeat(of.month_of_day(), np.diff(of.edges)) - 1
    panels = (1800 + traits[:, 5] * 20)[:, None]
    sun = np.array(SUN)[month, of.hour] * weather.clear[of.day] // 256
    there = _since(points, "pv")[:, None] <= of.day[None, :]
    cloud = 150 + draw.bytes(len(points), of.slots) * 106 // 255
    made = np.where(there, panels * sun[None, :] // 1000 * cloud // 256, 0)
    both = np.minimum(used, made)
    across = both * (draw.bytes(len(points), of.slots) // 4) // 256
    return Load(used - both + across, made - both + across)


def _shop(points: Sequence[Point], traits: Ints, of: Grid, weather: Weather, draw: Draw,
          away: npt.NDArray[np.bool_]) -> Load:  # fmt: skip
    """Shops: opening hours by trade, season, cooling on hot days."""
    month = np.repeat(of.month_of_day(), np.diff(of.edges)) - 1
    names = list(SHOP)
    kind = np.maximum(0, of.weekday - 4)
    shapes = np.array([SHOP[name] for name in names])[:, kind, of.hour]
    season = np.array([SHOP_SEASON[name] for name in names])[:, month]
    habit = np.array([names.index(point.habit) for point in points], np.int64)
    size = np.array([point.size for point in points], np.int64)[:, None]
    hot = 100 + np.maximum(0, weather.temperature(of) - 220) // 4
    shape = np.where(away, 18 * 100, (shapes * season)[habit])
    noise = 96 + _noise(draw, len(points), of.slots) // 4
    level = _by_day(of, draw, len(points)) + 384
    used = size * shape // 10_000 * hot[None, :] // 100 * level // 512 * noise // 128
    return Load(used * of.step // 3600)


def _factory(points: Sequence[Point], traits: Ints, of: Grid, weather: Weather, draw: Draw,
             away: npt.NDArray[np.bool_]) -> Load:  # fmt: skip
    """Factories: shifts, a dip at noon, a fortnight's rest in August, reactive energy."""
    names = list(FACTORY)
    kind = np.maximum(0, of.weekday - 4)
    rest = ((of.day >= 313) & (of.day < 327)) | ((of.day >= 84) & (of.day < 93))
    shapes = np.array([FACTORY[name] for name in names])[:, kind, of.hour]
    shapes = np.where(of.hour == 12, shapes * 3 // 4, shapes)
    shapes[:2, rest] = 9
    habit = np.array([names.index(point.habit) for point in points], np.int64)
    size = np.array([point.size for point in points], np.int64)[:, None]
    noise = 104 + draw.bytes(len(points), of.slots) * 26 // 255
    level = 480 + _by_day(of, draw, len(points)) // 4
    used = size * shapes[habit] // 100 * level // 512 * noise // 128 * of.step // 3600
    tangent = 260 + traits[:, :1] * traits[:, 1:2] // 100
    wobble = 92 + draw.bytes(len(points), of.period.days)[:, of.day - of.day[0]] // 16
    reactive = used * tangent // 1000 * wobble // 100
    return Load(used, None, reactive)
