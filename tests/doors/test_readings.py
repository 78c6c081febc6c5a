"""decode, formats, rate, tariff, receive: data on stdout, talk on stderr, exit codes."""

import json
import os
import re
import shutil

import pytest

from conftest import FIRST_BILL
from gridtally import control
from gridtally.store.workspace import Workspace

TARIFF, READINGS = FIRST_BILL / "home-tou.toml", FIRST_BILL / "october.csv"
LISBON = ("--zone", "Europe/Lisbon")
FINDING = {"code", "severity", "file", "line", "message", "remedy"}


def test_decode_json(door):
    """The shape that others rely on."""
    said = door("decode", READINGS, *LISBON, "--json")
    assert (said.code, said.err) == (0, "")
    assert {"schema", "channels", "findings"} <= said.json.keys()
    assert said.json["schema"] == 1
    channel = said.json["channels"][0]
    assert {"metering_point", "channel", "unit", "n", "sum", "first", "last"} <= channel.keys()
    assert isinstance(channel["sum"], str)
    assert said.json["findings"] == []


def test_decode_for_people(door):
    """A table on stdout; the count of rows beside it on stderr."""
    said = door("decode", READINGS, *LISBON)
    assert said.code == 0
    assert "metering point" in said.out
    assert "31 rows = 31 accepted + 0 duplicates + 0 quarantined." in said.err
    assert "accepted" not in said.out


def test_a_refused_file(door, tmp_path):
    """Exit code 1: the answer is no; file, line and remedy are named, in JSON too."""
    path = tmp_path / "cut.csv"
    path.write_text(
        "metering_point,channel,start,value,unit\nMP,import,2026-01-01T00:00:00Z,1,kWh\n#rows=9\n"
    )
    said = door("decode", path, "--json")
    assert (said.code, said.err) == (1, "")
    [finding] = said.json["findings"]
    assert said.json["channels"] == []
    assert finding.keys() >= FINDING
    assert finding["file"] == "cut.csv"
    assert finding["line"]
    assert finding["remedy"]
    said = door("decode", path)
    assert (said.code, said.out) == (1, "")
    assert f"cut.csv:{finding['line']}" in said.err
    assert finding["remedy"] in said.err


def test_nothing_accepted_is_an_answer_of_no(door, tmp_path):
    """A file all of whose rows are set aside: exit code 1, in JSON too; one good row makes it 0."""
    path = tmp_path / "odd.csv"
    head, row = (
        "metering_point,channel,start,value,unit,resolution_min\n",
        "MP,import,{},1,kWh,60\n",
    )
    path.write_text(head + row.format("soon"))
    assert door("decode", path).code == 1
    assert door("decode", path, "--json").code == 1
    path.write_text(head + row.format("soon") + row.format("2026-01-01T00:00:00Z"))
    assert door("decode", path).code == 0


