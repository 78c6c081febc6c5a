"""Prices by hour as data and as a picture; what a kWh costs in all."""

import random
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rating_world import header
from reference_cases import KWH, case, rate

from gridtally.errors import UsageError
from gridtally.rating.show import show
from gridtally.rating.show.drawing import colours
from gridtally.rating.show.panels import in_words
from gridtally.rating.show.parts import shades
from gridtally.rating.show.picture import picture
from gridtally.rating.tariff import load

EVERYTHING = Path(__file__).with_name("everything.toml")
TOU = (
    '[[calendars.c.rules]]\nbucket = "peak"\ndays = ["weekday"]\nhours = ["08:00-10:30"]\n'
    '[[calendars.c.rules]]\notherwise = "off"\n'
)
ENERGY = (
    '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
    "prices = { peak = 0.3, off = 0.1 }\n"
)
HOLIDAYS = '[holidays]\nsource = "x"\nyears = [2026]\ndates = [2026-05-01]\n'
WEEK = [[0, 480, 1], [480, 630, 0], [630, 1440, 1]]


def shown(*parts, year=None, **keys):
    return show(load((header("UTC", **keys) + "".join(parts)).encode(), name="t"), year=year)


def component(id_, shape, **keys):
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f'[[components]]\nid = "{id_}"\nshape = "{shape}"\n{lines}'


def prices(part):
    return {b["bucket"]: [(t["upto"], t["price"]) for t in b["tiers"]] for b in part["buckets"]}


def rows(part):
    """(days, from, to, runs) of every row."""
    return [
        (panel["days"], row["from"], row["to"], row["runs"])
        for panel in part["panels"] for row in panel["rows"]
    ]  # fmt: skip


def test_hours_to_the_minute():
    """A panel per kind of day, a row per month, runs to the minute; months at rest are -1."""
    (part,) = shown(TOU, ENERGY, "months = [1]\n")["components"]
    found = rows(part)
    assert [panel["days"] for panel in part["panels"]] == [
        "Mondays to Fridays", "Saturdays and Sundays",
    ]  # fmt: skip
    assert found[0] == ("Mondays to Fridays", "01-01", "01-31", WEEK)
    assert found[1] == ("Mondays to Fridays", "02-01", "02-29", [[0, 1440, -1]])
    assert found[12] == ("Saturdays and Sundays", "01-01", "01-31", [[0, 1440, 1]])
    assert len(found) == 24
    assert prices(part) == {"peak": [(None, "0.3")], "off": [(None, "0.1")]}


def test_a_season_begins_within_a_month():
    """The month has a row before and a row from that day on."""
    season = TOU.replace('days = ["weekday"]', 'season = ["06-15 to 09-14"]')
    (part,) = shown(season, ENERGY)["components"]
    june = [row for row in rows(part) if row[1].startswith("06")]
    assert june == [
        ("every day", "06-01", "06-14", [[0, 1440, 1]]),
        ("every day", "06-15", "06-30", WEEK),
    ]


def test_holidays_have_a_panel_where_they_differ():
    """With the days that are alike."""
    named = TOU.replace('["weekday"]', '["weekday", "holiday"]')
    days = [panel["days"] for panel in shown(HOLIDAYS, named, ENERGY)["total"]["panels"]]
    assert days == ["Mondays to Fridays and public holidays", "Saturdays and Sundays"]


def test_a_year_that_is_half_in_force():
    """Days outside the validity are at rest; a year wholly outside is refused."""
    keys = {"valid_from": "2026-03-10", "valid_to": "2027-01-01"}
    part = shown(TOU, ENERGY, year=2026, **keys)["components"][0]
    march = [row for row in rows(part) if row[0][0] == "M" and row[1].startswith("03")]
    assert march == [
        ("Mondays to Fridays", "03-01", "03-09", [[0, 1440, -1]]),
        ("Mondays to Fridays", "03-10", "03-31", WEEK),
    ]
    with pytest.raises(UsageError, match="not in force in 2027"):
        shown(TOU, ENERGY, year=2027, **keys)


