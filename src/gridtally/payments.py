"""Step 1 for payments: a list of `account,date,amount,reference`; the same row changes nothing."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from typing import Any

from gridtally.errors import RefusedFile
from gridtally.money import parse_decimal, to_minor
from gridtally.store.master import newest_master
from gridtally.store.snapshot import master, snapshot
from gridtally.store.workspace import Workspace
from gridtally.subledger.post import Move, pay
from gridtally.tables import finding
from gridtally.terms import Severity

__all__ = ["HEADER", "book"]

_COLUMNS = ("account", "date", "amount", "reference")
HEADER = ",".join(_COLUMNS).encode()
"""First line of a list of payments."""


def book(
    ws: Workspace, data: bytes, *, file: str, as_of: int, actor: str, dry_run: bool
) -> dict[str, Any]:
    """Book a list of payments; give rows, accepted, repeated, quarantined, findings.

    Raises `RefusedFile` with the line that is no payment: nothing is booked then.
    """
    moves = []
    for line, text in enumerate(data.splitlines()[1:], start=2):
        try:
            moves.append(_move(text.decode(), ws.settings.currency))
        except (ValueError, csv.Error) as err:
            raise RefusedFile(
                f"This row is no payment: {err}.",
                file=file,
                line=line,
                code="subledger.payment.row",
                remedy="Each row is account,date,amount,reference, such as A-1,2026-10-05,42.50,x.",
            ) from err
    known = _accounts(ws)
    stray = [line for line, move in enumerate(moves, start=2) if move.account not in known]
    good = [move for move in moves if move.account in known]
    new = 0 if dry_run else pay(good, currency=ws.settings.currency, actor=actor, as_of=as_of)
    return {
        "rows": len(moves),
        "accepted": len(good) if dry_run else new,
        "repeated": 0 if dry_run else len(good) - new,
        "quarantined": len(stray),
        "findings": [_stray(file, line, moves[line - 2].account) for line in stray],
    }


def _accounts(ws: Workspace) -> set[str]:
    if not newest_master():
        return set()
    return set(master(snapshot(ws))["accounts"]["account"].to_pylist())


def _stray(file: str, line: int, account: str) -> dict[str, Any]:
    """Money is never booked to an account that nobody has (P10)."""
    return finding(
        "subledger.payment.account",
        Severity.WARN,
        f"There is no account {account[:40]!r}; this payment is not booked.",
        remedy="Find out whose it is and deliver the row again with that account.",
        file=file,
        line=line,
    )


def _move(text: str, currency: str) -> Move:
    """One row of a list of payments. Raises `ValueError` or `csv.Error` that says what is wrong."""
    cells = next(csv.reader([text], strict=True), [])
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"it has {len(cells)} cells, not {len(_COLUMNS)}")
    account, day, amount, reference = cells
    if not account:
        raise ValueError("it names no account")
    return Move(
        key=hashlib.sha256("\0".join(cells).encode()).hexdigest()[:32],
        account=account,
        amount=to_minor(parse_decimal(amount), currency),
        posted=datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date(),
        memo=reference,
    )
