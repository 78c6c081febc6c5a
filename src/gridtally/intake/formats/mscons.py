"""Step 2: EDIFACT MSCONS (D.04B), metered values of the German market, versions 2.2 to 2.5.

Each QTY segment is a row: energy of an interval, a reading of a dial, a demand, or the energy of a
longer period. Where it was measured, what it is and when is said by LOC, PIA and DTM around it.
Rules: BDEW, MSCONS MIG 2.4c, and the code list of OBIS codes and media 2.5c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.formats.common import Delivery, Read
from gridtally.intake.formats.edifact import Interchange, sniffs
from gridtally.intake.formats.edifact_frame import Frame
from gridtally.intake.formats.mscons_context import HEADS, QTY, Context, prepared_at
from gridtally.intake.formats.mscons_parts import combine
from gridtally.intake.formats.mscons_said import Said
from gridtally.intake.formats.mscons_values import PERIOD, Stated, Values, judged
from gridtally.intake.formats.obis import DEMAND, READING, Obis
from gridtally.intake.readings import KINDS, Dials, settle_dials
from gridtally.intake.runs import Slots, Total, settle_slots, to_blocks
from gridtally.intake.text import Names
from gridtally.intake.words import refuse

__all__ = ["SENTENCE", "read", "sniff"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
T = TypeVar("T", Values, Stated)

SENTENCE = "EDIFACT MSCONS: load profiles, readings and energy of the German market."
sniff = sniffs


@dataclass(slots=True)
class _File:
    """What the pieces of a file have in common while it is read."""

    delivery: Delivery
    context: Context
    said: Said
    parts: list[Values] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)
    rows: int = 0
    rounded: int = 0


def read(data: Bytes, delivery: Delivery) -> Read:
    """The interchange's values. Raises `RefusedFile` when its frame is wrong."""
    interchange = Interchange(data, file=delivery.file)
    frame = Frame(interchange)
    context = Context(prepared_at(interchange.prepared), delivery.zone)
    file = _File(delivery, context, Said(context))
    for piece in interchange.pieces(HEADS):
        frame.take(piece)
        rows = np.flatnonzero(piece.tag == QTY)
        where = context.of(piece, rows)
        file.rows += len(rows)
        values, stated, rounded = judged(piece, rows, where, context, interchange.service, delivery)
        file.rounded += rounded
        file.said.take(piece, values)
        file.parts.append(values)
        file.stated.append(stated)
    frame.close()
    _say(file, by_line=interchange.by_line)
    return _result(_whole(Values, file.parts), file)


