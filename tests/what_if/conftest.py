"""A workspace written by hand."""

import shutil
import sys
from pathlib import Path

import pytest
from django.db import connection

sys.path.insert(0, str(Path(__file__).parent))
from what_if_world import ZONE, World

from gridtally.store.settings import Settings
from gridtally.store.workspace import Workspace


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A new workspace to copy: making one runs the migrations."""
    path = tmp_path_factory.mktemp("what-if") / "town"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDTALLY_KEYS", str(path.parent / "keys"))
        Workspace.create(path, Settings(name="hand", zone=ZONE))
    connection.close()
    return path


@pytest.fixture
def world(empty, tmp_path, monkeypatch):
    """An empty one."""
    monkeypatch.setenv("GRIDTALLY_KEYS", str(tmp_path / "keys"))
    shutil.copytree(empty, tmp_path / "town")
    return World(Workspace.open(tmp_path / "town"))
