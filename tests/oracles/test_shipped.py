"""Shipped tariffs against what others published: price lists, bills, worked examples.

Each number here was typed from the source that is named with it, not from the document.
"""

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from shipped_cases import amounts, case_of, month, priced, rated, text_of, total_of

from gridtally.rating.lint import lint
from gridtally.rating.shipped import IN_PART, UNVERIFIED, find, mark, shipped
from gridtally.terms import Severity

DOCS = Path(__file__).parents[2] / "docs"
JANUARY = month(2026, 1)
ALL = [pytest.param(one, id=one.name) for one in shipped()]
WHOLE = {"es-pvpc-2.0a-2019-07-01", "es-pvpc-2.0dha-2019-07-01", "cn-zhejiang-home-2024-01-01"}
"""A published bill or example with this document's own prices covers all of its energy charges."""


# --------------------------------------------------------------------- the set


@pytest.mark.parametrize("one", ALL)
def test_each_is_sourced_and_says_whether_it_was_checked(one):
    """A file's name is its id and day; nothing refuses it; either it names an example that a test
    here compares with, and says when that is a part of it only, or it says of itself, and so on
    every bill, that it is unverified."""
    version = one.version
    assert one.name == f"{version.id}-{version.valid_from}"
    assert version.id.startswith(f"{one.country}-")
    assert [p for p in lint(one.data) if p.severity == Severity.HOLD] == []
    assert version.source
    assert all(charge.ledger for charge in version.components)
    assert (version.verified_by is None) == (UNVERIFIED in version.assumptions)
    parts = [words for words in version.assumptions if words.startswith(IN_PART)]
    assert len(parts) == (version.verified_by is not None and one.name not in WHOLE)


def test_no_day_has_two_versions():
    """Versions of one id follow each other."""
    ends = {}
    for one in shipped():
        last = ends.get(one.version.id)
        assert last is None or last <= one.version.valid_from
        ends[one.version.id] = one.version.valid_to


def test_the_page_lists_what_is_shipped():
    """docs/shipped-tariffs.md has a row for each version, with what it was checked against."""
    rows = re.findall(r"^\| `([a-z]{2}-[^`]*)` \| (.*) \|$", page(), re.M)
    assert [name for name, _ in rows] == [one.name for one in shipped()]
    for (_, rest), one in zip(rows, shipped(), strict=True):
        version = one.version
        until = str(version.valid_to) if version.valid_to else "open"
        said = mark(version.assumptions)
        checked = ". ".join(filter(None, (said and f"*{said}*", version.verified_by)))
        assert rest == f"{until} | {version.title['en']} | {checked}"


def page():
    return (DOCS / "shipped-tariffs.md").read_text()


def test_the_discount_of_the_page_fits_the_document():
    """The lines of docs/shipped-tariffs.md for the social discount, put where it says: a quarter
    of everything before taxes, by hand."""
    (lines,) = re.findall(r"```toml\n(\[\[components\]\]\nid = \"social.*?)```", page(), re.S)
    text = text_of("es-pvpc-2.0a-2019-07-01")
    before = text.index('[[components]]\nid = "electricity-tax"')
    text = text[:before] + lines + text[before:]
    case = case_of(
        text, date(2020, 3, 1), date(2020, 3, 31), {"import": {12: 100}}, contract=4,
        series={"tcu": "50"},
    )  # fmt: skip
    # 4 kW x 30 days at 0.103944 and 0.008505; 100 kWh at 0.044027 and 0.05: 12.47 + 1.02 + 4.40 + 5
    assert total_of(rated(*case), "social-discount") == Decimal("-5.72")


@pytest.mark.parametrize("one", ALL)
def test_both_raters_rate_each(one):
    """A month with energy in every hour, reactive energy and terms: no finding, one answer."""
    version = one.version
    first = version.valid_from
    if first.year < 2000:
        first = date(2026, 1, 1)
    period = month(first.year, first.month)
    used = {
        "import": {hour: Decimal(5 + hour % 7) for hour in range(27 * 24)},
        "reactive_import": {hour: Decimal(2) for hour in range(27 * 24)},
    }
    small = {"lighting_share": "0.03", "extension_months": "2", "other_use_kwh": "120"}
    terms = {name: small.get(name, "0.75") for name in version.terms}
    series = dict.fromkeys(version.series, "61.37")
    case = case_of(
        text_of(one.name), *period, used, step=900 if one.country == "cn" else 3600, contract=10,
        capacity=200, terms=terms, series=series,
    )  # fmt: skip
    answer = rated(*case)
    assert Decimal(answer["total"]) > 0


