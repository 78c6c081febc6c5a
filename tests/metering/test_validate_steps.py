"""Steps of a multiplier, jumps, the repeated hour, and versions that differ by far."""

import pytest
from grids import KWH, THURSDAY, wave
from hypothesis import given
from hypothesis import strategies as st
from test_validate import found, nullable

from gridtally.metering.checks_runs import factor_near
from gridtally.metering.checks_versions import replaced
from gridtally.metering.thresholds import Limits, Thresholds
from gridtally.tables import BLOCKS, table


@pytest.mark.parametrize("factor", [2, 3, 10, 100])
@pytest.mark.parametrize("up", [True, False])
def test_a_new_multiplier(factor, up):
    """From a day on everything is so many times as large, or as small (M25)."""
    low, high = wave(4, low=KWH), [value * factor for value in wave(4, low=KWH)]
    rows = [wave(8, low=KWH), low + high if up else high + low]
    (step,) = found(rows)["step"]
    assert (step["metering_point"], step["severity"]) == ("P1", "warn")
    assert step["start_utc"] == THURSDAY + 4 * 86_400
    assert f"about {'' if up else '1/'}{factor} " in step["message"]
    assert step["direction"] == ("over" if up else "under")


def test_a_guest_is_no_multiplier():
    """Twice the energy with the same base load: a life that changed."""
    quiet = [200_000 + 1000 * (n % 5) for n in range(96)]
    busy = [v + (2_000_000 if n % 24 in (18, 19, 20) else 0) for n, v in enumerate(quiet)]
    assert "step" not in found([quiet + busy])


def test_a_step_needs_three_days_on_either_side():
    """Two days are a weekend."""
    low, high = wave(4, low=KWH), [10 * value for value in wave(4, low=KWH)]
    assert "step" not in found([low + high[:48]])
    assert "step" in found([low + high[:72]])
    few = Thresholds(Limits(step_days=2))
    assert "step" in found([low + high[:48]], thresholds=few)


def test_a_step_beside_a_gap():
    """Days with a gap count for neither side."""
    rows = wave(4, low=KWH) + [10 * value for value in wave(4, low=KWH)]
    rows[5] = None
    rows[121:144] = [None] * 23
    assert "step" in found([rows])
    for day in (0, 1, 2):
        rows[24 * day] = None
    assert "step" not in found([rows])


@given(st.integers(1, 10**9), st.sampled_from([2, 3, 10, 100, 1000]))
def test_law_a_factor_is_found(small, factor):
    """Law: an exact multiple has its factor, one and a half times has none."""
    assert factor_near(factor * small, small, 200) == factor
    assert factor_near(3 * small // 2, small, 200) is None


def test_neighbours_that_jump():
    """From nothing to nearly all that the fuse allows; a gap between hides it (check 24)."""
    row = wave()
    row[5:9] = [0, 9_100_000, 9_100_000, 9_100_000]
    fuse = {"fuse_ukw": nullable(10 * KWH)}
    (jump,) = found([row], **fuse)["jump"]
    assert (jump["severity"], jump["start_utc"]) == ("note", THURSDAY + 5 * 3600)
    row[6] = row[7] = row[8] = 9_000_000
    assert "jump" not in found([row], **fuse)
    row[5:10] = [0, None, 9_100_000, None, 0]
    assert "jump" not in found([row], **fuse)


LISBON = 1_792_796_400  # 2026-10-24T00:00 in Lisbon; the clocks go back on the 25th at 01:00 UTC


@pytest.mark.parametrize("lost", [24 + 1, 24 + 2])
def test_the_repeated_hour_came_once(lost):
    """Exactly the first or second pass of the hour is missing: the sender counts 24 (M39)."""
    row = wave(4)[:73]
    row[lost] = None
    kinds = found([wave(4)[:73], row], zone="Europe/Lisbon", start=LISBON)
    assert [bad["metering_point"] for bad in kinds["clock_change"]] == ["P1"]
    row[lost + 1 if lost == 26 else lost - 1] = None
    assert "clock_change" not in found([row], zone="Europe/Lisbon", start=LISBON)


def test_another_hour_is_a_gap_only():
    """A missing hour elsewhere on that day is a gap and nothing more."""
    row = wave(4)[:73]
    row[30] = None
    assert set(found([row], zone="Europe/Lisbon", start=LISBON)) == {"missing"}


def block(values, *, load=1, version=0, quality="A", point="P", start=THURSDAY):
    return {"metering_point": point, "channel": "import", "start_utc": start,
            "resolution_s": 3600, "values": values, "quality": quality, "version": version,
            "load_seq": load, "source": "f", "line": 1}  # fmt: skip


def versions(*blocks, **more):
    return replaced(table(BLOCKS, blocks), thresholds=Thresholds(), kinds={}, **more).to_pylist()


@pytest.mark.parametrize(("new", "bad"), [(120, False), (121, True), (80, False), (79, True)])
def test_versions_that_differ_by_far(new, bad):
    """More than 20 % either way is told, exactly 20 % is not (check 43)."""
    rows = versions(block([100, 0]), block([new, 0], load=2, version=5))
    assert bool(rows) is bad
    if bad:
        assert (rows[0]["code"], rows[0]["severity"]) == ("metering.block.replaced", "note")


def test_versions_in_any_order():
    """Which came first does not matter, nor do other points and other days."""
    old, new = block([100, 100], version=1, load=3), block([300, 100], version=2, load=2)
    other = block([1, 1], point="Q", load=2), block([9, 9], start=THURSDAY + 86_400, load=2)
    one, two = versions(old, new, *other), versions(*other, new, old)
    assert one == two
    assert len(one) == 1
    assert "0.0002 kWh, and what counts is 0.0004 kWh" in one[0]["message"]


def test_a_better_quality_is_the_newer_one():
    """An estimate that a reading replaces is compared with it; letters may be one per value."""
    rows = versions(block([500, 500], quality="EE"), block([100, 100], quality="AS", load=2))
    assert "0.001 kWh, and what counts is 0.0002 kWh" in rows[0]["message"]


def test_disjoint_loads_are_never_looked_at():
    """A month of daily files without a second version costs one look at their bounds."""
    rows = [block([1], start=THURSDAY + 86_400 * n, load=n) for n in range(5)]
    assert not versions(*rows)
    assert not replaced(BLOCKS.empty_table(), thresholds=Thresholds(), kinds={}).num_rows


def test_huge_values_do_not_wrap():
    """Values at the end of what an integer holds are cut before they are added up."""
    rows = versions(block([2**62] * 8), block([1] * 8, load=2, version=1))
    assert len(rows) == 1
