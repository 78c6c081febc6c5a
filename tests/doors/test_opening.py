"""`import opening`: what another system hands over goes on as before, or is refused whole.

The amounts are worked out by hand in the comments.
"""

import shutil

import pytest

TARIFF = """\
schema = 1
tariff = "all-that-is-carried"
title = "All that is carried"
currency = "EUR"
zone = "UTC"
valid_from = 2025-01-01
source = "made up for this test"

[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }

[[components]]
id = "steps"
shape = "tiered"
title = "Steps"
channel = "import"
window = "year"
method = "graduated"
tiers = [{ upto = 100, price = 0.10 }, { price = 0.20 }]
ledger = "revenue.energy"

[[components]]
id = "peak"
shape = "demand"
title = "Peak"
channel = "import"
window_min = 60
basis = "measured"
ratchet = { percent = 80, months = 11 }
price = 2
ledger = "revenue.demand"

[[components]]
id = "net"
shape = "energy"
title = "Net"
channel = "import"
netting = "month"
price = 0.05
ledger = "revenue.net"
"""
FILES = {
    "open_items.csv": "account,reference,amount,posted,due,service_from,service_to\n"
    "A-1,R-7,120.50,2026-09-05,2026-09-26,2026-08-01,2026-09-01\n"
    "A-1,P-3,-20.50,2026-09-20,,,\n",
    "deposits.csv": "account,reference,amount,posted\nA-1,D-1,150,2020-03-01\n",
    "bill_history.csv": "account,agreement,metering_point,from,to,tariff,import_kwh,export_kwh,"
    "demand_kw,total\n"
    "A-1,G-1,MP-1,2026-08-01,2026-09-01,all-that-is-carried,60,0,5,120.50\n"
    "A-1,G-1,MP-1,2026-09-01,2026-10-01,all-that-is-carried,30,0,1,33.10\n",
    "tier_energy.csv": "agreement,component,window_from,kwh\nG-1,steps,2026-01-01,90\n",
    "ratchets.csv": "agreement,component,bucket,month,kw\n"
    "G-1,peak,all,2026-08-01,5\nG-1,peak,all,2026-09-01,1\n",
    "credit_banks.csv": "agreement,component,bucket,kwh\nG-1,net,all,100\n",
    "control_totals.csv": "table,column,total\n"
    "open_items,rows,2\nopen_items,amount,100\ndeposits,rows,1\ndeposits,amount,150.00\n"
    "bill_history,rows,2\nbill_history,import_kwh,90\nbill_history,demand_kw,6\n"
    "bill_history,total,153.60\ntier_energy,rows,1\ntier_energy,kwh,90\n"
    "ratchets,rows,2\nratchets,kw,6\ncredit_banks,rows,1\ncredit_banks,kwh,100\n",
}


@pytest.fixture(scope="module")
def fresh(door, tmp_path_factory):
    """A workspace with one home, its tariff and its October; nothing was billed here before."""
    home = tmp_path_factory.mktemp("opening")
    given = home / "given"
    given.mkdir()
    (given / "tariff.toml").write_text(TARIFF)
    (given / "accounts.csv").write_text("account,segment,language\nA-1,household,en\n")
    (given / "metering_points.csv").write_text("metering_point,zone\nMP-1,UTC\n")
    (given / "agreements.csv").write_text(
        "agreement,account,metering_point,from,to,tariff,legal_source\n"
        "G-1,A-1,MP-1,2026-08-01,,all-that-is-carried,interval\n"
    )
    rows = [
        f"MP-1,{channel},2026-10-{day:02d}T{hour:02d}:00Z,{value},kWh"
        for channel, value in (("import", "0.5"), ("export", "0"))
        for day in range(1, 32)
        for hour in range(24)
    ]
    (given / "october.csv").write_text(
        "\n".join(["metering_point,channel,start,value,unit", *rows, ""])
    )
    assert door("init", home / "ws", "--zone", "UTC").code == 0
    assert door("receive", given, "-w", home / "ws").code == 0
    return home / "ws"


@pytest.fixture
def workspace(fresh, tmp_path):
    shutil.copytree(fresh, tmp_path / "ws")
    return tmp_path / "ws"


