"""The second opinion against register readings worked out by hand."""

import pytest
from reference_cases import (
    ENERGY_TOU,
    FLAT,
    KWH,
    TOU,
    dial,
    document,
    held,
    lines,
    rate,
    register_case,
)

DEMAND = '[[components]]\nid = "kw"\nshape = "demand"\nprice = 10\n'
JUNE = ("2026-06-01", "2026-07-01")
MID = ("2026-06-01", "2026-06-13", "2026-07-01")
"""Two spans, of 12 and 18 days."""


def quantities(toml, *dials, days=JUNE):
    given = register_case(toml, *days, dials=list(dials))
    return [line[1:3] for line in lines(given, toml)]


def code(toml, *dials, days=JUNE):
    return held(register_case(toml, *days, dials=list(dials)), toml)


def test_an_advance_times_multiplier():
    """100.5 to 160.25 with multiplier 40: 59.75 x 40 = 2390 kWh."""
    toml = document(FLAT)
    readings = [("2026-06-01", 100.5), ("2026-07-01", 160.25)]
    assert quantities(toml, dial(readings, multiplier=40)) == [("", "2390")]


def test_a_multiplier_that_does_not_come_out_whole():
    """0.001 x 1.0005 = 0.0010005, half even 0.001 kWh; 0.003 x 1.0005 = 0.0030015: 0.003002."""
    toml = document(FLAT)
    for kwh, expected in ((0.001, "0.001"), (0.003, "0.003002")):
        given = dial([("2026-06-01", 0), ("2026-07-01", kwh)], multiplier=1.0005)
        assert quantities(toml, given) == [("", expected)]


def test_a_roll_over():
    """Five digits, 99,998 to 3: 5 kWh."""
    toml = document(FLAT)
    assert quantities(toml, dial([("2026-06-01", 99998), ("2026-07-01", 3)])) == [("", "5")]
    edge = dial([("2026-06-01", 90000), ("2026-07-01", 0)])  # the top tenth, a tenth of the dial
    assert quantities(toml, edge) == [("", "10000")]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        (89999, 0),  # not in the top tenth
        (95000, 5001),  # 10,001 after wrapping: more than a tenth of the dial
        (500, 400),
    ],
)
def test_a_dial_that_goes_back(opening, closing):
    """A backward dial is never assumed to have wrapped."""
    toml = document(FLAT)
    given = dial([("2026-06-01", opening), ("2026-07-01", closing)])
    assert code(toml, given) == "metering.register.backward"


def test_an_exchange():
    """Old meter 100 to 150, new one 0 to 30: 80 kWh."""
    toml = document(FLAT)
    old = dial([("2026-06-01", 100), ("2026-06-10T10:00:00Z", 150, "exchange_out")])
    new = dial([("2026-06-10T10:00:00Z", 0, "exchange_in"), ("2026-07-01", 30)], meter="M2")
    assert quantities(toml, old, new) == [("", "80")]


def test_an_exchange_with_one_side_missing():
    """Without the new meter's, or the old meter's, readings nothing is billed."""
    toml = document(FLAT)
    old = dial([("2026-06-01", 100), ("2026-06-10T10:00:00Z", 150, "exchange_out")])
    new = dial([("2026-06-10T10:00:00Z", 0, "exchange_in"), ("2026-07-01", 30)], meter="M2")
    assert code(toml, old) == "metering.register.exchange"
    assert code(toml, new) == "metering.register.exchange"
    unsaid = dial([("2026-06-10T10:00:00Z", 0), ("2026-07-01", 30)], meter="M2")
    assert code(toml, old, unsaid) == "metering.register.missing"


def test_readings_that_disagree():
    """Two readings of a dial at one instant must be the same."""
    toml = document(FLAT)
    twice = [("2026-06-01", 0), ("2026-06-10", 5), ("2026-06-10", 6), ("2026-07-01", 9)]
    assert code(toml, dial(twice)) == "metering.register.exchange"
    twice[2] = twice[1]
    assert quantities(toml, dial(twice)) == [("", "9")]


