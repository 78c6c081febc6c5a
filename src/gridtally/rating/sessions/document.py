"""Before step 6 for charging sessions: a file of sessions, ours or OCPI CDRs; what each gets wrong.

A session that contradicts itself is left out with findings; the others are rated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridtally.errors import RefusedFile, UsageError
from gridtally.periods import zone as zone_of
from gridtally.rating.sessions.cdr import Claim, adapted
from gridtally.rating.sessions.tariff import ChargingTariff
from gridtally.rating.sessions.values import Reader, json_of, unwrapped
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["STATES", "Session", "Sessions", "Span", "read", "remark"]

STATES = ("charging", "parking", "reserved", "expired")
CHARGING, PARKING, RESERVED, EXPIRED = range(4)
_PERIOD = (
    "start", "end", "state", "energy_kwh",
    *(f"{side}{name}" for name in ("current_a", "power_kw") for side in ("", "min_", "max_")),
)  # fmt: skip
_BELOW = {"energy_kwh": 10_000_000, "current_a": 1_000_000, "power_kw": 1_000_000}
Range = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Span:
    """A period of a session."""

    start: int
    """[ms since 1970]"""
    end: int
    state: int
    """Place in STATES."""
    energy: int | None
    """[10^-6 kWh]; None: not told."""
    current: Range
    """From, to [10^-6 A]; without an upper end None."""
    power: Range
    """From, to [10^-6 kW]."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that can be rated."""

    id: str
    zone: str
    spans: tuple[Span, ...]
    told: Mapping[str, Any]
    """As JSON, as docs/charging.md describes it: what the second rater reads."""
    claim: Claim | None = None
    """What a CDR says of itself."""


@dataclass(slots=True)
class Sessions:
    """What a file holds."""

    sessions: list[Session] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)


def read(data: bytes, *, name: str, tariff: ChargingTariff, zone: str | None) -> Sessions:
    """The sessions of a file. Raises `RefusedFile` when it holds none at all."""
    try:
        value = unwrapped(json_of(data))
    except ValueError as err:
        raise RefusedFile(
            f"This is not JSON: {err}.",
            code="rating.session.file",
            file=name,
            remedy="Give charging sessions or OCPI CDRs as JSON (docs/charging.md).",
        ) from err
    if isinstance(value, dict) and "sessions" in value:
        _kind(value, name)
        value = value["sessions"]
    entries = value if isinstance(value, list) else [value]
    if not any(isinstance(e, dict) and e.keys() & {"periods", "charging_periods"} for e in entries):
        raise RefusedFile(
            "There is no charging session in this file: nothing has periods or charging_periods.",
            code="rating.session.file",
            file=name,
            remedy="Give charging sessions or OCPI CDRs as JSON (docs/charging.md).",
        )
    result, seen = Sessions(), set[str]()
    for n, entry in enumerate(entries):
        reader = Reader()
        path = f"sessions[{n}]"
        session = _session(reader, entry, path=path, tariff=tariff, zone=zone)
        if session and session.id.casefold() in seen:
            reader.wrong(f"{path}.id", f"{session.id!r} was there before.",
                         "Give each session once, with an id of its own.",
                         code="rating.session.duplicate")  # fmt: skip
        if session and not reader.problems:
            seen.add(session.id.casefold())
            result.sessions.append(session)
        who = entry.get("id") if isinstance(entry, dict) else None
        result.findings += [
            remark(p.code, f"{p.path}: {p.message}", remedy=p.remedy, file=name,
                   session=str(who or n))
            for p in reader.problems
        ]  # fmt: skip
    return result


def _kind(said: Mapping[str, Any], name: str) -> None:
    """Refuse a file of another schema, or with keys that are not known."""
    reader = Reader()
    _schema(reader, said, "")
    reader.known(said, ("schema", "sessions"), "")
    if reader.problems:
        first = reader.problems[0]
        raise RefusedFile(
            f"{first.path} {first.message}", code="rating.session.file", file=name,
            remedy=first.remedy,
        )  # fmt: skip


def _schema(reader: Reader, said: Mapping[str, Any], path: str) -> None:
    schema = said.get("schema")
    if schema is not None and (isinstance(schema, bool) or schema != 1):
        reader.wrong(f"{path}.schema".lstrip("."), f"is {str(schema)[:40]}; 1 is known.",
                     "Write 1, or leave it out.")  # fmt: skip


def remark(
    code: str, message: str, *, remedy: str, file: str, session: str,
    severity: Severity = Severity.HOLD,
) -> dict[str, Any]:  # fmt: skip
    """A finding on a session."""
    return finding(
        code, severity, message, remedy=remedy, file=file,
        must_hold=severity == Severity.HOLD, evidence={"session": session},
    )  # fmt: skip


