"""Step 9: a sealed run's bills are released, held or excluded, by rules and by named people.

Who prepared a run does not approve it. A release is a signed list of bills and leaves; only what
is on one can be issued.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from gridtally import control
from gridtally.control.database import insert
from gridtally.errors import Conflict, NotFound, UsageError
from gridtally.store import files
from gridtally.store.leaves import of_bills
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.workspace import Workspace
from gridtally.terms import BillState

__all__ = [
    "Standing", "approve", "close_run", "decide", "decisions", "listed", "must_hold",
    "register_run", "release_list", "standings",
]  # fmt: skip

_AFTER = {
    "release": BillState.RELEASED,
    "hold": BillState.HELD,
    "exclude": BillState.EXCLUDED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a bill of a run stands, and why."""

    bill: str
    account: str
    leaf: str
    state: BillState
    reason: str


def register_run(
    ws: Workspace,
    run: RunFolder,
    standing: pa.Table,
    *,
    scope_digest: str,
    actor: str,
    as_of: int,
    parent: str | None = None,
) -> None:
    """Enter a sealed run and where each of its bills stands; again changes nothing.

    Bills of earlier runs that these replace, and that are not issued, are superseded.
    `standing` has the columns bill, account, leaf, state, reason, and a row for every account in
    scope (`review.release`): one without a bill has its account for a bill. `actor` prepared it.
    """
    models, done = control.models, run.done
    rows = standing.select(["bill", "account", "leaf", "state", "reason"]).to_pylist()
    leaves = run.read("bills", columns=["bill", "leaf"]).to_pylist()
    assert {(r["bill"], r["leaf"]) for r in rows} >= {(r["bill"], r["leaf"]) for r in leaves}
    grave = must_hold(run.read("findings"), run.read("segments"))
    period = run.info["period"]
    with control.database.atomic():
        if models.Run.objects.filter(id=run.id).exists():
            return
        row = models.Run.objects.create(
            id=run.id,
            period_from=date.fromisoformat(period["from"]),
            period_to=date.fromisoformat(period["to"]),
            scope_digest=scope_digest,
            root=done["run_root"],
            done_digest=files.sha256((run.path / "DONE").read_bytes()),
            parent_id=parent,
            actor=actor,
            recorded=as_of,
        )
        insert(
            models.RunBill,
            [
                bill | {"run_id": row.id, "must_hold": bill["bill"] in grave or not bill["leaf"]}
                for bill in rows
            ],
        )
        _supersede(run.id)
        models.Event.objects.create(at=as_of, actor=actor, what="run.registered", subject=run.id)


def _supersede(run_id: str) -> None:
    """Earlier drafts of the bills of this run can be issued no more."""
    models = control.models
    mine = models.RunBill.objects.filter(run_id=run_id).values("bill")
    older = models.RunBill.objects.filter(bill__in=mine).exclude(run_id=run_id)
    older.filter(state__in=["draft", "released"]).update(state=str(BillState.HELD))
    older.filter(state="held").update(
        state=str(BillState.SUPERSEDED), reason=f"Calculated again in {run_id}."
    )


def must_hold(findings: pa.Table, segments: pa.Table) -> set[str]:
    """The bills that no decision can release."""
    found = of_bills(findings.filter(findings["must_hold"]), segments)
    return set(found["of_bill"].to_pylist())


def standings(run_id: str, *, states: Iterable[BillState] | None = None) -> list[Standing]:
    """The bills of a run and where they stand, by name."""
    rows = control.models.RunBill.objects.filter(run_id=run_id)
    if states is not None:
        rows = rows.filter(state__in=[str(state) for state in states])
    columns = ("bill", "account", "leaf", "state", "reason")
    return [
        Standing(bill, account, leaf, BillState(state), reason)
        for bill, account, leaf, state, reason in rows.order_by("bill").values_list(*columns)
    ]


def decide(run_id: str, bill: str, action: str, *, actor: str, as_of: int, why: str) -> BillState:
    """Record a person's decision on a bill and give its new state.

    Raises `Conflict` when the state does not allow it, or when who prepared the run would
    release what it held; `UsageError` without an action or a reason.
    """
    if action not in _AFTER or not why.strip():
        raise UsageError(
            "A decision is release, hold or exclude, with a reason.",
            remedy="Say why in a sentence: it is kept with the bill.",
        )
    models, after = control.models, _AFTER[action]
    with control.database.atomic():
        row = _run_bill(run_id, bill)
        if action == "release" and _same(row.run.actor, actor):
            raise Conflict(
                f"{actor} prepared this run and cannot release its bills.",
                remedy="Ask a colleague to decide, and name that person with --as.",
            )
        if row.state == after:
            return after
        if (row.state, after) not in _ALLOWED:
            raise Conflict(f"The bill {bill} is {row.state}: it cannot become {after} any more.")
        if row.must_hold and after == BillState.RELEASED:
            raise Conflict(
                f"The bill {bill} has a finding that must be put right first: {row.reason}",
                remedy="Correct the cause and calculate again, or exclude it with a reason.",
            )
        models.Decision.objects.create(
            run_id=run_id, bill=bill, leaf=row.leaf, action=action, actor=actor, at=as_of, why=why
        )
        models.RunBill.objects.filter(pk=row.pk).update(state=str(after), reason=why)
        models.Event.objects.create(
            at=as_of, actor=actor, what=f"bill.{after}", subject=bill, detail=why
        )
    return after


_ALLOWED = {
    (before, after)
    for before in (BillState.DRAFT, BillState.HELD, BillState.RELEASED)
    for after in _AFTER.values()
    if (before, after) != (BillState.RELEASED, BillState.EXCLUDED)
}


