"""Two versions in which something has another name: steps are found, and nothing else is told."""

import pytest
from rating_world import header
from shape_world import TOU, component

from gridtally.rating.diff import diff


def told(old, new):
    """(group, text, suspicious) of every change."""
    head = header("UTC")
    answer = diff((head + old).encode(), (head + new).encode(), names=("old", "new"))
    return [(row["group"], row["text"], row["suspicious"]) for row in answer["changes"]]


def marked(old, new):
    """The parts of a document that a change is marked in."""
    return [group.removeprefix("component ") for group, _, suspicious in told(old, new)
            if suspicious]  # fmt: skip


def energy(name, price, *keys):
    return component("energy", "\n".join(('channel="import"', f"price={price}", *keys)), name)


def fixed(name, price, per="month"):
    return component("fixed", f'per="{per}"\nprice={price}', name)


TIERS = component("tiered", 'channel="import"\ntiers=[{upto=9,price=20},{price=30}]', "t")


# ------------------------------------------- steps under another name (T09)


def test_t09_a_step_under_another_id():
    """Cents for euros in a component that is new by its name alone; from what, is said."""
    assert told(energy("a", "0.2"), energy("b", 20)) == [
        ("component b",
         "New: b; shape energy; channel import; price 20 EUR per kWh; far from a before (0.2)",
         True),
        ("component a", "No longer there: a; shape energy; channel import; price 0.2 EUR per kWh",
         False),
    ]  # fmt: skip


@pytest.mark.parametrize(("price", "names"), [("0.3", []), ("0.301", ["b"]), ("0.099", ["b"])])
def test_t09_half_is_no_step_under_another_id(price, names):
    """The same bound as under the same id: 0.2 to 0.3 is 50 %."""
    assert marked(energy("a", "0.2"), energy("b", price)) == names


def test_t09_a_step_in_a_year_that_is_cut():
    """Winter and summer for all year; also where the old id keeps some of the months."""
    winter, summer = "months=[1,2,3,10,11,12]", "months=[4,5,6,7,8,9]"
    old = energy("a", "0.2")
    assert marked(old, energy("w", 20, winter) + energy("s", 20, summer)) == ["w", "s"]
    assert marked(old, energy("a", "0.2", winter) + energy("s", 20, summer)) == ["s"]
    assert marked(old, energy("a", "0.2", winter) + energy("s", "0.25", summer)) == []


def test_t09_a_step_in_another_way_to_charge_a_kwh():
    """Tiers in place of one price are still prices of a kWh."""
    assert marked(energy("a", "0.2"), TIERS) == ["t"]


def test_t09_of_several_the_one_of_its_kind():
    """A levy is compared with the levy, where it was one, and not with the energy."""
    old = energy("a", "0.2", 'kind="energy"') + energy("l", "0.001", 'kind="levy"')
    new = energy("b", "0.21", 'kind="energy"') + energy("m", "0.1", 'kind="levy"')
    assert marked(old, new) == ["m"]
    assert marked(old, energy("b", 20, 'kind="power"') + energy("m", "0.001", 'kind="levy"')) == [
        "b"
    ]


def test_t09_another_unit_under_another_id():
    """The same number by the day instead of by the month, under another name."""
    found = told(fixed("a", 4), fixed("b", 4, "day"))
    assert found[0] == (
        "component b",
        "New: b; shape fixed; charged per day; price 4 EUR per day; "
        "another unit than a before (EUR per month)",
        True,
    )


def test_t09_percentages_and_bounds():
    """What is no price moves as far: a tax of 96 % instead of 21, a cap of 5000."""
    old = fixed("f", 4) + component("percentage", 'of=["f"]\npercent=21', "p")
    assert marked(old, old.replace('"p"', '"q"').replace("percent=21", "percent=96")) == ["q"]
    old = fixed("f", 4) + component("maximum", 'of=["f"]\namount=50', "p")
    assert marked(old, old.replace('"p"', '"q"').replace("amount=50", "amount=5000")) == ["q"]


def test_t09_what_is_new_altogether():
    """A charge of which there was none, or beside those that stay, is no step."""
    assert marked(energy("a", "0.2"), energy("a", "0.2") + energy("l", "0.001")) == []
    assert marked(energy("a", "0.2"), fixed("f", 9) + energy("b", "0.2", "months=[1]")) == []


# ---------------------------------------------------- names that are followed

HIGH = TOU.replace('"peak"', '"high"')


def by_hour(peak, *keys):
    text = f"prices={{{peak}=0.3,off=0.2}}"
    return component("energy", "\n".join(('channel="import"', 'calendar="c"', text, *keys)), "e")


@pytest.mark.parametrize(
    "keys",
    [
        [],
        ["loss_factors={{{0}=1.1,off=1.2}}"],
        ['netting="month"', 'true_up={{on="01-01",prices={{{0}=0.1,off=0.05}}}}',
         'bank_moves=[{{on="05-01",from="{0}",to="off"}}]'],
    ],
    ids=["prices", "loss factors", "banks"],
)  # fmt: skip
def test_a_bucket_of_another_name_is_followed_everywhere(keys):
    """Prices, loss factors, true-ups and moves of the bank: the name alone is told."""
    old, new = (by_hour(peak, *(key.format(peak) for key in keys)) for peak in ("peak", "high"))
    assert told(TOU + old, HIGH + new) == [
        ("calendar c", "The bucket peak is called high now; it keeps its hours.", False)
    ]


def test_a_bucket_of_another_name_in_tiers():
    """The thresholds stay what they are."""
    old = component("tiered", 'channel="import"\ncalendar="c"\npooling="separate"\ntiers='
                    "[{upto=9,prices={peak=1,off=0.2}},{prices={peak=2,off=0.3}}]")  # fmt: skip
    assert told(TOU + old, HIGH + old.replace("peak", "high")) == [
        ("calendar c", "The bucket peak is called high now; it keeps its hours.", False)
    ]


def test_a_demand_of_another_name_is_followed():
    """By the components that take its demand; both may have another name."""
    old = component("demand", "price=7", "d") + component(
        "table", 'of=["d"]\nmetric="kw"\ndemand="d"\nrows=[{upto=10,percent=1},{percent=2}]', "tb"
    )
    renamed = [("component power", "d is called power now.", False)]
    assert told(old, old.replace('"d"', '"power"')) == renamed
    both = old.replace('"d"', '"power"').replace('"tb"', '"table"')
    both = both.replace('shape="table"', 'shape = "table"')
    assert told(old, both) == [*renamed, ("component table", "tb is called table now.", False)]


def test_a_credit_for_later_bills_of_another_name_is_followed():
    """By the bank that keeps it."""
    old = (
        component("fixed", 'per="month"\nprice=-5\nnegative=true', "cr")
        + fixed("g", 9)
        + component("bank", 'of=["g"]\nlater=["cr"]', "bk")
    )
    assert told(old, old.replace('"cr"', '"credit"')) == [
        ("component credit", "cr is called credit now.", False)
    ]
