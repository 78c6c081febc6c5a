"""The smallest input for each finding and refusal of intake, with its message."""

import gzip
import io
import re
import zipfile

import mapped_cases
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridtally.errors import RefusedFile
from gridtally.intake import archive
from gridtally.intake.convert import convert
from gridtally.intake.decode import decode
from gridtally.intake.master import read_master
from gridtally.intake.words import NOTED, QUARANTINED, REFUSED
from gridtally.money import Rounding
from gridtally.terms import RoundingMode

AS_OF = 1_793_491_200  # 2026-11-01T00:00:00Z
LONG = "metering_point,channel,start,value,unit"
WIDE = "metering_point,channel,date,resolution_min,v1,v2,v3"
DIAL = "metering_point,meter,register,time,reading"
GOOD = ["P,import,2026-01-01T00:00Z,1,kWh", "P,import,2026-01-01T01:00Z,1,kWh"]


def long(*rows, header=LONG):
    return "\n".join([header, *GOOD, *rows, ""])


def cells(count, value="1"):
    return ",".join([value] * count)


def nem12(*records):
    return "\n".join(["100,NEM12,202601030000,A,B", *records, "900", ""])


def day(values="", tail="A,,,20260102000000,"):
    return f"300,20260101,{values or cells(24)},{tail}"


def stream(suffix="E1", config="E1", unit="kWh"):
    return f"200,NMI,{config},1,{suffix},N1,M1,{unit},60,"


def nem13(*records):
    return "\n".join(["100,NEM13,202605010000,A,B", *records, "900", ""])


def dial13(after="00210", quantity="110", at="20260401000000"):
    return (
        f"250,NMI,11,1,11,11,M1,E,00100,20260101000000,A,,,{after},{at},A,,,{quantity},kWh,,"
        "20260402000000,"
    )


def espi(kind, *readings):
    """A feed with one usage point, one reading type and one block."""
    blocks = "".join(readings)
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom">'
        '<entry><link rel="self" href="U/1"/><link rel="related" href="T/1"/><content>'
        '<UsagePoint xmlns="http://naesb.org/espi"/>'
        '</content></entry><entry><link rel="self" href="U/1/MeterReading/2"/>'
        '<link rel="up" href="U/1/MeterReading"/><link rel="related" href="R/3"/>'
        '<content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>'
        '<entry><link rel="self" href="R/3"/><content><ReadingType xmlns="http://naesb.org/espi">'
        f"{kind}</ReadingType></content></entry>"
        '<entry><link rel="up" href="U/1/MeterReading/2/IntervalBlock"/><content>'
        f'<IntervalBlock xmlns="http://naesb.org/espi">{blocks}</IntervalBlock></content></entry>'
        "</feed>"
    )


def entry(content, link=""):
    """One more entry at the end of a feed."""
    return f"<entry>{link}<content>{content}</content></entry></feed>"


CLOCK = entry(
    "<LocalTimeParameters><dstEndRule>B40E2000</dstEndRule><dstOffset>3600</dstOffset>"
    "<dstStartRule>{start}</dstStartRule><tzOffset>-18000</tzOffset></LocalTimeParameters>",
    '<link rel="self" href="T/1"/>',
)
"""Local time parameters of eastern North America."""

WATT_HOURS = (
    "<uom>72</uom><flowDirection>1</flowDirection><powerOfTenMultiplier>0</powerOfTenMultiplier>"
)


def reading(value="<value>5</value>", extra="", start=1_767_225_600):
    return (
        f"<IntervalReading>{extra}<timePeriod><duration>900</duration><start>{start}</start>"
        f"</timePeriod>{value}</IntervalReading>"
    )


