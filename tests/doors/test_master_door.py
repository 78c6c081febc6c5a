"""Master data from outside: versions, what was known when, changes; nothing personal unasked."""

import json
import shutil

import pytest

from gridtally import control

CANARY = ("Zebedee Quixote", "Umbrella Lane 77", "zq@canary.example", "+351 999 000 111", "9X9-YZ7")


def csv(header, *rows):
    return "\n".join([header, *rows]) + "\n"


FILES = {
    "parties": csv("party,kind", "P-1,person"),
    "contacts": csv(
        "party,from,to,name,address,postcode,email,phone",
        f"P-1,2024-01-01,,{CANARY[0]},{CANARY[1]},{CANARY[4]},{CANARY[2]},{CANARY[3]}",
    ),
    "accounts": csv(
        "account,segment,language,name,address,email,party",
        "AC-1,household,en,,,,P-1",
        f"AC-2,household,en,{CANARY[0]},{CANARY[1]},{CANARY[2]},",
    ),
    "metering_points": csv("metering_point,zone", "MP-1,Europe/Lisbon", "MP-2,Europe/Lisbon"),
    "meters": csv("meter,metering_point,from,to", "M-1,MP-1,2025-01-01,", "M-2,MP-2,2025-01-01,"),
    "registers": csv(
        "meter,register,channel,bucket,kind,digits,multiplier",
        "M-1,1.8.0,import,total,cumulative,6,1",
        "M-2,1.8.0,import,total,cumulative,6,1",
    ),
    "agreements": csv(
        "agreement,account,metering_point,from,to,tariff,legal_source",
        "AG-1,AC-1,MP-1,2025-01-01,,home,register",
        "AG-2,AC-2,MP-2,2025-01-01,,home,register",
    ),
}


@pytest.fixture
def empty(door, tmp_path):
    """A workspace with nothing in it."""
    door("init", tmp_path / "ws", "--zone", "Europe/Lisbon", "--currency", "EUR")
    return tmp_path / "ws"


@pytest.fixture
def deliver(door, empty, tmp_path):
    """Deliver files of master data; the answer."""
    count = iter(range(100))

    def give(*words, **files):
        folder = tmp_path / f"delivery-{next(count)}"
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.csv").write_text(text)
        said = door("receive", folder, "-w", empty, "--json", *words)
        [answer] = [a for a in said.json if a["what"].startswith("master")]
        return answer

    return give


def told(door, empty, *words):
    said = door("master", *words, "-w", empty, "--json")
    assert said.code == 0, said.err
    return said.json


def test_versions(door, empty, deliver):
    """Each delivery that changes something is a version, with who, what, how and the digest."""
    deliver("--as", "ana", **FILES)
    answer = deliver("--as", "bruno", "--master", "changes", agreements=csv(
        "agreement,account,metering_point,from,to,tariff,legal_source",
        "AG-1,AC-1,MP-1,2025-01-01,2026-01-01,home,register",
        "AG-1,AC-1,MP-1,2026-01-01,,home-2,interval",
    ))  # fmt: skip
    assert (answer["rows"], answer["accepted"], answer["repeated"]) == (2, 2, 0)
    [part] = answer["parts"]
    assert (part["added"], part["changed"], part["gone"]) == (1, 1, 0)
    again = deliver("--master", "changes", agreements=csv(
        "agreement,account,metering_point,from,to,tariff,legal_source",
        "AG-1,AC-1,MP-1,2026-01-01,,home-2,interval",
    ))  # fmt: skip
    assert (again["answer"], again["accepted"], again["repeated"]) == ("known already", 0, 1)

    first, second = told(door, empty, "versions")["versions"]
    assert (first["actor"], second["actor"]) == ("ana", "bruno")
    assert second["rows"]["agreements"] == 3
    [source] = second["sources"]
    assert (source["file"], source["mode"], source["rows"]) == ("agreements.csv", "changes", 2)
    raw = empty / "raw" / source["digest"][:2] / source["digest"]
    assert b"home-2" in raw.read_bytes()
    rows = told(door, empty, "changes", "--from", "1")["changes"]
    assert [(row["what"], row["key"]["from"]) for row in rows] == [
        ("added", "2026-01-01"), ("changed", "2025-01-01"),
    ]  # fmt: skip
    assert rows[1]["after"] == {"to": "2026-01-01"}
    assert door("check", "--only", "raw", "-w", empty).code == 0
    raw.write_bytes(b"something else")
    assert door("check", "--only", "raw", "-w", empty).code == 1


def test_valid_and_known(door, empty, deliver):
    """A day of validity and a day of knowledge are two questions."""
    deliver(**FILES)
    deliver("--master", "changes", agreements=csv(
        "agreement,account,metering_point,from,to,tariff,legal_source",
        "AG-1,AC-1,MP-1,2025-01-01,2026-01-01,home,register",
        "AG-1,AC-1,MP-1,2026-01-01,,home-2,interval",
    ))  # fmt: skip
    rows = control.models.MasterVersion.objects
    assert rows.count() == 2
    old, new = (
        told(door, empty, "show", "MP-1", "--on", day)["tables"]["agreements"]
        for day in ("2025-12-31", "2026-01-01")
    )
    assert ([r["tariff"] for r in old], [r["tariff"] for r in new]) == (["home"], ["home-2"])
    assert len(told(door, empty, "list", "agreements")["rows"]) == 3
    said = door("master", "show", "MP-1", "-w", empty, "--as-known-on", "2020-01-01")
    assert said.code == 2
    assert "No master data were known by then." in said.err


