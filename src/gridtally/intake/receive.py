"""Step 1: bytes arrive. They are kept once, by digest; the same bytes again change nothing.

Every row gets its answer in the receipt: accepted, a duplicate, or quarantined; what is quarantined
becomes items that somebody closes (`store/quarantine.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from gridtally import control
from gridtally.control.faults import fault
from gridtally.errors import RefusedFile
from gridtally.intake import archive, known
from gridtally.intake.account import Account, Judged, account, by_block, shared
from gridtally.intake.arrive import Arrived, arrive
from gridtally.intake.decode import Decoded
from gridtally.intake.formats.mapped_stands import leans
from gridtally.intake.known import Group, Master, Watch
from gridtally.intake.options import Options
from gridtally.store import files, publish, quarantine, rebills
from gridtally.store.master import newest_master
from gridtally.store.publish import Prepared, Seen
from gridtally.store.readings import KINDS
from gridtally.store.snapshot import Snapshot, master, snapshot
from gridtally.store.workspace import Workspace
from gridtally.tables import finding, findings_table
from gridtally.terms import Severity

__all__ = ["Known", "Receipt", "keep_mapping", "known_master", "receive", "store_decoded"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a delivery, given only after everything is on disk.

    `rows = accepted + duplicates + quarantined` counts the file. Of the accepted `superseding`
    replace stored ones; of the quarantined `waiting` are unknown to master data and `disputed`
    contradict stored ones. `readings` were stored, `repeated` were there already, `conflicting`
    were left out.
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
    superseding: int
    waiting: int
    disputed: int
    readings: int
    repeated: int
    conflicting: int
    arrived: int
    findings: pa.Table

    def as_dict(self) -> dict[str, Any]:
        """The receipt as JSON values; findings as rows."""
        row = {name: getattr(self, name) for name in self.__slots__ if name != "findings"}
        return row | {"findings": self.findings.to_pylist()}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a delivery beside its rows: columns of its source file.

    `closes`: items of the quarantine that it answers, as `action` says. `again` decodes it once
    more, on what other deliveries said meanwhile; they were last asked after the load `since`.
    """

    columns: dict[str, Any]
    closes: Sequence[int] = ()
    action: str = "corrected"
    aside: pa.Table | None = None
    """rows set aside that count; None: all that decode set aside"""
    again: Callable[[], Decoded] | None = None
    since: int = 0


Count = Callable[[Decoded, Prepared, Sequence[Group]], tuple[Account, list[Group]]]


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
    corrects: Sequence[int] = (),
) -> Receipt:
    """Keep a delivered file and publish its readings; `decode(data, name=, as_of=)` reads it.

    `options`: what `decode` does it with; they are kept, so that it can be done again.
    `correction`: readings without a version mark are taken as newer than what is stored;
    `reason` says why. `corrects`: open items of the quarantine that this file closes.
    The same content again, also renamed or packed anew, gives the receipt of the first.
    Raises `RefusedFile` when the file is refused whole: its bytes are in quarantine then, and
    nothing of it is stored; `Conflict` when an item is closed already.
    """
    options = options or Options()
    who: dict[str, Any] = {"name": name, "as_of": as_of, "actor": actor}
    arrived, since = arrive(ws, delivered), snapshot(ws).load_seq
    again = partial(decode, arrived.data, name=name, as_of=as_of)
    try:
        arrived.require_size(name=name)
        source = _content_digest(arrived.data, name=name, mapping=options.mapping)
        if first := _receipt(source):
            arrived.drop()
            return _again(first, **who, corrects=corrects)
        decoded = again()
    except RefusedFile as refusal:
        _refused(ws, arrived, refusal, options, name=name, sender=sender, at=as_of)
        raise
    outside = arrived.digest
    arrived.keep(ws.path / "raw" / outside[:2] / outside)
    columns: dict[str, Any] = {
        "digest": source, "delivered": outside, "name": name, "sender": sender,
        "size": arrived.size, "arrived": as_of, "options": options.text,
        "mapping": keep_mapping(ws, options.mapping), "mark": as_of if correction else None,
        "reason": reason, "actor": actor,
    }  # fmt: skip
    fault("receive.raw")
    published = store_decoded(ws, decoded, Known(columns, corrects, again=again, since=since))
    receipt = _receipt(source)
    assert receipt is not None
    return receipt if published else _again(receipt, **who, corrects=corrects)


