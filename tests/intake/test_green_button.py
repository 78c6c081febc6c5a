"""Green Button: links, reading types, powers of ten and qualities that the oracles do not show."""

from datetime import datetime

import numpy as np
import pytest
from intake_cases import codes, counts, decoded, slots

from gridtally.errors import RefusedFile
from gridtally.intake.decode import summary
from gridtally.intake.formats import espi
from gridtally.intake.formats.espi_time import offsets
from gridtally.money import Rounding
from gridtally.periods import zone
from gridtally.terms import RoundingMode

START = 1_767_225_600


def entry(content, own="", up="", *related):
    links = f'<link rel="self" href="{own}"/><link rel="up" href="{up}"/>'
    links += "".join(f'<link rel="related" href="{href}"/>' for href in related)
    return f"<entry>{links}<content>{content}</content></entry>"


def kind(power="0", uom="72", flow="1", extra=""):
    parts = {"uom": uom, "flowDirection": flow, "powerOfTenMultiplier": power}
    fields = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items() if text != "")
    return f'<ReadingType xmlns="http://naesb.org/espi">{fields}{extra}</ReadingType>'


def reading(value, n=0, quality="", seconds=900):
    flag = f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>" if quality else ""
    return (
        f"<IntervalReading>{flag}<timePeriod><duration>{seconds}</duration>"
        f"<start>{START + n * seconds}</start></timePeriod><value>{value}</value></IntervalReading>"
    )


def block(*readings):
    return f'<IntervalBlock xmlns="http://naesb.org/espi">{"".join(readings)}</IntervalBlock>'


def feed(*entries):
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'


def simple(reading_type, *readings, service="0"):
    """One usage point U/7, one meter reading, one block."""
    point = f"<UsagePoint><ServiceCategory><kind>{service}</kind></ServiceCategory></UsagePoint>"
    return feed(
        entry(point, "U/7", "U"),
        entry("<MeterReading/>", "U/7/MeterReading/1", "U/7/MeterReading", "T/1"),
        entry(reading_type, "T/1", "T"),
        entry(block(*readings), "U/7/MeterReading/1/IntervalBlock/1",
              "U/7/MeterReading/1/IntervalBlock"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("power", "value", "micro"),
    [("0", "323", 323_000), ("3", "5", 5_000_000), ("-3", "1500", 1_500), ("-3", "7", 7),
     ("6", "2", 2_000_000_000), ("-2", "100", 1_000)],
)  # fmt: skip
def test_power_of_ten(power, value, micro):
    """A value times 10^power is watt-hours, exactly."""
    assert slots(decoded(simple(kind(power), reading(value))))[0][2] == micro


def test_finer_than_kept():
    """A value that is no whole millionth of a kWh is set aside, or rounded where declared."""
    text = simple(kind("-4"), reading("15"), reading("20", 1))
    found = decoded(text)

    assert codes(found) == ["intake.value.finer"]
    rounded = decoded(text, round_finer=Rounding(6, RoundingMode.HALF_EVEN))
    assert [slot[2] for slot in slots(rounded)] == [2, 2]
    assert codes(rounded, "note") == ["intake.value.rounded"]


@pytest.mark.parametrize(
    ("uom", "flow", "channel"),
    [("72", "1", "import"), ("72", "19", "export"), ("73", "1", "reactive_import"),
     ("73", "19", "reactive_export"), ("73", "2", "reactive_import")],
)  # fmt: skip
def test_flow_direction_is_the_channel(uom, flow, channel):
    """Forward is import, reverse is export, for energy and reactive energy."""
    found = summary(decoded(simple(kind(uom=uom, flow=flow), reading("1"))))["channels"]

    assert [(row["metering_point"], row["channel"]) for row in found] == [("7", channel)]


@pytest.mark.parametrize(
    "reading_type",
    [kind(power=""), kind(power="x"), kind(uom="38"), kind(uom=""), kind(flow=""), kind(flow="0"),
     kind(extra="<accumulationBehaviour>6</accumulationBehaviour>"),
     kind(flow="4", extra="<accumulationBehaviour>1</accumulationBehaviour>"), kind(power="13"),
     kind(extra="<dataQualifier>8</dataQualifier>")],
)  # fmt: skip
def test_types_that_are_not_guessed(reading_type):
    """Without power, unit or direction, or of another kind than interval energy: set aside."""
    found = decoded(simple(reading_type, reading("1"), reading("2", 1)))

    assert counts(found) == (0, 0, 2)
    assert codes(found) == ["intake.greenbutton.type"] * 2


def test_gas_is_not_electricity():
    """A usage point of another service is set aside."""
    assert codes(decoded(simple(kind(), reading("1"), service="1"))) == ["intake.greenbutton.type"]


@pytest.mark.parametrize(("quality", "letter"), [("0", "A"), ("17", "A"), ("7", "S"), ("8", "E")])
def test_qualities(quality, letter):
    """Valid is actual, edited is substituted, estimated is estimated."""
    assert slots(decoded(simple(kind(), reading("1", quality=quality))))[0][3] == letter


def test_net_is_two_directions():
    """A net channel may be below zero: that is export."""
    found = decoded(simple(kind(flow="4"), reading("5"), reading("-7", 1)))

    assert counts(found) == (2, 0, 0)
    assert [slot[2] for slot in slots(found)] == [5_000, 0]
    assert [slot[2] for slot in slots(found, "export")] == [0, 7_000]


def test_net_repeated():
    """A net reading that is there twice is one duplicate."""
    assert counts(decoded(simple(kind(flow="4"), reading("5"), reading("5")))) == (1, 1, 0)


def test_bad_readings_are_set_aside():
    """A reading that is no number, negative, huge or of no length is set aside, others stay."""
    found = decoded(
        simple(kind(), reading("1"), reading("x", 1), reading("-1", 2), reading("9" * 15, 3),
               reading("1", 40_000_000), reading("1", -40_000_000), reading("1", 5, seconds=9),
               reading("1", 6, quality="99"), reading("2.5", 7))
    )  # fmt: skip

    assert counts(found) == (1, 0, 8)
    assert codes(found) == sorted(
        ["intake.greenbutton.reading", "intake.value.negative", "intake.value.large",
         "intake.time.future", "intake.time.past", "intake.interval.length",
         "intake.quality.unknown", "intake.greenbutton.reading"]
    )  # fmt: skip


def test_two_usage_points():
    """Each block belongs to the usage point and type that its links lead to."""
    found = decoded(
        feed(
            entry("<UsagePoint/>", "U/7", "U"),
            entry("<UsagePoint/>", "U/8", "U", "M/9"),
            entry("<MeterReading/>", "U/7/MeterReading/1", "U/7/MeterReading", "T/1"),
            entry("<MeterReading/>", "M/9", "M", "T/2", "B"),
            entry(kind("0"), "T/1", "T"),
            entry(kind("3", flow="19"), "T/2", "T"),
            entry(block(reading("5")), "B/1", "B"),
            entry(block(reading("6")), "x", "U/7/MeterReading/1/IntervalBlock"),
        )
    )
    sums = {(c["metering_point"], c["channel"]): c["sum"] for c in summary(found)["channels"]}

    assert sums == {("7", "import"): "0.006", ("8", "export"): "5"}


def test_without_links():
    """A block that nothing leads to is set aside."""
    found = decoded(feed(entry(block(reading("5")), "B/1", "B")))

    assert codes(found) == ["intake.greenbutton.type"]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>' + feed(),
        '<!DOCTYPE a SYSTEM "file:///etc/hostname">' + feed(),
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><feed>&x;</feed>',
    ],
)
def test_document_types(text):
    """No document type is read: no entities, nothing from outside."""
    with pytest.raises(RefusedFile) as caught:
        decoded(text)

    assert caught.value.code == "intake.xml.unsafe"


