"""Each shape of docs/tariff.md on readings whose bill was worked out by hand."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from rating_world import header
from shape_world import TOU, bill, component, lines

from gridtally.periods import Period

ENERGY = component("energy", 'channel = "import"\nprice = 0.1', "energy")


def test_energy_without_and_with_a_calendar():
    """310 kWh over 744 hours: half of them between 8 and 20."""
    assert lines(ENERGY) == [("energy", "", "310", "0.1", "1", "31")]
    body = TOU + component(
        "energy", 'channel = "import"\ncalendar = "c"\nprices = { peak = 0.3, off = 0.125 }'
    )
    peak = np.tile(np.r_[np.zeros(8), np.full(12, 500_000), np.zeros(4)].astype(np.int64), 31)
    assert lines(body, kwh={"import": peak}) == [("x", "peak", "186", "0.3", "1", "55.8")]


def test_a_credit_is_negative():
    """What the customer is paid."""
    body = component("energy", 'channel = "export"\nprice = 0.05\ncredit = true')
    assert lines(body, kwh={"export": 100}) == [("x", "", "100", "0.05", "1", "-5")]


@pytest.mark.parametrize(
    ("export", "bank", "billed", "left"),
    [(100, 0, [("x", "", "210", "0.1", "1", "21")], 0), (400, 0, [], 90_000_000),
     (300, 20, [], 10_000_000), (300, 10, [], 0), (300, 4, [("x", "", "6", "0.1", "1", "0.6")], 0)],
)  # fmt: skip
def test_netting_and_its_bank(export, bank, billed, left):
    """Import less export less what was banked; the shortfall is banked again."""
    body = component("energy", 'channel = "import"\nprice = 0.1\nnetting = "month"')
    carry = [("bank/x/all", date(2026, 1, 1), bank * 10**6)] if bank else []
    found = bill(body, kwh={"export": export}, carry=carry)
    keys = ("component", "bucket", "quantity", "price", "factor", "amount")
    assert [tuple(line[k] for k in keys) for line in found.lines] == billed
    assert found.carry_out == [{"key": "bank/x/all", "at": "2026-02-01", "value": left}]


TIERS = "tiers = [{ upto = 100, price = 0.1 }, { upto = 310, price = 0.2 }, { price = 0.3 }]"


def test_tiers_of_a_month():
    """310 kWh: 100 at the first price, 210 at the second; the threshold itself is below."""
    assert lines(component("tiered", f'channel = "import"\n{TIERS}')) == [
        ("x", "tier-1", "100", "0.1", "1", "10"),
        ("x", "tier-2", "210", "0.2", "1", "42"),
    ]


def test_tiers_of_half_a_month():
    """16 of 31 days: thresholds are 100 x 16/31 and 310 x 16/31, to whole 10^-6 kWh."""
    half = Period(date(2026, 1, 1), date(2026, 1, 17))
    assert lines(component("tiered", f'channel = "import"\n{TIERS}'), period=half) == [
        ("x", "tier-1", "51.612903", "0.1", "1", "5.16"),
        ("x", "tier-2", "108.387097", "0.2", "1", "21.68"),
        ("x", "tier-3", "150", "0.3", "1", "45"),
    ]


def test_tiers_of_a_year_go_on():
    """With 50 kWh used since the first of January, 50 are left in the first tier."""
    body = component("tiered", f'channel = "import"\nwindow = "year"\n{TIERS}')
    carry = [("tier/x", date(2026, 1, 1), 50_000_000)]
    found = bill(body, carry=carry)
    assert [(line["bucket"], line["quantity"]) for line in found.lines] == [
        ("tier-1", "50"), ("tier-2", "210"), ("tier-3", "50"),
    ]  # fmt: skip
    assert found.carry_out == [{"key": "tier/x", "at": "2026-01-01", "value": 360_000_000}]


def test_tiers_of_a_year_start_anew():
    """A reset on the 16th: the carry of the old window is spent, the new one starts at zero."""
    body = component("tiered", f'channel = "import"\nwindow = "year"\nresets = "01-16"\n{TIERS}')
    found = bill(body, carry=[("tier/x", date(2025, 1, 16), 300_000_000)])
    assert [(line["span"], line["bucket"], line["quantity"]) for line in found.lines] == [
        (0, "tier-2", "10"), (0, "tier-3", "140.00012"),
        (1, "tier-1", "100"), (1, "tier-2", "59.99988"),
    ]  # fmt: skip
    assert found.carry_out == [{"key": "tier/x", "at": "2026-01-16", "value": 159_999_880}]


def test_tiers_pooled_over_buckets():
    """300 kWh, a third of it at peak: each bucket takes part in each tier in proportion."""
    body = TOU + component(
        "tiered",
        'channel = "import"\ncalendar = "c"\npooling = "pro_rata"\n'
        "tiers = [{ upto = 120, prices = { peak = 0.2, off = 0.1 } }, "
        "{ prices = { peak = 0.4, off = 0.3 } }]",
    )
    day = np.r_[np.full(8, 0), np.full(10, 1_000_000), np.zeros(2), np.full(4, 5_000_000)]
    energy = np.concatenate([np.tile(day.astype(np.int64), 10), np.zeros(21 * 24, np.int64)])
    assert lines(body, kwh={"import": energy}) == [
        ("x", "peak/tier-1", "100", "0.2", "2/5", "8"),
        ("x", "off/tier-1", "200", "0.1", "2/5", "8"),
        ("x", "peak/tier-2", "100", "0.4", "3/5", "24"),
        ("x", "off/tier-2", "200", "0.3", "3/5", "36"),
    ]


PEAKY = np.r_[[2_000_000, 3_500_000], np.full(742, 1_000_000)].astype(np.int64)
DEMAND = "price = 10"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (DEMAND, [("x", "", "3.5", "10", "1", "35")]),
        (f"{DEMAND}\nwindow_min = 120", [("x", "", "2.75", "10", "1", "27.5")]),
        (f"{DEMAND}\nminimum_kw = 4", [("x", "", "4", "10", "1", "40")]),
        (f'{DEMAND}\nround_kw = {{ places = 0, mode = "half_even" }}',
         [("x", "", "4", "10", "1", "40")]),
        ("tiers = [{ upto = 2, price = 10 }, { price = 1 }]",
         [("x", "tier-1", "2", "10", "1", "20"), ("x", "tier-2", "1.5", "1", "1", "1.5")]),
        ('calendar = "c"\nprices = { peak = 7, off = 10 }',
         [("x", "peak", "1", "7", "1", "7"), ("x", "off", "3.5", "10", "1", "35")]),
    ],
)  # fmt: skip
def test_demand(rest, expected):
    """The largest hour is 3.5 kW, the largest two hours together 2.75 kW."""
    assert lines(TOU + component("demand", rest), kwh={"import": PEAKY}) == expected


def test_demand_of_quarter_hours():
    """An hour of quarters 2, 0.4, 0.4, 0.2 kWh: 8 kW by quarters, 3 kW by the hour."""
    readings = np.r_[[2_000_000, 400_000, 400_000, 200_000], np.zeros(4 * 743)].astype(np.int64)
    for rest, kw in (
        (DEMAND, "8"),
        (f"{DEMAND}\nwindow_min = 60", "3"),
        (f"{DEMAND}\nwindow_min = 30", "4.8"),
    ):
        found = lines(component("demand", rest), kwh={"import": readings}, step=900)
        assert found[0][2] == kw


def test_a_ratchet_remembers():
    """80 % of the 6 kW of last November is 4.8 kW; January of a year ago is out of sight, and kept
    to say that all since then is known."""
    body = component("demand", f"{DEMAND}\nratchet = {{ percent = 80, months = 11 }}")
    carry = [
        ("demand/x/all", date(2025, 11, 1), 6_000_000),
        ("demand/x/all", date(2025, 1, 1), 9_000_000),
    ]
    found = bill(body, kwh={"import": PEAKY}, carry=carry)
    assert [(line["quantity"], line["amount"]) for line in found.lines] == [("4.8", "48")]
    assert found.carry_out == [
        {"key": "demand/x/all", "at": "2025-01-01", "value": 9_000_000},
        {"key": "demand/x/all", "at": "2025-11-01", "value": 6_000_000},
        {"key": "demand/x/all", "at": "2026-01-01", "value": 3_500_000},
    ]


@pytest.mark.parametrize(
    ("contract", "reading", "expected"),
    [
        (3_400_000, "above_contract", [("x", "contract", "3.4", "10", "1", "34")]),
        (2_000_000, "above_contract",
         [("x", "contract", "2", "10", "1", "20"), ("x", "excess", "1.4", "20", "1", "28")]),
        (2_000_000, "above_threshold",
         [("x", "contract", "2.1", "10", "1", "21"), ("x", "excess", "1.4", "20", "1", "28")]),
    ],
)  # fmt: skip
def test_contract_demand(contract, reading, expected):
    """3.5 kW measured; 105 % of 3.4 is enough, 105 % of 2 is 2.1: 1.4 kW at twice the price."""
    rest = f'{DEMAND}\nbasis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
    rest += f'excess_reading = "{reading}"'
    found = lines(
        component("demand", rest), kwh={"import": PEAKY}, terms={"contract_ukw": contract}
    )
    assert found == expected


@pytest.mark.parametrize(
    ("per", "rest", "expected"),
    [
        ("month", "", ("1", "31", "16/31", "16")),
        ("month", 'proration = "none"', ("1", "31", "1", "31")),
        ("day", "", ("16", "31", "1", "496")),
        ("year", "", ("1", "31", "16/365", "1.36")),
        ("year", 'proration = "none"', ("1", "31", "1", "31")),
        ("kva_month", "", ("50", "31", "16/31", "800")),
        ("kw_month", "", ("20", "31", "16/31", "320")),
        ("month", "months = [1, 2]", ("1", "31", "16/31", "16")),
    ],
)
def test_fixed(per, rest, expected):
    """A price of 31 on 16 days of January, 50 kVA connected, 20 kW contracted."""
    period = Period(date(2026, 1, 1), date(2026, 1, 17))
    terms = {"contract_ukw": 20_000_000, "capacity_ukva": 50_000_000}
    body = component("fixed", f'per = "{per}"\nprice = 31\n{rest}')
    assert lines(body, period=period, terms=terms) == [("x", "", *expected)]


def test_a_component_at_rest_gives_no_line():
    """Nothing of a component whose months have no day in the span, not even a fixed line."""
    body = ENERGY + component("fixed", 'per = "month"\nprice = 9\nmonths = [7]')
    assert [line[0] for line in lines(body)] == ["energy"]


def test_a_fixed_price_of_zero_is_shown():
    """A fixed component always gives its line."""
    assert lines(component("fixed", 'per = "month"\nprice = 0')) == [("x", "", "1", "0", "1", "0")]


def test_lines_on_lines():
    """Tax on energy and surcharge; each counts the rounded lines; order is that of the document."""
    body = (
        component("percentage", 'of = ["energy", "levy"]\npercent = 21\nkind = "tax"', "tax")
        + component("percentage", 'of = ["energy"]\npercent = 0.25', "levy")
        + ENERGY
    )
    assert lines(body) == [
        ("tax", "", "31.08", "21", "1/100", "6.53"),
        ("levy", "", "31", "0.25", "1/100", "0.08"),
        ("energy", "", "310", "0.1", "1", "31"),
    ]


@pytest.mark.parametrize(
    ("shape", "amount", "expected"),
    [("minimum", 40, [("x", "", "1", "9", "1", "9")]), ("minimum", 31, []),
     ("maximum", 30, [("x", "", "1", "-1", "1", "-1")]), ("maximum", 31, [])],
)  # fmt: skip
def test_bounds(shape, amount, expected):
    """31 is lifted to 40, or lowered to 30."""
    body = ENERGY + component(shape, f'of = ["energy"]\namount = {amount}')
    assert lines(body)[1:] == expected


@pytest.mark.parametrize(
    ("active", "reactive", "factor", "amount"),
    [(310, 0, "1.00", "-0.31"), (300, 400, "0.60", "0.9"), (400, 300, "0.80", "0.4")],
)
def test_power_factor(active, reactive, factor, amount):
    """3-4-5: 300 kWh and 400 kvarh are a power factor of 0.60; a tenth of a percent per row."""
    rows = ", ".join(f'"{k / 100:.2f}" = {Decimal(90 - k) / 10}' for k in range(100, 49, -1))
    body = ENERGY + component("power_factor", f'of = ["energy"]\nrows = {{ {rows} }}')
    line = lines(body, kwh={"import": active, "reactive_import": reactive})[1]
    assert (line[1], line[4], line[5]) == (factor, "1/100", amount)


def test_the_total_is_rounded_and_says_so():
    """Lines of 4 decimals, a total of 2: a line shows the difference."""
    body = ENERGY.replace("0.1", "0.10001")
    head = header("UTC", places=4)
    found = bill("", docs=[head + body])
    assert [(x["component"], x["amount"]) for x in found.lines] == [
        ("energy", "31.0031"), ("rounding", "-0.0031"),
    ]  # fmt: skip
    assert found.total == "31"


def test_a_change_of_price_makes_two_spans():
    """Half of January under each version: each has its lines, the total is one."""
    first = header("UTC", valid_to="2026-01-17") + ENERGY
    second = header("UTC", valid_from="2026-01-17") + ENERGY.replace("0.1", "0.2")
    found = bill("", docs=[first, second], kwh={"import": 744})
    assert [(x["span"], x["quantity"], x["amount"]) for x in found.lines] == [
        (0, "384", "38.4"), (1, "360", "72"),
    ]  # fmt: skip
    assert found.total == "110.4"
