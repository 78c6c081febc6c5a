"""What random files once broke, each as the smallest file that did."""

import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dsmr_cases import telegram
from intake_cases import codes, counts, csv_registers, decoded
from mscons_cases import HEAD, interchange, message, profile, quarter

from gridtally.errors import RefusedFile

DIAL = "metering_point,meter,register,time,reading,multiplier\nP,M,1.8.0,2026-01-01T00:00Z,5,40\n"


def refused(data, **how):
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **how)
    return caught.value


def zipped(*members):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number, text in enumerate(members):
            archive.writestr(f"{number}.csv", text)
    return sink.getvalue()


def test_mscons_without_a_message_around_its_segments():
    """Segments before the first UNH have no message that they could be about."""
    whole = interchange(message(*profile(quarter(1)), head=HEAD))
    begin, end = whole.index("UNH"), whole.index("UNS")

    assert refused(whole[:begin] + "BGM+7+DOC1+9'").code == "intake.edifact.frame"
    assert refused(whole[:begin] + whole[end:]).code == "intake.edifact.frame"


def test_a_reading_inside_a_reading():
    """Only ends are listened to inside a reading, and a second one ends it too early."""
    reading = "<IntervalReading><IntervalReading/></IntervalReading>"
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content>{reading}'

    assert refused(f"{feed}</content></entry></feed>").code == "intake.xml.unsafe"
    assert refused(reading, format="green-button").code == "intake.xml.unsafe"


def test_our_own_table_with_a_column_twice():
    """It is refused in words, as in a CSV."""
    table = decoded(csv_registers()).registers
    sink = io.BytesIO()
    pq.write_table(table.append_column("kind", pa.nulls(table.num_rows, pa.string())), sink)

    no = refused(sink.getvalue())
    assert no.code == "intake.csv.columns"
    assert "kind" in no.message


def test_a_time_zone_that_is_no_text():
    """Arrow gives such a zone as it is; asking for its name fails."""
    table = pa.table({"start": pa.array([0], pa.timestamp("s", "Europe/Lisbon"))})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    data = sink.getvalue().to_pybytes()

    assert refused(data.replace(b"Europe/", b"Euro\x89e/")).code == "intake.table.broken"


def test_a_period_without_an_end():
    """It has no bounds that its channel's total could take."""
    whole = interchange(message(*profile(quarter(1))))
    (total,) = decoded(whole.replace("DTM+164:202601050030?+00:303", "DTM+164:2026:303")).totals

    assert (total.n, total.first_utc, total.last_utc) == (1, None, None)


def test_a_dsmr_meter_whose_name_is_none():
    """Its readings are set aside, and nothing is said under a name that cannot be one."""
    found = decoded(telegram("0-0:96.14.0(0001)", head=(
        "1-3:0.2.8(50)", "0-0:1.0.0({time})", f"0-0:96.1.1({'é' * 40})", "1-0:1.8.1(00004.42*kWh)",
    )))  # fmt: skip

    assert counts(found) == (0, 0, 1)
    assert codes(found) == ["intake.point.name"]
    assert found.remarks.num_rows == 0


def test_the_same_figure_under_another_multiplier():
    """It is another energy: neither is taken for the other, and both are set aside."""
    found = decoded(DIAL + "P,M,1.8.0,2026-01-01T00:00Z,5,4\n")

    assert codes(found) == ["intake.register.conflict"] * 2
    assert counts(found) == (0, 0, 2)


def test_the_same_figure_with_and_without_multiplier():
    """Who does not say the multiplier does not contradict it."""
    found = decoded(DIAL + "P,M,1.8.0,2026-01-01T00:00Z,5,\n")

    assert counts(found) == (2, 0, 0)


def test_members_that_contradict_each_other_about_a_dial():
    """An archive says one reading of a dial at an instant, or is refused; the same one may come."""
    no = refused(zipped(csv_registers(), csv_registers(value="2.5")))

    assert no.code == "intake.archive.overlap"
    assert no.message == (
        "Two members of the archive both deliver register '1.8.0' of 'P' at 2026-02-01T00:00:00Z."
    )
    assert decoded(zipped(csv_registers(), csv_registers())).rows == 6
