"""EDIFACT MSCONS: the frame and its characters, what each segment means, and what is set aside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, codes, counts, decoded, slots
from mscons_cases import HEAD, interchange, message, profile, quarter, reading

from gridtally.errors import RefusedFile
from gridtally.intake.decode import summary
from gridtally.intake.formats import edifact

MIDNIGHT = 1_767_571_200
"""2026-01-05T00:00:00Z"""


def file(*body, **how):
    """A file of one message."""
    return interchange(message(*body), **how)


def refusal(data, **how):
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **how)
    assert caught.value.remedy
    return caught.value


def channels(found):
    return [(c["channel"], c["n"], c["sum"]) for c in summary(found)["channels"]]


def remarks(found, *keys):
    return [(r["key"], r["value"]) for r in found.remarks.to_pylist() if r["key"] in keys]


DAY = [quarter(n, "0.25") for n in range(96)]


class TestCharacters:
    """The service string advice says which characters separate, and which is the decimal mark."""

    @pytest.mark.parametrize("between", ["", "\n", "\r\n"])
    @pytest.mark.parametrize("una", ["UNA:+.? '", ""])
    def test_with_and_without_advice(self, una, between):
        """Without UNA the usual characters hold; line ends between segments are no text."""
        found = decoded(file(*profile(*DAY), una=una, between=between))

        assert found.format == "mscons"
        assert counts(found) == (96, 0, 0)
        assert channels(found) == [("import", 96, "24")]
        assert slots(found)[0] == (MIDNIGHT, 900, 250_000, "A", MIDNIGHT + 43_200)

    def test_decimal_comma(self):
        """A comma is the decimal mark when UNA says so, and then a point is none."""
        comma = file(*profile(quarter(0, "0,25"), quarter(1, "0.25")), una="UNA:+,? '")
        point = file(*profile(quarter(0, "0,25"), quarter(1, "0.25")))

        for data, start in ((comma, MIDNIGHT), (point, MIDNIGHT + 900)):
            found = decoded(data)
            assert counts(found) == (1, 0, 1)
            assert codes(found) == ["intake.value.number"]
            assert [slot[0::2][:2] for slot in slots(found)] == [(start, 250_000)]

    def test_other_characters(self):
        """Any characters can separate."""
        text = file(*profile(*DAY), una="")
        swapped = str.maketrans({":": "|", "+": "*", "?": "!", "'": "~"})
        text = text.translate(swapped).replace("!*00", "+00").replace("1!|1", "1:1")
        found = decoded("UNA|*.! ~" + text)

        assert channels(found) == [("import", 96, "24")]

    @pytest.mark.parametrize("una", ["UNA:+.: '", "UNA::.? '", "UNAa+.? '", "UNA:+;? '"])
    def test_impossible_advice(self, una):
        """Two meanings for one character, a letter, or another decimal mark refuse the file."""
        assert refusal(file(*profile(*DAY), una=una)).code == "intake.edifact.frame"

    def test_released_characters(self):
        """A release character takes the meaning from the next one, also from itself."""
        found = decoded(file(*profile(quarter(0), point="A?+B?:C??")))

        assert summary(found)["channels"][0]["metering_point"] == "A+B:C?"

    @pytest.mark.parametrize(
        ("charset", "encoding", "name"),
        [("UNOC", "latin-1", "Müller"), ("UNOY", "utf-8", "Ořech"), ("UNOA", "ascii", "X")],
    )
    def test_character_set(self, charset, encoding, name):
        """Text is read in the character set that UNB declares."""
        text = file(*profile(quarter(0), point=name), charset=charset)
        found = decoded(text.encode(encoding))

        assert summary(found)["channels"][0]["metering_point"] == name

    @pytest.mark.parametrize(
        ("charset", "encoding"), [("UNOA", "latin-1"), ("UNOY", "latin-1"), ("UNOB", "utf-8")]
    )
    def test_wrong_character_set(self, charset, encoding):
        """Bytes that the declared set does not have refuse the file."""
        text = file(*profile(quarter(0), point="Müller"), charset=charset)

        assert refusal(text.encode(encoding)).code == "intake.edifact.charset"

    def test_unknown_character_set(self):
        """A character set that nobody knows is not guessed."""
        error = refusal(file(*profile(quarter(0)), charset="UNOQ"))
        assert (error.code, error.line) == ("intake.edifact.frame", 1)

    @pytest.mark.parametrize("char", ["\0", "\t", "\x1b", "\x85"])
    def test_control_characters(self, char):
        """A control character refuses the file, with its line."""
        text = file(*profile(quarter(0))).replace("DOC1", f"DO{char}C1").encode("latin-1")
        error = refusal(text)
        assert (error.code, error.line) == ("intake.file.control", 4)

    def test_line_end_in_a_segment(self):
        """Lines that were broken by force are not put together again."""
        error = refusal(file(*profile(quarter(0))).replace("LOC+172+", "LOC+172\n+"))
        assert (error.code, error.line) == ("intake.edifact.frame", 10)


class TestFrame:
    """M01-M03: counts and references of the trailers are those of the file, or it is refused."""

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("UNT+299+1'", "UNT+298+1'", "intake.file.count"),
            ("UNT+299+1'", "UNT+many+1'", "intake.file.count"),
            ("UNT+299+1'", "UNT+300+2'", "intake.edifact.frame"),
            ("UNT+299+1'\n", "", "intake.file.truncated"),
            ("UNZ+1+R1'", "UNZ+2+R1'", "intake.file.count"),
            ("UNZ+1+R1'", "UNZ+1+R2'", "intake.edifact.frame"),
            ("UNZ+1+R1'\n", "", "intake.file.truncated"),
            ("UNZ+1+R1'", "UNZ+1+R1", "intake.file.truncated"),
            ("UNZ+1+R1'", "UNZ+1+R1'FTX+1'", "intake.edifact.frame"),
            ("UNZ+1+R1'", "FTX+1'UNZ+1+R1'", "intake.edifact.frame"),
            ("UNH+1+MSCONS", "UNH+1+INVOIC", "intake.edifact.frame"),
            ("BGM+7", "UNH+7", "intake.file.truncated"),
            ("BGM+7", "BGMX+7", "intake.edifact.frame"),
            ("BGM+7", "BGM" + "+7" * 70, "intake.edifact.frame"),
            ("DTM+163:202601050000?+00:303'\n", "", "intake.file.count"),
        ],
    )
    def test_broken_frames(self, old, new, code):
        """Each damage to the frame refuses the whole file, and says so."""
        text = file(*profile(*DAY))
        assert text.count(old) == 1

        assert refusal(text.replace(old, new)).code == code

    def test_cut_anywhere(self):
        """A file cut at any byte is refused."""
        text = file(*profile(quarter(0), quarter(1)), between="").encode()
        for end in range(len(text) - 1):
            assert refusal(text[:end], format="mscons").code.startswith("intake.")

    def test_several_messages(self):
        """Messages of one interchange are read one after the other, each with its own version."""
        later = [HEAD[0], "DTM+137:202601061200?+00:303"]
        found = decoded(
            interchange(
                message(*profile(quarter(0, "1"), point="A")),
                message(*profile(quarter(0, "2"), point="A"), head=later, reference="2"),
                message(*profile(quarter(0, "3"), point="B"), reference="3"),
            )
        )

        assert counts(found) == (3, 0, 0)
        assert [slot[2] for slot in slots(found)] == [1_000_000, 2_000_000, 3_000_000]
        assert codes(found, "note") == ["intake.interval.version"]

    def test_pieces(self, monkeypatch):
        """However small the pieces in which a file is read, nothing changes."""
        text = file(*profile(*DAY), *reading())
        whole = decoded(text)
        for size in (64, 200, 1000):
            monkeypatch.setattr(edifact, "_PIECE", size)
            found = decoded(text)
            assert found.blocks.equals(whole.blocks)
            assert found.registers.equals(whole.registers)
            assert found.remarks.equals(whole.remarks)

    def test_lines(self):
        """Findings name the line; in a file without lines they count segments, and say so."""
        body = profile(quarter(0), quarter(1, "x"))
        lines = decoded(file(*body))
        single = decoded(file(*body, between=""))

        assert [row["line"] for row in lines.findings.to_pylist()] == [16]
        rows = single.findings.to_pylist()
        assert [row["line"] for row in rows if row["severity"] == "warn"] == [15]
        assert codes(single, "note") == ["intake.mscons.segments"]

    @pytest.mark.parametrize("body", [(), ("NAD+DP", "LOC+172+DE1")])
    def test_no_values(self, body):
        """A message without a value is no data."""
        assert refusal(file(*body)).code == "intake.file.rows"


class TestValues:
    """What QTY, PIA, LOC, DTM and STS say."""

    @pytest.mark.parametrize(
        ("status", "letter"),
        [("220", "A"), ("67", "S"), ("79", "A"), ("Z31", "A"), ("187", "E"), ("201", "E"),
         ("Z18", "E"), ("Z30", "N"), ("20", "N")],
    )  # fmt: skip
    def test_qualifiers(self, status, letter):
        """The status of a value is its quality; what our letters do not say is kept as a remark."""
        found = decoded(file(*profile(quarter(0, "1", status), quarter(1))))

        assert counts(found) == (2, 0, 0)
        assert slots(found)[0][2:4] == (None if letter == "N" else 1_000_000, letter)
        kept = [("mscons.qualifier", status)] if status not in ("220", "67") else []
        assert remarks(found, "mscons.qualifier") == kept
        unusable = [("mscons.unusable", "1")] if status == "20" else []
        assert remarks(found, "mscons.unusable") == unusable

    @pytest.mark.parametrize(
        ("obis", "channel"),
        [("1-1?:1.29.0", "import"), ("1-0?:2.29.0", "export"), ("1-65?:3.29.0", "reactive_import"),
         ("1-1?:4.29.0", "reactive_export"), ("1-1?:5.29.0", "reactive_import"),
         ("1-1?:6.29.0", "reactive_import"), ("1-1?:7.29.0", "reactive_export"),
         ("1-1?:8.29.0", "reactive_export"), ("1-1?:1.10.0", "import"),
         ("1-1?:1.29.0*255", "import")],
    )  # fmt: skip
    def test_channels(self, obis, channel):
        """The OBIS code names the channel."""
        found = decoded(file(*profile(quarter(0, "1"), obis=obis)))
        assert channels(found) == [(channel, 1, "1")]

    @pytest.mark.parametrize(
        "obis", ["7-1?:1.29.0", "1-1?:9.29.0", "1-1?:1.4.0", "1-1?:3.6.0", "1-1?:1.8.63", "AUA", ""]
    )
    def test_what_is_no_electric_energy(self, obis):
        """Gas, other quantities, error registers and media are never taken for energy."""
        found = decoded(file(*profile(quarter(0), obis=obis)))
        assert codes(found) == ["intake.mscons.obis"]

    @pytest.mark.parametrize(
        ("unit", "value", "expected"),
        [("KWH", "1.5", 1_500_000), ("MWH", "1.5", 1_500_000_000), ("WHR", "1500", 1_500_000)],
    )
    def test_units(self, unit, value, expected):
        """A unit says more than the OBIS code, which implies kWh."""
        found = decoded(file(*profile(quarter(0, f"{value}:{unit}"))))
        assert [slot[2] for slot in slots(found)] == [expected]

    @pytest.mark.parametrize(
        ("value", "code"),
        [("1:KWT", "intake.unit.channel"), ("1:K3", "intake.unit.channel"),
         ("1:D54", "intake.unit.unknown"), ("-1", "intake.value.negative"),
         ("", "intake.value.number"), ("1e3", "intake.value.number"),
         ("?+1", "intake.value.number"),
         ("0.0000001", "intake.value.finer"), ("9999999999", "intake.value.large")],
    )  # fmt: skip
    def test_bad_values(self, value, code):
        """A value that cannot be kept is set aside, as in every other format."""
        found = decoded(file(*profile(quarter(0, value), quarter(1))))

        assert counts(found) == (1, 0, 1)
        assert codes(found) == [code]

    def test_no_metering_point(self):
        """A value without LOC 172 has no place, and one of another location has none either."""
        body = ["NAD+DP", "LOC+Z04+H0", "LIN+1", "PIA+5+1-1?:1.29.0:SRW", *quarter(0)]
        assert codes(decoded(file(*body))) == ["intake.point.name"]

    def test_status(self):
        """STS segments become remarks with the time of their value; some are events."""
        more = ["STS+Z32++Z92", "STS+Z40++Z77", "STS+10+Z36", "STS+Z99++ZZ1"]
        found = decoded(file(*profile(quarter(0, "1", "67", *more), quarter(1))))

        assert sorted(remarks(found, *(r["key"] for r in found.remarks.to_pylist()))) == [
            ("event.power_loss", "Z77"), ("mscons.basis", "Z36"), ("mscons.message", "DOC1"),
            ("mscons.method", "Z92"), ("mscons.reason", "Z77"), ("mscons.status", "ZZ1"),
        ]  # fmt: skip
        rows = {row["key"]: row for row in found.remarks.to_pylist()}
        method = rows["mscons.method"]
        assert (method["metering_point"], method["channel"]) == ("DE1", "import")
        assert (method["start_utc"].timestamp(), method["end_utc"].timestamp()) == (
            MIDNIGHT, MIDNIGHT + 900,
        )  # fmt: skip

    def test_duplicates_and_conflicts(self):
        """The same interval again is counted once; with another value, both are set aside."""
        found = decoded(file(*profile(quarter(0), quarter(0), quarter(1, "1"), quarter(1, "2"))))

        assert counts(found) == (1, 1, 2)
        assert codes(found) == ["intake.interval.conflict"] * 2

    def test_stated_sums(self):
        """What `decode` adds up is what the sender stated, also where a time cannot be used."""
        bad = ["QTY+220:3", "DTM+163:202601050015?+00:303", "DTM+164:202601050010?+00:303"]
        found = decoded(file(*profile(quarter(0, "1"), bad)))

        assert counts(found) == (1, 0, 1)
        assert channels(found) == [("import", 2, "4")]

    def test_storno(self):
        """A message that takes another back brings nothing, and says what to do."""
        head = ["BGM+7+DOC2+1", "DTM+137:202601051200?+00:303", "RFF+ACW:DOC1"]
        alone = decoded(interchange(message(head=head)))
        filled = decoded(interchange(message(*profile(quarter(0)), head=head)))

        for found, rows in ((alone, 0), (filled, 1)):
            assert counts(found) == (0, 0, rows)
            first = found.findings.to_pylist()[-1 if rows == 0 else 0]
            assert first["code"] == "intake.mscons.withdrawn"
            assert "'DOC2'" in first["message"] or "DOC2" in first["message"]
        assert alone.blocks.num_rows == filled.blocks.num_rows == 0

    def test_versions(self):
        """DTM 293 of a location counts before the message's own date; else UNB's."""
        stamp = "DTM+293:20260106103045?+00:304"
        body = profile(quarter(0))
        marked = decoded(file(*body[:2], stamp, *body[2:]))
        bare = decoded(interchange(message(*body, head=HEAD[:1])))
        local = decoded(interchange(message(*body, head=["DTM+137:202601051300:203"])))

        assert [slot[4] for slot in slots(marked)] == [MIDNIGHT + 86_400 + 37_845]
        assert [slot[4] for slot in slots(bare)] == [MIDNIGHT + 43_200]
        assert [slot[4] for slot in slots(local)] == [MIDNIGHT + 46_800]


class TestTimes:
    """Begin, end and instant of a value."""

    @pytest.mark.parametrize(
        ("begin", "end", "code"),
        [
            ("202602300000?+00:303", "202601050015?+00:303", "intake.mscons.time"),
            ("202601050000?+00:102", "202601050015?+00:303", "intake.mscons.time"),
            ("20260105:102", "20260106:102", "intake.mscons.time"),
            ("202601050000:203", "202601050015:203", "intake.mscons.time"),
            ("202601042400?+00:303", "202601050015?+00:303", "intake.mscons.time"),
            ("202601050000?+0:303", "202601050015?+00:303", "intake.mscons.time"),
            ("202601050000?+00:999", "202601050015?+00:303", "intake.mscons.time"),
            ("202601050000?+00:303", "202601050000?+00:303", "intake.interval.length"),
            ("202601050000?+00:303", "202601070000?+00:303", "intake.interval.length"),
            ("202601050000?+00:303", "202601050007?+00:303", "intake.interval.length"),
            ("202601050007?+00:303", "202601050022?+00:303", "intake.interval.grid"),
            ("197001010000?+00:303", "197001010015?+00:303", "intake.time.past"),
            ("202701010000?+00:303", "202701010015?+00:303", "intake.time.future"),
        ],
    )
    def test_bad_times(self, begin, end, code):
        """A time that cannot be used sets its value aside."""
        bad = ["QTY+220:1", f"DTM+163:{begin}", f"DTM+164:{end}"]
        found = decoded(file(*profile(bad, quarter(8))))

        assert counts(found) == (1, 0, 1)
        assert codes(found) == [code]

    def test_missing_or_twice(self):
        """Energy needs its begin and its end, each once."""
        begin, end = quarter(0)[1:]
        for dates in ([begin], [end], [], [begin, begin, end]):
            found = decoded(file(*profile(["QTY+220:1", *dates], quarter(1))))
            assert codes(found) == ["intake.mscons.time"]

    def test_local_times(self):
        """Times without offset are those of the declared zone; a wrong offset is said."""
        bad = ["QTY+220:1", "DTM+163:202601050000:203", "DTM+164:202601050015:203"]
        berlin = decoded(file(*profile(bad)), zone="Europe/Berlin")
        offset = ["QTY+220:1", "DTM+163:202601050000?+02:303", "DTM+164:202601050015?+02:303"]

        assert slots(berlin)[0][0] == MIDNIGHT - 3600
        wrong = decoded(file(*profile(offset)), zone="Europe/Berlin")
        assert codes(wrong) == ["intake.time.offset"]

    def test_clock_changes(self):
        """The hour that the clocks repeat is there twice, told apart by its offset."""
        hours = [("202510260200?+02", "202510260200?+01"), ("202510260200?+01", "202510260300?+01")]
        body = profile(*(["QTY+220:1", f"DTM+163:{a}:303", f"DTM+164:{b}:303"] for a, b in hours))
        found = decoded(file(*body), zone="Europe/Berlin")

        assert counts(found) == (2, 0, 0)
        starts = [slot[0] for slot in slots(found)]
        assert starts[1] - starts[0] == 3600


class TestDials:
    """Readings of dials, demands, and energy of longer periods."""

    def test_reading(self):
        """A reading has meter, OBIS code, the instant it is used for, and the date it was read."""
        more = ["DTM+9:20260104:102", "STS+Z33++Z83"]
        found = decoded(file(*reading(more=more)))
        [row] = found.registers.to_pylist()

        assert counts(found) == (1, 0, 0)
        assert (row["metering_point"], row["meter"], row["register"]) == ("DE1", "M1", "1-1:1.8.0")
        assert (row["channel"], row["bucket"], row["kind"]) == ("import", "total", "cumulative")
        assert (row["time_utc"].timestamp(), row["reading"]) == (MIDNIGHT - 3600, 1_234_500_000)
        assert sorted(remarks(found, "mscons.read_at", "mscons.plausibility")) == [
            ("mscons.plausibility", "Z83"), ("mscons.read_at", "20260104"),
        ]  # fmt: skip

    def test_tariff_register(self):
        """A dial of tariff 2 is of bucket t2; without a meter named, the point's name stands in."""
        [row] = decoded(file(*reading(obis="1-1?:2.8.2", meter=""))).registers.to_pylist()
        assert (row["channel"], row["bucket"], row["meter"]) == ("export", "t2", "DE1")

    @pytest.mark.parametrize("time", ["DTM+9:20260104:102", "", "DTM+163:202601042300?+00:303"])
    def test_a_date_is_no_instant(self, time):
        """A reading of which only the date is known is set aside: nothing is guessed."""
        found = decoded(file(*reading(time=time)))

        assert counts(found) == (0, 0, 1)
        assert codes(found) == ["intake.mscons.time"]

    @pytest.mark.parametrize(
        ("time", "zone", "at"),
        [
            ("DTM+7:202601050000?+00:303", None, MIDNIGHT),
            ("DTM+306:202512:610", "Europe/Berlin", MIDNIGHT - 4 * 86_400 - 3600),
            ("DTM+306:202512:610", None, None),
        ],
    )
    def test_demand(self, time, zone, at):
        """A maximum is the demand at its instant, or at the end of its month in the zone."""
        found = decoded(file(*reading("12.5:KWT", "1-1?:1.6.0", time)), zone=zone)
        rows = [(r["time_utc"].timestamp(), r["reading"], r["kind"])
                for r in found.registers.to_pylist()]  # fmt: skip

        assert rows == ([(at, 12_500_000, "demand")] if at else [])
        assert counts(found) == ((1, 0, 0) if at else (0, 0, 1))

    def test_energy_of_a_period(self):
        """Energy of a month is no interval: it is kept as a remark, added up, and said."""
        month = ["QTY+220:10123", "DTM+163:202511302300?+00:303", "DTM+164:202512312300?+00:303"]
        found = decoded(file(*profile(month, month, obis="1-1?:1.9.0")))

        assert counts(found) == (1, 1, 0)
        assert channels(found) == [("import", 2, "20246")]
        assert remarks(found, "mscons.energy") == [("mscons.energy", "10123 kWh")]
        assert "intake.mscons.period" in codes(found, "note")

    def test_energy_of_an_hour(self):
        """Energy of a period that is an interval is one."""
        hour = ["QTY+220:1", "DTM+163:202601050000?+00:303", "DTM+164:202601050100?+00:303"]
        assert slots(decoded(file(*profile(hour, obis="1-1?:1.9.0"))))[0][:3] == (
            MIDNIGHT, 3600, 1_000_000,
        )  # fmt: skip


