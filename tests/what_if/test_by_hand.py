"""The whole base under another tariff: two accounts, two months, every figure worked out by hand.

Old: 5.00 a month, 0.20 by day and 0.10 by night. New: 3.00 a month, the first 150 kWh of a year at
0.10, all others at 0.30. Both with a tax of 10 %.

| bill | kWh day, night | old | new |
|---|---|---|---|
| home, January | 60, 40 | 5 + 12 + 4, tax 2.10 = 23.10 | 3 + 10, tax 1.30 = 14.30 |
| home, February | 50, 50 | 5 + 10 + 5, tax 2.00 = 22.00 | 3 + 5 + 15, tax 2.30 = 25.30 |
| shop, January | 200, 0 | 5 + 40, tax 4.50 = 49.50 | 3 + 15 + 15, tax 3.30 = 36.30 |
| shop, February | 300, 0 | 5 + 60, tax 6.50 = 71.50 | 3 + 90, tax 9.30 = 102.30 |
"""

from datetime import date
from decimal import Decimal

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from what_if_world import Bill, document

from gridtally.errors import NotFound
from gridtally.periods import Period
from gridtally.rating.tariff import load
from gridtally.store import history
from gridtally.tables import HISTORY, table
from gridtally.what_if.compare import Question, compare
from gridtally.what_if.sums import accounts_of, accounts_table, summary

OLD = """
[calendars.dn]
[[calendars.dn.rules]]
bucket = "day"
hours = ["07:00-23:00"]
[[calendars.dn.rules]]
otherwise = "night"
[[components]]
id = "standing"
shape = "fixed"
per = "month"
price = 5
ledger = "revenue.standing"
[[components]]
id = "energy"
shape = "energy"
channel = "import"
calendar = "dn"
prices = { day = 0.20, night = 0.10 }
[[components]]
id = "vat"
shape = "percentage"
kind = "tax"
of = ["standing", "energy"]
percent = 10
ledger = "tax.vat"
"""
NEW = """
[[components]]
id = "standing"
shape = "fixed"
per = "month"
price = 3
ledger = "revenue.standing"
[[components]]
id = "steps"
shape = "tiered"
channel = "import"
window = "year"
tiers = [{ upto = 150, price = 0.10 }, { price = 0.30 }]
ledger = "revenue.energy"
[[components]]
id = "vat"
shape = "percentage"
kind = "tax"
of = ["standing", "steps"]
percent = 10
ledger = "tax.vat"
"""
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))


def bill(account, month, day, night, energy, tax, **more):
    """A bill under the old tariff; `energy` are the amounts of its energy lines."""
    parts = {"energy/import/dn/day": day, "energy/import/dn/night": night}
    parts["energy/import/all/all"] = str(Decimal(day) + Decimal(night))
    lines = [("standing", "fixed", "5.00")]
    lines += [("energy", "energy", amount) for amount in energy]
    lines.append(("vat", "tax", tax))
    return Bill(account, month, parts, lines, **more)


HOME = (
    bill("AC-1", 1, "60", "40", ["12.00", "4.00"], "2.10"),
    bill("AC-1", 2, "50", "50", ["10.00", "5.00"], "2.00"),
)
SHOP = (
    bill("ACS-2", 1, "200", "0", ["40.00"], "4.50"),
    bill("ACS-2", 2, "300", "0", ["60.00"], "6.50"),
)


@pytest.fixture
def two(world):
    """The two accounts, billed in two runs."""
    version, data = document("old", OLD)
    world.tariff(version, data)
    for home, shop in zip(HOME, SHOP, strict=True):
        world.run(version, [home, shop])
    return world


def asked(world, body, *, begin="2026-01-01", **more):
    """The summary, the accounts and all else."""
    version, _ = document("new", body, begin=begin)
    compared = compare(world.ws, Question(version, **more))
    accounts = accounts_of(compared)
    return summary(compared, accounts), accounts_table(compared, accounts), compared


