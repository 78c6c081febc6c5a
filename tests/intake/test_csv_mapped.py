"""A utility's own CSV through a mapping file: dialects, times, dials, ends alone, repeats."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, codes, counts, decoded, slots
from mapped_model import model

from gridtally.errors import RefusedFile, UsageError

PAGE = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
HEAD = 'gridtally_mapping = 1\nname = "x"\nkind = "intervals"\n'
VALUE = '\n[[value]]\ncolumn = "v"\nchannel = "import"\nunit = "kWh"\n'
SUMMER, WINTER = 1_792_886_400, 1_792_890_000
"""02:00 of 25 October 2026 in Berlin, first in summer time, then in winter time."""


def mapping(
    columns='start = "t"', time='pattern = "YYYY-MM-DD hh:mm"', interval="length = 900",
    series="", file="", value=VALUE, more="",
):  # fmt: skip
    parts = {"file": file, "columns": 'metering_point = { constant = "P" }\n' + columns,
             "time": time if "zone" in time or "ZZ" in time else time + '\nzone = "UTC"',
             "interval": interval, "series": series}  # fmt: skip
    tables = "\n".join(f"[{name}]\n{text}" for name, text in parts.items())
    return (HEAD + tables + "\n" + more + value).encode()


def seen(data, how=None, **parts):
    return decoded(data, mapping=mapping(**parts), **(how or {}))


def refused(data, code, line=None, **parts):
    with pytest.raises(RefusedFile) as caught:
        seen(data, **parts)
    assert caught.value.code == code
    assert caught.value.remedy
    if line is not None:
        assert caught.value.line == line
    return caught.value


def rows(*lines, header="t,v"):
    return "\n".join([header, *lines, ""])


def values(found):
    return [value for _, _, value, *_ in slots(found)]


def kwh(*amounts):
    return [int(amount * 1_000_000) for amount in amounts]


class TestPage:
    """The examples of docs/mapping.md do what the page says."""

    def test_the_complete_example(self):
        """Both hours of the night, every quality, a decimal comma: nine rows, nine readings."""
        document, *_ = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
        data, *_ = re.findall(r"```csv\n(.*?)```", PAGE, re.S)
        found = decoded(data.encode("cp1252"), mapping=document.encode("utf-8"))

        assert counts(found) == (9, 0, 0)
        starts = [SUMMER - 900 + 900 * n for n in range(9)]
        assert [row[0] for row in slots(found)] == starts
        assert values(found) == [*kwh(1.25, 2, 3, 4, 5, 6, 7), None, *kwh(9)]
        assert "".join(row[3] for row in slots(found)) == "AAAAASENA"

    def test_the_frozen_example(self):
        """Headings of a Chinese system in GB18030; day D is the dial at 00:00 of D + 1."""
        document = re.findall(r"```toml\n(.*?)```", PAGE, re.S)[1]
        data = (
            "用户编号,表号,数据日期,正向有功总,正向有功尖,正向有功峰,正向有功平,正向有功谷,"
            "正向最大需量,最大需量发生时间\n"
            "3501,M1,2026-03-31,1000.12,100.02,300.03,400.04,200.03,5.25,2026-03-17 19:15\n"
        )
        found = decoded(data.encode("gb18030"), mapping=document.encode())

        assert counts(found) == (6, 0, 0)
        assert {row["time_utc"] for row in found.registers.to_pylist()} == {
            datetime(2026, 3, 31, 16, tzinfo=UTC)
        }
        assert [row["value"] for row in found.remarks.to_pylist()] == ["2026-03-17 19:15"]


class TestDialect:
    """M08-M22 through a mapping: nothing is reinterpreted, nothing guessed."""

    GOOD = rows("2026-01-05 00:00,1.5", "2026-01-05 00:15,2")

    def test_the_good_file(self):
        """What follows is about one thing that is wrong in it."""
        found = seen(self.GOOD)

        assert found.format == "csv-mapped"
        assert counts(found) == (2, 0, 0)
        assert values(found) == kwh(1.5, 2)

    def test_m08_byte_order_mark(self):
        """It is passed over once, in UTF-8 and in UTF-16."""
        assert counts(seen(b"\xef\xbb\xbf" + self.GOOD.encode())) == (2, 0, 0)
        utf16 = self.GOOD.encode("utf-16")
        assert counts(seen(utf16, file='encoding = "utf-16"')) == (2, 0, 0)

    def test_m09_encodings(self):
        """Another encoding than the declared one refuses the file; a declared one is read."""
        data = self.GOOD.replace("t,v", "t,größe").encode("latin-1")
        value = VALUE.replace('"v"', '"größe"')
        refused(data, "intake.file.encoding", 1, value=value)
        assert counts(seen(data, value=value, file='encoding = "latin-1"')) == (2, 0, 0)
        refused(b"\xff\xfe\xff", "intake.mapped.encoding", 1, file='encoding = "gb18030"')
        refused(self.GOOD.encode("utf-16"), "intake.file.encoding", 1)

    def test_m10_control_characters(self):
        """A control character refuses the file, also in another encoding."""
        refused(self.GOOD.replace("1.5", "1\0.5"), "intake.file.control", 2)
        data = self.GOOD.replace("1.5", "1\x01.5").encode("latin-1")
        refused(data, "intake.file.control", 2, file='encoding = "latin-1"')

    def test_m11_quotes(self):
        """An open quotation mark refuses the file; where none is declared, it is a character."""
        refused(self.GOOD.replace("1.5", '"1.5'), "intake.csv.quote", 2)
        data = rows('"2026-01-05 00:00";"1,5"', header='"t";"v"')
        assert values(seen(data, file='delimiter = ";"\ndecimal = ","')) == kwh(1.5)
        odd = rows('2026-01-05 00:00,1,5"', header='t,v,a"b')
        assert values(seen(odd, file='quote = ""')) == kwh(1)

    def test_m12_a_very_long_cell(self):
        """It refuses the file."""
        refused(self.GOOD.replace("1.5", "1" * 200_000), "intake.csv.field", 2)

    @pytest.mark.parametrize("mark", [";", "|", "\t"])
    def test_delimiters(self, mark):
        """The declared mark separates, and a comma is then a character like any other."""
        data = self.GOOD.replace(",", mark) + f"2026-01-05 00:30{mark}x,y\n"
        found = seen(data, file=f"delimiter = {mark!r}".replace("'", '"'))

        assert values(found) == kwh(1.5, 2)
        assert codes(found) == ["intake.value.number"]
        assert "'x,y'" in found.findings["message"][0].as_py()

    def test_m13_another_dialect(self):
        """Another separator, or the other decimal mark, refuses the file."""
        refused(self.GOOD.replace(",", ";"), "intake.mapped.columns", 1)
        bare = "2026-01-05 00:00;1.5\n"
        by_number = {"columns": "start = 1", "value": VALUE.replace('"v"', "2")}
        refused(bare, "intake.mapped.columns", 1, file="header = false", **by_number)
        comma = self.GOOD.replace(",", ";")
        refused(comma, "intake.mapped.fit", 2, file='delimiter = ";"\ndecimal = ","')
        point = comma.replace("1.5", "1,5")
        refused(point, "intake.mapped.fit", 2, file='delimiter = ";"')

    def test_m13_no_mark_for_thousands(self):
        """1.234,5 is no number."""
        found = seen(rows("2026-01-05 00:00;1.234,5", "2026-01-05 00:15;1234,5", header="t;v"),
                     file='delimiter = ";"\ndecimal = ","')  # fmt: skip

        assert codes(found) == ["intake.value.number"]
        assert values(found) == kwh(1234.5)

    def test_m14_m15_columns(self):
        """A column that is there twice, missing or renamed refuses the file, the nearest named."""
        assert (
            "2 columns"
            in refused(
                rows("2026-01-05 00:00,1,2", header="t,v,v"), "intake.mapped.columns", 1
            ).message
        )
        said = refused(rows("2026-01-05 00:00,1", header="t,Value"), "intake.mapped.columns", 1,
                       value=VALUE.replace('"v"', '"Values"'))  # fmt: skip
        assert "'Value'" in said.message
        extra = rows("2026-01-05 00:00,1,z", header="t,v,Note")
        assert counts(seen(extra)) == (1, 0, 0)
        assert "'Note'" in refused(extra, "intake.mapped.columns", file='others = "refuse"').message

    def test_m16_cells(self):
        """A row of another width is set aside; a file of which all are so is refused."""
        found = seen(self.GOOD + "2026-01-05 00:30,1,2\n2026-01-05 00:45\n")
        assert codes(found) == ["intake.row.cells"] * 2
        assert counts(found) == (2, 0, 2)
        refused(rows("2026-01-05 00:00,1,2", "2026-01-05 00:15,1,2"), "intake.mapped.fit", 2)

    @pytest.mark.parametrize(
        "value",
        ["NaN", "Infinity", "1e9999999", "１２３", "٣", "1_000", " 1 ", "+5", "0x10", "1/2", "=1+1",
         "", "1.", ".", "--1", "1" * 19, "1e3"],
    )  # fmt: skip
    def test_m17_m20_no_numbers(self, value):
        """The row is set aside, the rest goes on."""
        found = seen(self.GOOD + f"2026-01-05 00:30,{value}\n")

        assert counts(found) == (2, 0, 1)
        assert codes(found) == ["intake.value.number"]

    def test_exponents_where_declared(self):
        """7.2e1 is 72 then, also with a sign; an exponent beyond all meters is no number."""
        lines = ["7.2e1", "7.2E+1", "720e-1", "1e99", "1e9999999", "e1", "1e", "1e1.5"]
        data = rows(*(f"2026-01-05 00:{15 * n:02d},{v}" for n, v in enumerate(lines[:4])),
                    *(f"2026-01-05 01:{15 * n:02d},{v}" for n, v in enumerate(lines[4:])),
                    )  # fmt: skip
        found = seen(data, file="exponent = true")

        assert values(found) == kwh(72, 72, 72)
        assert counts(found) == (3, 0, 5)

    def test_m17_minus_zero(self):
        """It is zero."""
        assert values(seen(rows("2026-01-05 00:00,-0"))) == [0]

    def test_m21_m22_finer_and_below_zero(self):
        """What is finer than what is kept is set aside, and so is a value below zero."""
        found = seen(self.GOOD + "2026-01-05 00:30,0.1234567\n2026-01-05 00:45,-1\n")
        assert codes(found) == ["intake.value.finer", "intake.value.negative"]

    def test_factor(self):
        """A declared factor is exact; what is not whole then is finer, what overflows is large."""
        data = rows(
            "2026-01-05 00:00,3", "2026-01-05 00:15,0.5", "2026-01-05 00:30,999999999999999999"
        )
        found = seen(data, value=VALUE + "scale = 0.000002")
        assert values(found) == kwh(0.000006, 0.000001)
        assert codes(found) == ["intake.value.large"]
        assert values(seen(rows("2026-01-05 00:00,3"), value=VALUE + "scale = 40")) == kwh(120)

    def test_preamble_and_trailer(self):
        """Lines before the header are skipped and counted; a trailer must be there and right."""
        data = 'Report "of\n\n' + self.GOOD
        found = seen(data + "2026-01-05 00:30,x\n", file="skip = 2")
        assert found.findings["line"][0].as_py() == 6
        trailer = 'trailer = "END {rows}"'
        assert counts(seen(self.GOOD + "END 2\n\n", file=trailer)) == (2, 0, 0)
        refused(self.GOOD + "END 3\n", "intake.file.count", file=trailer)
        refused(self.GOOD, "intake.file.truncated", file=trailer)
        refused(self.GOOD + "END x\n", "intake.file.truncated", file=trailer)
        assert counts(seen(self.GOOD, file=trailer + "\ntrailer_optional = true")) == (2, 0, 0)
        refused(self.GOOD + "END x\n", "intake.file.truncated",
                file=trailer + "\ntrailer_optional = true")  # fmt: skip

    @pytest.mark.parametrize("data", [b"", b"\n\n", b"t,v\n"])
    def test_nothing_in_it(self, data):
        """An empty file, and a header without rows, are refused."""
        with pytest.raises(RefusedFile) as caught:
            seen(data)
        assert caught.value.code in ("intake.file.empty", "intake.file.rows")

    def test_cut_in_the_last_row(self):
        """A last row without its end and some of its cells refuses the file."""
        refused(self.GOOD + "2026-01-05", "intake.file.truncated", 4)

    def test_unreadable_may_refuse(self):
        """Where the mapping asks for it, one cell that cannot be read refuses the file."""
        whole = 'unreadable = "refuse"'
        said = refused(
            self.GOOD + "2026-01-05 00:30,9a\n", "intake.mapped.unreadable", 4, file=whole
        )
        assert "'9a' is not a plain decimal" in said.message
        refused(self.GOOD + "2026-02-30 00:30,9\n", "intake.mapped.unreadable", 4, file=whole)


class TestTimes:
    """M33-M43 through a mapping."""

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ("DD.MM.YYYY hh:mm", "05.01.2026 13:15"), ("YYYYMMDDhhmm", "202601051315"),
            ("M/D/YYYY h:mm AM", "1/5/2026 1:15 PM"), ("DD/MM/YY hh:mm:ss", "05/01/26 13:15:00"),
            ("YYYY-MM-DDThh:mm:ss.000ZZ", "2026-01-05T14:15:00.000+01:00"),
            ("YYYY-MM-DD hh:mmZZ", "2026-01-05 13:15Z"), ("hh'h'mm D.M.YYYY", "13h15 5.1.2026"),
            ("YYYY年MM月DD日 hh:mm", "2026年01月05日 13:15"),
            ("YYYY-MM-DD hh:mmZZ", "2026-01-05 12:15-0100"),
            ("YYYY-MM-DD hh:mmZZ", "2026-01-05 14:15+01"),
        ],
    )  # fmt: skip
    def test_patterns(self, pattern, text):
        """One instant in many hands' writing."""
        found = seen(
            rows(f'"{text}",1'),
            time=f'pattern = "{pattern}"' + ("" if "ZZ" in pattern else '\nzone = "UTC"'),
        )

        assert [row[0] for row in slots(found)] == [1_767_618_900]

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ("DD/MM/YYYY hh:mm", "04/25/2026 00:00"), ("DD/MM/YYYY hh:mm", "4/12/2026 00:00"),
            ("D/M/YYYY h:mm", "04/12/2026 0:00"), ("YYYY-MM-DD hh:mm", "2026-W01-1 00:00"),
            ("YYYY-MM-DD hh:mm", "20260101 00:00"), ("YYYY-MM-DD hh:mm", "2026-02-29 00:00"),
            ("YYYY-MM-DD hh:mm", "2026-01-01 24:00"),
            ("YYYY-MM-DD hh:mm:ss", "2026-01-01 00:00:60"),
            ("YYYY-MM-DD hh:mm", "2026-01-01 00:00:00"), ("YYYY-MM-DD hh:mm", "2026-01-01 00:00 "),
            ("YYYY-MM-DD hh:mm", "2026-01-01 0０:00"),
            ("YYYY-MM-DD hh:mm:ss", "2026-01-01 00:00:00.1"),
            ("h:mm AM YYYY-MM-DD", "13:00 AM 2026-01-01"),
            ("h:mm AM YYYY-MM-DD", "0:00 PM 2026-01-01"),
            ("YYYY-MM-DD hh:mmZZ", "2026-01-01 00:00+14:30"),
            ("YYYY-MM-DD hh:mmZZ", "2026-01-01 00:00"),
            ("YYYY-MM-DD hh:mmZZ", "2026-01-01 00:00Z+01:00"),
        ],
    )  # fmt: skip
    def test_m33_m35_strict(self, pattern, text):
        """What does not fit to the last character is set aside, and the pattern is named."""
        found = seen(rows(f"{text},1"), time=f'pattern = "{pattern}"\nzone = "UTC"')

        assert codes(found) == ["intake.mapped.pattern"]
        assert pattern in found.findings["message"][0].as_py()

    def test_m35_hour_24_where_declared(self):
        """24:00 is then the end of the day, and 24:15 is nothing."""
        data = rows("2026-01-05 24:00,1", "2026-01-05 24:15,1")
        found = seen(data, columns='end = "t"', time='pattern = "YYYY-MM-DD hh:mm"\nhour_24 = true')

        assert [row[0] for row in slots(found)] == [1_767_657_600 - 900]
        assert codes(found) == ["intake.mapped.pattern"]

    BERLIN = 'pattern = "YYYY-MM-DD hh:mm"\nzone = "Europe/Berlin"'
    NIGHT = (
        "01:45",
        "02:00",
        "02:15",
        "02:30",
        "02:45",
        "02:00",
        "02:15",
        "02:30",
        "02:45",
        "03:00",
    )

    def night(self, order=1):
        lines = [f"2026-10-25 {clock},{n}" for n, clock in enumerate(self.NIGHT)]
        return rows(*lines[::order])

    def test_m36_the_hour_that_is_skipped(self):
        """It is set aside."""
        found = seen(rows("2026-03-29 02:15,1"), time=self.BERLIN)
        assert codes(found) == ["intake.time.nonexistent"]

    def test_m37_the_hour_that_comes_twice(self):
        """It is set aside unless the mapping says that order decides."""
        found = seen(self.night(), time=self.BERLIN)
        assert codes(found) == ["intake.time.ambiguous"] * 8
        assert values(found) == kwh(0, 9)

    @pytest.mark.parametrize(("order", "step"), [("increasing", 1), ("decreasing", -1)])
    def test_m37_order_decides(self, order, step):
        """First pass, second pass: ten quarter-hours that touch, also from last to first."""
        how = {"time": self.BERLIN + '\nfold = "in_order"', "series": f'order = "{order}"'}
        found = seen(self.night(step), **how)

        assert counts(found) == (10, 0, 0)
        assert [row[0] for row in slots(found)] == [SUMMER - 900 + 900 * n for n in range(10)]
        assert values(found) == kwh(*range(10))

    def test_m37_order_that_does_not_tell(self):
        """One pass alone, or three, stay ambiguous; another series does not help."""
        how = {"time": self.BERLIN + '\nfold = "in_order"', "series": 'order = "increasing"'}
        once = rows(
            "2026-10-25 01:45,0", "2026-10-25 02:00,1", "2026-10-25 02:15,2", "2026-10-25 03:00,3"
        )
        assert codes(seen(once, **how)) == ["intake.time.ambiguous"] * 2
        thrice = rows(*(f"2026-10-25 02:{m},1" for m in ("00", "15", "00", "15", "00", "15")))
        assert codes(seen(thrice, **how)) == ["intake.time.ambiguous"] * 6

    def test_m37_hourly(self):
        """Hourly rows show the very same time twice, one after the other."""
        how = {"time": self.BERLIN + '\nfold = "in_order"', "series": 'order = "increasing"'}
        data = rows(*(f"2026-10-25 {clock},1" for clock in ("01:00", "02:00", "02:00", "03:00")))
        found = seen(data, **how, interval="length = 3600")

        assert [row[0] for row in slots(found)] == [SUMMER - 3600, SUMMER, WINTER, WINTER + 3600]

    def test_m37_repeated(self):
        """Rows that are there three times are one when their order is looked at."""
        time = self.BERLIN + '\nfold = "in_order"'
        lines = self.night().split("\n")
        data = "\n".join([lines[0], *(line for line in lines[1:-1] for _ in range(3)), ""])
        found = seen(data, time=time, series='order = "increasing"\nrepeats = 3')

        assert counts(found) == (10, 20, 0)
        assert values(found) == kwh(*range(10))

    def test_m38_marks(self):
        """2A and 2B are the two hours; a mark at another hour fits nothing, none is ambiguous."""
        time = 'pattern = "YYYY-MM-DD hF:mm"\nzone = "Europe/Berlin"\n'
        time += 'fold = "marks"\nmarks = ["A", "B"]'
        data = rows(
            *(f"2026-10-25 {clock},1" for clock in ("2A:15", "2B:15", "2:15", "3A:00", "3:15"))
        )
        found = seen(data, time=time)

        assert [row[0] for row in slots(found)] == [SUMMER + 900, WINTER + 900, WINTER + 4500]
        assert codes(found) == ["intake.mapped.pattern", "intake.time.ambiguous"]

    def test_m39_m40_numbered_intervals(self):
        """The Nth interval of the local day: 100 quarter-hours at most, never 101."""
        time = 'pattern = "YYYY-MM-DD N"\nzone = "Europe/Berlin"'
        found = seen(rows(*(f"2026-10-25 {n},1" for n in (1, 12, 100, 101, 0))), time=time)

        assert [row[0] for row in slots(found)] == [
            SUMMER - 7200,
            SUMMER + 2700,
            SUMMER - 7200 + 99 * 900,
        ]
        assert codes(found) == ["intake.mapped.pattern"] * 2

    def test_m39_m40_rows_of_a_day(self):
        """A row per local day: 24 hours on a day of 25 are set aside, as are 25 on one of 24."""
        time = 'pattern = "YYYY-MM-DD"\nzone = "Europe/Berlin"'
        value = '\n[[value]]\nfirst = "h1"\ncount = 25\nchannel = "import"\nunit = "kWh"\n'
        header = "t," + ",".join(f"h{n}" for n in range(1, 26))

        def day(date, count):
            return f"{date}," + ",".join(["1"] * count + [""] * (25 - count))

        data = rows(day("2026-10-24", 24), day("2026-10-25", 25), day("2026-10-26", 25),
                    day("2026-03-29", 23), header=header)  # fmt: skip
        how = {"time": time, "value": value, "interval": "length = 3600"}
        found = seen(data, **how)
        assert counts(found) == (24 + 25 + 23, 0, 25)
        assert codes(found) == ["intake.day.slots"] * 25
        assert len(slots(found)) == 72
        found = seen(rows(day("2026-10-25", 24), day("2026-10-26", 20), header=header), **how)
        assert counts(found) == (20, 0, 24)

    def test_m41_offset_of_another_zone(self):
        """An offset that is not in force in the declared zone is set aside."""
        time = 'pattern = "YYYY-MM-DD hh:mmZZ"\nzone = "Europe/Berlin"'
        found = seen(rows("2026-07-01 00:00+02:00,1", "2026-07-01 01:00+01:00,1"), time=time)
        assert codes(found) == ["intake.time.offset"]

    def test_m43_off_the_grid(self):
        """A declared length has a grid; without one, or where told, step 3 looks at it."""
        data = rows("2026-01-05 00:07,1", "2026-01-05 00:30,1")
        assert codes(seen(data)) == ["intake.interval.grid"]
        assert codes(seen(data, interval="length = 900\ngrid = false")) == []
        assert codes(seen(data, interval="length = 1380")) == []

    def test_m45_out_of_time(self):
        """The future, and what is older than meters that send."""
        data = rows(
            "2026-12-01 00:00,1", "1989-12-31 00:00,1", "9999-01-01 00:00,1", "2026-01-01 00:00,1"
        )
        assert codes(seen(data)) == ["intake.time.future"] * 2 + ["intake.time.past"]

    def test_no_zone(self):
        """Local times need a zone, from the mapping or from the door."""
        document = mapping().replace(b'zone = "UTC"', b"")
        with pytest.raises(RefusedFile) as caught:
            decoded(rows("2026-01-05 00:00,1"), mapping=document)
        assert caught.value.code == "intake.time.zone"
        found = decoded(rows("2026-01-05 00:00,1"), mapping=document, zone="Europe/Berlin")
        assert slots(found)[0][0] == 1_767_567_600

    def test_length_of_a_day(self):
        """Local days of 23, 24 and 25 hours, by their start or their end."""
        time = 'pattern = "YYYY-MM-DD"\nzone = "Europe/Berlin"'
        data = rows("2026-03-29,1", "2026-10-24,2", "2026-10-25,3")
        found = seen(data, time=time, interval='length = "day"')
        ended = seen(
            data, time=time + '\nday = "ends"', interval='length = "day"', columns='end = "t"'
        )

        assert [row[1] // 3600 for row in slots(found)] == [23, 24, 25]
        assert slots(ended) == slots(found)


class TestColumns:
    """Words, constants, several columns of values."""

    def test_words(self):
        """The sender's words are translated; others are set aside, our own too."""
        more = '[words.quality]\nok = "A"\n"" = "E"\n[words.channel]\n"1.29.0" = "import"\n'
        columns = 'start = "t"\nquality = "q"\nchannel = "c"'
        value = VALUE.replace('channel = "import"\n', "")
        data = rows("2026-01-05 00:00,1,ok,1.29.0", "2026-01-05 00:15,2,,1.29.0",
                    "2026-01-05 00:30,3,A,1.29.0", "2026-01-05 00:45,4,ok,import",
                    header="t,v,q,c")  # fmt: skip
        found = seen(data, columns=columns, more=more, value=value)

        assert [row[3] for row in slots(found)] == ["A", "E"]
        assert codes(found) == ["intake.channel.unknown", "intake.quality.unknown"]

    def test_import_and_export_in_one_row(self):
        """Each filled cell is a reading; a row without any counts once, as does a bad one."""
        value = "".join(
            f'\n[[value]]\ncolumn = "{c}"\nchannel = "{c}"\nunit = "Wh"\n'
            for c in ("import", "export")
        )
        data = rows("2026-01-05 00:00,1,2", "2026-01-05 00:15,,3", "2026-01-05 00:30,,",
                    "2026-01-32 00:45,1,2", "2026-01-05 01:00,x,7", "2026-01-05 01:15",
                    header="t,import,export")  # fmt: skip
        found = seen(data, value=value)

        assert counts(found) == (4, 0, 5)
        assert codes(found) == sorted(
            ["intake.value.number"] * 2 + ["intake.mapped.pattern"] * 2 + ["intake.row.cells"]
        )
        assert [row[2] for row in slots(found, "export")] == [2000, 3000, 7000]

    def test_no_value(self):
        """Quality N needs no value."""
        more = '[words.quality]\nx = "N"\n'
        found = seen(
            rows("2026-01-05 00:00,,x", header="t,v,q"),
            more=more,
            columns='start = "t"\nquality = "q"',
        )
        assert slots(found)[0][2:4] == (None, "N")

    def test_a_mapping_is_for_its_format(self):
        """Another format beside a mapping, and the format without one, are refused as usage."""
        with pytest.raises(UsageError, match="csv-mapped"):
            decoded("t,v\n", mapping=mapping(), format="nem12")
        with pytest.raises(UsageError, match="needs a mapping"):
            decoded("t,v\n", format="csv-mapped")


START_END = 'start = "s"\nend = "e"'
ENDS_HOW = {"columns": 'end = "t"', "interval": "", "series": 'order = "increasing"'}
THRICE = {"series": "repeats = 3"}
DIAL = 'order = "increasing"\nvalues = "cumulative"\n'
DIAL_HOW = {"columns": START_END, "interval": "", "series": DIAL}


def daily(*dials, first=1, header="s,e,v"):
    """A dial per day of January, with start and end."""
    return rows(*(f"2026-01-{d:02d} 00:00,2026-01-{d + 1:02d} 00:00,{v}"
                  for d, v in enumerate(dials, first)), header=header)  # fmt: skip


class TestDials:
    """Cumulative series: differences, resets, gaps."""

    def dial(self, data, more="", interval="", table="", **parts):
        how = {"columns": START_END, "interval": interval, "series": DIAL + more, "more": table}
        return seen(data, **how | parts)

    def test_differences(self):
        """The first row opens; what it showed is kept."""
        found = self.dial(daily(24, 72, 144))

        assert values(found) == kwh(48, 72)
        assert counts(found) == (3, 0, 0)
        assert codes(found, "note") == ["intake.mapped.opened"]
        assert [row["value"] for row in found.remarks.to_pylist()] == [
            "24000000 A", "72000000 A", "144000000 A",
        ]  # fmt: skip

    def test_a_dial_that_goes_back(self):
        """The file is refused at that row, unless a reset is allowed at the interval's start."""
        data = daily(24, 72, 10)
        assert (
            "2026-01-04"
            in refused(
                data, "intake.mapped.decrease", 4, columns=START_END, interval="", series=DIAL
            ).message
        )
        for window in ('["12:00", "13:00"]', '["00:01", "23:59"]'):
            refused(
                data,
                "intake.mapped.decrease",
                columns=START_END,
                interval="",
                series=f"{DIAL}reset = {window}",
            )
        for window in ('["23:45", "00:15"]', '["00:00", "00:00"]', '["00:00", "23:59:59"]'):
            found = self.dial(data, f"reset = {window}")
            assert values(found) == kwh(48, 10)
            assert "intake.mapped.reset" in codes(found, "note")

    def test_reset_window_is_local(self):
        """Midnight in Berlin is 23:00 in UTC."""
        time = 'pattern = "YYYY-MM-DD hh:mm"\nzone = "Europe/Berlin"'
        found = self.dial(daily(24, 72, 10), 'reset = ["00:00", "00:05"]', time=time)
        assert values(found) == kwh(48, 10)

    def test_gaps_and_overlaps(self):
        """A row after a gap, or that begins too early, is set aside; its dial still counts."""
        data = rows("2026-01-01 00:00,2026-01-02 00:00,1", "2026-01-02 00:00,2026-01-03 00:00,3",
                    "2026-01-03 00:02,2026-01-04 00:00,6", "2026-01-04 00:00,2026-01-05 00:00,10",
                    "2026-01-04 23:59,2026-01-06 00:00,15", "2026-01-06 00:00,2026-01-07 00:00,21",
                    header="s,e,v")  # fmt: skip
        found = self.dial(data)
        assert codes(found) == ["intake.mapped.gap", "intake.mapped.order"]
        assert values(found) == kwh(2, 4, 6)
        assert values(self.dial(data, interval="gap = 120")) == kwh(2, 3, 4, 6)
        found = self.dial(data, interval='gaps = "note"')
        assert values(found) == kwh(2, 3, 4, 6)
        assert "intake.mapped.gaps" in codes(found, "note")

    def test_a_dial_that_cannot_be_read(self):
        """Its row is set aside, and the next one opens the series again."""
        found = self.dial(daily(1, "x", 6, 10))
        assert codes(found) == ["intake.value.number"]
        assert values(found) == kwh(4)

    def test_quality_of_a_difference(self):
        """It is the worse of both readings."""
        more = '[words.quality]\na = "A"\ne = "E"\n'
        found = self.dial(daily("1,a", "2,e", "3,a", "4,a", header="s,e,v,q"), table=more,
                          columns=START_END + '\nquality = "q"')  # fmt: skip
        assert "".join(row[3] for row in slots(found)) == "EEA"

    def test_several_series(self):
        """Each metering point and channel is a series of its own, however the rows are mixed."""
        columns = START_END + '\nchannel = "c"'
        value = VALUE.replace('channel = "import"\n', "")
        data = rows("2026-01-01 00:00,2026-01-02 00:00,1,import",
                    "2026-01-01 00:00,2026-01-02 00:00,500,export",
                    "2026-01-02 00:00,2026-01-03 00:00,3,import",
                    "2026-01-02 00:00,2026-01-03 00:00,501,export",
                    header="s,e,v,c")  # fmt: skip
        found = seen(data, columns=columns, interval="", series=DIAL, value=value)
        assert (values(found), [row[2] for row in slots(found, "export")]) == (kwh(2), kwh(1))


class TestEndsAlone:
    """Rows that have only an end."""

    def test_intervals_start_where_the_row_before_ended(self):
        """The first has no start: it is set aside, because its energy cannot be placed."""
        data = rows("2026-01-02 00:00,1", "2026-01-03 00:00,2", "2026-01-03 06:00,3")
        found = seen(data, **ENDS_HOW | {"interval": 'uneven = "note"'})
        lengths = [(row[1], row[2]) for row in slots(found)]
        assert lengths == [(86_400, 2_000_000), (21_600, 3_000_000)]
        assert codes(found) == ["intake.mapped.first"]
        assert "intake.mapped.lengths" in codes(found, "note")

    def test_a_missing_row_is_no_long_interval(self):
        """The row after it is set aside, and only that one: its energy is of one interval."""
        days = (1, 2, 3, 5, 6, 7)
        found = seen(rows(*(f"2026-01-{day:02d} 00:00,{day}" for day in days)), **ENDS_HOW)
        assert values(found) == kwh(2, 3, 6, 7)
        assert codes(found) == ["intake.mapped.first", "intake.mapped.length"]

    def test_a_row_that_does_not_come_after(self):
        """It is set aside."""
        found = seen(
            rows("2026-01-02 00:00,1", "2026-01-03 00:00,2", "2026-01-02 12:00,3"), **ENDS_HOW
        )
        assert codes(found) == ["intake.mapped.first", "intake.mapped.order"]

    def test_after_a_stamp_that_cannot_be_read(self):
        """The next row has no known start either."""
        data = rows(
            "2026-01-02 00:00,1", "2026-01-33 00:00,2", "2026-01-04 00:00,3", "2026-01-05 00:00,4"
        )
        found = seen(data, **ENDS_HOW)
        assert values(found) == kwh(4)
        assert counts(found) == (1, 0, 3)

    def test_with_a_length_nothing_is_lost(self):
        """A declared length gives the start of the first row too."""
        found = seen(rows("2026-01-02 00:15,1"), **ENDS_HOW | {"interval": "length = 900"})
        assert counts(found) == (1, 0, 0)


class TestRepeats:
    """Each reading so many times."""

    LINES = ("2026-01-05 00:00,1", "2026-01-05 00:15,2")

    def repeated(self, *lines):
        return rows(*(line for line in lines for _ in range(3)))

    def test_agreeing(self):
        """Three rows are one reading and two duplicates."""
        found = seen(self.repeated(*self.LINES), **THRICE)
        assert counts(found) == (2, 4, 0)
        assert values(found) == kwh(1, 2)

    def test_disagreeing(self):
        """Rows that do not agree are set aside, all three."""
        data = self.repeated(*self.LINES).replace(",2\n", ",2.5\n", 1)
        found = seen(data, **THRICE)
        assert counts(found) == (1, 2, 3)
        assert codes(found) == ["intake.mapped.repeats"] * 3
        assert values(found) == kwh(1)

    def test_shifted(self):
        """A lost row refuses the file, because what is a repeat of what is not plain any more."""
        refused(self.repeated(*self.LINES)[:-19], "intake.mapped.count", **THRICE)

    def test_one_of_three_unreadable(self):
        """Then the other two are set aside with it."""
        found = seen(self.repeated(*self.LINES).replace(",2\n", ",x\n", 1), **THRICE)
        assert counts(found) == (1, 2, 3)
        assert codes(found) == ["intake.mapped.repeats"] * 2 + ["intake.value.number"]


class TestLengths:
    """Uneven intervals and gaps are said, or set aside, as declared."""

    DATA = rows("2026-01-01 00:00,2026-01-02 00:00,1", "2026-01-02 00:00,2026-01-03 00:01,2",
                "2026-01-03 00:03,2026-01-04 00:01,3", "2026-01-05 00:00,2026-01-05 00:00,4",
                header="s,e,v")  # fmt: skip

    def test_said(self):
        """They are kept, and said; an interval without length is none."""
        found = seen(self.DATA, columns=START_END, interval="", series='order = "increasing"')
        assert values(found) == kwh(1, 2, 3)
        assert codes(found) == ["intake.mapped.length"]
        assert codes(found, "note") == [
            "intake.mapped.gaps", *["intake.mapped.lengths"] * 2,
        ]  # fmt: skip

    def test_tolerated(self):
        """Within the declared tolerance nothing is said."""
        data = "\n".join(self.DATA.split("\n")[:4]) + "\n"
        found = seen(
            data,
            columns=START_END,
            interval="tolerance = 180\ngap = 120",
            series='order = "increasing"',
        )
        assert codes(found, "note") == []

    def test_set_aside(self):
        """Where the mapping asks for it, they are set aside."""
        both = 'uneven = "set_aside"\ngaps = "set_aside"\ntolerance = 60'
        found = seen(self.DATA, columns=START_END, interval=both, series='order = "increasing"')
        assert codes(found) == ["intake.mapped.gap", *["intake.mapped.length"] * 3]
        found = seen(
            self.DATA,
            columns=START_END,
            interval='gaps = "set_aside"',
            series='order = "increasing"',
        )
        assert codes(found) == ["intake.mapped.gap", "intake.mapped.length"]

    def test_overlaps(self):
        """Intervals that overlap are set aside, or kept where the mapping says so."""
        data = rows(
            "2026-01-01 00:00,2026-01-02 00:00,1",
            "2026-01-01 23:59,2026-01-03 00:00,2",
            header="s,e,v",
        )
        how = {"columns": START_END, "series": ""}
        assert codes(seen(data, interval="", **how)) == ["intake.interval.overlap"] * 2
        assert values(seen(data, interval='overlaps = "note"', **how)) == kwh(1, 2)

    def test_declared_and_given(self):
        """Start, end and length must agree."""
        data = rows(
            "2026-01-05 00:00,2026-01-05 00:15,1",
            "2026-01-05 00:15,2026-01-05 00:45,1",
            header="s,e,v",
        )
        found = seen(data, columns=START_END, interval='length = 900\nuneven = "set_aside"')
        assert codes(found) == ["intake.mapped.length"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, 0, -1]), st.sampled_from([0, 0, 0, 1, -1]), st.integers(-3, 9)
    ),
    min_size=1, max_size=8,
)  # fmt: skip


