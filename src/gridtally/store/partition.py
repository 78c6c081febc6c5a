"""The store: which month and bucket a reading is filed under, for whole tables at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Part", "buckets_of", "split"]

Ints = npt.NDArray[np.int64]
Part = tuple[str, int, pa.Table]
"""Month as YYYY-MM, bucket, sorted rows."""


def buckets_of(points: Sequence[str], buckets: int) -> Ints:
    """The bucket of each metering point: the first 8 bytes of SHA-256 of its name, modulo.

    Fixed for ever: files of earlier loads were filed by it.
    """
    heads = b"".join(hashlib.sha256(point.encode()).digest()[:8] for point in points)
    return (np.frombuffer(heads, dtype=">u8") % np.uint64(buckets)).astype(np.int64)


def split(table: pa.Table, *, middle: Ints, buckets: int, order: Sequence[str]) -> Iterator[Part]:
    """Cut a table by month and bucket; rows of a part are sorted by metering point and `order`.

    `middle` [UTC s] is the instant that decides on the month: that of a block's middle, so that a
    local day lies in its own month in nearly every zone.
    """
    points = pc.dictionary_encode(table["metering_point"].combine_chunks())
    names = points.dictionary
    rank = np.argsort(pc.sort_indices(names).to_numpy()) if len(names) else np.zeros(0, np.int64)
    code = points.indices.to_numpy()
    bucket = buckets_of(names.to_pylist(), buckets)[code] if len(names) else code
    month = middle.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    keys = [_key(table[name]) for name in reversed(order)]
    sequence = np.lexsort((*keys, rank[code], bucket, month))
    cuts = np.flatnonzero(np.diff(month[sequence]) | np.diff(bucket[sequence])) + 1
    for rows in np.split(sequence, cuts):
        if len(rows):
            name = str(np.datetime64(int(month[rows[0]]), "M"))
            yield name, int(bucket[rows[0]]), _take(table, rows)


def _key(column: pa.ChunkedArray) -> Ints:
    """Integers in the order of the column's values."""
    if pa.types.is_string(column.type):
        encoded = pc.dictionary_encode(column.combine_chunks())
        rank = np.argsort(pc.sort_indices(encoded.dictionary).to_numpy())
        ranked: Ints = rank[encoded.indices.to_numpy()]
        return ranked
    integers: Ints = column.cast(pa.int64()).to_numpy()
    return integers


def _take(table: pa.Table, rows: Ints) -> pa.Table:
    if len(rows) == rows[-1] - rows[0] + 1 and (np.diff(rows) == 1).all():
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))
