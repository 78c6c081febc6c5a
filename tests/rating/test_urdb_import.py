"""URDB rates as tariff documents: what is read, what is assumed, what is refused."""

import json
from decimal import Decimal

import pytest

from gridtally.errors import InvalidDocument, NotFound, UsageError
from gridtally.rating.importers import keys
from gridtally.rating.importers.rate import pick
from gridtally.rating.importers.urdb import to_document, to_text
from gridtally.rating.tariff import load


def schedule(*hours):
    """The same 24 hours in every month."""
    row = list(hours) if len(hours) == 24 else [hours[0]] * 24
    return [list(row) for _ in range(12)]


def rate(**keys):
    return {
        "label": "A1", "name": "Rate", "utility": "Utility", "dgrules": "Net Metering",
        "energyratestructure": [[{"rate": Decimal("0.1"), "adj": Decimal("0.02"), "unit": "kWh"}]],
        "energyweekdayschedule": schedule(0), "energyweekendschedule": schedule(0),
    } | keys  # fmt: skip


def document(given=None, channels=("import", "export"), **options):
    """The document; the text of it is accepted by the specification alone."""
    given = given or rate()
    load(to_text(given, zone="UTC", channels=channels, **options).encode(), name="t")
    return to_document(given, zone="UTC", channels=channels, **options)


def component(made, name):
    return next(part for part in made["components"] if part["id"] == name)


def refused(**keys):
    with pytest.raises(InvalidDocument) as caught:
        to_document(rate(**keys), zone="UTC")
    assert caught.value.code == "rating.importer.unsupported"
    return [line.strip() for line in caught.value.message.splitlines()[1:] if line.strip()]


def test_rate_and_adjustment_are_one_price():
    """0.1 and 0.02 are 0.12 per kWh; with net metering export is netted."""
    made = document()
    assert component(made, "energy") == {
        "id": "energy", "channel": "import", "shape": "energy", "price": Decimal("0.12"),
        "netting": "month",
    }  # fmt: skip
    assert made["tariff"] == "urdb-a1"
    assert made["rounding"]["total"]["places"] == 2


def test_without_export_nothing_is_netted_and_it_says_so():
    """The readings decide whether there is anything to net."""
    made = document(channels=("import",))
    assert "netting" not in component(made, "energy")
    assert "The readings have no export: nothing is netted or credited." in made["assumptions"]


def test_spelling_of_keys_does_not_matter():
    """dgRules, flatDemandUnits, fixedChargeUnits are the same keys."""
    given = rate(
        dgRules="Net Billing Instantaneous", flatDemandUnits="kW", flatdemandmonths=[0] * 12,
        flatdemandstructure=[[{"rate": 5}]], fixedChargeFirstMeter=7, fixedChargeUnits="$/month",
    )  # fmt: skip
    del given["dgrules"]
    made = document(given)
    assert component(made, "fixed")["price"] == 7
    assert component(made, "demand-flat-1")["price"] == 5
    assert "netting" not in component(made, "energy")


def test_periods_become_a_calendar():
    """Two periods on weekdays, one at weekends; hours in as few ranges as there are."""
    day = [0] * 8 + [1] * 4 + [0] * 4 + [1] * 4 + [0] * 4
    made = document(rate(
        energyratestructure=[[{"rate": 1}], [{"rate": 2}]], energyweekdayschedule=schedule(*day),
    ))  # fmt: skip
    assert made["calendars"]["energy"]["rules"] == [
        {"bucket": "period-1", "days": ["weekday"],
         "hours": ["00:00-08:00", "12:00-16:00", "20:00-24:00"]},
        {"bucket": "period-1", "days": ["weekend"]},
        {"bucket": "period-2", "days": ["weekday"], "hours": ["08:00-12:00", "16:00-20:00"]},
    ]  # fmt: skip
    assert component(made, "energy")["prices"] == {"period-1": 1, "period-2": 2}


