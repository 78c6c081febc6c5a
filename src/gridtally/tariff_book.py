"""Beside step 1: a tariff version against the versions that are known: what must not go together.

A document that is right by itself may still be wrong here: days that have a price already or are
billed (T05, T06), another currency or zone (T08, T22), prices that move by more than half (T09).
"""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import control
from gridtally.errors import Conflict, InvalidDocument
from gridtally.rating import tariff as tariffs
from gridtally.rating.diff import diff
from gridtally.rating.tariff import TariffVersion
from gridtally.store.history import read_history
from gridtally.store.master import put_tariff
from gridtally.store.snapshot import StoredTariff, snapshot
from gridtally.store.snapshot import tariffs as stored_tariffs
from gridtally.store.workspace import Workspace

__all__ = ["accept"]

_LISTED = 6
"""Prices that move too far, named one by one."""
_STEP = "tariff.step"
"""The event: somebody delivered a version whose prices move too far, and it was not taken."""


def accept(
    ws: Workspace,
    data: bytes,
    version: TariffVersion,
    *,
    name: str,
    actor: str,
    as_of: int,
    accept_steps: bool = False,
    dry_run: bool = False,
) -> bool:
    """Store a version that fits the others of its tariff; False when it is here already.

    Raises `Conflict` for days that have a version already, `InvalidDocument` for another currency
    or zone, and for prices that move by more than half until a second person accepts them.
    """
    known = [row for row in stored_tariffs(snapshot(ws)) if row.tariff == version.id]
    if any(row.digest == version.digest for row in known):
        return False
    later = [row.valid_from for row in known if row.valid_from > version.valid_from]
    end = version.valid_to or min(later, default=date.max)  # open: until the next begins
    for row in known:
        _same_money(row, version, name)
        _apart(ws, row, version, name=name, end=end)
    before = [row for row in known if row.valid_from < version.valid_from]
    if before:
        steps = _steps(before[-1], data, name)
        if steps:
            _second_person(
                version, steps, name=name, actor=actor, as_of=as_of,
                accepted=accept_steps, before=before[-1], dry_run=dry_run,
            )  # fmt: skip
    return not dry_run and put_tariff(
        ws,
        data,
        tariff=version.id,
        digest=version.digest,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        actor=actor,
        as_of=as_of,
    )


def _same_money(row: StoredTariff, version: TariffVersion, name: str) -> None:
    """All versions of a tariff have one currency and one zone: a segment may meet several."""
    other = tariffs.load(row.data, name=row.tariff)
    for what, code, old, new in (
        ("currency", "rating.tariff.currency", other.currency, version.currency),
        ("zone", "rating.tariff.zone", other.zone, version.zone),
    ):
        if old != new:
            raise InvalidDocument(
                f"{what}: {new}, but the version from {row.valid_from} has {old}. "
                f"Versions of one tariff share their {what}.",
                file=name,
                code=code,
                remedy=f"Correct the {what}, or give the new tariff an id of its own and change "
                "the agreements.",
            )


# ------------------------------------------------------------------- days


def _apart(
    ws: Workspace, row: StoredTariff, version: TariffVersion, *, name: str, end: date
) -> None:
    """No day has two versions (T05), and billed days keep theirs (T06).

    A version without an end lasts until the next begins.
    """
    first = max(row.valid_from, version.valid_from)
    end = min(row.valid_to or date.max, end)
    if first >= end:
        return
    follows = row.valid_from < version.valid_from and row.valid_to is None
    billed = _billed(ws, version.id, first, end)
    if follows and not billed:
        return
    last = "further notice" if end == date.max else str(end - timedelta(1))
    remedy = (
        "Prices of billed days are never changed in place: give the corrected prices an id of "
        "their own, let the agreements name it for these days, and rebill what it changes."
        if billed
        else "Let this version begin after the other ends, or give it an id of its own: days that "
        "have two prices are never billed."
    )
    bills = f" {billed} bills were made for these days." if billed else ""
    raise Conflict(
        f"valid_from: from {first} to {last} the version {row.digest[:19]} of {row.tariff} "
        f"(from {row.valid_from}{f' to {row.valid_to}' if row.valid_to else ''}) is in force "
        f"already.{bills}",
        file=name,
        code="rating.tariff.billed" if billed else "rating.tariff.overlap",
        remedy=remedy,
    )


def _billed(ws: Workspace, tariff: str, first: date, end: date) -> int:
    """Bills of a tariff on some of these days, issued here or before."""
    past = read_history(snapshot(ws))
    mine = pc.and_(
        pc.equal(past["tariff"], tariff),
        pc.and_(pc.less(past["from"], pa.scalar(end)), pc.greater(past["to"], pa.scalar(first))),
    )
    return len(set(past.filter(mine)["bill"].to_pylist()))


# ------------------------------------------------------------------ prices


def _steps(before: StoredTariff, data: bytes, name: str) -> list[str]:
    """Prices that move by more than half, in words."""
    told = diff(before.data, data, names=(before.tariff, name))
    return [
        f"{change['group']}: {change['text']}" for change in told["changes"] if change["suspicious"]
    ]


def _second_person(
    version: TariffVersion,
    steps: list[str],
    *,
    name: str,
    actor: str,
    as_of: int,
    accepted: bool,
    before: StoredTariff,
    dry_run: bool,
) -> None:
    """Such a version is taken when a second person, who is not the first, delivers it again."""
    events = control.models.Event.objects
    first = events.filter(what=_STEP, subject=version.digest).order_by("pk").first()
    if accepted and first is not None and first.actor != actor:
        return
    if first is None and not dry_run:
        with control.database.atomic():
            events.create(at=as_of, actor=actor, what=_STEP, subject=version.digest)
    more = f"\n  and {len(steps) - _LISTED} more" if len(steps) > _LISTED else ""
    listed = "".join(f"\n  {step}" for step in steps[:_LISTED])
    who = f"another person than {first.actor}" if first else "a second person"
    raise InvalidDocument(
        f"Against the version from {before.valid_from}, prices move by more than 50 percent:"
        f"{listed}{more}\n",
        file=name,
        code="rating.tariff.step",
        remedy=f"Check for cents taken for euros. If it is meant, {who} delivers the same file "
        "with --accept-steps.",
    )
