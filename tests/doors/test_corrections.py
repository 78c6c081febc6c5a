"""rebills delta: what a late reading or a corrected tariff changes, to the cent, by hand."""

import json
import shutil
import time
from decimal import Decimal

import four_months
import pytest

from gridtally import control
from gridtally.store.workspace import Workspace

LATE = ("MP-1", "2026-01-10T12:00:00Z")


@pytest.fixture(scope="module")
def billed_town(door, tmp_path_factory):
    """Four months of two meters, issued."""
    home = tmp_path_factory.mktemp("corrections")
    files = four_months.write(home / "files")
    ws = home / "town"
    assert door("init", ws, "--zone", "UTC").code == 0
    got = door("receive", *sorted(files.iterdir()), "-w", ws, "--as", "ana")
    assert got.code == 0, got.err
    return ws, four_months.bill(door, ws)


@pytest.fixture
def town(billed_town, tmp_path):
    """A copy of it, and the numbers of its bills."""
    ws = tmp_path / "town"
    shutil.copytree(billed_town[0], ws)
    Workspace.open(ws)
    return ws, billed_town[1]


def late(door, ws, folder, value):
    """One hour of January was another."""
    path = folder / f"late-{value}.csv"
    head = "metering_point,channel,start,value,unit,resolution_min"
    path.write_text(f"{head}\n{LATE[0]},import,{LATE[1]},{value},kWh,60\n")
    got = door("receive", path, "--correction", "--reason", "misread", "-w", ws, "--as", "kim")
    assert got.code == 0, got.err


def totals(said):
    return {bill["bill"]: bill["total"]["delta"] for bill in said["bills"]}


def bill_of(number):
    return f"AC-1/2026-0{number}-01/2026-0{number + 1}-01"


def test_as_issued(town):
    """The four bills by hand: 744, 672, 744, 720 kWh, the first 1000 at 0.10, then 0.20."""
    rows = control.models.IssuedBill.objects.filter(account="AC-1").order_by("period_from")
    # 1.1 x (74.40 + 1), (25.60 + 83.20 + 1), (148.80 + 1), (144 + 1)
    assert [row.total_minor for row in rows] == [82_94, 120_78, 164_78, 159_50]


def test_a_late_reading_and_its_cone(door, town, tmp_path):
    """100 kWh and kW more in an hour of January; February and March build on it, April does not."""
    ws, numbers = town
    late(door, ws, tmp_path, 101)
    said = door("rebills", "delta", "-w", ws, "--json", "-o", tmp_path / "out")
    assert said.code == 0, said.err
    # January: 100 kWh at 0.10 and 100 kW; February: 100 kWh move to 0.20, and half of 101 kW
    # instead of 1 is charged; March: half of 101 kW; April looks back to February. And 10 % tax.
    assert totals(said.json) == {
        bill_of(1): "121", bill_of(2): "65.45", bill_of(3): "54.45", bill_of(4): "0",
    }  # fmt: skip
    assert said.json["delta"] == {"EUR": "240.9"}
    assert said.json["findings"] == []

    january, february, march, april = said.json["bills"]
    assert january["number"] == numbers[bill_of(1)]
    assert january["ledger"] == [
        {"ledger": "revenue.energy", "before": 7440, "after": 8440, "delta": 1000},
        {"ledger": "revenue.power", "before": 100, "after": 10100, "delta": 10000},
        {"ledger": "tax.vat", "before": 754, "after": 1854, "delta": 1100},
    ]
    (segment,) = february["segments"]
    assert (segment["causes"], segment["service"]) == (
        ["carry"], {"from": "2026-02-01", "to": "2026-03-01"},
    )  # fmt: skip
    assert segment["tariffs"]["before"] == segment["tariffs"]["after"]
    assert segment["input_digest"]["before"] != segment["input_digest"]["after"]
    assert segment["energy"]["import"]["delta"] == "0"
    assert segment["taxes"] == [
        {"component": "vat", "percent": "10",
         "base": {"before": "109.8", "after": "169.3", "delta": "59.5"},
         "amount": {"before": "10.98", "after": "16.93", "delta": "5.95"}},
    ]  # fmt: skip
    lines = {(row["component"], row["bucket"]): row["delta"] for row in segment["lines"]}
    assert lines == {
        ("energy", "tier-1"): "-10", ("energy", "tier-2"): "20", ("power", ""): "49.5",
        ("vat", ""): "5.95",
    }  # fmt: skip
    assert {row["ledger"]["after"] for row in segment["lines"]} == {
        "revenue.energy", "revenue.power", "tax.vat",
    }  # fmt: skip
    assert [(one["effect"], one["amount"]) for one in january["why"]["reasons"]] == [
        ("demand", "110"), ("usage", "11"),
    ]  # fmt: skip
    assert [(one["effect"], one["amount"]) for one in february["why"]["reasons"]] == [
        ("demand", "54.45"), ("tier_shift", "11"),
    ]  # fmt: skip
    assert april["why"] is None
    written = json.loads((tmp_path / "out" / f"{january['number']}.delta.json").read_text())
    assert written["total"] == january["total"]
    assert [one["segments"][0]["causes"] for one in (january, march, april)] == [
        ["own"], ["carry"], ["carry"],
    ]  # fmt: skip


