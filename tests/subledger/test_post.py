"""The ledger: amounts above zero, balanced by construction, booked once."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import AS_OF, how_to_issue, released

from gridtally import control
from gridtally.errors import Conflict, UsageError
from gridtally.subledger import keys, post
from gridtally.subledger.issue import issue
from gridtally.subledger.post import Move, Statement

BOOK = {"currency": "EUR", "actor": "kim", "as_of": AS_OF}


def move(key, amount, account="AC-000000", memo=""):
    return Move(key, account, amount, date(2026, 11, 10), memo)


def test_a_payment_lowers_what_is_owed(ws):
    """Paid once, whatever comes again under the same key."""
    issue(ws, released(ws, 1), **how_to_issue())
    assert post.pay([move("p1", 400), move("p2", 100)], **BOOK) == 2
    assert post.pay([move("p1", 400), move("p3", 100), move("p3", 100)], **BOOK) == 1
    assert post.balances(["AC-000000"]) == {"AC-000000": 400}


def test_a_key_with_other_content_books_nothing(ws):
    """The same key and another amount is a conflict; the rest of the call is not booked either."""
    post.pay([move("p1", 400)], **BOOK)
    with pytest.raises(Conflict, match="key p1"):
        post.pay([move("p2", 1), move("p1", 401)], **BOOK)
    assert control.models.Entry.objects.count() == 1


@pytest.mark.parametrize("amount", [0, -5])
def test_a_payment_is_above_zero(ws, amount):
    """Zero and below are refused before anything is written."""
    with pytest.raises(UsageError, match="above zero"):
        post.pay([move("p1", amount)], **BOOK)


def test_a_statement_says_what_came_since_the_last_bill(ws):
    """Previous balance after the last bill; payments and adjustments after it."""
    assert post.statements(["AC-000000"]) == {"AC-000000": Statement()}
    post.pay([move("early", 50)], **BOOK)
    issue(ws, released(ws, 1), **how_to_issue())
    post.pay([move("late", 300)], **BOOK)
    post.adjust([move("a", 20), move("b", -5)], code="revenue.goodwill", **BOOK)
    (statement,) = post.statements(["AC-000000"]).values()

    assert statement == Statement(previous=950, payments=-300, adjustments=-15)
    assert statement.amounts("EUR") == {
        "previous": Decimal("9.50"), "payments": Decimal("-3.00"), "adjustments": Decimal("-0.15"),
    }  # fmt: skip


def test_the_next_bill_carries_the_statement(ws):
    """What the record of the second bill says is what the ledger says."""
    said = []

    def keep(bill):
        from synthetic import record

        said.append(bill.balance)
        return record(bill)

    issue(ws, released(ws, 1), **how_to_issue())
    post.pay([move("p", 1000)], **BOOK)
    november = (date(2026, 11, 1), date(2026, 12, 1))
    issue(ws, released(ws, 1, month=november), **how_to_issue(render_record=keep))

    assert said == [
        {"previous": Decimal("10.00"), "payments": Decimal("-10.00"), "adjustments": Decimal(0)}
    ]


codes = st.sampled_from(["revenue.a", "revenue.b", "tax.c", "levy.d"])
amounts = st.decimals(min_value=-1000, max_value=1000, places=8)


@given(st.dictionaries(codes, amounts, min_size=1), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_split_sums_to_the_total(parts, currency):
    """Exact amounts become whole smallest units that sum to the total, none a unit off or more."""
    from gridtally.money import minor_digits

    digits = minor_digits(currency)
    total = int(sum(parts.values()).scaleb(digits).to_integral_value())
    rest = Decimal(total).scaleb(-digits) - sum(parts.values())
    parts["revenue.rounding"] = rest
    found = post.split(parts, total=total, currency=currency)

    assert sum(found.values()) == total
    for code, amount in parts.items():
        assert abs(found[code] - amount.scaleb(digits)) < 1


def test_a_split_refuses_parts_that_do_not_sum():
    """A cent that nobody can name is not posted."""
    with pytest.raises(ValueError, match="do not sum"):
        post.split({"a": Decimal("1.00")}, total=101, currency="EUR")


def test_a_person_is_forgotten_for_good(ws):
    """Deleting the key is possible, once, and a new bill gets a new key."""
    issue(ws, released(ws, 1), **how_to_issue())
    (before,) = keys.person_keys(["AC-000000"]).values()

    assert len(before) == 32
    assert keys.forget("AC-000000", actor="dpo", as_of=AS_OF)
    assert not keys.forget("AC-000000", actor="dpo", as_of=AS_OF)
    assert keys.person_keys(["AC-000000"])["AC-000000"] != before
