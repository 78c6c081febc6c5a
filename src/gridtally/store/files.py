"""The store: bytes reach the disk whole or not at all, before the SQL commit that names them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from mmap import mmap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gridtally.errors import Corrupt

__all__ = ["read_checked", "sha256", "sync_dir", "table_bytes", "table_of", "write", "write_many"]


def sha256(data: bytes | memoryview | mmap) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes | memoryview) -> None:
    """Make `path` hold `data`: temporary file, fsync, rename, fsync of the folder.

    A reader, and a restart after a power cut, sees the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _put(path, data)
    sync_dir(path.parent)


def _put(path: Path, data: bytes | memoryview) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_many(contents: Mapping[Path, bytes | memoryview]) -> None:
    """`write` for many files: their fsyncs wait for the disk together, each folder's once."""
    for folder in {path.parent for path in contents}:
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(lambda item: _put(*item), contents.items()))
    for folder in {path.parent for path in contents}:
        sync_dir(folder)


def sync_dir(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def table_bytes(table: pa.Table, *, plain: tuple[str, ...] = ()) -> memoryview:
    """A table as Parquet bytes (lz4); columns in `plain` are written without a dictionary."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="lz4",
        row_group_size=max(1, table.num_rows),
        use_dictionary=[name for name in table.column_names if name not in plain],
        write_statistics=False,
    )
    return memoryview(sink.getvalue())


def table_of(
    data: bytes, *, columns: Sequence[str] | None = None, texts: Sequence[str] = ()
) -> pa.Table:
    """Parquet bytes as a table: `columns` of it, those in `texts` as dictionaries.

    By this thread alone: a worker of Arrow's lets go of Python's bytes after the call is over, and
    where Python ends at this moment, the process is killed. `pq.read_table` has workers always.
    """
    with pq.ParquetFile(pa.BufferReader(data), read_dictionary=list(texts)) as file:
        table = file.read(columns=columns, use_threads=False)
    return table if columns is None else table.select(columns)


def read_checked(path: Path, digest: str) -> bytes:
    """The bytes of a file whose SHA-256 was recorded. Raises `Corrupt` when they differ."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = None
    if data is None or sha256(data) != digest.removeprefix("sha256:"):
        raise Corrupt(
            f"{path} is {'gone' if data is None else 'not what was stored'}.",
            remedy="Restore it from a backup; `gridtally check` lists everything that differs.",
        )
    return data
