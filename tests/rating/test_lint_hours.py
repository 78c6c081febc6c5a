"""Hours of ten years: each priced once by each kind of component (T14)."""

import numpy as np
import pytest
from rating_world import header

from gridtally.rating.lint import hours as lint_hours
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
    """Components of all hours stand on each other; one of some months needs a kind of its own."""
    energy, grid = part("energy", "price = 0.2"), part("grid", "price = 0.05")
    levy = part("levy", "price = 0.01", "months = [1, 2]")
    assert notes(energy, grid) == []
    assert notes(energy, levy) == [
        ("components[1]", "energy and levy price January to February, every day, 00:00-24:00, "
         "such as 2026-01-01 00:00; other hours have 1 such component."),
    ]  # fmt: skip
    assert notes(energy, levy.replace("price", 'kind = "levy"\nprice')) == []


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

    monkeypatch.setattr(lint_hours, "labels", broken)
    text = header("UTC") + WEEK + part("e", 'calendar = "w"', "prices = { work = 2, rest = 1 }")
    said = [(p.code, p.path, p.message) for p in lint(text.encode()) if p.severity == "hold"]
    assert said == [
        ("rating.document.hours", "calendars.w.rules",
         "2026-01-01 10:00 has no bucket, or more than one."),
    ]  # fmt: skip
