"""The channels of one metering point against each other and its connection."""

import pytest
from grids import KWH, wave
from street import codes, crossed, rows, side

DAY = [KWH] * 24


def test_plausible_channels_say_nothing():
    """Active, reactive and exported energy as they are everywhere."""
    sunny = [0] * 7 + [KWH] * 10 + [0] * 7
    grids = [side("import", [DAY]), side("export", [sunny]), side("reactive_import", [wave()])]
    assert not rows(crossed(*grids, features="pv", capacity=10 * KWH))


def test_reactive_energy_alone():
    """A day with kvarh and no kWh at all: the active channel does not count (check 35)."""
    found = crossed(side("import", [[0] * 24]), side("reactive_import", [DAY]))
    assert codes(found) == {"reactive.alone": ["P"]}
    assert rows(found)[0]["count"] == 1


def test_reactive_energy_beside_a_gap_or_an_export_is_not_alone():
    """What is missing is not nothing; who feeds in has active energy."""
    gap = [0] * 23 + [None]
    assert not rows(crossed(side("import", [gap]), side("reactive_import", [DAY])))
    grids = [side("import", [[0] * 24]), side("export", [DAY]), side("reactive_import", [DAY])]
    assert not rows(crossed(*grids))


@pytest.mark.parametrize(("reactive", "bad"), [(3_179_797, False), (3_179_798, True)])
def test_the_power_factor_has_a_bound(reactive, bad):
    """1 kWh with 3.1797979 kvarh is 0.3: below it hardly any load is (check 35)."""
    found = codes(crossed(side("import", [DAY]), side("reactive_import", [[reactive] * 24])))
    assert ("reactive.factor" in found) is bad


@pytest.mark.parametrize(
    ("active", "reactive", "bad"),
    [
        (4 * KWH, 3 * KWH, False),
        (4 * KWH, 3 * KWH + 1, True),
        (5 * KWH + 1, 0, True),
        (0, 0, False),
    ],
)
def test_apparent_energy_against_the_capacity(active, reactive, bad):
    """kWh² + kvarh² of a day is at most (kVA x 24 h)²: 4 and 3 just fit on 5 kVA (check 35)."""
    grids = [side("import", [[active] * 24]), side("reactive_import", [[reactive] * 24])]
    assert ("power.apparent" in codes(crossed(*grids, capacity=5 * KWH))) is bad
    assert "power.apparent" not in codes(crossed(*grids))


def test_the_fuse_stands_for_an_unknown_capacity():
    """kWh of a day is at most fuse x 24 h where no capacity is known."""
    assert "power.apparent" in codes(crossed(side("import", [[6 * KWH] * 24]), fuse=5 * KWH))


def test_sun_does_not_shine_at_night():
    """Panels that feed in between midnight and four (check 41); with a battery they may."""
    night = [KWH] * 4 + [0] * 3 + [KWH] * 10 + [0] * 7
    grids = [side("import", [DAY]), side("export", [night])]
    assert codes(crossed(*grids, features="pv")) == {"export.night": ["P"]}
    assert not rows(crossed(*grids, features="pv battery"))
    assert not rows(crossed(*grids, features=""))


def test_the_night_ends_at_four():
    """From four o'clock on a northern summer may give something."""
    early = [0] * 4 + [5 * KWH] * 13 + [0] * 7
    assert not rows(crossed(side("export", [early]), features="pv"))


@pytest.mark.parametrize(("value", "bad"), [(14 * KWH, False), (14 * KWH + 1, True)])
def test_no_day_has_more_sun(value, bad):
    """At most 14 hours of the connected capacity in a day (check 41)."""
    day = [0] * 12 + [value] + [0] * 11
    found = codes(crossed(side("export", [day]), features="pv", capacity=KWH))
    assert ("export.generation" in found) is bad
