"""T01 to T26 of the bad inputs: what is wrong with a tariff document, alone or in a workspace."""

import hashlib
import json
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bad_tariffs import ANSWERS
from bad_world import FLAT, HOMES, OCTOBER, ZONE, homes, master, past
from test_bad_files import bare, billed, home, made, run  # noqa: F401  fixtures

from gridtally.intake.master import read_master
from gridtally.rating.lint import lint


@pytest.mark.parametrize(
    ("case"), [pytest.param(c, id=f"{name} {c.what}") for name, cs in ANSWERS.items() for c in cs]
)
def test_a_document_is_refused_with_place_reason_and_remedy(case):
    """Every problem names its code, the hour, tier or line that is wrong, and what to do."""
    found = lint(case.text.encode())
    assert tuple((p.code, p.path, p.message, p.remedy) for p in found) == case.said
    assert {str(p.severity) for p in found} == {"hold"}


# ------------------------------------------------------------ in a workspace


def receive(ws, tmp_path, text, *words, name="flat.toml"):
    """The answer to a tariff document that somebody delivers."""
    (tmp_path / name).write_text(text)
    (step,) = run([["receive", tmp_path / name, "-w", ws, "--json", *words]])
    (answer,) = json.loads(step["out"])
    return answer


def refusal(answer):
    """Code, message and remedy of a refusal."""
    assert answer["refused"]
    (found,) = answer["findings"]
    return found["code"], found["message"], found["remedy"]


@pytest.fixture
def mine(request, tmp_path):
    """A workspace of one's own: `bare` or `billed`."""

    def copied(name):
        shutil.copytree(request.getfixturevalue(name), tmp_path / "ws")
        return tmp_path / "ws"

    return copied


DIGEST = hashlib.sha256(FLAT.encode()).hexdigest()[:12]
NEXT = FLAT.replace("2025-01-01", "2027-01-01")


def test_t05_two_versions_at_one_instant(mine, tmp_path):
    """T05: days that have a version already are named, and the version that has them."""
    ws = mine("bare")
    again = FLAT.replace("made up", "made up once more")
    assert refusal(receive(ws, tmp_path, again)) == (
        "rating.tariff.overlap",
        f"valid_from: from 2025-01-01 to further notice the version sha256:{DIGEST} of flat "
        "(from 2025-01-01) is in force already.",
        "Let this version begin after the other ends, or give it an id of its own: days that have "
        "two prices are never billed.",
    )
    assert receive(ws, tmp_path, NEXT)["answer"] == "stored"  # the first ends where it begins


def test_t06_a_change_over_billed_days(mine, tmp_path):
    """T06: prices of billed days are not changed in place; how many bills there are is said."""
    late = FLAT.replace("2025-01-01", "2026-09-15")
    code, message, remedy = refusal(receive(mine("billed"), tmp_path, late))
    assert code == "rating.tariff.billed"
    assert message.endswith("is in force already. 13 bills were made for these days.")
    assert remedy.endswith("and rebill what it changes.")


def test_t08_another_currency(mine, tmp_path):
    """T08: a next version in another currency is refused; a bill has one."""
    assert refusal(receive(mine("bare"), tmp_path, NEXT.replace('"EUR"', '"GBP"'))) == (
        "rating.tariff.currency",
        "currency: GBP, but the version from 2025-01-01 has EUR. Versions of one tariff share "
        "their currency.",
        "Correct the currency, or give the new tariff an id of its own and change the agreements.",
    )


def test_t09_cents_taken_for_euros(mine, tmp_path):
    """T09: a price that moves by more than half waits for a second person, who is not the first."""
    ws = mine("bare")
    cents = NEXT.replace("0.15", "15")
    code, message, remedy = refusal(receive(ws, tmp_path, cents, "--as", "ana"))
    assert code == "rating.tariff.step"
    assert message.splitlines() == [
        "Against the version from 2025-01-01, prices move by more than 50 percent:",
        "  component energy: price: 0.15 → 15 EUR per kWh (+14.85, +9900 %)",
    ]
    assert remedy.startswith("Check for cents taken for euros.")
    for words in (["--as", "ana", "--accept-steps"], ["--as", "bruno"]):
        assert refusal(receive(ws, tmp_path, cents, *words))[0] == "rating.tariff.step"
    accepted = receive(ws, tmp_path, cents, "--as", "bruno", "--accept-steps")
    assert accepted["answer"] == "stored"


def test_t09_half_is_no_step(mine, tmp_path):
    """A price that moves by exactly half needs nobody."""
    assert receive(mine("bare"), tmp_path, NEXT.replace("0.15", "0.225"))["answer"] == "stored"


