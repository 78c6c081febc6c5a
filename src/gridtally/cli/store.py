"""The door's verbs on what is kept: readings, recompute, rebills, store."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    as_name,
    clean,
    dry_run,
    now,
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


def _open(where: Path | None) -> Workspace:
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

    workspace = _open(where)
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
        _print(rows, names)
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


def _print(rows: Iterable[dict[str, Any]], names: Iterable[str]) -> None:
    names, rows = list(names), list(rows)
    table = Table(*names, show_edge=False)
    for row in rows[:_SHOWN]:
        table.add_row(*(shown(_cell(row[name])) for name in names))
    out.print(table)
    if len(rows) > _SHOWN:
        out.print(f"… and {len(rows) - _SHOWN} more; --csv or --json gives all.")


@click.command()
@click.argument("bill")
@click.option("--now", "today", is_flag=True, help="From today's readings, all else as then.")
@workspace_option
@as_json
def recompute(bill: str, today: bool, where: Path | None, as_json: bool) -> int:
    """Make BILL (number, or account/from/to) again from what was known when it was made.

    Exit code 1 when inputs or total differ from what was sealed.
    """
    from gridtally import recomputing

    again = recomputing.recompute(_open(where), bill, now=today)
    if as_json:
        print_json({"schema": 1} | again.as_dict())
        return 0 if again.same else 1
    said = again.as_dict()
    rows = [
        {
            "segment": row["segment"], "sealed": row["total"], "again": row["total_again"],
            "inputs": "same" if row["input_digest"] == row["input_digest_again"] else "other",
        }
        for row in said["segments"]
    ]  # fmt: skip
    _print(rows, ("segment", "sealed", "again", "inputs"))
    verdict = "[green]the same[/green]" if again.same else "[red]DIFFERS[/red]"
    out.print(f"{shown(again.bill)}: {said['total']}, again {said['again']}: {verdict}")
    return 0 if again.same else 1


@click.group()
def rebills() -> None:
    """Proposals to rebill: readings that came after a bill was issued. They change nothing."""


@rebills.command("list")
@click.option("--all", "every", is_flag=True, help="The closed ones too.")
@workspace_option
@as_json
def list_rebills(every: bool, where: Path | None, as_json: bool) -> int:
    """The open proposals."""
    from dataclasses import asdict

    from gridtally.store.rebills import proposals

    _open(where)
    rows = [asdict(one) for one in proposals(open_only=not every)]
    if as_json:
        print_json({"schema": 1, "proposals": rows})
        return 0
    for row in rows:
        row["arrived"] = iso_utc(row["at"])
    _print(rows, ("id", "number", "segment", "file", "arrived", "state", "by", "why"))
    talk.print(f"{len(rows)} proposals. What one would change: gridtally rebills show BILL")
    return 0


@rebills.command("show")
@click.argument("bill")
@workspace_option
@as_json
def show_rebill(bill: str, where: Path | None, as_json: bool) -> int:
    """What late readings would change on BILL: energy and money, today's less those billed."""
    from gridtally import recomputing

    found = recomputing.difference(_open(where), bill)
    if as_json:
        print_json(found)
        return 0
    names = {"segment": "segment", "import_ukwh": "import kWh", "export_ukwh": "export kWh",
             "estimated_ukwh": "estimated kWh", "difference": "amount"}  # fmt: skip
    rows = [
        {
            label: number(Decimal(row[name]) / MICRO) if name.endswith("ukwh") else row[name]
            for name, label in names.items()
            if name in row
        }
        for row in found["segments"]
    ]
    _print([dict.fromkeys(names.values()) | row for row in rows], names.values())
    out.print(
        f"{shown(found['number'])}: billed {found['billed']}, with today's readings "
        f"{found['now']}, difference {found['difference']}",
        highlight=False,
    )
    talk.print("Nothing was changed.")
    return 0


@rebills.command("close")
@click.argument("proposal", type=int)
@click.option("--why", required=True, help="What became of it.")
@workspace_option
@as_name
def close_rebill(proposal: int, why: str, where: Path | None, actor: str) -> int:
    """Say what became of PROPOSAL; it is then no longer open."""
    from gridtally.store.rebills import close

    _open(where)
    close(proposal, why=why, actor=actor, as_of=now())
    out.print(f"Proposal {proposal} is closed.")
    return 0


@click.group()
def store() -> None:
    """Care for the files of readings: merge them, remove what is left over, make them again."""


def _told(as_json: bool, found: dict[str, Any], sentence: str) -> None:
    if as_json:
        print_json({"schema": 1} | found)
    else:
        out.print(sentence, highlight=False)


@store.command()
@click.option("--few", default=2, type=click.IntRange(min=2), show_default=True,
              help="Fewer files of a month and bucket are left as they are.")  # fmt: skip
@workspace_option
@as_name
@dry_run
@as_json
def compact(few: int, where: Path | None, actor: str, dry_run: bool, as_json: bool) -> int:
    """Merge the many files of a month and bucket into one. What they say stays."""
    from dataclasses import asdict

    from gridtally.store.compact import compact as room

    done = room(_open(where), actor=actor, as_of=now(), few=few, dry_run=dry_run)
    verb = "would become" if dry_run else "became"
    _told(
        as_json, asdict(done) | {"dry_run": dry_run},
        f"{done.before} files with {done.rows} rows {verb} {done.after}.",
    )  # fmt: skip
    return 0


@store.command()
@workspace_option
@as_name
@dry_run
@as_json
def prune(where: Path | None, actor: str, dry_run: bool, as_json: bool) -> int:
    """Remove files that were merged more than a day ago, and what killed processes left."""
    from dataclasses import asdict

    from gridtally.store.compact import prune as room

    done = room(_open(where), actor=actor, as_of=now(), dry_run=dry_run)
    verb = "would be removed" if dry_run else "removed"
    _told(
        as_json, asdict(done) | {"dry_run": dry_run},
        f"{done.retired} merged and {done.orphans} left-over files {verb}: {done.size:,} bytes.",
    )  # fmt: skip
    return 0


@store.command()
@click.option("--verify", is_flag=True, help="Only compare; exit code 1 when they differ.")
@workspace_option
@as_name
@as_json
def rebuild(verify: bool, where: Path | None, actor: str, as_json: bool) -> int:
    """Make the readings again from the raw bytes; put in place what is lost or damaged."""
    from dataclasses import asdict

    from gridtally.store import rebuild as room

    workspace = _open(where)
    made = (
        room.verify(workspace, decode=_decoder())
        if verify
        else room.rebuild(workspace, decode=_decoder(), actor=actor, as_of=now())
    )
    _told(
        as_json, asdict(made) | {"same": made.same},
        f"{made.readings:,} readings of {made.loads} files made again; state {made.state}",
    )  # fmt: skip
    if not as_json:
        for sentence in made.differs:
            out.print(f"[red]DIFFERS[/red]  {shown(sentence)}", highlight=False)
        if not verify:
            talk.print(f"{made.restored} files put back, {made.merged} merged anew.")
    return 0 if made.same else 1


def _decoder() -> Callable[..., dict[str, Any]]:
    """`decode` as it was done when a file was received."""
    from gridtally.intake.options import Options
    from gridtally.store.readings import KINDS

    def decode(
        data: bytes, *, name: str, as_of: int, options: str, mapping: bytes | None, stands: Any
    ) -> dict[str, Any]:
        how = Options.of(options, mapping)
        decoded = how.decode(data, name=name, as_of=as_of, stands=stands)
        return {kind: getattr(decoded, kind) for kind in KINDS}

    return decode
