"""The second opinion: units, windows, quotas, volumes and buckets of tiers."""

import pytest
from reference_cases import (
    KWH,
    case,
    dial,
    document,
    held,
    lines,
    rate,
    register_case,
    tiered,
)

JUNE = ("2026-06-01", "2026-07-01")
TEN = ("2026-06-01", "2026-06-11")
TIERS = "[{upto = 10, price = 0.1}, {price = 0.2}]"
BY_BUCKET = "[{upto = 100, prices = {peak = 1, off = 0.5}}, {prices = {peak = 2, off = 0.25}}]"
TOU = (
    '[[calendars.tou.rules]]\nbucket="peak"\nhours=["00:00-06:00"]\n'
    '[[calendars.tou.rules]]\notherwise="off"\n'
)
PERSONS = "[terms.persons]\n"


def parts(given, *tomls):
    """(bucket, quantity) of each line."""
    return [(line[1], line[2]) for line in lines(given, *tomls)]


@pytest.mark.parametrize(
    ("unit", "days", "first"),
    [
        # 24 kWh a day; 10 kWh x 10/30 of a month
        ("kwh", TEN, "3.333333"),
        ("kwh_per_day", TEN, "100"),
        ("kwh_per_kva", TEN, "10"),  # 3 kVA x 10 x 1/3
        ("kwh_per_person", TEN, "16.666667"),  # 5 x 10 x 1/3
        ("kwh_per_person", JUNE, "50"),
        ("kwh_per_kva", JUNE, "30"),
        ("kwh_per_day", JUNE, "300"),
    ],
)
def test_units_of_thresholds(unit, days, first):
    """What `upto` counts, times the factor but for days, rounded once."""
    toml = document(tiered(f'unit = "{unit}"', TIERS), extra=PERSONS)
    given = case(toml, *days, capacity=3_000_000, terms={"persons": "5"}, **{"import": KWH})
    assert lines(given, toml)[0][2] == first


def test_thresholds_by_the_billed_demand():
    """2 kW, raised to 3 and rounded up to whole 4: 40 kWh in June; at rest 0: all in tier 2."""
    demand = (
        '[[components]]\nid="d"\nshape="demand"\nprice=1\nminimum_kw=3.5\n'
        'round_kw={places=0, mode="up"}\n'
    )
    body = tiered('unit = "kwh_per_kw"\ndemand = "d"', TIERS)
    for text in (demand + body, body + demand):
        toml = document(text)
        found = lines(case(toml, *JUNE, **{"import": KWH}), toml)
        assert ("energy", "tier-1", "40", "0.1", "1", "4") in found
    toml = document(demand + "months=[7]\n" + body)
    assert parts(case(toml, *JUNE, **{"import": KWH}), toml) == [("tier-2", "720")]


@pytest.mark.parametrize(
    ("persons", "first"),
    [("4", "100"), ("3", "100"), ("6", "300"), ("4.5", "150")],
)
def test_more_for_large_households(persons, first):
    """100 kWh more for each person above 4, nothing less below."""
    more = 'more = { term = "persons", above = 4, each = 100 }'
    toml = document(tiered(more, TIERS.replace("10,", "100,")), extra=PERSONS)
    given = case(toml, *JUNE, terms={"persons": persons}, **{"import": KWH})
    assert lines(given, toml)[0][2] == first


def test_more_before_unit_and_factor():
    """(10 + 2 x 1) kWh per person x 5 persons x 10/30 = 20; each and above left out: 10 + 5."""
    more = 'more = { term = "persons", above = 3 }\nunit = "kwh_per_person"'
    toml = document(tiered(more, TIERS), extra=PERSONS)
    given = case(toml, *TEN, terms={"persons": "5"}, **{"import": KWH})
    assert lines(given, toml)[0][2] == "20"
    toml = document(tiered('more = { term = "persons" }', TIERS), extra=PERSONS)
    given = case(toml, *JUNE, terms={"persons": "5"}, **{"import": KWH})
    assert lines(given, toml)[0][2] == "15"
    assert held(case(toml, *JUNE, **{"import": KWH}), toml) == "rating.term.missing"
    given = case(toml, *JUNE, terms={"persons": "-1"}, **{"import": KWH})
    assert held(given, toml) == "rating.term.range"


