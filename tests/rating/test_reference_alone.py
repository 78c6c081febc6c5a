"""The second opinion stands alone: the standard library and its own files, nothing else."""

import ast
import sys
from pathlib import Path

import pytest

from gridtally.rating import reference

FILES = sorted(Path(reference.__file__).parent.rglob("*.py"))


def imports(tree):
    """Every module, or member of a package, that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            whole = node.module in ("gridtally", "gridtally.rating")
            yield from (
                f"{node.module}.{name.name}" if whole else node.module for name in node.names
            )


def test_the_second_opinion_has_files():
    """What is checked below is there."""
    assert {"segment", "tariff", "span", "sessions"} <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_imports_of_the_second_opinion(file):
    """No line of the kernel, no package: an error there cannot be an error here."""
    alien = {
        name
        for name in imports(ast.parse(file.read_text(encoding="utf-8")))
        if not f"{name}.".startswith(f"{reference.__name__}.")
        and name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert alien == set()
