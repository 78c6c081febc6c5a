"""Thresholds as data: strict, by segment, the same in other words, learned from history."""

import pytest
from grids import KWH
from hypothesis import example, given
from hypothesis import strategies as st
from street import history, months

from gridtally.errors import InvalidDocument
from gridtally.metering.learning import difference, learn
from gridtally.metering.thresholds import DEFAULTS, Limits, Thresholds, names, parse, render


def test_defaults_stay_where_nothing_is_said():
    """An empty file is the defaults; a segment begins with what is said for all."""
    assert parse("") == Thresholds()
    found = parse("[all]\nspike_pct = 200\n[segment.shop]\nflat_s = 3600\n")
    assert found.all == Limits(spike_pct=200)
    assert found.segments["shop"] == Limits(spike_pct=200, flat_s=3600)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[all]\nspike_pc = 1", "unknown key all.spike_pc; did you mean spike_pct"),
        ("[al]\nspike_pct = 1", "unknown key al; did you mean all"),
        ("[segment.shop]\nflat = 1", "unknown key segment.shop.flat; did you mean flat_s"),
        ("[all]\nspike_pct = 1.5", "all.spike_pct must be a whole number"),
        ("[all]\nspike_pct = true", "all.spike_pct must be a whole number"),
        ("[all]\nspike_pct = -1", "all.spike_pct must be a whole number"),
        ("[all]\nspike_pct = 9999999999999999", "all.spike_pct must be a whole number"),
        ("segment = 1", "segment must hold a table"),
        ("[all", "This is not TOML"),
    ],
)
def test_what_is_not_understood_is_refused(text, says):
    """Nothing unknown is passed over, and every problem is told at once."""
    with pytest.raises(InvalidDocument, match=says):
        parse(text)
    with pytest.raises(InvalidDocument, match=r"all\.a.*all\.b"):
        parse("[all]\na = 1\nb = 2")


SOME = st.dictionaries(st.sampled_from(names), st.integers(0, 10**15), max_size=4)


@given(SOME, st.dictionaries(st.text(min_size=1, max_size=5), SOME, max_size=3), st.text())
@example({}, {"\x7f": {"flat_s": 1}, '"\\': {"flat_s": 1}}, "a\nb\x00")
def test_law_written_and_read_again(base, segments, why):
    """Law: what is written is read as the same, whatever the segments are called."""
    found = Thresholds().changed(None, base)
    for name, values in segments.items():
        found = found.changed(name, values)
    again = parse(render(found, why=[why]))
    assert again.as_dict() == found.as_dict()


def test_the_digest_is_of_what_is_said():
    """Comments, order, and what equals a default do not matter; a value does."""
    one = parse("# words\n[segment.b]\nflat_s = 1\n[all]\nspike_pct = 180\n")
    two = parse("[segment.b]\nflat_s = 1\n[segment.c]\n")
    assert one.as_dict()["digest"] == two.as_dict()["digest"]
    other = parse("[segment.b]\nflat_s = 2\n")
    assert other.as_dict()["digest"] != one.as_dict()["digest"]


def test_a_change_for_all_leaves_what_segments_said():
    """A segment keeps its own; the rest of it follows."""
    found = parse("[segment.shop]\nflat_s = 1\n").changed(None, {"flat_s": 2, "spike_pct": 3})
    assert (found.all.flat_s, found.segments["shop"].flat_s) == (2, 1)
    assert found.segments["shop"].spike_pct == 3


def test_each_point_has_the_limits_of_its_segment():
    """A segment without limits of its own has those for all."""
    each = parse("[segment.shop]\nflat_s = 1\n").of(["shop", "", "home", "shop"])
    assert each("flat_s").tolist() == [1, DEFAULTS.flat_s, DEFAULTS.flat_s, 1]


def shops(highs):
    """A shop each with three even months and one that is so many percent of them."""
    rows = []
    for n, percent in enumerate(highs):
        point = f"P{n:03d}"
        rows += months(4, 10 * KWH, point=point, customer_segment="shop")
        rows[-1]["import_ukwh"] = 10 * KWH * 30 * percent // 100
    return history(*rows)


def test_a_threshold_is_a_quantile():
    """Of 300 ratios, 10 in 1000 are three: the threshold is just above the fourth highest."""
    found = learn(shops(range(101, 201)), Thresholds(), flag_permille=10)
    limits = found.thresholds.segments["shop"]
    # 100 shops x 3 bills with a past: 200 ratios of 100, and 101 to 200.
    assert limits.usage_high_pct == 198
    assert limits.usage_low_pct == 100
    (change,) = (one for one in found.changes if one.name == "usage_high_pct")
    assert (change.segment, change.old, change.new) == ("shop", 200, 198)
    assert (change.bills, change.flagged_old, change.flagged_new) == (300, 0, 2)


def test_too_few_bills_teach_nothing():
    """Fewer than a hundred with a past: left as it is, and said."""
    found = learn(shops(range(20)), Thresholds(), flag_permille=10)
    assert found.thresholds == Thresholds()
    assert not found.changes
    assert found.left == {"shop": "60 bills with a past, 100 are needed"}


def test_what_differs():
    """Every threshold that differs is named once for all, and once where a segment has its own."""
    old, new = Thresholds(), parse("[all]\nspike_pct = 1\n[segment.shop]\nspike_pct = 2\n")
    found = [(one.segment, one.name, one.old, one.new) for one in difference(old, new)]
    assert found == [("", "spike_pct", 180, 1), ("shop", "spike_pct", 180, 2)]
