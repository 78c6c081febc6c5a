"""A month after the other: what is issued stays so, and an open predecessor is said and can end."""

from pathlib import Path

import pytest

from gridtally import pipeline
from gridtally.closing import Closing
from gridtally.periods import Period
from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace
from gridtally.subledger import approve

FILES = Path(__file__).parents[2] / "docs" / "first-bill"
OCTOBER, NOVEMBER = Period.month(2026, 10), Period.month(2026, 11)
AS_OF = 1_796_000_000


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDTALLY_KEYS", str(tmp_path / "keys"))
    ws = Workspace.create(tmp_path / "town", Settings(zone="Europe/Lisbon"))
    pipeline.receive(
        ws, [FILES], sender="", zone=None, correction=False, as_of=AS_OF, actor="ana",
        dry_run=False, report=lambda *_: None,
    )  # fmt: skip
    return ws


def run(ws, period):
    return pipeline.run(ws, period, actor="ana", as_of=AS_OF)


def codes(outcome):
    return set(outcome.tables["findings"]["code"].to_pylist())


def test_an_issued_bill_is_left_out_of_a_later_run(town):
    """Run again after issue: excluded with its number, and the next month does not wait for it."""
    first = run(town, OCTOBER)
    closing = Closing.open(town, first.run_id)
    closing.issue(closing.release(actor="ben", as_of=AS_OF), actor="ana", as_of=AS_OF)

    again = run(town, OCTOBER)
    row = again.release.table.to_pylist()[0]
    assert (row["state"], row["reason"]) == ("excluded", "Already issued as B2026-000001.")
    assert again.release.counts == {"excluded": 1}
    assert "rating.carry.unissued" not in codes(run(town, NOVEMBER))


def test_an_open_predecessor_holds_until_somebody_decides(town):
    """November waits for October; once October is excluded, November is another run without it."""
    first = run(town, OCTOBER)
    waiting = run(town, NOVEMBER)
    assert "rating.carry.unissued" in codes(waiting)

    bill = first.tables["bills"]["bill"][0].as_py()
    approve.decide(first.run_id, bill, "hold", actor="ben", as_of=AS_OF, why="to see")
    approve.decide(first.run_id, bill, "exclude", actor="ben", as_of=AS_OF, why="billed by hand")
    after = run(town, NOVEMBER)

    assert "rating.carry.unissued" not in codes(after)
    assert after.run_id != waiting.run_id
