"""Explaining a bill: which gaps it rests on, filled how, and how sure that is."""

from gridtally.rating.explain.estimates import sentences, told
from gridtally.tables import ESTIMATES, table

START, HOUR = 1_767_225_600, 3600


def gap(point="MP", channel="import", at=0, **more):
    """A row of ESTIMATES."""
    row = {
        "metering_point": point, "channel": channel, "start_utc": START + at * HOUR,
        "end_utc": START + (at + 2) * HOUR, "method": "like_days", "inputs": "same hours of 9 days",
        "energy_ukwh": 1_500_000, "low_ukwh": 900_000, "high_ukwh": 2_000_000, "count": 2,
    }  # fmt: skip
    return row | more


SPANS = [{"start_utc": START, "end_utc": START + 24 * HOUR}]


def test_the_gaps_of_a_segment():
    """Its point and its days, by channel and time; a point without spans has none."""
    rows = [gap(at=20), gap(at=3), gap("other"), gap(at=24), gap(at=-2), gap(channel="export")]
    found = told(table(ESTIMATES, rows), "MP", SPANS)
    assert [(row["channel"], row["from"]) for row in found] == [
        ("export", "2026-01-01T00:00:00Z"),
        ("import", "2026-01-01T03:00:00Z"),
        ("import", "2026-01-01T20:00:00Z"),
    ]
    assert found[0]["energy"] == "1.5"
    assert told(table(ESTIMATES, rows), "MP", [{"start_utc": None, "end_utc": None}]) == []


def test_in_words():
    """Energy with its interval, method and inputs; of many gaps the first eight."""
    found = told(table(ESTIMATES, [gap(at=2 * n) for n in range(10)]), "MP", SPANS)
    lines = list(sentences(found))
    assert lines[0] == (
        "estimated import 2026-01-01T00:00:00Z to 2026-01-01T02:00:00Z: 1.5 kWh "
        "(90 %: 0.9 to 2), like_days: same hours of 9 days"
    )
    assert lines[-1] == "and 2 more estimated gaps; --json has all"
    assert len(lines) == 9
