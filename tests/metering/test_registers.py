"""Dial readings become advances: bounds, exchange, roll-over, multiplier, spans, demand."""

import time
from datetime import UTC, date, datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtally.metering.registers import advances
from gridtally.periods import Period, zone
from gridtally.tables import METERS, REGISTER_READINGS, REGISTERS, SPANS, table

LISBON = "Europe/Lisbon"
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))


def utc(text, name=LISBON):
    """The instant of a local wall-clock time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone(name).info).timestamp())


def spans(*cuts, point="P", legal="register", name=LISBON, segment="S"):
    """Spans between local days, of one segment."""
    cuts = cuts or ("2026-10-01", "2026-11-01")
    days = [date.fromisoformat(cut) for cut in cuts]
    rows = []
    for number, (first, last) in enumerate(pairwise(days)):
        low, high = zone(name).bounds(Period(first, last))
        rows.append(
            {
                "segment": segment, "span": number, "metering_point": point, "zone": name,
                "from": first, "to": last, "start_utc": low, "end_utc": high,
                "legal_source": legal,
            }
        )  # fmt: skip
    return table(SPANS, rows)


def read(at, value, **more):
    """A reading in whole kWh of meter M, dial T, at a local time."""
    where = more.pop("zone", LISBON)
    at = at if len(at) > 10 else f"{at}T00:00"
    row = {
        "metering_point": "P", "meter": "M", "register": "T", "channel": "import",
        "bucket": "total", "kind": "cumulative", "digits": 5, "multiplier": 1_000_000,
        "quality": "A", "reason": "routine", "version": 0, "load_seq": 1, "source": "f", "line": 1,
        "time_utc": datetime.fromtimestamp(utc(at, where), UTC),
        "reading": round(value * 1_000_000),
    }  # fmt: skip
    return row | more


def meter(name="M", since=None, until=None, point="P"):
    """A row of METERS."""
    days = [date.fromisoformat(day) if day else None for day in (since, until)]
    return {"meter": name, "metering_point": point, "from": days[0], "to": days[1]}


def dial(name="M", register="T", **more):
    """A row of REGISTERS."""
    row = {"meter": name, "register": register, "channel": "import", "bucket": "total",
           "kind": "cumulative", "digits": 5, "multiplier": 1_000_000}  # fmt: skip
    return row | more


def run(readings, *, cut=None, meters=(), registers=()):
    """Advances of the readings, as rows."""
    return advances(
        spans() if cut is None else cut,
        table(REGISTER_READINGS, readings),
        table(METERS, meters),
        table(REGISTERS, registers),
    )


def values(found, key="value"):
    """Advances as {(span, channel, bucket, kind): value}."""
    return {
        (row["span"], row["channel"], row["bucket"], row["kind"]): row[key]
        for row in found.advances.to_pylist()
    }


TOTAL = (0, "import", "total", "cumulative")


def codes(found):
    """Codes of the findings with their severity."""
    return {row["code"]: row["severity"] for row in found.findings.to_pylist()}


# -------------------------------------------------------------------- one dial


def test_closing_less_opening_times_multiplier():
    """The advance is the difference times the multiplier; the readings used are given."""
    found = run([read("2026-10-01", 100, multiplier=40_000_000),
                 read("2026-11-01", 103.5, multiplier=40_000_000)])  # fmt: skip
    assert values(found) == {TOTAL: 140_000_000}
    assert found.findings.num_rows == 0
    assert [row["reading"] for row in found.used.to_pylist()] == [100_000_000, 103_500_000]


@pytest.mark.parametrize(
    ("units", "multiplier", "expected"),
    [(3, 500_000, 2), (1, 500_000, 0), (5, 500_000, 2), (7, 500_000, 4), (1, 1_500_000, 2)],
)
def test_a_product_that_is_not_whole_is_rounded_half_even(units, multiplier, expected):
    """Once per dial, to 10^-6 kWh."""
    found = run([read("2026-10-01", 0, multiplier=multiplier),
                 read("2026-11-01", units / 1_000_000, multiplier=multiplier)])  # fmt: skip
    assert values(found) == {TOTAL: expected}


def test_the_reading_nearest_the_bound_is_taken():
    """Within the day before and the day after; the earlier of two that are equally near."""
    found = run([
        read("2026-09-30T13:00", 10), read("2026-10-01T10:00", 11),
        read("2026-10-31T12:00", 20), read("2026-11-01T12:00", 30),
    ])  # fmt: skip
    assert values(found) == {TOTAL: 9_000_000}
    assert [row["reading"] for row in found.used.to_pylist()] == [11_000_000, 20_000_000]


def test_the_closing_of_one_period_opens_the_next():
    """Consecutive segments share the reading at their bound: nothing lost, nothing twice."""
    readings = [read("2026-10-01", 0), read("2026-10-31T20:00", 50), read("2026-12-01T09:00", 90)]
    both = pa.concat_tables([spans(), spans("2026-11-01", "2026-12-01", segment="T")])
    found = run(readings, cut=both)
    assert [row["value"] for row in found.advances.to_pylist()] == [50_000_000, 40_000_000]


def test_the_window_is_the_local_day():
    """A day of 25 hours before the bound still counts as the day before."""
    cut = spans("2026-10-26", "2026-11-26")
    found = run([read("2026-10-25T00:10", 1), read("2026-11-26", 2)], cut=cut)
    assert values(found) == {TOTAL: 1_000_000}
    late = run([read("2026-10-24T23:50", 1), read("2026-11-26", 2)], cut=cut)
    assert codes(late) == {"metering.register.missing": "hold"}


def test_a_reading_of_no_quality_is_no_reading():
    """Quality N says that nothing was read."""
    found = run([read("2026-10-01", 1), read("2026-11-01", 2, quality="N")])
    assert codes(found) == {"metering.register.missing": "hold"}
    assert found.advances.num_rows == found.used.num_rows == 0


def test_an_estimated_reading_makes_an_estimated_advance():
    """What rests on a reading that was not read is marked as estimated."""
    found = run([read("2026-10-01", 1), read("2026-11-01", 3, quality="E")])
    assert values(found, "estimated") == {TOTAL: 2_000_000}
    actual = run([read("2026-10-01", 1), read("2026-11-01", 3, quality="S")])
    assert values(actual, "estimated") == {TOTAL: 0}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"quality": "A", "load_seq": 1}, {"quality": "E", "load_seq": 2, "version": 9}),
        ({"version": 2, "load_seq": 1}, {"version": 1, "load_seq": 2}),
    ],
)
def test_the_winner_of_an_instant(better, worse):
    """Quality, then declared version; a loser of those is no conflict."""
    found = run([read("2026-10-01", 0), read("2026-11-01", 7, **better),
                 read("2026-11-01", 9, **worse)])  # fmt: skip
    assert values(found) == {TOTAL: 7_000_000}
    assert found.findings.num_rows == 0


def test_the_same_reading_twice_is_one():
    """A repeated delivery changes nothing."""
    found = run([read("2026-10-01", 0), read("2026-11-01", 7), read("2026-11-01", 7, load_seq=2)])
    assert values(found) == {TOTAL: 7_000_000}
    assert found.findings.num_rows == 0


def test_two_readings_at_one_instant():
    """Different values that nothing ranks hold the bill (M55)."""
    found = run([read("2026-10-01", 0), read("2026-11-01", 7), read("2026-11-01", 8, load_seq=2)])
    assert codes(found) == {"metering.register.exchange": "hold"}
    assert found.advances.num_rows == 0


# ----------------------------------------------------------- roll-over, misread


def test_a_true_roll_over():
    """99998 to 00003 is five, and noted (M54)."""
    found = run([read("2026-10-01", 99_998), read("2026-11-01", 3)])
    assert values(found) == {TOTAL: 5_000_000}
    assert codes(found) == {"metering.register.rollover": "note"}


@pytest.mark.parametrize(
    ("opening", "closing", "good"),
    [
        (90_000, 0, True), (89_999, 0, False), (95_000, 5_000, True),
        (95_000, 5_001, False), (50_000, 49_000, False), (99_000, 98_000, False),
    ],
)  # fmt: skip
def test_a_dial_that_goes_backward_is_never_assumed_to_have_wrapped(opening, closing, good):
    """Only from the top tenth, and by a tenth of the dial at most (M53)."""
    found = run([read("2026-10-01", opening), read("2026-11-01", closing)])
    code = "metering.register.rollover" if good else "metering.register.backward"
    assert codes(found) == {code: "note" if good else "hold"}
    assert bool(found.advances.num_rows) is good
    assert bool(found.used.num_rows) is good


@pytest.mark.parametrize("value", [100_000, -1])
def test_a_reading_that_the_dial_cannot_show(value):
    """More digits than the dial has, or less than nothing, hold the bill."""
    found = run([read("2026-10-01", 0), read("2026-11-01", value)])
    assert codes(found)["metering.register.digits"] == "hold"
    assert found.advances.num_rows == 0


def test_a_quantity_beyond_all_billing():
    """A product that no bill has is held, and nothing overflows."""
    found = run(
        [read("2026-10-01", 0, multiplier=10**15), read("2026-11-01", 9000, multiplier=10**15)]
    )
    assert codes(found) == {"metering.register.digits": "hold"}


# ------------------------------------------------------------------- exchange


EXCHANGED = [
    read("2026-10-01", 100),
    read("2026-10-11T10:00", 130, reason="exchange_out"),
    read("2026-10-11T10:20", 2, meter="N", reason="exchange_in"),
    read("2026-11-01", 62, meter="N"),
]


def test_an_exchange():
    """Old and new meter together; their dials are summed."""
    found = run(EXCHANGED)
    assert values(found) == {TOTAL: 90_000_000}
    assert found.findings.num_rows == 0
    assert [(row["meter"], row["reason"]) for row in found.used.to_pylist()] == [
        ("M", "routine"), ("M", "exchange_out"), ("N", "exchange_in"), ("N", "routine"),
    ]  # fmt: skip


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("known", [True, False])
def test_half_an_exchange(lost, known):
    """Without the old meter's last or the new meter's first reading the bill is held (M55)."""
    readings = [row for place, row in enumerate(EXCHANGED) if place != lost]
    meters = [meter("M", "2020-01-01", "2026-10-11"), meter("N", "2026-10-11")] if known else []
    registers = [dial("M"), dial("N")] if known else []
    found = run(readings, meters=meters, registers=registers)
    assert "hold" in codes(found).values()
    assert set(codes(found)) <= {"metering.register.exchange", "metering.register.missing"}
    assert found.advances.num_rows == found.used.num_rows == 0
    if known:
        assert set(codes(found)) == {"metering.register.exchange"}


def test_an_exchange_at_the_bound_belongs_to_one_side():
    """Old meter out and new one in at the first instant: each period has one of them."""
    readings = [
        read("2026-10-01", 0),
        read("2026-11-01", 40, reason="exchange_out"),
        read("2026-11-01", 5, meter="N", reason="exchange_in"),
        read("2026-12-01", 25, meter="N"),
    ]
    both = pa.concat_tables([spans(), spans("2026-11-01", "2026-12-01", segment="T")])
    for meters in ([], [meter("M", None, "2026-11-01"), meter("N", "2026-11-01")]):
        found = run(readings, cut=both, meters=meters, registers=[dial("M"), dial("N")])
        assert [row["value"] for row in found.advances.to_pylist()] == [40_000_000, 20_000_000]
        assert found.findings.num_rows == 0


def test_an_exchange_on_the_first_day_loses_nothing():
    """The exchange reading closed the period before: the old meter's stretch here is empty."""
    readings = [
        read("2026-10-01", 0),
        read("2026-11-01T10:00", 40, reason="exchange_out"),
        read("2026-11-01T10:00", 5, meter="N", reason="exchange_in"),
        read("2026-12-01", 25, meter="N"),
    ]
    both = pa.concat_tables([spans(), spans("2026-11-01", "2026-12-01", segment="T")])
    meters = [meter("M", None, "2026-11-02"), meter("N", "2026-11-01")]
    found = run(readings, cut=both, meters=meters, registers=[dial("M"), dial("N")])
    assert [row["value"] for row in found.advances.to_pylist()] == [40_000_000, 20_000_000]
    assert found.findings.num_rows == 0


