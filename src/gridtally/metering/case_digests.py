"""Between steps 4 and 6: the `input_digest` of all interval-billed segments of a bucket at once.

What many segments share is written once: their canonical form differs in names, carry and the
digests of their readings alone. SHA-256 over the readings is most of what is left to do.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridtally.metering.blocks import LETTERS, Dense
from gridtally.periods import iso_utc

__all__ = ["TO_LETTERS", "canonical", "digests", "within"]

Ints = npt.NDArray[np.int64]
At = TypeVar("At", int, Ints)
TO_LETTERS = bytes.maketrans(bytes(range(len(LETTERS))), LETTERS.encode())
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_SPAN = ("capacity_ukva", "contract_ukw", "from", "tariff", "terms", "to")
"""What a span says, in the order of the canonical form."""


def canonical(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8. A float is refused by assertion."""
    return _ENCODER.encode(value).encode()


Outside = Callable[[Sequence[str | None], int, int], Mapping[str, object]]
"""What a case says of series and events: of tariffs by digest, from an instant to another."""


def digests(
    spans: pa.Table, grids: Sequence[Dense], *, carry: Callable[[str], str], outside: Outside
) -> dict[str, str]:
    """The `input_digest` of each segment of SPANS, all of them billed from intervals.

    `carry` gives the canonical `carry_in` of an agreement.
    """
    names = spans["segment"].combine_chunks().dictionary_encode()
    codes = np.asarray(names.indices)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names.dictionary) + 1))
    first, last = order[starts[:-1]], order[starts[1:] - 1]
    heads = spans.select(["agreement", "metering_point"]).take(pa.array(first))
    agreements, points = (heads[name].to_pylist() for name in heads.column_names)
    measured = _channels(grids, heads["metering_point"], _bounds(spans, first, last))
    framed = _frames(spans, order, starts, outside)
    found = {}
    for name, agreement, point, channels, frame in zip(
        names.dictionary.to_pylist(), agreements, points, measured, framed, strict=True
    ):
        text = (
            f'{{"agreement":{_text(agreement)},"carry_in":{carry(agreement)},'
            f'"channels":{{{channels}}}{frame[0]}{_text(point)}'
        )
        seal = hashlib.sha256(text.encode())
        seal.update(frame[1])  # may be long: it holds the steps of price series
        found[name] = seal.hexdigest()
    return found


