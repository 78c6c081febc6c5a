"""The audit as a whole: clean bills pass, every known fault is found, and twice the same."""

from __future__ import annotations

import random
from decimal import Decimal

import pyarrow as pa
import pytest
from review_street import PERIOD, street

from gridtally.errors import UsageError
from gridtally.review.audit import audit, settings
from gridtally.review.expect import calibrate, expect
from gridtally.review.faults import KINDS, inject, score
from gridtally.review.library import shipped_rules
from gridtally.review.rank import worklist

WHERE = {
    "multiplier": "works", "transposed": "dial", "backward": "dial", "stuck": "home",
    "spike": "home", "swapped-channels": "pv", "exchange-gap": "dial", "billed-twice": "home",
    "wrong-tariff": "home", "clock": "tou", "stopped": "home", "zero": "home",
    "tax-missing": "home", "line-twice": "home", "demand-slip": "shop", "contract-slip": "works",
    "unbilled": "home", "opening": "dial", "reactive-lost": "works",
}  # fmt: skip


@pytest.fixture(scope="module")
def town():
    tables, named = street(homes=24)
    return tables, named, calibrate(tables["history"])


def audited(tables, calibration, *, budget=40):
    """The bills that an audit of these tables holds."""
    tables = tables | {"expected": expect(tables, calibration)}
    found, _ = audit(tables, period=PERIOD, currency="EUR")
    findings = pa.concat_tables([found, tables["findings"]]) if "findings" in tables else found
    return worklist(
        findings, tables["bills"], tables["segments"], budget=budget, currency="EUR",
        accounts=tables["accounts"], expected=tables["expected"],
    )  # fmt: skip


def test_a_clean_street_has_no_findings(town):
    """Ordinary customers with ordinary noise: nothing to look at."""
    tables, _, calibration = town
    assert audited(tables, calibration).table.num_rows == 0


@pytest.fixture(scope="module")
def faulty(town):
    """The street with one fault of every kind, each at another customer, and its score."""
    tables, named, calibration = town
    truth = []
    for n, (kind, where) in enumerate(sorted(WHERE.items())):
        many = 24 if where in ("home", "dial", "tou") else 8
        tables, fault = inject(tables, kind, named[f"{where}-{n % many}"])
        truth.append(fault)
    work = audited(tables, calibration)
    return score(truth, work.held, tables["bills"], tables["segments"]), work


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_injected_fault_is_held(faulty, kind):
    """The bill that the fault spoils is on the work list."""
    result, _ = faulty
    assert result.by_kind[kind] == (1, 1)


def test_nothing_is_held_for_nothing(faulty):
    """Every held bill has a fault; the score says so in shares."""
    result, work = faulty
    assert result.false_holds == ()
    assert (result.recall, result.precision, result.false_share) == (1000, 1000, 0)
    assert result.held == len(work.held) >= len(KINDS)
    assert result.money_held > 0


def test_the_score_counts_what_was_missed(town):
    """Nothing held: all missed; something else held: false."""
    tables, named, _ = town
    faulty, truth = inject(tables, "spike", named["home"])
    bills = faulty["bills"]["bill"].to_pylist()
    other = next(bill for bill in bills if truth["account"] not in bill)
    result = score([truth], {other}, faulty["bills"], faulty["segments"])
    assert (result.missed, result.false_holds) == ((truth["id"],), (other,))
    assert (result.recall, result.precision) == (0, 0)
    nothing = score([], set(), faulty["bills"], faulty["segments"])
    assert (nothing.recall, nothing.precision, nothing.false_share) == (None, None, 0)


def test_the_corpus_is_complete():
    """Every kind of fault of the corpus has a place in these tests."""
    assert WHERE.keys() == KINDS.keys()


def test_order_of_rows_and_threads_change_nothing(town):
    """The same tables shuffled, on one thread or four: the same findings, byte for byte."""
    tables, named, calibration = town
    tables, _ = inject(tables, "multiplier", named["works"])
    tables, _ = inject(tables, "clock", named["tou"])
    tables = tables | {"expected": expect(tables, calibration)}
    first, _ = audit(tables, period=PERIOD, currency="EUR")
    draw = random.Random(7)
    shuffled = {}
    for name, table in tables.items():
        rows = list(range(table.num_rows))
        draw.shuffle(rows)
        shuffled[name] = table.take(pa.array(rows, pa.int64()))
    assert shuffled["expected"].equals(tables["expected"]) is False
    again, _ = audit(shuffled, period=PERIOD, currency="EUR", threads=4)
    assert first.num_rows > 3
    assert first.equals(again)
    assert expect(shuffled, calibration).equals(tables["expected"])


