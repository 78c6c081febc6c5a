"""For the doors: what was not accepted: listed, explained, exported to be corrected, discarded."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridtally import control
from gridtally.deliveries import decoder, options_of
from gridtally.errors import Conflict, NotFound, RefusedFile, UsageError
from gridtally.intake import cut
from gridtally.intake.archive import Buffer
from gridtally.intake.decode import Decoded
from gridtally.intake.formats import sniff
from gridtally.money import number
from gridtally.periods import iso_utc
from gridtally.store import quarantine, snapshot
from gridtally.store.quarantine import Item
from gridtally.store.slots import LETTERS, Slots, expand
from gridtally.store.workspace import Workspace

__all__ = ["chosen", "discard", "export", "listed", "show"]

_VALUES = 50
"""Contradictions of one item that are shown."""


def chosen(numbers: Sequence[int], *, source: str = "", everything: bool = False) -> list[Item]:
    """Open items by number, of a file by the beginning of its digest, or all. Raises `NotFound`."""
    if source:
        found = quarantine.items(is_open=True, source=source)
        found += quarantine.items(is_open=True, refused=source)
        if not found:
            raise NotFound(
                f"No open item is of a file whose digest begins with {source[:20]!r}.",
                remedy="`gridtally quarantine list` shows the beginnings.",
            )
        return found
    if everything:
        return quarantine.items(is_open=True)
    found = [quarantine.item(one) for one in numbers]
    for one in found:
        if one.step is not None:
            raise Conflict(
                f"Item {one.id} of the quarantine is closed already ({one.step.action}).",
                remedy=f"`gridtally quarantine show {one.id}` says by whom and why.",
            )
    return found


def listed(one: Item) -> dict[str, Any]:
    """An item as JSON values; its lines as ranges."""
    step = one.step
    return {
        "item": one.id, "kind": one.kind, "open": one.open, "file": one.file or one.name,
        "source": one.source or one.refused, "sender": one.sender, "arrived": iso_utc(one.arrived),
        "code": one.code, "metering_point": one.metering_point, "channel": one.channel,
        "rows": one.rows, "line": one.line, "lines": quarantine.ranges(one.lines),
        "message": one.message, "remedy": one.remedy,
        "closed": None
        if step is None
        else {
            "action": step.action, "at": iso_utc(step.at), "actor": step.actor, "why": step.why,
            "source": step.source,
        },
    }  # fmt: skip


def discard(numbers: Sequence[int], *, why: str, actor: str, as_of: int) -> list[Item]:
    """Close items for good without their rows; `why` stays in the trail."""
    if not why.strip():
        raise UsageError("Nothing is discarded without a reason.", remedy="Say it with --why.")
    found = chosen(numbers)
    with control.database.atomic():
        ids = [one.id for one in found]
        quarantine.close(ids, action="discarded", actor=actor, at=as_of, why=why.strip())
    return [quarantine.item(one) for one in ids]


# ---------------------------------------------------------------------- show


def show(ws: Workspace, number: int, *, rows: int) -> dict[str, Any]:
    """An item with its first rows as text, and, of a conflict, both values."""
    one = quarantine.item(number)
    made = listed(one) | {"texts": [], "values": []}
    try:
        path = quarantine.kept(ws, one)
    except NotFound as err:
        return made | {"message": f"{one.message} {err.message}"}
    data = path.read_bytes()
    if one.kind == "file":
        # Its lines count from the start of what was unpacked; what cannot be unpacked has none.
        try:
            inner = cut.member(data, name=one.name, file=one.file)
        except RefusedFile:
            return made
        lines = np.array([one.line], dtype=np.int64) if one.line else np.zeros(0, np.int64)
        return made | {"texts": _texts(inner, lines, "")}
    row = control.models.SourceFile.objects.get(digest=one.source)
    inner = cut.member(data, name=row.name, file=one.file)
    format_ = _format(row, inner)
    made["texts"] = _texts(inner, _lines(inner, one, format_)[:rows], format_)
    if one.kind == "conflict":
        made["values"] = _contradictions(ws, one, row, data)
    return made


def _format(row: Any, data: Buffer) -> str:
    """The format of one file of a delivery, whose members may be of several."""
    found = sniff(bytes(data[: 1 << 17])) if "+" in row.format else None
    return found.name if found else str(row.format)


def _texts(data: Buffer, lines: Any, format: str) -> list[dict[str, Any]]:
    found = cut.shown_rows(data, np.unique(lines).tolist(), format=format)
    return [{"line": line, "text": text} for line, text in found]


def _lines(data: Buffer, one: Item, format: str) -> Any:
    """The lines of an item: all of its metering point's where only their beginnings are kept."""
    if one.kind in ("waiting", "conflict") and one.metering_point:
        found = cut.lines_of(data, one.metering_point, format=format)
        if len(found):
            return found
    return np.unique(one.lines)


