"""URDB rates that say a thing twice, or in a way that nobody reads: refused, or said."""

import json
from decimal import Decimal

import pytest
from test_urdb_import import component, document, rate, refused, schedule

from gridtally.errors import InvalidDocument, UsageError
from gridtally.rating.importers.rate import pick

FLAT = {"flatdemandstructure": [[{"rate": 5}]], "flatdemandmonths": [0] * 12}
HALF = Decimal("0.5")


def told(**keys):
    return document(rate(**keys))["assumptions"]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (FLAT | {"lookbackpercent": HALF, "demandratchetpercentage": [Decimal("0.8")] * 12},
         "lookbackpercent and demandratchetpercentage are two ratchets that differ: keep one"),
        ({"fixedchargefirstmeter": 5, "fixedmonthlycharge": 7},
         "fixedchargefirstmeter and fixedmonthlycharge differ, 5 and 7 per month: keep one"),
        ({"fixedchargefirstmeter": 0, "fixedmonthlycharge": 7},
         "fixedchargefirstmeter and fixedmonthlycharge differ, 0 and 7 per month: keep one"),
        ({"fixedchargefirstmeter": 1, "fixedchargeeaaddl": 1, "fixedchargeeachaddl": 2},
         "fixedchargeeaaddl and fixedchargeeachaddl differ, 1 and 2: keep one"),
        ({"mincharge": 5, "minmonthlycharge": 7},
         "mincharge and minmonthlycharge differ, 5 and 7 per month: keep one"),
        ({"mincharge": 24, "minchargeunits": "$/year", "minmonthlycharge": 7},
         "mincharge and minmonthlycharge differ, 2 and 7 per month: keep one"),
        ({"mincharge": 24, "minchargeunits": "$/year", "annualmincharge": 36},
         "mincharge and annualmincharge differ, 24 and 36 per year: keep one"),
        ({"dgRules": "Buy All Sell All"},
         "dgrules and dgRules are one key, and say two things: keep one"),
        ({"energyratestructure": [[{"rate": 1, "unit": "MWh"}]]},
         "energyratestructure, period-1: a price in mwh"),
        (FLAT | {"lookbackpercent": HALF, "lookbackrange": 48},
         "lookbackrange: 48 is not a whole number of months up to 36"),
        (FLAT | {"lookbackpercent": HALF, "lookbackrange": Decimal("2.5")},
         "lookbackrange: 2.5 is not a whole number of months up to 36"),
        ({"usenetmetering": "perhaps", "dgrules": None},
         "usenetmetering: 'perhaps' is neither true nor false"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused(keys, reason):
    """Both keys are named; nobody picks one of two prices unseen."""
    assert refused(**keys) == [reason]


def test_the_same_said_twice_is_one():
    """Equal prices and shares under two names are no contradiction; nor is an empty key."""
    made = document(rate(
        fixedchargefirstmeter=12, fixedchargeunits="$/year", fixedmonthlycharge=1, mincharge=24,
        minchargeunits="$/year", minmonthlycharge=2, annualmincharge=24, dgRules="Net Metering",
        DGRULES="", lookbackpercent=HALF, demandratchetpercentage=[50] * 12, **FLAT,
    ))  # fmt: skip
    assert component(made, "fixed")["price"] == 1
    assert component(made, "demand-flat-1")["ratchet"] == {"percent": 50, "months": 11}


def test_a_unit_is_checked_in_every_period():
    """A period of one tier in MWh, beside one in kWh."""
    assert refused(
        energyratestructure=[[{"rate": 1, "unit": "kWh"}], [{"rate": 2, "unit": "MWh"}]],
        energyweekdayschedule=schedule(*[0] * 12, *[1] * 12),
    ) == ["energyratestructure, period-2: a price in mwh"]


def test_no_net_metering_is_read():
    """`usenetmetering: false` without a rule: what is exported is sold, and nothing netted."""
    sells = {"energyratestructure": [[{"rate": 1, "sell": 2}]], "dgrules": None}
    made = document(rate(usenetmetering=False, **sells))
    assert "netting" not in component(made, "energy")
    assert component(made, "export")["price"] == 2
    assert (
        "usenetmetering is false and there is no dgrules: read as net billing instantaneous."
    ) in made["assumptions"]
    assert not any("no rule for export" in sentence for sentence in made["assumptions"])
    made = document(rate(usenetmetering=True, **sells))
    assert component(made, "energy")["netting"] == "month"


@pytest.mark.parametrize(
    ("rule", "said"), [("Net Metering", False), ("Net Billing Instantaneous", True)]
)
def test_a_rule_that_usenetmetering_contradicts_is_said(rule, said):
    """`dgrules` is the newer key and holds."""
    sentence = f"usenetmetering is {str(said).lower()}, dgrules {rule.lower()!r}: dgrules holds."
    assert sentence in told(usenetmetering=said, dgrules=rule)
    assert sentence not in told(usenetmetering=not said, dgrules=rule)


def test_unknown_keys_are_named_whole():
    """All of them, however many; a note is cut between words."""
    names = sorted(f"surcharge{k:02}ofthecounty" for k in range(40))
    sentence = " ".join(s for s in told(**dict.fromkeys(names, 1)) if "not known" in s)
    assert [name for name in names if name not in sentence] == []
    (note,) = (s for s in told(demandcomments="word " * 60) if s.startswith("demandcomments"))
    assert note.endswith("word …")
    step = {"rate": 1} | dict.fromkeys(names, 1)
    (sentence,) = (s for s in told(energyratestructure=[[step]]) if "not known" in s)
    assert [name for name in names if name not in sentence] == []


RATCHET = "The ratchet adds to the month's own demand, which always counts in full."


def test_sentences_on_demand_stand_where_it_is_charged():
    """No ratchet and no window is told of a rate that measures no demand."""
    given = {"lookbackpercent": HALF, "lookbackrange": 6, "demandwindow": 15}
    said = told(**given)
    assert RATCHET not in said
    assert not any("demand over 15 minutes" in sentence for sentence in said)
    assert "There is a ratchet, and no demand that it could raise." in said
    said = told(**given, **FLAT)
    assert RATCHET in said
    assert any("demand over 15 minutes" in sentence for sentence in said)
    assert "There is a ratchet, and no demand that it could raise." not in said


def test_reactive_demand_has_no_window_and_no_ratchet():
    """Said where the rate has either."""
    sentence = "Reactive demand is that of single readings and of the month: no window, no ratchet."
    channels = ("import", "reactive_import")
    for more, there in (({}, False), ({"demandwindow": 15}, True), ({"lookbackpercent": 1}, True)):
        made = document(rate(demandreactivepowercharge=1, **more), channels=channels)
        assert (sentence in made["assumptions"]) == there


def test_a_sell_rate_of_demand_is_said():
    """Nobody buys demand."""
    structure = [[{"rate": 5, "sell": 1}]]
    sentence = "flatdemandstructure: sell is read for energy alone; here it is not."
    assert sentence in told(**FLAT | {"flatdemandstructure": structure})
    assert sentence not in told(**FLAT)


def test_all_reasons_at_once():
    """Energy, flat demand, demand by periods, coincident demand, ratchet: one answer."""
    found = refused(
        energyratestructure=[[]], flatdemandstructure=[[{"rate": 5}]], flatdemandunit="furlong",
        demandratestructure=[[{"rate": 5}]], demandweekdayschedule=schedule(2),
        coincidentratestructure=[[{"rate": 1}]], coincidentrateunit="furlong",
        lookbackpercent=200, fixedchargefirstmeter=1, fixedchargeunits="$/moon",
    )  # fmt: skip
    assert sorted(reason.partition(":")[0].partition(" names")[0] for reason in found) == sorted([
        "energyratestructure, period 1", "flatdemandunit", "demandweekdayschedule",
        "coincidentrateunit", "a ratchet of less than nothing, or of more than all of the demand",
        "fixedchargefirstmeter",
    ])  # fmt: skip


def picked(text, key=None):
    return pick(text.encode(), name="f.json", key=key)


def test_two_rates_of_one_label_are_refused():
    """Which of the two is meant stands nowhere; one that is there twice word by word is one."""
    one, two = (json.dumps(rate(name=name), default=str) for name in ("First", "Second"))
    for key in (None, "A1"):
        with pytest.raises((InvalidDocument, UsageError)) as caught:
            picked(f"[{one}, {two}]", key=key)
        assert "A1" in str(caught.value)
    assert picked(f"[{one}, {one}]", key="A1")["name"] == "First"


def test_a_key_that_stands_twice_is_refused():
    """JSON would take the last of two prices."""
    with pytest.raises(InvalidDocument, match="'fixedmonthlycharge' stands twice"):
        picked('{"fixedmonthlycharge": 1, "fixedmonthlycharge": 2, "energyratestructure": []}')
    assert picked('{"name": "a", "name": "a", "energyratestructure": []}')["name"] == "a"
