"""What senders really send, and the one right answer to each: by format, row by row.

Names M01 … M55 are those of the list of bad inputs that the project answers to.
"""

import gzip
import time
import unicodedata

import pytest
from intake_cases import (
    AS_OF,
    codes,
    counts,
    csv_long,
    csv_registers,
    csv_wide,
    decoded,
    names,
    nem12,
    slots,
    wide_day,
)

from gridtally.errors import RefusedFile

LISBON = {"zone": "Europe/Lisbon"}
BUILDERS = {
    "csv-long": (csv_long, 23),
    "csv-wide": (csv_wide, 2),
    "csv-registers": (csv_registers, 2),
    "nem12": (nem12, 2),
}
"""Builder, and how many of its rows are good beside the one that may be bad."""
FORMATS = pytest.mark.parametrize("name", BUILDERS)


def build(name, **bad):
    return BUILDERS[name][0](**bad)


def refused(data, code, line=None, **how):
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **({"name": "file"} | how))
    assert caught.value.code == code
    assert caught.value.file == "file"
    assert caught.value.remedy
    if line is not None:
        assert caught.value.line == line
    return caught.value


def quarantined(name, code, **bad):
    """Exactly one row is set aside, for that reason; the others are there."""
    found = decoded(build(name, **bad), **LISBON)

    assert counts(found) == (BUILDERS[name][1], 0, 1)
    assert codes(found) == [code]
    return found


@FORMATS
def test_the_good_file(name):
    """Without a bad reading, everything is accepted: what follows is about that reading."""
    found = decoded(build(name), **LISBON)

    assert found.format == name
    assert counts(found) == (BUILDERS[name][1] + 1, 0, 0)
    assert codes(found) == []


class TestWholeFiles:
    """M01-M15: refused whole, with code, file, line and remedy; nothing of it is accepted."""

    @pytest.mark.parametrize("data", [b"", b"\n\n", b"   \n", b"\xef\xbb\xbf"])
    def test_m01_empty(self, data):
        """An empty file is refused as empty."""
        refused(data, "intake.file.empty", 1)

    @FORMATS
    def test_m01_header_only(self, name):
        """A header, or the frame of an MDFF file, is no data."""
        lines = build(name).splitlines()
        text = "\n".join([lines[0], *(["900"] if name == "nem12" else []), ""])
        refused(text, "intake.file.rows", **LISBON)

    @FORMATS
    def test_m02_cut_in_a_row(self, name):
        """A file that ends in the middle of a row was cut."""
        text = build(name)
        refused(text[: text.rindex(",") - 4], "intake.file.truncated", **LISBON)

    def test_m02_no_900(self):
        """A NEM12 file without its 900 record was cut, wherever that was."""
        refused(nem12().replace("900\n", ""), "intake.file.truncated", 7)

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide", "csv-registers"])
    def test_m03_trailer(self, name):
        """A trailer that announces another number of rows refuses the file."""
        rows = BUILDERS[name][1] + 1
        good = decoded(f"{build(name)}#rows={rows}\n", **LISBON)

        assert counts(good) == (rows, 0, 0)
        refused(f"{build(name)}#rows={rows + 1}\n", "intake.file.count", **LISBON)

    def test_m03_trailer_of_nem12(self):
        """Some senders count records in the 900; a wrong count refuses the file."""
        refused(nem12().replace("900\n", "900,17\n"), "intake.file.count", 8)
        assert counts(decoded(nem12().replace("900\n", "900,6\n"))) == (3, 0, 0)

    @FORMATS
    def test_m08_byte_order_mark(self, name):
        """A byte order mark is no part of the first name."""
        found = decoded("\ufeff" + build(name), **LISBON)

        assert counts(found) == (BUILDERS[name][1] + 1, 0, 0)

    @FORMATS
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
    def test_m09_encoding(self, name, encoding):
        """Another encoding is refused, never guessed."""
        text = build(name).replace("P", "P\u00e9")
        with pytest.raises(RefusedFile) as caught:
            decoded(text.encode(encoding), **LISBON)

        assert caught.value.code in ("intake.file.encoding", "intake.file.control")

    @FORMATS
    @pytest.mark.parametrize("char", ["\0", "\x07", "\x1b", "\r"])
    def test_m10_control_characters(self, name, char):
        """A control character in a cell refuses the file, with its line."""
        text = build(name).replace("1.5", f"1{char}.5", 1)
        line = text[: text.index(char)].count("\n") + 1
        refused(text, "intake.file.control", line, **LISBON)

    @FORMATS
    def test_m11_unclosed_quote(self, name):
        """A quotation mark never swallows the rows after it."""
        text = build(name).replace("P,", '"P,', 1)
        line = text[: text.index('"')].count("\n") + 1
        refused(text, "intake.csv.quote", line, **LISBON)

    @pytest.mark.parametrize("cell", ['"P"x', 'x"P"', '"P""', '"P\nQ"'])
    def test_m11_odd_quotes(self, cell):
        """Text beside the marks, an odd mark, a line end inside: refused."""
        refused(csv_long(point=cell), "intake.csv.quote", 14)

    @FORMATS
    def test_m12_long_field(self, name):
        """A cell over 128 KiB refuses the file."""
        refused(build(name, value="1" * 140_000), "intake.csv.field", **LISBON)

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide", "csv-registers"])
    @pytest.mark.parametrize("mark", [";", "\t", "|"])
    def test_m13_delimiter(self, name, mark):
        """Another delimiter is another dialect: refused."""
        refused(build(name).replace(",", mark), "intake.csv.dialect", 1, **LISBON)

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide", "csv-registers"])
    def test_m13_decimal_comma(self, name):
        """A decimal comma refuses the file: 1,5 is never read as 15, 1 or 1.5."""
        refused(build(name, value='"1,5"'), "intake.csv.dialect", **LISBON)

    def test_m13_decimal_comma_everywhere(self):
        """Rows that all have one cell more than the header speak of decimal commas."""
        refused(csv_long(value="1.5").replace("1.5", "1,5"), "intake.csv.dialect", 2)

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide", "csv-registers"])
    def test_m14_column_twice(self, name):
        """A column that is there twice refuses the file."""
        head, rest = build(name).split("\n", 1)
        refused(f"unit,{head}\n{rest}", "intake.csv.columns", 1, **LISBON)

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide", "csv-registers"])
    @pytest.mark.parametrize(
        ("old", "new"), [("unit", "units"), ("metering_point,", ""), ("channel", "Channel")]
    )
    def test_m15_columns(self, name, old, new):
        """A missing, renamed or differently written column refuses the file."""
        refused(build(name).replace(old, new, 1), "intake.csv.columns", 1, **LISBON)

    def test_m15_nearest_name(self):
        """The refusal names the column that was probably meant."""
        refusal = refused(csv_long().replace("channel", "chanel", 1), "intake.csv.columns", 1)

        assert "'chanel' (did you mean channel?)" in refusal.message