class TestParts:
    """Several OBIS codes of one channel."""

    def both(self, one, two, *, more=()):
        return decoded(
            file(*profile(quarter(0, "1"), quarter(1, "2"), *more, obis=one),
                 *profile(quarter(0, "3"), quarter(1, "4"), obis=two))
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("one", "two", "channel"),
        [("1-1?:5.29.0", "1-1?:6.29.0", "reactive_import"),
         ("1-1?:7.29.0", "1-1?:8.29.0", "reactive_export"),
         ("1-1?:1.29.1", "1-1?:1.29.2", "import")],
    )  # fmt: skip
    def test_parts_are_added(self, one, two, channel):
        """Quadrants, and tariffs, are together the channel."""
        found = self.both(one, two)

        assert counts(found) == (4, 0, 0)
        assert [slot[2] for slot in slots(found, channel)] == [4_000_000, 6_000_000]
        assert channels(found) == [(channel, 4, "10")]

    def test_a_part_that_lacks(self):
        """An interval that lacks a part would be half of the energy: it is set aside."""
        found = self.both("1-1?:1.29.1", "1-1?:1.29.2", more=[quarter(2, "9")])

        assert counts(found) == (4, 0, 1)
        assert codes(found) == ["intake.channel.partial"]

    def test_a_part_beside_its_total(self):
        """The total counts, its part would count twice."""
        found = self.both("1-1?:1.29.0", "1-1?:1.29.1")

        assert counts(found) == (2, 0, 2)
        assert codes(found) == ["intake.mscons.streams"] * 2
        assert channels(found) == [("import", 2, "3")]

    def test_two_totals(self):
        """Of two meters' totals nobody knows which one counts."""
        found = self.both("1-1?:1.29.0", "1-2?:1.29.0")
        assert counts(found) == (0, 0, 4)


