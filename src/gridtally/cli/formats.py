"""The door's verb formats: what decode knows, each explained, and a mapping file to start from."""

from __future__ import annotations

import difflib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click
from rich.table import Table

from gridtally.cli.common import as_json, out, print_json, talk
from gridtally.errors import NotFound, UsageError

__all__ = ["formats"]

MAPPING = "mapping"
_SECTION = re.compile(r"^## `([a-z0-9-]+)`(.*?)(?=^## |\Z)", re.M | re.S)
_EXAMPLE = re.compile(r"^```[a-z]+\n(.*?)^```", re.M | re.S)


@click.command()
@click.argument("name", required=False)
@as_json
def formats(name: str | None, as_json: bool) -> int:
    """List the formats that decode knows; with NAME, explain one: columns, rules, an example.

    `formats mapping` prints a mapping file with every key explained, to be changed for a utility's
    own CSV (decode --mapping, receive --mapping).
    """
    from gridtally.intake.formats import FORMATS

    if name == MAPPING:
        return _mapping(as_json=as_json)
    if name is not None:
        return _explain(name, as_json=as_json)
    if as_json:
        print_json([{"name": f.name, "sentence": f.sentence} for f in FORMATS.values()])
        return 0
    table = Table("format", "what it is", show_edge=False)
    for known in FORMATS.values():
        table.add_row(known.name, known.sentence)
    out.print(table)
    talk.print(
        "`gridtally formats NAME` explains one; `gridtally formats mapping` begins a mapping file.",
        highlight=False,
    )
    return 0


def _explain(name: str, *, as_json: bool) -> int:
    """The section of docs/formats.md about one format."""
    from gridtally.intake.formats import FORMATS

    known = FORMATS.get(name)
    if known is None:
        near = difflib.get_close_matches(name, [*FORMATS, MAPPING], n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(FORMATS)}."
        raise UsageError(f"There is no format named {name[:40]!r}.", remedy=hint)
    text = _sections().get(name, "")
    if as_json:
        example = _EXAMPLE.search(text)
        print_json(
            {
                "name": known.name,
                "sentence": known.sentence,
                "example": example[1] if example else "",
                "page": text,
            }
        )
        return 0
    out.print(f"{known.sentence}\n\n{text}", markup=False, highlight=False)
    return 0


def _mapping(*, as_json: bool) -> int:
    """The example of a mapping file, as it is on docs/mapping.md."""
    text = (files("gridtally.intake") / "mappings" / "example.toml").read_text(encoding="utf-8")
    if as_json:
        print_json({"name": MAPPING, "example": text})
    else:
        click.echo(text, nl=False)
        talk.print("docs/mapping.md explains each key.", highlight=False)
    return 0


def _sections() -> dict[str, str]:
    """What docs/formats.md says, by name of the format."""
    page = _page().read_text(encoding="utf-8")
    return {name: f"{name}{rest}".strip() + "\n" for name, rest in _SECTION.findall(page)}


def _page() -> Traversable:
    """The page: inside an installed package, or in the folder of a checkout."""
    beside = files("gridtally") / "pages" / "formats.md"
    for page in (beside, Path(__file__).parents[3] / "docs" / "formats.md"):
        if page.is_file():
            return page
    raise NotFound("The page about formats is not installed.", remedy="Install gridtally again.")
