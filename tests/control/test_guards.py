"""The database keeps the promises by itself: each guard refuses, and start-up misses each.

The statements go round all code above the database, as a mistake or an attacker would.
"""

import re
import sqlite3
from datetime import date

import pyarrow as pa
import pytest
from django.db import IntegrityError, connection
from synthetic import APPROVER, AS_OF, PREPARER, blocks, decoder, how_to_issue, released

from gridtally import control, tables
from gridtally.control import database, guards
from gridtally.errors import RefusedFile, UnsafeSettings
from gridtally.intake.receive import receive
from gridtally.store import rebills
from gridtally.store.check import check
from gridtally.store.compact import compact, prune
from gridtally.store.files import sha256
from gridtally.store.master import put_master, put_tariff
from gridtally.store.workspace import Workspace
from gridtally.subledger.approve import decide
from gridtally.subledger.deliver import deliver
from gridtally.subledger.issue import issue

HELD = "AC-000002/2026-10-01/2026-11-01"


def refuse(data, *, name, as_of):
    raise RefusedFile("No.", file=name)


@pytest.fixture
def full(ws):
    """A workspace in which every table has a row."""
    known = {"sender": "dso", "as_of": AS_OF, "actor": "ina"}
    two_months = pa.concat_tables([blocks(["MP-1"]), blocks(["MP-1"], day=20_040)])
    receive(ws, b"file", name="a", decode=decoder(two_months), **known)
    with pytest.raises(RefusedFile):
        receive(ws, b"bad", name="b", decode=refuse, **known)
    control.models.QuarantineStep.objects.create(
        item=control.models.QuarantineItem.objects.get(kind="file"), at=AS_OF,
        actor="q", action="discarded", why="a test file",
    )  # fmt: skip
    control.models.Opening.objects.create(
        digest="0" * 64, recorded=AS_OF, actor="o", entries=0, summary="{}"
    )
    put_master(ws, {"meters": tables.empty(tables.METERS)}, actor="m", as_of=AS_OF)
    put_tariff(ws, b"t", tariff="home", digest=f"sha256:{sha256(b't')}",
               valid_from=date(2026, 1, 1), valid_to=None, actor="t", as_of=AS_OF)  # fmt: skip
    release = released(ws, 4, held=[HELD])
    run_id = control.models.Run.objects.get().id
    issue(ws, release, **how_to_issue())
    decide(run_id, HELD, "exclude", actor=APPROVER, as_of=AS_OF, why="moved out")
    receive(ws, b"file 2", name="c", decode=decoder(blocks(["MP-1"], day=20_001)), **known)
    receive(ws, b"late", name="d", decode=decoder(blocks(["MP-000000"], day=20_745)), **known)
    compact(ws, actor="ina", as_of=AS_OF)
    prune(ws, actor="ina", as_of=AS_OF + 90_000)
    rebills.close(1, why="too little", actor="ina", as_of=AS_OF)
    deliver(ws, {"pdf": lambda record: record}, actor="d", as_of=AS_OF, limit=1)
    plan = control.models.RebillPlan.objects.create(
        id="p", tariff="home", document="sha256:n", path="plans/p.json", digest="p", at=AS_OF,
        actor=PREPARER,
    )  # fmt: skip
    control.models.RebillApproval.objects.create(plan=plan, at=AS_OF, actor=APPROVER, why="dear")
    return ws


def other_program(ws, sql):
    """A statement by another program, with none of our settings."""
    other = sqlite3.connect(ws.database, isolation_level=None)
    try:
        other.execute(sql)
    finally:
        other.close()


APPEND_ONLY = [
    "compaction", "decision", "entry", "event", "fixed_setting", "head", "history_file",
    "issued_bill", "leaf", "ledger_account", "load", "master_table", "master_version",
    "opening", "pruned_file", "quarantine_item", "quarantine_step", "reading_file",
    "rebill_approval", "rebill_plan", "rebill_proposal", "rebill_step", "release", "release_item",
    "retired_file", "source_file", "tariff_document",
]  # fmt: skip


