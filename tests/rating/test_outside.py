"""Delivered prices and events, as tariffs refer to them."""

import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gridtally.market import Events, Series
from gridtally.outside import market_of
from gridtally.tables import MARKET_EVENTS, PRICE_SERIES, table

H = 3600


def prices(*rows):
    return {"price_series": table(PRICE_SERIES, [
        {"series": "spot", "start_utc": a * H, "end_utc": b * H, "unit": "EUR/MWh",
         "price": None if price is None else Decimal(price)}
        for a, b, price in rows
    ])}  # fmt: skip


def spot(*rows, start=0, end=100):
    return market_of(prices(*rows), bounds=(start * H, end * H)).series.get("spot")


def series(to, **steps):
    starts = tuple(int(at[1:]) * H for at in steps)
    values = tuple(None if value is None else Decimal(value) for value in steps.values())
    return Series(starts, values, to * H)


def test_rows_that_touch_are_steps():
    """In order of time, whatever the order of the rows."""
    assert spot((1, 2, "2"), (0, 1, "1")) == series(2, _0="1", _1="2")


def test_a_hole_is_not_known():
    """Between two rows, and where the price is empty."""
    assert spot((0, 1, "1"), (2, 3, "3"), (3, 4, None)) == series(
        4, _0="1", _1=None, _2="3", _3=None
    )


def test_two_prices_at_once_are_none():
    """From where they meet to where the longer one ends."""
    assert spot((0, 4, "1"), (1, 2, "1"), (5, 6, "2")) == series(6, _0="1", _1=None, _5="2")
    assert spot((0, 1, "1"), (0, 2, "2")) == series(2, _0=None)


def test_only_what_concerns_the_period():
    """Rows that touch it are whole."""
    rows = ((0, 1, "1"), (1, 3, "2"), (3, 4, "3"))
    assert spot(*rows, start=2, end=3) == series(3, _1="2")
    assert spot(*rows, start=50, end=60) is None


def events(*rows, start=0, end=100):
    given = {"market_events": table(MARKET_EVENTS, [
        {"event": "cpp", "start_utc": a * H, "end_utc": b * H, "kind": kind} for a, b, kind in rows
    ])}  # fmt: skip
    return market_of(given, bounds=(start * H, end * H)).events.get("cpp")


def test_no_news_is_not_no_event():
    """A list that nobody says is complete is not known; statements that touch are one."""
    assert events((3, 4, "event")) is None
    whole = Events(0, 20 * H, ((3 * H, 4 * H),))
    assert events((0, 10, "complete"), (10, 20, "complete"), (3, 4, "event")) == whole


def test_events_that_meet_are_not_known():
    """Which of them counts is for a person to say; on other days the list is what it says."""
    known = events((0, 20, "complete"), (3, 5, "event"), (4, 6, "event"), (12, 13, "event"))
    assert known.cut(0, 10 * H) is None
    assert not known.covers(0, 10 * H)
    assert known.cut(10 * H, 20 * H) == Events(10 * H, 20 * H, ((12 * H, 13 * H),))
    assert known.covers(10 * H, 20 * H)


def test_a_bill_does_not_depend_on_who_else_is_in_the_run():
    """Hours 12 to 30, looked at alone and together with hours 0 to 12, or with all there are."""
    rows = ((0, 10, "1"), (5, 20, "2"), (20, 25, "3"), (40, 50, "4"))
    cuts = [spot(*rows, start=low, end=high).cut(12 * H, 30 * H)
            for low, high in ((12, 30), (0, 30), (0, 100))]  # fmt: skip
    assert cuts == [series(25, _12=None, _20="3")] * 3  # 2 is doubted until it ends
    rows = ((0, 10, "complete"), (12, 30, "complete"), (40, 50, "complete"), (3, 5, "event"),
            (4, 6, "event"), (20, 21, "event"))  # fmt: skip
    for low, high in ((12, 30), (0, 30), (0, 100)):
        known = events(*rows, start=low, end=high)
        assert known.covers(12 * H, 30 * H)
        assert known.cut(12 * H, 30 * H) == Events(12 * H, 30 * H, ((20 * H, 21 * H),))


@given(st.integers(0, 2**32))
def test_what_is_known_of_a_time(seed):
    """Of any rows: the same, whatever wider time is looked at."""
    r = random.Random(seed)
    rows = [(at, at + r.randint(1, 6)) for at in (r.randint(0, 40) for _ in range(r.randint(1, 9)))]
    start = r.randint(0, 40)
    end = start + r.randint(1, 20)
    bounds = [(start, end), (start - r.randint(0, 9), end + r.randint(0, 9)), (-100, 100)]
    prices_ = [(a, b, r.choice(("1", "2", None))) for a, b in rows]
    calls = [(a, b, r.choice(("event", "complete"))) for a, b in rows]
    cuts = set()
    for low, high in bounds:
        found = spot(*prices_, start=low, end=high), events(*calls, start=low, end=high)
        cuts.add(tuple(one and one.cut(start * H, end * H) for one in found))
    assert len(cuts) == 1


def test_a_stretch_that_covers_most():
    """Of a list with a hole a case holds the longer part; nothing is complete over the hole."""
    known = events((0, 5, "complete"), (7, 30, "complete"))
    assert known.cut(0, 30 * H) == Events(7 * H, 30 * H, ())
    assert known.cut(5 * H, 7 * H) is None
    assert not known.covers(0, 30 * H)
    assert known.covers(0, 5 * H)
