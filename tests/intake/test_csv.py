"""The CSV formats: columns, lengths, qualities, versions, registers that bad inputs do not show."""

import time

import pytest
from intake_cases import codes, counts, csv_long, csv_wide, decoded, names, slots

from gridtally.errors import RefusedFile, UsageError
from gridtally.intake.decode import summary
from gridtally.intake.formats import FORMATS
from gridtally.money import Rounding
from gridtally.terms import RoundingMode


def long(header, *rows):
    return "\n".join([header, *rows, ""])


def test_kwh_column():
    """`kwh` as a column name means value and unit."""
    found = decoded(
        long("channel,kwh,start,metering_point", "import,1.5,2026-01-05T00:00Z,P",
             "export,2,2026-01-05T00:00Z,P", "import,1,2026-01-05T00:15Z,P")
    )  # fmt: skip

    assert [slot[:3] for slot in slots(found)] == [
        (1_767_571_200, 900, 1_500_000), (1_767_572_100, 900, 1_000_000),
    ]  # fmt: skip
    assert [slot[1] for slot in slots(found, "export")] == [900]


def test_kwh_column_of_a_reactive_channel():
    """kWh on a reactive channel is a wrong unit."""
    text = long("metering_point,channel,start,kwh", "P,reactive_import,2026-01-05T00:00Z,1")

    assert codes(decoded(text)) == ["intake.unit.channel"]


def test_lengths_given():
    """`resolution_min` or `end` give each interval's length; nothing is inferred then."""
    header = "metering_point,channel,start,kwh"
    start = "P,import,2026-01-05T00:00Z,1"

    assert slots(decoded(long(f"{header},resolution_min", f"{start},30")))[0][1] == 1800
    assert slots(decoded(long(f"{header},end", f"{start},2026-01-05T00:05Z")))[0][1] == 300
    for end in ("2026-01-05T00:00Z", "2026-01-04T23:00Z", "2026-01-05T00:07Z", "2026-02-05T00:00Z"):
        found = decoded(long(f"{header},end", f"{start},{end}"))
        assert codes(found) == ["intake.interval.length"]


def test_qualities():
    """Letters of quality; a row of quality N has no value; no letter means actual."""
    found = decoded(
        long("metering_point,channel,start,kwh,quality", "P,import,2026-01-05T00:00Z,1,S",
             "P,import,2026-01-05T01:00Z,2,E", "P,import,2026-01-05T02:00Z,,N",
             "P,import,2026-01-05T03:00Z,4,", "P,import,2026-01-05T04:00Z,,A")
    )  # fmt: skip

    assert [slot[2:4] for slot in slots(found)] == [
        (1_000_000, "S"), (2_000_000, "E"), (None, "N"), (4_000_000, "A"),
    ]  # fmt: skip
    assert codes(found) == ["intake.value.number"]


def test_version_as_an_instant():
    """A version mark may be an instant; it is kept as UTC seconds."""
    found = decoded(
        long("metering_point,channel,start,kwh,version",
             "P,import,2026-01-05T00:00Z,1,2026-02-01T00:00:00Z", "P,import,2026-01-05T01:00Z,1,7")
    )  # fmt: skip

    assert sorted(version for *_, version in slots(found)) == [7, 1_769_904_000]


def test_versions_are_not_mixed():
    """Neighbours of different versions stand in blocks of their own."""
    found = decoded(
        long("metering_point,channel,start,kwh,version", "P,import,2026-01-05T00:00Z,1,1",
             "P,import,2026-01-05T01:00Z,1,2", "P,import,2026-01-05T02:00Z,1,2")
    )  # fmt: skip

    assert [version for *_, version in slots(found)] == [1, 2, 2]


def test_declared_rounding():
    """With a declared rounding, finer values are rounded, counted and said."""
    text = csv_long(value="1.50000050000000")
    half_even = decoded(text, round_finer=Rounding(6, RoundingMode.HALF_EVEN))
    up = decoded(text, round_finer=Rounding(6, RoundingMode.UP))

    assert (slots(half_even)[12][2], slots(up)[12][2]) == (1_500_000, 1_500_001)
    assert codes(up, "note") == ["intake.value.rounded"]
    with pytest.raises(UsageError):
        decoded(text, round_finer=Rounding(7, RoundingMode.UP))


def test_local_time_of_the_declared_zone():
    """Without offset, the declared zone's local time is meant; Z is always UTC."""
    text = csv_long().replace("Z,", ",").replace("2026-01", "2026-07")
    found = decoded(text, zone="Europe/Lisbon")

    assert slots(found)[0][0] == 1_783_206_000  # 2026-07-04T23:00Z


