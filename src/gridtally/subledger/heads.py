"""Step 10: signed heads of the proof tree, published outside the database."""

from __future__ import annotations

from collections.abc import Callable

from gridtally import control
from gridtally.control.database import insert
from gridtally.control.faults import fault
from gridtally.errors import Corrupt
from gridtally.store import files
from gridtally.store.digest import hash_root
from gridtally.store.workspace import Workspace

__all__ = ["add_leaves", "leaf_hashes", "publish_head"]


def leaf_hashes(*, size: int | None = None) -> list[bytes]:
    """The leaf hashes of the tree [32 bytes each], in order; the first `size`, or all."""
    rows = control.models.Leaf.objects.order_by("index")
    if size is not None:
        rows = rows.filter(index__lt=size)
    return [bytes.fromhex(text) for text in rows.values_list("hash", flat=True)]


def add_leaves(leaves: list[tuple[str, str, str]]) -> int:
    """Add (hash, kind, subject) to the tree, inside the caller's transaction; the first index."""
    models = control.models
    last = models.Leaf.objects.order_by("-index").first()
    first = 0 if last is None else last.index + 1
    insert(
        models.Leaf,
        [
            {"index": first + i, "hash": hash_, "kind": kind, "subject": subject}
            for i, (hash_, kind, subject) in enumerate(leaves)
        ],
    )
    return int(first)


def publish_head(ws: Workspace, *, sign: Callable[[int, bytes], str], as_of: int) -> str | None:
    """Sign the head over all leaves and publish it; give its text, None when there is no leaf.

    `sign(size, root)` returns the checkpoint. The root is computed from the stored leaves, which
    must still give the root of the last head: a fork is never signed. Raises `Corrupt` then.
    """
    models = control.models
    hashes = leaf_hashes()
    last = models.Head.objects.order_by("-size").first()
    if last is not None:
        if len(hashes) < last.size or hash_root(hashes[: last.size]).hex() != last.root:
            raise Corrupt(
                f"The first {last.size} leaves do not give the root that was published.",
                remedy="Somebody changed issued bills. Do not issue; run `gridtally check`.",
            )
        _write(ws, last.size, last.checkpoint)
        if last.size == len(hashes):
            return str(last.checkpoint)
    if not hashes:
        return None
    root = hash_root(hashes)
    checkpoint = sign(len(hashes), root)
    _write(ws, len(hashes), checkpoint)
    fault("head.published")
    with control.database.atomic():
        models.Head.objects.get_or_create(
            size=len(hashes),
            defaults={"root": root.hex(), "checkpoint": checkpoint, "recorded": as_of},
        )
    return checkpoint


def _write(ws: Workspace, size: int, checkpoint: str) -> None:
    path = ws.path / "published" / f"{size:012d}.checkpoint"
    if not path.exists():
        files.write(path, checkpoint.encode())
