"""The door's verbs on tariffs: tariff lint (its others in files of their own), rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from gridtally.cli.common import (
    as_json,
    now,
    out,
    parse_date,
    print_json,
    show_findings,
    shown,
    talk,
)
from gridtally.cli.readings import read_file, refusal, rounding_option
from gridtally.cli.tariff_diff import diff
from gridtally.cli.tariff_holidays import holidays
from gridtally.cli.tariff_shipped import copy, list_shipped
from gridtally.cli.tariff_show import show
from gridtally.cli.tariff_what_if import what_if
from gridtally.errors import InvalidDocument, RefusedFile, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from gridtally.market import Market
    from gridtally.quote.source import Source

FILE = click.Path(path_type=Path)


@click.group()
def tariff() -> None:
    """Check, show and compare tariff documents."""


tariff.add_command(show)
tariff.add_command(diff)
tariff.add_command(what_if)
tariff.add_command(holidays)
tariff.add_command(list_shipped)
tariff.add_command(copy)


@tariff.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@as_json
def lint(files: tuple[Path, ...], as_json: bool) -> int:
    """Every problem of tariff FILES at once, each with its place. Exit code 1 when refused.

    FILES are our TOML, or OCPI tariffs for charging sessions (JSON).
    """
    from gridtally.rating.lint import lint as look
    from gridtally.rating.sessions import looks_so
    from gridtally.rating.sessions.lint import lint as look_ocpi
    from gridtally.terms import Severity

    refused = False
    answers: list[dict[str, Any]] = []
    for file in files:
        data = read_file(file)
        problems = look_ocpi(data) if looks_so(data) else look(data)
        refused |= any(p.severity == Severity.HOLD for p in problems)
        rows = [
            {
                "code": p.code,
                "severity": str(p.severity),
                "file": file.name,
                "path": p.path,
                "message": p.message,
                "remedy": p.remedy,
            }
            for p in problems
        ]
        answers.append({"file": str(file), "findings": rows})
        if not as_json:
            word = "[red]refused[/red]" if any(r["severity"] == "hold" for r in rows) else "good"
            out.print(f"{shown(file)}: {word}", highlight=False)
            for p in problems:
                out.print(
                    f"  {p.severity!s:>5}  {shown(p.where)}: {shown(p.message)} "
                    f"[dim]{shown(p.remedy)}[/dim]",
                    highlight=False,
                )
    if as_json:
        print_json({"schema": 1, "ok": not refused, "files": answers})
    return 1 if refused else 0


@click.command()
@click.argument("tariff_file", metavar="TARIFF", type=FILE)
@click.argument("readings", type=FILE)
@click.option("--from", "from_", metavar="DATE", help="First local day; default: of the readings.")
@click.option("--to", metavar="DATE", help="Local day after the last.")
@click.option("--zone", help="Billing zone; default: the tariff's.")
@click.option("--rate", "key", help="Which rate, when TARIFF holds several URDB rates.")
@click.option("--format", "format_", help="Format of the readings; default: found from content.")
@click.option("--round-finer", metavar="MODE", help="Round values finer than 10^-6 kWh.")
@click.option(
    "--as-of", metavar="DATE", help="Rate as on this local day, for a planned year; default: now."
)
@as_json
@click.option("--second", is_flag=True, help="Let the second rater compute each bill again.")
@click.option("--prices", type=FILE, help="Prices by time: a CSV as price_series.csv.")
@click.option("--events", type=FILE, help="Events: a CSV as market_events.csv.")
@click.option(
    "--term",
    "terms",
    multiple=True,
    metavar="NAME=VALUE",
    help="What an agreement would state: a term of the tariff, contract_kw, capacity_kva.",
)
@click.option("--one-bill", is_flag=True, help="One bill of all days, not one per calendar month.")
def rate(
    tariff_file: Path,
    readings: Path,
    from_: str | None,
    to: str | None,
    zone: str | None,
    key: str | None,
    format_: str | None,
    round_finer: str | None,
    as_of: str | None,
    as_json: bool,
    prices: Path | None,
    events: Path | None,
    terms: tuple[str, ...],
    one_bill: bool,
    second: bool,
) -> int:
    """Rate READINGS under TARIFF (our TOML, or an OpenEI URDB rate), without a workspace.

    One bill per metering point and local calendar month. Readings after --as-of lie in the future
    and are set aside. A tariff with prices by time needs --prices, one with events --events
    (docs/master-data.md), one with terms a --term for each; contracted power and connected capacity
    are --term contract_kw=50 and capacity_kva=160. Under an OCPI tariff READINGS are
    charging sessions or CDRs, one bill each (docs/charging.md). Exit code 1 when a file is refused.
    """
    from gridtally.quote.rate import rate_readings
    from gridtally.quote.source import Source
    from gridtally.rating.sessions import looks_so, rate_sessions

    data = read_file(tariff_file)
    charging = looks_so(data)
    try:
        if charging:
            _only_readings(
                from_, to, format_, round_finer, as_of, *map(str, terms), one_bill, second,
                *map(str, filter(None, (prices, events))),
            )  # fmt: skip
            answer = rate_sessions(
                data, read_file(readings), tariff_name=tariff_file.name,
                sessions_name=readings.name, zone=zone, key=key,
            )  # fmt: skip
        else:
            answer = rate_readings(
                data,
                read_file(readings),
                tariff_name=tariff_file.name,
                readings_name=readings.name,
                as_of=parse_date(as_of, "--as-of") or now(),
                from_=parse_date(from_, "--from"),
                to=parse_date(to, "--to"),
                zone=zone,
                key=key,
                format=format_,
                round_finer=rounding_option(round_finer),
                market=_market(
                    Source.read(data, name=tariff_file.name, zone=zone, key=key), prices, events
                ),
                terms=_terms(terms),
                one_bill=one_bill,
                second=second,
            )
    except (RefusedFile, InvalidDocument) as err:
        if as_json:
            print_json({"schema": 1, "assumptions": [], "bills": [], "findings": [refusal(err)]})
        else:
            talk.print(f"[red]Refused[/red]: {shown(err, lines=True)}", highlight=False)
        return 1
    if as_json:
        print_json(answer)
    else:
        (_print_sessions if charging else _print_bills)(answer)
    return 0


def _market(source: Source, prices: Path | None, events: Path | None) -> Market:
    """What the files of prices and events say, in the units that the tariff reads them in."""
    from gridtally.market import NO_MARKET
    from gridtally.outside import delivered, market_of, require_units

    if source.document is None and prices is not None:
        raise UsageError(
            "--prices are for tariff documents: a rate of the database states its own.",
            remedy="Leave them out.",
        )
    tables: dict[str, pa.Table] = {}
    for table, path in (("price_series", prices), ("market_events", events)):
        if path is not None:
            tables |= delivered(table, read_file(path), file=path.name)
    if not tables:
        return NO_MARKET
    require_units(source.version(frozenset(("import",)), 3600), tables)
    return market_of(tables, bounds=(-(2**60), 2**60))


def _terms(texts: tuple[str, ...]) -> dict[str, str]:
    """Each term once."""
    found: dict[str, str] = {}
    for name, value in map(_term, texts):
        if name in found:
            raise UsageError(f"--term {name} is given twice.", remedy="Give each term once.")
        found[name] = value
    return found


def _term(text: str) -> tuple[str, str]:
    """`persons=5` as name and decimal."""
    from gridtally.intake.fields import decimal, tariff_word
    from gridtally.money import number

    name, _, value = text.partition("=")
    try:
        return tariff_word(name), number(decimal(value))
    except ValueError as err:
        raise UsageError(f"--term {text[:60]!r} {err}.", remedy="Write --term persons=5.") from err


def _only_readings(*given: str | bool | None) -> None:
    """Options that mean nothing for charging sessions."""
    if any(given):
        raise UsageError(
            "--from, --to, --format, --round-finer, --as-of, --term, --one-bill, --prices, "
            "--events and --second are for readings.",
            remedy="Leave them out: under an OCPI tariff each session is rated as it is told, and "
            "twice in any case.",
        )


def _print_sessions(answer: dict[str, Any]) -> None:
    for bill in answer["bills"]:
        money = bill["currency"]
        parts = [f"ex VAT {bill['total_ex_vat'] or 'not known'} {money}"]
        parts += [f"VAT {bill['total_vat']}"] if bill["total_vat"] else []
        out.print(
            f"[bold]{shown(bill['session'])}[/bold]  {bill['from']} to {bill['to']}  "
            f"{', '.join(parts)}, to pay [bold]{bill['total']} {money}[/bold]",
            highlight=False,
        )
        table = Table(show_edge=False, box=None, padding=(0, 2))
        for name in ("component", "bucket", "quantity", "unit", "price", "VAT %", "amount"):
            right = name in ("quantity", "price", "VAT %", "amount")
            table.add_column(
                name, justify="right" if right else "left", style="dim" if name == "unit" else ""
            )
        for line in bill["lines"]:
            row = line | {"VAT %": line["vat"] or ""}
            table.add_row(*(shown(str(row[str(column.header)])) for column in table.columns))
        out.print(table)
    for text in answer["assumptions"]:
        talk.print(f"Assumed: {shown(text)}", highlight=False)
    show_findings(answer["findings"])


def _money(text: str, currency: str) -> str:
    """An amount with at least the decimals of its currency."""
    from gridtally.money import minor_digits

    whole, _, parts = text.partition(".")
    parts = parts.ljust(minor_digits(currency), "0")
    return f"{whole}.{parts}" if parts else whole


def _print_bills(answer: dict[str, Any]) -> None:
    for bill in answer["bills"]:
        out.print(
            f"[bold]{shown(bill['metering_point'])}[/bold]  {bill['from']} to {bill['to']}  "
            f"[bold]{_money(bill['total'], bill['currency'])} {bill['currency']}[/bold]",
            highlight=False,
        )
        table = Table(show_edge=False, box=None, padding=(0, 2))
        factor = ("factor",) if any(line["factor"] != "1" for line in bill["lines"]) else ()
        for name in ("component", "bucket", "quantity", "unit", "price", *factor, "amount"):
            right = name in ("quantity", "price", "factor", "amount")
            table.add_column(
                name, justify="right" if right else "left", style="dim" if name == "unit" else ""
            )
        for line in bill["lines"]:
            shown_line = line | {"amount": _money(line["amount"], bill["currency"])}
            table.add_row(*(str(shown_line[str(column.header)]) for column in table.columns))
        out.print(table)
    if again := answer.get("second"):
        talk.print(
            f"Second rater: {again['bills']} bills computed again by other code, "
            f"{again['differ']} differ.",
            highlight=False,
        )
    for text in answer["assumptions"]:
        talk.print(f"Assumed: {shown(text)}", highlight=False)
    show_findings(answer["findings"])
