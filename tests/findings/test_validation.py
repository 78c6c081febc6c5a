"""Every finding of checks 21-45 beyond a single grid, on its smallest input: severity, message."""

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "metering"))

from grids import KWH, THURSDAY, grid, wave
from street import OCTOBER, bill, crossed, months, remark, shown, side, span
from test_neighbours import EVENING, MORNING, behind, street
from test_validate_dials import IN, MIDDLE, OUT, demand, moved, rounds
from test_validate_events import told
from test_validate_past import guesses, judged
from test_validate_steps import LISBON, block, versions

from gridtally.metering.validate import validate
from gridtally.tables import FINDINGS, findings_table

DAY = [KWH] * 24


def gridded(row, *, zone="UTC", start=THURSDAY, **columns):
    """Findings of validating one row of hours."""
    columns = {key: pa.array([value], pa.int64()) for key, value in columns.items()}
    return validate(grid([row], points=["P"], start=start), zone=zone, **columns)[1]


def moving(closing, opening, quality="A"):
    """A meter from who moves out to who moves in."""
    return moved(
        shown(OCTOBER[0], 1, segment=OUT["segment"]),
        shown(MIDDLE, closing, segment=OUT["segment"], quality=quality),
        shown(MIDDLE, opening, segment=IN["segment"]),
        shown(OCTOBER[1], 9, segment=IN["segment"]),
    )


