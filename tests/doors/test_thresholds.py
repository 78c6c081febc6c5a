"""thresholds: versions stay, a dry run writes nothing, a run records what was in force."""

import json
import shutil

import pyarrow.parquet as pq
import pytest


@pytest.fixture
def town(received, tmp_path):
    path = tmp_path / "town"
    shutil.copytree(received, path)
    return path


def test_thresholds_from_set_to_run(door, town):
    """What is set is in force, told, kept with its reason, and in the run's own record."""
    ask = ("--segment", "shop", "--why", "shops  open\nlate", "--as", "ana", "-w", town)
    values = ("spike_pct=200", "usage_high_pct=1")
    dry = door("thresholds", "set", *values, *ask, "--dry-run")
    assert dry.code == 0
    assert not (town / "validation.toml").exists()
    said = door("thresholds", "set", *values, *ask, "--json")
    assert said.code == 0
    assert [one["new"] for one in said.json["changes"]] == [200, 1]
    text = (town / "validation.toml").read_text()
    assert "ana: shops open late" in text
    assert (town / said.json["version"]).read_text() == text
    shown = door("thresholds", "show", "-w", town, "--json").json
    mine = {"shop": {"spike_pct": 200, "usage_high_pct": 1}}
    assert shown["segments"] == mine
    assert shown["versions"] == [said.json["version"][11:-5]]
    assert door("thresholds", "diff", "-w", town).code == 1
    assert door("thresholds", "diff", shown["versions"][0], "-w", town).code == 0
    run = door("run", "2026-10", "-w", town, "--as", "ana", "--json")
    assert run.code == 0, run.err
    (info,) = (town / "runs").glob("2026-10-*/run.json")
    recorded = json.loads(info.read_text())["validation"]
    assert recorded["digest"] == shown["digest"]
    assert recorded["segments"] == mine
    found = pq.read_table(info.parent / "findings", partitioning=None).to_pylist()
    high = {row["account"] for row in found if row["code"] == "metering.usage.high"}
    accounts = pq.read_table(info.parent / "master" / "accounts", partitioning=None).to_pylist()
    shops = {row["account"] for row in accounts if row["segment"] == "shop"}
    assert len(high & shops) >= len(shops) // 2
    assert pq.read_table(info.parent / "profiles", partitioning=None).num_rows


def test_an_edited_file_is_kept_before_it_is_replaced(door, town):
    """Who edits by hand loses nothing; the same again writes nothing."""
    (town / "validation.toml").write_text("[all]\nflat_s = 7200\n")
    ask = ("--why", "tried", "--as", "ana", "-w", town, "--json")
    said = door("thresholds", "set", "flat_s=3600", *ask)
    assert said.json["changes"][0]["old"] == 7200
    assert len(list((town / "validation").iterdir())) == 2
    again = door("thresholds", "set", "flat_s=3600", *ask)
    assert again.json == {"schema": 1, "changes": [], "version": ""}
    assert len(list((town / "validation").iterdir())) == 2


def test_what_is_no_threshold(door, town):
    """A wrong key, a wrong value and an unknown version are one calm sentence."""
    ask = ("--why", "w", "--as", "ana", "-w", town)
    assert "did you mean spike_pct" in door("thresholds", "set", "spike=1", *ask).calm
    assert "KEY=VALUE" in door("thresholds", "set", "spike_pct=1.5", *ask).calm
    assert "no one version" in door("thresholds", "diff", "1999", "-w", town).calm
    (town / "validation.toml").write_text("[all]\nspike = 1\n")
    assert "did you mean spike_pct" in door("run", "2026-10", "-w", town, "--as", "ana").calm


def test_learning_from_a_short_history(door, town):
    """A month of bills teaches nothing, and that is said; a dry run says that it wrote nothing."""
    said = door("thresholds", "learn", "--dry-run", "-w", town)
    assert said.code == 0
    assert "100 are needed" in said.err
    assert "Nothing differs." in said.out
    assert not (town / "validation").exists()
