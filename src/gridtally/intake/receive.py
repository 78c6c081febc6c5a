"""Step 1: bytes arrive. They are kept once, by digest; the same bytes again change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gridtally import control
from gridtally.control.faults import fault
from gridtally.errors import NotFound, RefusedFile
from gridtally.intake import archive
from gridtally.intake.decode import Decoded
from gridtally.intake.options import Options
from gridtally.store import files, publish, rebills
from gridtally.store.publish import Prepared, Seen
from gridtally.store.readings import KINDS
from gridtally.store.snapshot import snapshot
from gridtally.store.workspace import Workspace
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["Receipt", "receive"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a delivery, given only after everything is on disk.

    `rows = accepted + duplicates + quarantined` counts the file; `readings` were stored,
    `repeated` were there already, `conflicting` differ from stored ones and were left out.
    """

    source: str
    name: str
    duplicate: bool
    load_seq: int
    format: str
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    readings: int
    repeated: int
    conflicting: int
    arrived: int
    findings: pa.Table

    def as_dict(self) -> dict[str, Any]:
        """The receipt as JSON values; findings as rows."""
        row = {name: getattr(self, name) for name in self.__slots__ if name != "findings"}
        return row | {"findings": self.findings.to_pylist()}


def receive(
    ws: Workspace,
    delivered: bytes | Path,
    *,
    name: str,
    sender: str,
    as_of: int,
    actor: str,
    decode: Callable[..., Decoded],
    options: Options | None = None,
    correction: bool = False,
    reason: str = "",
) -> Receipt:
    """Keep a delivered file and publish its readings; `decode(data, name=, as_of=)` reads it.

    `options`: what `decode` does it with; they are kept, so that it can be done again.
    `correction`: readings without a version mark are taken as newer than what is stored;
    `reason` says why.
    The same content again, also renamed or packed anew, gives the receipt of the first.
    Raises `RefusedFile` when the file is refused whole: its bytes are in quarantine then, and
    nothing of it is stored.
    """
    data = _bytes(delivered)
    outside = files.sha256(data)
    try:
        source = _content_digest(data, name=name)
        if first := _receipt(source):
            return _again(first, name=name, as_of=as_of, actor=actor)
        decoded = decode(data, name=name, as_of=as_of)
    except RefusedFile as refusal:
        _quarantine(ws, data, refusal, name=name, sender=sender, as_of=as_of)
        raise
    options = options or Options()
    files.write(ws.path / "raw" / outside[:2] / outside, data)
    known: dict[str, Any] = {
        "digest": source, "delivered": outside, "name": name, "sender": sender, "size": len(data),
        "arrived": as_of, "options": options.text, "mapping": _keep(ws, options.mapping),
        "mark": as_of if correction else None, "reason": reason, "actor": actor,
    }  # fmt: skip
    fault("receive.raw")
    published = None
    while published is None:
        store = publish.seen(snapshot(ws))
        prepared = publish.prepare(
            {kind: getattr(decoded, kind) for kind in KINDS}, store=store,
            buckets=ws.settings.buckets, source=source, name=name, mark=known["mark"],
        )  # fmt: skip
        fault("receive.files")
        published = _publish(_source_row(decoded, prepared, known), prepared, store)
    fault("receive.committed")
    receipt = _receipt(source)
    assert receipt is not None
    return receipt if published else _again(receipt, name=name, as_of=as_of, actor=actor)


def _bytes(delivered: bytes | Path) -> bytes:
    if isinstance(delivered, bytes):
        return delivered
    try:
        return delivered.read_bytes()
    except OSError as err:
        raise NotFound(
            f"{delivered} cannot be read: {err.strerror}.", remedy="Check its name and rights."
        ) from err


def _content_digest(data: bytes, *, name: str) -> str:
    """SHA-256 of the content: of the only file in a packed delivery, or of what all of them say.

    So content that is packed anew is known again.
    """
    digests = sorted(files.sha256(content) for _, content in archive.members(data, name=name))
    return digests[0] if len(digests) == 1 else files.sha256("\n".join(digests).encode())