def _session(
    reader: Reader, entry: object, *, path: str, tariff: ChargingTariff, zone: str | None
) -> Session | None:
    said = reader.mapping(entry, path)
    claim = None
    if "charging_periods" in said:
        said, claim = adapted(reader, said, path, tariff)
        if reader.problems:
            return None
    _schema(reader, said, path)
    reader.known(said, ("schema", "id", "time_zone", "periods"), path)
    name = reader.text(said, "id", path)
    where = _zone(reader, said, path, tariff=tariff, zone=zone)
    spans = [
        _span(reader, period, f"{path}.periods[{n}]")
        for n, period in enumerate(reader.items(said, "periods", path))
    ]
    whole = tuple(span for span in spans if span is not None)
    if len(whole) < len(spans) or not whole:
        return None
    _order(reader, whole, path)
    told = {**said, "time_zone": where}
    return Session(name, where, whole, told, claim)


def _zone(
    reader: Reader, said: Mapping[str, Any], path: str, *, tariff: ChargingTariff, zone: str | None
) -> str:
    name = said.get("time_zone") or zone
    if name is None and tariff.needs_zone:
        reader.wrong(f"{path}.time_zone", "is missing, and the tariff asks for local time.",
                     "Add it, or give --zone.", code="rating.session.zone_missing")  # fmt: skip
    try:
        return zone_of(str(name or "UTC")).name
    except UsageError as err:
        reader.wrong(f"{path}.time_zone", err.message, err.remedy)
        return "UTC"


def _span(reader: Reader, value: object, path: str) -> Span | None:
    said = reader.mapping(value, path)
    reader.known(said, _PERIOD, path)
    start = reader.instant(said, "start", path, needed=True)
    end = reader.instant(said, "end", path, needed=True)
    state = reader.word(said, "state", path, STATES, needed=True)
    found = {
        key: reader.number(said, key, path, places=6,
                           below=_BELOW[key.removeprefix("min_").removeprefix("max_")])
        for key in _PERIOD[3:]
    }  # fmt: skip
    values = {key: None if v is None else int(v * 1_000_000) for key, v in found.items()}
    for key, number in values.items():
        if number is not None and number < 0:
            reader.wrong(f"{path}.{key}", "is below zero.",
                         "Energy that flows back is no charging session; check the sign.",
                         code="rating.session.negative")  # fmt: skip
    if start is None or end is None or not state:
        return None
    if end < start:
        reader.wrong(
            f"{path}.end",
            "lies before start.",
            "Exchange the two.",
            code="rating.session.backwards",
        )
    if state != "charging" and values["energy_kwh"]:
        reader.wrong(f"{path}.energy_kwh", f"is above zero while {state}.",
                     "Make it a charging period, or move the energy to one.",
                     code="rating.session.energy_misplaced")  # fmt: skip
    idle = state != "charging"
    current, power = (
        (0, 0) if idle else _range(reader, values, key, path) for key in ("current_a", "power_kw")
    )
    return Span(start, end, STATES.index(state), values["energy_kwh"], current, power)


def _range(reader: Reader, values: Mapping[str, int | None], key: str, path: str) -> Range:
    exact, low, high = values[key], values[f"min_{key}"], values[f"max_{key}"]
    low, high = exact if low is None else low, exact if high is None else high
    if high is not None and (low or 0) > high:
        reader.wrong(f"{path}.max_{key}", f"is below min_{key}.", "Exchange the two.")
    return low or 0, high


def _order(reader: Reader, spans: tuple[Span, ...], path: str) -> None:
    """Periods follow each other without gap or overlap; reservations come first."""
    for n in range(1, len(spans)):
        step = spans[n].start - spans[n - 1].end
        where = f"{path}.periods[{n}].start"
        if step < 0:
            reader.wrong(
                where,
                f"overlaps the period before by {_seconds(-step)} s.",
                "Let each period end where the next starts.",
                code="rating.session.overlap",
            )
        elif step > 0:
            reader.wrong(where, f"leaves {_seconds(step)} s after the period before.",
                         "Add a period that says what happened then (charging or parking).",
                         code="rating.session.gap")  # fmt: skip
        if spans[n].state >= RESERVED and spans[n - 1].state < RESERVED:
            reader.wrong(f"{path}.periods[{n}].state", "a reservation after charging or parking.",
                         "Make it a session of its own.", code="rating.session.order")  # fmt: skip
    states = {span.state for span in spans}
    if EXPIRED in states and len(states) > 1:
        reader.wrong(f"{path}.periods", "an expired reservation with other states.",
                     "Say reserved if the reservation was used, or make two sessions.",
                     code="rating.session.order")  # fmt: skip


def _seconds(ms: int) -> str:
    return f"{ms // 1000}" if ms % 1000 == 0 else f"{ms // 1000}.{ms % 1000:03d}"