@pytest.mark.parametrize(
    ("days", "kw", "expected"),
    [
        # June, 720 kWh. 100 against 10 h x 1 kW = 10; 100 against 200 h: 100; then 300 h: 300
        (JUNE, 1, ["10", "90", "200", "420"]),
        # 40 kW: 100 against 400; 100 against 8000 is no more; 12000
        (JUNE, 40, ["100", "620"]),
        # 10 days, 240 kWh, factor 1/3: 33.333333 against 3.333333; 33.333333; 100
        (TEN, 1, ["3.333333", "30", "66.666667", "140"]),
    ],
)
def test_hours_of_use_beside_energy(days, kw, expected):
    """A tier ends at the smaller one of its energy and its hours of use."""
    tiers = (
        "[{upto = 100, upto_per_kw = 10, price = 1}, {upto = 100, upto_per_kw = 200, price = 2}, "
        "{upto_per_kw = 300, price = 3}, {price = 4}]"
    )
    demand = f'[[components]]\nid="d"\nshape="demand"\nprice=0\nminimum_kw={kw}\n'
    toml = document(tiered('demand = "d"', tiers) + demand)
    found = lines(case(toml, *days, **{"import": KWH}), toml)
    assert [line[2] for line in found if line[0] == "energy"] == expected
    toml = document(
        tiered('demand="d"\nmore={term="persons", each=20}', tiers) + demand, extra=PERSONS
    )
    given = case(toml, *JUNE, terms={"persons": "1"}, **{"import": KWH})
    assert lines(given, toml)[0][2] == {1: "10", 40: "120"}[kw]


@pytest.mark.parametrize(
    ("more", "tiers"),
    [
        ("", "[{upto_per_kw = 1, price = 1}, {price = 2}]"),
        ('demand = "d"', TIERS),
        ('demand = "d"\nwindow = "day"', "[{upto_per_kw = 1, price = 1}, {price = 2}]"),
        ('demand = "d"\nunit = "kwh_per_kw"', "[{upto_per_kw = 1, price = 1}, {price = 2}]"),
        ('demand = "d"', "[{upto_per_kw = 1, price = 1}, {upto_per_kw = 2, price = 2}]"),
        (
            'demand = "d"',
            "[{upto_per_kw=2, price=1}, {upto_per_kw=1, price=2}, {price=3}]",
        ),
        (
            'demand = "d"',
            "[{upto_per_kw=2, price=1}, {upto_per_kw=2, price=2}, {price=3}]",
        ),
        ('demand = "d"', "[{upto_per_kw = 2, price = 1}, {upto = 1, price = 2}, {price = 3}]"),
        ('demand = "d"', "[{upto_per_kw = 0, price = 1}, {price = 3}]"),
    ],
)
def test_hours_of_use_that_are_refused(more, tiers):
    """No demand, another window or unit, ends that fall, stay or are none."""
    demand = '[[components]]\nid="d"\nshape="demand"\nprice=0\n'
    toml = document(tiered(more, tiers) + demand)
    assert held(case(toml, *JUNE, **{"import": KWH}), toml) == "rating.tariff.invalid"


# ------------------------------------------------------------- day windows


def test_tiers_of_a_day():
    """Days of 24, 5 and 12 kWh against 10 a day: 10 + 5 + 10 = 25, 14 + 0 + 2 = 16."""

    def kwh(clock):
        day = {1: 24, 2: 5, 3: 12}[clock.day]
        return day * KWH if clock.hour == 7 else 0

    toml = document(tiered('window = "day"', TIERS))
    given = case(toml, "2026-06-01", "2026-06-04", **{"import": kwh})
    assert parts(given, toml) == [("tier-1", "25"), ("tier-2", "16")]
    dials = [dial([("2026-06-01", 0), ("2026-06-04", 41)])]
    given = register_case(toml, "2026-06-01", "2026-06-04", dials=dials)
    assert held(given, toml) == "rating.window.register"


