"""Step 10: the ledger. An entry moves an amount above zero from one account to another.

Amounts are integers of the currency's smallest unit. `receivable` is what customers owe; what
they pay comes to `bank`. Nothing is edited: a correction is another entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q, Sum

from gridtally import control
from gridtally.control.database import in_chunks, insert
from gridtally.errors import Conflict, UsageError
from gridtally.money import minor_digits

__all__ = [
    "BANK", "OPENING", "RECEIVABLE", "Move", "Statement", "adjust", "balances", "entries_of", "pay",
    "split", "statements",
]  # fmt: skip

RECEIVABLE, BANK = "receivable", "bank"
OPENING = "opening.balance"
"""Ledger account of what customers owed when the workspace took over: `adjust` books it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A customer's account before a new bill [smallest unit]; payments and credits below zero.

    `previous` stood after the last bill, `payments` and `adjustments` came since.
    """

    previous: int = 0
    payments: int = 0
    adjustments: int = 0

    def after(self, total: int) -> Statement:
        """The state after a bill of that total."""
        return Statement(self.previous + self.payments + self.adjustments + total)

    def amounts(self, currency: str) -> dict[str, Decimal]:
        """The values for the bill record [currency]."""
        places = -minor_digits(currency)
        return {name: Decimal(getattr(self, name)).scaleb(places) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Move:
    """A payment or an adjustment: `amount` [smallest unit] above zero lowers what is owed."""

    key: str
    account: str
    amount: int
    posted: date
    memo: str = ""


def split(amounts: Mapping[str, Decimal], *, total: int, currency: str) -> dict[str, int]:
    """Exact amounts by ledger code as smallest units that sum to `total`.

    Largest remainder; equal ones go to the code that comes first. Raises `ValueError` when the
    amounts do not sum to `total`.
    """
    digits = minor_digits(currency)
    if sum(amounts.values(), Decimal(0)).scaleb(digits) != total:
        raise ValueError("the parts do not sum to the total")
    exact = {code: amount.scaleb(digits) for code, amount in sorted(amounts.items())}
    parts = {code: int(value // 1) - (value % 1 < 0) for code, value in exact.items()}
    rest = total - sum(parts.values())
    by_remainder = sorted(exact, key=lambda code: (parts[code] - exact[code], code))
    for code in by_remainder[:rest]:
        parts[code] += 1
    return parts


def entries_of(parts: Mapping[str, int]) -> list[dict[str, Any]]:
    """The sides of a bill's entries: receivable against each code; below zero they are swapped."""
    rows = []
    for line, (code, amount) in enumerate((c, a) for c, a in sorted(parts.items()) if a):
        debit, credit = (RECEIVABLE, code) if amount > 0 else (code, RECEIVABLE)
        rows.append(
            {
                "line": line, "kind": "bill", "debit_id": debit, "credit_id": credit,
                "amount": abs(amount),
            }
        )  # fmt: skip
    return rows


def open_accounts(codes: Iterable[str]) -> None:
    """Make sure that these accounts of the ledger are there, inside the caller's transaction."""
    models = control.models
    have = set(models.LedgerAccount.objects.values_list("code", flat=True))
    insert(models.LedgerAccount, [{"code": code} for code in sorted(set(codes) - have)])


def pay(moves: Sequence[Move], *, currency: str, actor: str, as_of: int) -> int:
    """Book payments from the bank; give how many were new.

    The same key again with the same content changes nothing; with other content it is a
    `Conflict`, and nothing of the call is booked.
    """
    return _book(moves, "payment", BANK, currency=currency, actor=actor, as_of=as_of)


def adjust(moves: Sequence[Move], *, code: str, currency: str, actor: str, as_of: int) -> int:
    """Book adjustments against a ledger account; as `pay`, and below zero raises what is owed."""
    return _book(moves, "adjustment", code, currency=currency, actor=actor, as_of=as_of)


