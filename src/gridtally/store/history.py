"""The store: history, a row per issued segment, as Parquet files named by the manifest.

What was billed before Gridtally came in as `opening` or `backfill` rows, which no run made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Max

from gridtally import control
from gridtally.store import files
from gridtally.store.leaves import of_bills
from gridtally.store.runs import open_run
from gridtally.store.snapshot import Snapshot
from gridtally.store.workspace import Workspace
from gridtally.tables import HISTORY

__all__ = ["append", "history_rows", "publish", "read_history", "rebuild", "write"]


def history_rows(
    segments: pa.Table,
    *,
    accounts: pa.Table,
    findings: pa.Table,
    tariff_ids: Mapping[str, str],
    run: str,
    decision: str = "issued",
) -> pa.Table:
    """HISTORY of SEGMENTS. `tariff_ids`: the tariff id of each version's digest."""
    place = pc.index_in(segments["account"].combine_chunks(), accounts["account"].combine_chunks())
    last = [text.rpartition(" ")[2] for text in segments["tariffs"].to_pylist()]
    count = segments.num_rows
    known: dict[str, Any] = {
        "customer_segment": pc.fill_null(accounts["segment"].combine_chunks().take(place), ""),
        "tariff": pa.array([tariff_ids.get(digest, "") for digest in last], pa.string()),
        "findings": _codes(segments, findings),
        "decision": pa.repeat(decision, count),
        "run": pa.repeat(run, count),
    }
    columns = [
        known[field.name] if field.name in known else segments[field.name] for field in HISTORY
    ]
    return pa.table(columns, schema=HISTORY)


def _codes(segments: pa.Table, findings: pa.Table) -> pa.Array:
    """The codes of the findings of each segment's bill, each once, in order."""
    found = of_bills(findings, segments).select(["of_bill", "code"])
    codes: dict[str, set[str]] = {}
    for bill, code in zip(found["of_bill"].to_pylist(), found["code"].to_pylist(), strict=True):
        codes.setdefault(bill, set()).add(code)
    texts = [" ".join(sorted(codes.get(bill, ()))) for bill in segments["bill"].to_pylist()]
    return pa.array(texts, pa.string())


def write(ws: Workspace, table: pa.Table, *, kind: str) -> dict[str, Any]:
    """Write rows as a file; give its manifest line for `publish`."""
    data = files.table_bytes(table.cast(HISTORY))
    digest = files.sha256(data)
    path = ws.path / "history" / f"{kind}-{digest[:24]}.parquet"
    files.write(path, data)
    return {
        "kind": kind,
        "path": ws.relative(path),
        "rows": table.num_rows,
        "digest": digest,
    }


def publish(line: Mapping[str, Any]) -> int:
    """Name a written file in the manifest, inside the caller's transaction."""
    models = control.models
    seq = (models.HistoryFile.objects.aggregate(last=Max("seq"))["last"] or 0) + 1
    models.HistoryFile.objects.create(seq=seq, **line)
    return int(seq)


def append(ws: Workspace, table: pa.Table, *, kind: str, actor: str, as_of: int) -> bool:
    """Add `opening` or `backfill` rows; False when the same rows are there already."""
    assert kind in ("opening", "backfill"), "issued rows come from an issue"
    place = HISTORY.get_field_index("decision")
    stamped = table.set_column(place, HISTORY.field("decision"), pa.repeat(kind, table.num_rows))
    line = write(ws, stamped, kind=kind)
    with control.database.atomic():
        if control.models.HistoryFile.objects.filter(path=line["path"]).exists():
            return False
        seq = publish(line)
        control.models.Event.objects.create(
            at=as_of, actor=actor, what="history.appended", subject=str(seq), detail=kind
        )
    return True


def read_history(
    snap: Snapshot,
    *,
    accounts: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """HISTORY as known in the snapshot, in the order in which it was issued.

    With `columns` only those, and texts as dictionaries: for the whole base at once.
    """
    texts = [name for name in columns or () if HISTORY.field(name).type == pa.string()]
    chosen = list(columns) if columns is not None else None
    rows = control.models.HistoryFile.objects.filter(seq__lte=snap.history_seq).order_by("seq")
    parts = []
    for row in rows:
        data = files.read_checked(snap.workspace.path / row.path, row.digest)
        part = files.table_of(data, columns=chosen, texts=texts)
        if accounts is not None:
            part = part.filter(pc.is_in(part["account"], pa.array(accounts, pa.string())))
        parts.append(part)
    empty = HISTORY.empty_table()
    return pa.concat_tables(parts) if parts else empty.select(chosen) if chosen else empty


def rebuild(ws: Workspace, *, tariff_ids: Mapping[str, str]) -> pa.Table:
    """HISTORY of every issued segment, made again from the runs and the list of issued bills."""
    issued = control.models.IssuedBill.objects.filter(version=0).order_by("run_id", "serial")
    bills: dict[str, list[str]] = {}
    for run_id, bill in issued.values_list("run_id", "bill"):
        bills.setdefault(run_id, []).append(bill)
    parts = []
    for run_id, names in bills.items():
        run = open_run(ws, run_id)
        segments = run.read("segments")
        chosen = segments.filter(pc.is_in(segments["bill"], pa.array(names, pa.string())))
        parts.append(
            history_rows(
                chosen,
                accounts=run.read("master/accounts"),
                findings=run.read("findings"),
                tariff_ids=tariff_ids,
                run=run_id,
            )
        )
    return pa.concat_tables(parts) if parts else HISTORY.empty_table()
