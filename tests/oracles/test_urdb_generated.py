"""Generated URDB rates: every month is that of NREL's rate engine, through both raters.

To a thousandth of a cent before the total is rounded, and so to the cent after it.

The engine (PySAM) runs in the same test. `urdb_rates.py` says what is made and what is not,
`urdb_engine.py` how the engine is set up. The suite takes a part; `./run oracles` takes all 300
(`GRIDTALLY_URDB=300`).
"""

import json
import os
import random
from decimal import ROUND_HALF_UP, Decimal

import pytest
from urdb_engine import YEAR, engine, ours
from urdb_rates import Made

from gridtally.errors import InvalidDocument

ALL = 300
COUNT = int(os.environ.get("GRIDTALLY_URDB", "25"))
CLOSE = Decimal("0.00001")
"""Lines are rounded to 8 decimals, and the engine counts in binary."""


def seeds():
    """The first ones have every rule and every kind of tiers; a part takes them spread out."""
    if COUNT >= ALL:
        return range(COUNT)
    return sorted(random.Random(YEAR).sample(range(ALL), COUNT))


def differences(bills, theirs):
    """Months whose lines, before the total is rounded to the cent, are not the engine's bill."""
    found = []
    for month, (bill, engines) in enumerate(zip(bills, theirs, strict=True), 1):
        lines = (line for line in bill["lines"] if line["component"] != "rounding")
        exact = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
        assert Decimal(bill["total"]) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if abs(exact - Decimal(repr(engines))) > CLOSE:
            found.append((month, exact, engines))
    return found


@pytest.mark.parametrize("seed", seeds())
def test_a_generated_rate_to_the_cent(seed):
    """Twelve months of a rate: the engine's bills, and both raters agree on every line."""
    made = Made(seed)
    theirs = engine(made.rate, made.load, made.generation)
    bills = ours(made.rate, made.load, made.generation, exports=made.exports)
    assert differences(bills, theirs) == [], made.family


# ------------------------------------------------------- what the generator leaves out


