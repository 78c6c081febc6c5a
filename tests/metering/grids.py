"""Small grids for tests of steps 3 to 5."""

import numpy as np

from gridtally.metering.blocks import ACTUAL, MISSING, Dense

THURSDAY = 1_767_225_600
"""2026-01-01T00:00:00Z"""
KWH = 1_000_000


def grid(rows, *, start=THURSDAY, step=3600, channel="import", points=None):
    """A Dense of rows of values [10^-6 kWh]; None is missing."""
    values = np.array([[value or 0 for value in row] for row in rows], dtype=np.int64)
    quality = np.array(
        [[MISSING if value is None else ACTUAL for value in row] for row in rows], dtype=np.uint8
    )
    points = points or tuple(f"P{n}" for n in range(len(rows)))
    return Dense(tuple(points), channel, start, step, values, quality)


def wave(days=1, size=24, low=200_000):
    """A plausible load: never flat, never zero, no spike."""
    return [low + 10_000 * ((7 * n) % 11) for n in range(days * size)]