def test_a_fresh_run_says_the_same(door, town, tmp_path):
    """A town that knew the reading from the start issues what was issued and the delta."""
    ws, _ = town
    late(door, ws, tmp_path, 101)
    said = door("rebills", "delta", "-w", ws, "--json").json
    then = {bill["bill"]: Decimal(bill["total"]["after"]) for bill in said["bills"]}
    files = four_months.write(tmp_path / "fresh", values={LATE: 101})
    other = tmp_path / "other"
    assert door("init", other, "--zone", "UTC").code == 0
    assert door("receive", *sorted(files.iterdir()), "-w", other, "--as", "ana").code == 0
    four_months.bill(door, other)
    Workspace.open(other)
    rows = control.models.IssuedBill.objects.filter(account="AC-1")
    fresh = {row.bill: Decimal(row.total_minor).scaleb(-2) for row in rows}
    assert then == fresh


ACCOUNTS = (
    "account,segment,language,name,address\n"
    "AC-1,household,en,A,B\nAC-2,household,en,C,D\nAC-3,household,en,E,F\n"
)
AGREEMENTS = (
    "agreement,account,metering_point,from,to,tariff,legal_source\n"
    "AG-1,AC-1,MP-1,2026-01-01,,stepped,interval\n"
)
TENANTS = {
    "the same": "AG-2,AC-2,MP-2,2026-01-01,,flat,interval\n",
    "another": "AG-2,AC-2,MP-2,2026-01-01,2026-02-01,flat,interval\n"
    "AG-3,AC-3,MP-2,2026-02-01,,flat,interval\n",
}


@pytest.mark.parametrize("tenant", TENANTS)
def test_estimates_that_look_back(door, tmp_path, tenant):
    """A missing day of February was filled from January, which changes: it is made anew, too,
    though nothing is handed on and whoever lives there by then; March is not."""
    gap = {("MP-2", f"2026-02-02T{hour:02}:00:00Z"): None for hour in range(24)}
    hours = [("MP-2", f"2026-01-{day}T{hour:02}:00:00Z") for day in range(19, 32)
             for hour in range(24)]  # fmt: skip
    totals_of = []
    for name, values in (("then", gap), ("fresh", gap | dict.fromkeys(hours, 3))):
        ws = tmp_path / name
        files = four_months.write(tmp_path / f"{name}-files", values=values)
        (files / "accounts.csv").write_text(ACCOUNTS)
        (files / "agreements.csv").write_text(AGREEMENTS + TENANTS[tenant])
        assert door("init", ws, "--zone", "UTC").code == 0
        assert door("receive", *sorted(files.iterdir()), "-w", ws, "--as", "ana").code == 0
        four_months.bill(door, ws, months=("2026-01", "2026-02", "2026-03"))
        Workspace.open(ws)
        rows = control.models.IssuedBill.objects.exclude(account="AC-1")
        totals_of.append({row.bill: Decimal(row.total_minor).scaleb(-2) for row in rows})
    ws = tmp_path / "then"
    path = tmp_path / "late.csv"
    rows = ["metering_point,channel,start,value,unit,resolution_min"]
    rows += [f"{point},import,{start},3,kWh,60" for point, start in hours]
    path.write_text("\n".join(rows) + "\n")
    got = door("receive", path, "--correction", "--reason", "late", "-w", ws, "--as", "kim")
    assert got.code == 0, got.err
    said = door("rebills", "delta", "-w", ws, "--json").json
    found = {bill["bill"]: Decimal(bill["total"]["after"]) for bill in said["bills"]}
    assert totals_of[0] | found == totals_of[1]
    assert [one["segments"][0]["causes"] for one in said["bills"]] == [["own"], ["past"]]
    assert said["bills"][1]["total"]["delta"] != "0"