def test_only_files_are_read(door, tmp_path):
    """A pipe is refused at once instead of being waited for; so is a folder."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for words in (
        ("decode", pipe), ("decode", tmp_path), ("rate", pipe, READINGS), ("rate", TARIFF, pipe),
        ("tariff", "show", pipe),
    ):  # fmt: skip
        assert "is not a regular file." in door(*words).calm


def test_formats(door):
    """All of them, as data."""
    assert {"name", "sentence"} == door("formats", "--json").json[0].keys()
    assert "csv-long" in door("formats").out


def test_rate_json(door):
    """Bills with numbers as text; the lines sum to the total."""
    said = door("rate", TARIFF, READINGS, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json.keys() == {"schema", "assumptions", "bills", "findings"}
    [bill] = said.json["bills"]
    assert {"metering_point", "from", "to", "currency", "total", "lines"} == bill.keys()
    wanted = {"component", "kind", "bucket", "quantity", "unit", "price", "amount"}
    for line in bill["lines"]:
        assert wanted <= line.keys()
        assert all(isinstance(line[name], str) for name in wanted)


def test_rate_refuses(door, tmp_path):
    """A tariff that is none: exit code 1, and the reason as a finding."""
    said = door("rate", READINGS, READINGS, "--json")
    assert said.code == 1
    assert said.json["bills"] == []
    assert said.json["findings"][0]["file"] == READINGS.name
    assert door("rate", TARIFF, TARIFF).code == 1


def test_rate_as_of_a_day(door, tmp_path):
    """A year that is planned can be rated; without the option its readings lie in the future."""
    path = tmp_path / "planned.csv"
    path.write_text(READINGS.read_text().replace("2026-10-", "2056-10-"))
    assert "intake.time.future" in str(door("rate", TARIFF, path, "--json").json["findings"])
    for day in ("2056-10-31", "2057-01-01"):
        found = door("rate", TARIFF, path, "--as-of", day, "--json").json["findings"]
        assert "intake.time.future" not in str(found)
    assert "is not a date" in door("rate", TARIFF, path, "--as-of", "soon").calm


def test_tariff(door, tmp_path):
    """lint says yes or no with every problem; show draws or gives data."""
    assert door("tariff", "lint", TARIFF).code == 0
    bad = tmp_path / "bad.toml"
    bad.write_text(TARIFF.read_text().replace("price = ", "prise = "))
    said = door("tariff", "lint", bad, "--json")
    assert said.code == 1
    assert not said.json["ok"]
    assert said.json["files"][0]["findings"][0].keys() >= {"code", "path", "message", "remedy"}
    assert said.json["files"][0]["findings"][0]["path"].startswith("components[0].")
    assert "hold  components[0] (" in door("tariff", "lint", bad).out
    bad.write_text("=")
    assert "hold  the file: This is not TOML" in door("tariff", "lint", bad).out
    assert door("tariff", "show", TARIFF, "--json").json["tariff"]
    picture = door("tariff", "show", TARIFF).out
    assert re.findall(r"^  ([a-z]) (\S+)  [0-9.]+ EUR per kWh$", picture, re.MULTILINE) == [
        ("a", "peak"), ("b", "off"), ("a", "peak"), ("b", "off"),
    ]  # fmt: skip
    rows = re.findall(r"^  Jan - Dec  (.*)$", picture, re.MULTILINE)
    assert rows[0] == "b" * 16 + "a" * 6 + "b" * 14 + "a" * 6 + "b" * 6
    assert rows[1] == "b" * 48


# ------------------------------------------------------------------- receive


@pytest.fixture
def empty(door, tmp_path):
    """A workspace without anything."""
    said = door("init", tmp_path / "ws", *LISBON)
    assert said.code == 0
    assert "Made the workspace" in said.out
    assert "Next: gridtally receive" in said.err
    return tmp_path / "ws"


def test_a_name_with_blanks(door, tmp_path):
    """Any folder's name will do; the log's name is made of it."""
    assert door("init", tmp_path / "My town + more").code == 0
    key = (tmp_path / "My town + more" / "published" / "log.pub").read_text()
    assert re.match(r"gridtally\.local/My-town---more-[0-9a-f]{8}\+", key)


def test_two_workspaces_of_one_name_have_two_logs(door, tmp_path):
    """Two logs under one key would look like one that forked."""
    keys = set()
    for parent in ("a", "b"):
        assert door("init", tmp_path / parent / "town").code == 0
        keys.add((tmp_path / parent / "town" / "published" / "log.pub").read_text())
    assert len({key.split("+")[0] for key in keys}) == 2


def test_init_takes_no_key_of_another_log(door, tmp_path, monkeypatch):
    """Should two names meet all the same, the second is refused."""
    monkeypatch.setattr("secrets.token_hex", lambda _: "00000000")
    assert door("init", tmp_path / "a" / "met").code == 0
    assert (
        "There is a key of a log gridtally.local/met-00000000"
        in door("init", tmp_path / "b" / "met").calm
    )


def stored(path):
    """Every file of the workspace, and what its database counts."""
    Workspace.open(path)
    models = control.models
    counts = [
        model.objects.count()
        for model in (models.SourceFile, models.Load, models.MasterVersion, models.TariffDocument)
    ]
    files = {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}
    return counts, {name for name in files if not name.startswith("control.db")}


def test_receive_dry_run_has_no_effects(door, empty):
    """Everything is answered, nothing is kept."""
    before = stored(empty)
    said = door("receive", FIRST_BILL, "-w", empty, "--dry-run", "--json")
    assert said.code == 0
    assert {answer["answer"] for answer in said.json} == {"would be stored"}
    assert stored(empty) == before


def test_receive_twice(door, empty):
    """The same bytes again change nothing."""
    first = door("receive", FIRST_BILL, "-w", empty, "--json")
    assert first.code == 0
    assert {answer["answer"] for answer in first.json} == {"stored"}
    before = stored(empty)
    again = door("receive", FIRST_BILL, "-w", empty, "--json")
    assert again.code == 0
    assert {answer["answer"] for answer in again.json} == {"known already"}
    [master] = [answer for answer in again.json if answer["what"] == "master data"]
    assert (master["accepted"], master["repeated"]) == (0, master["rows"])
    assert stored(empty) == before


def test_a_refused_file_stands_alone(door, empty, tmp_path):
    """The rest is stored; the exit code says that something was not."""
    folder = tmp_path / "delivery"
    shutil.copytree(FIRST_BILL, folder)
    (folder / "broken.csv").write_bytes(b"\xff\xfe\x00")
    (folder / "broken.toml").write_text("schema = 1")
    (folder / "meters.csv").write_text("no,such,columns\n")
    said = door("receive", folder, "-w", empty, "--json")
    assert said.code == 1
    assert "Traceback" not in said.err
    answers = {answer["file"]: answer for answer in said.json}
    for name in ("broken.csv", "broken.toml"):
        assert answers[name]["refused"]
        assert answers[name]["findings"][0]["remedy"]
    assert answers["october.csv"]["answer"] == "stored"
    assert [a["refused"] for a in said.json if a["what"].startswith("master")] == [True]


def test_links_and_devices_in_a_folder_are_refused(door, empty, tmp_path):
    """A link is not followed, wherever it leads; the rest of the folder is stored."""
    folder, outside = tmp_path / "delivery", tmp_path / "outside"
    shutil.copytree(FIRST_BILL, folder)
    (folder / "october.csv").rename(tmp_path / "elsewhere.csv")
    (folder / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    (folder / "lost.csv").symlink_to(tmp_path / "nowhere")
    outside.mkdir()
    (folder / "linked").symlink_to(outside)
    os.mkfifo(folder / "pipe.csv")
    said = door("receive", folder, "-w", empty, "--json")
    assert said.code == 1
    refused = {a["file"]: a["findings"][0] for a in said.json if a["refused"]}
    assert refused.keys() == {"link.csv", "lost.csv", "linked", "pipe.csv"}
    assert {finding["code"] for finding in refused.values()} == {"intake.file.kind"}
    assert all(finding["remedy"] for finding in refused.values())
    assert "elsewhere" not in "".join(stored(empty)[1])
    assert "is not a regular file." in door("receive", folder / "pipe.csv", "-w", empty).calm


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"A-1,2026-10-05,1\xff,x", "codec"),
        (b"A-1,2026-10-05", "it has 2 cells, not 4"),
        (b"A-1,2026-10-05,1,x,y", "it has 5 cells, not 4"),
        (b'A-1,2026-10-05,1,"x', "unexpected end of data"),
        (b"A-1,2026-10-05,1.234,x", "finer than"),
        (b"A-1,5/10/2026,1,x", "does not match"),
        (b",2026-10-05,1,x", "it names no account"),
    ],
)
def test_a_payment_that_is_none(door, empty, tmp_path, row, reason):
    """Refused whole with its line; no payment of the file is booked."""
    path = tmp_path / "bank.csv"
    path.write_bytes(b"account,date,amount,reference\nA-1,2026-10-05,1,ok\n" + row + b"\n")
    said = door("receive", path, "-w", empty, "--json")
    assert said.code == 1
    [finding] = said.json[0]["findings"]
    assert (finding["code"], finding["line"]) == ("subledger.payment.row", 3)
    assert reason in finding["message"]
    Workspace.open(empty)
    assert control.models.Entry.objects.count() == 0


def test_payments_are_booked_once(door, empty, tmp_path):
    """The same row again is a repetition, in another file too."""
    people = tmp_path / "accounts.csv"
    people.write_text("account,segment,language,name,address,email\nA-1,household,en,Ada,Quay 1,\n")
    door("receive", people, "-w", empty)
    path = tmp_path / "bank.csv"
    path.write_text("account,date,amount,reference\nA-1,2026-10-05,42.50,Zoë\n")
    assert door("receive", path, "-w", empty, "--json").json[0]["accepted"] == 1
    [answer] = door("receive", path, "-w", empty, "--json").json
    assert (answer["accepted"], answer["repeated"]) == (0, 1)


def test_json_is_never_a_float(door):
    """Every number with decimals is a text."""
    for words in (("decode", READINGS, *LISBON), ("rate", TARIFF, READINGS)):
        json.loads(door(*words, "--json").out, parse_float=pytest.fail)


def test_a_correction_that_cannot_be_taken_says_so(door, received, delivered, tmp_path):
    """The same bytes as before, now called a correction: nothing changes, and the answer is no."""
    path = tmp_path / "town"
    shutil.copytree(received, path)
    file = next(iter(sorted((delivered / "readings").glob("*2026-10*"))))
    said = door("receive", file, "-w", path, "--correction", "--reason", "swapped", "--json")
    assert said.code == 1
    (answer,) = said.json
    assert answer["answer"] == "known already"
    assert answer["findings"][0]["code"] == "intake.file.correction"


def test_what_was_not_known_yet_is_no_error(door, received):
    """A point whose readings came later: nothing was known then, exit code 1; a stranger is 2."""
    early = door("readings", "MP-000001", "-w", received, "--as-known-on", "2020-01-01", "--json")
    assert (early.code, early.json["readings"]) == (1, [])
    assert door("readings", "nobody", "-w", received).code == 2
