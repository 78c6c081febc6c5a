"""The second opinion: terms and values, factors, what is counted, rounded components."""

import pytest
from reference_cases import (
    FLAT,
    KWH,
    case,
    dial,
    document,
    fixed,
    held,
    lines,
    rate,
    register_case,
    tiered,
)

JUNE = ("2026-06-01", "2026-07-01")
TERM = '[terms.rate]\ntitle = "Agreed rate"\nleast = 0.1\nmost = 2\n'
BY_TERM = FLAT.replace("price = 0.1", 'price = { term = "rate" }')


def of_june(toml, **more):
    return case(toml, *JUNE, **({"import": KWH} | more))


# -------------------------------------------------------------------- terms


def test_a_price_that_the_agreement_states():
    """720 kWh x 0.25 = 180; both bounds are allowed: 0.1 gives 72, 2 gives 1440."""
    toml = document(BY_TERM, extra=TERM)
    for stated, amount in (("0.25", "180"), ("0.1", "72"), ("2", "1440")):
        assert lines(of_june(toml, terms={"rate": stated}), toml) == [
            ("energy", "", "720", stated, "1", amount)
        ]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (None, "rating.term.missing"),
        ({}, "rating.term.missing"),
        ({"other": "1"}, "rating.term.missing"),
        ({"rate": "0.09999999"}, "rating.term.range"),
        ({"rate": "2.00000001"}, "rating.term.range"),
        ({"rate": "1.123456789"}, "rating.case.malformed"),
        ({"rate": 1.5}, "rating.case.malformed"),
    ],
)
def test_a_term_that_is_not_there(terms, code):
    """Not stated, outside its declaration, no exact decimal: held, never a zero."""
    toml = document(BY_TERM, extra=TERM)
    assert held(of_june(toml, terms=terms), toml) == code


def test_a_term_below_zero():
    """-0.5 is held; with `negative` 720 x -0.5 = -360."""
    toml = document(BY_TERM, extra="[terms.rate]\n")
    assert held(of_june(toml, terms={"rate": "-0.5"}), toml) == "rating.term.range"
    toml = document(BY_TERM + "negative = true\n", extra="[terms.rate]\n")
    assert lines(of_june(toml, terms={"rate": "-0.5"}), toml)[0][-1] == "-360"


@pytest.mark.parametrize("shape", ["minimum", "maximum"])
def test_an_amount_of_a_bound_is_never_below_zero(shape):
    """Beside `negative`, too: a term is held, a number refused; a bound of 1 makes 0 or 2 to 1."""

    def bound(amount):
        of = fixed("month", 0 if shape == "minimum" else 2)
        keys = f'shape = "{shape}"\nof = ["fix"]\namount = {amount}\nnegative = true\n'
        return document(f'{of}[[components]]\nid = "bound"\n{keys}', extra="[terms.x]\n")

    toml = bound('{ term = "x" }')
    assert held(of_june(toml, terms={"x": "-1"}), toml) == "rating.term.range"
    amount = "1" if shape == "minimum" else "-1"
    assert lines(of_june(toml, terms={"x": "1"}), toml)[1:] == [
        ("bound", "", "1", amount, "1", amount)
    ]
    toml = bound("-1")
    assert held(of_june(toml), toml) == "rating.tariff.invalid"


def test_a_term_at_rest_is_not_asked_for():
    """A component of July asks for nothing in June."""
    toml = document(BY_TERM + "months = [7]\n" + fixed("month", 1), extra=TERM)
    assert [line[0] for line in lines(of_june(toml), toml)] == ["fix"]


@pytest.mark.parametrize(
    "component",
    [
        BY_TERM.replace('"rate"', '"rates"'),
        BY_TERM.replace('{ term = "rate" }', '{ term = "rate", or = 1 }'),
        fixed("meter_month", 1),
        fixed("unit_month", 1),
        fixed("month", 1, "count = 2"),
        fixed("kva_month", 1, 'unit = "lamp"'),
        fixed("event", 1),
        fixed("event", 1, 'event = "peak"'),
        fixed("week", 1),
    ],
)
def test_documents_that_are_refused(component):
    """A term that is not declared, a count without its unit, an event that nobody declares."""
    toml = document(component, extra=TERM)
    assert held(of_june(toml, terms={"rate": "1"}), toml) == "rating.tariff.invalid"


