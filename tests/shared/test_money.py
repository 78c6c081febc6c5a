"""Exact numbers: parsing refuses what `Decimal` would take, rounding is where it is declared."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtally.money import (
    Rounding,
    allocate,
    number,
    parse_decimal,
    round_fraction,
    to_minor,
)
from gridtally.terms import RoundingMode


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "1e9999999", "１２３", "٣", "1_000", " 1 ", "+5", "0x10", "1/2", "=1+1",
     "1,5", "", "-", ".5", "5.", "1" * 19, "1\n"],
)  # fmt: skip
def test_only_plain_ascii_decimals_are_numbers(text):
    """Whatever `Decimal` or `int` would accept beyond plain digits is refused (M17-M20)."""
    with pytest.raises(ValueError, match="plain decimal"):
        parse_decimal(text)


def test_minus_zero_is_zero():
    """-0 is read as 0 (M17)."""
    assert str(parse_decimal("-0")) == "0"


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("half_up", "-0.125", "-0.13"),
        ("half_up", "0.125", "0.13"),
        ("half_even", "0.125", "0.12"),
        ("half_even", "0.135", "0.14"),
        ("down", "-0.129", "-0.12"),
        ("up", "0.121", "0.13"),
        ("up", "-0.121", "-0.13"),
        ("down", "-0.001", "0.00"),
    ],
)
def test_each_mode_rounds_as_its_name_says(mode, value, expected):
    """Ties and signs, by hand, for decimals and for fractions alike."""
    rounding = Rounding(2, RoundingMode(mode))

    assert rounding.apply(Decimal(value)) == Decimal(expected)
    assert str(round_fraction(Fraction(value), rounding)) == expected


@given(
    st.fractions(max_denominator=10**6),
    st.sampled_from(list(RoundingMode)),
    st.integers(min_value=0, max_value=8),
)
def test_rounding_moves_a_value_by_less_than_one_unit(value, mode, places):
    """A rounded value differs by at most half a unit, or less than one for down and up."""
    rounded = Fraction(round_fraction(value, Rounding(places, mode)))
    unit = Fraction(1, 10**places)

    assert abs(rounded - value) * (2 if mode.startswith("half") else 1) <= unit
    assert (rounded * 10**places).denominator == 1


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_parts_sum_to_the_whole(total, weights):
    """A split never loses or makes a unit, and no part is further than one from its share."""
    parts = allocate(total, weights)

    assert sum(parts) == total
    base = sum(weights) or len(weights)
    for part, weight in zip(parts, weights if sum(weights) else [1] * len(weights), strict=True):
        assert abs(Fraction(part) - Fraction(total * weight, base)) < 1


def test_canonical_numbers():
    """No exponent, no trailing zeros, no minus zero; a fraction stays one only if it must."""
    assert number(Decimal("1E+3")) == "1000"
    assert number(Decimal("1.500")) == "1.5"
    assert number(Decimal("-0.00")) == "0"
    assert number(Fraction(17, 31)) == "17/31"
    assert number(Fraction(3, 8)) == "0.375"


def test_money_finer_than_a_cent_is_refused():
    """An amount that the currency cannot pay is never cut silently."""
    assert to_minor(Decimal("12.30"), "EUR") == 1230
    assert to_minor(Decimal(12), "JPY") == 12
    with pytest.raises(ValueError, match="smallest unit"):
        to_minor(Decimal("0.005"), "EUR")