def test_t09_cents_under_another_name(mine, tmp_path):
    """T09: another id is no way around the second person, nor is a year that is cut in two."""
    ws = mine("bare")
    cents = NEXT.replace("0.15", "15").replace('id = "energy"', 'id = "supply"')
    head, rest = cents.split("[[components]]", 1)
    halves = [
        "[[components]]" + rest.replace('"supply"', f'"{name}"').replace(
            "price = 15", f"price = 15\nmonths = {months}")
        for name, months in (("w", [1, 2, 3, 4, 5, 6]), ("s", [7, 8, 9, 10, 11, 12]))
    ]  # fmt: skip
    for text, count in ((cents, 1), (head + "".join(halves), 2)):
        code, message, _ = refusal(receive(ws, tmp_path, text, "--as", "ana"))
        assert code == "rating.tariff.step"
        assert message.count("far from energy before (0.15)") == count


def test_t20_a_tariff_for_others(mine, tmp_path):
    """T20: an agreement whose metering point the tariff is not for is held, and told why."""
    ws = mine("bare")
    only = '[eligibility]\nregions = ["south"]\nvoltage_levels = ["medium"]\n'
    text = NEXT.replace("2027-01-01", "2026-10-01").replace("[rounding]", f"{only}\n[rounding]")
    assert receive(ws, tmp_path, text)["answer"] == "stored"
    (step,) = run([["run", "2026-10", "-w", ws, "--only", "audit"]])
    rows = [
        row
        for row in json.loads(step["out"])["tables"]["findings"]
        if row["code"] == "rating.tariff.ineligible"
    ]
    assert len(rows) == 13
    told = next(row for row in rows if row["metering_point"] == "MP-1")
    assert (told["severity"], told["must_hold"]) == ("hold", True)
    assert told["message"] == (
        "Agreement G-1 may not have the tariff flat: voltage level must be medium, and the master "
        "data say none; region must be south, and it is north."
    )


RATCHET = """
[[components]]
id = "demand"
shape = "demand"
price = 2
ratchet = { percent = 80, months = 2 }
"""


def october(ws, *months):
    """The findings about earlier demands after these months were billed elsewhere."""
    before = [["run", one, "--backfill", "-w", ws, "--json"] for one in months]
    said = run([*before, ["run", "2026-10", "-w", ws, "--only", "audit"]])
    assert all(step["code"] == 0 for step in said[:-1]), said
    carried = [json.loads(step["out"])["tables"]["carry"]["rows"] for step in said[:-1]]
    assert all(rows == 11 for rows in carried)  # none was held
    rows = json.loads(said[-1]["out"])["tables"]["findings"]
    rows = [row for row in rows if row["code"] == "rating.history.missing"]
    return [row for row in rows if row["metering_point"] in HOMES]


def test_t15_a_ratchet_with_no_history(mine, tmp_path):
    """T15: of agreements that are older than what is known, no bill leaves."""
    ws = mine("bare")
    text = NEXT.replace("2027-01-01", "2026-10-01") + RATCHET
    assert receive(ws, tmp_path, text)["answer"] == "stored"
    rows = october(ws)
    assert len(rows) == 11
    (told,) = {(row["severity"], row["must_hold"], row["message"], row["remedy"]) for row in rows}
    assert told == (
        "hold", True, "demand looks back to 2026-08, of which no demand is known.",
        "Take over the demands since then with the opening, correct the agreement's first day, or "
        'let the tariff look back to what is known: `look_back = "known"`.',
    )  # fmt: skip


@pytest.mark.parametrize(("began", "count"), [("2025-01-01", 11), ("2026-09-01", 0)])
def test_t15_a_past_billed_elsewhere_is_a_history(request, began, count):
    """T15: a backfill asks for nothing before it; September alone is enough for who came then."""
    files = master() | past() | {"october.csv": homes(*OCTOBER)}
    files["flat.toml"] = (FLAT + RATCHET).encode()
    terms = files["agreements.csv"].decode()
    files["agreements.csv"] = terms.replace("2025-01-01", began).encode()
    ws = made(request.getfixturevalue("home"), f"ratchet{count}", files)
    assert len(october(ws, "2026-09")) == count


def test_t22_another_zone(mine, tmp_path):
    """T22: a next version whose hours are of another zone is refused."""
    code, message, _ = refusal(receive(mine("bare"), tmp_path, NEXT.replace(ZONE, "Europe/Madrid")))
    assert code == "rating.tariff.zone"
    assert message.startswith("zone: Europe/Madrid, but the version from 2025-01-01 has Europe/L")


