"""Demand dials, reading rounds, and dials at a change of customer."""

from datetime import date

import pytest
from grids import KWH
from street import (
    OCTOBER,
    advance,
    advanced,
    agreements,
    codes,
    cycle,
    places,
    rows,
    shown,
    span,
    spans,
    used,
)

from gridtally.metering.checks_dials import demands
from gridtally.metering.checks_visits import moves, windows
from gridtally.metering.thresholds import Thresholds

HOURS = 744


def demand(kw, kwh, *, capacity=None, now=(), before=()):
    """Findings of a demand dial in October."""
    made = advanced(advance(kw * KWH, "demand"), advance(kwh * KWH))
    return demands(
        spans(span(capacity_ukva=capacity)), made, used(*now), used(*before),
        thresholds=Thresholds(), kinds={},
    )  # fmt: skip


def test_a_plausible_demand_says_nothing():
    """Half the hours of the highest power."""
    assert not rows(demand(10, 10 * HOURS // 2, capacity=20 * KWH))


@pytest.mark.parametrize(
    ("kw", "kwh", "code"),
    [(0, 500, "demand.zero"), (5, 0, "demand.alone"), (10, 10 * HOURS + 100, "demand.factor"),
     (10, 10 * HOURS, None), (0, 1, None)],
)  # fmt: skip
def test_demand_against_energy(kw, kwh, code):
    """None with energy, some without, less than the average power (checks 31, 36, 37)."""
    assert codes(demand(kw, kwh)) == ({code: ["P"]} if code else {})


def test_parts_of_the_day_stand_for_a_whole():
    """Without a dial of all buckets their sum is the energy."""
    made = advanced(
        advance(KWH, "demand"), advance(400 * KWH, bucket="peak"), advance(500 * KWH, bucket="low")
    )
    found = demands(spans(), made, used(), used(), thresholds=Thresholds(), kinds={})
    assert codes(found) == {"demand.factor": ["P"]}


@pytest.mark.parametrize(("kva", "bad"), [(10, False), (9, True), (None, False)])
def test_demand_against_capacity(kva, bad):
    """More than what is connected (check 36)."""
    found = codes(demand(10, 1000, capacity=kva and kva * KWH))
    assert ("demand.capacity" in found) is bad


@pytest.mark.parametrize(
    ("before", "code"),
    [(50, "demand.kept"), (51, None), (5, "demand.slip"), (540, "demand.slip"), (541, None)],
)
def test_demand_against_its_last_reading(before, code):
    """The same to the last digit: not reset; ten times or a tenth: a slipped decimal (36)."""
    found = demand(
        50, 5000, now=[shown(OCTOBER[1], 50, kind="demand")],
        before=[shown(OCTOBER[0], before, kind="demand", segment="old")],
    )  # fmt: skip
    assert codes(found) == ({code: ["P"]} if code else {})


# ----------------------------------------------------------------------- moves

MIDDLE = date(2026, 10, 12)
OUT, IN = span(last=MIDDLE, agreement="A"), span(first=MIDDLE, agreement="B")


def moved(*readings):
    return moves(spans(OUT, IN), used(*readings), first=OCTOBER[0], last=OCTOBER[1])


def test_a_reading_that_was_taken_says_nothing():
    """The closing of who moves out is the opening of who moves in."""
    name = OUT["segment"], IN["segment"]
    given = [shown(OCTOBER[0], 1, segment=name[0], quality="E"), shown(MIDDLE, 5, segment=name[0])]
    given += [shown(MIDDLE, 5, segment=name[1]), shown(OCTOBER[1], 9, segment=name[1])]
    assert not rows(moved(*given))


def test_a_move_that_was_estimated():
    """Both are told when the reading between them is an estimate (check 45)."""
    given = [
        shown(day, value, segment=one["segment"], quality="E" if day == MIDDLE else "A")
        for one, day, value in (
            (OUT, OCTOBER[0], 1),
            (OUT, MIDDLE, 5),
            (IN, MIDDLE, 5),
            (IN, OCTOBER[1], 9),
        )
    ]
    found = rows(moved(*given))
    assert [row["code"] for row in found] == ["metering.move.estimated"] * 2
    assert {row["segment"] for row in found} == {OUT["segment"], IN["segment"]}


@pytest.mark.parametrize(("opening", "direction"), [(4, "over"), (6, "under")])
def test_an_opening_that_is_not_the_closing(opening, direction):
    """What lies between is paid twice or by nobody (check 45)."""
    given = [shown(OCTOBER[0], 1, segment=OUT["segment"]), shown(MIDDLE, 5, segment=OUT["segment"])]
    given += [shown(MIDDLE, opening, segment=IN["segment"])]
    given += [shown(OCTOBER[1], 9, segment=IN["segment"])]
    (found,) = rows(moved(*given))
    assert (found["code"], found["direction"]) == ("metering.move.opening", direction)


# ---------------------------------------------------------------------- cycles


def rounds(day, *, bill=None, terms=(), **rule):
    bill = bill or span(agreement="A-P")
    given = [shown(bill["from"], 1, segment=bill["segment"])]
    given += [shown(day, 5, segment=bill["segment"])]
    return windows(
        spans(bill), used(*given), agreements=agreements(*terms), points=places(),
        cycles=cycle(**rule),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "bad"),
    [(date(2026, 10, 29), True), (date(2026, 10, 30), False), (date(2026, 11, 4), False),
     (date(2026, 11, 5), True)],
)  # fmt: skip
def test_a_reading_outside_its_window(day, bad):
    """Two days either way of the first; a reading at midnight is of either day (check 44)."""
    assert ("cycle.window" in codes(rounds(day))) is bad


def test_a_move_is_read_off_cycle():
    """Who moves out is read when he moves out."""
    bill = span(last=date(2026, 10, 20), agreement="A-P")
    terms = [{"to": date(2026, 10, 20)}]
    assert not rows(rounds(date(2026, 10, 20), bill=bill, terms=terms))


@pytest.mark.parametrize(("last", "bad"), [(5, True), (4, False), (1, False)])
def test_a_long_period(last, bad):
    """A month and more than the window's days on either side (check 44)."""
    bill = span(last=date(2026, 11, last + 1), agreement="A-P")
    assert ("cycle.length" in codes(rounds(bill["to"], bill=bill))) is bad


def test_without_a_cycle_nothing_is_asked():
    """A supply without a reading round has no window."""
    assert not rows(rounds(date(2026, 10, 15), terms=[{"cycle": ""}]))
    every = agreements(), places()
    empty = cycle().slice(0, 0)
    assert not rows(windows(spans(), used(), agreements=every[0], points=every[1], cycles=empty))