def test_a_meter_that_left_is_not_waited_for():
    """A dial taken out before the period has no part in it."""
    readings = [
        read("2026-09-30T10:00", 7, meter="OLD", reason="exchange_out"),
        read("2026-09-30T10:00", 0, reason="exchange_in"),
        read("2026-10-01", 1),
        read("2026-11-01", 3),
    ]
    found = run(readings)
    assert values(found) == {TOTAL: 2_000_000}
    assert found.findings.num_rows == 0


# ---------------------------------------------------------------- master data


def test_master_data_fills_what_readings_leave_open():
    """Channel, bucket, kind, digits and multiplier come from REGISTERS."""
    bare = {"channel": "", "bucket": "", "kind": "", "digits": None, "multiplier": None}
    readings = [read("2026-10-01", 99_999, **bare), read("2026-11-01", 1, **bare)]
    known = dial(channel="export", bucket="peak", multiplier=2_000_000)
    found = run(readings, registers=[known])
    assert values(found) == {(0, "export", "peak", "cumulative"): 4_000_000}
    unknown = run(readings)
    assert codes(unknown) == {"metering.register.unknown": "hold"}


def test_a_multiplier_said_in_two_ways():
    """The file says 40, master data 80: held, nothing is chosen silently."""
    readings = [read("2026-10-01", 1, multiplier=40_000_000),
                read("2026-11-01", 2, multiplier=40_000_000)]  # fmt: skip
    found = run(readings, registers=[dial(multiplier=80_000_000)])
    assert codes(found) == {"metering.register.differs": "hold"}
    assert found.advances.num_rows == 0


