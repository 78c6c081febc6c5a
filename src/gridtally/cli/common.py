"""What the verbs of the command line share: the clock, the console, options, printing."""

from __future__ import annotations

import getpass
import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gridtally.errors import UsageError
from gridtally.periods import Period
from gridtally.plain import clean

__all__ = [
    "as_json", "as_name", "clean", "dry_run", "now", "out", "parse_date", "parse_period",
    "print_json", "progress", "show_findings", "shown", "talk", "workspace_option",
]  # fmt: skip

_PIPED = 120
"""Columns where no terminal says how many: tables keep their cells whole."""
out = Console(soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else _PIPED)
"""Data for people, on stdout."""
talk = Console(stderr=True, soft_wrap=True, emoji=False)
"""Everything said beside the data."""

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
dry_run = click.option("--dry-run", is_flag=True, help="The same bytes without effects.")
as_name = click.option(
    "--as",
    "actor",
    metavar="NAME",
    default=None,
    help="Who does this; goes into the trail. Default: the user's login name.",
    callback=lambda _ctx, _param, value: _person(_login() if value is None else value),
)
workspace_option = click.option(
    "-w",
    "--workspace",
    "where",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The workspace; default: this folder, or the nearest above it that is one.",
)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as err:  # a container without a list of users
        raise UsageError(
            "The system has no name for who works here.", remedy="Give one with --as NAME."
        ) from err


_YEARS = range(1990, 2060)
"""Years of which the rules of time zones are looked up (see `periods`)."""


def shown(text: object, *, lines: bool = False) -> str:
    """`clean`, and nothing in it is read as colours."""
    return escape(clean(text, lines=lines))


def _person(text: str) -> str:
    """A name as it is kept: one spelling, no blanks around it, nothing that cannot be seen."""
    name = unicodedata.normalize("NFC", text).strip()
    unseen = any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name)
    if not name or unseen or len(name) > 100:
        raise UsageError(
            f"--as: {text[:40]!r} is not a person's name.",
            remedy="Write up to 100 letters, digits, marks and blanks.",
        )
    return name


def now() -> int:
    """The clock, read here and nowhere inside. [UTC seconds]"""
    return int(time.time())


def parse_date(text: str | None, name: str) -> date | None:
    """A date as YYYY-MM-DD."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a date has no zone
    except ValueError as err:
        raise UsageError(
            f"{name}: {text[:40]!r} is not a date.", remedy="Write it as 2026-10-31."
        ) from err


def parse_period(text: str) -> Period:
    """`2026-10` for a month, or `2026-10-01:2026-11-01` (the end is not part of it)."""
    first, colon, last = text.partition(":")
    if colon:
        start, end = parse_date(first, "PERIOD"), parse_date(last, "PERIOD")
        assert start is not None
        assert end is not None
    else:
        start = end = parse_date(f"{text}-01", "PERIOD")
        assert start is not None
        assert end is not None
    for day in (start, end):
        if day.year not in _YEARS and (not colon or day != date(_YEARS.stop, 1, 1)):
            raise UsageError(
                f"PERIOD: the year {day.year} is not one that can be billed.",
                remedy=f"Years from {_YEARS.start} to {_YEARS.stop - 1} can be.",
            )
    return Period(start, end) if colon else Period.month(start.year, start.month)


def print_json(value: object) -> None:
    """One JSON document on stdout, numbers as they are, never as floats."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


@contextmanager
def progress(enabled: bool = True) -> Iterator[Callable[[str, int, int], None]]:
    """A progress line per step on a terminal, a plain line per step elsewhere.

    Yields `report(step, done, total)`.
    """
    if not enabled:
        yield lambda _step, _done, _total: None
        return
    if not talk.is_terminal:
        seen: set[str] = set()

        def plain(step: str, done: int, total: int) -> None:
            if step not in seen:
                seen.add(step)
                talk.print(f"  {step} …", highlight=False)

        yield plain
        return
    bars: dict[str, Any] = {}
    columns = (TextColumn("  {task.description:<34}"), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=talk, transient=False) as display:

        def report(step: str, done: int, total: int) -> None:
            if step not in bars:
                bars[step] = display.add_task(step, total=total)
            display.update(bars[step], completed=done, total=total)

        yield report


def _on_a_line(text: object) -> str:
    """A message of several lines as one, so that what a file says makes no line of its own."""
    return shown(" ".join(line.strip() for line in str(text).split("\n")))


def show_findings(findings: Sequence[Mapping[str, Any]], *, most: int = 20) -> None:
    """Findings on stderr, a line each: what is wrong and its remedy, with its file or its bill."""
    colours = {"hold": "red", "warn": "yellow", "note": "dim"}
    for row in findings[:most]:
        where = f"{row.get('file') or ''}{':' + str(row['line']) if row.get('line') else ''}"
        if not where and "from" in row and row["metering_point"]:
            days = f" {row['from']} to {row['to']}" if row["from"] else ""
            where = f"{row['metering_point']}{days}:"
        colour = colours[row["severity"]]
        talk.print(
            f"[{colour}]{row['severity']:>5}[/{colour}] {shown(where)} "
            f"[dim]{shown(row['code'])}[/dim] {_on_a_line(row['message'])} "
            f"[dim]{_on_a_line(row['remedy'])}[/dim]",
            highlight=False,
        )
    if len(findings) > most:
        talk.print(f"      … and {len(findings) - most} more; --json lists all.", highlight=False)
