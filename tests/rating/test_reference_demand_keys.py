"""The second opinion: least measured, above a part of another, contracts by bucket, kvar."""

import pytest
from reference_cases import KWH, case, dial, document, held, lines, rate, register_case

JUNE = ("2026-06-01", "2026-07-01")
DAY = ("2026-06-01", "2026-06-02")
TOU = (
    '[[calendars.tou.rules]]\nbucket="peak"\nhours=["08:00-12:00"]\n'
    '[[calendars.tou.rules]]\notherwise="off"\n'
)


def demand(more="", price="price = 1", name="d"):
    head = f'[[components]]\nid = "{name}"\nshape = "demand"\nproration = "none"\n'
    return f"{head}{price}\n{more}\n"


def by_bucket(peak, off):
    """Energy of the hours of a peak of 08:00 to 12:00, and of the others, in kWh."""
    return lambda clock: int((peak if 8 <= clock.hour < 12 else off) * KWH)


def billed(toml, name="d", days=DAY, **more):
    """(bucket, quantity) of each line of a component."""
    found = lines(case(toml, *days, **more), toml)
    return [line[1:3] for line in found if line[0] == name]


def carried(*months, bucket="all"):
    """Demands of months of 2026, in kW."""
    return [(f"demand/d/{bucket}", f"2026-{m:02}-01", kw * KWH) for m, kw in months]


def kept(given, toml):
    """(key, month, kW) of what is carried out."""
    out = rate(given, toml)["carry_out"]
    return [(e["key"], e["at"][:7], e["value"] / KWH) for e in out]


# ------------------------------------------------------------------- least measured


@pytest.mark.parametrize(
    ("more", "quantity"),
    [
        ("", "2.5"),
        ("minimum_kw = 2", "2.5"),
        ("minimum_kw = 3", "3"),
        ("mean_of_months = 2", "3.25"),  # (2.5 + May's 4) / 2
        ("ratchet = { percent = 50, months = 1 }", "2.5"),  # half of May's 4 is 2
        ("ratchet = { percent = 75, months = 1 }", "3"),
        # at 0.80 where 0.90 is asked: 2.5 x 0.9 / 0.8 = 2.8125
        ("power_factor_below = 0.90", "2.8125"),
        ("round_kw = { places = 0, mode = 'down' }", "2"),
        # 60 % of the 2.5 that count as measured
        ("ratchet = { percent = 0, months = 1, current_by_month = { 6 = 60 } }", "1.5"),
    ],
)
def test_what_was_measured_counts_as_more(more, quantity):
    """1 kW measured counts as 2.5, before everything else; what was more stays."""
    toml = document(demand(f"least_measured = 2.5\n{more}"))
    given = {"carry": carried((5, 4)), "reactive_import": 750_000}
    assert billed(toml, **given, **{"import": KWH}) == [("", quantity)]
    toml = document(demand("least_measured = 2.5"))
    assert billed(toml, **{"import": 3 * KWH}) == [("", "3")]


def test_it_counts_in_carry_and_in_each_bucket():
    """Peak 1 counts as 2.5 in carry, too, off is 3; at rest a month is nothing; what carry has
    stays."""
    ratchet = "least_measured = 2.5\nratchet = { percent = 80, months = 3 }\n"
    toml = document(demand(f'{ratchet}calendar = "tou"', "prices={peak=1, off=1}"), extra=TOU)
    given = case(toml, *DAY, **{"import": by_bucket(1, 3)})
    assert [line[1:3] for line in lines(given, toml)] == [("peak", "2.5"), ("off", "3")]
    assert kept(given, toml) == [
        ("demand/d/off", "2026-06", 3), ("demand/d/peak", "2026-06", 2.5),
    ]  # fmt: skip
    toml = document(demand(f"{ratchet}months = [7]"))
    assert kept(case(toml, *DAY, **{"import": KWH}), toml) == [("demand/d/all", "2026-06", 0)]
    toml = document(demand(ratchet))
    given = case(toml, *DAY, carry=carried((5, 1), (6, 7)), **{"import": KWH})
    assert kept(given, toml) == [("demand/d/all", "2026-05", 1), ("demand/d/all", "2026-06", 7)]
    assert kept(case(document(demand("least_measured = 2.5")), *DAY, **{"import": KWH}), toml) == []


