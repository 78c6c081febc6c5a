"""Every key of docs/tariff.md is read into the models that the kernel rates from."""

from decimal import Decimal

import pytest
from rating_world import header

from gridtally.rating.document.reader import read
from gridtally.rating.document.values import Value
from gridtally.rating.tariff import load

EVERYTHING = (
    header("Europe/Lisbon")
    + """
[eligibility]
voltage_levels = ["low"]
phases = [1, 3]

[terms.persons]
title = { en = "Persons", zh = "人数" }
unit = "persons"
least = 1
most = 30
[terms.bulb]
[terms.meters]
[series.spot]
per = "MWh"
source = "Day-ahead market"
[events.critical]
title = "Critical hours"
[parts.school]
ratio = 0.35
[parts.lamps]
per_month = { term = "bulb" }
[parts.third]
slice = [0, "0.33333333"]
[parts.left]
rest = true
[losses.iron]
adds_to = "import"
no_load = 0.5
load_percent = 1.2
round = { places = 0, mode = "half_up" }
[losses.cable]
adds_to = "reactive_import"
ohm = 0.3
kv = 10
hours_per_day = 12
reactive = false
[losses.lump]
adds_to = "import"
per_month = 20
proration = "thirtieths"
[losses.share]
adds_to = "import"
percent = 3

[[components]]
id = "spot"
shape = "energy"
channel = "import"
series = "spot"
times = 1.05
plus = { term = "bulb" }
floor = 0
cap = 0.5
round_price = { places = 5, mode = "half_even" }
losses = ["iron", "lump"]
loss_factor = [1.02, { term = "bulb" }]
sets = ["taxable"]
payer = "customer"
payee = "grid"

[[components]]
id = "net"
shape = "energy"
channel = "import"
price = 0.2
netting = "month"
true_up = { on = "04-01", price = 0.03 }
sets = ["taxable"]

[[components]]
id = "steps"
shape = "tiered"
channel = "import"
part = "school"
tiers = [{ upto = 2760, price = 0.5 }, { price = 0.8 }]
window = "year"
resets = ["01-01", "07-01"]
fill = "quota"
more = { term = "persons", above = 4, each = 100 }

[[components]]
id = "kw"
shape = "demand"
price = 38
window_min = 30
rolling_min = 15
top = 3
distinct_days = true
power = "apparent"
mean_of_months = 12
power_factor_below = 0.9
minimum_kw = 2.5
least_of_capacity = 40
ratchet = { percent = 80, months = 11, by_month = { "7" = 100 } }
per = "year"
proration = "hours"
round_factor = { places = 4, mode = "half_up" }
round_component = { places = 1, mode = "down" }

[[components]]
id = "lamp"
shape = "fixed"
per = "unit_month"
count = { term = "bulb" }
unit = "lamp"
price = 3

[[components]]
id = "q"
shape = "reactive"
channel = "larger"
free_ratio = 0.33
price = 0.01

[[components]]
id = "use"
shape = "table"
of = ["kw"]
metric = "kwh_per_kw"
demand = "kw"
edge = "upper"
rows = [{ upto = 260, percent = 0 }, { percent = -10 }]

[[components]]
id = "pf"
shape = "power_factor"
of = ["kw", "@taxable"]
below = { from = 0.9, percent = 1, limit = 20 }
above = { from = 0.95, percent = 0.5 }
losses = ["cable"]

[[components]]
id = "least"
shape = "minimum"
of = ["@taxable"]
amount = 600
per = "year"
settle = { on = "10-01" }

[[components]]
id = "kept"
shape = "bank"
of = ["net"]
true_up = { on = "03-01", percent = 100 }

[[components]]
id = "out"
shape = "transfer"
of = ["net"]
parts = { landlord = 70, fund = { term = "bulb" } }

[[components]]
id = "vat"
shape = "percentage"
percent = 6
method = "inside"
of = ["@taxable", "kw"]
kind = "tax"
"""
)


def part(name):
    return load(EVERYTHING.encode(), name="t.toml").component(name)


def test_sets_are_resolved_in_the_order_of_the_document():
    """Who rates sees ids alone."""
    assert part("vat").of == ("spot", "net", "kw")
    assert part("pf").of == ("kw", "spot", "net")


def test_spans_are_cut_where_windows_start_and_accounts_close():
    """resets, true_up and settle of every component."""
    version = load(EVERYTHING.encode(), name="t.toml")
    assert version.resets == {(1, 1), (7, 1), (4, 1), (3, 1), (10, 1)}


