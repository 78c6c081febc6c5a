"""Learn the widths of the intervals of estimates (`metering/bars.csv`) from masked readings.

    python tools/learn_bars.py HOMES_FOLDER

Reads homes 1 to 6 and a town of another seed than the demo's; what the report of
`./run bench estimates` shows is measured on the other homes and on the demo's town. A year
before is drawn only: the homes have no second one.
"""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from pathlib import Path

import home_readings
import numpy as np

from gridtally.bench import estimates, masks
from gridtally.metering import estimate as step
from gridtally.metering.estimate_bars import GAP_CLASSES, VARIABILITY, gap_class
from gridtally.metering.estimate_gaps import METHODS

TARGET = Path(__file__).parents[1] / "src" / "gridtally" / "metering" / "bars.csv"
SEED = 7
OFTEN, SUN, RARE = 40, 46, 55
"""Permille of the masked gaps that lie below, and above: of rungs that are used often, of the same
in export, and of rungs that are used rarely.

Other homes are a little less certain than those that were learned from. Where the sun does not
shine there is nothing to miss, which is not counted here.
"""
HOMES = 8
"""How much a real home counts among drawn points, for the rare rungs."""
MONTHS = ("like_days", "day_types")
FEW = 60
HEAD = """# Widths of 90 % intervals, learned by tools/learn_bars.py from masked readings: homes
# 1 to 6 of the CityLearn challenge 2022 (real, MIT) and drawn towns of seeds from 7 on.
# Permille of the deviation; where variability is -1, of the estimate. n: gaps that it rests on.
"""


def main(folder: Path) -> None:
    """Mask, estimate, and write the quantiles."""
    step.bars = lambda gaps, runs, other, rung, energy: (0 * energy, other.deviation)
    homes = [masks.chosen(year, slice(0, 6)) for year in home_readings.homes(folder)]
    records = [{"real": True} | r for r in estimates.measure(homes, copies=4)]
    town = masks.town(seed=SEED, accounts=600, each=14)
    records += estimates.measure(town, copies=1, months=4)
    for seed in range(SEED, SEED + 10):  # two weeks each, so that weathers matter, not points
        for year in masks.town(seed=seed, accounts=300, each=10):
            records += estimates.compared(masks.long_gaps(year, "previous_year"))
    cells = defaultdict(list)
    for record in records:
        record.setdefault("real", False)
        method, _, register = record["method"].partition("+")
        alike = int(record["channel"] in ("export", "reactive_export"))
        length = int(gap_class(np.array(record["hours"] * 3600)))
        estimate, off = record["estimate"], record["high"] - record["estimate"]
        if (register and method != "even") or (off == 0 and estimate == 0):
            continue
        rare = method in masks.LONG or length == len(GAP_CLASSES)
        often = HOMES if rare and record["real"] else 1
        error = record["energy"] - estimate
        known = int(np.searchsorted(VARIABILITY, off * 1000 // max(estimate, 1)))
        # A gap of weeks is named by the rung that gave most of it.
        month = length == len(GAP_CLASSES) and method in MONTHS
        for way in MONTHS if month else (method,):
            if off > 0:
                cells[way, alike, length, known] += often * [error * 1000 // off]
            if estimate > 0:
                cells[way, alike, length, -1] += often * [error * 1000 // estimate]
    rows = [HEAD + "method,alike,gap_class,variability,below_permille,above_permille,n"]
    classes = (METHODS[1:], (0, 1), range(len(GAP_CLASSES) + 1), range(-1, len(VARIABILITY) + 1))
    for method, alike, length, known in itertools.product(*classes):
        found = pooled(cells, method, alike, length, known)
        often = SUN if alike else OFTEN
        rare = method in masks.LONG or length == len(GAP_CLASSES)
        tail = (RARE if rare else often) / 1000
        low, high = np.quantile(found, (tail, 1 - tail))
        widths = max(int(-low), 0), max(int(high), 0)
        rows.append(",".join(map(str, (method, alike, length, known, *widths, len(found)))))
    TARGET.write_text("\n".join(rows) + "\n")


def pooled(cells, method, alike, length, known):
    """The errors of a class; where there are few, with those of its neighbours."""
    kinds = [known] if known < 0 else range(len(VARIABILITY) + 1)
    lengths = sorted(range(len(GAP_CLASSES) + 1), key=lambda other: abs(other - length))
    methods = (method, "other_days", "like_days")
    tries = [
        [(method, alike, length, known)],
        [(method, alike, length, k) for k in kinds if abs(k - known) <= 1],
        [(method, alike, length, k) for k in kinds],
        *[[(m, a, other, k) for k in kinds]
          for m in methods for other in lengths for a in (alike, 1 - alike)],
    ]  # fmt: skip
    for keys in tries:
        found = list(itertools.chain.from_iterable(cells[key] for key in keys))
        if len(found) >= FEW:
            return found
    raise SystemExit(f"nothing measured for {method}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
