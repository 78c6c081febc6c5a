"""Chinese worked examples: both raters give the published numbers.

Cases are found by the keys of their inputs; those of quality A give the published numbers, those
of quality X, whose published answer is wrong, give the right ones instead.

Where a shipped tariff has the rule of an example, the example is rated under that document, with
its prices in the place of the document's. Two are not: a transformer changed within a month is one
bill under two tariffs that no shipped one resembles, and energy that a wrong connection lost is
billed by a correction rate, which belongs to no tariff.
"""

import csv
import hashlib
import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from case_raters import disagreements
from shipped_cases import case_of, case_of_spans, month, priced, text_of, total_of
from shipped_cases import rated as rated_case

from gridtally.money import number
from gridtally.rating.reference import rate_case
from gridtally.rating.shipped import shipped

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
TOU = """
[calendars.tou]
[[calendars.tou.rules]]
bucket = "peak"
hours = ["08:00-12:00"]
[[calendars.tou.rules]]
bucket = "valley"
hours = ["00:00-06:00"]
[[calendars.tou.rules]]
otherwise = "flat"
"""
HOUR = {"peak": 9, "valley": 1, "flat": 15, "total": 15}
"""An hour of each bucket, in which all of its energy is used."""


TAKEN = set()
"""(id, quality) of the examples that tests of this module are given."""


def every_example():
    return [case for file in FILES for case in json.loads(file.read_text(), parse_float=Decimal)]


def examples(*keys, quality="A"):
    """Cases of a quality whose inputs have these keys, as parameters."""
    cases = every_example()
    found = [
        pytest.param(case, id=case["id"])
        for case in cases
        if case["quality"] == quality and set(keys) <= case["inputs"].keys()
    ]
    TAKEN.update((param.values[0]["id"], quality) for param in found)
    reason = f"no example with {', '.join(keys)} under {ORACLES / 'cn'}"
    return found or [pytest.param(None, marks=pytest.mark.skip(reason=reason))]


# ---------------------------------------------------------------- documents


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


def energy(price, more=""):
    return (
        '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\n'
        f"price = {Decimal(price):f}\n{more}\n"
    )


def by_bucket(given, more=""):
    """The price and its ratios at peak and in the valley."""
    price = Decimal(given["price"])
    prices = {
        "peak": price * given["peak_ratio"],
        "valley": price * given["valley_ratio"],
        "flat": price,
    }
    written = ", ".join(f"{bucket} = {each:f}" for bucket, each in prices.items())
    return energy(0, f'calendar = "tou"\nprices = {{ {written} }}\n{more}').replace(
        "price = 0\n", ""
    )


def of_buckets(given, total):
    """What peak and valley leave of the total is flat."""
    found = {"peak": given["peak"], "valley": given["valley"]}
    return found | {"flat": given[total] - sum(found.values())}


# -------------------------------------------------------------------- cases


@pytest.fixture
def rated():
    """Rate with the second opinion; when the test is through, the kernel has to say the same."""
    seen = []

    def rate(*spans, carry=(), **agreed):
        """Each span: (first day, day after the last, document, energy by channel and bucket)."""
        case, tariffs = rating_case(spans, carry, agreed)
        seen.append((case, tariffs))
        answer = rate_case(case, tariffs)
        assert answer["findings"] == []
        return answer

    yield rate
    for case, tariffs in seen:
        assert disagreements(case, tariffs) == []


