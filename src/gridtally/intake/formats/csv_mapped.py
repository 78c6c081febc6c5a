"""Step 2: a utility's own CSV, as a mapping document declares it (`intake/mapping.py`).

Columns become whole arrays; what a row means beside the row before it is `intake/series.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.errors import UsageError
from gridtally.intake import numbers, times
from gridtally.intake.formats.common import DIAL_MAX, ENERGY_MAX, Delivery, Read, mark_numbers
from gridtally.intake.formats.mapped_cells import Day, Rows, Shared, When, numbers_of, powers
from gridtally.intake.formats.mapped_dials import read_dials
from gridtally.intake.formats.mapped_sheet import MappedSheet, opened
from gridtally.intake.formats.mapped_stands import stands, with_given
from gridtally.intake.mapping import DAY, Mapping, load
from gridtally.intake.report import Marks
from gridtally.intake.runs import settle_slots, to_blocks, totals
from gridtally.intake.series import Chain, in_order, once, to_slots
from gridtally.intake.slots import Gathered, Slots, in_blocks
from gridtally.intake.stamps import first_of_day
from gridtally.intake.text import Cells
from gridtally.intake.units import CHANNELS
from gridtally.intake.words import refuse
from gridtally.periods import Zone, iso_utc
from gridtally.tables import BLOCKS, REMARKS

__all__ = ["SENTENCE", "read", "read_mapped", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Part = tuple[Chain, When | None, When | None]
"""Rows, and the stamps that say their start and their end."""

SENTENCE = "A utility's own CSV, read as a mapping file declares it (--mapping FILE)."
_DAY_S = 86_400
_BACK = slice(None, None, -1)


def sniff(_head: bytes) -> bool:
    """Never: a mapping file says so."""
    return False


def read(data: Bytes, delivery: Delivery) -> Read:
    """The file's readings as its mapping declares them. Raises `RefusedFile`."""
    if delivery.mapping is None:
        raise UsageError(
            "A file of format csv-mapped needs a mapping file.", remedy="Name it with --mapping."
        )
    return read_mapped(data, delivery, load(delivery.mapping))


def read_mapped(data: Bytes, delivery: Delivery, mapping: Mapping) -> Read:
    """The file's readings as this mapping declares them. Raises `RefusedFile`."""
    sheet = opened(data, file=delivery.file, dialect=mapping.file)
    mapping = _fitted(mapping, sheet)
    rows = Rows(sheet, delivery, mapping, mapping.time.zone or delivery.zone)
    found = read_dials(rows) if mapping.kind == "registers" else _intervals(rows)
    if rows.rounded:
        delivery.report.note("intake.value.rounded", count=rows.rounded)
    if not sheet.ended:
        delivery.report.note("intake.file.unended", line=sheet.header_line + sheet.rows)
    return found


def _fitted(mapping: Mapping, sheet: MappedSheet) -> Mapping:
    """The mapping without the optional columns that the file does not have."""
    places = [place for froms in mapping.columns.values() for place in froms]
    places += [place for one in mapping.values for place in (one.column, one.occurred) if place]
    if mapping.file.others == "refuse":
        sheet.refuse_others({place.name for place in places})
    missing = {place.name for place in places if place.optional} - set(sheet.names)
    if not missing:
        return mapping
    mapping = mapping.without(missing)
    if not mapping.values:
        raise refuse(
            "intake.mapped.columns", file=sheet.file, line=sheet.header_line,
            text="none of its columns of values is there",
        )  # fmt: skip
    return mapping


