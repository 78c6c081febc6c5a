"""The store: master data and tariff documents arrive; earlier versions stay.

A version is what was known from an instant on: a Parquet file per table, by digest. Personal
columns stand in files of their own, below `master/personal/`, which no run reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from django.db import IntegrityError
from django.db.models import Max

from gridtally import control
from gridtally.errors import Conflict, NotFound, RefusedFile
from gridtally.store import files, quarantine
from gridtally.store.workspace import Workspace
from gridtally.tables import ACCOUNTS, MASTER, PERSONAL

__all__ = [
    "InPlace", "Source", "Version", "corrected", "load", "newest_master", "people", "put_master",
    "put_tariff", "set_aside", "sources", "version_at", "versions",
]  # fmt: skip

_PEOPLE = "people"
"""Name of the table that holds the personal columns of accounts."""
_RECEIVED = "master.received"


@dataclass(frozen=True, slots=True)
class Source:
    """A delivered file of master data; its bytes are in `raw/` under `digest`."""

    digest: str
    file: str
    sender: str
    mode: str
    """whole or changes"""
    rows: int
    accepted: int
    duplicates: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the master data: from when on it was known, and through whom."""

    seq: int
    recorded: int
    """[UTC seconds]"""
    actor: str
    rows: Mapping[str, int]
    sources: Sequence[Source]


def newest_master() -> int:
    """Sequence number of the newest version of the master data, 0 before the first."""
    return int(control.models.MasterVersion.objects.aggregate(last=Max("seq"))["last"] or 0)


def put_master(
    ws: Workspace,
    tables: Mapping[str, pa.Table],
    *,
    actor: str,
    as_of: int,
    after: int | None = None,
    given: Sequence[Source] = (),
) -> int:
    """Store a new version of the master data; give its sequence number.

    `tables` replace those of the same name; the others stay as they were. The same content again
    makes no new version. `after`: the version that the tables were compared with; `given`: the
    files that they come from. Raises `Conflict` when another version came in between.
    """
    models = control.models
    stored = {name: _file(ws, name, table) for name, table in sorted(_apart(tables).items())}
    with control.database.atomic():
        last = newest_master()
        if after not in (None, last):
            raise Conflict(
                "Other master data were received at the same time.", remedy="Do it again."
            )
        before = models.MasterTable.objects.filter(version_id=last)
        merged = {row.name: (row.path, row.rows, row.digest) for row in before} | stored
        text = "\n".join(f"{name} {merged[name][2]}" for name in sorted(merged))
        digest = files.sha256(text.encode())
        known = last and models.MasterVersion.objects.get(seq=last).digest == digest
        seq = last if known else last + 1
        if not known:
            version = models.MasterVersion.objects.create(
                seq=seq, digest=digest, recorded=as_of, actor=actor
            )
            models.MasterTable.objects.bulk_create(
                models.MasterTable(version=version, name=name, path=path, rows=rows, digest=sha)
                for name, (path, rows, sha) in sorted(merged.items())
            )
            models.Event.objects.create(
                at=as_of, actor=actor, what="master.stored", subject=str(seq)
            )
        models.Event.objects.bulk_create(
            models.Event(at=as_of, actor=actor, what="master.repeated" if known else _RECEIVED,
                         subject=source.digest, detail=json.dumps(asdict(source) | {"seq": seq}))
            for source in given
        )  # fmt: skip
    return seq


