"""For the doors: one bill of a sealed run as a tree, two bills as a difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow.compute as pc
from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table

from gridtally import control
from gridtally.closing import Closing
from gridtally.errors import NotFound, UsageError
from gridtally.metering import thresholds
from gridtally.metering.cases import input_digest
from gridtally.prepare import Prepared, again, cases, prepare
from gridtally.rating import explain as one
from gridtally.rating.explain import difference as two
from gridtally.rating.explain.effects import EFFECTS
from gridtally.rating.explain.readings import deepened
from gridtally.rating.explain.render import render, word
from gridtally.rating.explain.waterfall import waterfall
from gridtally.rating.explain.words import LABELS, money
from gridtally.store.workspace import Workspace

__all__ = ["difference", "picture", "rendered", "tree"]


def tree(ws: Workspace, name: str, *, depth: str = "lines") -> dict[str, Any]:
    """A bill by number or by account/from/to: total, segments, spans, lines, readings, prices.

    An issued one is explained by the run that it was issued from, a draft by the latest run.
    `depth` days or intervals: with the readings of that run under each quantity. Raises `NotFound`.
    """
    closing, bill = _find(ws, name)
    prepared = _prepared(closing, bill)
    told = _tree(closing, bill, prepared)
    if depth == "lines":
        return told
    return _deep(closing, told, prepared, intervals=depth == "intervals")


def _prepared(closing: Closing, bill: str) -> Prepared:
    """What the run saw of the one account: nothing else is looked at."""
    info = closing.run.info
    bills = closing.run.read("bills", columns=["bill", "account"])
    accounts = bills.filter(pc.equal(bills["bill"], bill))["account"].to_pylist()
    prepared = prepare(closing.workspace, closing.period, accounts=accounts, snap=closing.snap)
    prepared = again(prepared, info)
    if "validation" in info:
        prepared = replace(prepared, thresholds=thresholds.of_dict(info["validation"]))
    return prepared


def _deep(
    closing: Closing, told: dict[str, Any], prepared: Prepared, *, intervals: bool
) -> dict[str, Any]:
    """With what its readings say now; a segment whose readings are others than then says so."""
    made = cases(prepared, [segment["segment"] for segment in told["segments"]])
    sealed = closing.run.read("segments", columns=["segment", "input_digest"]).to_pylist()
    digests = {row["segment"]: row["input_digest"] for row in sealed}
    same = {name: case for name, case in made.items() if input_digest(case) == digests[name]}
    deep = deepened(
        told, cases=same, tariffs=prepared.tariffs, market=prepared.market, intervals=intervals
    )
    for segment in deep["segments"]:
        segment["readings_found"] = segment["segment"] in same
    return deep


def _tree(closing: Closing, bill: str, prepared: Prepared) -> dict[str, Any]:
    read = closing.run.read
    return one.explain(
        bill,
        bills=read("bills"),
        segments=read("segments"),
        spans=read("spans"),
        lines=read("lines"),
        determinants=read("determinants"),
        used=read("used"),
        carry_in=read("carry_in"),
        carry_out=read("carry"),
        tariffs=prepared.tariffs,
        estimates=read("estimates"),
    )


def _find(ws: Workspace, name: str) -> tuple[Closing, str]:
    issued = control.models.IssuedBill.objects
    row = issued.filter(number=name).first() or issued.filter(bill=name).order_by("pk").last()
    if row is None:
        drafts = control.models.RunBill.objects.filter(bill=name)
        row = drafts.order_by("run__recorded", "pk").last()
    if row is not None:
        return Closing.open(ws, row.run_id), row.bill
    for folder in sorted((ws.path / "runs").glob("*-*"), reverse=True):
        closing = Closing.open(ws, folder.name)
        if name in closing.run.read("bills", columns=["bill"])["bill"].to_pylist():
            return closing, name
    raise NotFound(
        f"There is no bill {name[:80]!r}.",
        remedy="Give a bill's number, or its account/from/to as in the work list.",
    )


def difference(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """How the first bill comes from the second, residual zero. Raises `UsageError`."""
    if after["currency"] != before["currency"] or None in (after["total"], before["total"]):
        raise UsageError(
            f"{after['bill']} and {before['bill']} cannot be compared: one of them is held, or "
            "they are in different currencies.",
            remedy="Compare two bills with a total in one currency.",
        )
    return two.difference(before, after)


def rendered(value: dict[str, Any], *, language: str = "en") -> Any:
    """What `tree` or `difference` gave, for a terminal."""
    if "segments" in value:
        return render(value, language=language)
    return Group(value["words"][language], "", _steps(value, language))


def picture(value: dict[str, Any], *, language: str = "en") -> str:
    """A difference as an SVG."""
    return waterfall(value, language=language)


def _steps(value: dict[str, Any], language: str) -> Table:
    """A difference as a table: each row adds up from before to after; columns of zeros are left
    out."""
    labels, currency = LABELS[language], value["currency"] or ""
    rows = [*value["components"], value["total"]]
    moved = [name for name in EFFECTS if any(row[name] != "0" for row in rows)]
    table = Table(title=f"{value['before']} -> {value['after']} [{currency}]", box=SIMPLE)
    table.add_column(labels["component"])
    for name in ("before", *moved, "after"):
        table.add_column(labels[name], justify="right")
    for row in rows:
        if row is not value["total"] and not any(
            row[n] != "0" for n in ("before", "after", *moved)
        ):
            continue
        if row is value["total"]:
            table.add_section()
        title = labels["total"] if row is value["total"] else word(row["title"], language)
        cells = [
            money(row[name], currency) if name in ("before", "after")
            else "" if row[name] == "0" else money(row[name], currency, signed=True)
            for name in ("before", *moved, "after")
        ]  # fmt: skip
        table.add_row(title, *cells, style="bold" if row is value["total"] else None)
    return table
