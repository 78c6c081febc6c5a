"""NEM12 and NEM13: what the oracles do not show."""

from datetime import UTC, datetime

import pytest
from intake_cases import codes, counts, decoded, nem12, slots
from nem_cases import accumulated, day, file, record, stream, values

from gridtally.errors import RefusedFile
from gridtally.intake.decode import summary
from gridtally.intake.formats import mdff


def refused(text, line, words):
    with pytest.raises(RefusedFile) as caught:
        decoded(text)
    assert caught.value.line == line
    assert words in caught.value.message


def test_time_is_utc_plus_ten():
    """Days begin at midnight in UTC+10, in summer too, whatever zone is declared."""
    found = decoded(file(stream(), day()), zone="Australia/Sydney")
    start = slots(found)[0][0]

    assert datetime.fromtimestamp(start, UTC).isoformat() == "2026-01-04T14:00:00+00:00"


def test_suffixes_are_channels():
    """E, B, Q and K are import, export, reactive import and reactive export."""
    records = []
    for suffix, unit in (("E1", "kWh"), ("B1", "kWh"), ("Q1", "kvarh"), ("K1", "kVArh")):
        records += [stream(suffix, "E1B1Q1K1", unit), day()]
    found = summary(decoded(file(*records)))["channels"]

    assert [(row["channel"], row["unit"]) for row in found] == [
        ("import", "kWh"), ("export", "kWh"), ("reactive_import", "kvarh"),
        ("reactive_export", "kvarh"),
    ]  # fmt: skip


def test_qualities():
    """A is actual, S and F are substituted, E is estimated, N has no value."""
    records = [
        day(tail=f"{method},,,20260110000000,", date=f"2026010{number}")
        for number, method in enumerate(("A", "S14", "F15", "E52", "N"), start=1)
    ]
    letters = [letter for *_, letter, _ in slots(decoded(file(stream(), *records)))]

    assert "".join(letters[::24]) == "ASSEN"


def test_quality_by_interval():
    """With V, the 400 records say the quality of each interval, from the first to the last."""
    found = decoded(
        file(stream(), day(tail="V,,,20260110000000,"), "400,1,10,A,,", "400,11,23,F14,76,",
             "400,24,24,N,,")
    )  # fmt: skip
    letters = "".join(letter for *_, letter, _ in slots(found))

    assert letters == "A" * 10 + "S" * 13 + "N"
    assert slots(found)[-1][2] is None


@pytest.mark.parametrize(
    "records",
    [
        (),
        ("400,1,23,A,,",),
        ("400,2,24,A,,",),
        ("400,1,12,A,,", "400,12,24,A,,"),
        ("400,1,12,A,,", "400,14,24,A,,"),
        ("400,1,25,A,,",),
        ("400,1,24,V,,",),
        ("400,1,24,X,,",),
        ("400,24,1,A,,",),
        ("400,a,24,A,,",),
    ],
)
def test_400_records_tile_the_day(records):
    """400 records that leave an interval out, or cover it twice, set the day aside."""
    found = decoded(file(stream(), day(tail="V,,,20260110000000,"), *records, day(date="20260106")))

    assert counts(found) == (1, 0, 1)
    assert codes(found) == ["intake.nem.quality"]


def test_version_is_the_update_time():
    """A day's version is its update time in UTC; without one, that of the file."""
    text = file(stream(), day(), day(date="20260106", tail="A,,,,"))
    versions = [version for *_, version in slots(decoded(text))]

    assert versions[0] == int(datetime(2026, 1, 9, 14, tzinfo=UTC).timestamp())
    assert versions[24] == int(datetime(2026, 1, 9, 14, tzinfo=UTC).timestamp())
    later = text.replace("A,,,20260110000000", "A,,, 20260110123000")
    assert slots(decoded(later))[0][-1] == versions[0] + 12 * 3600 + 1800


