"""Two versions of a tariff in words: hours, prices, names, days; nothing of a difference lost."""

import copy
import json
import random
import tomllib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from gridtally.errors import InvalidDocument
from gridtally.rating.diff import diff, diff_documents
from gridtally.rating.document.reader import read

DEMO = Path(__file__).parents[2] / "src" / "gridtally" / "demo" / "tariffs"
EVERYTHING = Path(__file__).with_name("everything.toml")
BASE = """
schema = 1
tariff = "t"
currency = "EUR"
zone = "UTC"
valid_from = 2026-01-01
valid_to = 2027-01-01
source = "a test"
rounding = { line = { places = 2, mode = "half_up" }, total = { places = 2, mode = "half_up" } }
[holidays]
source = "an act"
years = [2026]
dates = [2026-01-01, 2026-12-25]
[[calendars.c.rules]]
bucket = "peak"
months = [1, 2, 3, 11, 12]
days = ["weekday"]
hours = ["08:00-10:30", "18:00-20:30"]
[[calendars.c.rules]]
bucket = "holy"
days = ["holiday"]
[[calendars.c.rules]]
otherwise = "off"
[[components]]
id = "energy"
shape = "energy"
channel = "import"
calendar = "c"
prices = { peak = 0.3, off = 0.1, holy = 0.05 }
[[components]]
id = "steps"
shape = "tiered"
channel = "import"
tiers = [{ upto = 100, price = 0.1 }, { upto = 200, price = 0.2 }, { price = 0.3 }]
[[components]]
id = "power"
shape = "demand"
price = 5
ratchet = { percent = 80, months = 11 }
[[components]]
id = "base"
shape = "fixed"
per = "month"
price = 4
[[components]]
id = "least"
shape = "minimum"
of = ["base", "steps"]
amount = 9
[[components]]
id = "vat"
shape = "percentage"
of = ["energy", "steps", "power", "base"]
percent = 20
"""


def changed(*swaps, base=BASE):
    """The texts of what changes when pieces of the base are swapped."""
    text = base
    for old, new in swaps:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    return told(base, text)


def told(old, new):
    answer = diff(old.encode(), new.encode(), names=("old", "new"))
    return [(row["group"], row["text"]) for row in answer["changes"]]


def test_equal_documents():
    """Comments and layout are no change; other bytes are said to be other bytes."""
    answer = diff(BASE.encode(), (BASE + "\n# hello\n").encode(), names=("a", "b"))
    assert (answer["equal"], answer["same_bytes"], answer["changes"]) == (True, False, [])


def test_a_price_says_how_far_it_moved():
    """Old, new, difference, percent; the unit stands with it."""
    assert changed(("peak = 0.3,", "peak = 0.36,")) == [
        ("component energy", "price in peak: 0.3 → 0.36 EUR per kWh (+0.06, +20 %)")
    ]


@pytest.mark.parametrize(
    ("new", "suspicious"),
    [("6", False), ("6.01", True), ("2", False), ("1.99", True), ("400", True), ("0", True)],
)
def test_t09_a_step_above_half_is_suspicious(new, suspicious):
    """4 to 6 is 50 % and passes; a cent more, or cents for euros, is marked."""
    base = BASE.replace("amount = 9", "amount = 900")
    text = base.replace("price = 4\n", f"price = {new}\n")
    (row,) = diff(base.encode(), text.encode(), names=("a", "b"))["changes"]
    assert row["suspicious"] is suspicious
    assert (row["old"], row["new"]) == ("4", new)


def test_a_flat_price_becomes_prices_by_hour():
    """Compared with what was there, though none stands at the place of the old one."""
    flat = BASE.replace(
        'calendar = "c"\nprices = { peak = 0.3, off = 0.1, holy = 0.05 }', "price = 0.2"
    )
    marked = [
        row["text"]
        for row in diff(flat.encode(), BASE.encode(), names=("a", "b"))["changes"]
        if row["suspicious"]
    ]
    assert marked == ["price in holy: now 0.05 EUR per kWh (was not stated), far from 0.2 before"]
    cents = BASE.replace(
        "{ peak = 0.3, off = 0.1, holy = 0.05 }", "{ peak = 30, off = 10, holy = 5 }"
    )
    assert diff(flat.encode(), cents.encode(), names=("a", "b"))["suspicious"] == 3


