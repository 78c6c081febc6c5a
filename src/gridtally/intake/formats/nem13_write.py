"""Step 2, the way back: register readings and their remarks as a NEM13 file, UTC+10.

Records that the remarks `nem13.*` state are written as they were; readings of other formats become
a record for each stretch between two readings of a dial.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import pyarrow as pa

from gridtally.intake.decimals import decimal
from gridtally.intake.formats.mdff import moment_text, text_fields
from gridtally.intake.formats.mdff_write import Book, Header, header_of, line_of
from gridtally.intake.report import Report
from gridtally.intake.units import QUALITIES, unit_of
from gridtally.money import MICRO
from gridtally.terms import RegisterKind

__all__ = ["write"]

_WAY = {"import": "E", "reactive_import": "E", "export": "I", "reactive_export": "I"}
_KEYS = (
    "config", "register", "suffix", "stream", "meter", "previous", "current", "quantity", "uom",
    "next_read", "update", "msats", "b2b",
)  # fmt: skip
_Row = Mapping[str, Any]


def write(registers: pa.Table, remarks: pa.Table, *, as_of: int, report: Report) -> bytes:
    """REGISTER_READINGS and REMARKS as NEM13; `report` says what has no place in it.

    `as_of` [UTC s] is the time of the file when the remarks name none. Empty without any record.
    """
    book = Book(remarks, prefix="nem13.", report=report)
    if not registers.num_rows:
        return b""
    header = header_of(book, "NEM13", as_of=as_of, report=report)
    lines = [
        *_stated(book, header),
        *_stretches(registers, {point for point, _ in book.tags}, report),
    ]
    return "\r\n".join([header.text, *lines, "900", ""]).encode() if lines else b""


def _stated(book: Book, header: Header) -> Iterator[str]:
    """The records that the remarks state, by metering point, dial and time."""
    for (point, channel), tags in book.tags.items():
        for tag in sorted(tags):
            records: dict[tuple[int, int, int, int], dict[str, list[str]]] = {}
            for key in _KEYS:
                for remark in book.of(point, channel, key, tag):
                    place = (remark.start, remark.end, remark.version, remark.line)
                    record = records.setdefault(place, defaultdict(list))
                    record[key].append(remark.value)
            for (start, end, version, _), record in sorted(records.items()):
                said = {key: "".join(record.get(key, ())[:1]) for key in _KEYS}
                update = moment_text(version)
                if record.get("update") and (said["update"] or version == header.created):
                    update = said["update"]
                yield _record(point, channel, start, end, said | {"update": update})
                for event in record.get("b2b", ()):
                    yield line_of("550", *text_fields(event))


def _record(point: str, channel: str, start: int, end: int, said: Mapping[str, str]) -> str:
    """A 250 record; `said` by key, the two readings with method, reason and description."""
    before, *before_how = text_fields(said["previous"])
    after, *after_how = text_fields(said["current"])
    return line_of(
        "250", point, *(said[key] for key in _KEYS[:5]), _WAY[channel],
        before, moment_text(start), *before_how, after, moment_text(end), *after_how,
        *(said[key] for key in ("quantity", "uom", "next_read", "update", "msats")),
    )  # fmt: skip


def _stretches(registers: pa.Table, stated: set[str], report: Report) -> Iterator[str]:
    """A record for each stretch between two readings of a dial, of points without remarks."""

    def dial(row: _Row) -> tuple[str, str, str]:
        return row["metering_point"], row["meter"], row["register"]

    rows = [row for row in registers.to_pylist() if row["metering_point"] not in stated]
    rows.sort(
        key=lambda row: (*dial(row), row["time_utc"], QUALITIES[row["quality"]], row["version"])
    )
    odd = 0
    for (point, meter, register), group in groupby(rows, key=dial):
        readings = [[*same][-1] for _, same in groupby(group, key=lambda row: row["time_utc"])]
        problem = _problem(readings)
        if problem:
            report.note("intake.convert.left", text=problem, count=len(readings))
            continue
        odd += len(register) != 2
        for before, after in pairwise(readings):
            quantity = _quantity(before, after)
            if quantity is None:
                text = "dials that went backwards"
                report.note("intake.convert.left", text=text, metering_point=point)
                continue
            said = {"config": register, "register": "", "suffix": register, "stream": "",
                    "meter": meter, "previous": _reading(before), "current": _reading(after),
                    "quantity": quantity, "uom": unit_of(after["channel"]), "next_read": "",
                    "update": moment_text(after["version"]) if after["version"] else "",
                    "msats": ""}  # fmt: skip
            start, end = (int(row["time_utc"].timestamp()) for row in (before, after))
            yield _record(point, after["channel"], start, end, said)
    if odd:
        text = "dials whose name is no NMI suffix of two characters"
        report.note("intake.convert.as_is", text=text, count=odd)


def _problem(readings: Sequence[_Row]) -> str:
    """Why the readings of a dial cannot be written, or nothing."""
    if len(readings) < 2:
        return "single readings of a dial"
    if any(row["kind"] == RegisterKind.DEMAND for row in readings):
        return "demand dials"
    if any(not row["channel"] for row in readings):
        return "dials of which only master data know what they count"
    if any(row["multiplier"] is None for row in readings):
        return "dials of which only master data know the multiplier"
    return ""


def _quantity(before: _Row, after: _Row) -> str | None:
    """What the dial counted, times its multiplier, as text; None when it went backwards."""
    step = after["reading"] - before["reading"]
    if step < 0:
        if after["digits"] is None:
            return None
        step += 10 ** after["digits"] * MICRO
    return decimal(step * after["multiplier"], 12)


def _reading(row: _Row) -> str:
    """What the dial showed, with all its digits, and its quality."""
    whole, dot, part = decimal(row["reading"], 6).partition(".")
    return line_of(whole.zfill(row["digits"] or 1) + dot + part, row["quality"], "", "")
