"""Between steps 7 and 8: bills of the period before that are not issued, held or excluded yet."""

from __future__ import annotations

from datetime import date

from gridtally import control
from gridtally.terms import BillState

__all__ = ["waiting_accounts"]

_OPEN = (BillState.DRAFT, BillState.RELEASED, BillState.HELD)


def waiting_accounts(start: date) -> dict[str, str]:
    """account -> its bill of a period that ends on `start` and that may still be issued."""
    rows = control.models.RunBill.objects.filter(
        run__period_to=start, state__in=[str(state) for state in _OPEN]
    )
    return dict(rows.order_by("bill").values_list("account", "bill"))
