"""The page for tariff analysts: its document is good, its mistakes are found as it says."""

import re
import tomllib
from pathlib import Path

import pytest

from gridtally.rating.charges import SHAPES
from gridtally.rating.document.schema import document_schema
from gridtally.rating.lint import lint
from gridtally.rating.tariff import load

PAGE = (Path(__file__).parents[2] / "docs" / "tariff-writing.md").read_text()
DOCUMENT = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]
MISTAKES = {
    'hours = ["08:00-07:00"]': ('hours = ["00:00-07:00"]', 'hours = ["08:00-07:00"]'),
    'hours = ["00:00-10:00"]': ('hours = ["00:00-07:00"]', 'hours = ["00:00-10:00"]'),
    "night = 0.0093": (", night = 0.0093", ""),
    "peak = 4.12": ("peak = 0.0412", "peak = 4.12"),
    "percent = 0.23": ("percent = 23", "percent = 0.23"),
    'losses = ["transfomer"]': ('losses = ["transformer"]', 'losses = ["transfomer"]'),
    'of = ["@article-2-to-9"]': ('of = ["@articles-2-to-9"]', 'of = ["@article-2-to-9"]'),
    "2026-12-08": (" 2026-12-08,", ""),
    "valid_to = 2028-01-01": ("valid_to = 2027-01-01", "valid_to = 2028-01-01"),
    "kind": ('kind = "levy"                       #', "months = [1, 2] #"),
    "round_price": ("round_price =", "round_prices ="),
    'season = ["03-17 to 11-15"]': ('"03-16 to 11-15"', '"03-17 to 11-15"'),
}


def test_the_document_is_good():
    """Nothing refuses it, nothing about it is odd."""
    assert lint(DOCUMENT.encode()) == []
    version = load(DOCUMENT.encode(), name="t.toml")
    assert version.component("vat").of[:3] == ("supply", "network", "demand")
    assert version.resets == {(1, 1), (4, 1)}


def told():
    """(mistake, what lint says) of the page's table."""
    part = PAGE.split("## What lint finds")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]
    return [pytest.param(*row, id=row[0][:30]) for row in rows]


@pytest.mark.parametrize(("mistake", "says"), told())
def test_a_mistake_is_found_as_the_page_says(mistake, says):
    """Made in the document of the page, each mistake is answered with its row of the table."""
    old, new = MISTAKES[re.match(r"`(.*?)`", mistake)[1]]
    assert old in DOCUMENT
    found = [
        f"`{p.path}`: {p.message} {p.remedy}".strip()
        for p in lint(DOCUMENT.replace(old, new, 1).encode())
    ]
    if says.startswith("nothing"):
        assert found == []
    else:
        assert says in found


def test_every_mistake_of_the_table_is_tried():
    """The table and the tests have the same mistakes."""
    assert len(told()) == len(MISTAKES)


def test_the_words_of_the_table_are_keys():
    """Every key that the table of published wording names is one of the language."""
    schema = document_schema()
    known = {
        key for table in (schema, *schema["$defs"].values()) for key in table.get("properties", {})
    }
    part = PAGE.split("## Published wording and its keys")[1].split("\n## ")[0]
    cells = [line.split(" | ")[1] for line in part.splitlines() if line.startswith("| ")][1:]
    named = {
        key for cell in cells for text in re.findall(r"`([^`]*)`", cell)
        for key in re.findall(r"^\[?([a-z_]+)", text)
    }  # fmt: skip
    assert named <= known
    shapes = {s for cell in cells for s in re.findall(r'shape = "(\w+)"', cell)}
    assert shapes | {"maximum"} == SHAPES.keys()


def test_the_document_uses_most_shapes():
    """A tutorial that leaves little out."""
    used = {part["shape"] for part in tomllib.loads(DOCUMENT)["components"]}
    assert len(used) >= 8
