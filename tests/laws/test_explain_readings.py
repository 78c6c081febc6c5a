"""A line down to its days, its intervals and its peak; what does not sum to it is not shown."""

from datetime import date
from decimal import Decimal

import numpy as np
from bill_trees import cases, trees
from random_towns import Town

from gridtally.market import Market, Series
from gridtally.metering.blocks import ACTUAL, ESTIMATED, Dense
from gridtally.periods import Period, zone
from gridtally.rating.explain.difference import difference
from gridtally.rating.explain.readings import deepened, summary
from gridtally.rating.explain.render import render
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, SPANS, table

ZONE = "Europe/Lisbon"
BODY = """
schema = 1
tariff = "t"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2026-01-01
source = "a test"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[[calendars.tou.rules]]
bucket = "day"
hours = ["08:00-20:00"]
[[calendars.tou.rules]]
otherwise = "night"
[[components]]
id = "energy"
shape = "energy"
channel = "import"
calendar = "tou"
prices = { day = 0.2, night = 0.1 }
[[components]]
id = "power"
shape = "demand"
price = 1
window_min = 120
"""
DAYS = Period(date(2026, 10, 24), date(2026, 10, 26))
"""24 hours, and 25 with the hour from 1:00 to 2:00 twice."""


SPOT = (
    BODY.partition("[[calendars")[0]
    + """
[series.spot]
per = "MWh"
[[components]]
id = "energy"
shape = "energy"
channel = "import"
series = "spot"
plus = 0.05
"""
)


def spot(*prices):
    """A price for each of the two days [per MWh]."""
    place = zone(ZONE)
    starts = tuple(place.midnight(day) for day in (DAYS.start, date(2026, 10, 25)))
    values = tuple(Decimal(price) for price in prices)
    return Market(series={"spot": Series(starts, values, place.midnight(DAYS.end))})


def a_town(body=BODY):
    document = body.encode()
    digest = load(document, name="t").digest
    start, end = zone(ZONE).bounds(DAYS)
    row = {
        "segment": "A/1", "span": 0, "agreement": "A", "account": "A", "metering_point": "P",
        "zone": ZONE, "from": DAYS.start, "to": DAYS.end, "start_utc": start, "end_utc": end,
        "legal_source": "interval", "tariff": digest,
    }  # fmt: skip
    values = np.arange(1, 50, dtype=np.int64)[None, :] * 10**6  # 1, 2, … 49 kWh
    quality = np.full((1, 49), ACTUAL, np.uint8)
    quality[0, 25] = ESTIMATED
    grid = Dense(("P",), "import", start, 3600, values, quality)
    return Town(table(SPANS, [row]), [grid], table(CARRY, []), {digest: document})


def a_tree(*, intervals, spoil=False):
    town = a_town()
    (made,) = trees(town)
    known = cases(town)
    if spoil:
        known["A/1"]["channels"]["import"]["values"][34] += 1
    versions = {digest: load(text, name="t") for digest, text in town.tariffs.items()}
    return deepened(made, cases=known, tariffs=versions, intervals=intervals)


def test_a_price_series():
    """1 to 24 kWh at 0.15, 25 to 49 at 0.35: 300 x 0.15 + 925 x 0.35; each interval its price."""
    town, market = a_town(SPOT), spot("100", "300")
    (made,) = trees(town, market=market)
    (line,) = made["segments"][0]["spans"][0]["lines"]
    assert (line["exact"], line["amount"], line["mean_price"]) == ("368.75", "368.75", True)
    versions = {digest: load(text, name="t") for digest, text in town.tariffs.items()}
    deep = deepened(made, cases=cases(town), tariffs=versions, market=market, intervals=True)
    source = sources(deep)["energy", ""]["days"][0]
    assert [one["price"] for one in source["intervals"][:2]] == ["0.15", "0.15"]


def test_other_spot_prices_are_a_price():
    """The same energy hour by hour; nothing but the series differs."""
    one, two = (trees(a_town(SPOT), market=spot(*p))[0] for p in (("100", "300"), ("200", "600")))
    total = difference(one, two)["total"]
    assert (total["price"], total["after"]) == ("307.5", "676.25")
    assert total["usage"] == total["hours"] == total["rounding"] == "0"


def sources(tree):
    lines = tree["segments"][0]["spans"][0]["lines"]
    return {(line["component"], line["bucket"]): line["from"][0] for line in lines}


def test_days():
    """By day 9+…+20 = 174, then (the clock goes back at two) 34+…+45 = 474; night is the rest."""
    found = sources(a_tree(intervals=False))
    assert found["energy", "day"]["days"] == [
        {"day": "2026-10-24", "quantity": "174", "estimated": "0"},
        {"day": "2026-10-25", "quantity": "474", "estimated": "0"},
    ]
    # 1+…+8 + 21+…+24 = 126; 25+…+33 + 46+…+49 = 451, of it 26 estimated
    assert found["energy", "night"]["days"] == [
        {"day": "2026-10-24", "quantity": "126", "estimated": "0"},
        {"day": "2026-10-25", "quantity": "451", "estimated": "26"},
    ]


def test_intervals():
    """Each with reading and quality; of the hour that comes twice each by its offset."""
    found = sources(a_tree(intervals=True))["energy", "night"]
    rows = found["days"][1]["intervals"]
    assert rows[1] == {
        "start": "2026-10-25T00:00:00Z", "local": "2026-10-25 01:00+01:00", "value": "26",
        "quality": "E",
    }  # fmt: skip
    assert rows[2]["local"] == "2026-10-25 01:00+00:00"
    assert len(rows) == 13
    assert found["bucket"] == "night"


def test_the_peak():
    """Blocks of two hours from midnight; the last of the long day is one hour, of 49 kWh."""
    found = sources(a_tree(intervals=False))["power", ""]
    assert found["value"] == "49"
    assert found["peak"] == {
        "from": "2026-10-25T23:00:00Z", "to": "2026-10-26T00:00:00Z",
        "local": "2026-10-25 23:00+00:00",
    }  # fmt: skip


def test_what_does_not_sum_is_not_shown():
    """A reading that is not the one that was billed: no days under that quantity."""
    found = sources(a_tree(intervals=False, spoil=True))
    assert "days" in found["energy", "night"]
    assert "days" not in found["energy", "day"]


def test_summary():
    """As a small curve with its ends; a flat one without."""
    rows = [{"day": f"2026-10-0{n}", "quantity": q} for n, q in enumerate(("1", "8", "4.5"), 1)]
    assert summary(rows) == "3 days ▁█▄, least 1 on 2026-10-01, most 8 on 2026-10-02"
    assert summary(rows[:1]) == "1 day ▄ of 1"


def test_rendered():
    """Days as a curve, intervals with their clock; estimates carry their letter."""
    from rich.console import Console

    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(a_tree(intervals=True)))
    text = console.export_text()
    assert "2 days ▁█, least 174 on 2026-10-24, most 474 on 2026-10-25" in text
    assert "2026-10-25: 451, 26 of it estimated" in text
    assert "01:00 26 E · 01:00 27" in text
    assert "reached from 2026-10-25 23:00+00:00 on" in text
