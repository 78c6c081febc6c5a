"""Which stored determinants make up one that another tariff wants: calendars, minute by minute."""

from datetime import date

from gridtally.periods import Period, zone
from gridtally.rating.suffice import Recipe, recipes
from gridtally.rating.tariff import load

LISBON = "Europe/Lisbon"
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
"""With the day of 25 hours."""
HEAD = """
schema = 1
tariff = "t"
currency = "EUR"
zone = "Europe/Lisbon"
valid_from = 2026-01-01
source = "by hand"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[holidays]
source = "by hand"
years = [2026]
dates = [2026-10-05]
"""


def wanted(rules, *components):
    """What a tariff with this calendar `c` wants; components: their keys."""
    text = HEAD
    for bucket, keys in rules:
        text += "[[calendars.c.rules]]\n" + (
            f'bucket = "{bucket}"\n{keys}\n' if keys else f'otherwise = "{bucket}"\n'
        )
    names = dict.fromkeys(bucket for bucket, _ in rules)
    prices = ", ".join(f"{name} = 1" for name in names)
    for number, keys in enumerate(components):
        text += f'[[components]]\nid = "c{number}"\n{keys.format(prices=prices)}\n'
    return load(text.encode(), name="t").wanted


ENERGY = """shape = "energy"
channel = "import"
calendar = "c"
prices = {{ {prices} }}"""
FLAT = """shape = "energy"
channel = "import"
price = 1"""
DEMAND = """shape = "demand"
calendar = "c"
window_min = 15
prices = {{ {prices} }}"""
THREE = [
    ("peak", 'days = ["weekday"]\nhours = ["08:00-11:00", "18:00-21:00"]'),
    ("night", 'days = ["weekday", "weekend", "holiday"]\nhours = ["00:00-07:00"]'),
    ("day", ""),
]
TWO = [("peak", 'days = ["weekday"]\nhours = ["08:00-11:00", "18:00-21:00"]'), ("off", "")]
"""As THREE for a peak, but no rule names holidays: the 5th of October, a Monday, has a peak."""
TWO_HOLIDAY = [*TWO[:1], ("off", 'days = ["holiday"]\nhours = ["00:00-07:00"]'), ("off", "")]


def asked(new, stored, period=OCTOBER):
    """Recipes by name, and what is lacking by name."""
    start, end = zone(LISBON).bounds(period)
    found, lacking = recipes(new, stored, start_utc=start, end_utc=end)
    return {one.name: one for one in found}, {one.name: one.reason for one in lacking}


def test_a_coarser_calendar_is_summed():
    """Day and night make up all but the peak; the holiday counts as in both."""
    found, lacking = asked(wanted(TWO_HOLIDAY, ENERGY), wanted(THREE, ENERGY))
    assert lacking == {}
    off = Recipe(
        "energy/import/c/off", ("energy/import/c/night", "energy/import/c/day"), largest=False
    )
    assert found["energy/import/c/off"] == off
    assert found["energy/import/c/peak"].of == ("energy/import/c/peak",)


def test_all_hours_are_one_sum_of_buckets_when_nothing_shorter_is_stored():
    """A price without a calendar takes the sum of all hours if it is there, else all buckets."""
    found, _ = asked(wanted(THREE, FLAT), wanted(THREE, ENERGY))
    assert len(found["energy/import/all/all"].of) == 3
    found, _ = asked(wanted(THREE, FLAT), wanted(THREE, ENERGY, FLAT))
    assert found["energy/import/all/all"].of == ("energy/import/all/all",)


def test_a_bucket_of_the_same_name_is_not_the_same():
    """The peak of a tariff without holidays has one more day in October than that of the other."""
    found, lacking = asked(wanted(TWO, ENERGY), wanted(TWO_HOLIDAY, ENERGY))
    assert found == {}
    assert lacking == {
        "energy/import/c/peak": "the hours are no union of those of energy/import/c/off, "
        "energy/import/c/peak",
        "energy/import/c/off": "the hours are no union of those of energy/import/c/off, "
        "energy/import/c/peak",
    }


