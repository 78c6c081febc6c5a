"""The door's verb on master data: what is known, on which day, since when, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    now,
    out,
    parse_date,
    print_json,
    show_findings,
    shown,
    talk,
    workspace_option,
)

on_day = click.option("--on", metavar="DATE", help="Only what is valid on this day.")
known_on = click.option(
    "--as-known-on", "known", metavar="DATE", help="As known at the end of this day; default: now."
)
personal = click.option("--personal", is_flag=True, help="Show names and addresses, too.")


@click.group()
def master() -> None:
    """Master data: what is known of points, accounts and meters, since when, and what changed."""


def _open(where: Path | None, known: str | None) -> tuple[Any, int]:
    from gridtally import pipeline, registry

    workspace = pipeline.open_workspace(where)
    return workspace, registry.known_on(workspace, parse_date(known, "--as-known-on"))


@master.command()
@workspace_option
@as_json
def versions(where: Path | None, as_json: bool) -> int:
    """Every version: who delivered what, when."""
    from gridtally import registry

    _open(where, None)
    found = registry.versions()
    if as_json:
        print_json({"schema": 1, "versions": found})
        return 0
    table = Table("version", "known from", "by", "rows", "delivered", show_edge=False)
    for one in found:
        rows = ", ".join(f"{name} {count:,}" for name, count in one["rows"].items())
        files = ", ".join(
            f"{source['file']} ({source['mode']}, {source['digest'][:12]})"
            for source in one["sources"]
        )
        cells = (one["version"], one["known_from"], one["actor"], rows, files)
        table.add_row(*map(shown, cells))
    out.print(table)
    return 0


@master.command(name="list")
@click.argument("table")
@on_day
@known_on
@personal
@workspace_option
@as_json
def list_(
    table: str, on: str | None, known: str | None, personal: bool, where: Path | None, as_json: bool
) -> int:
    """The rows of TABLE, such as agreements or meters."""
    from gridtally import registry

    workspace, seq = _open(where, known)
    rows = registry.listing(workspace, table, seq=seq, on=parse_date(on, "--on"), personal=personal)
    if as_json:
        print_json({"schema": 1, "version": seq, "table": table, "rows": rows})
    else:
        _print(table, rows)
        talk.print(f"{len(rows):,} rows, as known in version {seq}.", highlight=False)
    return 0


@master.command()
@click.argument("name")
@on_day
@known_on
@personal
@workspace_option
@as_json
def show(
    name: str, on: str | None, known: str | None, personal: bool, where: Path | None, as_json: bool
) -> int:
    """All that is known of NAME: a metering point, an account, a meter, an agreement …"""
    from gridtally import registry

    workspace, seq = _open(where, known)
    found = registry.about(workspace, name, seq=seq, on=parse_date(on, "--on"), personal=personal)
    if as_json:
        print_json({"schema": 1, "version": seq, "name": name, "tables": found})
        return 0
    for table, rows in found.items():
        out.print(f"[bold]{table}[/bold]")
        _print(table, rows)
    talk.print(f"As known in version {seq}.", highlight=False)
    return 0


@master.command()
@click.option("--from", "before", type=int, required=True, help="The earlier version; 0: none.")
@click.option("--to", "after", type=int, help="The later version; default: the newest.")
@workspace_option
@as_json
def changes(before: int, after: int | None, where: Path | None, as_json: bool) -> int:
    """Rows added, changed and gone between two versions."""
    from gridtally import registry

    workspace, newest = _open(where, None)
    seq = newest if after is None else after
    rows = list(registry.differences(workspace, before, seq))
    if as_json:
        print_json({"schema": 1, "from": before, "to": seq, "changes": rows})
    else:
        print_changes(rows)
    return 0


@master.command()
@workspace_option
@as_json
def check(where: Path | None, as_json: bool) -> int:
    """Every check of master data, on what is known now. Exit code 1 when one holds."""
    from gridtally import registry

    workspace, seq = _open(where, None)
    found = registry.check(workspace, seq=seq, as_of=now())
    if as_json:
        plain = ("code", "severity", "metering_point", "account", "message", "remedy", "count")
        rows = [{name: row[name] for name in plain} for row in found]
        print_json({"schema": 1, "version": seq, "findings": rows})
    else:
        show_findings(found, most=50)
        out.print(f"{len(found):,} findings in version {seq}.", highlight=False)
    return 1 if any(row["severity"] == "hold" for row in found) else 0


def print_changes(rows: Sequence[Mapping[str, Any]], *, most: int = 50) -> None:
    """Changes of rows, one line each."""
    for row in rows[:most]:
        key = " ".join(str(part) for part in row["key"].values() if part not in (None, ""))
        names = dict.fromkeys([*row["before"], *row["after"]])
        said = ", ".join(
            f"{name} {row['before'].get(name, '–')} → {row['after'].get(name, '–')}"
            if row["what"] == "changed"
            else f"{name} {(row['after'] or row['before'])[name]}"
            for name in names
            if name not in row["key"]
        )
        out.print(shown(f"{row['what']:>8} {row['table']} {key}: {said}"), highlight=False)
    if len(rows) > most:
        talk.print(f"… and {len(rows) - most:,} more; --json lists all.", highlight=False)


def _print(name: str, rows: Sequence[Mapping[str, Any]], *, most: int = 200) -> None:
    """Rows as a table, without columns that are empty throughout."""
    used = [c for c in (rows[0] if rows else ()) if any(r[c] not in (None, "") for r in rows)]
    table = Table(*used, show_edge=False)
    for row in rows[:most]:
        table.add_row(*("" if row[column] is None else shown(row[column]) for column in used))
    out.print(table if used else f"no rows in {name}")
    if len(rows) > most:
        talk.print(f"… and {len(rows) - most:,} more; --json lists all.", highlight=False)