# ----------------------------------------------------------------- China: Hubei

TABLE = {
    "cn-hubei-one-part-10kv": ("1.113999", "0.910961", "0.715686", "0.496924"),
    "cn-hubei-one-part-10kv-low-metered": ("1.113999", "0.910961", "0.715686", "0.496924"),
    "cn-hubei-two-part-10kv-low-metered": ("1.049999", "0.848961", "0.651886", "0.432924"),
    "cn-hubei-two-part-110kv-capacity": ("1.012099", "0.809061", "0.613986", "0.395024"),
    "cn-hubei-two-part-110kv-demand": ("1.012099", "0.809061", "0.613986", "0.395024"),
    "cn-hubei-two-part-110kv-contract": ("1.012099", "0.809061", "0.613986", "0.395024"),
    "cn-hubei-two-part-110kv-contract-105": ("1.012099", "0.809061", "0.613986", "0.395024"),
}
"""Prices per kWh at sharp, peak, flat and valley hours, January 2026, as printed."""
NOT_ENERGY = {"basic", "high-use", "power-factor", "lighting", "other-use"}
NOTHING_MORE = {
    "no_load_kw": "0", "load_kw": "0", "no_load_current": "0", "short_circuit_voltage": "0",
    "line_loss": "0", "lighting_share": "0", "transformer_loss_kwh": "0", "other_use_kwh": "0",
}  # fmt: skip


HOURS = {0: 3, 5: 3, 6: 2, 11: 2, 12: 3, 13: 3, 14: 2, 15: 2, 16: 1, 18: 0, 19: 0, 20: 1, 23: 1}
"""Hour of January -> its place in the table."""


