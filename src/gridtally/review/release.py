"""Step 9: every account in scope ends released, held or excluded, with a reason.

What the rules say stands until a person decides otherwise. A decision is bound to the bill's
leaf: when the bill is calculated again, it is void. No decision releases a must-hold bill.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gridtally import tables as t
from gridtally.review.attach import attach
from gridtally.tables import finding, findings_table
from gridtally.terms import BillState, Severity

__all__ = ["DECISIONS", "RELEASE", "Release", "decide"]

DECISIONS = pa.schema(
    [
        pa.field("bill", t.STR, metadata={"doc": "account/from/to; the account when it has none"}),
        pa.field("leaf", t.STR, metadata={"doc": "leaf of the bill that was decided on"}),
        pa.field("verdict", t.STR, metadata={"doc": "release, hold or exclude"}),
        pa.field("by", t.STR, metadata={"doc": "who decided"}),
        pa.field("at", t.I64, metadata={"doc": "when [s]"}),
        pa.field("reason", t.STR, metadata={"doc": "why, in words"}),
    ],
    metadata={"doc": "Decisions: what people said about drafts. The last one on a leaf counts."},
)

RELEASE = pa.schema(
    [
        *(t.BILLS.field(name) for name in ("bill", "account", "total", "leaf", "state")),
        pa.field("reason", t.STR, metadata={"doc": "why it has this state, in words"}),
        pa.field("codes", t.STR, metadata={"doc": "space-separated codes that hold it"}),
        pa.field("by", t.STR, metadata={"doc": "rules, or who decided"}),
        pa.field("at", t.I64, metadata={"doc": "when a person decided [s]; null: nobody did"}),
    ],
    metadata={"doc": "Release: one row per bill in scope, and one per account without a bill."},
)

_STATES = {
    "release": BillState.RELEASED,
    "hold": BillState.HELD,
    "exclude": BillState.EXCLUDED,
}


@dataclass(frozen=True, slots=True)
class Release:
    """What became of every bill, and what is to be said about the decisions."""

    table: pa.Table
    findings: pa.Table
    counts: Mapping[str, int]
    """Rows by state; they add up to the rows of the table."""

    def bills(self, state: BillState) -> list[str]:
        """Bills (or accounts without one) in that state."""
        rows = zip(self.table["bill"].to_pylist(), self.table["state"].to_pylist(), strict=True)
        return [bill for bill, found in rows if found == state]


def decide(
    bills: pa.Table,
    findings: pa.Table,
    decisions: pa.Table,
    *,
    segments: pa.Table,
    listed: Set[str] = frozenset(),
    scope: Iterable[str] = (),
) -> Release:
    """The state of every bill, and of every account in `scope` that has none.

    `bills` (schema BILLS, `leaf` filled), `findings` of all steps, `decisions` (schema DECISIONS),
    `listed` the suspicions above the cut (`Worklist.held`). Findings of severity hold hold their
    bill whether it is listed or not.
    """
    rows = {row["bill"]: _clean(row) for row in _bill_rows(bills)}
    unbilled = sorted(set(scope) - {row["account"] for row in rows.values()})
    rows |= {account: _unbilled(account) for account in unbilled}
    codes, must = _reasons(findings, bills, segments)
    for name in sorted(set(codes) & set(rows)):
        grave = any(severity == Severity.HOLD for severity, _ in codes[name])
        if grave or name in listed:
            held = [code for severity, code in codes[name]]
            _hold(rows[name], held)
    said = _apply(rows, decisions, must | set(unbilled))
    table = t.table(RELEASE, rows.values())
    counts = Counter(table["state"].to_pylist())
    assert sum(counts.values()) == len(rows) == bills.num_rows + len(unbilled)
    return Release(table, findings_table(said), dict(sorted(counts.items())))


def _bill_rows(bills: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = bills.select(["bill", "account", "total", "leaf"]).to_pylist()
    return rows


def _clean(row: dict[str, Any]) -> dict[str, Any]:
    said = {"reason": "No rule found anything that holds it.", "codes": "", "by": "rules"}
    return row | said | {"state": str(BillState.RELEASED), "at": None}


def _unbilled(account: str) -> dict[str, Any]:
    """An account in scope that no bill was made for: held, so that nobody is forgotten."""
    row = _clean({"bill": account, "account": account, "total": None, "leaf": ""})
    return row | {"state": str(BillState.HELD), "reason": "No bill was made for this account."}


def _hold(row: dict[str, Any], codes: list[str]) -> None:
    text = " ".join(dict.fromkeys(codes))
    row |= {"state": str(BillState.HELD), "reason": f"Held by {text}.", "codes": text}


def _reasons(
    findings: pa.Table, bills: pa.Table, segments: pa.Table
) -> tuple[dict[str, list[tuple[str, str]]], set[str]]:
    """(severity, code) of each bill's findings, and the bills that must be held."""
    codes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    must = set()
    for row in attach(findings, bills, segments):
        name = row["bill"] or row["account"]
        codes[name].append((row["severity"], row["code"]))
        if row["must_hold"]:
            must.add(name)
    for found in codes.values():
        found.sort()
    return codes, must


def _apply(
    rows: dict[str, dict[str, Any]], decisions: pa.Table, must: set[str]
) -> list[dict[str, Any]]:
    """Let the last decision on each bill's present leaf count; findings on the others."""
    said: list[dict[str, Any]] = []
    valid: dict[str, dict[str, Any]] = {}
    for given in sorted(decisions.to_pylist(), key=lambda d: (d["at"], d["by"], d["verdict"])):
        row = rows.get(given["bill"])
        if row is None or given["leaf"] != row["leaf"]:
            said.append(_void(given, known=row is not None))
        else:
            valid[given["bill"]] = given
    for name, given in sorted(valid.items()):
        if given["verdict"] == "release" and name in must:
            said.append(_refused(given, rows[name]))
            continue
        state = _STATES[given["verdict"]]
        rows[name] |= {"state": str(state), "reason": given["reason"], "by": given["by"]}
        rows[name]["at"] = given["at"]
    return said


def _void(given: Mapping[str, Any], *, known: bool) -> dict[str, Any]:
    why = "was calculated again since" if known else "is not in this run"
    return finding(
        "review.decision.void",
        Severity.NOTE,
        f"The decision of {given['by']} to {given['verdict']} does not count: the bill {why}.",
        remedy="Look at the new draft and decide again." if known else "Nothing to do.",
        evidence={"leaf": given["leaf"], "reason": given["reason"]},
        bill=given["bill"],
    )


def _refused(given: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return finding(
        "review.decision.refused",
        Severity.NOTE,
        f"{given['by']} cannot release this bill: {row['codes'] or 'there is no bill'} must be "
        "put right first.",
        remedy="Correct the cause and calculate again, or exclude the bill with a reason.",
        evidence={"reason": given["reason"]},
        bill=given["bill"],
        account=row["account"],
    )
