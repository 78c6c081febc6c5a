"""A bucket's job runs every check that needs no neighbours, with the thresholds of its segments."""

from datetime import date
from types import SimpleNamespace

from grids import KWH, THURSDAY
from street import place, places, remark, remarks, span, spans

from gridtally import bucket
from gridtally.metering.thresholds import Thresholds
from gridtally.periods import Period
from gridtally.tables import BLOCKS, CARRY, METERS, REGISTER_READINGS, REGISTERS, table

DAYS = (date(2026, 1, 1), date(2026, 1, 3))


def block(channel, values, **more):
    return {"metering_point": "P", "channel": channel, "start_utc": THURSDAY,
            "resolution_s": 3600, "values": values, "quality": "A", "version": 0, "load_seq": 1,
            "source": "f", "line": 1} | more  # fmt: skip


def metered(*blocks, said=(), thresholds=None, calendar="tou", features=""):
    """Codes of the findings of a bucket with one point, two days."""
    tariff = SimpleNamespace(wanted=[SimpleNamespace(calendar=calendar)])
    job = bucket.Job(
        period=Period(*DAYS), spans=spans(span(first=DAYS[0], last=DAYS[1], tariff="t")),
        blocks=lambda: table(BLOCKS, blocks), past=BLOCKS.empty_table,
        register_readings=REGISTER_READINGS.empty_table, meters=METERS.empty_table(),
        registers=REGISTERS.empty_table(), points=places(place(features=features)),
        kinds={"P": "shop"}, usual={}, tariffs={"t": tariff}, carry_in=CARRY.empty_table(),
        remarks=lambda: remarks(*said), thresholds=thresholds or Thresholds(),
    )  # fmt: skip
    found = [row for part in bucket.meter(job).findings for row in part.to_pylist()]
    return {row["code"]: row for row in found}


def test_every_kind_of_check():
    """Grids, channels against each other, versions and events."""
    found = metered(
        block("import", [0] * 48),
        block("export", [KWH] * 48),
        block("export", [2 * KWH] * 48, load_seq=2, version=1),
        said=[remark("event.clock_drift", "400")],
        features="pv",
    )
    assert {
        "metering.interval.flat",
        "metering.export.night",
        "metering.block.replaced",
        "metering.event.clock_drift",
        "metering.event.still",
    } <= found.keys()
    assert found["metering.event.clock_drift"]["must_hold"]


def test_a_clock_under_one_price():
    """Without prices by the hour a clock that is off holds nothing."""
    said = [remark("event.clock_drift", "400")]
    found = metered(block("import", [KWH] * 48), said=said, calendar="")
    assert not found["metering.event.clock_drift"]["must_hold"]


def test_thresholds_of_the_segment():
    """A shop's own limits hold for a shop's point."""
    mine = Thresholds().changed("shop", {"flat_s": 100 * 3600, "drift_s": 500})
    said = [remark("event.clock_drift", "400")]
    assert not metered(block("import", [KWH] * 48), said=said, thresholds=mine).keys() & {
        "metering.interval.flat", "metering.event.clock_drift",
    }  # fmt: skip
    assert "metering.interval.flat" in metered(block("import", [KWH] * 48))


def test_what_was_estimated_is_not_judged():
    """A day without readings is filled after the checks of channels, and is not one of nothing."""
    active = [KWH] * 24 + [None] * 24
    found = metered(block("import", active), block("reactive_import", [KWH] * 48))
    assert "metering.reactive.alone" not in found