def test_a_value_is_a_number_or_a_term_with_the_bounds_of_its_place():
    """The kernel asks each value what it may be."""
    assert part("kw").minimum_kw == Value(number=Decimal("2.5"), least=Decimal(0))
    factors = part("spot").loss_factor
    assert [(v.number, v.term, v.least) for v in factors] == [
        (Decimal("1.02"), None, 0), (None, "bulb", 0),
    ]  # fmt: skip
    plus = part("spot").plus
    assert (plus.term, part("spot").bounds(plus)) == ("bulb", (0, None))
    ratio = load(EVERYTHING.encode(), name="t.toml").parts["school"].ratio
    assert (ratio.number, ratio.least, ratio.most) == (Decimal("0.35"), 0, 1)


def test_every_term_that_a_component_uses_is_known_by_its_place():
    """Those that a unit implies included."""
    assert part("lamp").term_names() == {"count": "bulb"}
    assert part("steps").term_names() == {"more.term": "persons"}
    assert part("out").term_names() == {"parts.fund": "bulb"}


@pytest.mark.parametrize(
    ("name", "form"),
    [("iron", "transformer"), ("cable", "line"), ("lump", "per_month"), ("share", "percent")],
)
def test_a_loss_knows_its_formula(name, form):
    """One of four, by its keys."""
    assert load(EVERYTHING.encode(), name="t.toml").losses[name].form == form


_SETTLED = """
schema = 1
tariff = "t"
currency = "EUR"
zone = "UTC"
valid_from = 2026-01-01
source = "s"
rounding = { line = { places = 2, mode = "half_up" }, total = { places = 2, mode = "half_up" } }
[calendars.c]
rules = [{ bucket = "p", hours = ["08:00-20:00"] }, { otherwise = "o" }]
[[components]]
id = "e"
shape = "energy"
channel = "import"
calendar = "c"
prices = { p = 1, o = 2 }
netting = "month"
true_up = TRUE_UP
[[components]]
id = "x"
shape = "energy"
channel = "export"
price = 1
credit = true
[[components]]
id = "bank"
shape = "bank"
of = ["e"]
later = LATER
"""


@pytest.mark.parametrize(
    ("true_up", "later", "paths"),
    [
        ('{ on = "month", prices = { p = 1, o = 1 } }', '["x"]', []),
        ('{ on = "04-01", price = 1 }', '["x"]', []),
        ('{ on = "month", prices = { p = 1 } }', '["x"]', ["components[0].true_up.prices.o"]),
        ('{ on = "04-01" }', '["x"]', ["components[0].true_up.price"]),
        ('{ on = "04-01", price = -1 }', '["x"]', ["components[0].true_up.price"]),
        ('{ on = "month", price = 1 }', '["e"]', ["components[2].later[0]"]),
        ('{ on = "month", price = 1 }', '["none"]', ["components[2].later[0]"]),
        ('{ on = "month", price = 1 }', '["bank"]', ["components[2].of"]),
    ],
)
def test_what_is_settled_has_prices_and_counts_once(true_up, later, paths):
    """A bank of energy is paid at one price, or one per bucket; credits for later stand apart."""
    text = _SETTLED.replace("TRUE_UP", true_up).replace("LATER", later)
    _, problems = read(text.encode())
    assert [problem.path for problem in problems] == paths


def test_a_component_that_is_named_twice_counts_once():
    """By itself and by a set: its lines are taxed once."""
    twice = EVERYTHING.replace('of = ["@taxable", "kw"]', 'of = ["net", "@taxable", "kw", "kw"]')
    version = load(twice.encode(), name="t.toml")
    assert version.component("vat").of == ("net", "spot", "kw")


def test_a_voltage_level_is_one_that_metering_points_have():
    """Another word would shut everybody out: it is refused, with those that there are."""
    text = header("UTC") + '[eligibility]\nvoltage_levels = ["high", "110kV"]\n'
    text += '[[components]]\nid = "a"\nshape = "fixed"\nper = "month"\nprice = 1\n'
    (problem,) = read(text.encode())[1]
    assert problem.path == "eligibility.voltage_levels[1]"
    assert problem.message == "'110kV' should be 'low', 'medium', 'high' or 'extra_high'."


def test_a_document_has_a_size():
    """Five thousand components are refused at once, in words: none is looked at."""
    part = '[[components]]\nid = "c{0}"\nshape = "fixed"\nper = "month"\nprice = 1\n'
    text = header("UTC") + "".join(part.format(number) for number in range(5000))
    (problem,) = read(text.encode())[1]
    assert problem.message == "There are 5,000 components; a document has at most 500."