def _intervals(rows: Rows) -> Read:
    """Blocks, and what dials showed."""
    mapping, delivery = rows.mapping, rows.delivery
    gathered = Gathered(len(rows.sheet.text) // 2 + 1)
    remarks = [REMARKS.empty_table()]
    for chain in _chains(rows):
        slots, found = to_slots(chain, mapping, delivery.report, rows.series, rows.zone)
        gathered.add(_on_grid(slots, rows))
        remarks.append(stands(found, mapping, rows.series, delivery.source))
    names, blocks, sums = rows.series, [BLOCKS.empty_table()], []
    for part in in_blocks(gathered.slots()):
        runs = settle_slots(
            part, names, delivery.report, zone=rows.zone,
            overlaps=mapping.interval.overlaps == "note",
        )  # fmt: skip
        blocks.append(to_blocks(runs, names, delivery.source))
        sums += totals(runs, names)
    return Read(
        rows.count, blocks=pa.concat_tables(blocks), remarks=pa.concat_tables(remarks), totals=sums
    )


def _chains(rows: Rows) -> Iterator[Chain]:
    """The rows by pieces, where each says all by itself; else some whole series at a time."""
    mapping, delivery = rows.mapping, rows.delivery
    parts = (part for piece in rows.sheet.pieces() for part in _take(piece, rows))
    if mapping.time.fold != "in_order":
        parts = ((_placed(part, rows), None, None) for part in parts)
    if mapping.apart:
        for chain, _, _ in parts:
            yield chain.take(chain.key >= 0)
        return
    chain, start, end = _joined(list(parts))
    if mapping.series.order == "decreasing":
        chain, start, end = chain.take(_BACK), _only(start, _BACK), _only(end, _BACK)
    if mapping.time.fold == "in_order":
        chain = _placed((chain, start, end), rows)
    chain = once(chain, mapping.series.repeats, delivery.report)
    if (chain.key < 0).any():
        chain = chain.take(chain.key >= 0)
    chain = with_given(chain, mapping, rows.series, delivery)
    yield from chain.by_series()


def _joined(parts: list[Part]) -> Part:
    """The parts as one; each is forgotten as soon as it can be."""
    chain = Chain.joined([chain for chain, _, _ in parts])
    start = _whole([start for _, start, _ in parts])
    end = _whole([end for _, _, end in parts])
    parts.clear()
    return chain, start, end


def _take(piece: Cells, rows: Rows) -> list[Part]:
    """One piece of the file, as one part for each column of values."""
    shared, mapping, found = rows.shared(piece), rows.mapping, []
    for number, value in enumerate(mapping.values):
        marks = Marks(piece.rows)
        marks.code[:], marks.column[:] = shared.marks.code, shared.marks.column
        channel = rows.channels(piece, marks, value)
        keyed = (shared.point >= 0) & (channel >= 0)
        start, end, day = shared.stamps.get("start"), shared.stamps.get("end"), None
        if value.ordinal:
            assert start is not None
            day = _day(shared, start, rows)
            _mark_days(day, marks)
            start = rows.numbered(start, value.ordinal)
        energy, dialed = _values(shared, rows, marks, number, channel)
        here = shared.here[number]
        rows.count += int(here.sum())
        rows.report(shared, marks, number, channel, day=day)
        key = np.where(keyed, shared.point * len(CHANNELS) + np.maximum(channel, 0), -1)
        none = np.zeros(piece.rows, bool)
        chain = Chain(
            key, key, key, ~none, energy, dialed, shared.quality.astype(np.uint8), shared.version,
            piece.line, marks.code >= 0, none, ~none,
        )  # fmt: skip
        found.append((chain.take(here), _only(start, here), _only(end, here)))
    return found


def _only(when: When | None, which: Bools | slice) -> When | None:
    return when and When(when.local[which], when.value[which], when.state[which])


def _day(shared: Shared, midnight: When, rows: Rows) -> Day:
    """How many intervals the local days have, and up to which one there are values."""
    slots = rows.day_length(midnight) // rows.mapping.interval.length
    ordinal = np.array([value.ordinal for value in rows.mapping.values])[:, None]
    return Day(slots, np.where(shared.here, ordinal, 0).max(axis=0))


def _mark_days(day: Day, marks: Marks, *, plain: int = 0) -> None:
    """Set aside days with more values than intervals.

    Where the clocks change, all must be there: an empty end means a sender who counts 24 hours
    every day.
    """
    usual = plain or int(np.bincount(np.maximum(day.slots, 0)).argmax())
    wrong = (day.filled > day.slots) | ((day.slots != usual) & (day.filled != day.slots))
    marks.set(wrong, "intake.day.slots")


def _values(
    shared: Shared, rows: Rows, marks: Marks, number: int, channel: Ints
) -> tuple[Ints, Bools]:
    """Energy, or what the dial showed [10^-6 kWh or kvarh], and whether the row says so."""
    value, at = rows.mapping.values[number], rows.value_places[number]
    unit = rows.units(shared.piece, marks, value)
    power = powers(channel, unit, marks, at)
    limit = DIAL_MAX if rows.mapping.series.cumulative else ENERGY_MAX
    found = numbers_of(rows, shared.piece, value, at, power=power, limit=limit)
    nothing = (shared.quality == 0) & (found.state == numbers.EMPTY)
    found.state[nothing] = numbers.OK
    mark_numbers(found, marks, at)
    good = np.isin(found.state, (numbers.OK, numbers.ROUNDED)) & (found.value >= 0)
    rows.rounded += int((marks.good & (found.state == numbers.ROUNDED)).sum())
    dialed = good & (shared.quality > 0)
    return np.where(dialed, found.value, 0), dialed


def _placed(part: Part, rows: Rows) -> Chain:
    """Rows with start and end; those of an hour that nobody can tell are set aside."""
    chain, *stamps = part
    start, end = (when and _settled(chain.key, when, rows) for when in stamps)
    first, last, timed = _span(start, end, rows)
    lost = np.zeros(len(chain.key), bool)
    for when in (start, end):
        if when is not None:
            lost |= when.state == times.AMBIGUOUS
    lost &= ~chain.aside
    if lost.any():
        said = start or end
        assert said is not None
        marks = Marks(len(lost))
        marks.set(lost, "intake.time.ambiguous")
        rows.delivery.report.take(
            marks, chain.line, lambda row, _column: {"text": iso_utc(int(said.local[row]))[:-1]},
            point=chain.key // len(CHANNELS), names=rows.points.texts,
            channel=chain.key % len(CHANNELS),
        )  # fmt: skip
    return replace(chain, start=first, end=last, timed=timed, aside=chain.aside | lost)


def _whole(parts: Sequence[When | None]) -> When | None:
    found = [part for part in parts if part is not None]
    if not found:
        return None
    return When(
        np.concatenate([part.local for part in found]),
        np.concatenate([part.value for part in found]),
        np.concatenate([part.state for part in found]),
    )


def _settled(key: Ints, when: When, rows: Rows) -> When:
    """Stamps with the hour that comes twice told apart by order, where the mapping says so."""
    zone, repeats = rows.zone, rows.mapping.series.repeats
    if rows.mapping.time.fold != "in_order" or zone is None:
        return when
    if len(key) % repeats:
        repeats = 1
    one = slice(None, None, repeats)
    told = in_order(key[one], when.local[one], when.state[one], when.value[one], zone=zone)
    value, state = (np.repeat(column, repeats) for column in told)
    # A row that does not repeat the one before is left as it was: it is told of later.
    same = when.local == np.repeat(when.local[one], repeats)
    return When(when.local, np.where(same, value, when.value), np.where(same, state, when.state))


def _span(start: When | None, end: When | None, rows: Rows) -> tuple[Ints, Ints, Bools]:
    """First instant of each row and first after it, and whether both are known."""
    length = rows.mapping.interval.length
    if start is not None and end is not None:
        return start.value, end.value, (start.state == times.OK) & (end.state == times.OK)
    one = start or end
    assert one is not None
    sign = 1 if one is start else -1
    other = one.value + sign * length
    if length == DAY:
        other = _other_midnight(one, sign * _DAY_S, rows.zone)
    first, last = (one.value, other) if one is start else (other, one.value)
    return first, last, one.state == times.OK


def _other_midnight(one: When, step: int, zone: Zone | None) -> Ints:
    return one.value + step if zone is None else first_of_day(one.local + step, zone)


def _on_grid(slots: Slots, rows: Rows) -> Slots:
    """Intervals of a declared length that start on the local clock's grid of that length."""
    length, zone = rows.mapping.interval.length, rows.zone
    if not rows.mapping.interval.grid or length <= 0 or _DAY_S % length:
        return slots
    local = slots.start + (zone.offset(slots.start) if zone is not None else 0)
    off = (local % length if zone is not None else slots.start % np.gcd(length, 900)) != 0
    marks = Marks(len(off))
    marks.set(off, "intake.interval.grid")

    def describe(row: int, _column: int) -> dict[str, object]:
        return {"text": iso_utc(int(slots.start[row])), "expected": length // 60}

    rows.delivery.report.take(
        marks, slots.line, describe, point=slots.key // len(CHANNELS), names=rows.points.texts,
        channel=slots.key % len(CHANNELS),
    )  # fmt: skip
    return slots.take(~off)
