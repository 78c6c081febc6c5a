"""The door's verbs on readings: receive, decode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    as_name,
    dry_run,
    now,
    out,
    print_json,
    progress,
    show_findings,
    shown,
    talk,
    workspace_option,
)
from gridtally.errors import GridtallyError, NotFound, RefusedFile, UsageError
from gridtally.money import Rounding
from gridtally.terms import RoundingMode

FILE = click.Path(path_type=Path)
mapping_option = click.option(
    "--mapping", type=FILE, help="How to read a utility's own CSV; see `formats mapping`."
)


def read_file(path: Path) -> bytes:
    """The bytes of a file that the user named; a pipe or device is never waited for."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file.", remedy="Name a file that can be read.")
    try:
        return path.read_bytes()
    except OSError as err:
        raise NotFound(
            f"{path} cannot be read: {err.strerror}.", remedy="Check its name and rights."
        ) from err


def read_mapping(path: Path | None) -> bytes | None:
    """The bytes of a mapping file. Raises `InvalidDocument` at once when it is none."""
    if path is None:
        return None
    from gridtally.intake.mapping import load

    data = read_file(path)
    load(data, name=path.name)
    return data


def refusal(err: GridtallyError) -> dict[str, Any]:
    """A refused file as a finding of the decode JSON."""
    return {
        "code": err.code,
        "severity": "hold",
        "file": err.file,
        "line": err.line,
        "message": err.message,
        "remedy": err.remedy,
    }


def rounding_option(text: str | None) -> Rounding | None:
    """`half_even` (or another mode): values finer than 10^-6 kWh are rounded so, and it is said."""
    if text is None:
        return None
    try:
        return Rounding(6, RoundingMode(text))
    except ValueError as err:
        raise UsageError(
            f"There is no rounding mode {text!r}.",
            remedy=f"Use one of: {', '.join(RoundingMode)}.",
        ) from err


@click.command()
@click.argument("file", type=FILE)
@click.option("--format", "format_", help="Read it as this format, whatever it looks like.")
@click.option("--zone", help="Zone of times without offset, such as Europe/Lisbon.")
@click.option("--round-finer", metavar="MODE", help="Round values finer than 10^-6 kWh.")
@mapping_option
@as_json
def decode(
    file: Path,
    format_: str | None,
    zone: str | None,
    round_finer: str | None,
    mapping: Path | None,
    as_json: bool,
) -> int:
    """Say what FILE contains: channels, counts, sums, and what is wrong with it.

    Exit code 1 when the file is refused whole, or has rows and none of them is accepted.
    """
    from gridtally.intake import archive
    from gridtally.intake import decode as room

    document = read_mapping(mapping)
    try:
        decoded = room.decode(
            archive.bytes_of(file) if file.is_file() else read_file(file),
            name=file.name,
            as_of=now(),
            format=format_,
            zone=zone,
            round_finer=rounding_option(round_finer),
            mapping=document,
        )
    except RefusedFile as err:
        if as_json:
            print_json({"schema": 1, "channels": [], "findings": [refusal(err)]})
        else:
            talk.print(f"[red]Refused[/red] ({err.code}): {shown(err)}", highlight=False)
        return 1
    code = 1 if decoded.rows and not decoded.accepted + decoded.duplicates else 0
    if as_json:
        print_json(room.summary(decoded))
        return code
    summary = room.summary(decoded)
    table = Table("metering point", "channel", "unit", "values", "sum", "first", "last")
    for row in summary["channels"][:50]:
        cells = ("metering_point", "channel", "unit", "n", "sum", "first", "last")
        table.add_row(*(shown(row[cell]) for cell in cells))
    out.print(table)
    if len(summary["channels"]) > 50:
        out.print(f"… and {len(summary['channels']) - 50} more channels; --json lists all.")
    talk.print(
        f"{shown(file.name)}: {decoded.format}, {decoded.rows} rows = {decoded.accepted} accepted "
        f"+ {decoded.duplicates} duplicates + {decoded.quarantined} quarantined.",
        highlight=False,
    )
    show_findings(summary["findings"])
    return code


_SHOWN = 8
"""Findings of a file that are printed; the others are counted, and are in the quarantine."""
_GRAVE = {"hold": 0, "warn": 1, "note": 2}


def _worst_first(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings by severity, and of equals those that stand for most rows first."""
    return sorted(findings, key=lambda row: (_GRAVE[row["severity"]], -(row.get("count") or 1)))


@click.command()
@click.argument("paths", nargs=-1, required=True, type=FILE)
@click.option("--sender", default="", help="Who delivered it.")
@click.option("--format", "format_", help="Read readings as this format, whatever they look like.")
@click.option("--zone", help="Zone of times without offset; default: the workspace's.")
@click.option("--round-finer", metavar="MODE", help="Round values finer than 10^-6 kWh.")
@mapping_option
@click.option("--correction", is_flag=True, help="Readings here are newer than stored ones.")
@click.option("--reason", default="", help="Why it is a correction; kept with its readings.")
@click.option(
    "--corrects",
    type=int,
    multiple=True,
    metavar="ITEM",
    help="An item of the quarantine that this file corrects, and so closes; may be repeated.",
)
@click.option(
    "--master",
    "master_mode",
    type=click.Choice(["whole", "changes"]),
    default="whole",
    show_default=True,
    help="A file of master data replaces its table, or brings changes to it.",
)
@click.option(
    "--accept-steps",
    is_flag=True,
    help="As a second person: take a tariff version whose prices move by more than half.",
)
@workspace_option
@as_name
@dry_run
@as_json
def receive(
    paths: tuple[Path, ...],
    sender: str,
    format_: str | None,
    zone: str | None,
    round_finer: str | None,
    mapping: Path | None,
    correction: bool,
    reason: str,
    corrects: tuple[int, ...],
    master_mode: str,
    accept_steps: bool,
    where: Path | None,
    actor: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Keep delivered files: readings, master data (accounts.csv …), tariffs (*.toml), payments.

    A folder stands for all files in it; a link or a device there is refused. The same bytes again
    change nothing. What is not accepted goes to quarantine and the rest goes on; where a whole file
    is refused, the exit code is 1. `gridtally quarantine list` says what became of each row.
    """
    from gridtally import pipeline
    from gridtally.cli.master import print_changes
    from gridtally.intake.options import Options

    workspace = pipeline.open_workspace(where)
    options = Options(format_, zone, rounding_option(round_finer), read_mapping(mapping))
    with progress(enabled=not as_json) as report:
        answers = pipeline.receive(
            workspace,
            paths,
            sender=sender,
            zone=zone,
            options=options,
            correction=correction,
            reason=reason,
            corrects=corrects,
            master_mode=master_mode,
            accept_steps=accept_steps,
            as_of=now(),
            actor=actor,
            dry_run=dry_run,
            report=report,
        )
    if as_json:
        print_json([answer.as_dict() for answer in answers])
    else:
        table = Table("file", "what", "rows", "accepted", "repeated", "quarantined", "answer")
        for answer in answers:
            table.add_row(*map(shown, answer.cells()))
        out.print(table)
        for answer in answers:
            print_changes(answer.changes)
            show_findings(_worst_first(answer.findings), most=_SHOWN)
        if any(answer.quarantined or answer.refused for answer in answers) and not dry_run:
            talk.print("`gridtally quarantine list --open` says what to do about each row.")
    return 1 if any(answer.refused for answer in answers) else 0
