"""Between steps 7 and 9: what earlier runs left open, and what is issued already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gridtally import control
from gridtally.control.database import in_chunks
from gridtally.terms import BillState

__all__ = ["issued_numbers", "waiting_accounts"]

_OPEN = (BillState.DRAFT, BillState.RELEASED, BillState.HELD)


def waiting_accounts(start: date) -> dict[str, str]:
    """account -> its bill of a period that ends on `start` and that may still be issued."""
    rows = control.models.RunBill.objects.filter(
        run__period_to=start, state__in=[str(state) for state in _OPEN]
    )
    return dict(rows.order_by("bill").values_list("account", "bill"))


def issued_numbers(bills: Sequence[str]) -> dict[str, str]:
    """bill -> its number, of those that are issued."""
    found: dict[str, str] = {}
    for part in in_chunks(bills):
        rows = control.models.IssuedBill.objects.filter(bill__in=part)
        found |= dict(rows.order_by("pk").values_list("bill", "number"))
    return found
