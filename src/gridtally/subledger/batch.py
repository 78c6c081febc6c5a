"""Step 10: one batch of released bills becomes issued in one transaction: all or nothing.

Record and history files are on disk before it commits; they are named by their content, so what a
killed process left of them is found again or never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Max

from gridtally import control
from gridtally.control.database import in_chunks, insert
from gridtally.control.faults import fault
from gridtally.errors import GridtallyError
from gridtally.money import to_minor
from gridtally.store import history
from gridtally.store.workspace import Workspace
from gridtally.subledger import heads, keys, post, records
from gridtally.tables import finding
from gridtally.terms import BillState, Severity

__all__ = ["Batch", "Done", "Plan", "ToIssue", "drop", "issue_batch"]

Row = Mapping[str, Any]
Taken = dict[str, list[tuple[date, date, str]]]
"""agreement -> issued periods, and the bills that hold them"""


@dataclass(frozen=True, slots=True)
class ToIssue:
    """A bill that gets its number next: what a record needs besides the run's tables."""

    row: Row
    """BILLS"""
    number: str
    issued: date
    due: date
    balance: Mapping[str, Decimal]
    """previous, payments and adjustments [currency]; payments and credits below zero"""
    key: bytes
    """of the customer's commitments"""
    decision: str
    """`rules`, or who released it"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all batches of one release."""

    release: str
    run: str
    actor: str
    as_of: int
    issued: date
    due_days: int
    due_dates: Mapping[str, date]
    """account -> due date, for those with a rule of their own"""
    render_record: Callable[[ToIssue], Mapping[str, Any]]
    documents: Sequence[str]

    def due(self, account: str) -> date:
        """The due date of an account's bill."""
        return self.due_dates.get(account, self.issued + timedelta(days=self.due_days))


@dataclass(frozen=True, slots=True)
class Batch:
    """Bills in the order of their numbers, and everything of the run that they need."""

    bills: Sequence[Row]
    decisions: Mapping[str, str]
    segments: Mapping[str, Sequence[Row]]
    amounts: Mapping[str, Mapping[str, Decimal]]
    history: pa.Table


@dataclass(slots=True)
class Done:
    """What came of it."""

    numbers: dict[str, str] = field(default_factory=dict)
    already: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A bill whose amounts fit."""

    row: Row
    total: int
    parts: Mapping[str, int]


def issue_batch(ws: Workspace, plan: Plan, batch: Batch, done: Done) -> None:
    """Issue what of the batch is still released; add to `done` what happened."""
    told: list[dict[str, Any]] = []
    with control.database.atomic():
        waiting = _waiting(plan, batch, done)
        taken = _taken(batch, waiting)
        ready = [bill for row in waiting if (bill := _ready(plan, batch, row, taken, told))]
        if ready:
            numbers = _issue(ws, plan, batch, ready)
        fault("issue.commit")
    fault("issue.committed")
    if ready:
        done.numbers |= numbers
    done.findings += told


def _waiting(plan: Plan, batch: Batch, done: Done) -> list[Row]:
    """Bills of the batch that are released; nothing that is held, excluded or issued."""
    names = [row["bill"] for row in batch.bills]
    rows = control.models.RunBill.objects.filter(run_id=plan.run, bill__in=names)
    states = dict(rows.values_list("bill", "state"))
    done.already += sum(state == BillState.ISSUED for state in states.values())
    return [row for row in batch.bills if states.get(row["bill"]) == BillState.RELEASED]


def _ready(
    plan: Plan, batch: Batch, row: Row, taken: Taken, told: list[dict[str, Any]]
) -> _Ready | None:
    """The bill in smallest units; None, and held with a finding, when it cannot be issued."""
    bill, currency = row["bill"], row["currency"]
    segments = batch.segments.get(bill, ())
    if other := _overlap(segments, taken):
        drop(plan, bill, told, "overlap", f"a part of its period is issued already: {other}",
             "Cancel that bill first, or exclude this one.")  # fmt: skip
        return None
    amounts = batch.amounts.get(bill, {})
    try:
        total = to_minor(row["total"], currency)
        ready = _Ready(row, total, post.split(amounts, total=total, currency=currency))
    except ValueError as err:
        drop(plan, bill, told, "sum", f"its amounts cannot be posted: {err}",
             "Calculate it again in a supplementary run; report it if it stays.")  # fmt: skip
        return None
    for segment in segments:
        mine = (segment["from"], segment["to"], f"{segment['segment']} of {bill}")
        taken.setdefault(segment["agreement"], []).append(mine)
    return ready


def _taken(batch: Batch, rows: Sequence[Row]) -> Taken:
    """The live issued periods of the agreements of these bills."""
    segments = [segment for row in rows for segment in batch.segments.get(row["bill"], ())]
    taken: Taken = {}
    if not segments:
        return taken
    live = control.models.IssuedSegment.objects.filter(
        live=True,
        date_from__lt=max(segment["to"] for segment in segments),
        date_to__gt=min(segment["from"] for segment in segments),
    )
    for part in in_chunks(sorted({segment["agreement"] for segment in segments})):
        found = live.filter(agreement__in=part).values_list(
            "agreement", "date_from", "date_to", "segment", "bill__number"
        )
        for agreement, start, end, segment, number in found:
            taken.setdefault(agreement, []).append((start, end, f"{segment} on {number}"))
    return taken


def _overlap(segments: Sequence[Row], taken: Taken) -> str:
    """What holds days of one of these segments already."""
    for segment in segments:
        for start, end, what in taken.get(segment["agreement"], ()):
            if start < segment["to"] and segment["from"] < end:
                return what
    return ""


def drop(
    plan: Plan, bill: str, told: list[dict[str, Any]], problem: str, why: str, remedy: str
) -> None:
    """Hold one released bill that cannot be issued, inside the caller's transaction."""
    models = control.models
    models.RunBill.objects.filter(run_id=plan.run, bill=bill, state="released").update(
        state=str(BillState.HELD), reason=f"Not issued: {why}."
    )
    models.Event.objects.create(
        at=plan.as_of, actor=plan.actor, what="bill.held", subject=bill, detail=why
    )
    told.append(
        finding(
            f"subledger.issue.{problem}",
            Severity.HOLD,
            f"The bill {bill} was not issued: {why}.",
            remedy=remedy,
            must_hold=True,
            bill=bill,
        )
    )


