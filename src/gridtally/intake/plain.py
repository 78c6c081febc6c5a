"""Step 2: plain CSV, split by Arrow's parser: no quotation marks, no blank lines, no ragged rows.

Whatever is not plain is left to the strict reader of `text.py`, which says what is wrong with it:
this one never judges, and gives the same cells or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from gridtally.intake import times
from gridtally.intake.text import COMMA, QUOTE, Names
from gridtally.intake.times import Times
from gridtally.periods import Zone

__all__ = ["Plain", "PlainColumn", "plain_piece"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_BLOCK = 2 << 20
"""Bytes that one thread of Arrow takes at a time."""
_PAD = 64
"""Words are read beyond the last cell: see `text.packed`."""
_FEW = pa.dictionary(pa.int32(), pa.string())


class PlainColumn:
    """One column of a piece, as `formats.common.Column` has it."""

    def __init__(self, array: pa.ChunkedArray, line: Ints) -> None:
        self._line = line
        if pa.types.is_dictionary(array.type):
            array = array.unify_dictionaries().combine_chunks()
            self._code: Ints | None = array.indices.to_numpy().astype(np.int64)
            self.data, starts, ends = _positions([array.dictionary])
            self._first, self._after = starts, ends
            self.starts, self.ends = starts[self._code], ends[self._code]
        else:
            self._code = None
            self.data, self.starts, self.ends = _positions(array.chunks)

    @property
    def empty(self) -> Bools:
        """Rows in which the cell is empty."""
        none: Bools = self.starts >= self.ends
        return none

    def codes(self, names: Names) -> Ints:
        """The cells as numbers of `names`."""
        code, texts = self._distinct()
        return names.encode(code, texts)

    def one_of(self, choices: Mapping[str, int], *, fold: bool = False) -> Ints:
        """The number that `choices` gives each cell, -1 where it has none."""
        code, texts = self._distinct()
        folded = [text.lower() for text in texts] if fold else texts
        table = np.array([choices.get(text, -1) for text in folded], dtype=np.int64)
        return table[code] if len(code) else code

    def instants(self, *, zone: Zone | None, as_of: int) -> Times:
        """The cells as instants; texts that repeat are read once."""
        if self._code is None:
            return times.instants(self.data, self.starts, self.ends, zone=zone, as_of=as_of)
        found = times.instants(self.data, self._first, self._after, zone=zone, as_of=as_of)
        return Times(found.value[self._code], found.state[self._code])

    def text(self, row: int) -> str:
        """The cell of one row."""
        return self.data[self.starts[row] : self.ends[row]].tobytes().decode("utf-8", "replace")

    def line(self, row: int) -> int:
        """The line of one row."""
        return int(self._line[row])

    def _distinct(self) -> tuple[Ints, list[str]]:
        if self._code is not None:
            cells = zip(self._first.tolist(), self._after.tolist(), strict=True)
            return self._code, [self.data[a:b].tobytes().decode() for a, b in cells]
        texts = [self.text(row) for row in range(len(self.starts))]
        known = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        return np.array([known[text] for text in texts], dtype=np.int64), list(known)


def _positions(chunks: Sequence[pa.StringArray]) -> tuple[Bytes, Ints, Ints]:
    """The text of all cells one after the other, and where each begins and ends."""
    pieces, bounds, total = [], [], 0
    for chunk in chunks:
        _, offsets, data = chunk.buffers()
        at = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if data is not None:
            pieces.append(np.frombuffer(data, np.uint8)[at[0] : at[-1]])
        bounds.append(at.astype(np.int64) - int(at[0]) + total)
        total += int(at[-1] - at[0])
    text = np.concatenate([*pieces, np.zeros(_PAD, np.uint8)])
    none = [np.zeros(0, np.int64)]
    starts = np.concatenate([part[:-1] for part in bounds] or none)
    return text, starts, np.concatenate([part[1:] for part in bounds] or none)


class Plain:
    """Rows of a piece of a file, as `text.Cells` has them, column by column.

    `line`: the line of each row, shape (rows,). `last`: this piece ends the file.
    """

    def __init__(self, table: pa.Table, line: int, *, last: bool) -> None:
        self._table, self.last = table, last
        self.line: Ints = np.arange(line, line + table.num_rows, dtype=np.int64)
        self._columns: dict[int, PlainColumn] = {}

    @property
    def rows(self) -> int:
        """How many rows the piece has."""
        return int(self._table.num_rows)

    @property
    def count(self) -> Ints:
        """Cells in each row. Shape (rows,)."""
        return np.full(self.rows, self._table.num_columns, np.int64)

    def column(self, place: int) -> PlainColumn:
        """The column at a place of the header."""
        if place not in self._columns:
            self._columns[place] = PlainColumn(self._table.column(place), self.line)
        return self._columns[place]

    def text(self, row: int, column: int) -> str:
        """One cell as text; empty where there is no such column."""
        return self.column(column).text(row) if column < self._table.num_columns else ""

    def row_text(self, row: int) -> str:
        """A whole row as it stands in the file."""
        return ",".join(self.text(row, place) for place in range(self._table.num_columns))


def plain_piece(
    data: Bytes, line: int, *, width: int, long: Sequence[int], last: bool
) -> Plain | None:
    """The rows of a piece that begins a line and ends one; None when it is not plain.

    `width` columns, of which those at the places `long` seldom repeat a text.
    """
    if not len(data) or (data == QUOTE).any():
        return None
    names = [str(place) for place in range(width)]
    types = {name: pa.string() if place in long else _FEW for place, name in enumerate(names)}
    own = pa.allocate_buffer(len(data))  # Arrow's workers hold no memory of Python's
    np.frombuffer(own, np.uint8)[:] = data
    try:
        table = csv.read_csv(
            pa.BufferReader(own),
            read_options=csv.ReadOptions(column_names=names, block_size=_BLOCK),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(column_types=types, check_utf8=False),
        )
    except pa.ArrowInvalid:
        return None
    if np.count_nonzero(data == COMMA) != table.num_rows * (width - 1):
        return None  # a blank line, which Arrow takes for a row
    return Plain(table, line, last=last)
