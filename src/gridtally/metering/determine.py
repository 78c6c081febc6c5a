"""Step 5: readings, or registers, become determinants: the quantities that are billed.

Spans with the same tariff, bounds and source are a cohort: whatever depends on the calendar is
worked out once for it, and a row of readings costs a row of NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering import dials
from gridtally.metering.blocks import ESTIMATED, MISSING, Dense
from gridtally.metering.sums import LIMIT_BITS, Output, Plan, plan
from gridtally.periods import Period, iso_utc, zone
from gridtally.tables import DETERMINANTS, finding, findings_table
from gridtally.terms import Channel, LegalSource, Severity, Wanted

__all__ = ["determine"]

Ints = npt.NDArray[np.int64]
_ROWS = 64
"""Rows of readings that are reduced together: 64 months of quarter-hours fit the cache."""


def _always(start_utc: int, end_utc: int, resolution_s: int) -> npt.NDArray[np.int16]:
    return np.zeros((end_utc - start_utc) // resolution_s, np.int16)


TOTALS = tuple(
    Wanted("energy", channel, "", ("",), (), None, True, _always)
    for channel in (Channel.IMPORT, Channel.EXPORT)
)
"""Wanted of every span, whatever its tariff: what the segment took and gave."""


@dataclass(slots=True)
class Found:
    """Determinants of many spans, column by column, and what was wrong."""

    spans: pa.Table
    bounds: tuple[Ints, Ints]
    """First instant of each span's segment, and the first after it. [s]"""
    rows: list[Ints] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    values: list[Ints] = field(default_factory=list)
    estimated: list[Ints] = field(default_factory=list)
    findings: list[dict[str, object]] = field(default_factory=list)

    def add(self, out: tuple[Wanted, str], rows: Ints, values: Ints, estimated: Ints) -> None:
        """A determinant of the spans `rows`."""
        want, bucket = out
        reactive = want.channel.startswith("reactive")
        unit = "kW" if want.kind == "demand" else "kvarh" if reactive else "kWh"
        self.names.append((want.name(bucket), unit))
        self.rows.append(rows)
        self.values.append(values)
        self.estimated.append(estimated)

    def hold(self, row: int, code: str, message: str, **more: object) -> None:
        """A finding that holds the segment of a span."""
        span = self.spans.slice(row, 1).to_pylist()[0]
        where: dict[str, object] = {
            key: span[key]
            for key in ("segment", "account", "metering_point", "start_utc", "end_utc")
        }
        remedy = str(more.pop("remedy", "Complete the readings, or let the run estimate them."))
        self.findings.append(
            finding(code, Severity.HOLD, message, remedy=remedy, must_hold=True, **(where | more))  # type: ignore[arg-type]
        )

    def table(self) -> pa.Table:
        """DETERMINANTS, in the order of the spans and of the names."""
        if not self.rows:
            return DETERMINANTS.empty_table()
        names = sorted(set(self.names))
        codes = np.array([names.index(name) for name in self.names])
        rows = np.concatenate(self.rows)
        code = np.repeat(codes, [len(part) for part in self.rows])
        order = np.argsort(rows * len(names) + code, kind="stable")
        rows, code = rows[order], code[order]
        take, pick = pa.array(rows), pa.array(code)
        columns = [
            self.spans["segment"].take(take),
            self.spans["span"].take(take),
            pa.array([name for name, _ in names]).take(pick),
            pa.array(np.concatenate(self.values)[order]),
            pa.array(np.concatenate(self.estimated)[order]),
            pa.array([unit for _, unit in names]).take(pick),
        ]
        return pa.Table.from_arrays(columns, schema=DETERMINANTS)


def determine(
    spans: pa.Table,
    *,
    dense: Iterable[Dense],
    advances: pa.Table,
    wanted: Mapping[str, Sequence[Wanted]],
) -> tuple[pa.Table, pa.Table]:
    """Return (DETERMINANTS, FINDINGS) of SPANS.

    `dense` holds the final readings, any number of grids per channel; the points of a grid are
    those that have the channel. `advances` is what the registers of register-billed segments
    give; `wanted` what each tariff version asks for, by digest. A quantity that cannot be had
    gives no determinant and a must-hold finding.
    """
    spans = spans.combine_chunks()
    found = Found(spans, _segment_bounds(spans))
    grids: dict[str, list[tuple[Dense, Ints]]] = {}
    for grid in dense:
        points = pa.array(grid.points, pa.string())
        where = pc.fill_null(pc.index_in(spans["metering_point"], points), -1)
        grids.setdefault(grid.channel, []).append((grid, np.asarray(where).astype(np.int64)))
    registers = dials.Registers(spans, advances)
    for rows in _cohorts(spans):
        first = spans.slice(rows[0], 1).to_pylist()[0]
        if first["start_utc"] is None or first["end_utc"] is None:
            continue
        period = Period(first["from"], first["to"])
        wants = _wants(wanted.get(first["tariff"] or "", ()), period)
        if first["legal_source"] == LegalSource.REGISTER:
            _from_registers(found, rows, wants, registers, period)
            continue
        cohort = _Cohort(rows, first["start_utc"], first["end_utc"], first["zone"], found)
        for channel in sorted({want.channel for want in wants}):
            mine = [want for want in wants if want.channel == channel]
            cohort.channel(mine, grids.get(channel, []))
    return found.table(), findings_table(found.findings)


