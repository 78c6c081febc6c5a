"""Calendars on the UTC grid: local hours, clock changes, holidays, months, edges."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from rating_world import header

from gridtally.periods import Period, zone
from gridtally.rating.tariff import load

TOU = """
[calendars.c]
[[calendars.c.rules]]
bucket = "night"
hours = ["00:00-03:00"]
[[calendars.c.rules]]
otherwise = "day"
"""


def version(zone_name, calendar=TOU, prices="night = 1, day = 2", **keys):
    text = header(zone_name, **keys) + calendar
    text += '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
    return load((text + f"prices = {{ {prices} }}\n").encode(), name="t")


def hours(tariff, day, *, resolution_s=3600):
    """Bucket of each interval of a local day."""
    start, end = zone(tariff.zone).bounds(Period(day, date.fromordinal(day.toordinal() + 1)))
    labels = tariff.wanted[0].labels(start, end, resolution_s)
    return [tariff.calendars["c"].buckets[label] if label >= 0 else int(label) for label in labels]


@pytest.mark.parametrize(
    ("zone_name", "day", "nights", "length"),
    [
        ("Europe/Lisbon", date(2026, 3, 28), 3, 24),
        ("Europe/Lisbon", date(2026, 3, 29), 2, 23),
        ("Europe/Lisbon", date(2026, 10, 25), 4, 25),
        ("America/New_York", date(2026, 11, 1), 4, 25),
        ("Asia/Shanghai", date(2026, 3, 29), 3, 24),
    ],
)
def test_t03_days_of_23_and_25_hours(zone_name, day, nights, length):
    """A missing hour is missing, a repeated hour is in the same bucket twice."""
    found = hours(version(zone_name), day)
    assert len(found) == length
    assert found.count("night") == nights
    assert found == ["night"] * nights + ["day"] * (length - nights)


def test_the_local_time_decides():
    """Midnight in Shanghai is 16:00 UTC of the day before."""
    start = int(datetime(2026, 1, 1, 16, tzinfo=UTC).timestamp())
    labels = version("Asia/Shanghai").wanted[0].labels(start, start + 4 * 3600, 3600)
    assert labels.tolist() == [0, 0, 0, 1]


def test_a_holiday_is_a_holiday_only_for_calendars_that_name_it():
    """The same date is a Thursday for a calendar that does not know holidays."""
    listed = '[holidays]\nsource = "x"\nyears = [2026]\ndates = [2026-01-01]\n'
    rules = '[[calendars.c.rules]]\nbucket = "h"\ndays = [{}]\n[[calendars.c.rules]]\n'
    rules += 'otherwise = "w"\n'
    knows = version("UTC", listed + rules.format('"sun", "holiday"'), "h = 1, w = 2")
    ignores = version("UTC", listed + rules.format('"sun"'), "h = 1, w = 2")
    assert set(hours(knows, date(2026, 1, 1))) == {"h"}
    assert set(hours(ignores, date(2026, 1, 1))) == {"w"}
    assert set(hours(knows, date(2026, 1, 2))) == {"w"}
    assert set(hours(knows, date(2026, 1, 4))) == {"h"}


def test_an_edge_inside_an_interval_is_marked():
    """Readings of an hour cannot tell what was before and after half past ten."""
    rules = TOU.replace("00:00-03:00", "10:30-11:30")
    hourly = hours(version("UTC", rules), date(2026, 1, 1))
    assert [i for i, label in enumerate(hourly) if label == -2] == [10, 11]
    half = hours(version("UTC", rules), date(2026, 1, 1), resolution_s=1800)
    assert [i for i, label in enumerate(half) if label == "night"] == [21, 22]


def test_an_edge_between_two_ranges_of_one_bucket_does_not_matter():
    """Only a change of the bucket is a change."""
    rules = TOU.replace('"00:00-03:00"', '"00:00-01:30", "01:30-03:00"')
    assert -2 not in hours(version("UTC", rules), date(2026, 1, 1))


def test_months_leave_intervals_out():
    """A component of January does not see February."""
    start, end = zone("Europe/Lisbon").bounds(Period(date(2026, 1, 31), date(2026, 2, 2)))
    tariff = version("Europe/Lisbon", TOU, "night = 1, day = 2 }\nmonths = [1] #")
    labels = tariff.wanted[0].labels(start, end, 3600)
    assert (labels[:24] >= 0).all()
    assert (labels[24:] == -1).all()


def test_labels_cannot_be_changed_by_who_reads_them():
    """They are shared by all cohorts of a run."""
    start, end = zone("UTC").bounds(Period(date(2026, 1, 1), date(2026, 1, 2)))
    labels = version("UTC").wanted[0].labels(start, end, 3600)
    with pytest.raises(ValueError, match="read-only"):
        labels[0] = np.int16(1)
