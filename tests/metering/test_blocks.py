"""Laying blocks of many loads on one grid: the winner of a slot, and what has no place on it."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtally.metering.blocks import LETTERS, dense, grids
from gridtally.tables import BLOCKS, FINDINGS, table

T0 = 1_767_225_600  # 2026-01-01T00:00:00Z
STEP = 900


def block(
    values, *, at=0, quality="A", point="P1", channel="import", step=STEP, version=0, seq=1, line=1
):
    """One BLOCKS row; `at` is the slot it begins in."""
    return {
        "metering_point": point,
        "channel": channel,
        "start_utc": T0 + round(at * STEP),
        "resolution_s": step,
        "values": values,
        "quality": quality,
        "version": version,
        "load_seq": seq,
        "source": f"load-{seq}",
        "line": line,
    }


def lay(*blocks, points=("P1",), slots=4, loads=None):
    """Dense of one load per `load_seq`, each its own chunk."""
    loads = loads or sorted({row["load_seq"] for row in blocks})
    chunks = [table(BLOCKS, [row for row in blocks if row["load_seq"] == seq]) for seq in loads]
    return dense(
        pa.concat_tables(chunks) if chunks else table(BLOCKS, []),
        points=points,
        channel="import",
        start_utc=T0,
        end_utc=T0 + slots * STEP,
        resolution_s=STEP,
    )


def shown(grid, row=0):
    """Values with their letters, `-` where missing."""
    return [
        f"{value}{LETTERS[code]}" if code else "-"
        for value, code in zip(grid.values[row], grid.quality[row], strict=True)
    ]


def test_blocks_fill_their_slots_and_the_rest_is_missing():
    """Every value lands in its slot; a point without data is a row of gaps."""
    grid, found = lay(block([1, 2], at=1), points=("P0", "P1"))
    assert shown(grid, 0) == ["-", "-", "-", "-"]
    assert shown(grid, 1) == ["-", "1A", "2A", "-"]
    assert grid.end_utc == T0 + 4 * STEP
    assert found.schema == FINDINGS
    assert found.num_rows == 0


def test_no_blocks_at_all():
    """An empty table gives gaps, not an error."""
    grid, found = lay()
    assert shown(grid) == ["-"] * 4
    assert found.num_rows == 0


def test_only_this_grid():
    """Other points, channels and times are left aside without a finding; edges are cut."""
    grid, found = lay(
        block([9] * 4, point="P2"),
        block([9] * 4, channel="export"),
        block([9], at=4),
        block([9], at=-1),
        block([7, 8, 9, 9, 1, 2], at=-4),
        block([3, 4, 5], at=2),
    )
    assert shown(grid) == ["1A", "2A", "3A", "4A"]
    assert found.num_rows == 0


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"quality": "A", "version": 0, "seq": 1}, {"quality": "S", "version": 9, "seq": 9}),
        ({"quality": "S", "version": 0, "seq": 1}, {"quality": "E", "version": 9, "seq": 9}),
        ({"quality": "A", "version": 2, "seq": 1}, {"quality": "A", "version": 1, "seq": 9}),
        ({"quality": "A", "version": 1, "seq": 2}, {"quality": "A", "version": 1, "seq": 1}),
        ({"quality": "A", "line": 2}, {"quality": "A", "line": 1}),
        ({"quality": "E"}, {"quality": "N", "seq": 9}),
    ],
)
def test_the_winner_of_a_slot(better, worse):
    """Rank, then declared version (M47), then later load, then later line (M48)."""
    for rows in ([block([1], **better), block([2], **worse)],) * 2:
        for order in (rows, rows[::-1]):
            grid, _ = lay(*order, slots=1)
            assert shown(grid) == ["1" + better["quality"]]


def test_a_correction_of_a_part():
    """Nulls are not in a version: a correction with nulls leaves the other slots as they were."""
    grid, found = lay(block([1, 2, 3, 4], version=1), block([None, 7, None, 8], version=2, seq=2))
    assert shown(grid) == ["1A", "7A", "3A", "8A"]
    assert found.num_rows == 0


def test_one_letter_per_value():
    """Mixed quality: each value is ranked by its own letter, and N is no value."""
    grid, _ = lay(block([1, 2, 3, 4], quality="AENS"), block([5, 6, 7, 8], quality="E", seq=2))
    assert shown(grid) == ["1A", "6E", "7E", "4S"]


def test_the_same_value_twice_is_silent():
    """An overlap with the same value changes nothing (M46)."""
    grid, found = lay(block([1, 2], at=0), block([2, 3], at=1, seq=2))
    assert shown(grid) == ["1A", "2A", "3A", "-"]
    assert found.num_rows == 0


def test_a_newer_version_is_silent():
    """A declared version decides; nothing is left to ask (M47)."""
    grid, found = lay(block([1, 2], version=1), block([3, 4], version=2, seq=2))
    assert shown(grid) == ["3A", "4A", "-", "-"]
    assert found.num_rows == 0


def test_a_sliced_table():
    """Offsets into shared buffers are honoured."""
    rows = [block([n, n + 10], point=f"P{n}", quality="A" if n % 2 else "EA") for n in range(6)]
    whole = table(BLOCKS, rows)
    points = [f"P{n}" for n in range(6)]
    where = {"channel": "import", "start_utc": T0, "end_utc": T0 + 2 * STEP, "resolution_s": STEP}
    grid, _ = dense(whole.slice(2, 3), points=points, **where)
    assert [shown(grid, n) for n in range(6)] == [
        ["-", "-"], ["-", "-"], ["2E", "12A"], ["3A", "13A"], ["4E", "14A"], ["-", "-"],
    ]  # fmt: skip


def test_dictionary_encoded_text():
    """Tables read with dictionary-encoded text give the same grid."""
    plain = table(BLOCKS, [block([1, 2]), block([3, 4], point="P2", quality="E")])
    coded = plain
    for name in ("metering_point", "channel", "quality"):
        at = coded.schema.get_field_index(name)
        coded = coded.set_column(at, name, coded[name].dictionary_encode())
    where = {"channel": "import", "start_utc": T0, "end_utc": T0 + 2 * STEP, "resolution_s": STEP}
    first, _ = dense(plain, points=["P1", "P2"], **where)
    second, _ = dense(coded, points=["P1", "P2"], **where)
    assert [shown(second, n) for n in (0, 1)] == [["1A", "2A"], ["3E", "4E"]]
    assert shown(first, 1) == shown(second, 1)


def test_grids():
    """Each point and channel is on the resolution of most of its blocks."""
    rows = [
        block([1], point="P1"), block([1], point="P1", at=1), block([1], point="P1", step=1800),
        block([1], point="P2"), block([1], point="P2", channel="export", step=1800),
        block([1], point="P3", step=1800), block([1], point="P3", step=900),
    ]  # fmt: skip
    assert grids(table(BLOCKS, rows)) == [
        ("export", 1800, ("P2",)),
        ("import", 900, ("P1", "P2", "P3")),
    ]


def test_many_patterns():
    """More patterns than are worth a copy each give the same as one by one."""
    rng = np.random.default_rng(7)
    rows, expected = [], np.zeros((400, 50), dtype=np.int64)
    for n in range(400):
        low, high = sorted(rng.choice(51, 2, replace=False).tolist())
        expected[n, low:high] = rng.integers(1, 99, high - low)
        rows.append(block(expected[n, low:high].tolist(), at=low, point=f"P{n}"))
    grid, found = lay(*rows, points=[f"P{n}" for n in range(400)], slots=50)
    assert (grid.values == expected).all()
    assert ((grid.quality > 0) == (expected > 0)).all()
    assert found.num_rows == 0


# ------------------------------------------------------------------------ law


@st.composite
def deliveries(draw):
    """Blocks of three points that overlap at will, in loads of their own."""
    rows = []
    for line in range(draw(st.integers(1, 12))):
        size = draw(st.integers(1, 5))
        letters = draw(
            st.one_of(st.sampled_from("ASEN"), st.text("ASEN", min_size=size, max_size=size))
        )
        rows.append(
            block(
                draw(
                    st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=size, max_size=size)
                ),
                at=draw(st.integers(-2, 7)),
                quality=letters,
                point=draw(st.sampled_from(["P1", "P2", "P3"])),
                version=draw(st.integers(0, 2)),
                seq=draw(st.integers(1, 4)),
                line=line,
            )
        )
    return rows


def slow_winner(rows, point, slot):
    """The rule in words: the best of all that were delivered for one slot, and its rivals."""
    claims = []
    for row in rows:
        place = slot - (row["start_utc"] - T0) // STEP
        if row["metering_point"] == point and 0 <= place < len(row["values"]):
            letter = row["quality"] if len(row["quality"]) == 1 else row["quality"][place]
            if row["values"][place] is not None and letter != "N":
                rank = "NESA".index(letter)
                key = (rank, row["version"], row["load_seq"], row["line"])
                claims.append((key, row["values"][place], letter))
    if not claims:
        return "-", False
    key, value, letter = max(claims)
    return f"{value}{letter}", any(c[0][:2] == key[:2] and c[1] != value for c in claims)


@given(rows=deliveries(), order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(rows, order):
    """Law: rows shuffled and loads cut otherwise give the grid that the rule in words gives."""
    points = ("P1", "P2", "P3")
    expected = [[slow_winner(rows, point, slot) for slot in range(8)] for point in points]
    shuffled = list(rows)
    order.shuffle(shuffled)
    loads = list({row["load_seq"] for row in rows})
    order.shuffle(loads)
    grid, found = lay(*shuffled, points=points, slots=8, loads=loads)
    assert [shown(grid, n) for n in range(3)] == [[text for text, _ in row] for row in expected]
    conflicts = {row["metering_point"]: row["count"] for row in found.to_pylist()}
    counted = {p: sum(bad for _, bad in row) for p, row in zip(points, expected, strict=True)}
    assert conflicts == {point: n for point, n in counted.items() if n}
    assert all(json.loads(row["evidence"]) for row in found.to_pylist())
