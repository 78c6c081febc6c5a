"""The list of planted mutations fits the code: `./run mutants` can apply each."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import mutants


def test_every_mutation_still_fits():
    """Each text stands in its file exactly once, each test file is there, no name comes twice."""
    assert mutants.misfits(mutants.read()) == []


def test_every_mutation_changes_something():
    """A replacement differs from what it replaces, and gives a module that Python reads."""
    for mutation in mutants.read():
        assert mutation.replacement != mutation.text, mutation.name
        whole = (mutants.ROOT / mutants.SOURCE / mutation.file).read_text()
        compile(whole.replace(mutation.text, mutation.replacement), mutation.file, "exec")
