"""Steps 2 to 7 without a workspace: what is found, in words for whoever has no agreements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from gridtally.periods import Period, iso_utc
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["as_shown", "chain_broken", "no_day", "of_bill", "partial_month"]

Row = Mapping[str, Any]

_REMEDIES = {
    "rating.contract.missing": "Give --term contract_kw=KW.",
    "rating.capacity.missing": "Give --term capacity_kva=KVA.",
    "rating.term.missing": "Give it as --term NAME=VALUE; it is never guessed.",
    "rating.term.range": "Correct the value given with --term.",
    "rating.quantity.registers": "Deliver intervals, or rate under another tariff.",
    "rating.tariff.none": "Rate these days under a document in force, or leave them out: "
    "--from, --to.",
    "rating.zone.differs": "Leave --zone out, or rate under a tariff of that zone.",
}
"""Remedies that a run would put into master data."""


def of_bill(found: pa.Table, bill: Period) -> list[dict[str, Any]]:
    """FINDINGS of a bill as rows, with its days and with remedies of this command."""
    return [
        row | _days(bill) | {"remedy": _REMEDIES.get(row["code"], row["remedy"])}
        for row in found.to_pylist()
    ]


def _days(bill: Period) -> dict[str, str]:
    return {"from": bill.start.isoformat(), "to": bill.end.isoformat()}


def as_shown(row: Row) -> dict[str, Any]:
    """A finding of the answer; `from`, `to`: the days of its bill, null where it is of none."""
    keys = ("code", "severity", "file", "line", "metering_point", "channel", "message", "remedy")
    shown = {key: row[key] for key in keys} | {key: row.get(key) for key in ("from", "to")}
    for key in ("start_utc", "end_utc"):
        at = row.get(key)
        shown[key.removesuffix("_utc")] = None if at is None else iso_utc(at)
    return shown


def partial_month(point: str, month: Period) -> Row:
    """A month that is billed in part."""
    whole = Period.month(month.start.year, month.start.month).days
    return _finding(
        "rating.month.partial",
        Severity.NOTE,
        f"{month.start:%Y-%m}: {month.days} of {whole} days, from {month.start} to {month.end}; "
        "charges per month are in proportion to days.",
        remedy="Deliver the rest of the month for a whole bill.",
        metering_point=point,
    ) | _days(month)


def chain_broken(point: str, month: Period, days: Period) -> Row:
    """What comes after a month without a bill, and builds on it."""
    return _finding(
        "rating.carry.unknown",
        Severity.HOLD,
        f"{month.start:%Y-%m} has no bill, so what it hands on is not known: nothing is billed "
        f"from {month.end} to {days.end}.",
        remedy="Complete the readings of that month, or bill from a later day with --from.",
        metering_point=point,
    ) | _days(month)


def no_day(point: str) -> Row:
    """A metering point of which no day is whole."""
    return _finding(
        "rating.month.none",
        Severity.HOLD,
        "The readings do not cover a whole local day.",
        remedy="Deliver at least one day from midnight to midnight, or check --zone.",
        metering_point=point,
    )


def _finding(
    code: str, severity: Severity, message: str, *, remedy: str, **where: Any
) -> dict[str, Any]:
    row = finding(
        code, severity, message, remedy=remedy, must_hold=severity == Severity.HOLD, **where
    )
    return findings_table([row]).to_pylist()[0]  # type: ignore[no-any-return]
