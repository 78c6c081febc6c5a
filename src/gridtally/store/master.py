"""The store: master data and tariff documents arrive; earlier versions stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
from django.db import IntegrityError
from django.db.models import Max

from gridtally import control
from gridtally.errors import Conflict
from gridtally.store import files
from gridtally.store.workspace import Workspace

__all__ = ["newest_master", "put_master", "put_tariff"]


def newest_master() -> int:
    """Sequence number of the newest version of the master data, 0 before the first."""
    return int(control.models.MasterVersion.objects.aggregate(last=Max("seq"))["last"] or 0)


def put_master(ws: Workspace, tables: Mapping[str, pa.Table], *, actor: str, as_of: int) -> int:
    """Store a new version of the master data; give its sequence number.

    `tables` replace those of the same name; the others stay as they were. The same content again
    makes no new version.
    """
    models = control.models
    stored = {}
    for name, table in sorted(tables.items()):
        data = files.table_bytes(table.combine_chunks())
        digest = files.sha256(data)
        path = ws.path / "master" / f"{name}-{digest}.parquet"
        if not path.exists():
            files.write(path, data)
        stored[name] = (ws.relative(path), table.num_rows, digest)
    with control.database.atomic():
        last = newest_master()
        before = models.MasterTable.objects.filter(version_id=last)
        merged = {row.name: (row.path, row.rows, row.digest) for row in before} | stored
        text = "\n".join(f"{name} {merged[name][2]}" for name in sorted(merged))
        digest = files.sha256(text.encode())
        if last and models.MasterVersion.objects.get(seq=last).digest == digest:
            return last
        version = models.MasterVersion.objects.create(
            seq=last + 1, digest=digest, recorded=as_of, actor=actor
        )
        models.MasterTable.objects.bulk_create(
            models.MasterTable(version=version, name=name, path=path, rows=rows, digest=sha)
            for name, (path, rows, sha) in sorted(merged.items())
        )
        control.models.Event.objects.create(
            at=as_of, actor=actor, what="master.stored", subject=str(last + 1)
        )
    return last + 1


def put_tariff(
    ws: Workspace,
    data: bytes,
    *,
    tariff: str,
    digest: str,
    valid_from: date,
    valid_to: date | None,
    actor: str,
    as_of: int,
) -> bool:
    """Store a tariff document (already checked by its loader); False when it is here already.

    Raises `Conflict` when another version of the same tariff is in force on one of its days.
    """
    assert digest.removeprefix("sha256:") == files.sha256(data), "digest of other bytes"
    path = ws.path / "tariffs" / f"{tariff}-{digest.removeprefix('sha256:')[:16]}.toml"
    files.write(path, data)
    models = control.models
    try:
        with control.database.atomic():
            if models.TariffDocument.objects.filter(digest=digest).exists():
                return False
            models.TariffDocument.objects.create(
                tariff=tariff, digest=digest, valid_from=valid_from, valid_to=valid_to,
                path=ws.relative(path), recorded=as_of, actor=actor,
            )  # fmt: skip
            models.Event.objects.create(at=as_of, actor=actor, what="tariff.stored", subject=digest)
    except IntegrityError as err:
        if "overlap" not in str(err):
            raise
        raise Conflict(
            f"Another version of the tariff {tariff} is in force on days of this one.",
            remedy="Give the earlier version a valid_to before this one begins: days that have "
            "two prices are never billed.",
        ) from err
    return True