class TestValues:
    """M16-M22, M27: the row is set aside and counted, the rest goes on."""

    def test_m16_cells(self):
        """Too many or too few cells: that row is set aside."""
        quarantined("csv-long", "intake.row.cells", value="1,5")
        quarantined("csv-registers", "intake.row.cells", value="1,5")
        quarantined("csv-wide", "intake.day.slots", value="1,5")

    def test_m16_cells_of_nem12(self):
        """A 300 record with another number of values contradicts its 200: the file is refused."""
        refused(nem12(value="1,5"), "intake.nem.record", 5)

    @FORMATS
    @pytest.mark.parametrize(
        "value",
        ["NaN", "Infinity", "-inf", "1e9999999", "1e3", "１２３", "٣", "1_000", " 1 ", "+5",
         "0x10", "1/2", "=1+1", "1234567890123456789", "1 5", "1.5 kWh", "#REF!"],
    )  # fmt: skip
    def test_m17_to_m20_no_numbers(self, name, value):
        """What only looks like a number, or is none, sets its row aside."""
        quarantined(name, "intake.value.number", value=value)

    @FORMATS
    def test_m17_minus_zero(self, name):
        """Minus zero is zero."""
        assert counts(decoded(build(name, value="-0"), **LISBON))[2] == 0

    @FORMATS
    def test_m21_finer(self, name):
        """More decimals than are kept set the row aside; zeros at the end are no decimals."""
        quarantined(name, "intake.value.finer", value="1.5000001")
        assert counts(decoded(build(name, value="1.50000000"), **LISBON))[2] == 0

    @FORMATS
    def test_m22_negative(self, name):
        """Below zero on a channel of one direction sets the row aside."""
        quarantined(name, "intake.value.negative", value="-1.5")

    @FORMATS
    def test_m27_units(self, name):
        """An unknown unit, or kvarh on an active channel, sets the row aside."""
        quarantined(name, "intake.unit.unknown", unit="therms")
        quarantined(name, "intake.unit.channel", unit="kvarh")

    @FORMATS
    def test_units_are_exact(self, name):
        """Wh, kWh and MWh, in any letter case, are the same energy."""
        for value, unit in (("1500", "wh"), ("1.5", "KWH"), ("0.0015", "MWh")):
            found = decoded(build(name, value=value, unit=unit), **LISBON)

            assert counts(found)[2] == 0
            if name == "csv-registers":
                assert set(found.registers["reading"].to_pylist()) == {1_500_000}
            else:
                noon = 12 if name == "csv-long" else 36
                assert slots(found)[noon][2] == 1_500_000

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide", "csv-registers"])
    def test_m28_channel(self, name):
        """An unknown channel sets the row aside."""
        quarantined(name, "intake.channel.unknown", channel="import2")

    def test_m28_channel_of_nem12(self):
        """A suffix that is none of ours (a check meter's) sets its days aside."""
        quarantined("nem12", "intake.channel.unknown", suffix="F1")

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide"])
    @pytest.mark.parametrize("point", ["", " P", "P ", "P" * 65])
    def test_names(self, name, point):
        """An identifier that is empty, blank at an end or too long is none."""
        quarantined(name, "intake.point.name", point=point)

    @pytest.mark.parametrize("name", ["csv-long", "csv-wide"])
    @pytest.mark.parametrize("char", ["\u200b", "\u202e", "\ufeff", "\u00a0"])
    def test_characters_that_cannot_be_seen(self, name, char):
        """The message spells the character, which nobody would find otherwise."""
        quarantined(name, "intake.point.unseen", point=f"P{char}1")
        quarantined(name, "intake.point.unseen", point=f"P{char}")
        row = decoded(build(name, point=f"P{char}"), **LISBON).findings.to_pylist()[0]
        assert f"'P<U+{ord(char):04X} {unicodedata.name(char)}>'" in row["message"]


