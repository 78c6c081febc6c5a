"""T01 to T26 of the bad inputs: what is wrong with a tariff document, alone or in a workspace."""

import hashlib
import json
import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from bad_tariffs import ANSWERS
from bad_world import FLAT, HOMES, OCTOBER, ZONE, homes, hours, load, master, past
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
    assert all(remedy for *_, remedy in case.said)


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
    assert remedy == (
        "Prices of billed days change by a plan that two people approve: `gridtally rebills plan "
        "--tariff flat.toml` works out what would change, and says how to go on."
    )


@pytest.fixture(scope="module")
def issued(home):  # noqa: F811  a fixture
    """A workspace whose September was issued: August came before it began."""
    ws = made(home, "issued", master() | past(), ["run", "2026-08", "--backfill"])
    bill_month(ws, "2026-09")
    return ws


def bill_month(ws, month):
    """Run, release what is held and the rest, issue."""
    ran, listed = run([
        ["run", month, "-w", ws, "--as", "ana", "--json"], ["worklist", month, "-w", ws, "--json"],
    ])  # fmt: skip
    assert ran["code"] == 0, ran["err"]
    held = [row["bill"] for row in json.loads(listed["out"])["bills"]]
    *_, signed = run([
        *(["release", month, bill, "--why", "a test", "-w", ws, "--as", "bruno"] for bill in held),
        ["release", month, "-w", ws, "--as", "bruno", "--json"],
    ])  # fmt: skip
    release = json.loads(signed["out"])["release"]
    (step,) = run([["issue", release, "-w", ws, "--as", "ana", "--json"]])
    assert step["code"] == 0, step["err"]


# Two cents more from the middle of September to its end.
SEPTEMBER_DEARER = FLAT.replace(
    "valid_from = 2025-01-01", "valid_from = 2026-09-15\nvalid_to = 2026-10-01"
).replace("0.15", "0.17")


def door(ws, *words):
    """One command as JSON, or what it complained."""
    (step,) = run([[*words, "-w", ws]])
    if step["code"] == 2:
        return step["err"]
    return json.loads(step["out"]) if "--json" in words else step["out"] + step["err"]


def planned(ws, tmp_path, text=SEPTEMBER_DEARER, who="ana"):
    """A plan, made."""
    path = tmp_path / "flat.toml"
    path.write_text(text)
    return door(ws, "rebills", "plan", "--tariff", path, "--as", who, "--json")


def approval(ws, plan, who, why="checked"):
    """What somebody who approves a plan is told."""
    return door(ws, "rebills", "approve", plan, "--why", why, "--as", who)


def cents(point, days, price):
    """What a home pays for some days, from its readings [Wh] and a price per kWh."""
    wh = sum(load(point, at) for at in hours(*days))
    return (Decimal(wh) / 1000 * Decimal(price)).quantize(Decimal("0.01"), ROUND_HALF_UP)


FIRST_HALF, SECOND_HALF = (
    ("2026-08-31 23:00", "2026-09-14 23:00"), ("2026-09-14 23:00", "2026-09-30 23:00")
)  # fmt: skip