def _keep(ws: Workspace, mapping: bytes | None) -> str:
    """The digest of a mapping file, whose bytes are kept as those of a delivery are."""
    if mapping is None:
        return ""
    digest = files.sha256(mapping)
    files.write(ws.path / "raw" / digest[:2] / digest, mapping)
    return digest


def _source_row(decoded: Decoded, prepared: Prepared, known: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": decoded.format,
        "rows": decoded.rows,
        "accepted": decoded.accepted,
        "duplicates": decoded.duplicates,
        "quarantined": decoded.quarantined,
        "readings": prepared.readings,
        "repeated": prepared.repeated,
        "conflicting": prepared.conflicting,
        "findings": decoded.findings.to_pylist() + prepared.findings,
        **known,
    }


def _publish(row: dict[str, Any], prepared: Prepared, store: Seen) -> bool | None:
    """Dedupe key, counts, manifest and proposals to rebill in one transaction.

    True: published. False: another process published the same content first. None: other readings
    of the same span came in between, so the comparison must be made again.
    """
    models = control.models
    with control.database.atomic():
        if models.SourceFile.objects.filter(digest=row["digest"]).exists():
            return False
        if publish.is_stale(prepared) or not publish.present(store, prepared.entries):
            return None
        billed = rebills.billed(prepared)
        found = [*row["findings"], *(b.finding(file=row["name"]) for b in billed)]
        text = json.dumps(found + _name_reused(row), default=str, ensure_ascii=False)
        models.SourceFile.objects.create(**row | {"findings": text})
        publish.publish(prepared.entries, source=row["digest"])
        who: dict[str, Any] = {"actor": row["actor"], "as_of": row["arrived"]}
        rebills.propose(billed, source=row["digest"], **who)
        fault("receive.commit")
        models.Event.objects.create(
            at=row["arrived"], actor=row["actor"], what="file.received", subject=row["digest"]
        )
    return True


def _name_reused(row: dict[str, Any]) -> list[dict[str, Any]]:
    """M06: a name that brought other content before is accepted, and said."""
    if not control.models.SourceFile.objects.filter(name=row["name"]).exists():
        return []
    return [
        finding(
            "intake.file.name_reused",
            Severity.WARN,
            f"A file named {row['name']} with other content was received before. This one is "
            "taken as a new delivery.",
            remedy="Check that the sender meant to send both.",
            file=row["name"],
        )
    ]


def _receipt(source: str) -> Receipt | None:
    """The receipt of content that was accepted before."""
    models = control.models
    row = models.SourceFile.objects.filter(digest=source).first()
    if row is None:
        return None
    return Receipt(
        source=row.digest,
        name=row.name,
        duplicate=False,
        load_seq=models.Load.objects.get(source=row).seq,
        format=row.format,
        rows=row.rows,
        accepted=row.accepted,
        duplicates=row.duplicates,
        quarantined=row.quarantined,
        readings=row.readings,
        repeated=row.repeated,
        conflicting=row.conflicting,
        arrived=row.arrived,
        findings=findings_table(json.loads(row.findings)),
    )


def _again(first: Receipt, *, name: str, as_of: int, actor: str) -> Receipt:
    """The first receipt, marked as that of a duplicate; that it came again is noted."""
    control.models.Event.objects.create(
        at=as_of, actor=actor, what="file.repeated", subject=first.source, detail=name
    )
    known = {slot: getattr(first, slot) for slot in first.__slots__}
    return Receipt(**known | {"duplicate": True})


def _quarantine(
    ws: Workspace, data: bytes, refusal: RefusedFile, *, name: str, sender: str, as_of: int
) -> None:
    """Keep refused bytes aside with the reason; the same refusal again changes nothing."""
    models = control.models
    digest = files.sha256(data)
    files.write(ws.path / "raw" / "quarantine" / digest, data)
    with control.database.atomic():
        if not models.QuarantineItem.objects.filter(refused=digest, code=refusal.code).exists():
            models.QuarantineItem.objects.create(
                kind="file", refused=digest, name=name, sender=sender, arrived=as_of,
                file=refusal.file or name, code=refusal.code, line=refusal.line,
                message=refusal.message, remedy=refusal.remedy or "",
            )  # fmt: skip
