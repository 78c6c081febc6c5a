"""A billing cycle from outside: its period and accounts, its due date, and a final bill off it."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from gridtally import control

ROOT = Path(__file__).parents[2]
FILES = {
    "cycles": "cycle,read_day,due_rule,holidays\nmid,15,3 working days,PT\nfirst,1,,\n",
    "accounts": "account,segment,language\nA-1,household,en\nA-2,household,en\nA-3,household,en\n",
    "metering_points": (
        "metering_point,zone,cycle\n"
        "P-1,Europe/Lisbon,mid\nP-2,Europe/Lisbon,mid\nP-3,Europe/Lisbon,mid\n"
    ),
    "meters": (
        "meter,metering_point,from,to\nM-1,P-1,2020-01-01,\nM-2,P-2,2020-01-01,\n"
        "M-3,P-3,2020-01-01,\n"
    ),
    "agreements": (
        "agreement,account,metering_point,from,to,tariff,legal_source,cycle\n"
        "G-1,A-1,P-1,2026-01-01,,home-tou,interval,\n"
        "G-2,A-2,P-2,2026-01-01,2026-02-24,home-tou,interval,\n"
        "G-3,A-3,P-3,2026-01-01,,home-tou,interval,first\n"
    ),
}


@pytest.fixture
def town(door, tmp_path):
    """Three households, two of them read on the 15th, one of which moves out on 24 February."""
    where, folder = tmp_path / "ws", tmp_path / "delivery"
    folder.mkdir()
    door("init", where, "--zone", "Europe/Lisbon", "--currency", "EUR")
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    listed = "".join(f"PT,{year}-12-25,holiday,Christmas\n" for year in range(2025, 2050))
    (folder / "holidays.csv").write_text("calendar,day,kind,name\n" + listed)
    tariff = ROOT / "docs" / "first-bill" / "home-tou.toml"
    (folder / tariff.name).write_bytes(tariff.read_bytes())
    head = "metering_point,channel,date,resolution_min," + ",".join(f"v{n}" for n in range(1, 25))
    days = [date(2026, 2, 1) + timedelta(days=n) for n in range(48)]
    rows = [f"P-{p},import,{day},60" + ",0.5" * 24 for p in (1, 2, 3) for day in days]
    (folder / "readings.csv").write_text("\n".join([head, *rows]) + "\n")
    said = door("receive", folder, "-w", where, "--json")
    assert said.code == 0, said.out
    return where


def test_a_cycle_is_billed(door, town):
    """The month names the period that begins in it; who moved out gets the days until then."""
    said = door("run", "2026-02", "--cycle", "mid", "-w", town, "--only", "assemble", "--as", "ana")
    bills = {row["account"]: row for row in json.loads(said.out)["tables"]["segments"]}

    assert bills.keys() == {"A-1", "A-2"}
    assert (bills["A-1"]["from"], bills["A-1"]["to"]) == ("2026-02-15", "2026-03-15")
    assert (bills["A-2"]["from"], bills["A-2"]["to"]) == ("2026-02-15", "2026-02-24")


def test_due_dates(door, town):
    """A bill is due by the rule of its account's cycle: three working days after its issue."""
    run = door("run", "2026-02", "--cycle", "mid", "-w", town, "--json", "--as", "ana").json["run"]
    bills = list(control.models.RunBill.objects.values_list("bill", flat=True))
    said = door("release", run, *bills, "--why", "looked at", "-w", town, "--as", "bruno", "--json")
    assert said.code == 0, said.err
    done = door("issue", said.json["release"], "-w", town, "--as", "bruno", "--json")
    assert done.code == 0, done.err
    for bill in control.models.IssuedBill.objects.all():
        after = [bill.issued + timedelta(days=n) for n in range(1, 9)]
        worked = [d for d in after if d.weekday() < 5 and (d.month, d.day) != (12, 25)]
        assert bill.due == worked[2]


def test_a_final_bill_off_the_cycle(door, town):
    """Who moved out need not wait for the reading day."""
    said = door("run", "2026-02-15:2026-02-24", "--account", "A-2", "-w", town, "--json",
                "--as", "ana")  # fmt: skip
    assert said.json["bills"] == 1


def test_what_is_no_period(door, town):
    """Other days, an unknown cycle, a cycle and accounts together: said, and nothing is run."""
    for words, text in (
        (("2026-02-01:2026-03-01", "--cycle", "first"), ""),
        (("2026-02-15:2026-02-24", "--cycle", "mid"), "is no period of the cycle mid"),
        (("2026-02", "--cycle", "moon"), "There is no cycle moon"),
        (("2026-02", "--cycle", "mid", "--account", "A-1"), "exclude each other"),
    ):
        said = door("run", *words, "-w", town, "--dry-run", "--json", "--as", "ana")
        assert said.code == (2 if text else 0)
        assert text in said.err
