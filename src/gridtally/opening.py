"""Before the first period: what another system hands over, checked against master data and tariffs.

The energy in tiers, ratchets and banks becomes the carry of each agreement's last bill over there,
so that the first bill here goes on as if there had been no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import NotFound
from gridtally.intake.opening import TABLES, Opening, Sum, problem, read_opening
from gridtally.money import number, to_minor
from gridtally.periods import month_name, month_number
from gridtally.rating import tariff as tariffs
from gridtally.rating.charges import Charge, Demand, Energy, Tiered
from gridtally.rating.tariff import TariffVersion
from gridtally.store import files, history
from gridtally.store.digest import table_digest
from gridtally.store.snapshot import Snapshot, master, snapshot
from gridtally.store.snapshot import tariffs as stored_tariffs
from gridtally.store.workspace import Workspace
from gridtally.subledger.opening import billed, take_over, taken
from gridtally.tables import CARRY, DETERMINANTS, HISTORY, REGISTERS_USED, table

__all__ = ["TakenOver", "import_opening"]

Row = dict[str, Any]
_SHOWN = 20


@dataclass(slots=True)
class TakenOver:
    """What became of an opening. `sums` compares each column with its control total."""

    answer: str
    rows: dict[str, int]
    sums: list[Row]
    findings: list[Row] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether nothing was taken over because something is wrong."""
        return bool(self.findings)


def import_opening(
    ws: Workspace, folder: Path, *, actor: str, as_of: int, dry_run: bool = False
) -> TakenOver:
    """Take over the opening balances in a folder: all of them, or nothing.

    Raises `RefusedFile` when a file as a whole is not what its name says, `NotFound` when there is
    none, `Conflict` when a part is booked already.
    """
    found = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    given = {path.name: path.read_bytes() for path in found if path.suffix != ".md"}
    if not given:
        raise NotFound(
            f"There is no file of an opening in {folder}.",
            remedy=f"Name a folder with files such as {', '.join(f'{n}.csv' for n in TABLES)}.",
        )
    opening = read_opening(given)
    digest = _digest(opening)
    rows = {one.table: int(one.sum) for one in opening.sums if one.column == "rows"}
    answer = TakenOver("refused", rows, [_sum(one) for one in opening.sums])
    if taken(digest):
        answer.answer = "known already"
        return answer
    snap = snapshot(ws)
    answer.findings = opening.findings.to_pylist()
    if not answer.findings:
        answer.findings = list(_against(ws, snap, opening.tables))
    if answer.findings:
        return answer
    answer.answer = "would be taken over"
    if not dry_run:
        new = _take_over(ws, snap, opening, digest, actor=actor, as_of=as_of)
        answer.answer = "taken over" if new else "known already"
    return answer


def _sum(one: Sum) -> Row:
    control = None if one.control is None else number(one.control)
    return {"table": one.table, "column": one.column, "sum": number(one.sum), "control": control}


def _digest(opening: Opening) -> str:
    parts = [f"{name} {table_digest(opening.tables[name])}\n" for name in TABLES]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _take_over(
    ws: Workspace, snap: Snapshot, opening: Opening, digest: str, *, actor: str, as_of: int
) -> bool:
    name = f"opening/{digest[:16]}"
    made = {
        "carry": _carry(opening.tables),
        "used": REGISTERS_USED.empty_table(),
        "determinants": DETERMINANTS.empty_table(),
    }
    for part, rows in made.items():
        files.write(ws.path / name / part / "all.parquet", files.table_bytes(rows))
    past = _history(opening.tables, master(snap)["accounts"], ws.settings.currency, name)
    summary = {one.table + "." + one.column: number(one.sum) for one in opening.sums}
    return take_over(
        digest=digest,
        items=opening.tables["open_items"].to_pylist(),
        deposits=opening.tables["deposits"].to_pylist(),
        bills=history.write(ws, past, kind="opening") if len(past) else None,
        summary=json.dumps(summary, sort_keys=True),
        currency=ws.settings.currency,
        actor=actor,
        as_of=as_of,
    )


# ---------------------------------------------------------------------- tables


def _segment(row: Row) -> str:
    return f"{row['agreement']}/{row['from']}/{row['to']}"


