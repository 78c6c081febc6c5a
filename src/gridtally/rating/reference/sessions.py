"""The second opinion on step 6 for charging sessions: one session, fractions, from charging.md.

Written from `docs/charging.md` alone and sharing no code with `rating/sessions/`: slow and plain,
standard library only. A period is cut at its edges, and each piece is asked in its middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from gridtally.rating.reference.session_bill import EPOCH, Use, bill_of, fraction, instant, moment

__all__ = ["rate_session"]

Json = Mapping[str, Any]
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
NO, OPEN, YES = 0, 1, 2


class _HeldError(Exception):
    """The session has no bill; the argument is the finding's code."""


@dataclass
class _Piece:
    """A part of a period in which nothing that restrictions look at changes."""

    state: str
    seconds: Fraction
    kwh: Fraction
    local: datetime
    lasted: Fraction
    """Seconds since the part began, in the piece's middle."""
    used: Fraction
    """Energy so far [kWh], in the piece's middle."""
    current: tuple[Fraction, Fraction | None]
    power: tuple[Fraction, Fraction | None]


@dataclass
class _Tally:
    """Uses by (part, element, component), and what was used last of each family."""

    uses: dict[tuple[int, int, int], Use] = field(default_factory=dict)
    last: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def rate_session(tariff: Json, session: Json) -> dict[str, Any]:
    """The bill of one session, or the codes that hold it: `{"bill": …, "held": […]}`.

    `tariff` is the OCPI object, `session` one of `sessions` as charging.md describes them, both
    with numbers as `Decimal` or text; both are taken to be well formed.
    """
    try:
        _valid(tariff, session)
        uses = _quantities(tariff, session)
    except _HeldError as err:
        return {"bill": None, "held": [str(err)]}
    return {"bill": bill_of(tariff, session, uses), "held": []}


# ---------------------------------------------------------------------- pieces


def _pieces(tariff: Json, session: Json) -> Iterator[_Piece]:
    zone = ZoneInfo(session.get("time_zone") or "UTC")
    limits = [element.get("restrictions") or {} for element in tariff["elements"]]
    so_far = Fraction(0)
    began: dict[bool, Fraction] = {}
    for period in session["periods"]:
        start, end = instant(period["start"]), instant(period["end"])
        reserved = period["state"] in ("reserved", "expired")
        part = began.setdefault(reserved, start)
        kwh = fraction(period.get("energy_kwh") or 0)
        edges = {Fraction(0), Fraction(1)}
        if end > start:
            instants = list(_clock_edges(zone, start, end, limits))
            instants += [part + bound for bound in _bounds(limits, "duration")]
            edges |= {(at - start) / (end - start) for at in instants}
        if kwh > 0:
            edges |= {(bound - so_far) / kwh for bound in _bounds(limits, "kwh")}
        inside = sorted(edge for edge in edges if 0 <= edge <= 1)
        for low, high in pairwise(inside):
            middle = (low + high) / 2
            at = start + middle * (end - start)
            yield _Piece(
                period["state"],
                (high - low) * (end - start),
                (high - low) * kwh,
                moment(at).astimezone(zone),
                at - part,
                so_far + middle * kwh,
                _range(period, "current_a"),
                _range(period, "power_kw"),
            )
        so_far += kwh


def _bounds(limits: list[Json], name: str) -> list[Fraction]:
    said = [limit.get(f"{side}_{name}") for limit in limits for side in ("min", "max")]
    return [fraction(bound) for bound in said if bound is not None]


