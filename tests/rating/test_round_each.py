"""Energy x price, each product rounded first: in 64 bits and beyond the same as with fractions."""

import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from rating_world import header
from shape_world import component

from gridtally.market import Series
from gridtally.money import Rounding, round_fraction
from gridtally.rating.costs import COST_DECIMALS, _sums
from gridtally.rating.prices import PriceBook
from gridtally.rating.tariff import load
from gridtally.terms import RoundingMode


def cost(energy, values, times, plus, places, mode):
    """What the kernel makes of energies [ukWh] under prices per kWh, one each."""
    rest = (
        f'channel = "import"\nseries = "s"\nround_each = {{ places = {places}, mode = "{mode}" }}'
    )
    text = header("UTC") + '[series.s]\nper = "kWh"\n' + component("energy", rest)
    charge = load(text.encode(), name="t").components[0]
    steps = PriceBook(charge, 1).steps(Series(tuple(range(len(values))), values, len(values)))
    at = steps.at(np.arange(len(values)))
    prices = steps.prices(times, plus, at.tolist())
    labels = np.zeros(len(values), int)
    return _sums(energy, prices, at, labels, ("",), charge)[:, 0]


@pytest.mark.parametrize("mode", list(RoundingMode))
@pytest.mark.parametrize("most", [3, 2 * 10**6, 10**10, 10**15])
@pytest.mark.parametrize("digits", [2, 8])
def test_each_product_is_rounded_exactly(mode, most, digits):
    """Prices of up to 16 decimals, below zero and above, energies below zero too."""
    r = random.Random(f"{mode} {most} {digits}")
    for places in (0, 4, 8):
        values = []
        while len(values) < 40:  # equal neighbours would be one step
            value = Decimal(r.randint(-(10**4), 10**4)).scaleb(-digits)
            values += [value] * (values[-1:] != [value])
        times, plus = Fraction(r.randint(1, 10**digits), 10**digits), Fraction(r.choice((0, 1)), 8)
        energy = np.array([[r.randint(-most, most) for _ in values] for _ in range(2)], np.int64)
        energy[0, :4] = (0, 500_000, 5, 50)
        expected = [
            sum(
                Fraction(round_fraction(
                    Fraction(e, 10**6) * (Fraction(v) * times + plus), Rounding(places, mode)
                ))
                for e, v in zip(row, values, strict=True)
            ) * 10**COST_DECIMALS
            for row in energy.tolist()
        ]  # fmt: skip
        assert cost(energy, tuple(values), times, plus, places, mode).tolist() == expected


@pytest.mark.parametrize(
    ("mode", "cents"), [("half_even", 2), ("half_up", 3), ("down", 2), ("up", 3)]
)
def test_a_tie_is_a_tie_and_a_hair_more_is_not(mode, cents):
    """2.5 cents is a tie; with the sixteenth decimal of the price, all but `down` go up."""
    exact, hair = Fraction(25, 1000), Fraction(25, 1000) + Fraction(1, 10**16)
    energy = np.array([[10**6, 10**6]], np.int64)
    values = (Decimal(1), Decimal(2))
    unit = 10 ** (COST_DECIMALS - 2)
    # the second price is twice the first: 5 cents are whole
    assert cost(energy, values, exact, Fraction(0), 2, mode)[0] == (cents + 5) * unit
    first = 2 if mode == "down" else 3
    second = 6 if mode == "up" else 5
    assert cost(energy, values, hair, Fraction(0), 2, mode)[0] == (first + second) * unit


def test_the_products_stay_in_64_bits(monkeypatch):
    """2 kWh at a price of 13 decimals: no column of Python integers is made of the readings."""
    monkeypatch.setattr("gridtally.rating.costs._products", None)
    energy = np.full((2, 3), 2 * 10**6, np.int64)
    values = (Decimal("0.12345"), Decimal("0.2"), Decimal("0.3"))
    times = Fraction(106258765, 10**8)
    each = [Fraction(round_fraction(2 * Fraction(v) * times, Rounding(6, RoundingMode.HALF_UP)))
            for v in values]  # fmt: skip
    made = cost(energy, values, times, Fraction(0), 6, "half_up")
    assert made.tolist() == [sum(each) * 10**COST_DECIMALS] * 2
