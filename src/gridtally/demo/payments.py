"""Before step 1: what customers paid of their last bill: most all of it, some late, some less."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from gridtally.demo.draw import Draw

__all__ = ["bank_file"]

_DUE = date(2026, 10, 24)


def bank_file(bills: Mapping[str, Decimal], *, seed: int, reference: str = "2026-09") -> bytes:
    """The bank's CSV `account,date,amount,reference` for the September bill of each account.

    `bills` has the bill's total [EUR] by account. Of 100 customers 88 pay in full and in time, five
    late, three a part, one twice, three nothing. The draw hangs on the account alone.
    """
    lines = ["account,date,amount,reference\n"]
    for account, total in sorted(bills.items()):
        if total <= 0:
            continue
        draw = Draw(seed, "payments", account)
        case, early = draw.between(0, 99), draw.between(0, 9)
        paid = [(_DUE - timedelta(early), total)]
        if case < 5:
            paid = [(_DUE + timedelta(1 + early), total)]
        elif case < 8:
            part = (total * draw.between(30, 80) / 100).quantize(Decimal("0.01"))
            paid = [(_DUE - timedelta(early), part)]
        elif case < 9:
            paid *= 2
        elif case < 12:
            paid = []
        lines += [f"{account},{day},{amount},{reference}\n" for day, amount in paid]
    return "".join(lines).encode()
