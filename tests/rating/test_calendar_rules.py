"""Calendars beyond months and hours: seasons, standard time, events. Worked out by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from gridtally.market import NO_MARKET, Events, Market
from gridtally.rating.calendars import CHANGES, Calendar, Rule, labels

EVERY = {"months": tuple(range(12)), "days": tuple(range(8)), "hours": ((0, 1440),)}


def at(*when):
    return int(datetime(*when, tzinfo=UTC).timestamp())


def bucket(calendar, *when, zone="UTC", market=NO_MARKET):
    """The bucket at an instant of UTC."""
    label = int(labels(calendar, zone, at(*when), at(*when) + 60, 60, market)[0])
    return calendar.buckets[label] if label >= 0 else label


@pytest.mark.parametrize(
    ("season", "inside", "outside"),
    [
        (((6, 15), (9, 14)), [(2026, 6, 15), (2026, 9, 14, 23)],
         [(2026, 6, 14), (2026, 9, 15)]),
        (((11, 16), (3, 31)), [(2026, 11, 16), (2027, 1, 1), (2027, 3, 31)],
         [(2026, 11, 15), (2027, 4, 1)]),
        (((2, 10), (2, 29)), [(2026, 2, 28), (2028, 2, 29)], [(2026, 3, 1), (2028, 3, 1)]),
        (((2, 10), (2, 28)), [(2026, 2, 28), (2028, 2, 28)], [(2028, 2, 29)]),
        (((12, 31), (12, 31)), [(2026, 12, 31)], [(2026, 12, 30), (2027, 1, 1)]),
    ],
)  # fmt: skip
def test_a_season_is_days_of_the_year(season, inside, outside):
    """Both ends are in; a season may run over New Year; 29 February is the end of February."""
    calendar, cover = Calendar.of("c", [Rule("in", **EVERY, seasons=(season,))], "out", None)
    assert (cover == 1).all()
    assert {bucket(calendar, *when) for when in inside} == {"in"}
    assert {bucket(calendar, *when) for when in outside} == {"out"}


def test_a_season_narrows_the_months_of_its_rule():
    """July of a season from 15 June on: not the second half of June."""
    rule = Rule("in", (6,), tuple(range(8)), ((0, 1440),), seasons=(((6, 15), (9, 14)),))
    calendar, _ = Calendar.of("c", [rule], "out", None)
    assert [bucket(calendar, 2026, m, 20) for m in (6, 7, 8)] == ["out", "in", "out"]


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [("Europe/Lisbon", 8, 8), ("Australia/Sydney", 22, 22), ("Asia/Shanghai", 0, 0)],
)
def test_standard_time_has_no_summer(zone, winter, summer):
    """8:00 by standard time is the same UTC hour all year: north, south, without changes."""
    rule = Rule("in", tuple(range(12)), tuple(range(8)), ((480, 540),))
    calendar, _ = Calendar.of("c", [rule], "out", None, standard=True)
    for month, hour in ((1, winter), (7, summer)):
        found = [bucket(calendar, 2026, month, 10, h, zone=zone) for h in range(24)]
        assert [h for h in range(24) if found[h] == "in"] == [hour]


def test_standard_time_turns_the_day_an_hour_later_in_summer():
    """In Lisbon's summer the day of standard time begins at 01:00 of the clock."""
    rule = Rule("sat", tuple(range(12)), (5,), ((0, 1440),))
    calendar, _ = Calendar.of("c", [rule], "out", None, standard=True)
    found = [bucket(calendar, 2026, 7, 3, 23, zone="Europe/Lisbon"),
             bucket(calendar, 2026, 7, 4, 0, zone="Europe/Lisbon")]  # fmt: skip
    assert found == ["out", "sat"]


CALLED = Market(
    events={
        "critical": Events(
            at(2026, 7, 1), at(2026, 8, 1),
            ((at(2026, 7, 7, 17), at(2026, 7, 7, 18)),
             (at(2026, 7, 7, 18), at(2026, 7, 7, 20, 0, 30))),
        )
    }
)  # fmt: skip


def called():
    """Critical hours of weekdays above a plain calendar; a second rule of the same event."""
    weekday = tuple(range(5))
    rules = [
        Rule("critical", tuple(range(12)), weekday, ((0, 1140),), event="critical"),
        Rule("late", **EVERY, event="critical"),
        Rule("day", tuple(range(12)), tuple(range(8)), ((480, 1200),)),
    ]
    return Calendar.of("c", rules, "night", None)


def test_an_event_lies_above_the_other_rules():
    """Until 19:00 it is critical, then late; before and after it the plain rules hold."""
    calendar, cover = called()
    assert calendar.buckets == ("critical", "late", "day", "night")
    assert (cover == 1).all()
    hours = (16, 17, 18, 19, 21)
    found = [bucket(calendar, 2026, 7, 7, hour, market=CALLED) for hour in hours]
    assert found == ["day", "critical", "critical", "late", "night"]
    assert bucket(calendar, 2026, 7, 7, 17) == "day"


def test_an_event_that_ends_inside_an_interval_is_a_change():
    """20:00:30 is inside the minute, the quarter and the hour from 20:00 on."""
    calendar, _ = called()
    for step in (60, 900, 3600):
        start = at(2026, 7, 7, 19)
        found = labels(calendar, "UTC", start, start + 7200, step, CALLED)
        assert np.flatnonzero(found == CHANGES).tolist() == [3600 // step]
    fine = labels(calendar, "UTC", at(2026, 7, 7, 20), at(2026, 7, 7, 20, 1), 30, CALLED)
    assert [calendar.buckets[label] for label in fine] == ["late", "night"]
