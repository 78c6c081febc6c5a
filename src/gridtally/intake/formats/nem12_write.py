"""Step 2, the way back: blocks and their remarks as a NEM12 file, UTC+10.

What the remarks `nem12.*` say is written as it was said; decoding the file gives the same blocks
and remarks again. What the format asks for and nobody said is left empty, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gridtally.intake.decimals import decimals, joined
from gridtally.intake.formats.days import Days, days_of
from gridtally.intake.formats.mdff import UTC_PLUS_10, moment_text, text_fields
from gridtally.intake.formats.mdff_write import Book, Header, Remark, header_of, line_of
from gridtally.intake.numbers import micro
from gridtally.intake.report import Report
from gridtally.intake.runs import LETTERS
from gridtally.intake.units import UNITS, unit_of
from gridtally.money import MICRO, parse_decimal

__all__ = ["write"]

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

_DAY = 86_400
_LETTERS = {"import": "E", "export": "B", "reactive_import": "Q", "reactive_export": "K"}
_FIELDS = ("config", "register", "suffix", "stream", "meter", "uom", "next_read")
_SPANS = ("method", "reason", "reason_text")
_USUAL = (300, 900, 1800)


@dataclass(frozen=True, slots=True)
class _Stream:
    """The days of one data stream, by version and day; all of one interval length.

    `value` [10^-6 kWh or kvarh], `quality` have shape (days, intervals); `text` are the values of
    each day in kWh or kvarh, `fields` those of its 200 record after the NMI.
    """

    point: str
    channel: str
    tag: str
    seconds: int
    start: Ints
    version: Ints
    value: Ints
    quality: Codes
    text: Sequence[str]
    fields: Sequence[tuple[str, ...]]


def write(blocks: pa.Table, remarks: pa.Table, *, as_of: int, report: Report) -> bytes:
    """BLOCKS and REMARKS as NEM12; `report` says what has no place in it.

    `as_of` [UTC s] is the time of the file when the remarks name none. Empty without any day.
    """
    book = Book(remarks, prefix="nem12.", report=report)
    names, days, lost = days_of(blocks, offset=UTC_PLUS_10)
    for reason, count in lost.items():
        report.note("intake.convert.left", text=_LOST[reason], count=count)
    parts = [*_plain(names, days, book), *_several(book)]
    if not parts:
        return b""
    header = header_of(book, "NEM12", as_of=as_of, report=report)
    filled = sum(int((~part.here).sum()) for part in days)
    if filled:
        text = "intervals that are not there, written as no value (N) to make their days whole"
        report.note("intake.convert.as_is", text=text, count=filled)
    _note(parts, report)
    order = {point: at for at, point in enumerate(dict.fromkeys(part.point for part in parts))}
    parts.sort(key=lambda part: (order[part.point], part.channel, part.tag))
    lines = [header.text]
    for part in parts:
        lines += _records(part, book, header)
    return "\r\n".join([*lines, "900", ""]).encode()


_LOST = {
    "length": "intervals that do not divide the hour",
    "grid": "intervals that are off the grid of their length",
}


def _note(parts: Sequence[_Stream], report: Report) -> None:
    """Say what a receiver may not expect."""
    long = sum(len(part.start) for part in parts if part.seconds not in _USUAL)
    if long:
        text = "days in intervals other than 5, 15 or 30 minutes, which the format does not foresee"
        report.note("intake.convert.as_is", text=text, count=long)
    unversioned = sum(int((part.version == 0).sum()) for part in parts)
    if unversioned:
        report.note("intake.convert.as_is", text="days without update time", count=unversioned)
    small = sum(int(((part.version > 0) & (part.version < 631_152_000)).sum()) for part in parts)
    if small:
        text = "days whose version is a number, written as an update time near 1970"
        report.note("intake.convert.as_is", text=text, count=small)


# --------------------------------------------------------------------- streams


def _plain(names: Sequence[tuple[str, str]], days: Sequence[Days], book: Book) -> Iterator[_Stream]:
    """Channels of one stream: their blocks are its values."""
    configured = _configured(names)
    for part in days:
        texts = joined(
            decimals(part.value.reshape(-1), 6),
            np.arange(len(part.start) + 1) * part.value.shape[1],
        ).to_pylist()
        order = np.lexsort((part.start, part.version, part.name))
        name, first = np.unique(part.name[order], return_index=True)
        for number, rows in zip(name.tolist(), np.split(order, first[1:]), strict=True):
            point, channel = names[number]
            if book.tags.get((point, channel), set()) - {""}:
                continue
            default = {
                "config": configured[point], "suffix": f"{_LETTERS[channel]}1",
                "uom": unit_of(channel),
            }  # fmt: skip
            start, version = part.start[rows], part.version[rows]
            yield _Stream(
                point, channel, "", part.seconds, start, version, part.value[rows],
                part.quality[rows], [texts[at] for at in rows.tolist()],
                _fields(book, (point, channel, ""), start, version, default),
            )  # fmt: skip


def _configured(names: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The NMI configuration of each point that says none: the suffixes of its channels."""
    found: dict[str, str] = {}
    for point, channel in names:
        found[point] = found.get(point, "") + f"{_LETTERS[channel]}1"
    return found


