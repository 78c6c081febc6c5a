"""THE TEN STEPS: start reading here.

receive, decode       `inbox.receive`: delivered files become readings, master data, tariffs
validate … rate       `bucket.bill`, for each bucket of metering points, on one snapshot
assemble              lines -> segments -> bills
audit                 rules, expectation, second rater -> findings, ranked
release               findings and decisions -> released, held, excluded; a signed list
issue                 numbers, ledger, proof leaves, deliveries

Only this module and its halves know all rooms: `inbox` (1-2), `prepare` and `bucket` (3-7),
`auditing` (8), `closing` (9-10).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import __version__, bucket
from gridtally.auditing import ranked, review
from gridtally.errors import Conflict, NotFound
from gridtally.inbox import receive
from gridtally.periods import Period
from gridtally.prepare import Prepared, jobs, prepare
from gridtally.rating.assemble import to_bills
from gridtally.review.audit import RuleStats, settings
from gridtally.review.library import shipped_rules
from gridtally.review.rank import Worklist
from gridtally.review.release import Release, decide
from gridtally.store import history
from gridtally.store.digest import canonical
from gridtally.store.runs import RunFolder, create_run
from gridtally.store.snapshot import snapshot
from gridtally.store.workspace import Workspace
from gridtally.subledger import approve
from gridtally.subledger.waiting import issued_numbers, waiting_accounts
from gridtally.tables import (
    ADVANCES,
    CARRY,
    DAILY,
    DETERMINANTS,
    ESTIMATES,
    FINDINGS,
    LINES,
    PROFILES,
    REGISTERS_USED,
    SEGMENTS,
    finding,
    findings_table,
)  # fmt: skip
from gridtally.terms import BillState, Severity

__all__ = ["Outcome", "open_workspace", "receive", "run"]

Report = Callable[[str, int, int], None]
_NO_PEOPLE = ("name", "address", "email")
PART_TABLES = {
    "determinants": DETERMINANTS, "lines": LINES, "carry": CARRY, "estimates": ESTIMATES,
    "advances": ADVANCES, "used": REGISTERS_USED, "daily": DAILY, "profiles": PROFILES,
}  # fmt: skip
"""What a bucket leaves in the run folder, as a part of its own."""


def open_workspace(where: Path | None) -> Workspace:
    """The workspace at `where`, or the nearest above the current folder."""
    return Workspace.open(where or Path.cwd())


# -------------------------------------------------------------------- running


@dataclass
class Outcome:
    """What a run found. `folder` is None after a dry run."""

    run_id: str
    done: Mapping[str, Any]
    tables: dict[str, pa.Table]
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
    prepared = prepare(ws, period, accounts=accounts, backfill=purpose == "backfill")
    known = set(prepared.master["accounts"]["account"].to_pylist())
    if unknown := sorted(set(accounts or ()) - known):
        raise NotFound(f"There is no account {unknown[0]}.", remedy="Check its number.")
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


def _enter(ws: Workspace, rows: pa.Table, *, actor: str, as_of: int) -> None:
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
        "validation": prepared.thresholds.as_dict(),
        "class_profiles": prepared.class_profiles.digest if prepared.class_profiles else None,
        "review_budget": ws.settings.review_budget,
        "second_opinion_percent": ws.settings.second_opinion_percent,
        "seed": hashlib.sha256(f"{period.start}/{period.end}".encode()).hexdigest()[:16],
        "waiting": _waiting(prepared),
        "engine": {"gridtally": __version__, "tzdata": version("tzdata")},
    }


def _run(
    ws: Workspace, prepared: Prepared, info: dict[str, Any], threads: int, report: Report
) -> Outcome:
    """Steps 3 to 9 into a run folder. What was run before is read, not run again."""
    folder = create_run(ws, info)
    billing = info["purpose"] == "billing"
    outcome = Outcome(folder.id, {}, {})
    if not folder.sealed:
        _bill(prepared, folder, threads, report)
        outcome.tables = _tables(folder, prepared)
        if billing:
            review(prepared, outcome, info, report)
            folder.write("expected", outcome.tables["expected"])
            folder.write("findings", outcome.tables["findings"])
        report("seal", 0, 1)
        folder = folder.seal()
        report("seal", 1, 1)
    outcome.tables = _tables(folder, prepared)
    outcome.done, outcome.folder = folder.done, folder
    if billing:
        outcome.work = outcome.work or ranked(prepared, outcome.tables)
        _release(prepared, outcome)
    return outcome


def _tables(folder: RunFolder, prepared: Prepared) -> dict[str, pa.Table]:
    """The tables of a run, with the types of `tables.py`: Parquet has no seconds."""
    names = [name for name in folder.names() if not name.startswith("master/")]
    tables = {name: folder.read(name) for name in names}
    tables["used"] = tables["used"].cast(REGISTERS_USED)
    return tables | {"spans": prepared.spans}


def _bill(prepared: Prepared, folder: RunFolder, threads: int, report: Report) -> None:
    """Steps 3 to 7. A bucket's tables are on disk before the next one's: memory stays flat."""
    work = jobs(prepared)
    step = "validate, estimate, determine, rate"
    make = partial(bucket.bill, with_daily=folder.info["purpose"] == "billing")
    segments, findings = [SEGMENTS.empty_table()], [prepared.findings]
    report(step, 0, len(work))
    with ThreadPoolExecutor(threads) as pool:
        for number, part in enumerate(_in_order(pool, make, work, ahead=threads)):
            for name in PART_TABLES:
                folder.write(name, getattr(part, name), part=f"{number:04d}")
            segments.append(part.segments)
            findings.append(part.findings)
            report(step, number + 1, len(work))
    made, bills, wrong = to_bills(pa.concat_tables(segments))
    waiting = _unissued(bills, folder.info["waiting"])
    folder.write("segments", made)
    folder.write("bills", bills)
    folder.write("findings", _merged([*findings, wrong, waiting]))
    folder.write("spans", prepared.spans)
    folder.write("carry_in", prepared.before["carry"])
    for name, table in prepared.master.items():
        people = [column for column in _NO_PEOPLE if column in table.column_names]
        folder.write(f"master/{name}", table.drop_columns(people))
    if not work:
        for name, schema in PART_TABLES.items():
            folder.write(name, schema.empty_table())


def _in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[bucket.Job], bucket.Part],
    work: Sequence[bucket.Job],
    *,
    ahead: int,
) -> Iterator[bucket.Part]:
    """Results in order, never more than `ahead` of them waiting."""
    waiting: deque[Future[bucket.Part]] = deque()
    for job in work:
        waiting.append(pool.submit(function, job))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _merged(parts: Iterable[pa.Table]) -> pa.Table:
    parts = list(parts)
    filled = [part for part in parts if part.num_rows]
    return pa.concat_tables(filled) if filled else (parts[0] if parts else FINDINGS.empty_table())


def _waiting(prepared: Prepared) -> dict[str, str]:
    """account -> its bill of the period before that may still be issued."""
    mine = set(prepared.spans["account"].to_pylist())
    waiting = waiting_accounts(prepared.period.start)
    return {account: bill for account, bill in waiting.items() if account in mine}


def _unissued(bills: pa.Table, waiting: Mapping[str, str]) -> pa.Table:
    """A bill whose predecessor is not issued yet is held: its carry is not known."""
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


# ------------------------------------------------------------------ releasing


def _release(prepared: Prepared, outcome: Outcome) -> None:
    """Step 9 by rules, and by earlier decisions on the very same drafts."""
    assert outcome.work is not None
    bills = outcome.tables["bills"]
    names = bills["bill"].to_pylist()
    decided = decide(
        bills,
        outcome.tables["findings"],
        approve.decisions(bills=names),
        segments=outcome.tables["segments"],
        listed=outcome.work.held,
        scope=sorted(set(prepared.spans["account"].to_pylist())),
    )
    outcome.release = _without_issued(decided, issued_numbers(names))


def _without_issued(release: Release, numbers: Mapping[str, str]) -> Release:
    """Bills that are issued already are left out, with the reason: none is issued twice."""
    if not numbers:
        return release
    rows = release.table.to_pylist()
    for row in rows:
        if number := numbers.get(row["bill"]):
            reason = f"Already issued as {number}."
            row |= {"state": str(BillState.EXCLUDED), "reason": reason, "by": "rules"}
    counts = Counter(row["state"] for row in rows)
    table = pa.Table.from_pylist(rows, schema=release.table.schema)
    return replace(release, table=table, counts=dict(counts))
