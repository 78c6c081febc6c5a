"""Each rung of the ladder on examples that can be done by hand."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from grids import THURSDAY, grid

from gridtally.metering.blocks import MISSING
from gridtally.metering.estimate import Help, estimate
from gridtally.metering.estimate_class import ClassProfiles, Learner

DAY, DAY_S = 24, 86_400
MONDAY = THURSDAY - 3 * DAY_S


def days(*levels):
    """Days of 24 equal hours; None is a day without readings."""
    return [value for level in levels for value in [level] * DAY]


def made(row, **options):
    """Values of one point after estimation, and the rows of ESTIMATES."""
    where = {key: options.pop(key) for key in ("start", "step", "channel") if key in options}
    result, table, _ = estimate(grid([row], **where), zone=options.pop("zone", "UTC"), **options)
    return result.values[0].tolist(), table.to_pylist()


def test_near_days_count_most():
    """Of export, where weekdays mean nothing: yesterday counts 1000, the day before 354.

    (1000 x 100 + 354 x 400) / 1354 = 178.4. In the last hours nothing is left of the hour before
    the gap, which was lower than its own usual.
    """
    values, rows = made(days(400, 100, None), channel="export")
    assert values[-1] == 178
    assert values[-DAY] == 100
    assert rows[0]["method"] == "like_days"
    assert rows[0]["inputs"].startswith("same hours of 2 days from 2026-01-01 to 2026-01-02")


def test_a_sunday_is_estimated_from_sundays():
    """Monday to Friday 1000, Saturday 600, Sunday 0: a shop that is closed."""
    week = [1000] * 5 + [600, 0]
    gap = [*week, *week, 1000, 1000, 1000, 1000, 1000, None, None, *week]
    values, _ = made(days(*gap), start=MONDAY)
    assert values[19 * DAY : 20 * DAY] == [600] * DAY
    assert values[20 * DAY : 21 * DAY] == [0] * DAY


def test_near_days_move_a_small_day_in_proportion():
    """Workdays above their usual by 600 raise a Sunday of a tenth of them by little."""
    before, after = [1000] * 5 + [100, 100], [1600] * 5 + [100]
    values, _ = made(days(*before, *before, *after, None), start=MONDAY)
    assert all(100 <= value <= 160 for value in values[-DAY:])


def test_the_hour_beside_the_gap_is_carried_on():
    """Both hours beside a gap of six are 400 above their usual; three fifths remain an hour on.

    In the first hour (0.6 - 0.6^13 + 0.6^6 - 0.6^8) / (1 - 0.6^14) x 400 = 251.6 of it.
    """
    week = days(1000, 1000, 1000, 2000, 1000, 1000, 1000)
    usual = made([*week, *days(None)], channel="export")[0][-1]

    def gap(beside):
        return made([*week, *[beside] * 9, *[None] * 6, *[beside] * 9], channel="export")[0]

    assert gap(usual)[-15:-9] == [usual] * 6
    above = [value - usual for value in gap(usual + 400)[-15:-9]]
    assert above == above[::-1]
    assert above[0] == 251
    assert above[0] > above[1] > above[2] > 0


def test_a_short_gap_keeps_the_shape_of_like_days():
    """One hour at a step: the line runs between the deviations of the neighbours, not values."""
    shape = [100] * 8 + [900] * 8 + [100] * 8
    row = [*shape * 7, *shape[:8], None, *shape[9:]]
    values, rows = made(row, channel="export")
    assert values[-16] == 900
    assert rows[0]["method"] == "linear"
    assert rows[0]["inputs"].endswith("on the shape of 7 days")


def test_same_day_types_of_the_period():
    """A Saturday without another one within two weeks, but one four weeks on, and others."""
    #      Sat 3 Jan                    Sat 31 Jan
    row = days(1, 1, None, *[5] * 6, None, *[5] * 6, None, *[5] * 6, None, *[5] * 6, 70)
    values, rows = made(row)
    assert {row["method"] for row in rows} <= {"day_types", "like_days"}
    assert values[2 * DAY : 3 * DAY] == [70] * DAY


def then(values, first):
    """Readings a year before: a grid from a local midnight on, for P0."""

    def year(points):
        assert list(points) == ["P0"]
        return grid([values], start=first, points=("P0",))

    return year


def test_the_year_before():
    """The same weekday 52 weeks before counts 3, a week from it 2, two weeks from it 1."""
    first = THURSDAY - (364 + 14) * DAY_S
    values = days(*[0] * 29)
    for day, level in ((0, 90), (7, 180), (14, 270), (21, 180), (28, 90)):
        values[day * DAY : (day + 1) * DAY] = [level] * DAY
    filled, rows = made(days(None), help=Help(year=then(values, first)))
    assert filled == [(3 * 270 + 2 * 180 + 2 * 180 + 90 + 90) // 9] * DAY
    assert [row["method"] for row in rows] == ["previous_year"]


def test_the_year_before_at_the_level_of_today():
    """Readings of today are half of those of then: so are the estimates."""
    start = MONDAY + 18 * DAY_S  # a Friday: three days are there, two weeks are not
    past = grid([days(50, 50, 50, *[None] * 15)], start=MONDAY, points=("P0",))
    first = MONDAY - 364 * DAY_S
    filled, rows = made(
        days(None), start=start, past=past, help=Help(year=then(days(*[100] * 40), first))
    )
    assert set(filled) == {50}
    assert rows[0]["method"] == "previous_year"


def test_the_year_before_is_asked_for_only_when_it_is_needed():
    """A gap that like days fill asks for nothing."""

    def year(points):
        raise AssertionError("read for nothing")

    _, rows = made(days(1, None, 1), help=Help(year=year))
    assert rows[0]["method"] == "like_days"


def test_local_time_of_the_year_before():
    """On the day with 25 hours the local hours of then are meant, whatever their offset."""
    sunday = 1_792_882_800  # 2026-10-25T00:00 in Lisbon
    shape = [hour * 10 for hour in range(24)]
    first = sunday - 364 * DAY_S  # 2025-10-26T00:00, the day of 25 hours of that year
    other = [0, 10, 10, *shape[2:]]
    filled, _ = made(
        [None] * 25, zone="Europe/Lisbon", start=sunday, help=Help(year=then(other, first))
    )
    assert filled == [0, 10, 10, *shape[2:]]


def test_other_days():
    """Nothing near and nothing before: any day with a reading at that time."""
    filled, rows = made(days(10, 20, None))
    assert filled[2 * DAY :] == [15] * DAY
    assert rows[0]["method"] == "other_days"


def learned(shape):
    """Class profiles of two households that use energy as `shape` says, a whole year long."""
    learner = Learner()
    year = grid([shape * 365, shape * 365], points=("Q1", "Q2"))
    learner.add(year, zone="UTC", segments=["household", "household"])
    return learner.learned()


def test_class_profile_at_the_usual_energy():
    """The usual 4.8 kWh of a day, three times as much in the last twelve hours."""
    known = Help(
        profiles=learned([1000] * 12 + [3000] * 12), segments=["household"],
        usual=pa.array([4_800_000]),
    )  # fmt: skip
    filled, rows = made(days(None), help=known)
    assert filled == [100_000] * 12 + [300_000] * 12
    assert [row["method"] for row in rows] == ["class_profile"]


def test_class_profile_is_never_guessed():
    """No energy of the point, another segment, nothing learned: no estimate."""
    profiles = learned([1] * 24)
    for known in (
        Help(profiles=profiles, segments=["household"]),
        Help(profiles=profiles, segments=["shop"], usual=pa.array([1000])),
        Help(segments=["household"], usual=pa.array([1000])),
    ):
        result, rows, found = estimate(grid([days(None)]), zone="UTC", help=known)
        assert set(result.quality[0].tolist()) == {MISSING}
        assert rows.num_rows == 0
        assert "metering.estimate.impossible" in found["code"].to_pylist()


def test_class_profiles_are_the_same_bytes():
    """Learned in another order they are the same, and they can be read back."""
    one, two = Learner(), Learner()
    parts = [grid([[1, 2, None, 4] * 6], points=(name,)) for name in ("Q1", "Q2", "Q3")]
    for learner, order in ((one, parts), (two, parts[::-1])):
        for part in order:
            learner.add(part, zone="UTC", segments=["household"])
    assert one.learned().to_bytes() == two.learned().to_bytes()
    again = ClassProfiles.parse(one.learned().to_bytes())
    assert again.digest == one.learned().digest
    assert again.points == {("household", "import"): 3}


def test_a_shape_scaled_to_the_register():
    """A whole period is missing: the shape of the year before, the register's energy."""
    first = THURSDAY - (364 + 14) * DAY_S
    shape = [1] * 12 + [3] * 12
    filled, rows = made(
        days(None), totals=pa.array([4800]), help=Help(year=then(shape * 29, first))
    )
    assert filled == [100] * 12 + [300] * 12
    assert rows[0]["method"] == "previous_year+register"
    assert rows[0]["inputs"].endswith("scaled to the register")


