"""Step 3: the thresholds of the checks, by customer segment, as data (`validation.toml`).

Each field of `Limits` is a key of that file; `docs/validation.md` says which check uses it, and
where its default comes from.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.errors import InvalidDocument

__all__ = ["DEFAULTS", "Limits", "Thresholds", "names", "parse", "render"]

Ints = npt.NDArray[np.int64]
_LARGEST = 10**15
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the checks, whole numbers; the unit stands in brackets."""

    missing_warn_pct: int = 10
    """Missing share of a point's intervals above which it is a warning, not a note. [%]"""
    fuse_pct: int = 100
    """Highest possible power, of the metering point's fuse. [%]"""
    power_ukw: int = 1_000_000_000_000
    """Highest possible power where no fuse is known: 1 GW. [10^-6 kW]"""
    jump_pct: int = 90
    """Change from one interval to the next, of the fuse, above this. [%]"""
    spike_pct: int = 180
    """Spike: (highest - third highest interval of a day) / third highest, above this. [%]"""
    spike_floor_ukw: int = 5_000_000
    """Power below which a peak is never a spike. [10^-6 kW]"""
    flat_s: int = 86_400
    """Identical non-zero values over at least this long are a flat line. [s]"""
    unit_factor: int = 333
    """A day that is so many times above or below the usual looks like a wrong unit (1000 / 3)."""
    unit_floor_ukwh: int = 1_000_000
    """Usual energy of a day below which the past says nothing about units. [10^-6 kWh]"""
    step_days: int = 3
    """A new multiplier shows on at least so many days before and after. [days]"""
    step_close_permille: int = 200
    """How near a change must come to 2 or 3 times, in sums, middle and highest values. [10^-3]"""
    step_floor_ukwh: int = 2_000_000
    """Energy of a day below which a step says nothing. [10^-6 kWh]"""
    usage_high_pct: int = 200
    """Energy per day above this share of the mean of the last three bills. [%]"""
    usage_low_pct: int = 50
    """Energy per day below this share of the mean of the last three bills. [%]"""
    usage_floor_ukwh: int = 5_000_000
    """A bill with less energy, now and usually, is not compared with the past. [10^-6 kWh]"""
    year_high_pct: int = 150
    """Energy per day above this share of the same period last year. [%]"""
    year_low_pct: int = 50
    """Energy per day below this share of the same period last year. [%]"""
    highest_pct: int = 300
    """Energy per day from this share of the second highest bill on. [%]"""
    highest_bills: int = 5
    """So many past bills are needed before one is called the highest ever. [bills]"""
    same_ppm: int = 1000
    """Energy per day that differs by at most this is the same. [10^-6]"""
    same_bills: int = 3
    """So many bills in a row with the same energy per day are a hidden estimate. [bills]"""
    zero_bills: int = 2
    """So many bills in a row without energy are worth a visit. [bills]"""
    estimated_bills: int = 3
    """So many mostly estimated bills in a row are too many. [bills]"""
    estimated_days: int = 365
    """So long without a bill that is mostly read holds the next. [days]"""
    replaced_pct: int = 20
    """A later version that changes the energy of a block by more than this is told. [%]"""
    capacity_pct: int = 100
    """Apparent power of a day's mean, of the connected capacity, above this. [%]"""
    reactive_floor_ukvarh: int = 1_000_000
    """Reactive energy of a day below which nothing is said. [10^-6 kvarh]"""
    power_factor_permille: int = 300
    """Power factor over the period below this is hardly a load. [10^-3]"""
    night_permille: int = 20
    """Export between midnight and four above this share of the export. [10^-3]"""
    night_floor_ukwh: int = 2_000_000
    """Export in those hours below which nothing is said. [10^-6 kWh]"""
    sun_hours: int = 14
    """Export of a day above so many hours of the connected capacity. [h]"""
    slip_permille: int = 80
    """How near a demand must come to 10 times or a tenth of the last one. [10^-3]"""
    drift_s: int = 60
    """A clock that is off by more is told. [s]"""
    drift_hold_s: int = 300
    """A clock that is off by more holds what is billed by time of use. [s]"""