def test_terms_that_need_no_declaration():
    """Contract and capacity are not declared."""
    toml = document(FLAT, extra="[terms.contract_kw]\n")
    assert held(of_june(toml), toml) == "rating.tariff.invalid"


def test_numbers_that_no_term_gives():
    """A tier's price, a row, a true-up: numbers alone."""
    by_term = '{ term = "rate" }'
    for component in (
        tiered("", f"[{{upto = 1, price = {by_term}}}, {{price = 1}}]"),
        FLAT + f'netting = "month"\ntrue_up = {{ on = "01-01", price = {by_term} }}\n',
        FLAT + f'[[components]]\nid="b"\nshape="bank"\nof=["energy"]\n'
        f'true_up = {{ on = "01-01", percent = {by_term} }}\n',
    ):
        toml = document(component, extra=TERM)
        given = of_june(toml, export=0, terms={"rate": "1"})
        assert held(given, toml) == "rating.tariff.invalid"


def test_terms_with_least_above_most():
    """No term could fit: refused."""
    toml = document(BY_TERM, extra=TERM.replace("most = 2", "most = 0.05"))
    assert held(of_june(toml, terms={"rate": "1"}), toml) == "rating.tariff.invalid"


def test_the_contract_is_a_term():
    """Twice 0.5 a month for each of 3.5 kW: the amount of the minimum is the contract itself."""
    toml = document(
        FLAT + '[[components]]\nid="m"\nshape="minimum"\nof=["energy"]\n'
        'amount={term="contract_kw"}\n'
    )
    given = of_june(toml, **{"import": 0}, contract=3_500_000)
    assert lines(given, toml) == [("m", "", "1", "3.5", "1", "3.5")]
    assert held(of_june(toml), toml) == "rating.term.missing"


# ------------------------------------------------------------------ factors


@pytest.mark.parametrize(
    ("proration", "days", "month", "year"),
    [
        # 12 of 31 days of January and 10 of 28 of February: 12/31 + 10/28 = 323/434
        ("days", ("2026-01-20", "2026-02-11"), "323/434", "22/365"),
        ("none", ("2026-01-20", "2026-02-11"), "1", "1"),
        # 12/30 + 10/30 = 11/15; over 12: 11/180
        ("thirtieths", ("2026-01-20", "2026-02-11"), "11/15", "11/180"),
        # all of February counts 1 though it has 28 days, 30 of 31 days count 30/30
        ("thirtieths", ("2026-01-02", "2026-03-01"), "2", "1/6"),
        ("thirtieths", ("2026-01-02", "2026-02-28"), "19/10", "19/120"),
        # 22 x 12 / 365 = 264/365
        ("days_365", ("2026-01-20", "2026-02-11"), "264/365", "22/365"),
        ("days_366", ("2026-01-20", "2026-02-11"), "44/61", "11/183"),
        # a turn of the year into a leap year: 5 x 12/365 + 5 x 12/366 = 12/73 + 10/61
        ("days_year", ("2027-12-27", "2028-01-06"), "1462/4453", "731/26718"),
        ("days", ("2027-12-27", "2028-01-06"), "10/31", "731/26718"),
    ],
)
def test_prorations(proration, days, month, year):
    """The factor per month and per year of each proration."""
    for per, factor in (("month", month), ("year", year)):
        toml = document(fixed(per, 1, f'proration = "{proration}"'))
        assert [line[4] for line in lines(case(toml, *days, **{"import": 0}), toml)] == [factor]