def test_readings_in_place_of_estimates(door, tmp_path):
    """An hour was missing and billed as 1 kWh like all others; it was 11. Demand is demand."""
    ws = tmp_path / "gap"
    files = four_months.write(tmp_path / "files", values={LATE: None})
    assert door("init", ws, "--zone", "UTC").code == 0
    assert door("receive", *sorted(files.iterdir()), "-w", ws, "--as", "ana").code == 0
    numbers = four_months.bill(door, ws, months=("2026-01",))
    Workspace.open(ws)
    assert control.models.IssuedBill.objects.get(account="AC-1").total_minor == 82_94
    late(door, ws, tmp_path, 11)
    said = door("rebills", "delta", numbers[bill_of(1)], "-w", ws, "--json").json
    (bill,) = said["bills"]
    assert {one["effect"]: one["amount"] for one in bill["why"]["reasons"]} == {
        "demand": "11", "estimate": "1.1",
    }  # fmt: skip
    (segment,) = bill["segments"]
    assert segment["energy"]["estimated"] == {"before": "1", "after": "0", "delta": "-1"}
    text = door("rebills", "delta", "-w", ws).out
    assert "made anew, is 12.10 EUR higher than it was" in " ".join(text.split())
    assert "+1.10 because of readings in place of estimates" in " ".join(text.split())


def test_what_was_known_again_is_no_delta(door, town, tmp_path):
    """Corrected there and back: the bill is the issued one, and the cone ends with it."""
    ws, _ = town
    late(door, ws, tmp_path, 101)
    time.sleep(1.1)  # a correction is newer by the second in which it came
    late(door, ws, tmp_path, 1)
    said = door("rebills", "delta", "-w", ws, "--json").json
    assert totals(said) == {bill_of(1): "0"}
    (segment,) = said["bills"][0]["segments"]
    assert segment["input_digest"]["before"] == segment["input_digest"]["after"]


def test_a_corrected_tariff(door, town, tmp_path):
    """Its days alone: the upper tier of February at 0.30. What it hands on is what it was."""
    ws, _ = town
    text = four_months.STEPPED.replace("price = 0.20", "price = 0.30")
    path = tmp_path / "corrected.toml"
    path.write_text(
        text.replace("valid_from = 2026-01-01", "valid_from = 2026-02-01\nvalid_to = 2026-03-01")
    )
    said = door("rebills", "delta", "--tariff", path, "-w", ws, "--json")
    assert (said.code, said.err) == (0, "")
    assert totals(said.json) == {bill_of(2): "45.76"}  # 416 kWh x 0.10 x 1.1
    (segment,) = said.json["bills"][0]["segments"]
    assert segment["tariffs"]["after"] == said.json["documents"]
    assert segment["tariffs"]["before"] != segment["tariffs"]["after"]
    assert [row["percent"] for row in segment["taxes"]] == ["10"]


