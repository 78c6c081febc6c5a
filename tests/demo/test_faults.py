"""What truth.json says went wrong really went wrong in the files, and nowhere else."""

import re
from collections import defaultdict

import pytest

from gridtally.demo.story import load_truth


@pytest.fixture(scope="module")
def faults(small):
    truth = load_truth(small.folder)
    assert {fault["kind"] for fault in truth.faults} == truth.kinds.keys()
    return {fault["kind"]: fault for fault in truth.faults}


def days(small, point, channel, month, group):
    """The rows of one stream and month: {date: [kWh]}; hourly, no correction applied."""
    found = {}
    path = small.folder / "readings" / f"{group}-{month}.csv"
    for line in path.read_text().splitlines():
        cells = line.split(",")
        if cells[:2] == [point, channel]:
            found[cells[2]] = [float(cell) if cell else None for cell in cells[4:]]
    return found


def test_multiplier(small, faults):
    """The new meter's multiplier is stated ten times off the old one's."""
    point = faults["multiplier"]["metering_point"]
    meters = {m["meter"] for m in small.master["meters"] if m["metering_point"] == point}
    low, high = sorted(
        {int(r["multiplier"]) for r in small.master["registers"] if r["meter"] in meters}
    )
    assert high == 10 * low


def closing(small, fault):
    readings = [r for key, r in small.dials().items() if key[0] == fault["metering_point"]]
    (only,) = readings
    return [row["reading"] for row in only[-2:]]


def test_transposed(small, faults):
    """The closing reading has the digits that the dial shows, in another order."""
    _, last = closing(small, faults["transposed"])
    shown = re.search(r"the dial shows ([\d.]+)\.", faults["transposed"]["what"]).group(1)
    assert last != shown
    assert sorted(last) == sorted(shown)


def test_backward(small, faults):
    """The closing reading is below the opening one, far from the end of the dial."""
    first, last = closing(small, faults["backward"])
    assert float(last) < float(first) < 90_000


def test_stuck(small, faults):
    """From the day on there is one value."""
    fault = faults["stuck"]
    start = int(re.search(r"From (\d+) October", fault["what"]).group(1))
    rows = days(small, fault["metering_point"], "import", "2026-10", "homes")
    late = [v for day, row in rows.items() if int(day[8:]) >= start for v in row if v is not None]
    assert len(set(late)) <= 2  # a day that is corrected later was sent with another value
    assert len(late) > 100


def test_spike(small, faults):
    """Values beyond any home's fuse."""
    rows = days(small, faults["spike"]["metering_point"], "import", "2026-10", "homes")
    assert max(v for row in rows.values() for v in row if v is not None) > 50


def test_swapped_channels(small, faults):
    """The panels seem to yield at night, and never before October."""
    point = faults["swapped-channels"]["metering_point"]

    def night(month):
        rows = days(small, point, "export", month, "solar")
        return sum(v or 0 for row in rows.values() for v in row[:4])

    assert night("2026-09") == 0
    assert night("2026-10") > 1


def test_exchange_gap(small, faults):
    """Of the two readings of an exchange one is not there."""
    point = faults["exchange-gap"]["metering_point"]
    reasons = {
        row["reason"]
        for key, readings in small.dials().items() if key[0] == point for row in readings
    }  # fmt: skip
    assert len(reasons & {"exchange_out", "exchange_in"}) == 1
    assert len([m for m in small.master["meters"] if m["metering_point"] == point]) == 2


def test_billed_twice(small, faults):
    """Two agreements of two accounts are in force at one point at the end, and only there."""
    holders = defaultdict(set)
    for row in small.master["agreements"]:
        if not row["to"]:
            holders[row["metering_point"]].add(row["account"])
    twice = {point for point, accounts in holders.items() if len(accounts) > 1}
    assert twice == {faults["billed-twice"]["metering_point"]}


def test_wrong_tariff(small, faults):
    """Households are on home tariffs, shops and factories on their own: but for one."""
    home = {"household": "home-", "shop": "shop-", "factory": "factory-"}
    segment = {row["account"]: row["segment"] for row in small.master["accounts"]}
    strange = {
        row["account"]
        for row in small.master["agreements"]
        if not row["tariff"].startswith(home[segment[row["account"]]])
    }
    assert strange == {faults["wrong-tariff"]["account"]}


def test_clock(small, faults):
    """October's day is September's, turned by twelve hours."""
    point = faults["clock"]["metering_point"]

    def shape(month, first=1):
        rows = days(small, point, "import", month, "homes")
        whole = [r for d, r in rows.items() if int(d[8:]) >= first and len(r) == 24 and all(r)]
        return [sum(row[hour] for row in whole) for hour in range(24)]

    before, after = shape("2026-09"), shape("2026-10", 8)
    straight = sum(a * b for a, b in zip(before, after, strict=True))
    turned = sum(a * b for a, b in zip(before, after[12:] + after[:12], strict=True))
    assert turned > straight


def test_oddities_are_innocent(small):
    """What only looks wrong is at points where nothing is wrong."""
    truth = load_truth(small.folder)
    wrong = {fault["metering_point"] for fault in truth.faults}
    habits = ("student", "second-home", "kiosk", "school")
    odd = {o["metering_point"] for o in truth.oddities if o["kind"] not in habits}
    assert not odd & wrong
    assert len(odd) >= 8


def test_the_story_tells_all_kinds(small):
    """Each kind of fault and of oddity in truth.json has its line in story.md."""
    story = (small.folder / "story.md").read_text()
    truth = load_truth(small.folder)
    for entry in (*truth.faults, *truth.oddities):
        assert f" x {entry['kind']}: " in story
