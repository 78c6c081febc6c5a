"""Steps 1 and 2 for readings: received, tried again, and what becomes of those that waited.

A retry decodes the kept bytes once more, after a change of options, of a mapping or of the
software. It counts only the rows that were set aside, and never reads an accepted row anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally import control
from gridtally.errors import Conflict, RefusedFile, UsageError
from gridtally.intake import known
from gridtally.intake import receive as room
from gridtally.intake.account import Account, by_block
from gridtally.intake.arrive import arrive
from gridtally.intake.decode import Decoded
from gridtally.intake.known import Group, Watch
from gridtally.intake.options import Options
from gridtally.intake.receive import Known, Receipt, known_master
from gridtally.store import files, publish, quarantine
from gridtally.store.publish import Prepared
from gridtally.store.quarantine import Item
from gridtally.store.snapshot import snapshot
from gridtally.store.workspace import Workspace
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = [
    "Retried", "arrived", "decoder", "late", "options_of", "require_reason", "retry", "take",
]  # fmt: skip


def require_reason(reason: str, *, correction: bool) -> None:
    """Raise `UsageError` for a correction that does not say why."""
    if correction and not reason.strip():
        raise UsageError(
            "A correction replaces what is stored, so it needs a reason.",
            remedy="Say it with --reason, such as --reason 'the meter was read again'.",
        )


def decoder(ws: Workspace, options: Options) -> Callable[..., Decoded]:
    """`decode` with these options, and with what earlier deliveries said."""

    def stands(points: Sequence[str], start: int, end: int) -> pa.Table:
        seen = publish.seen(snapshot(ws))
        return publish.remarks(seen, points, start, end, buckets=ws.settings.buckets)

    return partial(options.decode, stands=stands)


def take(
    ws: Workspace,
    delivered: bytes | Path,
    *,
    options: Options,
    decode: Callable[..., Decoded] | None = None,
    reason: str = "",
    **how: Any,
) -> Receipt:
    """Receive a file of readings (`intake.receive`). A correction says why."""
    require_reason(reason, correction=how.get("correction", False))
    return room.receive(
        ws, delivered, decode=decode or decoder(ws, options), options=options,
        reason=reason.strip(), **how,
    )  # fmt: skip


# --------------------------------------------------------------------- retry


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry of a file's open items came to; `refused` says why it is still refused."""

    name: str
    items: Sequence[int]
    rows: int
    accepted: int
    changed: bool
    refused: str = ""


def retry(
    ws: Workspace,
    items: Sequence[Item],
    *,
    change: Callable[[Options], Options],
    correction: bool = False,
    reason: str = "",
    actor: str,
    as_of: int,
) -> list[Retried]:
    """Decode the files of these open items again; accepted rows are published.

    All open items of a file are answered together. `change` makes the new options of the old ones.
    Items that wait for master data are left alone. Raises `Conflict` when rows that were accepted,
    or are closed, would be read in another way now.
    """
    require_reason(reason, correction=correction)
    who: dict[str, Any] = {"actor": actor, "as_of": as_of}
    done = [
        _refused_again(ws, digest, change, **who)
        for digest in dict.fromkeys(one.refused for one in items if one.kind == "file")
    ]
    kinds = ("rows", "conflict") if correction else ("rows",)
    models = control.models
    sources = dict.fromkeys(one.source for one in items if one.kind in kinds)
    rows = [models.SourceFile.objects.get(digest=source) for source in sources]
    for root in dict.fromkeys(row.retry_of_id or row.digest for row in rows):
        mark = (as_of, reason.strip()) if correction else None
        done.append(_source_again(ws, str(root), change, kinds=kinds, correction=mark, **who))
    return done


def options_of(ws: Workspace, text: str, mapping: str) -> Options:
    """What a file was decoded with, as it was kept."""
    data = files.read_checked(ws.path / "raw" / mapping[:2] / mapping, mapping) if mapping else None
    return Options.of(text, data)


