"""The expectation: an interval that holds what it says it holds, and widens where it must."""

from __future__ import annotations

from datetime import date

import pytest
from review_street import KWH, PERIOD, street

from gridtally.review.expect import calibrate, coverage, expect


@pytest.fixture(scope="module")
def town():
    return street(homes=60)


def test_the_stated_coverage_holds_on_a_month_that_was_not_seen(town):
    """Calibrated up to August, checked on September: at least the stated share lies inside."""
    tables, _ = town
    month = date(2026, 9, 1)
    calibration = calibrate(tables["history"], coverage=950, before=month)
    inside, bills = coverage(tables["history"], calibration, month=month)
    assert bills == 240
    assert inside * 1000 >= bills * 930


def test_a_wider_coverage_gives_a_wider_interval(town):
    """More certainty costs width."""
    tables, _ = town
    narrow, wide = (calibrate(tables["history"], coverage=c).to_pylist() for c in (800, 980))
    for one, other in zip(narrow, wide, strict=True):
        assert other["low"] <= one["low"] < 0 < one["high"] <= other["high"]
        assert (one["coverage"], other["coverage"]) == (800, 980)


def test_small_classes_answer_with_all_together(town):
    """A class with fewer than a hundred past bills has no row of its own."""
    tables, _ = street(homes=6)
    classes = {row["class"]: row["bills"] for row in calibrate(tables["history"]).to_pylist()}
    assert classes[""] > 100
    assert "factory" not in classes


def test_the_class_moves_the_expectation_and_one_customer_does_not(town):
    """October is above September for all: the middle moves with them, not with one's own spike."""
    tables, named = town
    calibration = calibrate(tables["history"])
    rows = {row["segment"]: row for row in expect(tables, calibration).to_pylist()}
    own = rows[named["home"]]
    assert own["low_ukwh"] < own["usual_ukwh"] < own["high_ukwh"]
    assert own["months"] == 12
    segments = tables["segments"].to_pylist()
    outside = [
        row["segment"]
        for row in segments
        if not rows[row["segment"]]["low_ukwh"]
        <= row["import_ukwh"]
        <= rows[row["segment"]]["high_ukwh"]
    ]
    assert len(outside) * 1000 <= len(segments) * 40


def test_without_a_past_nothing_is_expected(town):
    """A new customer has no row, rather than a guess."""
    tables, named = town
    kept = [s["agreement"] not in named["home"] for s in tables["history"].to_pylist()]
    import pyarrow as pa

    fewer = tables | {"history": tables["history"].filter(pa.array(kept))}
    found = expect(fewer, calibrate(fewer["history"]))["segment"].to_pylist()
    assert named["home"] not in found
    assert named["tou"] in found
    assert PERIOD.days * KWH > 0