def test_another_unit_is_suspicious():
    """The same number per day instead of per month."""
    text = BASE.replace('per = "month"\nprice = 4', 'per = "day"\nprice = 4')
    (row,) = diff(BASE.encode(), text.encode(), names=("a", "b"))["changes"]
    assert (row["suspicious"], row["text"]) == (True, "charged per: month → day")


def test_from_zero_there_is_no_percent():
    """Nothing to divide by; marked all the same."""
    zero = BASE.replace("price = 4\n", "price = 0\n")
    (row,) = diff(zero.encode(), BASE.encode(), names=("a", "b"))["changes"]
    assert (row["absolute"], row["percent"], row["suspicious"]) == ("+4", None, True)


def test_hours_that_move():
    """Told by day, time and month, from which bucket to which."""
    assert changed(('"18:00-20:30"', '"18:00-20:00"')) == [
        ("calendar c",
         "Mondays to Fridays 20:00–20:30 in November to March move from peak to off"),
    ]  # fmt: skip


def test_months_that_move():
    """A season that begins later moves whole windows of a month."""
    assert changed(("months = [1, 2, 3, 11, 12]", "months = [1, 2, 11, 12]")) == [
        ("calendar c",
         "Mondays to Fridays 08:00–10:30 and 18:00–20:30 in March move from peak to off"),
    ]  # fmt: skip


def test_seasons_that_move():
    """A season by days of the year: the days between are told."""
    old, new = (f'days = ["weekday"]\nseason = ["{season}"]' for season in
                ("11-16 to 03-31", "12-01 to 03-15"))  # fmt: skip
    base = BASE.replace("months = [1, 2, 3, 11, 12]\n", "").replace('days = ["weekday"]', old)
    assert told(base, base.replace(old, new)) == [
        ("calendar c", "Mondays to Fridays 08:00–10:30 and 18:00–20:30 in 16 to 31 March and "
                       "16 to 30 November move from peak to off")
    ]  # fmt: skip


def test_rules_of_events_and_the_clock():
    """What hours of a calendar cannot show is told as it is written."""
    text = EVERYTHING.read_text()
    rule = 'event = "cpp"\nbucket = "critical"\n'
    assert told(text, text.replace(rule, rule + 'hours = ["17:00-20:00"]\n')) == [
        ("calendar c", "rules 1 hours: now also 17:00-20:00, no longer 00:00-24:00")
    ]
    assert told(text, text.replace('clock = "standard"\n', "")) == [
        ("calendar c", "clock: no longer stated (was standard)")
    ]


def test_what_a_document_declares():
    """Terms, series, events, losses, parts: each a part of its own; a term in place of a price."""
    text = EVERYTHING.read_text()
    assert told(text, text.replace("percent = 2.5", "percent = 2.75")) == [
        ("loss line", "percent: 2.5 → 2.75 % (+0.25, +10 %)")
    ]
    assert told(text, text.replace('price = { term = "kw_price" }', "price = 1.5")) == [
        ("component kw", "price: the agreement's kw_price → 1.5 EUR per kVA and day")
    ]


def test_rules_in_another_way():
    """Days one by one instead of `weekday`: the same hours, and that is said."""
    days = '["mon", "tue", "wed", "thu", "fri"]'
    assert changed(('days = ["weekday"]', f"days = {days}")) == [
        ("calendar c", "The rules are written in another way; every hour keeps its bucket.")
    ]


def test_a_bucket_with_another_name():
    """Its hours stay, so its price is compared and not lost and found."""
    assert changed(('bucket = "peak"', 'bucket = "high"'), ("peak = 0.3", "high = 0.33")) == [
        ("calendar c", "The bucket peak is called high now; it keeps its hours."),
        ("component energy", "price in high: 0.3 → 0.33 EUR per kWh (+0.03, +10 %)"),
    ]


def test_a_component_with_another_name():
    """Lines that name it follow, and are no change of their own."""
    assert changed(('id = "base"', 'id = "standing"'), ('"base"]', '"standing"]'),
                   ('"base", ', '"standing", ')) == [
        ("component standing", "base is called standing now.")
    ]  # fmt: skip