@ANY_TIME
@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from(["1", "2", "-1", "x", "", "0.0000001"]),
            st.sampled_from(["220", "67", "Z18", "Z30", "999"]),
            st.sampled_from(["1-1?:1.29.0", "1-1?:1.29.1", "1-1?:1.29.2", "1-1?:1.8.0", "x"]),
            st.sampled_from(["A", "B"]),
        ),
        min_size=1, max_size=25,
    ),
    st.sampled_from(["", "\n"]),
)  # fmt: skip
def test_rows_are_accounted_for(rows, between):
    """rows = accepted + duplicates + quarantined, and each row set aside has a finding."""
    body = [
        segment
        for number, value, status, obis, point in rows
        for segment in profile(quarter(number, value, status), obis=obis, point=point)
    ]
    found = decoded(file(*body, between=between))
    counts(found)
    summary(found)
    warned = [row for row in found.findings.to_pylist() if row["severity"] == "warn"]

    assert found.rows == len(rows)
    assert sum(row["count"] for row in warned) == found.quarantined
    assert found.aside.num_rows == found.quarantined


@ANY_TIME
@given(st.data())
def test_damage_never_crashes(data):
    """A file with bytes changed, cut or doubled is decoded or refused in words."""
    raw = bytearray(file(*profile(*DAY[:4]), *reading(), between="\n").encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "double"]))
        if kind == "set":
            raw[at] = data.draw(st.sampled_from(list(b"\0\r\n'+:?.,0159 \xff\xe4AUNZ")))
        elif kind == "cut":
            del raw[at : at + data.draw(st.integers(1, 40))]
        else:
            raw[at:at] = raw[at : at + data.draw(st.integers(1, 80))]
    refused = None
    try:
        found = decoded(bytes(raw), format="mscons")
        counts(found)
        summary(found)
    except RefusedFile as error:
        refused = error
    assert refused is None or (refused.message and refused.remedy)
