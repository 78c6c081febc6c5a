"""The door for measuring, estimates: readings are masked, estimated, and compared with the truth.

`./run bench estimates [--data FOLDER]`, FOLDER with rows of real readings (`masks.read`). Each gap
is set beside two peers on the same gap: the same hours a week before, and a straight line. Nothing
that is measured here is read by a run; floats are shares in a report, never energy.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.bench.masks import (
    DAY,
    HOUR,
    LONG,
    Masked,
    Year,
    long_gaps,
    read,
    short_gaps,
    town,
)
from gridtally.errors import UsageError
from gridtally.metering.blocks import Dense
from gridtally.metering.estimate import estimate
from gridtally.metering.estimate_bars import GAP_CLASSES
from gridtally.periods import zone

__all__ = ["LENGTHS", "compared", "measure", "report", "shown", "stage_estimates", "use"]

Ints = npt.NDArray[np.int64]
Record = dict[str, Any]

LENGTHS = tuple(hours * HOUR for hours in (1, 3, 6, 12, 24, 48, 72, 168))
"""Lengths of the gaps [s]; in readings finer than an hour also half an hour."""
PEAK, PEAK_PRICE, OTHER_PRICE = range(16, 21), 3, 1
"""A plain calendar: Monday to Friday from 16 to 21 at three times the price of all other hours."""
DATA = "GRIDTALLY_HOMES"
"""Names the folder with rows of real readings; else the demo's town alone is measured."""
BY = ("method", "class", "channel", "gap")
_NAMES = ("up to 1 h", "up to 6 h", "up to 1 day", "up to 3 days", "up to 7 days", "longer")


