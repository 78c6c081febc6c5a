"""Terms, factors, fixed prices, and shapes on lines: worked out by hand from docs/tariff.md."""

from datetime import date

import pytest
from shape_world import bill, component, lines

from gridtally.market import Events, Market
from gridtally.periods import Period
from gridtally.periods import zone as zone_of

HALF = Period(date(2026, 1, 1), date(2026, 1, 17))
TWO = Period(date(2026, 1, 20), date(2026, 2, 20))
ENERGY = component("energy", 'channel = "import"\nprice = 0.1', "energy")


def terms(*declared):
    """Declarations of terms: (name, keys)."""
    return "".join(f"[terms.{name}]\n{keys}\n" for name, keys in declared)


def held(body, **options):
    """The codes for which a segment is held."""
    found = bill(body, **options)
    assert not found.lines
    assert not found.carry_out
    return [row["code"] for row in found.findings]


# ------------------------------------------------------------------- factors


@pytest.mark.parametrize(
    ("proration", "per", "period", "factor"),
    [
        ("days", "month", TWO, "925/868"),  # 12/31 + 19/28
        ("thirtieths", "month", TWO, "31/30"),  # 12/30 + 19/30
        ("thirtieths", "month", Period(date(2026, 2, 1), date(2026, 3, 1)), "1"),
        ("thirtieths", "month", Period(date(2026, 1, 1), date(2026, 1, 31)), "1"),  # 30 of 31
        ("thirtieths", "year", Period(date(2026, 2, 1), date(2026, 3, 1)), "1/12"),
        ("days_365", "month", HALF, "192/365"),  # 16 x 12 / 365
        ("days_366", "month", HALF, "32/61"),  # 16 x 12 / 366
        ("days_366", "year", HALF, "8/183"),
        ("days_year", "month", HALF, "192/365"),
        ("days_year", "year", HALF, "16/365"),
        ("hours", "month", HALF, "16/31"),
        ("hours", "year", HALF, "16/365"),
        ("none", "year", HALF, "1"),
    ],
)
def test_every_way_to_prorate(proration, per, period, factor):
    """What part of a month or a year the days are."""
    body = component("fixed", f'per = "{per}"\nprice = 100\nproration = "{proration}"')
    assert lines(body, period=period)[0][4] == factor


def test_hours_of_a_month_with_a_clock_change():
    """Lisbon's March has 743 hours; the 29th has 23 of them, whatever the days say."""
    body = component("fixed", 'per = "month"\nprice = 743\nproration = "hours"')
    head = {"zone": "Europe/Lisbon"}
    day = Period(date(2026, 3, 29), date(2026, 3, 30))
    assert lines(body, period=day, zone=head["zone"])[0][4:] == ("23/743", "23")


def test_a_year_that_turns_has_two_lengths():
    """31 December 2027 of 365 and 1 January 2028 of 366 days: 1/365 + 1/366 = 731/133590."""
    body = component("fixed", 'per = "year"\nprice = 1')
    head = {"valid_from": "2027-01-01", "valid_to": "2029-01-01"}
    turn = Period(date(2027, 12, 31), date(2028, 1, 2))
    assert lines(body, period=turn, head=head)[0][4] == "731/133590"
    days = component("fixed", 'per = "month"\nprice = 1\nproration = "days_year"')
    assert lines(days, period=turn, head=head)[0][4] == "1462/22265"  # 12 times that


def test_a_rounded_factor_is_what_is_computed_with():
    """16/31 = 0.51612… is 0.5161, and 10000 x 0.5161 = 5161."""
    rest = 'per = "month"\nprice = 10000\nround_factor = { places = 4, mode = "half_up" }'
    assert lines(component("fixed", rest), period=HALF) == [
        ("x", "", "1", "10000", "5161/10000", "5161")
    ]


def test_factors_count_only_days_of_the_months():
    """Of 20 January to 19 February, February alone: 19/28."""
    rest = 'per = "month"\nprice = 28\nmonths = [2]'
    assert lines(component("fixed", rest), period=TWO)[0][4:] == ("19/28", "19")


