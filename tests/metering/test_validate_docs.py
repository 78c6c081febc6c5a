"""docs/validation.md and the code say the same of checks 21 to 45."""

import re
import sys
from pathlib import Path

import pytest

from gridtally.metering.thresholds import DEFAULTS, names, parse
from gridtally.review.library import shipped_rules

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from finding_codes import collect

PAGE = (Path(__file__).parents[2] / "docs" / "validation.md").read_text()
CHECKS = PAGE[PAGE.index("## Checks") : PAGE.index("## Thresholds")]
MINE = ("validate", "checks_", "balance", "neighbours", "whole")
CODE = re.compile(r"`(metering(?:\.[a-z_]+){2})`")


@pytest.fixture(scope="module")
def codes():
    """Every code of the source, once."""
    return collect()


def table_rows():
    """Cells of the rows of the tables of checks; a row without check and code goes on."""
    rows, code = [], ""
    for line in CHECKS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 6 and cells[0] != "check":
            code = cells[1].strip("`") or code
            rows.append((cells[0], code, *cells[2:]))
    return rows


def test_every_check_has_its_place():
    """Each number from 21 to 45 is in a table or in a sentence that says where it is."""
    said = set(re.findall(r"\b(2[1-9]|3[0-9]|4[0-5])\b", CHECKS))
    ranges = re.findall(r"\b(\d\d) to (\d\d)\b", CHECKS[CHECKS.index("### Missing") :])
    said |= {str(n) for low, high in ranges for n in range(int(low), int(high) + 1)}
    assert said >= {str(number) for number in range(21, 46)}


def test_every_code_stands_in_the_page(codes):
    """What the checks give is in a table, and the tables name no code that is not given."""
    given = {
        name: code
        for name, code in codes.items()
        if name.startswith("metering.")
        and any(place.startswith(f"metering/{file}") for place in code.places for file in MINE)
    }
    rows = {code: severity for _, code, _, _, severity, _ in table_rows() if severity}
    assert given.keys() <= rows.keys()
    for name, code in given.items():
        assert set(rows[name].split(", ")) == code.severities, name
    assert rows.keys() <= codes.keys()


def test_what_is_elsewhere_exists(codes):
    """Rules and findings that the page points to are there."""
    rules = {rule.id for rule in shipped_rules()}
    assert set(re.findall(r"`(review(?:\.[a-z_]+){2})`", CHECKS)) <= rules
    named = set(CODE.findall(CHECKS)) | set(re.findall(r"`(intake(?:\.[a-z_]+){2})`", CHECKS))
    assert named <= codes.keys()


@pytest.mark.parametrize("name", names)
def test_every_threshold_stands_in_the_page_with_its_default(name):
    """`name` = value, as the code has it."""
    said = {
        key: int(value)
        for row in table_rows()
        for key, value in re.findall(r"`(\w+)` = (\d+)", row[3])
    }
    assert said[name] == getattr(DEFAULTS, name)


def test_no_threshold_is_made_up():
    """Every key in a table is one of the file's, and the example of the file is read."""
    keys = {key for row in table_rows() for key in re.findall(r"`(\w+)` =", row[3])}
    assert keys <= set(names)
    example = re.search(r"```toml\n(.*?)```", PAGE, re.S)
    assert parse(example[1]).segments["shop"].usage_low_pct == 25
