"""Fixtures of all tests that need a workspace with its database: what each conftest imports."""

import shutil

import pytest
from django.db import connection
from nursery import Nursery
from synthetic import workspace

from gridtally.store.workspace import Workspace

__all__ = ["nursery", "template", "ws"]


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A new workspace to copy: making one runs the migrations."""
    path = tmp_path_factory.mktemp("template") / "town"
    workspace(path, buckets=2)
    connection.close()
    return path


@pytest.fixture
def ws(template, tmp_path):
    """A new workspace with two buckets."""
    shutil.copytree(template, tmp_path / "town")
    return Workspace.open(tmp_path / "town")


@pytest.fixture(scope="package")
def nursery():
    """Where processes come from that race or are killed."""
    nursery = Nursery()
    yield nursery
    nursery.close()