@pytest.mark.parametrize("name", TABLE)
def test_a_kwh_costs_what_the_table_of_hubei_prints(name):
    """Another number of million kWh in each hour: the components add up to the printed prices."""
    terms = {key: NOTHING_MORE[key] for key in find(name).version.terms}
    million = {hour: (hour + 1) * 1_000_000 for hour in HOURS}
    used = {"import": million, "reactive_import": {9: sum(million.values()) // 3}}
    case = case_of(
        text_of(name), *JANUARY, used, step=900, contract=900_000, capacity=100_000, terms=terms
    )
    answer = rated(*case)
    energy = {line["component"] for line in answer["lines"]} - NOT_ENERGY
    want = sum(Decimal(TABLE[name][place]) * million[hour] for hour, place in HOURS.items())
    assert total_of(answer, *energy) == want


def test_funds_are_outside_the_adjustment():
    """Power factor 1: -0.75 % of 24.4 CNY/kVA x 100 kVA (2,440.00) and of 0.568786 CNY/kWh for
    10,000 kWh (5,687.86), all but the funds of 0.0452: -60.96, by hand."""
    used = {"import": {9: 10_000}, "reactive_import": {9: 0}}
    answer = rated(
        *case_of(text_of("cn-hubei-two-part-110kv-capacity"), *JANUARY, used, capacity=100)
    )
    assert amounts(answer)["power-factor", "1.00"] == Decimal("-60.96")


BILLED = [
    (20664, "805896.00"), (20218, "788502.00"), (20119, "784641.00"), (20851, "813189.00"),
    (28391, "1107249.00"), (29343, "1144377.00"), (31444, "1226316.00"), (32687, "1274793.00"),
    (30844, "1202916.00"), (28413, "1108107.00"), (20174, "786786.00"), (18794, "732966.00"),
]  # fmt: skip
"""Demand [kW] and basic charge [CNY] of twelve bills of 2025 (win8-cmd/cenep, tests/data)."""


@pytest.mark.parametrize(("kilowatt", "charge"), BILLED)
def test_the_basic_charge_of_real_bills(kilowatt, charge):
    """The demand of the month at the price of 110 kV is what the utility billed, to the cent."""
    quarter = {
        "import": {"10.25": Decimal(kilowatt) / 4, "11.5": Decimal(kilowatt) / 5},
        "reactive_import": {"10.25": 100},
    }
    text = text_of("cn-hubei-two-part-110kv-demand")
    case = case_of(text, *JANUARY, quarter, step=900, capacity=63_000)
    assert amounts(rated(*case))["basic", ""] == Decimal(charge)


@pytest.mark.parametrize(("kwh", "percent"), [(259_999, 0), (260_000, 10)])
def test_high_use_makes_demand_cheaper(kwh, percent):
    """From 260 kWh per kVA on the price of demand is 90 %: 1,000 kVA, 4 x 65,000 kW at 39."""
    used = {"import": dict.fromkeys(range(3), 65_000), "reactive_import": {9: 100}}
    used["import"][3] = kwh - 195_000
    case = case_of(
        text_of("cn-hubei-two-part-110kv-demand"), *JANUARY, used, step=900, capacity=1000
    )
    answer = rated(*case)
    assert total_of(answer, "basic") == 260_000 * 39
    assert total_of(answer, "high-use") == -260_000 * 39 * percent // 100


@pytest.mark.parametrize(
    ("name", "charge"),
    [
        ("cn-hubei-two-part-110kv-contract", 49_400),
        ("cn-hubei-two-part-110kv-contract-105", 51_300),
    ],
)
def test_the_two_readings_of_the_105_percent(name, charge):
    """1,000 kW contracted, 1,200 kW used, 38 a kW, by hand: 38,000 or 39,900, and 11,400."""
    used = {"import": {9: 300, 10: 280}, "reactive_import": {9: 100}}
    text = priced(text_of(name), "basic", price=38)
    case = case_of(text, *JANUARY, used, step=900, contract=1000, capacity=1600)
    answer = rated(*case)
    assert total_of(answer, "basic") == charge
    assert amounts(answer)["basic", "excess"] == 11_400


# ------------------------------------------------- China: Shandong and Zhejiang


@pytest.mark.parametrize(
    ("first", "hours", "prices"),
    [
        (1, (17, 8, 0, 3, 12), "1.18726875 1.02566875 0.64876875 0.27196875 0.16426875"),
        (2, (17, 8, 0, 3, 12), "1.14786875 0.99356875 0.63296875 0.27256875 0.16956875"),
        (3, (17, 21, 3, 10, 12), "1.06476875 0.92056875 0.58406875 0.24766875 0.15146875"),
    ],
)
def test_five_periods_as_the_tables_of_shandong_print_them(first, hours, prices):
    """Sharp, peak, flat, valley and deep valley of three months of 2026, at their hours."""
    prices = dict(zip(hours, prices.split(), strict=True))
    text = text_of(f"cn-shandong-two-part-110kv-2026-0{first}-01")
    used = {hour: (hour + 1) * 1_000_000 for hour in prices}
    case = case_of(
        text, *month(2026, first), {"import": used}, step=900, terms={"demand_price": "0"}
    )
    want = sum(Decimal(prices[hour]) * kwh for hour, kwh in used.items())
    assert total_of(rated(*case), "energy", "funds") == want


@pytest.mark.parametrize(
    ("before", "peak", "valley"),
    [(0, "0.568", "0.288"), (2760, "0.618", "0.338"), (4800, "0.868", "0.588")],
)
def test_steps_and_hours_as_the_table_of_zhejiang_prints_them(before, peak, valley):
    """The price of a kWh in each step, by day and by night."""
    widths = (2760, 2040)
    used = (min(before, 2760), max(before - 2760, 0), 0)
    assert all(took <= width for took, width in zip(used, widths, strict=False))
    carry = [
        {"key": f"tier/energy/{k}", "at": "2026-01-01", "value": took * 1_000_000}
        for k, took in enumerate(used, 1)
    ]
    prices = {7: valley, 8: peak, 21: peak, 22: valley}
    spent = {hour: hour * 10 for hour in prices}
    case = case_of(
        text_of("cn-zhejiang-home-tou"), *month(2026, 5), {"import": spent},
        terms={"extension_months": "0"}, carry=carry,
    )  # fmt: skip
    want = sum(Decimal(prices[hour]) * kwh for hour, kwh in spent.items())
    assert Decimal(rated(*case)["total"]) == want


# --------------------------------------------------------------------- Denmark

DANISH = {"markup": "0", "subscription": "0"}


def danish(name, first, used, terms=DANISH, text=None):
    text = text or text_of(name)
    return rated(*case_of(text, *first, {"import": used}, terms=terms, series={"spot": "0"}))


@pytest.mark.parametrize(
    ("period", "hour", "printed"),
    [(month(2021, 1), 16, "142.04"), (month(2021, 1), 20, "142.04"), (month(2021, 7), 18, "142.04"),
     (month(2021, 1), 17, "191.34"), (month(2021, 12), 19, "191.34")],
)  # fmt: skip
def test_the_price_list_of_radius_with_vat(period, hour, printed):
    """Grid and electricity tax of a kWh with VAT [øre] as listed for 2021, low hours and peak.

    The list prints 191.33 for 191.3375."""
    answer = danish("dk-radius-c-2021-01-01", period, {hour: 10_000})
    net = total_of(answer, "grid", "electricity-tax")
    with_vat = (net * Decimal("1.25") / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert with_vat == Decimal(printed)
    every = {line["component"] for line in answer["lines"]} - {"vat"}
    assert total_of(answer, "vat") == total_of(answer, *every) / 4
    assert total_of(answer, "grid-subscription") * Decimal("1.25") == Decimal("26.25")


@pytest.mark.parametrize(
    ("full", "reduced", "saved"),
    [("0.884", "0.259", "6875"), ("0.892", "0.210", "7502")],
)
def test_a_house_with_electric_heating_saves_what_was_published(full, reduced, saved):
    """15,000 kWh in a year under the rates of 2019 and of 2020 (gastech.dk), over two bills."""
    text = text_of("dk-radius-c-heating").replace(
        "{ upto = 4000, price = 0.90 }", f"{{ upto = 4000, price = {full} }}"
    )
    text = text.replace("{ price = 0.008 }", f"{{ price = {reduced} }}")
    assert f"price = {full}" in text
    assert f"price = {reduced}" in text
    one = danish("", month(2021, 1), {1: 3000}, text=text)
    case = case_of(
        text, *month(2021, 2), {"import": {1: 12_000}}, terms=DANISH, series={"spot": "0"},
        carry=one["carry_out"],
    )  # fmt: skip
    paid = total_of(one, "electricity-tax") + total_of(rated(*case), "electricity-tax")
    assert Decimal(full) * 15_000 - paid == Decimal(saved)


def test_the_reduced_tax_with_vat_is_one_oere():
    """1,000 kWh above the threshold in 2021: 8 kr. of tax, 10 kr. with VAT (andelenergi.dk)."""
    carry = [{"key": "tier/electricity-tax", "at": "2021-01-01", "value": 4_000_000_000}]
    case = case_of(
        text_of("dk-radius-c-heating"), *month(2021, 2), {"import": {1: 1000}}, terms=DANISH,
        series={"spot": "0"}, carry=carry,
    )  # fmt: skip
    assert total_of(rated(*case), "electricity-tax") * Decimal("1.25") == 10


@pytest.mark.parametrize(
    ("period", "low", "high", "peak"),
    [
        (month(2026, 9), "0.1062", "0.1593", "0.4141"),
        (month(2026, 10), "0.106175", "0.318524", "0.955573"),
    ],
)
def test_the_hours_of_radius_in_2026(period, low, high, peak):
    """The published price lists of both seasons, hour by hour, and what Energinet adds."""
    prices = {0: low, 5: low, 6: high, 16: high, 17: peak, 20: peak, 21: high, 23: high}
    used = {hour: (hour + 1) * 1_000_000 for hour in prices}
    answer = danish("dk-radius-c", period, used)
    want = sum(Decimal(prices[hour]) * kwh for hour, kwh in used.items())
    assert total_of(answer, "grid") == want
    assert total_of(answer, "transmission", "system") == Decimal("0.115") * sum(used.values())
    assert total_of(answer, "grid-subscription", "system-subscription") == Decimal("56.42")
