"""Tiers by unit, day, order, quota and volume: worked out by hand from docs/tariff.md."""

from datetime import date

import numpy as np
import pytest
from shape_world import JANUARY, TOU, bill, component, lines

from gridtally.periods import Period

DAY = Period(date(2026, 1, 1), date(2026, 1, 2))
HALF = Period(date(2026, 1, 1), date(2026, 1, 17))
TWO = "tiers = [{ upto = 10, price = 0.1 }, { price = 0.2 }]"
BOTH = "tiers = [{ upto = 10, prices = { peak = 1, off = 2 } }, { prices = { peak = 3, off = 4 } }]"
TERMS = "[terms.persons]\n[terms.size]\n"


def tiered(rest, tiers=TWO):
    return component("tiered", f'channel = "import"\n{tiers}\n{rest}')


def shares(body, **options):
    """(bucket, quantity, factor) of each line."""
    return [(x[1], x[2], x[4]) for x in lines(body, **options)]


@pytest.mark.parametrize(
    ("rest", "period", "first"),
    [
        ('unit = "kwh_per_day"', JANUARY, "310"),  # 10 x 31
        ('unit = "kwh_per_day"\nproration = "none"', HALF, "160"),  # days, no factor
        ('unit = "kwh_per_kva"', HALF, "36.129032"),  # 10 x 7 kVA x 16/31
        ('unit = "kwh_per_person"', HALF, "25.806452"),  # 10 x 5 x 16/31
        ('unit = "kwh_per_kw"\ndemand = "d"', HALF, "20.645161"),  # 10 x 4 kW x 16/31
        ('more = { term = "persons", above = 4, each = 7 }', HALF, "8.774194"),  # 17 x 16/31
        ('more = { term = "persons", above = 6 }', HALF, "5.16129"),  # 5 are not above 6
        ('more = { term = "size" }\nunit = "kwh_per_person"', JANUARY, "62.5"),  # 12.5 x 5
    ],
)
def test_what_a_threshold_counts(rest, period, first):
    """The first tier of 400 kWh, at 5 persons, 7 kVA, 4 kW and a size of 2.5."""
    demand = component("demand", "price = 1\nminimum_kw = 4", "d")
    found = lines(
        TERMS + tiered(rest) + demand,
        kwh={"import": 400},
        period=period,
        terms={"capacity_ukva": 7_000_000},
        stated={"persons": "5", "size": "2.5"},
    )
    assert found[0][1:3] == ("tier-1", first)


def test_thresholds_of_two_demands_take_the_largest_bucket():
    """3 kW of peak and 1 of off: 30 kWh at the first price."""
    demand = component("demand", 'calendar = "c"\nprices = { peak = 0, off = 0 }', "d")
    energy = np.full(24, 1_000_000)
    energy[12] = 3_000_000
    body = TOU + tiered('unit = "kwh_per_kw"\ndemand = "d"\nproration = "none"') + demand
    assert shares(body, kwh={"import": energy}, period=DAY)[0][:2] == ("tier-1", "26")
    rest = demand.replace("shape", "months = [7]\nshape")
    resting = TOU + tiered('unit = "kwh_per_kw"\ndemand = "d"') + rest
    assert shares(resting, kwh={"import": energy}, period=DAY)[0][:2] == ("tier-2", "26")


@pytest.mark.parametrize(
    ("kwh", "expected"),
    [
        (10, [("tier-1", "10", "1")]),
        (11, [("tier-2", "11", "1")]),
        (0, []),
    ],
)
def test_the_tier_that_is_reached_takes_all(kwh, expected):
    """10 kWh are on the threshold and belong to the lower tier; 11 are all at the higher price."""
    assert shares(tiered('method = "volume"'), kwh={"import": kwh}) == expected


def test_a_tier_of_nothing_takes_nothing():
    """A demand of zero makes the first tier empty: on the threshold or not, it takes nothing."""
    demand = component("demand", "price = 1\nmonths = [7]", "d")
    for method in ("volume", "graduated"):
        body = tiered(f'method = "{method}"\nunit = "kwh_per_kw"\ndemand = "d"') + demand
        assert shares(body, kwh={"import": 5}) == [("tier-2", "5", "1")]


