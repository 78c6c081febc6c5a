"""The smallest input for each finding of receipt and issue, with its message and remedy."""

import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
from synthetic import (
    APPROVER,
    AS_OF,
    blocks,
    decoder,
    how_to_issue,
    register,
    released,
    results,
    sealed,
    sign,
    workspace,
)

from gridtally.intake.receive import receive
from gridtally.subledger.approve import approve
from gridtally.subledger.issue import issue

BILL = "AC-000000/2026-10-01/2026-11-01"


@pytest.fixture
def ws(tmp_path):
    return workspace(tmp_path / "town")


def found(result):
    rows = result.findings.to_pylist()
    (row,) = [row for row in rows if row["code"] != "intake.master.none"]
    return row["code"], row["severity"], row["message"], row["remedy"]


def take(ws, data, table, name="b.csv"):
    known = {"sender": "dso", "as_of": AS_OF, "actor": "ina", "name": name}
    return receive(ws, data, decode=decoder(table), **known)


def test_intake_reading_conflict(ws):
    """One slot, two values, nobody says which is newer."""
    take(ws, b"1", blocks(["MP-1"], value=1, slots=1), name="a.csv")

    assert found(take(ws, b"2", blocks(["MP-1"], value=2, slots=1))) == (
        "intake.reading.conflict",
        "warn",
        "1 readings of MP-1 (import) from 2024-10-04T00:00:00Z on differ from stored ones, and "
        "neither says that it is newer. The stored ones stay.",
        "Ask the sender which are right. If these are, deliver them with a version mark, or "
        "take them with `gridtally quarantine retry ITEM --correction --reason TEXT`.",
    )


def test_intake_file_name_reused(ws):
    """A second file of one name with other content."""
    take(ws, b"1", blocks(["MP-1"]))

    assert found(take(ws, b"2", blocks(["MP-2"]))) == (
        "intake.file.name_reused",
        "warn",
        "A file named b.csv with other content was received before. This one is taken as a new "
        "delivery.",
        "Check that the sender meant to send both.",
    )


def test_intake_reading_billed(ws):
    """A reading for a day of an issued bill."""
    issue(ws, released(ws, 1), **how_to_issue())

    assert found(take(ws, b"1", blocks(["MP-000000"], day=20_745))) == (
        "intake.reading.billed",
        "warn",
        "Readings of MP-000000 changed in the period of the issued bill B2026-000001. The bill "
        "stays as it is.",
        "Look at the difference with `gridtally rebills show`, and propose a cancellation and a "
        "rebill if it matters.",
    )


def test_subledger_issue_inputs(ws):
    """A reading that came between run and issue."""
    issued = issue(ws, released(ws, 1), **how_to_issue(check_inputs=lambda s: dict.fromkeys(s, "")))

    assert found(issued) == (
        "subledger.issue.inputs",
        "hold",
        f"The bill {BILL} was not issued: its readings, terms or tariffs changed since the run.",
        "Calculate it again in a supplementary run.",
    )


def test_subledger_issue_changed(ws):
    """A line of the sealed run that was edited after the approval."""
    release = released(ws, 1)
    (lines,) = ws.path.glob("runs/*/lines/all.parquet")
    other = sealed(ws, 1, note="other", cents=7)
    lines.write_bytes((other.path / "lines" / "all.parquet").read_bytes())

    assert found(issue(ws, release, **how_to_issue())) == (
        "subledger.issue.changed",
        "hold",
        f"The bill {BILL} was not issued: its lines, findings or inputs are not those that were "
        "approved.",
        "Verify the run folder; calculate it again in a supplementary run.",
    )


def test_subledger_issue_overlap(ws):
    """A second run over days that are issued already."""
    issue(ws, released(ws, 1), **how_to_issue())
    later = (date(2026, 10, 31), date(2026, 11, 30))

    assert found(issue(ws, released(ws, 1, month=later), **how_to_issue())) == (
        "subledger.issue.overlap",
        "hold",
        "The bill AC-000000/2026-10-31/2026-11-30 was not issued: a part of its period is issued "
        "already: AG-000000/2026-10-01/2026-11-01 on B2026-000001.",
        "Cancel that bill first, or exclude this one.",
    )


def test_subledger_issue_sum(ws):
    """A bill whose lines are not its total."""
    parts = results(1)
    parts["lines"] = parts["lines"].slice(1)
    run = sealed(ws, 1, parts=parts)
    register(ws, run)
    release = approve(ws, run.id, sign=sign, actor=APPROVER, as_of=AS_OF)

    assert found(issue(ws, release, **how_to_issue())) == (
        "subledger.issue.sum",
        "hold",
        f"The bill {BILL} was not issued: its amounts cannot be posted: the parts do not sum to "
        "the total.",
        "Calculate it again in a supplementary run; report it if it stays.",
    )