def test_tiers_of_a_day_by_bucket():
    """6 kWh of peak and 18 of off each day, each bucket against 10: peak 12 + 0, off 20 + 16."""
    tiers = BY_BUCKET.replace("100", "10")
    toml = document(tiered('window="day"\ncalendar="tou"\npooling="separate"', tiers), extra=TOU)
    given = case(toml, "2026-06-01", "2026-06-03", **{"import": KWH})
    assert parts(given, toml) == [("peak/tier-1", "12"), ("off/tier-1", "20"), ("off/tier-2", "16")]


def test_tiers_of_a_day_without_factor():
    """10 kWh per kVA and 0.5 kVA: 5 a day, whatever part of the month."""
    toml = document(tiered('window="day"\nunit="kwh_per_kva"', TIERS))
    given = case(toml, "2026-06-01", "2026-06-03", capacity=500_000, **{"import": KWH})
    assert parts(given, toml) == [("tier-1", "10"), ("tier-2", "38")]


def test_a_day_of_25_hours():
    """25 October 2026 in Lisbon: 25 kWh in one day, 10 and 15."""
    toml = document(tiered('window="day"', TIERS), zone="Europe/Lisbon")
    given = case(toml, "2026-10-25", "2026-10-26", zone="Europe/Lisbon", **{"import": KWH})
    assert parts(given, toml) == [("tier-1", "10"), ("tier-2", "15")]


def test_an_interval_below_zero():
    """A day of tiers looks at single intervals: one below zero holds; a month does not mind."""

    def dip(clock):
        return -KWH if clock.hour == 5 else KWH

    for more in ('window="day"', 'netting="interval"'):
        toml = document(tiered(more, TIERS))
        given = case(toml, "2026-06-01", "2026-06-02", export=0, **{"import": dip})
        assert held(given, toml) == "rating.quantity.negative"
    toml = document(tiered("", TIERS))
    given = case(toml, "2026-06-01", "2026-06-02", **{"import": dip})
    assert parts(given, toml) == [("tier-1", "0.333333"), ("tier-2", "21.666667")]


# ------------------------------------------------------------------- quotas

YEAR = 'window = "year"\nfill = "quota"\nmore = { term = "persons", above = 4, each = 300 }'
STEPS = "[{upto = 1000, price = 0.1}, {upto = 1500, price = 0.2}, {price = 0.3}]"


def quota_case(toml, persons, used=(), kwh=KWH):
    carry = [(f"tier/energy/{k}", "2026-01-01", value * KWH) for k, value in enumerate(used, 1)]
    return case(toml, *JUNE, carry=carry, terms={"persons": persons}, **{"import": kwh})


@pytest.mark.parametrize(
    ("persons", "used", "expected"),
    [
        # 720 kWh; the first quota has 1000
        ("4", (), ["720"]),
        # 900 and 0 used: 100, then 500, then 120
        ("4", (900, 0, 0), ["100", "500", "120"]),
        # the quota grew to 1300 after the second was in use: 300 more of the first
        ("5", (1000, 40, 0), ["300", "420"]),
        # a quota that shrank below what was used gives nothing, and is not given back
        ("4", (1300, 0, 0), ["500", "220"]),
    ],
)
def test_quotas_of_a_year(persons, used, expected):
    """Each tier takes what is left of its own quota."""
    toml = document(tiered(YEAR, STEPS), extra=PERSONS)
    assert [line[2] for line in lines(quota_case(toml, persons, used), toml)] == expected


def test_quotas_are_carried_by_tier():
    """Every tier is written, the untouched third with zero; the window's day is kept."""
    toml = document(tiered(YEAR, STEPS), extra=PERSONS)
    answer = rate(quota_case(toml, "5", (1000, 40, 0)), toml)
    assert answer["carry_out"] == [
        {"key": "tier/energy/1", "at": "2026-01-01", "value": 1300 * KWH},
        {"key": "tier/energy/2", "at": "2026-01-01", "value": 460 * KWH},
        {"key": "tier/energy/3", "at": "2026-01-01", "value": 0},
    ]


