"""The door's verb on proofs: verify. Needs no workspace, no database, no network."""

from __future__ import annotations

from pathlib import Path

import click

from gridtally.cli.common import as_json, out, print_json, shown, talk
from gridtally.cli.readings import read_file
from gridtally.errors import UsageError


@click.command()
@click.argument("proof", type=click.Path(path_type=Path))
@click.option(
    "--key", required=True, help="The log's public key: NAME+KEYID+BASE64, or a file with it."
)
@click.option(
    "--published", type=click.Path(path_type=Path), help="Folder of heads that the log published."
)
@as_json
def verify(proof: Path, key: str, published: Path | None, as_json: bool) -> int:
    """Check a bill's PROOF offline, with nothing but the public key.

    Re-derives every line from the readings, carry and tariff in the file, with the second rater.
    Exit code 1 when something does not fit; it is named.
    """
    from gridtally.proof import verify as room
    from gridtally.rating import reference

    if published is not None and not published.is_dir():
        raise UsageError(
            f"--published: there is no folder {published}.",
            remedy="Name the folder in which the log publishes its heads.",
        )
    given = "+" in key and not Path(key[:255]).is_file()
    text = key if given else read_file(Path(key)).decode(errors="replace")
    heads = None
    if published is not None:
        files = sorted(published.glob("*.checkpoint"))
        heads = [read_file(file).decode(errors="replace") for file in files]
    answer = room.verify(
        room.load(read_file(proof)),
        text.strip(),
        rate_case=reference.rate_case,
        published=heads,
    )
    if as_json:
        print_json(answer)
    elif answer["ok"]:
        out.print(f"[green]Proved.[/green] {shown(answer['bill'])}", highlight=False)
        talk.print(
            "Every line follows from the readings and the tariff in the file, and the bill is "
            "under the signed head.",
            highlight=False,
        )
    else:
        out.print(f"[red]Not proved.[/red] {shown(answer['bill'])}", highlight=False)
        for row in answer["failures"]:
            out.print(
                f"  {shown(row['path'])}: expected {shown(row['expected'])}, "
                f"found {shown(row['found'])}",
                highlight=False,
            )
    return 0 if answer["ok"] else 1