LOST = [*wave(4)[:25], None, *wave(4)[26:73]]
CASES = {
    "metering.interval.jump": (
        lambda: gridded([*wave()[:22], 0, 2 * KWH], fuse_ukw=2 * KWH),
        "note",
        "P import: from 0 kWh to 2 kWh at 2026-01-01 23:00: nearly all that the fuse allows, 1 "
        "time.",
    ),
    "metering.interval.clock_change": (
        lambda: gridded(LOST, zone="Europe/Lisbon", start=LISBON),
        "note",
        "P import: the 1 h that the clocks repeat on 2026-10-25 came once: the sender seems to "
        "count 24 hours.",
    ),
    "metering.interval.step": (
        lambda: gridded(wave(3, low=KWH) + [10 * v for v in wave(3, low=KWH)]),
        "warn",
        "P import: from 2026-01-04 on everything is about 10 times what it was, 25.18 kWh a day"
        " and then 251.8 kWh: as if a multiplier had changed.",
    ),
    "metering.block.replaced": (
        lambda: versions(block([100]), block([200], load=2, version=1)),
        "note",
        "P import: 1 block came in versions far apart, most of all the one from "
        "2026-01-01T00:00:00Z on: 0.0001 kWh, and what counts is 0.0002 kWh.",
    ),
    "metering.reactive.alone": (
        lambda: crossed(side("import", [[0] * 24]), side("reactive_import", [DAY])),
        "warn",
        "P: 24 kvarh of reactive energy on 1 day without any active energy.",
    ),
    "metering.reactive.factor": (
        lambda: crossed(
            side("import", [DAY]), side("reactive_import", [[4 * KWH] * 24])
        ),
        "warn",
        "P: 96 kvarh of reactive energy with 24 kWh of active: a power factor below 0.3.",
    ),
    "metering.power.apparent": (
        lambda: crossed(side("import", [[2 * KWH] * 24]), capacity=KWH),
        "warn",
        "P: on 1 day more than the 1 kVA that are connected can carry, at most 48 kWh and 0 "
        "kvarh in a day.",
    ),
    "metering.export.night": (
        lambda: crossed(side("export", [DAY]), features="pv"),
        "warn",
        "P: 4 kWh of 24 kWh were fed in between midnight and four, and solar panels are all "
        "that is known to generate.",
    ),
    "metering.export.generation": (
        lambda: crossed(side("export", [DAY]), features="pv", capacity=KWH),
        "warn",
        "P: on 1 day more was fed in than panels on this connection can give, at most 24 kWh "
        "where 14 kWh is the bound.",
    ),
    "metering.event.tamper": (
        lambda: told(remark("event.tamper")),
        "warn",
        "P: the meter reported tampering at 2026-01-01 00:00.",
    ),
    "metering.event.cover_open": (
        lambda: told(remark("event.cover_open"), remark("event.cover_open", at=THURSDAY + 60)),
        "warn",
        "P: the meter's cover was opened 2 times, first at 2026-01-01 00:00.",
    ),
    "metering.event.power_loss": (
        lambda: told(remark("event.power_loss")),
        "note",
        "P: the meter was without power at 2026-01-01 00:00.",
    ),
    "metering.event.reverse": (
        lambda: told(remark("event.reverse")),
        "warn",
        "P: the meter reported energy in the reverse direction at 2026-01-01 00:00.",
    ),
    "metering.event.phase_loss": (
        lambda: told(remark("event.phase_loss")),
        "warn",
        "P: the meter reported a lost phase at 2026-01-01 00:00.",
    ),
    "metering.event.clock_set": (
        lambda: told(remark("event.clock_set")),
        "note",
        "P: the meter's clock was set at 2026-01-01 00:00.",
    ),
    "metering.event.overflow": (
        lambda: told(remark("event.overflow")),
        "warn",
        "P: the meter's pulse counter overflowed at 2026-01-01 00:00: energy may be lacking.",
    ),
    "metering.event.test_mode": (
        lambda: told(remark("event.test_mode")),
        "warn",
        "P: the meter was in test mode at 2026-01-01 00:00.",
    ),
    "metering.event.clock_drift": (
        lambda: told(remark("event.clock_drift", "-400"), hours=True),
        "hold",
        "P: the meter's clock was 400 seconds off at 2026-01-01 00:00; the hour decides the "
        "price here.",
    ),
    "metering.event.still": (
        lambda: told(remark("event.clock_set"), remark("event.tamper"), still=True),
        "warn",
        "P: all intervals are zero, but the meter has power and reports: clock_set, tamper.",
    ),
    "metering.demand.zero": (
        lambda: demand(0, 500),
        "warn",
        "P: the demand dial shows nothing, though 500 kWh were used.",
    ),
    "metering.demand.alone": (
        lambda: demand(5, 0),
        "warn",
        "P: the demand dial shows 5 kW, though no energy was used.",
    ),
    "metering.demand.factor": (
        lambda: demand(1, 1488),
        "warn",
        "P: the demand dial shows 1 kW, less than the average power of 2 kW: a load factor "
        "above one cannot be.",
    ),
    "metering.demand.capacity": (
        lambda: demand(10, 744, capacity=9 * KWH),
        "warn",
        "P: the demand dial shows 10 kW, connected are 9 kVA.",
    ),
    "metering.demand.kept": (
        lambda: demand(
            50, 5000, now=[shown(OCTOBER[1], 50, kind="demand")],
            before=[shown(OCTOBER[0], 50, kind="demand", segment="old")],
        ),
        "note",
        "P: the demand dial of meter M shows 50 again, to the last digit: as if it had not been"
        " reset.",
    ),
    "metering.demand.slip": (
        lambda: demand(
            50, 5000, now=[shown(OCTOBER[1], 50, kind="demand")],
            before=[shown(OCTOBER[0], 5, kind="demand", segment="old")],
        ),
        "note",
        "P: the demand dial of meter M shows 50, last time 5: about ten times it, as if a "
        "decimal had slipped.",
    ),
    "metering.move.estimated": (
        lambda: moving(5, 5, "E"),
        "warn",
        "P: when the customer moved out, meter M T was not read: the reading of 2026-10-12 is "
        "an estimate.",
    ),
    "metering.move.opening": (
        lambda: moving(5, 6),
        "warn",
        "P: meter M T opens at 6, but closed at 5 for the customer before, on the same day.",
    ),
    "metering.cycle.window": (
        lambda: rounds(date(2026, 10, 20)),
        "note",
        "P: meter M T was read on 2026-10-20, outside the window of cycle C around 2026-11-01.",
    ),
    "metering.cycle.length": (
        lambda: rounds(
            date(2026, 11, 20), bill=span(last=date(2026, 11, 20), agreement="A-P")
        ),
        "note",
        "P: the period has 50 days, its cycle C has 31 days.",
    ),
    "metering.usage.high": (
        lambda: judged(21 * KWH, *months(3, 10 * KWH)),
        "note",
        "P: 21 kWh a day, after 10 kWh a day in the last bills.",
    ),
    "metering.usage.low": (
        lambda: judged(4 * KWH, *months(3, 10 * KWH)),
        "note",
        "P: only 4 kWh a day, after 10 kWh a day in the last bills.",
    ),
    "metering.usage.year": (
        lambda: judged(
            16 * KWH, bill(date(2025, 10, 1), date(2025, 11, 1), 310 * KWH)
        ),
        "note",
        "P: 16 kWh a day, in the same period last year 10 kWh a day.",
    ),
    "metering.usage.highest": (
        lambda: judged(30 * KWH, *months(5, 10 * KWH)),
        "warn",
        "P: 30 kWh a day, more than in any of 5 bills; all but one of them had at most 10 kWh a"
        " day.",
    ),
    "metering.usage.same": (
        lambda: judged(10 * KWH, *months(2, 10 * KWH)),
        "warn",
        "P: the same 10 kWh a day in 3 bills in a row: as if estimated, but marked as read.",
    ),
    "metering.usage.zero": (
        lambda: judged(0, *months(1, 0)),
        "note",
        "P: no energy in 2 bills in a row.",
    ),
    "metering.usage.estimated": (
        lambda: judged(9 * KWH, *guesses(12), estimated_ukwh=6 * KWH * 31),
        "hold",
        "P: mostly estimated for 13 bills in a row, 396 days.",
    ),
    "metering.profile.shifted": (
        lambda: street([np.roll(EVENING, 12)], [EVENING]),
        "warn",
        "P0 import: the day fits the one of the period before when moved by 12 hours: as if the"
        " clock were off.",
    ),
    "metering.profile.swapped": (
        lambda: street([MORNING, EVENING], [EVENING, MORNING]),
        "warn",
        "P1 import: the week looks like that of P0 before, and the other way round: 16 kWh a "
        "day, 13.4 kWh before, 16 kWh there.",
    ),
    "metering.profile.factor": (
        lambda: street([EVENING * 2], [EVENING]),
        "warn",
        "P0 import: every hour of the week is about 2 times what it was before, 32 kWh a day "
        "after 16 kWh: as if a multiplier had changed.",
    ),
    "metering.source.shifted": (
        lambda: street([np.roll(EVENING, 1)] * 10, [EVENING] * 10),
        "hold",
        "P9 import: all readings of R fit their own past when moved by 1 h: they come later "
        "than they did, as if stamps now named the end of an interval.",
    ),
    "metering.balance.parent": (
        lambda: behind(90, 60, 40),
        "warn",
        "P: 90 kWh are 10 kWh less than the 2 metering points behind it (C0, C1) took together.",
    ),
    "metering.balance.remainder": (
        lambda: behind(90, 60, 40, relation="subtract"),
        "hold",
        "P: less the 2 metering points behind it (C0, C1) there remain -10 kWh: what is billed "
        "here would be below zero.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_the_finding(code):
    """The smallest input gives the finding with its severity, message, remedy and place."""
    make, severity, message = CASES[code]
    found = make()
    rows = found.to_pylist() if isinstance(found, pa.Table) else found
    rows = findings_table(rows).to_pylist()
    by_code = {row["code"]: row for row in rows}
    assert code in by_code, f"only {sorted(by_code)}"
    row = by_code[code]
    assert (row["severity"], row["message"]) == (severity, message)
    assert row["metering_point"].startswith("P")
    assert row["remedy"].endswith(".")
    assert row["start_utc"] is None or row["start_utc"] < row["end_utc"]
    assert isinstance(json.loads(row["evidence"]), dict)
    assert set(row) == set(FINDINGS.names)
