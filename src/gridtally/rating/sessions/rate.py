"""Step 6 for charging sessions: what each component is to be paid for, steps included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from gridtally.rating.sessions.document import Session
from gridtally.rating.sessions.match import FAMILIES, OPEN, choose
from gridtally.rating.sessions.pieces import Ints, Pieces, Spans, cut, spans_of
from gridtally.rating.sessions.tariff import ChargingTariff

__all__ = ["Use", "Used", "use"]


@dataclass(slots=True)
class Use:
    """What one component is to be paid for: kWh, seconds, or 1 for FLAT."""

    measured: Fraction
    billed: Fraction


@dataclass(slots=True)
class Used:
    """What a session used."""

    uses: dict[tuple[bool, int, str], Use] = field(default_factory=dict)
    """By (charging part, element, dimension)."""
    open: tuple[int, str] | None = None
    """Period and dimension whose price nobody can tell."""
    spread: bool = False
    """Whether energy of one period had to be spread over two prices."""


def use(sessions: Sequence[Session], tariff: ChargingTariff) -> list[Used]:
    """What each session used, step sizes applied; `Used.open` where that cannot be told."""
    if not sessions:
        return []
    spans = spans_of(sessions)
    pieces = cut(spans, sessions, tariff)
    chosen = choose(spans, pieces, sessions, tariff)
    found = [Used() for _ in sessions]
    last: dict[tuple[int, str], tuple[bool, int, str]] = {}
    _flat(found, spans, pieces, chosen["FLAT"])
    for kind in FAMILIES[1:]:
        for span, element, size in _sums(pieces, chosen[kind]):
            session = int(spans.session[span])
            charging = not bool(spans.reserved[span])
            scale = spans.per_energy if kind == "ENERGY" else spans.per_time
            amount = Fraction(size, int(scale[span]) * (1_000_000 if kind == "ENERGY" else 1000))
            place = charging, element, kind
            entry = found[session].uses.setdefault(place, Use(Fraction(0), Fraction(0)))
            entry.measured += amount
            entry.billed += amount
        _last(last, spans, pieces, kind, chosen[kind])
        _opened(found, spans, pieces, kind, chosen[kind])
    _spread(found, spans, pieces, chosen["ENERGY"])
    for (session, family), place in last.items():
        parked = (session, "PARKING_TIME") in last
        _step(found[session].uses, tariff, family, place, parked)
    return found


def _sums(pieces: Pieces, chosen: Ints) -> Iterator[tuple[int, int, int]]:
    """(period, element, places) of what has a price, added up over the pieces."""
    priced = np.flatnonzero(chosen >= 0)
    if not len(priced):
        return
    order = priced[np.lexsort((chosen[priced], pieces.span[priced]))]
    span, element = pieces.span[order], chosen[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (span[1:] != span[:-1]) | (element[1:] != element[:-1])
    at = np.flatnonzero(first)
    sizes = np.add.reduceat(pieces.size[order], at)
    yield from zip(map(int, span[at]), map(int, element[at]), map(int, sizes), strict=True)


def _flat(found: list[Used], spans: Spans, pieces: Pieces, chosen: Ints) -> None:
    """The first FLAT that becomes active in each part."""
    active = np.flatnonzero(chosen != -1)
    session, charging = spans.session[pieces.span[active]], ~spans.reserved[pieces.span[active]]
    _, firsts = np.unique(session * 2 + charging, return_index=True)
    for n in firsts:
        used, element = found[int(session[n])], int(chosen[active[n]])
        if element == OPEN:
            used.open = used.open or (int(pieces.span[active[n]]), "FLAT")
        else:
            used.uses[bool(charging[n]), element, "FLAT"] = Use(Fraction(1), Fraction(1))


def _last(
    last: dict[tuple[int, str], tuple[bool, int, str]], spans: Spans, pieces: Pieces, kind: str,
    chosen: Ints,
) -> None:  # fmt: skip
    """The component of a family that a session used last."""
    for reserved in (False, True) if kind == "TIME" else (False,):
        mine = np.flatnonzero((chosen >= 0) & (spans.reserved[pieces.span] == reserved))
        session = spans.session[pieces.span[mine]]
        ends = np.flatnonzero(np.diff(session, append=-1))
        for n in ends:
            family = "RESERVATION" if reserved else kind
            last[int(session[n]), family] = not reserved, int(chosen[mine[n]]), kind


def _opened(found: list[Used], spans: Spans, pieces: Pieces, kind: str, chosen: Ints) -> None:
    for n in np.flatnonzero(chosen == OPEN):
        used = found[int(spans.session[pieces.span[n]])]
        used.open = used.open or (int(pieces.span[n]), kind)


def _spread(found: list[Used], spans: Spans, pieces: Pieces, chosen: Ints) -> None:
    """Where one period's energy has two prices and an edge in time lies between them."""
    same = pieces.span[1:] == pieces.span[:-1]
    for n in np.flatnonzero(same & (chosen[1:] != chosen[:-1])):
        found[int(spans.session[pieces.span[n]])].spread = True


def _step(
    uses: Mapping[tuple[bool, int, str], Use], tariff: ChargingTariff, family: str,
    place: tuple[bool, int, str], parked: bool,
) -> None:  # fmt: skip
    """Round the family's total up to whole steps; the last component takes the difference."""
    if family == "TIME" and parked:
        return
    charging, element, kind = place
    step = Fraction(tariff.elements[element].components[kind].step)
    if kind == "ENERGY":
        step /= 1000
    total = sum(
        (u.measured for (c, _, k), u in uses.items() if (c, k) == (charging, kind)), Fraction(0)
    )
    uses[place].billed += -(-total // step) * step - total
