"""M01 to M62: what senders really send, and the one right answer to each.

RF the file is refused whole and kept aside · QR a row is set aside and the rest goes on · DUP it
was there already · VER a newer version of what is stored · OK accepted · NOTE accepted, and said ·
RUN the month is billed, and its audit says it (FLAG), or holds the bill for it (HOLD).
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pyarrow as pa
from bad_world import (
    DIALS,
    HEADER,
    OCTOBER,
    dial,
    file_of,
    homes,
    hours,
    load,
    master,
    reading,
)

__all__ = ["ANSWERS", "Case", "Sent"]

Bytes = bytes | Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery and its answer: `codes` are findings that must be said."""

    answer: str
    name: str
    data: Bytes = b""
    codes: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    set_aside: int = 1
    """QR: how many rows."""

    @property
    def bytes(self) -> bytes:
        """What is delivered."""
        return self.data() if callable(self.data) else self.data


@dataclass(frozen=True, slots=True)
class Case:
    """What happens one after the other, and what it shows."""

    says: str
    sent: Sequence[Sent] = field(default_factory=tuple)
    audit: tuple[str, ...] = ()
    """Findings of the month's audit, on `point`."""
    point: str = "MP-1"
    hold: bool = False
    """The bill is held for them."""


DAY = [reading("MP-1", at) for at in hours("2026-10-01", "2026-10-02")]


CHANGED = [row.replace(",Wh", "7,Wh") if at == 5 else row for at, row in enumerate(DAY)]
"""The same day with another value of one hour."""


def with_row(row: str) -> bytes:
    """A day of good rows, and one more."""
    return file_of([*DAY, row])


def with_start(text: str) -> bytes:
    """A day of good rows, and one with that start."""
    return with_row(f"MP-1,import,{text},100,Wh,A,0")


def with_value(text: str) -> bytes:
    """A day of good rows, and one with that value [kWh]."""
    return with_row(f'MP-1,import,2026-10-02T00:00:00Z,"{text}",kWh,A,0')


def aside(code: str, **files: bytes) -> list[Sent]:
    """Deliveries of which one row each is set aside for that reason."""
    return [Sent("QR", f"{name}.csv", data, (code,)) for name, data in files.items()]


def wrong(code: str, **files: Bytes) -> list[Sent]:
    """Deliveries that are refused for that reason."""
    return [Sent("RF", name.replace("__", "."), data, (code,)) for name, data in files.items()]


def month(change=lambda point, at: None, **how) -> Sent:
    """October of all homes, with something wrong in it."""
    return Sent("OK", "october.csv", homes(*OCTOBER, change=change, **how))


def wide(date: str, values: int, step: int = 60, *, columns: int = 0) -> bytes:
    """A row of csv-wide for a day, with that many values."""
    names = ",".join(f"v{n + 1}" for n in range(columns or values))
    cells = ",".join("0.1" for _ in range(values))
    return file_of(
        [f"MP-1,import,{date},{step},{cells}"],
        f"metering_point,channel,date,resolution_min,{names}",
    )


# ------------------------------------------------------------------ containers


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A ZIP of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def link() -> bytes:
    """A ZIP with a symbolic link in it."""
    info = zipfile.ZipInfo("a.csv")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return zipped((info, b"/etc/passwd"))


def encrypted() -> bytes:
    """A ZIP whose member says that it is encrypted."""
    data = bytearray(zipped(("a.csv", file_of(DAY))))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def misdeclared() -> bytes:
    """A ZIP whose member says that it is a few bytes long."""
    data = bytearray(zipped(("a.csv", file_of(DAY))))
    data[22:26] = struct.pack("<I", 5)
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 5)
    return bytes(data)


def overlapped() -> bytes:
    """A ZIP of which two entries share the same bytes."""
    data = bytearray(zipped(("a.csv", file_of(DAY)), ("b.csv", file_of(DAY[:2]))))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = struct.pack("<I", 0)
    return bytes(data)


def bomb() -> bytes:
    """200 MB of zeros in a gzip file of 200 kB."""
    return gzip.compress(b"0" * 200_000_000, 9)


def zstd_bomb() -> bytes:
    """300 MB of zeros in a Zstandard file."""
    return pa.compress(b"0" * 300_000_000, "zstd", asbytes=True)


# ------------------------------------------------------------------------- XML

ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">{}</feed>'
DOCTYPE = '<?xml version="1.0"?><!DOCTYPE feed [{}]>'