def test_a_dial_in_service_without_readings():
    """Every dial of a meter in service needs its bounds."""
    found = run(
        [read("2026-10-01", 1), read("2026-11-01", 2)],
        meters=[meter()], registers=[dial(), dial(register="R", channel="reactive_import")],
    )  # fmt: skip
    assert codes(found) == {"metering.register.missing": "hold"}
    assert found.advances.num_rows == 0


def test_readings_of_a_meter_that_is_not_known_there():
    """A number that master data has not at the point is no dial of it."""
    found = run([read("2026-10-01", 1), read("2026-11-01", 2)],
                meters=[meter("OTHER")], registers=[dial("OTHER")])  # fmt: skip
    assert codes(found)["metering.register.unknown"] == "hold"


def test_no_register_at_all():
    """A register-billed segment without dials is held."""
    found = run([])
    assert codes(found) == {"metering.register.missing": "hold"}
    assert found.advances.num_rows == 0


def test_where_registers_only_check():
    """Billed from intervals: nothing is missed, and a fault is a warning without must-hold."""
    cut = spans(legal="interval")
    assert run([], cut=cut).findings.num_rows == 0
    assert run([read("2026-10-01", 1)], cut=cut).findings.num_rows == 0
    found = run([read("2026-10-01", 5), read("2026-11-01", 1)], cut=cut)
    assert codes(found) == {"metering.register.backward": "warn"}
    assert found.findings["must_hold"].to_pylist() == [False]
    assert values(run([read("2026-10-01", 1), read("2026-11-01", 5)], cut=cut)) == {
        TOTAL: 4_000_000
    }