def _issue(ws: Workspace, plan: Plan, batch: Batch, ready: Sequence[_Ready]) -> dict[str, str]:
    """Numbers, records, leaves, bills, segments, entries, outbox: in the caller's transaction."""
    models = control.models
    series = f"{ws.settings.series}{plan.issued.year}"
    taken = models.IssuedBill.objects.filter(series=series).aggregate(last=Max("serial"))["last"]
    first = (taken or 0) + 1
    numbers = [f"{series}-{first + i:06d}" for i in range(len(ready))]
    texts = _records(plan, batch, ready, numbers)
    stored = records.write_records(ws, series, texts)
    names = [bill.row["bill"] for bill in ready]
    chosen = pc.is_in(batch.history["bill"], pa.array(names, pa.string()))
    line = history.write(ws, batch.history.filter(chosen), kind="issued")
    fault("issue.files")
    leaf = heads.add_leaves(
        [(records.leaf_hash(t), "bill", n) for t, n in zip(texts, numbers, strict=True)]
    )
    issued = [
        {
            "number": numbers[i], "series": series, "serial": first + i,
            "bill": bill.row["bill"], "account": bill.row["account"],
            "run_id": plan.run, "release_id": plan.release,
            "currency": bill.row["currency"], "total_minor": bill.total,
            "period_from": bill.row["from"], "period_to": bill.row["to"],
            "issued": plan.issued, "due": plan.due(bill.row["account"]), "leaf_id": leaf + i,
            "record_path": where.path, "record_offset": where.offset, "record_size": where.size,
        }
        for i, (bill, where) in enumerate(zip(ready, stored, strict=True))
    ]  # fmt: skip
    insert(models.IssuedBill, issued)
    insert(models.IssuedSegment, _segments(batch, issued))
    _post(ready, issued)
    insert(
        models.Outbox,
        [{"bill_id": bill["number"], "kind": kind} for bill in issued for kind in plan.documents],
    )
    models.RunBill.objects.filter(run_id=plan.run, bill__in=names).update(state="issued")
    history.publish(line)
    models.Event.objects.create(
        at=plan.as_of, actor=plan.actor, what="bills.issued", subject=plan.release,
        detail=f"{numbers[0]} to {numbers[-1]}",
    )  # fmt: skip
    return dict(zip(names, numbers, strict=True))


def _records(
    plan: Plan, batch: Batch, ready: Sequence[_Ready], numbers: Sequence[str]
) -> list[bytes]:
    accounts = sorted({bill.row["account"] for bill in ready})
    person = keys.person_keys(accounts)
    before = post.statements(accounts)
    texts = []
    for bill, number in zip(ready, numbers, strict=True):
        account = bill.row["account"]
        statement = before[account]
        to_issue = ToIssue(
            row=bill.row, number=number, issued=plan.issued, due=plan.due(account),
            balance=statement.amounts(bill.row["currency"]), key=person[account],
            decision=batch.decisions[bill.row["bill"]],
        )  # fmt: skip
        before[account] = statement.after(bill.total)
        record = {**plan.render_record(to_issue), "number": number}
        _require(record, bill)
        texts.append(records.canonical(record))
    return texts


def _require(record: Mapping[str, Any], bill: _Ready) -> None:
    """The record says what is posted (L-02); else it is an error of ours: no batch then."""
    said = to_minor(Decimal(record["total"]), bill.row["currency"])
    if record["bill"] != bill.row["bill"] or said != bill.total:
        raise GridtallyError(
            f"The record of {bill.row['bill']} does not say what would be posted.",
            remedy="Nothing was issued. Report this.",
            code="subledger.issue.record",
        )


def _segments(batch: Batch, issued: Sequence[Row]) -> Iterator[Row]:
    for bill in issued:
        for row in batch.segments.get(bill["bill"], ()):
            yield {
                "bill_id": bill["number"], "segment": row["segment"],
                "agreement": row["agreement"], "metering_point": row["metering_point"],
                "date_from": row["from"], "date_to": row["to"],
                "start_utc": row["start_utc"], "end_utc": row["end_utc"],
            }  # fmt: skip


def _post(ready: Sequence[_Ready], issued: Sequence[Row]) -> None:
    post.open_accounts({post.RECEIVABLE, *(code for bill in ready for code in bill.parts)})
    rows = []
    for bill, row in zip(ready, issued, strict=True):
        common = {
            "transaction": f"bill:{row['number']}", "currency": row["currency"],
            "account": row["account"], "bill_id": row["number"],
            "service_from": row["period_from"], "service_to": row["period_to"],
            "posted": row["issued"], "due": row["due"],
        }  # fmt: skip
        rows += [common | entry for entry in post.entries_of(bill.parts)]
    insert(control.models.Entry, rows)