def _refused_again(
    ws: Workspace, digest: str, change: Callable[[Options], Options], *, actor: str, as_of: int
) -> Retried:
    """A file that was refused whole, received again from its kept bytes."""
    same = quarantine.items(is_open=True, refused=digest)
    one = same[0]
    options = change(options_of(ws, json.dumps(one.options), one.options.get("mapping", "")))
    ids = [item.id for item in same]
    if one.code.startswith("intake.master."):
        said = "It is a file of master data; deliver it again."
        return Retried(one.name, ids, 0, 0, changed=False, refused=said)
    try:
        receipt = take(
            ws, quarantine.kept(ws, one), options=options, name=one.name, sender=one.sender,
            as_of=as_of, actor=actor,
        )  # fmt: skip
    except RefusedFile as err:
        return Retried(one.name, ids, 0, 0, changed=False, refused=err.message)
    if receipt.duplicate:
        with control.database.atomic():
            how: dict[str, Any] = {"actor": actor, "at": as_of, "source": receipt.source}
            quarantine.close(ids, action="received_again", **how)
    return Retried(one.name, ids, receipt.rows, receipt.accepted, changed=True)


def _source_again(
    ws: Workspace,
    root: str,
    change: Callable[[Options], Options],
    *,
    kinds: Sequence[str],
    correction: tuple[int, str] | None,
    actor: str,
    as_of: int,
) -> Retried:
    """A file that was accepted in part, decoded again for what was not."""
    models = control.models
    first = models.SourceFile.objects.get(digest=root)
    chain = list(models.SourceFile.objects.filter(retry_of_id=root).order_by("arrived"))
    last = chain[-1] if chain else first
    every = [one for row in [first, *chain] for one in quarantine.items(source=row.digest)]
    mine = [one for one in every if one.open and one.kind in kinds]
    base, ids = sum(one.rows for one in mine), [one.id for one in mine]
    options = change(options_of(ws, last.options, last.mapping))
    data = arrive(ws, ws.path / "raw" / first.delivered[:2] / first.delivered)
    try:
        decoded = decoder(ws, options)(data.data, name=first.name, as_of=as_of)
    except RefusedFile as err:
        return Retried(first.name, ids, base, 0, changed=False, refused=err.message)
    finally:
        data.drop()
    still = _among(decoded.aside, [one for one in mine if one.kind == "rows"])
    _require_closed(decoded, [one for one in every if one.kind == "rows" and not one.open])
    if still.num_rows == base:
        return Retried(first.name, ids, base, 0, changed=False)
    mark, reason = correction or (first.mark, first.reason)
    mapping = room.keep_mapping(ws, options.mapping)
    lines = files.sha256(np.sort(still["line"].to_numpy()).tobytes())
    said = "\n".join([root, options.text, mapping, str(mark), lines])
    digest = files.sha256(f"retry\n{said}".encode())
    columns = {
        "digest": digest, "delivered": first.delivered, "name": first.name, "size": first.size,
        "sender": first.sender, "arrived": as_of, "options": options.text, "mapping": mapping,
        "mark": mark, "reason": reason, "actor": actor, "retry_of_id": root,
    }  # fmt: skip
    count = partial(_recount, base=base, still=still.num_rows, last=last, mark=correction)
    delivery = Known(columns, ids, "received_again", still)
    room.store_decoded(ws, decoded, delivery, count=count)
    row = models.SourceFile.objects.get(digest=digest)
    return Retried(first.name, ids, base, row.accepted, changed=True)


def _among(aside: pa.Table, items: Sequence[Item]) -> pa.Table:
    """The rows set aside that these items have."""
    keep = np.zeros(aside.num_rows, bool)
    line = aside["line"].to_numpy()
    for file in {one.file for one in items}:
        lines = np.concatenate([one.lines for one in items if one.file == file])
        there = pc.equal(aside["file"].cast(pa.string()), file).to_numpy(zero_copy_only=False)
        keep |= there & np.isin(line, lines)
    return aside.filter(pa.array(keep))


def _require_closed(decoded: Decoded, closed: Sequence[Item]) -> None:
    """What was discarded or corrected does not come to life by a retry."""
    again = _among(decoded.aside, closed)["line"].to_numpy()
    for one in closed:
        if one.step is not None and one.step.action == "received_again":
            continue
        if not np.isin(one.lines, again).all():
            raise Conflict(
                f"Item {one.id} is closed ({one.step.action if one.step else ''}), but with these "
                "options its rows would be accepted.",
                remedy="Nothing was stored. Export what is still open, and receive it with "
                "--corrects instead.",
            )