@pytest.mark.parametrize("step", [300, 900, 1800, 3600])
@pytest.mark.parametrize("channel", ["import", "export", "reactive_import"])
def test_every_resolution_and_channel(step, channel):
    """A constant load is estimated as itself, with nothing to doubt."""
    row = [700] * (10 * DAY_S // step)
    row[5 * DAY_S // step : 6 * DAY_S // step + 3] = [None] * (DAY_S // step + 3)
    values, rows = made(row, step=step, channel=channel)
    assert set(values) == {700}
    assert rows[0]["low_ukwh"] == rows[0]["energy_ukwh"] == rows[0]["high_ukwh"]


def test_the_sun_does_not_shine_at_night():
    """A gap of three days of export: zero in every hour that was always zero."""
    sun = [0] * 7 + [500, 900, 1400, 1800, 2000, 1900, 1500, 900, 300] + [0] * 8
    cloudy = [value // 3 for value in sun]
    row = [*sun * 5, *cloudy * 3, *[None] * 72, *sun * 4]
    values, _ = made(row, channel="export")
    filled = np.array(values[8 * DAY : 11 * DAY]).reshape(3, DAY)
    assert (filled[:, np.array(sun) == 0] == 0).all()
    assert (filled[:, np.array(sun) > 0] > 0).all()


def test_gaps_at_both_ends():
    """A gap of days at the start and at the end of the period, and nothing before."""
    values, rows = made(days(None, None, None, 4, 4, 4, 4, 4, 4, 4, None, None, None))
    assert set(values) == {4}
    assert len(rows) == 2


def test_a_month_from_its_past_alone():
    """Four weeks of past fill a whole month; every day has an estimate."""
    past = grid([days(*range(100, 128))], start=THURSDAY - 28 * DAY_S)
    values, rows = made(days(*[None] * 31), past=past)
    assert len(rows) == 1
    assert min(values) >= 100
    assert max(values) <= 127


def test_month_of_a_profile_is_local():
    """A profile of January is not used in February."""
    learner = Learner()
    learner.add(grid([[5] * 24 * 31]), zone="UTC", segments=["household"])
    known = Help(profiles=learner.learned(), segments=["household"], usual=pa.array([2400]))
    start = int(np.datetime64(date(2026, 2, 1), "s").astype(np.int64))
    _, rows = made(days(None), start=start, help=known)
    assert rows == []


def test_a_negative_reading_counts_as_nothing():
    """It is found and held elsewhere; an estimate is never below zero."""
    row = days(-900, -900, None, -900, -900)
    values, _ = made(row, channel="export")
    assert values[2 * DAY : 3 * DAY] == [0] * DAY
    values, _ = made([*row[:47], None, *row[48:]], channel="export")
    assert values[47] == 0
