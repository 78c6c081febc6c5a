"""The door's verb that draws a tariff: tariff show."""

from __future__ import annotations

from pathlib import Path
from string import ascii_letters
from typing import Any

import click

from gridtally.cli.common import as_json, out, print_json, shown
from gridtally.cli.readings import read_file

SHADES = ("white on blue", "black on bright_yellow", "white on red", "black on green",
          "black on cyan", "white on magenta")  # fmt: skip
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def show(file: Path, as_json: bool) -> int:
    """What a tariff charges, hour by hour, as a picture."""
    from gridtally.rating.show import show as data
    from gridtally.rating.tariff import load

    view = data(load(read_file(file), name=file.name))
    if as_json:
        print_json(view)
        return 0
    validity = f"{view['valid_from']} to {view.get('valid_to') or 'further notice'}"
    title = view["title"]["en"] if isinstance(view["title"], dict) else view["title"]
    out.print(f"[bold]{shown(title)}[/bold]  {view['tariff']}  {validity}", highlight=False)
    for part in view["components"]:
        name = part["title"]["en"] if isinstance(part["title"], dict) else part["title"]
        out.print(f"\n[bold]{shown(name)}[/bold]  [dim]{shown(part['text'])}[/dim]")
        if len(part.get("buckets", ())) > 1:
            _picture(part)
    return 0


def _picture(part: dict[str, Any]) -> None:
    """Months down, hours across; a line for Mondays, and one for Sundays where they differ."""
    for number, bucket in enumerate(part["buckets"]):
        prices = ", ".join(
            (f"to {step['upto']}: " if step["upto"] else "") + str(step["price"])
            for step in bucket["tiers"]
        )
        out.print(f"  {_cell(number)} {shown(bucket['bucket'])}  {prices}")
    out.print("           " + "".join(f"{hour:<6d}" for hour in range(0, 24, 3)), highlight=False)
    for month, days in enumerate(part["grid"]):
        for label, row in (("Mon", days[0]), ("Sun", days[6])):
            if label == "Sun" and row == days[0]:
                continue
            out.print(f"  {MONTHS[month]} {label}  {''.join(map(_cell, row))}", highlight=False)


def _cell(bucket: int) -> str:
    """An hour of a bucket: a colour, and a letter for whoever has none."""
    if bucket < 0:
        return "··"
    return f"[{SHADES[bucket % len(SHADES)]}]{ascii_letters[bucket % len(ascii_letters)]} [/]"
