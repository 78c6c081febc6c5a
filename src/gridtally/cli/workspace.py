"""The door's verbs on a workspace: init, status, check."""

from __future__ import annotations

import secrets
from pathlib import Path

import click
from rich.table import Table

from gridtally.cli.common import as_json, out, print_json, shown, talk, workspace_option
from gridtally.errors import UsageError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--name", default="", help="Name of the workspace; default: the folder's.")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of its days.")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--supplier", default="Example Energy", show_default=True, help="Who sends bills.")
@click.option("--buckets", default=8, show_default=True, help="Files per month, for large bases.")
def init(
    folder: Path,
    name: str,
    zone: str,
    currency: str,
    language: str,
    supplier: str,
    buckets: int,
) -> int:
    """Make a workspace in FOLDER (this one by default), and the key that signs its log."""
    from gridtally import signing
    from gridtally.store.settings import Settings, Supplier
    from gridtally.store.workspace import Workspace

    called = name or folder.absolute().name
    workspace = Workspace.create(
        folder,
        Settings(
            name=called,
            zone=zone,
            currency=currency,
            language=language,
            buckets=buckets,
            log=_log_name(called),
            supplier=Supplier(name=supplier),
        ),
    )
    public = signing.ensure_keys(workspace, fresh=True)
    out.print(f"Made the workspace {shown(workspace.path)}.", highlight=False)
    talk.print(
        f"Settings: gridtally.toml. The log's private key lies outside, in "
        f"{shown(signing.log_key_path(workspace))}; its public key is\n  {shown(public)}\n"
        "Next: gridtally receive FOLDER-OF-FILES",
        highlight=False,
    )
    return 0


def _log_name(called: str) -> str:
    """A name for the log that no other workspace has: two of one name must not share a key."""
    plain = "".join(c if c.isalnum() else "-" for c in called)
    return f"gridtally.local/{plain}-{secrets.token_hex(4)}"


@click.command()
@workspace_option
@as_json
def status(where: Path | None, as_json: bool) -> int:
    """What is in the workspace, and what to do next."""
    from gridtally import pipeline
    from gridtally.overview import overview

    workspace = pipeline.open_workspace(where)
    seen = overview(workspace)
    if as_json:
        print_json(seen)
        return 0
    out.print(f"[bold]{shown(seen['name'])}[/bold]  {shown(seen['path'])}", highlight=False)
    table = Table(show_header=False, show_edge=False, box=None, padding=(0, 2))
    for label, text in seen["facts"].items():
        table.add_row(label, shown(text))
    table.add_row(
        "state of readings and master data",
        seen["state"] or "cannot be read: see `gridtally check`",
    )
    out.print(table)
    for run in seen["runs"]:
        states = ", ".join(f"{count:,} {state}" for state, count in run["states"].items())
        out.print(f"  run {run['id']}  {run['from']} to {run['to']}: {states}", highlight=False)
    if seen["rebills"]:
        few = ", ".join(seen["rebills"][:5]) + (" …" if len(seen["rebills"]) > 5 else "")
        out.print(
            f"  rebills are proposed for {len(seen['rebills'])} bills: {shown(few)} "
            "(gridtally rebills show NUMBER)",
            highlight=False,
        )
    talk.print(f"Next: {seen['next']}", highlight=False)
    return 0


@click.command()
@click.option("--only", multiple=True, help="Check only this invariant, by its name.")
@click.option("--bills", is_flag=True, help="Also make every issued bill again.")
@workspace_option
@as_json
def check(only: tuple[str, ...], bills: bool, where: Path | None, as_json: bool) -> int:
    """Check every invariant of the workspace, in one consistent view, changing nothing.

    Exit code 1 when one does not hold.
    """
    from gridtally.store.check import CHECKS
    from gridtally.store.check import check as look
    from gridtally.store.workspace import Workspace

    if unknown := sorted(set(only) - set(CHECKS)):
        raise UsageError(
            f"There is no invariant {unknown[0]!r}.", remedy=f"Known are {', '.join(CHECKS)}."
        )
    workspace = Workspace.open(where or Path.cwd(), guarded=False)
    found = look(workspace, only=set(only) or None)
    if bills:
        from gridtally.recomputing import checked

        found.append(checked(workspace))
    wrong = [one for one in found if not one.ok]
    if as_json:
        rows = [{"invariant": c.invariant, "ok": c.ok, "detail": c.detail} for c in found]
        print_json({"schema": 1, "ok": not wrong, "checks": rows})
    else:
        for one in found:
            mark = "[green]holds[/green]" if one.ok else "[red]BROKEN[/red]"
            out.print(f"{mark}  {shown(one.detail)}", highlight=False)
        talk.print(f"{len(found) - len(wrong)} of {len(found)} invariants hold.", highlight=False)
    return 1 if wrong else 0
