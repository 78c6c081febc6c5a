"""The door's verbs on plans: rebills plan, approve, plans."""

from __future__ import annotations

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
from gridtally.periods import iso_utc

__all__ = ["approve", "plan", "plans", "print_bills"]

_BECAUSE = {"own": "its own readings or prices", "carry": "what it took over", "past": "estimates"}


@click.command()
@click.option(
    "--tariff",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The version that days already billed should have had.",
)
@workspace_option
@as_name
@as_json
def plan(tariff: Path, where: Path | None, actor: str, as_json: bool) -> int:
    """What a tariff version would change on billed days, kept for two others to approve.

    Nothing else changes; the same again is the same plan. Exit code 1 when a bill cannot be made
    anew.
    """
    from gridtally import planning

    made = planning.plan(
        open_workspace(where), tariff.read_bytes(), name=tariff.name, actor=actor, as_of=now()
    )
    if as_json:
        print_json(made)
    else:
        _print_plan(made, tariff.name)
    return 1 if made.get("findings") else 0


def _print_plan(made: dict[str, Any], name: str) -> None:
    if made["plan"] is None:
        out.print("No bill was made for the days of this version, so it needs no plan.")
        talk.print(f"Next: gridtally receive {shown(name)}", highlight=False)
        return
    print_bills(made)
    if made["elsewhere"]:
        talk.print(
            f"{len(made['elsewhere'])} bills of these days were not issued here, and have no "
            "delta: correct them where they were issued.",
            highlight=False,
        )
    known = "" if made["new"] else f", made before by {shown(made['by'])}"
    out.print(f"Plan {made['plan']} for {shown(made['tariff'])}{known}", highlight=False)
    nobody = ", ".join(dict.fromkeys([made["by"], *(one["actor"] for one in made["approvals"])]))
    if made["missing"]:
        talk.print(
            f"Nothing else was changed. Next: {_people(made['missing'])} other than "
            f"{shown(nobody)}: gridtally rebills approve {made['plan']} --why TEXT --as NAME",
            highlight=False,
        )
    else:
        talk.print(f"It is approved. Next: gridtally receive {shown(name)}", highlight=False)


def _people(count: int) -> str:
    return "one person" if count == 1 else f"{count} people"


@click.command()
@click.argument("plan")
@click.option("--why", required=True, help="Why the bills of these days should change.")
@workspace_option
@as_name
def approve(plan: str, why: str, where: Path | None, actor: str) -> int:
    """Approve PLAN; two people have to, and not who made it."""
    from gridtally.store import plans as stored

    kept = stored.approve(open_workspace(where), plan, why=why, actor=actor, as_of=now())
    out.print(f"{shown(actor)} approved the plan {kept.id}.", highlight=False)
    talk.print(
        f"It waits for {_people(kept.missing)} more."
        if kept.missing
        else "Next: receive the same file again; it is then in force on its days, and a rebill of "
        "each of these bills is proposed.",
        highlight=False,
    )
    return 0


@click.command()
@workspace_option
@as_json
def plans(where: Path | None, as_json: bool) -> int:
    """Every plan: who made and approved it, when, why, and where it stands."""
    from gridtally import planning
    from gridtally.store import plans as stored

    rows = [planning.as_dict(one) for one in stored.plans(open_workspace(where))]
    if as_json:
        print_json({"schema": 1, "plans": rows})
        return 0
    for row in rows:
        row["made"] = f"{row['by']}, {iso_utc(row['at'])}"
        row["approved"] = "; ".join(
            f"{one['actor']}, {iso_utc(one['at'])}: {one['why']}" for one in row["approvals"]
        )
        if row["state"] == "waiting":
            row["state"] = f"waiting for {row['missing']}"
    print_rows(rows, ("id", "tariff", "state", "made", "approved"))
    talk.print(f"{len(rows)} plans.", highlight=False)
    return 0


def print_bills(found: dict[str, Any]) -> None:
    """Bills of a correction before and after, why, sums by currency, what has no delta."""
    rows = [
        {
            "bill": bill["number"], "service": " to ".join(bill["service"].values()),
            "issued": bill["total"]["before"], "now": bill["total"]["after"] or "",
            "difference": bill["total"]["delta"] or "",
            "because of": ", ".join(_BECAUSE[cause] for cause in _causes(bill)),
        }
        for bill in found["bills"]
    ]  # fmt: skip
    if rows:
        print_rows(rows, ("bill", "service", "issued", "now", "difference", "because of"))
    for bill in found["bills"]:
        if bill.get("why"):
            out.print(shown(f"{bill['number']}: {bill['why']['words']['en']}"), highlight=False)
    for currency, amount in found["delta"].items():
        out.print(f"{len(rows)} bills, difference {amount} {currency}", highlight=False)
    for row in found["findings"]:
        talk.print(f"{shown(row['message'])} {shown(row['remedy'])}", highlight=False)


def _causes(bill: dict[str, Any]) -> list[str]:
    return [cause for cause in _BECAUSE if any(cause in one["causes"] for one in bill["segments"])]