def test_t25_a_tariff_that_bills_used_cannot_be_taken_away(mine):
    """T25: no verb deletes a tariff, and the database itself refuses to."""
    database = next(mine("billed").rglob("control.db"))
    with sqlite3.connect(database) as control:
        for verb in ("DELETE FROM tariff_document", "UPDATE tariff_document SET tariff = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="tariff_document is append-only"):
                control.execute(verb)


def test_t26_two_people_at_once(mine, tmp_path):
    """T26: there are no drafts to edit; of two versions for the same days one is stored."""
    ws = mine("bare")
    for who, text in (("ana", NEXT), ("bruno", NEXT.replace("0.15", "0.16"))):
        (tmp_path / f"{who}.toml").write_text(text)
    with ThreadPoolExecutor(2) as both:
        words = [
            ["receive", tmp_path / f"{who}.toml", "-w", ws, "--json"] for who in ("ana", "bruno")
        ]
        told = [json.loads(step["out"])[0] for (step,) in both.map(lambda w: run([w]), words)]
    assert sorted(answer["refused"] for answer in told) == [False, True]
    code, _, _ = refusal(next(answer for answer in told if answer["refused"]))
    assert code in ("rating.tariff.overlap", "conflict")


# ---------------------------------------------------- terms of the agreement

TERMS = "agreement,account,metering_point,from,to,tariff,legal_source\n"
DIALS = "meter,register,channel,bucket,kind,digits,multiplier\n"
MASTER = {
    "T17 an agreement from 29 February of a year without one": (
        {"agreements": TERMS + "G,A,P,2026-02-29,,home,interval\n"}, "intake.master.value"),
    "T18 an agreement of no day": (
        {"agreements": TERMS + "G,A,P,2026-02-01,2026-02-01,home,interval\n"},
        "intake.master.value"),
    "T18 an agreement that ends before it begins": (
        {"agreements": TERMS + "G,A,P,2026-02-01,2026-01-01,home,interval\n"},
        "intake.master.value"),
    "T19 two customers at one place": (
        {"agreements": TERMS + "G,A,P,2026-01-01,2026-03-02,home,interval\n"
         "H,B,P,2026-03-01,,home,interval\n"}, "intake.master.overlap"),
    "T21 a multiplier of zero": (
        {"registers": DIALS + "M,1.8.0,import,total,cumulative,6,0\n"}, "intake.master.value"),
    "T21 a multiplier below zero": (
        {"registers": DIALS + "M,1.8.0,import,total,cumulative,6,-40\n"}, "intake.master.value"),
    "T22 a zone that is none": (
        {"metering_points": "metering_point,zone\nP,Europe/Lissabon\n"}, "intake.master.value"),
    "T24 a meter behind itself": (
        {"topology": "parent,child,from,to,relation,share,quantity_kwh\n"
         "P,P,2026-01-01,,subtract,,\n"}, "intake.topology.circle"),
    "T24 meters behind each other": (
        {"topology": "parent,child,from,to,relation,share,quantity_kwh\n"
         "P,Q,2026-01-01,,subtract,,\nQ,P,2026-01-01,,subtract,,\n"}, "intake.topology.circle"),
}  # fmt: skip


@pytest.mark.parametrize("case", MASTER)
def test_terms_that_cannot_be_meant(case):
    """T17 to T24: of master data, the row is set aside or the finding holds; with a remedy."""
    files, code = MASTER[case]
    _, findings = read_master({name: body.encode() for name, body in files.items()})
    rows = [row for row in findings.to_pylist() if row["code"] == code]
    assert rows, findings["code"].to_pylist()
    assert all(row["severity"] == "hold" and row["message"] and row["remedy"] for row in rows)


APART = {
    "T03": "days of 23 and 25 hours: tests/rating/test_calendars.py",
    "T14": "hours that two components price: tests/rating/test_lint_hours.py",
    "T15": "which months of a demand must be known: tests/rating/test_shapes_demand.py",
    "T17": "agreements that begin on a 31st, and periods that clamp: tests/metering/test_cycles.py",
    "T21": "a multiplier that changes: tests/findings/test_master_findings.py",
}
"""What more is said of some of them, and where."""


def test_every_bad_input_has_its_answer():
    """The table is whole: T01 to T26."""
    here = {name[:3] for name in (*ANSWERS, *MASTER)}
    named = {name[5:8].upper() for name in globals() if re.match(r"test_t\d\d_", name)}
    assert sorted(here | named) == [f"T{n:02d}" for n in range(1, 27)]
    assert here | named >= APART.keys()
    root = Path(__file__).parents[2]
    assert all((root / text.rpartition(" ")[2]).exists() for text in APART.values())
