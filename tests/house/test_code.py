"""Rules about the code itself, as tests: each names its replacement when it goes red."""

import ast
import os
import re
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "gridtally").rglob("*.py"))
WAIVED_LENGTH: dict[str, str] = {
    "intake/words.py": "a table of sentences: all that decoding says stands side by side",
    "control/models.py": "the whole control database is read on one page, in the order of the flow",
}
"""Files over 400 lines, each with its reason."""


def modules():
    return [pytest.param(path, id=str(path.relative_to(ROOT / "src"))) for path in SOURCES]


def in_door(path):
    return path.name == "__main__.py" or "cli" in path.parts


@pytest.mark.parametrize("path", modules())
def test_a_module_says_its_place(path):
    """The first line of every module's docstring is a sentence about its place in the flow."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    if "migrations" not in path.parts:
        assert len(docstring.split("\n")[0]) > 10, f"{path.name}: say what step it serves"


@pytest.mark.parametrize("path", modules())
def test_a_file_is_small(path):
    """Over 400 lines is a smell; a reasoned waiver beats a split that hurts."""
    name = str(path.relative_to(ROOT / "src" / "gridtally"))
    if name not in WAIVED_LENGTH and "migrations" not in path.parts:
        assert len(path.read_text().splitlines()) <= 400, f"split {name}, or waive it with a reason"


@pytest.mark.parametrize("path", modules())
def test_a_function_is_short(path):
    """Sixty lines is the most that a function takes, docstring aside."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and "migrations" not in path.parts:
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = (node.end_lineno or 0) - first.lineno + 1
            assert length <= 60, f"{path.name}: {node.name} has {length} lines"


CLOCKS = re.compile(
    r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time\(|time\.localtime|timezone\.now)"
)


@pytest.mark.parametrize("path", modules())
def test_no_clock_inside(path):
    """Only the doors read the clock; everything else takes `as_of`."""
    if not in_door(path):
        found = CLOCKS.findall(path.read_text())
        assert not found, f"{path.name} reads the clock: {found}; pass as_of in"


EXACT_ROOMS = ("rating", "subledger", "proof", "intake", "metering", "quote")


@pytest.mark.parametrize("path", [p for p in modules() if p.values[0].parent.parts])
def test_no_float_between_a_reading_and_a_cent(path):
    """No float literal, no `float(...)`, no float dtype in a room that touches energy or money."""
    room = path.relative_to(ROOT / "src" / "gridtally").parts[0]
    if room not in EXACT_ROOMS and path.name not in ("money.py", "periods.py"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            pytest.fail(f"{path.name}:{node.lineno}: {node.value}: use an integer or a Decimal")
        if isinstance(node, ast.Name) and node.id == "float" and isinstance(node.ctx, ast.Load):
            pytest.fail(f"{path.name}:{node.lineno}: float: use an integer or a Decimal")
        if isinstance(node, ast.Attribute) and node.attr in ("float64", "float32", "double"):
            pytest.fail(f"{path.name}:{node.lineno}: {node.attr}: use int64")


def handed_to_workers(call):
    """Whether a call has Arrow's workers hold tables or bytes that are Python's."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    alone = any(key.arg == "use_threads" and not key.value.value for key in call.keywords)
    if name == "join":  # of tables: that of texts has one argument, that of places begins with text
        text = call.args and isinstance(call.args[0], ast.Constant)
        return len(call.args) > 1 and not text and not alone
    if name == "read_table":  # has workers always: harmless with a path, which Arrow opens itself
        return not alone or "BufferReader" in ast.unparse(call)
    return name == "group_by" and not alone


@pytest.mark.parametrize("path", modules())
def test_arrow_lets_go_before_python_ends(path):
    """No worker of Arrow's holds Python's memory: one that lets go of it at the end of a command,
    while Python shuts down, has the process killed after it answered (store/files.py)."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    found = [node.lineno for node in calls if handed_to_workers(node)]
    assert not found, f"{path.name}:{found}: say use_threads=False, read bytes with files.table_of"


@pytest.mark.parametrize("path", modules())
def test_nothing_is_left_open(path):
    """No stub called done."""
    found = re.findall(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text())
    assert not found, f"{path.name}: {found}"


def test_every_column_is_explained():
    """Each table and column has a sentence or is plain from its name."""
    import pyarrow as pa

    from gridtally import tables

    shared = [getattr(tables, name) for name in tables.__all__]
    schemas = [table for table in shared if isinstance(table, pa.Schema)]
    assert len(schemas) > 15
    for schema in schemas:
        assert schema.metadata[b"doc"]
        for field in schema:
            assert field.metadata is not None, field.name


def test_layers():
    """The import contracts of pyproject.toml hold."""
    import subprocess
    import sys

    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_laws_draw_the_same_in_ci():
    """Examples are drawn anew but where `CI` is set, in each worker, and `.ci/run` sets it."""
    assert settings().derandomize is bool(os.environ.get("CI"))
    assert re.search(r"^export CI=", (ROOT / ".ci" / "run").read_text(), re.M)


def test_test_modules_have_names_of_their_own():
    """Two test modules of one name cannot be collected in one run."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(set(names)) == sorted(names)
