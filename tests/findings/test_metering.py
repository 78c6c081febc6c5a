"""Every finding of steps 3 to 5 on the smallest input that gives it: severity and message."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from gridtally.metering.blocks import dense
from gridtally.metering.estimate import estimate
from gridtally.metering.registers import check_sums
from gridtally.metering.validate import validate
from gridtally.tables import BLOCKS, FINDINGS, table

sys.path.insert(0, str(Path(__file__).parents[1] / "metering"))

from grids import KWH, THURSDAY, grid, wave
from test_registers import dial, meter, read, run, spans, utc


def laid(*blocks):
    """Findings of laying blocks on four quarter-hours."""
    rows = []
    for number, block in enumerate(blocks, start=1):
        row = {
            "metering_point": "P", "channel": "import", "start_utc": THURSDAY,
            "resolution_s": 900, "values": [1], "quality": "A", "version": 0, "load_seq": number,
            "source": "f", "line": 1,
        }  # fmt: skip
        rows.append(row | block)
    where = {"start_utc": THURSDAY, "end_utc": THURSDAY + 3600, "resolution_s": 900}
    return dense(table(BLOCKS, rows), points=["P"], channel="import", **where)[1]


def judged(row, **options):
    """Findings of validating one row of hours."""
    columns = {key: pa.array([value], pa.int64()) for key, value in options.items()}
    return validate(grid([row], points=["P"]), zone="UTC", **columns)[1]


def filled(row, total=None):
    """Findings of estimating one row of hours."""
    totals = None if total is None else pa.array([total], pa.int64())
    return estimate(grid([row], points=["P"]), zone="UTC", totals=totals)[2]


def dials(*readings, **master):
    """Findings of the registers of October."""
    return run(readings, **master).findings


def summed(closing):
    """Findings of an hourly kWh against a dial."""
    cut = spans(legal="interval")
    found = run([read("2026-10-01", 0), read("2026-11-01", closing)], cut=cut)
    every = grid([[KWH] * 745], start=utc("2026-10-01T00:00"), points=["P"])
    return check_sums(every, found.advances, spans=cut, used=found.used)


OPEN, CLOSE = read("2026-10-01", 5), read("2026-11-01", 9)
CASES = {
    "metering.block.malformed": (
        lambda: laid({"values": [1, 2, 3], "quality": "AE"}),
        "hold",
        "P import: quality letters that do not fit; left out: 3 readings from "
        "2026-01-01T00:00:00Z on.",
    ),
    "metering.block.resolution": (
        lambda: laid({"resolution_s": 1800}),
        "hold",
        "P import: readings of 30 min among those of 15 min; left out: 1 reading from "
        "2026-01-01T00:00:00Z on.",
    ),
    "metering.block.offgrid": (
        lambda: laid({"start_utc": THURSDAY + 420}),
        "hold",
        "P import: readings that do not begin on the 15 min grid; left out: 1 reading from "
        "2026-01-01T00:07:00Z on.",
    ),
    "metering.block.conflict": (
        lambda: laid({"values": [1]}, {"values": [2]}),
        "warn",
        "P import: delivered with different values, and nothing says which is newer: 1 interval "
        "from 2026-01-01T00:00:00Z on; the later delivery counts.",
    ),
    "metering.interval.missing": (
        lambda: judged([*wave()[:23], None]),
        "note",
        "P import: missing: 1 of 24 intervals, a gap of 1 h from 2026-01-01 23:00 on.",
    ),
    "metering.interval.negative": (
        lambda: judged([*wave()[:23], -1]),
        "hold",
        "P import: below zero: 1 interval, the lowest -0.000001 kWh.",
    ),
    "metering.interval.limit": (
        lambda: judged([*wave()[:23], 3 * KWH], fuse_ukw=2 * KWH),
        "hold",
        "P import: above the 2 kWh that the fuse allows: 1 interval, the highest 3 kWh at "
        "2026-01-01 23:00.",
    ),
    "metering.interval.spike": (
        lambda: judged([*wave()[:23], 6 * KWH]),
        "warn",
        "P import: 6 kWh at 2026-01-01 23:00 stands out: the third highest interval of that day "
        "is 0.3 kWh.",
    ),
    "metering.interval.flat": (
        lambda: judged([500_000] * 24),
        "warn",
        "P import: the same 0.5 kWh in 24 intervals from 2026-01-01 00:00 on.",
    ),
    "metering.interval.unit": (
        lambda: judged([value * 1000 for value in wave()], past=6 * KWH),
        "hold",
        "P import: about 1000 times the usual 6 kWh a day: 1 day, 2026-01-01 with 5970 kWh.",
    ),
    "metering.interval.zero": (
        lambda: judged([0] * 24, totals=5 * KWH),
        "hold",
        "P import: all intervals are zero, but the register advanced by 5 kWh.",
    ),
    "metering.estimate.made": (
        lambda: filled([KWH, None, 2 * KWH]),
        "note",
        "P import: 1 interval estimated, 1.5 kWh (linear).",
    ),
    "metering.estimate.impossible": (
        lambda: filled([KWH, None]),
        "hold",
        "P import: no estimate for 1 interval (1 h) from 2026-01-01 01:00 on: no reading at that "
        "time on any day.",
    ),
    "metering.estimate.total": (
        lambda: filled([4 * KWH, None, 4 * KWH], 5 * KWH),
        "hold",
        "P import: the readings that are there give 8 kWh, the register 5 kWh for all; the gaps "
        "were filled with zero.",
    ),
    "metering.estimate.share": (
        lambda: filled([KWH, None, None], 5 * KWH),
        "hold",
        "P import: 2 of 3 intervals are estimated, more than 50 %.",
    ),
    "metering.register.missing": (
        lambda: dials(OPEN),
        "hold",
        "P meter M T: no reading within a day of 2026-11-01, where the period ends.",
    ),
    "metering.register.exchange": (
        lambda: dials(
            OPEN, CLOSE, meters=[meter(until="2026-10-09")], registers=[dial()]
        ),
        "hold",
        "P meter M T: the meter left in the period, but has no reading exchange_out.",
    ),
    "metering.register.backward": (
        lambda: dials(read("2026-10-01", 9), read("2026-11-01", 5)),
        "hold",
        "P meter M T: from 9 at 2026-10-01 00:00 to 5 at 2026-11-01 00:00: the dial went backward, "
        "by 4; turned over it would have advanced by 99996 kWh, which is not plausible.",
    ),
    "metering.register.rollover": (
        lambda: dials(read("2026-10-01", 99_998), read("2026-11-01", 3)),
        "note",
        "P meter M T: from 99998 to 3: the dial turned over, 5 kWh before multiplier; as a misread "
        "it would have gone back by 99995.",
    ),
    "metering.register.digits": (
        lambda: dials(OPEN, read("2026-11-01", 123_456)),
        "hold",
        "P meter M T: the reading 123456 at 2026-11-01 00:00 does not fit on 5 digits.",
    ),
    "metering.register.unknown": (
        lambda: dials(OPEN | {"multiplier": None}, CLOSE | {"multiplier": None}),
        "hold",
        "P meter M T: not known: multiplier.",
    ),
    "metering.register.differs": (
        lambda: dials(OPEN, CLOSE, registers=[dial(multiplier=80 * KWH)]),
        "hold",
        "P meter M T: readings and master data say different things about multiplier.",
    ),
    "metering.register.sum": (
        lambda: summed(800),
        "hold",
        "P import: the intervals add up to 745 kWh, the registers advanced by 800 kWh; they may "
        "differ by 4 kWh.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_the_finding(code):
    """The smallest input gives the finding with its severity, message, remedy and place."""
    make, severity, message = CASES[code]
    rows = {row["code"]: row for row in make().to_pylist()}
    assert code in rows, f"only {sorted(rows)}"
    row = rows[code]
    assert (row["severity"], row["message"]) == (severity, message)
    assert row["metering_point"] == "P"
    assert row["remedy"].endswith(".")
    assert row["start_utc"] < row["end_utc"]
    assert isinstance(json.loads(row["evidence"]), dict)
    assert set(row) == set(FINDINGS.names)


OTHERS = {
    "no dial at all": (
        dials,
        "P: no register of a meter in service is known.",
    ),
    "a strange meter": (
        lambda: dials(OPEN, CLOSE, meters=[meter("X")], registers=[dial("X")]),
        "P: readings of meter M, which is not known there.",
    ),
    "twice at an instant": (
        lambda: dials(OPEN, CLOSE, CLOSE | {"reading": 8 * KWH, "load_seq": 2}),
        "P meter M T: two readings at 2026-11-01 00:00: 8 and 9.",
    ),
    "half an exchange": (
        lambda: dials(OPEN, read("2026-10-09T10:00", 7, reason="exchange_out")),
        "P meter M T: of import total, 1 meter left with exchange_out and 0 meters came with "
        "exchange_in.",
    ),
    "a new meter without its first reading": (
        lambda: dials(OPEN, CLOSE, meters=[meter(since="2026-10-09")], registers=[dial()]),
        "P meter M T: the meter came in the period, but has no reading exchange_in.",
    ),
    "several dials of one meter": (
        lambda: dials(meters=[meter()], registers=[dial(), dial(register="U")]),
        "P meter M T, U: no reading within a day of 2026-10-01, where the period begins.",
    ),
    "all missing": (
        lambda: judged([None, None]),
        "P import: missing: all 2 intervals.",
    ),
    "a small unit": (
        lambda: judged([value // 1000 for value in wave()], past=6 * KWH),
        "P import: about 1/1000 of the usual 6 kWh a day: 1 day, 2026-01-01 with 0.00597 kWh.",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_words_for_it(case):
    """Other causes of the same codes have messages of their own."""
    make, message = OTHERS[case]
    assert message in make()["message"].to_pylist()
