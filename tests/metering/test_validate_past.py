"""A bill's energy against the customer's own bills, and thresholds learned from them."""

from datetime import date

import pytest
from grids import KWH
from street import OCTOBER, bill, codes, history, limits, months, rows, segments

from gridtally.metering.checks_history import usage
from gridtally.metering.past import past_of

DAYS = 31


def judged(energy, *past, each=None, **more):
    """Findings of October with so much energy per day [10^-6 kWh]."""
    mine = segments(bill(*OCTOBER, energy * DAYS, **more))
    return usage(mine, history(*past), each or limits())


def test_as_ever():
    """Nearly the same as always says nothing; without a past nothing can be said."""
    past = [bill(*_ends(n), 9 * KWH * 30 + n) for n in range(1, 9)]
    assert not rows(judged(9_500_000, *past))
    assert not rows(judged(9 * KWH))


def _ends(month):
    return date(2026, month, 1), date(2026, month + 1, 1)


@pytest.mark.parametrize(
    ("energy", "code"),
    [(20 * KWH, None), (20 * KWH + 1, "usage.high"), (5 * KWH, None), (5 * KWH - 1, "usage.low")],
)
def test_against_the_mean_of_three_bills(energy, code):
    """Above 200 % and below 50 % of the last three bills' mean (check 26)."""
    past = [*months(3, 90 * KWH, end=date(2026, 7, 1)), *months(3, 10 * KWH)]
    assert codes(judged(energy, *past)) == ({code: ["P"]} if code else {})


def test_little_energy_is_not_compared():
    """Less than 5 kWh now and usually: a light that was on."""
    assert not rows(judged(150_000, *months(3, 50_000)))
    assert "usage.high" in codes(judged(165_000, *months(3, 50_000)))


@pytest.mark.parametrize(
    ("energy", "bad"), [(15 * KWH, False), (15 * KWH + 1, True), (5 * KWH - 1, True)]
)
def test_against_the_same_period_last_year(energy, bad):
    """Half as much again, or half, of last October (check 27)."""
    past = [bill(date(2025, 10, 1), date(2025, 11, 1), 310 * KWH)]
    past += months(3, energy)[:2]
    assert ("usage.year" in codes(judged(energy, *past))) is bad


@pytest.mark.parametrize(
    ("energy", "count", "bad"),
    [(30 * KWH, 5, True), (30 * KWH - 1, 5, False), (30 * KWH, 4, False)],
)
def test_the_highest_ever(energy, count, bad):
    """Three times the second highest of at least five bills (checks 27, 29)."""
    past = [*months(count - 1, 10 * KWH), bill(date(2024, 1, 1), date(2024, 2, 1), 3100 * KWH)]
    assert ("usage.highest" in codes(judged(energy, *past))) is bad


@pytest.mark.parametrize(
    ("energy", "bad"), [(10_000_000, True), (10_010_010, True), (10_010_020, False)]
)
def test_the_same_every_month(energy, bad):
    """Three bills within 0.10 % per day, whatever their length (check 32)."""
    assert ("usage.same" in codes(judged(energy, *months(2, 10 * KWH)))) is bad
    assert "usage.same" not in codes(judged(energy, *months(1, 10 * KWH)))


def test_the_same_must_be_in_a_row():
    """Another bill between breaks the row."""
    past = [*months(2, 10 * KWH, end=date(2026, 9, 1)), *months(1, 7 * KWH)]
    assert "usage.same" not in codes(judged(10 * KWH, *past))


def test_nothing_for_months():
    """Two bills in a row without energy (check 31, State Grid's list)."""
    assert "usage.zero" in codes(judged(0, *months(1, 0)))
    assert "usage.zero" not in codes(judged(0, *months(1, 10 * KWH)))


def guesses(count):
    return [row | {"estimated_ukwh": row["import_ukwh"]} for row in months(count, 10 * KWH)]


@pytest.mark.parametrize(
    ("count", "severity"), [(1, None), (2, "warn"), (11, "warn"), (12, "hold")]
)
def test_estimated_for_long(count, severity):
    """Mostly estimated: three in a row are told, more than a year holds (check 33)."""
    found = rows(judged(9 * KWH, *guesses(count), estimated_ukwh=6 * KWH * DAYS))
    assert [r["severity"] for r in found if r["code"] == "metering.usage.estimated"] == (
        [severity] if severity else []
    )
    assert "usage.estimated" not in codes(judged(9 * KWH, *guesses(count)))


def test_other_agreements_say_nothing():
    """The past of the tenant before is not this one's."""
    other = [row | {"agreement": "A-other"} for row in months(3, 90 * KWH)]
    assert not rows(judged(10 * KWH, *other))


def test_the_future_says_nothing():
    """Of a past bill only what ended before counts, so that a month can be judged again."""
    past = past_of(
        segments(bill(*OCTOBER, KWH)), history(*months(3, 5, end=date(2027, 3, 1))), limits()
    )
    assert past.bills.tolist() == [0]
