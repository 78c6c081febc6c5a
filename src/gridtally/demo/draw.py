"""Before step 1: random numbers that are the same on every machine and for every NumPy.

Only raw output of PCG64 is used, whose stream NumPy guarantees, and only integers are made from
it: no floating-point function whose last bit depends on the processor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Draw", "Ints"]

Ints = npt.NDArray[np.int64]
T = TypeVar("T")


class Draw:
    """A stream of draws named by `path`: another stream never moves this one."""

    def __init__(self, seed: int, *path: str | int) -> None:
        name = "/".join(str(part) for part in path).encode()
        key = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
        self.bits = np.random.PCG64(np.random.SeedSequence([seed, key]))
        self._pool: list[int] = []

    def bytes(self, *shape: int) -> Ints:
        """Uniform integers 0..255."""
        size = int(np.prod(shape))
        raw = self.bits.random_raw(-(-size // 8) or 1).astype("<u8").view(np.uint8)
        return raw[:size].reshape(shape).astype(np.int64)

    def below(self, limit: int, *shape: int) -> Ints:
        """Uniform integers 0..limit-1; `limit` is far below 2^32."""
        raw = self.bits.random_raw(int(np.prod(shape)) or 1)
        high = (raw >> np.uint64(32)).astype(np.int64)
        return ((high * limit) >> 32)[: int(np.prod(shape))].reshape(shape)

    def between(self, low: int, high: int) -> int:
        """One integer low..high, both included."""
        if not self._pool:
            self._pool = (self.bits.random_raw(64) >> np.uint64(32)).tolist()
        return low + (self._pool.pop() * (high - low + 1) >> 32)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.between(0, len(items) - 1)]

    def chance(self, per_thousand: int) -> bool:
        """True in so many of a thousand cases."""
        return self.between(0, 999) < per_thousand

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a drawn order."""
        order = np.argsort(self.bits.random_raw(len(items) or 1)[: len(items)], kind="stable")
        return [items[int(i)] for i in order]