def test_every_bill_is_as_by_hand(two):
    """Yearly tiers go on from month to month: February begins where January ended."""
    said, rows, _ = asked(two, NEW)
    assert rows.to_pylist() == [
        {"account": "AC-1", "segment": "household", "region": "north", "tenth": 1,
         "kwh": Decimal("200.000000"), "old": Decimal("45.10"), "new": Decimal("39.60"),
         "difference": Decimal("-5.50"), "not_rated": 0, "2026-01": Decimal("-8.80"),
         "2026-02": Decimal("3.30")},
        {"account": "ACS-2", "segment": "shop", "region": "south", "tenth": 6,
         "kwh": Decimal("500.000000"), "old": Decimal("121.00"), "new": Decimal("138.60"),
         "difference": Decimal("17.60"), "not_rated": 0, "2026-01": Decimal("-13.20"),
         "2026-02": Decimal("30.80")},
    ]  # fmt: skip
    assert (said["old"], said["new"], said["difference"]) == ("166.10", "178.20", "12.10")
    assert said["percent"] == "7.28"
    assert said["winners"] == {"accounts": 1, "amount": "-5.50"}
    assert said["losers"] == {"accounts": 1, "amount": "17.60"}
    assert said["unchanged"] == 0


def test_revenue_in_parts_is_as_by_hand(two):
    """By month, by what the lines show, by ledger account: both sides add up to the totals."""
    said, _, _ = asked(two, NEW)
    assert [(r["month"], r["old"], r["new"], r["difference"]) for r in said["by_month"]] == [
        ("2026-01", "72.60", "50.60", "-22.00"),
        ("2026-02", "93.50", "127.60", "34.10"),
    ]
    kinds = [(r["name"], r["old"], r["new"], r["difference"]) for r in said["revenue"]["by_kind"]]
    assert kinds == [
        ("energy", "131.00", "0.00", "-131.00"),
        ("fixed", "20.00", "12.00", "-8.00"),
        ("tax", "15.10", "16.20", "1.10"),
        ("tiered", "0.00", "150.00", "150.00"),
    ]
    ledgers = [(r["name"], r["old"], r["new"]) for r in said["revenue"]["by_ledger"]]
    assert ledgers == [
        ("revenue.energy", "131.00", "150.00"),
        ("revenue.standing", "20.00", "12.00"),
        ("tax.vat", "15.10", "16.20"),
    ]


def test_distribution_groups_and_largest(two):
    """Quantiles are differences that an account has; groups have their own winners and losers."""
    said, _, _ = asked(two, NEW)
    of = {row["percent"]: row["difference"] for row in said["quantiles"]}
    assert (of[0], of[50], of[75], of[100]) == ("-5.50", "-5.50", "17.60", "17.60")
    groups = [(r["name"], r["accounts"], r["difference"], r["median"]) for r in said["by_segment"]]
    assert groups == [("household", 1, "-5.50", "-5.50"), ("shop", 1, "17.60", "17.60")]
    assert [row["name"] for row in said["by_region"]] == ["north", "south"]
    assert [(r["kwh_from"], r["kwh_to"]) for r in said["by_tenth"]] == [
        ("200", "200"),
        ("500", "500"),
    ]
    assert [row["account"] for row in said["biggest"]["winners"]] == ["AC-1"]
    assert [row["account"] for row in said["biggest"]["losers"]] == ["ACS-2"]
    # -5.50 and 17.60 in steps of one euro: from -6 to 18, 24 of them, which is the most.
    assert said["histogram"]["step"] == "1.00"
    counts = {b["from"]: b["accounts"] for b in said["histogram"]["bins"] if b["accounts"]}
    assert counts == {"-6.00": 1, "17.00": 1}


def test_the_first_bill_takes_over_what_it_was_given(world):
    """A tier position of a component of the same name counts: 100 kWh before January.

    Home, January: 50 kWh at 0.10 and 50 at 0.30 = 20.00, with 3.00 and 10 %: 25.30.
    """
    version, data = document("old", OLD)
    world.tariff(version, data)
    given = [("tier/steps", date(2026, 1, 1), "100"), ("tier/other", date(2026, 1, 1), "7")]
    first = bill("AC-1", 1, "60", "40", ["12.00", "4.00"], "2.10", carry_in=given)
    world.run(version, [first])
    said, _, _ = asked(world, NEW)
    assert said["new"] == "25.30"


