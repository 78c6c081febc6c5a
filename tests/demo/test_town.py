"""Port Lumen: the same bytes everywhere, the proportions that were promised, no contradiction."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from gridtally.demo.almanac import documents
from gridtally.demo.payments import bank_file
from gridtally.demo.story import load_truth
from gridtally.errors import InvalidDocument, NotFound
from gridtally.rating.tariff import load

GOLDEN = "74218d3f061b93aea8fb7c1b1a6380ae44a503ebd04509b98a8766e396736d53"


def digest(folder):
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix().encode()
            whole.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


# ------------------------------------------------------------- the same bytes


@pytest.mark.parametrize(("zone", "seed"), [("Asia/Tokyo", "1"), ("America/St_Johns", "77")])
def test_the_same_bytes_in_any_environment(small, tmp_path, zone, seed):
    """Neither the machine's time zone nor Python's hash seed reaches a file."""
    code = "import sys, pathlib; from gridtally.demo.town import build; "
    code += "build(pathlib.Path(sys.argv[1]), accounts=60)"
    environment = os.environ | {"TZ": zone, "PYTHONHASHSEED": seed}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True)
    assert digest(tmp_path) == digest(small.folder)


def test_the_same_bytes_on_any_machine(small):
    """The small town's digest is known: another processor or NumPy must give it too."""
    assert digest(small.folder) == GOLDEN


def test_another_seed_is_another_town(small, tmp_path):
    """The seed decides."""
    from gridtally.demo.town import build

    build(tmp_path, seed=1, accounts=60)
    assert digest(tmp_path) != digest(small.folder)
    assert len(small.rows(tmp_path / "master" / "accounts.csv")) == 60


# --------------------------------------------------------------- proportions


@pytest.mark.slow
def test_proportions_of_the_large_town(large):
    """What the demo promises about its 2,000 accounts, counted in the files."""
    master, town = large.master, large.town
    live = [a for a in master["agreements"] if a["to"] == "" or a["to"] > "2026-10-01"]
    billed = {a["account"] for a in live}
    assert len(master["accounts"]) == 2000
    assert billed == {a["account"] for a in master["accounts"]}
    dial = {a["account"] for a in live if a["legal_source"] == "register"}
    assert 0.32 <= len(dial) / len(billed) <= 0.35
    segment = {a["account"]: a["segment"] for a in master["accounts"]}
    assert {a for a in segment if segment[a] == "factory"} <= dial
    points = defaultdict(set)
    for agreement in live:
        points[agreement["account"]].add(agreement["metering_point"])
    assert 0.045 <= sum(len(p) > 1 for p in points.values()) / 2000 <= 0.055
    assert len(_changed(master, live)) / 2000 >= 0.2
    languages = Counter(a["language"] for a in master["accounts"])
    assert 0.45 <= languages["en"] / 2000 <= 0.55
    assert 0.018 <= town.gaps / town.intervals <= 0.022
    assert 0.009 <= town.corrected_days / town.days <= 0.011


def _changed(master, live):
    """Accounts with a move, a change of terms, an exchange or new prices inside October."""
    cut = {"home-pv", "factory-two-part-capacity"}
    inside = {
        "2026-10-01" < m["from"] < "2026-11-01" and m["metering_point"] for m in master["meters"]
    }
    return {
        a["account"]
        for a in live
        if a["tariff"] in cut
        or a["metering_point"] in inside
        or "2026-10-01" < a["from"] < "2026-11-01"
        or "2026-10-01" < a["to"] < "2026-11-01"
    }


@pytest.mark.slow
def test_forty_faults_of_ten_kinds(large):
    """Four of each kind, each at a metering point of its own."""
    truth = load_truth(large.folder)
    assert Counter(fault["kind"] for fault in truth.faults) == dict.fromkeys(truth.kinds, 4)
    assert len(truth.kinds) == 10
    assert len({fault["metering_point"] for fault in truth.faults}) == 40
    holders = {(a["account"], a["metering_point"]) for a in large.master["agreements"]}
    assert {(f["account"], f["metering_point"]) for f in truth.faults} <= holders
    assert {fault["direction"] for fault in truth.faults} == {"over", "under"}
    assert len(truth.oddities) > 300


