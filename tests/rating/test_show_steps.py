"""What a picture says of steps: tiers, hours of use; and of a great many components."""

from xml.etree import ElementTree as ET

import pytest
from rating_world import header
from shape_world import TOU, component

from gridtally.rating.show import show
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


@pytest.mark.parametrize("count", [40, 41, 64, 90])
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