def test_proration_by_hours():
    """29 March 2026 in Lisbon has 23 hours, March 743: 23/743; the year has 8760."""
    for per, factor in (("month", "23/743"), ("year", "23/8760")):
        toml = document(fixed(per, 1, 'proration = "hours"'), zone="Europe/Lisbon")
        given = case(toml, "2026-03-29", "2026-03-30", zone="Europe/Lisbon", **{"import": 0})
        assert lines(given, toml)[0][4] == factor


def test_prorations_see_their_months_only():
    """12 days of January count nothing: 10/28; 10/30 = 1/3 by thirtieths."""
    for proration, factor in (("days", "5/14"), ("thirtieths", "1/3")):
        toml = document(fixed("month", 1, f'months=[2]\nproration = "{proration}"'))
        given = case(toml, "2026-01-20", "2026-02-11", **{"import": 0})
        assert lines(given, toml)[0][4] == factor


def test_a_rounded_factor():
    """17/31 = 0.548387… is 0.55 to two places: written 11/20, 100 x 0.55 = 55."""
    toml = document(fixed("month", 100, 'round_factor = {places = 2, mode = "half_up"}'))
    given = case(toml, "2026-01-01", "2026-01-18", **{"import": 0})
    assert lines(given, toml) == [("fix", "", "1", "100", "11/20", "55")]


def test_a_factor_that_rounds_to_nothing():
    """One of 31 days to no places is 0: the line of the demand stays, with an amount of 0."""
    component = '[[components]]\nid="d"\nshape="demand"\nprice=9\n'
    toml = document(component + 'round_factor = {places = 0, mode = "half_up"}\n')
    given = case(toml, "2026-01-01", "2026-01-02", **{"import": KWH})
    assert lines(given, toml) == [("d", "", "1", "9", "0", "0")]


# -------------------------------------------------------------------- fixed


@pytest.mark.parametrize(
    ("per", "more", "expected"),
    [
        # 20 of 30 days of June; 20 of 365; price 3
        ("kva_month", "", ("50", "kVA", "2/3", "100")),
        ("kva_day", "", ("50", "kVA", "20", "3000")),
        ("kva_year", "", ("50", "kVA", "4/73", "8.22")),  # 150 x 20/365 = 8.219…
        ("kw_day", "", ("12", "kW", "20", "720")),
        ("kw_year", "", ("12", "kW", "4/73", "1.97")),  # 36 x 20/365 = 1.972…
        ("meter_month", "", ("2", "meter", "2/3", "4")),
        ("meter_day", "", ("2", "meter", "20", "120")),
        ("meter_year", "", ("2", "meter", "4/73", "0.33")),  # 6 x 20/365 = 0.328…
        ("unit_month", 'count = 7\nunit = "lamp"', ("7", "lamp", "2/3", "14")),
        ("unit_day", "count = 0.5", ("0.5", "unit", "20", "30")),
        ("unit_year", 'count = { term = "meters" }', ("2", "unit", "4/73", "0.33")),
        # a factor of days is the days, whatever the proration
        ("kva_day", 'proration = "none"', ("50", "kVA", "20", "3000")),
        ("kva_month", 'proration = "none"', ("50", "kVA", "1", "150")),
    ],
)
def test_what_is_counted(per, more, expected):
    """Capacity, contract, meters, units: by month, by day, by year."""
    toml = document(fixed(per, 3, more), extra="[terms.meters]\n")
    given = case(
        toml, "2026-06-01", "2026-06-21", capacity=50_000_000, contract=12_000_000,
        terms={"meters": "2"}, **{"import": 0},
    )  # fmt: skip
    (line,) = rate(given, toml)["lines"]
    assert tuple(line[key] for key in ("quantity", "unit", "factor", "amount")) == expected


def test_a_count_below_zero():
    """Minus two meters: held."""
    toml = document(fixed("meter_month", 3), extra="[terms.meters]\n")
    assert held(of_june(toml, terms={"meters": "-2"}), toml) == "rating.term.range"


