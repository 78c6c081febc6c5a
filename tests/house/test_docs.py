"""Rules about the pages: generated ones are current, and nothing that exists is left out."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from gridtally.cli import VERBS
from gridtally.review.library import shipped_rules
from gridtally.store.settings import Settings, Supplier

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for folder in (ROOT, DOCS, DOCS / "first-bill", ROOT / "src")
    for path in (folder.rglob("*.md") if folder.name == "src" else folder.glob("*.md"))
)
CODE = re.compile(r"\b(?:intake|metering|rating|review|subledger|delivery)(?:\.[a-z_]+){2}\b")
EXAMPLES = {
    "docs/tariff.md": "```toml",
    "docs/rules.md": "```sql",
    "docs/proof.md": "```json",
    "docs/run-folder.md": "```json",
    "docs/workspace.md": "```toml",
}


def page(name):
    return (DOCS / name).read_text()


def test_generated_pages_are_current():
    """`./run docs` was run after the last change of a schema, a finding or a verb."""
    tool = ROOT / "tools" / "write_docs.py"
    done = subprocess.run(
        [sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nRun ./run docs."


def test_every_verb_is_documented():
    """docs/cli.md has a section per verb, README names each verb or points to that page."""
    for verb in VERBS:
        assert f"\n### {verb}\n" in page("cli.md")
    assert "docs/cli.md" in (ROOT / "README.md").read_text()


def test_every_setting_is_documented():
    """docs/workspace.md says what each key of gridtally.toml is."""
    names = [f.name for kind in (Settings, Supplier) for f in fields(kind)]
    text = page("workspace.md")
    missing = [name for name in names if not re.search(rf"^(\[{name}\]|{name} = )", text, re.M)]
    assert not missing, f"docs/workspace.md lacks {missing}"


def test_every_rule_is_documented():
    """docs/findings.md has a section per audit rule, with each parameter."""
    text = page("findings.md")
    for rule in shipped_rules():
        assert f"\n#### `{rule.id}`\n" in text
        for parameter in rule.parameters:
            assert f"`{rule.id}.{parameter.name}`" in text


def test_every_finding_code_is_documented():
    """Each code that stands in the source, or that a test of findings expects, is explained."""
    text = page("findings.md")
    written = set(CODE.findall(text))
    source = ROOT / "src" / "gridtally"
    literal = re.compile(rf"[\"']({CODE.pattern})[\"']")
    given = {
        code
        for path in source.rglob("*.py")
        if path.relative_to(source).parts[0] != "demo"
        for code in literal.findall(path.read_text())
    }
    expected = {
        code
        for path in (ROOT / "tests" / "findings").glob("test_*.py")
        for code in literal.findall(path.read_text())
    }
    assert given | expected <= written, sorted((given | expected) - written)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(path):
    """A link to a file of the project leads to one, and a picture is there."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    links += re.findall(r"(?:href|src)=\"([^\"#]+)\"", text)
    for link in links:
        if not re.match(r"[a-z]+:", link):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_on_a_page_exists(path):
    """A line of a code block that calls gridtally names a verb that there is; ./run likewise."""
    usage = (ROOT / "run").read_text().split("EOF")[1]
    own = set(re.findall(r"^  (\w+)  ", usage, re.M))
    for block in re.findall(r"```(?:sh|console|bash|)\n(.*?)```", path.read_text(), re.DOTALL):
        for verb in re.findall(r"^(?:\$ )?gridtally (?!-)(\S+)", block, re.M):
            assert verb in {*VERBS, "VERB"}, f"{path.name}: gridtally {verb}"
        for verb in re.findall(r"^(?:\$ )?\./run (\w+)", block, re.M):
            assert verb in own, f"{path.name}: ./run {verb}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_format_has_a_complete_example(name):
    """Tariff, rule, proof, run folder and settings have an example on their page."""
    assert EXAMPLES[name] in (ROOT / name).read_text()


def test_the_index_names_every_page():
    """docs/README.md leads to each page of docs/."""
    index = page("README.md")
    for path in DOCS.glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index, path.name
