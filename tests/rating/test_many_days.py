"""Many segments of one tariff in one bucket, each with days of its own: worked out by hand."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from rating_world import NO_CARRY, header

from gridtally.market import NO_MARKET, Market, Series
from gridtally.metering.blocks import ACTUAL, MISSING, Dense
from gridtally.metering.determine import determine
from gridtally.metering.scope import Version, scope
from gridtally.periods import Period, zone
from gridtally.rating.rate import rate
from gridtally.rating.tariff import load
from gridtally.tables import (
    ADVANCES,
    AGREEMENTS,
    DETERMINANTS,
    METERING_POINTS,
    empty,
    table,
)  # fmt: skip

JANUARY = Period(date(2026, 1, 1), date(2026, 2, 1))
BODY = """
[calendars.tou]
[[calendars.tou.rules]]
bucket = "peak"
hours = ["08:00-10:00"]
[[calendars.tou.rules]]
otherwise = "off"
[[components]]
id = "standing"
shape = "fixed"
per = "month"
price = 31
[[components]]
id = "meter"
shape = "fixed"
per = "day"
price = 0.5
[[components]]
id = "blocks"
shape = "tiered"
channel = "import"
method = "graduated"
tiers = [{ upto = 62, price = 1 }, { price = 2 }]
[[components]]
id = "hours"
shape = "energy"
channel = "import"
calendar = "tou"
prices = { peak = 3, off = 1 }
[[components]]
id = "peak"
shape = "demand"
channel = "import"
price = 31
window_min = 120
"""
DAYS = (1, 4, 17, 30)
"""Days of January after which a customer's contract changes."""


def extra(day):
    """What a point uses more than 1 kWh from eight to nine: neither rising nor falling."""
    return day * 7 % 31


def metered(*, lost=None, body=BODY, market=NO_MARKET):
    """Spans, their determinants, what holds them, and the tariff. `lost`: a point, a day."""
    version = load((header("UTC") + body).encode(), name="t")
    points = [f"P{day:02d}" for day in (*DAYS, 31)]
    terms = []
    for point, day in zip(points, (*DAYS, 31), strict=True):
        cut = date.fromordinal(JANUARY.start.toordinal() + day)
        row = {"agreement": point, "account": point, "metering_point": point,
               "tariff": "t", "legal_source": "interval"}  # fmt: skip
        terms.append({**row, "from": JANUARY.start, "to": cut, "contract_ukw": 1})
        if day < 31:
            terms.append({**row, "from": cut, "to": JANUARY.end, "contract_ukw": 2})
    spans, found = scope(
        table(AGREEMENTS, terms),
        table(METERING_POINTS, [{"metering_point": p, "zone": "UTC"} for p in points]),
        period=JANUARY,
        versions=[Version("t", version.digest, version.valid_from, None)],
    )
    assert found.num_rows == 0
    hours = np.ones((31, 24), np.int64)
    hours[:, 8] += [extra(day) for day in range(1, 32)]
    values = np.tile(hours.reshape(1, -1) * 10**6, (len(points), 1))
    start, _ = zone("UTC").bounds(JANUARY)
    quality = np.full_like(values, ACTUAL, np.uint8)
    if lost:
        quality[points.index(lost[0]), 24 * (lost[1] - 1) : 24 * lost[1]] = MISSING
    grid = Dense(tuple(points), "import", start, 3600, values, quality)
    determinants, missing = determine(
        spans,
        dense=[grid],
        advances=empty(ADVANCES),
        wanted={version.digest: version.wanted},
        market=market,
    )
    return spans, determinants, missing, version


@pytest.fixture(scope="module")
def lines():
    """All lines."""
    spans, determinants, missing, version = metered()
    rated = rate(spans, determinants, tariffs={version.digest: version}, carry_in=NO_CARRY)
    assert missing.num_rows == rated.findings.num_rows == 0
    return rated.lines.to_pylist()


