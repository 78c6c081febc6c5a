"""Step 2: what NEM12 and NEM13 share: AEMO's meter data file format, records of 100 to 900.

All times are UTC+10, all year. The first record is 100, the last is 900; a file without its 900 was
cut. Rules: AEMO, Meter Data File Format Specification NEM12 & NEM13.
"""

from __future__ import annotations

import csv
import io
import re
from calendar import timegm
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from gridtally.intake.report import shown
from gridtally.intake.text import Cells, piece_of
from gridtally.intake.words import refuse

__all__ = [
    "METHOD", "QUALITY", "Mdff", "field", "fields_text", "moment", "moment_text", "moments",
    "open_mdff", "pieces", "rows_of", "sniffs", "text_fields", "texts",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

UTC_PLUS_10 = 10 * 3600
QUALITY = {"A": 3, "S": 2, "F": 2, "E": 1, "N": 0}
"""First letter of a quality method -> quality code; F is a final substitute. V is not one."""
METHOD = re.compile(r"[AEFNSV][0-9]{0,2}\Z", re.IGNORECASE)
"""A quality flag and the number of a method."""
_RECORD = re.compile(rb'[\s\xef\xbb\xbf"]*(100|200|250|300|400|500|550|900)"?[ \t]*(?:,|\r?\n|\Z)')
_PIECE = 16 << 20


def sniffs(head: bytes, version: bytes) -> bool:
    """Whether a file begins with an MDFF record and names (or fits) this version."""
    if not _RECORD.match(head):
        return False
    first = head.lstrip().split(b"\n", 1)[0].upper().replace(b'"', b"")
    if first.startswith(b"100,"):
        return (b"NEM13" in first) == (version == b"NEM13")
    thirteen = bool(re.search(rb'(?m)^[ \t"]*250"?,', head))
    return thirteen == (version == b"NEM13")


@dataclass(frozen=True, slots=True)
class Mdff:
    """A file's frame: `created` is its header's instant [UTC s], `header` what the header says."""

    file: str
    created: int
    header: tuple[str, str, str]


def field(piece: Cells, row: int, column: int) -> str:
    """One field without blanks around it; senders pad some."""
    return piece.text(row, column).strip()


def texts(piece: Cells, rows: Ints, position: Ints | int) -> tuple[Ints, list[str]]:
    """A field of some records as numbers of texts without blanks around them; no field is empty."""
    at = piece.first[rows] + position
    there = at < piece.first[rows + 1]
    codes, one = piece.distinct(at[there])
    found = [*(piece.at(cell).strip() for cell in one.tolist()), ""]
    result = np.full(len(rows), len(one), np.int64)
    result[there] = codes
    return result, found


def rows_of(columns: Iterable[tuple[Ints, list[str]]]) -> list[tuple[str, ...]]:
    """Columns as `texts` gives them, row by row."""
    rows = ([found[code] for code in codes.tolist()] for codes, found in columns)
    return list(zip(*rows, strict=True))


def fields_text(fields: Iterable[str]) -> str:
    """Fields as one text, separated by commas."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def text_fields(text: str) -> list[str]:
    """The fields of such a text."""
    return next(csv.reader([text]), [])


def open_mdff(text: Bytes, *, file: str, version: str) -> Mdff:
    """The file's header, checked. Raises `RefusedFile` when the file does not begin with it."""
    head, _ = piece_of(text[: 1 << 16], 1, file=file, last=False)
    line = int(head.line[0])
    begins = field(head, 0, 0)
    if begins != "100" or (line > 1 and head.line[0] != 1):
        raise _broken(file, line, f"The file begins with {shown(begins)}, not with a 100 record.")
    if field(head, 0, 1).upper() != version:
        raise _broken(
            file, line, f"The 100 record names {shown(field(head, 0, 1))}, not {version}."
        )
    created = moment(field(head, 0, 2))
    if created is None:
        raise _broken(
            file, line, f"The 100 record has no file date and time: {shown(field(head, 0, 2))}."
        )
    sender, receiver = field(head, 0, 3), field(head, 0, 4)
    return Mdff(file, created, (field(head, 0, 2), sender, receiver))


def pieces(text: Bytes, mdff: Mdff, *, known: Sequence[str]) -> Iterator[tuple[Cells, Ints]]:
    """The records between 100 and 900 in pieces, each with its record indicators as numbers.

    Pieces begin at a 200 or 250 record, so that what belongs together stays together. A line that
    begins no known record has the indicator 0. Refuses a file without 900, or with more after it.
    """
    start, line, ended, rows = 0, 1, 0, 0
    while start < len(text):
        end = _cut(text, start + _PIECE)
        piece, lines = piece_of(text[start:end], line, file=mdff.file, last=end == len(text))
        kind = _kinds(piece, known)
        if ended and piece.rows:
            raise _broken(mdff.file, int(piece.line[0]), "There is more after the 900 record.")
        closing = np.flatnonzero(kind == 900)
        if closing.size:
            ended = int(closing[0])
            rows += ended
            _check_end(piece, ended, rows, mdff)
        else:
            rows += piece.rows
        first = 1 if start == 0 else 0
        again = np.flatnonzero(kind[first:] == 100)
        if again.size:
            at = int(piece.line[first + again[0]])
            raise _broken(mdff.file, at, "A second 100 record begins here.")
        stop = ended if closing.size else piece.rows
        yield _rows(piece, first, stop), kind[first:stop]
        last_line = int(piece.line[-1]) if piece.rows else line
        start, line = end, line + lines
    if not ended:
        raise refuse(
            "intake.file.truncated", file=mdff.file, line=last_line,
            text="the 900 record is missing",
        )  # fmt: skip
    if rows <= 1:
        raise refuse("intake.file.rows", file=mdff.file, line=last_line)


def _check_end(piece: Cells, at: int, rows: int, mdff: Mdff) -> None:
    """Nothing follows the 900 record; if it states a number of records, that number is right."""
    if at + 1 < piece.rows:
        line = int(piece.line[at + 1])
        raise _broken(mdff.file, line, "There is more after the 900 record.")
    stated = field(piece, at, 1)
    if stated and stated not in (str(rows - 1), str(rows), str(rows + 1)):
        raise refuse(
            "intake.file.count", file=mdff.file, line=int(piece.line[at]),
            expected=stated, cells=rows - 1,
        )  # fmt: skip


def _cut(text: Bytes, at: int) -> int:
    """Where the next 200 or 250 record begins at or after a position."""
    if at >= len(text):
        return len(text)
    step = 1 << 20
    for begin in range(at, len(text), step):
        window = text[begin : begin + step + 8].tobytes()
        found = re.search(rb'\n(?="?(?:200|250)"?,)', window)
        if found:
            return begin + found.end()
    return len(text)


def _kinds(piece: Cells, known: Sequence[str]) -> Ints:
    """The record indicator of each row; 0 for a line that begins none."""
    codes, table = texts(piece, np.arange(piece.rows), 0)
    indicators = [int(text) if text in (*known, "100", "900") else 0 for text in table]
    kinds: Ints = np.array(indicators, dtype=np.int64)[codes]
    return kinds


def _rows(piece: Cells, start: int, stop: int) -> Cells:
    return Cells(
        piece.data, piece.starts, piece.ends, piece.first[start : stop + 1],
        piece.line[start:stop], piece.quoted, piece.last,
    )  # fmt: skip


def moment(text: str) -> int | None:
    """UTC seconds of YYYYMMDDhhmm[ss] or YYYYMMDD in UTC+10; None when it is no such time."""
    if len(text) not in (8, 12, 14) or not (text.isascii() and text.isdigit()):
        return None
    padded = text.ljust(14, "0")
    year = int(padded[:4])
    month, day, hour, minute, second = (int(padded[at : at + 2]) for at in range(4, 14, 2))
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return timegm(local.timetuple()) - UTC_PLUS_10


def moment_text(utc: int) -> str:
    """The 14 digits that `moment` reads as this instant."""
    local = datetime.fromtimestamp(utc + UTC_PLUS_10, UTC)
    return f"{local.year:04d}{local:%m%d%H%M%S}"


def moments(texts: Sequence[str]) -> dict[str, int | None]:
    """`moment` of each text once."""
    return {text: moment(text) for text in set(texts)}


def _broken(file: str, line: int, text: str) -> Exception:
    return refuse("intake.nem.record", file=file, line=line, text=text)
