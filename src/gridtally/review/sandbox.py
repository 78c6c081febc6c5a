"""Step 8, the closed room in which rules run: DuckDB in memory that sees registered tables only.

No file, no network, no extension, no write, no Python variable; bounded in memory and time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from gridtally.errors import GridtallyError, InvalidDocument

__all__ = ["Sandbox", "sandbox"]

_CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "max_temp_directory_size": "0B",
    "temp_directory": "",
    "error_on_division_by_zero": "false",  # null: one odd bill must not stop the audit
}


class Sandbox:
    """Tables by name, and one SELECT at a time over them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, seconds: int) -> None:
        self._connection = connection
        self._seconds = seconds

    def select(self, sql: str, parameters: Mapping[str, Any], *, name: str) -> pa.Table:
        """The rows of a SELECT. Raises `InvalidDocument` when it cannot run as written."""
        with self._guarded(name):
            return self._connection.sql(sql, params=dict(parameters) or None).to_arrow_table()

    def keep(self, name: str, sql: str, parameters: Mapping[str, Any]) -> None:
        """Compute a SELECT once and keep it as the table `name`, its types as they are."""
        with self._guarded(name):
            self._connection.execute(f"CREATE TEMP TABLE {name} AS {sql}", dict(parameters) or None)

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        watchdog = threading.Timer(self._seconds, self._connection.interrupt)
        watchdog.start()
        try:
            yield
        except duckdb.InterruptException as err:
            raise GridtallyError(
                f"{name} ran longer than {self._seconds} s and was stopped.",
                remedy="Make its SELECT cheaper, or raise the time limit of the audit.",
                file=name,
                code="review.rule.slow",
            ) from err
        except duckdb.OutOfMemoryException as err:
            raise GridtallyError(
                f"{name} needs more memory than the audit may use.",
                remedy="Narrow its joins, or raise the memory limit of the audit.",
                file=name,
                code="review.rule.memory",
            ) from err
        except duckdb.Error as err:
            raise InvalidDocument(
                f"The SELECT of {name} does not run: {' '.join(str(err).split())[:300]}",
                remedy="docs/rules.md lists the tables and columns that a rule may read.",
                file=name,
                code="review.rule.invalid",
            ) from err
        finally:
            watchdog.cancel()


@contextmanager
def sandbox(
    tables: Mapping[str, pa.Table],
    *,
    threads: int = 1,
    memory_mib: int = 1024,
    seconds: int = 120,
) -> Iterator[Sandbox]:
    """Open the room with these tables; settings are locked before the first SELECT."""
    config: dict[str, str | bool | int | float | list[str]] = {**_CLOSED}
    config |= {"threads": str(threads), "memory_limit": f"{memory_mib}MiB"}
    connection = duckdb.connect(":memory:", config=config)
    try:
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute("SET lock_configuration = true")
        yield Sandbox(connection, seconds=seconds)
    finally:
        connection.close()