# -------------------------------------------------------------- by bucket

PEAKY = np.zeros(24, np.int64)
PEAKY[[2, 9, 10, 21]] = [4_000_000, 8_000_000, 6_000_000, 2_000_000]
"""4 off, 8 and 6 at peak, 2 off."""


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (  # each bucket has 10 of its own
            'pooling = "separate"\nproration = "none"',
            [("peak/tier-1", "10", "1"), ("off/tier-1", "6", "1"), ("peak/tier-2", "4", "1")],
        ),
        (  # 4 off and 6 of the 8 at peak fill the first 10
            'pooling = "in_order"\nproration = "none"',
            [("peak/tier-1", "6", "1"), ("off/tier-1", "4", "1"),
             ("peak/tier-2", "8", "1"), ("off/tier-2", "2", "1")],
        ),
        (
            'pooling = "pro_rata"\nproration = "none"',
            [("peak/tier-1", "14", "1/2"), ("off/tier-1", "6", "1/2"),
             ("peak/tier-2", "14", "1/2"), ("off/tier-2", "6", "1/2")],
        ),
        (
            'pooling = "separate"\nmethod = "volume"\nproration = "none"',
            [("off/tier-1", "6", "1"), ("peak/tier-2", "14", "1")],
        ),
        (
            'pooling = "pro_rata"\nmethod = "volume"\nproration = "none"',
            [("peak/tier-2", "14", "1"), ("off/tier-2", "6", "1")],
        ),
    ],
)  # fmt: skip
def test_buckets_fill_tiers(rest, expected):
    """Alone, in order of time, in proportion; graduated or all at the tier that is reached."""
    body = TOU + tiered(f'calendar = "c"\n{rest}', BOTH)
    assert shares(body, kwh={"import": PEAKY}, period=DAY) == expected


