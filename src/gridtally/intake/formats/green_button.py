"""Step 2: Green Button (NAESB ESPI) feeds: usage points, reading types, readings.

A value times 10^powerOfTenMultiplier is in the reading type's unit, and is kept exactly or set
aside. Instants are UTC already. What else a feed says becomes remarks, see espi_said.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake import numbers
from gridtally.intake.formats.common import DIAL_MAX, ENERGY_MAX, Delivery, Read, mark_numbers
from gridtally.intake.formats.espi import CODED, NUMBERS, Feed, Readings, Resource, read_feed
from gridtally.intake.formats.espi_said import TIMES, Rows, Said
from gridtally.intake.formats.espi_time import offsets
from gridtally.intake.formats.espi_types import NET, STREAMS, Kind, Kinds
from gridtally.intake.readings import KINDS, REASONS, Dials, settle_dials
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import Runs, Slots, join, settle_slots, to_blocks, totals
from gridtally.intake.text import Names
from gridtally.intake.times import EARLIEST, SLACK_S
from gridtally.intake.words import refuse
from gridtally.periods import iso_utc

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SENTENCE = "Green Button: ESPI usage points, interval blocks and dial readings in an Atom feed."
_QUALITY = {
    "": 3, "0": 3, "14": 3, "17": 3, "18": 3, "19": 3,
    "7": 2, "11": 2,
    "8": 1, "9": 1, "10": 1, "12": 1, "13": 1, "15": 1, "16": 1,
}  # fmt: skip
"""ESPI quality -> quality code: valid and raw are actual, edited and derived substituted, the rest
(estimated, questionable, projected, mixed, normalised, other) estimated."""
_LONGEST_S = 25 * 3600
_NET = STREAMS.index(NET)


def sniff(head: bytes) -> bool:
    """Whether the file is XML that speaks of ESPI, or an Atom feed."""
    text = head.lstrip()
    return text[:1] == b"<" and (b"espi" in text or b"<feed" in text or b"IntervalBlock" in text)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of a feed in its order, and what each holds; columns of shape (blocks,)."""

    resources: Sequence[Resource]
    kinds: Sequence[Kind]
    first: Ints
    last: Ints
    begin: Ints
    power: Ints
    seconds: Ints
    name: Ints
    dial: Bools
    quality: Ints


@dataclass(slots=True)
class _Reading:
    """What the pieces of a feed have in common while it is read."""

    feed: Feed
    blocks: _Blocks
    delivery: Delivery
    rows: list[Rows] = field(default_factory=list)
    slots: list[Slots] = field(default_factory=list)
    dials: list[Dials] = field(default_factory=list)
    rounded: int = 0
    costs: int = 0


def read(text: Bytes, delivery: Delivery) -> Read:
    """The feed's readings as blocks and register readings. Raises `RefusedFile`."""
    feed = read_feed(text.data, file=delivery.file)
    if not feed.count:
        raise refuse("intake.file.rows", file=delivery.file, line=1)
    points, registers = Names(), Names()
    reading = _Reading(feed, _blocks(feed, points), delivery)
    _set_aside_unusable(reading)
    at = 0
    for part in feed.readings:
        _take(part, at, registers, reading)
        at += len(part.line)
    report = delivery.report
    if reading.rounded:
        report.note("intake.value.rounded", count=reading.rounded)
    if reading.costs:
        report.note("intake.greenbutton.cost", count=reading.costs)
    names = [(point, stream) for point in points.texts for stream in STREAMS]
    runs = settle_slots(_joined(reading.slots), names, report, zone=delivery.zone)
    _compare_times(runs, reading)
    named = (points.texts, points.texts, registers.texts, ("",))
    dials, advances = settle_dials(reading.dials, named, report, delivery.source)
    rows = _kept(reading.rows, runs, dials)
    said = Said(feed, points, report)
    remarks = said.table(rows, reading.blocks.resources, reading.blocks.kinds, delivery.source)
    runs = _split_net(runs)
    return Read(
        feed.count, blocks=to_blocks(runs, names, delivery.source), registers=dials,
        remarks=remarks, totals=[*totals(runs, names), *advances],
    )  # fmt: skip


def _blocks(feed: Feed, points: Names) -> _Blocks:
    """The blocks of a feed, each with what its links say that it holds."""
    resources, find = feed.of("IntervalBlock"), Kinds(feed)
    kinds = [find.of(block) for block in resources]
    columns = [
        (
            block.first, block.last, _begin(block), kind.power, kind.seconds,
            -1 if kind.problem else points.number(kind.point) * len(STREAMS)
            + STREAMS.index(kind.stream),
            bool(kind.dial), _default(kind),
        )
        for block, kind in zip(resources, kinds, strict=True)
    ]  # fmt: skip
    first, last, begin, power, seconds, name, dial, quality = (
        np.array(columns, dtype=np.int64).reshape(-1, 8).T
    )
    return _Blocks(resources, kinds, first, last, begin, power, seconds, name, dial > 0, quality)


