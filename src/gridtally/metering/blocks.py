"""Steps 3-5: readings as dense integer blocks, metering points x intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ACTUAL", "ESTIMATED", "LETTERS", "MISSING", "SUBSTITUTED", "Dense"]

MISSING, ESTIMATED, SUBSTITUTED, ACTUAL = 0, 1, 2, 3
"""Quality codes in rank order; `LETTERS[code]` is the letter of `terms.Quality`."""
LETTERS = "NESA"


@dataclass(frozen=True, slots=True)
class Dense:
    """One channel of many metering points over one span of time, without holes in the grid.

    `values` [10^-6 kWh or kvarh] and `quality` have shape (points, intervals); where quality is
    MISSING the value is 0 and means nothing.
    """

    points: tuple[str, ...]
    channel: str
    start_utc: int
    resolution_s: int
    values: npt.NDArray[np.int64]
    quality: npt.NDArray[np.uint8]

    @property
    def end_utc(self) -> int:
        return self.start_utc + self.values.shape[1] * self.resolution_s