WHEN = {"csv-long": "start", "csv-registers": "time"}
INSTANTS = pytest.mark.parametrize("name", WHEN)


class TestTimes:
    """M33-M45: dates and instants, strictly."""

    @INSTANTS
    @pytest.mark.parametrize("when", ["25/04/2026 00:00", "04/25/2026", "25.4.2026", "4-5-26"])
    def test_m33_order_of_day_and_month(self, name, when):
        """Dates that leave open which is the month refuse the file."""
        refused(build(name, **{WHEN[name]: when}), "intake.time.dialect", **LISBON)

    def test_m33_order_in_wide(self):
        """The date of a day, too."""
        refused(csv_wide(day="06/01/2026"), "intake.time.dialect", 3, **LISBON)

    @INSTANTS
    @pytest.mark.parametrize(
        "when",
        ["2026-W01-1", "20260101", "2026-02-29T00:00Z", "2026-01-05T24:00Z", "2026-01-05T12:00:60Z",
         "2026-10-25 1A:00", "2026-01-05T12:00:00.0000001Z", "2026-01-05T12:00:00.000001Z",
         "2026-01-05T12:00Z+01:00", "yesterday", "", "1767614400"],
    )  # fmt: skip
    def test_m34_m35_m38_m42_patterns(self, name, when):
        """One way of writing an instant; what is near it is set aside."""
        quarantined(name, "intake.time.pattern", **{WHEN[name]: when})

    @pytest.mark.parametrize("day", ["2026-W02-2", "20260106", "2026-02-30", "2026-1-6", ""])
    def test_m34_m35_dates(self, day):
        """One way of writing a date."""
        quarantined("csv-wide", "intake.time.pattern", day=day)

    @pytest.mark.parametrize("day", ["20260230", "2026-01-06", "260106", "20261301", ""])
    def test_m34_m35_dates_of_nem12(self, day):
        """One way of writing a date in NEM12."""
        quarantined("nem12", "intake.time.pattern", day=day)

    @INSTANTS
    def test_m36_spring(self, name):
        """A local time that the clocks skip does not exist."""
        quarantined(name, "intake.time.nonexistent", **{WHEN[name]: "2026-03-29T01:00"})

    @INSTANTS
    def test_m37_autumn(self, name):
        """A local time that happens twice is not guessed, whatever stands around it."""
        quarantined(name, "intake.time.ambiguous", **{WHEN[name]: "2026-10-25T01:00"})

    @pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
    def test_m39_days_of_23_and_25_hours(self, day, hours):
        """A day has the hours that it really has; 24 values on such a day are set aside."""
        good = decoded(wide_day(day, hours), **LISBON)

        assert counts(good) == (1, 0, 0)
        assert len(slots(good)) == hours
        for wrong in (24, 22):
            assert codes(decoded(wide_day(day, wrong), **LISBON)) == ["intake.day.slots"]

    def test_m39_padded_long_day(self):
        """A long day with 24 values and an empty cell for the 25th is a day of 24 values."""
        text = wide_day("2026-10-25", 24).replace(names(24), names(25)).rstrip("\n") + ",\n"

        assert codes(decoded(text, **LISBON)) == ["intake.day.slots"]

    def test_m40_wrong_number_of_values(self):
        """25 values on an ordinary day, 96 where 48 are declared: set aside."""
        assert codes(decoded(wide_day("2026-01-05", 25), **LISBON)) == ["intake.day.slots"]
        half_hours = wide_day("2026-01-05", 96, zone_minutes=30)
        assert codes(decoded(half_hours, **LISBON)) == ["intake.day.slots"]

    @INSTANTS
    @pytest.mark.parametrize(
        "when", ["2026-01-05T12:00+14:30", "2026-01-05T12:00+01:00", "2026-07-05T12:00-00:00"]
    )
    def test_m41_offsets(self, name, when):
        """An offset that is not that of the declared zone then, or of no zone, is set aside."""
        quarantined(name, "intake.time.offset", **{WHEN[name]: when})

    def test_m43_off_grid(self):
        """A reading at 12:07 among hours is set aside; it does not change what an hour is."""
        found = quarantined("csv-long", "intake.interval.grid", start="2026-01-05T12:07:00Z")

        assert {seconds for _, seconds, *_ in slots(found)} == {3600}

    def test_m43_all_off_grid(self):
        """A meter whose clock is seven minutes late is set aside, row by row."""
        text = csv_long().replace(":00:00Z", ":07:00Z")

        assert codes(decoded(text, **LISBON)) == ["intake.interval.grid"] * 24

    @INSTANTS
    def test_m45_future_and_past(self, name):
        """More than five minutes ahead, or before 1990, is set aside."""
        ahead = decoded(build(name, **{WHEN[name]: "2026-11-01T00:05:00Z"}), **LISBON)

        assert counts(ahead)[2] <= 1  # on the grid or not, but not in the future
        assert "intake.time.future" not in codes(ahead)
        quarantined(name, "intake.time.future", **{WHEN[name]: "2026-11-01T00:05:01Z"})
        quarantined(name, "intake.time.past", **{WHEN[name]: "1989-12-31T23:00:00Z"})
        quarantined(name, "intake.time.past", **{WHEN[name]: "0001-01-01T00:00:00Z"})
        quarantined(name, "intake.time.future", **{WHEN[name]: "9999-12-31T00:00:00Z"})

    def test_m45_days(self):
        """Days in the future, or before 1990, are set aside."""
        quarantined("csv-wide", "intake.time.future", day="2026-11-01")
        quarantined("csv-wide", "intake.time.past", day="1989-12-31")
        quarantined("nem12", "intake.time.future", day="20261102")
        quarantined("nem12", "intake.time.past", day="19891231")


