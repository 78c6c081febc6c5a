"""The cone of a correction: what it makes anew is what a fresh run makes; nothing else moves."""

import copy
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tariffs import tariffs_that_load
from random_years import a_tariff_that_carries, a_year, billed, by_segment, fresh, held, waves

from gridtally.rating.cone import cone
from gridtally.rating.corrections import delta
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, table

LAW = settings(max_examples=5, deadline=None)
SEEDS = st.integers(0, 2**40)


def an_issued_year(r):
    """A year all of whose bills could be issued."""
    while True:
        year = a_year(r)
        issued = fresh(year)
        if not held(issued):
            return year, issued


def late_reading(r, year, before):
    """One metering point's readings of a part of one month, at most a few, are others."""
    now = copy.deepcopy(year)
    month = r.randrange(len(year.months) - 2)
    grid = r.choice([one for one in now.dense[month] if one.channel in ("import", "export")])
    row = r.randrange(len(grid.points))
    at = r.randrange(grid.values.shape[1])
    grid.values[row, at : at + r.choice((1, 1, 30))] = r.choice((0, 10**6, 40 * 10**6))
    return now, {(month, f"A{grid.points[row][1:]}")}


def late_tariff(r, year, before):
    """One version is replaced by another document, for the months before it all."""
    now = copy.deepcopy(year)
    document = r.choice(
        [a_tariff_that_carries(r, year.zone), *tariffs_that_load(r, year.zone, 60)[:1]]
    )
    version, old = load(document, name="t"), r.choice(list(year.tariffs))
    month, touched = r.randrange(len(year.months)), set()
    rows = now.spans[month].to_pylist()
    for row in rows:
        if row["tariff"] == old:
            row["tariff"] = version.digest
            touched.add((month, row["agreement"]))
    now.spans[month] = table(now.spans[month].schema, rows)
    now.tariffs[version.digest] = version
    return now, touched


def narrowed(now, seen):
    """Makes a wave's agreements anew: with what then handed on, except where the cone says so."""

    def make(wave, agreements, handed):
        month = int(wave.run[-2:])
        seen["made"] += len(agreements)
        then = seen["issued"][month - 1].carry.to_pylist() if month else []
        rows = [row for row in then if row["agreement"] not in handed]
        rows += [row for given in handed.values() for row in given]
        return billed(now, month, table(CARRY, rows))

    return make


@pytest.mark.parametrize("change", [late_reading, late_tariff])
@LAW
@given(seed=SEEDS)
def test_the_cone_is_the_fresh_run(change, seed):
    """Re-rating the cone alone gives what a run over everything gives; the rest is as it was."""
    r = random.Random(seed)
    year, issued = an_issued_year(r)
    now, touched = change(r, year, issued)
    everything = fresh(now)
    if held(everything):
        return
    seen = {"made": 0, "issued": issued}
    steps = list(cone(waves(issued, touched), narrowed(now, seen)))

    then, expected = by_segment(issued), by_segment(everything)
    found = {step.before["segment"]: (step.after, step.lines[1], step.carry[1]) for step in steps}
    assert then | found == expected  # inside as the fresh run says, outside not a bit
    for step in steps:
        assert (step.before, step.lines[0], step.carry[0]) == then[step.before["segment"]]
        assert step.causes
    assert {step.before["segment"] for step in steps} >= {
        name for name in then if then[name] != expected[name]
    }


def test_the_law_is_not_empty():
    """Fixed years: cones of one month, of several, and some that end before the year does."""
    lengths, ends = Counter(), Counter()
    for seed in range(20):
        r = random.Random(seed)
        year, issued = an_issued_year(r)
        now, touched = late_reading(r, year, issued)
        seen = {"made": 0, "issued": issued}
        steps = list(cone(waves(issued, touched), narrowed(now, seen)))
        lengths[min(len(steps), 3)] += 1
        ends["before the last"] += max(int(s.run[-2:]) for s in steps) < len(year.months) - 1
        assert seen["made"] == len(steps)
    assert lengths[1]
    assert lengths[3]
    assert ends["before the last"]


@LAW
@given(seed=SEEDS)
def test_a_delta_adds_up_and_turns_round(seed):
    """Lines, components, accounts and taxes sum to the total's delta; swapped, signs turn."""
    r = random.Random(seed)
    year, issued = an_issued_year(r)
    now, touched = late_reading(r, year, issued)
    if held(fresh(now)):
        return
    seen = {"made": 0, "issued": issued}
    steps = list(cone(waves(issued, touched), narrowed(now, seen)))
    for step in steps:
        back = replace(
            step, before=step.after, after=step.before, lines=step.lines[::-1],
            carry=step.carry[::-1],
        )  # fmt: skip
        there, home = (
            delta(one, tariffs=(["d"] * 3, ["d"] * 3), code=lambda _, name: f"revenue.{name}")
            for one in (step, back)
        )
        total = Decimal(there["total"]["delta"])
        assert total == step.after["total"] - step.before["total"]
        for part in ("lines", "components", "ledger"):
            assert sum(Decimal(row["delta"]) for row in there[part]) == total
        for part in ("components", "ledger"):
            for side in ("before", "after"):
                assert sum(Decimal(row[side]) for row in there[part]) == Decimal(
                    there["total"][side]
                )
        turned = {key(row): -Decimal(row["delta"]) for row in home["lines"]}
        assert {key(row): Decimal(row["delta"]) for row in there["lines"]} == turned
        assert -Decimal(home["total"]["delta"]) == total


def key(row):
    return tuple(row[name] for name in ("span", "component", "bucket", "kind"))
