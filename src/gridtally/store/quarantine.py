"""The store: what was not accepted, as items that somebody closes; the rows stay in kept bytes.

An item stands for all rows that one file has set aside for one reason at one place. It is written
with the receipt and never changed; one step closes it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db.models import Count, Sum

from gridtally import control
from gridtally.control.database import insert
from gridtally.errors import Conflict, NotFound
from gridtally.store import files
from gridtally.store.workspace import Workspace

__all__ = [
    "Item", "Step", "add", "aside_rows", "close", "item", "items", "kept", "open_counts",
    "pack_lines", "ranges", "refused", "said_row", "unpack_lines",
]  # fmt: skip

Ints = npt.NDArray[np.int64]

_GROUPS_MAX = 1000
"""More places than this with one reason in one file are one item."""
_WIDTHS = ("u1", "u2", "u4", "u8")


@dataclass(frozen=True, slots=True)
class Step:
    """How an item was closed: corrected, discarded, arrived or received_again."""

    at: int
    actor: str
    action: str
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the quarantine. `source` or, of a refused file, `refused` names the kept bytes."""

    id: int
    kind: str
    source: str
    refused: str
    name: str
    sender: str
    arrived: int
    file: str
    code: str
    metering_point: str
    channel: str
    line: int | None
    rows: int
    lines: Ints
    start_utc: int | None
    end_utc: int | None
    message: str
    remedy: str
    options: dict[str, Any]
    step: Step | None

    @property
    def open(self) -> bool:
        """Whether nobody has closed it yet."""
        return self.step is None


# --------------------------------------------------------------------- lines


def pack_lines(lines: Ints) -> bytes:
    """Sorted line numbers as few bytes: their steps, in the width of the largest, compressed.

    Every second line of a file of 20 million takes 20 kB.
    """
    steps = np.diff(np.sort(np.asarray(lines, dtype=np.int64)), prepend=0)
    largest = int(steps.max(initial=0))
    width = next(n for n, kind in enumerate(_WIDTHS) if largest < 1 << 8 * int(kind[1]))
    return bytes([width]) + zlib.compress(steps.astype(_WIDTHS[width]).tobytes(), 6)


def unpack_lines(packed: bytes) -> Ints:
    """What `pack_lines` packed, in order."""
    if not packed:
        return np.zeros(0, np.int64)
    kind = _WIDTHS[packed[0]]
    steps = np.frombuffer(zlib.decompress(packed[1:]), dtype=kind)
    return np.cumsum(steps.astype(np.int64))


def ranges(lines: Ints, *, most: int = 20) -> str:
    """`2-5, 9, 12-20` of sorted line numbers; the first few ranges, then `…`."""
    lines = np.unique(lines)
    if not len(lines):
        return ""
    ends = np.append(np.flatnonzero(np.diff(lines) != 1), len(lines) - 1)
    starts = np.append(0, ends[:-1] + 1)
    pairs = zip(lines[starts][:most].tolist(), lines[ends][:most].tolist(), strict=True)
    parts = [f"{a}-{b}" if b > a else f"{a}" for a, b in pairs]
    return ", ".join(parts) + (", …" if len(starts) > most else "")


# --------------------------------------------------------------------- write


def aside_rows(
    aside: pa.Table, findings: Sequence[Mapping[str, Any]], **same: Any
) -> list[dict[str, Any]]:
    """Rows for items of what decode set aside (table ASIDE), by file, reason, point and channel.

    Each takes its words from the finding of its first line, else from the first of its reason.
    """
    if not aside.num_rows:
        return []
    words: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in findings:
        words.setdefault((row["code"], row["file"], row["line"]), row)
        words.setdefault((row["code"],), row)
    made = []
    for (file, code, point, channel), lines in _grouped(aside):
        said = words.get((code, file, int(lines[0])), words[(code,)])
        made.append(
            {
                "kind": "rows", "file": file, "code": code, "metering_point": point,
                "channel": channel, "line": int(lines[0]) or None, "rows": len(lines),
                "lines": pack_lines(lines), "message": said["message"], "remedy": said["remedy"],
                **same,
            }
        )  # fmt: skip
    return made


def said_row(
    said: Mapping[str, Any], *, kind: str, lines: Ints | None = None, **same: Any
) -> dict[str, Any]:
    """A row for an item of which a finding says everything; its count is that of the rows."""
    lines = np.array([said.get("line") or 0]) if lines is None else lines
    names = ("file", "code", "metering_point", "channel", "message", "remedy")
    return {name: said[name] for name in names} | {
        "kind": kind, "line": said.get("line"), "rows": said["count"], "lines": pack_lines(lines),
        "start_utc": said.get("start_utc"), "end_utc": said.get("end_utc"), **same,
    }  # fmt: skip


