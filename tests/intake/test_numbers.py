"""Columns of decimal text against `decimal`, one value at a time."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, column

from gridtally.intake import numbers
from gridtally.intake.numbers import EMPTY, FINER, LARGE, LONG, OK, ROUNDED, SYNTAX
from gridtally.money import Rounding
from gridtally.terms import RoundingMode

LIMIT = 10**15
MODES = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.DOWN: ROUND_DOWN,
    RoundingMode.UP: ROUND_UP,
}


def micro(texts, power=6, **how):
    found = numbers.micro(*column(texts), power, **({"limit": LIMIT} | how))
    return found.value.tolist(), found.state.tolist()


PLAIN = st.from_regex(r"-?(0{0,3}[0-9]{1,9}(\.[0-9]{1,12})?|\.[0-9]{1,12})", fullmatch=True)


@ANY_TIME
@given(st.lists(PLAIN, min_size=1, max_size=20), st.sampled_from([3, 6, 9]))
def test_plain_decimals_are_exact(texts, power):
    """A plain decimal becomes exactly its millionths, or is said to be finer or too large."""
    values, states = micro(texts, power)
    for text, value, state in zip(texts, values, states, strict=True):
        exact = Decimal(text).scaleb(power)
        digits = len(text.replace("-", "").replace(".", "").lstrip("0"))
        if digits > 18:
            assert state == LONG
        elif exact != exact.to_integral_value():
            assert state == FINER
        elif abs(exact) > LIMIT:
            assert state == LARGE
        else:
            assert (value, state) == (int(exact), OK)


@ANY_TIME
@given(
    st.lists(PLAIN, min_size=1, max_size=20),
    st.sampled_from(list(MODES)),
    st.integers(0, 6),
)
def test_declared_rounding(texts, mode, places):
    """A value that is too fine is rounded to the declared places, as `decimal` does it."""
    values, states = micro(texts, 3, rounding=Rounding(places, mode))
    for text, value, state in zip(texts, values, states, strict=True):
        exact = Decimal(text).scaleb(-3)
        if state == ROUNDED:
            rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=MODES[mode])
            assert Decimal(value) == rounded.scaleb(6)
        else:
            assert state in (OK, LONG, LARGE)
            assert state != OK or Decimal(value) == exact.scaleb(6)


@pytest.mark.parametrize(
    "text",
    ["NaN", "Infinity", "inf", "1e9999999", "1E3", "１２３", "٣", "1_000", " 1", "1 ", "+5", "0x10",
     "1/2", "=1+1", "1.", ".", "-", "--1", "1-", "1.2.3", "1,5", "1'000", "１", "0" * 49],
)  # fmt: skip
def test_what_is_no_number(text):
    """Everything that Python's own parsers let through, and more, is no number here."""
    assert micro([text, "1"]) == ([0, 1_000_000], [SYNTAX, OK])


def test_edges():
    """Minus zero is zero; nothing is nothing; leading zeros do not count as digits."""
    texts = ["-0", "", "0001.50", "9" * 18, "9" * 19, "-0.000001", ".5", "12345678.0000000000"]
    values, states = micro(texts)

    assert values == [0, 0, 1_500_000, 0, 0, -1, 500_000, 12_345_678_000_000]
    assert states == [OK, EMPTY, OK, LARGE, LONG, OK, OK, OK]
    assert micro(["9" * 12 + ".0000000"])[1] == [LONG]
    assert micro(["1000000001.0000000"])[1] == [LARGE]


@ANY_TIME
@given(st.lists(st.text(max_size=24), min_size=1, max_size=20))
def test_any_text_is_answered(texts):
    """Whatever stands in a cell, the answer is a state; only plain decimals are numbers."""
    _, states = micro(texts)
    for text, state in zip(texts, states, strict=True):
        if state == OK:
            assert set(text) <= set("-.0123456789")
            Decimal(text)


def test_integers():
    """Whole numbers take no dot."""
    found = numbers.integers(*column(["15", "1.5", "", "x", "-3"]))

    assert found.state.tolist() == [OK, SYNTAX, EMPTY, SYNTAX, OK]
    assert found.value.tolist() == [15, 0, 0, 0, -3]
