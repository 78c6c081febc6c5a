"""Step 2: our own BLOCKS tables: a row per block of intervals, values as lists of whole millionths.

A row is accepted or quarantined whole, as in csv-wide. A null in a list is an interval without
value; `load_seq`, `source` and `line` are those of the reader, not of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake import times
from gridtally.intake.formats.columnar_text import texts_of
from gridtally.intake.formats.common import (
    CHANNEL_CODES,
    ENERGY_MAX,
    Delivery,
    Read,
    mark_names,
)
from gridtally.intake.report import Marks, shown
from gridtally.intake.runs import Runs, join, settle_runs, to_blocks, totals
from gridtally.intake.text import Names
from gridtally.intake.units import CHANNELS, QUALITIES
from gridtally.intake.words import refuse
from gridtally.periods import iso_utc

__all__ = ["NEEDED", "is_blocks", "read_blocks"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEEDED = ("metering_point", "channel", "start_utc", "resolution_s", "values")
_KNOWN = {*NEEDED, "quality", "version", "load_seq", "source", "line"}
_DAY = 86_400
_LONGEST = 1440
_BEYOND = 1 << 62
_LETTER = np.full(256, -1, np.int64)
for _text, _code in QUALITIES.items():
    _LETTER[ord(_text)] = _code


def is_blocks(names: Sequence[str]) -> bool:
    """Whether a table's columns are those of BLOCKS."""
    return {"start_utc", "values"} <= set(names)


def read_blocks(schema: pa.Schema, batches: Iterator[pa.RecordBatch], delivery: Delivery) -> Read:
    """The table's blocks. Raises `RefusedFile`."""
    _check(schema, delivery.file)
    points = Names()
    parts: list[Runs] = []
    rows = 0
    for batch in batches:
        parts.append(_take(batch, points, rows, delivery))
        rows += batch.num_rows
    if not rows:
        raise refuse("intake.file.rows", file=delivery.file, line=1)
    names = [(point, channel) for point in points.texts for channel in CHANNELS]
    runs = settle_runs(join(parts), names, delivery.report)
    return Read(rows, blocks=to_blocks(runs, names, delivery.source), totals=totals(runs, names))


def _check(schema: pa.Schema, file: str) -> None:
    """Refuse missing and unknown columns, and values that are no whole numbers."""
    names = schema.names
    missing = [name for name in NEEDED if name not in names]
    wrong = [name for name in names if name not in _KNOWN]
    double = sorted({name for name in names if names.count(name) > 1})
    parts = (("missing", missing), ("unknown", wrong), ("there twice", double))
    problems = [f"{what}: {', '.join(map(shown, found))}" for what, found in parts if found]
    if problems:
        raise refuse("intake.csv.columns", file=file, line=1, text="; ".join(problems))
    kinds = {
        "values": lambda kind: pa.types.is_nested(kind) and pa.types.is_integer(kind.value_type),
        "start_utc": lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None,
        "resolution_s": pa.types.is_integer,
        "version": lambda kind: pa.types.is_integer(kind) or pa.types.is_null(kind),
    }
    for name, fits in kinds.items():
        if name in names and not fits(schema.field(name).type):
            raise refuse(
                "intake.table.type", file=file, text=shown(name),
                expected=str(schema.field(name).type),
            )  # fmt: skip


def _take(batch: pa.RecordBatch, points: Names, before: int, delivery: Delivery) -> Runs:
    """The good rows of a batch as runs; the others are set aside."""
    count = batch.num_rows
    line = before + 1 + np.arange(count)
    marks = Marks(count)
    point = _codes(batch, "metering_point", before, points, delivery.file)
    mark_names(point, points, marks, 0)
    words = Names()
    channel_text = _codes(batch, "channel", before, words, delivery.file)
    known = np.array([CHANNEL_CODES.get(text, -1) for text in words.texts], np.int64)
    channel = known[channel_text] if count else channel_text
    marks.set(channel < 0, "intake.channel.unknown", 1)
    start, seconds = _starts(batch, marks, delivery)
    values, missing, offsets = _values(batch, marks)
    quality = _qualities(batch, before, missing, offsets, marks, delivery.file)
    version = _numbers(batch, "version", marks)

    def describe(row: int, column: int) -> dict[str, object]:
        if column < 2:
            return {"text": shown(str(batch.column(NEEDED[column])[row].as_py() or ""))}
        return {"text": shown(iso_utc(int(start[row]))), "expected": int(seconds[row]) // 60}

    delivery.report.take(marks, line, describe, point=point, names=points.texts, channel=channel)
    runs = Runs(
        point * len(CHANNELS) + np.maximum(channel, 0), start, seconds, version, line, offsets,
        values, quality,
    )  # fmt: skip
    return runs.take(np.flatnonzero(marks.good))


def _codes(batch: pa.RecordBatch, name: str, before: int, names: Names, file: str) -> Ints:
    """A text column as numbers of names."""
    text = texts_of(batch.column(name), name=name, row=before + 1, file=file)
    coded = text.dictionary_encode()
    indices = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return names.encode(indices, coded.dictionary.to_pylist())


def _numbers(batch: pa.RecordBatch, name: str, marks: Marks) -> Ints:
    """Whole numbers that fit 64 bits; 0 for none, or where there is no such column."""
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, np.int64)
    found = _integers(batch.column(name), most=_BEYOND)
    marks.set((found < 0) | (found >= _BEYOND), "intake.version.number", 2)
    return found


