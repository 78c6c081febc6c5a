"""The door's verbs on the files of readings: store compact, prune, rebuild."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

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
from gridtally.cli.known import open_workspace


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

    done = room(open_workspace(where), actor=actor, as_of=now(), few=few, dry_run=dry_run)
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

    done = room(open_workspace(where), actor=actor, as_of=now(), dry_run=dry_run)
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

    workspace = open_workspace(where)
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
