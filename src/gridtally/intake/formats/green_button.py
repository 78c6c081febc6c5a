"""Step 2: Green Button (NAESB ESPI) feeds: usage points, reading types, interval blocks.

A value times 10^powerOfTenMultiplier is in the reading type's unit, and is kept exactly or set
aside. Instants are UTC already. Costs are left aside, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from gridtally.intake.formats.common import ENERGY_MAX, Delivery, Read
from gridtally.intake.formats.espi import Block, Feed, Interval, Linked, read_feed
from gridtally.intake.report import shown
from gridtally.intake.runs import Runs, Slots, join, settle_slots, to_blocks, totals
from gridtally.intake.text import Names
from gridtally.intake.times import EARLIEST, SLACK_S
from gridtally.intake.units import CHANNELS
from gridtally.intake.words import refuse
from gridtally.money import MICRO, round_fraction

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]

SENTENCE = "Green Button: ESPI usage points and interval blocks in an Atom feed."
NET = "net"
_CHANNELS = (*CHANNELS, NET)
_WH, _VARH = "72", "73"
_CHANNEL = {
    (_WH, "1"): "import", (_WH, "19"): "export", (_WH, "4"): NET,
    (_VARH, "1"): "reactive_import", (_VARH, "2"): "reactive_import",
    (_VARH, "5"): "reactive_import", (_VARH, "19"): "reactive_export",
    (_VARH, "3"): "reactive_export", (_VARH, "13"): "reactive_export",
}  # fmt: skip
"""uom and flowDirection of ESPI -> channel. Forward and lagging are import."""
_SUMS = ("", "0", "12", "26")
"""dataQualifier: none, normal, sum; the others are averages and extremes."""
_DELTA = ("", "0", "4")
"""accumulationBehaviour: interval energy; the others are registers."""
_QUALITY = {
    "": 3, "0": 3, "14": 3, "17": 3, "18": 3, "19": 3,
    "7": 2, "11": 2,
    "8": 1, "9": 1, "10": 1, "12": 1, "13": 1, "15": 1, "16": 1,
}  # fmt: skip
"""ESPI quality -> quality code: valid and raw are actual, edited and derived substituted, the rest
(estimated, questionable, projected, mixed, normalised, other) estimated."""
_WHOLE = re.compile(r"-?[0-9]{1,15}\Z")
_POWER = re.compile(r"-?[0-9]{1,2}\Z")
_LONGEST_S = 25 * 3600


def sniff(head: bytes) -> bool:
    """Whether the file is XML that speaks of ESPI, or an Atom feed."""
    text = head.lstrip()
    return text[:1] == b"<" and (b"espi" in text or b"<feed" in text or b"IntervalBlock" in text)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A reading type: micro-units per digit as a fraction, its channel, the usual length."""

    channel: str
    scale: Fraction
    seconds: str
    problem: str


def read(text: Bytes, delivery: Delivery) -> Read:
    """The feed's readings as blocks. Raises `RefusedFile`."""
    feed = read_feed(text.tobytes(), file=delivery.file)
    report = delivery.report
    count = sum(len(block.intervals) for block in feed.blocks)
    if not count:
        raise refuse("intake.file.rows", file=delivery.file, line=1)
    points = Names()
    rows: list[tuple[int, ...]] = []
    for block in feed.blocks:
        rows += _block(block, feed, points, delivery)
    costs = sum(interval.has_cost for block in feed.blocks for interval in block.intervals)
    if costs:
        report.note("intake.greenbutton.cost", count=costs)
    names = [(point, channel) for point in points.texts for channel in _CHANNELS]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 7).T
    slots = Slots(
        columns[0], columns[1], columns[2], columns[3], columns[4].astype(np.uint8),
        columns[5], columns[6],
    )  # fmt: skip
    runs = _split_net(settle_slots(slots, names, report, zone=delivery.zone))
    return Read(count, blocks=to_blocks(runs, names, delivery.source), totals=totals(runs, names))


def _split_net(runs: Runs) -> Runs:
    """Net runs as two: what is above zero is import, what is below is export."""
    net = runs.key % len(_CHANNELS) == _CHANNELS.index(NET)
    if not net.any():
        return runs
    both = runs.take(np.flatnonzero(net))
    point = both.key - _CHANNELS.index(NET)
    delivered = replace(both, key=point, value=np.maximum(both.value, 0))
    received = replace(
        both, key=point + _CHANNELS.index("export"), value=np.maximum(-both.value, 0)
    )
    return join([runs.take(np.flatnonzero(~net)), delivered, received])


def _block(block: Block, feed: Feed, points: Names, delivery: Delivery) -> list[tuple[int, ...]]:
    """The readings of a block as slots: key, start, seconds, value, quality, version, line."""
    report = delivery.report
    kind, point = _kind(block, feed)
    if kind.problem:
        line = block.intervals[0].line if block.intervals else None
        report.set_aside(
            "intake.greenbutton.type", line, rows=len(block.intervals), text=kind.problem,
            lines=np.array([interval.line for interval in block.intervals], dtype=np.int64),
        )  # fmt: skip
        return []
    key = points.number(point) * len(_CHANNELS) + _CHANNELS.index(kind.channel)
    if kind.channel == NET:
        report.note("intake.channel.net", metering_point=point, line=block.intervals[0].line)
    rows: list[tuple[int, ...]] = []
    for interval in block.intervals:
        slot = _slot(interval, kind, delivery)
        if slot is None:
            continue
        start, seconds, value, quality = slot
        rows.append((key, start, seconds, value, quality, 0, interval.line))
    return rows


