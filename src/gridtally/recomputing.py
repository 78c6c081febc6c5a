"""For the doors: past bills made again, from what was known then or from what is known now.

Steps 3 to 7 on the snapshot of the run that made the bill give its input digest and its total
again. On today's readings, under versions that an approved plan put in place since and with all
else as it was, they say what would change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import bucket, control
from gridtally.errors import NotFound
from gridtally.money import number
from gridtally.prepare import again as as_prepared
from gridtally.prepare import jobs
from gridtally.rating.assemble import to_bills
from gridtally.store.check import Checked
from gridtally.store.known import as_known_by
from gridtally.store.named import bill_or_draft, no_bill
from gridtally.store.rebills import proposals
from gridtally.store.runs import RunFolder, open_run
from gridtally.store.snapshot import put_in_place, snapshot
from gridtally.store.workspace import Workspace
from gridtally.tables import SEGMENTS

__all__ = ["Again", "checked", "difference", "every", "recompute"]

_ENERGY = ("import_ukwh", "export_ukwh", "estimated_ukwh")


@dataclass(frozen=True, slots=True)
class Again:
    """A bill as it was sealed, and as it comes out again."""

    bill: str
    run: str
    total: Decimal | None
    again: Decimal | None
    segments: list[dict[str, Any]]
    """segment, its input digest, energy and total, and the same again"""

    @property
    def same(self) -> bool:
        """Whether readings, terms and carry are those of then, and the total is."""
        inputs = all(row["input_digest"] == row["input_digest_again"] for row in self.segments)
        return bool(self.segments) and inputs and self.total == self.again

    def as_dict(self) -> dict[str, Any]:
        """For JSON: amounts as text."""
        rows = [{name: _text(value) for name, value in row.items()} for row in self.segments]
        return asdict(self) | {
            "total": _text(self.total), "again": _text(self.again), "segments": rows,
            "same": self.same,
        }  # fmt: skip


def _text(value: Any) -> Any:
    return number(value) if isinstance(value, Decimal) else value


def recompute(ws: Workspace, name: str, *, now: bool = False) -> Again:
    """A bill by its number or name, made again from what its run saw; `now`: from all readings,
    under versions that an approved plan put in place since.

    Raises `NotFound`.
    """
    found = bill_or_draft(name)
    if found is None:
        raise no_bill(name)
    run, bill = found
    (again,) = _of_run(ws, run, [bill], now=now)
    return again


def every(ws: Workspace) -> Iterator[Again]:
    """Every issued bill, made again from what its run saw."""
    bills: dict[str, list[str]] = {}
    rows = control.models.IssuedBill.objects.filter(version=0).order_by("run_id", "serial")
    for run_id, bill in rows.values_list("run_id", "bill"):
        bills.setdefault(run_id, []).append(bill)
    for run_id, names in bills.items():
        yield from _of_run(ws, run_id, names, now=False)


def checked(ws: Workspace) -> Checked:
    """Whether every issued bill comes out again to the cent, as an answer of `check --bills`."""
    count, wrong = 0, []
    for again in every(ws):
        count += 1
        if not again.same:
            wrong.append(f"{again.bill} of the run {again.run} comes out otherwise")
    said = f"bills: each of {count} issued bills comes out again from what was known then"
    if wrong:
        said = "; ".join(wrong[:3]) + (f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else "")
    return Checked("bills", not wrong, said)


def _of_run(ws: Workspace, run_id: str, names: Sequence[str], *, now: bool) -> Iterator[Again]:
    run = open_run(ws, run_id)
    wanted = pa.array(names, pa.string())
    sealed = run.read("segments")
    sealed = sealed.filter(pc.is_in(sealed["bill"], wanted))
    segments, totals = _made(ws, run, sealed, now=now)
    bills = run.read("bills")
    before = dict(zip(bills["bill"].to_pylist(), bills["total"].to_pylist(), strict=True))
    made = {row["segment"]: row for row in segments.to_pylist()}
    columns = ("segment", "input_digest", *_ENERGY, "total")
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for row in sealed.to_pylist():
        other = made.get(row["segment"], {})
        rows[row["bill"]].append(
            {name: row[name] for name in columns}
            | {f"{name}_again": other.get(name) for name in columns[1:]}
        )
    for name in names:
        yield Again(name, run_id, before.get(name), totals.get(name), rows[name])


def _made(
    ws: Workspace, run: RunFolder, sealed: pa.Table, *, now: bool
) -> tuple[pa.Table, dict[str, Decimal | None]]:
    """SEGMENTS of these bills made again, and the total of each bill."""
    snap = as_known_by(ws, run.id)
    instead: list[bytes] = []
    if now:
        instead = put_in_place(snap)
        snap = replace(snap, load_seq=snapshot(ws).load_seq)
    accounts = sorted(set(sealed["account"].to_pylist()))
    prepared = as_prepared(ws, run, accounts=accounts, snap=snap, instead=instead)
    parts = [bucket.bill(job, with_daily=False).segments for job in jobs(prepared)]
    segments, bills, _ = to_bills(pa.concat_tables([SEGMENTS.empty_table(), *parts]))
    totals = zip(bills["bill"].to_pylist(), bills["total"].to_pylist(), strict=True)
    return segments, dict(totals)


def difference(ws: Workspace, name: str) -> dict[str, Any]:
    """What was proposed would change on an issued bill, as JSON values, and who proposed it.

    Energy [10^-6 kWh] and amounts are those of today's readings less those that were billed;
    master data and carry are those of then, as are tariffs where no approved plan put another
    version in their place. Nothing is changed.
    """
    found = proposals(bill=name)
    if not found:
        raise NotFound(
            f"Nobody proposed to rebill {name[:80]!r}.",
            remedy="`gridtally rebills list` has all proposals.",
        )
    again = recompute(ws, found[-1].number, now=True)
    rows = []
    for row in again.segments:
        energy = {
            name: (row[f"{name}_again"] or 0) - (row[name] or 0)
            for name in _ENERGY
            if row[f"{name}_again"] is not None or row[name] is not None
        }
        money = _less(row["total_again"], row["total"])
        rows.append({"segment": row["segment"], "difference": money} | energy)
    return {
        "schema": 1,
        "bill": again.bill,
        "number": found[-1].number,
        "billed": _text(again.total),
        "now": _text(again.again),
        "difference": _less(again.again, again.total),
        "segments": rows,
        "proposals": [asdict(one) for one in found],
    }


def _less(after: Decimal | None, before: Decimal | None) -> str | None:
    """The difference of two amounts; None where one of them cannot be told."""
    return None if after is None or before is None else number(after - before)
