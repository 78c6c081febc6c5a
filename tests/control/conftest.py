"""Fixtures: a workspace of one's own, and processes that race (`tests/store/workspaces.py`)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
from workspaces import nursery, template, ws  # noqa: F401  fixtures