def test_segments_and_months_can_be_chosen(two):
    """One customer segment, one month."""
    said, _, _ = asked(two, NEW, segments=("household",))
    assert (said["old"], said["new"]) == ("45.10", "39.60")
    january = Period(date(2026, 1, 1), date(2026, 2, 1))
    said, _, _ = asked(two, NEW, period=january)
    assert (said["old"], said["new"], said["bill_segments"]["chosen"]) == ("72.60", "50.60", 2)
    half = Period(date(2026, 1, 15), date(2026, 3, 1))
    said, _, _ = asked(two, NEW, period=half)
    assert said["bill_segments"]["partly_in_range"] == 2
    assert said["bill_segments"]["chosen"] == 2


def test_a_document_of_later_years_is_rated_as_if_in_force(two):
    """It says so."""
    said, _, _ = asked(two, NEW, begin="2027-01-01")
    assert said["new"] == "178.20"
    assert said["assumptions"][0] == (
        "The document is valid from 2027-01-01 on; it is rated as if it had been in force from "
        "2026-01-01 to 2026-03-01."
    )


OTHER_HOURS = OLD.replace("07:00-23:00", "08:00-23:00")


def test_other_hours_do_not_suffice(two):
    """Buckets of the same names and other hours are other quantities: nothing is rated."""
    said, _, compared = asked(two, OTHER_HOURS)
    assert not compared.rated.any()
    assert said["bill_segments"]["not_rated"] == 4
    (row,) = said["not_rated"]
    assert row == {
        "code": "rating.what_if.determinant",
        "message": "energy/import/dn/day, energy/import/dn/night cannot be had from what was "
        "stored: the hours are no union of those of energy/import/all/all, energy/import/dn/day, "
        "energy/import/dn/night.",
        "remedy": "Ask with --from-readings, which determines it anew from the stored readings.",
        "bill_segments": 4, "accounts": 2, "billed": "166.10",
    }  # fmt: skip


def test_what_cannot_be_rated_is_in_no_sum(two):
    """Contracts that nobody has: every bill is named, none counts."""
    body = NEW.replace('per = "month"', 'per = "kw_month"')
    said, _, _ = asked(two, body)
    assert [row["code"] for row in said["not_rated"]] == ["rating.contract.missing"]
    assert said["accounts"] == {"chosen": 2, "compared": 0, "partly": 0, "not_rated": 2}
    assert said["old"] == said["new"] == "0.00"


def test_a_month_that_goes_on_from_an_unknown_one_is_not_rated(world):
    """Shop, January has no energy stored: February would begin its tiers in the wrong place.

    The home is rated all the same.
    """
    version, data = document("old", OLD)
    world.tariff(version, data)
    hole = bill("ACS-2", 1, "200", "0", ["40.00"], "4.50")
    hole.determinants = {}
    world.run(version, [HOME[0], hole])
    world.run(version, [HOME[1], SHOP[1]])
    said, _, _ = asked(world, NEW)
    assert (said["old"], said["new"]) == ("45.10", "39.60")
    assert [(r["code"], r["bill_segments"]) for r in said["not_rated"]] == [
        ("rating.quantity.missing", 1),
        ("rating.what_if.carry", 1),
    ]
    assert sum(Decimal(row["old"]) for row in said["revenue"]["by_ledger"]) == Decimal("45.10")


def test_what_goes_on_from_a_bill_that_is_gone_is_not_rated(two):
    """January's run knows the shop no more: where February's tiers begin is not known."""
    row = two.ws.path / "runs" / "2026-01-01-hand" / "spans" / "all.parquet"
    spans = pq.read_table(row)
    pq.write_table(spans.filter(pc.equal(spans["account"], "AC-1")), row)
    said, _, _ = asked(two, NEW)
    assert (said["old"], said["new"]) == ("45.10", "39.60")
    assert [(r["code"], r["bill_segments"]) for r in said["not_rated"]] == [
        ("rating.what_if.carry", 1), ("rating.what_if.gone", 1),
    ]  # fmt: skip


def test_what_goes_on_from_an_opening_is_not_rated(world):
    """January was billed by another system, which said nothing of determinants."""
    version, data = document("old", OLD)
    world.tariff(version, data)
    past = [world._past(version, one, "opening/abc") for one in (HOME[0], SHOP[0])]
    history.append(world.ws, table(HISTORY, past), kind="opening", actor="ana", as_of=0)
    world.run(version, [HOME[1], SHOP[1]])
    said, _, _ = asked(world, NEW)
    assert [(r["code"], r["bill_segments"]) for r in said["not_rated"]] == [
        ("rating.what_if.carry", 2), ("rating.what_if.opening", 2),
    ]  # fmt: skip