def _last(bills: pa.Table) -> dict[str, Row]:
    """agreement -> its newest bill over there"""
    ordered = bills.sort_by([("to", "ascending")]).to_pylist()
    return {row["agreement"]: row for row in ordered}


def _history(
    given: Mapping[str, pa.Table], accounts: pa.Table, currency: str, name: str
) -> pa.Table:
    kinds = dict(zip(accounts["account"].to_pylist(), accounts["segment"].to_pylist(), strict=True))
    kept = ("agreement", "account", "metering_point", "from", "to", "tariff", "import_ukwh",
            "demand_ukw", "total")  # fmt: skip
    rows = [
        {key: row[key] for key in kept}
        | {
            "segment": _segment(row), "bill": f"{row['account']}/{row['from']}/{row['to']}",
            "customer_segment": kinds.get(row["account"], ""), "currency": currency,
            "export_ukwh": row["export_ukwh"] or 0, "estimated_ukwh": row["estimated_ukwh"] or 0,
            "findings": "", "decision": "opening", "run": name,
        }
        for row in given["bill_history"].to_pylist()
    ]  # fmt: skip
    return table(HISTORY, rows)


def _carry(given: Mapping[str, pa.Table]) -> pa.Table:
    """What each agreement's last bill hands on, as `docs/tariff.md`, *Carry*, names it."""
    last = _last(given["bill_history"])
    rows: list[Row] = []

    def add(row: Row, key: str, at: date, value: int) -> None:
        segment = _segment(last[row["agreement"]])
        rows.append({
            "agreement": row["agreement"], "segment": segment, "key": key, "at": at, "value": value,
        })  # fmt: skip

    for row in given["tier_energy"].to_pylist():
        add(row, f"tier/{row['component']}", row["window_from"], row["ukwh"])
    for row in given["ratchets"].to_pylist():
        add(row, f"demand/{row['component']}/{row['bucket']}", row["month"], row["ukw"])
    for row in given["credit_banks"].to_pylist():
        end = last[row["agreement"]]["to"]
        add(row, f"bank/{row['component']}/{row['bucket']}", end, row["ukwh"])
    return table(CARRY, sorted(rows, key=lambda row: (row["segment"], row["key"], row["at"])))


# ------------------------------------------------------- what the workspace knows


def _against(ws: Workspace, snap: Snapshot, given: Mapping[str, pa.Table]) -> Iterator[Row]:
    """What does not fit the master data, the tariffs, the currency, or what was issued here."""
    known = master(snap)
    yield from _unknown_accounts(given, known["accounts"])
    yield from _unlike_agreements(given["bill_history"], known["agreements"])
    yield from _unfit_amounts(given, ws.settings.currency)
    versions = [tariffs.load(stored.data, name=stored.tariff) for stored in stored_tariffs(snap)]
    yield from _unknown_components(given, versions)
    yield from islice(_unknown_months(given, versions, known["agreements"]), _SHOWN)
    names = sorted(_last(given["bill_history"]))
    for agreement in sorted(billed(names))[:_SHOWN]:
        yield problem(
            "late", f"The agreement {agreement} has issued bills in this workspace: its opening "
            "comes too late.",
            remedy="Leave its rows away; correct its bills instead.", file="bill_history",
        )  # fmt: skip


def _unknown_accounts(given: Mapping[str, pa.Table], accounts: pa.Table) -> Iterator[Row]:
    known = pa.array(accounts["account"].to_pylist(), pa.string())
    for name in ("open_items", "deposits", "bill_history"):
        mine = given[name]["account"].unique()
        for account in mine.filter(pc.invert(pc.is_in(mine, known))).to_pylist()[:_SHOWN]:
            yield problem(
                "account", f"{name}: there is no account {account} in the master data.",
                remedy="Receive the account first, or correct its number.",
                file=name, account=account,
            )  # fmt: skip


def _unlike_agreements(bills: pa.Table, agreements: pa.Table) -> Iterator[Row]:
    """A bill is of an agreement that is known, and of its account and metering point."""
    columns = ("agreement", "account", "metering_point")
    known = {tuple(row.values()) for row in agreements.select(columns).to_pylist()}
    mine = {tuple(row.values()) for row in bills.select(columns).to_pylist()}
    for agreement, account, point in sorted(mine - known)[:_SHOWN]:
        yield problem(
            "agreement",
            f"bill_history: the master data have no agreement {agreement} of account {account} at "
            f"metering point {point}.",
            remedy="Receive the agreement first, or correct the row.",
            file="bill_history", account=account, metering_point=point,
        )  # fmt: skip


