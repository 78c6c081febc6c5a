"""Shared by every room: prices by time and events that come from outside a tariff document.

Specification: `docs/tariff.md`, *Series and events*, and `docs/rating-case.md`. Instants are UTC
seconds, half-open; prices are decimals as delivered, per unit of the document's `per`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from gridtally.money import number
from gridtally.periods import iso_utc

__all__ = ["NO_MARKET", "Events", "Market", "Series"]


@dataclass(frozen=True, slots=True)
class Series:
    """Steps of a price: `values[i]` holds from `starts[i]` to the next start, the last to `to`."""

    starts: tuple[int, ...]
    """Strictly increasing. [s]"""
    values: tuple[Decimal | None, ...]
    """None: not known."""
    to: int
    """After the last start. [s]"""

    def __post_init__(self) -> None:
        assert self.starts, "a series has at least one step"
        assert len(self.starts) == len(self.values), "a value per start"
        assert all(a < b for a, b in zip(self.starts, (*self.starts[1:], self.to), strict=True))

    def cut(self, start: int, end: int) -> Series | None:
        """The same within [start, end), equal neighbours joined; None when nothing is known.

        Before its first step it is not known; it ends with what is known last.
        """
        end = min(end, self.to)
        if end <= max(start, self.starts[0]):
            return None
        steps: dict[int, Decimal | None] = {start: None}
        first = max(bisect_right(self.starts, start) - 1, 0)
        for at, value in zip(self.starts[first:], self.values[first:], strict=True):
            if at >= end:
                break
            steps[max(at, start)] = value
        starts, values = [start], [steps[start]]
        for at, value in steps.items():
            if value != values[-1]:
                starts.append(at)
                values.append(value)
        if values[-1] is None:  # whatever is known later, of other days
            end = starts.pop()
            values.pop()
        return Series(tuple(starts), tuple(values), end) if starts else None


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one kind; the list is complete for [from_, to), and for each of `more`."""

    from_: int
    to: int
    times: tuple[tuple[int, int], ...]
    """(start, end), in order of their start. [s]"""
    more: tuple[tuple[int, int], ...] = ()

    def covers(self, start: int, end: int) -> bool:
        """Whether the list is complete for all of [start, end), and says one thing there."""
        known = any(low <= start and end <= high for low, high in self._stretches)
        return known and _apart(self._within(start, end))

    def cut(self, start: int, end: int) -> Events | None:
        """Those that overlap [start, end), as they are; None when nothing is known.

        Of several stretches the one that covers most of it. Where two events overlap, which of
        them counts is not known.
        """
        parts = [(max(low, start), min(high, end)) for low, high in self._stretches]
        low, high = max(parts, key=lambda part: (part[1] - part[0], -part[0]))
        times = self._within(low, high)
        return Events(low, high, times) if low < high and _apart(times) else None

    @property
    def _stretches(self) -> tuple[tuple[int, int], ...]:
        return ((self.from_, self.to), *self.more)

    def _within(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        return tuple(time for time in self.times if time[0] < end and time[1] > start)


def _apart(times: tuple[tuple[int, int], ...]) -> bool:
    """Whether no two overlap."""
    return all(after[0] >= before[1] for before, after in pairwise(times))


@dataclass(frozen=True, slots=True)
class Market:
    """Every series and event list that a run or a quote knows, by name."""

    series: Mapping[str, Series] = field(default_factory=dict)
    events: Mapping[str, Events] = field(default_factory=dict)

    def case(
        self, start: int, end: int, *, series: Iterable[str], events: Iterable[str]
    ) -> dict[str, Any]:
        """What a rating case says of the named ones within [start, end): JSON; may be empty."""
        found: dict[str, Any] = {}
        for name in sorted(set(series) & self.series.keys()):
            steps = self.series[name].cut(start, end)
            if steps is not None:
                pairs = zip(steps.starts, steps.values, strict=True)
                rows = [[iso_utc(at), None if v is None else number(v)] for at, v in pairs]
                made = {"steps": rows, "to": iso_utc(steps.to)}
                found.setdefault("series", {})[name] = made
        for name in sorted(set(events) & self.events.keys()):
            known = self.events[name].cut(start, end)
            if known is not None:
                times = [[iso_utc(a), iso_utc(b)] for a, b in known.times]
                made = {"from": iso_utc(known.from_), "to": iso_utc(known.to), "times": times}
                found.setdefault("events", {})[name] = made
        return found


NO_MARKET = Market()
