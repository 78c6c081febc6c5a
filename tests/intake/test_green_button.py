"""Green Button: links, reading types, powers of ten and qualities that the oracles do not show."""

import pytest
from intake_cases import codes, counts, decoded, slots

from gridtally.errors import RefusedFile
from gridtally.intake.decode import summary
from gridtally.money import Rounding
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