@pytest.mark.parametrize("text", ["<feed><a></feed>", "<feed", "<feed>&x;</feed>", feed() + "x"])
def test_broken_xml(text):
    """Broken XML is refused with its line."""
    with pytest.raises(RefusedFile) as caught:
        decoded(text)

    assert caught.value.code in ("intake.xml.broken", "intake.xml.unsafe")
    assert caught.value.line == 1


def test_no_readings():
    """A feed without readings has no data."""
    with pytest.raises(RefusedFile) as caught:
        decoded(feed())

    assert caught.value.code == "intake.file.rows"


# ----------------------------------------------------------------- all that is said


def said(found, key):
    """The remarks of one key: (seconds since START, seconds, value)."""
    return sorted(
        (
            int(row["start_utc"].timestamp()) - START,
            int((row["end_utc"] - row["start_utc"]).total_seconds()),
            row["value"],
        )
        for row in found.remarks.to_pylist()
        if row["key"] == key
    )


def test_qualities_are_kept():
    """Quality codes are said as they are, joined over readings that touch; the worst counts."""
    two = "8</quality></ReadingQuality><ReadingQuality><quality>17"
    found = decoded(
        simple(kind(), reading("1", quality="17"), reading("2", 1, "17"), reading("3", 2),
               reading("4", 3, two))
    )  # fmt: skip

    assert [slot[3] for slot in slots(found)] == ["A", "A", "A", "E"]
    assert said(found, "espi.quality") == [(0, 1800, "17"), (2700, 900, "8,17")]


def test_default_quality():
    """A reading without quality has that of its reading type."""
    found = decoded(
        simple(kind(extra="<defaultQuality>8</defaultQuality>"), reading("1"), reading("1", 1, "0"))
    )

    assert [slot[3] for slot in slots(found)] == ["E", "A"]


