"""The test cases of NREL's rate engine: every expected number, through both raters.

Loads and generation are kW by the interval; energy is rounded half even to 6 decimals of a kWh. A
year's bills are folded month after month. Where the generation of a case is not there as it is
named (25 years), its first year is taken from the file of one year; `NO_FILE` lists the numbers
that are left out for want of it. What the engine refuses (`REFUSED`) has no number to compare with.
"""

import hashlib
import json
import os
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from case_raters import disagreements
from sam_rates import document, prices_by_time

from gridtally.money import Rounding, round_fraction
from gridtally.periods import Period, iso_utc, zone
from gridtally.rating.reference import rate_case
from gridtally.terms import RoundingMode

ROOT = Path(os.environ.get("GRIDTALLY_ORACLES", Path(__file__).parents[3] / "shared" / "oracles"))
CASES, INPUTS = ROOT / "ssc" / "cases.json", ROOT / "ssc" / "inputs"
YEAR = 2018
FIRST = 1514764800
"""2018-01-01T00:00:00Z"""
YEAR_S = 365 * 86_400
MICRO = Decimal("0.000001")
SCHEDULES = ("ur_ec_sched_weekday", "ur_ec_sched_weekend", "ur_ec_tou_mat")

pytestmark = pytest.mark.skipif(not CASES.is_file(), reason=f"no cases of the engine in {ROOT}")


NO_FILE = {
    "Test_Residential_net_metering_credits_in_may_with_rollover-0": ["annual_bill_w_sys[2]"],
    "Test_Residential_TOU_Rates_net_metering_credits_w_sell_rates_and_rollover-0": [
        "annual_bill_w_sys[1]", "annual_bill_w_sys[2]", "dec_year_1_credits",
    ],
    "Test_Residential_TOU_Rates_net_billing_carryover-0": ["jan_year_2", "jan_year_2_credits"],
    "Test_Residential_TOU_Rates_net_billing_carryover_april_reset-0": [
        "jan_year_2", "jan_year_2_credits",
    ],
    "Test_Residential_TOU_Rates_net_billing_carryover_lower_sell_rate-0": [
        "jan_year_2", "jan_year_2_credits",
    ],
    "Test_Commercial_Demand_Charges-0": ["cost_with_system"],
    "Test_Residential_TOU_Rates_net_billing_carryover_inflow_outflow_apply_no_expire-0": [
        "jan_year_2", "jan_year_2_credits",
    ],
    "Test_Residential_TOU_Rates_net_billing_carryover_inflow_outflow_expire_no_apply-0": [
        "jan_year_2", "jan_year_2_credits",
    ],
}  # fmt: skip
"""Case and step -> numbers that need years of generation, or a plant, of which no file is there."""
REFUSED = {"Test_Residential_TOU_Rates_w_tiers_exception-0"}
"""The engine takes no tiers that end elsewhere from period to period of a month."""


def every_step():
    """(name, step) of all cases."""
    cases = json.loads(CASES.read_text())["cases"] if CASES.is_file() else []
    return [
        (f"{case['name']}-{number}", step)
        for case in cases
        for number, step in enumerate(case["steps"])
    ]


def steps():
    return [
        pytest.param(name, step, id=name) for name, step in every_step() if not step["should_fail"]
    ]


@cache
def values(name):
    """Numbers of a file, a header taken as 0; None when it is not there."""
    path = INPUTS / name
    if not path.is_file():
        return None
    texts = path.read_text(encoding="utf-8-sig").replace(",", "\n").split()

    def number(text):
        try:
            return Decimal(text)
        except ArithmeticError:
            return Decimal(0)

    return tuple(number(text) for text in texts)


def power(given, what, year):
    """kW of a year, or None; `given` names a file and how many values the engine reads."""
    name = Path(given["file"]).name
    found, count = values(name), given["n"]
    if found is None and year == 1:
        found, count = values(name.replace("gen_25_year_", "gen_1_yr_")), 8760
    if found is None:
        return None
    found = found[:count]
    per_year = 8760 * max(1, round(len(found) / 8760)) if what == "load" else None
    if what == "gen":
        per_year = 8760 if len(found) % 8760 == 0 and len(found) > 35040 else len(found)
        if len(found) > per_year:
            found = found[(year - 1) * per_year : year * per_year]
        elif year > 1:
            return None
    return found[:per_year]