# --------------------------------------------------------------------- fixed


@pytest.mark.parametrize(
    ("per", "rest", "quantity", "factor", "amount"),
    [
        ("kva_day", "", "50", "16", "8000"),
        ("kva_year", "", "50", "16/365", "21.92"),
        ("kw_day", "", "20", "16", "3200"),
        ("kw_year", "", "20", "16/365", "8.77"),
        ("meter_month", "", "3", "16/31", "15.48"),
        ("meter_day", "", "3", "16", "480"),
        ("unit_month", 'count = 2.5\nunit = "lamp"', "2.5", "16/31", "12.9"),
        ("unit_day", 'count = { term = "lamps" }', "12", "16", "1920"),
        ("kva_day", 'proration = "none"', "50", "16", "8000"),
    ],
)
def test_fixed_prices_of_things(per, rest, quantity, factor, amount):
    """A price of 10 on 16 days of January for each of several things."""
    body = terms(("meters", ""), ("lamps", "")) + component(
        "fixed", f'per = "{per}"\nprice = 10\n{rest}'
    )
    more = {"terms": {"contract_ukw": 20_000_000, "capacity_ukva": 50_000_000}}
    found = bill(body, period=HALF, stated={"meters": "3", "lamps": "12"}, **more)
    line = found.lines[0]
    assert (line["quantity"], line["factor"], line["amount"]) == (quantity, factor, amount)
    units = {"kva": "kVA", "kw": "kW", "meter": "meter"}
    kind = per.split("_")[0]
    assert line["unit"] == units.get(kind, "lamp" if 'lamp"' in rest else "unit")


def called(*times, start=HALF.start, end=HALF.end, name="calls"):
    """Events in UTC; the list is complete for whole days."""
    bounds = zone_of("UTC").bounds(Period(start, end))
    return Market(events={name: Events(*bounds, tuple(times))})


@pytest.mark.parametrize(
    ("count", "months"), [(2, ""), (2, "months = [1, 2]"), (0, "months = [2]")]
)
def test_events_are_counted_where_they_start(count, months):
    """Two of January start in the span; one before it reaches into it."""
    start, _ = zone_of("UTC").bounds(HALF)
    times = ((start - 60, start + 60), (start + 3600, start + 7200), (start + 9000, start + 9001))
    body = "[events.calls]\n" + component(
        "fixed", f'per = "event"\nevent = "calls"\nprice = 7\n{months}'
    )
    market = called(*times)
    found = bill(body, period=HALF, market=market)
    expected = [("2", "event", "1", "14")] if count else []
    keys = ("quantity", "unit", "factor", "amount")
    assert [tuple(line[key] for key in keys) for line in found.lines] == expected


def test_events_that_are_not_known_hold():
    """No list, or one that ends a day early."""
    body = "[events.calls]\n" + component("fixed", 'per = "event"\nevent = "calls"\nprice = 7')
    assert held(body, period=HALF) == ["rating.event.missing"]
    early = called(end=date(2026, 1, 16))
    assert held(body, period=HALF, market=early) == ["rating.event.missing"]


# --------------------------------------------------------------------- terms


def test_prices_come_from_the_agreement():
    """31 at the price that the agreement states, to the eighth decimal."""
    body = terms(("deal", "")) + component(
        "energy", 'channel = "import"\nprice = { term = "deal" }'
    )
    assert lines(body, stated={"deal": "0.12345678"}) == [
        ("x", "", "310", "0.12345678", "1", "38.27")
    ]


