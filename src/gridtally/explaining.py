"""For the doors: one bill of a sealed run as a tree, two bills as a difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table

from gridtally.closing import Closing
from gridtally.errors import UsageError
from gridtally.metering.cases import input_digest
from gridtally.prepare import Prepared, again, cases
from gridtally.rating import explain as one
from gridtally.rating.explain import difference as two
from gridtally.rating.explain.effects import EFFECTS
from gridtally.rating.explain.readings import deepened
from gridtally.rating.explain.render import render, shown, word
from gridtally.rating.explain.waterfall import waterfall
from gridtally.rating.explain.words import LABELS, money
from gridtally.store.named import bill_or_draft, no_bill
from gridtally.store.runs import RunFolder
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
    bills = closing.run.read("bills", columns=["bill", "account"])
    accounts = bills.filter(pc.equal(bills["bill"], bill))["account"].to_pylist()
    return again(closing.workspace, closing.run, accounts=accounts, snap=closing.snap)


def _deep(
    closing: Closing, told: dict[str, Any], prepared: Prepared, *, intervals: bool
) -> dict[str, Any]:
    """With what its readings say now; a segment whose readings are others than then says so."""
    names = [segment["segment"] for segment in told["segments"]]
    made = cases(prepared, names)
    sealed = _some(closing.run, "segments", "segment", names).to_pylist()
    digests = {row["segment"]: row["input_digest"] for row in sealed}
    same = {name: case for name, case in made.items() if input_digest(case) == digests[name]}
    deep = deepened(
        told, cases=same, tariffs=prepared.tariffs, market=prepared.market, intervals=intervals
    )
    for segment in deep["segments"]:
        segment["readings_found"] = segment["segment"] in same
    return deep


def _tree(closing: Closing, bill: str, prepared: Prepared) -> dict[str, Any]:
    run = closing.run
    segments = _some(run, "segments", "bill", [bill])
    names = segments["segment"].to_pylist()
    of = {name: _some(run, name, "segment", names) for name in _BY_SEGMENT}
    return one.explain(
        bill,
        bills=_some(run, "bills", "bill", [bill]),
        segments=segments,
        carry_in=_some(run, "carry_in", "agreement", segments["agreement"].to_pylist()),
        carry_out=of.pop("carry"),
        tariffs=prepared.tariffs,
        estimates=_some(run, "estimates", "metering_point", segments["metering_point"].to_pylist()),
        **of,
    )


_BY_SEGMENT = ("spans", "lines", "determinants", "used", "carry")


def _some(run: RunFolder, name: str, column: str, values: Sequence[str]) -> pa.Table:
    """The rows of a run's table that are about these: of a town's, those of one bill."""
    table = run.read(name)
    return table.filter(pc.is_in(table[column], pa.array(values, pa.string())))


def _find(ws: Workspace, name: str) -> tuple[Closing, str]:
    found = bill_or_draft(name)
    if found is not None:
        return Closing.open(ws, found[0]), found[1]
    for done in sorted((ws.path / "runs").glob("*-*/DONE"), reverse=True):
        closing = Closing.open(ws, done.parent.name)
        if name in closing.run.read("bills", columns=["bill"])["bill"].to_pylist():
            return closing, name
    raise no_bill(name)


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
    return Group(shown(value["words"][language]), "", _steps(value, language))


def picture(value: dict[str, Any], *, language: str = "en") -> str:
    """A difference as an SVG."""
    return waterfall(value, language=language)


def _steps(value: dict[str, Any], language: str) -> Table:
    """A difference as a table: each row adds up from before to after; columns of zeros are left
    out."""
    labels, currency = LABELS[language], value["currency"] or ""
    rows = [*value["components"], value["total"]]
    moved = [name for name in EFFECTS if any(row[name] != "0" for row in rows)]
    names = f"{value['before']} -> {value['after']} [{currency}]"
    table = Table(title=shown(names), box=SIMPLE)
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
