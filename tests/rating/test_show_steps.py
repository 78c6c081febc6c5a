"""What a picture says of steps: tiers, hours of use; and of a great many components."""

from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from rating_world import header
from shape_world import TOU, component

from gridtally.rating.show import show
from gridtally.rating.show.drawing import colours, width_of
from gridtally.rating.show.panels import prices_text
from gridtally.rating.show.picture import picture
from gridtally.rating.tariff import load

KW = component("demand", "price=1", "d")


def shown(*parts):
    return show(load((header("UTC") + "".join(parts)).encode(), name="t"))


def words(view):
    svg = ET.fromstring(picture(view))
    return " ".join(text for part in svg.iter() for text in (part.text, part.tail) if text)


def of_use(tiers):
    return component("tiered", f'channel="import"\ndemand="d"\ntiers={tiers}', "t")


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ("[{upto_per_kw=200,price=0.3},{upto_per_kw=400,price=0.2},{price=0.1}]",
         "0.3 up to 200 kWh per kW of demand, 0.2 up to 400 kWh per kW of demand, 0.1 above"),
        ("[{upto=900,upto_per_kw=200,price=0.3},{upto=900,price=0.2},{price=0.1}]",
         "0.3 up to 900 kWh or 200 kWh per kW of demand, whichever is less, 0.2 up to 900 kWh, "
         "0.1 above"),
    ],
    ids=["alone", "beside an amount"],
)  # fmt: skip
def test_hours_of_use_are_said_in_words(tiers, said):
    """They end at no amount: nothing to draw on a scale, but each step stands in the legend."""
    view = shown(KW, of_use(tiers))
    part = next(part for part in view["components"] if part["id"] == "t")
    assert prices_text(part["buckets"][0], part) == said
    assert said in words(view)


def test_hours_of_use_are_not_in_the_total():
    """What one more kWh costs depends on the demand: it is left out, and that is said."""
    energy = component("energy", 'channel="import"\nprice=0.02', "e")
    total = shown(KW, of_use("[{upto_per_kw=200,price=0.3},{price=0.1}]"), energy)["total"]
    assert total["includes"] == ["e"]
    assert ["t", "its steps are hours of use, which depend on the demand"] in total["excludes"]
    assert total["buckets"] == [{"bucket": "", "tiers": [{"upto": None, "price": "0.02"}]}]


@pytest.mark.parametrize("count", [41, 64])
def test_a_great_many_components(count):
    """So many components of two prices each cost so many times both prices, and no other."""
    parts = [
        component("energy", f'channel="import"\ncalendar="c"\nprices={{peak=0.02,off=0.01}}\n'
                            f'kind="k{n}"', f"e{n}")
        for n in range(count)
    ]  # fmt: skip
    total = shown(TOU, *parts)["total"]
    assert [(b["bucket"], float(b["tiers"][0]["price"])) for b in total["buckets"]] == [
        ("peak", pytest.approx(count * 0.02)), ("off", pytest.approx(count * 0.01)),
    ]  # fmt: skip


# ------------------------------------------------------------ what is drawn


def letters(view, **keys):
    """(x from, x to, base line, words) of all letters of a picture, by their reckoned width."""
    found = []
    for part in ET.fromstring(picture(view, **keys)).iter("{http://www.w3.org/2000/svg}text"):
        said = " ".join(part.itertext())
        x, wide = int(part.get("x")), width_of(said, int(part.get("font-size")))
        left = {"end": x - wide, "middle": x - wide // 2}.get(part.get("text-anchor"), x)
        found.append((left, left + wide, int(part.get("y")), said))
    return found


CROWDED = component(
    "tiered",
    'channel="import"\ncalendar="c"\npooling="separate"\nnegative=true\ntiers=['
    "{upto=100,prices={peak=0.3,off=-0.1}},{upto=105,prices={peak=0.334567,off=0.334567}},"
    "{upto=110,prices={peak=0.34,off=0.339}},{prices={peak=0.345678,off=0.344444}}]",
    "t",
)


def test_no_words_stand_on_others():
    """Steps that are close, prices that are near, in one chart: what does not fit is left out."""
    found = letters(shown(TOU, CROWDED))
    for n, (left, right, y, said) in enumerate(found):
        for other in found[:n]:
            apart = left >= other[1] or right <= other[0] or abs(y - other[2]) >= 10
            assert apart, (said, other[3])
    assert sum(said == "100" for *_, said in found) == 2  # of the total and of the component


def test_a_price_below_zero_lies_below_the_line():
    """The line of zero is where zero is, not at the foot of the chart."""
    found = letters(shown(TOU, CROWDED))
    (zero, *_) = [y for *_, y, said in found if said == "0"]
    (foot, *_) = [y for *_, y, said in found if said == "100"]
    assert 20 < foot - zero < 60  # 0.1 of 0.445678 of 136 pixels, and 12 pixels of letters


def test_no_words_leave_the_page():
    """Long names, addresses and Chinese, which has no spaces, go on in the next line."""
    text = header("UTC").replace('"a test"', '"https://example.org/' + "a" * 300 + '"')
    text += f'[[components]]\nid = "e"\ntitle = "{"电" * 120}"\nshape = "energy"\n'
    text += 'channel = "import"\nprice = 1\n'
    tiers = ", ".join(f"{{upto={n}00000, price=0.{n}23456}}" for n in range(1, 9))
    text += component("tiered", f'channel="import"\ntiers=[{tiers}, {{price=1}}]', "t")
    text += f'title = "{"A long name " * 12}"\n'
    view = show(load(text.encode(), name="t"))
    assert max(right for _, right, _, _ in letters(view)) <= 1080 - 44


def test_a_long_title_ends_before_its_badge():
    """On every line of it."""
    text = header("UTC") + f'title = "{"Tariff for homes " * 11}"\n'
    head, rest = text.split("[rounding]")
    title = rest.splitlines()[-1]
    text = f"{head}{title}\n[rounding]{rest.replace(title, '')}"
    view = show(load((text + KW).encode(), name="t"))
    found = letters(view, badge="unverified")
    (badge,) = [left for left, _, _, said in found if said == "unverified"]
    assert all(right <= badge - 10 for _, right, _, said in found if said.startswith("Tariff for"))


@pytest.mark.parametrize("prices", [("0.001", "0.003", "0.08"), ("1", "1.99", "2"), ("0", "9")])
def test_different_prices_have_colours_that_differ(prices):
    """Also of prices that are near: by a lightness that an eye sees, cheap to dear."""
    light = [
        sum(int(colour[n : n + 2], 16) * part for n, part in ((1, 299), (3, 587), (5, 114)))
        for colour in colours([Decimal(price) for price in prices])
    ]
    assert all(first - second > 12_000 for first, second in pairwise(light))


def test_names_of_days_that_are_too_long_are_cut_short():
    """Three panels beside each other have little room."""
    named = '"mon", "wed", "fri", "sun", "holiday"'
    days = f'[[calendars.c.rules]]\nbucket="peak"\ndays=[{named}]\nhours=["08:00-12:00"]\n'
    days += '[[calendars.c.rules]]\nbucket="mid"\ndays=["tue", "thu"]\nhours=["08:00-12:00"]\n'
    text = '[holidays]\nsource="x"\nyears=[2026]\ndates=[2026-05-01]\n' + days
    text += '[[calendars.c.rules]]\notherwise="off"\n'
    energy = 'channel="import"\ncalendar="c"\nprices={peak=3,mid=2,off=1}'
    said = words(shown(text, component("energy", energy, "e")))
    assert "Mon, Wed, Fri, Sun and holidays" in said
    assert "Tuesdays and Thursdays" in said