@pytest.fixture
def town(issued, tmp_path):
    """A copy of the issued workspace."""
    shutil.copytree(issued, tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture(scope="module")
def corrected(issued, tmp_path_factory):
    """The whole way: a plan by ana, two approvals, and the file received again."""
    folder = tmp_path_factory.mktemp("corrected")
    ws = folder / "ws"
    shutil.copytree(issued, ws)
    plan = planned(ws, folder)
    for who in ("carla", "dora"):
        assert "approved the plan" in approval(ws, plan["plan"], who)
    return ws, plan, receive(ws, folder, SEPTEMBER_DEARER)


def test_t06_a_plan_says_what_would_change(town, tmp_path):
    """T06: each bill before, after and between them, by hand; nothing else changes."""
    assert refusal(receive(town, tmp_path, SEPTEMBER_DEARER))[0] == "rating.tariff.billed"
    plan = planned(town, tmp_path)
    assert (plan["state"], plan["missing"], plan["by"]) == ("waiting", 2, "ana")
    mine = next(bill for bill in plan["bills"] if bill["account"] == "A-1")
    before = cents("MP-1", ("2026-08-31 23:00", "2026-09-30 23:00"), "0.15")
    after = cents("MP-1", FIRST_HALF, "0.15") + cents("MP-1", SECOND_HALF, "0.17")
    told = [Decimal(mine["total"][name]) for name in ("before", "after", "delta")]
    assert told == [before, after, after - before]
    assert len(plan["bills"]) == 13
    assert Decimal(plan["delta"]["EUR"]) == sum(
        Decimal(bill["total"]["delta"]) for bill in plan["bills"]
    )
    assert door(town, "rebills", "list", "--json")["proposals"] == []
    assert door(town, "status", "--json")["facts"]["tariff versions"] == 2

    for who in ("ana", "bruno"):
        again = planned(town, tmp_path, who=who)
        assert (again["plan"], again["new"], again["by"]) == (plan["plan"], False, "ana")
    text = " ".join(door(town, "rebills", "plan", "--tariff", tmp_path / "flat.toml").split())
    assert f"13 bills, difference {plan['delta']['EUR']} EUR" in text
    assert (
        "Nothing else was changed. Next: 2 people other than ana: gridtally rebills approve "
        f"{plan['plan']} --why TEXT --as NAME"
    ) in text
    answer = refusal(receive(town, tmp_path, SEPTEMBER_DEARER))
    assert answer[2] == (
        f"The plan {plan['plan']} waits for 2 approvals: `gridtally rebills approve {plan['plan']} "
        "--why TEXT --as NAME`, by anybody but ana. Then receive the same file again."
    )


def test_t06_days_that_are_not_billed_need_no_plan(town, tmp_path):
    """A version of days to come is received as it is."""
    made_ = planned(town, tmp_path, NEXT)
    assert made_["plan"] is None
    text = door(town, "rebills", "plan", "--tariff", tmp_path / "flat.toml")
    assert "so it needs no plan" in text
    assert "Next: gridtally receive flat.toml" in text
    assert door(town, "rebills", "plans", "--json")["plans"] == []
    assert "is stored already" in planned(town, tmp_path, FLAT)


def test_t06_one_approver_is_not_enough(town, tmp_path):
    """Neither who made the plan, nor the same person twice; two others."""
    plan = planned(town, tmp_path)["plan"]
    assert "ana made the plan" in approval(town, plan, "ana")
    assert "with a reason" in approval(town, plan, "carla", why=" ")
    assert "There is no plan" in approval(town, "0123", "carla")
    assert "It waits for one person more." in approval(town, plan, "carla")
    assert "carla approved the plan" in (said := approval(town, plan, "carla"))
    assert "already" in said
    code, _, remedy = refusal(receive(town, tmp_path, SEPTEMBER_DEARER, "--as", "carla"))
    assert code == "rating.tariff.billed"
    assert remedy == (
        f"The plan {plan} waits for 1 more approval, carla gave one: `gridtally rebills approve "
        f"{plan} --why TEXT --as NAME`, by anybody but ana, carla. Then receive the same file "
        "again."
    )
    (row,) = door(town, "rebills", "plans", "--json")["plans"]
    assert (row["state"], row["missing"], row["by"]) == ("waiting", 1, "ana")
    assert [(one["actor"], one["why"]) for one in row["approvals"]] == [("carla", "checked")]
    assert "waiting for 1" in door(town, "rebills", "plans")


def test_t06_two_approve_and_it_is_received(corrected):
    """The version is stored, and each bill of the plan is proposed for a rebill, by that file."""
    ws, plan, answer = corrected
    assert (answer["answer"], answer["refused"]) == ("stored", False)
    listed = door(ws, "rebills", "list", "--json")["proposals"]
    numbers = [bill["number"] for bill in plan["bills"]]
    assert sorted(row["number"] for row in listed) == sorted(numbers)
    assert {(row["what"], row["source"]) for row in listed} == {("tariff", plan["document"])}
    (row,) = door(ws, "rebills", "plans", "--json")["plans"]
    assert (row["state"], [one["actor"] for one in row["approvals"]]) == ("used", ["carla", "dora"])
    assert "is used" in approval(ws, plan["plan"], "emil")
    assert door(ws, "check", "--bills", "--json")["ok"]


def test_t06_what_is_proposed_is_what_was_planned(corrected, tmp_path):
    """`rebills delta` and `show` correct these bills with the new prices; a step closes one."""
    ws, plan, _ = corrected
    found = door(ws, "rebills", "delta", "--json")
    totals = {bill["number"]: bill["total"] for bill in found["bills"]}
    assert totals == {bill["number"]: bill["total"] for bill in plan["bills"]}
    first = plan["bills"][0]
    shown = door(ws, "rebills", "show", first["number"], "--json")
    assert shown["difference"] == first["total"]["delta"]
    shutil.copytree(ws, tmp_path / "ws")
    door(tmp_path / "ws", "rebills", "close", "1", "--why", "corrected by hand", "--as", "kim")
    assert len(door(tmp_path / "ws", "rebills", "list", "--json")["proposals"]) == 12
    assert door(tmp_path / "ws", "check", "--json")["ok"]


def test_t06_later_runs_see_it_and_earlier_bills_do_not(corrected, tmp_path):
    """A run that is made now has both prices, each on its days; an old bill comes out the same."""
    ws, plan, _ = corrected
    shutil.copytree(ws, tmp_path / "ws")
    mine = next(bill for bill in plan["bills"] if bill["account"] == "A-1")
    again = door(ws, "recompute", mine["number"], "--json")
    assert (again["same"], again["again"]) == (True, mine["total"]["before"])
    ran = door(tmp_path / "ws", "run", "2026-09", "--only", "rate", "--json")
    lines = [
        (row["price"], row["amount"]) for row in ran["tables"]["lines"]
        if row["segment"].startswith("G-1/")
    ]  # fmt: skip
    assert [(Decimal(price), Decimal(amount)) for price, amount in lines] == [
        (Decimal("0.15"), cents("MP-1", FIRST_HALF, "0.15")),
        (Decimal("0.17"), cents("MP-1", SECOND_HALF, "0.17")),
    ]
    after = door(tmp_path / "ws", "run", "2026-10", "--only", "audit", "--json")
    codes = {row["code"] for row in after["tables"]["findings"]}
    assert codes
    assert "rating.tariff.none" not in codes  # what was there before goes on


def test_t06_a_second_correction_stands_over_the_first(corrected, tmp_path):
    """Its plan is worked out under the first; of the two, the later stored wins on its days."""
    ws, plan, _ = corrected
    shutil.copytree(ws, tmp_path / "ws")
    ws = tmp_path / "ws"
    text = SEPTEMBER_DEARER.replace("0.17", "0.16").replace("2026-09-15", "2026-09-01")
    second = planned(ws, tmp_path, text, who="bruno")
    mine = next(bill for bill in second["bills"] if bill["account"] == "A-1")
    whole = ("2026-08-31 23:00", "2026-09-30 23:00")
    assert Decimal(mine["total"]["after"]) == cents("MP-1", whole, "0.16")
    for who in ("ana", "carla"):
        approval(ws, second["plan"], who)
    assert receive(ws, tmp_path, text)["answer"] == "stored"
    found = door(ws, "rebills", "delta", mine["number"], "--json")["bills"][0]
    assert found["total"] == mine["total"]
    assert plan["plan"] != second["plan"]


@pytest.mark.parametrize("why", ["a bill was cancelled", "another version came"])
@pytest.mark.parametrize("approved", [False, True])
def test_t06_a_stale_plan_is_refused(town, tmp_path, why, approved):
    """What it was worked out from is not there any more: neither approved nor used; a new one."""
    plan = planned(town, tmp_path)["plan"]
    for who in ("carla", "dora") if approved else ():
        approval(town, plan, who)
    if why == "another version came":
        assert receive(town, tmp_path, NEXT)["answer"] == "stored"
    else:
        with sqlite3.connect(town / "control.db") as control:
            control.execute("UPDATE issued_segment SET live = 0 WHERE agreement = 'G-1'")
        control.close()
    said = approval(town, plan, "emil")
    assert "is stale" in said
    assert "Make a new one" in said
    code, _, remedy = refusal(receive(town, tmp_path, SEPTEMBER_DEARER))
    assert code == "rating.tariff.billed"
    assert f"The plan {plan} is stale" in remedy
    (row,) = door(town, "rebills", "plans", "--json")["plans"]
    assert row["state"] == "stale"
    other = planned(town, tmp_path)
    assert other["plan"] != plan
    assert (other["state"], other["missing"]) == ("waiting", 2)


def test_t06_the_other_checks_still_apply(town, tmp_path):
    """Currency and zone are refused before a plan is made; prices that move too far wait."""
    for old, new in (('"EUR"', '"GBP"'), (ZONE, "Europe/Madrid")):
        assert "Versions of one tariff share" in planned(
            town, tmp_path, SEPTEMBER_DEARER.replace(old, new)
        )
    text = SEPTEMBER_DEARER.replace("0.17", "15")
    plan = planned(town, tmp_path, text)["plan"]
    for who in ("carla", "dora"):
        approval(town, plan, who)
    assert refusal(receive(town, tmp_path, text, "--as", "ana"))[0] == "rating.tariff.step"
    answer = receive(town, tmp_path, text, "--as", "bruno", "--accept-steps")
    assert answer["answer"] == "stored"


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
