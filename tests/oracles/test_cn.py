"""Chinese worked examples: the second opinion gives the published numbers.

Cases are found by the keys of their inputs; only those of quality A that fit our shapes are taken.
"""

import csv
import hashlib
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from gridtally.rating.reference import rate_case

ROOT = Path(__file__).parents[2]
ORACLES = Path(os.environ.get("GRIDTALLY_ORACLES", ROOT.parent / "shared" / "oracles"))
TABLE = ORACLES.parent / "reference" / "power-factor-adjustment-cn.csv"
FILES = sorted((ORACLES / "cn").glob("*.json"))
HEAD = """
schema = 1
tariff = "cn"
currency = "CNY"
zone = "Asia/Shanghai"
valid_from = 2026-01-01
source = "published example"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
"""


def examples(*keys):
    """Cases of quality A whose inputs have these keys, as parameters."""
    cases = [case for file in FILES for case in json.loads(file.read_text(), parse_float=Decimal)]
    found = [
        pytest.param(case, id=case["id"])
        for case in cases
        if case["quality"] == "A" and set(keys) <= case["inputs"].keys()
    ]
    reason = f"no example with {', '.join(keys)} under {ORACLES / 'cn'}"
    return found or [pytest.param(None, marks=pytest.mark.skip(reason=reason))]


def rows_of(standard):
    """The adjustment table of one standard, as the `rows` of a component."""
    if not TABLE.exists():
        pytest.skip(f"no adjustment table at {TABLE}")
    with TABLE.open() as file:
        rows = [
            f'"{row["power_factor"]}" = {row[f"standard_{standard:.2f}_percent".replace(".", "_")]}'
            for row in csv.DictReader(file)
        ]
    return (
        '[[components]]\nid = "adjustment"\nshape = "power_factor"\nof = ["energy"]\n'
        "[components.rows]\n" + "\n".join(rows) + "\n"
    )


def energy(price):
    return (
        '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\n'
        f"price = {Decimal(price):f}\n"
    )


def dial(kwh, channel="import", bucket="total", multiplier=1):
    """A dial that moves by so many units in March 2026."""
    times = ("2026-02-28T16:00:00Z", "2026-03-31T16:00:00Z")
    return {
        "meter": "M", "register": f"{channel}.{bucket}", "channel": channel, "bucket": bucket,
        "kind": "cumulative", "digits": 6, "multiplier": int(multiplier * 1_000_000),
        "readings": [
            {"time": time, "reading": int(reading * 1_000_000), "quality": "A", "reason": "routine"}
            for time, reading in zip(times, (Decimal(0), Decimal(kwh)), strict=True)
        ],
    }  # fmt: skip


def rate(text, *dials, capacity=None, carry=()):
    document = (HEAD + text).encode()
    name = "sha256:" + hashlib.sha256(document).hexdigest()
    span = {"from": "2026-03-01", "to": "2026-04-01", "tariff": name}
    case = {
        "schema": 1,
        "agreement": "A",
        "metering_point": "P",
        "zone": "Asia/Shanghai",
        "legal_source": "register",
        "from": "2026-03-01",
        "to": "2026-04-01",
        "spans": [span | {"contract_ukw": None, "capacity_ukva": capacity}],
        "channels": {},
        "registers": list(dials),
        "carry_in": list(carry),
    }
    answer = rate_case(case, {name: document})
    assert answer["findings"] == []
    return answer


def line(answer, component, bucket=None):
    (found,) = (
        each
        for each in answer["lines"]
        if each["component"] == component and bucket in (None, each["bucket"])
    )
    return found


def reactive_for(active, factor):
    """Some reactive energy with this power factor to two decimals."""
    goal = Decimal(active) * (1 / Decimal(factor) ** 2 - 1).sqrt()
    return goal.quantize(Decimal("0.001"))


@pytest.mark.parametrize("case", examples("kvarh_read", "kvarh_missed", "bill_incl_pf_adj"))
def test_missed_reactive_energy(case):
    """Power factor and adjustment before and after the reactive energy that was not read."""
    given, want = case["inputs"], case["expected"]
    adjustment = rows_of(given["std"])
    bill, kwh = Decimal(given["bill_incl_pf_adj"]), given["kWh"]
    read, missed = given["kvarh_read"], given["kvarh_missed"]
    base = bill / (1 + Decimal(want["adj1_pct"]) / 100)
    text = energy(base / kwh) + adjustment
    first = rate(text, dial(kwh), dial(read, "reactive_import"))
    assert Decimal(line(first, "adjustment")["bucket"]) == want["pf1"]
    assert Decimal(line(first, "adjustment")["price"]) == want["adj1_pct"]
    assert Decimal(first["total"]) == bill
    second = rate(text, dial(kwh), dial(read + missed, "reactive_import"))
    assert Decimal(line(second, "adjustment")["bucket"]) == want["pf2"]
    assert Decimal(line(second, "adjustment")["price"]) == want["adj2_pct"]
    assert Decimal(second["total"]) == want["correct_bill"]
    assert Decimal(second["total"]) - bill == want["back_bill"]