def test_nothing_counted_still_has_its_line():
    """A fixed component always gives its line: 0 meters, 0."""
    toml = document(fixed("meter_month", 3), extra="[terms.meters]\n")
    assert lines(of_june(toml, terms={"meters": "0"}), toml) == [("fix", "", "0", "3", "1", "0")]


def test_events_are_counted():
    """Three events, one began before the segment, one starts in July which `months` leaves out."""
    times = [
        ["2026-06-29T23:00:00Z", "2026-06-30T01:00:00Z"],
        ["2026-06-30T10:00:00Z", "2026-06-30T11:00:00Z"],
        ["2026-07-01T00:00:00Z", "2026-07-01T00:15:00Z"],
    ]
    for more, expected in (("", ("2", "10")), ("months = [6]", ("1", "5")), ("months=[8]", None)):
        toml = document(fixed("event", 5, f'event = "cut"\n{more}'), extra="[events.cut]\n")
        given = case(toml, "2026-06-30", "2026-07-02", events={"cut": times}, **{"import": 0})
        found = [(line[2], line[5]) for line in lines(given, toml)]
        assert found == ([expected] if expected else [])


def test_no_event_no_line():
    """A known list without an event gives no line; no list at all holds."""
    toml = document(fixed("event", 5, 'event = "cut"'), extra="[events.cut]\n")
    assert lines(of_june(toml, events={"cut": []}), toml) == []
    assert held(of_june(toml), toml) == "rating.event.missing"
    given = of_june(toml, events={"cut": []})
    given["events"]["cut"]["to"] = "2026-06-30T23:00:00Z"
    assert held(given, toml) == "rating.event.missing"


# --------------------------------------------------- rounding of a component


def test_a_rounded_component():
    """Tiers of 100 x 0.333 = 33.3, 620 x 0.444 = 275.28: 308.58 rounds to 309, by 0.42, which a
    tax of 10 % on the component sees: 30.9."""
    tiers = (
        '[[components]]\nid="energy"\nshape="tiered"\nchannel="import"\n'
        "tiers=[{upto=100,price=0.333},{price=0.444}]\n"
        'round_component = {places = 0, mode = "half_up"}\n'
    )
    tax = '[[components]]\nid="tax"\nshape="percentage"\nof=["energy"]\npercent=10\n'
    toml = document(tiers + tax)
    answer = rate(of_june(toml), toml)
    assert [line["amount"] for line in answer["lines"]] == ["33.3", "275.28", "0.42", "30.9"]
    made = answer["lines"][2]
    assert [made[k] for k in ("kind", "bucket", "quantity", "unit", "price", "factor")] == [
        "rounding", "rounding", "1", "EUR", "0.42", "1",
    ]  # fmt: skip
    assert answer["total"] == "339.9"


def test_a_rounded_credit():
    """-308.58 rounds half up as its mirror image: -309, by -0.42; a sum that fits has no line."""
    flat = FLAT.replace("0.1", "0.42858334") + "credit = true\n"  # 720 x … = 308.5800048
    toml = document(flat + 'round_component = {places = 0, mode = "half_up"}\n')
    assert [line[-1] for line in lines(of_june(toml), toml)] == ["-308.58", "-0.42"]
    toml = document(FLAT + 'round_component = {places = 0, mode = "up"}\n')
    assert [line[-1] for line in lines(of_june(toml), toml)] == ["72"]


def test_what_was_seen_before_lets_nothing_through():
    """After a price of 1, `true` is still no price, though Python holds the two for equal."""
    one, true = (document(FLAT.replace("0.1", price)) for price in ("1", "true"))
    assert lines(of_june(one), one)[0][-1] == "720"
    assert held(of_june(true), true) == "rating.tariff.invalid"


def test_dials_and_terms():
    """A register-billed span reads its terms as any other: 50 kWh x 0.25."""
    toml = document(BY_TERM, extra=TERM)
    given = register_case(
        toml, *JUNE, terms={"rate": "0.25"}, dials=[dial([(JUNE[0], 0), (JUNE[1], 50)])]
    )
    assert lines(given, toml)[0][-1] == "12.5"