def test_a_bucket_without_a_window_and_a_demand_below_zero():
    """Nothing measured counts as 2.5; less than nothing is held."""
    rolling = 'calendar = "tou"\nwindow_min = 720\nrolling_min = 60\nleast_measured = 2.5'
    toml = document(demand(rolling, "prices={peak=1, off=1}"), extra=TOU)
    assert billed(toml, **{"import": KWH}) == [("peak", "2.5"), ("off", "2.5")]
    toml = document(demand("least_measured = 2.5"))
    assert held(case(toml, *DAY, **{"import": -KWH}), toml) == "rating.quantity.negative"


def test_least_measured_from_a_term():
    """Rounded half even to 10^-6; not stated or below zero holds."""
    toml = document(demand("least_measured = { term = 'l' }"), extra="[terms.l]\n")
    assert billed(toml, terms={"l": "1.0000025"}, **{"import": KWH}) == [("", "1.000002")]
    for terms, code in (({}, "missing"), ({"l": "-1"}, "range")):
        given = case(toml, *DAY, terms=terms, **{"import": KWH})
        assert held(given, toml) == f"rating.term.{code}"


# ------------------------------------------------------------- above a part of another


def above(percent, more="", price="price = 1", name="d", other="e"):
    return demand(
        f'channel = "reactive_import"\nabove_percent = {percent}\ndemand = "{other}"\n{more}',
        price, name,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "other", "quantity"),
    [
        # 8 kvar above a part of 10 kW
        (above(50), "", "3"),
        (above(0), "", "8"),
        (above("61.97"), "", "1.803"),
        (above(120), "", None),
        (above(80), "", None),
        (above(50, "minimum_kw = 9"), "", "4"),  # raised first
        (above(75, "round_kw = { places = 0, mode = 'up' }"), "", "1"),  # 0.5
        (above(50), "minimum_kw = 12", "2"),
        (above(50), "round_kw = { places = 0, mode = 'up' }\nminimum_kw = 10.5", "2.5"),
        (above(50), "months = [7]", "8"),  # the other is at rest
        (above(50), "tiers = [{ upto = 4, price = 1 }, { price = 2 }]", "3"),
    ],
)
def test_above_a_part_of_another(mine, other, quantity):
    """What lies above the percentage of the other's demand, after everything it does."""
    price = "" if "tiers" in other else "price = 1"
    toml = document(mine + demand(other, price, "e"))
    found = billed(toml, reactive_import=8 * KWH, **{"import": 10 * KWH})
    assert found == ([] if quantity is None else [("", quantity)])


def test_each_bucket_above_the_largest_of_the_other():
    """The other has 10 at the peak and 4 off; half of 10 is taken from 6 and from 8; carry keeps
    what was measured, and what follows has what is left."""
    two = 'calendar = "tou"'
    mine = above(50, f"{two}\nratchet = {{ percent = 50, months = 1 }}", "prices={peak=1, off=1}")
    third = demand('basis = "billed"\ndemand = "d"', name="f")
    toml = document(mine + third + demand(two, "prices={peak=1, off=1}", "e"), extra=TOU)
    given = case(toml, *DAY, reactive_import=by_bucket(6, 8), **{"import": by_bucket(10, 4)})
    assert [(line["component"], line["bucket"], line["quantity"], line["unit"])
            for line in rate(given, toml)["lines"]] == [
        ("d", "peak", "1", "kvar"), ("d", "off", "3", "kvar"), ("f", "", "3", "kvar"),
        ("e", "peak", "10", "kW"), ("e", "off", "4", "kW"),
    ]  # fmt: skip
    assert [e[2] for e in kept(given, toml)] == [8, 6]


def test_a_percentage_rounds_half_even():
    """Half of 0.000003 is 0.000002: of 0.000003 0.000001 is left; half of 0.000001 is nothing."""
    toml = document(above(50) + demand(name="e"))
    assert billed(toml, reactive_import=3, **{"import": 3}) == [("", "0.000001")]
    assert billed(toml, reactive_import=3, **{"import": 1}) == [("", "0.000003")]