@pytest.mark.parametrize(
    ("declared", "stated", "rest", "code"),
    [
        ("", {}, "", "rating.term.missing"),
        ("least = 0.1", {"deal": "0.09"}, "", "rating.term.range"),
        ("most = 0.2", {"deal": "0.21"}, "", "rating.term.range"),
        ("", {"deal": "-0.1"}, "", "rating.term.range"),
        ("least = 0.1\nmost = 0.1", {"deal": "0.1"}, "", None),
        ("", {"deal": "-0.1"}, "negative = true", None),
    ],
)
def test_terms_have_bounds(declared, stated, rest, code):
    """Both bounds are included; below zero only where the component says so."""
    energy = component("energy", f'channel = "import"\nprice = {{ term = "deal" }}\n{rest}')
    body = terms(("deal", declared)) + energy
    found = bill(body, stated=stated)
    assert [row["code"] for row in found.findings] == ([code] if code else [])
    assert bool(found.lines) == (code is None)


def test_a_component_at_rest_asks_for_no_term():
    """In January a price of July is not needed."""
    rest = 'per = "month"\nprice = { term = "deal" }\nmonths = [7]'
    body = terms(("deal", "")) + component("fixed", rest) + ENERGY
    assert [line[0] for line in lines(body)] == ["energy"]


# --------------------------------------------------------------- percentages


@pytest.mark.parametrize(
    ("method", "percent", "expected"),
    [
        ("on_top", "21", [("", "21", "1/100", "6.51")]),
        ("inside", "21", [("", "21", "1/79", "8.24")]),  # 31 x 21 / 79 = 8.2405
        ("included", "21", [("", "21", "1/121", "5.38"), ("net", "-21", "1/121", "-5.38")]),
        ("inside", "8.25", [("", "8.25", "4/367", "2.79")]),  # 31 x 8.25 / 91.75 = 2.787
        ("included", "8.25", [("", "8.25", "4/433", "2.36"), ("net", "-8.25", "4/433", "-2.36")]),
    ],
)
def test_taxes_on_top_inside_and_included(method, percent, expected):
    """Of 31: on top of it, part of its own base, or held in it already."""
    rest = f'of = ["energy"]\nmethod = "{method}"\npercent = '
    for text, stated in ((percent, None), ('{ term = "rate" }', {"rate": percent})):
        body = terms(("rate", "")) + ENERGY + component("percentage", rest + text)
        assert [line[1:2] + line[3:] for line in lines(body, stated=stated)[1:]] == expected


def test_a_percentage_from_a_term_has_bounds():
    """Above 100 holds; inside with 100 leaves nothing and holds."""
    body = terms(("rate", "")) + ENERGY
    tax = 'of = ["energy"]\npercent = { term = "rate" }\n'
    assert "rating.term.range" in held(body + component("percentage", tax), stated={"rate": "101"})
    inside = component("percentage", f'{tax}method = "inside"')
    assert "rating.term.range" in held(body + inside, stated={"rate": "100"})
    assert len(lines(body + inside, stated={"rate": "99.5"})) == 2


def test_a_credited_tax_is_negated_in_both_lines():
    """`credit` negates the tax and the net amount."""
    body = ENERGY + component(
        "percentage", 'of = ["energy"]\npercent = 21\nmethod = "included"\ncredit = true'
    )
    assert [line[5] for line in lines(body)[1:]] == ["-5.38", "5.38"]


def test_sets_stand_for_their_components():
    """Two of three components are taxable."""
    fixed = component("fixed", 'per = "month"\nprice = 9\nsets = ["taxed"]', "f")
    other = component("fixed", 'per = "month"\nprice = 100', "g")
    energy = ENERGY + 'sets = ["taxed"]\n'
    tax = component("percentage", 'of = ["@taxed"]\npercent = 10')
    assert lines(tax + fixed + other + energy)[0] == ("x", "", "40", "10", "1/100", "4")