def test_spans_of_two_old_versions_are_one_under_the_new_tariff(world):
    """A change of prices on the 16th cut the old bill; 3.00 a month without proration is due once.

    60 and 40 kWh, then 30 and 20: 150 kWh at 0.10 = 15.00, with 3.00 and 10 %: 19.80.
    """
    early, data = document("old", OLD, end="2026-01-16")
    world.tariff(early, data)
    late, data = document("old", OLD.replace("price = 5", "price = 6"), begin="2026-01-16")
    world.tariff(late, data)
    first = bill("AC-1", 1, "60", "40", ["12.00", "4.00"], "2.10")
    first.spans = [("2026-01-01", early.digest), ("2026-01-16", late.digest)]
    first.determinants |= {
        "energy/import/dn/day#1": "30", "energy/import/dn/night#1": "20",
        "energy/import/all/all#1": "50",
    }  # fmt: skip
    world.run(late, [first])
    body = NEW.replace('per = "month"', 'per = "month"\nproration = "none"')
    said, _, _ = asked(world, body)
    assert said["new"] == "19.80"


def test_dials_are_taken_by_name(world):
    """A dial-billed home whose meter has day and night: the new tariff's own hours do not matter.

    Day 70 at 0.20, night 30 at 0.10 = 17.00, 5.00 a month, 10 %: 24.20.
    """
    version, data = document("old", NEW)
    world.tariff(version, data)
    dials = [("import", "day", "cumulative", "70"), ("import", "night", "cumulative", "30")]
    lines = [("standing", "fixed", "3.00"), ("steps", "tiered", "10.00"), ("vat", "tax", "1.30")]
    parts = {"energy/import/all/all": "100"}
    world.run(version, [Bill("AC-1", 1, parts, lines, legal_source="register", advances=dials)])
    said, _, _ = asked(world, OTHER_HOURS)
    assert (said["old"], said["new"]) == ("14.30", "24.20")
    assert any(text.startswith("Dials are taken by the name") for text in said["assumptions"])


def test_nothing_to_compare_with(two):
    """A question without an answer is one sentence."""
    with pytest.raises(NotFound, match="no bill to compare with"):
        asked(two, NEW, segments=("factory",))
    with pytest.raises(NotFound, match="under a tariff 'gone'"):
        asked(two, NEW, tariffs=("gone",))


def test_totals_are_rounded_as_the_tariff_says(two):
    """With a tax of 7 %, and totals in tenths.

    Home, January: 13.00 and 0.91 = 13.91, rounded to tenths: 13.90, and the rounding of -0.01 is
    told apart. February 23.00 and 1.61 = 24.61: 24.60. Shop: 33.00 and 2.31 = 35.31: 35.30; 93.00
    and 6.51 = 99.51: 99.50.
    """
    data = document("new", NEW.replace("percent = 10", "percent = 7"))[1]
    tenths = b'total = { places = 1, mode = "half_up" }'
    version = load(data.replace(b'total = { places = 2, mode = "half_up" }', tenths), name="new")
    compared = compare(two.ws, Question(version))
    said = summary(compared, accounts_of(compared))
    assert said["new"] == "173.30"
    ledgers = {row["name"]: row["new"] for row in said["revenue"]["by_ledger"]}
    assert ledgers["revenue.rounding"] == "-0.04"
    assert ledgers["tax.vat"] == "11.34"


def test_a_bill_of_which_nothing_is_stored_is_named(two):
    """The history has a bill that its run does not know."""
    row = two.ws.path / "runs" / "2026-02-01-hand" / "spans" / "all.parquet"
    spans = pq.read_table(row)
    pq.write_table(spans.filter(pc.equal(spans["account"], "AC-1")), row)
    said, _, _ = asked(two, NEW)
    assert [(r["code"], r["bill_segments"]) for r in said["not_rated"]] == [
        ("rating.what_if.gone", 1)
    ]
    assert said["revenue"]["by_ledger"][-1] == {
        "name": "tax.vat", "old": "8.60", "new": "6.90", "difference": "-1.70",
        "percent": "-19.77",
    }  # fmt: skip