def test_above_a_part_of_a_contract():
    """The contract's 20 at a demand of 10; what bills a demand measures none to be above of."""
    agreed = 'basis = "contract"\nexcess_over = 105\nexcess_factor = 2\n'
    agreed += 'excess_reading = "above_contract"'
    toml = document(
        demand(agreed, name="c") + above(30, name="f", other="c") + above(35, name="g", other="c")
    )
    given = {"contract": 20 * KWH, "reactive_import": 8 * KWH, "import": 10 * KWH}
    assert billed(toml, "f", **given) == [("", "2")]
    assert billed(toml, "g", **given) == [("", "1")]
    e = demand('basis = "billed"\ndemand = "c"', name="e")
    wrong = document(e + demand(agreed, name="c") + above(35, name="g", other="e"))
    assert held(case(wrong, *DAY), wrong) == "rating.tariff.invalid"


@pytest.mark.parametrize(
    "more",
    [
        "above_percent = 50",
        'demand = "e"',
        'above_percent = 50\ndemand = "d"',
        'above_percent = 50\ndemand = "x"',
        'above_percent = 50\ndemand = "energy"',
        'above_percent = -1\ndemand = "e"',
        'above_percent = { term = "t" }\ndemand = "e"',
        'above_percent = 50\ndemand = "e"\nbasis = "billed"',
        'above_percent = 50\ndemand = "f"',  # a circle
        'basis = "billed"\ndemand = "e"\nleast_measured = 1',
        "least_measured = -1",
        "contracts = { peak = 1, off = 2 }",
    ],
)
def test_what_is_refused(more):
    """Keys without their partner, names of no demand, circles, numbers below zero."""
    energy = '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\nprice = 1\n'
    others = demand(name="e") + demand('basis = "billed"\ndemand = "d"', name="f")
    toml = document(demand(more) + others + energy, extra="[terms.t]\n")
    given = case(toml, *DAY, terms={"t": "1"}, **{"import": KWH})
    assert held(given, toml) == "rating.tariff.invalid"


# ---------------------------------------------------------------- contracts by bucket


def contract(contracts="{ peak = 50, off = { term = 'kw_off' } }", more="", reading="contract"):
    """Double above 105 %, 10 at the peak and 4 off."""
    return demand(
        f'basis = "contract"\ncalendar = "tou"\nexcess_over = 105\nexcess_factor = 2\n'
        f'excess_reading = "above_{reading}"\n{contracts and "contracts = "}{contracts}\n{more}',
        "prices = { peak = 10, off = 4 }",
    )


OFF = "[terms.kw_off]\n"


def agreed(toml, peak, off, **more):
    more = {"terms": {"kw_off": "80"}} | more
    return case(toml, *DAY, **({"import": by_bucket(peak, off)} | more))


@pytest.mark.parametrize(
    ("reading", "peak", "off", "expected"),
    [
        # up to 52.5 and 84 the contracts are billed
        ("contract", 52.5, 84, [("peak/contract", "50", "10", "1", "500"),
                                ("off/contract", "80", "4", "1", "320")]),
        ("contract", 60, 0, [("peak/contract", "50", "10", "1", "500"),
                             ("peak/excess", "7.5", "20", "1", "150"),
                             ("off/contract", "80", "4", "1", "320")]),
        ("threshold", 60, 90, [("peak/contract", "52.5", "10", "1", "525"),
                               ("peak/excess", "7.5", "20", "1", "150"),
                               ("off/contract", "84", "4", "1", "336"),
                               ("off/excess", "6", "8", "1", "48")]),
        ("threshold", 10, 90, [("peak/contract", "50", "10", "1", "500"),
                               ("off/contract", "84", "4", "1", "336"),
                               ("off/excess", "6", "8", "1", "48")]),
    ],
)  # fmt: skip
def test_contracts_by_bucket(reading, peak, off, expected):
    """Each bucket with its own contract, demand and price; no contract of the agreement."""
    toml = document(contract(reading=reading), extra=TOU + OFF)
    assert [line[1:] for line in lines(agreed(toml, peak, off), toml)] == expected
    toml = document(contract("{ off = 80, peak = 50 }", reading=reading), extra=TOU)
    given = agreed(toml, peak, off, terms=None)
    assert [line[1:] for line in lines(given, toml)] == expected