def _contradictions(ws: Workspace, one: Item, row: Any, data: bytes) -> list[dict[str, Any]]:
    """What was stored before and what was delivered, per instant, where they differ."""
    decoded = _again(ws, row, data)
    kind = "blocks" if _of(decoded.blocks, one).num_rows else "registers"
    mine = _of(getattr(decoded, kind), one)
    before = control.models.Load.objects.get(source=row).seq - 1
    snap = snapshot.Snapshot(ws, before, 0, 0, 0)
    where: dict[str, Any] = {
        "points": [one.metering_point], "start_utc": one.start_utc, "end_utc": one.end_utc,
    }  # fmt: skip
    stored = (
        snapshot.read_blocks(snap, columns=None, **where)
        if kind == "blocks"
        else snapshot.read_registers(snap, **where)
    )
    stored, made = _of(stored, one), []
    known = _by_slot(stored, kind)
    for key, (value, rank, version) in sorted(_by_slot(mine, kind).items()):
        if key not in known or not (one.start_utc or 0) <= key[1] < (one.end_utc or 1 << 62):
            continue
        there = known[key]
        if there[0] != value and there[1:] == (rank, row.mark or version):
            made.append({
                "at": iso_utc(key[1]), "what": key[0], "stored": _said(there[0]),
                "delivered": _said(value), "quality": LETTERS[rank],
            })  # fmt: skip
    return made[:_VALUES]


def _again(ws: Workspace, row: Any, data: bytes) -> Decoded:
    options = options_of(ws, row.options, row.mapping)
    return decoder(ws, options)(data, name=row.name, as_of=row.arrived)


def _of(table: pa.Table, one: Item) -> pa.Table:
    """The rows of an item's metering point and channel."""
    mine = pc.equal(table["metering_point"], one.metering_point)
    if one.channel:
        mine = pc.and_(mine, pc.equal(table["channel"], one.channel))
    return table.filter(mine)


def _by_slot(table: pa.Table, kind: str) -> dict[tuple[str, int], tuple[int, int, int]]:
    """(dial or channel, instant) -> value, rank, version of the reading that wins."""
    names = ("meter", "register") if kind == "registers" else ("channel",)
    texts = [" ".join(row.values()) for row in table.select(names).to_pylist()]
    slots: Slots = expand(table, kind=kind)
    found: dict[tuple[str, int], tuple[int, int, int]] = {}
    for at in np.lexsort((slots.load, slots.version, slots.rank)).tolist():
        if slots.there[at]:
            key = texts[int(slots.row[at])], int(slots.at[at])
            found[key] = int(slots.value[at]), int(slots.rank[at]), int(slots.version[at])
    return found


def _said(value: int) -> str:
    return number(Decimal(value).scaleb(-6))


# -------------------------------------------------------------------- export


def export(ws: Workspace, items: Sequence[Item], *, marked: bool) -> tuple[bytes, str]:
    """The rows of items of one file, verbatim under its header; and a name for the new file.

    `marked`: with the reason in a first column, where the format passes over it.
    """
    files = sorted({(one.source or one.refused, one.file) for one in items})
    if len(files) != 1:
        raise UsageError(
            f"These items are of {len(files)} files, which have headers of their own.",
            remedy="Export those of one file at a time: "
            + ", ".join(f"{name} ({digest[:12]})" for digest, name in files[:5]) + ".",
        )  # fmt: skip
    one = items[0]
    data = quarantine.kept(ws, one).read_bytes()
    stem = one.file.rpartition("!")[2].rpartition("/")[2] or one.name
    if one.kind == "file":
        return data, one.name
    row = control.models.SourceFile.objects.get(digest=one.source)
    inner = cut.member(data, name=row.name, file=one.file)
    format_ = _format(row, inner)
    lengths = _lengths(ws, row, data) if format_ == "csv-long" else {}
    parts = [
        cut.Part(
            _lines(inner, item, format_), f"{item.code}: {item.message}",
            lengths.get((item.metering_point, item.channel), 0),
        )
        for item in items
    ]  # fmt: skip
    mapping = options_of(ws, row.options, row.mapping).mapping
    made = cut.export(inner, parts, format=format_, mapping=mapping, marked=marked)
    return made, f"quarantine-{one.id}-{stem}"


def _lengths(ws: Workspace, row: Any, data: bytes) -> dict[tuple[str, str], int]:
    """The interval length [s] of each channel whose accepted readings have one."""
    blocks = _again(ws, row, data).blocks
    groups = blocks.group_by(["metering_point", "channel"], use_threads=False).aggregate(
        [("resolution_s", "min"), ("resolution_s", "max")]
    )
    return {
        (one["metering_point"], one["channel"]): one["resolution_s_min"]
        for one in groups.to_pylist()
        if one["resolution_s_min"] == one["resolution_s_max"]
    }
