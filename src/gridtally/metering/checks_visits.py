"""Step 8, checks of when and how dials were read: cycle windows, move in and move out."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.layout import integers
from gridtally.metering.scan import Row
from gridtally.metering.words import amount, counted
from gridtally.periods import first_of, month_number
from gridtally.periods import zone as zone_of
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["moves", "windows"]

_ENDS = ("segment", "meter", "register", "channel", "bucket")


@dataclass(frozen=True, slots=True)
class _Bill:
    """A segment as the checks of this file see it."""

    name: str
    account: str
    agreement: str
    point: str
    zone: str
    first: date
    last: date
    """Local day after the last."""
    start: int
    end: int

    def found(self, code: str, severity: Severity, *, tell: str, remedy: str, **more: Any) -> Row:
        """A finding on the segment."""
        return finding(
            code, severity, f"{self.point}: {tell}", remedy=remedy, metering_point=self.point,
            segment=self.name, account=self.account, start_utc=self.start, end_utc=self.end, **more,
        )  # fmt: skip


def _bills(spans: pa.Table) -> dict[str, _Bill]:
    """Segments of SPANS that have bounds."""
    found: dict[str, _Bill] = {}
    keys = ("segment", "account", "agreement", "metering_point", "zone", "from", "to",
            "start_utc", "end_utc")  # fmt: skip
    for row in zip(*(spans[key].to_pylist() for key in keys), strict=True):
        if row[7] is None or row[8] is None:
            continue
        one = _Bill(*row)
        old = found.get(one.name, one)
        found[one.name] = replace(
            one, first=min(old.first, one.first), last=max(old.last, one.last),
            start=min(old.start, one.start), end=max(old.end, one.end),
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class _Ends:
    """Opening and closing reading of a dial in a segment: instant [s], reading, quality."""

    opening: tuple[int, int, str]
    closing: tuple[int, int, str]


def _ends(used: pa.Table, wanted: list[str]) -> dict[tuple[str, str, str, str, str], _Ends]:
    """Of the cumulative dials of some segments."""
    which = pc.is_in(used["segment"], value_set=pa.array(wanted, pa.string()))
    mine = used.filter(pc.and_(which, pc.equal(used["kind"], "cumulative")))
    said: dict[tuple[Any, ...], list[tuple[int, int, str]]] = {}
    columns = [integers(mine["time_utc"]).tolist(), mine["reading"].to_pylist(),
               mine["quality"].to_pylist()]  # fmt: skip
    for *key, time, reading, quality in zip(
        *(mine[name].to_pylist() for name in _ENDS), *columns, strict=True
    ):
        said.setdefault(tuple(key), []).append((time, reading, quality))
    return {key: _Ends(min(rows), max(rows)) for key, rows in said.items()}


# ----------------------------------------------------------------------- moves


def moves(spans: pa.Table, used: pa.Table, *, first: date, last: date) -> Iterator[Row]:
    """Where customers change inside [first, last): estimated readings, and dials that jump.

    Findings `metering.move.estimated` and `metering.move.opening` on SPANS and REGISTERS_USED.
    """
    bills = {
        name: bill for name, bill in _bills(spans).items() if bill.first > first or bill.last < last
    }
    ends = _ends(used, sorted(bills))
    for (name, meter, register, *_), dial in sorted(ends.items()):
        bill = bills[name]
        for moved, (time, _, quality), side in (
            (bill.first > first, dial.opening, "moved in"),
            (bill.last < last, dial.closing, "moved out"),
        ):
            if moved and quality != "A":
                day = zone_of(bill.zone).date(time)
                yield bill.found(
                    "metering.move.estimated", Severity.WARN,
                    tell=f"when the customer {side}, meter {meter} {register} was not read: the "
                    f"reading of {day} is an estimate.",
                    remedy="Read the meter, or agree on a reading with both customers.",
                    evidence={"day": day, "quality": quality},
                )  # fmt: skip
    yield from _handed_over(bills, ends)


def _handed_over(
    bills: Mapping[str, _Bill], ends: Mapping[tuple[str, str, str, str, str], _Ends]
) -> Iterator[Row]:
    """The opening of who moves in is the closing of who moves out."""
    closed = {
        (bills[name].point, bills[name].last, *dial): (name, ends_.closing[1])
        for (name, *dial), ends_ in sorted(ends.items())
    }
    for (name, *dial), ends_ in sorted(ends.items()):
        bill = bills[name]
        other, shown = closed.get((bill.point, bill.first, *dial), ("", ends_.opening[1]))
        if shown == ends_.opening[1] or bills[other].account == bill.account:
            continue
        was, now = (amount(value, "").strip() for value in (shown, ends_.opening[1]))
        yield bill.found(
            "metering.move.opening", Severity.WARN,
            tell=f"meter {dial[0]} {dial[1]} opens at {now}, but closed at {was} for the customer "
            f"before, on the same day.",
            remedy="Bill both from one reading: what lies between is paid twice or by nobody.",
            direction="over" if ends_.opening[1] < shown else "under",
            evidence={"opening": now, "closing": was, "before": other},
        )  # fmt: skip


# ---------------------------------------------------------------------- cycles


def windows(
    spans: pa.Table, used: pa.Table, *, agreements: pa.Table, points: pa.Table, cycles: pa.Table
) -> Iterator[Row]:
    """Findings `metering.cycle.window` and `metering.cycle.length` on segments with a CYCLE.

    A reading must be taken within the window around the cycle's read day, and a period must be
    as long as the cycle says, but for a move.
    """
    rules = {row["cycle"]: row for row in cycles.to_pylist()}
    if not rules or "cycle" not in agreements.column_names:
        return
    own = _named(agreements, "agreement")
    general = _named(points, "metering_point")
    bounds = _terms(agreements)
    bills = {
        name: (bill, rules[cycle])
        for name, bill in _bills(spans).items()
        if (cycle := own.get(bill.agreement) or general.get(bill.point)) in rules
    }
    for name in sorted(bills):
        bill, rule = bills[name]
        begun, ended = bounds.get(bill.agreement, (date.min, None))
        if bill.first > begun and (ended is None or bill.last < ended):
            yield from _length(bill, rule)
    for (name, meter, register, *_), dial in sorted(_ends(used, sorted(bills)).items()):
        bill, rule = bills[name]
        if bill.last == bounds.get(bill.agreement, (None, None))[1]:
            continue  # a move-out is read off-cycle
        yield from _window(bill, rule, f"{meter} {register}", dial.closing[0])


def _named(table: pa.Table, key: str) -> dict[str, str]:
    if "cycle" not in table.column_names:
        return {}
    pairs = zip(table[key].to_pylist(), table["cycle"].to_pylist(), strict=True)
    return {name: cycle for name, cycle in pairs if cycle}


def _terms(agreements: pa.Table) -> dict[str, tuple[date, date | None]]:
    """First day of each agreement and the day after its last; None: open."""
    found: dict[str, tuple[date, date | None]] = {}
    keys = ("agreement", "from", "to")
    for name, first, last in zip(*(agreements[key].to_pylist() for key in keys), strict=True):
        low, high = found.get(name, (first, last))
        open_ = last is None or high is None
        found[name] = (min(low, first), None if open_ else max(high, last))
    return found


def _read_day(rule: Mapping[str, Any], near: date) -> date:
    """The cycle's read day that lies nearest to a day."""
    months = (near.replace(day=1) - timedelta(1), near, near.replace(day=28) + timedelta(5))
    days = [
        month.replace(day=min(rule["read_day"], monthrange(month.year, month.month)[1]))
        for month in months
    ]
    return min(days, key=lambda day: (abs((day - near).days), day))


