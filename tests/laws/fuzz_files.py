"""Files that are nearly right: valid ones of every format, changed in one to four places.

`made(name, number)` gives the same file each time, so that a failure can be looked at again.
"""

import gzip
import io
import os
import random
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "intake"))
import dsmr_cases as dsmr
import intake_cases as cases
import mscons_cases as mscons
import nem_cases as nem
import test_formats_page as page

from gridtally.money import Rounding
from gridtally.terms import RoundingMode

SEED = int(os.environ.get("GRIDTALLY_FUZZ_SEED", "1"))
ZONES = ("Europe/Lisbon", "Europe/Amsterdam", "Australia/Lord_Howe", "America/Caracas", "Etc/GMT-1")
BINARY = ("parquet", "arrow")

NASTY = (
    "", " ", "0", "-0", "-1", "+1", ".", "-", "1.", ".5", "1,5", "1e5", "1e400", "NaN", "inf",
    "0x1", "0.0000001", "999999999999999999", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "1" * 40, "1000000000", "1000000001", "12.345", "٣", "１", "é",
    "\u200b", "\ufeff", "\x00", "\x1b[31m", "\t", '"', '""', '"a,b"', "'", "''", "A" * 70,
    "A" * 9000, "é" * 33, "=cmd()", "null", "N", "A", "V", "S14", "E99", "F", "0000-00-00",
    "2026-02-30", "2026-03-29", "2026-10-25", "1989-12-31T00:00Z", "9999-12-31T23:59:59Z",
    "2026-03-29T01:30:00", "2026-10-25T01:30:00", "2026-01-05T12:00:00+13:45", "2026-01-05 12:00",
    "05/01/2026", "20260230", "20261025", "00000000", "99991231235959", "20260105",
    "20260105000000", "260329023000S", "261025023000W", "202610250130?+00", "1-1?:1.29.0",
    "1-1:1.8.0", "1-1:2.8.0", "0-0:96.1.1", "E1", "B1", "K1", "E1E2", "E1B1K1Q1", "import",
    "export", "reactive_import", "kWh", "MWH", "kvarh", "kW", "W", "GWh", "1", "5", "15", "30",
    "60", "7", "24", "1440", "48", "49", "900", "3600", "86400", "72", "73", "38", "-3", "19",
    "demand", "cumulative", "exchange_out", "total", "#rows=1", "#rows=0", "P", "P2",
)  # fmt: skip

