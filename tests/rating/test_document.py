"""Tariff documents: what is read, and every bad input with the answer that it gets."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from gridtally.errors import InvalidDocument
from gridtally.rating.document.schema import document_schema
from gridtally.rating.tariff import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tariff.md").read_text()
ENERGY = 'shape = "energy"\nchannel = "import"\ncalendar = "tou"'
TIERED = 'shape = "tiered"\nchannel = "import"'
PLAIN = (
    "is not a plain number such as 0.24. "
    "Write digits and a point, without currency, unit or exponent."
)
SAY = "Say how amounts are rounded: the mode is never assumed."
EXAMPLE = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]


def refused(text, **replace):
    """The lines of the refusal of a document."""
    with pytest.raises(InvalidDocument) as caught:
        load(text.encode() if isinstance(text, str) else text, name="t.toml")
    assert str(caught.value).startswith("t.toml: The tariff is refused, it has ")
    return [line.strip() for line in caught.value.message.splitlines()[1:] if line.strip()]


def changed(old, new):
    assert EXAMPLE.count(old) == 1, old
    return EXAMPLE.replace(old, new)


def with_component(body, *, calendar=""):
    return EXAMPLE + f'{calendar}\n[[components]]\nid = "x"\n{body}\n'


def test_the_example_of_the_page_is_accepted():
    """The complete example of docs/tariff.md is a tariff, with exact prices."""
    version = load(EXAMPLE.encode(), name="t.toml")
    assert (version.id, version.currency, version.zone) == ("home-tou", "EUR", "Europe/Lisbon")
    assert version.component("energy").prices["peak"].number == Decimal("0.24")
    assert version.calendars["tou"].buckets == ("peak", "off")
    assert version.digest.startswith("sha256:")
    assert len(version.digest) == 71


def test_the_digest_names_the_bytes():
    """One more space is another version."""
    one, two = (load(data, name="t").digest for data in (EXAMPLE.encode(), EXAMPLE.encode() + b" "))
    assert one != two


def test_the_schema_for_editors_is_current():
    """docs/tariff.schema.json is what the models say."""
    written = json.loads((ROOT / "docs" / "tariff.schema.json").read_text())
    assert written == json.loads(json.dumps(document_schema()))


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ("[{upto=200, price=1}, {upto=100, price=2}, {price=3}]",
         "100 must be above 200, where the tier before it ends. "
         "Let `upto` grow from tier to tier."),
        ("[{upto=200, price=1}, {upto=200, price=2}, {price=3}]",
         "200 must be above 200, where the tier before it ends. "
         "Let `upto` grow from tier to tier."),
        ("[{upto=200, price=1}, {upto=300, price=2}]",
         "The last tier has no `upto`: energy above 300 would have no price. "
         "Leave its `upto` out, or add a last one that has none."),
        ("[{price=1}, {upto=300, price=2}, {price=3}]",
         "Only the last tier has no `upto`; later tiers are unreachable. "
         "Give each but the last its `upto`, or take away those after it."),
        ("[{upto=-5, price=1}, {price=3}]",
         "-5 must be above zero. Check its sign, or leave it out."),
    ],
)  # fmt: skip
def test_t01_tiers(tiers, said):
    """T01: thresholds that overlap, leave a gap, do not increase or are negative are refused."""
    body = f'shape = "tiered"\nchannel = "import"\ntiers = {tiers}'
    (line,) = refused(with_component(body))
    assert line.startswith("components[3] (x).tiers[")
    assert line.endswith(f"].upto: {said}")


def test_t02_an_uncovered_hour_is_named():
    """T02: an hour that no rule covers is named with month, day type and time."""
    text = changed(
        'otherwise = "off"                   # everything that no rule above covers',
        'bucket = "off"\nhours = ["00:00-08:00", "10:30-18:00", "20:30-24:00"]',
    )
    assert refused(text) == [
        "calendars.tou.rules: January to March, October to December, sat to sun, 08:00-10:30 "
        "is covered by no rule. A rule `otherwise` covers what is left.",
        "calendars.tou.rules: January to March, October to December, sat to sun, 18:00-20:30 "
        "is covered by no rule. A rule `otherwise` covers what is left.",
        "calendars.tou.rules: April to September, every day, 08:00-10:30 "
        "is covered by no rule. A rule `otherwise` covers what is left.",
        "calendars.tou.rules: April to September, every day, 18:00-20:30 "
        "is covered by no rule. A rule `otherwise` covers what is left.",
    ]


def test_t02_an_hour_covered_twice_is_named():
    """T02: two rules for one hour are refused, be it in a single day type."""
    twice = '[[calendars.tou.rules]]\nbucket = "late"\ndays = ["fri"]\nhours = ["20:00-21:00"]\n'
    text = EXAMPLE.replace(
        "[[calendars.tou.rules]]\notherwise", f"{twice}[[calendars.tou.rules]]\notherwise"
    )
    assert (
        "calendars.tou.rules: January to March, October to December, fri, 20:00-20:30 "
        "is covered by more than one rule. Leave these hours to one of the rules."
    ) in refused(text)


def test_t03_a_range_past_midnight_is_written_as_two():
    """T03: a window across midnight is refused, and the remedy is the two windows."""
    assert refused(changed('"18:00-20:30"', '"22:00-06:00"')) == [
        "calendars.tou.rules[0].hours[1]: 22:00-06:00 runs past midnight; write it as two ranges, "
        '"22:00-24:00" and "00:00-06:00". A range lies within one day.'
    ]


def test_t04_holidays_of_a_year_are_missing():
    """T04: every year that the version reaches has its holidays, when a calendar uses them."""
    rule = 'days = ["mon", "tue", "wed", "thu", "fri"]'
    uses = changed(rule, 'days = ["weekday", "holiday"]')
    load(uses.encode(), name="t.toml")
    longer = uses.replace("valid_to = 2027-01-01", "valid_to = 2027-01-02")
    assert refused(longer) == [
        "holidays.years: The holidays of 2027 are not listed, but the version reaches that year. "
        "List them and add the year, or end the version."
    ]
    none = re.sub(r"\[holidays\].*?\n\n", "", uses, flags=re.DOTALL)
    assert refused(none) == [
        "holidays: The calendar 'tou' uses the day type `holiday`, but no dates are listed. "
        "Add [holidays] with source, years and dates."
    ]


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (
            "0.123456789012",
            "0.123456789012 has more than 8 decimals. "
            "Round it as the source does, and say so in `assumptions`.",
        ),
        ("1e30", f"'1e30' {PLAIN}"),
        ("nan", f"'nan' {PLAIN}"),
        ("inf", f"'inf' {PLAIN}"),
        ("1000000", "1000000 is out of range: numbers are below 1,000,000. Check its unit."),
        (
            "-0.1",
            "-0.1 is below zero; say `negative = true` if it is meant. "
            "What is paid to the customer says `credit = true` instead.",
        ),
        ("true", "True must be a number such as 0.24. Write one number."),
        ('"0.2 EUR"', f"'0.2 EUR' {PLAIN}"),
        ('"０.２"', f"'０.２' {PLAIN}"),
    ],
)
def test_t07_prices_have_limits(price, said):
    """T07: too many decimals, too large, no number, below zero without a word: refused."""
    assert refused(changed("off = 0.13", f"off = {price}")) == [
        f"components[1] (energy).prices.off: {said}"
    ]


@pytest.mark.parametrize("number", ["1_000", "0x10", "0o17", "0b11"])
def test_t07_integers_are_plain(number):
    """T07: TOML itself would read 1_000 and 0x10 as integers."""
    assert refused(changed("price = 4.5", f"price = {number}")) == [
        f"{number} is not a plain number. Write digits only, without underscores or a base."
    ]


def test_t07_a_negative_price_that_is_meant_and_a_zero():
    """T07: negative = true allows a price below zero; zero is a price."""
    text = changed("off = 0.13 }", "off = -0.13 }\nnegative = true").replace("4.5", "0")
    version = load(text.encode(), name="t.toml")
    assert version.component("energy").prices["off"].number == Decimal("-0.13")
    assert version.component("standing").price.number == 0


def test_t10_a_tax_of_825_percent():
    """T10: 825 for 8.25 % is refused with the right way to write it."""
    assert refused(changed("percent = 6", "percent = 825")) == [
        "components[2] (vat).percent: 825 is more than 100 percent; 8.25 percent is written 8.25. "
        "Check the point."
    ]


def test_t11_components_in_a_circle():
    """T11: a tax on a tax on itself is refused, and the circle is shown."""
    body = 'shape = "percentage"\npercent = 1\nof = ["vat"]'
    text = with_component(body).replace('of = ["standing", "energy"]', 'of = ["standing", "x"]')
    assert refused(text) == [
        "components[2] (vat).of: These components are computed from each other: vat -> x -> vat. "
        "Let one of them leave the other out of `of`."
    ]
    itself = changed('of = ["standing", "energy"]', 'of = ["vat"]')
    assert "vat -> vat" in refused(itself)[0]


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ("{ places = 2 }", f"rounding.line.mode: `mode` is missing. {SAY}"),
        ('{ mode = "half_up" }', f"rounding.line.places: `places` is missing. {SAY}"),
        ('{ places = 9, mode = "half_up" }',
         "rounding.line.places: 9 is more than 8, the most that is allowed. "
         "Write a number that is."),
    ],
)  # fmt: skip
def test_t12_rounding_is_never_assumed(point, said):
    """T12: a rounding without mode or places is refused."""
    assert refused(
        changed('{ places = 2, mode = "half_up" }     # every', f"{point}     # every")
    ) == [said]


def test_t12_no_rounding_at_all():
    """T12: a document without rounding is refused."""
    text = re.sub(r"\[rounding\].*?\n\n", "", EXAMPLE, flags=re.DOTALL)
    assert refused(text) == [
        "rounding: `rounding` is missing. Say how amounts are rounded: the mode is never assumed."
    ]


@pytest.mark.parametrize(
    "code", ["__import__('os').system('x')", "10^10^10", "price.peak * 2", "{{7*7}}", "=1+1"]
)
def test_t13_code_is_text_and_text_is_no_number(code):
    """T13: there are no formulas; code where a number stands is refused, elsewhere it is text."""
    assert refused(changed("price = 4.5", f'price = "{code}"')) == [
        f"components[0] (standing).price: {code!r} {PLAIN}"
    ]
    version = load(changed("Tariff order 12/2025, section 3", code).encode(), name="t.toml")
    assert version.source == code


def test_t13_deep_nesting_and_size_are_bounded():
    """T13: nesting and size end in a refusal, not in a crash."""
    assert refused("a = " + "[" * 100_000) == [
        "The document is nested too deeply. Use the keys of docs/tariff.md."
    ]
    assert refused("a = 1" + "0" * 5000)[0].startswith("This is not TOML")
    assert refused(b"#" * 1_000_001) == [
        "The document is larger than 1 MB. A tariff version is one short page."
    ]
    assert refused(b"title = '\xff'") == ["Byte 10 is not UTF-8. Save the document as UTF-8."]


def test_t13_unknown_keys_are_refused_with_the_nearest():
    """T13: a key that nobody reads is refused at every level, with the nearest known one."""
    assert refused(changed("price = 4.5", "price = 4.5\npro_ration = 'days'")) == [
        "components[0] (standing).pro_ration: There is no key `pro_ration`. "
        "Did you mean `proration`?"
    ]
    assert refused(changed('source = "Tariff', 'sauce = "Tariff'))[-1] == (
        "sauce: There is no key `sauce`. Did you mean `source`?"
    )
    total = 'places = 2, mode = "half_up" }    # the'
    assert refused(changed(total, f"places_ = 2, {total}")) == [
        "rounding.total.places_: There is no key `places_`. Did you mean `places`?"
    ]  # fmt: skip
    assert refused(changed("hours = [", "hour = [")) == [
        "calendars.tou.rules[0].hour: There is no key `hour`. Did you mean `hours`?"
    ]


@pytest.mark.parametrize("end", ["2026-01-01", "2025-12-31"])
def test_t18_an_empty_validity(end):
    """T18: a version that ends when or before it begins is refused."""
    assert refused(changed("valid_to = 2027-01-01", f"valid_to = {end}")) == [
        f"valid_to: The version ends on {end}, before it begins. "
        "`valid_to` is the day after the last; leave it out for an open end."
    ]


@pytest.mark.parametrize("zone", ["Europe/Lisboa", "../../etc/passwd", "UTC+1"])
def test_t22_an_unknown_zone(zone):
    """T22: a zone that does not exist is refused."""
    assert refused(changed("Europe/Lisbon", zone)) == [
        f"zone: There is no time zone named {zone!r}. "
        "Use an IANA name such as Europe/Lisbon, Asia/Shanghai or UTC."
    ]


def test_every_problem_at_once():
    """One reading of the document names all that is wrong with it, each with its path."""
    text = EXAMPLE
    for old, new in (
        ("Europe/Lisbon", "Nowhere"), ("price = 4.5", "prize = 4.5"), ("peak = 0.24, ", ""),
        ("percent = 6", "percent = 600"), ('["standing", "energy"]', '["standing", "energi"]'),
        ('hours = ["08:00-10:30"', 'hours = ["10:30-08:00"'),
    ):  # fmt: skip
        text = text.replace(old, new)
    paths = [re.sub(r" \(\w+\)", "", line.split(":")[0]) for line in refused(text)]
    assert paths == [
        "zone", "calendars.tou.rules[0].hours[0]", "components[0].price", "components[0].prize",
        "components[2].percent", "components[2].of[1]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f"{ENERGY}\nprices = {{ peak = 1 }}",
         "components[3] (x).prices.off: The bucket 'off' has no price. "
         "A price of zero is written as 0; a missing one is never read as zero."),
        (f"{ENERGY}\nprices = {{ peak = 1, off = 1, x = 1 }}",
         "components[3] (x).prices.x: The calendar 'tou' has no bucket 'x'. "
         "Buckets are peak, off."),
        ('shape = "energy"\nchannel = "import"\ncalendar = "no"\nprices = { peak = 1 }',
         "components[3] (x).calendar: There is no calendar 'no'. "
         "Add [calendars.no] with its rules."),
        ('shape = "energy"\nchannel = "export"\nprice = 1\nnetting = "month"',
         "components[3] (x).netting: Only the channel `import` can be netted by the month. "
         "Leave `netting` out of this component."),
        ('shape = "energy"\nchannel = "import"',
         "components[3] (x).price: The price is missing. "
         "A price of zero is written as 0; a missing one is no zero."),
        (f'{TIERED}\ncalendar = "tou"\ntiers = [{{ prices = {{ peak = 1, off = 1 }} }}]',
         'components[3] (x).pooling: Tiers with a calendar need `pooling`: '
         "separate, in_order or pro_rata. Add it."),
        (f'{TIERED}\nwindow = "year"\nresets = "02-29"\ntiers = [{{ price = 1 }}]',
         "components[3] (x).resets[0]: 02-29 is not a day of every year. "
         "Write another day, such as 02-28."),
        ('shape = "demand"\nprice = 1\nbasis = "contract"\nexcess_over = 105\nexcess_factor = 2',
         'components[3] (x).excess_reading: Is required with basis = "contract". Add it.'),
        ('shape = "demand"\nprice = 1\nwindow_min = 25',
         "components[3] (x).window_min: Must divide a day of 1440 minutes. "
         "Write 15, 30 or 60, or what the source says."),
        ('shape = "power_factor"\nof = ["energy"]\nrows = { "1.00" = -1, "0.98" = 0 }',
         "components[3] (x).rows: Go down by 0.01 without a hole, such as 1.00, 0.99, 0.98. "
         "Add the rows that are missing, from the highest down."),
        ('shape = "minimum"\nof = ["energy"]\namount = 5\ncredit = true',
         "components[3] (x).credit: Its sign follows from the named lines: leave it out. "
         "A credit among them counts as it is."),
        ('shape = "fixed"\nper = "month"\nprice = 1\nid = "vat"', None),
        ('shape = "sum"', "components[3] (x).shape: There is no shape 'sum'. "
         "Shapes are energy, tiered, demand, fixed, percentage, table, power_factor, reactive, "
         "minimum, maximum, bank, transfer."),
    ],
)  # fmt: skip
def test_components_say_what_they_mean(body, said):
    """Keys that contradict each other, or lead nowhere, are refused."""
    if said is None:
        text = with_component(body).replace('id = "x"\n', "")
        assert refused(text) == [
            "components[3] (vat).id: There are two components with the id 'vat'. "
            "Give each an id of its own, or take away the one that was pasted twice."
        ]
    else:
        assert refused(with_component(body)) == [said]


def test_a_total_is_no_finer_than_the_currency():
    """A total with three decimals of a euro cannot be paid."""
    text = EXAMPLE.replace("total = { places = 2", "total = { places = 3")
    assert refused(text) == [
        "rounding.total.places: EUR has 2 decimals; a total cannot have more. Write 2, or less."
    ]