def test_tiers_of_periods_share_their_thresholds():
    """Thresholds of all periods in one list; a period repeats its price between its own."""
    halves = schedule(*[0] * 12, *[1] * 12)
    made = document(rate(
        energyratestructure=[
            [{"rate": 1, "max": 100, "unit": "kWh"}, {"rate": 2, "unit": "kWh"}],
            [{"rate": 3, "max": 400, "unit": "kWh"}, {"rate": 4, "unit": "kWh"}],
        ],
        energyweekdayschedule=halves, energyweekendschedule=halves,
    ))  # fmt: skip
    assert component(made, "energy")["tiers"] == [
        {"upto": 100, "prices": {"period-1": 1, "period-2": 3}},
        {"upto": 400, "prices": {"period-1": 2, "period-2": 3}},
        {"prices": {"period-1": 2, "period-2": 4}},
    ]
    assert any(sentence.startswith("Tiers are filled") for sentence in made["assumptions"])


def test_tiers_per_day_follow_the_days_of_the_bill():
    """kWh daily is the document's own unit, netted or not."""
    daily = [[{"rate": 1, "max": 10, "unit": "kWh daily"}, {"rate": 2, "unit": "kWh daily"}]]
    made = document(rate(energyratestructure=daily))
    energy = component(made, "energy")
    assert (energy["unit"], energy["netting"]) == ("kwh_per_day", "month")
    assert energy["tiers"][0] == {"upto": 10, "price": 1}


def hours_of_use(*ends, unit="kWh/kW"):
    steps = [{"rate": k, "max": end, "unit": unit} for k, end in enumerate(ends, 1)]
    return [[*steps, {"rate": 9, "unit": unit}]]


def test_hours_of_use_are_tiers_by_the_demand_of_the_month():
    """kWh/kW: a demand without a price is measured for them, with the ratchet and the window."""
    made = document(
        rate(energyratestructure=hours_of_use(200, 400), lookbackpercent=Decimal("0.6"),
             lookbackrange=11, demandwindow=15),
        resolution_s=900,
    )  # fmt: skip
    energy, demand = component(made, "energy"), component(made, "billing-demand")
    assert energy["demand"] == "billing-demand"
    assert [tier.get("upto_per_kw") for tier in energy["tiers"]] == [200, 400, None]
    assert demand["price"] == 0
    assert demand["window_min"] == 15
    assert demand["ratchet"] == {"percent": 60, "months": 11}


def test_hours_of_use_by_the_day_are_those_of_the_month():
    """kWh/kW daily: 31, 30 and 28 times the hours, in the months of that length."""
    given = hours_of_use(5, unit="kWh/kW daily")
    made = document(rate(energyratestructure=given, dgrules="Buy All Sell All"))
    parts = [part for part in made["components"] if part["id"].startswith("energy")]
    assert [part["tiers"][0]["upto_per_kw"] for part in parts] == [155, 150, 140]
    assert [len(part["months"]) for part in parts] == [7, 4, 1]
    assert refused(energyratestructure=given) == [
        "energyratestructure: net metering with tiers whose kind differs by month: a credit would "
        "not pass from one to the other"
    ]


def test_a_block_of_hours_of_use_divided_by_kwh():
    """200 kWh/kW divided at 3000 kWh, then up to 400 kWh/kW, then the rest."""
    made = document(rate(energyratestructure=[[
        {"rate": 9, "max": 200, "unit": "kWh/kW"}, {"rate": 1, "max": 3000, "unit": "kWh"},
        {"rate": 2, "unit": "kWh"}, {"rate": 3, "max": 400, "unit": "kWh/kW"},
        {"rate": 4, "unit": "kWh/kW"},
    ]]))  # fmt: skip
    assert component(made, "energy")["tiers"] == [
        {"upto": 3000, "upto_per_kw": 200, "price": 1}, {"upto_per_kw": 200, "price": 2},
        {"upto_per_kw": 400, "price": 3}, {"price": 4},
    ]  # fmt: skip
    assert any("its own price is not used" in sentence for sentence in made["assumptions"])


