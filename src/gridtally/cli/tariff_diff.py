"""The door's verb that compares two versions of a tariff: tariff diff."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import click

from gridtally.cli.common import as_json, out, print_json, shown, talk
from gridtally.cli.readings import read_file
from gridtally.cli.tariff_shipped import badge_of, badge_text

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@as_json
def diff(old: Path, new: Path, as_json: bool) -> int:
    """Two versions of a tariff in words: every change from OLD to NEW.

    Hours are compared by what they are, not by how the rules are written. A number that moves by
    more than 50 % is marked. Exit code 1 when the documents say different things.
    """
    from gridtally.rating.diff import diff as compare

    answer = compare(read_file(old), read_file(new), names=(old.name, new.name))
    for word, file in (("old", old), ("new", new)):
        answer[word]["badge"] = badge_of(file, answer[word])
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    return 0 if answer["equal"] else 1


def _print(answer: dict[str, Any]) -> None:
    for word in ("old", "new"):
        head = answer[word]
        until = head["valid_to"] or "further notice"
        out.print(
            f"{word}  [bold]{shown(head['title'])}[/bold]  {shown(head['tariff'])}  "
            f"{head['valid_from']} to {until}  {head['currency']}  "
            f"[dim]{shown(head['file'])}[/dim]{badge_text(head['badge'])}",
            highlight=False,
        )
    relation = answer["relation"]
    colour = "yellow" if relation["kind"] in ("gap", "overlap", "before") else "dim"
    out.print(f"[{colour}]{shown(relation['text'])}[/{colour}]", highlight=False)
    if answer["equal"]:
        layout = "" if answer["same_bytes"] else " Only their layout or comments differ."
        out.print(f"\nNothing changes: both documents say the same.{layout}", highlight=False)
        return
    for group, changes in groupby(answer["changes"], key=lambda change: change["group"]):
        out.print(f"\n[bold]{shown(group)}[/bold]", highlight=False)
        for change in changes:
            mark = "[black on yellow] ! [/]" if change["suspicious"] else "   "
            sign = {"added": "[green]+[/]", "removed": "[red]-[/]"}.get(change["kind"], "·")
            out.print(f"{mark}{sign} {shown(change['text'])}", highlight=False)
    count = len(answer["changes"])
    talk.print(f"\n{count} change{'s' if count != 1 else ''}.", highlight=False)
    if answer["suspicious"]:
        talk.print(
            f"[yellow]{answer['suspicious']} marked with !: by more than 50 %, or another unit. "
            "Were cents taken for euros?[/yellow]",
            highlight=False,
        )
