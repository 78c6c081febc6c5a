"""What `rate` refuses to guess: months without a price, terms nobody declared; and both raters."""

from datetime import date

import pytest

from gridtally.errors import UsageError
from gridtally.quote.rate import rate_readings
from gridtally.rating.lint import lint

TARIFF = """
schema = 1
tariff = "t"
currency = "EUR"
zone = "UTC"
valid_from = 2026-01-01
source = "s"
[rounding]
line = { places = 2, mode = "half_up" }
total = { places = 2, mode = "half_up" }
[terms.margin]
[[components]]
id = "energy"
shape = "energy"
channel = "import"
price = 0.25
MONTHS
[[components]]
id = "levy"
shape = "energy"
channel = "export"
price = 0.01
"""


def rate(months, **options):
    rows = [
        f"MP,{channel},{day}T{hour:02}:00:00Z,1,kWh"
        for channel in ("import", "export")
        for day in ("2026-09-30", "2026-10-01")
        for hour in range(24)
    ]
    text = "metering_point,channel,start,value,unit\n" + "\n".join(rows) + "\n"
    return rate_readings(
        TARIFF.replace("MONTHS", months).encode(), text.encode(), tariff_name="t.toml",
        readings_name="r.csv", as_of=date(2026, 12, 1), **options,
    )  # fmt: skip


def test_a_month_without_a_price_is_held():
    """October is not billed at zero: it is held, and says of what there is no price."""
    answer = rate("months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]")
    assert [bill["from"] for bill in answer["bills"]] == ["2026-09-30"]
    (held,) = (f for f in answer["findings"] if f["severity"] == "hold")
    assert held["code"] == "rating.price.months"
    assert held["message"] == (
        "The tariff t has no price for energy of import from 2026-10-01 to 2026-10-01, "
        "and has one in other months."
    )


def test_free_energy_has_a_price_of_zero():
    """A component that says so bills the month."""
    free = (
        "months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]\n[[components]]\nid = \"free\"\n"
        'shape = "energy"\nchannel = "import"\nprice = 0\nmonths = [10]'
    )  # fmt: skip
    totals = [bill["total"] for bill in rate(free)["bills"]]
    assert totals == ["6.24", "0.24"]  # 24 kWh x 0.25 + 24 x 0.01; 24 x 0 + 24 x 0.01


def test_the_second_rater_is_there_for_the_asking():
    """Both bills are computed again by other code."""
    assert "second" not in rate("")
    assert rate("", second=True)["second"] == {"bills": 2, "differ": 0}


def test_a_disagreement_of_the_raters_holds(monkeypatch):
    """A bill that comes out otherwise is counted, and not given."""

    def other(case, tariffs):
        return {"lines": [], "total": "1", "carry_out": [], "findings": []}

    monkeypatch.setattr("gridtally.quote.rate.rate_case", other)
    answer = rate("", second=True)
    assert answer["second"] == {"bills": 2, "differ": 2}
    assert answer["bills"] == []


def test_a_term_that_nobody_declared():
    """A slip of the pen is not passed over."""
    with pytest.raises(UsageError, match="no term 'margn'"):
        rate("", terms={"margn": "1"})


def test_lint_names_months_that_nothing_stands_for():
    """A gap of a few months is told; two seasons that make a year are none; far years are fine."""

    def notes(text):
        return [p.message for p in lint(text.encode()) if p.part not in ("", "levy")]

    short = TARIFF.replace("MONTHS", "months = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]")
    assert notes(short) == ["energy is not charged in April, and nothing stands for it."]
    season = TARIFF.replace("MONTHS", "months = [1, 2, 3, 4, 5, 9, 10, 11, 12]").replace(
        '[[components]]\nid = "levy"',
        '[[components]]\nid = "summer"\nshape = "energy"\nchannel = "import"\nprice = 0.2\n'
        'months = [6, 7, 8]\n[[components]]\nid = "levy"',
    )
    assert notes(season) == []
    far = TARIFF.replace("MONTHS", "").replace("2026-01-01", "2026-01-01\nvalid_to = 9999-12-31")
    assert notes(far) == []
    assert notes(far.replace("2026-01-01", "9998-01-01")) == []


def test_lint_names_what_was_pasted_twice():
    """Under another name, too; two standing charges of different prices are two charges."""
    part = '[[components]]\nid = "{}"\nshape = "fixed"\nper = "month"\nprice = {}\n'
    text = TARIFF.replace("MONTHS", "") + part.format("a", 5) + part.format("b", 5)
    (note,) = (p for p in lint(text.encode()) if p.part not in ("", "levy"))
    assert note.message == "b is a once more: both are charged."
    other = text.replace('id = "b"', 'id = "b"\ntitle = "B"').replace("price = 5", "price = 6", 1)
    assert [p for p in lint(other.encode()) if p.part not in ("", "levy")] == []
