"""Notes of lint on figures that their key does not usually hold: fractions, watts, cents."""

import pytest
from rating_world import header

from gridtally.rating.lint import lint

ENERGY = '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\nprice = 0.2\n'
SPOT = (
    '[series.s]\nper = "MWh"\n[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\n'
    'series = "s"\n'
)
CONTRACT = (
    '[[components]]\nid = "kw"\nshape = "demand"\nprice = 5\nbasis = "contract"\n'
    'excess_over = {}\nexcess_factor = {}\nexcess_reading = "above_contract"\n'
)
KW = '[[components]]\nid = "kw"\nshape = "demand"\nprice = 5\n'
TABLE = '[[components]]\nid = "t"\nshape = "table"\nmetric = "kwh"\nof = ["e"]\nrows = [{}]\n'
FACTOR = '[[components]]\nid = "pf"\nshape = "power_factor"\nof = ["e"]\n'
REACTIVE = '[[components]]\nid = "q"\nshape = "reactive"\nchannel = "both"\nprice = 0.02\n'
TO = '[[components]]\nid = "to"\nshape = "transfer"\nof = ["e"]\nparts = {{ owner = {} }}\n'
BANK = '[[components]]\nid = "b"\nshape = "bank"\nof = ["e"]\n'
LOSS = '[losses.l]\nadds_to = "import"\n{}\n'
LOSSY = ENERGY + 'losses = ["l"]\n'


def notes(text, *, currency="EUR"):
    """Path and message of each note; every one says what to do."""
    said = lint((header("UTC").replace('"EUR"', f'"{currency}"') + text).encode())
    assert not [p for p in said if p.severity == "hold"], said
    assert all(p.remedy for p in said)
    return [(p.path, p.message) for p in said]


def odd(figure, key, usual):
    return f"{figure} is an odd `{key}`: most lie from {usual}."


PERCENT = "2 to 100 percent"
OF_POWER = "2 to 150 percent"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (CONTRACT.format("1.05", 2), "components[0].excess_over",
         odd("1.05", "excess_over", "50 to 300 percent of the contract")),
        (CONTRACT.format(105, 200), "components[0].excess_factor",
         odd(200, "excess_factor", "0.5 to 20 times")),
        (KW + "ratchet = { percent = 0.8, months = 11 }\n", "components[0].ratchet.percent",
         odd("0.8", "percent", PERCENT)),
        (KW + 'ratchet = { percent = 80, months = 11, by_month = { "7" = 1 } }\n',
         "components[0].ratchet.by_month.7", odd("1", "by_month", PERCENT)),
        (KW + "least_of_contract = 0.6\n", "components[0].least_of_contract",
         odd("0.6", "least_of_contract", OF_POWER)),
        (KW + "least_of_capacity = 0.4\n", "components[0].least_of_capacity",
         odd("0.4", "least_of_capacity", OF_POWER)),
        (KW + "power_factor_below = 0.09\n", "components[0].power_factor_below",
         odd("0.09", "power_factor_below", "0.5 to 1 as a power factor")),
        (ENERGY + TO.format("0.7"), "components[1].parts.owner",
         odd("0.7", "parts", "1 to 100 percent")),
        (ENERGY + "loss_factor = 3\n", "components[0].loss_factor[0]",
         odd("3", "loss_factor", "0.7 to 1.5 times")),
        (ENERGY + "loss_factor = [1.02, 0.03]\n", "components[0].loss_factor[1]",
         odd("0.03", "loss_factor", "0.7 to 1.5 times")),
        (REACTIVE + "free_ratio = 33\n", "components[0].free_ratio",
         odd("33", "free_ratio", "0.01 to 2 kvarh per kWh")),
        (SPOT + "times = 4\n", "components[0].times",
         odd("4", "times", "0.1 to 2.5 times the series")),
        (SPOT + "times = 0.04\n", "components[0].times",
         odd("0.04", "times", "0.1 to 2.5 times the series")),
        (ENERGY + FACTOR + "below = { from = 0.9, percent = 0.01 }\n",
         "components[1].below.percent",
         odd("0.01", "percent", "0.05 to 10 percent per hundredth")),
        (ENERGY + FACTOR + "above = { from = 0.95, percent = 1, limit = 0.2 }\n",
         "components[1].above.limit", odd("0.2", "limit", "1 to 100 percent")),
        (ENERGY + BANK + 'true_up = { on = "04-01", percent = 0.5 }\n',
         "components[1].true_up.percent", odd("0.5", "percent", "1 to 100 percent")),
        (LOSS.format("no_load = 420\nload = 310") + LOSSY, "losses.l.no_load",
         odd("420", "no_load", "0 to 100 kW")),
        (LOSS.format("load = 3100") + LOSSY, "losses.l.load", odd("3100", "load", "0 to 1000 kW")),
        (LOSS.format("percent = 0.03") + LOSSY, "losses.l.percent",
         odd("0.03", "percent", "0.1 to 30 percent")),
        (LOSS.format("ohm = 1\nkv = 10000") + LOSSY, "losses.l.kv",
         odd("10000", "kv", "0.1 to 1200 kV")),
        (ENERGY + TABLE.format("{ upto = 9, percent = 0 }, { percent = -0.1 }"),
         "components[1].rows[1].percent",
         "No row of t reaches 1 percent: fractions instead of percentages?"),
        (ENERGY + FACTOR + 'rows = { "1.00" = -0.0075, "0.99" = 0 }\n',
         "components[1].rows.1.00",
         "No row of pf reaches 1 percent: fractions instead of percentages?"),
    ],
)  # fmt: skip
def test_figures_that_nobody_means(text, path, message):
    """A fraction for a percentage, watts for kilowatts, a percentage for a factor: one note."""
    assert notes(text) == [(path, message)]