def _apart(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables as they are stored: what is personal of accounts is a table of its own."""
    stored = dict(tables)
    if "accounts" in stored:
        accounts = stored["accounts"]
        stored[_PEOPLE] = accounts.select(["account", *PERSONAL["accounts"]])
        stored["accounts"] = accounts.drop_columns(list(PERSONAL["accounts"]))
    return stored


def _file(ws: Workspace, name: str, table: pa.Table) -> tuple[str, int, str]:
    """Path, rows and digest of a stored table."""
    data = files.table_bytes(table.combine_chunks())
    digest = files.sha256(data)
    folder = ws.path / "master" / "personal" if is_personal(name) else ws.path / "master"
    path = folder / f"{name}-{digest}.parquet"
    if not path.exists():
        files.write(path, data)
    return ws.relative(path), table.num_rows, digest


def is_personal(name: str) -> bool:
    """Whether a stored table holds who somebody is; no run reads it."""
    return name in (_PEOPLE, "contacts")


def set_aside(
    ws: Workspace, data: bytes, refusal: RefusedFile, *, name: str, sender: str, as_of: int
) -> None:
    """Keep the bytes of a refused file in quarantine, with the reason."""
    digest = files.sha256(data)
    files.write(ws.path / "raw" / "quarantine" / digest, data)
    quarantine.refused(
        digest=digest, code=refusal.code, name=name, sender=sender, arrived=as_of,
        file=refusal.file or name, line=refusal.line, message=refusal.message,
        remedy=refusal.remedy,
    )  # fmt: skip


def corrected(names: Sequence[str], *, actor: str, as_of: int) -> int:
    """Close the items of refused files of these names: one that could be read has come."""
    with control.database.atomic():
        found = quarantine.items(is_open=True, kind="file")
        mine = [item.id for item in found if item.name in names]
        quarantine.close(mine, action="corrected", actor=actor, at=as_of)
    return len(mine)


# -------------------------------------------------------------------- reading


def load(ws: Workspace, seq: int, *, personal: bool = False) -> dict[str, pa.Table]:
    """The tables of a version, with today's columns; `personal`: also what says who somebody is.

    Without it, accounts lack their personal columns and contacts are left out.
    """
    found = {}
    for row in control.models.MasterTable.objects.filter(version_id=seq).order_by("name"):
        if personal or not is_personal(row.name):
            data = files.read_checked(ws.path / row.path, row.digest)
            found[row.name] = files.table_of(data)
    who = found.pop(_PEOPLE, None)
    fitted = {name: _fit(table, MASTER[name]) for name, table in found.items()}
    if "accounts" not in fitted:
        return fitted
    if not personal:
        fitted["accounts"] = fitted["accounts"].drop_columns(list(PERSONAL["accounts"]))
    elif who is not None:
        assert who["account"].equals(fitted["accounts"]["account"]), "stored in one order"
        for name in PERSONAL["accounts"]:
            at = ACCOUNTS.get_field_index(name)
            fitted["accounts"] = fitted["accounts"].set_column(at, ACCOUNTS.field(at), who[name])
    return fitted


def _fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A stored table with today's columns: what was not known when it was stored is null."""
    fields = [
        table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(fields, schema=schema)


def people(ws: Workspace, seq: int, *, on: date) -> dict[str, dict[str, str]]:
    """account -> name, address, email, as known in a version and valid on a day.

    Of the contact of its party, if it has one on that day; else of the account itself.
    """
    tables = load(ws, seq, personal=True)
    contacts: dict[str, dict[str, str]] = {}
    for row in tables["contacts"].to_pylist() if "contacts" in tables else ():
        if row["from"] <= on and (row["to"] is None or on < row["to"]):
            lines = (row["address"], row["postcode"])
            contacts[row["party"]] = {
                "name": row["name"] or "",
                "address": ", ".join(line for line in lines if line),
                "email": row["email"] or "",
            }
    return {
        row["account"]: contacts.get(row["party"] or "")
        or {name: row[name] or "" for name in ("name", "address", "email")}
        for row in tables["accounts"].to_pylist()
    }


def versions() -> Iterator[Version]:
    """Every version of the master data, the oldest first."""
    rows: dict[int, dict[str, int]] = {}
    for seq, name, count in control.models.MasterTable.objects.values_list(
        "version_id", "name", "rows"
    ):
        if name != _PEOPLE:
            rows.setdefault(seq, {})[name] = count
    given = sources()
    for row in control.models.MasterVersion.objects.order_by("seq"):
        mine = dict(sorted(rows.get(row.seq, {}).items()))
        yield Version(row.seq, row.recorded, row.actor, mine, given.get(row.seq, ()))


def sources() -> dict[int, list[Source]]:
    """The files that each version was made from."""
    found: dict[int, list[Source]] = {}
    for text in control.models.Event.objects.filter(what=_RECEIVED).values_list(
        "detail", flat=True
    ):
        told: dict[str, Any] = json.loads(text)
        found.setdefault(told.pop("seq"), []).append(Source(**told))
    return found


def version_at(as_of: int) -> int:
    """The version that was known at an instant. Raises `NotFound` when there was none."""
    rows = control.models.MasterVersion.objects.filter(recorded__lte=as_of)
    last = rows.aggregate(last=Max("seq"))["last"]
    if last is None:
        raise NotFound("No master data were known by then.", remedy="Ask for a later day.")
    return int(last)


@dataclass(frozen=True, slots=True)
class InPlace:
    """A version stands in place of others by a plan; what else its transaction does."""

    plan: str
    before: Callable[[], None]
    after: Callable[[int], None]
    """given the version's sequence number"""


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
    in_place: InPlace | None = None,
) -> bool:
    """Store a tariff document (already checked by its loader); False when it is here already.

    Raises `Conflict` when another version of the same tariff is in force on one of its days, and
    it does not stand `in_place` of it.
    """
    assert digest.removeprefix("sha256:") == files.sha256(data), "digest of other bytes"
    path = ws.path / "tariffs" / f"{tariff}-{digest.removeprefix('sha256:')[:16]}.toml"
    files.write(path, data)
    models = control.models
    try:
        with control.database.atomic():
            if models.TariffDocument.objects.filter(digest=digest).exists():
                return False
            if in_place:
                in_place.before()
            row = models.TariffDocument.objects.create(
                tariff=tariff, digest=digest, valid_from=valid_from, valid_to=valid_to,
                path=ws.relative(path), recorded=as_of, actor=actor,
                plan_id=in_place.plan if in_place else None,
            )  # fmt: skip
            models.Event.objects.create(at=as_of, actor=actor, what="tariff.stored", subject=digest)
            if in_place:
                in_place.after(row.seq)
    except IntegrityError as err:
        if "overlap" not in str(err):
            raise
        raise Conflict(
            f"Another version of the tariff {tariff} is in force on days of this one.",
            remedy="Let this version begin after the other ends: days that have two prices are "
            "never billed.",
        ) from err
    return True
