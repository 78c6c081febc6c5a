"""Hours of ten years: each priced once by each kind of component (T14)."""

import re

import numpy as np
import pytest
from rating_world import header

from gridtally.rating.lint import grid as lint_grid
from gridtally.rating.lint import lint

PLAIN = '[[components]]\nid = "{}"\nshape = "energy"\nchannel = "import"\n{}\n'
WEEK = (
    '[[calendars.w.rules]]\nbucket = "work"\ndays = ["weekday"]\nhours = ["08:00-20:00"]\n'
    '[[calendars.w.rules]]\notherwise = "rest"\n'
)


def notes(*parts):
    """Path and message of what lint says of double prices."""
    text = header("Europe/Lisbon") + "".join(parts)
    said = lint(text.encode())
    assert not [p for p in said if p.severity == "hold"], said
    assert all(p.remedy for p in said)
    return [(p.path, p.message) for p in said if "price" in p.message and "zero" not in p.message]


def part(name, *keys):
    return PLAIN.format(name, "\n".join(keys))


def test_t14_a_month_that_two_seasons_price():
    """Summer to September, winter from September: every kWh of September is priced twice."""
    summer = part("summer", "price = 0.1", "months = [4, 5, 6, 7, 8, 9]")
    winter = part("winter", "price = 0.2", "months = [9, 10, 11, 12, 1, 2, 3]")
    assert notes(summer, winter) == [
        ("components[1]", "summer and winter price September, every day, 00:00-24:00, such as "
         "2026-09-01 00:00; other hours have 1 such component."),
    ]  # fmt: skip


def test_seasons_that_tile_the_year():
    """One component in each month is one price for each kWh."""
    summer = part("summer", "price = 0.1", "months = [4, 5, 6, 7, 8, 9]")
    winter = part("winter", "price = 0.2", "months = [10, 11, 12, 1, 2, 3]")
    assert notes(summer, winter) == []


def test_t14_hours_that_two_components_price():
    """Buckets of price zero are left to the other component; the hours of both are named."""
    day = part("day", 'calendar = "w"', "prices = { work = 0.2, rest = 0 }")
    rest = part("rest", 'calendar = "n"', "prices = { night = 0.1, day = 0 }")
    night = (
        '[[calendars.n.rules]]\nbucket = "night"\nhours = ["00:00-08:00", "19:00-24:00"]\n'
        '[[calendars.n.rules]]\notherwise = "day"\n'
    )
    assert notes(WEEK, night, day, rest) == [
        ("components[1]", "day and rest price Every month, mon to fri, 19:00-20:00, such as "
         "2026-01-01 19:00; other hours have 1 such component."),
    ]  # fmt: skip


def test_what_is_charged_on_top_has_its_kind():
    """What is charged on top in some months needs a kind of its own."""
    energy = part("energy", "price = 0.2")
    levy = part("levy", "price = 0.01", "months = [1, 2]")
    assert notes(energy, levy) == [
        ("components[1]", "energy and levy price January to February, every day, 00:00-24:00, "
         "such as 2026-01-01 00:00; other hours have 1 such component."),
    ]  # fmt: skip
    assert notes(energy, levy.replace("price", 'kind = "levy"\nprice')) == []


TWICE = [("components[1]", "a and b both price every hour.")]


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ("", "", TWICE),
        ('ledger = "revenue.energy"', "", TWICE),
        ('ledger = "revenue.energy"', 'ledger = "revenue.energy"', TWICE),
        ('ledger = "revenue.energy"', 'ledger = "revenue.grid"', []),
        ('title = "Energy"', "", TWICE),
        ('title = "Energy 2025"', 'title = "Energy, 2026"', TWICE),
        ('title = { en = "Energy", zh = "电" }', 'title = { en = "Grid", zh = "电" }', TWICE),
        ('title = "Energy"', 'title = "Grid"', []),
        ('kind = "energy"', "", TWICE),
        ("", 'kind = "grid"', []),
        ('payee = "grid"', "", []),
    ],
)
def test_t14_all_hours_that_two_components_price(one, two, said):
    """Two prices in every hour say what sets them apart, or lint asks whether both are meant."""
    assert notes(part("a", "price = 0.2", one), part("b", "price = 0.21", two)) == said


def test_t14_a_price_in_all_hours_that_is_hidden_by_one_of_some():
    """Two in every hour are told, and the third in winter."""
    parts = (part("a", "price = 0.2"), part("b", "price = 0.3"))
    assert notes(*parts, part("c", "price = 0.4", "months = [1]")) == [
        *TWICE,
        ("components[2]", "a and b and c price January, every day, 00:00-24:00, such as "
         "2026-01-01 00:00; other hours have 2 such components."),
    ]  # fmt: skip


def test_t14_seasons_that_have_two_prices_each():
    """Every hour has two, energy and toll: named apart they are good, else each season is told."""
    months = {"summer": "[4, 5, 6, 7, 8, 9]", "winter": "[10, 11, 12, 1, 2, 3]"}
    parts = [
        part(f"{what}-{season}", f"price = {price}", f"months = {months[season]}", f"{{{what}}}")
        for season in months
        for what, price in (("energy", "0.2"), ("toll", "0.05"))
    ]
    named = [p.format(energy='title = "Energy"', toll='title = "Toll"') for p in parts]
    assert notes(*named) == []
    assert notes(*(p.format(energy="", toll="") for p in parts)) == [
        ("components[1]", "energy-summer and toll-summer both price April to September, "
         "every day, 00:00-24:00."),
        ("components[3]", "energy-winter and toll-winter both price January to March, "
         "October to December, every day, 00:00-24:00."),
    ]  # fmt: skip


