"""Step 3: what meters reported beside the values, the `event.*` remarks, as findings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.scan import Row
from gridtally.metering.thresholds import Limits
from gridtally.metering.words import counted, when
from gridtally.periods import Zone
from gridtally.periods import zone as zone_of
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["Place", "events"]

_SECONDS = re.compile(r"\s*([+-]?\d{1,9})(?:[.,]\d*)?\s*s?\s*\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A metering point in a run: when it is billed, and what its events mean for the bill."""

    start_utc: int
    end_utc: int
    zone: str
    limits: Limits
    time_of_use: bool
    """Prices depend on the hour."""
    still: bool
    """Readings are there, and all are zero."""


@dataclass(frozen=True, slots=True)
class _Event:
    code: str
    severity: Severity
    tell: str
    remedy: str


_EVENTS = {
    "event.tamper": _Event(
        "metering.event.tamper", Severity.WARN, tell="the meter reported tampering {times}.",
        remedy="Have the meter looked at before the next bill; keep what was reported as evidence.",
    ),
    "event.cover_open": _Event(
        "metering.event.cover_open", Severity.WARN, tell="the meter's cover was opened {times}.",
        remedy="Compare with the work orders of those days; without one have the meter looked at.",
    ),
    "event.power_loss": _Event(
        "metering.event.power_loss", Severity.NOTE, tell="the meter was without power {times}.",
        remedy="Compare with the outages of the network; alone at this point it may be a bypass.",
    ),
    "event.reverse": _Event(
        "metering.event.reverse", Severity.WARN,
        tell="the meter reported energy in the reverse direction {times}.",
        remedy="Check the wiring of the transformers, and whether there is a generator.",
    ),
    "event.phase_loss": _Event(
        "metering.event.phase_loss", Severity.WARN, tell="the meter reported a lost phase {times}.",
        remedy="Have fuses and voltage taps looked at: a lost phase is not counted.",
    ),
    "event.clock_set": _Event(
        "metering.event.clock_set", Severity.NOTE, tell="the meter's clock was set {times}.",
        remedy="None; compare the intervals around it when the customer asks.",
    ),
    "event.overflow": _Event(
        "metering.event.overflow", Severity.WARN,
        tell="the meter's pulse counter overflowed {times}: energy may be lacking.",
        remedy="Compare the intervals with the registers; ask for the meter's own memory.",
    ),
    "event.test_mode": _Event(
        "metering.event.test_mode", Severity.WARN, tell="the meter was in test mode {times}.",
        remedy="Ask the crew what was tested: such readings are not the customer's energy.",
    ),
}  # fmt: skip
_DRIFT = "event.clock_drift"


def events(remarks: pa.Table, places: Mapping[str, Place]) -> pa.Table:
    """Findings `metering.event.*` on REMARKS that fall into the billed time of these points."""
    wanted = pa.array([*_EVENTS, _DRIFT])
    mine = remarks.filter(pc.is_in(remarks["key"].cast(pa.string()), value_set=wanted))
    told: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    seen: set[tuple[str, str, str, int]] = set()
    keys = ("metering_point", "key", "channel", "value")
    times = mine["start_utc"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_pylist()
    for point, key, channel, value, at in zip(
        *(mine[name].to_pylist() for name in keys), times, strict=True
    ):
        place = places.get(point)
        if place is None or not place.start_utc <= at < place.end_utc:
            continue
        if (point, key, value, at) not in seen:  # the same is often said on each channel
            seen.add((point, key, value, at))
            told.setdefault((point, key), []).append((at, value, channel or ""))
    return findings_table([
        row for (point, key), said in sorted(told.items())
        for row in _told(point, key, sorted(said), places[point])
    ] + _still(told, places))  # fmt: skip


def _told(point: str, key: str, said: list[tuple[int, str, str]], place: Place) -> Iterator[Row]:
    zone, (first, last) = zone_of(place.zone), (said[0][0], said[-1][0])
    if key == _DRIFT:
        yield from _drift(point, said, place, zone)
        return
    event = _EVENTS[key]
    yield finding(
        event.code, event.severity,
        f"{point}: {event.tell.format(times=_times(len(said), zone, first))}",
        remedy=event.remedy, metering_point=point, start_utc=first, end_utc=last + 1,
        count=len(said), evidence={"values": " ".join(sorted({v for _, v, _ in said if v})[:5])},
    )  # fmt: skip


def _times(count: int, zone: Zone, first: int) -> str:
    if count == 1:
        return f"at {when(zone, first)}"
    return f"{counted(count, 'time')}, first at {when(zone, first)}"


def _drift(point: str, said: list[tuple[int, str, str]], place: Place, zone: Zone) -> Iterator[Row]:
    """A clock that is off: told above the limit; held where the hour decides the price."""
    found = [(abs(int(m[1])), at) for at, value, _ in said if (m := _SECONDS.match(value))]
    if not found:
        return
    worst, at = max(found)
    if worst <= place.limits.drift_s:
        return
    hold = place.time_of_use and worst > place.limits.drift_hold_s
    priced = "; the hour decides the price here" if place.time_of_use else ""
    yield finding(
        "metering.event.clock_drift", Severity.HOLD if hold else Severity.WARN,
        f"{point}: the meter's clock was {counted(worst, 'second')} off at "
        f"{when(zone, at)}{priced}.",
        remedy="Set the clock, and ask for the readings of that time with right stamps.",
        must_hold=hold, metering_point=point, start_utc=said[0][0], end_utc=said[-1][0] + 1,
        count=len(found), evidence={"seconds": worst, "limit": place.limits.drift_hold_s},
    )  # fmt: skip


def _still(told: Collection[tuple[str, str]], places: Mapping[str, Place]) -> list[Row]:
    """No energy at all, though the meter lives and reports."""
    awake: dict[str, list[str]] = {}
    for point, key in sorted(told):
        if places[point].still and key != "event.power_loss":
            awake.setdefault(point, []).append(key.removeprefix("event."))
    return [
        finding(
            "metering.event.still", Severity.WARN,
            f"{point}: all intervals are zero, but the meter has power and reports: "
            f"{', '.join(keys)}.",
            remedy="Have the meter looked at: what flows may not be counted.",
            metering_point=point, start_utc=places[point].start_utc,
            end_utc=places[point].end_utc, direction="under", evidence={"events": " ".join(keys)},
        )
        for point, keys in awake.items()
    ]  # fmt: skip
