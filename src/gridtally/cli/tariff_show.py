"""The door's verb that draws a tariff: tariff show, on the terminal or as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from string import ascii_letters
from typing import Any

import click

from gridtally.cli.common import as_json, out, print_json, shown, talk
from gridtally.cli.readings import read_file
from gridtally.cli.tariff_shipped import badge_of, badge_text

_HALF_HOURS = 48


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--year", type=click.IntRange(1990, 2060), help="Only days of this year that it is in force."
)
@click.option(
    "--svg", "picture", metavar="OUT.svg", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the picture into this file instead.",
)  # fmt: skip
@as_json
def show(file: Path, year: int | None, picture: Path | None, as_json: bool) -> int:
    """What a tariff charges, hour by hour, as a picture: each component, and a kWh in all."""
    from gridtally.rating.show import show as data
    from gridtally.rating.tariff import load

    view = data(load(read_file(file), name=file.name), year=year)
    badge = badge_of(file, view)
    if picture:
        from gridtally.rating.show.picture import picture as draw

        picture.write_text(draw(view, badge=badge), encoding="utf-8")
        talk.print(f"Written: {shown(picture)}", highlight=False)
    if as_json:
        print_json(view | {"badge": badge})
    elif not picture:
        _print(view, badge)
    return 0


def _print(view: Mapping[str, Any], badge: str | None) -> None:
    from gridtally.rating.show.panels import in_words, varies
    from gridtally.rating.wording import name_of

    until = view["valid_to"] or "further notice"
    year = f", shown for {view['year']}" if view["year"] else ""
    title = name_of(view["title"], view["tariff"])
    out.print(
        f"[bold]{shown(title)}[/bold]  {shown(view['tariff'])}  {view['valid_from']} to {until}"
        f"{year}  {view['currency']}  {shown(view['zone'])}{badge_text(badge)}",
        highlight=False,
    )
    out.print(f"[dim]Source: {shown(view['source'])}[/dim]", highlight=False)
    if view["verified_by"]:
        out.print(f"[dim]Checked against: {shown(view['verified_by'])}[/dim]", highlight=False)
    if view["total"]:
        _total(view["total"])
    for part in view["components"]:
        if varies(part):
            name = shown(name_of(part["title"], part["id"]))
            words = shown(in_words(part, prices=False))
            out.print(f"\n[bold]{name}[/bold]  [dim]{words}[/dim]", highlight=False)
            _prices(part)
    rest = [part for part in view["components"] if not varies(part)]
    if rest:
        out.print()
    for part in rest:
        name = shown(name_of(part["title"], part["id"]))
        out.print(f"[bold]{name}[/bold]  {shown(in_words(part))}", highlight=False)
    for name, words in view["declared"]:
        out.print(f"[dim]{shown(name)}: {shown(words)}[/dim]", highlight=False)
    for words in view["assumptions"]:
        out.print(f"[dim]Assumed: {shown(words)}[/dim]", highlight=False)


def _total(total: Mapping[str, Any]) -> None:
    out.print(f"\n[bold]{total['text']}[/bold]  [dim]{total['unit']}[/dim]", highlight=False)
    out.print(f"  [dim]Included: {shown(', '.join(total['includes']))}.[/dim]", highlight=False)
    if total["excludes"]:
        said = "; ".join(f"{name} ({why})" for name, why in total["excludes"])
        out.print(f"  [dim]Not included: {shown(said)}.[/dim]", highlight=False)
    for remark in total["remarks"]:
        out.print(f"  [dim]{shown(remark)}[/dim]", highlight=False)
    _prices(total)


def _prices(part: Mapping[str, Any]) -> None:
    """The legend; then hours across in halves, and a row for months that are alike."""
    from gridtally.rating.show.panels import changes_with_time, prices_text
    from gridtally.rating.show.parts import shades

    styles = [_style(colour) for colour in shades(part)]
    for number, bucket in enumerate(part["buckets"]):
        name = bucket["bucket"] or "at all times"
        words = f"{shown(name)}  {shown(prices_text(bucket, part))}"
        out.print(f"  {_cell(number, styles)} {words}", highlight=False)
    if not changes_with_time(part):
        return
    rows = [(panel["days"], list(_rows(panel["rows"]))) for panel in part["panels"]]
    wide = max(len(label) for _, some in rows for label, _ in some)
    scale = "".join(f"{hour:<6d}" for hour in range(0, 24, 3))
    for days, some in rows:
        out.print(f"  [dim]{' ' * wide}  {scale}[/dim]  {days}", highlight=False)
        for label, runs in some:
            cells = "".join(_cell(bucket, styles) for bucket in _halves(runs))
            out.print(f"  {label:<{wide}}  {cells}", highlight=False)


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[list[int]]]]:
    """(label, runs) of months that are alike, one after the other."""
    from gridtally.rating.hours import between_text

    for runs, some in groupby(rows, key=lambda row: row["runs"]):
        days = list(some)
        words = between_text(days[0]["from"], days[-1]["to"]).replace(" to ", " - ")
        yield " ".join(word[:3] for word in words.split()), runs


def _halves(runs: Sequence[Sequence[int]]) -> list[int]:
    """The bucket of each half hour; -2 where there are several in it."""
    found = []
    for half in range(_HALF_HOURS):
        first, last = half * 30, half * 30 + 30
        inside = {bucket for start, end, bucket in runs if start < last and end > first}
        found.append(inside.pop() if len(inside) == 1 else -2)
    return found


def _style(colour: str) -> str:
    from gridtally.rating.show.drawing import ink_on

    return f"{ink_on(colour)} on {colour}"


def _cell(bucket: int, styles: Sequence[str]) -> str:
    """A half hour: the colour of its price, and a letter for whoever has no colours."""
    if bucket < 0:
        return "·" if bucket == -1 else "~"
    return f"[{styles[bucket]}]{ascii_letters[bucket % len(ascii_letters)]}[/]"
