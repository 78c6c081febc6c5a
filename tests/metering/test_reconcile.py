"""Intervals and registers of one point against each other."""

from datetime import UTC, datetime

import pytest
from grids import KWH, grid
from test_registers import meter, read, run, spans, utc

from gridtally.metering.registers import check_sums, totals

START, HOURS = utc("2026-10-01T00:00"), 31 * 24 + 1


def checked(values, closing, *, at="2026-11-01", legal="interval", points=("P",), **more):
    """Findings of a grid over October against dials read as said."""
    cut = spans(legal=legal)
    found = run([read("2026-10-01", 0, **more), read(at, closing, **more)], cut=cut)
    dense = grid([values], start=START, points=points)
    table = check_sums(dense, found.advances, spans=cut, used=found.used)
    return table.to_pylist()


@pytest.mark.parametrize(
    ("kwh", "closing", "severity"),
    [
        (745, 745, None), (745, 746, None), (745, 742, None), (745, 749, "warn"),
        (7450, 7487, None), (7450, 7488, "warn"), (745, 790, "hold"), (0, 1, None), (0, 2, "hold"),
            (100, 101, None), (100, 102, "warn"),
    ],
)  # fmt: skip
def test_the_tolerance(kwh, closing, severity):
    """0.5 % or 1 kWh, whichever is larger; beyond 5 % it holds."""
    each, rest = divmod(kwh * KWH, HOURS)
    bad = checked([each + rest, *[each] * (HOURS - 1)], closing)
    assert [row["severity"] for row in bad] == ([severity] if severity else [])


def test_a_multiplier_widens_the_tolerance():
    """One step of the dial is 1 kWh times the multiplier."""
    each = [10 * KWH] * HOURS
    assert not checked(each, 746, multiplier=10 * KWH)
    assert checked(each, 752, multiplier=10 * KWH)
    assert not checked(each, 8, multiplier=1000 * KWH)


def test_which_way_the_bill_would_be_wrong():
    """More in the intervals is too much where they are billed, too little where registers are."""
    each = [2 * KWH] * HOURS
    assert checked(each, 745)[0]["direction"] == "over"
    assert checked(each, 745, legal="register")[0]["direction"] == "under"


def test_gaps_and_other_points_are_passed_over():
    """Nothing is compared with a gap, or with a point that is not there."""
    assert not checked([None] + [KWH] * (HOURS - 1), 9000)
    assert not checked([KWH] * HOURS, 9000, points=("Q",))


def test_readings_beside_the_bound():
    """The intervals between the readings are compared, not those of the period."""
    values = [KWH] * HOURS
    assert not checked(values, HOURS - 14, at="2026-10-31T10:00")
    assert checked(values, HOURS, at="2026-10-31T10:00")
    assert not checked(values, 9000, at="2026-11-01T10:00"), "beyond the grid: not comparable"
    assert not checked([100 * KWH] * HOURS, (HOURS - 14) * 100 - 60, at="2026-10-31T10:40")


def test_totals_for_estimates():
    """A register total is used only where it was read at the very bounds of the grid."""
    cut = spans()
    dense = grid([[None] * HOURS, [None] * HOURS], start=START, points=("P", "Q"))
    exact = run([read("2026-10-01", 5), read("2026-11-01", 9)], cut=cut)
    assert totals(dense, exact.advances, spans=cut, used=exact.used).to_pylist() == [4 * KWH, None]
    beside = run([read("2026-10-01", 5), read("2026-10-31T23:00", 9)], cut=cut)
    assert totals(dense, beside.advances, spans=cut, used=beside.used).to_pylist() == [None, None]
    short = grid([[None] * 24], start=START, points=("P",))
    assert totals(short, exact.advances, spans=cut, used=exact.used).to_pylist() == [None]


def test_a_total_dial_counts_before_its_parts():
    """With a dial for all buckets the others are not added to it."""
    cut = spans()
    readings = [
        read(day, value, register=name, bucket=name)
        for name, last in (("total", 10), ("peak", 4), ("off", 6))
        for day, value in (("2026-10-01", 0), ("2026-11-01", last))
    ]
    dense = grid([[None] * HOURS], start=START, points=("P",))
    for rows, expected in ((readings, 10), (readings[2:], 10), (readings[2:4], 4)):
        found = run(rows, cut=cut)
        assert totals(dense, found.advances, spans=cut).to_pylist() == [expected * KWH]


def test_an_exchange_has_no_hole():
    """Old and new meter together reach from bound to bound."""
    cut = spans()
    found = run(
        [
            read("2026-10-01", 0), read("2026-10-09T10:00", 8, reason="exchange_out"),
            read("2026-10-09T10:00", 0, meter="N", reason="exchange_in"),
            read("2026-11-01", 7, meter="N"),
        ],
        cut=cut, meters=[meter("M", None, "2026-10-09"), meter("N", "2026-10-09")],
    )  # fmt: skip
    dense = grid([[None] * HOURS], start=START, points=("P",))
    assert totals(dense, found.advances, spans=cut, used=found.used).to_pylist() == [15 * KWH]
    assert datetime.fromtimestamp(START, UTC).hour == 23
