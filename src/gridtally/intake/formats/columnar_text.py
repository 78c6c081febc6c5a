"""Step 2: plain columns become the cells of a CSV, so that their rows are judged by the same rules.

Whole columns, exactly: a decimal is written digit by digit, an instant with its Z. Numbers that are
binary fractions are written as they print, which is only done where a rounding is declared.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.intake.text import FIELD_MAX
from gridtally.intake.words import refuse

__all__ = ["csv_of", "texts_of"]

_NOTHING, _COMMA, _MARK, _END, _MINUS, _DOT, _ZULU = (
    pa.scalar(text, pa.large_string()) for text in ("", ",", '"', "\n", "-", ".", "Z")
)
_BATCH_MAX = 256 << 20
"""Most bytes of text in a batch."""
_FIRST, _LAST = -631_152_000, 2_840_140_799
"""1950 and 2059: instants beyond are as wrong as these, and have no text. [s]"""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_TINY = -20
"""Numbers below 10^-20 are as good as that one: any rounding that is declared makes 0 or a step."""
_SCIENTIFIC = r"^(?P<sign>-?)(?P<whole>\d)\.?(?P<part>\d*)e-(?P<power>\d+)$"


def csv_of(batch: pa.RecordBatch, *, row: int, file: str) -> bytes:
    """The rows of a batch as lines of a CSV; `row` is the number of the first."""
    cells = [
        _quoted(texts_of(column, name=name, row=row, file=file))
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    size = sum(int(pc.sum(pc.binary_length(cell)).as_py() or 0) for cell in cells)
    _limit(size, file)
    cells[-1] = pc.binary_join_element_wise(cells[-1], _END, _NOTHING)
    lines = pc.binary_join_element_wise(*cells, _COMMA)
    return b"".join(_bytes(lines))


def texts_of(column: pa.Array, *, name: str, row: int, file: str) -> pa.Array:
    """A column as text; nothing where it has no value. Refuses control characters, long cells."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        lengths = pc.fill_null(pc.binary_length(_text(column.dictionary)).take(column.indices), 0)
        _limit(int(pc.sum(lengths).as_py() or 0), file)
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_decimal(kind):
        text = _decimals(column)
    elif pa.types.is_timestamp(kind):
        text = _instants(column)
    elif pa.types.is_floating(kind):
        text = _floats(column)
    else:
        text = _text(column)
    _check(text, name=name, row=row, file=file)
    return pc.fill_null(text, "")


def _text(column: pa.Array) -> pa.Array:
    return column.cast(pa.large_string())


def _limit(size: int, file: str) -> None:
    if size > _BATCH_MAX:
        raise refuse("intake.table.large", file=file, expected=f"{_BATCH_MAX >> 20} MiB of text")


def _bytes(column: pa.Array) -> list[bytes]:
    """What the texts of a column say, one after the other."""
    _, offsets, data = column.buffers()
    place = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return [] if data is None else [bytes(memoryview(data)[place[0] : place[-1]])]


def _check(text: pa.Array, *, name: str, row: int, file: str) -> None:
    """Refuse what no cell of a CSV may hold."""
    longest = pc.max(pc.binary_length(text)).as_py() or 0
    if longest > FIELD_MAX:
        raise refuse("intake.csv.field", file=file, line=row)
    joined = np.frombuffer(b"".join(_bytes(text)), np.uint8)
    low = np.flatnonzero(joined < 32)
    if low.size:
        ends = np.cumsum(pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False))
        at = int(np.searchsorted(ends, low[0], side="right"))
        raise refuse("intake.file.control", file=file, line=row + at, text=str(int(joined[low[0]])))


def _quoted(text: pa.Array) -> pa.Array:
    """Cells with a comma or a quotation mark between quotation marks."""
    odd = pc.match_substring_regex(text, '[",]')
    if not pc.any(odd).as_py():
        return text
    inside = pc.replace_substring(text, '"', '""')
    whole = pc.binary_join_element_wise(_MARK, inside, _MARK, _NOTHING)
    return pc.if_else(odd, whole, text)


def _decimals(column: pa.Array) -> pa.Array:
    """Decimals as plain text: Arrow itself writes small ones with an exponent."""
    scale = column.type.scale
    whole = column.cast(pa.decimal256(76, scale))
    if scale < 0:
        whole, scale = whole.cast(pa.decimal256(76, 0)), 0
    data = whole.buffers()
    digits = pa.Array.from_buffers(
        pa.decimal256(76, 0), len(whole), data, whole.null_count, whole.offset
    )
    text = _text(digits)
    if not scale:
        return text
    minus = pc.starts_with(text, "-")
    plain = pc.utf8_lpad(pc.utf8_ltrim(text, "-"), scale + 1, "0")
    before = pc.utf8_slice_codeunits(plain, 0, -scale)
    after = pc.utf8_rtrim(pc.utf8_slice_codeunits(plain, -scale), "0")
    sign = pc.if_else(minus, _MINUS, _NOTHING)
    point = pc.if_else(pc.equal(pc.binary_length(after), 0), _NOTHING, _DOT)
    return pc.binary_join_element_wise(sign, before, point, after, _NOTHING)


def _instants(column: pa.Array) -> pa.Array:
    """Instants with Z where they are UTC instants, without where they are local times."""
    per = _PER_SECOND[column.type.unit]
    count = column.cast(pa.int64())
    count = pc.if_else(pc.less(count, _FIRST * per), _FIRST * per, count)
    count = pc.if_else(pc.greater(count, _LAST * per), _LAST * per, count)
    whole = pc.multiply(pc.divide(count, per), per)
    text = pc.if_else(
        pc.equal(whole, count),
        _text(pc.divide(count, per).cast(pa.timestamp("s"))),
        _text(count.cast(pa.timestamp(column.type.unit))),
    )
    if column.type.tz is None:
        return text
    return pc.binary_join_element_wise(text, _ZULU, _NOTHING)


def _floats(column: pa.Array) -> pa.Array:
    """Binary fractions as they print, small ones written out: 1e-07 is 0.0000001."""
    text = _text(column)
    if not pc.any(pc.match_substring(text, "e-")).as_py():
        return text
    parts = pc.extract_regex(text, _SCIENTIFIC)
    fields: Mapping[str, pa.Array] = {
        field.name: parts.field(index) for index, field in enumerate(parts.type)
    }
    written = pc.fill_null(fields["power"], "")
    zero = pa.scalar("0", written.type)
    power = pc.if_else(pc.equal(written, ""), zero, written).cast(pa.int64())
    digits = pc.binary_join_element_wise(fields["whole"], fields["part"], _NOTHING)
    for each in pc.unique(power).to_pylist():
        zeros = "0." + "0" * (min(each, -_TINY) - 1)
        written = pc.binary_join_element_wise(
            fields["sign"], pa.scalar(zeros, digits.type), digits, _NOTHING
        )
        here = pc.and_(pc.equal(power, each), pc.greater(power, 0))
        text = pc.if_else(pc.fill_null(here, False), written, text)
    return text