def rating_case(spans, carry, agreed):
    """An interval case by the hour: each span's energy is used in an hour of its first day."""
    documents = [(HEAD + text).encode() for _, _, text, _ in spans]
    names = [f"sha256:{hashlib.sha256(document).hexdigest()}" for document in documents]
    first, end = spans[0][0], spans[-1][1]
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=8)
    channels = {}
    for channel in sorted({channel for *_, used in spans for channel in used}):
        values = [0] * ((end - first).days * 24)
        for day, _, _, used in spans:
            for bucket, kwh in used.get(channel, {}).items():
                micro = Decimal(kwh) * 1_000_000
                assert micro == int(micro), "a reading has at most 6 decimals"
                values[(day - first).days * 24 + HOUR[bucket]] += int(micro)
        channels[channel] = {
            "start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "resolution_s": 3600,
            "values": values, "quality": "A" * len(values),
        }  # fmt: skip
    terms = agreed.get("terms", [{}] * len(spans))
    written = [
        {
            "from": str(day), "to": str(after), "tariff": name, "contract_ukw": None,
            "capacity_ukva": agreed.get("capacity"),
            **({"terms": stated} if stated else {}),
        }
        for (day, after, _, _), name, stated in zip(spans, names, terms, strict=True)
    ]  # fmt: skip
    case = {
        "schema": 1, "agreement": "A", "metering_point": "P", "zone": "Asia/Shanghai",
        "legal_source": "interval", "from": str(first), "to": str(end), "spans": written,
        "channels": channels, "registers": [], "carry_in": list(carry),
    }  # fmt: skip
    return case, dict(zip(names, documents, strict=True))


MARCH = (date(2026, 3, 1), date(2026, 4, 1))


def of_march(text, kwh, kvarh=None):
    """One span: all of March, its energy flat or by bucket."""
    used = {"import": kwh if isinstance(kwh, dict) else {"total": kwh}}
    return (*MARCH, text, used | ({} if kvarh is None else {"reactive_import": {"total": kvarh}}))


def line(answer, component, bucket=None):
    (found,) = (
        each
        for each in answer["lines"]
        if each["component"] == component and bucket in (None, each["bucket"])
    )
    return found


def amount(answer, *where):
    return Decimal(line(answer, *where)["amount"])


def reactive_for(active, factor):
    """Some reactive energy with this power factor to two decimals."""
    goal = Decimal(active) * (1 / Decimal(factor) ** 2 - 1).sqrt()
    return goal.quantize(Decimal("0.001"))


# ------------------------------------------------------------- power factor

STANDARD = {
    "0.90": "cn-hubei-two-part-110kv-capacity",
    "0.85": "cn-hubei-one-part-10kv",
    "0.80": "cn-agriculture",
}
"""Shipped tariffs by the standard of their adjustment."""


def at_one_price(standard, price):
    """The shipped tariff of a standard, all of its energy at one price and nothing else."""
    name = STANDARD[f"{Decimal(standard):.2f}"]
    text = text_of(name)
    if name == "cn-agriculture":
        return priced(text, "energy", price=f"{Decimal(price):f}")
    buckets = ("sharp", "peak", "flat", "valley")
    written = ", ".join(f"{bucket} = {Decimal(price):f}" for bucket in buckets)
    text = priced(text, "energy", prices=f"{{ {written} }}")
    for component in ("transmission", "system", "funds"):
        text = priced(text, component, price=0)
    return priced(text, "basic", price=0) if 'id = "basic"' in text else text


def of_january(text, kwh, kvarh, **agreed):
    """January under a document, through both raters."""
    used = {"import": {15: kwh}, "reactive_import": {15: kvarh}}
    terms = {"price": "1"} if "[terms.price]" in text else None
    return rated_case(*case_of(text, *month(2026, 1), used, terms=terms, **agreed))


