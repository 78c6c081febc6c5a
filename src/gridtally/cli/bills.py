"""The door's verbs on bills: run, worklist, release, issue, explain, bill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gridtally.cli.common import (
    as_json,
    as_name,
    dry_run,
    now,
    out,
    parse_period,
    print_json,
    progress,
    shown,
    talk,
    workspace_option,
)
from gridtally.errors import UsageError
from gridtally.terms import STEPS

RUN = click.argument("run_id", metavar="RUN")


@click.command()
@click.argument("period")
@click.option("--only", metavar="STEP", help="Print what this step makes; nothing is kept.")
@click.option("--account", "accounts", multiple=True, help="Only this account; may be repeated.")
@click.option("--cycle", help="The accounts of a billing cycle; PERIOD is when its period begins.")
@click.option("--backfill", is_flag=True, help="A past billed elsewhere: into history, no audit.")
@click.option("--set", "given", multiple=True, metavar="RULE.NAME=N", help="An audit parameter.")
@click.option(
    "--threads",
    default=2,
    type=click.IntRange(min=1),
    show_default=True,
    help="Buckets worked on at once.",
)
@click.option("--fail-on-held", is_flag=True, help="Exit code 3 when bills are held.")
@workspace_option
@as_name
@dry_run
@as_json
def run(
    period: str,
    only: str | None,
    accounts: tuple[str, ...],
    cycle: str | None,
    backfill: bool,
    given: tuple[str, ...],
    threads: int,
    fail_on_held: bool,
    where: Path | None,
    actor: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bill PERIOD (2026-10, or 2026-10-01:2026-11-01): validate to audit, on one snapshot.

    The same inputs give the same bytes, on any number of threads; --dry-run gives them without
    effects. Held bills wait in the work list.
    """
    from gridtally import overview, pipeline, registry

    if only is not None and only not in STEPS[2:9]:
        raise UsageError(f"There is no step {only!r} in a run.", remedy=f"{', '.join(STEPS[2:9])}.")
    workspace, span = pipeline.open_workspace(where), parse_period(period)
    if cycle is not None:
        if accounts:
            raise UsageError("--cycle and --account exclude each other.", remedy="Give one.")
        span, mine = registry.of_cycle(
            workspace, cycle, span, seq=registry.known_on(workspace, None)
        )
        accounts = tuple(mine)
    with progress(enabled=not as_json) as report:
        outcome = pipeline.run(
            workspace,
            span,
            actor=actor,
            as_of=now(),
            purpose="backfill" if backfill else "billing",
            accounts=list(accounts) or None,
            parameters=dict(_parameter(text) for text in given),
            threads=threads,
            dry_run=dry_run or only is not None,
            report=report,
        )
    if only is not None:
        print_json(overview.step_rows(outcome, only))
        return 0
    summary = overview.summary(outcome)
    if as_json:
        print_json(summary)
    else:
        _print_run(summary)
    return 3 if fail_on_held and summary["states"].get("held") else 0


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: there is no value.", remedy="Write RULE.NAME=NUMBER.")
    return name, value


def _print_run(summary: dict[str, Any]) -> None:
    states = ", ".join(f"{count:,} {state}" for state, count in summary["states"].items())
    money = f" over {summary['total']} {summary['currency']}" if summary["bills"] else ""
    what = states or ("entered into history" if summary["bills"] else "nothing to bill")
    out.print(f"run {summary['run']}: {summary['bills']:,} bills{money}; {what}.", highlight=False)
    out.print(f"root {summary['root']}", highlight=False)
    if summary["states"].get("held"):
        talk.print(f"Next: gridtally worklist {summary['run']}", highlight=False)
    elif summary["states"].get("released"):
        talk.print(f"Next: gridtally release {summary['run']} --as COLLEAGUE", highlight=False)


