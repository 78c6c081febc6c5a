"""DSMR P1 telegrams: the CRC, the times, what is a reading and what is a remark."""

from datetime import UTC, datetime

import pytest
from dsmr_cases import IDENTITY, V5, crc, telegram
from hypothesis import given
from hypothesis import strategies as st
from intake_cases import ANY_TIME, codes, counts, decoded

from gridtally.errors import RefusedFile
from gridtally.intake.decode import summary
from gridtally.intake.formats.dsmr_frame import crc16

ID = "K8EG004046395507"
EXPORT = "1-0:2.8.1(000002.444*kWh)"


def refusal(data, **how):
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **how)
    assert caught.value.remedy
    return caught.value


def readings(found):
    """Register, instant, reading [kWh or kW] of each row, in order of register and time."""
    return sorted(
        (row["register"], row["time_utc"].strftime("%m-%dT%H:%M:%SZ"), row["reading"] / 10**6)
        for row in found.registers.to_pylist()
    )


def said(found, key):
    return [row["value"] for row in found.remarks.to_pylist() if row["key"] == key]


class TestFrame:
    """Where telegrams begin and end, and their CRC."""

    @pytest.mark.parametrize("end", ["\r\n", "\n"])
    def test_line_ends(self, end):
        """The CRC is that of the text with CRLF, also where a program has turned it into LF."""
        found = decoded(telegram(EXPORT, end=end))

        assert found.format == "dsmr"
        assert counts(found) == (2, 0, 0)
        assert codes(found) == []

    @given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=300))
    @ANY_TIME
    def test_crc(self, text):
        """The CRC of whole columns is the one that is worked out bit by bit."""
        assert crc16(text.encode()) == crc(text)

    @pytest.mark.parametrize("mark", ["0000", "XYZ1", "12345", "abcd", " 1234", "1", "-123"])
    def test_wrong_crc(self, mark):
        """A wrong CRC, or what is none, refuses the file and names the right one."""
        error = refusal(telegram(mark=mark))

        assert (error.code, error.line) == ("intake.dsmr.crc", 7)
        assert f"{crc(telegram()[: telegram().index('!') + 1]):04X}" in error.message

    def test_any_flipped_byte(self):
        """A byte that was changed anywhere refuses the file."""
        data = telegram(EXPORT).encode()
        for at in range(len(data)):
            for flip in (1, 0x20):
                damaged = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
                assert refusal(damaged).code.startswith("intake.")

    def test_unpadded_crc(self):
        """Some meters leave zeros at the left of the CRC out."""
        for number in range(5000):
            text = telegram(f"0-0:96.13.0({number})")
            mark = text[text.index("!") + 1 :].strip()
            if mark.startswith("0"):
                assert counts(decoded(text.replace(f"!{mark}", f"!{mark.lstrip('0')}"))) == (
                    1,
                    0,
                    0,
                )
                return
        raise AssertionError("no text with such a CRC")

    def test_version_without_crc(self):
        """A telegram that states its version has a CRC; older ones have neither."""
        assert refusal(telegram(mark="")).code == "intake.dsmr.crc"
        assert counts(decoded(telegram(head=V5[1:], mark=""))) == (1, 0, 0)

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("!", "", "intake.file.truncated"),
            ("/ISk5", "ISk5", "intake.file.format"),
            ("(000004.426*kWh)", "(000004.426*kWh", "intake.dsmr.frame"),
            ("(000004.426*kWh)", "((000004.426*kWh)", "intake.dsmr.frame"),
            ("(000004.426*kWh)", "", "intake.dsmr.frame"),
            ("1-3:0.2.8(50)", "(50)", "intake.dsmr.frame"),
            ("1-3:0.2.8(50)", "/XYZ5", "intake.file.truncated"),
            ("1-3:0.2.8(50)", "0-0:96.13.0(" + "30" * 17000 + ")", "intake.dsmr.frame"),
        ],
    )
    def test_broken_frames(self, old, new, code):
        """What is not the frame of a telegram refuses the file, though its CRC is right."""
        body, mark, _ = telegram().replace(old, new).partition("!")
        assert refusal(f"{body}{mark}{crc(body + mark):04X}\r\n").code == code

    def test_text_outside(self):
        """What stands between telegrams is no telegram: nothing is skipped silently."""
        error = refusal(telegram() + "noise\r\n" + telegram(time="260115121000W"))
        assert (error.code, error.line) == ("intake.dsmr.frame", 8)

    def test_one_bad_telegram(self):
        """Of several telegrams one with a wrong CRC refuses the file, with its line."""
        bad = telegram(time="260115121000W", mark="0000")
        assert refusal(telegram() + bad).line == 14