@pytest.mark.parametrize("case", examples("kvarh_read", "kvarh_missed", "bill_incl_pf_adj"))
def test_missed_reactive_energy(case):
    """Power factor and adjustment before and after the reactive energy that was not read."""
    given, want = case["inputs"], case["expected"]
    bill, kwh = Decimal(given["bill_incl_pf_adj"]), given["kWh"]
    read, missed = given["kvarh_read"], given["kvarh_missed"]
    base = bill / (1 + Decimal(want["adj1_pct"]) / 100)
    text = at_one_price(given["std"], (base / kwh).quantize(Decimal("0.00000001")))
    first = of_january(text, kwh, read, capacity=given["kVA"])
    assert Decimal(line(first, "power-factor")["bucket"]) == want["pf1"]
    assert Decimal(line(first, "power-factor")["price"]) == want["adj1_pct"]
    assert Decimal(first["total"]) == bill
    second = of_january(text, kwh, read + missed, capacity=given["kVA"])
    assert Decimal(line(second, "power-factor")["bucket"]) == want["pf2"]
    assert Decimal(line(second, "power-factor")["price"]) == want["adj2_pct"]
    assert Decimal(second["total"]) == want["correct_bill"]
    assert Decimal(second["total"]) - bill == want["back_bill"]


@pytest.mark.parametrize("case", examples("kWh", "price", "pf", "std"))
def test_reward_for_a_good_power_factor(case):
    """The percentage of the table and its amount."""
    given, want = case["inputs"], case["expected"]
    text = at_one_price(given["std"], given["price"])
    kvarh = reactive_for(given["kWh"], given["pf"])
    found = line(of_january(text, given["kWh"], kvarh, capacity=1000), "power-factor")
    assert Decimal(found["bucket"]) == given["pf"]
    assert Decimal(found["price"]) == want["adj_pct"]
    assert Decimal(found["amount"]) == want["adj_fee"]


def adjusted(given):
    """The adjustment of energy and reactive energy as they were read."""
    text = at_one_price(given["std"], given["price"])
    answer = of_january(text, given["kWh"], given["kvarh"], capacity=given.get("kVA", 1000))
    return amount(answer, "power-factor")


@pytest.mark.parametrize("case", examples("kWh", "kvarh", "price", "std", quality="X"))
def test_a_published_answer_that_is_wrong(case):
    """The right adjustment is that of the table for the stated standard, not the published one."""
    found = adjusted(case["inputs"])
    assert found == case["independent_recalc"]["adj_fee"] != case["expected"]["adj_fee"]


@pytest.mark.parametrize("standard", STANDARD)
def test_the_whole_table_and_its_rule(standard):
    """Every shipped tariff with this standard has the official table, and goes on by its rule: 2 %
    more for each hundredth below 0.50."""
    if not TABLE.exists():
        pytest.skip(f"no adjustment table at {TABLE}")
    with TABLE.open() as file:
        column = f"standard_{standard.replace('.', '_')}_percent"
        table = {row["power_factor"]: Decimal(row[column]) for row in csv.DictReader(file)}
    further = {f"0.{n:02}": table["0.50"] + 2 * (50 - n) for n in range(1, 50)}
    seen = 0
    for one in shipped():
        for charge in one.version.components:
            if charge.shape == "power_factor" and f"{charge.standard:.2f}" == standard:
                assert {k: Decimal(v) for k, v in charge.rows.items()} == table | further
                seen += 1
    assert seen


# ------------------------------------------------- a change within the month


@pytest.mark.parametrize("case", examples("seg1", "seg2"))
def test_a_transformer_changed_within_a_month(case, rated):
    """One bill of June: first an old transformer with its loss by days, then a new one with time
    of use through CT and PT and a power factor."""
    first, second, want = case["inputs"]["seg1"], case["inputs"]["seg2"], case["expected"]
    loss = (
        f'[losses.transformer]\nadds_to = "import"\nproration = "thirtieths"\n'
        f"per_month = {first['transformer_loss_month_kwh']}\n"
        'round = { places = 0, mode = "half_up" }\n'
    )
    old = loss + energy(first["price"], 'losses = ["transformer"]')
    new = TOU + by_bucket(second) + rows_of(second["std"])
    ratio = 1
    for key in ("ct", "pt"):
        high, low = second[key].split("/")
        ratio *= Decimal(high) / Decimal(low)
    metered = first["kwh_diff"] * first["mult"]
    buckets = {bucket: kwh * ratio for bucket, kwh in of_buckets(second, "total").items()}
    reactive = second["total"] * second["reactive_over_active"] * ratio
    change = date(2026, 6, 1) + timedelta(days=first["days"])
    answer = rated(
        (date(2026, 6, 1), change, old, {"import": {"total": metered}}),
        (change, date(2026, 7, 1), new,
         {"import": buckets, "reactive_import": {"total": reactive}}),
    )  # fmt: skip
    assert Decimal(line(answer, "energy", "")["quantity"]) - metered == want["loss_kwh"]
    assert amount(answer, "energy", "") == want["seg1_fee"]
    for bucket in buckets:
        assert amount(answer, "energy", bucket) == want[f"{bucket}_fee"]
    assert amount(answer, "adjustment") == want["pf_adj_fee"]
    assert Decimal(answer["total"]) == want["total"]


