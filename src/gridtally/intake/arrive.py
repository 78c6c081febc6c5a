"""Step 1: delivered bytes come in: their digest, and a large file as a copy that is mapped.

A file may be cut or grow while it is read; so a large one is copied first, and the copy is what is
decoded and kept. Small ones are held in memory.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from gridtally.errors import NotFound
from gridtally.intake.archive import SMALL, UNPACKED_MAX, Buffer
from gridtally.intake.words import refuse
from gridtally.store import files
from gridtally.store.workspace import Workspace

__all__ = ["Arrived", "arrive"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery: its bytes, their SHA-256 and number. `copy` is a file that is not kept yet."""

    data: Buffer
    digest: str
    size: int
    copy: Path | None = None

    def require_size(self, *, name: str) -> None:
        """Refuse a file that is larger than any that is read; its bytes were not taken."""
        if self.size > UNPACKED_MAX:
            raise refuse("intake.file.large", file=name, expected=UNPACKED_MAX >> 20)

    def keep(self, path: Path) -> None:
        """Keep the bytes under this name, for good. A file that is too large is not kept."""
        if self.copy is None:
            if len(self.data) == self.size:
                files.write(path, memoryview(self.data))
        elif path.exists():
            self.copy.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.copy.replace(path)
            files.sync_dir(path.parent)

    def drop(self) -> None:
        """Forget the bytes: they are kept already."""
        if self.copy is not None:
            self.copy.unlink()


def arrive(ws: Workspace, delivered: bytes | Path) -> Arrived:
    """Take bytes in. Raises `NotFound` when the file cannot be read."""
    if isinstance(delivered, bytes):
        return Arrived(delivered, files.sha256(delivered), len(delivered))
    try:
        size = delivered.stat().st_size
        if size > UNPACKED_MAX:
            return Arrived(b"", _digest(delivered), size)
        if size <= SMALL:
            data = delivered.read_bytes()
            return Arrived(data, files.sha256(data), len(data))
        return _copied(delivered, ws.path / "raw" / "arriving" / secrets.token_hex(8))
    except OSError as err:
        raise NotFound(
            f"{delivered} cannot be read: {err.strerror}.", remedy="Check its name and rights."
        ) from err


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copied(path: Path, copy: Path) -> Arrived:
    """A copy of the file on disk, mapped."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, copy.open("wb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    with copy.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Arrived(data, digest.hexdigest(), size, copy)