def test_t14_a_component_pasted_twice():
    """The same component under two names is said."""
    assert notes(part("a", "price = 0.2"), part("b", "price = 0.2")) == [
        ("components[1]", "b is the same as a: every kWh is priced by both."),
    ]  # fmt: skip


def test_other_channels_parts_and_credits_are_apart():
    """Energy of another channel, or another part of it, is another energy."""
    declared = "[parts.a]\nratio = 0.4\n[parts.b]\nrest = true\n"
    one = part("a", "price = 0.2", 'part = "a"')
    two = part("b", "price = 0.2", 'part = "b"', "months = [1]")
    export = part("c", "price = 0.2", "months = [1]").replace("import", "export")
    assert notes(declared, one, two, export) == [
        ("components",
         "Energy of export has no price in February to December: such bills are held."),
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("clock", ["", 'clock = "standard"\n'])
def test_ten_years_have_a_bucket_in_every_quarter(zone, clock):
    """Clock changes, of half an hour too, seasons and holidays leave no quarter-hour without."""
    calendar = (
        f'[calendars.w]\n{clock}[[calendars.w.rules]]\nbucket = "peak"\ndays = ["weekday"]\n'
        'season = ["11-16 to 03-31"]\nhours = ["01:00-03:00"]\n'
        '[[calendars.w.rules]]\nbucket = "hol"\ndays = ["holiday"]\n'
        '[[calendars.w.rules]]\notherwise = "rest"\n'
    )
    days = '[holidays]\nsource = "x"\nyears = [2026]\ndates = [2026-12-25]\n'
    text = header(zone).replace("valid_to = 2027-01-01\n", "") + days + calendar
    text += part("e", 'calendar = "w"', "prices = { peak = 3, hol = 2, rest = 1 }")
    assert [p for p in lint(text.encode()) if p.severity == "hold"] == []


def test_an_hour_without_a_bucket_holds(monkeypatch):
    """If the walk ever met an hour that the proof of the document missed, it would say so."""

    def broken(calendar, zone, start, end, step, months=()):
        found = np.zeros((end - start) // step, np.int16)
        found[40] = -1
        return found

    monkeypatch.setattr(lint_grid, "labels", broken)
    text = header("UTC") + WEEK + part("e", 'calendar = "w"', "prices = { work = 2, rest = 1 }")
    said = [(p.code, p.path, p.message) for p in lint(text.encode()) if p.severity == "hold"]
    assert said == [
        ("rating.document.hours", "calendars.w.rules",
         "2026-01-01 10:00 has no bucket, or more than one."),
    ]  # fmt: skip


NEVER = "No hour from {} to {} is in the bucket {!r}."


def of_calendar(rules, *, zone="UTC", first="2026-01-01", end="2027-01-01", head=""):
    """What lint says of the rules of a calendar whose buckets all have prices."""
    names = dict.fromkeys(re.findall(r'(?:bucket|otherwise) = "(\w+)"', rules))
    prices = ", ".join(f"{name} = 0.{i + 1}" for i, name in enumerate(names))
    text = header(zone).replace("2026-01-01", first).replace("2027-01-01", end)
    said = lint(
        (text + head + rules + part("e", 'calendar = "c"', f"prices = {{{prices}}}")).encode()
    )
    assert not [p for p in said if p.severity == "hold"], said
    assert all(p.remedy for p in said)
    return [(p.path, p.message) for p in said]


def rule(bucket, *keys):
    return "\n".join(("[[calendars.c.rules]]", f'bucket = "{bucket}"', *keys, ""))


REST = '[[calendars.c.rules]]\notherwise = "rest"\n'
ONE_NIGHT = rule("night", 'season = ["03-29 to 03-29"]', 'hours = ["02:00-03:00"]') + REST


def test_a_rule_whose_month_and_season_never_meet():
    """It covers nothing, whatever other rule has its bucket."""
    dead = rule("peak", "months = [2]", 'season = ["06-01 to 06-30"]')
    said = [("calendars.c.rules[0]", "This rule of the bucket 'peak' covers no hour of any year.")]
    assert of_calendar(dead + REST) == said
    assert of_calendar(dead + rule("peak", "months = [7]") + REST) == said


def test_a_bucket_in_an_hour_that_a_change_of_clocks_leaves_out():
    """02:00-03:00 of 29 March 2026 is no hour in Madrid; in Lisbon it is, and in 2027 as well."""
    never = NEVER.format("2026-01-01", "2027-01-01", "night")
    assert of_calendar(ONE_NIGHT, zone="Europe/Madrid") == [("calendars.c.rules[0]", never)]
    assert of_calendar(ONE_NIGHT, zone="Europe/Lisbon") == []
    assert of_calendar(ONE_NIGHT, zone="Europe/Madrid", end="2028-01-01") == []


def test_a_bucket_for_what_is_left_where_nothing_is_left():
    """`otherwise` after rules that cover all hours has a price that nobody pays."""
    never = NEVER.format("2026-01-01", "2027-01-01", "rest")
    assert of_calendar(rule("all") + REST) == [("calendars.c.rules[1]", never)]


def test_a_version_of_a_month_may_have_a_calendar_of_a_year():
    """Its summers are no mistake; what no hour of the year is in, is one."""
    summer = rule("summer", "months = [7]")
    short = {"first": "2026-01-01", "end": "2026-02-01"}
    assert of_calendar(summer + REST, **short) == []
    never = NEVER.format("2026-01-01", "2027-01-01", "rest")
    assert of_calendar(rule("all") + REST, **short) == [("calendars.c.rules[1]", never)]


def test_buckets_that_an_event_calls_may_have_no_hour():
    """Nobody knows beforehand when a peak is called."""
    called = rule("critical", 'event = "cp"')
    assert of_calendar(called + REST, head="[events.cp]\n") == []
