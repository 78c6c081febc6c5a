"""Each promise of docs/promises.md names planted faults that exist."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import mutants

ROOT = mutants.ROOT
ROWS = re.findall(
    r"^\| \*\*(I-\d\d) .*?\| (.*?) \| (.*?) \|$", (ROOT / "docs" / "promises.md").read_text(), re.M
)


def test_every_promise_is_there():
    """I-01 to I-10, each once, in order."""
    assert [name for name, _, _ in ROWS] == [f"I-{number:02}" for number in range(1, 11)]


def test_every_promise_names_planted_faults():
    """At least one each, and all of them are in tools/mutations.toml."""
    known = {mutation.name for mutation in mutants.read()}
    for promise, _, planted in ROWS:
        named = set(re.findall(r"`([^`]+)`", planted))
        assert named, promise
        assert named <= known, f"{promise}: {named - known}"


def test_what_keeps_a_promise_is_there():
    """Each file that is named exists."""
    for promise, kept, _ in ROWS:
        for path in re.findall(r"`([a-z_/]+(?:\.py|/[a-z_]+))`", kept):
            assert (ROOT / "src" / "gridtally" / path).exists(), f"{promise}: {path}"