def test_every_append_only_table_refuses(full):
    """No UPDATE and no DELETE, by whatever program, on a table that only grows."""
    for table in APPEND_ONLY:
        (column,) = {f.column for m in _models() if m._meta.db_table == table for f in [m._meta.pk]}
        for sql in (f'UPDATE {table} SET "{column}" = "{column}"', f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other_program(full, sql)


def _models():
    from django.apps import apps

    return list(apps.get_app_config("control").get_models())


def test_every_table_is_guarded_or_named_here():
    """A new table is append-only, or keeps its rows, or has its reason in this list."""
    free = {"person_key": "deleting a key is how a person is forgotten"}
    keeps = {"issued_segment", "outbox", "run", "run_bill"}

    assert {m._meta.db_table for m in _models()} == set(APPEND_ONLY) | keeps | set(free)


def again(table, **changes):
    """SQL that writes a row of a table once more, with some columns changed."""
    (model,) = [m for m in _models() if m._meta.db_table == table]
    columns = [field.column for field in model._meta.concrete_fields]
    assert changes.keys() <= set(columns)
    values = [changes.get(column, f'"{column}"') for column in columns]
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} LIMIT 1"


BREACHES = {
    "a bill issued twice": (
        "issued_bill",
        {"number": "'X'", "serial": "(SELECT MAX(serial) + 1 FROM issued_bill)", "leaf_id": "5"},
        "only a released bill",
    ),
    "a second version under the same one": (
        "issued_bill",
        {"number": "'X'", "serial": "(SELECT MAX(serial) + 1 FROM issued_bill)", "leaf_id": "0",
         "version": "1", "bill": "'B'"},
        "issued_bill.leaf_id",
    ),
    "a number with a hole": (
        "issued_bill", {"number": "'X'", "serial": "90", "version": "1"}, "without a hole",
    ),
    "a hole in the leaves": ("leaf", {"index": "100"}, "without a hole"),
    "a hole in the loads": ("load", {"seq": "7"}, "without a hole"),
    "a hole in the compactions": ("compaction", {"seq": "7"}, "without a hole"),
    "a compaction of no kind": ("compaction", {"seq": "2", "why": "'x'"}, "compaction_why"),
    "a load that grows": ("reading_file", {"id": "900", "path": "'x'"}, "published with it"),
    "a file retired into that of another month": (
        "retired_file",
        {"file_id": "(SELECT id FROM reading_file WHERE month = '2024-11')"},
        "retired into",
    ),
    "a file retired into one that was there before it": (
        "retired_file",
        {"file_id": "(SELECT id FROM reading_file WHERE load_id = 3)"},
        "retired into",
    ),
    "a file retired into one that is retired": (
        "retired_file",
        {"file_id": '"into_id"', "into_id": "(SELECT MIN(file_id) FROM retired_file)"},
        "retired into",
    ),
    "a file retired twice": ("retired_file", {}, "retired_file.file_id"),
    "a plan approved by who made it": (
        "rebill_approval", {"id": "900", "actor": f"'{PREPARER}'"}, "who made a plan",
    ),
    "a plan approved twice by one person": (
        "rebill_approval", {"id": "900"}, "rebill_approval.plan_id, rebill_approval.actor",
    ),
    "a plan approved without a reason": (
        "rebill_approval", {"id": "900", "actor": "'x'", "why": "''"}, "approval_has_reason",
    ),
    "a version in place of others with one approval": (
        "tariff_document", {"seq": "900", "digest": "'sha256:n'", "plan_id": "'p'"},
        "a plan that two people approved",
    ),
    "a proposal by nothing": (
        "rebill_proposal", {"id": "900", "source_id": "NULL"}, "rebill_proposal_of_one",
    ),
    "a proposal by a file and a tariff": (
        "rebill_proposal", {"id": "900", "segment": "'x'", "tariff_id": "1"},
        "rebill_proposal_of_one",
    ),
    "a proposal twice": ("rebill_proposal", {"id": "900"}, "rebill_proposal.bill_id"),
    "a proposal closed twice": ("rebill_step", {"id": "900"}, "rebill_step.proposal_id"),
    "a proposal closed without a reason": (
        "rebill_step", {"id": "900", "proposal_id": "900", "why": "''"}, "rebill_step_has_reason",
    ),
    "an entry of nothing": ("entry", {"id": "900", "line": "9", "amount": "0"}, "amount_positive"),
    "an entry with one account": (
        "entry", {"id": "900", "line": "9", "debit_id": '"credit_id"'}, "entry_two_accounts",
    ),
    "an entry twice": ("entry", {"id": "900"}, "entry.transaction, entry.line"),
    "overlapping issued segments": (
        "issued_segment",
        {"id": "900", "version": "7", "date_to": "date(date_to, '+5 days')"},
        "segments of one agreement overlap",
    ),
    "a segment twice": (
        "issued_segment", {"id": "900", "live": "0"}, "agreement, issued_segment.date_from",
    ),
    "a held bill released by the preparer": (
        "decision", {"id": "900", "action": "'release'", "actor": f"'{PREPARER}'"}, "prepared",
    ),
    "a decision without a reason": ("decision", {"id": "900", "why": "''"}, "decision_has_reason"),
    "a run approved by its preparer": (
        "release", {"id": "'x'", "actor": f"'{PREPARER}'"}, "does not approve",
    ),
    "a bill that begins as issued": (
        "run_bill", {"id": "900", "bill": "'x'", "state": "'issued'"}, "does not begin",
    ),
    "a must-hold bill that begins as released": (
        "run_bill",
        {"id": "900", "bill": "'x'", "state": "'released'", "must_hold": "1"},
        "does not begin",
    ),
    "a tariff that overlaps": (
        "tariff_document",
        {"seq": "900", "digest": "'x'"},
        "two versions of one tariff overlap",
    ),
    "a file whose rows do not add up": (
        "source_file", {"digest": "'x'", "rows": '"rows" + 1'}, "source_file_rows_add_up",
    ),
    "more superseding rows than accepted ones": (
        "source_file", {"digest": "'x'", "superseding": '"accepted" + 1'}, "source_file_parts_fit",
    ),
    "waiting rows that are not quarantined": (
        "source_file",
        {"digest": "'x'", "waiting": '"quarantined" + 1'},
        "source_file_parts_fit",
    ),
    "an item of no kind": ("quarantine_item", {"id": "900", "kind": "'x'"}, "item_kind"),
    "an item without bytes": (
        "quarantine_item",
        {"id": "900", "source_id": "NULL"},
        "item_has_bytes",
    ),
    "an item closed twice": ("quarantine_step", {"id": "900"}, "quarantine_step.item_id"),
    "a step of no kind": (
        "quarantine_step", {"id": "900", "item_id": "1 + item_id", "action": "'x'"}, "step_action",
    ),
    "discarded without a reason": (
        "quarantine_step", {"id": "900", "item_id": "1 + item_id", "why": "''"}, "step_has_reason",
    ),
    "an issued segment moved": "UPDATE issued_segment SET date_to = '2027-01-01'",
    "an issued segment brought back to life": "UPDATE issued_segment SET live = 1",
    "an issued segment deleted": "DELETE FROM issued_segment",
    "a run edited": "UPDATE run SET root = 'x'",
    "a run opened again": "UPDATE run SET closed = NULL",
    "a run deleted": "DELETE FROM run",
    "an issued bill held again": "UPDATE run_bill SET state = 'held' WHERE state = 'issued'",
    "an excluded bill released": "UPDATE run_bill SET state = 'released' WHERE state = 'excluded'",
    "a must-hold bill made ordinary": "UPDATE run_bill SET must_hold = 1 - must_hold",
    "an approved leaf changed": "UPDATE run_bill SET leaf = 'x'",
    "a done delivery done again": "UPDATE outbox SET done = NULL WHERE done IS NOT NULL",
    "a row replaced": "INSERT OR REPLACE INTO ledger_account SELECT code FROM ledger_account",
}  # fmt: skip
"""What happens -> table, changed columns, what the refusal says; or a statement."""


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_refused(full, breach):
    """What must never be true cannot be written, whatever the code above does."""
    what = BREACHES[breach]
    sql, said = (
        (again(what[0], **what[1]), what[2]) if isinstance(what, tuple) else (what, "guard:")
    )
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match=re.escape(said)):
        cursor.execute(sql)


