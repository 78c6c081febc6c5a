"""Steps 3-5: how findings on readings name instants, energy and stretches of slots."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from gridtally.money import MICRO
from gridtally.periods import Zone

__all__ = ["amount", "counted", "lasting", "runs", "unit", "when"]

Ints = npt.NDArray[np.int64]


def unit(channel: str) -> str:
    """kWh, or kvarh of a reactive channel."""
    return "kvarh" if channel.startswith("reactive") else "kWh"


def amount(value: int, name: str) -> str:
    """`1.5 kWh` of 1500000."""
    whole, rest = divmod(abs(int(value)), MICRO)
    text = f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"{'-' if value < 0 else ''}{text} {name}"


def counted(count: int, noun: str) -> str:
    """`1 day`, `3 days`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def lasting(seconds: int) -> str:
    """`2 h`, `45 min`, `2 h 15 min`."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    parts = [f"{hours} h"] if hours else []
    return " ".join(parts + [f"{minutes} min"] * bool(minutes or not parts))


def when(zone: Zone, utc: int) -> str:
    """Local wall-clock time of an instant, to the minute."""
    return f"{datetime.fromtimestamp(int(utc), zone.info):%Y-%m-%d %H:%M}"


def runs(mask: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Runs of True in the rows of a matrix: row, first column, column after the last."""
    width = mask.shape[1]
    flat = np.flatnonzero(mask)
    if not len(flat):
        return flat, flat, flat
    opens = np.r_[True, (np.diff(flat) > 1) | (flat[1:] % width == 0)]
    row, start = np.divmod(flat[opens], width)
    size = np.diff(np.r_[np.flatnonzero(opens), len(flat)])
    return row, start, start + size
