"""The second opinion stands alone: the standard library and its own files, nothing else."""

import ast
import sys
from pathlib import Path

import pytest

from gridtally import rating

FILES = [
    file
    for file in sorted(Path(rating.__file__).parent.glob("reference*.py"))
    if file.stem == "reference" or file.stem.startswith("reference_")
]


def imports(tree):
    """Every module, or member of a package, that a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            whole = node.module == "gridtally.rating"
            yield from (
                f"{node.module}.{name.name}" if whole else node.module for name in node.names
            )


def test_the_second_opinion_has_files():
    """What is checked below is there."""
    assert {"reference", "reference_tariff", "reference_span"} <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_imports_of_the_second_opinion(file):
    """No line of the kernel, no package: an error there cannot be an error here."""
    own = {f"gridtally.rating.{each.stem}" for each in FILES}
    alien = {
        name
        for name in imports(ast.parse(file.read_text(encoding="utf-8")))
        if name not in own and name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert alien == set()
