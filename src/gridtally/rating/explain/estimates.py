"""Steps 6-7, seen from behind: the gaps that a segment's bill rests on, with method and inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.money import number
from gridtally.periods import iso_utc

__all__ = ["sentences", "told"]

Row = Mapping[str, Any]
_MICRO, _MOST = 10**6, 8


def told(estimates: pa.Table, point: str, spans: Sequence[Row]) -> list[dict[str, Any]]:
    """ESTIMATES of a metering point inside its spans, in order of channel and time, as text."""
    bounds = [(row["start_utc"], row["end_utc"]) for row in spans if row["start_utc"] is not None]
    if not bounds:
        return []
    low, high = min(start for start, _ in bounds), max(end for _, end in bounds)
    mine = estimates.filter(pc.equal(estimates["metering_point"], point)).to_pylist()
    rows = [row for row in mine if row["end_utc"] > low and row["start_utc"] < high]
    return [
        {
            "channel": row["channel"], "from": iso_utc(row["start_utc"]),
            "to": iso_utc(row["end_utc"]), "intervals": row["count"], "method": row["method"],
            "inputs": row["inputs"], "energy": _text(row["energy_ukwh"]),
            "low": _text(row["low_ukwh"]), "high": _text(row["high_ukwh"]),
        }
        for row in sorted(rows, key=lambda row: (row["channel"], row["start_utc"]))
    ]  # fmt: skip


def _text(value: int) -> str:
    return number(Fraction(value, _MICRO))


def sentences(rows: Sequence[Row]) -> Iterator[str]:
    """A line per gap for a terminal; of many, the first and how many there are."""
    for row in rows[:_MOST]:
        unit = "kvarh" if row["channel"].startswith("reactive") else "kWh"
        yield (
            f"estimated {row['channel']} {row['from']} to {row['to']}: {row['energy']} {unit} "
            f"(90 %: {row['low']} to {row['high']}), {row['method']}: {row['inputs']}"
        )
    if len(rows) > _MOST:
        yield f"and {len(rows) - _MOST} more estimated gaps; --json has all"