@pytest.mark.parametrize(
    ("unit", "price"), [("$/month", "12"), ("$/day", "365"), ("$/year", "1"), (None, "12")]
)
def test_fixed_charges(unit, price):
    """12 a day are 365 a month; 12 a year are 1 a month; without a unit it says so."""
    keys = {"fixedchargefirstmeter": 12} | ({"fixedchargeunits": unit} if unit else {})
    made = document(rate(**keys))
    assert component(made, "fixed")["price"] == Decimal(price)
    assert any("fixedchargefirstmeter" in s for s in made["assumptions"]) == (unit != "$/month")


def test_a_minimum_covers_everything():
    """The minimum bill names all other components."""
    made = document(rate(mincharge=20, fixedchargefirstmeter=5, minchargeunits="$/month"))
    assert component(made, "minimum") == {
        "id": "minimum", "shape": "minimum", "of": ["fixed", "energy"], "amount": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    "keys", [{"mincharge": 240, "minchargeunits": "$/year"}, {"annualmincharge": 240}]
)
def test_a_minimum_of_the_year_is_settled_on_its_last_bill(keys):
    """Twelve bills together are at least that much."""
    made = document(rate(fixedchargefirstmeter=5, **keys))
    assert component(made, "minimum-year") == {
        "id": "minimum-year", "shape": "minimum", "of": ["fixed", "energy"], "amount": 240,
        "per": "year", "settle": {"on": "01-01"},
    }  # fmt: skip


def test_a_minimum_leaves_credits_alone():
    """Net billing: a bill below zero counts as zero, and what was set aside is given back.

    Buy all sell all: what export earns is another matter.
    """
    sells = {"energyratestructure": [[{"rate": 1, "sell": 2}]], "mincharge": 20}
    made = document(rate(dgrules="Net Billing Instantaneous", **sells))
    assert [part["id"] for part in made["components"]] == [
        "energy", "export", "aside", "minimum", "aside-back",
    ]  # fmt: skip
    assert component(made, "minimum")["of"] == ["energy", "export", "aside"]
    assert component(made, "aside-back")["percent"] == -100
    made = document(rate(dgrules="Buy All Sell All", **sells))
    assert component(made, "minimum")["of"] == ["energy"]


def test_hourly_net_billing_keeps_money_for_later_bills():
    """What export earns counts from the next bill on, against energy."""
    sells = {"energyratestructure": [[{"rate": 1, "sell": 2}]]}
    made = document(rate(dgrules="Net Billing Hourly", fixedchargefirstmeter=3, **sells))
    assert component(made, "energy")["netting"] == component(made, "export")["netting"] == "hour"
    assert component(made, "kept") == {
        "id": "kept", "shape": "bank", "of": ["energy"], "later": ["export"],
        "true_up": {"on": "01-01", "percent": 100},
    }  # fmt: skip
    made = document(rate(dgrules="Net Billing Hourly", mincharge=3, **sells))
    assert "true_up" not in component(made, "kept")


def test_order_of_time_where_nothing_is_netted_over_the_month():
    """Net billing fills tiers of periods as energy comes; dials know no order."""
    keys = {
        "energyratestructure": [
            [{"rate": p, "max": 9, "sell": p}, {"rate": 5, "sell": 1}] for p in (1, 2)
        ],
        "energyweekdayschedule": schedule(*[0] * 12, *[1] * 12), "dgrules": "Net Billing Hourly",
    }  # fmt: skip
    hourly = document(rate(**keys), resolution_s=3600)
    assert component(hourly, "energy")["pooling"] == "in_order"
    assert component(hourly, "energy")["netting"] == "interval"
    assert component(hourly, "export")["tiers"][0] == {
        "upto": 9, "prices": {"period-1": 1, "period-2": 2},
    }  # fmt: skip
    finer = document(rate(**keys), resolution_s=900)
    assert component(finer, "energy")["pooling"] == "pro_rata"
    dials = document(rate(**keys), registers=True)
    assert component(dials, "energy")["pooling"] == "pro_rata"
    assert "netting" not in component(dials, "energy")


