"""Written back: decoding what was written gives the same blocks, registers and remarks."""

import io
import zipfile

import pytest
from intake_cases import AS_OF, counts, csv_registers, decoded, slots
from nem_cases import accumulated, day, file, record, stream

from gridtally.intake.convert import convert
from gridtally.tables import BLOCKS, REGISTER_READINGS, REMARKS

LONG = "metering_point,channel,start,value,unit,quality,version,resolution_min\n"
DIALS = (
    "metering_point,meter,register,time,reading,unit,quality,channel,bucket,kind,digits,"
    "multiplier,version\n"
)


def content(table, schema):
    """Rows without where they stood."""
    columns = [name for name in schema.names if name not in ("load_seq", "source", "line")]
    return sorted(repr(tuple(row.values())) for row in table.select(columns).to_pylist())


def written(found, to="nem12"):
    """The one file that is written, as text, and what is said of it."""
    converted = convert(found, to, as_of=AS_OF)
    [data] = converted.files.values() or [b""]
    return data.decode(), [(row["code"], row["message"]) for row in converted.findings]


def assert_the_same(text, to="nem12"):
    """The file, and what comes of writing its readings, decode to the same."""
    found = decoded(text)
    again, notes = written(found, to)
    same = decoded(again)

    assert found.accepted
    assert notes == [] or found.quarantined
    for name, schema in (
        ("blocks", BLOCKS), ("registers", REGISTER_READINGS), ("remarks", REMARKS),
    ):  # fmt: skip
        assert content(getattr(same, name), schema) == content(getattr(found, name), schema)
    return again


TAIL = "20260110000000,20260111000000"
NEM12 = {
    "plain": [stream(minutes=30), day(count=48)],
    "methods": [stream(minutes=30), day(count=48, tail=f"F14,76,,{TAIL}")],
    "ranges": [stream(minutes=30), day(count=48, tail=f"V,,,{TAIL}"), "400,1,20,A,,",
               '400,21,48,S14,0,"a, ""b"""'],
    "a range for all": [stream(minutes=30), day(count=48, tail=f"V,,,{TAIL}"),
                        "400,1,48,S14,76,"],
    "an event": [stream(minutes=30), day(count=48, tail=f"A,79,,{TAIL}"), "400,1,48,A,79,"],
    "part of a day": [stream(minutes=30), day(count=48, tail=f"E52,,,{TAIL}"),
                      "400,5,10,S14,76,"],
    "no value": [stream(minutes=30), day(2, count=48, tail=f"V,,,{TAIL}"), "400,1,40,A,,",
                 "400,41,48,N,,"],
    "service orders": [stream(minutes=30), day(count=48), "500,O,S1,20260105120000,0012.50",
                       "500,N,,,"],
    "no update": [stream(minutes=30), day(count=48, tail="A,,,,"),
                  day(count=48, tail="A,,,20260110,", date="20260106")],
    "other units": [stream(unit="WH", minutes=30), day("1.5", count=48),
                    stream("Q1", "E1Q1", "MVArh", 15), day("0.000001", count=96)],
    "several streams": [stream("E1", "E1E2", "Wh", 30), day(1, f"V,,,{TAIL}", count=48),
                        "400,1,20,A,,", "400,21,48,S14,76,", stream("E2", "E1E2", minutes=30),
                        day("0.25", count=48)],
    "versions": [stream(minutes=30), day(count=48, tail="E52,,,20260107000000,"),
                 "200,P,E1,1,E1,N1,M2,kWh,30,20260303", day(3, count=48, tail="S14,76,,20260109,")],
    "an exchange": [stream(minutes=30), day(count=48), "200,P,E1,1,E1,N1,M2,kWh,5,",
                    day(count=288, date="20260106")],
    "blank fields": ["200,P,,,E1,,,kWh,30,", day(count=48), "200,P,,,E1,,,kWh,30,20260201",
                     day(count=48, date="20260106")],
    "small letters": ["200,P,e1,1,e1,N1,M1,kwh,30,", day(count=48, tail="s14,76,,20260110,")],
}  # fmt: skip


@pytest.mark.parametrize("name", NEM12)
def test_nem12(name):
    """Whatever NEM12 can say is there again."""
    assert_the_same(file(*NEM12[name]))


def test_the_records_are_those_that_were_read():
    """A file in the order that is written comes out as it went in."""
    text = file(
        "200,P,B1E1,2,B1,N1,M1,kWh,30,20260201", day("0.5", count=48, tail=f"A,,,{TAIL}"),
        "200,P,B1E1,1,E1,N1,M1,Wh,30,20260201", day("1.25", count=48, tail=f"V,,,{TAIL}"),
        "400,1,20,A,,", "400,21,48,S14,76,", "500,O,S1,20260105120000,12.5",
    )  # fmt: skip

    assert assert_the_same(text) == text


def test_two_files_as_one():
    """Days without update time keep their own file's time, which the one header cannot say."""
    parts = [
        file(stream(minutes=30).replace(",P,", f",{name},"), day(count=48, tail="A,,,,"),
             header=f"100,NEM12,{created},A,B")
        for name, created in (("P", "202601100000"), ("R", "202601120000"))
    ]  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for number, part in enumerate(parts):
            packed.writestr(f"{number}.csv", part)
    found = decoded(buffer.getvalue())
    text, notes = written(found)

    assert content(decoded(text).blocks, BLOCKS) == content(found.blocks, BLOCKS)
    assert [code for code, _ in notes] == ["intake.convert.header"]