def test_contracts_are_raised_and_rounded():
    """60 % of 100 kVA raises the 50 to 60, not the 80; 60 x 105 % = 63: 0.4 above is rounded up.
    A contract of nothing gives no line."""
    more = "least_of_capacity = 60\nround_kw = { places = 0, mode = 'up' }"
    toml = document(contract(more=more), extra=TOU + OFF)
    found = lines(agreed(toml, 63.4, 0, capacity=100 * KWH), toml)
    assert [line[1:3] for line in found] == [
        ("peak/contract", "60"), ("peak/excess", "1"), ("off/contract", "80"),
    ]  # fmt: skip
    assert held(agreed(toml, 1, 1), toml) == "rating.term.missing"
    toml = document(contract("{ peak = 0, off = 1.0000015 }"), extra=TOU)
    found = lines(agreed(toml, 3, 0), toml)
    assert [line[1:3] for line in found] == [("peak/excess", "3"), ("off/contract", "1.000002")]


def test_the_demand_of_contracts_for_others():
    """The largest quantity of all their lines: an excess of 147.5 over the contracts."""
    other = demand('basis = "billed"\ndemand = "d"', name="e")
    toml = document(contract() + other, extra=TOU + OFF)
    for peak, quantity in ((200, "147.5"), (60, "80")):
        found = lines(agreed(toml, peak, 0), toml)
        assert [line[2] for line in found if line[0] == "e"] == [quantity]
    assert rate(agreed(toml, 60, 0), toml)["carry_out"] == []


def test_contracts_from_dials():
    """60 at the peak, 20 off, as the dials show."""
    toml = document(contract("{ peak = 50, off = 80 }"), extra=TOU)
    dials = [
        dial([(DAY[0], 0), (DAY[1], kw)], kind="demand", bucket=bucket)
        for bucket, kw in (("peak", 60), ("off", 20))
    ]
    found = lines(register_case(toml, *DAY, dials=dials), toml)
    assert [line[1:3] for line in found] == [
        ("peak/contract", "50"), ("peak/excess", "7.5"), ("off/contract", "80"),
    ]  # fmt: skip


def test_contracts_that_are_held():
    """A term of one that is not stated or below zero, whatever is measured."""
    toml = document(contract(), extra=TOU + OFF)
    assert held(agreed(toml, 0, 0, terms={}), toml) == "rating.term.missing"
    assert held(agreed(toml, 0, 0, terms={"kw_off": "-1"}), toml) == "rating.term.range"
    toml = document(contract("{ peak = 1, off = { term = 'contract_kw' } }"), extra=TOU)
    assert held(agreed(toml, 0, 0), toml) == "rating.term.missing"
    assert len(lines(agreed(toml, 0, 0, contract=KWH), toml)) == 2


@pytest.mark.parametrize(
    "component",
    [
        contract(""),
        contract("{ peak = 50 }"),
        contract("{ peak = 50, off = 80, more = 1 }"),
        contract("{ peak = 50, off = -1 }"),
        contract("{ peak = 50, off = { term = 'unknown' } }"),
        contract("{ peak = 50, off = 80 }").replace('calendar = "tou"', ""),
        contract("{ peak = 50, off = 80 }")
        .replace('calendar = "tou"', "")
        .replace("prices = { peak = 10, off = 4 }", "price = 1"),
        contract().replace("off = 4", "off = 0.00000001").replace("factor = 2", "factor = 1.5"),
        contract(more="least_measured = 1"),
        contract(more='above_percent = 50\ndemand = "e"'),
        contract(more='demand = "e"'),
        contract(more="minimum_kw = 1"),
        contract(more="least_of_contract = 1"),
        contract(more="mean_of_months = 2"),
        contract(more="power_factor_below = 0.9"),
        contract(more="ratchet = { percent = 1, months = 1 }"),
    ],
)
def test_contracts_that_are_refused(component):
    """All buckets and no others, a calendar, none of what a measured demand has."""
    toml = document(component + demand(name="e"), extra=TOU + OFF)
    assert held(agreed(toml, 1, 1, contract=KWH), toml) == "rating.tariff.invalid"


# -------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("more", "unit"),
    [
        ("", "kW"),
        ('channel = "export"', "kW"),
        ('channel = "reactive_import"', "kvar"),
        ('channel = "reactive_export"\npower = "active"', "kvar"),
        ('power = "apparent"', "kVA"),
    ],
)
def test_units(more, unit):
    """Of a demand, and of what bills that demand."""
    toml = document(demand(more) + demand('basis = "billed"\ndemand = "d"', name="e"))
    channels = dict.fromkeys(("import", "export", "reactive_import", "reactive_export"), KWH)
    answer = rate(case(toml, *JUNE, **channels), toml)
    assert [line["unit"] for line in answer["lines"]] == [unit, unit]
