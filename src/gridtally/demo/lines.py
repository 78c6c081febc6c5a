"""Before step 1: many CSV lines at once: padded columns of bytes, then the padding is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gridtally.demo.draw import Ints

__all__ = ["cells", "column", "join"]

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
_SMALL = 65_536


def column(texts: Sequence[str]) -> Bytes:
    """Texts as bytes padded with NUL: shape (texts, longest)."""
    encoded = np.array([text.encode() for text in texts], dtype=np.bytes_)
    return encoded.view(np.uint8).reshape(len(texts), encoded.dtype.itemsize)


def join(*columns: Bytes) -> bytes:
    """Lines of the columns side by side, padding dropped. Each has one row, or as many as all."""
    rows = max(len(part) for part in columns)
    whole = np.concatenate(
        [np.broadcast_to(part, (rows, part.shape[1])) for part in columns], axis=1
    )
    return bytes(whole[whole != 0])


def cells(values: Ints, missing: Bools | None = None, absent: Bools | None = None) -> Bytes:
    """`,0.123` for each value [Wh] as kWh with three decimals; `,` alone where missing.

    `values` has shape (rows, cells) and none below zero; where `absent`, not even a comma is
    written. The result has shape (rows, cells x width).
    """
    rows = len(values)
    if values.size and int(values.max()) >= _SMALL:
        spelled = _spell(values.reshape(-1), 12)
        if missing is not None:
            spelled[missing.reshape(-1), 1:] = 0
    else:
        index = values if missing is None else np.where(missing, _SMALL, values)
        spelled = _table()[index].view(np.uint8).reshape(values.size, 8)
    if absent is not None:
        spelled[absent.reshape(-1)] = 0
    return spelled.reshape(rows, -1)


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint64]:
    """The eight bytes of every small value, and of a missing one as the last."""
    table = np.zeros((_SMALL + 1, 8), np.uint8)
    table[:_SMALL, :8] = _spell(np.arange(_SMALL), 7)[:, -8:]
    table[_SMALL, 0] = ord(",")
    return table.view(np.uint64).reshape(-1)


def _spell(values: Ints, width: int) -> Bytes:
    """A comma and the digits, right-aligned in 1 + `width` bytes, padding between them."""
    out = np.zeros((len(values), width + 1), np.uint8)
    out[:, 0] = ord(",")
    out[:, width - 3] = ord(".")
    places = [width - n for n in range(width) if n != 3]
    left = values.copy()
    for number, place in enumerate(places):
        shown = (left > 0) | (number <= 3)
        out[:, place] = np.where(shown, 48 + left % 10, 0)
        left //= 10
    assert not left.any(), "a value is too large for its column"
    return out
