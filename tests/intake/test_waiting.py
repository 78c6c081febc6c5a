"""M28, M29, M32: readings against master data: what waits, why, and what a name looks like."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from intake_cases import csv_long, csv_registers, csv_wide, decoded

from gridtally import tables
from gridtally.intake.alike import plain
from gridtally.intake.known import CODES, Master, Watch, findings, unknown

POINTS = [{"metering_point": name, "zone": "Europe/Lisbon"} for name in ("P", "Q", "100012345678")]
METERS = [
    {"meter": "M", "metering_point": "P", "from": date(2025, 1, 1), "to": date(2026, 2, 1)},
    {"meter": "N", "metering_point": "P", "from": date(2026, 2, 1)},
    {"meter": "M", "metering_point": "Q", "from": date(2026, 3, 1)},
]
DIALS = [{"meter": "M", "register": "1.8.0", "channel": "import"}]


def master(points=POINTS, meters=METERS, dials=DIALS):
    return Master(
        {
            "metering_points": tables.table(tables.METERING_POINTS, points),
            "meters": tables.table(tables.METERS, meters),
            "registers": tables.table(tables.REGISTERS, dials),
        },
        zone="Europe/Lisbon",
    )


def waits(found, known=None, *, by_block=False):
    """Code -> rows that wait."""
    watch = Watch(known or master(), by_block)
    watch("blocks", found.blocks)
    watch("registers", found.registers)
    return {group.code: group.rows for group in watch.groups()}


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_what_is_known_does_not_wait():
    """A point, a meter that stands there, a dial that it has."""
    assert waits(decoded(csv_long())) == {}
    both = [*METERS[:1], METERS[1] | {"meter": "M"}]
    assert waits(decoded(csv_registers(time="2026-01-15T00:00:00Z")), master(meters=both)) == {}


def test_m28_a_metering_point_that_nobody_knows():
    """Its rows wait, those of the others do not; a row without a value waits too."""
    text = csv_long(point="X") + "X,import,2026-01-05T13:00:00Z,2,kWh\n"

    assert waits(decoded(text)) == {"intake.point.unknown": 2}
    quiet = "metering_point,channel,start,value,unit,quality,resolution_min\n"
    quiet += "X,import,2026-01-06T00:00:00Z,,kWh,N,60\nX,import,2026-01-06T01:00:00Z,1,kWh,A,60\n"
    assert waits(decoded(quiet)) == {"intake.point.unknown": 2}
    assert waits(decoded(quiet.replace(",1,kWh,A", ",,kWh,N"))) == {"intake.point.unknown": 2}


def test_a_day_is_a_row_where_days_are_rows():
    """Counted as the file counts."""
    found = decoded(csv_wide(point="X"), zone="Europe/Lisbon")

    assert waits(found, by_block=True) == {"intake.point.unknown": 1}
    assert waits(found) == {"intake.point.unknown": 24}


def test_m28_without_master_data_everything_waits_as_one():
    """One group for the file, whatever it holds."""
    empty = Master({}, zone="UTC")
    text = csv_long(point="X")
    watch = Watch(empty, False)
    watch("blocks", decoded(text).blocks)
    (group,) = watch.groups()

    assert (group.code, group.rows, group.metering_point) == ("intake.master.none", 24, "")
    (row,) = findings([group], file="f", master=empty)
    assert row["severity"] == "note"
    assert row["message"] == (
        "There are no master data yet, so all readings wait for them. Rows that wait: 24."
    )


def dial(meter="M", point="P", time="2026-01-15T00:00:00Z", register="1.8.0"):
    head = "metering_point,meter,register,time,reading\n"
    return decoded(f"{head}{point},{meter},{register},{time},1\n")


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ({}, None),
        ({"point": "X"}, "intake.point.unknown"),
        ({"meter": "Z"}, "intake.meter.unknown"),
        ({"point": "Q"}, "intake.meter.elsewhere"),
        ({"time": "2024-12-31T12:00:00Z"}, "intake.meter.elsewhere"),
        ({"time": "2025-01-01T00:00:00Z"}, None),
        ({"time": "2026-02-01T12:00:00Z"}, None),
        ({"time": "2026-02-02T12:00:00Z"}, "intake.meter.elsewhere"),
        ({"point": "Q", "time": "2026-03-01T00:00:00Z"}, None),
        ({"meter": "N", "time": "2026-05-01T00:00:00Z"}, None),
        ({"register": "2.8.0"}, "intake.register.unknown"),
        ({"meter": "N", "register": "odd", "time": "2026-05-01T00:00:00Z"}, None),
    ],
)
def test_m29_a_meter_that_does_not_stand_there_then(reading, code):
    """By place and local day; the day of an exchange belongs to both meters."""
    assert waits(dial(**reading)) == ({code: 1} if code else {})


def test_m29_no_meter_stands_there_then():
    """Intervals of a point outside the days of all its meters; one without any is not judged."""
    early = decoded(csv_long().replace("2026-01", "2024-01"))

    assert waits(early) == {"intake.meter.absent": 24}
    assert waits(early, master(meters=METERS[2:])) == {}


def test_m28_a_channel_that_the_meters_do_not_have():
    """Where master data name the dials of a point; else nothing is said."""
    export = decoded(csv_long(channel="export"))

    assert waits(export) == {"intake.channel.absent": 1}
    assert waits(export, master(dials=[])) == {}


def test_days_are_local_to_the_point():
    """Half an hour before midnight UTC is the next day in Shanghai."""
    table = decoded(csv_long()).blocks.slice(0, 1)
    moved = table.set_column(2, "start_utc", [[at("2024-12-31T23:30:00")]]).cast(tables.BLOCKS)
    east = [point | {"zone": "Asia/Shanghai"} for point in POINTS]

    assert unknown(moved, kind="blocks", master=master()).tolist() == [
        CODES.index("intake.meter.absent")
    ]
    assert unknown(moved, kind="blocks", master=master(points=east)).tolist() == [-1]


def test_a_thousand_points_and_one_are_one_group():
    """Few groups however many names; the rows of all are counted."""
    head = "metering_point,channel,start,value,unit,resolution_min\n"
    text = head + "".join(f"X{n},import,2026-01-05T00:00:00Z,1,kWh,60\n" for n in range(1001))
    watch = Watch(master(), False)
    watch("blocks", decoded(text).blocks)
    (group,) = watch.groups()

    assert (group.rows, group.metering_point) == (1001, "")
    assert np.array_equal(group.lines, np.arange(2, 1003))


@pytest.mark.parametrize(
    "name",
    ["MP-OO1", "mp-oo1", "\u041c\u0420-OO1", "MP\u201000l", "\uff2d\uff30-001", "MP-\u200b001"],
)
def test_m32_names_that_the_eye_takes_for_another(name):
    """Letters of other alphabets, other dashes, O for 0: the same to the eye."""
    assert plain(name) == plain("MP-001")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("\u0420", "'P'"), ("p", "'P'"), ("000000100012345678", "'100012345678'"),
        ("1.00012E+11", "'100012345678'"), ("1,0001E11", "'100012345678'"),
        ("1.00013E+11", ""), ("PP", ""), ("1E+11", "'100012345678'"),
    ],
)  # fmt: skip
def test_m32_a_hint_and_no_match(name, near):
    """The finding names what it looks like, and the reading waits all the same."""
    known = master()
    watch = Watch(known, False)
    watch("blocks", decoded(csv_long().replace("P,", f'"{name}",')).blocks)
    (group,) = watch.groups()
    (row,) = findings([group], file="f", master=known)

    assert group.code == "intake.point.unknown"
    assert ("It looks like" in row["remedy"]) is bool(near)
    assert near in row["remedy"]


def test_two_candidates_are_no_hint():
    """Who is meant is not guessed."""
    known = master(points=[{"metering_point": "a1"}, {"metering_point": "A1"}])
    watch = Watch(known, False)
    watch("blocks", decoded(csv_long().replace("P,", "\u0430l,")).blocks)
    (row,) = findings(watch.groups(), file="f", master=known)

    assert "looks like" not in row["remedy"]
