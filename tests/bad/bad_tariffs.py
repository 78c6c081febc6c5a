"""T01 to T16 and T22, T23 of the bad inputs: the smallest document of each, and its answer."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """\
schema = 1
tariff = "bad"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2026-01-01
valid_to = 2027-01-01
source = "made up for this test"

[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
"""
ENERGY = """\
[[components]]
id = "energy"
shape = "energy"
channel = "import"
price = 0.2
"""
FIXED = '[[components]]\nid = "standing"\nshape = "fixed"\nper = "month"\nprice = 5\n'
TIERS = '[[components]]\nid = "steps"\nshape = "tiered"\nchannel = "import"\ntiers = {}\n'
VAT = '[[components]]\nid = "vat"\nshape = "percentage"\nof = ["{}"]\npercent = {}\n'
TOU = """\
[[calendars.day.rules]]
bucket = "peak"
{}
[[components]]
id = "energy"
shape = "energy"
channel = "import"
calendar = "day"
prices = {{ peak = 0.3, off = 0.1 }}
"""
OFF = '[[calendars.day.rules]]\notherwise = "off"\n'
ON_TOP = '[[components]]\nid = "{}"\nshape = "{}"\nof = ["standing", "energy"]\namount = {}\n'


@dataclass(frozen=True)
class Case:
    """A document, and what it is refused for: code, path, message and remedy of each problem."""

    what: str
    text: str
    said: tuple[tuple[str, str, str, str], ...]


def case(what, text, code, path, message, remedy):
    """A document with one problem."""
    return Case(what, text, ((f"rating.document.{code}", path, message, remedy),))


def tiers(what, written, path, message, remedy):
    text = HEAD + TIERS.format(written)
    return case(what, text, "tiers", f"components[0].{path}", message, remedy)


def price(what, written, message, remedy):
    text = HEAD + ENERGY.replace("price = 0.2", f"price = {written}")
    return case(what, text, "price", "components[0].price", message, remedy)


_STEPS = "[{{ upto = {}, price = 1 }}, {{ upto = {}, price = 2 }}, {{ price = 3 }}]"
_UNCOVERED = "is covered by no rule."
_OTHERWISE = "A rule `otherwise` covers what is left."
_NIGHT = 'hours = ["{}"]\n[[calendars.day.rules]]\nbucket = "off"\nhours = ["{}"]\n'
_GROW = "Let `upto` grow from {0} to {0}."
_DIGITS = "Write digits and a point, without currency, unit or exponent."
_TEXT = "Correct the text, or leave it out."
_MISSING = "Say how amounts are rounded: the mode is never assumed."

ANSWERS: dict[str, list[Case]] = {
    "T01": [
        tiers("bounds overlap", _STEPS.format(200, 100),
              "tiers[1].upto", "100 must be above 200, where the tier before it ends.",
              _GROW.format("tier")),
        tiers("bounds do not increase", _STEPS.format(200, 200),
              "tiers[1].upto", "200 must be above 200, where the tier before it ends.",
              _GROW.format("tier")),
        tiers("a gap above the last bound", "[{ upto = 200, price = 1 }]",
              "tiers[0].upto",
              "The last tier has no `upto`: energy above 200 would have no price.",
              "Leave its `upto` out, or add a last one that has none."),
        tiers("a tier that nothing reaches", "[{ price = 1 }, { price = 2 }]",
              "tiers[0].upto", "Only the last tier has no `upto`; later tiers are unreachable.",
              "Give each but the last its `upto`, or take away those after it."),
        tiers("a bound below zero", "[{ upto = -5, price = 1 }, { price = 2 }]",
              "tiers[0].upto", "-5 must be above zero.", "Check its sign, or leave it out."),
        case("a table whose rows do not increase",
             HEAD + ENERGY + '[[components]]\nid = "t"\nshape = "table"\nof = ["energy"]\n'
             'metric = "kwh"\n'
             "rows = [{ upto = 9, percent = 1 }, { upto = 9, percent = 2 }, { percent = 3 }]\n",
             "tiers", "components[1].rows[1].upto",
             "9 must be above 9, where the row before it ends.", _GROW.format("row")),
    ],
    "T02": [
        case("an hour that no rule covers",
             HEAD + TOU.format(_NIGHT.format("08:00-22:00", "00:00-07:00")).replace(
                 '"00:00-07:00"', '"00:00-07:00", "22:00-24:00"'),
             "hours", "calendars.day.rules",
             f"Every month, every day, 07:00-08:00 {_UNCOVERED}", _OTHERWISE),
        case("an hour covered twice, on one day type",
             HEAD + TOU.format('days = ["fri", "sat"]\nhours = ["08:00-20:00"]\n'
                               '[[calendars.day.rules]]\nbucket = "off"\ndays = ["weekend"]\n'
                               'hours = ["19:00-21:00"]\n' + OFF),
             "hours", "calendars.day.rules",
             "Every month, sat, 19:00-20:00 is covered by more than one rule.",
             "Leave these hours to one of the rules."),
        case("days of a season that no rule covers",
             HEAD + TOU.format('season = ["06-15 to 09-14"]\n[[calendars.day.rules]]\n'
                               'bucket = "off"\nseason = ["09-16 to 06-14"]\n'),
             "hours", "calendars.day.rules",
             f"09-15 to 09-15, every day, 00:00-24:00 {_UNCOVERED}", _OTHERWISE),
    ],
    "T03": [
        case("a window across midnight",
             HEAD + TOU.format('hours = ["22:00-06:00"]\n' + OFF),
             "hours", "calendars.day.rules[0].hours[0]",
             '22:00-06:00 runs past midnight; write it as two ranges, "22:00-24:00" and '
             '"00:00-06:00".', "A range lies within one day."),
        case("a season that begins on a day that most years do not have",
             HEAD + TOU.format('season = ["02-29 to 06-01"]\n' + OFF),
             "value", "calendars.day.rules[0].season[0]",
             "02-29 to 06-01 begins on a day that most years do not have; write 03-01.",
             "A season may end on 02-29."),
    ],
    "T04": [
        case("no holidays at all", HEAD + TOU.format('days = ["holiday"]\n' + OFF),
             "holidays", "holidays",
             "The calendar 'day' uses the day type `holiday`, but no dates are listed.",
             "Add [holidays] with source, years and dates."),
        case("a year without holidays",
             HEAD.replace("valid_to = 2027", "valid_to = 2028")
             + '[holidays]\nsource = "act"\nyears = [2026]\ndates = []\n'
             + TOU.format('days = ["holiday"]\n' + OFF),
             "holidays", "holidays.years",
             "The holidays of 2027 are not listed, but the version reaches that year.",
             "List them and add the year, or end the version."),
    ],
    "T07": [
        price("twelve decimals", "0.123456789012", "0.123456789012 has more than 8 decimals.",
              "Round it as the source does, and say so in `assumptions`."),
        price("1e30", "1e30", "'1e30' is not a plain number such as 0.24.", _DIGITS),
        price("a huge number", "1" + 50 * "0",
              f"1{39 * '0'} is out of range: numbers are below 1,000,000.", "Check its unit."),
        price("a million", "1000000", "1000000 is out of range: numbers are below 1,000,000.",
              "Check its unit."),
        price("below zero by mistake", "-0.2",
              "-0.2 is below zero; say `negative = true` if it is meant.",
              "What is paid to the customer says `credit = true` instead."),
        price("nan", "nan", "'nan' is not a plain number such as 0.24.", _DIGITS),
    ],
    "T08": [
        case("no currency of the list", HEAD.replace('"EUR"', '"Euro"') + ENERGY,
             "value", "currency",
             "'Euro' is no currency.", "Write three capital letters such as EUR."),
        case("a price with its currency", HEAD + ENERGY.replace("0.2", '"0.2 USD"'),
             "price", "components[0].price", "'0.2 USD' is not a plain number such as 0.24.",
             _DIGITS),
    ],
    "T10": [
        case("825 for 8.25 %", HEAD + ENERGY + VAT.format("energy", 825),
             "percent", "components[1].percent",
             "825 is more than 100 percent; 8.25 percent is written 8.25.", "Check the point."),
    ],
    "T11": [
        case("a tax on itself", HEAD + VAT.format("vat", 6),
             "circle", "components[0].of",
             "These components are computed from each other: vat -> vat.",
             "Let one of them leave the other out of `of`."),
        case("a tax on a set that it is in",
             HEAD + ENERGY + VAT.format("@all", 6) + 'sets = ["all"]\n',
             "circle", "components[1].of",
             "These components are computed from each other: vat -> vat.",
             "Let one of them leave the other out of `of`."),
        case("by way of another",
             HEAD + VAT.format("levy", 6)
             + VAT.format("vat", 1).replace('id = "vat"', 'id = "levy"'),
             "circle", "components[0].of",
             "These components are computed from each other: vat -> levy -> vat.",
             "Let one of them leave the other out of `of`."),
    ],
    "T12": [
        case("a rounding without its mode", HEAD.replace(', mode = "half_up" }\ntotal', " }\ntotal")
             + ENERGY, "rounding", "rounding.line.mode", "`mode` is missing.", _MISSING),
        case("no rounding of the total",
             HEAD.replace('total = { places = 2, mode = "half_up" }\n', "") + ENERGY,
             "rounding", "rounding.total", "`total` is missing.", _MISSING),
    ],
    "T13": [
        price("code", "\"__import__('os')\"",
              "\"__import__('os')\" is not a plain number such as 0.24.", _DIGITS),
        price("a power of powers", '"10**10**10"',
              "'10**10**10' is not a plain number such as 0.24.", _DIGITS),
        price("an attribute", '"().__class__"',
              "'().__class__' is not a plain number such as 0.24.", _DIGITS),
        price("deep nesting", 50 * "[" + 50 * "]", "Must be a number such as 0.24.",
              "Write one number."),
        case("nesting without end", HEAD + "x = " + 5000 * "[" + 5000 * "]", "syntax", "",
             "The document is nested too deeply.", "Use the keys of docs/tariff.md."),
    ],
    "T14": [
        case("two components of one id", HEAD + ENERGY + ENERGY, "value", "components[1].id",
             "There are two components with the id 'energy'.",
             "Give each an id of its own, or take away the one that was pasted twice."),
    ],
    "T15": [
        case("a demand window longer than a day",
             HEAD + '[[components]]\nid = "kw"\nshape = "demand"\nprice = 5\nwindow_min = 2880\n',
             "value", "components[0].window_min",
             "2880 is more than 1440, the most that is allowed.", "Write a number that is."),
    ],
    "T16": [
        case("a minimum below the standing charge", HEAD + FIXED + ENERGY
             + ON_TOP.format("least", "minimum", 4), "bound", "components[2].amount",
             "The minimum of 4 per month is below the standing charge of 5 that it counts "
             "(standing): it can never be charged.",
             "Check both amounts, or leave the standing charge out of `of`."),
        case("a cap below the standing charge", HEAD + FIXED + ENERGY
             + ON_TOP.format("most", "maximum", 4), "bound", "components[2].amount",
             "The cap of 4 per month is below the standing charge of 5 that it counts "
             "(standing): it always takes a part of it away.",
             "Check both amounts, or leave the standing charge out of `of`."),
        case("a minimum above the maximum", HEAD + FIXED + ENERGY
             + ON_TOP.format("least", "minimum", 40) + ON_TOP.format("most", "maximum", 30),
             "bound", "components[2].amount",
             "The minimum of 40 is above 30, the maximum of the same lines (most).",
             "Check both amounts."),
    ],
    "T18": [
        case("a version that ends before it begins",
             HEAD.replace("valid_to = 2027-01-01", "valid_to = 2026-01-01") + ENERGY,
             "validity", "valid_to", "The version ends on 2026-01-01, before it begins.",
             "`valid_to` is the day after the last; leave it out for an open end."),
    ],
    "T22": [
        case("a zone that is none", HEAD.replace("Europe/Lisbon", "Europe/Lissabon") + ENERGY,
             "zone", "zone", "There is no time zone named 'Europe/Lissabon'.",
             "Use an IANA name such as Europe/Lisbon, Asia/Shanghai or UTC."),
    ],
    "T23": [
        case("a name of spaces", HEAD + ENERGY + 'title = "   "\n', "value", "components[0].title",
             "'   ' must be a text of 1 to 2000 characters on one line, without "
             "characters that control or turn the writing.", _TEXT),
        case("10 kB", HEAD + ENERGY + f'title = "{"x" * 10_240}"\n', "value",
             "components[0].title",
             f"'{'x' * 40}' must be a text of 1 to 2000 characters on one line, without "
             "characters that control or turn the writing.", _TEXT),
        case("a bell", HEAD + ENERGY + 'title = "a\\u0007b"\n', "value", "components[0].title",
             "'a\\x07b' must be a text of 1 to 2000 characters on one line, without "
             "characters that control or turn the writing.", _TEXT),
        case("a forged line", HEAD + ENERGY + 'title = "a\\nTotal: 0"\n', "value",
             "components[0].title",
             "'a\\nTotal: 0' must be a text of 1 to 2000 characters on one line, without "
             "characters that control or turn the writing.", _TEXT),
        case("writing that turns", HEAD + ENERGY + 'title = "a\\u202Eb"\n', "value",
             "components[0].title",
             "'a\\u202eb' must be a text of 1 to 2000 characters on one line, without "
             "characters that control or turn the writing.", _TEXT),
        case("a C1 control", HEAD + ENERGY + 'title = "a\\u009Bb"\n', "value",
             "components[0].title",
             "'a\\x9bb' must be a text of 1 to 2000 characters on one line, without "
             "characters that control or turn the writing.", _TEXT),
    ],
}  # fmt: skip