def test_components_that_come_and_go():
    """With all that they say; the lines that named them say so, too."""
    levy = '[[components]]\nid = "levy"\nshape = "energy"\nchannel = "import"\nprice = 0.01\n'
    gone = BASE.replace('"power", ', "").replace(
        '[[components]]\nid = "power"\nshape = "demand"\nprice = 5\n'
        "ratchet = { percent = 80, months = 11 }\n", ""
    )  # fmt: skip
    assert told(BASE, gone + levy) == [
        ("component vat", "lines that it is on: no longer power"),
        ("component levy",
         "New: levy; shape energy; channel import; price 0.01 EUR per kWh"),
        ("component power",
         "No longer there: power; shape demand; price 5 EUR per kW and month; "
         "ratchet percent 80 %; ratchet months 11"),
    ]  # fmt: skip


def test_tiers_that_come_and_go():
    """A tier is recognised by its end."""
    assert changed(("{ upto = 200, price = 0.2 }, ", "")) == [
        ("component steps", "tier 2: no longer stated (was end 200, price 0.2)")
    ]
    assert changed(("upto = 200", "upto = 250")) == [
        ("component steps", "tier 2 end: 200 → 250 kWh (+50, +25 %)")
    ]


def test_demand_percent_rounding_and_order():
    """Whatever a document says is compared."""
    assert changed(("percent = 80", "percent = 90"), ("percent = 20", "percent = 21"),
                   ('line = { places = 2, mode = "half_up" }',
                    'line = { places = 3, mode = "half_even" }')) == [
        ("tariff", "rounding line: 2 decimals, half up → 3 decimals, half even"),
        ("component power", "ratchet percent: 80 → 90 % (+10, +12.5 %)"),
        ("component vat", "percent: 20 → 21 % (+1, +5 %)"),
    ]  # fmt: skip
    first, rest = BASE.split("[[components]]", 1)
    energy, others = rest.split("[[components]]", 1)
    moved = first + "[[components]]" + others + "[[components]]" + energy
    assert told(BASE, moved) == [
        ("tariff", "The order of the lines changes: energy, steps, power, base, least, vat → "
                   "steps, power, base, least, vat, energy")
    ]  # fmt: skip


def test_holidays():
    """Days come and go; a calendar that no longer knows holidays says so."""
    assert changed(("2026-12-25]", "2026-12-24, 2026-12-26]")) == [
        ("holidays", "dates: 2026-12-25 is no longer listed"),
        ("holidays", "dates: 2026-12-24, 2026-12-26 are new"),
    ]
    plain = BASE.replace('[[calendars.c.rules]]\nbucket = "holy"\ndays = ["holiday"]\n', "")
    assert told(BASE, plain.replace(", holy = 0.05", ""))[:1] == [
        ("calendar c", "Public holidays are ordinary days now: the hours of their weekday hold.")
    ]


