"""Class profiles at the door: learned on request, named in run.json, kept for old runs."""

import shutil

import pytest
import small_town

from gridtally.closing import Closing


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A small town with readings of September and October, not yet billed."""
    root = tmp_path_factory.mktemp("profiles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDTALLY_KEYS", str(root / "keys"))
        delivered = small_town.build(root / "delivered", 40)
        ws = small_town.workspace(root / "ws")
        small_town.receive(ws, small_town.files(delivered))
        yield ws


def run(ws):
    """The folder of a run of October."""
    return small_town.pipeline.run(ws, small_town.MONTH, actor="ana", as_of=small_town.AS_OF).folder


def test_learn_show_drop(town, door):
    """Learning is asked for; a dry run writes nothing; what was learned stays when dropped."""
    where = ("-w", town.path)
    assert door("class-profiles", "show", *where, "--json").json["digest"] is None
    tried = door("class-profiles", "learn", "2026-09", "--dry-run", "--json", *where)
    assert door("class-profiles", "show", *where, "--json").json["digest"] is None
    said = door("class-profiles", "learn", "2026-09", "--as", "ana", "--json", *where)
    again = door("class-profiles", "learn", "2026-09", "--as", "ana", "--json", *where)
    assert said.json == again.json
    assert said.json["profiles"] == tried.json["profiles"]
    assert {row["segment"] for row in said.json["profiles"]} >= {"household", "shop"}
    assert all(row["months"] == [9] for row in said.json["profiles"])
    shown = door("class-profiles", "show", *where)
    assert "household" in shown.out
    assert door("class-profiles", "drop", *where).code == 0
    assert door("class-profiles", "show", *where, "--json").json["digest"] is None
    assert len(list((town.path / "class_profiles").glob("*.json"))) == 1


def test_nothing_to_learn_from(town, door):
    """A month without readings is said, calmly."""
    assert (
        "no interval readings" in door("class-profiles", "learn", "1999-05", "-w", town.path).calm
    )


def test_a_run_names_what_it_used(town, door, tmp_path):
    """run.json has the digest; what was learned later does not change what the run was."""
    shutil.copytree(town.path, tmp_path / "ws")
    ws = small_town.Workspace.open(tmp_path / "ws")
    before = run(ws)
    assert before.info["class_profiles"] is None
    door("class-profiles", "learn", "2026-09", "--as", "ana", "-w", ws.path)
    after = run(ws)
    name = after.info["class_profiles"].removeprefix("sha256:")
    assert (ws.path / "class_profiles" / f"{name}.json").is_file()
    assert before.id != after.id
    assert Closing.open(ws, before.id).prepared.class_profiles is None
    assert Closing.open(ws, after.id).prepared.class_profiles.digest == f"sha256:{name}"
