"""The second opinion: what is compared, what is chosen, and what a difference says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from review_street import street

from gridtally.review.second import compare, sample

SEGMENT = "AG-1/2026-10-01/2026-11-01"
LINE = {
    "span": 0, "component": "energy", "kind": "energy", "bucket": "peak", "quantity": "31.2",
    "unit": "kWh", "price": "0.24", "factor": "1", "amount": "7.49",
}  # fmt: skip


def answer(*lines, total="7.49"):
    return {"lines": list(lines), "total": total, "carry_out": [], "findings": []}


def kernel(*lines, total="7.49"):
    from gridtally import tables as t

    rows = [
        line | {"segment": SEGMENT, "line": n}
        | {name: Decimal(line[name]) for name in ("quantity", "price", "amount")}
        for n, line in enumerate(lines)
    ]  # fmt: skip
    segment = {"segment": SEGMENT, "bill": "B", "account": "A", "metering_point": "MP"}
    segment |= {"total": None if total is None else Decimal(total)}
    return t.table(t.LINES, rows), t.table(t.SEGMENTS, [segment])


def differences(made, second):
    cases = [(SEGMENT, {"metering_point": "MP"})]
    found = compare(cases, *made, rate_case=lambda case, tariffs: second, tariffs={})
    return found.to_pylist()


def test_equal_answers_give_nothing():
    """Trailing zeros are not a difference."""
    assert differences(kernel(LINE | {"amount": "7.4900"}), answer(LINE)) == []


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            answer(LINE | {"amount": "7.50"}, total="7.50"),
            "The two raters disagree on line energy/peak, amount: 7.49 against 7.5.",
        ),
        (
            answer(LINE, total="7.50"),
            "The two raters disagree on the total: 7.49 against 7.5.",
        ),
        (
            answer(),
            "The two raters disagree on line energy/peak: 7.49 against no such line.",
        ),
        (
            answer(LINE | {"factor": "17/31"}),
            "The two raters disagree on line energy/peak, factor: 1 against 17/31.",
        ),
    ],
)  # fmt: skip
def test_a_difference_names_the_line_and_both_figures(second, message):
    """The finding holds the bill for good and says what to compare."""
    (found,) = differences(kernel(LINE), second)
    assert found["message"] == message
    assert found["code"] == "review.second_rater.differs"
    assert found["must_hold"]
    assert found["bill"] == "B"
    assert found["money_at_risk"] == Decimal("7.49")


def test_a_segment_that_neither_can_rate_is_an_agreement():
    """No lines on either side is the same answer; lines on one side only is not."""
    assert differences(kernel(total=None), answer(total=None)) == []
    (found,) = differences(kernel(total=None), answer(LINE))
    assert "no such line against 7.49" in found["message"]


def test_the_sample_is_held_large_and_a_repeatable_share():
    """Held and large bills are all there; of the rest the same ones every time."""
    tables, _ = street(homes=40)
    bills = tables["bills"]
    held = {bills["bill"][0].as_py()}
    large = sorted(bills["total"].to_pylist())[-3]
    fixed = sample(bills, held=held, large=large, share=Decimal(0), seed="s")
    assert len(fixed) == 4
    assert held <= set(fixed)
    some = sample(bills, held=held, large=large, share=Decimal("0.3"), seed="s")
    assert set(fixed) < set(some) < set(bills["bill"].to_pylist())
    assert some == sample(bills, held=held, large=large, share=Decimal("0.3"), seed="s")
    assert some != sample(bills, held=held, large=large, share=Decimal("0.3"), seed="t")
    whole = sample(bills, held=held, large=large, share=Decimal(1), seed="s")
    assert whole == bills["bill"].to_pylist()
