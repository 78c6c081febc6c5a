"""Bills of NREL's rate engine (PySAM) for URDB rates, and ours through both raters.

A year has 365 days and begins on a Monday, as 2018 does; the engine knows no zone, so UTC.
The engine is set up by its own converter of URDB rates, but for two slips of it:

- `lookbackmonths`: it fills twelve rows that are one and the same list, so that all months get the
  percentage of the last one set; here each row is its own.
- it says that the month's own demand counts with the look-back's percentage alone; here it counts
  in full, as every rate sheet with a ratchet means it.

Years before the first have no demand.
"""

import hashlib
import json
from contextlib import redirect_stdout
from datetime import date
from io import StringIO

import pytest
from case_raters import kernel
from two_raters import differences

from gridtally.periods import Period, iso_utc, zone
from gridtally.rating.importers.urdb import to_text
from gridtally.rating.reference import rate_case

YEAR = 2018
HOURS = 8760
BUY_ALL = "Buy All Sell All"
HOURLY = "Net Billing Hourly"


def engine(rate, load, generation):
    """Monthly bills; powers in kW by the interval."""
    module = pytest.importorskip("PySAM.Utilityrate5")
    tools = pytest.importorskip("PySAM.UtilityRateTools")
    model = module.new()
    plain = json.loads(json.dumps(rate))  # the converter changes the schedules that it is given
    with redirect_stdout(StringIO()):
        given = tools.URDBv8_to_ElectricityRates(plain)
    if given["ur_enable_billing_demand"]:
        percent = rate["lookbackpercent"] * 100
        months = rate.get("lookbackmonths", [True] * 12)
        given["ur_billing_demand_lookback_percentages"] = [
            [percent if month else 0, 1] for month in months
        ]
        given["ur_yearzero_usage_peaks"] = [0] * 12
    model.ElectricityRates.assign(given)
    model.Lifetime.analysis_period = 1
    model.Lifetime.system_use_lifetime_output = 0
    model.Lifetime.inflation_rate = 0
    if rate.get("dgrules") == HOURLY and len(load) > HOURS:
        load, generation = hourly(load), hourly(generation)
    model.SystemOutput.gen = [float(value) for value in generation]
    model.SystemOutput.degradation = [0]
    model.Load.load = [float(value) for value in load]
    model.ElectricityRates.rate_escalation = [0]
    model.execute(0)
    bills = list(model.Outputs.year1_monthly_utility_bill_w_sys)
    if rate.get("dgrules") == HOURLY and "mincharge" in rate:
        bills[-1] += model.Outputs.year1_true_up_credits[-1]
    return bills


def hourly(powers):
    """Mean powers of hours."""
    size = len(powers) // HOURS
    return [sum(powers[at : at + size]) / size for at in range(0, len(powers), size)]


def channels(rate, load, generation):
    """Import and export in 10^-6 kWh by the interval, from kW."""
    per_hour = len(load) // HOURS
    if rate.get("dgrules") == BUY_ALL:
        pairs = list(zip(load, generation, strict=True))
    else:
        net = [used - made for used, made in zip(load, generation, strict=True)]
        pairs = [(max(value, 0), max(-value, 0)) for value in net]
    micro = [tuple(int(side.scaleb(6)) if side else 0 for side in pair) for pair in pairs]
    assert all(side % per_hour == 0 for pair in micro for side in pair)
    return [used // per_hour for used, _ in micro], [made // per_hour for _, made in micro]


def ours(rate, load, generation, *, exports=True):
    """Bills of twelve months, each with what the raters say differently, which is nothing."""
    resolution = 3600 * HOURS // len(load)
    used = ("import", "export") if exports else ("import",)
    text = to_text(rate, zone="UTC", channels=used, resolution_s=resolution).encode()
    name = "sha256:" + hashlib.sha256(text).hexdigest()
    values = dict(zip(("import", "export"), channels(rate, load, generation), strict=True))
    carry, bills = [], []
    for month in range(1, 13):
        first, after = date(YEAR, month, 1), date(YEAR + month // 12, month % 12 + 1, 1)
        start, end = zone("UTC").bounds(Period(first, after))
        at = (first - date(YEAR, 1, 1)).days * 86_400 // resolution
        count = (end - start) // resolution
        shape = {"start": iso_utc(start), "resolution_s": resolution, "quality": "A" * count}
        case = {
            "schema": 1, "agreement": "A", "metering_point": "P", "zone": "UTC",
            "legal_source": "interval", "from": str(first), "to": str(after),
            "spans": [{"from": str(first), "to": str(after), "tariff": name,
                       "contract_ukw": None, "capacity_ukva": None}],
            "channels": {side: shape | {"values": values[side][at : at + count]} for side in used},
            "registers": [], "carry_in": carry,
        }  # fmt: skip
        answer = rate_case(case, {name: text})
        why, lines, kept = kernel(case, {name: text})
        assert list(differences("A/1", answer, why or None, lines, kept)) == []
        assert answer["findings"] == [], answer["findings"]
        bills.append(answer)
        carry = answer["carry_out"]
    return bills