def _begin(block: Resource) -> int:
    """The first instant of a block; -1 when it does not say."""
    text = block.fields.get("interval.start", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1


def _default(kind: Kind) -> int:
    """The quality code of readings that state none."""
    said = kind.type.fields.get("defaultQuality", "") if kind.type is not None else ""
    return _QUALITY.get(said, _QUALITY[""])


def _set_aside_unusable(reading: _Reading) -> None:
    """Set aside the readings of blocks whose type cannot be used, and those in no block."""
    report, blocks = reading.delivery.report, reading.blocks
    lines = np.concatenate([part.line for part in reading.feed.readings])
    for block, kind in zip(blocks.resources, blocks.kinds, strict=True):
        count = block.last - block.first
        if kind.problem and count:
            line = int(lines[block.first])
            report.set_aside(
                "intake.greenbutton.type", line, rows=count, text=kind.problem,
                lines=lines[block.first : block.last],
            )  # fmt: skip
    owner = _owners(np.arange(len(lines)), blocks)
    stray = np.flatnonzero(owner < 0)
    if stray.size:
        text = "the reading is in no IntervalBlock"
        line = int(lines[stray[0]])
        report.set_aside(
            "intake.greenbutton.type", line, rows=int(stray.size), text=text, lines=lines[stray]
        )
    noted: set[str] = set()
    for block, kind in zip(blocks.resources, blocks.kinds, strict=True):
        if kind.stream == NET and kind.point not in noted and block.last > block.first:
            noted.add(kind.point)
            line = int(lines[block.first])
            report.note("intake.channel.net", metering_point=kind.point, line=line)


def _owners(row: Ints, blocks: _Blocks) -> Ints:
    """The block of each reading, -1 where there is none."""
    if not len(blocks.first):
        return np.full(len(row), -1, np.int64)
    owner = np.searchsorted(blocks.first, row, side="right") - 1
    return np.where((owner >= 0) & (row < blocks.last[owner]), owner, -1)


def _take(part: Readings, offset: int, registers: Names, reading: _Reading) -> None:
    """Some readings: the good ones become slots or dials, the others are set aside."""
    blocks, delivery = reading.blocks, reading.delivery
    row = np.arange(len(part.line)) + offset
    owner = _owners(row, blocks)
    at = np.flatnonzero((owner >= 0) & (blocks.name[owner] >= 0)) if len(blocks.first) else row[:0]
    owner, line = owner[at], part.line[at]
    dial, name = blocks.dial[owner], blocks.name[owner]
    marks = Marks(len(at))
    start, seconds = _times(part, at, owner, row[at] - blocks.first[owner], blocks, marks)
    length = (seconds < 60) | (seconds > _LONGEST_S)
    marks.set(~dial & length, "intake.interval.length", 1)
    marks.set(start < EARLIEST, "intake.time.past", 0)
    instant = np.where(dial, start + seconds, start)
    marks.set(instant > delivery.as_of + SLACK_S, "intake.time.future", 0)
    quality = _qualities(part, at, blocks.quality[owner], reading.feed.texts, marks)
    value = _values(part, at, owner, blocks, marks, reading)

    def describe(index: int, column: int) -> dict[str, object]:
        if column == _FLAG:
            return {"text": shown(reading.feed.texts.texts[int(part.codes["quality"][at[index]])])}
        text = shown(part.numbers[NUMBERS[column % _LACKS]].text(int(at[index])))
        return {"text": f"{NUMBERS[column % _LACKS]}: {text}" if column >= _LACKS else text}

    delivery.report.take(marks, line, describe)
    good = marks.good
    reading.costs += int((part.codes["cost"][at[good]] != reading.feed.texts.number("")).sum())
    reading.rows.append(
        Rows(
            owner[good], name[good], instant[good], np.where(dial, instant, start + seconds)[good],
            line[good], {field_: part.codes[field_][at[good]] for field_ in CODED},
        )
    )  # fmt: skip
    none = np.zeros(len(at), np.int64)
    slots = Slots(name, start, seconds, value, quality.astype(np.uint8), none, line)
    reading.slots.append(slots.take(good & ~dial))
    own = [registers.number(kind.dial) for kind in blocks.kinds]
    demand = [KINDS.index("demand" if kind.demand else "cumulative") for kind in blocks.kinds]
    register, kind_ = (np.array(column, dtype=np.int64)[owner] for column in (own, demand))
    dials = Dials(
        name // len(STREAMS), name // len(STREAMS), register, name % len(STREAMS), none, kind_,
        instant, value, none - 1, none - 1, quality, none + REASONS.index("routine"), none, line,
    )  # fmt: skip
    reading.dials.append(dials.take(good & dial))


_LACKS, _FLAG = 10, 9
"""Columns that a finding quotes: from `_LACKS` on a field that is missing or no number."""


def _times(
    part: Readings, at: Ints, owner: Ints, place: Ints, blocks: _Blocks, marks: Marks
) -> tuple[Ints, Ints]:
    """When each reading starts and how long it is [s].

    Without a duration the reading type says it; without a period of its own, a reading is the next
    of its block's interval.
    """
    start, seconds, value = (
        numbers.integers(text.data, text.starts[at], text.ends[at])
        for text in (part.numbers[field_] for field_ in NUMBERS)
    )
    usual = blocks.seconds[owner]
    length = np.where(seconds.state == numbers.OK, seconds.value, usual)
    stated = (seconds.state == numbers.OK) | (
        (seconds.state == numbers.EMPTY) & ((usual > 0) | blocks.dial[owner])
    )
    begin = blocks.begin[owner]
    implied = (start.state == numbers.EMPTY) & (begin >= 0) & (usual > 0)
    implied &= seconds.state == numbers.EMPTY
    known = (start.state == numbers.OK) | implied
    marks.set(~known, "intake.greenbutton.reading", _LACKS)
    marks.set(~stated, "intake.greenbutton.reading", _LACKS + 1)
    marks.set(value.state != numbers.OK, "intake.greenbutton.reading", _LACKS + 2)
    return np.where(implied, begin + place * usual, start.value), length


def _qualities(part: Readings, at: Ints, default: Ints, texts: Names, marks: Marks) -> Ints:
    """Quality codes; of several the worst counts."""
    found = [
        min((_QUALITY.get(flag, -1) for flag in text.split(",")), default=-1)
        for text in texts.texts
    ]
    codes = part.codes["quality"][at]
    quality = np.array(found, dtype=np.int64)[codes]
    marks.set(quality < 0, "intake.quality.unknown", _FLAG)
    return np.where(codes == texts.number(""), default, np.maximum(quality, 0))


def _values(
    part: Readings, at: Ints, owner: Ints, blocks: _Blocks, marks: Marks, reading: _Reading
) -> Ints:
    """Values in millionths, exactly."""
    text, dial = part.numbers["value"], blocks.dial[owner]
    found = numbers.micro(
        text.data, text.starts[at], text.ends[at], blocks.power[owner], limit=DIAL_MAX,
        rounding=reading.delivery.round_finer,
    )  # fmt: skip
    found.state[~dial & (np.abs(found.value) > ENERGY_MAX)] = numbers.LARGE
    net = blocks.name[owner] % len(STREAMS) == _NET
    mark_numbers(replace(found, value=np.where(net, 0, found.value)), marks, 2)
    reading.rounded += int(((found.state == numbers.ROUNDED) & marks.good).sum())
    return found.value


def _compare_times(runs: Runs, reading: _Reading) -> None:
    """Say where a feed's own rules for the clock are not those of the declared zone."""
    zone, report = reading.delivery.zone, reading.delivery.report
    times = {time.link.own: time for time in reading.feed.of(*TIMES)}
    seen: set[int] = set()
    for kind, name in zip(reading.blocks.kinds, reading.blocks.name.tolist(), strict=True):
        point = name // len(STREAMS)
        if kind.usage_point is None or point in seen:
            continue
        seen.add(point)
        related = [times[href] for href in kind.usage_point.link.related if href in times]
        utc = runs.start[runs.key // len(STREAMS) == point]
        for time in related[:1]:
            try:
                own = offsets(time.fields, utc)
            except ValueError as err:
                report.note("intake.greenbutton.dst", text=str(err), line=time.line)
                continue
            differ = utc[own != zone.offset(utc)] if zone is not None else utc[:0]
            if differ.size:
                report.note(
                    "intake.greenbutton.zone", text=iso_utc(int(differ.min())),
                    count=int(differ.size), line=time.line, metering_point=kind.point,
                )  # fmt: skip


def _kept(parts: Sequence[Rows], runs: Runs, dials: pa.Table) -> Rows:
    """The readings that were kept: of intervals by name and start, of dials by line."""
    columns = [
        np.concatenate([getattr(part, column) for part in parts])
        for column in ("block", "name", "start", "end", "line")
    ]
    codes = {name: np.concatenate([part.codes[name] for part in parts]) for name in CODED}
    run = np.repeat(np.arange(len(runs.key)), runs.count)
    within = np.arange(len(run)) - runs.offsets[run]
    held = (runs.key[run] << 36) + runs.start[run] + within * runs.seconds[run]
    keep = np.isin((columns[1] << 36) + columns[2], held) & (columns[3] > columns[2])
    keep |= np.isin(columns[4], dials["line"].to_numpy()) & (columns[3] == columns[2])
    block, name, start, end, line = (column[keep] for column in columns)
    return Rows(block, name, start, end, line, {key: code[keep] for key, code in codes.items()})


def _joined(parts: Sequence[Slots]) -> Slots:
    """The slots of all pieces as one."""
    columns = [column.name for column in fields(Slots)]
    return Slots(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def _split_net(runs: Runs) -> Runs:
    """Net runs as two: what is above zero is import, what is below is export."""
    net = runs.key % len(STREAMS) == _NET
    if not net.any():
        return runs
    both = runs.take(np.flatnonzero(net))
    point = both.key - _NET
    delivered = replace(both, key=point, value=np.maximum(both.value, 0))
    received = replace(both, key=point + STREAMS.index("export"), value=np.maximum(-both.value, 0))
    return join([runs.take(np.flatnonzero(~net)), delivered, received])
