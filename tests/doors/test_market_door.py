"""Prices by time, events and terms from delivery to a proved bill, and without a workspace."""

import json
import shutil
from pathlib import Path

import pytest

GIVEN = (
    Path(__file__).parents[1]
    / "scenarios" / "given_prices_by_the_hour_and_a_critical_peak" / "given"
)  # fmt: skip


@pytest.fixture
def workspace(door, tmp_path):
    """A workspace into which the story's files were delivered."""
    folder = tmp_path / "ws"
    delivered = tmp_path / "delivered"
    shutil.copytree(GIVEN, delivered)
    (delivered / "period.toml").unlink()
    assert door("init", folder, "--zone", "Europe/Lisbon").code == 0
    answer = door("receive", delivered, "-w", folder, "--as", "ana", "--sender", "x")
    assert answer.code == 0, answer.err
    return folder


def run(door, workspace):
    answer = door("run", "2026-10-01:2026-10-03", "-w", workspace, "--as", "ana", "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_from_delivery_to_proof(door, workspace, tmp_path):
    """The bill of the story is issued; its proof is enough to compute every interval's price."""
    made = run(door, workspace)
    assert (made["total"], made["second_opinions"], made["findings"]) == ("4.51", 1, 0)
    release = door("release", made["run"], "-w", workspace, "--as", "ben", "--json")
    name = json.loads(release.out)["release"]
    issued = door("issue", name, "-w", workspace, "--as", "ana", "--json")
    assert issued.code == 0, issued.err
    number = door("bill", "A-1/2026-10-01/2026-10-03", "-w", workspace, "-o", tmp_path / "out")
    assert number.code == 0, number.err
    (proof,) = (tmp_path / "out").glob("*.proof.json")
    told = json.loads(proof.read_text())
    (case,) = told["cases"]
    assert case["series"]["day-ahead"]["steps"][1] == ["2026-10-01T07:00:00Z", "100"]
    assert [span["terms"] for span in case["spans"]] == [{"margin": "0.01"}, {"margin": "0.02"}]
    key = workspace / "published" / "log.pub"
    assert door("verify", proof, "--key", key).code == 0
    case["series"]["day-ahead"]["steps"][1][1] = "101"
    proof.write_text(json.dumps(told))
    assert door("verify", proof, "--key", key).code == 1


def test_a_price_that_is_not_there_holds(door, workspace, tmp_path):
    """Delivered anew without an hour: the bill is held, in words; nothing is priced at zero."""
    text = (GIVEN / "price_series.csv").read_text().splitlines()
    (tmp_path / "price_series.csv").write_text("\n".join(text[:2] + text[3:]) + "\n")
    answer = door("receive", tmp_path / "price_series.csv", "-w", workspace, "--as", "ana")
    assert answer.code == 0, answer.err
    made = run(door, workspace)
    listed = door("worklist", made["run"], "-w", workspace)
    assert "no amount" in listed.out
    assert "prices" in listed.out


def test_without_a_workspace(door):
    """`rate` takes prices, events and terms as options."""
    answer = door(
        "rate", GIVEN / "spot.toml", GIVEN / "readings.csv", "--prices",
        GIVEN / "price_series.csv", "--events", GIVEN / "market_events.csv", "--term",
        "margin=0.01", "--json",
    )  # fmt: skip
    (bill,) = json.loads(answer.out)["bills"]
    energy = bill["lines"][0]
    assert (energy["quantity"], energy["amount"]) == ("22.5", "1.02")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "rating.event.missing"),
        (("--term", "margin"), "no plain decimal"),
        (("--prices", GIVEN / "market_events.csv"), "market_events.csv:1"),
    ],
)
def test_what_is_missing_is_told(door, options, told):
    """Which, and what to do."""
    answer = door("rate", GIVEN / "spot.toml", GIVEN / "readings.csv", *options)
    assert told in answer.err
    assert answer.out == ""


def test_a_rate_of_the_database_takes_events(door, tmp_path):
    """Coincident demand of a URDB rate: 3 kW at the hour of the peak and 26 kWh."""
    flat = [[0] * 24] * 12
    made = {
        "label": "co", "energyratestructure": [[{"rate": 1}]], "energyweekdayschedule": flat,
        "energyweekendschedule": flat, "coincidentratestructure": [[{"rate": 2}]],
        "coincidentrateschedule": flat,
    }  # fmt: skip
    (tmp_path / "co.json").write_text(json.dumps(made))
    rows = [f"P,import,2026-10-01T{h:02}:00Z,{3 if h == 17 else 1},kWh" for h in range(24)]
    (tmp_path / "r.csv").write_text(
        "\n".join(["metering_point,channel,start,value,unit", *rows]) + "\n"
    )
    (tmp_path / "ev.csv").write_text(
        "event,start,end,kind\n"
        "coincident-peak,2026-10-01T00:00Z,2026-11-01T00:00Z,complete\n"
        "coincident-peak,2026-10-01T17:00Z,2026-10-01T18:00Z,event\n"
    )
    answer = door(
        "rate", tmp_path / "co.json", tmp_path / "r.csv", "--zone", "UTC", "--events",
        tmp_path / "ev.csv", "--one-bill", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    (bill,) = answer.json["bills"]
    assert [
        (line["component"], line["quantity"], line["price"])
        for line in bill["lines"]
        if line["bucket"] != "other" and line["component"] != "rounding"
    ] == [("energy", "26", "1"), ("demand-coincident", "3", "2")]
    prices = door(
        "rate", tmp_path / "co.json", tmp_path / "r.csv", "--zone", "UTC", "--prices",
        GIVEN / "price_series.csv",
    )  # fmt: skip
    assert "--prices" in prices.calm