@pytest.mark.parametrize("case", examples("kWh", "price", "pf", "std"))
def test_reward_for_a_good_power_factor(case):
    """The percentage of the table and its amount."""
    given, want = case["inputs"], case["expected"]
    text = energy(given["price"]) + rows_of(given["std"])
    reactive = reactive_for(given["kWh"], given["pf"])
    answer = rate(text, dial(given["kWh"]), dial(reactive, "reactive_import"))
    found = line(answer, "adjustment")
    assert Decimal(found["bucket"]) == given["pf"]
    assert Decimal(found["price"]) == want["adj_pct"]
    assert Decimal(found["amount"]) == want["adj_fee"]


@pytest.mark.parametrize("case", examples("seg1", "seg2"))
def test_time_of_use_dials_with_a_power_factor(case):
    """The second segment: dials of peak, valley and the rest through CT and PT."""
    given, want = case["inputs"]["seg2"], case["expected"]
    ratio = 1
    for key in ("ct", "pt"):
        high, low = given[key].split("/")
        ratio *= Decimal(high) / Decimal(low)
    buckets = {"peak": given["peak"], "valley": given["valley"]}
    buckets["flat"] = given["total"] - given["peak"] - given["valley"]
    price = given["price"]
    prices = {"peak": price * given["peak_ratio"], "valley": price * given["valley_ratio"]}
    written = ", ".join(f"{b} = {prices.get(b, price):f}" for b in buckets)
    text = (
        '[calendars.tou]\n[[calendars.tou.rules]]\nbucket = "peak"\nhours = ["08:00-12:00"]\n'
        '[[calendars.tou.rules]]\nbucket = "valley"\nhours = ["00:00-06:00"]\n'
        '[[calendars.tou.rules]]\notherwise = "flat"\n'
        '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\ncalendar = "tou"\n'
        f"prices = {{ {written} }}\n" + rows_of(given["std"])
    )
    dials = [dial(units, bucket=b, multiplier=ratio) for b, units in buckets.items()]
    reactive = given["total"] * given["reactive_over_active"]
    answer = rate(text, *dials, dial(reactive, "reactive_import", multiplier=ratio))
    for bucket in buckets:
        assert Decimal(line(answer, "energy", bucket)["amount"]) == want[f"{bucket}_fee"]
    assert Decimal(line(answer, "adjustment")["amount"]) == want["pf_adj_fee"]


@pytest.mark.parametrize("case", examples("base", "step1_year_kwh", "step2_year_kwh", "adder1"))
def test_the_first_month_of_yearly_steps(case):
    """The year's steps are used up in order; what remains of the second is what carry says."""
    given, want = case["inputs"], case["expected"]
    first, second = given["step1_year_kwh"], given["step1_year_kwh"] + given["step2_year_kwh"]
    base, dearer = given["base"], given["base"] + given["adder1"]
    text = (
        '[[components]]\nid = "energy"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
        f"tiers = [{{ upto = {first}, price = {base:f} }}, "
        f"{{ upto = {second}, price = {dearer:f} }}, {{ price = 9 }}]\n"
    )
    answer = rate(text, dial(given["feb_kwh"]))
    assert Decimal(answer["total"]) == want["feb"]
    (position,) = answer["carry_out"]
    used = Decimal(position["value"]) / 1_000_000
    assert max(0, first - used) == want["feb_remaining_step1"]
    assert second - used == want["feb_remaining_step2"]


@pytest.mark.parametrize("case", examples("kVA", "basic_price", "kWh", "price"))
def test_the_average_price_of_two_parts(case):
    """Capacity charge and energy charge over the energy."""
    given, want = case["inputs"], case["expected"]
    text = (
        '[[components]]\nid = "basic"\nshape = "fixed"\nper = "kva_month"\n'
        f"price = {given['basic_price']}\n" + energy(given["price"])
    )
    answer = rate(text, dial(given["kWh"]), capacity=given["kVA"] * 1_000_000)
    assert Decimal(answer["total"]) / given["kWh"] == want["avg_price"]