@pytest.mark.parametrize(
    ("opening", "closing", "fits"),
    [
        ("2026-05-31", "2026-07-02", True),  # a day before, a day after
        ("2026-05-30T23:59:59Z", "2026-07-01", False),
        ("2026-06-01", "2026-07-02T00:00:01Z", False),
    ],
)
def test_the_reading_window(opening, closing, fits):
    """A reading from the day before or after a bound counts for it; beyond: held."""
    toml = document(FLAT)
    given = dial([(opening, 10), (closing, 20)])
    if fits:
        assert quantities(toml, given) == [("", "10")]
    else:
        assert code(toml, given) == "metering.register.missing"


def test_time_of_use_dials():
    """The dial named after the bucket is billed; a bucket without a dial holds."""
    toml = document(ENERGY_TOU, extra=TOU)
    peak = dial([("2026-06-01", 0), ("2026-07-01", 8)], bucket="peak")
    off = dial([("2026-06-01", 0), ("2026-07-01", 16)], bucket="off")
    total = dial([("2026-06-01", 0), ("2026-07-01", 24)])
    assert quantities(toml, total, peak, off) == [("peak", "8"), ("off", "16")]
    assert code(toml, total, peak) == "rating.quantity.missing"


def test_without_a_calendar_the_total_counts_or_the_sum():
    """Total 25 beside peak 8 and off 16: 25. Without the total: 24. No dial: held."""
    toml = document(FLAT)
    peak = dial([("2026-06-01", 0), ("2026-07-01", 8)], bucket="peak")
    off = dial([("2026-06-01", 0), ("2026-07-01", 16)], bucket="off")
    total = dial([("2026-06-01", 0), ("2026-07-01", 25)])
    assert quantities(toml, peak, total, off) == [("", "25")]
    assert quantities(toml, peak, off) == [("", "24")]
    assert code(toml, dial([("2026-06-01", 0), ("2026-07-01", 8)], channel="export")) == (
        "rating.quantity.missing"
    )


def test_spans_split_by_a_reading_at_the_boundary():
    """100 to 140 at the first instant of the second span, then to 150: 40 and 10."""
    toml = document(FLAT)
    given = dial([("2026-06-01", 100), ("2026-06-13", 140, "check"), ("2026-07-01", 150)])
    assert quantities(toml, given, days=MID) == [("", "40"), ("", "10")]


def test_spans_split_by_days():
    """50 kWh over 12 and 18 days: 20 and 30. A check reading that is not at the boundary does not
    split. A dial of 0.000001 x 5 = 5 ukwh: 2 and 3."""
    toml = document(FLAT)
    given = dial([("2026-06-01", 100), ("2026-06-10", 149, "check"), ("2026-07-01", 150)])
    assert quantities(toml, given, days=MID) == [("", "20"), ("", "30")]
    tiny = dial([("2026-06-01", 0), ("2026-07-01", 0.001)], multiplier=0.007)
    assert quantities(toml, tiny, days=MID) == [("", "0.000003"), ("", "0.000004")]  # 2.8 and 4.2


def test_largest_remainder_earlier_first():
    """1 ukwh over two equal spans goes to the earlier."""
    toml = document(FLAT)
    tiny = dial([("2026-06-01", 0), ("2026-07-01", 0.001)], multiplier=0.001)
    days = ("2026-06-01", "2026-06-16", "2026-07-01")
    given = register_case(toml, *days, dials=[tiny])
    (only,) = rate(given, toml)["lines"]
    assert (only["span"], only["quantity"]) == (0, "0.000001")


def test_an_exchange_and_a_price_change():
    """Old meter 1 to 10 June: 9 kWh, all before the 13th. New meter 10 June to 1 July: 42 kWh over
    21 days: 3 days (6 kWh) before and 18 days (36 kWh) after the 13th."""
    toml = document(FLAT)
    old = dial([("2026-06-01", 100), ("2026-06-10T10:00:00Z", 109, "exchange_out")])
    new = dial([("2026-06-10T10:00:00Z", 0, "exchange_in"), ("2026-07-01", 42)], meter="M2")
    assert quantities(toml, old, new, days=MID) == [("", "15"), ("", "36")]


