"""The delta of one segment by hand: another ledger account, and what has none."""

from datetime import date
from decimal import Decimal

from gridtally.rating.cone import Step
from gridtally.rating.corrections import delta

SEGMENT = {
    "segment": "s", "agreement": "A", "account": "C", "metering_point": "P", "bill": "b",
    "currency": "EUR", "from": date(2026, 1, 1), "to": date(2026, 2, 1), "total": Decimal(1),
    "input_digest": "x", "import_ukwh": 0, "export_ukwh": 0, "estimated_ukwh": 0,
}  # fmt: skip


def line(amount, component="energy"):
    return {
        "segment": "s", "span": 0, "line": 0, "component": component, "kind": "energy",
        "bucket": "", "quantity": Decimal(10), "unit": "kWh", "price": Decimal("0.1"),
        "factor": "1", "amount": Decimal(amount),
    }  # fmt: skip


def made(after, *lines):
    step = Step("r", "A", ("own",), SEGMENT, after, lines, ([], []))
    codes = {"old": "revenue.wrong", "new": "revenue.right"}
    return delta(step, tariffs=(["old"], ["new"]), code=lambda digest, _: codes[digest])


def test_another_account():
    """The corrected version posts to another one: what was posted is taken back there."""
    said = made(SEGMENT | {"total": Decimal("1.20")}, [line("1")], [line("1.20")])
    assert said["ledger"] == [
        {"ledger": "revenue.wrong", "before": "1", "after": "0", "delta": "-1"},
        {"ledger": "revenue.right", "before": "0", "after": "1.2", "delta": "1.2"},
    ]
    (row,) = said["lines"]
    assert row["ledger"] == {"before": "revenue.wrong", "after": "revenue.right"}


def test_a_line_of_one_side():
    """It has an account there alone."""
    said = made(SEGMENT, [], [line("1")])
    assert [row["ledger"] for row in said["lines"]] == [{"before": None, "after": "revenue.right"}]
    assert said["ledger"] == [
        {"ledger": "revenue.right", "before": "0", "after": "1", "delta": "1"},
    ]


def test_what_cannot_be_made_has_all_keys():
    """They are null, and none is left out: one shape for whoever reads it."""
    whole, held = made(SEGMENT, [line("1")], [line("1")]), made(None, [line("1")], [])
    assert whole.keys() == held.keys()
    nulls = {key for key, value in held.items() if value is None}
    assert nulls == {"energy", "lines", "components", "ledger", "taxes", "carry"}
    assert held["total"] == {"before": "1", "after": None, "delta": None}