def test_nothing_at_all():
    """No spans, no readings: empty tables."""
    found = run([], cut=table(SPANS, []))
    assert found.advances.num_rows == found.used.num_rows == found.findings.num_rows == 0


# ---------------------------------------------------------------------- demand


def demand(at, value, **more):
    """A reading of a demand dial [kW]."""
    return read(at, value, register="D", kind="demand", **more)


def test_a_demand_dial_gives_the_largest_after_the_opening():
    """The opening is not included, the closing is; the multiplier counts."""
    found = run([
        demand("2026-10-01", 99), demand("2026-10-15", 12), demand("2026-11-01", 11),
        read("2026-10-01", 1), read("2026-11-01", 2),
    ])  # fmt: skip
    assert values(found)[0, "import", "total", "demand"] == 12_000_000
    assert [row["reading"] for row in found.used.to_pylist() if row["kind"] == "demand"] == [
        99_000_000, 12_000_000, 11_000_000,
    ]  # fmt: skip


def test_demand_over_an_exchange_is_the_larger():
    """Two dials of a bucket give the largest, in every span, never the sum."""
    found = run(
        [
            demand("2026-10-01", 0), demand("2026-10-11T10:00", 8, reason="exchange_out"),
            demand("2026-10-11T10:00", 0, meter="N", reason="exchange_in"),
            demand("2026-11-01", 6, meter="N", quality="E"),
        ],
        cut=spans("2026-10-01", "2026-10-16", "2026-11-01"),
    )  # fmt: skip
    key = ("import", "total", "demand")
    assert values(found) == {(0, *key): 8_000_000, (1, *key): 8_000_000}
    assert values(found, "estimated") == {(0, *key): 0, (1, *key): 0}


