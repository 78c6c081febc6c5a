"""Step 2: what an ESPI feed says beside the values, kept as remarks `espi.*`.

Quality codes, costs with their currency, buckets and tiers of each reading; what the reading type,
the usage point and the local time parameters state; the utility's own summaries. Names, addresses
and accounts of people are not kept, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.formats.espi import Feed, Resource
from gridtally.intake.formats.espi_types import NET, STREAMS, Finder, Kind
from gridtally.intake.remarks import Remarks
from gridtally.intake.report import Report, shown
from gridtally.intake.text import Names

__all__ = ["TIMES", "Rows", "Said", "point_name"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TIMES = ("LocalTimeParameters", "TimeConfiguration")
_FLAGS = {
    "espi.quality": "quality", "espi.tou": "tou", "espi.tier": "consumptionTier",
    "espi.cpp": "cpp",
}  # fmt: skip
"""Key -> field of a reading."""
_SUMMARIES = {
    "ElectricPowerUsageSummary": "espi.summary", "UsageSummary": "espi.summary",
    "ElectricPowerQualitySummary": "espi.quality_summary",
}  # fmt: skip
_PERSONAL = {
    "Customer", "CustomerAccount", "CustomerAgreement", "EndDevice", "Meter", "RetailCustomer",
    "ServiceLocation", "ServiceSupplier", "Statement", "ProgramDateIdMappings",
}  # fmt: skip
"""Kinds of resources that are about people and contracts."""
_KNOWN = {
    *_PERSONAL, *_SUMMARIES, "UsagePoint", "MeterReading", "ReadingType", "IntervalBlock",
    *TIMES,
}  # fmt: skip
_PEOPLE = (
    "serviceDeliveryPoint.name", "serviceDeliveryPoint.customerAgreement", "serviceDeliveryRemark",
)  # fmt: skip
"""Fields of a usage point that may name a person."""
_INSTANT = re.compile(r"[0-9]{1,11}\Z")


@dataclass(frozen=True, slots=True)
class Rows:
    """Accepted readings in the order of the feed, columns of shape (n,).

    `block` numbers the blocks, `name` the streams of the points; `codes` are fields as numbers.
    """

    block: Ints
    name: Ints
    start: Ints
    end: Ints
    line: Ints
    codes: Mapping[str, Ints]


class Said:
    """Makes the remarks of one feed."""

    def __init__(self, feed: Feed, points: Names, report: Report) -> None:
        self._feed, self._points, self._report = feed, points, report
        self._remarks = Remarks()

    def table(
        self, rows: Rows, blocks: Sequence[Resource], kinds: Sequence[Kind], source: str
    ) -> pa.Table:
        """All that is said, as a REMARKS table."""
        texts = self._feed.texts
        for key, field in _FLAGS.items():
            value = self._remarks.texts.encode(rows.codes[field], texts.texts)
            self._add(key, rows, value, rows.codes[field] != texts.number(""))
        self._add_costs(rows, kinds)
        self._add_blocks(rows, blocks, kinds)
        self._add_summaries(rows)
        self._note_rest()
        # What is said of both directions is said of the point as a whole.
        streams = ["" if stream == NET else stream for stream in STREAMS]
        names = [(point, stream) for point in self._points.texts for stream in streams]
        return self._remarks.table(names, source)

    def _add(self, key: str, rows: Rows, value: Ints, said: Bools) -> None:
        """Remarks about single readings, where something is said."""
        at = np.flatnonzero(said)
        self._remarks.add(
            key, name=rows.name[at], start=rows.start[at], end=rows.end[at], value=value[at],
            version=np.zeros(len(at), np.int64), line=rows.line[at],
        )  # fmt: skip

    def _add_costs(self, rows: Rows, kinds: Sequence[Kind]) -> None:
        """Costs as they are, in hundred-thousandths, and the number of their currency."""
        texts = self._feed.texts
        currencies = Names()
        of_block = [
            currencies.number(kind.type.fields.get("currency", "") if kind.type else "")
            for kind in kinds
        ]
        currency = np.array(of_block, dtype=np.int64)[rows.block]
        width = max(len(currencies.texts), 1)
        both, at = np.unique(rows.codes["cost"] * width + currency, return_inverse=True)
        said = [
            f"{texts.texts[one // width]} {currencies.texts[one % width]}".strip()
            for one in both.tolist()
        ]
        value = self._remarks.texts.encode(at.reshape(-1), said)
        self._add("espi.cost", rows, value, rows.codes["cost"] != texts.number(""))

    def _add_blocks(self, rows: Rows, blocks: Sequence[Resource], kinds: Sequence[Kind]) -> None:
        """What the resources above the readings state, over the readings of each block."""
        if not len(rows.block):
            return
        block, first = np.unique(rows.block, return_index=True)
        start, end = np.minimum.reduceat(rows.start, first), np.maximum.reduceat(rows.end, first)
        times = {time.link.own: time for time in self._feed.of(*TIMES)}
        said: dict[str, list[tuple[int, str]]] = {}
        for at, number in enumerate(block.tolist()):
            for key, text in _stated(kinds[number], blocks[number], times).items():
                said.setdefault(key, []).append((at, text))
        for key, found in said.items():
            at_ = np.array([at for at, _ in found], dtype=np.int64)
            value = [self._remarks.texts.number(text) for _, text in found]
            self._remarks.add(
                key, name=rows.name[first][at_], start=start[at_], end=end[at_],
                value=np.array(value, dtype=np.int64), version=np.zeros(len(at_), np.int64),
                line=rows.line[first][at_],
            )  # fmt: skip

    def _add_summaries(self, rows: Rows) -> None:
        """The utility's own summaries, over their billing period; each field is a remark."""
        finder = Finder(self._feed.of("UsagePoint"), *_SUMMARIES)
        for summary in self._feed.of(*_SUMMARIES):
            point = finder.of(summary.link)
            number = self._points.number(point_name(point)) if point is not None else -1
            period = _period(summary.fields)
            if point is None or period is None:
                text = f"{summary.kind} without a usage point or a period"
                self._report.note("intake.greenbutton.other", text=text, line=summary.line)
                continue
            name = np.array([number * len(STREAMS) + STREAMS.index(NET)])
            for path, text in summary.fields.items():
                self._remarks.add(
                    f"{_SUMMARIES[summary.kind]}.{path}", name=name,
                    start=np.array(period[:1]), end=np.array(period[1:]),
                    value=np.array([self._remarks.texts.number(text)]),
                    version=np.zeros(1, np.int64), line=np.array([summary.line]),
                )  # fmt: skip

    def _note_rest(self) -> None:
        """Say what of the feed is not kept."""
        kinds = {kind: len(found) for kind, found in self._feed.resources.items()}
        personal = sum(count for kind, count in kinds.items() if kind in _PERSONAL)
        if personal:
            self._report.note("intake.greenbutton.personal", count=personal)
        for kind in sorted(kinds.keys() - _KNOWN):
            self._report.note("intake.greenbutton.other", text=shown(kind), count=kinds[kind])