def measure(
    years: Sequence[Year], *, copies: int = 2, months: int | None = None,
    lengths: Sequence[int] = LENGTHS, rare: bool = True,
) -> list[Record]:  # fmt: skip
    """A record per gap: what it is, its energy, its estimate, and those of the peers.

    `months`: not all of them, but at most about so many, and one in four of the rare gaps.

    `rare`: also the gaps that only a register, a year before or a class profile can fill.
    """
    found: list[Record] = []
    for year in years:
        finer = (HOUR // 2,) if year.dense.resolution_s < HOUR else ()
        for length in (*finer, *lengths):
            found += compared(short_gaps(year, length, copies=copies, months=months))
            if rare:
                found += compared(
                    short_gaps(year, length, copies=copies, months=months, register=True)
                )
        for rung in LONG if rare else ():
            found += compared(long_gaps(year, rung, every=4 if months else 1))
    return found


def compared(masks: Iterable[Masked]) -> Iterator[Record]:
    """Estimate what is masked, and set it against the truth."""
    for mask in masks:
        result, made, _ = estimate(
            mask.given, zone=mask.year.zone, past=mask.past, totals=mask.totals, help=mask.help
        )
        yield from _records(mask, result, made)


def _records(mask: Masked, result: Dense, made: pa.Table) -> Iterator[Record]:
    step, truth = mask.truth.resolution_s, mask.truth
    row_of = {point: row for row, point in enumerate(truth.points)}
    local = zone(mask.year.zone).to_local(truth.start_utc + np.arange(truth.values.shape[1]) * step)
    weekday, hour = (local // DAY + 3) % 7, local % DAY // HOUR
    peak = (weekday < 5) & (hour >= PEAK.start) & (hour < PEAK.stop)
    both = np.concatenate([mask.weeks.values, truth.values], axis=1)
    before, week = mask.weeks.values.shape[1], 7 * DAY // step
    for row in made.to_pylist():
        place = row_of[row["metering_point"]]
        low, high = ((row[key] - truth.start_utc) // step for key in ("start_utc", "end_utc"))
        back = before - week * (1 + (high - low - 1) // week)
        ways = {
            "": result.values[place, low:high],
            "week_": both[place, back + low : back + high],
            "line_": _line(mask, place, low, high),
        }
        actual, on = truth.values[place, low:high], peak[low:high]
        size = int(np.searchsorted(np.array(GAP_CLASSES), row["end_utc"] - row["start_utc"]))
        record = {
            "class": mask.year.name, "channel": truth.channel, "gap": _NAMES[size],
            "hours": (row["end_utc"] - row["start_utc"]) / HOUR,
            "method": row["method"], "point": truth.points[place].split("/")[0],
            "energy": int(actual.sum()), "peak": int(actual[on].sum()),
            "low": row["low_ukwh"], "high": row["high_ukwh"],
        }  # fmt: skip
        for name, values in ways.items():
            record[f"{name}estimate"] = int(values.sum())
            record[f"{name}estimate_peak"] = int(values[on].sum())
        yield record


def _line(mask: Masked, place: int, low: int, high: int) -> Ints:
    """A straight line from the reading before the gap to the one after it."""
    values, size = mask.truth.values[place], high - low
    left = int(values[low - 1]) if low else int(mask.weeks.values[place, -1])
    right = int(values[high]) if high < len(values) else left
    line: Ints = left + (right - left) * np.arange(1, size + 1) // (size + 1)
    return line


# ------------------------------------------------------------------- reporting


def report(records: Sequence[Record], by: Sequence[str]) -> list[Record]:
    """A row per class of gaps, with the errors of all three ways and the coverage."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record[key] for key in by), []).append(record)
    order = {name: number for number, name in enumerate(_NAMES)}
    ordered = sorted(groups, key=lambda key: [(order.get(part, 0), part) for part in key])
    return [dict(zip(by, key, strict=True)) | _quality(groups[key]) for key in ordered]


_FIGURES = ("energy", "peak", "low", "high", "estimate", "estimate_peak", "week_estimate",
            "week_estimate_peak", "line_estimate", "line_estimate_peak")  # fmt: skip


def _quality(mine: Sequence[Record]) -> Record:
    """Errors as shares of the energy or the money of all gaps of a class."""
    of = {key: np.array([record[key] for record in mine], dtype=float) for key in _FIGURES}
    energy, peak = of["energy"], of["peak"]
    inside = (of["low"] <= energy) & (energy <= of["high"])
    certain = (of["high"] == 0) & (energy == 0)
    told: Record = {"n": len(mine), "coverage": _share(inside.sum(), len(mine))}
    told["open"] = _share((~certain).sum(), len(mine))
    told["coverage_open"] = _share(inside[~certain].sum(), (~certain).sum())
    rise = PEAK_PRICE - OTHER_PRICE
    cost = OTHER_PRICE * energy + rise * peak
    for name in ("", "week_", "line_"):
        value, on = of[f"{name}estimate"], of[f"{name}estimate_peak"]
        # shares of the peak, weighed by the energy of the gap
        split = np.abs(on * energy / np.maximum(value, 1) - peak)
        split = np.where(value > 0, split, np.minimum(peak, energy - peak))
        money = OTHER_PRICE * value + rise * on - cost
        told |= {
            f"{name}mae": _share(np.abs(value - energy).sum(), energy.sum()),
            f"{name}bias": _share((value - energy).sum(), energy.sum()),
            f"{name}tou": _share(split.sum(), energy.sum()),
            f"{name}money": _share(np.abs(money).sum(), cost.sum()),
        }
    return told


def _share(part: Any, whole: Any) -> float:
    return round(float(part) / max(float(whole), 1.0), 4)


# ----------------------------------------------------------------------- stage


def use(folder: str | None) -> None:
    """Measure on the readings of a folder, also in processes that this one starts.

    Raises `UsageError` when a folder is named and none are there.
    """
    folder = folder or os.environ.get(DATA)
    if not folder:
        return
    if not any(Path(folder).glob("*.npz")):
        raise UsageError(
            f"There are no readings (*.npz) in {folder}.",
            remedy="docs/estimation.md says how to make them; without --data the town is measured.",
        )
    os.environ[DATA] = folder


def stage_estimates(_root: Path, _entries: object, points: int) -> Record:
    """Estimates of masked readings beside the same hours of the week before.

    The readings of the folder, if one is named, and `points` of each kind of the demo's town.
    `ratio` is the error of the energy to that of the peer, over all gaps that the
    weeks around them tell about; `classes` has a row per method, customer, channel and length.
    """
    started = time.perf_counter()
    years = town(each=points)
    found = measure(years, copies=1, months=2)
    real = read(Path(os.environ[DATA])) if os.environ.get(DATA) else []
    found += measure(real, copies=1, months=6)
    seconds = time.perf_counter() - started
    near = [r for r in found if r["method"] in ("linear", "like_days") and r["gap"] != _NAMES[-1]]
    started = time.perf_counter()
    whole = report(near, ("channel",))
    mine, peer = (sum(row[key] for row in whole) for key in ("mae", "week_mae"))
    return {
        "name": f"estimates, {len(found):,} gaps", "real": bool(real), "seconds": round(seconds, 2),
        "floor_seconds": round(time.perf_counter() - started, 2),
        "ratio": round(mine / peer, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "classes": report(found, BY),
    }  # fmt: skip


def shown(row: Record) -> str:
    """What a terminal shows of a stage beside its figures: the classes, if it has any."""
    if "classes" not in row:
        return ""
    note = [] if row["real"] else ["Drawn readings alone; --data names a folder of real ones."]
    return "\n".join(["", *_lines(row["classes"]), *note])


def _lines(classes: Sequence[Record]) -> Iterator[str]:
    """The classes for a terminal: shares in percent, each beside the week before, and a line."""
    yield (
        f"{'method':<19}{'customer':<9}{'channel':<16}{'gap':<13}{'gaps':>6}   energy (week, line)"
        f"{'bias':>8}   tou (week)    money (week)    in bars"
    )
    for row in classes:
        yield (
            f"{row['method']:<19}{row['class']:<9}{row['channel']:<16}{row['gap']:<13}"
            f"{row['n']:>6}{_pct(row, 'mae')}{_pct(row, 'week_mae')}{_pct(row, 'line_mae')}"
            f"{_pct(row, 'bias')}{_pct(row, 'tou')}{_pct(row, 'week_tou')}"
            f"{_pct(row, 'money')}{_pct(row, 'week_money')}{_pct(row, 'coverage')}"
        )


def _pct(row: Record, key: str) -> str:
    return f"{100 * row[key]:>8.1f}"
