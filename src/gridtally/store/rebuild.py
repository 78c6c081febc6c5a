"""The store: the readings made again from raw bytes, in the order in which they were published.

Raw bytes are the truth: with what is recorded of how each file was decoded they give the same
readings again, version for version. So the files of readings can be compared with them, and be
made again when they are lost.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from gridtally import control
from gridtally.control.database import insert
from gridtally.control.faults import fault
from gridtally.errors import Corrupt, RefusedFile
from gridtally.store import compact, files, publish, readings, snapshot
from gridtally.store.publish import Seen
from gridtally.store.readings import KINDS, Entry
from gridtally.store.snapshot import Snapshot
from gridtally.store.state import digest_of, parts
from gridtally.store.workspace import Workspace

__all__ = ["Decode", "Rebuilt", "rebuild", "verify"]

Decode = Callable[..., Mapping[str, pa.Table]]
"""Tables by kind of `(data, name=, as_of=, options=, mapping=, stands=)`."""
_COUNTED = ("readings", "repeated", "conflicting")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came out: how much was read, where it differs, and which files were put in place."""

    loads: int
    readings: int
    state: str
    """the state digest of what was made, with the master data as they are"""
    differs: Sequence[str]
    restored: int = 0
    """files that were put back"""
    merged: int = 0
    """merged files that stand for others now"""

    @property
    def same(self) -> bool:
        """Whether the stored readings are those of the raw bytes."""
        return not self.differs


@dataclass(slots=True)
class _Place:
    """Readings that are being made: a folder, and the manifest of what is in it."""

    root: Path
    entries: list[Entry] = field(default_factory=list)

    def find(
        self,
        *,
        kind: str,
        buckets: Sequence[int] | None = None,
        start_utc: int | None = None,
        end_utc: int | None = None,
    ) -> list[Entry]:
        """As `snapshot.entries`."""
        return [
            e
            for e in self.entries
            if e.kind == kind
            and (buckets is None or e.bucket in buckets)
            and (end_utc is None or e.first_utc < end_utc)
            and (start_utc is None or e.last_utc > start_utc)
        ]

    def seen(self, load_seq: int) -> Seen:
        """What was stored up to a load."""
        return Seen(load_seq, self.root, self.find)


def verify(ws: Workspace, *, decode: Decode) -> Rebuilt:
    """Make the readings again beside the stored ones, and say where they differ."""
    snap = snapshot.snapshot(ws)
    with tempfile.TemporaryDirectory(prefix=compact.REBUILDING, dir=ws.path) as folder:
        place = _Place(Path(folder))
        made = _make(ws, snap, place, decode=decode)
        return replace(made, differs=[*made.differs, *_differences(ws, snap, place)])


def rebuild(ws: Workspace, *, decode: Decode, actor: str, as_of: int) -> Rebuilt:
    """Make the readings again, and put in place what is lost or damaged; the rest stays.

    A file that comes out byte for byte is put back. Where that cannot be, as after a compaction
    or by another version of Arrow, one merged file stands for its month and bucket. Raises
    `Corrupt`, and changes nothing, when the raw bytes no longer give what was published.
    """
    snap = snapshot.snapshot(ws)
    with tempfile.TemporaryDirectory(prefix=compact.REBUILDING, dir=ws.path) as folder:
        place = _Place(Path(folder))
        made = _make(ws, snap, place, decode=decode)
        if made.differs:
            raise Corrupt(
                f"The raw bytes do not give what was published: {made.differs[0]}.",
                remedy="Nothing was changed. Was a format's decoder changed since? `gridtally "
                "store rebuild --verify` lists all differences.",
            )
        damaged = [entry for entry in _current(snap) if not _whole(ws.path, entry)]
        left = [entry for entry in damaged if not _put_back(ws, place, entry)]
        merges = _merges(ws, snap, place, left)
        fault("rebuild.files")
        _, done = compact.publish(
            ws, merges, why="rebuild", actor=actor, as_of=as_of,
            also=lambda: _note_absent(ws, actor=actor, as_of=as_of),
        )  # fmt: skip
        fault("rebuild.committed")
        differs = _differences(ws, snap, place)
    replaced = sum(entry in m.replaces for m in done for entry in damaged)
    return replace(made, differs=differs, restored=len(damaged) - replaced, merged=len(done))


# ------------------------------------------------------------------------- making