def point_name(point: Resource) -> str:
    """The metering point: the last part of the usage point's address."""
    return point.link.own.rpartition("/")[2] or point.link.uuid


def _stated(kind: Kind, block: Resource, times: Mapping[str, Resource]) -> dict[str, str]:
    """What a block's reading type, usage point, time parameters and entry state, by key."""
    assert kind.meter_reading is not None
    assert kind.type is not None
    assert kind.usage_point is not None
    related = (times.get(href) for href in kind.usage_point.link.related)
    time = next((found for found in related if found is not None), None)
    point = {path: text for path, text in kind.usage_point.fields.items() if path not in _PEOPLE}
    found = {
        "espi.reading": point_name(kind.meter_reading),
        "espi.type": _plain(kind.type.fields),
        "espi.point": _plain(point),
        "espi.time": _plain(time.fields) if time is not None else "",
        "espi.updated": block.link.updated,
    }
    return {key: text for key, text in found.items() if text}


def _plain(fields: Mapping[str, str]) -> str:
    """Fields as one text: `uom=72 powerOfTenMultiplier=0`, in the order of the feed."""
    return " ".join(f"{path}={text}" for path, text in fields.items())


def _period(fields: Mapping[str, str]) -> tuple[int, int] | None:
    """The period of a summary; None when it states none."""
    for name in ("billingPeriod", "summaryInterval"):
        start, length = (fields.get(f"{name}.{part}", "") for part in ("start", "duration"))
        if _INSTANT.match(start) and _INSTANT.match(length or "0"):
            return int(start), int(start) + int(length or "0")
    at = fields.get("statusTimeStamp", "")
    return (int(at), int(at)) if _INSTANT.match(at) else None