def store_decoded(
    ws: Workspace, decoded: Decoded, delivery: Known, *, count: Count | None = None
) -> bool:
    """Store what was decoded, with its source file; False when its digest is there already.

    `count` makes the row account of what the store judged; None: every row of the file counts.
    """
    columns, since, published = delivery.columns, delivery.since, None
    while published is None:
        store, (seq, names) = publish.seen(snapshot(ws)), known_master(ws)
        if delivery.again and leans(decoded.remarks):
            if publish.said_since(since, decoded.remarks, store, buckets=ws.settings.buckets):
                decoded = delivery.again()
            since = store.load_seq
        watch = Watch(names, by_block(decoded))
        prepared = publish.prepare(
            {kind: getattr(decoded, kind) for kind in KINDS}, store=store,
            buckets=ws.settings.buckets, source=columns["digest"], name=columns["name"],
            mark=columns["mark"], watch=watch,
        )  # fmt: skip
        fault("receive.files")
        counted, groups = (count or _count)(decoded, prepared, watch.groups())
        waiting = known.findings(groups, file=columns["name"], master=names)
        row = _source_row(decoded, prepared, counted) | columns
        row["findings"] += known.few(waiting)
        items = _items(decoded, prepared, row, groups, waiting, aside=delivery.aside)
        published = _publish(row, items, prepared, store, delivery, master_seq=seq)
    fault("receive.committed")
    return published


def _count(
    decoded: Decoded, prepared: Prepared, groups: Sequence[Group]
) -> tuple[Account, list[Group]]:
    readings = Judged(prepared.repeated, prepared.conflicting, prepared.superseding)
    return account(decoded, readings=readings, rows=Judged(*prepared.rows), groups=groups)


def known_master(ws: Workspace) -> tuple[int, Master]:
    """The newest master data, and the number of their version."""
    seq = newest_master()
    return seq, _known(ws, seq)


@lru_cache(maxsize=2)
def _known(ws: Workspace, seq: int) -> Master:
    tables = master(Snapshot(ws, 0, seq, 0, 0)) if seq else {}
    return Master(tables, zone=ws.settings.zone)


def _content_digest(data: archive.Buffer, *, name: str, mapping: bytes | None = None) -> str:
    """SHA-256 of the content: of the only file in a packed delivery, or of what all of them say.

    So content that is packed anew is known again. With a mapping, which may name the metering
    point, the same bytes say something else: they are another delivery.
    """
    digests = sorted(files.sha256(content) for _, content in archive.members(data, name=name))
    if mapping is not None:
        digests.append(files.sha256(mapping))
    return digests[0] if len(digests) == 1 else files.sha256("\n".join(digests).encode())


def keep_mapping(ws: Workspace, mapping: bytes | None) -> str:
    """The digest of a mapping file, whose bytes are kept as those of a delivery are."""
    if mapping is None:
        return ""
    digest = files.sha256(mapping)
    files.write(ws.path / "raw" / digest[:2] / digest, mapping)
    return digest


def _source_row(decoded: Decoded, prepared: Prepared, counted: Account) -> dict[str, Any]:
    return {name: getattr(counted, name) for name in Account.__slots__} | {
        "format": decoded.format,
        "readings": prepared.readings,
        "repeated": prepared.repeated,
        "conflicting": prepared.conflicting,
        "findings": decoded.findings.to_pylist() + prepared.findings,
    }


def _items(
    decoded: Decoded,
    prepared: Prepared,
    row: dict[str, Any],
    groups: Sequence[Group],
    waiting: Sequence[dict[str, Any]],
    *,
    aside: pa.Table | None,
) -> list[dict[str, Any]]:
    """Items of the quarantine: rows set aside, rows that wait, rows that contradict stored ones."""
    same: dict[str, Any] = {
        "source_id": row["digest"], "name": row["name"], "sender": row["sender"],
        "arrived": row["arrived"],
    }  # fmt: skip
    aside = decoded.aside if aside is None else aside
    made = quarantine.aside_rows(aside, decoded.findings.to_pylist(), **same)
    for group, said in zip(groups, waiting, strict=True):
        made.append(quarantine.said_row(said, kind="waiting", lines=group.lines, **same))
    disputes = [said for said in prepared.findings if said["code"] == "intake.reading.conflict"]
    parts = shared(row["disputed"], [said["count"] for said in disputes])
    for said, rows in zip(disputes, parts, strict=True):
        if rows:
            made.append(quarantine.said_row(said | {"count": rows}, kind="conflict", **same))
    return made


