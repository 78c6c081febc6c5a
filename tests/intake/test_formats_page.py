"""The page about formats: each example on it is a complete file, and decodes as the page says."""

import re
from pathlib import Path

import pytest
from intake_cases import codes, counts, decoded

from gridtally.intake.decode import summary
from gridtally.intake.formats import FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
SECTIONS = dict(re.findall(r"^## `([a-z0-9-]+)`.*?\n```[a-z]+\n(.*?)```", PAGE, re.M | re.S))
[MAPPING] = re.findall(r"^## `csv-mapped`.*?```toml\n(.*?)```", PAGE, re.M | re.S)


def test_every_format_has_its_section():
    """The page has a section with an example for each format, and no other."""
    assert SECTIONS.keys() == FORMATS.keys()


def example(name):
    """The example of a format, decoded."""
    mapping = MAPPING.encode() if name == "csv-mapped" else None
    data = SECTIONS[name]
    if name in ("parquet", "arrow"):
        made = {}
        exec(data, made)  # the example makes a binary file
        data = made["data"]
    return decoded(data, zone="Europe/Lisbon", mapping=mapping)


@pytest.mark.parametrize("name", FORMATS)
def test_examples(name):
    """An example is found to be of its format, and everything in it is accepted."""
    found = example(name)

    assert found.format == name
    assert counts(found)[1:] == (0, 0)
    assert codes(found) == []


def test_sums_of_the_examples():
    """What the examples say, added up."""
    sums = {
        name: [(c["channel"], c["n"], c["sum"]) for c in summary(example(name))["channels"]]
        for name in SECTIONS
    }

    assert sums == {
        "csv-long": [("import", 3, "0.5"), ("export", 2, "0.015")],
        "csv-wide": [("import", 49, "27.8")],
        "csv-registers": [("import", 1, "5")],
        "csv-events": [],
        "csv-frozen": [("import", 5, "12"), ("reactive_import", 1, "1")],
        "csv-mapped": [("import", 2, "1.75")],
        "nem12": [("import", 48, "43"), ("export", 48, "12")],
        "nem13": [("import", 1, "110")],
        "dsmr": [("import", 0, "0"), ("export", 0, "0")],
        "mscons": [("import", 2, "0.375")],
        "green-button": [("import", 2, "0.624")],
        "parquet": [("import", 3, "0.375")],
        "arrow": [("import", 1, "150")],
    }