@ANY_TIME
@given(
    steps=STEPS, cumulative=st.booleans(), ends=st.booleans(), back=st.booleans(),
    repeats=st.sampled_from([1, 1, 3]), gap=st.sampled_from([0, 1]), strict=st.booleans(),
    window=st.sampled_from([None, (0, 23), (22, 2), (6, 9)]),
)  # fmt: skip
def test_as_a_plain_loop_over_rows(steps, cumulative, ends, back, repeats, gap, strict, window):
    """Whatever the combination, whole columns give what a loop over the rows gives."""
    lines, at, dial = [], 40, 20
    for length, shift, step in steps:
        start, at, dial = at + shift, at + shift + length, max(0, dial + step)
        lines.append((start, at, dial))
    window = window if cumulative else None
    expected = model(lines, cumulative=cumulative, ends=ends, gap=gap, strict=strict, window=window)
    gaps = f'gap = {gap * 3600}\ngaps = "{"set_aside" if strict else "note"}"\n'
    gaps += 'uneven = "note"\noverlaps = "note"'
    series = f'order = "{"decreasing" if back else "increasing"}"\nrepeats = {repeats}\n'
    series += f'values = "{"cumulative" if cumulative else "interval"}"\n'
    if window:
        series += f'reset = ["{window[0]:02d}:00", "{window[1]:02d}:00"]'

    def text(hour):
        return f"2026-01-{1 + hour // 24:02d} {hour % 24:02d}:00"

    table = [
        (text(end) if ends else f"{text(start)},{text(end)}") + f",{v}" for start, end, v in lines
    ]
    data = rows(*(line for line in (table[::-1] if back else table) for _ in range(repeats)),
                header="e,v" if ends else "s,e,v")  # fmt: skip
    how = {"columns": 'end = "e"' if ends else START_END, "interval": gaps, "series": series}
    if expected is None:
        refused(data, "intake.mapped.decrease", **how)
        return
    found = seen(data, **how)
    first = 1_767_225_600
    spans = [
        ((row[0] - first) // 3600, (row[0] + row[1] - first) // 3600, row[2] // 10**6)
        for row in slots(found)
    ]
    counts(found)
    assert spans == sorted(set(expected))


class Store:
    """What earlier deliveries said beside their values."""

    def __init__(self):
        import pyarrow as pa

        from gridtally.tables import REMARKS

        self.join, self.remarks = pa.concat_tables, REMARKS.empty_table()

    def __call__(self, points, start, end):
        return self.remarks

    def take(self, data, **parts):
        found = decoded(data, mapping=mapping(**parts), stands=self)
        self.remarks = self.join([self.remarks, found.remarks])
        return slots(found)


class TestFromOneDeliveryToTheNext:
    """A series goes on where other deliveries left it, in whatever order they come."""

    def test_a_dial_goes_on(self):
        """The first row of the second delivery does not open."""
        store = Store()
        store.take(daily(24, 72), **DIAL_HOW)
        assert [row[2] for row in store.take(daily(144, 240, first=3), **DIAL_HOW)] == kwh(72, 96)

    @pytest.mark.parametrize(
        "order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)]
    )
    def test_order_of_arrival(self, order):
        """Three deliveries of one dial give the same intervals in any order."""
        parts = [daily(10, 11), daily(13, 16, first=3), daily(20, 25, first=5)]
        store, found = Store(), set()
        for number in order:
            found |= set(store.take(parts[number], **DIAL_HOW))
        assert sorted(row[2] for row in found) == kwh(1, 2, 3, 4, 5)

    def test_ends_alone_go_on(self):
        """The stamp before is known, also that of a row whose value could not be used."""
        store = Store()
        store.take(rows("2026-01-02 00:00,1", "2026-01-03 00:00,-1"), **ENDS_HOW)
        [row] = store.take(rows("2026-01-04 00:00,3"), **ENDS_HOW)
        assert row[1:3] == (86_400, 3_000_000)

    def test_ends_alone_that_come_late(self):
        """The row that only opened gets its interval when the delivery before it comes."""
        store = Store()
        assert store.take(rows("2026-01-04 00:00,3"), **ENDS_HOW) == []
        found = store.take(rows("2026-01-02 00:00,1", "2026-01-03 00:00,2"), **ENDS_HOW)
        assert [row[2] for row in found] == kwh(2, 3)

    def test_ends_alone_over_a_gap_between_deliveries(self):
        """What is missing between two deliveries is no long interval, and comes later."""
        store, days = Store(), [rows(*(f"2026-01-{d:02d} 00:00,{d}" for d in part))
                                for part in ((2, 3, 4), (6, 7, 8), (5,))]  # fmt: skip
        assert [row[2] for row in store.take(days[0], **ENDS_HOW)] == kwh(3, 4)
        assert [row[2] for row in store.take(days[1], **ENDS_HOW)] == kwh(7, 8)
        assert [row[1:3] for row in store.take(days[2], **ENDS_HOW)] == [
            (86_400, 5_000_000), (86_400, 6_000_000),
        ]  # fmt: skip

    def test_a_dial_that_goes_back_between_deliveries(self):
        """It refuses the second delivery."""
        store = Store()
        store.take(daily(24, 72), **DIAL_HOW)
        with pytest.raises(RefusedFile) as caught:
            store.take(daily(60, first=3), **DIAL_HOW)
        assert caught.value.code == "intake.mapped.decrease"