class TestOverlaps:
    """M46-M51: the same interval again, other values, versions, gaps."""

    def test_m46_same_value(self):
        """The same reading again is a duplicate, and counted once."""
        found = decoded(csv_long(start="2026-01-05T11:00:00Z"))

        assert counts(found) == (23, 1, 0)
        assert len(slots(found)) == 23

    @pytest.mark.parametrize("name", ["csv-wide", "nem12"])
    def test_m46_same_day(self, name):
        """The same day again is a duplicate."""
        day = "2026-01-05" if name == "csv-wide" else "20260105"
        found = decoded(build(name, day=day), **LISBON)

        assert counts(found) == (2, 1, 0)
        assert len(slots(found)) == 48

    def test_m46_same_reading_of_a_dial(self):
        """The same reading of a dial again is a duplicate."""
        found = decoded(csv_registers(time="2026-01-01T00:00:00Z"))

        assert counts(found) == (2, 1, 0)
        assert found.registers.num_rows == 2

    def test_m47_newer_version(self):
        """Another value with another version mark stands beside the first."""
        text = (
            "metering_point,channel,start,kwh,version\n"
            "P,import,2026-01-05T00:00Z,1,1\nP,import,2026-01-05T01:00Z,1,1\n"
            "P,import,2026-01-05T01:00Z,2,2\n"
        )
        found = decoded(text)

        assert counts(found) == (3, 0, 0)
        assert [(value, version) for _, _, value, _, version in slots(found)] == [
            (1_000_000, 1), (1_000_000, 1), (2_000_000, 2),
        ]  # fmt: skip
        assert codes(found, "note") == ["intake.interval.version"]

    def test_m47_newer_version_of_a_nem12_day(self):
        """A later update time is a newer version of the day."""
        text = nem12(day="20260105", value="9").replace("20260110000000", "20260111000000", 2)
        text = text.replace("20260111000000", "20260110000000", 1)
        found = decoded(text)

        assert counts(found) == (3, 0, 0)
        assert len({version for *_, version in slots(found)}) == 2

    def test_m48_conflict(self):
        """Another value without another version mark: both are set aside."""
        found = decoded(csv_long(start="2026-01-05T11:00:00Z", value="9"))

        assert counts(found) == (22, 0, 2)
        assert codes(found) == ["intake.interval.conflict"] * 2

    @pytest.mark.parametrize("name", ["csv-wide", "nem12"])
    def test_m48_conflicting_days(self, name):
        """Two versions of a day without a mark: both are set aside."""
        day = "2026-01-05" if name == "csv-wide" else "20260105"
        found = decoded(build(name, day=day, value="9"), **LISBON)

        assert counts(found) == (1, 0, 2)
        assert codes(found) == ["intake.interval.conflict"] * 2

    def test_m48_three_say_two_things(self):
        """Twice the same and once another: nobody is believed."""
        rows = csv_wide(day="2026-01-05", value="9").splitlines()
        found = decoded("\n".join([*rows, rows[1], ""]), **LISBON)

        assert counts(found) == (1, 0, 3)

    def test_rank_decides_before_versions(self):
        """An actual value beside an estimated one is no conflict: both stay, actual wins later."""
        text = (
            "metering_point,channel,start,kwh,quality\n"
            "P,import,2026-01-05T00:00Z,1,E\nP,import,2026-01-05T00:00Z,2,A\n"
            "P,import,2026-01-05T01:00Z,3,A\n"
        )
        found = decoded(text)

        assert counts(found) == (3, 0, 0)
        assert [(value, letter) for _, _, value, letter, _ in slots(found)] == [
            (1_000_000, "E"), (2_000_000, "A"), (3_000_000, "A"),
        ]  # fmt: skip

    def test_m48_partial_overlap(self):
        """Intervals that overlap without being the same are set aside."""
        text = (
            "metering_point,channel,start,end,kwh\n"
            "P,import,2026-01-05T00:00Z,2026-01-05T01:00Z,1\n"
            "P,import,2026-01-05T00:30Z,2026-01-05T01:00Z,1\n"
            "P,import,2026-01-05T01:00Z,2026-01-05T02:00Z,1\n"
        )
        found = decoded(text)

        assert counts(found) == (1, 0, 2)
        assert codes(found) == ["intake.interval.overlap"] * 2

    @FORMATS
    def test_m50_out_of_order_and_late(self, name):
        """Order and age change nothing."""
        text = build(name).replace("2026", "2025")
        if name != "nem12":
            head, *rows = text.splitlines()
            text = "\n".join([head, *reversed(rows), ""])
        found = decoded(text, **LISBON)

        assert counts(found) == (BUILDERS[name][1] + 1, 0, 0)

    def test_m51_gap(self):
        """A gap is flagged with its count and place; the rows around it are accepted."""
        rows = csv_long().splitlines()
        found = decoded("\n".join([*rows[:10], *rows[13:], ""]))
        [note] = [r for r in found.findings.to_pylist() if r["code"] == "intake.interval.gap"]

        assert counts(found) == (21, 0, 0)
        assert note["count"] == 3
        assert note["start_utc"] + 3 * 3600 == note["end_utc"]
        assert note["severity"] == "note"

    def test_m51_gap_in_a_day(self):
        """An empty cell of an ordinary day is a gap; the day is accepted."""
        found = decoded(csv_wide(value=""), **LISBON)

        assert counts(found) == (3, 0, 0)
        assert [letter for *_, letter, _ in slots(found)].count("N") == 1
        assert codes(found, "note") == ["intake.interval.gap"]

    def test_m53_to_m55_dials_are_not_judged_here(self):
        """Backward, rolled-over and exchanged dials are readings like others: step 5 decides."""
        text = (
            "metering_point,meter,register,time,reading,reason,digits\n"
            "P,M,1.8.0,2026-01-01T00:00Z,99998,routine,5\n"
            "P,M,1.8.0,2026-02-01T00:00Z,3,exchange_out,5\n"
            "P,N,1.8.0,2026-02-01T00:00Z,0,exchange_in,5\n"
        )
        found = decoded(text)

        assert counts(found) == (3, 0, 0)
        assert found.registers["reading"].to_pylist() == [99_998_000_000, 3_000_000, 0]

    def test_m55_same_instant_twice(self):
        """Two readings of one dial at one instant contradict each other: both are set aside."""
        found = decoded(csv_registers(time="2026-01-01T00:00:00Z", value="7"))

        assert counts(found) == (1, 0, 2)
        assert codes(found) == ["intake.register.conflict"] * 2


