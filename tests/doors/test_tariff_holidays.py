"""tariff holidays: a block that a tariff document takes as it is."""

import tomllib

import pytest

HEAD = """\
schema = 1
tariff = "t"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2026-01-01
valid_to = 2028-01-01
source = "made up"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[[calendars.c.rules]]
bucket = "h"
days = ["holiday"]
[[calendars.c.rules]]
otherwise = "o"
[[components]]
id = "e"
shape = "energy"
channel = "import"
calendar = "c"
prices = { h = 0.1, o = 0.2 }
"""


def test_what_is_printed_can_be_pasted(door, tmp_path):
    """Lint of a document with the printed block finds nothing."""
    printed = door("tariff", "holidays", "PT", "--years", "2026-2027")
    assert printed.code == 0
    days = tomllib.loads(printed.out)["holidays"]
    assert days["years"] == [2026, 2027]
    assert [str(day) for day in days["dates"][:3]] == ["2026-01-01", "2026-04-03", "2026-04-05"]
    (tmp_path / "t.toml").write_text(HEAD + printed.out)
    said = door("tariff", "lint", tmp_path / "t.toml", "--json")
    assert said.json["files"][0]["findings"] == []


def test_as_data(door):
    """A part of a country has days of its own: 2 May is Madrid's."""
    said = door("tariff", "holidays", "ES-MD", "--years", "2026", "--json")
    assert "2026-05-02" in {row["date"] for row in said.json["holidays"]}
    country = door("tariff", "holidays", "ES", "--years", "2026", "--json")
    assert "2026-05-02" not in {row["date"] for row in country.json["holidays"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["PT", "--years", "26"], "'26' is no year."),
        (["PT", "--years", "2099"], "These are no years of a tariff."),
        (["PR-TT", "--years", "2026"], "knows no part 'TT' of PR"),
        (["Portugal", "--years", "2026"], "The library knows no holidays of 'Portugal'."),
    ],
)
def test_what_cannot_be_meant(door, words, message):
    """A gentle word and exit code 2."""
    said = door("tariff", "holidays", *words)
    assert said.code == 2
    assert message in said.err
