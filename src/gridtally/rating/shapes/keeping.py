"""Step 6: shapes on lines that bound, keep or hand on money: `minimum`, `maximum`, `bank`,
`transfer`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from gridtally.rating.carry import END
from gridtally.rating.charges import Bank, Maximum, Minimum, Transfer
from gridtally.rating.cohort import MICRO_DECIMALS, Cohort
from gridtally.rating.exact import Column, add, product
from gridtally.rating.ratios import ONE, ZERO, Factor, above, column, counted, plus, rounded, times
from gridtally.terms import RoundingMode

__all__ = ["bank", "bound", "transfer"]

Charged = Minimum | Maximum | Bank
_MONEY = 8
_PERCENT = Fraction(1, 100)


def _one_line(
    charge: Charged, cohort: Cohort, *, bucket: str, unit: str, amount: Column, keep: Column
) -> None:
    """A line whose price is its amount."""
    if keep.any():
        one = np.full(len(cohort), 10**MICRO_DECIMALS, np.int64)
        cohort.add(
            charge, bucket, keep.astype(bool), one, MICRO_DECIMALS, unit, amount, ONE, amount
        )  # fmt: skip


def _in_line_places(charge: Charged, cohort: Cohort, money: Factor) -> Column:
    """Money rounded as a line is. [10^-8]"""
    point = cohort.rounding(charge)
    units = rounded(money, decimals=point.places, mode=point.mode, rows=len(cohort))
    return product(units, 10 ** (_MONEY - point.places))


# -------------------------------------------------------------------- bounds


def bound(charge: Minimum | Maximum, cohort: Cohort, active: bool) -> None:
    """What lifts, or lowers, the named lines to a bound; span by span, or on one day of a year."""
    if charge.settle is not None:
        _settled(charge, cohort, active)
    elif active:
        limit = _in_line_places(charge, cohort, _limit(charge, cohort))
        everywhere = np.ones(len(cohort), bool)
        _compared(charge, cohort, limit, cohort.sum_of(charge.of), everywhere)


def _compared(
    charge: Minimum | Maximum, cohort: Cohort, limit: Column, named: Column, where: Column
) -> None:
    missing = add(limit, -named)
    wrong = missing > 0 if isinstance(charge, Minimum) else missing < 0
    _one_line(
        charge, cohort, bucket="", unit="month", amount=missing, keep=wrong.astype(bool) & where
    )


def _limit(charge: Minimum | Maximum, cohort: Cohort) -> Factor:
    """amount x factor, exactly."""
    of, _, time = charge.per.rpartition("_")
    factor = (
        cohort.day_count(charge.months)
        if time == "day"
        else cohort.factor(charge, yearly=time == "year")
    )
    number = times(cohort.value(charge.amount, charge), factor)
    if of:
        name = "capacity_kva" if of == "kva" else "contract_kw"
        number = times(number, counted(cohort.term(name, charge.id), 8))
    return number


def _settled(charge: Minimum | Maximum, cohort: Cohort, active: bool) -> None:
    """Bounds and sums of the spans since the last such day, compared on the next."""
    assert charge.settle
    rows, keys = cohort.segments, [f"{name}/{charge.id}" for name in ("bound", "sum")]
    limit, named = (cohort.carry.latest(key, rows) for key in keys)
    if active:
        exact = _limit(charge, cohort)
        more = rounded(exact, decimals=_MONEY, mode=RoundingMode.HALF_EVEN, rows=len(cohort))
        limit, named = add(limit, more), add(named, cohort.sum_of(charge.of))
        closes = cohort.closes(charge.settle.day)
        rounded_limit = _in_line_places(charge, cohort, counted(limit, _MONEY))
        _compared(charge, cohort, rounded_limit, named, closes)
        limit, named = np.where(closes, 0, limit), np.where(closes, 0, named)
    for key, value in zip(keys, (limit, named), strict=True):
        cohort.hand_on(key, END, value)


# ---------------------------------------------------------------------- bank


def bank(charge: Bank, cohort: Cohort, active: bool) -> None:
    """Money that is left over is kept, used later, and paid on one day of a year."""
    key = f"money/{charge.id}"
    kept: Column = cohort.carry.latest(key, cohort.segments)
    if active:
        named, currency = cohort.sum_of(charge.of), cohort.version.currency
        later = cohort.sum_of(charge.later or ())
        keep = (later != 0).astype(bool)
        _one_line(charge, cohort, bucket="kept", unit=currency, amount=-later, keep=keep)
        amount = add(np.maximum(add(named, -kept), 0), -named)
        kept = np.maximum(add(np.maximum(add(kept, -named), 0), -later), 0)
        for bucket, keep in (("kept", amount > 0), ("used", amount < 0)):
            _one_line(charge, cohort, bucket=bucket, unit=currency, amount=amount, keep=keep)
        if charge.true_up:
            closes = cohort.closes(charge.true_up.day)
            share = times(counted(kept, _MONEY), Fraction(charge.true_up.percent), _PERCENT)
            paid = -_in_line_places(charge, cohort, share)
            keep = closes & (kept > 0).astype(bool)
            _one_line(charge, cohort, bucket="true-up", unit=currency, amount=paid, keep=keep)
            kept = np.where(closes, 0, kept)
    cohort.hand_on(key, END, kept)


# ------------------------------------------------------------------ transfer


def transfer(charge: Transfer, cohort: Cohort) -> None:
    """Parts of the named lines for others; the rounded parts of a sum are parts of its rounding."""
    named, rows = cohort.sum_of(charge.of), len(cohort)
    reached: Factor = ZERO
    before: Column = np.zeros(rows, np.int64)
    for name, value in charge.parts.items():
        percent = cohort.value(value, charge)
        reached = plus(reached, percent)
        share = times(counted(named, _MONEY), reached, _PERCENT)
        point = cohort.rounding(charge)
        units = rounded(share, decimals=point.places, mode=point.mode, rows=rows)
        after = product(units, 10 ** (_MONEY - point.places))
        amount = add(before, -after)
        before = after
        price = cohort.price(value, charge)
        some = column(percent, rows)[0] != 0
        keep = (named != 0).astype(bool) & (some | (amount != 0)).astype(bool)
        if keep.any():
            cohort.add(
                charge, name, keep, named, _MONEY, cohort.version.currency, -price, ONE / 100,
                amount,
            )  # fmt: skip
    cohort.hold(
        "rating.term.range",
        above(reached, Fraction(100), rows=rows),
        f"The parts of {charge.id} are more than 100 percent together.",
        "Correct the terms of the agreement.",
    )