@pytest.mark.parametrize(
    "text",
    [
        CONTRACT.format(105, 2),
        KW + "ratchet = { percent = 80, months = 11, by_month = { '7' = 0, '8' = 100 } }\n",
        KW + "least_of_contract = 60\nleast_of_capacity = 0\npower_factor_below = 0.9\n",
        ENERGY + TO.format(70),
        ENERGY + TO.format("1.5"),
        ENERGY + "loss_factor = [1.08, 0.97]\n",
        REACTIVE + "free_ratio = 0.33\n",
        REACTIVE + "free_ratio = 0\n",
        SPOT + "times = 1.04\n",
        SPOT + "times = -1\nnegative = true\n",
        ENERGY + FACTOR + "below = { from = 0.9, percent = 0.5, limit = 20 }\n",
        ENERGY + BANK + 'true_up = { on = "04-01", percent = 50 }\n',
        LOSS.format("no_load = 0.42\nload = 3.1") + LOSSY,
        LOSS.format("no_load_percent = 0.2\nload_percent = 1.1") + LOSSY,
        LOSS.format("percent = 3") + LOSSY,
        ENERGY + TABLE.format("{ upto = 9, percent = -0.5 }, { percent = -1 }"),
        ENERGY + TABLE.format("{ upto = 9, percent = 0 }, { percent = 0 }"),
    ],
)
def test_figures_as_tariffs_have_them(text):
    """Percentages, factors and kilowatts as they are written, zero among them."""
    assert notes(text) == []


STANDING = '[[components]]\nid = "s"\nshape = "fixed"\nper = "{}"\nprice = {}\n'
HOME, WORKS = 'title = "Home"\n', '[eligibility]\nvoltage_levels = ["high"]\n'
MUCH = "is far more than such prices are."


@pytest.mark.parametrize(
    ("who", "per", "price", "said"),
    [
        ("", "month", 4500, f"4500 EUR per month {MUCH}"),
        ("", "month", 450, None),
        (HOME, "month", 450, f"450 EUR per month {MUCH}"),
        (HOME, "month", "4.5", None),
        (HOME, "year", 450, None),
        (HOME, "year", 4500, f"4500 EUR per year {MUCH}"),
        (HOME, "day", 15, f"15 EUR per day {MUCH}"),
        (WORKS, "month", 4500, None),
        ('title = "Bulk supply at 110 kV"\n', "month", 4500, None),
        ('title = "Home and business"\n', "month", 450, None),
        ("", "kw_month", 380, f"380 EUR per kW and month {MUCH}"),
        ("", "kva_year", 380, None),
        ("", "unit_month", 380, None),
    ],
)
def test_a_standing_charge_that_no_home_pays(who, per, price, said):
    """By whom the document is for: its voltage levels, segments, id and title."""
    count = "count = 1\n" if per.startswith("unit") else ""
    head = who if who.startswith("title") else ""
    text = header("UTC").replace('tariff = "', f'{head}tariff = "', 1) + who.removeprefix(head)
    found = lint((text + STANDING.format(per, price) + count).encode())
    assert [(p.path, p.message) for p in found] == ([("components[0].price", said)] if said else [])


@pytest.mark.parametrize(
    ("kind", "price", "currency", "noted"),
    [
        ("levy", "0.31", "EUR", True),
        ("tax", "0.31", "EUR", True),
        ("levy", "0.0031", "EUR", False),
        ("levy", "0.9", "DKK", False),
        ("network", "0.31", "EUR", False),
    ],
)
def test_a_levy_that_costs_as_much_as_energy(kind, price, currency, noted):
    """What is charged on top of energy has a lower limit than energy."""
    levy = ENERGY.replace('"e"', '"l"').replace("price = 0.2", f'price = {price}\nkind = "{kind}"')
    found = notes(ENERGY + levy + 'ledger = "tax.l"\n', currency=currency)
    message = f"{price} {currency} per kWh is far more than a levy is."
    assert found == ([("components[1].price", message)] if noted else [])


TIERS = (
    '[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\nwindow = "{}"\n'
    "tiers = [{{ upto = {}, price = 0.1 }}, {{ upto = {}, price = 0.2 }}, {{ price = 0.3 }}]\n"
)


@pytest.mark.parametrize(
    ("window", "steps", "said"),
    [
        ("month", (2760, 4800), "The first 2760 kWh of a month: steps of a year?"),
        ("month", (180, 350), None),
        ("month", (300, 3000), None),
        ("year", (180, 350),
         "Nothing but the last step is above 350 kWh a year: of a month?"),
        ("year", (2760, 4800), None),
        ("day", (8, 12), None),
    ],
)  # fmt: skip
def test_steps_of_a_year_that_are_taken_by_the_month(window, steps, said):
    """And the reverse; businesses do use thousands of kWh in a month."""
    found = [("components[0].window", said)] if said else []
    assert notes(TIERS.format(window, *steps)) == found
    assert notes(WORKS + TIERS.format(window, *steps)) == []
