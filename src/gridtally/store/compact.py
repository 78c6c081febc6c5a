"""The store: many small files of a month and bucket become one; what they say stays.

A merged file has every row of those it replaces, each with its load, source and line, so every
earlier snapshot is read from it as before. The replaced files stay on the disk, retired, until
`prune` removes them: whoever began to read them can go on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Max

from gridtally import control
from gridtally.control.database import in_chunks, insert
from gridtally.control.faults import fault
from gridtally.errors import Corrupt
from gridtally.store import files, readings, snapshot
from gridtally.store.readings import KINDS, Entry
from gridtally.store.workspace import Workspace

__all__ = ["Compacted", "Merge", "Pruned", "compact", "merged", "orphans", "prune", "publish"]

FEW = 2
"""Fewer files of a month and bucket are left as they are."""
REBUILDING = ".rebuild-"
"""How folders begin in which readings are made again."""
KEEP_S = 86_400
"""What was retired, or half written, in the last day may still be in somebody's hands. [s]"""


@dataclass(frozen=True, slots=True)
class Merge:
    """One file in the place of several."""

    entry: Entry
    replaces: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did, or would do: how many files became how many."""

    seq: int | None
    before: int
    after: int
    rows: int


def compact(
    ws: Workspace, *, actor: str, as_of: int, few: int = FEW, dry_run: bool = False
) -> Compacted:
    """Merge the files of every month and bucket that has `few` or more.

    Killed anywhere it leaves either all the old files or all the new ones in the manifest.
    """
    groups = list(_groups(ws, few))
    count, rows = sum(map(len, groups)), sum(e.rows for group in groups for e in group)
    if dry_run or not groups:
        return Compacted(None, count, len(groups), rows)
    merges = [merged(ws.path, group) for group in groups]
    fault("compact.files")
    seq, done = publish(ws, merges, why="compact", actor=actor, as_of=as_of)
    fault("compact.committed")
    count = sum(len(merge.replaces) for merge in done)
    return Compacted(seq, count, len(done), sum(merge.entry.rows for merge in done))


def _groups(ws: Workspace, few: int) -> Iterator[list[Entry]]:
    """Files of the same kind, month and bucket, where there are many."""
    now = snapshot.snapshot(ws)
    for kind in KINDS:
        groups: dict[tuple[str, int], list[Entry]] = {}
        for entry in snapshot.entries(now, kind=kind):
            groups.setdefault((entry.month, entry.bucket), []).append(entry)
        yield from (groups[key] for key in sorted(groups) if len(groups[key]) >= max(few, FEW))


def merged(root: Path, group: Sequence[Entry]) -> Merge:
    """Write the rows of files of one month and bucket as one file, and read it again."""
    first = group[0]
    rows = readings.read(root, group, kind=first.kind)
    rows = readings.ordered(rows, kind=first.kind).combine_chunks()
    entry, data = readings.encode(
        rows, kind=first.kind, source="", month=first.month, bucket=first.bucket
    )
    files.write(root / entry.path, data)
    again = readings.read(root, [entry], kind=first.kind)
    if rows.num_rows != sum(e.rows for e in group) or not again.combine_chunks().equals(rows):
        raise Corrupt(
            f"The files of {first.month}, bucket {first.bucket}, cannot be merged without a loss.",
            remedy="Nothing was changed. `gridtally check` looks at the files; please report it.",
        )
    return Merge(entry, group)


def publish(
    ws: Workspace,
    merges: Iterable[Merge],
    *,
    why: str,
    actor: str,
    as_of: int,
    also: Callable[[], None] = lambda: None,
) -> tuple[int | None, list[Merge]]:
    """Name merged files in the manifest and retire the others, in one transaction.

    Left out are those of which another process retired or removed a file meanwhile. `also` is
    done in the same transaction. Gives the compaction's number, and what was published.
    """
    models = control.models
    with control.database.atomic():
        taken = set(models.RetiredFile.objects.values_list("file__path", flat=True))
        whole = [m for m in merges if (ws.path / m.entry.path).exists()]
        done = [m for m in whole if not taken & {entry.path for entry in m.replaces}]
        if not done:
            also()
            return None, done
        seq = (models.Compaction.objects.aggregate(last=Max("seq"))["last"] or 0) + 1
        models.Compaction.objects.create(seq=seq, at=as_of, actor=actor, why=why)
        columns = ("kind", "month", "bucket", "path", "rows", "digest", "first_utc", "last_utc")
        insert(
            models.ReadingFile,
            [
                {"load_id": m.entry.load_seq, "compaction_id": seq}
                | {name: getattr(m.entry, name) for name in columns}
                for m in done
            ],
        )
        number = _numbers(e.path for m in done for e in (m.entry, *m.replaces))
        insert(
            models.RetiredFile,
            [
                {"file_id": number[entry.path], "into_id": number[m.entry.path]}
                for m in done
                for entry in m.replaces
            ],
        )
        also()
        models.Event.objects.create(at=as_of, actor=actor, what="store.compacted", subject=str(seq))
        fault("compact.commit")
    return seq, done


def _numbers(paths: Iterable[str]) -> dict[str, int]:
    rows = control.models.ReadingFile.objects
    return {
        path: number
        for some in in_chunks(list(paths))
        for path, number in rows.filter(path__in=some).values_list("path", "pk")
    }


# ------------------------------------------------------------------------ pruning


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be."""

    retired: int
    orphans: int
    size: int
    """[bytes]"""