# ----------------------------------------------------------------------- spans


def test_an_advance_is_split_by_days():
    """Without a reading at the boundary: by days, in whole ukwh, largest remainder."""
    cut = spans("2026-10-01", "2026-10-17", "2026-11-01")
    found = run([read("2026-10-01", 0), read("2026-11-01", 100)], cut=cut)
    key = ("import", "total", "cumulative")
    assert values(found) == {(0, *key): 51_612_903, (1, *key): 48_387_097}
    assert found.used.num_rows == 2


def test_a_reading_at_the_boundary_splits_exactly():
    """A reading at the first instant of a span is where the advance is cut, and is used."""
    cut = spans("2026-10-01", "2026-10-17", "2026-11-01")
    readings = [read("2026-10-01", 0), read("2026-10-17", 90), read("2026-11-01", 100, quality="E")]
    found = run(readings, cut=cut)
    key = ("import", "total", "cumulative")
    assert values(found) == {(0, *key): 90_000_000, (1, *key): 10_000_000}
    assert values(found, "estimated") == {(0, *key): 0, (1, *key): 10_000_000}
    assert found.used.num_rows == 3
    beside = run([*readings[::2], read("2026-10-17T00:01", 90)], cut=cut)
    assert beside.used.num_rows == 2


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    cuts=st.lists(st.integers(1, 30), max_size=3, unique=True),
    multiplier=st.integers(1, 10**8),
)
def test_law_spans_share_one_advance(data, cuts, multiplier):
    """Law: whatever the cuts, the spans add up to the advance of the whole, dial by dial."""
    at = sorted({1, 31, *data.draw(st.lists(st.integers(2, 30), max_size=4))})
    moves = data.draw(st.lists(st.integers(0, 10**9), min_size=len(at), max_size=len(at)))
    shown, readings = 0, []
    for day, move in zip(at, moves, strict=True):
        shown += move
        when = f"2026-10-{day:02}" if day < 31 else "2026-11-01"
        readings.append(read(when, 0, reading=shown, multiplier=multiplier))
    days = ["2026-10-01", *(f"2026-10-{cut + 1:02}" for cut in sorted(cuts)), "2026-11-01"]
    whole, cut = run(readings), run(readings, cut=spans(*days))
    assert sum(values(cut).values()) == values(whole)[TOTAL]
    assert len(values(cut)) == len(days) - 1
    assert min(values(cut).values()) >= 0


# ----------------------------------------------------------------------- speed


def test_seven_hundred_points_of_six_dials():
    """4,200 dials with a mid-period price change are done in well under a second."""
    readings, cut = [], []
    for number in range(700):
        point = f"P{number:04}"
        cut.append(spans("2026-10-01", "2026-10-17", "2026-11-01", point=point, segment=point))
        for register in range(6):
            for day, value in (("2026-10-01", number), ("2026-11-01", number + register)):
                readings.append(read(day, value, metering_point=point, meter=f"M{number}",
                                     register=f"R{register}", bucket=f"b{register}"))  # fmt: skip
    tables = pa.concat_tables(cut), table(REGISTER_READINGS, readings)
    start = time.process_time()
    found = advances(*tables, table(METERS, []), table(REGISTERS, []))
    assert time.process_time() - start < 2
    assert found.advances.num_rows == 700 * 6 * 2
    assert sum(found.advances["value"].to_pylist()) == 700 * 15 * 1_000_000


def test_a_dial_that_was_not_read_silences_its_own_channel_alone():
    """Where registers only check intervals: an unread export dial leaves the import dial to check,
    an unread dial of import leaves nothing of import, because the sum would be too small."""
    cut = spans(legal="interval")
    readings = [read("2026-10-01", 100), read("2026-11-01", 180)]
    known = {"cut": cut, "meters": [meter()]}

    found = run(readings, **known, registers=[dial(), dial(register="E", channel="export")])
    assert values(found) == {(0, "import", "total", "cumulative"): 80_000_000}
    assert not found.findings.num_rows

    found = run(readings, **known, registers=[dial(), dial(register="N")])
    assert values(found) == {}
    assert not found.findings.num_rows
