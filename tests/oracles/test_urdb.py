"""URDB rates through `quote`, against the monthly bills of NREL's rate engine (PySAM).

The load is kW by the hour over a year of 365 days that begins on a Monday, as 2018 does; the
engine knows no zone, so UTC. Its values are rounded half even to 6 decimals of a kWh here.
Components of the engine are compared to 0.00001, bills to the cent.
"""

import json
import os
import random
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from gridtally.quote import rate_readings

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
RATES = ROOT / "urdb" / "rates.json"
EXPECTED = ROOT / "urdb" / "expected_pysam.json"
LOADS = ROOT / "ssc" / "inputs"
FIRST = datetime(2018, 1, 1, tzinfo=UTC)
AS_OF = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
HOURS = 8760
MICRO = Decimal("0.000001")

pytestmark = pytest.mark.skipif(
    not (RATES.is_file() and EXPECTED.is_file()), reason=f"no URDB oracles in {ROOT}"
)


def expected():
    return json.loads(EXPECTED.read_text())["bills"] if EXPECTED.is_file() else []


def load_named(sentence):
    """The load file that the expectation names, to 6 decimals."""
    name = next(word for word in sentence.replace("/", " ").split() if word.endswith(".csv"))
    return [
        Decimal(text).quantize(MICRO, ROUND_HALF_EVEN)
        for text in (LOADS / name).read_text().split()[:HOURS]
    ]


def as_csv(channels):
    rows = ["metering_point,channel,start,value,unit"]
    for channel, values in channels.items():
        rows += [
            f"MP,{channel},{(FIRST + timedelta(hours=i)).isoformat()},{value},kWh"
            for i, value in enumerate(values)
        ]
    return ("\n".join(rows) + "\n").encode()


def bills(rate, readings, **options):
    answer = rate_readings(
        rate, readings, tariff_name="rate.json", readings_name="load.csv", as_of=AS_OF,
        zone="UTC", **options,
    )  # fmt: skip
    assert answer["findings"] == []
    assert len(answer["bills"]) == 12
    return answer["bills"]


def by_kind(bill):
    """Amounts as the engine groups them."""
    found = dict.fromkeys(("fixed", "energy", "dc_flat", "dc_tou", "min"), Decimal(0))
    groups = {"demand": "dc_tou", "minimum": "min"}
    for line in bill["lines"]:
        name = "dc_flat" if line["component"].startswith("demand-flat") else line["component"]
        name = groups.get(name, name.split("-")[0])
        if name != "rounding":
            found[name if name in found else "dc_flat"] += Decimal(line["amount"])
    return found


@pytest.fixture(scope="module")
def commercial():
    return as_csv({"import": load_named(json.loads(EXPECTED.read_text())["load"])})


@pytest.mark.parametrize("case", expected(), ids=lambda case: case["key"])
def test_every_rate_to_the_cent(case, commercial):
    """Each month's bill is the engine's to the cent, and each component of it."""
    made = bills(RATES.read_bytes(), commercial, key=case["key"])
    for month, bill in enumerate(made):
        total = Decimal(repr(case["monthly"]["bill"][month]))
        assert Decimal(bill["total"]) == total.quantize(Decimal("0.01"), ROUND_HALF_UP), month
        for name, amount in by_kind(bill).items():
            wanted = Decimal(repr(case["monthly"][name][month]))
            assert abs(amount - wanted) < Decimal("0.00001"), (month, name)


# ------------------------------------------------- other rates, the engine itself


def pysam(rate, load, generation):
    """Monthly bills of the engine. The JSON round trip unshares the schedules that it changes."""
    engine = pytest.importorskip("PySAM.Utilityrate5")
    tools = pytest.importorskip("PySAM.UtilityRateTools")
    model = engine.new()
    model.ElectricityRates.assign(tools.URDBv8_to_ElectricityRates(json.loads(json.dumps(rate))))
    model.Lifetime.analysis_period = 1
    model.Lifetime.system_use_lifetime_output = 0
    model.Lifetime.inflation_rate = 0
    model.SystemOutput.gen = [float(value) for value in generation]
    model.SystemOutput.degradation = [0]
    model.Load.load = [float(value) for value in load]
    zero = (
        "ur_nm_yearend_sell_rate", "ur_nm_credit_month", "ur_nm_credit_rollover",
        "ur_en_ts_buy_rate", "ur_en_ts_sell_rate", "ur_sell_eq_buy", "TOU_demand_single_peak",
        "ur_annual_min_charge",
    )  # fmt: skip
    for name in zero:
        setattr(model.ElectricityRates, name, 0)
    model.ElectricityRates.rate_escalation = [0]
    if "mincharge" not in rate:
        model.ElectricityRates.ur_monthly_min_charge = 0
    model.execute(0)
    return list(model.Outputs.year1_monthly_utility_bill_w_sys)


