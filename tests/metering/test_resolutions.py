"""Interval lengths that change: energy stays, and what long intervals cannot tell is said."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtally.metering.blocks import LETTERS, dense, grids
from gridtally.metering.resolutions import refine, unfit
from gridtally.tables import BLOCKS, SPANS, table
from gridtally.terms import Wanted

T0 = 1_767_225_600  # 2026-01-01T00:00:00Z
HOUR, QUARTER = 3600, 900


def block(values, *, at=0, step=HOUR, quality="A", point="P", version=0, seq=1):
    """One BLOCKS row that begins `at` seconds after T0."""
    return {
        "metering_point": point, "channel": "import", "start_utc": T0 + at, "resolution_s": step,
        "values": values, "quality": quality, "version": version, "load_seq": seq,
        "source": f"load-{seq}", "line": 1,
    }  # fmt: skip


def refined(*blocks, **how):
    return refine(table(BLOCKS, blocks), **how)


def laid(found, hours=2):
    """Values with their letters, on the one grid that there is; `-` where missing."""
    ((channel, step, points),) = grids(found.blocks)
    grid, odd = dense(
        found.blocks, points=points, channel=channel, start_utc=T0, end_utc=T0 + hours * HOUR,
        resolution_s=step,
    )  # fmt: skip
    assert not odd.num_rows, odd.to_pylist()
    cells = zip(grid.values[0].tolist(), grid.quality[0].tolist(), strict=True)
    return [f"{value}{LETTERS[code]}" if code else "-" for value, code in cells]


def test_hours_before_quarters_are_cut_into_quarters():
    """Four whole parts that sum to the hour; the quarters stay as they were."""
    found = refined(block([10]), block([1, 2, 3, 4], at=HOUR, step=QUARTER))
    assert laid(found) == ["2A", "3A", "2A", "3A", "1A", "2A", "3A", "4A"]
    (note,) = found.findings.to_pylist()
    assert note["code"] == "metering.block.split"
    assert note["count"] == 1
    (stretch,) = found.stretches
    assert (stretch.start_utc, stretch.end_utc, stretch.resolution_s) == (T0, T0 + HOUR, HOUR)


def test_one_length_is_left_alone():
    """Nothing is copied and nothing is said where a channel has one length."""
    blocks = table(BLOCKS, [block([1]), block([1], step=QUARTER, point="Q")])
    found = refine(blocks)
    assert found.blocks is blocks
    assert not found.findings.num_rows


def test_a_longest_length_may_be_asked_for():
    """`at_most_s` cuts a channel that has one length alone."""
    found = refined(block([7], quality="E"), at_most_s=QUARTER)
    assert laid(found, hours=1) == ["1E", "2E", "2E", "2E"]


def test_lengths_that_do_not_divide_are_left_for_the_grid_to_find():
    """Twenty minutes cannot be cut into quarter-hours."""
    found = refined(block([9], step=1200), block([1], at=HOUR, step=QUARTER))
    assert sorted(found.blocks["resolution_s"].to_pylist()) == [900, 1200]
    assert not found.stretches


def test_an_hour_yields_to_its_quarters():
    """Shorter readings that cover an hour replace it; the same energy is no finding."""
    found = refined(block([10, 8]), block([1, 2, 3, 4], step=QUARTER, seq=2))
    assert laid(found) == ["1A", "2A", "3A", "4A", "2A", "2A", "2A", "2A"]
    assert found.findings["code"].to_pylist() == ["metering.block.split"]


def test_quarters_that_contradict_their_hour_hold():
    """The sum of the quarters differs from the hour, and nothing says which is newer."""
    found = refined(block([10]), block([1, 2, 3, 5], step=QUARTER, seq=2))
    assert laid(found, hours=1) == ["1A", "2A", "3A", "5A"]
    (row,) = found.findings.to_pylist()
    assert (row["code"], row["severity"]) == ("metering.block.disagree", "hold")
    assert "0.00001 kWh with 0.000011 kWh" in row["message"]


def test_what_quarters_leave_of_an_hour_is_spread_over_the_rest():
    """One quarter is known: the others share what is left."""
    found = refined(block([10]), block([4], at=QUARTER, step=QUARTER))
    assert laid(found, hours=1) == ["2A", "4A", "2A", "2A"]


def test_quarters_above_their_hour_leave_a_gap():
    """A part that alone exceeds the hour leaves nothing to spread: a gap, and a hold."""
    found = refined(block([10]), block([11], at=QUARTER, step=QUARTER))
    assert laid(found, hours=1) == ["-", "11A", "-", "-"]
    assert found.findings["code"].to_pylist() == ["metering.block.disagree"]


@pytest.mark.parametrize("better", [{"version": 1}, {"quality": "S"}])
def test_a_better_hour_wins_over_its_quarters(better):
    """A newer version or a higher quality of the hour is the answer, whatever its length."""
    worse = {"quality": "E"} if "quality" in better else {}
    found = refined(block([8], **better), block([1, 1, 1, 1], step=QUARTER, seq=2, **worse))
    letter = better.get("quality", "A")
    assert laid(found, hours=1) == [f"2{letter}"] * 4


def test_gaps_stay_gaps():
    """A null and a value of quality N are no readings, at either length."""
    found = refined(
        block([None, 8]), block([5, 6, 7, 7], at=2 * HOUR, step=QUARTER, quality="NANA")
    )  # fmt: skip
    assert laid(found, hours=3) == ["-"] * 4 + ["2A"] * 4 + ["-", "6A", "-", "7A"]


def wanting(kind="energy", *, window=None, low=None):
    """A tariff that asks for one quantity; `low` is the instant at which its bucket changes."""

    def labels(start, end, step):
        at = np.arange(start, end, step)
        found = np.where(at >= (low or 0), 1, 0).astype(np.int16)
        if low is not None:
            found[(at < low) & (at + step > low)] = -2
        return found

    return {"t": [Wanted(kind, "import", "tou", ("a", "b"), (), window, True, labels)]}


def span(**other):
    row = {
        "segment": "A/1", "span": 0, "agreement": "A", "account": "K", "metering_point": "P",
        "zone": "UTC", "start_utc": T0, "end_utc": T0 + 2 * HOUR, "legal_source": "interval",
        "tariff": "t",
    }  # fmt: skip
    return table(SPANS, [row | other])


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (wanting(), ""),
        (wanting(low=T0 + HOUR), ""),
        (wanting(low=T0 + QUARTER), "the time windows of tou change inside one of them."),
        (wanting(low=T0 + HOUR + QUARTER), ""),
        (wanting("demand", window=QUARTER), "demand is billed over 15 minutes."),
        (wanting("demand", window=HOUR), ""),
        (wanting("demand"), ""),
    ],
)
def test_what_long_intervals_cannot_tell_holds(wanted, why):
    """A demand over less than the interval, or a price that changes inside one."""
    found = refined(block([10]), block([1, 2, 3, 4], at=HOUR, step=QUARTER))
    rows = unfit(span(), found.stretches, wanted=wanted).to_pylist()
    assert [row["message"].rpartition(": ")[2] for row in rows] == [why] * bool(why)
    for row in rows:
        assert row["must_hold"]
        assert row["segment"] == "A/1"


def test_a_bill_that_begins_inside_a_long_interval_is_held():
    """Half an hour of an hour belongs to the next bill: how much is not known."""
    found = refined(block([10]), block([1, 2, 3, 4], at=HOUR, step=QUARTER))
    rows = unfit(span(start_utc=T0 + 1800), found.stretches, wanted=wanting()).to_pylist()
    assert "begins inside" in rows[0]["message"]
    assert not unfit(span(legal_source="register"), found.stretches, wanted={}).num_rows


CUTS = st.lists(st.sampled_from([300, 900, 1800, 3600]), min_size=1, max_size=6)


@given(steps=CUTS, data=st.data())
def test_energy_is_conserved(steps, data):
    """Whatever the lengths, the grid's sum is that of the readings, and no reading is lost."""
    rows, at = [], 0
    for step in steps:
        count = 3600 // step
        values = data.draw(st.lists(st.integers(0, 10**12), min_size=count, max_size=count))
        rows.append(block(values, at=at, step=step))
        at += 3600
    data.draw(st.randoms()).shuffle(rows)
    blocks = table(BLOCKS, rows)
    found = refine(blocks)
    assert pc.sum(pc.list_flatten(found.blocks["values"])) == pc.sum(
        pc.list_flatten(blocks["values"])
    )
    ((channel, step, points),) = grids(found.blocks)
    grid, odd = dense(
        found.blocks, points=points, channel=channel, start_utc=T0, end_utc=T0 + at,
        resolution_s=step,
    )  # fmt: skip
    assert step == min(steps)
    assert not odd.num_rows
    assert grid.quality.all()
    hours = grid.values[0].reshape(len(steps), -1).sum(axis=1)
    wanted = {row["start_utc"]: sum(row["values"]) for row in rows}
    assert hours.tolist() == [wanted[T0 + n * 3600] for n in range(len(steps))]


def test_columns_of_the_store_are_enough():
    """The kernel reads blocks without file and line; they are refined all the same."""
    blocks = table(BLOCKS, [block([10]), block([1, 2, 3, 4], at=HOUR, step=QUARTER)])
    found = refine(blocks.drop_columns(["source", "line"]))
    assert found.blocks.num_rows == 2
    assert isinstance(found.blocks, pa.Table)
