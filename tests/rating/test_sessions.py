"""Charging sessions under OCPI tariffs, by hand: prices, steps, restrictions, taxes, limits.

Amounts are worked out beside each case; every bill is made by both raters (`session_world.rated`).
"""

from decimal import Decimal

import pytest
from session_world import bill, cost, element, price, rated, session, tariff

from gridtally.errors import InvalidDocument, NotFound, RefusedFile, UsageError
from gridtally.rating.sessions import looks_so, rate_sessions

ENERGY = tariff(element(price("ENERGY", "0.25", vat=10)))


def lines(made):
    return [(x["component"], x["measured"], x["quantity"], x["amount"]) for x in made["lines"]]


# ------------------------------------------------------------------------ steps

AFTER_FIVE = [
    element(price("ENERGY", "0.20", step=500), price("TIME", 5, step=600), end_time="17:00"),
    element(price("ENERGY", "0.27", step=500), price("TIME", 7, step=600)),
]


def only(kind, *elements):
    return [
        {**e, "price_components": [c for c in e["price_components"] if c["type"] == kind]}
        for e in elements
    ]


def test_energy_rounds_up_once_on_the_total():
    """4.3 kWh before five and 1.1 after are 5.5 in steps of 0.5: 4.3 x 0.20 + 1.2 x 0.27."""
    document = tariff(*only("ENERGY", *AFTER_FIVE))
    told = session(("charging", 60, "4.3"), ("charging", 60, "1.1"), start="2026-05-04T16:00:00")
    made = bill(document, told)
    assert lines(made)[:2] == [("ENERGY", "4.3", "4.3", "0.86"), ("ENERGY", "1.1", "1.2", "0.324")]
    assert made["exact_ex_vat"] == "1.184"


def test_time_rounds_up_once_on_the_total():
    """6 minutes at 5 per hour and 22 at 7 are 30 minutes: 0.50 + 24/60 x 7."""
    document = tariff(*only("TIME", *AFTER_FIVE))
    assert cost(document, ("charging", 28), start="2026-05-04T16:54:00") == ("3.30", None)


def test_parking_takes_the_step_and_charging_does_not():
    """21 minutes at 1.00 and 16 (20 in steps of 10) at 2.00: 0.35 + 0.6667."""
    document = tariff(element(price("TIME", 1, step=600), price("PARKING_TIME", 2, step=600)))
    made = bill(document, session(("charging", 21), ("parking", 16)))
    assert lines(made) == [
        ("TIME", "1260", "1260", "0.35"),
        ("PARKING_TIME", "960", "1200", "0.666667"),
        ("rounding", "1", "1", "0.003333"),
    ]
    assert (made["exact_ex_vat"], made["total_ex_vat"]) == ("61/60", "1.02")


def test_parking_takes_the_step_also_before_charging():
    """Parking first, charging last: the parking time is what is rounded."""
    document = tariff(element(price("TIME", 60, step=600), price("PARKING_TIME", 60, step=600)))
    assert cost(document, ("parking", 3), ("charging", 3)) == ("13.00", None)


