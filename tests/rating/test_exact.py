"""Exact columns: every rounding as exact fractions round, and no silent overflow."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtally.money import Rounding, round_fraction
from gridtally.rating.exact import add, decimals, divide, integers, product, round_to, total
from gridtally.terms import RoundingMode

MODES = list(RoundingMode)
small = st.integers(-(10**12), 10**12)
huge = st.integers(-(10**24), 10**24)


@settings(max_examples=60, deadline=None)
@given(st.lists(small | huge, min_size=1), st.integers(1, 10**15), st.sampled_from(MODES))
def test_divide_rounds_as_fractions_do(numbers, denominator, mode):
    """A column divided is each number divided and rounded once."""
    column = np.array(numbers, dtype=np.int64 if max(map(abs, numbers)) < 2**62 else object)
    found = divide(column, denominator, mode).tolist()
    assert found == [
        int(round_fraction(Fraction(n, denominator), Rounding(0, mode))) for n in numbers
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(small, min_size=1),
    st.decimals(-999_999, 999_999, places=8),
    st.fractions(0, 1, max_denominator=400),
    st.integers(0, 8),
    st.sampled_from(MODES),
)
def test_an_amount_is_rounded_once(quantities, price, factor, places, mode):
    """round(quantity x price x factor), whatever the size of its parts."""
    rounding = Rounding(places, mode)
    column = np.array(quantities, np.int64)
    found = round_to(column, decimals=6, price=price, factor=factor, rounding=rounding)
    expected = [
        round_fraction(Fraction(q, 10**6) * Fraction(price) * factor, rounding) for q in quantities
    ]
    assert [Decimal(int(n)).scaleb(-8) for n in found] == expected


parts = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9))
ties = st.tuples(st.integers(0, 9), st.integers(0, 8), st.sampled_from((1, 2, 4, 8)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(parts, min_size=1) | st.lists(ties, min_size=1),
    st.sampled_from(("0.12345678", "0.5", "-0.25", "999999", "0.05")),
    st.sampled_from(MODES),
)
def test_a_factor_per_row(rows, price, mode):
    """Factors that differ by row give the same as fractions: ties, and beyond 63 bits."""
    quantity, top, bottom = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    rounding = Rounding(0, mode)
    for decimals_ in (0, 6):
        found = round_to(
            quantity, decimals=decimals_, price=Decimal(price), factor=(top, bottom),
            rounding=rounding,
        )  # fmt: skip
        expected = [
            round_fraction(Fraction(q * t, b * 10**decimals_) * Fraction(price), rounding)
            for q, t, b in rows
        ]
        assert [Decimal(int(n)).scaleb(-8) for n in found] == expected


def test_products_and_sums_do_not_wrap():
    """Beyond 63 bits the integers are Python's, where NumPy's would silently wrap."""
    big = np.array([2**40, -(2**40)])
    assert product(big, 2**30, big).tolist() == [2**110, 2**110]
    assert product(big, 2).dtype == np.int64
    near = np.array([2**62 - 1, 1])
    assert add(near, near).tolist() == [2**63 - 2, 2]
    assert total(near, np.array([0])).tolist() == [2**62]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**27), 10**27)))
def test_decimal_columns_keep_every_digit(numbers):
    """Into Arrow and back, as decimals of 128 bits."""
    small_enough = max(map(abs, numbers), default=0) < 2**63
    column = np.array(numbers, dtype=np.int64 if small_enough else object)
    made = decimals(column, pa.decimal128(38, 8))
    assert [int(value.scaleb(8)) for value in made.to_pylist()] == numbers
    assert integers(made).tolist() == numbers
    assert integers(made.slice(1)).tolist() == numbers[1:]


@pytest.mark.parametrize("mode", MODES)
def test_ties_go_where_the_mode_says(mode):
    """±0.125 and ±0.135 to two places: the four ways of a tie."""
    column = np.array([125_000, -125_000, 135_000, -135_000])
    found = round_to(
        column, decimals=6, price=Decimal(1), factor=Fraction(1), rounding=Rounding(2, mode)
    )
    assert [int(n) // 10**6 for n in found] == {
        "half_up": [13, -13, 14, -14], "half_even": [12, -12, 14, -14],
        "down": [12, -12, 13, -13], "up": [13, -13, 14, -14],
    }[mode]  # fmt: skip
