"""The JSON Schema for editors: every key in words, the answers of the models for single keys."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from gridtally.rating.document.reader import read
from gridtally.rating.document.schema import WORDS, document_schema

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "tariff.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLE = re.search(r"```toml\n(.*?)```", (ROOT / "docs" / "tariff.md").read_text(), re.DOTALL)[1]
MORE = """
[eligibility]
voltage_levels = ["low"]
[terms.persons]
unit = "persons"
[series.spot]
per = "MWh"
[events.critical]
[parts.shop]
slice = [0, 0.35]
[losses.iron]
adds_to = "import"
no_load = { term = "persons" }
[[components]]
id = "spot"
shape = "energy"
channel = "import"
series = "spot"
plus = 0.02
loss_factor = [1.02, { term = "persons" }]
[[components]]
id = "steps"
shape = "tiered"
channel = "import"
tiers = [{ upto = 100, price = "0.10" }, { price = 0.2 }]
window = "year"
resets = "04-01"
[[components]]
id = "kw"
shape = "demand"
price = 5
ratchet = { percent = 80, months = 11 }
[[components]]
id = "pf"
shape = "power_factor"
of = ["kw"]
below = { from = 0.9, percent = 1 }
"""
WHOLE = EXAMPLE + MORE


def plain(text):
    """A document as JSON has it: dates are texts."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def accepted(text):
    """Whether the schema, and whether the models take a document."""
    return VALIDATOR.is_valid(plain(text)), read(text.encode())[0] is not None


def test_it_is_a_schema():
    """A JSON Schema of the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_told_in_words():
    """Editors show a sentence on every key; no sentence is of a key that is gone."""
    schema, seen = document_schema(), set()
    for table in (schema, *schema["$defs"].values()):
        for key, value in table.get("properties", {}).items():
            assert value.get("description"), key
            seen.add(key)
    assert seen == WORDS.keys()


@pytest.mark.parametrize("text", [EXAMPLE, WHOLE])
def test_what_is_right_is_right_in_both(text):
    """The page's example, and one that uses more of the language."""
    assert [error.message for error in VALIDATOR.iter_errors(plain(text))] == []
    assert accepted(text) == (True, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema = 1", "schema = 2"),
        ("schema = 1", ""),
        ('"home-tou"', '"Home TOU"'),
        ('"EUR"', '"Euro"'),
        ('per = "month"', 'per = "moon"'),
        ("price = 4.5", "price = true"),
        ("price = 4.5", 'price = "4,5"'),
        ("price = 4.5", "pirce = 4.5"),
        ("price = 4.5", "price = { term = 5 }"),
        ("price = 4.5", 'price = { term = "x", more = 1 }'),
        ('mode = "half_up" }     #', 'mode = "half" }     #'),
        ("places = 2", "places = 9"),
        ("months = [1, 2, 3, 10, 11, 12]", "months = [13]"),
        ('"mon", "tue"', '"monday", "tue"'),
        ('"08:00-10:30"', '"8-10"'),
        ('shape = "percentage"', 'shape = "formula"'),
        ('of = ["standing", "energy"]', "of = []"),
        ('per = "MWh"', 'per = "GWh"'),
        ("slice = [0, 0.35]", "slice = [0]"),
        ('resets = "04-01"', 'resets = "4-1"'),
        ("months = 11", "months = 0"),
        ("months = 11", "month = 11"),
        ("below = { from", "below = { form"),
        ("voltage_levels", "voltage"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_wrong_in_both(old, new):
    """A broken key is marked in the editor, and refused by the reader."""
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1)
    assert accepted(text) == (False, False)