@pytest.mark.parametrize("day", DAYS)
def test_each_segment_has_its_own_days(lines, day):
    """Standing and block in proportion to the days; energy and demand of these days alone."""
    for span, (low, high) in enumerate(((0, day), (day, 31))):
        mine = [
            line for line in lines
            if line["segment"].startswith(f"P{day:02d}/") and line["span"] == span
        ]  # fmt: skip
        days = high - low
        more = [extra(day) for day in range(low + 1, high + 1)]
        energy = 24 * days + sum(more)
        share = "1" if days == 31 else f"{days}/31"
        expected = [
            ("standing", "", Decimal(days), share),
            ("meter", "", Decimal(days) / 2, "1"),
            ("blocks", "tier-1", Decimal(2 * days), "1"),
            ("blocks", "tier-2", Decimal(2 * (energy - 2 * days)), "1"),
            ("hours", "peak", Decimal(3 * (2 * days + sum(more))), "1"),
            ("hours", "off", Decimal(22 * days), "1"),
            ("peak", "", (Decimal(2 + max(more)) / 2 * days).quantize(Decimal("0.01")), share),
        ]
        found = [(x["component"], x["bucket"], x["amount"], x["factor"]) for x in mine]
        assert found == expected


def test_whoever_changes_nothing_has_the_whole_month(lines):
    """The segment beside them that is not cut."""
    mine = {x["component"] + x["bucket"]: x for x in lines if x["segment"].startswith("P31/")}
    assert mine["standing"]["factor"] == mine["peak"]["factor"] == "1"
    assert mine["standing"]["amount"] == 31
    assert mine["blockstier-1"]["quantity"] == 62
    assert mine["peak"]["quantity"] == 16


@pytest.mark.parametrize(
    ("month", "expected"), [(1, {"January": 29, "both": 29}), (2, {"February": 28, "both": 28})]
)
def test_a_component_rests_in_its_own_months_only(month, expected):
    """Three customers of one bucket: here in January, in February, in both."""
    body = '[[components]]\nid = "x"\nshape = "fixed"\nper = "day"\nprice = 1\n'
    body += f"months = [{month}]\n"
    version = load((header("UTC") + body).encode(), name="t")
    when = {
        "January": Period(date(2026, 1, 3), date(2026, 2, 1)),
        "February": Period(date(2026, 2, 1), date(2026, 3, 1)),
        "both": Period(date(2026, 1, 3), date(2026, 3, 1)),
    }
    rows = [
        {"agreement": name, "account": name, "metering_point": name, "from": period.start,
         "to": period.end, "tariff": "t", "legal_source": "interval"}
        for name, period in when.items()
    ]  # fmt: skip
    spans, _ = scope(
        table(AGREEMENTS, rows),
        table(METERING_POINTS, [{"metering_point": name, "zone": "UTC"} for name in when]),
        period=Period(date(2026, 1, 1), date(2026, 3, 1)),
        versions=[Version("t", version.digest, version.valid_from, None)],
    )
    tariffs = {version.digest: version}
    found = rate(spans, empty(DETERMINANTS), tariffs=tariffs, carry_in=NO_CARRY).lines
    amounts = {x["segment"].split("/")[0]: x["amount"] for x in found.to_pylist()}
    assert amounts == expected


@pytest.mark.parametrize(("day", "whole"), [(2, 1), (17, 1), (18, 0), (31, 0)])
def test_a_gap_holds_the_span_it_lies_in(day, whole):
    """The other span of the segment has its determinants, all of them; the gap is counted once."""
    _, determinants, missing, _ = metered(lost=("P17", day))
    assert [row["message"] for row in missing.to_pylist()] == [
        "The import energy cannot be summed: 24 readings are missing, from "
        f"2026-01-{day:02d}T00:00:00Z on."
    ]
    mine = [row for row in determinants.to_pylist() if row["segment"].startswith("P17/")]
    assert {row["span"] for row in mine} == {whole}
    assert len(mine) == 4


