"""The control database: triggers that keep the promises when the code above is wrong.

Django drops SQLite triggers silently when it rebuilds a table, so they are installed after every
migration, and start-up refuses to work without every one of them. Each has a test that goes red
when it is removed.
"""

from __future__ import annotations

from django.apps import apps
from django.db import connection

from gridtally.errors import UnsafeSettings

__all__ = ["GUARDS", "install", "missing", "verify"]

_APPEND_ONLY = (
    "compaction", "decision", "entry", "event", "fixed_setting", "head", "history_file",
    "issued_bill", "leaf", "ledger_account", "load", "master_table", "master_version", "opening",
    "pruned_file", "quarantine_item", "quarantine_step", "reading_file", "rebill_approval",
    "rebill_plan", "rebill_proposal", "rebill_step", "release", "release_item", "retired_file",
    "source_file", "tariff_document",
)  # fmt: skip
_NO_DELETE = ("issued_segment", "outbox", "run", "run_bill")
_TRANSITIONS = (
    "draft>released draft>held draft>excluded held>released held>superseded held>excluded "
    "released>held released>issued issued>cancelled"
)
"""`BillState`; a person may also exclude what is held."""


Guard = tuple[str, str]
"""Name and SQL."""


def _refuse(name: str, event: str, when: str, message: str) -> Guard:
    """A trigger that refuses `event` (such as `UPDATE ON leaf`) for the rows where `when` holds."""
    condition = f" WHEN {when}" if when else ""
    return name, (
        f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _same(*columns: str) -> str:
    return " AND ".join(f"NEW.{column} IS OLD.{column}" for column in columns)


def _dense(table: str, column: str, *, first: int, within: str = "") -> Guard:
    where = f" WHERE {within} = NEW.{within}" if within else ""
    # Names are those of this file: nothing from outside reaches this text.
    following = f'(SELECT COALESCE(MAX("{column}") + 1, {first}) FROM {table}{where})'  # noqa: S608
    return _refuse(
        f"guard_{table}_dense",
        f"INSERT ON {table}",
        f'NEW."{column}" <> {following}',
        f"guard: {table}.{column} must follow the last one without a hole",
    )


def _lasting() -> list[Guard]:
    """Tables that only grow, and tables that keep their rows."""
    grows = [
        _refuse(f"guard_{table}_no_{verb.lower()}", f"{verb} ON {table}", "",
                f"guard: {table} is append-only")
        for table in _APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]  # fmt: skip
    keeps = [
        _refuse(f"guard_{table}_no_delete", f"DELETE ON {table}", "",
                f"guard: {table} keeps every row")
        for table in _NO_DELETE
    ]  # fmt: skip
    return grows + keeps


def _ordered() -> list[Guard]:
    """Numbers without a hole, and periods that never overlap."""
    return [
        _dense("load", "seq", first=1),
        _dense("compaction", "seq", first=1),
        _dense("master_version", "seq", first=1),
        _dense("history_file", "seq", first=1),
        _dense("leaf", "index", first=0),
        _dense("issued_bill", "serial", first=1, within="series"),
        _refuse(
            "guard_tariff_document_no_overlap",
            "INSERT ON tariff_document",
            # One without an end lasts until the next begins, so that it overlaps with none.
            "NEW.plan_id IS NULL AND EXISTS"
            " (SELECT 1 FROM tariff_document t WHERE t.tariff = NEW.tariff"
            " AND (t.valid_from = NEW.valid_from"
            " OR t.valid_from < NEW.valid_from AND t.valid_to > NEW.valid_from"
            " OR t.valid_from > NEW.valid_from AND t.valid_from < NEW.valid_to))",
            "guard: two versions of one tariff overlap",
        ),
        _refuse(
            "guard_issued_segment_no_overlap",
            "INSERT ON issued_segment",
            "NEW.live AND EXISTS (SELECT 1 FROM issued_segment s WHERE s.live"
            " AND s.agreement = NEW.agreement AND s.date_from < NEW.date_to"
            " AND s.date_to > NEW.date_from)",
            "guard: issued segments of one agreement overlap",
        ),
    ]  # fmt: skip


def _manifest() -> list[Guard]:
    """No load grows afterwards, and no file is retired but into one that holds its rows."""
    return [
        _refuse(
            "guard_reading_file_with_its_load",
            "INSERT ON reading_file",
            "NEW.load_id > (SELECT MAX(seq) FROM load) OR NEW.compaction_id IS NULL"
            " AND NEW.load_id <> (SELECT MAX(seq) FROM load)",
            "guard: the files of a load are published with it",
        ),
        _refuse(
            "guard_retired_file_into",
            "INSERT ON retired_file",
            "NOT EXISTS (SELECT 1 FROM reading_file f JOIN reading_file i"
            " ON i.kind = f.kind AND i.month = f.month AND i.bucket = f.bucket"
            " AND i.load_id >= f.load_id WHERE f.id = NEW.file_id AND i.id = NEW.into_id"
            " AND i.id <> f.id AND i.compaction_id IS NOT NULL)"
            " OR EXISTS (SELECT 1 FROM retired_file r WHERE r.file_id = NEW.into_id)",
            "guard: a file is retired into a merged one of its month and bucket",
        ),
    ]


def _approved() -> list[Guard]:
    """Four eyes, and the states of a bill."""
    return [
        _refuse(
            "guard_release_four_eyes",
            "INSERT ON release",
            "EXISTS (SELECT 1 FROM run WHERE run.id = NEW.run_id AND run.actor = NEW.actor)",
            "guard: who prepared a run does not approve it",
        ),
        _refuse(
            "guard_decision_four_eyes",
            "INSERT ON decision",
            "NEW.action = 'release' AND EXISTS"
            " (SELECT 1 FROM run WHERE run.id = NEW.run_id AND run.actor = NEW.actor)",
            "guard: who prepared a run does not release what it held",
        ),
        _refuse(
            "guard_run_update",
            "UPDATE ON run",
            "NOT (OLD.closed IS NULL AND NEW.closed IS NOT NULL AND "
            + _same("id", "period_from", "period_to", "scope_digest", "root", "done_digest",
                    "parent_id", "actor", "recorded") + ")",
            "guard: a sealed run is never edited, only closed",
        ),
        _refuse(
            "guard_run_bill_begins",
            "INSERT ON run_bill",
            "NEW.state NOT IN ('draft', 'released', 'held', 'excluded')"
            " OR (NEW.must_hold AND NEW.state = 'released')",
            "guard: a bill of a run does not begin as issued",
        ),
        _refuse(
            "guard_run_bill_update",
            "UPDATE ON run_bill",
            "NOT (" + _same("id", "run_id", "bill", "account", "leaf", "must_hold")
            + f" AND instr(' {_TRANSITIONS} ', ' ' || OLD.state || '>' || NEW.state || ' ') > 0"
            " AND NOT (NEW.must_hold AND NEW.state = 'released'))",
            "guard: this change of a bill state is not allowed",
        ),
    ]  # fmt: skip


def _planned() -> list[Guard]:
    """A version over billed days: its plan, and two people who did not make it."""
    return [
        _refuse(
            "guard_rebill_approval_four_eyes",
            "INSERT ON rebill_approval",
            "EXISTS (SELECT 1 FROM rebill_plan p WHERE p.id = NEW.plan_id AND p.actor = NEW.actor)",
            "guard: who made a plan does not approve it",
        ),
        _refuse(
            "guard_tariff_document_planned",
            "INSERT ON tariff_document",
            "NEW.plan_id IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM rebill_plan p"
            " WHERE p.id = NEW.plan_id AND p.document = NEW.digest AND p.tariff = NEW.tariff)"
            " OR (SELECT COUNT(*) FROM rebill_approval a WHERE a.plan_id = NEW.plan_id) < 2)",
            "guard: a version over billed days has a plan that two people approved",
        ),
    ]


def _final() -> list[Guard]:
    """What is issued was released, and stays as it is."""
    return [
        _refuse(
            "guard_issued_bill_released",
            "INSERT ON issued_bill",
            "NEW.version = 0 AND NOT EXISTS (SELECT 1 FROM run_bill b JOIN release_item i"
            " ON i.bill = b.bill AND i.leaf = b.leaf JOIN release r ON r.id = i.release_id"
            " WHERE b.run_id = NEW.run_id AND b.bill = NEW.bill AND b.state = 'released'"
            " AND i.release_id = NEW.release_id AND r.run_id = NEW.run_id)",
            "guard: only a released bill is issued, as it was approved",
        ),
        _refuse(
            "guard_issued_segment_update",
            "UPDATE ON issued_segment",
            "NOT (OLD.live AND NOT NEW.live AND "
            + _same("id", "bill_id", "segment", "agreement", "metering_point", "date_from",
                    "date_to", "start_utc", "end_utc", "version") + ")",
            "guard: an issued segment is never edited, only cancelled",
        ),
        _refuse(
            "guard_outbox_update",
            "UPDATE ON outbox",
            "OLD.done IS NOT NULL OR NOT (" + _same("id", "bill_id", "kind", "copy") + ")",
            "guard: a delivery that is done stays as it is",
        ),
    ]  # fmt: skip


GUARDS = {
    "sqlite": dict(_lasting() + _ordered() + _manifest() + _approved() + _planned() + _final())
}
"""By engine: the name of every guard and its SQL."""


def _expected() -> dict[str, str]:
    if connection.vendor not in GUARDS:
        raise UnsafeSettings(
            f"There are no guards for the engine {connection.vendor!r}.",
            remedy="Use SQLite: without its guards the control database is not safe.",
        )
    return GUARDS[connection.vendor]


def install() -> None:
    """Put every guard in place, replacing what stands there under its name."""
    with connection.cursor() as cursor:
        for name, sql in _expected().items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(sql)


def missing() -> list[str]:
    """Names of guards and constraints that are not in the database, or not as they should be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = dict(cursor.fetchall())
    absent = [name for name, sql in _expected().items() if found.get(name) != sql]
    text = "\n".join(found.values())
    for model in apps.get_app_config("control").get_models():
        absent += [c.name for c in model._meta.constraints if f'"{c.name}"' not in text]
    return absent


def verify() -> None:
    """Raise `UnsafeSettings` when a guard or constraint is missing or was changed."""
    if absent := missing():
        raise UnsafeSettings(
            f"The control database lacks {len(absent)} of its guards, such as {absent[0]}.",
            remedy="Somebody changed the database outside Gridtally. Find out who and why, run "
            "`gridtally check`, then restore the database from a backup.",
        )
