"""Notes of lint on figures of an odd size, on holidays, and on parts that do nothing."""

import pytest
from rating_world import header

from gridtally.rating.lint import lint

ENERGY = '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\nprice = {}\n'
KW = '[[components]]\nid = "kw"\nshape = "demand"\nprice = {}\n'
MUCH = "is far more than such prices are."
VAT = '[[components]]\nid = "vat"\nshape = "percentage"\nof = ["e"]\npercent = {}\n'
PT = [
    "2026-01-01", "2026-04-03", "2026-04-05", "2026-04-25", "2026-05-01", "2026-06-04",
    "2026-06-10", "2026-08-15", "2026-10-05", "2026-11-01", "2026-12-01", "2026-12-08",
    "2026-12-25",
]  # fmt: skip
"""Public holidays of Portugal in 2026: fixed days, and Good Friday, Easter, Corpus Christi."""


def notes(*parts, currency="EUR", end="valid_to = 2027-01-01\n"):
    text = header("UTC").replace("valid_to = 2027-01-01\n", end).replace('"EUR"', f'"{currency}"')
    said = lint((text + "".join(parts)).encode())
    assert not [p for p in said if p.severity == "hold"], said
    assert all(p.remedy for p in said)
    return [(p.path, p.message) for p in said]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([ENERGY.format(15)], [("components[0].price", f"15 EUR per kWh {MUCH}")]),
        ([ENERGY.format("0.15")], []),
        ([KW.format(380)], [("components[0].price", f"380 EUR per kW and month {MUCH}")]),
        ([KW.format(380) + 'per = "year"\n'], []),
        ([ENERGY.format("0.2"), VAT.format(60)],
         [("components[1].percent", "vat is 60 percent of what it names.")]),
        ([ENERGY.format("0.2"), VAT.format("0.21")],
         [("components[1].percent", "vat is 0.21 percent: a fraction instead of a percentage?")]),
        ([ENERGY.format("0.2"), VAT.format(21)], []),
        (['[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\n'
          "tiers = [{ upto = 100, price = 0.14 }, { price = 1.4 }]\n"], []),
        (['[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\n'
          "tiers = [{ upto = 100, price = 0.02 }, { price = 2 }]\n"],
         [("components[0]", "The prices 0.02 and 2 of t are 100 times apart, or more.")]),
        ([KW.format(9), '[[components]]\nid = "u"\nshape = "table"\nof = ["kw"]\n'
          'metric = "kwh_per_kw"\ndemand = "kw"\n'
          "rows = [{ upto = 260, percent = 0 }, { upto = 744, percent = -5 }, { percent = 1 }]\n"],
         [("components[1].rows[1].upto",
           "Nothing lies above 744 kWh per kW: a month has at most 744 hours.")]),
    ],
)  # fmt: skip
def test_figures_of_an_odd_size(parts, said):
    """Cents for euros, fractions for percentages, steps that no month reaches."""
    assert notes(*parts) == said


def test_the_size_of_a_price_depends_on_the_currency():
    """30 a kWh is usual in rupees and far too much in yuan; unknown currencies are left alone."""
    assert notes(ENERGY.format(30), currency="INR") == []
    assert notes(ENERGY.format(30), currency="CNY") != []
    assert notes(ENERGY.format(30), currency="XTS") == []


def holidays(*keys, dates=PT):
    return (
        f'[holidays]\nsource = "act"\nyears = [2026]\ndates = [{", ".join(dates)}]\n'
        + "\n".join(keys)
        + '\n[[calendars.c.rules]]\nbucket = "h"\ndays = ["holiday"]\n'
        '[[calendars.c.rules]]\notherwise = "o"\n'
        '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
        "prices = { h = 0.1, o = 0.2 }\n"
    )


def test_holidays_beside_the_library():
    """Days that are missing or too many are named; `add` and `remove` say that they are meant."""
    assert notes(holidays('library = "PT"')) == []
    odd = [*PT[1:], "2026-02-17"]
    assert notes(holidays('library = "PT"', dates=odd)) == [
        ("holidays.dates", "Against PT the list lacks 2026-01-01 (New Year's Day)."),
        ("holidays.dates", "Against PT the list has, beyond the library and `add`, 2026-02-17."),
    ]
    meant = ('library = "PT"', "add = [2026-02-17]", "remove = [2026-01-01]")
    assert notes(holidays(*meant, dates=odd)) == []
    assert notes(holidays('library = "PT"', "add = [2026-12-25]")) == [
        ("holidays.add", "2026-12-25: PT has them anyway."),
    ]


def test_holidays_of_a_place_that_is_none():
    """A country that the library does not know is said, and nothing else of it."""
    assert notes(holidays('library = "XX"')) == [
        ("holidays.library", "The library knows no holidays of 'XX'."),
    ]
    assert notes(holidays('library = "PT-ZZ"'))[0][1] == "The library knows no part 'ZZ' of PT."


def test_holidays_that_end_before_the_version():
    """An open version is billed until its listed holidays end; then it is held."""
    assert notes(holidays(), end="")[:1] == [
        ("holidays.years", "The holidays are listed until 2026: bills of later days are held."),
    ]


def test_parts_that_do_nothing():
    """Whatever is declared and not used, and keys that change nothing."""
    text = (
        "[terms.persons]\n[series.spot]\nper = 'kWh'\n[events.peak]\n[losses.iron]\n"
        "adds_to = 'import'\npercent = 2\n[losses.q]\nadds_to = 'reactive_import'\npercent = 2\n"
        "[parts.a]\nslice = [0, 0.4]\n[parts.b]\nslice = [0.5, 0.9]\n[parts.c]\nratio = 0.7\n"
        "[parts.d]\nratio = 0.7\n"
    )
    energy = ENERGY.format("0.2") + 'losses = ["q"]\nsets = ["taxed"]\n'
    tiers = (
        '[[components]]\nid = "t"\nshape = "tiered"\nchannel = "import"\nresets = "04-01"\n'
        "tiers = [{ upto = 9, price = 0.2 }, { price = 0.2 }]\n"
    )
    vat = VAT.format(5).replace('["e"]', '["e", "e"]')
    assert notes(text, energy, tiers, vat) == [
        ("terms.persons", "No component uses the term 'persons'."),
        ("series.spot", "No component uses the series 'spot'."),
        ("events.peak", "No component uses the event 'peak'."),
        ("parts.a", "No component uses the part 'a'."),
        ("parts.b", "No component uses the part 'b'."),
        ("parts.c", "No component uses the part 'c'."),
        ("parts.d", "No component uses the part 'd'."),
        ("losses.iron", "No component uses the loss 'iron'."),
        ("components[0].sets[0]", "Nothing names the set @taxed."),
        ("parts.b.slice", "What lies between 0.4 and 0.5 is in no slice."),
        ("parts", "What lies between 0.9 and 1 is in no slice."),
        ("parts", "The ratios of the parts are 1.4 together, more than all."),
        ("components[0].losses[0]", "q adds to reactive_import, not to import."),
        ("components[1].tiers[1]", "Tier 2 of t has the price of the one before it."),
        ("components[1].resets", '`resets` has an effect only with window = "year".'),
        ("components[2].of[1]", "e is named twice; it counts once."),
        ("components[1]", "e and t both price every hour."),
    ]