# ----------------------------------------------------------- no contradiction


def test_days_have_their_hours(small):
    """The day on which the clocks go back has 25 hours, the other 23, all others 24."""
    lengths = Counter()
    for path in (small.folder / "readings").glob("homes-*.csv"):
        for row in csv.reader(path.open(newline="")):
            if row[0] != "metering_point":
                lengths[row[2] if len(row) != 28 else "", len(row) - 4] += 1
    assert {key for key in lengths if key[0]} == {
        ("2025-10-26", 25), ("2026-03-29", 23), ("2026-10-25", 25),
    }  # fmt: skip


def test_a_total_is_the_sum_of_its_parts(small):
    """What the total dial moved is what the time-of-use dials moved, to the last digit."""
    found, checked = small.dials(), 0
    for (point, meter, register), readings in found.items():
        parts = [
            found[point, meter, f"1.8.{n}"] for n in range(1, 5)
            if (point, meter, f"1.8.{n}") in found
        ]  # fmt: skip
        if register != "1.8.0" or not parts:
            continue
        whole = 10**5
        for n in range(1, len(readings)):
            total = Decimal(readings[n]["reading"]) - Decimal(readings[0]["reading"])
            split = sum(Decimal(p[n]["reading"]) - Decimal(p[0]["reading"]) for p in parts)
            assert (total - split) % whole == 0
            checked += 1
    assert checked > 30


def test_intervals_and_dials_agree(small):
    """Where a point has both, a month without gaps agrees within 0.5 % or a kWh x multiplier."""
    truth = load_truth(small.folder)
    bad = {fault["metering_point"] for fault in truth.faults}
    multiplier = {m["meter"]: int(m["multiplier"]) for m in small.master["registers"]}
    energy, days = defaultdict(Decimal), defaultdict(set)
    corrected = {}
    for path in sorted((small.folder / "readings").glob("corrections-*.csv")):
        with path.open(newline="") as file:
            for row in list(csv.reader(file))[1:]:
                corrected[tuple(row[:3])] = [Decimal(value) for value in row[5:]]
    for path in sorted((small.folder / "readings").glob("*-20??-??*.csv")):
        if path.name.startswith(("registers", "corrections")):
            continue
        with path.open(newline="") as file:
            lines = csv.reader(file)
            if "start" in next(lines):
                continue
            for row in lines:
                key, values = tuple(row[:3]), row[4:]
                month = *key[:2], key[2][:7]
                if all(values):
                    values = corrected.get(key) or map(Decimal, values)
                    energy[month] += sum(values)
                    days[month].add(key[2])
    checked = 0
    for (point, meter, register), readings in small.dials().items():
        channel = {"1.8.0": "import", "2.8.0": "export"}.get(register)
        at = {r["time"]: Decimal(r["reading"]) for r in readings}
        for (p, c, month), seen in days.items():
            first = date.fromisoformat(month + "-01")
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            if (p, c) != (point, channel) or point in bad or len(seen) < (after - first).days:
                continue
            bounds = [next((v for t, v in at.items() if t[:19] == f"{d}T00:00:00"), None)
                      for d in (first, after)]  # fmt: skip
            if None in bounds:
                continue
            moved = (bounds[1] - bounds[0]) % 10**6 * multiplier[meter]
            allowed = max(moved / 200, multiplier[meter])
            assert abs(moved - energy[p, c, month]) <= allowed, (point, month)
            checked += 1
    assert checked > 20


def test_dials_only_grow(small):
    """No dial goes back but where a fault says so, and a roll-over is one."""
    truth = load_truth(small.folder)
    bad = {f["metering_point"] for f in truth.faults if f["kind"] in ("backward", "transposed")}
    for (point, _, register), readings in small.dials().items():
        if point in bad or register == "1.6.0":
            continue
        shown = [Decimal(r["reading"]) for r in readings]
        for before, after in pairwise(shown):
            assert after >= before or (before > 90_000 and after < 10_000), (point, register)


