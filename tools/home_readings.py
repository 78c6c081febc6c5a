"""The real homes of CityLearn's challenge 2022 as rows of readings, for estimates.

    python tools/home_readings.py HOMES_FOLDER OUT_FOLDER

HOMES_FOLDER has `Building_N.csv` (hourly load [kWh], sun per installed kW [W]). OUT_FOLDER gets the
readings of homes 7 to 12, of which nothing was learned, for `./run bench estimates --data`.
"""

from __future__ import annotations

import csv
import re
import sys
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np

from gridtally.bench.masks import HOUR, Year, chosen, whole, write

KWP = (4, 4, 4, 5, 4, 4, 4, 4, 4, 5, 5, 5)
"""Panels [kW] of each home, as the challenge states them."""
MICRO = Decimal("0.000001")


def homes(folder: Path) -> list[Year]:
    """Hourly import and export of the homes.

    Values are rounded half even to 10^-6 kWh. The first row, an hour of July, is left out.
    """
    found: dict[int, tuple[list[int], list[int]]] = {}
    for path in folder.glob("*.csv"):
        number = re.search(r"(\d+)$", path.stem)
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            if number and "non_shiftable_load" in (rows.fieldnames or ()):
                found[int(number[1])] = _net(list(rows), KWP[int(number[1]) - 1])
    start = int(datetime(2016, 8, 1, 8, tzinfo=UTC).timestamp())
    points = [f"home-{number:02d}" for number in sorted(found)]
    years = []
    for side, channel in enumerate(("import", "export")):
        values = np.array([found[number][side][1:] for number in sorted(found)], dtype=np.int64)
        years.append(Year("home", "Etc/GMT+8", whole(points, channel, start, HOUR, values)))
    return years


def _net(rows: list[dict[str, str]], kwp: int) -> tuple[list[int], list[int]]:
    """Import and export of a home [10^-6 kWh]."""
    net = [
        Decimal(row["non_shiftable_load"]) - Decimal(row["solar_generation"]) * kwp / 1000
        for row in rows
    ]
    micro = [int(value.quantize(MICRO, ROUND_HALF_EVEN) / MICRO) for value in net]
    return [max(value, 0) for value in micro], [max(-value, 0) for value in micro]


if __name__ == "__main__":
    if len(sys.argv) != 3 or not any(Path(sys.argv[1]).glob("*.csv")):
        sys.exit(f"{__doc__}\nHOMES_FOLDER must have the homes' CSV files.")
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for year in homes(Path(sys.argv[1])):
        write(chosen(year, slice(6, None)), out / f"home-{year.dense.channel}.npz")
