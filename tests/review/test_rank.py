"""The work list: must-hold first and never cut, money before order, households not crowded out."""

from __future__ import annotations

from decimal import Decimal

from gridtally import tables as t
from gridtally.review.inputs import EXPECTED, NO_BOUND
from gridtally.review.rank import worklist
from gridtally.terms import Severity


def world(*rows, homes=()):
    names = sorted({row["bill"].split("/")[0] for row in rows if row["bill"]})
    bills = t.table(
        t.BILLS, [{"bill": f"{n}/b", "account": n, "total": Decimal("58.50")} for n in names]
    )
    segments = t.table(
        t.SEGMENTS,
        [{"segment": f"{n}/s", "bill": f"{n}/b", "account": n, "metering_point": n,
          "import_ukwh": 2_900_000_000} for n in names],
    )  # fmt: skip
    kinds = [{"account": n, "segment": "household" if n in homes else "shop"} for n in names]
    return t.findings_table(rows), bills, segments, t.table(t.ACCOUNTS, kinds)


def odd(name, money, *, direction="over", severity=Severity.WARN, must_hold=False, code="odd"):
    return t.finding(
        f"review.test.{code}", severity, f"{name} is {code}.", remedy=f"Check {code}.",
        must_hold=must_hold, bill=f"{name}/b", account=name, direction=direction,
        money_at_risk=None if money is None else Decimal(money),
    )  # fmt: skip


def ranked(*rows, budget=10, homes=(), **more):
    findings, bills, segments, accounts = world(*rows, homes=homes)
    return worklist(
        findings, bills, segments, budget=budget, currency="EUR", accounts=accounts, **more
    )


def order(work, *, listed=True):
    return [r["account"] for r in work.table.to_pylist() if r["listed"] == listed]


def test_must_hold_comes_first_then_money():
    """Whatever the money, what cannot be released is seen first; then what costs most."""
    work = ranked(
        odd("a", 900), odd("b", 5000), odd("c", 1, severity=Severity.HOLD),
        odd("d", None, severity=Severity.HOLD, must_hold=True),
    )  # fmt: skip
    assert order(work) == ["d", "b", "a", "c"]


def test_the_budget_cuts_suspicions_only():
    """Two places, three sure ones: all three stay, the suspicion goes below and is stated."""
    sure = [odd(n, 1, severity=Severity.HOLD) for n in "abc"]
    work = ranked(*sure, odd("d", 5000), odd("e", 70, direction="under"), budget=2)
    assert order(work) == ["a", "b", "c"]
    assert order(work, listed=False) == ["d", "e"]
    assert (work.below.bills, work.below.over, work.below.under) == (2, Decimal(5000), Decimal(70))
    assert work.held == {"a/b", "b/b", "c/b"}


def test_households_have_reserved_places():
    """Factories' large sums do not push every household out of the list."""
    large = [odd(f"w{n}", 10_000 + n) for n in range(6)]
    small = [odd(f"h{n}", 20 + n) for n in range(6)]
    work = ranked(*large, *small, budget=5, homes={f"h{n}" for n in range(6)})
    assert set(order(work)) == {"h5", "h4", "w5", "w4", "w3"}


def test_unused_reserved_places_go_to_all():
    """The reserve is a floor for households, not a limit for others."""
    work = ranked(*(odd(f"w{n}", 100 + n) for n in range(5)), budget=5)
    assert len(order(work)) == 5


def test_over_and_under_billing_take_turns():
    """Lost revenue does not crowd out the customer who pays too much."""
    rows = [odd(f"u{n}", 1000 + n, direction="under") for n in range(4)]
    work = ranked(*rows, odd("o", 50), budget=2, household_share=0)
    assert set(order(work)) == {"o", "u3"}


def test_a_suspicion_without_money_holds_nothing():
    """The audit puts a figure on what matters; the rest is shown below the cut."""
    work = ranked(odd("a", None), odd("b", 3), odd("c", 6))
    assert order(work) == ["c"]


def test_several_rules_on_one_bill_are_one_row():
    """Money is the largest figure, not the sum of the same error seen twice."""
    work = ranked(
        odd("a", 40), odd("a", 90, code="worse"), odd("a", 10, direction="under", code="x")
    )
    (row,) = work.table.to_pylist()
    assert (row["over"], row["under"]) == (Decimal(90), Decimal(10))
    assert row["codes"] == "review.test.worse review.test.odd review.test.x"


def test_a_row_reads_as_sentences():
    """What a reviewer sees: the bill, the money, why, the usual range, what to check."""
    expected = {"segment": "a/s", "low_ukwh": 210_000_000, "usual_ukwh": 260_000_000,
                "high_ukwh": 320_000_000, "months": 12, "coverage": 980}  # fmt: skip
    work = ranked(odd("a", "1042.5"), expected=t.table(EXPECTED, [expected]))
    assert work.rows() == [
        "1. a/b  58.50 EUR, at risk 1,042.50 EUR too much\n"
        "   - a is odd.\n"
        "   - Energy: usually 210 kWh to 320 kWh, billed 2,900 kWh.\n"
        "   > Check odd."
    ]


def test_causes_come_before_what_follows_from_them():
    """The reason to read first is the one that can be put right."""
    sure = {"severity": Severity.HOLD, "must_hold": True}
    cause, after = odd("a", None, **sure), odd("a", 90, **sure)
    cause["code"], after["code"] = "metering.register.backward", "review.bill.unpriced"
    (row,) = ranked(after, cause).table.to_pylist()
    assert row["codes"] == "metering.register.backward review.bill.unpriced"


def test_many_bills_with_one_reason_are_one_paragraph():
    """A wrong price on every bill is one thing to read, not two thousand."""
    rows = [odd(f"a{n}", 100 + n, severity=Severity.HOLD) for n in range(9)]
    for row in rows:
        row["message"] = "The price went up a hundredfold."
    work = ranked(*rows, odd("b", 5000))
    texts = work.rows()
    assert len(work.held) == 10
    assert len(texts) == 2
    assert "8 further bills are held for the first of these reasons." in texts[1]


def test_no_usual_range():
    """A past too short to expect anything from is said in words, not as a bound of 10^18."""
    expected = {"segment": "a/s", "low_ukwh": 0, "usual_ukwh": 260_000_000,
                "high_ukwh": NO_BOUND, "months": 2, "coverage": 980}  # fmt: skip
    work = ranked(odd("a", "1042.5"), expected=t.table(EXPECTED, [expected]))
    assert "Energy: no usual range is known yet, billed 2,900 kWh." in work.rows()[0]


def test_must_hold_bills_are_in_the_order_of_money():
    """Among those that only a new calculation helps, what costs most is seen first."""
    sure = {"severity": Severity.HOLD, "must_hold": True}
    work = ranked(
        odd("a", None, **sure), odd("b", 38, **sure), odd("c", 5000, direction="under", **sure),
        odd("d", 900_000),
    )  # fmt: skip
    assert order(work) == ["c", "b", "a", "d"]