def folder(tmp_path, **changes):
    """The files of an opening, some changed (`name__csv=text`) or left out (None)."""
    files = FILES | {name.replace("__", "."): text for name, text in changes.items()}
    where = tmp_path / "opening"
    where.mkdir(exist_ok=True)
    for name, text in files.items():
        (where / name).unlink(missing_ok=True)
        if text is not None:
            (where / name).write_text(text)
    return where


def taken(door, workspace, where, *more):
    return door("import", "opening", where, "-w", workspace, "--as", "ana", "--json", *more)


def entries(workspace):
    import sqlite3

    with sqlite3.connect(workspace / "control.db") as base:
        return base.execute(
            "SELECT debit_id, credit_id, amount, memo, due FROM entry ORDER BY memo"
        ).fetchall()


def test_an_opening_goes_on_where_the_other_system_ended(door, workspace, tmp_path):
    """Balances are booked; the first bill starts from tiers, ratchet and bank as they stood."""
    said = taken(door, workspace, folder(tmp_path))
    assert said.code == 0, said.out + said.err
    assert said.json["answer"] == "taken over"
    assert all(row["sum"] == row["control"] for row in said.json["sums"])
    assert entries(workspace) == [
        ("opening.balance", "deposit", 15000, "D-1", None),
        ("opening.balance", "receivable", 2050, "P-3", None),
        ("receivable", "opening.balance", 12050, "R-7", "2026-09-26"),
    ]
    run = door("run", "2026-10", "-w", workspace, "--as", "ana", "--only", "rate")
    assert run.code == 0, run.err
    lines = {
        (row["component"], row["bucket"]): (row["quantity"], row["amount"])
        for row in run.json["tables"]["lines"]
    }
    # 744 hours of 0.5 kWh are 372 kWh: 10 of them reach 100 kWh of the year, 362 lie above.
    # 80 % of the 5 kW of August are more than 0.5 kW. The bank pays 100 kWh of the 372.
    found = {key: tuple(f"{float(cell):g}" for cell in row) for key, row in lines.items()}
    assert found == {
        ("steps", "tier-1"): ("10", "1"), ("steps", "tier-2"): ("362", "72.4"),
        ("peak", ""): ("4", "8"), ("net", ""): ("272", "13.6"),
    }  # fmt: skip
    assert door("check", "-w", workspace).code == 0


def test_the_same_opening_again_changes_nothing(door, workspace, tmp_path):
    """Also under other names of the files, and with rows in another order."""
    where = folder(tmp_path)
    assert taken(door, workspace, where).json["answer"] == "taken over"
    before = entries(workspace)
    again = taken(door, workspace, where)
    assert (again.code, again.json["answer"]) == (0, "known already")
    lines = FILES["open_items.csv"].splitlines()
    shuffled = "\n".join([lines[0], lines[2], lines[1], ""])
    again = taken(door, workspace, folder(tmp_path, open_items__csv=shuffled))
    assert again.json["answer"] == "known already"
    assert entries(workspace) == before


def test_a_dry_run_takes_nothing_over(door, workspace, tmp_path):
    """It says what it would do."""
    said = taken(door, workspace, folder(tmp_path), "--dry-run")
    assert (said.code, said.json["answer"]) == (0, "would be taken over")
    assert entries(workspace) == []
    assert not (workspace / "opening").exists()


def test_another_opening_of_the_same_items_is_refused(door, workspace, tmp_path):
    """An item is booked once, also when another column of its file changed."""
    assert taken(door, workspace, folder(tmp_path)).code == 0
    before = entries(workspace)
    other = FILES["open_items.csv"].replace("2026-09-26", "2026-09-27")
    said = taken(door, workspace, folder(tmp_path, open_items__csv=other))
    assert "booked already" in said.calm
    assert entries(workspace) == before