class TestReadings:
    """Dials and demands."""

    def test_several_telegrams(self):
        """Each telegram has its instant; the same telegram again is a duplicate."""
        one = telegram(EXPORT)
        two = telegram(EXPORT, time="260115131500W").replace("\r\n/", "\n/")
        found = decoded(one + two + one)

        assert counts(found) == (4, 2, 0)
        assert [r for r in readings(found) if r[0] == "1.8.1"] == [
            ("1.8.1", "01-15T11:00:00Z", 4.426), ("1.8.1", "01-15T12:15:00Z", 4.426),
        ]  # fmt: skip
        [row, *_] = found.registers.to_pylist()
        assert (row["metering_point"], row["meter"], row["kind"]) == (ID, ID, "cumulative")

    @pytest.mark.parametrize(
        ("line", "channel", "bucket"),
        [("1-0:1.8.0(1*kWh)", "import", "total"), ("1-0:2.8.2(1*kWh)", "export", "t2"),
         ("1-0:3.8.0(1000*varh)", "reactive_import", "total"),
         ("1-0:4.8.1(1*kvarh)", "reactive_export", "t1"),
         ("1-0:1.8.3*255(1000*Wh)", "import", "t3")],
    )  # fmt: skip
    def test_registers(self, line, channel, bucket):
        """OBIS codes name channel and tariff; the unit stands behind the value."""
        found = decoded(telegram(line, head=V5[:3]))
        [row] = found.registers.to_pylist()

        assert (row["channel"], row["bucket"], row["reading"]) == (channel, bucket, 1_000_000)
        assert row["register"] == line.split(":")[1].split("(")[0].split("*")[0]

    def test_demands(self):
        """The running month's demand is read when the telegram is made; past ones at their end."""
        found = decoded(
            telegram(
                "1-0:1.6.0(260110134558W)(02.589*kW)",
                "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(251201000000W)(251123192538W)(03.695*kW)"
                "(260101000000W)(632525252525W)(00.000*kW)",
            )
        )

        assert counts(found) == (4, 0, 0)
        assert [r for r in readings(found) if r[0] == "1.6.0"] == [
            ("1.6.0", "01-15T11:00:00Z", 2.589), ("1.6.0", "11-30T23:00:00Z", 3.695),
            ("1.6.0", "12-31T23:00:00Z", 0.0),
        ]  # fmt: skip
        assert said(found, "dsmr.1-0:1.6.0") == ["(260110134558W)(02.589*kW)"]

    def test_a_history_of_other_things(self):
        """A history that is none of demands stays a remark."""
        line = "0-0:98.1.0(260101000000W)(000663.924*kWh)(000001.000*kWh)"
        found = decoded(telegram(line))

        assert counts(found) == (1, 0, 0)
        assert said(found, "dsmr.0-0:98.1.0") == [line[10:]]

    @pytest.mark.parametrize(
        ("line", "code"),
        [("1-0:1.8.2(x*kWh)", "intake.value.number"),
         ("1-0:1.8.2(-1*kWh)", "intake.value.negative"),
         ("1-0:1.8.2(1)", "intake.unit.unknown"), ("1-0:1.8.2(1*m3)", "intake.unit.unknown"),
         ("1-0:1.8.2(1*kvarh)", "intake.unit.channel"), ("1-0:1.6.0(260110134558W)(1*kWh)",
         "intake.unit.channel"), ("1-0:1.8.2(0.0000001*kWh)", "intake.value.finer")],
    )  # fmt: skip
    def test_bad_values(self, line, code):
        """A value that cannot be kept is set aside alone."""
        found = decoded(telegram(line))

        assert counts(found) == (1, 0, 1)
        assert codes(found) == [code]
        assert found.findings.to_pylist()[0]["line"] == 7

    @pytest.mark.parametrize(
        ("identity", "name"),
        [("(4B38)", "K8"), ("(00000000000000)", "00000000000000"), ("(ABC)", "ABC"),
         ("(3960221976967177082151037881335713)", "3960221976967177082151037881335713")],
    )  # fmt: skip
    def test_identity(self, identity, name):
        """An identifier in hexadecimal ASCII is spelled out; any other stays as it stands."""
        found = decoded(telegram(head=[V5[1], f"0-0:96.1.1{identity}", V5[3]], mark=""))
        assert summary(found)["channels"][0]["metering_point"] == name

    @pytest.mark.parametrize("head", [[V5[1], V5[3]], [V5[1], "0-0:96.1.1()", V5[3]]])
    def test_no_identity(self, head):
        """A telegram without identifier belongs to nobody: its readings are set aside."""
        assert codes(decoded(telegram(head=head, mark=""))) == ["intake.point.name"]


