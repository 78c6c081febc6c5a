"""Which segments a change reaches, by hand: across tenants, and behind what cannot be made."""

from datetime import date
from decimal import Decimal

import pytest
from shape_world import component, world

from gridtally.rating.cone import Made, Wave, cone
from gridtally.rating.tariff import load
from gridtally.tables import CARRY, FINDINGS, LINES, SEGMENTS, empty, table


def segment(agreement, month, total="10", point="P"):
    first, last = date(2026, month, 1), date(2026, month + 1, 1)
    return {
        "segment": f"{agreement}/{first}/{last}", "agreement": agreement, "from": first, "to": last,
        "total": None if total is None else Decimal(total), "metering_point": point,
        "account": "C", "bill": "b",
    }  # fmt: skip


def wave(month, *rows, touched=(), looking_back=()):
    made = table(SEGMENTS, [segment(name, month, point=point) for name, point in rows])
    sets = frozenset(touched), frozenset(looking_back)
    return Wave(f"run-{month}", made, empty(LINES), empty(CARRY), *sets)


def making(held=(), carrying=()):
    """Makes every segment anew at 9, those of `held` (agreement, month) not at all."""

    def make(of, names, handed):
        month = int(of.run.partition("-")[2])
        rows = [segment(n, month, None if (n, month) in held else "9") for n in names]
        return Made(table(SEGMENTS, rows), empty(LINES), empty(CARRY), empty(FINDINGS),
                    frozenset(carrying))  # fmt: skip

    return make


def reached(waves, make):
    return [(step.agreement, step.before["from"].month, step.causes) for step in cone(waves, make)]


def test_estimates_look_at_the_metering_point():
    """B has moved in at P: its gap was filled from what A, who is corrected, used there."""
    first = wave(1, ("A", "P"), touched={"A"})
    then = wave(2, ("B", "P"), ("C", "Q"), looking_back={"B", "C"})
    assert reached([first, then], making()) == [("A", 1, ("own",)), ("B", 2, ("past",))]


def test_both_in_one_run():
    """The one moved out and the other moved in within a month: one run reads both."""
    both = wave(1, ("A", "P"), ("B", "P"), touched={"A"}, looking_back={"A", "B"})
    assert reached([both], making()) == [("A", 1, ("own",)), ("B", 1, ("past",))]


def test_readings_move_whether_or_not_their_bill_can_be_made():
    """A's January lacks a price; B's February, which looks at its readings, has all it needs."""
    first = wave(1, ("A", "P"), touched={"A"})
    then = wave(2, ("B", "P"), looking_back={"B"})
    assert reached([first, then], making(held={("A", 1)}))[1:] == [("B", 2, ("past",))]


def test_what_carries_only_now_is_waited_for():
    """The corrected version has yearly tiers, the old one had none: February waits for January."""
    waves = [wave(month, ("A", "P"), touched={"A"}) for month in (1, 2)]
    january, february = cone(waves, making(held={("A", 1)}, carrying={"A"}))
    assert (january.after, january.waits_for) == (None, "")
    assert (february.after, february.waits_for) == (None, "A/2026-01-01/2026-02-01")
    free = list(cone(waves, making(held={("A", 1)})))
    assert free[1].after["total"] == 9


ENERGY = component("energy", 'channel = "import"\nprice = 1', "e")
CARRIED = [
    component("tiered", 'channel = "import"\nwindow = "year"\n'
              "tiers = [{ upto = 5, price = 1 }, { price = 2 }]"),
    component("demand", "price = 1\nratchet = { percent = 50, months = 2 }"),
    component("demand", "price = 1\nmean_of_months = 2"),
    component("energy", 'channel = "import"\nnetting = "month"\nprice = 1'),
    ENERGY + component("bank", 'of = ["e"]'),
    ENERGY + component("minimum", 'of = ["e"]\namount = 3\nsettle = { on = "04-01" }'),
]  # fmt: skip
NOT_CARRIED = [
    ENERGY,
    component("demand", "price = 1"),
    component("tiered", 'channel = "import"\ntiers = [{ upto = 5, price = 1 }, { price = 2 }]'),
    ENERGY + component("minimum", 'of = ["e"]\namount = 3'),
]


@pytest.mark.parametrize("body", CARRIED + NOT_CARRIED)
def test_a_version_knows_whether_it_carries(body):
    """What it is rated to hand on: more is fed in than drawn, so that a bank has something."""
    made = world(body, kwh={"export": 400})
    bill, _, documents = made.rated()
    assert bill.total is not None
    (version,) = (load(text, name="t") for text in documents.values())
    assert version.carries == bool(bill.carry_out) == (body in CARRIED)
