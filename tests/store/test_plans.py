"""Plans for tariff versions over billed days: kept once, approved by two others, used once."""

import unicodedata
from datetime import date

import pytest
from planned import NEW, planned, put_in_place, said
from synthetic import AS_OF, how_to_issue, released

from gridtally import control
from gridtally.errors import Conflict, NotFound, UsageError
from gridtally.store import plans, rebills
from gridtally.store.master import put_tariff
from gridtally.store.snapshot import Snapshot, snapshot, tariffs
from gridtally.store.snapshot import put_in_place as documents
from gridtally.subledger.issue import issue


@pytest.fixture
def billed(ws):
    """A workspace with three issued bills."""
    issue(ws, released(ws, 3), **how_to_issue())
    return ws


def approve(ws, plan, who, why="checked"):
    return plans.approve(ws, plan.id, why=why, actor=who, as_of=AS_OF)


def test_the_same_plan_is_kept_once(billed):
    """By its content: who asks again, and when, changes nothing."""
    first = planned(billed)
    second, new = plans.keep(billed, said(billed), actor="bruno", as_of=AS_OF + 5)
    assert (second, new) == (first, False)
    assert (first.state, first.missing, first.actor, first.at) == ("waiting", 2, "ana", AS_OF)
    assert plans.segments(plans.content(billed, first.id)) == [
        ("B2026-000001", "AG-000000/2026-10-01/2026-11-01")
    ]


def test_a_plan_whose_bills_changed_meanwhile_is_not_kept(billed):
    """What it was worked out from is compared once more, inside the transaction."""
    old = said(billed)
    put_tariff(billed, b"later", tariff="home", digest=plans.files.sha256(b"later"),
               valid_from=date(2027, 1, 1), valid_to=None, actor="t", as_of=AS_OF)  # fmt: skip
    with pytest.raises(Conflict, match="changed while the plan was worked out"):
        plans.keep(billed, old, actor="ana", as_of=AS_OF)
    assert plans.plans(billed) == []


def test_one_person_is_one_however_the_name_is_spelled(billed):
    """Accents in one character or two, blanks around: the database sees one name."""
    plan = planned(billed, actor="Zo\u00eb")
    other = unicodedata.normalize("NFD", " Zo\u00eb")
    with pytest.raises(Conflict, match="made the plan"):
        approve(billed, plan, other)
    approve(billed, plan, "Ren\u00e9")
    with pytest.raises(Conflict, match="Ren\u00e9 approved the plan"):
        approve(billed, plan, unicodedata.normalize("NFD", "Ren\u00e9 "))
    assert approve(billed, plan, "kim").state == "approved"


def test_an_approval_has_a_reason_and_a_plan(billed):
    """Neither is guessed."""
    with pytest.raises(UsageError, match="with a reason"):
        approve(billed, planned(billed), "kim", why=" ")
    with pytest.raises(NotFound, match="There is no plan"):
        plans.approve(billed, "x", why="y", actor="kim", as_of=AS_OF)


def test_a_used_plan_opened_its_proposals(billed):
    """The version and a proposal for each segment, in one transaction; used once."""
    plan = planned(billed)
    before = snapshot(billed)
    assert put_in_place(billed, plan)
    (one,) = rebills.proposals()
    assert (one.number, one.what, one.source) == ("B2026-000001", "tariff", plan.document)
    assert [row.instead for row in tariffs(snapshot(billed))] == [False, True]
    assert documents(before) == [NEW]
    assert documents(snapshot(billed)) == []
    assert not put_in_place(billed, plan, approved=True)
    with pytest.raises(Conflict, match="is used"):
        approve(billed, plan, "emil")
    assert [row.state for row in plans.plans(billed)] == ["used"]
    assert isinstance(before, Snapshot)


def test_a_version_without_its_proposals_is_not_stored(billed, monkeypatch):
    """Killed between the two, neither is there."""
    plan = planned(billed)

    def fails(*_args, **_more):
        raise OSError("killed")

    monkeypatch.setattr(plans, "propose_prices", fails)
    with pytest.raises(OSError, match="killed"):
        put_in_place(billed, plan)
    assert len(tariffs(snapshot(billed))) == 1
    assert [row.state for row in plans.plans(billed)] == ["approved"]
    assert not control.models.RebillProposal.objects.exists()
