"""Step 10: a release is issued, bill by bill exactly once, whatever is killed or run twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import control
from gridtally.control.faults import fault
from gridtally.errors import Corrupt, NotFound
from gridtally.store import files
from gridtally.store.history import history_rows
from gridtally.store.leaves import bill_leaves
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.workspace import Workspace
from gridtally.subledger.approve import release_list
from gridtally.subledger.batch import Batch, Done, Plan, ToIssue, drop, issue_batch
from gridtally.subledger.heads import publish_head
from gridtally.tables import findings_table

__all__ = ["Issued", "ToIssue", "issue", "preview"]

BATCH = 500
"""Bills per transaction: some 0.3 s of holding the write lock."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What an issue did. Done again it does nothing: `numbers` is empty, `already` counts all."""

    release: str
    numbers: Mapping[str, str]
    """bill -> number, of those issued now"""
    already: int
    findings: pa.Table
    """why bills of the release were not issued"""
    checkpoint: str | None
    """the signed head"""


def issue(
    ws: Workspace,
    release_id: str,
    *,
    actor: str,
    as_of: int,
    issue_date: date,
    due_days: int,
    render_record: Callable[[ToIssue], Mapping[str, Any]],
    ledger_code: Callable[[str, str], str],
    tariff_ids: Mapping[str, str],
    sign_head: Callable[[int, bytes], str],
    verify: Callable[[bytes, str], bool],
    check_inputs: Callable[[Sequence[str]], Mapping[str, str]] | None = None,
    documents: Sequence[str] = ("pdf", "html"),
    due_dates: Mapping[str, date] | None = None,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> Issued:
    """Issue every bill of a release that is still released and still what was approved.

    `render_record(bill)` gives the record without its number (`docs/bill-record.md`);
    `ledger_code(tariff digest, component)` the ledger account of a line; `tariff_ids` digest -> id;
    `sign_head(size, root)` a checkpoint; `verify(list, signature)` whether the approver signed;
    `due_dates` account -> due date, where it is not `due_days` after the day of issue;
    `check_inputs(segments)` the present input digest of each, to find readings that changed since
    the run. Raises `Corrupt` when the release itself was changed.
    """
    release, items = _release(release_id, verify=verify)
    run = open_run(ws, release.run_id)
    plan = Plan(
        release=release_id, run=run.id, actor=actor, as_of=as_of, issued=issue_date,
        due_days=due_days, due_dates=due_dates or {}, render_record=render_record,
        documents=documents,
    )  # fmt: skip
    done = Done()
    valid = _unchanged(run, items, plan, done, check_inputs)
    prepared = _Prepared.of(run, valid, ledger_code=ledger_code, tariff_ids=tariff_ids)
    order = sorted(valid, key=lambda bill: (prepared.rows[bill]["from"], bill))
    for start in range(0, len(order), batch):
        names = order[start : start + batch]
        fault("issue.batch")
        issue_batch(ws, plan, prepared.batch(names, valid), done)
        if progress is not None:
            progress(min(start + batch, len(order)), len(order))
    checkpoint = publish_head(ws, sign=sign_head, as_of=as_of)
    return Issued(release_id, done.numbers, done.already, findings_table(done.findings), checkpoint)


def preview(
    ws: Workspace,
    release_id: str,
    *,
    verify: Callable[[bytes, str], bool],
    check_inputs: Callable[[Sequence[str]], Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """What `issue` would begin with, without effects: the same checks of release and inputs.

    `would_issue`, `already` and `left_out` count bills; posting may still leave one out.
    """
    release, items = _release(release_id, verify=verify)
    run = open_run(ws, release.run_id)
    rows = control.models.RunBill.objects.filter(run_id=run.id)
    states = dict(rows.values_list("bill", "state"))
    changed, stale = _differing(run, items, check_inputs)
    ready = {bill for bill in items if states.get(bill) == "released"} - changed - stale
    already = sum(states.get(bill) == "issued" for bill in items)
    return {
        "release": release_id,
        "would_issue": len(ready),
        "already": already,
        "left_out": len(items) - len(ready) - already,
    }


def _release(
    release_id: str, *, verify: Callable[[bytes, str], bool]
) -> tuple[control.models.Release, dict[str, tuple[str, str]]]:
    """The release and bill -> (leaf, decision), when it is still what the approver signed."""
    models = control.models
    release = models.Release.objects.filter(id=release_id).first()
    if release is None:
        raise NotFound(f"There is no release {release_id}.", remedy="See `gridtally status`.")
    rows = models.ReleaseItem.objects.filter(release=release)
    items = list(rows.values_list("bill", "leaf", "decision"))
    text = release_list(release.run_id, release.root, items)
    if files.sha256(text) != release.list_digest or not verify(text, release.signature):
        raise Corrupt(
            f"The release {release_id} is not what {release.actor} signed.",
            remedy="Nothing was issued. Approve the run again, and find out what changed it.",
        )
    return release, {bill: (leaf, decision) for bill, leaf, decision in items}


def _unchanged(
    run: RunFolder,
    items: Mapping[str, tuple[str, str]],
    plan: Plan,
    done: Done,
    check_inputs: Callable[[Sequence[str]], Mapping[str, str]] | None,
) -> dict[str, str]:
    """Bill -> decision, of those whose results and inputs are still the approved ones."""
    changed, stale = _differing(run, items, check_inputs)
    with control.database.atomic():
        for bill in sorted(changed):
            drop(plan, bill, done.findings, "changed",
                 "its lines, findings or inputs are not those that were approved",
                 "Verify the run folder; calculate it again in a supplementary run.")  # fmt: skip
        for bill in sorted(stale):
            drop(plan, bill, done.findings, "inputs",
                 "its readings, terms or tariffs changed since the run",
                 "Calculate it again in a supplementary run.")  # fmt: skip
    return {b: decision for b, (_, decision) in items.items() if b not in changed | stale}


def _differing(
    run: RunFolder,
    items: Mapping[str, tuple[str, str]],
    check_inputs: Callable[[Sequence[str]], Mapping[str, str]] | None,
) -> tuple[set[str], set[str]]:
    """Bills whose results are not the approved ones, and bills whose inputs changed since."""
    segments = run.read("segments")
    leaves = bill_leaves(
        run.read("bills"), segments=segments, lines=run.read("lines"),
        findings=run.read("findings"),
    )  # fmt: skip
    changed = {bill for bill, (leaf, _) in items.items() if leaves.get(bill) != leaf}
    return changed, _stale(segments, items, check_inputs) - changed


def _stale(
    segments: pa.Table,
    items: Mapping[str, tuple[str, str]],
    check_inputs: Callable[[Sequence[str]], Mapping[str, str]] | None,
) -> set[str]:
    if check_inputs is None:
        return set()
    mine = segments.filter(pc.is_in(segments["bill"], pa.array(list(items), pa.string())))
    now = check_inputs(mine["segment"].to_pylist())
    rows = mine.select(["bill", "segment", "input_digest"]).to_pylist()
    return {row["bill"] for row in rows if now[row["segment"]] != row["input_digest"]}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The run's tables, looked up by bill."""

    rows: Mapping[str, Mapping[str, Any]]
    segments: Mapping[str, list[Mapping[str, Any]]]
    amounts: Mapping[str, Mapping[str, Decimal]]
    history: pa.Table

    @classmethod
    def of(
        cls,
        run: RunFolder,
        bills: Iterable[str],
        *,
        ledger_code: Callable[[str, str], str],
        tariff_ids: Mapping[str, str],
    ) -> _Prepared:
        names = pa.array(list(bills), pa.string())
        rows, segments = run.read("bills"), run.read("segments")
        segments = segments.filter(pc.is_in(segments["bill"], names))
        past = history_rows(
            segments, accounts=run.read("master/accounts"), findings=run.read("findings"),
            tariff_ids=tariff_ids, run=run.id,
        )  # fmt: skip
        spans = run.read("spans", columns=["segment", "start_utc", "end_utc"])
        times = spans.group_by("segment", use_threads=False).aggregate(
            [("start_utc", "min"), ("end_utc", "max")]
        )
        bounds = {row["segment"]: row for row in times.to_pylist()}
        by_bill: dict[str, list[Mapping[str, Any]]] = {}
        columns = ["bill", "segment", "agreement", "metering_point", "from", "to"]
        for row in segments.select(columns).to_pylist():
            of = bounds[row["segment"]]
            utc = {"start_utc": of["start_utc_min"], "end_utc": of["end_utc_max"]}
            by_bill.setdefault(row["bill"], []).append(row | utc)
        chosen = rows.filter(pc.is_in(rows["bill"], names)).to_pylist()
        tariffs = run.read("spans", columns=["segment", "span", "tariff"])
        lines = run.read("lines").join(tariffs, ["segment", "span"], use_threads=False)
        amounts = _amounts(lines, segments, ledger_code=ledger_code)
        return cls({row["bill"]: row for row in chosen}, by_bill, amounts, past)

    def batch(self, names: Sequence[str], decisions: Mapping[str, str]) -> Batch:
        """The part of some bills, in that order."""
        return Batch(
            [self.rows[n] for n in names], decisions, self.segments, self.amounts, self.history
        )


def _amounts(
    lines: pa.Table, segments: pa.Table, *, ledger_code: Callable[[str, str], str]
) -> dict[str, dict[str, Decimal]]:
    """Bill -> ledger code -> exact amount [currency]. LINES come with the tariff of their span."""
    place = pc.index_in(lines["segment"].combine_chunks(), segments["segment"].combine_chunks())
    kept = pc.is_valid(place)
    lines, place = lines.filter(kept), place.filter(kept)
    keys = pa.table({
        "bill": segments["bill"].combine_chunks().take(place),
        "tariff": lines["tariff"], "component": lines["component"], "amount": lines["amount"],
    })  # fmt: skip
    names = ["bill", "tariff", "component"]
    sums = keys.group_by(names, use_threads=False).aggregate([("amount", "sum")])
    codes: dict[tuple[str, str], str] = {}
    found: dict[str, dict[str, Decimal]] = {}
    columns = [sums[name].to_pylist() for name in (*names, "amount_sum")]
    for bill, tariff, component, amount in zip(*columns, strict=True):
        key = (tariff, component)
        if key not in codes:
            codes[key] = _code(tariff, component, ledger_code)
        of_bill = found.setdefault(bill, {})
        of_bill[codes[key]] = of_bill.get(codes[key], Decimal(0)) + amount
    return found


def _code(tariff: str, component: str, ledger_code: Callable[[str, str], str]) -> str:
    """The rounding line of a segment (`docs/tariff.md`) belongs to no component."""
    return "revenue.rounding" if component == "rounding" else ledger_code(tariff, component)
