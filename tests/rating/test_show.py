"""Prices by hour, as data and as pictures."""

from rating_world import header
from rich.console import Console

from gridtally.rating.show import heat_map, show
from gridtally.rating.tariff import load

TOU = (
    '[[calendars.c.rules]]\nbucket = "peak"\ndays = ["weekday"]\nhours = ["08:00-10:30"]\n'
    '[[calendars.c.rules]]\notherwise = "off"\n'
)
ENERGY = (
    '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
    "prices = { peak = 0.3, off = 0.1 }\n"
)


def test_prices_by_hour_as_data():
    """12 months x 8 day types x 24 hours; the half hour is marked, so are months at rest."""
    shown = show(load((header("UTC") + TOU + ENERGY + "months = [1]\n").encode(), name="t"))
    (part,) = shown["components"]
    grid = part["grid"]
    assert (len(grid), len(grid[0]), len(grid[0][0])) == (12, 8, 24)
    assert grid[0][0] == [1] * 8 + [0, 0, -1] + [1] * 13
    assert grid[0][5] == [1] * 24
    assert grid[0][7] == [-2] * 24
    assert grid[6][0] == [-2] * 24
    assert part["buckets"] == [
        {"bucket": "peak", "tiers": [{"upto": None, "price": "0.3"}]},
        {"bucket": "off", "tiers": [{"upto": None, "price": "0.1"}]},
    ]


def test_the_heat_map_is_printed():
    """Each bucket with its price, a column per hour."""
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    version = load((header("UTC") + TOU + ENERGY).encode(), name="t")
    console.print(heat_map(show(version), day_type="fri"))
    text = console.export_text()
    assert "e: EUR per kWh of import" in text
    assert "peak: 0.3" in text
    assert " / " in text