DEFAULTS = Limits()
names = tuple(f.name for f in fields(Limits))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits for everybody, and for customer segments that have limits of their own."""

    all: Limits = DEFAULTS
    segments: Mapping[str, Limits] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, kinds: Sequence[str]) -> Each:
        """The limits of points with these customer segments."""
        order = sorted(self.segments)
        place = {name: number for number, name in enumerate(order, 1)}
        kind = np.zeros(len(kinds), dtype=np.int64)
        if order:
            kind[:] = [place.get(name, 0) for name in kinds]
        return Each((self.all, *(self.segments[name] for name in order)), kind)

    def as_dict(self) -> dict[str, Any]:
        """Every limit for all, of each segment what differs from that, and a digest over both.

        SHA-256: words and order in the file do not matter.
        """
        base = _values(self.all)
        own = {
            name: {key: value for key, value in _values(limits).items() if value != base[key]}
            for name, limits in sorted(self.segments.items())
        }
        said = {"all": base, "segments": {name: values for name, values in own.items() if values}}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return {**said, "digest": hashlib.sha256(text.encode()).hexdigest()}

    def changed(self, segment: str | None, values: Mapping[str, int]) -> Thresholds:
        """With other limits for a segment; None: for all, and segments keep what is their own."""
        if segment is not None:
            mine = replace(self.segments.get(segment, self.all), **values)
            return Thresholds(self.all, MappingProxyType({**self.segments, segment: mine}))
        base, own = replace(self.all, **values), self.as_dict()["segments"]
        kept = {name: replace(base, **own.get(name, {})) for name in self.segments}
        return Thresholds(base, MappingProxyType(kept))


@dataclass(frozen=True, slots=True)
class Each:
    """Limits point by point."""

    limits: Sequence[Limits]
    kind: Ints
    """Which of the limits a point has."""

    def __call__(self, name: str) -> Ints:
        """A threshold, one per point."""
        return np.array([getattr(limit, name) for limit in self.limits], dtype=np.int64)[self.kind]

    def take(self, rows: Ints) -> Each:
        """Those of some points."""
        return Each(self.limits, self.kind[rows])


def _values(limits: Limits) -> dict[str, int]:
    return {name: getattr(limits, name) for name in names}


# ------------------------------------------------------------------- as a file


def of_dict(said: Mapping[str, Any]) -> Thresholds:
    """The thresholds that `as_dict` gave, such as those of an old run."""

    def changed(limits: Limits, values: Mapping[str, int]) -> Limits:
        return replace(limits, **{name: values[name] for name in _values(limits) if name in values})

    base = changed(DEFAULTS, said["all"])
    own = {name: changed(base, values) for name, values in said["segments"].items()}
    return Thresholds(base, MappingProxyType(own))


def parse(text: str, *, file: str = "validation.toml") -> Thresholds:
    """Thresholds from TOML text. Raises `InvalidDocument` with every problem at once.

    Tables: `[all]` and one per customer segment, `[segment.household]`; keys: fields of `Limits`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise InvalidDocument(f"This is not TOML: {err}.", file=file) from err
    problems = [_unknown(key, (_ALL, "segment"), "") for key in document]
    segments = document.get("segment", {})
    if not isinstance(segments, dict):
        problems.append("segment must hold a table per customer segment")
        segments = {}
    base = _table(document.get(_ALL, {}), f"{_ALL}.", problems)
    own = {n: _table(t, f"segment.{n}.", problems) for n, t in sorted(segments.items())}
    if problems := [problem for problem in problems if problem]:
        raise InvalidDocument(
            "; ".join(problems) + ".", file=file, remedy="See docs/validation.md for every key."
        )
    limits = replace(DEFAULTS, **base)
    found = {name: replace(limits, **values) for name, values in own.items()}
    return Thresholds(limits, MappingProxyType(found))


def _table(given: Any, prefix: str, problems: list[str]) -> dict[str, int]:
    if not isinstance(given, dict):
        problems.append(f"{prefix[:-1]} must be a table")
        return {}
    problems += [_unknown(key, names, prefix) for key in given]
    for key, value in given.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if key in names and not (whole and 0 <= value <= _LARGEST):
            problems.append(f"{prefix}{key} must be a whole number from 0 to {_LARGEST}")
    return {key: value for key, value in given.items() if key in names}


def _unknown(key: str, known: Sequence[str], prefix: str) -> str:
    if key in known:
        return ""
    near = get_close_matches(key, known, n=1)
    hint = f"; did you mean {near[0]}" if near else ""
    return f"unknown key {prefix}{key}{hint}"


def render(thresholds: Thresholds, *, why: Sequence[str] = ()) -> str:
    """The file: only what differs from the defaults; `why` as comments above."""
    lines = ["# " + "".join(c if c.isprintable() else " " for c in line) for line in why]
    plain, said = _values(DEFAULTS), thresholds.as_dict()
    base = {key: value for key, value in said["all"].items() if value != plain[key]}
    own = {f"segment.{_key(name)}": values for name, values in said["segments"].items()}
    for title, values in {_ALL: base, **own}.items():
        if values:
            lines += ["", f"[{title}]", *(f"{key} = {value}" for key, value in values.items())]
    return "\n".join(lines).lstrip("\n") + "\n"


def _key(name: str) -> str:
    """A customer segment as a key of TOML, quoted where it must be."""
    if name.isascii() and name.replace("-", "").replace("_", "").isalnum():
        return name
    plain = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in name)
    return f'"{"".join(plain)}"'