def test_blocks_are_a_day_or_less():
    """A block ends with the local day, with a gap, and with a change of version."""
    header = "metering_point,channel,start,kwh"
    rows = [f"P,import,2026-07-05T{hour:02d}:00Z,1" for hour in range(24) if hour != 12]
    found = decoded(long(header, *rows), zone="Europe/Lisbon")

    assert [len(values) for values in found.blocks["values"].to_pylist()] == [12, 10, 1]
    assert found.blocks["line"].to_pylist() == [2, 14, 24]


def test_many_points_and_channels():
    """Every metering point and channel has its own row of the summary, in the file's order."""
    rows = [
        f"{point},{channel},2026-01-05T{hour:02d}:00Z,{hour}"
        for hour in range(3)
        for point in ("B", "A")
        for channel in ("import", "export")
    ]
    found = summary(decoded(long("metering_point,channel,start,kwh", *rows)))["channels"]

    assert [(row["metering_point"], row["channel"], row["sum"]) for row in found] == [
        ("B", "import", "3"), ("B", "export", "3"), ("A", "import", "3"), ("A", "export", "3"),
    ]  # fmt: skip


def test_wide_rows_of_any_length_fit_their_day():
    """One header serves days of 23, 24 and 25 hours: cells after the last are empty or left out."""
    found = decoded(
        "\n".join(
            ["metering_point,channel,date,resolution_min," + names(25),
             "P,import,2026-03-29,60" + ",1" * 23 + ",,",
             "P,import,2026-03-30,60" + ",1" * 24 + ",",
             "P,import,2026-03-31,60" + ",1" * 24,
             "P,import,2026-10-25,60" + ",1" * 25, ""]
        ),
        zone="Europe/Lisbon",
    )  # fmt: skip

    assert counts(found) == (4, 0, 0)
    assert [len(values) for values in found.blocks["values"].to_pylist()] == [23, 24, 24, 25]


def test_wide_optional_columns():
    """Unit, quality (one letter, or one for each value) and version stand before v1."""
    header = "metering_point,channel,date,resolution_min,unit,quality,version," + names(24)
    rows = [
        "P,import,2026-01-05,60,Wh,E,3" + ",1000" * 24,
        "P,import,2026-01-06,60,kWh," + "A" * 23 + "N,4" + ",1" * 24,
        "P,import,2026-01-07,60,kWh,AX,4" + ",1" * 24,
        "P,reactive_import,2026-01-07,60,kvarh,,4" + ",1" * 24,
    ]
    found = decoded(long(header, *rows), zone="UTC")

    assert codes(found) == ["intake.quality.unknown"]
    assert {slot[2:] for slot in slots(found)[:24]} == {(1_000_000, "E", 3)}
    assert slots(found)[-1][2:] == (None, "N", 4)
    assert len(slots(found, "reactive_import")) == 24


def test_wide_needs_a_zone_and_its_order():
    """A date without a zone is no day; values come last, in order."""
    with pytest.raises(RefusedFile) as caught:
        decoded(csv_wide())
    assert caught.value.code == "intake.time.zone"
    with pytest.raises(RefusedFile) as caught:
        decoded(csv_wide().replace("v1,v2", "v2,v1"), zone="UTC")
    assert caught.value.code == "intake.csv.columns"


REGISTER = "metering_point,meter,register,time,reading"


def test_registers():
    """A reading with all that a file may say of its dial."""
    text = long(
        f"{REGISTER},unit,quality,reason,channel,bucket,kind,digits,multiplier,version",
        "P,M,1.8.1,2026-01-01T00:00Z,12345.6,kWh,A,initial,import,peak,cumulative,6,40,1",
        "P,M,1.6.0,2026-01-01T00:00Z,12.5,kW,S,,import,,demand,,,",
    )
    rows = decoded(text).registers.drop_columns(["source", "time_utc"]).to_pylist()

    assert rows == [
        {"metering_point": "P", "meter": "M", "register": "1.8.1", "channel": "import",
         "bucket": "peak", "kind": "cumulative", "reading": 12_345_600_000, "digits": 6,
         "multiplier": 40_000_000, "quality": "A", "reason": "initial", "version": 1,
         "load_seq": 0, "line": 2},
        {"metering_point": "P", "meter": "M", "register": "1.6.0", "channel": "import",
         "bucket": "", "kind": "demand", "reading": 12_500_000, "digits": None,
         "multiplier": None, "quality": "S", "reason": "routine", "version": 0,
         "load_seq": 0, "line": 3},
    ]  # fmt: skip


