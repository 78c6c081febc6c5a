"""Workspaces and their settings."""

import dataclasses

import pytest
from synthetic import workspace

from gridtally.errors import Conflict, InvalidDocument, NotFound, UnsafeSettings
from gridtally.store.settings import Settings, Supplier, parse, render
from gridtally.store.workspace import FOLDERS, Workspace, keys_dir


def test_a_workspace_is_found_from_below(ws):
    """Opening looks upwards, as git does, and reads the settings back."""
    inside = ws.path / "runs"

    assert Workspace.open(inside) == ws
    assert sorted(p.name for p in ws.path.iterdir() if p.is_dir()) == sorted(FOLDERS)


def test_nothing_above_is_said(tmp_path):
    """Outside of a workspace the message names the command that makes one."""
    with pytest.raises(NotFound, match="gridtally init"):
        Workspace.open(tmp_path)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, ws):
    """A workspace is neither made twice nor over somebody's files."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="not empty"):
        workspace(tmp_path / "full")
    with pytest.raises(Conflict, match="already"):
        workspace(ws.path)


def test_a_half_made_workspace_is_completed(tmp_path):
    """Killed before the settings file was written, making it again works."""
    (tmp_path / "town" / "raw").mkdir(parents=True)
    (tmp_path / "town" / "control.db").touch()

    assert workspace(tmp_path / "town").database.stat().st_size > 0


def test_settings_survive_a_round_trip():
    """What is rendered is parsed to the same settings, whatever characters are in it."""
    wild = Supplier(name='Q"uote\\ & 电力\n', iban="DE00")
    settings = Settings(name="a", zone="Asia/Shanghai", currency="CNY", supplier=wild)

    assert parse(render(settings)) == settings


def test_every_wrong_setting_is_named_at_once():
    """An unknown key, a wrong type and an absent key are told together, with the file."""
    text = render(Settings()).replace("due_days = 21", 'due_days = "21"\ncolour = "red"')
    with pytest.raises(InvalidDocument) as caught:
        parse(text.replace('language = "en"\n', ""))

    for part in (
        "colour is not a setting",
        "due_days must be a whole number",
        "language is missing",
    ):
        assert part in str(caught.value)
    assert caught.value.file == "gridtally.toml"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"zone": "Mars/Base"}, "zone"),
        ({"currency": "euro"}, "currency"),
        ({"buckets": 0}, "buckets"),
        ({"series": "a/b"}, "series"),
        ({"second_opinion_percent": "1e2"}, "second_opinion"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(tmp_path, change, word):
    """Nothing is made with such settings."""
    with pytest.raises(InvalidDocument, match=word):
        workspace(tmp_path / "town", **change)
    assert not (tmp_path / "town").exists()


def test_a_fixed_setting_cannot_change(ws):
    """Readings are filed by the number of buckets: another number is refused at start-up."""
    file = ws.path / "gridtally.toml"
    file.write_text(render(dataclasses.replace(ws.settings, buckets=4)))

    with pytest.raises(UnsafeSettings, match="buckets was 2"):
        Workspace.open(ws.path)


def test_keys_inside_the_workspace_are_refused(ws, monkeypatch):
    """Who copies a workspace must not get its keys."""
    monkeypatch.setenv("GRIDTALLY_KEYS", str(ws.path / "keys"))
    with pytest.raises(UnsafeSettings, match="inside the workspace"):
        Workspace.open(ws.path)


def test_keys_have_a_place_of_their_own(monkeypatch, tmp_path):
    """GRIDTALLY_KEYS names it, else it is a folder of the user."""
    monkeypatch.setenv("GRIDTALLY_KEYS", str(tmp_path))
    assert keys_dir() == tmp_path
    monkeypatch.delenv("GRIDTALLY_KEYS")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert str(keys_dir()) == "/data/gridtally/keys"
