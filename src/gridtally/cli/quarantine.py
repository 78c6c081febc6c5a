"""The door's verbs on what was not accepted: list, show, export, retry, discard."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    as_name,
    clean,
    now,
    out,
    print_json,
    shown,
    talk,
    workspace_option,
)
from gridtally.cli.readings import FILE, mapping_option, read_mapping, rounding_option
from gridtally.errors import UsageError

if TYPE_CHECKING:
    from gridtally.intake.options import Options

_MOST = 200
_item = click.argument("items", nargs=-1, type=int, metavar="ITEM...")


@click.group()
def quarantine() -> None:
    """What was not accepted: every row, why, and what to do about it.

    An item stands for all rows of a file with one reason, metering point and channel. It closes
    when its correction is received (`receive FILE --corrects ITEM`), when master data arrive, when
    a retry accepts it, or when somebody discards it.
    """


@quarantine.command("list")
@click.option("--open", "is_open", is_flag=True, help="Only what nobody has closed yet.")
@workspace_option
@as_json
def list_(is_open: bool, where: Path | None, as_json: bool) -> int:
    """List the items, the oldest first."""
    from gridtally import pipeline
    from gridtally import quarantine as room
    from gridtally.store import quarantine as store

    pipeline.open_workspace(where)
    rows = [room.listed(one) for one in store.items(is_open=is_open or None)]
    if as_json:
        print_json({"schema": 1, "items": rows, "open": store.open_counts()})
        return 0
    table = Table("item", "kind", "file", "lines", "rows", "point", "code", "closed")
    for row in rows[-_MOST:]:
        closed = row["closed"]["action"] if row["closed"] else ""
        cells = (row["item"], row["kind"], row["file"], row["lines"], f"{row['rows']:,}")
        table.add_row(*map(shown, (*cells, row["metering_point"], row["code"], closed)))
    out.print(table)
    if len(rows) > _MOST:
        talk.print(f"{len(rows) - _MOST} earlier ones; --json lists all.", highlight=False)
    counts = store.open_counts()
    said = [f"{n['items']:,} {kind} ({n['rows']:,} rows)" for kind, n in counts.items()]
    talk.print(f"Open: {', '.join(said) or 'nothing'}.", highlight=False)
    return 0


@quarantine.command()
@click.argument("item", type=int)
@click.option("--rows", default=20, show_default=True, help="How many rows to show.")
@workspace_option
@as_json
def show(item: int, rows: int, where: Path | None, as_json: bool) -> int:
    """Say what an item is, why, what to do, and show its first rows as they were delivered."""
    from gridtally import pipeline
    from gridtally import quarantine as room

    made = room.show(pipeline.open_workspace(where), item, rows=max(0, rows))
    if as_json:
        print_json({"schema": 1} | made)
        return 0
    counted = f"{made['rows']:,} rows" if made["rows"] else "the whole file"
    out.print(
        f"[bold]Item {made['item']}[/bold] ({made['kind']}): {counted} of {shown(made['file'])}, "
        f"from {shown(made['sender'] or 'an unnamed sender')}, {made['arrived']}",
        highlight=False,
    )
    place = " ".join(filter(None, (made["metering_point"], made["channel"])))
    out.print(f"  [dim]{shown(made['code'])}[/dim] {shown(place)}", highlight=False)
    out.print(f"  {shown(made['message'])}", highlight=False)
    out.print(f"  [dim]{shown(made['remedy'])}[/dim]", highlight=False)
    if closed := made["closed"]:
        by = f"{closed['action'].replace('_', ' ')} by {closed['actor']}, {closed['at']}"
        out.print(f"  Closed: {shown(by)} {shown(closed['why'])}", highlight=False)
    for row in made["texts"]:
        for at, text in enumerate(row["text"].split("\n")):
            head = f"{row['line']:>8}" if at == 0 else " " * 8
            out.print(f"{head} [dim]|[/dim] {shown(text)}", highlight=False)
    _show_values(made["values"])
    return 0


def _show_values(values: list[dict[str, Any]]) -> None:
    if not values:
        return
    table = Table("at", "what", "stored", "delivered", "quality")
    for row in values:
        table.add_row(*(shown(row[name]) for name in row))
    out.print(table)


@quarantine.command()
@_item
@click.option("--source", default="", help="All open items of the file with this digest.")
@click.option("--out", "target", type=FILE, help="Write here; default: standard output.")
@click.option("--plain", is_flag=True, help="Without the columns that say why.")
@workspace_option
def export(
    items: tuple[int, ...], source: str, target: Path | None, plain: bool, where: Path | None
) -> int:
    """Write the rows of items under their file's header, ready to be corrected.

    Receive the corrected file with `receive FILE --corrects ITEM`.
    """
    from gridtally import pipeline
    from gridtally import quarantine as room

    _require(items, source)
    workspace = pipeline.open_workspace(where)
    chosen = room.chosen(items, source=source)
    data, name = room.export(workspace, chosen, marked=not plain)
    if target is None:
        _print_bytes(data)
        return 0
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is there already.", remedy="Give another name with --out.")
    target = target / clean(name).replace("/", "_") if target.is_dir() else target
    target.write_bytes(data)
    numbers = " ".join(f"--corrects {one.id}" for one in chosen[:20])
    talk.print(f"Written: {shown(target)}. When it is corrected:", highlight=False)
    talk.print(f"  gridtally receive {shown(target)} {numbers}", highlight=False)
    return 0


@quarantine.command()
@_item
@click.option("--all", "everything", is_flag=True, help="Every open item.")
@click.option("--format", "format_", help="Read the files as this format.")
@click.option("--zone", help="Zone of times without offset.")
@click.option("--round-finer", metavar="MODE", help="Round values finer than 10^-6 kWh.")
@mapping_option
@click.option("--correction", is_flag=True, help="Conflicts: what was delivered is right.")
@click.option("--reason", default="", help="Why; goes into the trail.")
@workspace_option
@as_name
@as_json
def retry(
    items: tuple[int, ...],
    everything: bool,
    format_: str | None,
    zone: str | None,
    round_finer: str | None,
    mapping: Path | None,
    correction: bool,
    reason: str,
    where: Path | None,
    actor: str,
    as_json: bool,
) -> int:
    """Decode kept bytes again, after a change of options, mapping or software.

    What is accepted now is published; the rest becomes new items. Exit code 1 when nothing changed.
    """
    from gridtally import deliveries, pipeline
    from gridtally import quarantine as room

    if not everything:
        _require(items, "")
    rounding, data = rounding_option(round_finer), read_mapping(mapping)

    def change(old: Options) -> Options:
        given: dict[str, Any] = {
            "format": format_, "zone": zone, "round_finer": rounding, "mapping": data,
        }  # fmt: skip
        return replace(old, **{name: value for name, value in given.items() if value is not None})

    workspace = pipeline.open_workspace(where)
    done = deliveries.retry(
        workspace,
        room.chosen(items, everything=everything),
        change=change,
        correction=correction,
        reason=reason,
        actor=actor,
        as_of=now(),
    )
    if as_json:
        names = ("name", "items", "rows", "accepted", "changed", "refused")
        print_json([{name: getattr(one, name) for name in names} for one in done])
    else:
        table = Table("file", "items", "rows", "accepted", "answer")
        for one in done:
            answer = one.refused or ("stored" if one.changed else "as before")
            numbers = " ".join(map(str, one.items))
            table.add_row(*map(shown, (one.name, numbers, one.rows, one.accepted, answer)))
        out.print(table)
    return 0 if any(one.changed for one in done) else 1


@quarantine.command()
@_item
@click.option("--why", required=True, help="The reason; goes into the trail.")
@workspace_option
@as_name
def discard(items: tuple[int, ...], why: str, where: Path | None, actor: str) -> int:
    """Close items without their rows, for good."""
    from gridtally import pipeline
    from gridtally import quarantine as room

    _require(items, "")
    pipeline.open_workspace(where)
    done = room.discard(items, why=why, actor=actor, as_of=now())
    rows = sum(one.rows for one in done)
    talk.print(f"Discarded: {len(done)} items, {rows:,} rows.", highlight=False)
    return 0


def _print_bytes(data: bytes) -> None:
    """As they are into a file or a pipe; on a terminal as safe text."""
    if sys.stdout.isatty():
        sys.stdout.write(clean(data.decode("utf-8", "replace"), lines=True))
        return
    try:
        sys.stdout.write(data.decode())
    except UnicodeDecodeError:
        sys.stdout.buffer.write(data)


def _require(items: tuple[int, ...], source: str) -> None:
    if not items and not source:
        raise UsageError(
            "Which item is not said.", remedy="`gridtally quarantine list` has their numbers."
        )