def test_what_a_kwh_costs_in_all():
    """Energy and levy, tax on both, tax on the tax: (0.3 + 0.02) x 1.1 + 10 % of the tax."""
    total = shown(
        TOU, ENERGY,
        component("levy", "energy", channel='"import"', price="0.02"),
        component("base", "fixed", per='"month"', price="5"),
        component("tax", "percentage", of='["e", "levy", "base"]', percent="10"),
        component("more", "percentage", of='["tax"]', percent="10"),
        component("sun", "energy", channel='"export"', price="0.05", credit="true"),
    )["total"]  # fmt: skip
    assert prices(total) == {"peak": [(None, "0.3552")], "off": [(None, "0.1332")]}
    assert total["includes"] == ["e", "levy", "tax (10 %)", "more (10 %)"]
    assert total["excludes"] == [
        ["base", "charged by time, not by energy"], ["sun", "on export"],
    ]  # fmt: skip
    assert total["remarks"] == ["A percentage counts as far as it is on the components included."]
    assert rows(total)[0] == ("Mondays to Fridays", "01-01", "01-31", WEEK)


def test_the_total_of_tiers():
    """Each step of them; the percentage follows."""
    tiers = "[{ upto = 100, price = 0.1 }, { price = 0.2 }]"
    total = shown(
        component("t", "tiered", channel='"import"', tiers=tiers),
        component("tax", "percentage", of='["t"]', percent="5"),
    )["total"]
    assert prices(total) == {"": [("100", "0.105"), (None, "0.21")]}
    assert total["upto_unit"] == "kWh"
    assert total["remarks"] == ["The steps count the energy of the month."]


def test_tiers_that_are_cut_in_different_ways():
    """Only the first step of each can be added up, and that is said."""
    tiers = "[{ upto = %s, price = 0.1 }, { price = 0.2 }]"
    total = shown(
        component("a", "tiered", channel='"import"', tiers=tiers % 100),
        component("b", "tiered", channel='"import"', tiers=tiers % 50, unit='"kwh_per_day"'),
    )["total"]
    assert prices(total) == {"": [(None, "0.2")]}
    assert total["remarks"] == ["Tiers are cut in different ways: the first of each is shown."]


def test_tax_inside_and_included():
    """20 % of its own base is a quarter on top; an included tax adds nothing."""

    def total(method):
        part = component("tax", "percentage", of='["e"]', percent="20", method=f'"{method}"')
        return prices(shown(TOU, ENERGY, part)["total"])["peak"][0][1]

    assert [total(m) for m in ("on_top", "inside", "included")] == ["0.36", "0.375", "0.3"]


def test_the_total_in_months_of_a_surcharge():
    """A part that rests in some months is in the price of the others alone, and says so."""
    winter = component("winter", "energy", channel='"import"', price="0.02", months="[1, 12]")
    total = shown(TOU, ENERGY, winter)["total"]
    assert prices(total) == {
        "peak + winter": [(None, "0.32")], "peak": [(None, "0.3")],
        "off + winter": [(None, "0.12")], "off": [(None, "0.1")],
    }  # fmt: skip


def test_what_the_total_cannot_say():
    """Spot prices, parts of the energy, events: left out or remarked, never guessed."""
    total = show(load(EVERYTHING.read_bytes(), name="t"))["total"]
    why = dict(total["excludes"])
    assert why["Spot"] == "its price by time, series spot, is not in the document"
    assert why["Lamps"] == "charged on a part of the energy"
    assert "Energy: within the event cpp another price may hold." in total["remarks"]
    # 0.31 x 1.04 x 1.21 and 0.12 x 1.04 x 1.21
    assert prices(total) == {"high": [(None, "0.390104")], "low": [(None, "0.151008")]}