# --------------------------------------------------------- wrong connections


@pytest.mark.parametrize("case", examples("peak_ratio", "valley_ratio", "correction_rate"))
def test_energy_that_a_wrong_connection_lost(case, rated):
    """What was read times the correction rate is billed after the fact, by bucket."""
    given, want = case["inputs"], case["expected"]
    text = "[terms.correction]\n" + TOU + by_bucket(given, 'loss_factor = { term = "correction" }')
    rate = f"{Decimal(given['correction_rate']).normalize():f}"
    answer = rated(of_march(text, of_buckets(given, "kWh")), terms=[{"correction": rate}])
    for bucket in ("peak", "valley", "flat"):
        assert amount(answer, "energy", bucket) == want[bucket]
    assert Decimal(answer["total"]) == want["total"]


# ------------------------------------------------------------- yearly steps


@pytest.mark.parametrize("name", ["cn-zhejiang-home", "cn-zhejiang-home-tou"])
@pytest.mark.parametrize("case", examples("base", "step1_year_kwh", "step2_year_kwh", "adder1"))
def test_yearly_steps_of_a_growing_household(case, name):
    """The year's quotas are used up in order. From 15 February a large household has more of the
    first: it is filled from then on, what was billed before stays. With peak and valley the steps
    are the same, and the hours a component beside them."""
    given, want = case["inputs"], case["expected"]
    first, second = given["step1_year_kwh"], given["step1_year_kwh"] + given["step2_year_kwh"]
    base, dearer = given["base"], given["base"] + given["adder1"]
    dearest = given["base"] + given.get("adder2", Decimal("0.3"))
    extra = given.get("multi_person_extra_from_feb15_kwh", 0)
    tiers = (
        f"tiers = [\n  {{ upto = {first}, price = {base:f} }},\n"
        f"  {{ upto = {second}, price = {dearer:f} }},\n  {{ price = {dearest:f} }},\n]\n"
    )
    text = re.sub(r"^tiers = \[\n.*?^\]\n", tiers, text_of(name), flags=re.M | re.S)
    none, large = ({"extension_months": number(Decimal(kwh) / 100)} for kwh in (0, extra))
    days = (date(2026, 2, 1), date(2026, 2, 15), date(2026, 3, 1))
    spans = [(*days[:2], text, none), (*days[1:], text, large)]
    february = rated_case(*case_of_spans(spans, {"import": {15: given["feb_kwh"]}}))
    assert total_of(february, "energy") == want["feb"]
    left = quotas_left(february, (first, second - first))
    assert left == [want["feb_remaining_step1"], want["feb_remaining_step2"]]
    if "mar_kwh" in given:
        used = {"import": {15: given["mar_kwh"]}}
        case = case_of(text, *MARCH, used, terms=large, carry=february["carry_out"])
        march = rated_case(*case)
        assert total_of(march, "energy") == want["mar"]
        left = quotas_left(march, (first + extra, second - first))
        assert left[1] == want["mar_remaining_step2"]


def quotas_left(answer, widths):
    """What carry leaves of the first two steps."""
    used = {entry["key"][-1]: Decimal(entry["value"]) / 1_000_000 for entry in answer["carry_out"]}
    return [max(0, width - used[k]) for k, width in zip("12", widths, strict=True)]


