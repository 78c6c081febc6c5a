"""Step 6 for charging sessions: periods of all sessions, cut where a restriction may change.

A place within a period is a whole number, although the instant at which a threshold of energy is
reached is none: of a period of T ms with e units of energy (10^-6 kWh), the place x means x / e ms
and x / T units after its start. So the instant t lies at t x e, the energy q at q x T, the end at
T x e. Whatever is zero counts as 1 there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.periods import Zone
from gridtally.periods import zone as zone_of
from gridtally.rating.sessions.document import RESERVED, Session
from gridtally.rating.sessions.tariff import ChargingTariff

__all__ = ["Pieces", "Spans", "cut"]

Ints = npt.NDArray[Any]
"""Whole numbers: int64, or Python's own where those are too small."""
_DAY = 86_400
_LARGE = 1 << 62


@dataclass(frozen=True, slots=True)
class Spans:
    """The periods of all sessions, as columns in their order."""

    session: Ints
    """Place in the list of sessions."""
    state: Ints
    reserved: npt.NDArray[np.bool_]
    start: Ints
    """[ms]"""
    length: Ints
    """[ms]"""
    energy: Ints
    """[10^-6 kWh]"""
    began: Ints
    """First instant of its part [ms]."""
    before: Ints
    """Energy of the session before it [10^-6 kWh]."""
    per_time: Ints
    """Places in a millisecond."""
    per_energy: Ints
    """Places in a unit of energy."""
    current: tuple[Ints, Ints]
    """Lower and upper end [10^-6 A]; -1: no upper end."""
    power: tuple[Ints, Ints]
    """[10^-6 kW]"""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of periods in which no restriction changes; ordered."""

    span: Ints
    start: Ints
    """Place in the period."""
    size: Ints
    """Places that it takes."""


def spans_of(sessions: Sequence[Session]) -> Spans:
    """The periods of sessions as columns."""
    rows = [(n, span) for n, session in enumerate(sessions) for span in session.spans]

    def column(values: Iterable[int]) -> Ints:
        return np.fromiter(values, np.int64, len(rows))

    session, state = column(n for n, _ in rows), column(s.state for _, s in rows)
    start, length = column(s.start for _, s in rows), column(s.end - s.start for _, s in rows)
    energy = column(s.energy or 0 for _, s in rows)
    reserved = state >= RESERVED
    first = np.flatnonzero(np.diff(session, prepend=-1))
    part = np.flatnonzero(
        (np.diff(session, prepend=-1) != 0) | (np.diff(reserved.astype(np.int8), prepend=0) != 0)
    )
    total = np.cumsum(energy) - energy
    per_time, per_energy = np.maximum(energy, 1), np.maximum(length, 1)
    # Compared by digits: the product itself may be what does not fit.
    bits = max((int(a).bit_length() + int(b).bit_length()
                for a, b in zip(per_time, per_energy, strict=True)), default=0)  # fmt: skip
    if 1 << bits > _LARGE:
        per_time, per_energy = per_time.astype(object), per_energy.astype(object)
    ends = [[column(-1 if r is None else r for r in values) for values in zip(*pairs, strict=True)]
            if pairs else [column(()), column(())]
            for pairs in ([s.current for _, s in rows], [s.power for _, s in rows])]  # fmt: skip
    return Spans(
        session=session, state=state, reserved=reserved, start=start, length=length, energy=energy,
        began=np.repeat(start[part], np.diff(part, append=len(rows))),
        before=total - np.repeat(total[first], np.diff(first, append=len(rows))),
        per_time=per_time, per_energy=per_energy,
        current=(ends[0][0], ends[0][1]), power=(ends[1][0], ends[1][1]),
    )  # fmt: skip


def cut(spans: Spans, sessions: Sequence[Session], tariff: ChargingTariff) -> Pieces:
    """Every period as one or more pieces; one without length as a single piece."""
    count = len(spans.session)
    whole = np.where(spans.length > 0, spans.length * spans.per_time, spans.energy)
    places = [(np.arange(count), whole * 0)]
    if tariff.needs_zone:
        places += _clock(spans, sessions, tariff)
    for bound in _bounds(tariff, "duration"):
        places.append(_at(spans, spans.began + bound - spans.start, spans.length, spans.per_time))
    for bound in _bounds(tariff, "kwh"):
        places.append(_at(spans, bound - spans.before, spans.energy, spans.per_energy))
    span = np.concatenate([where for where, _ in places])
    start = np.concatenate([place for _, place in places])
    order = _order(span, start)
    span, start = span[order], start[order]
    new = np.ones(len(span), dtype=bool)
    new[1:] = (span[1:] != span[:-1]) | (start[1:] != start[:-1])
    span, start = span[new], start[new]
    end = whole[span]
    same = span[1:] == span[:-1]
    end[:-1][same] = start[1:][same]
    return Pieces(span, start, end - start)


def _bounds(tariff: ChargingTariff, name: str) -> list[int]:
    pairs = (getattr(element.when, name) for element in tariff.elements)
    return sorted({bound for pair in pairs for bound in pair if bound is not None})


def _order(span: Ints, start: Ints) -> Ints:
    if start.dtype != object:
        return np.lexsort((start, span))
    return np.array(sorted(range(len(span)), key=lambda n: (span[n], start[n])), dtype=np.int64)


def _at(spans: Spans, offset: Ints, whole: Ints, scale: Ints) -> tuple[Ints, Ints]:
    """Periods that an edge lies inside, and its places there."""
    inside = np.flatnonzero((offset > 0) & (offset < whole))
    return inside, offset[inside] * scale[inside]


# ------------------------------------------------------------------- the clock


def _clock(
    spans: Spans, sessions: Sequence[Session], tariff: ChargingTariff
) -> list[tuple[Ints, Ints]]:
    """Where the local time of day is one that the tariff names, or midnight, or is changed."""
    minutes = {0}
    for element in tariff.elements:
        minutes |= set(element.when.minutes or ())
    zones = np.array([session.zone for session in sessions])[spans.session]
    found = []
    for name in sorted(set(zones)):
        mine = np.flatnonzero(zones == name)
        low, high = spans.start[mine].min(), (spans.start[mine] + spans.length[mine]).max()
        edges = _edges(zone_of(str(name)), int(low) // 1000, int(high) // 1000 + 1, minutes) * 1000
        first = np.searchsorted(edges, spans.start[mine], side="right")
        last = np.searchsorted(edges, spans.start[mine] + spans.length[mine], side="left")
        counts = np.maximum(last - first, 0)
        where = np.repeat(mine, counts)
        within = np.arange(len(where)) - np.repeat(np.cumsum(counts) - counts, counts)
        at = edges[np.repeat(first, counts) + within]
        found.append((where, (at - spans.start[where]) * spans.per_time[where]))
    return found


def _edges(zone: Zone, first: int, last: int, minutes: set[int]) -> Ints:
    """Instants [s] from `first` to `last`; those that clocks never show do no harm."""
    days = np.arange(first // _DAY - 1, last // _DAY + 2) * _DAY
    walls = (days[:, None] + np.array(sorted(minutes)) * 60).ravel()
    both = [walls - zone.offset(walls - _DAY), walls - zone.offset(walls + _DAY)]
    changes = zone.changes[(zone.changes > first) & (zone.changes < last)]
    return np.unique(np.concatenate([*both, changes]))