def test_another_currency_has_no_difference():
    """Euros and pounds are not subtracted."""
    found = changed(('"EUR"', '"GBP"'), ("price = 4\n", "price = 3\n"))
    assert found == [
        ("tariff", "currency: EUR → GBP"),
        ("component base",
         "price: 4 EUR per month → 3 GBP per month, another currency"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old_to", "new_from", "kind", "words"),
    [
        ("valid_to = 2027-01-01", "2027-01-01", "follows", "as the old ends"),
        ("", "2027-01-01", "follows", "until the new one begins on 2027-01-01"),
        ("valid_to = 2027-01-01", "2027-01-03", "gap", "2027-01-01 to 2027-01-03 (2 days)"),
        ("valid_to = 2027-01-01", "2026-12-31", "overlap", "from 2026-12-31 on (1 day)"),
        ("valid_to = 2027-01-01", "2025-06-01", "overlap", "begins before the old one"),
    ],
)
def test_how_the_versions_meet(old_to, new_from, kind, words):
    """A gap and an overlap are counted in days."""
    plain = BASE.replace(BASE[BASE.index("[holidays]"):BASE.index("[[calendars")], "").replace(
        '[[calendars.c.rules]]\nbucket = "holy"\ndays = ["holiday"]\n', "").replace(
        ", holy = 0.05", "")  # fmt: skip
    old = plain.replace("valid_to = 2027-01-01", old_to)
    new = plain.replace("valid_from = 2026-01-01", f"valid_from = {new_from}").replace(
        "valid_to = 2027-01-01", "valid_to = 2028-01-01"
    )
    answer = diff(old.encode(), new.encode(), names=("a", "b"))
    assert answer["relation"]["kind"] == kind
    assert words in answer["relation"]["text"]


def test_a_refused_document_is_not_compared():
    """The file is named, and how to see all that is wrong with it."""
    with pytest.raises(InvalidDocument, match="refused"):
        diff(BASE.encode(), b"schema = 1\n", names=("a", "b"))


# ------------------------------------------------------------- nothing is lost


def places(value, path=()):
    """Every place in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, part in items:
        yield from places(part, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def mutated(document, rng):
    """A copy with one place changed in one way that its kind of value can take."""
    document = copy.deepcopy(document)
    path = rng.choice([path for path in places(document) if path])
    parent, key = at(document, path[:-1]), path[-1]
    match parent[key]:
        case bool() as value:
            parent[key] = not value
        case int() | Decimal() as value:
            parent[key] = rng.choice([value + 1, value * 2, value * 100, 0 * value, value - 1])
        case date() as value:
            parent[key] = value + timedelta(rng.choice([-1, 1, 365]))
        case str() as value:
            return renamed(document, value, rng)
        case list() as value:
            rng.choice([value.reverse, lambda: value.pop(rng.randrange(len(value))),
                        lambda: value.append(copy.deepcopy(rng.choice(value))),
                        lambda: rng.shuffle(value)])() if value else None  # fmt: skip
        case dict() as value:
            value.pop(rng.choice(list(value)), None) if value else None
    return document


def renamed(value, text, rng):
    """The same text everywhere replaced by another: names stay consistent."""
    new = rng.choice([f"{text}x", "sat", "weekend", "00:00-07:00", "half_even", "none", "export",
                      "year", "kw_month", text.replace(":30", ":00")])  # fmt: skip

    def swap(part):
        if isinstance(part, dict):
            return {swap(key): swap(inner) for key, inner in part.items()}
        if isinstance(part, list):
            return [swap(inner) for inner in part]
        return new if part == text else part

    return swap(value)


def to_toml(document):
    """A document as TOML, a line per key: tables are written inline, all the way down."""
    return "".join(f"{json.dumps(key)} = {spell(value)}\n" for key, value in document.items())


def spell(value):
    match value:
        case bool():
            return str(value).lower()
        case dict():
            pairs = ", ".join(f"{json.dumps(k)} = {spell(v)}" for k, v in value.items())
            return f"{{ {pairs} }}"
        case list():
            return f"[{', '.join(map(spell, value))}]"
        case str():
            return json.dumps(value)
        case Decimal():
            return f"{value:f}"
    return str(value)


def bases():
    texts = [
        BASE,
        EVERYTHING.read_text(),
        *(path.read_text() for path in sorted(DEMO.glob("*-2026-01-01.toml"))),
    ]
    return [tomllib.loads(text, parse_float=Decimal) for text in texts]


def spelled(document):
    """The document that a change has left, or None when it is none any more."""
    return read(to_toml(document).encode())[0]


def test_a_difference_is_told_if_and_only_if_there_is_one():
    """Documents with up to four random changes: nothing is told exactly when they are equal."""
    rng = random.Random(20261130)
    originals = bases()
    compared = differing = 0
    while compared < 200:
        first = rng.choice(originals)
        second = first
        for _ in range(rng.randint(0, 4)):
            second = mutated(second, rng)
        pair = [spelled(document) for document in (first, second)]
        if None in pair:
            continue
        compared += 1
        differing += pair[0] != pair[1]
        for old, new in (pair, pair[::-1]):
            assert bool(diff_documents(old, new)) == (old != new), to_toml(second)
    assert differing > 100


def test_every_number_that_moves_is_named():
    """Each number of a document by itself: one change, with the old and the new value."""
    moved = 0
    for original in bases():
        old = read(to_toml(original).encode())[0]
        for path in places(original):
            value = at(original, path)
            if isinstance(value, bool) or not isinstance(value, int | Decimal):
                continue
            document = copy.deepcopy(original)
            at(document, path[:-1])[path[-1]] = value + 1
            new = read(to_toml(document).encode())[0]
            if new is None or "rows" in path or "months" in path:
                continue
            (row,) = diff_documents(old, new)
            assert str(value).rstrip("0").rstrip(".") in row.text, row
            moved += 1
    assert moved > 40