def _segment_bounds(spans: pa.Table) -> tuple[Ints, Ints]:
    segment = np.asarray(spans["segment"].combine_chunks().dictionary_encode().indices)
    order = np.argsort(segment, kind="stable")
    if not len(order):
        return order, order
    starts = np.flatnonzero(np.r_[True, np.diff(segment[order]) != 0])
    low, high = (np.asarray(pc.fill_null(spans[key], 0)) for key in ("start_utc", "end_utc"))
    # The codes are 0, 1, … in order of appearance: the sorted groups are in the order of the codes.
    return (
        np.minimum.reduceat(low[order], starts)[segment],
        np.maximum.reduceat(high[order], starts)[segment],
    )


def _wants(wants: Sequence[Wanted], period: Period) -> list[Wanted]:
    """What is asked for in a period: a component at rest asks for nothing."""
    awake = [want for want in wants if dials.months_side(want.months, period) != "out"]
    have = {want.name("") for want in awake}
    return [*awake, *(want for want in TOTALS if want.name("") not in have)]


def _cohorts(spans: pa.Table) -> Iterator[Ints]:
    """Rows of spans that are alike in everything but the metering point."""
    if spans.num_rows == 0:
        return
    keys = []
    for name in ("zone", "legal_source", "tariff", "end_utc", "start_utc"):
        codes = spans[name].combine_chunks().dictionary_encode().indices
        keys.append(np.asarray(pc.fill_null(codes, -1)))
    order = np.lexsort(keys)
    table = np.vstack([key[order] for key in keys])
    starts = np.flatnonzero(np.r_[True, (table[:, 1:] != table[:, :-1]).any(axis=0)])
    yield from np.split(order.astype(np.int64), starts[1:])


@dataclass(frozen=True, slots=True)
class _Cohort:
    """Interval-billed spans of the same bounds and tariff."""

    rows: Ints
    start_utc: int
    end_utc: int
    zone: str
    found: Found

    def channel(self, wants: Sequence[Wanted], grids: Sequence[tuple[Dense, Ints]]) -> None:
        """All determinants of one channel."""
        left = np.ones(len(self.rows), bool)
        for grid, where in grids:
            at = where[self.rows]
            here = left & (at >= 0)
            inside = grid.start_utc <= self.start_utc and self.end_utc <= grid.end_utc
            if here.any() and inside:
                self._reduce(wants, grid, self.rows[here], at[here])
                left &= ~here
        partly = np.zeros(len(self.rows), bool)
        for _, where in grids:
            partly |= where[self.rows] >= 0
        needed = any(not want.optional for want in wants)
        for row in self.rows[left & (partly | needed)].tolist():
            self._incomplete(row, wants[0].channel, self.start_utc, None)

    def _reduce(self, wants: Sequence[Wanted], grid: Dense, rows: Ints, at: Ints) -> None:
        made = self._plan(wants, grid, rows)
        if made is None or not made.parts:
            return
        first = (self.start_utc - grid.start_utc) // grid.resolution_s
        total, part, good = _sums(made, grid, at, first)
        needed = any(not want.optional for want in wants)
        for row, where in zip(rows[~good].tolist(), at[~good].tolist(), strict=True):
            if needed or self._has(row, grid, where):
                self._explain(row, grid, where, first, made.count)
        for out, values, estimated in zip(made.outputs, total, part, strict=True):
            name = (out.wanted, out.bucket)
            self.found.add(name, rows[good], values[good], estimated[good])

    def _has(self, row: int, grid: Dense, at: int) -> bool:
        """Whether a segment has a reading of the channel at all: if not, it lacks the channel."""
        low, high = (
            (bound[row] - grid.start_utc) // grid.resolution_s for bound in self.found.bounds
        )
        return bool(grid.quality[at, max(0, low) : high].any())

    def _plan(self, wants: Sequence[Wanted], grid: Dense, rows: Ints) -> Plan | None:
        step = grid.resolution_s
        whole = (self.start_utc - grid.start_utc) % step == 0
        if not whole or (self.end_utc - self.start_utc) % step:
            message = f"The first day does not begin with a reading of {step // 60} minutes."
            for row in rows.tolist():
                self._unfit(row, "rating.calendar.finer", grid.channel, message)
            return None
        days = zone(self.zone)
        span = Period(days.date(self.start_utc), days.date(self.end_utc))
        made, unfit = plan(
            wants, start_utc=self.start_utc, end_utc=self.end_utc, resolution_s=step,
            midnights=days.day_bounds(span),
        )  # fmt: skip
        for problem in unfit:
            for row in rows.tolist():
                self._unfit(row, problem.code, grid.channel, problem.message)
        return made

    def _unfit(self, row: int, code: str, channel: str, message: str) -> None:
        remedy = "Deliver finer readings, or correct the hours of the tariff."
        self.found.hold(row, code, message, channel=channel, remedy=remedy)

    def _explain(self, row: int, grid: Dense, at: int, first: int, count: int) -> None:
        quality = grid.quality[at, first : first + count]
        gaps = np.flatnonzero(quality == MISSING)
        if len(gaps):
            start = grid.start_utc + (first + int(gaps[0])) * grid.resolution_s
            self._incomplete(row, grid.channel, start, len(gaps))
            return
        self.found.hold(
            row,
            "metering.determinant.overflow",
            "The readings are too large to be energy: their sum would not be exact.",
            channel=grid.channel,
            remedy="Correct the readings or their unit.",
        )

    def _incomplete(self, row: int, channel: str, start_utc: int, missing: int | None) -> None:
        what = "all readings are" if missing is None else f"{missing} readings are"
        what = "1 reading is" if missing == 1 else what
        self.found.hold(
            row,
            "metering.determinant.incomplete",
            f"The {channel} energy cannot be summed: {what} missing, from {iso_utc(start_utc)} on.",
            channel=channel,
            start_utc=start_utc,
            evidence={"missing": "all" if missing is None else missing},
            count=missing or 1,
        )