class TestTimes:
    """S and W, the zone, and telegrams without time."""

    @pytest.mark.parametrize(
        ("time", "expected"),
        [
            ("260115120000W", "2026-01-15T11:00:00"),
            ("260715120000S", "2026-07-15T10:00:00"),
            ("251026023000S", "2025-10-26T00:30:00"),
            ("251026023000W", "2025-10-26T01:30:00"),
            ("260401000000S", "2026-03-31T22:00:00"),
        ],
    )
    def test_local_times(self, time, expected):
        """The letter tells the two passes of the hour that the clocks repeat apart."""
        [row] = decoded(telegram(time=time)).registers.to_pylist()
        assert row["time_utc"] == datetime.fromisoformat(expected).replace(tzinfo=UTC)

    @pytest.mark.parametrize(
        ("time", "code"),
        [
            ("260715120000W", "intake.time.offset"),
            ("260115120000S", "intake.time.offset"),
            ("260329023000W", "intake.time.nonexistent"),
            ("260230120000W", "intake.dsmr.time"),
            ("260115240000W", "intake.dsmr.time"),
            ("260115120000", "intake.dsmr.time"),
            ("260115120000X", "intake.dsmr.time"),
            ("300115120000W", "intake.time.future"),
        ],
    )
    def test_bad_times(self, time, code):
        """A time that never was, or whose letter is wrong, is not corrected."""
        found = decoded(telegram(time=time))

        assert counts(found) == (0, 0, 1)
        assert codes(found) == [code]

    def test_declared_zone(self):
        """The declared zone wins over that of the standard, and that is said."""
        lisbon = decoded(telegram(time="260715120000S"), zone="Europe/Lisbon")
        fixed = decoded(telegram(time="260715120000W"), zone="Etc/GMT-1")
        usual = decoded(telegram(), zone="Europe/Brussels")

        assert readings(lisbon) == readings(fixed) == [("1.8.1", "07-15T11:00:00Z", 4.426)]
        assert codes(lisbon, "note") == ["intake.dsmr.zone"]
        assert codes(usual, "note") == []

    def test_no_time(self):
        """Telegrams before DSMR 4 have no time: nothing is guessed, the channels are listed."""
        found = decoded(telegram(EXPORT, head=V5[2:], mark=""))

        assert counts(found) == (0, 0, 2)
        assert codes(found) == ["intake.dsmr.time"] * 2
        assert [(c["channel"], c["n"], c["first"]) for c in summary(found)["channels"]] == [
            ("import", 0, None), ("export", 0, None),
        ]  # fmt: skip


