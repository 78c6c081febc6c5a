"""A delivered list of payments: money is booked to accounts that exist, once, and to no other."""

import pytest

from gridtally import pipeline
from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace
from gridtally.subledger.post import balances

ACCOUNTS = "account,segment,language,name,address,email\nA-1,household,en,Ada,Quay 1,\n"
PAYMENTS = "account,date,amount,reference\nA-1,2026-10-05,42.50,x\nA-9,2026-10-05,10.00,y\n"


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDTALLY_KEYS", str(tmp_path / "keys"))
    return Workspace.create(tmp_path / "town", Settings())


def receive(ws, path):
    (answer,) = pipeline.receive(
        ws, [path], sender="", zone=None, correction=False, as_of=1_796_000_000, actor="ana",
        dry_run=False, report=lambda *_: None,
    )  # fmt: skip
    return answer


def test_a_payment_for_nobody_is_not_booked(town, tmp_path):
    """The row with an unknown account is set aside and said; the other is booked, once."""
    (tmp_path / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "paid.csv").write_text(PAYMENTS)
    receive(town, tmp_path / "accounts.csv")
    answer = receive(town, tmp_path / "paid.csv")
    again = receive(town, tmp_path / "paid.csv")

    assert (answer.rows, answer.accepted, answer.quarantined) == (2, 1, 1)
    assert [(f["code"], f["line"]) for f in answer.findings] == [("subledger.payment.account", 3)]
    assert (again.accepted, again.repeated, again.quarantined) == (0, 1, 1)
    assert balances() == {"A-1": -4250}
