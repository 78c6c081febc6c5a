"""The verb tariff what-if, on a small town: laws that hold for the whole base, and the door."""

import csv
import re
import shutil
import xml.etree.ElementTree as ET
from datetime import date
from decimal import Decimal
from importlib import resources

import pytest
import small_town

from gridtally import pipeline
from gridtally.store.runs import open_run

TARIFFS = resources.files("gridtally.demo") / "tariffs"
EPOCH = date(1970, 1, 1).toordinal()
HOMES = ("home-tou", "home-block", "home-block-year", "home-pv")


def document(name):
    """A tariff of the town."""
    return TARIFFS / f"{name}.toml"


def runs_of(folder):
    """Its two runs: September and October."""
    return [word for path in sorted((folder / "runs").iterdir()) for word in ("--run", path.name)]


def by_account(path):
    """The rows of the CSV, by account."""
    with path.open(newline="") as file:
        return {row["account"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    "name",
    ["home-block-2026-01-01", "home-block-year-2026-01-01", "shop-demand-2026-01-01",
     "factory-two-part-contract-2026-01-01"],
)  # fmt: skip
def test_the_same_tariff_changes_no_bill(door, billed, name):
    """Law: under the version that they were billed under, every account pays the same."""
    folder, _ = billed
    said = door("tariff", "what-if", document(name), "-w", folder, *runs_of(folder), "--json").json
    assert said["bill_segments"]["not_rated"] == 0
    assert said["accounts"]["compared"] == said["unchanged"] > 0
    assert said["difference"] == "0.00"
    assert all(Decimal(row["difference"]) == 0 for row in said["revenue"]["by_ledger"])
    assert all(Decimal(row["difference"]) == 0 for row in said["revenue"]["by_kind"])


def moved(delivered, target, tariff):
    """The delivered files, with every home's agreement under one tariff from its first day."""
    shutil.copytree(delivered, target)
    path = target / "master" / "agreements.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = []
    for row in rows:
        row["tariff"] = tariff if row["tariff"] in HOMES else row["tariff"]
        before = kept[-1] if kept else {}
        joined = {**row, "from": before.get("from"), "to": before.get("to")} == before
        if joined and before["to"] == row["from"]:
            before["to"] = row["to"]
        else:
            kept.append(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(kept)
    return target


def totals_of(ws, outcome_run):
    """segment -> its total, None where the run could not rate it"""
    table = open_run(ws, outcome_run).read("segments")
    return dict(zip(table["segment"].to_pylist(), table["total"].to_pylist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["home-tou", "home-block-year"])
def test_a_what_if_is_a_real_run_under_the_other_tariff(door, delivered, billed, tmp_path, name):
    """Law: what homes would have paid is, to the cent, what a run bills that had them under it."""
    from gridtally.rating.tariff import load
    from gridtally.what_if.compare import Question, compare

    folder, _ = billed
    version = load(document(f"{name}-2026-01-01").read_bytes(), name=name)
    ws = pipeline.open_workspace(folder)
    runs = tuple(sorted(path.name for path in (folder / "runs").iterdir()))
    question = Question(version, tariffs=HOMES, runs=runs, from_readings=True)
    made = compare(ws, question)
    bills = made.bills

    real = small_town.workspace(tmp_path / "real")
    small_town.receive(real, small_town.files(moved(delivered, tmp_path / "moved", name)))
    small_town.past(real)
    small_town.bill(real)
    expected = {}
    for path in sorted((tmp_path / "real" / "runs").iterdir()):
        expected |= totals_of(real, path.name)

    compared = 0
    for row in range(len(bills)):
        agreement = bills.agreements[int(bills.agreement[row])].as_py()
        begin, end = (
            str(date.fromordinal(EPOCH + int(day[row]))) for day in (bills.begin, bills.end)
        )
        total = expected[f"{agreement}/{begin}/{end}"]
        if made.rated[row]:
            assert total == Decimal(int(made.new[row])).scaleb(-2), (agreement, begin)
            compared += 1
        else:
            assert total is None, (agreement, begin)
    assert compared > 50


# ------------------------------------------------------------------------ door


def test_the_report_is_one_page_without_scripts_or_names(door, delivered, billed, tmp_path):
    """Nothing is fetched or run; every chart is said in words, and has its table; no name is in."""
    folder, _ = billed
    html, svg, table = tmp_path / "r.html", tmp_path / "r.svg", tmp_path / "r.csv"
    said = door(
        "tariff", "what-if", document("home-block-2025-01-01"), "-w", folder, *runs_of(folder),
        "--html", html, "--svg", svg, "--csv", table,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "pay less" in said.out
    assert "Written" in said.err
    page = html.read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert re.findall(r"https?://[^\"]+", page) == ["http://www.w3.org/2000/svg"] * 4
    assert page.count('role="img" aria-label="') == page.count("<svg ") == 4
    assert page.count("<details>") == 4
    ET.fromstring(svg.read_text(encoding="utf-8"))
    with (delivered / "master" / "accounts.csv").open(newline="", encoding="utf-8") as file:
        people = {row[key] for row in csv.DictReader(file) for key in ("name", "address", "email")}
    assert not any(person in page + table.read_text() for person in people - {""})
    rows = by_account(table)
    assert all(account.startswith("AC-") for account in rows)
    assert {"2026-09", "2026-10"} <= set(next(iter(rows.values())))
    january = sum(
        Decimal(row["2026-09"] or 0) + Decimal(row["2026-10"] or 0) for row in rows.values()
    )
    assert january == sum(Decimal(row["difference"]) for row in rows.values())


def test_what_was_stored_does_not_suffice_or_readings_do(door, billed):
    """Flat homes under a price by the hour: named and counted, until readings are asked."""
    folder, _ = billed
    words = ("tariff", "what-if", document("home-tou-2026-01-01"), "-w", folder, *runs_of(folder),
             "--tariff", "home-block-year", "--json")  # fmt: skip
    said = door(*words)
    assert said.code == 1
    assert said.json["bill_segments"]["rated"] == 0
    lacking = {row["code"]: row["bill_segments"] for row in said.json["not_rated"]}
    assert lacking["rating.what_if.determinant"] == 6
    again = door(*words, "--from-readings")
    assert again.code == 0
    assert again.json["bill_segments"]["rated"] == 6
    assert again.json["bill_segments"]["determined_again"] == 6
    dials = {"rating.quantity.missing"}
    assert (
        {row["code"] for row in again.json["not_rated"]}
        == dials
        == lacking.keys() - {"rating.what_if.determinant"}
    )


def test_history_is_what_was_issued(door, billed):
    """Without --run, October's drafts do not count: only what the history has, September."""
    folder, _ = billed
    said = door("tariff", "what-if", document("home-block-2026-01-01"), "-w", folder, "--json")
    assert (said.json["from"], said.json["to"]) == ("2026-09-01", "2026-10-01")


def test_months_and_tariffs_that_cannot_be_meant(door, billed):
    """One calm sentence each."""
    folder, _ = billed
    words = ("tariff", "what-if", document("home-block-2026-01-01"), "-w", folder)
    assert "--from and --to belong together" in door(*words, "--from", "2026-09").calm
    assert "is not a date" in door(*words, "--from", "2026-13", "--to", "2027-01").calm
    assert "There are: " in door(*words, "--tariff", "home-blok").calm
    assert "no bill to compare with" in door(*words, "--segment", "castle").calm
    assert "no sealed run" in door(*words, "--run", "2026-11").calm
