"""`gridtally check` finds every kind of tampering, also by somebody who may write everything."""

import sqlite3

import pytest
from django.db import connection
from planned import planned, put_in_place
from synthetic import AS_OF, blocks, decoder, how_to_issue, released

from gridtally.intake.receive import receive
from gridtally.store.check import CHECKS, HARMLESS, check
from gridtally.store.compact import compact
from gridtally.store.workspace import Workspace
from gridtally.subledger.deliver import deliver
from gridtally.subledger.issue import issue


@pytest.fixture
def full(ws):
    """A workspace with readings and issued bills, which holds every invariant."""
    receive(
        ws, b"file", name="a", sender="dso", as_of=AS_OF, actor="ina",
        decode=decoder(blocks(["MP-1", "MP-2"])),
    )  # fmt: skip
    issue(ws, released(ws, 6), **how_to_issue(batch=3))
    for day in (20_745, 20_746):
        receive(
            ws, b"late %d" % day, name=f"{day}", sender="dso", as_of=AS_OF, actor="ina",
            decode=decoder(blocks(["MP-000000"], day=day)),
        )  # fmt: skip
    compact(ws, actor="ina", as_of=AS_OF)
    deliver(ws, {"pdf": lambda record: record}, actor="d", as_of=AS_OF)
    put_in_place(ws, planned(ws))
    assert all(checked.ok for checked in check(ws))
    return ws


def tamper(ws, *statements):
    """Write past the guards, as somebody who owns the database can."""
    connection.close()
    other = sqlite3.connect(ws.database, isolation_level=None)
    triggers = other.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        other.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        other.execute(statement)
    for _, sql in triggers:
        other.execute(sql)
    other.close()


def broken(ws):
    return {checked.invariant for checked in check(Workspace.open(ws.path)) if not checked.ok}


FIRST = "(SELECT number FROM issued_bill ORDER BY serial LIMIT 1)"
IN_DATABASE = {
    "an amount": ("UPDATE entry SET amount = amount + 1 WHERE id = 1", {"posted"}),
    "an entry gone": ("DELETE FROM entry WHERE id = 1", {"posted"}),
    "a total": (
        f"UPDATE issued_bill SET total_minor = 1 WHERE number = {FIRST}", {"posted", "records"},
    ),
    "a number": ("UPDATE issued_bill SET serial = 9 WHERE serial = 6", {"numbers"}),
    "a leaf": ("UPDATE leaf SET hash = replace(hash, 'a', 'b')", {"leaves", "records"}),
    "a leaf gone": ('DELETE FROM leaf WHERE "index" = 9', {"leaves"}),
    "leaves swapped": (
        "UPDATE leaf SET subject = 'B2026-' || printf('%06d', 2 - \"index\") WHERE \"index\" < 2",
        {"leaves"},
    ),
    "a head": ("UPDATE head SET root = replace(root, 'a', 'b')", {"leaves"}),
    "a segment": (
        "UPDATE issued_segment SET agreement = 'AG-000001', version = 1 WHERE id = 1",
        {"segments"},
    ),
    "a segment gone": ("DELETE FROM issued_segment WHERE id = 1", {"history"}),
    "a file's digest": ("UPDATE reading_file SET digest = 'x' WHERE id = 1", {"manifest"}),
    "a source": ("UPDATE source_file SET delivered = 'x'", {"raw"}),
    "a load gone": ("DELETE FROM load WHERE seq = 2", {"rows"}),
    "rows of a merged file": (
        "UPDATE reading_file SET rows = rows + 1 WHERE compaction_id = 1", {"merged"},
    ),
    "a quarantined row not listed": ("DELETE FROM quarantine_item WHERE id = 1", {"quarantine"}),
    "a proposal gone": ("DELETE FROM rebill_proposal WHERE id = 1", {"proposals"}),
    "a proposal of a plan gone": (
        "DELETE FROM rebill_proposal WHERE tariff_id IS NOT NULL", {"plans"},
    ),
    "an approval gone": ("DELETE FROM rebill_approval WHERE actor = 'carla'", {"plans"}),
    "an approval by who made the plan": (
        "UPDATE rebill_approval SET actor = 'ana' WHERE actor = 'carla'", {"plans"},
    ),
    "the plan of another version": ("UPDATE rebill_plan SET document = 'x'", {"plans"}),
    "a run's root": ("UPDATE run SET root = 'x'", {"runs"}),
    "an issued bill hidden": ("UPDATE run_bill SET state = 'excluded' WHERE id = 1", {"scope"}),
}  # fmt: skip


@pytest.mark.parametrize("what", IN_DATABASE)
def test_tampering_with_the_database_is_found(full, what):
    """Guards were taken away and put back: the invariants still find what was changed."""
    statement, expected = IN_DATABASE[what]
    tamper(full, statement)

    assert expected <= broken(full)


def test_a_forgotten_bill_of_a_closed_run_is_found(full):
    """A closed run has nothing released that was never issued."""
    tamper(full, "UPDATE run SET closed = 1", "UPDATE run_bill SET state = 'released' WHERE id = 1")

    assert "scope" in broken(full)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


ON_DISK = {
    "raw/??/*": {"raw"},
    "readings/**/*.parquet": {"manifest"},
    "history/*.parquet": {"manifest"},
    "plans/*.json": {"plans"},
    "documents/records/*/*.jsonl": {"records"},
    "published/*": {"leaves"},
    "runs/*/DONE": {"runs"},
    "runs/*/run.json": {"runs"},
    "runs/*/lines/*.parquet": {"runs"},
    "runs/*/spans/*.parquet": {"runs"},
}
_CONTENT = {"runs/*/lines/*.parquet", "runs/*/spans/*.parquet"}
"""Bits of these are flipped in test_runs: the digests are of what the tables say."""


@pytest.mark.parametrize("pattern", [p for p in ON_DISK if p not in _CONTENT])
def test_one_flipped_bit_is_found(full, pattern):
    """In any kind of stored file, and reported under its invariant."""
    flip(min(full.path.glob(pattern)))

    assert ON_DISK[pattern] <= broken(full)


@pytest.mark.parametrize("pattern", ON_DISK)
def test_a_file_that_is_gone_is_found(full, pattern):
    """A missing file is an answer, not a crash."""
    min(full.path.glob(pattern)).unlink()

    assert ON_DISK[pattern] <= broken(full)


def test_every_invariant_is_exercised_here():
    """A new invariant comes with a way to break it."""
    found = set().union(*(expected for _, expected in IN_DATABASE.values()), *ON_DISK.values())

    assert found | {"guards"} | HARMLESS == set(CHECKS)


def test_check_writes_nothing(full):
    """It only reads: the database and every file stay as they are."""
    connection.close()
    before = {p: p.read_bytes() for p in full.path.rglob("*") if p.is_file()}
    check(Workspace.open(full.path, guarded=False))
    connection.close()

    assert {p: p.read_bytes() for p in full.path.rglob("*") if p.is_file()} == before
