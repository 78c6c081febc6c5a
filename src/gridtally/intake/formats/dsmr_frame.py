"""Step 2: DSMR P1 telegrams as columns: where each begins and ends, its CRC, its lines and groups.

A telegram goes from `/` to `!` and the CRC16 (IBM, reflected, from 0) of everything between, both
marks included, over text with CRLF. Telegrams of DSMR 2.2 and 3 have none. Rules: Netbeheer
Nederland, P1 companion standard 5.0.2; Fluvius, e-MUCS P1 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gridtally.errors import RefusedFile
from gridtally.intake.report import shown
from gridtally.intake.text import Cells
from gridtally.intake.words import refuse

__all__ = ["Telegrams", "crc16", "split"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SLASH, _BANG, _OPEN, _CLOSE, _RETURN, _NEWLINE = (ord(char) for char in "/!()\r\n")
_LONGEST = 1 << 15
"""Longest telegram [bytes]; an honest one has some thousand."""
_CHUNK = 1 << 20
_POLYNOMIAL = 0xA001
_PAD = np.zeros(64, np.uint8)
_HEX = np.full(256, -1, np.int64)
_HEX[[ord(char) for char in "0123456789ABCDEF"]] = np.arange(16)


@dataclass(frozen=True, slots=True)
class Telegrams:
    """The data lines of a file: rows of `cells` whose first cell is the OBIS code.

    The other cells are what stands between brackets. `owner` numbers the telegram of each row,
    `line` is the line of each telegram's header, `checked` whether it has a CRC.
    """

    cells: Cells
    owner: Ints
    line: Ints
    checked: Bools


def split(text: Bytes, *, file: str) -> Telegrams:
    """The telegrams of a file, each with its CRC verified. Raises `RefusedFile`."""
    text = _with_returns(text)
    if text[-1] != _NEWLINE:
        text = np.append(text, np.array([_RETURN, _NEWLINE], np.uint8))
    stops = np.flatnonzero(text == _NEWLINE)
    starts = np.append(0, stops[:-1] + 1)
    ends = stops - 1
    filled = np.flatnonzero(ends > starts)
    mark = text[starts[filled]]
    heads, tails = filled[mark == _SLASH], filled[mark == _BANG]
    _refuse_order(text, starts, ends, filled, heads, tails, file=file)
    first, last = starts[heads], starts[tails]
    checked = _verify(text, first, last, ends[tails], tails, file=file)
    inside = (mark != _SLASH) & (mark != _BANG)
    cells = _cells(text, starts, ends, filled[inside], file=file)
    owner = np.searchsorted(heads, cells.line - 1, side="right") - 1
    return Telegrams(cells, owner, heads + 1, checked)


def crc16(text: bytes) -> int:
    """The CRC of one text."""
    data = np.frombuffer(text, np.uint8)
    return int(_crcs(data, np.array([0]), np.array([len(data) - 1]))[0])


def _with_returns(text: Bytes) -> Bytes:
    """The text with CRLF line ends, as the meter sent it."""
    newline = np.flatnonzero(text == _NEWLINE)
    bare = newline[(newline == 0) | (text[newline - 1] != _RETURN)]
    return np.insert(text, bare, _RETURN) if bare.size else text


def _refuse_order(
    text: Bytes, starts: Ints, ends: Ints, filled: Ints, heads: Ints, tails: Ints, *, file: str
) -> None:
    """Refuse text outside telegrams, a telegram inside another, and one that does not end."""
    if not len(heads) or filled[0] != heads[0]:
        raise _broken(file, int(filled[0]) + 1 if len(filled) else 1, "it does not begin with '/'")
    pairs = min(len(heads), len(tails))
    late = np.flatnonzero(tails[:pairs] < heads[:pairs])
    nested = np.flatnonzero(heads[1 : pairs + 1] < tails[: len(heads[1 : pairs + 1])])
    if nested.size or len(heads) > len(tails):
        at = int(nested[0]) if nested.size else len(heads) - 1
        raise refuse(
            "intake.file.truncated", file=file, line=int(heads[at]) + 1,
            text="the telegram that begins here has no end '!'",
        )  # fmt: skip
    if late.size or len(tails) > len(heads):
        at = int(late[0]) if late.size else len(heads)
        raise _broken(file, int(tails[at]) + 1, "a telegram ends that did not begin")
    outside = np.searchsorted(heads, filled, side="right") - 1
    stray = filled[filled > tails[outside]]
    if stray.size:
        at = int(stray[0])
        line = text[starts[at] : ends[at]].tobytes().decode("utf-8", "replace")
        raise _broken(file, at + 1, f"{shown(line)} stands outside a telegram")


# ---------------------------------------------------------------------- CRC


def _verify(text: Bytes, first: Ints, last: Ints, ends: Ints, tails: Ints, *, file: str) -> Bools:
    """Which telegrams state a CRC; refuses the file when one is not that of its text."""
    long = np.flatnonzero(last - first > _LONGEST)
    if long.size:
        raise _broken(file, int(tails[long[0]]) + 1, "a telegram is longer than 32 KiB")
    length = ends - last - 1
    said = np.zeros(len(last), np.int64)
    wrong = length > 4
    for at in range(4):
        digit = _HEX[text[np.minimum(last + 1 + at, len(text) - 1)]]
        there = at < length
        wrong |= there & (digit < 0)
        said = np.where(there, said * 16 + digit, said)
    checked = length > 0
    found = _crcs(text, first, last)
    bad = np.flatnonzero(checked & (wrong | (said != found)))
    if bad.size:
        at = int(bad[0])
        stated = text[last[at] + 1 : ends[at]].tobytes().decode("utf-8", "replace")
        raise refuse(
            "intake.dsmr.crc", file=file, line=int(tails[at]) + 1, text=shown(stated),
            expected=f"{int(found[at]):04X}",
        )  # fmt: skip
    return checked


def _crcs(text: Bytes, first: Ints, last: Ints) -> Ints:
    """The CRC of each stretch `text[first : last + 1]`.

    It is linear: the sum (exclusive or) of what each byte gives at its distance from the end.
    """
    length = last - first + 1
    table = _table(1 << int(length.max(initial=1) - 1).bit_length())
    result = np.zeros(len(first), np.int64)
    edges = np.searchsorted(np.cumsum(length), np.arange(0, int(length.sum()), _CHUNK))
    cuts = np.unique(np.concatenate([edges, [len(first)]]))
    for begin, end in zip(np.append(0, cuts[:-1]), cuts, strict=True):
        part = slice(int(begin), int(end))
        size = length[part]
        if not len(size):
            continue
        offsets = np.cumsum(size) - size
        within = np.arange(int(size.sum())) - np.repeat(offsets, size)
        byte = text[np.repeat(first[part], size) + within].astype(np.int64)
        distance = np.repeat(size, size) - 1 - within
        result[part] = np.bitwise_xor.reduceat(table[distance * 256 + byte], offsets)
    return result


@lru_cache(maxsize=2)
def _table(length: int) -> npt.NDArray[np.uint16]:
    """What a byte gives at each distance from the end: entry `distance * 256 + byte`."""
    state = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        state = np.where(state & 1, (state >> 1) ^ _POLYNOMIAL, state >> 1).astype(np.uint16)
    step, rows = state, [state]
    for _ in range(length - 1):
        rows.append((rows[-1] >> 8) ^ step[rows[-1] & 0xFF])
    return np.concatenate(rows)


# -------------------------------------------------------------------- cells


def _cells(text: Bytes, starts: Ints, ends: Ints, lines: Ints, *, file: str) -> Cells:
    """Data lines as rows: the code, then each group. A line of groups alone goes on with the last.

    Refuses brackets that do not pair on one line, and lines without any.
    """
    is_data = np.zeros(len(starts), bool)
    is_data[lines] = True
    brackets = np.flatnonzero((text == _OPEN) | (text == _CLOSE))
    line = np.searchsorted(starts, brackets, side="right") - 1
    brackets, line = brackets[is_data[line]], line[is_data[line]]
    opening = text[brackets] == _OPEN
    odd = opening != (np.arange(len(brackets)) % 2 == 0)
    odd[1::2] |= line[1::2] != line[:-1:2]
    odd[-1:] |= opening[-1:]
    wrong = np.concatenate([line[odd], np.setdiff1d(lines, line)])
    if wrong.size:
        at = int(wrong.min())
        said = text[starts[at] : ends[at]].tobytes().decode("utf-8", "replace")
        raise _broken(file, at + 1, f"{shown(said)} is no line of data")
    opens, closes, line = brackets[0::2], brackets[1::2], line[0::2]
    heads = lines[text[starts[lines]] != _OPEN]
    owner = np.searchsorted(heads, line, side="right") - 1
    if len(owner) and owner[0] < 0:
        raise _broken(file, int(line[0]) + 1, "a value has no OBIS code")
    first = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(heads)) + 1)])
    first = first[: len(heads) + 1]
    begin, end = np.empty(int(first[-1]), np.int64), np.empty(int(first[-1]), np.int64)
    begin[first[:-1]], end[first[:-1]] = starts[heads], opens[np.searchsorted(line, heads)]
    place = np.arange(len(opens)) + owner + 1
    begin[place], end[place] = opens + 1, closes
    data = np.concatenate([text, _PAD])
    return Cells(data, begin, end, first, heads + 1, False, True)


def _broken(file: str, line: int, text: str) -> RefusedFile:
    return refuse("intake.dsmr.frame", file=file, line=line, text=text)
