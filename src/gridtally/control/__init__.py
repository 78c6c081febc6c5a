"""The control database: every model, its guards, its migrations.

Importing this costs nothing. `setup` loads Django; after it `control.models`, `control.database`
and `control.guards` load when they are first used, so that nobody who only rates pays for them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridtally.control import database, guards, models

__all__ = ["database", "guards", "models", "setup"]


def setup(database_path: Path) -> None:
    """Make `database_path` the control database of this process. Calling it again costs nothing."""
    import_module("gridtally.control.database").setup(database_path)


def __getattr__(name: str) -> ModuleType:
    if name in ("database", "guards", "models"):
        return import_module(f"gridtally.control.{name}")
    raise AttributeError(name)
