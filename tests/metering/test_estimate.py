"""Filling gaps: the ladder of methods, exact totals, and what is never touched."""

import pyarrow as pa
import pytest
from grids import THURSDAY, grid
from hypothesis import given
from hypothesis import strategies as st

from gridtally.metering.blocks import ACTUAL, ESTIMATED, MISSING
from gridtally.metering.estimate import Ladder, estimate
from gridtally.tables import ESTIMATES

HOUR, DAY = 3600, 24


def filled(rows, **options):
    """Values after estimation, with what came with them."""
    where = {key: options.pop(key) for key in ("start", "step", "channel") if key in options}
    dense = grid(rows, **where)
    result, made, found = estimate(dense, zone=options.pop("zone", "UTC"), **options)
    return result, made.to_pylist(), {row["code"]: row for row in found.to_pylist()}


def days(*levels):
    """Days of 24 equal hours; None is a day without readings."""
    return [value for level in levels for value in [level] * DAY]


def test_nothing_to_do():
    """A grid without gaps is given back as it is."""
    dense = grid([[1, 2, 3]])
    result, made, found = estimate(dense, zone="UTC")
    assert result is dense
    assert made.schema == ESTIMATES
    assert made.num_rows == found.num_rows == 0


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([10, None, 20, 20], [10, 15, 20, 20]),
        ([10, None, None, 16], [10, 12, 14, 16]),
        ([0, None, 1, 1], [0, 1, 1, 1]),
        ([16, None, None, 10], [16, 14, 12, 10]),
        ([5, None, 0, 0], [5, 3, 0, 0]),
    ],
)
def test_a_short_gap_is_a_line(row, expected):
    """Up to two hours: a straight line in integers, half up; the rest stays as it was."""
    result, made, _ = filled([row])
    assert result.values.tolist() == [expected]
    assert [q == ESTIMATED for q in result.quality[0]] == [value is None for value in row]
    assert [(m["method"], m["count"]) for m in made] == [("linear", row.count(None))]


def test_inputs_are_named():
    """An estimate says what it comes from."""
    _, made, found = filled([[1_000_000, None, 2_500_000]])
    assert made[0].pop("low_ukwh") == 0
    assert made[0].pop("high_ukwh") > 1_750_000
    assert made == [
        {
            "metering_point": "P0",
            "channel": "import",
            "start_utc": THURSDAY + HOUR,
            "end_utc": THURSDAY + 2 * HOUR,
            "method": "linear",
            "inputs": "between 1 kWh and 2.5 kWh",
            "energy_ukwh": 1_750_000,
            "count": 1,
        }
    ]
    assert list(found) == ["metering.estimate.made"]


def test_saturdays_and_sundays_are_of_their_own_kind():
    """A Saturday is estimated from Saturdays only, and a Sunday from Sundays."""
    #          Thu Fri  Sat  Sun  Mon-Fri           Sat  Sun
    row = days(1, 1, None, None, 1, 1, 1, 1, 1, 70, 80)
    result, _, _ = filled([row])
    assert set(result.values[0, 2 * DAY : 3 * DAY].tolist()) == {70}
    assert set(result.values[0, 3 * DAY : 4 * DAY].tolist()) == {80}


def test_without_like_days_any_day_helps():
    """No other Saturday: the nearest days of any kind, and the method says so."""
    _, made, _ = filled([days(10, 10, None)])
    assert [(row["method"], row["energy_ukwh"]) for row in made] == [("other_days", 240)]


def test_the_past_helps():
    """Days before the grid count as like days, also at its edge."""
    past = grid([days(50, 60), days(1, 1)], start=THURSDAY - 2 * 86400, points=("P1", "P0"))
    result, made, _ = filled([days(None), days(None)], past=past)
    assert set(result.values[0].tolist()) == {1}
    assert 55 <= result.values[1].min() <= result.values[1].max() <= 60
    assert "2 days from 2025-12-30 to 2025-12-31" in made[1]["inputs"]


def test_a_past_of_another_kind_is_no_help():
    """Another channel or resolution says nothing."""
    for other in ({"channel": "export"}, {"step": 1800}):
        past = grid([days(50)], start=THURSDAY - 86400, points=("P0",), **other)
        _, made, found = filled([days(None)], past=past)
        assert made == []
        assert list(found) == ["metering.estimate.impossible"]


def test_what_nothing_tells_about_stays_missing():
    """No reading at that local time on any day: held, not invented."""
    row = [None] * 6 + [5] * 18
    result, made, found = filled([row])
    assert result.quality[0, :6].tolist() == [MISSING] * 6
    assert made == []
    assert found["metering.estimate.impossible"]["severity"] == "hold"
    assert found["metering.estimate.impossible"]["count"] == 6


