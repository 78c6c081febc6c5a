"""tariff show, tariff diff: what is printed, what is written, exit codes."""

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