def test_prices_are_kept_apart_by_terms_and_by_delivery():
    """1 kWh an hour on two days: 48 kWh at the series plus a margin of one's own.

    The same version bills again after the series was delivered anew: 0.10, then 0.20 a kWh.
    """
    body = (
        '[series.spot]\nper = "kWh"\n[terms.margin]\n[[components]]\nid = "x"\nshape = "energy"\n'
        'channel = "import"\nseries = "spot"\nplus = { term = "margin" }\n'
    )
    version = load((header("UTC") + body).encode(), name="t")
    period = Period(date(2026, 1, 1), date(2026, 1, 3))
    points = ("P1", "P2", "P3")
    rows = [
        {"agreement": p, "account": p, "metering_point": p, "from": period.start, "to": period.end,
         "tariff": "t", "legal_source": "interval"}
        for p in points
    ]  # fmt: skip
    spans, _ = scope(
        table(AGREEMENTS, rows),
        table(METERING_POINTS, [{"metering_point": p, "zone": "UTC"} for p in points]),
        period=period,
        versions=[Version("t", version.digest, version.valid_from, None)],
    )
    stated = pa.array([f'{{"margin":"{margin}"}}' for margin in ("0.01", "0.02", "0.01")])
    spans = spans.set_column(spans.schema.get_field_index("terms"), "terms", stated)
    start, end = zone("UTC").bounds(period)
    values = np.full((3, 48), 10**6)
    grid = Dense(points, "import", start, 3600, values, np.full(values.shape, ACTUAL, np.uint8))
    for price, amounts in (("0.1", ["5.28", "5.76", "5.28"]), ("0.2", ["10.08", "10.56", "10.08"])):
        market = Market(series={"spot": Series((start,), (Decimal(price),), end)})
        determinants, missing = determine(
            spans, dense=[grid], advances=empty(ADVANCES),
            wanted={version.digest: version.wanted}, market=market,
        )  # fmt: skip
        assert missing.num_rows == 0
        tariffs = {version.digest: version}
        found = rate(spans, determinants, tariffs=tariffs, carry_in=NO_CARRY, market=market).lines
        assert [f"{x['amount']:.2f}" for x in found.to_pylist()] == amounts


SPOT = '[series.spot]\nper = "kWh"\n[[components]]\nid = "x"\nshape = "energy"\n'
SPOT += 'channel = "import"\nseries = "spot"\n'


@pytest.mark.parametrize("lost", [None, ("P17", 2)])
def test_prices_of_ones_own_days(lost):
    """On day d a kWh costs d: each span pays its own days, whatever the others of the bucket do.

    A reading that is missing on the second holds the span of that day, and no other.
    """
    start, end = zone("UTC").bounds(JANUARY)
    starts = tuple(range(start, end, 86_400))
    market = Market(series={"spot": Series(starts, tuple(Decimal(d) for d in range(1, 32)), end)})
    spans, determinants, missing, version = metered(lost=lost, body=SPOT, market=market)
    tariffs = {version.digest: version}
    rated = rate(spans, determinants, tariffs=tariffs, carry_in=NO_CARRY, market=market)
    found = {(x["segment"][:3], x["span"]): x["amount"] for x in rated.lines.to_pylist()}
    costs = [(24 + extra(day)) * day for day in range(1, 32)]
    expected = {("P31", 0): sum(costs)}
    for day in DAYS:
        expected |= {(f"P{day:02d}", 0): sum(costs[:day]), (f"P{day:02d}", 1): sum(costs[day:])}
    if lost:
        mine = [x for x in determinants.to_pylist() if x["segment"].startswith("P17")]
        assert missing.num_rows == 1
        assert {x["span"] for x in mine} == {1}
        assert len(mine) == 3  # energy and both parts of the cost
        expected = {key: value for key, value in expected.items() if key[0] != "P17"}
    assert found == expected


def test_prices_that_end_hold_those_who_need_them():
    """Prices until the eighteenth: the spans that end before it have a cost, all others hold."""
    start, _ = zone("UTC").bounds(JANUARY)
    market = Market(series={"spot": Series((start,), (Decimal(1),), start + 18 * 86_400)})
    _, determinants, missing, _ = metered(body=SPOT, market=market)
    costly = {
        (x["segment"][:3], x["span"]) for x in determinants.to_pylist() if x["name"][:4] == "cost"
    }
    assert costly == {("P01", 0), ("P04", 0), ("P17", 0)}
    assert {row["code"] for row in missing.to_pylist()} == {"rating.series.missing"}
    assert sorted(row["segment"][:3] for row in missing.to_pylist()) == [
        "P01", "P04", "P17", "P30", "P30", "P31",
    ]  # fmt: skip