def test_bill_rules_on_parts_equal_bill_rules_on_all(town):
    """Rules of grain bill may run per bucket: the parts together say what the whole says."""
    tables, named, calibration = town
    tables, _ = inject(tables, "spike", named["home"])
    tables, _ = inject(tables, "stopped", named["tou"])
    tables = tables | {"expected": expect(tables, calibration)}
    whole, _ = audit(tables, period=PERIOD, currency="EUR", grain="bill")
    found = []
    for odd in (False, True):
        mine = [int(a[-1]) % 2 == odd for a in tables["segments"]["account"].to_pylist()]
        part = tables | {"segments": tables["segments"].filter(pa.array(mine))}
        mine = [int(a[-1]) % 2 == odd for a in tables["bills"]["account"].to_pylist()]
        part |= {"bills": tables["bills"].filter(pa.array(mine))}
        rows, _ = audit(part, period=PERIOD, currency="EUR", grain="bill")
        found += rows.to_pylist()
    assert sorted(map(repr, found)) == sorted(map(repr, whole.to_pylist()))
    assert found


def test_parameters_are_recorded_and_tuned(town):
    """Every parameter has a default; a run may set one by name, and a wrong name is refused."""
    rules = shipped_rules()
    assert settings(rules, {})["review.energy.history"]["above"] == 1250
    tuned = settings(rules, {"review.energy.history.above": Decimal("1800")})
    assert tuned["review.energy.history"]["above"] == 1800
    for wrong, said in (
        ({"review.energy.history.abov": 1}, "no audit parameter"),
        ({"review.energy.histor.above": 1}, "no audit parameter"),
        ({"review.energy.history.above": "many"}, "not a plain decimal"),
    ):
        with pytest.raises(UsageError, match=said):
            settings(rules, wrong)


def test_a_parameter_changes_what_is_found(town):
    """Bound at run time: a tighter floor finds what the default lets pass."""
    tables, named, calibration = town
    tables, _ = inject(tables, "spike", named["home"])
    tables = tables | {"expected": expect(tables, calibration)}
    rule = [r for r in shipped_rules() if r.id == "review.energy.history"]
    common = {"period": PERIOD, "currency": "EUR", "rules": rule}
    found, (stats,) = audit(tables, **common)
    assert (found.num_rows, stats.bills) == (1, 1)
    assert stats.over > 0
    none, _ = audit(tables, **common, parameters={"review.energy.history.floor": 10**13})
    assert none.num_rows == 0


def test_personal_columns_never_reach_a_rule(town):
    """Names and addresses are dropped at the door; unknown and broken tables are refused."""
    tables, _, _ = town
    assert "name" in tables["accounts"].column_names
    rule = [r for r in shipped_rules() if r.id == "review.energy.zero"]
    from gridtally.review.inputs import complete

    assert not set(complete(tables)["accounts"].column_names) & {"name", "address", "email"}
    with pytest.raises(UsageError, match="no table named people"):
        audit({"people": tables["accounts"]}, period=PERIOD, currency="EUR", rules=rule)
    with pytest.raises(UsageError, match="segments lacks the column total"):
        audit(
            {"segments": tables["segments"].drop_columns(["total"])},
            period=PERIOD, currency="EUR", rules=rule,
        )  # fmt: skip


def test_an_absurd_figure_does_not_stop_the_audit(town):
    """The largest readings that decode accepts: found, and the other bills are audited as ever."""
    tables, _, calibration = town
    huge = 10**18
    street_ = dict(tables)
    for name, column in (
        ("segments", "import_ukwh"), ("segments", "demand_ukw"), ("determinants", "value"),
        ("advances", "value"), ("register_readings", "reading"), ("history", "import_ukwh"),
    ):  # fmt: skip
        table = street_[name]
        first = [huge if n % 50 == 0 else v for n, v in enumerate(table[column].to_pylist())]
        at = table.column_names.index(column)
        street_[name] = table.set_column(
            at, table.schema.field(column), pa.array(first, pa.int64())
        )
    daily = street_["daily"]
    first = [huge if n % 900 == 0 else v for n, v in enumerate(daily["ukwh"].to_pylist())]
    at = daily.column_names.index("ukwh")
    street_["daily"] = daily.set_column(at, daily.schema.field("ukwh"), pa.array(first, pa.int64()))
    work = audited(street_, calibrate(street_["history"]))
    assert work.held
    assert audited(tables, calibration).held == frozenset()
