"""The door's verb convert: readings of one format as a file of another, without a workspace."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from gridtally.cli.common import as_json, dry_run, now, print_json, show_findings, shown, talk
from gridtally.cli.readings import (
    FILE,
    mapping_option,
    read_file,
    read_mapping,
    refusal,
    rounding_option,
)
from gridtally.errors import RefusedFile, UsageError

__all__ = ["convert"]


@click.command()
@click.argument("file", type=FILE)
@click.option("--to", required=True, help="nem12, nem13, csv-long, csv-registers or parquet.")
@click.option("--out", type=FILE, help="File to write, a folder for parquet. Default: stdout.")
@click.option("--format", "format_", help="Read it as this format, whatever it looks like.")
@click.option("--zone", help="Zone of times without offset, such as Europe/Lisbon.")
@click.option("--round-finer", metavar="MODE", help="Round values finer than 10^-6 kWh.")
@mapping_option
@dry_run
@as_json
def convert(
    file: Path,
    to: str,
    out: Path | None,
    format_: str | None,
    zone: str | None,
    round_finer: str | None,
    mapping: Path | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write the readings of FILE in another format, and say what has no place in it.

    Exit code 1 when the file is refused, or when nothing of it can be written.
    """
    from gridtally.intake import convert as room
    from gridtally.intake.decode import decode

    if out is None and not dry_run and (as_json or to == "parquet"):
        raise UsageError("There is no place to write to.", remedy="Name one with --out.")
    empty = to == "parquet" and out is not None and out.is_dir() and not any(out.iterdir())
    if out is not None and out.exists() and not empty:
        raise UsageError(f"{out} is there already.", remedy="Name another file, or remove it.")
    document = read_mapping(mapping)
    try:
        decoded = decode(
            read_file(file), name=file.name, as_of=now(), format=format_, zone=zone,
            round_finer=rounding_option(round_finer), mapping=document,
        )  # fmt: skip
    except RefusedFile as err:
        if as_json:
            print_json({"schema": 1, "files": [], "findings": [refusal(err)]})
        else:
            talk.print(f"[red]Refused[/red] ({err.code}): {shown(err)}", highlight=False)
        return 1
    converted = room.convert(decoded, to, as_of=now())
    if not dry_run:
        written = _write(converted.files, out)
    else:
        written = [str(out) if out else name for name in converted.files]
    if as_json:
        columns = ("code", "severity", "message", "remedy", "count")
        findings = [{name: row[name] for name in columns} for row in converted.findings]
        print_json({"schema": 1, "files": written, "findings": findings})
    else:
        show_findings(converted.findings)
        said = "Would write" if dry_run else "Wrote"
        what = ", ".join(written) if written else "nothing"
        talk.print(f"{said} {shown(what)}.", highlight=False)
    return 0 if converted.files else 1


def _write(files: Mapping[str, bytes], out: Path | None) -> list[str]:
    """Write the files; a single one to stdout or to `out` itself, several into the folder `out`."""
    if out is None:
        for data in files.values():
            sys.stdout.write(data.decode())
        return ["to standard output"] if files else []
    if not any(name.endswith(".parquet") for name in files):
        for data in files.values():
            out.write_bytes(data)
        return [str(out)] if files else []
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)
    return [str(out / name) for name in files]