def test_registers_minimal():
    """What the file leaves open stays open: master data say."""
    [row] = decoded(long(REGISTER, "P,M,1,2026-01-01T00:00Z,5")).registers.to_pylist()

    assert (row["channel"], row["bucket"], row["kind"]) == ("", "", "")
    assert (row["digits"], row["multiplier"], row["reason"]) == (None, None, "routine")


def test_registers_in_watt_hours():
    """A dial in Wh of 8 digits turns over where one in kWh of 5 does."""
    text = long(f"{REGISTER},unit,digits", "P,M,1,2026-01-01T00:00Z,12345678,Wh,8")
    [row] = decoded(text).registers.to_pylist()

    assert (row["reading"], row["digits"]) == (12_345_678_000, 5)


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [("kind", "total", "intake.register.value"), ("reason", "why", "intake.register.value"),
     ("digits", "0", "intake.register.value"), ("digits", "13", "intake.register.value"),
     ("digits", "x", "intake.register.value"), ("multiplier", "0", "intake.register.value"),
     ("multiplier", "-1", "intake.register.value"), ("multiplier", "x", "intake.register.value"),
     ("quality", "N", "intake.register.value"), ("quality", "Q", "intake.quality.unknown"),
     ("channel", "in", "intake.channel.unknown"), ("digits", "1", "intake.register.digits"),
     ("version", "new", "intake.version.number"), ("unit", "m3", "intake.unit.unknown")],
)  # fmt: skip
def test_registers_bad_cells(column, cell, code):
    """A cell that cannot be meant sets its reading aside."""
    header = f"{REGISTER},{column}"
    found = decoded(
        long(header, f"P,M,1,2026-01-01T00:00Z,50,{cell}", "P,M,1,2026-02-01T00:00Z,60,")
    )

    assert counts(found) == (1, 0, 1)
    assert codes(found) == [code]


def test_registers_summary():
    """Advances between readings are counted and added, one turn where a dial went through zero."""
    text = long(
        f"{REGISTER},channel,digits",
        "P,M,1,2026-01-01T00:00Z,99990,import,5",
        "P,M,1,2026-02-01T00:00Z,5,import,5",
        "P,M,1,2026-03-01T00:00Z,25.5,import,5",
        "P,N,1,2026-03-01T00:00Z,7,import,5",
    )

    assert summary(decoded(text))["channels"] == [
        {"metering_point": "P", "channel": "import", "unit": "kWh", "n": 2, "sum": "35.5",
         "first": "2026-01-01T00:00:00Z", "last": "2026-03-01T00:00:00Z"}
    ]  # fmt: skip


def test_format_is_found_by_content():
    """The name says nothing; a forced format is taken at its word."""
    assert decoded(csv_long(), name="x.xml").format == "csv-long"
    with pytest.raises(RefusedFile) as caught:
        decoded(csv_long(), format="nem12")
    assert caught.value.code == "intake.nem.record"
    with pytest.raises(UsageError, match="'xls'"):
        decoded(csv_long(), format="xls")


def test_formats_have_names_and_sentences():
    """The list of formats reads by itself."""
    assert list(FORMATS) == [
        "nem12", "nem13", "dsmr", "mscons", "parquet", "arrow", "green-button", "csv-frozen",
        "csv-events", "csv-registers", "csv-wide", "csv-long", "csv-mapped",
    ]  # fmt: skip
    for name, format_ in FORMATS.items():
        assert format_.name == name
        assert format_.sentence.endswith(".")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("metering_point,channel,date,resolution_min," + names(200_000), "more than 1,500 columns"),
        ("metering_point,channel,date,resolution_min," + names(1501), "more than 1,500 columns"),
        ("metering_point,channel,start,kwh" + ",quality" * 60_000, "more than 2,000 columns"),
        (
            "metering_point,meter,register,time,reading,unit,channel" + ",x" * 200_000,
            "more than 2,000 columns",
        ),
        (
            "metering_point,channel,date,resolution_min,"
            + names(900)
            + "".join(f",odd{n}" for n in range(900)),
            "and 895 more",
        ),
    ],
    ids=["wide", "wide-1501", "long", "registers", "odd"],
)
def test_a_header_that_is_too_wide(header, reason):
    """Refused from the header alone, at once, with its line: no day has more than 25 hours."""
    began = time.process_time()
    with pytest.raises(RefusedFile, match=reason) as refused:
        decoded(header + "\n" + "1," * 2000 + "\n")
    assert refused.value.code == "intake.csv.columns"
    assert refused.value.line == 1
    assert refused.value.remedy
    assert time.process_time() - began < 5
