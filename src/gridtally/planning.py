"""For the doors: what a tariff version would change on billed days, kept as a plan to approve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from gridtally import correcting, tariff_book
from gridtally.errors import Conflict
from gridtally.rating import tariff as tariffs
from gridtally.store import plans
from gridtally.store.workspace import Workspace

__all__ = ["as_dict", "plan"]

Said = Mapping[str, Any]


def plan(ws: Workspace, data: bytes, *, name: str, actor: str, as_of: int) -> dict[str, Any]:
    """Work out a plan for a tariff document and keep it; the same again is the same plan.

    JSON values; `plan` is None when no bill was made for its days, which needs no plan. Raises
    `InvalidDocument` as receiving does, `Conflict` when the document is stored already.
    """
    version = tariffs.load(data, name=name)
    rows = tariff_book.known(ws, version, name=name)
    if any(row.digest == version.digest for row in rows):
        raise Conflict(
            f"This version of {version.id} is stored already.",
            remedy="Nothing to do: `gridtally rebills list` has what it changes.",
        )
    end = tariff_book.ends_on(ws, version)
    said: dict[str, Any] = {
        "schema": 1,
        "tariff": version.id,
        "document": version.digest,
        "days": {"from": str(version.valid_from), "to": None if end == date.max else str(end)},
    }
    if not tariff_book.billed(ws, rows, version):
        return {"plan": None} | said
    said["basis"] = plans.basis(ws, said)
    found = correcting.corrections(ws, document=data)
    said |= {name: found[name] for name in ("engine", "bills", "delta", "findings")}
    said["elsewhere"] = plans.elsewhere(ws, version.id, version.valid_from, end)
    said["tails"] = list(_tails(found))
    said["text"] = data.decode()
    kept, new = plans.keep(ws, said, actor=actor, as_of=as_of)
    return {"plan": kept.id, "new": new} | as_dict(kept) | said


def _tails(found: Said) -> Iterator[dict[str, str]]:
    """Where agreements hand on something else than then, after their last bill here."""
    last = {
        part["agreement"]: part
        for bill in found["bills"]
        for part in sorted(bill["segments"], key=lambda part: part["service"]["to"])
    }
    for agreement, part in sorted(last.items()):
        carry = part.get("carry")
        if carry is None or carry["before"] != carry["after"]:
            yield {"agreement": agreement, "from": part["service"]["to"]}


def as_dict(kept: plans.Plan) -> dict[str, Any]:
    """A plan as it stands, as JSON values."""
    return {
        "id": kept.id, "tariff": kept.tariff, "document": kept.document, "state": kept.state,
        "missing": kept.missing, "by": kept.actor, "at": kept.at,
        "approvals": [asdict(one) for one in kept.approvals],
    }  # fmt: skip
