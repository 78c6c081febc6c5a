"""I-01, in numbers: each row of a file is accepted, a duplicate, or quarantined, and all add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, csv_long, csv_wide, decoded, nem12

from gridtally.intake.account import Judged, account, by_block, shared
from gridtally.intake.known import Master, Watch

NOTHING = Judged(0, 0, 0)


def told(found, *, readings=NOTHING, rows=NOTHING, waits=False):
    """The account of a decoded file, of which everything waits or nothing."""
    watch = Watch(Master({}, zone="UTC"), by_block(found))
    if waits:
        watch("blocks", found.blocks)
    made, groups = account(found, readings=readings, rows=rows, groups=watch.groups())
    assert made.rows == made.accepted + made.duplicates + made.quarantined == found.rows
    assert sum(group.rows for group in groups) == made.waiting
    return made


def test_readings_are_rows_where_the_file_has_one_per_row():
    """23 readings, one bad row: what the store says of readings is said of rows."""
    found = decoded(csv_long(value="x"))
    made = told(found, readings=Judged(repeated=3, disputed=2, superseding=4))

    assert not by_block(found)
    assert (made.accepted, made.duplicates, made.quarantined) == (18, 3, 3)
    assert (made.superseding, made.disputed, made.waiting) == (4, 2, 0)
    assert told(found, waits=True).quarantined == 24


def test_days_are_rows_where_the_file_has_one_per_day():
    """A repeated day is one duplicate, not 24."""
    found = decoded(csv_wide(), zone="Europe/Lisbon")
    made = told(found, readings=Judged(30, 1, 0), rows=Judged(1, 1, 0))

    assert by_block(found)
    assert (made.accepted, made.duplicates, made.quarantined) == (1, 1, 1)
    assert told(found, waits=True).waiting == 3


def test_rows_that_are_added_up_are_shared_out():
    """Two streams of a channel are two rows and one block: repeated, both are duplicates."""
    lines = nem12().replace("200,P,E1,", "200,P,E1E2,").splitlines()[:-1]
    second = [line.replace(",1,E1,", ",2,E2,") for line in lines[1:]]
    found = decoded("\n".join([*lines, *second, "900", ""]))

    assert (found.rows, found.accepted, found.blocks.num_rows) == (6, 6, 3)
    assert told(found, rows=Judged(3, 0, 0)).duplicates == 6
    assert told(found, rows=Judged(1, 1, 0)).disputed == 2
    assert told(found, waits=True).waiting == 6


NUMBERS = st.integers(0, 200)


@given(NUMBERS, NUMBERS, NUMBERS)
@ANY_TIME
def test_whatever_the_store_says_it_adds_up(repeated, disputed, superseding):
    """Also when more is said of a file than it has."""
    judged = Judged(repeated, disputed, superseding)
    for found in (decoded(csv_long()), decoded(csv_wide(), zone="Europe/Lisbon")):
        for waits in (False, True):
            made = told(found, readings=judged, rows=judged, waits=waits)
            assert made.superseding <= made.accepted
            assert made.waiting + made.disputed <= made.quarantined


@given(NUMBERS, st.lists(st.integers(1, 50), min_size=1, max_size=20))
@ANY_TIME
def test_shares_sum_exactly(total, weights):
    """And nobody goes away empty when there is enough for all."""
    parts = shared(total, weights)

    assert sum(parts) == total
    assert min(parts) >= (1 if total >= len(weights) else 0)


@pytest.mark.parametrize("total", [0, 7])
def test_no_shares(total):
    """Nothing among nobody."""
    assert shared(total, []) == []
