"""For the doors: what a workspace and a run hold, and what a person would do next."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from gridtally import control
from gridtally.errors import Corrupt
from gridtally.money import number
from gridtally.review.rank import Worklist, worklist
from gridtally.store.quarantine import open_counts
from gridtally.store.rebills import proposals
from gridtally.store.snapshot import snapshot
from gridtally.store.state import remembered_state
from gridtally.store.workspace import Workspace

if TYPE_CHECKING:
    from gridtally.closing import Closing
    from gridtally.pipeline import Outcome

__all__ = ["overview", "step_rows", "summary", "work_of"]

_STEP_TABLES = {
    "validate": ("findings",),
    "estimate": ("estimates",),
    "determine": ("determinants",),
    "rate": ("lines",),
    "assemble": ("segments", "bills"),
    "audit": ("findings",),
    "release": (),
}

_QUARANTINE = {
    "file": "files refused",
    "rows": "rows set aside",
    "waiting": "rows that wait for master data",
    "conflict": "rows that contradict stored ones",
}


def overview(ws: Workspace) -> dict[str, Any]:
    """Name, path, state digest, facts by label, runs with bills by state, the next command."""
    models = control.models
    documents = models.Outbox.objects
    facts = {
        "files received": models.SourceFile.objects.count(),
        "loads of readings": models.Load.objects.count(),
        "versions of master data": models.MasterVersion.objects.count(),
        "tariff versions": models.TariffDocument.objects.count(),
        "bills issued": models.IssuedBill.objects.count(),
        "documents drawn": documents.filter(done__isnull=False).count(),
        "documents waiting": documents.filter(done__isnull=True).count(),
        "leaves in the log": models.Leaf.objects.count(),
    }
    waiting = open_counts()
    for kind, label in _QUARANTINE.items():
        if kind in waiting:
            facts[f"quarantine: {label}"] = waiting[kind]["rows"] or waiting[kind]["items"]
    runs = [_run(row) for row in models.Run.objects.order_by("period_from", "recorded")]
    return {
        "schema": 1,
        "name": ws.settings.name,
        "path": str(ws.path),
        "state": _state(ws),
        "facts": facts,
        "quarantine": waiting,
        "rebills": sorted({one.number for one in proposals(open_only=True)}),
        "runs": runs,
        "next": _next(facts, runs),
    }


def _state(ws: Workspace) -> str | None:
    """The state digest; None where stored readings cannot be read."""
    try:
        return remembered_state(snapshot(ws))
    except Corrupt:
        return None


def _run(row: Any) -> dict[str, Any]:
    states = (
        control.models.RunBill.objects.filter(run=row)
        .values_list("state")
        .annotate(Count("id"))
        .order_by("state")
    )
    return {
        "id": row.id,
        "from": str(row.period_from),
        "to": str(row.period_to),
        "states": dict(states),
    }


def _next(facts: dict[str, int], runs: list[dict[str, Any]]) -> str:
    if not facts["versions of master data"] or not facts["tariff versions"]:
        return "gridtally receive FOLDER (master data, tariffs, readings)"
    if not runs:
        return "gridtally run 2026-10 (the period to bill)"
    last = runs[-1]
    if last["states"].get("released"):
        return f"gridtally release {last['id']} --as COLLEAGUE, then gridtally issue {last['id']}"
    if last["states"].get("held"):
        return f"gridtally worklist {last['id']}"
    return "gridtally run PERIOD for the next period"


def summary(outcome: Outcome) -> dict[str, Any]:
    """A run in a few figures, as JSON values."""
    bills = outcome.tables["bills"]
    totals = [total for total in bills["total"].to_pylist() if total is not None]
    currencies = sorted(set(bills["currency"].to_pylist()) - {None})
    return {
        "schema": 1,
        "run": outcome.run_id,
        "bills": bills.num_rows,
        "total": number(sum(totals, Decimal(0))),
        "currency": " ".join(currencies),
        "states": dict(outcome.release.counts) if outcome.release else {},
        "listed": len(outcome.work.held) if outcome.work else 0,
        "second_opinions": outcome.second,
        "findings": outcome.tables["findings"].num_rows,
        "root": outcome.done["run_root"],
        "tables": outcome.done["tables"],
        "dry_run": outcome.folder is None,
    }


def step_rows(outcome: Outcome, step: str) -> dict[str, Any]:
    """What one step made, as JSON values: its tables by name, numbers and dates as text."""
    plain = (str, int, bool, type(None))
    tables = {name: outcome.tables[name].to_pylist() for name in _STEP_TABLES[step]}
    if step == "release" and outcome.release is not None:
        tables = {"release": outcome.release.table.to_pylist()}
    rows = {
        name: [{k: v if isinstance(v, plain) else str(v) for k, v in row.items()} for row in table]
        for name, table in tables.items()
    }
    return {"schema": 1, "run": outcome.run_id, "step": step, "tables": rows}


def work_of(closing: Closing) -> Worklist:
    """The work list of a sealed run, ranked again from its tables."""
    read, settings = closing.run.read, closing.workspace.settings
    return worklist(
        read("findings"),
        read("bills"),
        read("segments"),
        budget=settings.review_budget,
        currency=settings.currency,
        accounts=read("master/accounts"),
        expected=read("expected"),
    )
