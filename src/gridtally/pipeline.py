"""THE TEN STEPS: start reading here.

receive, decode       `inbox.receive`: delivered files become readings, master data, tariffs
validate … rate       `bucket.bill`, for each bucket of metering points, on one snapshot
assemble              lines -> segments -> bills
audit                 rules, expectation, second rater -> findings, ranked
release               findings and decisions -> released, held, excluded; a signed list
issue                 numbers, ledger, proof leaves, deliveries

Only this module and its two halves, `inbox` and `bucket`, know all rooms.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import __version__, bucket
from gridtally.errors import Conflict
from gridtally.inbox import receive, tariff_text
from gridtally.periods import Period
from gridtally.prepare import Prepared, cases, jobs, prepare
from gridtally.rating import reference
from gridtally.rating.assemble import assemble
from gridtally.review.audit import RuleStats, audit, settings
from gridtally.review.expect import calibrate, expect
from gridtally.review.inputs import TARIFFS
from gridtally.review.library import shipped_rules
from gridtally.review.rank import Worklist, worklist
from gridtally.review.release import Release, decide
from gridtally.review.second import compare, sample
from gridtally.store import history
from gridtally.store.digest import canonical
from gridtally.store.runs import RunFolder, create_run
from gridtally.store.snapshot import snapshot
from gridtally.store.workspace import Workspace
from gridtally.subledger import approve
from gridtally.subledger.waiting import waiting_accounts
from gridtally.tables import FINDINGS, finding, findings_table
from gridtally.terms import Severity

__all__ = ["Outcome", "audit_tables", "open_workspace", "receive", "run"]

Table = pa.Table
Report = Callable[[str, int, int], None]
_NO_PEOPLE = ("name", "address", "email")
PART_TABLES = ("determinants", "lines", "carry", "estimates", "advances", "used", "daily")


def open_workspace(where: Path | None) -> Workspace:
    """The workspace at `where`, or the nearest above the current folder."""
    return Workspace.open(where or Path.cwd())


# -------------------------------------------------------------------- running


@dataclass
class Outcome:
    """What a run found. `folder` is None after a dry run."""

    run_id: str
    done: Mapping[str, Any]
    tables: dict[str, Table]
    folder: RunFolder | None = None
    work: Worklist | None = None
    release: Release | None = None
    stats: list[RuleStats] = field(default_factory=list)
    second: int = 0
    """bills that the second rater recomputed"""


def run(
    ws: Workspace,
    period: Period,
    *,
    actor: str,
    as_of: int,
    purpose: str = "billing",
    accounts: Sequence[str] | None = None,
    parameters: Mapping[str, object] | None = None,
    threads: int = 2,
    dry_run: bool = False,
    report: Report = lambda _step, _done, _total: None,
) -> Outcome:
    """Steps 3 to 8, sealed; then step 9 by rules alone. The same inputs give the same bytes.

    `purpose` "backfill" stops before the audit and enters its bills into history as they are: the
    past of an account that was billed elsewhere. `dry_run` seals in a temporary folder.
    """
    prepared = prepare(ws, period, accounts=accounts)
    info = _info(prepared, purpose=purpose, parameters=parameters or {})
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="gridtally-") as folder:
            outcome = _run(replace(ws, path=Path(folder)), prepared, info, threads, report)
            outcome.folder = None
            return outcome
    outcome = _run(ws, prepared, info, threads, report)
    assert outcome.folder is not None
    if purpose == "backfill":
        rows = history.history_rows(
            outcome.tables["segments"],
            accounts=prepared.master["accounts"],
            findings=outcome.tables["findings"],
            tariff_ids={digest: t.id for digest, t in prepared.tariffs.items()},
            run=outcome.run_id,
        )
        _enter(ws, rows, actor=actor, as_of=as_of)
        return outcome
    assert outcome.release is not None
    approve.register_run(
        ws,
        outcome.folder,
        outcome.release.table,
        scope_digest=info["scope"],
        actor=actor,
        as_of=as_of,
    )
    return outcome


def _enter(ws: Workspace, rows: Table, *, actor: str, as_of: int) -> None:
    """Put the bills of a backfill into history; the same ones again change nothing."""
    past = history.read_history(snapshot(ws))
    known = past.filter(pc.is_in(past["segment"], rows["segment"].combine_chunks()))
    if set(known["run"].to_pylist()) - set(rows["run"].to_pylist()):
        raise Conflict(
            f"{known.num_rows} of these bills are in the history already, with other inputs.",
            remedy="A past that others were billed on is not replaced.",
        )
    history.append(ws, rows, kind="backfill", actor=actor, as_of=as_of)


def _info(prepared: Prepared, *, purpose: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """run.json: everything that decides the content of a run, and neither actor nor clock."""
    period, ws = prepared.period, prepared.workspace
    rules = settings(shipped_rules(), parameters)
    return {
        "schema": 1,
        "purpose": purpose,
        "period": {"from": str(period.start), "to": str(period.end)},
        "scope": canonical(prepared.spans).digest,
        "snapshot": prepared.snap.as_dict(),
        "tariffs": sorted(prepared.tariffs),
        "rules": {
            rule: {name: str(value) for name, value in values.items()}
            for rule, values in rules.items()
        },
        "review_budget": ws.settings.review_budget,
        "second_opinion_percent": ws.settings.second_opinion_percent,
        "seed": hashlib.sha256(f"{period.start}/{period.end}".encode()).hexdigest()[:16],
        "engine": {"gridtally": __version__, "tzdata": version("tzdata")},
    }


def _run(
    ws: Workspace, prepared: Prepared, info: dict[str, Any], threads: int, report: Report
) -> Outcome:
    """Steps 3 to 9 into a run folder."""
    tables = _bill(prepared, threads, report)
    outcome = Outcome("", {}, tables)
    if info["purpose"] == "billing":
        _audit(prepared, outcome, info, report)
    report("seal", 0, 1)
    folder = create_run(ws, info)
    if not folder.sealed:
        _write(folder, prepared, tables)
        folder = folder.seal()
    outcome.run_id, outcome.done, outcome.folder = folder.id, folder.done, folder
    tables["bills"] = folder.read("bills")
    report("seal", 1, 1)
    if info["purpose"] == "billing":
        _release(prepared, outcome)
    return outcome


def _write(folder: RunFolder, prepared: Prepared, tables: Mapping[str, Table]) -> None:
    for name, table in tables.items():
        folder.write(name, table)
    for name, table in prepared.master.items():
        people = [column for column in _NO_PEOPLE if column in table.column_names]
        folder.write(f"master/{name}", table.drop_columns(people))
    folder.write("spans", prepared.spans)


def _bill(prepared: Prepared, threads: int, report: Report) -> dict[str, Table]:
    """Steps 3 to 7."""
    work = jobs(prepared)
    parts: list[bucket.Part] = []
    report("validate, estimate, determine, rate", 0, len(work))
    with ThreadPoolExecutor(threads) as pool:
        for part in pool.map(bucket.bill, work):
            parts.append(part)
            report("validate, estimate, determine, rate", len(parts), len(work))
    tables = {name: _merged([getattr(part, name) for part in parts]) for name in PART_TABLES}
    findings = [prepared.findings, *(part.findings for part in parts)]
    digests = {name: digest for part in parts for name, digest in part.digests.items()}
    report("assemble", 0, 1)
    segments, bills, wrong = assemble(
        prepared.spans,
        tables["lines"],
        tables["determinants"],
        tariffs=prepared.tariffs,
        findings=_merged(findings),
        input_digests=digests,
    )
    waiting = _unissued(prepared, bills)
    tables |= {"segments": segments, "bills": bills, "carry_in": prepared.before["carry"]}
    tables["findings"] = _merged([*findings, wrong, waiting])
    report("assemble", 1, 1)
    return tables


def _merged(parts: Iterable[Table]) -> Table:
    parts = list(parts)
    filled = [part for part in parts if part.num_rows]
    return pa.concat_tables(filled) if filled else (parts[0] if parts else FINDINGS.empty_table())


def _unissued(prepared: Prepared, bills: Table) -> Table:
    """A bill whose predecessor is not issued yet is held: its carry is not known."""
    waiting = waiting_accounts(prepared.period.start)
    rows = [
        finding(
            "rating.carry.unissued",
            Severity.HOLD,
            f"The bill before this one, {waiting[row['account']]}, is not issued yet, "
            "and this one builds on it.",
            remedy="Decide about the earlier bill first, then run this period again.",
            must_hold=True,
            bill=row["bill"],
            account=row["account"],
        )
        for row in bills.select(["bill", "account"]).to_pylist()
        if row["account"] in waiting
    ]
    return findings_table(rows)


# ------------------------------------------------------------------- auditing


def audit_tables(prepared: Prepared, tables: Mapping[str, Table]) -> dict[str, Table]:
    """Everything that audit rules may read, by name."""
    names = ("segments", "bills", "lines", "determinants", "carry", "findings", "advances", "daily",
             "estimates")  # fmt: skip
    versions = [
        {
            "digest": t.digest,
            "id": t.id,
            "title": tariff_text(t.title),
            "currency": t.currency,
            "valid_from": t.valid_from,
        }
        for t in prepared.tariffs.values()
    ]
    return (
        {name: tables[name] for name in names}
        | {name: prepared.master[name] for name in
           ("accounts", "metering_points", "meters", "registers", "agreements")}
        | {
            "spans": prepared.spans,
            "history": prepared.history,
            "register_readings": tables["used"],
            "past_readings": prepared.before["used"],
            "past_determinants": prepared.before["determinants"],
            "tariffs": pa.Table.from_pylist(versions, schema=TARIFFS),
        }
    )  # fmt: skip


def _audit(prepared: Prepared, outcome: Outcome, info: Mapping[str, Any], report: Report) -> None:
    """Step 8: rules, expectation, the second rater; everything found is ranked."""
    tables, currency = outcome.tables, prepared.workspace.settings.currency
    report("audit", 0, 3)
    inputs = audit_tables(prepared, tables)
    calibration = calibrate(prepared.history, before=prepared.period.start)
    inputs["expected"] = expect(inputs, calibration)
    overrides = {
        f"{rule}.{name}": v for rule, vs in info["rules"].items() for name, v in vs.items()
    }
    found, outcome.stats = audit(
        inputs, period=prepared.period, currency=currency, parameters=overrides
    )
    report("audit", 1, 3)
    tables["expected"] = inputs["expected"]
    tables["findings"] = _merged([tables["findings"], found])
    work = _ranked(prepared, tables)
    second = _second(prepared, tables, held=work.held, info=info)
    outcome.second = second[0]
    report("audit", 2, 3)
    if second[1].num_rows:
        tables["findings"] = _merged([tables["findings"], second[1]])
        work = _ranked(prepared, tables)
    outcome.work = work
    report("audit", 3, 3)


def _ranked(prepared: Prepared, tables: Mapping[str, Table]) -> Worklist:
    settings_ = prepared.workspace.settings
    return worklist(
        tables["findings"],
        tables["bills"],
        tables["segments"],
        budget=settings_.review_budget,
        currency=settings_.currency,
        accounts=prepared.master["accounts"],
        expected=tables["expected"],
    )


def _second(
    prepared: Prepared,
    tables: Mapping[str, Table],
    *,
    held: frozenset[str],
    info: Mapping[str, Any],
) -> tuple[int, Table]:
    """The second rater on every held bill, the large ones, and a sample of the rest."""
    bills = tables["bills"].filter(pc.is_valid(tables["bills"]["total"]))
    chosen = sample(
        bills,
        held=held,
        large=_large(bills),
        share=Decimal(prepared.workspace.settings.second_opinion_percent) / 100,
        seed=info["seed"],
    )
    segments = tables["segments"]
    mine = segments.filter(pc.is_in(segments["bill"], pa.array(chosen, pa.string())))
    made = cases(prepared, mine["segment"].to_pylist())
    return len(chosen), compare(
        sorted(made.items()),
        tables["lines"],
        segments,
        rate_case=reference.rate_case,
        tariffs=prepared.documents,
    )


def _large(bills: Table) -> Decimal:
    """The hundredth part of the bills with the largest totals is large."""
    totals = sorted((abs(t) for t in bills["total"].to_pylist()), reverse=True)
    return totals[len(totals) // 100] if totals else Decimal(0)


# ------------------------------------------------------------------ releasing


def _release(prepared: Prepared, outcome: Outcome) -> None:
    """Step 9 by rules, and by earlier decisions on the very same drafts."""
    assert outcome.work is not None
    bills = outcome.tables["bills"]
    outcome.release = decide(
        bills,
        outcome.tables["findings"],
        approve.decisions(bills=bills["bill"].to_pylist()),
        segments=outcome.tables["segments"],
        listed=outcome.work.held,
        scope=sorted(set(prepared.spans["account"].to_pylist())),
    )
