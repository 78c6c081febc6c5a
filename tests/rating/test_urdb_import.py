"""URDB rates as tariff documents: what is read, what is assumed, what is refused."""

import json
from decimal import Decimal

import pytest

from gridtally.errors import InvalidDocument, NotFound, UsageError
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


def test_tiers_per_day_are_those_of_the_month():
    """kWh daily: 31, 30 and 28 times the threshold, in the months of that length."""
    daily = [[{"rate": 1, "max": 10, "unit": "kWh daily"}, {"rate": 2, "unit": "kWh daily"}]]
    made = document(rate(energyratestructure=daily, dgrules="Net Billing Hourly"))
    assert [part["tiers"][0]["upto"] for part in made["components"]] == [310, 300, 280]
    assert [len(part["months"]) for part in made["components"]] == [7, 4, 1]
    assert refused(energyratestructure=daily) == [
        "energyratestructure: net metering with tiers per day"
    ]


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
    assert refused(mincharge=20, minchargeunits="$/year") == [
        "mincharge: a minimum per year is settled over twelve bills"
    ]


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
    ))  # fmt: skip
    assert component(made, "demand-flat-1")["ratchet"] == {"percent": 80, "months": 11}
    assert component(made, "fuel-1")["months"] == [1, 2, 3, 4, 5, 6]


def test_prices_below_zero_are_meant():
    """A discount in the source is said to be one."""
    made = document(rate(energyratestructure=[[{"rate": Decimal("-0.01")}]]))
    assert component(made, "energy")["negative"] is True


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"energyratestructure": [[{"rate": 1, "max": 9, "unit": "kWh/kW"}, {"rate": 2}]]},
         "energyratestructure: tiers in kwh/kw"),
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
          "flatdemandunit": "hp"}, "flatdemandunits: demand in hp, not in kW"),
        ({"coincidentratestructure": [[{"rate": 5}]]},
         "coincidentratestructure: demand at the hour of the system's peak"),
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