class TestRemarks:
    """Events, counters and other media."""

    def test_power_failures(self):
        """Each entry of the log is an event with its begin and end; the log is said once."""
        line = (
            "1-0:99.97.0(2)(0-0:96.7.19)(251208152415W)(0000000240*s)(251208151004W)(2147483647*s)"
        )
        found = decoded(telegram(line) + telegram(line, time="260115120010W"))
        events = [
            (
                row["start_utc"].strftime("%H:%M:%S"),
                row["end_utc"].strftime("%H:%M:%S"),
                row["value"],
            )
            for row in found.remarks.to_pylist()
            if row["key"] == "event.power_loss"
        ]

        assert events == [
            ("14:10:04", "14:10:04", "2147483647*s"), ("14:20:15", "14:24:15", "0000000240*s"),
        ]  # fmt: skip

    def test_tamper(self):
        """Counters of opened covers and of tampering are events."""
        found = decoded(telegram("0-0:96.20.0(00001)", "0-0:96.20.15(00002)"))

        assert said(found, "event.cover_open") == ["(00001)"]
        assert said(found, "event.tamper") == ["(00002)"]

    def test_other_media(self):
        """Gas, heat and water are counted and kept beside, never silently lost."""
        found = decoded(
            telegram(
                "0-1:24.1.0(003)", "0-1:24.2.1(260115110000W)(00112.384*m3)",
                "0-2:24.1.0(007)", "0-2:24.2.1(260115110000W)(00872.234*m3)",
                "0-3:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)", "(00001.001)",
            )
        )  # fmt: skip

        assert counts(found) == (1, 0, 0)
        assert said(found, "dsmr.0-1:24.2.1") == ["(260115110000W)(00112.384*m3)"]
        [note] = [row for row in found.findings.to_pylist() if row["severity"] == "note"]
        assert note["code"] == "intake.dsmr.media"
        assert note["message"].startswith("Values of other meters (gas, other media, water)")
        assert note["count"] == 3

    def test_only_other_media(self):
        """A telegram of a heat meter alone has no rows, and is not refused for that."""
        found = decoded(telegram("0-1:24.1.0(004)", "0-1:24.2.1(260115110000W)(1*GJ)", head=V5[:3]))
        assert counts(found) == (0, 0, 0)

    def test_nothing_at_all(self):
        """A telegram that says nothing is refused as having no data."""
        assert (
            refusal(telegram("1-0:1.7.0(01.19*kW)", head=V5[1:3], mark="")).code
            == "intake.file.rows"
        )

    def test_what_stays_is_one_remark(self):
        """A remark holds from the first telegram that says it to the last before it changes."""
        times = ["260115120000W", "260115120010W", "260115120020W"]
        texts = [telegram(f"0-0:96.14.0({n})", time=t) for n, t in zip("112", times, strict=True)]
        rows = [r for r in decoded("".join(texts)).remarks.to_pylist() if "96.14" in r["key"]]

        assert [(r["value"], (r["end_utc"] - r["start_utc"]).seconds) for r in rows] == [
            ("(1)", 10), ("(2)", 0),
        ]  # fmt: skip


LINES = st.lists(
    st.sampled_from(
        ["1-0:1.8.2(1*kWh)", "1-0:1.8.2(2*kWh)", "1-0:1.8.2(x*kWh)", "1-0:2.8.1(1*kvarh)", IDENTITY,
         "0-1:24.2.1(260115110000W)(1*m3)", "1-0:1.6.0(260110134558W)(1*kW)", "0-0:96.1.1()",
         "0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(260101000000W)(260101000000W)(1*kW)", "0-0:96.13.0()",
         "1-0:99.97.0()", "1-0:99.97.0(1)(0-0:96.7.19)(000104180320W)", "0-0:98.1.0(1)"]
    ),
    max_size=12,
)  # fmt: skip
TIMES = st.sampled_from(["260115120000W", "260115120010W", "260115120000S", "x", ""])


@ANY_TIME
@given(st.lists(st.tuples(LINES, TIMES), min_size=1, max_size=4))
def test_rows_are_accounted_for(telegrams):
    """rows = accepted + duplicates + quarantined, and each row set aside has a finding."""
    text = "".join(telegram(*lines, time=time) for lines, time in telegrams)
    found = decoded(text)
    counts(found)
    summary(found)
    warned = [row for row in found.findings.to_pylist() if row["severity"] == "warn"]

    assert sum(row["count"] for row in warned) == found.quarantined == found.aside.num_rows
    assert found.registers.num_rows == found.accepted
