"""URDB rates through `quote`, against the monthly bills of NREL's rate engine (PySAM).

The load is kW by the hour over a year of 365 days that begins on a Monday, as 2018 does; the
engine knows no zone, so UTC. Its values are rounded half even to 6 decimals of a kWh here.
Components of the engine are compared to 0.00001, bills to the cent.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from gridtally.quote.rate import rate_readings

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