def a_schedule(rng, periods):
    """Weekday and weekend tables in which every period occurs."""
    cuts = sorted(rng.sample(range(1, 24), periods - 1))
    day = [sum(hour >= cut for cut in cuts) for hour in range(24)]
    flat = [rng.randrange(periods)] * 24
    return [list(day) for _ in range(12)], [list(rng.choice((day, flat))) for _ in range(12)]


def a_price(rng, top):
    return round(rng.uniform(0.001, top), rng.randint(2, 5))


def tiers(rng, bounds, top, **more):
    return [
        {"rate": a_price(rng, top), **({} if bound is None else {"max": bound}), **more}
        for bound in (*bounds, None)
    ]


def a_rate(seed):
    """A random rate: flat or time of use, with or without tiers, demand, minimum, per day.

    Net billing with tiers has one period: the engine fills tiers hour by hour there, a tariff
    document in proportion (an assumption that the importer states).
    """
    rng = random.Random(seed)
    rate = {
        "label": f"x{seed}", "name": "made up", "utility": "none", "dgrules": rng.choice(
            ("Net Metering", "Net Billing Instantaneous")),
        "fixedchargefirstmeter": rng.randint(1, 90),
        "fixedchargeunits": rng.choice(("$/month", "$/day", "$/year")),
    }  # fmt: skip
    if rng.random() < 0.4:
        rate |= {"mincharge": rng.randint(1, 9000), "minchargeunits": "$/month"}
    periods = rng.randint(1, 3)
    bounds = sorted(rng.sample(range(200, 40_000), rng.randint(0, 2)))
    daily = rate["dgrules"] != "Net Metering" and rng.random() < 0.3
    bounds = bounds if periods == 1 or rate["dgrules"] == "Net Metering" else []
    unit = {"unit": "kWh daily" if daily else "kWh"}
    bounds = [bound // 30 + 1 for bound in bounds] if daily else bounds
    rate["energyratestructure"] = [tiers(rng, bounds, 0.4, **unit) for _ in range(periods)]
    week, end = a_schedule(rng, periods)
    rate |= {"energyweekdayschedule": week, "energyweekendschedule": end}
    if rate["dgrules"] != "Net Metering":
        for period in rate["energyratestructure"]:
            sell = a_price(rng, 0.1)
            for step in period:
                step["sell"] = sell
    if rng.random() < 0.6:
        rate["flatdemandstructure"] = [tiers(rng, [100], 20), tiers(rng, [], 20)]
        rate["flatdemandmonths"] = [rng.randrange(2) for _ in range(12)]
    if rng.random() < 0.6:
        bounds = rng.sample(range(20, 200), rng.randint(0, 1))
        rate["demandratestructure"] = [tiers(rng, bounds, 20) for _ in range(2)]
        week, end = a_schedule(rng, 2)
        rate |= {"demandweekdayschedule": week, "demandweekendschedule": end}
    return rate


@pytest.mark.parametrize("seed", range(10))
def test_made_up_rates_to_the_cent(seed):
    """Rates that nobody wrote, with and without panels on the roof: the engine's bills."""
    pytest.importorskip("PySAM.Utilityrate5")
    rng = random.Random(seed)
    load = [Decimal(rng.randint(0, 150_000_000)).scaleb(-6) for _ in range(HOURS)]
    panels = [
        Decimal(rng.randint(0, 200_000_000) if 7 <= i % 24 < 19 and seed % 2 else 0).scaleb(-6)
        for i in range(HOURS)
    ]
    net = [used - made for used, made in zip(load, panels, strict=True)]
    readings = as_csv({
        "import": [max(value, Decimal(0)) for value in net],
        "export": [max(-value, Decimal(0)) for value in net],
    })  # fmt: skip
    rate = a_rate(seed)
    made = [Decimal(bill["total"]) for bill in bills(json.dumps(rate).encode(), readings)]
    for ours, theirs in zip(made, pysam(rate, load, panels), strict=True):
        assert abs(ours - Decimal(repr(theirs))) <= Decimal("0.0051")
