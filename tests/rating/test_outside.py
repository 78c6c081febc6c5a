"""Delivered prices and events, as tariffs refer to them."""

from decimal import Decimal

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
    """Which of them counts is for a person to say."""
    assert events((0, 10, "complete"), (3, 5, "event"), (4, 6, "event")) is None