def _recount(
    decoded: Decoded,
    prepared: Prepared,
    groups: Sequence[Group],
    *,
    base: int,
    still: int,
    last: Any,
    mark: tuple[int, str] | None,
) -> tuple[Account, list[Group]]:
    """The account of the rows that were set aside before, and of them alone."""
    before = last.readings + last.repeated
    if prepared.repeated < before:
        raise Conflict(
            f"With these options rows of {last.name} that were accepted before would be read in "
            "another way.",
            remedy="Nothing was stored. What was accepted is corrected by a delivery with "
            "--correction.",
        )
    left = base - still
    disputed = min(left, prepared.conflicting - (0 if mark else last.conflicting))
    if disputed <= 0:
        disputed = 0
        prepared.findings = []
    repeated = 0 if by_block(decoded) else min(left - disputed, prepared.repeated - before)
    kept, waiting = [], 0
    for group in groups:
        rows = min(group.rows, left - disputed - repeated - waiting)
        waiting += rows
        if rows:
            kept.append(known.with_rows(group, rows))
    accepted = left - disputed - repeated - waiting
    superseding = min(prepared.superseding, accepted)
    quarantined = still + disputed + waiting
    return Account(
        base, accepted, repeated, quarantined, superseding, waiting, disputed
    ), kept  # fmt: skip


# ------------------------------------------------------------------ arrivals


def arrived(ws: Workspace, *, actor: str, as_of: int) -> int:
    """After new master data: close what waited for them, and list what waits for more.

    Gives how many items were closed. The readings are stored already.
    """
    waiting = quarantine.items(is_open=True, kind="waiting")
    closed = 0
    for source in dict.fromkeys(one.source for one in waiting):
        closed += _arrived(ws, source, [one for one in waiting if one.source == source],
                           actor=actor, as_of=as_of)  # fmt: skip
    return closed


def _arrived(ws: Workspace, source: str, items: Sequence[Item], *, actor: str, as_of: int) -> int:
    """The waiting items of one file, looked at with the newest master data."""
    row = control.models.SourceFile.objects.get(digest=source)
    data = arrive(ws, ws.path / "raw" / row.delivered[:2] / row.delivered)
    decode = decoder(ws, options_of(ws, row.options, row.mapping))
    try:
        decoded = decode(data.data, name=row.name, as_of=row.arrived)
    except RefusedFile:
        return 0  # decoded otherwise by now: nothing is known of its rows
    finally:
        data.drop()
    _, master = known_master(ws)
    watch = Watch(master, by_block(decoded))
    watch("blocks", decoded.blocks)
    watch("registers", decoded.registers)
    groups = watch.groups()
    still = {(g.code, g.metering_point, g.channel) for g in groups}
    there = {(one.code, one.metering_point, one.channel) for one in items}
    gone = [one for one in items if (one.code, one.metering_point, one.channel) not in still]
    fresh = [g for g in groups if (g.code, g.metering_point, g.channel) not in there]
    rows = sum(one.rows for one in gone)
    same: dict[str, Any] = {"source_id": source, "name": row.name, "sender": row.sender,
                            "arrived": row.arrived}  # fmt: skip
    made = []
    for group, said in zip(fresh, known.findings(fresh, file=row.name, master=master), strict=True):
        count = min(group.rows, rows)  # what was repeated or disputed never waited
        rows -= count
        if count:
            said |= {"count": count}
            made.append(quarantine.said_row(said, kind="waiting", lines=group.lines, **same))
    with control.database.atomic():
        left = {one.id for one in quarantine.items(is_open=True, ids=[one.id for one in gone])}
        if left != {one.id for one in gone}:
            return 0  # somebody else was first
        quarantine.add(made)
        quarantine.close(left, action="arrived", actor=actor, at=as_of)
    return len(left)


def late(name: str) -> dict[str, Any]:
    """The same bytes came before, without a word of correction: that cannot be added to them."""
    return finding(
        "intake.file.correction",
        Severity.HOLD,
        "These bytes were received before; that they are a correction was not taken.",
        remedy="Use `gridtally quarantine retry ITEM --correction --reason TEXT` on what "
        "contradicts stored readings.",
        file=name,
    )