def test_a_component_is_rounded_as_a_whole():
    """Three lines of 10.333 are 30.999; to 1 place, a line of 0.001 follows, and is taxed."""
    rows = "".join(
        f'[[calendars.c.rules]]\nbucket = "b{i}"\nhours = ["{8 * i:02}:00-{8 * i + 8:02}:00"]\n'
        for i in range(3)
    )
    prices = "prices = { b0 = 0.1, b1 = 0.1, b2 = 0.1 }"
    energy = component(
        "energy",
        f'channel = "import"\ncalendar = "c"\n{prices}\n'
        'rounding = { places = 3, mode = "down" }\n'
        'round_component = { places = 1, mode = "half_up" }',
        "energy",
    )
    tax = component("percentage", 'of = ["energy"]\npercent = 100')
    found = bill(rows + energy + tax, head={"places": 3})
    assert [line["amount"] for line in found.lines[:5]] == [
        "10.333", "10.333", "10.333", "0.001", "31",
    ]  # fmt: skip
    line = found.lines[3]
    assert (line["component"], line["bucket"], line["price"]) == ("energy", "rounding", "0.001")
    assert (line["quantity"], line["unit"], line["factor"]) == ("1", "EUR", "1")


# --------------------------------------------------------------------- table


STEPS = "rows = [{ upto = 10, percent = 1 }, { upto = 20, percent = 0 }, { percent = -3 }]"


@pytest.mark.parametrize(
    ("metric", "kwh", "rest", "row", "amount"),
    [
        ("kwh_per_day", 310, "", "row-1", "0.31"),  # exactly 10 a day: the lower row
        ("kwh_per_day", 310, 'edge = "upper"', "row-2", "0"),
        ("kwh_per_day", 311, "", "row-2", "0"),
        ("kwh_per_day", 621, "", "row-3", "-1.86"),
        ("kwh", 10, "", "row-1", "0.01"),
        ("kwh_per_kva", 310, "", "row-1", "0.31"),  # 310 / 31 kVA
        ("kwh_per_kva", 311, "", "row-2", "0"),
        ("kw", 310, 'demand = "d"', "row-1", "0.31"),
        ("kwh_per_kw", 310, 'demand = "d"', "row-1", "0.31"),  # 310 / 31 kW
        ("term", 310, 'term = "years"', "row-3", "-0.93"),
    ],
)
def test_a_table_by_a_metric(metric, kwh, rest, row, amount):
    """1 % up to 10, 0 % up to 20, -3 % beyond, of what the energy costs."""
    demand = component(
        "demand", "price = 0\nminimum_kw = " + ("10" if metric == "kw" else "31"), "d"
    )
    table_ = component("table", f'of = ["energy"]\nmetric = "{metric}"\n{STEPS}\n{rest}')
    body = terms(("years", "")) + table_ + ENERGY + (demand if "demand" in rest else "")
    more = {"terms": {"capacity_ukva": 31_000_000}, "stated": {"years": "20.00000001"}}
    line = lines(body, kwh={"import": kwh}, **more)[0]
    assert (line[1], line[4], line[5]) == (row, "1/100", amount)


def test_a_table_divides_by_the_factor_too():
    """160 kWh over 16 days: 16/31 of a month at 31 kVA is 16 kVA-months, so 10 each."""
    body = component("table", f'of = ["energy"]\nmetric = "kwh_per_kva"\n{STEPS}') + ENERGY
    more = {"period": HALF, "terms": {"capacity_ukva": 31_000_000}}
    assert lines(body, kwh={"import": 160}, **more)[0][1] == "row-1"
    assert lines(body, kwh={"import": 161}, **more)[0][1] == "row-2"


def test_a_metric_without_a_denominator_holds():
    """No demand, no kWh per kW."""
    body = component("table", f'of = ["energy"]\nmetric = "kwh_per_kw"\ndemand = "d"\n{STEPS}')
    rest = component("demand", "price = 1", "d") + ENERGY
    assert held(body + rest, kwh={"import": 0}) == ["rating.metric.zero"]


# ------------------------------------------------------ reactive, power factor


