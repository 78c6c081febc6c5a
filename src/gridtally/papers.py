"""Step 10: what leaves the house: documents, proofs, published heads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from gridtally import control
from gridtally.closing import Closing
from gridtally.delivery import documents
from gridtally.errors import NotFound
from gridtally.prepare import cases
from gridtally.proof import build as proofs
from gridtally.proof import merkle
from gridtally.store import files, named
from gridtally.store.master import people
from gridtally.store.runs import open_run
from gridtally.store.workspace import Workspace
from gridtally.subledger.deliver import deliver
from gridtally.subledger.heads import leaf_hashes
from gridtally.subledger.keys import person_keys
from gridtally.subledger.records import read_record

__all__ = ["copy_heads", "draw", "proof_of", "write_bill"]


def issued_bill(number: str) -> Any:
    """The issued bill of a number, or of a bill's name. Raises `NotFound`."""
    row = named.issued_bill(number)
    if row is None:
        raise NotFound(
            f"No bill {number} is issued.", remedy="Give its number or its account/from/to."
        )
    return row


def openings(ws: Workspace, record: Mapping[str, Any]) -> dict[str, str]:
    """What belongs to the customer alone: name, address, and the key of the commitments."""
    person = _person(ws, record)
    key = person_keys([record["account"]])[record["account"]]
    return {"key": key.hex(), **person}


def _person(ws: Workspace, record: Mapping[str, Any]) -> dict[str, str]:
    """Name and address that the bill was made with: those known to its run, on the day of issue."""
    seq = _known(ws, str(record["run"]["id"]))
    found = _people(ws, seq, str(record["issued"])).get(record["account"], {})
    return {name: found.get(name, "") for name in ("name", "address")}


@lru_cache(maxsize=64)
def _known(ws: Workspace, run: str) -> int:
    return int(open_run(ws, run).info["snapshot"]["master"])


@lru_cache(maxsize=4)
def _people(ws: Workspace, seq: int, issued: str) -> dict[str, dict[str, str]]:
    return people(ws, seq, on=date.fromisoformat(issued))


def draw(
    ws: Workspace,
    *,
    actor: str,
    as_of: int,
    limit: int | None = None,
    report: Callable[[str, int, int], None] = lambda _s, _d, _t: None,
) -> int:
    """Draw the documents that wait in the outbox; how many were made."""

    def pdf(data: bytes) -> bytes:
        record = json.loads(data)
        return documents.render_pdf(record, _person(ws, record))

    def page(data: bytes) -> bytes:
        record = json.loads(data)
        return documents.render_html(record, _person(ws, record)).encode()

    return deliver(
        ws,
        {"pdf": pdf, "html": page},
        actor=actor,
        as_of=as_of,
        limit=limit,
        progress=lambda done, total: report("documents", done, total),
    )


def proof_of(ws: Workspace, number: str, *, personal: bool = True) -> bytes:
    """A bill's proof file: record, readings, tariffs, path to a signed head, openings."""
    row = issued_bill(number)
    record = json.loads(read_record(ws, row.number))
    closing = Closing.open(ws, row.run_id)
    names = [segment["segment"] for segment in record["segments"]]
    made = cases(closing.prepared, names)
    head = control.models.Head.objects.order_by("-size").first()
    if head is None or head.size <= row.leaf_id:
        raise NotFound(
            f"The bill {number} is not under a published head yet.",
            remedy="Run `gridtally issue` again: it finishes what was begun.",
        )
    hashes = leaf_hashes(size=head.size)
    proof = proofs.build(
        record,
        cases=[made[name] for name in names],
        tariffs=closing.prepared.documents,
        index=row.leaf_id,
        path=merkle.Tree(hashes).inclusion(row.leaf_id),
        checkpoint=head.checkpoint,
        openings=openings(ws, record) if personal else None,
    )
    return proofs.dump(proof)


def write_bill(ws: Workspace, number: str, folder: Path, *, personal: bool) -> list[Path]:
    """Write an issued bill's PDF, web page and proof into `folder`; their paths."""
    row = issued_bill(number)
    record = json.loads(read_record(ws, row.number))
    person = openings(ws, record) if personal else {"name": "", "address": ""}
    made = {
        "pdf": documents.render_pdf(record, person),
        "html": documents.render_html(record, person).encode(),
        "proof.json": proof_of(ws, row.number, personal=personal),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, data in made.items():
        path = folder / f"{row.number}.{kind}"
        path.write_bytes(data)
        paths.append(path)
    return paths


def copy_heads(ws: Workspace, target: Path) -> int:
    """Publish: copy the signed heads and the log's public key to a place outside; how many."""
    target.mkdir(parents=True, exist_ok=True)
    heads = sorted((ws.path / "published").iterdir())
    for head in heads:
        if not (target / head.name).exists():
            files.write(target / head.name, head.read_bytes())
    return len(heads)