def flat(*cells):
    return [[cell for cell in cells for _ in range(24 // len(cells))] for _ in range(12)]


def constant(load, made=0):
    return [Decimal(load)] * 8760, [Decimal(made)] * 8760


def energy(*periods, **keys):
    table = flat(*range(len(periods)))
    return {
        "energyratestructure": list(periods), "energyweekdayschedule": table,
        "energyweekendschedule": table, **keys,
    }  # fmt: skip


def test_the_engine_loses_credits_of_hours_that_it_does_not_look_at():
    """A period from 18 to 24 o'clock banks 60 kWh a day in winter, and uses them in no summer.

    Ours keeps them; nothing else differs.
    """
    late = [[0] * 18 + [1] * 6 for _ in range(12)]
    rate = energy([{"rate": 0.1}], [{"rate": 0.2}], dgrules="Net Metering")
    rate |= {"energyweekdayschedule": late, "energyweekendschedule": late}
    load = [Decimal(10)] * 8760
    made = [
        Decimal(20 if at % 24 >= 18 and at < 4344 else 0) for at in range(8760)
    ]  # 1 July begins with hour 4344
    theirs, bills = engine(rate, load, made), ours(rate, load, made)
    assert [month for month, *_ in differences(bills, theirs)] == [7, 8, 9, 10, 11, 12]
    assert Decimal(bills[6]["total"]) == 31 * 180 * Decimal("0.1")
    assert round(theirs[6], 2) == 31 * (18 + 12)


def test_the_engine_charges_every_period_at_the_months_demand():
    """With a ratchet a night of 5 kW is charged 20 kW, those of the day."""
    rate = energy([{"rate": 0}], lookbackpercent=0.5, lookbackrange=11, fixedchargefirstmeter=0)
    rate |= {"demandratestructure": [[{"rate": 1}], [{"rate": 10}]],
             "demandweekdayschedule": flat(0, 1), "demandweekendschedule": flat(0, 1)}  # fmt: skip
    load = [Decimal(5 if at % 24 < 12 else 20) for at in range(8760)]
    assert round(engine(rate, load, [0] * 8760)[0], 2) == 20 * 1 + 20 * 10
    assert Decimal(ours(rate, load, [Decimal(0)] * 8760, exports=False)[0]["total"]) == 205


def test_the_engine_fills_hours_of_use_in_the_order_of_time():
    """Net billing of 10 kW, the first 372 hours of January at 1, the rest at 2, nights free.

    In the order of time all that is cheap comes first, in proportion half of each tier is free.
    """
    unit = {"unit": "kWh/kW"}
    rate = energy(
        [{"rate": 0, "max": 372, **unit}, {"rate": 0, **unit}],
        [{"rate": 1, "max": 372, **unit}, {"rate": 2, **unit}],
        dgrules="Net Billing Instantaneous",
    )
    load = [Decimal(10 if at < 372 or at % 24 < 12 else 1) for at in range(8760)]
    theirs = engine(rate, load, [0] * 8760)
    bills = ours(rate, load, [Decimal(0)] * 8760, exports=False)
    assert differences(bills, theirs)[0][0] == 1


def test_a_quarter_hour_is_netted_within_its_hour():
    """2 kWh in and 2 kWh out of an hour are nothing under hourly net billing.

    The engine nets each quarter-hour alone: it is given the hours.
    """
    rate = energy([{"rate": 1, "sell": 0.5}], dgrules="Net Billing Hourly")
    load, made = [Decimal(4), Decimal(0)] * 17520, [Decimal(0), Decimal(4)] * 17520
    assert {bill["total"] for bill in ours(rate, load, made)} == {"0"}
    rate["dgrules"] = "Net Billing Instantaneous"
    assert Decimal(ours(rate, load, made)[0]["total"]) == 744 * 2 - 744


def test_the_engine_gives_away_what_is_above_the_last_maximum():
    """7440 kWh: 100 at 0.1, the rest at 0.2, although its tier is said to end at 1000; 10 kW at 1.

    The engine charges 1000 kWh and 5 kW.
    """
    rate = energy([{"rate": 0.1, "max": 100}, {"rate": 0.2, "max": 1000}], dgrules="Net Metering")
    rate |= {"flatdemandstructure": [[{"rate": 1, "max": 5}]], "flatdemandmonths": [0] * 12}
    theirs, bills = engine(rate, *constant(10)), ours(rate, *constant(10), exports=False)
    assert round(theirs[0], 2) == 10 + 180 + 5
    assert Decimal(bills[0]["total"]) == 10 + 7340 * Decimal("0.2") + 10


def test_what_the_converter_makes_of_a_look_back():
    """Half of December alone becomes half of every month, its own demand included; ours: December.

    `urdb_engine.py` sets both right before the engine runs.
    """
    tools = pytest.importorskip("PySAM.UtilityRateTools")
    keys = {"lookbackpercent": 0.5, "lookbackrange": 11, "lookbackmonths": [False] * 11 + [True]}
    rate = energy([{"rate": 0}], flatdemandstructure=[[{"rate": 1}]], flatdemandmonths=[0] * 12)
    made = tools.URDBv8_to_ElectricityRates(json.loads(json.dumps(rate | keys)))
    assert made["ur_billing_demand_lookback_percentages"] == [[50, 0]] * 12
    load = [Decimal(10 if at < 744 else 2) for at in range(8760)]
    bills = ours(rate | keys, load, [Decimal(0)] * 8760, exports=False)
    assert [Decimal(bill["total"]) for bill in bills[:3]] == [10, 2, 2]


def test_what_the_engine_does_not_charge():
    """An adjustment of 0.01 by month is 74.4; 10 kW are 13.41 horsepower, not 10."""
    rate = energy([{"rate": 0}], flatdemandstructure=[[{"rate": 1}]], flatdemandmonths=[0] * 12)
    more = {"flatdemandunit": "hp", "fueladjustmentsmonthly": [0.01] * 12}
    assert round(engine(rate | more, *constant(10))[0], 2) == 10
    bills = ours(rate | more, *constant(10), exports=False)
    assert Decimal(bills[0]["total"]) == Decimal("74.4") + Decimal("13.41")


def test_what_the_importer_refuses_of_these():
    """Export beside hours of use by the day."""
    unit = {"unit": "kWh/kW daily"}
    daily = energy([{"rate": 1, "max": 5, **unit}, {"rate": 2, **unit}], dgrules="Net Metering")
    with pytest.raises(InvalidDocument):
        ours(daily, *constant(1))