def test_positions_know_no_quota():
    """The same with positions: 1040 of 1300 are reached, 260 are left, then 200 + 260 …"""
    toml = document(tiered(YEAR.replace('fill = "quota"', ""), STEPS), extra=PERSONS)
    given = quota_case(toml, "5") | {
        "carry_in": [{"key": "tier/energy", "at": "2026-01-01", "value": 1040 * KWH}]
    }
    # thresholds 1300 and 1800: 260 to the first, 460 of the second
    assert [line[2] for line in lines(given, toml)] == ["260", "460"]


def test_seasons_of_a_year():
    """Windows from 1 April and 1 October: the carry of 1 April counts in June, one of 1 October
    does not; on 1 October it starts at zero."""
    toml = document(tiered('window = "year"\nresets = ["10-01", "04-01"]', STEPS))
    given = case(toml, *JUNE, carry=[("tier/energy", "2026-04-01", 900 * KWH)], **{"import": KWH})
    assert [line[2] for line in lines(given, toml)] == ["100", "500", "120"]
    given = case(toml, *JUNE, carry=[("tier/energy", "2025-10-01", 900 * KWH)], **{"import": KWH})
    assert [line[2] for line in lines(given, toml)] == ["720"]
    assert rate(given, toml)["carry_out"] == [
        {"key": "tier/energy", "at": "2026-04-01", "value": 720 * KWH}
    ]
    given = case(toml, "2026-09-30", "2026-10-02", **{"import": KWH})
    assert held(given, toml) == "rating.span.uncut"


def test_quotas_at_rest():
    """In June a component of July hands its quotas on, zero included."""
    toml = document(tiered(YEAR + "\nmonths = [7]", STEPS), extra=PERSONS)
    answer = rate(quota_case(toml, "5", (10,)), toml)
    assert [entry["value"] for entry in answer["carry_out"]] == [10 * KWH, 0, 0]


# ------------------------------------------------------------------ volumes


@pytest.mark.parametrize(
    ("upto", "expected"),
    [("719", [("tier-2", "720")]), ("720", [("tier-1", "720")]), ("720.5", [("tier-1", "720")])],
)
def test_all_energy_in_the_tier_where_it_ends(upto, expected):
    """Volume: the tier in which the energy ends takes all; on the threshold the lower one."""
    toml = document(tiered("", TIERS.replace("10,", f"{upto},")).replace("graduated", "volume"))
    assert parts(case(toml, *JUNE, **{"import": KWH}), toml) == expected


def test_volumes_by_bucket():
    """Peak 180 and off 540. Pooled: 720 end in the second tier (above 600), both at its prices.
    Separate: peak in the first, off too."""
    tiers = BY_BUCKET.replace("100", "600")
    both = tiered('calendar="tou"\npooling="pro_rata"', tiers).replace("graduated", "volume")
    toml = document(both, extra=TOU)
    assert lines(case(toml, *JUNE, **{"import": KWH}), toml) == [
        ("energy", "peak/tier-2", "180", "2", "1", "360"),
        ("energy", "off/tier-2", "540", "0.25", "1", "135"),
    ]
    toml = document(both.replace("pro_rata", "separate"), extra=TOU)
    assert parts(case(toml, *JUNE, **{"import": KWH}), toml) == [
        ("peak/tier-1", "180"), ("off/tier-1", "540"),
    ]  # fmt: skip


def test_a_threshold_of_zero_takes_nothing():
    """0 kVA: a threshold of zero; all in the second tier, by volume too."""
    for method in ("graduated", "volume"):
        body = tiered('unit="kwh_per_kva"', TIERS).replace("graduated", method)
        toml = document(body)
        given = case(toml, *JUNE, capacity=0, **{"import": KWH})
        assert parts(given, toml) == [("tier-2", "720")]


# ------------------------------------------------------------------ buckets


def test_buckets_fill_tiers_of_their_own():
    """Peak 180: 100 and 80; off 540: 100 and 440; factor 1."""
    toml = document(tiered('calendar="tou"\npooling="separate"', BY_BUCKET), extra=TOU)
    assert lines(case(toml, *JUNE, **{"import": KWH}), toml) == [
        ("energy", "peak/tier-1", "100", "1", "1", "100"),
        ("energy", "off/tier-1", "100", "0.5", "1", "50"),
        ("energy", "peak/tier-2", "80", "2", "1", "160"),
        ("energy", "off/tier-2", "440", "0.25", "1", "110"),
    ]


