"""Error bars: what the point's own readings say, the shipped table, and what a register leaves."""

import itertools

import numpy as np
import pyarrow as pa
from grids import KWH, THURSDAY, grid

from gridtally.metering import estimate_bars as bars
from gridtally.metering.estimate import estimate
from gridtally.metering.estimate_gaps import METHODS, laid
from gridtally.metering.estimate_total import allocated
from gridtally.money import allocate
from gridtally.periods import zone

DAY = 24


def stretches(row, **options):
    """The missing stretches of one point laid on its other days."""
    gaps = laid(grid([row], **options), np.array([0]), zone=zone("UTC"), past=None)
    return bars.elsewhere(gaps, gaps.stretches())


def days(*levels):
    """Days of 24 equal hours; None is a day without readings."""
    return [value for level in levels for value in [level] * DAY]


def test_the_deviation_by_hand():
    """Export of 10 and 20 in turn: each day against its neighbours, weighed 1/2, 1/3, 1/4 …

    Of four days 10, 20, gap, 20 x 24 hours, near days weigh 500, 333, 250: the first day expects
    20, the second (10 x 500 + 20 x 333) / 833 = 13.99, the last (10 x 250 + 20 x 333) / 583 = 15.7.
    """
    found = stretches(days(10, 20, None, 20), channel="export")
    expected = [
        abs(240 - (480 * 500 + 480 * 250) // 750),
        abs(480 - (240 * 500 + 480 * 333) // 833),
        abs(480 - (480 * 333 + 240 * 250) // 583),
    ]
    assert found.deviation.tolist() == [sum(expected) // 3]
    assert (found.first.tolist(), found.last.tolist(), found.days.tolist()) == ([0], [3], [3])


def test_a_sunday_is_judged_by_sundays():
    """Workdays that vary say nothing about Sundays that do not."""
    weeks = [[500 + 300 * ((3 * day + week) % 4) for day in range(5)] for week in range(6)]
    row = [level for week in weeks for level in (*week, 50, 50)]
    sunday = days(*row[:20], None, *row[21:])
    monday = days(*row[:14], None, *row[15:])
    start = THURSDAY - 3 * 86_400
    assert stretches(sunday, start=start).deviation.tolist() == [0]
    assert stretches(monday, start=start).deviation[0] > 100


def test_nothing_elsewhere():
    """Without any other day there is no deviation."""
    assert stretches([1, None, 3]).deviation.tolist() == [-1]


def test_the_table_knows_every_class():
    """No class of a method, a length and a variability is without widths."""
    table = bars._shipped()
    classes = (
        METHODS[1:], (0, 1), range(len(bars.GAP_CLASSES) + 1), range(-1, len(bars.VARIABILITY) + 1),
    )  # fmt: skip
    assert set(table) == set(itertools.product(*classes))
    assert min(min(sides) for sides in table.values()) >= 0
    assert all(sum(sides) > 0 for sides in table.values())


def test_days_of_25_hours_are_days():
    """A gap of a day stays in its class when the clocks go back."""
    lengths = np.array([3600, 3601, 86_400, 25 * 3600, 7 * 86_400 + 3600, 8 * 86_400])
    assert bars.gap_class(lengths).tolist() == [0, 1, 2, 2, 4, 5]


def interval(row, **options):
    """ESTIMATES of one point."""
    return estimate(grid([row]), zone="UTC", **options)[1].to_pylist()


def test_who_varies_more_is_less_certain():
    """The same estimate of a steady and of an unsteady point."""
    steady = days(*[100, 101] * 4, None, *[100, 101] * 4)
    unsteady = days(*[60, 140] * 4, None, *[60, 140] * 4)
    one, two = interval(steady)[0], interval(unsteady)[0]
    width = [row["high_ukwh"] - row["low_ukwh"] for row in (one, two)]
    assert 0 < width[0] * 5 < width[1]
    for row in (one, two):
        assert row["low_ukwh"] < row["energy_ukwh"] < row["high_ukwh"]


def test_a_register_leaves_its_own_step():
    """One gap, and a dial in whole kWh: the estimate is right to seven tenths of a kWh."""
    row = days(*[KWH] * 6, None, *[KWH] * 6)
    found = interval(row, totals=pa.array([13 * 24 * KWH]))[0]
    assert found["energy_ukwh"] == 24 * KWH
    assert found["high_ukwh"] - found["energy_ukwh"] == 700_000
    assert found["energy_ukwh"] - found["low_ukwh"] == 700_000


def test_a_register_couples_its_gaps():
    """Two gaps share what the register leaves: narrower than alone, wider than one with it."""
    levels = [KWH, 2 * KWH] * 7
    row = days(*levels)
    row[5 * DAY : 6 * DAY] = [None] * DAY
    row[9 * DAY : 10 * DAY] = [None] * DAY
    alone = [found["high_ukwh"] - found["energy_ukwh"] for found in interval(row)]
    both = interval(row, totals=pa.array([14 * 36 * KWH]))
    width = [found["high_ukwh"] - found["energy_ukwh"] for found in both]
    assert sum(found["energy_ukwh"] for found in both) == 14 * 36 * KWH - sum(
        value or 0 for value in row
    )
    for with_register, without in zip(width, alone, strict=True):
        assert 700_000 < with_register < without


def test_split_as_money_splits():
    """Whole columns are split exactly as `money.allocate` splits, also beyond 64 bits."""
    draw = np.random.default_rng(3)
    for total in (0, 1, 7, 10**6, 10**13, 10**18):
        for weights in ([0, 0, 0], [1, 1, 1], [5, 0, 3, 3], draw.integers(0, 10**9, 50).tolist()):
            parts = allocated(total, np.array(weights))
            assert parts.tolist() == allocate(total, weights)
            assert int(parts.sum()) == total