def test_three_spans_one_boundary_read():
    """10 days each; 60 kWh until the reading on the 21st, 5 after: 30, 30 by days, and 5."""
    toml = document(FLAT)
    days = ("2026-06-01", "2026-06-11", "2026-06-21", "2026-07-01")
    given = dial([("2026-06-01", 0), ("2026-06-21", 60), ("2026-07-01", 65)])
    assert quantities(toml, given, days=days) == [("", "30"), ("", "30"), ("", "5")]


def test_a_demand_dial():
    """Opening 90 (of the month before) is not counted: the largest of 40 and 55, times 2: 110 kW,
    in each span: 110 x 10 x 12/30 = 440 and x 18/30 = 660."""
    toml = document(DEMAND)
    readings = [("2026-06-01", 90), ("2026-06-15", 55), ("2026-07-01", 40)]
    given = dial(readings, kind="demand", multiplier=2)
    found = lines(register_case(toml, *MID, dials=[given]), toml)
    assert [line[2] for line in found] == ["110", "110"]
    assert [line[-1] for line in found] == ["440", "660"]


def test_demand_dials_by_bucket_and_exchange():
    """Several dials give the largest, never the sum; without a total the largest of the buckets."""
    toml = document(DEMAND)
    peak = dial([("2026-06-01", 0), ("2026-07-01", 30)], bucket="peak", kind="demand")
    off = dial([("2026-06-01", 0), ("2026-07-01", 20)], bucket="off", kind="demand")
    assert quantities(toml, peak, off) == [("", "30")]
    old = dial([("2026-06-01", 0), ("2026-06-10T10:00:00Z", 33, "exchange_out")], kind="demand")
    new = dial(
        [("2026-06-10T10:00:00Z", 0, "exchange_in"), ("2026-07-01", 21)],
        meter="M2",
        kind="demand",
    )
    assert quantities(toml, old, new) == [("", "33")]


def test_a_demand_dial_must_be_there():
    """Energy alone gives no demand: held."""
    toml = document(DEMAND)
    energy = dial([("2026-06-01", 0), ("2026-07-01", 30)])
    assert code(toml, energy) == "rating.quantity.missing"


def test_months_need_a_span_within_one_month():
    """Register readings cannot be cut at the end of June."""
    toml = document(FLAT + "months = [6]\n")
    whole = dial([("2026-06-01", 0), ("2026-07-01", 30)])
    assert quantities(toml, whole) == [("", "30")]
    long = dial([("2026-06-01", 0), ("2026-08-01", 30)])
    assert code(toml, long, days=("2026-06-01", "2026-08-01")) == "rating.months.register"
    outside = document(FLAT + "months = [7]\n")
    assert quantities(outside, whole) == []


def test_power_factor_from_dials():
    """P 40 x 4 = 160, Q 30 x 4 = 120: 0.80; a meter without the other reactive dial is enough."""
    rows = "[components.rows]\n" + "\n".join(f'"0.{n}" = {90 - n}' for n in range(95, 75, -1))
    factor = '[[components]]\nid = "pf"\nshape = "power_factor"\nof = ["energy"]\n' + rows
    toml = document(FLAT + factor)
    active = dial([("2026-06-01", 0), ("2026-07-01", 40)], multiplier=4)
    reactive = dial(
        [("2026-06-01", 0), ("2026-07-01", 30)], multiplier=4, channel="reactive_import"
    )
    found = lines(register_case(toml, *JUNE, dials=[active, reactive]), toml)
    assert found[1] == ("pf", "0.80", "16", "10", "1/100", "1.6")
    assert code(toml, active) == "rating.quantity.missing"


def test_netting_of_dials():
    """Import 30, export 50: bank 20."""
    toml = document(FLAT + 'netting = "month"\n')
    bought = dial([("2026-06-01", 0), ("2026-07-01", 30)])
    sold = dial([("2026-06-01", 0), ("2026-07-01", 50)], channel="export")
    given = register_case(toml, *JUNE, dials=[bought, sold])
    answer = rate(given, toml)
    assert answer["lines"] == []
    assert answer["carry_out"] == [
        {"key": "bank/energy/all", "at": "2026-07-01", "value": 20 * KWH}
    ]