def packed(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in members:
            file.writestr(name, text)
    return buffer.getvalue()


ROUND = {"round_finer": Rounding(6, RoundingMode.HALF_EVEN)}
LISBON = {"zone": "Europe/Lisbon"}


def mscons(*values, obis="1-1?:1.29.0", head="BGM+7+D+9", unt=0, charset="UNOC"):
    """An interchange with one message of one location; `unt` is added to its count."""
    body = ["UNS+D", "NAD+DP", "LOC+172+P", "LIN+1", f"PIA+5+{obis}:SRW", *values]
    inner = "'\n".join(["UNH+1+MSCONS:D:04B:UN:2.4c", head, *body])
    count = inner.count("'") + 2 + unt
    return f"UNB+{charset}:3+A+B+260105:1200+R'\n{inner}'\nUNT+{count}+1'\nUNZ+1+R'\n"


def energy(value="1", status="220", begin="202601010000?+00", end="202601010015?+00"):
    return f"QTY+{status}:{value}'DTM+163:{begin}:303'DTM+164:{end}:303"


def telegram(*lines, time="0-0:1.0.0(260101120000W)", crc=""):
    """A P1 telegram of one dial, without a CRC unless one is given."""
    body = [time, "0-0:96.1.1(4D31)", "1-0:1.8.1(000001.000*kWh)", *lines]
    return "\r\n".join(["/ABC5X", "", *(line for line in body if line), f"!{crc}", ""])


def forged():
    """An Arrow stream of which a packed buffer claims to hold four terabytes."""
    sink = pa.BufferOutputStream()
    table = pa.table({"kwh": list(range(1000))})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
        stream.write_table(table)
    data = sink.getvalue().to_pybytes()
    at = data.index(b"\x28\xb5\x2f\xfd") - 8
    return data[:at] + (1 << 42).to_bytes(8, "little") + data[at + 8 :]


def parquet(**columns):
    """A Parquet file of these columns."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


FINDINGS = mapped_cases.FINDINGS | {
    "intake.row.cells": (
        long("P,import,2026-01-01T02:00Z,1"),
        {},
        "The row has 4 cells where the header names 5: 'P,import,2026-01-01T02:00Z,1'.",
    ),
    "intake.row.broken": (
        nem12(stream(), day(), "300,20260102,", cells(24) + ",A,,,,"),
        {},
        "The record is broken over several lines; its parts are not put together again.",
    ),
    "intake.point.name": (
        long(" P,import,2026-01-01T02:00Z,1,kWh"),
        {},
        "' P' cannot be an identifier: it is empty, longer than 64 bytes, or has a blank at an "
        "end.",
    ),
    "intake.point.unseen": (
        long("P\u200b1,import,2026-01-01T02:00Z,1,kWh"),
        {},
        "'P<U+200B ZERO WIDTH SPACE>1' cannot be an identifier: it has a character that cannot be "
        "seen, spelled out here.",
    ),
    "intake.channel.unknown": (
        long("P,imports,2026-01-01T02:00Z,1,kWh"),
        {},
        "There is no channel 'imports'.",
    ),
    "intake.channel.partial": (
        nem12(stream("E1", "E1E2"), day()),
        {},
        "Only part of the streams that make up this channel is there: E2 is missing.",
    ),
    "intake.unit.unknown": (
        long("P,import,2026-01-01T02:00Z,1,therm"),
        {},
        "'therm' is not a unit that can be read here.",
    ),
    "intake.unit.channel": (
        long("P,import,2026-01-01T02:00Z,1,kvarh"),
        {},
        "The unit 'kvarh' does not belong to this channel.",
    ),
    "intake.value.number": (
        long("P,import,2026-01-01T02:00Z,NaN,kWh"),
        {},
        "'NaN' is not a plain decimal number of at most 18 digits.",
    ),
    "intake.value.large": (
        long("P,import,2026-01-01T02:00Z,1000000001,kWh"),
        {},
        "'1000000001' is larger than any meter can count in one interval or on one dial.",
    ),
    "intake.value.finer": (
        long("P,import,2026-01-01T02:00Z,1.0000001,kWh"),
        {},
        "'1.0000001' is finer than a millionth of a kWh (kvarh, kW), which is what is kept.",
    ),
    "intake.value.negative": (
        long("P,import,2026-01-01T02:00Z,-1,kWh"),
        {},
        "'-1' is below zero, but the channel counts one direction only.",
    ),
    "intake.time.pattern": (
        long("P,import,2026-W01-1,1,kWh"),
        {},
        "'2026-W01-1' is not an instant written as 2026-01-31T23:15:00Z (hours 00 to 23).",
    ),
    "intake.time.nonexistent": (
        long("P,import,2026-03-29T01:30,1,kWh"),
        LISBON,
        "'2026-03-29T01:30' does not exist: the clocks skip it that day.",
    ),
    "intake.time.ambiguous": (
        long("P,import,2026-10-25T01:00,1,kWh"),
        LISBON,
        "'2026-10-25T01:00' happens twice that day, when the clocks go back.",
    ),
    "intake.time.offset": (
        long("P,import,2026-01-01T02:00+14:30,1,kWh"),
        {},
        "The offset of '2026-01-01T02:00+14:30' is not in force at that instant in the declared "
        "zone, or anywhere.",
    ),
    "intake.time.future": (
        long("P,import,2026-12-01T02:00Z,1,kWh"),
        {},
        "'2026-12-01T02:00Z' lies in the future.",
    ),
    "intake.time.past": (
        long("P,import,0001-01-01T02:00Z,1,kWh"),
        {},
        "'0001-01-01T02:00Z' lies before 1990.",
    ),
    "intake.day.slots": (
        f"{WIDE}\nP,import,2026-01-01,60,1,2,3\n",
        LISBON,
        "The day has 24 intervals in this zone, the row has 3 values.",
    ),
    "intake.interval.length": (
        long(header=LONG + ",resolution_min").replace("kWh", "kWh,7"),
        {},
        "'7' gives no interval length from a minute to a day that divides the day.",
    ),
    "intake.interval.unknown": (
        f"{LONG}\nP,import,2026-01-01T02:00Z,1,kWh\n",
        {},
        "How long the interval is that starts at 2026-01-01T02:00:00Z cannot be told from its "
        "neighbours.",
    ),
    "intake.interval.mixed": (
        long(
            "P,import,2026-01-01T01:15Z,1,kWh",
            "P,import,2026-01-01T01:30Z,1,kWh",
            *(f"P,import,2026-01-01T0{hour}:30Z,1,kWh" for hour in (2, 3, 4)),
        ),
        {},
        "The channel seems to change its interval length within the file.",
    ),
    "intake.interval.grid": (
        long("P,import,2026-01-01T02:00Z,1,kWh", "P,import,2026-01-01T03:07Z,1,kWh"),
        {},
        "2026-01-01T03:07:00Z is off the interval grid of 60 minutes.",
    ),
    "intake.interval.conflict": (
        long("P,import,2026-01-01T01:00Z,2,kWh"),
        {},
        "The interval that starts at 2026-01-01T01:00:00Z is in the file twice with different "
        "values.",
    ),
    "intake.interval.overlap": (
        f"{LONG},resolution_min\nP,import,2026-01-01T00:00Z,1,kWh,60\n"
        "P,import,2026-01-01T00:30Z,1,kWh,30\n",
        {},
        "The interval that starts at 2026-01-01T00:00:00Z overlaps another of the same channel.",
    ),
    "intake.quality.unknown": (
        long(header=LONG + ",quality").replace("kWh", "kWh,X"),
        {},
        "There is no quality 'X'.",
    ),
    "intake.event.unknown": (
        b"metering_point,time,event\nP,2026-01-01T00:00Z,fire\n",
        {},
        "There is no event 'fire'.",
    ),
    "intake.event.value": (
        b"metering_point,time,event,value\nP,2026-01-01T00:00Z,tamper," + b"x" * 201 + b"\n",
        {},
        f"The value '{'x' * 80}…' is longer than 200 characters, or holds what cannot be printed.",
    ),
    "intake.version.number": (
        long(header=LONG + ",version").replace("kWh", "kWh,new"),
        {},
        "'new' is no version mark.",
    ),
    "intake.register.value": (
        f"{DIAL},reason\nP,M,1.8.0,2026-01-01T00:00Z,5,guess\n",
        {},
        "'guess' cannot stand in this column of a register reading.",
    ),
    "intake.register.digits": (
        f"{DIAL},digits\nP,M,1.8.0,2026-01-01T00:00Z,1000,3\n",
        {},
        "The dial cannot show '1000': it has only 3 digits before the mark.",
    ),
    "intake.register.conflict": (
        f"{DIAL}\nP,M,1.8.0,2026-01-01T00:00Z,5\nP,M,1.8.0,2026-01-01T00:00Z,6\n",
        {},
        "The dial has two different readings at 2026-01-01T00:00:00Z.",
    ),
    "intake.nem.order": (
        nem13(dial13().replace("20260101000000,A", "20260402000000,A")),
        {},
        "The previous reading, at '20260402000000', is later than the current one.",
    ),
    "intake.nem.quality": (
        nem12(stream(), day(tail="V,,,20260102000000,"), "400,1,23,A,,"),
        {},
        "The quality of each interval is not plain: 'V'.",
    ),
    "intake.dsmr.time": (
        telegram(time=""),
        {},
        "Nothing says when the dial showed this: the telegram's time is ''.",
    ),
    "intake.mscons.obis": (
        mscons(energy(), obis="7-1?:1.29.0"),
        {},
        "'7-1:1.29.0' is no OBIS code of electric energy that can be read here.",
    ),
    "intake.mscons.qualifier": (
        mscons(energy(status="999")),
        {},
        "'999' is no status of a value (QTY qualifier).",
    ),
    "intake.mscons.time": (
        mscons(energy(begin="202601012400?+00")),
        {},
        "The time of the value is missing, twice there, or cannot be used: '202601012400+00'.",
    ),
    "intake.mscons.withdrawn": (
        mscons(energy(), head="BGM+7+D+1"),
        {},
        "Message 'D' takes an earlier one back. Nothing is taken back by itself, and values in it "
        "are set aside.",
    ),
    "intake.mscons.streams": (
        mscons(energy(), "LIN+2", "PIA+5+1-2?:1.29.0:SRW", energy()),
        {},
        "The values of several OBIS codes do not make up one channel together: 1-1:1.29.0 and "
        "1-2:1.29.0.",
    ),
    "intake.greenbutton.type": (
        espi("<uom>72</uom><flowDirection>1</flowDirection>", reading()),
        {},
        "The reading type cannot be used: powerOfTenMultiplier '' is missing or no number.",
    ),
    "intake.greenbutton.reading": (
        espi(WATT_HOURS, reading(value="")),
        {},
        "The reading lacks a usable value: ''.",
    ),
    "intake.interval.duplicate": (
        long(GOOD[1]),
        {},
        "Rows that repeat another row of the file, counted once: 1.",
    ),
    "intake.register.duplicate": (
        f"{DIAL}\nP,M,1.8.0,2026-01-01T00:00Z,5\nP,M,1.8.0,2026-01-01T00:00Z,5\n",
        {},
        "Readings that repeat another one of the file, counted once: 1.",
    ),
    "intake.interval.version": (
        long(header=LONG + ",version").replace("kWh", "kWh,1")
        + "P,import,2026-01-01T01:00Z,2,kWh,2\n",
        {},
        "Intervals that are there in more than one version: 1. The newest will be used.",
    ),
    "intake.interval.gap": (
        long("P,import,2026-01-01T04:00Z,1,kWh"),
        {},
        "Intervals of this channel without a value, between its first and last: 2.",
    ),
    "intake.value.rounded": (
        long("P,import,2026-01-01T02:00Z,1.0000001,kWh"),
        ROUND,
        "Values that were finer than what is kept and were rounded, as declared: 1.",
    ),
    "intake.file.unended": (
        long().rstrip("\n"),
        {},
        "The file does not end with a line end, so its last value may have been cut.",
    ),
    "intake.channel.summed": (
        nem12(stream("E1", "E1E2"), day(), stream("E2", "E1E2"), day()),
        {},
        "E1 and E2 together are the channel; their values are added interval by interval.",
    ),
    "intake.channel.net": (
        espi(WATT_HOURS.replace(">1<", ">4<"), reading()),
        {},
        "The channel is net of both directions: above zero is import, below zero export.",
    ),
    "intake.nem.rule": (
        nem12(stream(), day(tail="S14,,,20260110000000,")),
        {},
        "The format asks that a substituted value (S, F) has a reason code; records that do not "
        "keep to it: 1.",
    ),
    "intake.register.quantity": (
        nem13(dial13(quantity="111")),
        {},
        "The sender's quantity '111' is not the difference of its two readings.",
    ),
    "intake.dsmr.media": (
        telegram("0-1:24.1.0(003)", "0-1:24.2.1(260101110000W)(1.5*m3)"),
        {},
        "Values of other meters (gas), kept as remarks: 1. Only electricity is billed.",
    ),
    "intake.dsmr.zone": (
        telegram(),
        {"zone": "Europe/Lisbon"},
        "The meter's clock is read in the declared zone Europe/Lisbon, not in Europe/Amsterdam.",
    ),
    "intake.mscons.period": (
        mscons(energy(end="202602010000?+00"), obis="1-1?:1.9.0"),
        {},
        "Energy of periods that are no interval, kept as remarks: 1. No bill is made of it.",
    ),
    "intake.mscons.segments": (
        mscons(energy()).replace("\n", ""),
        {},
        "The file is one line: its segments are counted instead, from 1 (UNB).",
    ),
    "intake.greenbutton.cost": (
        espi(WATT_HOURS, reading(extra="<cost>9</cost>")),
        {},
        "Costs in the feed, kept as remarks; bills are calculated here: 1.",
    ),
    "intake.greenbutton.personal": (
        espi(WATT_HOURS, reading()).replace("</feed>", entry("<Customer/>")),
        {},
        "Resources about people and contracts in the feed, which are not kept: 1.",
    ),
    "intake.greenbutton.other": (
        espi(WATT_HOURS, reading()).replace("</feed>", entry("<ApplicationInformation/>")),
        {},
        "Resources in the feed that hold no readings and are not kept ('ApplicationInformation'): "
        "1.",
    ),
    "intake.greenbutton.zone": (
        espi(WATT_HOURS, reading()).replace("</feed>", CLOCK.format(start="360E2000")),
        {"zone": "Europe/Lisbon"},
        "The feed's rules for the clock are not those of the declared zone, first at "
        "2026-01-01T00:00:00Z; stretches concerned: 1.",
    ),
    "intake.greenbutton.dst": (
        espi(WATT_HOURS, reading()).replace("</feed>", CLOCK.format(start="soon")),
        {},
        "The feed's rules for the clock cannot be read: 'soon' is no rule of 8 hexadecimal digits.",
    ),
}


def decoded(data, **how):
    data = data if isinstance(data, bytes) else data.encode()
    return decode(data, name="file", as_of=AS_OF, **how)


@pytest.mark.parametrize("code", FINDINGS)
def test_a_finding_says(code):
    """The finding has its message, a remedy, the file, and holds or notes as its kind does."""
    data, how, message = FINDINGS[code]
    found = decoded(data, **how)
    row = next(row for row in found.findings.to_pylist() if row["code"] == code)

    assert row["message"] == message
    assert row["remedy"]
    assert row["file"] == "file"
    assert row["severity"] == ("warn" if code in QUARANTINED else "note")
    if code in QUARANTINED:
        assert row["line"] >= 1
    assert found.rows == found.accepted + found.duplicates + found.quarantined


CONVERTED = {
    "intake.convert.left": (
        nem12(stream(), day()),
        "nem13",
        "The format that is written has no place for blocks of intervals; left out: 1.",
    ),
    "intake.convert.as_is": (
        long(),
        "nem12",
        "Written all the same: days in intervals other than 5, 15 or 30 minutes, which the format "
        "does not foresee: 1.",
    ),
    "intake.convert.header": (
        long(),
        "nem12",
        "No one file header is known: the file is dated 202611011000 and names no participants.",
    ),
}


@pytest.mark.parametrize("code", CONVERTED)
def test_a_conversion_says(code):
    """What a written format has no place for is said, with a remedy."""
    data, to, message = CONVERTED[code]
    findings = convert(decoded(data), to, as_of=AS_OF).findings

    assert message in [row["message"] for row in findings if row["code"] == code]
    assert all(row["remedy"] for row in findings)


def test_every_finding_has_its_smallest_input():
    """No code without an example here, none here without words."""
    assert FINDINGS.keys() | CONVERTED.keys() == QUARANTINED.keys() | NOTED.keys()


def deep():
    return "<feed>" + "<a>" * 70 + "espi" + "</a>" * 70 + "</feed>"


REFUSALS = mapped_cases.REFUSALS | {
    "intake.file.empty": (b"", {}, "The file is empty."),
    "intake.file.rows": (LONG + "\n", {}, "The file has no data, only its frame."),
    "intake.file.encoding": (
        long("\u00e9").encode("latin-1"),
        {},
        "The file is not UTF-8 text.",
    ),
    "intake.file.control": (
        long("P\0,import,2026-01-01T02:00Z,1,kWh"),
        {},
        "There is a control character (code 0) in the text.",
    ),
    "intake.file.truncated": (
        nem12(stream(), day()).replace("900\n", ""),
        {},
        "The file ends in the middle: the 900 record is missing.",
    ),
    "intake.file.count": (
        long("#rows=3"),
        {},
        "The file's trailer announces 3 rows, 2 are there.",
    ),
    "intake.file.format": (
        "hello,world\n",
        {},
        "This is none of the formats that can be read here; its first line is 'hello,world'.",
    ),
    "intake.csv.quote": (
        long('"P,import,2026-01-01T02:00Z,1,kWh'),
        {},
        "A quotation mark opens a cell that does not close on the same line.",
    ),
    "intake.csv.field": (long("P" * 131_073), {}, "A cell is longer than 128 KiB."),
    "intake.csv.row": (long("P," * (1 << 19) + "P"), {}, "A row is longer than 1 MiB."),
    "intake.csv.dialect": (
        long().replace(",", ";"),
        {},
        "The file is not comma-separated with a decimal point: ';' separates its cells.",
    ),
    "intake.csv.columns": (
        long().replace("start", "begin"),
        {},
        "The header does not fit: unknown: 'begin'; missing: start.",
    ),
    "intake.time.dialect": (
        long("P,import,25/04/2026 02:00,1,kWh"),
        {},
        "'25/04/2026 02:00' leaves open which number is the day and which the month.",
    ),
    "intake.time.zone": (
        long("P,import,2026-01-01T02:00,1,kWh"),
        {},
        "'2026-01-01T02:00' is local time without an offset, and no zone is declared for this "
        "file.",
    ),
    "intake.nem.record": (
        nem12(stream(), day(cells(48))),
        {},
        "The 300 record has 48 values; the interval length of its 200 record makes 24.",
    ),
    "intake.dsmr.frame": (
        telegram("1-0:1.8.2"),
        {},
        "The telegrams are not whole: '1-0:1.8.2' is no line of data.",
    ),
    "intake.dsmr.crc": (
        telegram(crc="0000"),
        {},
        "The telegram's CRC is '0000', that of its text 8CA5.",
    ),
    "intake.edifact.frame": (
        mscons(energy()).replace("UNZ+1+R", "UNZ+1+Q"),
        {},
        "The interchange is not whole: UNZ refers to 'Q', UNB to 'R'.",
    ),
    "intake.edifact.charset": (
        mscons(energy(), charset="UNOA").replace("+P'", "+\u00e9'").encode("latin-1"),
        {},
        "The text is not in the character set that UNB declares (ASCII).",
    ),
    "intake.table.broken": (
        b"PARE" + bytes(20) + b"PARE",
        {},
        "The table cannot be read: it is encrypted.",
    ),
    "intake.table.type": (
        parquet(metering_point=["P"], channel=["import"], start=["2026-01-01T00:00Z"], kwh=[0.5]),
        {},
        "The column 'kwh' is of type double, which is not read there.",
    ),
    "intake.table.large": (forged(), {}, "The table holds more than 1024 MiB."),
    "intake.xml.unsafe": (
        '<!DOCTYPE feed [<!ENTITY a "espi">]><feed>&a;</feed>',
        {},
        "The XML has a document type or entities, which is never read here.",
    ),
    "intake.xml.broken": ("<feed>espi", {}, "The XML is broken: no element found."),
    "intake.archive.broken": (
        gzip.compress(long().encode())[:-9],
        {},
        "The archive cannot be unpacked: it ends in the middle.",
    ),
    "intake.archive.unsafe": (
        packed(("../a.csv", long())),
        {},
        "The archive is refused: the name '../a.csv' leads out of the archive.",
    ),
    "intake.archive.large": (
        gzip.compress(bytes(1 << 24)),
        {},
        "The archive unpacks to more than 200 times its packed size.",
    ),
    "intake.archive.overlap": (
        packed(("a.csv", long()), ("b.csv", long())),
        {},
        "Two members of the archive both deliver import of 'P' from 2026-01-01T00:00:00Z.",
    ),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_says(code):
    """A refused file names code, file and remedy; nothing of it is read."""
    data, how, message = REFUSALS[code]
    with pytest.raises(RefusedFile) as caught:
        decoded(data, **how)

    assert caught.value.code == code
    assert caught.value.message == message
    assert caught.value.file == "file"
    assert caught.value.remedy


def test_master_data_of_another_name_is_refused():
    """A file that is no table of master data names those that are."""
    with pytest.raises(RefusedFile) as caught:
        read_master({"customers.csv": b"account\n"})

    assert caught.value.code == "intake.master.columns"
    assert caught.value.message.startswith("No file of master data is called 'customers';")


def test_every_refusal_has_its_smallest_input():
    """No code without an example here, none here without words."""
    elsewhere = {"intake.master.columns", "intake.file.large"}

    assert REFUSALS.keys() | elsewhere == REFUSED.keys()


def test_a_file_beyond_the_limit_is_refused(monkeypatch):
    """A file that is larger than what may be unpacked is refused, too."""
    monkeypatch.setattr(archive, "UNPACKED_MAX", 1 << 20)
    with pytest.raises(RefusedFile) as caught:
        decoded(long("P" * (1 << 20)))

    assert caught.value.code == "intake.file.large"
    assert caught.value.message == "The file is larger than 1 MiB."


def test_messages_read_as_sentences():
    """Each message and remedy begins as a sentence and ends as one, without jargon braces."""
    for words in [*QUARANTINED.values(), *NOTED.values(), *REFUSED.values()]:
        for text in words:
            plain = re.sub(r"\{[a-z]+\}", "X", text)

            assert plain[0].isupper() or plain[0] == "`"
            assert plain[-1] in ".X"


def test_deep_nesting_is_refused():
    """XML nested deeper than 64 levels is refused before it is read."""
    with pytest.raises(RefusedFile, match="more than 64 levels"):
        decoded(deep())


def test_limits_of_archives_are_those_of_the_page():
    """The limits that docs/formats.md promises."""
    assert (archive.RATIO_MAX, archive.UNPACKED_MAX) == (200, 1 << 30)


MASTER = {
    "accounts": "account,segment,language\nA,household,en\n",
    "metering_points": "metering_point,zone\nP,Europe/Lisbon\n",
    "meters": "meter,metering_point,from,to\nM,P,2026-01-01,\n",
    "registers": (
        "meter,register,channel,bucket,kind,digits,multiplier\n"
        "M,1.8.0,import,total,cumulative,5,40\n"
    ),
    "agreements": (
        "agreement,account,metering_point,from,to,tariff,legal_source,contract_kw\n"
        "G,A,P,2026-01-01,,home,interval,250.5\n"
    ),
}
MASTER_FINDINGS = {
    "intake.master.value": (
        {"registers": MASTER["registers"].replace(",5,", ",five,")},
        "digits 'five' is no whole number from 1 to 12.",
    ),
    "intake.master.duplicate": (
        {"accounts": MASTER["accounts"] + "A,household,en\n"},
        "The row for A repeats line 2; counted once.",
    ),
    "intake.master.contradiction": (
        {"accounts": MASTER["accounts"] + "A,shop,en\n"},
        "The row for A contradicts line 2; neither is used.",
    ),
    "intake.master.reference": (
        {**MASTER, "meters": MASTER["meters"].replace(",P,", ",Q,")},
        "metering_point 'Q' is not in metering_points.",
    ),
    "intake.master.overlap": (
        {"agreements": MASTER["agreements"] + "H,A,P,2026-02-01,,home,interval,\n"},
        "Two agreements supply 'P' from 2026-02-01. See lines 2 and 3.",
    ),
}


@pytest.mark.parametrize("code", MASTER_FINDINGS)
def test_a_finding_of_master_data_says(code):
    """Wrong master data are named with file, line, reason and remedy."""
    files, message = MASTER_FINDINGS[code]
    _, findings = read_master({name: text.encode() for name, text in files.items()})
    row = next(row for row in findings.to_pylist() if row["code"] == code)

    assert row["message"] == message
    assert row["remedy"]
    assert row["line"] >= 2
    assert row["must_hold"] == (code != "intake.master.duplicate")
