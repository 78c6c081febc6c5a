"""Step 2: exact integers become plain decimal text in whole columns: the way back of numbers.py.

No exponent, no thousands mark, no zeros at the end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["decimal", "decimals", "joined"]

Ints = npt.NDArray[np.int64]


def decimal(value: int, places: int) -> str:
    """`value` / 10^places as text, such as `-0.125`."""
    whole, part = divmod(abs(value), 10**places)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}" + (f".{part:0{places}d}".rstrip("0") if part else "")


def decimals(values: Ints, places: int) -> pa.StringArray:
    """`decimal` of a column: each value that repeats, as readings do, is written once."""
    distinct, codes = np.unique(values, return_inverse=True)
    texts = pa.array([decimal(value, places) for value in distinct.tolist()], pa.string())
    return texts.take(pa.array(codes.reshape(-1)))


def joined(texts: pa.StringArray, offsets: Ints) -> pa.StringArray:
    """Row r is `texts[offsets[r]:offsets[r + 1]]` with commas between."""
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), ",")
