"""Series and events, cut to a segment."""

from decimal import Decimal

import pytest

from gridtally.market import Events, Market, Series

SPOT = Series((0, 3600, 7200, 10800), (Decimal("1"), Decimal("1.0"), None, Decimal("-2")), 14400)


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (0, 14400, Series((0, 7200, 10800), (Decimal(1), None, Decimal(-2)), 14400)),
        (1800, 7200, Series((1800,), (Decimal(1),), 7200)),
        (-3600, 3600, Series((-3600, 0), (None, Decimal(1)), 3600)),
        (10800, 20000, Series((10800,), (Decimal(-2),), 14400)),
        (14400, 20000, None),
        (-10, 0, None),
    ],
)
def test_a_series_is_cut_and_equal_steps_are_one(start, end, wanted):
    """From the first instant of the segment, not known before its first step, to what is known."""
    assert SPOT.cut(start, end) == wanted


def test_events_that_overlap_the_bounds_stay_whole():
    """Those outside are gone, and the list says for which time it is complete."""
    calls = Events(0, 100, ((5, 10), (20, 30), (90, 95)))
    assert calls.cut(8, 25) == Events(8, 25, ((5, 10), (20, 30)))
    assert calls.cut(100, 200) is None
    assert calls.covers(0, 100)
    assert not calls.covers(50, 101)


def test_the_case_has_only_what_is_asked_and_known():
    """Keys are left out where there is nothing."""
    market = Market({"spot": SPOT}, {"calls": Events(0, 100, ((5, 10),))})
    assert market.case(20000, 30000, series=["spot", "other"], events=["calls"]) == {}
    assert market.case(0, 3600, series=["spot"], events=[]) == {
        "series": {"spot": {"steps": [["1970-01-01T00:00:00Z", "1"]], "to": "1970-01-01T01:00:00Z"}}
    }