def seasons():
    """Periods 1 and 2 from October to May, 3 and 4 in summer; the second from 12 o'clock."""
    winter, summer = [0] * 12 + [1] * 12, [2] * 12 + [3] * 12
    table = [list(summer if 6 <= m <= 9 else winter) for m in range(1, 13)]
    return {
        "energyratestructure": [[{"rate": p}] for p in (1, 2, 3, 4)],
        "energyweekdayschedule": table, "energyweekendschedule": table,
    }  # fmt: skip


def test_credits_follow_the_hour_into_the_next_season():
    """What winter's midnight period banked goes to summer's on 1 June, and back in October."""
    moves = component(document(rate(**seasons())), "energy")["bank_moves"]
    assert [(move["on"], move["from"], move["to"]) for move in moves] == [
        ("06-01", "period-1", "period-3"), ("06-01", "period-2", "period-4"),
        ("10-01", "period-3", "period-1"), ("10-01", "period-4", "period-2"),
    ]  # fmt: skip


def test_adjustments_by_month_are_netted_with_energy():
    """Under net metering they are part of each period's price, and credits pass over them."""
    fuel = [Decimal("0.01")] * 6 + [Decimal("0.03")] * 6
    made = document(rate(fueladjustmentsmonthly=fuel))
    energy = component(made, "energy")
    assert energy["prices"] == {
        "period-1-fuel-1": Decimal("0.13"), "period-1-fuel-2": Decimal("0.15"),
    }  # fmt: skip
    assert [(move["on"], move["to"]) for move in energy["bank_moves"]] == [
        ("01-01", "period-1-fuel-1"), ("07-01", "period-1-fuel-2"),
    ]  # fmt: skip
    flat = component(document(rate(fueladjustmentsmonthly=[Decimal("0.01")] * 12)), "energy")
    assert flat["price"] == Decimal("0.13")
    assert "bank_moves" not in flat


def test_net_billing_pays_the_sell_rate():
    """Export at the sell rate; without one it earns nothing, and it says so."""
    billing = {"dgrules": "Net Billing Instantaneous"}
    sells = [[{"rate": 1, "sell": Decimal("0.04")}]]
    made = document(rate(energyratestructure=sells, **billing))
    assert component(made, "export") == {
        "id": "export", "shape": "energy", "channel": "export", "credit": True,
        "price": Decimal("0.04"),
    }  # fmt: skip
    none = document(rate(**billing))["assumptions"]
    assert "The source has no sell rate: export earns nothing." in none


def test_a_demand_window_is_taken_over_where_the_readings_allow_it():
    """15 minutes can be measured with quarter-hours, not with hours."""
    keys = {"flatdemandstructure": [[{"rate": 5}]], "flatdemandmonths": [0] * 12}
    given = rate(demandwindow=15, **keys)
    assert component(document(given, resolution_s=900), "demand-flat-1")["window_min"] == 15
    hourly = document(given, resolution_s=3600)
    assert "window_min" not in component(hourly, "demand-flat-1")
    assert any("demand over 15 minutes" in sentence for sentence in hourly["assumptions"])


def test_a_ratchet_and_an_adjustment_by_month():
    """lookbackPercent of lookbackRange months; fuel by month in components of their own."""
    made = document(rate(
        flatdemandstructure=[[{"rate": 5}]], flatdemandmonths=[0] * 12,
        lookbackPercent=Decimal("0.8"), lookbackRange=11,
        fueladjustmentsmonthly=[Decimal("0.01")] * 6 + [0] * 6,
    ), channels=("import",))  # fmt: skip
    assert component(made, "demand-flat-1")["ratchet"] == {"percent": 80, "months": 11}
    assert component(made, "fuel-1")["months"] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"lookbackPercent": Decimal("0.8"), "lookbackMonths": [False] * 5 + [True] * 4 + [0] * 3,
          "lookbackRange": 12},
         {"percent": 80, "months": 12,
          "by_month": {str(m): 0 for m in (1, 2, 3, 4, 5, 10, 11, 12)}}),
        ({"lookbackPercent": 75}, {"percent": 75, "months": 11}),
        ({"demandratchetpercentage": [Decimal("0.5")] * 12}, {"percent": 50, "months": 11}),
        ({"demandratchetpercentage": [0] * 6 + [1] * 6},
         {"percent": 100, "months": 11, "by_month": {str(m): 0 for m in range(1, 7)}}),
        ({"demandratchetpercentage": [0] * 12}, None),
        ({"lookbackRange": 12}, None),
    ],
)  # fmt: skip
def test_ratchets(keys, expected):
    """The months of a look-back are those whose demand counts later."""
    flat = {"flatdemandstructure": [[{"rate": 5}]], "flatdemandmonths": [0] * 12}
    assert component(document(rate(**flat, **keys)), "demand-flat-1").get("ratchet") == expected


