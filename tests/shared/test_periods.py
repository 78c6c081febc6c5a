"""Local days of 23, 24 and 25 hours; times that do not exist or exist twice."""

from datetime import date
from fractions import Fraction
from zoneinfo import available_timezones

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtally.errors import UsageError
from gridtally.periods import AMBIGUOUS, NONEXISTENT, OK, Period, months_share, zone

ZONES = sorted(available_timezones())


def wall(text):
    return np.array([np.datetime64(text, "s").astype(np.int64)])


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Lisbon", date(2026, 10, 25), "25"),
        ("Europe/Lisbon", date(2026, 3, 29), "23"),
        ("Australia/Lord_Howe", date(2026, 4, 5), "24.5"),
        ("Asia/Kathmandu", date(2026, 1, 1), "24"),
        ("America/Sao_Paulo", date(2018, 11, 4), "23"),  # midnight itself does not exist
    ],
)
def test_a_local_day_has_the_hours_that_it_has(name, day, hours):
    """Day bounds come from the zone, not from 24."""
    bounds = zone(name).day_bounds(Period(day, date.fromordinal(day.toordinal() + 1)))

    assert str(Fraction(int(bounds[1] - bounds[0]), 3600)) == str(Fraction(hours))


def test_wall_clock_states():
    """01:30 exists twice in October and never in March; the first of two is given."""
    lisbon = zone("Europe/Lisbon")

    instant, state = lisbon.to_utc(wall("2026-10-25T01:30:00"))
    assert (instant[0], state[0]) == (wall("2026-10-25T00:30:00")[0], AMBIGUOUS)
    assert lisbon.to_utc(wall("2026-03-29T01:30:00"))[1][0] == NONEXISTENT
    assert lisbon.to_utc(wall("2026-10-25T02:00:00"))[1][0] == OK


@given(
    st.sampled_from(ZONES),
    st.integers(int(date(2015, 1, 1).toordinal()), int(date(2035, 1, 1).toordinal())),
)
def test_days_tile_and_wall_clock_returns(name, ordinal):
    """In every zone: a day is 20 to 28 hours long, and local time converts there and back."""
    place = zone(name)
    day = date.fromordinal(ordinal)
    bounds = place.day_bounds(Period(day, date.fromordinal(ordinal + 2)))
    assert ((bounds[1:] - bounds[:-1]) % 900 == 0).all() or name.startswith("Africa/")
    assert (bounds[1:] - bounds[:-1] >= 0).all()

    instants = np.arange(bounds[0], bounds[-1], 900)
    back, state = place.to_utc(place.to_local(instants))
    assert (state != NONEXISTENT).all()
    assert (back[state == OK] == instants[state == OK]).all()


def test_the_offset_table_is_that_of_zoneinfo():
    """The table says what zoneinfo says, hour by hour over years with changes."""
    from datetime import UTC, datetime

    for name in ("Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"):
        place = zone(name)
        instants = np.arange(wall("2024-01-01")[0], wall("2026-01-01")[0], 3600)
        expected = [
            datetime.fromtimestamp(int(t), UTC).astimezone(place.info).utcoffset().total_seconds()
            for t in instants
        ]
        assert (place.offset(instants) == expected).all()


def test_share_of_months():
    """Each calendar month counts its days over its own length."""
    assert months_share(Period(date(2026, 1, 1), date(2026, 1, 18))) == Fraction(17, 31)
    assert months_share(Period(date(2026, 1, 12), date(2026, 2, 11))) == Fraction(
        20, 31
    ) + Fraction(10, 28)
    assert months_share(Period.month(2024, 2)) == 1


def test_unknown_zones_and_empty_periods_are_refused():
    """T18 and T22: named, with what to write instead."""
    with pytest.raises(UsageError, match="no time zone named 'Mars/Olympus'"):
        zone("Mars/Olympus")
    with pytest.raises(UsageError, match="is empty"):
        Period(date(2026, 1, 2), date(2026, 1, 2))


def test_zones_are_those_of_the_pinned_package(tmp_path):
    """The machine's own zone files never decide: a wrong one beside us changes nothing."""
    import os
    import subprocess
    import sys
    from importlib.resources import files

    utc = files("tzdata").joinpath("zoneinfo", "UTC").read_bytes()
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Lisbon").write_bytes(utc)
    code = (
        "import numpy as np; from zoneinfo import ZoneInfo; from gridtally.periods import zone; "
        "from datetime import datetime; at = 1783000000; "
        "print(datetime.fromtimestamp(at, ZoneInfo('Europe/Lisbon')).utcoffset().seconds, "
        "zone('Europe/Lisbon').offset(np.array([at]))[0])"
    )
    env = os.environ | {"PYTHONTZPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["0", "3600"], done.stderr


@pytest.mark.parametrize(
    "name", ["", "../zones", "/etc/localtime", "europe/lisbon", "Europe", "x" * 99]
)
def test_what_is_no_zone_is_refused(name):
    """Only a name of the list is one: no path, no folder, no other letter case."""
    with pytest.raises(UsageError, match="no time zone"):
        zone(name)
