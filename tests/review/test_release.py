"""Release: everybody ends in one state, decisions bind to what was seen, must-hold stays held."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gridtally import tables as t
from gridtally.review.release import DECISIONS, decide
from gridtally.terms import BillState, Severity


def bills(*names):
    return t.table(
        t.BILLS,
        [
            {"bill": f"{n}/b", "account": n, "total": Decimal(10), "leaf": f"leaf-{n}"}
            for n in names
        ],
    )


def segments(*names):
    return t.table(
        t.SEGMENTS,
        [{"segment": f"{n}/s", "bill": f"{n}/b", "account": n, "metering_point": f"MP-{n}"}
         for n in names],
    )  # fmt: skip


def found(name, *, severity=Severity.WARN, must_hold=False, **where):
    where = where or {"bill": f"{name}/b"}
    return t.finding(
        "review.test.code", severity, "Odd.", remedy="Look.", must_hold=must_hold, **where
    )


def decided(name, verdict, *, leaf=None, by="ana", at=1):
    return {"bill": f"{name}/b", "leaf": leaf or f"leaf-{name}", "verdict": verdict, "by": by,
            "at": at, "reason": "Looked at it."}  # fmt: skip


def states(*names, findings=(), decisions=(), listed=(), scope=()):
    result = decide(
        bills(*names), t.findings_table(findings), t.table(DECISIONS, decisions),
        segments=segments(*names), listed=frozenset(listed), scope=scope,
    )  # fmt: skip
    rows = zip(result.table["bill"].to_pylist(), result.table["state"].to_pylist(), strict=True)
    return dict(rows), result


def test_a_clean_bill_is_released_by_the_rules():
    """Nothing found, nobody decided: released, and the counts add up."""
    state, result = states("a", "b")
    assert state == {"a/b": "released", "b/b": "released"}
    assert result.counts == {"released": 2}
    assert result.bills(BillState.RELEASED) == ["a/b", "b/b"]


def test_hold_findings_hold_and_suspicions_only_above_the_cut():
    """A hold counts by itself; a warn when the work list has it; a note never."""
    state, _ = states(
        "a", "b", "c", "d",
        findings=[
            found("a", severity=Severity.HOLD), found("b"), found("c"),
            found("d", severity=Severity.NOTE),
        ],
        listed=["b/b", "d/b"],
    )  # fmt: skip
    assert state == {"a/b": "held", "b/b": "held", "c/b": "released", "d/b": "released"}


@pytest.mark.parametrize(
    "where",
    [{"segment": "a/s"}, {"metering_point": "MP-a"}, {"account": "a"}],
    ids=["segment", "point", "account"],
)
def test_a_finding_reaches_its_bill_by_any_name(where):
    """Earlier steps know segments, points and accounts, not bills."""
    state, _ = states("a", "b", findings=[found("a", severity=Severity.HOLD, **where)])
    assert state == {"a/b": "held", "b/b": "released"}


def test_a_person_can_release_hold_and_exclude():
    """Who decided and why is kept with the bill."""
    state, result = states(
        "a", "b", "c",
        findings=[found("a", severity=Severity.HOLD)],
        decisions=[decided("a", "release"), decided("b", "hold"), decided("c", "exclude")],
    )  # fmt: skip
    assert state == {"a/b": "released", "b/b": "held", "c/b": "excluded"}
    first = result.table.to_pylist()[0]
    assert (first["by"], first["reason"], first["at"]) == ("ana", "Looked at it.", 1)
    assert result.counts == {"excluded": 1, "held": 1, "released": 1}


def test_no_decision_releases_a_must_hold_bill():
    """It can be excluded with a reason; a release is refused, in words."""
    broken = found("a", severity=Severity.HOLD, must_hold=True)
    state, result = states("a", findings=[broken], decisions=[decided("a", "release")])
    assert state == {"a/b": "held"}
    (refused,) = result.findings.to_pylist()
    assert refused["code"] == "review.decision.refused"
    assert refused["message"] == (
        "ana cannot release this bill: review.test.code must be put right first."
    )
    state, _ = states("a", findings=[broken], decisions=[decided("a", "exclude")])
    assert state == {"a/b": "excluded"}


def test_a_new_calculation_voids_the_old_decision():
    """The decision was about another leaf: the finding holds again, and the note says why."""
    state, result = states(
        "a",
        findings=[found("a", severity=Severity.HOLD)],
        decisions=[decided("a", "release", leaf="leaf-before")],
    )
    assert state == {"a/b": "held"}
    (void,) = result.findings.to_pylist()
    assert void["code"] == "review.decision.void"
    assert void["message"] == (
        "The decision of ana to release does not count: the bill was calculated again since."
    )


def test_the_last_decision_counts():
    """Two people, two minds: the later one stands."""
    state, _ = states("a", decisions=[decided("a", "exclude", at=5), decided("a", "hold", at=9)])
    assert state == {"a/b": "held"}


def test_an_account_without_bill_is_held_not_forgotten():
    """Accounts in scope are counted even when nothing was made for them."""
    state, result = states("a", scope=["a", "z"])
    assert state == {"a/b": "released", "z": "held"}
    assert result.table.to_pylist()[1]["reason"] == "No bill was made for this account."
    assert sum(result.counts.values()) == 2
    with_no = decided("z", "release") | {"bill": "z", "leaf": ""}
    state, result = states("a", scope=["a", "z"], decisions=[with_no])
    assert state["z"] == "held"
    assert "there is no bill" in result.findings.to_pylist()[0]["message"]
