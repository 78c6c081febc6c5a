"""Laws of estimation: order, place and time of what is estimated do not matter."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtally.metering.blocks import ACTUAL, ESTIMATED, MISSING
from gridtally.metering.estimate import estimate

sys.path.insert(0, str(Path(__file__).parents[1] / "metering"))
from grids import grid

DAYS, WEEK_S = 12, 7 * 86_400


@st.composite
def towns(draw, points=3):
    """Some points of two-hourly readings with gaps anywhere."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 10**6, (points, 12 * DAYS)) * rng.integers(0, 2, (points, 1))
    rows = values.tolist()
    for _ in range(draw(st.integers(1, 6))):
        row, at = draw(st.integers(0, points - 1)), draw(st.integers(0, 12 * DAYS - 1))
        for column in range(at, min(at + draw(st.integers(1, 60)), 12 * DAYS)):
            rows[row][column] = None
    return grid(rows, step=7200)


TOTALS = st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=3, max_size=3)
LAW = settings(max_examples=40, deadline=None)


@LAW
@given(dense=towns(), totals=TOTALS, order=st.permutations(range(3)))
def test_law_order_of_points(dense, totals, order):
    """Points in another order have the same estimates, intervals and words."""
    order = list(order)
    known = pa.array(totals, pa.int64())
    other = replace(
        dense, points=tuple(dense.points[i] for i in order), values=dense.values[order],
        quality=dense.quality[order],
    )  # fmt: skip
    one, made, found = estimate(dense, zone="UTC", totals=known)
    two, made_too, found_too = estimate(other, zone="UTC", totals=known.take(pa.array(order)))
    assert (one.values[order] == two.values).all()
    assert sorted(map(str, made.to_pylist())) == sorted(map(str, made_too.to_pylist()))
    assert found.equals(found_too)


@LAW
@given(dense=towns(), totals=TOTALS)
def test_law_a_point_alone(dense, totals):
    """The estimates of a point do not depend on its neighbours."""
    whole, _, _ = estimate(dense, zone="UTC", totals=pa.array(totals, pa.int64()))
    for row in range(3):
        alone = replace(
            dense, points=dense.points[row : row + 1], values=dense.values[row : row + 1],
            quality=dense.quality[row : row + 1],
        )  # fmt: skip
        one, _, _ = estimate(alone, zone="UTC", totals=pa.array(totals[row : row + 1], pa.int64()))
        assert (one.values[0] == whole.values[row]).all()


@LAW
@given(dense=towns(), weeks=st.integers(-500, 500))
def test_law_weeks_later(dense, weeks):
    """The same readings some weeks earlier or later have the same estimates."""
    later = replace(dense, start_utc=dense.start_utc + weeks * WEEK_S)
    one, made, _ = estimate(dense, zone="UTC")
    two, made_too, _ = estimate(later, zone="UTC")
    assert (one.values == two.values).all()
    assert (one.quality == two.quality).all()
    for key in ("energy_ukwh", "low_ukwh", "high_ukwh", "method"):
        assert made[key].equals(made_too[key])


@LAW
@given(dense=towns(), name=st.sampled_from(["Etc/GMT+8", "Etc/GMT-14", "Etc/GMT+12"]))
def test_law_another_zone(dense, name):
    """The same local times in another zone have the same estimates."""
    hours = int(name.removeprefix("Etc/GMT"))
    there = replace(dense, start_utc=dense.start_utc + hours * 3600)
    one, _, _ = estimate(dense, zone="UTC")
    two, _, _ = estimate(there, zone=name)
    assert (one.values == two.values).all()


@LAW
@given(dense=towns(), totals=TOTALS)
def test_law_intervals_hold_their_estimates(dense, totals):
    """low <= energy <= high, none below zero; estimates lie between the readings of the point."""
    for known in (None, pa.array(totals, pa.int64())):
        result, made, _ = estimate(dense, zone="UTC", totals=known)
        for row in made.to_pylist():
            assert 0 <= row["low_ukwh"] <= row["energy_ukwh"] <= row["high_ukwh"]
        if known is None:
            for row in range(3):
                filled = result.values[row][result.quality[row] == ESTIMATED]
                there = dense.values[row][dense.quality[row] == ACTUAL]
                assert not len(filled) or there.min() <= filled.min()
                assert not len(filled) or filled.max() <= there.max()
        assert (result.values >= 0).all()
        assert (
            result.values[dense.quality != MISSING] == dense.values[dense.quality != MISSING]
        ).all()


def test_days_of_23_and_25_hours():
    """Their hours are those of the clock: one is left out, one comes twice."""
    shape = [10 * hour for hour in range(24)]
    for start, day in (
        (1_774_742_400, [0, *shape[2:]]),  # Lisbon, 2026-03-29, clocks go from 1 to 2
        (1_792_882_800, [0, 10, 10, *shape[2:]]),  # Lisbon, 2026-10-25, clocks go from 2 to 1
    ):
        dense = grid([[*[None] * len(day), *shape * 8]], start=start)
        result, _, _ = estimate(dense, zone="Europe/Lisbon")
        assert result.values[0, : len(day)].tolist() == day
