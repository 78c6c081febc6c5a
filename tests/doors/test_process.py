"""What only a process of its own can show: exit codes, colours, a pipe that closes."""

import os
import subprocess
import sys

import pytest

from conftest import FIRST_BILL

READINGS = FIRST_BILL / "october.csv"


def gridtally(*words, **environment):
    """`python -m gridtally`, output kept."""
    return subprocess.run(
        [sys.executable, "-m", "gridtally", *map(str, words)],
        env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [(("formats",), 0), (("decode", FIRST_BILL / "home-tou.toml"), 1), (("decode", "no.csv"), 2)],
)
def test_exit_codes(words, code):
    """Yes, no, could not; plain text without escapes when nobody watches."""
    done = gridtally(*words)
    assert done.returncode == code
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_no_color():
    """NO_COLOR is heeded where colours would be shown."""
    words = ("decode", FIRST_BILL / "home-tou.toml")
    assert "\x1b[31m" in gridtally(*words, FORCE_COLOR="1", NO_COLOR="").stderr
    assert "\x1b[31m" not in gridtally(*words, FORCE_COLOR="1", NO_COLOR="1").stderr
