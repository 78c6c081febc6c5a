"""A door to knock on, and one small town for all tests of this folder."""

import contextlib
import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import small_town

from gridtally import cli

ROOT = Path(__file__).parents[2]
FIRST_BILL = ROOT / "docs" / "first-bill"


@dataclass
class Said:
    """What a command said: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The JSON on stdout, and nothing else there."""
        return json.loads(self.out)

    @property
    def calm(self):
        """The one error message: no traceback."""
        assert self.code == 2
        assert self.out == ""
        assert "Traceback" not in self.err
        return self.err


def knock(*words):
    """Run the command line in this process, as `gridtally WORDS`."""
    out, err = io.StringIO(), io.StringIO()
    code = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gridtally", *map(str, words)])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as end:
                code = end.code
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def door(tmp_path_factory):
    """`door("status", "-w", folder)`; keys lie in a folder of the test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDTALLY_KEYS", str(tmp_path_factory.mktemp("keys")))
        patch.delenv("FORCE_COLOR", raising=False)
        yield knock


@pytest.fixture(scope="session")
def delivered(tmp_path_factory):
    """The files of a small town."""
    return small_town.build(tmp_path_factory.mktemp("doors") / "delivered")


@pytest.fixture(scope="session")
def received(door, delivered, tmp_path_factory):
    """A workspace with all files, and September in its history."""
    ws = small_town.workspace(tmp_path_factory.mktemp("received") / "town")
    small_town.receive(ws, small_town.files(delivered))
    small_town.past(ws)
    return ws.path


@pytest.fixture(scope="session")
def billed(door, received, tmp_path_factory):
    """A copy of it in which October was run by ana; the folder and the run's JSON."""
    path = tmp_path_factory.mktemp("billed") / "town"
    shutil.copytree(received, path)
    said = door("run", "2026-10", "-w", path, "--as", "ana", "--json")
    assert said.code == 0, said.err
    return path, said.json


@pytest.fixture(scope="session")
def issued(door, billed, tmp_path_factory):
    """A copy of that in which bruno released and ana issued; the folder and the issue's JSON."""
    path = tmp_path_factory.mktemp("issued") / "town"
    shutil.copytree(billed[0], path)
    release = door("release", "2026-10", "-w", path, "--as", "bruno", "--json")
    assert release.code == 0, release.err
    said = door("issue", release.json["release"], "-w", path, "--as", "ana", "--json")
    assert said.code == 0, said.err
    return path, said.json
