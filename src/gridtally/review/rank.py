"""Step 8, the work list: which held bills a person should look at, in which order, and why.

Must-hold and hold findings are never cut. Suspicions fill the rest of the review budget by money
at risk, over- and under-billing apart, with a share reserved for households; what lies below the
cut is stated, never hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridtally import tables as t
from gridtally.review.attach import attach
from gridtally.review.inputs import NO_BOUND
from gridtally.review.words import amount, say
from gridtally.terms import Severity

__all__ = ["WORKLIST", "Below", "Worklist", "worklist"]

WORKLIST = pa.schema(
    [
        pa.field("rank", t.I32, metadata={"doc": "1 is looked at first"}),
        pa.field("bill", t.STR, metadata={"doc": "account/from/to; the account when it has none"}),
        pa.field("account", t.STR, metadata={"doc": ""}),
        pa.field("customer_segment", t.STR, metadata={"doc": ""}),
        pa.field("must_hold", pa.bool_(), metadata={"doc": "true: only a new calculation helps"}),
        pa.field("severity", t.STR, metadata={"doc": "hold or warn: the gravest of its findings"}),
        pa.field("listed", pa.bool_(), metadata={"doc": "false: below the cut, released"}),
        pa.field("over", t.AMOUNT, metadata={"doc": "money at risk of over-billing"}),
        pa.field("under", t.AMOUNT, metadata={"doc": "money at risk of under-billing"}),
        pa.field("total", t.AMOUNT, metadata={"doc": "what the bill says"}),
        pa.field("codes", t.STR, metadata={"doc": "space-separated codes, gravest first"}),
        pa.field("why", pa.list_(t.STR), metadata={"doc": "one sentence per reason"}),
        pa.field("check", pa.list_(t.STR), metadata={"doc": "what to check, per reason"}),
        pa.field("usual", t.STR, metadata={"doc": "usual range and billed energy, in words"}),
    ],
    metadata={"doc": "Work list: held bills, gravest first, and the suspicions below the cut."},
)

REASONS_SHOWN = 3
"""Reasons in the text of a bill: the gravest; the table has them all."""

SAME_REASON = 5
"""From so many bills with the very same first reason on, the text shows one of them."""

_CONSEQUENCES = ("metering.determinant.", "rating.quantity.", "review.bill.unpriced")
"""Findings that only repeat what an earlier one caused; told last."""

_GRAVE = {str(Severity.HOLD): 0, str(Severity.WARN): 1}


@dataclass(frozen=True, slots=True)
class Below:
    """What the review budget left out."""

    bills: int
    over: Decimal
    under: Decimal


@dataclass(frozen=True, slots=True)
class Worklist:
    """The list, which bills it holds, and what lies below the cut."""

    table: pa.Table
    below: Below
    currency: str

    @property
    def held(self) -> frozenset[str]:
        """Bills (or accounts without one) that are not released."""
        rows = self.table.filter(self.table["listed"])
        return frozenset(rows["bill"].to_pylist())

    def rows(self, first: int | None = None) -> list[str]:
        """The list as text, one paragraph per bill, or per reason that many bills share."""
        shown: dict[str, list[dict[str, Any]]] = {}
        for row in self.table.to_pylist():
            if row["listed"]:
                shown.setdefault(row["why"][0], []).append(row)
        parts = [part for same in shown.values() for part in _together(same)]
        parts.sort(key=lambda part: part[0]["rank"])
        return [_paragraph(row, self.currency, more) for row, more in parts[:first]]


@dataclass(slots=True)
class _Case:
    """One bill with its findings."""

    bill: str
    account: str
    customer_segment: str
    total: Decimal | None
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def must_hold(self) -> bool:
        return any(row["must_hold"] for row in self.findings)

    @property
    def severity(self) -> str:
        found: Iterable[str] = (row["severity"] for row in self.findings)
        return min(found, key=_GRAVE.__getitem__)

    def risk(self, direction: str) -> Decimal:
        """The largest of the figures, not their sum: several rules see the same error."""
        found = (r["money_at_risk"] for r in self.findings if r["direction"] == direction)
        return max((value for value in found if value is not None), default=Decimal(0))

    @property
    def worst(self) -> Decimal:
        known = (row["money_at_risk"] for row in self.findings)
        return max((value for value in known if value is not None), default=Decimal(0))

    @property
    def order(self) -> tuple[bool, Decimal, str]:
        return not self.must_hold, -self.worst, self.bill


def worklist(
    findings: pa.Table,
    bills: pa.Table,
    segments: pa.Table,
    *,
    budget: int,
    currency: str,
    accounts: pa.Table | None = None,
    expected: pa.Table | None = None,
    household_share: int = 400,
    floor: Decimal = Decimal(5),
) -> Worklist:
    """Rank the bills that findings name, and cut the suspicions at the review budget.

    `findings` of all steps (schema FINDINGS), `budget` bills that people can look at,
    `household_share` [10^-3] of the places for suspicions that is kept for households, `floor`
    [currency] money at risk below which a suspicion is not worth a look. A suspicion whose money
    is not known counts as none: the audit puts a figure on those that matter.
    """
    segment_of = _mapping(accounts, "account", "segment")
    cases = _cases(attach(findings, bills, segments), bills, segment_of)
    ranked = sorted(cases, key=lambda case: case.order)
    sure = [case for case in ranked if case.severity == Severity.HOLD]
    doubtful = [case for case in ranked if case.severity != Severity.HOLD and case.worst >= floor]
    chosen = _fill(doubtful, budget - len(sure), household_share)
    listed = {case.bill for case in sure} | {case.bill for case in chosen}
    below = [case for case in ranked if case.bill not in listed]
    shown = [case for case in ranked if case.bill in listed] + below
    wanted = pa.array([case.bill for case in shown], pa.string())
    usual = _usual(segments.filter(pc.is_in(segments["bill"], wanted)), expected)
    rows = [_row(n, case, listed, usual) for n, case in enumerate(shown, 1)]
    rest = Below(
        len(below),
        sum((case.risk("over") for case in below), Decimal(0)),
        sum((case.risk("under") for case in below), Decimal(0)),
    )
    return Worklist(t.table(WORKLIST, rows), rest, currency)


def _mapping(table: pa.Table | None, key: str, value: str) -> dict[str, str]:
    if table is None:
        return {}
    return dict(zip(table[key].to_pylist(), table[value].to_pylist(), strict=True))


def _cases(
    rows: Iterable[dict[str, Any]], bills: pa.Table, segment_of: Mapping[str, str]
) -> list[_Case]:
    """Findings per bill; a finding about an account without a bill makes a case of the account."""
    rows = list(rows)
    wanted = pa.array(sorted({row["bill"] for row in rows}), pa.string())
    chosen = bills.filter(pc.is_in(bills["bill"], wanted))
    columns = (chosen[name].to_pylist() for name in ("bill", "account", "total"))
    known = {bill: (account, total) for bill, account, total in zip(*columns, strict=True)}
    cases: dict[str, _Case] = {}
    for row in rows:
        key = row["bill"] or row["account"]
        if key not in cases:
            account, total = known.get(key, (row["account"], None))
            cases[key] = _Case(key, account, segment_of.get(account, ""), total)
        cases[key].findings.append(row)
    for case in cases.values():
        case.findings.sort(key=_finding_order)
    return list(cases.values())


def _finding_order(row: Mapping[str, Any]) -> tuple[bool, bool, int, Decimal, str, str]:
    """Causes before what follows from them, then grave before doubtful, then by money."""
    risk = row["money_at_risk"] or Decimal(0)
    follows = row["code"].startswith(_CONSEQUENCES)
    grave = _GRAVE[row["severity"]]
    return not row["must_hold"], follows, grave, -risk, row["code"], row["message"]


def _fill(doubtful: list[_Case], places: int, household_share: int) -> list[_Case]:
    """Take suspicions by money, alternating over and under, households' share first.

    The reserve is what households get at least: places that they do not need go to all.
    """
    if places <= 0:
        return []
    homes = [case for case in doubtful if case.customer_segment == "household"]
    reserved = _alternate(homes)[: places * household_share // 1000]
    taken = {case.bill for case in reserved}
    rest = [case for case in doubtful if case.bill not in taken]
    return reserved + _alternate(rest)[: places - len(reserved)]


def _alternate(cases: list[_Case]) -> list[_Case]:
    """Over- and under-billing in turns, each by money: neither crowds out the other."""
    over = [case for case in cases if case.risk("over") >= case.risk("under")]
    under = [case for case in cases if case.risk("over") < case.risk("under")]
    turns: list[_Case] = []
    for n in range(max(len(over), len(under))):
        turns += over[n : n + 1] + under[n : n + 1]
    return turns


def _usual(segments: pa.Table, expected: pa.Table | None) -> dict[str, str]:
    """`usually 210 kWh to 320 kWh, billed 2,900 kWh` per bill: its segments with a past."""
    if expected is None:
        return {}
    joined = segments.select(["segment", "bill", "import_ukwh"]).join(
        expected.select(["segment", "low_ukwh", "high_ukwh"]),
        "segment",
        join_type="inner",
        use_threads=False,
    )
    grouped = joined.group_by("bill", use_threads=False).aggregate(
        [("low_ukwh", "sum"), ("high_ukwh", "sum"), ("high_ukwh", "max"), ("import_ukwh", "sum")]
    )
    return {row["bill"]: _range(row) for row in grouped.to_pylist()}


def _range(row: Mapping[str, Any]) -> str:
    used = row["import_ukwh_sum"]
    billed = "not known yet" if used is None else f"billed {say(used, 'ukwh', '')}"
    if row["high_ukwh_max"] >= NO_BOUND:
        return f"no usual range is known yet, {billed}"
    low, high = (say(row[f"{name}_ukwh_sum"], "ukwh", "") for name in ("low", "high"))
    return f"usually {low} to {high}, {billed}"


def _row(rank: int, case: _Case, listed: set[str], usual: Mapping[str, str]) -> dict[str, Any]:
    codes = dict.fromkeys(row["code"] for row in case.findings)
    return {
        "rank": rank,
        "bill": case.bill,
        "account": case.account,
        "customer_segment": case.customer_segment,
        "must_hold": case.must_hold,
        "severity": case.severity,
        "listed": case.bill in listed,
        "over": case.risk("over"),
        "under": case.risk("under"),
        "total": case.total,
        "codes": " ".join(codes),
        "why": list(dict.fromkeys(row["message"] for row in case.findings)),
        "check": list(dict.fromkeys(row["remedy"] for row in case.findings)),
        "usual": usual.get(case.bill, ""),
    }


def _together(same: list[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """Rows with the number of further bills that they stand for: one row when many share it."""
    many = len(same) > SAME_REASON
    return [(same[0], len(same) - 1)] if many else [(row, 0) for row in same]


def _paragraph(row: Mapping[str, Any], currency: str, further: int) -> str:
    total = "no amount" if row["total"] is None else amount(row["total"], currency)
    risks = [
        f"{amount(row[way], currency)} {word}"
        for way, word in (("over", "too much"), ("under", "too little"))
        if row[way]
    ]
    head = f"{row['rank']}. {row['bill']}  {total}" + (
        f", at risk {' or '.join(risks)}" if risks else ""
    )
    lines = [head, *(f"   - {why}" for why in row["why"][:REASONS_SHOWN])]
    if len(row["why"]) > REASONS_SHOWN:
        more = len(row["why"]) - REASONS_SHOWN
        lines.append(f"   - and {more} more reason{'' if more == 1 else 's'}.")
    if further:
        lines.append(f"   - {further:,} further bills are held for the first of these reasons.")
    if row["usual"]:
        lines.append(f"   - Energy: {row['usual']}.")
    return "\n".join([*lines, *(f"   > {check}" for check in row["check"][:1])])