def test_in_order_of_time_over_days_and_by_day():
    """Two days: 10 x 2 days fill with the first day's 20; the second day is all above."""
    body = TOU + tiered('calendar = "c"\npooling = "in_order"\nunit = "kwh_per_day"', BOTH)
    both = np.concatenate([PEAKY, PEAKY])
    two = Period(date(2026, 1, 1), date(2026, 1, 3))
    assert shares(body, kwh={"import": both}, period=two) == [
        ("peak/tier-1", "14", "1"), ("off/tier-1", "6", "1"),
        ("peak/tier-2", "14", "1"), ("off/tier-2", "6", "1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", [("tier-1", "15", "1"), ("tier-2", "10", "1")]),  # 10 of 20, and 5 of 5
        ('unit = "kwh_per_person"', [("tier-1", "25", "1")]),  # 30 a day
        ('more = { term = "persons", above = 1 }',
         [("tier-1", "17", "1"), ("tier-2", "8", "1")]),  # 12 a day
    ],
)  # fmt: skip
def test_each_day_starts_anew(rest, expected):
    """20 kWh on the first day and 5 on the second, 10 a day at the first price."""
    energy = np.concatenate([PEAKY, PEAKY // 4])
    two = Period(date(2026, 1, 1), date(2026, 1, 3))
    body = TERMS + tiered(f'window = "day"\n{rest}')
    found = shares(body, kwh={"import": energy}, period=two, stated={"persons": "3"})
    assert found == expected


def test_days_of_each_bucket():
    """Peak 14 on a day: 10 and 4; off 6: 6."""
    body = TOU + tiered('window = "day"\ncalendar = "c"\npooling = "separate"', BOTH)
    assert shares(body, kwh={"import": PEAKY}, period=DAY) == [
        ("peak/tier-1", "10", "1"), ("off/tier-1", "6", "1"), ("peak/tier-2", "4", "1"),
    ]  # fmt: skip


def test_a_day_of_a_clock_change_is_a_day():
    """Lisbon's 29 March has 23 hours of 1 kWh: 10 and 13; the day after 10 and 14."""
    two = Period(date(2026, 3, 29), date(2026, 3, 31))
    options = {"kwh": {"import": np.full(47, 1_000_000)}, "zone": "Europe/Lisbon"}
    found = shares(tiered('window = "day"'), period=two, **options)
    assert found == [("tier-1", "20", "1"), ("tier-2", "27", "1")]


def test_one_reading_below_zero_holds_where_single_ones_count():
    """A day of tiers looks at single readings."""
    energy = PEAKY.copy()
    energy[5] = -1
    found = bill(tiered('window = "day"'), kwh={"import": energy}, period=DAY)
    assert "rating.quantity.negative" in [row["code"] for row in found.findings]


# -------------------------------------------------------------------- yearly

YEARLY = "tiers = [{ upto = 100, price = 1 }, { upto = 300, price = 2 }, { price = 3 }]"
NEW_YEAR = date(2026, 1, 1)


def test_a_quota_is_filled_from_what_is_left():
    """100 and 200 wide; 90 and 150 used: 310 are 10, 50 and 250."""
    carry = [("tier/x/1", NEW_YEAR, 90_000_000), ("tier/x/2", NEW_YEAR, 150_000_000)]
    found = bill(tiered('window = "year"\nfill = "quota"', YEARLY), carry=carry)
    assert [(x["bucket"], x["quantity"]) for x in found.lines] == [
        ("tier-1", "10"), ("tier-2", "50"), ("tier-3", "250"),
    ]  # fmt: skip
    assert [(row["key"], row["value"] // 10**6) for row in found.carry_out] == [
        ("tier/x/1", 100), ("tier/x/2", 200), ("tier/x/3", 250),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fill", "carry", "first"),
    [("quota", [("tier/x/1", 90), ("tier/x/2", 60)], "60"), ("position", [("tier/x", 150)], None)],
)
def test_a_quota_that_grows_is_filled_from_then_on(fill, carry, first):
    """From 100 to 150 kWh: a quota has 60 left, a position of 150 has passed it."""
    more = 'more = { term = "size", each = 50 }'
    body = TERMS + tiered(f'window = "year"\nfill = "{fill}"\n{more}', YEARLY)
    entries = [(key, NEW_YEAR, value * 10**6) for key, value in carry]
    found = bill(body, carry=entries, stated={"size": "1"})
    mine = {x["bucket"]: x["quantity"] for x in found.lines}
    assert mine.get("tier-1") == first


def test_a_window_starts_on_the_last_of_its_days():
    """Seasons from April and October: in January the window is that of 1 October."""
    body = tiered('window = "year"\nresets = ["04-01", "10-01"]', YEARLY)
    october = date(2025, 10, 1)
    found = bill(body, carry=[("tier/x", october, 90_000_000), ("tier/y", october, 1)])
    assert found.lines[0]["quantity"] == "10"
    assert found.carry_out[0] == {"key": "tier/x", "at": "2025-10-01", "value": 400_000_000}
    spring = Period(date(2026, 4, 1), date(2026, 5, 1))
    later = bill(body, carry=[("tier/x", october, 90_000_000)], period=spring)
    assert later.lines[0]["quantity"] == "100"
    assert later.carry_out == [{"key": "tier/x", "at": "2026-04-01", "value": 310_000_000}]


def test_a_quota_at_rest_stays():
    """In January a component of July uses nothing, and writes what it has, zero included."""
    body = tiered('window = "year"\nfill = "quota"\nmonths = [7]', YEARLY)
    found = bill(body + component("fixed", 'per = "day"\nprice = 1', "f"),
                 carry=[("tier/x/1", NEW_YEAR, 90)])  # fmt: skip
    assert [(row["key"], row["value"]) for row in found.carry_out] == [
        ("tier/x/1", 90), ("tier/x/2", 0), ("tier/x/3", 0),
    ]  # fmt: skip


def test_losses_beyond_63_bits_are_tiers_all_the_same():
    """24 kWh over 0.0001 kV: 576 / (10^-8 x 24 x 1000) = 2 400 000 kWh; over 10^-8 kV 10^8 more."""
    for kv, first in (("0.0001", "2400024"), ("0.00000001", "240000000000024")):
        body = f'[losses.l]\nadds_to = "import"\nohm = 1\nkv = {kv}\nreactive = false\n'
        body += tiered('losses = ["l"]\nproration = "none"')
        found = lines(body, kwh={"import": 24}, period=DAY)
        assert [x[1] for x in found if x[0] == "x"] == ["tier-1", "tier-2"]
        assert int(found[1][2]) + 10 == int(first)
