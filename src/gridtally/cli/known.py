"""The door's verb on what is known of a metering point: readings."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    clean,
    out,
    parse_date,
    print_json,
    shown,
    talk,
    workspace_option,
)
from gridtally.errors import NotFound, UsageError
from gridtally.money import MICRO, number
from gridtally.periods import iso_utc, zone

if TYPE_CHECKING:
    import pyarrow as pa

    from gridtally.store.snapshot import Snapshot
    from gridtally.store.workspace import Workspace

_SHOWN = 200
_KINDS = {"intervals": "blocks", "registers": "registers", "remarks": "remarks"}
_COLUMNS = {
    "blocks": ("channel", "start", "resolution_s", "value", "unit", "quality", "version"),
    "registers": ("meter", "register", "channel", "time", "reading", "quality", "reason",
                  "version"),
    "remarks": ("channel", "start", "end", "key", "value", "version"),
}  # fmt: skip
_WHENCE = ("load", "file", "line", "sender", "arrived")
_WHY = ("wins", "actor", "why")


def open_workspace(where: Path | None) -> Workspace:
    """The workspace at `where`, or the nearest above."""
    from gridtally import pipeline

    return pipeline.open_workspace(where)


@click.command()
@click.argument("point")
@click.option("--channel", help="Only this channel.")
@click.option("--from", "first", metavar="DATE", help="First local day.")
@click.option("--to", "last", metavar="DATE", help="Local day after the last.")
@click.option("--kind", type=click.Choice(list(_KINDS)), default="intervals", show_default=True)
@click.option("--as-known-on", "on", metavar="WHEN", help="A local day (its end), or an instant.")
@click.option("--as-known-by", "by", metavar="RUN|BILL", help="What this run or bill saw.")
@click.option("--history", is_flag=True, help="Every version of each, with who, when and why.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the result as CSV.")
@workspace_option
@as_json
def readings(
    point: str,
    channel: str | None,
    first: str | None,
    last: str | None,
    kind: str,
    on: str | None,
    by: str | None,
    history: bool,
    as_csv: bool,
    where: Path | None,
    as_json: bool,
) -> int:
    """What is stored of the metering point POINT, whence it came, and what was known when.

    Of several versions of a reading the one that counts: better quality, then newer version mark,
    then later arrival. Days are those of the workspace's zone.
    """
    from gridtally.store.known import known

    workspace = open_workspace(where)
    here = zone(workspace.settings.zone)
    snap = _known(workspace, on, by)
    kinds = _kinds_of(workspace, snap, point)
    if not kinds:
        if as_json:
            seen = {"schema": 1, "metering_point": point, "snapshot": snap.as_dict(), "kind": kind}
            print_json(seen | {"readings": []})
        talk.print(f"Nothing of {shown(point)} was known then; what is stored came later.")
        return 1
    start, end = (parse_date(text, name) for text, name in ((first, "--from"), (last, "--to")))
    table = known(
        snap, point, kind=_KINDS[kind], channel=channel, every=history,
        start_utc=here.midnight(start) if start else None,
        end_utc=here.midnight(end) if end else None,
    )  # fmt: skip
    names = (*_COLUMNS[_KINDS[kind]], *_WHENCE, *(_WHY if history else ()))
    rows = _rows(table, kind=_KINDS[kind])
    if as_json:
        seen = {"schema": 1, "metering_point": point, "snapshot": snap.as_dict(), "kind": kind}
        print_json(seen | {"readings": [{name: row[name] for name in names} for row in rows]})
    elif as_csv:
        write = csv.writer(sys.stdout, lineterminator="\n")
        write.writerow(("metering_point", *names))
        write.writerows([point, *(_cell(row[name]) for name in names)] for row in rows)
    else:
        print_rows(rows, names)
        others = sorted(name for name, stored in _KINDS.items() if stored in kinds - {_KINDS[kind]})
        more = f" There are {' and '.join(others)} too: --kind." if others else ""
        talk.print(f"{len(rows)} {kind} of {shown(point)}.{more}", highlight=False)
    return 0


def _kinds_of(workspace: Workspace, snap: Snapshot, point: str) -> set[str]:
    """Kinds of readings of a point; none where all of it came after the snapshot.

    Raises `NotFound` for a point of which nothing is stored at all.
    """
    from gridtally.store.known import known_kinds
    from gridtally.store.snapshot import snapshot

    try:
        return known_kinds(snap, point)
    except NotFound:
        known_kinds(snapshot(workspace), point)
        return set()


def _known(workspace: Workspace, on: str | None, by: str | None) -> Snapshot:
    """The snapshot that is asked for."""
    from gridtally.store.known import as_known_by, as_known_on
    from gridtally.store.snapshot import snapshot

    if on and by:
        raise UsageError("--as-known-on and --as-known-by exclude each other.", remedy="Give one.")
    if by:
        return as_known_by(workspace, by)
    return as_known_on(workspace, _instant(on, workspace)) if on else snapshot(workspace)


def _instant(text: str, workspace: Workspace) -> int:
    """A local day stands for its last second, an instant for itself."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as err:
            raise UsageError(
                f"--as-known-on: {text[:40]!r} is no day and no instant.",
                remedy="Write 2026-10-31, or 2026-10-31T12:00:00Z.",
            ) from err
        if instant.tzinfo is None:
            raise UsageError(
                f"--as-known-on: {text[:40]!r} does not say in which zone.",
                remedy="Add Z or an offset, such as 2026-10-31T12:00:00+01:00.",
            ) from None
        return int(instant.timestamp())
    return zone(workspace.settings.zone).midnight(day + timedelta(1)) - 1


def _rows(table: pa.Table, *, kind: str) -> list[dict[str, Any]]:
    """Rows in words: instants with Z, numbers as text, an absent version as null."""
    times = {"start_utc": "start", "end_utc": "end", "time_utc": "time"}
    found = []
    for given in table.to_pylist():
        row = {times.get(name, name): value for name, value in given.items()}
        for name in (name for name in times.values() if name in row):
            row[name] = iso_utc(int(row[name].astimezone(UTC).timestamp()))
        if kind != "remarks":
            value = "value" if kind == "blocks" else "reading"
            row[value] = number(Decimal(row[value]) / MICRO)
            row["unit"] = "kvarh" if row["channel"].startswith("reactive") else "kWh"
        row |= {"load": row["load_seq"], "version": row["version"] or None}
        found.append(row | {"arrived": iso_utc(row["arrived"])})
    return found


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else clean(value)


def print_rows(rows: Iterable[dict[str, Any]], names: Iterable[str]) -> None:
    """Rows as a table on stdout, the first of many."""
    names, rows = list(names), list(rows)
    table = Table(*names, show_edge=False)
    for row in rows[:_SHOWN]:
        table.add_row(*(shown(_cell(row[name])) for name in names))
    out.print(table)
    if len(rows) > _SHOWN:
        out.print(f"… and {len(rows) - _SHOWN} more; --csv or --json gives all.")
