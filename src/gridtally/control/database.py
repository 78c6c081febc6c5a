"""The control database: settings in code, durable connections, migrations, guards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import django
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.signals import connection_created

from gridtally.errors import GridtallyError, UnsafeSettings

__all__ = ["atomic", "in_chunks", "insert", "migrate", "pending", "reading", "setup"]

_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "PRAGMA recursive_triggers=ON"  # or INSERT OR REPLACE would delete past the guards
)
_DURABLE = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
_WAIT_S = 60
Item = TypeVar("Item")


def setup(path: Path) -> None:
    """Make `path` the control database of this process. Calling it again costs nothing."""
    if not settings.configured:
        settings.configure(
            DATABASES={"default": _database(path)},
            INSTALLED_APPS=["gridtally.control.apps.ControlConfig"],
            USE_TZ=True,
            LOGGING_CONFIG=None,
        )
        connection_created.connect(_require_durable, dispatch_uid="gridtally.durable")
    if not apps.ready:
        django.setup()
    current = connections.databases["default"]
    if current["NAME"] != str(path):
        connection.close()
        current["NAME"] = str(path)
        connection.settings_dict["NAME"] = str(path)


def _database(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": _WAIT_S,
            "init_command": _PRAGMAS,
        },
    }


def _require_durable(connection: Any, **_: object) -> None:
    """Refuse a connection that could lose a committed transaction."""
    with connection.cursor() as cursor:
        for name, wanted in _DURABLE.items():
            found = cursor.execute(f"PRAGMA {name}").fetchone()[0]
            if found != wanted:
                connection.close()
                raise UnsafeSettings(
                    f"The control database works with {name} = {found}, not {wanted}.",
                    remedy="Keep the workspace on a local disk whose file system supports "
                    "write-ahead logging; network shares do not.",
                )


def migrate() -> None:
    """Bring the database to the models of this version, then put the guards in place."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def pending() -> bool:
    """Whether the database is older than the models of this version."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def reading() -> Iterator[None]:
    """One consistent view of the database for several queries; takes no write lock."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")


@contextmanager
def atomic() -> Iterator[None]:
    """One transaction that takes the write lock at once, and is on disk when it ends.

    Nothing else may be open: a nested one would only pretend to be durable.
    """
    try:
        with transaction.atomic(durable=True):
            yield
    except DatabaseError as err:
        cause = err.__cause__
        if isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause):
            raise GridtallyError(
                f"Another process kept the control database busy for {_WAIT_S} seconds.",
                remedy="Let it finish, then try again.",
                code="busy",
            ) from err
        raise


def insert(model: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert many rows, given as column -> value; what they leave out has the model's default.

    Issue spent 80 % of its time in `bulk_create`, which makes SQL for each value (2026-11).
    """
    rows = list(rows)
    if not rows:
        return
    fields = {field.attname: field for field in model._meta.concrete_fields}
    given = [fields[name] for name in rows[0]]
    defaults = {f: f.get_default() for f in fields.values() if f not in given and f.has_default()}
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in (*given, *defaults))
    marks = ", ".join(["%s"] * (len(given) + len(defaults)))
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})"  # noqa: S608
    names, fixed = list(rows[0]), tuple(defaults.values())
    with connection.cursor() as cursor:
        cursor.executemany(sql, [tuple(row[name] for name in names) + fixed for row in rows])


def in_chunks(items: Sequence[Item], *, size: int = 500) -> Iterator[list[Item]]:
    """A sequence in parts that fit into the variables of one SQL statement."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
