"""What was not accepted, from outside: listed, explained, corrected, received again, discarded."""

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = "metering_point,channel,start,value,unit\n"


def hours(point="MP-1", **bad):
    return "".join(
        f"{point},import,2026-01-05T{hour:02d}:00:00Z,{bad.get(f'h{hour}', '1.5')},kWh\n"
        for hour in range(24)
    )


@pytest.fixture
def town(door, tmp_path, monkeypatch):
    """A workspace that knows one metering point; `town(verb, …)` knocks there."""
    monkeypatch.chdir(tmp_path)
    assert door("init", "--name", "town", "--zone", "UTC", "--currency", "EUR").code == 0
    (tmp_path / "metering_points.csv").write_text(
        "metering_point,zone,region,fuse_kw,features\nMP-1,UTC,,,\n"
    )
    assert door("receive", "metering_points.csv").code == 0
    return door


def deliver(door, folder, text, *words, name="a.csv"):
    path = folder / name
    path.write_text(text)
    return door("receive", path, "--json", *words)


def opened(door):
    return [row for row in door("quarantine", "list", "--json").json["items"] if row["open"]]


def test_from_a_bad_row_to_a_right_one(town, tmp_path):
    """Listed with its line, exported with its reason, corrected, received; then nothing is open."""
    (answer,) = deliver(town, tmp_path, HEAD + hours(h3="1,5x")).json
    assert (answer["rows"], answer["accepted"], answer["quarantined"]) == (24, 23, 1)
    (item,) = opened(town)
    assert (item["lines"], item["code"], item["file"]) == ("5", "intake.row.cells", "a.csv")
    shown = town("quarantine", "show", item["item"])
    assert "MP-1,import,2026-01-05T03:00:00Z,1,5x,kWh" in shown.out
    said = town("quarantine", "export", item["item"], "--out", "fix.csv")
    assert f"gridtally receive fix.csv --corrects {item['item']}" in said.err
    text = (tmp_path / "fix.csv").read_text().replace(",1,5x,", ",1.5,").replace(",,MP", ",60,MP")
    (answer,) = deliver(town, tmp_path, text, "--corrects", item["item"], name="fix.csv").json

    assert (answer["accepted"], answer["answer"]) == (1, "stored")
    assert opened(town) == []
    assert town("status", "--json").json["quarantine"] == {}
    closed = town("quarantine", "show", item["item"], "--json").json["closed"]
    assert closed["action"] == "corrected"


def test_status_says_what_is_open_by_kind(town, tmp_path):
    """Rows, waiting rows, conflicts, refused files."""
    deliver(town, tmp_path, HEAD + hours(h3="x") + hours("MP-2"))
    deliver(town, tmp_path, HEAD + hours(h4="9"), name="b.csv")
    deliver(town, tmp_path, "hello\n", name="c.csv")
    seen = town("status", "--json").json

    assert {kind: n["items"] for kind, n in seen["quarantine"].items()} == {
        "rows": 1, "waiting": 1, "conflict": 1, "file": 1,
    }  # fmt: skip
    assert seen["facts"]["quarantine: rows that wait for master data"] == 24
    assert "quarantine: files refused" in town("status").out


def test_master_data_close_what_waited(town, tmp_path):
    """And say so."""
    deliver(town, tmp_path, HEAD + hours("MP-2"))
    assert [row["kind"] for row in opened(town)] == ["waiting"]
    (tmp_path / "metering_points.csv").write_text(
        "metering_point,zone,region,fuse_kw,features\nMP-1,UTC,,,\nMP-2,UTC,,,\n"
    )
    (answer,) = town("receive", "metering_points.csv", "--json").json

    assert "intake.master.arrived" in [row["code"] for row in answer["findings"]]
    assert opened(town) == []


def test_a_retry_with_another_rounding(town, tmp_path):
    """Exit code 1 while nothing changes, 0 when rows are accepted."""
    deliver(town, tmp_path, HEAD + hours(h3="1.1234567"))
    assert town("quarantine", "retry", "--all").code == 1
    done = town("quarantine", "retry", "--all", "--round-finer", "half_up", "--json")

    assert (done.code, done.json[0]["accepted"]) == (0, 1)
    assert opened(town) == []


