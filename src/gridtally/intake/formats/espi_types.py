"""Step 2: what the readings of an ESPI block are: by its links, its reading type and usage point.

Interval energy becomes blocks. What a dial shows (bulk quantity, cumulative, summation, and the
largest demand) becomes register readings. Averages, extremes and other units are set aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gridtally.intake.formats.espi import Feed, Linked, Resource
from gridtally.intake.report import shown
from gridtally.intake.units import CHANNELS

__all__ = ["NET", "STREAMS", "Finder", "Kind", "Kinds"]

NET = "net"
STREAMS = (*CHANNELS, NET)
_W, _WH, _VARH = "38", "72", "73"
_CHANNEL = {
    (_WH, "1"): "import", (_WH, "19"): "export", (_WH, "4"): NET,
    (_VARH, "1"): "reactive_import", (_VARH, "2"): "reactive_import",
    (_VARH, "5"): "reactive_import", (_VARH, "19"): "reactive_export",
    (_VARH, "3"): "reactive_export", (_VARH, "13"): "reactive_export",
    (_W, "1"): "import", (_W, "19"): "export",
}  # fmt: skip
"""uom and flowDirection of ESPI -> channel. Forward and lagging are import."""
_PLAIN = ("", "0", "12", "26")
"""dataQualifier: none, normal, sum; the others are averages and extremes."""
_LARGEST = "8"
_DELTA = ("", "0", "4")
"""accumulationBehaviour: the energy of the interval."""
_DIAL = ("1", "3", "9")
"""accumulationBehaviour: what a dial shows; bulk quantity, cumulative, summation (of a bucket)."""
_POWER_MAX = 12
_POWER = re.compile(r"-?[0-9]{1,2}\Z")


@dataclass(frozen=True, slots=True)
class Kind:
    """What the readings of a block are; `problem` says why they cannot be used.

    `power`: of ten, from a reading to millionths of a kWh (kvarh, kW). `dial`: the name of the
    register, empty for intervals. `seconds`: the usual length of an interval, 0 when not stated.
    """

    point: str
    stream: str
    power: int
    seconds: int
    dial: str
    demand: bool
    problem: str
    meter_reading: Resource | None = None
    type: Resource | None = None
    usage_point: Resource | None = None


class Finder:
    """Finds the parent of a resource in a feed: by its address, or by the parent's links."""

    def __init__(self, parents: Iterable[Resource], *collections: str) -> None:
        self._collections = collections
        self._by: dict[str, Resource] = {}
        for parent in parents:
            own = parent.link.own
            for name in collections if own else ():
                self._by.setdefault(f"{own}/{name}", parent)
            for href in parent.link.related if own else ():
                self._by.setdefault(href, parent)

    def of(self, link: Linked) -> Resource | None:
        """The parent of what has this link; None when nothing leads to one."""
        addresses = [link.up, link.own]
        for name in self._collections:
            owner, found, _ = link.own.rpartition(f"/{name}/")
            addresses.append(f"{owner}/{name}" if found else "")
        return next((self._by[href] for href in addresses if href and href in self._by), None)


class Kinds:
    """What each block of a feed is."""

    def __init__(self, feed: Feed) -> None:
        self._readings = Finder(feed.of("MeterReading"), "IntervalBlock")
        self._points = Finder(feed.of("UsagePoint"), "MeterReading")
        self._types = {type_.link.own: type_ for type_ in feed.of("ReadingType") if type_.link.own}

    def of(self, block: Resource) -> Kind:
        """What the readings of one block are."""
        reading = self._readings.of(block.link)
        if reading is None:
            return _unusable("no MeterReading links to the block")
        related = (self._types.get(href) for href in reading.link.related)
        type_ = next((found for found in related if found is not None), None)
        if type_ is None:
            return _unusable("no ReadingType is linked")
        point = self._points.of(reading.link)
        if point is None:
            return _unusable("no UsagePoint links to the meter reading")
        service = point.fields.get("ServiceCategory.kind", "")
        if service not in ("", "0"):
            return _unusable(f"service {shown(service)} is not electricity")
        problem = _problem(type_)
        if problem:
            return _unusable(problem)
        return _kind(reading, type_, point)


def _unusable(problem: str) -> Kind:
    return Kind("", "", 0, 0, "", False, problem)


def _problem(type_: Resource) -> str:
    """Why a reading type cannot be used, or nothing."""
    unit, flow, power, behaviour, qualifier = (
        type_.fields.get(name, "")
        for name in (
            "uom", "flowDirection", "powerOfTenMultiplier", "accumulationBehaviour",
            "dataQualifier",
        )
    )  # fmt: skip
    channel, dial = _CHANNEL.get((unit, flow)), behaviour in _DIAL
    demand = unit == _W and qualifier == _LARGEST
    checks = (
        (unit in (_WH, _VARH) or demand, f"uom {shown(unit)} is neither Wh (72) nor varh (73)"),
        (
            _POWER.match(power) and abs(int(power)) <= _POWER_MAX,
            f"powerOfTenMultiplier {shown(power)} is missing or no number",
        ),
        (channel, f"flowDirection {shown(flow)} is no one direction"),
        (
            demand or dial or behaviour in _DELTA,
            "accumulationBehaviour is not that of interval energy (4) or of a dial (1, 3, 9)",
        ),
        (not dial or channel != NET, "a dial of net energy has no direction"),
        (demand or qualifier in _PLAIN, "dataQualifier is not that of a plain value"),
    )
    return next((problem for fine, problem in checks if not fine), "")


def _kind(reading: Resource, type_: Resource, point: Resource) -> Kind:
    """What the readings of a usable type are."""
    unit, flow = type_.fields["uom"], type_.fields["flowDirection"]
    demand = unit == _W
    dial = demand or type_.fields.get("accumulationBehaviour", "") in _DIAL
    name = reading.link.own.rpartition("/")[2] or reading.link.uuid
    length = type_.fields.get("intervalLength", "")
    return Kind(
        point.link.own.rpartition("/")[2] or point.link.uuid,
        _CHANNEL[unit, flow],
        int(type_.fields["powerOfTenMultiplier"]) + 3,
        int(length) if length.isascii() and length.isdigit() and len(length) < 7 else 0,
        name if dial else "",
        demand,
        "",
        reading,
        type_,
        point,
    )
