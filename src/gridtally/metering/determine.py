"""Step 5: readings, or registers, become determinants: the quantities that are billed.

Spans with the same tariff, zone and source are a group: whatever depends on the calendar is worked
out once for it, and a row of readings costs a row of NumPy. Spans of a group may cover different
days, their *stretches*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.market import NO_MARKET, Market
from gridtally.metering import dials
from gridtally.metering.blocks import ACTUAL, Dense
from gridtally.metering.found import Found
from gridtally.metering.group import Group, Stretch, stretches
from gridtally.metering.streams import Part, add_reduced, reduce_streams
from gridtally.tables import findings_table
from gridtally.terms import LegalSource, Stream, Wanted

__all__ = ["determine"]

Ints = npt.NDArray[np.int64]


def determine(
    spans: pa.Table,
    *,
    dense: Iterable[Dense],
    advances: pa.Table,
    wanted: Mapping[str, Sequence[Wanted]],
    market: Market = NO_MARKET,
) -> tuple[pa.Table, pa.Table]:
    """Return (DETERMINANTS, FINDINGS) of SPANS.

    `dense` holds the final readings, any number of grids per channel; the points of a grid are
    those that have the channel. `advances` is what the registers of register-billed segments
    give; `wanted` what each tariff version asks for, by digest; `market` the prices and events that
    they refer to. A quantity that cannot be had gives no determinant and a must-hold finding.
    """
    spans = spans.combine_chunks()
    found = Found(spans)
    grids: dict[str, list[tuple[Dense, Ints]]] = {}
    for grid in dense:
        points = pa.array(grid.points, pa.string())
        where = pc.fill_null(pc.index_in(spans["metering_point"], points), -1)
        grids.setdefault(grid.channel, []).append((grid, np.asarray(where).astype(np.int64)))
    worst = {
        id(grid): grid.quality.min(axis=1, initial=ACTUAL)
        for known in grids.values()
        for grid, _ in known
    }
    registers = dials.Registers(spans, advances)
    for rows in _groups(spans):
        tariff, source, zone = (
            spans[name][int(rows[0])].as_py() for name in ("tariff", "legal_source", "zone")
        )
        wants = [_on(want, market) for want in wanted.get(tariff or "", ())]
        parts, which = stretches(spans, rows, wants)
        _events(found, rows, which, parts, market)
        if source == LegalSource.REGISTER:
            for i, stretch in enumerate(parts):
                mine = rows[which == i]
                _from_registers(found, mine, stretch, registers, market)
            continue
        group = Group(rows, which, parts, zone, found, worst)
        for channel in sorted({want.channel for stretch in parts for want in stretch.wants}):
            group.channel(channel, grids.get(channel, []))
        for mine, streamed in _streams(rows, which, parts, zone):
            for want in streamed:
                reduce_streams(found, mine, want, grids=grids, market=market)
    return found.table(), findings_table(found.findings)


def _streams(
    rows: Ints, which: Ints, stretches_: Sequence[Stretch], zone: str
) -> Iterator[tuple[list[Part], list[Wanted]]]:
    """Parts of the same months, and what they want that needs a stream."""
    alike: dict[int, list[int]] = {}
    for i, stretch in enumerate(stretches_):
        if any(want.streamed for want in stretch.wants):
            alike.setdefault(id(stretch.wants), []).append(i)
    for numbers in alike.values():
        parts = [
            Part(rows[which == i], stretches_[i].start_utc, stretches_[i].end_utc, zone)
            for i in numbers
        ]
        yield parts, [want for want in stretches_[numbers[0]].wants if want.streamed]


def _on(want: Wanted, market: Market) -> Wanted:
    """A want whose buckets know the events."""
    if not want.events:
        return want
    return replace(want, labels=partial(want.labels, market=market))


def _events(
    found: Found, rows: Ints, which: Ints, parts: Sequence[Stretch], market: Market
) -> None:
    """Hold spans for which an event that they use is not known."""
    for i, stretch in enumerate(parts):
        names = dict.fromkeys(name for want in stretch.wants for name in want.events)
        for name in names:
            known = market.events.get(name)
            if known is None or not known.covers(stretch.start_utc, stretch.end_utc):
                for row in rows[which == i].tolist():
                    found.stop(
                        row,
                        "rating.event.missing",
                        f"The events {name}, which decide the hours of the tariff, are not known "
                        "for all of the period.",
                        remedy="Deliver the events, or say until when there was none.",
                    )


def _groups(spans: pa.Table) -> Iterator[Ints]:
    """Rows of spans that have the same tariff, zone and source, and known bounds."""
    known = pc.and_(pc.is_valid(spans["start_utc"]), pc.is_valid(spans["end_utc"]))
    rows = np.flatnonzero(known)
    keys = []
    for name in ("zone", "legal_source", "tariff"):
        codes = spans[name].combine_chunks().dictionary_encode().indices
        keys.append(np.asarray(pc.fill_null(codes, -1))[rows])
    order = np.lexsort(keys)
    table = np.vstack([key[order] for key in keys])
    cuts = np.flatnonzero((table[:, 1:] != table[:, :-1]).any(axis=0)) + 1
    yield from (part for part in np.split(rows[order], cuts) if len(part))


def _from_registers(
    found: Found,
    rows: Ints,
    stretch: Stretch,
    registers: dials.Registers,
    market: Market,
) -> None:
    """What the dials of register-billed spans of one period give for each bucket."""
    period = stretch.period
    for want in stretch.wants:
        if dials.months_side(want.months, period) == "both":
            for row in rows.tolist():
                found.stop(
                    row,
                    "rating.months.register",
                    "A price holds in some months only, and dials cannot be cut: the period from "
                    f"{period.start} to {period.end} lies in several months.",
                    channel=want.channel,
                    remedy="Read the dials at the turn of the month, or bill by calendar month.",
                )
            continue
        if want.streamed:
            _streamed(found, rows, want, stretch, registers, market)
            continue
        there = registers.of(want, "", rows)[2] if want.optional else np.ones(len(rows), bool)
        for bucket in want.buckets:
            values, estimated, known = registers.of(want, bucket, rows)
            found.add((want, bucket), rows[known], values[known], estimated[known])
            for row in rows[there & ~known].tolist():
                what = f"of bucket {bucket} " if bucket else ""
                found.stop(
                    row,
                    "metering.determinant.incomplete",
                    f"No {want.kind} register {what}for {want.channel} was read.",
                    channel=want.channel,
                    remedy="Deliver this dial's readings, or correct the meter's registers.",
                )


def _streamed(
    found: Found,
    rows: Ints,
    want: Wanted,
    stretch: Stretch,
    registers: dials.Registers,
    market: Market,
) -> None:
    """A price by time that is one for the whole span; all else needs single intervals."""
    if want.kind != "cost" or want.netting:
        for row in rows.tolist():
            found.stop(
                row,
                "rating.quantity.registers",
                "The tariff looks at single hours, days or windows, and dials do not show them.",
                channel=want.channel,
                remedy="Bill this agreement from intervals, or give it another tariff.",
            )
        return
    columns = [registers.of(want, bucket, rows) for bucket in want.buckets]
    known = np.all([column[2] for column in columns], axis=0)
    energy = np.stack([column[0] for column in columns], axis=1)[known]
    each = np.ones(len(want.buckets), np.int64)
    stream = Stream(
        energy, np.arange(len(each)), stretch.start_utc * each, stretch.end_utc * each, 0 * each,
        dial=True,
    )  # fmt: skip
    add_reduced(found, want, rows[known], stream, market)
