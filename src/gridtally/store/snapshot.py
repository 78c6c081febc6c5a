"""The store: a snapshot says which loads, which master data and which tariffs a run may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from django.db.models import Exists, F, Max, OuterRef, Q

from gridtally import control
from gridtally.errors import NotFound
from gridtally.store import files, partition, readings
from gridtally.store.master import load
from gridtally.store.readings import Entry
from gridtally.store.workspace import Workspace

__all__ = [
    "Snapshot", "StoredTariff", "entries", "master", "put_in_place", "read_blocks",
    "read_registers", "snapshot", "tariffs",
]  # fmt: skip

_FILE = ("month", "bucket", "path", "rows", "digest", "first_utc", "last_utc")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything published up to these sequence numbers, and nothing later."""

    workspace: Workspace
    load_seq: int
    master_seq: int
    tariff_seq: int
    history_seq: int

    def as_dict(self) -> dict[str, int]:
        """The numbers, as `run.json` records them."""
        return {
            "loads": self.load_seq,
            "master": self.master_seq,
            "tariffs": self.tariff_seq,
            "history": self.history_seq,
        }


def snapshot(ws: Workspace) -> Snapshot:
    """What is published now."""
    models = control.models
    with control.database.reading():
        numbers = [
            model.objects.aggregate(last=Max("seq"))["last"] or 0
            for model in (
                models.Load,
                models.MasterVersion,
                models.TariffDocument,
                models.HistoryFile,
            )
        ]
    return Snapshot(ws, *numbers)


def entries(
    snap: Snapshot,
    *,
    kind: str = "blocks",
    buckets: Sequence[int] | None = None,
    start_utc: int | None = None,
    end_utc: int | None = None,
) -> list[Entry]:
    """Manifest lines of the files that may hold readings of these buckets and this span.

    A merged file holds the rows of many loads; those after the snapshot are left out in reading.
    """
    models = control.models
    of_loads = Q(load_id__lte=snap.load_seq) | Q(compaction__isnull=False)
    retired = models.RetiredFile.objects.filter(file=OuterRef("pk"))
    found = models.ReadingFile.objects.filter(of_loads, ~Exists(retired), kind=kind)
    if buckets is not None:
        found = found.filter(bucket__in=list(buckets))
    if end_utc is not None:
        found = found.filter(first_utc__lt=end_utc)
    if start_utc is not None:
        found = found.filter(last_utc__gt=start_utc)
    rows = found.order_by("load_id", "path").annotate(
        load_seq=F("load_id"), of=F("load__source_id"), merged=F("compaction_id")
    )
    made = []
    for row in rows.values("load_seq", "of", "merged", *_FILE):
        source, merged = row.pop("of"), row.pop("merged")
        later = merged and row["load_seq"] > snap.load_seq
        row |= {"source": "" if merged else source, "upto": snap.load_seq if later else None}
        made.append(Entry(kind=kind, **row))
    return made


def read_blocks(
    snap: Snapshot,
    *,
    bucket: int | None = None,
    points: Sequence[str] | None = None,
    channel: str | None = None,
    start_utc: int | None = None,
    end_utc: int | None = None,
    columns: Sequence[str] | None = readings.BLOCK_COLUMNS,
) -> pa.Table:
    """Blocks that touch `[start_utc, end_utc)` [s].

    Of one `bucket`, of some `points`, or of all. `columns` None gives all of BLOCKS.
    """
    buckets = _buckets(snap, bucket, points)
    found = entries(snap, buckets=buckets, start_utc=start_utc, end_utc=end_utc)
    return readings.read(
        snap.workspace.path, found, kind="blocks", columns=columns, points=points,
        channel=channel, start_utc=start_utc, end_utc=end_utc,
    )  # fmt: skip


def read_registers(
    snap: Snapshot,
    *,
    bucket: int | None = None,
    points: Sequence[str] | None = None,
    start_utc: int | None = None,
    end_utc: int | None = None,
) -> pa.Table:
    """Register readings at instants in `[start_utc, end_utc)` [s]."""
    buckets = _buckets(snap, bucket, points)
    found = entries(snap, kind="registers", buckets=buckets, start_utc=start_utc, end_utc=end_utc)
    return readings.read(
        snap.workspace.path, found, kind="registers", points=points, start_utc=start_utc,
        end_utc=end_utc,
    )  # fmt: skip


def _buckets(
    snap: Snapshot, bucket: int | None, points: Sequence[str] | None
) -> Sequence[int] | None:
    if bucket is not None:
        return [bucket]
    if points is not None:
        return sorted(set(partition.buckets_of(points, snap.workspace.settings.buckets).tolist()))
    return None


def master(snap: Snapshot) -> dict[str, pa.Table]:
    """The master data as known in the snapshot, by table name; nothing that is personal."""
    tables = load(snap.workspace, snap.master_seq)
    if not tables:
        raise NotFound(
            "This workspace has no master data yet.",
            remedy="Receive accounts, metering points, meters, registers and agreements first.",
        )
    return tables


@dataclass(frozen=True, slots=True)
class StoredTariff:
    """A tariff document as it was received."""

    tariff: str
    digest: str
    valid_from: date
    valid_to: date | None
    data: bytes
    seq: int = 0
    """order in which it was stored"""
    instead: bool = False
    """an approved plan put it in place of earlier versions, on its days"""


def tariffs(snap: Snapshot) -> list[StoredTariff]:
    """Every tariff version known in the snapshot, by id and first day."""
    rows = control.models.TariffDocument.objects.filter(seq__lte=snap.tariff_seq)
    return [
        StoredTariff(
            row.tariff,
            row.digest,
            row.valid_from,
            row.valid_to,
            files.read_checked(snap.workspace.path / row.path, row.digest),
            row.seq,
            row.plan_id is not None,
        )
        for row in rows.order_by("tariff", "valid_from", "seq")
    ]


def put_in_place(snap: Snapshot) -> list[bytes]:
    """Documents that an approved plan put in place of earlier versions after the snapshot."""
    later = control.models.TariffDocument.objects.filter(
        plan__isnull=False, seq__gt=snap.tariff_seq
    )
    return [
        files.read_checked(snap.workspace.path / row.path, row.digest)
        for row in later.order_by("seq")
    ]