EARLY = FILES["bill_history.csv"].replace("2026-09-01,2026-10-01", "2026-08-31,2026-10-01")
OTHER = FILES["control_totals.csv"].replace("amount,100\n", "amount,101\n")
WRONG = {
    "a total that differs": (
        {"control_totals__csv": OTHER},
        "differs", "open_items: amount is 100, and the control total says 101: -1 too much.",
    ),
    "a total that is missing": (
        {"control_totals__csv": FILES["control_totals.csv"].replace("ratchets,kw,6\n", "")},
        "control", "There is no control total for kw of ratchets, which is 6.",
    ),
    "no totals at all": ({"control_totals__csv": None}, "control", "no file control_totals"),
    "a total of nothing": (
        {"deposits__csv": None}, "control", "is of nothing that was delivered",
    ),
    "a month that the ratchet looks back to": (
        {"ratchets__csv": "agreement,component,bucket,month,kw\nG-1,peak,all,2026-09-01,6\n",
         "control_totals__csv": FILES["control_totals.csv"].replace("ratchets,rows,2",
                                                                    "ratchets,rows,1")},
        "months", "ratchets: the next bill of the agreement G-1 looks back with peak to months of "
        "which there is no demand: 2026-08.",
    ),
    "an account that nobody has": (
        {"deposits__csv": FILES["deposits.csv"].replace("A-1", "A-9")},
        "account", "deposits: there is no account A-9",
    ),
    "a bill of another account": (
        {"bill_history__csv": FILES["bill_history.csv"].replace("G-1,MP-1", "G-2,MP-1"),
         "tier_energy__csv": FILES["tier_energy.csv"].replace("G-1", "G-2"),
         "ratchets__csv": FILES["ratchets.csv"].replace("G-1", "G-2"),
         "credit_banks__csv": FILES["credit_banks.csv"].replace("G-1", "G-2")},
        "agreement", "no agreement G-2 of account A-1",
    ),
    "a figure without a bill": (
        {"tier_energy__csv": FILES["tier_energy.csv"].replace("G-1", "G-2")},
        "history", "the agreement G-2 has no bill in bill_history",
    ),
    "a component that is no tier": (
        {"tier_energy__csv": FILES["tier_energy.csv"].replace("steps", "peak")},
        "component", "has no component peak that goes on",
    ),
    "an item twice": (
        {"open_items__csv": FILES["open_items.csv"].replace("P-3,-20.50", "R-7,-20.50")},
        "twice", "open_items: A-1 R-7 stands there 2 times.",
    ),
    "bills that overlap": (
        {"bill_history__csv": EARLY},
        "overlap", "two bills of the agreement G-1 overlap",
    ),
    "a month that is none": (
        {"ratchets__csv": FILES["ratchets.csv"].replace("2026-09-01", "2026-09-02")},
        "month", "is no first of a month",
    ),
    "more decimals than a cent": (
        {"open_items__csv": FILES["open_items.csv"].replace("120.50", "120.501")
         .replace("-20.50", "-20.501")},
        "amount", "has more decimals than EUR",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_whole(door, workspace, tmp_path, case):
    """Nothing of an opening is taken over when anything in it is wrong; the reason is said."""
    changes, code, words = WRONG[case]
    said = taken(door, workspace, folder(tmp_path, **changes))
    assert said.code == 1, said.err
    found = {row["code"]: row["message"] for row in said.json["findings"]}
    assert words in found[f"intake.opening.{code}"]
    assert entries(workspace) == []
    assert not (workspace / "opening").exists()


@pytest.mark.parametrize("cell", ["1e3", "NaN", "12,5", "１２", "", "=1+1"])
def test_odd_numbers_are_refused(door, workspace, tmp_path, cell):
    """A cell that is no plain number: with file and line, and nothing is taken over."""
    text = FILES["deposits.csv"].replace("150,", f'"{cell}",')
    said = taken(door, workspace, folder(tmp_path, deposits__csv=text))
    assert said.code == 1
    first = said.json["findings"][0]
    assert (first["code"], first["line"]) == ("intake.master.value", 2)
    assert entries(workspace) == []


def test_an_empty_folder_is_said(door, workspace, tmp_path):
    """With the names that files of an opening have."""
    assert "open_items.csv" in taken(door, workspace, tmp_path).calm


def test_long_names_never_meet(door, workspace, tmp_path):
    """References that differ in their last letter alone are two items, however long they are."""
    one, two = "x" * 63 + "1", "x" * 63 + "2"
    items = "account,reference,amount,posted\n" + "".join(
        f"A-1,{name},50,2026-09-05\n" for name in (one, two)
    )
    totals = "table,column,total\nopen_items,rows,2\nopen_items,amount,100\n"
    files = dict.fromkeys((name.replace(".", "__") for name in FILES), None)
    where = folder(tmp_path, **files | {"open_items__csv": items, "control_totals__csv": totals})
    assert taken(door, workspace, where).code == 0
    assert [row[3] for row in entries(workspace)] == [one, two]
