"""The smallest segment for each finding of steps 5 and 6: code, hold, message, remedy."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "rating"))

from rating_world import NO_CARRY, World, header

from gridtally.metering.blocks import ACTUAL, MISSING
from gridtally.periods import Period
from gridtally.periods import zone as zone_of
from gridtally.tables import CARRY, table

DAY = Period(date(2026, 1, 1), date(2026, 1, 2))
ENERGY = '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\nprice = 0.1\n'
LOST = (
    '[losses.iron]\nadds_to = "import"\nload = 1\ncapacity = 100\n' + ENERGY
    + 'losses = ["iron"]\n'
)  # fmt: skip
HALF_PAST = (
    '[[calendars.c.rules]]\nbucket = "a"\nhours = ["00:00-10:30"]\n'
    '[[calendars.c.rules]]\notherwise = "b"\n'
    '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
    "prices = { a = 1, b = 2 }\n"
)
YEARLY = (
    '[[components]]\nid = "e"\nshape = "tiered"\nchannel = "import"\nwindow = "year"\n'
    "tiers = [{ price = 1 }]\n"
)
FACTOR = (
    '[[components]]\nid = "pf"\nshape = "power_factor"\nof = ["e"]\n'
    'rows = { "1.00" = -1, "0.99" = 0 }\n'
)
CONTRACT = (
    '[[components]]\nid = "d"\nshape = "demand"\nprice = 1\nbasis = "contract"\n'
    'excess_over = 105\nexcess_factor = 2\nexcess_reading = "above_contract"\n'
)
HOLIDAYS = (
    '[holidays]\nsource = "x"\nyears = [2026]\ndates = [2026-01-01]\n'
    '[[calendars.c.rules]]\nbucket = "h"\ndays = ["holiday"]\n'
    '[[calendars.c.rules]]\notherwise = "b"\n'
    '[[components]]\nid = "e"\nshape = "energy"\nchannel = "import"\ncalendar = "c"\n'
    "prices = { h = 1, b = 2 }\n"
)
OPEN = {"valid_to": "2099-01-01"}


def fixed(per):
    return f'[[components]]\nid = "f"\nshape = "fixed"\nper = "{per}"\nprice = 1\n'


def demand(rest):
    return f'[[components]]\nid = "d"\nshape = "demand"\nprice = 1\n{rest}\n'


def one(body, *, kwh=None, period=DAY, missing=(), carry=(), documents=None, zone="UTC"):
    start, end = zone_of(zone).bounds(period)
    count = (end - start) // 3600
    channels = {"import": np.full(count, 1_000_000)} if kwh is None else {}
    channels |= {name: np.full(count, value) for name, value in (kwh or {}).items()}
    quality = np.full(count, ACTUAL, np.uint8)
    quality[list(missing)] = MISSING
    rows = [{"agreement": "A", "segment": "x", "key": k, "at": a, "value": 1} for k, a in carry]
    world = World(
        documents or [header(zone) + body], period, zone, 3600, channels, {},
        table(CARRY, rows) if rows else NO_CARRY, {"import": quality},
    )  # fmt: skip
    return world.rated()[0]


CASES = {
    "metering.determinant.incomplete": (
        lambda: one(ENERGY, missing=[4]),
        "The import energy cannot be summed: 1 reading is missing, from 2026-01-01T04:00:00Z on.",
        "Complete the readings, or let the run estimate them.",
    ),
    "metering.determinant.overflow": (
        lambda: one(ENERGY, kwh={"import": 2**60}),
        "The readings are too large to be energy: their sum would not be exact.",
        "Correct the readings or their unit.",
    ),
    "metering.demand.window": (
        lambda: one(demand("window_min = 30")),
        "Demand is billed over 30 minutes, but the readings are for 60 minutes each.",
        "Deliver finer readings, or correct the hours of the tariff.",
    ),
    "rating.calendar.finer": (
        lambda: one(HALF_PAST),
        "The hours of c change inside the 60 minutes from 2026-01-01T10:00:00Z on, which are "
        "billed as one.",
        "Deliver finer readings, or correct the hours of the tariff.",
    ),
    "rating.quantity.missing": (
        lambda: one(LOST),
        "The loss iron needs reactive energy, and there is none.",
        "Deliver the reactive readings, or say `reactive = false` in the tariff.",
    ),
    "rating.quantity.negative": (
        lambda: one(ENERGY, kwh={"import": -1}),
        "The import energy is below zero.",
        "Correct the readings; energy given back belongs on the export channel.",
    ),
    "rating.contract.missing": (
        lambda: one(CONTRACT),
        "d bills the contracted demand, and the agreement states none.",
        "Add the contracted demand to the agreement.",
    ),
    "rating.capacity.missing": (
        lambda: one(fixed("kva_month")),
        "f bills the connected capacity, and the agreement states none.",
        "Add the connected capacity to the agreement.",
    ),
    "rating.power_factor.price": (
        lambda: one(ENERGY + FACTOR, kwh={"import": 1_000_000, "reactive_import": 1_000_000}),
        "There is no power factor, or pf has no row for it.",
        "Check the active and reactive readings, or complete the table of the tariff.",
    ),
    "rating.carry.twice": (
        lambda: one(YEARLY, carry=[("tier/e", date(2026, 1, 1)), ("tier/e", date(2025, 1, 1))]),
        "The predecessor hands on two values of one carry.",
        "Keep the one of the last issued segment.",
    ),
    "rating.currency.mixed": (
        lambda: one("", period=Period(date(2026, 1, 1), date(2026, 1, 3)), documents=[
            header("UTC", valid_to="2026-01-02") + ENERGY,
            header("UTC", valid_from="2026-01-02", currency='"USD"') + ENERGY,
        ]),
        "The tariff versions of this period are in different currencies.",
        "Bill the periods apart, or correct the tariff of the agreement.",
    ),
    "rating.holidays.missing": (
        lambda: one("", period=Period(date(2027, 1, 1), date(2027, 1, 2)), documents=[
            header("UTC").replace("valid_to = 2027-01-01\n", "") + HOLIDAYS,
        ]),
        "The tariff t prices holidays apart, and does not list those of 2027.",
        "Add the holidays of that year in a new version of the tariff.",
    ),
    "rating.price.missing": (
        lambda: one(ENERGY, period=Period(date(2025, 12, 31), date(2026, 1, 1))),
        "There is no tariff for 2025-12-31 to 2026-01-01.",
        "Add the tariff version; a missing price is never read as zero.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_the_smallest_case(code):
    """The segment has no lines and no total; the finding says why and what to do."""
    make, message, remedy = CASES[code]
    bill = make()
    assert bill.lines == []
    assert bill.total is None
    found = {finding["code"]: finding for finding in bill.findings}
    assert code in found, list(found)
    assert found[code]["must_hold"]
    assert found[code]["severity"] == "hold"
    assert found[code]["segment"].startswith("A/")
    assert (found[code]["message"], found[code]["remedy"]) == (message, remedy)
