"""Step 6, the second opinion: prices by time that come with the case."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import Any

from gridtally.rating.reference.figures import Held, decimal
from gridtally.rating.reference.instants import iso_instant

__all__ = ["Series"]


class Series:
    """Steps, each until the next, the last until `to`; a step without a value is not known."""

    def __init__(self, written: dict[str, Any]) -> None:
        times = [iso_instant(time) for time, _ in written["steps"]] + [iso_instant(written["to"])]
        if any(a >= b for a, b in pairwise(times)):
            raise ValueError("the steps of a series are out of order")
        found = [None if text is None else decimal(text) for _, text in written["steps"]]
        self.starts = times[:-1]
        self.steps = list(zip(times, times[1:], found, strict=False))

    def met(self, start: int, end: int) -> list[Fraction | None]:
        """The values of the steps that `[start, end)` meets; None where nothing is known."""
        first = bisect_right(self.starts, start) - 1
        if first < 0:
            return [None]
        found: list[Fraction | None] = []
        known_to = start
        for step in self.steps[first : bisect_left(self.starts, end)]:
            if start < step[1]:
                found.append(step[2])
                known_to = step[1]
        return found if known_to >= end else [*found, None]

    def at(self, start: int, end: int) -> Fraction:
        """The value of the one step in which `[start, end)` lies."""
        return single(self.met(start, end), "rating.series.finer")

    def only(self, start: int, end: int) -> Fraction:
        """The one value of all of `[start, end)`, for dials."""
        return single(self.met(start, end), "rating.series.registers")


def single(found: list[Fraction | None], code: str) -> Fraction:
    """The one value that was met; none known, or several, holds."""
    if len(set(found)) > 1:
        raise Held(code, "A price changes inside what it is for.")
    if found[0] is None:
        raise Held("rating.series.missing", "The price of an interval is not known.")
    return found[0]