def test_buckets_fill_tiers_in_the_order_of_time():
    """Two days of 24 kWh, 30 a month x 2/30 = 2 … with 30 per day unit: 6 kWh of peak, then 18 of
    off, 6 of peak, 18 of off. Threshold 15.5 x 2 = 31 kWh: peak 6 + 6, off 18 + 1, then 17 off."""
    body = tiered('calendar="tou"\npooling="in_order"\nunit="kwh_per_day"', BY_BUCKET)
    toml = document(body.replace("100", "15.5"), extra=TOU)
    given = case(toml, "2026-06-01", "2026-06-03", **{"import": KWH})
    assert lines(given, toml) == [
        ("energy", "peak/tier-1", "12", "1", "1", "12"),
        ("energy", "off/tier-1", "19", "0.5", "1", "9.5"),
        ("energy", "off/tier-2", "17", "0.25", "1", "4.25"),
    ]


def test_an_interval_is_split_at_a_threshold():
    """4.75 kWh x 2: the tenth hour takes 0.5 of the first tier, 0.5 of the second. In kwh the
    threshold has the factor: 2/30 x 142.5 = 9.5."""
    for unit, upto in (("kwh_per_day", "4.75"), ("kwh", "142.5")):
        body = tiered(f'calendar="tou"\npooling="in_order"\nunit="{unit}"', BY_BUCKET)
        toml = document(body.replace("100", upto), extra=TOU)
        given = case(toml, "2026-06-01", "2026-06-03", **{"import": KWH})
        assert parts(given, toml) == [
            ("peak/tier-1", "6"), ("off/tier-1", "3.5"),
            ("peak/tier-2", "6"), ("off/tier-2", "32.5"),
        ]  # fmt: skip
    dials = [dial([("2026-06-01", 0), ("2026-06-03", 9)], bucket=b) for b in ("peak", "off")]
    given = register_case(toml, "2026-06-01", "2026-06-03", dials=dials)
    assert held(given, toml) == "rating.window.register"


@pytest.mark.parametrize(
    "more",
    [
        'unit = "kwh_per_kw"',
        'unit = "kwh_per_day"\nwindow = "year"',
        'unit = "kwh_per_day"\nwindow = "day"',
        'unit = "kwh_per_person"',
        'fill = "quota"',
        'window = "day"\nnetting = "month"',
        'window = "day"\nloss_factor = 1.1',
        'window = "day"\nround_quantity = { places = 0, mode = "up" }',
        'more = { term = "nobody" }',
        'more = { term = "capacity_kva", up = 1 }',
        'pooling = "separate"',
        'window = "year"\nresets = "02-29"',
        'window = "year"\nresets = []',
        'demand = "energy"',
    ],
)
def test_tiers_that_are_refused(more):
    """Keys that do not go together."""
    toml = document(tiered(more, TIERS))
    given = case(toml, *JUNE, capacity=1, export=0, **{"import": KWH})
    assert held(given, toml) == "rating.tariff.invalid"


@pytest.mark.parametrize(
    ("more", "method"),
    [
        ("", "graduated"),
        ('pooling="separate"\nwindow="year"', "graduated"),
        ('pooling="in_order"\nwindow="day"', "graduated"),
        ('pooling="pro_rata"\nwindow="day"', "graduated"),
        ('pooling="in_order"', "volume"),
        ('pooling="pro_rata"\nwindow="year"', "volume"),
        ('pooling="in_order"\nunit="kwh_per_kva"', "graduated"),
        ('pooling="in_order"\nnetting="hour"', "graduated"),
        ('pooling="in_order"\nloss_factor=1', "graduated"),
        ('pooling="in_order"\nmore={term="capacity_kva"}', "graduated"),
    ],
)
def test_poolings_that_are_refused(more, method):
    """Pooling is required with a calendar, and each goes with some windows only."""
    body = tiered(f'calendar="tou"\n{more}', BY_BUCKET).replace("graduated", method)
    toml = document(body, extra=TOU)
    given = case(toml, *JUNE, capacity=1, export=0, **{"import": KWH})
    assert held(given, toml) == "rating.tariff.invalid"
