"""Which version of a tariff stands on which days, by hand."""

from dataclasses import dataclass
from datetime import date

import pytest

from gridtally.rating.standing import standing


@dataclass(frozen=True)
class V:
    """A version, by a letter."""

    digest: str
    valid_from: date
    valid_to: date | None = None
    seq: int = 0
    instead: bool = False
    tariff: str = "home"


def day(month, number=1, year=2026):
    return date(year, month, number)


def told(*versions):
    """Letter, first day, the day after; versions are stored in this order."""
    rows = [V(*v.__dict__.values()) for v in versions]
    rows = [
        V(r.digest, r.valid_from, r.valid_to, n, r.instead, r.tariff) for n, r in enumerate(rows)
    ]
    return [(v.digest, a, None if b == date.max else b) for v, a, b in standing(rows)]


A = V("a", day(1))
"""The first version, to further notice."""


def test_the_next_ends_one_without_an_end():
    """In whatever order they were stored."""
    b = V("b", day(7))
    assert told(A, b) == told(b, A) == [("a", day(1), day(7)), ("b", day(7), None)]


def test_days_without_a_version_have_none():
    """One that ended leaves them open; one that begins later ends what had no end."""
    b = V("b", day(3), day(5))
    assert told(A, b) == [("a", day(1), day(3)), ("b", day(3), day(5))]


def test_one_in_place_of_others_has_its_days_and_no_more():
    """What was there goes on after it."""
    w = V("w", day(3), day(5), instead=True)
    assert told(A, w) == [("a", day(1), day(3)), ("w", day(3), day(5)), ("a", day(5), None)]
    b = V("b", day(4))
    assert told(A, b, w) == [("a", day(1), day(3)), ("w", day(3), day(5)), ("b", day(5), None)]


def test_one_in_place_of_others_without_an_end():
    """It lasts until the next begins, stored before or after it."""
    w, b = V("w", day(3), instead=True), V("b", day(7))
    expected = [("a", day(1), day(3)), ("w", day(3), day(7)), ("b", day(7), None)]
    assert told(A, b, w) == told(A, w, b) == expected


def test_of_two_the_later_stored_stands():
    """On the days that both have."""
    w = V("w", day(3), day(6), instead=True)
    x = V("x", day(5), day(8), instead=True)
    assert told(A, w, x) == [
        ("a", day(1), day(3)), ("w", day(3), day(5)), ("x", day(5), day(8)), ("a", day(8), None),
    ]  # fmt: skip
    assert told(A, x, w) == [
        ("a", day(1), day(3)), ("w", day(3), day(6)), ("x", day(6), day(8)), ("a", day(8), None),
    ]  # fmt: skip


def test_a_version_that_came_later_takes_no_corrected_days():
    """Prices of days to come never take the days of an approved plan, be it stored before them."""
    w, b = V("w", day(3), day(5), instead=True), V("b", day(2))
    assert told(A, w, b) == [
        ("a", day(1), day(2)), ("b", day(2), day(3)), ("w", day(3), day(5)), ("b", day(5), None),
    ]  # fmt: skip


def test_the_same_first_day():
    """A whole version is replaced, to its end."""
    w = V("w", day(1), instead=True)
    assert told(A, w) == [("w", day(1), None)]


@pytest.mark.parametrize("order", [1, -1])
def test_tariffs_are_apart(order):
    """Each has its own days."""
    other = V("o", day(3), tariff="shop")
    assert told(*[A, other][::order]) == [("a", day(1), None), ("o", day(3), None)]