def _publish(
    row: dict[str, Any],
    items: Sequence[dict[str, Any]],
    prepared: Prepared,
    store: Seen,
    delivery: Known,
    *,
    master_seq: int,
) -> bool | None:
    """Dedupe key, row account, quarantine, manifest and proposals to rebill in one transaction.

    True: published. False: another process published the same content first. None: other readings
    of the same span, or master data, came in between, so the comparison must be made again.
    """
    models = control.models
    with control.database.atomic():
        if models.SourceFile.objects.filter(digest=row["digest"]).exists():
            return False
        if publish.is_stale(prepared, root=store.root):
            return None
        if not publish.present(store, prepared.entries):
            return None
        if newest_master() != master_seq:
            return None
        billed = rebills.billed(prepared, root=store.root)
        found = [*row["findings"], *(b.finding(file=row["name"]) for b in billed)]
        text = json.dumps(found + _name_reused(row), default=str, ensure_ascii=False)
        models.SourceFile.objects.create(**row | {"findings": text})
        publish.publish(prepared.entries, source=row["digest"])
        quarantine.add(items)
        _close(row, delivery)
        who: dict[str, Any] = {"actor": row["actor"], "as_of": row["arrived"]}
        rebills.propose(billed, source=row["digest"], **who)
        fault("receive.commit")
        models.Event.objects.create(
            at=row["arrived"], actor=row["actor"], what="file.received", subject=row["digest"]
        )
    return True


def _close(row: dict[str, Any], delivery: Known) -> None:
    """Close what this delivery answers, and refusals of the same bytes."""
    how: dict[str, Any] = {
        "actor": row["actor"], "at": row["arrived"], "source": row["digest"],
        "why": row["reason"],
    }  # fmt: skip
    quarantine.close(delivery.closes, action=delivery.action, **how)
    same = quarantine.items(is_open=True, refused=row["delivered"])
    again = [one.id for one in same if one.id not in delivery.closes]
    quarantine.close(again, action="received_again", **how)


def _name_reused(row: dict[str, Any]) -> list[dict[str, Any]]:
    """M06: a name that brought other content before is accepted, and said."""
    earlier = control.models.SourceFile.objects.filter(name=row["name"])
    if row.get("retry_of_id") or not earlier.exists():
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
    own = {
        name: getattr(row, name)
        for name in Receipt.__slots__
        if name not in ("source", "duplicate", "load_seq", "findings")
    }
    return Receipt(
        **own,
        source=row.digest,
        duplicate=False,
        load_seq=models.Load.objects.get(source=row).seq,
        findings=findings_table(json.loads(row.findings)),
    )


def _again(
    first: Receipt, *, name: str, as_of: int, actor: str, corrects: Sequence[int]
) -> Receipt:
    """The first receipt, marked as that of a duplicate; that it came again is noted.

    What it is said to correct is closed by the first, unless it already was.
    """
    with control.database.atomic():
        control.models.Event.objects.create(
            at=as_of, actor=actor, what="file.repeated", subject=first.source, detail=name
        )
        wanted = [quarantine.item(number) for number in corrects]
        left = [one.id for one in wanted if one.step is None or one.step.source != first.source]
        quarantine.close(left, action="corrected", actor=actor, at=as_of, source=first.source)
    same = {slot: getattr(first, slot) for slot in first.__slots__}
    return Receipt(**same | {"duplicate": True})


def _refused(
    ws: Workspace,
    arrived: Arrived,
    refusal: RefusedFile,
    options: Options,
    *,
    name: str,
    sender: str,
    at: int,
) -> None:
    """Keep refused bytes aside with the reason; the same refusal again changes nothing."""
    arrived.keep(ws.path / "raw" / "quarantine" / arrived.digest)
    how = json.loads(options.text)
    if options.mapping is not None:
        how["mapping"] = keep_mapping(ws, options.mapping)
    quarantine.refused(
        digest=arrived.digest, options=json.dumps(how), name=name, sender=sender, arrived=at,
        file=refusal.file or name, code=refusal.code, line=refusal.line,
        message=refusal.message, remedy=refusal.remedy or "",
    )  # fmt: skip
