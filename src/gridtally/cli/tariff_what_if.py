"""The door's verb tariff what-if: the whole base under another tariff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    out,
    parse_date,
    print_json,
    progress,
    shown,
    talk,
    workspace_option,
)
from gridtally.errors import UsageError

if TYPE_CHECKING:
    from gridtally.periods import Period

__all__ = ["what_if"]

FILE = click.Path(path_type=Path, dir_okay=False)
Row = Mapping[str, Any]


@click.command("what-if")
@click.argument("file", metavar="TARIFF", type=FILE)
@workspace_option
@click.option(
    "--tariff", "tariffs", metavar="ID", multiple=True,
    help="Bills under this tariff; may be repeated. Default: the document's own id; all of its "
    "currency when no bill has that.",
)  # fmt: skip
@click.option("--segment", "segments", metavar="NAME", multiple=True,
              help="Accounts of this customer segment; may be repeated.")  # fmt: skip
@click.option("--from", "from_", metavar="MONTH",
              help="First month or day. Default: a year before the last bill ends.")  # fmt: skip
@click.option("--to", metavar="MONTH", help="Month or day after the last.")
@click.option("--run", "runs", metavar="RUN", multiple=True,
              help="Bills of this sealed run, issued or not; may be repeated.")  # fmt: skip
@click.option("--from-readings", is_flag=True,
              help="Determine anew, from the stored readings, what was not stored.")  # fmt: skip
@click.option("--html", type=FILE, help="Write the report with charts: one file, no scripts.")
@click.option("--svg", type=FILE, help="Write the charts alone.")
@click.option("--csv", "csv_", type=FILE, help="Write a row per account, by month.")
@as_json
def what_if(
    file: Path,
    where: Path | None,
    tariffs: tuple[str, ...],
    segments: tuple[str, ...],
    from_: str | None,
    to: str | None,
    runs: tuple[str, ...],
    from_readings: bool,
    html: Path | None,
    svg: Path | None,
    csv_: Path | None,
    as_json: bool,
) -> int:
    """Every bill of a year under TARIFF, beside what was billed: who wins, who loses, revenue.

    Rated from the determinants that runs stored; where they do not suffice, it says so. Nothing is
    written into the workspace. Exit code 1 when no bill could be rated.
    """
    from gridtally import pipeline
    from gridtally.cli.readings import read_file
    from gridtally.rating.tariff import load
    from gridtally.what_if import sums
    from gridtally.what_if.compare import Question, compare

    question = Question(
        load(read_file(file), name=file.name), tariffs, segments, _range(from_, to), runs,
        from_readings,
    )  # fmt: skip
    ws = pipeline.open_workspace(where)
    with progress(not as_json) as report:
        compared = compare(ws, question, report=report)
    accounts = sums.accounts_of(compared)
    answer = sums.summary(compared, accounts)
    _write(answer, html, svg)
    if csv_:
        from pyarrow import csv

        csv.write_csv(sums.accounts_table(compared, accounts), csv_)
    if as_json:
        print_json(answer)
    else:
        _say(answer)
    for path in (html, svg, csv_):
        if path and not as_json:
            talk.print(f"Written: {shown(path)}", highlight=False)
    return 0 if answer["bill_segments"]["rated"] else 1


def _write(answer: Row, html: Path | None, svg: Path | None) -> None:
    from gridtally.delivery import what_if as page

    if html:
        html.write_text(page.render(answer), encoding="utf-8")
    if svg:
        svg.write_text(page.charts(answer), encoding="utf-8")


def _range(from_: str | None, to: str | None) -> Period | None:
    from gridtally.periods import Period

    if (from_ is None) != (to is None):
        raise UsageError(
            "--from and --to belong together.", remedy="For a year: --from 2025-11 --to 2026-11."
        )
    if from_ is None or to is None:
        return None
    return Period(_day(from_, "--from"), _day(to, "--to"))


def _day(text: str, name: str) -> date:
    """`2026-10` is its first day."""
    day = parse_date(f"{text}-01" if text.count("-") == 1 else text, name)
    assert day is not None
    return day


# ------------------------------------------------------------------- printing


def _say(answer: Row) -> None:
    tariff, currency = answer["tariff"], answer["tariff"]["currency"]
    count, bills = answer["accounts"], answer["bill_segments"]
    out.print(
        f"[bold]{shown(tariff['id'])}[/bold] instead of "
        f"{shown(', '.join(answer['compared_with']))}, {answer['from']} to {answer['to']}",
        highlight=False,
    )
    out.print(
        f"{bills['rated']:,} of {bills['chosen']:,} bill segments rated, of "
        f"{count['compared']:,} of {count['chosen']:,} accounts",
        highlight=False,
    )
    if bills["rated"]:
        out.print(
            f"\nRevenue {answer['old']} -> {answer['new']} {currency}: "
            f"[bold]{_signed(answer)}[/bold]",
            highlight=False,
        )
        for word, side in (("pay less", "winners"), ("pay more", "losers")):
            part = answer[side]
            out.print(f"{part['accounts']:>9,} {word}, {part['amount']} together", highlight=False)
        out.print(f"{answer['unchanged']:>9,} pay the same\n", highlight=False)
        _distribution(answer["quantiles"])
        _groups("customer segment", answer["by_segment"])
        _groups("consumption, tenth", answer["by_tenth"])
        _split("shown as", answer["revenue"]["by_kind"])
    _not_rated(answer["not_rated"])
    _left_out(bills)
    for text in answer["assumptions"]:
        talk.print(f"Assumed: {shown(text)}", highlight=False)


def _signed(row: Row) -> str:
    amount, percent = _change(row)
    return f"{amount} ({percent} %)" if percent else amount


def _change(row: Row) -> tuple[str, str]:
    """Amount and percentage, with their sign."""
    plus = "" if row["difference"].startswith("-") else "+"
    return plus + row["difference"], plus + row["percent"] if row["percent"] is not None else ""


def _distribution(quantiles: Sequence[Row]) -> None:
    table = _table("of the accounts", "have at most this difference")
    for row in quantiles:
        table.add_row(f"{row['percent']} %", row["difference"])
    out.print(table)
    out.print()


def _groups(title: str, rows: Sequence[Row]) -> None:
    table = _table(
        title, "accounts", "pay less", "pay more", "old", "new", "difference", "%", "median"
    )
    for row in rows:
        table.add_row(
            shown(row["name"] or "(none)"), f"{row['accounts']:,}",
            f"{row['winners']['accounts']:,}", f"{row['losers']['accounts']:,}", row["old"],
            row["new"], *_change(row), row["median"],
        )  # fmt: skip
    out.print(table)
    out.print()


def _split(title: str, rows: Sequence[Row]) -> None:
    table = _table(title, "old", "new", "difference", "%")
    for row in rows:
        table.add_row(shown(row["name"]), row["old"], row["new"], *_change(row))
    out.print(table)


def _table(first: str, *others: str) -> Table:
    table = Table(show_edge=False, box=None, padding=(0, 2))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _not_rated(rows: Sequence[Row]) -> None:
    if rows:
        talk.print("\n[bold]Not rated[/bold]", highlight=False)
    for row in rows:
        talk.print(
            f"{row['bill_segments']:>9,} bill segments of {row['accounts']:,} accounts, billed "
            f"{row['billed']}: [dim]{shown(row['code'])}[/dim] {shown(row['message'])} "
            f"[dim]{shown(row['remedy'])}[/dim]",
            highlight=False,
        )


def _left_out(bills: Row) -> None:
    said = {
        "partly_in_range": "lie in the range in part only, and are left out",
        "without_amount": "have no amount, and are left out",
        "determined_again": "were determined anew from readings",
    }
    for key, words in said.items():
        if bills[key]:
            talk.print(f"{bills[key]:>9,} bill segments {words}.", highlight=False)
