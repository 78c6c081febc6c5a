"""The kernel's advances against the second rater, who reads only the case: the same quantities."""

import random
from datetime import date, timedelta
from itertools import pairwise

import pytest
from test_registers import read, run, spans, values

from gridtally.metering.cases import Cases
from gridtally.periods import Period, zone
from gridtally.rating.reference.instants import Span
from gridtally.rating.reference.readings import Readings
from gridtally.tables import CARRY, table


def story(chance):
    """A random period, its spans, and dials with gaps, exchanges, odd hours and turns."""
    name = chance.choice(["Europe/Lisbon", "Asia/Kolkata", "America/New_York"])
    first = date(2026, chance.choice([3, 10, 11]), chance.choice([1, 15]))
    size = chance.choice([1, 2, 28, 31])
    last = first + timedelta(size)
    inner = [first + timedelta(chance.randrange(size)) for _ in range(chance.choice([0, 1, 2]))]
    cuts = sorted({first, last, *inner})
    swap = first + timedelta(chance.randrange(size)) if chance.random() < 0.4 else None
    moment = f"{swap}T{chance.choice(['00:00', '10:00', '23:30'])}"
    rows = []
    for kind, register in (("cumulative", "T"), ("demand", "D")):
        for meter in ["M", "N"] if swap else ["M"]:
            begin = swap if meter == "N" else first - timedelta(2)
            end = swap if meter == "M" and swap else last + timedelta(2)
            times = {
                f"{begin + timedelta(n)}T{chance.choice(['00:00'] * 5 + ['07:00', '18:00'])}"
                for n in range((end - begin).days + 1)
                if chance.random() < 0.9
            }
            if swap:
                times = {at for at in times if (at < moment if meter == "M" else at > moment)}
            moves = {moment: "exchange_out" if meter == "M" else "exchange_in"} if swap else {}
            digits, multiplier = chance.choice([4, 5]), chance.choice([40_000_000, 1_234_567])
            shown = 10 ** (digits + 6) - chance.randrange(50_000_000)
            for at in sorted(times | moves.keys()):
                shown = (shown + chance.randrange(3_000_000)) % 10 ** (digits + 6)
                rows.append(
                    read(
                        at, 0, reading=shown, digits=digits, multiplier=multiplier, meter=meter,
                        register=register, kind=kind, zone=name,
                        reason=moves.get(at, "routine"), quality=chance.choice("AAAE"),
                    )
                )  # fmt: skip
    chance.shuffle(rows)
    return name, cuts, rows


@pytest.mark.parametrize("seed", range(6))
def test_both_raters_read_the_same(seed):
    """What is not held is the same, span by span, from the case alone; nothing else is held."""
    chance, compared = random.Random(seed), 0
    for _ in range(20):
        name, cuts, rows = story(chance)
        cut = spans(*map(str, cuts), name=name)
        found = run(rows, cut=cut)
        if any(row["must_hold"] for row in found.findings.to_pylist()):
            assert found.advances.num_rows == found.used.num_rows == 0
            continue
        case = Cases(cut, dense=[], used=found.used, carry=table(CARRY, [])).case("S")
        bounds = [(a, b, *zone(name).bounds(Period(a, b))) for a, b in pairwise(cuts)]
        parts = [Span(number, *bound) for number, bound in enumerate(bounds)]
        second = Readings(case, parts, zone(name).info)
        got = values(found)
        for span in parts:
            energy = second.energy(span, "import", None, None)[""]
            demand = second.dials.largest("import", None)[""]
            assert got[span.number, "import", "total", "cumulative"] == energy
            assert got[span.number, "import", "total", "demand"] == demand
            compared += 1
    assert compared >= 5
