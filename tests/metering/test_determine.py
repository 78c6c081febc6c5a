"""Step 5 on small matrices: sums and demands by hand, gaps, estimates, clock changes, registers."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from gridtally.metering.blocks import ACTUAL, ESTIMATED, MISSING, Dense
from gridtally.metering.determine import determine
from gridtally.periods import Period, zone
from gridtally.tables import ADVANCES, SPANS, empty, table
from gridtally.terms import Wanted

DAY = Period(date(2026, 1, 1), date(2026, 1, 2))


def by_hour(buckets_of_day, *, changes=False):
    """Labels that repeat every day of UTC; -2 where readings of more than an hour mix buckets."""

    def labels(start, end, resolution):
        hours = np.arange(start, end, 3600) // 3600 % 24
        fine = np.array(buckets_of_day, np.int16)[hours]
        parts = fine.reshape(-1, max(1, resolution // 3600))
        result = parts[:, 0].copy()
        result[(parts != parts[:, :1]).any(axis=1)] = -2
        return np.repeat(result, max(1, 3600 // resolution))

    return labels


ALWAYS = by_hour([0] * 24)
HALVES = by_hour([0] * 12 + [1] * 12)


def want(
    kind="energy",
    channel="import",
    calendar="",
    labels=ALWAYS,
    window_s=None,
    months=(),
    optional=False,
):
    buckets = ("am", "pm") if calendar else ("",)
    return Wanted(kind, channel, calendar, buckets, months, window_s, optional, labels)


def span(number=0, period=DAY, **keys):
    start, end = zone(keys.get("zone", "UTC")).bounds(period)
    return {
        "segment": "A/s", "span": number, "agreement": "A", "account": "C", "metering_point": "MP",
        "zone": "UTC", "from": period.start, "to": period.end, "start_utc": start, "end_utc": end,
        "legal_source": "interval", "tariff": "t",
    } | keys  # fmt: skip


def grid(values, *, quality=None, channel="import", step=3600, points=("MP",), start=None):
    values = np.atleast_2d(np.array(values, np.int64))
    quality = np.full(values.shape, ACTUAL, np.uint8) if quality is None else np.atleast_2d(quality)
    first = zone("UTC").midnight(DAY.start) if start is None else start
    return Dense(points, channel, first, step, values, quality)


def found(spans, grids, *wanted, advances=None):
    made, findings = determine(
        table(SPANS, spans), dense=grids, advances=advances or empty(ADVANCES), wanted={"t": wanted}
    )
    named = {
        (row["segment"], row["span"], row["name"]): (row["value"], row["estimated"], row["unit"])
        for row in made.to_pylist()
    }
    return named, findings.to_pylist()


def of_one(grids, *wanted, **options):
    named, findings = found([span()], grids, *wanted, **options)
    return {name: value for (_, _, name), value in named.items()}, findings


HOURS = np.arange(1, 25) * 1_000_000


def test_sums_by_bucket_and_what_the_bill_states():
    """1 to 24 kWh: 78 before noon, 222 after, 300 in all; the total is there unasked."""
    made, findings = of_one([grid(HOURS)], want(calendar="tou", labels=HALVES))
    assert made == {
        "energy/import/all/all": (300_000_000, 0, "kWh"),
        "energy/import/tou/am": (78_000_000, 0, "kWh"),
        "energy/import/tou/pm": (222_000_000, 0, "kWh"),
    }
    assert not findings


def test_the_largest_demand_by_bucket_and_window():
    """Power is energy per hour; a window of two hours is the mean of both."""
    made, _ = of_one(
        [grid(HOURS)],
        want("demand", calendar="tou", labels=HALVES),
        want("demand", window_s=7200),
    )
    assert made["demand/import/tou/am"] == (12_000_000, 0, "kW")
    assert made["demand/import/tou/pm"] == (24_000_000, 0, "kW")
    assert made["demand-120/import/all/all"] == (23_500_000, 0, "kW")


def test_power_of_short_and_of_odd_intervals():
    """A quarter of an hour counts four times; a power that is not whole is rounded half even."""
    quarters = grid(np.r_[[250_001], np.zeros(95)], step=900)
    assert of_one([quarters], want("demand"))[0]["demand/import/all/all"][0] == 1_000_004
    thirds = grid(np.r_[[5, 0, 0], np.zeros(9)], step=7200)
    assert of_one([thirds], want("demand"))[0]["demand/import/all/all"][0] == 2


def test_a_bucket_without_an_interval_is_zero():
    """The bucket is there, its energy and its demand are none."""
    never = by_hour([0] * 24)
    made, _ = of_one(
        [grid(HOURS)],
        want(calendar="tou", labels=never),
        want("demand", calendar="tou", labels=never),
    )
    assert made["energy/import/tou/pm"][0] == 0
    assert made["demand/import/tou/pm"][0] == 0


def test_a_gap_gives_no_determinant_and_holds():
    """One missing reading: no sum, no demand, a finding with the first gap and the count."""
    quality = np.full(24, ACTUAL, np.uint8)
    quality[[5, 7]] = MISSING
    made, findings = of_one([grid(HOURS, quality=quality)], want(), want("demand"))
    assert made == {}
    (finding,) = findings
    assert finding["code"] == "metering.determinant.incomplete"
    assert finding["must_hold"]
    assert finding["count"] == 2
    assert finding["start_utc"] == zone("UTC").midnight(DAY.start) + 5 * 3600
    assert finding["message"] == (
        "The import energy cannot be summed: 2 readings are missing, from 2026-01-01T05:00:00Z on."
    )


def test_a_channel_that_is_needed_and_one_that_is_not():
    """Export is stated where there is any; a component that bills it needs it."""
    assert of_one([grid(HOURS)], want(channel="export", optional=True))[1] == []
    findings = of_one([grid(HOURS)], want(channel="export"))[1]
    assert [f["code"] for f in findings] == ["metering.determinant.incomplete"]
    nothing = grid(np.zeros(24), quality=np.full(24, MISSING, np.uint8), channel="export")
    assert of_one([grid(HOURS), nothing], want())[1] == []


def test_the_estimated_part():
    """Of 300 kWh the 24 of the last hour are estimated; so is the demand that they set."""
    quality = np.full(24, ACTUAL, np.uint8)
    quality[23] = ESTIMATED
    made, _ = of_one(
        [grid(HOURS, quality=quality)],
        want(), want("demand"), want("demand", window_s=7200),
        want("demand", calendar="tou", labels=HALVES),
    )  # fmt: skip
    assert made["energy/import/all/all"] == (300_000_000, 24_000_000, "kWh")
    assert made["demand/import/all/all"] == (24_000_000, 24_000_000, "kW")
    assert made["demand-120/import/all/all"] == (23_500_000, 23_500_000, "kW")
    assert made["demand/import/tou/am"] == (12_000_000, 0, "kW")


def test_an_estimate_below_the_peak_leaves_it_measured():
    """A demand is estimated only when no measured window is as large."""
    quality = np.full(24, ACTUAL, np.uint8)
    quality[3] = ESTIMATED
    made, _ = of_one([grid(HOURS, quality=quality)], want("demand"))
    assert made["demand/import/all/all"] == (24_000_000, 0, "kW")


@pytest.mark.parametrize(
    ("day", "sum_kwh", "window_kw"),
    [(date(2026, 3, 29), 23, 8), (date(2026, 10, 25), 25, 8), (date(2026, 3, 28), 24, 8)],
)
def test_days_of_23_and_25_hours(day, sum_kwh, window_kw):
    """Every interval once; windows of 4 hours from local midnight, the last one shorter or not."""
    period = Period(day, date.fromordinal(day.toordinal() + 1))
    start, end = zone("Europe/Lisbon").bounds(period)
    count = (end - start) // 3600
    values = np.full(count, 1_000_000)
    values[-1] = 8_000_000 if count == 25 else 1_000_000
    if count != 25:
        values[0:4] = 8_000_000
        sum_kwh += 28
    else:
        sum_kwh += 7
    one = span(period=period, zone="Europe/Lisbon")
    named, _ = found([one], [grid(values, start=start)], want(), want("demand", window_s=4 * 3600))
    made = {name: value[0] for (_, _, name), value in named.items()}
    assert made["energy/import/all/all"] == sum_kwh * 1_000_000
    assert made["demand-240/import/all/all"] == window_kw * 1_000_000


def test_spans_of_one_segment_share_the_grid():
    """Two spans within a longer matrix, neither at its start."""
    first = zone("UTC").midnight(date(2025, 12, 31))
    values = np.arange(4 * 24) * 1000
    second = Period(date(2026, 1, 2), date(2026, 1, 3))
    named, findings = found([span(), span(1, second)], [grid(values, start=first)], want())
    assert not findings
    assert [value[0] for value in named.values()] == [values[24:48].sum(), values[48:72].sum()]


def test_many_points_in_any_order():
    """Rows are found by name, blocks of rows do not mix them up, and output follows the spans."""
    rng = np.random.default_rng(7)
    points = tuple(f"P{i:03}" for i in range(300))
    values = rng.integers(0, 10**6, (300, 24))
    order = rng.permutation(300)
    spans = [
        span(metering_point=points[i], segment=f"S{i}", agreement=f"A{i}") for i in order.tolist()
    ]
    named, _ = found(spans, [grid(values, points=points)], want("demand"))
    for i in range(300):
        assert named[f"S{i}", 0, "energy/import/all/all"][0] == values[i].sum()
        assert named[f"S{i}", 0, "demand/import/all/all"][0] == values[i].max()
    assert [key[0] for key in named][::2] == [f"S{i}" for i in order]


def test_readings_that_do_not_fit_the_grid_of_the_tariff():
    """A bucket that changes inside a reading, or inside a window, holds; so does a finer window."""
    odd = by_hour([0] * 11 + [1] * 13)
    two_hours = grid(np.ones(12), step=7200)
    for wanted, code in (
        (want(calendar="tou", labels=odd), "rating.calendar.finer"),
        (want("demand", window_s=3600), "metering.demand.window"),
    ):
        made, findings = of_one([two_hours], wanted)
        assert [f["code"] for f in findings] == [code]
        assert list(made) == ["energy/import/all/all"]
    _, findings = of_one([grid(HOURS)], want("demand", calendar="t", labels=odd, window_s=7200))
    assert [f["code"] for f in findings] == ["rating.calendar.finer"]


def test_a_first_day_that_begins_inside_a_reading():
    """Hourly readings of UTC cannot be cut at midnight in Kolkata, half past six."""
    start, end = zone("Asia/Kolkata").bounds(DAY)
    one = span(zone="Asia/Kolkata")
    _, findings = found([one], [grid(np.ones(48), start=start - 1800 - 3600 * 10)], want())
    assert [f["code"] for f in findings] == ["rating.calendar.finer"]
    assert end - start == 86400


def test_readings_too_large_to_add_up():
    """No sum wraps around: a row that could is held, its neighbours are not."""
    values = np.vstack([np.full(24, 2**58), HOURS])
    spans = [span(), span(metering_point="Q", segment="B/s", agreement="B")]
    named, findings = found(spans, [grid(values, points=("MP", "Q"))], want())
    assert [(f["code"], f["segment"]) for f in findings] == [
        ("metering.determinant.overflow", "A/s")
    ]
    assert named == {("B/s", 0, "energy/import/all/all"): (300_000_000, 0, "kWh")}


# ------------------------------------------------------------------- registers


def advances(*rows):
    names = ("channel", "bucket", "kind", "value", "estimated")
    return table(ADVANCES, [
        {"segment": "A/s", "span": 0} | dict(zip(names, row, strict=True)) for row in rows
    ])  # fmt: skip


def of_dials(rows, *wanted, period=DAY):
    named, findings = found(
        [span(period=period, legal_source="register")], [], *wanted, advances=advances(*rows)
    )
    return {name: value[:2] for (_, _, name), value in named.items()}, findings


SUM = "cumulative"


def test_dials_by_bucket_and_together():
    """A dial per bucket; without a total the energy is the sum of them, the demand the largest."""
    rows = [
        ("import", "am", SUM, 100, 0), ("import", "pm", SUM, 50, 20),
        ("import", "am", "demand", 7, 0), ("import", "pm", "demand", 9, 9),
    ]  # fmt: skip
    made, findings = of_dials(
        rows, want(calendar="tou"), want(), want("demand"), want("demand", calendar="tou")
    )
    assert not findings
    assert made == {
        "energy/import/tou/am": (100, 0), "energy/import/tou/pm": (50, 20),
        "energy/import/all/all": (150, 20), "demand/import/all/all": (9, 9),
        "demand/import/tou/am": (7, 0), "demand/import/tou/pm": (9, 9),
    }  # fmt: skip


def test_the_dial_of_the_total_counts_alone():
    """With a total, the others are not added to it."""
    made, _ = of_dials([("import", "total", SUM, 160, 0), ("import", "am", SUM, 100, 0)], want())
    assert made["energy/import/all/all"] == (160, 0)


def test_a_missing_dial_holds():
    """A bucket without a dial, a channel without any."""
    _, findings = of_dials([("import", "am", SUM, 100, 0)], want(calendar="tou"))
    assert [f["message"] for f in findings] == [
        "No energy register of bucket pm for import was read."
    ]
    _, findings = of_dials([("import", "total", SUM, 1, 0)], want("demand"))
    assert [f["code"] for f in findings] == ["metering.determinant.incomplete"]


def test_dials_cannot_be_cut_at_a_month():
    """A price of some months only: a period in one month is billed or not, another is held."""
    rows = [("import", "total", SUM, 100, 0)]
    january = want(months=(1,))
    assert "energy/import/all@1/all" in of_dials(rows, january)[0]
    february = Period(date(2026, 2, 1), date(2026, 3, 1))
    assert "energy/import/all@1/all" not in of_dials(rows, january, period=february)[0]
    both = Period(date(2026, 1, 20), date(2026, 2, 20))
    assert [f["code"] for f in of_dials(rows, january, period=both)[1]] == [
        "rating.months.register"
    ]


def test_nothing_in_nothing_out():
    """No spans, no advances, no grids: empty tables."""
    made, findings = determine(empty(SPANS), dense=[], advances=empty(ADVANCES), wanted={})
    assert made.num_rows == findings.num_rows == 0
    assert isinstance(made, pa.Table)
