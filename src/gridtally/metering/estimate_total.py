"""Step 4: estimates of a point whose register is known are scaled to it, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["allocated", "exact_sum"]

Ints = npt.NDArray[np.int64]

_SAFE = 1 << 62


def allocated(total: int, weights: Ints) -> Ints:
    """Split `total` [10^-6] in proportion to whole weights; the parts sum to it exactly.

    Largest remainder, equal ones to the earlier part; with all weights zero in equal parts:
    as `money.allocate`, for whole columns.
    """
    base = int(weights.sum())
    if base == 0:
        weights, base = np.ones_like(weights), len(weights)
    if total * int(weights.max(initial=0)) < _SAFE:
        parts, rests = np.divmod(total * weights, base)
    else:
        exact = [divmod(total * weight, base) for weight in weights.tolist()]
        parts = np.array([whole for whole, _ in exact], dtype=np.int64)
        rests = np.array([rest for _, rest in exact], dtype=np.int64)
    more = total - int(parts.sum())
    order = np.argsort(-rests, kind="stable")
    parts[order[:more]] += 1
    return parts


def exact_sum(values: Ints) -> int:
    """The sum of integers, whatever their size."""
    return (int((values >> 31).sum()) << 31) + int((values & (2**31 - 1)).sum())
