"""What a bucket hands to step 4: the year before and class profiles, read when they are needed."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from gridtally import bucket
from gridtally.metering.estimate_class import Learner
from gridtally.periods import Period, zone
from gridtally.tables import (
    BLOCKS,
    CARRY,
    METERING_POINTS,
    METERS,
    REGISTER_READINGS,
    REGISTERS,
    SPANS,
    empty,
    table,
)

PERIOD, ZONE = Period(date(2026, 10, 1), date(2026, 11, 1)), "Europe/Lisbon"


def blocks(period, level, point="MP"):
    """Whole local days of hours; a value says its hour [10^-6 kWh]."""
    rows = []
    day = period.start
    while day < period.end:
        start, end = zone(ZONE).bounds(Period(day, day + timedelta(1)))
        hours = [level + (at - start) // 3600 for at in range(start, end, 3600)]
        rows.append({
            "metering_point": point, "channel": "import", "start_utc": start,
            "resolution_s": 3600, "values": hours, "quality": "A", "version": 0, "load_seq": 1,
            "source": "", "line": 1,
        })  # fmt: skip
        day += timedelta(1)
    return table(BLOCKS, rows)


def job(*, now, past=None, year=None, **more):
    """One metering point, billed for October."""
    start, end = zone(ZONE).bounds(PERIOD)
    span = {
        "segment": "S", "span": 0, "agreement": "A", "account": "AC", "metering_point": "MP",
        "zone": ZONE, "from": PERIOD.start, "to": PERIOD.end, "start_utc": start, "end_utc": end,
        "legal_source": "interval",
    }  # fmt: skip
    known = {"kinds": {"MP": "household"}, "usual": {}} | more
    return bucket.Job(
        period=PERIOD, spans=table(SPANS, [span]), blocks=lambda: now,
        past=lambda: empty(BLOCKS) if past is None else past,
        register_readings=lambda: empty(REGISTER_READINGS), meters=empty(METERS),
        registers=empty(REGISTERS), points=table(METERING_POINTS, [{"metering_point": "MP"}]),
        tariffs={}, carry_in=empty(CARRY), year=year or (lambda: empty(BLOCKS)), **known,
    )  # fmt: skip


def estimates(work):
    """ESTIMATES of a job, and its only grid."""
    metered = bucket.meter(work)
    return pa.concat_tables(metered.estimates).to_pylist(), metered.dense[0]


FIRST = blocks(Period(date(2026, 10, 3), date(2026, 10, 4)), 100)
"""One Saturday of the month: the rest is missing."""


def test_the_year_before_reaches_its_rung():
    """Days that are no Saturdays are those of a year before, at today's level."""
    then = blocks(Period(date(2025, 9, 1), date(2025, 12, 1)), 200)
    found, grid = estimates(job(now=FIRST, year=lambda: then))
    assert {row["method"] for row in found} == {"previous_year"}
    assert (grid.quality > 0).all()
    monday = grid.values[0, 4 * 24 : 5 * 24]
    level = sum(range(100, 124)) * 10**6 // sum(range(200, 224))
    assert monday.tolist() == [(200 + hour) * level // 10**6 for hour in range(24)]


def test_the_year_before_is_not_read_for_nothing():
    """Where like days fill the gap its files are not opened."""

    def year():
        raise AssertionError("read for nothing")

    month = blocks(PERIOD, 100)
    rest = month.filter(pa.array([n != 14 for n in range(31)]))
    found, _ = estimates(job(now=rest, year=year))
    assert [row["method"] for row in found] == ["like_days"]


def test_class_profile_with_the_usual_energy():
    """Nothing but the last bills: the segment's profile of the month, and 2.4 kWh a day."""
    learner = Learner()
    some = bucket.meter(job(now=blocks(PERIOD, 0))).dense[0]
    learner.add(some, zone=ZONE, segments=["household"])
    known = {"class_profiles": learner.learned(), "usual": {"MP": 2_400_000}}
    one = FIRST.slice(0, 1).set_column(
        FIRST.schema.get_field_index("values"), FIRST.schema.field("values"),
        pa.array([[None] * 24], pa.list_(pa.int64())),
    )  # fmt: skip
    found, grid = estimates(job(now=one, **known))
    assert {row["method"] for row in found} == {"class_profile"}
    assert [row["count"] for row in found] == [31 * 24 + 1]
    assert 0.9 < int(grid.values.sum()) / (31 * 2_400_000) < 1.1
    assert (np.diff(grid.values[0, :24]) >= 0).all()
