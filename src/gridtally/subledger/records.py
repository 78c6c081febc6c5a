"""Step 10: the canonical bytes of bill records, kept as lines of one file per batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridtally import control
from gridtally.errors import Corrupt, NotFound
from gridtally.store import files
from gridtally.store.workspace import Workspace

__all__ = ["Stored", "canonical", "leaf_hash", "read_record", "record_of", "write_records"]


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the bytes of a record are."""

    path: str
    offset: int
    size: int


def canonical(record: Mapping[str, Any]) -> bytes:
    """Canonical JSON (`docs/bill-record.md`)."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def leaf_hash(record: bytes) -> str:
    """Hex leaf hash of a record: SHA-256(0x00 || record) (RFC 9162)."""
    return files.sha256(b"\x00" + record)


def write_records(ws: Workspace, series: str, records: Sequence[bytes]) -> list[Stored]:
    """Write a batch of records, durable when this returns; name and content never change."""
    data = b"".join(record + b"\n" for record in records)
    path = ws.path / "documents" / "records" / series / f"{files.sha256(data)[:24]}.jsonl"
    files.write(path, data)
    name, offset, stored = ws.relative(path), 0, []
    for record in records:
        stored.append(Stored(name, offset, len(record)))
        offset += len(record) + 1
    return stored


def read_record(ws: Workspace, number: str) -> bytes:
    """The canonical record of an issued bill. Raises `NotFound`, and `Corrupt` when it is not
    what its leaf says."""
    rows = control.models.IssuedBill.objects.select_related("leaf").filter(number=number)
    row = rows.first()
    if row is None:
        raise NotFound(f"There is no issued bill {number}.")
    return record_of(ws, row)


def record_of(ws: Workspace, row: control.models.IssuedBill) -> bytes:
    """As `read_record`, of a row that has its leaf."""
    try:
        with (ws.path / row.record_path).open("rb") as file:
            file.seek(row.record_offset)
            data: bytes = file.read(row.record_size)
    except OSError:
        data = b""
    if leaf_hash(data) != row.leaf.hash:
        raise Corrupt(
            f"The record of the bill {row.number} in {row.record_path} is not what was issued.",
            remedy="Restore that file from a backup; `gridtally check` lists all that differs.",
        )
    return data
