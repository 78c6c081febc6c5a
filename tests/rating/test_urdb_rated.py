"""URDB rates with readings: bills worked out by hand."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gridtally.market import NO_MARKET, Events, Market
from gridtally.quote.rate import rate_readings

FIRST = datetime(2018, 1, 1, tzinfo=UTC)
DAYS = 31 + 28


def flat(period):
    return [[period] * 24 for _ in range(12)]


def bills(rate, *, market=NO_MARKET, **channels):
    """January and February of hours in kW: what is given by place, the rest 1 kW (else 0)."""
    rows = ["metering_point,channel,start,value,unit"]
    for channel, given in ({"import": {}} | channels).items():
        for hour in range(DAYS * 24):
            value = given.get(hour, int(channel == "import"))
            rows.append(f"P,{channel},{(FIRST + timedelta(hours=hour)).isoformat()},{value},kWh")
    return rate_readings(
        json.dumps(rate).encode(), ("\n".join(rows) + "\n").encode(), tariff_name="r",
        readings_name="l", as_of=int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()), zone="UTC",
        market=market,
    )  # fmt: skip


def totals(rate, **more):
    answer = bills(rate, **more)
    assert answer["findings"] == []
    return [Decimal(bill["total"]) for bill in answer["bills"]]


ENERGY = {
    "energyratestructure": [[{"rate": 0.1, "sell": 0.05}]], "energyweekdayschedule": flat(0),
    "energyweekendschedule": flat(0),
}  # fmt: skip
COINCIDENT = ENERGY | {
    "coincidentrateunit": "kW", "coincidentratestructure": [[{"rate": 2}], [{"rate": 9}]],
    "coincidentrateschedule": [[0] * 12 + [1] * 12 for _ in range(12)],
}  # fmt: skip
JANUARY_10 = 9 * 24


def peaks(*hours):
    start = int(FIRST.timestamp())
    times = tuple((start + hour * 3600, start + (hour + 1) * 3600) for hour in hours)
    return Market(events={"coincident-peak": Events(start, start + DAYS * 86_400, times)})


def test_demand_at_the_hour_of_the_systems_peak():
    """50 kW at 17 o'clock of 10 January, where the system peaks: 450; 70 kW an hour later: nothing.

    In February the system peaks in the morning, at 1 kW: 2. Energy is 74.4 + 11.8 and 67.2.
    """
    load = {JANUARY_10 + 17: 50, JANUARY_10 + 18: 70}
    made = totals(COINCIDENT, market=peaks(JANUARY_10 + 17, 40 * 24 + 8), **{"import": load})
    assert made == [Decimal("536.2"), Decimal("69.2")]


def test_without_the_hours_of_the_peak_there_is_no_bill():
    """Never zero: the bills are held until the list of peaks is there."""
    answer = bills(COINCIDENT)
    assert answer["bills"] == []
    assert {finding["code"] for finding in answer["findings"]} >= {"rating.event.missing"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Net Metering", ["0", "40.7"]),  # 735 - 1000 kWh: 265 are banked; 672 - 265
        ("Net Billing Instantaneous", ["23.5", "67.2"]),  # 73.5 - 50; 672 kWh
        # in the tenth hour 1 kWh is netted: 734 kWh; 999 kWh earn 49.95 for February
        ("Net Billing Hourly", ["73.4", "17.25"]),
        ("Buy All Sell All", ["24.4", "67.2"]),  # all 744 kWh were used: 74.4 - 50
    ],
)
def test_a_day_of_export_under_each_rule(rule, expected):
    """1000 kWh come back in ten hours of January, in nine of which nothing is drawn."""
    back = dict.fromkeys(range(10), 100)
    drawn = {} if rule == "Buy All Sell All" else dict.fromkeys(range(9), 0)
    made = totals(ENERGY | {"dgrules": rule}, **{"import": drawn, "export": back})
    assert made == [Decimal(total) for total in expected]