def test_a_holiday_that_only_one_calendar_knows():
    """The other charges it by its weekday: a Monday stands for it, and that is said."""
    holy = TOU.replace("calendars.c", "calendars.h").replace('["weekday"]', '["holiday"]')
    fee = component("fee", "energy", channel='"import"', calendar='"h"',
                    prices="{ peak = 0.05, off = 0.01 }")  # fmt: skip
    total = shown(HOLIDAYS, TOU, holy, ENERGY, fee)["total"]
    assert total["remarks"] == ["On public holidays e is as on a Monday here."]
    panel = next(p for p in total["panels"] if p["days"] == "public holidays")
    start, end, bucket = panel["rows"][0]["runs"][1]
    assert (start, end) == (480, 630)
    assert total["buckets"][bucket]["tiers"] == [{"upto": None, "price": "0.35"}]


def test_no_price_of_energy_no_total():
    """A tariff of standing charges alone has none."""
    assert shown(component("base", "fixed", per='"month"', price="5"))["total"] is None


DEMO = Path(__file__).parents[2] / "src" / "gridtally" / "demo" / "tariffs"
CHECKED = (
    DEMO / "home-tou-2026-01-01.toml",
    DEMO / "home-pv-2026-01-01.toml",
    Path(__file__).with_name("two-seasons.toml"),
)


