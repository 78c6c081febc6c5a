"""Step 10: the key of each customer's commitments. Deleting it makes them unreadable for good."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from gridtally import control
from gridtally.control.database import in_chunks, insert

__all__ = ["forget", "person_keys"]


def person_keys(accounts: Sequence[str]) -> dict[str, bytes]:
    """The key [32 bytes] of each account; made for those that have none."""
    models = control.models
    keys: dict[str, bytes] = {}
    for part in in_chunks(accounts):
        rows = models.PersonKey.objects.filter(account__in=part)
        keys |= {row.account: bytes(row.key) for row in rows}
    new = {name: secrets.token_bytes(32) for name in dict.fromkeys(accounts) if name not in keys}
    insert(models.PersonKey, [{"account": name, "key": key} for name, key in new.items()])
    return keys | new


def forget(account: str, *, actor: str, as_of: int) -> bool:
    """Delete a customer's key, for good. Every proof stays valid; False when there was none."""
    with control.database.atomic():
        deleted, _ = control.models.PersonKey.objects.filter(account=account).delete()
        if deleted:
            control.models.Event.objects.create(
                at=as_of, actor=actor, what="person.forgotten", subject=account
            )
    return bool(deleted)
