"""Step 4: what an estimate was made from, in words, and the findings of the step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.blocks import ESTIMATED, Dense
from gridtally.metering.estimate_gaps import METHODS, NONE, Gaps, Stretches
from gridtally.metering.words import amount, counted, lasting, unit, when
from gridtally.money import MICRO
from gridtally.periods import Zone
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["exceeds", "impossible", "inputs", "notes", "too_much"]

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

_REACH = 28

_WORDS = {
    "like_days": "same hours of {days}, the nearest and those of its kind counting most, "
    "and the hour on either side",
    "day_types": "mean of the same hours of {days} of its kind in the period",
    "previous_year": "same weekday and hour a year before, two weeks on either side, at the "
    "level of the readings there are",
    "other_days": "mean of the same hours of {days}",
    "class_profile": "usual energy of the point, spread as its customer segment uses it",
    "even": "spread evenly",
}


def inputs(gaps: Gaps, runs: Stretches, rung: Sequence[int]) -> Iterator[str]:
    """What each stretch was estimated from."""
    name = unit(gaps.dense.channel)
    before = gaps.read(runs.place, runs.start - 1).tolist()
    after = gaps.read(runs.place, runs.end).tolist()
    for number, way in enumerate(rung):
        method = METHODS[way]
        if method == "linear":
            yield f"between {amount(before[number], name)} and {amount(after[number], name)}"
        else:
            told = _WORDS[method]
            yield told.format(days=_days(gaps, runs, number, method)) if "{" in told else told


def _days(gaps: Gaps, runs: Stretches, number: int, method: str) -> str:
    """`12 days from 2026-10-01 to 2026-10-14`: those with readings at such a time."""
    calendar, place = gaps.calendar, int(runs.place[number])
    start, end = int(runs.start[number]), int(runs.end[number]) - 1
    first, last = int(calendar.day[start]), int(calendar.day[end])
    clocks = calendar.columns.shape[1]
    begin, after = (int(calendar.clock[start]), int(calendar.clock[end]) + 1)
    if first != last:
        begin, after = 0, clocks
    columns = calendar.columns[:, begin:after]
    there = (gaps.values[place][columns] >= 0).any(axis=1)
    if method == "like_days":
        there[: max(first - _REACH, 0)] = there[last + _REACH + 1 :] = False
    elif method == "day_types":
        kinds = set(calendar.kinds[first : last + 1].tolist())
        there &= np.isin(calendar.kinds, sorted(kinds))
        there[: int(calendar.day[gaps.past])] = False
    days = np.flatnonzero(there) + calendar.first
    dates = [str(np.datetime64(int(day), "D")) for day in (days[0], days[-1])]
    if len(days) == 1:
        return f"1 day, {dates[0]}"
    return f"{len(days)} days from {dates[0]} to {dates[1]}"


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


def notes(gaps: Gaps, made: pa.Table) -> Iterator[Row]:
    """What was estimated, one finding per point."""
    place = {gaps.dense.points[row]: number for number, row in enumerate(gaps.rows.tolist())}
    mine: dict[str, list[Row]] = {}
    for row in made.drop_columns(["inputs", "channel"]).to_pylist():
        mine.setdefault(row["metering_point"], []).append(row)
    for point, rows in mine.items():
        keys = ("count", "energy_ukwh", "low_ukwh", "high_ukwh")
        count, energy, low, high = (sum(row[key] for row in rows) for key in keys)
        methods = sorted({row["method"] for row in rows})
        yield _finding(
            gaps, place[point], "made", Severity.NOTE,
            f"{counted(count, 'interval')} estimated, {amount(energy, unit(gaps.dense.channel))} "
            f"({', '.join(methods)}).",
            remedy="None; the bill names the estimate. Readings that arrive later replace it.",
            count=count, start_utc=rows[0]["start_utc"], end_utc=rows[-1]["end_utc"],
            evidence={
                "energy_ukwh": energy, "low_ukwh": low, "high_ukwh": high,
                "methods": " ".join(methods),
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