STEPS = tariff(
    element(price("TIME", "1.2", step=1800), price("PARKING_TIME", 1, step=900),
            start_time="00:00", end_time="17:00"),
    element(price("TIME", "2.4", step=900), price("PARKING_TIME", 1, step=900),
            start_time="17:00", end_time="20:00"),
    element(price("TIME", "2.4", step=900), start_time="20:00", end_time="00:00"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("at", "charging", "parking", "total"),
    [
        # 5 x 1.20/60 + 5 x 2.40/60 + 15 x 1/60
        ("16:55", 10, 2, "0.55"),
        # 25 x 1.20/60 + 20 x 2.40/60: 35 minutes are 45 in the last step
        ("16:35", 35, 0, "1.30"),
        # 12 x 2.40/60 + 15 x 1/60: 8 of the 20 minutes of parking have a price, 15 in steps
        ("19:40", 12, 20, "0.73"),
        # 5 x 2.40/60 + 10 x 2.40/60: parking after 20:00 is free and takes no step
        ("19:55", 10, 2, "0.60"),
    ],
)
def test_switching_elements(at, charging, parking, total):
    """A session across elements of different steps: the last one's step counts, for the total."""
    told = [("charging", charging)] + ([("parking", parking)] if parking else [])
    assert cost(STEPS, *told, start=f"2026-05-04T{at}:00")[0] == total


@pytest.mark.parametrize(
    ("step", "kwh", "amount"),
    [(1, "0.1152", "0.029"), (25, "0.1152", "0.03125"), (500, "0.001", "0.125"), (0, "1", "0.25")],
)
def test_energy_by_the_watt_hour(step, kwh, amount):
    """115.2 Wh are 116 in steps of 1, 125 in steps of 25; 1 Wh is 500 in steps of 500; 0 is 1."""
    document = tariff(element(price("ENERGY", "0.25", step=step)))
    assert bill(document, session(("charging", 30, kwh)))["exact_ex_vat"] == amount


def test_an_exact_multiple_stays():
    """Three steps exactly are three steps."""
    document = tariff(element(price("PARKING_TIME", 4, step=900)))
    assert cost(document, ("parking", 45)) == ("3.00", None)


# ----------------------------------------------------------------- restrictions


def test_power_decides_per_period():
    """1 kWh at 6 kW, 40 at 48, 0.5 at 4: 0.20 + 20.00 + 0.10."""
    document = tariff(
        element(price("ENERGY", "0.20"), max_power=16),
        element(price("ENERGY", "0.35"), max_power=32),
        element(price("ENERGY", "0.50")),
    )
    told = [("charging", 10, "1", {"power_kw": "6"}), ("charging", 50, "40", {"power_kw": "48"}),
            ("charging", 8, "0.5", {"power_kw": "4"})]  # fmt: skip
    assert cost(document, *told) == ("20.30", None)
    edge = [("charging", 10, "1", {"power_kw": "16"}), ("charging", 10, "1", {"power_kw": "32"})]
    assert cost(document, *edge) == ("0.85", None)


def test_duration_decides_from_the_start_of_the_session():
    """30 minutes free, then 0.25, after an hour 0.40; 9 kWh in 90 min: 3 x 0.25 + 3 x 0.40."""
    document = tariff(
        element(price("ENERGY", 0), max_duration=1800),
        element(price("ENERGY", "0.25"), max_duration=3600),
        element(price("ENERGY", "0.40")),
    )
    assert cost(document, ("charging", 90, "9")) == ("1.95", None)
    assert cost(document, ("charging", 30, "5"), ("charging", 10, "1.2")) == ("0.30", None)
    reserved = ("reserved", 20), ("charging", 90, "9")
    assert cost(document, *reserved) == ("1.95", None)


def test_energy_decides_from_its_first_unit():
    """The first kWh is free, the other 19 cost 0.20; time moves with it."""
    document = tariff(
        element(price("ENERGY", 0), price("TIME", 3600), max_kwh=1),
        element(price("ENERGY", "0.2"), price("TIME", 7200)),
    )
    made = bill(document, session(("charging", 7, "20")))
    assert lines(made)[:3:2] == [("ENERGY", "1", "1", "0"), ("ENERGY", "19", "19", "3.8")]
    assert [x["measured"] for x in made["lines"] if x["kind"] == "time"] == ["21", "399"]
    assert made["exact_ex_vat"] == "822.8"


def test_a_threshold_in_the_middle_of_a_second_is_exact():
    """1 of 3 kWh in 10 s at 1 per second, then 2 per second: 10/3 + 2 x 20/3 = 50/3."""
    document = tariff(
        element(price("TIME", 3600), max_kwh=1), element(price("TIME", 7200)),
    )  # fmt: skip
    told = session(("charging", 0, "3"))
    told["periods"][0]["end"] = "2026-05-04T10:00:10Z"
    made = bill(document, told)
    assert made["exact_ex_vat"] == "50/3"
    assert [x["measured"] for x in made["lines"][:2]] == ["3.333333", "6.666667"]


@pytest.mark.parametrize(
    ("limits", "night", "day"),
    [
        ({"start_time": "22:00", "end_time": "06:00"}, 60, 0),
        ({"start_time": "06:00"}, 30, 60),
        ({"end_time": "23:30"}, 30, 60),
        ({"start_time": "23:30", "end_time": "00:00"}, 30, 0),
        ({"start_time": "09:00", "end_time": "09:00"}, 60, 60),
        ({"day_of_week": ["MONDAY"]}, 30, 60),
        ({"start_date": "2026-05-05"}, 30, 0),
        ({"end_date": "2026-05-05"}, 30, 60),
    ],
)
def test_the_clock(limits, night, day):
    """Minutes of 23:30-00:30 and of 12:00-13:00 on a Monday that a restriction leaves."""
    document = tariff(element(price("PARKING_TIME", 60), **limits))
    for start, minutes in (("23:30", night), ("12:00", day)):
        told = session(("parking", 60), start=f"2026-05-04T{start}:00")
        assert bill(document, told)["exact_ex_vat"] == str(minutes)


def test_the_clock_is_local_and_shows_an_hour_twice():
    """02:00-03:00 in Berlin has 120 minutes in October's change and none in March's."""
    document = tariff(element(price("PARKING_TIME", 60), start_time="02:00", end_time="03:00"))
    for day, minutes in (("2026-10-24", "120.00"), ("2026-03-28", "0.00"), ("2026-05-04", "60.00")):
        told = ("parking", 600)
        assert cost(document, told, start=f"{day}T22:00:00", zone="Europe/Berlin")[0] == minutes


AMPS = tariff(element(price("TIME", 1), max_current=32), element(price("TIME", 2), min_current=32))


@pytest.mark.parametrize(
    ("more", "total"),
    [
        ({"current_a": "31.999999"}, "1.00"),
        ({"current_a": "32"}, "2.00"),
        ({"max_current_a": "16"}, "1.00"),
        ({"min_current_a": "43"}, "2.00"),
    ],
)
def test_current_at_least_the_minimum_and_below_the_maximum(more, total):
    """32 A is no longer below 32 A; one end of a range is enough where it decides."""
    assert cost(AMPS, ("charging", 60, None, more))[0] == total


@pytest.mark.parametrize("more", [{}, {"min_current_a": "16", "max_current_a": "40"}])
def test_an_open_current_is_held(more):
    """No current, or a range across the limit: nobody guesses."""
    answer = rated(AMPS, [session(("charging", 60, None, more))])
    assert answer["bills"] == []
    assert [row["code"] for row in answer["findings"]] == ["rating.session.open"]


def test_an_open_current_that_decides_nothing_is_no_matter():
    """Where an element before it matches, nobody asks for the current."""
    document = tariff(element(price("TIME", 3)), *AMPS["elements"])
    assert cost(document, ("charging", 60)) == ("3.00", None)


def test_parking_has_no_current():
    """Parked, the current is 0: below every maximum."""
    document = tariff(element(price("PARKING_TIME", 3), max_current=6))
    assert cost(document, ("parking", 60)) == ("3.00", None)


def test_no_element_costs_nothing():
    """A dimension that no element prices is free, and the answer says so."""
    document = tariff(element(price("TIME", 3), end_time="09:00"))
    answer = rated(document, [session(("charging", 60))])
    assert answer["bills"][0]["total"] == "0.00"
    assert any("costs nothing" in text for text in answer["assumptions"])


# ------------------------------------------------------------ flat, reservations


def test_flat_once_and_the_first_that_becomes_active():
    """Two start fees by time of day, a session across both: the first is charged, once."""
    document = tariff(element(price("FLAT", 1), end_time="12:00"), element(price("FLAT", 5)))
    assert cost(document, ("charging", 240), start="2026-05-04T10:00:00")[0] == "1.00"
    assert cost(document, ("charging", 240), start="2026-05-04T12:00:00")[0] == "5.00"


def test_flat_may_become_active_late():
    """A fee for sessions over two hours is charged when they last that long."""
    document = tariff(element(price("FLAT", 9), min_duration=7200))
    assert cost(document, ("charging", 120))[0] == "0.00"
    assert cost(document, ("charging", 90), ("parking", 31))[0] == "9.00"


RESERVE = tariff(
    element(price("FLAT", 4, vat=20), reservation="RESERVATION_EXPIRES"),
    element(price("TIME", 2, vat=20, step=600), reservation="RESERVATION"),
    element(price("FLAT", "0.5", vat=20), price("ENERGY", "0.25", vat=10)),
)


def test_a_used_reservation():
    """22 minutes are 30: 1.00, then 0.50 and 20 kWh: 6.50; with VAT 1.20 + 0.60 + 5.50."""
    assert cost(RESERVE, ("reserved", 22), ("charging", 60, 20)) == ("6.50", "7.30")


def test_an_expired_reservation():
    """The fee for expiring and the hour's price of RESERVATION, no start fee."""
    assert cost(RESERVE, ("expired", 60)) == ("6.00", "7.20")


def test_an_expired_reservation_has_its_own_price_whatever_the_order():
    """With both kinds of TIME the one of RESERVATION_EXPIRES counts, also when it stands later."""
    document = tariff(
        element(price("TIME", 3), reservation="RESERVATION"),
        element(price("TIME", 6), reservation="RESERVATION_EXPIRES"),
    )
    assert cost(document, ("expired", 90))[0] == "9.00"
    assert cost(document, ("reserved", 90))[0] == "4.50"


def test_reserved_time_has_a_step_of_its_own():
    """13 reserved minutes are 15, 5 charged ones 10: neither hides in the other's step."""
    document = tariff(
        element(price("TIME", 60, step=300), reservation="RESERVATION"),
        element(price("TIME", 60, step=600)),
    )
    assert cost(document, ("reserved", 13), ("charging", 5))[0] == "25.00"


# ---------------------------------------------------------------- taxes, limits


def test_taxes_are_added_per_component():
    """0.50 with 20 % and 5.00 with 10 %: 0.60 + 5.50."""
    document = tariff(element(price("FLAT", "0.5", vat=20), price("ENERGY", "0.25", vat=10)))
    made = bill(document, session(("charging", 60, 20)))
    assert (made["total_ex_vat"], made["total_vat"], made["total"]) == ("5.50", "0.60", "6.10")
    assert made["vat"] == [
        {"kind": "vat", "rate": "10", "base": "5", "tax": "0.5"},
        {"kind": "vat", "rate": "20", "base": "0.5", "tax": "0.1"},
    ]


def test_taxes_may_be_included():
    """20 kWh at 0.60 with 20 % in it: 12.00 is 10.00 and 2.00."""
    document = tariff(element(price("ENERGY", "0.60", vat=20)), tax_included="YES")
    assert cost(document, ("charging", 60, 20)) == ("10.00", "12.00")


@pytest.mark.parametrize(
    ("included", "totals"),
    [("NO", ("5.00", None)), ("YES", (None, "5.00")), ("N/A", ("5.00", "5.00"))],
)
def test_unknown_taxes_stay_unknown(included, totals):
    """Without any rate the other side is not known, unless no taxes apply; to pay is 5.00."""
    document = tariff(element(price("TIME", 2)), tax_included=included)
    made = bill(document, session(("charging", 150)))
    assert (made["total_ex_vat"], made["total_inc_vat"], made["total"]) == (*totals, "5.00")


def test_free_of_charge_is_known():
    """A FLAT of zero without a rate costs 0.00 before and with taxes."""
    assert cost(tariff(element(price("FLAT", 0, step=0))), ("charging", 60)) == ("0.00", "0.00")


def test_a_component_without_a_rate_bears_none():
    """Beside others that state one."""
    document = tariff(element(price("FLAT", 1), price("ENERGY", "0.25", vat=10)))
    assert cost(document, ("charging", 60, 20)) == ("6.00", "6.50")


LIMITED = tariff(
    element(price("FLAT", "0.5", vat=20), price("ENERGY", "0.25", vat=10)),
    min_price={"before_taxes": Decimal(1), "after_taxes": Decimal("1.2")},
    max_price={"excl_vat": Decimal(10), "incl_vat": Decimal(11)},
)


@pytest.mark.parametrize(
    ("kwh", "totals"),
    [
        ("50", ("10.00", "11.00")),
        ("30", ("8.00", "8.85")),
        # 9.875 before, 10.9125 with: neither limit
        ("37.5", ("9.88", "10.91")),
        # 9.9875 before taxes is below 10, 11.03625 with taxes is not below 11
        ("37.95", ("9.99", "11.00")),
        ("1", ("1.00", "1.20")),
        # 1.0025 before, 0.6 + 0.55275 with taxes
        ("2.01", ("1.00", "1.20")),
    ],
)
def test_limits_bound_both_totals_each_on_its_own(kwh, totals):
    """At most 10.00 and 11.00, at least 1.00 and 1.20."""
    assert cost(LIMITED, ("charging", 60, kwh)) == totals


def test_a_limit_shows_its_difference():
    """13.00 and 14.35 against 10.00 and 11.00: a line of -3.00, -0.35 of taxes."""
    made = bill(LIMITED, session(("charging", 60, 50)))
    assert made["lines"][-1]["component"] == "max_price"
    assert made["lines"][-1]["amount"] == "-3"
    assert made["vat"][-1] == {"kind": "max_price", "rate": None, "base": "-3", "tax": "-0.35"}


def test_a_limit_before_taxes_alone():
    """Of one rate it follows with taxes; of several, what the limit changes is not known."""
    bound = {"max_price": {"before_taxes": Decimal(4)}}
    assert cost({**ENERGY, **bound}, ("charging", 60, 20)) == ("4.00", "4.40")
    mixed = tariff(element(price("FLAT", 1, vat=20), price("ENERGY", "0.25", vat=10)), **bound)
    assert cost(mixed, ("charging", 60, 20)) == ("4.00", None)
    assert cost(mixed, ("charging", 60, 4)) == ("2.00", "2.30")


def test_an_expired_reservation_has_no_minimum():
    """It never became a session."""
    document = {**RESERVE, "min_price": {"before_taxes": Decimal(9), "after_taxes": Decimal(10)}}
    assert cost(document, ("expired", 60)) == ("6.00", "7.20")


def test_currencies_without_and_with_three_decimals():
    """20.1 kWh at 25.75 JPY is 517.575, rounded to 518; in KWD three decimals stay."""
    for currency, total in (("JPY", "518"), ("KWD", "517.575")):
        document = tariff(element(price("ENERGY", "25.75", vat=0)), currency=currency)
        assert cost(document, ("charging", 60, "20.1")) == (total, total)


# -------------------------------------------------------------------- documents


def read(document, told, **options):
    return rate_sessions(document, told, tariff_name="t.json", sessions_name="s.json", **options)


def test_a_session_larger_than_64_bits_is_exact():
    """90 days and 9,000,000 kWh in one period: 4,500,000 x 0.10 + 4,500,000 x 0.20, at midnight."""
    document = tariff(element(price("ENERGY", "0.10"), end_date="2026-06-18"),
                      element(price("ENERGY", "0.20")))  # fmt: skip
    assert cost(document, ("charging", 90 * 1440, 9_000_000), start="2026-05-04T00:00:00") == (
        "1350000.00", None,
    )  # fmt: skip


def test_several_tariffs_in_an_envelope():
    """The response of an operator: {"data": [...]}, one is named by its id."""
    import json

    from session_world import encoded

    both = encoded({"data": [{**ENERGY, "id": "A"}, {**ENERGY, "id": "B"}], "status_code": 1000})
    told = json.dumps([session(("charging", 60, 20))]).encode()
    assert looks_so(both)
    assert read(both, told, key="B")["bills"][0]["tariff"] == "B"
    with pytest.raises(UsageError, match="2 tariffs"):
        read(both, told)
    with pytest.raises(NotFound, match="no tariff 'C'"):
        read(both, told, key="C")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"elements": []}, "elements: must be a list with at least one entry. Add it."),
        ({"currency": "euro"}, "currency: 'euro' is no currency. Write three capitals, as EUR."),
        ({"tax_included": "yes"}, "tax_included: 'yes' is unknown. Did you mean YES?"),
        ({"elements": [element(price("ENERGI", 1))]},
         "elements[0].price_components[0].type: 'ENERGI' is unknown. Did you mean ENERGY?"),
        ({"elements": [element({"type": "FLAT", "step_size": 1})]},
         "elements[0].price_components[0].price: is missing. Write a number."),
        ({"elements": [element(price("TIME", 1), price("TIME", 2))]},
         "elements[0].price_components[1].type: TIME stands twice in this element. "
         "Move one of the two prices to an element of its own."),
        ({"elements": [element(price("TIME", 1), max_kw=3)]},
         "elements[0].restrictions.max_kw: is an unknown key. Did you mean max_kwh?"),
        ({"elements": [element(price("TIME", 1), start_time="9:00")]},
         "elements[0].restrictions.start_time: '9:00' is no time of day. Write HH:MM, as 09:30."),
        ({"elements": [element(price("TIME", 1), day_of_week=["FUNDAY"])]},
         "elements[0].restrictions.day_of_week[0]: 'FUNDAY' is unknown. Did you mean SUNDAY?"),
        ({"elements": [element(price("ENERGY", 1), reservation="RESERVATION")]},
         "elements[0].price_components[0].type: a reservation has no ENERGY. "
         "Use FLAT or TIME, or leave out restrictions.reservation."),
        ({"elements": [element(price("TIME", 1), min_kwh=5, max_kwh=5)]},
         "elements[0].restrictions.min_kwh: is not below max_kwh: never active. "
         "Exchange the two, or leave one out."),
        ({"elements": [element(price("TIME", 1, vat=120))]},
         "elements[0].price_components[0].vat: 120 is no percentage. Write 0 to 100."),
        ({"min_price": {"before_taxes": 9}, "max_price": {"before_taxes": 8}},
         "min_price: is above max_price. Exchange them, or leave one out."),
        ({"tax_included": "N/A"},
         "tax_included: N/A says that no taxes apply, but a component states a vat. "
         "State NO or YES, or leave the vat out."),
    ],
)  # fmt: skip
def test_a_wrong_tariff_is_refused_with_path_and_remedy(wrong, said):
    """Each mistake is named where it stands, with what to do."""
    with pytest.raises(InvalidDocument) as caught:
        rated({**ENERGY, **wrong}, [session(("charging", 60, 20))])
    assert f"\n  {said}\n" in str(caught.value)
    assert caught.value.code == "rating.charging.tariff"


