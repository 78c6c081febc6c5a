"""Rows that were set aside are found again in kept bytes: shown, and exported to be corrected."""

import gzip
import io
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from intake_cases import codes, counts, csv_long, csv_wide, decoded, nem12

from gridtally.intake.cut import Part, export, member, shown_rows

LISBON = {"zone": "Europe/Lisbon"}


def exported(found, data, *, seconds=0, **how):
    """The rows that decode set aside, as one part."""
    data = data if isinstance(data, bytes) else data.encode()
    lines = found.aside["line"].to_numpy()
    reason = found.findings["message"][0].as_py() if found.findings.num_rows else ""
    return export(data, [Part(lines, reason, seconds)], format=found.format, **how)


def test_a_row_is_shown_as_it_stands():
    """Its line and its text; lines that are not there are passed over."""
    text = csv_long(value='"x"')

    assert shown_rows(text.encode(), [14, 999, 0], format="csv-long") == [
        (14, 'P,import,2026-01-05T12:00:00Z,"x",kWh')
    ]


def test_line_ends_and_marks_do_not_move_lines():
    """A byte order mark, Windows line ends, a last line without one."""
    text = b"\xef\xbb\xbf" + csv_long(value="x").replace("\n", "\r\n").encode().rstrip()
    (row,) = shown_rows(text, [14], format="csv-long")
    (last,) = shown_rows(text, [25], format="csv-long")

    assert row == (14, "P,import,2026-01-05T12:00:00Z,x,kWh")
    assert last[1] == "P,import,2026-01-05T23:00:00Z,1.5,kWh"


def test_a_record_is_shown_with_what_belongs_to_it():
    """The 400 records of a day come with it."""
    text = nem12(value="x").replace("A,,,20260110000000,\n200,P,E1,1,E1,N1,M,kWh,60,\n300,20260107",
        "V,,,20260110000000,\n400,1,24,A,,\n200,P,E1,1,E1,N1,M,kWh,60,\n300,20260107")  # fmt: skip
    (row,) = shown_rows(text.encode(), [5], format="nem12")

    assert row[1].startswith("300,20260106,1.5")
    assert row[1].endswith("\n400,1,24,A,,")


def test_exported_rows_keep_header_and_text():
    """Without marks, exactly what the sender wrote; with them, why, and how long intervals are."""
    text = csv_long(value="x")
    found = decoded(text)

    assert exported(found, text, marked=False).decode() == (
        "metering_point,channel,start,value,unit\nP,import,2026-01-05T12:00:00Z,x,kWh\n"
    )
    assert exported(found, text, seconds=3600).decode() == (
        "quarantine_reason,resolution_min,metering_point,channel,start,value,unit\n"
        "\"'x' is not a plain decimal number of at most 18 digits.\",60,"
        "P,import,2026-01-05T12:00:00Z,x,kWh\n"
    )


def test_a_corrected_export_is_accepted():
    """The reason is passed over, and one row alone has its length: nothing is guessed."""
    text = csv_long(value="x")
    sheet = exported(decoded(text), text, seconds=3600).replace(b",x,", b",2.5,")
    found = decoded(sheet)

    assert counts(found) == (1, 0, 0)
    assert found.blocks["resolution_s"].to_pylist() == [3600]


def test_without_a_known_length_the_cell_stays_empty():
    """Then whoever corrects the row has to say it; two rows do not tell."""
    text = csv_long(value="x")
    found = decoded(exported(decoded(text), text).replace(b",x,", b",2.5,"))

    assert counts(found) == (0, 0, 1)
    assert codes(found) == ["intake.interval.length"]


def test_a_wide_export_is_read_again():
    """The reason comes first, because values come last."""
    text = csv_wide(value="x")
    sheet = exported(decoded(text, **LISBON), text).replace(b",x,", b",2,")

    assert sheet.startswith(b"quarantine_reason,metering_point,channel,date")
    assert counts(decoded(sheet, **LISBON)) == (1, 0, 0)


def test_an_export_can_be_exported_again():
    """Its reason column is not added twice."""
    text = csv_wide(value="x")
    once = exported(decoded(text, **LISBON), text)
    again = exported(decoded(once, **LISBON), once)

    assert again.count(b"quarantine_reason") == 1


def test_records_are_exported_inside_their_frame():
    """Header, stream, day, end: NEM12 that is read again."""
    text = nem12(value="x")
    sheet = exported(decoded(text), text)

    assert sheet.decode().splitlines()[0].startswith("100,NEM12")
    assert [line[:3] for line in sheet.decode().splitlines()] == ["100", "200", "300", "900"]
    assert counts(decoded(sheet.replace(b",x,", b",2,"))) == (1, 0, 0)


def test_a_format_that_hangs_together_comes_back_whole():
    """An interchange or a feed is corrected as a whole; what was accepted is then repeated."""
    data = b"<feed>\n</feed>\n"

    assert export(data, [Part(np.array([1]))], format="green-button") == data


def test_parts_have_their_own_reason():
    """Rows of two reasons in the order of the file; one that has both comes once."""
    text = csv_long().encode()
    parts = [Part(np.array([9, 3]), 'say "a"', 60), Part(np.array([3, 5]), "b", 3600)]
    rows = export(text, parts, format="csv-long").decode().splitlines()[1:]

    assert [row.split(",P,")[0] for row in rows] == ['"say ""a""",1', '"b",60', '"say ""a""",1']


def test_a_large_export_is_columns():
    """A hundred thousand rows without a loop over them."""
    head = b"metering_point,channel,start,value,unit\n"
    data = head + b"P,import,2026-01-05T00:00:00Z,x,kWh\n" * 100_000
    sheet = export(data, [Part(np.arange(2, 100_002), "r")], format="csv-wide", marked=False)

    assert sheet == data


def test_rows_of_a_member():
    """An archive's member by the name that findings give it; gzip by the file's own name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "a")
        archive.writestr("b.csv", "b")

    assert member(out.getvalue(), name="x.zip", file="x.zip!b.csv") == b"b"
    assert member(gzip.compress(b"c"), name="x.gz", file="x.gz") == b"c"
    assert member(b"d", name="x", file="x") == b"d"


def test_rows_of_a_parquet_table_are_text():
    """Shown and exported as CSV, because that is what a person corrects."""
    columns = {
        "metering_point": ["P"] * 3, "channel": ["import"] * 3, "value": ["1", "x", "2"],
        "start": [f"2026-01-05T0{n}:00:00Z" for n in range(3)], "unit": ["kWh"] * 3,
    }  # fmt: skip
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    data = sink.getvalue().to_pybytes()
    found = decoded(data)

    assert found.aside["line"].to_pylist() == [2]
    assert shown_rows(data, [2], format="parquet") == [(2, "P,import,x,2026-01-05T01:00:00Z,kWh")]
    assert exported(found, data, seconds=3600).decode().splitlines()[1].endswith(
        ",60,P,import,x,2026-01-05T01:00:00Z,kWh"
    )  # fmt: skip
