"""The store: a bill by its number, or by its name account/from/to."""

from __future__ import annotations

from typing import Any

from gridtally import control
from gridtally.errors import NotFound

__all__ = ["bill_or_draft", "issued_bill", "no_bill"]


def issued_bill(name: str) -> Any:
    """The issued bill of a number, or the last one of a name; None: there is none."""
    bills = control.models.IssuedBill.objects
    return bills.filter(number=name).first() or bills.filter(bill=name).order_by("pk").last()


def bill_or_draft(name: str) -> tuple[str, str] | None:
    """(run, bill) of an issued bill, else of the last run that has a draft of that name."""
    row = issued_bill(name)
    if row is None:
        drafts = control.models.RunBill.objects.filter(bill=name)
        row = drafts.order_by("run__recorded", "pk").last()
    return None if row is None else (row.run_id, row.bill)


def no_bill(name: str, *, issued: bool = False) -> NotFound:
    """What is said when there is none."""
    return NotFound(
        f"There is no {'issued ' if issued else ''}bill {name[:80]!r}.",
        remedy="Give a bill's number, or its account/from/to as in the work list.",
    )