def feed(values=(("1790812800", "250"),), *, power="0", flow="1", uom="72") -> bytes:
    """A Green Button feed of one meter reading in hours."""

    def entry(own: str, up: str, related: str, content: str) -> str:
        links = f'<link rel="self" href="{own}"/><link rel="up" href="{up}"/>'
        links += f'<link rel="related" href="{related}"/>' if related else ""
        return f"<entry>{links}<content>{content}</content></entry>"

    point = "/r/UsagePoint/MP-3"
    meter = f"{point}/MeterReading/1"
    rows = "".join(
        "<e:IntervalReading><e:timePeriod><e:duration>3600</e:duration>"
        f"<e:start>{start}</e:start></e:timePeriod><e:value>{value}</e:value></e:IntervalReading>"
        for start, value in values
    )
    scale = f"<e:powerOfTenMultiplier>{power}</e:powerOfTenMultiplier>" if power else ""
    kind = (
        "<e:ReadingType><e:accumulationBehaviour>4</e:accumulationBehaviour>"
        f"<e:flowDirection>{flow}</e:flowDirection><e:intervalLength>3600</e:intervalLength>"
        f"{scale}<e:uom>{uom}</e:uom></e:ReadingType>"
    )
    service = (
        "<e:UsagePoint><e:ServiceCategory><e:kind>0</e:kind></e:ServiceCategory></e:UsagePoint>"
    )
    return ATOM.format(
        entry(point, "/r/UsagePoint", f"{point}/MeterReading", service)
        + entry(meter, f"{point}/MeterReading", "/r/ReadingType/1", "<e:MeterReading/>")
        + entry("/r/ReadingType/1", "/r/ReadingType", "", kind)
        + entry(f"{meter}/IntervalBlock/1", f"{meter}/IntervalBlock", "",
                f"<e:IntervalBlock>{rows}</e:IntervalBlock>")
    ).encode()  # fmt: skip


