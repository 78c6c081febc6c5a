"""formats, and a mapping file at the doors of decode and receive."""

import shutil

import pytest
import small_town

from gridtally.intake.formats import FORMATS
from gridtally.store import snapshot
from gridtally.store.workspace import Workspace

MAPPING = """
gridtally_mapping = 1
name = "Dials of Example Grid"
kind = "intervals"
[file]
delimiter = ";"
decimal = ","
[columns]
metering_point = "Punkt"
end = "Zeit"
[time]
pattern = "DD.MM.YYYY hh:mm"
zone = "Europe/Lisbon"
[interval]
length = 900
[series]
order = "increasing"
values = "cumulative"
[[value]]
column = "Stand"
channel = "import"
unit = "kWh"
"""
HEAD = "Punkt;Zeit;Stand\n"


@pytest.fixture
def files(tmp_path):
    """A mapping file and two deliveries of one dial."""
    (tmp_path / "grid.toml").write_text(MAPPING)
    for name, rows in (
        ("one.csv", "P;05.01.2026 00:15;10\nP;05.01.2026 00:30;10,5\n"),
        ("two.csv", "P;05.01.2026 00:45;12\nP;05.01.2026 01:00;15\n"),
    ):
        (tmp_path / name).write_text(HEAD + rows)
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_explained(door, name):
    """Its sentence, its columns, its rules and a complete example."""
    said = door("formats", name)
    assert said.code == 0
    assert FORMATS[name].sentence in said.out
    explained = door("formats", name, "--json").json
    assert explained.keys() == {"name", "sentence", "example", "page"}
    assert explained["example"] in said.out
    assert explained["example"].strip()


def test_a_format_that_is_none(door):
    """The nearest is named."""
    said = door("formats", "csv-frozn")
    assert said.code == 2
    assert "csv-frozen" in said.err


def test_a_mapping_to_start_from(door, tmp_path):
    """What is printed is a mapping file, whole."""
    from gridtally.intake.mapping import load

    said = door("formats", "mapping")
    assert said.code == 0
    assert load(said.out.encode()).kind == "intervals"
    assert door("formats", "mapping", "--json").json["example"] == said.out


def test_decode(door, files):
    """With its mapping the file is read; without it, it is of no format."""
    said = door("decode", files / "one.csv", "--mapping", files / "grid.toml", "--json")
    assert said.code == 0
    assert [row["sum"] for row in said.json["channels"]] == ["0.5"]
    assert door("decode", files / "one.csv").code == 1


def test_a_wrong_mapping(door, files):
    """It is refused before anything is read, with the nearest key."""
    wrong = files / "wrong.toml"
    wrong.write_text(MAPPING.replace("decimal", "decmal"))
    for words in (("decode", files / "one.csv"), ("decode", files / "none.csv")):
        said = door(*words, "--mapping", wrong)
        assert said.code == 2
        assert "did you mean decimal?" in said.err
    assert door("decode", files / "one.csv", "--mapping", files / "none.toml").code == 2
    said = door("decode", files / "one.csv", "--mapping", files / "grid.toml", "--format", "nem12")
    assert said.code == 2


def energy(path):
    """Start and value of each stored interval."""
    found = snapshot.read_blocks(snapshot.snapshot(Workspace.open(path)))
    return sorted(
        (int(row["start_utc"].timestamp()) + n * row["resolution_s"], value)
        for row in found.to_pylist()
        for n, value in enumerate(row["values"])
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An empty workspace, to copy."""
    path = tmp_path_factory.mktemp("mapped") / "town"
    small_town.workspace(path)
    return path


@pytest.mark.parametrize("order", [("one.csv", "two.csv"), ("two.csv", "one.csv")])
def test_receive_goes_on(door, files, empty, order):
    """A second delivery of a dial goes on from the first, in either order; again: no change."""
    town = files / "town"
    shutil.copytree(empty, town)
    how = ("--mapping", files / "grid.toml", "-w", town, "--as", "ana", "--json")
    for name in order:
        [answer] = door("receive", files / name, *how).json
        assert (answer["what"], answer["rows"]) == ("csv-mapped", 2)
    first = 1_767_571_200 + 900
    assert energy(town) == [(first, 500_000), (first + 900, 1_500_000), (first + 1800, 3_000_000)]
    [answer] = door("receive", files / order[0], *how).json
    assert answer["answer"] == "known already"


def test_the_same_bytes_under_another_mapping(door, files, empty):
    """They are another delivery: the mapping may name the metering point."""
    town = files / "town"
    shutil.copytree(empty, town)
    lines = (files / "one.csv").read_text().replace("Punkt;", "").replace("P;", "")
    (files / "bare.csv").write_text(lines)
    for point in ("A", "B"):
        mapping = files / f"{point}.toml"
        mapping.write_text(MAPPING.replace('"Punkt"', f'{{ constant = "{point}" }}'))
        how = ("--mapping", mapping, "-w", town, "--as", "ana", "--json")
        [answer] = door("receive", files / "bare.csv", *how).json
        assert answer["answer"] == "stored"
    assert [value for _, value in energy(town)] == [500_000, 500_000]


def test_a_wrong_mapping_receives_nothing(door, files, empty):
    """It is refused before any file is looked at."""
    wrong = files / "wrong.toml"
    wrong.write_text(MAPPING.replace("[[value]]", "[[valu]]"))
    said = door("receive", files / "one.csv", "--mapping", wrong, "-w", empty, "--as", "ana")
    assert said.code == 2
    assert "did you mean value?" in said.err
    assert energy(empty) == []
