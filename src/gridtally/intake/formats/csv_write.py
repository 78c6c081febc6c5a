"""Step 2, the way back: readings as `csv-long` and `csv-registers`, whole columns at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.decimals import decimals
from gridtally.intake.report import Report
from gridtally.intake.units import CHANNELS, POWER, unit_of
from gridtally.terms import RegisterKind

__all__ = ["write_long", "write_registers"]

Ints = npt.NDArray[np.int64]
_LONG = "metering_point,channel,start,value,unit,quality,version,resolution_min"
_REGISTERS = (
    "metering_point,meter,register,time,reading,unit,quality,reason,channel,bucket,kind,digits,"
    "multiplier,version"
)
_UNITS = {channel: unit_of(channel) for channel in CHANNELS}


def write_long(blocks: pa.Table, *, report: Report) -> bytes:
    """BLOCKS as `csv-long`, a row per interval. Empty without any."""
    seconds = blocks["resolution_s"].cast(pa.int64()).to_numpy()
    whole = (seconds % 60 == 0) & (seconds > 0)
    size = pc.list_value_length(blocks["values"]).to_numpy().astype(np.int64)
    if not whole.all():
        text = "intervals that are no whole minutes long"
        report.note("intake.convert.left", text=text, count=int(size[~whole].sum()))
        blocks = blocks.filter(pa.array(whole))
        seconds, size = seconds[whole], size[whole]
    values = blocks["values"].combine_chunks().flatten()
    if not len(values):
        return b""
    block = np.repeat(np.arange(len(size)), size)
    within = np.arange(len(block)) - np.repeat(np.cumsum(size) - size, size)
    start = blocks["start_utc"].cast(pa.int64()).to_numpy()[block] + within * seconds[block]
    of_block = pa.array(block)
    return _csv(
        _LONG,
        _quoted(blocks["metering_point"]).take(of_block),
        _text(blocks["channel"]).take(of_block),
        _instants(start),
        _numbers(values, 6),
        _words(blocks["channel"], _UNITS).take(of_block),
        _letters(blocks["quality"], size, values),
        _text(blocks["version"]).take(of_block),
        _text(pa.array(seconds // 60)).take(of_block),
    )


def write_registers(registers: pa.Table) -> bytes:
    """REGISTER_READINGS as `csv-registers`, a row per reading. Empty without any."""
    if not registers.num_rows:
        return b""
    demand = pc.equal(registers["kind"], str(RegisterKind.DEMAND))
    unit = pc.if_else(demand, POWER, _words(registers["channel"], _UNITS))
    quoted = (_quoted(registers[name]) for name in ("metering_point", "meter", "register"))
    plain = (_text(registers[name]) for name in ("quality", "reason", "channel"))
    return _csv(
        _REGISTERS,
        *quoted,
        _instants(registers["time_utc"].cast(pa.int64()).to_numpy()),
        _numbers(registers["reading"].combine_chunks(), 6),
        unit.combine_chunks() if isinstance(unit, pa.ChunkedArray) else unit,
        *plain,
        _quoted(registers["bucket"]),
        _text(registers["kind"]),
        _text(registers["digits"]),
        _numbers(registers["multiplier"].combine_chunks(), 6),
        _text(registers["version"]),
    )


def _csv(header: str, *columns: pa.Array) -> bytes:
    """Columns of text as a CSV file, with its number of rows at the end."""
    comma = pa.scalar(",", pa.large_string())
    texts = (column.cast(pa.large_string()) for column in columns)
    rows = pc.binary_join_element_wise(*texts, comma)
    return "\n".join([header, *rows.to_pylist(), f"#rows={len(rows)}", ""]).encode()


def _text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as text, nothing as empty text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return pc.fill_null(column.cast(pa.string()), "")


def _words(column: pa.ChunkedArray, words: dict[str, str]) -> pa.Array:
    """What each text stands for; empty where it stands for nothing."""
    coded = column.combine_chunks().dictionary_encode()
    found = [words.get(text, "") for text in coded.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(coded.indices)


def _quoted(column: pa.ChunkedArray) -> pa.Array:
    """Texts of strangers; those with a comma or a quotation mark are quoted."""
    coded = column.combine_chunks().dictionary_encode()
    found = [
        '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
        for text in coded.dictionary.to_pylist()
    ]
    return pa.array(found, pa.string()).take(coded.indices)


def _numbers(values: pa.Array, places: int) -> pa.Array:
    """Millionths as decimals, nothing as empty text."""
    texts = decimals(pc.fill_null(values, 0).to_numpy(zero_copy_only=False), places)
    return pc.if_else(pc.is_null(values), "", texts)


def _instants(seconds: Ints) -> pa.Array:
    """Instants as 2026-01-31T23:15:00Z; those that repeat, over meters, are written once."""
    coded = pa.array(seconds).dictionary_encode()
    times = coded.dictionary.cast(pa.timestamp("s", tz="UTC"))
    return pc.strftime(times, format="%Y-%m-%dT%H:%M:%SZ").take(coded.indices)


def _letters(quality: pa.ChunkedArray, size: Ints, values: pa.Array) -> pa.Array:
    """The quality of each interval; one letter stands for all of its block."""
    texts = quality.combine_chunks()
    width = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    raw = np.frombuffer("".join(texts.to_pylist()).encode(), np.uint8)
    place = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    first = np.repeat(np.cumsum(width) - width, size)
    letters = raw[first + np.where(np.repeat(width == size, size), place, 0)].copy()
    letters[pc.is_null(values).to_numpy(zero_copy_only=False)] = ord("N")
    offsets = np.arange(len(letters) + 1, dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(letters), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters))
    )