def channels(load, gen):
    """(resolution, import, export) in 10^-6 kWh."""
    size = max(len(load), len(gen) if gen else 0)
    per_hour = size // 8760
    load = [value for value in load for _ in range(size // len(load))]
    gen = [value for value in gen for _ in range(size // len(gen))] if gen else [Decimal(0)] * size
    net = [(used - made) / per_hour for used, made in zip(load, gen, strict=True)]
    micro = [int(v.quantize(MICRO, ROUND_HALF_EVEN).scaleb(6)) for v in net]
    return 3600 // per_hour, [max(v, 0) for v in micro], [max(-v, 0) for v in micro]


def both(given, load, gen):
    """Channels as the metering option reads them: two meters see load and generation apart."""
    if gen is None or int(given.get("ur_metering_option", 0)) != 4:
        return channels(load, gen)
    resolution, used, _ = channels(load, None)
    _, made, _ = channels([max(v, Decimal(0)) for v in gen], None)
    return resolution, used, made


def steps_of(prices, start, end):
    """The series of a rating case: prices of [start, end), equal neighbours joined."""
    size = YEAR_S // len(prices)
    found = []
    for at in range(start, end, size):
        value = f"{prices[(at - FIRST) // size].normalize():f}"
        if not found or found[-1][1] != value:
            found.append([iso_utc(at), value])
    return {"steps": found, "to": iso_utc(end)}


def year_of(text, readings, carry, *, exports, prices):
    """Answers of twelve months, and what the last hands on; both raters agree on each."""
    name = "sha256:" + hashlib.sha256(text).hexdigest()
    resolution, used, given_back = readings
    at, answers = 0, []
    for month in range(1, 13):
        first = date(YEAR, month, 1)
        after = date(YEAR + month // 12, month % 12 + 1, 1)
        start, end = zone("UTC").bounds(Period(first, after))
        count = (end - start) // resolution
        part = slice(at, at + count)
        at += count
        shape = {"start": iso_utc(start), "resolution_s": resolution, "quality": "A" * count}
        case = {
            "schema": 1, "agreement": "A", "metering_point": "P", "zone": "UTC",
            "legal_source": "interval", "from": str(first), "to": str(after),
            "spans": [{"from": str(first), "to": str(after), "tariff": name,
                       "contract_ukw": None, "capacity_ukva": None}],
            "channels": {"import": shape | {"values": used[part]}}
            | ({"export": shape | {"values": given_back[part]}} if exports else {}),
            "registers": [], "carry_in": carry,
        }  # fmt: skip
        if prices:
            case["series"] = {name: steps_of(p, start, end) for name, p in prices.items()}
        assert disagreements(case, {name: text}) == []
        answer = rate_case(case, {name: text})
        assert answer["findings"] == []
        answers.append(answer)
        carry = answer["carry_out"]
    return answers, carry


def before(given):
    """Demands of the year before the first, as the engine is told them; below zero is no use."""
    peaks = given.get("ur_yearzero_usage_peaks")
    if not given.get("ur_enable_billing_demand") or not peaks:
        return []
    names = ["billing", *(f"d{n}" for n in range(1, 40)), *(f"f{n}" for n in range(12))]
    text = document(given, year=1, exports=False)
    return sorted(
        (
            {"key": f"demand/{name}/{bucket}", "at": f"{YEAR - 1}-{month:02}-01",
             "value": int(max(Decimal(repr(peak)), 0) * 1_000_000)}
            for name in names
            if f'id = "{name}"' in text
            for bucket in ("all",)
            for month, peak in enumerate(peaks, 1)
        ),
        key=lambda row: (row["key"], row["at"]),
    )  # fmt: skip


def rolled(carry):
    """The same carry a year earlier: every year of the engine is the same calendar year."""

    def back(text):
        return f"{int(text[:4]) - 1}{text[4:]}"

    return [row | {"at": back(row["at"])} for row in carry]


class Years:
    """Bills of the years that are asked for, made once."""

    def __init__(self, given):
        self.given, self.made = given, {}

    def months(self, year, *, exports):
        """The answers of a year; None where the generation is not there."""
        key = (year, exports)
        if key not in self.made:
            self.made[key] = self._make(year, exports)
        return self.made[key] and self.made[key][0]

    def _make(self, year, exports):
        given = self.given
        gen = power(given["gen"], "gen", year) if exports else None
        if exports and gen is None:
            return None
        carry = before(given)
        if year > 1:
            if self.months(year - 1, exports=exports) is None:
                return None
            carry = rolled(self.made[year - 1, exports][1])
        text = document(given, year=year, exports=exports).encode()
        readings = both(given, power(given["load"], "load", 1), gen)
        prices = prices_by_time(given)
        return year_of(text, readings, carry, exports=exports, prices=prices)


def lines(answer, *, component=None, bucket=None, sold=None):
    found = Decimal(0)
    for line in answer["lines"]:
        name = line["component"]
        is_sold = name.startswith("e") and name.endswith("s")
        if (
            name != "rounding"
            and (component is None or name == component)
            and (bucket is None or line["bucket"].endswith(bucket))
            and (sold is None or is_sold == sold)
        ):
            found += Decimal(line["amount"])
    return found


def ladder(answer, tier):
    """Energy of a tier of the month, in the engine's numbering of tiers that hold energy."""
    steps = {}
    for line in answer["lines"]:
        if line["component"].startswith("e") and "tier-" in line["bucket"]:
            number = int(line["bucket"].rpartition("-")[2])
            energy = Fraction(line["quantity"]) * Fraction(line["factor"])
            steps[number] = steps.get(number, 0) + energy
    found = [steps[number] for number in sorted(steps)][tier - 1]
    return round_fraction(found, Rounding(6, RoundingMode.HALF_EVEN))


def figure(output, index, years, given):
    """The engine's output from our bills, or None where it cannot be had."""
    exports = "wo_sys" not in output
    where = index or []
    if output.startswith("year1_"):
        where = [1, *where]
    year = where[0] if where and not output.endswith("_tp") else 1
    months = years.months(year, exports=exports)
    if months is None:
        return None
    month = months[where[1]] if len(where) > 1 and not output.endswith("_tp") else None
    if output.startswith("utility_bill_"):
        return sum(map(lines, months)) if month is None else lines(month)
    option = int(given.get("ur_metering_option", 0))
    if output.endswith("true_up_credits_ym") or output == "year1_true_up_credits":
        if option in (0, 1) and given.get("ur_nm_credit_rollover"):
            return Decimal(0)  # it is a credit of the next bill, and shown there
        return -lines(month, bucket="true-up")
    if "nm_dollars_applied" in output:
        return -lines(month, component="bank", bucket="used")
    if output == "net_billing_credits_ym":
        if option == 3:
            return -lines(month, component="bank", bucket="used")
        return -lines(month, sold=True)
    if output == "two_meter_sales_ym":
        return -lines(month, sold=True)
    if output.startswith("billing_demand"):
        return next(
            Decimal(line["quantity"]) for line in month["lines"] if line["component"] == "billing"
        )
    if output.endswith("_tp"):
        name = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
        return ladder(months[name.index(output.split("_")[-2])], index[1])
    pytest.fail(f"the output {output} of the engine is not known here")


def test_what_is_out_of_scope_is_listed():
    """Of 63 expected numbers 48 are compared, 15 named as left out; one case has no number."""
    labels = {name: [one["label"] for one in step["expect"]] for name, step in every_step()}
    assert sum(map(len, labels.values())) == 63
    assert sum(map(len, NO_FILE.values())) == 15
    assert [name for name, out in NO_FILE.items() if not set(out) <= set(labels[name])] == []
    refused = {name: step["expect"] for name, step in every_step() if step["should_fail"]}
    assert refused == {name: [] for name in REFUSED}


@pytest.mark.parametrize(("name", "step"), steps())
def test_every_expected_number(name, step):
    """Within the engine's own tolerance; both raters agree on every month to the last digit."""
    given = step["inputs"]
    years = Years(given)
    left = []
    for expected in step["expect"]:
        found = figure(expected["output"], expected["index"], years, given)
        if found is None:
            left.append(expected["label"])
            continue
        assert abs(found - Decimal(repr(expected["value"]))) <= Decimal(repr(expected["tol"])), (
            expected["label"], found, expected["value"],
        )  # fmt: skip
    if not step["expect"]:
        for exports in (False, True):
            years.months(1, exports=exports)
    assert set(left) <= set(NO_FILE.get(name, []))
