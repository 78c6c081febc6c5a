"""tariff show, tariff diff: what is printed, what is written, exit codes."""

import xml.etree.ElementTree as ET

from conftest import FIRST_BILL, ROOT

OLD, NEW = FIRST_BILL / "home-tou.toml", ROOT / "docs" / "tariff-tools" / "home-tou-2027.toml"
PAGE = ROOT / "docs" / "tariff-tools.md"


def example(command):
    """What the page says that a command prints."""
    text = PAGE.read_text()
    start = text.index(f"$ gridtally {command}")
    return text[text.index("\n", start) + 1 : text.index("```", start)]


def test_diff_as_the_page_shows_it(door):
    """The page's example is the output, line by line; they differ: exit code 1."""
    said = door("tariff", "diff", OLD, NEW)
    assert said.code == 1
    assert said.out.strip() == example("tariff diff").strip()
    assert "marked with !" in said.err


def test_diff_of_equal_documents(door, tmp_path):
    """Exit code 0; comments are no difference, and that is said."""
    other = tmp_path / "other.toml"
    other.write_bytes(OLD.read_bytes() + b"# a comment\n")
    said = door("tariff", "diff", OLD, other)
    assert said.code == 0
    assert "Only their layout or comments differ." in said.out


def test_diff_as_json(door):
    """Numbers as texts, a mark on the price that moved by a factor of ten."""
    said = door("tariff", "diff", OLD, NEW, "--json")
    assert said.code == 1
    assert (said.json["schema"], said.json["equal"], said.json["suspicious"]) == (1, False, 1)
    assert said.json["relation"]["kind"] == "follows"
    marked = [row for row in said.json["changes"] if row["suspicious"]]
    assert [(row["group"], row["old"], row["new"], row["percent"]) for row in marked] == [
        ("component standing", "4.5", "46", "+922.2")
    ]


def test_diff_of_what_cannot_be_read(door, tmp_path):
    """A refused or missing document is exit code 2, by its name."""
    broken = tmp_path / "broken.toml"
    broken.write_text("schema = 1\n")
    assert "broken.toml" in door("tariff", "diff", OLD, broken).calm
    assert "nowhere.toml" in door("tariff", "diff", tmp_path / "nowhere.toml", NEW).calm


def test_show_as_the_page_shows_it(door):
    """The page's example is the output, line by line."""
    said = door("tariff", "show", OLD)
    assert said.code == 0
    assert said.out.strip() == example("tariff show").strip()


def test_show_writes_a_picture(door, tmp_path):
    """An SVG in the file, nothing on stdout; the same bytes as the page has."""
    file = tmp_path / "out.svg"
    said = door("tariff", "show", OLD, "--svg", file)
    assert (said.code, said.out) == (0, "")
    assert ET.fromstring(file.read_text()).tag.endswith("svg")
    assert file.read_text() == (ROOT / "docs" / "tariff-tools" / "home-tou.svg").read_text()


def test_show_as_json(door):
    """What a kWh costs: 0.24 and 0.13 with 6 % of tax."""
    total = door("tariff", "show", OLD, "--json").json["total"]
    assert [step["tiers"][0]["price"] for step in total["buckets"]] == ["0.2544", "0.1378"]


def test_show_of_another_year(door):
    """A year without the version is a mistake of who asks."""
    assert "not in force in 2025" in door("tariff", "show", OLD, "--year", "2025").calm


def test_a_shipped_tariff_without_an_example_is_unverified(door, tmp_path):
    """It says so wherever it is shown; a document of the user's own does not."""
    shipped = ROOT / "src" / "gridtally" / "demo" / "tariffs" / "home-tou-2026-01-01.toml"
    assert "unverified" in door("tariff", "show", shipped).out
    door("tariff", "show", shipped, "--svg", tmp_path / "out.svg")
    assert ">unverified<" in (tmp_path / "out.svg").read_text()
    copy = tmp_path / "mine.toml"
    copy.write_bytes(shipped.read_bytes())
    assert "unverified" not in door("tariff", "show", copy).out
