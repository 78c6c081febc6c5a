"""The same inputs give the same bytes, whatever the machine, the threads, the partitioning.

`run.json` counts loads, and so depends on how files came; the tables of a run and its root do not.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "doors"))
import small_town

ACCOUNTS = 40


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """The files of a small town."""
    return small_town.build(tmp_path_factory.mktemp("bytes") / "delivered", ACCOUNTS)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder of keys for all workspaces of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDTALLY_KEYS", str(tmp_path_factory.mktemp("keys")))
        yield


@pytest.fixture(scope="module")
def usual(delivered, keys, tmp_path_factory):
    """A workspace, and what its run says: one thread, two buckets, files by name."""
    ws = small_town.workspace(tmp_path_factory.mktemp("usual") / "ws")
    small_town.receive(ws, small_town.files(delivered))
    small_town.past(ws, threads=1)
    return ws, small_town.bill(ws, threads=1)


def same(found, expected):
    """Compare table by table, so that a red test names the table."""
    differs = [n for n, digest in expected["tables"].items() if found["tables"].get(n) != digest]
    assert differs == []
    assert found == expected


def test_threads(usual):
    """Two threads and one."""
    ws, expected = usual
    small_town.Workspace.open(ws.path)
    same(small_town.bill(ws, threads=2, dry_run=True), expected)


def test_the_run_is_not_empty(usual):
    """What is compared has bills, lines, findings in it."""
    _, expected = usual
    assert {"bills", "lines", "findings", "carry", "segments"} <= expected["tables"].keys()
    assert len(set(expected["tables"].values())) > len(expected["tables"]) // 2


def test_buckets(usual, delivered, tmp_path):
    """Another partitioning of the work: seven buckets instead of two."""
    ws = small_town.workspace(tmp_path / "ws", buckets=7)
    small_town.receive(ws, small_town.files(delivered))
    small_town.past(ws)
    same(small_town.bill(ws), usual[1])


def test_order_of_arrival(usual, delivered, tmp_path):
    """Each file delivered by itself, in an order that chance gives."""
    ws = small_town.workspace(tmp_path / "ws")
    paths = small_town.files(delivered)
    master = [path for path in paths if path.parent.name == "master"]
    others = [path for path in paths if path.parent.name != "master"]
    random.Random(7).shuffle(others)
    middle = len(others) // 2
    for path in others[:middle]:
        small_town.receive(ws, [path])
    small_town.receive(ws, master)
    for path in others[middle:]:
        small_town.receive(ws, [path])
    small_town.past(ws)
    same(small_town.bill(ws), usual[1])


def test_time_zone_and_hash_seed(usual, delivered, tmp_path):
    """Another machine: its zone, its language, the seed of its hashes."""
    elsewhere = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, small_town.__file__, tmp_path / "ws", delivered],
        env=os.environ | elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    same(json.loads(done.stdout), usual[1])