def _length(bill: _Bill, rule: Mapping[str, Any]) -> Iterator[Row]:
    if not rule["read_day"] or not rule["months"]:
        return
    start, months = _read_day(rule, bill.first), rule["months"]
    meant = first_of(month_number(start) + months)
    meant = meant.replace(day=min(rule["read_day"], monthrange(meant.year, meant.month)[1]))
    slack = (rule["window_before_days"] or 0) + (rule["window_after_days"] or 0)
    days, usual = (bill.last - bill.first).days, (meant - start).days
    if abs(days - usual) > slack:
        yield bill.found(
            "metering.cycle.length", Severity.NOTE,
            tell=f"the period has {counted(days, 'day')}, its cycle {rule['cycle']} has "
            f"{counted(usual, 'day')}.",
            remedy="Check the dates, and how fixed charges and tiers are shared out.",
            evidence={"days": days, "cycle_days": usual, "cycle": rule["cycle"]},
        )  # fmt: skip


def _window(bill: _Bill, rule: Mapping[str, Any], dial: str, time: int) -> Iterator[Row]:
    if not rule["read_day"]:
        return
    zone = zone_of(bill.zone)
    # A reading at midnight closes the day before as well as it opens the next one.
    late, early = zone.date(time), zone.date(time - 1)
    due = _read_day(rule, late)
    before, after = rule["window_before_days"] or 0, rule["window_after_days"] or 0
    if early > due + timedelta(after) or late < due - timedelta(before):
        yield bill.found(
            "metering.cycle.window", Severity.NOTE,
            tell=f"meter {dial} was read on {late}, outside the window of cycle {rule['cycle']} "
            f"around {due}.",
            remedy="Ask why the round was early or late; a reading of the due day is better.",
            evidence={"read": late, "due": due, "cycle": rule["cycle"]},
        )  # fmt: skip
