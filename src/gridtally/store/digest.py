"""The store: what a table says, as one SHA-256 that no file layout and no row order can change.

The canonical text of a table is that of PostgreSQL's COPY: one line per row, cells separated by a
tab, absent cells as `\\N`, lines sorted by their bytes. So `sort` and `sha256sum` can check it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Canonical", "canonical", "hash_root", "merkle_root", "table_digest"]

Ints = npt.NDArray[np.int64]
_TEXT = pa.large_string()
_ESCAPES = (
    ("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"),
    *((chr(code), f"\\x{code:02x}") for code in range(0x20) if code not in (9, 10, 13)),
)  # fmt: skip
_TINY = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Canonical:
    """The canonical text of a table: sorted rows one after the other."""

    header: str
    text: memoryview
    starts: Ints
    """Where each row begins, and where the last one ends."""
    first: pa.Array
    """The cells of the first column, in the order of the rows."""

    @property
    def digest(self) -> str:
        """Hex SHA-256 over the header line and the rows."""
        total = hashlib.sha256(self.header.encode())
        total.update(self.text)
        return total.hexdigest()

    @property
    def rows(self) -> pa.Array:
        """The rows as text, line feeds included."""
        offsets, data = pa.py_buffer(self.starts), pa.py_buffer(self.text)
        return pa.LargeStringArray.from_buffers(len(self.first), offsets, data)

    def groups(self) -> tuple[pa.Array, Ints]:
        """The distinct texts of the first column in order, and where the rows of each begin."""
        runs = pc.run_end_encode(self.first, run_end_type=pa.int64())
        edges = np.concatenate([[0], runs.run_ends.to_numpy()]) if len(self.first) else [0]
        return runs.values, self.starts[np.asarray(edges, dtype=np.int64)]


def table_digest(table: pa.Table) -> str:
    """Hex SHA-256 of what a table says."""
    return canonical(table).digest


def canonical(table: pa.Table) -> Canonical:
    """The canonical text of a table. Its columns count in their order; there must be one."""
    header = "\t".join(f"{field.name}:{field.type}" for field in table.schema) + "\n"
    if not table.num_rows:
        return Canonical(header, memoryview(b""), np.zeros(1, np.int64), pa.array([], _TEXT))
    cells = [_text(table[name].combine_chunks()) for name in table.column_names]
    order = _order(cells)
    first = cells[0]
    cells[-1] = pc.binary_join_element_wise(cells[-1], _scalar("\n"), _scalar(""))
    rows = pc.binary_join_element_wise(*cells, _scalar("\t"))
    if order is not None:
        rows, first = rows.take(pa.array(order)), first.take(pa.array(order))
    _, offsets, data = rows.buffers()
    starts = np.frombuffer(offsets, np.int64)[rows.offset : rows.offset + len(rows) + 1]
    text = memoryview(data)[int(starts[0]) : int(starts[-1])]
    return Canonical(header, text, starts - starts[0], first)


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, _TEXT)


def _text(column: pa.Array) -> pa.Array:
    """The cells of a column as text."""
    kind = column.type
    assert not pa.types.is_floating(kind), "a binary float has no canonical text"
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        cells = _escaped(column.cast(_TEXT))
    elif pa.types.is_decimal(kind):
        cells = _decimals(column)
    elif pa.types.is_timestamp(kind):
        cells = column.cast(pa.timestamp("s", tz=kind.tz)).cast(pa.int64()).cast(_TEXT)
    elif pa.types.is_list(kind):
        cells = _lists(column)
    else:
        cells = column.cast(_TEXT)
    return pc.fill_null(cells, "\\N") if column.null_count else cells


def _escaped(cells: pa.Array) -> pa.Array:
    data = cells.buffers()[2]
    found = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    if (found < 0x20).any() or (found == 0x5C).any():  # bytes looked through at once, not cells
        for plain, escaped in _ESCAPES:
            cells = pc.replace_substring(cells, plain, escaped)
    return cells


def _decimals(column: pa.Array) -> pa.Array:
    """Decimals with all their places; Arrow itself writes those below 10^-6 with an exponent."""
    cells = column.cast(_TEXT)
    places = column.type.scale
    if places <= 6:
        return cells
    bound = pa.scalar(_TINY, pa.decimal128(38, places))
    tiny = pc.and_(pc.less(column, bound), pc.greater(column, pc.negate(bound)))
    if not pc.any(tiny).as_py():
        return cells
    few = pc.dictionary_encode(pc.if_else(tiny, column, None))
    texts = [f"{value:.{places}f}".replace("-0." + "0" * places, "0." + "0" * places)
             for value in few.dictionary.to_pylist()]  # fmt: skip
    return pc.if_else(pc.fill_null(tiny, False), pa.array(texts, _TEXT).take(few.indices), cells)


def _lists(column: pa.Array) -> pa.Array:
    """`{1,2}` of a list of whole numbers."""
    flat = _text(pc.list_flatten(column))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    joined = pc.binary_join(pa.LargeListArray.from_arrays(offsets, flat), _scalar(","))
    text = pc.binary_join_element_wise(_scalar("{"), joined, _scalar("}"), _scalar(""))
    return pc.if_else(column.is_valid(), text, None)


def _order(cells: Sequence[pa.Array]) -> Ints | None:
    """The order of rows by bytes of their text; None when they are in it already.

    Column by column, and only as many columns as are needed to tell all rows apart. A tab sorts
    before every character of a cell, so this is the order of the whole lines.
    """
    keys: list[Ints] = []
    order = np.arange(len(cells[0]))
    for position, column in enumerate(cells):
        keys.append(_ranks(column))
        if position < min(2, len(cells) - 1):
            continue  # one column rarely tells rows apart: sort less often
        order = np.lexsort(keys[::-1])
        alike = np.ones(len(order) - 1, dtype=np.bool_)
        for key in keys:
            alike &= key[order[1:]] == key[order[:-1]]
        if not alike.any():
            break
    return None if (order[1:] > order[:-1]).all() else order


def _ranks(column: pa.Array) -> Ints:
    """Integers that are ordered as the texts are by their bytes."""
    encoded = pc.dictionary_encode(column)
    ranks = np.empty(len(encoded.dictionary), dtype=np.int64)
    ranks[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(ranks))
    found: Ints = ranks[encoded.indices.to_numpy()]
    return found


def merkle_root(leaves: Iterable[bytes]) -> str:
    """Hex root over the leaves' data as in RFC 9162, section 2.1.1."""
    return hash_root(hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves).hex()


def hash_root(hashes: Iterable[bytes]) -> bytes:
    """The root [32 bytes] over leaf hashes."""
    level = list(hashes)
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        # Pairing neighbours level by level, an odd last one moving up, is the RFC's tree.
        pairs = zip(level[::2], level[1::2], strict=False)
        nodes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level = nodes + level[len(nodes) * 2 :]
    return level[0]