def test_costs_and_buckets():
    """Costs are kept exactly with their currency, buckets and tiers as they are."""
    extra = "<cost>974</cost><tou>2</tou><consumptionTier>1</consumptionTier><cpp>3</cpp>"
    one = reading("1").replace("<timePeriod>", extra + "<timePeriod>")
    found = decoded(simple(kind(extra="<currency>840</currency>"), one, reading("2", 1)))

    for key, value in (
        ("cost", "974 840"), ("tou", "2"), ("tier", "1"), ("cpp", "3"),
    ):  # fmt: skip
        assert said(found, f"espi.{key}") == [(0, 900, value)]


def test_what_the_resources_state():
    """Type, usage point, time parameters and the entry's update are said of the readings."""
    time = (
        "<LocalTimeParameters><dstEndRule>B40E2000</dstEndRule><dstOffset>3600</dstOffset>"
        "<dstStartRule>360E2000</dstStartRule><tzOffset>-18000</tzOffset></LocalTimeParameters>"
    )
    text = simple(kind(extra="<interharmonic><numerator>6</numerator></interharmonic>"),
                  reading("1"), reading("2", 1))  # fmt: skip
    text = text.replace('<link rel="up" href="U"/>', '<link rel="related" href="L/1"/>')
    text = text.replace("</feed>", entry(time, "L/1") + "</feed>")
    found = decoded(text.replace("</entry>", "<updated>2026-01-02T00:00:00Z</updated></entry>"))

    assert said(found, "espi.type") == [
        (0, 1800, "uom=72 flowDirection=1 powerOfTenMultiplier=0 interharmonic.numerator=6")
    ]
    assert said(found, "espi.point") == [(0, 1800, "ServiceCategory.kind=0")]
    assert said(found, "espi.reading") == [(0, 1800, "1")]
    assert said(found, "espi.time") == [
        (0, 1800, "dstEndRule=B40E2000 dstOffset=3600 dstStartRule=360E2000 tzOffset=-18000")
    ]
    assert said(found, "espi.updated") == [(0, 1800, "2026-01-02T00:00:00Z")]


def test_summaries():
    """Each field of a usage summary is said over its billing period; repeated ones are numbered."""
    summary = (
        f"<UsageSummary><billingPeriod><duration>60</duration><start>{START}</start>"
        "</billingPeriod><billLastPeriod>15252000</billLastPeriod>"
        "<costAdditionalDetailLastPeriod><amount>1</amount></costAdditionalDetailLastPeriod>"
        "<costAdditionalDetailLastPeriod><amount>2</amount></costAdditionalDetailLastPeriod>"
        "</UsageSummary>"
    )
    text = simple(kind(), reading("1"))
    found = decoded(text.replace("</feed>", entry(summary, "x", "U/7/UsageSummary") + "</feed>"))

    assert said(found, "espi.summary.billLastPeriod") == [(0, 60, "15252000")]
    assert said(found, "espi.summary.costAdditionalDetailLastPeriod.amount") == [(0, 60, "1")]
    assert said(found, "espi.summary.costAdditionalDetailLastPeriod.2.amount") == [(0, 60, "2")]


def test_people_are_not_kept():
    """Names, addresses and accounts leave no trace but a note."""
    customer = '<Customer xmlns="http://naesb.org/espi/customer"><name>Ada Quay</name></Customer>'
    point = "<serviceDeliveryPoint><name>Ada Quay</name></serviceDeliveryPoint></UsagePoint>"
    text = simple(kind(), reading("1")).replace("</UsagePoint>", point)
    found = decoded(text.replace("</feed>", entry(customer, "c") + "</feed>"))

    assert "Ada" not in str(found.remarks.to_pylist())
    assert codes(found, "note") == ["intake.greenbutton.personal"]


# -------------------------------------------------------------------------- dials


@pytest.mark.parametrize("behaviour", ["1", "3", "9"])
def test_dials(behaviour):
    """Bulk, cumulative and summed quantities are what a dial shows at the end of the period."""
    type_ = kind("3", extra=f"<accumulationBehaviour>{behaviour}</accumulationBehaviour>")
    found = decoded(simple(type_, reading("100"), reading("103", 1, "8")))
    rows = found.registers.to_pylist()

    assert counts(found) == (2, 0, 0)
    assert not found.blocks.num_rows
    assert [(r["metering_point"], r["register"], r["channel"], r["kind"]) for r in rows] == [
        ("7", "1", "import", "cumulative")
    ] * 2
    assert [(r["time_utc"].timestamp() - START, r["reading"], r["quality"]) for r in rows] == [
        (900, 100_000_000, "A"), (1800, 103_000_000, "E"),
    ]  # fmt: skip
    assert said(found, "espi.quality") == [(1800, 0, "8")]
    assert summary(found)["channels"][0]["sum"] == "3"


