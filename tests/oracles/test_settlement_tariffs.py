"""Danish settlement: published amounts of tariffs, subscriptions and fees, through both raters.

Each row of the results is a quantity, a price and their amount to six decimals. A group of rows
(one charge, one supplier, one kind of metering point) is rated as one point under a small document.
Where no price is known the results leave price and amount empty; a bill is held there.
"""

import csv
import os
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from case_raters import disagreements
from shipped_cases import case_of, rated, utc

from gridtally.money import number
from gridtally.rating.reference import rate_case

ROOT = Path(__file__).parents[2]
ORACLES = Path(os.environ.get("GRIDTALLY_ORACLES", ROOT.parent / "shared" / "oracles"))
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
HEAD = """
schema = 1
tariff = "settlement"
currency = "DKK"
zone = "Europe/Copenhagen"
valid_from = 2016-01-01
source = "published scenario"
[rounding]
line = { places = 6, mode = "half_up" }
total = { places = 2, mode = "half_up" }
"""
TARIFF = """
[series.price]
per = "kWh"
[[components]]
id = "charge"
shape = "energy"
channel = "import"
series = "price"
round_each = { places = 6, mode = "half_up" }
"""
KEYS = (
    "grid_area_code", "energy_supplier_id", "metering_point_type", "settlement_method",
    "charge_code", "charge_owner_id",
)  # fmt: skip
STEPS = {"hourly_tariff": 3600, "daily_tariff": 86400}


def groups(*kinds):
    """(kind, rows of a group in order of time), as parameters."""
    found = []
    for kind in kinds:
        for file in sorted((ORACLES / "settlement").glob(f"*/*/then/*/{kind}_per_co_es.csv")):
            rows = defaultdict(list)
            with file.open(encoding="utf-8-sig", newline="") as text:
                for row in csv.DictReader(text, delimiter=";"):
                    rows[tuple(row[key] for key in KEYS)].append(row)
            for key, some in sorted(rows.items()):
                name = f"{file.parts[-4]}-{kind}-{'-'.join(filter(None, key))}"
                ordered = sorted(some, key=lambda row: row["time"])
                found.append(pytest.param(kind, ordered, id=name))
    reason = f"no results under {ORACLES / 'settlement'}"
    return found or [pytest.param(None, None, marks=pytest.mark.skip(reason=reason))]


def instant(row):
    return int(datetime.fromisoformat(row["time"]).timestamp())


def day(at):
    return datetime.fromtimestamp(at, COPENHAGEN).date()


def priced(kind, rows, *, unknown):
    """The case of a group: `unknown` stands for a price that is not there."""
    step = STEPS[kind]
    start = instant(rows[0])
    first, end = day(start), day(instant(rows[-1])) + timedelta(days=1)
    used = {
        Decimal(instant(row) - start) / 3600: row["quantity"] if row["price"] or not unknown else 0
        for row in rows
    }
    case, tariffs = case_of(HEAD + TARIFF, first, end, {"import": used}, step=step)
    steps = [
        [utc(instant(row)), number(Decimal(row["price"])) if row["price"] else unknown]
        for row in rows
    ]
    changes = [one for n, one in enumerate(steps) if n == 0 or one[1] != steps[n - 1][1]]
    case["series"] = {"price": {"steps": changes, "to": utc(instant(rows[-1]) + step)}}
    return case, tariffs


@pytest.mark.parametrize(("kind", "rows"), groups("hourly_tariff", "daily_tariff"))
def test_tariffs_by_time(kind, rows):
    """Quantity times price, each hour or day rounded by itself: the sum of the published amounts.

    A step without a price holds, whatever its quantity: no price is never a zero."""
    if any((instant(row) - instant(rows[0])) % STEPS[kind] for row in rows):
        pytest.skip("out of scope: a day of 23 or 25 hours is no interval of a day")
    want = sum(Decimal(row["amount"]) for row in rows if row["amount"])
    answer = rated(*priced(kind, rows, unknown="0"))
    assert sum(Decimal(line["amount"]) for line in answer["lines"][:1]) == want
    if all(row["price"] for row in rows):
        return
    case, tariffs = priced(kind, rows, unknown=None)
    answer = rate_case(case, tariffs)
    assert (answer["lines"], answer["total"]) == ([], None)
    assert {finding["code"] for finding in answer["findings"]} == {"rating.series.missing"}
    assert disagreements(case, tariffs) == []


@pytest.mark.parametrize(("kind", "rows"), groups("subscription", "fee"))
def test_subscriptions_and_fees(kind, rows):
    """Pieces times the price of a day, or of a piece, day by day."""
    for row in rows:
        first = day(instant(row))
        per = "unit_day" if kind == "subscription" else "unit_month"
        text = HEAD + (
            "[terms.pieces]\n[terms.price]\n"
            f'[[components]]\nid = "charge"\nshape = "fixed"\nper = "{per}"\nproration = "none"\n'
            'count = { term = "pieces" }\nprice = { term = "price" }\n'
        )
        terms = {
            "pieces": number(Decimal(row["quantity"])), "price": number(Decimal(row["price"] or 0)),
        }  # fmt: skip
        if not row["price"]:
            assert not row["amount"]
            del terms["price"]
        case = case_of(text, first, first + timedelta(days=1), {"import": {}}, terms=terms)
        if not row["price"]:
            found = {finding["code"] for finding in rate_case(*case)["findings"]}
            assert found == {"rating.term.missing"}
            continue
        assert Decimal(rated(*case)["lines"][0]["amount"]) == Decimal(row["amount"])
