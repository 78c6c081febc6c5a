"""Columns of instants against `datetime` and `zoneinfo`, one at a time."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, column

from gridtally.intake import times
from gridtally.intake.times import (
    AMBIGUOUS,
    FUTURE,
    NO_ZONE,
    NONEXISTENT,
    OFFSET,
    OK,
    PAST,
    PATTERN,
)
from gridtally.periods import zone

AS_OF = int(datetime(2050, 1, 1, tzinfo=UTC).timestamp())
NAMES = ["Europe/Lisbon", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"]
MOMENTS = st.datetimes(
    datetime.fromisoformat("1990-01-02"), datetime.fromisoformat("2049-12-30")
).map(lambda moment: moment.replace(microsecond=0))


def read(texts, name=None, as_of=AS_OF):
    found = times.instants(*column(texts), zone=zone(name) if name else None, as_of=as_of)
    return found.value.tolist(), found.state.tolist()


@ANY_TIME
@given(st.lists(MOMENTS, min_size=1, max_size=10))
def test_utc(moments):
    """An instant with Z, with or without seconds, with T or a blank, is what datetime says."""
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S.000Z"):
        values, states = read([moment.strftime(form) for moment in moments])

        assert states == [OK] * len(moments)
        assert values == [int(moment.replace(tzinfo=UTC).timestamp()) for moment in moments]


@ANY_TIME
@given(MOMENTS, st.sampled_from(NAMES))
def test_local_time(moment, name):
    """A local time is the instant that zoneinfo gives, unless it exists twice or never."""
    info = ZoneInfo(name)
    [value], [state] = read([moment.isoformat()], name)
    folds = [moment.replace(tzinfo=info, fold=fold) for fold in (0, 1)]
    instants = {int(one.timestamp()) for one in folds}
    real = {
        at for at in instants if datetime.fromtimestamp(at, info).replace(tzinfo=None) == moment
    }
    expected = {0: NONEXISTENT, 1: OK, 2: AMBIGUOUS}[len(real)]

    assert state == expected
    if state == OK:
        assert {value} == real


@ANY_TIME
@given(MOMENTS, st.sampled_from(NAMES), st.integers(-56, 56))
def test_offset_must_be_that_of_the_zone(moment, name, quarters):
    """With a declared zone, an offset other than zero must be in force there."""
    offset = timedelta(minutes=15 * quarters)
    text = moment.replace(tzinfo=timezone(offset)).isoformat()
    [value], [state] = read([text], name)
    instant = moment - offset
    there = instant.replace(tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset()

    assert state == (OK if quarters == 0 or there == offset else OFFSET)
    if state == OK:
        assert value == int(instant.replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("2026-W01-1", PATTERN), ("20260101", PATTERN), ("20260101T000000Z", PATTERN),
        ("2026-01-01", PATTERN), ("2026-02-29T00:00Z", PATTERN), ("2028-02-29T00:00Z", OK),
        ("2026-01-01T24:00Z", PATTERN), ("2026-01-01T23:59:60Z", PATTERN),
        ("2026-01-01T23:60Z", PATTERN), ("2020-10-25 1A:00", PATTERN), ("", PATTERN),
        ("2026-01-01T00:00:00.000001Z", PATTERN), ("2026-01-01T00:00:00.0000000Z", PATTERN),
        ("2026-01-01T00:00:00.Z", PATTERN), ("2026-01-01T00:00Z ", PATTERN),
        ("2026-01-01T00:00z", PATTERN), ("2026-01-01t00:00Z", PATTERN),
        ("2026-01-01T00:00Z+01:00", PATTERN), ("2026-01-01T00:00+0100", PATTERN),
        ("2026-01-01T00:00+14:30", OFFSET), ("2026-01-01T00:00+01:07", OFFSET),
        ("2026-01-01T00:00-00:00", OFFSET), ("2026-01-01T00:00+14:00", OK),
        ("２０26-01-01T00:00Z", PATTERN), ("2026-01-01T00:00", NO_ZONE),
        ("0001-01-01T00:00Z", PAST), ("1989-12-31T23:59:59Z", PAST), ("9999-01-01T00:00Z", FUTURE),
        ("0000-01-01T00:00Z", PATTERN), ("2026-13-01T00:00Z", PATTERN),
        ("2026-01-01T00:00:00Z" + "0" * 30, PATTERN),
    ],
)  # fmt: skip
def test_patterns(text, state):
    """Only one way of writing an instant; everything near it is named for what it is."""
    assert read(["2026-01-01T00:00Z", text])[1] == [OK, state]


def test_future():
    """Five minutes of a fast clock are allowed, more is the future."""
    as_of = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())

    assert read(["2026-01-01T00:05Z", "2026-01-01T00:05:01Z"], as_of=as_of)[1] == [OK, FUTURE]


@ANY_TIME
@given(st.lists(st.dates(date(1990, 1, 1), date(2059, 12, 31)), min_size=1, max_size=9))
def test_dates(days):
    """A date is days since 1970."""
    found = times.dates(*column([day.isoformat() for day in days]))

    assert found.state.tolist() == [OK] * len(days)
    assert found.value.tolist() == [(day - date(1970, 1, 1)).days for day in days]


@ANY_TIME
@given(st.lists(st.text(max_size=30), min_size=1, max_size=9))
def test_any_text_is_answered(texts):
    """Whatever stands in a cell, the answer is a state, and a value only with OK."""
    values, states = read(texts, "Europe/Lisbon")

    assert all(value == 0 for value, state in zip(values, states, strict=True) if state != OK)


def test_civil_days_of_a_whole_cycle():
    """Days since 1970 for every day of a few years around leap days."""
    days = [date(1996, 1, 1) + timedelta(n) for n in range(3000)]
    parts = [np.array([getattr(day, part) for day in days]) for part in ("year", "month", "day")]
    found, exists = times.civil_days(*parts)

    assert exists.all()
    assert found.tolist() == [(day - date(1970, 1, 1)).days for day in days]