def test_a_version_in_place_of_others_is_that_of_its_plan(full):
    """Two approvals let in the document that was planned, and no other; it may overlap."""
    control.models.RebillApproval.objects.create(plan_id="p", at=AS_OF, actor="x", why="y")
    other = again("tariff_document", seq="900", digest="'sha256:o'", plan_id="'p'")
    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="a plan that two people approved"):
            cursor.execute(other)
        cursor.execute(other.replace("sha256:o", "sha256:n"))
    assert control.models.TariffDocument.objects.get(seq=900).plan_id == "p"


@pytest.mark.parametrize("name", sorted(guards.GUARDS["sqlite"]))
def test_start_up_misses_each_guard(ws, name):
    """Removed by whomever: the workspace does not open, and `check` names the guard."""
    connection.close()
    other_program(ws, f"DROP TRIGGER {name}")
    with pytest.raises(UnsafeSettings, match=name):
        Workspace.open(ws.path)
    damaged = Workspace.open(ws.path, guarded=False)
    (first,) = check(damaged, only={"guards"})

    assert not first.ok
    assert name in first.detail


def test_start_up_misses_a_guard_that_was_hollowed_out(ws):
    """A trigger of the same name that does nothing is not the guard."""
    connection.close()
    other_program(ws, "DROP TRIGGER guard_leaf_no_delete")
    other_program(
        ws, "CREATE TRIGGER guard_leaf_no_delete BEFORE DELETE ON leaf BEGIN SELECT 1; END"
    )
    with pytest.raises(UnsafeSettings, match="guard_leaf_no_delete"):
        Workspace.open(ws.path)


