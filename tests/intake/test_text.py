"""Cells against the csv module of Python, and the steps that are inferred from starts."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, codes, decoded, slots

from gridtally.errors import RefusedFile
from gridtally.intake import steps, text

CELL = st.text(st.sampled_from(list('abé1. ,"')), max_size=6)


def cells_of(raw):
    return [
        [piece.text(row, column) for column in range(int(piece.count[row]))]
        for piece in text.cells(text.checked(raw, file="f"), file="f")
        for row in range(piece.rows)
    ]


@ANY_TIME
@given(st.lists(st.lists(CELL, min_size=2, max_size=5), min_size=1, max_size=8))
def test_cells_are_those_of_the_csv_module(rows):
    """What the csv module writes is read back, quoted or not, and line by line."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)

    assert cells_of(buffer.getvalue().encode()) == rows


@ANY_TIME
@given(st.lists(st.sampled_from(['"', ",", "a", "\n"]), min_size=1, max_size=14).map("".join))
def test_strict_quotes(raw):
    """Whatever is accepted, the csv module in strict mode reads the same."""
    try:
        found = cells_of(raw.encode())
    except RefusedFile:
        return
    expected = [row for row in csv.reader(io.StringIO(raw), strict=True) if row]

    assert found == expected


def test_distinct_cells():
    """Cells of equal text share a number, short and long ones alike."""
    rows = ["a", "a", "b" * 40, "b", "", "a", "b" * 40]
    [piece] = text.cells(
        np.frombuffer(("x," + "\nx,".join(rows) + "\n").encode(), np.uint8), file="f"
    )
    codes_, one = piece.distinct(piece.first[:-1] + 1)

    assert [piece.at(int(one[code])) for code in codes_] == rows
    codes_, one = piece.distinct(piece.first[[0, 1, 3, 4, 5]] + 1)
    assert [piece.at(int(one[code])) for code in codes_] == ["a", "a", "b", "", "a"]


def infer(*channels):
    key = np.concatenate([np.full(len(starts), n) for n, starts in enumerate(channels)])
    start = np.concatenate([np.array(starts, dtype=np.int64) for starts in channels])
    return steps.infer(key.astype(np.int64), start, len(channels)).tolist()


def test_the_smallest_step_that_divides_all():
    """Steps of 15 and 30 minutes: 15. Each channel has its own."""
    assert infer([0, 900, 2700, 3600], [0, 3600, 7200]) == [900, 3600]


def test_a_step_that_does_not_divide_is_no_length():
    """Twenty minutes do not divide thirty: the grid of most starts decides."""
    assert infer([0, 1200, 2400, 3600, 5400]) == [1800]


def test_order_and_repetition_do_not_matter():
    """Starts in any order, some twice, give the same length."""
    assert infer([3600, 0, 900, 900, 0]) == [900]


def test_a_stray_reading_does_not_change_it():
    """A reading at 00:37 among quarter-hours leaves them quarter-hours."""
    assert infer([0, 900, 1800, 2220, 2700, 3600]) == [900]


@pytest.mark.parametrize("minute", [5, 7, 10, 20, 35, 50])
def test_no_stray_minute_changes_it(minute):
    """Also a stray whose step would divide all the others leaves quarter-hours what they are."""
    day = [900 * number for number in range(96)]

    assert infer([*day, 36_000 + 60 * minute]) == [900]
    assert infer([*range(0, 86_400, 3600), 36_000 + 60 * minute]) == [3600]


def test_one_start_says_nothing_by_itself():
    """A channel with one reading takes the length of the others, if they agree."""
    assert infer([0], [0, 900]) == [900, 900]
    assert infer([0], [0, 900], [0, 3600]) == [0, 900, 3600]
    assert infer([0]) == [0]


@pytest.mark.parametrize("starts", [[0, 7 * 60], [0, 7200], [0, 30], [0, 86_400]])
def test_lengths_that_are_none(starts):
    """A step that does not divide the hour is no interval length."""
    assert infer(starts) == [0]


def test_a_change_of_length_is_not_a_row_of_gaps():
    """Hours after quarter-hours: the hours are set aside, not taken for quarters with gaps."""
    rows = [f"P,import,2026-01-05T00:{minute:02d}Z,1" for minute in (0, 15, 30, 45)]
    rows += [f"P,import,2026-01-05T{hour:02d}:00Z,4" for hour in range(1, 6)]
    found = decoded("\n".join(["metering_point,channel,start,kwh", *rows, ""]))

    assert codes(found) == ["intake.interval.mixed"] * 5
    assert {value for _, _, value, *_ in slots(found)} == {1_000_000}


def test_m58_a_row_without_end_is_refused_where_it_begins():
    """However long: its cells are never made. A row of a mebibyte is still read."""
    good = b"a,b\n" * 300_000
    for size in (text.ROW_MAX + 1, 5 << 20):
        with pytest.raises(RefusedFile) as caught:
            list(text.cells(np.frombuffer(good + b"," * size + b"\nx,y\n", np.uint8), file="f"))
        assert (caught.value.code, caught.value.line) == ("intake.csv.row", 300_001)
    found = list(text.cells(np.frombuffer(good + b"," * text.ROW_MAX + b"\n", np.uint8), file="f"))

    assert sum(piece.rows for piece in found) == 300_001


def test_encoding_is_checked_in_pieces(monkeypatch):
    """A character that lies across two pieces is whole; the line of a broken one is right."""
    monkeypatch.setattr(text, "_CHUNK", 5)
    body = "zählt\nüber\n€€€\n".encode()

    assert text.checked(body, file="f").tobytes() == body
    with pytest.raises(RefusedFile) as caught:
        text.checked(body + b"x\xe2\x82", file="f")
    assert (caught.value.code, caught.value.line) == ("intake.file.encoding", 4)