def test_a_register_total_is_met_exactly():
    """Estimates are scaled so that the sum is the register's advance."""
    row = days(None, 100, 100)
    result, made, found = filled([row], totals=pa.array([4800 + 1000]))
    assert int(result.values.sum()) == 5800
    assert sorted(set(result.values[0, :DAY].tolist())) == [41, 42]
    assert made[0]["method"] == "like_days+register"
    assert "metering.estimate.total" not in found


def test_a_register_total_alone_is_spread():
    """Nothing but the register: evenly, and the share of estimates holds the bill."""
    result, made, found = filled([days(None)], totals=pa.array([49]))
    assert int(result.values.sum()) == 49
    assert sorted(set(result.values[0].tolist())) == [2, 3]
    assert made[0]["method"] == "even+register"
    assert found["metering.estimate.share"]["severity"] == "hold"


def test_readings_above_the_register_leave_zero():
    """Never negative: the gap is zero, and the contradiction is found."""
    result, _, found = filled([[5_000_000, None, 5_000_000]], totals=pa.array([8_000_000]))
    assert result.values.tolist() == [[5_000_000, 0, 5_000_000]]
    assert found["metering.estimate.total"]["severity"] == "hold"
    _, _, found = filled([[5_000_000, None, 5_000_000]], totals=pa.array([9_500_000]))
    assert found["metering.estimate.total"]["severity"] == "note"


def test_local_time_decides():
    """On the day with 23 hours the same local hours are averaged, not the same slots."""
    zone, sunday = "Europe/Lisbon", 1_774_742_400  # 2026-03-29, clocks go forward at 01:00
    shape = list(range(24))
    row = [None] * 23 + shape * 7
    result, _, _ = filled([row], zone=zone, start=sunday)
    assert result.values[0, :23].tolist() == [hour for hour in shape if hour != 1]


def test_the_hour_that_comes_twice():
    """On the day with 25 hours both passes of the repeated hour get that hour's mean."""
    sunday = 1_792_882_800  # 2026-10-25T00:00 in Lisbon, clocks go back at 02:00
    shape = [hour * 10 for hour in range(24)]
    result, _, _ = filled([[None] * 25 + shape * 7], zone="Europe/Lisbon", start=sunday)
    assert result.values[0, :25].tolist() == [0, 10, 10, *shape[2:]]


def test_a_zone_of_half_an_hour():
    """Hourly readings in a zone of half hours still find their local hour."""
    start = THURSDAY - 5 * 3600 - 1800  # 2026-01-01T00:00 in Kolkata
    shape = list(range(24))
    result, _, _ = filled([[None] * 24 + shape * 4], zone="Asia/Kolkata", start=start)
    assert result.values[0, :24].tolist() == shape


def test_in_place():
    """On request the arrays of the grid are filled themselves."""
    dense = grid([[1, None, 3]])
    result, _, _ = estimate(dense, zone="UTC", in_place=True)
    assert result.values is dense.values
    assert dense.values.tolist() == [[1, 2, 3]]
    kept = grid([[1, None, 3]])
    estimate(kept, zone="UTC")
    assert kept.quality.tolist() == [[ACTUAL, MISSING, ACTUAL]]


def test_the_ladder_can_be_set():
    """A gap longer than `linear_s` is not a line."""
    _, made, _ = filled([[*days(4, 4)[:47], None, *days(4)]], ladder=Ladder(linear_s=1800))
    assert made[0]["method"] == "like_days"


@given(
    rows=st.lists(
        st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=48, max_size=48),
        min_size=1,
        max_size=4,
    ),
    totals=st.lists(st.one_of(st.none(), st.integers(0, 10**13)), min_size=4, max_size=4),
)
def test_law_estimates_add_up_and_readings_stay(rows, totals):
    """Law: a reading never changes, nothing is negative, sums equal the register's advance."""
    dense = grid(rows)
    result, made, found = estimate(
        dense, zone="UTC", totals=pa.array(totals[: len(rows)], pa.int64())
    )
    there = dense.quality == ACTUAL
    assert (result.values[there] == dense.values[there]).all()
    assert (result.quality[there] == ACTUAL).all()
    assert (result.values >= 0).all()
    codes = {(row["metering_point"], row["code"]) for row in found.to_pylist()}
    for number, row in enumerate(rows):
        total, measured = totals[number], sum(value or 0 for value in row)
        if total is not None and None in row:
            assert int(result.values[number].sum()) == max(total, measured)
            assert ((f"P{number}", "metering.estimate.total") in codes) == (measured > total)
            assert MISSING not in result.quality[number]
    filled_in = int((result.quality == ESTIMATED).sum())
    assert sum(made["count"].to_pylist()) == filled_in
    assert sum(made["energy_ukwh"].to_pylist()) == int(result.values[~there].sum())


def test_the_grid_that_was_given_stays_as_it_was():
    """Estimates lie in a copy: the original readings, gaps included, are never overwritten."""
    dense = grid([days(100, None, 300)])
    values, quality = dense.values.copy(), dense.quality.copy()
    estimate(dense, zone="UTC")
    assert (dense.values == values).all()
    assert (dense.quality == quality).all()