def test_only_the_period_counts():
    """In November there is no holiday, and the same two tariffs have the same hours."""
    november = Period(date(2026, 11, 1), date(2026, 12, 1))
    found, lacking = asked(wanted(TWO, ENERGY), wanted(TWO_HOLIDAY, ENERGY), november)
    assert lacking == {}
    assert found["energy/import/c/peak"].of == ("energy/import/c/peak",)


def test_a_finer_calendar_is_not_to_be_had():
    """Two rates do not say what three would have been, but for the peak."""
    found, lacking = asked(wanted(THREE, ENERGY), wanted(TWO_HOLIDAY, ENERGY))
    assert list(found) == ["energy/import/c/peak"]
    assert set(lacking) == {"energy/import/c/night", "energy/import/c/day"}


def test_a_minute_decides():
    """A window that ends a minute later is another one."""
    late = [("peak", TWO[0][1].replace("11:00", "11:01")), ("off", "")]
    _, lacking = asked(wanted(late, ENERGY), wanted(TWO, ENERGY))
    assert set(lacking) == {"energy/import/c/peak", "energy/import/c/off"}


def test_the_largest_of_demands_counts_and_windows_are_the_same():
    """Demand of off hours is the larger of day and night; a window of 30 minutes is another."""
    found, lacking = asked(wanted(TWO_HOLIDAY, DEMAND), wanted(THREE, DEMAND))
    assert lacking == {}
    assert found["demand-15/import/c/off"].largest
    assert len(found["demand-15/import/c/off"].of) == 2
    longer = DEMAND.replace("15", "30")
    found, lacking = asked(wanted(TWO_HOLIDAY, longer), wanted(THREE, DEMAND))
    assert found == {}
    assert lacking["demand-30/import/c/off"] == (
        "demand-15/import/c/day, demand-15/import/c/night, demand-15/import/c/peak is measured "
        "otherwise"
    )


def test_another_channel_was_not_stored():
    """Reactive energy that no tariff asked for is nowhere."""
    reactive = FLAT.replace("import", "reactive_import")
    _, lacking = asked(wanted(TWO, reactive), wanted(TWO, ENERGY))
    assert lacking == {"energy/reactive_import/all/all": "no reactive_import energy was stored"}


def test_months_outside_the_period_ask_for_nothing():
    """Summer prices want nothing in October, and all of it in July."""
    summer = FLAT + "\nmonths = [6, 7, 8]"
    assert asked(wanted(TWO, summer), wanted(TWO, FLAT)) == ({}, {})
    july = Period(date(2026, 7, 1), date(2026, 8, 1))
    found, _ = asked(wanted(TWO, summer), wanted(TWO, FLAT), july)
    assert found["energy/import/all@6,7,8/all"].of == ("energy/import/all/all",)
    both = Period(date(2026, 8, 15), date(2026, 9, 15))
    _, lacking = asked(wanted(TWO, summer), wanted(TWO, FLAT), both)
    assert set(lacking) == {"energy/import/all@6,7,8/all"}


def test_what_was_stored_of_some_months_is_not_the_whole():
    """Half of the period lies outside the months of the only price that there was."""
    summer = FLAT + "\nmonths = [6, 7, 8]"
    both = Period(date(2026, 8, 15), date(2026, 9, 15))
    found, lacking = asked(wanted(TWO, FLAT), wanted(TWO, summer), both)
    assert found == {}
    assert set(lacking) == {"energy/import/all/all"}


def test_hours_that_do_not_occur_are_zero():
    """A bucket of June has no minute in October: its energy is zero, from nothing."""
    june = [("summer", "months = [6]"), ("rest", "")]
    found, lacking = asked(wanted(june, ENERGY), wanted(TWO, ENERGY, FLAT))
    assert lacking == {}
    assert found["energy/import/c/summer"].of == ()
    assert found["energy/import/c/rest"].of == ("energy/import/all/all",)
