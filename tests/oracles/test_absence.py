"""Oracles that are not there: a skip in `./run test`, a failure in `./run oracles`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("must", "code", "said"),
    [("", 0, "no NEM12 oracles"), ("1", 1, "Nothing to compare with: no NEM12")],
)
def test_absence(tmp_path, must, code, said):
    """The verb says what is missing and is red; the tests of everyday say it and go on."""
    given = {"GRIDTALLY_ORACLES": str(tmp_path), "GRIDTALLY_ORACLES_MUST": must}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:xdist", "tests/oracles/test_nem12.py"],
        cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout[-2000:]


def test_the_verb_asks_for_them():
    """`./run oracles` sets what makes absence a failure."""
    (line,) = (row for row in (ROOT / "run").read_text().splitlines() if "oracles)" in row)
    assert "GRIDTALLY_ORACLES_MUST=1" in line
