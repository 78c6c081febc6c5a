"""The list of planted mutations fits the code: `./run mutants` can apply each."""

import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import mutants


def test_every_mutation_still_fits():
    """Each text stands in its file exactly once, each test file is there, no name comes twice."""
    assert mutants.misfits(mutants.read()) == []


def test_every_mutation_changes_something():
    """A replacement differs from what it replaces, and gives a file that can be read."""
    for mutation in mutants.read():
        assert mutation.replacement != mutation.text, mutation.name
        whole = (mutants.ROOT / mutants.SOURCE / mutation.file).read_text()
        changed = whole.replace(mutation.text, mutation.replacement)
        if mutation.file.endswith(".toml"):
            tomllib.loads(changed)
        else:
            compile(changed, mutation.file, "exec")
