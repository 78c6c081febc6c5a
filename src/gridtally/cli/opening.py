"""The door's verb on a cut-over: import opening."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    as_name,
    dry_run,
    now,
    out,
    print_json,
    show_findings,
    talk,
    workspace_option,
)


@click.group(name="import")
def import_() -> None:
    """Take over what another system hands over."""


@import_.command()
@click.argument("folder", type=click.Path(path_type=Path))
@as_name
@workspace_option
@dry_run
@as_json
def opening(folder: Path, actor: str, where: Path | None, dry_run: bool, as_json: bool) -> int:
    """Take over open items, deposits, bill history, tiers, ratchets and banks: all, or nothing.

    FOLDER holds files such as open_items.csv and control_totals.csv, which every column of numbers
    must fit. Exit code 1 when something is wrong; nothing is taken over then.
    """
    from gridtally import pipeline
    from gridtally.opening import import_opening

    workspace = pipeline.open_workspace(where)
    done = import_opening(workspace, folder, actor=actor, as_of=now(), dry_run=dry_run)
    if as_json:
        print_json({
            "schema": 1, "answer": done.answer, "rows": done.rows, "sums": done.sums,
            "findings": done.findings,
        })  # fmt: skip
        return 1 if done.refused else 0
    table = Table("file", "column", "sum", "control total", "")
    for row in done.sums:
        agrees = row["sum"] == row["control"]
        table.add_row(
            row["table"], row["column"], row["sum"], row["control"] or "missing",
            "agrees" if agrees else "[red]differs[/red]",
        )  # fmt: skip
    out.print(table)
    show_findings(done.findings)
    talk.print(f"{done.answer.capitalize()}.")
    return 1 if done.refused else 0
