"""The door's verbs on tariffs that come with Gridtally: tariff list, tariff copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import as_json, out, print_json, shown, talk
from gridtally.errors import UsageError

if TYPE_CHECKING:
    from gridtally.rating.shipped import Shipped


_CODE = Path(__file__).parents[1]


def badge_of(file: Path, view: Mapping[str, Any]) -> str | None:
    """`unverified` or `checked in part`; what lies in Gridtally's folder is one or names a check.

    `view` has `badge` and `verified_by` of the document in the file.
    """
    bare = not view["verified_by"] and _CODE in file.resolve().parents
    return view["badge"] or ("unverified" if bare else None)


def badge_text(badge: str | None) -> str:
    """As it stands beside a title."""
    return f"  [white on red] {badge} [/]" if badge else ""


@click.command("list")
@as_json
def list_shipped(as_json: bool) -> int:
    """The tariffs that come with Gridtally: validity, title, what each was checked against.

    `tariff copy NAME` writes one into a file.
    """
    from gridtally.rating.shipped import shipped

    rows = [_row(one) for one in shipped()]
    if as_json:
        print_json({"schema": 1, "tariffs": rows})
        return 0
    table = Table(show_edge=False, box=None, padding=(0, 2, 0, 0))
    for column in ("name", "until", "title", "checked"):
        table.add_column(column, no_wrap=column in ("name", "until"))
    for row in rows:
        checked = f"[bold red]{shown(row['mark'])}[/]" if row["mark"] else "yes"
        table.add_row(shown(row["name"]), row["valid_to"] or "open", shown(row["title"]), checked)
    out.print(table)
    talk.print("--json says the source of each and the example that it was checked against.")
    return 0


@click.command()
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help="Default: NAME.toml.")
def copy(name: str, to: Path | None) -> int:
    """Write the shipped tariff NAME (or the newest of that id) into a file, to change and receive.

    A file that is there already stays as it is.
    """
    from gridtally.rating.shipped import find, mark

    one = find(name)
    target = to or Path(f"{one.name}.toml")
    try:
        with target.open("xb") as file:
            file.write(one.data)
    except OSError as err:
        there = isinstance(err, FileExistsError)
        why = "is there already" if there else f"cannot be written: {err.strerror}"
        raise UsageError(f"{target} {why}.", remedy="Name another file with --to.") from err
    talk.print(f"Written: {shown(target)}", highlight=False)
    if said := mark(one.version.assumptions):
        talk.print(f"[bold red]{shown(said)}[/]  {shown(one.version.source)}", highlight=False)
    return 0


def _row(one: Shipped) -> dict[str, Any]:
    from gridtally.rating.shipped import mark
    from gridtally.rating.wording import name_of

    version = one.version
    said = mark(version.assumptions)
    return {
        "name": one.name,
        "id": version.id,
        "country": one.country,
        "valid_from": str(version.valid_from),
        "valid_to": None if version.valid_to is None else str(version.valid_to),
        "title": name_of(version.title, version.id),
        "verified": said is None,
        "mark": said,
        "verified_by": version.verified_by,
        "source": version.source,
        "assumptions": list(version.assumptions),
    }