def _bounds(spans: pa.Table, first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """First instant of each segment, and the first after it; both 0 where the zone is unknown."""
    low, high = (np.asarray(pc.fill_null(spans[n], 0)) for n in ("start_utc", "end_utc"))
    return low[first], high[last]


# ------------------------------------------------------------------- readings


def _channels(
    grids: Sequence[Dense], points: pa.ChunkedArray, bounds: tuple[Ints, Ints]
) -> list[str]:
    """The channels of each segment, each with the digest of its readings."""
    texts: list[dict[str, str]] = [{} for _ in range(len(points))]
    for grid in sorted(grids, key=lambda grid: grid.channel):
        row = pc.index_in(points, pa.array(grid.points, pa.string()))
        rows = np.asarray(pc.fill_null(row, -1).combine_chunks())
        which = np.flatnonzero(rows >= 0)
        low, high = within(grid, *(at[which] for at in bounds))
        step = f'","resolution_s":{grid.resolution_s},"start":"'
        start = (grid.start_utc + low * grid.resolution_s).tolist()
        for i, seal, at in zip(which.tolist(), _seals(grid, rows[which], low, high), start,
                               strict=True):  # fmt: skip
            if seal:
                digest = f'"{grid.channel}":{{"digest":"{seal}{step}{_utc(at)}"}}'
                texts[i][grid.channel] = digest
    return [",".join(mine.values()) for mine in texts]


def within(grid: Dense, low: At, high: At) -> tuple[At, At]:
    """First interval of a grid that lies in [low, high), and the one after the last."""
    step = grid.resolution_s
    return -((grid.start_utc - low) // step), (high - grid.start_utc) // step


def _seals(grid: Dense, rows: Ints, low: Ints, high: Ints) -> Iterator[str]:
    """SHA-256 over values and quality of rows of a grid; empty where there is no reading."""
    width = grid.values.shape[1]
    values = np.ascontiguousarray(grid.values, dtype="<i8").reshape(-1).data.cast("B")
    quality = np.ascontiguousarray(grid.quality).reshape(-1).data
    first, after = (8 * (rows * width + at) for at in (low, high))
    for one, begin, end in zip(
        _one_quality(grid, rows), first.tolist(), after.tolist(), strict=True
    ):
        letters = _alike(one, (end - begin) // 8)
        if one < 0:
            codes = bytes(quality[begin // 8 : end // 8])
            letters = codes.translate(TO_LETTERS) if codes.strip(b"\0") else b""
        if not letters:
            yield ""
            continue
        seal = hashlib.sha256(values[begin:end])
        seal.update(letters)
        yield seal.hexdigest()


def _one_quality(grid: Dense, rows: Ints) -> list[int]:
    """The quality code that all readings of a row have; -1 where they differ."""
    low, high = grid.quality.min(axis=1, initial=3), grid.quality.max(axis=1, initial=0)
    codes: list[int] = np.where(low == high, low.astype(np.int64), -1)[rows].tolist()
    return codes


@lru_cache(maxsize=256)
def _alike(code: int, count: int) -> bytes:
    """So many equal quality letters; none where there is no reading."""
    return LETTERS[code].encode() * count if code > 0 else b""


_utc = lru_cache(maxsize=256)(iso_utc)


# --------------------------------------------------------------------- frames


def _frames(
    spans: pa.Table, order: Ints, starts: Ints, outside: Outside
) -> Iterator[tuple[str, bytes]]:
    """For each segment the canonical form between channels and metering point, and after it."""
    names = (*_SPAN, "zone", "look_back_from")
    columns = [spans[name].combine_chunks().dictionary_encode() for name in names]
    texts = [
        _raw(column) if name == "terms" else _texts(column)
        for name, column in zip(names, columns, strict=True)
    ]
    low, high = (np.asarray(pc.fill_null(spans[n], 0)) for n in ("start_utc", "end_utc"))
    tariffs = spans["tariff"].combine_chunks()
    codes = [np.asarray(pc.fill_null(column.indices, -1))[order].tolist() for column in columns]
    rows = list(zip(*codes, strict=True))
    cuts = starts.tolist()
    known: dict[tuple[tuple[int, ...], ...], tuple[str, bytes]] = {}
    for begin, end in pairwise(cuts):
        key = tuple(rows[begin:end])
        frame = known.get(key)
        if frame is None:
            rows_of = order[begin:end]
            more = outside(
                tariffs.take(pa.array(rows_of)).to_pylist(),
                int(low[rows_of[0]]), int(high[rows_of[-1]]),
            )  # fmt: skip
            frame = known[key] = _frame([
                [text[code] for text, code in zip(texts, row, strict=True)] for row in key
            ], more)  # fmt: skip
        yield frame


def _frame(rows: Sequence[Sequence[str]], outside: Mapping[str, object]) -> tuple[str, bytes]:
    """From the texts of `_SPAN`, zone and look-back of each span, and what comes from outside."""
    spans = ",".join(
        "{"
        + ",".join(
            f'"{name}":{text}'
            for name, text in zip(_SPAN, row, strict=False)
            if name != "terms" or text != "null"
        )
        + "}"
        for row in rows
    )
    events, series = (
        f',"{name}":{canonical(outside[name]).decode()}' if name in outside else ""
        for name in ("events", "series")
    )
    *_, end, zone, _ = rows[-1]
    since = rows[0][-1]
    looking = "" if since == "null" else f'"look_back_from":{since},'
    before = f'{events},"from":{rows[0][2]},"legal_source":"interval",{looking}"metering_point":'
    after = f',"registers":[],"schema":1{series},"spans":[{spans}],"to":{end},"zone":{zone}}}'
    return before, after.encode()


def _texts(column: pa.DictionaryArray) -> list[str]:
    """Canonical JSON of the values of a dictionary; of null, whose code is -1, at the end."""
    values = column.dictionary
    known = (values.cast(pa.string()) if pa.types.is_date(values.type) else values).to_pylist()
    return [*(canonical(value).decode() for value in known), "null"]


def _raw(column: pa.DictionaryArray) -> list[str]:
    """Texts that are canonical JSON already."""
    return [*column.dictionary.to_pylist(), "null"]


def _text(name: str) -> str:
    return canonical(name).decode() if _ESCAPED.search(name) else f'"{name}"'
