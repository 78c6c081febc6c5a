"""Step 10: what the outbox asks for is drawn and noted: at least one attempt, one effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gridtally import control
from gridtally.control.database import in_chunks
from gridtally.control.faults import fault
from gridtally.store import files
from gridtally.store.workspace import Workspace
from gridtally.subledger.heads import add_leaves
from gridtally.subledger.records import leaf_hash, record_of

__all__ = ["deliver"]

_CHUNK = 50


def deliver(
    ws: Workspace,
    render: Mapping[str, Callable[[bytes], bytes]],
    *,
    actor: str,
    as_of: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Draw the documents that wait, by kind (`pdf`, `html`); give how many were made.

    `render[kind](record)` is a pure function of the canonical record, so drawing one twice after
    a crash gives the same bytes. The document's digest becomes a leaf of the proof tree.
    """
    waiting = control.models.Outbox.objects.filter(done__isnull=True, kind__in=list(render))
    keys = list(waiting.order_by("id").values_list("id", flat=True)[:limit])
    made = 0
    for part in in_chunks(keys, size=_CHUNK):
        made += _chunk(ws, render, part, actor=actor, as_of=as_of)
        if progress is not None:
            progress(made, len(keys))
    return made


def _chunk(
    ws: Workspace,
    render: Mapping[str, Callable[[bytes], bytes]],
    keys: list[int],
    *,
    actor: str,
    as_of: int,
) -> int:
    models = control.models
    rows = models.Outbox.objects.select_related("bill__leaf").filter(id__in=keys).order_by("id")
    drawn, contents = {}, {}
    for row in rows:
        data = render[row.kind](record_of(ws, row.bill))
        path = ws.path / "documents" / row.bill.series / f"{row.bill.number}.{row.kind}"
        drawn[row.id] = (ws.relative(path), files.sha256(data))
        contents[path] = data
    files.write_many(contents)
    fault("deliver.drawn")
    with control.database.atomic():
        left = set(models.Outbox.objects.filter(id__in=keys, done__isnull=True).values_list("id"))
        todo = [row for row in rows if (row.id,) in left]
        for row in todo:
            path, digest = drawn[row.id]
            models.Outbox.objects.filter(id=row.id).update(
                path=path, digest=digest, attempts=row.attempts + 1, done=as_of
            )
        add_leaves([_leaf(row, *drawn[row.id]) for row in todo])
        models.Event.objects.create(
            at=as_of, actor=actor, what="documents.drawn", subject=f"{len(todo)} documents"
        )
    return len(todo)


def _leaf(row: control.models.Outbox, path: str, digest: str) -> tuple[str, str, str]:
    """`document PATH DIGEST` is the data of a document's leaf."""
    data = f"document {path} {digest}".encode()
    return leaf_hash(data), "document", f"{row.bill.number}.{row.kind}"
