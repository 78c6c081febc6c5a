"""Notes of lint on prices that are zero, below zero or stated elsewhere, and on hours of use."""

import pytest
from rating_world import header
from shape_world import TOU, component

from gridtally.rating.lint import lint


def notes(*parts):
    said = lint((header("UTC") + "".join(parts)).encode())
    assert not [p for p in said if p.severity == "hold"], said
    return [(p.path, p.message) for p in said]


def fixed(price, *keys):
    return component("fixed", "\n".join(('per="month"', f"price={price}", *keys)), "f")


@pytest.mark.parametrize(
    "parts",
    [
        ["[terms.p]\n", fixed('{term="p"}', "negative=true")],
        ["[terms.p]\n", fixed(9), component(
            "percentage", 'of=["f"]\npercent={term="p"}\nnegative=true', "p")],
        ["[series.s]\nper='kWh'\n", component(
            "energy", 'channel="import"\nseries="s"\nnegative=true', "e")],
        ["[series.s]\nper='kWh'\n", component(
            "energy", 'channel="import"\nseries="s"\nplus=0.01\nnegative=true', "e")],
    ],
    ids=["term", "percentage", "series", "series and more"],
)  # fmt: skip
def test_a_price_from_outside_may_be_below_zero(parts):
    """Nobody knows here whether it is."""
    assert notes(*parts) == []


def test_negative_without_a_price_below_zero():
    """Of prices that all stand in the document it is said."""
    assert notes(fixed(9, "negative=true")) == [
        ("components[0].negative", "No price of f is below zero.")
    ]


@pytest.mark.parametrize(
    "free",
    [
        "price=0",
        'calendar="c"\nprices={peak=0,off=0}',
    ],
    ids=["at all times", "in each bucket"],
)
def test_free_energy_prices_no_hour_twice(free):
    """However it is written: what costs nothing stands beside a price without a note."""
    august = component("energy", f'channel="import"\nmonths=[8]\n{free}', "free")
    energy = component("energy", 'channel="import"\nprice=0.2', "e")
    said = notes(TOU, energy, august)
    assert [message for _, message in said if "price August" in message] == []
    twice = notes(TOU, energy, august.replace("=0", "=0.1"))
    assert any(message.startswith("e and free price August") for _, message in twice)


@pytest.mark.parametrize(("hours", "count"), [(743, 0), (744, 1), (2000, 1)])
def test_hours_of_use_that_no_month_has(hours, count):
    """As of steps by kWh per kW."""
    tiers = f"tiers=[{{upto_per_kw={hours},price=0.3}},{{price=0.1}}]"
    use = component("tiered", f'channel="import"\ndemand="d"\n{tiers}', "t")
    message = f"Nothing lies above {hours} kWh per kW: a month has at most 744 hours."
    place = "components[1].tiers[0].upto_per_kw"
    assert notes(component("demand", "price=1", "d"), use) == [(place, message)] * count