def test_all_mistakes_of_a_tariff_at_once():
    """An analyst corrects a document once."""
    with pytest.raises(InvalidDocument) as caught:
        rated({**ENERGY, "currency": None, "tax_included": "maybe"}, [])
    assert "currency:" in str(caught.value)
    assert "tax_included:" in str(caught.value)


def test_other_keys_of_a_tariff_are_noted():
    """OCPI lets operators add keys of their own."""
    answer = rated({**ENERGY, "x_colour": "red"}, [session(("charging", 60, 20))])
    assert [(row["code"], row["severity"]) for row in answer["findings"]] == [
        ("rating.charging.unknown_key", "note")
    ]
    assert len(answer["bills"]) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing", "This is not JSON"),
        (b'{"sessions": [NaN]}', "NaN is no number of JSON"),
        (b'{"id": 1, "id": 2}', "the key 'id' stands twice in one object"),
        (b'{"id": "\\ud800"}', "it holds half a character"),
        (b"[1, 2]", "There is no charging session in this file"),
    ],
)
def test_a_file_without_sessions_is_refused(data, said):
    """Not JSON, or nothing of a session in it."""
    from session_world import encoded

    with pytest.raises(RefusedFile, match=said):
        read(encoded(ENERGY), data)


# ---------------------------------------------------------- the second opinion


def test_a_bill_on_which_the_raters_differ_is_held(monkeypatch):
    """A rater that says another cent: no bill, both totals in the finding."""
    from gridtally.rating.sessions import second

    def wrong(source, told):
        return {"bill": {"total": "5.01"}, "held": []}

    monkeypatch.setattr(second, "rate_session", wrong)
    answer = read_pair(session(("charging", 60, 20)))
    assert answer["bills"] == []
    assert [(row["code"], row["message"]) for row in answer["findings"]] == [
        ("rating.session.raters_differ", "S: the first rater says 5.50 EUR, the second: 5.01 EUR.")
    ]


def test_of_many_sessions_the_dearest_and_a_sample_are_rated_twice():
    """201 sessions: the 100 dearest, and every third; the very dearest is among them."""
    from gridtally.rating.sessions.second import _chosen

    bills = [{"total": f"{n}.00"} for n in range(201)]
    chosen = _chosen(bills)
    assert chosen == sorted({*range(101, 201), *range(0, 201, 3)})
    assert _chosen(bills[:200]) == list(range(200))


def read_pair(*sessions):
    from session_world import encoded

    return read(encoded(ENERGY), encoded(list(sessions)))
