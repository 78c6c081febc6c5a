"""The door's verbs on class profiles: class-profiles learn, show, drop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    as_name,
    dry_run,
    out,
    parse_period,
    print_json,
    shown,
    talk,
    workspace_option,
)

if TYPE_CHECKING:
    from gridtally.metering.estimate_class import ClassProfiles


@click.group()
def class_profiles() -> None:
    """How each customer segment spreads its energy: the last resort of estimates.

    Learned from stored readings when asked for, never inside a run. A run names in its run.json
    the profiles that it used; without any it uses none.
    """


@class_profiles.command()
@click.argument("period")
@as_name
@dry_run
@workspace_option
@as_json
def learn(period: str, actor: str, dry_run: bool, where: Path | None, as_json: bool) -> int:
    """Learn from all actual readings of PERIOD, and let new runs use what was learned.

    PERIOD is a month, 2026-10, or days, 2025-10-01:2026-10-01; a whole year knows every month.
    """
    from gridtally import learned, pipeline

    workspace = pipeline.open_workspace(where)
    profiles = learned.learn(workspace, parse_period(period), actor=actor)
    if not dry_run:
        learned.keep(workspace, profiles)
    _tell(profiles, as_json=as_json)
    if not as_json:
        word = "Nothing was written." if dry_run else "New runs use them."
        talk.print(f"{word} Digest {profiles.digest[7:23]}.", highlight=False)
    return 0


@class_profiles.command()
@workspace_option
@as_json
def show(where: Path | None, as_json: bool) -> int:
    """What new runs use: segments, channels, months, and what it was learned from."""
    from gridtally import learned, pipeline

    workspace = pipeline.open_workspace(where)
    profiles = learned.class_profiles(workspace, learned.current(workspace))
    if profiles is None:
        if as_json:
            print_json({"schema": 1, "digest": None, "profiles": []})
        else:
            talk.print("None was learned. Learn with: gridtally class-profiles learn PERIOD")
        return 0
    _tell(profiles, as_json=as_json)
    return 0


@class_profiles.command()
@as_name
@dry_run
@workspace_option
def drop(actor: str, dry_run: bool, where: Path | None) -> int:
    """Let new runs use none. What was learned stays, for the runs that used it."""
    from gridtally import learned, pipeline

    workspace = pipeline.open_workspace(where)
    if not dry_run:
        learned.drop(workspace)
    talk.print(f"New runs {'would' if dry_run else 'will'} use no class profiles, {shown(actor)}.")
    return 0


def _tell(profiles: ClassProfiles, *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "segment": segment, "channel": channel, "points": profiles.points[segment, channel],
            "months": [
                month + 1 for month in range(12)
                if (profiles.tables[segment, channel][month] >= 0).any()
            ],
        }
        for segment, channel in sorted(profiles.tables)
    ]  # fmt: skip
    if as_json:
        source = dict(profiles.source)
        print_json({"schema": 1, "digest": profiles.digest, "source": source, "profiles": rows})
        return
    table = Table("segment", "channel", "points", "months", show_edge=False, box=None)
    for row in rows:
        months = " ".join(map(str, row["months"]))
        table.add_row(shown(row["segment"]), row["channel"], str(row["points"]), months)
    out.print(table)
    told = profiles.source
    talk.print(f"Learned from {told['from']} to {told['to']}.", highlight=False)
