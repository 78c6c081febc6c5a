"""The store: a workspace is one folder with everything of one supplier, except the keys.

gridtally.toml   settings             control.db   the control database (SQLite)
raw/             delivered bytes      readings/    interval blocks, immutable Parquet
registers/       register readings    remarks/     what senders said beside the values
master/          master data versions tariffs/     tariff documents
runs/            one folder per run   history/     issued segments
documents/       records, bills       proofs/      proof files
published/       signed heads, outside the database
plans/           what tariff versions would change on billed days
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gridtally import control
from gridtally.errors import Conflict, NotFound, UnsafeSettings
from gridtally.store import files
from gridtally.store.settings import FIXED, Settings, parse, render

__all__ = ["FOLDERS", "SETTINGS_FILE", "Workspace", "keys_dir"]

SETTINGS_FILE = "gridtally.toml"
DATABASE = "control.db"
FOLDERS = (
    "raw", "readings", "registers", "remarks", "master", "tariffs", "runs", "history",
    "documents", "proofs", "published", "plans",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open workspace: its absolute folder and its settings."""

    path: Path
    settings: Settings

    @classmethod
    def create(cls, path: Path | str, settings: Settings) -> Workspace:
        """Make a workspace in a new or empty folder. The settings file is written last.

        Raises `Conflict` when something is there, `InvalidDocument` when settings are wrong.
        """
        root = Path(path).absolute()
        text = render(settings)
        parse(text)
        if (root / SETTINGS_FILE).exists():
            raise Conflict(
                f"{root} is a workspace already.", remedy="Open it, or choose another folder."
            )
        leftovers = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", *FOLDERS}
        if root.exists() and any(entry.name not in leftovers for entry in root.iterdir()):
            raise Conflict(
                f"{root} is not empty.", remedy="A workspace needs a new or an empty folder."
            )
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        _make_database(root / DATABASE, settings)
        files.write(root / SETTINGS_FILE, text.encode())
        return cls.open(root)

    @classmethod
    def open(cls, path: Path | str = ".", *, guarded: bool = True) -> Workspace:
        """Open the workspace that `path` lies in, looking upwards as git does.

        `guarded` False lets `gridtally check`, which only reads, look at a damaged one.

        Raises `NotFound`, `InvalidDocument`, or `UnsafeSettings` when a guard is missing, the
        keys lie inside, or a fixed setting was changed.
        """
        start = Path(path).absolute()
        root = next((p for p in (start, *start.parents) if (p / SETTINGS_FILE).is_file()), None)
        if root is None:
            raise NotFound(
                f"There is no workspace in {start} or above.",
                remedy="Make one with `gridtally init`, or go into one.",
            )
        text = (root / SETTINGS_FILE).read_text(encoding="utf-8")
        workspace = cls(root, parse(text, file=str(root / SETTINGS_FILE)))
        _require_keys_outside(root)
        _open_database(workspace, guarded=guarded)
        return workspace

    @property
    def database(self) -> Path:
        """The control database."""
        return self.path / DATABASE

    def relative(self, path: Path) -> str:
        """How the control database names a file of this workspace."""
        return path.relative_to(self.path).as_posix()


def keys_dir() -> Path:
    """Where signing keys live, never inside a workspace: `GRIDTALLY_KEYS`, else per user."""
    if given := os.environ.get("GRIDTALLY_KEYS"):
        return Path(given).absolute()
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "gridtally" / "keys"


def _require_keys_outside(root: Path) -> None:
    keys = keys_dir().resolve()
    if keys.is_relative_to(root.resolve()):
        raise UnsafeSettings(
            f"The signing keys would lie inside the workspace, in {keys}.",
            remedy="Set GRIDTALLY_KEYS to a folder elsewhere: who copies a workspace must not "
            "get the keys with it.",
        )


def _make_database(path: Path, settings: Settings) -> None:
    control.setup(path)
    control.database.migrate()
    with control.database.atomic():
        for key in FIXED:
            control.models.FixedSetting.objects.get_or_create(
                key=key, defaults={"value": str(getattr(settings, key))}
            )


def _open_database(workspace: Workspace, *, guarded: bool) -> None:
    if not workspace.database.is_file():
        raise NotFound(
            f"{workspace.database} is gone.", remedy="Restore the workspace from a backup."
        )
    control.setup(workspace.database)
    if not guarded:
        return
    if control.database.pending():
        control.database.migrate()
    control.guards.verify()
    recorded = dict(control.models.FixedSetting.objects.values_list("key", "value"))
    for key in FIXED:
        if recorded.get(key) != str(getattr(workspace.settings, key)):
            raise UnsafeSettings(
                f"The setting {key} was {recorded.get(key)} when this workspace was made.",
                remedy=f"Set it back in {SETTINGS_FILE}: stored files depend on it.",
            )
