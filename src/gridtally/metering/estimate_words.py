"""Step 4: what an estimate was made from, in words, and the findings of the step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.blocks import ESTIMATED, Dense
from gridtally.metering.estimate_bars import Elsewhere
from gridtally.metering.estimate_gaps import METHODS, NONE, Gaps, Stretches
from gridtally.metering.words import amount, counted, lasting, unit, when
from gridtally.money import MICRO
from gridtally.periods import Zone
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["exceeds", "impossible", "inputs", "notes", "too_much"]

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

_WORDS = {
    "linear": "",
    "like_days": "same hours of {days} within four weeks, the nearest and those of its kind "
    "counting most, and the hour on either side",
    "day_types": "same hours of the days of its kind in the period, of {days} with readings",
    "previous_year": "same weekday and hour a year before, two weeks on either side, at the "
    "level of the readings there are",
    "other_days": "same hours of {days}",
    "class_profile": "usual energy of the point, spread as its customer segment uses it",
    "even": "spread evenly",
}


def inputs(gaps: Gaps, runs: Stretches, other: Elsewhere, rung: Sequence[int]) -> Iterator[str]:
    """What each stretch was estimated from."""
    name = unit(gaps.dense.channel)
    before = gaps.read(runs.place, runs.start - 1).tolist()
    after = gaps.read(runs.place, runs.end).tolist()
    first, last = other.first + gaps.calendar.first, other.last + gaps.calendar.first
    dates = zip(
        np.datetime_as_string(first.astype("datetime64[D]")).tolist(),
        np.datetime_as_string(last.astype("datetime64[D]")).tolist(),
        other.days.tolist(), strict=True,
    )  # fmt: skip
    for number, (way, (begin, end, days)) in enumerate(zip(rung, dates, strict=True)):
        told = _WORDS[METHODS[way]]
        if "{days}" in told:
            span = f"1 day, {begin}" if days == 1 else f"{days} days from {begin} to {end}"
            told = told.format(days=span)
        if METHODS[way] == "linear":
            told = f"between {amount(before[number], name)} and {amount(after[number], name)}"
            if days:
                told += f", on the shape of {days} days"
        yield told


# -------------------------------------------------------------------- findings


def _finding(gaps: Gaps, place: int, code: str, severity: Severity, tell: str, **more: Any) -> Row:
    point = gaps.dense.points[gaps.rows[place]]
    more = {"start_utc": gaps.dense.start_utc, "end_utc": gaps.dense.end_utc} | more
    return finding(
        f"metering.estimate.{code}", severity, f"{point} {gaps.dense.channel}: {tell}",
        metering_point=point, channel=gaps.dense.channel, **more,
    )  # fmt: skip


def exceeds(gaps: Gaps, place: int, measured: int, total: int) -> Row:
    """The readings alone are more than the register says; within its own step that is normal."""
    over, name = measured - total, unit(gaps.dense.channel)
    small = over <= max(total // 200, MICRO)
    return _finding(
        gaps, place, "total", Severity.NOTE if small else Severity.HOLD,
        f"the readings that are there give {amount(measured, name)}, the register "
        f"{amount(total, name)} for all; the gaps were filled with zero.",
        remedy="Check the register readings and the intervals against each other.",
        must_hold=not small, direction="" if small else "over",
        evidence={"interval_ukwh": measured, "register_ukwh": total},
    )  # fmt: skip


def notes(gaps: Gaps, runs: Stretches, made: pa.Table) -> Iterator[Row]:
    """What was estimated, one finding per point; `made` has a row per stretch."""
    cuts = np.flatnonzero(np.diff(runs.place, prepend=-1))
    ends = [*cuts[1:].tolist(), len(runs.place)]
    keys = ("count", "energy_ukwh", "low_ukwh", "high_ukwh")
    sums = [np.add.reduceat(made[key].to_numpy(), cuts).tolist() for key in keys]
    starts, stops = (made[key].to_numpy() for key in ("start_utc", "end_utc"))
    methods, name = made["method"].to_pylist(), unit(gaps.dense.channel)
    for begin, end, count, energy, low, high in zip(cuts.tolist(), ends, *sums, strict=True):
        ways = sorted(set(methods[begin:end]))
        yield _finding(
            gaps, int(runs.place[begin]), "made", Severity.NOTE,
            f"{counted(count, 'interval')} estimated, {amount(energy, name)} "
            f"({', '.join(ways)}).",
            remedy="None; the bill names the estimate. Readings that arrive later replace it.",
            count=count, start_utc=int(starts[begin]), end_utc=int(stops[end - 1]),
            evidence={
                "energy_ukwh": energy, "low_ukwh": low, "high_ukwh": high,
                "methods": " ".join(ways),
            },
        )  # fmt: skip


def impossible(gaps: Gaps, zone: Zone) -> Iterator[Row]:
    """Slots that nothing tells about."""
    lost = np.flatnonzero(gaps.rung == NONE)
    for place in np.unique(gaps.place[lost]).tolist():
        columns = gaps.column[lost[gaps.place[lost] == place]]
        start, end = gaps.at(columns[[0, -1]] + np.array([0, 1])).tolist()
        seconds = len(columns) * gaps.dense.resolution_s
        yield _finding(
            gaps, place, "impossible", Severity.HOLD,
            f"no estimate for {counted(len(columns), 'interval')} ({lasting(seconds)}) from "
            f"{when(zone, start)} on: no reading at that time on any day.",
            remedy="Ask for the missing readings, a register reading, or earlier readings.",
            must_hold=True, count=len(columns), start_utc=start, end_utc=end, direction="under",
        )  # fmt: skip


def too_much(filled: Dense, rows: Ints, share_pct: int) -> Iterator[Row]:
    """Too much of the period is estimated, by the sender or by us."""
    width = filled.values.shape[1]
    count = (filled.quality[rows] == ESTIMATED).sum(axis=1)
    for row, number in zip(rows.tolist(), count.tolist(), strict=True):
        if number * 100 > share_pct * width:
            point = filled.points[row]
            yield finding(
                "metering.estimate.share", Severity.HOLD,
                f"{point} {filled.channel}: {number} of {width} intervals are estimated, more than "
                f"{share_pct} %.",
                remedy="Ask for readings, or agree with the customer on the estimate.",
                must_hold=True, count=number, metering_point=point, channel=filled.channel,
                start_utc=filled.start_utc, end_utc=filled.end_utc,
                evidence={"estimated": number, "intervals": width},
            )  # fmt: skip