def _make(ws: Workspace, snap: Snapshot, place: _Place, *, decode: Decode) -> Rebuilt:
    """Decode and publish every source file again, into a place of its own."""
    differs: list[str] = []
    loads = control.models.Load.objects.filter(seq__lte=snap.load_seq).order_by("seq")
    count = total = 0
    for load in loads.select_related("source"):
        row = load.source
        store = place.seen(load.seq - 1)
        try:
            tables = _decoded(ws, row, store, decode)
        except RefusedFile as err:
            differs.append(f"{row.name} (load {load.seq}) is refused now: {err.message}")
            continue
        prepared = publish.prepare(
            tables, store=store, buckets=ws.settings.buckets, source=row.digest, name=row.name,
            mark=row.mark,
        )  # fmt: skip
        place.entries += [replace(entry, load_seq=load.seq) for entry in prepared.entries]
        count, total = count + 1, total + prepared.readings
        for name in _COUNTED:
            then, now = getattr(row, name), getattr(prepared, name)
            if then != now:
                differs.append(f"{row.name} (load {load.seq}) had {then} {name}, and has {now} now")
    return Rebuilt(count, total, digest_of(parts(snap, place.seen(snap.load_seq))), differs)


def _decoded(ws: Workspace, row: Any, store: Seen, decode: Decode) -> Mapping[str, pa.Table]:
    def stands(points: Sequence[str], start: int, end: int) -> pa.Table:
        return publish.remarks(store, points, start, end, buckets=ws.settings.buckets)

    mapping = _raw(ws, row.mapping) if row.mapping else None
    return decode(
        _raw(ws, row.delivered), name=row.name, as_of=row.arrived, options=row.options,
        mapping=mapping, stands=stands,
    )  # fmt: skip


def _raw(ws: Workspace, digest: str) -> bytes:
    return files.read_checked(ws.path / "raw" / digest[:2] / digest, digest)


def _differences(ws: Workspace, snap: Snapshot, place: _Place) -> list[str]:
    """Months and buckets in which the stored rows, all versions, are not those that were made."""
    live = _grouped(_current(snap))
    made = _grouped(place.entries)
    found = []
    for key in sorted(live.keys() | made.keys()):
        kind, month, bucket = key
        try:
            one = readings.read(ws.path, live.get(key, []), kind=kind)
        except Corrupt as err:
            found.append(err.message.rstrip("."))
            continue
        other = readings.read(place.root, made.get(key, []), kind=kind)
        one, other = (readings.ordered(t, kind=kind).combine_chunks() for t in (one, other))
        if not one.equals(other):
            found.append(f"the {kind} of {month}, bucket {bucket}, differ")
    return found


def _grouped(entries: Sequence[Entry]) -> dict[tuple[str, str, int], list[Entry]]:
    groups: dict[tuple[str, str, int], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.kind, entry.month, entry.bucket), []).append(entry)
    return groups


# ------------------------------------------------------------------------ mending


def _current(snap: Snapshot) -> list[Entry]:
    return [entry for kind in KINDS for entry in snapshot.entries(snap, kind=kind)]


def _whole(root: Path, entry: Entry) -> bool:
    try:
        files.read_checked(root / entry.path, entry.digest)
    except Corrupt:
        return False
    return True


def _put_back(ws: Workspace, place: _Place, entry: Entry) -> bool:
    """Put a file in its place that came out with the same bytes."""
    if not _whole(place.root, entry):
        return False
    files.write(ws.path / entry.path, (place.root / entry.path).read_bytes())
    return True


def _merges(
    ws: Workspace, snap: Snapshot, place: _Place, left: Sequence[Entry]
) -> list[compact.Merge]:
    """A merged file for each month and bucket that still lacks one of its files.

    One that comes out as it was is only put back.
    """
    made, stand, merges = _grouped(place.entries), _grouped(_current(snap)), []
    for key in sorted(_grouped(left)):
        merge = compact.merged(place.root, made[key])
        files.write(ws.path / merge.entry.path, (place.root / merge.entry.path).read_bytes())
        if merge.entry.path not in {entry.path for entry in stand[key]}:
            merges.append(compact.Merge(merge.entry, stand[key]))
    return merges


def _note_absent(ws: Workspace, *, actor: str, as_of: int) -> None:
    """Record that retired files are gone from the disk, inside the caller's transaction."""
    models = control.models
    pruned = models.PrunedFile.objects.values("file_id")
    rows = models.RetiredFile.objects.exclude(pk__in=pruned).values_list("pk", "file__path")
    gone = [pk for pk, path in rows if not (ws.path / path).exists()]
    insert(models.PrunedFile, [{"file_id": pk, "at": as_of, "actor": actor} for pk in gone])