def _clock_edges(
    zone: ZoneInfo, start: Fraction, end: Fraction, limits: list[Json]
) -> Iterator[Fraction]:
    """Where the clock on the wall shows a time that the tariff names, and where it is changed."""
    times = {"00:00"}
    for limit in limits:
        times |= {limit[key] for key in ("start_time", "end_time") if limit.get(key)}
    day = moment(start).astimezone(zone).date() - timedelta(days=1)
    until = moment(end).astimezone(zone).date() + timedelta(days=1)
    while day <= until:
        for text in times:
            hour, minute = map(int, text.split(":"))
            for fold in (0, 1):
                wall = datetime(day.year, day.month, day.day, hour, minute, fold=fold, tzinfo=zone)
                yield Fraction((wall - EPOCH) // timedelta(seconds=1))
        yield from _change(zone, day)
        day += timedelta(days=1)


def _change(zone: ZoneInfo, day: date) -> Iterator[Fraction]:
    """The second of a UTC day at which the offset changes, if there is one."""
    low = int((datetime(day.year, day.month, day.day, tzinfo=UTC) - EPOCH).total_seconds())
    high = low + 86_400

    def offset(seconds: int) -> timedelta | None:
        return (EPOCH + timedelta(seconds=seconds)).astimezone(zone).utcoffset()

    if offset(low) != offset(high):
        first = offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == first else (low, middle)
        yield Fraction(high)


def _range(period: Json, key: str) -> tuple[Fraction, Fraction | None]:
    if period["state"] != "charging":
        return Fraction(0), Fraction(0)
    exact = period.get(key)
    low, high = period.get(f"min_{key}", exact), period.get(f"max_{key}", exact)
    return fraction(low or 0), None if high is None else fraction(high)


# ------------------------------------------------------------------- selection


def _matches(limit: Json, piece: _Piece) -> int:
    """NO, OPEN or YES."""
    verdicts = [YES if _in_calendar(limit, piece.local) else NO]
    for key, value in (("kwh", piece.used), ("duration", piece.lasted)):
        low, high = limit.get(f"min_{key}"), limit.get(f"max_{key}")
        if low is not None:
            verdicts.append(YES if value >= fraction(low) else NO)
        if high is not None:
            verdicts.append(YES if value < fraction(high) else NO)
    for key, (lower, upper) in (("current", piece.current), ("power", piece.power)):
        for word, good in (("min", 1), ("max", -1)):
            if limit.get(f"{word}_{key}") is None:
                continue
            bound = fraction(limit[f"{word}_{key}"])
            if lower >= bound:
                verdicts.append(YES if good == 1 else NO)
            elif upper is not None and upper < bound:
                verdicts.append(NO if good == 1 else YES)
            else:
                verdicts.append(OPEN)
    return min(verdicts)


def _in_calendar(limit: Json, local: datetime) -> bool:
    today = local.date().isoformat()
    if limit.get("start_date") and today < limit["start_date"]:
        return False
    if limit.get("end_date") and today >= limit["end_date"]:
        return False
    if limit.get("day_of_week") and DAYS[local.weekday()] not in limit["day_of_week"]:
        return False
    if not limit.get("start_time") and not limit.get("end_time"):
        return True
    first, last = limit.get("start_time") or "00:00", limit.get("end_time") or "00:00"
    now = f"{local.hour:02}:{local.minute:02}"
    if first < last:
        return bool(first <= now < last)
    return bool(now >= first or now < last)


def _order(tariff: Json, state: str) -> list[int]:
    """The elements that price a state, in the order in which they are asked."""
    wanted = {
        "reserved": ["RESERVATION"],
        "expired": ["RESERVATION_EXPIRES", "RESERVATION"],
    }.get(state, [None])
    elements = tariff["elements"]
    return [
        number
        for kind in wanted
        for number, element in enumerate(elements)
        if (element.get("restrictions") or {}).get("reservation") == kind
    ]


def _find(tariff: Json, piece: _Piece, dimension: str) -> tuple[int, int] | None:
    """(element, component) that prices a dimension in a piece."""
    for number in _order(tariff, piece.state):
        element = tariff["elements"][number]
        kinds = [component["type"] for component in element["price_components"]]
        if dimension in kinds:
            verdict = _matches(element.get("restrictions") or {}, piece)
            if verdict == OPEN:
                raise _HeldError("rating.session.open")
            if verdict == YES:
                return number, kinds.index(dimension)
    return None


# ------------------------------------------------------------------ quantities


def _quantities(tariff: Json, session: Json) -> dict[tuple[int, int, int], Use]:
    tally, flat = _Tally(), set[int]()
    for piece in _pieces(tariff, session):
        part = 0 if piece.state in ("reserved", "expired") else 1
        if part not in flat:
            found = _find(tariff, piece, "FLAT")
            if found:
                tally.uses[(part, *found)] = Use("flat", Fraction(1), Fraction(1))
                flat.add(part)
        for dimension, amount in _used(piece):
            found = _find(tariff, piece, dimension) if amount > 0 else None
            if found:
                family = f"{dimension}/{part}"
                use = tally.uses.setdefault((part, *found), Use(family))
                use.measured += amount
                use.billed += amount
                tally.last[family] = (part, *found)
    _step(tariff, tally)
    return tally.uses


def _used(piece: _Piece) -> list[tuple[str, Fraction]]:
    if piece.state == "charging":
        return [("ENERGY", piece.kwh * 1000), ("TIME", piece.seconds)]
    return [("PARKING_TIME" if piece.state == "parking" else "TIME", piece.seconds)]


def _step(tariff: Json, tally: _Tally) -> None:
    for family, place in tally.last.items():
        if family == "TIME/1" and "PARKING_TIME/1" in tally.last:
            continue
        component = tariff["elements"][place[1]]["price_components"][place[2]]
        step = int(component["step_size"]) or 1
        total = sum((u.measured for u in tally.uses.values() if u.family == family), Fraction(0))
        tally.uses[place].billed += -(-total // step) * step - total


def _valid(tariff: Json, session: Json) -> None:
    periods = session["periods"]
    start = instant(periods[0]["start"])
    if tariff.get("start_date_time") and start < instant(tariff["start_date_time"]):
        raise _HeldError("rating.session.outside")
    if tariff.get("end_date_time") and start >= instant(tariff["end_date_time"]):
        raise _HeldError("rating.session.outside")
    wanted = any(
        c["type"] == "ENERGY"
        for e in tariff["elements"]
        if not (e.get("restrictions") or {}).get("reservation")
        for c in e["price_components"]
    ) or any(
        (e.get("restrictions") or {}).get(key) is not None
        for e in tariff["elements"]
        if not (e.get("restrictions") or {}).get("reservation")
        for key in ("min_kwh", "max_kwh")
    )
    if wanted and any(p["state"] == "charging" and p.get("energy_kwh") is None for p in periods):
        raise _HeldError("rating.session.energy_missing")
