"""`gridtally rate` on charging sessions: the page's own example, refusals, options."""

import json
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "charging.md").read_text()


@pytest.fixture
def files(tmp_path):
    """The tariff and the sessions that docs/charging.md shows."""
    tariff, sessions = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[:2]
    paths = tmp_path / "tariff.json", tmp_path / "sessions.json"
    for path, text in zip(paths, (tariff, sessions), strict=True):
        path.write_text(text)
    return paths


def test_the_example_of_the_page_is_what_it_prints(door, files):
    """Word by word, and the JSON of the page is part of the answer."""
    shown = re.search(r"```console\n\$ [^\n]*\n(.*?)```", PAGE, re.DOTALL)[1]
    done = door("rate", *files)
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()] == [
        line.split() for line in shown.splitlines()
    ]
    answer = json.loads(door("rate", *files, "--json").out)
    told = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[2])
    bill = told["bills"][0]
    assert bill["lines"][0] in answer["bills"][0]["lines"]
    assert {**answer["bills"][0], "lines": bill["lines"]} == bill
    assert answer.keys() == told.keys()


def test_a_wrong_tariff_is_refused_with_its_path(door, files):
    """Exit code 1, the path and the nearest name; as JSON a finding."""
    files[0].write_text(files[0].read_text().replace('"start_time"', '"starttime"'))
    done = door("rate", *files)
    assert done.code == 1
    words = " ".join(done.err.split())
    assert (
        "elements[1].restrictions.starttime: is an unknown key. Did you mean start_time?" in words
    )
    answer = json.loads(door("rate", *files, "--json").out)
    assert [row["code"] for row in answer["findings"]] == ["rating.charging.tariff"]


def test_a_held_session_is_told(door, files):
    """The finding with its remedy; the command itself is done."""
    files[1].write_text(files[1].read_text().replace('"energy_kwh": "10", ', ""))
    done = door("rate", *files)
    assert done.code == 0
    assert "Add energy_kwh" in done.err


@pytest.mark.parametrize("option", [
    ("--from", "2026-05-01"), ("--as-of", "2026-05-01"), ("--second",),
    ("--prices", "prices.csv"), ("--events", "events.csv"),
])  # fmt: skip
def test_options_of_readings_mean_nothing(door, files, option):
    """Refused, rather than ignored."""
    done = door("rate", *files, *option)
    assert done.code == 2
    assert "are for readings" in done.err


def test_a_zone_that_is_none_is_refused(door, files):
    """Once, and not for each session."""
    done = door("rate", *files, "--zone", "Berlin")
    assert done.code == 2
    assert "There is no time zone named 'Berlin'." in done.err


def test_lint_names_what_is_never_charged(door, files):
    """The example has nothing odd; a default put first hides what follows, and that is noted."""
    assert door("tariff", "lint", files[0]).out.strip().endswith("tariff.json: good")
    tariff = json.loads(files[0].read_text())
    tariff["elements"] = [tariff["elements"][2], *tariff["elements"][:2]]
    tariff["colour"] = "red"
    tariff["elements"][1]["price_components"][0] |= {"type": "TIME", "step_size": 0}
    tariff["elements"][1]["restrictions"] = {"max_kwh": 5}
    files[0].write_text(json.dumps(tariff))
    said = json.loads(door("tariff", "lint", files[0], "--json").out)
    assert said["ok"]
    assert [(row["code"], row["path"], row["message"]) for row in said["files"][0]["findings"]] == [
        ("rating.charging.unknown_key", "colour", "an unknown key, which is ignored."),
        ("rating.charging.step_zero", "elements[1].price_components[0].step_size",
         "0 is read as 1."),
        ("rating.charging.unreachable", "elements[2].price_components[0]",
         "this ENERGY is never charged: elements[0] prices it always."),
        ("rating.charging.no_default", "elements", "TIME is free whenever no element matches."),
    ]  # fmt: skip


def test_lint_refuses_what_rate_refuses(door, files):
    """Exit code 1 and the paths, of each tariff of a file."""
    good = json.loads(files[0].read_text())
    files[0].write_text(json.dumps({"data": [good, good | {"currency": "EURO"}]}))
    done = door("tariff", "lint", files[0], "--json")
    assert done.code == 1
    rows = json.loads(done.out)["files"][0]["findings"]
    assert [(row["severity"], row["path"]) for row in rows] == [("hold", "[1].currency")]