@pytest.mark.parametrize(
    ("channel", "kvarh", "quantity"),
    [
        ("reactive_import", {"reactive_import": 200}, "45"),  # 200 - 310 x 0.5
        ("reactive_export", {"reactive_export": 155}, None),
        ("both", {"reactive_import": 100, "reactive_export": 60}, "5"),
        ("both", {"reactive_export": 160}, "5"),
        ("larger", {"reactive_import": 100, "reactive_export": 160}, "5"),
    ],
)
def test_reactive_energy_beyond_what_is_free(channel, kvarh, quantity):
    """Half a kvarh per kWh is free: 155 of 310 kWh."""
    body = component("reactive", f'channel = "{channel}"\nfree_ratio = 0.5\nprice = 2')
    found = bill(ENERGY + body, kwh=kvarh)
    assert not found.findings
    mine = [line for line in found.lines if line["component"] == "x"]
    assert [(line["quantity"], line["unit"]) for line in mine] == (
        [(quantity, "kvarh")] if quantity else []
    )


def test_reactive_energy_that_is_not_there_holds():
    """A named channel, or of two at least one."""
    for channel in ("reactive_export", "larger"):
        body = component("reactive", f'channel = "{channel}"\nfree_ratio = 0.5\nprice = 2')
        assert held(body), channel


@pytest.mark.parametrize(
    ("active", "reactive", "bucket", "percent", "amount"),
    [
        (400, 300, "0.80", "5", "2"),  # 0.10 below 0.90 at 0.5 each
        (300, 400, "0.60", "12", "3.6"),  # 15, at most 12
        (310, 0, "1.00", "-1", "-0.31"),  # 0.05 above 0.95 at 0.5, at most 1
        (92, 39, "0.92", "0", "0"),
    ],
)
def test_a_power_factor_by_formula(active, reactive, bucket, percent, amount):
    """0.5 % for each 0.01 below 0.90, at most 12; 0.5 % off for each above 0.95, at most 1."""
    body = ENERGY + component(
        "power_factor",
        'of = ["energy"]\nbelow = { from = 0.90, percent = 0.5, limit = 12 }\n'
        "above = { from = 0.95, percent = 0.5, limit = 1 }",
    )
    line = lines(body, kwh={"import": active, "reactive_import": reactive})[1]
    assert (line[1], line[3], line[5]) == (bucket, percent, amount)


# ---------------------------------------------------- bounds, banks, transfers


@pytest.mark.parametrize(
    ("per", "amount", "expected"),
    [("year", 3650, "129"), ("day", 5, "49"), ("kva_month", 4, "72.23"), ("kw_month", 10, "72.23")],
)
def test_minimums_per_year_day_kva_and_kw(per, amount, expected):
    """31 for 16 days: at least 160; 80; 50 kVA x 4 x 16/31 = 103.23; 20 kW x 10 x 16/31."""
    body = ENERGY + component("minimum", f'of = ["energy"]\namount = {amount}\nper = "{per}"')
    more = {"terms": {"contract_ukw": 20_000_000, "capacity_ukva": 50_000_000}}
    assert lines(body, period=HALF, **more)[1][5] == expected


SETTLED = ENERGY + component("minimum", 'of = ["energy"]\namount = 40\nsettle = { on = "02-01" }')


def test_a_minimum_is_settled_on_its_day():
    """100 was to be 120 before; January adds 31 and 40: 131 of 160, so 29 are missing."""
    before = [
        ("bound/x", date(2026, 1, 1), 120 * 10**8),
        ("sum/x", date(2026, 1, 1), 100 * 10**8),
    ]
    found = bill(SETTLED, carry=before)
    assert [line["amount"] for line in found.lines] == ["31", "29"]
    assert found.carry_out == [
        {"key": "bound/x", "at": "2026-02-01", "value": 0},
        {"key": "sum/x", "at": "2026-02-01", "value": 0},
    ]


def test_a_minimum_waits_until_its_day():
    """16 days: 40 x 16/31 = 20.64516129 and 31 are carried on, and no line."""
    found = bill(SETTLED, period=HALF)
    assert [line["amount"] for line in found.lines] == ["31"]
    assert [(row["key"], row["value"]) for row in found.carry_out] == [
        ("bound/x", 2_064_516_129), ("sum/x", 31 * 10**8),
    ]  # fmt: skip


