"""What is missing or implausible in interval readings, and what is not."""

import numpy as np
import pyarrow as pa
import pytest
from grids import KWH, THURSDAY, grid, wave
from hypothesis import given
from hypothesis import strategies as st

from gridtally.metering.blocks import MISSING, Dense
from gridtally.metering.scan import day_columns
from gridtally.metering.thresholds import Limits, Thresholds
from gridtally.metering.validate import validate
from gridtally.metering.words import runs
from gridtally.periods import zone as zone_of


def found(rows, *, zone="UTC", **options):
    """Findings of a grid by code, each as a list of rows."""
    where = {key: options.pop(key) for key in ("start", "step", "channel") if key in options}
    dense = grid(rows, **where)
    same, table = validate(dense, zone=zone, **options)
    assert same is dense
    result = {}
    for row in table.to_pylist():
        result.setdefault(row["code"].removeprefix("metering.interval."), []).append(row)
    return result


def nullable(*values):
    """A nullable int64 column."""
    return pa.array(values, pa.int64())


def test_clean_readings_say_nothing():
    """Plausible data with everything known about it gives no finding."""
    rows = [wave(3), wave(3, low=900_000)]
    assert not found(
        rows,
        fuse_ukw=nullable(10 * KWH, None),
        past=nullable(6 * KWH, 20 * KWH),
        totals=nullable(18 * KWH, None),
    )


def test_an_empty_grid():
    """No points, no findings, no error."""
    dense = Dense(
        (), "import", THURSDAY, 3600, np.zeros((0, 24), np.int64), np.zeros((0, 24), np.uint8)
    )
    assert validate(dense, zone="UTC")[1].num_rows == 0


# --------------------------------------------------------------------- missing


def test_gaps_are_grouped_per_point():
    """One finding per point with count, first and last, and its runs (M51)."""
    row = wave()
    row[2] = row[3] = row[20] = None
    (gap,) = found([wave(), row])["missing"]
    assert (gap["metering_point"], gap["count"], gap["severity"]) == ("P1", 3, "warn")
    assert (gap["start_utc"], gap["end_utc"]) == (THURSDAY + 2 * 3600, THURSDAY + 21 * 3600)
    assert "3 of 24 intervals, 2 gaps, the longest of 2 h" in gap["message"]


def test_few_gaps_are_a_note():
    """Up to a tenth is information, more is a warning."""
    row = wave(10)
    row[5] = None
    assert found([row])["missing"][0]["severity"] == "note"
    assert (
        found([row], thresholds=Thresholds(Limits(missing_warn_pct=0)))["missing"][0]["severity"]
        == "warn"
    )


# ------------------------------------------------------------------ impossible


def test_negative_values():
    """A channel has one direction: below zero holds (M22)."""
    row = wave()
    row[3], row[9] = -5, -7
    (bad,) = found([wave(), row])["negative"]
    assert (bad["metering_point"], bad["count"], bad["severity"]) == ("P1", 2, "hold")
    assert '"lowest_ukwh": "-7"' in bad["evidence"]