def test_show(door, empty, deliver):
    """A point shows its meters, their dials, its agreements, and who pays; an unknown name is 2."""
    deliver(**FILES)
    found = told(door, empty, "show", "MP-1")["tables"]
    assert list(found) == [
        "parties", "accounts", "metering_points", "meters", "registers", "agreements",
    ]  # fmt: skip
    assert [row["meter"] for row in found["registers"]] == ["M-1"]
    assert door("master", "show", "nobody", "-w", empty).code == 2
    assert door("master", "list", "people", "-w", empty).code == 2


def test_changes_drop_nothing(door, empty, deliver):
    """A file of changes leaves the rows that it does not name; a whole file takes them away."""
    deliver(**FILES)
    two = csv("metering_point,zone,region", "MP-2,Europe/Lisbon,north", "MP-3,Europe/Lisbon,")
    deliver("--master", "changes", metering_points=two)
    rows = told(door, empty, "list", "metering_points")["rows"]
    assert [(r["metering_point"], r["region"]) for r in rows] == [
        ("MP-1", ""), ("MP-2", "north"), ("MP-3", ""),
    ]  # fmt: skip
    answer = deliver(metering_points=two)
    assert answer["parts"][0]["gone"] == 1
    assert {f["code"] for f in answer["findings"]} >= {"intake.master.orphan"}
    rows = told(door, empty, "list", "metering_points")["rows"]
    assert [r["metering_point"] for r in rows] == ["MP-2", "MP-3"]


def test_dry_run_shows_the_rows(door, empty, deliver):
    """What would change is shown row by row, personal values are not, and nothing is kept."""
    deliver(**FILES)
    changed = FILES["accounts"].replace("AC-1,household", "AC-1,shop").replace("Quixote", "Moved")
    answer = deliver("--dry-run", accounts=changed)
    assert answer["answer"] == "would be stored"
    assert [(r["what"], r["key"], r["after"]) for r in answer["changes"]] == [
        ("changed", {"account": "AC-1"}, {"segment": "shop"}),
        ("changed", {"account": "AC-2"}, {"name": "(personal)"}),
    ]
    assert len(told(door, empty, "versions")["versions"]) == 1


def test_a_refused_file_waits_in_quarantine(door, empty, deliver):
    """Its bytes and the reason are kept until a file of its name can be read."""
    answer = deliver(**FILES | {"meters": "no,such,columns\n"})
    assert answer["refused"]
    items = control.models.QuarantineItem.objects
    [item] = items.all()
    assert (item.name, item.code) == ("meters.csv", "intake.csv.columns")
    kept = empty / "raw" / "quarantine" / item.refused
    assert kept.read_bytes() == b"no,such,columns\n"
    deliver(accounts=FILES["accounts"])
    assert not control.models.QuarantineStep.objects.exists()
    deliver(**FILES)
    [step] = control.models.QuarantineStep.objects.all()
    assert (step.item_id, step.action) == (item.pk, "corrected")


def test_check_says_what_holds(door, empty, deliver):
    """Checks can be asked again; one that holds is exit code 1."""
    deliver(**FILES)
    assert door("master", "check", "-w", empty).code == 0
    twice = FILES["agreements"] + "AG-3,AC-2,MP-1,2025-06-01,,home,register\n"
    deliver(agreements=twice)
    said = door("master", "check", "-w", empty, "--json")
    assert said.code == 1
    assert [f["code"] for f in said.json["findings"] if f["severity"] == "hold"] == [
        "intake.master.overlap"
    ]


def test_nothing_personal_is_told(door, empty, deliver, tmp_path):
    """Names, addresses and numbers stand in raw/ and master/personal/ and nowhere else."""
    wrong = (
        FILES["contacts"] + f"P-1,2024-01-01,,{CANARY[0]},{CANARY[1]},,{CANARY[3]},{CANARY[2]}\n"
    )
    wrong += f"P-2,2024-01-01,,{CANARY[0]},{CANARY[1]},,,\nP-1,{CANARY[0]}\n"
    said = [json.dumps(deliver(**FILES | {"contacts": wrong}))]
    row = FILES["contacts"].split("\n")[1] + "\n"
    said += [json.dumps(deliver(contacts=header + row)) for header in ("", "no,such\n")]
    said.append(json.dumps(deliver("--dry-run", contacts=FILES["contacts"])))
    for words in (
        ("list", "accounts"), ("show", "AC-2"), ("show", "MP-1"), ("show", "P-1"), ("versions",),
        ("changes", "--from", "0"), ("list", "contacts"), ("check",),
    ):  # fmt: skip
        answer = door("master", *words, "-w", empty)
        said.append(answer.out + answer.err)
        said.append(door("master", *words, "-w", empty, "--json").out)
    for text in said:
        assert not any(word in text for word in CANARY)
    shutil.rmtree(empty / "raw")
    shutil.rmtree(empty / "master" / "personal")
    for path in empty.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(word.encode() in data for word in CANARY), path


def test_personal_data_for_who_asks(door, empty, deliver):
    """With --personal they are shown."""
    deliver(**FILES)
    [row] = told(door, empty, "show", "P-1", "--personal")["tables"]["contacts"]
    assert row["name"] == CANARY[0]
    rows = told(door, empty, "list", "accounts", "--personal")["rows"]
    assert [row["name"] for row in rows] == ["", CANARY[0]]