def _sums(
    made: Plan, grid: Dense, at: Ints, first: int
) -> tuple[list[Ints], list[Ints], npt.NDArray[np.bool_]]:
    """Values and estimated parts of each output, shape (rows,); and which rows are good."""
    outputs: list[Output] = made.outputs
    total = [np.zeros(len(at), np.int64) for _ in outputs]
    part = [np.zeros(len(at), np.int64) for _ in outputs]
    good = np.ones(len(at), bool)
    columns = slice(first, first + made.count)
    bound = (1 << LIMIT_BITS) // max(made.count, 3600)
    for low in range(0, len(at), _ROWS):
        block = slice(low, min(low + _ROWS, len(at)))
        rows = at[block]
        together = rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all()
        pick = slice(rows[0], rows[-1] + 1) if together else rows
        values, quality = grid.values[pick, columns], grid.quality[pick, columns]
        worst = quality.min(axis=1)
        good[block] = worst != MISSING
        if not 0 <= np.bitwise_or.reduce(values, axis=None) < bound:
            good[block] &= ((values < bound) & (values > -bound)).all(axis=1)
            values = np.where(good[block, None], values, 0)
        reduced = made.reduce(values)
        for column, result in zip(total, reduced, strict=True):
            column[block] = result
        some = np.flatnonzero(worst == ESTIMATED)
        if len(some):
            whole = [result[some] for result in reduced]
            estimates = made.estimated(values[some], quality[some] == ESTIMATED, whole)
            for column, result in zip(part, estimates, strict=True):
                column[low + some] = result
    return total, part, good


def _from_registers(
    found: Found,
    rows: Ints,
    wants: Sequence[Wanted],
    registers: dials.Registers,
    period: Period,
) -> None:
    """What the dials of register-billed spans of one period give for each bucket."""
    for want in wants:
        if dials.months_side(want.months, period) == "both":
            for row in rows.tolist():
                found.hold(
                    row,
                    "rating.months.register",
                    "A price holds in some months only, and dials cannot be cut: the period from "
                    f"{period.start} to {period.end} lies in several months.",
                    channel=want.channel,
                    remedy="Read the dials at the turn of the month, or bill by calendar month.",
                )
            continue
        for bucket in want.buckets:
            values, estimated, known = registers.of(want, bucket, rows)
            found.add((want, bucket), rows[known], values[known], estimated[known])
            if not want.optional:
                for row in rows[~known].tolist():
                    what = f"of bucket {bucket} " if bucket else ""
                    found.hold(
                        row,
                        "metering.determinant.incomplete",
                        f"No {want.kind} register {what}for {want.channel} was read.",
                        channel=want.channel,
                        remedy="Deliver this dial's readings, or correct the meter's registers.",
                    )
