"""Step 10 before the first bill: open items, deposits and history of another system, at once.

One transaction: all of an opening is there, or nothing of it. The same opening again changes
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError

from gridtally import control
from gridtally.control.database import in_chunks, insert
from gridtally.errors import Conflict
from gridtally.money import to_minor
from gridtally.store import history
from gridtally.subledger.post import OPENING, RECEIVABLE, open_accounts

__all__ = ["DEPOSIT", "billed", "take_over", "taken"]

DEPOSIT = "deposit"
"""Ledger account of money that is held for customers."""


def taken(digest: str) -> bool:
    """Whether an opening of that digest was taken over."""
    return bool(control.models.Opening.objects.filter(digest=digest).exists())


def billed(agreements: Sequence[str]) -> set[str]:
    """Of these agreements, the ones that have an issued bill here: their opening comes too late."""
    segments = control.models.IssuedSegment.objects
    return {
        name
        for part in in_chunks(agreements)
        for name in segments.filter(agreement__in=part).values_list("agreement", flat=True)
    }


def take_over(
    *,
    digest: str,
    items: Iterable[Mapping[str, Any]],
    deposits: Iterable[Mapping[str, Any]],
    bills: Mapping[str, Any] | None,
    summary: str,
    currency: str,
    actor: str,
    as_of: int,
) -> bool:
    """Book an opening; False when the same one was taken over before.

    `items` rows of OPEN_ITEMS, `deposits` of DEPOSITS, `bills` the manifest line of the history's
    file (`store.history.write`). Raises `Conflict` when something of it is booked already.
    """
    models = control.models
    rows = [_item(row, currency) for row in items if row["amount"]]
    rows += [_deposit(row, currency) for row in deposits]
    try:
        with control.database.atomic():
            if taken(digest):
                return False
            open_accounts([RECEIVABLE, OPENING, DEPOSIT])
            insert(models.Entry, rows)
            if bills is not None:
                history.publish(bills)
            models.Opening.objects.create(
                digest=digest, recorded=as_of, actor=actor, entries=len(rows), summary=summary
            )
            models.Event.objects.create(
                at=as_of, actor=actor, what="opening.taken", subject=digest, detail=summary
            )
    except IntegrityError as err:
        raise Conflict(
            "Something of this opening is booked already, by another opening.",
            remedy="Deliver only what is new: each account and reference once.",
        ) from err
    return True


def _item(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """What is owed is receivable; a credit the other way round."""
    sides = (RECEIVABLE, OPENING) if row["amount"] > 0 else (OPENING, RECEIVABLE)
    where = {name: row[name] for name in ("service_from", "service_to", "due")}
    return _entry("item", row, sides, currency) | where


def _deposit(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return _entry("deposit", row, (OPENING, DEPOSIT), currency)


def _entry(
    what: str, row: Mapping[str, Any], sides: tuple[str, str], currency: str
) -> dict[str, Any]:
    key = hashlib.sha256("\0".join((what, row["account"], row["reference"])).encode()).hexdigest()
    return {
        "transaction": f"opening:{key[:32]}", "line": 0,
        "kind": "adjustment", "debit_id": sides[0], "credit_id": sides[1],
        "amount": abs(to_minor(Decimal(row["amount"]), currency)), "currency": currency,
        "account": row["account"], "posted": row["posted"], "memo": row["reference"],
        "service_from": None, "service_to": None, "due": None,
    }  # fmt: skip