def _book(
    moves: Sequence[Move], kind: str, code: str, *, currency: str, actor: str, as_of: int
) -> int:
    models = control.models
    if any(move.amount == 0 or (kind == "payment" and move.amount < 0) for move in moves):
        raise UsageError("A payment is above zero, and an adjustment is not zero.")
    with control.database.atomic():
        open_accounts([RECEIVABLE, code])
        names = [f"{kind}:{move.key}" for move in moves]
        known = _known(names)
        fresh: dict[str, dict[str, Any]] = {}
        for name, move in zip(names, moves, strict=True):
            sides = (code, RECEIVABLE) if move.amount > 0 else (RECEIVABLE, code)
            row = {
                "transaction": name, "line": 0, "kind": kind, "debit_id": sides[0],
                "credit_id": sides[1], "amount": abs(move.amount), "currency": currency,
                "account": move.account, "posted": move.posted, "memo": move.memo,
            }  # fmt: skip
            if name not in known:
                fresh[name] = known[name] = row
            elif known[name] != row:
                raise Conflict(
                    f"A {kind} with the key {move.key} and other content is booked already.",
                    remedy="Give a new key if this is another one.",
                )
        insert(models.Entry, fresh.values())
        models.Event.objects.create(
            at=as_of, actor=actor, what=f"{kind}.booked", subject=f"{len(fresh)} entries"
        )
    return len(fresh)


_BODY = (
    "transaction", "line", "kind", "debit_id", "credit_id", "amount", "currency", "account",
    "posted", "memo",
)  # fmt: skip


def _known(transactions: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is booked under these names already."""
    entries = control.models.Entry.objects.filter(line=0)
    return {
        row["transaction"]: row
        for part in in_chunks(transactions)
        for row in entries.filter(transaction__in=part).values(*_BODY)
    }


def balances(accounts: Sequence[str] | None = None) -> dict[str, int]:
    """What each customer owes [smallest unit]; below zero is a credit. None means all."""
    result: dict[str, int] = {}
    for rows in _entries(accounts):
        for account, amount in _owed(rows).items():
            result[account] = result.get(account, 0) + amount
    return result


def statements(accounts: Sequence[str]) -> dict[str, Statement]:
    """The state of each customer's account before a new bill. Who has no entry has zeros."""
    result: dict[str, Statement] = {}
    for rows in _entries(accounts):
        bills = rows.filter(kind="bill").values("account").annotate(last=Max("id"))
        last = {row["account"]: row["last"] for row in bills}
        parts: dict[str, dict[str, int]] = {}
        for account, debit, credit, amount, kind, key in rows.values_list(
            "account", "debit_id", "credit_id", "amount", "kind", "id"
        ):
            part = parts.setdefault(account, {"previous": 0, "payment": 0, "adjustment": 0})
            before = key <= last.get(account, 0) or OPENING in (debit, credit)
            name = "previous" if before else kind
            part[name] += amount if debit == RECEIVABLE else -amount
        for account, part in parts.items():
            result[account] = Statement(part["previous"], part["payment"], part["adjustment"])
    return {account: result.get(account, Statement()) for account in accounts}


def _entries(accounts: Sequence[str] | None) -> Iterator[Any]:
    """Queries of the entries that touch what these customers owe, some accounts at a time."""
    touching = Q(debit_id=RECEIVABLE) | Q(credit_id=RECEIVABLE)
    every = control.models.Entry.objects.filter(touching)
    if accounts is None:
        yield every
        return
    for part in in_chunks(accounts):
        yield every.filter(account__in=part)


def _owed(rows: Any) -> dict[str, int]:
    sums: dict[str, int] = {}
    for side, sign in (("debit_id", 1), ("credit_id", -1)):
        part = rows.filter(**{side: RECEIVABLE}).values_list("account").annotate(Sum("amount"))
        for account, amount in part:
            sums[account] = sums.get(account, 0) + sign * amount
    return sums