class TestManyRows:
    """However many rows are wrong, the findings stay few and their counts stay right."""

    def test_findings_are_few(self):
        """A thousand bad rows give twenty findings and one for the rest."""
        rows = [f"P,import,2026-01-05T00:00Z,x{n},kWh" for n in range(1000)]
        text = csv_long() + "\n".join([*rows, ""])
        found = decoded(text)
        wrong = [row for row in found.findings.to_pylist() if row["severity"] == "warn"]

        assert counts(found) == (24, 0, 1000)
        assert len(wrong) == 21
        assert sum(row["count"] for row in wrong) == 1000
        assert wrong[-1]["message"].endswith("This finding stands for 980 such cases.")

    def test_a_file_in_many_pieces(self, monkeypatch):
        """Where a file is cut for reading changes nothing."""
        from gridtally.intake import text
        from gridtally.intake.formats import mdff

        texts = [csv_long(), csv_wide(), csv_registers(), nem12(), csv_long(value="x")]
        whole = [decoded(data, **LISBON) for data in texts]
        monkeypatch.setattr(text, "_CHUNK", 100)
        monkeypatch.setattr(mdff, "_PIECE", 100)
        for data, expected in zip(texts, whole, strict=True):
            found = decoded(data, **LISBON)

            assert found.blocks.equals(expected.blocks)
            assert found.registers.equals(expected.registers)
            assert found.findings.equals(expected.findings)

    def test_as_of_is_passed(self):
        """The clock of the machine is not read: the same file is in the future or not."""
        found = decoded(csv_long(), as_of=AS_OF - 400 * 86_400)

        assert codes(found) == ["intake.time.future"] * 24

    def test_packed_is_the_same(self):
        """A gzip file is its content: same readings, same source digest."""
        plain, packed = decoded(csv_long()), decoded(gzip.compress(csv_long().encode()))

        assert packed.blocks.equals(plain.blocks)


class TestXml:
    """M61: what XML can do beside being a feed is never done."""

    @pytest.mark.parametrize(
        "data",
        [
            '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><feed>&b;</feed>',
            f'<!DOCTYPE a [<!ENTITY a "{"x" * 50_000}">]><feed>{"&a;" * 50_000}</feed>',
            '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><feed/>',
            '<!DOCTYPE a SYSTEM "file:///etc/hostname"><feed/>',
            '<?xml version="1.0"?><!DOCTYPE a PUBLIC "-//x" "x.dtd"><feed/>',
            "<feed>" * 65 + "</feed>" * 65,
        ],
        ids=["laughs", "quadratic", "parameter", "external", "public", "deep"],
    )
    def test_m61_document_types_entities_and_depth(self, data):
        """Refused before anything is expanded or fetched."""
        refused(data, "intake.xml.unsafe")

    def test_m61_a_huge_attribute_takes_no_time(self):
        """Ten megabytes in one attribute are no feed, and are refused soon."""
        began = time.process_time()
        refused(f'<feed a="{"x" * (10 << 20)}"></feed>', "intake.xml.unsafe")

        assert time.process_time() - began < 5