def test_corrected_master_data(door, town, tmp_path):
    """AG-1 should have had the flat tariff: 0.10 for all kWh, from January on, each bill."""
    ws, numbers = town
    path = tmp_path / "agreements.csv"
    path.write_text(
        "agreement,account,metering_point,from,to,tariff,legal_source\n"
        "AG-1,AC-1,MP-1,2026-01-01,,flat,interval\nAG-2,AC-2,MP-2,2026-01-01,,flat,interval\n"
    )
    got = door("receive", path, "--correction", "--reason", "typo", "-w", ws, "--as", "kim")
    assert got.code == 0, got.err
    number = numbers[bill_of(1)]
    then = door("rebills", "delta", number, "-w", ws, "--json").json
    assert totals(then) == {bill_of(1): "0"}  # the master data of then
    said = door("rebills", "delta", number, "--master", "-w", ws, "--json").json
    assert [bill["total"]["after"] for bill in said["bills"]] == ["74.4", "67.2", "74.4", "72"]
    assert all("own" in bill["segments"][0]["causes"] for bill in said["bills"])


def test_what_cannot_be_made_anew(door, town, tmp_path):
    """A corrected tariff asks for a term that is not there: no delta, no zero; and what waits."""
    ws, numbers = town
    path = tmp_path / "corrected.toml"
    path.write_text(
        four_months.STEPPED.replace(
            "valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_to = 2026-02-01"
        )
        + '[[components]]\nid = "line"\nshape = "fixed"\nper = "kva_month"\nprice = 1\n'
    )
    late(door, ws, tmp_path, 101)
    said = door("rebills", "delta", *numbers.values(), "--tariff", path, "-w", ws, "--json")
    assert said.code == 1
    found = {row["code"]: row for row in reversed(said.json["findings"])}
    held, waits = found["rating.correction.held"], found["rating.correction.waits"]
    number = numbers[bill_of(1)]
    assert (held["message"], held["remedy"]) == (
        f"The bill {number} cannot be made anew, so that what builds on it has no delta: "
        "line bills the connected capacity, and the agreement states none.",
        "Add the connected capacity to the agreement.",
    )
    assert (waits["message"], waits["remedy"]) == (
        f"The bill {numbers[bill_of(2)]} builds on AG-1/2026-01-01/2026-02-01, "
        "which cannot be made anew.",
        "Make that one whole first; then ask again.",
    )
    first = {bill["bill"]: bill for bill in said.json["bills"]}[bill_of(1)]
    assert (first["total"]["delta"], first["why"], first["ledger"]) == (None, None, [])
    assert (first["segments"][0]["lines"], first["segments"][0]["ledger"]) == (None, None)
    assert "No such" not in said.err
    text = door("rebills", "delta", *numbers.values(), "--tariff", path, "-w", ws)
    assert "cannot be made anew" in text.err


def test_nothing_is_written(door, town, tmp_path):
    """No bill, entry or run changes; and what is asked for has to be there."""
    ws, _ = town
    late(door, ws, tmp_path, 101)

    def kept():
        rows = [list(m.objects.order_by("pk").values()) for m in
                (control.models.IssuedBill, control.models.Entry, control.models.Event,
                 control.models.RunBill)]  # fmt: skip
        return rows, sorted(p.name for p in (ws / "runs").rglob("*"))

    nobody = tmp_path / "nobody.toml"
    nobody.write_text(four_months.FLAT.replace("flat", "nobody"))
    none = door("rebills", "delta", "--tariff", nobody, "-w", ws)
    assert (none.code, "no issued bill is under that tariff" in none.out) == (0, True)
    before = kept()
    text = door("rebills", "delta", "-w", ws)
    assert "4 bills, difference 240.9 EUR" in text.out
    assert "Nothing was changed." in text.err
    assert kept() == before
    assert "no issued bill" in door("rebills", "delta", "B0", "-w", ws).calm


def test_a_bill_that_is_not_there(door, town):
    """Whatever lies unfinished among the runs: the bill's name is what is wrong."""
    ws, _ = town
    (ws / "runs" / "2026-03-01-crashed").mkdir()
    said = door("explain", "typo", "-w", ws)
    assert "There is no bill 'typo'." in said.calm
