"""For the doors: the document of a correction: bill by bill the exact delta, and what has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import __version__, control
from gridtally.money import minor_digits, number
from gridtally.rating import tariff as tariffs
from gridtally.rating.cone import Step
from gridtally.rating.corrections import delta, pair
from gridtally.rating.explain import explain
from gridtally.rating.explain.difference import difference
from gridtally.rating.explain.replaced import Sorted
from gridtally.rating.tariff import TariffVersion
from gridtally.store.files import read_checked
from gridtally.store.runs import open_run
from gridtally.store.workspace import Workspace
from gridtally.subledger.post import split
from gridtally.tables import (
    CARRY,
    DETERMINANTS,
    LINES,
    REGISTERS_USED,
    SEGMENTS,
    SPANS,
    finding,
    fitted,
)
from gridtally.terms import Severity

__all__ = ["Walked", "document"]

SCHEMAS = {
    "segments": SEGMENTS, "spans": SPANS, "lines": LINES, "determinants": DETERMINANTS,
    "used": REGISTERS_USED,
}  # fmt: skip
"""Tables that the difference to an issued bill is told from."""
_MOST_WHY = 2000
"""Of more segments the effects are left out: telling them costs more than rating them."""
Code = Callable[[str, str], str]
_Moved = dict[tuple[str, int, str, str], Fraction]


@dataclass
class Walked:
    """What a walk over the cone knows besides its steps."""

    ws: Workspace
    documents: Sequence[str]
    """digests of the corrected versions"""
    numbers: Mapping[str, str]
    """segment -> number of its bill"""
    tariffs: dict[str, TariffVersion] = field(default_factory=dict)
    spans: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    """segment -> tariff digests of its spans, then and now"""
    made: dict[str, dict[str, list[pa.Table]]] = field(default_factory=dict)
    """run -> tables of what was made anew, in parts"""
    replaced: dict[str, tuple[Sorted, ...]] = field(default_factory=dict)
    """segment -> energy that changed with its estimates, by the spans of then and of now"""

    _tables: tuple[str, pa.Table, dict[str, pa.Table]] = ("", None, {})

    def version(self, digest: str) -> TariffVersion | None:
        """A version by its digest, stored or corrected."""
        if digest not in self.tariffs:
            row = control.models.TariffDocument.objects.filter(digest=digest).first()
            if row is None:
                return None
            data = read_checked(self.ws.path / row.path, digest)
            self.tariffs[digest] = tariffs.load(data, name=row.tariff)
        return self.tariffs[digest]

    def sealed(self, run_id: str) -> tuple[pa.Table, dict[str, pa.Table]]:
        """BILLS of a run and its tables; those of the last run are kept."""
        if self._tables[0] != run_id:
            run = open_run(self.ws, run_id)
            tables = {name: fitted(run.read(name), schema) for name, schema in SCHEMAS.items()}
            self._tables = (run_id, run.read("bills"), tables)
        return self._tables[1:]

    def sealed_bill(self, run_id: str, bill: str) -> tuple[pa.Table, dict[str, pa.Table]]:
        """BILLS of a run and its tables, the rows of one bill."""
        bills, tables = self.sealed(run_id)
        segments = tables["segments"]
        mine = segments.filter(pc.equal(segments["bill"], bill))["segment"].combine_chunks()
        found = {name: _some(table, mine) for name, table in tables.items()}
        return bills.filter(pc.equal(bills["bill"], bill)), found

    def versions(self, spans: pa.Table) -> dict[str, TariffVersion]:
        """Those of some SPANS."""
        digests = set(spans["tariff"].to_pylist()) - {None}
        return {digest: found for digest in digests if (found := self.version(digest))}


def document(walked: Walked, steps: Sequence[Step]) -> dict[str, Any]:
    """All bills that a correction reaches, in order of their service period, as JSON values."""
    numbers = walked.numbers
    code = _Codes(walked).code
    segments: dict[str, list[dict[str, Any]]] = {}
    by_bill: dict[str, list[Step]] = {}
    for step in steps:
        name = step.before["segment"]
        spans = walked.spans.get(name, ([], []))
        segments.setdefault(numbers[name], []).append(delta(step, tariffs=spans, code=code))
        by_bill.setdefault(numbers[name], []).append(step)
    bills = [
        _bill(walked, bill, by_bill[bill], segments[bill], code)
        for bill in sorted(segments, key=lambda bill: (segments[bill][0]["service"]["from"], bill))
    ]
    sums: dict[str, Decimal] = {}
    for bill in bills:
        if bill["total"]["delta"] is not None:
            sums[bill["currency"]] = sums.get(bill["currency"], Decimal(0)) + Decimal(
                bill["total"]["delta"]
            )
    return {
        "schema": 1,
        "engine": __version__,
        "documents": list(walked.documents),
        "bills": bills,
        "delta": {currency: number(value) for currency, value in sums.items()},
        "findings": [row for step in steps for row in _findings(step, numbers)],
    }


def _bill(
    walked: Walked, bill: str, steps: Sequence[Step], segments: list[dict[str, Any]], code: Code
) -> dict[str, Any]:
    """One bill: as issued, as it would be, and what an account of the ledger is owed more."""
    row = control.models.IssuedBill.objects.get(number=bill)
    total = Decimal(row.total_minor).scaleb(-minor_digits(row.currency))
    head = {
        "number": bill, "bill": row.bill, "account": row.account, "currency": row.currency,
        "run": row.run_id, "issued": str(row.issued),
        "service": {"from": str(row.period_from), "to": str(row.period_to)},
    }  # fmt: skip
    if any(step.after is None for step in steps):
        none = {"before": number(total), "after": None, "delta": None}
        return head | {"total": none, "ledger": [], "why": None, "segments": segments}
    change = sum((Decimal(one["total"]["delta"]) for one in segments), Decimal(0))
    return head | {
        "total": pair(total, total + change),
        "ledger": _ledger(walked, row, steps, (total, total + change), code),
        "why": _why(walked, row, steps) if change and len(walked.spans) <= _MOST_WHY else None,
        "segments": segments,
    }


def _why(walked: Walked, row: Any, steps: Sequence[Step]) -> dict[str, Any]:
    """The difference to the issued bill as effects (`docs/explain.md`), and in words."""
    bills, then = walked.sealed_bill(row.run_id, row.bill)
    done = pa.array([step.before["segment"] for step in steps], pa.string())
    now = dict(then)
    for name, parts in walked.made[row.run_id].items():
        old = then[name]
        kept = old.filter(pc.invert(pc.is_in(old["segment"], done)))
        fresh = [_some(part, done) for part in parts]
        now[name] = pa.concat_tables([kept, *fresh])
    place = SCHEMAS["segments"].get_field_index("bill")
    column = pa.repeat(row.bill, now["segments"].num_rows)
    now["segments"] = now["segments"].set_column(place, SCHEMAS["segments"].field("bill"), column)
    none = CARRY.empty_table()
    before, after = (
        explain(
            row.bill, bills=bills, segments=side["segments"], spans=side["spans"],
            lines=side["lines"], determinants=side["determinants"], used=side["used"],
            carry_in=none, carry_out=none, tariffs=walked.versions(side["spans"]),
        )
        for side in (then, now)
    )  # fmt: skip
    told = difference(before, after, replaced=_replaced(walked, steps))
    return {name: told[name] for name in ("total", "components", "reasons", "words")}


def _replaced(walked: Walked, steps: Sequence[Step]) -> tuple[_Moved, _Moved]:
    """What replaced estimates in the segments of a bill, sorted as then and as now."""
    sides: tuple[_Moved, _Moved] = ({}, {})
    for name in (step.before["segment"] for step in steps):
        for side, found in zip(sides, walked.replaced.get(name, ()), strict=False):
            for key, energy in found.items():
                side[name, *key] = energy
    return sides


def _some(table: pa.Table, segments: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table["segment"], segments))


def _ledger(
    walked: Walked, row: Any, steps: Sequence[Step], totals: tuple[Decimal, Decimal], code: Code
) -> list[dict[str, Any]]:
    """Per ledger account the smallest units that were posted, that would be, and between them.

    Both are split as an issue splits them, over the whole bill, so that nothing is lost.
    """
    _, tables = walked.sealed_bill(row.run_id, row.bill)
    spans = tables["spans"].select(["segment", "span", "tariff"]).to_pylist()
    digests = {(span["segment"], span["span"]): span["tariff"] or "" for span in spans}
    done = {step.before["segment"]: step for step in steps}
    sums: tuple[dict[str, Decimal], dict[str, Decimal]] = ({}, {})
    for line in tables["lines"].to_pylist():
        account = code(digests[line["segment"], line["span"]], line["component"])
        for side in sums[: 1 if line["segment"] in done else 2]:
            side[account] = side.get(account, Decimal(0)) + line["amount"]
    for name, step in done.items():
        now = walked.spans[name][1]
        for line in step.lines[1]:
            account = code(now[line["span"]], line["component"])
            sums[1][account] = sums[1].get(account, Decimal(0)) + line["amount"]
    digits = minor_digits(row.currency)
    old, new = (
        split(side, total=int(total.scaleb(digits)), currency=row.currency)
        for side, total in zip(sums, totals, strict=True)
    )
    return [
        {
            "ledger": account, "before": old.get(account, 0), "after": new.get(account, 0),
            "delta": new.get(account, 0) - old.get(account, 0),
        }
        for account in sorted(old.keys() | new.keys())
    ]  # fmt: skip


@dataclass
class _Codes:
    """Ledger accounts of lines, as an issue finds them."""

    walked: Walked
    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def code(self, digest: str, component: str) -> str:
        """The account of a component of a version."""
        if component == "rounding":
            return "revenue.rounding"
        if (digest, component) not in self.known:
            version = self.walked.version(digest)
            charge = version.component(component) if version else None
            ledger = charge.ledger if charge else None
            self.known[digest, component] = ledger or f"revenue.{component}"
        return self.known[digest, component]


def _findings(step: Step, numbers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Why a segment of the cone has no delta."""
    if step.after is not None:
        return []
    before = step.before
    bill = numbers[before["segment"]]
    where = {name: before[name] for name in ("segment", "account", "metering_point", "bill")}
    if step.waits_for:
        return [
            finding(
                "rating.correction.waits",
                Severity.HOLD,
                f"The bill {bill} builds on {step.waits_for}, which cannot be made anew.",
                remedy="Make that one whole first; then ask again.",
                must_hold=True,
                **where,
            )
        ]
    why = " ".join(dict.fromkeys(row["message"] for row in step.findings)) or (
        "Its days are no segment of this agreement any more."
    )
    remedy = " ".join(dict.fromkeys(row["remedy"] for row in step.findings if row["remedy"]))
    return [
        finding(
            "rating.correction.held",
            Severity.HOLD,
            f"The bill {bill} cannot be made anew, so that what builds on it has no delta: {why}",
            remedy=remedy or "Correct the master data, or correct this bill by hand.",
            must_hold=True,
            **where,
        )
    ]
