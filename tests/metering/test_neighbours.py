"""Weeks against their past, against each other, and parents against children."""

from datetime import date

import numpy as np
import pytest
from grids import KWH, THURSDAY
from street import OCTOBER, bill, codes, link, links, month, place, places, rows, segments

from gridtally.metering.balance import balance
from gridtally.metering.neighbours import neighbours
from gridtally.tables import PROFILES

LATER = THURSDAY + 28 * 86_400
EVENING = np.array([2] * 17 + [20, 40, 40, 20] + [2] * 3) * 100_000
MORNING = np.array([2] * 6 + [60, 30] + [2] * 16) * 100_000


def street(now, before, **more):
    """Findings about points with these mean days, in one region."""
    names = [f"P{n}" for n in range(len(now))]
    where = places(*(place(name, **more) for name in names))
    past = month([list(map(int, day)) for day in before])
    return neighbours(month([list(map(int, day)) for day in now], start=LATER), past, where)


def test_as_before():
    """The same weeks again say nothing, nor do points without a past."""
    assert not rows(street([EVENING, MORNING], [EVENING, MORNING]))
    assert not rows(neighbours(month([EVENING.tolist()]), PROFILES.empty_table(), places()))


def test_two_meters_that_changed_places():
    """Each week is the other's past (M31); a third one is not drawn in."""
    third = EVENING // 7
    found = codes(street([MORNING, EVENING, third], [EVENING, MORNING, third]))
    assert found["profile.swapped"] == ["P0", "P1"]


def test_three_that_fit_are_no_pair():
    """With more than one possible partner nobody is named."""
    found = street([MORNING, EVENING, EVENING], [EVENING, MORNING, MORNING])
    assert "profile.swapped" not in codes(found)


def test_other_regions_are_no_neighbours():
    """A swap happens in one cellar."""
    where = places(place("P0"), place("P1", region="S"))
    now = month([MORNING.tolist(), EVENING.tolist()], start=LATER)
    found = neighbours(now, month([EVENING.tolist(), MORNING.tolist()]), where)
    assert "profile.swapped" not in codes(found)


@pytest.mark.parametrize(("hours", "told"), [(12, "12 hours"), (3, "3 hours"), (-5, "5 hours")])
def test_a_clock_that_is_hours_off(hours, told):
    """The day fits its past when moved (M56); a new car moves a day too, and says nothing."""
    found = rows(street([np.roll(EVENING, hours)], [EVENING]))
    assert [row["code"] for row in found] == ["metering.profile.shifted"]
    assert told in found[0]["message"]
    assert not rows(street([np.roll(EVENING, hours)], [EVENING], features="ev"))


@pytest.mark.parametrize("lag", [1, -1])
def test_a_source_that_names_the_other_end(lag):
    """All of a region moved by one interval: held; nine points are too few to say so (M44)."""
    days = [np.roll(EVENING, n % 5) for n in range(10)]
    found = rows(street([np.roll(day, lag) for day in days], days))
    assert {row["code"] for row in found} == {"metering.source.shifted"}
    assert len(found) == 10
    assert {row["severity"] for row in found} == {"hold"}
    assert not rows(street([np.roll(day, lag) for day in days[:9]], days[:9]))


def test_a_season_is_no_shift():
    """Two intervals are a season, and a part of the points is a fashion."""
    days = [np.roll(EVENING, n % 5) for n in range(10)]
    assert "source.shifted" not in codes(street([np.roll(day, 2) for day in days], days))
    some = [np.roll(day, 1 if n < 7 else 0) for n, day in enumerate(days)]
    assert "source.shifted" not in codes(street(some, days))


@pytest.mark.parametrize("factor", [2, 3, 10, 1000])
def test_a_multiplier_against_the_past(factor):
    """Every hour is so many times what it was, or a part of it (M25)."""
    (more,) = rows(street([EVENING * factor], [EVENING]))
    (less,) = rows(street([EVENING], [EVENING * factor]))
    assert {more["code"], less["code"]} == {"metering.profile.factor"}
    assert (more["direction"], less["direction"]) == ("over", "under")
    assert f"about {factor} times" in more["message"]
    assert f"about 1/{factor} of" in less["message"]


def test_another_life_is_no_multiplier():
    """Twice the energy at other hours."""
    double = MORNING * 2 * EVENING.sum() // MORNING.sum()
    assert "profile.factor" not in codes(street([double], [EVENING]))


# --------------------------------------------------------------------- balance


def behind(*energies, relation="child_of", features="", **more):
    """Findings of a parent P with children, energies in kWh."""
    names = ["P", *(f"C{n}" for n in range(len(energies) - 1))]
    bills = [bill(*OCTOBER, e * KWH, name) for name, e in zip(names, energies, strict=True)]
    return balance(
        segments(*bills), links(*(link(name, relation=relation, **more) for name in names[1:])),
        places(place(features=features)),
    )  # fmt: skip


@pytest.mark.parametrize(("parent", "bad"), [(100, False), (98, False), (97, True)])
def test_a_parent_with_less_than_its_children(parent, bad):
    """Two meters of class 1 and a kWh are the tolerance (check 40)."""
    assert codes(behind(parent, 60, 40)) == ({"balance.parent": ["P"]} if bad else {})


def test_what_is_billed_less_the_children_is_never_below_zero():
    """Where the children are subtracted, the bill of the parent is held (check 40)."""
    (row,) = rows(behind(90, 60, 40, relation="subtract"))
    assert (row["code"], row["must_hold"]) == ("metering.balance.remainder", True)


def test_what_cannot_be_compared():
    """Shares, a generator of the parent's own, a link that began later, a child not billed."""
    assert not rows(behind(10, 60, relation="ratio"))
    assert not rows(behind(10, 60, features="pv"))
    assert not rows(behind(10, 60, since=date(2026, 10, 2)))
    assert not rows(behind(10, 60, until=date(2026, 10, 31)))
    alone = segments(bill(*OCTOBER, KWH, "P"))
    assert not rows(balance(alone, links(link("C")), places()))