def _unfit_amounts(given: Mapping[str, pa.Table], currency: str) -> Iterator[Row]:
    money = {"open_items": "amount", "deposits": "amount", "bill_history": "total"}
    for name, column in money.items():
        for row in given[name].to_pylist():
            try:
                to_minor(Decimal(row[column]), currency)
            except ValueError:
                yield problem(
                    "amount",
                    f"{name}: {number(row[column])} has more decimals than {currency}.",
                    remedy="Deliver amounts that can be paid.", file=name, account=row["account"],
                )  # fmt: skip


_FITS: dict[str, Callable[[Charge], bool]] = {
    "tier_energy": lambda charge: isinstance(charge, Tiered),
    "ratchets": lambda charge: isinstance(charge, Demand) and charge.months_back > 0,
    "credit_banks": lambda charge: isinstance(charge, Energy | Tiered) and bool(charge.netting),
}
"""Which components go on from the figures of a file."""


def _unknown_components(
    given: Mapping[str, pa.Table], versions: Sequence[TariffVersion]
) -> Iterator[Row]:
    """A figure is carried to a component that the agreement's tariff has."""
    have: dict[str, list[Charge]] = {}
    for version in versions:
        have.setdefault(version.id, []).extend(version.components)
    last = _last(given["bill_history"])
    for name, fits in _FITS.items():
        pairs = given[name].select(["agreement", "component"]).to_pylist()
        wanted = {(last[row["agreement"]]["tariff"], row["component"]) for row in pairs}
        for tariff, component in sorted(wanted):
            if not any(c.id == component and fits(c) for c in have.get(tariff, ())):
                yield problem(
                    "component",
                    f"{name}: the tariff {tariff} has no component {component} that goes on from "
                    "such a figure.",
                    remedy="Receive the tariff first, or correct the id of the component.",
                    file=name,
                )  # fmt: skip


def _unknown_months(
    given: Mapping[str, pa.Table], versions: Sequence[TariffVersion], agreements: pa.Table
) -> Iterator[Row]:
    """What the first bill here looks back to is handed over, month by month (T15)."""
    began = (
        agreements.group_by("agreement", use_threads=False).aggregate([("from", "min")]).to_pylist()
    )
    first_day = {row["agreement"]: row["from_min"] for row in began}
    known: dict[tuple[str, str, str], set[int]] = {}
    for row in given["ratchets"].to_pylist():
        key = row["agreement"], row["component"], row["bucket"]
        known.setdefault(key, set()).add(month_number(row["month"]))
    for agreement, bill in _last(given["bill_history"]).items():
        month = month_number(bill["to"])
        since = month_number(first_day.get(agreement) or bill["to"])
        for component, buckets, back in _looking_back(versions, bill["tariff"], bill["to"]):
            needed = range(max(month - back, since), month)
            for bucket in buckets:
                missing = set(needed) - known.get((agreement, component, bucket), set())
                if missing:
                    yield _no_month(agreement, component, bucket, sorted(missing))


def _looking_back(
    versions: Sequence[TariffVersion], tariff: str, day: date
) -> Iterator[tuple[str, Sequence[str], int]]:
    """Components of a tariff that have to know earlier demands: id, buckets, months back."""
    mine = [v for v in versions if v.id == tariff and v.valid_from <= day]
    if mine:
        version = max(mine, key=lambda v: v.valid_from)
        for charge in version.looking_back:
            calendar = charge.calendar and version.calendars[charge.calendar]
            yield charge.id, calendar.buckets if calendar else ("all",), charge.months_back


def _no_month(agreement: str, component: str, bucket: str, months: Sequence[int]) -> Row:
    named = ", ".join(month_name(number) for number in months)
    of = "" if bucket == "all" else f" ({bucket})"
    return problem(
        "months",
        f"ratchets: the next bill of the agreement {agreement} looks back with {component}{of} to "
        f"months of which there is no demand: {named}.",
        remedy="Deliver the demand of each of these months, 0 where there was none.",
        file="ratchets",
    )