@pytest.mark.parametrize(("value", "bad"), [(10 * KWH, False), (10 * KWH + 1, True)])
def test_more_than_the_fuse_allows(value, bad):
    """Above fuse x time holds (M24); exactly that much does not."""
    row = wave()
    row[5:8] = [value] * 3
    assert ("limit" in found([row], fuse_ukw=nullable(10 * KWH))) is bad
    quarter = [v // 4 for v in row]
    assert ("limit" in found([quarter], fuse_ukw=nullable(10 * KWH), step=900)) is False


def test_more_than_any_connection_carries():
    """Without a known fuse only the absurd is impossible, and nothing overflows."""
    row = wave()
    row[5] = 2**62
    kinds = found([row, wave()], past=nullable(5 * KWH, None))
    assert kinds["limit"][0]["severity"] == "hold"
    assert kinds["unit"][0]["direction"] == "over"
    assert "limit" not in found([wave(low=10**11)])


def test_limits_of_a_customer_segment():
    """A segment may have limits of its own."""
    row = wave()
    row[5] = 11 * KWH
    lax = Thresholds(segments={"factory": Limits(fuse_pct=120)})
    kinds = found(
        [row, row], fuse_ukw=nullable(10 * KWH, 10 * KWH), segments=["factory", "shop"],
        thresholds=lax,
    )  # fmt: skip
    assert [bad["metering_point"] for bad in kinds["limit"]] == ["P1"]


# ------------------------------------------------------------------ suspicious


def test_a_spike():
    """The highest interval of a day against the third highest: (20 - 6) / 6 > 1.8."""
    row = wave(2, low=2 * KWH)
    row[30], row[31], row[32] = 20 * KWH, 6 * KWH, 6 * KWH
    (spike,) = found([row])["spike"]
    assert spike["severity"] == "warn"
    assert spike["start_utc"] == THURSDAY + 30 * 3600
    row[30] = 16 * KWH  # (16 - 6) / 6 = 1.67
    assert not found([row])


def test_small_peaks_are_no_spikes():
    """Below the floor a kettle is a kettle."""
    row = wave(low=100_000)
    row[7] = 2 * KWH
    assert not found([row])


def test_a_spike_beside_a_gap():
    """A gap does not hide a spike, but a day that is mostly missing says nothing."""
    row = wave(low=KWH)
    row[7], row[20] = 20 * KWH, None
    assert "spike" in found([row])
    row[9:] = [None] * 15
    assert "spike" not in found([row])


def test_a_flat_line():
    """A day of one value that is not zero; a night of it, or zeros, are no flat line (M52)."""
    row = [*wave(), *[500_000] * 24, *wave()]
    (flat,) = found([wave(3), row])["flat"]
    assert (flat["metering_point"], flat["count"], flat["severity"]) == ("P1", 24, "warn")
    assert flat["start_utc"] == THURSDAY + 24 * 3600
    assert not found([[*wave(), *[500_000] * 23, *wave()]])
    assert not found([[*wave(), *[0] * 30, *wave()]])


@given(st.integers(0, 150), st.integers(90, 130), st.integers(0, 3))
def test_no_flat_line_is_left_out(begin, size, noise):
    """Law: a run of 96 equal quarter-hours is found wherever it begins."""
    row = [200_000 + 1000 * (n % (3 + noise)) for n in range(300)]
    row[begin : begin + size] = [777] * size
    assert ("flat" in found([row], step=900)) is (size >= 96)


def test_units_against_the_past():
    """About a thousand times the usual, or a thousandth of it (M25): held, not rescaled."""
    normal, wh = wave(), [value * 1000 for value in wave()]
    kinds = found([normal + wh + normal], past=nullable(5 * KWH))
    assert [(bad["count"], bad["severity"], bad["direction"]) for bad in kinds["unit"]] == [
        (1, "hold", "over")
    ]
    mwh = [value // 1000 for value in wave()]
    kinds = found([normal + mwh + mwh], past=nullable(5 * KWH))
    assert [(bad["count"], bad["direction"]) for bad in kinds["unit"]] == [(2, "under")]


def test_units_are_not_guessed_from_little():
    """A past of nearly nothing, no past, a hundredfold day, a day with gaps: no suspicion."""
    wh = [value * 1000 for value in wave()]
    assert not found([wh], past=nullable(900_000))
    assert not found([wh], past=nullable(None))
    assert not found([[value * 100 for value in wave()]], past=nullable(5 * KWH))
    gaps = [1, *[None] * 23]
    assert "unit" not in found([gaps], past=nullable(5 * KWH))
    sunny = [*[0] * 20, 900, 0, 0, 0]
    assert "unit" not in found([sunny], past=nullable(5 * KWH))


def test_zeros_while_the_register_moves():
    """All zeros with a register that advanced: held (M52)."""
    zeros = [0] * 24
    kinds = found([zeros, zeros, zeros], totals=nullable(5 * KWH, 0, None))
    assert [bad["metering_point"] for bad in kinds["zero"]] == ["P0"]
    assert kinds["zero"][0]["severity"] == "hold"


# ------------------------------------------------------------------------ days


@pytest.mark.parametrize(
    ("name", "start", "step", "cuts"),
    [
        ("UTC", THURSDAY, 900, [0, 96, 192]),
        ("Europe/Lisbon", 1_774_656_000, 900, [0, 96, 188]),  # 28, 29 March 2026
        ("Europe/Lisbon", 1_792_796_400, 900, [0, 96, 196]),  # 24, 25 October 2026
        ("Asia/Kolkata", THURSDAY - 19_800, 1800, [0, 48, 96]),
        ("Asia/Kolkata", THURSDAY - 18_000, 3600, [0, 24, 48]),
    ],
)
def test_local_days(name, start, step, cuts):
    """Days of 92, 96 and 100 quarter-hours; an interval is of the day in which it starts."""
    dense = grid([[1] * cuts[-1]], start=start, step=step)
    assert day_columns(dense, zone_of(name)).tolist() == cuts


@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=5))
def test_runs(rows):
    """Law: runs are what a loop over the rows finds."""
    mask = np.array(rows)
    expected = []
    for number, row in enumerate(rows):
        begin = None
        for column, value in enumerate([*row, False]):
            if value and begin is None:
                begin = column
            if not value and begin is not None:
                expected.append((number, begin, column))
                begin = None
    assert list(zip(*(part.tolist() for part in runs(mask)), strict=True)) == expected


@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.integers(-3, 60)), min_size=48, max_size=48),
        min_size=1, max_size=3,
    )
)  # fmt: skip
def test_law_against_the_rules_in_words(rows):
    """Law: spikes, negatives, limits and gaps are those that a plain loop finds."""
    rows = [[None if v is None else v * KWH for v in row] for row in rows]
    kinds = found(rows, fuse_ukw=nullable(*[50 * KWH] * len(rows)))
    for code, rule in {
        "missing": lambda row: None in row,
        "negative": lambda row: any(v is not None and v < 0 for v in row),
        "limit": lambda row: any(v is not None and v > 50 * KWH for v in row),
        "spike": lambda row: any(spiky(row[day : day + 24]) for day in (0, 24)),
    }.items():
        points = {bad["metering_point"] for bad in kinds.get(code, [])}
        assert points == {f"P{n}" for n, row in enumerate(rows) if rule(row)}, code


def spiky(day):
    """California's rule on the values of a day that are there."""
    there = sorted((v for v in day if v is not None), reverse=True)
    if len(there) < 12:
        return False
    one, three = there[0], max(there[2], 0)
    return one > 5 * KWH and (one - three) * 10 > 18 * three


def test_missing_is_not_zero():
    """A point without any reading is missing, not zero, whatever its register says."""
    kinds = found([[None] * 24], totals=nullable(5 * KWH))
    assert set(kinds) == {"missing"}
    assert kinds["missing"][0]["message"].endswith("missing: all 24 intervals.")
    assert MISSING == 0