def test_a_ratchet_over_seasons_of_flat_demand():
    """One component measures all year; each season has its price for what that one bills."""
    made = document(rate(
        flatdemandstructure=[[{"rate": 5}], [{"rate": 6}]], flatdemandmonths=[0, 1] * 6,
        lookbackpercent=Decimal("0.5"), lookbackrange=6,
    ))  # fmt: skip
    assert component(made, "demand-flat")["ratchet"] == {"percent": 50, "months": 6}
    assert component(made, "demand-flat-2") == {
        "id": "demand-flat-2", "shape": "demand", "price": 6, "months": [2, 4, 6, 8, 10, 12],
        "basis": "billed", "demand": "demand-flat",
    }  # fmt: skip


def flat_demand(unit, *channels, structure=({"rate": 746},)):
    given = rate(
        flatdemandstructure=[list(structure)], flatdemandmonths=[0] * 12, flatdemandunit=unit
    )
    made = document(given, channels=("import", *channels))
    return component(made, "demand-flat-1"), made["assumptions"]


def test_units_of_demand():
    """kVA needs reactive energy, or is taken as kW and says so; a horsepower is 0.74569987 kW."""
    assert flat_demand("kVA", "reactive_import")[0]["power"] == "apparent"
    part, told = flat_demand("kVA")
    assert "power" not in part
    assert any(sentence.endswith("so kVA are taken as kW.") for sentence in told)
    part, told = flat_demand("hp", structure=({"rate": 1, "max": 100}, {"rate": 2}))
    assert part["tiers"] == [
        {"upto": Decimal("74.569987"), "price": Decimal("1.34102209")},
        {"price": Decimal("2.68204418")},
    ]  # fmt: skip
    part, told = flat_demand("kW daily")
    assert (part["per"], part["top"], part["distinct_days"]) == ("day", 31, True)


def test_decimals_are_those_of_the_text():
    """0.1234567 stays 0.1234567; a ninth decimal is rounded and said."""
    text = json.dumps(rate(energyratestructure=[[{"rate": 0.1234567}]]), default=str)
    given = pick(text.encode(), name="r.json", key=None)
    assert component(document(given), "energy")["price"] == Decimal("0.1234567")
    text = text.replace("0.1234567", "0.12345678500000000001")  # which a float does not hold
    given = pick(text.encode(), name="r.json", key=None)
    assert component(document(given), "energy")["price"] == Decimal("0.12345679")
    left = [[{"rate": Decimal("0.1"), "adj": Decimal("-1.3877787807814457e-17")}]]
    assert component(document(rate(energyratestructure=left)), "energy")["price"] == Decimal("0.1")
    finer = document(rate(energyratestructure=[[{"rate": Decimal("0.123456785")}]]))
    assert component(finer, "energy")["price"] == Decimal("0.12345678")
    assert any("more than 8 decimals" in sentence for sentence in finer["assumptions"])