def decisions(*, bills: Sequence[str] | None = None) -> pa.Table:
    """Every decision, oldest first: bill, leaf, verdict, by, at, reason (for `review.release`)."""
    rows = control.models.Decision.objects.order_by("id")
    if bills is not None:
        rows = rows.filter(bill__in=list(bills))
    names = ("bill", "leaf", "verdict", "by", "at", "reason")
    found = rows.values_list("bill", "leaf", "action", "actor", "at", "why")
    types = [pa.int64() if name == "at" else pa.string() for name in names]
    schema = pa.schema(list(zip(names, types, strict=True)))
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in found], schema)


def _run_bill(run_id: str, bill: str) -> control.models.RunBill:
    rows = control.models.RunBill.objects.select_related("run").filter(run_id=run_id)
    row: control.models.RunBill | None = rows.filter(bill=bill).first()
    if row is None:
        raise NotFound(f"The run {run_id} has no bill {bill}.")
    return row


def approve(
    ws: Workspace,
    run_id: str,
    *,
    sign: Callable[[bytes], str],
    actor: str,
    as_of: int,
    bills: Sequence[str] | None = None,
    verify: Callable[[bytes, str, str], bool] = lambda _text, _signature, _actor: True,
) -> str:
    """Sign the list of released bills (all, or the named ones) and give the release's id.

    The same list again is the same release, as long as `verify(list, signature, actor)` holds of
    it; once the signer's key was replaced, the same person signs anew. Raises `Conflict` when
    `actor` prepared the run, a named bill is not released, nothing is, or somebody else must sign.
    """
    models = control.models
    root = open_run(ws, run_id).done["run_root"]
    items, text = listed(ws, run_id, actor=actor, bills=bills)
    digest = files.sha256(text)
    release_id = f"{run_id}-{digest[:12]}"
    with control.database.atomic():
        before = models.Release.objects.filter(run_id=run_id, list_digest=digest)
        last = before.order_by("at", "pk").last()
        if last is not None:
            if verify(text, last.signature, last.actor):
                return str(last.id)
            if not _same(last.actor, actor):
                raise Conflict(
                    f"{last.actor} signed this list with a key that is not there any more.",
                    remedy=f"Put that key back, or let {last.actor} sign again "
                    f"(--as {last.actor}).",
                )
            release_id += f"-{before.count() + 1}"
        release = models.Release.objects.create(
            id=release_id, run_id=run_id, root=root, list_digest=digest, signature=sign(text),
            actor=actor, at=as_of,
        )  # fmt: skip
        insert(
            models.ReleaseItem,
            [
                {"release_id": release.id, "bill": bill, "leaf": leaf, "decision": decision}
                for bill, leaf, decision in items
            ],
        )
        models.Event.objects.create(
            at=as_of, actor=actor, what="release.signed", subject=release_id
        )
    return release_id


def listed(
    ws: Workspace, run_id: str, *, actor: str, bills: Sequence[str] | None = None
) -> tuple[list[tuple[str, str, str]], bytes]:
    """What `actor` would sign: (bill, leaf, decision) of each bill, and the list's text.

    Raises `Conflict` as `approve` does.
    """
    models = control.models
    if _same(models.Run.objects.get(id=run_id).actor, actor):
        raise Conflict(
            f"{actor} prepared this run and cannot approve it.",
            remedy="Ask a colleague to approve it, and name that person with --as.",
        )
    items = _items(run_id, bills)
    return items, release_list(run_id, open_run(ws, run_id).done["run_root"], items)


def _same(one: str, other: str) -> bool:
    """Whether two names are one person's, however their accents are spelled."""
    first, second = (unicodedata.normalize("NFC", name).strip() for name in (one, other))
    return first == second


def _items(run_id: str, bills: Sequence[str] | None) -> list[tuple[str, str, str]]:
    released = {row.bill: row for row in standings(run_id, states=[BillState.RELEASED])}
    wanted = sorted(set(released if bills is None else bills))
    refused = [bill for bill in wanted if bill not in released]
    if refused or not wanted:
        raise Conflict(
            f"{len(refused)} of the bills are not released, such as {refused[0]}."
            if refused
            else f"The run {run_id} has no released bill that is not issued yet.",
            remedy="See `gridtally worklist`.",
        )
    decisions = control.models.Decision.objects.filter(run_id=run_id, action="release")
    people = dict(decisions.order_by("id").values_list("bill", "actor"))
    return [(bill, released[bill].leaf, people.get(bill, "rules")) for bill in wanted]


def release_list(run_id: str, root: str, items: Iterable[tuple[str, str, str]]) -> bytes:
    """What an approver signs: the run, its root, and a line per bill with leaf and decision."""
    lines = ["gridtally release 1", run_id, root, *("\t".join(item) for item in sorted(items))]
    return ("\n".join(lines) + "\n").encode()


def close_run(run_id: str, *, actor: str, as_of: int) -> None:
    """Close a run: every bill is issued, held or excluded. Raises `Conflict` when one is not."""
    models = control.models
    with control.database.atomic():
        left = models.RunBill.objects.filter(run_id=run_id, state__in=["draft", "released"])
        if (count := left.count()) > 0:
            raise Conflict(
                f"{count} bills of {run_id} are neither issued, held nor excluded.",
                remedy="Issue them or decide about them first.",
            )
        models.Run.objects.filter(id=run_id, closed__isnull=True).update(closed=as_of)
        models.Event.objects.create(at=as_of, actor=actor, what="run.closed", subject=run_id)
