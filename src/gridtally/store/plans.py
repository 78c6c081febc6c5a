"""The store: what a tariff version would change on billed days is a plan, which two people approve.

A plan is a file by its digest, and a row; an approval is a row. A plan is stale as soon as its
bills, or the versions of its tariff, are not those that it was worked out from.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from django.db import IntegrityError
from django.db.models import Max

from gridtally import control
from gridtally.errors import Conflict, NotFound, UsageError
from gridtally.store import files
from gridtally.store.history import read_history
from gridtally.store.master import InPlace, put_tariff
from gridtally.store.rebills import propose_prices
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.snapshot import Snapshot
from gridtally.store.workspace import Workspace

__all__ = [
    "NEEDED", "Approval", "Plan", "approve", "basis", "content", "elsewhere", "issued", "keep",
    "of_document", "on_days", "plans", "put_in_place", "segments",
]  # fmt: skip

NEEDED = 2
"""So many people approve a plan, none of them who made it."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved a plan, when [UTC seconds], why."""

    actor: str
    at: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it stands: `state` is waiting, approved, used or stale."""

    id: str
    tariff: str
    document: str
    """digest of the version"""
    at: int
    actor: str
    approvals: Sequence[Approval]
    state: str

    @property
    def missing(self) -> int:
        """How many approvals it waits for."""
        return max(0, NEEDED - len(self.approvals))


# --------------------------------------------------------------------- content


def content(ws: Workspace, plan: str) -> dict[str, Any]:
    """What a plan says. Raises `NotFound`, `Corrupt`."""
    row = _row(plan)
    return cast(dict[str, Any], json.loads(files.read_checked(ws.path / row.path, row.digest)))


def segments(said: Row) -> list[tuple[str, str]]:
    """(bill number, segment) of everything that a plan would make anew."""
    return [
        (bill["number"], part["segment"]) for bill in said["bills"] for part in bill["segments"]
    ]


def basis(ws: Workspace, said: Row) -> str:
    """The digest of what a plan is worked out from, as it is now.

    The versions of its tariff, and the bills of its days: live ones, and those from elsewhere.
    """
    first, after = _days(said)
    stored = control.models.TariffDocument.objects.filter(tariff=said["tariff"])
    lines = [f"version\t{digest}" for digest in set(stored.values_list("digest", flat=True))]
    lines += [f"past\t{name}" for name in elsewhere(ws, said["tariff"], first, after)]
    lines += [f"bill\t{number}\t{segment}" for number, segment in
              issued(ws, said["tariff"], first, after)]  # fmt: skip
    return files.sha256("\n".join(sorted(lines)).encode())


def issued(ws: Workspace, tariff: str, first: date, after: date) -> set[tuple[str, str]]:
    """(number, segment) of live bills of which a version of a tariff prices some of these days."""
    stored = control.models.TariffDocument.objects.filter(tariff=tariff)
    versions = set(stored.values_list("digest", flat=True))
    rows = control.models.IssuedSegment.objects.filter(
        live=True, date_to__gt=first, date_from__lt=after
    )
    by_run: dict[str, dict[str, str]] = {}
    for run, number, segment in rows.values_list("bill__run_id", "bill__number", "segment"):
        by_run.setdefault(run, {})[segment] = number
    return {
        (numbers[segment], segment)
        for run, numbers in by_run.items()
        for segment in on_days(open_run(ws, run), versions, first, after) & numbers.keys()
    }


def _fresh(ws: Workspace, said: Row) -> bool:
    """Whether a plan's bills are today's.

    After its last bills of some agreements other things are handed on (`tails`): a bill that was
    issued there since is one that the plan does not have.
    """
    live = control.models.IssuedSegment.objects.filter(live=True)
    later = any(
        live.filter(agreement=tail["agreement"], date_from=tail["from"]).exists()
        for tail in said["tails"]
    )
    return not later and basis(ws, said) == said["basis"]


def _days(said: Row) -> tuple[date, date]:
    end = said["days"]["to"]
    return date.fromisoformat(said["days"]["from"]), date.fromisoformat(end) if end else date.max


def on_days(run: RunFolder, versions: set[str], first: date, after: date) -> set[str]:
    """The segments of a run that some versions price on some of these days."""
    spans = run.read("spans", columns=["segment", "tariff", "from", "to"])
    return {
        row["segment"]
        for row in spans.to_pylist()
        if row["tariff"] in versions and row["to"] > first and row["from"] < after
    }


def elsewhere(ws: Workspace, tariff: str, first: date, after: date) -> list[str]:
    """Bills of a tariff on these days that were not issued here: taken over, or billed again."""
    columns = ["bill", "tariff", "from", "to", "decision"]
    last = control.models.HistoryFile.objects.aggregate(last=Max("seq"))["last"] or 0
    now = Snapshot(ws, load_seq=0, master_seq=0, tariff_seq=0, history_seq=last)
    past = read_history(now, columns=columns)
    other = pc.and_(pc.not_equal(past["decision"], "issued"), pc.equal(past["tariff"], tariff))
    days = pc.and_(
        pc.greater(past["to"], pa.scalar(first)), pc.less(past["from"], pa.scalar(after))
    )
    return sorted(set(past.filter(pc.and_(other, days))["bill"].to_pylist()))


# ----------------------------------------------------------------------- steps


def keep(ws: Workspace, said: Row, *, actor: str, as_of: int) -> tuple[Plan, bool]:
    """Keep a plan, and say whether it is new; `said["basis"]` is that of before it was worked out.

    Raises `Conflict` when its bills changed meanwhile.
    """
    text = json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True)
    data = f"{text}\n".encode()
    digest = files.sha256(data)
    path = ws.path / "plans" / f"{digest}.json"
    models = control.models
    if not models.RebillPlan.objects.filter(digest=digest).exists():
        files.write(path, data)
    with control.database.atomic():
        new = not models.RebillPlan.objects.filter(digest=digest).exists()
        if new and not _fresh(ws, said):
            raise Conflict(
                "Bills or versions of this tariff changed while the plan was worked out.",
                remedy="Make the plan again.",
            )
        if new:
            models.RebillPlan.objects.create(
                id=digest[:16], tariff=said["tariff"], document=said["document"],
                path=ws.relative(path), digest=digest, at=as_of, actor=_person(actor),
            )  # fmt: skip
            models.Event.objects.create(
                at=as_of, actor=actor, what="rebill.planned", subject=digest[:16]
            )
    return _plan(ws, _row(digest[:16])), new


def approve(ws: Workspace, plan: str, *, why: str, actor: str, as_of: int) -> Plan:
    """Approve a plan that somebody else made.

    Raises `NotFound`, `UsageError` without a reason, `Conflict` when `actor` made it or approved
    it before, or when it is stale or used.
    """
    models, row, actor = control.models, _row(plan), _person(actor)
    if not why.strip():
        raise UsageError("A plan is approved with a reason.", remedy="Give it with --why.")
    if _person(row.actor) == actor:
        raise Conflict(
            f"{actor} made the plan {row.id} and cannot approve it.",
            remedy="Ask two colleagues to approve it, each naming himself or herself with --as.",
        )
    try:
        with control.database.atomic():
            _require_fresh(ws, row)
            models.RebillApproval.objects.create(plan=row, at=as_of, actor=actor, why=why.strip())
            models.Event.objects.create(
                at=as_of, actor=actor, what="rebill.approved", subject=row.id, detail=why.strip()
            )
    except IntegrityError as err:
        raise Conflict(
            f"{actor} approved the plan {row.id} already.",
            remedy="Another person has to. `gridtally rebills plans` says who did.",
        ) from err
    return _plan(ws, row)


def put_in_place(
    ws: Workspace,
    data: bytes,
    plan: Plan,
    *,
    valid_from: date,
    valid_to: date | None,
    actor: str,
    as_of: int,
) -> bool:
    """Store the version of an approved plan, and propose to rebill what it changes: both or none.

    False when the version is here already. Raises `Conflict` when the plan is stale.
    """
    row, pairs = _row(plan.id), segments(content(ws, plan.id))
    return put_tariff(
        ws, data, tariff=plan.tariff, digest=plan.document, valid_from=valid_from,
        valid_to=valid_to, actor=actor, as_of=as_of,
        in_place=InPlace(
            plan.id,
            before=lambda: _require_fresh(ws, row),
            after=lambda seq: propose_prices(pairs, tariff=seq, actor=actor, as_of=as_of),
        ),
    )  # fmt: skip


def _require_fresh(ws: Workspace, row: Any) -> None:
    """Raise `Conflict` when a plan cannot be approved or used any more."""
    state = _plan(ws, row).state
    if state == "used":
        raise Conflict(
            f"The plan {row.id} is used: its version is stored.",
            remedy="`gridtally rebills list` has the proposals that it opened.",
        )
    if state == "stale":
        raise Conflict(
            f"The plan {row.id} is stale: since it was made, bills of its days were issued, "
            "cancelled or corrected, or another version of its tariff was stored.",
            remedy="Make a new one: gridtally rebills plan --tariff FILE.",
        )


def _person(name: str) -> str:
    """A name in one spelling, so that the database can tell people apart."""
    return unicodedata.normalize("NFC", name).strip()


# --------------------------------------------------------------------- reading


def plans(ws: Workspace) -> list[Plan]:
    """Every plan, the oldest first."""
    return [_plan(ws, row) for row in control.models.RebillPlan.objects.order_by("at", "id")]


def of_document(ws: Workspace, digest: str) -> Plan | None:
    """The plan of a version that can still be used; else its last, which is stale or used."""
    rows = control.models.RebillPlan.objects.filter(document=digest).order_by("at", "id")
    found = [_plan(ws, row) for row in rows]
    fresh = [plan for plan in found if plan.state in ("approved", "waiting")]
    return min(fresh, key=lambda plan: plan.missing) if fresh else found[-1] if found else None


def _row(plan: str) -> Any:
    row = control.models.RebillPlan.objects.filter(id=plan).first()
    if row is None:
        raise NotFound(
            f"There is no plan {plan[:40]!r}.", remedy="`gridtally rebills plans` has them all."
        )
    return row


def _plan(ws: Workspace, row: Any) -> Plan:
    given = control.models.RebillApproval.objects.filter(plan=row).order_by("pk")
    approvals = tuple(_approvals(given))
    if control.models.TariffDocument.objects.filter(plan=row).exists():
        state = "used"
    elif not _fresh(ws, content(ws, row.id)):
        state = "stale"
    else:
        state = "approved" if len(approvals) >= NEEDED else "waiting"
    return Plan(row.id, row.tariff, row.document, row.at, row.actor, approvals, state)


def _approvals(rows: Iterable[Any]) -> Iterator[Approval]:
    for row in rows:
        yield Approval(row.actor, row.at, row.why)