class TestStreams:
    """Several streams of one letter are one channel."""

    def test_they_are_added(self):
        """E1 and E2 are added interval by interval; the quality is that of the worst."""
        found = decoded(
            file(
                stream("E1", "E1E2"), day(1), stream("E2", "E1E2"), day(2, "E52,,,20260111000000,")
            )
        )

        assert counts(found) == (2, 0, 0)
        assert {slot[2:4] for slot in slots(found)} == {(3_000_000, "E")}
        assert summary(found)["channels"][0]["n"] == 48
        assert summary(found)["channels"][0]["sum"] == "72"
        assert "intake.channel.summed" in codes(found, "note")

    def test_at_the_coarser_length(self):
        """Half-hours and hours are added by the hour."""
        found = decoded(
            file(stream("E1", "E1E2", minutes=30), day(1, count=48), stream("E2", "E1E2"), day(2))
        )

        assert {slot[1:3] for slot in slots(found)} == {(3600, 4_000_000)}

    def test_at_a_length_that_both_divide(self):
        """Intervals of 10 and 15 minutes are added by the half-hour."""
        found = decoded(
            file(stream("E1", "E1E2", minutes=10), day(1, count=144),
                 stream("E2", "E1E2", minutes=15), day(1, count=96))
        )  # fmt: skip

        assert {slot[1:3] for slot in slots(found)} == {(1800, 5_000_000)}

    def test_many_days_at_once(self):
        """Plain days are added together, those beside them one by one; all are the same."""
        dates = [f"202601{number:02d}" for number in range(1, 9)]
        one = [day(number, date=date) for number, date in enumerate(dates)]
        two = [day(10 * number, date=date) for number, date in enumerate(dates) if number != 3]
        two[5:5] = [day(70, date=dates[6], tail="S14,76,,20260109000000,")]
        found = decoded(file(stream("E1", "E1E2"), *one, stream("E2", "E1E2"), *two))
        values = [slot[2] // 1_000_000 for slot in slots(found)[::24]]

        assert counts(found) == (15, 0, 1)
        assert values == [0, 11, 22, 44, 55, 66, 77]

    def test_the_newest_version_of_each(self):
        """A corrected day of one stream replaces that stream's day in the sum."""
        found = decoded(
            file(stream("E1", "E1E2"), day(1), stream("E2", "E1E2"), day(2),
                 stream("E1", "E1E2"), day(5, "A,,,20260112000000,"))
        )  # fmt: skip

        assert counts(found) == (3, 0, 0)
        assert {slot[2] for slot in slots(found)} == {7_000_000}

    def test_no_value_in_one_is_no_value(self):
        """When one configured stream has no value, the sum has none: nothing is billed by half."""
        found = decoded(
            file(stream("E1", "E1E2"), day(1), stream("E2", "E1E2"), day(0, "N,,,20260110000000,"))
        )

        assert {slot[2:4] for slot in slots(found)} == {(None, "N")}

    def test_an_exchange(self):
        """When the configuration changes that day, each stream counts where it has a value."""
        found = decoded(
            file(stream("E1", "E1"), day(1, "V,,,20260110000000,"), "400,1,12,A,,", "400,13,24,N,,",
                 stream("E2", "E2"), day(2, "V,,,20260110000000,"), "400,1,12,N,,", "400,13,24,A,,")
        )  # fmt: skip

        assert [slot[2] for slot in slots(found)] == [1_000_000] * 12 + [2_000_000] * 12

    def test_a_missing_stream(self):
        """A day without one of the configured streams is set aside; other days are not."""
        found = decoded(
            file(stream("E1", "E1E2"), day(1), day(1, date="20260106"),
                 stream("E2", "E1E2"), day(2, date="20260106"))
        )  # fmt: skip

        assert counts(found) == (2, 0, 1)
        assert codes(found) == ["intake.channel.partial"]
        assert {slot[2] for slot in slots(found)} == {3_000_000}

    def test_a_bad_stream_sets_the_day_aside(self):
        """When one stream's day is set aside, its sum cannot be made."""
        found = decoded(file(stream("E1", "E1E2"), day(1), stream("E2", "E1E2"), day("x")))

        assert counts(found) == (0, 0, 2)
        assert codes(found) == ["intake.channel.partial", "intake.value.number"]


class TestRules:
    """Files that break the rules are refused with their line."""

    def test_header(self):
        """The first record is 100, names the version, and has a date."""
        refused(nem12().split("\n", 1)[1], 1, "begins with '200'")
        refused("\n" + nem12().split("\n", 1)[1], 2, "begins with '200'")
        refused(file(stream(), day(), header="100,NEM12,soon,A,B"), 1, "date and time")
        refused(file(stream(), day(), header="100,NEM14,202601100000,A,B"), 1, "'NEM14'")

    def test_two_files_in_one(self, monkeypatch):
        """Nothing follows the 900 record, and no second 100 comes before it."""
        refused(nem12() + nem12(), 9, "after the 900")
        refused(nem12().replace("900\n", "") + nem12(), 8, "second 100")
        refused(nem12() + stream() + "\n", 9, "after the 900")
        monkeypatch.setattr(mdff, "_PIECE", 50)
        refused(nem12() + nem12(), 9, "after the 900")
        refused(nem12() + stream() + "\n", 9, "after the 900")

    def test_orphans(self):
        """Days follow a stream, qualities a day."""
        refused(file(day()), 2, "300 record does not follow")
        refused(file(stream(), "400,1,24,A,,", day()), 3, "400 record does not follow")

    def test_lines_that_are_no_records(self):
        """A line that begins no record is refused where it does not continue a broken one."""
        refused(file("hello", stream(), day()), 2, "'hello', which is no record")
        refused(file(stream(), "250,x", day()), 3, "'250', which is no record")

    def test_interval_length(self):
        """A 200 record without an interval length that divides the hour is refused."""
        for minutes in ("", "0", "7", "120", "x"):
            refused(file(stream(minutes=minutes), day()), 2, "interval length")

    def test_number_of_values(self):
        """Values that contradict the interval length are counted in the refusal."""
        refused(file(stream(minutes=30), day()), 3, "has 24 values; the interval length of its")
        refused(file(stream(), day(count=48)), 3, "makes 24")
        refused(file(stream(), day(tail="")), 3, "no quality method")

    def test_a_record_broken_over_lines(self):
        """A record whose line was broken is one row set aside; what follows is read."""
        found = decoded(
            file(stream(), day(), "300,20260106,", values(1, 12) + ",", values(1, 12) + ",A,,,,",
                 "400,1,24,A,,", day(date="20260107"))
        )  # fmt: skip

        assert counts(found) == (2, 0, 1)
        assert codes(found) == ["intake.row.broken"]


class TestNem13:
    """Accumulated readings: two dial readings and a quantity in each record."""

    def test_readings(self):
        """Both readings are there, at their instants, with the dial named by its suffix."""
        found = decoded(accumulated(record(), "550,N,,R,"))
        rows = found.registers.to_pylist()

        assert [(r["meter"], r["register"], r["channel"], r["reading"]) for r in rows] == [
            ("M1", "11", "import", 100_000_000), ("M1", "11", "import", 210_000_000),
        ]  # fmt: skip
        assert rows[0]["time_utc"].isoformat() == "2025-12-31T14:00:00+00:00"
        assert summary(found)["channels"] == [
            {"metering_point": "P", "channel": "import", "unit": "kWh", "n": 1, "sum": "110",
             "first": "2025-12-31T14:00:00Z", "last": "2026-03-31T14:00:00Z"}
        ]  # fmt: skip

    def test_directions(self):
        """I is export; kvarh is reactive."""
        found = decoded(
            accumulated(record(way="I", quantity="-110"), record(unit="kvarh", suffix="21"))
        )

        assert set(found.registers["channel"].to_pylist()) == {"export", "reactive_import"}
        assert [row["sum"] for row in summary(found)["channels"]] == ["-110", "110"]

    def test_the_end_of_one_begins_the_next(self):
        """The reading that two records share is there once."""
        found = decoded(
            accumulated(
                record(),
                record(before="00210", after="00220", quantity="10", start="20260401000000",
                       end="20260430000000", update="20260501000000"),
            )
        )  # fmt: skip

        assert counts(found) == (2, 0, 0)
        assert found.registers["reading"].to_pylist() == [100_000_000, 210_000_000, 220_000_000]

    def test_the_same_record_again(self):
        """The same record again is a duplicate."""
        found = decoded(accumulated(record(), record()))

        assert counts(found) == (1, 1, 0)

    def test_a_contradiction(self):
        """Two records that disagree about one reading are both set aside."""
        found = decoded(accumulated(record(), record(after="00211", quantity="111")))

        assert counts(found) == (0, 0, 2)
        assert codes(found) == ["intake.register.conflict"] * 2
        assert not found.registers.num_rows
        assert not summary(found)["channels"]

    def test_quantity_is_checked(self):
        """A quantity that is neither the difference nor one turn more is noted."""
        for before, after, quantity in (
            ("00100", "00210", "110"), ("99990", "00010", "20"), ("00010", "99990", "20"),
        ):  # fmt: skip
            found = decoded(accumulated(record(before, after, quantity)))
            assert codes(found, "note") == []
        found = decoded(accumulated(record(quantity="111")))
        assert codes(found, "note") == ["intake.register.quantity"]

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"before": "x"}, "intake.value.number"),
            ({"after": "-5"}, "intake.value.negative"),
            ({"after": "1.0000001"}, "intake.value.finer"),
            ({"quantity": ""}, "intake.value.number"),
            ({"start": "20260230000000"}, "intake.time.pattern"),
            ({"end": "20260401"}, "intake.time.pattern"),
            ({"start": "19800101000000"}, "intake.time.past"),
            ({"end": "20270401000000"}, "intake.time.future"),
            ({"unit": "therm"}, "intake.unit.unknown"),
            ({"way": "X"}, "intake.channel.unknown"),
            ({"q": "V"}, "intake.quality.unknown"),
            ({"update": "now"}, "intake.version.number"),
            ({"suffix": ""}, "intake.point.name"),
        ],
    )
    def test_bad_records_are_set_aside(self, wrong, code):
        """A bad field sets its record aside, the next one is read."""
        good = record(start="20260401000000", end="20260430000000")
        found = decoded(accumulated(record(**wrong), good))

        assert counts(found) == (1, 0, 1)
        assert codes(found) == [code]

    def test_rules(self):
        """Short records, strange lines and a missing 900 refuse the file."""
        refused(accumulated("250,P,11"), 2, "has 3 fields")
        refused(accumulated("200,P"), 2, "no record here")
        refused(accumulated("550,N,,R,"), 2, "no record here")
        refused(accumulated(record()).replace("900\r\n", ""), 2, "900 record is missing")
        refused(accumulated(), 2, "no data")