def _several(book: Book) -> Iterator[_Stream]:
    """Channels of several streams: remarks have the values of each, the blocks their sum."""
    for (point, channel), tags in list(book.tags.items()):
        for tag in sorted(tags - {""}):
            by_size: dict[int, list[tuple[int, int, str]]] = {}
            for remark in book.of(point, channel, "values", tag):
                size = remark.value.count(",") + 1
                for start in range(remark.start, remark.end, _DAY):
                    by_size.setdefault(size, []).append((remark.version, start, remark.value))
            for size, rows in by_size.items():
                rows.sort()
                yield _of_texts(book, (point, channel, tag), size, rows)


def _of_texts(
    book: Book, where: tuple[str, str, str], size: int, rows: Sequence[tuple[int, int, str]]
) -> _Stream:
    """A stream whose values a remark has, `size` of them a day."""
    version, start = (np.array([row[at] for row in rows], dtype=np.int64) for at in (0, 1))
    default = {"suffix": where[2], "uom": unit_of(where[1])}
    fields = _fields(book, where, start, version, default)
    text = ",".join(values for *_, values in rows).encode()
    data = np.concatenate([np.frombuffer(text, np.uint8), np.zeros(64, np.uint8)])
    commas = np.flatnonzero(data == ord(","))
    begin, end = np.append(0, commas + 1), np.append(commas, len(text))
    value = micro(data, begin, end, 6, limit=1 << 62).value.reshape(-1, size)
    quality = np.zeros(value.shape, np.uint8)
    days = [values for *_, values in rows]
    return _Stream(*where, _DAY // size, start, version, value, quality, days, fields)


def _power(fields: Sequence[str]) -> int:
    """The power of ten between the stream's unit and the millionth that is kept."""
    return UNITS[fields[_FIELDS.index("uom")].lower()][1]


def _fields(
    book: Book, where: tuple[str, str, str], start: Ints, version: Ints, default: dict[str, str]
) -> Sequence[tuple[str, ...]]:
    """The fields of the 200 record for each day; `default` where no remark is about the stream."""
    columns = []
    point, channel, tag = where
    blank = {} if (point, channel) in book.tags else default
    first, last = int(start.min()), int(start.max())
    # Days that are there in several versions have remarks of their very versions.
    each = len(np.unique(start)) < len(start)
    for key in _FIELDS:
        said = book.of(point, channel, key, tag)
        if len(said) == 1 and not each and said[0].start <= first and last < said[0].end:
            columns.append([said[0].value] * len(start))
            continue
        column, free = [blank.get(key, "")] * len(start), np.ones(len(start), bool)
        for remark in said:
            inside = (start >= remark.start) & (start < remark.end) & free
            inside &= (version == remark.version) | (not each)
            # The oldest version that is not older than the day's says it; else the newest does.
            for at in np.flatnonzero(inside).tolist():
                column[at] = remark.value
            free &= ~(inside & (version <= remark.version))
        columns.append(column)
    return list(zip(*columns, strict=True))


# --------------------------------------------------------------------- records


def _records(stream: _Stream, book: Book, header: Header) -> Iterator[str]:
    """The 200 record of a stream, each of its days, and again where the 200 record changes."""
    days = _days(stream, book, header)
    order = sorted(range(len(days)), key=lambda at: stream.fields[at])
    for fields, rows in groupby(order, key=lambda at: stream.fields[at]):
        *before, next_read = fields
        yield line_of("200", stream.point, *before, str(stream.seconds // 60), next_read)
        for at in rows:
            yield from days[at]


def _days(stream: _Stream, book: Book, header: Header) -> list[list[str]]:
    """The 300, 400 and 500 records of each day."""
    slots = stream.value.shape[1]
    said = _said(stream, book)
    texts = [*said.texts]
    values = _values(stream, book)
    loaded, updated, heads = (_by_day(stream, book, key) for key in ("msats", "update", "day"))
    events = _by_day(stream, book, "b2b")
    varies = (np.diff(said.code, axis=1) != 0).any(axis=1).tolist()
    firsts = said.code[:, 0].tolist()
    found = []
    for at, start in enumerate(stream.start.tolist()):
        version = int(stream.version[at])
        update = moment_text(version) if version else ""
        if updated[at]:
            update = updated[at][0] if updated[at][0] or version == header.created else update
        own = texts[firsts[at]] if not varies[at] else ("V", "", "")
        head = tuple(text_fields(heads[at][0])) if heads[at] else own
        tail = line_of(*head, update, loaded[at][0] if loaded[at] else "")
        lines = [f"300,{moment_text(start)[:8]},{values[at]},{tail}"]
        if varies[at] or heads[at] or _needs_event(own):
            lines += _ranges(said.code[at], texts, slots)
        lines += [line_of("500", *text_fields(event)) for event in events[at]]
        found.append(lines)
    return found


def _needs_event(said: Sequence[str]) -> bool:
    """Power outages, time resets and tampering stand in a 400 record."""
    return said[0].upper() == "A" and said[1] in ("61", "79", "89")


def _ranges(code: Ints, texts: Sequence[tuple[str, str, str]], slots: int) -> list[str]:
    """The 400 records of a day: a range for each stretch of the same."""
    first = [0, *(np.flatnonzero(np.diff(code)) + 1).tolist(), slots]
    return [line_of("400", str(a + 1), str(b), *texts[int(code[a])]) for a, b in pairwise(first)]


def _values(stream: _Stream, book: Book) -> list[str]:
    """The values of each day as text, in the stream's unit."""
    value, changed = stream.value.copy(), set()
    for remark in book.of(stream.point, stream.channel, "null_value", stream.tag):
        for at in _inside(stream, remark):
            low, high = _slots(stream, at, remark)
            value[at, low:high] = int(parse_decimal(remark.value, places_max=6) * MICRO)
            changed.add(at)
    powers = np.array([_power(row) for row in stream.fields], dtype=np.int64)
    slots = stream.value.shape[1]
    found = [*stream.text]
    own = np.isin(np.arange(len(powers)), list(changed))
    for power in {*powers.tolist()}:
        rows = np.flatnonzero((powers == power) & (own | (powers != 6)))
        texts = decimals(value[rows].reshape(-1), power)
        lines = joined(texts, np.arange(len(rows) + 1) * slots).to_pylist()
        for at, line in zip(rows.tolist(), lines, strict=True):
            found[at] = line
    return found


def _by_day(stream: _Stream, book: Book, key: str) -> list[list[str]]:
    """What is said of each day of the stream, in this very version."""
    found: list[list[str]] = [[] for _ in stream.start]
    for remark in book.of(stream.point, stream.channel, key, stream.tag):
        for at in _inside(stream, remark):
            found[at].append(remark.value)
    return found


def _inside(stream: _Stream, remark: Remark) -> range:
    """The days of the remark's version that it touches; days are sorted by version and start."""
    low, high = stream.version.searchsorted([remark.version, remark.version + 1]).tolist()
    days = stream.start[low:high]
    end = max(remark.end, remark.start + 1)
    first, last = days.searchsorted([remark.start - _DAY + 1, end]).tolist()
    return range(low + first, low + last)


def _slots(stream: _Stream, at: int, remark: Remark) -> tuple[int, int]:
    """The intervals of a day that a remark is about: first, and first after."""
    day = int(stream.start[at])
    low, high = (min(max(edge - day, 0), _DAY) for edge in (remark.start, remark.end))
    return low // stream.seconds, high // stream.seconds


@dataclass(frozen=True, slots=True)
class _Said:
    """`code` (days, intervals) numbers `texts`: method, reason, description."""

    code: Ints
    texts: Sequence[tuple[str, str, str]]


def _said(stream: _Stream, book: Book) -> _Said:
    """How each interval came to be; without a remark its method is the letter of its quality."""
    said = [book.of(stream.point, stream.channel, key, stream.tag) for key in _SPANS]
    if not any(said):
        return _Said(stream.quality.astype(np.int64), [(letter, "", "") for letter in LETTERS])
    texts = [[*LETTERS], [""], [""]]
    codes = [stream.quality.astype(np.int64), *np.zeros((2, *stream.value.shape), np.int64)]
    for remarks, text, code in zip(said, texts, codes, strict=True):
        for remark in remarks:
            if remark.value not in text:
                text.append(remark.value)
            number = text.index(remark.value)
            for at in _inside(stream, remark):
                low, high = _slots(stream, at, remark)
                code[at, low:high] = number
    wide, long = len(texts[1]), len(texts[2])
    both, code = np.unique((codes[0] * wide + codes[1]) * long + codes[2], return_inverse=True)
    found = [
        (texts[0][one // (wide * long)], texts[1][one // long % wide], texts[2][one % long])
        for one in both.tolist()
    ]
    return _Said(code.reshape(stream.value.shape), found)