def laughs() -> bytes:
    """Entities that grow to a thousand million laughs."""
    lines = ['<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return (DOCTYPE.format("".join(lines)) + ATOM.format("&a9;")).encode()


def quadratic() -> bytes:
    """One long entity, many times."""
    entity = f'<!ENTITY a "{"x" * 50_000}">'
    return (DOCTYPE.format(entity) + ATOM.format("&a;" * 20_000)).encode()


def external() -> bytes:
    """An entity that reads a file of this machine."""
    entity = '<!ENTITY a SYSTEM "file:///etc/hostname">'
    return (DOCTYPE.format(entity) + ATOM.format("&a;")).encode()


def deep() -> bytes:
    """Elements within elements within elements."""
    return ATOM.format("<e:a>" * 5000 + "</e:a>" * 5000).encode()


def fat() -> bytes:
    """One attribute of many megabytes."""
    return ATOM.format(f'<e:a b="{"x" * 30_000_000}"/>').encode()


# ------------------------------------------------------------------------ other

NEM = "100,NEM12,202610020000,MDP,RETAILER\n"
NEM += "200,MP-1,E1,1,E1,N1,M-1,kWh,30,\n"
NEM_DAY = "300,20261001," + ",".join(["0.1"] * 48) + ",A,,,20261002000000,\n"


def meter_files(**tables: list[str]) -> bytes:
    """Master data in a changed form: the rows of one file."""
    ((name, rows),) = tables.items()
    header = master()[f"{name}.csv"].split(b"\n", 1)[0].decode()
    old = master()[f"{name}.csv"].decode().splitlines()[1:]
    return file_of([*old, *rows], header)


def swapped(point, at):
    """The homes MP-1 and MP-2 in each other's place."""
    other = {"MP-1": "MP-2", "MP-2": "MP-1"}.get(point)
    return load(other, at) if other else None


def late(point, at):
    """Everybody's readings an hour late: stamped at their end instead of their beginning."""
    return load(point, at - timedelta(hours=1))


def local(at):
    """Local time of Lisbon in early October."""
    return at + timedelta(hours=1)


def thousandth(at):
    """A home's load in kWh, where Wh are said."""
    return f"{load('MP-1', at) / 1000:.3f}"


def only_first(wanted):
    """A change of MP-1 alone."""
    return lambda point, at: wanted(at) if point == "MP-1" else None


ANSWERS: dict[str, Case] = {
    "M01": Case(
        "an empty file; a header alone",
        [
            *wrong("intake.file.empty", empty__csv=b""),
            *wrong("intake.file.rows", header__csv=file_of([])),
            *wrong("intake.file.empty", blank__csv=b"\n \n"),
        ],
    ),
    "M02": Case(
        "cut within a row; the trailer missing",
        [
            *wrong(
                "intake.file.truncated",
                cut__csv=file_of(DAY)[:-25],
                nem12__csv=(NEM + NEM_DAY).encode(),
            ),
        ],
    ),
    "M03": Case(
        "a trailer that counts otherwise",
        [
            *wrong("intake.file.count", rows__csv=file_of([*DAY, "#rows=99"])),
        ],
    ),
    "M04": Case(
        "the same file again",
        [
            Sent("OK", "a.csv", file_of(DAY)),
            Sent("DUP", "a.csv", file_of(DAY)),
        ],
    ),
    "M05": Case(
        "the same content, renamed or packed",
        [
            Sent("OK", "a.csv", file_of(DAY)),
            Sent("DUP", "b.csv", file_of(DAY)),
            Sent("DUP", "c.csv.gz", gzip.compress(file_of(DAY))),
            Sent("DUP", "d.zip", zipped(("other.csv", file_of(DAY)))),
            Sent("DUP", "e.csv.zst", pa.compress(file_of(DAY), "zstd", asbytes=True)),
        ],
    ),
    "M06": Case(
        "the same name, another content",
        [
            Sent("OK", "a.csv", file_of(DAY[:12])),
            Sent("NOTE", "a.csv", file_of(DAY[12:]), ("intake.file.name_reused",)),
        ],
    ),
    "M08": Case("a byte order mark", [Sent("OK", "a.csv", b"\xef\xbb\xbf" + file_of(DAY))]),
    "M09": Case(
        "other encodings",
        [
            *wrong(
                "intake.file.encoding",
                a__csv=file_of(DAY).decode().encode("utf-16"),
                b__csv=with_row("Caf\xe9,import,2026-10-02T00:00:00Z,1,kWh,A,0")
                .decode()
                .encode("latin-1"),
            ),
        ],
    ),
    "M10": Case("a NUL byte", [*wrong("intake.file.control", a__csv=with_value("1\x002"))]),
    "M11": Case(
        "a quotation mark that never closes",
        [
            *wrong("intake.csv.quote", a__csv=file_of([DAY[0], '"MP-1,' + DAY[1][5:], *DAY[2:]])),
        ],
    ),
    "M12": Case(
        "a cell beyond measure",
        [
            *wrong(
                "intake.csv.field",
                a__csv=lambda: with_row("MP-1,import," + "9" * 140_000 + ",1,kWh,A,0"),
            ),
        ],
    ),
    "M13": Case(
        "another separator; decimal commas",
        [
            *wrong(
                "intake.csv.dialect",
                a__csv=file_of(DAY).replace(b",", b";"),
                b__csv=file_of(
                    [
                        row.replace(",100", ',"1,5"') if ",100" in row else row
                        for row in ['MP-1,import,2026-10-01T00:00:00Z,"1,5",kWh,A,0', *DAY[1:]]
                    ]
                ),
            ),
        ],
    ),
    "M14": Case(
        "a column twice",
        [
            *wrong(
                "intake.csv.columns", a__csv=file_of([r + ",1" for r in DAY], HEADER + ",value")
            ),
        ],
    ),
    "M15": Case(
        "columns missing, extra, renamed",
        [
            *wrong(
                "intake.csv.columns",
                a__csv=file_of(["MP-1,import,1"], "metering_point,channel,value"),
                b__csv=file_of([r + ",1" for r in DAY], HEADER + ",extra"),
                c__csv=file_of(DAY, HEADER.replace("start", "begin")),
            ),
        ],
    ),
    "M16": Case(
        "too many or too few cells in a row",
        aside(
            "intake.row.cells",
            few=with_row("MP-1,import"),
            many=with_row(DAY[0] + ",9,9"),
        ),
    ),
    "M17": Case(
        "numbers that are not finite; minus zero",
        [
            *aside(
                "intake.value.number",
                a=with_value("NaN"),
                b=with_value("Infinity"),
                c=with_value("-inf"),
            ),
            Sent("OK", "zero.csv", with_value("-0")),
        ],
    ),
    "M18": Case(
        "an exponent that never ends",
        aside(
            "intake.value.number",
            a=with_value("1e9999999"),
            b=with_value("9" * 40),
        ),
    ),
    "M19": Case(
        "digits that only look like digits",
        aside(
            "intake.value.number",
            a=with_value("１２３"),
            b=with_value("٣"),
            c=with_value("1_000"),
            d=with_value(" 1 "),
            e=with_value("+5"),
        ),
    ),
    "M20": Case(
        "other notations",
        aside(
            "intake.value.number",
            a=with_value("0x10"),
            b=with_value("1/2"),
            c=with_value("=1+1"),
        ),
    ),
    "M21": Case(
        "finer than a channel's resolution", aside("intake.value.finer", a=with_value("0.0000001"))
    ),
    "M22": Case(
        "below zero on a channel of one direction",
        aside("intake.value.negative", a=with_value("-1")),
    ),
    "M23": Case(
        "below zero on a net channel",
        [
            Sent(
                "NOTE",
                "net.xml",
                feed((("1790812800", "-250"), ("1790816400", "100")), flow="4"),
                ("intake.channel.net",),
            ),
        ],
    ),
    "M24": Case(
        "more than the fuse lets through",
        [
            month(only_first(lambda at: 25_000 if (at.day, at.hour) == (7, 12) else None)),
        ],
        audit=("metering.interval.limit",),
        hold=True,
    ),
    "M25": Case(
        "kWh sent as Wh",
        [
            month(only_first(lambda at: thousandth(at) if local(at).day == 9 else None)),
        ],
        audit=("metering.interval.unit",),
        hold=True,
    ),
    "M26": Case(
        "a power of ten that is missing or no number",
        [
            Sent("QR", "a.xml", feed(power=""), ("intake.greenbutton.type",)),
            Sent("QR", "b.xml", feed(power="kilo"), ("intake.greenbutton.type",)),
        ],
    ),
    "M27": Case(
        "units that are none, or not of the channel",
        [
            *aside(
                "intake.unit.unknown", a=with_row("MP-1,import,2026-10-02T00:00:00Z,1,therm,A,0")
            ),
            *aside(
                "intake.unit.channel", b=with_row("MP-1,import,2026-10-02T00:00:00Z,1,kvarh,A,0")
            ),
        ],
    ),
    "M28": Case(
        "a point that nobody knows yet waits for master data",
        [
            Sent(
                "QR",
                "a.csv",
                with_row(reading("MP-77", next(hours("2026-10-01", "2026-10-02")))),
                ("intake.point.unknown",),
            ),
            Sent(
                "OK",
                "metering_points.csv",
                meter_files(metering_points=["MP-77,Europe/Lisbon,north,10"]),
            ),
        ],
    ),
    "M29": Case(
        "a meter that does not stand there then",
        [
            Sent(
                "QR",
                "a.csv",
                file_of([dial("2026-10-20T12:00:00Z", 800, meter="M-8", point="MP-8")], DIALS),
                ("intake.meter.elsewhere",),
            ),
        ],
    ),
    "M30": Case(
        "a meter of two customers",
        [
            month(),
            Sent(
                "NOTE",
                "agreements.csv",
                meter_files(agreements=["G-1b,A-2,MP-1,2026-10-10,,flat,interval"]),
                ("intake.master.overlap",),
            ),
        ],
        audit=("review.agreement.overlap",),
        hold=True,
    ),
    "M31": Case(
        "two meters that changed places", [month(swapped)], audit=("metering.profile.swapped",)
    ),
    "M32": Case(
        "names that only look alike",
        [
            Sent(
                "QR",
                "a.csv",
                with_row(reading("\u041cP-1", next(hours("2026-10-02", "2026-10-03")))),
                ("intake.point.unknown",),
            ),
            Sent(
                "QR",
                "b.csv",
                with_row("MP-1 ,import,2026-10-02T00:00:00Z,1,kWh,A,0"),
                ("intake.point.name",),
            ),
            Sent(
                "QR",
                "c.csv",
                with_row("1.23E+11,import,2026-10-02T00:00:00Z,1,kWh,A,0"),
                ("intake.point.unknown",),
            ),
        ],
    ),
    "M33": Case(
        "a date of which the order is not said",
        [
            *wrong(
                "intake.time.dialect",
                a__csv=with_start("25/04/2026 00:00"),
                b__csv=with_start("04/05/2026"),
            ),
        ],
    ),
    "M34": Case(
        "dates of other standards",
        aside(
            "intake.time.pattern",
            a=with_start("2026-W01-1"),
            b=with_start("20260101"),
        ),
    ),
    "M35": Case(
        "dates that are none",
        aside(
            "intake.time.pattern",
            a=with_start("2026-02-29T00:00:00Z"),
            b=with_start("2026-10-01T24:00:00Z"),
            c=with_start("2026-10-01T23:59:60Z"),
        ),
    ),
    "M36": Case(
        "a local time that does not exist",
        aside(
            "intake.time.nonexistent",
            a=with_start("2026-03-29T01:30"),
        ),
    ),
    "M37": Case(
        "a local time that exists twice",
        aside(
            "intake.time.ambiguous",
            a=with_start("2026-10-25T01:30"),
        ),
    ),
    "M38": Case(
        "the autumn hour as 1A",
        aside(
            "intake.time.pattern",
            a=with_start("2026-10-25 1A:00"),
        ),
    ),
    "M39": Case(
        "24 values on a day of 25 or 23 hours",
        [
            Sent("QR", "a.csv", wide("2026-10-25", 24, columns=25), ("intake.day.slots",)),
            Sent("QR", "b.csv", wide("2026-03-29", 24, columns=25), ("intake.day.slots",)),
            Sent("OK", "c.csv", wide("2026-10-25", 25)),
        ],
    ),
    "M40": Case(
        "25 values on a day of 24 hours; 96 where 48 are declared",
        [
            Sent("QR", "a.csv", wide("2026-10-07", 25), ("intake.day.slots",)),
            Sent("QR", "b.csv", wide("2026-10-07", 96, 30), ("intake.day.slots",)),
        ],
    ),
    "M41": Case(
        "offsets that are not of the zone",
        [
            *aside(
                "intake.time.offset",
                a=with_start("2026-10-02T00:00:00+05:00"),
                b=with_start("2026-10-02T00:00:00+14:30"),
            ),
            *aside("intake.time.pattern", c=with_start("2026-10-02T00:00:00Z+01:00")),
        ],
    ),
    "M42": Case(
        "parts of a second",
        aside(
            "intake.time.pattern",
            a=with_start("2026-10-02T00:00:00.1234567Z"),
        ),
    ),
    "M43": Case(
        "off the grid", aside("intake.interval.grid", a=with_start("2026-10-02T00:07:00Z"))
    ),
    "M44": Case(
        "stamped at the end instead of the beginning",
        [month(late)],
        audit=("metering.source.shifted",),
        hold=True,
    ),
    "M45": Case(
        "the future, and long ago",
        [
            *aside("intake.time.future", a=with_start("2060-01-01T00:00:00Z")),
            *aside("intake.time.past", b=with_start("1985-01-01T00:00:00Z")),
            *aside("intake.time.past", c=with_start("0001-01-01T00:00:00Z")),
            *aside("intake.time.future", d=with_start("9999-12-31T00:00:00Z")),
        ],
    ),
    "M46": Case(
        "the same value again, beside new ones",
        [
            Sent("OK", "a.csv", file_of(DAY[:12])),
            Sent("DUP", "b.csv", file_of(DAY[6:18])),
        ],
    ),
    "M47": Case(
        "another value under a newer mark",
        [
            Sent("OK", "a.csv", file_of(DAY)),
            Sent("VER", "b.csv", file_of([row.replace(",A,0", ",A,2") for row in CHANGED])),
        ],
    ),
    "M48": Case(
        "another value without a mark",
        [
            Sent("OK", "a.csv", file_of(DAY)),
            Sent(
                "QR",
                "b.csv",
                file_of(CHANGED),
                ("intake.reading.conflict",),
            ),
        ],
    ),
    "M50": Case(
        "fourteen months late, and out of order",
        [
            Sent(
                "OK",
                "a.csv",
                file_of([reading("MP-1", at) for at in hours("2025-08-01", "2025-08-02")][::-1]),
            ),
        ],
    ),
    "M51": Case(
        "a gap",
        [
            month(only_first(lambda at: "" if (at.day, at.hour // 4) == (12, 2) else None)),
        ],
        audit=("metering.interval.missing", "metering.estimate.made"),
    ),
    "M52": Case(
        "zeros while the dial moves; a value that is stuck",
        [
            month(
                lambda point, at: (
                    0 if point == "MP-1" else 333 if point == "MP-2" and at.day > 20 else None
                )
            ),
            Sent(
                "OK",
                "dials.csv",
                file_of(
                    [
                        dial("2026-09-30T23:00:00Z", 1000, meter="M-1", point="MP-1"),
                        dial("2026-11-01T00:00:00Z", 1350, meter="M-1", point="MP-1"),
                    ],
                    DIALS,
                ),
            ),
        ],
        audit=("metering.interval.zero",),
        hold=True,
    ),
    "M53": Case(
        "a dial that goes backward",
        [
            Sent("OK", "dials.csv", file_of([dial("2026-11-01T00:00:00Z", 60610)], DIALS)),
        ],
        audit=("metering.register.backward",),
        point="MP-9",
        hold=True,
    ),
    "M54": Case(
        "a dial that rolls over",
        [
            Sent(
                "OK",
                "dials.csv",
                file_of(
                    [dial("2026-10-15T00:00:00Z", 99998), dial("2026-11-01T00:00:00Z", 3)], DIALS
                ),
            ),
        ],
        audit=("metering.register.rollover",),
        point="MP-9",
    ),
    "M55": Case(
        "an exchange without the last reading of the old meter",
        [
            Sent(
                "OK",
                "dials.csv",
                file_of(
                    [
                        dial(
                            "2026-10-14T23:00:00Z",
                            0,
                            meter="M-7",
                            point="MP-8",
                            reason="exchange_in",
                        ),
                        dial("2026-11-01T00:00:00Z", 150, meter="M-7", point="MP-8"),
                    ],
                    DIALS,
                ),
            ),
        ],
        audit=("metering.register.exchange",),
        point="MP-8",
        hold=True,
    ),
    "M56": Case(
        "a clock that is far from the time, under prices by the hour",
        [
            month(),
            Sent(
                "OK",
                "events.csv",
                file_of(
                    ["MP-4,2026-10-10T12:00:00Z,clock_drift,1900"],
                    "metering_point,time,event,value",
                ),
            ),
        ],
        audit=("metering.event.clock_drift",),
        point="MP-4",
        hold=True,
    ),
    "M57": Case(
        "flags of tampering, reverse energy and lost power",
        [
            month(),
            Sent(
                "OK",
                "events.csv",
                file_of(
                    [
                        "MP-1,2026-10-10T12:00:00Z,tamper,1",
                        "MP-1,2026-10-11T12:00:00Z,reverse,1",
                        "MP-1,2026-10-12T12:00:00Z,power_loss,120",
                    ],
                    "metering_point,time,event,value",
                ),
            ),
        ],
        audit=("metering.event.tamper", "metering.event.reverse", "metering.event.power_loss"),
    ),
    "M58": Case(
        "a row beyond measure; many rows",
        [
            *wrong("intake.csv.row", a__csv=lambda: file_of([DAY[0], "MP-1," + "x," * 8_000_000])),
            Sent(
                "OK",
                "b.csv",
                lambda: file_of(
                    [
                        reading(f"MP-{n}", at)
                        for n in (1, 2, 3, 4)
                        for at in hours("2024-01-01", "2026-09-01")
                    ]
                ),
            ),
        ],
    ),
    "M59": Case(
        "bombs",
        [
            *wrong("intake.archive.large", a__csv__gz=bomb, c__csv__zst=zstd_bomb),
            *wrong(
                "intake.archive.unsafe",
                d__zip=lambda: zipped(("e.zip", zipped(("f.csv", file_of(DAY))))),
                g__zip=overlapped,
            ),
            *wrong("intake.archive.broken", h__zip=misdeclared),
        ],
    ),
    "M60": Case(
        "names that lead out of an archive, links, names twice",
        wrong(
            "intake.archive.unsafe",
            a__zip=zipped(("../a.csv", file_of(DAY))),
            b__zip=zipped(("/etc/a.csv", file_of(DAY))),
            c__zip=link,
            d__zip=lambda: zipped(("a.csv", file_of(DAY)), ("A.csv", file_of(DAY[:3]))),
            e__zip=lambda: zipped(("a.csv", file_of(DAY)), ("a.csv", file_of(DAY[:3]))),
        ),
    ),
    "M61": Case(
        "XML that attacks its reader",
        wrong(
            "intake.xml.unsafe",
            a__xml=laughs,
            b__xml=quadratic,
            c__xml=external,
            d__xml=deep,
            e__xml=fat,
        ),
    ),
    "M62": Case(
        "something else under the name of a table",
        [
            *wrong(
                "intake.file.format",
                a__csv=zipped(
                    ("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")
                ),
                b__csv=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
                c__csv=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            ),
            *wrong(
                "intake.archive.unsafe",
                d__zip=encrypted,
            ),
        ],
    ),
}
