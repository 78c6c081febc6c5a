"""Step 8, checks of a bill's energy against the customer's own bills.

What is ranked and held is judged by the audit's expectation (`review/rules`); these are the
published rules of thumb with thresholds by customer segment, told beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gridtally.metering.past import Past, flagged, past_of
from gridtally.metering.scan import Row
from gridtally.metering.thresholds import Each
from gridtally.metering.words import amount, counted
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["usage"]


@dataclass(frozen=True, slots=True)
class _Told:
    """One bill, ready to be talked about."""

    bill: dict[str, Any]
    past: Past
    row: int

    def day(self, name: str) -> str:
        """An energy per day, in words."""
        return f"{amount(getattr(self.past, name)[self.row], 'kWh')} a day"

    def found(self, code: str, severity: Severity, *, tell: str, remedy: str, **more: Any) -> Row:
        """A finding on the bill's segment."""
        evidence = {"energy_ukwh": self.past.energy[self.row], "days": self.past.days[self.row]}
        point = self.bill["metering_point"]
        return finding(
            code, severity, f"{point}: {tell}", remedy=remedy, metering_point=point,
            channel="import", segment=self.bill["segment"], account=self.bill["account"],
            evidence=evidence | more.pop("evidence", {}), **more,
        )  # fmt: skip


def usage(segments: pa.Table, history: pa.Table, each: Each) -> Iterator[Row]:
    """Findings `metering.usage.*` on SEGMENTS against HISTORY; `each` has their thresholds."""
    past = past_of(segments, history, each)
    hit = flagged(past, each)
    rows = np.flatnonzero(np.any(list(hit.values()), axis=0))
    names = ["segment", "account", "metering_point"]
    bills = segments.select(names).take(pa.array(rows, pa.int64())).to_pylist()
    for row, bill in zip(rows.tolist(), bills, strict=True):
        for name, tell in _SAY.items():
            if hit[name][row]:
                yield tell(_Told(bill, past, row))
        if hit["estimated_days"][row] or hit["estimated_bills"][row]:
            yield _guessed(_Told(bill, past, row), long=bool(hit["estimated_days"][row]))


def _high(told: _Told) -> Row:
    return told.found(
        "metering.usage.high", Severity.NOTE, direction="over",
        tell=f"{told.day('each_day')}, after {told.day('usual')} in the last bills.",
        remedy="Compare the closing reading with a re-read when the customer asks.",
        evidence={"usual_day_ukwh": told.past.usual[told.row]},
    )  # fmt: skip


def _low(told: _Told) -> Row:
    return told.found(
        "metering.usage.low", Severity.NOTE, direction="under",
        tell=f"only {told.day('each_day')}, after {told.day('usual')} in the last bills.",
        remedy="Ask whether somebody moved out or away; a meter that counts a part looks the same.",
        evidence={"usual_day_ukwh": told.past.usual[told.row]},
    )  # fmt: skip


def _year(told: _Told) -> Row:
    more = told.past.each_day[told.row] > told.past.year[told.row]
    return told.found(
        "metering.usage.year", Severity.NOTE, direction="over" if more else "under",
        tell=f"{told.day('each_day')}, in the same period last year {told.day('year')}.",
        remedy="Ask what changed within the year, when nothing on record explains it.",
        evidence={"year_day_ukwh": told.past.year[told.row]},
    )  # fmt: skip


def _highest(told: _Told) -> Row:
    return told.found(
        "metering.usage.highest", Severity.WARN, direction="over",
        tell=f"{told.day('each_day')}, more than in any of {told.past.bills[told.row]} bills; all "
        f"but one of them had at most {told.day('highest')}.",
        remedy="Check reading and multiplier before the bill leaves.",
        evidence={"highest_day_ukwh": told.past.highest[told.row]},
    )  # fmt: skip


def _same(told: _Told) -> Row:
    count = int(told.past.same_run[told.row]) + 1
    return told.found(
        "metering.usage.same", Severity.WARN,
        tell=f"the same {told.day('each_day')} in {counted(count, 'bill')} in a row: as if "
        "estimated, but marked as read.",
        remedy="Ask who read the meter; take a reading before the next bill.",
        evidence={"bills": count},
    )  # fmt: skip


def _zero(told: _Told) -> Row:
    count = int(told.past.zero_run[told.row]) + 1
    return told.found(
        "metering.usage.zero", Severity.NOTE, direction="under",
        tell=f"no energy in {counted(count, 'bill')} in a row.",
        remedy="Put the premises on the list of visits: empty, disconnected, or not counted.",
        evidence={"bills": count},
    )  # fmt: skip


def _guessed(told: _Told, *, long: bool) -> Row:
    count = int(told.past.guessed_run[told.row]) + 1
    days = int(told.past.guessed_days[told.row] + told.past.days[told.row])
    return told.found(
        "metering.usage.estimated", Severity.HOLD if long else Severity.WARN,
        tell=f"mostly estimated for {counted(count, 'bill')} in a row, {counted(days, 'day')}.",
        remedy="Read the meter, and bill the difference from a reading.",
        evidence={"bills": count, "estimated_days": days},
    )  # fmt: skip


_SAY: dict[str, Callable[[_Told], Row]] = {
    "usage_high_pct": _high,
    "usage_low_pct": _low,
    "year_high_pct": _year,
    "year_low_pct": _year,
    "highest_pct": _highest,
    "same_bills": _same,
    "zero_bills": _zero,
}