# ---------------------------------------------------------- capacity charges


def two_parts(basic, price):
    """The shipped tariff by capacity with one price per kWh, without adjustment."""
    return priced(at_one_price("0.90", price), "basic", price=basic)


@pytest.mark.parametrize("case", examples("interlocked", "basic_price"))
def test_transformers_that_never_run_together(case):
    """Of transformers that are interlocked the largest counts; the others all do."""
    given, want = case["inputs"], case["expected"]
    names = [key for key in given if key.startswith("T") and key[1:].isdigit()]
    alone = sum(given[name] for name in names if name not in given["interlocked"])
    largest = max(given[name] for name in given["interlocked"])
    answer = of_january(two_parts(given["basic_price"], 0), 100, 48, capacity=alone + largest)
    assert Decimal(answer["total"]) == want["basic"]


@pytest.mark.parametrize("case", examples("kVA", "basic_price", "kWh", "price"))
def test_the_average_price_of_two_parts(case):
    """Capacity charge and energy charge over the energy; the energy at which it is so much."""
    given, want = case["inputs"], case["expected"]
    text = two_parts(given["basic_price"], given["price"])
    goals = {given["kWh"]: want["avg_price"]}
    goals |= {kwh: Decimal(k[8:]) for k, kwh in want.items() if k.startswith("kWh_for_")}
    for kwh, goal in goals.items():
        answer = of_january(text, kwh, reactive_for(kwh, "0.90"), capacity=given["kVA"])
        mean = (amount(answer, "basic") + amount(answer, "energy")) / kwh
        assert mean.quantize(Decimal("0.000001"), ROUND_HALF_UP) == goal


# ------------------------------------------------------------------- losses


@pytest.mark.parametrize("case", examples("P0", "Pk", "I0_pct", "Uk_pct", "S", "beta"))
def test_losses_of_a_transformer(case):
    """A day at a steady load: active and reactive loss, and both as active power.

    The document bills no reactive energy; a component shows it."""
    given, want = case["inputs"], case["expected"]
    shown = energy(1, 'losses = ["magnetizing"]').replace('"energy"\nsh', '"reactive"\nsh')
    text = text_of("cn-hubei-two-part-10kv-low-metered") + "\n"
    text += shown.replace('"import"', '"reactive_import"')
    active = given["beta"] * given["S"] * 24
    terms = {
        "no_load_kw": given["P0"], "load_kw": given["Pk"], "no_load_current": given["I0_pct"],
        "short_circuit_voltage": given["Uk_pct"], "line_loss": 0, "lighting_share": 0,
    }  # fmt: skip
    case = case_of(
        text, date(2026, 1, 1), date(2026, 1, 2), {"import": {15: active}, "reactive_import": {}},
        capacity=given["S"], terms={name: number(Decimal(value)) for name, value in terms.items()},
    )  # fmt: skip
    answer = rated_case(*case)
    power = (Decimal(line(answer, "funds")["quantity"]) - active) / 24
    reactive = Decimal(line(answer, "reactive")["quantity"]) / 24
    cent = Decimal("0.01")
    assert power.quantize(cent, ROUND_HALF_UP) == want["dP"]
    assert reactive.quantize(cent, ROUND_HALF_UP) == want["dQ"]
    if "dPz" in want:
        both = power + given["K"] * reactive
        assert both.quantize(cent, ROUND_HALF_UP) == want["dPz"]


# -------------------------------------------------------------------- the set


@pytest.mark.skipif(not FILES, reason=f"no examples under {ORACLES / 'cn'}")
def test_every_good_example_is_taken():
    """Each example of quality A is given to a test above, and so is each wrong one."""
    wanted = {(case["id"], case["quality"]) for case in every_example()}
    assert {one for one in wanted if one[1] in ("A", "X")} <= TAKEN