def _slot(interval: Interval, kind: _Kind, delivery: Delivery) -> tuple[int, int, int, int] | None:
    """Start, seconds, value and quality code of a reading; None when it was set aside."""
    report, line = delivery.report, interval.line
    length = interval.seconds or kind.seconds
    for name, text in (("start", interval.start), ("duration", length), ("value", interval.value)):
        if not _WHOLE.match(text):
            report.set_aside("intake.greenbutton.reading", line, text=f"{name}: {shown(text)}")
            return None
    start, seconds = int(interval.start), int(length)
    if not 60 <= seconds <= _LONGEST_S:
        report.set_aside("intake.interval.length", line, text=shown(length))
    elif start < EARLIEST:
        report.set_aside("intake.time.past", line, text=shown(interval.start))
    elif start > delivery.as_of + SLACK_S:
        report.set_aside("intake.time.future", line, text=shown(interval.start))
    elif interval.quality not in _QUALITY:
        report.set_aside("intake.quality.unknown", line, text=shown(interval.quality))
    else:
        value = _micro(interval, kind, delivery)
        return None if value is None else (start, seconds, value, _QUALITY[interval.quality])
    return None


def _micro(interval: Interval, kind: _Kind, delivery: Delivery) -> int | None:
    """The reading in 10^-6 kWh (kvarh), exactly; None when it was set aside."""
    report, line, said = delivery.report, interval.line, shown(interval.value)
    exact = int(interval.value) * kind.scale
    if exact.denominator != 1 and delivery.round_finer is not None:
        exact = Fraction(round_fraction(exact / MICRO, delivery.round_finer)) * MICRO
        report.note("intake.value.rounded", line=line)
    if exact.denominator != 1:
        report.set_aside("intake.value.finer", line, text=said)
    elif abs(exact) > ENERGY_MAX:
        report.set_aside("intake.value.large", line, text=said)
    elif exact < 0 and kind.channel != NET:
        report.set_aside("intake.value.negative", line, text=said)
    else:
        return int(exact)
    return None


# --------------------------------------------------------------------- links


def _kind(block: Block, feed: Feed) -> tuple[_Kind, str]:
    """A block's reading type and metering point, by the feed's links."""
    reading = next((r for r in feed.readings if _belongs(block.link, r, "IntervalBlock")), None)
    if reading is None:
        return _Kind("", Fraction(0), "", "no MeterReading links to the block"), ""
    fields = next((f for link, f in feed.types if link.own and link.own in reading.related), None)
    if fields is None:
        return _Kind("", Fraction(0), "", "no ReadingType is linked"), ""
    point = next((p for p in feed.points if _belongs(reading, p, "MeterReading")), None)
    if point is None:
        return _Kind("", Fraction(0), "", "no UsagePoint links to the meter reading"), ""
    service = feed.services.get(point.own, "")
    if service not in ("", "0"):
        return _Kind("", Fraction(0), "", f"service {shown(service)} is not electricity"), ""
    return _reading_type(fields), point.own.rpartition("/")[2] or point.uuid


def _belongs(child: Linked, parent: Linked, collection: str) -> bool:
    """Whether the child is in the parent's collection: by its address, or by the parent's links."""
    own = f"{parent.own}/{collection}"
    return bool(parent.own) and (
        child.up == own
        or child.own.startswith(own + "/")
        or (bool(child.up) and child.up in parent.related)
        or (bool(child.own) and child.own in parent.related)
    )


def _reading_type(fields: Mapping[str, str]) -> _Kind:
    """What a ReadingType means here; `problem` says why it cannot be used."""
    unit, flow = fields.get("uom", ""), fields.get("flowDirection", "")
    power = fields.get("powerOfTenMultiplier", "")
    problem = ""
    if unit not in (_WH, _VARH):
        problem = f"uom {shown(unit)} is neither Wh (72) nor varh (73)"
    elif not _POWER.match(power):
        problem = f"powerOfTenMultiplier {shown(power)} is missing or no number"
    elif (unit, flow) not in _CHANNEL:
        problem = f"flowDirection {shown(flow)} is no one direction"
    elif fields.get("accumulationBehaviour", "") not in _DELTA:
        problem = "accumulationBehaviour is not that of interval energy (4)"
    elif fields.get("dataQualifier", "") not in _SUMS:
        problem = "dataQualifier is not that of a plain value"
    if problem:
        return _Kind("", Fraction(0), "", problem)
    scale = Fraction(10) ** (int(power) + 3)
    return _Kind(_CHANNEL[unit, flow], scale, fields.get("intervalLength", ""), "")