def prune(ws: Workspace, *, actor: str, as_of: int, dry_run: bool = False) -> Pruned:
    """Remove retired files, and files that nothing names.

    Not those that were retired, or half written, in the last day. No run, bill or snapshot loses
    anything: the rows of a retired file stand in the one that it was retired into.
    """
    models = control.models
    with control.database.atomic():
        rows = models.RetiredFile.objects.filter(into__compaction__at__lte=as_of - KEEP_S)
        gone = set(models.PrunedFile.objects.values_list("file_id", flat=True))
        retired = {row.pk: row.file.path for row in rows.select_related("file")}
        retired = {pk: path for pk, path in retired.items() if pk not in gone}
        left = list(orphans(ws, before=as_of - KEEP_S))
        paths = [ws.path / path for path in (*retired.values(), *left)]
        found = Pruned(len(retired), len(left), sum(_size(path) for path in paths))
        if dry_run:
            return found
        insert(models.PrunedFile, [{"file_id": pk, "at": as_of, "actor": actor} for pk in retired])
        if paths:
            models.Event.objects.create(
                at=as_of, actor=actor, what="store.pruned", subject=str(len(paths))
            )
        # Inside the transaction: a receive that wrote such a file looks for it when it publishes.
        for path in paths[len(retired) :]:
            _remove(path)
    fault("prune.committed")
    for path in paths[: len(retired)]:
        _remove(path)
    return found


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def orphans(ws: Workspace, *, before: int | None = None) -> Iterator[str]:
    """Files of readings that the manifest does not name, such as a killed process leaves.

    `before` [UTC s] leaves out files that are still being written.
    """
    models = control.models
    pruned = models.PrunedFile.objects.values("file_id")
    named = models.ReadingFile.objects.exclude(pk__in=pruned).values_list("path", flat=True)
    known = set(named.iterator())
    for folder in (kind.folder for kind in KINDS.values()):
        for path in sorted((ws.path / folder).rglob("*")):
            if not path.is_file() or ws.relative(path) in known:
                continue
            if before is None or not path.name.startswith(".") or _changed(path) < before:
                yield ws.relative(path)
    for path in sorted(ws.path.glob(f"{REBUILDING}*")):
        if before is None or _changed(path) < before:
            yield ws.relative(path)


def _changed(path: Path) -> int:
    try:
        return int(path.stat().st_mtime)
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