def test_start_up_misses_a_constraint(ws):
    """A table that was rebuilt without its unique key is noticed."""
    connection.close()
    other = sqlite3.connect(ws.database, isolation_level=None)
    other.execute("PRAGMA writable_schema = 1")
    other.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'entry_amount_positive', 'entry_other')"
        " WHERE name = 'entry'"
    )
    other.close()
    with pytest.raises(UnsafeSettings, match="entry_amount_positive"):
        Workspace.open(ws.path)


def test_guards_are_back_after_a_migration(ws):
    """Django drops SQLite's triggers when it rebuilds a table; they are put back after it."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER guard_entry_no_update")
    database.migrate()

    assert guards.missing() == []


@pytest.mark.parametrize(
    "pragma", ["synchronous=NORMAL", "foreign_keys=OFF", "journal_mode=DELETE"]
)
def test_a_connection_that_could_lose_data_is_refused(ws, monkeypatch, pragma):
    """A weaker setting, wherever it comes from, ends before the first statement."""
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    monkeypatch.setitem(options, "init_command", f"{options['init_command']}; PRAGMA {pragma}")
    with pytest.raises(UnsafeSettings, match=pragma.partition("=")[0]):
        Workspace.open(ws.path)
    connection.close()


def test_the_migrations_are_those_of_the_models():
    """A change of a model without its migration is noticed here."""
    from django.core.management import call_command

    call_command("makemigrations", "control", check=True, dry_run=True, verbosity=0)


GUARDS_WITH = (
    "0006_plans",
    "7b5460b12faa91beb86339f852016195711621cb04a0552b30b488f95d80b231",
)
"""The last migration, and the digest of the guards that it installs."""


def test_changed_guards_come_with_a_migration():
    """A workspace of an earlier version gets its new guards from a migration, even an empty one:
    without it start-up would take the old guards for tampering."""
    from pathlib import Path

    import gridtally.control.migrations as package

    folder = Path(package.__file__).parent
    last = max(path.stem for path in folder.glob("0*.py"))
    text = "\n".join(f"{name} {sql}" for name, sql in sorted(guards.GUARDS["sqlite"].items()))

    assert (last, sha256(text.encode())) == GUARDS_WITH
