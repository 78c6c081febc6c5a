"""Beside step 1: a tariff version against the versions that are known: what must not go together.

A document that is right by itself may still be wrong here: days that have a price already or are
billed (T05, T06), another currency or zone (T08, T22), prices that move by more than half (T09).
Over billed days leads a plan (`store/plans.py`) that two people approved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from gridtally import control
from gridtally.errors import Conflict, InvalidDocument
from gridtally.rating import tariff as tariffs
from gridtally.rating.diff import diff
from gridtally.rating.standing import ends, standing
from gridtally.rating.tariff import TariffVersion
from gridtally.store import plans
from gridtally.store.master import put_tariff
from gridtally.store.plans import Plan
from gridtally.store.snapshot import StoredTariff, snapshot
from gridtally.store.snapshot import tariffs as stored_tariffs
from gridtally.store.workspace import Workspace

__all__ = ["accept", "billed", "ends_on", "known"]

_LISTED = 6
"""Prices that move too far, named one by one."""
_STEP = "tariff.step"
"""The event: somebody delivered a version whose prices move too far, and it was not taken."""
Part = tuple[StoredTariff, date, date]
"""A version, and days of it"""


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

    Raises `Conflict` for days that have a version already, but where an approved plan puts this one
    in its place; `InvalidDocument` for another currency or zone, and for prices that move by more
    than half until a second person accepts them.
    """
    rows = known(ws, version, name=name)
    if any(row.digest == version.digest for row in rows):
        return False
    plan = _plan(ws, rows, version, name)
    before = _before(rows, version)
    if before:
        steps = _steps(before, data, name)
        if steps:
            _second_person(
                version, steps, name=name, actor=actor, as_of=as_of,
                accepted=accept_steps, before=before, dry_run=dry_run,
            )  # fmt: skip
    if dry_run:
        return False
    if plan:
        return plans.put_in_place(
            ws, data, plan, valid_from=version.valid_from, valid_to=version.valid_to,
            actor=actor, as_of=as_of,
        )  # fmt: skip
    return put_tariff(
        ws,
        data,
        tariff=version.id,
        digest=version.digest,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        actor=actor,
        as_of=as_of,
    )


def known(ws: Workspace, version: TariffVersion, *, name: str) -> list[StoredTariff]:
    """The stored versions of its tariff. Raises `InvalidDocument` for another currency or zone."""
    rows = [row for row in stored_tariffs(snapshot(ws)) if row.tariff == version.id]
    for row in rows:
        _same_money(row, version, name)
    return rows


def _before(rows: Sequence[StoredTariff], version: TariffVersion) -> StoredTariff | None:
    """The version that stands on the first day of this one, else the last before it."""
    begun = [row for row, first, _ in standing(rows) if first <= version.valid_from]
    return begun[-1] if begun else None


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


def billed(ws: Workspace, rows: Sequence[StoredTariff], version: TariffVersion) -> set[str]:
    """Bills of days that this version would take from the others, issued here or before."""
    return _billed(ws, version.id, [(first, after) for _, first, after in _taken(rows, version)])


def ends_on(ws: Workspace, version: TariffVersion) -> date:
    """The first day after a version that stands in place of others; `date.max` without one."""
    rows = [row for row in stored_tariffs(snapshot(ws)) if row.tariff == version.id]
    return ends(_new(rows, version), rows)


def _new(rows: Sequence[StoredTariff], version: TariffVersion) -> StoredTariff:
    """A version as if it were stored now."""
    seq = 1 + max((row.seq for row in rows), default=0)
    return StoredTariff(version.id, version.digest, version.valid_from, version.valid_to, b"", seq)


def _taken(rows: Sequence[StoredTariff], version: TariffVersion) -> list[Part]:
    """Days that others have and would lose, or that this version would be hidden on."""
    new = _new(rows, version)
    now, then = standing(rows), standing([*rows, new])
    last = ends(new, rows)
    hidden = [
        (row, max(first, new.valid_from), min(after, last))
        for row, first, after in now
        if row.instead and first < last and after > new.valid_from
        and (new.valid_to or row.valid_from <= new.valid_from)
    ]  # fmt: skip
    return [*_lost(now, then), *hidden]


def _lost(now: Sequence[Part], then: Sequence[Part]) -> Iterator[Part]:
    """Days that a version has now and not then."""
    for row, first, after in now:
        kept = [(a, b) for other, a, b in then if other.digest == row.digest]
        inside = [(a, b) for a, b in kept if a < after and b > first]
        at = first
        for begins, goes in [*inside, (after, after)]:
            if at < begins:
                yield row, at, begins
            at = max(at, goes)


def _plan(
    ws: Workspace, rows: Sequence[StoredTariff], version: TariffVersion, name: str
) -> Plan | None:
    """The approved plan by which a version takes billed days; None when it takes none.

    No day has two versions (T05), and billed days keep theirs without a plan (T06). A version
    without an end lasts until the next begins, so days of it that are not billed are free.
    """
    taken = _taken(rows, version)
    bills = billed(ws, rows, version)
    if not bills:
        for row, first, after in taken:
            if row.valid_from >= version.valid_from or row.valid_to:
                raise _conflict((row, first, after), name)
        return None
    plan = plans.of_document(ws, version.digest)
    if plan and plan.state == "approved":
        return plan
    part = next(p for p in taken if _billed(ws, version.id, [p[1:]]))
    raise _conflict(part, name, bills=len(bills), remedy=_way(plan, name))


def _conflict(part: Part, name: str, *, bills: int = 0, remedy: str = "") -> Conflict:
    row, first, after = part
    last = "further notice" if after == date.max else str(after - timedelta(1))
    made = f" {bills} bills were made for these days." if bills else ""
    return Conflict(
        f"valid_from: from {first} to {last} the version {row.digest[:19]} of {row.tariff} "
        f"(from {row.valid_from}{f' to {row.valid_to}' if row.valid_to else ''}) is in force "
        f"already.{made}",
        file=name,
        code="rating.tariff.billed" if bills else "rating.tariff.overlap",
        remedy=remedy
        or "Let this version begin after the other ends, or give it an id of its own: days that "
        "have two prices are never billed.",
    )


def _way(plan: Plan | None, name: str) -> str:
    """What to do about a version over billed days: make a plan, let it be approved."""
    make = f"`gridtally rebills plan --tariff {name}`"
    if plan is None:
        return (
            f"Prices of billed days change by a plan that two people approve: {make} works out "
            "what would change, and says how to go on."
        )
    if plan.state != "waiting":
        return (
            f"The plan {plan.id} is {plan.state}: the bills of these days are not those that it "
            f"was made from. Make a new one: {make}."
        )
    given = ", ".join(one.actor for one in plan.approvals)
    but = ", ".join(dict.fromkeys([plan.actor, *(one.actor for one in plan.approvals)]))
    more = "1 more approval" if plan.missing == 1 else f"{plan.missing} approvals"
    return (
        f"The plan {plan.id} waits for {more}{f', {given} gave one' * bool(given)}: "
        f"`gridtally rebills approve {plan.id} --why TEXT --as NAME`, by anybody but {but}. "
        "Then receive the same file again."
    )


def _billed(ws: Workspace, tariff: str, days: Collection[tuple[date, date]]) -> set[str]:
    """Bills of a tariff on some of these days: issued here, or from elsewhere."""
    found: set[str] = set()
    for first, after in days:
        found |= {number for number, _ in plans.issued(ws, tariff, first, after)}
        found |= set(plans.elsewhere(ws, tariff, first, after))
    return found


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
