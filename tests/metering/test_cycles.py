"""Billing cycles: periods tile time, month ends are kept, working days are counted as listed."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtally.errors import UsageError
from gridtally.metering.cycles import Cycle, calendars, due_date, period_from, periods, window
from gridtally.periods import Period


def day(text):
    return date.fromisoformat(text)


def starts(cycle, start, end):
    return [str(p.start) for p in periods(cycle, Period(day(start), day(end)))]


def test_month_ends():
    """The 31st is the last day of a shorter month, and the 31st again after it."""
    found = starts(Cycle("C", 31), "2028-01-31", "2028-06-01")

    assert found == ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]
    assert starts(Cycle("C", 29), "2027-02-01", "2027-03-30") == [
        "2027-01-29", "2027-02-28", "2027-03-29",
    ]  # fmt: skip


def test_longer_periods():
    """Quarters begin where the cycle says, also over the turn of the year."""
    found = starts(Cycle("C", 15, months=3, first_month=2), "2026-01-01", "2027-01-01")

    assert found == ["2025-11-15", "2026-02-15", "2026-05-15", "2026-08-15", "2026-11-15"]


@given(
    read_day=st.integers(1, 31),
    months=st.sampled_from([1, 2, 3, 4, 6, 12]),
    first=st.integers(1, 12),
    start=st.dates(date(1991, 1, 1), date(2058, 1, 1)),
    days=st.integers(1, 900),
)
def test_periods_tile(read_day, months, first, start, days):
    """Every day is in exactly one period, whatever the cycle."""
    span = Period(start, start + timedelta(days=days))
    found = periods(Cycle("C", read_day, months=months, first_month=first), span)

    assert found[0].start <= span.start
    assert span.end <= found[-1].end
    assert all(one.end == two.start for one, two in pairwise(found))
    assert all(27 * months <= period.days <= 31 * months + 3 for period in found)


def test_what_a_month_stands_for():
    """A month means the period that begins in it; what is no period is refused with those near."""
    cycle = Cycle("C", 15)
    meant = Period(day("2026-02-15"), day("2026-03-15"))

    assert period_from(cycle, Period.month(2026, 2)) == meant
    assert period_from(cycle, meant) == meant
    with pytest.raises(UsageError, match="no period of the cycle C") as caught:
        period_from(cycle, Period(day("2026-02-15"), day("2026-02-24")))
    assert "2026-02-15:2026-03-15" in caught.value.remedy
    with pytest.raises(UsageError):
        period_from(Cycle("C", 15, months=2), Period.month(2026, 2))


def test_the_window_of_a_reading():
    """Days before and after the bound, the bound's own among them."""
    cycle = Cycle("C", 15, before_days=1, after_days=2)

    assert window(cycle, day("2026-02-15")) == Period(day("2026-02-14"), day("2026-02-18"))
    assert window(Cycle("C", 1), day("2026-02-01")).days == 1


HOLIDAYS = [
    {"calendar": "CN", "day": day("2026-10-01"), "kind": "holiday"},
    {"calendar": "CN", "day": day("2026-10-02"), "kind": "holiday"},
    {"calendar": "CN", "day": day("2026-10-05"), "kind": "holiday"},
    {"calendar": "CN", "day": day("2026-10-06"), "kind": "holiday"},
    {"calendar": "CN", "day": day("2026-10-07"), "kind": "holiday"},
    {"calendar": "CN", "day": day("2026-10-10"), "kind": "working"},
]


def test_working_days():
    """Holidays do not count, a Saturday that is worked does; the day of issue is not counted."""
    known = calendars(HOLIDAYS)["CN"]

    assert due_date("3 working days", day("2026-09-30"), known) == day("2026-10-10")
    assert due_date("1 working days", day("2026-09-25"), known) == day("2026-09-28")
    assert due_date("21 days", day("2026-09-30"), None) == day("2026-10-21")


def test_a_year_that_is_not_listed():
    """No due date is worked out in a year of which the calendar lists nothing."""
    known = calendars(HOLIDAYS)["CN"]

    with pytest.raises(UsageError, match="lists no day of 2027"):
        due_date("5 working days", day("2026-12-30"), known)
    with pytest.raises(UsageError, match="no calendar is known"):
        due_date("5 working days", day("2026-12-30"), None)
