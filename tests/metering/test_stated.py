"""Further terms of agreements: what is stated when, and the spans that a change cuts."""

from datetime import date
from decimal import Decimal

import pytest

from gridtally.metering.scope import Version, scope
from gridtally.metering.stated import stated
from gridtally.periods import Period
from gridtally.tables import (
    ACCOUNTS,
    AGREEMENT_TERMS,
    AGREEMENTS,
    METERING_POINTS,
    TRANSFORMERS,
    table,
)

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))


def world(*terms, household=None, transformer=None):
    """One agreement; `terms` as (term, from, to, value)."""
    rows = [
        {"agreement": "A", "term": t, "from": f, "to": to, "value": Decimal(v)}
        for t, f, to, v in terms
    ]
    return {
        "agreements": table(AGREEMENTS, [
            {"agreement": "A", "account": "C", "metering_point": "P", "from": date(2026, 1, 1),
             "tariff": "t", "legal_source": "interval"},
        ]),
        "accounts": table(ACCOUNTS, [{"account": "C", "household_size": household}]),
        "agreement_terms": table(AGREEMENT_TERMS, rows),
        "transformers": table(TRANSFORMERS, [transformer] if transformer else []),
    }  # fmt: skip


def spans(master, *names):
    versions = [Version("t", "sha256:1", date(2026, 1, 1), None, terms=frozenset(names))]
    made, findings = scope(
        master["agreements"],
        table(METERING_POINTS, [{"metering_point": "P", "zone": "UTC"}]),
        period=OCTOBER,
        versions=versions,
        stated=stated(master, names=names),
    )
    assert findings.num_rows == 0
    return [(row["from"].day, row["to"].day, row["terms"]) for row in made.to_pylist()]


def test_a_change_of_a_term_cuts_the_span():
    """On its day; a term that the tariff does not declare cuts nothing and is not told."""
    master = world(
        ("persons", date(2026, 1, 1), date(2026, 10, 11), "4"),
        ("persons", date(2026, 10, 11), None, "5.0"),
        ("other", date(2026, 10, 20), None, "1"),
    )
    assert spans(master, "persons") == [
        (1, 11, '{"persons":"4"}'), (11, 1, '{"persons":"5"}'),
    ]  # fmt: skip
    assert spans(master) == [(1, 1, None)]


def test_the_same_value_again_cuts_nothing():
    """Two rows with one value are one stretch."""
    master = world(
        ("x", date(2026, 1, 1), date(2026, 10, 11), "1"), ("x", date(2026, 10, 11), None, "1.00")
    )
    assert spans(master, "x") == [(1, 1, '{"x":"1"}')]


def test_two_values_on_a_day_are_none():
    """Who states a term twice has not stated it: the bill is held, not guessed."""
    master = world(("x", date(2026, 1, 1), None, "1"), ("x", date(2026, 10, 11), None, "2"))
    assert spans(master, "x") == [(1, 11, '{"x":"1"}'), (11, 1, None)]


def test_the_household_and_the_transformer_stand_in():
    """Where the agreement says nothing."""
    transformer = {
        "transformer": "T", "metering_point": "P", "from": date(2020, 1, 1),
        "capacity_ukva": 400_000_000, "no_load_loss_ukw": 570_000, "no_load_current": 10_000,
    }  # fmt: skip
    master = world(("persons", date(2026, 10, 16), None, "7"), household=3, transformer=transformer)
    names = ("persons", "transformer_kva", "no_load_loss_kw", "no_load_current_percent")
    rest = '"no_load_current_percent":"1","no_load_loss_kw":"0.57"'
    assert spans(master, *names) == [
        (1, 16, f'{{{rest},"persons":"3","transformer_kva":"400"}}'),
        (16, 1, f'{{{rest},"persons":"7","transformer_kva":"400"}}'),
    ]


@pytest.mark.parametrize("names", [("load_loss_kw",), ("unheard_of",)])
def test_what_nobody_states_is_not_there(names):
    """No default is made up."""
    assert spans(world(household=3), *names) == [(1, 1, None)]
