"""Beside the steps: master data as asked for: what is valid on a day, as known on another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally.errors import NotFound, UsageError
from gridtally.intake.master import TABLES, changes, check_master
from gridtally.metering.cycles import Cycle, of_accounts, period_from
from gridtally.periods import Period, iso_utc, zone
from gridtally.store import master
from gridtally.store.snapshot import snapshot, tariffs
from gridtally.store.workspace import Workspace
from gridtally.tables import CYCLES, MASTER, empty

__all__ = ["about", "check", "differences", "known_on", "listing", "of_cycle", "versions"]

Row = dict[str, Any]
_NAMED = {
    "metering_points": ("metering_point",),
    "meters": ("meter", "metering_point"),
    "registers": ("meter",),
    "meter_events": ("meter",),
    "agreements": ("agreement", "account", "metering_point"),
    "accounts": ("account", "party"),
    "parties": ("party",),
    "contacts": ("party",),
    "topology": ("parent", "child"),
    "transformers": ("transformer", "metering_point"),
    "cycles": ("cycle",),
    "holidays": ("calendar",),
}
"""Columns by which something can be asked for."""
_FURTHER = (
    ("meters", "meter", "registers", "meter"),
    ("meters", "meter", "meter_events", "meter"),
    ("metering_points", "transformer", "transformers", "transformer"),
    ("agreements", "account", "accounts", "account"),
    ("accounts", "party", "parties", "party"),
    ("accounts", "party", "contacts", "party"),
)
"""What belongs to what was found: rows of a table, through a column, to rows of another."""


def known_on(ws: Workspace, day: date | None) -> int:
    """The version that was known at the end of a day; None: the newest. Raises `NotFound`."""
    if day is not None:
        return master.version_at(zone(ws.settings.zone).midnight(day + timedelta(1)) - 1)
    if seq := master.newest_master():
        return seq
    raise NotFound("This workspace has no master data yet.", remedy="Receive them first.")


def versions() -> list[Row]:
    """Every version: who delivered what, when; the oldest first."""
    return [
        {
            "version": one.seq,
            "known_from": iso_utc(one.recorded),
            "actor": one.actor,
            "rows": dict(one.rows),
            "sources": [
                {name: getattr(source, name) for name in source.__slots__} for source in one.sources
            ],
        }
        for one in master.versions()
    ]


def listing(
    ws: Workspace, name: str, *, seq: int, on: date | None, personal: bool = False
) -> list[Row]:
    """The rows of a table in a version, of one day or of all; personal columns only if asked."""
    if name not in MASTER:
        raise UsageError(f"There is no table {name!r}.", remedy=f"Known are {', '.join(TABLES)}.")
    tables = master.load(ws, seq, personal=personal)
    return _plain(_valid(tables.get(name, empty(MASTER[name])), on))


def about(
    ws: Workspace, name: str, *, seq: int, on: date | None, personal: bool = False
) -> dict[str, list[Row]]:
    """Everything that a version says of a metering point, an account, a meter …, by table.

    Raises `NotFound` when nothing has that name.
    """
    tables = master.load(ws, seq, personal=personal)
    found: dict[str, pa.Table] = {}
    for table, columns in _NAMED.items():
        if table in tables:
            rows = tables[table]
            hits = [pc.equal(rows[column], name) for column in columns]
            mask = hits[0]
            for hit in hits[1:]:
                mask = pc.or_kleene(mask, hit)
            found[table] = rows.filter(pc.fill_null(mask, False))
    if not any(len(rows) for rows in found.values()):
        raise NotFound(f"Nothing is known of {name}.", remedy="Check the name, letter by letter.")
    for here, through, there, column in _FURTHER:
        if there in found and here in found and not len(found[there]):
            names = pa.array(
                sorted(set(found[here][through].to_pylist()) - {None, ""}), pa.string()
            )
            found[there] = tables[there].filter(pc.is_in(tables[there][column], names))
    shown = {table: _plain(_valid(found[table], on)) for table in TABLES if table in found}
    return {table: rows for table, rows in shown.items() if rows}


def differences(ws: Workspace, before: int, after: int) -> Iterator[Row]:
    """What changed between two versions, row by row; of what is personal only the column."""
    for seq in (before, after):
        if not 0 <= seq <= master.newest_master():
            raise NotFound(f"There is no version {seq}.", remedy="`gridtally master versions`.")
    old, new = (master.load(ws, seq, personal=True) if seq else {} for seq in (before, after))
    for name in TABLES:
        if name in old or name in new:
            blank = empty(MASTER[name])
            yield from changes(name, old.get(name, blank), new.get(name, blank)).rows()


def check(ws: Workspace, *, seq: int, as_of: int) -> list[Row]:
    """All checks of the master data of a version, again."""
    known = frozenset(row.tariff for row in tariffs(snapshot(ws)))
    rows: list[Row] = check_master(
        master.load(ws, seq, personal=True), tariffs=known, as_of=as_of
    ).to_pylist()
    return rows


def of_cycle(ws: Workspace, name: str, span: Period, *, seq: int) -> tuple[Period, list[str]]:
    """The period of a cycle that a person means by `span`, and the accounts to bill in it.

    Raises `NotFound` without such a cycle or account, `UsageError` when it is none of its periods.
    """
    tables = master.load(ws, seq)
    known = {row["cycle"]: row for row in tables.get("cycles", empty(CYCLES)).to_pylist()}
    if name not in known:
        raise NotFound(f"There is no cycle {name}.", remedy="`gridtally master list cycles`.")
    period = period_from(Cycle.of(known[name]), span)
    mine = of_accounts(tables["agreements"], tables["metering_points"], period=period)
    accounts = sorted(account for account, cycles in mine.items() if name in cycles)
    if not accounts:
        raise NotFound(
            f"No account is billed in the cycle {name} from {period.start} to {period.end}.",
            remedy="Name the cycle in agreements.csv or metering_points.csv.",
        )
    return period, accounts


def _valid(table: pa.Table, on: date | None) -> pa.Table:
    """The rows of a day; rows without a period are of every day."""
    if on is None or not {"from", "to"} <= set(table.column_names):
        return table
    begun = pc.fill_null(pc.less_equal(table["from"], pa.scalar(on)), True)
    lasts = pc.fill_null(pc.greater(table["to"], pa.scalar(on)), True)
    return table.filter(pc.and_(begun, lasts))


def _plain(table: pa.Table) -> list[Row]:
    return [
        {name: str(value) if isinstance(value, date) else value for name, value in row.items()}
        for row in table.to_pylist()
    ]