def test_a_conflict_is_shown_with_both_values_and_settled(town, tmp_path):
    """By a retry as a correction, which needs a reason."""
    deliver(town, tmp_path, HEAD + hours())
    deliver(town, tmp_path, HEAD + hours(h3="2.75"), name="b.csv")
    (item,) = opened(town)
    shown = town("quarantine", "show", item["item"])
    assert "1.5" in shown.out
    assert "2.75" in shown.out
    assert "needs a reason" in town("quarantine", "retry", item["item"], "--correction").calm
    reason = ("--correction", "--reason", "read again")
    assert town("quarantine", "retry", item["item"], *reason).code == 0
    assert opened(town) == []


def test_a_correction_needs_a_reason(town, tmp_path):
    """Before anything is stored."""
    (tmp_path / "a.csv").write_text(HEAD + hours())

    assert "needs a reason" in town("receive", "a.csv", "--correction").calm
    assert town("status", "--json").json["facts"]["files received"] == 0


def test_discarding(town, tmp_path):
    """Needs a reason, is recorded, cannot be done twice."""
    deliver(town, tmp_path, HEAD + hours(h3="x"))
    (item,) = opened(town)

    assert town("quarantine", "discard", item["item"]).code == 2
    assert town("quarantine", "discard", item["item"], "--why", "a test", "--as", "Ina").code == 0
    assert "closed already" in town("quarantine", "discard", item["item"], "--why", "x").calm
    shown = town("quarantine", "show", item["item"]).out
    assert "discarded by Ina" in shown
    assert "a test" in shown


@pytest.mark.parametrize(
    "words",
    [("show", "99"), ("export", "99"), ("export",), ("discard", "--why", "x"), ("retry",),
     ("export", "--source", "abc")],
)  # fmt: skip
def test_what_is_not_there(town, words):
    """One calm sentence."""
    assert town("quarantine", *words).calm


def test_text_of_strangers_is_shown_safely(town, tmp_path):
    """No colour, no turned direction, no name that leads out of a folder."""
    deliver(town, tmp_path, HEAD + hours() + "[red]MP\u202e1[/red],import,x,1,kWh\n")
    (item,) = opened(town)
    shown = town("quarantine", "show", item["item"])

    assert "\u202e" not in shown.out
    assert "[red]MP\ufffd1[/red]" in shown.out


def test_a_large_file_shows_its_progress(town, tmp_path, monkeypatch):
    """Its steps are named while they go on; --json stays quiet."""
    from gridtally import inbox

    monkeypatch.setattr(inbox, "_LARGE", 100)
    (tmp_path / "big.csv").write_text(HEAD + hours())
    said = town("receive", "big.csv")

    assert "decode big.csv …" in said.err
    assert "store big.csv …" in said.err


def test_m58_a_file_that_is_too_large_is_refused_unread(town, tmp_path):
    """Two gigabytes in one row: refused by its size, in little memory, and not copied."""
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"metering_point,channel,start,value,unit\nMP-1,")
        file.truncate(2 << 30)
    done = subprocess.run(
        [sys.executable, "-m", "gridtally", "receive", path],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29)),
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    assert "larger than 1024 MiB" in done.stderr
    (item,) = opened(town)
    assert (item["kind"], item["code"]) == ("file", "intake.file.large")
    assert "not kept" in town("quarantine", "show", item["item"]).out
    assert not list((tmp_path / "raw").rglob("*.*"))


def test_the_example_of_the_page(town, tmp_path):
    """docs/quarantine.md does what it says, from the file to the empty list."""
    page = (ROOT / "docs" / "quarantine.md").read_text()
    file, exported, corrected = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (answer,) = deliver(town, tmp_path, file, name="may.csv").json
    assert (answer["rows"], answer["accepted"], answer["quarantined"]) == (6, 3, 3)
    rows, waiting = opened(town)
    assert (rows["item"], rows["lines"], waiting["metering_point"]) == (1, "4", "MP-l")
    assert "It looks like 'MP-1'" in waiting["remedy"]
    assert town("quarantine", "export", 1).out == exported
    deliver(town, tmp_path, corrected, "--corrects", 1, name="fix.csv")
    town("quarantine", "discard", 2, "--why", "test meter of the laboratory")

    assert opened(town) == []