def test_readings_are_where_a_bill_needs_them(small):
    """Each register-billed agreement of October has a reading within a day of both its bounds."""
    truth = load_truth(small.folder)
    lost = {f["metering_point"] for f in truth.faults if f["kind"] == "exchange-gap"}
    found = defaultdict(set)
    for (point, _, _), readings in small.dials().items():
        found[point] |= {datetime.fromisoformat(r["time"]).date() for r in readings}
    for row in small.master["agreements"]:
        if row["legal_source"] != "register" or (row["to"] and row["to"] <= "2026-10-01"):
            continue
        for bound in (max(row["from"], "2026-10-01"), min(row["to"] or "9", "2026-11-01")):
            near = [d for d in found[row["metering_point"]]
                    if abs((d - date.fromisoformat(bound)).days) <= 1]  # fmt: skip
            changed = row["agreement"] in {
                r["agreement"] for r in small.master["agreements"] if r["from"] == bound
            }
            assert near or changed or row["metering_point"] in lost, (row, bound)


def test_master_data_is_taken_as_it_is(small):
    """The door finds that one point is supplied twice, and one for a day by nobody."""
    from gridtally.intake.master import read_master

    files = {path.name: path.read_bytes() for path in (small.folder / "master").glob("*.csv")}
    read, findings = read_master(files)
    assert {name: table.num_rows for name, table in read.items()} == {
        name: len(rows) for name, rows in small.master.items()
    }
    assert findings["code"].to_pylist() == ["intake.master.overlap", "intake.supply.gap"]


def test_each_reading_is_taken(small):
    """The door sets no row aside, and finds three formats."""
    from gridtally.intake.decode import decode

    formats = set()
    for path in sorted((small.folder / "readings").iterdir()):
        found = decode(path.read_bytes(), name=path.name, as_of=1_793_664_000, zone="Europe/Lisbon")
        assert found.rows == found.accepted > 0, path.name
        formats.add(found.format)
    assert formats == {"csv-wide", "csv-long", "csv-registers"}


# -------------------------------------------------------------------- tariffs


def test_every_day_of_the_town_has_a_price(small):
    """The documents load without a problem, and cover every agreement from its first day on."""
    versions = defaultdict(list)
    for name, data in documents().items():
        version = load(data, name=name)
        versions[version.id].append(version)
    for row in small.master["agreements"]:
        day = date.fromisoformat(row["from"])
        last = date.fromisoformat(row["to"] or "2026-11-01")
        for version in sorted(versions[row["tariff"]], key=lambda v: v.valid_from):
            if version.valid_from <= day and (version.valid_to is None or day < version.valid_to):
                day = version.valid_to or last
        assert day >= last, row


# ------------------------------------------------------------ truth and money


def test_truth_is_refused_in_words(tmp_path):
    """A missing file is not found; another document is not taken for the truth."""
    with pytest.raises(NotFound):
        load_truth(tmp_path)
    (tmp_path / "truth.json").write_text(json.dumps({"seed": 1}))
    with pytest.raises(InvalidDocument):
        load_truth(tmp_path)


def test_the_bank_file_hangs_on_the_account_alone():
    """Another customer's bill never moves a payment; most pay all of it."""
    bills = {f"AC-{n:06d}": Decimal(n) + Decimal("0.07") for n in range(1, 1001)}
    lines = bank_file(bills, seed=1).decode().splitlines()
    assert lines[0] == "account,date,amount,reference"
    fewer = bank_file({"AC-000500": bills["AC-000500"]}, seed=1).decode().splitlines()
    assert fewer[1] in lines
    full = sum(Decimal(line.split(",")[2]) == bills[line.split(",")[0]] for line in lines[1:])
    assert 900 < full < 1000
