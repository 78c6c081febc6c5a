"""The door's verbs on past bills: recompute, rebills (plans are in `rebill_plans`)."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from gridtally.cli.common import (
    as_json,
    as_name,
    now,
    out,
    print_json,
    shown,
    talk,
    workspace_option,
)
from gridtally.cli.known import open_workspace, print_rows
from gridtally.cli.rebill_plans import approve, plan, plans, print_bills
from gridtally.money import MICRO, number
from gridtally.periods import iso_utc


@click.command()
@click.argument("bill")
@click.option("--now", "today", is_flag=True, help="From today's readings, all else as then.")
@workspace_option
@as_json
def recompute(bill: str, today: bool, where: Path | None, as_json: bool) -> int:
    """Make BILL (number, or account/from/to) again from what was known when it was made.

    Exit code 1 when inputs or total differ from what was sealed.
    """
    from gridtally import recomputing

    again = recomputing.recompute(open_workspace(where), bill, now=today)
    if as_json:
        print_json({"schema": 1} | again.as_dict())
        return 0 if again.same else 1
    said = again.as_dict()
    rows = [
        {
            "segment": row["segment"], "sealed": row["total"], "again": row["total_again"],
            "inputs": "same" if row["input_digest"] == row["input_digest_again"] else "other",
        }
        for row in said["segments"]
    ]  # fmt: skip
    print_rows(rows, ("segment", "sealed", "again", "inputs"))
    verdict = "[green]the same[/green]" if again.same else "[red]DIFFERS[/red]"
    out.print(f"{shown(again.bill)}: {said['total']}, again {said['again']}: {verdict}")
    return 0 if again.same else 1


@click.group()
def rebills() -> None:
    """Proposals to rebill: what came after a bill was issued. They change nothing."""


for _verb in (plan, approve, plans):
    rebills.add_command(_verb)


@rebills.command("list")
@click.option("--all", "every", is_flag=True, help="The closed ones too.")
@workspace_option
@as_json
def list_rebills(every: bool, where: Path | None, as_json: bool) -> int:
    """The open proposals."""
    from dataclasses import asdict

    from gridtally.store.rebills import proposals

    open_workspace(where)
    rows = [asdict(one) for one in proposals(open_only=not every)]
    if as_json:
        print_json({"schema": 1, "proposals": rows})
        return 0
    for row in rows:
        row["arrived"] = iso_utc(row["at"])
    print_rows(rows, ("id", "number", "segment", "file", "arrived", "state", "by", "why"))
    talk.print(f"{len(rows)} proposals. What one would change: gridtally rebills show BILL")
    return 0


@rebills.command("show")
@click.argument("bill")
@workspace_option
@as_json
def show_rebill(bill: str, where: Path | None, as_json: bool) -> int:
    """What was proposed would change on BILL: energy and money, today's less those billed."""
    from gridtally import recomputing

    found = recomputing.difference(open_workspace(where), bill)
    if as_json:
        print_json(found)
        return 0
    names = {"segment": "segment", "import_ukwh": "import kWh", "export_ukwh": "export kWh",
             "estimated_ukwh": "estimated kWh", "difference": "amount"}  # fmt: skip
    rows = [
        {
            label: number(Decimal(row[name]) / MICRO) if name.endswith("ukwh") else row[name]
            for name, label in names.items()
            if name in row
        }
        for row in found["segments"]
    ]
    print_rows([dict.fromkeys(names.values()) | row for row in rows], names.values())
    out.print(
        f"{shown(found['number'])}: billed {found['billed']}, with what is known today "
        f"{found['now']}, difference {found['difference']}",
        highlight=False,
    )
    talk.print(
        f"Nothing was changed. Line by line, and what later bills take over: "
        f"gridtally rebills delta {found['number']}",
        highlight=False,
    )
    return 0


@rebills.command("delta")
@click.argument("bills", nargs=-1)
@click.option(
    "--tariff",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="As if this document had been in force on its days.",
)
@click.option("--master", is_flag=True, help="With today's master data, too.")
@click.option("-o", "folder", type=click.Path(path_type=Path), help="A file per bill, too.")
@workspace_option
@as_json
def delta(
    bills: tuple[str, ...],
    tariff: Path | None,
    master: bool,
    folder: Path | None,
    where: Path | None,
    as_json: bool,
) -> int:
    """What correcting BILLS would change, later bills that build on them included, to the cent.

    Without BILLS: all for which a rebill is proposed. Nothing is changed. Exit code 1 when a bill
    cannot be made anew.
    """
    from gridtally import correcting

    document = tariff.read_bytes() if tariff is not None else None
    found = correcting.corrections(open_workspace(where), bills, document=document, master=master)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for bill in found["bills"]:
            text = json.dumps({"schema": 1} | bill, ensure_ascii=False, indent=1, sort_keys=True)
            (folder / f"{bill['number']}.delta.json").write_text(f"{text}\n", encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        _print_delta(found)
    return 1 if found["findings"] else 0


def _print_delta(found: dict[str, Any]) -> None:
    if not found["bills"]:
        why = (
            "no issued bill is under that tariff on its days"
            if found["documents"]
            else ("no rebill is proposed")
        )
        out.print(f"There is nothing to correct: {why}.")
        return
    print_bills(found)
    talk.print("Nothing was changed.")


@rebills.command("close")
@click.argument("proposal", type=int)
@click.option("--why", required=True, help="What became of it.")
@workspace_option
@as_name
def close_rebill(proposal: int, why: str, where: Path | None, actor: str) -> int:
    """Say what became of PROPOSAL; it is then no longer open."""
    from gridtally.store.rebills import close

    open_workspace(where)
    close(proposal, why=why, actor=actor, as_of=now())
    out.print(f"Proposal {proposal} is closed.")
    return 0
