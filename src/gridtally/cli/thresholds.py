"""The door's verbs on the thresholds of step 3: thresholds show, set, learn, diff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    as_name,
    dry_run,
    now,
    out,
    print_json,
    shown,
    talk,
    workspace_option,
)
from gridtally.errors import UsageError

if TYPE_CHECKING:
    from gridtally.metering.learning import Change
    from gridtally.metering.thresholds import Thresholds
    from gridtally.store.workspace import Workspace


@click.group()
def thresholds() -> None:
    """Thresholds of the checks of readings, by customer segment (`validation.toml`)."""


def _open(where: Path | None) -> tuple[Workspace, Thresholds]:
    from gridtally import pipeline, prepare

    workspace = pipeline.open_workspace(where)
    return workspace, prepare.thresholds(workspace)


@thresholds.command()
@click.option("--version", "version", default="", help="A kept version, by its name's beginning.")
@workspace_option
@as_json
def show(version: str, where: Path | None, as_json: bool) -> int:
    """Every threshold that is in force, for all and where a segment has its own."""
    from gridtally.metering.thresholds import DEFAULTS, parse
    from gridtally.store import validation

    workspace, found = _open(where)
    if version:
        found = parse(validation.read(workspace, version), file=version)
    said = found.as_dict()
    kept = validation.versions(workspace)
    if as_json:
        print_json({"schema": 1, **said, "versions": kept})
        return 0
    table = Table("threshold", "all", "", *said["segments"], show_edge=False, box=None)
    for name, value in said["all"].items():
        own = [str(values.get(name, "")) for values in said["segments"].values()]
        changed = "" if value == getattr(DEFAULTS, name) else f"not {getattr(DEFAULTS, name)}"
        table.add_row(name, str(value), changed, *own)
    out.print(table)
    talk.print(f"Digest {said['digest'][:16]}. Kept versions: {', '.join(kept) or 'none'}.")
    return 0


@thresholds.command("set")
@click.argument("values", nargs=-1, required=True, metavar="KEY=VALUE…")
@click.option("--segment", default=None, help="Customer segment; default: all.")
@click.option("--why", required=True, help="The reason, kept in the file.")
@as_name
@dry_run
@workspace_option
@as_json
def set_(
    values: Sequence[str], segment: str | None, why: str, actor: str, dry_run: bool,
    where: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Set thresholds, for all or for one customer segment; the version before stays."""
    from gridtally.metering.learning import difference

    workspace, old = _open(where)
    new = old.changed(segment, _values(values))
    changes = difference(old, new, history=_history(workspace))
    return _conclude(workspace, new, changes, (why, actor), dry_run=dry_run, as_json=as_json)


def _values(given: Sequence[str]) -> dict[str, int]:
    """KEY=VALUE as they would stand in the file, with its errors."""
    from gridtally.metering.thresholds import names, parse

    lines = []
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier() or not value.isdecimal():
            raise UsageError(
                f"{text[:60]!r} is not KEY=VALUE with a whole number.",
                remedy="`gridtally thresholds show` lists the keys.",
            )
        lines.append(f"{key} = {int(value)}")
    found = parse("[all]\n" + "\n".join(lines), file="the command line").all
    wanted = [text.partition("=")[0] for text in given]
    return {name: getattr(found, name) for name in names if name in wanted}


@thresholds.command()
@click.option(
    "--flag", default=5, show_default=True, type=click.IntRange(0, 500), metavar="PERMILLE",
    help="So many of a segment's past bills are to be flagged by each threshold.",
)  # fmt: skip
@as_name
@dry_run
@workspace_option
@as_json
def learn(flag: int, actor: str, dry_run: bool, where: Path | None, as_json: bool) -> int:
    """Take the thresholds on a bill's energy from stored history, by customer segment.

    Shows what would change and how many past bills are flagged before and after.
    """
    from gridtally.metering.learning import learn as learned

    workspace, old = _open(where)
    found = learned(_history(workspace), old, flag_permille=flag)
    why = (f"learned from history, {flag} of 1000 past bills flagged by each", actor)
    for segment, reason in found.left.items():
        talk.print(f"{shown(segment)}: not learned, {reason}.", highlight=False)
    return _conclude(
        workspace, found.thresholds, found.changes, why, dry_run=dry_run, as_json=as_json
    )


@thresholds.command()
@click.argument("version", default="")
@workspace_option
@as_json
def diff(version: str, where: Path | None, as_json: bool) -> int:
    """What differs between a kept VERSION (default: the shipped defaults) and what is in force.

    Exit code 1 when something differs.
    """
    from gridtally.metering.learning import difference
    from gridtally.metering.thresholds import Thresholds, parse
    from gridtally.store import validation

    workspace, found = _open(where)
    old = Thresholds()
    if version:
        old = parse(validation.read(workspace, version), file=version)
    changes = difference(old, found, history=_history(workspace))
    _print(changes, as_json=as_json, written="")
    return 1 if changes else 0


def _history(workspace: Workspace) -> Any:
    from gridtally.store import history, snapshot

    return history.read_history(snapshot.snapshot(workspace))


def _conclude(
    workspace: Workspace, new: Thresholds, changes: Sequence[Change], why: tuple[str, str],
    *, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Say what changes, and put it in force unless it is a dry run."""
    from gridtally.metering.thresholds import render
    from gridtally.store import validation

    at, written = now(), ""
    if changes and not dry_run:
        day = datetime.fromtimestamp(at, UTC).date()
        reason = " ".join(why[0].split())
        text = render(new, why=[f"{day}, {why[1]}: {reason}"])
        path = validation.keep(workspace, text, as_of=at)
        written = workspace.relative(path)
    _print(changes, as_json=as_json, written=written)
    if not as_json and dry_run:
        talk.print("Nothing was written.", highlight=False)
    return 0


def _print(changes: Sequence[Change], *, as_json: bool, written: str) -> None:
    if as_json:
        print_json({
            "schema": 1, "changes": [asdict(one) for one in changes], "version": written,
        })  # fmt: skip
        return
    if not changes:
        out.print("Nothing differs.")
        return
    table = Table("segment", "threshold", "old", "new", "past bills", "flagged", "then",
                  show_edge=False, box=None)  # fmt: skip
    for one in changes:
        table.add_row(
            shown(one.segment or "all"), one.name, str(one.old), str(one.new), f"{one.bills:,}",
            f"{one.flagged_old:,}", f"{one.flagged_new:,}",
        )  # fmt: skip
    out.print(table)
    if written:
        talk.print(f"In force from now on; kept as {written}.", highlight=False)