@click.command()
@RUN
@click.option(
    "-n",
    "most",
    default=20,
    type=click.IntRange(min=1),
    show_default=True,
    help="How many bills.",
)
@workspace_option
@as_json
def worklist(run_id: str, most: int, where: Path | None, as_json: bool) -> int:
    """The held bills worth reading first, with reasons in words."""
    from gridtally import overview, pipeline
    from gridtally.closing import Closing

    closing = Closing.open(pipeline.open_workspace(where), run_id)
    work = overview.work_of(closing)
    if as_json:
        rows = [row for row in work.table.to_pylist() if row["listed"]][:most]
        print_json(
            {
                "schema": 1,
                "run": closing.run.id,
                "bills": rows_of(rows),
                "below_the_cut": {
                    "bills": work.below.bills,
                    "over": str(work.below.over),
                    "under": str(work.below.under),
                },
            }
        )
        return 0
    for text in work.rows(most):
        out.print(shown(text, lines=True), highlight=False)
        out.print()
    out.print(
        f"{len(work.held):,} bills on the list; below the cut {work.below.bills:,} bills with "
        f"{work.below.over} {work.currency} too much and {work.below.under} too little at risk.",
        highlight=False,
    )
    return 0


def rows_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as JSON: numbers and dates as text."""
    plain = (str, int, bool, list, dict, type(None))
    return [{k: v if isinstance(v, plain) else str(v) for k, v in row.items()} for row in rows]


@click.command()
@RUN
@click.argument("bills", nargs=-1)
@click.option("--hold", "action", flag_value="hold", help="Hold these bills instead.")
@click.option("--exclude", "action", flag_value="exclude", help="Exclude these bills instead.")
@click.option("--why", default="", help="The reason, kept with each decision.")
@click.option("--dry-run", is_flag=True, help="Print what would be signed; nothing is.")
@workspace_option
@as_name
@as_json
def release(
    run_id: str,
    bills: tuple[str, ...],
    action: str | None,
    why: str,
    dry_run: bool,
    where: Path | None,
    actor: str,
    as_json: bool,
) -> int:
    """Sign the list of released bills of RUN. With BILLS and --why: decide on these first.

    Who prepared the run cannot release it: name a colleague with --as.
    """
    from gridtally import pipeline
    from gridtally.closing import Closing
    from gridtally.subledger import approve

    if action is not None and not bills:
        raise UsageError("No bill is named.", remedy="Name them after RUN, as in the work list.")
    if dry_run and bills:
        raise UsageError(
            "--dry-run shows the list as it stands, before any decision.",
            remedy="Leave out the names of bills.",
        )
    closing = Closing.open(pipeline.open_workspace(where), run_id)
    if dry_run:
        would = closing.dry_release(actor=actor)
        if as_json:
            print_json({"schema": 1, "dry_run": True, **would})
        else:
            out.print(
                f"{would['bills']:,} bills would be signed; list {would['list_digest']}.",
                highlight=False,
            )
        return 0
    for bill in bills:
        approve.decide(closing.run.id, bill, action or "release", actor=actor, as_of=now(), why=why)
    if action is not None:
        if as_json:
            print_json({"schema": 1, "decided": dict.fromkeys(bills, action)})
        else:
            out.print(f"{len(bills)} bills: {action}.")
        return 0
    signed = closing.release(actor=actor, as_of=now())
    signer = closing.signer(signed)
    if as_json:
        print_json({"schema": 1, "release": signed, "signed_by": signer})
    else:
        out.print(f"release {signed}, signed by {shown(signer)}.", highlight=False)
        talk.print(f"Next: gridtally issue {signed}", highlight=False)
    return 0


@click.command()
@click.argument("release_id", metavar="RELEASE")
@click.option("--documents", default="none", help="Draw documents now: none, all, or a number.")
@click.option("--publish", type=click.Path(path_type=Path), help="Copy signed heads there too.")
@click.option("--dry-run", is_flag=True, help="Print how many would be issued; none is.")
@workspace_option
@as_name
@as_json
def issue(
    release_id: str,
    documents: str,
    publish: Path | None,
    dry_run: bool,
    where: Path | None,
    actor: str,
    as_json: bool,
) -> int:
    """Issue the bills of RELEASE, each exactly once: number, ledger, proof leaf, outbox.

    Again, or after a crash, it finishes what was begun and issues nothing twice.
    """
    from gridtally import closing, papers, pipeline

    limit = _documents(documents)
    workspace = pipeline.open_workspace(where)
    if dry_run:
        would = closing.dry_issue(workspace, release_id)
        if as_json:
            print_json({"schema": 1, "dry_run": True, **would})
        else:
            out.print(
                f"{would['would_issue']:,} bills would be issued, {would['already']:,} were issued "
                f"before, {would['left_out']:,} would be left out.",
                highlight=False,
            )
        return 0
    with progress(enabled=not as_json) as report:
        issued = closing.issue_release(
            workspace, release_id, actor=actor, as_of=now(), report=report
        )
        if limit != 0:
            papers.draw(workspace, actor=actor, as_of=now(), limit=limit, report=report)
    if publish is not None:
        papers.copy_heads(workspace, publish)
    if as_json:
        print_json(
            {
                "schema": 1,
                "release": issued.release,
                "issued": dict(issued.numbers),
                "already": issued.already,
                "checkpoint": issued.checkpoint,
                "findings": rows_of(issued.findings.to_pylist()),
            }
        )
        return 0
    out.print(
        f"{len(issued.numbers):,} bills issued, {issued.already:,} were issued before, "
        f"{issued.findings.num_rows:,} left out.",
        highlight=False,
    )
    for row in issued.findings.to_pylist()[:10]:
        talk.print(f"  {shown(row['bill'])}: {shown(row['message'])}", highlight=False)
    return 0


def _documents(text: str) -> int | None:
    """How many documents to draw, a page and a PDF per bill; None: all that wait."""
    if text == "all":
        return None
    if text == "none":
        return 0
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--documents {text[:40]!r}?", remedy="Say none, all, or a number.")
    return 2 * int(text)


@click.command()
@click.argument("bill_name", metavar="BILL")
@click.option("--against", metavar="OTHER", help="Explain the difference to this bill instead.")
@click.option(
    "--svg",
    "picture",
    metavar="OUT",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the difference as a waterfall, too.",
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option(
    "--depth",
    type=click.Choice(["lines", "days", "intervals"]),
    default="days",
    show_default=True,
    help="How far down; intervals are each with reading and quality.",
)
@workspace_option
@as_json
def explain(
    bill_name: str,
    depth: str,
    against: str | None,
    picture: Path | None,
    language: str,
    where: Path | None,
    as_json: bool,
) -> int:
    """Why BILL is what it is: from the total down to readings and prices.

    With --against: why it differs from OTHER, as effects that add up to the cent.
    """
    from gridtally import explaining, pipeline

    if picture is not None and against is None:
        raise UsageError("--svg draws a difference.", remedy="Say --against which bill.")
    workspace = pipeline.open_workspace(where)
    tree = explaining.tree(workspace, bill_name, depth="lines" if against else depth)
    if against is not None:
        tree = explaining.difference(tree, explaining.tree(workspace, against))
    if picture is not None:
        picture.write_text(explaining.picture(tree, language=language), encoding="utf-8")
    if as_json:
        print_json(tree)
    else:
        out.print(explaining.rendered(tree, language=language), soft_wrap=False)  # none is cut off
    for segment in tree.get("segments", ()):
        if not segment.get("readings_found", True):
            talk.print(
                f"The readings of {shown(segment['segment'])} are not those that were billed any "
                "more; its days are left out. `gridtally check` says what changed.",
                highlight=False,
            )
    return 0


@click.command()
@click.argument("number")
@click.option("-o", "folder", type=click.Path(path_type=Path), default=".", show_default=True)
@click.option("--without-person", is_flag=True, help="A proof that may be shown to others.")
@workspace_option
@as_name
def bill(number: str, folder: Path, without_person: bool, where: Path | None, actor: str) -> int:
    """Write an issued bill's PDF, web page and proof into a folder."""
    from gridtally import papers, pipeline

    workspace = pipeline.open_workspace(where)
    for path in papers.write_bill(workspace, number, folder, personal=not without_person):
        out.print(shown(path), highlight=False)
    return 0
