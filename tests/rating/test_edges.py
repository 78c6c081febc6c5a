"""Edges that a mutation once got past: the last month, the half step, the day before validity."""

from datetime import date

import numpy as np
import pytest
from rating_world import NO_CARRY, World, header, months

from gridtally.metering.determine import determine
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import ADVANCES, AGREEMENTS, CARRY, METERING_POINTS, empty, table

JANUARY = months(date(2026, 1, 1), 1)
ENERGY = '[[components]]\nid = "energy"\nshape = "energy"\nchannel = "import"\nprice = 0.1\n'


def world(body, *, carry=NO_CARRY, period=JANUARY, **kwh):
    """One point; energy of each channel [10^-6 kWh] spread evenly over the hours."""
    hours = period.days * 24
    channels = {name: np.full(hours, energy // hours) for name, energy in kwh.items()}
    for name, energy in kwh.items():
        channels[name][: energy % hours] += 1
    return World([header("UTC") + body], period, "UTC", 3600, channels, {}, carry)


def test_a_ratchet_sees_its_last_month():
    """Eleven months before January is February: its 7 kW count, the 9 kW of the January before
    it do not.
    """
    body = """
[[components]]
id = "x"
shape = "demand"
channel = "import"
price = 10
window_min = 60
ratchet = { percent = 80, months = 11 }
"""
    rows = [
        {"agreement": "A", "segment": "old", "key": "demand/x/all", "at": day, "value": value}
        for day, value in ((date(2025, 2, 1), 7_000_000), (date(2025, 1, 1), 9_000_000))
    ]
    found, _, _ = world(body, carry=table(CARRY, rows), **{"import": 744 * 10**6}).rated()
    assert [(line["quantity"], line["amount"]) for line in found.lines] == [("5.6", "56")]


@pytest.mark.parametrize(
    ("reactive", "factor"),
    [(443_000_000, "0.90"), (456_000_000, "0.89"), (454_000_000, "0.89"), (451_000_000, "0.89"),
     (445_000_000, "0.90"), (447_000_000, "0.89")],
)  # fmt: skip
def test_a_power_factor_is_rounded_half_up(reactive, factor):
    """With 894 kWh: 0.895 lies between 445 and 447 kvarh (894 / sqrt(894² + 445.6²) = 0.8950)."""
    rows = ", ".join(f'"{k / 100:.2f}" = 1' for k in range(100, 49, -1))
    body = (
        f'{ENERGY}[[components]]\nid = "pf"\nshape = "power_factor"\nof = ["energy"]\n'
        f"rows = {{ {rows} }}\n"
    )
    quantities = {"import": 894_000_000, "reactive_import": reactive}
    found, _, _ = world(body, **quantities).rated()
    assert found.lines[1]["bucket"] == factor


@pytest.mark.parametrize(
    "period",
    [Period(date(2025, 12, 1), date(2026, 1, 1)), Period(date(2026, 12, 31), date(2027, 2, 1))],
)
def test_a_version_prices_only_the_days_on_which_it_is_in_force(period):
    """Spans that name a version for other days (made by hand, or by a faulty scope) are held."""
    document = (header("UTC") + ENERGY).encode()
    version = load(document, name="t")
    terms = {"agreement": "A", "account": "C", "metering_point": "MP", "from": period.start,
             "to": period.end, "tariff": "t", "legal_source": "interval"}  # fmt: skip
    spans, _ = scope(
        table(AGREEMENTS, [terms]),
        table(METERING_POINTS, [{"metering_point": "MP", "zone": "UTC"}]),
        period=period,
        versions=[Version("t", version.digest, date(2020, 1, 1), None, version.resets)],
    )
    grids = world(ENERGY, period=period, **{"import": 10**9}).grids()
    wanted = {version.digest: version.wanted}
    determinants, more = determine(spans, dense=grids, advances=empty(ADVANCES), wanted=wanted)
    rated = rate(
        spans, determinants, tariffs={version.digest: version}, carry_in=NO_CARRY, incomplete=more
    )
    assert rated.lines.num_rows == 0
    assert rated.findings["code"].to_pylist() == ["rating.price.missing"]
