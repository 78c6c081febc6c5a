"""For the doors: one bill of a sealed run as a tree, two bills as a difference."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from gridtally import control
from gridtally.closing import Closing
from gridtally.errors import NotFound
from gridtally.rating import difference as two
from gridtally.rating import explain as one
from gridtally.store.workspace import Workspace

__all__ = ["difference", "rendered", "tree"]


def tree(ws: Workspace, name: str) -> dict[str, Any]:
    """A bill by number or by account/from/to: total, segments, spans, lines, readings, prices.

    An issued one is explained by the run that it was issued from, a draft by the latest run.
    Raises `NotFound`.
    """
    closing, bill = _find(ws, name)
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
        tariffs=closing.prepared.tariffs,
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
    """How the first bill comes from the second, residual zero."""
    return two.difference(before, after)


def rendered(value: dict[str, Any]) -> Any:
    """What `tree` or `difference` gave, for a terminal."""
    return one.render(value) if "segments" in value else _steps(value)


def _steps(value: dict[str, Any]) -> Table:
    """A difference as a table: each row adds up from before to after."""
    names = ("before", "days", "quantity", "price", "other", "after")
    table = Table(title=f"{value['before']} -> {value['after']} [{value['currency']}]")
    table.add_column("component")
    for name in names:
        table.add_column(name, justify="right")
    for part in value["components"]:
        table.add_row(part["component"], *(part[name] for name in names))
    table.add_section()
    table.add_row("total", *(value["total"][name] for name in names), style="bold")
    return table