def _grouped(aside: pa.Table) -> Iterable[tuple[tuple[str, ...], Ints]]:
    """(file, code, point, channel) and its lines, sorted."""
    names = ("file", "code", "metering_point", "channel")
    coded = {name: aside[name].combine_chunks() for name in names}
    lines = aside["line"].to_numpy()
    reason = _paired(coded["file"], coded["code"])
    place = _paired(coded["metering_point"], coded["channel"])
    width = int(place.max()) + 2
    key = reason * width + place
    reasons, count = np.unique(np.unique(key) // width, return_counts=True)
    crowded = set(reasons[count > _GROUPS_MAX].tolist())
    if crowded:
        key = np.where(np.isin(reason, list(crowded)), reason * width + width - 1, key)
    del place, reason
    order = np.lexsort((lines, key))
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    for part in np.split(order, cuts):
        first = int(part[0])
        texts = [coded[name].dictionary[coded[name].indices[first].as_py()] for name in names]
        whole = int(key[first]) // width in crowded
        found = [str(text) for text in texts]
        yield (*found[:2], *(("", "") if whole else found[2:])), lines[part]


def _paired(one: pa.DictionaryArray, two: pa.DictionaryArray) -> Ints:
    """One number for each pair of two columns' cells."""
    key: Ints = one.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    key *= len(two.dictionary)
    key += two.indices.to_numpy(zero_copy_only=False)
    return key


def add(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write items, inside the caller's transaction."""
    for _, alike in groupby(rows, key=tuple):
        insert(control.models.QuarantineItem, alike)


def refused(*, digest: str, code: str, **said: Any) -> None:
    """Record a file that was refused whole; the same refusal again changes nothing."""
    models = control.models
    with control.database.atomic():
        again = models.QuarantineItem.objects.filter(refused=digest, code=code)
        if not again.filter(id__in=_open_ids()).exists():
            models.QuarantineItem.objects.create(kind="file", refused=digest, code=code, **said)


def close(
    ids: Iterable[int],
    *,
    action: str,
    actor: str,
    at: int,
    why: str = "",
    source: str | None = None,
) -> None:
    """Close open items, inside the caller's transaction. Raises `Conflict` for a closed one."""
    wanted = sorted(set(ids))
    models = control.models
    found = models.QuarantineStep.objects.filter(item_id__in=wanted).order_by("item_id").first()
    if found is not None:
        raise Conflict(
            f"Item {found.item_id} of the quarantine is closed already ({found.action}).",
            remedy=f"`gridtally quarantine show {found.item_id}` says by whom and why.",
        )
    insert(
        models.QuarantineStep,
        [
            {
                "item_id": one, "at": at, "actor": actor, "action": action, "why": why,
                "source_id": source,
            }
            for one in wanted
        ],
    )  # fmt: skip


# ---------------------------------------------------------------------- read


def _open_ids() -> Any:
    models = control.models
    closed = models.QuarantineStep.objects.values("item_id")
    return models.QuarantineItem.objects.exclude(id__in=closed).values("id")


def items(
    *,
    is_open: bool | None = None,
    kind: str | None = None,
    source: str | None = None,
    refused: str | None = None,
    ids: Sequence[int] | None = None,
) -> list[Item]:
    """Items in the order of their arrival; `source` is a digest or its beginning."""
    models = control.models
    found = models.QuarantineItem.objects.order_by("id")
    if is_open is not None:
        narrow = found.filter if is_open else found.exclude
        found = narrow(id__in=_open_ids())
    if kind is not None:
        found = found.filter(kind=kind)
    if source is not None:
        found = found.filter(source__digest__startswith=source)
    if refused is not None:
        found = found.filter(refused=refused)
    if ids is not None:
        found = found.filter(id__in=list(ids))
    rows = list(found)
    steps = {}
    for some in control.database.in_chunks([row.id for row in rows]):
        for step in models.QuarantineStep.objects.filter(item_id__in=some):
            steps[step.item_id] = Step(
                step.at, step.actor, step.action, step.why, step.source_id or ""
            )
    return [_item(row, steps.get(row.id)) for row in rows]


def _item(row: Any, step: Step | None) -> Item:
    plain = {
        name: getattr(row, name)
        for name in Item.__slots__
        if name not in ("source", "lines", "options", "step")
    }
    return Item(
        **plain,
        source=row.source_id or "",
        lines=unpack_lines(bytes(row.lines)),
        options=json.loads(row.options),
        step=step,
    )


def item(number: int) -> Item:
    """One item. Raises `NotFound`."""
    found = items(ids=[number])
    if not found:
        raise NotFound(
            f"There is no item {number} in the quarantine.",
            remedy="`gridtally quarantine list` has their numbers.",
        )
    return found[0]


def open_counts() -> dict[str, dict[str, int]]:
    """Open items and their rows, by kind."""
    models = control.models
    found = models.QuarantineItem.objects.filter(id__in=_open_ids()).values("kind")
    counted = found.annotate(items=Count("id"), rows=Sum("rows")).order_by("kind")
    return {row["kind"]: {"items": row["items"], "rows": row["rows"] or 0} for row in counted}


def kept(ws: Workspace, one: Item) -> Path:
    """The kept bytes of an item's file. Raises `NotFound` for one that was too large to keep."""
    if one.kind == "file":
        path = ws.path / "raw" / "quarantine" / one.refused
        if not path.exists():
            raise NotFound(
                f"The bytes of {one.name} were not kept, because of its size.",
                remedy="Deliver it again, in several smaller files.",
            )
        return path
    delivered = str(control.models.SourceFile.objects.get(digest=one.source).delivered)
    path = ws.path / "raw" / delivered[:2] / delivered
    if not path.exists():
        files.read_checked(path, delivered)  # says what is missing
    return path