def _integers(column: pa.Array, *, most: int) -> Ints:
    """Whole numbers of any width, 0 for none; what is beyond `most` may become it."""
    if pa.types.is_uint64(column.type):
        column = pc.min_element_wise(column, pa.scalar(most, column.type))
    return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))


def _starts(batch: pa.RecordBatch, marks: Marks, delivery: Delivery) -> tuple[Ints, Ints]:
    """The first instant of each block and the length of its intervals [s]."""
    column = batch.column("start_utc")
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    count = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    start = count // per
    fine = start == np.clip(start, times.EARLIEST, delivery.as_of + times.SLACK_S)
    marks.set(start < times.EARLIEST, "intake.time.past", 2)
    marks.set(start > delivery.as_of + times.SLACK_S, "intake.time.future", 2)
    marks.set(count % per != 0, "intake.time.pattern", 2)
    start = np.where(fine, start, 0)
    seconds = _integers(batch.column("resolution_s"), most=_BEYOND)
    usual = (seconds >= 60) & (seconds <= _DAY) & (_DAY % np.maximum(seconds, 1) == 0)
    marks.set(~usual, "intake.interval.length", 2)
    seconds = np.where(usual, seconds, 60)
    zone = delivery.zone
    local = start + zone.offset(start) if zone is not None else start
    grid = seconds if zone is not None else np.gcd(seconds, 900)
    marks.set(local % grid != 0, "intake.interval.grid", 2)
    return start, seconds


def _values(batch: pa.RecordBatch, marks: Marks) -> tuple[Ints, Bools, Ints]:
    """All values, which are missing, both of shape (n,), and where those of each row begin."""
    column = batch.column("values")
    length = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    length = length.astype(np.int64)
    marks.set((length < 1) | (length > _LONGEST), "intake.interval.length", 2)
    flat = column.flatten()
    missing = np.asarray(pc.is_null(flat).to_numpy(zero_copy_only=False))
    values = _integers(flat, most=ENERGY_MAX + 1)
    offsets = np.concatenate([[0], np.cumsum(length)])
    for wrong, code in (
        (values > ENERGY_MAX, "intake.value.large"),
        (values < 0, "intake.value.negative"),
    ):
        if wrong.any():
            rows = np.zeros(batch.num_rows, bool)
            rows[np.searchsorted(offsets, np.flatnonzero(wrong), side="right") - 1] = True
            marks.set(rows, code, 2)
    return values, missing, offsets


def _qualities(
    batch: pa.RecordBatch, before: int, missing: Bools, offsets: Ints, marks: Marks, file: str
) -> npt.NDArray[np.uint8]:
    """The quality code of each value: one letter for all of a row, or one for each; none is A."""
    length = np.diff(offsets)
    if "quality" not in batch.schema.names:
        return np.where(missing, 0, QUALITIES["A"]).astype(np.uint8)
    text = texts_of(batch.column("quality"), name="quality", row=before + 1, file=file)
    text = pc.if_else(pc.equal(text, ""), "A", text)
    size = pc.binary_length(text).to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(size)])
    letters = np.frombuffer("".join(text.to_pylist()).encode(), np.uint8)
    codes = _LETTER[letters]
    wrong = (size != 1) & (size != length)
    if (codes < 0).any():
        wrong[np.searchsorted(first, np.flatnonzero(codes < 0), side="right") - 1] = True
    marks.set(wrong, "intake.quality.unknown", 2)
    owner = np.repeat(np.arange(len(length)), length)
    within = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], length)
    place = first[owner] + np.where((size == 1)[owner] | wrong[owner], 0, within)
    quality = np.maximum(codes[place] if len(codes) else np.zeros(len(owner), np.int64), 0)
    return np.where(missing, 0, quality).astype(np.uint8)