def charged(toml, zone, day, hour, kwh):
    """What the second rater charges for a day with so much energy in one hour, and none else."""
    end = (date.fromisoformat(day) + timedelta(1)).isoformat()
    given = case(
        toml, day, end, zone=zone, step=900, export=0,
        **{"import": lambda clock: kwh * KWH // 4 if clock.hour == hour else 0},
    )  # fmt: skip
    answer = rate(given, toml)
    assert answer["findings"] == []
    return sum(
        Decimal(line["amount"]) for line in answer["lines"] if line["component"] != "rounding"
    )


def at(view, day, hour):
    """The price in the picture, in the first step: by the panel of that kind of day."""
    kind = "public holidays" if day in view["holidays"] else date.fromisoformat(day).weekday()
    words = {5: "Saturdays", 6: "Sundays"}.get(kind, kind if isinstance(kind, str) else "Mondays")
    panels = {panel["days"]: panel["rows"] for panel in view["total"]["panels"]}
    rows = next((rows for name, rows in panels.items() if words in name), panels.get("every day"))
    row = next(r for r in rows if r["from"] <= day[5:] <= r["to"])
    bucket = next(b for start, end, b in row["runs"] if start <= hour * 60 < end)
    return Decimal(view["total"]["buckets"][bucket]["tiers"][0]["price"])


@pytest.mark.parametrize("file", CHECKED, ids=lambda file: file.stem)
def test_the_second_rater_charges_what_the_picture_says(file):
    """Kilowatt-hours in a single hour cost what is shown there, on days of every kind."""
    toml = file.read_text().replace("line = { places = 2", "line = { places = 8", 1).encode()
    view = show(load(toml, name=file.name))
    rng = random.Random(4)
    days = ["2026-01-01", "2026-05-01", "2026-12-25", "2026-05-03", "2026-07-04"]
    days += [(date(2026, 1, 1) + timedelta(rng.randrange(365))).isoformat() for _ in range(15)]
    for day in [day for day in days if day < (view["valid_to"] or "9")]:
        hour = rng.choice((0, 3, 7, 8, 9, 10, 12, 14, 18, 20, 23))
        more = charged(toml, view["zone"], day, hour, 5) - charged(toml, view["zone"], day, hour, 0)
        assert abs(more / 5 - at(view, day, hour)) <= Decimal("0.0000005"), (day, hour)


# ------------------------------------------------------------------- the picture


def drawn(*parts, **keys):
    return ET.fromstring(picture(shown(*parts, **keys)))


def words(svg):
    return " ".join(text for part in svg.iter() for text in (part.text, part.tail) if text)


def test_the_picture_needs_nothing_else():
    """Well-formed, with a title and a description, without a link to anything."""
    text = picture(show(load(EVERYTHING.read_bytes(), name="t")), badge="unverified")
    svg = ET.fromstring(text)
    assert svg.find("{*}title").text == "Everything at once: prices by month and hour"
    assert "order 12, annex 3" in words(svg)
    assert "unverified" in words(svg)
    assert not re.search(r"href|url\((?!#)|<script|@import", text)
    assert text.count("http") == 1  # the name of the language


def test_the_picture_says_every_component():
    """Drawn or in words: none is left out."""
    version = load(EVERYTHING.read_bytes(), name="t")
    said = words(ET.fromstring(picture(show(version))))
    for part in version.components:
        assert (part.title or part.id) in said
    for name in ("Term persons", "Series spot", "Event cpp", "Part lamp", "Loss line", "half up"):
        assert name in said


def test_strange_names_stay_names():
    """What looks like a tag is text (T23)."""
    svg = drawn('[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\n'
                'price = 1\ntitle = "<script>alert(1)</script>"\n')  # fmt: skip
    assert "<script>alert(1)</script>" in words(svg)


def test_boxes_tile_the_day():
    """Of each panel, the boxes of a colour or of rest cover it once."""
    svg = drawn(TOU, ENERGY)
    boxes = [
        {key: int(box.get(key)) for key in ("x", "y", "width", "height")}
        for box in svg.iter("{http://www.w3.org/2000/svg}rect")
        if box.find("{*}title") is not None
    ]  # fmt: skip
    top = min(box["y"] for box in boxes)
    left = sorted({box["x"] for box in boxes})[0]
    panel = [box for box in boxes if box["y"] == top and box["x"] < 540]
    assert sum(box["width"] for box in panel) == max(b["x"] + b["width"] for b in panel) - left
    assert {box["height"] for box in panel} == {12 * 16}


def test_dearer_is_darker():
    """The colours are in order by lightness alone: no hue is needed to read them."""

    def light(colour):
        red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
        return red * 299 + green * 587 + blue * 114

    found = [light(colour) for colour in colours([Decimal(n) for n in range(30)])]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 30


EVENTS = """
[events.critical]
[calendars.c]
[[calendars.c.rules]]
bucket = "critical"
event = "critical"
[[calendars.c.rules]]
bucket = "peak"
hours = ["08:00-20:00"]
[[calendars.c.rules]]
otherwise = "off"
[losses.t]
adds_to = "import"
no_load = 0.42
load = 3.1
capacity = 100
[[components]]
id = "e"
shape = "energy"
channel = "import"
calendar = "c"
prices = { critical = 9, peak = 0.2, off = 0.1 }
losses = ["t"]
[[components]]
id = "d"
shape = "demand"
price = 3
distinct_days = true
top = 2
[[components]]
id = "u"
shape = "table"
of = ["d"]
metric = "kwh_per_kw"
demand = "d"
rows = [{ upto = 260, percent = 0 }, { percent = -10 }]
[[components]]
id = "s"
shape = "energy"
channel = "export"
price = 0.04
credit = true
"""


def test_the_price_of_an_event_stretches_no_colours():
    """Peak and off have both ends of the scale; what no hour shows is grey."""
    drawn = shown(EVENTS)
    (part,) = (part for part in drawn["components"] if part["id"] == "e")
    names = [bucket["bucket"] for bucket in part["buckets"]]
    found = dict(zip(names, shades(part), strict=True))
    dark, pale = colours([Decimal("0.2"), Decimal("0.1")])
    assert (found["peak"], found["off"]) == (dark, pale)
    assert found["critical"] not in (dark, pale)


def test_words_of_what_is_so_and_of_units():
    """Nothing is said twice or without its unit, and no key stands for a word."""
    drawn = shown(EVENTS)
    said = {part["id"]: in_words(part) for part in drawn["components"]}
    assert said["s"] == "0.04 EUR per kWh of export, paid to the customer"
    assert "within the event critical at the price of critical" in said["e"]
    assert "distinct days" in said["d"]
    assert "metric kWh per kW" in said["u"]
    assert [part for part in said.values() if " yes" in part] == []
    declared = dict(drawn["declared"])
    assert declared["Loss t"] == "adds to import; no load 0.42 kW; load 3.1 kW; capacity 100 kVA"