def _whole(kind: type[T], parts: Sequence[T]) -> T:
    """Columns of many pieces as one."""
    names = [column.name for column in fields(kind)]
    return kind(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _say(file: _File, *, by_line: bool) -> None:
    """Notes and findings about the file as a whole."""
    report, messages = file.delivery.report, file.context.messages
    withdrawn = [message for message in messages if message.withdraws]
    for message in withdrawn:
        report.set_aside("intake.mscons.withdrawn", message.line, rows=0, text=message.document)
    if not file.rows and not withdrawn:
        raise refuse("intake.file.rows", file=file.delivery.file, line=1)
    if file.rounded:
        report.note("intake.value.rounded", count=file.rounded)
    if not by_line:
        report.note("intake.mscons.segments")


def _result(values: Values, file: _File) -> Read:
    """Blocks, readings, remarks and totals of the values that are good."""
    delivery = file.delivery
    blocks, unused = _intervals(values.take(values.kind < READING), file)
    is_dial = (values.kind == READING) | (values.kind == DEMAND)
    table, advances = _dials(values.take(is_dial), file)
    _periods(values.take(values.kind == PERIOD), file)
    file.said.messages(values)
    return Read(
        file.rows, blocks=blocks, registers=table, remarks=file.said.table(delivery.source),
        totals=[*_sums(_whole(Stated, file.stated), unused, file), *advances],
    )  # fmt: skip


def _intervals(values: Values, file: _File) -> tuple[pa.Table, set[tuple[int, int]]]:
    """Interval energy, a stream per metering point and OBIS code joined to one per channel.

    Also the streams (point, code) that do not count, because of others of their channel.
    """
    context, delivery = file.context, file.delivery
    width = len(context.codes.texts) + 1
    keys, stream = np.unique(values.point * width + values.code, return_inverse=True)
    place = [divmod(key, width) for key in keys.tolist()]
    names: list[tuple[str, str]] = []
    codes: list[tuple[str, Obis]] = []
    for point, code in place:
        meaning = context.meanings[code]
        assert meaning is not None, "a code without meaning has no good values"
        names.append((context.points.texts[point], meaning.channel))
        codes.append((context.codes.texts[code], meaning))
    slots = Slots(
        stream.reshape(-1), values.start, values.end - values.start, values.value,
        values.quality.astype(np.uint8), values.version, values.line,
    )  # fmt: skip
    runs = settle_slots(slots, names, delivery.report, zone=delivery.zone)
    runs, unused = combine(runs, names, codes, delivery.report, zone=delivery.zone)
    return to_blocks(runs, names, delivery.source), {place[key] for key in unused}


def _sums(stated: Stated, unused: set[tuple[int, int]], file: _File) -> list[Total]:
    """What the sender states per metering point and channel, for comparing with his own sums."""
    context = file.context
    width = len(context.codes.texts) + 1
    order = np.argsort(stated.point * width + stated.code, kind="stable")
    keys, first = np.unique((stated.point * width + stated.code)[order], return_index=True)
    value, start, end = (c[order] for c in (stated.value, stated.start, stated.end))
    found = []
    for at, key in enumerate(keys.tolist()):
        point, code = divmod(key, width)
        own = slice(first[at], first[at + 1] if at + 1 < len(first) else None)
        meaning = context.meanings[code]
        if (point, code) in unused or meaning is None:
            continue
        # Two limbs: a sum over a large file may not fit 64 bits.
        total = (int((value[own] >> 20).sum()) << 20) + int((value[own] & 0xFFFFF).sum())
        known = (start[own] > 0) & (end[own] > 0)
        bounds = (
            (int(start[own][known].min()), int(end[own][known].max()))
            if known.any()
            else (None, None)
        )
        name = context.points.texts[point]
        found.append(Total(name, meaning.channel, len(known), total, *bounds))
    return found


def _dials(values: Values, file: _File) -> tuple[pa.Table, list[Total]]:
    """Readings of dials and demands; the register is the OBIS code as the sender writes it.

    A point whose message names no meter has one of the point's own name.
    """
    context, delivery = file.context, file.delivery
    own = np.array([context.meters.number(text) for text in context.points.texts], np.int64)
    meter = np.where(values.meter < 0, own[values.point], values.meter)
    buckets = Names()
    bucket = np.array(
        [buckets.number(meaning.bucket if meaning else "") for meaning in context.meanings],
        np.int64,
    )
    none, zero = np.full(len(values.row), -1, np.int64), np.zeros(len(values.row), np.int64)
    kind = np.where(values.kind == DEMAND, KINDS.index("demand"), KINDS.index("cumulative"))
    dials = Dials(
        values.point, meter, values.code, values.channel, bucket[values.code], kind, values.start,
        values.value, none, none, values.quality, zero, values.version, values.line,
    )  # fmt: skip
    texts = (context.points.texts, context.meters.texts, context.codes.texts, buckets.texts)
    return settle_dials([dials], texts, delivery.report, delivery.source)


def _periods(values: Values, file: _File) -> None:
    """Energy of longer periods: kept as remarks, and said; no bill is made from it."""
    report = file.delivery.report
    columns = (
        values.point, values.channel, values.code, values.start, values.end, values.version,
        values.quality, values.value,
    )  # fmt: skip
    if not len(values.row):
        return
    _, first = np.unique(np.stack(columns), axis=1, return_index=True)
    if twins := len(values.row) - len(first):
        report.duplicates += twins
        report.note("intake.register.duplicate", count=twins)
    values = values.take(np.sort(first))
    report.note("intake.mscons.period", count=len(values.row), line=int(values.line.min()))
    file.said.periods(values)
