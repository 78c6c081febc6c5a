"""The store: what is known of a metering point, on any day: winners, and every version of them.

What was known at an instant is what had arrived until then. Loads are numbered as they are
published; the first one that arrived later, and all after it, were not known yet.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db.models import Max, Min

from gridtally import control
from gridtally.errors import NotFound
from gridtally.store import partition, readings, snapshot
from gridtally.store.named import issued_bill
from gridtally.store.runs import open_run
from gridtally.store.slots import KEYS, LETTERS, Slots, expand, keys, winners
from gridtally.store.snapshot import Snapshot
from gridtally.store.workspace import Workspace

__all__ = ["as_known_by", "as_known_on", "known", "known_kinds"]

Ints = npt.NDArray[np.int64]

_ORDER = {
    "blocks": ("channel", "start_utc", "resolution_s"),
    "registers": ("meter", "register", "time_utc"),
    "remarks": ("start_utc", "channel", "key", "value"),
}
_CAME = {
    "file": "source__name", "source": "source_id", "sender": "source__sender",
    "arrived": "source__arrived", "actor": "source__actor", "why": "source__reason",
}  # fmt: skip
"""What is said of the load that brought a reading."""


def as_known_on(ws: Workspace, instant: int) -> Snapshot:
    """The snapshot of what had arrived until an instant [UTC s]."""
    models, now = control.models, snapshot.snapshot(ws)
    later = models.Load.objects.filter(seq__lte=now.load_seq, source__arrived__gt=instant)
    first = later.aggregate(first=Min("seq"))["first"]
    masters = models.MasterVersion.objects.filter(recorded__lte=instant)
    tariffs = models.TariffDocument.objects.filter(recorded__lte=instant)
    return replace(
        now,
        load_seq=now.load_seq if first is None else first - 1,
        master_seq=masters.aggregate(last=Max("seq"))["last"] or 0,
        tariff_seq=tariffs.aggregate(last=Max("seq"))["last"] or 0,
    )


def as_known_by(ws: Workspace, name: str) -> Snapshot:
    """The snapshot of a run, or of the run that an issued bill (number or name) came from."""
    row = issued_bill(name)
    run = open_run(ws, row.run_id if row else name)
    seen = run.info["snapshot"]
    return Snapshot(ws, seen["loads"], seen["master"], seen["tariffs"], seen["history"])


def known_kinds(snap: Snapshot, point: str) -> set[str]:
    """The kinds of what is stored of a metering point, at any time. Raises `NotFound`."""
    root = snap.workspace.path
    name = pa.array([point], pa.string())
    bucket = int(partition.buckets_of([point], snap.workspace.settings.buckets)[0])
    found = {
        kind
        for kind in readings.KINDS
        if any(
            readings.mentions(root / entry.path, name)
            for entry in snapshot.entries(snap, kind=kind, buckets=[bucket])
        )
    }
    if not found:
        raise NotFound(
            f"Nothing is stored of a metering point {point[:80]!r}.",
            remedy="Check its name, letter for letter; or it was not known yet on that day.",
        )
    return found


def known(
    snap: Snapshot,
    point: str,
    *,
    kind: str = "blocks",
    channel: str | None = None,
    start_utc: int | None = None,
    end_utc: int | None = None,
    every: bool = False,
) -> pa.Table:
    """The readings of a metering point that win in a snapshot, and whence each came.

    `kind`: blocks (a row per interval), registers or remarks; bounds in UTC seconds. `every`: also
    those that lost, in the order in which they came; `wins` says which they are not.
    """
    bucket = int(partition.buckets_of([point], snap.workspace.settings.buckets)[0])
    near = snapshot.entries(snap, kind=kind, buckets=[bucket], start_utc=start_utc, end_utc=end_utc)
    table = readings.read(
        snap.workspace.path, near, kind=kind, points=[point], channel=channel,
        start_utc=start_utc, end_utc=end_utc,
    )  # fmt: skip
    if kind == "remarks":
        found = table.append_column("wins", pa.array(np.ones(table.num_rows, bool)))
    else:
        slots = expand(table, kind=kind)
        if start_utc is not None:
            slots.there &= slots.at >= start_utc
        if end_utc is not None:
            slots.there &= slots.at < end_utc
        best = winners(slots, keys([table], KEYS[kind])[0])
        wins = np.zeros(len(slots.row), bool)
        wins[best] = True
        found = _rows(table, slots, np.flatnonzero(slots.there) if every else best, kind=kind)
        found = found.append_column("wins", pa.array(wins[found["slot"].to_numpy()]))
        found = found.drop_columns(["slot"])
    order = [*_ORDER[kind], "load_seq", "line"]
    return _came(found.sort_by([(name, "ascending") for name in order]))


def _rows(table: pa.Table, slots: Slots, which: Ints, *, kind: str) -> pa.Table:
    """A row per reading, with its position in `slots`."""
    place = pa.array(which, pa.int64())
    if kind == "registers":
        return table.take(place).append_column("slot", place)
    row = pa.array(slots.row[which])
    letters = pa.array(list(LETTERS)).take(pa.array(slots.rank[which]))
    columns = {name: table[name].take(row) for name in ("metering_point", "channel")}
    columns["start_utc"] = pa.array(slots.at[which]).cast(pa.timestamp("s", "UTC"))
    columns["resolution_s"] = table["resolution_s"].take(row)
    columns |= {"value": pa.array(slots.value[which]), "quality": letters}
    columns |= {name: table[name].take(row) for name in ("version", "load_seq", "line")}
    return pa.table(columns | {"slot": place})


def _came(found: pa.Table) -> pa.Table:
    """With the file, its sender, when it arrived, who received it, and why as a correction."""
    if "source" in found.column_names:
        found = found.drop_columns(["source"])
    loads = control.models.Load.objects.filter(seq__in=found["load_seq"].unique().to_pylist())
    said = {seq: row for seq, *row in loads.values_list("seq", *_CAME.values())}
    numbers = sorted(said)
    place = pa.array(np.searchsorted(numbers, found["load_seq"].to_numpy()))
    for index, name in enumerate(_CAME):
        kind = pa.int64() if name == "arrived" else pa.string()
        column = pa.array([said[number][index] for number in numbers], kind)
        found = found.append_column(name, column.take(place))
    return found