def test_prices_below_zero_are_meant():
    """A discount in the source is said to be one."""
    made = document(rate(energyratestructure=[[{"rate": Decimal("-0.01")}]]))
    assert component(made, "energy")["negative"] is True


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"energyratestructure": [[{"rate": 1, "max": 9, "unit": "kWh/hp"}, {"rate": 2}]]},
         "energyratestructure, period-1: tiers in kwh/hp"),
        ({"energyratestructure": [[]]}, "energyratestructure, period 1: there is no tier"),
        ({"energyratestructure": [[{"rate": 1, "max": 9}, {"rate": 2, "max": 9}, {"rate": 3}]]},
         "energyratestructure, period 1: a maximum of 9 follows one of 9; maximums count from "
         "zero and grow"),
        ({"energyratestructure": [[{"rate": 1, "max": 2_000_000}, {"rate": 3}]]},
         "energyratestructure, period 1, tier 1: 2000000 is not below 1000000"),
        ({"energyratestructure": [[{"rate": 1, "max": 0}, {"rate": 3}]]},
         "energyratestructure, period 1, tier 1: a maximum of 0 is not above 0"),
        ({"fixedchargefirstmeter": 10**9},
         "fixedchargefirstmeter: 1000000000 is not below 1000000"),
        ({"energyweekdayschedule": None, "energyratestructure": [[{"rate": 1}], [{"rate": 2}]]},
         "energyweekdayschedule is not a table of 12 months and 24 hours"),
        ({"fueladjustmentsmonthly": [1]}, "fueladjustmentsmonthly is not a list of twelve"),
        ({"mincharge": -1}, "mincharge or annualmincharge is below zero"),
        ({"energyratestructure": [[{"max": 9}, {"rate": 2}]]},
         "energyratestructure, period 1, tier 1: there is no price"),
        ({"energyratestructure": [[{"rate": 1}, {"rate": 2}]]},
         "energyratestructure, period 1, tier 1: has no maximum, and another tier follows"),
        ({"energyratestructure": [[{"rate": "a lot"}]]},
         "energyratestructure, period 1, tier 1: 'a lot' is not a number"),
        ({"energyweekdayschedule": schedule(3)},
         "energyweekdayschedule names period 3, which is not there"),
        ({"energyweekdayschedule": [[0] * 24]},
         "energyweekdayschedule is not a table of 12 months and 24 hours"),
        ({"flatdemandstructure": [[{"rate": 5}]], "flatdemandmonths": [0] * 12,
          "flatdemandunit": "furlong"},
         "flatdemandunit: demand in 'furlong', which is not kW, kVA or hp"),
        ({"flatdemandstructure": [[{"rate": 5}]], "flatdemandmonths": [1] * 12},
         "flatdemandmonths names a period that is not there"),
        ({"flatdemandmonths": [0] * 11}, "flatdemandmonths is not a list of twelve periods"),
        ({"demandratestructure": [[{"rate": 5}]], "demandrateunit": "kW daily"},
         "demandrateunit: demand of each day, by periods or by tiers: a bill knows the demand of "
         "the month, and the mean of its days"),
        ({"coincidentratestructure": [[{"rate": 5}], [{"rate": 6}]]},
         "coincidentrateschedule is not a table of 12 months and 24 hours"),
        ({"fixedchargefirstmeter": 1, "fixedchargeunits": "$/kVA"},
         "fixedchargefirstmeter: the unit '$/kVA' is not $/month, $/day or $/year"),
        ({"dgrules": "Magic"}, "dgrules: there is no rule 'magic'"),
        ({"country": "IND"}, "country: the currency of IND is not stated"),
    ],
)  # fmt: skip
def test_what_cannot_be_expressed_is_refused(keys, reason):
    """Never a guess: the reason names the key of the source."""
    assert refused(**keys) == [reason]


def test_one_of_several_rates():
    """A file of several rates asks which one, and lists them."""
    many = json.dumps({"A": rate(name="First"), "B": rate(name="Second")}, default=str).encode()
    assert pick(many, name="f.json", key="B")["name"] == "Second"
    with pytest.raises(UsageError, match=r"2 rates. Name one of: A \(First\), B \(Second\)"):
        pick(many, name="f.json", key=None)
    with pytest.raises(NotFound, match="There is no rate 'C'"):
        pick(many, name="f.json", key="C")
    with pytest.raises(InvalidDocument, match="no rate of the OpenEI"):
        pick(b'{"x": 1}', name="f.json", key=None)
    with pytest.raises(InvalidDocument, match="not JSON"):
        pick(b"{", name="f.json", key=None)


