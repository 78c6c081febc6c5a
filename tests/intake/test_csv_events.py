"""Events that meters reported, as CSV: each a remark, none guessed, none twice."""

import pytest
from intake_cases import codes, counts, decoded

HEADER = b"metering_point,time,event,value\n"


def remarks(found):
    return [
        (row["metering_point"], row["key"], row["value"], row["start_utc"].isoformat(), row["line"])
        for row in found.remarks.to_pylist()
    ]


def test_events_are_remarks():
    """Point, time, name and value as they were said; local time where the zone is declared."""
    found = decoded(
        HEADER + b"P,2026-01-01T00:30Z,clock_drift,-75\nP,2026-01-01T12:00,tamper,\n",
        zone="Europe/Madrid",
    )
    assert counts(found) == (2, 0, 0)
    assert remarks(found) == [
        ("P", "event.clock_drift", "-75", "2026-01-01T00:30:00+00:00", 2),
        ("P", "event.tamper", "", "2026-01-01T11:00:00+00:00", 3),
    ]
    assert not found.blocks.num_rows


def test_the_same_event_again_is_a_duplicate():
    """Also in another place of the file; another value is another event."""
    row = b"P,2026-01-01T00:30Z,reverse,1\n"
    found = decoded(HEADER + row + b"Q" + row[1:] + row + row.replace(b",1\n", b",2\n"))
    assert counts(found) == (3, 1, 0)
    assert len(remarks(found)) == 3


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"P,2026-01-01T00:30Z,fire,1", "intake.event.unknown"),
        (b"P,2026-01-01T00:30Z,Tamper,1", "intake.event.unknown"),
        (b"P,soon,tamper,1", "intake.time.pattern"),
        (b"P,2060-01-01T00:30Z,tamper,1", "intake.time.future"),
        (b" P,2026-01-01T00:30Z,tamper,1", "intake.point.name"),
        (b"P,2026-01-01T00:30Z,tamper," + b"x" * 201, "intake.event.value"),
        (b"P,2026-01-01T00:30Z,tamper", "intake.row.cells"),
    ],
)
def test_a_row_that_is_no_event_is_set_aside(row, code):
    """The others go on."""
    found = decoded(HEADER + b"P,2026-01-01T00:30Z,tamper,1\n" + row + b"\n")
    assert counts(found) == (1, 0, 1)
    assert codes(found) == [code]
