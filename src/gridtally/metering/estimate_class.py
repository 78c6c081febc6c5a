"""Step 4: how each kind of customer spreads its energy over season, weekday and hour.

An artefact that is learned from stored readings on request, never inside a run: a run that uses
one names its digest in `run.json`. Whole numbers throughout.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.errors import InvalidDocument
from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.metering.estimate_gaps import Calendar, clipped
from gridtally.periods import zone as zone_of

__all__ = ["ClassProfiles", "Learner"]

Ints = npt.NDArray[np.int64]

_MONTHS, _KINDS, _HOURS, _PPM = 12, 3, 24, 1_000_000
_SHAPE = (_MONTHS, _KINDS, _HOURS)


@dataclass(frozen=True)
class ClassProfiles:
    """Profiles by customer segment and channel: shape (months, kinds of day, hours) [10^-6 of
    the mean hour]; -1 where nothing was learned."""

    tables: Mapping[tuple[str, str], Ints]
    points: Mapping[tuple[str, str], int]
    """How many metering points each was learned from."""
    source: Mapping[str, str] = field(default_factory=dict)
    """What they were learned from, for a reader: days, and how much was known."""

    def shape(self, segment: str, channel: str, calendar: Calendar) -> Ints | None:
        """The profile over the columns of a calendar; None where any of it is not known."""
        table = self.tables.get((segment, channel))
        if table is None:
            return None
        month, kind = _month(calendar)[calendar.day], calendar.kinds[calendar.day]
        shape = table[month, kind, calendar.hour]
        return None if (shape < 0).any() else shape

    def to_bytes(self) -> bytes:
        """The document, the same bytes for the same profiles."""
        rows = [
            {
                "segment": segment, "channel": channel, "points": self.points[segment, channel],
                "ppm": self.tables[segment, channel].tolist(),
            }
            for segment, channel in sorted(self.tables)
        ]  # fmt: skip
        document = {"schema": 1, "source": dict(self.source), "profiles": rows}
        return json.dumps(document, sort_keys=True).encode() + b"\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return f"sha256:{hashlib.sha256(self.to_bytes()).hexdigest()}"

    @classmethod
    def parse(cls, data: bytes) -> ClassProfiles:
        """A document that `to_bytes` wrote. Raises `InvalidDocument`."""
        try:
            document = json.loads(data)
            rows: list[dict[str, Any]] = document["profiles"]
            source = {str(key): str(value) for key, value in document["source"].items()}
            keys = [(str(row["segment"]), str(row["channel"])) for row in rows]
            tables = [np.array(row["ppm"], dtype=np.int64).reshape(_SHAPE) for row in rows]
            points = [int(row["points"]) for row in rows]
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise InvalidDocument(
                "This is not a document of class profiles.",
                remedy="Learn them anew with `gridtally class-profiles learn`.",
            ) from err
        of_points = dict(zip(keys, points, strict=True))
        return cls(dict(zip(keys, tables, strict=True)), of_points, source)


class Learner:
    """Adds up actual readings, grid by grid in any order, into `ClassProfiles`."""

    def __init__(self) -> None:
        self._energy: dict[tuple[str, str], Ints] = {}
        self._seconds: dict[tuple[str, str], Ints] = {}
        self._points: dict[tuple[str, str], set[str]] = {}

    def add(self, grid: Dense, *, zone: str, segments: Sequence[str]) -> None:
        """A grid, and the customer segment of each of its points."""
        calendar = Calendar.of(
            zone_of(zone), start_utc=grid.start_utc, size=grid.values.shape[1],
            step=grid.resolution_s, channel=grid.channel,
        )  # fmt: skip
        day = _month(calendar) * _KINDS + calendar.kinds
        cell = day[calendar.day] * _HOURS + calendar.hour
        read = clipped(grid.values, grid.quality != ACTUAL)
        names = np.array(segments)
        for segment in sorted(set(segments)):
            mine = np.flatnonzero(names == segment)
            energy, seconds = np.zeros((2, _MONTHS * _KINDS * _HOURS), dtype=np.int64)
            np.add.at(energy, cell, np.maximum(read[mine], 0).sum(axis=0))
            np.add.at(seconds, cell, (read[mine] >= 0).sum(axis=0) * grid.resolution_s)
            key = (segment, grid.channel)
            self._energy[key] = self._energy.get(key, 0) + energy
            self._seconds[key] = self._seconds.get(key, 0) + seconds
            self._points.setdefault(key, set()).update(grid.points[row] for row in mine.tolist())

    def learned(self, source: Mapping[str, str] | None = None) -> ClassProfiles:
        """The profiles of all segments and channels that have energy."""
        tables = {}
        for key, energy in self._energy.items():
            seconds = self._seconds[key]
            mean = int(energy.sum()) * 3600 // max(int(seconds.sum()), 1)
            if mean:
                cells = zip(energy.tolist(), seconds.tolist(), strict=True)
                ppm = [e * 3600 * _PPM // (s * mean) if s else -1 for e, s in cells]
                tables[key] = np.array(ppm, dtype=np.int64).reshape(_SHAPE)
        points = {key: len(self._points[key]) for key in tables}
        return ClassProfiles(tables, points, source or {})


def _month(calendar: Calendar) -> Ints:
    """Month of each day of a calendar, 0 … 11."""
    days = np.arange(len(calendar.kinds)) + calendar.first
    months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    return months
