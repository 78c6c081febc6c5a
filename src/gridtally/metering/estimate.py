"""Step 4: gaps are filled, flagged, and named with method and inputs; readings are never replaced.

The ladder of methods (`docs/validation.md`): a line between the neighbours of a short gap, like
days, any days; and where the register's advance is known, the estimates are scaled to it exactly.
Only metering points with gaps cost time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.metering.blocks import ESTIMATED, MISSING, Dense
from gridtally.metering.words import amount, counted, lasting, unit, when
from gridtally.money import MICRO, allocate
from gridtally.periods import Zone
from gridtally.periods import zone as zone_of
from gridtally.tables import ESTIMATES, FINDINGS, empty, finding, findings_table
from gridtally.terms import Severity

__all__ = ["LADDER", "Ladder", "estimate"]

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

_DAY = 86_400
_HUGE = 1 << 50
NONE, LINEAR, LIKE, OTHER, EVEN, FOUND = 0, 1, 2, 3, 4, 5
_METHODS = ("", "linear", "like_days", "other_days", "even")


@dataclass(frozen=True, slots=True)
class Ladder:
    """When which method is used. Sources: `docs/validation.md`."""

    linear_s: int = 7_200
    """Longest gap that is filled by a line between its neighbours. [s]"""
    days: int = 4
    """How many days a longer gap is averaged from, at most."""
    share_pct: int = 50
    """Share of estimated intervals above which the bill is held. [%]"""


LADDER = Ladder()


@dataclass(frozen=True, slots=True)
class _Gaps:
    """The points with gaps, their past before their present, and every missing slot of theirs."""

    dense: Dense
    zone: Zone
    rows: Ints
    """Rows of the grid, shape (points with gaps,)."""
    values: Ints
    """Past and present, shape (points, past + present intervals)."""
    quality: npt.NDArray[np.uint8]
    line: Ints
    """Row of `values` of each of `rows`."""
    past: int
    """Intervals of the past."""
    place: Ints
    """Position in `rows` of each missing slot, in order."""
    column: Ints
    """Its column of `values`."""
    value: Ints
    """Its estimate, filled in as methods succeed."""
    rung: npt.NDArray[np.uint8]
    """The method that gave it."""
    day: Ints
    """Local day of each column of `values`, counted from the first."""
    first: int
    """That first day, counted from 1970-01-01."""
    used: list[tuple[Ints, int, int]]
    """Places whose slots of a day were averaged from a day."""

    def at(self, column: int) -> int:
        """Instant at which a column of `values` begins. [s]"""
        return self.dense.start_utc + (int(column) - self.past) * self.dense.resolution_s

    def read(self, place: Ints, column: Ints) -> Ints:
        """Readings, cut to what no sum of them overflows."""
        return np.clip(self.values[self.line[place], column], 0, _HUGE)

    def there(self, place: Ints, column: Ints) -> npt.NDArray[np.bool_]:
        """Whether there are such readings."""
        return self.quality[self.line[place], column] > MISSING


def estimate(
    dense: Dense,
    *,
    zone: str,
    past: Dense | None = None,
    totals: pa.Array | None = None,
    ladder: Ladder = LADDER,
    in_place: bool = False,
) -> tuple[Dense, pa.Table, pa.Table]:
    """Fill the gaps of a grid; give the filled grid, ESTIMATES and findings.

    `past` holds readings of the same channel and resolution before this grid, of any points.
    `totals`: register advance of each point over the whole grid, nullable int64 [10^-6 kWh]; the
    estimates of such a point then add up to what its readings leave of it, exactly. A slot that
    nothing tells about stays MISSING and is found. With `in_place` the arrays of `dense` are
    filled and given back: for a caller who no longer needs the gaps.
    """
    rows = np.flatnonzero(dense.quality.min(axis=1, initial=ESTIMATED) == MISSING)
    if not len(rows):
        return dense, empty(ESTIMATES), empty(FINDINGS)
    gaps = _gaps(dense, zone_of(zone), past, rows)
    _line(gaps, ladder)
    _days(gaps, ladder)
    scaled, found = _scale(gaps, totals)
    values, quality = dense.values, dense.quality
    if not in_place:
        values, quality = values.copy(), quality.copy()
    known = gaps.rung > NONE
    at = rows[gaps.place[known]], gaps.column[known] - gaps.past
    values[at], quality[at] = gaps.value[known], ESTIMATED
    filled = Dense(
        dense.points, dense.channel, dense.start_utc, dense.resolution_s, values, quality
    )
    made = _made(gaps, scaled)
    found += [*_notes(gaps, made), *_impossible(gaps), *_share(filled, rows, ladder)]
    found.sort(key=lambda row: (row["metering_point"], row["code"]))
    return filled, made, findings_table(found)


def _gaps(dense: Dense, zone: Zone, past: Dense | None, rows: Ints) -> _Gaps:
    place, column = np.divmod(
        np.flatnonzero(dense.quality[rows] == MISSING), dense.quality.shape[1]
    )
    values, quality, line, before = dense.values, dense.quality, rows, 0
    if past is not None and _fits(past, dense):
        before = (dense.start_utc - past.start_utc) // dense.resolution_s
        number = {point: row for row, point in enumerate(past.points)}
        known = np.array([number.get(dense.points[row], -1) for row in rows], dtype=np.int64)
        have = np.flatnonzero(known >= 0)
        width = min(before, past.values.shape[1])
        values = np.zeros((len(rows), before + values.shape[1]), dtype=np.int64)
        quality = np.zeros(values.shape, dtype=np.uint8)
        values[have, :width] = past.values[known[have], :width]
        quality[have, :width] = past.quality[known[have], :width]
        values[:, before:], quality[:, before:] = dense.values[rows], dense.quality[rows]
        line = np.arange(len(rows))
    at = dense.start_utc + (np.arange(values.shape[1]) - before) * dense.resolution_s
    day = zone.to_local(at) // _DAY
    return _Gaps(
        dense, zone, rows, values, quality, line, before, place, column + before,
        np.zeros(len(place), dtype=np.int64), np.zeros(len(place), dtype=np.uint8),
        day - day[0], int(day[0]), [],
    )  # fmt: skip


def _fits(past: Dense, dense: Dense) -> bool:
    lead = dense.start_utc - past.start_utc
    same = (past.channel, past.resolution_s) == (dense.channel, dense.resolution_s)
    return same and lead > 0 and lead % dense.resolution_s == 0


# ------------------------------------------------------------------ the ladder


def _stretches(gaps: _Gaps, slots: Ints) -> Ints:
    """Where in `slots` each stretch of consecutive ones of a point begins, and the end."""
    breaks = (np.diff(gaps.place[slots]) != 0) | (np.diff(gaps.column[slots]) != 1)
    return np.flatnonzero(np.r_[True, breaks, True])


def _line(gaps: _Gaps, ladder: Ladder) -> None:
    """Short gaps: a straight line between the two neighbours, rounded half up."""
    cuts = _stretches(gaps, np.arange(len(gaps.place)))
    size = np.diff(cuts)
    place, left = gaps.place[cuts[:-1]], gaps.column[cuts[:-1]] - 1
    right = np.minimum(left + size + 1, gaps.values.shape[1] - 1)
    short = (size * gaps.dense.resolution_s <= ladder.linear_s) & (left >= 0)
    short &= gaps.there(place, left) & gaps.there(place, right)
    run = np.repeat(np.arange(len(size)), size)
    mine = np.flatnonzero(short[run])
    run = run[mine]
    low, high = gaps.read(place, left)[run], gaps.read(place, right)[run]
    steps, nth = (size + 1)[run], gaps.column[mine] - left[run]
    gaps.value[mine] = low + (2 * (high - low) * nth + steps) // (2 * steps)
    gaps.rung[mine] = LINEAR


def _days(gaps: _Gaps, ladder: Ladder) -> None:
    """Longer gaps: the mean of the same local time on the nearest like days, else on any days."""
    size = gaps.values.shape[1]
    at = gaps.at(0) + np.arange(size) * gaps.dense.resolution_s
    clock = gaps.zone.to_local(at) % _DAY // gaps.dense.resolution_s
    columns = np.full((int(gaps.day[-1]) + 1, int(clock.max()) + 1), size, dtype=np.int64)
    np.minimum.at(columns, (gaps.day, clock), np.arange(size))
    kinds = _kind(np.arange(len(columns)) + gaps.first)
    for rung in (LIKE, OTHER):
        rest = np.flatnonzero(gaps.rung == NONE)
        days = gaps.day[gaps.column[rest]]
        for day in np.unique(days).tolist():
            mine = rest[days == day]
            near = _near(day, len(columns))
            if rung == LIKE:
                near = near[kinds[near] == kinds[day]]
            _average(gaps, mine, columns[near][:, clock[gaps.column[mine]]], near, ladder.days)
            gaps.rung[mine[gaps.rung[mine] == FOUND]] = rung


def _kind(day: Ints) -> Ints:
    """0 Monday to Friday, 1 Saturday, 2 Sunday."""
    return np.maximum((day + 3) % 7 - 4, 0)


def _near(day: int, count: int) -> Ints:
    """The other days, the nearest first, of equals the earlier."""
    other = np.delete(np.arange(count), day)
    return other[np.lexsort((other, np.abs(other - day)))]


def _average(gaps: _Gaps, mine: Ints, where: Ints, days: Ints, most: int) -> None:
    """Average slots of a day over the first `most` days that have a value for them."""
    place, day = gaps.place[mine], int(gaps.day[gaps.column[mine[0]]])
    total, count = np.zeros(len(mine), dtype=np.int64), np.zeros(len(mine), dtype=np.int64)
    for number, column in zip(days.tolist(), where, strict=True):
        there = np.flatnonzero((column < len(gaps.day)) & (count < most))
        there = there[gaps.there(place[there], column[there])]
        total[there] += gaps.read(place[there], column[there])
        count[there] += 1
        owner = place[there]
        gaps.used.append((owner[np.flatnonzero(np.diff(owner, prepend=-1))], day, number))
        if count.min() >= most:
            break
    done = count > 0
    gaps.value[mine[done]] = (2 * total[done] + count[done]) // (2 * count[done])
    gaps.rung[mine[done]] = FOUND


def _scale(gaps: _Gaps, totals: pa.Array | None) -> tuple[set[int], list[Row]]:
    """Scale the estimates of points with a register total to what their readings leave of it."""
    scaled: set[int] = set()
    found: list[Row] = []
    if totals is None:
        return scaled, found
    cuts = np.searchsorted(gaps.place, np.arange(len(gaps.rows) + 1))
    wanted = totals.take(pa.array(gaps.rows)).to_pylist()
    for place, total in enumerate(wanted):
        if total is None:
            continue
        scaled.add(place)
        mine = slice(cuts[place], cuts[place + 1])
        measured = _exact(gaps.dense.values[gaps.rows[place]])
        guess, rung = gaps.value[mine], gaps.rung[mine]
        lost = rung == NONE
        if lost.any():
            known = guess[~lost]
            guess[lost] = max(int(known.sum()) // len(known), 1) if len(known) else 1
            rung[lost] = EVEN
        gaps.value[mine] = allocate(max(total - measured, 0), guess.tolist())
        if measured > total:
            found.append(_exceeds(gaps, place, measured, total))
    return scaled, found


def _exact(values: Ints) -> int:
    """The sum of integers, whatever their size."""
    return (int((values >> 31).sum()) << 31) + int((values & (2**31 - 1)).sum())


# ------------------------------------------------------------ table and findings


def _made(gaps: _Gaps, scaled: set[int]) -> pa.Table:
    """ESTIMATES: a row per filled stretch."""
    known = np.flatnonzero(gaps.rung > NONE)
    if not len(known):
        return empty(ESTIMATES)
    cuts = _stretches(gaps, known)
    start, end = gaps.column[known[cuts[:-1]]], gaps.column[known[cuts[1:] - 1]] + 1
    owner = gaps.place[known[cuts[:-1]]]
    rung = np.maximum.reduceat(gaps.rung[known], cuts[:-1]).tolist()
    forced = [place in scaled for place in owner.tolist()]
    inputs = list(_inputs(gaps, owner, rung, start, end))
    step, points = gaps.dense.resolution_s, gaps.dense.points
    columns = {
        "metering_point": [points[row] for row in gaps.rows[owner].tolist()],
        "channel": [gaps.dense.channel] * len(owner),
        "start_utc": gaps.at(0) + start * step,
        "end_utc": gaps.at(0) + end * step,
        "method": [
            _METHODS[way] + "+register" * force for way, force in zip(rung, forced, strict=True)
        ],
        "inputs": [
            text + ", scaled to the register" * force
            for text, force in zip(inputs, forced, strict=True)
        ],
        "energy_ukwh": np.add.reduceat(gaps.value[known], cuts[:-1]),
        "count": end - start,
    }
    return pa.table(columns, schema=ESTIMATES)


def _inputs(gaps: _Gaps, owner: Ints, rung: Sequence[int], start: Ints, end: Ints) -> Iterator[str]:
    """What each stretch was estimated from, in words."""
    name, size = unit(gaps.dense.channel), int(gaps.day[-1]) + 1
    key = np.concatenate([o * size + day for o, day, _ in gaps.used] or [owner[:0]])
    source = np.concatenate([np.full(len(o), day) for o, _, day in gaps.used] or [owner[:0]])
    order = np.lexsort((source, key))
    key, source = key[order], source[order]
    low = np.searchsorted(key, owner * size + gaps.day[start]).tolist()
    high = np.searchsorted(key, owner * size + gaps.day[end - 1], side="right").tolist()
    dates = [str(np.datetime64(gaps.first + day, "D")) for day in range(size)]
    edges = (start - 1, np.minimum(end, gaps.values.shape[1] - 1))
    before, after = (gaps.read(owner, edge).tolist() for edge in edges)
    for place, way in enumerate(rung):
        if way == LINEAR:
            yield f"between {amount(before[place], name)} and {amount(after[place], name)}"
        elif way == EVEN:
            yield "spread evenly"
        else:
            days = sorted(set(source[low[place] : high[place]].tolist()))
            yield "mean of " + ", ".join(dates[day] for day in days)


def _finding(gaps: _Gaps, place: int, code: str, severity: Severity, tell: str, **more: Any) -> Row:
    point = gaps.dense.points[gaps.rows[place]]
    more = {"start_utc": gaps.dense.start_utc, "end_utc": gaps.dense.end_utc} | more
    return finding(
        f"metering.estimate.{code}", severity, f"{point} {gaps.dense.channel}: {tell}",
        metering_point=point, channel=gaps.dense.channel, **more,
    )  # fmt: skip


def _exceeds(gaps: _Gaps, place: int, measured: int, total: int) -> Row:
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


def _notes(gaps: _Gaps, made: pa.Table) -> Iterator[Row]:
    """What was estimated, one finding per point."""
    place = {gaps.dense.points[row]: number for number, row in enumerate(gaps.rows.tolist())}
    mine: dict[str, list[Row]] = {}
    for row in made.drop_columns(["inputs", "channel"]).to_pylist():
        mine.setdefault(row["metering_point"], []).append(row)
    for point, rows in mine.items():
        count, energy = (sum(row[key] for row in rows) for key in ("count", "energy_ukwh"))
        methods = sorted({row["method"] for row in rows})
        yield _finding(
            gaps, place[point], "made", Severity.NOTE,
            f"{counted(count, 'interval')} estimated, {amount(energy, unit(gaps.dense.channel))} "
            f"({', '.join(methods)}).",
            remedy="None; the bill names the estimate. Readings that arrive later replace it.",
            count=count, start_utc=rows[0]["start_utc"], end_utc=rows[-1]["end_utc"],
            evidence={"energy_ukwh": energy, "methods": " ".join(methods)},
        )  # fmt: skip


def _impossible(gaps: _Gaps) -> Iterator[Row]:
    """Slots that nothing tells about."""
    lost = np.flatnonzero(gaps.rung == NONE)
    for place in np.unique(gaps.place[lost]).tolist():
        columns = gaps.column[lost[gaps.place[lost] == place]]
        start, end = gaps.at(columns[0]), gaps.at(columns[-1] + 1)
        seconds = len(columns) * gaps.dense.resolution_s
        yield _finding(
            gaps, place, "impossible", Severity.HOLD,
            f"no estimate for {counted(len(columns), 'interval')} ({lasting(seconds)}) from "
            f"{when(gaps.zone, start)} on: no reading at that time on any day.",
            remedy="Ask for the missing readings, a register reading, or earlier readings.",
            must_hold=True, count=len(columns), start_utc=start, end_utc=end, direction="under",
        )  # fmt: skip


def _share(filled: Dense, rows: Ints, ladder: Ladder) -> Iterator[Row]:
    """Too much of the period is estimated, by the sender or by us."""
    width = filled.values.shape[1]
    count = (filled.quality[rows] == ESTIMATED).sum(axis=1)
    for row, number in zip(rows.tolist(), count.tolist(), strict=True):
        if number * 100 > ladder.share_pct * width:
            point = filled.points[row]
            yield finding(
                "metering.estimate.share", Severity.HOLD,
                f"{point} {filled.channel}: {number} of {width} intervals are estimated, more than "
                f"{ladder.share_pct} %.",
                remedy="Ask for readings, or agree with the customer on the estimate.",
                must_hold=True, count=number, metering_point=point, channel=filled.channel,
                start_utc=filled.start_utc, end_utc=filled.end_utc,
                evidence={"estimated": number, "intervals": width},
            )  # fmt: skip