def test_largest_demand():
    """The largest demand of a period is a dial of kW."""
    type_ = kind(uom="38", extra="<dataQualifier>8</dataQualifier><kind>8</kind>")
    [row] = decoded(simple(type_, reading("12500", seconds=86_400))).registers.to_pylist()

    assert (row["kind"], row["reading"]) == ("demand", 12_500_000)
    assert row["time_utc"].timestamp() == START + 86_400


# -------------------------------------------------------------------------- times


def test_readings_without_a_period():
    """Readings without periods of their own follow each other from the start of their block."""
    plain = "".join(f"<IntervalReading><value>{n}</value></IntervalReading>" for n in (5, 6, 7))
    interval = f"<interval><duration>2700</duration><start>{START}</start></interval>"
    found = decoded(simple(kind(extra="<intervalLength>900</intervalLength>"), interval, plain))

    assert [(slot[0] - START, slot[2]) for slot in slots(found)] == [
        (0, 5000), (900, 6000), (1800, 7000),
    ]  # fmt: skip


NEW_YORK = {"tzOffset": "-18000", "dstOffset": "3600", "dstStartRule": "360E2000",
            "dstEndRule": "B40E2000"}  # fmt: skip
BERLIN = {"tzOffset": "3600", "dstOffset": "3600", "dstStartRule": "3E0E2000",
          "dstEndRule": "AE0E3000"}  # fmt: skip
LATE_FRIDAY = {"tzOffset": "0", "dstOffset": "1800", "dstStartRule": "328A0000",
               "dstEndRule": "A0F00000"}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "zone_name"), [(NEW_YORK, "America/New_York"), (BERLIN, "Europe/Berlin")]
)
def test_rules_for_the_clock(fields, zone_name):
    """The rules give the very offsets of the zone that they describe, hour by hour for 15 years."""
    utc = np.arange(1_199_145_600, 1_672_531_200, 3600, dtype=np.int64)

    assert (offsets(fields, utc) == zone(zone_name).offset(utc)).all()


def test_other_rules():
    """A weekday on or after a day of the month; a day of the month; no summer time at all."""

    def at(fields, text):
        return int(offsets(fields, np.array([datetime.fromisoformat(text).timestamp()], int))[0])

    # First Friday on or after 8 March 2026 is the 13th; summer ends on 15 October.
    assert at(LATE_FRIDAY, "2026-03-12T23:59:59+00:00") == 0
    assert at(LATE_FRIDAY, "2026-03-13T00:00:00+00:00") == 1800
    assert at(LATE_FRIDAY, "2026-10-14T23:29:59+00:00") == 1800
    assert at(LATE_FRIDAY, "2026-10-14T23:30:00+00:00") == 0
    assert at({"tzOffset": "-25200"}, "2026-07-01T00:00:00+00:00") == -25_200
    assert at(NEW_YORK | {"dstStartRule": "FFFFFFFF"}, "2026-07-01T00:00:00+00:00") == -18_000


# -------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    "text",
    [
        "<a>" * 65 + "</a>" * 65,
        simple(kind(), reading("1").replace("<value>", "<a>" * 65 + "</a>" * 65 + "<value>")),
        simple(kind("0", extra="<a>" * 61 + "</a>" * 61), reading("1")),
        f'<feed a="{"x" * 9000}"/>',
        "<feed " + " ".join(f'a{n}="x"' for n in range(65)) + "/>",
        '<feed xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/x"/></feed>',
    ],
)
def test_limits(text):
    """Deep nesting, huge or many attributes and inclusions are refused with their line."""
    with pytest.raises(RefusedFile) as caught:
        decoded(text, format="green-button")

    assert caught.value.code == "intake.xml.unsafe"
    assert caught.value.line == 1


def test_lines():
    """A finding names the line of its reading, behind comments, prefixes and other elements too."""
    text = simple(kind(), "\n<!-- <IntervalReading> -->\n", reading("1"), "\n", reading("x", 1))
    found = decoded(text.replace("IntervalReading", "espi:IntervalReading").replace(
        "<feed ", '<feed xmlns:espi="http://naesb.org/espi" '))  # fmt: skip
    [row] = [row for row in found.findings.to_pylist() if row["severity"] == "warn"]

    assert row["line"] == 4
    assert found.blocks["line"].to_pylist() == [3]


def test_many_readings_are_read_in_pieces(monkeypatch):
    """However a feed is cut into pieces while it is read, the same comes of it."""
    text = simple(kind(), *(reading(n, n, "17" if n % 3 else "8") for n in range(50)))
    whole = decoded(text)
    monkeypatch.setattr(espi, "_FLUSH", 7)
    parts = decoded(text)

    assert parts.blocks.equals(whole.blocks)
    assert parts.remarks.equals(whole.remarks)
