"""demo: what it never removes, how small a town can be, commands that work as they are printed."""

import sys

import pytest

from gridtally.cli import demo


@pytest.mark.parametrize("into", [".", "..", "../here"])
def test_the_current_folder_is_never_removed(door, tmp_path, monkeypatch, into):
    """Not even when it was made by an earlier demo, nor a folder above it."""
    here = tmp_path / "here"
    here.mkdir()
    for folder in (tmp_path, here):
        (folder / ".gridtally-demo").touch()
    monkeypatch.chdir(here)
    assert "is the current folder" in door("demo", "--into", into, "--accounts", "20").calm
    assert (here / ".gridtally-demo").exists()


def test_what_is_no_demo_stays(door, tmp_path):
    """A folder with other things, and a file."""
    (tmp_path / "file").write_text("mine")
    assert "is not a demo" in door("demo", "--into", tmp_path).calm
    assert "is not a folder" in door("demo", "--into", tmp_path / "file").calm
    assert (tmp_path / "file").read_text() == "mine"


def test_a_town_that_is_too_small(door, tmp_path):
    """Fewer than 20 accounts have no place for its kinds of customers."""
    assert "19 is not in the range x>=20" in door(
        "demo", "--accounts", "19", "--into", tmp_path / "town"
    ).calm  # fmt: skip
    assert not (tmp_path / "town").exists()


def test_the_environment_of_a_checkout(tmp_path, monkeypatch):
    """Run by ./run, the command lies in .venv: the printed lines begin by activating it."""
    script = tmp_path / ".venv" / "bin" / "activate"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert demo._environment() == ""
    script.parent.mkdir(parents=True)
    script.touch()
    assert demo._environment() == "  source .venv/bin/activate\n"
    monkeypatch.chdir(script.parent)
    assert demo._environment() == "  source activate\n"
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert demo._environment() == ""
