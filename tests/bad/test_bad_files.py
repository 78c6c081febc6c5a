"""M01 to M62 of the bad inputs: each in a process of its own, within limits of memory and time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from bad_files import ANSWERS
from bad_world import ZONE, master, past

RUNNER = Path(__file__).with_name("bad_runner.py")
CPU_S, DATA_MIB, RISE_MIB, STEP_MS = 90, 3000, 256, 10_000
"""Limits of the process; and what one delivery may take: memory above that of the code, time."""
APART = {
    "M07": "two at the same instant: tests/store/test_four.py",
    "M49": "late for an issued bill: tests/store/test_known.py and test_door_store.py",
}
"""Those that need more than one process or an issued bill."""


CACHE = Path(tempfile.gettempdir()) / f"gridtally-bad-{os.getuid()}"
"""Where these processes keep compiled modules: all of them start with the same ones."""


def run(steps):
    """What each step said."""
    asked = {"steps": [[str(word) for word in step] for step in steps], "cpu_s": CPU_S,
             "data_mib": DATA_MIB}  # fmt: skip
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, RUNNER], input=json.dumps(asked), capture_output=True, text=True,
        check=False, env=kept | {"PYTHONPYCACHEPREFIX": str(CACHE)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where the keys of these workspaces lie."""
    folder = tmp_path_factory.mktemp("bad")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDTALLY_KEYS", str(folder / "keys"))
        yield folder


def made(home, name, files, *more):
    """A workspace with these files."""
    given, ws = home / name, home / f"{name}-ws"
    given.mkdir()
    for file, data in files.items():
        (given / file).write_bytes(data)
    said = run([
        ["init", ws, "--zone", ZONE, "--buckets", "1"],
        ["receive", given, "-w", ws, "--json"],
        *([*words, "-w", ws] for words in more),
    ])  # fmt: skip
    assert all(step["code"] == 0 for step in said), said
    assert not any(row["refused"] or row["quarantined"] for row in json.loads(said[1]["out"]))
    return ws


@pytest.fixture(scope="module")
def bare(home):
    """A workspace with master data and tariffs."""
    return made(home, "bare", master())


@pytest.fixture(scope="module")
def billed(home):
    """The same with two clean months, billed before it began."""
    months = (["run", month, "--backfill"] for month in ("2026-08", "2026-09"))
    return made(home, "billed", master() | past(), *months)


def test_every_bad_input_has_its_answer():
    """The table is whole: M01 to M62."""
    assert sorted(ANSWERS.keys() | APART.keys()) == [f"M{n:02d}" for n in range(1, 63)]


@pytest.mark.parametrize("case", ANSWERS)
def test_the_right_answer(request, tmp_path, case):
    """Each delivery is answered as the table says; nothing is half stored, nothing takes long."""
    told = ANSWERS[case]
    ws = tmp_path / "ws"
    shutil.copytree(request.getfixturevalue("billed" if told.audit else "bare"), ws)
    steps = [["status", "-w", ws, "--json"]]
    for number, sent in enumerate(told.sent):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / sent.name).write_bytes(sent.bytes)
        steps += [
            ["receive", folder / sent.name, "-w", ws, "--json", *sent.args],
            ["status", "-w", ws, "--json"],
        ]
    if told.audit:
        steps.append(["run", "2026-10", "-w", ws, "--only", "audit"])
    said = run(steps)
    for step, words in zip(said, steps, strict=True):
        assert "Traceback" not in step["err"], words
        assert "unforeseen" not in step["err"], (words, step["err"])
        assert step["ms"] < STEP_MS, (words, step["ms"])
        assert step["mib"] < RISE_MIB, (words, step["mib"])
    for number, sent in enumerate(told.sent):
        before, answer, after = said[2 * number : 2 * number + 3]
        check(sent, json.loads(answer["out"]), json.loads(before["out"]), json.loads(after["out"]))
    if told.audit:
        check_audit(told, json.loads(said[-1]["out"]))


def check(sent, answers, before, after):
    """One delivery: what it was answered, and what became of the store."""
    (answer,) = answers
    codes = {row["code"] for row in answer["findings"]}
    where = f"{sent.name}: {answer}"
    assert codes >= set(sent.codes), where
    assert all(row["message"] and row["remedy"] for row in answer["findings"]), where
    if sent.answer == "RF":
        assert answer["refused"], where
        assert before["state"] == after["state"], where
        return
    assert not answer["refused"], where
    parts = answer["accepted"] + answer["repeated"] + answer["quarantined"]
    assert answer["rows"] == parts, where
    if sent.answer == "QR":
        assert answer["quarantined"] == sent.set_aside, where
    else:
        assert answer["quarantined"] == 0, where
    if sent.answer == "DUP":
        assert answer["repeated"] or answer["answer"] == "known already", where
    if sent.answer in ("OK", "VER", "NOTE"):
        assert before["state"] != after["state"], where


def check_audit(told, answer):
    """What the month's audit says of the point, and whether it holds the bill."""
    rows = [
        row for row in answer["tables"]["findings"]
        if row["metering_point"] == told.point or told.point in row["message"]
    ]  # fmt: skip
    codes = {row["code"] for row in rows}
    assert codes >= set(told.audit), sorted(codes)
    held = {row["code"] for row in rows if row["severity"] == "hold"}
    assert held >= set(told.audit) if told.hold else not held & set(told.audit), sorted(held)