SCHEMA = """
label uri name utility eiaid approved is_default startdate enddate supersedes sector servicetype
description source sourceparent basicinformationcomments peakkwcapacitymin peakkwcapacitymax
peakkwcapacityhistory peakkwhusagemin peakkwhusagemax peakkwhusagehistory voltageminimum
voltagemaximum voltagecategory phasewiring flatdemandunit flatdemandstructure flatdemandmonths
demandunits demandrateunit demandratestructure demandweekdayschedule demandweekendschedule
demandratchetpercentage demandwindow demandreactivepowercharge coincidentrateunit
coincidentratestructure coincidentrateschedule demandattrs demandcomments usenetmetering
energyratestructure energyweekdayschedule energyweekendschedule energyattrs energycomments
fixedmonthlycharge minmonthlycharge annualmincharge fixedattrs dgrules fueladjustmentsmonthly
fixedchargefirstmeter fixedchargeeaaddl fixedchargeunits mincharge minchargeunits lookbackpercent
lookbackrange lookbackmonths country revisions latest_update
"""
"""The fields of a rate, https://openei.org/services/doc/rest/util_rates, versions 3, 7 and 8."""


def test_every_key_of_the_source_is_read_or_said():
    """A key is read, or information; those that are neither are told by name."""
    known = keys.READ | keys.LIMITS | keys.COMMENTS | keys.NOTES | keys.INFORMATION
    assert {keys.plain(key) for key in SCHEMA.split()} <= known
    told = document(rate(surcharge_percent=3, Riders=[]))["assumptions"]
    assert "Keys that are not known and not read: riders, surchargepercent." in told


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"energyattrs": [{"Fuel factor": "$0.02/kWh"}]},
         "energyattrs is a note and not charged: Fuel factor: $0.02/kWh"),
        ({"demandcomments": "Minimum of 50 kW\r\napplies"},
         "demandcomments, not charged: Minimum of 50 kW applies"),
        ({"servicetype": "Delivery"},
         "servicetype: the rate is for 'Delivery' alone; what else a customer pays is on other "
         "bills."),
        ({"voltagecategory": "Primary", "peakkwcapacitymin": 20},
         "Who may have the rate is not checked: voltagecategory Primary, peakkwcapacitymin 20."),
        ({"energyratestructure": [[{"rate": 1, "sell": 2}]]},
         "Net metering: export counts as energy, so the sell rates are not used."),
        ({"fixedchargeeaaddl": 4},
         "One meter is billed: the charge of 4 for each additional meter is not."),
        ({"demandreactivepowercharge": 1},
         "The readings have no reactive energy: reactive demand is not charged."),
        ({"energyratestructure": None},
         "There is an energy schedule and no energy price: none is charged."),
        ({"flatdemandmonths": [0] * 12},
         "flatdemandmonths has no prices beside it: no such demand is charged."),
        ({"energyratestructure": [[{"rate": 1, "tax": 2}]]},
         "energyratestructure, period 1, tier 1: tax is not known and not read."),
    ],
)  # fmt: skip
def test_what_is_not_charged_is_said(keys, sentence):
    """Nothing that may be a price is dropped silently."""
    made = document(rate(**{"fixedchargefirstmeter": 1} | keys))
    assert sentence in made["assumptions"]


def test_rates_as_the_database_is_dumped():
    """The names of the dump, and tiers that are wrapped, are the same rate."""
    given = {
        "rateName": "Dumped", "utilityName": "Utility", "dgrules": "Net Metering",
        "energyRateStrux": [{"energyRateTiers": [{"rate": 1, "unit": "kWh"}]}],
        "energyWeekdaySched": schedule(0), "energyWeekendSched": schedule(0),
    }  # fmt: skip
    made = document(given)
    assert made["title"] == "Utility: Dumped"
    assert component(made, "energy")["price"] == 1