SWAPS = (
    (",", ";"), ("+", ":"), ("\n", "\r"), ("\n", "\r\n"), ("\r\n", "\n"), ("'", "\n"),
    (".", ","), (",", ""),
)  # fmt: skip
TYPES = (
    pa.string(), pa.float64(), pa.int64(), pa.decimal128(20, 7), pa.bool_(), pa.binary(),
    pa.timestamp("ns"), pa.large_string(), pa.date32(), pa.null(), pa.uint64(),
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """How the text of a format falls into records and fields; `seal` makes counts right again."""

    record: str
    fields: str
    seal: Any = None


def _crcs(text: str) -> str:
    """Every telegram with its right CRC."""

    def right(found: re.Match[str]) -> str:
        body = found[1].replace("\r\n", "\n").replace("\n", "\r\n")
        return f"{found[1]}{dsmr.crc(body):04X}"

    return re.sub(r"(/[^!]*!)[0-9A-F]{4}", right, text)


def _edifact_counts(text: str) -> str:
    """UNT and UNZ with their right counts."""
    segments, since, messages, out = re.split(r"(?<!\?)'", text), 0, 0, []
    for segment in segments:
        tag, since = segment.strip()[:3], since + 1
        if tag == "UNH":
            since, messages = 1, messages + 1
        right = {"UNT": since, "UNZ": messages}.get(tag)
        out.append(segment if right is None else re.sub(r"\+\d+", f"+{right}", segment, count=1))
    return "'".join(out)


def _rows(text: str) -> str:
    """The trailer `#rows=N` of a CSV with its right number."""
    lines = text.rstrip("\n").split("\n")
    return re.sub(r"#rows=\d+\s*$", f"#rows={len(lines) - 2}\n", text)


_CSV = Shape(r"(\n)", r"([,;\n])", _rows)
_NEM = Shape(r"(\r?\n)", r"([,\r\n]+)")
SHAPES = {
    "nem12": _NEM,
    "nem13": _NEM,
    "dsmr": Shape(r"(\r?\n)", r"([()*\r\n]+)", _crcs),
    "mscons": Shape(r"('\n?)", r"([+:'\n])", _edifact_counts),
    "green-button": Shape(r"((?<=</entry>)|(?<=</IntervalReading>))", r"(</?[^>]*>)"),
}


@cache
def seeds(name: str) -> tuple[Any, ...]:
    """Valid files of a format; of the binary ones the tables that they hold."""
    own: Mapping[str, list[Any]] = {
        "csv-long": [cases.csv_long(), cases.csv_long(start="2026-01-05T12:00:00+01:00")],
        "csv-wide": [cases.csv_wide(), cases.wide_day("2026-10-25", 25)],
        "csv-registers": [cases.csv_registers()],
        "nem12": [
            cases.nem12(),
            nem.file(nem.stream(config="E1E2"), nem.day(), nem.stream("E2", "E1E2"), nem.day(2)),
            nem.file(nem.stream(minutes=30), nem.day(3, count=48, tail="V,,,20260110000000,"),
                     "400,1,24,S14,76,", "400,25,48,E52,,"),
        ],
        "nem13": [nem.accumulated(nem.record(), nem.record(suffix="41", way="I"), "550,N,,R,")],
        "dsmr": [
            "".join(dsmr.telegram(f"1-0:2.8.1({n:06}.000*kWh)", time=f"2601{n:02}120000W")
                    for n in range(1, 4)),
            dsmr.telegram("1-0:1.6.0(260109134558W)(02.589*kW)", end="\n"),
        ],
        "mscons": [
            mscons.interchange(
                mscons.message(*mscons.profile(*(mscons.quarter(n) for n in range(4)))),
                mscons.message(*mscons.reading(), *mscons.reading(obis="1-1?:2.8.1"),
                               reference="2"),
            ),
            mscons.interchange(mscons.message(*mscons.reading()), una="", between=""),
        ],
    }  # fmt: skip
    if name in BINARY:
        table = _table(page.SECTIONS[name])
        long, dials = (_texts(text) for text in (cases.csv_long(), cases.csv_registers()))
        found = cases.decoded(cases.csv_long())
        return table, long, dials, found.blocks, cases.decoded(cases.csv_registers()).registers
    return page.SECTIONS[name], *own.get(name, [])


def _table(code: str) -> pa.Table:
    """The table that an example of the page makes."""
    names: dict[str, Any] = {}
    exec(code, names)
    return names["table"]


def _texts(text: str) -> pa.Table:
    header, *rows = (line.split(",") for line in text.splitlines())
    return pa.table({name: [row[at] for row in rows] for at, name in enumerate(header)})


def made(name: str, number: int) -> tuple[bytes, dict[str, Any]]:
    """The file of that number, and how it is decoded: the same ones for the same seed."""
    chance = random.Random(f"{SEED} {name} {number}")
    data = _binary(name, chance) if name in BINARY else _text(name, chance)
    how: dict[str, Any] = {"zone": chance.choice((None, *ZONES, *ZONES[:1] * 6))}
    if name == "csv-mapped":
        how["mapping"] = _mapping(chance)
    elif chance.random() < 0.4:
        how["format"] = name
    if chance.random() < 0.3:
        how["round_finer"] = Rounding(chance.choice((0, 3, 6)), chance.choice(list(RoundingMode)))
    if chance.random() < 0.1:
        data = _packed(data, name, chance)
    return data, how


def _text(name: str, chance: random.Random) -> bytes:
    shape = SHAPES.get(name, _CSV)
    text = chance.choice(seeds(name))
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        change = chance.choices((_records, _fields, _digits, _others, _spliced), (6, 8, 4, 2, 1))[0]
        text = change(text, name, shape, chance)
    if shape.seal and chance.random() < 0.8:
        text = shape.seal(text)
    data = text.encode("utf-8", "replace")
    return _flipped(data, chance) if chance.random() < 0.08 else data


def _records(text: str, name: str, shape: Shape, chance: random.Random) -> str:
    """A record dropped, doubled, repeated often, moved, swapped; or several of them."""
    parts = re.split(shape.record, text)
    records = [a + (b or "") for a, b in zip(parts[::2], [*parts[1::2], ""], strict=False)]
    a, b = chance.randrange(len(records)), chance.randrange(len(records))
    what = chance.randrange(6)
    if what == 0:
        del records[a : a + chance.choice((1, 1, 3))]
    elif what == 1:
        records.insert(b, records[a])
    elif what == 2:
        records[a:a] = [records[a]] * chance.choice((2, 30))
    elif what == 3:
        records[a], records[b] = records[b], records[a]
    elif what == 4:
        records[1:-1] = chance.sample(records[1:-1], len(records[1:-1]))
    else:
        first, last = sorted((a, b))
        records[first:first] = records[first:last]
    return "".join(records)


def _fields(text: str, name: str, shape: Shape, chance: random.Random) -> str:
    """A field with a nasty value, with that of another, emptied, dropped, or one too many."""
    parts = re.split(shape.fields, text)
    at, other = (2 * chance.randrange((len(parts) + 1) // 2) for _ in range(2))
    what = chance.randrange(8)
    if what < 4:
        parts[at] = chance.choice(NASTY)
    elif what == 4:
        parts[at], parts[other] = parts[other], parts[at]
    elif what == 5:
        parts[at] = parts[other]
    elif what == 6:
        del parts[at : at + 2]
    else:
        parts[at:at] = parts[at : at + 2]
    return "".join(parts)


def _digits(text: str, name: str, shape: Shape, chance: random.Random) -> str:
    """A number somewhere, one more, one less, longer, or another."""
    found = list(re.finditer(r"\d+", text))
    if not found:
        return text
    one = chance.choice(found)
    old = one[0]
    new = chance.choice((
        str(int(old) + 1), str(max(int(old) - 1, 0)).zfill(len(old)), old + "0", "9" * len(old),
        "-" + old, old[:-1], "0" * len(old), old[::-1], str(chance.randrange(10 ** len(old[:19]))),
    ))  # fmt: skip
    return text[: one.start()] + new + text[one.end() :]


def _others(text: str, name: str, shape: Shape, chance: random.Random) -> str:
    """Cut, another separator or line end, a column twice, something put in, letter case."""
    at = chance.randrange(len(text) + 1)
    what = chance.randrange(8)
    if what == 0:
        return text[:at]
    if what == 1:
        return text.replace(*chance.choice(SWAPS))
    if what == 2:
        number = chance.randrange(6)
        return "\n".join(
            ",".join([*cells[: number + 1], *cells[number:]])
            for cells in (line.split(",") for line in text.split("\n"))
        )
    if what == 3:
        return text[:at] + chance.choice(NASTY) + text[at:]
    if what == 4:
        return text[at:]
    if what == 5:
        return text.upper() if chance.random() < 0.5 else text.lower()
    if what == 6:
        return chance.choice(("\ufeff", "\n", " ", "\r\n\r\n")) + text
    return text + chance.choice(("\n", " ", "\x1a", "\x00", "\n\n\n", text))


def _spliced(text: str, name: str, shape: Shape, chance: random.Random) -> str:
    """The head of one file and the tail of another."""
    other = chance.choice(seeds(name))
    return text[: chance.randrange(len(text) + 1)] + other[chance.randrange(len(other)) :]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, or a piece taken out."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 3))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    if chance.random() < 0.2:
        at = chance.randrange(len(changed) + 1)
        del changed[at : at + chance.randrange(50)]
    return bytes(changed)


def _mapping(chance: random.Random) -> bytes:
    """The mapping of the page, sometimes with another value in it or a line less."""
    text = page.MAPPING
    if chance.random() < 0.4:
        text = chance.choice((_fields, _records, _digits))(
            text, "", Shape(r"(\n)", r'(["\n=]+)'), chance
        )
    return text.encode()


def _packed(data: bytes, name: str, chance: random.Random) -> bytes:
    """The file packed, alone or beside a valid one; sometimes a byte is wrong."""
    if chance.random() < 0.5:
        packed = gzip.compress(data, 1, mtime=0)
    else:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made_of:
            made_of.writestr(zipfile.ZipInfo("a"), data)
            if name not in BINARY:
                made_of.writestr(zipfile.ZipInfo("b"), seeds(name)[-1])
        packed = sink.getvalue()
    return _flipped(packed, chance) if chance.random() < 0.2 else packed


def _binary(name: str, chance: random.Random) -> bytes:
    """A table that was changed, written whole; its bytes are changed sometimes."""
    table = chance.choice(seeds(name))
    for _ in range(chance.choice((0, 1, 1, 2))):
        table = _retabled(table, chance)
    sink = io.BytesIO()
    if name == "parquet":
        pq.write_table(table, sink, compression=chance.choice(("none", "snappy", "zstd")),
                       use_dictionary=chance.random() < 0.5)  # fmt: skip
    else:
        options = pa.ipc.IpcWriteOptions(compression=chance.choice((None, "lz4", "zstd")))
        make = chance.choice((pa.ipc.new_file, pa.ipc.new_stream))
        with make(sink, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=chance.choice((1, 5, 1 << 20)))
    data = sink.getvalue()
    what = chance.random()
    return data[: chance.randrange(len(data))] if what < 0.05 else (
        _flipped(data, chance) if what < 0.35 else data)  # fmt: skip


def _retabled(table: pa.Table, chance: random.Random) -> pa.Table:
    """Rows dropped, repeated, mixed; a column dropped, doubled, of another type or value."""
    rows, at = table.num_rows, chance.randrange(max(table.num_columns, 1))
    what = chance.randrange(9)
    if not table.num_columns or what == 0:
        return table.slice(0, chance.randrange(rows + 1))
    if what == 1:
        return pa.concat_tables([table, table.slice(0, chance.randrange(rows + 1))])
    if what == 2:
        return table.take(pa.array([chance.randrange(rows) for _ in range(rows)], pa.int64()))
    field = table.schema.field(at)
    if what == 3:
        return table.remove_column(at)
    if what == 4:
        return table.append_column(chance.choice((field.name, "extra", "")), table.column(at))
    if what == 5:
        return table.set_column(at, field.name, pa.nulls(rows, field.type))
    if what == 6:
        try:
            column = table.column(at).cast(chance.choice(TYPES), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return table
        return table.set_column(at, field.name, column)
    cells = table.column(at).to_pylist()
    if not rows:
        return table
    strange = (None, -1, 2**62, -(2**63), 0, [2**62] * 3, [None, -1], [], *NASTY)
    cells[chance.randrange(rows)] = chance.choice(strange)
    try:
        return table.set_column(at, field.name, pa.array(cells, field.type))
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, OverflowError):
        return table.set_column(at, field.name, pa.array([str(cell) for cell in cells]))