BANK = ENERGY + component("energy", 'channel = "export"\nprice = 0.1\ncredit = true', "fed")


@pytest.mark.parametrize(
    ("export", "before", "expected", "after"),
    [
        (410, 0, [("kept", "10")], 10),  # 31 - 41 = -10: the bill is 0, 10 are kept
        (210, 4, [("used", "-4")], 0),  # 10 left to pay, 4 of them from the bank
        (210, 14, [("used", "-10")], 4),
        (310, 5, [], 5),
        (410, 5, [("kept", "10")], 15),
    ],
)
def test_money_is_kept_and_used(export, before, expected, after):
    """What is left over never comes out as a bill below zero."""
    body = BANK + component("bank", 'of = ["energy", "fed"]')
    carry = [("money/x", date(2026, 1, 1), before * 10**8)] if before else []
    found = bill(body, kwh={"export": export}, carry=carry)
    mine = [(x["bucket"], x["amount"]) for x in found.lines if x["component"] == "x"]
    assert mine == expected
    assert found.carry_out == [{"key": "money/x", "at": "2026-02-01", "value": after * 10**8}]


@pytest.mark.parametrize(("percent", "paid"), [("100", "-15"), ("33.3", "-5"), ("0", "0")])
def test_a_bank_is_paid_on_its_day(percent, paid):
    """Of 5 and 10 more; 33.3 % of 15 is 4.995; nothing of it is a line of 0. The bank is empty."""
    true_up = f'true_up = {{ on = "02-01", percent = {percent} }}'
    body = BANK + component("bank", f'of = ["energy", "fed"]\n{true_up}')
    carry = [("money/x", date(2026, 1, 1), 5 * 10**8)]
    found = bill(body, kwh={"export": 410}, carry=carry)
    mine = [(x["bucket"], x["amount"]) for x in found.lines if x["component"] == "x"]
    assert mine == [("kept", "10"), ("true-up", paid)]
    assert found.carry_out[0]["value"] == 0
    half = bill(body, kwh={"export": 410}, carry=carry, period=HALF)
    assert [x["bucket"] for x in half.lines if x["component"] == "x"] == ["kept"]


def test_credits_for_later_bills():
    """Feed-in of 41 is for later bills: 31 is paid, less the bank of 4; 41 are kept."""
    body = BANK + component("bank", 'of = ["energy"]\nlater = ["fed"]')
    carry = [("money/x", date(2026, 1, 1), 4 * 10**8)]
    found = bill(body, kwh={"export": 410}, carry=carry)
    mine = [(x["bucket"], x["amount"]) for x in found.lines if x["component"] == "x"]
    assert mine == [("kept", "41"), ("used", "-4")]
    assert found.carry_out[0]["value"] == 41 * 10**8


def test_a_transfer_loses_no_cent():
    """A third, a third and a third of 10.00: 3.33, 3.34, 3.33."""
    parts = "parts = { a = 33.33333333, b = 33.33333333, c = 33.33333334 }"
    body = ENERGY + component("transfer", f'of = ["energy"]\n{parts}')
    found = lines(body, kwh={"import": 100})[1:]
    assert [(x[1], x[2], x[3], x[4], x[5]) for x in found] == [
        ("a", "10", "-33.33333333", "1/100", "-3.33"),
        ("b", "10", "-33.33333333", "1/100", "-3.34"),
        ("c", "10", "-33.33333334", "1/100", "-3.33"),
    ]


def test_parts_of_more_than_everything_hold():
    """60 of the document and 41 of the agreement."""
    rest = 'of = ["energy"]\nparts = { a = 60, b = { term = "share" } }'
    body = terms(("share", "")) + ENERGY + component("transfer", rest)
    assert held(body, stated={"share": "41"}) == ["rating.term.range"]
    assert [line[5] for line in lines(body, stated={"share": "40"})[1:]] == ["-18.6", "-12.4"]
