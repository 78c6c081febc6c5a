"""The store: `validation.toml`, the thresholds of a workspace as text, and its earlier versions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gridtally.errors import NotFound
from gridtally.store import files
from gridtally.store.workspace import Workspace

__all__ = ["FILE", "current", "keep", "read", "versions"]

FILE = "validation.toml"
_FOLDER = "validation"


def current(ws: Workspace) -> str | None:
    """The text in force; None where the defaults are."""
    path = ws.path / FILE
    return path.read_text("utf-8") if path.is_file() else None


def versions(ws: Workspace) -> list[str]:
    """The names of the versions that were kept, in order of their days."""
    return sorted(path.stem for path in (ws.path / _FOLDER).glob("*.toml"))


def read(ws: Workspace, name: str) -> str:
    """The text of a version, by its name or the beginning of it. Raises `NotFound`."""
    found = [version for version in versions(ws) if version.startswith(name)]
    if len(found) != 1:
        known = ", ".join(found or versions(ws)) or "none"
        raise NotFound(
            f"There is no one version {name[:40]!r} of the thresholds.", remedy=f"Kept: {known}."
        )
    return (ws.path / _FOLDER / f"{found[0]}.toml").read_text("utf-8")


def keep(ws: Workspace, text: str, *, as_of: int) -> Path:
    """Put a text in force; it and the one before stay under the day and the digest of each."""
    before = current(ws)
    day = datetime.fromtimestamp(as_of, UTC).date()
    kept = [_version(ws, one, day) for one in (before, text) if one is not None]
    files.write(ws.path / FILE, text.encode())
    return kept[-1]


def _version(ws: Workspace, text: str, day: object) -> Path:
    """The file of a version; the same text is kept once."""
    digest = files.sha256(text.encode())[:8]
    folder = ws.path / _FOLDER
    folder.mkdir(exist_ok=True)
    known = sorted(folder.glob(f"*-{digest}.toml"))
    path = known[0] if known else folder / f"{day}-{digest}.toml"
    if not known:
        files.write(path, text.encode())
    return path