NEM13 = {
    "a record": [record(), "550,N,SO-1,R,"],
    "a chain": [record(q="S62"), record("00210", "00300", "90", start="20260401000000",
                                        end="20260430000000", update="20260501000000")],
    "two dials": [record(), record(suffix="41"), "550,N,,R,"],
    "export": [record(way="I", quantity="-110")],
    "no update": [record(update=""), record(suffix="41", update="20260402")],
}  # fmt: skip


@pytest.mark.parametrize("name", NEM13)
def test_nem13(name):
    """Whatever NEM13 can say is there again."""
    assert_the_same(accumulated(*NEM13[name]), "nem13")


def test_other_readings_as_nem12():
    """Intervals of another format fill days of UTC+10; what is not there has no value."""
    rows = [f"P,import,2026-01-05T{hour:02d}:00:00Z,1.5,kWh,A,0,60" for hour in range(12, 24)]
    rows += ["P,export,2026-01-05T14:00:00Z,0.25,kWh,E,0,60"]
    found = decoded(LONG + "\n".join(rows) + "\n")
    text, notes = written(found)
    again = decoded(text)

    assert [(s[0], s[2], s[3]) for s in slots(again) if s[2] is not None] == [
        (s[0], s[2], s[3]) for s in slots(found)
    ]
    assert len(slots(again)) == 48
    assert slots(again, "export")[0][2:4] == (250_000, "E")
    assert "200,P,E1B1,,E1,,,kWh,60," in text
    assert {code for code, _ in notes} == {"intake.convert.as_is", "intake.convert.header"}
    assert any("written as no value (N) to make their days whole: 59." in said for _, said in notes)


def test_intervals_that_have_no_place():
    """Intervals that no record can hold are left out, and counted."""
    rows = [f"P,import,2026-01-05T{hour:02d}:00:00Z,1,kWh,A,0,120" for hour in (0, 2, 4, 6)]
    text, notes = written(decoded(LONG + "\n".join(rows) + "\n"))

    assert text == ""
    assert notes == [
        ("intake.convert.left", "The format that is written has no place for intervals that "
         "do not divide the hour; left out: 4."),
    ]  # fmt: skip


def test_other_dials_as_nem13():
    """Readings of a dial become records; its digits, roll-over and multiplier count."""
    rows = ["P,M,11,2026-01-01T00:00:00Z,99998.5,kWh,A,import,total,cumulative,5,40,0",
            "P,M,11,2026-02-01T00:00:00Z,3,kWh,E,import,total,cumulative,5,40,0"]  # fmt: skip
    text, _ = written(decoded(DIALS + "\n".join(rows) + "\n"), "nem13")
    again = decoded(text)

    assert "99998.5,20260101100000,A,,,00003,20260201100000,E,,,180,kWh" in text
    assert counts(again) == (1, 0, 0)
    assert again.registers["reading"].to_pylist() == [99_998_500_000, 3_000_000]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("P,M,11,2026-02-01T00:00:00Z,3,kWh,A,import,,cumulative,,40,0", "went backwards"),
        ("P,M,11,2026-02-01T00:00:00Z,3,kWh,A,import,,cumulative,5,,0", "know the multiplier"),
        ("P,M,11,2026-02-01T00:00:00Z,3,kWh,A,,,cumulative,5,40,0", "know what they count"),
        ("P,M,12,2026-02-01T00:00:00Z,3,kWh,A,import,,cumulative,5,40,0", "single readings"),
    ],
)
def test_dials_that_have_no_place(row, problem):
    """A dial that cannot be written is left out, with the reason."""
    first = "P,M,11,2026-01-01T00:00:00Z,9,kWh,A,import,,cumulative,,40,0"
    _, notes = written(decoded(f"{DIALS}{first}\n{row}\n"), "nem13")

    assert any(code == "intake.convert.left" and problem in said for code, said in notes)


def test_csv_long():
    """csv-long keeps every interval with its quality, version and length."""
    found = decoded(file(*NEM12["no value"]))
    text, notes = written(found, "csv-long")

    assert slots(decoded(text)) == slots(found)
    assert [code for code, _ in notes] == ["intake.convert.left"]


def test_csv_registers():
    """csv-registers keeps every reading of a dial."""
    found = decoded(csv_registers())
    text, notes = written(found, "csv-registers")

    assert content(decoded(text).registers, REGISTER_READINGS) == content(
        found.registers, REGISTER_READINGS
    )
    assert notes == []


@pytest.mark.parametrize("kind", ["blocks", "registers"])
def test_parquet_is_read_back(kind):
    """The tables of a Parquet conversion are a format of their own."""
    found = decoded(file(*NEM12["ranges"]) if kind == "blocks" else accumulated(*NEM13["a chain"]))
    again = decoded(convert(found, "parquet", as_of=AS_OF).files[f"{kind}.parquet"])
    schema = BLOCKS if kind == "blocks" else REGISTER_READINGS

    assert content(getattr(again, kind), schema) == content(getattr(found, kind), schema)
