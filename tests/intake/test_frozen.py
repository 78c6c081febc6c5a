"""Daily frozen register readings: all dials of a meter in a row, at the end of the local day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, codes, counts, decoded

from gridtally.errors import RefusedFile

HERE = {"zone": "Asia/Shanghai"}
HEAD = "metering_point,meter,frozen_on"
RATES = ("total", "sharp", "peak", "flat", "valley", "deep_valley")
COLUMNS = [
    *(f"{way}_{rate}" for way in ("import", "export") for rate in RATES),
    "reactive_import", "reactive_export", "import_demand", "export_demand",
]  # fmt: skip


def frozen(*rows, columns="import_total"):
    return "\n".join([f"{HEAD},{columns}", *rows, ""])


def dials(found):
    return {
        row["register"]: (row["channel"], row["bucket"], row["kind"], row["reading"])
        for row in found.registers.to_pylist()
    }


def test_frozen_on_a_day_is_the_midnight_after():
    """Frozen on 31 January is what the dial showed at 00:00 of 1 February, local time."""
    found = decoded(frozen("P,M,2026-01-31,5"), **HERE)
    [row] = found.registers.to_pylist()

    assert found.format == "csv-frozen"
    assert row["time_utc"] == datetime(2026, 1, 31, 16, tzinfo=UTC)
    assert (row["metering_point"], row["meter"], row["reason"]) == ("P", "M", "routine")


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        ("Europe/Lisbon", "2026-03-28", (29, 0)),  # the day after has 23 hours
        ("Europe/Lisbon", "2026-03-29", (29, 23)),
        ("America/Havana", "2025-11-01", (2, 4)),  # midnight comes twice on 2 November
        ("Asia/Beirut", "2026-03-28", (28, 22)),  # there is no midnight on 29 March
    ],
)
def test_midnights_of_all_kinds(zone, day, hour):
    """The day ends at the first instant of the next, also where that is no plain midnight."""
    [row] = decoded(frozen(f"P,M,{day},5"), zone=zone).registers.to_pylist()
    assert (row["time_utc"].day, row["time_utc"].hour) == hour


def test_every_dial():
    """Each column is a dial with its channel, bucket and kind."""
    values = [str(number) for number in range(1, len(COLUMNS) + 1)]
    found = dials(
        decoded(frozen("P,M,2026-01-31," + ",".join(values), columns=",".join(COLUMNS)), **HERE)
    )

    assert len(found) == len(COLUMNS)
    assert found["1.8.0"] == ("import", "total", "cumulative", 1_000_000)
    assert [found[f"1.8.{n}"][1] for n in range(6)] == list(RATES)
    assert [found[f"2.8.{n}"][:2] for n in range(6)] == [("export", rate) for rate in RATES]
    assert found["3.8.0"] == ("reactive_import", "total", "cumulative", 13_000_000)
    assert found["4.8.0"][0] == "reactive_export"
    assert found["1.6.0"] == ("import", "total", "demand", 15_000_000)
    assert found["2.6.0"][::2] == ("export", "demand")


def test_when_the_largest_demand_occurred():
    """It is kept beside the reading, as the sender wrote it."""
    columns = "import_demand,import_demand_time"
    found = decoded(
        frozen("P,M,2026-01-31,5.2,2026-01-15 18:45", "P,M,2026-02-01,1.1,", columns=columns),
        **HERE,
    )
    [remark] = found.remarks.to_pylist()

    assert (remark["key"], remark["value"]) == ("mapped.demand_time", "2026-01-15 18:45")
    assert remark["start_utc"] == datetime(2026, 1, 31, 16, tzinfo=UTC)
    assert counts(found) == (2, 0, 0)


def test_what_is_empty_was_not_read():
    """An empty cell is no reading; a row without any is set aside."""
    found = decoded(
        frozen("P,M,2026-01-31,5,", "P,M,2026-02-01,,", columns="import_total,import_peak"), **HERE
    )
    assert counts(found) == (1, 0, 1)


def test_a_bad_cell_and_a_bad_row():
    """A bad cell loses its reading alone; a bad date loses those of its row, told once."""
    found = decoded(
        frozen("P,M,2026-01-31,5,x", "P,M,2026-02-30,1,2", "P,M,2026-02-01,6,3",
               columns="import_total,import_peak"),
        **HERE,
    )  # fmt: skip
    lines = [(row["line"], row["count"]) for row in found.findings.to_pylist()]

    assert counts(found) == (3, 0, 3)
    assert codes(found) == ["intake.mapped.pattern"] * 2 + ["intake.value.number"]
    assert sorted(lines) == [(2, 1), (3, 2)]


def test_the_same_day_again():
    """The same reading is a duplicate, another one a conflict, a newer version wins later."""
    row = "P,M,2026-01-31,5"
    assert counts(decoded(frozen(row, row), **HERE)) == (1, 1, 0)
    found = decoded(frozen(row, "P,M,2026-01-31,6"), **HERE)
    assert codes(found) == ["intake.register.conflict"] * 2
    found = decoded(
        frozen(row + ",1", "P,M,2026-01-31,6,2", columns="import_total,version"), **HERE
    )
    assert counts(found) == (2, 0, 0)


def test_multiplier_and_quality():
    """They are of the row."""
    found = decoded(
        frozen("P,M,2026-01-31,5,E,40", columns="import_total,quality,multiplier"), **HERE
    )
    [row] = found.registers.to_pylist()
    assert (row["quality"], row["multiplier"]) == ("E", 40_000_000)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frozen("P,M,2026-01-31,5", columns="import_totl"), "intake.mapped.columns"),
        (frozen("P,M,2026-01-31,5", columns="import_total,import_total"), "intake.mapped.columns"),
        (frozen("P,M,2026-01-31,A", columns="quality"), "intake.mapped.columns"),
        (frozen("P,M,2026-01-31,5") + "#rows=2\n", "intake.file.count"),
        (frozen("P,M,2026-01-31,5").replace("P,M,2026-01-31,5\n", ""), "intake.file.rows"),
        (frozen("P,M,2026-01-31,5").replace(",", ";"), "intake.mapped.columns"),
        (frozen('P,M,2026-01-31,"1,5"'), "intake.mapped.fit"),
        (frozen('P,M,2026-01-31,"1'), "intake.csv.quote"),
    ],
)
def test_what_is_refused(data, code):
    """Unknown columns, double ones, none with readings, a wrong count, another dialect."""
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **HERE, format="csv-frozen")
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_date_needs_a_zone():
    """Without one the file is refused."""
    with pytest.raises(RefusedFile) as caught:
        decoded(frozen("P,M,2026-01-31,5"))
    assert caught.value.code == "intake.time.zone"


@ANY_TIME
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["P", "Q", " P", ""]), st.sampled_from(["2026-01-31", "2026-02-30"]),
            st.sampled_from(["1", "2", "", "x", "-1"]), st.sampled_from(["1", "", "NaN"]),
        ),
        min_size=1, max_size=12,
    ),
    st.booleans(),
)  # fmt: skip
def test_every_reading_is_accounted_for(rows, ragged):
    """Whatever is in the rows: accepted, duplicates and quarantined are all of them."""
    lines = [f"{point},M,{day},{total},{peak}" for point, day, total, peak in rows]
    if ragged:
        lines[0] += ",1"
    found = decoded(
        frozen(*lines, "Z,M,2026-01-01,1,1", columns="import_total,import_peak"), **HERE
    )
    counts(found)
    assert found.registers.num_rows == found.accepted
