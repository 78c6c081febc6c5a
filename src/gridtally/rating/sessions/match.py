"""Step 6 for charging sessions: which element prices each piece; per dimension the first match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtally.periods import zone as zone_of
from gridtally.rating.sessions.document import CHARGING, EXPIRED, PARKING, RESERVED, Session
from gridtally.rating.sessions.pieces import Ints, Pieces, Spans
from gridtally.rating.sessions.tariff import ChargingTariff, Restrictions

__all__ = ["FAMILIES", "OPEN", "choose"]

NO, OPEN_, YES = 0, 1, 2
NONE, OPEN = -1, -2
"""No element prices it; a restriction that nobody can judge stands before the first match."""
FAMILIES = ("FLAT", "ENERGY", "TIME", "PARKING_TIME")
Verdicts = npt.NDArray[np.int8]


def choose(
    spans: Spans, pieces: Pieces, sessions: Sequence[Session], tariff: ChargingTariff
) -> dict[str, Ints]:
    """Per dimension and piece: the element, `NONE` (also where it is not used), or `OPEN`."""
    state = spans.state[pieces.span]
    view = _View(spans, pieces, sessions, tariff)
    verdicts = [view.verdict(element.when) for element in tariff.elements]
    timed, charged = spans.length[pieces.span] > 0, spans.energy[pieces.span] > 0
    used = {
        "FLAT": np.ones(len(state), dtype=bool),
        "ENERGY": (state == CHARGING) & charged,
        "TIME": (state != PARKING) & timed,
        "PARKING_TIME": (state == PARKING) & timed,
    }
    order = [(n, state < RESERVED) for n in _elements(tariff, "")]
    order += [(n, state == EXPIRED) for n in _elements(tariff, "RESERVATION_EXPIRES")]
    order += [(n, state >= RESERVED) for n in _elements(tariff, "RESERVATION")]
    chosen = {}
    for kind in FAMILIES:
        answer, looking = np.full(len(state), NONE), used[kind].copy()
        for n, priced in order:
            if kind in tariff.elements[n].components:
                asked = looking & priced & (verdicts[n] != NO)
                answer[asked] = np.where(verdicts[n][asked] == OPEN_, OPEN, n)
                looking &= ~asked
        chosen[kind] = answer
    return chosen


def _elements(tariff: ChargingTariff, reservation: str) -> list[int]:
    return [n for n, e in enumerate(tariff.elements) if e.when.reservation == reservation]


class _View:
    """What restrictions ask of a piece; asked at its first instant, it holds until its last."""

    def __init__(
        self, spans: Spans, pieces: Pieces, sessions: Sequence[Session], tariff: ChargingTariff
    ) -> None:
        where = pieces.span
        at = (spans.start[where] + pieces.start // spans.per_time[where]).astype(np.int64)
        self.lasted = at - spans.began[where]
        drawn = np.where(spans.energy[where] > 0, pieces.start // spans.per_energy[where], 0)
        self.drawn = spans.before[where] + drawn.astype(np.int64)
        self.current = tuple(end[where] for end in spans.current)
        self.power = tuple(end[where] for end in spans.power)
        self.day = self.minute = np.zeros(0, dtype=np.int64)
        if tariff.needs_zone:
            zones = np.array([session.zone for session in sessions])[spans.session[where]]
            local = np.zeros(len(where), dtype=np.int64)
            for name in set(zones):
                mine = zones == name
                local[mine] = zone_of(str(name)).to_local(at[mine] // 1000)
            self.day, self.minute = local // 86_400, local % 86_400 // 60

    def verdict(self, when: Restrictions) -> Verdicts:
        """`NO`, `OPEN_` or `YES` of each piece."""
        fits: Any = _inside(self.lasted, when.duration) & _inside(self.drawn, when.kwh)
        if when.local:
            fits &= _inside(self.day, when.days) & self._clock(when)
        verdict = np.where(fits, YES, NO).astype(np.int8)
        for (low, high), (least, most) in (
            (self.current, when.current),
            (self.power, when.power),
        ):
            if least is not None:
                below = (high >= 0) & (high < least)
                verdict = np.minimum(verdict, _three(low >= least, below))
            if most is not None:
                below = (high >= 0) & (high < most)
                verdict = np.minimum(verdict, _three(below, low >= most))
        return verdict

    def _clock(self, when: Restrictions) -> Any:
        fits = np.ones(len(self.minute), dtype=bool)
        if when.weekdays is not None:
            fits &= np.isin((self.day + 3) % 7, list(when.weekdays))
        if when.minutes is not None:
            first, last = when.minutes
            after, until = self.minute >= first, self.minute < last
            fits &= (after & until) if first < last else (after | until)
        return fits


def _inside(values: Ints, bounds: tuple[int | None, int | None]) -> Any:
    low, high = bounds
    fits = np.ones(len(values), dtype=bool)
    if low is not None:
        fits &= values >= low
    if high is not None:
        fits &= values < high
    return fits


def _three(yes: Any, no: Any) -> Verdicts:
    return np.where(yes, YES, np.where(no, NO, OPEN_)).astype(np.int8)
